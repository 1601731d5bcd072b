/* Parameters: the numbers of one model, read out of a GGUF's metadata and checked, so that nothing
 * behind this file meets a zero, an overflow or two numbers that contradict each other.
 * Threads: any. */
#ifndef WF_MODEL_PARAMS_H
#define WF_MODEL_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/family.h"
#include "model/gguf.h"

enum wf_pooling {
    WF_POOLING_NONE = 0,
    WF_POOLING_MEAN = 1,
    WF_POOLING_CLS = 2,  /* the first token's */
    WF_POOLING_LAST = 3, /* the last token's */
    WF_POOLING_RANK = 4, /* through a classification head: a score */
};

enum wf_rope_scaling {
    WF_ROPE_SCALING_NONE,
    WF_ROPE_SCALING_LINEAR,
    WF_ROPE_SCALING_YARN,
    WF_ROPE_SCALING_LONG, /* long and short factors as tensors */
};

/* What differs between layers. */
struct wf_layer_params {
    uint32_t n_heads;    /* of queries */
    uint32_t n_kv_heads; /* 0: a short convolution */
    uint32_t n_ff;       /* width of the dense feed-forward */
    bool is_windowed;    /* sees `window` positions only */
    bool is_turned;      /* by rope */
};

struct wf_params {
    const struct wf_family *family;
    struct wf_layer_params *layers; /* [n_layers] */
    uint32_t n_layers;
    uint32_t n_vocab;
    uint32_t dim;       /* width of the residual stream */
    uint32_t head_dim;  /* of queries and keys */
    uint32_t value_dim; /* of a value head */
    uint32_t n_context; /* positions it was trained for */
    uint32_t n_rot;     /* values of a head that turn; even */
    uint32_t window;    /* positions; 0: no layer has one */
    uint32_t n_experts; /* 0: dense */
    uint32_t n_experts_used;
    uint32_t n_ff_expert; /* width of one expert */
    uint32_t n_ff_shared; /* width of the expert that is always used; 0: none */
    uint32_t conv_len;    /* taps of a short convolution; 0: none */
    uint32_t n_classes;   /* outputs of a classification head; 0: none stated */
    float norm_eps;
    float embed_scale; /* 1: none; so are the others */
    float residual_scale;
    float logit_scale;       /* logits are multiplied by it */
    float attention_scale;   /* of scores */
    float expert_scale;      /* of the experts' weights */
    float score_cap;         /* 0: none */
    float logit_cap;         /* 0: none */
    float temperature_scale; /* mistral3: queries grow with the position; 0: none */
    bool is_causal;
    enum wf_pooling pooling;
    enum wf_rope_scaling rope_scaling;
    float rope_base;
    float rope_base_window; /* of windowed layers */
    float rope_factor;      /* of the context's stretching; 1: none */
    float rope_factor_window;
    float rope_attn_factor; /* of the lengths of turned vectors */
    uint32_t rope_context;  /* positions before the stretching */
    float yarn_ext;
    float yarn_beta_fast;
    float yarn_beta_slow;
    float yarn_log_mul; /* 0: none */
};

/* Reads them. *out is owned by the caller, until wf_params_deinit. Errors: UNSUPPORTED (family,
 * rope scaling), FORMAT (missing, impossible or contradicting numbers), LIMIT, NOMEM. */
int wf_params_read(const struct wf_gguf *g, struct wf_params *out, struct wf_err *err) WF_MUST_USE;

/* Safe to call twice, and on zeroed parameters. */
void wf_params_deinit(struct wf_params *p);

/* The longest row of keys or values of any layer, and of queries. */
uint32_t wf_params_kv_dim_max(const struct wf_params *p);
uint32_t wf_params_q_dim_max(const struct wf_params *p);
uint32_t wf_params_ff_max(const struct wf_params *p);

#endif
