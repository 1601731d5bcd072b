/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of rows: one of several (softmax), several at once (logistic), or one row of a group for
 * each label (softmax over rows). All three: scores of all rows, their gradient in their place, and
 * the head's two products with it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/loss_internal.h"

/* A head's rows at work. */
struct work {
    float *scores; /* [n, n_labels] */
    float *x;      /* [n, dim] */
};

static int begin(struct wf_loss_room *r, const struct wf_loss_of *of,
                 const struct wf_loss_rows *rows, const struct wf_loss_head *head, struct work *out,
                 struct wf_err *err)
{
    size_t labels = head->weight->rows, dim = r->net->p->dim;

    assert(head->weight->cols == dim);
    out->scores = wf_loss__room(r, rows->n * (labels + 2 * dim) + 1, err);
    if (out->scores == NULL)
        return WF_E_NOMEM;
    out->x = out->scores + rows->n * labels;
    wf_loss__gather(r->net, of->hidden, rows, 0, rows->n, out->x);
    wf_loss__apply(r->net, head, out->x, rows->n, out->scores);
    return 0;
}

/* From the scores' gradients to everything else. */
static void end(struct wf_loss_room *r, const struct wf_loss_of *of,
                const struct wf_loss_rows *rows, const struct wf_loss_head *head,
                const struct work *w)
{
    float *dx = w->x + rows->n * r->net->p->dim;

    wf_loss__apply_back(r->net, head, w->x, w->scores, rows->n, dx);
    wf_loss__scatter(r->net, rows, 0, rows->n, dx, of->d_hidden);
}

static void finish(double sum, double weight, size_t n_right, struct wf_loss_result *out)
{
    *out = (struct wf_loss_result){
        .loss = weight > 0 ? sum / weight : 0.0, .weight = weight, .n_right = n_right};
}

/* ---- one of several ---- */

/* A row's scores to probabilities; its loss. */
static double class_row(const struct wf_loss_classes *c, float *x, size_t n, int32_t target,
                        bool *out_right)
{
    float most = wf_loss__largest(x, n);
    double sum = exp((double)x[0] - (double)most), mean = (double)x[0], at, log_sum;

    *out_right = target >= 0 && x[target] >= most;
    for (size_t j = 1; j < n; j++) {
        sum += exp((double)x[j] - (double)most);
        mean += (double)x[j];
    }
    mean /= (double)n;
    log_sum = log(sum) + (double)most;
    at = target >= 0 ? (double)x[target] : 0.0;
    for (size_t j = 0; j < n; j++)
        x[j] = (float)exp((double)x[j] - log_sum);
    return (1.0 - (double)c->smoothing) * (log_sum - at) + (double)c->smoothing * (log_sum - mean);
}

int wf_loss_classes(struct wf_loss_room *r, const struct wf_loss_of *of,
                    const struct wf_loss_classes *c, struct wf_loss_result *out, struct wf_err *err)
{
    size_t labels = c->head.weight->rows, n_right = 0;
    double sum = 0, weight = 0;
    struct work w;
    int rc = begin(r, of, &c->rows, &c->head, &w, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < c->rows.n; i++) {
        int32_t target = c->targets != NULL ? c->targets[i] : -1;
        double share = c->weights != NULL ? (double)c->weights[i] : 1.0;
        bool right;
        assert(target < (int32_t)labels);
        double loss = class_row(c, w.scores + i * labels, labels, target, &right);
        if (target < 0)
            continue;
        sum += share * loss;
        weight += share;
        n_right += right;
    }
    if (c->out_probs != NULL)
        memcpy(c->out_probs, w.scores, c->rows.n * labels * sizeof(float));
    for (size_t i = 0; i < c->rows.n && c->out_best != NULL; i++) {
        const float *x = w.scores + i * labels;
        c->out_best[i] = 0;
        for (size_t j = 1; j < labels; j++)
            c->out_best[i] = x[j] > x[c->out_best[i]] ? (int32_t)j : c->out_best[i];
    }
    finish(sum, weight, n_right, out);
    if (of->d_hidden == NULL || !(weight > 0) || c->targets == NULL)
        return 0;
    for (size_t i = 0; i < c->rows.n; i++) {
        int32_t target = c->targets[i];
        float share = c->weights != NULL ? c->weights[i] : 1.0f;
        float step = target >= 0 ? of->scale * share / (float)weight : 0.0f;
        float *x = w.scores + i * labels;
        for (size_t j = 0; j < labels; j++)
            x[j] = step * (x[j] - c->smoothing / (float)labels);
        if (target >= 0)
            x[target] -= step * (1.0f - c->smoothing);
    }
    end(r, of, &c->rows, &c->head, &w);
    return 0;
}

/* ---- several at once ---- */

/* One score with its target: score to probability, the target's weight, its loss. */
static double binary_one(const struct wf_loss_binary *b, size_t label, float target, float *io,
                         bool *out_right)
{
    double x = (double)*io, t = (double)target, p = 1.0 / (1.0 + exp(-x));
    double yes = b->label_weight != NULL ? (double)b->label_weight[label] : 1.0;
    /* log(1 + e^-x) without overflow. */
    double miss = fmax(-x, 0.0) + log1p(exp(-fabs(x)));

    *io = (float)p;
    *out_right = (p >= 0.5) == (target >= 0.5f);
    return yes * t * miss + (1.0 - t) * (x + miss);
}

int wf_loss_binary(struct wf_loss_room *r, const struct wf_loss_of *of,
                   const struct wf_loss_binary *b, struct wf_loss_result *out, struct wf_err *err)
{
    size_t labels = b->head.weight->rows, n_right = 0;
    double sum = 0, weight = 0;
    struct work w;
    int rc = begin(r, of, &b->rows, &b->head, &w, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < b->rows.n * labels; i++) {
        float target = b->targets != NULL ? b->targets[i] : -1.0f;
        double share = b->weights != NULL ? (double)b->weights[i / labels] : 1.0;
        bool right;
        double loss = binary_one(b, i % labels, target, &w.scores[i], &right);
        if (!(target >= 0.0f))
            continue;
        sum += share * loss;
        weight += share;
        n_right += right;
    }
    if (b->out_probs != NULL)
        memcpy(b->out_probs, w.scores, b->rows.n * labels * sizeof(float));
    finish(sum, weight, n_right, out);
    if (of->d_hidden == NULL || !(weight > 0) || b->targets == NULL)
        return 0;
    for (size_t i = 0; i < b->rows.n * labels; i++) {
        float t = b->targets[i], p = w.scores[i];
        float yes = b->label_weight != NULL ? b->label_weight[i % labels] : 1.0f;
        float share = b->weights != NULL ? b->weights[i / labels] : 1.0f;
        float step = t >= 0.0f ? of->scale * share / (float)weight : 0.0f;
        w.scores[i] = t >= 0.0f ? step * ((1.0f - t) * p - yes * t * (1.0f - p)) : 0.0f;
    }
    end(r, of, &b->rows, &b->head, &w);
    return 0;
}

/* ---- one row of a group ---- */

/* A label's scores of a group, n rows at a distance of ld, to probabilities; its loss. */
static double pick_one(float *x, size_t n, size_t ld, int32_t target, bool *out_right)
{
    double most = -INFINITY, sum, at;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, (double)x[i * ld]);
    at = target >= 0 ? (double)x[(size_t)target * ld] : 0.0;
    sum = exp((double)x[0] - most);
    for (size_t i = 1; i < n; i++)
        sum += exp((double)x[i * ld] - most);
    for (size_t i = 0; i < n; i++)
        x[i * ld] = (float)(exp((double)x[i * ld] - most) / sum);
    *out_right = target >= 0 && at >= most;
    return log(sum) + most - at;
}

int wf_loss_pick(struct wf_loss_room *r, const struct wf_loss_of *of, const struct wf_loss_pick *p,
                 struct wf_loss_result *out, struct wf_err *err)
{
    size_t labels = p->head.weight->rows, n_right = 0;
    double sum = 0, weight = 0;
    struct work w;
    int rc = begin(r, of, &p->rows, &p->head, &w, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < p->n_groups * labels; i++) {
        size_t from = p->starts[i / labels], n = p->starts[i / labels + 1] - from;
        int32_t target = p->targets != NULL ? p->targets[i] : -1;
        bool right;
        assert(from + n <= p->rows.n);
        assert(target < (int32_t)n);
        if (n == 0)
            continue;
        double loss = pick_one(w.scores + from * labels + i % labels, n, labels, target, &right);
        if (target < 0)
            continue;
        sum += loss;
        weight += 1.0;
        n_right += right;
    }
    if (p->out_probs != NULL)
        memcpy(p->out_probs, w.scores, p->rows.n * labels * sizeof(float));
    finish(sum, weight, n_right, out);
    if (of->d_hidden == NULL || !(weight > 0) || p->targets == NULL)
        return 0;
    for (size_t i = 0; i < p->n_groups * labels; i++) {
        size_t from = p->starts[i / labels], n = p->starts[i / labels + 1] - from;
        float step = p->targets[i] >= 0 ? of->scale / (float)weight : 0.0f;
        float *x = w.scores + from * labels + i % labels;
        for (size_t j = 0; j < n; j++)
            x[j * labels] *= step;
        if (p->targets[i] >= 0)
            x[(size_t)p->targets[i] * labels] -= step;
    }
    end(r, of, &p->rows, &p->head, &w);
    return 0;
}
