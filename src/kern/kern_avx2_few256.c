/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 products with few tokens, weights in blocks of 256.
 *
 * Pairs of products in 16 bits meet their group's scale in the instruction that sums them in 32, so
 * that a block is summed as integers and becomes float once. Weights are unsigned bytes; what they
 * were moved up by is taken off by the scales and the activations' sums of 16, as minima are added;
 * those of IQ4_XS stay signed, and their magnitudes meet activations with their signs. */
#ifdef __x86_64__
#include "kern/avx2_block256.h"

enum kind {
    WITH_MIN,
    WITH_OFFSET,
    IS_SIGNED,
};

/* How a type is multiplied; known when compiled. */
struct way {
    wf_avx2_scales_fn scales;
    wf_avx2_load_fn load;
    size_t block_bytes;
    enum kind kind;
    int offset_bits; /* weights were moved up by 2 to the power of that */
};

/* ---- multiplying ---- */

/* Word i of both halves, everywhere in it. */
static WF_INLINE __m256i word(__m256i v, int i)
{
    return _mm256_shuffle_epi8(v, _mm256_set1_epi16((short)(514 * i + 256)));
}

/* sum[t] += 64 weights, from 64 * j on, with n tokens. */
static WF_INLINE void add_64(struct way way, const uint8_t *b, const struct wf_avx2_scales *s,
                             int j, size_t n, const int8_t *const *q, __m256i sum[])
{
    bool is_signed = way.kind == IS_SIGNED;
    __m256i w[2], by[2], magnitude[2];

    way.load(b, j, w);
    by[0] = word(s->by, is_signed ? j : 2 * j);
    by[1] = is_signed ? by[0] : word(s->by, 2 * j + 1);
    for (int i = 0; i < 2; i++)
        magnitude[i] = is_signed ? _mm256_abs_epi8(w[i]) : w[i];
    for (size_t t = 0; t < n; t++) {
        for (int i = 0; i < 2; i++) {
            const int8_t *at = q[t] + 64 * j + 32 * i;
            __m256i v = is_signed ? wf_avx2_signed_products(w[i], magnitude[i], at)
                                  : wf_avx2_products(w[i], at);
            v = _mm256_madd_epi16(v, by[i]);
            sum[t] = j == 0 && i == 0 ? v : _mm256_add_epi32(sum[t], v);
        }
    }
}

/* acc[t] += a block with n tokens. */
static WF_INLINE void add_block(struct way way, const uint8_t *b, size_t n, const int8_t *const *q,
                                const struct wf_avx2_meta256 *const *m, __m256 acc[])
{
    struct wf_avx2_scales s = {.dmin = 0};
    __m256i sum[WF_AVX2_FEW_MAX];

    way.scales(b, &s);
    add_64(way, b, &s, 0, n, q, sum);
    add_64(way, b, &s, 1, n, q, sum);
    add_64(way, b, &s, 2, n, q, sum);
    add_64(way, b, &s, 3, n, q, sum);
    for (size_t t = 0; t < n; t++) {
        __m256i sums = _mm256_loadu_si256((const __m256i *)(const void *)m[t]->sums);
        __m256 scale = _mm256_set1_ps(m[t]->scale), v;
        if (way.kind == WITH_OFFSET)
            sum[t] = _mm256_sub_epi32(
                sum[t], _mm256_slli_epi32(_mm256_madd_epi16(s.low, sums), way.offset_bits));
        v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[t]), _mm256_set1_ps(s.d));
        if (way.kind == WITH_MIN)
            v = _mm256_fnmadd_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(s.low, sums)),
                                 _mm256_set1_ps(s.dmin), v);
        acc[t] = _mm256_fmadd_ps(v, scale, acc[t]);
    }
}

/* A row with n tokens (known when compiled), n_tok of which are wanted. */
static WF_INLINE void multiply_row(struct way way, size_t n, const uint8_t *const *x,
                                   const struct wf_avx2_rows *a, size_t n_tok, size_t row)
{
    const uint8_t *w = a->w + row * a->row_bytes;
    __m256 acc[WF_AVX2_FEW_MAX];

    for (size_t t = 0; t < n; t++)
        acc[t] = _mm256_setzero_ps();
    for (size_t i = 0; i < a->n_in / 256; i++, w += way.block_bytes) {
        const struct wf_avx2_meta256 *m[WF_AVX2_FEW_MAX];
        const int8_t *q[WF_AVX2_FEW_MAX];
        wf_avx2_fetch(w, way.block_bytes);
        for (size_t t = 0; t < n; t++) {
            q[t] = (const int8_t *)x[t] + 256 * i;
            m[t] = (const struct wf_avx2_meta256 *)(const void *)(x[t] + a->n_in) + i;
        }
        add_block(way, w, n, q, m, acc);
    }
    for (size_t t = 0; t < n && t < n_tok; t++)
        a->out[t * a->ld + row] = wf_avx2_sum(acc[t]);
}

/* All rows, one behind the other; n at least n_tok. */
static WF_INLINE void multiply_n(struct way way, size_t n, const struct wf_avx2_rows *a,
                                 size_t n_tok)
{
    const uint8_t *x[WF_AVX2_FEW_MAX];

    for (size_t t = 0; t < n; t++)
        x[t] = a->x + (t < n_tok ? t : 0) * a->x_bytes;
    for (size_t row = 0; row < a->n_rows; row++)
        multiply_row(way, n, x, a, n_tok, row);
}

static WF_INLINE void multiply(struct way way, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (n_tok == 1)
        multiply_n(way, 1, a, 1);
    else if (n_tok == 2)
        multiply_n(way, 2, a, 2);
    else
        multiply_n(way, WF_AVX2_FEW_MAX, a, n_tok);
}

#define MULTIPLY(name, scales_of, bytes, kind_of, bits)                                            \
    static void multiply_##name(const struct wf_avx2_rows *a, size_t n_tok)                        \
    {                                                                                              \
        struct way way;                                                                            \
        way.scales = scales_of;                                                                    \
        way.load = wf_avx2_load_##name;                                                            \
        way.block_bytes = bytes;                                                                   \
        way.kind = kind_of;                                                                        \
        way.offset_bits = bits;                                                                    \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q2_K, wf_avx2_scales_q2, 84, WITH_MIN, 0)
MULTIPLY(Q3_K, wf_avx2_scales_q3, 110, WITH_OFFSET, 2)
MULTIPLY(Q4_K, wf_avx2_scales_k, 144, WITH_MIN, 0)
MULTIPLY(Q5_K, wf_avx2_scales_k, 176, WITH_MIN, 0)
MULTIPLY(Q6_K, wf_avx2_scales_q6, 210, WITH_OFFSET, 5)
MULTIPLY(IQ4_XS, wf_avx2_scales_xs, 136, IS_SIGNED, 0)
#undef MULTIPLY

static void multiply_any(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (id == WF_DTYPE_Q2_K)
        multiply_Q2_K(a, n_tok);
    else if (id == WF_DTYPE_Q3_K)
        multiply_Q3_K(a, n_tok);
    else if (id == WF_DTYPE_Q4_K)
        multiply_Q4_K(a, n_tok);
    else if (id == WF_DTYPE_Q5_K)
        multiply_Q5_K(a, n_tok);
    else if (id == WF_DTYPE_Q6_K)
        multiply_Q6_K(a, n_tok);
    else
        multiply_IQ4_XS(a, n_tok);
}

void wf_avx2__few_256(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok)
{
    multiply_any(id, a, n_tok);
}
#endif
