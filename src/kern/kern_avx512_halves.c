/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of packed F16 and BF16 weights with any number of tokens (avx512_units.h).
 *
 * What meets floats is unpacked to them: a piece of 32 rows once for many tokens, in the order in
 * which its bytes lie; the few tokens of one tile meet it value by value instead. BF16 is met as it
 * lies where the processor multiplies such. Pieces depend on the length of a row alone, and
 * additions on the pieces: so how many tokens there are changes no bit. */
#ifdef __x86_64__
#include <immintrin.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"
#include "kern/avx512_units.h"
#include "kern/packed.h"

#define TOKENS 512 /* that go by a piece */
#define ROWS WF_PACKED_ROWS
#define BLOCK 32   /* values */
#define UNITS 1024 /* of a piece. Measured, F16: 384, 512, 640 and 1,536 are slower */
/* Bytes ahead that a tile's few tokens ask memory for. */
#define AHEAD 8192

/* A block of a packed type: pairs of 16 rows, then of the others. */
#define VALUE_BYTES (ROWS * sizeof(uint16_t)) /* of 32 rows: a line */
#define BLOCK_BYTES (BLOCK * VALUE_BYTES)
#define PAIRS (BLOCK / 2)
#define PAIR_BYTES sizeof(__m512)

/* How a type is multiplied. */
struct way {
    size_t per_unit;                                         /* values */
    void (*unpack)(const uint8_t *w, size_t n, uint8_t *to); /* for many; NULL: it is not */
    wf_units_fn few, many;                                   /* what lies packed; unpacked */
};

/* ---- halves to floats ---- */

/* Two values of 16 rows. */
struct two {
    __m512 even, odd;
};

typedef struct two (*two_fn)(__m512i pairs);

static WF_INLINE struct two two_F16(__m512i pairs)
{
    const __m512i evens_first =
        _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 30, 28, 26, 24,
                         22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);

    pairs = _mm512_permutexvar_epi16(evens_first, pairs);
    return (struct two){_mm512_cvtph_ps(_mm512_castsi512_si256(pairs)),
                        _mm512_cvtph_ps(_mm512_extracti64x4_epi64(pairs, 1))};
}

static WF_INLINE struct two two_BF16(__m512i pairs)
{
    __m512i odd = _mm512_and_si512(pairs, _mm512_set1_epi32((int32_t)0xffff0000));

    return (struct two){_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
                        _mm512_castsi512_ps(odd)};
}

/* n values of 32 rows to blocks of units. */
static WF_INLINE void unpack(two_fn two, const uint8_t *w, size_t n, uint8_t *to)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        for (size_t row = 0; row < ROWS; row += 16) {
            for (size_t k = 0; k < PAIRS; k++, w += PAIR_BYTES) {
                size_t at = (i + 2 * k) / WF_UNITS_BLOCK * WF_UNITS_BYTES +
                            (row + 2 * k % WF_UNITS_BLOCK) * sizeof(__m512);
                struct two v = two(_mm512_loadu_si512(w));
                _mm512_store_ps(to + at, v.even);
                _mm512_store_ps(to + at + sizeof(__m512), v.odd);
            }
        }
    }
}

/* ---- tiles ---- */

static WF_INLINE __m512 step(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, sum);
}

#define TILE_FLOATS(T, ...) wf_units__tile(step, s->n, T, __VA_ARGS__)

/* Tokens with floats. */
static void tile_floats(const uint8_t *w, const struct wf_sweep *s, size_t i_tok, size_t n_tok,
                        struct wf_ahead *ahead)
{
    WF_UNITS_BY_TOKENS(n_tok, TILE_FLOATS, w, s, i_tok, ahead)
}

/* T tokens with halves, and the same additions as with floats. */
static WF_INLINE void tile_halves(size_t T, two_fn two, const uint8_t *w, const struct wf_sweep *s,
                                  size_t i_tok, struct wf_ahead *ahead)
{
    struct wf_column x = wf_column_at(s->x + i_tok * s->x_bytes + s->q_at, s->x_bytes, T);
    __m512 lo[WF_UNITS_TILE], hi[WF_UNITS_TILE];

    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = _mm512_setzero_ps();
    for (size_t i = 0; i < s->n; i += BLOCK, w += BLOCK_BYTES / 2) {
        wf_ahead_fetch(ahead);
        for (size_t k = 0; k < PAIRS; k++, w += PAIR_BYTES) {
            struct two a = two(_mm512_loadu_si512(w));
            struct two b = two(_mm512_loadu_si512(w + BLOCK_BYTES / 2));
            for (size_t t = 0; t < T; t++) {
                __m512 v = wf_sweep__all(wf_column_token(x, t));
                lo[t] = step(lo[t], a.even, v);
                hi[t] = step(hi[t], b.even, v);
            }
            for (size_t t = 0; t < T; t++) {
                __m512 v = wf_sweep__all(wf_column_token(x, t) + 4);
                lo[t] = step(lo[t], a.odd, v);
                hi[t] = step(hi[t], b.odd, v);
            }
            x = wf_column_moved(x, 8);
        }
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, lo[t], hi[t]);
}

#define HALVES(name)                                                                               \
    static void unpack_##name(const uint8_t *w, size_t n, uint8_t *to)                             \
    {                                                                                              \
        unpack(two_##name, w, n, to);                                                              \
    }                                                                                              \
    static void tile_##name(const uint8_t *w, const struct wf_sweep *s, size_t i_tok,              \
                            size_t n_tok, struct wf_ahead *ahead)                                  \
    {                                                                                              \
        WF_UNITS_BY_TOKENS(n_tok, tile_halves, two_##name, w, s, i_tok, ahead)                     \
    }
HALVES(F16)
HALVES(BF16)
#undef HALVES

/* ---- pieces ---- */

static struct way way_of(const struct wf_dtype *t)
{
    if (t->id == (WF_PACKED | WF_DTYPE_F16))
        return (struct way){1, unpack_F16, tile_F16, tile_floats};
    if (wf_avx512__has_bf16())
        return (struct way){2, NULL, wf_avx512__bf16_tile, wf_avx512__bf16_tile};
    return (struct way){1, unpack_BF16, tile_BF16, tile_floats};
}

/* A product, and some of its tokens. */
struct some {
    struct way way;
    const struct wf_avx512_rows *a;
    size_t i_tok, n_tok;
    size_t values; /* of a piece, at most */
    uint8_t *units;
};

/* All tokens with a piece, in tiles as equal as can be. In the last quarter of them what is next is
 * asked for, since tokens that go by drive out of the caches what came before. */
static void sweep(const struct way *way, const uint8_t *w, const struct wf_sweep *s, size_t n_tok,
                  const uint8_t *next)
{
    size_t n_tiles = (n_tok + WF_UNITS_TILE - 1) / WF_UNITS_TILE, to = 0;
    size_t n_fetching = (n_tiles + 3) / 4;
    struct wf_ahead none = {next, next, 0};
    struct wf_ahead ahead = {next, next + s->n * VALUE_BYTES,
                             WF_UNITS_BLOCK * way->per_unit / n_fetching + 1};

    for (size_t i = 0; i < n_tiles; i++) {
        size_t from = to;
        to = n_tok * (i + 1) / n_tiles;
        way->many(w, s, from, to - from, i + n_fetching < n_tiles ? &none : &ahead);
    }
}

/* Values from `from` on of 32 rows from `row` on. */
static void multiply_piece(const struct some *m, size_t row, size_t from)
{
    const struct wf_avx512_rows *a = m->a;
    size_t left = a->n_in - from, n = left < m->values ? left : m->values;
    const uint8_t *w = a->w + row * a->row_bytes + from * VALUE_BYTES;
    struct wf_sweep s = {.x = a->x + m->i_tok * a->x_bytes,
                         .x_bytes = a->x_bytes,
                         .q_at = from * sizeof(float) / m->way.per_unit,
                         .from = from,
                         .n = n,
                         .out = a->out + m->i_tok * a->ld + row,
                         .ld = a->ld,
                         .n_rows = a->n_rows - row < ROWS ? a->n_rows - row : ROWS,
                         .adds = from > 0};

    if (m->n_tok <= WF_UNITS_TILE) {
        struct wf_ahead ahead = {w + AHEAD, w + AHEAD + n * VALUE_BYTES, BLOCK_BYTES / 64};
        m->way.few(w, &s, 0, m->n_tok, &ahead);
        return;
    }
    if (m->way.unpack != NULL)
        m->way.unpack(w, n, m->units);
    sweep(&m->way, m->way.unpack != NULL ? m->units : w, &s, m->n_tok, w + ROWS * a->row_bytes);
}

/* Values of a piece: pieces are as equal as can be. */
static size_t values_each(size_t n_in, size_t most)
{
    size_t n_pieces = (n_in + most - 1) / most, each = (n_in + n_pieces - 1) / n_pieces;

    return (each + BLOCK - 1) / BLOCK * BLOCK;
}

void wf_avx512__multiply_halves(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                                size_t n_tok)
{
    uint8_t units[UNITS / WF_UNITS_BLOCK * WF_UNITS_BYTES] __attribute__((aligned(64)));
    size_t n_parts = (n_tok + TOKENS - 1) / TOKENS, end = 0;
    struct some m = {.way = way_of(t), .a = a, .units = units};

    m.values = values_each(a->n_in, UNITS * m.way.per_unit);
    for (size_t part = 0; part < n_parts; part++) {
        m.i_tok = end;
        end = n_tok * (part + 1) / n_parts;
        m.n_tok = end - m.i_tok;
        bool by_rows = m.n_tok <= WF_UNITS_TILE; /* in the order in which bytes lie */
        for (size_t i = 0; i < a->n_in && !by_rows; i += m.values) {
            for (size_t row = 0; row < a->n_rows; row += ROWS)
                multiply_piece(&m, row, i);
        }
        for (size_t row = 0; row < a->n_rows && by_rows; row += ROWS) {
            for (size_t i = 0; i < a->n_in; i += m.values)
                multiply_piece(&m, row, i);
        }
    }
}
#endif
