/* SPDX-License-Identifier: Apache-2.0 */
/* Products with AVX2 and FMA: 12 sums, two registers of b, one of a: 15 of 16. */
#ifdef __x86_64__
#include "kern/lanes_avx2.h"

#define WF_GEMM_MR 6

#include "kern/gemm_lanes.h"

const struct wf_gemm_isa wf_gemm__avx2 = WF_GEMM_TABLE("avx2");
#endif
