/* Words: what search, ask and summarize call a word, in any language; one definition for the index
 * and for every ranking.
 *
 * A token is a run of letters, marks and digits, folded: case folded, compatibility decomposed,
 * marks dropped where a Latin, Greek or Cyrillic letter carries them. Scripts written without
 * spaces (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) give overlapping pairs of letters;
 * a single letter alone gives itself. ASCII takes a fast path. Thread rule: any. */
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

/* The next word into *out; false at the end. Allocates nothing. */
bool wf_words_next(struct wf_words *w, struct wf_word *out);

/* True for words that carry little meaning in the languages weft knows best (en de es fr it pt nl
 * ru and others): the, und, ... `folded` is a token as wf_words_next gives it. */
bool wf_word_is_stop(struct wf_str folded);

#endif
