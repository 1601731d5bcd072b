/* OpenAI's API: what its calls share. Only http/ includes this. Threads: the worker that answers.
 */
#ifndef WF_HTTP_OPENAI_H
#define WF_HTTP_OPENAI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/engine.h"
#include "http/face.h"

/* Checks messages and makes them the engine's: texts instead of parts, `developer` as `system`;
 * fields that are no API's are listed as ignored. `name` is the parameter they came in. Errors:
 * INVAL (the sentence names the message), NOMEM. */
int wf_openai_read_messages(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                            const json_t *messages, struct wf_err *err) WF_MUST_USE;

/* Tools of chat completions (function objects) into q->tools. Errors: INVAL, NOMEM. */
int wf_openai_read_tools(struct wf_face_call *c, struct wf_gen_request *q, const json_t *tools,
                         struct wf_err *err) WF_MUST_USE;
/* The choice among q->tools: "auto", "none", "required", one function, or "allowed_tools". NULL:
 * auto. `nested` true: a name stands within "function", as in chat completions. */
int wf_openai_read_tool_choice(struct wf_face_call *c, struct wf_gen_request *q,
                               const json_t *choice, bool nested, struct wf_err *err) WF_MUST_USE;
/* response_format, or text.format of responses (`nested` false: the schema stands beside the type).
 */
int wf_openai_read_format(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                          const json_t *format, bool nested, struct wf_err *err) WF_MUST_USE;
/* reasoning_effort, for the chat template. */
int wf_openai_read_effort(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                          const json_t *v, struct wf_err *err) WF_MUST_USE;
/* The n_max of a request: a whole number from 1; -1: as many as fit. */
int wf_openai_read_max(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err) WF_MUST_USE;
/* What no engine could do: a grammar beside a schema, and the like. */
int wf_openai_check(struct wf_face_call *c, const struct wf_gen_request *q,
                    struct wf_err *err) WF_MUST_USE;

/* The usage object of chat completions and completions. NULL out of memory. */
json_t *wf_openai_usage(const struct wf_gen_usage *u);

/* ---- routes ---- */
void wf_handle_openai_chat(struct wf_request *r);
void wf_handle_release(struct wf_request *r);
void wf_handle_openai_completions(struct wf_request *r);
void wf_handle_openai_embeddings(struct wf_request *r);
void wf_handle_openai_rerank(struct wf_request *r);
void wf_handle_openai_models(struct wf_request *r);
void wf_handle_openai_model(struct wf_request *r);
void wf_handle_openai_responses(struct wf_request *r);
void wf_handle_openai_response_get(struct wf_request *r);
void wf_handle_openai_response_delete(struct wf_request *r);

#endif
