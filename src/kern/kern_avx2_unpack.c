/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of quantised weights into panels (avx2_many.h): blocks of 32, or 64 values at a time of
 * blocks of 256, of eight rows, turned into columns. */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "kern/avx2_block256.h"
#include "kern/avx2_many.h"

/* How a type is unpacked; known when compiled. */
struct kind {
    struct wf_avx2_way way;
    bool vnni;
    wf_x86_load_fn group;     /* of types in blocks of 32 */
    wf_avx2_scales_fn scales; /* of types in blocks of 256 */
    wf_avx2_load_fn load;
    size_t block_bytes;
    int moved;      /* what `load` added to the values */
    bool by_halves; /* `load` gives the first halves of two groups, then the others */
};

/* ---- storing ---- */

static WF_INLINE void put(struct wf_avx2_unit *u, size_t first, __m256i v)
{
    _mm256_store_si256((__m256i *)(void *)u->of[first], v);
}

/* Eight rows' bytes, four values each, as two units of words; times a scale a row. */
static WF_INLINE void put_words(__m256i bytes, const __m256i *by, struct wf_avx2_unit *to,
                                size_t first)
{
    __m256i at = _mm256_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0,
                                  -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);

    for (int i = 0; i < 2; i++) {
        __m256i v = i == 0 ? bytes : _mm256_srli_epi32(bytes, 16);
        v = _mm256_srai_epi16(_mm256_shuffle_epi8(v, at), 8);
        put(to + i, first, by != NULL ? _mm256_mullo_epi16(v, *by) : v);
    }
}

/* 32 values of eight rows, turned, from value `at` of the chunk on. */
static WF_INLINE void put_32(struct kind k, __m256i r[8], size_t at, size_t first,
                             struct wf_avx2_panel *out)
{
    bool is_256 = k.way.group == 256;
    __m256i by = is_256 ? _mm256_load_si256(
                              (const __m256i *)(const void *)out->scale[at / k.way.step].of[first])
                        : _mm256_setzero_si256();

    wf_x86__turn(r);
    for (size_t j = 0; j < 8; j++) {
        if (k.way.is_words)
            put_words(r[j], is_256 ? &by : NULL, out->w + at / 2 + 2 * j, first);
        else
            put(out->w + at / 4 + j, first, r[j]);
    }
}

/* ---- blocks of 32 ---- */

/* Group i of eight rows, the chunk's group `at`. */
static WF_INLINE void unpack_group(struct kind k, const uint8_t *const *rows, size_t i, size_t at,
                                   size_t first, struct wf_avx2_panel *out)
{
    __m256i r[8], up = _mm256_set1_epi8((char)k.way.offset);
    float scale[8] __attribute__((aligned(32))), min[8] __attribute__((aligned(32)));

    for (size_t j = 0; j < 8; j++) {
        struct wf_x86_group g = {0};
        k.group(rows[j], i, &g);
        r[j] = k.way.offset != 0 ? _mm256_add_epi8(g.w, up) : g.w;
        scale[j] = _mm256_cvtss_f32(g.scale);
        min[j] = g.min[0];
    }
    put(&out->scale[at], first, _mm256_load_si256((const __m256i *)(const void *)scale));
    if (k.way.low == WF_AVX2_LOW_MIN)
        put(&out->low[at], first, _mm256_load_si256((const __m256i *)(const void *)min));
    put_32(k, r, 32 * at, first, out);
}

/* ---- blocks of 256 ---- */

/* The i-th of the 16 numbers of eight rows that come of turning 16 words by twos: in which half of
 * every group of 32 and which group they stand, for IQ4_XS the group alone. */
static WF_INLINE size_t step_of(struct kind k, size_t i)
{
    size_t group = i % 4 + i / 8 * 4;

    if (k.by_halves)
        return i % 4 * 2 + i / 4 % 2;
    return k.way.step == 32 ? group : 2 * group + i / 4 % 2;
}

/* Whether turning gave a step's number there, and not once more. */
static WF_INLINE bool is_step(struct kind k, size_t i)
{
    return k.by_halves ? i < 8 : k.way.step == 16 || i / 4 % 2 == 0;
}

/* Words of eight rows, 16 each, each word twice: to a unit a step; as floats under `by` with VNNI.
 */
static WF_INLINE void put_steps(struct kind k, const __m256i words[8], const float *by,
                                struct wf_avx2_unit *to, size_t first)
{
    __m256 scale = _mm256_load_ps(by);

    for (size_t half = 0; half < 2; half++) {
        __m256i r[8];
        for (size_t j = 0; j < 8; j++)
            r[j] = half == 0 ? _mm256_unpacklo_epi16(words[j], words[j])
                             : _mm256_unpackhi_epi16(words[j], words[j]);
        wf_x86__turn(r);
        for (size_t i = 0; i < 8; i++) {
            if (!is_step(k, 8 * half + i))
                continue;
            if (k.vnni)
                r[i] = _mm256_castps_si256(
                    _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_srai_epi32(r[i], 16))));
            put(to + step_of(k, 8 * half + i), first, r[i]);
        }
    }
}

/* Minima of eight rows, 16 words each, by twos as they are; of steps of 32 one for each. */
static WF_INLINE void put_pairs(struct kind k, const __m256i words[8], struct wf_avx2_unit *to,
                                size_t first)
{
    __m256i r[8];

    memcpy(r, words, sizeof(r));
    wf_x86__turn(r);
    for (size_t i = 0; i < (k.way.step == 32 ? 4 : 8); i++)
        put(to + i, first, r[i]);
}

/* Block i of eight rows, the chunk's block `at`. */
static WF_INLINE void unpack_block(struct kind k, const uint8_t *const *rows, size_t i, size_t at,
                                   size_t first, struct wf_avx2_panel *out)
{
    struct wf_avx2_unit *low = out->low + at * (k.vnni ? 256 / k.way.step : 128 / k.way.step);
    __m256i by[8], mins[8], up = _mm256_set1_epi8((char)(k.way.offset - k.moved));
    float minus[8] __attribute__((aligned(32)));

    for (size_t j = 0; j < 8; j++) {
        struct wf_avx2_scales s = {.dmin = 0};
        k.scales(rows[j] + i * k.block_bytes, &s);
        by[j] = s.by;
        mins[j] = s.low;
        out->d[at][first + j] = s.d;
        out->dmin[at][first + j] = s.dmin;
        minus[j] = -s.dmin;
    }
    put_steps(k, by, out->d[at] + first, out->scale + at * (256 / k.way.step), first);
    if (k.way.low == WF_AVX2_LOW_MIN && k.vnni)
        put_steps(k, mins, minus, low, first);
    else if (k.way.low == WF_AVX2_LOW_MIN)
        put_pairs(k, mins, low, first);
    for (int j = 0; j < 4; j++) {
        __m256i r[2][8], w[2];
        for (size_t row = 0; row < 8; row++) {
            k.load(rows[row] + i * k.block_bytes, j, w);
            r[0][row] = k.by_halves ? _mm256_permute2x128_si256(w[0], w[1], 0x20) : w[0];
            r[1][row] = k.by_halves ? _mm256_permute2x128_si256(w[0], w[1], 0x31) : w[1];
            if (k.way.offset != k.moved) {
                r[0][row] = _mm256_add_epi8(r[0][row], up);
                r[1][row] = _mm256_add_epi8(r[1][row], up);
            }
        }
        put_32(k, r[0], 256 * at + 64 * (size_t)j, first, out);
        put_32(k, r[1], 256 * at + 64 * (size_t)j + 32, first, out);
    }
}

/* ---- all of them ---- */

static WF_INLINE void unpack(struct kind k, const uint8_t *w, size_t row_bytes, size_t n_rows,
                             size_t from, size_t n, struct wf_avx2_panel *out)
{
    const uint8_t *rows[8];

    for (size_t first = 0; first < WF_AVX2_PANEL; first += 8) {
        for (size_t j = 0; j < 8; j++)
            rows[j] = w + (first + j < n_rows ? first + j : n_rows - 1) * row_bytes;
        for (size_t i = 0; i < n / 32 && k.way.group == 32; i++)
            unpack_group(k, rows, from / 32 + i, i, first, out);
        for (size_t i = 0; i < n / 256 && k.way.group == 256; i++)
            unpack_block(k, rows, from / 256 + i, i, first, out);
    }
}

/* name, how blocks of 256 are loaded: scales, bytes, what is added, order */
#define KINDS(X)                                                                                   \
    X(Q4_0, NULL, NULL, 0, 0, false)                                                               \
    X(Q4_1, NULL, NULL, 0, 0, false)                                                               \
    X(Q5_0, NULL, NULL, 0, 0, false)                                                               \
    X(Q5_1, NULL, NULL, 0, 0, false)                                                               \
    X(MXFP4, NULL, NULL, 0, 0, false)                                                              \
    X(Q8_0, NULL, NULL, 0, 0, false)                                                               \
    X(IQ4_NL, NULL, NULL, 0, 0, false)                                                             \
    X(Q2_K, wf_avx2_scales_q2, wf_avx2_load_Q2_K, 84, 0, false)                                    \
    X(Q3_K, wf_avx2_scales_q3, wf_avx2_load_Q3_K, 110, 4, false)                                   \
    X(Q4_K, wf_avx2_scales_k, wf_avx2_load_Q4_K, 144, 0, false)                                    \
    X(Q5_K, wf_avx2_scales_k, wf_avx2_load_Q5_K, 176, 0, false)                                    \
    X(Q6_K, wf_avx2_scales_q6, wf_avx2_load_Q6_K, 210, 32, false)                                  \
    X(IQ4_XS, wf_avx2_scales_xs, wf_avx2_load_IQ4_XS, 136, 0, true)

#define WAY(group, step, low, offset, words)                                                       \
    {                                                                                              \
        group, step, low, offset, words                                                            \
    }
#define ROW(name, plain, vnni) [WF_DTYPE_##name] = {WAY plain, WAY vnni},
static const struct wf_avx2_way ways[][2] = {WF_AVX2_MANY(ROW)};
#undef ROW

struct wf_avx2_way wf_avx2__way_of(const struct wf_dtype *t, bool vnni)
{
    return ways[t->id][vnni];
}

#define UNPACK(name, scales_of, load_of, bytes, moved_by, halves)                                  \
    static WF_INLINE void unpack_##name(bool vnni, const uint8_t *w, size_t row_bytes,             \
                                        size_t n_rows, size_t from, size_t n,                      \
                                        struct wf_avx2_panel *out)                                 \
    {                                                                                              \
        struct kind k = {.way = ways[WF_DTYPE_##name][vnni]};                                      \
        k.vnni = vnni;                                                                             \
        k.group = wf_x86__load_##name;                                                             \
        k.scales = scales_of;                                                                      \
        k.load = load_of;                                                                          \
        k.block_bytes = bytes;                                                                     \
        k.moved = moved_by;                                                                        \
        k.by_halves = halves;                                                                      \
        unpack(k, w, row_bytes, n_rows, from, n, out);                                             \
    }                                                                                              \
    static void unpack_plain_##name(const uint8_t *w, size_t row_bytes, size_t n_rows,             \
                                    size_t from, size_t n, struct wf_avx2_panel *out)              \
    {                                                                                              \
        unpack_##name(false, w, row_bytes, n_rows, from, n, out);                                  \
    }                                                                                              \
    static void unpack_vnni_##name(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from, \
                                   size_t n, struct wf_avx2_panel *out)                            \
    {                                                                                              \
        unpack_##name(true, w, row_bytes, n_rows, from, n, out);                                   \
    }
KINDS(UNPACK)
#undef UNPACK

static const wf_avx2_panel_fn panels[][2] = {
#define ROW(name, plain, with) [WF_DTYPE_##name] = {unpack_plain_##name, unpack_vnni_##name},
    WF_AVX2_MANY(ROW)
#undef ROW
};

wf_avx2_panel_fn wf_avx2__panel_of(const struct wf_dtype *t, bool vnni)
{
    return panels[t->id][vnni];
}
#endif
