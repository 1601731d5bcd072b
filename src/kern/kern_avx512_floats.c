/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of float, half and bfloat16 weights with many tokens of float: panels and tiles
 * as avx512_many.h tells, a unit being one float. Sums of a panel stay in registers. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>

#include "kern/avx512_many.h"
#include "kern/avx512_sweep.h"

#define LANES 16
#define TILE 12 /* tokens: 24 sums */

/* 16 weights as float, of which n exist. */
typedef __m512 (*load_fn)(const uint8_t *w, size_t n);

static WF_INLINE __m512 load_F32(const uint8_t *w, size_t n)
{
    return _mm512_maskz_loadu_ps(wf_gemm__mask(n), w);
}

static WF_INLINE __m512 load_F16(const uint8_t *w, size_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(wf_gemm__mask(n), w));
}

static WF_INLINE __m512 load_BF16(const uint8_t *w, size_t n)
{
    __m512i v = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(wf_gemm__mask(n), w));

    return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16));
}

static WF_INLINE void unpack(load_fn load, size_t bytes, const uint8_t *w, size_t row_bytes,
                             size_t n_rows, size_t from, size_t n, struct wf_panel *out)
{
    __m512 r[16];

    for (size_t first = 0; first < WF_PANEL_ROWS; first += LANES) {
        for (size_t i = 0; i < n; i += LANES) {
            for (size_t j = 0; j < 16; j++) {
                size_t at = first + j < n_rows ? first + j : n_rows - 1;
                r[j] = load(w + at * row_bytes + (from + i) * bytes, n - i);
            }
            wf_gemm__turn(r);
            for (size_t j = 0; j < 16; j++)
                _mm512_store_ps((float *)(void *)out->w[i + j][first], r[j]);
        }
    }
}

#define UNPACK(name, bytes)                                                                        \
    static void unpack_##name(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,      \
                              size_t n, struct wf_panel *out)                                      \
    {                                                                                              \
        unpack(load_##name, bytes, w, row_bytes, n_rows, from, n, out);                            \
    }
UNPACK(F32, 4)
UNPACK(F16, 2)
UNPACK(BF16, 2)
#undef UNPACK

static WF_INLINE __m512 step(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, sum);
}

wf_panel_fn wf_avx512__float_panel_of(const struct wf_dtype *t)
{
    if (t->id == WF_DTYPE_F32)
        return unpack_F32;
    return t->id == WF_DTYPE_F16 ? unpack_F16 : unpack_BF16;
}

void wf_avx512__float_sweep(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,
                            const struct wf_next *next)
{
    wf_sweep__units(step, s->n, p, s, n_tok, next);
}
#endif
