/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for aarch64 with dot products of bytes (Armv8.2 and later: phones since 2018): as
 * kern_neon.c, with neon_matmul.h compiled for them, but for products with many tokens
 * (neon_many.h).
 *
 * Lanes are rows: one instruction multiplies four values of four rows with four of a token, which
 * are one lane of its register. So nothing is summed across lanes, and a token's 16 values are
 * loaded once for all rows. */
#ifdef __aarch64__
#define WF_NEON_TOKENS 1
#define WF_NEON_COLUMNS 4
#include "kern/neon_many.h"

#define QUADS WF_NEON_REGS

/* ---- rows and tokens in registers (see neon_many.h) ---- */

/* Four values of four rows, from value 4 * i of the panel on. */
static WF_INLINE size_t place(size_t i, size_t quad)
{
    return (i * QUADS + quad) * 16;
}

/* Four rows' 16 values as four registers of four values each. */
static WF_INLINE void turn(const struct wf_neon_group g[4], size_t h, int32x4_t out[4])
{
    int32x4_t r0 = vreinterpretq_s32_s8(g[0].w[h]), r1 = vreinterpretq_s32_s8(g[1].w[h]);
    int32x4_t r2 = vreinterpretq_s32_s8(g[2].w[h]), r3 = vreinterpretq_s32_s8(g[3].w[h]);
    int64x2_t a = vreinterpretq_s64_s32(vtrn1q_s32(r0, r1)); /* 0, 2 */
    int64x2_t b = vreinterpretq_s64_s32(vtrn2q_s32(r0, r1)); /* 1, 3 */
    int64x2_t c = vreinterpretq_s64_s32(vtrn1q_s32(r2, r3));
    int64x2_t d = vreinterpretq_s64_s32(vtrn2q_s32(r2, r3));

    out[0] = vreinterpretq_s32_s64(vtrn1q_s64(a, c));
    out[1] = vreinterpretq_s32_s64(vtrn1q_s64(b, d));
    out[2] = vreinterpretq_s32_s64(vtrn2q_s64(a, c));
    out[3] = vreinterpretq_s32_s64(vtrn2q_s64(b, d));
}

static WF_INLINE void put_rows(size_t step, const struct wf_neon_group g[4], size_t at, size_t half,
                               struct wf_neon_panel *out)
{
    size_t n_steps = 32 / step;

    for (size_t h = 0; h < 2; h++) {
        int32x4_t v[4];
        turn(g, h, v);
        for (size_t i = 0; i < 4; i++)
            vst1q_s8(out->w + place(8 * at + 4 * h + i, half), vreinterpretq_s8_s32(v[i]));
    }
    for (size_t r = 0; r < 4; r++) {
        for (size_t s = 0; s < n_steps; s++) {
            out->scale[at * n_steps + s][half][r] = g[r].scale[s];
            out->min[at * n_steps + s][half][r] = g[r].min[s];
        }
    }
}

static WF_INLINE float32x4_t of_tokens(const float *p)
{
    return vdupq_n_f32(*p);
}

static WF_INLINE void multiply(size_t n, const struct wf_neon_panel *p, size_t from,
                               size_t n_values, const int8_t *q, size_t x_bytes,
                               int32x4_t sum[][QUADS])
{
    for (size_t t = 0; t < n; t++) {
        for (size_t r = 0; r < QUADS; r++)
            sum[t][r] = vdupq_n_s32(0);
    }
    for (size_t i = from / 16; i < (from + n_values) / 16; i++) {
        int8x16_t x[WF_NEON_COLUMNS];
        for (size_t t = 0; t < n; t++)
            x[t] = vld1q_s8(q + t * x_bytes + 16 * i);
#define LANE(k)                                                                                    \
    for (size_t r = 0; r < QUADS; r++) {                                                           \
        int8x16_t w = vld1q_s8(p->w + place(4 * i + (k), r));                                      \
        for (size_t t = 0; t < n; t++)                                                             \
            sum[t][r] = vdotq_laneq_s32(sum[t][r], w, x[t], (k));                                  \
    }
        LANE(0)
        LANE(1)
        LANE(2)
        LANE(3)
#undef LANE
    }
}

static void store(const struct wf_neon_sweep *s, size_t i_tok, const float32x4_t acc[QUADS])
{
    float *to = s->a->out + i_tok * s->a->ld + s->row, v[WF_NEON_PANEL];

    for (size_t r = 0; r < QUADS; r++)
        vst1q_f32(v + 4 * r, acc[r]);
    for (size_t r = 0; r < WF_NEON_PANEL && s->row + r < s->a->n_rows; r++)
        to[r] = s->from > 0 ? to[r] + v[r] : v[r];
}

/* ---- types ---- */

#define MULTIPLY(name, with_min, by_half, its_group)                                               \
    static void multiply_##name(const struct wf_neon_rows *a, size_t n_tok)                        \
    {                                                                                              \
        wf_neon_many_all((struct wf_neon_way){.load = wf_neon__load_##name,                        \
                                              .has_min = (with_min),                               \
                                              .step = (by_half) ? 16 : 32,                         \
                                              .group = (its_group),                                \
                                              .put_rows = put_rows,                                \
                                              .of_tokens = of_tokens,                              \
                                              .multiply = multiply,                                \
                                              .store = store},                                     \
                         a, n_tok);                                                                \
    }
WF_NEON_TYPES(MULTIPLY)
#undef MULTIPLY

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    static const wf_neon_many_fn all[] = {
#define ROW(name, has_min, by_half, group) [WF_DTYPE_##name] = multiply_##name,
        WF_NEON_TYPES(ROW)
#undef ROW
    };

    wf_neon_many_matmul(all, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

const struct wf_kern wf_kern_neon_dot =
    WF_NEON_TABLE("neon_dot", WF_NEON_MANY_FROM, wf_neon__act_bytes, wf_neon__act_prepare, matmul);
#endif
