/* Linear fit: all linear judges of an experiment, from its sources into a lens file. Threads:
 * owner. */
#ifndef WF_TRAIN_LINEAR_FIT_H
#define WF_TRAIN_LINEAR_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "train/conf.h"
#include "train/linear_judge.h"

/* What came of one set; figures as linear_judge.h has them. */
struct wf_linear_report {
    const char *name;
    size_t n_labels, n_entries, bytes; /* bytes that its table takes */
    struct wf_linear_scales scales;
    struct wf_linear_figures whole;  /* of the linear judge with all its weights */
    struct wf_linear_figures linear; /* as it is stored */
    struct wf_linear_figures encoder, both;
    bool has_encoder; /* else those two are empty */
};

/* A failure ends the job. */
typedef int (*wf_linear_report_fn)(void *ud, const struct wf_linear_report *r);

struct wf_linear_job {
    const char *into;     /* the lens file whose encoder is asked */
    const char *out;      /* the file to write; may be the same; NULL: only measure */
    const char *data_dir; /* of the sources */
    wf_linear_report_fn on_set;
    void *ud;
};

/* Fits every set [task intent SET] whose `linear` is above 0, tells what came of it, and writes
 * them. Errors: NOENT (there is no such set), those of wf_linear_set_read, wf_lens_open,
 * wf_linear_write, and what on_set returns. */
int wf_linear_fit_all(struct wf_conf *conf, const struct wf_linear_job *job,
                      struct wf_err *err) WF_MUST_USE;

#endif
