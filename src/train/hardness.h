/* Hardness, fitted: questions that a small and a large model have answered, and for each the two
 * numbers of model/hardness.h as logistic regressions over its features. Threads: owner. */
#ifndef WF_TRAIN_HARDNESS_H
#define WF_TRAIN_HARDNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/hardness.h"

/* So many parts by hash; one is kept aside at a time. */
#define WF_HARDNESS_FOLDS 5u
#define WF_HARDNESS_ALL WF_HARDNESS_FOLDS /* nothing is kept aside */

/* A question. */
struct wf_hardness_question {
    struct wf_hardness_features features;
    bool right[WF_HARDNESS_OUTPUTS]; /* did the small, did the large model answer it right? */
    uint8_t set;                     /* index of its set */
    uint8_t fold, subject_fold;      /* by its text; by its subject */
};

#define WF_HARDNESS_SETS_MAX 16u
#define WF_HARDNESS_NAME_BYTES 32u

struct wf_hardness_questions {
    struct wf_hardness_question *items; /* [n] */
    size_t n;
    char sets[WF_HARDNESS_SETS_MAX][WF_HARDNESS_NAME_BYTES];
    size_t n_sets;
    size_t _cap;
};

/* Reads JSON lines {"set", "subject", "prompt", "weak", "strong"}, packed or plain. *out is filled,
 * and the caller's until wf_hardness_questions_deinit, also on errors. Errors: FORMAT (with the
 * line), LIMIT (too many sets), those of wf_lines_open and wf_lines_next, NOMEM. */
int wf_hardness_questions_read(const char *path, struct wf_hardness_questions *out,
                               struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one, and twice. */
void wf_hardness_questions_deinit(struct wf_hardness_questions *q);

/* Fits a table to the questions whose fold is another than `aside` (of subjects, where
 * by_subject): out [WF_HARDNESS_TABLE_BYTES]. The same questions give the same table. Errors:
 * NOMEM. */
int wf_hardness_fit(const struct wf_hardness_questions *q, unsigned aside, bool by_subject,
                    char *out, struct wf_err *err) WF_MUST_USE;

/* The log odds of both models, for each question by a table that was fitted without its fold:
 * out_odds [n][WF_HARDNESS_OUTPUTS]. Errors: NOMEM. */
int wf_hardness_fold_odds(const struct wf_hardness_questions *q, bool by_subject, float *out_odds,
                          struct wf_err *err) WF_MUST_USE;
/* What asking the large model would gain (the difference of the two probabilities), for each
 * question by a table that was fitted without its fold: out_gains [n]. Errors: NOMEM. */
int wf_hardness_fold_gains(const struct wf_hardness_questions *q, bool by_subject,
                           double *out_gains, struct wf_err *err) WF_MUST_USE;

/* How well gains [n] spare the large model, over the questions of a set: the area under accuracy by
 * the share that the large model is asked, those first where it gains most; 0 is the small model's,
 * 1 the large one's; .5 for any order. Ties count as any order. Errors: NOMEM; FORMAT (the large
 * one is not better in that set). */
int wf_hardness_area(const struct wf_hardness_questions *q, size_t set, const double *gains,
                     double *out, struct wf_err *err) WF_MUST_USE;

#endif
