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

    n += is_256(t) ? n / 256 * sizeof(struct wf_avx512_meta256)
                   : n / 128 * sizeof(struct wf_avx512_meta32);
    return (n + 63) / 64 * 64; /* where the first row begins a cache line, each does */
}

/* Where sixteen values lie among those of a unit. */
static const uint8_t in_order[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
/* First halves of four groups, then the others. */
static const uint8_t by_halves[] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
/* Groups 0, 2, 1, 3, ... and 0, 4, 1, 5, ... */
static const uint8_t by_twos[] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
static const uint8_t by_fours[] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};

static const uint8_t *order_of(const struct wf_dtype *t)
{
    switch ((enum wf_dtype_id)t->id) {
    case WF_DTYPE_Q4_0:
    case WF_DTYPE_Q4_1:
    case WF_DTYPE_Q5_0:
    case WF_DTYPE_Q5_1:
    case WF_DTYPE_IQ4_NL:
    case WF_DTYPE_IQ4_XS:
    case WF_DTYPE_MXFP4:
        return by_halves;
    case WF_DTYPE_Q4_K:
    case WF_DTYPE_Q5_K:
        return by_twos;
    case WF_DTYPE_Q2_K:
    case WF_DTYPE_Q3_K:
        return by_fours;
    case WF_DTYPE_Q8_0:
    case WF_DTYPE_Q6_K:
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break;
    }
    return in_order;
}

static WF_INLINE int32_t sum_16(__m128i q)
{
    __m128i s = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), q);

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* Sixteen values as bytes to their place behind q; their sum. */
static WF_INLINE int32_t put_16(const float *x, float inverse, int8_t *q, uint8_t place)
{
    __m128i v = wf_avx512_quantise_16(x, inverse);

    _mm_storeu_si128((__m128i *)(void *)(q + (size_t)16 * place), v);
    return sum_16(v);
}

static void prepare_32(const float *x, size_t n_in, const uint8_t *order, int8_t *q)
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
        int32_t sum = put_16(x, inverse, unit, order[2 * (at % 4)]);
        sum += put_16(x + 16, inverse, unit, order[2 * (at % 4) + 1]);
        to->scales[at % 4] = scale;
        to->sums[at % 4] = scale * (float)sum;
    }
}

static void prepare_256(const float *x, size_t n_in, const uint8_t *order, int8_t *q)
{
    struct wf_avx512_meta256 *m = (struct wf_avx512_meta256 *)(void *)(q + n_in);
    float inverse;

    for (size_t i = 0; i < n_in / 256; i++, q += 256, m++) {
        m->scale = wf_avx512_scale_of(x, 256, &inverse);
        for (size_t k = 0; k < 16; k++, x += 16)
            m->sums[k] = (int16_t)put_16(x, inverse, q, order[k]);
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
