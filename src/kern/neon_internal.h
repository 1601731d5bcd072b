/* What the aarch64 tables share: everything but the products of bytes stands in kern_neon.c.
 * Contracts as in kern/kern.h. Threads: any. */
#ifndef WF_KERN_NEON_INTERNAL_H
#define WF_KERN_NEON_INTERNAL_H

#include "kern/kern.h"

struct wf_neon_rows;

/* How one table multiplies quantised weights. */
typedef void (*wf_neon_multiply_fn)(const struct wf_dtype *t, const struct wf_neon_rows *a,
                                    size_t n_tok);

size_t wf_neon__act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok);
void wf_neon__act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                          size_t n_tok, size_t i_tok, void *out);
/* A group of 32 or 256 values to int8, and the sums of every 16, scale and all; their scale. What
 * is no number makes the scale none. */
float wf_neon__quantise(const float *x, size_t group, int8_t *q, float *sums);
/* As the table's matmul, with `multiply` where bytes meet bytes. */
void wf_neon__matmul(wf_neon_multiply_fn multiply, const struct wf_dtype *t, enum wf_act act,
                     const void *w, size_t n_rows, size_t n_in, const void *prepared, size_t n_tok,
                     float *out, size_t ld);

float wf_neon__dot_f32(const float *a, const float *b, size_t n);
void wf_neon__axpy(float a, const float *x, float *y, size_t n);
void wf_neon__rms_norm(const float *x, const float *w, float eps, float *y, size_t n);
void wf_neon__softmax(float *x, size_t n);
void wf_neon__silu_mul(const float *g, const float *u, float *y, size_t n);
void wf_neon__gelu_mul(const float *g, const float *u, float *y, size_t n);
void wf_neon__to_f16(const float *x, uint16_t *y, size_t n);
void wf_neon__from_f16(const uint16_t *x, float *y, size_t n);
void wf_neon__dot_i8(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out);
void wf_neon__attend(const struct wf_attend *a);
void wf_neon__to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y);
float wf_neon__exp_sum(float *x, float max, size_t n);
void wf_neon__mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                  float *y);

/* A table of that name: from how many tokens on products are made in another way (0: never), how
 * tokens are prepared, its matmul. */
#define WF_NEON_TABLE(table_name, wide_from, its_bytes, its_prepare, its_matmul)                   \
    {                                                                                              \
        .name = (table_name), .n_wide = (wide_from), .act_bytes = (its_bytes),                     \
        .act_prepare = (its_prepare), .matmul = (its_matmul), .axpy = wf_neon__axpy,               \
        .rms_norm = wf_neon__rms_norm, .softmax = wf_neon__softmax, .exp_sum = wf_neon__exp_sum,   \
        .mix = wf_neon__mix, .silu_mul = wf_neon__silu_mul, .gelu_mul = wf_neon__gelu_mul,         \
        .to_f16 = wf_neon__to_f16, .from_f16 = wf_neon__from_f16, .dot_i8 = wf_neon__dot_i8,       \
        .attend = wf_neon__attend, .to_i8 = wf_neon__to_i8,                                        \
    }

#endif
