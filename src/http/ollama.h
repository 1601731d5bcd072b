/* Ollama's API, converted: its JSON to an engine's request, an engine's events to its JSON. Pure:
 * no connection, no engine. Only http/ includes this. Threads: any; a writer by its owner. */
#ifndef WF_HTTP_OLLAMA_H
#define WF_HTTP_OLLAMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

/* Ollama's messages (array, borrowed) in OpenAI's form, a new reference: arguments become texts,
 * calls get ids, and results the ids of the calls before them; pictures become parts. Errors:
 * INVAL, LIMIT, NOMEM. */
int wf_ollama_messages(const json_t *messages, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Puts pictures (an array of base64, NULL or null: none) behind the text of a user's message.
 * Errors: INVAL, LIMIT, NOMEM. */
int wf_ollama_add_images(json_t *io_message, const json_t *images, struct wf_err *err) WF_MUST_USE;

/* A keep_alive (number of seconds, or a duration as base/duration.h has it; NULL or null: the
 * setting) as wf_load has it. Errors: INVAL. */
int wf_ollama_keep_alive(const json_t *v, int64_t *out_s, struct wf_err *err) WF_MUST_USE;

/* "think": true, false or a level. *out_show: thoughts are wanted; adds variables of the chat
 * template to `vars`. NULL or null: as the model likes. Errors: INVAL, NOMEM. */
int wf_ollama_think(const json_t *v, bool *out_show, json_t *vars, struct wf_err *err) WF_MUST_USE;

/* "format": "json" or a schema, as a schema (a new reference); NULL where none is asked for.
 * Errors: INVAL, NOMEM. */
int wf_ollama_format(const json_t *v, json_t **out, struct wf_err *err) WF_MUST_USE;

/* The `context` of /api/generate: the conversation so far as whole numbers, which clients send back
 * unread. Ollama's are the tokens; here it is the messages themselves, three bytes a number behind
 * one that says so, since messages can be rendered anew with the next one and found in the prefix
 * cache all the same. A new reference, or NULL out of memory. */
json_t *wf_ollama_context_write(const json_t *messages);
/* Reads it: messages in OpenAI's form, a new reference. Errors: INVAL (not one of weft's), NOMEM.
 */
int wf_ollama_context_read(const json_t *context, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Sends one line of a stream, which is taken over (NULL: out of memory). Another result than 0,
 * with err set, ends the writing. */
typedef int (*wf_ollama_emit)(void *ud, json_t *line, struct wf_err *err);

/* Where an answer is. */
struct wf_ollama_writer {
    wf_ollama_emit emit; /* NULL: everything is gathered for one object */
    void *ud;
    bool is_chat; /* /api/chat: a message; else /api/generate: a response */
    bool shows_thoughts;
    bool wants_logprobs;
    const char *model;          /* as the request named it; borrowed */
    int64_t start_ns;           /* when the request came, on the monotonic clock */
    const json_t *context_base; /* messages that `context` shall hold before the answer, or NULL */

    struct wf_buf _text, _thought; /* gathered */
    struct wf_buf _call_name, _call_id, _arguments;
    bool _in_call;
    json_t *_calls;    /* finished, when gathered */
    json_t *_logprobs; /* gathered */
    size_t _n_calls;
    enum wf_gen_finish _finish;
};

/* The members in front of `_text` are set; makes the rest ready. Errors: NOMEM. */
int wf_ollama_writer_init(struct wf_ollama_writer *w, struct wf_err *err) WF_MUST_USE;
void wf_ollama_writer_deinit(struct wf_ollama_writer *w);
/* One event of the engine. Errors: those of emit, LIMIT, NOMEM. */
int wf_ollama_write(struct wf_ollama_writer *w, const struct wf_gen_event *e,
                    struct wf_err *err) WF_MUST_USE;
/* The last line, or the whole answer: a new reference in *out. Errors: as wf_ollama_write. */
int wf_ollama_end(struct wf_ollama_writer *w, const struct wf_gen_usage *usage, json_t **out,
                  struct wf_err *err) WF_MUST_USE;
/* The answer to a request that only loads or unloads ("load", "unload"). A new reference. */
json_t *wf_ollama_loaded(const struct wf_ollama_writer *w, const char *reason);

#endif
