/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens go by a panel of quantised weights (avx2_many.h), AVX2 without VNNI.
 *
 * Pairs of products are summed in 16 bits, a step long: what weights were moved up by is in what
 * the sums begin with, so that they fit, whatever was lost on the way. In blocks of 256 the next
 * instruction, which sums pairs in 32 bits, brings them under their scale, and a whole block stays
 * integer. Weights of eight bits are words, two of which make 32 bits at once. */
#ifdef __x86_64__
#include "kern/avx2_sweep.h"

/* sum += n units of four values with T tokens. */
static WF_INLINE void add_bytes(size_t T, size_t n, const struct wf_avx2_unit *w,
                                const struct wf_avx2_token *x, size_t at,
                                __m256i sum[WF_AVX2_TILE][2])
{
#pragma GCC unroll 8
    for (size_t u = 0; u < n; u++) {
        __m256i a = wf_avx2_half(w + u, 0), b = wf_avx2_half(w + u, 1);
        for (size_t t = 0; t < T; t++) {
            __m256i v = wf_avx2_all(x[t].q + at + 4 * u);
            sum[t][0] = _mm256_add_epi16(sum[t][0], _mm256_maddubs_epi16(a, v));
            sum[t][1] = _mm256_add_epi16(sum[t][1], _mm256_maddubs_epi16(b, v));
            wf_avx2_in_order(sum[t]);
        }
    }
}

/* sum += n units of two words with T tokens. */
static WF_INLINE void add_words(size_t T, size_t n, const struct wf_avx2_unit *w,
                                const struct wf_avx2_token_words *x, size_t at,
                                __m256i sum[WF_AVX2_TILE][2])
{
#pragma GCC unroll 16
    for (size_t u = 0; u < n; u++) {
        __m256i a = wf_avx2_half(w + u, 0), b = wf_avx2_half(w + u, 1);
        for (size_t t = 0; t < T; t++) {
            __m256i v = wf_avx2_all(x[t].q + at + 2 * u);
            sum[t][0] = _mm256_add_epi32(sum[t][0], _mm256_madd_epi16(a, v));
            sum[t][1] = _mm256_add_epi32(sum[t][1], _mm256_madd_epi16(b, v));
            wf_avx2_in_order(sum[t]);
        }
    }
}

/* What a step's sums of T tokens begin with. */
static WF_INLINE void begin_step(struct wf_avx2_way y, size_t T, const struct wf_avx2_token *x,
                                 size_t step, __m256i sum[WF_AVX2_TILE][2])
{
    for (size_t t = 0; t < T; t++)
        sum[t][0] = sum[t][1] =
            y.low == WF_AVX2_LOW_OFFSET ? wf_avx2_all(&x[t].low[step]) : _mm256_setzero_si256();
}

/* What meets minima, if there are any. */
static WF_INLINE const int32_t *minima_of(struct wf_avx2_way y, const struct wf_avx2_token *x)
{
    return y.low == WF_AVX2_LOW_MIN ? x->low : NULL;
}

/* ---- blocks of 32 ---- */

/* acc += group i of T tokens, whose products are in sum, and what is in low (NULL: nothing) with
 * minima. Of the next token both lie ld numbers further on. */
static WF_INLINE void add_group(size_t T, const struct wf_avx2_panel *p, size_t i,
                                const float *scales, const int32_t *low, size_t ld,
                                __m256i sum[WF_AVX2_TILE][2], float (*acc)[WF_AVX2_PANEL])
{
    for (size_t t = 0; t < T; t++) {
        __m256 by = _mm256_set1_ps(scales[t * ld + i]);
        for (size_t h = 0; h < 2; h++) {
            __m256 v = _mm256_load_ps(acc[t] + 8 * h);
            v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][h]),
                                _mm256_mul_ps(by, wf_avx2_half_floats(&p->scale[i], h)), v);
            if (low != NULL)
                v = _mm256_fmadd_ps(_mm256_castsi256_ps(wf_avx2_all(&low[t * ld + i])),
                                    wf_avx2_half_floats(&p->low[i], h), v);
            _mm256_store_ps(acc[t] + 8 * h, v);
        }
    }
    /* What it adds to stays in memory: all registers are taken. */
    __asm__ volatile("" ::: "memory");
}

static WF_INLINE void tile_32(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                              const struct wf_avx2_token *x, size_t n, float (*acc)[WF_AVX2_PANEL])
{
    const __m256i ones = _mm256_set1_epi16(1);

    for (size_t i = 0; i < n / 32; i++) {
        __m256i sum[WF_AVX2_TILE][2], wide[WF_AVX2_TILE][2];
        for (size_t part = 0; part < 32 / y.step; part++) {
            size_t at = 32 * i + part * y.step;
            begin_step(y, T, x, i, sum);
            add_bytes(T, y.step / 4, p->w + at / 4, x, at, sum);
            for (size_t t = 0; t < T; t++) {
                for (size_t h = 0; h < 2; h++) {
                    __m256i v = _mm256_madd_epi16(sum[t][h], ones);
                    wide[t][h] = part == 0 ? v : _mm256_add_epi32(wide[t][h], v);
                }
            }
        }
        add_group(T, p, i, x->scales, minima_of(y, x), sizeof(*x) / sizeof(float), wide, acc);
    }
}

static WF_INLINE void tile_32_words(size_t T, const struct wf_avx2_panel *p,
                                    const struct wf_avx2_token_words *x, size_t n,
                                    float (*acc)[WF_AVX2_PANEL])
{
    for (size_t i = 0; i < n / 32; i++) {
        __m256i sum[WF_AVX2_TILE][2];
        for (size_t t = 0; t < T; t++)
            sum[t][0] = sum[t][1] = _mm256_setzero_si256();
        add_words(T, 16, p->w + 16 * i, x, 32 * i, sum);
        add_group(T, p, i, x->scales, NULL, sizeof(*x) / sizeof(float), sum, acc);
    }
}

/* ---- blocks of 256 ---- */

/* The same of block i. */
static WF_INLINE void add_block(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                                size_t i, const float *scales, const int32_t *low, size_t ld,
                                __m256i (*sum)[2], float (*acc)[WF_AVX2_PANEL])
{
    const size_t n_pairs = 128 / y.step;

    for (size_t t = 0; t < T; t++) {
        __m256 by = _mm256_set1_ps(scales[t * ld + i]);
        for (size_t h = 0; h < 2; h++) {
            __m256 to = _mm256_load_ps(acc[t] + 8 * h);
            __m256 v =
                _mm256_mul_ps(_mm256_cvtepi32_ps(sum[t][h]), _mm256_load_ps(p->d[i] + 8 * h));
            if (low != NULL) {
                __m256i mins = _mm256_setzero_si256();
                for (size_t j = i * n_pairs; j < (i + 1) * n_pairs; j++)
                    mins = _mm256_add_epi32(mins, _mm256_madd_epi16(wf_avx2_half(&p->low[j], h),
                                                                    wf_avx2_all(&low[t * ld + j])));
                v = _mm256_fnmadd_ps(_mm256_cvtepi32_ps(mins), _mm256_load_ps(p->dmin[i] + 8 * h),
                                     v);
            }
            _mm256_store_ps(acc[t] + 8 * h, _mm256_fmadd_ps(v, by, to));
        }
    }
}

static WF_INLINE void tile_256(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                               const struct wf_avx2_token *x, size_t n, float (*acc)[WF_AVX2_PANEL])
{
    const size_t n_steps = 256 / y.step;

    for (size_t i = 0; i < n / 256; i++) {
        __m256i block[WF_AVX2_TILE][2];
        for (size_t t = 0; t < T; t++)
            block[t][0] = block[t][1] = _mm256_setzero_si256();
        for (size_t s = i * n_steps; s < (i + 1) * n_steps; s++) {
            __m256i sum[WF_AVX2_TILE][2];
            begin_step(y, T, x, s, sum);
            add_bytes(T, y.step / 4, p->w + s * (y.step / 4), x, s * y.step, sum);
            for (size_t t = 0; t < T; t++) {
                for (size_t h = 0; h < 2; h++)
                    block[t][h] = _mm256_add_epi32(
                        block[t][h], _mm256_madd_epi16(sum[t][h], wf_avx2_half(&p->scale[s], h)));
            }
            __asm__ volatile("" ::: "memory"); /* the block's sums stay there */
        }
        add_block(y, T, p, i, x->scales, minima_of(y, x), sizeof(*x) / sizeof(float), block, acc);
    }
}

static WF_INLINE void tile_256_words(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                                     const struct wf_avx2_token_words *x, size_t n,
                                     float (*acc)[WF_AVX2_PANEL])
{
    for (size_t i = 0; i < n / 256; i++) {
        __m256i sum[WF_AVX2_TILE][2];
        for (size_t t = 0; t < T; t++)
            sum[t][0] = sum[t][1] = _mm256_setzero_si256();
        for (size_t at = 256 * i; at < 256 * (i + 1); at += 32)
            add_words(T, 16, p->w + at / 2, x, at, sum);
        add_block(y, T, p, i, x->scales, NULL, sizeof(*x) / sizeof(float), sum, acc);
    }
}

/* ---- all of them ---- */

/* T (known when compiled) tokens from i_tok on. */
static WF_INLINE void tile(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                           const void *tokens, const struct wf_avx2_sweep *s, size_t i_tok)
{
    const struct wf_avx2_token *x = (const struct wf_avx2_token *)tokens + i_tok;
    const struct wf_avx2_token_words *words = (const struct wf_avx2_token_words *)tokens + i_tok;
    float acc[WF_AVX2_TILE][WF_AVX2_PANEL] __attribute__((aligned(64)));

    wf_avx2_sweep_begin(s, i_tok, T);
    memset(acc, 0, T * sizeof(acc[0]));
    if (y.group == 32 && y.is_words)
        tile_32_words(T, p, words, s->n, acc);
    else if (y.group == 32)
        tile_32(y, T, p, x, s->n, acc);
    else if (y.is_words)
        tile_256_words(y, T, p, words, s->n, acc);
    else
        tile_256(y, T, p, x, s->n, acc);
    for (size_t t = 0; t < T; t++)
        wf_avx2_sweep_store(s, i_tok + t, acc[t]);
}

/* Of all types that are met in the same way. */
#define SWEEP(name, group, step, low, words)                                                       \
    static void sweep_##name(const struct wf_avx2_panel *p, const void *tokens, size_t n_tok,      \
                             const struct wf_avx2_sweep *s)                                        \
    {                                                                                              \
        const struct wf_avx2_way y = {group, step, low, 0, words};                                 \
        WF_AVX2_TILES(n_tok, TILE);                                                                \
    }
#define TILE(T, from) tile(y, T, p, tokens, s, from)
SWEEP(32, 32, 32, WF_AVX2_LOW_OFFSET, false)
SWEEP(32_min, 32, 32, WF_AVX2_LOW_MIN, false)
SWEEP(32_16_min, 32, 16, WF_AVX2_LOW_MIN, false)
SWEEP(32_words, 32, 32, WF_AVX2_LOW_NONE, true)
SWEEP(256_min, 256, 32, WF_AVX2_LOW_MIN, false)
SWEEP(256_16, 256, 16, WF_AVX2_LOW_OFFSET, false)
SWEEP(256_16_min, 256, 16, WF_AVX2_LOW_MIN, false)
SWEEP(256_words, 256, 32, WF_AVX2_LOW_NONE, true)
#undef TILE
#undef SWEEP

static wf_avx2_sweep_fn sweep_of(struct wf_avx2_way y)
{
    if (y.is_words)
        return y.group == 32 ? sweep_32_words : sweep_256_words;
    if (y.low == WF_AVX2_LOW_OFFSET)
        return y.group == 32 ? sweep_32 : sweep_256_16;
    if (y.group == 32)
        return y.step == 32 ? sweep_32_min : sweep_32_16_min;
    return y.step == 32 ? sweep_256_min : sweep_256_16_min;
}

wf_avx2_sweep_fn wf_avx2__sweep_of(const struct wf_dtype *t)
{
    return sweep_of(wf_avx2__way_of(t, false));
}
#endif
