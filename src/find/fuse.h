/* Fuse: how words, vectors and what the lens says of a passage order together what was read.
 *
 * A weighted sum of logarithms of odds. The weights belong to a lens, which has them in its file
 * (lens.search.NAME, f32), fitted by bench/bench_hybrid -f. Thread rule: any. */
#ifndef WF_FIND_FUSE_H
#define WF_FIND_FUSE_H

#include <stdbool.h>
#include <stddef.h>

/* Chunks that join the candidates for their vector. */
#define WF_FUSE_NEAR 48
/* Logarithms of odds beyond this say no more. */
#define WF_FUSE_EVIDENCE_MOST 8.0f

/* What the lens says of a text that it read with the question: logarithms of odds, from
 * -WF_FUSE_EVIDENCE_MOST to WF_FUSE_EVIDENCE_MOST. */
struct wf_evidence {
    float answers;  /* that the answer is in the text */
    float sentence; /* that its best sentence holds it */
    float span;     /* of the best span, among all of the text's */
};

/* The parts of the sum beside the value that words give, which counts as it is. */
enum wf_fuse_part {
    WF_FUSE_SIMILARITY,
    WF_FUSE_SIMILARITY_OPEN, /* more of it, the less of the question words cover */
    WF_FUSE_FIRST,           /* of being nearest of all; half for the next, a third ... */
    WF_FUSE_ANSWERS,
    WF_FUSE_ANSWERS_OPEN,
    WF_FUSE_SENTENCE,
    WF_FUSE_SPAN,
    WF_FUSE_PARTS,
};

struct wf_fuse_weights {
    double parts[WF_FUSE_PARTS];
    /* A chunk without a word of the question is shown when
     * alone + alone_similarity * similarity + alone_answers * answers is not negative; one that was
     * not judged needs this similarity. */
    double alone, alone_similarity, alone_answers;
    double alone_least;
};

/* A candidate. */
struct wf_fuse_case {
    double similarity; /* -1..1 */
    size_t rank;       /* its place by similarity, from 0 */
    double open;       /* 0..1: what words leave open of the question at best */
    bool is_judged;
    struct wf_evidence evidence;
};

/* For a lens that brings none. */
extern const struct wf_fuse_weights wf_fuse_defaults;

/* The i-th number of the weights, and its name in a lens file behind "lens.search."; NULL behind
 * the last. */
double *wf_fuse_weight_at(struct wf_fuse_weights *w, size_t i);
const char *wf_fuse_weight_name(size_t i);

/* The parts of a candidate; those of evidence are 0 where it is not judged. */
void wf_fuse_parts(const struct wf_fuse_case *c, double out[WF_FUSE_PARTS]);

/* What is added to the value that words give: all of it; the parts of evidence alone. */
double wf_fuse_value(const struct wf_fuse_weights *w, const struct wf_fuse_case *c);
double wf_fuse_judged(const struct wf_fuse_weights *w, const struct wf_fuse_case *c);

/* Does evidence count at all? */
bool wf_fuse_judges(const struct wf_fuse_weights *w);

/* Is a chunk that has no word of the question worth showing? */
bool wf_fuse_is_worth(const struct wf_fuse_weights *w, const struct wf_fuse_case *c);

#endif
