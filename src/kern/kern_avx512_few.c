/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products with one token or a few: what generation does, and what reading the weights
 * bounds. Weights are read once for all tokens, in registers; kernels are several times as fast as
 * memory, so that they do not keep it waiting. Types in blocks of 32 are kern_avx512_few32.c's, in
 * blocks of 256 kern_avx512_few256.c's; here tokens are prepared for both (avx512_few.h). */
#ifdef __x86_64__
#include "kern/avx512_few.h"
#include "kern/avx512_quantise.h"

static bool is_256(const struct wf_dtype *t)
{
    return t->block == 256;
}

size_t wf_avx512__few_row(const struct wf_dtype *t, size_t n_in)
{
    size_t n = wf_avx512_few_values(n_in, is_256(t));

    n += is_256(t) ? (n / 16 + n / 256) * sizeof(float) : n / 128 * sizeof(struct wf_avx512_meta32);
    return (n + 63) / 64 * 64; /* where the first row begins a cache line, each does */
}

/* Where the first 8 of every 16 values lie, counted by eights, and how far behind the others. */
struct order {
    uint8_t at[16];
    uint8_t apart;
};

static const struct order in_order = {{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30},
                                      1};
/* First halves of four groups, then the others; and the same for every second group. */
static const struct order by_halves = {{0, 8, 2, 10, 4, 12, 6, 14, 16, 24, 18, 26, 20, 28, 22, 30},
                                       1};
static const struct order by_halves_of_pairs = {
    {0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30}, 1};
/* Halves exchanged by pairs of registers, which hold 64 in order, or groups k and 4 + k. */
static const struct order exchanged = {{0, 2, 4, 6, 1, 3, 5, 7, 16, 18, 20, 22, 17, 19, 21, 23}, 8};
static const struct order exchanged_twos = {
    {0, 2, 1, 3, 16, 18, 17, 19, 4, 6, 5, 7, 20, 22, 21, 23}, 8};

static const struct order *order_of(const struct wf_dtype *t)
{
    switch ((enum wf_dtype_id)t->id) {
    case WF_DTYPE_Q4_0:
    case WF_DTYPE_Q4_1:
    case WF_DTYPE_Q5_0:
    case WF_DTYPE_Q5_1:
    case WF_DTYPE_IQ4_NL:
    case WF_DTYPE_IQ4_XS:
    case WF_DTYPE_MXFP4:
        return &by_halves;
    case WF_DTYPE_Q4_K:
    case WF_DTYPE_Q5_K:
        return &by_halves_of_pairs;
    case WF_DTYPE_Q2_K:
    case WF_DTYPE_Q3_K:
        return &exchanged_twos;
    case WF_DTYPE_Q6_K:
        return &exchanged;
    case WF_DTYPE_Q8_0:
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break;
    }
    return &in_order;
}

static WF_INLINE int32_t sum_16(__m128i q)
{
    __m128i s = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), q);

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* Sixteen values, the i-th of a unit, as bytes to their places; their sum. */
static WF_INLINE int32_t put_16(const float *x, float inverse, const struct order *order, size_t i,
                                int8_t *unit)
{
    __m128i v = wf_avx512_quantise_16(x, inverse);
    int8_t *q = unit + (size_t)8 * order->at[i];

    _mm_storel_epi64((__m128i *)(void *)q, v);
    _mm_storel_epi64((__m128i *)(void *)(q + (size_t)8 * order->apart), _mm_unpackhi_epi64(v, v));
    return sum_16(v);
}

static void prepare_32(const float *x, size_t n_in, const struct order *order, int8_t *q)
{
    size_t n = wf_avx512_few_values(n_in, false), n_groups = n_in / 32, at = 0;
    struct wf_avx512_meta32 *m = (struct wf_avx512_meta32 *)(void *)(q + n);
    float inverse;

    if (n > n_in) {
        memset(q + n - 128, 0, 128);
        memset(&m[n / 128 - 1], 0, sizeof(*m));
    }
    for (size_t g = 0; g < n_groups; g++, at++, x += 32) {
        if (g == n_groups / 4 * 4 && g > 0)
            at = n / 32 - n_groups % 4; /* the last ones end their unit */
        struct wf_avx512_meta32 *to = &m[at / 4];
        int8_t *unit = q + at / 4 * 128;
        float scale = wf_avx512_scale_of(x, 32, &inverse);
        int32_t sum = put_16(x, inverse, order, 2 * (at % 4), unit);
        sum += put_16(x + 16, inverse, order, 2 * (at % 4) + 1, unit);
        to->scales[at % 4] = scale;
        to->sums[at % 4] = scale * (float)sum;
    }
}

static void prepare_256(const float *x, size_t n_in, const struct order *order, int8_t *q)
{
    float *sums = (float *)(void *)(q + n_in), *scales = sums + n_in / 16, inverse;

    for (size_t i = 0; i < n_in / 256; i++, q += 256, sums += 16) {
        scales[i] = wf_avx512_scale_of(x, 256, &inverse);
        for (size_t k = 0; k < 16; k++, x += 16)
            sums[k] = scales[i] * (float)put_16(x, inverse, order, k, q);
    }
}

void wf_avx512__few_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    if (is_256(t))
        prepare_256(x, n_in, order_of(t), row);
    else
        prepare_32(x, n_in, order_of(t), row);
}

void wf_avx512__multiply_few(const struct wf_dtype *t, const struct wf_avx512_rows *a, size_t n_tok)
{
    if (is_256(t))
        wf_avx512__few_256((enum wf_dtype_id)t->id, a, n_tok);
    else
        wf_avx512__few_32((enum wf_dtype_id)t->id, a, n_tok);
}
#endif
