/* GELU (Hendrycks and Gimpel 2016) in its tanh form, at half precision: argument and result are
 * rounded to IEEE half, as the engine does that models of the gemma and bert families are tried
 * with before they are published; beyond 10 it is the identity, below -10 it is 0. One table of all
 * halves. Threads: any. */
#ifndef WF_MODEL_GELU_H
#define WF_MODEL_GELU_H

#include <stddef.h>

#include "kern/kern.h"

/* x[i] = gelu(x[i]) * up[i], n values; `up` NULL stands for ones. */
void wf_gelu(const struct wf_kern *kern, float *x, const float *up, size_t n);

#endif
