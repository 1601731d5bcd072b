/* Span texts: questions with their passages as a network sees them: tokens, what marks them, where
 * an answer begins and ends, which sentences hold it.
 *
 * A text is `<s> <q> question </s> <p> passage`. A passage that is too long is cut to a window that
 * holds the answer. Besides what the files have, a question comes again with another passage of the
 * same article, which does not answer it, and twisted into one that nothing answers (data_twist.h).
 * Threads: owner. */
#ifndef WF_TRAIN_SPAN_TEXTS_H
#define WF_TRAIN_SPAN_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "train/data_questions.h"
#include "train/items.h"
#include "train/task.h"

enum wf_span_kind {
    WF_SPAN_ANSWERED,
    WF_SPAN_IMPOSSIBLE, /* the set says that the passage does not answer */
    WF_SPAN_ELSEWHERE,  /* a passage of the same article, without the answer's words */
};

struct wf_span_sentence {
    uint32_t from, to; /* tokens of the text */
    bool answers;
};

/* What figures need of a text that is kept aside; strings are the texts'. */
struct wf_span_gold {
    struct wf_str question, passage; /* the passage from where its first token begins */
    struct wf_str answers[WF_DATA_ANSWERS_MAX];
    size_t n_answers;
};

struct wf_span_text {
    uint32_t marks, n_tokens; /* marks [marks, marks + n_tokens) */
    uint32_t first;           /* token of the passage's begin */
    uint32_t sentences, n_sentences;
    int32_t start, end; /* tokens of the answer; 0: none (<s>); -1: not told */
    int32_t sentence;   /* the first that holds the answer; -1: none */
    uint32_t gold;      /* of those kept aside */
    uint8_t kind;       /* enum wf_span_kind */
    bool is_english;
};

struct wf_span_side {
    struct wf_span_text *texts; /* [n_texts], as the items are numbered */
    uint16_t *marks;
    struct wf_span_sentence *sentences;
    struct wf_span_gold *golds;
    size_t n_texts, cap_texts, n_marks, cap_marks;
    size_t n_sentences, cap_sentences, n_golds, cap_golds;
};

#define WF_SPAN_NEAR 8 /* passages of an article that are remembered */

struct wf_span_texts {
    struct wf_task_place place;
    struct wf_items *items;
    struct wf_span_side sides[2]; /* train, dev */
    struct wf_arena arena;        /* of strings */
    struct wf_map seen;           /* in how many passages to train on a word is */
    size_t n_passages;            /* that were counted */
    int32_t begin, end, question, passage;

    /* What is being read. */
    double weight, elsewhere; /* of the source; how often with a passage from elsewhere */
    double twisted;           /* how often also as a question that the passage does not answer */
    bool is_english, is_dev;
    bool is_made; /* questions that nobody asked: what is kept aside of them is not measured */
    struct wf_ids q_ids, p_ids, firsts;
    uint32_t *offsets; /* [cap_offsets] where passage tokens begin */
    uint16_t *q_marks, *p_marks;
    size_t cap_tokens;
    int32_t *ids; /* [n_text_max] */
    struct wf_buf title, twist, near[WF_SPAN_NEAR];
    size_t n_near;
};

/* None yet. *out is owned by the caller. Errors: FORMAT (the vocabulary lacks a mark), NOMEM. */
int wf_span_texts_new(const struct wf_task_place *p, struct wf_span_texts **out,
                      struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_span_texts_free(struct wf_span_texts *t);

/* Adds a question by weight, elsewhere, is_english and is_dev of t; ud is t: a function for
 * readers. Errors: LIMIT, NOMEM. */
int wf_span_texts_add(void *ud, const struct wf_data_question *q, struct wf_err *err) WF_MUST_USE;

#endif
