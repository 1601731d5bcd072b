/* Memory: how much of the machine's is there for the taking, and in how large pages. */
#ifndef WF_OS_MEMORY_H
#define WF_OS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that this process may still take without pushing others out: what the system calls
 * available, and no more than its control group allows. 0 when it cannot be told. Thread: any. */
uint64_t wf_memory_available(void);

/* Asks for large pages where they lie whole within [p, p + bytes), before that memory is touched
 * (madvise(2), MADV_HUGEPAGE): what reads much of it, and above all in virtual machines, else waits
 * for address translation. What cannot be had is left. Thread: any. */
void wf_memory_large(void *p, size_t bytes);

/* Files and folders that the function above reads, ended by NULL: for sandboxes. Static storage. */
const char *const *wf_memory_files(void);

#endif
