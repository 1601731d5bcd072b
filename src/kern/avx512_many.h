/* AVX-512 products with many tokens, between their files: kern_avx512_act.c prepares tokens,
 * kern_avx512_unpack.c brings rows of weights into panels, kern_avx512_many.c multiplies both.
 *
 * A register's 16 lanes are 16 rows of weights, each lane four values of its row as unsigned bytes;
 * four bytes of a token at a time are multiplied with all of them. Nothing is summed across lanes,
 * and a token's products come out as they are stored. Threads: any. */
#ifndef WF_KERN_AVX512_MANY_H
#define WF_KERN_AVX512_MANY_H

#include <stddef.h>
#include <stdint.h>

#include "kern/dtype.h"

#define WF_PANEL_ROWS 32 /* two registers */
/* Of a row. Longer panels than what the first cache holds pay: they are read in order, and sums go
 * to memory less often. Measured: 512, 1024, 3072 and 5632 are slower. */
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

/* WF_PANEL_VALUES values of WF_PANEL_ROWS rows. */
struct wf_panel {
    uint8_t w[WF_PANEL_VALUES / 4][WF_PANEL_ROWS][4];
    float scale[WF_PANEL_VALUES / 16][WF_PANEL_ROWS]; /* of every step */
    union {
        float min[WF_PANEL_VALUES / 16][WF_PANEL_ROWS];
        struct {
            int16_t words[WF_PANEL_VALUES / 64][WF_PANEL_ROWS][2]; /* of two steps */
            float by[WF_PANEL_VALUES / 256][WF_PANEL_ROWS];
        };
    };
} __attribute__((aligned(64)));

/* Values [from, from + n) of WF_PANEL_ROWS rows into a panel; from is a multiple of
 * WF_PANEL_VALUES, n_rows (at least 1) of the rows are there and the last stands for the others. */
typedef void (*wf_panel_fn)(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,
                            size_t n, struct wf_panel *out);

/* That of a quantised type. */
wf_panel_fn wf_avx512__panel_of(const struct wf_dtype *t);

#endif
