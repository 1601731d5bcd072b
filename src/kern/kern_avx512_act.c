/* SPDX-License-Identifier: Apache-2.0 */
/* Activations that meet weights in panels (avx512_many.h), as 8 bits: groups, scales and rounding
 * as kern_ref.c has them. A row is the scales of its groups, what meets the weights' steps, and the
 * values as int8. */
#ifdef __x86_64__
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"
#include "kern/avx512_quantise.h"
#include "kern/x86_group.h"

static size_t group_of(const struct wf_dtype *t)
{
    return t->block == 256 ? 256 : 32;
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

    return n_in / group_of(t) * sizeof(float) + from / m.step * low;
}

size_t wf_avx512__bytes_at(const struct wf_dtype *t, size_t n_in)
{
    return wf_avx512__low_at(t, n_in, n_in);
}

static WF_INLINE void prepare(size_t group, size_t step, enum wf_panel_low low, const float *x,
                              size_t n_in, void *row)
{
    float *scales = row, inverse;
    int32_t *starts = (int32_t *)(void *)(scales + n_in / group);
    float *sums = scales + n_in / group;
    int16_t *words = (int16_t *)(void *)(scales + n_in / group);
    int8_t *q =
        low == WF_LOW_WORDS ? (int8_t *)(words + n_in / step) : (int8_t *)(starts + n_in / step);

    for (size_t i = 0; i < n_in; i += group) {
        float scale = scales[i / group] = wf_avx512_scale_of(x + i, group, &inverse);
        for (size_t j = i; j < i + group; j += step) {
            __m128i v = wf_avx512_quantise_16(x + j, inverse), s;
            s = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), v);
            _mm_storeu_si128((__m128i *)(void *)(q + j), v);
            if (step == 32) {
                v = wf_avx512_quantise_16(x + j + 16, inverse);
                s = _mm_dpbusd_epi32(s, _mm_set1_epi8(1), v);
                _mm_storeu_si128((__m128i *)(void *)(q + j + 16), v);
            }
            if (low == WF_LOW_NONE)
                starts[j / step] = -128 * sum_4(s);
            else if (low == WF_LOW_WORDS)
                words[j / step] = (int16_t)sum_4(s);
            else
                sums[j / step] = (group == 32 ? scale : 1.0f) * (float)sum_4(s);
        }
    }
}

void wf_avx512__bytes_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    struct many m = many_of(t);

    if (m.low == WF_LOW_WORDS)
        prepare(256, 32, WF_LOW_WORDS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS && t->block == 32)
        prepare(32, 32, WF_LOW_FLOATS, x, n_in, row);
    else if (m.low == WF_LOW_FLOATS)
        prepare(256, 16, WF_LOW_FLOATS, x, n_in, row);
    else if (t->block == 32)
        prepare(32, 32, WF_LOW_NONE, x, n_in, row);
    else if (m.step == 32)
        prepare(256, 32, WF_LOW_NONE, x, n_in, row);
    else
        prepare(256, 16, WF_LOW_NONE, x, n_in, row);
}
#endif
