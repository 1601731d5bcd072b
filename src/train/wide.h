/* Wide: the n-grams of texts as rows of a matrix that learn beside the network, and what they add
 * to a head's scores: low-rank, so that it stays small (see model/lens_ngram.h, which says the
 * form). Threads: owner. */
#ifndef WF_TRAIN_WIDE_H
#define WF_TRAIN_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "train/net.h"

struct wf_wide;

/* None yet; n_buckets a power of two. *out is owned by the caller. Errors: NOMEM. */
int wf_wide_new(uint32_t n_buckets, struct wf_wide **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_wide_free(struct wf_wide *w);

/* The n-grams of the side's next text; texts are numbered from 0. Errors: NOMEM. */
int wf_wide_add(struct wf_wide *w, bool is_dev, struct wf_str text, struct wf_err *err) WF_MUST_USE;

/* The two matrices, of the network that learns. */
struct wf_wide_head {
    const struct wf_net_tensor *embed;  /* [n_buckets, n_dims] */
    const struct wf_net_tensor *weight; /* [n_labels, n_dims] */
};

/* What the n texts `which` add to scores: out [n, n_labels]. With `dropout` above 0 that part of
 * n-grams is left out, by the seed. What is computed is kept for wf_wide_backward. Errors: NOMEM.
 */
int wf_wide_forward(struct wf_wide *w, struct wf_net *net, const struct wf_wide_head *h,
                    bool is_dev, const uint32_t *which, size_t n, double dropout, uint64_t seed,
                    float *out, struct wf_err *err) WF_MUST_USE;

/* Adds to the matrices' gradients what d_scores [n, n_labels] of the last forward say. */
void wf_wide_backward(struct wf_wide *w, struct wf_net *net, const struct wf_wide_head *h,
                      const float *d_scores);

#endif
