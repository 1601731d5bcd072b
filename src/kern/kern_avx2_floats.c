/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 products of float, half and bfloat16 weights with many tokens of float: panels and tiles as
 * avx2_many.h tells, a unit being one float. A tile's sums stay in registers. */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "kern/avx2_sweep.h"

#define FLOATS_CHUNK 256 /* values; as many units as a panel of half as many bytes has */

/* A token's values of a chunk; behind its end there may be anything. */
struct token {
    float q[FLOATS_CHUNK];
};

/* Eight weights as float. */
typedef __m256 (*load_fn)(const uint8_t *w);

static WF_INLINE __m256 load_F32(const uint8_t *w)
{
    return _mm256_loadu_ps((const float *)(const void *)w);
}

static WF_INLINE __m256 load_F16(const uint8_t *w)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)w));
}

static WF_INLINE __m256 load_BF16(const uint8_t *w)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)w);

    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

/* Values [from, from + n) of n_rows rows; the last one stands for those that are not there. */
static WF_INLINE void unpack(load_fn load, size_t bytes, const struct wf_avx2_rows *a, size_t row,
                             size_t from, size_t n, struct wf_avx2_unit *out)
{
    uint8_t end[8 * sizeof(float)] = {0};
    __m256i r[8];

    for (size_t first = 0; first < WF_AVX2_PANEL; first += 8) {
        for (size_t i = 0; i < n; i += 8) {
            for (size_t j = 0; j < 8; j++) {
                size_t at = row + first + j < a->n_rows ? row + first + j : a->n_rows - 1;
                const uint8_t *w = a->w + at * a->row_bytes + (from + i) * bytes;
                if (n - i < 8)
                    w = memcpy(end, w, (n - i) * bytes);
                r[j] = _mm256_castps_si256(load(w));
            }
            wf_x86__turn(r);
            for (size_t j = 0; j < 8; j++)
                _mm256_store_si256((__m256i *)(void *)out[i + j].of[first], r[j]);
        }
    }
}

/* T (known when compiled) tokens from i_tok on. */
static WF_INLINE void tile(size_t T, const struct wf_avx2_unit *w, const struct token *x,
                           const struct wf_avx2_sweep *s, size_t i_tok)
{
    float sums[WF_AVX2_PANEL] __attribute__((aligned(64)));
    __m256 acc[WF_AVX2_TILE][2];

    x += i_tok;
    wf_avx2_sweep_begin(s, i_tok, T);
    for (size_t t = 0; t < T; t++)
        acc[t][0] = acc[t][1] = _mm256_setzero_ps();
    for (size_t u = 0; u < s->n; u++) {
        __m256 a = wf_avx2_half_floats(&w[u], 0), b = wf_avx2_half_floats(&w[u], 1);
        for (size_t t = 0; t < T; t++) {
            __m256 v = _mm256_set1_ps(x[t].q[u]);
            acc[t][0] = _mm256_fmadd_ps(a, v, acc[t][0]);
            acc[t][1] = _mm256_fmadd_ps(b, v, acc[t][1]);
        }
    }
    for (size_t t = 0; t < T; t++) {
        _mm256_store_ps(sums, acc[t][0]);
        _mm256_store_ps(sums + 8, acc[t][1]);
        wf_avx2_sweep_store(s, i_tok + t, sums);
    }
}

static void sweep(const struct wf_avx2_unit *w, const struct token *x, size_t n_tok,
                  const struct wf_avx2_sweep *s)
{
#define TILE(T, from) tile(T, w, x, s, from)
    WF_AVX2_TILES(n_tok, TILE);
#undef TILE
}

size_t wf_avx2__floats_row(size_t n_in)
{
    return (n_in + FLOATS_CHUNK - 1) / FLOATS_CHUNK * sizeof(struct token);
}

void wf_avx2__floats_prepare(const float *x, size_t n_in, size_t n_tok, size_t i_tok, void *out)
{
    struct token *to = (struct token *)out + i_tok;

    for (size_t i = 0; i < n_in; i += FLOATS_CHUNK, to += n_tok)
        memcpy(to->q, x + i, (n_in - i < FLOATS_CHUNK ? n_in - i : FLOATS_CHUNK) * sizeof(x[0]));
}

void wf_avx2__multiply_floats(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    const struct token *x = (const struct token *)(const void *)a->x;
    struct wf_avx2_unit w[FLOATS_CHUNK];

    for (size_t from = 0; from < a->n_in; from += FLOATS_CHUNK, x += n_tok) {
        struct wf_avx2_sweep s = {.adds = from > 0, .ld = a->ld};
        s.n = a->n_in - from < FLOATS_CHUNK ? a->n_in - from : FLOATS_CHUNK;
        for (size_t row = 0; row < a->n_rows; row += WF_AVX2_PANEL) {
            s.n_rows = a->n_rows - row < WF_AVX2_PANEL ? a->n_rows - row : WF_AVX2_PANEL;
            s.out = a->out + row;
            if (t->id == WF_DTYPE_F32)
                unpack(load_F32, sizeof(float), a, row, from, s.n, w);
            else if (t->id == WF_DTYPE_F16)
                unpack(load_F16, sizeof(uint16_t), a, row, from, s.n, w);
            else
                unpack(load_BF16, sizeof(uint16_t), a, row, from, s.n, w);
            sweep(w, x, n_tok, &s);
        }
    }
}
#endif
