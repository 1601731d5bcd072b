/* Products of quantised weights with many tokens for aarch64, as static functions: what
 * kern_neon_dot.c and kern_neon_i8mm.c have in common. WF_NEON_PANEL rows are unpacked at once,
 * WF_NEON_CHUNK values long, with scales and minima in the lanes that their products come out in,
 * and stay in the nearest cache while all tokens go by in columns.
 *
 * Before it is included: WF_NEON_TOKENS of a column, WF_NEON_COLUMNS that are met at once. Threads:
 * any. */
#ifndef WF_KERN_NEON_MANY_H
#define WF_KERN_NEON_MANY_H

#include <stdbool.h>
#include <string.h>

#include "kern/neon_internal.h"
#include "kern/neon_matmul.h"

#define WF_NEON_PANEL 8 /* rows */
/* Registers that hold what a column has with a panel. */
#define WF_NEON_REGS (WF_NEON_PANEL * WF_NEON_TOKENS / 4)
#define WF_NEON_CHUNK 512
#define WF_NEON_MANY_FROM 8 /* tokens */

struct wf_neon_panel {
    int8_t w[WF_NEON_CHUNK * WF_NEON_PANEL];
    float scale[WF_NEON_CHUNK / 16][WF_NEON_REGS][4], min[WF_NEON_CHUNK / 16][WF_NEON_REGS][4];
};

/* What all tiles of a chunk meet. */
struct wf_neon_sweep {
    const struct wf_neon_rows *a;
    size_t row, from, n, n_tok;
};

/* How a type is met, and how rows and tokens lie in a register; known when compiled. */
struct wf_neon_way {
    wf_neon_load_fn load;
    bool has_min;
    size_t step;  /* values of weights that share a scale */
    size_t group; /* of activations */
    /* The chunk's group `at` of four rows, the panel's first four or its last. */
    void (*put_rows)(size_t step, const struct wf_neon_group g[4], size_t at, size_t half,
                     struct wf_neon_panel *out);
    /* A number of each token of a column, in the lanes of their products. */
    float32x4_t (*of_tokens)(const float *p);
    /* sum = values [from, from + n_values) of n columns, which lie x_bytes apart. */
    void (*multiply)(size_t n, const struct wf_neon_panel *p, size_t from, size_t n_values,
                     const int8_t *q, size_t x_bytes, int32x4_t sum[][WF_NEON_REGS]);
    /* A column's sums to their places, or onto what is there. */
    void (*store)(const struct wf_neon_sweep *s, size_t i_tok, const float32x4_t acc[WF_NEON_REGS]);
};

/* Values of activations that share a scale. */
static size_t wf_neon_many_group(const struct wf_dtype *t)
{
    return t->block == 256 ? 256 : 32;
}

/* Whether products are made by panels. */
static bool wf_neon_is_many(const struct wf_dtype *t, enum wf_act act, size_t n_tok)
{
    return act != WF_ACT_F32 && t->block > 1 && n_tok >= WF_NEON_MANY_FROM;
}

/* A column of tokens: scales, the sums of every 16 values (scale and all), values. */
static size_t wf_neon_column_bytes(const struct wf_dtype *t, size_t n_in)
{
    return WF_NEON_TOKENS * ((n_in / wf_neon_many_group(t) + n_in / 16) * sizeof(float) + n_in);
}

/* Values [from, from + n) of the rows from `row` on; the last one stands for those that are not
 * there. */
static WF_INLINE void wf_neon_unpack(struct wf_neon_way y, const struct wf_neon_sweep *s,
                                     struct wf_neon_panel *out)
{
    const struct wf_neon_rows *a = s->a;

    for (size_t half = 0; half < WF_NEON_PANEL / 4; half++) {
        for (size_t i = 0; i < s->n / 32; i++) {
            struct wf_neon_group g[4];
            for (size_t r = 0; r < 4; r++) {
                size_t at = s->row + 4 * half + r;
                at = at < a->n_rows ? at : a->n_rows - 1;
                g[r].min[0] = g[r].min[1] = 0.0f;
                y.load(a->w + at * a->row_bytes, s->from / 32 + i, &g[r]);
            }
            y.put_rows(y.step, g, i, half, out);
        }
    }
}

/* n (known when compiled) columns from token i_tok on with a panel. */
static WF_INLINE void wf_neon_many_tile(struct wf_neon_way y, size_t n,
                                        const struct wf_neon_panel *p,
                                        const struct wf_neon_sweep *s, size_t i_tok)
{
    size_t x_bytes = s->a->x_bytes, ld = x_bytes / sizeof(float), n_in = s->a->n_in;
    const float *scales = (const float *)(const void *)(s->a->x + i_tok / WF_NEON_TOKENS * x_bytes);
    const float *sums = scales + WF_NEON_TOKENS * (n_in / y.group);
    const int8_t *q = (const int8_t *)(sums + WF_NEON_TOKENS * (n_in / 16));
    float32x4_t acc[WF_NEON_COLUMNS][WF_NEON_REGS], block[WF_NEON_COLUMNS][WF_NEON_REGS];

    q += WF_NEON_TOKENS * s->from;
    for (size_t t = 0; t < n; t++) {
        for (size_t r = 0; r < WF_NEON_REGS; r++)
            acc[t][r] = vdupq_n_f32(0.0f);
    }
    for (size_t from = 0; from < s->n; from += y.group) {
        for (size_t t = 0; t < n; t++) {
            for (size_t r = 0; r < WF_NEON_REGS; r++)
                block[t][r] = vdupq_n_f32(0.0f);
        }
        for (size_t step = from / y.step; step < (from + y.group) / y.step; step++) {
            int32x4_t sum[WF_NEON_COLUMNS][WF_NEON_REGS];
            y.multiply(n, p, step * y.step, y.step, q, x_bytes, sum);
            for (size_t t = 0; t < n; t++) {
                const float *of =
                    sums + t * ld + (s->from / 16 + step * (y.step / 16)) * WF_NEON_TOKENS;
                float32x4_t low = y.of_tokens(of);
                if (y.step == 32)
                    low = vaddq_f32(low, y.of_tokens(of + WF_NEON_TOKENS));
                for (size_t r = 0; r < WF_NEON_REGS; r++) {
                    block[t][r] = vfmaq_f32(block[t][r], vcvtq_f32_s32(sum[t][r]),
                                            vld1q_f32(p->scale[step][r]));
                    if (y.has_min)
                        acc[t][r] = vfmaq_f32(acc[t][r], low, vld1q_f32(p->min[step][r]));
                }
            }
        }
        for (size_t t = 0; t < n; t++) {
            float32x4_t by =
                y.of_tokens(scales + t * ld + (s->from + from) / y.group * WF_NEON_TOKENS);
            for (size_t r = 0; r < WF_NEON_REGS; r++)
                acc[t][r] = vfmaq_f32(acc[t][r], block[t][r], by);
        }
    }
    for (size_t t = 0; t < n; t++)
        y.store(s, i_tok + WF_NEON_TOKENS * t, acc[t]);
}

/* All tokens with all rows. */
static WF_INLINE void wf_neon_many_all(struct wf_neon_way y, const struct wf_neon_rows *a,
                                       size_t n_tok)
{
    struct wf_neon_panel p;

    for (size_t from = 0; from < a->n_in; from += WF_NEON_CHUNK) {
        for (size_t row = 0; row < a->n_rows; row += WF_NEON_PANEL) {
            size_t left = a->n_in - from;
            struct wf_neon_sweep s = {a, row, from, left < WF_NEON_CHUNK ? left : WF_NEON_CHUNK,
                                      n_tok};
            size_t t = 0;
            wf_neon_unpack(y, &s, &p);
            for (; t + (WF_NEON_COLUMNS - 1) * WF_NEON_TOKENS < n_tok;
                 t += WF_NEON_COLUMNS * WF_NEON_TOKENS)
                wf_neon_many_tile(y, WF_NEON_COLUMNS, &p, &s, t);
            for (; t < n_tok; t += WF_NEON_TOKENS)
                wf_neon_many_tile(y, 1, &p, &s, t);
        }
    }
}

/* All tokens with all rows of a type. */
typedef void (*wf_neon_many_fn)(const struct wf_neon_rows *a, size_t n_tok);

/* A table's matmul, with `all` the types' products by panels. */
static WF_INLINE void wf_neon_many_matmul(const wf_neon_many_fn *all, const struct wf_dtype *t,
                                          enum wf_act act, const void *w, size_t n_rows,
                                          size_t n_in, const void *prepared, size_t n_tok,
                                          float *out, size_t ld)
{
    struct wf_neon_rows a = {.w = w,
                             .row_bytes = wf_dtype_bytes(t, n_in),
                             .n_rows = n_rows,
                             .n_in = n_in,
                             .x = prepared,
                             .x_bytes = wf_neon_column_bytes(t, n_in),
                             .out = out,
                             .ld = ld};

    if (wf_neon_is_many(t, act, n_tok))
        all[t->id](&a, n_tok);
    else
        wf_neon__matmul(wf_neon__multiply, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

#endif
