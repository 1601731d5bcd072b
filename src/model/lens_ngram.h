/* Word and letter n-grams of a short text, as numbers: what a linear head of lens sees beside the
 * encoder's hidden states.
 *
 * In the file, for a head lens.NAME: lens.NAME.ngram.embed [n_buckets, n_dims] (any type) and
 * lens.NAME.ngram.weight [n_labels, n_dims]. A text's n-grams are hashed to rows of the first;
 * their sum, over the square root of their number, times the second is added to the head's scores.
 * Threads: any. */
#ifndef WF_MODEL_LENS_NGRAM_H
#define WF_MODEL_LENS_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* N-grams of one text that count; a sentence of thirty words has about 400. */
#define WF_LENS_NGRAMS_MAX 1024u
/* Values of a row, and rows, at most. */
#define WF_LENS_NGRAM_DIMS_MAX 256u
#define WF_LENS_NGRAM_BUCKETS_MAX (1u << 20)

/* The numbers of a text's n-grams, below n_buckets (a power of two), to out [WF_LENS_NGRAMS_MAX];
 * returns how many. Words (in small letters where they are ASCII), pairs of neighbouring words with
 * a border at both ends, and three to five letters of a word with its borders. */
size_t wf_lens_ngrams(struct wf_str text, uint32_t n_buckets, uint32_t *out);

#endif
