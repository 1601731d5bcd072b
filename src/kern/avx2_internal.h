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
    X(Q8_0, false, 128, 8, 32)                                                                     \
    X(Q2_K, true, 0, 2, 16)                                                                        \
    X(Q3_K, false, 4, 3, 16)                                                                       \
    X(Q4_K, true, 0, 4, 32)                                                                        \
    X(Q5_K, true, 0, 5, 32)                                                                        \
    X(Q6_K, false, 32, 6, 16)                                                                      \
    X(IQ4_NL, false, 128, 8, 32)                                                                   \
    X(IQ4_XS, false, 128, 8, 32)                                                                   \
    X(MXFP4, false, 16, 5, 32)

/* out[t * ld + r] for n_tok prepared rows, each the scales of its groups, the sums of every 16
 * values, scale and all, and the values as int8. */
void wf_avx2__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok);
void wf_avxvnni__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a,
                               size_t n_tok);

/* The table's functions, for those of its neighbour: contracts as in kern/kern.h. */
typedef void (*wf_avx2_many_fn)(const struct wf_dtype *t, const struct wf_avx2_rows *a,
                                size_t n_tok);
void wf_avx2__matmul(wf_avx2_many_fn many, const struct wf_dtype *t, enum wf_act act, const void *w,
                     size_t n_rows, size_t n_in, const void *prepared, size_t n_tok, float *out,
                     size_t ld);

#endif
