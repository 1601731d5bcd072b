/* Question: what somebody typed, as words with weights, and where a text says them.
 *
 * The words decide what is found (find.h) and which sentence answers (skill/ask). A weight grows
 * with how rare a word is in the documents; words of grammar keep a little, so that a passage in
 * the question's own language comes first. Thread rule: owner. */
#ifndef WF_FIND_QUESTION_H
#define WF_FIND_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "text/word.h"

/* Different words looked at; of a longer text the longest ones are, since they are the rare ones.
 */
#define WF_QUESTION_TERMS 64
/* Words in their order, for nearness. */
#define WF_QUESTION_ORDER 128
#define WF_QUESTION_SLOTS 256
/* With so few words of meaning, many chunks have all of them. */
#define WF_QUESTION_FEW 2

struct wf_question_term {
    char text[WF_WORD_BYTES_MAX]; /* folded, not NUL-terminated */
    uint32_t len;
    bool is_stop;
    bool is_pair;      /* of a script without spaces */
    bool has_digit;    /* numbers have no other forms */
    bool is_name;      /* begins with a capital, and the question does not begin with it */
    bool is_asked;     /* stands in the question itself, not only in an earlier one */
    bool is_counted;   /* n_chunks is exact, not an estimate */
    bool is_any;       /* the question has it with different accents */
    uint32_t accents;  /* hash of which letters carry which; 0 = none */
    double boost;      /* 1, less for a word lent by an earlier question */
    uint64_t n_chunks; /* that contain it */
    double weight;
};

struct wf_question {
    struct wf_question_term terms[WF_QUESTION_TERMS];
    size_t n_terms;
    uint8_t order[WF_QUESTION_ORDER]; /* the question's words as indexes into terms */
    size_t n_order;
    double weight;      /* of all terms */
    double weight_once; /* what a term that stands in one chunk would weigh, unboosted */
    double weight_max;  /* of one term */
    double pair_share;  /* 0..1: the part of weight that pairs carry */
    uint8_t _slots[WF_QUESTION_SLOTS]; /* hash of a term -> its number + 1; 0 = free */
    bool _has_unknown;                 /* a term stands in no chunk */
    bool _has_accents;                 /* a word was typed with accents: they mean something */
    uint8_t _begins[32];               /* bits: hashes of how terms begin */
};

/* How a word of a text stands to a term. */
enum wf_match_kind {
    WF_MATCH_EXACT,
    WF_MATCH_FORM, /* another form of the word: "airport" for "airports"; its right spelling; or
                      the same letters with other accents */
};

struct wf_match {
    uint32_t start, end; /* bytes in the text */
    uint32_t pos;        /* number of the word in the text, from 0 */
    uint8_t term;
    uint8_t kind; /* enum wf_match_kind */
};

/* What a form of a word counts, beside 1 for the word itself. */
#define WF_MATCH_FORM_VALUE 0.7

/* Takes the words of `text` (valid UTF-8) into *q. */
void wf_question_init(struct wf_question *q, struct wf_str text);

/* Adds the words of an earlier question that are not there yet, with `boost` below 1; words of
 * grammar and question words are left out. */
void wf_question_lend(struct wf_question *q, struct wf_str text, double boost);

/* How many terms are no words of grammar. */
size_t wf_question_n_meaning(const struct wf_question *q);

/* Computes the weights when n_chunks of all terms is known, among `n_all` chunks. */
void wf_question_weigh(struct wf_question *q, uint64_t n_all);

/* Writes where `text` (valid UTF-8) says words of the question, in order, at most n_max. Returns
 * how many; *out_n_words gets the number of words in the text. */
size_t wf_question_match(const struct wf_question *q, struct wf_str text, struct wf_match *out,
                         size_t n_max, size_t *out_n_words);

/* The value of a match: 1 or WF_MATCH_FORM_VALUE times its term's weight. */
double wf_question_value(const struct wf_question *q, const struct wf_match *m);

/* True when two folded words are forms of one: they begin alike and differ in a short ending. */
bool wf_word_same_stem(struct wf_str a, struct wf_str b);

#endif
