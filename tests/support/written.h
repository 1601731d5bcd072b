/* Texts written by a grammar: at random, by its masks; and whether it takes a text. */
#ifndef WF_TESTS_WRITTEN_H
#define WF_TESTS_WRITTEN_H

#include "base/buf.h"
#include "base/rng.h"
#include "support/byte_vocab.h"

/* Whether the grammar takes the whole text. */
bool written_accepts(struct wf_grammar *g, const struct byte_vocab *v, struct wf_str text);

/* Appends a text to `out`, each token drawn from those the mask allows, within `budget` tokens, the
 * end token included. An error when it does not come to its end. */
int written_text(struct wf_grammar *g, const struct byte_vocab *v, const struct wf_rng *rng,
                 size_t budget, struct wf_buf *out, struct wf_err *err);

#endif
