/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables of gradients' arithmetic this processor runs: those whose table of kern.h it runs.
 * Slower ones come first. */
#include "kern/grad.h"

#include "kern/kern.h"

static const struct wf_grad *const all[] = {
    &wf_grad_ref,
#ifdef __aarch64__
    &wf_grad_neon,
#endif
#ifdef __x86_64__
    &wf_grad_avx2,
    &wf_grad_avx512,
#endif
};

const struct wf_grad *wf_grad_at(size_t i)
{
    for (size_t j = 0; j < WF_ARRAY_LEN(all); j++) {
        if (wf_kern_by_name(all[j]->name) != NULL && i-- == 0)
            return all[j];
    }
    return NULL;
}

const struct wf_grad *wf_grad(void)
{
    const struct wf_grad *best = &wf_grad_ref;

    for (size_t j = 0; j < WF_ARRAY_LEN(all); j++)
        best = wf_kern_by_name(all[j]->name) != NULL ? all[j] : best;
    return best;
}
