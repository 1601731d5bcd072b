/* SPDX-License-Identifier: Apache-2.0 */
/* Products of bfloat16 with AVX-512's dot products of pairs: one instruction does twice the work of
 * one on float32. Its sums keep no subnormals, which nothing here comes near. Products of float32
 * are gemm_avx512.c's. */
#ifdef __x86_64__
#include "kern/gemm_avx512.h"

/* Pairs of a line: values 2 i and 2 i + 1. */
static WF_GEMM_INLINE __m512 row(const float *x, size_t n)
{
    __m512 lo = _mm512_maskz_loadu_ps(wf_gemm__mask(n), x);
    __m512 hi = _mm512_maskz_loadu_ps(wf_gemm__mask(n > 16 ? n - 16 : 0), x + 16);

    return (__m512)_mm512_cvtne2ps_pbh(hi, lo);
}

/* Pairs of lines side by side: one value of each from this row, one from the next. */
static WF_GEMM_INLINE __m512 column(const float *x, size_t ld, size_t n, size_t n_k)
{
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512 even = _mm512_maskz_loadu_ps(wf_gemm__mask(n), x);
    __m512 odd = _mm512_maskz_loadu_ps(n_k > 1 ? wf_gemm__mask(n) : 0, x + ld);

    return (__m512)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

static WF_GEMM_INLINE __m512 step(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

static void pack(const struct wf_gemm_piece *p, size_t width, void *out)
{
    if (width == WF_GEMM_AVX512_MR)
        wf_gemm__pack(row, column, 2, p, WF_GEMM_AVX512_MR, out);
    else
        wf_gemm__pack(row, column, 2, p, WF_GEMM_AVX512_NR, out);
}

static void tile(size_t n_units, const void *a, const void *b, float *c, size_t ldc, size_t rows,
                 size_t cols, bool adds)
{
    wf_gemm__tile(step, n_units, a, b, c, ldc, rows, cols, adds);
}

static bool runs(void)
{
    return __builtin_cpu_supports("avx512bf16");
}

const struct wf_gemm_isa wf_gemm__avx512_bf16 = {
    .name = "avx512_bf16",
    .needs = "avx512",
    .mr = WF_GEMM_AVX512_MR,
    .nr = WF_GEMM_AVX512_NR,
    .per_unit = {1, 2},
    .runs = runs,
    .pack = {wf_gemm__avx512_pack, pack},
    .tile = {wf_gemm__avx512_tile, tile},
};
#endif
