/* Lora: an adapter for a model, from a person's own texts.
 *
 * The model's weights stay as they are in their file, in whatever format; low-rank matrices beside
 * them learn to continue the texts (Hu et al. 2021). What comes of it is a GGUF adapter that
 * model/adapter applies. Layers are made again in backward, so that memory stays near to what a
 * pass takes; wf_lora_plan says how much before any of it is taken. Nothing leaves the machine.
 * Threads: owner. */
#ifndef WF_TRAIN_LORA_H
#define WF_TRAIN_LORA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "kern/gemm.h"
#include "train/net.h"

/* All zero: what stands in brackets. */
struct wf_lora_options {
    uint32_t rank;         /* [8] */
    float alpha;           /* [twice the rank] */
    unsigned on;           /* WF_NET_LORA_*, [all] */
    uint32_t text_tokens;  /* [256] texts are cut into pieces of so many */
    uint32_t batch_tokens; /* [512] of one step; at least text_tokens */
    uint32_t n_epochs;     /* [2] times that each piece is seen */
    double rate;           /* [1e-4] */
    size_t n_threads;      /* [as many as processors] */
    uint64_t seed;
    bool is_exact; /* float32 products, also where BF16 is faster */
};

struct wf_lora;

/* Opens a model's file; texts are added next. *out is owned by the caller until wf_lora_close.
 * Errors: those of wf_gguf_open, wf_params_read, wf_weights_load and wf_vocab_open; INVAL
 * (options), NOMEM. */
int wf_lora_open(const char *model, const struct wf_lora_options *o, struct wf_lora **out,
                 struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lora_close(struct wf_lora *l);

/* Adds a text, any bytes. Errors: LIMIT, NOMEM, INVAL (training has begun). */
int wf_lora_add(struct wf_lora *l, struct wf_str text, struct wf_err *err) WF_MUST_USE;

/* What training will be: the pieces, one in ten of which (none of fewer than ten) is kept aside to
 * measure by, and the memory it takes beside the file of the model, which is read where it lies. */
struct wf_lora_plan {
    size_t n_pieces, n_aside;
    uint64_t n_tokens; /* of all pieces that are learnt from, once */
    uint64_t n_steps;
    uint64_t n_values; /* that learn */
    uint64_t bytes;    /* UINT64_MAX: there was no memory to count them */
    uint64_t model_bytes;
};
void wf_lora_plan(const struct wf_lora *l, struct wf_lora_plan *out);

struct wf_lora_view {
    uint64_t step, n_steps; /* done, of so many */
    double loss;            /* of the last step, a token */
    double tokens_per_s;    /* since it began */
    double left_s;
};

/* Called while it runs; may be NULL each. */
struct wf_lora_events {
    void *ud;
    bool (*stops)(void *ud); /* asked before each step */
    void (*stepped)(void *ud, const struct wf_lora_view *v);
};

/* What was learnt: the loss a token on the pieces kept aside, before and after; NAN without any. */
struct wf_lora_result {
    double before, after;
    uint64_t n_steps; /* done */
    bool is_done;
};

/* Trains, once. Errors: NOMEM, UNSUPPORTED (a family that cannot be trained), INVAL (no text),
 * RANGE (losses are no numbers). */
int wf_lora_train(struct wf_lora *l, const struct wf_lora_events *e, struct wf_lora_result *out,
                  struct wf_err *err) WF_MUST_USE;

/* The network that learnt; NULL before wf_lora_train. */
struct wf_net *wf_lora_net(struct wf_lora *l);

/* Writes what was learnt as an adapter's GGUF. Errors: those of wf_gguf_writer_*, INVAL (nothing
 * was trained). */
int wf_lora_write(const struct wf_lora *l, const char *path, struct wf_err *err) WF_MUST_USE;

#endif
