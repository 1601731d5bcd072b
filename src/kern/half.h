/* Half precision (IEEE 754 binary16) and bfloat16 to float and back, by bits; rounding to nearest,
 * ties to even. For single values; rows go through the kernels. Threads: any. */
#ifndef WF_KERN_HALF_H
#define WF_KERN_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The bits of a float, and the float of bits. */
static inline uint32_t wf_float_bits(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u;
}

/* See wf_float_bits. */
static inline float wf_bits_float(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

/* Exact. */
static inline float wf_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;

    if (e == 0) /* zero and subnormals: m times 2^-24 */
        return wf_bits_float(wf_float_bits((float)m * 0x1p-24f) | sign);
    if (e == 31)
        return wf_bits_float(sign | 0x7f800000 | m << 13);
    return wf_bits_float(sign | (e + 112) << 23 | m << 13);
}

/* What is too large becomes infinity, what is no number stays none. */
static inline uint16_t wf_float_to_half(float x)
{
    uint32_t u = wf_float_bits(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;

    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00); /* not a number */
    if (a >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00); /* 65520 and above round to infinity */
    if (a < 0x38800000)                   /* below 2^-14: subnormal */
        return (uint16_t)(sign | (uint32_t)lrintf(wf_bits_float(a) * 0x1p24f));
    return (uint16_t)(sign | (((a + 0xfff + (a >> 13 & 1)) >> 13) - (112u << 10)));
}

/* Exact. */
static inline float wf_bf16_to_float(uint16_t b)
{
    return wf_bits_float((uint32_t)b << 16);
}

/* What is no number stays none. */
static inline uint16_t wf_float_to_bf16(float x)
{
    uint32_t u = wf_float_bits(x);

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40); /* stays not a number */
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#endif
