/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients' arithmetic with AVX-512 (F, DQ): 16 lanes, what is left of a row by masks. */
#ifdef __x86_64__
#include "kern/lanes_avx512.h"

#include "kern/grad_lanes.h"

const struct wf_grad wf_grad_avx512 = WF_GRAD_TABLE("avx512");
#endif
