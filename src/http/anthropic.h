/* Anthropic's Messages API, converted: its JSON to an engine's request, an engine's events to its
 * JSON. Pure: no connection, no engine. Only http/ includes this. Threads: any; a writer by its
 * owner. */
#ifndef WF_HTTP_ANTHROPIC_H
#define WF_HTTP_ANTHROPIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

/* "system" and "messages" of a request as messages in OpenAI's form (a new reference). Neighbours
 * of one role become one message, tool results messages of their own. *out_continue: the last
 * message is the beginning of the answer. Errors: INVAL (the sentence begins with the place),
 * UNSUPPORTED (what weft cannot read), LIMIT, NOMEM. */
int wf_anthropic_messages(const json_t *body, json_t **out, bool *out_continue,
                          struct wf_err *err) WF_MUST_USE;

/* "tools" and "tool_choice": *out_tools a new reference to an array in OpenAI's form, or NULL where
 * there are none; out->tools and out->name point into it and into body. Errors: INVAL, UNSUPPORTED
 * (tools that only Anthropic's servers have), NOMEM. */
int wf_anthropic_tools(const json_t *body, json_t **out_tools, struct wf_tool_rules *out,
                       struct wf_err *err) WF_MUST_USE;

/* What "thinking" asks for. */
struct wf_anthropic_thinking {
    bool enabled; /* thoughts become blocks */
    bool omitted; /* ... without their text */
};

/* Reads "thinking" and "output_config.effort" into *out and into *out_vars, an object of variables
 * for the chat template (a new reference). Errors: INVAL, NOMEM. */
int wf_anthropic_thinking(const json_t *body, struct wf_anthropic_thinking *out, json_t **out_vars,
                          struct wf_err *err) WF_MUST_USE;

/* Sends one event of a stream; `data` is taken over (NULL: out of memory). Another result than 0,
 * with err set, ends the writing. */
typedef int (*wf_anthropic_emit)(void *ud, const char *event, json_t *data, struct wf_err *err);

/* Where an answer is: block after block. */
struct wf_anthropic_writer {
    wf_anthropic_emit emit; /* NULL: the blocks are gathered for one message */
    void *ud;
    struct wf_anthropic_thinking thinking;
    const char *id;    /* of the message; borrowed */
    const char *model; /* borrowed */
    size_t n_max;      /* max_tokens */

    enum wf_anthropic_block {
        WF_BLOCK_NONE,
        WF_BLOCK_TEXT,
        WF_BLOCK_THINKING,
        WF_BLOCK_TOOL
    } _block; /* the open one */
    size_t _i_block;
    json_t *_content;    /* finished blocks, when gathered */
    json_t *_open;       /* the open block, when gathered */
    struct wf_buf _text; /* its text or arguments */
    enum wf_gen_finish _finish;
    struct wf_buf _stop; /* the stop sequence that was met */
};

/* The members in front of `_block` are set; makes the rest ready. Errors: NOMEM. */
int wf_anthropic_writer_init(struct wf_anthropic_writer *w, struct wf_err *err) WF_MUST_USE;
void wf_anthropic_writer_deinit(struct wf_anthropic_writer *w);

/* The stream's beginning. As wf_anthropic_write. */
int wf_anthropic_begin(struct wf_anthropic_writer *w, const struct wf_gen_usage *usage,
                       struct wf_err *err) WF_MUST_USE;
/* One event of the engine. Errors: those of emit, LIMIT, NOMEM. */
int wf_anthropic_write(struct wf_anthropic_writer *w, const struct wf_gen_event *e,
                       struct wf_err *err) WF_MUST_USE;
/* The end: closes the stream, or (gathering) gives the message, a new reference, in *out. */
int wf_anthropic_end(struct wf_anthropic_writer *w, const struct wf_gen_usage *usage, json_t **out,
                     struct wf_err *err) WF_MUST_USE;

/* A page of `all` (an array of objects with an "id", borrowed): at most `limit` behind the one with
 * the id `after`, or before the one with the id `before` (NULL: neither). A new reference; NULL out
 * of memory. */
json_t *wf_anthropic_page(const json_t *all, size_t limit, const char *after, const char *before);

#endif
