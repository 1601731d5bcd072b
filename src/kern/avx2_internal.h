/* What the files of AVX2 kernels share: products with few tokens are kern_avx2_few.c's, with many
 * kern_avx2_many.c's. Threads: any. */
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
    size_t x_bytes;   /* of one, where they lie one behind the other */
    float *out;
    size_t ld;
};

/* out[t * ld + r] for n_tok prepared rows (avx2_many.h): bytes of one, row i_tok of them, their
 * products. With VNNI they are other rows. */
size_t wf_avx2__many_row(const struct wf_dtype *t, size_t n_in, bool vnni);
void wf_avx2__many_prepare(const struct wf_dtype *t, const float *x, size_t n_in, bool vnni,
                           size_t n_tok, size_t i_tok, void *out);
void wf_avx2__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok,
                            bool vnni);

/* The same of float, half and bfloat16 weights, with activations as float. */
size_t wf_avx2__floats_row(size_t n_in);
void wf_avx2__floats_prepare(const float *x, size_t n_in, size_t n_tok, size_t i_tok, void *out);
void wf_avx2__multiply_floats(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok);

/* See kern.h (rows_lanes.h). */
float wf_avx2__exp_sum(float *x, float max, size_t n);
void wf_avx2__softmax(float *x, size_t n);
void wf_avx2__silu_mul(const float *g, const float *u, float *y, size_t n);
void wf_avx2__gelu_mul(const float *g, const float *u, float *y, size_t n);

#endif
