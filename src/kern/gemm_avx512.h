/* Packing and tiles with AVX-512, for both of its files of products: each passes how values become
 * units and how a unit is multiplied, and the compiler makes one function of it. Only files that
 * are compiled with AVX-512 (F, BW, DQ, VL) include this. Threads: any. */
#ifndef WF_KERN_GEMM_AVX512_H
#define WF_KERN_GEMM_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "kern/gemm_internal.h"

#define WF_GEMM_INLINE inline __attribute__((always_inline))

/* 28 sums, two registers of b, one of a: all 32. */
#define WF_GEMM_AVX512_MR 14
#define WF_GEMM_AVX512_NR 32
#define WF_GEMM_LANES 16

/* 16 units of one line: of its first n values (the rest are zeros). */
typedef __m512 (*wf_gemm_row_fn)(const float *x, size_t n);
/* A unit of n (1 to 16) lines side by side, whose values of k lie ld apart; n_k (at least 1) are
 * left. */
typedef __m512 (*wf_gemm_column_fn)(const float *x, size_t ld, size_t n, size_t n_k);
/* sum + a * b, lane by lane. */
typedef __m512 (*wf_gemm_step_fn)(__m512 sum, __m512 a, __m512 b);

/* The first n of 16 lanes. */
static WF_GEMM_INLINE __mmask16 wf_gemm__mask(size_t n)
{
    return (__mmask16)(n >= WF_GEMM_LANES ? 0xffffu : (1u << n) - 1u);
}

/* Asks for what will be read soon, n floats further on; that may lie behind the end of all. */
static WF_GEMM_INLINE void wf_gemm__fetch(const float *x, size_t n)
{
    _mm_prefetch((const char *)((uintptr_t)x + n * sizeof(float)), _MM_HINT_T0);
}

/* 16 x 16 values of 4 bytes: rows become columns. */
static WF_GEMM_INLINE void wf_gemm__turn(__m512 r[16])
{
    __m512 t[16];

    for (size_t i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4) {
        for (size_t j = 0; j < 2; j++) {
            __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    /* r[4 g + c] now holds, in its 128 bits number b, column 4 b + c of rows 4 g to 4 g + 3. */
    for (size_t c = 0; c < 4; c++) {
        __m512 even01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        __m512 odd01 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        __m512 even23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        __m512 odd23 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
        t[c] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        t[8 + c] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        t[12 + c] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
    for (size_t i = 0; i < 16; i++)
        r[i] = t[i];
}

/* Lines whose values of k lie side by side: `lanes` lanes of a panel from `to` on, of which n_lines
 * are lines. */
static WF_GEMM_INLINE void wf_gemm__pack_rows(wf_gemm_row_fn row, size_t per_unit, const float *x,
                                              size_t ld, size_t n_lines, size_t n_k, size_t lanes,
                                              size_t width, float *to)
{
    size_t n_units = (n_k + per_unit - 1) / per_unit;
    __mmask16 kept = wf_gemm__mask(lanes);
    __m512 r[16];

    for (size_t u = 0; u < n_units; u += 16) {
        size_t k = u * per_unit, n = n_units - u < 16 ? n_units - u : 16;
        if (n_lines >= 16) {
            for (size_t i = 0; i < 16; i++)
                r[i] = row(x + i * ld + k, n_k - k);
        } else {
            for (size_t i = 0; i < 16; i++)
                r[i] = i < n_lines ? row(x + i * ld + k, n_k - k) : _mm512_setzero_ps();
        }
        wf_gemm__turn(r);
        if (n == 16) {
            for (size_t i = 0; i < 16; i++)
                _mm512_mask_storeu_ps(to + (u + i) * width, kept, r[i]);
        } else {
            for (size_t i = 0; i < 16; i++)
                _mm512_mask_storeu_ps(to + (u + i) * width, i < n ? kept : 0, r[i]);
        }
    }
}

/* Lines that lie side by side: as many values of k at a time as stay in the first cache, so that
 * memory is read along its rows. */
static WF_GEMM_INLINE void wf_gemm__pack_columns(wf_gemm_column_fn column, size_t per_unit,
                                                 const struct wf_gemm_piece *p, size_t width,
                                                 float *out)
{
    size_t n_units = (p->n_k + per_unit - 1) / per_unit;

    for (size_t from = 0; from < n_units; from += 8) {
        size_t end = n_units - from < 8 ? n_units : from + 8;
        for (size_t first = 0; first < p->n_lines; first += width) {
            float *panel = out + first * n_units;
            for (size_t lane = 0; lane < width; lane += WF_GEMM_LANES) {
                size_t left = p->n_lines - first, n = left > lane ? left - lane : 0;
                size_t lanes = width - lane < WF_GEMM_LANES ? width - lane : WF_GEMM_LANES;
                __mmask16 kept = wf_gemm__mask(lanes);
                n = n < lanes ? n : lanes;
                for (size_t u = from; u < end; u++) {
                    size_t k = u * per_unit;
                    const float *x = p->x + k * p->ld + first + lane;
                    for (size_t j = 0; j < per_unit; j++)
                        wf_gemm__fetch(x, (8 * per_unit + j) * p->ld);
                    __m512 v = n == 0 ? _mm512_setzero_ps() : column(x, p->ld, n, p->n_k - k);
                    _mm512_mask_storeu_ps(panel + u * width + lane, kept, v);
                }
            }
        }
    }
}

/* All panels of a piece. */
static WF_GEMM_INLINE void wf_gemm__pack(wf_gemm_row_fn row, wf_gemm_column_fn column,
                                         size_t per_unit, const struct wf_gemm_piece *p,
                                         size_t width, float *out)
{
    size_t n_units = (p->n_k + per_unit - 1) / per_unit;

    if (p->turned) {
        wf_gemm__pack_columns(column, per_unit, p, width, out);
        return;
    }
    for (size_t first = 0; first < p->n_lines; first += width) {
        size_t left = p->n_lines - first < width ? p->n_lines - first : width;
        for (size_t lane = 0; lane < width; lane += WF_GEMM_LANES) {
            size_t lanes = width - lane < WF_GEMM_LANES ? width - lane : WF_GEMM_LANES;
            wf_gemm__pack_rows(row, per_unit, p->x + (first + lane) * p->ld, p->ld,
                               left > lane ? left - lane : 0, p->n_k, lanes, width,
                               out + first * n_units + lane);
        }
    }
}

/* R rows of a tile (of which `rows` exist). */
static WF_GEMM_INLINE void wf_gemm__tile_rows(wf_gemm_step_fn step, size_t R, size_t n_units,
                                              const float *a, const float *b, float *c, size_t ldc,
                                              size_t rows, size_t cols, bool adds)
{
    __m512 sum[WF_GEMM_AVX512_MR][2];
    __mmask16 first = wf_gemm__mask(cols), second = wf_gemm__mask(cols > 16 ? cols - 16 : 0);

    for (size_t i = 0; i < R; i++) {
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
        if (i < rows) {
            _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);
            _mm_prefetch((const char *)(c + i * ldc + cols - 1), _MM_HINT_T0);
        }
    }
    for (size_t k = 0; k < n_units; k++) {
        __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
        for (size_t i = 0; i < R; i++) {
            __m512 v = _mm512_set1_ps(a[i]);
            sum[i][0] = step(sum[i][0], v, b0);
            sum[i][1] = step(sum[i][1], v, b1);
        }
        a += WF_GEMM_AVX512_MR;
        b += WF_GEMM_AVX512_NR;
    }
    for (size_t i = 0; i < R; i++) {
        float *to = c + i * ldc;
        if (i >= rows)
            break;
        if (adds) {
            sum[i][0] = _mm512_add_ps(sum[i][0], _mm512_maskz_loadu_ps(first, to));
            sum[i][1] = _mm512_add_ps(sum[i][1], _mm512_maskz_loadu_ps(second, to + 16));
        }
        _mm512_mask_storeu_ps(to, first, sum[i][0]);
        _mm512_mask_storeu_ps(to + 16, second, sum[i][1]);
    }
}

/* A tile: fewer rows take less time. */
static WF_GEMM_INLINE void wf_gemm__tile(wf_gemm_step_fn step, size_t n_units, const float *a,
                                         const float *b, float *c, size_t ldc, size_t rows,
                                         size_t cols, bool adds)
{
    if (rows == WF_GEMM_AVX512_MR)
        wf_gemm__tile_rows(step, 14, n_units, a, b, c, ldc, 14, cols, adds);
    else if (rows > 8)
        wf_gemm__tile_rows(step, 14, n_units, a, b, c, ldc, rows, cols, adds);
    else if (rows > 4)
        wf_gemm__tile_rows(step, 8, n_units, a, b, c, ldc, rows, cols, adds);
    else
        wf_gemm__tile_rows(step, 4, n_units, a, b, c, ldc, rows, cols, adds);
}

#endif
