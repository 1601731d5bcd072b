/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over pages with AVX2, FMA and F16C. */
#ifdef __x86_64__
#include <string.h>

#include "kern/lanes_avx2.h"
#include "kern/x86_group.h"

#include "kern/lanes.h"

#define WF_ATTEND_ROWS 4
#include "kern/attend_lanes.h"

#include "kern/attend_blocks.h"

void wf_kern__avx2_attend(const struct wf_attend *a)
{
    wf_attend_pages(a);
}

/* 8 floats as integers. */
static WF_INLINE __m256i whole(const float *x, __m256 by)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), by));
}

void wf_kern__avx2_to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y)
{
    for (size_t b = 0; b < n / 32; b++, x += 32, y += 32) {
        __m256 most = _mm256_setzero_ps(), none = most, sign = _mm256_set1_ps(-0.0f), by;
        __m256i v[4], low, high;
        for (size_t i = 0; i < 32; i += 8) {
            __m256 a = _mm256_loadu_ps(x + i);
            most = _mm256_max_ps(_mm256_andnot_ps(sign, a), most);
            none = _mm256_add_ps(none, _mm256_sub_ps(a, a));
        }
        float max = wf_lanes_largest(most), odd = wf_lanes_sum(none);
        scales[b] = wf_half_to_float(wf_float_to_half(max / 127.0f)) + odd;
        by = _mm256_set1_ps(scales[b] == 0.0f || isnan(odd) ? 0.0f : 127.0f / max);
        for (size_t i = 0; i < 4; i++)
            v[i] = whole(x + 8 * i, by);
        low = _mm256_packs_epi32(v[0], v[1]); /* in halves of 128 bits, here and below */
        high = _mm256_packs_epi32(v[2], v[3]);
        low = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                          _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)(void *)y, low);
        low = _mm256_add_epi32(_mm256_add_epi32(v[0], v[1]), _mm256_add_epi32(v[2], v[3]));
        __m128i s = _mm_add_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
        sums[b] = _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
    }
}
#endif
