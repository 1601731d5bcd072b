/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for aarch64 with dot products of bytes (Armv8.2 and later: phones since 2018): as
 * kern_neon.c, with neon_matmul.h compiled for them. */
#ifdef __aarch64__
#include "kern/neon_internal.h"
#include "kern/neon_matmul.h"

static void matmul(const struct wf_dtype *t, enum wf_act act, const void *w, size_t n_rows,
                   size_t n_in, const void *prepared, size_t n_tok, float *out, size_t ld)
{
    wf_neon__matmul(wf_neon__multiply, t, act, w, n_rows, n_in, prepared, n_tok, out, ld);
}

const struct wf_kern wf_kern_neon_dot =
    WF_NEON_TABLE("neon_dot", 0, wf_neon__act_bytes, wf_neon__act_prepare, matmul);
#endif
