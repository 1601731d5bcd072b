/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables of kernels this processor runs. */
#include "kern/kern.h"

#include <string.h>

static const struct wf_kern *const tables[] = {
    &wf_kern_ref,
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

const struct wf_kern *wf_kern_at(size_t i)
{
    return i < N_TABLES ? tables[i] : NULL;
}

const struct wf_kern *wf_kern(void)
{
    return tables[N_TABLES - 1];
}

const struct wf_kern *wf_kern_by_name(const char *name)
{
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        if (strcmp(wf_kern_at(i)->name, name) == 0)
            return wf_kern_at(i);
    }
    return NULL;
}
