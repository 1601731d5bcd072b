/* Weights: the tensors of one model by their place in the transformer, shapes checked.
 *
 * Matrices stay where the file is mapped until they are packed (model/pack.h); vectors that are not
 * plain float32 there are unpacked once. Threads: any, once loaded. */
#ifndef WF_MODEL_WEIGHTS_H
#define WF_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "kern/dtype.h"
#include "model/gguf.h"
#include "model/params.h"

/* y [n_out] = W x [n_in] + bias; W is [n_out, n_in], rows one after the other. */
struct wf_matrix {
    const struct wf_dtype *format; /* NULL: the matrix is absent; may be packed (model/pack.h) */
    const uint8_t *data;
    uint32_t n_in;
    uint32_t n_out;
    size_t row_bytes;
    const float *bias;            /* [n_out], of an expert [n_experts, n_out]; NULL: none */
    size_t expert_bytes;          /* from one expert's matrix to the next; 0: no experts */
    uint32_t n_experts;           /* 0: no experts */
    const struct wf_matrix *next; /* which a pass reads next, where that is always the same */
};

/* Vectors are NULL, matrices without format, where a family has none. */
struct wf_layer_weights {
    const float *attn_norm, *attn_norm_bias; /* [dim] before attention (or the convolution) */
    struct wf_matrix q, k, v, o;
    const float *q_norm, *k_norm;                      /* [head_dim] */
    const float *sinks;                                /* [n_heads] */
    const float *attn_post_norm, *attn_post_norm_bias; /* [dim] behind attention */
    struct wf_matrix conv_in, conv_out;
    const float *conv;                     /* [dim, conv_len] */
    const float *ffn_norm, *ffn_norm_bias; /* [dim] before the feed-forward */
    struct wf_matrix gate, up, down;
    struct wf_matrix router; /* [n_experts, dim] */
    struct wf_matrix gate_experts, up_experts, down_experts;
    struct wf_matrix gate_shared, up_shared, down_shared;
    const float *ffn_post_norm, *ffn_post_norm_bias; /* [dim] behind the feed-forward */
};

struct wf_weights {
    struct wf_arena arena;                       /* layers, and vectors that were unpacked */
    struct wf_layer_weights *layers;             /* [n_layers] */
    struct wf_matrix embed;                      /* [n_vocab, dim] */
    struct wf_matrix positions;                  /* [n_context, dim] */
    struct wf_matrix types;                      /* [n_types, dim] */
    const float *embed_norm, *embed_norm_bias;   /* [dim] */
    const float *output_norm, *output_norm_bias; /* [dim] */
    struct wf_matrix output; /* [n_vocab, dim]; the embeddings where they are shared */
    struct wf_matrix classes_dense, classes;            /* of a classification head */
    const float *rope_factors, *rope_long, *rope_short; /* [n_rot / 2] */
    uint64_t bytes;                                     /* of all tensors that are used */
    void *packed;   /* matrices that do not lie in the file; NULL: all do */
    bool is_packed; /* all that are multiplied */
};

/* Finds and checks them. `g` must outlive *out. Errors: FORMAT (a tensor is missing or has a wrong
 * shape; the message names it), NOMEM. */
int wf_weights_load(const struct wf_gguf *g, const struct wf_params *p, struct wf_weights *out,
                    struct wf_err *err) WF_MUST_USE;

/* Calls fn for every matrix that a pass multiplies, in the order in which it meets them; the
 * embeddings only where they are the output matrix, too, as which they then come. */
typedef void (*wf_matrix_fn)(void *ud, struct wf_matrix *m);
void wf_weights_each(struct wf_weights *w, size_t n_layers, wf_matrix_fn fn, void *ud);

/* Row r of a matrix as float32 [n_in], exactly. */
void wf_matrix_row(const struct wf_matrix *m, size_t r, float *out);

/* Safe to call twice, and on zeroed weights. */
void wf_weights_deinit(struct wf_weights *w);

#endif
