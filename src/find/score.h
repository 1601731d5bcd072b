/* Score: how well a passage answers to a question, from its text.
 *
 * Thread rule: owner. */
#ifndef WF_FIND_SCORE_H
#define WF_FIND_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "find/question.h"

/* Matches looked at in one passage; later ones add nothing to what a passage says. */
#define WF_SCORE_MATCHES 1024

/* What the score is made of, each 0..1, most of them shares of the question's weight. The order is
 * that of the weights in score.c, which bench/fit_find finds. */
enum wf_feature {
    WF_FEATURE_WORDS,   /* its words, a little more for those that come again */
    WF_FEATURE_FORMS,   /* words there only in another form */
    WF_FEATURE_PAIRS,   /* neighbours in the question that are neighbours in the passage */
    WF_FEATURE_NEAR_12, /* most weight within so many words */
    WF_FEATURE_NEAR_50,
    WF_FEATURE_RAREST,  /* the heaviest word that is there, beside the question's heaviest */
    WF_FEATURE_DENSITY, /* how much of the passage is words of the question */
    WF_FEATURE_COUNT,
};

struct wf_score {
    double features[WF_FEATURE_COUNT];
    double value;    /* weighted sum */
    double named;    /* 0..1: how much title or heading is made of the question, and it of them */
    double coverage; /* 0..1: share of the weight of words with meaning that is there */
    uint64_t terms;  /* bits: terms that are there, in any form, also in title or heading */
};

/* Scores `text` under `title` and `heading` (which may be empty). */
void wf_score_passage(const struct wf_question *q, struct wf_str title, struct wf_str heading,
                      struct wf_str text, struct wf_score *out);

/* What the terms `others` add, found in a chunk next to the passage (`is_next`) or elsewhere in its
 * document. */
double wf_score_context(const struct wf_question *q, uint64_t own, uint64_t others, bool is_next);

/* Parts of the score that are of use for a single sentence; `m` are n matches in order. The most
 * weight of different terms within `span` words; the weight of the question's neighbours that stand
 * side by side. */
double wf_score_nearest(const struct wf_question *q, const struct wf_match *m, size_t n,
                        uint32_t span);
double wf_score_neighbours(const struct wf_question *q, const struct wf_match *m, size_t n);

#endif
