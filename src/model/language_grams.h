/* Language grams: what a text is cut into to tell its language: runs of one to four code points,
 * over the borders of words, and whole words, each as a number of 25 bits.
 *
 * Letters are lower case, digits are all alike, white space of any length is one blank, and a text
 * begins and ends with one. Latin letters are blanks where most letters are of another script. The
 * trainer and the reader of the language table share this file: what it gives must not change
 * without training anew. Allocates nothing. Threads: owner. */
#ifndef WF_MODEL_LANGUAGE_GRAMS_H
#define WF_MODEL_LANGUAGE_GRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define WF_GRAMS_CODE_POINTS_MAX 4
#define WF_GRAMS_WORD 5 /* the order of a whole word */
#define WF_GRAMS_ORDERS 6
#define WF_GRAMS_BITS 25
/* Grams that one code point ends, at most. */
#define WF_GRAMS_STEP_MAX 5
/* Code points of a text that are looked at: its language shows long before. */
#define WF_GRAMS_TEXT_MAX 1000
/* Letters of a word; longer runs (of scripts without spaces) are no words. */
#define WF_GRAMS_LETTERS_MAX 16

struct wf_gram {
    uint32_t hash;  /* below 1 << WF_GRAMS_BITS */
    uint32_t order; /* 1..4, or WF_GRAMS_WORD */
};

struct wf_grams {
    struct wf_str _text;
    size_t _i, _n_seen, _n_letters;
    uint32_t _last[WF_GRAMS_CODE_POINTS_MAX]; /* code points, the newest first */
    uint32_t _word;
    unsigned _n_last;
    bool _ended, _skips_latin;
};

/* Begins a text (valid UTF-8; bytes that are not count as U+FFFD), borrowed until the end. */
void wf_grams_init(struct wf_grams *g, struct wf_str text);
/* The next code point's grams to out, their number to *out_n, which may be 0. False at the end. */
bool wf_grams_next(struct wf_grams *g, struct wf_gram out[WF_GRAMS_STEP_MAX], size_t *out_n);

#endif
