/* How tiles of tokens go by a panel of weights (avx2_many.h). Only files that are compiled with
 * AVX2 and FMA include this. Threads: any. */
#ifndef WF_KERN_AVX2_SWEEP_H
#define WF_KERN_AVX2_SWEEP_H

#include <immintrin.h>
#include <string.h>

#include "kern/avx2_many.h"
#include "kern/x86_group.h"

/* A unit's first eight rows (half 0) or the others. */
static WF_INLINE __m256i wf_avx2_half(const struct wf_avx2_unit *u, size_t half)
{
    return _mm256_load_si256((const __m256i *)(const void *)u->of[8 * half]);
}

/* The same as floats. */
static WF_INLINE __m256 wf_avx2_half_floats(const struct wf_avx2_unit *u, size_t half)
{
    return _mm256_castsi256_ps(wf_avx2_half(u, half));
}

/* The four bytes at p in all lanes. */
static WF_INLINE __m256i wf_avx2_all(const void *p)
{
    int32_t four;

    memcpy(&four, p, sizeof(four));
    return _mm256_set1_epi32(four);
}

/* Sums stay in registers, in the order in which they are made: compilers that sum in trees run out
 * of them. */
static WF_INLINE void wf_avx2_in_order(__m256i sums[2])
{
#ifdef __AVX2__
    __asm__("" : "+x"(sums[0]), "+x"(sums[1]));
#else
    (void)sums;
#endif
}

/* Asks for where the sums of T tokens go, while they are made. */
static WF_INLINE void wf_avx2_sweep_begin(const struct wf_avx2_sweep *s, size_t i_tok, size_t T)
{
    for (size_t t = 0; t < T; t++)
        _mm_prefetch((const char *)(s->out + (i_tok + t) * s->ld), _MM_HINT_T0);
}

/* A token's sums to their places, or onto what is there. */
static WF_INLINE void wf_avx2_sweep_store(const struct wf_avx2_sweep *s, size_t i_tok,
                                          const float sums[WF_AVX2_PANEL])
{
    float *to = s->out + i_tok * s->ld;

    if (s->n_rows == WF_AVX2_PANEL) {
        for (size_t h = 0; h < WF_AVX2_PANEL; h += 8) {
            __m256 v = _mm256_load_ps(sums + h);
            _mm256_storeu_ps(to + h, s->adds ? _mm256_add_ps(v, _mm256_loadu_ps(to + h)) : v);
        }
        return;
    }
    for (size_t r = 0; r < s->n_rows; r++)
        to[r] = s->adds ? sums[r] + to[r] : sums[r];
}

/* All tokens in tiles as equal as can be, of 3 to 6, by TILE(T, first token). */
#define WF_AVX2_TILES(n_tok, TILE)                                                                 \
    do {                                                                                           \
        size_t n_tiles_ = ((n_tok) + WF_AVX2_TILE - 1) / WF_AVX2_TILE, to_ = 0;                    \
        for (size_t i_ = 0; i_ < n_tiles_; i_++) {                                                 \
            size_t from_ = to_;                                                                    \
            to_ = (n_tok) * (i_ + 1) / n_tiles_;                                                   \
            switch (to_ - from_) {                                                                 \
            case 6:                                                                                \
                TILE(6, from_);                                                                    \
                break;                                                                             \
            case 5:                                                                                \
                TILE(5, from_);                                                                    \
                break;                                                                             \
            case 4:                                                                                \
                TILE(4, from_);                                                                    \
                break;                                                                             \
            default:                                                                               \
                TILE(3, from_);                                                                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#endif
