/* Lens match: what a question and a text have in common, word by word, as marks of their tokens.
 *
 * A small network finds answers far better when it is told which words of the text the question
 * has (Chen et al. 2017, "Reading Wikipedia to Answer Open-Domain Questions", exact match). The
 * trainer and the running side mark with the same function. Threads: any. */
#ifndef WF_MODEL_LENS_MATCH_H
#define WF_MODEL_LENS_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/vocab.h"

/* The edition of the marks: weights that were trained with another do not fit. */
#define WF_LENS_MATCH_EDITION 1u

enum wf_lens_match_bit {
    WF_LENS_MATCH_EXACT,   /* a word of meaning that the question has, folded */
    WF_LENS_MATCH_STEM,    /* one that begins as a word of the question does */
    WF_LENS_MATCH_STOP,    /* a word of little meaning that the question has */
    WF_LENS_MATCH_RARE,    /* with EXACT or STEM: no other sentence has that word */
    WF_LENS_MATCH_BEST,    /* in the sentence that has most of the question, by weight */
    WF_LENS_MATCH_SECOND,  /* in the one that is next */
    WF_LENS_MATCH_AFTER,   /* in the sentence behind the best one */
    WF_LENS_MATCH_PRESENT, /* of the question: a word of meaning that the text has */
    WF_LENS_MATCH_ABSENT,  /* of the question: one that it has not */
    WF_LENS_MATCH_BITS,
};

/* A text and its tokens, whose bytes are the text's. */
struct wf_lens_match_text {
    struct wf_str text; /* valid UTF-8 */
    const int32_t *ids; /* [n] */
    size_t n;
};

/* Fills out_question [question->n] and out_text [text->n] with bits. Tokens that hold nothing of a
 * word have none of its marks. Words of the question beyond the first 64 are not looked at.
 * Errors: NOMEM. */
int wf_lens_match(const struct wf_vocab *v, const struct wf_lens_match_text *question,
                  const struct wf_lens_match_text *text, uint16_t *out_question, uint16_t *out_text,
                  struct wf_err *err) WF_MUST_USE;

/* The same as a table: the question's words, and which of them each sentence of the text has. */
#define WF_LENS_SHARED_WORDS 64

struct wf_lens_shared_word {
    double weight; /* how rare it is; in the text, too */
    bool is_stop;
    bool is_named; /* a name or a number, by how it is written */
};

struct wf_lens_shared_sentence {
    size_t start, end; /* bytes */
    uint64_t has;      /* bits: words, in any form */
    double score;      /* weight of the words it has */
};

struct wf_lens_shared {
    struct wf_lens_shared_word words[WF_LENS_SHARED_WORDS];
    size_t n_words;
    struct wf_lens_shared_sentence *sentences; /* [n_sentences] of the text, in order */
    size_t n_sentences;
};

/* *out is the caller's, until deinit, which is safe to call twice. Errors: NOMEM. */
int wf_lens_share_words(const struct wf_vocab *v, const struct wf_lens_match_text *question,
                        struct wf_str text, struct wf_lens_shared *out,
                        struct wf_err *err) WF_MUST_USE;
void wf_lens_shared_deinit(struct wf_lens_shared *s);

#endif
