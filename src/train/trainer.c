/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a training: the experiment's sections become settings, tasks, a network with their heads,
 * an optimiser; then the folder is taken (trainer_save.c) and it can run (trainer_run.c). */
#include "train/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/shuffle.h"
#include "train/trainer_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the training.");
}

void wf_trainer__path(const struct wf_trainer *t, const char *name, char out[WF_LIMIT_PATH_BYTES])
{
    (void)snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s", t->out_dir, name);
}

/* ---- the experiment ---- */

static int read_settings(struct wf_trainer *t, const struct wf_trainer_options *o,
                         struct wf_err *err)
{
    const struct wf_conf_section *train = wf_conf_section(t->conf, "train");
    const struct wf_conf_section *model = wf_conf_section(t->conf, "model");
    const char *out;
    int rc;

    if (train == NULL || model == NULL)
        return wf_err_set(err, WF_E_FORMAT, "The experiment lacks the section [%s].",
                          train == NULL ? "train" : "model");
    rc = wf_conf_fill(t->conf, train, wf_train_options(), &t->s, err);
    if (rc == 0)
        rc = wf_conf_fill(t->conf, model, wf_shape_options(), &t->shape, err);
    if (rc != 0)
        return rc;
    if (o->data_dir != NULL)
        (void)snprintf(t->s.data, sizeof(t->s.data), "%s", o->data_dir);
    if (o->n_threads > 0)
        t->s.threads = o->n_threads;
    out = o->out_dir != NULL ? o->out_dir : t->s.out;
    if (*out == 0 || strlen(out) >= sizeof(t->out_dir))
        return wf_err_set(err, WF_E_RANGE, "The folder for what comes out is empty or too long.");
    (void)snprintf(t->out_dir, sizeof(t->out_dir), "%s", out);
    if (t->s.text_tokens > t->s.micro_tokens || t->s.text_tokens > t->shape.context)
        return wf_err_set(err, WF_E_RANGE,
                          "text_tokens must not be above micro_tokens, nor above the context.");
    if ((t->s.steps > 0) == (t->s.epochs > 0))
        return wf_err_set(err, WF_E_FORMAT, "[train] wants either steps or epochs.");
    return 0;
}

static int open_vocab(struct wf_trainer *t, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    bool is_free = t->s.vocab[0] == '/' || t->s.work[0] == 0;
    int rc;

    (void)snprintf(path, sizeof(path), "%s%s%s", is_free ? "" : t->s.work, is_free ? "" : "/",
                   t->s.vocab);
    rc = wf_gguf_open(path, &t->vocab_file, err);
    if (rc == 0)
        rc = wf_vocab_open(t->vocab_file, &t->vocab, err);
    if (rc == 0)
        rc = wf_shape_params(&t->shape, wf_vocab_size(t->vocab), &t->params, err);
    return rc;
}

/* ---- tasks ---- */

static int open_task(struct wf_trainer *t, const struct wf_conf_section *s,
                     const struct wf_trainer_options *o, struct wf_err *err)
{
    struct wf_trainer__task *a = &t->tasks[t->n_tasks];
    void *settings;
    int rc;

    a->kind = o->task_by_name != NULL ? o->task_by_name(s->of) : wf_task_by_name(s->of);
    if (a->kind == NULL)
        return wf_err_set(err, WF_E_NOENT, "Line %zu: there is no task \"%.*s\".", s->line,
                          WF_STR_ARG(s->of));
    (void)snprintf(a->name, sizeof(a->name), "%.*s", WF_STR_ARG(s->name));
    a->smooth = NAN;
    a->place = (struct wf_task_place){.name = a->name,
                                      .data_dir = t->s.data,
                                      .work_dir = t->s.work,
                                      .vocab = t->vocab,
                                      .params = &t->params,
                                      .n_tokens_max = (size_t)t->s.micro_tokens,
                                      .n_text_max = (size_t)t->s.text_tokens,
                                      .seed = wf_seed_mix((uint64_t)t->s.seed, t->n_tasks + 1),
                                      .rank = t->ranks.rank,
                                      .n_ranks = t->ranks.n_ranks};
    settings = wf_alloc_array(1, a->kind->settings_bytes + 1);
    if (settings == NULL)
        return no_memory(err);
    rc = wf_conf_fill(t->conf, s, wf_train_task_options(), &a->s, err);
    if (rc == 0 && a->kind->options != NULL)
        rc = wf_conf_fill(t->conf, s, a->kind->options, settings, err);
    if (rc == 0)
        rc = wf_conf_check_section(t->conf, s, err);
    if (rc == 0)
        rc = a->kind->open(&a->place, settings, &a->task, err);
    wf_free(settings);
    if (rc != 0)
        return rc;
    t->n_tasks++;
    t->weight_sum += a->s.weight;
    return 0;
}

static int open_tasks(struct wf_trainer *t, const struct wf_trainer_options *o, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < wf_conf_n_sections(t->conf) && rc == 0; i++) {
        const struct wf_conf_section *s = wf_conf_section_at(t->conf, i);
        if (!wf_str_eq(s->kind, WF_STR("task")))
            continue;
        if (t->n_tasks == WF_TRAINER_TASKS_MAX)
            return wf_err_set(err, WF_E_LIMIT, "There are more than %u tasks.",
                              WF_TRAINER_TASKS_MAX);
        rc = open_task(t, s, o, err);
    }
    if (rc == 0 && t->n_tasks == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The experiment has no section [task ...].");
    return rc == 0 ? wf_conf_check(t->conf, err) : rc;
}

/* ---- the network ---- */

static int make_net(struct wf_trainer *t, struct wf_err *err)
{
    struct wf_net_options o = {.n_threads = (size_t)t->s.threads,
                               .n_tokens_max = (size_t)t->s.micro_tokens,
                               .n_text_max = (size_t)t->s.text_tokens,
                               .dropout = (float)t->s.dropout,
                               .seed = (uint64_t)t->s.seed};
    struct wf_net_head *heads =
        wf_alloc_array((size_t)WF_TRAINER_TASKS_MAX * WF_TASK_HEADS_MAX, sizeof(*heads));
    bool is_bf16 =
        t->s.precision == WF_TRAIN_BF16 || (t->s.precision == WF_TRAIN_AUTO && wf_gemm_has_bf16());
    int rc;

    if (heads == NULL)
        return no_memory(err);
    for (size_t i = 0; i < t->n_tasks; i++) {
        const struct wf_trainer__task *a = &t->tasks[i];
        if (a->kind->heads != NULL)
            t->n_heads += a->kind->heads(a->task, heads + t->n_heads);
    }
    o.kind = is_bf16 ? WF_GEMM_BF16 : WF_GEMM_F32;
    o.heads = heads;
    o.n_heads = t->n_heads;
    rc = wf_net_new(&t->params, &o, &t->net, err);
    wf_free(heads);
    return rc;
}

static int make_optimiser(struct wf_trainer *t, struct wf_err *err)
{
    struct wf_optimiser_options o = {.beta1 = t->s.beta1,
                                     .beta2 = t->s.beta2,
                                     .eps = t->s.eps,
                                     .decay = t->s.decay,
                                     .clip = t->s.clip,
                                     .uses_muon = t->s.optimiser == WF_TRAIN_MUON,
                                     .momentum = t->s.momentum};
    const struct wf_net_tensor *tensors;
    size_t n;
    int rc;

    tensors = wf_net_tensors(t->net, &n);
    rc = wf_optimiser_new(&o, tensors, n, wf_net_n_values(t->net), &t->optimiser, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        bool is_head = i >= n - t->n_heads;
        if (is_head)
            wf_optimiser_set_factor(t->optimiser, i, (float)t->s.head_rate);
        else if (t->s.part == WF_TRAIN_HEADS)
            wf_optimiser_set_factor(t->optimiser, i, 0.0f);
    }
    t->d_hidden = wf_alloc_array((size_t)t->s.micro_tokens * t->params.dim, sizeof(float));
    return t->d_hidden != NULL ? 0 : no_memory(err);
}

static void plan(struct wf_trainer *t)
{
    const struct wf_trainer__task *first = &t->tasks[0];
    uint64_t per_batch = (uint64_t)t->s.micro_tokens * t->ranks.n_ranks;
    double n = (double)t->s.steps;

    t->n_micro = (size_t)(((uint64_t)t->s.batch_tokens + per_batch - 1) / per_batch);
    if (t->s.epochs > 0)
        n = ceil(t->s.epochs * (double)first->kind->epoch_tokens(first->task) * t->weight_sum /
                 first->s.weight / ((double)t->n_micro * (double)per_batch));
    n = n < 1 ? 1 : n;
    t->schedule = (struct wf_schedule){.kind = (enum wf_schedule_kind)t->s.schedule,
                                       .n_steps = (uint64_t)n,
                                       .n_warmup = (uint64_t)t->s.warmup_steps,
                                       .n_down = (uint64_t)(t->s.cooldown * n),
                                       .peak = t->s.rate,
                                       .floor = t->s.floor};
}

/* ---- figures ---- */

static int add_columns(struct wf_trainer *t, struct wf_err *err)
{
    static const char *const names[] = {"step",          "epoch", "tokens",  "seconds",
                                        "learning_rate", "norm",  "skipped", "tokens_per_s"};
    char name[WF_HISTORY_NAME_BYTES];
    int rc = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(names) && rc == 0; i++) {
        t->columns[i] = t->history.n_columns;
        rc = wf_history_add_column(&t->history, names[i], err);
    }
    for (size_t i = 0; i < t->n_tasks && rc == 0; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        (void)snprintf(name, sizeof(name), "loss.%s", a->name);
        a->loss_column = t->history.n_columns;
        rc = wf_history_add_column(&t->history, name, err);
        a->figure_columns = t->history.n_columns;
        for (const struct wf_task_figure *f = a->kind->figures; f->name != NULL && rc == 0; f++) {
            (void)snprintf(name, sizeof(name), "dev.%s.%s", a->name, f->name);
            rc = wf_history_add_column(&t->history, name, err);
        }
    }
    return rc;
}

int wf_trainer_open(struct wf_conf *conf, const struct wf_trainer_options *o,
                    struct wf_trainer **out, struct wf_err *err)
{
    struct wf_trainer *t = wf_alloc_array(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return no_memory(err);
    t->conf = conf;
    t->clock = o->clock;
    t->lock_fd = -1;
    wf_history_init(&t->history);
    rc = wf_train_ranks_join(&t->ranks, err);
    if (rc == 0)
        rc = read_settings(t, o, err);
    if (rc == 0)
        rc = open_vocab(t, err);
    if (rc == 0)
        rc = open_tasks(t, o, err);
    if (rc == 0)
        rc = make_net(t, err);
    if (rc == 0)
        rc = make_optimiser(t, err);
    if (rc == 0)
        rc = add_columns(t, err);
    if (rc == 0) {
        plan(t);
        rc = wf_trainer__begin(t, o, err);
    }
    if (rc == 0)
        *out = t;
    else
        wf_trainer_close(t);
    return rc;
}

void wf_trainer_close(struct wf_trainer *t)
{
    if (t == NULL)
        return;
    wf_file_close(&t->lock_fd);
    wf_history_deinit(&t->history);
    wf_free(t->d_hidden);
    wf_optimiser_free(t->optimiser);
    wf_net_free(t->net);
    for (size_t i = 0; i < t->n_tasks; i++)
        t->tasks[i].kind->close(t->tasks[i].task);
    wf_params_deinit(&t->params);
    wf_vocab_close(t->vocab);
    wf_gguf_close(t->vocab_file);
    wf_free(t);
}

struct wf_net *wf_trainer_net(const struct wf_trainer *t)
{
    return t->net;
}

size_t wf_trainer_n_taken(const struct wf_trainer *t)
{
    return t->n_taken;
}

const char *wf_trainer_out_dir(const struct wf_trainer *t)
{
    return t->out_dir;
}

void wf_trainer_look(const struct wf_trainer *t, struct wf_trainer_view *out)
{
    const struct wf_trainer__task *first = &t->tasks[0];
    const struct wf_task_position *at = first->kind->position(first->task);
    double per_step = t->step > 0 ? (double)t->n_tokens / (double)t->step
                                  : (double)t->n_micro * (double)t->s.micro_tokens;

    *out = (struct wf_trainer_view){.step = t->step,
                                    .n_steps = t->schedule.n_steps,
                                    .epoch = (double)at->epoch,
                                    .rate = t->rate,
                                    .norm = t->norm,
                                    .tokens_per_s = t->tokens_per_s,
                                    .left_s = NAN,
                                    .n_tokens = t->n_tokens,
                                    .n_skipped = t->n_skipped,
                                    .n_tasks = t->n_tasks};
    if (t->tokens_per_s > 0)
        out->left_s = (double)(t->schedule.n_steps - t->step) * per_step / t->tokens_per_s;
    for (size_t i = 0; i < t->n_tasks; i++) {
        out->names[i] = t->tasks[i].name;
        out->losses[i] = t->tasks[i].smooth;
    }
}
