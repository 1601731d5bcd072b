/* SPDX-License-Identifier: Apache-2.0 */
/* Heap: one large block is taken, marked and given back, and the heap keeps it.
 *
 * There is no call that grows a heap, and the setting that makes glibc use huge pages is read from
 * the environment only, before main. So, for a moment, large blocks come from heaps instead of
 * mmap(2); freed, the block joins into the heap's free end, which is kept because the trim
 * threshold is higher. It must be one block: many would write their headers into pages that could
 * then be huge no more. */
#include "os/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/config.h"

#define HUGE_BYTES ((uintptr_t)2 << 20)
#define MMAP_THRESHOLD (4 << 20)
/* The address space of a thread's heap. */
#define HEAP_BYTES_MAX ((size_t)56 << 20)

/* Marks the huge pages that lie wholly within p[0..n). */
static void mark(char *p, size_t n)
{
    uintptr_t skip = -(uintptr_t)p & (HUGE_BYTES - 1);
    if (n > skip + HUGE_BYTES) {
        /* A hint: kernels without huge pages refuse it, which changes nothing. */
        (void)madvise(p + skip, (n - skip) & ~(HUGE_BYTES - 1), MADV_HUGEPAGE);
    }
}

void wf_heap_prepare(size_t bytes)
{
    bytes = WF_MIN(bytes, HEAP_BYTES_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, (int)(2 * HEAP_BYTES_MAX)); /* fails for no number */
    (void)mallopt(M_MMAP_THRESHOLD, (int)(2 * HEAP_BYTES_MAX)); /* refused: then mmap, no gain */
    char *p = malloc(bytes); /* not base/alloc.h: it is no memory in use, and no failure */
    if (p != NULL) {
        mark(p, bytes);
    }
    free(p);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
}
