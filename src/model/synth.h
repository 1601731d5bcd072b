/* Synthetic models: files of a real shape with random weights, for benchmarks and for trying what
 * generates (speed does not depend on the values). They carry a byte-level BPE vocabulary of bytes
 * and made-up words, and a ChatML template with tools, so that everything that takes a model takes
 * them. Threads: any. */
#ifndef WF_MODEL_SYNTH_H
#define WF_MODEL_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gguf_write.h"
#include "model/mix.h"
#include "model/quantize.h"

struct wf_synth_shape {
    const char *name; /* "tinyllama-1.1b" */
    const char *family;
    uint32_t n_layers, dim, n_ff, n_heads, n_kv_heads, n_vocab, n_context;
    float rope_base;
    bool is_tied;  /* no output matrix of its own */
    bool has_bias; /* of queries, keys and values */
};

/* The row of that name, or NULL; the i-th row, NULL behind the last. */
const struct wf_synth_shape *wf_synth_shape_by_name(const char *name);
const struct wf_synth_shape *wf_synth_shape_at(size_t i);

/* The least tokens that a vocabulary can have: bytes and control tokens. */
#define WF_SYNTH_VOCAB_MIN 262u
/* Room for a tensor's name. */
#define WF_SYNTH_NAME_BYTES 48

/* Writes such a model to `path`; s->n_vocab at least WF_SYNTH_VOCAB_MIN. The same seed gives the
 * same file. p may be NULL. Errors: those of wf_gguf_writer_*, NOMEM, CANCELED. */
int wf_synth(const struct wf_synth_shape *s, const struct wf_mix *mix, uint64_t seed,
             const char *path, const struct wf_progress *p, struct wf_err *err) WF_MUST_USE;

/* Puts the vocabulary of n_vocab tokens: with a chat template, or lens's. Errors: NOMEM. */
int wf_synth__vocab(struct wf_gguf_writer *w, uint32_t n_vocab, bool is_lens,
                    struct wf_err *err) WF_MUST_USE;

/* A lens's heads: the i-th one's tensor [*out_n, dim], false behind the last; and the labels of
 * all.
 */
bool wf_synth__lens_head(size_t i, char out_name[WF_SYNTH_NAME_BYTES], uint32_t *out_n);
void wf_synth__lens_labels(struct wf_gguf_writer *w);

#endif
