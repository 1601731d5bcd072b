/* Groups of 32 quantised weights in registers, for the x86-64 kernels: for each data type one small
 * function loads a group. Only files that are compiled with AVX2, FMA and F16C include this.
 * Threads: any. */
#ifndef WF_KERN_X86_GROUP_H
#define WF_KERN_X86_GROUP_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kern/attend.h"
#include "kern/dtype_internal.h"
#include "kern/half.h"

#define WF_INLINE inline __attribute__((always_inline))

struct wf_x86_group {
    __m256i w;    /* 32 int8; unsigned where the type has minima */
    __m256 scale; /* lanes 0..3 for the first 16 values, 4..7 for the others */
    float min[2]; /* added for each unit of the activations of a half */
};

/* Loads group i of a row; min is untouched where the type has none. */
typedef void (*wf_x86_load_fn)(const uint8_t *row, size_t i, struct wf_x86_group *out);

/* A half-precision number. */
static WF_INLINE float wf_x86__load_half(const uint8_t *p)
{
    uint16_t h;

    memcpy(&h, p, sizeof(h));
    return _cvtsh_ss(h);
}

/* 16 bytes as 32 nibbles: the low ones first. */
static WF_INLINE __m256i wf_x86__nibbles(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m256i both = _mm256_set_m128i(_mm_srli_epi16(b, 4), b);

    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* 32 bytes. */
static WF_INLINE __m256i wf_x86__load32(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Bits [shift, shift + n) of 32 bytes, for mask = 2^n - 1. */
static WF_INLINE __m256i wf_x86__bits_of(__m256i v, int shift, char mask)
{
    return _mm256_and_si256(_mm256_srl_epi16(v, _mm_cvtsi32_si128(shift)), _mm256_set1_epi8(mask));
}

/* 16 in byte i where bit i of the 32 is set. */
static WF_INLINE __m256i wf_x86__fifth_bits(const uint8_t *p)
{
    uint32_t bits;
    __m256i spread, one_each;

    memcpy(&bits, p, sizeof(bits));
    spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int32_t)bits),
                                 _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2,
                                                  2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
    one_each = _mm256_set1_epi64x((long long)0x8040201008040201u);
    spread = _mm256_cmpeq_epi8(_mm256_and_si256(spread, one_each), one_each);
    return _mm256_and_si256(spread, _mm256_set1_epi8(16));
}

/* Entries of a table of 16. */
static WF_INLINE __m256i wf_x86__looked_up(const int8_t *table, __m256i index)
{
    __m128i t = _mm_loadu_si128((const __m128i *)(const void *)table);

    return _mm256_shuffle_epi8(_mm256_set_m128i(t, t), index);
}

/* a for the first 16 values, b for the others. */
static WF_INLINE __m256 wf_x86__halves(float a, float b)
{
    return _mm256_set_m128(_mm_set1_ps(b), _mm_set1_ps(a));
}

/* Group i of a row of Q4_0. */
static WF_INLINE void wf_x86__load_Q4_0(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 18;

    out->w = _mm256_sub_epi8(wf_x86__nibbles(b + 2), _mm256_set1_epi8(8));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
}

/* Group i of a row of Q4_1. */
static WF_INLINE void wf_x86__load_Q4_1(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 20;

    out->w = wf_x86__nibbles(b + 4);
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
    out->min[0] = out->min[1] = wf_x86__load_half(b + 2);
}

/* Group i of a row of Q5_0. */
static WF_INLINE void wf_x86__load_Q5_0(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 22;

    out->w = _mm256_sub_epi8(_mm256_or_si256(wf_x86__nibbles(b + 6), wf_x86__fifth_bits(b + 2)),
                             _mm256_set1_epi8(16));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
}

/* Group i of a row of Q5_1. */
static WF_INLINE void wf_x86__load_Q5_1(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 24;

    out->w = _mm256_or_si256(wf_x86__nibbles(b + 8), wf_x86__fifth_bits(b + 4));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
    out->min[0] = out->min[1] = wf_x86__load_half(b + 2);
}

/* Group i of a row of Q8_0. */
static WF_INLINE void wf_x86__load_Q8_0(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 34;

    out->w = wf_x86__load32(b + 2);
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
}

/* Group i of a row of IQ4_NL. */
static WF_INLINE void wf_x86__load_IQ4_NL(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 18;

    out->w = wf_x86__looked_up(wf_dtype__iq4, wf_x86__nibbles(b + 2));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b));
}

/* Group i of a row of MXFP4. */
static WF_INLINE void wf_x86__load_MXFP4(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i * 17;
    uint32_t e = b[0]; /* 2^(e - 128): subnormal below 2 */

    out->w = wf_x86__looked_up(wf_dtype__fp4, wf_x86__nibbles(b + 1));
    out->scale = _mm256_set1_ps(wf_bits_float(e >= 2 ? (e - 1) << 23 : 0x00200000u << e));
}

/* Group i of a row of Q2_K. */
static WF_INLINE void wf_x86__load_Q2_K(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 84;
    size_t j = i % 8;
    const uint8_t *s = b + 2 * j;
    float d = wf_x86__load_half(b + 80), dmin = wf_x86__load_half(b + 82);

    out->w = wf_x86__bits_of(wf_x86__load32(b + 16 + j / 4 * 32), (int)(j % 4) * 2, 3);
    out->scale = wf_x86__halves(d * (float)(s[0] & 15), d * (float)(s[1] & 15));
    out->min[0] = -dmin * (float)(s[0] >> 4);
    out->min[1] = -dmin * (float)(s[1] >> 4);
}

/* Group i of a row of Q3_K. */
static WF_INLINE void wf_x86__load_Q3_K(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 110;
    size_t j = i % 8;
    __m256i low = wf_x86__bits_of(wf_x86__load32(b + 32 + j / 4 * 32), (int)(j % 4) * 2, 3);
    __m256i high = wf_x86__bits_of(wf_x86__load32(b), (int)j, 1);
    float d = wf_x86__load_half(b + 108);

    low = _mm256_add_epi8(low, _mm256_slli_epi16(high, 2));
    out->w = _mm256_sub_epi8(low, _mm256_set1_epi8(4));
    out->scale = wf_x86__halves(d * (float)wf_dtype__scale_q3(b + 96, (int)(2 * j)),
                                d * (float)wf_dtype__scale_q3(b + 96, (int)(2 * j + 1)));
}

/* Group i of a row of Q4_K. */
static WF_INLINE void wf_x86__load_Q4_K(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 144;
    size_t j = i % 8;
    uint8_t scale, min;

    wf_dtype__scale_min(b + 4, (int)j, &scale, &min);
    out->w = wf_x86__bits_of(wf_x86__load32(b + 16 + j / 2 * 32), (int)(j % 2) * 4, 15);
    out->scale = _mm256_set1_ps(wf_x86__load_half(b) * (float)scale);
    out->min[0] = out->min[1] = -wf_x86__load_half(b + 2) * (float)min;
}

/* Group i of a row of Q5_K. */
static WF_INLINE void wf_x86__load_Q5_K(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 176;
    size_t j = i % 8;
    uint8_t scale, min;
    __m256i high = wf_x86__bits_of(wf_x86__load32(b + 16), (int)j, 1);

    wf_dtype__scale_min(b + 4, (int)j, &scale, &min);
    out->w = wf_x86__bits_of(wf_x86__load32(b + 48 + j / 2 * 32), (int)(j % 2) * 4, 15);
    out->w = _mm256_or_si256(out->w, _mm256_slli_epi16(high, 4));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b) * (float)scale);
    out->min[0] = out->min[1] = -wf_x86__load_half(b + 2) * (float)min;
}

/* Group i of a row of Q6_K. */
static WF_INLINE void wf_x86__load_Q6_K(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 210;
    size_t j = i % 8, half = j / 4, part = j % 4;
    __m256i low =
        wf_x86__bits_of(wf_x86__load32(b + half * 64 + part % 2 * 32), (int)(part / 2) * 4, 15);
    __m256i high = wf_x86__bits_of(wf_x86__load32(b + 128 + half * 32), (int)part * 2, 3);
    const int8_t *s = (const int8_t *)b + 192 + 2 * j;
    float d = wf_x86__load_half(b + 208);

    low = _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
    out->w = _mm256_sub_epi8(low, _mm256_set1_epi8(32));
    out->scale = wf_x86__halves(d * (float)s[0], d * (float)s[1]);
}

/* Group i of a row of IQ4_XS. */
static WF_INLINE void wf_x86__load_IQ4_XS(const uint8_t *row, size_t i, struct wf_x86_group *out)
{
    const uint8_t *b = row + i / 8 * 136;
    size_t j = i % 8;
    int high = (b[2] | b[3] << 8) >> 2 * j & 3, low = b[4 + j / 2] >> 4 * (j % 2) & 15;

    out->w = wf_x86__looked_up(wf_dtype__iq4, wf_x86__nibbles(b + 8 + j * 16));
    out->scale = _mm256_set1_ps(wf_x86__load_half(b) * (float)((low | high << 4) - 32));
}

/* 8 rows of 32 bytes to 8 units of 4 bytes of each row. */
static WF_INLINE void wf_x86__turn(__m256i r[8])
{
    __m256i a[8], b[8];

    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm256_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm256_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm256_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm256_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
    }
}

/* Rows of float as kern_avx2.c has them, for tables that have nothing better: contracts as in
 * kern/kern.h. */
void wf_kern__avx2_rms_norm(const float *x, const float *w, float eps, float *y, size_t n);
void wf_kern__avx2_to_f16(const float *x, uint16_t *y, size_t n);
void wf_kern__avx2_from_f16(const uint16_t *x, float *y, size_t n);
void wf_kern__avx2_mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p,
                       size_t n, float *y);
void wf_kern__avx2_axpy(float a, const float *x, float *y, size_t n);
void wf_kern__avx2_attend(const struct wf_attend *a);
void wf_kern__avx2_to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y);

#endif
