/* How tokens go by a panel of weights (avx512_many.h), for the files of AVX-512 kernels that
 * multiply both. Only files that are compiled with AVX-512 (F, BW, DQ, VL) include this.
 * Threads: any. */
#ifndef WF_KERN_AVX512_SWEEP_H
#define WF_KERN_AVX512_SWEEP_H

#include <immintrin.h>
#include <string.h>

#include "kern/avx512_many.h"
#include "kern/gemm_avx512.h"
#include "kern/x86_group.h"

/* 4 bytes. */
static WF_INLINE int32_t wf_sweep__four(const uint8_t *p)
{
    int32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* The same in all lanes. */
static WF_INLINE __m512 wf_sweep__all(const uint8_t *p)
{
    return _mm512_castsi512_ps(_mm512_set1_epi32(wf_sweep__four(p)));
}

/* Something of each of up to 12 tokens: where every third has it, ld bytes apart from one to the
 * next. */
struct wf_column {
    const uint8_t *third[4];
    size_t ld;
};

/* That of n tokens, of which the first has it at p. */
static WF_INLINE struct wf_column wf_column_at(const uint8_t *p, size_t ld, size_t n)
{
    struct wf_column c = {.ld = ld};

    for (size_t i = 0; i < 4; i++) {
        c.third[i] = p + 3 * i * ld;
        if (3 * i < n) /* else the compiler keeps a pointer for each token, and has no room */
            __asm__("" : "+r"(c.third[i]));
    }
    return c;
}

/* So many bytes further on. */
static WF_INLINE struct wf_column wf_column_moved(struct wf_column c, size_t bytes)
{
    for (size_t i = 0; i < 4; i++)
        c.third[i] += bytes;
    return c;
}

/* Token t's. */
static WF_INLINE const uint8_t *wf_column_token(struct wf_column c, size_t t)
{
    return c.third[t / 3] + t % 3 * c.ld;
}

/* At tile i of n: asks for some of the bytes that the next panel is unpacked from. In the last
 * quarter of the tiles, since tokens that go by drive out of the caches what came before. */
static WF_INLINE void wf_sweep__fetch(const struct wf_next *next, size_t i, size_t n)
{
    size_t lines = next->bytes / 64 + 2, all = next->n_rows * lines, last = (n + 3) / 4, end;

    if (i + last < n)
        return;
    i -= n - last;
    end = (i + 1) * all / last;
    for (size_t j = i * all / last; j < end; j++)
        _mm_prefetch((const char *)next->w + j / lines * next->row_bytes + j % lines * 64,
                     _MM_HINT_T1);
}

/* Asks for where the sums of n tokens go, while they are made. */
static WF_INLINE void wf_sweep__begin(const struct wf_sweep *s, size_t i_tok, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        const char *to = (const char *)(s->out + (i_tok + t) * s->ld);
        _mm_prefetch(to, _MM_HINT_T1);
        _mm_prefetch(to + 64, _MM_HINT_T1);
    }
}

/* A token's sums of the first and the second half of the rows to their places, or onto what is
 * there. */
static WF_INLINE void wf_sweep__store(const struct wf_sweep *s, size_t i_tok, __m512 lo, __m512 hi)
{
    __mmask16 first = wf_gemm__mask(s->n_rows);
    __mmask16 second = wf_gemm__mask(s->n_rows > 16 ? s->n_rows - 16 : 0);
    float *to = s->out + i_tok * s->ld;

    if (s->adds) {
        lo = _mm512_add_ps(lo, _mm512_maskz_loadu_ps(first, to));
        hi = _mm512_add_ps(hi, _mm512_maskz_loadu_ps(second, to + 16));
    }
    _mm512_mask_storeu_ps(to, first, lo);
    _mm512_mask_storeu_ps(to + 16, second, hi);
}

/* Asks for the same of the next n tokens. */
static WF_INLINE void wf_sweep__ahead(struct wf_column x, size_t n)
{
    for (size_t t = 0; t < n; t++)
        _mm_prefetch((const char *)wf_column_token(x, t) + n * x.ld, _MM_HINT_T0);
}

/* sum + a * b, a unit a lane. */
typedef __m512 (*wf_sweep_step_fn)(__m512 sum, __m512 a, __m512 b);

/* n_units of T tokens (up to 12) from i_tok on with a panel, whose sums all stay in registers. */
static WF_INLINE void wf_sweep__tile(wf_sweep_step_fn step, size_t T, size_t n_units,
                                     const struct wf_panel *p, const struct wf_sweep *s,
                                     size_t i_tok)
{
    struct wf_column x = wf_column_at(s->x + i_tok * s->x_bytes + s->q_at, s->x_bytes, T);
    __m512 lo[12], hi[12];

    wf_sweep__begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++)
        lo[t] = hi[t] = _mm512_setzero_ps();
    for (size_t u = 0; u < n_units; u++) {
        __m512 a = _mm512_load_ps(p->w[u]), b = _mm512_load_ps(p->w[u][16]);
        if (u % 16 == 0)
            wf_sweep__ahead(x, T);
        for (size_t t = 0; t < T; t++) {
            __m512 v = wf_sweep__all(wf_column_token(x, t));
            lo[t] = step(lo[t], a, v);
            hi[t] = step(hi[t], b, v);
        }
        x = wf_column_moved(x, 4);
    }
    for (size_t t = 0; t < T; t++)
        wf_sweep__store(s, i_tok + t, lo[t], hi[t]);
}

/* A panel with n_tok tokens (9 at least), in tiles as equal as can be: of 6 to 12. */
static WF_INLINE void wf_sweep__units(wf_sweep_step_fn step, size_t n_units,
                                      const struct wf_panel *p, const struct wf_sweep *s,
                                      size_t n_tok, const struct wf_next *next)
{
    size_t n_tiles = (n_tok + 11) / 12, to = 0;

    for (size_t i = 0; i < n_tiles; i++) {
        size_t from = to;
        to = n_tok * (i + 1) / n_tiles;
        wf_sweep__fetch(next, i, n_tiles);
        switch (to - from) {
#define WF_SWEEP_TILE(T)                                                                           \
    case T:                                                                                        \
        wf_sweep__tile(step, T, n_units, p, s, from);                                              \
        break;
            WF_SWEEP_TILE(6)
            WF_SWEEP_TILE(7)
            WF_SWEEP_TILE(8)
            WF_SWEEP_TILE(9)
            WF_SWEEP_TILE(10)
            WF_SWEEP_TILE(11)
            WF_SWEEP_TILE(12)
#undef WF_SWEEP_TILE
        }
    }
}

#endif
