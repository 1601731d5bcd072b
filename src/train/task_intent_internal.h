/* What the parts of the task `intent` share: its settings, its texts, what they are. Only
 * task_intent*.c include this. Threads: owner. */
#ifndef WF_TRAIN_TASK_INTENT_INTERNAL_H
#define WF_TRAIN_TASK_INTENT_INTERNAL_H

#include "base/arena.h"
#include "base/limits.h"
#include "train/items.h"
#include "train/loss.h"

#define WF_INTENT__NAMES_MAX 256u /* of labels; of slots half of it */

struct wf_intent__settings {
    char sources[WF_CONF_VALUE_BYTES];
    char outside[WF_CONF_NAME_BYTES];
    int64_t pool; /* 0: the first token's state, 1: the mean */
    int64_t copies;
    int64_t linear; /* this and linear_cost are read by train/linear_fit.c only */
    double smoothing, recall, slot_scale, linear_cost;
    bool slots;
};

/* Names in the order in which they came. */
struct wf_intent__names {
    const char *items[WF_INTENT__NAMES_MAX]; /* of the task's arena */
    size_t n;
};

/* What is known of an item. */
struct wf_intent__text {
    int32_t target;    /* a label's number, or -1 */
    uint32_t first, n; /* words, in the arrays of a side; n 0: slots are not known */
    uint8_t half;      /* of what is measured: each chooses a threshold for the other */
};

struct wf_intent__side {
    struct wf_intent__text *texts; /* [n_texts] */
    uint32_t *tokens;              /* [n] the first token of a word, within its text */
    int32_t *tags;                 /* [n] */
    size_t n, cap, n_texts, cap_texts;
};

struct wf_intent {
    struct wf_task_place place;
    struct wf_intent__settings s;
    struct wf_arena arena;
    struct wf_items *items;
    struct wf_intent__side sides[2];
    struct wf_intent__names labels, slots;
    int32_t outside; /* the label's number; -1: there is none */
    struct wf_task_position position;
    int32_t begin;
    struct wf_items_batch batch;
    struct wf_loss_room *room;
    uint32_t *rows, *starts; /* [n_tokens_max + 1] of the batch */
    int32_t *tags, *best, *targets;
    uint32_t *from, *to; /* what is pooled */
    float *probs;        /* [n_tokens_max, labels] */
    double threshold;    /* of the last measuring */
    char names[8][64];   /* of tensors */
};

/* Reads all sources. Errors: FORMAT, LIMIT, NOMEM, those of the readers. */
int wf_intent__read(struct wf_intent *t, struct wf_err *err) WF_MUST_USE;

/* Measures on what is kept aside and chooses the threshold; as wf_task_kind's evaluate. */
int wf_intent__evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err);

/* The losses of the batch that is of that side; probs and best are wanted when not NULL. */
int wf_intent__loss(struct wf_intent *t, struct wf_net *net, const struct wf_loss_of *of,
                    bool is_dev, float *out_probs, int32_t *out_best, double *out_loss,
                    struct wf_err *err) WF_MUST_USE;

#endif
