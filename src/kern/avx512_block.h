/* Blocks of 256 quantised weights in AVX-512 registers, as bytes with their scales: for each data
 * type that models come in one small function loads a block. Only files that are compiled with
 * AVX-512 (F, BW, DQ, VL) and F16C include this. Threads: any. */
#ifndef WF_KERN_AVX512_BLOCK_H
#define WF_KERN_AVX512_BLOCK_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kern/x86_group.h"

/* 256 weights: four registers of bytes, and the scales of parts of 32 or 16 values, behind which
 * nothing is said. */
struct wf_avx512_block {
    __m512i w[4];
    __m512 scales;
};

/* Loads a block. */
typedef void (*wf_avx512_block_fn)(const uint8_t *b, struct wf_avx512_block *out);

/* Low nibbles of 32 bytes, then the high ones. */
static WF_INLINE __m512i wf_avx512__nibbles_64(const uint8_t *p)
{
    __m256i v = wf_x86__load32(p);
    __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(v), _mm256_srli_epi16(v, 4), 1);

    return _mm512_and_si512(both, _mm512_set1_epi8(15));
}

/* The 8 scales and, behind them, 8 minima of Q4_K and Q5_K, of 6 bits in 12 bytes. */
static WF_INLINE __m128i wf_avx512__parts_k(const uint8_t *b)
{
    uint32_t s[3], v[4];

    memcpy(s, b + 4, sizeof(s));
    v[0] = s[0] & 0x3f3f3f3fu;
    v[1] = (s[2] & 0x0f0f0f0fu) | (s[0] >> 6 & 0x03030303u) << 4;
    v[2] = s[1] & 0x3f3f3f3fu;
    v[3] = (s[2] >> 4 & 0x0f0f0f0fu) | (s[1] >> 6 & 0x03030303u) << 4;
    return _mm_setr_epi32((int)v[0], (int)v[1], (int)v[2], (int)v[3]);
}

/* The scales among them times d. */
static WF_INLINE __m512 wf_avx512__scales_k(const uint8_t *b)
{
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(wf_avx512__parts_k(b))),
                         _mm512_set1_ps(wf_x86__load_half(b)));
}

/* A block of Q4_K. */
static WF_INLINE void wf_avx512__block_Q4_K(const uint8_t *b, struct wf_avx512_block *out)
{
    out->scales = wf_avx512__scales_k(b);
    for (int j = 0; j < 4; j++)
        out->w[j] = wf_avx512__nibbles_64(b + 16 + 32 * j);
}

/* A block of Q5_K. */
static WF_INLINE void wf_avx512__block_Q5_K(const uint8_t *b, struct wf_avx512_block *out)
{
    __m256i h = wf_x86__load32(b + 16);
    __m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(h), _mm256_srli_epi16(h, 1), 1);
    __m512i fifth = _mm512_set1_epi8(16);

    out->scales = wf_avx512__scales_k(b);
    for (int j = 0; j < 4; j++)
        out->w[j] = wf_avx512__nibbles_64(b + 48 + 32 * j);
    out->w[0] = _mm512_or_si512(out->w[0], _mm512_and_si512(_mm512_slli_epi16(high, 4), fifth));
    out->w[1] = _mm512_or_si512(out->w[1], _mm512_and_si512(_mm512_slli_epi16(high, 2), fifth));
    out->w[2] = _mm512_or_si512(out->w[2], _mm512_and_si512(high, fifth));
    out->w[3] = _mm512_or_si512(out->w[3], _mm512_and_si512(_mm512_srli_epi16(high, 2), fifth));
}

/* A block of Q6_K, 32 added. */
static WF_INLINE void wf_avx512__block_Q6_K(const uint8_t *b, struct wf_avx512_block *out)
{
    __m128i s = _mm_loadu_si128((const __m128i *)(const void *)(b + 192));
    __m512i low_mask = _mm512_set1_epi8(15), high_mask = _mm512_set1_epi8(0x30);

    for (int j = 0; j < 2; j++) {
        __m512i low = _mm512_loadu_si512(b + 64 * j);
        __m256i h = wf_x86__load32(b + 128 + 32 * j);
        __m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(h), _mm256_srli_epi16(h, 2), 1);
        __m512i first = _mm512_and_si512(_mm512_slli_epi16(high, 4), high_mask);
        __m512i second = _mm512_and_si512(high, high_mask);
        out->w[2 * j] = _mm512_or_si512(_mm512_and_si512(low, low_mask), first);
        low = _mm512_and_si512(_mm512_srli_epi16(low, 4), low_mask);
        out->w[2 * j + 1] = _mm512_or_si512(low, second);
    }
    out->scales = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(s)),
                                _mm512_set1_ps(wf_x86__load_half(b + 208)));
}

/* The scales of 8 blocks of 32. */
static WF_INLINE __m512 wf_avx512__scales_of_8(const uint8_t *b, size_t bytes)
{
    uint16_t h[8];

    for (size_t i = 0; i < 8; i++)
        memcpy(&h[i], b + i * bytes, sizeof(h[i]));
    return _mm512_castps256_ps512(
        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)h)));
}

/* 64 nibbles of two blocks of 32: the low ones of 16 bytes, then their high ones. */
static WF_INLINE __m512i wf_avx512__nibbles_32(const uint8_t *first, const uint8_t *second)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)first);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)second);
    __m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_broadcastsi128_si256(a)),
                                   _mm256_broadcastsi128_si256(b), 1);

    v = _mm512_srlv_epi64(v, _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4));
    return _mm512_and_si512(v, _mm512_set1_epi8(15));
}

/* A block of Q4_0, 8 added. */
static WF_INLINE void wf_avx512__block_Q4_0(const uint8_t *b, struct wf_avx512_block *out)
{
    for (int j = 0; j < 4; j++) {
        out->w[j] = wf_avx512__nibbles_32(b + 36 * j + 2, b + 36 * j + 20);
    }
    out->scales = wf_avx512__scales_of_8(b, 18);
}

/* Entries of a table of 16. */
static WF_INLINE __m512i wf_avx512__looked_up(const int8_t *table, __m512i index)
{
    __m128i t = _mm_loadu_si128((const __m128i *)(const void *)table);

    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), index);
}

/* A block of IQ4_NL; its bytes are signed. */
static WF_INLINE void wf_avx512__block_IQ4_NL(const uint8_t *b, struct wf_avx512_block *out)
{
    for (int j = 0; j < 4; j++) {
        __m512i v = wf_avx512__nibbles_32(b + 36 * j + 2, b + 36 * j + 20);
        out->w[j] = wf_avx512__looked_up(wf_dtype__iq4, v);
    }
    out->scales = wf_avx512__scales_of_8(b, 18);
}

/* A block of IQ4_XS; its bytes are signed. */
static WF_INLINE void wf_avx512__block_IQ4_XS(const uint8_t *b, struct wf_avx512_block *out)
{
    int32_t low;
    __m256i l, h;

    memcpy(&low, b + 4, sizeof(low));
    l = _mm256_srlv_epi32(_mm256_set1_epi32(low), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
    h = _mm256_srlv_epi32(_mm256_set1_epi32(b[2] | b[3] << 8),
                          _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
    h = _mm256_slli_epi32(_mm256_and_si256(h, _mm256_set1_epi32(3)), 4);
    l = _mm256_or_si256(_mm256_and_si256(l, _mm256_set1_epi32(15)), h);
    l = _mm256_sub_epi32(l, _mm256_set1_epi32(32));
    for (int j = 0; j < 4; j++) {
        __m512i v = wf_avx512__nibbles_32(b + 8 + 32 * j, b + 24 + 32 * j);
        out->w[j] = wf_avx512__looked_up(wf_dtype__iq4, v);
    }
    out->scales = _mm512_castps256_ps512(
        _mm256_mul_ps(_mm256_cvtepi32_ps(l), _mm256_set1_ps(wf_x86__load_half(b))));
}

/* A block of Q8_0; its bytes are signed. */
static WF_INLINE void wf_avx512__block_Q8_0(const uint8_t *b, struct wf_avx512_block *out)
{
    for (int j = 0; j < 4; j++) {
        __m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(wf_x86__load32(b + 68 * j + 2)),
                                       wf_x86__load32(b + 68 * j + 36), 1);
        out->w[j] = v;
    }
    out->scales = wf_avx512__scales_of_8(b, 34);
}

#endif
