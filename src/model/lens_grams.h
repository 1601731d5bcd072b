/* Grams of a request: what a linear judge of lens sees of a short text (model/lens_linear.h): words
 * and pairs of neighbouring words, and groups of two to five letters that may reach over the
 * borders of words, each as a number.
 *
 * Words are those of text/word.h: folded, without accents and marks, so that case and punctuation
 * do not count. The trainer and the reader share this file: what it gives must not change without
 * fitting anew. Allocates nothing. Threads: any. */
#ifndef WF_MODEL_LENS_GRAMS_H
#define WF_MODEL_LENS_GRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define WF_LENS_GRAMS_BITS 22
/* Grams of one text; a request of thirty words has about 700. */
#define WF_LENS_GRAMS_MAX 2048u
#define WF_LENS_LETTERS_MIN 2u
#define WF_LENS_LETTERS_MAX 5u
/* Bytes of a text's folded words that are looked at: what is asked stands at the beginning. */
#define WF_LENS_GRAMS_BYTES 512u

struct wf_lens_grams {
    uint32_t items[WF_LENS_GRAMS_MAX]; /* each once, below 1 << WF_LENS_GRAMS_BITS */
    size_t n_words, n;                 /* [0, n_words) of words and pairs, then those of letters */
};

/* The grams of a text (valid UTF-8), in the order in which they come. */
void wf_lens_grams(struct wf_str text, struct wf_lens_grams *out);

#endif
