/* Trainer: an experiment, run: a network, its tasks, the optimiser, checkpoints and figures.
 *
 * A folder holds what comes of it: checkpoint (and checkpoint.previous), figures.csv, report.html,
 * experiment.conf. Batches of several tasks are interleaved by weight within a step. The same
 * experiment with the same number of threads gives the same bits, also when it is broken off and
 * taken up again. Nothing is printed here: who runs it is told by callbacks. Threads: owner. */
#ifndef WF_TRAIN_TRAINER_H
#define WF_TRAIN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "train/conf.h"
#include "train/net.h"
#include "train/task.h"

#define WF_TRAINER_TASKS_MAX 32u

struct wf_trainer_options {
    const char *out_dir;  /* instead of the experiment's; NULL: that */
    const char *data_dir; /* likewise */
    int64_t n_threads;    /* likewise; 0: that */
    bool resumes;         /* goes on from the folder's checkpoint, where there is one */
    const char *from;     /* goes on from this checkpoint, in a folder that has none; or NULL */
    const struct wf_clock *clock; /* NULL: the system's */
    /* Finds tasks; NULL: wf_task_by_name. */
    const struct wf_task_kind *(*task_by_name)(struct wf_str name);
};

struct wf_trainer;

/* What is shown while it runs. */
struct wf_trainer_view {
    uint64_t step, n_steps; /* done, of so many */
    double epoch;           /* passes over the first task's data */
    double rate, norm;      /* of the last step */
    double tokens_per_s;    /* lately */
    double left_s;          /* NAN: not known yet */
    uint64_t n_tokens, n_skipped;
    size_t n_tasks;
    const char *names[WF_TRAINER_TASKS_MAX];
    double losses[WF_TRAINER_TASKS_MAX]; /* smoothed; NAN: no batch yet */
};

/* Called while it runs, by the thread that runs it; any may be NULL. */
struct wf_trainer_events {
    void *ud;
    bool (*stops)(void *ud); /* asked before each batch: true writes a checkpoint and ends */
    void (*stepped)(void *ud, const struct wf_trainer_view *v);
    void (*measured)(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                     const double *values);
    void (*saved)(void *ud, uint64_t step, const char *path);
};

/* Makes everything ready; conf must outlive it. *out is owned by the caller, until
 * wf_trainer_close. Errors: those of the experiment's files, FORMAT and RANGE (the experiment),
 * EXIST (the folder holds a training and `resumes` is not set), BUSY (another one runs in it),
 * NOMEM. */
int wf_trainer_open(struct wf_conf *conf, const struct wf_trainer_options *o,
                    struct wf_trainer **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_trainer_close(struct wf_trainer *t);

/* What it is before it runs; the network; how many tensors it took from where it starts. */
void wf_trainer_look(const struct wf_trainer *t, struct wf_trainer_view *out);
struct wf_net *wf_trainer_net(const struct wf_trainer *t);
size_t wf_trainer_n_taken(const struct wf_trainer *t);
const char *wf_trainer_out_dir(const struct wf_trainer *t);

/* Runs it to its end, or until `stops` says so (*out_is_done tells which). A checkpoint is written
 * in both cases. Errors: those of files, RANGE (losses or gradients that are not finite, many times
 * one after the other), NOMEM. */
int wf_trainer_run(struct wf_trainer *t, const struct wf_trainer_events *e, bool *out_is_done,
                   struct wf_err *err) WF_MUST_USE;

#endif
