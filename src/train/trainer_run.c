/* SPDX-License-Identifier: Apache-2.0 */
/* Steps. Everything random in a step comes from the seed, the step and the batch's number, so
 * nothing but positions must be remembered between steps. Which task a batch is of is decided by
 * the batch's number too: multiples of the golden ratio fall evenly into the tasks' shares. */
#include "train/trainer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/shuffle.h"
#include "train/trainer_internal.h"

/* So many steps without a finite loss one after the other will not end by themselves. */
#define BAD_MAX 10u
#define SMOOTH 0.98
#define NS_PER_S 1000000000

static int64_t now_ns(const struct wf_trainer *t)
{
    return wf_clock_mono_ns(t->clock);
}

uint64_t wf_trainer__trained_ns(const struct wf_trainer *t)
{
    return t->trained_ns + (t->run_ns != 0 ? (uint64_t)(now_ns(t) - t->run_ns) : 0);
}

static struct wf_trainer__task *choose(struct wf_trainer *t, uint64_t i_batch)
{
    double at = fmod((double)(i_batch + 1) * 0.6180339887498949, 1.0) * t->weight_sum;

    for (size_t i = 0; i + 1 < t->n_tasks; i++) {
        at -= t->tasks[i].s.weight;
        if (at < 0)
            return &t->tasks[i];
    }
    return &t->tasks[t->n_tasks - 1];
}

/* One batch through the network and back. *out_loss is its task's, unscaled. */
static int run_batch(struct wf_trainer *t, uint64_t k, struct wf_trainer__task *a, double *out_loss,
                     struct wf_err *err)
{
    uint64_t i_batch = t->step * t->n_micro + k;
    bool all = t->s.part == WF_TRAIN_ALL;
    float scale = (float)(a->s.scale / (double)(t->n_micro * t->ranks.n_ranks));
    struct wf_net_batch b = {0};
    const float *hidden = NULL;
    size_t n_tok;
    int rc = a->kind->next(a->task, wf_seed_mix(a->place.seed, i_batch), &b, err);

    if (rc != 0)
        return rc;
    n_tok = b.starts[b.n_texts];
    wf_net_set_count(t->net, i_batch);
    rc = wf_net_forward(t->net, &b, all, &hidden, err);
    if (rc != 0)
        return rc;
    memset(t->d_hidden, 0, n_tok * t->params.dim * sizeof(float));
    rc = a->kind->loss(a->task, t->net, hidden, scale, t->d_hidden, out_loss, err);
    /* A loss that is not finite spoils the step; it is found out when all are summed. */
    if (rc == 0 && all && isfinite(*out_loss))
        wf_net_backward(t->net, t->d_hidden);
    t->n_tokens += n_tok;
    return rc;
}

static bool asked_to_stop(const struct wf_trainer_events *e)
{
    return e->stops != NULL && e->stops(e->ud);
}

/* What a step's batches left to be undone when it is broken off in the middle. */
struct begun {
    struct wf_task_position positions[WF_TRAINER_TASKS_MAX];
    uint64_t n_tokens;
};

static void remember(const struct wf_trainer *t, struct begun *b)
{
    for (size_t i = 0; i < t->n_tasks; i++)
        b->positions[i] = *t->tasks[i].kind->position(t->tasks[i].task);
    b->n_tokens = t->n_tokens;
}

static void undo(struct wf_trainer *t, const struct begun *b)
{
    for (size_t i = 0; i < t->n_tasks; i++)
        *t->tasks[i].kind->position(t->tasks[i].task) = b->positions[i];
    t->n_tokens = b->n_tokens;
}

/* Losses of a step: their sum and number for each task. */
struct sums {
    double v[2 * WF_TRAINER_TASKS_MAX];
};

static int run_batches(struct wf_trainer *t, const struct wf_trainer_events *e, struct sums *s,
                       bool *out_stopped, struct wf_err *err)
{
    int rc = 0;

    for (uint64_t k = 0; k < t->n_micro && rc == 0; k++) {
        struct wf_trainer__task *a = choose(t, t->step * t->n_micro + k);
        double loss = 0;
        *out_stopped = asked_to_stop(e);
        if (*out_stopped)
            return 0;
        rc = run_batch(t, k, a, &loss, err);
        s->v[2 * (a - t->tasks)] += loss;
        s->v[2 * (a - t->tasks) + 1] += 1;
    }
    return rc;
}

static void count_losses(struct wf_trainer *t, const struct sums *s)
{
    for (size_t i = 0; i < t->n_tasks; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        double n = s->v[2 * i + 1], mean = s->v[2 * i] / n, keep;
        if (n == 0)
            continue;
        a->loss_sum += mean;
        a->n_losses++;
        a->n_smooth++;
        keep = fmin(SMOOTH, 1 - 1 / (double)a->n_smooth); /* at first the mean of all */
        a->smooth = a->n_smooth == 1 ? mean : keep * a->smooth + (1 - keep) * mean;
    }
}

static int skip(struct wf_trainer *t, struct wf_err *err)
{
    t->n_skipped++;
    if (++t->n_bad < BAD_MAX)
        return 0;
    return wf_err_set(
        err, WF_E_RANGE,
        "The loss or its gradients were not finite %u times one after the other (step "
        "%llu). Lower the learning rate, or go on from an older checkpoint.",
        BAD_MAX, (unsigned long long)t->step);
}

/* One step. *out_stopped: it was broken off and nothing of it is left. */
static int run_step(struct wf_trainer *t, const struct wf_trainer_events *e, bool *out_stopped,
                    struct wf_err *err)
{
    struct wf_optimiser_means means = {wf_net_gang(t->net), wf_net_room(t->net),
                                       wf_net_kind(t->net)};
    struct begun begun;
    struct sums sums = {0};
    bool is_finite = true;
    int rc;

    remember(t, &begun);
    wf_net_zero_grads(t->net);
    t->rate = wf_schedule_rate(&t->schedule, t->step);
    rc = run_batches(t, e, &sums, out_stopped, err);
    if (rc == 0 && !*out_stopped)
        rc = wf_train_reduce(&t->ranks, wf_net_grads(t->net), wf_net_n_values(t->net), sums.v,
                             WF_ARRAY_LEN(sums.v), err);
    if (rc != 0 || *out_stopped) {
        undo(t, &begun);
        return rc;
    }
    for (size_t i = 0; i < t->n_tasks; i++)
        is_finite = is_finite && isfinite(sums.v[2 * i]);
    is_finite = is_finite && wf_optimiser_step(t->optimiser, &means, t->rate, wf_net_grads(t->net),
                                               wf_net_values(t->net), &t->norm);
    if (is_finite) {
        count_losses(t, &sums);
        t->n_bad = 0;
    } else {
        rc = skip(t, err);
    }
    t->step++;
    return rc;
}

/* ---- figures ---- */

static int measure(struct wf_trainer *t, const struct wf_trainer_events *e, double *row,
                   struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < t->n_tasks && rc == 0; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        double values[WF_TASK_FIGURES_MAX];
        for (size_t k = 0; k < WF_TASK_FIGURES_MAX; k++)
            values[k] = NAN;
        rc = a->kind->evaluate(a->task, t->net, values, err);
        for (size_t k = 0; a->kind->figures[k].name != NULL && rc == 0; k++) {
            assert(k < WF_TASK_FIGURES_MAX);
            row[a->figure_columns + k] = values[k];
        }
        if (rc == 0 && e->measured != NULL)
            e->measured(e->ud, t->step, a->name, a->kind->figures, values);
    }
    return rc;
}

static void fill_row(struct wf_trainer *t, double *row)
{
    const struct wf_task_position *at = t->tasks[0].kind->position(t->tasks[0].task);
    int64_t now = now_ns(t), took = now - t->row_ns;

    if (took > 0 && t->n_tokens > t->row_tokens)
        t->tokens_per_s = (double)(t->n_tokens - t->row_tokens) * NS_PER_S / (double)took;
    t->row_ns = now;
    t->row_tokens = t->n_tokens;
    row[t->columns[WF_TRAINER__STEP]] = (double)t->step;
    row[t->columns[WF_TRAINER__EPOCH]] = (double)at->epoch;
    row[t->columns[WF_TRAINER__TOKENS]] = (double)t->n_tokens;
    row[t->columns[WF_TRAINER__SECONDS]] = (double)wf_trainer__trained_ns(t) / NS_PER_S;
    row[t->columns[WF_TRAINER__RATE]] = t->rate;
    row[t->columns[WF_TRAINER__NORM]] = t->norm;
    row[t->columns[WF_TRAINER__SKIPPED]] = (double)t->n_skipped;
    row[t->columns[WF_TRAINER__SPEED]] = t->tokens_per_s;
    for (size_t i = 0; i < t->n_tasks; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        if (a->n_losses > 0)
            row[a->loss_column] = a->loss_sum / (double)a->n_losses;
        a->loss_sum = 0;
        a->n_losses = 0;
    }
}

/* What follows a step: a row of figures, a look at what is kept aside, the page. */
static int note(struct wf_trainer *t, const struct wf_trainer_events *e, struct wf_err *err)
{
    bool is_last = t->step == t->schedule.n_steps;
    bool measures = is_last || t->step % (uint64_t)t->s.evaluate_steps == 0;
    double row[WF_HISTORY_COLUMNS_MAX];
    struct wf_trainer_view v;
    int64_t before;
    int rc = 0;

    if (measures || t->step % (uint64_t)t->s.log_steps == 0) {
        for (size_t i = 0; i < t->history.n_columns; i++)
            row[i] = NAN;
        fill_row(t, row);
        before = now_ns(t);
        if (measures)
            rc = measure(t, e, row, err);
        t->row_ns += now_ns(t) - before; /* measuring does not count as training's speed */
        if (rc == 0)
            rc = wf_history_add(&t->history, row, err);
        if (rc == 0 && measures)
            rc = wf_trainer__report(t, err);
    }
    if (rc == 0 && e->stepped != NULL) {
        wf_trainer_look(t, &v);
        e->stepped(e->ud, &v);
    }
    return rc;
}

static int save(struct wf_trainer *t, const char *name, const struct wf_trainer_events *e,
                struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = wf_trainer__save(t, name, err);

    wf_trainer__path(t, name, path);
    if (rc == 0 && e->saved != NULL)
        e->saved(e->ud, t->step, path);
    return rc;
}

/* Where a trapezoid begins to fall: a longer training can go on from there. */
static bool is_at_edge(const struct wf_trainer *t)
{
    return t->schedule.kind == WF_SCHEDULE_TRAPEZOID && t->schedule.n_down > 0 &&
           t->step + t->schedule.n_down == t->schedule.n_steps;
}

int wf_trainer_run(struct wf_trainer *t, const struct wf_trainer_events *e, bool *out_is_done,
                   struct wf_err *err)
{
    int64_t interval_ns = t->s.checkpoint_s * NS_PER_S, saved_ns = now_ns(t);
    bool stopped = false;
    int rc = 0;

    t->run_ns = t->row_ns = saved_ns;
    t->row_tokens = t->n_tokens;
    while (rc == 0 && !stopped && t->step < t->schedule.n_steps) {
        rc = run_step(t, e, &stopped, err);
        if (rc != 0 || stopped)
            break;
        rc = note(t, e, err);
        if (rc == 0 && is_at_edge(t))
            rc = save(t, WF_TRAINER__LEVEL, e, err);
        if (rc == 0 && now_ns(t) - saved_ns >= interval_ns && t->step < t->schedule.n_steps) {
            rc = save(t, WF_TRAINER__CHECKPOINT, e, err);
            saved_ns = now_ns(t);
        }
    }
    if (rc == 0)
        rc = save(t, WF_TRAINER__CHECKPOINT, e, err);
    if (rc == 0)
        *out_is_done = t->step >= t->schedule.n_steps;
    return rc;
}
