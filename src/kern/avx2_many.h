/* Products of quantised weights with many tokens in registers of 256 bits: what the files share
 * that unpack weights, prepare tokens, and multiply, with VNNI or without.
 *
 * A register's 8 lanes are 8 rows of weights, each lane four bytes of its row (or two words); the
 * same of a token is met by all of them at once, and a token's products come out as they are
 * stored. WF_AVX2_CHUNK values of WF_AVX2_PANEL rows are unpacked at once and stay in the nearest
 * cache while all tokens go by: every weight is unpacked once. A token's values of a chunk lie
 * together with what belongs to them, those of the next token behind them: products need one
 * pointer for a whole tile of tokens. Threads: any. */
#ifndef WF_KERN_AVX2_MANY_H
#define WF_KERN_AVX2_MANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/avx2_internal.h"

#define WF_AVX2_PANEL 16 /* rows: two registers */
#define WF_AVX2_CHUNK 512
#define WF_AVX2_TILE 6 /* tokens, at most */

/* What is added to products: nothing; what takes off again by how much weights were moved up to be
 * unsigned, which sums begin with; minima times the sums of activations. */
enum wf_avx2_low {
    WF_AVX2_LOW_NONE,
    WF_AVX2_LOW_OFFSET,
    WF_AVX2_LOW_MIN,
};

/* How a type is met. Without VNNI pairs of products are summed in 16 bits: where a step's sum might
 * leave them the step is shorter, or weights and activations are words. In blocks of 256 scales and
 * minima are words then too. */
struct wf_avx2_way {
    size_t group; /* of activations that share a scale: 32 or 256 */
    size_t step;  /* of weights that share a scale */
    enum wf_avx2_low low;
    int offset;    /* that weights are moved up by */
    bool is_words; /* weights and activations; scales of steps are multiplied into the weights */
};

/* type; group, step, low, offset, words; the same with VNNI. Q5_1's and Q5_K's minima come with
 * values of five bits. */
#define WF_AVX2_MANY(X)                                                                            \
    X(Q4_0, (32, 32, WF_AVX2_LOW_OFFSET, 8, false), (32, 32, WF_AVX2_LOW_OFFSET, 8, false))        \
    X(Q4_1, (32, 32, WF_AVX2_LOW_MIN, 0, false), (32, 32, WF_AVX2_LOW_MIN, 0, false))              \
    X(Q5_0, (32, 32, WF_AVX2_LOW_OFFSET, 16, false), (32, 32, WF_AVX2_LOW_OFFSET, 16, false))      \
    X(Q5_1, (32, 16, WF_AVX2_LOW_MIN, 0, false), (32, 32, WF_AVX2_LOW_MIN, 0, false))              \
    X(MXFP4, (32, 32, WF_AVX2_LOW_OFFSET, 16, false), (32, 32, WF_AVX2_LOW_OFFSET, 16, false))     \
    X(Q8_0, (32, 32, WF_AVX2_LOW_NONE, 0, true), (32, 32, WF_AVX2_LOW_OFFSET, 128, false))         \
    X(IQ4_NL, (32, 32, WF_AVX2_LOW_NONE, 0, true), (32, 32, WF_AVX2_LOW_OFFSET, 128, false))       \
    X(Q2_K, (256, 16, WF_AVX2_LOW_MIN, 0, false), (256, 16, WF_AVX2_LOW_MIN, 0, false))            \
    X(Q3_K, (256, 16, WF_AVX2_LOW_OFFSET, 4, false), (256, 16, WF_AVX2_LOW_OFFSET, 4, false))      \
    X(Q4_K, (256, 32, WF_AVX2_LOW_MIN, 0, false), (256, 32, WF_AVX2_LOW_MIN, 0, false))            \
    X(Q5_K, (256, 16, WF_AVX2_LOW_MIN, 0, false), (256, 32, WF_AVX2_LOW_MIN, 0, false))            \
    X(Q6_K, (256, 16, WF_AVX2_LOW_OFFSET, 32, false), (256, 16, WF_AVX2_LOW_OFFSET, 32, false))    \
    X(IQ4_XS, (256, 32, WF_AVX2_LOW_NONE, 0, true), (256, 32, WF_AVX2_LOW_OFFSET, 128, false))

/* Of each of 16 rows four bytes, two words, or a float. */
struct wf_avx2_unit {
    uint8_t of[WF_AVX2_PANEL][4];
} __attribute__((aligned(64)));

/* Unpacked weights. Where activations have a scale for 32 values, and with VNNI, `scale` and `low`
 * are floats, of each step; else words: of each step the scale twice, and minima by twos in the
 * order of struct wf_avx2_scales, with the floats of the whole block beside them. */
struct wf_avx2_panel {
    struct wf_avx2_unit w[WF_AVX2_CHUNK / 2]; /* bytes fill half of it */
    struct wf_avx2_unit scale[WF_AVX2_CHUNK / 16], low[WF_AVX2_CHUNK / 16];
    float d[WF_AVX2_CHUNK / 256][WF_AVX2_PANEL], dmin[WF_AVX2_CHUNK / 256][WF_AVX2_PANEL];
};

/* A token's values of a chunk: their scales, and of each step what sums begin with (two words, with
 * VNNI an integer) or what meets minima (a float; words in the order of the panel's). */
struct wf_avx2_token {
    float scales[WF_AVX2_CHUNK / 32];
    int32_t low[WF_AVX2_CHUNK / 16];
    int8_t q[WF_AVX2_CHUNK];
};
struct wf_avx2_token_words {
    float scales[WF_AVX2_CHUNK / 32];
    int16_t q[WF_AVX2_CHUNK];
};

/* A chunk of a panel's rows: n values, n_rows of which are wanted; its outputs, onto which it is
 * added if it is not the first. */
struct wf_avx2_sweep {
    size_t n, n_rows;
    bool adds;
    float *out;
    size_t ld;
};

/* Values [from, from + n) of n_rows rows; the last one stands for those that are not there. */
typedef void (*wf_avx2_panel_fn)(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,
                                 size_t n, struct wf_avx2_panel *out);
/* n_tok (6 at least) tokens, one behind the other, with a panel. */
typedef void (*wf_avx2_sweep_fn)(const struct wf_avx2_panel *p, const void *tokens, size_t n_tok,
                                 const struct wf_avx2_sweep *s);

/* Of a type with blocks: how it is met, its functions. */
struct wf_avx2_way wf_avx2__way_of(const struct wf_dtype *t, bool vnni);
wf_avx2_panel_fn wf_avx2__panel_of(const struct wf_dtype *t, bool vnni);
wf_avx2_sweep_fn wf_avx2__sweep_of(const struct wf_dtype *t);
wf_avx2_sweep_fn wf_avxvnni__sweep_of(const struct wf_dtype *t);

#endif
