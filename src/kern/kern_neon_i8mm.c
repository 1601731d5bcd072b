/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for aarch64 with products of matrices of bytes (i8mm: Armv8.6 and later): as
 * kern_neon_dot.c, but for products with many tokens.
 *
 * One instruction multiplies eight values of two rows with eight of two tokens. PANEL rows are
 * unpacked at once, CHUNK values long, two rows side by side, eight values at a time, with scales
 * and minima in the lanes that their products come out in, and stay in the nearest cache while all
 * tokens go by, prepared by twos in the same order. */
#ifdef __aarch64__
#include "kern/neon_internal.h"
#include "kern/neon_matmul.h"

#define PANEL 8 /* rows */
#define PAIRS (PANEL / 2)
#define CHUNK 512
#define MANY_FROM 8 /* tokens */

/* How a type is met; known when compiled. */
struct way {
    wf_neon_load_fn load;
    bool has_min;
    size_t step;  /* values of weights that share a scale */
    size_t group; /* of activations */
};

/* Two rows' numbers in the lanes of their products: the first row's twice, the second's twice. */
struct panel {
    int8_t w[CHUNK / 8][PAIRS][2][8];
    float scale[CHUNK / 16][PAIRS][4], min[CHUNK / 16][PAIRS][4];
};

/* ---- prepared tokens ---- */

static size_t group_of(const struct wf_dtype *t)
{
    return t->block == 256 ? 256 : 32;
}

static bool is_many(const struct wf_dtype *t, enum wf_act act, size_t n_tok)
{
    return act != WF_ACT_F32 && t->block > 1 && n_tok >= MANY_FROM;
}

/* Two tokens, side by side: scales, the sums of every 16 values (scale and all), values by eights.
 */
static size_t pair_bytes(const struct wf_dtype *t, size_t n_in)
{
    return 2 * ((n_in / group_of(t) + n_in / 16) * sizeof(float) + n_in);
}

static size_t act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    if (!is_many(t, act, n_tok))
        return wf_neon__act_bytes(t, act, n_in, n_tok);
    return (n_tok + 1) / 2 * pair_bytes(t, n_in);
}

static void act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    char *pair = (char *)out + i_tok / 2 * pair_bytes(t, n_in);
    size_t group = group_of(t), of = i_tok % 2;
    float *scales = (float *)(void *)pair, *sums = scales + 2 * (n_in / group);
    int8_t *q = (int8_t *)(sums + 2 * (n_in / 16)), values[256];

    if (!is_many(t, act, n_tok)) {
        wf_neon__act_prepare(t, act, x, n_in, n_tok, i_tok, out);
        return;
    }
    if (of == 0 && i_tok + 1 == n_tok)
        memset(pair, 0, pair_bytes(t, n_in)); /* its neighbour is nobody */
    for (size_t i = 0; i < n_in; i += group) {
        float sum[16];
        scales[i / group * 2 + of] = wf_neon__quantise(x + i, group, values, sum);
        for (size_t j = 0; j < group / 16; j++)
            sums[(i / 16 + j) * 2 + of] = sum[j];
        for (size_t j = 0; j < group; j += 8)
            memcpy(q + ((i + j) / 8 * 2 + of) * 8, values + j, 8);
    }
}

/* ---- panels ---- */

/* Group i of a row, the chunk's group `at`, as row r of the panel. */
static WF_INLINE void unpack_group(struct way y, const uint8_t *row, size_t i, size_t at, size_t r,
                                   struct panel *out)
{
    size_t pair = r / 2, of = r % 2, n_steps = 32 / y.step;
    struct wf_neon_group g = {.min = {0, 0}};

    y.load(row, i, &g);
    for (size_t h = 0; h < 2; h++) {
        vst1_s8(out->w[4 * at + 2 * h][pair][of], vget_low_s8(g.w[h]));
        vst1_s8(out->w[4 * at + 2 * h + 1][pair][of], vget_high_s8(g.w[h]));
    }
    for (size_t s = 0; s < n_steps; s++) {
        vst1_f32(out->scale[at * n_steps + s][pair] + 2 * of, vdup_n_f32(g.scale[s]));
        vst1_f32(out->min[at * n_steps + s][pair] + 2 * of, vdup_n_f32(g.min[s]));
    }
}

/* Values [from, from + n) of the rows from `row` on; the last one stands for those that are not
 * there. */
static WF_INLINE void unpack(struct way y, const struct wf_neon_rows *a, size_t row, size_t from,
                             size_t n, struct panel *out)
{
    for (size_t r = 0; r < PANEL; r++) {
        size_t at = row + r < a->n_rows ? row + r : a->n_rows - 1;
        for (size_t i = 0; i < n / 32; i++)
            unpack_group(y, a->w + at * a->row_bytes, from / 32 + i, i, r, out);
    }
}

/* ---- products ---- */

/* Two numbers of two tokens, in the lanes of their products with two rows. */
static WF_INLINE float32x4_t of_tokens(const float *p)
{
    float32x2_t v = vld1_f32(p);

    return vcombine_f32(v, v);
}

/* sum = a step of n pairs of tokens, which lie x_bytes apart. */
static WF_INLINE void multiply_step(struct way y, size_t n, const struct panel *p, size_t step,
                                    const int8_t *q, size_t x_bytes, int32x4_t sum[][PAIRS])
{
    for (size_t t = 0; t < n; t++) {
        for (size_t r = 0; r < PAIRS; r++)
            sum[t][r] = vdupq_n_s32(0);
    }
    for (size_t i = step * (y.step / 8); i < (step + 1) * (y.step / 8); i++) {
        for (size_t t = 0; t < n; t++) {
            int8x16_t x = vld1q_s8(q + t * x_bytes + 16 * i);
            for (size_t r = 0; r < PAIRS; r++)
                sum[t][r] = vmmlaq_s32(sum[t][r], vld1q_s8(p->w[i][r][0]), x);
        }
    }
}

/* What all tiles of a chunk meet. */
struct sweep {
    const struct wf_neon_rows *a;
    size_t row, from, n, n_tok;
};

/* A pair of tokens' sums to their places, or onto what is there. */
static void store(const struct sweep *s, size_t i_tok, const float32x4_t acc[PAIRS])
{
    for (size_t r = 0; r < PANEL && s->row + r < s->a->n_rows; r++) {
        float v[4];
        vst1q_f32(v, acc[r / 2]);
        for (size_t t = 0; t < 2 && i_tok + t < s->n_tok; t++) {
            float *to = s->a->out + (i_tok + t) * s->a->ld + s->row + r;
            *to = s->from > 0 ? *to + v[2 * (r % 2) + t] : v[2 * (r % 2) + t];
        }
    }
}

/* n (1 or 2, known when compiled) pairs of tokens from i_tok on with a panel. */
static WF_INLINE void tile(struct way y, size_t n, const struct panel *p, const struct sweep *s,
                           size_t i_tok)
{
    size_t x_bytes = s->a->x_bytes, ld = x_bytes / sizeof(float), n_in = s->a->n_in;
    const float *scales = (const float *)(const void *)(s->a->x + i_tok / 2 * x_bytes);
    const float *sums = scales + 2 * (n_in / y.group);
    const int8_t *q = (const int8_t *)(sums + 2 * (n_in / 16)) + 2 * s->from;
    float32x4_t acc[2][PAIRS], block[2][PAIRS];

    for (size_t t = 0; t < n; t++) {
        for (size_t r = 0; r < PAIRS; r++)
            acc[t][r] = vdupq_n_f32(0.0f);
    }
    for (size_t from = 0; from < s->n; from += y.group) {
        for (size_t t = 0; t < n; t++) {
            for (size_t r = 0; r < PAIRS; r++)
                block[t][r] = vdupq_n_f32(0.0f);
        }
        for (size_t step = from / y.step; step < (from + y.group) / y.step; step++) {
            int32x4_t sum[2][PAIRS];
            multiply_step(y, n, p, step, q, x_bytes, sum);
            for (size_t t = 0; t < n; t++) {
                const float *of = sums + t * ld + (s->from / 16 + step * (y.step / 16)) * 2;
                float32x4_t low = of_tokens(of);
                if (y.step == 32)
                    low = vaddq_f32(low, of_tokens(of + 2));
                for (size_t r = 0; r < PAIRS; r++) {
                    block[t][r] = vfmaq_f32(block[t][r], vcvtq_f32_s32(sum[t][r]),
                                            vld1q_f32(p->scale[step][r]));
                    if (y.has_min)
                        acc[t][r] = vfmaq_f32(acc[t][r], low, vld1q_f32(p->min[step][r]));
                }
            }
        }
        for (size_t t = 0; t < n; t++) {
            float32x4_t by = of_tokens(scales + t * ld + (s->from + from) / y.group * 2);
            for (size_t r = 0; r < PAIRS; r++)
                acc[t][r] = vfmaq_f32(acc[t][r], block[t][r], by);
        }
    }
    for (size_t t = 0; t < n; t++)
        store(s, i_tok + 2 * t, acc[t]);
}

/* All tokens with all rows. */
static WF_INLINE void multiply_all(struct way y, const struct wf_neon_rows *a, size_t n_tok)
{
    struct panel p;

    for (size_t from = 0; from < a->n_in; from += CHUNK) {
        for (size_t row = 0; row < a->n_rows; row += PANEL) {
            struct sweep s = {a, row, from, a->n_in - from < CHUNK ? a->n_in - from : CHUNK, n_tok};
            size_t t = 0;
            unpack(y, a, row, from, s.n, &p);
            for (; t + 2 < n_tok; t += 4)
                tile(y, 2, &p, &s, t);
            if (t < n_tok)
                tile(y, 1, &p, &s, t);
        }
    }
}

#define MULTIPLY(name, has_min, by_half, group)                                                    \
    static void multiply_##name(const struct wf_neon_rows *a, size_t n_tok)                        \
    {                                                                                              \
        struct way y = {wf_neon__load_##name, has_min, by_half ? 16 : 32, group};                  \
        multiply_all(y, a, n_tok);                                                                 \
    }
WF_NEON_TYPES(MULTIPLY)
#undef MULTIPLY

static void multiply_many(const struct wf_dtype *t, const struct wf_neon_rows *a, size_t n_tok)
{
    static void (*const all[])(const struct wf_neon_rows *a, size_t n_tok) = {
#define ROW(name, has_min, by_half, group) [WF_DTYPE_##name] = multiply_##name,
        WF_NEON_TYPES(ROW)
#undef ROW
    };

    all[t->id](a, n_tok);
}

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    struct wf_neon_rows a = {.w = w,
                             .row_bytes = wf_dtype_bytes(t, n_in),
                             .n_rows = n_rows,
                             .n_in = n_in,
                             .x = prepared,
                             .x_bytes = pair_bytes(t, n_in),
                             .out = out,
                             .ld = ld};

    if (is_many(t, act, n_tok))
        multiply_many(t, &a, n_tok);
    else
        wf_neon__matmul(wf_neon__multiply, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

const struct wf_kern wf_kern_neon_i8mm =
    WF_NEON_TABLE("neon_i8mm", MANY_FROM, act_bytes, act_prepare, matmul);
#endif
