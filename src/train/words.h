/* Words: where words begin among tokens of a byte-level vocabulary, told from the tokens alone.
 *
 * Near to what pre-tokenizers do (letters together, digits one by one, signs together), for asking
 * for whole words of texts that are there as tokens only. In scripts without spaces a run of
 * letters would be a sentence: words are cut after WF_WORDS_TOKENS_MAX tokens. Threads: any. */
#ifndef WF_TRAIN_WORDS_H
#define WF_TRAIN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/vocab.h"

#define WF_WORDS_TOKENS_MAX 4u

struct wf_words;

/* The table of a vocabulary. *out is owned by the caller. Errors: NOMEM. */
int wf_words_new(const struct wf_vocab *v, struct wf_words **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_words_free(struct wf_words *w);

/* Where words of ids [from, to) begin: out [to - from] indices into ids; returns how many. The ids
 * must be of the vocabulary. */
size_t wf_words_find(const struct wf_words *w, const int32_t *ids, uint32_t from, uint32_t to,
                     uint32_t *out);

#endif
