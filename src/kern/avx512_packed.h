/* Packed weights (packed.h) in AVX-512 registers: for each type, how four values of each of 16 rows
 * become unsigned bytes, and what scales them. Only files that are compiled with AVX-512 (F, BW,
 * DQ, VL) include this. Threads: any. */
#ifndef WF_KERN_AVX512_PACKED_H
#define WF_KERN_AVX512_PACKED_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/dtype_internal.h"
#include "kern/x86_group.h"

/* What 256 values of 16 rows meet: the scales of their steps of 32 or 16 values and, for types with
 * minima, these as words of two steps each, and what words are multiplied by. */
struct wf_packed_scales {
    __m512 step[16];
    __m512i words[4];
    __m512 by;
};

/* Values 4 * u .. of step s of part c of a block of 256 (of one of 32: of the block), plus what the
 * type moves them up by; s and u are known when compiled. */
typedef __m512i (*wf_packed_unit_fn)(const uint8_t *w, size_t c, size_t s, size_t u);

/* The scales of a block of 256 values; halves apart where the type has such. */
typedef void (*wf_packed_scales_fn)(const uint8_t *w, const uint8_t *halves,
                                    struct wf_packed_scales *out);

/* Dword i of 16 rows. */
static WF_INLINE __m512i wf_packed_dword(const uint8_t *w, size_t i)
{
    return _mm512_loadu_si512(w + 64 * i);
}

/* v & mask, byte by byte */
static WF_INLINE __m512i wf_packed_and(__m512i v, int mask)
{
    return _mm512_and_si512(v, _mm512_set1_epi8((char)mask));
}

/* w | (v & mask) */
static WF_INLINE __m512i wf_packed_or(__m512i w, __m512i v, int mask)
{
    return _mm512_ternarylogic_epi32(w, v, _mm512_set1_epi8((char)mask), 0xf8);
}

/* Low nibbles, or the high ones. */
static WF_INLINE __m512i wf_packed_nibbles(__m512i v, bool high)
{
    return wf_packed_and(high ? _mm512_srli_epi16(v, 4) : v, 15);
}

/* 16 halves. */
static WF_INLINE __m512 wf_packed_halves(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

/* Those in the lower halves of dwords. */
static WF_INLINE __m512 wf_packed_lower(__m512i v)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

/* And in the upper ones. */
static WF_INLINE __m512 wf_packed_upper(__m512i v)
{
    return wf_packed_lower(_mm512_srli_epi32(v, 16));
}

/* Byte k of dwords as numbers. */
static WF_INLINE __m512 wf_packed_byte(__m512i v, size_t k)
{
    v = k > 0 ? _mm512_srli_epi32(v, (unsigned)(8 * k)) : v;
    return _mm512_cvtepi32_ps(k < 3 ? _mm512_and_si512(v, _mm512_set1_epi32(255)) : v);
}

/* The same where bytes have a sign. */
static WF_INLINE __m512 wf_packed_signed_byte(__m512i v, size_t k)
{
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * k)), 24));
}

/* ---- Q4_K, Q5_K ---- */

/* 6 bits each of scales and minima in three dwords, d and dmin in the first one. */
static WF_INLINE void wf_packed_scales_k(const uint8_t *w, const uint8_t *halves,
                                         struct wf_packed_scales *out)
{
    __m512i both = wf_packed_dword(w, 0), a = wf_packed_dword(w, 1), b = wf_packed_dword(w, 2);
    __m512i c = wf_packed_dword(w, 3), scales[2], min[2];
    __m512i spread = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
    __m512 d = wf_packed_lower(both);

    (void)halves;
    scales[0] = wf_packed_and(a, 0x3f);
    scales[1] = wf_packed_or(wf_packed_and(c, 15), _mm512_srli_epi32(a, 2), 0x30);
    min[0] = wf_packed_and(b, 0x3f);
    min[1] =
        wf_packed_or(wf_packed_and(_mm512_srli_epi32(c, 4), 15), _mm512_srli_epi32(b, 2), 0x30);
    for (size_t k = 0; k < 8; k++)
        out->step[k] = _mm512_mul_ps(wf_packed_byte(scales[k / 4], k % 4), d);
    for (size_t k = 0; k < 4; k++)
        out->words[k] = _mm512_shuffle_epi8(
            k % 2 == 0 ? min[k / 2] : _mm512_srli_epi32(min[k / 2], 16), spread);
    out->by = _mm512_sub_ps(_mm512_setzero_ps(), wf_packed_upper(both));
}

/* Parts of 64 values, two steps of 32: low and high nibbles of 8 dwords. */
static WF_INLINE __m512i wf_packed_unit_Q4_K(const uint8_t *w, size_t c, size_t s, size_t u)
{
    return wf_packed_nibbles(wf_packed_dword(w, 4 + 8 * c + u), s == 1);
}

/* The fifth bit of step i is bit i of 8 dwords. */
static WF_INLINE __m512i wf_packed_unit_Q5_K(const uint8_t *w, size_t c, size_t s, size_t u)
{
    __m512i v = wf_packed_nibbles(wf_packed_dword(w, 12 + 8 * c + u), s == 1);
    __m512i turned =
        _mm512_rolv_epi32(wf_packed_dword(w, 4 + u), _mm512_set1_epi32((int)(36 - 2 * c - s)));

    return wf_packed_or(v, turned, 16);
}

/* ---- Q6_K ---- */

/* A scale is a byte of the last dwords, times d. */
static WF_INLINE void wf_packed_scales_Q6_K(const uint8_t *w, const uint8_t *halves,
                                            struct wf_packed_scales *out)
{
    __m512 d = wf_packed_halves(halves);

    for (size_t k = 0; k < 16; k++)
        out->step[k] =
            _mm512_mul_ps(wf_packed_signed_byte(wf_packed_dword(w, 48 + k / 4), k % 4), d);
}

/* Parts of 128 values, eight steps of 16; 32 added. */
static WF_INLINE __m512i wf_packed_unit_Q6_K(const uint8_t *w, size_t c, size_t s, size_t u)
{
    size_t group = s / 2, i = s % 2 * 4 + u; /* of 32 values, of which the high bits go together */
    __m512i v = wf_packed_nibbles(wf_packed_dword(w, 16 * c + group % 2 * 8 + i), group > 1);
    __m512i high = wf_packed_dword(w, 32 + 8 * c + i);

    if (group < 2)
        high = _mm512_slli_epi16(high, group == 0 ? 4 : 2);
    else if (group == 3)
        high = _mm512_srli_epi16(high, 2);
    return wf_packed_or(v, high, 0x30);
}

/* ---- IQ4_XS ---- */

/* Scales of 6 bits, two of them behind d, four in the second dword. */
static WF_INLINE void wf_packed_scales_IQ4_XS(const uint8_t *w, const uint8_t *halves,
                                              struct wf_packed_scales *out)
{
    __m512i both = wf_packed_dword(w, 0), low = wf_packed_dword(w, 1);
    __m512 d = wf_packed_lower(both);

    (void)halves;
    for (size_t k = 0; k < 8; k++) {
        __m512i v =
            _mm512_and_si512(_mm512_srli_epi32(low, (unsigned)(4 * k)), _mm512_set1_epi32(15));
        __m512i high = _mm512_srli_epi32(both, (unsigned)(12 + 2 * k));
        v = _mm512_ternarylogic_epi32(v, high, _mm512_set1_epi32(0x30), 0xf8);
        v = _mm512_sub_epi32(v, _mm512_set1_epi32(32));
        out->step[k] = _mm512_mul_ps(_mm512_cvtepi32_ps(v), d);
    }
}

/* Parts of 32 values, one step; 128 added. */
static WF_INLINE __m512i wf_packed_unit_IQ4_XS(const uint8_t *w, size_t c, size_t s, size_t u)
{
    __m128i table = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)wf_dtype__iq4),
                                  _mm_set1_epi8((char)0x80));

    (void)s;
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table),
                               wf_packed_nibbles(wf_packed_dword(w, 2 + 4 * c + u % 4), u >= 4));
}

/* ---- unpacked ---- */

/* Parts of 32 values, one step. */
static WF_INLINE __m512i wf_packed_unit_bytes32(const uint8_t *w, size_t c, size_t s, size_t u)
{
    (void)s;
    return wf_packed_dword(w, 8 * c + u);
}

/* The same where there are minima. */
static WF_INLINE __m512i wf_packed_unit_bytes32_min(const uint8_t *w, size_t c, size_t s, size_t u)
{
    return wf_packed_unit_bytes32(w, c, s, u);
}

/* Two steps of 16. */
static WF_INLINE __m512i wf_packed_unit_bytes16(const uint8_t *w, size_t c, size_t s, size_t u)
{
    return wf_packed_dword(w, 8 * c + 4 * s + u);
}

/* ---- blocks of 32 ---- */

/* 8 added. */
static WF_INLINE __m512i wf_packed_unit_Q4_0(const uint8_t *w, size_t c, size_t s, size_t u)
{
    (void)c;
    (void)s;
    return wf_packed_nibbles(wf_packed_dword(w, u % 4), u >= 4);
}

/* The same times 16. */
static WF_INLINE __m512i wf_packed_unit_Q4_0_times_16(const uint8_t *w, size_t c, size_t s,
                                                      size_t u)
{
    __m512i v = wf_packed_dword(w, u % 4);

    (void)c;
    (void)s;
    return wf_packed_and(u >= 4 ? v : _mm512_slli_epi16(v, 4), 0xf0);
}

/* Unpacked. */
static WF_INLINE __m512i wf_packed_unit_blocks32(const uint8_t *w, size_t c, size_t s, size_t u)
{
    (void)c;
    (void)s;
    return wf_packed_dword(w, u);
}

/* 128 added. */
static WF_INLINE __m512i wf_packed_unit_Q8_0(const uint8_t *w, size_t c, size_t s, size_t u)
{
    (void)c;
    (void)s;
    return _mm512_xor_si512(wf_packed_dword(w, u), _mm512_set1_epi8((char)0x80));
}

#endif
