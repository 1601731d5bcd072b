/* Fuse fit: weights of find/fuse.h out of examples, and what they give.
 *
 * An example is a question with the candidates of a search, and belongs to one of two halves, so
 * that what one half chose can be told on the other. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_FUSE_FIT_H
#define WF_TESTS_SUPPORT_FUSE_FIT_H

#include "find/fuse.h"

#define FUSE_FIT_CANDIDATES 40
#define FUSE_FIT_ALL 3u /* both halves, 1 and 2 */

struct fuse_fit_candidate {
    double words;
    struct wf_fuse_case c;
    bool is_alone; /* has no word of the question */
    bool is_about; /* of the article that the question is about */
};

struct fuse_fit_example {
    struct fuse_fit_candidate candidates[FUSE_FIT_CANDIDATES];
    int n, good;    /* good: the right one; -1: it is not there */
    unsigned group; /* language: groups count alike */
    unsigned half;  /* 1 or 2 */
    bool is_across;
};

struct fuse_fit {
    struct fuse_fit_example *examples;
    size_t n, n_room;
};

/* A new example, empty. */
struct fuse_fit_example *fuse_fit_add(struct fuse_fit *f);
void fuse_fit_free(struct fuse_fit *f);

/* Listwise logistic regression on these halves of the parts, none of them negative; with_judge:
 * those of evidence, too. Then the rule for chunks without a word of the question: as many right
 * ones as possible, while at most `most_wrong` of the questions would be shown one of another
 * article. */
void fuse_fit_weights(const struct fuse_fit *f, unsigned halves, bool with_judge, double most_wrong,
                      struct wf_fuse_weights *out);

/* Recall at 1 and 5 on these halves, averaged over groups, among their own language or across: by
 * words, and with the weights; and the shares of questions that are shown the right one, or one of
 * another article, without a word in common. */
struct fuse_fit_recall {
    double words, both;
    double words_5, both_5;
    double alone_right, alone_wrong;
    double n;
};
struct fuse_fit_recall fuse_fit_recall(const struct fuse_fit *f, const struct wf_fuse_weights *w,
                                       unsigned halves, bool with_judge, bool is_across);

/* The same with each half by the weights that the other half chose. */
struct fuse_fit_recall fuse_fit_by_halves(const struct fuse_fit *f, bool with_judge,
                                          double most_wrong, bool is_across);

/* Prints weights; a line of recall. */
void fuse_fit_print_weights(const struct wf_fuse_weights *w);
void fuse_fit_print(const char *name, const struct fuse_fit_recall *r);

#endif
