/* SPDX-License-Identifier: Apache-2.0 */
/* Activations that meet weights in panels (avx512_many.h), as 8 bits.
 *
 * Groups, scales and rounding are kern_ref.c's, but with WF_ACT_Q8_POWERS, where 256 values have a
 * scale and each 32 of them a power of two: the scale is what one of the groups would have alone,
 * of which the others get on with best. Errors of rounding are so 1.2 times those of a scale for
 * each 32, where one for 256 alone makes them 1.3 (all values alike) to 2 times (some channels
 * large). */
#ifdef __x86_64__
#include <assert.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"
#include "kern/avx512_quantise.h"
#include "kern/x86_group.h"

#define BLOCK 256
#define GROUPS (BLOCK / 32)
/* Magnitudes of which a block has nothing larger count as nothing: so that inverses exist. */
#define LEAST 0x1p-90f
/* Exponents are so much below the largest at least: no value has bits there. */
#define DEPTH 20.0f

static WF_INLINE __m256 lane_of(__m256 v, size_t i)
{
    return _mm256_permutevar8x32_ps(v, _mm256_set1_epi32((int)i));
}

/* The number of the group that the others get on with best: where the steps that all are rounded
 * to, squared and added up, are least. Groups' largest magnitudes have exponents e, of which top is
 * the largest, and mantissas f (from 1 to 2). */
static WF_INLINE size_t best_of(__m256 e, float top, __m256 f)
{
    __m256 twice = _mm256_mul_ps(_mm256_sub_ps(e, _mm256_set1_ps(top)), _mm256_set1_ps(2.0f));
    __m256 squares = _mm256_scalef_ps(_mm256_set1_ps(1.0f), twice), sum = _mm256_setzero_ps();
    float sums[GROUPS];
    size_t best = 0;

    for (size_t g = 0; g < GROUPS; g++) {
        __m256 square = lane_of(squares, g);
        __mmask8 is_over = _mm256_cmp_ps_mask(lane_of(f, g), f, _CMP_GT_OQ);
        square = _mm256_mask_mul_ps(square, is_over, square, _mm256_set1_ps(4.0f));
        sum = _mm256_add_ps(sum, square);
    }
    sum = _mm256_mul_ps(sum, _mm256_mul_ps(f, f));
    sum = _mm256_mask_mov_ps(sum, _mm256_cmp_ps_mask(e, _mm256_set1_ps(-INFINITY), _CMP_EQ_OQ),
                             _mm256_set1_ps(INFINITY)); /* groups of nothing */
    _mm256_storeu_ps(sums, sum);
    for (size_t g = 1; g < GROUPS; g++)
        best = sums[g] < sums[best] ? g : best;
    return best;
}

/* How a block's n groups are scaled, and what values are multiplied by to become bytes; `before` is
 * the scale of the block before. What is no number or infinite makes the scale none, so that it
 * shows in the products. */
static WF_INLINE void scale_groups(const float *x, size_t n, float before, struct wf_act_block *out,
                                   float out_by[GROUPS])
{
    float max[GROUPS] = {0}, exponents[GROUPS], largest = 0;

    for (size_t g = 0; g < n; g++) {
        max[g] = wf_avx512_largest_32(x + 32 * g);
        if (isfinite(largest) && !(max[g] <= largest))
            largest = max[g];
    }
    memset(out_by, 0, GROUPS * sizeof(*out_by));
    for (size_t g = 0; g < n; g++)
        out->steps[g].factor = 0.0f;
    out->scale = before;
    out->before = 1.0f;
    if (!isfinite(largest))
        out->scale = out->before = NAN;
    if (!isfinite(largest) || largest < LEAST)
        return;
    __m256 m = _mm256_loadu_ps(max), e = _mm256_getexp_ps(m);
    __m256 f = _mm256_getmant_ps(m, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
    float top = _mm_cvtss_f32(_mm_getexp_ss(_mm_set_ss(largest), _mm_set_ss(largest)));
    size_t best = best_of(e, top, f);
    float scale = _mm256_cvtss_f32(lane_of(f, best));
    __mmask8 is_over = _mm256_cmp_ps_mask(f, _mm256_set1_ps(scale), _CMP_GT_OQ);
    e = _mm256_mask_add_ps(e, is_over, e, _mm256_set1_ps(1.0f));
    e = _mm256_max_ps(e, _mm256_set1_ps(top - DEPTH));
    /* Divided by 127 as by 128 times 127/128: so that the scale stays from 1 to 2. */
    out->scale = scale * (128.0f / 127.0f);
    e = _mm256_sub_ps(e, _mm256_set1_ps(7.0f));
    out->before = before / out->scale;
    _mm256_storeu_ps(exponents, e);
    for (size_t g = 0; g < n; g++)
        out->steps[g].factor = exponents[g];
    _mm256_storeu_ps(out_by, _mm256_scalef_ps(_mm256_set1_ps(1.0f / out->scale),
                                              _mm256_sub_ps(_mm256_setzero_ps(), e)));
}

/* The sum of what is in 4 lanes. */
static WF_INLINE int32_t sum_4(__m128i s)
{
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

struct many {
    size_t step;
    enum wf_panel_low low;
};

static struct many many_of(const struct wf_dtype *t)
{
    static const struct many all[] = {
#define ROW(name, step, low) [WF_DTYPE_##name] = {step, low},
        WF_AVX512_MANY(ROW)
#undef ROW
    };

    assert(all[t->id].step != 0); /* the type is one of these */
    return all[t->id];
}

size_t wf_avx512__low_at(const struct wf_dtype *t, size_t n_in, size_t from)
{
    struct many m = many_of(t);
    size_t low = m.low == WF_LOW_WORDS ? sizeof(int16_t) : sizeof(float);

    return n_in / BLOCK * sizeof(float) + from / m.step * low;
}

size_t wf_avx512__bytes_at(const struct wf_dtype *t, size_t n_in)
{
    return wf_avx512__low_at(t, n_in, n_in);
}

size_t wf_avx512__bytes_row(const struct wf_dtype *t, size_t n_in)
{
    if (t->block == 32)
        return (n_in + BLOCK - 1) / BLOCK * sizeof(struct wf_act_block);
    return wf_avx512__bytes_at(t, n_in) + n_in;
}

static WF_INLINE float times_power(float x, float exponent)
{
    return _mm_cvtss_f32(_mm_scalef_ss(_mm_set_ss(x), _mm_set_ss(exponent)));
}

/* 32 values as bytes, and their sum, or those of each 16. */
static WF_INLINE void quantise_32(const float *x, float by, size_t step, int8_t *y, int32_t *sums)
{
    __m128i one = _mm_set1_epi8(1), s = _mm_setzero_si128();

    for (size_t i = 0; i < 32; i += 16) {
        __m128i v = wf_avx512_quantise_16(x + i, by);
        _mm_storeu_si128((__m128i *)(void *)(y + i), v);
        s = _mm_dpbusd_epi32(s, one, v);
        if (step == 16) {
            sums[i / 16] = sum_4(s);
            s = _mm_setzero_si128();
        }
    }
    if (step == 32)
        sums[0] = sum_4(s);
}

/* Each 32 with a scale of their own. */
static void prepare_32(enum wf_panel_low low, const float *x, size_t n_in, void *row)
{
    struct wf_act_block *block = row;
    float by;
    int32_t sum = 0;

    for (size_t i = 0; i < n_in; i += 32) {
        struct wf_act_step *step = &block[i / BLOCK].steps[i % BLOCK / 32];
        step->factor = wf_avx512_scale_of(x + i, 32, &by);
        quantise_32(x + i, by, 32, step->q, &sum);
        if (low == WF_LOW_NONE)
            step->start = -128 * sum;
        else
            step->sum = step->factor * (float)sum;
        block[i / BLOCK].scale = block[i / BLOCK].before = 1.0f;
    }
}

static void prepare_powers(enum wf_panel_low low, const float *x, size_t n_in, void *row)
{
    struct wf_act_block *block = row;
    float before = 1.0f, by[GROUPS];
    int32_t sum = 0;

    for (size_t i = 0; i < n_in; i += BLOCK, block++) {
        size_t n = n_in - i < BLOCK ? (n_in - i) / 32 : GROUPS;
        scale_groups(x + i, n, before, block, by);
        before = block->scale;
        for (size_t g = 0; g < n; g++) {
            struct wf_act_step *step = &block->steps[g];
            quantise_32(x + i + 32 * g, by[g], 32, step->q, &sum);
            if (low == WF_LOW_NONE)
                step->start = -128 * sum;
            else
                step->sum = times_power((float)sum, step->factor);
        }
    }
}

static WF_INLINE void prepare_256(size_t step, enum wf_panel_low low, const float *x, size_t n_in,
                                  void *row)
{
    float *scales = row, by = 0.0f;
    void *lows = scales + n_in / BLOCK;
    int8_t *q = (int8_t *)lows + n_in / step * (low == WF_LOW_WORDS ? 2 : 4);

    for (size_t i = 0; i < n_in; i += 32) {
        int32_t sums[2] = {0};
        if (i % BLOCK == 0)
            scales[i / BLOCK] = wf_avx512_scale_of(x + i, BLOCK, &by);
        quantise_32(x + i, by, step, q + i, sums);
        for (size_t k = 0; k < 32 / step; k++) {
            if (low == WF_LOW_NONE)
                ((int32_t *)lows)[i / step + k] = -128 * sums[k];
            else if (low == WF_LOW_WORDS)
                ((int16_t *)lows)[i / step + k] = (int16_t)sums[k];
            else
                ((float *)lows)[i / step + k] = (float)sums[k];
        }
    }
}

void wf_avx512__bytes_prepare(const struct wf_dtype *t, enum wf_act act, const float *x,
                              size_t n_in, void *row)
{
    bool powers = act == WF_ACT_Q8_POWERS;
    struct many m = many_of(t);

    if (m.low == WF_LOW_WORDS)
        prepare_256(32, WF_LOW_WORDS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS && t->block == 32)
        (powers ? prepare_powers : prepare_32)(WF_LOW_FLOATS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS)
        prepare_256(16, WF_LOW_FLOATS, x, n_in, row);
    else if (t->block == 32)
        (powers ? prepare_powers : prepare_32)(WF_LOW_NONE, x, n_in, row);
    else if (m.step == 32)
        prepare_256(32, WF_LOW_NONE, x, n_in, row);
    else
        prepare_256(16, WF_LOW_NONE, x, n_in, row);
}
#endif
