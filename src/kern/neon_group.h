/* Groups of 32 quantised weights in registers, for the aarch64 kernels: for each data type one
 * small function loads a group. Threads: any. */
#ifndef WF_KERN_NEON_GROUP_H
#define WF_KERN_NEON_GROUP_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "kern/dtype_internal.h"
#include "kern/half.h"

#define WF_INLINE inline __attribute__((always_inline))

struct wf_neon_group {
    int8x16_t w[2];
    float scale[2]; /* of each half */
    float min[2];   /* added for each unit of the activations of a half */
};

/* Loads group i of a row; min is untouched where the type has none. */
typedef void (*wf_neon_load_fn)(const uint8_t *row, size_t i, struct wf_neon_group *out);

/* A half-precision number. */
static WF_INLINE float wf_neon__load_half(const uint8_t *p)
{
    uint16_t h;

    memcpy(&h, p, sizeof(h));
    return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(h))), 0);
}

/* Both halves scaled alike. */
static WF_INLINE void wf_neon__scale(float scale, struct wf_neon_group *out)
{
    out->scale[0] = out->scale[1] = scale;
}

/* 16 bytes as 32 nibbles, the low ones first. */
static WF_INLINE void wf_neon__nibbles(const uint8_t *p, uint8x16_t out[2])
{
    uint8x16_t b = vld1q_u8(p);

    out[0] = vandq_u8(b, vdupq_n_u8(15));
    out[1] = vshrq_n_u8(b, 4);
}

/* Bits [shift, shift + n) of 32 bytes, for mask = 2^n - 1. */
static WF_INLINE void wf_neon__bits(const uint8_t *p, int shift, uint8_t mask, uint8x16_t out[2])
{
    int8x16_t by = vdupq_n_s8((int8_t)-shift);

    for (int h = 0; h < 2; h++)
        out[h] = vandq_u8(vshlq_u8(vld1q_u8(p + 16 * h), by), vdupq_n_u8(mask));
}

/* 16 in byte i where bit i of the 32 is set, or-ed to what is there. */
static WF_INLINE void wf_neon__fifth_bits(const uint8_t *p, uint8x16_t io[2])
{
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t one_each = vld1q_u8(places);

    for (int h = 0; h < 2; h++) {
        uint8x16_t b = vcombine_u8(vdup_n_u8(p[2 * h]), vdup_n_u8(p[2 * h + 1]));
        io[h] = vorrq_u8(io[h], vandq_u8(vtstq_u8(b, one_each), vdupq_n_u8(16)));
    }
}

/* Unsigned weights less an offset. */
static WF_INLINE void wf_neon__less(const uint8x16_t w[2], int8_t offset, struct wf_neon_group *out)
{
    for (int h = 0; h < 2; h++)
        out->w[h] = vsubq_s8(vreinterpretq_s8_u8(w[h]), vdupq_n_s8(offset));
}

/* Entries of a table of 16. */
static WF_INLINE void wf_neon__look_up(const int8_t *table, const uint8x16_t w[2],
                                       struct wf_neon_group *out)
{
    for (int h = 0; h < 2; h++)
        out->w[h] = vqtbl1q_s8(vld1q_s8(table), w[h]);
}

/* Group i of a row of Q4_0. */
static WF_INLINE void wf_neon__load_Q4_0(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 18;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 2, w);
    wf_neon__less(w, 8, out);
    wf_neon__scale(wf_neon__load_half(b), out);
}

/* Group i of a row of Q4_1. */
static WF_INLINE void wf_neon__load_Q4_1(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 20;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 4, w);
    wf_neon__less(w, 0, out);
    wf_neon__scale(wf_neon__load_half(b), out);
    out->min[0] = out->min[1] = wf_neon__load_half(b + 2);
}

/* Group i of a row of Q5_0. */
static WF_INLINE void wf_neon__load_Q5_0(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 22;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 6, w);
    wf_neon__fifth_bits(b + 2, w);
    wf_neon__less(w, 16, out);
    wf_neon__scale(wf_neon__load_half(b), out);
}

/* Group i of a row of Q5_1. */
static WF_INLINE void wf_neon__load_Q5_1(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 24;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 8, w);
    wf_neon__fifth_bits(b + 4, w);
    wf_neon__less(w, 0, out);
    wf_neon__scale(wf_neon__load_half(b), out);
    out->min[0] = out->min[1] = wf_neon__load_half(b + 2);
}

/* Group i of a row of Q8_0. */
static WF_INLINE void wf_neon__load_Q8_0(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 34;

    out->w[0] = vld1q_s8((const int8_t *)b + 2);
    out->w[1] = vld1q_s8((const int8_t *)b + 18);
    wf_neon__scale(wf_neon__load_half(b), out);
}

/* Group i of a row of IQ4_NL. */
static WF_INLINE void wf_neon__load_IQ4_NL(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 18;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 2, w);
    wf_neon__look_up(wf_dtype__iq4, w, out);
    wf_neon__scale(wf_neon__load_half(b), out);
}

/* Group i of a row of MXFP4. */
static WF_INLINE void wf_neon__load_MXFP4(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i * 17;
    uint32_t e = b[0]; /* 2^(e - 128): subnormal below 2 */
    uint8x16_t w[2];

    wf_neon__nibbles(b + 1, w);
    wf_neon__look_up(wf_dtype__fp4, w, out);
    wf_neon__scale(wf_bits_float(e >= 2 ? (e - 1) << 23 : 0x00200000u << e), out);
}

/* Group i of a row of Q2_K. */
static WF_INLINE void wf_neon__load_Q2_K(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 84;
    size_t j = i % 8;
    const uint8_t *s = b + 2 * j;
    float d = wf_neon__load_half(b + 80), dmin = wf_neon__load_half(b + 82);
    uint8x16_t w[2];

    wf_neon__bits(b + 16 + j / 4 * 32, (int)(j % 4) * 2, 3, w);
    wf_neon__less(w, 0, out);
    for (int h = 0; h < 2; h++) {
        out->scale[h] = d * (float)(s[h] & 15);
        out->min[h] = -dmin * (float)(s[h] >> 4);
    }
}

/* Group i of a row of Q3_K. */
static WF_INLINE void wf_neon__load_Q3_K(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 110;
    size_t j = i % 8;
    float d = wf_neon__load_half(b + 108);
    uint8x16_t low[2], high[2];

    wf_neon__bits(b + 32 + j / 4 * 32, (int)(j % 4) * 2, 3, low);
    wf_neon__bits(b, (int)j, 1, high);
    for (int h = 0; h < 2; h++) {
        low[h] = vaddq_u8(low[h], vshlq_n_u8(high[h], 2));
        out->scale[h] = d * (float)wf_dtype__scale_q3(b + 96, (int)(2 * j) + h);
    }
    wf_neon__less(low, 4, out);
}

/* Scale and minimum of Q4_K and Q5_K. */
static WF_INLINE void wf_neon__scale_min(const uint8_t *b, size_t j, struct wf_neon_group *out)
{
    uint8_t scale, min;

    wf_dtype__scale_min(b + 4, (int)j, &scale, &min);
    wf_neon__scale(wf_neon__load_half(b) * (float)scale, out);
    out->min[0] = out->min[1] = -wf_neon__load_half(b + 2) * (float)min;
}

/* Group i of a row of Q4_K. */
static WF_INLINE void wf_neon__load_Q4_K(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 144;
    size_t j = i % 8;
    uint8x16_t w[2];

    wf_neon__bits(b + 16 + j / 2 * 32, (int)(j % 2) * 4, 15, w);
    wf_neon__less(w, 0, out);
    wf_neon__scale_min(b, j, out);
}

/* Group i of a row of Q5_K. */
static WF_INLINE void wf_neon__load_Q5_K(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 176;
    size_t j = i % 8;
    uint8x16_t w[2], high[2];

    wf_neon__bits(b + 48 + j / 2 * 32, (int)(j % 2) * 4, 15, w);
    wf_neon__bits(b + 16, (int)j, 1, high);
    for (int h = 0; h < 2; h++)
        w[h] = vorrq_u8(w[h], vshlq_n_u8(high[h], 4));
    wf_neon__less(w, 0, out);
    wf_neon__scale_min(b, j, out);
}

/* Group i of a row of Q6_K. */
static WF_INLINE void wf_neon__load_Q6_K(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 210;
    size_t j = i % 8, half = j / 4, part = j % 4;
    const int8_t *s = (const int8_t *)b + 192 + 2 * j;
    float d = wf_neon__load_half(b + 208);
    uint8x16_t low[2], high[2];

    wf_neon__bits(b + half * 64 + part % 2 * 32, (int)(part / 2) * 4, 15, low);
    wf_neon__bits(b + 128 + half * 32, (int)part * 2, 3, high);
    for (int h = 0; h < 2; h++) {
        low[h] = vorrq_u8(low[h], vshlq_n_u8(high[h], 4));
        out->scale[h] = d * (float)s[h];
    }
    wf_neon__less(low, 32, out);
}

/* Group i of a row of IQ4_XS. */
static WF_INLINE void wf_neon__load_IQ4_XS(const uint8_t *row, size_t i, struct wf_neon_group *out)
{
    const uint8_t *b = row + i / 8 * 136;
    size_t j = i % 8;
    int high = (b[2] | b[3] << 8) >> 2 * j & 3, low = b[4 + j / 2] >> 4 * (j % 2) & 15;
    uint8x16_t w[2];

    wf_neon__nibbles(b + 8 + j * 16, w);
    wf_neon__look_up(wf_dtype__iq4, w, out);
    wf_neon__scale(wf_neon__load_half(b) * (float)((low | high << 4) - 32), out);
}

#endif
