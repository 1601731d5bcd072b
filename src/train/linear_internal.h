/* What the parts of linear sets share. Only linear_*.c include this. Threads: owner. */
#ifndef WF_TRAIN_LINEAR_INTERNAL_H
#define WF_TRAIN_LINEAR_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "train/linear.h"
#include "train/linear_set.h"

#define WF_LINEAR__NONE UINT32_MAX

struct wf_linear_set {
    struct wf_arena arena; /* texts and names */
    struct wf_linear_text *texts;
    size_t n_texts, cap_texts;
    const char *labels[WF_LENS_LINEAR_LABELS_MAX];
    size_t n_labels;
    const char *outside_name;
    uint32_t *feature_of; /* [1 << WF_LENS_GRAMS_BITS] or WF_LINEAR__NONE */
    uint32_t *gram_of;    /* [n_features] ascending */
    float *rarity;        /* [n_features] values before they are shared out in a text */
    float *seen;          /* [n_features] texts that have it */
    size_t n_features;
    /* rows to train on */
    uint32_t *features;
    float *values, *costs;
    int32_t *targets;
    size_t *starts;
    struct wf_linear_rows rows;
    struct wf_linear_machine machine;
    /* the table */
    struct wf_buf grams, weights;
    float levels[WF_LENS_LINEAR_LEVELS];
    struct wf_lens_linear_parts parts;
    struct wf_lens_linear *table; /* NULL: not packed */
};

/* A set without texts; one more text, copied; and what is made of all texts: numbers of grams and
 * rows, and their values brought to one scale. Errors: NOMEM, FORMAT (no texts to train on). */
int wf_linear__new(struct wf_linear_set **out, struct wf_err *err) WF_MUST_USE;
int wf_linear__add(struct wf_linear_set *s, const struct wf_linear_text *t,
                   struct wf_err *err) WF_MUST_USE;
int wf_linear__number_grams(struct wf_linear_set *s, struct wf_err *err) WF_MUST_USE;
int wf_linear__make_rows(struct wf_linear_set *s, struct wf_err *err) WF_MUST_USE;
void wf_linear__scale_rows(struct wf_linear_set *s);

#endif
