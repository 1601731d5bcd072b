/* Lens clues: which sentence of a text answers a question, as far as words tell, without the
 * encoder: how much of the question is in it and in the sentence before, and whether something in
 * it is of the kind that is asked for (when: a year; how many: a number; why: because).
 *
 * The encoder's head errs elsewhere, so both together choose better than either. Weights are fitted
 * on their own (train/answers.h), since this needs no encoder on all questions there are to learn
 * from. What is asked for is known in English; elsewhere only shared words count.
 *
 * Threads: any. */
#ifndef WF_MODEL_LENS_CLUES_H
#define WF_MODEL_LENS_CLUES_H

#include <stdint.h>

#include "base/str.h"
#include "model/lens_match.h"

/* What is asked for. */
enum wf_lens_asked {
    WF_LENS_ASKED_ANY, /* nothing known */
    WF_LENS_ASKED_WHO,
    WF_LENS_ASKED_WHEN,
    WF_LENS_ASKED_WHERE,
    WF_LENS_ASKED_WHY,
    WF_LENS_ASKED_HOW,
    WF_LENS_ASKED_HOW_MANY,
    WF_LENS_ASKED_HOW_MUCH,
    WF_LENS_ASKED_HOW_LONG,
    WF_LENS_ASKED_HOW_LARGE, /* old, far, tall, high, big: a number with a measure */
    WF_LENS_ASKED_HOW_OFTEN,
    WF_LENS_ASKED_WHAT,        /* what is, what did */
    WF_LENS_ASKED_WHICH,       /* what river, which law */
    WF_LENS_ASKED_WHAT_TIME,   /* what year, which century */
    WF_LENS_ASKED_WHAT_NUMBER, /* what percentage */
    WF_LENS_ASKED_WHAT_NAME,   /* which city, what company */
    WF_LENS_ASKED_COUNT,
};

/* What a sentence has beside the question's own words. */
enum wf_lens_shape {
    WF_LENS_SHAPE_NUMBER, /* digits */
    WF_LENS_SHAPE_YEAR,
    WF_LENS_SHAPE_OTHER_NUMBER, /* digits that are no year */
    WF_LENS_SHAPE_NUMERAL,      /* a number as a word */
    WF_LENS_SHAPE_MONTH,
    WF_LENS_SHAPE_CAPITAL,  /* a word with a capital, behind the first */
    WF_LENS_SHAPE_CAPITALS, /* two in a row */
    WF_LENS_SHAPE_PERCENT,
    WF_LENS_SHAPE_MONEY,
    WF_LENS_SHAPE_QUOTE,
    WF_LENS_SHAPE_PARENTHESIS,
    WF_LENS_SHAPE_CAUSE,  /* because, due, ... */
    WF_LENS_SHAPE_CALLED, /* called, known as, ... */
    WF_LENS_SHAPE_BY,
    WF_LENS_SHAPE_AT,   /* in, at, near, from */
    WF_LENS_SHAPE_SUCH, /* such as, including, ... */
    WF_LENS_SHAPE_COUNT,
};

enum wf_lens_clue {
    WF_LENS_CLUE_COVER,   /* part of the question's words of meaning, by stems, that it has */
    WF_LENS_CLUE_LOCAL,   /* the same, words counting more the fewer sentences of the text have them
                           */
    WF_LENS_CLUE_BEFORE,  /* part that the sentence before adds */
    WF_LENS_CLUE_CROSSES, /* from here: [ASKED_COUNT - 1][SHAPE_COUNT], 1 where both are there */
    WF_LENS_CLUE_COUNT =
        WF_LENS_CLUE_CROSSES + (WF_LENS_ASKED_COUNT - 1) * (int)WF_LENS_SHAPE_COUNT,
};

/* What a sentence shows. */
struct wf_lens_clues {
    float numbers[WF_LENS_CLUE_CROSSES];
    uint16_t shapes; /* bits */
};

/* What a question asks for. */
enum wf_lens_asked wf_lens_asked(struct wf_str question);

/* The clues of n sentences of a text, as they stand there, to out [n]. Errors: NOMEM. */
int wf_lens_clues(struct wf_str question, struct wf_str text,
                  const struct wf_lens_shared_sentence *sentences, size_t n,
                  struct wf_lens_clues *out) WF_MUST_USE;

/* Their sum by weights [WF_LENS_CLUE_COUNT]. */
float wf_lens_clues_score(const struct wf_lens_clues *c, enum wf_lens_asked asked,
                          const float *weights);

#endif
