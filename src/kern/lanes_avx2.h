/* Registers of floats with AVX2, FMA and F16C: 8 lanes; what each such file offers stands in
 * lanes.h. Only files that are compiled with AVX2, FMA and F16C include this. Threads: any. */
#ifndef WF_KERN_LANES_AVX2_H
#define WF_KERN_LANES_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WF_INLINE inline __attribute__((always_inline))
#define WF_LANES 8

typedef __m256 wf_lanes;

/* A mask of the first n lanes. */
static WF_INLINE __m256i wf_lanes__first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* n lanes (at most all), the others 0. */
static WF_INLINE wf_lanes wf_lanes_load(const float *x, size_t n)
{
    return n == WF_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, wf_lanes__first(n));
}

/* The first n lanes. */
static WF_INLINE void wf_lanes_store(float *x, size_t n, wf_lanes v)
{
    if (n == WF_LANES)
        _mm256_storeu_ps(x, v);
    else
        _mm256_maskstore_ps(x, wf_lanes__first(n), v);
}

/* a in the lanes whose bit is set, else b. */
static WF_INLINE wf_lanes wf_lanes_pick(uint32_t bits, wf_lanes a, wf_lanes b)
{
    __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i set = _mm256_and_si256(_mm256_set1_epi32((int32_t)bits), each);

    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, each)));
}

/* To half precision and back. */
static WF_INLINE wf_lanes wf_lanes_rounded(wf_lanes v)
{
    return _mm256_cvtph_ps(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* yes in the lanes where a >= b, else no; of what is no number: no. */
static WF_INLINE wf_lanes wf_lanes_at_least(wf_lanes a, wf_lanes b, wf_lanes yes, wf_lanes no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GE_OQ));
}

/* As wf_lanes_load, of half precision. */
static WF_INLINE wf_lanes wf_lanes_halves(const uint16_t *x, size_t n)
{
    uint16_t all[WF_LANES] = {0};

    if (n == WF_LANES)
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)x));
    memcpy(all, x, n * sizeof(*x));
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)all));
}

/* a in every lane. */
static WF_INLINE wf_lanes wf_lanes_all(float a)
{
    return _mm256_set1_ps(a);
}

/* a b + c. */
static WF_INLINE wf_lanes wf_lanes_fma(wf_lanes a, wf_lanes b, wf_lanes c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* Of every lane. */
static WF_INLINE wf_lanes wf_lanes_sqrt(wf_lanes v)
{
    return _mm256_sqrt_ps(v);
}

/* Of a number and none: b. */
static WF_INLINE wf_lanes wf_lanes_max(wf_lanes a, wf_lanes b)
{
    return _mm256_max_ps(a, b);
}

/* As in lanes_avx512.h; what would be subnormal is 0. */
static WF_INLINE wf_lanes wf_lanes_exp(wf_lanes v)
{
    wf_lanes x = _mm256_min_ps(_mm256_set1_ps(88.0f), _mm256_max_ps(_mm256_set1_ps(-87.0f), v));
    wf_lanes n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                 _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    wf_lanes r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    wf_lanes p = _mm256_set1_ps(1.9875691500e-4f);
    __m256i bits;

    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
    bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(bits));
    p = _mm256_blendv_ps(p, _mm256_setzero_ps(),
                         _mm256_cmp_ps(v, _mm256_set1_ps(-87.0f), _CMP_LT_OQ));
    p = _mm256_blendv_ps(p, _mm256_set1_ps(INFINITY),
                         _mm256_cmp_ps(v, _mm256_set1_ps(88.0f), _CMP_GT_OQ));
    return _mm256_blendv_ps(p, v, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

/* v where the stirred number of the lane is not below `limit`, else 0; see grad.h's drop. */
static WF_INLINE wf_lanes wf_lanes_unless(wf_lanes v, uint32_t first, uint32_t limit)
{
    __m256i x = _mm256_add_epi32(_mm256_set1_epi32((int32_t)first),
                                 _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i from = _mm256_set1_epi32((int32_t)limit);

    x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int32_t)0x9e3779b1u));
    x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
    x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int32_t)0x85ebca6bu));
    x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 13));
    x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int32_t)0xc2b2ae35u));
    x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
    x = _mm256_cmpeq_epi32(_mm256_max_epu32(x, from), x);
    return _mm256_and_ps(v, _mm256_castsi256_ps(x));
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_sum(wf_lanes v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_largest(wf_lanes v)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* In double. */
static WF_INLINE double wf_lanes_sum_squares(const float *x, size_t n)
{
    __m256d sums[2] = {_mm256_setzero_pd(), _mm256_setzero_pd()}, s;
    double all[4];

    for (size_t i = 0; i < n; i += WF_LANES) {
        wf_lanes v = wf_lanes_load(x + i, n - i < WF_LANES ? n - i : WF_LANES);
        __m256d lo = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
        __m256d hi = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
        sums[0] = _mm256_fmadd_pd(lo, lo, sums[0]);
        sums[1] = _mm256_fmadd_pd(hi, hi, sums[1]);
    }
    s = _mm256_add_pd(sums[0], sums[1]);
    _mm256_storeu_pd(all, s);
    return (all[0] + all[1]) + (all[2] + all[3]);
}

#endif
