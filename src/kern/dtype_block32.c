/* SPDX-License-Identifier: Apache-2.0 */
/* Data types in blocks of 32 values. A block's values j and j + 16 share a byte: j in its low half.
 *
 *   Q4_0   half d | 16 bytes            d (q - 8)
 *   Q4_1   half d, m | 16 bytes         d q + m
 *   Q5_0   half d | u32 high | 16       d (q - 16), bit j of `high` is bit 4 of value j
 *   Q5_1   half d, m | u32 high | 16    d q + m
 *   Q8_0   half d | 32 int8             d q
 *   IQ4_NL half d | 16 bytes            d table[q]
 *   MXFP4  u8 e | 16 bytes              2^(e - 127) fp4[q] */
#include <math.h>
#include <string.h>

#include "kern/dtype_internal.h"
#include "kern/half.h"

#define BLOCK 32

const int8_t wf_dtype__iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                  1,    13,   25,  38,  53,  69,  89,  113};
const int8_t wf_dtype__fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static float load_half(const uint8_t *p)
{
    uint16_t h;

    memcpy(&h, p, sizeof(h));
    return wf_half_to_float(h);
}

static void store_half(float x, uint8_t *p)
{
    uint16_t h = wf_float_to_half(x);

    memcpy(p, &h, sizeof(h));
}

void wf_dtype__unpack_Q4_0(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 18, dst += BLOCK) {
        float d = load_half(b);
        for (int j = 0; j < 16; j++) {
            dst[j] = d * (float)((b[2 + j] & 15) - 8);
            dst[j + 16] = d * (float)((b[2 + j] >> 4) - 8);
        }
    }
}

void wf_dtype__unpack_Q4_1(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 20, dst += BLOCK) {
        float d = load_half(b), m = load_half(b + 2);
        for (int j = 0; j < 16; j++) {
            dst[j] = d * (float)(b[4 + j] & 15) + m;
            dst[j + 16] = d * (float)(b[4 + j] >> 4) + m;
        }
    }
}

/* The 32 values of 5 bits: 4 in `low`, the fifth in `high`. */
static void five_bits(const uint8_t *high, const uint8_t *low, int out[BLOCK])
{
    uint32_t h;

    memcpy(&h, high, sizeof(h));
    for (int j = 0; j < 16; j++) {
        out[j] = (low[j] & 15) | (int)(h >> j & 1) << 4;
        out[j + 16] = low[j] >> 4 | (int)(h >> (j + 16) & 1) << 4;
    }
}

void wf_dtype__unpack_Q5_0(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    int q[BLOCK];

    for (; n >= BLOCK; n -= BLOCK, b += 22, dst += BLOCK) {
        float d = load_half(b);
        five_bits(b + 2, b + 6, q);
        for (int j = 0; j < BLOCK; j++)
            dst[j] = d * (float)(q[j] - 16);
    }
}

void wf_dtype__unpack_Q5_1(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    int q[BLOCK];

    for (; n >= BLOCK; n -= BLOCK, b += 24, dst += BLOCK) {
        float d = load_half(b), m = load_half(b + 2);
        five_bits(b + 4, b + 8, q);
        for (int j = 0; j < BLOCK; j++)
            dst[j] = d * (float)q[j] + m;
    }
}

void wf_dtype__unpack_Q8_0(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 34, dst += BLOCK) {
        float d = load_half(b);
        for (int j = 0; j < BLOCK; j++)
            dst[j] = d * (float)(int8_t)b[2 + j];
    }
}

void wf_dtype__unpack_IQ4_NL(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 18, dst += BLOCK) {
        float d = load_half(b);
        for (int j = 0; j < 16; j++) {
            dst[j] = d * (float)wf_dtype__iq4[b[2 + j] & 15];
            dst[j + 16] = d * (float)wf_dtype__iq4[b[2 + j] >> 4];
        }
    }
}

void wf_dtype__unpack_MXFP4(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 17, dst += BLOCK) {
        float d = ldexpf(1.0f, b[0] - 128); /* the table is doubled */
        for (int j = 0; j < 16; j++) {
            dst[j] = d * (float)wf_dtype__fp4[b[1 + j] & 15];
            dst[j + 16] = d * (float)wf_dtype__fp4[b[1 + j] >> 4];
        }
    }
}

/* ---- packing ---- */

static float or_zero(float x)
{
    return isfinite(x) ? x : 0.0f;
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

static float largest(const float *x, float *out_signed)
{
    float max = 0.0f;

    *out_signed = 0.0f;
    for (int j = 0; j < BLOCK; j++) {
        if (fabsf(or_zero(x[j])) > max) {
            max = fabsf(x[j]);
            *out_signed = x[j];
        }
    }
    return max;
}

/* A scale around `guess` for which round(x / d) within [low, high] comes nearest to x: the least
 * squares fit for each of some candidates, the best of them. */
static float best_scale(const float *x, float guess, int low, int high)
{
    float best = guess, best_gain = -1.0f;

    if (guess == 0.0f)
        return 0.0f;
    for (int step = -8; step <= 8; step++) {
        float inverse = (1.0f + 0.0125f * (float)step) / guess, xq = 0.0f, qq = 0.0f;
        for (int j = 0; j < BLOCK; j++) {
            float q = (float)clamp((int)lrintf(or_zero(x[j]) * inverse), low, high);
            float weight = or_zero(x[j]) * or_zero(x[j]); /* large weights matter most */
            xq += weight * or_zero(x[j]) * q;
            qq += weight * q * q;
        }
        if (qq > 0.0f && xq * xq / qq > best_gain) {
            best_gain = xq * xq / qq;
            best = xq / qq;
        }
    }
    return best;
}

static void halves(const int *q, uint8_t *out)
{
    for (int j = 0; j < 16; j++)
        out[j] = (uint8_t)(q[j] | q[j + 16] << 4);
}

static int quantised(float x, float d, int low, int high)
{
    return d == 0.0f ? 0 : clamp((int)lrintf(or_zero(x) / d), low, high);
}

void wf_dtype__pack_Q4_0(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];
    float max;

    for (; n >= BLOCK; n -= BLOCK, b += 18, src += BLOCK) {
        (void)largest(src, &max);
        store_half(best_scale(src, max / -8.0f, -8, 7), b);
        for (int j = 0; j < BLOCK; j++)
            q[j] = quantised(src[j], load_half(b), -8, 7) + 8;
        halves(q, b + 2);
    }
}

/* The smallest and the largest value: d and m so that `steps` steps reach from one to the other. */
static void range(const float *x, int steps, float *out_d, float *out_m)
{
    float low = or_zero(x[0]), high = low;

    for (int j = 1; j < BLOCK; j++) {
        low = fminf(low, or_zero(x[j]));
        high = fmaxf(high, or_zero(x[j]));
    }
    *out_d = (high - low) / (float)steps;
    *out_m = low;
}

void wf_dtype__pack_Q4_1(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];
    float d, m;

    for (; n >= BLOCK; n -= BLOCK, b += 20, src += BLOCK) {
        range(src, 15, &d, &m);
        store_half(d, b);
        store_half(m, b + 2);
        for (int j = 0; j < BLOCK; j++)
            q[j] = quantised(or_zero(src[j]) - load_half(b + 2), load_half(b), 0, 15);
        halves(q, b + 4);
    }
}

static void store_five_bits(const int *q, uint8_t *high, uint8_t *low)
{
    uint32_t h = 0;
    int nibbles[BLOCK];

    for (int j = 0; j < BLOCK; j++) {
        h |= (uint32_t)(q[j] >> 4) << j;
        nibbles[j] = q[j] & 15;
    }
    memcpy(high, &h, sizeof(h));
    halves(nibbles, low);
}

void wf_dtype__pack_Q5_0(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];
    float max;

    for (; n >= BLOCK; n -= BLOCK, b += 22, src += BLOCK) {
        (void)largest(src, &max);
        store_half(best_scale(src, max / -16.0f, -16, 15), b);
        for (int j = 0; j < BLOCK; j++)
            q[j] = quantised(src[j], load_half(b), -16, 15) + 16;
        store_five_bits(q, b + 2, b + 6);
    }
}

void wf_dtype__pack_Q5_1(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];
    float d, m;

    for (; n >= BLOCK; n -= BLOCK, b += 24, src += BLOCK) {
        range(src, 31, &d, &m);
        store_half(d, b);
        store_half(m, b + 2);
        for (int j = 0; j < BLOCK; j++)
            q[j] = quantised(or_zero(src[j]) - load_half(b + 2), load_half(b), 0, 31);
        store_five_bits(q, b + 4, b + 8);
    }
}

void wf_dtype__pack_Q8_0(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    float max;

    for (; n >= BLOCK; n -= BLOCK, b += 34, src += BLOCK) {
        store_half(largest(src, &max) / 127.0f, b);
        for (int j = 0; j < BLOCK; j++)
            b[2 + j] = (uint8_t)(int8_t)quantised(src[j], load_half(b), -127, 127);
    }
}

/* The number of the table's value that is nearest to x. */
static int nearest(const int8_t *table, float x)
{
    int best = 0;

    for (int i = 1; i < 16; i++) {
        if (fabsf(x - (float)table[i]) < fabsf(x - (float)table[best]))
            best = i;
    }
    return best;
}

void wf_dtype__pack_IQ4_NL(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK];
    float max;

    for (; n >= BLOCK; n -= BLOCK, b += 18, src += BLOCK) {
        (void)largest(src, &max);
        float best = 0.0f, best_gain = -1.0f;
        for (int step = -12; step <= 12 && max != 0.0f; step++) {
            float inverse = -127.0f / max * (1.0f + 0.015f * (float)step), xq = 0.0f, qq = 0.0f;
            for (int j = 0; j < BLOCK; j++) {
                float x = or_zero(src[j]),
                      v = (float)wf_dtype__iq4[nearest(wf_dtype__iq4, x * inverse)];
                xq += x * x * x * v;
                qq += x * x * v * v;
            }
            if (qq > 0.0f && xq * xq / qq > best_gain) {
                best_gain = xq * xq / qq;
                best = xq / qq;
            }
        }
        store_half(best, b);
        float d = load_half(b);
        for (int j = 0; j < BLOCK; j++)
            q[j] = d == 0.0f ? 0 : nearest(wf_dtype__iq4, or_zero(src[j]) / d);
        halves(q, b + 2);
    }
}

void wf_dtype__pack_MXFP4(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    int q[BLOCK], e;
    float max, amax;

    for (; n >= BLOCK; n -= BLOCK, b += 17, src += BLOCK) {
        amax = largest(src, &max);
        e = amax > 0.0f ? clamp(ilogbf(amax) - 2 + 127, 0, 254) : 0; /* 6.0 is 1.5 times 2^2 */
        b[0] = (uint8_t)e;
        for (int j = 0; j < BLOCK; j++)
            q[j] = nearest(wf_dtype__fp4, ldexpf(or_zero(src[j]), 128 - e));
        halves(q, b + 1);
    }
}
