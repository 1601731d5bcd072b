/* Transformer: one forward pass for every family, over many texts at once.
 *
 * A model (struct wf_model) is a mapped file with its parameters and weights; it never changes and
 * any number of runners may use it. A runner is one thread's workshop: buffers for a batch, a gang
 * of threads and a cache. Texts are sequences (model/kv.h) of the runner's cache; a batch adds
 * tokens to some of them and gives logits where asked. Running allocates nothing but cache pages.
 * Threads: a model by any; a runner and its sequences by the owner. */
#ifndef WF_MODEL_TRANSFORMER_H
#define WF_MODEL_TRANSFORMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/kern.h"
#include "model/adapter.h"
#include "model/gguf.h"
#include "model/kv.h"
#include "model/params.h"

struct wf_model;
struct wf_power;

/* Opens a model file. *out is owned by the caller, until wf_model_close. Errors: as wf_gguf_open,
 * wf_params_read and wf_weights_load. */
int wf_model_open(const char *path, struct wf_model **out, struct wf_err *err) WF_MUST_USE;
/* The same over an open file, which it takes over on success. */
int wf_model_open_gguf(struct wf_gguf *g, struct wf_model **out, struct wf_err *err) WF_MUST_USE;
/* Lays the weights out as the fastest kernels of this processor like them best, in memory of their
 * own (model/pack.h), by n_threads (0: as many as fast cores). Once, before there are runners,
 * which then take no other kernels. Errors: NOMEM, BUSY, DENIED; the model is as before then. */
int wf_model_pack(struct wf_model *m, size_t n_threads, struct wf_err *err) WF_MUST_USE;
/* All runners must be gone. NULL is a no-op. */
void wf_model_close(struct wf_model *m);

/* Its file and its parameters, borrowed until it is closed. */
const struct wf_gguf *wf_model_gguf(const struct wf_model *m);
const struct wf_params *wf_model_params(const struct wf_model *m);
/* Bytes of the weights that a pass may read. */
uint64_t wf_model_weight_bytes(const struct wf_model *m);

struct wf_runner_options {
    size_t n_threads;           /* 0: as many as fast cores (os/cores.h) */
    size_t n_context;           /* the longest text; 0: what the model was trained for */
    size_t n_cache_tokens;      /* of all texts together; 0: n_context */
    size_t n_batch;             /* tokens of one batch; 0: 512, or n_context for encoders */
    enum wf_kv_kind kv;         /* encoders keep none */
    enum wf_act act;            /* how activations meet quantised weights */
    const struct wf_kern *kern; /* NULL: the fastest */
    /* Threads that lose their processors to other programs rest while that is faster
     * (os/throttle.h), and on battery those whose work memory does not need. */
    const struct wf_power *power; /* borrowed until the runner is freed; NULL: not known */
    bool is_fixed;                /* all threads always work */
};

struct wf_runner;

/* Buffers, threads and cache for a model, which must outlive it. Errors: NOMEM, BUSY, UNSUPPORTED
 * (the cache's kind does not suit the model), INVAL. */
int wf_runner_new(const struct wf_model *m, const struct wf_runner_options *o,
                  struct wf_runner **out, struct wf_err *err) WF_MUST_USE;
/* All sequences of its cache must be gone. NULL is a no-op. */
void wf_runner_free(struct wf_runner *r);

/* The cache that its sequences are made of (NULL for encoders), the longest text, and the tokens of
 * one batch. */
struct wf_kv *wf_runner_kv(struct wf_runner *r);
size_t wf_runner_n_context(const struct wf_runner *r);
size_t wf_runner_n_batch(const struct wf_runner *r);
/* Threads that work in passes of so many tokens, but for trials of more or fewer. */
size_t wf_runner_n_working(const struct wf_runner *r, size_t n_tok);
/* Bytes of the buffers (the cache grows besides, see wf_kv_token_bytes). */
size_t wf_runner_bytes(const struct wf_runner *r);

/* Some tokens behind the end of one text. */
struct wf_batch_part {
    struct wf_seq *seq;
    const int32_t *ids; /* [n], borrowed for the call */
    size_t n;           /* at least 1 */
    size_t n_logits;    /* logits of the last n_logits tokens are wanted; 0: of none */
    /* Its tokens are computed the same way however a text is cut into batches, and whoever else is
     * in them; without it (a text that is written, token by token) likewise, as long as a batch has
     * no more such tokens than wf_runner_n_few. Parts that are written come first. */
    bool reads;
    const struct wf_adapter_use *adapters; /* [n_adapters], of this model, borrowed for the call */
    size_t n_adapters;                     /* 0: the model as it is */
};

/* The most tokens of one batch that are computed in the way of a text that is written. */
size_t wf_runner_n_few(const struct wf_runner *r);

/* Runs one batch of a decoder and appends its tokens to their texts; a text may be in it once.
 * out_logits [sum of n_logits, n_vocab] f32, part after part; may be NULL when none are wanted.
 * `stop`, when not NULL and set, ends the pass between layers. Errors: RANGE (an id that is not in
 * the vocabulary, more tokens than n_batch, a text longer than n_context), FULL and NOMEM (cache),
 * CANCELED, UNSUPPORTED (an encoder). On errors the texts are as before. */
int wf_runner_eval(struct wf_runner *r, const struct wf_batch_part *parts, size_t n_parts,
                   const atomic_bool *stop, float *out_logits, struct wf_err *err) WF_MUST_USE;

/* Runs whole texts through an encoder, many at once: text i is ids[starts[i], starts[i + 1]),
 * starts [n_texts + 1] begins with 0. *out_hidden, what leaves the last layer (normed), [n_tok,
 * dim] f32, is the runner's until its next call. A text sees itself only, and gets the same bits
 * whichever texts are beside it. Errors: RANGE (an id that is not in the vocabulary, an empty text,
 * one longer than n_context, more tokens than n_batch), UNSUPPORTED (a decoder). */
int wf_runner_encode(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                     size_t n_texts, const float **out_hidden, struct wf_err *err) WF_MUST_USE;

/* What is known of tokens beside their ids: for bit k of bits[t], rows[k] is added to what comes in
 * for token t. */
struct wf_encode_marks {
    const uint16_t *bits; /* [n_tok], no bit beyond the rows */
    const float *rows;    /* [bits, dim] */
};
/* The same with marks, which are borrowed for the call; NULL: none. */
int wf_runner_encode_marked(struct wf_runner *r, const int32_t *ids, const uint32_t *starts,
                            size_t n_texts, const struct wf_encode_marks *marks,
                            const float **out_hidden, struct wf_err *err) WF_MUST_USE;

/* The embeddings of texts by the model's own pooling (mean where the file says none), not
 * normalised: out [n_texts, dim] f32; ids and starts as wf_runner_encode has them. Texts lie one
 * behind the other in the passes, without padding, and get the same bits whichever are beside them.
 * Decoders take texts of up to n_context tokens, encoders up to n_batch in all. Errors: as
 * wf_runner_eval, INVAL (an empty text), NOMEM. */
int wf_runner_embed(struct wf_runner *r, const int32_t *ids, const uint32_t *starts, size_t n_texts,
                    float *out, struct wf_err *err) WF_MUST_USE;

/* Whether the model has a classification head, and how many numbers that gives. */
size_t wf_model_n_scores(const struct wf_model *m);

/* Texts' scores by the classification head: out [n_texts, n_scores] f32. Errors: as
 * wf_runner_embed, and UNSUPPORTED (no such head). */
int wf_runner_score(struct wf_runner *r, const int32_t *ids, const uint32_t *starts, size_t n_texts,
                    float *out, struct wf_err *err) WF_MUST_USE;

#endif
