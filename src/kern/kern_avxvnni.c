/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens go by a panel of quantised weights (avx2_many.h), AVX2 with dot products of bytes for 256
 * bits (AVX-VNNI): a step's sum is 32 bits wide at once, and becomes float under its scale. */
#ifdef __x86_64__
#include "kern/avx2_sweep.h"

/* sum = what they begin with, and a step of T tokens. */
static WF_INLINE void multiply_step(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                                    size_t step, const struct wf_avx2_token *x,
                                    __m256i sum[WF_AVX2_TILE][2])
{
    const struct wf_avx2_unit *w = p->w + step * (y.step / 4);

    for (size_t t = 0; t < T; t++)
        sum[t][0] = sum[t][1] =
            y.low == WF_AVX2_LOW_OFFSET ? wf_avx2_all(&x[t].low[step]) : _mm256_setzero_si256();
#pragma GCC unroll 8
    for (size_t u = 0; u < y.step / 4; u++) {
        __m256i a = wf_avx2_half(w + u, 0), b = wf_avx2_half(w + u, 1);
        for (size_t t = 0; t < T; t++) {
            __m256i v = wf_avx2_all(x[t].q + step * y.step + 4 * u);
            sum[t][0] = _mm256_dpbusd_avx_epi32(sum[t][0], a, v);
            sum[t][1] = _mm256_dpbusd_avx_epi32(sum[t][1], b, v);
            wf_avx2_in_order(sum[t]);
        }
    }
}

/* acc += sum under the step's scales, times the activations' where they have one for each step, and
 * minima with the activations' sums. */
static WF_INLINE void add_step(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                               size_t step, const struct wf_avx2_token *x,
                               __m256i sum[WF_AVX2_TILE][2], float (*acc)[WF_AVX2_PANEL])
{
    for (size_t t = 0; t < T; t++) {
        for (size_t h = 0; h < 2; h++) {
            __m256 v = _mm256_load_ps(acc[t] + 8 * h);
            __m256 by = wf_avx2_half_floats(&p->scale[step], h);
            if (y.group == 32)
                by = _mm256_mul_ps(by, _mm256_set1_ps(x[t].scales[step]));
            v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][h]), by, v);
            if (y.low == WF_AVX2_LOW_MIN)
                v = _mm256_fmadd_ps(_mm256_castsi256_ps(wf_avx2_all(&x[t].low[step])),
                                    wf_avx2_half_floats(&p->low[step], h), v);
            _mm256_store_ps(acc[t] + 8 * h, v);
        }
    }
    /* What it adds to stays in memory: all registers are taken. */
    __asm__ volatile("" ::: "memory");
}

/* Steps [from, to). */
static WF_INLINE void add_steps(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                                size_t from, size_t to, const struct wf_avx2_token *x,
                                float (*acc)[WF_AVX2_PANEL])
{
    for (size_t step = from; step < to; step++) {
        __m256i sum[WF_AVX2_TILE][2];
        multiply_step(y, T, p, step, x, sum);
        add_step(y, T, p, step, x, sum, acc);
    }
}

/* T (known when compiled) tokens from i_tok on. */
static WF_INLINE void tile(struct wf_avx2_way y, size_t T, const struct wf_avx2_panel *p,
                           const void *tokens, const struct wf_avx2_sweep *s, size_t i_tok)
{
    const struct wf_avx2_token *x = (const struct wf_avx2_token *)tokens + i_tok;
    float acc[WF_AVX2_TILE][WF_AVX2_PANEL] __attribute__((aligned(64)));
    float block[WF_AVX2_TILE][WF_AVX2_PANEL] __attribute__((aligned(64)));

    wf_avx2_sweep_begin(s, i_tok, T);
    memset(acc, 0, T * sizeof(acc[0]));
    if (y.group == 32)
        add_steps(y, T, p, 0, s->n / 32, x, acc);
    for (size_t i = 0; i < s->n / 256 && y.group == 256; i++) {
        memset(block, 0, T * sizeof(block[0]));
        add_steps(y, T, p, i * (256 / y.step), (i + 1) * (256 / y.step), x, block);
        for (size_t t = 0; t < T; t++) {
            __m256 by = _mm256_set1_ps(x[t].scales[i]);
            for (size_t h = 0; h < WF_AVX2_PANEL; h += 8)
                _mm256_store_ps(acc[t] + h, _mm256_fmadd_ps(_mm256_load_ps(block[t] + h), by,
                                                            _mm256_load_ps(acc[t] + h)));
        }
    }
    for (size_t t = 0; t < T; t++)
        wf_avx2_sweep_store(s, i_tok + t, acc[t]);
}

/* Of all types that are met in the same way. */
#define SWEEP(name, group, step, low)                                                              \
    static void sweep_##name(const struct wf_avx2_panel *p, const void *tokens, size_t n_tok,      \
                             const struct wf_avx2_sweep *s)                                        \
    {                                                                                              \
        const struct wf_avx2_way y = {group, step, low, 0, false};                                 \
        WF_AVX2_TILES(n_tok, TILE);                                                                \
    }
#define TILE(T, from) tile(y, T, p, tokens, s, from)
SWEEP(32, 32, 32, WF_AVX2_LOW_OFFSET)
SWEEP(32_min, 32, 32, WF_AVX2_LOW_MIN)
SWEEP(256, 256, 32, WF_AVX2_LOW_OFFSET)
SWEEP(256_min, 256, 32, WF_AVX2_LOW_MIN)
SWEEP(256_16, 256, 16, WF_AVX2_LOW_OFFSET)
SWEEP(256_16_min, 256, 16, WF_AVX2_LOW_MIN)
#undef TILE
#undef SWEEP

static wf_avx2_sweep_fn sweep_of(struct wf_avx2_way y)
{
    bool has_min = y.low == WF_AVX2_LOW_MIN;

    if (y.group == 32)
        return has_min ? sweep_32_min : sweep_32;
    if (y.step == 32)
        return has_min ? sweep_256_min : sweep_256;
    return has_min ? sweep_256_16_min : sweep_256_16;
}

wf_avx2_sweep_fn wf_avxvnni__sweep_of(const struct wf_dtype *t)
{
    return sweep_of(wf_avx2__way_of(t, true));
}
#endif
