/* Registers of floats of aarch64: 4 lanes; what each such file offers stands in lanes.h. Only
 * files for aarch64 include this. Threads: any. */
#ifndef WF_KERN_LANES_NEON_H
#define WF_KERN_LANES_NEON_H

#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WF_INLINE inline __attribute__((always_inline))
#define WF_LANES 4

typedef float32x4_t wf_lanes;

/* n lanes (at most all), the others 0. */
static WF_INLINE wf_lanes wf_lanes_load(const float *x, size_t n)
{
    float all[WF_LANES] = {0};

    if (n == WF_LANES)
        return vld1q_f32(x);
    memcpy(all, x, n * sizeof(*x));
    return vld1q_f32(all);
}

/* The first n lanes. */
static WF_INLINE void wf_lanes_store(float *x, size_t n, wf_lanes v)
{
    float all[WF_LANES];

    if (n == WF_LANES) {
        vst1q_f32(x, v);
        return;
    }
    vst1q_f32(all, v);
    memcpy(x, all, n * sizeof(*x));
}

/* As wf_lanes_load, of half precision. */
static WF_INLINE wf_lanes wf_lanes_halves(const uint16_t *x, size_t n)
{
    uint16_t all[WF_LANES] = {0};

    if (n < WF_LANES)
        x = memcpy(all, x, n * sizeof(*x));
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x)));
}

/* To half precision and back. */
static WF_INLINE wf_lanes wf_lanes_rounded(wf_lanes v)
{
    return vcvt_f32_f16(vcvt_f16_f32(v));
}

/* yes in the lanes where a >= b, else no; of what is no number: no. */
static WF_INLINE wf_lanes wf_lanes_at_least(wf_lanes a, wf_lanes b, wf_lanes yes, wf_lanes no)
{
    return vbslq_f32(vcgeq_f32(a, b), yes, no);
}

/* a in the lanes whose bit is set, else b. */
static WF_INLINE wf_lanes wf_lanes_pick(uint32_t bits, wf_lanes a, wf_lanes b)
{
    static const uint32_t each[WF_LANES] = {1, 2, 4, 8};

    return vbslq_f32(vtstq_u32(vdupq_n_u32(bits), vld1q_u32(each)), a, b);
}

/* a in every lane. */
static WF_INLINE wf_lanes wf_lanes_all(float a)
{
    return vdupq_n_f32(a);
}

/* a b + c. */
static WF_INLINE wf_lanes wf_lanes_fma(wf_lanes a, wf_lanes b, wf_lanes c)
{
    return vfmaq_f32(c, a, b);
}

/* Of every lane. */
static WF_INLINE wf_lanes wf_lanes_sqrt(wf_lanes v)
{
    return vsqrtq_f32(v);
}

/* Of a number and none: the number. */
static WF_INLINE wf_lanes wf_lanes_max(wf_lanes a, wf_lanes b)
{
    return vmaxnmq_f32(a, b);
}

/* As in lanes_avx512.h; what would be subnormal is 0. */
static WF_INLINE wf_lanes wf_lanes_exp(wf_lanes v)
{
    wf_lanes x = vminq_f32(vdupq_n_f32(88.0f), vmaxq_f32(vdupq_n_f32(-87.0f), v));
    wf_lanes n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    wf_lanes r = vfmaq_f32(x, n, vdupq_n_f32(-0.693359375f));
    wf_lanes p = vdupq_n_f32(1.9875691500e-4f);

    r = vfmaq_f32(r, n, vdupq_n_f32(2.12194440e-4f));
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1.0f)), p, vmulq_f32(r, r));
    p = vmulq_f32(
        p, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23)));
    p = vbslq_f32(vcltq_f32(v, vdupq_n_f32(-87.0f)), vdupq_n_f32(0.0f), p);
    p = vbslq_f32(vcgtq_f32(v, vdupq_n_f32(88.0f)), vdupq_n_f32(INFINITY), p);
    return vbslq_f32(vceqq_f32(v, v), p, v);
}

/* v where the stirred number of the lane is not below `limit`, else 0; see grad.h's drop. */
static WF_INLINE wf_lanes wf_lanes_unless(wf_lanes v, uint32_t first, uint32_t limit)
{
    static const uint32_t places[WF_LANES] = {0, 1, 2, 3};
    uint32x4_t x = vaddq_u32(vdupq_n_u32(first), vld1q_u32(places));

    x = vmulq_n_u32(x, 0x9e3779b1u);
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 16)), 0x85ebca6bu);
    x = vmulq_n_u32(veorq_u32(x, vshrq_n_u32(x, 13)), 0xc2b2ae35u);
    x = veorq_u32(x, vshrq_n_u32(x, 16));
    return vreinterpretq_f32_u32(
        vandq_u32(vreinterpretq_u32_f32(v), vcgeq_u32(x, vdupq_n_u32(limit))));
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_sum(wf_lanes v)
{
    return vaddvq_f32(v);
}

/* Of all lanes. */
static WF_INLINE float wf_lanes_largest(wf_lanes v)
{
    return vmaxnmvq_f32(v);
}

/* In double. */
static WF_INLINE double wf_lanes_sum_squares(const float *x, size_t n)
{
    float64x2_t sums[2] = {vdupq_n_f64(0.0), vdupq_n_f64(0.0)};

    for (size_t i = 0; i < n; i += WF_LANES) {
        wf_lanes v = wf_lanes_load(x + i, n - i < WF_LANES ? n - i : WF_LANES);
        float64x2_t lo = vcvt_f64_f32(vget_low_f32(v)), hi = vcvt_high_f64_f32(v);
        sums[0] = vfmaq_f64(sums[0], lo, lo);
        sums[1] = vfmaq_f64(sums[1], hi, hi);
    }
    return vaddvq_f64(vaddq_f64(sums[0], sums[1]));
}

#endif
