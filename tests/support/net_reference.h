/* The network of train/net.h once more, in float64, written to be read: the oracle of its tests.
 * Forward only; gradients are differences of it, which in float64 hold eight digits. */
#ifndef WF_TESTS_NET_REFERENCE_H
#define WF_TESTS_NET_REFERENCE_H

#include "train/net.h"

struct net_reference {
    const struct wf_params *p;
    const struct wf_net_tensor *tensors; /* [n_tensors] */
    size_t n_tensors;
    double *values; /* [n_values] */
};

/* Hidden states of a batch: out [n_tok, dim]. */
void net_reference_hidden(const struct net_reference *r, const struct wf_net_batch *b, double *out);

#endif
