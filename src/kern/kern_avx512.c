/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for x86-64 with AVX-512 (F, BW, DQ, VL) and VNNI: preparing activations, products of
 * floats, and the table. Quantised weights meet a few tokens in kern_avx512_few.c and many in
 * kern_avx512_many.c, which want prepared rows of their own. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/half.h"
#include "kern/kern.h"
#include "kern/packed.h"
#include "kern/x86_group.h"

#define L2_BYTES (384u << 10) /* of tokens that are gone through for every four rows */
#define CHUNK 1024            /* floats that a row is unpacked in */

/* ---- prepared rows ---- */

static bool is_float(const struct wf_dtype *t)
{
    return t->block == 1;
}

/* Whether tokens are prepared as for many: always for packed weights. */
static bool is_wide(const struct wf_dtype *t, enum wf_act act, size_t n_tok)
{
    return act != WF_ACT_F32 && (n_tok >= WF_AVX512_WIDE_FROM || wf_dtype_is_packed(t));
}

static size_t few_row(const struct wf_dtype *t, enum wf_act act, size_t n_in)
{
    return act == WF_ACT_F32 || is_float(t) ? n_in * sizeof(float) : wf_avx512__few_row(t, n_in);
}

/* For many tokens as much as for any fewer. */
static size_t act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    size_t few, many;

    if (!is_wide(t, act, n_tok))
        return n_tok * few_row(t, act, n_in);
    if (wf_dtype_is_packed(t))
        return n_tok * wf_avx512__many_row(wf_packed_from(t), n_in);
    few = (WF_AVX512_WIDE_FROM - 1) * few_row(t, act, n_in);
    many = n_tok * wf_avx512__many_row(t, n_in);
    return many > few ? many : few;
}

static void act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    char *to = out;

    if (is_wide(t, act, n_tok)) {
        t = wf_packed_from(t);
        wf_avx512__many_prepare(t, x, n_in, to + i_tok * wf_avx512__many_row(t, n_in));
    } else if (act == WF_ACT_F32 || is_float(t)) {
        memcpy(to + i_tok * few_row(t, act, n_in), x, n_in * sizeof(float));
    } else {
        wf_avx512__few_prepare(t, x, n_in, to + i_tok * wf_avx512__few_row(t, n_in));
    }
}

/* ---- rows of float ---- */

static void from_bf16(const uint8_t *x, float *y, size_t n)
{
    size_t i = 0;
    uint16_t b;

    for (; i + 16 <= n; i += 16) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + 2 * i));
        _mm512_storeu_ps(y + i,
                         _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)));
    }
    for (; i < n; i++) {
        memcpy(&b, x + 2 * i, sizeof(b));
        y[i] = wf_bf16_to_float(b);
    }
}

/* n values of a row from `from` on. */
static const float *as_floats(const struct wf_dtype *t, const struct wf_avx512_rows *a, size_t row,
                              size_t from, float *w, size_t n)
{
    const uint8_t *src = a->w + row * a->row_bytes + wf_dtype_bytes(t, from);

    if (wf_dtype_is_packed(t)) {
        wf_packed_unpack(t, a->w, a->n_in, row, from, n, w);
        return w;
    }
    if (t->id == WF_DTYPE_F32 && (uintptr_t)src % sizeof(float) == 0)
        return (const float *)(const void *)src;
    if (t->id == WF_DTYPE_F16 && (uintptr_t)src % 2 == 0)
        wf_kern__avx2_from_f16((const uint16_t *)(const void *)src, w, n);
    else if (t->id == WF_DTYPE_BF16)
        from_bf16(src, w, n);
    else
        t->unpack(src, w, n);
    return w;
}

/* Products of floats: every pair of a row and a token has one register of sums, which is added up
 * behind each chunk. However rows and tokens are taken together, the same numbers are added in the
 * same order, so that a token's results do not depend on the others. */

/* n_rows (1 to 4, known when compiled) rows of floats with n_tok (likewise) tokens x + k * x_ld;
 * sums as out[k * ld + row]. wf_avx512__multiply_4_4 does the same for 4 and 4. */
static WF_INLINE void multiply_block(const float *const *w, size_t n_rows, const float *x,
                                     size_t x_ld, size_t n_tok, size_t n, bool add, float *out,
                                     size_t ld)
{
    __m512 acc[8];

    for (size_t j = 0; j < n_rows * n_tok; j++)
        acc[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xffffu);
        __m512 rows[4];
        for (size_t r = 0; r < n_rows; r++)
            rows[r] = _mm512_maskz_loadu_ps(m, w[r] + i);
        for (size_t k = 0; k < n_tok; k++) {
            __m512 v = _mm512_maskz_loadu_ps(m, x + k * x_ld + i);
            for (size_t r = 0; r < n_rows; r++)
                acc[k * n_rows + r] = _mm512_fmadd_ps(rows[r], v, acc[k * n_rows + r]);
        }
    }
    for (size_t k = 0; k < n_tok; k++) {
        for (size_t r = 0; r < n_rows; r++) {
            float sum = _mm512_reduce_add_ps(acc[k * n_rows + r]), *to = out + k * ld + r;
            *to = add ? *to + sum : sum;
        }
    }
}

static void multiply_4_1(const float *const *w, const float *x, size_t n, bool add, float *out)
{
    multiply_block(w, 4, x, 0, 1, n, add, out, 0);
}

static void multiply_1_1(const float *const *w, const float *x, size_t n, bool add, float *out)
{
    multiply_block(w, 1, x, 0, 1, n, add, out, 0);
}

/* n_rows (1 to 4) rows from `row` on, a chunk of them unpacked at a time, with n_tok tokens. */
static void multiply_float_rows(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                                size_t row, size_t n_rows, size_t i_tok, size_t n_tok)
{
    float unpacked[4][CHUNK];
    const float *w[4];

    for (size_t i = 0; i < a->n_in; i += CHUNK) {
        size_t n = a->n_in - i < CHUNK ? a->n_in - i : CHUNK, k = 0;
        const float *x = (const float *)(const void *)a->x + i_tok * a->n_in + i;
        float *out = a->out + i_tok * a->ld + row;
        for (size_t r = 0; r < n_rows; r++)
            w[r] = as_floats(t, a, row + r, i, unpacked[r], n);
        for (; k + 4 <= n_tok && n_rows == 4; k += 4)
            wf_avx512__multiply_4_4(w, x + k * a->n_in, a->n_in, n, i > 0, out + k * a->ld, a->ld);
        for (; k < n_tok; k++) {
            if (n_rows == 4)
                multiply_4_1(w, x + k * a->n_in, n, i > 0, out + k * a->ld);
            for (size_t r = 0; r < n_rows && n_rows < 4; r++)
                multiply_1_1(w + r, x + k * a->n_in, n, i > 0, out + k * a->ld + r);
        }
    }
}

/* For as many tokens as stay in the cache, all rows. */
static void multiply_floats(const struct wf_dtype *t, const struct wf_avx512_rows *a, size_t n_tok)
{
    size_t most = L2_BYTES / sizeof(float) / a->n_in / 4 * 4;

    most = most > 4 ? most : 4;
    for (size_t i = 0; i < n_tok; i += most) {
        size_t n = n_tok - i < most ? n_tok - i : most, row = 0;
        for (; row + 4 <= a->n_rows; row += 4)
            multiply_float_rows(t, a, row, 4, i, n);
        for (; row < a->n_rows; row++)
            multiply_float_rows(t, a, row, 1, i, n);
    }
}

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    struct wf_avx512_rows a = {.w = w,
                               .row_bytes = wf_dtype_bytes(t, n_in),
                               .n_rows = n_rows,
                               .n_in = n_in,
                               .x = prepared,
                               .out = out,
                               .ld = ld};

    if (is_wide(t, act, n_tok)) {
        a.x_bytes = wf_avx512__many_row(wf_packed_from(t), n_in);
        if (wf_dtype_is_packed(t) && is_float(wf_packed_from(t)))
            wf_avx512__multiply_halves(t, &a, n_tok);
        else if (wf_dtype_is_packed(t))
            wf_avx512__multiply_packed(t, &a, n_tok);
        else
            wf_avx512__multiply_many(t, &a, n_tok);
    } else if (act == WF_ACT_F32 || is_float(t)) {
        multiply_floats(t, &a, n_tok);
    } else {
        a.x_bytes = wf_avx512__few_row(t, n_in);
        wf_avx512__multiply_few(t, &a, n_tok);
    }
}

/* Bytes of the rows are multiplied as value + 128; 128 times q's sum is taken off. */
static void dot_i8(const int8_t *q, const int8_t *rows, size_t n_rows, size_t n, int32_t *out)
{
    __m512i flip = _mm512_set1_epi8((char)0x80);
    size_t whole = n / 64 * 64;
    int32_t surplus = 0;

    for (size_t i = 0; i < whole; i++)
        surplus += 128 * q[i];
    for (size_t r = 0; r < n_rows; r++, rows += n) {
        __m512i sums = _mm512_setzero_si512();

        for (size_t i = 0; i < whole; i += 64)
            sums = _mm512_dpbusd_epi32(sums, _mm512_xor_si512(_mm512_loadu_si512(rows + i), flip),
                                       _mm512_loadu_si512(q + i));
        out[r] = _mm512_reduce_add_epi32(sums) - surplus;
        for (size_t i = whole; i < n; i++)
            out[r] += q[i] * rows[i];
    }
}

const struct wf_kern wf_kern_avx512 = {
    .name = "avx512",
    .n_wide = WF_AVX512_WIDE_FROM,
    .packed = wf_packed_of,
    .act_bytes = act_bytes,
    .act_prepare = act_prepare,
    .matmul = matmul,
    .axpy = wf_kern__avx2_axpy,
    .rms_norm = wf_kern__avx2_rms_norm,
    .softmax = wf_avx512__softmax,
    .exp_sum = wf_avx512__exp_sum,
    .mix = wf_avx512__mix,
    .silu_mul = wf_avx512__silu_mul,
    .gelu_mul = wf_avx512__gelu_mul,
    .dot_i8 = dot_i8,
    .attend = wf_avx512__attend,
    .to_i8 = wf_avx512__to_i8,
    .to_f16 = wf_kern__avx2_to_f16,
    .from_f16 = wf_kern__avx2_from_f16,
};
#endif
