/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 kernels of attention: sums of rows by weights, where some rows share each load of what
 * they sum; and products of floats, whose sums across lanes are made for 16 of them at once. Each
 * value goes through the same additions in the same order however many there are. */
#ifdef __x86_64__
#include <immintrin.h>

#include "kern/avx512_internal.h"
#include "kern/x86_group.h"

static WF_INLINE __mmask16 first(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffffu);
}

/* n_rows rows with n_k registers of columns (both known when compiled), of which the last ones may
 * be masked by m. */
static WF_INLINE void mix_block(const float *p, size_t ld, const float *v, size_t n_rows,
                                size_t n_k, size_t n_p, size_t n, const __mmask16 *m, float *y)
{
    __m512 acc[8][4];

    for (size_t r = 0; r < n_rows; r++)
        for (size_t k = 0; k < n_k; k++)
            acc[r][k] = _mm512_maskz_loadu_ps(m[k], y + r * n + 16 * k);
    for (size_t j = 0; j < n_p; j++) {
        __m512 values[4];
        for (size_t k = 0; k < n_k; k++)
            values[k] = _mm512_maskz_loadu_ps(m[k], v + j * n + 16 * k);
        for (size_t r = 0; r < n_rows; r++) {
            __m512 x = _mm512_set1_ps(p[r * ld + j]);
            for (size_t k = 0; k < n_k; k++)
                acc[r][k] = _mm512_fmadd_ps(x, values[k], acc[r][k]);
        }
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t k = 0; k < n_k; k++)
            _mm512_mask_storeu_ps(y + r * n + 16 * k, m[k], acc[r][k]);
}

void wf_avx512__mix(const float *p, size_t ld, const float *v, size_t n_rows, size_t n_p, size_t n,
                    float *y)
{
    for (size_t i = 0; i < n; i += 64) {
        size_t left = n - i, r = 0;
        __mmask16 m[4];
        for (size_t k = 0; k < 4; k++)
            m[k] = left > 16 * k ? first(left - 16 * k) : 0;
        for (; left <= 32 && r + 8 <= n_rows; r += 8)
            mix_block(p + r * ld, ld, v + i, 8, 2, n_p, n, m, y + r * n + i);
        for (; left > 32 && r + 4 <= n_rows; r += 4)
            mix_block(p + r * ld, ld, v + i, 4, 4, n_p, n, m, y + r * n + i);
        for (; r < n_rows; r++)
            mix_block(p + r * ld, ld, v + i, 1, 4, n_p, n, m, y + r * n + i);
    }
}

/* The sums of 16 registers, in the order of additions that _mm512_reduce_add_ps has: halves,
 * quarters, pairs, neighbours. Sum 4 t + r of acc[4 t + r] at place 4 t + r. */
static WF_INLINE __m512 sum_each(const __m512 acc[16])
{
    __m512 halves[8], quarters[4], pairs[2], low, high;

    for (int i = 0; i < 8; i++) { /* acc i and i + 8: 256 bits each */
        low = _mm512_shuffle_f32x4(acc[i], acc[i + 8], 0x44);
        high = _mm512_shuffle_f32x4(acc[i], acc[i + 8], 0xee);
        halves[i] = _mm512_add_ps(high, low);
    }
    for (int i = 0; i < 4; i++) { /* i, i + 8, i + 4, i + 12: 128 bits each */
        low = _mm512_shuffle_f32x4(halves[i], halves[i + 4], 0x88);
        high = _mm512_shuffle_f32x4(halves[i], halves[i + 4], 0xdd);
        quarters[i] = _mm512_add_ps(high, low);
    }
    for (int i = 0; i < 2; i++) { /* of i and of i + 2, in each 128 bits */
        low = _mm512_shuffle_ps(quarters[i], quarters[i + 2], 0x44);
        high = _mm512_shuffle_ps(quarters[i], quarters[i + 2], 0xee);
        pairs[i] = _mm512_add_ps(low, high);
    }
    low = _mm512_shuffle_ps(pairs[0], pairs[1], 0x88);
    high = _mm512_shuffle_ps(pairs[0], pairs[1], 0xdd);
    low = _mm512_add_ps(low, high); /* in each 128 bits: 0, 2, 1, 3 */
    low = _mm512_permute_ps(low, 0xd8);
    return _mm512_shuffle_f32x4(low, low, 0xd8); /* 0, 8, 4, 12: in their order */
}

/* 16 values from i on, or as many as the mask says, into the sums of all pairs. */
static WF_INLINE void multiply_16(const float *const *w, const float *x, size_t x_ld, size_t i,
                                  __mmask16 m, __m512 acc[16])
{
    __m512 a = _mm512_maskz_loadu_ps(m, w[0] + i), b = _mm512_maskz_loadu_ps(m, w[1] + i);
    __m512 c = _mm512_maskz_loadu_ps(m, w[2] + i), d = _mm512_maskz_loadu_ps(m, w[3] + i);

    for (size_t t = 0; t < 4; t++) {
        __m512 v = _mm512_maskz_loadu_ps(m, x + t * x_ld + i);
        acc[4 * t] = _mm512_fmadd_ps(a, v, acc[4 * t]);
        acc[4 * t + 1] = _mm512_fmadd_ps(b, v, acc[4 * t + 1]);
        acc[4 * t + 2] = _mm512_fmadd_ps(c, v, acc[4 * t + 2]);
        acc[4 * t + 3] = _mm512_fmadd_ps(d, v, acc[4 * t + 3]);
    }
}

void wf_avx512__multiply_4_4(const float *const *w, const float *x, size_t x_ld, size_t n, bool add,
                             float *out, size_t ld)
{
    /* Said one by one, so that the compiler holds all of them in registers. */
    const __m512 z = _mm512_setzero_ps();
    __m512 acc[16] = {z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z}, sums;
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        multiply_16(w, x, x_ld, i, 0xffff, acc);
    if (i < n)
        multiply_16(w, x, x_ld, i, first(n - i), acc);
    sums = sum_each(acc);
#define STORE(t)                                                                                   \
    do {                                                                                           \
        __m128 four = _mm512_extractf32x4_ps(sums, t);                                             \
        float *to = out + (t)*ld;                                                                  \
        _mm_storeu_ps(to, add ? _mm_add_ps(_mm_loadu_ps(to), four) : four);                        \
    } while (0)
    STORE(0);
    STORE(1);
    STORE(2);
    STORE(3);
#undef STORE
}
#endif
