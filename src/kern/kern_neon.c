/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for aarch64 (its SIMD is part of every such processor).
 *
 * Quantised weights meet 8-bit activations in groups of 32, as in kern_avx2.c: a group is loaded
 * once (neon_group.h) and multiplied with up to four tokens (neon_matmul.h). */
#ifdef __aarch64__
#include <arm_neon.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kern/half.h"
#include "kern/neon_internal.h"
#include "kern/neon_matmul.h"

#define CHUNK 1024 /* floats that a row is unpacked in; whole blocks of every type */

/* ---- prepared rows ---- */

static bool is_float(const struct wf_dtype *t)
{
    return t->block == 1;
}

static size_t group_of(const struct wf_dtype *t)
{
    return t->block == 256 ? 256 : 32;
}

static size_t act_row(const struct wf_dtype *t, enum wf_act act, size_t n_in)
{
    if (act == WF_ACT_F32 || is_float(t))
        return n_in * sizeof(float);
    return (n_in / group_of(t) + n_in / 16) * sizeof(float) + n_in;
}

size_t wf_neon__act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    return n_tok * act_row(t, act, n_in);
}

/* The value of largest magnitude, with its sign (the first of equals). Magnitudes are compared as
 * integers, which have the same order, and what is no number above all: so it shows. */
static float largest(const float *x, size_t n)
{
    uint32x4_t max = vdupq_n_u32(0);
    uint32_t most;

    for (size_t i = 0; i < n; i += 4)
        max = vmaxq_u32(max, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
    most = vmaxvq_u32(max);
    for (size_t i = 0; i < n; i++) {
        if ((wf_float_bits(x[i]) & 0x7fffffff) == most)
            return x[i];
    }
    return 0.0f; /* one of them is the largest */
}

/* 16 values times `inverse`, rounded to nearest even, as int8; returns their sum. */
static int32_t quantise_16(const float *x, float inverse, int8_t *q)
{
    int16x8_t a, b;

    a = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), inverse))),
                     vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), inverse))));
    b = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 8), inverse))),
                     vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 12), inverse))));
    vst1q_s8(q, vcombine_s8(vqmovn_s16(a), vqmovn_s16(b)));
    return vaddlvq_s16(a) + vaddlvq_s16(b);
}

float wf_neon__quantise(const float *x, size_t group, int8_t *q, float *sums)
{
    float max = largest(x, group), inverse = 0.0f, scale = 0.0f;

    if (max != 0.0f && group == 32) {
        inverse = 127.0f / fabsf(max);
        scale = wf_half_to_float(wf_float_to_half(fabsf(max) / 127.0f));
    } else if (max != 0.0f) {
        inverse = -127.0f / max;
        scale = 1.0f / inverse;
    }
    for (size_t j = 0; j < group; j += 16)
        sums[j / 16] = scale * (float)quantise_16(x + j, inverse, q + j);
    return scale;
}

void wf_neon__act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                          size_t n_tok, size_t i_tok, void *out)
{
    size_t group = group_of(t), n_groups = n_in / group;
    void *row = (char *)out + i_tok * act_row(t, act, n_in);
    float *scales = row, *sums = scales + n_groups;
    int8_t *q = (int8_t *)(sums + n_in / 16);

    (void)n_tok;
    if (act == WF_ACT_F32 || is_float(t)) {
        memcpy(row, x, n_in * sizeof(float));
        return;
    }
    for (size_t i = 0; i < n_groups; i++)
        scales[i] = wf_neon__quantise(x + i * group, group, q + i * group, sums + i * (group / 16));
}

/* ---- products ---- */

float wf_neon__dot_f32(const float *a, const float *b, size_t n)
{
    float32x4_t s[4];
    size_t i = 0;
    float sum;

    for (size_t k = 0; k < 4; k++)
        s[k] = vdupq_n_f32(0.0f);
    for (; i + 16 <= n; i += 16) {
        for (size_t k = 0; k < 4; k++)
            s[k] = vfmaq_f32(s[k], vld1q_f32(a + i + 4 * k), vld1q_f32(b + i + 4 * k));
    }
    sum = vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void from_bf16(const uint8_t *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t b;
        memcpy(&b, x + 2 * i, sizeof(b));
        y[i] = wf_bf16_to_float(b);
    }
}

/* Weights unpacked to float, a chunk of a row at a time, with all tokens. */
static void multiply_floats(const struct wf_dtype *t, const struct wf_neon_rows *a, size_t n_tok)
{
    float w[CHUNK];

    for (size_t r = 0; r < a->n_rows; r++) {
        for (size_t i = 0; i < a->n_in; i += CHUNK) {
            size_t n = a->n_in - i < CHUNK ? a->n_in - i : CHUNK;
            const uint8_t *src = a->w + r * a->row_bytes + wf_dtype_bytes(t, i);
            const float *row = w;
            if (t->id == WF_DTYPE_F32 && (uintptr_t)src % sizeof(float) == 0)
                row = (const float *)(const void *)src;
            else if (t->id == WF_DTYPE_F16 && (uintptr_t)src % 2 == 0)
                wf_neon__from_f16((const uint16_t *)(const void *)src, w, n);
            else if (t->id == WF_DTYPE_BF16)
                from_bf16(src, w, n);
            else
                t->unpack(src, w, n);
            for (size_t k = 0; k < n_tok; k++) {
                const float *x = (const float *)(const void *)(a->x + k * a->x_bytes);
                float sum = wf_neon__dot_f32(row, x + i, n);
                a->out[k * a->ld + r] = i == 0 ? sum : a->out[k * a->ld + r] + sum;
            }
        }
    }
}

void wf_neon__matmul(wf_neon_multiply_fn multiply, const struct wf_dtype *t, enum wf_act act,
                     const void *w, size_t n_rows, size_t n_in, const void *prepared, size_t n_tok,
                     float *out, size_t ld)
{
    struct wf_neon_rows a = {.w = w,
                             .row_bytes = wf_dtype_bytes(t, n_in),
                             .n_rows = n_rows,
                             .n_in = n_in,
                             .x = prepared,
                             .x_bytes = act_row(t, act, n_in),
                             .group = group_of(t),
                             .out = out,
                             .ld = ld};

    if (act == WF_ACT_F32 || is_float(t))
        multiply_floats(t, &a, n_tok);
    else
        multiply(t, &a, n_tok);
}

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    wf_neon__matmul(wf_neon__multiply, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

/* ---- rows of float ---- */

static WF_INLINE float32x4_t load_halves(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

void wf_neon__axpy(float a, const float *x, float *y, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vfmaq_n_f32(vld1q_f32(y + i), vld1q_f32(x + i), a));
    for (; i < n; i++)
        y[i] += a * x[i];
}

void wf_neon__rms_norm(const float *x, const float *w, float eps, float *y, size_t n)
{
    float scale = 1.0f / sqrtf(wf_neon__dot_f32(x, x, n) / (float)n + eps);
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        float32x4_t v = vmulq_n_f32(vld1q_f32(x + i), scale);
        vst1q_f32(y + i, w != NULL ? vmulq_f32(v, vld1q_f32(w + i)) : v);
    }
    for (; i < n; i++)
        y[i] = x[i] * scale * (w != NULL ? w[i] : 1.0f);
}

/* 16 values of one row. */
static void mix_16(const float *p, const float *v, size_t n_p, size_t n, float *y)
{
    float32x4_t a = vld1q_f32(y), b = vld1q_f32(y + 4), c = vld1q_f32(y + 8), d = vld1q_f32(y + 12);

    for (size_t j = 0; j < n_p; j++, v += n) {
        a = vfmaq_n_f32(a, vld1q_f32(v), p[j]);
        b = vfmaq_n_f32(b, vld1q_f32(v + 4), p[j]);
        c = vfmaq_n_f32(c, vld1q_f32(v + 8), p[j]);
        d = vfmaq_n_f32(d, vld1q_f32(v + 12), p[j]);
    }
    vst1q_f32(y, a);
    vst1q_f32(y + 4, b);
    vst1q_f32(y + 8, c);
    vst1q_f32(y + 12, d);
}

void wf_neon__mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                  float *y)
{
    for (size_t r = 0; r < n_rows; r++, p += ld, y += n) {
        size_t i = 0;
        for (; i + 16 <= n; i += 16)
            mix_16(p, v + i, n_p, n, y + i);
        for (; i < n; i++) {
            for (size_t j = 0; j < n_p; j++)
                y[i] = fmaf(p[j], v[j * n + i], y[i]);
        }
    }
}

void wf_neon__dot_i8(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++, rows += n) {
        int32x4_t sums = vdupq_n_s32(0);
        size_t i = 0;

        for (; i + 16 <= n; i += 16) {
            int8x16_t a = vld1q_s8(q + i), b = vld1q_s8(rows + i);
            sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            sums = vpadalq_s16(sums, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
        }
        out[r] = vaddvq_s32(sums);
        for (; i < n; i++)
            out[r] += q[i] * rows[i];
    }
}

void wf_neon__to_f16(const float *x, uint16_t *y, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1_u16(y + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(x + i))));
    for (; i < n; i++)
        y[i] = wf_float_to_half(x[i]);
}

void wf_neon__from_f16(const uint16_t *x, float *y, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1q_f32(y + i, load_halves(x + i));
    for (; i < n; i++)
        y[i] = wf_half_to_float(x[i]);
}

const struct wf_kern wf_kern_neon =
    WF_NEON_TABLE("neon", 0, wf_neon__act_bytes, wf_neon__act_prepare, matmul);
#endif
