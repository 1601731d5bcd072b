/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring intents: how many requests in scope are answered rightly and how many others are turned
 * away, at one threshold. Each half of what is kept aside is measured at the threshold that the
 * other half chose; the one that is exported is chosen on both. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "train/task_intent_internal.h"

struct one {
    float share;          /* of the best label */
    bool is_outside;      /* it is out of scope */
    bool says_outside;    /* the best label is the one that means so */
    bool is_right;        /* the best label is its own */
    bool is_right_closed; /* likewise when the label of out of scope is not among them */
    uint8_t half;
};

/* Numbers of spans. */
struct count {
    double found, there, right;
};

struct rates {
    double n_in, n_out, right, closed, away;
};

static double share(double a, double b)
{
    return b > 0 ? 100 * a / b : 0;
}

/* ---- slots ---- */

/* Whether a span begins at word i, and where it ends. Tags: 1 + 2 name begins, one more goes on. */
static bool span_at(const int32_t *tags, size_t i, size_t n, size_t *out_to)
{
    int32_t name = (tags[i] - 1) / 2;

    if (tags[i] <= 0 ||
        (tags[i] % 2 == 0 && i > 0 && tags[i - 1] > 0 && (tags[i - 1] - 1) / 2 == name))
        return false;
    for (*out_to = i + 1; *out_to < n; (*out_to)++) {
        if (tags[*out_to] != 2 * name + 2)
            break;
    }
    return true;
}

static void count(const int32_t *gold, const int32_t *got, size_t n, struct count *io)
{
    for (size_t i = 0; i < n; i++) {
        size_t gold_to = 0, got_to = 0;
        bool there = span_at(gold, i, n, &gold_to), found = span_at(got, i, n, &got_to);
        io->there += there;
        io->found += found;
        io->right += there && found && gold_to == got_to && (gold[i] - 1) / 2 == (got[i] - 1) / 2;
    }
}

/* ---- thresholds ---- */

/* At threshold x, of one half (2: both). */
static struct rates rates_at(const struct one *all, size_t n, unsigned half, double x)
{
    struct rates r = {0};

    for (size_t i = 0; i < n; i++) {
        const struct one *o = &all[i];
        bool is_away = o->says_outside || (double)o->share < x;
        if (half != 2 && o->half != half)
            continue;
        r.n_out += o->is_outside;
        r.away += o->is_outside && is_away;
        r.n_in += !o->is_outside;
        r.right += !o->is_outside && o->is_right && !is_away;
        r.closed += !o->is_outside && o->is_right_closed;
    }
    return r;
}

/* The lowest of a hundred thresholds that turns enough away; 0 where nothing is out of scope. */
static double choose(const struct one *all, size_t n, unsigned half, double recall)
{
    for (int i = 0; i <= 99; i++) {
        struct rates r = rates_at(all, n, half, i / 100.0);
        if (r.n_out == 0 || r.away >= recall * r.n_out)
            return i / 100.0;
    }
    return 0.99;
}

static struct one judge(const struct wf_intent *t, const struct wf_intent__text *x,
                        const float *probs)
{
    struct one o = {.half = x->half, .is_outside = x->target == t->outside};
    int32_t best = 0, closed = t->outside == 0 ? 1 : 0;

    for (int32_t k = 1; k < (int32_t)t->labels.n; k++) {
        best = probs[k] > probs[best] ? k : best;
        closed = k != t->outside && probs[k] > probs[closed] ? k : closed;
    }
    o.share = probs[best];
    o.says_outside = best == t->outside;
    o.is_right = best == x->target;
    o.is_right_closed = closed == x->target;
    return o;
}

/* ---- all of it ---- */

static int run_all(struct wf_intent *t, struct wf_net *net, struct one *all, size_t *out_n,
                   struct count *slots, struct wf_err *err)
{
    size_t i = 0;
    int rc = 0;

    *out_n = 0;
    while (rc == 0) {
        const float *hidden = NULL;
        double loss;
        wf_items_in_order(t->items, true, &i, 0, &t->batch);
        if (t->batch.n_items == 0)
            break;
        rc = wf_net_forward(net, &t->batch.net, false, &hidden, err);
        if (rc == 0)
            rc = wf_intent__loss(t, net, &(struct wf_loss_of){.hidden = hidden}, true, t->probs,
                                 t->best, &loss, err);
        for (size_t k = 0; k < t->batch.n_items && rc == 0; k++) {
            const struct wf_intent__text *x = &t->sides[true].texts[t->batch.items[k]];
            if (x->target >= 0)
                all[(*out_n)++] = judge(t, x, t->probs + k * t->labels.n);
            if (x->n > 0)
                count(t->tags + t->starts[k], t->best + t->starts[k], x->n, slots);
        }
    }
    return rc;
}

int wf_intent__evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct wf_intent *t = task;
    struct wf_items_batch kept = t->batch;
    struct one *all = wf_alloc_array(t->sides[true].n_texts + 1, sizeof(*all));
    struct count slots = {0};
    struct rates sum = {0};
    size_t n = 0;
    int rc = all == NULL ? wf_err_set(err, WF_E_NOMEM, "Not enough memory to measure intents.")
                         : run_all(t, net, all, &n, &slots, err);

    for (unsigned half = 0; half < 2 && rc == 0; half++) {
        struct rates r = rates_at(all, n, half, choose(all, n, 1 - half, t->s.recall));
        sum.n_in += r.n_in;
        sum.n_out += r.n_out;
        sum.right += r.right;
        sum.closed += r.closed;
        sum.away += r.away;
    }
    if (rc == 0)
        t->threshold = choose(all, n, 2, t->s.recall);
    out[0] = share(sum.right, sum.n_in);
    out[1] = sum.n_out > 0 ? share(sum.away, sum.n_out) : NAN;
    out[2] = share(sum.closed, sum.n_in);
    out[3] = slots.there > 0 ? share(2 * slots.right, slots.there + slots.found) : NAN;
    out[4] = t->threshold;
    wf_free(all);
    t->batch = kept;
    return rc;
}
