/* Rows of float whose exponentials take longer than their memory, by lanes of a register whatever
 * their number: those functions of kern.h of the same names, as static ones. Each file of an
 * instruction set includes this behind its lanes and gives them its names by WF_ROWS_AS. Threads:
 * any. */
#ifndef WF_KERN_ROWS_LANES_H
#define WF_KERN_ROWS_LANES_H

#include <math.h>
#include <string.h>

#include "kern/lanes.h"

/* See kern.h. */
static float wf_rows__exp_sum(float *x, float max, size_t n)
{
    return wf_lanes_exp_sum(x, max, n);
}

/* See kern.h. */
static void wf_rows__softmax(float *x, size_t n)
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

/* See kern.h. */
static void wf_rows__silu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes v = wf_lanes_load(g + i, m);
        wf_lanes_store(y + i, m, v * wf_lanes_sigmoid(v) * wf_lanes_load(u + i, m));
    }
}

/* (1 + tanh(t)) / 2 is the sigmoid of 2 t. */
static WF_INLINE wf_lanes wf_rows__gelu(wf_lanes v)
{
    const float twice = 2.0f * 0.79788456f, cube = 0.044715f;
    wf_lanes h = wf_lanes_rounded(v), none = wf_lanes_all(0.0f), far = wf_lanes_all(10.0f);
    wf_lanes t =
        wf_lanes_all(twice) * h * wf_lanes_fma(wf_lanes_all(cube) * h, h, wf_lanes_all(1.0f));
    wf_lanes y = wf_lanes_rounded(h * wf_lanes_sigmoid(t));

    y = wf_lanes_at_least(-far, v, none, y);
    return wf_lanes_at_least(v, far, v, y);
}

/* See kern.h. */
static void wf_rows__gelu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes by = u != NULL ? wf_lanes_load(u + i, m) : wf_lanes_all(1.0f);
        wf_lanes_store(y + i, m, wf_rows__gelu(wf_lanes_load(g + i, m)) * by);
    }
}

/* Functions prefix##exp_sum and so on. */
#define WF_ROWS_AS(prefix)                                                                         \
    float prefix##exp_sum(float *x, float max, size_t n)                                           \
    {                                                                                              \
        return wf_rows__exp_sum(x, max, n);                                                        \
    }                                                                                              \
    void prefix##softmax(float *x, size_t n)                                                       \
    {                                                                                              \
        wf_rows__softmax(x, n);                                                                    \
    }                                                                                              \
    void prefix##silu_mul(const float *g, const float *u, float *y, size_t n)                      \
    {                                                                                              \
        wf_rows__silu_mul(g, u, y, n);                                                             \
    }                                                                                              \
    void prefix##gelu_mul(const float *g, const float *u, float *y, size_t n)                      \
    {                                                                                              \
        wf_rows__gelu_mul(g, u, y, n);                                                             \
    }

#endif
