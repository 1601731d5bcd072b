/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients' arithmetic with AVX2 and FMA: 8 lanes, what is left of a row by masks. */
#ifdef __x86_64__
#include "kern/lanes_avx2.h"

#include "kern/grad_lanes.h"

const struct wf_grad wf_grad_avx2 = WF_GRAD_TABLE("avx2");
#endif
