/* SPDX-License-Identifier: Apache-2.0 */
/* The readable table of gradients: every function as its derivation gives it, in double. */
#include <assert.h>
#include <math.h>

#include "kern/grad.h"

#define SQRT_2_OVER_PI 0.79788456080286535588
#define GELU_CUBE 0.044715

/* With r = 1 / sqrt(mean(x^2) + eps), dr / dx[i] = -r^3 x[i] / n. */
static void rms_norm_back(const float *x, const float *w, float eps, const float *dy, bool adds,
                          float *dx, float *io_dw, size_t n)
{
    double square = 0, along = 0, r, pull;

    for (size_t i = 0; i < n; i++) {
        square += (double)x[i] * (double)x[i];
        along += (double)dy[i] * (double)(w != NULL ? w[i] : 1.0f) * (double)x[i];
    }
    r = 1.0 / sqrt(square / (double)n + (double)eps);
    pull = r * r * r * along / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = (double)dy[i], v = (double)x[i];
        if (io_dw != NULL)
            io_dw[i] += (float)(d * v * r);
        d = d * (double)(w != NULL ? w[i] : 1.0f) * r - v * pull;
        dx[i] = (float)(adds ? (double)dx[i] + d : d);
    }
}

/* silu'(g) = s + g s (1 - s), s = 1 / (1 + exp(-g)). */
static void silu_mul_back(float *io_g, float *io_u, float *io_d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double g = (double)io_g[i], u = (double)io_u[i], d = (double)io_d[i];
        double s = 1.0 / (1.0 + exp(-g));
        io_g[i] = (float)(d * u * (s + g * s * (1.0 - s)));
        io_u[i] = (float)(d * g * s);
        io_d[i] = (float)(g * s * u);
    }
}

/* gelu(g) = g s with s = (1 + tanh(t)) / 2, t = sqrt(2 / pi) (g + 0.044715 g^3). */
static double gelu_share(double g)
{
    return 0.5 * (1.0 + tanh(SQRT_2_OVER_PI * (g + GELU_CUBE * g * g * g)));
}

static void gelu_mul(const float *g, const float *u, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)g[i];
        y[i] = (float)(v * gelu_share(v) * (u != NULL ? (double)u[i] : 1.0));
    }
}

/* ds / dg = 2 s (1 - s) dt / dg. */
static void gelu_mul_back(float *io_g, float *io_u, float *io_d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double g = (double)io_g[i], d = (double)io_d[i];
        double u = io_u != NULL ? (double)io_u[i] : 1.0, s = gelu_share(g);
        double slope = 2.0 * s * (1.0 - s) * SQRT_2_OVER_PI * (1.0 + 3.0 * GELU_CUBE * g * g);
        io_g[i] = (float)(d * u * (s + g * slope));
        if (io_u != NULL)
            io_u[i] = (float)(d * g * s);
        io_d[i] = (float)(g * s * u);
    }
}

static void softmax_back(const float *p, float scale, float *io_d, size_t n)
{
    double mean = 0;

    for (size_t i = 0; i < n; i++)
        mean += (double)io_d[i] * (double)p[i];
    for (size_t i = 0; i < n; i++)
        io_d[i] = (float)((double)scale * (double)p[i] * ((double)io_d[i] - mean));
}

static float cross_entropy(float *io_logits, size_t n, size_t target, float scale)
{
    double max = -INFINITY, sum, loss;

    assert(target < n);
    for (size_t i = 0; i < n; i++)
        max = fmax(max, (double)io_logits[i]);
    sum = exp((double)io_logits[0] - max);
    for (size_t i = 1; i < n; i++)
        sum += exp((double)io_logits[i] - max);
    loss = log(sum) + max - (double)io_logits[target];
    for (size_t i = 0; i < n; i++) {
        double p = exp((double)io_logits[i] - max) / sum;
        io_logits[i] = (float)((double)scale * (p - (i == target ? 1.0 : 0.0)));
    }
    return (float)loss;
}

static void adamw(const struct wf_grad_adamw *o, const float *g, float *io_w, float *io_m,
                  float *io_v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double d = (double)g[i] * (double)o->grad_scale, w = (double)io_w[i];
        double m = (double)o->beta1 * (double)io_m[i] + (1.0 - (double)o->beta1) * d;
        double v = (double)o->beta2 * (double)io_v[i] + (1.0 - (double)o->beta2) * d * d;
        double step =
            m * (double)o->correction1 / (sqrt(v * (double)o->correction2) + (double)o->eps);
        io_m[i] = (float)m;
        io_v[i] = (float)v;
        io_w[i] = (float)(w - (double)o->rate * (step + (double)o->decay * w));
    }
}

static double sum_squares(const float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

static float largest(const float *x, size_t n)
{
    float most = -INFINITY;

    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static void scale(float a, float *io_x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        io_x[i] *= a;
}

/* The finaliser of MurmurHash3 (Appleby), behind a multiplication that parts neighbours. */
static void drop(uint32_t first, uint32_t limit, float kept, float *io_x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (first + (uint32_t)i) * 0x9e3779b1u;
        x = (x ^ x >> 16) * 0x85ebca6bu;
        x = (x ^ x >> 13) * 0xc2b2ae35u;
        x ^= x >> 16;
        io_x[i] = x < limit ? 0.0f : io_x[i] * kept;
    }
}

const struct wf_grad wf_grad_ref = {
    .name = "ref",
    .rms_norm_back = rms_norm_back,
    .silu_mul_back = silu_mul_back,
    .gelu_mul = gelu_mul,
    .gelu_mul_back = gelu_mul_back,
    .softmax_back = softmax_back,
    .cross_entropy = cross_entropy,
    .adamw = adamw,
    .sum_squares = sum_squares,
    .largest = largest,
    .scale = scale,
    .drop = drop,
};
