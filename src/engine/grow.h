/* Grow: room in an array that is filled item by item. Only engine/ includes this. */
#ifndef WF_ENGINE_GROW_H
#define WF_ENGINE_GROW_H

#include <stddef.h>

#include "base/alloc.h"
#include "base/err.h"

/* Makes room for n items of item_bytes in *io_items, of which *io_cap there are (0 and NULL at
 * first), by doubling. Errors: NOMEM; nothing changes then. Thread: owner. */
static inline int wf_engine__grow(void **io_items, size_t *io_cap, size_t n, size_t item_bytes)
{
    size_t cap = *io_cap > 0 ? *io_cap : 16;
    void *p;

    while (cap < n)
        cap *= 2;
    if (cap == *io_cap)
        return 0;
    p = wf_realloc_array(*io_items, cap, item_bytes);
    if (p == NULL)
        return WF_E_NOMEM;
    *io_items = p;
    *io_cap = cap;
    return 0;
}

#endif
