/* Words: what search, ask and summarize call a word, in any language; one definition for the index
 * and for every ranking.
 *
 * A token is a run of letters, marks and digits, folded: case folded, compatibility decomposed,
 * without the marks that people do not type (accents of Latin, Greek and Cyrillic, Arabic and
 * Hebrew points, Indic nukta; Indic vowel signs stay), digits of any script as ASCII. Hyphens and
 * apostrophes separate, but a final 's is dropped and n't stays (don't: dont). Thousands separators
 * vanish (1,000: 1000), a decimal point stays (3.5), dates and versions fall apart. Scripts written
 * without spaces give overlapping pairs: of letters for Han and kana, of letters with their marks
 * for Thai, Lao, Khmer and Myanmar; a letter without a neighbour gives itself.
 * Thread rule: any; a struct wf_words belongs to its owner. */
#ifndef WF_TEXT_WORD_H
#define WF_TEXT_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define WF_WORD_BYTES_MAX 64 /* a longer word is cut at a code point border */

struct wf_word {
    char text[WF_WORD_BYTES_MAX]; /* the folded form, not NUL-terminated */
    uint32_t len;                 /* bytes of text */
    bool is_pair;                 /* an overlapping pair of a script without spaces */
    size_t start, end;            /* bytes of the source it stands for */
};

struct wf_words {
    struct wf_str _text;
    size_t _i;
    size_t _pair_next; /* start of the letter that begins the next pair, or SIZE_MAX */
};

/* Begins a walk over `text` (valid UTF-8, borrowed for the walk). */
void wf_words_init(struct wf_words *w, struct wf_str text);

/* The next word into *out; false at the end (then *out holds nothing of use). Starts never go
 * back; the ranges of neighbouring pairs overlap. Allocates nothing; linear in the text. */
bool wf_words_next(struct wf_words *w, struct wf_word *out);

/* True for words that carry little meaning in the languages weft knows best (en de es fr it pt nl
 * sv pl ro tr vi ru el ar hi): the, und, ... `folded` is a token as wf_words_next gives it. */
bool wf_word_is_stop(struct wf_str folded);

/* True for words with which people ask for a text or say what it is (summarize, discussed, story),
 * in en de es fr it pt; folded, as above. */
bool wf_word_is_asking(struct wf_str folded);

/* Is a word, folded, one of `words`, which single spaces part? */
bool wf_word_is_one_of(const struct wf_word *w, const char *words);

/* A number of the part of a word that most of its inflections share. */
uint64_t wf_word_stem(const struct wf_word *w);

#endif
