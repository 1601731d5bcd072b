/* Chat templates: messages as the text a model was trained on, by the Jinja template that its file
 * brings along.
 *
 * The language is that of Jinja 3.1 as chat templates are run elsewhere: blocks trimmed, loop
 * controls, an immutable sandbox, and of extras raise_exception, strftime_now and a tojson that
 * leaves characters as they are. Inheritance, includes, imports, cycler, joiner and lipsum are
 * absent.
 * Templates come from strangers: steps, depth and memory are limited.
 * Threads: any may render a compiled template at the same time. */
#ifndef WF_MODEL_TEMPLATE_H
#define WF_MODEL_TEMPLATE_H

#include <jansson.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct wf_template;

/* Reads a template; source need not outlive it. *out is owned by the caller, until
 * wf_template_free. Errors: FORMAT (with the line), LIMIT, NOMEM. */
int wf_template_compile(struct wf_str source, struct wf_template **out,
                        struct wf_err *err) WF_MUST_USE;
/* The same without {% generation %}, a mark for training that Jinja alone does not know. */
int wf_template_compile_plain(struct wf_str source, struct wf_template **out,
                              struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_template_free(struct wf_template *t);

/* Appends what the template makes of an object of variables (messages, tools, bos_token, ...);
 * `now` is what strftime_now formats, in local time. Errors: FORMAT (an operation that fails, also
 * raise_exception; with the line), LIMIT, NOMEM; out may then hold a part. */
int wf_template_render(const struct wf_template *t, const json_t *variables, time_t now,
                       struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
