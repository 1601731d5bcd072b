/* SPDX-License-Identifier: Apache-2.0 */
/* Activations that meet weights in panels (avx512_many.h), as 8 bits.
 *
 * Groups, scales and rounding are kern_ref.c's. */
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
    /* An odd number of lines: rows of whole pages wait for each other in the first cache. */
    if (t->block == 32)
        return ((n_in / 32 * sizeof(struct wf_act_step) + 63) / 64 | 1) * 64;
    return wf_avx512__bytes_at(t, n_in) + n_in;
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
    struct wf_act_step *step = row;
    float by;
    int32_t sum = 0;

    for (size_t i = 0; i < n_in; i += 32, step++) {
        step->scale = wf_avx512_scale_of(x + i, 32, &by);
        quantise_32(x + i, by, 32, step->q, &sum);
        if (low == WF_LOW_NONE)
            step->start = -128 * sum;
        else
            step->sum = step->scale * (float)sum;
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

void wf_avx512__bytes_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    struct many m = many_of(t);

    if (m.low == WF_LOW_WORDS)
        prepare_256(32, WF_LOW_WORDS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS && t->block == 32)
        prepare_32(WF_LOW_FLOATS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS)
        prepare_256(16, WF_LOW_FLOATS, x, n_in, row);
    else if (t->block == 32)
        prepare_32(WF_LOW_NONE, x, n_in, row);
    else if (m.step == 32)
        prepare_256(32, WF_LOW_NONE, x, n_in, row);
    else
        prepare_256(16, WF_LOW_NONE, x, n_in, row);
}
#endif
