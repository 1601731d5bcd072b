/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float with AVX-512 (rows_lanes.h). The others are kern_avx2.c's. */
#ifdef __x86_64__
#include "kern/avx512_internal.h"
#include "kern/lanes_avx512.h"

#include "kern/rows_lanes.h"

WF_ROWS_AS(wf_avx512__)
#endif
