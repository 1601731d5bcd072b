/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for x86-64 with AVX2, FMA and F16C; compiled with those instructions, chosen at run time.
 *
 * Here products are shared out: with few tokens they are kern_avx2_few.c's, with many
 * kern_avx2_many.c's. */
#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx2_few.h"
#include "kern/avx2_internal.h"
#include "kern/avx2_quantise.h"
#include "kern/half.h"
#include "kern/kern.h"
#include "kern/x86_group.h"

#define CHUNK 1024 /* floats that a row is unpacked in; whole blocks of every type */

/* ---- prepared rows ---- */

static bool is_float(const struct wf_dtype *t)
{
    return t->block == 1;
}

static bool is_many(enum wf_act act, size_t n_tok)
{
    return act != WF_ACT_F32 && n_tok >= WF_AVX2_MANY_FROM;
}

/* Of one prepared row. */
static size_t act_row(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok,
                      bool vnni)
{
    if (is_many(act, n_tok) && is_float(t))
        return wf_avx2__floats_row(n_in);
    if (act == WF_ACT_F32 || is_float(t))
        return n_in * sizeof(float);
    return n_tok < WF_AVX2_MANY_FROM ? wf_avx2__few_row(t, n_in) : wf_avx2__many_row(t, n_in, vnni);
}

static size_t act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    return n_tok * act_row(t, act, n_in, n_tok, false);
}

static size_t act_bytes_vnni(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    return n_tok * act_row(t, act, n_in, n_tok, true);
}

static void prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                    size_t n_tok, size_t i_tok, bool vnni, void *out)
{
    char *row = (char *)out + i_tok * act_row(t, act, n_in, n_tok, vnni);

    if (is_many(act, n_tok) && is_float(t))
        wf_avx2__floats_prepare(x, n_in, n_tok, i_tok, out);
    else if (act == WF_ACT_F32 || is_float(t))
        memcpy(row, x, n_in * sizeof(float));
    else if (n_tok < WF_AVX2_MANY_FROM)
        wf_avx2__few_prepare(t, x, n_in, row);
    else
        wf_avx2__many_prepare(t, x, n_in, vnni, n_tok, i_tok, out);
}

static void act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    prepare(t, act, x, n_in, n_tok, i_tok, false, out);
}

static void act_prepare_vnni(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                             size_t n_tok, size_t i_tok, void *out)
{
    prepare(t, act, x, n_in, n_tok, i_tok, true, out);
}

/* ---- products ---- */

static float dot(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    float sum;

    for (; i + 32 <= n; i += 32) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
        s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
        s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
    }
    for (; i + 8 <= n; i += 8)
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    sum = wf_avx2_sum(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void wf_kern__avx2_from_f16(const uint16_t *x, float *y, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i,
                         _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(x + i))));
    for (; i < n; i++)
        y[i] = wf_half_to_float(x[i]);
}

static void from_bf16(const uint8_t *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t b;
        memcpy(&b, x + 2 * i, sizeof(b));
        y[i] = wf_bf16_to_float(b);
    }
}

/* Weights unpacked to float, a chunk of a row at a time, with few tokens, or rows of float32. */
static void multiply_floats(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
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
                wf_kern__avx2_from_f16((const uint16_t *)(const void *)src, w, n);
            else if (t->id == WF_DTYPE_BF16)
                from_bf16(src, w, n);
            else
                t->unpack(src, w, n);
            for (size_t k = 0; k < n_tok; k++) {
                const float *x = (const float *)(const void *)(a->x + k * a->x_bytes);
                float sum = dot(row, x + i, n);
                a->out[k * a->ld + r] = i == 0 ? sum : a->out[k * a->ld + r] + sum;
            }
        }
    }
}

static WF_INLINE void multiply(bool vnni, const struct wf_dtype *t, enum wf_act act, const void *w,
                               size_t n_rows, size_t n_in, const void *prepared, size_t n_tok,
                               float *out, size_t ld)
{
    struct wf_avx2_rows a = {.w = w,
                             .row_bytes = wf_dtype_bytes(t, n_in),
                             .n_rows = n_rows,
                             .n_in = n_in,
                             .x = prepared,
                             .x_bytes = act_row(t, act, n_in, n_tok, vnni),
                             .out = out,
                             .ld = ld};

    if (is_many(act, n_tok) && is_float(t))
        wf_avx2__multiply_floats(t, &a, n_tok);
    else if (act == WF_ACT_F32 || is_float(t))
        multiply_floats(t, &a, n_tok);
    else if (n_tok < WF_AVX2_MANY_FROM)
        wf_avx2__multiply_few(t, &a, n_tok);
    else
        wf_avx2__multiply_many(t, &a, n_tok, vnni);
}

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    multiply(false, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

static void matmul_vnni(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                        size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    multiply(true, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

/* ---- rows of float ---- */

void wf_kern__avx2_axpy(float a, const float *x, float *y, size_t n)
{
    __m256 va = _mm256_set1_ps(a);
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i,
                         _mm256_fmadd_ps(va, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        y[i] += a * x[i];
}

void wf_kern__avx2_rms_norm(const float *x, const float *w, float eps, float *y, size_t n)
{
    float scale = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
    __m256 vs = _mm256_set1_ps(scale);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), vs);
        _mm256_storeu_ps(y + i, w != NULL ? _mm256_mul_ps(v, _mm256_loadu_ps(w + i)) : v);
    }
    for (; i < n; i++)
        y[i] = x[i] * scale * (w != NULL ? w[i] : 1.0f);
}

/* 32 columns of one row. */
static WF_INLINE void mix32(const float *p, const float *v, size_t n_p, size_t n, float *y)
{
    __m256 a = _mm256_loadu_ps(y), b = _mm256_loadu_ps(y + 8);
    __m256 c = _mm256_loadu_ps(y + 16), d = _mm256_loadu_ps(y + 24);

    for (size_t j = 0; j < n_p; j++, v += n) {
        __m256 x = _mm256_set1_ps(p[j]);
        a = _mm256_fmadd_ps(x, _mm256_loadu_ps(v), a);
        b = _mm256_fmadd_ps(x, _mm256_loadu_ps(v + 8), b);
        c = _mm256_fmadd_ps(x, _mm256_loadu_ps(v + 16), c);
        d = _mm256_fmadd_ps(x, _mm256_loadu_ps(v + 24), d);
    }
    _mm256_storeu_ps(y, a);
    _mm256_storeu_ps(y + 8, b);
    _mm256_storeu_ps(y + 16, c);
    _mm256_storeu_ps(y + 24, d);
}

void wf_kern__avx2_mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p,
                       size_t n, float *y)
{
    for (size_t r = 0; r < n_rows; r++, p += ld, y += n) {
        size_t i = 0;
        for (; i + 32 <= n; i += 32)
            mix32(p, v + i, n_p, n, y + i);
        for (; i < n; i++) {
            for (size_t j = 0; j < n_p; j++)
                y[i] = fmaf(p[j], v[j * n + i], y[i]);
        }
    }
}

/* Pairs of products of |q| and the row with q's sign cannot leave 16 bits. */
static void dot_i8(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out)
{
    __m256i ones = _mm256_set1_epi16(1);

    for (size_t r = 0; r < n_rows; r++, rows += n) {
        __m256i sums = _mm256_setzero_si256();
        __m128i half;
        size_t i = 0;

        for (; i + 32 <= n; i += 32) {
            __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(q + i));
            __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(rows + i));
            __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, ones));
        }
        half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
        out[r] = _mm_cvtsi128_si32(half);
        for (; i < n; i++)
            out[r] += q[i] * rows[i];
    }
}

void wf_kern__avx2_to_f16(const float *x, uint16_t *y, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(void *)(y + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        y[i] = wf_float_to_half(x[i]);
}

const struct wf_kern wf_kern_avx2 = {
    .name = "avx2",
    .n_wide = WF_AVX2_MANY_FROM,
    .act_bytes = act_bytes,
    .act_prepare = act_prepare,
    .matmul = matmul,
    .axpy = wf_kern__avx2_axpy,
    .rms_norm = wf_kern__avx2_rms_norm,
    .softmax = wf_avx2__softmax,
    .exp_sum = wf_avx2__exp_sum,
    .mix = wf_kern__avx2_mix,
    .silu_mul = wf_avx2__silu_mul,
    .gelu_mul = wf_avx2__gelu_mul,
    .dot_i8 = dot_i8,
    .attend = wf_kern__avx2_attend,
    .to_i8 = wf_kern__avx2_to_i8,
    .to_f16 = wf_kern__avx2_to_f16,
    .from_f16 = wf_kern__avx2_from_f16,
};

const struct wf_kern wf_kern_avxvnni = {
    .name = "avxvnni",
    .n_wide = WF_AVX2_MANY_FROM,
    .act_bytes = act_bytes_vnni,
    .act_prepare = act_prepare_vnni,
    .matmul = matmul_vnni,
    .axpy = wf_kern__avx2_axpy,
    .rms_norm = wf_kern__avx2_rms_norm,
    .softmax = wf_avx2__softmax,
    .exp_sum = wf_avx2__exp_sum,
    .mix = wf_kern__avx2_mix,
    .silu_mul = wf_avx2__silu_mul,
    .gelu_mul = wf_avx2__gelu_mul,
    .dot_i8 = dot_i8,
    .attend = wf_kern__avx2_attend,
    .to_i8 = wf_kern__avx2_to_i8,
    .to_f16 = wf_kern__avx2_to_f16,
    .from_f16 = wf_kern__avx2_from_f16,
};
#endif
