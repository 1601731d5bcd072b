/* Task: what a network can be trained for, one file task_NAME.c each, as rows of one table.
 *
 * A task knows its data (which texts, in which order, which are kept aside), which heads it needs,
 * how a batch's loss and its gradients are computed, and how to measure itself on what is kept
 * aside. The trainer knows steps, rates and files. Everything random comes from the seed that a
 * call is given or from place->seed with the position, so that a run that goes on from a checkpoint
 * does what it would have done. Threads: owner. */
#ifndef WF_TRAIN_TASK_H
#define WF_TRAIN_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/params.h"
#include "model/vocab.h"
#include "train/conf.h"
#include "train/meta.h"
#include "train/net.h"

#define WF_TASK_FIGURES_MAX 8u
#define WF_TASK_HEADS_MAX 8u

/* Where a task is opened; borrowed by it until it is closed. */
struct wf_task_place {
    const char *name;     /* of the task's section: "mlm", "banking" */
    const char *data_dir; /* what was given: files of texts */
    const char *work_dir; /* what was made: shards, vocabularies */
    const struct wf_vocab *vocab;
    const struct wf_params *params;
    size_t n_tokens_max; /* of a batch */
    size_t n_text_max;   /* of one text */
    uint64_t seed;
    uint32_t rank, n_ranks; /* a task gives rank r every n-th of its texts, from the r-th */
};

/* How far a task is in its data. The trainer keeps it in checkpoints and sets it when it goes on;
 * the task finds by it what comes next. */
struct wf_task_position {
    uint64_t epoch; /* whole passes over the data */
    uint64_t i;     /* texts of this pass that were given out */
};

/* A figure of what is kept aside. */
struct wf_task_figure {
    const char *name; /* "accuracy"; NULL ends a list */
    const char *unit; /* "%", or "" */
};

struct wf_task_kind {
    const char *name;                     /* the word after "task" in its section */
    const struct wf_conf_option *options; /* of its section; NULL: none */
    size_t settings_bytes;                /* of the struct that the options fill */
    const struct wf_task_figure *figures; /* ended by NULL; the first is the one that counts */

    /* settings are borrowed for the call. *out is freed by close (NULL is a no-op). Errors: those
     * of its files. */
    int (*open)(const struct wf_task_place *p, const void *settings, void **out,
                struct wf_err *err);
    void (*close)(void *task);

    /* The matrices that learn with the network: fills out, returns how many. NULL: none. Names
     * must last until close. */
    size_t (*heads)(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX]);

    /* Tokens of one pass over the data, about. */
    uint64_t (*epoch_tokens)(const void *task);
    struct wf_task_position *(*position)(void *task);

    /* The next texts: at most n_tokens_max tokens, at least one text. *out is the task's until its
     * next call. Errors: IO, FORMAT, NOMEM. */
    int (*next)(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err);

    /* The mean loss of that batch from hidden [n_tok, dim]; adds to d_hidden [n_tok, dim] (zeroed
     * before) and to the heads' gradients, both times scale. Errors: NOMEM. */
    int (*loss)(void *task, struct wf_net *net, const float *hidden, float scale, float *d_hidden,
                double *out_loss, struct wf_err *err);

    /* Runs what is kept aside through the network and fills out[i] for each figure. It leaves the
     * position and the gradients as they are. Errors: IO, FORMAT, NOMEM. */
    int (*evaluate)(void *task, struct wf_net *net, double *out, struct wf_err *err);

    /* What those who use the heads must know, as entries of the model file: labels, thresholds.
     * NULL: nothing. */
    void (*describe)(const void *task, struct wf_meta *out);
};

/* The kind of that name, or NULL; the i-th, NULL behind the last. */
const struct wf_task_kind *wf_task_by_name(struct wf_str name);
const struct wf_task_kind *wf_task_at(size_t i);

#endif
