/* SPDX-License-Identifier: Apache-2.0 */
/* Products for aarch64: 24 sums, two registers of b, one of a: 27 of 32. */
#ifdef __aarch64__
#include "kern/lanes_neon.h"

#define WF_GEMM_MR 12

#include "kern/gemm_lanes.h"

const struct wf_gemm_isa wf_gemm__neon = WF_GEMM_TABLE("neon");
#endif
