/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of quantised weights into panels (avx512_many.h): 16 rows' blocks of 256 values as bytes,
 * then rows turned into columns, four bytes at a time; their scales likewise.
 *
 * Models' most usual types load 256 values at once, the others go by groups of 32, and so does what
 * is left of a row where no block of 256 fits. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_block.h"
#include "kern/avx512_many.h"
#include "kern/gemm_avx512.h"
#include "kern/x86_group.h"

#define LANES 16
#define BLOCK 256

/* A row's block: bytes, scales of its steps, and minima of these, or words of theirs and what those
 * are multiplied by. */
struct block_row {
    uint8_t w[BLOCK];
    float scales[16];
    float min[16];
} __attribute__((aligned(64)));

struct kind {
    wf_x86_load_fn load;
    wf_avx512_block_fn block; /* NULL: by groups of 32 */
    size_t block_bytes;       /* of 256 values */
    size_t step;
    enum wf_panel_low low;
    int zero; /* what the block's loader added to the values */
};

/* Groups of 32 from i on; those from n_groups on are nothing. */
static WF_INLINE void load_groups(struct kind k, const uint8_t *row, size_t i, size_t n_groups,
                                  struct block_row *out)
{
    __m256i up = k.low == WF_LOW_NONE ? _mm256_set1_epi8(-128) : _mm256_setzero_si256();

    for (size_t j = 0; j < n_groups; j++) {
        struct wf_x86_group g = {0};
        k.load(row, i + j, &g);
        _mm256_store_si256((__m256i *)(void *)(out->w + 32 * j), _mm256_add_epi8(g.w, up));
        if (k.step == 32) {
            out->scales[j] = _mm256_cvtss_f32(g.scale);
            out->min[j] = g.min[0];
        } else {
            out->scales[2 * j] = _mm256_cvtss_f32(g.scale);
            out->scales[2 * j + 1] = _mm_cvtss_f32(_mm256_extractf128_ps(g.scale, 1));
            memcpy(&out->min[2 * j], g.min, sizeof(g.min));
        }
    }
}

/* A whole block. */
static WF_INLINE void load_block(struct kind k, const uint8_t *b, struct block_row *out)
{
    __m512i up = _mm512_set1_epi8((char)(k.low == WF_LOW_NONE ? 128 - k.zero : 0));
    struct wf_avx512_block v;

    k.block(b, &v);
    for (int j = 0; j < 4; j++)
        _mm512_store_si512(out->w + 64 * j, _mm512_add_epi8(v.w[j], up));
    if (k.low == WF_LOW_WORDS) { /* 8 scales, 8 words, what those are multiplied by */
        __m128i words =
            _mm_cvtepu8_epi16(_mm_unpackhi_epi64(wf_avx512__parts_k(b), _mm_setzero_si128()));
        v.scales = _mm512_mask_blend_ps(0x0f00, v.scales,
                                        _mm512_castsi512_ps(_mm512_broadcast_i32x4(words)));
        v.scales =
            _mm512_mask_blend_ps(0x1000, v.scales, _mm512_set1_ps(-wf_x86__load_half(b + 2)));
    }
    _mm512_store_ps(out->scales, v.scales);
}

static WF_INLINE void load_16(const struct block_row *rows, size_t bytes, __m512 r[16])
{
    for (size_t j = 0; j < 16; j++)
        r[j] = _mm512_load_ps((const char *)&rows[j] + bytes);
    wf_gemm__turn(r);
}

/* A block of 16 rows to its columns, n of its values. */
static WF_INLINE void turn_rows(struct kind k, const struct block_row *rows, size_t i, size_t n,
                                size_t first, struct wf_panel *out)
{
    size_t n_steps = n / k.step, step = i / k.step;
    __m512 r[16];

    for (size_t c = 0; c < n; c += 64) {
        load_16(rows, c, r);
        for (size_t j = 0; j < 16; j++)
            _mm512_store_ps((float *)(void *)out->w[(i + c) / 4 + j][first], r[j]);
    }
    load_16(rows, offsetof(struct block_row, scales), r);
    for (size_t j = 0; j < n_steps; j++)
        _mm512_store_ps(&out->scale[step + j][first], r[j]);
    if (k.low == WF_LOW_WORDS) {
        for (size_t j = 0; j < 4; j++)
            _mm512_store_ps((float *)(void *)out->words[i / 64 + j][first], r[8 + j]);
        _mm512_store_ps(&out->by[i / BLOCK][first], r[12]);
    }
    if (k.low != WF_LOW_FLOATS)
        return;
    load_16(rows, offsetof(struct block_row, min), r);
    for (size_t j = 0; j < n_steps; j++)
        _mm512_store_ps(&out->min[step + j][first], r[j]);
}

static WF_INLINE void unpack(struct kind k, const uint8_t *w, size_t row_bytes, size_t n_rows,
                             size_t from, size_t n, struct wf_panel *out)
{
    struct block_row rows[LANES];

    for (size_t first = 0; first < WF_PANEL_ROWS; first += LANES) {
        for (size_t i = 0; i < n; i += BLOCK) {
            size_t m = n - i < BLOCK ? n - i : BLOCK, block = (from + i) / BLOCK;
            for (size_t j = 0; j < LANES; j++) {
                const uint8_t *row = w + (first + j < n_rows ? first + j : n_rows - 1) * row_bytes;
                if (k.block == NULL || m < BLOCK)
                    load_groups(k, row, block * 8, m / 32, &rows[j]);
                else
                    load_block(k, row + block * k.block_bytes, &rows[j]);
            }
            turn_rows(k, rows, i, m, first, out);
        }
    }
}

/* name, values that share a scale, what meets sums */
#define PLAIN(name, step, low) [WF_DTYPE_##name] = {wf_x86__load_##name, NULL, 0, step, low, 0},
static const struct kind plain[] = {WF_AVX512_MANY(PLAIN)};
#undef PLAIN

/* Of a type without a loader of blocks. */
#define UNPACK(name)                                                                               \
    static void unpack_##name(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,      \
                              size_t n, struct wf_panel *out)                                      \
    {                                                                                              \
        unpack(plain[WF_DTYPE_##name], w, row_bytes, n_rows, from, n, out);                        \
    }
UNPACK(Q4_1)
UNPACK(Q5_0)
UNPACK(Q5_1)
UNPACK(Q2_K)
UNPACK(Q3_K)
UNPACK(MXFP4)
#undef UNPACK

/* With one: bytes of 256 values, what the loader adds to the values. */
#define UNPACK(name, bytes, added)                                                                 \
    static void unpack_##name(const uint8_t *w, size_t row_bytes, size_t n_rows, size_t from,      \
                              size_t n, struct wf_panel *out)                                      \
    {                                                                                              \
        struct kind k = plain[WF_DTYPE_##name];                                                    \
        k.block = wf_avx512__block_##name;                                                         \
        k.block_bytes = bytes;                                                                     \
        k.zero = added;                                                                            \
        unpack(k, w, row_bytes, n_rows, from, n, out);                                             \
    }
UNPACK(Q4_0, 144, 8)
UNPACK(Q8_0, 272, 0)
UNPACK(IQ4_NL, 144, 0)
UNPACK(IQ4_XS, 136, 0)
UNPACK(Q4_K, 144, 0)
UNPACK(Q5_K, 176, 0)
UNPACK(Q6_K, 210, 32)
#undef UNPACK

static const wf_panel_fn all[] = {
#define FUNCTION(name, step, low) [WF_DTYPE_##name] = unpack_##name,
    WF_AVX512_MANY(FUNCTION)
#undef FUNCTION
};

wf_panel_fn wf_avx512__panel_of(const struct wf_dtype *t)
{
    return all[t->id];
}
#endif
