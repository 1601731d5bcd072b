/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products with one token or a few: what generation does, and what reading the weights
 * bounds. The types that models come in have a way of their own for 256 values at a time; the
 * others, and what is left of a row, go two groups of 32 at a time.
 *
 * 64 weights a register are multiplied with 64 activations, unsigned with signed, into 16 sums;
 * those become float under the weights' scales. Where weights have an offset (Q4_0's 8, Q6_K's 32,
 * the K types' minima) it meets the sums of the activations instead. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_block.h"
#include "kern/avx512_internal.h"
#include "kern/x86_group.h"

#define TILE 4
#define ROWS 16 /* that stay in the cache while all tokens meet them */

struct few {
    const float *scales[TILE], *sums[TILE];
    const int8_t *q[TILE];
    __m512 acc[TILE];
    float low[TILE];
};

/* ---- any type, 64 values ---- */

/* Two groups side by side; not is_pair: the second is nothing. */
static WF_INLINE __m512i load_pair(wf_x86_load_fn load, const uint8_t *row, size_t i, bool is_pair,
                                   __m512 *out_scale, float out_min[4])
{
    struct wf_x86_group a = {0}, b = {0};

    load(row, i, &a);
    if (is_pair)
        load(row, i + 1, &b);
    *out_scale = _mm512_insertf32x8(_mm512_castps256_ps512(a.scale), b.scale, 1);
    out_min[0] = a.min[0];
    out_min[1] = a.min[1];
    out_min[2] = b.min[0];
    out_min[3] = b.min[1];
    return _mm512_inserti64x4(_mm512_castsi256_si512(a.w), b.w, 1);
}

static WF_INLINE void add_pair(wf_x86_load_fn load, bool has_min, size_t n, size_t group,
                               const uint8_t *row, size_t i, bool is_pair, struct few *f)
{
    float min[4];
    __m512 scale;
    __m512i w = load_pair(load, row, i, is_pair, &scale, min);
    __m512i magnitude = has_min ? w : _mm512_abs_epi8(w);
    __mmask64 is_negative = has_min ? 0 : _mm512_movepi8_mask(w);
    __mmask64 valid = is_pair ? ~(__mmask64)0 : 0xffffffffu;

    for (size_t t = 0; t < n; t++) {
        __m512i x = _mm512_maskz_loadu_epi8(valid, f->q[t] + 32 * i);
        __m512 by;
        if (!has_min)
            x = _mm512_mask_sub_epi8(x, is_negative, _mm512_setzero_si512(), x);
        if (group == 256 || !is_pair) {
            by = _mm512_set1_ps(f->scales[t][i * 32 / group]);
        } else {
            __m256 b = _mm256_set1_ps(f->scales[t][i + 1]);
            by = _mm512_insertf32x8(_mm512_set1_ps(f->scales[t][i]), b, 1);
        }
        x = _mm512_dpbusd_epi32(_mm512_setzero_si512(), magnitude, x);
        f->acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), _mm512_mul_ps(scale, by), f->acc[t]);
        for (size_t k = 0; k < (is_pair ? 4u : 2u) && has_min; k++)
            f->low[t] += min[k] * f->sums[t][2 * i + k];
    }
}

/* ---- 256 values ---- */

/* is_signed: weights without an offset. */
static WF_INLINE void add_block(wf_avx512_block_fn load, bool is_signed, size_t n, size_t group,
                                const uint8_t *b, size_t i, struct few *f)
{
    struct wf_avx512_block w;

    load(b, &w);
    for (size_t t = 0; t < n; t++) {
        __m512 scales, acc = f->acc[t];
        if (group == 256)
            scales = _mm512_mul_ps(w.scales, _mm512_set1_ps(f->scales[t][i]));
        else
            scales = _mm512_mul_ps(w.scales,
                                   _mm512_castps256_ps512(_mm256_loadu_ps(f->scales[t] + 8 * i)));
        for (int j = 0; j < 4; j++) {
            __m512i x = _mm512_loadu_si512(f->q[t] + 256 * i + 64 * (size_t)j), u = w.w[j];
            if (is_signed) {
                x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(u), _mm512_setzero_si512(), x);
                u = _mm512_abs_epi8(u);
            }
            x = _mm512_dpbusd_epi32(_mm512_setzero_si512(), u, x);
            acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), _mm512_permutexvar_ps(w.parts[j], scales),
                                  acc);
        }
        if (!is_signed)
            acc = _mm512_fmadd_ps(w.offset, _mm512_loadu_ps(f->sums[t] + 16 * i), acc);
        f->acc[t] = acc;
    }
}

/* ---- rows ---- */

/* How a type is multiplied; known when compiled. */
struct way {
    wf_x86_load_fn load;
    bool has_min;
    size_t group;
    wf_avx512_block_fn block; /* NULL: 64 values at a time only */
    bool is_signed;
    size_t block_bytes; /* of 256 values */
};

static WF_INLINE void multiply_row(struct way way, size_t n, const uint8_t *row, size_t n_in,
                                   struct few *f)
{
    size_t n_groups = n_in / 32, i = 0;

    for (; way.block != NULL && i + 8 <= n_groups; i += 8)
        add_block(way.block, way.is_signed, n, way.group, row + i / 8 * way.block_bytes, i / 8, f);
    for (; i + 2 <= n_groups; i += 2)
        add_pair(way.load, way.has_min, n, way.group, row, i, true, f);
    if (i < n_groups)
        add_pair(way.load, way.has_min, n, way.group, row, i, false, f);
}

/* n (1..TILE, known when compiled) tokens with all rows. */
static WF_INLINE void multiply_n(struct way way, size_t n, const struct wf_avx512_rows *a)
{
    struct few f;

    for (size_t t = 0; t < n; t++) {
        f.scales[t] = (const float *)(const void *)(a->x + t * a->x_bytes);
        f.sums[t] = f.scales[t] + a->n_in / way.group;
        f.q[t] = (const int8_t *)(f.sums[t] + a->n_in / 16);
    }
    for (size_t r = 0; r < a->n_rows; r++) {
        for (size_t t = 0; t < n; t++) {
            f.acc[t] = _mm512_setzero_ps();
            f.low[t] = 0.0f;
        }
        multiply_row(way, n, a->w + r * a->row_bytes, a->n_in, &f);
        for (size_t t = 0; t < n; t++)
            a->out[t * a->ld + r] = _mm512_reduce_add_ps(f.acc[t]) + f.low[t];
    }
}

static WF_INLINE void multiply(struct way way, const struct wf_avx512_rows *all, size_t n_tok)
{
    for (size_t row = 0; row < all->n_rows; row += ROWS) {
        struct wf_avx512_rows a = *all;
        size_t left = n_tok;
        a.n_rows = all->n_rows - row < ROWS ? all->n_rows - row : ROWS;
        a.w += row * a.row_bytes;
        a.out += row;
        for (; left >= TILE; left -= TILE) {
            multiply_n(way, TILE, &a);
            a.x += TILE * a.x_bytes;
            a.out += TILE * a.ld;
        }
        if (left == 1)
            multiply_n(way, 1, &a);
        else if (left == 2)
            multiply_n(way, 2, &a);
        else if (left == 3)
            multiply_n(way, 3, &a);
    }
}

enum {
#define NAME(name, has_min, group, step) OF_##name,
    WF_AVX512_TYPES(NAME)
#undef NAME
};

/* The way of a type without one of its own, and those with. */
#define PLAIN(name, has_min, group, step)                                                          \
    [OF_##name] = {wf_x86__load_##name, has_min, group, NULL, false, 0},
static const struct way plain[] = {WF_AVX512_TYPES(PLAIN)};
#undef PLAIN

/* With a way of its own: whether its weights are signed, bytes of 256 values. */
#define MULTIPLY(name, signed_weights, bytes)                                                      \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        struct way way = plain[OF_##name];                                                         \
        way.block = wf_avx512__block_##name;                                                       \
        way.is_signed = signed_weights;                                                            \
        way.block_bytes = bytes;                                                                   \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q4_0, false, 144)
MULTIPLY(Q8_0, true, 272)
MULTIPLY(Q4_K, false, 144)
MULTIPLY(Q5_K, false, 176)
MULTIPLY(Q6_K, false, 210)
#undef MULTIPLY

#define MULTIPLY(name)                                                                             \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        multiply(plain[OF_##name], a, n_tok);                                                      \
    }
MULTIPLY(Q4_1)
MULTIPLY(Q5_0)
MULTIPLY(Q5_1)
MULTIPLY(Q2_K)
MULTIPLY(Q3_K)
MULTIPLY(IQ4_NL)
MULTIPLY(IQ4_XS)
MULTIPLY(MXFP4)
#undef MULTIPLY

static void multiply_any(const struct wf_dtype *t, const struct wf_avx512_rows *a, size_t n_tok)
{
    switch ((enum wf_dtype_id)t->id) {
#define CASE(name, has_min, group, step)                                                           \
    case WF_DTYPE_##name:                                                                          \
        multiply_##name(a, n_tok);                                                                 \
        break;
        WF_AVX512_TYPES(CASE)
#undef CASE
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break; /* are multiplied as floats */
    }
}

void wf_avx512__multiply_few(const struct wf_dtype *t, const struct wf_avx512_rows *a, size_t n_tok)
{
    multiply_any(t, a, n_tok);
}
#endif
