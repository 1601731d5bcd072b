/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of bfloat16 weights with many tokens, rounded to bfloat16: panels and tiles as
 * avx512_many.h tells, a unit being two values. Sums are float32 (and keep no subnormals). */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>

#include "kern/avx512_many.h"
#include "kern/avx512_sweep.h"
#include "kern/avx512_units.h"

#define LANES 16

bool wf_avx512__has_bf16(void)
{
    return __builtin_cpu_supports("avx512bf16");
}

void wf_avx512__bf16_panel(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from, size_t n,
                           struct wf_panel *out)
{
    __m512 r[16];

    for (size_t first = 0; first < WF_PANEL_ROWS; first += LANES) {
        for (size_t i = 0; i < n; i += 2 * LANES) {
            __mmask32 m = n - i < 32 ? (1u << (n - i)) - 1 : 0xffffffffu;
            for (size_t j = 0; j < 16; j++) {
                size_t at = first + j < n_rows ? first + j : n_rows - 1;
                const uint8_t *row = w + at * row_bytes + 2 * (from + i);
                r[j] = _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(m, row));
            }
            wf_gemm__turn(r);
            for (size_t j = 0; j < 16; j++)
                _mm512_store_ps((float *)(void *)out->w[i / 2 + j][first], r[j]);
        }
    }
}

void wf_avx512__bf16_prepare(const float *x, size_t n, void *y)
{
    uint16_t *to = y;

    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 m = wf_gemm__mask(n - i);
        __m256i v = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(m, x + i));
        _mm256_mask_storeu_epi16(to + i, m, v);
    }
    if (n % 2 == 1)
        to[n] = 0;
}

static WF_INLINE __m512 step(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

void wf_avx512__bf16_sweep(const struct wf_panel *p, const struct wf_sweep *s, size_t n_tok,
                           const struct wf_next *next)
{
    wf_sweep__units(step, (s->n + 1) / 2, p, s, n_tok, next);
}

#define TILE(T, ...) wf_units__tile(step, s->n / 2, T, __VA_ARGS__)

void wf_avx512__bf16_tile(const uint8_t *w, const struct wf_sweep *s, size_t i_tok, size_t n_tok,
                          struct wf_ahead *ahead)
{
    WF_UNITS_BY_TOKENS(n_tok, TILE, w, s, i_tok, ahead)
}
#endif
