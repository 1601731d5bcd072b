/* SPDX-License-Identifier: Apache-2.0 */
/* Products of quantised weights with many tokens, AVX2: see avx2_many.h, and
 * kern_avx2_wide.c for those that need more bits. */
#ifdef __x86_64__
#define WF_VNNI 0
#include "kern/avx2_many.h"

#define MULTIPLY(name, has_min, zero, bits, step)                                                  \
    static void multiply_##name(const struct wf_avx2_rows *a, size_t n_tok)                        \
    {                                                                                              \
        wf_many_multiply_all(                                                                      \
            (struct wf_many_kind){wf_x86__load_##name, has_min, zero, bits, step}, a, n_tok);      \
    }
WF_AVX2_TYPES(MULTIPLY)
#undef MULTIPLY

static void multiply_any(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    switch ((enum wf_dtype_id)t->id) {
#define CASE(name, has_min, zero, bits, step)                                                      \
    case WF_DTYPE_##name:                                                                          \
        multiply_##name(a, n_tok);                                                                 \
        break;
        WF_AVX2_TYPES(CASE)
#undef CASE
    case WF_DTYPE_Q8_0:
    case WF_DTYPE_IQ4_NL:
    case WF_DTYPE_IQ4_XS:
        wf_avx2__multiply_wide(t, a, n_tok);
        break;
    case WF_DTYPE_F32:
    case WF_DTYPE_F16:
    case WF_DTYPE_BF16:
        break; /* are multiplied as floats */
    }
}

void wf_avx2__multiply_many(const struct wf_dtype *t, const struct wf_avx2_rows *a, size_t n_tok)
{
    multiply_any(t, a, n_tok);
}
#endif
