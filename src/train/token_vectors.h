/* Vectors: fits the table of tokens' vectors that stands beside the encoder's embedding
 * (model/lens_static.h), from the pairs of the embedding's task.
 *
 * A text costs only a sum of rows, so that millions of pairs are seen in minutes, in batches of up
 * to 2,048 that are all held against each other. Rows begin with what the encoder knows of a token.
 * In the second half of the steps texts are summed of rows as they will be stored, while what
 * learns stays whole. Threads: owner. */
#ifndef WF_TRAIN_TOKEN_VECTORS_H
#define WF_TRAIN_TOKEN_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "train/conf.h"
#include "train/task.h"

#define WF_TOKEN_VECTORS_WIDTH 192
#define WF_TOKEN_VECTORS_BITS 1
#define WF_TOKEN_VECTORS_STEPS 6000

struct wf_token_vectors_report {
    uint64_t n_steps, n_pairs;
    size_t bytes; /* that the table takes */
    double loss;  /* of the last tenth of the steps */
    double share; /* that was chosen */
    /* Of texts kept aside, as the task embed measures itself: in % */
    double encoder[WF_TASK_FIGURES_MAX], table[WF_TASK_FIGURES_MAX], both[WF_TASK_FIGURES_MAX];
};

/* The name of the i-th figure; NULL behind the last. Thread: any. */
const char *wf_token_vectors_figure(size_t i);

struct wf_token_vectors_job {
    const char *into;     /* the lens file */
    const char *out;      /* the file to write; may be the same; NULL: only measure */
    const char *data_dir; /* of the sources */
    size_t width;         /* a multiple of 32 below 256; 0: WF_TOKEN_VECTORS_WIDTH */
    unsigned bits;        /* 1 or 2; 0: WF_TOKEN_VECTORS_BITS */
    uint64_t n_steps;     /* 0: WF_TOKEN_VECTORS_STEPS */
    uint64_t seed;
    /* Now and then; NULL: nobody listens. */
    void (*on_step)(void *ud, uint64_t i, uint64_t n, double loss);
    void *ud;
};

/* By the section [task embed] of an experiment: fits, chooses the table's share by what is kept
 * aside, measures and writes. Errors: NOENT (no such section), INVAL (width, bits), FORMAT (a lens
 * without embeddings), those of sources, lens and writing, NOMEM. */
int wf_token_vectors_fit(struct wf_conf *conf, const struct wf_token_vectors_job *job,
                         struct wf_token_vectors_report *out, struct wf_err *err) WF_MUST_USE;

#endif
