/* Adapter: a LoRA file's low-rank matrices beside a model's own (Hu et al. 2021).
 *
 * An adapter never changes the model: y = W x + scale * alpha / rank * B (A x), for the parts of a
 * batch that ask for it. Threads: any, once loaded. */
#ifndef WF_MODEL_ADAPTER_H
#define WF_MODEL_ADAPTER_H

#include <stddef.h>

#include "base/err.h"

struct wf_adapter;
struct wf_gguf;
struct wf_model;

/* Opens a GGUF of type "adapter" for a model, which must outlive it; *out is owned by the caller.
 * Errors: as wf_gguf_open, FORMAT (not an adapter, a tensor without a partner or of a wrong shape),
 * UNSUPPORTED (another family's, a kind of adapter that weft does not apply), NOMEM. */
int wf_adapter_open(const struct wf_model *m, const char *path, struct wf_adapter **out,
                    struct wf_err *err) WF_MUST_USE;
/* The same over an open file, which it takes over on success. */
int wf_adapter_open_gguf(const struct wf_model *m, struct wf_gguf *g, struct wf_adapter **out,
                         struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. No batch may use it any more. */
void wf_adapter_close(struct wf_adapter *a);

/* An adapter as one part of a batch uses it. */
struct wf_adapter_use {
    const struct wf_adapter *adapter;
    float scale; /* 1: as trained */
};

#endif
