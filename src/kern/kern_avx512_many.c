/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of quantised weights with many tokens: what reading a prompt does, and what
 * arithmetic bounds. Lanes and units are told in avx512_many.h.
 *
 * WF_PANEL_VALUES values of WF_PANEL_ROWS rows are unpacked at once into a panel, which all tokens
 * go by in tiles; it and as many values of the tokens stay in the second cache, or nearly. So every
 * weight is unpacked once for TOKENS tokens, and sums of a panel are added to `out`. While tiles
 * are multiplied, what the next panel is unpacked from is asked for.
 *
 * Weights stay exactly what they are. What costs beside the multiplications is bringing the sums of
 * a step (32 or 16 values) under their scales: one more multiplication for a step where activations
 * have a scale for 256 values, two where they have one for 32. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"
#include "kern/gemm_avx512.h"
#include "kern/x86_group.h"

#define LANES 16
#define BLOCK 256
#define TOKENS 512
#define TILE 6 /* tokens: 12 sums of integers, as many of floats */

/* What all tiles of a panel meet: tokens prepared one behind the other. */
struct sweep {
    const uint8_t *x; /* the first token; its parts: */
    size_t x_bytes, low_at, q_at;
    size_t from, n; /* values */
    float *out;     /* of the panel's first row */
    size_t ld, n_rows;
    bool adds;
    float (*tile)[WF_PANEL_ROWS]; /* room for sums */
};

/* How a type is multiplied; known when compiled. */
struct way {
    size_t group, step; /* values that share a scale of the activations, of the weights */
    enum wf_panel_low low;
};

/* 16 sums. Of this type, not __m512i: gcc 12 keeps a register for each of both otherwise. */
typedef int32_t lanes __attribute__((vector_size(64)));

static WF_INLINE int32_t load_four(const uint8_t *p)
{
    int32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* Something of every token of a tile: where the first and the fourth have it, ld bytes apart from
 * one to the next. */
struct column {
    const uint8_t *first, *fourth;
    size_t ld;
};

static WF_INLINE struct column column_at(const uint8_t *p, size_t ld)
{
    struct column c = {p, p + 3 * ld, ld};

    __asm__(""
            : "+r"(c.fourth)); /* else the compiler keeps six pointers, and has no room for them */
    return c;
}

static WF_INLINE struct column moved(struct column c, size_t bytes)
{
    c.first += bytes;
    c.fourth += bytes;
    return c;
}

static WF_INLINE const uint8_t *token(struct column c, size_t t)
{
    return t < 3 ? c.first + t * c.ld : c.fourth + (t - 3) * c.ld;
}

static WF_INLINE __m512 load_float(const uint8_t *p)
{
    return _mm512_castsi512_ps(_mm512_set1_epi32(load_four(p)));
}

/* n units of 4 values with T tokens, added to the sums of the first and the second
 * half of the rows. */
static WF_INLINE void add_units(size_t T, size_t n, const uint8_t (*w)[WF_PANEL_ROWS][4],
                                struct column x, lanes lo[TILE], lanes hi[TILE])
{
#pragma GCC unroll 8 /* gcc 12 does so of itself for four tokens only */
    for (size_t u = 0; u < n; u++) {
        __m512i a = _mm512_load_si512(w[u]), b = _mm512_load_si512(w[u][LANES]);
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(load_four(token(x, t) + 4 * u));
            lo[t] = (lanes)_mm512_dpbusd_epi32((__m512i)lo[t], a, v);
            hi[t] = (lanes)_mm512_dpbusd_epi32((__m512i)hi[t], b, v);
        }
    }
}

/* Where a tile's sums go is asked for while they are made. */
static WF_INLINE void begin_tile(const struct sweep *s, size_t T, size_t i_tok)
{
    for (size_t t = 0; t < T; t++) {
        const char *to = (const char *)(s->out + (i_tok + t) * s->ld);
        _mm_prefetch(to, _MM_HINT_T0);
        _mm_prefetch(to + 64, _MM_HINT_T0);
        _mm512_store_ps(s->tile[t], _mm512_setzero_ps());
        _mm512_store_ps(s->tile[t] + LANES, _mm512_setzero_ps());
    }
}

/* A tile's sums to their places, or onto what is there. */
static WF_INLINE void store_tile(const struct sweep *s, size_t T, size_t i_tok)
{
    __mmask16 first = wf_gemm__mask(s->n_rows);
    __mmask16 second = wf_gemm__mask(s->n_rows > LANES ? s->n_rows - LANES : 0);

    for (size_t t = 0; t < T; t++) {
        float *to = s->out + (i_tok + t) * s->ld;
        __m512 a = _mm512_load_ps(s->tile[t]), b = _mm512_load_ps(s->tile[t] + LANES);
        if (s->adds) {
            a = _mm512_add_ps(a, _mm512_maskz_loadu_ps(first, to));
            b = _mm512_add_ps(b, _mm512_maskz_loadu_ps(second, to + LANES));
        }
        _mm512_mask_storeu_ps(to, first, a);
        _mm512_mask_storeu_ps(to + LANES, second, b);
    }
}

/* acc += a step's products under the weights' scales, and the activations' where they have one for
 * each step. */
static WF_INLINE void add_step(struct way y, size_t T, const struct wf_panel *p, size_t step,
                               struct column x, struct column low, struct column scales,
                               __m512 acc_lo[TILE], __m512 acc_hi[TILE])
{
    lanes lo[TILE], hi[TILE];
    __m512 a = _mm512_load_ps(p->scale[step]), b = _mm512_load_ps(p->scale[step] + LANES);

    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] =
            (lanes)_mm512_set1_epi32(y.low == WF_LOW_NONE ? load_four(token(low, t)) : 0);
    add_units(T, y.step / 4, p->w + step * (y.step / 4), x, lo, hi);
    for (size_t t = 0; t < T; t++) {
        __m512 by = y.group == 32 ? _mm512_mul_ps(a, load_float(token(scales, t))) : a;
        acc_lo[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)lo[t]), by, acc_lo[t]);
    }
    for (size_t t = 0; t < T; t++) {
        __m512 by = y.group == 32 ? _mm512_mul_ps(b, load_float(token(scales, t))) : b;
        acc_hi[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)hi[t]), by, acc_hi[t]);
    }
    if (y.low != WF_LOW_FLOATS)
        return;
    a = _mm512_load_ps(p->min[step]);
    b = _mm512_load_ps(p->min[step] + LANES);
    for (size_t t = 0; t < T; t++) {
        __m512 by = load_float(token(low, t));
        acc_lo[t] = _mm512_fmadd_ps(a, by, acc_lo[t]);
        acc_hi[t] = _mm512_fmadd_ps(b, by, acc_hi[t]);
    }
}

/* acc += a block's minima, words under one scale, with the sums of the activations, words too. */
static WF_INLINE void add_words(size_t T, const struct wf_panel *p, size_t block, struct column low,
                                __m512 acc_lo[TILE], __m512 acc_hi[TILE])
{
    lanes lo[TILE], hi[TILE];
    __m512 a = _mm512_load_ps(p->by[block]), b = _mm512_load_ps(p->by[block] + LANES);

    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = (lanes)_mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        __m512i c = _mm512_load_si512(p->words[4 * block + i]);
        __m512i d = _mm512_load_si512(p->words[4 * block + i][LANES]);
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(load_four(token(low, t) + 4 * i));
            lo[t] = (lanes)_mm512_dpwssd_epi32((__m512i)lo[t], c, v);
            hi[t] = (lanes)_mm512_dpwssd_epi32((__m512i)hi[t], d, v);
        }
    }
    for (size_t t = 0; t < T; t++) {
        acc_lo[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)lo[t]), a, acc_lo[t]);
        acc_hi[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)hi[t]), b, acc_hi[t]);
    }
}

/* T tokens from i_tok on with a panel. */
static WF_INLINE void multiply_tile(struct way y, size_t T, const struct wf_panel *p,
                                    const struct sweep *s, size_t i_tok)
{
    const uint8_t *row = s->x + i_tok * s->x_bytes;
    struct column x = column_at(row + s->q_at, s->x_bytes);
    struct column low = column_at(row + s->low_at, s->x_bytes);
    struct column scales = column_at(row + s->from / y.group * sizeof(float), s->x_bytes);
    float(*tile)[WF_PANEL_ROWS] = s->tile;
    size_t step = 0, n_steps = s->n / y.step;
    __m512 acc_lo[TILE], acc_hi[TILE];

    begin_tile(s, T, i_tok);
    for (size_t i = 0; step < n_steps; i++) {
        size_t end = n_steps - step < BLOCK / y.step ? n_steps : step + BLOCK / y.step;
        for (size_t t = 0; t < T; t++)
            acc_lo[t] = acc_hi[t] = _mm512_setzero_ps();
        struct column words = low;
        for (; step < end; step++) {
            add_step(y, T, p, step, x, low, scales, acc_lo, acc_hi);
            x = moved(x, y.step);
            low = moved(low, y.low == WF_LOW_WORDS ? sizeof(int16_t) : sizeof(float));
            if (y.group == 32)
                scales = moved(scales, sizeof(float));
        }
        if (y.low == WF_LOW_WORDS)
            add_words(T, p, i, words, acc_lo, acc_hi);
        __asm__ volatile("" ::: "memory"); /* keeps the tile out of registers: all are taken */
        for (size_t t = 0; t < T; t++) {
            __m512 by = y.group == BLOCK ? load_float(token(scales, t)) : _mm512_set1_ps(1.0f);
            __m512 *to = (__m512 *)(void *)tile[t];
            to[0] = _mm512_fmadd_ps(acc_lo[t], by, to[0]);
            to[1] = _mm512_fmadd_ps(acc_hi[t], by, to[1]);
        }
        if (y.group == BLOCK)
            scales = moved(scales, sizeof(float));
    }
    store_tile(s, T, i_tok);
}

/* ---- all of them ---- */

/* Bytes that the next panel is unpacked from. */
struct next {
    const uint8_t *w;
    size_t row_bytes, n_rows, bytes;
};

/* Asks for part i of n of them. */
static WF_INLINE void fetch(const struct next *next, size_t i, size_t n)
{
    size_t lines = next->bytes / 64 + 2, all = next->n_rows * lines, end = (i + 1) * all / n;

    for (size_t j = i * all / n; j < end; j++)
        _mm_prefetch((const char *)next->w + j / lines * next->row_bytes + j % lines * 64,
                     _MM_HINT_T1);
}

/* A panel with n_tok tokens (WF_AVX512_WIDE_FROM at least), in tiles as equal as can be: of 4 to 6.
 */
typedef void (*sweep_fn)(const struct wf_panel *p, const struct sweep *s, size_t n_tok,
                         const struct next *next);

static WF_INLINE void sweep(struct way y, const struct wf_panel *p, const struct sweep *s,
                            size_t n_tok, const struct next *next)
{
    size_t n_tiles = (n_tok + TILE - 1) / TILE, to = 0;

    for (size_t i = 0; i < n_tiles; i++) {
        size_t from = to;
        to = n_tok * (i + 1) / n_tiles;
        fetch(next, i, n_tiles);
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
    static void sweep_##name(const struct wf_panel *p, const struct sweep *s, size_t n_tok,        \
                             const struct next *next)                                              \
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

static sweep_fn sweep_of(size_t group, size_t step, enum wf_panel_low low)
{
    if (group == 32)
        return low == WF_LOW_NONE ? sweep_32 : sweep_32_low;
    if (step == 32)
        return low == WF_LOW_NONE ? sweep_256 : sweep_256_low;
    return low == WF_LOW_NONE ? sweep_256_16 : sweep_256_16_low;
}

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

/* All rows of values [s->from, s->from + s->n) with n_tok tokens from i_tok on. */
static void multiply_values(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                            struct sweep *s, size_t i_tok, size_t n_tok)
{
    struct way y = way_of(t);
    sweep_fn sweep_all = sweep_of(y.group, y.step, y.low);
    wf_panel_fn unpack = wf_avx512__panel_of(t);
    struct wf_panel p;

    for (size_t row = 0; row < a->n_rows; row += WF_PANEL_ROWS) {
        size_t left = a->n_rows - row, then = left > WF_PANEL_ROWS ? left - WF_PANEL_ROWS : 0;
        const uint8_t *w = a->w + row * a->row_bytes;
        struct next next = {.w = w + WF_PANEL_ROWS * a->row_bytes + wf_dtype_bytes(t, s->from),
                            .row_bytes = a->row_bytes,
                            .n_rows = then < WF_PANEL_ROWS ? then : WF_PANEL_ROWS,
                            .bytes = wf_dtype_bytes(t, s->n)};
        s->out = a->out + i_tok * a->ld + row;
        s->n_rows = left < WF_PANEL_ROWS ? left : WF_PANEL_ROWS;
        unpack(w, a->row_bytes, s->n_rows, s->from, s->n, &p);
        sweep_all(&p, s, n_tok, &next);
    }
}

void wf_avx512__multiply_many(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                              size_t n_tok)
{
    float tile[TILE][WF_PANEL_ROWS] __attribute__((aligned(64)));
    struct way y = way_of(t);
    size_t low_bytes = y.low == WF_LOW_WORDS ? sizeof(int16_t) : sizeof(float);
    size_t low_at = a->n_in / y.group * sizeof(float);
    size_t q_at = low_at + a->n_in / y.step * low_bytes;

    size_t n_parts = (n_tok + TOKENS - 1) / TOKENS, end = 0;

    for (size_t part = 0; part < n_parts; part++) {
        size_t i = end;
        end = n_tok * (part + 1) / n_parts;
        for (size_t from = 0; from < a->n_in; from += WF_PANEL_VALUES) {
            size_t left = a->n_in - from;
            struct sweep s = {.x = a->x + i * a->x_bytes,
                              .x_bytes = a->x_bytes,
                              .low_at = low_at + from / y.step * low_bytes,
                              .q_at = q_at + from,
                              .from = from,
                              .n = left < WF_PANEL_VALUES ? left : WF_PANEL_VALUES,
                              .ld = a->ld,
                              .adds = from > 0,
                              .tile = tile};
            multiply_values(t, a, &s, i, end - i);
        }
    }
}
#endif
