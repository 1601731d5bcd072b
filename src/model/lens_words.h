/* Lens, entities by words: what a word shows of itself and its neighbours (the word, its shape,
 * its first and last letters, what stands beside it), each as a number; and a table of what such
 * numbers say of tags: a linear-chain conditional random field beside the encoder's, which knows
 * by heart what the encoder only has a feeling for. Both have tags for the same pieces; where a
 * file has both, their scores are added, each times a number.
 *
 * In the file: lens.entity.words.labels (strings, at most 32: O, B-TYPE, I-TYPE; those of
 * lens.entity.labels where the encoder has tags), .transitions (tensor [n_tags from, n_tags to]),
 * .levels (tensor [128]: what a weight may be), .n_features, .n_entries, .gap_bits (u32), .table
 * (32-bit whole numbers that hold bits, the lowest of the first one first):
 *
 *   for each feature, in the order of their numbers: the difference to the number before, as its
 *   upper part in ones that a zero ends and its lower gap_bits bits; then its entries, tags
 *   ascending: five bits of tag, seven bits of level, one bit, 1 on the last
 *
 * and .classes, .n_classes, .class_gap_bits: the same way for words in small letters, each with
 * nine bits: which words stand where such words stand (0: not known), and how often it is written
 * with a capital (2 bits, the lower ones). Together they are two more things that a word shows.
 *
 *   lens.entity.words.share (f32, within [0, 1]): scores are share times the table's and 1 - share
 *   times the encoder's, transitions too; .outside (f32): what is taken off the score of O.
 *
 * Made by train/crf.h. Threads: open and close by the owner; the rest any. */
#ifndef WF_MODEL_LENS_WORDS_H
#define WF_MODEL_LENS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

#define WF_LENS_WORDS_TAGS_MAX 32u
#define WF_LENS_WORDS_LEVELS 128u
#define WF_LENS_WORD_FEATURES 51u
#define WF_LENS_WORD_USUAL 27u /* the first of them: what taggers of words usually see */
/* Numbers of features and of words are below 1 << this; 0 is none. */
#define WF_LENS_WORD_BITS 28u
/* Bits of a table, as the format says above. */
#define WF_LENS_WORDS_TAG_BITS 5u
#define WF_LENS_WORDS_LEVEL_BITS 7u
#define WF_LENS_WORDS_CLASS_BITS 9u

struct wf_lens_words;

/* Whether the file has such a table; reads it. Labels are not looked at: they are read as those of
 * any head. *out is owned by the caller, until wf_lens_words_close. Errors: NOENT (there is none),
 * FORMAT, LIMIT, NOMEM. */
bool wf_lens_words_is_in(const struct wf_gguf *g);
int wf_lens_words_open(const struct wf_gguf *g, size_t n_tags, struct wf_lens_words **out,
                       struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lens_words_close(struct wf_lens_words *w);

/* The two numbers, and the transitions [n_tags, n_tags], as they are. */
float wf_lens_words_share(const struct wf_lens_words *w);
float wf_lens_words_outside(const struct wf_lens_words *w);
const float *wf_lens_words_transitions(const struct wf_lens_words *w);

/* Pieces of a text: piece i is bytes [bounds[i], bounds[i + 1]), white space in front included. */
struct wf_lens_pieces {
    struct wf_str text;     /* valid UTF-8 */
    const uint32_t *bounds; /* [n + 1], ascending, within the text */
    size_t n;
};

/* What the table says of the tags of pieces: out [n, n_tags]. */
void wf_lens_words_score(const struct wf_lens_words *w, const struct wf_lens_pieces *p, float *out);

/* ---- what words show; the trainer sees it too ---- */

/* Words in classes; its content is the table's. */
struct wf_lens_classes {
    const uint32_t *words; /* [n] numbers, ascending */
    const uint16_t *of;    /* [n] WF_LENS_WORDS_CLASS_BITS bits */
    size_t n;
};

/* The number of a word in small letters, as classes have it; a sign in front of letters is no part
 * of it. */
uint32_t wf_lens_word_number(struct wf_str word);
/* Whether a code point is a capital (1), a small letter (-1) or neither (0). */
int wf_lens_words_case(uint32_t cp);

typedef void (*wf_lens_word_fn)(void *ud, size_t i, const uint32_t features[WF_LENS_WORD_FEATURES]);

/* Calls fn for each piece in order with what it shows; 0: nothing at that place. classes: NULL or
 * empty: none. Allocates nothing. */
void wf_lens_words_look(const struct wf_lens_pieces *p, const struct wf_lens_classes *classes,
                        wf_lens_word_fn fn, void *ud);

#endif
