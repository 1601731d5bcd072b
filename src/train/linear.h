/* Linear: one linear machine a label against the rest, over sparse rows, fitted to its optimum: the
 * squared hinge loss with a penalty of the squared weights, solved in its dual, a text at a time
 * (Hsieh et al. 2008, "A Dual Coordinate Descent Method for Large-scale Linear SVM"); as a rule
 * better on short texts than what a network learns of a few thousand of them. And which weights
 * count, so that the others can go before it is fitted once more. Threads: owner. */
#ifndef WF_TRAIN_LINEAR_H
#define WF_TRAIN_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Sparse rows, and what they are. All arrays are borrowed. */
struct wf_linear_rows {
    const uint32_t *features; /* [starts[n]] below n_features */
    const float *values;      /* [starts[n]] */
    const size_t *starts;     /* [n + 1] */
    const int32_t *labels;    /* [n] below n_labels */
    const float *costs;       /* [n] of a text that is on the wrong side */
    size_t n, n_features, n_labels;
};

/* Weights of a machine: [n_labels, n_features], and the biases. */
struct wf_linear_machine {
    float *weights; /* [n_labels, n_features] */
    float *biases;  /* [n_labels] */
    uint8_t *keep;  /* [n_labels, n_features] 0: that weight stays 0; NULL: all may have one */
    size_t n_features, n_labels;
};

/* A machine of zeros. *out is filled, and the caller's until wf_linear_deinit. Errors: NOMEM. */
int wf_linear_init(struct wf_linear_machine *out, size_t n_features, size_t n_labels,
                   struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one, and twice. */
void wf_linear_deinit(struct wf_linear_machine *m);

/* Fits the weights that may be (m->keep). The same rows and seed give the same machine. Errors:
 * NOMEM. */
int wf_linear_fit(struct wf_linear_machine *m, const struct wf_linear_rows *x, uint64_t seed,
                  struct wf_err *err) WF_MUST_USE;

/* Leaves about n_max weights, those that move the scores of the rows most: sets m->keep. Errors:
 * NOMEM. */
int wf_linear_prune(struct wf_linear_machine *m, const struct wf_linear_rows *x, size_t n_max,
                    struct wf_err *err) WF_MUST_USE;

/* The scores of one row to out [n_labels]. */
void wf_linear_score(const struct wf_linear_machine *m, const uint32_t *features,
                     const float *values, size_t n, float *out);

#endif
