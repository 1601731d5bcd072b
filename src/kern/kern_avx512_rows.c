/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float with AVX-512 (rows_lanes.h). The others are kern_avx2.c's. */
#ifdef __x86_64__
#include "kern/avx512_internal.h"
#include "kern/lanes_avx512.h"

#define WF_ROWS(name) wf_avx512__##name
#include "kern/rows_lanes.h"
#endif
