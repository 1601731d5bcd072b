/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products with few tokens, weights in blocks of 256.
 *
 * Weights become unsigned bytes; two registers of them share the scales of their lanes, so that 128
 * products meet one conversion and one scale. Nibbles come so where a register holds the first and
 * another one the second halves of four groups; where every 16 values have a scale of their own,
 * registers exchange halves of their 16. What weights were moved up by is taken off by the sums of
 * every 16 activations, as minima are. Scales are made once for all tokens. */
#ifdef __x86_64__
#include "kern/avx512_few.h"

struct block {
    __m512i w[4];
    __m512 scales[2]; /* each lane's, of w[0] and w[1], of w[2] and w[3] */
    __m512 low;       /* for every 16 values, in their order: minima, or scales times -offset */
};

typedef void (*load_fn)(const uint8_t *b, struct block *out);

/* How a type is multiplied; known when compiled. */
struct way {
    load_fn load;
    size_t block_bytes;
};

/* ---- loading ---- */

static WF_INLINE __m512i and_8(__m512i v, int mask)
{
    return _mm512_and_si512(v, _mm512_set1_epi8((char)mask));
}

/* w | (v & mask) */
static WF_INLINE __m512i or_masked(__m512i w, __m512i v, int mask)
{
    return _mm512_ternarylogic_epi64(w, v, _mm512_set1_epi8((char)mask), 0xf8);
}

/* Bits of the four lanes turned left by so many; what crosses bytes is masked later. */
static WF_INLINE __m512i turned(__m512i v, int a, int b, int c, int d)
{
    return _mm512_rolv_epi64(v, _mm512_setr_epi64(a, a, b, b, c, c, d, d));
}

static WF_INLINE __m512i four_times_16(const uint8_t *p)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static WF_INLINE __m512i twice_32(const uint8_t *p)
{
    return _mm512_broadcast_i64x4(wf_x86__load32(p));
}

/* Sixteen bytes as numbers. */
static WF_INLINE __m512 unsigned_16(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

static WF_INLINE __m512 signed_16(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

/* Lanes first, first + step, ... of v, four times each. */
static WF_INLINE __m512 spread_4(__m512 v, int first, int step)
{
    int b = first + step, c = b + step, d = c + step;

    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(first, first, first, first, b, b, b, b, c, c, c, c, d, d, d, d), v);
}

/* Lanes first + i of v, i below 8, twice each. */
static WF_INLINE __m512 twice_8(__m512 v, int first)
{
    __m512i at = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);

    return _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(first)), v);
}

/* Sixteen values each in the lanes of a and b: first halves, second halves of both. */
static WF_INLINE void exchange(__m512i a, __m512i b, __m512i out[2])
{
    out[0] = _mm512_unpacklo_epi64(a, b);
    out[1] = _mm512_unpackhi_epi64(a, b);
}

/* d of eight lanes, and of the others -dmin, which is behind it. */
static WF_INLINE __m512 d_and_min(const uint8_t *b)
{
    __m512i at = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
    int32_t two;

    memcpy(&two, b, sizeof(two));
    __m512 d = _mm512_castps128_ps512(_mm_cvtph_ps(_mm_cvtsi32_si128(two)));
    d = _mm512_permutexvar_ps(at, d);
    return _mm512_mask_sub_ps(d, 0xff00, _mm512_setzero_ps(), d);
}

/* The 8 scales and 8 minima of Q4_K and Q5_K, of 6 bits in 12 bytes. */
static WF_INLINE void scales_k(const uint8_t *b, struct block *out)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(b + 4));
    /* Dwords: scales 0-3, scales 4-7, minima 0-3, minima 4-7. */
    __m128i low =
        _mm_srlv_epi32(_mm_shuffle_epi32(v, _MM_SHUFFLE(2, 1, 2, 0)), _mm_setr_epi32(0, 0, 0, 4));
    __m128i high =
        _mm_srlv_epi32(_mm_shuffle_epi32(v, _MM_SHUFFLE(1, 1, 0, 0)), _mm_setr_epi32(0, 2, 0, 2));
    low = _mm_and_si128(low, _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    low = _mm_ternarylogic_epi32(low, high, _mm_setr_epi32(0, 0x30303030, 0, 0x30303030), 0xf8);
    __m512 all = _mm512_mul_ps(unsigned_16(low), d_and_min(b));

    out->scales[0] = spread_4(all, 0, 2);
    out->scales[1] = spread_4(all, 1, 2);
    out->low = twice_8(all, 8);
}

/* Groups 0, 2, 4, 6: their first halves, the others; then those of groups 1, 3, 5, 7. */
static WF_INLINE void nibbles(const uint8_t *p, struct block *out)
{
    __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
    __m512i first = _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    __m512i second = _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(3, 1, 3, 1));

    out->w[0] = and_8(first, 15);
    out->w[1] = and_8(second, 15);
    out->w[2] = and_8(_mm512_srli_epi16(first, 4), 15);
    out->w[3] = and_8(_mm512_srli_epi16(second, 4), 15);
}

static WF_INLINE void load_Q4_K(const uint8_t *b, struct block *out)
{
    scales_k(b, out);
    nibbles(b + 16, out);
}

static WF_INLINE void load_Q5_K(const uint8_t *b, struct block *out)
{
    __m512i first = four_times_16(b + 16), second = four_times_16(b + 32);

    scales_k(b, out);
    nibbles(b + 48, out);
    out->w[0] = or_masked(out->w[0], turned(first, 4, 2, 0, 62), 16);
    out->w[1] = or_masked(out->w[1], turned(second, 4, 2, 0, 62), 16);
    out->w[2] = or_masked(out->w[2], turned(first, 3, 1, 63, 61), 16);
    out->w[3] = or_masked(out->w[3], turned(second, 3, 1, 63, 61), 16);
}

static WF_INLINE void load_Q6_K(const uint8_t *b, struct block *out)
{
    const __m128i *s = (const __m128i *)(const void *)(b + 192);
    __m512 all = _mm512_mul_ps(signed_16(_mm_loadu_si128(s)), wf_avx512_half(b + 208));
    __m512i at = _mm512_setr_epi32(0, 0, 4, 4, 1, 1, 5, 5, 2, 2, 6, 6, 3, 3, 7, 7);

    for (int j = 0; j < 2; j++) {
        __m512i low = _mm512_loadu_si512(b + 64 * j), bits = twice_32(b + 128 + 32 * j);
        __m512i first = or_masked(and_8(low, 15), turned(bits, 4, 4, 2, 2), 0x30);
        low = and_8(_mm512_srli_epi16(low, 4), 15);
        exchange(first, or_masked(low, turned(bits, 0, 0, 62, 62), 0x30), &out->w[2 * j]);
    }
    out->scales[0] = _mm512_permutexvar_ps(at, all);
    out->scales[1] = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(8)), all);
    out->low = _mm512_mul_ps(all, _mm512_set1_ps(-32.0f));
}

/* Scales of Q2_K and Q3_K, whose registers of two bits have group k and group 4 + k. */
static WF_INLINE void scales_of_twos(__m512 all, struct block *out)
{
    __m512i at = _mm512_setr_epi32(0, 0, 2, 2, 1, 1, 3, 3, 8, 8, 10, 10, 9, 9, 11, 11);

    out->scales[0] = _mm512_permutexvar_ps(at, all);
    out->scales[1] = _mm512_permutexvar_ps(_mm512_add_epi32(at, _mm512_set1_epi32(4)), all);
}

static WF_INLINE void load_Q2_K(const uint8_t *b, struct block *out)
{
    __m128i s = _mm_loadu_si128((const __m128i *)(const void *)b), mask = _mm_set1_epi8(15);
    __m512i v = _mm512_loadu_si512(b + 16);
    __m512 least = unsigned_16(_mm_and_si128(_mm_srli_epi16(s, 4), mask));
    __m512 by = wf_avx512_half(b + 82);

    exchange(and_8(v, 3), and_8(_mm512_srli_epi16(v, 2), 3), &out->w[0]);
    exchange(and_8(_mm512_srli_epi16(v, 4), 3), and_8(_mm512_srli_epi16(v, 6), 3), &out->w[2]);
    scales_of_twos(_mm512_mul_ps(unsigned_16(_mm_and_si128(s, mask)), wf_avx512_half(b + 80)), out);
    out->low = _mm512_mul_ps(least, _mm512_sub_ps(_mm512_setzero_ps(), by));
}

/* The 16 scales of Q3_K, of 6 bits in 12 bytes. */
static WF_INLINE __m512 scales_q3(const uint8_t *b)
{
    int32_t s[3];

    memcpy(s, b, sizeof(s));
    __m128i low =
        _mm_srlv_epi32(_mm_setr_epi32(s[0], s[1], s[0], s[1]), _mm_setr_epi32(0, 0, 4, 4));
    __m128i high = _mm_srlv_epi32(_mm_set1_epi32(s[2]), _mm_setr_epi32(0, 2, 4, 6));
    low = _mm_and_si128(low, _mm_set1_epi8(15));
    high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
    return signed_16(_mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32)));
}

static WF_INLINE void load_Q3_K(const uint8_t *b, struct block *out)
{
    __m512 all = _mm512_mul_ps(scales_q3(b + 96), wf_avx512_half(b + 108));
    __m512i v = _mm512_loadu_si512(b + 32), bits = twice_32(b), w[4];

    /* The third bit of group g is bit g of all bytes. */
    w[0] = or_masked(and_8(v, 3), turned(bits, 2, 2, 62, 62), 4);
    w[1] = or_masked(and_8(_mm512_srli_epi16(v, 2), 3), turned(bits, 1, 1, 61, 61), 4);
    w[2] = or_masked(and_8(_mm512_srli_epi16(v, 4), 3), turned(bits, 0, 0, 60, 60), 4);
    w[3] = or_masked(and_8(_mm512_srli_epi16(v, 6), 3), turned(bits, 63, 63, 59, 59), 4);
    exchange(w[0], w[1], &out->w[0]);
    exchange(w[2], w[3], &out->w[2]);
    scales_of_twos(all, out);
    out->low = _mm512_mul_ps(all, _mm512_set1_ps(-4.0f));
}

/* The 8 scales of IQ4_XS, of 6 bits: two above (16 bits), four below (32). */
static WF_INLINE __m512 scales_xs(const uint8_t *b)
{
    __m256i twos = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14), h, l;
    uint16_t high;
    int32_t low;

    memcpy(&high, b, sizeof(high));
    memcpy(&low, b + 2, sizeof(low));
    h = _mm256_srlv_epi32(_mm256_set1_epi32(high), twos);
    l = _mm256_srlv_epi32(_mm256_set1_epi32(low), _mm256_add_epi32(twos, twos));
    h = _mm256_slli_epi32(_mm256_and_si256(h, _mm256_set1_epi32(3)), 4);
    l = _mm256_or_si256(_mm256_and_si256(l, _mm256_set1_epi32(15)), h);
    l = _mm256_sub_epi32(l, _mm256_set1_epi32(32));
    return _mm512_castps256_ps512(_mm256_cvtepi32_ps(l));
}

/* Groups 0 to 3: their first halves, the others; then groups 4 to 7. */
static WF_INLINE void load_IQ4_XS(const uint8_t *b, struct block *out)
{
    __m512i table = four_times_16((const uint8_t *)wf_dtype__iq4);
    __m512 all = _mm512_mul_ps(scales_xs(b + 2), wf_avx512_half(b));

    table = _mm512_xor_si512(table, _mm512_set1_epi8((char)0x80));
    for (int j = 0; j < 2; j++) {
        __m512i v = _mm512_loadu_si512(b + 8 + 64 * j);
        out->w[2 * j] = _mm512_shuffle_epi8(table, and_8(v, 15));
        out->w[2 * j + 1] = _mm512_shuffle_epi8(table, and_8(_mm512_srli_epi16(v, 4), 15));
        out->scales[j] = spread_4(all, 4 * j, 1);
    }
    out->low = twice_8(_mm512_mul_ps(all, _mm512_set1_ps(-128.0f)), 0);
}

/* ---- multiplying ---- */

static WF_INLINE __m512 two_products(const struct block *w, int j, const int8_t *q)
{
    __m512i s = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w->w[j], _mm512_loadu_si512(q));

    return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(s, w->w[j + 1], _mm512_loadu_si512(q + 64)));
}

/* One token's block: 256 bytes, their scale, 16 sums under it. */
static WF_INLINE __m512 add(const struct block *w, const int8_t *q, float scale, const float *sums,
                            __m512 acc)
{
    __m512 v = _mm512_mul_ps(two_products(w, 0, q), w->scales[0]);

    v = _mm512_fmadd_ps(two_products(w, 2, q + 128), w->scales[1], v);
    acc = _mm512_fmadd_ps(w->low, _mm512_loadu_ps(sums), acc);
    return _mm512_fmadd_ps(v, _mm512_set1_ps(scale), acc);
}

/* Sums of a row with n tokens, n_tok of which are wanted. */
static WF_INLINE void store(size_t n, const __m512 *acc, size_t n_tok, float *out, size_t ld)
{
    float sums[WF_AVX512_FEW_MAX];

    for (size_t k = 0; k < n; k += 4) {
        if (n >= 4)
            _mm_storeu_ps(sums + k, wf_avx512_sum_4(acc + k));
        for (size_t j = k; j < n && n < 4; j++)
            sums[j] = wf_avx512_sum(acc[j]);
    }
    for (size_t t = 0; t < n && t < n_tok; t++)
        out[t * ld] = sums[t];
}

/* One row with n tokens (known when compiled). */
static WF_INLINE void multiply_row(struct way way, size_t n, const uint8_t *const *x,
                                   const struct wf_avx512_rows *a, size_t row)
{
    const uint8_t *w = a->w + row * a->row_bytes;
    __m512 acc[WF_AVX512_FEW_MAX];
    struct block u;

    for (size_t t = 0; t < n; t++)
        acc[t] = _mm512_setzero_ps();
    for (size_t i = 0; i < a->n_in / 256; i++) {
        wf_avx512_fetch(w + i * way.block_bytes, way.block_bytes);
        way.load(w + i * way.block_bytes, &u);
        for (size_t t = 0; t < n; t++) {
            const float *sums = (const float *)(const void *)(x[t] + a->n_in);
            acc[t] = add(&u, (const int8_t *)x[t] + 256 * i, sums[a->n_in / 16 + i], sums + 16 * i,
                         acc[t]);
        }
    }
    store(n, acc, n, a->out + row, a->ld);
}

/* Blocks [from, to) of one row with n tokens: more in acc [n]. */
static WF_INLINE void meet_piece(struct way way, size_t n, const uint8_t *const *x,
                                 const struct wf_avx512_rows *a, size_t row, size_t from, size_t to,
                                 __m512 *acc)
{
    const uint8_t *w = a->w + row * a->row_bytes;
    __m512 own[WF_AVX512_FEW_MAX];
    struct block u;

    for (size_t t = 0; t < n; t++)
        own[t] = acc[t];
    for (size_t i = from; i < to; i++) {
        wf_avx512_fetch_piece(w + i * way.block_bytes, way.block_bytes, a->row_bytes);
        way.load(w + i * way.block_bytes, &u);
        for (size_t t = 0; t < n; t++) {
            const float *sums = (const float *)(const void *)(x[t] + a->n_in);
            own[t] = add(&u, (const int8_t *)x[t] + 256 * i, sums[a->n_in / 16 + i], sums + 16 * i,
                         own[t]);
        }
    }
    for (size_t t = 0; t < n; t++)
        acc[t] = own[t];
}

/* All rows with n tokens, a piece of them at a time. */
static WF_INLINE void multiply_pieces(struct way way, size_t n, const struct wf_avx512_rows *a,
                                      size_t n_tok)
{
    size_t n_blocks = a->n_in / 256, piece = WF_AVX512_FEW_PIECE / 256 / n;
    __m512 acc[WF_AVX512_FEW_ROWS][WF_AVX512_FEW_MAX];
    const uint8_t *x[WF_AVX512_FEW_MAX];

    for (size_t t = 0; t < n; t++)
        x[t] = a->x + (t < n_tok ? t : 0) * a->x_bytes;
    for (size_t row = 0; row < a->n_rows; row += WF_AVX512_FEW_ROWS) {
        size_t n_rows = a->n_rows - row;
        n_rows = n_rows < WF_AVX512_FEW_ROWS ? n_rows : WF_AVX512_FEW_ROWS;
        for (size_t r = 0; r < n_rows; r++) {
            for (size_t t = 0; t < n; t++)
                acc[r][t] = _mm512_setzero_ps();
        }
        for (size_t i = 0; i < n_blocks; i += piece) {
            for (size_t r = 0; r < n_rows; r++)
                meet_piece(way, n, x, a, row + r, i, i + piece < n_blocks ? i + piece : n_blocks,
                           acc[r]);
        }
        for (size_t r = 0; r < n_rows; r++)
            store(n, acc[r], n_tok, a->out + row + r, a->ld);
    }
}

/* All rows, one behind the other, as memory likes it best. */
static WF_INLINE void multiply_rows(struct way way, size_t n, const struct wf_avx512_rows *a)
{
    const uint8_t *x[WF_AVX512_FEW_MAX];

    for (size_t t = 0; t < n; t++)
        x[t] = a->x + t * a->x_bytes;
    for (size_t row = 0; row < a->n_rows; row++)
        multiply_row(way, n, x, a, row);
}

static WF_INLINE void multiply(struct way way, const struct wf_avx512_rows *a, size_t n_tok)
{
    if (n_tok == 1)
        multiply_rows(way, 1, a);
    else if (n_tok == 2)
        multiply_rows(way, 2, a);
    else if (n_tok <= 4)
        multiply_pieces(way, 4, a, n_tok);
    else
        multiply_pieces(way, 8, a, n_tok);
}

#define MULTIPLY(name, bytes)                                                                      \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        struct way way;                                                                            \
        way.load = load_##name;                                                                    \
        way.block_bytes = bytes;                                                                   \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q2_K, 84)
MULTIPLY(Q3_K, 110)
MULTIPLY(Q4_K, 144)
MULTIPLY(Q5_K, 176)
MULTIPLY(Q6_K, 210)
MULTIPLY(IQ4_XS, 136)
#undef MULTIPLY

static void multiply_any(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok)
{
    if (id == WF_DTYPE_Q2_K)
        multiply_Q2_K(a, n_tok);
    else if (id == WF_DTYPE_Q3_K)
        multiply_Q3_K(a, n_tok);
    else if (id == WF_DTYPE_Q4_K)
        multiply_Q4_K(a, n_tok);
    else if (id == WF_DTYPE_Q5_K)
        multiply_Q5_K(a, n_tok);
    else if (id == WF_DTYPE_Q6_K)
        multiply_Q6_K(a, n_tok);
    else
        multiply_IQ4_XS(a, n_tok);
}

void wf_avx512__few_256(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok)
{
    multiply_any(id, a, n_tok);
}
#endif
