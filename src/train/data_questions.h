/* Questions: a passage, a question, and where the passage answers it.
 *
 * Three forms, told apart by their fields, JSON lines all: one question a line with its context
 * (SQuAD, CMRC, JSQuAD, ARCD, COVID-QA); a context with its questions (XQuAD); passages with the
 * sentences that answer (ClapNQ). Passages are as the files have them: JSQuAD's begin with their
 * title, which can be the answer. See data.h for what all readers share. */
#ifndef WF_TRAIN_DATA_QUESTIONS_H
#define WF_TRAIN_DATA_QUESTIONS_H

#include <stdbool.h>

#include "train/data.h"
#include "train/lines.h"

/* Answers of one question that are told: annotators give up to six. */
#define WF_DATA_ANSWERS_MAX 32

struct wf_data_question {
    struct wf_str id; /* of the question */
    struct wf_str title;
    struct wf_str key; /* for wf_split_is_dev: the title, else the context; ClapNQ: the question */
    struct wf_str language; /* as the file says; often empty */
    struct wf_str passage;
    struct wf_str question;
    struct wf_data_span
        answers[WF_DATA_ANSWERS_MAX]; /* of the passage; any of them is right; of
                                         ClapNQ the sentences that answer together */
    size_t n_answers;                 /* 0: the passage does not answer */
    bool is_sentences;                /* the answers are whole sentences (ClapNQ) */
};

typedef int (*wf_data_question_fn)(void *ud, const struct wf_data_question *q, struct wf_err *err);

/* Reads a file. A question whose answers are not in its passage is left out. Errors: as data.h
 * says. */
int wf_data_questions_read(const char *path, wf_data_question_fn fn, void *ud,
                           struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_questions_read_lines(struct wf_lines *l, wf_data_question_fn fn, void *ud,
                                 struct wf_err *err) WF_MUST_USE;

#endif
