/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of bytes go by a panel of quantised weights (avx512_many.h), in tiles of four to six.
 *
 * Weights stay exactly what they are. What costs beside the multiplications is bringing the sums of
 * a step (32 or 16 values) under their scales: one more multiplication for a step where activations
 * have a scale for 256 values, two where they have one for 32. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kern/avx512_many.h"
#include "kern/avx512_sweep.h"
#include "kern/x86_group.h"

#define LANES 16
#define BLOCK 256

/* How a type is multiplied; known when compiled. */
struct way {
    size_t group, step; /* values that share a scale of the activations, of the weights */
    enum wf_panel_low low;
};

/* 16 sums. Of this type, not __m512i: gcc 12 keeps a register for each of both otherwise. */
typedef int32_t lanes __attribute__((vector_size(64)));

/* n units of 4 values with T tokens, added to the sums of the first and the second
 * half of the rows. */
static WF_INLINE void add_units(size_t T, size_t n, const uint8_t (*w)[WF_PANEL_ROWS][4],
                                struct wf_column x, lanes lo[WF_TILE], lanes hi[WF_TILE])
{
#pragma GCC unroll 8 /* gcc 12 does so of itself for four tokens only */
    for (size_t u = 0; u < n; u++) {
        __m512i a = _mm512_load_si512(w[u]), b = _mm512_load_si512(w[u][LANES]);
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(wf_sweep__four(wf_column_token(x, t) + 4 * u));
            lo[t] = (lanes)_mm512_dpbusd_epi32((__m512i)lo[t], a, v);
            hi[t] = (lanes)_mm512_dpbusd_epi32((__m512i)hi[t], b, v);
        }
    }
}

/* acc += a step's products under the weights' scales, and the activations' where they have one for
 * each step. */
static WF_INLINE void add_step(struct way y, size_t T, const struct wf_panel *p, size_t step,
                               struct wf_column x, struct wf_column low, struct wf_column scales,
                               __m512 acc_lo[WF_TILE], __m512 acc_hi[WF_TILE])
{
    lanes lo[WF_TILE], hi[WF_TILE];
    __m512 a = _mm512_load_ps(p->scale[step]), b = _mm512_load_ps(p->scale[step] + LANES);

    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = (lanes)_mm512_set1_epi32(
            y.low == WF_LOW_NONE ? wf_sweep__four(wf_column_token(low, t)) : 0);
    wf_sweep__ahead(x, T);
    add_units(T, y.step / 4, p->w + step * (y.step / 4), x, lo, hi);
    for (size_t t = 0; t < T; t++) {
        __m512 first = _mm512_cvtepi32_ps((__m512i)lo[t]);
        __m512 second = _mm512_cvtepi32_ps((__m512i)hi[t]);
        if (y.group == 32) {
            __m512 by = wf_sweep__all(wf_column_token(scales, t));
            first = _mm512_mul_ps(first, by);
            second = _mm512_mul_ps(second, by);
        }
        acc_lo[t] = _mm512_fmadd_ps(first, a, acc_lo[t]);
        acc_hi[t] = _mm512_fmadd_ps(second, b, acc_hi[t]);
    }
    if (y.low != WF_LOW_FLOATS)
        return;
    a = _mm512_load_ps(p->min[step]);
    b = _mm512_load_ps(p->min[step] + LANES);
    for (size_t t = 0; t < T; t++) {
        __m512 by = wf_sweep__all(wf_column_token(low, t));
        acc_lo[t] = _mm512_fmadd_ps(a, by, acc_lo[t]);
        acc_hi[t] = _mm512_fmadd_ps(b, by, acc_hi[t]);
    }
}

/* acc += a block's minima, words under one scale, with the sums of the activations, words too. */
static WF_INLINE void add_words(size_t T, const struct wf_panel *p, size_t block,
                                struct wf_column low, __m512 acc_lo[WF_TILE],
                                __m512 acc_hi[WF_TILE])
{
    lanes lo[WF_TILE], hi[WF_TILE];
    __m512 a = _mm512_load_ps(p->by[block]), b = _mm512_load_ps(p->by[block] + LANES);

    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = (lanes)_mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        __m512i c = _mm512_load_si512(p->words[4 * block + i]);
        __m512i d = _mm512_load_si512(p->words[4 * block + i][LANES]);
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(wf_sweep__four(wf_column_token(low, t) + 4 * i));
            lo[t] = (lanes)_mm512_dpwssd_epi32((__m512i)lo[t], c, v);
            hi[t] = (lanes)_mm512_dpwssd_epi32((__m512i)hi[t], d, v);
        }
    }
    for (size_t t = 0; t < T; t++) {
        acc_lo[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)lo[t]), a, acc_lo[t]);
        acc_hi[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)hi[t]), b, acc_hi[t]);
    }
}

/* T tokens from i_tok on with a panel; activations have a scale for each step. */
static WF_INLINE void multiply_32(struct way y, size_t T, const struct wf_panel *p,
                                  const struct wf_sweep *s, size_t i_tok)
{
    const uint8_t *row = s->x + i_tok * s->x_bytes;
    struct wf_column x =
        wf_column_at(row + s->from / 32 * sizeof(struct wf_act_step), s->x_bytes, T);
    __m512 acc_lo[WF_TILE], acc_hi[WF_TILE];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++)
        acc_lo[t] = acc_hi[t] = _mm512_setzero_ps();
    for (size_t step = 0; step < s->n / 32; step++) {
        add_step(y, T, p, step, wf_column_moved(x, offsetof(struct wf_act_step, q)), x,
                 wf_column_moved(x, offsetof(struct wf_act_step, scale)), acc_lo, acc_hi);
        x = wf_column_moved(x, sizeof(struct wf_act_step));
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, acc_lo[t], acc_hi[t]);
}

/* The same where they have one scale for each block. */
static WF_INLINE void multiply_256(struct way y, size_t T, const struct wf_panel *p,
                                   const struct wf_sweep *s, size_t i_tok)
{
    const uint8_t *row = s->x + i_tok * s->x_bytes;
    struct wf_column x = wf_column_at(row + s->q_at, s->x_bytes, T);
    struct wf_column low = wf_column_at(row + s->low_at, s->x_bytes, T);
    struct wf_column scales = wf_column_at(row + s->from / BLOCK * sizeof(float), s->x_bytes, T);
    float(*tile)[WF_PANEL_ROWS] = s->tile;
    __m512 acc_lo[WF_TILE], acc_hi[WF_TILE];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++) {
        _mm512_store_ps(tile[t], _mm512_setzero_ps());
        _mm512_store_ps(tile[t] + LANES, _mm512_setzero_ps());
    }
    for (size_t i = 0; i < s->n / BLOCK; i++) {
        struct wf_column words = low;
        for (size_t t = 0; t < T; t++)
            acc_lo[t] = acc_hi[t] = _mm512_setzero_ps();
        for (size_t step = i * (BLOCK / y.step); step < (i + 1) * (BLOCK / y.step); step++) {
            add_step(y, T, p, step, x, low, scales, acc_lo, acc_hi);
            x = wf_column_moved(x, y.step);
            low = wf_column_moved(low, y.low == WF_LOW_WORDS ? sizeof(int16_t) : sizeof(float));
        }
        if (y.low == WF_LOW_WORDS)
            add_words(T, p, i, words, acc_lo, acc_hi);
        __asm__ volatile("" ::: "memory"); /* keeps the tile out of registers: all are taken */
        for (size_t t = 0; t < T; t++) {
            __m512 by = wf_sweep__all(wf_column_token(scales, t)), *to = (__m512 *)(void *)tile[t];
            to[0] = _mm512_fmadd_ps(acc_lo[t], by, to[0]);
            to[1] = _mm512_fmadd_ps(acc_hi[t], by, to[1]);
        }
        scales = wf_column_moved(scales, sizeof(float));
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, _mm512_load_ps(tile[t]), _mm512_load_ps(tile[t] + LANES));
}

static WF_INLINE void multiply_tile(struct way y, size_t T, const struct wf_panel *p,
                                    const struct wf_sweep *s, size_t i_tok)
{
    if (y.group == 32)
        multiply_32(y, T, p, s, i_tok);
    else
        multiply_256(y, T, p, s, i_tok);
}

/* ---- all of them ---- */

static WF_INLINE void sweep(struct way y, const struct wf_panel *p, const struct wf_sweep *s,
                            size_t n_tok, const struct wf_next *next)
{
    size_t n_tiles = (n_tok + WF_TILE - 1) / WF_TILE, to = 0;

    for (size_t i = 0; i < n_tiles; i++) {
        size_t from = to;
        to = n_tok * (i + 1) / n_tiles;
        wf_sweep__fetch(next, i, n_tiles);
        if (to - from == 6)
            multiply_tile(y, 6, p, s, from);
        else if (to - from == 5)
            multiply_tile(y, 5, p, s, from);
        else
            multiply_tile(y, 4, p, s, from);
    }
}

/* activations' group, weights' step, what meets sums */
#define SWEEP(name, group, step, low)                                                              \
    static void sweep_##name(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,     \
                             const struct wf_next *next)                                           \
    {                                                                                              \
        sweep((struct way){group, step, low}, p, s, n_tok, next);                                  \
    }
SWEEP(32, 32, 32, WF_LOW_NONE)
SWEEP(32_low, 32, 32, WF_LOW_FLOATS)
SWEEP(256, 256, 32, WF_LOW_NONE)
SWEEP(256_low, 256, 32, WF_LOW_WORDS)
SWEEP(256_16, 256, 16, WF_LOW_NONE)
SWEEP(256_16_low, 256, 16, WF_LOW_FLOATS)
#undef SWEEP

static struct way way_of(const struct wf_dtype *t)
{
    static const struct way all[] = {
#define ROW(name, step, low) [WF_DTYPE_##name] = {0, step, low},
        WF_AVX512_MANY(ROW)
#undef ROW
    };
    struct way y = all[t->id];

    y.group = t->block == 256 ? 256 : 32;
    return y;
}

wf_sweep_fn wf_avx512__sweep_of(const struct wf_dtype *t)
{
    struct way y = way_of(t);

    if (y.group == 32)
        return y.low == WF_LOW_NONE ? sweep_32 : sweep_32_low;
    if (y.step == 32)
        return y.low == WF_LOW_NONE ? sweep_256 : sweep_256_low;
    return y.low == WF_LOW_NONE ? sweep_256_16 : sweep_256_16_low;
}
#endif
