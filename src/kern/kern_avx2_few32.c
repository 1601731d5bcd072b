/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 products with few tokens, weights in blocks of 32 with a scale each.
 *
 * Four blocks are a unit of four registers: the first halves of blocks 0 and 1, the second halves,
 * and the same of blocks 2 and 3, so that one conversion to float serves two registers. Weights are
 * unsigned bytes, moved up by what a type's offset is, which the activations' sums take off again;
 * where they would take more than six bits they stay signed, and their magnitudes meet activations
 * with their signs. Scales of a unit are made at once. */
#ifdef __x86_64__
#include "kern/avx2_few.h"

/* Four blocks. */
struct unit {
    __m256i w[4];
    __m128 scale;
    __m128 low; /* meets the sums: minima, or for types with an offset the scales again */
};

/* Four blocks at b; reads no byte beside them. */
typedef void (*load_fn)(const uint8_t *b, struct unit *out);

/* How a type is multiplied; known when compiled. */
struct way {
    load_fn load;
    size_t block_bytes;
    float offset; /* of weights; 0 where there are minima */
    bool is_signed;
};

/* ---- loading ---- */

static WF_INLINE void nibbles(const uint8_t *b, size_t bytes, size_t from, struct unit *out)
{
    b += from;
    wf_avx2_nibbles(wf_avx2_two_16(b, b + bytes), &out->w[0]);
    wf_avx2_nibbles(wf_avx2_two_16(b + 2 * bytes, b + 3 * bytes), &out->w[2]);
}

/* The numbers of half precision at b, b + bytes, ... */
static WF_INLINE __m128 halves(const uint8_t *b, size_t bytes)
{
    uint64_t all = 0;

    for (size_t i = 0; i < 4; i++) {
        uint16_t h;
        memcpy(&h, b + i * bytes, sizeof(h));
        all |= (uint64_t)h << 16 * i;
    }
    return _mm_cvtph_ps(_mm_cvtsi64_si128((long long)all));
}

static WF_INLINE void load_Q4_0(const uint8_t *b, struct unit *out)
{
    nibbles(b, 18, 2, out);
    out->scale = out->low = halves(b, 18);
}

static WF_INLINE void load_Q4_1(const uint8_t *b, struct unit *out)
{
    nibbles(b, 20, 4, out);
    out->scale = halves(b, 20);
    out->low = halves(b + 2, 20);
}

/* Adds 16 where a bit is set: of two blocks' 32 bits each. */
static WF_INLINE void add_fifths(const uint8_t *p, const uint8_t *q, __m256i w[2])
{
    __m256i one_each = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i first = _mm256_setr_epi64x(0, 0x0101010101010101, 0, 0x0101010101010101);
    int32_t a, b;

    memcpy(&a, p, sizeof(a));
    memcpy(&b, q, sizeof(b));
    __m256i bits = _mm256_set_m128i(_mm_cvtsi32_si128(b), _mm_cvtsi32_si128(a));
    for (int i = 0; i < 2; i++) {
        __m256i at = _mm256_add_epi8(first, _mm256_set1_epi8((char)(2 * i)));
        __m256i v = _mm256_and_si256(_mm256_shuffle_epi8(bits, at), one_each);
        v = _mm256_and_si256(_mm256_cmpeq_epi8(v, one_each), _mm256_set1_epi8(16));
        w[i] = _mm256_or_si256(w[i], v);
    }
}

static WF_INLINE void load_Q5_0(const uint8_t *b, struct unit *out)
{
    nibbles(b, 22, 6, out);
    add_fifths(b + 2, b + 24, &out->w[0]);
    add_fifths(b + 46, b + 68, &out->w[2]);
    out->scale = out->low = halves(b, 22);
}

static WF_INLINE void load_Q5_1(const uint8_t *b, struct unit *out)
{
    nibbles(b, 24, 8, out);
    add_fifths(b + 4, b + 28, &out->w[0]);
    add_fifths(b + 52, b + 76, &out->w[2]);
    out->scale = halves(b, 24);
    out->low = halves(b + 2, 24);
}

static WF_INLINE void load_Q8_0(const uint8_t *b, struct unit *out)
{
    for (int i = 0; i < 4; i += 2) {
        const uint8_t *p = b + 34 * i + 2;
        out->w[i] = wf_avx2_two_16(p, p + 34);
        out->w[i + 1] = wf_avx2_two_16(p + 16, p + 50);
    }
    out->scale = out->low = halves(b, 34);
}

static WF_INLINE void load_IQ4_NL(const uint8_t *b, struct unit *out)
{
    load_Q4_0(b, out);
    for (int i = 0; i < 4; i++)
        out->w[i] = _mm256_shuffle_epi8(wf_avx2_table(wf_dtype__iq4), out->w[i]);
}

/* Values are moved up by the largest, 12. */
static WF_INLINE void load_MXFP4(const uint8_t *b, struct unit *out)
{
    __m256i table = _mm256_add_epi8(wf_avx2_table(wf_dtype__fp4), _mm256_set1_epi8(12));
    uint32_t scales[4];

    nibbles(b, 17, 1, out);
    for (int i = 0; i < 4; i++) {
        uint32_t e = b[17 * i]; /* 2^(e - 128): subnormal below 2 */
        scales[i] = e >= 2 ? (e - 1) << 23 : 0x00200000u << e;
        out->w[i] = _mm256_shuffle_epi8(table, out->w[i]);
    }
    out->scale = out->low =
        _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)(const void *)scales));
}

/* ---- multiplying ---- */

/* Products of two registers and 64 bytes: two blocks' sums, in four lanes each. */
static WF_INLINE __m256 two_registers(struct way way, const __m256i w[2], const int8_t *q)
{
    __m256i ones = _mm256_set1_epi16(1), a, b;

    if (!way.is_signed) {
        a = _mm256_add_epi16(wf_avx2_products(w[0], q), wf_avx2_products(w[1], q + 32));
        return _mm256_cvtepi32_ps(_mm256_madd_epi16(a, ones));
    }
    a = wf_avx2_signed_products(w[0], _mm256_abs_epi8(w[0]), q);
    b = wf_avx2_signed_products(w[1], _mm256_abs_epi8(w[1]), q + 32);
    return _mm256_cvtepi32_ps(
        _mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)));
}

/* Tokens' prepared rows. */
struct tokens {
    const uint8_t *x[WF_AVX2_FEW_MAX];
    size_t values;
};

/* A unit with unit i of n tokens. */
static WF_INLINE void meet(struct way way, size_t n, const struct unit *u, const struct tokens *k,
                           size_t i, __m256 acc[], __m128 low[])
{
    __m256i first = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    __m256i second = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);

    for (size_t t = 0; t < n; t++) {
        const int8_t *q = (const int8_t *)k->x[t] + 128 * i;
        const struct wf_avx2_meta32 *m =
            (const struct wf_avx2_meta32 *)(const void *)(k->x[t] + k->values) + i;
        __m256 by = _mm256_castps128_ps256(_mm_mul_ps(u->scale, _mm_loadu_ps(m->scales)));
        __m256 v = _mm256_mul_ps(two_registers(way, u->w, q), _mm256_permutevar8x32_ps(by, first));
        v = _mm256_fmadd_ps(two_registers(way, u->w + 2, q + 64),
                            _mm256_permutevar8x32_ps(by, second), v);
        acc[t] = _mm256_add_ps(acc[t], v);
        if (!way.is_signed)
            low[t] = _mm_fmadd_ps(u->low, _mm_loadu_ps(m->sums), low[t]);
    }
}

/* The 1 to 3 blocks of a row that has no more. */
static WF_INLINE void load_short(struct way way, const uint8_t *b, size_t n, struct unit *out)
{
    uint8_t four[4 * 34] = {0};

    memcpy(four, b, n * way.block_bytes);
    way.load(four, out);
}

static WF_INLINE float sum_of(struct way way, __m256 acc, __m128 low)
{
    float sum = wf_avx2_sum(acc);

    if (way.is_signed)
        return sum;
    low = _mm_add_ps(low, _mm_movehl_ps(low, low));
    low = _mm_add_ss(low, _mm_movehdup_ps(low));
    return way.offset == 0.0f ? sum + _mm_cvtss_f32(low) : sum - way.offset * _mm_cvtss_f32(low);
}

/* R rows from `row` on with n tokens (both known when compiled), n_tok of which are wanted. */
static WF_INLINE void multiply_rows(struct way way, size_t R, size_t n, const struct tokens *k,
                                    const struct wf_avx2_rows *a, size_t n_tok, size_t row)
{
    size_t n_units = a->n_in / 128, rest = a->n_in % 128 / 32, bytes = 4 * way.block_bytes;
    const uint8_t *w = a->w + row * a->row_bytes;
    __m256 acc[2][WF_AVX2_FEW_MAX];
    __m128 low[2][WF_AVX2_FEW_MAX];
    struct unit u;

    for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < n; t++) {
            acc[r][t] = _mm256_setzero_ps();
            low[r][t] = _mm_setzero_ps();
        }
    }
    for (size_t i = 0; i < n_units; i++) {
        wf_avx2_fetch(w + R * i * bytes, R * bytes);
        for (size_t r = 0; r < R; r++) {
            way.load(w + r * a->row_bytes + i * bytes, &u);
            meet(way, n, &u, k, i, acc[r], low[r]);
        }
    }
    for (size_t r = 0; r < R && rest > 0; r++) {
        const uint8_t *end = w + r * a->row_bytes + n_units * bytes + rest * way.block_bytes;
        if (n_units == 0)
            load_short(way, w + r * a->row_bytes, rest, &u);
        else
            way.load(end - bytes, &u); /* what was met already meets nothing: avx2_few.h */
        meet(way, n, &u, k, n_units, acc[r], low[r]);
    }
    for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < n && t < n_tok; t++)
            a->out[t * a->ld + row + r] = sum_of(way, acc[r][t], low[r][t]);
    }
}

/* All rows, R at a time; n at least n_tok. */
static WF_INLINE void multiply_n(struct way way, size_t R, size_t n, const struct wf_avx2_rows *a,
                                 size_t n_tok)
{
    struct tokens k = {.values = wf_avx2_few_values(a->n_in, false)};
    size_t row = 0;

    for (size_t t = 0; t < n; t++)
        k.x[t] = a->x + (t < n_tok ? t : 0) * a->x_bytes;
    for (; row + R <= a->n_rows; row += R)
        multiply_rows(way, R, n, &k, a, n_tok, row);
    for (; R > 1 && row < a->n_rows; row++)
        multiply_rows(way, 1, n, &k, a, n_tok, row);
}

static WF_INLINE void multiply(struct way way, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (n_tok == 1)
        multiply_n(way, 2, 1, a, 1);
    else if (n_tok == 2)
        multiply_n(way, 1, 2, a, 2);
    else
        multiply_n(way, 1, WF_AVX2_FEW_MAX, a, n_tok);
}

#define MULTIPLY(name, bytes, moved_by, stays_signed)                                              \
    static void multiply_##name(const struct wf_avx2_rows *a, size_t n_tok)                        \
    {                                                                                              \
        struct way way;                                                                            \
        way.load = load_##name;                                                                    \
        way.block_bytes = bytes;                                                                   \
        way.offset = moved_by;                                                                     \
        way.is_signed = stays_signed;                                                              \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q4_0, 18, 8.0f, false)
MULTIPLY(Q4_1, 20, 0.0f, false)
MULTIPLY(Q5_0, 22, 16.0f, false)
MULTIPLY(Q5_1, 24, 0.0f, false)
MULTIPLY(Q8_0, 34, 0.0f, true)
MULTIPLY(IQ4_NL, 18, 0.0f, true)
MULTIPLY(MXFP4, 17, 12.0f, false)
#undef MULTIPLY

static void multiply_any(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok)
{
    if (id == WF_DTYPE_Q4_0)
        multiply_Q4_0(a, n_tok);
    else if (id == WF_DTYPE_Q4_1)
        multiply_Q4_1(a, n_tok);
    else if (id == WF_DTYPE_Q5_0)
        multiply_Q5_0(a, n_tok);
    else if (id == WF_DTYPE_Q5_1)
        multiply_Q5_1(a, n_tok);
    else if (id == WF_DTYPE_Q8_0)
        multiply_Q8_0(a, n_tok);
    else if (id == WF_DTYPE_IQ4_NL)
        multiply_IQ4_NL(a, n_tok);
    else
        multiply_MXFP4(a, n_tok);
}

void wf_avx2__few_32(enum wf_dtype_id id, const struct wf_avx2_rows *a, size_t n_tok)
{
    multiply_any(id, a, n_tok);
}
#endif
