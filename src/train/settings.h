/* Settings: the section [train] of an experiment, and which keys it has. Threads: any. */
#ifndef WF_TRAIN_SETTINGS_H
#define WF_TRAIN_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "train/conf.h"

enum wf_train_precision {
    WF_TRAIN_AUTO, /* BF16 where the processor is faster with it */
    WF_TRAIN_F32,
    WF_TRAIN_BF16,
};

enum wf_train_optimiser {
    WF_TRAIN_ADAMW,
    WF_TRAIN_MUON, /* for the matrices of layers */
};

enum wf_train_part {
    WF_TRAIN_ALL,
    WF_TRAIN_HEADS, /* the network stays as it is */
};

struct wf_train_settings {
    char data[1024], work[1024], out[1024]; /* folders, relative to the working folder */
    char vocab[1024];                       /* a file, relative to `work` */
    char start_from[1024];                  /* a checkpoint, relative to the working folder */
    int64_t seed, threads;
    int64_t precision, part, optimiser; /* enums above */
    int64_t batch_tokens, micro_tokens, text_tokens;
    int64_t steps;
    double epochs;
    double rate, floor, cooldown, head_rate;
    int64_t schedule; /* enum wf_schedule_kind */
    int64_t warmup_steps;
    double decay, beta1, beta2, eps, momentum, clip, dropout;
    int64_t checkpoint_s, evaluate_steps, log_steps;
};

/* What every section [task ...] has beside its task's own keys. */
struct wf_train_task_settings {
    double weight; /* its share of batches */
    double scale;  /* of its loss */
};

/* The keys of [train], and those that every [task ...] has. Static storage. */
const struct wf_conf_option *wf_train_options(void);
const struct wf_conf_option *wf_train_task_options(void);

#endif
