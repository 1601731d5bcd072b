/* Fuse fit: weights of find/fuse.h out of examples, and what they give.
 *
 * An example is a question with the candidates of a search. Half of them (`chooses`) are looked at,
 * the other half tells. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_FUSE_FIT_H
#define WF_TESTS_SUPPORT_FUSE_FIT_H

#include "find/fuse.h"

#define FUSE_FIT_CANDIDATES 40

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
    bool is_across, chooses;
};

struct fuse_fit {
    struct fuse_fit_example *examples;
    size_t n, n_room;
};

/* A new example, empty. */
struct fuse_fit_example *fuse_fit_add(struct fuse_fit *f);
void fuse_fit_free(struct fuse_fit *f);

/* Listwise logistic regression of the parts, none of them negative; with_judge: those of evidence,
 * too. Then the rule for
 * chunks without a word of the question: as many right ones as possible, while at most `most_wrong`
 * of the questions would be shown one of another article. */
void fuse_fit_weights(const struct fuse_fit *f, bool with_judge, struct wf_fuse_weights *out);
void fuse_fit_alone(const struct fuse_fit *f, bool with_judge, double most_wrong,
                    struct wf_fuse_weights *io);

/* Recall at 1 of one half, averaged over groups, among their own language or across: by words, and
 * with the weights. */
struct fuse_fit_recall {
    double words, both;
    double words_5, both_5;
};
struct fuse_fit_recall fuse_fit_recall(const struct fuse_fit *f, const struct wf_fuse_weights *w,
                                       bool with_judge, bool chooses, bool is_across);

/* Prints recall at 1 and 5 of both halves: by words, and with the weights; the shares of questions
 * that are shown the right one, or a wrong one, without a word in common. */
void fuse_fit_print(const struct fuse_fit *f, const struct wf_fuse_weights *w, bool with_judge);

#endif
