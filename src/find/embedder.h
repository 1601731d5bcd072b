/* Embedder: what makes vectors of texts, as find/ sees it. A lens is behind it
 * (find/lens_embedder.h), tests and benches have others. */
#ifndef WF_FIND_EMBEDDER_H
#define WF_FIND_EMBEDDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
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
    void *ud;
};

#endif
