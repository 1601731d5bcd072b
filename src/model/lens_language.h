/* Lens, the language of a text: a table of what runs of letters and words say about languages,
 * apart from the encoder, so that it is there at once and costs microseconds.
 *
 * In the file: lens.language.labels (strings: ISO 639-3, with -Script or -COUNTRY where the data
 * parts them; at most 128), lens.language.grams and lens.language.weights (32-bit whole numbers
 * that hold bytes, little-endian, the rest of the last one 0), lens.language.n_grams and
 * .n_entries (u32), lens.language.step and .sharpness (f32).
 *
 *   grams    for each gram in the order of their hashes (model/language_grams.h): the difference
 *            to the hash before, seven bits a byte, the lowest first, bit 7 set where more follow.
 *            Then its labels, ascending: a byte each, bit 7 set on the last; or, where that is
 *            shorter, a byte 127 and 16 bytes with a bit for each label, the lowest first
 *   weights  four bits for each of these labels, the lower half of a byte first: times step it is
 *            what the gram adds to the label's sum; labels that are not listed get nothing
 *
 * Each gram of a text that the table knows counts once. A label's logit is its sum * sharpness /
 * sqrt(their number + 1), so that the softmax of the logits is how often it is right. Other heads
 * may add theirs before wf_lens_language_best.
 *
 * Made by train/language.h. Threads: open and close by the owner; the rest any. */
#ifndef WF_MODEL_LENS_LANGUAGE_H
#define WF_MODEL_LENS_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

#define WF_LENS_LANGUAGES_MAX 128
/* The byte before labels as bits: no list begins with the last label and goes on. */
#define WF_LENS_LANGUAGE_BITS 0x7f

struct wf_lens_language;

/* Whether the file has a table at all. */
bool wf_lens_language_is_in(const struct wf_gguf *g);

/* Reads the table; labels stay borrowed from g. *out is owned by the caller, until
 * wf_lens_language_close. Errors: NOENT (there is none), FORMAT, LIMIT, NOMEM. */
int wf_lens_language_open(const struct wf_gguf *g, struct wf_lens_language **out,
                          struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lens_language_close(struct wf_lens_language *l);

/* How many labels there are: 1 to WF_LENS_LANGUAGES_MAX. The name of label i, borrowed from the
 * file. */
size_t wf_lens_language_n(const struct wf_lens_language *l);
struct wf_str wf_lens_language_label(const struct wf_lens_language *l, size_t i);

/* The logit of each label to out [wf_lens_language_n]. Returns how many of the text's grams the
 * table knows: with 0 all logits are 0, and nothing can be said. */
size_t wf_lens_language_score(const struct wf_lens_language *l, struct wf_str text, float *out);

struct wf_lens_language_guess {
    size_t label;
    float probability;
};

/* The k likeliest of n labels, by the softmax of their logits, the likeliest first; equal ones in
 * their order. Returns how many it wrote: the smaller of k and n. */
size_t wf_lens_language_best(const float *logits, size_t n, struct wf_lens_language_guess *out,
                             size_t k);

#endif
