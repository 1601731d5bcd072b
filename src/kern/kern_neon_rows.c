/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of float for aarch64 (rows_lanes.h). */
#ifdef __aarch64__
#include "kern/lanes_neon.h"
#include "kern/neon_internal.h"

#include "kern/rows_lanes.h"

WF_ROWS_AS(wf_neon__)
#endif
