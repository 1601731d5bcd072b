/* Tokens and packed weights of 16 bits (packed.h) in units: a lane is a row, and holds one value of
 * it as float or two as bfloat16, which meet as much of a token at once.
 *
 * Units lie in blocks, as packed BF16 does: UNITS of the first 16 rows, then of the others. A tile
 * is up to WF_UNITS_TILE tokens, whose sums of a piece of the rows all stay in registers; each is
 * one chain of additions, whichever tile its token is in. Only files that are compiled with AVX-512
 * (F, BW, DQ, VL) include this. Threads: any. */
#ifndef WF_KERN_AVX512_UNITS_H
#define WF_KERN_AVX512_UNITS_H

#include <immintrin.h>

#include "kern/avx512_sweep.h"

#define WF_UNITS_TILE 12 /* tokens */
#define WF_UNITS_BLOCK 16
#define WF_UNITS_BYTES (WF_UNITS_BLOCK * 2 * sizeof(__m512)) /* a block's */

/* Lines of memory to ask for, so many with each block that a tile meets: all at once would keep
 * what the tile itself loads waiting. */
struct wf_ahead {
    const uint8_t *at, *end;
    size_t n_each;
};

/* Asks for the next few. */
static WF_INLINE void wf_ahead_fetch(struct wf_ahead *a)
{
    const uint8_t *at = a->at, *to = at + 64 * a->n_each;

    for (to = to < a->end ? to : a->end; at < to; at += 64)
        _mm_prefetch((const char *)at, _MM_HINT_T1);
    a->at = at;
}

/* n_tok (1..WF_UNITS_TILE) tokens from i_tok on with a piece at w. */
typedef void (*wf_units_fn)(const uint8_t *w, const struct wf_sweep *s, size_t i_tok, size_t n_tok,
                            struct wf_ahead *ahead);

/* T tokens (known when compiled) with n_units, whole blocks; step adds the products of two. */
static WF_INLINE void wf_units__tile(wf_sweep_step_fn step, size_t n_units, size_t T,
                                     const uint8_t *w, const struct wf_sweep *s, size_t i_tok,
                                     struct wf_ahead *ahead)
{
    struct wf_column x = wf_column_at(s->x + i_tok * s->x_bytes + s->q_at, s->x_bytes, T);
    __m512 lo[WF_UNITS_TILE], hi[WF_UNITS_TILE];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = _mm512_setzero_ps();
    for (size_t i = 0; i < n_units; i += WF_UNITS_BLOCK, w += WF_UNITS_BYTES / 2) {
        wf_sweep__ahead(x, T);
        wf_ahead_fetch(ahead);
        for (size_t u = 0; u < WF_UNITS_BLOCK; u++, w += sizeof(__m512)) {
            __m512 a = _mm512_loadu_ps(w), b = _mm512_loadu_ps(w + WF_UNITS_BYTES / 2);
            for (size_t t = 0; t < T; t++) {
                __m512 v = wf_sweep__all(wf_column_token(x, t));
                lo[t] = step(lo[t], a, v);
                hi[t] = step(hi[t], b, v);
            }
            x = wf_column_moved(x, 4);
        }
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, lo[t], hi[t]);
}

/* tile(n, ...) with n, from 1 to WF_UNITS_TILE, known when compiled. */
#define WF_UNITS_CASE(n, tile, ...)                                                                \
    case n:                                                                                        \
        tile(n, __VA_ARGS__);                                                                      \
        break;
#define WF_UNITS_BY_TOKENS(n_tok, tile, ...)                                                       \
    switch (n_tok) {                                                                               \
        WF_UNITS_CASE(1, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(2, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(3, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(4, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(5, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(6, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(7, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(8, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(9, tile, __VA_ARGS__)                                                        \
        WF_UNITS_CASE(10, tile, __VA_ARGS__)                                                       \
        WF_UNITS_CASE(11, tile, __VA_ARGS__)                                                       \
        WF_UNITS_CASE(12, tile, __VA_ARGS__)                                                       \
    }

#endif
