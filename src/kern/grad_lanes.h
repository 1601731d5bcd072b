/* The arithmetic of gradients in lanes of a register, as static functions: each file of an
 * instruction set says what its registers are (see lanes.h) and is compiled with this. Sums run
 * over several registers at once, so that additions need not wait for each other. Threads: any. */
#ifndef WF_KERN_GRAD_LANES_H
#define WF_KERN_GRAD_LANES_H

#include <assert.h>
#include <math.h>

#include "kern/grad.h"
#include "kern/lanes.h"

/* sum(a b), or with c sum(a b c), in four registers. */
static WF_INLINE float wf_lanes_dot(const float *a, const float *b, const float *c, size_t n)
{
    wf_lanes sums[4] = {wf_lanes_all(0.0f), wf_lanes_all(0.0f), wf_lanes_all(0.0f),
                        wf_lanes_all(0.0f)};
    size_t i = 0;

    for (; i + 4 * WF_LANES <= n; i += 4 * WF_LANES) {
        for (size_t j = 0; j < 4; j++) {
            wf_lanes v = wf_lanes_load(a + i + j * WF_LANES, WF_LANES);
            if (c != NULL)
                v = v * wf_lanes_load(c + i + j * WF_LANES, WF_LANES);
            sums[j] = wf_lanes_fma(v, wf_lanes_load(b + i + j * WF_LANES, WF_LANES), sums[j]);
        }
    }
    for (; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes v = wf_lanes_load(a + i, m);
        if (c != NULL)
            v = v * wf_lanes_load(c + i, m);
        sums[0] = wf_lanes_fma(v, wf_lanes_load(b + i, m), sums[0]);
    }
    return wf_lanes_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* m lanes of the norm's way back; see grad_ref.c. */
static WF_INLINE void wf_lanes_norm_back(const float *x, const float *w, const float *dy, float r,
                                         float pull, bool adds, float *dx, float *io_dw, size_t m)
{
    wf_lanes v = wf_lanes_load(x, m), d = wf_lanes_load(dy, m) * wf_lanes_all(r);

    if (io_dw != NULL)
        wf_lanes_store(io_dw, m, wf_lanes_fma(d, v, wf_lanes_load(io_dw, m)));
    if (w != NULL)
        d = d * wf_lanes_load(w, m);
    d = wf_lanes_fma(v, wf_lanes_all(-pull), d);
    if (adds)
        d = d + wf_lanes_load(dx, m);
    wf_lanes_store(dx, m, d);
}

/* See grad.h. */
static void wf_grad__rms_norm_back(const float *x, const float *w, float eps, const float *dy,
                                   bool adds, float *dx, float *io_dw, size_t n)
{
    float r = 1.0f / sqrtf(wf_lanes_dot(x, x, NULL, n) / (float)n + eps);
    float pull = r * r * r * wf_lanes_dot(x, dy, w, n) / (float)n;
    size_t i = 0;

    for (; i + WF_LANES <= n; i += WF_LANES)
        wf_lanes_norm_back(x + i, w != NULL ? w + i : NULL, dy + i, r, pull, adds, dx + i,
                           io_dw != NULL ? io_dw + i : NULL, WF_LANES);
    if (i < n)
        wf_lanes_norm_back(x + i, w != NULL ? w + i : NULL, dy + i, r, pull, adds, dx + i,
                           io_dw != NULL ? io_dw + i : NULL, n - i);
}

/* Gates g s with slopes s + g ds: how much passes, and its derivative. */
typedef wf_lanes (*wf_lanes_gate_fn)(wf_lanes g, wf_lanes *out_slope);

/* silu. */
static WF_INLINE wf_lanes wf_lanes_silu(wf_lanes g, wf_lanes *out_slope)
{
    wf_lanes s = wf_lanes_sigmoid(g);

    *out_slope = s * (wf_lanes_all(1.0f) - s);
    return s;
}

/* gelu: (1 + tanh(t)) / 2 is the sigmoid of 2 t. */
static WF_INLINE wf_lanes wf_lanes_gelu(wf_lanes g, wf_lanes *out_slope)
{
    const float twice = 2.0f * 0.797884561f, cube = 0.044715f;
    wf_lanes square = g * g, one = wf_lanes_all(1.0f);
    wf_lanes s =
        wf_lanes_sigmoid(wf_lanes_all(twice) * g * wf_lanes_fma(square, wf_lanes_all(cube), one));

    *out_slope =
        s * (one - s) * wf_lanes_all(twice) * wf_lanes_fma(square, wf_lanes_all(3.0f * cube), one);
    return s;
}

/* m lanes; see grad.h. */
static WF_INLINE void wf_lanes_gate_back(wf_lanes_gate_fn gate, float *io_g, float *io_u,
                                         float *io_d, size_t m)
{
    wf_lanes g = wf_lanes_load(io_g, m), d = wf_lanes_load(io_d, m), slope;
    wf_lanes u = io_u != NULL ? wf_lanes_load(io_u, m) : wf_lanes_all(1.0f);
    wf_lanes s = gate(g, &slope), y = g * s;

    wf_lanes_store(io_g, m, d * u * wf_lanes_fma(g, slope, s));
    if (io_u != NULL)
        wf_lanes_store(io_u, m, d * y);
    wf_lanes_store(io_d, m, y * u);
}

/* See grad.h. */
static void wf_grad__silu_mul_back(float *io_g, float *io_u, float *io_d, size_t n)
{
    size_t i = 0;

    for (; i + WF_LANES <= n; i += WF_LANES)
        wf_lanes_gate_back(wf_lanes_silu, io_g + i, io_u + i, io_d + i, WF_LANES);
    if (i < n)
        wf_lanes_gate_back(wf_lanes_silu, io_g + i, io_u + i, io_d + i, n - i);
}

/* See grad.h. */
static void wf_grad__gelu_mul_back(float *io_g, float *io_u, float *io_d, size_t n)
{
    size_t i = 0;

    for (; i + WF_LANES <= n; i += WF_LANES)
        wf_lanes_gate_back(wf_lanes_gelu, io_g + i, io_u != NULL ? io_u + i : NULL, io_d + i,
                           WF_LANES);
    if (i < n)
        wf_lanes_gate_back(wf_lanes_gelu, io_g + i, io_u != NULL ? io_u + i : NULL, io_d + i,
                           n - i);
}

/* See grad.h. */
static void wf_grad__gelu_mul(const float *g, const float *u, float *y, size_t n)
{
    wf_lanes slope;

    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes v = wf_lanes_load(g + i, m);
        v = v * wf_lanes_gelu(v, &slope);
        if (u != NULL)
            v = v * wf_lanes_load(u + i, m);
        wf_lanes_store(y + i, m, v);
    }
}

/* See grad.h. */
static void wf_grad__softmax_back(const float *p, float scale, float *io_d, size_t n)
{
    wf_lanes mean = wf_lanes_all(wf_lanes_dot(p, io_d, NULL, n)), by = wf_lanes_all(scale);

    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes d = wf_lanes_load(io_d + i, m) - mean;
        wf_lanes_store(io_d + i, m, d * wf_lanes_load(p + i, m) * by);
    }
}

/* See grad.h. */
static float wf_grad__largest(const float *x, size_t n)
{
    wf_lanes most[2] = {wf_lanes_all(-INFINITY), wf_lanes_all(-INFINITY)};
    float rest = -INFINITY;
    size_t i = 0;

    for (; i + 2 * WF_LANES <= n; i += 2 * WF_LANES) {
        most[0] = wf_lanes_max(most[0], wf_lanes_load(x + i, WF_LANES));
        most[1] = wf_lanes_max(most[1], wf_lanes_load(x + i + WF_LANES, WF_LANES));
    }
    for (; i < n; i++)
        rest = x[i] > rest ? x[i] : rest;
    return fmaxf(rest, wf_lanes_largest(wf_lanes_max(most[0], most[1])));
}

/* See grad.h. */
static void wf_grad__scale(float a, float *io_x, size_t n)
{
    wf_lanes by = wf_lanes_all(a);

    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes_store(io_x + i, m, wf_lanes_load(io_x + i, m) * by);
    }
}

/* See grad.h. */
static float wf_grad__cross_entropy(float *io_logits, size_t n, size_t target, float scale_by)
{
    float at, max, sum;

    assert(target < n);
    at = io_logits[target];
    max = wf_grad__largest(io_logits, n);
    sum = wf_lanes_exp_sum(io_logits, max, n);
    wf_grad__scale(scale_by / sum, io_logits, n);
    io_logits[target] -= scale_by;
    return (float)(log((double)sum) + (double)max - (double)at);
}

/* The numbers of a step of AdamW, each in all lanes. */
struct wf_lanes_adamw {
    wf_lanes grad_scale, beta1, beta2, rest1, rest2, correction1, correction2, eps, rate, kept;
};

/* m lanes of a step. */
static WF_INLINE void wf_lanes_adamw_step(const struct wf_lanes_adamw *o, const float *g,
                                          float *io_w, float *io_m, float *io_v, size_t m)
{
    wf_lanes d = wf_lanes_load(g, m) * o->grad_scale;
    wf_lanes mean = wf_lanes_fma(o->beta1, wf_lanes_load(io_m, m), o->rest1 * d);
    wf_lanes square = wf_lanes_fma(o->beta2, wf_lanes_load(io_v, m), o->rest2 * d * d);
    wf_lanes step = mean * o->correction1 / (wf_lanes_sqrt(square * o->correction2) + o->eps);

    wf_lanes_store(io_m, m, mean);
    wf_lanes_store(io_v, m, square);
    wf_lanes_store(io_w, m, wf_lanes_fma(o->kept, wf_lanes_load(io_w, m), -(o->rate * step)));
}

/* See grad.h. */
static void wf_grad__adamw(const struct wf_grad_adamw *o, const float *g, float *io_w, float *io_m,
                           float *io_v, size_t n)
{
    const struct wf_lanes_adamw all = {.grad_scale = wf_lanes_all(o->grad_scale),
                                       .beta1 = wf_lanes_all(o->beta1),
                                       .beta2 = wf_lanes_all(o->beta2),
                                       .rest1 = wf_lanes_all(1.0f - o->beta1),
                                       .rest2 = wf_lanes_all(1.0f - o->beta2),
                                       .correction1 = wf_lanes_all(o->correction1),
                                       .correction2 = wf_lanes_all(o->correction2),
                                       .eps = wf_lanes_all(o->eps),
                                       .rate = wf_lanes_all(o->rate),
                                       .kept = wf_lanes_all(1.0f - o->rate * o->decay)};
    size_t i = 0;

    for (; i + WF_LANES <= n; i += WF_LANES)
        wf_lanes_adamw_step(&all, g + i, io_w + i, io_m + i, io_v + i, WF_LANES);
    if (i < n)
        wf_lanes_adamw_step(&all, g + i, io_w + i, io_m + i, io_v + i, n - i);
}

/* See grad.h. */
static void wf_grad__drop(uint32_t first, uint32_t limit, float kept, float *io_x, size_t n)
{
    wf_lanes by = wf_lanes_all(kept);

    for (size_t i = 0; i < n; i += WF_LANES) {
        size_t m = wf_lanes_left(i, n);
        wf_lanes v = wf_lanes_load(io_x + i, m) * by;
        wf_lanes_store(io_x + i, m, wf_lanes_unless(v, first + (uint32_t)i, limit));
    }
}

/* See grad.h. */
static double wf_grad__sum_squares(const float *x, size_t n)
{
    return wf_lanes_sum_squares(x, n);
}

/* The table of that name. */
#define WF_GRAD_TABLE(table_name)                                                                  \
    {                                                                                              \
        .name = (table_name), .rms_norm_back = wf_grad__rms_norm_back,                             \
        .silu_mul_back = wf_grad__silu_mul_back, .gelu_mul = wf_grad__gelu_mul,                    \
        .gelu_mul_back = wf_grad__gelu_mul_back, .softmax_back = wf_grad__softmax_back,            \
        .cross_entropy = wf_grad__cross_entropy, .adamw = wf_grad__adamw,                          \
        .sum_squares = wf_grad__sum_squares, .largest = wf_grad__largest, .scale = wf_grad__scale, \
        .drop = wf_grad__drop,                                                                     \
    }

#endif
