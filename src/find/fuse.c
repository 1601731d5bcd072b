/* SPDX-License-Identifier: Apache-2.0 */
/* Fuse: a weighted sum.
 *
 * Values of words (score.c) were fitted as logarithms of odds, by listwise regression. A lens is
 * trained with similarity over a temperature as the logarithm of odds among a batch's texts, and
 * its "no answer" is a logarithm of odds, too: so all of it can be added. What each weighs beside
 * words depends on how good the lens is: it is fitted the same way, on questions that were kept
 * aside from the lens' training, and stored with the lens. Similarity weighs less where words cover
 * the question, since the two are not independent, and more where they leave it open: a question in
 * another language shares a name or a number with its answer at best. */
#include "find/fuse.h"

#include <math.h>

#include "base/alloc.h"

const struct wf_fuse_weights wf_fuse_defaults = {
    /* little, since nothing is known of it: any two texts are similar by 0.7 to the first lens, and
     * 98 of 100 questions that nothing answers stay below 0.88 */
    .parts = {[WF_FUSE_SIMILARITY] = 5},
    .alone = -0.88,
    .alone_similarity = 1,
    .alone_answers = 0,
    .alone_least = 0.88,
};

static const char *const names[] = {"similarity",       "similarity_open", "first",      "answers",
                                    "answers_open",     "sentence",        "span",       "alone",
                                    "alone_similarity", "alone_answers",   "alone_least"};

double *wf_fuse_weight_at(struct wf_fuse_weights *w, size_t i)
{
    double *const others[] = {&w->alone, &w->alone_similarity, &w->alone_answers, &w->alone_least};
    if (i < WF_FUSE_PARTS)
        return &w->parts[i];
    i -= WF_FUSE_PARTS;
    return i < WF_ARRAY_LEN(others) ? others[i] : NULL;
}

const char *wf_fuse_weight_name(size_t i)
{
    return i < WF_ARRAY_LEN(names) ? names[i] : NULL;
}

void wf_fuse_parts(const struct wf_fuse_case *c, double out[WF_FUSE_PARTS])
{
    double judged = c->is_judged ? 1 : 0;
    out[WF_FUSE_SIMILARITY] = c->similarity;
    out[WF_FUSE_SIMILARITY_OPEN] = c->similarity * c->open;
    out[WF_FUSE_FIRST] = 1 / (double)(c->rank + 1);
    out[WF_FUSE_ANSWERS] = judged * (double)c->evidence.answers;
    out[WF_FUSE_ANSWERS_OPEN] = judged * (double)c->evidence.answers * c->open;
    out[WF_FUSE_SENTENCE] = judged * (double)c->evidence.sentence;
    out[WF_FUSE_SPAN] = judged * (double)c->evidence.span;
}

static double sum(const struct wf_fuse_weights *w, const struct wf_fuse_case *c, size_t from)
{
    double parts[WF_FUSE_PARTS], total = 0;
    wf_fuse_parts(c, parts);
    for (size_t i = from; i < WF_FUSE_PARTS; i++)
        total += w->parts[i] * parts[i];
    return total;
}

double wf_fuse_value(const struct wf_fuse_weights *w, const struct wf_fuse_case *c)
{
    return sum(w, c, 0);
}

double wf_fuse_judged(const struct wf_fuse_weights *w, const struct wf_fuse_case *c)
{
    return sum(w, c, WF_FUSE_ANSWERS);
}

bool wf_fuse_judges(const struct wf_fuse_weights *w)
{
    for (size_t i = WF_FUSE_ANSWERS; i < WF_FUSE_PARTS; i++) {
        if (fabs(w->parts[i]) > 0)
            return true;
    }
    return false;
}

bool wf_fuse_is_worth(const struct wf_fuse_weights *w, const struct wf_fuse_case *c)
{
    if (!c->is_judged)
        return c->similarity >= w->alone_least;
    return w->alone + w->alone_similarity * c->similarity +
               w->alone_answers * (double)c->evidence.answers >=
           0;
}
