/* Messages: a conversation in OpenAI's form as the variables that a model's chat template expects.
 *
 * Templates differ in what they take: arguments as an object or as text, content that may not be
 * missing, no system messages, no tools at all. What a template does is found out by rendering a
 * few small conversations with it, once. Then what it lacks is made up for: tools are explained in
 * a system message, calls and results written as text in the model's dialect, system messages put
 * before the first user's. Threads: any. */
#ifndef WF_MODEL_MESSAGES_H
#define WF_MODEL_MESSAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/dialect.h"
#include "model/template.h"

/* What a template does with what it is given. */
struct wf_chat_style {
    bool has_system;    /* renders system messages */
    bool has_developer; /* knows the role "developer" */
    bool has_tools;     /* explains tools */
    bool has_calls;     /* renders tool_calls of the past */
    bool has_results;   /* renders messages of the role "tool" */
    bool wants_text;    /* arguments of calls as text of JSON, not as objects */
    bool wants_null;    /* content of a message with calls is null, not empty */
    bool wants_parts;   /* content is an array of parts, not text */
    bool has_thinking;  /* thoughts of the past are called "thinking" */
};

/* Finds out. `source` is the template's own. Errors: LIMIT (it takes too much), NOMEM. */
int wf_chat_style_of(const struct wf_template *t, struct wf_str source, struct wf_chat_style *out,
                     struct wf_err *err) WF_MUST_USE;

struct wf_chat {
    const json_t *messages; /* array: {role, content, reasoning_content, tool_calls,
                               tool_call_id, name} */
    const json_t *tools;    /* array, or NULL */
    const json_t *vars;     /* object of further variables, or NULL */
    struct wf_str bos, eos; /* names of these tokens */
    bool continue_last;     /* the last message (an assistant's) is the beginning of the answer */
};

/* The variables for wf_template_render: *out is a new reference. Errors: INVAL (a message is not in
 * OpenAI's form; the sentence says which), UNSUPPORTED (a part that is no text), LIMIT, NOMEM. */
int wf_messages_prepare(const struct wf_chat_style *style, const struct wf_dialect *d,
                        const struct wf_chat *chat, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Prepares, renders and appends the prompt. With continue_last it ends where the last message's
 * content does. Errors: as wf_messages_prepare and wf_template_render. */
int wf_messages_render(const struct wf_template *t, const struct wf_chat_style *style,
                       const struct wf_dialect *d, const struct wf_chat *chat, time_t now,
                       struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
