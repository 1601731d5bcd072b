/* Tiny adapters: LoRA files for a tiny model, and that model with the adapter melted into it. */
#ifndef WF_TESTS_TINY_ADAPTER_H
#define WF_TESTS_TINY_ADAPTER_H

#include <stdint.h>

#include "base/buf.h"
#include "model/gguf.h"

struct tiny_adapter {
    const char *family;  /* what the file says; NULL: the model's own */
    const char *kind;    /* adapter.type; NULL: "lora" */
    const char *only;    /* adapts tensors that have this in their names; "": all matrices */
    const char *extra;   /* a tensor [4] of that name besides; NULL: none */
    const char *dropped; /* a tensor of the adapter that is left out; NULL: none */
    uint32_t rank;       /* a multiple of the type's block */
    uint32_t type;       /* enum wf_dtype_id of A and B */
    float alpha;         /* 0: left out */
    uint64_t seed;
    uint64_t widened; /* added to the width of every A */
};

/* The adapter's file at the end of `out`. */
void tiny_adapter_build(const struct tiny_adapter *a, const struct wf_gguf *model,
                        struct wf_buf *out);

/* Adds scale * alpha / rank * B A to the matrices of a model's file in memory: `model` is open over
 * those bytes, all of float32, `adapter` over what tiny_adapter_build made. */
void tiny_adapter_melt(const struct wf_gguf *model, const struct wf_gguf *adapter, float scale);

#endif
