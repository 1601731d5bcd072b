/* How activations become bytes with a scale, for the files of AVX-512 kernels. Only files that are
 * compiled with AVX-512 include this. Threads: any. */
#ifndef WF_KERN_AVX512_QUANTISE_H
#define WF_KERN_AVX512_QUANTISE_H

#include <immintrin.h>
#include <stddef.h>

#include "kern/x86_group.h"

/* 16 values times `inverse` as int8. */
static WF_INLINE __m128i wf_avx512_quantise_16(const float *x, float inverse)
{
    return _mm512_cvtsepi32_epi8(
        _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), _mm512_set1_ps(inverse))));
}

/* Magnitudes as integers, which have the same order, and what is no number above all. */
static WF_INLINE __m512i wf_avx512_magnitudes(const float *x)
{
    return _mm512_castps_si512(_mm512_abs_ps(_mm512_loadu_ps(x)));
}

/* Of 256 values the one of largest magnitude, with its sign (the first of equals). */
static WF_INLINE float wf_avx512_largest_256(const float *x)
{
    __m512i max = _mm512_setzero_si512();

    for (size_t i = 0; i < 256; i += 16)
        max = _mm512_max_epi32(max, wf_avx512_magnitudes(x + i));
    max = _mm512_set1_epi32(_mm512_reduce_max_epi32(max));
    for (size_t i = 0; i < 256; i += 16) {
        __mmask16 is_most = _mm512_cmpeq_epi32_mask(wf_avx512_magnitudes(x + i), max);
        if (is_most != 0)
            return x[i + (size_t)__builtin_ctz(is_most)];
    }
    return 0.0f; /* one of them is the largest */
}

/* Of 32 values the largest magnitude. */
static WF_INLINE float wf_avx512_largest_32(const float *x)
{
    __m512i max = _mm512_max_epi32(wf_avx512_magnitudes(x), wf_avx512_magnitudes(x + 16));

    max = _mm512_set1_epi32(_mm512_reduce_max_epi32(max));
    return _mm512_cvtss_f32(_mm512_castsi512_ps(max));
}

/* The scale of a group of values and what they are multiplied by: see kern_ref.c. What is no number
 * makes the scale none, so that it shows in the products. */
static WF_INLINE float wf_avx512_scale_of(const float *x, size_t group, float *out_inverse)
{
    float max = group == 32 ? wf_avx512_largest_32(x) : wf_avx512_largest_256(x);

    *out_inverse = 0.0f;
    if (max == 0.0f)
        return 0.0f;
    *out_inverse = group == 32 ? 127.0f / max : -127.0f / max;
    return group == 32 ? _cvtsh_ss(_cvtss_sh(max / 127.0f, _MM_FROUND_TO_NEAREST_INT))
                       : 1.0f / *out_inverse;
}

#endif
