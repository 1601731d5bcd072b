/* Products of quantised weights for aarch64, as static functions: kern_neon.c, kern_neon_dot.c and
 * kern_neon_i8mm.c include this and are compiled for different processors (the latter two with dot
 * products of bytes).
 * Threads: any. */
#ifndef WF_KERN_NEON_MATMUL_H
#define WF_KERN_NEON_MATMUL_H

#include <stdbool.h>

#include "kern/neon_group.h"

#define WF_NEON_TILE 4

/* A product: rows of weights with prepared tokens, each the scales of its groups, the sums of every
 * 16 values, and the values as int8. */
struct wf_neon_rows {
    const uint8_t *w;
    size_t row_bytes, n_rows, n_in;
    const uint8_t *x;
    size_t x_bytes, group;
    float *out;
    size_t ld;
};

/* sum + four products of bytes in each lane. */
static WF_INLINE int32x4_t wf_neon__dot(int32x4_t sum, int8x16_t a, int8x16_t b)
{
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(sum, a, b);
#else
    /* Two products fit 16 bits: activations are no -128. */
    return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b));
#endif
}

/* n (1..WF_NEON_TILE, known when compiled) tokens with all rows. by_half: halves of a group are
 * scaled differently. */
static WF_INLINE void wf_neon__tile(wf_neon_load_fn load, bool has_min, bool by_half, size_t n,
                                    const struct wf_neon_rows *a)
{
    const float *scales[WF_NEON_TILE], *sums[WF_NEON_TILE];
    const int8_t *q[WF_NEON_TILE];
    size_t per_scale = a->group / 32;

    for (size_t t = 0; t < n; t++) {
        scales[t] = (const float *)(const void *)(a->x + t * a->x_bytes);
        sums[t] = scales[t] + a->n_in / a->group;
        q[t] = (const int8_t *)(sums[t] + a->n_in / 16);
    }
    for (size_t r = 0; r < a->n_rows; r++) {
        const uint8_t *row = a->w + r * a->row_bytes;
        float32x4_t acc[WF_NEON_TILE];
        float low[WF_NEON_TILE];
        for (size_t t = 0; t < n; t++) {
            acc[t] = vdupq_n_f32(0.0f);
            low[t] = 0.0f;
        }
        for (size_t i = 0; i < a->n_in / 32; i++) {
            struct wf_neon_group g;
            load(row, i, &g);
            for (size_t t = 0; t < n; t++) {
                float by = scales[t][i / per_scale];
                int8x16_t x0 = vld1q_s8(q[t] + 32 * i), x1 = vld1q_s8(q[t] + 32 * i + 16);
                int32x4_t sum = wf_neon__dot(vdupq_n_s32(0), g.w[0], x0);
                if (by_half) {
                    acc[t] = vfmaq_n_f32(acc[t], vcvtq_f32_s32(sum), g.scale[0] * by);
                    sum = vdupq_n_s32(0);
                }
                sum = wf_neon__dot(sum, g.w[1], x1);
                acc[t] = vfmaq_n_f32(acc[t], vcvtq_f32_s32(sum), g.scale[1] * by);
                if (has_min)
                    low[t] += g.min[0] * sums[t][2 * i] + g.min[1] * sums[t][2 * i + 1];
            }
        }
        for (size_t t = 0; t < n; t++)
            a->out[t * a->ld + r] = vaddvq_f32(acc[t]) + low[t];
    }
}

/* n_tok tokens with all rows. */
static WF_INLINE void wf_neon__all(wf_neon_load_fn load, bool has_min, bool by_half,
                                   struct wf_neon_rows a, size_t n_tok)
{
    for (; n_tok >= WF_NEON_TILE; n_tok -= WF_NEON_TILE) {
        wf_neon__tile(load, has_min, by_half, WF_NEON_TILE, &a);
        a.x += WF_NEON_TILE * a.x_bytes;
        a.out += WF_NEON_TILE * a.ld;
    }
    for (; n_tok > 0; n_tok--) {
        wf_neon__tile(load, has_min, by_half, 1, &a);
        a.x += a.x_bytes;
        a.out += a.ld;
    }
}

/* name, whether it has minima, a scale for each half of a group, and values of activations that
 * share one */
#define WF_NEON_TYPES(X)                                                                           \
    X(Q4_0, false, false, 32)                                                                      \
    X(Q4_1, true, false, 32)                                                                       \
    X(Q5_0, false, false, 32)                                                                      \
    X(Q5_1, true, false, 32)                                                                       \
    X(Q8_0, false, false, 32)                                                                      \
    X(Q2_K, true, true, 256)                                                                       \
    X(Q3_K, false, true, 256)                                                                      \
    X(Q4_K, true, false, 256)                                                                      \
    X(Q5_K, true, false, 256)                                                                      \
    X(Q6_K, false, true, 256)                                                                      \
    X(IQ4_NL, false, false, 32)                                                                    \
    X(IQ4_XS, false, false, 256)                                                                   \
    X(MXFP4, false, false, 32)

#define WF_NEON_MULTIPLY(name, has_min, by_half, group)                                            \
    static void wf_neon__multiply_##name(const struct wf_neon_rows *a, size_t n_tok)               \
    {                                                                                              \
        wf_neon__all(wf_neon__load_##name, has_min, by_half, *a, n_tok);                           \
    }
WF_NEON_TYPES(WF_NEON_MULTIPLY)
#undef WF_NEON_MULTIPLY

/* out[t * ld + r] for any quantised type. */
static void wf_neon__multiply(const struct wf_dtype *t, const struct wf_neon_rows *a, size_t n_tok)
{
    switch ((enum wf_dtype_id)t->id) {
#define WF_NEON_CASE(name, has_min, by_half, group)                                                \
    case WF_DTYPE_##name:                                                                          \
        wf_neon__multiply_##name(a, n_tok);                                                        \
        break;
        WF_NEON_TYPES(WF_NEON_CASE)
#undef WF_NEON_CASE
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break; /* are multiplied as floats */
    }
}

#endif
