/* Lens answer: what speaks for a sentence to hold the answer, and for there being none, as numbers;
 * and what a file's weights for them (train/answers.h fits those) make of it.
 *
 * The heads see meaning, but miss what is easily counted: that no sentence has the name that the
 * question is about, that a date is asked for and none is there. Both together are better than
 * either. Threads: any. */
#ifndef WF_MODEL_LENS_ANSWER_H
#define WF_MODEL_LENS_ANSWER_H

#include "model/lens.h"
#include "model/lens_clues.h"

/* The edition of the features: weights that were fitted to another do not fit. */
#define WF_LENS_ANSWER_EDITION 2u

/* Of a sentence. Its best span, nearness of tokens' vectors, length and place were tried, too: they
 * say the same again, and on questions kept aside the choice is worse. */
enum wf_lens_answer_sentence {
    WF_LENS_ANSWER_S_HEAD,  /* mean of the sentence head's logits */
    WF_LENS_ANSWER_S_CLUES, /* what words say (model/lens_clues.h), by weights of their own */
    WF_LENS_ANSWER_S_COUNT,
};

/* Of there being no answer, once a sentence is chosen. */
enum wf_lens_answer_none {
    WF_LENS_ANSWER_N_ONE,        /* 1 */
    WF_LENS_ANSWER_N_HEAD,       /* logit of the head of "no answer" */
    WF_LENS_ANSWER_N_MARGIN,     /* logit of the chosen sentence's best span, beside that of <s> */
    WF_LENS_ANSWER_N_AGREE,      /* that logit beside the best of all sentences: at most 0 */
    WF_LENS_ANSWER_N_SHARE,      /* log of the span's share among all of its window */
    WF_LENS_ANSWER_N_SENTENCE,   /* log of the sentence's share */
    WF_LENS_ANSWER_N_OWN,        /* mean of the sentence head's logits */
    WF_LENS_ANSWER_N_ABSENT,     /* weight of the question that the text lacks, of all */
    WF_LENS_ANSWER_N_LACK,       /* the same of the sentence and its neighbours */
    WF_LENS_ANSWER_N_NAMES,      /* names and numbers of the question that the text lacks */
    WF_LENS_ANSWER_N_NAMES_AWAY, /* those that the text has, but not the sentence */
    WF_LENS_ANSWER_N_TYPE,       /* -1 to 1: the span is such a thing as is asked for */
    WF_LENS_ANSWER_N_NOT,        /* the question denies, and the sentence does not */
    WF_LENS_ANSWER_N_REPEATS,    /* part of the span's words that the question has */
    WF_LENS_ANSWER_N_WORDS,      /* log of the question's words of meaning */
    WF_LENS_ANSWER_N_COUNT,
};

struct wf_lens_answer_sentence_of {
    size_t from, to; /* bytes of the text */
    float features[WF_LENS_ANSWER_S_COUNT];
    struct wf_lens_clues clues;
    float span;         /* logit of the best span in it, beside that of <s> */
    float type;         /* -1 to 1: that span is such a thing as is asked for */
    size_t first, last; /* tokens of the best span in it; none when last < first */
    float score;        /* by weights */
};

struct wf_lens_evidence;

/* What speaks for each sentence of a job of SPANS all of whose windows were taken. *out is the
 * caller's, until free. Errors: NOMEM. */
int wf_lens_evidence_new(const struct wf_lens_job *j, struct wf_lens_evidence **out,
                         struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lens_evidence_free(struct wf_lens_evidence *e);
size_t wf_lens_evidence_n(const struct wf_lens_evidence *e);
const struct wf_lens_answer_sentence_of *wf_lens_evidence_at(const struct wf_lens_evidence *e,
                                                             size_t i);

/* What words say of each sentence, by weights [WF_LENS_CLUE_COUNT]; 0 before. */
void wf_lens_evidence_weigh(struct wf_lens_evidence *e, const float *weights);

/* Scores the sentences by weights [S_COUNT] and returns the best one's number; none: SIZE_MAX. */
size_t wf_lens_evidence_choose(struct wf_lens_evidence *e, const float *weights);
/* Then, with that sentence: out [N_COUNT]. */
void wf_lens_evidence_none(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                           size_t chosen, float *out);

/* The best span of a sentence, as it stands in the text; empty: it has none. */
struct wf_str wf_lens_evidence_span(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                                    size_t i);

#endif
