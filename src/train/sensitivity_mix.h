/* Sensitivity mix: what encoder and linear judge say of texts that are kept aside, how much each is
 * to count, from where on a label is said, and how good that is. Threads: owner. */
#ifndef WF_TRAIN_SENSITIVITY_MIX_H
#define WF_TRAIN_SENSITIVITY_MIX_H

#include "train/sensitivity_fit.h"

/* All that is known of the texts; arrays are the caller's. */
struct wf_sensitivity_opinions {
    size_t n, n_labels;
    const uint32_t *has, *unknown, *words; /* [n] bits of labels */
    const uint8_t *halves;                 /* [n] */
    const float *encoder, *linear;         /* [n, n_labels]; encoder NULL: none */
    double recall;                         /* that a threshold must keep, 0..1 */
};

struct wf_sensitivity_mix {
    float encoder, linear, labels[WF_SENSITIVITY_LABELS_MAX];
    float thresholds[WF_SENSITIVITY_LABELS_MAX]; /* shares */
};

#define WF_SENSITIVITY_BOTH_HALVES 2u

/* The likeliest numbers on one half, or on both, of those judges; and thresholds: of those that
 * keep enough the one of the best F1. */
void wf_sensitivity_mix_choose(const struct wf_sensitivity_opinions *o, bool encoder, bool linear,
                               unsigned half, struct wf_sensitivity_mix *out);
/* How good judges are, each half by what the other chose. lines (may be NULL) [n_labels] of
 * line_bytes: the table. */
struct wf_sensitivity_figures wf_sensitivity_mix_measure(const struct wf_sensitivity_opinions *o,
                                                         bool encoder, bool linear,
                                                         const char *const *names, char *lines,
                                                         size_t line_bytes);
/* The same of keywords. */
struct wf_sensitivity_figures wf_sensitivity_words_measure(const struct wf_sensitivity_opinions *o);

#endif
