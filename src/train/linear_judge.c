/* SPDX-License-Identifier: Apache-2.0 */
/* Two judges of one request: see the header. The scales are found by Newton's method in two
 * dimensions: the loss, the logarithm of the softmax' share of the right label, is convex in them.
 */
#include "train/linear_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define ROUNDS 30
#define HALVED_MAX 13
#define RIDGE 1e-6 /* of the Hessian, where one judge says nothing */
#define BOTH_HALVES 2u
/* Of what is out of scope, that is left to the threshold: what nobody has seen has no label. */
#define UNSEEN 0.03

/* How what they say is put together. */
struct mix {
    double scales[2]; /* of the encoder, of the table */
    double outside;   /* taken off that label's score */
};

struct wf_linear_opinions {
    float *says[2]; /* [n, n_labels] of the encoder, of the table */
    int32_t *targets;
    uint8_t *halves;
    size_t n, n_labels;
    int32_t outside;
    bool has_encoder;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to measure a linear judge.");
}

/* ---- what they say ---- */

/* One text through the encoder, to out [n_labels]. */
static int ask_encoder(const struct wf_lens *lens, struct wf_runner *r, const char *name,
                       struct wf_str text, float *out, struct wf_err *err)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .text = text, .set = name};
    int32_t *ids = wf_alloc_array(wf_lens_window(lens), sizeof(*ids));
    struct wf_lens_job *j = NULL;
    int rc = ids == NULL ? no_memory(err) : wf_lens_job_new(lens, &ask, &j, err);

    if (rc == 0 && wf_lens_job_n_windows(j) > 0) {
        uint32_t starts[2] = {0, (uint32_t)wf_lens_job_window(j, 0, ids)};
        const float *hidden;
        rc = wf_runner_encode(r, ids, starts, 1, &hidden, err);
        if (rc == 0)
            wf_lens_job_take(j, 0, hidden);
    }
    if (rc == 0)
        memcpy(out, wf_lens_job_intents(j),
               wf_lens_n_labels(lens, WF_LENS_INTENT, name) * sizeof(*out));
    wf_lens_job_free(j);
    wf_free(ids);
    return rc;
}

static int ask_encoder_all(struct wf_linear_opinions *o, const struct wf_linear_set *s,
                           const struct wf_lens *lens, const char *name, struct wf_err *err)
{
    const struct wf_runner_options options = {.n_threads = 1,
                                              .n_context = wf_lens_window(lens),
                                              .n_batch = wf_lens_window(lens),
                                              .act = WF_ACT_Q8};
    struct wf_runner *r = NULL;
    int rc = wf_runner_new(wf_lens_model(lens), &options, &r, err);

    for (size_t i = 0, k = 0; i < wf_linear_set_n_texts(s) && rc == 0; i++) {
        const struct wf_linear_text *t = wf_linear_set_text(s, i);
        if (t->is_dev)
            rc = ask_encoder(lens, r, name, t->text, o->says[0] + k++ * o->n_labels, err);
    }
    wf_runner_free(r);
    o->has_encoder = rc == 0;
    return rc;
}

void wf_linear_opinions_again(struct wf_linear_opinions *o, const struct wf_linear_set *s)
{
    size_t k = 0;

    for (size_t i = 0; i < wf_linear_set_n_texts(s); i++) {
        const struct wf_linear_text *t = wf_linear_set_text(s, i);
        if (t->is_dev)
            wf_linear_set_score(s, t->text, o->says[1] + k++ * o->n_labels);
    }
}

static int make(struct wf_linear_opinions *o, const struct wf_linear_set *s, struct wf_err *err)
{
    size_t k = 0;

    for (size_t i = 0; i < wf_linear_set_n_texts(s); i++)
        o->n += wf_linear_set_text(s, i)->is_dev;
    o->n_labels = wf_linear_set_n_labels(s);
    o->outside = wf_linear_set_outside(s);
    for (size_t i = 0; i < 2; i++)
        o->says[i] = wf_alloc_array(o->n + 1, o->n_labels * sizeof(float));
    o->targets = wf_alloc_array(o->n + 1, sizeof(*o->targets));
    o->halves = wf_alloc_array(o->n + 1, sizeof(*o->halves));
    if (o->says[0] == NULL || o->says[1] == NULL || o->targets == NULL || o->halves == NULL)
        return no_memory(err);
    for (size_t i = 0; i < wf_linear_set_n_texts(s); i++) {
        const struct wf_linear_text *t = wf_linear_set_text(s, i);
        if (!t->is_dev)
            continue;
        o->targets[k] = t->label;
        o->halves[k++] = t->half;
    }
    return 0;
}

int wf_linear_opinions_new(const struct wf_linear_set *s, const struct wf_lens *lens,
                           const char *name, struct wf_linear_opinions **out, struct wf_err *err)
{
    struct wf_linear_opinions *o = wf_alloc_array(1, sizeof(*o));
    int rc = o == NULL ? no_memory(err) : make(o, s, err);

    if (rc == 0 && lens != NULL && wf_lens_has_intent_head(lens, name) &&
        wf_lens_n_labels(lens, WF_LENS_INTENT, name) == o->n_labels)
        rc = ask_encoder_all(o, s, lens, name, err);
    if (rc != 0) {
        wf_linear_opinions_free(o);
        return rc;
    }
    wf_linear_opinions_again(o, s);
    *out = o;
    return 0;
}

void wf_linear_opinions_free(struct wf_linear_opinions *o)
{
    if (o == NULL)
        return;
    wf_free(o->says[0]);
    wf_free(o->says[1]);
    wf_free(o->targets);
    wf_free(o->halves);
    wf_free(o);
}

bool wf_linear_opinions_has_encoder(const struct wf_linear_opinions *o)
{
    return o->has_encoder;
}

/* ---- scales ---- */

static bool is_of(const struct wf_linear_opinions *o, size_t i, unsigned half)
{
    return half == BOTH_HALVES || o->halves[i] == half;
}

/* Shares of labels for text i. */
static void share_out(const struct wf_linear_opinions *o, size_t i, const struct mix *m,
                      double *out)
{
    const float *a = o->says[0] + i * o->n_labels, *b = o->says[1] + i * o->n_labels;
    double most = -INFINITY, sum = 0;

    for (size_t k = 0; k < o->n_labels; k++) {
        out[k] = m->scales[0] * (double)a[k] + m->scales[1] * (double)b[k] -
                 ((int32_t)k == o->outside ? m->outside : 0);
        most = fmax(most, out[k]);
    }
    for (size_t k = 0; k < o->n_labels; k++)
        sum += out[k] = exp(out[k] - most);
    for (size_t k = 0; k < o->n_labels; k++)
        out[k] /= sum;
}

/* Gradient and Hessian of the loss. */
struct slope {
    double loss, g[2], h[3];
};

static void add_slope(const struct wf_linear_opinions *o, size_t i, const double *shares,
                      struct slope *io)
{
    const float *a = o->says[0] + i * o->n_labels, *b = o->says[1] + i * o->n_labels;
    double mean[2] = {0}, square[3] = {0};
    size_t y = (size_t)o->targets[i];

    for (size_t k = 0; k < o->n_labels; k++) {
        double x = (double)a[k], z = (double)b[k];
        mean[0] += shares[k] * x;
        mean[1] += shares[k] * z;
        square[0] += shares[k] * x * x;
        square[1] += shares[k] * x * z;
        square[2] += shares[k] * z * z;
    }
    io->loss -= log(fmax(shares[y], 1e-300));
    io->g[0] += mean[0] - (double)a[y];
    io->g[1] += mean[1] - (double)b[y];
    io->h[0] += square[0] - mean[0] * mean[0];
    io->h[1] += square[1] - mean[0] * mean[1];
    io->h[2] += square[2] - mean[1] * mean[1];
}

static struct slope slope_at(const struct wf_linear_opinions *o, unsigned half,
                             const double scales[2])
{
    const struct mix m = {{scales[0], scales[1]}, 0};
    double shares[WF_LENS_LINEAR_LABELS_MAX];
    struct slope s = {0};

    for (size_t i = 0; i < o->n; i++) {
        if (!is_of(o, i, half))
            continue;
        share_out(o, i, &m, shares);
        add_slope(o, i, shares, &s);
    }
    return s;
}

/* Newton's steps, halved while they do not help. Scales stay at 0 or above. */
static void choose_scales(const struct wf_linear_opinions *o, enum wf_linear_judges who,
                          unsigned half, double out[2])
{
    struct slope s;

    out[0] = (who & WF_LINEAR_ENCODER) != 0 ? 1 : 0;
    out[1] = (who & WF_LINEAR_TABLE) != 0 ? 1 : 0;
    s = slope_at(o, half, out);
    for (int round = 0; round < ROUNDS; round++) {
        double a = s.h[0] + RIDGE, b = s.h[1], d = s.h[2] + RIDGE, step[2], det;
        if ((who & WF_LINEAR_ENCODER) == 0)
            a = 1, b = 0, s.g[0] = 0;
        if ((who & WF_LINEAR_TABLE) == 0)
            d = 1, b = 0, s.g[1] = 0;
        det = a * d - b * b;
        if (!(det > 0))
            return;
        step[0] = (d * s.g[0] - b * s.g[1]) / det;
        step[1] = (a * s.g[1] - b * s.g[0]) / det;
        for (int halved = 0; halved < HALVED_MAX; halved++) {
            double size = ldexp(1, -halved);
            double next[2] = {fmax(out[0] - size * step[0], 0), fmax(out[1] - size * step[1], 0)};
            struct slope t = slope_at(o, half, next);
            if (!(t.loss < s.loss))
                continue;
            memcpy(out, next, sizeof(next));
            s = t;
            break;
        }
        if (fabs(step[0]) + fabs(step[1]) < 1e-4)
            return;
    }
}

/* ---- thresholds and figures ---- */

struct one {
    double share; /* of the best label */
    double lead;  /* of the label of out of scope over the best other one, logarithms */
    bool is_outside, says_outside, is_right, is_right_closed;
};

static struct one judge(const struct wf_linear_opinions *o, size_t i, const struct mix *m)
{
    double shares[WF_LENS_LINEAR_LABELS_MAX] = {0};
    int32_t best = 0, closed = o->outside == 0 ? 1 : 0;

    share_out(o, i, m, shares);
    for (int32_t k = 1; k < (int32_t)o->n_labels; k++) {
        best = shares[k] > shares[best] ? k : best;
        closed = k != o->outside && shares[k] > shares[closed] ? k : closed;
    }
    return (struct one){.share = shares[best],
                        .lead = o->outside >= 0 ? log(fmax(shares[o->outside], 1e-300)) -
                                                      log(fmax(shares[closed], 1e-300))
                                                : 0,
                        .is_outside = o->targets[i] == o->outside,
                        .says_outside = best == o->outside,
                        .is_right = best == o->targets[i],
                        .is_right_closed = closed == o->targets[i]};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* A number of each request of a half that is out of scope, ascending; returns how many. */
static size_t sort_outside(const struct wf_linear_opinions *o, unsigned half, const struct mix *m,
                           bool of_lead, double *out)
{
    size_t n = 0;

    for (size_t i = 0; i < o->n; i++) {
        struct one x;
        if (!is_of(o, i, half) || o->targets[i] != o->outside)
            continue;
        x = judge(o, i, m);
        out[n++] = of_lead ? x.lead : x.says_outside ? 0 : x.share;
    }
    if (n > 0)
        qsort(out, n, sizeof(*out), by_size);
    return n;
}

/* Scales, what is taken off, and the threshold, in this order. */
static struct mix choose(const struct wf_linear_opinions *o, enum wf_linear_judges who,
                         unsigned half, double recall, double *out_threshold)
{
    double *all = wf_alloc_array(o->n + 1, sizeof(*all));
    struct mix m = {.outside = 0};
    size_t n, wanted;

    *out_threshold = 0;
    choose_scales(o, who, half, m.scales);
    if (all == NULL || o->outside < 0) {
        wf_free(all);
        return m;
    }
    n = sort_outside(o, half, &m, true, all);
    wanted = (size_t)ceil(fmax(recall - UNSEEN, 0) * (double)n);
    if (wanted > 0)
        m.outside = fmax(nextafter(all[n - wanted], -INFINITY), 0);
    n = sort_outside(o, half, &m, false, all);
    wanted = (size_t)ceil(recall * (double)n);
    if (wanted > 0 && all[wanted - 1] > 0)
        *out_threshold = nextafter(all[wanted - 1], 1);
    wf_free(all);
    return m;
}

struct wf_linear_scales wf_linear_choose(const struct wf_linear_opinions *o,
                                         enum wf_linear_judges who, double recall)
{
    double threshold;
    struct mix m = choose(o, who, BOTH_HALVES, recall, &threshold);

    return (struct wf_linear_scales){m.scales[0], m.scales[1], m.outside, threshold};
}

static double percent(double part, double n)
{
    return n > 0 ? 100 * part / n : 0;
}

struct wf_linear_figures wf_linear_measure(const struct wf_linear_opinions *o,
                                           enum wf_linear_judges who, double recall)
{
    double n_in = 0, n_out = 0, right = 0, closed = 0, away = 0;

    for (unsigned half = 0; half < 2; half++) {
        double threshold;
        struct mix m = choose(o, who, 1 - half, recall, &threshold);
        for (size_t i = 0; i < o->n; i++) {
            struct one x;
            if (o->halves[i] != half)
                continue;
            x = judge(o, i, &m);
            bool is_away = x.says_outside || x.share < threshold;
            n_out += x.is_outside;
            away += x.is_outside && is_away;
            n_in += !x.is_outside;
            right += !x.is_outside && x.is_right && !is_away;
            closed += !x.is_outside && x.is_right_closed;
        }
    }
    return (struct wf_linear_figures){.accuracy = percent(right, n_in),
                                      .outside_recall = n_out > 0 ? percent(away, n_out) : NAN,
                                      .closed = percent(closed, n_in),
                                      .n = o->n};
}
