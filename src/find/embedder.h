/* Embedder: what makes vectors of texts, and reads them with a question, as find/ sees it. A lens
 * is behind it (find/lens_embedder.h), tests and benches have others. */
#ifndef WF_FIND_EMBEDDER_H
#define WF_FIND_EMBEDDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "find/fuse.h"
#include "store/vector.h"

/* Calls may come from several threads at once. */
struct wf_embedder {
    /* Which it is: a text that changes whenever its vectors do, 1 to WF_VECTOR_LENS_BYTES_MAX
     * bytes, and the values of a vector, at most WF_VECTOR_DIM_MAX. Errors: UNSUPPORTED: there is
     * none, and it is no use to ask again. */
    int (*identify)(void *ud, char out_lens[WF_VECTOR_LENS_BYTES_MAX + 1], size_t *out_dim,
                    struct wf_err *err);
    /* Vectors of n texts (valid UTF-8), of length 1, into out [n, dim]. Errors: its own. */
    int (*embed)(void *ud, const struct wf_str *texts, size_t n, bool are_questions, float *out,
                 struct wf_err *err);
    /* Reads n texts with the question: how far they answer it, into out [n]. NULL, or UNSUPPORTED:
     * it cannot. Errors: its own. */
    int (*judge)(void *ud, struct wf_str question, const struct wf_str *texts, size_t n,
                 struct wf_evidence *out, struct wf_err *err);
    /* What its vectors and judgements count beside words; after identify. NULL: the defaults. */
    void (*weights)(void *ud, struct wf_fuse_weights *out);
    void *ud;
};

#endif
