/* Looked: what a model read, and what it wrote from that, with what is flagged there. Thread rule:
 * owner. */
#ifndef WF_OP_LOOKED_H
#define WF_OP_LOOKED_H

#include <jansson.h>

#include "op/op.h"

struct wf_looked {
    struct wf_str question;    /* the person's words */
    const struct wf_str *read; /* [n_read] sentences of documents */
    size_t n_read;
    struct wf_str answer; /* "": none was written */
};

/* Adds "flagged" to an object where there is something: {"answer": {"link": 1}, "documents":
 * {"instruction": 2}, "instructions": ["the words", at most five]}, by the names of
 * privacy/inbound.h; {"unscanned": true} in its place where nobody could look. Nothing without
 * rules (ctx->inbound NULL). Errors: NOMEM. */
int wf_op_look(const struct wf_op_context *ctx, const struct wf_looked *l, json_t *object,
               struct wf_err *err) WF_MUST_USE;

/* How often a document's text speaks to a model, or has what nobody sees: 0 without rules;
 * SIZE_MAX: nobody could look. Errors: NOMEM. */
int wf_op_look_at_text(const struct wf_op_context *ctx, struct wf_str text, size_t *out_n,
                       struct wf_err *err) WF_MUST_USE;

#endif
