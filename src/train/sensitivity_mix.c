/* SPDX-License-Identifier: Apache-2.0 */
/* Logistic regression of few numbers: by turns each label's own, and the two of the judges, by
 * Newton's steps; the whole is convex. */
#include "train/sensitivity_mix.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 30
#define RIDGE 1.0 /* pulls the judges' numbers to 1, labels' to 0 */
#define STEP_MAX 1.0
#define GRID 50 /* thresholds that are tried */

static bool counts(const struct wf_sensitivity_opinions *o, size_t i, size_t k, unsigned half)
{
    return (o->unknown[i] >> k & 1) == 0 &&
           (half == WF_SENSITIVITY_BOTH_HALVES || o->halves[i] == half);
}

static double share_of(const struct wf_sensitivity_opinions *o, const struct wf_sensitivity_mix *m,
                       size_t i, size_t k)
{
    double x = (double)m->labels[k];

    if (m->encoder > 0)
        x += (double)(m->encoder * o->encoder[i * o->n_labels + k]);
    if (m->linear > 0)
        x += (double)(m->linear * o->linear[i * o->n_labels + k]);
    return 1 / (1 + exp(-x));
}

static void step_label(const struct wf_sensitivity_opinions *o, unsigned half, size_t k,
                       struct wf_sensitivity_mix *io)
{
    double g = RIDGE * (double)io->labels[k], h = RIDGE;

    for (size_t i = 0; i < o->n; i++) {
        double p;
        if (!counts(o, i, k, half))
            continue;
        p = share_of(o, io, i, k);
        g += p - (double)(o->has[i] >> k & 1);
        h += p * (1 - p);
    }
    io->labels[k] -= (float)fmax(-STEP_MAX, fmin(STEP_MAX, g / h));
}

static void step_judges(const struct wf_sensitivity_opinions *o, bool encoder, bool linear,
                        unsigned half, struct wf_sensitivity_mix *io)
{
    double g[2] = {RIDGE * ((double)io->encoder - 1), RIDGE * ((double)io->linear - 1)};
    double a = RIDGE, b = 0, d = RIDGE, det, step[2];

    for (size_t i = 0; i < o->n; i++) {
        for (size_t k = 0; k < o->n_labels; k++) {
            double x = encoder ? (double)o->encoder[i * o->n_labels + k] : 0;
            double y = linear ? (double)o->linear[i * o->n_labels + k] : 0, p, off;
            if (!counts(o, i, k, half))
                continue;
            p = share_of(o, io, i, k);
            off = p - (double)(o->has[i] >> k & 1);
            g[0] += off * x;
            g[1] += off * y;
            a += p * (1 - p) * x * x;
            b += p * (1 - p) * x * y;
            d += p * (1 - p) * y * y;
        }
    }
    det = a * d - b * b;
    if (!(det > 0))
        return;
    step[0] = (d * g[0] - b * g[1]) / det;
    step[1] = (a * g[1] - b * g[0]) / det;
    if (encoder)
        io->encoder = fmaxf(0, io->encoder - (float)fmax(-STEP_MAX, fmin(STEP_MAX, step[0])));
    if (linear)
        io->linear = fmaxf(0, io->linear - (float)fmax(-STEP_MAX, fmin(STEP_MAX, step[1])));
}

struct count {
    double found, there, right;
};

static struct count count_at(const struct wf_sensitivity_opinions *o,
                             const struct wf_sensitivity_mix *m, size_t k, unsigned half, double x)
{
    struct count c = {0};

    for (size_t i = 0; i < o->n; i++) {
        bool there = o->has[i] >> k & 1, found;
        if (!counts(o, i, k, half))
            continue;
        found = share_of(o, m, i, k) >= x;
        c.there += there;
        c.found += found;
        c.right += there && found;
    }
    return c;
}

static double share(double a, double b)
{
    return b > 0 ? 100 * a / b : 0;
}

static double choose_threshold(const struct wf_sensitivity_opinions *o,
                               const struct wf_sensitivity_mix *m, size_t k, unsigned half)
{
    double best = 1.0 / GRID, best_f1 = -1;

    for (int i = 1; i < GRID; i++) {
        double x = (double)i / GRID, f1;
        struct count c = count_at(o, m, k, half, x);
        if (c.right < o->recall * c.there)
            break;
        f1 = share(2 * c.right, c.there + c.found);
        if (f1 > best_f1) {
            best_f1 = f1;
            best = x;
        }
    }
    return best;
}

void wf_sensitivity_mix_choose(const struct wf_sensitivity_opinions *o, bool encoder, bool linear,
                               unsigned half, struct wf_sensitivity_mix *out)
{
    *out = (struct wf_sensitivity_mix){.encoder = encoder ? 1 : 0, .linear = linear ? 1 : 0};
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < o->n_labels; k++)
            step_label(o, half, k, out);
        step_judges(o, encoder, linear, half, out);
    }
    for (size_t k = 0; k < o->n_labels; k++)
        out->thresholds[k] = (float)choose_threshold(o, out, k, half);
}

/* ---- figures ---- */

struct sums {
    struct count all;
    double f1, recall, precision, n;
};

static void add(struct sums *io, struct count c)
{
    io->all.there += c.there;
    io->all.found += c.found;
    io->all.right += c.right;
    if (c.there == 0)
        return;
    io->f1 += share(2 * c.right, c.there + c.found);
    io->recall += share(c.right, c.there);
    io->precision += share(c.right, c.found);
    io->n++;
}

static struct wf_sensitivity_figures figures(const struct sums *s)
{
    double n = fmax(s->n, 1);

    return (struct wf_sensitivity_figures){
        .f1 = s->f1 / n,
        .recall = s->recall / n,
        .precision = s->precision / n,
        .micro_f1 = share(2 * s->all.right, s->all.there + s->all.found)};
}

/* Where label k is, how often each label is said. */
static void write_line(const struct wf_sensitivity_opinions *o, const struct wf_sensitivity_mix *m,
                       size_t k, const char *name, const struct count *c, char *line, size_t bytes)
{
    size_t n = (size_t)snprintf(line, bytes, "%-12s %5.0f there %5.0f found %5.0f right |", name,
                                c->there, c->found, c->right);

    for (size_t j = 0; j < o->n_labels && n < bytes; j++) {
        unsigned said = 0;
        for (size_t i = 0; i < o->n; i++) {
            const struct wf_sensitivity_mix *other = &m[!o->halves[i]];
            said += (o->has[i] >> k & 1) != 0 &&
                    share_of(o, other, i, j) >= (double)other->thresholds[j];
        }
        n += (size_t)snprintf(line + n, bytes - n, " %u", said);
    }
}

struct wf_sensitivity_figures wf_sensitivity_mix_measure(const struct wf_sensitivity_opinions *o,
                                                         bool encoder, bool linear,
                                                         const char *const *names, char *lines,
                                                         size_t line_bytes)
{
    struct wf_sensitivity_mix m[2]; /* chosen on that half */
    struct sums s = {.n = 0};

    for (unsigned half = 0; half < 2; half++)
        wf_sensitivity_mix_choose(o, encoder, linear, half, &m[half]);
    for (size_t k = 0; k < o->n_labels; k++) {
        struct count a = count_at(o, &m[1], k, 0, (double)m[1].thresholds[k]);
        struct count b = count_at(o, &m[0], k, 1, (double)m[0].thresholds[k]);
        struct count c = {a.found + b.found, a.there + b.there, a.right + b.right};
        add(&s, c);
        if (lines != NULL)
            write_line(o, m, k, names[k], &c, lines + k * line_bytes, line_bytes);
    }
    return figures(&s);
}

struct wf_sensitivity_figures wf_sensitivity_words_measure(const struct wf_sensitivity_opinions *o)
{
    struct sums s = {.n = 0};

    for (size_t k = 0; k < o->n_labels; k++) {
        struct count c = {0};
        for (size_t i = 0; i < o->n; i++) {
            bool there = o->has[i] >> k & 1, found = o->words[i] >> k & 1;
            if (!counts(o, i, k, WF_SENSITIVITY_BOTH_HALVES))
                continue;
            c.there += there;
            c.found += found;
            c.right += there && found;
        }
        add(&s, c);
    }
    return figures(&s);
}
