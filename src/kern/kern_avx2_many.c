/* SPDX-License-Identifier: Apache-2.0 */
/* Products of quantised weights with many tokens, AVX2 with and without VNNI: tokens are prepared
 * here, and panels of weights sent by them (avx2_many.h). */
#ifdef __x86_64__
#include "kern/avx2_many.h"
#include "kern/avx2_quantise.h"

static size_t n_chunks(size_t n_in)
{
    return (n_in + WF_AVX2_CHUNK - 1) / WF_AVX2_CHUNK;
}

static size_t token_bytes(struct wf_avx2_way y)
{
    return y.is_words ? sizeof(struct wf_avx2_token_words) : sizeof(struct wf_avx2_token);
}

size_t wf_avx2__many_row(const struct wf_dtype *t, size_t n_in, bool vnni)
{
    return n_chunks(n_in) * token_bytes(wf_avx2__way_of(t, vnni));
}

/* ---- preparing ---- */

/* 32 values as int8, their first at `at` of the chunk. */
static void put_words(__m256i v, size_t at, struct wf_avx2_token_words *out)
{
    __m256i *to = (__m256i *)(void *)(out->q + at);

    _mm256_storeu_si256(to, _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v)));
    _mm256_storeu_si256(to + 1, _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1)));
}

/* What the sums of 32 values begin with: in two words, of every step, minus the offset times the
 * sums of the values that each of the words meets. */
static void put_offsets(struct wf_avx2_way y, __m256i v, size_t at, struct wf_avx2_token *out)
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), v);
    int32_t low[2];

    pairs = _mm256_add_epi16(pairs, _mm256_shuffle_epi32(pairs, 0x4e));
    pairs = _mm256_add_epi16(pairs, _mm256_shuffle_epi32(pairs, 0xb1));
    if (y.step == 32)
        pairs = _mm256_add_epi16(pairs, _mm256_permute2x128_si256(pairs, pairs, 1));
    pairs = _mm256_mullo_epi16(pairs, _mm256_set1_epi16((short)-y.offset));
    low[0] = _mm256_cvtsi256_si32(pairs);
    low[1] = _mm_cvtsi128_si32(_mm256_extracti128_si256(pairs, 1));
    memcpy(&out->low[at / y.step], low, 32 / y.step * sizeof(low[0]));
}

/* What meets minima: `by` times the sums of every step as floats, or words in the panel's order. */
static void put_sums(struct wf_avx2_way y, bool vnni, float by, const int32_t sums[2], size_t at,
                     struct wf_avx2_token *out)
{
    int16_t *words = (int16_t *)(void *)&out->low[at / 256 * (128 / y.step)] + at % 256 / 32;
    float v[2] = {by * (float)sums[0], by * (float)sums[1]};

    if (y.group == 32 || (vnni && y.step == 32)) {
        v[0] = by * (float)(sums[0] + sums[1]);
        memcpy(&out->low[at / 32], v, sizeof(v[0]));
    } else if (vnni) {
        memcpy(&out->low[at / 16], v, sizeof(v));
    } else {
        words[0] = (int16_t)(y.step == 32 ? sums[0] + sums[1] : sums[0]);
        if (y.step == 16)
            words[8] = (int16_t)sums[1];
    }
}

/* With VNNI sums begin with an integer. */
static void put_offsets_vnni(struct wf_avx2_way y, const int32_t sums[2], size_t at,
                             struct wf_avx2_token *out)
{
    out->low[at / y.step] = -y.offset * (y.step == 32 ? sums[0] + sums[1] : sums[0]);
    if (y.step == 16)
        out->low[at / 16 + 1] = -y.offset * sums[1];
}

static void prepare_32(struct wf_avx2_way y, bool vnni, const float *x, float inverse, float scale,
                       size_t at, void *out)
{
    struct wf_avx2_token *to = out;
    int32_t sums[2];
    __m256i v = wf_avx2_quantise_32(x, inverse, sums);

    if (y.is_words) {
        put_words(v, at, out);
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)(to->q + at), v);
    if (y.low == WF_AVX2_LOW_MIN)
        put_sums(y, vnni, y.group == 32 ? scale : 1.0f, sums, at, to);
    else if (vnni)
        put_offsets_vnni(y, sums, at, to);
    else
        put_offsets(y, v, at, to);
}

void wf_avx2__many_prepare(const struct wf_dtype *t, const float *x, size_t n_in, bool vnni,
                           size_t n_tok, size_t i_tok, void *out)
{
    struct wf_avx2_way y = wf_avx2__way_of(t, vnni);
    size_t bytes = token_bytes(y);
    float inverse = 0, scale = 0;

    for (size_t i = 0; i < n_in; i += 32) {
        char *to = (char *)out + (i / WF_AVX2_CHUNK * n_tok + i_tok) * bytes;
        size_t at = i % WF_AVX2_CHUNK;
        if (i % y.group == 0) { /* scales stand first in both */
            scale = wf_avx2_scale_of(x + i, y.group, &inverse);
            memcpy(to + at / y.group * sizeof(scale), &scale, sizeof(scale));
        }
        prepare_32(y, vnni, x + i, inverse, scale, at, to);
    }
}

/* ---- multiplying ---- */

void wf_avx2__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok,
                            bool vnni)
{
    wf_avx2_panel_fn panel_of = wf_avx2__panel_of(t, vnni);
    wf_avx2_sweep_fn sweep = vnni ? wf_avxvnni__sweep_of(t) : wf_avx2__sweep_of(t);
    size_t bytes = n_tok * token_bytes(wf_avx2__way_of(t, vnni));
    struct wf_avx2_panel p;

    for (size_t from = 0; from < a->n_in; from += WF_AVX2_CHUNK) {
        struct wf_avx2_sweep s = {.adds = from > 0, .ld = a->ld};
        s.n = a->n_in - from < WF_AVX2_CHUNK ? a->n_in - from : WF_AVX2_CHUNK;
        for (size_t row = 0; row < a->n_rows; row += WF_AVX2_PANEL) {
            s.n_rows = a->n_rows - row < WF_AVX2_PANEL ? a->n_rows - row : WF_AVX2_PANEL;
            s.out = a->out + row;
            panel_of(a->w + row * a->row_bytes, a->row_bytes, s.n_rows, from, s.n, &p);
            sweep(&p, a->x + from / WF_AVX2_CHUNK * bytes, n_tok, &s);
        }
    }
}
#endif
