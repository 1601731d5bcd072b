/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 products with one token or a few: what generation does, and what reading the weights bounds.
 * Weights are read once for all tokens, in registers. Types in blocks of 32 are
 * kern_avx2_few32.c's, in blocks of 256 kern_avx2_few256.c's; here tokens are prepared for both
 * (avx2_few.h). */
#ifdef __x86_64__
#include "kern/avx2_few.h"
#include "kern/avx2_quantise.h"

#define PIECE 32 /* rows */

static bool is_256(const struct wf_dtype *t)
{
    return t->block == 256;
}

/* Whether the first halves of two groups of 32 lie before the others. */
static bool by_halves(const struct wf_dtype *t)
{
    return !is_256(t) || t->id == WF_DTYPE_IQ4_XS;
}

size_t wf_avx2__few_row(const struct wf_dtype *t, size_t n_in)
{
    size_t n = wf_avx2_few_values(n_in, is_256(t));

    n += is_256(t) ? n / 256 * sizeof(struct wf_avx2_meta256)
                   : n / 128 * sizeof(struct wf_avx2_meta32);
    return (n + 63) / 64 * 64; /* where the first row begins a cache line, each does */
}

/* 32 values to group `at` of q. */
static WF_INLINE void put_32(const float *x, float inverse, bool halves, size_t at, int8_t *q,
                             int32_t sums[2])
{
    __m256i v = wf_avx2_quantise_32(x, inverse, sums);
    int8_t *to = q + (halves ? at / 2 * 64 + at % 2 * 16 : at * 32);

    _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(void *)(to + (halves ? 32 : 16)), _mm256_extracti128_si256(v, 1));
}

static void prepare_32(const float *x, size_t n_in, int8_t *q)
{
    size_t n = wf_avx2_few_values(n_in, false), n_groups = n_in / 32, at = 0;
    struct wf_avx2_meta32 *m = (struct wf_avx2_meta32 *)(void *)(q + n);
    float inverse;

    if (n > n_in) {
        memset(q + n - 128, 0, 128);
        memset(&m[n / 128 - 1], 0, sizeof(*m));
    }
    for (size_t g = 0; g < n_groups; g++, at++, x += 32) {
        int32_t sums[2];
        if (g == n_groups / 4 * 4 && g > 0)
            at = n / 32 - n_groups % 4; /* the last ones end their unit */
        float scale = wf_avx2_scale_of(x, 32, &inverse);
        put_32(x, inverse, true, at, q, sums);
        m[at / 4].scales[at % 4] = scale;
        m[at / 4].sums[at % 4] = scale * (float)(sums[0] + sums[1]);
    }
}

static void prepare_256(const float *x, size_t n_in, bool halves, int8_t *q)
{
    struct wf_avx2_meta256 *m = (struct wf_avx2_meta256 *)(void *)(q + n_in);
    float inverse;

    for (size_t i = 0; i < n_in / 256; i++, q += 256) {
        m[i].scale = wf_avx2_scale_of(x, 256, &inverse);
        for (size_t k = 0; k < 8; k++, x += 32) {
            int32_t sums[2];
            put_32(x, inverse, halves, k, q, sums);
            m[i].sums[k] = (int16_t)sums[0];
            m[i].sums[8 + k] = (int16_t)sums[1];
        }
    }
}

void wf_avx2__few_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    if (is_256(t))
        prepare_256(x, n_in, by_halves(t), row);
    else
        prepare_32(x, n_in, row);
}

static void multiply(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (is_256(t))
        wf_avx2__few_256((enum wf_dtype_id)t->id, a, n_tok);
    else
        wf_avx2__few_32((enum wf_dtype_id)t->id, a, n_tok);
}

/* Three or four tokens, two at a time: two passes over rows that stay in the cache cost less than
 * one for as many as there are registers for. */
static void multiply_pairs(const struct wf_dtype *t, struct wf_avx2_rows a, size_t n_tok)
{
    size_t left = a.n_rows;

    for (; left > 0; left -= a.n_rows) {
        struct wf_avx2_rows second;
        a.n_rows = left < PIECE ? left : PIECE;
        second = a;
        second.x += 2 * a.x_bytes;
        second.out += 2 * a.ld;
        multiply(t, &a, 2);
        multiply(t, &second, n_tok - 2);
        a.w += a.n_rows * a.row_bytes;
        a.out += a.n_rows;
    }
}

void wf_avx2__multiply_few(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (n_tok == 3 || n_tok == 4)
        multiply_pairs(t, *a, n_tok);
    else
        multiply(t, a, n_tok);
}
#endif
