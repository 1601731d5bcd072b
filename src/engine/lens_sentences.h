/* Lens sentences: what the encoder says of sentences that are at hand one by one.
 * Threads: any. */
#ifndef WF_ENGINE_LENS_SENTENCES_H
#define WF_ENGINE_LENS_SENTENCES_H

#include "engine/lens.h"

/* The salience head's score of each of sentences [n], which follow each other in a text (some may
 * have been left out): out_logits [n]. Errors: as wf_lens_pool_run. */
int wf_lens_sentences(struct wf_lens_pool *p, const struct wf_str *sentences, size_t n,
                      float *out_logits, struct wf_err *err) WF_MUST_USE;

#endif
