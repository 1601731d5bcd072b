/* Products of quantised weights with many tokens in registers of 256 bits; included with WF_VNNI 0
 * (plain AVX2) by one file and with 1 (dot products of bytes) by another.
 *
 * A register's 8 lanes are 8 rows of weights, each lane four values of its row as unsigned bytes;
 * four bytes of a token at a time are multiplied with all of them, and a token's products come out
 * as they are stored. WF_MANY_CHUNK values of WF_MANY_PANEL rows are unpacked at once and stay in
 * the nearest cache, with a scale and a minimum for every step of values, while all tokens go by:
 * every weight is unpacked once. Without VNNI pairs of products are summed in 16 bits: as many
 * pairs as cannot leave them.
 * Threads: any. */
#ifndef WF_KERN_AVX2_MANY_H
#define WF_KERN_AVX2_MANY_H

#include <immintrin.h>
#include <string.h>

#include "kern/avx2_internal.h"
#include "kern/x86_group.h"

#define WF_MANY_PANEL 16 /* rows: two registers */
#define WF_MANY_CHUNK 512
#define WF_MANY_STEPS_MAX (WF_MANY_CHUNK / 16)
#define WF_MANY_TILE (WF_VNNI ? 5 : 4) /* tokens */

/* How a type is unpacked; known when compiled. */
struct wf_many_kind {
    wf_x86_load_fn load;
    bool has_min;
    int zero, bits;
    size_t step;
};

struct wf_many_panel {
    uint8_t w[WF_MANY_CHUNK / 4][WF_MANY_PANEL][4]; /* units of four values */
    float scale[WF_MANY_STEPS_MAX][WF_MANY_PANEL], min[WF_MANY_STEPS_MAX][WF_MANY_PANEL];
} __attribute__((aligned(64)));

/* Group i of a row: unsigned bytes, which are returned; scales and minima of its steps. */
static WF_INLINE __m256i wf_many_unpack_group(struct wf_many_kind k, const uint8_t *row, size_t i,
                                              size_t r, size_t s, struct wf_many_panel *out)
{
    struct wf_x86_group g = {0};
    float scales[2], min;

    k.load(row, i, &g);
    scales[0] = _mm256_cvtss_f32(g.scale);
    scales[1] = _mm_cvtss_f32(_mm256_extractf128_ps(g.scale, 1));
    for (size_t j = 0; j < 32 / k.step; j++) {
        min = k.has_min ? g.min[j] : -(float)k.zero * scales[j];
        out->scale[s + j][r] = scales[j];
        out->min[s + j][r] = min;
    }
    return k.has_min ? g.w : _mm256_add_epi8(g.w, _mm256_set1_epi8((char)k.zero));
}

/* 32 bytes of a unit, to where they lie and from there. */
static WF_INLINE void wf_many_store_unit(uint8_t *to, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)to, v);
}

/* Values [from, from + n) of WF_MANY_PANEL rows, n_rows of which are there (the last stands for
 * more). */
static WF_INLINE void wf_many_unpack_panel(struct wf_many_kind k, const struct wf_avx2_rows *a,
                                           size_t row, size_t from, size_t n,
                                           struct wf_many_panel *out)
{
    __m256i r[8];

    for (size_t first = 0; first < WF_MANY_PANEL; first += 8) {
        for (size_t i = 0; i < n / 32; i++) {
            for (size_t j = 0; j < 8; j++) {
                size_t at = row + first + j < a->n_rows ? row + first + j : a->n_rows - 1;
                r[j] = wf_many_unpack_group(k, a->w + at * a->row_bytes, from / 32 + i, first + j,
                                            i * (32 / k.step), out);
            }
            wf_x86__turn(r);
            for (size_t j = 0; j < 8; j++)
                wf_many_store_unit(out->w[8 * i + j][first], r[j]);
        }
    }
}

/* See above. */
static WF_INLINE __m256i wf_many_load_unit(const uint8_t *p)
{
    return _mm256_load_si256((const __m256i *)(const void *)p);
}

/* sum += n_units units of T tokens' bytes with both registers of the panel. */
static WF_INLINE void wf_many_add_units(struct wf_many_kind k, size_t T, size_t n_units,
                                        const uint8_t *w, const uint8_t *x, size_t x_bytes,
                                        __m256i sum[WF_MANY_TILE][2])
{
#if WF_VNNI
    (void)k;
    for (size_t u = 0; u < n_units; u++, w += 4 * WF_MANY_PANEL) {
        __m256i a = wf_many_load_unit(w), b = wf_many_load_unit(w + 32);
        for (size_t t = 0; t < T; t++) {
            int32_t four;
            memcpy(&four, x + t * x_bytes + 4 * u, sizeof(four));
            __m256i v = _mm256_set1_epi32(four);
            sum[t][0] = WF_DPBUSD(sum[t][0], a, v);
            sum[t][1] = WF_DPBUSD(sum[t][1], b, v);
        }
    }
#else
    /* Two products of up to 2^bits - 1 and 127 a pair. */
    const size_t most = k.bits <= 4 ? 8 : k.bits == 5 ? 4 : 2;
    for (size_t from = 0; from < n_units; from += most) {
        const __m256i ones = _mm256_set1_epi16(1);
        __m256i half[WF_MANY_TILE][2];
        for (size_t t = 0; t < T; t++)
            half[t][0] = half[t][1] = _mm256_setzero_si256();
        for (size_t u = from; u < from + most && u < n_units; u++) {
            const uint8_t *p = w + u * 4 * WF_MANY_PANEL;
            __m256i a = wf_many_load_unit(p), b = wf_many_load_unit(p + 32);
            for (size_t t = 0; t < T; t++) {
                int32_t four;
                memcpy(&four, x + t * x_bytes + 4 * u, sizeof(four));
                __m256i v = _mm256_set1_epi32(four);
                half[t][0] = _mm256_add_epi16(half[t][0], _mm256_maddubs_epi16(a, v));
                half[t][1] = _mm256_add_epi16(half[t][1], _mm256_maddubs_epi16(b, v));
                /* In this order: compilers that sum in trees run out of registers. */
#ifdef __AVX2__
                __asm__("" : "+x"(half[t][0]), "+x"(half[t][1]));
#endif
            }
        }
        for (size_t t = 0; t < T; t++) {
            for (size_t h = 0; h < 2; h++)
                sum[t][h] = _mm256_add_epi32(sum[t][h], _mm256_madd_epi16(half[t][h], ones));
        }
    }
#endif
}

/* What all tiles of a chunk meet. */
struct wf_many_sweep {
    const struct wf_avx2_rows *a;
    size_t row, from, n;
};

/* A tile's sums to their places, or onto what is there. */
static WF_INLINE void wf_many_store_tile(const struct wf_many_sweep *s, size_t T, size_t i_tok,
                                         float (*tile)[WF_MANY_PANEL])
{
    size_t n_rows = s->a->n_rows - s->row < WF_MANY_PANEL ? s->a->n_rows - s->row : WF_MANY_PANEL;

    for (size_t t = 0; t < T; t++) {
        float *to = s->a->out + (i_tok + t) * s->a->ld + s->row;
        if (n_rows == WF_MANY_PANEL) {
            __m256 a = _mm256_load_ps(tile[t]), b = _mm256_load_ps(tile[t] + 8);
            if (s->from > 0) {
                a = _mm256_add_ps(a, _mm256_loadu_ps(to));
                b = _mm256_add_ps(b, _mm256_loadu_ps(to + 8));
            }
            _mm256_storeu_ps(to, a);
            _mm256_storeu_ps(to + 8, b);
            continue;
        }
        for (size_t r = 0; r < n_rows; r++)
            to[r] = s->from > 0 ? to[r] + tile[t][r] : tile[t][r];
    }
}

/* T (known when compiled) tokens from i_tok on with a panel. */
static WF_INLINE void wf_many_multiply_tile(struct wf_many_kind k, size_t T,
                                            const struct wf_many_panel *p,
                                            const struct wf_many_sweep *s, size_t i_tok)
{
    float tile[WF_MANY_TILE][WF_MANY_PANEL] __attribute__((aligned(64)));
    const struct wf_avx2_rows *a = s->a;
    const uint8_t *x = a->x + i_tok * a->x_bytes;
    size_t ld = a->x_bytes / sizeof(float), units = k.step / 4;
    const float *scales = (const float *)(const void *)x;
    const float *sums = scales + a->n_in / a->group;
    const uint8_t *q = (const uint8_t *)(const void *)(sums + a->n_in / 16) + s->from;

    memset(tile, 0, T * sizeof(tile[0]));
    for (size_t i = 0; i < s->n / k.step; i++) {
        size_t at = s->from + i * k.step;
        __m256i sum[WF_MANY_TILE][2];
        for (size_t t = 0; t < T; t++)
            sum[t][0] = sum[t][1] = _mm256_setzero_si256();
        wf_many_add_units(k, T, k.step / 4, p->w[i * units][0], q + i * k.step, a->x_bytes, sum);
        for (size_t t = 0; t < T; t++) {
            const float *of = sums + t * ld + at / 16;
            __m256 by = _mm256_set1_ps(scales[t * ld + at / a->group]);
            __m256 low = _mm256_set1_ps(k.step == 32 ? of[0] + of[1] : of[0]);
            for (size_t h = 0; h < 2; h++) {
                __m256 acc = _mm256_load_ps(tile[t] + 8 * h);
                acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][h]),
                                      _mm256_mul_ps(by, _mm256_load_ps(p->scale[i] + 8 * h)), acc);
                acc = _mm256_fmadd_ps(low, _mm256_load_ps(p->min[i] + 8 * h), acc);
                _mm256_store_ps(tile[t] + 8 * h, acc);
            }
        }
    }
    wf_many_store_tile(s, T, i_tok, tile);
}

/* All tokens with all rows. */
static WF_INLINE void wf_many_multiply_all(struct wf_many_kind k, const struct wf_avx2_rows *a,
                                           size_t n_tok)
{
    struct wf_many_panel p;

    for (size_t from = 0; from < a->n_in; from += WF_MANY_CHUNK) {
        for (size_t row = 0; row < a->n_rows; row += WF_MANY_PANEL) {
            struct wf_many_sweep s = {
                a, row, from, a->n_in - from < WF_MANY_CHUNK ? a->n_in - from : WF_MANY_CHUNK};
            size_t t = 0;
            wf_many_unpack_panel(k, a, row, from, s.n, &p);
            for (; t + WF_MANY_TILE <= n_tok; t += WF_MANY_TILE)
                wf_many_multiply_tile(k, WF_MANY_TILE, &p, &s, t);
            for (; t < n_tok; t++)
                wf_many_multiply_tile(k, 1, &p, &s, t);
        }
    }
}

#endif
