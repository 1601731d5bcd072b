/* Items: a task's texts in memory as tokens: in shuffled batches to train on, in order to measure.
 *
 * An item is what belongs together: one text, or several (a question and its passage, two sentences
 * that say the same) that always come in one batch. Which label an item has is the task's: a batch
 * says by number which items it holds, in the order in which they were added to their side. An
 * item's weight is how often a pass over the data gives it out: 0.3 is in three of ten passes.
 * Threads: owner. */
#ifndef WF_TRAIN_ITEMS_H
#define WF_TRAIN_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "train/net.h"
#include "train/task.h"

struct wf_items;

/* None yet, for batches of at most p->n_tokens_max tokens. *out is owned by the caller.
 * Errors: NOMEM. */
int wf_items_new(const struct wf_task_place *p, struct wf_items **out,
                 struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_items_free(struct wf_items *t);

/* A text of an item, borrowed for the call. */
struct wf_item_text {
    const int32_t *ids;
    size_t n;
};

/* Adds an item of n_texts texts, which is number wf_items_n(t, is_dev) before. Errors: LIMIT (no
 * batch has room for it, or there are too many), NOMEM. */
int wf_items_add(struct wf_items *t, bool is_dev, double weight, const struct wf_item_text *texts,
                 size_t n_texts, struct wf_err *err) WF_MUST_USE;

/* How many were added, their tokens, and the tokens of one pass by weight. */
size_t wf_items_n(const struct wf_items *t, bool is_dev);
uint64_t wf_items_n_tokens(const struct wf_items *t, bool is_dev);
uint64_t wf_items_epoch_tokens(const struct wf_items *t);

struct wf_items_batch {
    struct wf_net_batch net; /* all texts, item after item */
    const uint32_t *items;   /* [n_items] their numbers */
    const uint32_t *firsts;  /* [n_items + 1] where an item's texts begin in net.starts */
    size_t n_items;
};

/* The next items to train on: as many as fit, at most n_items_max (0: as many as fit). *io is where
 * the task is; the order of each pass comes from the place's seed. *out is the items' until the
 * next call. Errors: FORMAT (there are none), NOMEM. */
int wf_items_next(struct wf_items *t, struct wf_task_position *io, size_t n_items_max,
                  struct wf_items_batch *out, struct wf_err *err) WF_MUST_USE;

/* The next of one side from number *io_i on, in order; n_items 0: there are no more. */
void wf_items_in_order(struct wf_items *t, bool is_dev, size_t *io_i, size_t n_items_max,
                       struct wf_items_batch *out);

#endif
