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

/* A vector that rows are normed or moved by. */
struct wf_net__vector {
    size_t at;      /* in the flat arrays; WF_NET__NONE: frozen, or absent */
    const float *p; /* NULL: absent */
    float *grad;    /* NULL: frozen */
};

/* A matrix [n_out, n_in]: learning, or a stored one with or without an adapter beside it. */
struct wf_net__matrix {
    size_t at;                      /* in the flat arrays; WF_NET__NONE: stored */
    const struct wf_matrix *stored; /* NULL: learning */
    size_t a, b;                    /* of its adapter; WF_NET__NONE: none */
    size_t n_in, n_out;
    size_t column; /* where its outputs begin in the group's rows */
};

/* Matrices with one input, whose outputs lie side by side in a row. Where they learn they are one
 * matrix, too: queries, keys and values; gate and up. */
struct wf_net__group {
    struct wf_net__matrix of[3];
    size_t n; /* matrices */
    size_t n_in, n_out;
    struct wf_net__vector bias; /* [n_out], where matrices learn */
};

struct wf_net__layer {
    struct wf_net__vector attn_norm, q_norm, k_norm, attn_post;
    struct wf_net__vector ffn_norm, ffn_post;
    struct wf_net__group qkv, o, gate_up, down;
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
    struct wf_net__matrix embed;
    struct wf_net__group output;
    struct wf_net__vector output_norm;
    const struct wf_weights *weights; /* of frozen matrices; NULL: none */
    uint32_t lora_rank;
    unsigned lora_on;
    float lora_scale;
    bool recomputes;
    const float *rope_factors;    /* [n_rot / 2], or NULL */
    struct wf_net__layer *layers; /* [n_layers] */
    struct wf_net__kept *kept;    /* [n_layers] */
    float *last;                  /* [n_tok, dim] what leaves the last layer */

    /* The batch at hand, and room for a step of it. */
    size_t n_tok, n_texts;
    bool trains;
    int32_t *ids;                    /* [n_tokens_max] */
    uint32_t *positions;             /* [n_tokens_max] within their text */
    uint32_t *starts;                /* [n_tokens_max + 1] */
    uint16_t *marks;                 /* [n_tokens_max] 0 where a batch has none */
    size_t marks_at;                 /* their head; WF_NET__NONE: no marks */
    float *hidden;                   /* [n_tok, dim] */
    float *h, *y, *dx, *dh;          /* [n_tok, dim] */
    float *act;                      /* [n_tok, widest n_ff] */
    float *turned, *d_qkv;           /* [n_tok, widest n_qkv]; turned where heads are normed only */
    float *d_att;                    /* [n_tok, widest n_att] */
    float *inner;                    /* [n_tok, lora_rank] */
    float *band;                     /* rows of a stored matrix, as floats */
    float *angles[2];                /* [n_text_max, n_rot] of full and of windowed layers */
    float *angles_back[2];           /* the same, turning back */
    struct wf_net__scratch *scratch; /* [members] */
};

/* Lists what learns, makes the flat arrays and fills them. Errors: NOMEM, UNSUPPORTED. */
int wf_net__table(struct wf_net *n, const struct wf_net_options *o, struct wf_err *err) WF_MUST_USE;
/* What a model's weights show of it: what it has, its factors of turning. */
void wf_net__look(struct wf_net *n);
/* Lays out layers and counts values only. Errors: NOMEM. */
int wf_net__sizes(struct wf_net *n, const struct wf_net_options *o);

/* Rows of x and y lie n_in and n_out (of the group) floats apart.
 * y [n_rows, n_out] = x [n_rows, n_in] W^T + bias. */
void wf_net__multiply(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                      const float *x, float *y);
/* dx [n_rows, n_in] = dy [n_rows, n_out] W. */
void wf_net__multiply_back(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                           const float *dy, float *dx);
/* Gradients of what learns of the group += those of dy and x. */
void wf_net__weight_grad(struct wf_net *n, const struct wf_net__group *g, size_t n_rows,
                         const float *dy, const float *x);

/* Floats of a stored matrix that are unpacked at once. */
#define WF_NET__BAND ((size_t)1 << 22)

/* Calls fn for bands of the batch's tokens, one a member: tokens [from, to). */
typedef void (*wf_net__fn)(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part);
void wf_net__each(struct wf_net *n, wf_net__fn fn, const void *ud);

/* y = norm(x), rows of dim. */
void wf_net__norm(struct wf_net *n, const struct wf_net__vector *weight, const float *x, float *y);
/* The weight's gradient, and dx = (or +=) d loss / dx; dx may be dy. */
void wf_net__norm_back(struct wf_net *n, const struct wf_net__vector *weight, const float *x,
                       const float *dy, bool adds, float *dx);
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

/* Layer i's halves: from kept x to mid, and from there to the next layer's x. */
void wf_net__attention_half(struct wf_net *n, size_t i);
void wf_net__feed_forward_half(struct wf_net *n, size_t i);

/* Begins and ends what counts as `what`. */
uint64_t wf_net__now(void);
void wf_net__took(struct wf_net *n, enum wf_net_time what, uint64_t since);

#endif
