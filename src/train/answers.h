/* Answers: weights by which a lens file joins what its heads say of a question and a text with what
 * is counted in them (model/lens_answer.h), fitted once the encoder is trained.
 *
 * First what words say (model/lens_clues.h) is learned from all that the encoder was trained on;
 * then fitted and measured on questions that are kept aside from training (train/split.h): on two
 * halves of their passages, so that each half is measured with weights of the other; what is
 * written is fitted on both. As questions that a text does not answer serve those that a set calls
 * impossible, and answerable ones with another passage of their article. Threads: owner. */
#ifndef WF_TRAIN_ANSWERS_H
#define WF_TRAIN_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wf_answers;

struct wf_answers_options {
    size_t n_threads;     /* 0: as many as processors */
    uint32_t seen_one_in; /* one in so many of those trained on takes part, too; 0: none */
    double seen_weight;   /* and counts so much, beside 1 */
    /* What the file says to ask (wf_lens_rerank, wf_lens_refuse), as bench_ask_lens finds them;
     * below 0: what it said before. */
    double rerank, refuse;
};

/* Opens a lens file, for fitting. *out is owned by the caller, until free. Errors: as wf_lens_open;
 * UNSUPPORTED (it finds no spans); NOMEM. */
int wf_answers_new(const char *lens, const struct wf_answers_options *o, struct wf_answers **out,
                   struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_answers_free(struct wf_answers *a);

/* Adds a file of English questions (train/data_questions.h). Errors: as wf_data_questions_read. */
int wf_answers_add(struct wf_answers *a, const char *path, struct wf_err *err) WF_MUST_USE;

/* What came out, on questions kept aside: in per cent by the heads alone ("before") and with the
 * weights of the other half ("after"). AUROC times 100: of impossible ones, of passages from
 * elsewhere, of both. */
struct wf_answers_figures {
    double sentence, f1, impossible, elsewhere, both;
};
struct wf_answers_report {
    size_t n_answered, n_impossible, n_elsewhere, n_seen;
    double words; /* the sentence by the number of shared words alone */
    double clues; /* by all that words say (model/lens_clues.h) */
    size_t n_lessons;
    struct wf_answers_figures before, after;
    struct wf_answers_figures seen_before, seen_after; /* of those that were trained on */
};

/* Looks at all questions, fits, measures. Errors: INVAL (too few questions), NOMEM, those of the
 * encoder. */
int wf_answers_fit(struct wf_answers *a, struct wf_answers_report *out,
                   struct wf_err *err) WF_MUST_USE;

/* Writes the lens file anew with the weights that were fitted. Errors: those of GGUF files. */
int wf_answers_write(struct wf_answers *a, const char *path, struct wf_err *err) WF_MUST_USE;

/* The weights, borrowed: [WF_LENS_ANSWER_S_COUNT], [WF_LENS_ANSWER_N_COUNT]. */
const float *wf_answers_sentence_weights(const struct wf_answers *a);
const float *wf_answers_none_weights(const struct wf_answers *a);

#endif
