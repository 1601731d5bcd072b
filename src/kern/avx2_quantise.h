/* How activations become bytes with a scale, for the files of AVX2 kernels. Only files that are
 * compiled with AVX2 and F16C include this. Threads: any. */
#ifndef WF_KERN_AVX2_QUANTISE_H
#define WF_KERN_AVX2_QUANTISE_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>

#include "kern/x86_group.h"

/* Eight products x * inverse, rounded to nearest even. */
static WF_INLINE __m256i wf_avx2_round_8(const float *x, __m256 inverse)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
}

/* 32 values times `inverse` as int8; the sums of both halves. */
static WF_INLINE __m256i wf_avx2_quantise_32(const float *x, float inverse, int32_t sums[2])
{
    __m256 inv = _mm256_set1_ps(inverse);
    __m256i a = _mm256_packs_epi32(wf_avx2_round_8(x, inv), wf_avx2_round_8(x + 8, inv));
    __m256i b = _mm256_packs_epi32(wf_avx2_round_8(x + 16, inv), wf_avx2_round_8(x + 24, inv));
    __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i v = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);
    __m256i s =
        _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), v), _mm256_set1_epi16(1));

    s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0x4e));
    s = _mm256_add_epi32(s, _mm256_shuffle_epi32(s, 0xb1));
    sums[0] = _mm256_cvtsi256_si32(s);
    sums[1] = _mm_cvtsi128_si32(_mm256_extracti128_si256(s, 1));
    return v;
}

/* Magnitudes as integers, which have the same order, and what is no number above all. */
static WF_INLINE __m256i wf_avx2_magnitudes(const float *x)
{
    return _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)x),
                            _mm256_set1_epi32(0x7fffffff));
}

/* The largest of n, in all lanes. */
static WF_INLINE __m256i wf_avx2_largest(const float *x, size_t n)
{
    __m256i max = _mm256_setzero_si256();

    for (size_t i = 0; i < n; i += 8)
        max = _mm256_max_epi32(max, wf_avx2_magnitudes(x + i));
    max = _mm256_max_epi32(max, _mm256_permute2x128_si256(max, max, 1));
    max = _mm256_max_epi32(max, _mm256_shuffle_epi32(max, 0x4e));
    return _mm256_max_epi32(max, _mm256_shuffle_epi32(max, 0xb1));
}

/* Of 256 values the one of largest magnitude, with its sign (the first of equals). */
static WF_INLINE float wf_avx2_largest_256(const float *x)
{
    __m256i max = wf_avx2_largest(x, 256);

    for (size_t i = 0; i < 256; i += 8) {
        __m256i is_most = _mm256_cmpeq_epi32(wf_avx2_magnitudes(x + i), max);
        int at = _mm256_movemask_ps(_mm256_castsi256_ps(is_most));
        if (at != 0)
            return x[i + (size_t)__builtin_ctz((unsigned)at)];
    }
    return 0.0f; /* one of them is the largest */
}

/* The scale of a group of values and what they are multiplied by: see kern_ref.c. What is no number
 * makes the scale none, so that it shows in the products. */
static WF_INLINE float wf_avx2_scale_of(const float *x, size_t group, float *out_inverse)
{
    float max = group == 32 ? _mm256_cvtss_f32(_mm256_castsi256_ps(wf_avx2_largest(x, 32)))
                            : wf_avx2_largest_256(x);

    *out_inverse = 0.0f;
    if (max == 0.0f)
        return 0.0f;
    *out_inverse = group == 32 ? 127.0f / max : -127.0f / max;
    return group == 32 ? _cvtsh_ss(_cvtss_sh(max / 127.0f, _MM_FROUND_TO_NEAREST_INT))
                       : 1.0f / *out_inverse;
}

#endif
