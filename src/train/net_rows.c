/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to each token's row by itself: norms, turning, activations, sums, dropout, and the
 * way back of each. Bands of rows are shared by the gang; gradients of what all rows share (norms,
 * biases) are summed band by band, then the bands in their order, so that a run repeats itself to
 * the bit with the same number of threads. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/net_internal.h"

uint64_t wf_net__now(void)
{
    return (uint64_t)wf_clock_mono_ns(NULL);
}

void wf_net__took(struct wf_net *n, enum wf_net_time what, uint64_t since)
{
    n->ns[what] += wf_net__now() - since;
}

struct each {
    struct wf_net *n;
    wf_net__fn fn;
    const void *ud;
};

static void each_part(void *ud, size_t i, size_t n)
{
    const struct each *e = ud;
    size_t from, to;

    wf_gang_part(e->n->n_tok, 1, i, n, &from, &to);
    e->fn(e->n, e->ud, from, to, i);
}

void wf_net__each(struct wf_net *n, wf_net__fn fn, const void *ud)
{
    struct each e = {n, fn, ud};
    uint64_t since = wf_net__now();

    wf_gang_run(n->gang, each_part, &e);
    wf_net__took(n, WF_NET_TIME_ROWS, since);
}

void wf_net__sum_norms(struct wf_net *n, size_t at, size_t width, float *grad)
{
    for (size_t i = 0; i < wf_gang_size(n->gang); i++)
        n->kern->axpy(1.0f, n->scratch[i].norms + at, grad, width);
}

/* ---- norms ---- */

struct norm {
    const float *weight, *x, *dy;
    float *y;
    bool adds;
};

static void norm_rows(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct norm *o = ud;
    size_t dim = n->p->dim;

    (void)i_part;
    for (size_t t = from; t < to; t++)
        n->kern->rms_norm(o->x + t * dim, o->weight, n->p->norm_eps, o->y + t * dim, dim);
}

void wf_net__norm(struct wf_net *n, const struct wf_net__vector *weight, const float *x, float *y)
{
    struct norm o = {.weight = weight->p, .x = x, .y = y};

    wf_net__each(n, norm_rows, &o);
}

static void norm_rows_back(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct norm *o = ud;
    size_t dim = n->p->dim;
    float *dw = n->scratch[i_part].norms;

    memset(dw, 0, dim * sizeof(*dw));
    for (size_t t = from; t < to; t++)
        n->grad->rms_norm_back(o->x + t * dim, o->weight, n->p->norm_eps, o->dy + t * dim, o->adds,
                               o->y + t * dim, dw, dim);
}

void wf_net__norm_back(struct wf_net *n, const struct wf_net__vector *weight, const float *x,
                       const float *dy, bool adds, float *dx)
{
    struct norm o = {.weight = weight->p, .x = x, .dy = dy, .y = dx, .adds = adds};

    wf_net__each(n, norm_rows_back, &o);
    if (weight->grad != NULL)
        wf_net__sum_norms(n, 0, n->p->dim, weight->grad);
}

/* ---- what a half adds ---- */

struct half {
    size_t i_half;
    const float *x, *y;
    float *out;
};

/* 64 bits stirred (the finaliser of splitmix64; Steele, Lea, Flood 2014). */
static uint64_t stir(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* io[i] = io[i] * scale, or 0 with the chance of dropout: the same for a token's half of the same
 * forward whenever it is asked for, so that masks need not be kept. */
static void drop(const struct wf_net *n, size_t i_half, size_t i_tok, float scale, float *io)
{
    uint64_t seed = stir(stir(n->seed ^ stir(n->i_forward)) + (i_half << 32) + i_tok);
    uint32_t limit = (uint32_t)((double)n->dropout * 65536.0);
    float by[2] = {scale / (1.0f - (float)limit / 65536.0f), 0.0f}; /* without a branch */

    for (uint32_t i = 0; i < n->p->dim;) { /* sixteen bits decide about one value */
        uint64_t bits = stir(seed + i);
        for (uint32_t end = WF_MIN(i + 4, n->p->dim); i < end; i++, bits >>= 16)
            io[i] *= by[(bits & 0xffff) < limit];
    }
}

static bool drops(const struct wf_net *n)
{
    return n->trains && n->dropout > 0.0f;
}

static void half_rows(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct half *h = ud;
    size_t dim = n->p->dim;
    float scale = n->p->residual_scale;

    (void)i_part;
    for (size_t t = from; t < to; t++) {
        const float *x = h->x + t * dim, *y = h->y + t * dim;
        float *out = h->out + t * dim;
        if (drops(n)) {
            memcpy(out, y, dim * sizeof(*out));
            drop(n, h->i_half, t, scale, out);
            n->kern->axpy(1.0f, x, out, dim);
        } else {
            memcpy(out, x, dim * sizeof(*out));
            n->kern->axpy(scale, y, out, dim);
        }
    }
}

void wf_net__add_half(struct wf_net *n, size_t i_half, const float *x, const float *y, float *out)
{
    struct half h = {i_half, x, y, out};

    wf_net__each(n, half_rows, &h);
}

static void half_rows_back(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct half *h = ud;
    size_t dim = n->p->dim;
    float scale = n->p->residual_scale;

    (void)i_part;
    for (size_t t = from; t < to; t++) {
        float *out = h->out + t * dim;
        memcpy(out, h->x + t * dim, dim * sizeof(*out));
        if (drops(n))
            drop(n, h->i_half, t, scale, out);
        else if (scale != 1.0f)
            for (size_t i = 0; i < dim; i++)
                out[i] *= scale;
    }
}

void wf_net__add_half_back(struct wf_net *n, size_t i_half, const float *dx, float *dy)
{
    struct half h = {.i_half = i_half, .x = dx, .out = dy};

    wf_net__each(n, half_rows_back, &h);
}

/* ---- activations ---- */

struct activate {
    size_t n_ff;
    const float *gate_up;
    float *io_gate_up, *io_act;
};

static void activate_rows(struct wf_net *n, const void *ud, size_t from, size_t to, size_t i_part)
{
    const struct activate *a = ud;
    size_t n_ff = a->n_ff;

    (void)i_part;
    for (size_t t = from; t < to; t++) {
        const float *g = a->gate_up + t * 2 * n_ff, *u = g + n_ff;
        float *y = a->io_act + t * n_ff;
        if (n->p->family->ffn == WF_FFN_SILU)
            n->kern->silu_mul(g, u, y, n_ff);
        else
            n->grad->gelu_mul(g, u, y, n_ff);
    }
}

void wf_net__activate(struct wf_net *n, size_t n_ff, const float *gate_up, float *act)
{
    struct activate a = {.n_ff = n_ff, .gate_up = gate_up, .io_act = act};

    wf_net__each(n, activate_rows, &a);
}

static void activate_rows_back(struct wf_net *n, const void *ud, size_t from, size_t to,
                               size_t i_part)
{
    const struct activate *a = ud;
    size_t n_ff = a->n_ff;

    (void)i_part;
    for (size_t t = from; t < to; t++) {
        float *g = a->io_gate_up + t * 2 * n_ff, *d = a->io_act + t * n_ff;
        if (n->p->family->ffn == WF_FFN_SILU)
            n->grad->silu_mul_back(g, g + n_ff, d, n_ff);
        else
            n->grad->gelu_mul_back(g, g + n_ff, d, n_ff);
    }
}

void wf_net__activate_back(struct wf_net *n, size_t n_ff, float *io_gate_up, float *io_act)
{
    struct activate a = {.n_ff = n_ff, .io_gate_up = io_gate_up, .io_act = io_act};

    wf_net__each(n, activate_rows_back, &a);
}
