/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float with AVX2 (rows_lanes.h). */
#ifdef __x86_64__
#include "kern/avx2_internal.h"
#include "kern/lanes_avx2.h"

#include "kern/rows_lanes.h"

WF_ROWS_AS(wf_avx2__)
#endif
