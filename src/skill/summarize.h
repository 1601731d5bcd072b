/* Summarize: the sentences that carry a text, in its own order (extractive).
 *
 * Centrality over sentences with redundancy control, optionally turned to a question. Text is fed
 * in pieces, so that memory is bounded for a book of 1,000 pages. Thread rule: owner. */
#ifndef WF_SKILL_SUMMARIZE_H
#define WF_SKILL_SUMMARIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct wf_salience;

/* An encoder's scores of sentences [n] that follow each other in a text: out_logits [n]. Errors end
 * the summary. */
typedef int (*wf_summary_logits_fn)(void *ud, const struct wf_str *sentences, size_t n,
                                    float *out_logits, struct wf_err *err);

struct wf_summary_options {
    size_t n_sentences;  /* 0: by ratio */
    double ratio;        /* of the sentences, 0 < ratio <= 1; 0: a default by length */
    struct wf_str about; /* a question or topic to turn to; empty = none */
    /* What lens has learned of summaries (model/salience.h), used where it knows the text's words;
     * NULL: by words' counts alone. */
    const struct wf_salience *judge;
    wf_summary_logits_fn logits; /* an encoder's scores beside the judge; NULL: none */
    void *logits_ud;
};

struct wf_summary_sentence {
    struct wf_str text;
    uint64_t start_cp, end_cp; /* in the text as fed */
    uint32_t page;             /* 0 = none */
    double score;
};

struct wf_summary {
    struct wf_summary_sentence *sentences; /* in text order */
    size_t n_sentences;
};

struct wf_summarizer;

/* `o` and what it points to are borrowed until free. */
int wf_summarizer_new(const struct wf_summary_options *o, struct wf_summarizer **out,
                      struct wf_err *err) WF_MUST_USE;
void wf_summarizer_free(struct wf_summarizer *s);
/* The next piece of text (valid UTF-8, whole code points) on `page` (0 = none). A border
 * (paragraph, heading) ends a sentence: call wf_summarizer_border. */
int wf_summarizer_feed(struct wf_summarizer *s, struct wf_str text, uint32_t page,
                       struct wf_err *err) WF_MUST_USE;
int wf_summarizer_border(struct wf_summarizer *s, struct wf_err *err) WF_MUST_USE;
/* The next heading or ordinary text follows (headings are never chosen, they help to weigh). */
void wf_summarizer_heading(struct wf_summarizer *s, unsigned level);
/* Chooses. The result lives in `arena`. A text without sentences gives an empty summary. */
int wf_summarizer_finish(struct wf_summarizer *s, struct wf_arena *arena, struct wf_summary *out,
                         struct wf_err *err) WF_MUST_USE;

#endif
