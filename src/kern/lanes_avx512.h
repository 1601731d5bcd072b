/* Registers of floats with AVX-512 (F, DQ): 16 lanes; what each such file offers stands in
 * lanes.h. Only files that are compiled with AVX-512 (F, DQ) include this. Threads: any. */
#ifndef WF_KERN_LANES_AVX512_H
#define WF_KERN_LANES_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define WF_INLINE inline __attribute__((always_inline))
#define WF_LANES 16

typedef __m512 wf_lanes;

/* A mask of the first n lanes. */
static WF_INLINE __mmask16 wf_lanes__first(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* n lanes (at most all), the others 0. */
static WF_INLINE wf_lanes wf_lanes_load(const float *x, size_t n)
{
    return n == WF_LANES ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(wf_lanes__first(n), x);
}

/* The first n lanes. */
static WF_INLINE void wf_lanes_store(float *x, size_t n, wf_lanes v)
{
    if (n == WF_LANES)
        _mm512_storeu_ps(x, v);
    else
        _mm512_mask_storeu_ps(x, wf_lanes__first(n), v);
}

/* As wf_lanes_load, of half precision. */
static WF_INLINE wf_lanes wf_lanes_halves(const uint16_t *x, size_t n)
{
    if (n == WF_LANES)
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)x));
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(wf_lanes__first(n), x));
}

/* To half precision and back. */
static WF_INLINE wf_lanes wf_lanes_rounded(wf_lanes v)
{
    return _mm512_cvtph_ps(_mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* yes in the lanes where a >= b, else no; of what is no number: no. */
static WF_INLINE wf_lanes wf_lanes_at_least(wf_lanes a, wf_lanes b, wf_lanes yes, wf_lanes no)
{
    return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), yes);
}

/* a in the lanes whose bit is set, else b. */
static WF_INLINE wf_lanes wf_lanes_pick(uint32_t bits, wf_lanes a, wf_lanes b)
{
    return _mm512_mask_mov_ps(b, (__mmask16)bits, a);
}

/* a in every lane. */
static WF_INLINE wf_lanes wf_lanes_all(float a)
{
    return _mm512_set1_ps(a);
}

/* a b + c. */
static WF_INLINE wf_lanes wf_lanes_fma(wf_lanes a, wf_lanes b, wf_lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* Of every lane. */
static WF_INLINE wf_lanes wf_lanes_sqrt(wf_lanes v)
{
    return _mm512_sqrt_ps(v);
}

/* Of a number and none: b. */
static WF_INLINE wf_lanes wf_lanes_max(wf_lanes a, wf_lanes b)
{
    return _mm512_max_ps(a, b);
}

/* e^v to 2 units in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cody and
 * Waite's reduction); beyond what float32 holds 0 and infinity. */
static WF_INLINE wf_lanes wf_lanes_exp(wf_lanes v)
{
    wf_lanes x = _mm512_min_ps(_mm512_set1_ps(90.0f), _mm512_max_ps(_mm512_set1_ps(-110.0f), v));
    wf_lanes n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                      _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    wf_lanes r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    wf_lanes p = _mm512_set1_ps(1.9875691500e-4f);

    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

/* v where the stirred number of the lane is not below `limit`, else 0; see grad.h's drop. */
static WF_INLINE wf_lanes wf_lanes_unless(wf_lanes v, uint32_t first, uint32_t limit)
{
    __m512i x =
        _mm512_add_epi32(_mm512_set1_epi32((int32_t)first),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));

    x = _mm512_mullo_epi32(x, _mm512_set1_epi32((int32_t)0x9e3779b1u));
    x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
    x = _mm512_mullo_epi32(x, _mm512_set1_epi32((int32_t)0x85ebca6bu));
    x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 13));
    x = _mm512_mullo_epi32(x, _mm512_set1_epi32((int32_t)0xc2b2ae35u));
    x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
    return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask(x, _mm512_set1_epi32((int32_t)limit)), v);
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_sum(wf_lanes v)
{
    return _mm512_reduce_add_ps(v);
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_largest(wf_lanes v)
{
    return _mm512_reduce_max_ps(v);
}

/* In double. */
static WF_INLINE double wf_lanes_sum_squares(const float *x, size_t n)
{
    __m512d sums[4] = {_mm512_setzero_pd(), _mm512_setzero_pd(), _mm512_setzero_pd(),
                       _mm512_setzero_pd()};

    for (size_t i = 0; i < n; i += 2 * WF_LANES) {
        for (size_t j = 0; j < 2; j++) {
            size_t at = i + j * WF_LANES, left = n > at ? n - at : 0;
            wf_lanes v = wf_lanes_load(x + at, left < WF_LANES ? left : WF_LANES);
            __m512d lo = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
            __m512d hi = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
            sums[2 * j] = _mm512_fmadd_pd(lo, lo, sums[2 * j]);
            sums[2 * j + 1] = _mm512_fmadd_pd(hi, hi, sums[2 * j + 1]);
        }
    }
    return _mm512_reduce_add_pd(
        _mm512_add_pd(_mm512_add_pd(sums[0], sums[1]), _mm512_add_pd(sums[2], sums[3])));
}

#endif
