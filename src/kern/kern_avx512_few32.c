/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products with few tokens, weights in blocks of 32 with a scale each.
 *
 * Four blocks are a unit. Weights become unsigned bytes (moved up by what a type's offset is), 64
 * of them are multiplied with 64 activations into 16 sums, and those of the unit become float under
 * weights' and activations' scales. What the offset added is taken off by the activations' sums, as
 * minima are added. Where a register holds the first and another one the second halves of all four
 * blocks (nibbles come so), one conversion serves both. */
#ifdef __x86_64__
#include "kern/avx512_few.h"

/* Four blocks. */
struct unit {
    __m512i w[2];
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
    bool by_halves;
};

/* ---- loading ---- */

/* 16 bytes each at b, b + stride, ... */
static WF_INLINE __m512i four_16(const uint8_t *b, size_t stride)
{
    const __m128i *p[4];

    for (size_t i = 0; i < 4; i++)
        p[i] = (const __m128i *)(const void *)(b + i * stride);
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128(p[0]));
    v = _mm512_inserti32x4(v, _mm_loadu_si128(p[1]), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128(p[2]), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128(p[3]), 3);
}

/* The low ones of 64 bytes, then the high ones. */
static WF_INLINE void nibbles(__m512i v, struct unit *out)
{
    __m512i mask = _mm512_set1_epi8(15);

    out->w[0] = _mm512_and_si512(v, mask);
    out->w[1] = _mm512_and_si512(_mm512_srli_epi16(v, 4), mask);
}

/* Four words (halves) from 64 bytes at b, as numbers: the first is word `first`, the others
 * `stride` bytes apart. */
static WF_INLINE __m128 halves(const uint8_t *b, int stride, int first)
{
    __m128i at = _mm_setr_epi16((short)first, (short)(first + stride / 2), (short)(first + stride),
                                (short)(first + stride / 2 * 3), 0, 0, 0, 0);
    __m512i v = _mm512_permutexvar_epi16(_mm512_castsi128_si512(at), _mm512_loadu_si512(b));

    return _mm_cvtph_ps(_mm512_castsi512_si128(v));
}

static WF_INLINE void load_Q4_0(const uint8_t *b, struct unit *out)
{
    nibbles(four_16(b + 2, 18), out);
    out->scale = out->low = halves(b, 18, 0);
}

static WF_INLINE void load_Q4_1(const uint8_t *b, struct unit *out)
{
    nibbles(four_16(b + 4, 20), out);
    out->scale = halves(b, 20, 0);
    out->low = halves(b, 20, 1);
}

/* Adds 16 where a block's bit is set: word `first` + i of `words` is for the 16 bytes of lane i. */
static WF_INLINE __m512i add_fifth(__m512i w, __m512i words, int first)
{
    __m512i lanes = _mm512_add_epi16(_mm512_set1_epi16((short)first),
                                     _mm512_setr_epi64(0, 0, 0x0001000100010001, 0x0001000100010001,
                                                       0x0002000200020002, 0x0002000200020002,
                                                       0x0003000300030003, 0x0003000300030003));
    __m512i spread = _mm512_set4_epi32(0x01010101, 0x01010101, 0, 0);
    __m512i one_each = _mm512_set1_epi64((long long)0x8040201008040201u);
    __m512i bits = _mm512_shuffle_epi8(_mm512_permutexvar_epi16(lanes, words), spread);

    return _mm512_mask_add_epi8(w, _mm512_test_epi8_mask(bits, one_each), w, _mm512_set1_epi8(16));
}

/* Bits of Q5_0 and Q5_1: `base` has the four blocks' first words, within the 64 bytes at b or, from
 * 32 on, the 64 at `second`; a block's bits begin at its word `word`, what meets the sums is `low`.
 */
static WF_INLINE void load_fifths(const uint8_t *b, const uint8_t *second, uint64_t base, int low,
                                  int word, struct unit *out)
{
    const uint64_t each = 0x0001000100010001u;
    __m512i at = _mm512_setr_epi64((long long)base, (long long)(base + (uint64_t)low * each),
                                   (long long)(base + (uint64_t)word * each),
                                   (long long)(base + (uint64_t)(word + 1) * each), 0, 0, 0, 0);
    __m512i words =
        _mm512_permutex2var_epi16(_mm512_loadu_si512(b), at, _mm512_loadu_si512(second));
    __m128i first = _mm512_castsi512_si128(words);

    out->scale = _mm_cvtph_ps(first);
    out->low = _mm_cvtph_ps(_mm_unpackhi_epi64(first, first));
    out->w[0] = add_fifth(out->w[0], words, 8);
    out->w[1] = add_fifth(out->w[1], words, 12);
}

static WF_INLINE void load_Q5_0(const uint8_t *b, struct unit *out)
{
    nibbles(four_16(b + 6, 22), out);
    load_fifths(b, b + 24, 0x00350016000b0000u, 0, 1, out);
}

static WF_INLINE void load_Q5_1(const uint8_t *b, struct unit *out)
{
    nibbles(four_16(b + 8, 24), out);
    load_fifths(b, b + 32, 0x00340018000c0000u, 1, 2, out);
}

static WF_INLINE __m512i moved_up(__m512i w)
{
    return _mm512_xor_si512(w, _mm512_set1_epi8((char)0x80));
}

static WF_INLINE __m512i two_32(const uint8_t *p, const uint8_t *q)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(wf_x86__load32(p)), wf_x86__load32(q), 1);
}

static WF_INLINE void load_Q8_0(const uint8_t *b, struct unit *out)
{
    __m512i at = _mm512_castsi128_si512(_mm_setr_epi16(0, 17, 32, 49, 0, 0, 0, 0));
    __m512i v = _mm512_permutex2var_epi16(_mm512_loadu_si512(b), at, _mm512_loadu_si512(b + 68));

    out->w[0] = moved_up(two_32(b + 2, b + 36));
    out->w[1] = moved_up(two_32(b + 70, b + 104));
    out->scale = out->low = _mm_cvtph_ps(_mm512_castsi512_si128(v));
}

/* A table's entries for both registers' nibbles. */
static WF_INLINE void look_up(const int8_t *table, struct unit *out)
{
    __m128i t = _mm_loadu_si128((const __m128i *)(const void *)table);
    __m512i all = moved_up(_mm512_broadcast_i32x4(t));

    out->w[0] = _mm512_shuffle_epi8(all, out->w[0]);
    out->w[1] = _mm512_shuffle_epi8(all, out->w[1]);
}

static WF_INLINE void load_IQ4_NL(const uint8_t *b, struct unit *out)
{
    load_Q4_0(b, out);
    look_up(wf_dtype__iq4, out);
}

static WF_INLINE void load_MXFP4(const uint8_t *b, struct unit *out)
{
    __m128i e = _mm_setr_epi32(b[0], b[17], b[34], b[51]);
    __m128i normal = _mm_slli_epi32(_mm_sub_epi32(e, _mm_set1_epi32(1)), 23);
    __m128i small = _mm_sllv_epi32(_mm_set1_epi32(0x00200000), e); /* subnormal below 2 */
    __mmask8 is_normal = _mm_cmpge_epi32_mask(e, _mm_set1_epi32(2));

    nibbles(four_16(b + 1, 17), out);
    look_up(wf_dtype__fp4, out);
    out->scale = out->low = _mm_castsi128_ps(_mm_mask_mov_epi32(small, is_normal, normal));
}

/* ---- multiplying ---- */

/* Lanes 4i..4i+3: i; and lanes 8i..8i+7: first + i. */
static WF_INLINE __m512i fourths(void)
{
    return _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
}

static WF_INLINE __m512i two(int first)
{
    return _mm512_inserti64x4(_mm512_set1_epi32(first), _mm256_set1_epi32(first + 1), 1);
}

static WF_INLINE __m512 add_scaled(__m512i sums, __m512 scales, __m512i at, __m512 acc)
{
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_permutexvar_ps(at, scales), acc);
}

/* One token's unit. */
static WF_INLINE void add(bool by_halves, const struct unit *u, const int8_t *q,
                          const struct wf_avx512_meta32 *m, __m512 *acc, __m128 *low)
{
    __m512 by = _mm512_castps128_ps512(_mm_mul_ps(u->scale, _mm_loadu_ps(m->scales)));
    __m512i x = _mm512_loadu_si512(q), y = _mm512_loadu_si512(q + 64);
    __m512i sums = _mm512_dpbusd_epi32(_mm512_setzero_si512(), u->w[0], x);

    if (by_halves) {
        *acc = add_scaled(_mm512_dpbusd_epi32(sums, u->w[1], y), by, fourths(), *acc);
    } else {
        *acc = add_scaled(sums, by, two(0), *acc);
        sums = _mm512_dpbusd_epi32(_mm512_setzero_si512(), u->w[1], y);
        *acc = add_scaled(sums, by, two(2), *acc);
    }
    *low = _mm_fmadd_ps(u->low, _mm_loadu_ps(m->sums), *low);
}

/* A row's last unit, of fewer than four blocks. */
static WF_INLINE void load_last(struct way way, const uint8_t *row, size_t n_in, struct unit *out)
{
    size_t n_blocks = n_in / 32;
    uint8_t copy[4 * 34] = {0};

    if (n_blocks >= 4) { /* what was met already meets nothing: avx512_few.h */
        way.load(row + (n_blocks - 4) * way.block_bytes, out);
        return;
    }
    memcpy(copy, row, n_blocks * way.block_bytes);
    way.load(copy, out);
}

/* Tokens of a product, and where what goes with their bytes begins. */
struct tokens {
    const uint8_t *x[WF_AVX512_FEW_MAX];
    size_t values;
};

/* n tokens' i-th unit. */
static WF_INLINE void meet(struct way way, size_t n, const struct unit *u, const struct tokens *k,
                           size_t i, __m512 *acc, __m128 *low)
{
    for (size_t t = 0; t < n; t++) {
        const void *meta = k->x[t] + k->values + i * sizeof(struct wf_avx512_meta32);
        add(way.by_halves, u, (const int8_t *)k->x[t] + 128 * i, meta, &acc[t], &low[t]);
    }
}

/* What one row and token come to; and four of them. */
static WF_INLINE float sum_1(float offset, __m512 acc, __m128 low)
{
    float sum = wf_avx512_sum(acc);
    __m128 l = _mm_hadd_ps(low, low);

    l = _mm_hadd_ps(l, l);
    return offset != 0.0f ? sum - offset * _mm_cvtss_f32(l) : sum + _mm_cvtss_f32(l);
}

static WF_INLINE __m128 sum_4(float offset, const __m512 acc[4], const __m128 low[4])
{
    __m128 sum = wf_avx512_sum_4(acc);
    __m128 l = _mm_hadd_ps(_mm_hadd_ps(low[0], low[1]), _mm_hadd_ps(low[2], low[3]));

    return offset != 0.0f ? _mm_sub_ps(sum, _mm_mul_ps(_mm_set1_ps(offset), l))
                          : _mm_add_ps(sum, l);
}

/* What n tokens come to with one row. */
struct sums {
    __m512 acc[WF_AVX512_FEW_MAX];
    __m128 low[WF_AVX512_FEW_MAX];
};

static WF_INLINE void begin(size_t n, struct sums *s)
{
    for (size_t t = 0; t < n; t++) {
        s->acc[t] = _mm512_setzero_ps();
        s->low[t] = _mm_setzero_ps();
    }
}

/* Sums of a row with n tokens, n_tok of which are wanted. */
static WF_INLINE void store(float offset, size_t n, const struct sums *s, size_t n_tok, float *out,
                            size_t ld)
{
    float sums[WF_AVX512_FEW_MAX];

    for (size_t k = 0; k < n; k += 4) {
        if (n >= 4)
            _mm_storeu_ps(sums + k, sum_4(offset, s->acc + k, s->low + k));
        for (size_t j = k; j < n && n < 4; j++)
            sums[j] = sum_1(offset, s->acc[j], s->low[j]);
    }
    for (size_t t = 0; t < n && t < n_tok; t++)
        out[t * ld] = sums[t];
}

/* One row with n tokens (known when compiled). */
static WF_INLINE void multiply_row(struct way way, size_t n, const struct tokens *k,
                                   const struct wf_avx512_rows *a, size_t row)
{
    size_t n_units = a->n_in / 128, bytes = 4 * way.block_bytes;
    const uint8_t *w = a->w + row * a->row_bytes;
    struct sums s;
    struct unit u;

    begin(n, &s);
    for (size_t i = 0; i < n_units; i++) {
        wf_avx512_fetch(w + i * bytes, bytes);
        way.load(w + i * bytes, &u);
        meet(way, n, &u, k, i, s.acc, s.low);
    }
    if (a->n_in % 128 > 0) {
        load_last(way, w, a->n_in, &u);
        meet(way, n, &u, k, n_units, s.acc, s.low);
    }
    store(way.offset, n, &s, n, a->out + row, a->ld);
}

/* Units [from, to) of one row with n tokens; the last one may be short, see load_last. */
static WF_INLINE void meet_piece(struct way way, size_t n, const struct tokens *k,
                                 const struct wf_avx512_rows *a, size_t row, size_t from, size_t to,
                                 struct sums *s)
{
    size_t bytes = 4 * way.block_bytes, n_units = a->n_in / 128;
    const uint8_t *w = a->w + row * a->row_bytes;
    __m512 acc[WF_AVX512_FEW_MAX];
    __m128 low[WF_AVX512_FEW_MAX];
    struct unit u;

    for (size_t t = 0; t < n; t++) {
        acc[t] = s->acc[t];
        low[t] = s->low[t];
    }
    for (size_t i = from; i < to && i < n_units; i++) {
        wf_avx512_fetch_piece(w + i * bytes, bytes, a->row_bytes);
        way.load(w + i * bytes, &u);
        meet(way, n, &u, k, i, acc, low);
    }
    if (to > n_units) {
        load_last(way, w, a->n_in, &u);
        meet(way, n, &u, k, n_units, acc, low);
    }
    for (size_t t = 0; t < n; t++) {
        s->acc[t] = acc[t];
        s->low[t] = low[t];
    }
}

/* All rows with n tokens, a piece of them at a time. */
static WF_INLINE void multiply_pieces(struct way way, size_t n, const struct wf_avx512_rows *a,
                                      size_t n_tok)
{
    struct tokens k = {.values = wf_avx512_few_values(a->n_in, false)};
    size_t n_units = k.values / 128, piece = WF_AVX512_FEW_PIECE / 128 / n;
    struct sums s[WF_AVX512_FEW_ROWS];

    for (size_t t = 0; t < n; t++)
        k.x[t] = a->x + (t < n_tok ? t : 0) * a->x_bytes;
    for (size_t row = 0; row < a->n_rows; row += WF_AVX512_FEW_ROWS) {
        size_t n_rows = a->n_rows - row;
        n_rows = n_rows < WF_AVX512_FEW_ROWS ? n_rows : WF_AVX512_FEW_ROWS;
        for (size_t r = 0; r < n_rows; r++)
            begin(n, &s[r]);
        for (size_t i = 0; i < n_units; i += piece) {
            for (size_t r = 0; r < n_rows; r++)
                meet_piece(way, n, &k, a, row + r, i, i + piece < n_units ? i + piece : n_units,
                           &s[r]);
        }
        for (size_t r = 0; r < n_rows; r++)
            store(way.offset, n, &s[r], n_tok, a->out + row + r, a->ld);
    }
}

/* All rows, one behind the other, as memory likes it best. */
static WF_INLINE void multiply_rows(struct way way, size_t n, const struct wf_avx512_rows *a)
{
    struct tokens k = {.values = wf_avx512_few_values(a->n_in, false)};

    for (size_t t = 0; t < n; t++)
        k.x[t] = a->x + t * a->x_bytes;
    for (size_t row = 0; row < a->n_rows; row++)
        multiply_row(way, n, &k, a, row);
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

#define MULTIPLY(name, bytes, moved_by, are_halves)                                                \
    static void multiply_##name(const struct wf_avx512_rows *a, size_t n_tok)                      \
    {                                                                                              \
        struct way way;                                                                            \
        way.load = load_##name;                                                                    \
        way.block_bytes = bytes;                                                                   \
        way.offset = moved_by;                                                                     \
        way.by_halves = are_halves;                                                                \
        multiply(way, a, n_tok);                                                                   \
    }
MULTIPLY(Q4_0, 18, 8.0f, true)
MULTIPLY(Q4_1, 20, 0.0f, true)
MULTIPLY(Q5_0, 22, 16.0f, true)
MULTIPLY(Q5_1, 24, 0.0f, true)
MULTIPLY(Q8_0, 34, 128.0f, false)
MULTIPLY(IQ4_NL, 18, 128.0f, true)
MULTIPLY(MXFP4, 17, 128.0f, true)
#undef MULTIPLY

static void multiply_any(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok)
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

void wf_avx512__few_32(enum wf_dtype_id id, const struct wf_avx512_rows *a, size_t n_tok)
{
    multiply_any(id, a, n_tok);
}
#endif
