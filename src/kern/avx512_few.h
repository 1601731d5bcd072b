/* What the files of products with few tokens share (kern_avx512_few*.c): how a prepared row lies,
 * and sums of registers.
 *
 * A prepared row is its values as bytes; then, for blocks of 32, a struct wf_avx512_meta32 for
 * every 128, or for blocks of 256 the sums of every 16 under their scale [n_in / 16] and the scales
 * [n_in / 256]. The bytes lie in the order in which a type's weights come out of their blocks, so
 * that weights need not be moved. Threads: any. */
#ifndef WF_KERN_AVX512_FEW_H
#define WF_KERN_AVX512_FEW_H

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/x86_group.h"

#define WF_AVX512_FEW_MAX (WF_AVX512_WIDE_FROM - 1)

/* Of 128 values: four groups' scales, and what their values come to, scale and all. */
struct wf_avx512_meta32 {
    float scales[4];
    float sums[4];
};

/* Values of a row as they are prepared: whole units. A last unit that is not full has the row's
 * last values at its end (at its beginning where it is the only one) and zeros and scales of zero
 * else, so that it can be met by the row's last four blocks. */
static inline size_t wf_avx512_few_values(size_t n_in, bool is_256)
{
    return is_256 ? n_in : (n_in + 127) / 128 * 128;
}

/* Weights are fetched so many bytes before they are met, in the order in which they lie: at 3 kB,
 * and without, half of the memory's rate was reached, at 8 to 24 kB all of it. */
#define WF_AVX512_AHEAD 8192

/* The n bytes that are WF_AVX512_AHEAD behind p; where there is no page nothing happens. */
static WF_INLINE void wf_avx512_fetch(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + WF_AVX512_AHEAD + i, _MM_HINT_T0);
}

/* With several tokens, so many rows meet as many values of all tokens as stay in the nearest cache,
 * before any goes on to the next ones. */
#define WF_AVX512_FEW_ROWS 16
#define WF_AVX512_FEW_PIECE 16384u /* values of all tokens together */

/* The same for pieces of rows: the rows' next pieces lie whole rows behind. */
static WF_INLINE void wf_avx512_fetch_piece(const uint8_t *p, size_t n, size_t row_bytes)
{
    size_t ahead = (WF_AVX512_AHEAD + row_bytes - 1) / row_bytes * row_bytes;

    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + ahead + i, _MM_HINT_T0);
}

/* A half-precision number in all lanes. */
static WF_INLINE __m512 wf_avx512_half(const uint8_t *p)
{
    uint16_t h;

    memcpy(&h, p, sizeof(h));
    return _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

/* The sum of 16 lanes: halves are added until one is left. */
static WF_INLINE float wf_avx512_sum(__m512 v)
{
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

/* Those of four, added in the same order. */
static WF_INLINE __m128 wf_avx512_sum_4(const __m512 v[4])
{
    __m512 a = _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x44),
                             _mm512_shuffle_f32x4(v[0], v[1], 0xee));
    __m512 b = _mm512_add_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x44),
                             _mm512_shuffle_f32x4(v[2], v[3], 0xee));
    __m512i at = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));

    a = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    a = _mm512_add_ps(a, _mm512_permute_ps(a, 0x4e));
    a = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(at, a));
}

/* out[t * ld + r] for blocks of 32 and of 256; n_tok at most WF_AVX512_FEW_MAX. */
void wf_avx512__few_32(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok);
void wf_avx512__few_256(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok);

#endif
