/* Span measure: what answers that were found in passages are worth, beside what a count of shared
 * words finds. Threads: owner. */
#ifndef WF_TRAIN_SPAN_MEASURE_H
#define WF_TRAIN_SPAN_MEASURE_H

#include "train/span_texts.h"

/* What a network says of a text. */
struct wf_span_verdict {
    const float *spans; /* [1 + tokens of the passage, 2] shares as start and as end; <s> first */
    const float *sentences; /* [n_sentences] shares */
    float none;             /* of there being no answer */
};

/* A score of "no answer", and whether there is none. */
struct wf_span_refusal {
    float score;
    bool is_none;
    uint8_t kind;
};

struct wf_span_measure {
    double n_english, sentence, joint, overlap, rare, f1;
    double n_spans; /* of them, with a span that is told */
    double n_all, sentence_all;
    struct wf_span_refusal *refusals;
    size_t n_refusals, cap_refusals;
};

/* The best span of a verdict: places in its rows (1: the first token of the passage), and the log
 * of how likely it is beside there being none. */
struct wf_span_found {
    size_t first, last;
    double score;
};
void wf_span_find(const float *spans, size_t n, size_t n_longest, struct wf_span_found *out);

/* The part of words that two texts share, by F1 of their counts (SQuAD's measure, with this
 * program's words). */
double wf_span_f1(struct wf_str a, struct wf_str b);

/* How likely a one that is none has a higher score than one that is not; 0.5: chance. Sorts. */
double wf_span_auroc(struct wf_span_refusal *r, size_t n);

/* Takes the verdict on text i of those kept aside, whose tokens are ids. Errors: NOMEM. */
int wf_span_measure_add(struct wf_span_measure *m, const struct wf_span_texts *t, size_t i,
                        const int32_t *ids, const struct wf_span_verdict *v) WF_MUST_USE;
/* Safe on a zeroed one. */
void wf_span_measure_deinit(struct wf_span_measure *m);

/* In per cent: English texts' sentence (by its head and the spans in it), span F1, refusals of what
 * sets say is impossible and of passages from elsewhere (AUROC), the sentence in all languages, the
 * English one by its head alone; and the floors: words shared, and by their rarity. */
#define WF_SPAN_FIGURES 8
void wf_span_measure_finish(struct wf_span_measure *m, double out[WF_SPAN_FIGURES]);

#endif
