/* Quantising: a model file written anew with its matrices in another mix of data types.
 * Threads: any; uses as many processors as there are. */
#ifndef WF_MODEL_QUANTIZE_H
#define WF_MODEL_QUANTIZE_H

#include <stdint.h>

#include "base/err.h"
#include "model/gguf.h"
#include "model/mix.h"

/* Called now and then with the bytes of the input that are done, and all of them; false ends the
 * work with CANCELED. */
struct wf_progress {
    bool (*tell)(void *ud, uint64_t done, uint64_t total);
    void *ud;
};

struct wf_quantized {
    uint64_t bytes_in, bytes_out; /* of tensors */
    size_t n_changed;             /* tensors that have another type now */
    size_t n_again;               /* of those, ones that were quantised before: they lose twice */
};

/* Writes the model `g` to `path`, replacing what is there, when all is written; embeddings in a
 * type of their own where that is not NULL and fits their rows. *out may be NULL, as may p. Errors:
 * those of wf_gguf_writer_*, NOMEM, BUSY (no threads), CANCELED. */
int wf_quantize(const struct wf_gguf *g, const struct wf_mix *mix,
                const struct wf_dtype *embeddings, const char *path, const struct wf_progress *p,
                struct wf_quantized *out, struct wf_err *err) WF_MUST_USE;

#endif
