/* What the parts of answers share. Threads: owner. */
#ifndef WF_TRAIN_ANSWERS_INTERNAL_H
#define WF_TRAIN_ANSWERS_INTERNAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "model/lens_answer.h"
#include "train/answers.h"
#include "train/data.h"

#define WF_ANSWERS_NEAR 8 /* passages of an article that are remembered */
#define WF_ANSWERS_MAX 6  /* answers of a question that are */

enum wf_answers_kind {
    WF_ANSWERS_ANSWERED,
    WF_ANSWERS_IMPOSSIBLE,
    WF_ANSWERS_ELSEWHERE,
    WF_ANSWERS_COUNT
};

struct wf_answers_example {
    struct wf_str question, text; /* the arena's */
    struct wf_data_span answers[WF_ANSWERS_MAX];
    size_t n_answers;
    struct wf_lens_job *job;
    struct wf_lens_evidence *evidence;
    uint64_t good; /* bits: sentences that hold an answer */
    uint8_t kind;  /* enum wf_answers_kind */
    uint8_t half;
    bool is_seen, is_sentences;
    float none[WF_LENS_ANSWER_N_COUNT];
    double score; /* of "no answer" */
};

/* An answerable question that was trained on, as clues of words. */
struct wf_answers_lesson {
    struct wf_lens_clues *clues; /* [n], the arena's */
    uint64_t good;               /* bits: sentences that hold an answer */
    uint8_t n, asked;            /* enum wf_lens_asked */
};

struct wf_answers {
    struct wf_answers_options options;
    struct wf_lens *lens;
    struct wf_runner *runner;
    struct wf_arena arena;
    struct wf_answers_example *examples; /* [n] */
    size_t n, cap;
    struct wf_answers_lesson *lessons; /* [n_lessons] */
    size_t n_lessons, cap_lessons;
    struct wf_str title, near[WF_ANSWERS_NEAR];
    size_t n_near;
    float clue_weights[WF_LENS_CLUE_COUNT];
    float sentence_weights[WF_LENS_ANSWER_S_COUNT], none_weights[WF_LENS_ANSWER_N_COUNT];
};

/* Runs the lens over all examples: job, evidence, good. */
int wf_answers__look(struct wf_answers *a, struct wf_err *err) WF_MUST_USE;

/* Learns the weights of clues from the lessons, and weighs the clues of all examples with them. */
int wf_answers__learn_clues(struct wf_answers *a, struct wf_err *err) WF_MUST_USE;

#endif
