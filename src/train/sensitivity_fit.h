/* Sensitivity fit: the linear judge of sensitivity (model/lens_linear.h), a machine a label, fitted
 * to the texts of a task's sources, what it counts beside the encoder's head, and thresholds, into
 * a lens file. Each half of what is kept aside chooses for the other what figures are measured
 * with; what is written is chosen on both. Threads: owner. */
#ifndef WF_TRAIN_SENSITIVITY_FIT_H
#define WF_TRAIN_SENSITIVITY_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "train/conf.h"
#include "train/sensitivity_source.h"

/* In %: means over labels, and F1 over all of them together. */
struct wf_sensitivity_figures {
    double f1, recall, precision, micro_f1;
};

struct wf_sensitivity_report {
    size_t n_texts, n_kept, n_entries, bytes; /* entries and bytes of the table */
    struct wf_sensitivity_figures words, whole, linear, encoder, both; /* keywords; with all
                                                                          weights; as stored */
    bool has_encoder;         /* else encoder and both are empty */
    const char *const *table; /* [n_labels] lines: the label, how often it is there, found and
                                 right, and how often each label is said where it is */
    size_t n_labels;
};

typedef int (*wf_sensitivity_report_fn)(void *ud, const struct wf_sensitivity_report *r);

struct wf_sensitivity_job {
    const char *into;     /* the lens file whose encoder is asked */
    const char *out;      /* the file to write; may be the same; NULL: only measure */
    const char *data_dir; /* of the sources */
    wf_sensitivity_report_fn on_done;
    void *ud;
};

/* By the section [task sensitivity] of an experiment, whose `linear` is above 0. Errors: NOENT (no
 * such section), FORMAT (other labels than the head's), those of sources, lens and writing, NOMEM,
 * and what on_done returns. */
int wf_sensitivity_fit(struct wf_conf *conf, const struct wf_sensitivity_job *job,
                       struct wf_err *err) WF_MUST_USE;

#endif
