/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for aarch64 with products of matrices of bytes (i8mm: Armv8.6 and later): as
 * kern_neon.c, but for products with many tokens (neon_many.h).
 *
 * One instruction multiplies eight values of two rows with eight of two tokens. A panel's rows lie
 * two side by side, eight values at a time; so do tokens, prepared by twos. */
#ifdef __aarch64__
#define WF_NEON_TOKENS 2
#define WF_NEON_COLUMNS 2
#include "kern/neon_many.h"

#define PAIRS WF_NEON_REGS

/* ---- prepared tokens ---- */

static size_t act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    if (!wf_neon_is_many(t, act, n_tok))
        return wf_neon__act_bytes(t, act, n_in, n_tok);
    return (n_tok + 1) / 2 * wf_neon_column_bytes(t, n_in);
}

static void act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    char *pair = (char *)out + i_tok / 2 * wf_neon_column_bytes(t, n_in);
    size_t group = wf_neon_many_group(t), of = i_tok % 2;
    float *scales = (float *)(void *)pair, *sums = scales + 2 * (n_in / group);
    int8_t *q = (int8_t *)(sums + 2 * (n_in / 16)), values[256];

    if (!wf_neon_is_many(t, act, n_tok)) {
        wf_neon__act_prepare(t, act, x, n_in, n_tok, i_tok, out);
        return;
    }
    if (of == 0 && i_tok + 1 == n_tok)
        memset(pair, 0, wf_neon_column_bytes(t, n_in)); /* its neighbour is nobody */
    for (size_t i = 0; i < n_in; i += group) {
        float sum[16];
        scales[i / group * 2 + of] = wf_neon__quantise(x + i, group, values, sum);
        for (size_t j = 0; j < group / 16; j++)
            sums[(i / 16 + j) * 2 + of] = sum[j];
        for (size_t j = 0; j < group; j += 8)
            memcpy(q + ((i + j) / 8 * 2 + of) * 8, values + j, 8);
    }
}

/* ---- rows and tokens in registers (see neon_many.h) ---- */

/* Eight values of two rows, from value 8 * i of the panel on. */
static WF_INLINE size_t place(size_t i, size_t pair)
{
    return (i * PAIRS + pair) * 16;
}

/* Two rows' numbers: the first row's twice, the second's twice. */
static WF_INLINE void put_rows(size_t step, const struct wf_neon_group g[4], size_t at, size_t half,
                               struct wf_neon_panel *out)
{
    size_t n_steps = 32 / step;

    for (size_t r = 0; r < 4; r++) {
        size_t pair = 2 * half + r / 2, of = r % 2;
        for (size_t h = 0; h < 2; h++) {
            int8_t *to = out->w + place(4 * at + 2 * h, pair) + 8 * of;
            vst1_s8(to, vget_low_s8(g[r].w[h]));
            vst1_s8(to + 16 * PAIRS, vget_high_s8(g[r].w[h]));
        }
        for (size_t s = 0; s < n_steps; s++) {
            vst1_f32(out->scale[at * n_steps + s][pair] + 2 * of, vdup_n_f32(g[r].scale[s]));
            vst1_f32(out->min[at * n_steps + s][pair] + 2 * of, vdup_n_f32(g[r].min[s]));
        }
    }
}

static WF_INLINE float32x4_t of_tokens(const float *p)
{
    float32x2_t v = vld1_f32(p);

    return vcombine_f32(v, v);
}

static WF_INLINE void multiply(size_t n, const struct wf_neon_panel *p, size_t from,
                               size_t n_values, const int8_t *q, size_t x_bytes,
                               int32x4_t sum[][PAIRS])
{
    for (size_t t = 0; t < n; t++) {
        for (size_t r = 0; r < PAIRS; r++)
            sum[t][r] = vdupq_n_s32(0);
    }
    for (size_t i = from / 8; i < (from + n_values) / 8; i++) {
        for (size_t t = 0; t < n; t++) {
            int8x16_t x = vld1q_s8(q + t * x_bytes + 16 * i);
            for (size_t r = 0; r < PAIRS; r++)
                sum[t][r] = vmmlaq_s32(sum[t][r], vld1q_s8(p->w + place(i, r)), x);
        }
    }
}

static void store(const struct wf_neon_sweep *s, size_t i_tok, const float32x4_t acc[PAIRS])
{
    for (size_t r = 0; r < WF_NEON_PANEL && s->row + r < s->a->n_rows; r++) {
        float v[4];
        vst1q_f32(v, acc[r / 2]);
        for (size_t t = 0; t < 2 && i_tok + t < s->n_tok; t++) {
            float *to = s->a->out + (i_tok + t) * s->a->ld + s->row + r;
            *to = s->from > 0 ? *to + v[2 * (r % 2) + t] : v[2 * (r % 2) + t];
        }
    }
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

const struct wf_kern wf_kern_neon_i8mm =
    WF_NEON_TABLE("neon_i8mm", WF_NEON_MANY_FROM, act_bytes, act_prepare, matmul);
#endif
