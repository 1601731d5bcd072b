/* Linear write: tables of linear judges into a lens file. Threads: owner. */
#ifndef WF_TRAIN_LINEAR_WRITE_H
#define WF_TRAIN_LINEAR_WRITE_H

#include <stddef.h>

#include "base/err.h"
#include "model/gguf_write.h"
#include "train/linear_judge.h"
#include "train/linear_set.h"

#define WF_LINEAR_SETS_MAX 16

/* What is written of one set. */
struct wf_linear_judged {
    const char *name;                /* of the set */
    const struct wf_linear_set *set; /* packed */
    struct wf_linear_scales scales;
};

/* Writes a copy of `into` to `path` (which may be the file that it was read from), with these
 * tables in place of what it had of those sets. A set that the file has no head for gets its labels
 * as well. Errors: those of model/gguf_write.h. */
int wf_linear_write(const struct wf_gguf *into, const struct wf_linear_judged *sets, size_t n,
                    const char *path, struct wf_err *err) WF_MUST_USE;

/* A table of "intent.SET" or "sensitivity": entries, and tensors that are declared; what those
 * hold, in its turn, after wf_gguf_writer_begin. Errors: of wf_gguf_writer_write. */
void wf_linear_put_table(struct wf_gguf_writer *w, const char *of,
                         const struct wf_lens_linear_parts *p);
int wf_linear_write_table(struct wf_gguf_writer *w, const struct wf_lens_linear_parts *p,
                          struct wf_err *err) WF_MUST_USE;

#endif
