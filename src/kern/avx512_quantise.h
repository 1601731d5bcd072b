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

/* Of 256 values the one of largest magnitude, with its sign (the first of equals). */
static WF_INLINE float wf_avx512_largest_256(const float *x)
{
    __m512 max = _mm512_setzero_ps();
    float most;

    for (size_t i = 0; i < 256; i += 16)
        max = _mm512_max_ps(max, _mm512_abs_ps(_mm512_loadu_ps(x + i)));
    most = _mm512_reduce_max_ps(max);
    for (size_t i = 0; i < 256; i += 16) {
        __m512 v = _mm512_loadu_ps(x + i);
        __mmask16 is_most = _mm512_cmp_ps_mask(_mm512_abs_ps(v), _mm512_set1_ps(most), _CMP_EQ_OQ);
        if (is_most != 0)
            return x[i + (size_t)__builtin_ctz(is_most)];
    }
    return 0.0f; /* no numbers at all */
}

/* The scale of a group of values and what they are multiplied by: see kern_ref.c. */
static WF_INLINE float wf_avx512_scale_of(const float *x, size_t group, float *out_inverse)
{
    float max = group == 32
                    ? _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(x)),
                                                         _mm512_abs_ps(_mm512_loadu_ps(x + 16))))
                    : wf_avx512_largest_256(x);

    *out_inverse = 0.0f;
    if (max == 0.0f)
        return 0.0f;
    *out_inverse = group == 32 ? 127.0f / max : -127.0f / max;
    return group == 32 ? _cvtsh_ss(_cvtss_sh(max / 127.0f, _MM_FROUND_TO_NEAREST_INT))
                       : 1.0f / *out_inverse;
}

#endif
