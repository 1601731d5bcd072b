/* Lens in JSON: what is asked of it and what it answers, as docs/api.md describes.
 * Thread rule: any. */
#ifndef WF_OP_LENS_H
#define WF_OP_LENS_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/lens.h"

/* Reads {"text":..., "question":...} for one task: views into `v`. Other members are left alone.
 * Errors: INVAL (no object, a member of a wrong type, or missing for this task). */
int wf_op_lens_ask(const json_t *v, unsigned task, const char *set, struct wf_lens_ask *out,
                   struct wf_err *err) WF_MUST_USE;

/* Appends the answer to `ask` (one task's) as a JSON object. Returns wf_buf_status. */
int wf_op_lens_append(struct wf_buf *out, const struct wf_lens_ask *ask,
                      const struct wf_lens_answer *a);

#endif
