/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for x86-64 with AVX-512 (F, BW, DQ, VL) and VNNI.
 *
 * Few tokens (WF_AVX512_LANES_FROM - 1 at most): kern_avx512_few.c.
 *
 * More: a register's 16 lanes are 16 tokens, prepared side by side as unsigned bytes (value + 128),
 * four values of a token in each lane. ROWS rows of weights are unpacked to signed bytes once for a
 * block of tokens; four of a row's bytes at a time are multiplied with every lane. What the 128
 * added is taken off where the sum begins, as -128 times the sum of the step's weights. A step is
 * what shares a scale: 32 values, or 16. Nothing is summed across lanes, and a token's products
 * come out as the next lane's. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_quantise.h"
#include "kern/half.h"
#include "kern/kern.h"
#include "kern/x86_group.h"

#define LANES 16
#define ROWS 4
#define PIECE 4096 /* values of a row that are unpacked at once; whole blocks of every type */
#define L2_BYTES (384u << 10) /* of prepared tokens that are gone through for every ROWS rows */
#define CHUNK 1024            /* floats that a row is unpacked in */

/* ---- prepared rows ---- */

static bool is_float(const struct wf_dtype *t)
{
    return t->block == 1;
}

static size_t group_of(const struct wf_dtype *t)
{
    return t->block == 256 ? 256 : 32;
}

static bool by_lanes(const struct wf_dtype *t, enum wf_act act, size_t n_tok)
{
    return act != WF_ACT_F32 && !is_float(t) && n_tok >= WF_AVX512_LANES_FROM;
}

/* Of one prepared row of n_tok; LANES of them side by side take as much as one behind the other. */
static size_t act_row(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    if (act == WF_ACT_F32 || is_float(t))
        return n_in * sizeof(float);
    if (!by_lanes(t, act, n_tok))
        return wf_avx512__few_row(t, n_in);
    return (n_in / group_of(t) + n_in / 16) * sizeof(float) + n_in;
}

static size_t act_bytes(const struct wf_dtype *t, enum wf_act act, size_t n_in, size_t n_tok)
{
    size_t row = act_row(t, act, n_in, n_tok);

    if (by_lanes(t, act, n_tok))
        n_tok = (n_tok + LANES - 1) / LANES * LANES;
    return n_tok * row;
}

static WF_INLINE int32_t sum_16(__m128i q)
{
    __m128i s = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), q);

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* A row as one lane of LANES side by side, its values as unsigned bytes. */
static void prepare_lane(const float *x, size_t n_in, size_t group, size_t lane, float *rows)
{
    float *scales = rows, *sums = scales + n_in / group * LANES, inverse;
    uint8_t *q = (uint8_t *)(sums + n_in / 16 * LANES) + 4 * lane;
    uint32_t four[4];

    for (size_t i = 0; i < n_in; i += group) {
        float scale = wf_avx512_scale_of(x + i, group, &inverse);
        scales[i / group * LANES + lane] = scale;
        for (size_t j = i; j < i + group; j += 16) {
            __m128i v = wf_avx512_quantise_16(x + j, inverse);
            sums[j / 16 * LANES + lane] = scale * (float)sum_16(v);
            v = _mm_xor_si128(v, _mm_set1_epi8(-128));
            _mm_storeu_si128((__m128i *)(void *)four, v);
            for (size_t k = 0; k < 4; k++)
                memcpy(q + (j + 4 * k) * LANES, &four[k], sizeof(four[k]));
        }
    }
}

static void act_prepare(const struct wf_dtype *t, enum wf_act act, const float *x, size_t n_in,
                        size_t n_tok, size_t i_tok, void *out)
{
    size_t bytes = act_row(t, act, n_in, n_tok);
    char *to = out;

    if (act == WF_ACT_F32 || is_float(t))
        memcpy(to + i_tok * bytes, x, bytes);
    else if (by_lanes(t, act, n_tok))
        prepare_lane(x, n_in, group_of(t), i_tok % LANES,
                     (float *)(void *)(to + i_tok / LANES * LANES * bytes));
    else
        wf_avx512__few_prepare(t, x, n_in, to + i_tok * bytes);
}

/* ---- many tokens ---- */

/* ROWS rows, unpacked: bytes, and for every step a scale, a minimum, and -128 times its sum. */
struct unpacked {
    int8_t w[ROWS][PIECE];
    float scale[ROWS][PIECE / 16];
    float min[ROWS][PIECE / 16];
    int32_t start[ROWS][PIECE / 16];
};

/* n values from group i on. A step of 16 has two scales a group. */
static WF_INLINE void unpack_row(wf_x86_load_fn load, bool has_min, size_t step, const uint8_t *row,
                                 size_t i, size_t n, size_t r, struct unpacked *out)
{
    for (size_t j = 0; j < n / 32; j++) {
        struct wf_x86_group g = {0};
        load(row, i + j, &g);
        __m256i fours = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), g.w);
        __m128i sums =
            _mm_hadd_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
        sums = _mm_slli_epi32(_mm_hadd_epi32(sums, sums), 7); /* of both halves */
        int32_t first = -_mm_cvtsi128_si32(sums), second = -_mm_extract_epi32(sums, 1);
        _mm256_storeu_si256((__m256i *)(void *)(out->w[r] + 32 * j), g.w);
        if (step == 32) {
            out->scale[r][j] = _mm256_cvtss_f32(g.scale);
            out->start[r][j] = first + second;
            if (has_min)
                out->min[r][j] = g.min[0];
            continue;
        }
        out->scale[r][2 * j] = _mm256_cvtss_f32(g.scale);
        out->scale[r][2 * j + 1] = _mm_cvtss_f32(_mm256_extractf128_ps(g.scale, 1));
        out->start[r][2 * j] = first;
        out->start[r][2 * j + 1] = second;
        if (has_min)
            memcpy(&out->min[r][2 * j], g.min, sizeof(g.min));
    }
}

/* LANES prepared tokens. */
struct lanes {
    const float *scales, *sums; /* [steps of a scale, of 16 values][LANES] */
    const uint8_t *q;           /* [n_in / 4][LANES][4] */
};

static struct lanes lanes_at(const struct wf_avx512_rows *a, size_t i)
{
    const float *p = (const float *)(const void *)(a->x + i * LANES * a->x_bytes);
    struct lanes l = {.scales = p, .sums = p + a->n_in / a->group * LANES};

    l.q = (const uint8_t *)(l.sums + a->n_in / 16 * LANES);
    return l;
}

static WF_INLINE int32_t load_four(const int8_t *p)
{
    int32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* One step of ROWS rows with T times LANES tokens: acc += scale * x's scale * products. */
static WF_INLINE void add_step(bool has_min, size_t step, size_t T, const struct unpacked *u,
                               size_t s, const struct lanes *x, size_t at, size_t group,
                               __m512 acc[ROWS][2])
{
    __m512i sum[ROWS][2];

    for (size_t r = 0; r < ROWS; r++)
        for (size_t t = 0; t < T; t++)
            sum[r][t] = _mm512_set1_epi32(u->start[r][s]);
    for (size_t k = 0; k < step; k += 4) {
        for (size_t t = 0; t < T; t++) {
            __m512i v = _mm512_loadu_si512(x[t].q + (at + k) * LANES);
            for (size_t r = 0; r < ROWS; r++)
                sum[r][t] = _mm512_dpbusd_epi32(
                    sum[r][t], v, _mm512_set1_epi32(load_four(u->w[r] + s * step + k)));
        }
    }
    for (size_t t = 0; t < T; t++) {
        __m512 by = _mm512_loadu_ps(x[t].scales + at / group * LANES);
        for (size_t r = 0; r < ROWS; r++)
            acc[r][t] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][t]),
                                _mm512_mul_ps(by, _mm512_set1_ps(u->scale[r][s])), acc[r][t]);
        if (!has_min)
            continue;
        by = _mm512_loadu_ps(x[t].sums + at / 16 * LANES);
        if (step == 32)
            by = _mm512_add_ps(by, _mm512_loadu_ps(x[t].sums + (at / 16 + 1) * LANES));
        for (size_t r = 0; r < ROWS; r++)
            acc[r][t] = _mm512_fmadd_ps(by, _mm512_set1_ps(u->min[r][s]), acc[r][t]);
    }
}

/* acc [ROWS] with a token a lane -> out[token * ld + row]. */
static void store_lanes(const __m512 acc[ROWS][2], size_t t, size_t n_rows, size_t n_tok, bool add,
                        float *out, size_t ld)
{
    __m512 a = _mm512_unpacklo_ps(acc[0][t], acc[1][t]),
           b = _mm512_unpackhi_ps(acc[0][t], acc[1][t]);
    __m512 c = _mm512_unpacklo_ps(acc[2][t], acc[3][t]),
           d = _mm512_unpackhi_ps(acc[2][t], acc[3][t]);
    __m512d lo = _mm512_castps_pd(a), lo2 = _mm512_castps_pd(c);
    __m512d hi = _mm512_castps_pd(b), hi2 = _mm512_castps_pd(d);
    /* Each 128 bits of turned[i] are the ROWS values of token 4 * its place + i. */
    const __m512d turned_by[4] = {_mm512_unpacklo_pd(lo, lo2), _mm512_unpackhi_pd(lo, lo2),
                                  _mm512_unpacklo_pd(hi, hi2), _mm512_unpackhi_pd(hi, hi2)};
    double turned[4][8];

    if (n_rows == ROWS && n_tok == LANES && !add) {
        for (size_t i = 0; i < 4; i++, out += ld) {
            __m512 four = _mm512_castpd_ps(turned_by[i]);
            _mm_storeu_ps(out, _mm512_castps512_ps128(four));
            _mm_storeu_ps(out + 4 * ld, _mm512_extractf32x4_ps(four, 1));
            _mm_storeu_ps(out + 8 * ld, _mm512_extractf32x4_ps(four, 2));
            _mm_storeu_ps(out + 12 * ld, _mm512_extractf32x4_ps(four, 3));
        }
        return;
    }
    for (size_t i = 0; i < 4; i++)
        _mm512_storeu_pd(turned[i], turned_by[i]);
    for (size_t i = 0; i < n_tok; i++) {
        const float *four = (const float *)(const void *)(turned[i % 4] + 2 * (i / 4));
        float *to = out + i * ld;
        for (size_t r = 0; r < n_rows; r++)
            to[r] = add ? to[r] + four[r] : four[r];
    }
}

/* What was unpacked of some rows with T times LANES tokens from i_tok on. */
static WF_INLINE void multiply_lanes(bool has_min, size_t step, size_t T, const struct unpacked *u,
                                     const struct wf_avx512_rows *a, size_t from, size_t n,
                                     size_t row, size_t i_tok, size_t n_tok)
{
    size_t n_rows = a->n_rows - row < ROWS ? a->n_rows - row : ROWS;
    struct lanes x[2] = {lanes_at(a, i_tok / LANES), {0}};
    __m512 acc[ROWS][2];

    if (T == 2)
        x[1] = lanes_at(a, i_tok / LANES + 1);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t t = 0; t < T; t++)
            acc[r][t] = _mm512_setzero_ps();
    for (size_t s = 0; s < n / step; s++)
        add_step(has_min, step, T, u, s, x, from + s * step, a->group, acc);
    for (size_t t = 0; t < T; t++) {
        size_t first = i_tok + t * LANES, m = n_tok - first < LANES ? n_tok - first : LANES;
        store_lanes(acc, t, n_rows, m, from > 0, a->out + first * a->ld + row, a->ld);
    }
}

/* All tokens with all rows: for as many tokens as stay in the cache, ROWS rows at a time. */
static WF_INLINE void multiply_many(wf_x86_load_fn load, bool has_min, size_t step,
                                    const struct wf_avx512_rows *a, size_t n_tok)
{
    size_t most = L2_BYTES / (a->n_in < PIECE ? a->n_in : PIECE) / (2 * LANES) * (2 * LANES);
    struct unpacked u;

    most = most > 2 * LANES ? most : 2 * LANES;
    for (size_t i = 0; i < n_tok; i += most) {
        size_t end = n_tok - i < most ? n_tok : i + most;
        for (size_t from = 0; from < a->n_in; from += PIECE) {
            size_t n = a->n_in - from < PIECE ? a->n_in - from : PIECE;
            for (size_t row = 0; row < a->n_rows; row += ROWS) {
                for (size_t r = 0; r < ROWS; r++) {
                    size_t at = row + r < a->n_rows ? row + r : a->n_rows - 1;
                    unpack_row(load, has_min, step, a->w + at * a->row_bytes, from / 32, n, r, &u);
                }
                for (size_t t = i; t < end; t += 2 * LANES) {
                    if (end - t > LANES)
                        multiply_lanes(has_min, step, 2, &u, a, from, n, row, t, n_tok);
                    else
                        multiply_lanes(has_min, step, 1, &u, a, from, n, row, t, n_tok);
                }
            }
        }
    }
}

#define MULTIPLY(name, has_min, group, step)                                                       \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        (void)(group);                                                                             \
        multiply_many(wf_x86__load_##name, has_min, step, a, n_tok);                               \
    }
WF_AVX512_TYPES(MULTIPLY)
#undef MULTIPLY

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

static const float *as_floats(const struct wf_dtype *t, const uint8_t *src, float *w, size_t n)
{
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
            w[r] = as_floats(t, a->w + (row + r) * a->row_bytes + wf_dtype_bytes(t, i), unpacked[r],
                             n);
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
                               .x_bytes = act_row(t, act, n_in, n_tok),
                               .group = group_of(t),
                               .out = out,
                               .ld = ld};

    if (act == WF_ACT_F32 || is_float(t)) {
        multiply_floats(t, &a, n_tok);
        return;
    }
    if (!by_lanes(t, act, n_tok)) {
        wf_avx512__multiply_few(t, &a, n_tok);
        return;
    }
    switch ((enum wf_dtype_id)t->id) {
#define CASE(name, has_min, group, step)                                                           \
    case WF_DTYPE_##name:                                                                          \
        multiply_##name(&a, n_tok);                                                                \
        break;
        WF_AVX512_TYPES(CASE)
#undef CASE
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break; /* done above */
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
    .n_wide = WF_AVX512_LANES_FROM,
    .act_bytes = act_bytes,
    .act_prepare = act_prepare,
    .matmul = matmul,
    .axpy = wf_kern__avx2_axpy,
    .rms_norm = wf_kern__avx2_rms_norm,
    .softmax = wf_avx512__softmax,
    .exp_sum = wf_avx512__exp_sum,
    .mix = wf_avx512__mix,
    .silu_mul = wf_avx512__silu_mul,
    .dot_i8 = dot_i8,
    .attend = wf_avx512__attend,
    .to_i8 = wf_avx512__to_i8,
    .to_f16 = wf_kern__avx2_to_f16,
    .from_f16 = wf_kern__avx2_from_f16,
};
#endif
