/* Salience: which sentences of a text, together, say most of what people would say of it in short.
 *
 * What is learned (train/salience.h) is how often a word is to be expected in a summary: by how
 * often it stands in the text, by how near that is to a question, and for some thousands of words
 * by what summaries are made of (discussed, decided, the; not I, yeah). A sentence is worth the
 * words that it is expected to share with a summary beyond those chosen before it; that is control
 * of redundancy, too. Scores of an encoder come on top.
 *
 * In a lens file, all or nothing of it: lens.salience.fit (f32 [WF_SALIENCE_FIT, 2]: of all, about
 * something), lens.salience.words.hashes (i32s: ascending as unsigned), .weights (i32s, as many:
 * hundredths; low half of all, high half about something). Threads: any. */
#ifndef WF_MODEL_SALIENCE_H
#define WF_MODEL_SALIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"
#include "model/salience_text.h"

/* Words of a table at most. */
#define WF_SALIENCE_WORDS_MAX 65536u
#define WF_SALIENCE_WEIGHT_MAX 6.0f

/* Numbers of one kind of summary, in the order of the file. */
struct wf_salience_fit {
    float beta[WF_SALIENCE_FEATURES]; /* of the log of a word's expected share of a summary */
    float words;                      /* of a sentence of a summary */
    float shape;                      /* of the negative binomial distribution of a word's number */
    float price;                      /* of each word of a sentence, in expected ones */
    float length;  /* a sentence's worth is divided by its length to this power */
    float region;  /* what is left of a sentence's worth for each chosen near it */
    float encoder; /* of the encoder's score, in the log of a sentence's worth */
};
#define WF_SALIENCE_FIT (WF_SALIENCE_FEATURES + 6)

/* What is learned; a table's arrays belong to whoever made it. */
struct wf_salience {
    struct wf_salience_fit fit[2]; /* of all; about something */
    const uint32_t *hashes;        /* [n] ascending */
    const float *weights[2];       /* [n] */
    size_t n;
    void *_owned;
};

/* Whether the file has any of it. */
bool wf_salience_is_in(const struct wf_gguf *g);
/* Reads it. *out is owned by the caller, until wf_salience_close. Errors: FORMAT, NOMEM. */
int wf_salience_open(const struct wf_gguf *g, struct wf_salience **out,
                     struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_salience_close(struct wf_salience *s);

/* The weight of a word, 0 for others; about: of summaries about something. */
float wf_salience_weight(const struct wf_salience *s, uint32_t hash, bool about);

struct wf_salience_ask {
    const float *logits; /* [n] of sentences, by an encoder; NULL: none */
    size_t n_wanted;     /* sentences of the summary; 0: as wf_salience_usual says */
};

struct wf_salience_pick {
    uint32_t i;  /* of the sentence */
    float worth; /* when it was chosen; never rises from pick to pick */
};

/* How many sentences a summary has when nobody says: 3 of a page, 7 of an article, 25 of a book. */
size_t wf_salience_usual(size_t n_sentences);

/* Whether most of the text's words are in the table: elsewhere it knows too little. */
bool wf_salience_knows(const struct wf_salience *s, const struct wf_salience_text *t);

/* The best n_out sentences (at most t->n), best first: out [n_out]. Errors: NOMEM. */
int wf_salience_choose(const struct wf_salience *s, const struct wf_salience_text *t,
                       const struct wf_salience_ask *ask, size_t n_out,
                       struct wf_salience_pick *out, struct wf_err *err) WF_MUST_USE;

#endif
