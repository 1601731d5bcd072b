/* Net: the transformer of model/, with gradients.
 *
 * The same network that model/transformer runs, of the same struct wf_params, over packed batches
 * of whole texts (no padding): forward keeps what backward needs, backward adds to the gradients. A
 * text sees itself only; causal or not as the parameters say. Two uses: trained wholly (float32
 * weights of its own: lens, and decoders from nothing), or frozen (weights stay quantised in a
 * mapped file, only the adapters' matrices learn). Written by hand in the manner of llm.c; checked
 * against finite differences, a float64 reference, and model/transformer's own outputs.
 *
 * Numbers that learn ("parameters") lie in one flat array, gradients in another of the same order,
 * so that an optimiser, a checkpoint and a reduction over ranks are one loop each. Deterministic
 * for a seed and a number of threads. Threads: owner. */
#ifndef WF_TRAIN_NET_H
#define WF_TRAIN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/gemm.h"
#include "model/gguf.h"
#include "model/params.h"
#include "model/weights.h"
#include "os/gang.h"

struct wf_net;

/* One named matrix or vector that learns; names are those of the GGUF (token_embd.weight,
 * blk.0.attn_q.weight, ...), so that a checkpoint is found again by name. */
struct wf_net_tensor {
    char name[64];
    size_t offset;       /* into the flat arrays */
    uint32_t rows, cols; /* [rows, cols]; a vector has rows 1 */
    bool decays;         /* weight decay applies (matrices, not norms) */
};

/* A matrix that does not belong to the transformer but learns with it: a head. */
struct wf_net_head {
    const char *name; /* of its tensor, e.g. "lens.entity.weight" */
    uint32_t rows, cols;
    float init; /* standard deviation of the normal distribution it starts from; 0: zeros */
    bool decays;
};

/* What a network has that its parameters do not say (a model file shows it by its tensors). */
#define WF_NET_QKV_BIAS (1u << 0)  /* queries, keys and values have biases */
#define WF_NET_QK_NORM (1u << 1)   /* heads of queries and keys are normed */
#define WF_NET_POST_NORM (1u << 2) /* what a half adds is normed */
#define WF_NET_OUTPUT (1u << 3)    /* an output matrix of its own, output.weight */

/* Matrices of a layer that an adapter learns beside. */
#define WF_NET_LORA_Q (1u << 0)
#define WF_NET_LORA_K (1u << 1)
#define WF_NET_LORA_V (1u << 2)
#define WF_NET_LORA_O (1u << 3)
#define WF_NET_LORA_GATE (1u << 4)
#define WF_NET_LORA_UP (1u << 5)
#define WF_NET_LORA_DOWN (1u << 6)
#define WF_NET_LORA_ALL 0x7fu

struct wf_net_options {
    size_t n_threads;       /* 0: as many as processors */
    enum wf_gemm_kind kind; /* of products */
    unsigned has;           /* WF_NET_*; with weights they say it */
    size_t n_tokens_max;    /* of one batch */
    size_t n_text_max;      /* tokens of one text; 0: the model's context, or n_tokens_max */
    float dropout;          /* of what each half of a layer adds; while training only */
    uint64_t seed;
    const struct wf_net_head *heads; /* [n_heads], borrowed for the call */
    size_t n_heads;

    /* A model's weights to start from (copied), or NULL: random ones. With lora_rank they stay
     * where they are, in whatever format, and must outlive the network; only the adapter (Hu et
     * al. 2021; TENSOR.lora_a [rank, n_in] and TENSOR.lora_b [n_out, rank], which begins at 0) and
     * heads learn then. */
    const struct wf_weights *weights;
    uint32_t lora_rank;
    float lora_alpha; /* the adapter is multiplied by alpha / rank; 0: by 1 */
    unsigned lora_on; /* WF_NET_LORA_* */
    bool recomputes;  /* keeps what comes into layers only: far less memory, a third slower */
};

/* A network of these parameters. p must outlive it. Errors: NOMEM, BUSY, UNSUPPORTED (a family
 * whose gradients are not known: says which parts have none). */
int wf_net_new(const struct wf_params *p, const struct wf_net_options *o, struct wf_net **out,
               struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_net_free(struct wf_net *n);

/* What learns: the table, and the flat arrays [n_values]. Heads come last, in their order. */
const struct wf_net_tensor *wf_net_tensors(const struct wf_net *n, size_t *out_n);
const struct wf_net_tensor *wf_net_find(const struct wf_net *n, const char *name);
size_t wf_net_n_values(const struct wf_net *n);
float *wf_net_values(struct wf_net *n);
float *wf_net_grads(struct wf_net *n);
void wf_net_zero_grads(struct wf_net *n);
const struct wf_params *wf_net_params(const struct wf_net *n);
enum wf_gemm_kind wf_net_kind(const struct wf_net *n);
struct wf_gang *wf_net_gang(struct wf_net *n);
/* For products with up to n_tokens_max rows and any of the network's matrices, heads too. */
struct wf_gemm_room *wf_net_room(struct wf_net *n);

/* Texts one behind the other: text i is ids[starts[i], starts[i + 1]), starts has n_texts + 1.
 * What is known of tokens beside their ids may be told with them: for bit k of marks[t], row k of
 * a head of the width of the network is added to what comes in for token t, and learns. */
struct wf_net_batch {
    const int32_t *ids;
    const uint32_t *starts;
    size_t n_texts;
    const uint16_t *marks;  /* [n_tok]; NULL: none */
    const char *marks_head; /* the head's tensor; with marks */
};

/* Runs the batch. What it gives, [n_tok, dim] after the last norm, is the net's until the next
 * call. With `trains` dropout is on and what backward needs is kept. Errors: RANGE (an id, a text
 * longer than n_text_max, none or more tokens than n_tokens_max, starts that do not rise, a mark
 * without a row). */
int wf_net_forward(struct wf_net *n, const struct wf_net_batch *b, bool trains,
                   const float **out_hidden, struct wf_err *err) WF_MUST_USE;

/* Adds to the gradients what d_hidden [n_tok, dim] (d loss / d hidden of the last forward) says.
 * Once for each forward with `trains`: it uses up what was kept. */
void wf_net_backward(struct wf_net *n, const float *d_hidden);

/* Dropout of the next training forward is that of number i (they count from 0 by themselves), so
 * that a run that was broken off goes on as it would have. */
void wf_net_set_count(struct wf_net *n, uint64_t i);

/* Where the time went, in nanoseconds since the network was made. */
enum wf_net_time {
    WF_NET_TIME_PRODUCTS, /* forward, and backward to the input */
    WF_NET_TIME_WEIGHTS,  /* products that make the weights' gradients */
    WF_NET_TIME_ATTENTION,
    WF_NET_TIME_ROWS, /* norms, turning, activations, sums */
    WF_NET_TIME_EMBED,
    WF_NET_TIME_COUNT,
};
uint64_t wf_net_time_ns(const struct wf_net *n, enum wf_net_time what);

/* How many values of such a network learn; 0 without memory to count them. And the bytes that it
 * takes, gradients and all; UINT64_MAX then. */
uint64_t wf_net_count(const struct wf_params *p, const struct wf_net_options *o);
uint64_t wf_net_bytes(const struct wf_params *p, const struct wf_net_options *o);

#endif
