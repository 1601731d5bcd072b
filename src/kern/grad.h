/* Grad: the arithmetic of training beside products (gemm.h), as one table of functions, one table
 * an instruction set, in the manner of kern.h.
 *
 * wf_grad_ref is written to be read, sums in double, and is the oracle; wf_grad() is the fastest
 * table that this processor runs. Arrays are float32 and contiguous, of any length and alignment;
 * nothing allocates. What is named io_ is read and written; outputs overlap nothing else unless
 * said. The same arguments give the same bits, so where a sum goes over the results of several
 * threads its order is the caller's to fix. Threads: any. */
#ifndef WF_KERN_GRAD_H
#define WF_KERN_GRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One step of AdamW (Loshchilov and Hutter 2019). Correction i is 1 / (1 - beta_i^step), the step
 * counted from 1. `grad_scale` multiplies the gradients first (clipping, or a mean). */
struct wf_grad_adamw {
    float rate, beta1, beta2, eps;
    float decay; /* the weight loses rate * decay of itself; 0 for norms and biases */
    float correction1, correction2;
    float grad_scale;
};

struct wf_grad {
    const char *name; /* "ref", "avx2", "avx512", "neon" */

    /* Back through y[i] = x[i] * w[i] / sqrt(mean(x^2) + eps): dx (= or, with `adds`, +=) the
     * gradient of x; io_dw[i] += that of w. w and io_dw may be NULL (all ones; not wanted). Without
     * `adds` dx may be dy. */
    void (*rms_norm_back)(const float *x, const float *w, float eps, const float *dy, bool adds,
                          float *dx, float *io_dw, size_t n);
    /* Back through y[i] = silu(g[i]) * u[i]: io_g and io_u become their own gradients, io_d (that
     * of y) becomes y itself, which the next matrix's gradient asks for. */
    void (*silu_mul_back)(float *io_g, float *io_u, float *io_d, size_t n);
    /* y[i] = gelu(g[i]) * u[i], its tanh form in float32; y may be g or u. And back, likewise. u
     * (and io_u) may be NULL: all ones. */
    void (*gelu_mul)(const float *g, const float *u, float *y, size_t n);
    void (*gelu_mul_back)(float *io_g, float *io_u, float *io_d, size_t n);
    /* Back through a row p = softmax(scale * s): io_d, the gradient of p, becomes that of s:
     * scale * p[i] * (d[i] - sum(d p)). */
    void (*softmax_back)(const float *p, float scale, float *io_d, size_t n);
    /* The loss -log(softmax(logits)[target]) of one row; the logits become its gradient times
     * `scale`: scale * (softmax - 1 at the target). target < n. */
    float (*cross_entropy)(float *io_logits, size_t n, size_t target, float scale);
    /* One step for n weights w, their means m and mean squares v, with gradients g. */
    void (*adamw)(const struct wf_grad_adamw *o, const float *g, float *io_w, float *io_m,
                  float *io_v, size_t n);
    /* The sum of x[i]^2, added up in double. */
    double (*sum_squares)(const float *x, size_t n);
    /* The largest of x; -infinity when there is none, or none is a number. */
    float (*largest)(const float *x, size_t n);
    /* x[i] *= a. */
    void (*scale)(float a, float *io_x, size_t n);
    /* Dropout: x[i] becomes 0 when the stirred `first` + i is below `limit`, else x[i] * kept. The
     * stirring is the same in every table: what is dropped here can be dropped there again. */
    void (*drop)(uint32_t first, uint32_t limit, float kept, float *io_x, size_t n);
};

/* The readable one. */
extern const struct wf_grad wf_grad_ref;

#ifdef __aarch64__
extern const struct wf_grad wf_grad_neon;
#endif
#ifdef __x86_64__
extern const struct wf_grad wf_grad_avx2;
extern const struct wf_grad wf_grad_avx512;
#endif

/* The fastest for this processor. Never NULL. */
const struct wf_grad *wf_grad(void);

/* The i-th table that this processor can run (0 is ref); NULL behind the last. For tests. */
const struct wf_grad *wf_grad_at(size_t i);

#endif
