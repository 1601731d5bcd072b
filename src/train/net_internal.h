/* What the parts of the network share. All activations are [n_tok, width] f32, a token's row after
 * the other. Threads: owner. */
#ifndef WF_TRAIN_NET_INTERNAL_H
#define WF_TRAIN_NET_INTERNAL_H

#include <stdatomic.h>

#include "kern/grad.h"
#include "kern/kern.h"
#include "model/rope.h"
#include "train/net.h"

/* No such tensor. */
#define WF_NET__NONE SIZE_MAX

/* Offsets of a layer's tensors into the flat arrays. Queries, keys and values lie one behind the
 * other and are one product, so do gate and up. */
struct wf_net__layer {
    size_t attn_norm, qkv, qkv_bias, q_norm, k_norm, o, attn_post;
    size_t ffn_norm, gate_up, down, ffn_post;
    size_t n_qkv, n_att, n_ff; /* widths */
};

/* What backward needs of a layer's forward. */
struct wf_net__kept {
    float *x;                  /* [n_tok, dim] what came in */
    float *qkv;                /* [n_tok, n_qkv], turned; raw where heads are normed */
    float *att;                /* [n_tok, n_att] */
    float *lse;                /* [n_tok, n_heads] log of the sum of exp of a row's scores */
    float *mid;                /* [n_tok, dim] behind the attention's half */
    float *gate_up;            /* [n_tok, 2 n_ff] */
    float *attn_raw, *ffn_raw; /* [n_tok, dim] before a post norm */
};

/* One member's part of a step in attention. */
struct wf_net__scratch {
    struct wf_gang *alone;     /* of one member: products within a part are its own */
    struct wf_gemm_room *room; /* for them */
    float *probs, *d_scores;   /* [WF_NET__ROWS, n_text_max] */
    float *norms;              /* [2 * widest norm] gradients of norms' weights */
};

/* Queries of a text that are met at once. */
#define WF_NET__ROWS 128

struct wf_net {
    const struct wf_params *p;
    const struct wf_kern *kern;
    const struct wf_grad *grad;
    enum wf_gemm_kind kind;
    struct wf_gang *gang;
    struct wf_gemm_room *room;
    size_t n_tokens_max, n_text_max;
    float dropout;
    unsigned has;
    uint64_t seed;
    uint64_t i_forward; /* of training forwards */
    uint64_t ns[WF_NET_TIME_COUNT];

    struct wf_net_tensor *tensors; /* [n_tensors] */
    size_t n_tensors, n_values;
    float *values, *grads; /* [n_values] */
    size_t embed, output, output_norm;
    struct wf_net__layer *layers; /* [n_layers] */
    struct wf_net__kept *kept;    /* [n_layers] */
    float *last;                  /* [n_tok, dim] what leaves the last layer */

    /* The batch at hand, and room for a step of it. */
    size_t n_tok, n_texts;
    bool trains;
    int32_t *ids;                    /* [n_tokens_max] */
    uint32_t *positions;             /* [n_tokens_max] within their text */
    uint32_t *starts;                /* [n_tokens_max + 1] */
    float *hidden;                   /* [n_tok, dim] */
    float *h, *y, *dx, *dh;          /* [n_tok, dim] */
    float *act;                      /* [n_tok, widest n_ff] */
    float *turned, *d_qkv;           /* [n_tok, widest n_qkv]; turned where heads are normed only */
    float *d_att;                    /* [n_tok, widest n_att] */
    float *angles[2];                /* [n_text_max, n_rot] of full and of windowed layers */
    float *angles_back[2];           /* the same, turning back */
    struct wf_net__scratch *scratch; /* [members] */
};

/* y [n_tok, n_out] = x [n_tok, n_in] W^T, or is added to. Both lie densely. */
void wf_net__multiply(struct wf_net *n, size_t weight, size_t n_in, size_t n_out, const float *x,
                      bool adds, float *y);
/* dx [n_tok, n_in] = dy [n_tok, n_out] W. */
void wf_net__multiply_back(struct wf_net *n, size_t weight, size_t n_in, size_t n_out,
                           const float *dy, float *dx);
/* The weight's gradient += dy^T x. */
void wf_net__weight_grad(struct wf_net *n, size_t weight, size_t n_in, size_t n_out,
                         const float *dy, const float *x);

/* Calls fn for bands of the batch's tokens, one a member: tokens [from, to). */
typedef void (*wf_net__fn)(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part);
void wf_net__each(struct wf_net *n, wf_net__fn fn, const void *ud);

/* y = norm(x) with the weight at that offset, rows of dim. */
void wf_net__norm(struct wf_net *n, size_t weight, const float *x, float *y);
/* The weight's gradient, and dx = (or +=) d loss / dx; dx may be dy. */
void wf_net__norm_back(struct wf_net *n, size_t weight, const float *x, const float *dy, bool adds,
                       float *dx);
/* y += bias for every row of n values; its gradient += the sum of dy's rows. */
void wf_net__bias(struct wf_net *n, size_t bias, size_t width, float *y);
void wf_net__bias_grad(struct wf_net *n, size_t bias, size_t width, const float *dy);
/* out = x + scale * drop(y), half i_half of all; and its way back: dy = scale * drop(dx). */
void wf_net__add_half(struct wf_net *n, size_t i_half, const float *x, const float *y, float *out);
void wf_net__add_half_back(struct wf_net *n, size_t i_half, const float *dx, float *dy);
/* act = activation(gate) * up. */
void wf_net__activate(struct wf_net *n, size_t n_ff, const float *gate_up, float *act);
/* io_act: d loss / d act becomes act; io_gate_up becomes its gradient. */
void wf_net__activate_back(struct wf_net *n, size_t n_ff, float *io_gate_up, float *io_act);
/* Sums part by part what members wrote to scratch[].norms into a gradient. */
void wf_net__sum_norms(struct wf_net *n, size_t at, size_t width, float *grad);

/* Norms and turns queries and keys, and scales queries by what scores are scaled by: qkv to out,
 * which may be the same. */
void wf_net__place(struct wf_net *n, size_t i_layer, const float *qkv, float *out);
/* io_d: gradient of placed queries and keys becomes that of raw ones. */
void wf_net__place_back(struct wf_net *n, size_t i_layer, const float *qkv, float *io_d);

/* att, lse from placed qkv; d_qkv from d_att. */
void wf_net__attend(struct wf_net *n, size_t i_layer, const float *qkv, float *att, float *lse);
void wf_net__attend_back(struct wf_net *n, size_t i_layer, const float *qkv, const float *lse,
                         const float *d_att, float *d_qkv);

/* Begins and ends what counts as `what`. */
uint64_t wf_net__now(void);
void wf_net__took(struct wf_net *n, enum wf_net_time what, uint64_t since);

#endif
