/* What is made of lanes of a register whatever their number, as static functions: each file of an
 * instruction set says what its registers are and is compiled with this.
 *
 * Before it is included: wf_lanes, a vector type of floats with the compiler's operators, WF_LANES
 * of them, and, as static inline functions,
 *     wf_lanes wf_lanes_load(const float *x, size_t n)            n lanes (at most all), others 0
 *     void wf_lanes_store(float *x, size_t n, wf_lanes v)
 *     wf_lanes wf_lanes_all(float a)
 *     wf_lanes wf_lanes_fma(wf_lanes a, wf_lanes b, wf_lanes c)   a b + c
 *     wf_lanes wf_lanes_sqrt(wf_lanes v)
 *     wf_lanes wf_lanes_max(wf_lanes a, wf_lanes b)
 *     wf_lanes wf_lanes_exp(wf_lanes v)                           no number stays none
 *     wf_lanes wf_lanes_halves(const uint16_t *x, size_t n)       as load, of half precision
 *     wf_lanes wf_lanes_rounded(wf_lanes v)                       to half precision and back
 *     wf_lanes wf_lanes_at_least(wf_lanes a, wf_lanes b, wf_lanes yes, wf_lanes no)  a >= b: yes
 *     wf_lanes wf_lanes_pick(uint32_t bits, wf_lanes a, wf_lanes b)  a where a lane's bit is set
 *     wf_lanes wf_lanes_unless(wf_lanes v, uint32_t first, uint32_t limit)  see grad.h's drop
 *     float wf_lanes_sum(wf_lanes v), float wf_lanes_largest(wf_lanes v)
 *     double wf_lanes_sum_squares(const float *x, size_t n)
 * Threads: any. */
#ifndef WF_KERN_LANES_H
#define WF_KERN_LANES_H

#include <stddef.h>

/* Lanes of step i of n: all of them, or what is left. */
static WF_INLINE size_t wf_lanes_left(size_t i, size_t n)
{
    return n - i < WF_LANES ? n - i : WF_LANES;
}

/* 1 / (1 + exp(-v)). */
static WF_INLINE wf_lanes wf_lanes_sigmoid(wf_lanes v)
{
    wf_lanes one = wf_lanes_all(1.0f);

    return one / (one + wf_lanes_exp(-v));
}

/* x = exp(x - max); their sum. */
static WF_INLINE float wf_lanes_exp_sum(float *x, float max, size_t n)
{
    wf_lanes sums[2] = {wf_lanes_all(0.0f), wf_lanes_all(0.0f)}, by = wf_lanes_all(max);
    float sum = 0.0f;
    size_t i = 0;

    for (; i + 2 * WF_LANES <= n; i += 2 * WF_LANES) {
        for (size_t j = 0; j < 2; j++) {
            float *at = x + i + j * WF_LANES;
            wf_lanes e = wf_lanes_exp(wf_lanes_load(at, WF_LANES) - by);
            sums[j] = sums[j] + e;
            wf_lanes_store(at, WF_LANES, e);
        }
    }
    for (; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes_store(x + i, m, wf_lanes_exp(wf_lanes_load(x + i, m) - by));
        for (size_t j = i; j < i + m; j++)
            sum += x[j];
    }
    return sum + wf_lanes_sum(sums[0] + sums[1]);
}

#endif
