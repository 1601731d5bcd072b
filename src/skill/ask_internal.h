/* Parts of ask that its files and the program that fits its weights share.
 *
 * Thread rule: owner. */
#ifndef WF_SKILL_ASK_INTERNAL_H
#define WF_SKILL_ASK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "find/find.h"
#include "find/question.h"
#include "model/lens.h"
#include "skill/ask.h"

/* What kind of thing a question asks for, by its words. */
enum wf_ask_type {
    WF_ASK_ANY,
    WF_ASK_NUMBER, /* how many, how long */
    WF_ASK_AMOUNT, /* how much, often of money */
    WF_ASK_TIME,   /* when, which year */
    WF_ASK_PERSON, /* who */
    WF_ASK_PLACE,  /* where */
    WF_ASK_REASON, /* why */
};

/* The type of `question` (valid UTF-8), in any of the languages of ask_type.c. */
enum wf_ask_type wf_ask__type(struct wf_str question);

/* 0..1: does `sentence` hold a thing of this type that the question does not name itself? */
double wf_ask__type_fits(enum wf_ask_type type, const struct wf_question *q,
                         struct wf_str sentence);

/* True when the question leans on what was said before: it says "it", or "and when". */
bool wf_ask__leans(struct wf_str question);

/* ---- sentences ---- */

enum wf_ask_sentence_feature {
    WF_ASK_S_COVER,  /* share of the question's weight in the sentence, and in headings above it */
    WF_ASK_S_BEFORE, /* what the sentence before adds to that */
    WF_ASK_S_NEAR,   /* most weight within 12 words */
    WF_ASK_S_TYPE,   /* the thing asked for is there, 0 when any thing is asked for */
    WF_ASK_S_CHUNK,  /* score of the chunk beside the best one's, at most 0 */
    WF_ASK_S_EXACT,  /* share of the weight that is there in the question's own form */
    WF_ASK_S_OWN,    /* the same, each word shared with the chunk's other sentences that say it */
    WF_ASK_S_COUNT,
};

struct wf_ask_sentence {
    size_t hit;        /* number among the hits */
    size_t start, end; /* bytes in the hit's text */
    double pairs;      /* share of the weight of the question's neighbours that are side by side */
    double features[WF_ASK_S_COUNT];
    double score;
    double seen; /* what lens adds to it, where is_seen */
    bool is_seen;
};

#define WF_ASK_SENTENCES_MAX 512

/* Takes the hits' sentences apart; their texts are whole chunks. Returns how many. */
size_t wf_ask__sentences(const struct wf_question *q, enum wf_ask_type type,
                         const struct wf_hits *hits, struct wf_ask_sentence *out);

/* ---- does it answer? ---- */

enum wf_ask_decide_feature {
    WF_ASK_D_ONE,        /* always 1 */
    WF_ASK_D_PAIRS,      /* the question's neighbours side by side in the sentence */
    WF_ASK_D_EVIDENCE,   /* log of how many rare words' weight the chunk has */
    WF_ASK_D_MARGIN,     /* how far the chunk stands out from the last one found */
    WF_ASK_D_SCORE,      /* its score */
    WF_ASK_D_MATCHED,    /* log of the words of meaning that the chunk has */
    WF_ASK_D_WORDS,      /* log of the question's words of meaning */
    WF_ASK_D_LACK,       /* share of weight of names and numbers that the chunk lacks */
    WF_ASK_D_LENGTH,     /* log of the mean letters of a word */
    WF_ASK_D_PAIR,       /* share of the question that is in a script without spaces, */
    WF_ASK_D_PAIR_COVER, /* by how much of the question the chunk has, */
    WF_ASK_D_PAIR_WORDS, /* by WORDS */
    WF_ASK_D_SIZE_COVER, /* how much the chunk has, by the size of the library */
    WF_ASK_D_COUNT,
};

/* Features of the decision for the best sentence; then 0..1 by the fitted weights. */
void wf_ask__decide_features(const struct wf_question *q, const struct wf_hits *hits,
                             const struct wf_ask_sentence *best, double out[WF_ASK_D_COUNT]);
double wf_ask__confidence(const double features[WF_ASK_D_COUNT],
                          const struct wf_ask_sentence *best);

/* ---- what lens sees ---- */

#define WF_ASK_SPANS_MAX 3

/* The best answer in a chunk, and how sure it is that there is none. */
struct wf_ask_span {
    size_t hit;
    size_t start, end; /* bytes in the hit's text */
    double score, none;
};

/* Finds and takes apart: what wf_ask does before it decides. Everything in the arena. */
struct wf_ask_look {
    struct wf_question question;
    enum wf_ask_type type;
    struct wf_hits hits;
    struct wf_ask_sentence sentences[WF_ASK_SENTENCES_MAX]; /* best first */
    size_t n_sentences;
    struct wf_ask_span spans[WF_ASK_SPANS_MAX]; /* of different hits */
    size_t n_spans;
    double refuse; /* what lens's "no answer" counts against the confidence of words */
};
int wf_ask__look(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
                 struct wf_ask_look *out, struct wf_err *err) WF_MUST_USE;

/* Has lens look at the best chunks: spans, and the sentences' order where its file has a weight for
 * that. Without a lens (NULL, off, absent, failing) all stays as it is. */
void wf_ask__see(struct wf_lens_pool *lens, struct wf_str question, struct wf_ask_look *io);
/* What lens said of a hit, to its sentences: seen and is_seen. */
void wf_ask__weigh(struct wf_ask_look *io, size_t hit, const struct wf_lens_answer *a,
                   double weight);
/* The sentences anew in order, by score and what lens added. */
void wf_ask__order(struct wf_ask_look *io);
/* The confidence that words give, and what lens says of the best sentence's chunk. */
double wf_ask__doubt(const struct wf_ask_look *look, double confidence);
/* The span in that sentence; NULL: none is known. */
const struct wf_ask_span *wf_ask__span_of(const struct wf_ask_look *look,
                                          const struct wf_ask_sentence *s);

/* The sizes of the question, and that it is text. */
int wf_ask__check(const struct wf_ask_query *q, struct wf_err *err) WF_MUST_USE;

/* The citation of one sentence: its hit's text becomes the sentences around it. */
void wf_ask__cite(const struct wf_ask_look *look, const struct wf_ask_sentence *s,
                  struct wf_citation *out);

/* Decides, and quotes: what follows wf_ask__look in wf_ask. */
int wf_ask__quote(const struct wf_ask_look *look, const struct wf_ask_query *q,
                  struct wf_arena *arena, struct wf_answer *out, struct wf_err *err) WF_MUST_USE;

#endif
