/* Linear set: the linear judge of a set of intents (model/lens_linear.h): its requests, a machine
 * fitted to those that are to be trained on, and the table that is made of it.
 *
 * A gram's value in a text is how rare it is, over the square root of how many grams of its kind
 * the text has. First all weights are fitted; then those that count least are dropped, the others
 * fitted anew without them; then they become one of sixteen levels. wf_linear_set_score says at
 * each step what is known of a text, so that what a step costs can be measured. Threads: owner. */
#ifndef WF_TRAIN_LINEAR_SET_H
#define WF_TRAIN_LINEAR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/lens_linear.h"
#include "train/intent_source.h"

/* A request. */
struct wf_linear_text {
    struct wf_str text;
    int32_t label;
    float weight;
    bool is_dev;
    uint8_t half;
};

struct wf_linear_set;

/* Reads the requests of a set that have a label. *out is owned by the caller, until
 * wf_linear_set_free. Errors: those of wf_intent_sources_read; FORMAT (none to train on), LIMIT
 * (too many labels), NOMEM. */
int wf_linear_set_read(const struct wf_intent_sources *sources, struct wf_linear_set **out,
                       struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_linear_set_free(struct wf_linear_set *s);

/* Its texts and labels, in the order in which they came; borrowed. The label of what is out of
 * scope: -1 where it has none. */
size_t wf_linear_set_n_texts(const struct wf_linear_set *s);
const struct wf_linear_text *wf_linear_set_text(const struct wf_linear_set *s, size_t i);
size_t wf_linear_set_n_labels(const struct wf_linear_set *s);
const char *wf_linear_set_label(const struct wf_linear_set *s, size_t i);
int32_t wf_linear_set_outside(const struct wf_linear_set *s);

/* Puts labels into another order: `names` [n] must be the set's labels. Before fitting. Errors:
 * FORMAT (they are others). */
int wf_linear_set_order(struct wf_linear_set *s, const struct wf_str *names, size_t n,
                        struct wf_err *err) WF_MUST_USE;

/* Fits all weights; `cost` is that of a text on the wrong side (liblinear's C). Errors: NOMEM. */
int wf_linear_set_fit(struct wf_linear_set *s, double cost, struct wf_err *err) WF_MUST_USE;
/* Drops all but about n_max weights and fits those anew. Errors: NOMEM. */
int wf_linear_set_prune(struct wf_linear_set *s, size_t n_max, struct wf_err *err) WF_MUST_USE;
/* Makes the table. Errors: NOMEM, LIMIT. */
int wf_linear_set_pack(struct wf_linear_set *s, struct wf_err *err) WF_MUST_USE;

/* Takes something off a label's score, whatever the text; of the table. */
void wf_linear_set_shift(struct wf_linear_set *s, size_t label, float by);

/* The scores of a text to out [n_labels], by what there is: the table, else the machine. */
void wf_linear_set_score(const struct wf_linear_set *s, struct wf_str text, float *out);

/* The table, once it is packed; borrowed. */
const struct wf_lens_linear_parts *wf_linear_set_parts(const struct wf_linear_set *s);

#endif
