/* SPDX-License-Identifier: Apache-2.0 */
/* Products with AVX-512. Without bfloat16 dot products, such values are kept as the float32 that
 * they stand for. */
#ifdef __x86_64__
#include <stdint.h>

#include "kern/gemm_avx512.h"

static WF_GEMM_INLINE __m512 row(const float *x, size_t n)
{
    return _mm512_maskz_loadu_ps(wf_gemm__mask(n), x);
}

static WF_GEMM_INLINE __m512 column(const float *x, size_t ld, size_t n, size_t n_k)
{
    (void)ld;
    (void)n_k;
    return _mm512_maskz_loadu_ps(wf_gemm__mask(n), x);
}

static WF_GEMM_INLINE __m512 step(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, sum);
}

/* See wf_float_to_bf16. */
static WF_GEMM_INLINE __m512 rounded(__m512 x)
{
    __m512i bits = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one), up;
    __mmask16 no_number = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);

    up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    up = _mm512_mask_or_epi32(up, no_number, bits, _mm512_set1_epi32(0x400000));
    return _mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32((int32_t)0xffff0000)));
}

static WF_GEMM_INLINE __m512 rounded_row(const float *x, size_t n)
{
    return rounded(row(x, n));
}

static WF_GEMM_INLINE __m512 rounded_column(const float *x, size_t ld, size_t n, size_t n_k)
{
    return rounded(column(x, ld, n, n_k));
}

static void pack_f32(const struct wf_gemm_piece *p, size_t width, void *out)
{
    if (width == WF_GEMM_AVX512_MR)
        wf_gemm__pack(row, column, 1, p, WF_GEMM_AVX512_MR, out);
    else
        wf_gemm__pack(row, column, 1, p, WF_GEMM_AVX512_NR, out);
}

static void pack_bf16(const struct wf_gemm_piece *p, size_t width, void *out)
{
    wf_gemm__pack(rounded_row, rounded_column, 1, p, width, out);
}

void wf_gemm__avx512_pack(const struct wf_gemm_piece *p, size_t width, void *out)
{
    pack_f32(p, width, out);
}

void wf_gemm__avx512_tile(size_t n_units, const void *a, const void *b, float *c, size_t ldc,
                          size_t rows, size_t cols, bool adds)
{
    wf_gemm__tile(step, n_units, a, b, c, ldc, rows, cols, adds);
}

const struct wf_gemm_isa wf_gemm__avx512 = {
    .name = "avx512",
    .needs = "avx512",
    .mr = WF_GEMM_AVX512_MR,
    .nr = WF_GEMM_AVX512_NR,
    .per_unit = {1, 1},
    .pack = {pack_f32, pack_bf16},
    .tile = {wf_gemm__avx512_tile, wf_gemm__avx512_tile},
};
#endif
