/* What the parts of the transformer share: the runner's buffers and the steps of a layer. All
 * activations are [n_tok, width] f32, a token's row after the other. Threads: owner. */
#ifndef WF_MODEL_TRANSFORMER_INTERNAL_H
#define WF_MODEL_TRANSFORMER_INTERNAL_H

#include "model/rope.h"
#include "model/transformer.h"
#include "model/weights.h"
#include "os/gang.h"
#include "os/power.h"
#include "os/throttle.h"

struct wf_model {
    struct wf_gguf *gguf;
    struct wf_params params;
    struct wf_weights weights;
};

/* Where one token of the batch belongs. */
struct wf_place {
    struct wf_seq *seq; /* NULL in an encoder's batch */
    uint32_t position;
    uint32_t i_first; /* the first token of the same part in this batch */
    uint32_t n_part;  /* tokens of the part */
    uint32_t i_part;
    uint32_t i_key, n_keys; /* an encoder's rows of keys and values that the token sees */
    bool is_wanted; /* what leaves the last layer; a part's wanted tokens lie side by side */
};

struct wf_runner {
    const struct wf_model *model;
    const struct wf_params *p;
    const struct wf_kern *kern;
    enum wf_act act;
    struct wf_gang *gang;
    struct wf_throttle
        throttles[2];             /* of passes of few and of many tokens, see transformer_gang.c */
    int64_t *times;               /* [2, n_threads] of the gang, before a pass and behind it */
    int64_t begun_ns;             /* the pass that runs; monotonic */
    const struct wf_power *power; /* NULL: not known */
    int64_t power_ns;             /* when it was read */
    bool is_fixed, is_on_battery; /* is_fixed: all threads always work */
    struct wf_kv *kv;             /* NULL for encoders */
    size_t n_context, n_batch;
    size_t bytes; /* of the buffers below */

    size_t n_tok;                             /* of the batch that runs */
    _Atomic(const struct wf_matrix *) coming; /* that the pass reads next; NULL: not known */
    size_t n_written; /* tokens of the batch, the first ones, whose products go the way of few, see
                         wf_kern.n_wide; the others' go that of many */
    const struct wf_batch_part *parts; /* of the batch, while one of them has adapters; else NULL */
    const uint32_t *row_tokens; /* which token each row of a product is; NULL: the i-th one */
    struct wf_place *places;    /* [n_batch] */
    const struct wf_encode_marks *marks; /* of the batch; NULL: none */
    float *x;                            /* [n_batch, dim] the residual stream */
    float *h;                            /* [n_batch, dim] after a norm */
    float *y;                            /* [n_batch, dim] what a layer's half adds */
    float *q;                            /* [n_batch, q dim] */
    float *k, *v;                        /* [n_batch, kv dim] */
    float *att;            /* [n_batch, q dim], or [n_batch, 3 dim] of a convolution */
    float *gate, *up;      /* [n_batch, widest feed-forward] */
    float *probs;          /* [n_batch, n_experts] */
    uint32_t *chosen;      /* [n_batch, n_experts_used] */
    float *chosen_weight;  /* the same shape */
    uint32_t *expert_rows; /* [n_batch] tokens of the expert at work, or whose logits are made */
    float *expert_weight;  /* [n_batch] */
    float *expert_in;      /* [n_batch, dim] their rows */
    float *expert_out;     /* [n_batch, dim] */
    uint8_t *prepared;     /* [n_batch] activation rows as a matrix wants them, on a cache line */
    uint8_t *prepared_room;
    float *tiles;         /* [n_threads, wf_transformer__tile_floats] of attention */
    uint32_t *tile_first; /* [n_batch] first tokens of its tiles */
    float *partials;      /* [n_partials] sums of chunks of few rows that see much */
    size_t n_partials;
    float *angles[2];       /* [n_batch, n_rot] of full and of windowed layers */
    double *frequencies[2]; /* [n_rot / 2] */
    float *turns;           /* [n_context, n_rot] angles of all positions, where they are kept */
    float turned_length[2];
};

/* One product of a step: out [n_tok, ld] = x W^T + bias. */
struct wf_product {
    const struct wf_matrix *matrix;
    size_t i_expert; /* of a matrix of experts */
    float *out;
    size_t ld;
};

/* RANGE when an id is not in the vocabulary. */
int wf_transformer__check_ids(const struct wf_runner *r, const int32_t *ids, size_t n,
                              struct wf_err *err) WF_MUST_USE;

/* All layers over the batch in places[0, n_tok); x then holds what leaves the last one, of the
 * tokens that are wanted: places and n_tok are theirs then. */
int wf_transformer__run(struct wf_runner *r, const int32_t *ids, const atomic_bool *stop,
                        struct wf_err *err) WF_MUST_USE;

/* ---- transformer_gang.c: how many members of the gang a pass has ---- */

/* A pass of n_tok tokens begins, and has ended (done: it was not given up). */
void wf_transformer__begin_pass(struct wf_runner *r, size_t n_tok);
void wf_transformer__end_pass(struct wf_runner *r, size_t n_tok, bool done);

/* For wf_gang_while_waiting, ud being the runner: fetches a little of what comes next. */
void wf_transformer__fetch(void *ud, size_t i, size_t round);

/* All products with the same input x [n_tok, n_in]. */
void wf_transformer__multiply(struct wf_runner *r, const float *x, size_t n_tok,
                              const struct wf_product *products, size_t n_products);

/* Adds what the parts' adapters make of x to the products, which are done. */
void wf_transformer__adapt(struct wf_runner *r, const float *x, size_t n_tok,
                           const struct wf_product *products, size_t n_products);
/* Adds what a token's adapters know of its embedding to io_x [dim]. */
void wf_transformer__adapt_embedding(const struct wf_runner *r, size_t i_tok, int32_t id,
                                     float *io_x);

/* Norms of n_tok rows: y = norm(x), root mean square or (encoders) layer norm. y may be x. */
void wf_transformer__norm(struct wf_runner *r, const float *x, const float *weight,
                          const float *bias, size_t n_tok, float *y);

/* What stands before a half of a layer, or behind it; weight NULL: nothing. */
struct wf_norm {
    const float *weight, *bias;
};

/* What a half begins with: h = norm(x), or x itself. */
void wf_transformer__begin_half(struct wf_runner *r, struct wf_norm before);
/* x += scaled y; the norm behind is y's in decoders, and the sum's in encoders. Then the next half
 * begins, if there is one (else NULL): as begin_half, while a row is near. */
void wf_transformer__end_half(struct wf_runner *r, struct wf_norm behind,
                              const struct wf_norm *next);

/* Drops the tokens whose rows are not wanted, maybe all, from x, h and what is known of the batch.
 * In the last layer, once their keys, values and states are kept: nobody else looks at the rest. */
void wf_transformer__drop_unwanted(struct wf_runner *r);

/* The two halves of a layer: from r->h (decoders: normed) to r->y. Attention and convolution of the
 * last layer drop what is not wanted. */
void wf_transformer__attend(struct wf_runner *r, size_t i_layer);
void wf_transformer__convolve(struct wf_runner *r, size_t i_layer, size_t i_conv);
void wf_transformer__feed_forward(struct wf_runner *r, size_t i_layer);

/* Every token's attention over what it sees: from r->q and the pages (of encoders r->k, r->v) to
 * r->att; and the floats that a member of the gang needs for it. */
void wf_transformer__attend_tiles(struct wf_runner *r, size_t i_layer);
size_t wf_transformer__tile_floats(const struct wf_params *p);
/* Floats that are worth having for sums of chunks: one token's, wherever it stands. */
size_t wf_transformer__partial_floats(const struct wf_params *p, size_t n_context);

/* Calls fn for every token of n_tok, split among the gang. */
typedef void (*wf_token_fn)(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member);
void wf_transformer__each(struct wf_runner *r, size_t n_items, wf_token_fn fn, const void *ud);

#endif
