/* What the files of products with few tokens share (kern_avx2_few*.c): how a prepared row lies, and
 * sums of registers.
 *
 * A prepared row is its values as bytes; then, for blocks of 32, a struct wf_avx2_meta32 for every
 * 128, or for blocks of 256 a struct wf_avx2_meta256 for each. The bytes lie in the order in which
 * a type's weights come out of their blocks. Threads: any. */
#ifndef WF_KERN_AVX2_FEW_H
#define WF_KERN_AVX2_FEW_H

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx2_internal.h"
#include "kern/x86_group.h"

#define WF_AVX2_FEW_MAX (WF_AVX2_MANY_FROM - 1)

/* Of 128 values: four groups' scales, and what their values come to, scale and all. */
struct wf_avx2_meta32 {
    float scales[4];
    float sums[4];
};

/* Of 256 values: the sums of the first halves of every 32, those of the others; their scale. */
struct wf_avx2_meta256 {
    int16_t sums[16];
    float scale;
};

/* Values of a row as they are prepared: whole units. A last unit that is not full has the row's
 * last values at its end (at its beginning where it is the only one) and zeros and scales of zero
 * else, so that it can be met by the row's last four blocks. */
static inline size_t wf_avx2_few_values(size_t n_in, bool is_256)
{
    return is_256 ? n_in : (n_in + 127) / 128 * 128;
}

/* Weights are fetched so many bytes before they are met, in the order in which they lie. */
#define WF_AVX2_AHEAD 8192

/* The n bytes that are WF_AVX2_AHEAD behind p; where there is no page nothing happens. */
static WF_INLINE void wf_avx2_fetch(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + WF_AVX2_AHEAD + i, _MM_HINT_T0);
}

/* The sum of 8 lanes: halves are added until one is left. */
static WF_INLINE float wf_avx2_sum(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* 32 bytes of a token. */
static WF_INLINE __m256i wf_avx2_bytes(const int8_t *q)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)q);
}

/* 16 bytes each at p and q. */
static WF_INLINE __m256i wf_avx2_two_16(const uint8_t *p, const uint8_t *q)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)q);

    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

/* Low nibbles, then the high ones. */
static WF_INLINE void wf_avx2_nibbles(__m256i v, __m256i w[2])
{
    __m256i mask = _mm256_set1_epi8(15);

    w[0] = _mm256_and_si256(v, mask);
    w[1] = _mm256_and_si256(_mm256_srli_epi16(v, 4), mask);
}

/* A table of 16 in both halves. */
static WF_INLINE __m256i wf_avx2_table(const int8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* Sums in 16 bits of every two products of signed weights, of magnitudes of at most 128, with bytes
 * of a token. */
static WF_INLINE __m256i wf_avx2_signed_products(__m256i w, __m256i magnitude, const int8_t *q)
{
    return _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(wf_avx2_bytes(q), w));
}

/* The same of unsigned weights of at most 63. */
static WF_INLINE __m256i wf_avx2_products(__m256i w, const int8_t *q)
{
    return _mm256_maddubs_epi16(w, wf_avx2_bytes(q));
}

/* Few tokens, 1..WF_AVX2_FEW_MAX: bytes of a prepared row, a row of them, and their products
 * out[t * ld + r] with the rows one behind the other. */
size_t wf_avx2__few_row(const struct wf_dtype *t, size_t n_in);
void wf_avx2__few_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row);
void wf_avx2__multiply_few(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok);

/* The products for blocks of 32 and of 256. */
void wf_avx2__few_32(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok);
void wf_avx2__few_256(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok);

#endif
