/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products with few tokens, weights in blocks of 256.
 *
 * Scales within a block are small whole numbers, so that a block is summed in whole numbers: pairs
 * of unsigned weights and activations to 16 bits, those under their scales to 32 (IQ4_XS's weights
 * are too large for that and go by fours). One conversion a block and token is left. Where weights
 * have an offset it begins the sum, as -offset times the scales meets the sums of every 16
 * activations; minima meet the same sums apart. */
#ifdef __x86_64__
#include "kern/avx512_few.h"

struct block {
    __m512i w[4];
    __m512i scales[4]; /* each word's; IQ4_XS: each lane's, [2] */
    __m256i low;       /* for every 16 values: minima, or scales times -offset */
    __m512 d, d_low;   /* of scales, and of minima with their sign */
};

typedef void (*load_fn)(const uint8_t *b, struct block *out);

enum kind {
    WITH_MINIMA,
    WITH_OFFSET,
    BY_FOURS, /* with an offset */
};

/* How a type is multiplied; known when compiled. */
struct way {
    load_fn load;
    size_t block_bytes;
    enum kind kind;
};

/* ---- loading ---- */

static WF_INLINE __m512i and_8(__m512i v, int mask)
{
    return _mm512_and_si512(v, _mm512_set1_epi8((char)mask));
}

/* (w | (v & mask)) */
static WF_INLINE __m512i or_masked(__m512i w, __m512i v, int mask)
{
    return _mm512_ternarylogic_epi64(w, v, _mm512_set1_epi8((char)mask), 0xf8);
}

static WF_INLINE __m512i both_32(const uint8_t *p)
{
    return _mm512_broadcast_i64x4(wf_x86__load32(p));
}

/* Left by l and right by r bits in the two halves: what crosses bytes is masked later. */
static WF_INLINE __m512i left(__m512i v, int a, int b)
{
    return _mm512_sllv_epi64(v, _mm512_setr_epi64(a, a, a, a, b, b, b, b));
}

static WF_INLINE __m512i right(__m512i v, int a, int b)
{
    return _mm512_srlv_epi64(v, _mm512_setr_epi64(a, a, a, a, b, b, b, b));
}

/* Words a (16 times) and b, or a, a + 1, b, b + 1 (8 times each). */
static WF_INLINE __m512i spread_2(__m512i words, int a, int b)
{
    __m512i at = _mm512_inserti64x4(_mm512_set1_epi16((short)a), _mm256_set1_epi16((short)b), 1);

    return _mm512_permutexvar_epi16(at, words);
}

static WF_INLINE __m512i spread_4(__m512i words, int a, int b)
{
    __m512i at = _mm512_inserti64x4(_mm512_set1_epi16((short)a), _mm256_set1_epi16((short)b), 1);
    __m512i next = _mm512_setr_epi64(0, 0, 0x0001000100010001, 0x0001000100010001, 0, 0,
                                     0x0001000100010001, 0x0001000100010001);

    return _mm512_permutexvar_epi16(_mm512_add_epi16(at, next), words);
}

/* d of both halves at b, the second with the other sign. */
static WF_INLINE void load_d(const uint8_t *b, struct block *out)
{
    int32_t two;

    memcpy(&two, b, sizeof(two));
    __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128(two));
    out->d = _mm512_broadcastss_ps(d);
    out->d_low = _mm512_sub_ps(_mm512_setzero_ps(), _mm512_broadcastss_ps(_mm_movehdup_ps(d)));
}

/* The 8 scales and 8 minima of Q4_K and Q5_K, of 6 bits in 12 bytes. Pairs of groups (0, 2), (1,
 * 3), (4, 6), (5, 7) share a register. */
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
    __m256i words = _mm256_cvtepu8_epi16(low);
    __m512i all = _mm512_castsi256_si512(words);

    out->scales[0] = spread_2(all, 0, 2);
    out->scales[1] = spread_2(all, 1, 3);
    out->scales[2] = spread_2(all, 4, 6);
    out->scales[3] = spread_2(all, 5, 7);
    out->low = _mm256_permutexvar_epi16(
        _mm256_setr_epi16(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15), words);
    load_d(b, out);
}

static WF_INLINE void nibbles(const uint8_t *p, struct block *out)
{
    for (int j = 0; j < 2; j++) {
        __m512i v = _mm512_loadu_si512(p + 64 * j);
        out->w[2 * j] = and_8(v, 15);
        out->w[2 * j + 1] = and_8(_mm512_srli_epi16(v, 4), 15);
    }
}

static WF_INLINE void load_Q4_K(const uint8_t *b, struct block *out)
{
    scales_k(b, out);
    nibbles(b + 16, out);
}

static WF_INLINE void load_Q5_K(const uint8_t *b, struct block *out)
{
    __m512i bits = both_32(b + 16);

    scales_k(b, out);
    nibbles(b + 48, out);
    out->w[0] = or_masked(out->w[0], left(bits, 4, 2), 16);
    out->w[1] = or_masked(out->w[1], left(bits, 3, 1), 16);
    out->w[2] = or_masked(out->w[2], right(bits, 0, 2), 16);
    out->w[3] = or_masked(out->w[3], right(bits, 1, 3), 16);
}

static WF_INLINE void load_Q6_K(const uint8_t *b, struct block *out)
{
    __m256i words = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(b + 192)));
    __m512i all = _mm512_castsi256_si512(words);

    for (int j = 0; j < 2; j++) {
        __m512i low = _mm512_loadu_si512(b + 64 * j), bits = both_32(b + 128 + 32 * j);
        out->w[2 * j] = or_masked(and_8(low, 15), left(bits, 4, 2), 0x30);
        low = and_8(_mm512_srli_epi16(low, 4), 15);
        out->w[2 * j + 1] = or_masked(low, right(bits, 0, 2), 0x30);
    }
    for (int j = 0; j < 4; j++)
        out->scales[j] = spread_4(all, 4 * j, 4 * j + 2);
    out->low = _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_slli_epi16(words, 5));
    out->d = wf_avx512_half(b + 208);
}

/* Two bits: group k and group 4 + k share a register. */
static WF_INLINE void twos(const uint8_t *p, struct block *out)
{
    __m512i v = _mm512_loadu_si512(p);

    out->w[0] = and_8(v, 3);
    out->w[1] = and_8(_mm512_srli_epi16(v, 2), 3);
    out->w[2] = and_8(_mm512_srli_epi16(v, 4), 3);
    out->w[3] = and_8(_mm512_srli_epi16(v, 6), 3);
}

static WF_INLINE void load_Q2_K(const uint8_t *b, struct block *out)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)b);
    __m512i all = _mm512_castsi256_si512(_mm256_cvtepu8_epi16(_mm_and_si128(v, _mm_set1_epi8(15))));

    twos(b + 16, out);
    for (int j = 0; j < 4; j++)
        out->scales[j] = spread_4(all, 2 * j, 8 + 2 * j);
    v = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
    out->low = _mm256_cvtepu8_epi16(v);
    load_d(b + 80, out);
}

static WF_INLINE void load_Q3_K(const uint8_t *b, struct block *out)
{
    int32_t s[3];

    memcpy(s, b + 96, sizeof(s));
    /* Dwords of four scales: nibbles, and two bits each above them. */
    __m128i low =
        _mm_srlv_epi32(_mm_setr_epi32(s[0], s[1], s[0], s[1]), _mm_setr_epi32(0, 0, 4, 4));
    __m128i high = _mm_srlv_epi32(_mm_set1_epi32(s[2]), _mm_setr_epi32(0, 2, 4, 6));
    low = _mm_and_si128(low, _mm_set1_epi8(15));
    high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
    low = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
    __m256i words = _mm256_cvtepi8_epi16(low);
    __m512i all = _mm512_castsi256_si512(words), bits = both_32(b);

    twos(b + 32, out);
    out->w[0] =
        or_masked(out->w[0], _mm512_mask_mov_epi64(left(bits, 2, 0), 0xf0, right(bits, 0, 2)), 4);
    out->w[1] =
        or_masked(out->w[1], _mm512_mask_mov_epi64(left(bits, 1, 0), 0xf0, right(bits, 0, 3)), 4);
    out->w[2] = or_masked(out->w[2], right(bits, 0, 4), 4);
    out->w[3] = or_masked(out->w[3], right(bits, 1, 5), 4);
    for (int j = 0; j < 4; j++)
        out->scales[j] = spread_4(all, 2 * j, 8 + 2 * j);
    out->low = _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_slli_epi16(words, 2));
    out->d = wf_avx512_half(b + 108);
}

/* Registers: the first 16 of groups 0 to 3, their others, then groups 4 to 7. */
static WF_INLINE void load_IQ4_XS(const uint8_t *b, struct block *out)
{
    __m512i table = _mm512_xor_si512(
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)wf_dtype__iq4)),
        _mm512_set1_epi8((char)0x80));
    uint16_t high;
    int32_t low;

    memcpy(&high, b + 2, sizeof(high));
    memcpy(&low, b + 4, sizeof(low));
    __m256i h =
        _mm256_srlv_epi32(_mm256_set1_epi32(high), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
    __m256i s =
        _mm256_srlv_epi32(_mm256_set1_epi32(low), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
    h = _mm256_slli_epi32(_mm256_and_si256(h, _mm256_set1_epi32(3)), 4);
    s = _mm256_or_si256(_mm256_and_si256(s, _mm256_set1_epi32(15)), h);
    s = _mm256_sub_epi32(s, _mm256_set1_epi32(32));

    nibbles(b + 8, out);
    for (int j = 0; j < 4; j++)
        out->w[j] = _mm512_shuffle_epi8(table, out->w[j]);
    for (int j = 0; j < 2; j++) {
        __m512i at =
            _mm512_add_epi32(_mm512_set1_epi32(4 * j),
                             _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
        out->scales[j] = _mm512_permutexvar_epi32(at, _mm512_castsi256_si512(s));
    }
    s = _mm256_slli_epi32(s, 7);
    s = _mm256_sub_epi32(_mm256_setzero_si256(), s); /* -128 times each, a word of 32 bits */
    out->low =
        _mm256_or_si256(_mm256_slli_epi32(s, 16), _mm256_and_si256(s, _mm256_set1_epi32(0xffff)));
    out->d = wf_avx512_half(b);
}

/* ---- multiplying ---- */

static WF_INLINE __m512i pairs(const struct block *w, int j, const int8_t *q, __m512i sum)
{
    __m512i p = _mm512_maddubs_epi16(w->w[j], _mm512_loadu_si512(q + 64 * j));

    return _mm512_dpwssd_epi32(sum, p, w->scales[j]);
}

static WF_INLINE __m512i fours(const struct block *w, int j, const int8_t *q, __m512i sum)
{
    __m512i s =
        _mm512_dpbusd_epi32(_mm512_setzero_si512(), w->w[2 * j], _mm512_loadu_si512(q + 128 * j));

    s = _mm512_dpbusd_epi32(s, w->w[2 * j + 1], _mm512_loadu_si512(q + 128 * j + 64));
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(s, w->scales[j]));
}

/* One token's block. */
static WF_INLINE __m512 add(enum kind kind, const struct block *w, const int8_t *q,
                            const struct wf_avx512_meta256 *m, __m512 acc)
{
    __m256i sums = _mm256_loadu_si256((const __m256i *)(const void *)m->sums);
    __m512 scale = _mm512_set1_ps(m->scale);
    __m512i low = _mm512_zextsi256_si512(_mm256_madd_epi16(w->low, sums));
    __m512i sum = kind == WITH_MINIMA ? _mm512_setzero_si512() : low;

    if (kind == BY_FOURS) {
        sum = fours(w, 0, q, sum);
        sum = fours(w, 1, q, sum);
    } else {
        for (int j = 0; j < 4; j++)
            sum = pairs(w, j, q, sum);
    }
    acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(w->d, scale), acc);
    if (kind == WITH_MINIMA)
        acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(low), _mm512_mul_ps(w->d_low, scale), acc);
    return acc;
}

/* R rows from `row` on with n tokens (both known when compiled), n_tok of which are wanted. */
static WF_INLINE void multiply_rows(struct way way, size_t R, size_t n, const uint8_t *const *x,
                                    const struct wf_avx512_rows *a, size_t n_tok, size_t row)
{
    const uint8_t *w = a->w + row * a->row_bytes;
    __m512 acc[2][WF_AVX512_FEW_MAX];
    struct block u;

    for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < n; t++)
            acc[r][t] = _mm512_setzero_ps();
    }
    for (size_t i = 0; i < a->n_in / 256; i++) {
        wf_avx512_fetch(w + R * i * way.block_bytes, R * way.block_bytes);
        for (size_t r = 0; r < R; r++) {
            const uint8_t *b = w + r * a->row_bytes + i * way.block_bytes;
            way.load(b, &u);
            for (size_t t = 0; t < n; t++) {
                const void *meta = x[t] + a->n_in + i * sizeof(struct wf_avx512_meta256);
                acc[r][t] = add(way.kind, &u, (const int8_t *)x[t] + 256 * i, meta, acc[r][t]);
            }
        }
    }
    for (size_t r = 0; r < R; r++) {
        for (size_t t = 0; t < n && t < n_tok; t++)
            a->out[t * a->ld + row + r] = _mm512_reduce_add_ps(acc[r][t]);
    }
}

/* All rows, R at a time; n at least n_tok. */
static WF_INLINE void multiply_n(struct way way, size_t R, size_t n, const struct wf_avx512_rows *a,
                                 size_t n_tok)
{
    const uint8_t *x[WF_AVX512_FEW_MAX];
    size_t row = 0;

    for (size_t t = 0; t < n; t++)
        x[t] = a->x + (t < n_tok ? t : 0) * a->x_bytes;
    for (; row + R <= a->n_rows; row += R)
        multiply_rows(way, R, n, x, a, n_tok, row);
    for (; R > 1 && row < a->n_rows; row++)
        multiply_rows(way, 1, n, x, a, n_tok, row);
}

static WF_INLINE void multiply(struct way way, const struct wf_avx512_rows *a, size_t n_tok)
{
    if (n_tok == 1)
        multiply_n(way, 2, 1, a, 1);
    else if (n_tok == 2)
        multiply_n(way, 1, 2, a, 2);
    else if (n_tok <= 4)
        multiply_n(way, 1, 4, a, n_tok);
    else
        multiply_n(way, 1, 8, a, n_tok);
}

#define MULTIPLY(name, bytes, how)                                                                 \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        struct way way;                                                                            \
        way.load = load_##name;                                                                    \
        way.block_bytes = bytes;                                                                   \
        way.kind = how;                                                                            \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q2_K, 84, WITH_MINIMA)
MULTIPLY(Q3_K, 110, WITH_OFFSET)
MULTIPLY(Q4_K, 144, WITH_MINIMA)
MULTIPLY(Q5_K, 176, WITH_MINIMA)
MULTIPLY(Q6_K, 210, WITH_OFFSET)
MULTIPLY(IQ4_XS, 136, BY_FOURS)
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
