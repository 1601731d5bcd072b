/* Reduce: the one place where the ranks of a training meet.
 *
 * A training over many machines is the same program many times, each with a share of the data; what
 * they must exchange is the sum of gradients and losses, once a step, and that happens here. Today
 * there is one rank, whose sums are its own; an existing engine (Open MPI: MPI_Init in
 * wf_train_ranks_join, MPI_Allreduce in wf_train_reduce) joins by these three functions and nothing
 * else. Threads: owner. */
#ifndef WF_TRAIN_REDUCE_H
#define WF_TRAIN_REDUCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wf_train_ranks {
    uint32_t rank, n_ranks; /* this one of so many; 0 of 1 */
};

/* Joins the others. Errors: none today. */
int wf_train_ranks_join(struct wf_train_ranks *out, struct wf_err *err) WF_MUST_USE;

/* Replaces grads [n_grads] and sums [n_sums] by their sums over all ranks, the same bits on each.
 * Errors: none today. */
int wf_train_reduce(const struct wf_train_ranks *r, float *grads, size_t n_grads, double *sums,
                    size_t n_sums, struct wf_err *err) WF_MUST_USE;

/* Which of all texts is the i-th of this rank. */
uint64_t wf_train_share(const struct wf_train_ranks *r, uint64_t i);

#endif
