/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float with AVX-512: those functions of kern.h whose exponentials take longer than their
 * memory. The others are kern_avx2.c's. */
#ifdef __x86_64__
#include <math.h>
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/lanes_avx512.h"

#include "kern/lanes.h"

float wf_avx512__exp_sum(float *x, float max, size_t n)
{
    return wf_lanes_exp_sum(x, max, n);
}

void wf_avx512__softmax(float *x, size_t n)
{
    wf_lanes most = wf_lanes_all(-INFINITY), by;
    float max = -INFINITY;
    size_t i = 0;

    for (; i + WF_LANES <= n; i += WF_LANES)
        most = wf_lanes_max(most, wf_lanes_load(x + i, WF_LANES));
    for (; i < n; i++)
        max = fmaxf(max, x[i]);
    max = fmaxf(max, wf_lanes_largest(most));
    if (max == -INFINITY) {
        memset(x, 0, n * sizeof(*x));
        return;
    }
    by = wf_lanes_all(1.0f / wf_lanes_exp_sum(x, max, n));
    for (i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes_store(x + i, m, wf_lanes_load(x + i, m) * by);
    }
}

void wf_avx512__silu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes v = wf_lanes_load(g + i, m);
        wf_lanes_store(y + i, m, v * wf_lanes_sigmoid(v) * wf_lanes_load(u + i, m));
    }
}
#endif
