/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: passes over a whole vocabulary, and logarithm and exponential function.
 *
 * A token that was drawn must be the same on every machine, but C libraries round exp and log
 * differently. Here they are made of additions and multiplications in a fixed order, which IEEE 754
 * rounds in one way only; compilers must not fuse them. Passes go four values at a time, in the
 * compilers' own vectors: the same lanes on every processor. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/sampler_internal.h"

#ifdef __clang__
#pragma clang fp contract(off)
#endif

typedef float v4f __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

#define LANES 4
/* A pass looks for the largest value a block at a time, and only then within the block. */
#define BLOCK 256

static v4f load(const float *p)
{
    v4f v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static v4f splat(float x)
{
    return (v4f){x, x, x, x};
}

/* Bit by bit: a where the mask is set, else b. */
static v4f choose(v4i mask, v4f a, v4f b)
{
    return (v4f)(((v4i)a & mask) | ((v4i)b & ~mask));
}

static bool any(v4i mask)
{
    uint64_t half[2];
    memcpy(half, &mask, sizeof(half));
    return (half[0] | half[1]) != 0;
}

double wf_sampler_log(double x)
{
    static const double ln2 = 0.69314718055994530942, half_root = 0.70710678118654752440;
    int e;
    double m = frexp(x, &e), t, t2, power, sum = 0;

    if (!(x > 0))
        return -INFINITY;
    if (m < half_root) {
        m *= 2;
        e--;
    }
    /* log m = 2 artanh t; |t| < 0.172, so that 13 terms reach the last bit. */
    t = (m - 1) / (m + 1);
    t2 = t * t;
    power = t;
    for (int i = 0; i < 13; i++) {
        sum += power / (2 * i + 1);
        power *= t2;
    }
    return e * ln2 + 2 * sum;
}

double wf_sampler_exp(double x)
{
    static const double ln2_high = 0.693147180369123816490, ln2_low = 1.90821492927058770002e-10;
    double n, r, term = 1, sum = 1;

    if (x > 709)
        return INFINITY;
    if (!(x > -700))
        return 0;
    n = floor(x / (ln2_high + ln2_low) + 0.5);
    r = (x - n * ln2_high) - n * ln2_low;
    for (int i = 1; i < 18; i++) {
        term = term * r / i;
        sum += term;
    }
    return ldexp(sum, (int)n);
}

/* exp of four values <= 0: 2^n * exp(r), |r| <= ln 2 / 2, by a polynomial (Cephes' expf). */
static v4f share4(v4f x)
{
    const v4f shift = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    v4i in_range = x >= splat(-87.0f);
    v4f t, n, r, p;

    x = choose(in_range, x, splat(0));
    t = x * splat(1.44269504f) + shift;
    n = t - shift;
    r = x - n * splat(0.693359375f);
    r = r - n * splat(-2.12194440e-4f);
    p = splat(1.9875691500e-4f);
    p = p * r + splat(1.3981999507e-3f);
    p = p * r + splat(8.3334519073e-3f);
    p = p * r + splat(4.1665795894e-2f);
    p = p * r + splat(1.6666665459e-1f);
    p = p * r + splat(5.0000001201e-1f);
    p = p * r * r + r + splat(1.0f);
    p = (v4f)((v4i)p + (((v4i)t - (v4i)shift) << 23));
    return (v4f)((v4i)p & in_range);
}

float wf_sampler_share(float x)
{
    return share4(splat(x))[0];
}

static float block_max(const float *x, size_t n, float best)
{
    v4f a = splat(best), b = a, c = a, d = a;
    size_t i = 0;

    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        v4f xa = load(x + i), xb = load(x + i + 4), xc = load(x + i + 8), xd = load(x + i + 12);
        a = choose(xa > a, xa, a);
        b = choose(xb > b, xb, b);
        c = choose(xc > c, xc, c);
        d = choose(xd > d, xd, d);
    }
    a = choose(b > a, b, a);
    c = choose(d > c, d, c);
    a = choose(c > a, c, a);
    for (int j = 0; j < LANES; j++)
        best = a[j] > best ? a[j] : best;
    for (; i < n; i++)
        best = x[i] > best ? x[i] : best;
    return best;
}

size_t wf_sampler_argmax(const float *x, size_t n)
{
    float best = -INFINITY;
    size_t at = 0;

    for (size_t i = 0; i < n; i += BLOCK) {
        float m = block_max(x + i, WF_MIN(n - i, BLOCK), best);
        if (m > best) {
            best = m;
            at = i;
        }
    }
    while (at < n && !(x[at] == best))
        at++;
    return at < n ? at : 0;
}

double wf_sampler_mass(const float *x, size_t n, float max, float scale)
{
    v4f m = splat(max), f = splat(scale);
    double sum = 0;
    size_t i = 0;

    while (i + LANES <= n) {
        /* Float lanes are exact enough for a block; blocks are summed in double. */
        size_t end = WF_MIN(n - n % LANES, i + BLOCK);
        v4f block = splat(0);
        for (; i < end; i += LANES)
            block += share4((load(x + i) - m) * f);
        sum += (double)block[0] + (double)block[1] + (double)block[2] + (double)block[3];
    }
    for (; i < n; i++)
        sum += (double)wf_sampler_share((x[i] - max) * scale);
    return sum;
}

size_t wf_sampler_find(const float *x, size_t n, size_t from, float floor)
{
    v4f f = splat(floor);
    size_t i = from;

    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        v4i hit = (load(x + i) >= f) | (load(x + i + 4) >= f) | (load(x + i + 8) >= f) |
                  (load(x + i + 12) >= f);
        if (any(hit))
            break;
    }
    while (i < n && !(x[i] >= floor))
        i++;
    return i;
}

void wf_cands_weigh(struct wf_cands *c, float scale)
{
    v4f m = splat(c->max), f = splat(scale);
    size_t i = 0;

    c->mass = 0;
    for (; i + LANES <= c->n; i += LANES) {
        struct wf_cand *p = c->ptr + i;
        v4f w = share4(((v4f){p[0].x, p[1].x, p[2].x, p[3].x} - m) * f);
        for (int k = 0; k < LANES; k++) {
            p[k].w = w[k];
            c->mass += (double)w[k];
        }
    }
    for (; i < c->n; i++) {
        c->ptr[i].w = wf_sampler_share((c->ptr[i].x - c->max) * scale);
        c->mass += (double)c->ptr[i].w;
    }
}
