/* Optimiser: AdamW over the network's flat arrays (Loshchilov and Hutter, 2019), and with
 * `uses_muon` Muon (train/muon.h) for the matrices of its layers.
 *
 * Gradients are clipped by the norm of all of them together; weights decay only where the tensor's
 * table says so. A gradient that is not finite changes nothing and is told. Results depend on the
 * numbers alone, not on the number of threads. Threads: owner. */
#ifndef WF_TRAIN_OPTIMISER_H
#define WF_TRAIN_OPTIMISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/gemm.h"
#include "os/gang.h"
#include "train/net.h"

struct wf_optimiser_options {
    double beta1, beta2, eps;
    double decay; /* of a weight and step, times the rate */
    double clip;  /* the most that the gradients' norm may be; 0: any */
    bool uses_muon;
    double momentum; /* of Muon */
};

struct wf_optimiser;

/* For these tensors (borrowed for its life) over arrays of n_values. *out is owned by the caller.
 * Errors: NOMEM. */
int wf_optimiser_new(const struct wf_optimiser_options *o, const struct wf_net_tensor *tensors,
                     size_t n_tensors, size_t n_values, struct wf_optimiser **out,
                     struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_optimiser_free(struct wf_optimiser *a);

/* The first and second moments [n_values], and how many updates there were: for checkpoints. Muon's
 * momentum lies in the first. */
float *wf_optimiser_first(struct wf_optimiser *a);
float *wf_optimiser_second(struct wf_optimiser *a);
uint64_t *wf_optimiser_count(struct wf_optimiser *a);

/* One tensor's rate is that of the others times this from now on; 0: it stays as it is, and its
 * gradients do not count for the norm. 1 at first. */
void wf_optimiser_set_factor(struct wf_optimiser *a, size_t i_tensor, float factor);

/* What a step works with: the network's. */
struct wf_optimiser_means {
    struct wf_gang *gang;
    struct wf_gemm_room *room;
    enum wf_gemm_kind kind;
};

/* Updates values [n_values] by grads [n_values]. *out_norm is the gradients' norm before clipping.
 * False, and nothing changed, when that is not finite. */
bool wf_optimiser_step(struct wf_optimiser *a, const struct wf_optimiser_means *means, double rate,
                       const float *grads, float *values, double *out_norm) WF_MUST_USE;

#endif
