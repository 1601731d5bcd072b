/* Lens static: a vector of a text without the encoder: each token has a row of its own, rows are
 * summed. Fitted on its own beside the encoder (train/token_vectors.h), on far more pairs than an
 * encoder could see in the same time; it sees no order of words, and errs elsewhere. Lens puts both
 * into one embedding.
 *
 * In the file: lens.embedding.static.width, .bits (u32), .share (f32), .codes (32-bit whole numbers
 * that hold bytes, little-endian, the rest of the last one 0), and the tensors .levels [2^bits]
 * (f32) and .sizes [n_vocab] (f32 or f16).
 *
 *   codes    for each token of the vocabulary, one behind the other, `width` codes of `bits` bits,
 *            in a byte the lowest first. A value of the row is levels[code] times the token's size
 *
 * A text's vector is the sum of its tokens' rows, at length 1. The embedding's first 256 - width
 * values are the first ones of the encoder's, at length 1; behind them stand those of the static
 * vector, times share; and all of it is brought to length 1.
 *
 * Threads: open and close by the owner; the rest any. */
#ifndef WF_MODEL_LENS_STATIC_H
#define WF_MODEL_LENS_STATIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

#define WF_LENS_STATIC_LEVELS_MAX 16u
/* Values of a row: a multiple of 8 below the embedding's. */
#define WF_LENS_STATIC_WIDTH_MAX 248u

struct wf_lens_static;

/* A table as it lies in a file; all of it borrowed. */
struct wf_lens_static_parts {
    struct wf_str codes;
    const float *levels; /* [2^bits] */
    const float *sizes;  /* [n_tokens] */
    size_t n_tokens;
    uint32_t width, bits; /* bits: 1, 2 or 4 */
    float share;          /* above 0 */
};

/* A table over parts, of which codes stay borrowed until it is closed; the rest is copied. *out is
 * owned by the caller, until wf_lens_static_close. Errors: FORMAT (it is none), NOMEM. */
int wf_lens_static_read(const struct wf_lens_static_parts *p, struct wf_lens_static **out,
                        struct wf_err *err) WF_MUST_USE;
/* That of a file for a vocabulary of n_tokens; *out NULL: the file has none. Errors: as above. */
int wf_lens_static_open(const struct wf_gguf *g, size_t n_tokens, struct wf_lens_static **out,
                        struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lens_static_close(struct wf_lens_static *s);

/* Values of a row. */
size_t wf_lens_static_width(const struct wf_lens_static *s);

/* The vector of a text of n tokens to out [width]: of length 1, or zeros where nothing is known.
 * Tokens beyond the table add nothing. */
void wf_lens_static_embed(const struct wf_lens_static *s, const int32_t *ids, size_t n, float *out);

/* The encoder's embedding io [WF_LENS_DIMS] to that of both. */
void wf_lens_static_join(const struct wf_lens_static *s, const int32_t *ids, size_t n, float *io);

#endif
