/* Synthetic models: files of a real shape with random weights, for benchmarks and for trying what
 * generates (speed does not depend on the values). They carry a byte-level BPE vocabulary of bytes
 * and made-up words, and a ChatML template with tools, so that everything that takes a model takes
 * them; encoders have WordPiece. Threads: any. */
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

#endif
