/* What the parts of the trainer share. */
#ifndef WF_TRAIN_TRAINER_INTERNAL_H
#define WF_TRAIN_TRAINER_INTERNAL_H

#include "base/limits.h"
#include "model/vocab.h"
#include "train/history.h"
#include "train/optimiser.h"
#include "train/reduce.h"
#include "train/schedule.h"
#include "train/settings.h"
#include "train/shape.h"
#include "train/trainer.h"

struct wf_trainer__task {
    const struct wf_task_kind *kind;
    char name[WF_CONF_NAME_BYTES + 1];
    struct wf_train_task_settings s;
    struct wf_task_place place;
    void *task;
    size_t loss_column;    /* of the history */
    size_t figure_columns; /* the first of them */
    double loss_sum;       /* since the last row */
    size_t n_losses;
    double smooth; /* NAN: no batch yet */
    uint64_t n_smooth;
};

struct wf_trainer {
    struct wf_conf *conf;
    struct wf_train_settings s;
    struct wf_shape shape;
    const struct wf_clock *clock;
    char out_dir[WF_LIMIT_PATH_BYTES / 2];
    int lock_fd;

    struct wf_gguf *vocab_file;
    struct wf_vocab *vocab;
    struct wf_params params;
    struct wf_train_ranks ranks;
    struct wf_trainer__task tasks[WF_TRAINER_TASKS_MAX];
    size_t n_tasks, n_heads;
    double weight_sum;
    struct wf_net *net;
    struct wf_optimiser *optimiser;
    struct wf_schedule schedule;
    size_t n_micro;  /* batches of a step */
    float *d_hidden; /* [micro_tokens, dim] */
    size_t n_taken;

    /* How far it is. */
    uint64_t step, n_tokens, n_skipped;
    uint64_t trained_ns; /* before this run */
    int64_t run_ns;      /* when this run began */
    unsigned n_bad;      /* skipped one after the other */
    double rate, norm;
    double tokens_per_s;
    uint64_t row_tokens; /* n_tokens at the last row */
    int64_t row_ns;

    struct wf_history history;
    size_t columns[8]; /* enum wf_trainer__column */
};

enum wf_trainer__column {
    WF_TRAINER__STEP,
    WF_TRAINER__EPOCH,
    WF_TRAINER__TOKENS,
    WF_TRAINER__SECONDS,
    WF_TRAINER__RATE,
    WF_TRAINER__NORM,
    WF_TRAINER__SKIPPED,
    WF_TRAINER__SPEED,
};

/* "OUT/NAME" into out. */
void wf_trainer__path(const struct wf_trainer *t, const char *name, char out[WF_LIMIT_PATH_BYTES]);

/* Nanoseconds trained, the runs before this one included. */
uint64_t wf_trainer__trained_ns(const struct wf_trainer *t);

/* Takes the folder, whatever it holds; start_from. Errors: as wf_trainer_open. */
int wf_trainer__begin(struct wf_trainer *t, const struct wf_trainer_options *o,
                      struct wf_err *err) WF_MUST_USE;

/* Writes the checkpoint under that name, and the page of figures. */
#define WF_TRAINER__CHECKPOINT "checkpoint"
#define WF_TRAINER__LEVEL "checkpoint.level" /* of a trapezoid: before the rate falls */
int wf_trainer__save(struct wf_trainer *t, const char *name, struct wf_err *err) WF_MUST_USE;
int wf_trainer__report(struct wf_trainer *t, struct wf_err *err) WF_MUST_USE;

#endif
