/* What the files of AVX-512 kernels share: products with few tokens are kern_avx512_few.c's, with
 * many kern_avx512_many.c's, rows of float kern_avx512_rows.c's, attention's sums
 * kern_avx512_attend.c's. Threads: any. */
#ifndef WF_KERN_AVX512_INTERNAL_H
#define WF_KERN_AVX512_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/attend.h"
#include "kern/kern.h"

/* So many tokens are many. */
#define WF_AVX512_WIDE_FROM 9

/* A product: rows of weights with prepared tokens. */
struct wf_avx512_rows {
    const uint8_t *w;
    size_t row_bytes, n_rows, n_in;
    const uint8_t *x; /* prepared */
    size_t x_bytes;
    float *out;
    size_t ld;
};

/* Few tokens, 1..WF_AVX512_WIDE_FROM - 1: bytes of a prepared row, a row of them, and their
 * products out[t * ld + r] with the rows one behind the other. */
size_t wf_avx512__few_row(const struct wf_dtype *t, size_t n_in);
void wf_avx512__few_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
void wf_avx512__multiply_few(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                             size_t n_tok);

/* The same for WF_AVX512_WIDE_FROM tokens and more. */
size_t wf_avx512__many_row(const struct wf_dtype *t, size_t n_in);
void wf_avx512__many_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
void wf_avx512__multiply_many(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                              size_t n_tok);

/* Any number of tokens with packed weights, prepared as for many. */
void wf_avx512__multiply_packed(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                                size_t n_tok);
/* Such of F16 and BF16. */
void wf_avx512__multiply_halves(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                                size_t n_tok);

/* See kern.h. */
float wf_avx512__exp_sum(float *x, float max, size_t n);
void wf_avx512__softmax(float *x, size_t n);
void wf_avx512__silu_mul(const float *g, const float *u, float *y, size_t n);
void wf_avx512__gelu_mul(const float *g, const float *u, float *y, size_t n);
void wf_avx512__mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                    float *y);

void wf_avx512__attend(const struct wf_attend *a);
void wf_avx512__to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y);

/* Products of 4 rows w[r] with 4 tokens x + t * x_ld, n values: out[t * ld + r], added to when
 * `add`. Each is summed as _mm512_reduce_add_ps sums one register. */
void wf_avx512__multiply_4_4(const float *const *w, const float *x, size_t x_ld, size_t n, bool add,
                             float *out, size_t ld);

#endif
