/* AVX-512 products with many tokens, between their files: kern_avx512_act.c prepares tokens,
 * kern_avx512_unpack.c and kern_avx512_floats.c bring rows of weights into panels, which tokens go
 * by in kern_avx512_sweep.c, kern_avx512_floats.c or kern_avx512_bf16.c; kern_avx512_many.c leads.
 *
 * A register's 16 lanes are 16 rows of weights, each lane a unit: four values of its row as
 * unsigned bytes, two as bfloat16 or one as float. A unit of a token is multiplied with all of them
 * at once. Nothing is summed across lanes, and a token's products come out as they are stored.
 * Threads: any. */
#ifndef WF_KERN_AVX512_MANY_H
#define WF_KERN_AVX512_MANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/dtype.h"
#include "kern/kern.h"

#define WF_PANEL_ROWS 32 /* two registers */
/* Of a row, as bytes. Longer panels than what the first cache holds pay: they are read in order,
 * and sums go to memory less often. Measured: 512, 1024, 3072 and 5632 are slower. */
#define WF_PANEL_VALUES 2048

/* What meets the sums of a token's values. */
enum wf_panel_low {
    WF_LOW_NONE,   /* bytes are value + 128: sums of products begin at -128 times the values' sum */
    WF_LOW_FLOATS, /* minima of every step */
    WF_LOW_WORDS,  /* minima as words, under one scale for 256 values */
};

/* name, values that share a scale of the weights, what meets sums */
#define WF_AVX512_MANY(X)                                                                          \
    X(Q4_0, 32, WF_LOW_NONE)                                                                       \
    X(Q4_1, 32, WF_LOW_FLOATS)                                                                     \
    X(Q5_0, 32, WF_LOW_NONE)                                                                       \
    X(Q5_1, 32, WF_LOW_FLOATS)                                                                     \
    X(Q8_0, 32, WF_LOW_NONE)                                                                       \
    X(Q2_K, 16, WF_LOW_FLOATS)                                                                     \
    X(Q3_K, 16, WF_LOW_NONE)                                                                       \
    X(Q4_K, 32, WF_LOW_WORDS)                                                                      \
    X(Q5_K, 32, WF_LOW_WORDS)                                                                      \
    X(Q6_K, 16, WF_LOW_NONE)                                                                       \
    X(IQ4_NL, 32, WF_LOW_NONE)                                                                     \
    X(IQ4_XS, 32, WF_LOW_NONE)                                                                     \
    X(MXFP4, 32, WF_LOW_NONE)

#define WF_PANEL_UNITS (WF_PANEL_VALUES / 4)

/* WF_PANEL_UNITS units of WF_PANEL_ROWS rows. */
struct wf_panel {
    uint8_t w[WF_PANEL_UNITS][WF_PANEL_ROWS][4];
    float scale[WF_PANEL_VALUES / 16][WF_PANEL_ROWS]; /* of every step */
    union {
        float min[WF_PANEL_VALUES / 16][WF_PANEL_ROWS];
        struct {
            int16_t words[WF_PANEL_VALUES / 64][WF_PANEL_ROWS][2]; /* of two steps */
            float by[WF_PANEL_VALUES / 256][WF_PANEL_ROWS];
        };
    };
} __attribute__((aligned(64)));

/* Values [from, from + n) of WF_PANEL_ROWS rows into a panel; from is a multiple of 64, of 256 for
 * blocks, n_rows (at least 1) of the rows are there and the last stands for the others. */
typedef void (*wf_panel_fn)(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,
                            size_t n, struct wf_panel *out);

/* What all tiles of a panel meet: tokens prepared one behind the other. */
struct wf_sweep {
    const uint8_t *x; /* the first token; what meets its sums, and its values: */
    size_t x_bytes, low_at, q_at;
    size_t from, n; /* values */
    float *out;     /* of the panel's first row */
    size_t ld, n_rows;
    bool adds;
    float (*tile)[WF_PANEL_ROWS]; /* room for sums of WF_TILE tokens */
};

#define WF_TILE 6 /* tokens, where sums of integers and of floats take 12 registers each */

/* Bytes that the next panel is unpacked from. */
struct wf_next {
    const uint8_t *w;
    size_t row_bytes, n_rows, bytes;
};

/* A panel with n_tok tokens (WF_AVX512_WIDE_FROM at least); meanwhile the next one is fetched. */
typedef void (*wf_sweep_fn)(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,
                            const struct wf_next *next);

/* 32 activations as bytes, in the order in which they are met. */
struct wf_act_step {
    union {
        int32_t start; /* of sums, or */
        float sum;     /* that meets minima */
    };
    float scale;
    int8_t q[32];
};

/* A row prepared for quantised weights. Where they come in blocks of 32: its steps. Where they come
 * in blocks of 256: the scales of its blocks, what meets sums, the values as int8; where what meets
 * those from value `from` on lies in it, and the bytes. */
size_t wf_avx512__bytes_row(const struct wf_dtype *t, size_t n_in);
void wf_avx512__bytes_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
size_t wf_avx512__low_at(const struct wf_dtype *t, size_t n_in, size_t from);
size_t wf_avx512__bytes_at(const struct wf_dtype *t, size_t n_in);

/* Those of a quantised type. */
wf_panel_fn wf_avx512__panel_of(const struct wf_dtype *t);
wf_sweep_fn wf_avx512__sweep_of(const struct wf_dtype *t);

/* Those of F32, F16 and BF16, as float. */
wf_panel_fn wf_avx512__float_panel_of(const struct wf_dtype *t);
void wf_avx512__float_sweep(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,
                            const struct wf_next *next);

/* Those of BF16 as it is, where the processor multiplies such (AVX512-BF16); x [n] to y. */
bool wf_avx512__has_bf16(void);
void wf_avx512__bf16_panel(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from, size_t n,
                           struct wf_panel *out);
void wf_avx512__bf16_sweep(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,
                           const struct wf_next *next);
void wf_avx512__bf16_prepare(const float *x, size_t n, void *y);

/* The same packed: a tile of tokens with a piece of the weights, see avx512_units.h. */
struct wf_ahead;
void wf_avx512__bf16_tile(const uint8_t *w, const struct wf_sweep *s, size_t i_tok, size_t n_tok,
                          struct wf_ahead *ahead);

#endif
