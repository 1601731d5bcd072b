/* SPDX-License-Identifier: Apache-2.0 */
/* Data types in blocks of 256 values, cut into parts with scales of their own, which are themselves
 * quantised against one or two halves of the whole block.
 *
 *   Q2_K   scales[16] (4 bits scale, 4 bits minimum) | q[64] | half d, dmin     16 parts of 16
 *   Q3_K   high[32] | q[64] | scales[12] (6 bits) | half d                      16 parts of 16
 *   Q4_K   half d, dmin | scales[12] (6 bits scale and minimum) | q[128]         8 parts of 32
 *   Q5_K   half d, dmin | scales[12] | high[32] | q[128]                         8 parts of 32
 *   Q6_K   low[128] | high[64] | int8 scales[16] | half d                       16 parts of 16
 *   IQ4_XS half d | u16 scales_high | scales_low[4] | q[128]                     8 parts of 32 */
#include <math.h>
#include <string.h>

#include "kern/dtype_internal.h"
#include "kern/half.h"

#define BLOCK 256

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

/* ---- the integers of a block, part after part; packing writes what these read ---- */

/* Value i of 2 bits: 128 values share 32 bytes, 4 to a byte. */
static int two_bits(const uint8_t *q, int i)
{
    return q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
}

static void put_two_bits(uint8_t *q, int i, int v)
{
    q[i / 128 * 32 + i % 32] |= (uint8_t)(v << (i % 128 / 32 * 2));
}

/* Value i of 4 bits: 64 values share 32 bytes. */
static int four_bits(const uint8_t *q, int i)
{
    return q[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15;
}

static void put_four_bits(uint8_t *q, int i, int v)
{
    q[i / 64 * 32 + i % 32] |= (uint8_t)(v << (i % 64 / 32 * 4));
}

/* Value i of 6 bits: 4 of them as 128 values in 64 bytes, 2 as two_bits. */
static int six_bits(const uint8_t *low, const uint8_t *high, int i)
{
    int l = low[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 15;

    return l | two_bits(high, i) << 4;
}

void wf_dtype__unpack_Q2_K(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 84, dst += BLOCK) {
        float d = load_half(b + 80), dmin = load_half(b + 82);
        for (int i = 0; i < BLOCK; i++) {
            uint8_t s = b[i / 16];
            dst[i] = d * (float)(s & 15) * (float)two_bits(b + 16, i) - dmin * (float)(s >> 4);
        }
    }
}

void wf_dtype__unpack_Q3_K(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 110, dst += BLOCK) {
        float d = load_half(b + 108);
        for (int i = 0; i < BLOCK; i++) {
            int q = two_bits(b + 32, i) - (b[i % 32] >> (i / 32) & 1 ? 0 : 4);
            dst[i] = d * (float)wf_dtype__scale_q3(b + 96, i / 16) * (float)q;
        }
    }
}

void wf_dtype__unpack_Q4_K(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    uint8_t scale, min;

    for (; n >= BLOCK; n -= BLOCK, b += 144, dst += BLOCK) {
        float d = load_half(b), dmin = load_half(b + 2);
        for (int i = 0; i < BLOCK; i++) {
            wf_dtype__scale_min(b + 4, i / 32, &scale, &min);
            dst[i] = d * (float)scale * (float)four_bits(b + 16, i) - dmin * (float)min;
        }
    }
}

void wf_dtype__unpack_Q5_K(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    uint8_t scale, min;

    for (; n >= BLOCK; n -= BLOCK, b += 176, dst += BLOCK) {
        float d = load_half(b), dmin = load_half(b + 2);
        for (int i = 0; i < BLOCK; i++) {
            int q = four_bits(b + 48, i) | (b[16 + i % 32] >> (i / 32) & 1) << 4;
            wf_dtype__scale_min(b + 4, i / 32, &scale, &min);
            dst[i] = d * (float)scale * (float)q - dmin * (float)min;
        }
    }
}

void wf_dtype__unpack_Q6_K(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 210, dst += BLOCK) {
        float d = load_half(b + 208);
        for (int i = 0; i < BLOCK; i++)
            dst[i] = d * (float)(int8_t)b[192 + i / 16] * (float)(six_bits(b, b + 128, i) - 32);
    }
}

static int scale_xs(const uint8_t *b, int part)
{
    int high = (b[2] | b[3] << 8) >> 2 * part & 3;

    return ((b[4 + part / 2] >> 4 * (part % 2) & 15) | high << 4) - 32;
}

void wf_dtype__unpack_IQ4_XS(const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;

    for (; n >= BLOCK; n -= BLOCK, b += 136, dst += BLOCK) {
        float d = load_half(b);
        for (int i = 0; i < BLOCK; i++) {
            int part = i / 32, q = b[8 + part * 16 + i % 16] >> (i % 32 / 16 * 4) & 15;
            dst[i] = d * (float)scale_xs(b, part) * (float)wf_dtype__iq4[q];
        }
    }
}

/* ---- packing ---- */

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

static float or_zero(float x)
{
    return isfinite(x) ? x : 0.0f;
}

/* How much an error at each value matters: more where the value is large. */
static void weigh(const float *x, int n, float *out)
{
    float square = 0.0f;

    for (int i = 0; i < n; i++)
        square += x[i] * x[i];
    square = sqrtf(square / (float)n);
    for (int i = 0; i < n; i++)
        out[i] = square + fabsf(x[i]);
}

/* Least squares of x = d q + m over the quantised q that `inverse` and `low` give: the sums solved
 * for d and m, m not above 0. Returns the weighted error. */
static float fit(const float *x, const float *w, int n, int steps, float low, float inverse,
                 float *out_d, float *out_m)
{
    float sw = 0, sq = 0, sqq = 0, sx = 0, sxq = 0, error = 0, d, m;

    for (int i = 0; i < n; i++) {
        float q = (float)clamp((int)lrintf((x[i] - low) * inverse), 0, steps);
        sw += w[i];
        sq += w[i] * q;
        sqq += w[i] * q * q;
        sx += w[i] * x[i];
        sxq += w[i] * x[i] * q;
    }
    float det = sw * sqq - sq * sq;
    d = det > 0 ? (sw * sxq - sq * sx) / det : 0.0f;
    m = det > 0 ? (sqq * sx - sq * sxq) / det : low;
    if (m > 0) {
        m = 0;
        d = sqq > 0 ? sxq / sqq : 0.0f;
    }
    for (int i = 0; i < n; i++) {
        float q = d > 0 ? (float)clamp((int)lrintf((x[i] - m) / d), 0, steps) : 0.0f;
        error += w[i] * (d * q + m - x[i]) * (d * q + m - x[i]);
    }
    *out_d = d;
    *out_m = m;
    return error;
}

/* Scale and minimum (0 or below) of one part: the best of some ranges a little inside and outside
 * of the true one. */
static void best_scale_min(const float *x, int n, int steps, float *out_d, float *out_m)
{
    float w[32], low = 0.0f, high = x[0], best = INFINITY, d, m;

    weigh(x, n, w);
    for (int i = 0; i < n; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    *out_d = 0.0f;
    *out_m = low;
    if (high <= low)
        return;
    for (int step = -12; step <= 12; step++) {
        float inverse = ((float)steps + 0.1f * (float)step) / (high - low);
        float error = fit(x, w, n, steps, low, inverse, &d, &m);
        if (error < best && d >= 0.0f) {
            best = error;
            *out_d = d;
            *out_m = m;
        }
    }
}

/* Scale of one part without a minimum, q within [-half, half - 1]. */
static float best_scale(const float *x, int n, int half)
{
    float w[32], max = 0.0f, best = 0.0f, best_gain = -1.0f;

    weigh(x, n, w);
    for (int i = 0; i < n; i++)
        max = fabsf(x[i]) > fabsf(max) ? x[i] : max;
    for (int step = -9; step <= 9 && max != 0.0f; step++) {
        float inverse = -((float)half + 0.1f * (float)step) / max, xq = 0.0f, qq = 0.0f;
        for (int i = 0; i < n; i++) {
            float q = (float)clamp((int)lrintf(x[i] * inverse), -half, half - 1);
            xq += w[i] * x[i] * q;
            qq += w[i] * q * q;
        }
        if (qq > 0.0f && xq * xq / qq > best_gain) {
            best_gain = xq * xq / qq;
            best = xq / qq;
        }
    }
    return best;
}

static int level(float x, float d, int low, int high)
{
    return d == 0.0f ? clamp(0, low, high) : clamp((int)lrintf(x / d), low, high);
}

/* The 256 values of a block, with what is not finite as 0. */
static void take(const float *src, float x[BLOCK])
{
    for (int i = 0; i < BLOCK; i++)
        x[i] = or_zero(src[i]);
}

/* Scales and minima of n_parts, quantised to `levels` against the two halves at out_d. */
static void quantise_scale_mins(const float *x, int n_parts, int steps, int levels, uint8_t *out_d,
                                uint8_t *out_dmin, uint8_t *scales, uint8_t *mins)
{
    float d[16], m[16], d_max = 0.0f, m_max = 0.0f;
    int n = BLOCK / n_parts;

    for (int p = 0; p < n_parts; p++) {
        best_scale_min(x + p * n, n, steps, &d[p], &m[p]);
        d_max = fmaxf(d_max, d[p]);
        m_max = fmaxf(m_max, -m[p]);
    }
    store_half(d_max / (float)levels, out_d);
    store_half(m_max / (float)levels, out_dmin);
    for (int p = 0; p < n_parts; p++) {
        scales[p] = (uint8_t)level(d[p], load_half(out_d), 0, levels);
        mins[p] = (uint8_t)level(-m[p], load_half(out_dmin), 0, levels);
    }
}

void wf_dtype__pack_Q2_K(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst, scales[16], mins[16];
    float x[BLOCK];

    for (; n >= BLOCK; n -= BLOCK, b += 84, src += BLOCK) {
        take(src, x);
        memset(b, 0, 84);
        quantise_scale_mins(x, 16, 3, 15, b + 80, b + 82, scales, mins);
        for (int i = 0; i < BLOCK; i++) {
            int p = i / 16;
            float d = load_half(b + 80) * (float)scales[p], m = load_half(b + 82) * (float)mins[p];
            b[p] = (uint8_t)(scales[p] | mins[p] << 4);
            put_two_bits(b + 16, i, level(x[i] + m, d, 0, 3));
        }
    }
}

/* Signed scales of 16 parts against one half: s within [-half, half - 1] times d. */
static void quantise_scales(const float *x, int n_parts, int steps_half, int half, uint8_t *out_d,
                            int *out_scales)
{
    float s[16], max = 0.0f;
    int n = BLOCK / n_parts;

    for (int p = 0; p < n_parts; p++) {
        s[p] = best_scale(x + p * n, n, steps_half);
        max = fabsf(s[p]) > fabsf(max) ? s[p] : max;
    }
    store_half(max / (float)-half, out_d);
    for (int p = 0; p < n_parts; p++)
        out_scales[p] = level(s[p], load_half(out_d), -half, half - 1);
}

void wf_dtype__pack_Q3_K(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    float x[BLOCK];
    int scales[16];

    for (; n >= BLOCK; n -= BLOCK, b += 110, src += BLOCK) {
        take(src, x);
        memset(b, 0, 110);
        quantise_scales(x, 16, 4, 32, b + 108, scales);
        for (int p = 0; p < 16; p++) {
            int s = scales[p] + 32;
            b[96 + p % 8] |= (uint8_t)(p < 8 ? s & 15 : (s & 15) << 4);
            b[104 + p % 4] |= (uint8_t)(s >> 4 << 2 * (p / 4));
        }
        for (int i = 0; i < BLOCK; i++) {
            int q = level(x[i], load_half(b + 108) * (float)scales[i >> 4], -4, 3) + 4;
            put_two_bits(b + 32, i, q & 3);
            b[i % 32] |= (uint8_t)((q >> 2) << (i / 32));
        }
    }
}

/* The 12 bytes that wf_dtype__scale_min reads. */
static void put_scale_mins(const uint8_t *scales, const uint8_t *mins, uint8_t *out)
{
    for (int j = 0; j < 4; j++) {
        out[j] = (uint8_t)(scales[j] | scales[j + 4] >> 4 << 6);
        out[j + 4] = (uint8_t)(mins[j] | mins[j + 4] >> 4 << 6);
        out[j + 8] = (uint8_t)((scales[j + 4] & 15) | (mins[j + 4] & 15) << 4);
    }
}

void wf_dtype__pack_Q4_K(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst, scales[8], mins[8];
    float x[BLOCK];

    for (; n >= BLOCK; n -= BLOCK, b += 144, src += BLOCK) {
        take(src, x);
        memset(b, 0, 144);
        quantise_scale_mins(x, 8, 15, 63, b, b + 2, scales, mins);
        put_scale_mins(scales, mins, b + 4);
        for (int i = 0; i < BLOCK; i++) {
            float d = load_half(b) * (float)scales[i >> 5];
            float m = load_half(b + 2) * (float)mins[i >> 5];
            put_four_bits(b + 16, i, level(x[i] + m, d, 0, 15));
        }
    }
}

void wf_dtype__pack_Q5_K(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst, scales[8], mins[8];
    float x[BLOCK];

    for (; n >= BLOCK; n -= BLOCK, b += 176, src += BLOCK) {
        take(src, x);
        memset(b, 0, 176);
        quantise_scale_mins(x, 8, 31, 63, b, b + 2, scales, mins);
        put_scale_mins(scales, mins, b + 4);
        for (int i = 0; i < BLOCK; i++) {
            float d = load_half(b) * (float)scales[i >> 5];
            float m = load_half(b + 2) * (float)mins[i >> 5];
            int q = level(x[i] + m, d, 0, 31);
            put_four_bits(b + 48, i, q & 15);
            b[16 + i % 32] |= (uint8_t)((q >> 4) << (i / 32));
        }
    }
}

void wf_dtype__pack_Q6_K(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    float x[BLOCK];
    int scales[16];

    for (; n >= BLOCK; n -= BLOCK, b += 210, src += BLOCK) {
        take(src, x);
        memset(b, 0, 210);
        quantise_scales(x, 16, 32, 128, b + 208, scales);
        for (int i = 0; i < BLOCK; i++) {
            int q = level(x[i], load_half(b + 208) * (float)scales[i >> 4], -32, 31) + 32;
            b[192 + i / 16] = (uint8_t)(int8_t)scales[i / 16];
            b[i / 128 * 64 + i % 64] |= (uint8_t)((q & 15) << (i % 128 / 64 * 4));
            put_two_bits(b + 128, i, q >> 4);
        }
    }
}

/* The number of the table's value that is nearest to x. */
static int nearest(float x)
{
    int best = 0;

    for (int i = 1; i < 16; i++) {
        if (fabsf(x - (float)wf_dtype__iq4[i]) < fabsf(x - (float)wf_dtype__iq4[best]))
            best = i;
    }
    return best;
}

static float best_scale_iq4(const float *x, int n)
{
    float w[32], max = 0.0f, best = 0.0f, best_gain = -1.0f;

    weigh(x, n, w);
    for (int i = 0; i < n; i++)
        max = fabsf(x[i]) > fabsf(max) ? x[i] : max;
    for (int step = -8; step <= 8 && max != 0.0f; step++) {
        float inverse = -127.0f / max * (1.0f + 0.02f * (float)step), xq = 0.0f, qq = 0.0f;
        for (int i = 0; i < n; i++) {
            float v = (float)wf_dtype__iq4[nearest(x[i] * inverse)];
            xq += w[i] * x[i] * v;
            qq += w[i] * v * v;
        }
        if (qq > 0.0f && xq * xq / qq > best_gain) {
            best_gain = xq * xq / qq;
            best = xq / qq;
        }
    }
    return best;
}

void wf_dtype__pack_IQ4_XS(const float *src, void *dst, size_t n)
{
    uint8_t *b = dst;
    float x[BLOCK], s[8];

    for (; n >= BLOCK; n -= BLOCK, b += 136, src += BLOCK) {
        float max = 0.0f;
        take(src, x);
        memset(b, 0, 136);
        for (int p = 0; p < 8; p++) {
            s[p] = best_scale_iq4(x + p * 32, 32);
            max = fabsf(s[p]) > fabsf(max) ? s[p] : max;
        }
        store_half(max / -32.0f, b);
        for (int p = 0; p < 8; p++) {
            int l = level(s[p], load_half(b), -32, 31) + 32;
            float d = load_half(b) * (float)(l - 32);
            b[4 + p / 2] |= (uint8_t)((l & 15) << 4 * (p % 2));
            b[2 + p / 4] |= (uint8_t)(l >> 4 << 2 * (p % 4));
            for (int i = 0; i < 32; i++) {
                int q = d == 0.0f ? 0 : nearest(x[p * 32 + i] / d);
                b[8 + p * 16 + i % 16] |= (uint8_t)(q << (i / 16 * 4));
            }
        }
    }
}
