/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over pages with AVX-512 and VNNI.
 *
 * Pages of floats and halves are met as attend_lanes.h has it, but halves as words by rows of texts
 * that are read, see there. Those of Q8_0 stay bytes: scores are
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

/* 16 sums. Of this type, not __m512i: gcc 12 keeps a register for each of both otherwise. */
typedef int32_t lanes __attribute__((vector_size(64)));

/* Four bytes, or two words, in every lane. */
static WF_INLINE __m512i all_of(const void *p)
{
    int32_t four;

    memcpy(&four, p, sizeof(four));
    return _mm512_set1_epi32(four);
}

static WF_INLINE void score_bytes(size_t n_rows, const struct wf_attend *a, size_t row,
                                  const uint8_t *page, const uint8_t *next, float *scores)
{
    size_t n = a->key_dim, n_blocks = n / 32;
    const int8_t *q = a->q8 + row * n;
    const uint16_t *halves = (const uint16_t *)(const void *)page;
    const uint8_t *bytes = page + n_blocks * SLOTS * sizeof(*halves);

    for (size_t b = 0; b < n_blocks; b++, q += 32) {
        _mm_prefetch((const char *)next + 64 * b, _MM_HINT_T1);
        lanes acc[WF_ATTEND_ROWS][2];
        __m512 low = wf_lanes_halves(halves + b * SLOTS, 16);
        __m512 high = wf_lanes_halves(halves + b * SLOTS + 16, 16);
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++)
            acc[r][0] = acc[r][1] =
                (lanes)_mm512_set1_epi32(-128 * a->q_sums[(row + r) * n_blocks + b]);
        for (size_t i = 0; i < 32; i += 4, bytes += 4 * SLOTS) {
            __m512i k0 = _mm512_loadu_si512(bytes), k1 = _mm512_loadu_si512(bytes + 64);
            _mm_prefetch((const char *)next + (bytes - page), _MM_HINT_T1);
            _mm_prefetch((const char *)next + (bytes - page) + 64, _MM_HINT_T1);
#pragma GCC unroll 8
            for (size_t r = 0; r < n_rows; r++) {
                __m512i four = all_of(q + r * n + i);
                acc[r][0] = (lanes)_mm512_dpbusd_epi32((__m512i)acc[r][0], k0, four);
                acc[r][1] = (lanes)_mm512_dpbusd_epi32((__m512i)acc[r][1], k1, four);
            }
        }
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++) {
            float *to = scores + r * SLOTS;
            __m512 scale = _mm512_set1_ps(a->q_scales[(row + r) * n_blocks + b]);
            __m512 s0 = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)acc[r][0]), low);
            __m512 s1 = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)acc[r][1]), high);
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

/* 2^v, v not above 0 or hardly; no number stays none. To 3 units in the last place: 2^n times a
 * polynomial on [-1/2, 1/2]. */
static WF_INLINE __m512 exp2_down(__m512 v)
{
    __m512 x = _mm512_max_ps(_mm512_set1_ps(-160.0f), v);
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_sub_ps(x, n), p = _mm512_set1_ps(1.535336188e-4f);

    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.339887440e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.618437357e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.550332471e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402264791e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931472028e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

static WF_INLINE __m512 join(bool add, __m512 a, __m512 b)
{
    return add ? _mm512_add_ps(a, b) : _mm512_max_ps(a, b);
}

/* Lane r, below 8: the sum, else the largest, of v[r]'s lanes. */
static WF_INLINE __m512 reduce(bool add, const __m512 v[8])
{
    __m512 half[4], quarter[2], x;

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) /* i, i + 4: 256 bits each */
        half[i] = join(add, _mm512_shuffle_f32x4(v[i], v[i + 4], 0x44),
                       _mm512_shuffle_f32x4(v[i], v[i + 4], 0xee));
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) /* i, i + 4, i + 2, i + 6: 128 bits each */
        quarter[i] = join(add, _mm512_shuffle_f32x4(half[i], half[i + 2], 0x88),
                          _mm512_shuffle_f32x4(half[i], half[i + 2], 0xdd));
    x = join(add, _mm512_shuffle_ps(quarter[0], quarter[1], 0x44),
             _mm512_shuffle_ps(quarter[0], quarter[1], 0xee));
    x = join(add, _mm512_shuffle_ps(x, x, 0x88), _mm512_shuffle_ps(x, x, 0xdd));
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 1, 8, 9, 4, 5, 12, 13, 0, 1, 8, 9, 4, 5, 12, 13), x);
}

/* As wf_attend_weigh. */
static WF_INLINE void weigh(size_t n_rows, const struct wf_attend *a, size_t page, size_t row,
                            float *scores, struct wf_attend_shares *out)
{
    const uint32_t *all_seen = a->seen + page * a->n_rows + row;
    const float log2_e = 1.44269504f;
    __m512 nothing = _mm512_set1_ps(-INFINITY), v[8], most, largest, both, by;
    __m512 scale = _mm512_set1_ps(a->cap == 0.0f ? a->scale : 1.0f);
    __mmask16 rows = (__mmask16)((1u << n_rows) - 1), any;
    float less[16];

    for (size_t i = 0; i < n_rows * SLOTS && a->cap != 0.0f; i++)
        scores[i] = a->cap * tanhf(scores[i] * a->scale / a->cap);
#pragma GCC unroll 8
    for (size_t r = 0; r < 8; r++) {
        const float *s = scores + (r < n_rows ? r : 0) * SLOTS;
        uint32_t seen = all_seen[r < n_rows ? r : 0];
        __m512 low = _mm512_mask_mul_ps(nothing, (__mmask16)seen, _mm512_loadu_ps(s), scale);
        __m512 high =
            _mm512_mask_mul_ps(nothing, (__mmask16)(seen >> 16), _mm512_loadu_ps(s + 16), scale);
        v[r] = _mm512_max_ps(low, high);
    }
    most = reduce(false, v);
    by = _mm512_maskz_loadu_ps(rows, a->most + row);
    largest = _mm512_max_ps(most, by);
    _mm512_mask_storeu_ps(a->most + row, rows, largest);
    _mm512_storeu_ps(less, _mm512_mul_ps(most, _mm512_set1_ps(log2_e)));
    /* Of both, 8 lanes each; without a number to be relative to there is nothing to scale. */
    both = _mm512_shuffle_f32x4(by, most, 0x44);
    largest = _mm512_shuffle_f32x4(largest, largest, 0x44);
    any = _mm512_cmp_ps_mask(largest, nothing, _CMP_NEQ_UQ);
    by = _mm512_maskz_sub_ps(any, both, largest);
    by = exp2_down(_mm512_mul_ps(by, _mm512_set1_ps(log2_e)));
    _mm512_storeu_ps(out->before, by); /* and out->now */
    scale = _mm512_mul_ps(scale, _mm512_set1_ps(log2_e));
#pragma GCC unroll 8
    for (size_t r = 0; r < 8; r++) {
        if (r >= n_rows) {
            v[r] = v[0];
            continue;
        }
        float *s = scores + r * SLOTS;
        uint32_t seen = all_seen[r];
        __m512 from = _mm512_set1_ps(less[r]);
        __m512 low = exp2_down(_mm512_fmsub_ps(_mm512_loadu_ps(s), scale, from));
        __m512 high = exp2_down(_mm512_fmsub_ps(_mm512_loadu_ps(s + 16), scale, from));
        low = _mm512_maskz_mov_ps((__mmask16)seen, low);
        high = _mm512_maskz_mov_ps((__mmask16)(seen >> 16), high);
        _mm512_storeu_ps(s, low);
        _mm512_storeu_ps(s + 16, high);
        v[r] = _mm512_add_ps(low, high);
    }
    both = _mm512_mul_ps(reduce(true, v), _mm512_shuffle_f32x4(by, by, 0xee));
    by = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rows, a->weight + row), by, both);
    _mm512_mask_storeu_ps(a->weight + row, rows, by);
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

/* Weights of a block of 32 values times the values' scales, as words in the order that
 * _mm512_packs_epi32 gives: slots 0 to 3, 16 to 19, 4 to 7, 20 to 23, ... What a unit of the
 * products is worth. */
static WF_INLINE void pack_weights(size_t n_rows, const uint32_t *all_seen, const float *weights,
                                   const struct wf_attend_shares *shares, const uint16_t *halves,
                                   int32_t pairs[][SLOTS / 2], float *units)
{
    __m512 low = wf_lanes_halves(halves, 16), high = wf_lanes_halves(halves + 16, 16);
    __m512 low_share = low, high_share = high;
    float unit = 0.0f;

    for (size_t r = 0; r < n_rows; r++) {
        uint32_t seen = all_seen[r];
        if (r == 0 || seen != all_seen[r - 1]) {
            float max = largest_half(halves, seen), by = max == 0.0f ? 0.0f : WEIGHT_MAX / max;
            unit = max / WEIGHT_MAX;
            /* Slots that are not seen may hold scales that are no numbers. */
            low_share = _mm512_maskz_mul_ps((__mmask16)seen, low, _mm512_set1_ps(by));
            high_share = _mm512_maskz_mul_ps((__mmask16)(seen >> 16), high, _mm512_set1_ps(by));
        }
        __m512 w0 = _mm512_mul_ps(low_share, _mm512_loadu_ps(weights + r * SLOTS));
        __m512 w1 = _mm512_mul_ps(high_share, _mm512_loadu_ps(weights + r * SLOTS + 16));
        _mm512_storeu_si512(pairs[r],
                            _mm512_packs_epi32(_mm512_cvtps_epi32(w0), _mm512_cvtps_epi32(w1)));
        units[r] = unit * shares->now[r];
    }
}

/* Two slots' 32 values, met by the rows' pair of weights. */
static WF_INLINE void mix_pair(size_t n_rows, const int8_t *values, const int8_t *next,
                               const int32_t *pairs, lanes acc[][2])
{
    const __m256i *at = (const __m256i *)(const void *)values;
    __m512i v0 = _mm512_cvtepi8_epi16(_mm256_loadu_si256(at));
    __m512i v1 = _mm512_cvtepi8_epi16(_mm256_loadu_si256(at + 1));

    _mm_prefetch((const char *)next, _MM_HINT_T1);
#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++) {
        __m512i w = all_of(pairs + r * (SLOTS / 2));
        acc[r][0] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][0], v0, w);
        acc[r][1] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][1], v1, w);
    }
}

/* A block of 32 values. */
static WF_INLINE void mix_bytes(size_t n_rows, size_t n, const uint32_t *seen, const float *weights,
                                const struct wf_attend_shares *shares, const uint16_t *halves,
                                const int8_t *bytes, const int8_t *next, float *sums)
{
    int32_t pairs[WF_ATTEND_ROWS][SLOTS / 2];
    float units[WF_ATTEND_ROWS];
    lanes acc[WF_ATTEND_ROWS][2];

    pack_weights(n_rows, seen, weights, shares, halves, pairs, units);
#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++)
        acc[r][0] = acc[r][1] = (lanes)_mm512_setzero_si512();
    for (size_t k = 0; k < SLOTS / 2; k += 4, bytes += 4 * n, next += 4 * n) {
        mix_pair(n_rows, bytes, next, pairs[0] + k, acc);
        mix_pair(n_rows, bytes + 2 * n, next + 2 * n, pairs[0] + k + 1, acc);
        mix_pair(n_rows, bytes + 16 * n, next + 16 * n, pairs[0] + k + 2, acc);
        mix_pair(n_rows, bytes + 18 * n, next + 18 * n, pairs[0] + k + 3, acc);
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++) {
        float *to = sums + r * n;
        __m512 before = _mm512_set1_ps(shares->before[r]), now = _mm512_set1_ps(units[r]);
        for (size_t k = 0; k < 2; k++)
            _mm512_storeu_ps(to + 16 * k,
                             _mm512_fmadd_ps(now, _mm512_cvtepi32_ps((__m512i)acc[r][k]),
                                             _mm512_mul_ps(before, _mm512_loadu_ps(to + 16 * k))));
    }
}

/* What the steps below do with a block of rows and a page. */
struct block {
    const struct wf_attend *a;
    size_t n_rows, page, row;
    float *scores; /* [WF_ATTEND_ROWS, SLOTS] */
};

/* Block i of n for each page. */
static WF_INLINE struct block block_at(const struct wf_attend *a, size_t i, size_t n)
{
    size_t row = i % n * WF_ATTEND_ROWS;

    return (struct block){.a = a,
                          .n_rows = wf_attend_left(a, row),
                          .page = i / n,
                          .row = row,
                          .scores = a->room + i % 2 * (WF_ATTEND_ROWS * SLOTS)};
}

static WF_INLINE void score_block(size_t n_rows, const struct block *b)
{
    const struct wf_attend *a = b->a;
    const float *q = a->q + b->row * a->key_dim;
    const void *keys = a->keys[b->page], *next = wf_attend_next_keys(a, b->page);

    if (a->kind == WF_KV_Q8_0)
        score_bytes(n_rows, a, b->row, keys, next, b->scores);
    else if (a->kind == WF_KV_F16)
        wf_attend_score(n_rows, true, false, q, a->key_dim, keys, next, a->key_dim, b->scores);
    else
        wf_attend_score(n_rows, false, false, q, a->key_dim, keys, next, a->key_dim, b->scores);
}

static WF_INLINE void mix_block(size_t n_rows, const struct block *b,
                                const struct wf_attend_shares *shares)
{
    const struct wf_attend *a = b->a;
    size_t n = a->value_dim, n_scales = n / 32 * SLOTS;
    float *sums = a->sums + b->row * n;
    const void *values = a->values[b->page], *next = wf_attend_next_values(a, b->page);
    const uint16_t *halves = values;

    if (a->kind == WF_KV_F16) {
        wf_attend_mix_seen(n_rows, true, a, b->page, b->row, b->scores, shares, values, next, n, n,
                           sums);
        return;
    }
    if (a->kind == WF_KV_F32) {
        wf_attend_mix_seen(n_rows, false, a, b->page, b->row, b->scores, shares, values, next, n, n,
                           sums);
        return;
    }
    for (size_t i = 0; i < n / 32; i++) {
        _mm_prefetch((const char *)next + 64 * i, _MM_HINT_T1);
        mix_bytes(n_rows, n, a->seen + b->page * a->n_rows + b->row, b->scores, shares,
                  halves + i * SLOTS, (const int8_t *)(halves + n_scales) + 64 * i,
                  (const int8_t *)next + 2 * n_scales + 64 * i, sums + 32 * i);
    }
}

/* ---- pages of halves as words ----
 *
 * Two products in each lane, for rows of texts that are read: many share a page there, so that
 * turning it over costs less than it saves. Queries and keys are scaled to vectors of one length,
 * so that no sum of products leaves 32 bits (Cauchy and Schwarz) and the error is below that of the
 * halves. A position's values have a scale of their own, for the largest; weights times these
 * scales are taken relative to the row's sum of them, for the same reason. What holds a value that
 * is not finite has none for a scale, and comes out as 0 from the conversion to integers. */

/* The length of queries and keys, the largest value, a row's weights together: a word holds any of
 * them, whichever way it is rounded. */
#define WORDS_MOST 32000.0f

/* What is made of the rows and of the pages at work. */
struct words {
    int16_t *q;        /* [n_rows, key_dim] */
    float *q_scales;   /* [n_rows] */
    int32_t *keys;     /* [key_dim / 2, SLOTS] pairs */
    int32_t *values;   /* [SLOTS / 2, value_dim] pairs */
    float *key_scales; /* [SLOTS] */
    float *value_scales;
};

static bool takes_words(const struct wf_attend *a)
{
    return a->kind == WF_KV_F16 && a->in_words && a->key_dim % 16 == 0 && a->value_dim % 32 == 0;
}

/* Behind the scores, see block_at. */
static struct words lay_out_words(const struct wf_attend *a)
{
    struct words w;

    w.keys = (int32_t *)(void *)(a->room + 2 * WF_ATTEND_ROWS * SLOTS);
    w.values = w.keys + a->key_dim / 2 * SLOTS;
    w.key_scales = (float *)(void *)(w.values + SLOTS / 2 * a->value_dim);
    w.value_scales = w.key_scales + SLOTS;
    w.q_scales = w.value_scales + SLOTS;
    w.q = (int16_t *)(void *)(w.q_scales + a->n_rows);
    return w;
}

static void words_of_queries(const struct wf_attend *a, const struct words *w)
{
    size_t n = a->key_dim;

    for (size_t r = 0; r < a->n_rows; r++) {
        const float *q = a->q + r * n;
        __m512 squares = _mm512_setzero_ps(), by;
        for (size_t i = 0; i < n; i += 16) {
            __m512 x = _mm512_loadu_ps(q + i);
            squares = _mm512_fmadd_ps(x, x, squares);
        }
        squares = _mm512_set1_ps(_mm512_reduce_add_ps(squares));
        by = _mm512_sqrt_ps(squares);
        /* Infinite squares: no number. */
        w->q_scales[r] = _mm512_cvtss_f32(_mm512_fmadd_ps(
            by, _mm512_set1_ps(1.0f / WORDS_MOST), _mm512_mul_ps(squares, _mm512_setzero_ps())));
        by = _mm512_div_ps(_mm512_set1_ps(WORDS_MOST), by);
        for (size_t i = 0; i < n; i += 16) {
            __m512i x = _mm512_cvtps_epi32(_mm512_mul_ps(by, _mm512_loadu_ps(q + i)));
            _mm256_storeu_si256((__m256i *)(void *)(w->q + r * n + i), _mm512_cvtepi32_epi16(x));
        }
    }
}

/* The words of a and b, side by side. */
static WF_INLINE __m512i pair_of(__m512 a, __m512 b)
{
    return _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_cvtps_epi32(a),
                                   _mm512_slli_epi32(_mm512_cvtps_epi32(b), 16));
}

static void words_of_keys(const uint16_t *page, size_t n, const struct words *w)
{
    for (size_t c = 0; c < SLOTS; c += 16) {
        const uint16_t *from = page + c;
        __m512 even = _mm512_setzero_ps(), odd = even, length, by;
        for (size_t i = 0; i < n; i += 2) {
            __m512 a = wf_lanes_halves(from + i * SLOTS, 16);
            __m512 b = wf_lanes_halves(from + (i + 1) * SLOTS, 16);
            even = _mm512_fmadd_ps(a, a, even);
            odd = _mm512_fmadd_ps(b, b, odd);
        }
        length = _mm512_sqrt_ps(_mm512_add_ps(even, odd));
        _mm512_storeu_ps(w->key_scales + c,
                         _mm512_mul_ps(length, _mm512_set1_ps(1.0f / WORDS_MOST)));
        by = _mm512_div_ps(_mm512_set1_ps(WORDS_MOST), length);
        for (size_t i = 0; i < n; i += 2) {
            __m512 a = wf_lanes_halves(from + i * SLOTS, 16);
            __m512 b = wf_lanes_halves(from + (i + 1) * SLOTS, 16);
            _mm512_storeu_si512(w->keys + i / 2 * SLOTS + c,
                                pair_of(_mm512_mul_ps(a, by), _mm512_mul_ps(b, by)));
        }
    }
}

/* The largest of n halves, signs left away; what is no number is above all. */
static WF_INLINE uint16_t largest_of(const uint16_t *x, size_t n)
{
    __m512i most = _mm512_setzero_si512();
    __m256i half;
    __m128i v;

    for (size_t i = 0; i < n; i += 32)
        most = _mm512_max_epu16(
            most, _mm512_and_si512(_mm512_loadu_si512(x + i), _mm512_set1_epi16(0x7fff)));
    half = _mm256_max_epu16(_mm512_castsi512_si256(most), _mm512_extracti64x4_epi64(most, 1));
    v = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    v = _mm_minpos_epu16(_mm_xor_si128(v, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_extract_epi16(v, 0);
}

/* Those of n_slots slots, and maybe of the next. */
static void words_of_values(const uint16_t *page, size_t n, size_t n_slots, const struct words *w)
{
    uint16_t largest[SLOTS] = {0};
    float by[SLOTS];

    for (size_t j = 0; j < n_slots; j++)
        largest[j] = largest_of(page + j * n, n);
    for (size_t j = 0; j < SLOTS; j += 16) {
        __m512 most = wf_lanes_halves(largest + j, 16);
        _mm512_storeu_ps(w->value_scales + j,
                         _mm512_mul_ps(most, _mm512_set1_ps(1.0f / WORDS_MOST)));
        _mm512_storeu_ps(by + j, _mm512_div_ps(_mm512_set1_ps(WORDS_MOST), most));
    }
    for (size_t j = 0; j < n_slots; j += 2) {
        __m512 even = _mm512_set1_ps(by[j]), odd = _mm512_set1_ps(by[j + 1]);
        for (size_t i = 0; i < n; i += 16) {
            __m512 a = wf_lanes_halves(page + j * n + i, 16);
            __m512 b = wf_lanes_halves(page + (j + 1) * n + i, 16);
            _mm512_storeu_si512(w->values + j / 2 * n + i,
                                pair_of(_mm512_mul_ps(a, even), _mm512_mul_ps(b, odd)));
        }
    }
}

static WF_INLINE void score_words(size_t n_rows, const struct block *b, const struct words *w)
{
    size_t n = b->a->key_dim;
    const int16_t *q = w->q + b->row * n;
    __m512 low = _mm512_loadu_ps(w->key_scales), high = _mm512_loadu_ps(w->key_scales + 16);
    lanes acc[WF_ATTEND_ROWS][2];

#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++)
        acc[r][0] = acc[r][1] = (lanes)_mm512_setzero_si512();
    for (size_t i = 0; i < n / 2; i++) {
        __m512i k0 = _mm512_loadu_si512(w->keys + i * SLOTS);
        __m512i k1 = _mm512_loadu_si512(w->keys + i * SLOTS + 16);
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++) {
            __m512i two = all_of(q + r * n + 2 * i);
            acc[r][0] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][0], k0, two);
            acc[r][1] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][1], k1, two);
        }
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++) {
        __m512 scale = _mm512_set1_ps(w->q_scales[b->row + r]);
        __m512 s0 = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)acc[r][0]), low);
        __m512 s1 = _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)acc[r][1]), high);
        _mm512_storeu_ps(b->scores + r * SLOTS, _mm512_mul_ps(s0, scale));
        _mm512_storeu_ps(b->scores + r * SLOTS + 16, _mm512_mul_ps(s1, scale));
    }
}

/* Rows' weights times the values' scales as words, and what a unit of the products is worth. */
static WF_INLINE void words_of_weights(size_t n_rows, const struct block *b, const struct words *w,
                                       const struct wf_attend_shares *shares, int16_t out[][SLOTS],
                                       float units[16])
{
    const uint32_t *all_seen = b->a->seen + b->page * b->a->n_rows + b->row;
    __m512 low = _mm512_loadu_ps(w->value_scales), high = _mm512_loadu_ps(w->value_scales + 16);
    __m512 v[8], sum, now = _mm512_maskz_loadu_ps((__mmask16)((1u << n_rows) - 1), shares->now);
    float by[16];

#pragma GCC unroll 8
    for (size_t r = 0; r < 8; r++) {
        float *x = b->scores + r * SLOTS;
        if (r >= n_rows) {
            v[r] = v[0];
            continue;
        }
        __m512 x0 = _mm512_maskz_mul_ps((__mmask16)all_seen[r], low, _mm512_loadu_ps(x));
        __m512 x1 =
            _mm512_maskz_mul_ps((__mmask16)(all_seen[r] >> 16), high, _mm512_loadu_ps(x + 16));
        _mm512_storeu_ps(x, x0);
        _mm512_storeu_ps(x + 16, x1);
        v[r] = _mm512_add_ps(x0, x1);
    }
    sum = reduce(true, v);
    _mm512_storeu_ps(units,
                     _mm512_mul_ps(_mm512_mul_ps(sum, now), _mm512_set1_ps(1.0f / WORDS_MOST)));
    _mm512_storeu_ps(by,
                     _mm512_maskz_div_ps(_mm512_cmp_ps_mask(sum, _mm512_setzero_ps(), _CMP_NEQ_UQ),
                                         _mm512_set1_ps(WORDS_MOST), sum));
#pragma GCC unroll 8
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = b->scores + r * SLOTS;
        __m512 all = _mm512_set1_ps(by[r]);
        __m512i x0 = _mm512_cvtps_epi32(_mm512_mul_ps(all, _mm512_loadu_ps(x)));
        __m512i x1 = _mm512_cvtps_epi32(_mm512_mul_ps(all, _mm512_loadu_ps(x + 16)));
        _mm256_storeu_si256((__m256i *)(void *)out[r], _mm512_cvtepi32_epi16(x0));
        _mm256_storeu_si256((__m256i *)(void *)(out[r] + 16), _mm512_cvtepi32_epi16(x1));
    }
}

static WF_INLINE void mix_words(size_t n_rows, const struct block *b, const struct words *w,
                                const struct wf_attend_shares *shares)
{
    size_t n = b->a->value_dim, n_pairs = (wf_attend_slots(b->a, b->page) + 1) / 2;
    int16_t weights[WF_ATTEND_ROWS][SLOTS];
    float units[16];

    words_of_weights(n_rows, b, w, shares, weights, units);
    for (size_t c = 0; c < n; c += 32) {
        float *sums = b->a->sums + b->row * n + c;
        lanes acc[WF_ATTEND_ROWS][2];
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++)
            acc[r][0] = acc[r][1] = (lanes)_mm512_setzero_si512();
        for (size_t k = 0; k < n_pairs; k++) {
            __m512i v0 = _mm512_loadu_si512(w->values + k * n + c);
            __m512i v1 = _mm512_loadu_si512(w->values + k * n + c + 16);
#pragma GCC unroll 8
            for (size_t r = 0; r < n_rows; r++) {
                __m512i two = all_of(weights[r] + 2 * k);
                acc[r][0] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][0], v0, two);
                acc[r][1] = (lanes)_mm512_dpwssd_epi32((__m512i)acc[r][1], v1, two);
            }
        }
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++) {
            float *to = sums + r * n;
            __m512 before = _mm512_set1_ps(shares->before[r]), now = _mm512_set1_ps(units[r]);
            __m512 s0 = _mm512_mul_ps(before, _mm512_loadu_ps(to));
            __m512 s1 = _mm512_mul_ps(before, _mm512_loadu_ps(to + 16));
            s0 = _mm512_fmadd_ps(now, _mm512_cvtepi32_ps((__m512i)acc[r][0]), s0);
            s1 = _mm512_fmadd_ps(now, _mm512_cvtepi32_ps((__m512i)acc[r][1]), s1);
            _mm512_storeu_ps(to, s0);
            _mm512_storeu_ps(to + 16, s1);
        }
    }
}

/* As wf_avx512__attend. */
static void attend_words(const struct wf_attend *a)
{
    size_t n = (a->n_rows + WF_ATTEND_ROWS - 1) / WF_ATTEND_ROWS;
    struct block now = block_at(a, 0, n);
    struct wf_attend_shares shares;
    struct words w = lay_out_words(a);

    words_of_queries(a, &w);
    words_of_keys(a->keys[0], a->key_dim, &w);
    WF_ATTEND_BY_ROWS(now.n_rows, score_words, &now, &w)
    for (size_t i = 1; i <= n * a->n_pages; i++) {
        struct block next = block_at(a, i, n);
        WF_ATTEND_BY_ROWS(now.n_rows, weigh, a, now.page, now.row, now.scores, &shares)
        if (next.page != now.page && next.page < a->n_pages)
            words_of_keys(a->keys[next.page], a->key_dim, &w);
        if (next.page < a->n_pages)
            WF_ATTEND_BY_ROWS(next.n_rows, score_words, &next, &w)
        if (now.row == 0)
            words_of_values(a->values[now.page], a->value_dim, wf_attend_slots(a, now.page), &w);
        WF_ATTEND_BY_ROWS(now.n_rows, mix_words, &now, &w, &shares)
        now = next;
    }
}

/* ---- all kinds ---- */

/* A block's scores are made between the steps of the one before, each of which would else wait for
 * the end of the step before it. */
void wf_avx512__attend(const struct wf_attend *a)
{
    size_t n = (a->n_rows + WF_ATTEND_ROWS - 1) / WF_ATTEND_ROWS;
    struct block now = block_at(a, 0, n);
    struct wf_attend_shares shares;

    if (takes_words(a)) {
        attend_words(a);
        return;
    }
    WF_ATTEND_BY_ROWS(now.n_rows, score_block, &now)
    for (size_t i = 1; i <= n * a->n_pages; i++) {
        struct block next = block_at(a, i, n);
        WF_ATTEND_BY_ROWS(now.n_rows, weigh, a, now.page, now.row, now.scores, &shares)
        if (next.page < a->n_pages)
            WF_ATTEND_BY_ROWS(next.n_rows, score_block, &next)
        WF_ATTEND_BY_ROWS(now.n_rows, mix_block, &now, &shares)
        now = next;
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
