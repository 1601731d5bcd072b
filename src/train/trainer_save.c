/* SPDX-License-Identifier: Apache-2.0 */
/* What a training leaves in its folder and takes from it: checkpoints, figures, the experiment's
 * text. Going on wants everything as it was; starting from another training's checkpoint wants the
 * network's tensors and takes of the heads what fits. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/checkpoint.h"
#include "train/report.h"
#include "train/trainer_internal.h"

/* ---- writing ---- */

static void describe(const struct wf_trainer *t, struct wf_meta *m)
{
    for (size_t i = 0; i < t->n_tasks; i++) {
        const struct wf_trainer__task *a = &t->tasks[i];
        if (a->kind->describe != NULL)
            a->kind->describe(a->task, m);
    }
}

static void list_tensors(const struct wf_trainer *t, struct wf_checkpoint_tensor *out)
{
    size_t n;
    const struct wf_net_tensor *tensors = wf_net_tensors(t->net, &n);

    for (size_t i = 0; i < n; i++) {
        size_t at = tensors[i].offset;
        _Static_assert(sizeof(out->name) == sizeof(tensors->name), "names are copied whole");
        memcpy(out[i].name, tensors[i].name, sizeof(out[i].name));
        out[i].rows = tensors[i].rows;
        out[i].cols = tensors[i].cols;
        out[i].values = wf_net_values(t->net) + at;
        out[i].first = wf_optimiser_first(t->optimiser) + at;
        out[i].second = wf_optimiser_second(t->optimiser) + at;
    }
}

static int write_checkpoint(struct wf_trainer *t, const char *name,
                            struct wf_checkpoint_tensor *tensors, struct wf_str conf,
                            struct wf_str meta, struct wf_err *err)
{
    struct wf_checkpoint_task tasks[WF_TRAINER_TASKS_MAX] = {0};
    struct wf_checkpoint c = {.n_steps = t->step,
                              .n_tokens = t->n_tokens,
                              .n_updates = *wf_optimiser_count(t->optimiser),
                              .n_skipped = t->n_skipped,
                              .trained_ns = wf_trainer__trained_ns(t),
                              .seed = (uint64_t)t->s.seed,
                              .conf = conf,
                              .meta = meta,
                              .tasks = tasks,
                              .tensors = tensors,
                              .n_tasks = t->n_tasks,
                              .has_moments = true};
    char path[WF_LIMIT_PATH_BYTES];

    for (size_t i = 0; i < t->n_tasks; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        const struct wf_task_position *at = a->kind->position(a->task);
        _Static_assert(sizeof(a->name) > sizeof(tasks->name), "checked below");
        assert(strlen(a->name) < sizeof(tasks[i].name));
        memcpy(tasks[i].name, a->name, strlen(a->name));
        tasks[i].epoch = at->epoch;
        tasks[i].i = at->i;
    }
    (void)wf_net_tensors(t->net, &c.n_tensors);
    list_tensors(t, tensors);
    wf_trainer__path(t, name, path);
    return wf_checkpoint_write(&c, path, err);
}

int wf_trainer__save(struct wf_trainer *t, const char *name, struct wf_err *err)
{
    struct wf_checkpoint_tensor *tensors;
    struct wf_buf conf;
    struct wf_meta meta;
    size_t n;
    int rc;

    (void)wf_net_tensors(t->net, &n);
    tensors = wf_alloc_array(n, sizeof(*tensors));
    wf_buf_init(&conf, 2 * WF_CONF_BYTES_MAX);
    wf_meta_init(&meta);
    describe(t, &meta);
    rc = wf_conf_write(t->conf, &conf);
    rc = rc == 0 ? wf_buf_status(&meta.bytes) : rc;
    if (tensors == NULL || rc != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to write the checkpoint.");
    else
        rc = write_checkpoint(t, name, tensors, wf_buf_str(&conf), wf_buf_str(&meta.bytes), err);
    wf_meta_deinit(&meta);
    wf_buf_deinit(&conf);
    wf_free(tensors);
    return rc == 0 ? wf_trainer__report(t, err) : rc;
}

int wf_trainer__report(struct wf_trainer *t, struct wf_err *err)
{
    struct wf_report r = {.history = &t->history, .title = t->shape.name};
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_trainer_view v;
    struct wf_buf conf;
    int rc;

    wf_trainer_look(t, &v);
    r.n_steps = v.n_steps;
    r.n_values = wf_net_n_values(t->net);
    wf_buf_init(&conf, 2 * WF_CONF_BYTES_MAX);
    rc = wf_conf_write(t->conf, &conf);
    r.conf = wf_buf_str(&conf);
    wf_trainer__path(t, "report.html", path);
    rc = rc == 0 ? wf_report_write(&r, path, err)
                 : wf_err_set(err, rc, "Not enough memory for the page of figures.");
    wf_buf_deinit(&conf);
    return rc;
}

/* ---- reading ---- */

/* Copies a tensor where it fits. */
static bool take(struct wf_trainer *t, const struct wf_net_tensor *to,
                 const struct wf_checkpoint_tensor *from, bool with_moments)
{
    size_t bytes = (size_t)to->rows * to->cols * sizeof(float);

    if (from == NULL || from->rows != to->rows || from->cols != to->cols)
        return false;
    memcpy(wf_net_values(t->net) + to->offset, from->values, bytes);
    if (with_moments) {
        memcpy(wf_optimiser_first(t->optimiser) + to->offset, from->first, bytes);
        memcpy(wf_optimiser_second(t->optimiser) + to->offset, from->second, bytes);
    }
    t->n_taken++;
    return true;
}

/* All tensors that the network needs; of the heads those that are there, unless `wants_all`. */
static int take_tensors(struct wf_trainer *t, const struct wf_checkpoint_file *f, bool wants_all,
                        const char *path, struct wf_err *err)
{
    size_t n;
    const struct wf_net_tensor *tensors = wf_net_tensors(t->net, &n);

    for (size_t i = 0; i < n; i++) {
        const struct wf_checkpoint_tensor *from = wf_checkpoint_tensor(f, tensors[i].name);
        bool is_head = i >= n - t->n_heads;
        if (!take(t, &tensors[i], from, wants_all) && (wants_all || !is_head))
            return wf_err_set(err, WF_E_FORMAT, "%s %s the tensor %s: it is of another network.",
                              path, from == NULL ? "lacks" : "has another size for",
                              tensors[i].name);
    }
    return 0;
}

static int start_from(struct wf_trainer *t, struct wf_err *err)
{
    struct wf_checkpoint_file *f = NULL;
    int rc = wf_checkpoint_open(t->s.start_from, &f, err);

    if (rc == 0)
        rc = take_tensors(t, f, false, t->s.start_from, err);
    wf_checkpoint_close(f);
    return rc;
}

static int go_on_from(struct wf_trainer *t, const struct wf_checkpoint_file *f, const char *path,
                      struct wf_err *err)
{
    const struct wf_checkpoint *c = wf_checkpoint_of(f);

    if (!c->has_moments)
        return wf_err_set(err, WF_E_FORMAT, "%s holds no training to go on with.", path);
    if (c->seed != (uint64_t)t->s.seed)
        return wf_err_set(err, WF_E_FORMAT, "%s is of a training with seed %llu.", path,
                          (unsigned long long)c->seed);
    for (size_t i = 0; i < t->n_tasks; i++) {
        struct wf_trainer__task *a = &t->tasks[i];
        const struct wf_checkpoint_task *at = wf_checkpoint_task(f, a->name);
        if (at == NULL)
            return wf_err_set(err, WF_E_FORMAT, "%s is of a training without the task %s.", path,
                              a->name);
        *a->kind->position(a->task) = (struct wf_task_position){at->epoch, at->i};
    }
    t->step = c->n_steps;
    t->n_tokens = c->n_tokens;
    t->n_skipped = c->n_skipped;
    t->trained_ns = c->trained_ns;
    *wf_optimiser_count(t->optimiser) = c->n_updates;
    return take_tensors(t, f, true, path, err);
}

/* The checkpoint, or, where a crash came between two renames or damaged it, the one before. */
static int resume(struct wf_trainer *t, const char *path, const char *previous, struct wf_err *err)
{
    struct wf_checkpoint_file *f = NULL;
    struct wf_err first = WF_ERR_INIT;
    int rc = wf_checkpoint_open(path, &f, &first);

    if (rc != 0 && previous != NULL && access(previous, F_OK) == 0) {
        path = previous;
        rc = wf_checkpoint_open(path, &f, &first);
    }
    rc = rc != 0 ? wf_err_set(err, rc, "%s", first.msg) : go_on_from(t, f, path, err);
    wf_checkpoint_close(f);
    return rc;
}

static int write_conf(const struct wf_trainer *t, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_buf b;
    int rc;

    wf_trainer__path(t, "experiment.conf", path);
    wf_buf_init(&b, 2 * WF_CONF_BYTES_MAX);
    rc = wf_conf_write(t->conf, &b);
    rc = rc == 0 ? wf_file_replace(path, b.ptr, b.len, 0644, err)
                 : wf_err_set(err, rc, "Not enough memory for the experiment's text.");
    wf_buf_deinit(&b);
    return rc;
}

static int take_folder(struct wf_trainer *t, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = wf_file_mkdirs(t->out_dir, err);

    wf_trainer__path(t, "lock", path);
    return rc == 0 ? wf_file_lock(path, &t->lock_fd, err) : rc;
}

int wf_trainer__begin(struct wf_trainer *t, const struct wf_trainer_options *o, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES], previous[WF_LIMIT_PATH_BYTES];
    int rc = take_folder(t, err);
    bool is_begun;

    if (rc != 0)
        return rc;
    wf_trainer__path(t, WF_TRAINER__CHECKPOINT, path);
    wf_trainer__path(t, WF_TRAINER__CHECKPOINT ".previous", previous);
    is_begun = access(path, F_OK) == 0 || access(previous, F_OK) == 0;
    if (is_begun && !o->resumes)
        return wf_err_set(err, WF_E_EXIST,
                          "%s holds a training already: go on with --resume, or choose another "
                          "folder with --out.",
                          t->out_dir);
    if (is_begun)
        rc = resume(t, path, previous, err);
    else if (o->from != NULL)
        rc = resume(t, o->from, NULL, err);
    else if (t->s.start_from[0] != 0)
        rc = start_from(t, err);
    wf_trainer__path(t, "figures.csv", path);
    if (rc == 0 && is_begun)
        rc = wf_history_load(&t->history, path, t->step, err);
    if (rc == 0)
        rc = wf_history_begin(&t->history, path, err);
    return rc == 0 ? write_conf(t, err) : rc;
}
