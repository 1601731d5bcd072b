/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of packed weights (packed.h) with any number of tokens. Lanes are rows: a
 * register of weights meets four values of a token, broadcast, and nothing is summed across lanes.
 *
 * Weights become bytes where they are multiplied: what that takes is done beside the products, and
 * nothing goes through memory. Up to WF_TILE tokens meet 32 rows at once; one alone meets 16, whose
 * bytes then come in the order in which they lie. Values are added by pieces of PIECE, each piece's
 * sum to what is there, in the same order however many tokens there are: a token's results do not
 * depend on the others. Tokens are prepared as for panels (avx512_many.h). */
#ifdef __x86_64__
#include <assert.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"
#include "kern/avx512_packed.h"
#include "kern/avx512_sweep.h"
#include "kern/packed.h"

#define ROWS WF_PACKED_ROWS
#define LANES 16
#define BLOCK 256
#define LINE 64 /* bytes of a cache line */
/* Values. A tile costs some 80 cycles beside its products: longer pieces are fewer. */
#define PIECE 2816
/* Of a block of n values. */
#define UNPACKED_BYTES(n) (ROWS * ((n) == 32 ? 32 + sizeof(float) : (n)))
#define TOKENS 512 /* that go by a piece */
/* Where tokens take no more than this, all pieces of some rows follow each other: weights are then
 * read in the order in which they lie. */
#define TOKENS_NEAR (256u << 10)
/* One token's weights are asked for so many bytes before they are met. */
#define AHEAD 8192
/* With more tiles than these, what comes next is asked for in the last quarter of them. */
#define TILES_FETCHING 8

/* How a type is multiplied; known when compiled. */
struct way {
    size_t group, step; /* values that share a scale of the activations, of the weights */
    size_t part;        /* values of a block whose places are known when compiled */
    bool has_min;       /* minima as words; else sums begin at -128 >> moved times x's */
    unsigned moved;
    size_t dwords, halves; /* bytes of a block: dwords of 16 rows, halves (or floats) of 32 */
    wf_packed_unit_fn unit;
    wf_packed_scales_fn scales; /* of blocks of 256 */
};

/* 16 sums. Of this type, not __m512i: gcc 12 keeps a register for each of both otherwise. */
typedef int32_t lanes __attribute__((vector_size(64)));

/* A piece of 32 rows, which a tile of tokens meets. */
struct piece {
    const uint8_t *w;
    struct wf_packed_scales (*scales)[2]; /* of its blocks of 256 */
    bool makes_scales;                    /* they are made when a block is met */
    const uint8_t *next; /* what is asked for meanwhile, beside each block as much: */
    size_t next_bytes;
    size_t next_from, next_to; /* the tile's share of it */
};

/* ---- steps ---- */

/* Where a tile's tokens have their bytes, what sums begin at or words, and scales. */
struct columns {
    struct wf_column x, low, scales;
};

/* acc += a step's products of T tokens with 16 rows, the first or the second (r: first, ... below
 * last), under the weights' scales, and the activations' where they have one for each step. */
static WF_INLINE void add_step(struct way y, size_t T, size_t first, size_t last, const uint8_t *w,
                               size_t c, size_t s, const __m512 by[2], struct columns at,
                               __m512 acc[2][WF_TILE])
{
    lanes sums[2][WF_TILE];

    for (size_t t = 0; t < T; t++) {
        __m512i start = y.has_min ? _mm512_setzero_si512()
                                  : _mm512_set1_epi32(wf_sweep__four(wf_column_token(at.low, t)));
        start = y.moved > 0 ? _mm512_srai_epi32(start, y.moved) : start;
        sums[0][t] = sums[1][t] = (lanes)start;
    }
#pragma GCC unroll 8
    for (size_t u = 0; u < y.step / 4; u++) {
        __m512i bytes[2];
        for (size_t r = first; r < last; r++)
            bytes[r] = y.unit(w + r * y.dwords, c, s, u);
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(wf_sweep__four(wf_column_token(at.x, t) + 4 * u));
            for (size_t r = first; r < last; r++)
                sums[r][t] = (lanes)_mm512_dpbusd_epi32((__m512i)sums[r][t], bytes[r], v);
        }
    }
    for (size_t t = 0; t < T; t++) {
        for (size_t r = first; r < last; r++) {
            __m512 v = _mm512_cvtepi32_ps((__m512i)sums[r][t]);
            if (y.group == 32) /* not times by[r]: sums come in turn, scales all at once */
                v = _mm512_mul_ps(v, wf_sweep__all(wf_column_token(at.scales, t)));
            acc[r][t] = _mm512_fmadd_ps(v, by[r], acc[r][t]);
        }
    }
}

/* acc += a block's minima, words under one scale, with the sums of the activations, words too. */
static WF_INLINE void add_words(size_t T, size_t first, size_t last,
                                const struct wf_packed_scales by[2], struct wf_column low,
                                __m512 acc[2][WF_TILE])
{
    lanes sums[2][WF_TILE];

    for (size_t t = 0; t < T; t++)
        sums[0][t] = sums[1][t] = (lanes)_mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_set1_epi32(wf_sweep__four(wf_column_token(low, t) + 4 * i));
            for (size_t r = first; r < last; r++)
                sums[r][t] = (lanes)_mm512_dpwssd_epi32((__m512i)sums[r][t], by[r].words[i], v);
        }
    }
    for (size_t r = first; r < last; r++) {
        for (size_t t = 0; t < T; t++)
            acc[r][t] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)sums[r][t]), by[r].by, acc[r][t]);
    }
}

/* ---- tiles ---- */

/* Bytes of a block of 32 rows. */
static WF_INLINE size_t block_bytes(struct way y)
{
    return y.halves + 2 * y.dwords;
}

/* Asks for as much as 16 rows of a block have, AHEAD of p. */
static WF_INLINE void fetch_ahead(struct way y, const uint8_t *p)
{
    for (size_t k = 0; k < y.dwords; k += LINE)
        _mm_prefetch((const char *)p + AHEAD + k, _MM_HINT_T0);
}

/* Asks for the tile's share of what comes next beside part c of n of block i. */
static WF_INLINE void fetch(const struct piece *p, size_t i, size_t c, size_t n)
{
    const char *next = (const char *)p->next + i * p->next_bytes + p->next_from;
    size_t bytes = p->next_to - p->next_from;

    for (size_t k = bytes * c / n; k < bytes * (c + 1) / n; k += LINE)
        _mm_prefetch(next + k, _MM_HINT_T0);
}

/* The scales of 16 rows of a block of 256. */
static WF_INLINE void make_scales(struct way y, const uint8_t *w, size_t r,
                                  struct wf_packed_scales out[2])
{
    y.scales(w + y.halves + r * y.dwords, w + 2 * LANES * r, &out[r]);
}

/* T tokens from i_tok on with a piece; activations have a scale for each step. */
static WF_INLINE void multiply_32(struct way y, size_t T, const struct piece *p,
                                  const struct wf_sweep *s, size_t i_tok)
{
    const uint8_t *w = p->w, *row = s->x + i_tok * s->x_bytes;
    struct wf_column x =
        wf_column_at(row + s->from / 32 * sizeof(struct wf_act_step), s->x_bytes, T);
    __m512 acc[2][WF_TILE], by[2];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++)
        acc[0][t] = acc[1][t] = _mm512_setzero_ps();
    for (size_t i = 0; i < s->n / 32; i++, w += block_bytes(y)) {
        struct columns at = {wf_column_moved(x, offsetof(struct wf_act_step, q)), x,
                             wf_column_moved(x, offsetof(struct wf_act_step, scale))};
        fetch(p, i, 0, 1);
        for (size_t r = 0; r < 2; r++)
            by[r] = y.halves == ROWS * sizeof(float) ? _mm512_load_ps(w + sizeof(float) * LANES * r)
                                                     : wf_packed_halves(w + 2 * LANES * r);
        add_step(y, T, 0, 2, w + y.halves, 0, 0, by, at, acc);
        x = wf_column_moved(x, sizeof(struct wf_act_step));
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, acc[0][t], acc[1][t]);
}

/* acc = what such rows of a block of 256 have with T tokens, but for the activations' scale. */
static WF_INLINE void add_block(struct way y, size_t T, size_t first, size_t last,
                                const struct piece *p, size_t i, const uint8_t *w,
                                struct columns at, __m512 acc[2][WF_TILE])
{
    const struct wf_packed_scales *of = p->scales[i];
    struct wf_column words = at.low;
    __m512 by[2];

    for (size_t t = 0; t < T; t++) {
        for (size_t r = first; r < last; r++)
            acc[r][t] = _mm512_setzero_ps();
    }
    for (size_t c = 0; c < BLOCK / y.part; c++) {
        if (T > 1)
            fetch(p, i, c, BLOCK / y.part);
#ifndef __SANITIZE_ADDRESS__ /* gcc 12 then says that it cannot, where there is one step */
#pragma GCC unroll 8
#endif
        for (size_t k = 0; k < y.part / y.step; k++) {
            for (size_t r = first; r < last; r++)
                by[r] = of[r].step[c * (y.part / y.step) + k];
            add_step(y, T, first, last, w + y.halves, c, k, by, at, acc);
            at.x = wf_column_moved(at.x, y.step);
            at.low = wf_column_moved(at.low, y.has_min ? sizeof(int16_t) : sizeof(float));
        }
    }
    if (y.has_min)
        add_words(T, first, last, of, words, acc);
}

/* The same where they have one for each block. */
static WF_INLINE void multiply_256(struct way y, size_t T, const struct piece *p,
                                   const struct wf_sweep *s, size_t i_tok)
{
    size_t n_rows = T == 1 ? 1 : 2; /* times 16, that are met at once */
    const uint8_t *w = p->w, *row = s->x + i_tok * s->x_bytes;
    struct columns at = {wf_column_at(row + s->q_at, s->x_bytes, T),
                         wf_column_at(row + s->low_at, s->x_bytes, T),
                         wf_column_at(row + s->from / BLOCK * sizeof(float), s->x_bytes, T)};
    float(*tile)[ROWS] = s->tile;
    __m512 acc[2][WF_TILE];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++) {
        _mm512_store_ps(tile[t], _mm512_setzero_ps());
        _mm512_store_ps(tile[t] + LANES, _mm512_setzero_ps());
    }
    for (size_t i = 0; i < s->n / BLOCK; i++, w += block_bytes(y)) {
        struct wf_packed_scales *of = p->scales[i];
#pragma GCC unroll 2
        for (size_t r = 0; r < 2; r += n_rows) {
            if (T == 1)
                fetch_ahead(y, w + r * y.dwords);
            for (size_t k = r; k < r + n_rows && (T == 1 || p->makes_scales); k++)
                make_scales(y, w, k, of);
            add_block(y, T, r, r + n_rows, p, i, w, at, acc);
        }
        __asm__ volatile("" ::: "memory"); /* keeps the tile out of registers: all are taken */
        for (size_t t = 0; t < T; t++) {
            __m512 v = wf_sweep__all(wf_column_token(at.scales, t));
            __m512 *to = (__m512 *)(void *)tile[t];
            to[0] = _mm512_fmadd_ps(acc[0][t], v, to[0]);
            to[1] = _mm512_fmadd_ps(acc[1][t], v, to[1]);
        }
        at.x = wf_column_moved(at.x, BLOCK);
        at.low =
            wf_column_moved(at.low, BLOCK / y.step * (y.has_min ? sizeof(int16_t) : sizeof(float)));
        at.scales = wf_column_moved(at.scales, sizeof(float));
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, _mm512_load_ps(tile[t]), _mm512_load_ps(tile[t] + LANES));
}

static WF_INLINE void multiply_tile(struct way y, size_t T, const struct piece *p,
                                    const struct wf_sweep *s, size_t i_tok)
{
    if (y.group == 32)
        multiply_32(y, T, p, s, i_tok);
    else
        multiply_256(y, T, p, s, i_tok);
}

/* ---- types ---- */

/* Tokens from i_tok on, as many as the function is for, with a piece. */
typedef void (*tile_fn)(const struct piece *p, const struct wf_sweep *s, size_t i_tok);

/* A block of 32 rows as bytes, as unit gives them; blocks of 32 with floats for the halves. */
typedef void (*unpack_fn)(const uint8_t *w, uint8_t *out);

struct kind {
    struct way way;
    const tile_fn *tiles; /* for 1 token, 2, ... */
    /* So many tokens meet pieces that were unpacked to bytes: measured. */
    size_t n_unpacked;
    unpack_fn unpack;
    const tile_fn *unpacked;
};

/* scale: what the halves of blocks of 32 are multiplied by. */
static WF_INLINE void unpack(struct way y, float scale, const uint8_t *w, uint8_t *out)
{
    for (size_t r = 0; r < 2 && y.group == 32; r++, out += sizeof(float) * LANES)
        _mm512_store_ps(out,
                        _mm512_mul_ps(wf_packed_halves(w + 2 * LANES * r), _mm512_set1_ps(scale)));
    for (size_t r = 0; r < 2; r++) {
        for (size_t c = 0; c < y.group / y.part; c++) {
            for (size_t s = 0; s < y.part / y.step; s++) {
                for (size_t u = 0; u < y.step / 4; u++, out += 64)
                    _mm512_store_si512(out, y.unit(w + y.halves + r * y.dwords, c, s, u));
            }
        }
    }
}

#define TILE(name, T)                                                                              \
    static void tile_##name##_##T(const struct piece *p, const struct wf_sweep *s, size_t i_tok)   \
    {                                                                                              \
        multiply_tile(way_##name(), T, p, s, i_tok);                                               \
    }
#define TILES(name)                                                                                \
    TILE(name, 1)                                                                                  \
    TILE(name, 2)                                                                                  \
    TILE(name, 3)                                                                                  \
    TILE(name, 4)                                                                                  \
    TILE(name, 5)                                                                                  \
    TILE(name, 6)                                                                                  \
    static const tile_fn tiles_##name[WF_TILE] = {tile_##name##_1, tile_##name##_2,                \
                                                  tile_##name##_3, tile_##name##_4,                \
                                                  tile_##name##_5, tile_##name##_6};

/* As struct way has them; dwords of a row. */
#define WAY(name, a_group, a_step, a_part, with_min, n_moved, n_dwords, n_halves, make)            \
    static WF_INLINE struct way way_##name(void)                                                   \
    {                                                                                              \
        return (struct way){.group = (a_group),                                                    \
                            .step = (a_step),                                                      \
                            .part = (a_part),                                                      \
                            .has_min = (with_min),                                                 \
                            .moved = (n_moved),                                                    \
                            .dwords = (size_t)4 * LANES * (n_dwords),                              \
                            .halves = (n_halves),                                                  \
                            .unit = wf_packed_unit_##name,                                         \
                            .scales = (make)};                                                     \
    }                                                                                              \
    TILES(name)
WAY(Q4_0, 32, 32, 32, false, 4, 4, 64, NULL)
WAY(Q8_0, 32, 32, 32, false, 0, 8, 64, NULL)
WAY(Q4_K, 256, 32, 64, true, 0, 36, 0, wf_packed_scales_k)
WAY(Q5_K, 256, 32, 64, true, 0, 44, 0, wf_packed_scales_k)
WAY(Q6_K, 256, 16, 128, false, 2, 52, 64, wf_packed_scales_Q6_K)
WAY(IQ4_XS, 256, 32, 32, false, 0, 34, 0, wf_packed_scales_IQ4_XS)
/* Unpacked. */
WAY(blocks32, 32, 32, 32, false, 0, 8, 128, NULL)
WAY(bytes32, 256, 32, 32, false, 0, 64, 0, NULL)
WAY(bytes32_min, 256, 32, 32, true, 0, 64, 0, NULL)
WAY(bytes16, 256, 16, 32, false, 2, 64, 0, NULL)
#undef WAY
#undef TILES
#undef TILE

/* 16 times as much, for which nothing need be moved: a power of two changes no bit of a sum. */
static void unpack_Q4_0(const uint8_t *w, uint8_t *out)
{
    struct way y = way_Q4_0();

    y.unit = wf_packed_unit_Q4_0_times_16;
    unpack(y, 0.0625f, w, out);
}

#define UNPACK(name)                                                                               \
    static void unpack_##name(const uint8_t *w, uint8_t *out)                                      \
    {                                                                                              \
        unpack(way_##name(), 1.0f, w, out);                                                        \
    }
UNPACK(Q8_0)
UNPACK(Q4_K)
UNPACK(Q5_K)
UNPACK(Q6_K)
UNPACK(IQ4_XS)
#undef UNPACK

#define KIND(name, ...)                                                                            \
    case WF_DTYPE_##name:                                                                          \
        return (struct kind)                                                                       \
        {                                                                                          \
            .way = way_##name(), .tiles = tiles_##name, __VA_ARGS__                                \
        }
static struct kind kind_of(const struct wf_dtype *t)
{
    switch (t->id) {
        KIND(Q4_0, .n_unpacked = 128, .unpack = unpack_Q4_0, .unpacked = tiles_blocks32);
        KIND(Q8_0, .n_unpacked = 128, .unpack = unpack_Q8_0, .unpacked = tiles_blocks32);
        KIND(Q4_K, .n_unpacked = 128, .unpack = unpack_Q4_K, .unpacked = tiles_bytes32_min);
        KIND(Q5_K, .n_unpacked = 13, .unpack = unpack_Q5_K, .unpacked = tiles_bytes32_min);
        KIND(Q6_K, .n_unpacked = 13, .unpack = unpack_Q6_K, .unpacked = tiles_bytes16);
        KIND(IQ4_XS, .n_unpacked = 128, .unpack = unpack_IQ4_XS, .unpacked = tiles_bytes32);
    }
    assert(false); /* there are no others */
    return (struct kind){0};
}
#undef KIND

/* ---- all of them ---- */

/* All tokens with a piece, in tiles as equal as can be. */
static void sweep(const tile_fn *tiles, struct piece *p, const struct wf_sweep *s, size_t n_tok)
{
    size_t n_tiles = (n_tok + WF_TILE - 1) / WF_TILE, to = 0;
    size_t n_fetching = n_tiles > TILES_FETCHING ? n_tiles / 4 : n_tiles;

    for (size_t i = 0; i < n_tiles; i++) {
        size_t from = to;
        to = n_tok * (i + 1) / n_tiles;
        p->next_from = p->next_to;
        if (i + n_fetching >= n_tiles)
            p->next_to = p->next_bytes * (i + n_fetching - n_tiles + 1) / n_fetching;
        tiles[to - from - 1](p, s, from);
    }
}

/* What a product is, and some of its tokens. */
struct some {
    const struct kind *kind;
    const struct wf_dtype *type; /* as files have it */
    const struct wf_avx512_rows *a;
    size_t i_tok, n_tok;
    bool by_rows; /* all pieces of some rows follow each other */
    struct wf_packed_scales (*scales)[2];
    float (*tile)[ROWS];
    uint8_t *bytes;
};

/* Values from `from` on of 32 rows from `row` on. */
static void multiply_piece(const struct some *m, size_t row, size_t from)
{
    const struct kind *k = m->kind;
    const struct wf_avx512_rows *a = m->a;
    bool is_256 = k->way.group == BLOCK, is_unpacked = m->n_tok >= k->n_unpacked;
    size_t left = a->n_in - from, n = left < PIECE ? left : PIECE;
    struct wf_sweep s = {.x = a->x + m->i_tok * a->x_bytes,
                         .x_bytes = a->x_bytes,
                         .low_at = is_256 ? wf_avx512__low_at(m->type, a->n_in, from) : 0,
                         .q_at = is_256 ? wf_avx512__bytes_at(m->type, a->n_in) + from : 0,
                         .from = from,
                         .n = n,
                         .out = a->out + m->i_tok * a->ld + row,
                         .ld = a->ld,
                         .n_rows = a->n_rows - row < ROWS ? a->n_rows - row : ROWS,
                         .adds = from > 0,
                         .tile = m->tile};
    const uint8_t *w = a->w + row * a->row_bytes + ROWS * wf_dtype_bytes(m->type, from);
    size_t ahead = ROWS * (m->by_rows ? wf_dtype_bytes(m->type, n) : a->row_bytes);
    struct piece p = {.w = is_unpacked ? m->bytes : w,
                      .scales = m->scales,
                      .makes_scales = m->n_tok <= WF_TILE,
                      .next = w + (m->n_tok <= WF_TILE ? AHEAD : ahead),
                      .next_bytes = block_bytes(k->way)};

    for (size_t i = 0; i < n / k->way.group; i++, w += block_bytes(k->way)) {
        if (is_unpacked)
            k->unpack(w, m->bytes + i * UNPACKED_BYTES(k->way.group));
        for (size_t r = 0; r < 2 && is_256 && !p.makes_scales; r++)
            make_scales(k->way, w, r, m->scales[i]);
    }
    sweep(is_unpacked ? k->unpacked : k->tiles, &p, &s, m->n_tok);
}

void wf_avx512__multiply_packed(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                                size_t n_tok)
{
    struct wf_packed_scales scales[PIECE / BLOCK][2];
    float tile[WF_TILE][ROWS] __attribute__((aligned(64)));
    uint8_t bytes[PIECE / 32 * UNPACKED_BYTES(32)] __attribute__((aligned(64)));
    size_t n_parts = (n_tok + TOKENS - 1) / TOKENS, end = 0;
    struct kind k = kind_of(wf_packed_from(t));
    struct some m = {.kind = &k,
                     .type = wf_packed_from(t),
                     .a = a,
                     .scales = scales,
                     .tile = tile,
                     .bytes = bytes};

    for (size_t part = 0; part < n_parts; part++) {
        m.i_tok = end;
        end = n_tok * (part + 1) / n_parts;
        m.n_tok = end - m.i_tok;
        m.by_rows = m.n_tok * a->n_in <= TOKENS_NEAR;
        for (size_t i = 0; i < a->n_in && !m.by_rows; i += PIECE) {
            for (size_t row = 0; row < a->n_rows; row += ROWS)
                multiply_piece(&m, row, i);
        }
        for (size_t row = 0; row < a->n_rows && m.by_rows; row += ROWS) {
            for (size_t i = 0; i < a->n_in; i += PIECE)
                multiply_piece(&m, row, i);
        }
    }
}
#endif
