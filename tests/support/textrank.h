/* TextRank (Mihalcea, Tarau 2004): the rival of the summarizer.
 *
 * Thread rule: any. */
#ifndef WF_TESTS_SUPPORT_TEXTRANK_H
#define WF_TESTS_SUPPORT_TEXTRANK_H

#include <stddef.h>

#include "base/str.h"

/* Indices of the n sentences, the most central first, into out[n]: shared content words over the
 * logarithms of both lengths, PageRank with 0.85. */
void textrank(const struct wf_str *sentences, size_t n, size_t *out);

#endif
