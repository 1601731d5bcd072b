/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for x86-64 with AVX2 and dot products of bytes for 256 bits (AVX-VNNI): AVX2's, but for
 * products with many tokens (avx2_many.h). */
#ifdef __x86_64__
#define WF_VNNI 1
#define WF_DPBUSD _mm256_dpbusd_avx_epi32
#include "kern/avx2_many.h"

#define MULTIPLY(name, has_min, zero, bits, step)                                                  \
    static void multiply_##name(const struct wf_avx2_rows *a, size_t n_tok)                        \
    {                                                                                              \
        wf_many_multiply_all(                                                                      \
            (struct wf_many_kind){wf_x86__load_##name, has_min, zero, bits, step}, a, n_tok);      \
    }
WF_AVX2_TYPES(MULTIPLY)
WF_AVX2_WIDE_TYPES(MULTIPLY)
#undef MULTIPLY

static void multiply_any(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    switch ((enum wf_dtype_id)t->id) {
#define CASE(name, has_min, zero, bits, step)                                                      \
    case WF_DTYPE_##name:                                                                          \
        multiply_##name(a, n_tok);                                                                 \
        break;
        WF_AVX2_TYPES(CASE)
        WF_AVX2_WIDE_TYPES(CASE)
#undef CASE
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break; /* are multiplied as floats */
    }
}

void wf_avxvnni__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    multiply_any(t, a, n_tok);
}
#endif
