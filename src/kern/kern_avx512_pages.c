/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over pages with AVX-512 and VNNI.
 *
 * Pages of floats and halves are met as attend_lanes.h has it. Those of Q8_0 stay bytes: scores are
 * products of the queries' bytes with the keys', which are unsigned (value + 128), four of a key's
 * values in each of 16 slots' lanes; what the 128 added is taken off where a sum begins. Weights
 * times the values' scales become 16 bits, relative to the largest that they could be (of the slots
 * that the row sees: what it gets must not depend on slots behind), and meet pairs of slots'
 * values. */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/lanes_avx512.h"

#include "kern/lanes.h"

#define WF_ATTEND_ROWS 8
#include "kern/attend_lanes.h"

#define SLOTS WF_PAGE_TOKENS
#define WEIGHT_MAX 32767.0f

/* Four bytes, or two halves, in every lane. */
static WF_INLINE __m512i all_of(const void *p)
{
    int32_t four;

    memcpy(&four, p, sizeof(four));
    return _mm512_set1_epi32(four);
}

static WF_INLINE void score_bytes(size_t n_rows, const struct wf_attend *a, size_t row,
                                  const uint8_t *page, float *scores)
{
    size_t n = a->key_dim, n_blocks = n / 32;
    const int8_t *q = a->q8 + row * n;
    const uint16_t *halves = (const uint16_t *)(const void *)page;
    const uint8_t *bytes = page + n_blocks * SLOTS * sizeof(*halves);

    for (size_t b = 0; b < n_blocks; b++, bytes += 32 * SLOTS) {
        __m512i acc[WF_ATTEND_ROWS][2];
        __m512 low = wf_lanes_halves(halves + b * SLOTS, 16);
        __m512 high = wf_lanes_halves(halves + b * SLOTS + 16, 16);
        for (size_t r = 0; r < n_rows; r++)
            acc[r][0] = acc[r][1] = _mm512_set1_epi32(-128 * a->q_sums[(row + r) * n_blocks + b]);
        for (size_t i = 0; i < 8; i++) {
            __m512i k0 = _mm512_loadu_si512(bytes + i * 4 * SLOTS);
            __m512i k1 = _mm512_loadu_si512(bytes + i * 4 * SLOTS + 64);
            for (size_t r = 0; r < n_rows; r++) {
                __m512i four = all_of(q + r * n + 32 * b + 4 * i);
                acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], k0, four);
                acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], k1, four);
            }
        }
        for (size_t r = 0; r < n_rows; r++) {
            float *to = scores + r * SLOTS;
            __m512 scale = _mm512_set1_ps(a->q_scales[(row + r) * n_blocks + b]);
            __m512 s0 = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[r][0]), low);
            __m512 s1 = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[r][1]), high);
            if (b == 0) {
                s0 = _mm512_mul_ps(s0, scale);
                s1 = _mm512_mul_ps(s1, scale);
            } else {
                s0 = _mm512_fmadd_ps(s0, scale, _mm512_loadu_ps(to));
                s1 = _mm512_fmadd_ps(s1, scale, _mm512_loadu_ps(to + 16));
            }
            _mm512_storeu_ps(to, s0);
            _mm512_storeu_ps(to + 16, s1);
        }
    }
}

/* The largest of the halves (none negative; none at all above any) that are seen. */
static WF_INLINE float largest_half(const uint16_t *halves, uint32_t seen)
{
    __m512i v = _mm512_maskz_loadu_epi16(seen, halves);
    __m256i w = _mm256_max_epu16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i x = _mm_max_epu16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));

    x = _mm_minpos_epu16(_mm_xor_si128(x, _mm_set1_epi16(-1)));
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_xor_si128(x, _mm_set1_epi16(-1))));
}

/* Pair k of the weights as packed below: pairs 0, 1, 8, 9, 2, 3, 10, 11, .. of the slots. */
#define PAIR(k) ((k) / 4 * 2 + (k) % 2 + (k) / 2 % 2 * 8)

/* A block of 32 values. */
static WF_INLINE void mix_bytes(size_t n_rows, const struct wf_attend *a, size_t row,
                                const float *weights, const struct wf_attend_shares *shares,
                                const uint16_t *halves, const int8_t *bytes, float *sums)
{
    __m512 low = wf_lanes_halves(halves, 16), high = wf_lanes_halves(halves + 16, 16);
    __m512 low_share = low, high_share = high;
    __m512i acc[WF_ATTEND_ROWS][2], packed[WF_ATTEND_ROWS];
    float unit = 0.0f, units[WF_ATTEND_ROWS];

    for (size_t r = 0; r < n_rows; r++) {
        uint32_t seen = a->seen[row + r];
        if (r == 0 || seen != a->seen[row + r - 1]) {
            float max = largest_half(halves, seen), by = max == 0.0f ? 0.0f : WEIGHT_MAX / max;
            unit = max / WEIGHT_MAX;
            /* Slots that are not seen may hold scales that are no numbers. */
            low_share = _mm512_maskz_mul_ps((__mmask16)seen, low, _mm512_set1_ps(by));
            high_share = _mm512_maskz_mul_ps((__mmask16)(seen >> 16), high, _mm512_set1_ps(by));
        }
        units[r] = unit * shares->now[r];
        packed[r] = _mm512_packs_epi32(
            _mm512_cvtps_epi32(_mm512_mul_ps(low_share, _mm512_loadu_ps(weights + r * SLOTS))),
            _mm512_cvtps_epi32(
                _mm512_mul_ps(high_share, _mm512_loadu_ps(weights + r * SLOTS + 16))));
        acc[r][0] = acc[r][1] = _mm512_setzero_si512();
    }
    int32_t pairs[WF_ATTEND_ROWS][SLOTS / 2];
    for (size_t r = 0; r < n_rows; r++)
        _mm512_storeu_si512(pairs[r], packed[r]);
    for (size_t k = 0; k < SLOTS / 2; k++) {
        const __m256i *at = (const __m256i *)(const void *)(bytes + PAIR(k) * 2 * a->value_dim);
        __m512i v0 = _mm512_cvtepi8_epi16(_mm256_loadu_si256(at));
        __m512i v1 = _mm512_cvtepi8_epi16(_mm256_loadu_si256(at + 1));
        for (size_t r = 0; r < n_rows; r++) {
            __m512i w = _mm512_set1_epi32(pairs[r][k]);
            acc[r][0] = _mm512_dpwssd_epi32(acc[r][0], v0, w);
            acc[r][1] = _mm512_dpwssd_epi32(acc[r][1], v1, w);
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        float *to = sums + r * a->value_dim;
        __m512 before = _mm512_set1_ps(shares->before[r]), now = _mm512_set1_ps(units[r]);
        for (size_t k = 0; k < 2; k++)
            _mm512_storeu_ps(to + 16 * k,
                             _mm512_fmadd_ps(now, _mm512_cvtepi32_ps(acc[r][k]),
                                             _mm512_mul_ps(before, _mm512_loadu_ps(to + 16 * k))));
    }
}

static WF_INLINE void attend_bytes_rows(size_t n_rows, const struct wf_attend *a, size_t row,
                                        const uint8_t *keys, const uint8_t *values)
{
    size_t n = a->value_dim;
    const uint16_t *halves = (const uint16_t *)(const void *)values;
    const int8_t *bytes = (const int8_t *)values + n / 32 * SLOTS * sizeof(*halves);
    struct wf_attend_shares shares;

    score_bytes(n_rows, a, row, keys, a->room);
    wf_attend_weigh(n_rows, a, row, a->room, &shares);
    for (size_t b = 0; b < n / 32; b++)
        mix_bytes(n_rows, a, row, a->room, &shares, halves + b * SLOTS, bytes + 64 * b,
                  a->sums + row * n + 32 * b);
}

static void attend_bytes(const struct wf_attend *a, const void *keys, const void *values)
{
    for (size_t row = 0; row < a->n_rows; row += WF_ATTEND_ROWS) {
        size_t left = a->n_rows - row;
        WF_ATTEND_BY_ROWS(left < WF_ATTEND_ROWS ? left : WF_ATTEND_ROWS, attend_bytes_rows, a, row,
                          keys, values)
    }
}

void wf_avx512__attend(const struct wf_attend *a, const void *keys, const void *values)
{
    switch (a->kind) {
    case WF_KV_F32:
        wf_attend_floats(false, a, keys, values);
        break;
    case WF_KV_F16:
        wf_attend_floats(true, a, keys, values);
        break;
    case WF_KV_Q8_0:
        attend_bytes(a, keys, values);
        break;
    }
}

void wf_avx512__to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y)
{
    for (size_t b = 0; b < n / 32; b++, x += 32, y += 32) {
        __m512 v0 = _mm512_loadu_ps(x), v1 = _mm512_loadu_ps(x + 16), by;
        float max = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(v0), _mm512_abs_ps(v1)));
        __mmask16 is_odd = _mm512_fpclass_ps_mask(v0, 0x99) | _mm512_fpclass_ps_mask(v1, 0x99);
        __m128i a, c;
        scales[b] = _cvtsh_ss(_cvtss_sh(max / 127.0f, _MM_FROUND_TO_NEAREST_INT));
        by = _mm512_set1_ps(scales[b] == 0.0f || is_odd != 0 ? 0.0f : 127.0f / max);
        if (is_odd != 0)
            scales[b] = NAN;
        a = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(v0, by)));
        c = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(v1, by)));
        _mm_storeu_si128((__m128i *)(void *)y, a);
        _mm_storeu_si128((__m128i *)(void *)(y + 16), c);
        a = _mm_dpbusd_epi32(_mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), a),
                             _mm_set1_epi8(1), c);
        a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0x4e));
        sums[b] = _mm_cvtsi128_si32(_mm_add_epi32(a, _mm_shuffle_epi32(a, 0xb1)));
    }
}
#endif
