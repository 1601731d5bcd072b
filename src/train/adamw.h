/* AdamW: the optimiser, over the network's flat arrays (Loshchilov and Hutter, 2019).
 *
 * Gradients are clipped by the norm of all of them together; weights decay only where the tensor's
 * table says so. A gradient that is not finite changes nothing and is told. Results depend on the
 * numbers alone, not on the number of threads. Threads: owner. */
#ifndef WF_TRAIN_ADAMW_H
#define WF_TRAIN_ADAMW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/gang.h"
#include "train/net.h"

struct wf_adamw_options {
    double beta1, beta2, eps;
    double decay; /* of a weight and step, times the rate */
    double clip;  /* the most that the gradients' norm may be; 0: any */
};

struct wf_adamw;

/* For these tensors (borrowed for its life) over arrays of n_values. *out is owned by the caller.
 * Errors: NOMEM. */
int wf_adamw_new(const struct wf_adamw_options *o, const struct wf_net_tensor *tensors,
                 size_t n_tensors, size_t n_values, struct wf_adamw **out,
                 struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_adamw_free(struct wf_adamw *a);

/* The first and second moments [n_values], and how many updates there were: for checkpoints. */
float *wf_adamw_first(struct wf_adamw *a);
float *wf_adamw_second(struct wf_adamw *a);
uint64_t *wf_adamw_count(struct wf_adamw *a);

/* One tensor's rate is that of the others times this from now on; 0: it stays as it is, and its
 * gradients do not count for the norm. 1 at first. */
void wf_adamw_set_factor(struct wf_adamw *a, size_t i_tensor, float factor);

/* Updates values [n_values] by grads [n_values]. *out_norm is the gradients' norm before clipping.
 * False, and nothing changed, when that is not finite. */
bool wf_adamw_step(struct wf_adamw *a, struct wf_gang *gang, double rate, const float *grads,
                   float *values, double *out_norm) WF_MUST_USE;

#endif
