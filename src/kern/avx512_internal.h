/* What the files of AVX-512 kernels share: products with few tokens are kern_avx512_few.c's, rows
 * of float kern_avx512_rows.c's, attention's sums kern_avx512_attend.c's. Threads: any. */
#ifndef WF_KERN_AVX512_INTERNAL_H
#define WF_KERN_AVX512_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/attend.h"
#include "kern/dtype.h"

/* From so many tokens on, lanes of registers are tokens. */
#define WF_AVX512_LANES_FROM 9

/* A product: rows of weights with prepared tokens. */
struct wf_avx512_rows {
    const uint8_t *w;
    size_t row_bytes, n_rows, n_in;
    const uint8_t *x; /* prepared */
    size_t x_bytes, group;
    float *out;
    size_t ld;
};

/* name, minima, values that share a scale of the activations, and one of the weights */
#define WF_AVX512_TYPES(X)                                                                         \
    X(Q4_0, false, 32, 32)                                                                         \
    X(Q4_1, true, 32, 32)                                                                          \
    X(Q5_0, false, 32, 32)                                                                         \
    X(Q5_1, true, 32, 32)                                                                          \
    X(Q8_0, false, 32, 32)                                                                         \
    X(Q2_K, true, 256, 16)                                                                         \
    X(Q3_K, false, 256, 16)                                                                        \
    X(Q4_K, true, 256, 32)                                                                         \
    X(Q5_K, true, 256, 32)                                                                         \
    X(Q6_K, false, 256, 16)                                                                        \
    X(IQ4_NL, false, 32, 32)                                                                       \
    X(IQ4_XS, false, 256, 32)                                                                      \
    X(MXFP4, false, 32, 32)

/* Few tokens, 1..WF_AVX512_LANES_FROM - 1: bytes of a prepared row, a row of them, and their
 * products out[t * ld + r] with the rows one behind the other. */
size_t wf_avx512__few_row(const struct wf_dtype *t, size_t n_in);
void wf_avx512__few_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
void wf_avx512__multiply_few(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                             size_t n_tok);

/* See kern.h. */
float wf_avx512__exp_sum(float *x, float max, size_t n);
void wf_avx512__softmax(float *x, size_t n);
void wf_avx512__silu_mul(const float *g, const float *u, float *y, size_t n);
void wf_avx512__mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                    float *y);

void wf_avx512__attend(const struct wf_attend *a, const void *keys, const void *values);
void wf_avx512__to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y);

/* Products of 4 rows w[r] with 4 tokens x + t * x_ld, n values: out[t * ld + r], added to when
 * `add`. Each is summed as _mm512_reduce_add_ps sums one register. */
void wf_avx512__multiply_4_4(const float *const *w, const float *x, size_t x_ld, size_t n, bool add,
                             float *out, size_t ld);

#endif
