/* ROUGE (Lin 2004) as the rouge-score package computes it: lower case, ASCII letters and digits,
 * no stemming, F1; the longest common subsequence over the whole text.
 *
 * Thread rule: any. */
#ifndef WF_TESTS_SUPPORT_ROUGE_H
#define WF_TESTS_SUPPORT_ROUGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct rouge_text {
    uint64_t *words; /* hashes, in order */
    size_t n;
};

struct rouge {
    double f[3]; /* ROUGE-1, -2, -L */
};

/* Appends the words of s. Ends the program when memory runs out, as all of tests/support. */
void rouge_append(struct rouge_text *t, struct wf_str s);
void rouge_free(struct rouge_text *t);
struct rouge rouge_score(const struct rouge_text *candidate, const struct rouge_text *reference);

#endif
