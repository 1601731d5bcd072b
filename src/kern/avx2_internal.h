/* What the files of AVX2 kernels share: products with many tokens are kern_avx2_many.c's, and with
 * VNNI for 256 bits kern_avxvnni.c's. Threads: any. */
#ifndef WF_KERN_AVX2_INTERNAL_H
#define WF_KERN_AVX2_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/kern.h"

/* From so many tokens on weights are unpacked once for all of them. */
#define WF_AVX2_MANY_FROM 6

/* A product: rows of weights with prepared tokens. */
struct wf_avx2_rows {
    const uint8_t *w;
    size_t row_bytes, n_rows, n_in;
    const uint8_t *x; /* prepared */
    size_t x_bytes, group;
    float *out;
    size_t ld;
};

/* name, minima, what is added so that weights are unsigned, bits of them then, values that share a
 * scale */
#define WF_AVX2_TYPES(X)                                                                           \
    X(Q4_0, false, 8, 4, 32)                                                                       \
    X(Q4_1, true, 0, 4, 32)                                                                        \
    X(Q5_0, false, 16, 5, 32)                                                                      \
    X(Q5_1, true, 0, 5, 32)                                                                        \
    X(Q2_K, true, 0, 2, 16)                                                                        \
    X(Q3_K, false, 4, 3, 16)                                                                       \
    X(Q4_K, true, 0, 4, 32)                                                                        \
    X(Q5_K, true, 0, 5, 32)                                                                        \
    X(Q6_K, false, 32, 6, 16)                                                                      \
    X(MXFP4, false, 16, 5, 32)

/* Those that are kern_avx2_wide.c's without VNNI: two of their products fill 16 bits, or nearly. */
#define WF_AVX2_WIDE_TYPES(X)                                                                      \
    X(Q8_0, false, 128, 8, 32)                                                                     \
    X(IQ4_NL, false, 128, 8, 32)                                                                   \
    X(IQ4_XS, false, 128, 8, 32)

/* out[t * ld + r] for n_tok prepared rows, each the scales of its groups, the sums of every 16
 * values, scale and all, and the values as int8. */
void wf_avx2__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok);
void wf_avxvnni__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a,
                               size_t n_tok);

/* Types whose products do not fit 16 bits by more than two (without VNNI): whether `t` is one,
 * bytes of a row that is prepared for many tokens, a row of them, and their products as above. */
bool wf_avx2__is_wide(const struct wf_dtype *t);
size_t wf_avx2__wide_row(const struct wf_dtype *t, size_t n_in);
void wf_avx2__wide_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
void wf_avx2__multiply_wide(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok);

#endif
