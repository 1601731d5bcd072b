/* Mixes: which data type each tensor of a model gets when it is quantised "to Q4_K_M".
 *
 * A mix is a base type and exceptions: what hurts most when it is coarse (the output matrix, values
 * and down projections of some layers) gets a finer type. The rules are llama.cpp's, so that a file
 * made here is what its name promises elsewhere. Threads: any. */
#ifndef WF_MODEL_MIX_H
#define WF_MODEL_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "kern/dtype.h"

struct wf_mix {
    const char *name;   /* "Q4_K_M", "F16" */
    uint32_t base;      /* enum wf_dtype_id */
    uint32_t file_type; /* general.file_type */
};

/* The row of that name in any case, or NULL; the i-th row, NULL behind the last. */
const struct wf_mix *wf_mix_by_name(const char *name);
const struct wf_mix *wf_mix_at(size_t i);

/* What the rules ask of a model. */
struct wf_mix_model {
    uint32_t n_layers;
    uint32_t n_experts; /* 0: dense */
    uint32_t n_grouped; /* query heads that share one head of keys */
    bool is_tied;       /* the embeddings are the output matrix */
    uint32_t n_values;  /* layers that have an attn_v or attn_qkv */
};

/* One tensor. */
struct wf_mix_tensor {
    struct wf_str name;
    const struct wf_dtype *type; /* as it is; F32 where it is made */
    uint32_t n_dims;
    uint64_t row;     /* its dims[0] */
    uint32_t i_value; /* of such: how many layers below have one */
};

/* The type that it gets; the one it has where it is not to be touched (vectors, norms, routers,
 * positions). Never one whose blocks do not fit its rows. */
const struct wf_dtype *wf_mix_type(const struct wf_mix *mix, const struct wf_mix_model *m,
                                   const struct wf_mix_tensor *t);

#endif
