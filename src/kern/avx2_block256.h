/* Weights in blocks of 256 as AVX2 kernels load them: a block's scales as words, and 64 values at a
 * time as bytes. Q2_K, Q4_K and Q5_K are unsigned and have minima; Q3_K and Q6_K are unsigned,
 * moved up by 4 and 32; IQ4_XS is signed. Only files that are compiled with AVX2, FMA and F16C
 * include this. Threads: any. */
#ifndef WF_KERN_AVX2_BLOCK256_H
#define WF_KERN_AVX2_BLOCK256_H

#include "kern/avx2_few.h"

/* Of a block. Of IQ4_XS each half of a register has its groups' in words 0 to 3: the even ones, the
 * odd ones; words 4 to 7 are nothing. */
struct wf_avx2_scales {
    __m256i by;  /* words: of the first halves of the groups of 32, of the others */
    __m256i low; /* minima, in the same order */
    float d, dmin;
};

/* Scales of a block; 64 weights from 64 * j on (j known when compiled). */
typedef void (*wf_avx2_scales_fn)(const uint8_t *b, struct wf_avx2_scales *out);
typedef void (*wf_avx2_load_fn)(const uint8_t *b, int j, __m256i w[2]);

/* The bits of a mask of each byte. */
static WF_INLINE __m256i wf_avx2_and_8(__m256i v, int mask)
{
    return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

/* Bits of 32 bytes turned right by so many; what crosses bytes is masked later. */
static WF_INLINE __m256i wf_avx2_turned(__m256i v, int n)
{
    return n >= 0 ? _mm256_srli_epi16(v, n) : _mm256_slli_epi16(v, -n);
}

/* The two numbers of half precision at p. */
static WF_INLINE void wf_avx2_two_halves(const uint8_t *p, float *a, float *b)
{
    int32_t both;

    memcpy(&both, p, sizeof(both));
    __m128 v = _mm_cvtph_ps(_mm_cvtsi32_si128(both));
    *a = _mm_cvtss_f32(v);
    *b = _mm_cvtss_f32(_mm_movehdup_ps(v));
}

/* The 8 scales and 8 minima of Q4_K and Q5_K, of 6 bits in 12 bytes: four scales and four minima
 * whole, and of the other eight the lower bits in the last four bytes, the upper ones above those
 * that are whole. */
static WF_INLINE void wf_avx2_scales_k(const uint8_t *b, struct wf_avx2_scales *out)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(b + 4));
    __m128i low = _mm_srlv_epi32(_mm_shuffle_epi32(v, 0x98), _mm_setr_epi32(0, 0, 0, 4));
    __m128i high = _mm_srli_epi32(_mm_shuffle_epi32(v, 0x50), 2);

    low = _mm_and_si128(low, _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    high = _mm_and_si128(high, _mm_setr_epi32(0, 0x30303030, 0, 0x30303030));
    __m256i words = _mm256_cvtepu8_epi16(_mm_or_si128(low, high));
    out->by = _mm256_permute4x64_epi64(words, 0x44);
    out->low = _mm256_permute4x64_epi64(words, 0xee);
    wf_avx2_two_halves(b, &out->d, &out->dmin);
}

/* Unsigned, of 4 bits. */
static WF_INLINE void wf_avx2_load_Q4_K(const uint8_t *b, int j, __m256i w[2])
{
    wf_avx2_nibbles(wf_x86__load32(b + 16 + 32 * j), w);
}

/* Unsigned, of 5 bits. */
static WF_INLINE void wf_avx2_load_Q5_K(const uint8_t *b, int j, __m256i w[2])
{
    __m256i high = wf_x86__load32(b + 16);

    wf_avx2_nibbles(wf_x86__load32(b + 48 + 32 * j), w);
    w[0] = _mm256_or_si256(w[0], wf_avx2_and_8(wf_avx2_turned(high, 2 * j - 4), 16));
    w[1] = _mm256_or_si256(w[1], wf_avx2_and_8(wf_avx2_turned(high, 2 * j - 3), 16));
}

/* Bytes of 16 scales: every second one, then the others. */
static WF_INLINE __m128i wf_avx2_by_twos(__m128i s)
{
    return _mm_shuffle_epi8(s, _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
}

/* Q6_K's 16 scales of 8 bits. */
static WF_INLINE void wf_avx2_scales_q6(const uint8_t *b, struct wf_avx2_scales *out)
{
    const __m128i *s = (const __m128i *)(const void *)(b + 192);

    out->by = out->low = _mm256_cvtepi8_epi16(wf_avx2_by_twos(_mm_loadu_si128(s)));
    out->d = wf_x86__load_half(b + 208);
}

/* Moved up by 32. */
static WF_INLINE void wf_avx2_load_Q6_K(const uint8_t *b, int j, __m256i w[2])
{
    const uint8_t *low = b + j / 2 * 64;
    __m256i high = wf_x86__load32(b + 128 + j / 2 * 32);

    for (int i = 0; i < 2; i++) {
        __m256i v = wf_x86__load32(low + 32 * i);
        w[i] = wf_avx2_and_8(wf_avx2_turned(v, j % 2 * 4), 15);
        w[i] =
            _mm256_or_si256(w[i], wf_avx2_and_8(wf_avx2_turned(high, j % 2 * 4 + 2 * i - 4), 0x30));
    }
}

/* Q2_K's 16 scales and minima of 4 bits. */
static WF_INLINE void wf_avx2_scales_q2(const uint8_t *b, struct wf_avx2_scales *out)
{
    __m128i s = wf_avx2_by_twos(_mm_loadu_si128((const __m128i *)(const void *)b));
    __m128i mask = _mm_set1_epi8(15);

    out->by = _mm256_cvtepu8_epi16(_mm_and_si128(s, mask));
    out->low = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(s, 4), mask));
    out->d = wf_x86__load_half(b + 80);
    out->dmin = wf_x86__load_half(b + 82);
}

/* Unsigned, of 2 bits. */
static WF_INLINE void wf_avx2_load_Q2_K(const uint8_t *b, int j, __m256i w[2])
{
    __m256i v = wf_x86__load32(b + 16 + j / 2 * 32);

    w[0] = wf_avx2_and_8(wf_avx2_turned(v, j % 2 * 4), 3);
    w[1] = wf_avx2_and_8(wf_avx2_turned(v, j % 2 * 4 + 2), 3);
}

/* The 16 scales of Q3_K, of 6 bits in 12 bytes. */
static WF_INLINE void wf_avx2_scales_q3(const uint8_t *b, struct wf_avx2_scales *out)
{
    uint64_t low;
    uint32_t s;

    memcpy(&low, b + 96, sizeof(low));
    memcpy(&s, b + 104, sizeof(s));
    uint64_t high = s, nibble = 0x0f0f0f0f0f0f0f0fu, two = 0x3030303030303030u;
    uint64_t first = (low & nibble) | ((high << 4 | high << 34) & two);
    uint64_t second = (low >> 4 & nibble) | ((high | high << 30) & two);
    __m128i v = _mm_set_epi64x((long long)second, (long long)first);
    v = _mm_sub_epi8(v, _mm_set1_epi8(32));
    out->by = out->low = _mm256_cvtepi8_epi16(wf_avx2_by_twos(v));
    out->d = wf_x86__load_half(b + 108);
}

/* Moved up by 4. */
static WF_INLINE void wf_avx2_load_Q3_K(const uint8_t *b, int j, __m256i w[2])
{
    __m256i high = wf_x86__load32(b);

    wf_avx2_load_Q2_K(b + 16, j, w);
    w[0] = _mm256_or_si256(w[0], wf_avx2_and_8(wf_avx2_turned(high, 2 * j - 2), 4));
    w[1] = _mm256_or_si256(w[1], wf_avx2_and_8(wf_avx2_turned(high, 2 * j - 1), 4));
}

/* The 8 scales of IQ4_XS, of 6 bits: two above (16 bits), four below (32). */
static WF_INLINE void wf_avx2_scales_xs(const uint8_t *b, struct wf_avx2_scales *out)
{
    __m256i h, l;
    uint16_t high;
    int32_t low;

    memcpy(&high, b + 2, sizeof(high));
    memcpy(&low, b + 4, sizeof(low));
    /* Scales 0, 2, 4 and 6 first, and of each the lower word. */
    h = _mm256_srlv_epi32(_mm256_set1_epi32(high), _mm256_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14));
    l = _mm256_srlv_epi32(_mm256_set1_epi32(low), _mm256_setr_epi32(0, 8, 16, 24, 4, 12, 20, 28));
    h = _mm256_slli_epi32(_mm256_and_si256(h, _mm256_set1_epi32(3)), 4);
    l = _mm256_or_si256(_mm256_and_si256(l, _mm256_set1_epi32(15)), h);
    out->by = _mm256_packs_epi32(_mm256_sub_epi32(l, _mm256_set1_epi32(32)), l);
    out->d = wf_x86__load_half(b);
}

/* Signed: the first halves of two groups of 32, then the others. */
static WF_INLINE void wf_avx2_load_IQ4_XS(const uint8_t *b, int j, __m256i w[2])
{
    __m256i table = wf_avx2_table(wf_dtype__iq4);

    wf_avx2_nibbles(wf_x86__load32(b + 8 + 32 * j), w);
    w[0] = _mm256_shuffle_epi8(table, w[0]);
    w[1] = _mm256_shuffle_epi8(table, w[1]);
}

#endif
