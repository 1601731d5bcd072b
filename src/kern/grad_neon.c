/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients' arithmetic for aarch64: 4 lanes, what is left of a row through a buffer. */
#ifdef __aarch64__
#include "kern/lanes_neon.h"

#include "kern/grad_lanes.h"

const struct wf_grad wf_grad_neon = WF_GRAD_TABLE("neon");
#endif
