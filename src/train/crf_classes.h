/* CRF classes: which words stand where such words stand, out of texts that nobody has tagged.
 *
 * The words that are there most often, in small letters, each described by the words on its left
 * and its right, fall into 127 classes (spherical k-means); and of each word how often it is
 * written with a capital. The same texts in the same order give the same classes. Threads:
 * owner. */
#ifndef WF_TRAIN_CRF_CLASSES_H
#define WF_TRAIN_CRF_CLASSES_H

#include "model/lens_words.h"

struct wf_crf_classes;

/* Makes at most n_words classes of the texts of a list of sources (train/corpus.h) that are not
 * kept aside, of n_text_words words at most. *out is owned by the caller, until
 * wf_crf_classes_free. Errors: those of train/corpus.h, NOMEM. */
int wf_crf_classes_make(const char *list, size_t n_words, size_t n_text_words,
                        struct wf_crf_classes **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_crf_classes_free(struct wf_crf_classes *c);

/* Them, borrowed; none of NULL. */
struct wf_lens_classes wf_crf_classes_view(const struct wf_crf_classes *c);

#endif
