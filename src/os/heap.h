/* Heap: prepares the memory of a thread that allocates and touches much of it.
 *
 * glibc gives every thread a heap of its own and grows it page by page. A thread with a working set
 * of tens of megabytes then pays for thousands of page faults and, above all in virtual machines,
 * for address translation: half as much again as its work. Asking for the whole heap at once, in
 * huge pages, costs nothing until it is used. */
#ifndef WF_OS_HEAP_H
#define WF_OS_HEAP_H

#include <stddef.h>

/* Grows the calling thread's heap by about `bytes` and asks for huge pages there (madvise(2),
 * MADV_HUGEPAGE; transparent huge pages may be off: then only the growing is gained). From then on
 * the process keeps up to that much freed memory in a heap, and takes blocks below 4 MB from heaps.
 * Never fails: what cannot be had is left. Thread rule: owner; best before others allocate much. */
void wf_heap_prepare(size_t bytes);

#endif
