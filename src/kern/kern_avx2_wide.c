/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 products with many tokens, for weights whose products two at a time fill 16 bits: they and
 * the activations are words, and pairs of products are summed in 32 bits.
 *
 * A register's 8 lanes are 8 rows, each lane two values of its row; WIDE_CHUNK values of
 * WIDE_PANEL rows are unpacked once and stay in the nearest cache while all tokens go by (as
 * avx2_many.h's). In blocks of 256 the integer scales of parts are multiplied into the words, which
 * is exact, so that a whole block is summed before it becomes float. A prepared row is the scales
 * of its groups, then its values as words. */
#ifdef __x86_64__
#include "kern/avx2_few.h"
#include "kern/avx2_quantise.h"

#define WIDE_PANEL 16
#define WIDE_CHUNK 512
#define WIDE_TILE 4 /* tokens */

/* The integer scale of group j of 32 of a block, and the float one. */
typedef int (*part_fn)(const uint8_t *b, size_t j, float *out_scale);

/* How a type is unpacked; known when compiled. */
struct kind {
    wf_x86_load_fn load;
    part_fn part;       /* of types in blocks of 256 */
    size_t block_bytes; /* of those */
};

struct panel {
    int16_t w[WIDE_CHUNK / 2][WIDE_PANEL][2];
    float scale[WIDE_CHUNK / 32][WIDE_PANEL];
} __attribute__((aligned(64)));

static bool is_256(const struct wf_dtype *t)
{
    return t->block == 256;
}

bool wf_avx2__is_wide(const struct wf_dtype *t)
{
    return t->id == WF_DTYPE_Q8_0 || t->id == WF_DTYPE_IQ4_NL || t->id == WF_DTYPE_IQ4_XS;
}

size_t wf_avx2__wide_row(const struct wf_dtype *t, size_t n_in)
{
    return n_in / (is_256(t) ? 256 : 32) * sizeof(float) + n_in * sizeof(int16_t);
}

void wf_avx2__wide_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    size_t group = is_256(t) ? 256 : 32;
    float *scales = row, inverse = 0;
    int16_t *q = (int16_t *)(void *)(scales + n_in / group);
    int32_t sums[2];

    for (size_t i = 0; i < n_in; i += 32) {
        if (i % group == 0)
            scales[i / group] = wf_avx2_scale_of(x + i, group, &inverse);
        __m256i v = wf_avx2_quantise_32(x + i, inverse, sums);
        __m256i first = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v));
        _mm256_storeu_si256((__m256i *)(void *)(q + i), first);
        first = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1));
        _mm256_storeu_si256((__m256i *)(void *)(q + i + 16), first);
    }
}

/* ---- unpacking ---- */

static WF_INLINE int part_xs(const uint8_t *b, size_t j, float *out_scale)
{
    int low = b[4 + j / 2] >> 4 * (j % 2) & 15, high = (b[2] | b[3] << 8) >> 2 * j & 3;

    *out_scale = wf_x86__load_half(b);
    return (low | high << 4) - 32;
}

/* Eight rows' bytes, four values each, as two units of words, times a scale a row. */
static WF_INLINE void store_words(__m256i bytes, const int32_t *by, int16_t (*to)[WIDE_PANEL][2],
                                  size_t first)
{
    __m256i at = _mm256_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0,
                                  -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);

    for (int i = 0; i < 2; i++) {
        __m256i v = i == 0 ? bytes : _mm256_srli_epi32(bytes, 16);
        v = _mm256_srai_epi16(_mm256_shuffle_epi8(v, at), 8);
        if (by != NULL)
            v = _mm256_mullo_epi16(v, _mm256_loadu_si256((const __m256i *)(const void *)by));
        _mm256_store_si256((__m256i *)(void *)to[i][first], v);
    }
}

/* 32 values of eight rows, the i-th group of the row that is `from` bytes into each. */
static WF_INLINE void unpack_group(struct kind k, const uint8_t *const *rows, size_t i,
                                   size_t chunk_group, size_t first, struct panel *out)
{
    int16_t(*to)[WIDE_PANEL][2] = out->w + 16 * chunk_group;
    int32_t by[8];
    __m256i r[8];

    for (size_t j = 0; j < 8; j++) {
        struct wf_x86_group g = {0};
        k.load(rows[j], i, &g);
        r[j] = g.w;
        float scale = _mm256_cvtss_f32(g.scale);
        if (k.part != NULL) /* the same in all words: w * part is exact */
            by[j] = (int32_t)((uint16_t)k.part(rows[j] + i / 8 * k.block_bytes, i % 8, &scale) *
                              0x10001u);
        out->scale[k.part != NULL ? chunk_group / 8 : chunk_group][first + j] = scale;
    }
    wf_x86__turn(r);
    for (size_t j = 0; j < 8; j++)
        store_words(r[j], k.part != NULL ? by : NULL, to + 2 * j, first);
}

/* Values [from, from + n) of WIDE_PANEL rows; the last that is there stands for more. */
static WF_INLINE void unpack_panel(struct kind k, const struct wf_avx2_rows *a, size_t row,
                                   size_t from, size_t n, struct panel *out)
{
    for (size_t first = 0; first < WIDE_PANEL; first += 8) {
        const uint8_t *rows[8];
        for (size_t j = 0; j < 8; j++) {
            size_t at = row + first + j < a->n_rows ? row + first + j : a->n_rows - 1;
            rows[j] = a->w + at * a->row_bytes;
        }
        for (size_t i = 0; i < n / 32; i++)
            unpack_group(k, rows, from / 32 + i, i, first, out);
    }
}

/* ---- multiplying ---- */

static WF_INLINE __m256i words(const void *p)
{
    return _mm256_load_si256((const __m256i *)p);
}

/* sum = `step` values of T tokens, x_ld words apart, with both registers of the panel. */
static WF_INLINE void multiply_step(size_t T, size_t step, const int16_t (*w)[WIDE_PANEL][2],
                                    const int16_t *x, size_t x_ld, __m256i sum[][2])
{
    for (size_t t = 0; t < T; t++)
        sum[t][0] = sum[t][1] = _mm256_setzero_si256();
    for (size_t u = 0; u < step / 2; u++) {
        __m256i a = words(w[u][0]), b = words(w[u][8]);
        for (size_t t = 0; t < T; t++) {
            int32_t two;
            memcpy(&two, x + t * x_ld + 2 * u, sizeof(two));
            __m256i v = _mm256_set1_epi32(two);
            sum[t][0] = _mm256_add_epi32(sum[t][0], _mm256_madd_epi16(a, v));
            sum[t][1] = _mm256_add_epi32(sum[t][1], _mm256_madd_epi16(b, v));
            /* In this order: compilers that sum in trees run out of registers. */
#ifdef __AVX2__
            __asm__("" : "+x"(sum[t][0]), "+x"(sum[t][1]));
#endif
        }
    }
}

/* What all tiles of a chunk meet. */
struct sweep {
    const struct wf_avx2_rows *a;
    size_t row, from, n;
};

/* A tile's sums to their places, or onto what is there. */
static WF_INLINE void store_tile(const struct sweep *s, size_t T, size_t i_tok,
                                 float (*tile)[WIDE_PANEL])
{
    size_t n_rows = s->a->n_rows - s->row < WIDE_PANEL ? s->a->n_rows - s->row : WIDE_PANEL;

    for (size_t t = 0; t < T; t++) {
        float *to = s->a->out + (i_tok + t) * s->a->ld + s->row;
        if (n_rows == WIDE_PANEL) {
            for (size_t h = 0; h < WIDE_PANEL; h += 8) {
                __m256 v = _mm256_load_ps(tile[t] + h);
                _mm256_storeu_ps(to + h,
                                 s->from > 0 ? _mm256_add_ps(v, _mm256_loadu_ps(to + h)) : v);
            }
            continue;
        }
        for (size_t r = 0; r < n_rows; r++)
            to[r] = s->from > 0 ? to[r] + tile[t][r] : tile[t][r];
    }
}

/* T (known when compiled, as is step) tokens from i_tok on with a panel. */
static WF_INLINE void multiply_tile(size_t step, size_t T, const struct panel *p,
                                    const struct sweep *s, size_t i_tok)
{
    float tile[WIDE_TILE][WIDE_PANEL] __attribute__((aligned(64)));
    const struct wf_avx2_rows *a = s->a;
    const float *scales = (const float *)(const void *)(a->x + i_tok * a->x_bytes);
    const int16_t *q = (const int16_t *)(const void *)(scales + a->n_in / step) + s->from;

    memset(tile, 0, T * sizeof(tile[0]));
    for (size_t i = 0; i < s->n / step; i++) {
        __m256i sum[WIDE_TILE][2];
        multiply_step(T, step, p->w + i * step / 2, q + i * step, a->x_bytes / 2, sum);
        for (size_t t = 0; t < T; t++) {
            __m256 by = _mm256_set1_ps(scales[t * (a->x_bytes / 4) + s->from / step + i]);
            for (size_t h = 0; h < 2; h++) {
                __m256 of = _mm256_mul_ps(by, _mm256_load_ps(p->scale[i] + 8 * h));
                __m256 acc = _mm256_load_ps(tile[t] + 8 * h);
                _mm256_store_ps(tile[t] + 8 * h,
                                _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][h]), of, acc));
            }
        }
    }
    store_tile(s, T, i_tok, tile);
}

/* All tokens with all rows. */
static WF_INLINE void multiply(struct kind k, const struct wf_avx2_rows *a, size_t n_tok)
{
    const size_t step = k.part != NULL ? 256 : 32;
    struct panel p;

    for (size_t from = 0; from < a->n_in; from += WIDE_CHUNK) {
        for (size_t row = 0; row < a->n_rows; row += WIDE_PANEL) {
            struct sweep s = {a, row, from,
                              a->n_in - from < WIDE_CHUNK ? a->n_in - from : WIDE_CHUNK};
            size_t t = 0;
            unpack_panel(k, a, row, from, s.n, &p);
            for (; t + WIDE_TILE <= n_tok; t += WIDE_TILE)
                multiply_tile(step, WIDE_TILE, &p, &s, t);
            if (t + 2 <= n_tok) {
                multiply_tile(step, 2, &p, &s, t);
                t += 2;
            }
            if (t < n_tok)
                multiply_tile(step, 1, &p, &s, t);
        }
    }
}

#define MULTIPLY(name, part_of, bytes)                                                             \
    static void multiply_##name(const struct wf_avx2_rows *a, size_t n_tok)                        \
    {                                                                                              \
        multiply((struct kind){wf_x86__load_##name, part_of, bytes}, a, n_tok);                    \
    }
MULTIPLY(Q8_0, NULL, 0)
MULTIPLY(IQ4_NL, NULL, 0)
MULTIPLY(IQ4_XS, part_xs, 136)
#undef MULTIPLY

static void multiply_any(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (t->id == WF_DTYPE_Q8_0)
        multiply_Q8_0(a, n_tok);
    else if (t->id == WF_DTYPE_IQ4_NL)
        multiply_IQ4_NL(a, n_tok);
    else
        multiply_IQ4_XS(a, n_tok);
}

void wf_avx2__multiply_wide(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    multiply_any(t, a, n_tok);
}
#endif
