/* Memory: how much of the machine's is there for the taking. */
#ifndef WF_OS_MEMORY_H
#define WF_OS_MEMORY_H

#include <stdint.h>

/* Bytes that this process may still take without pushing others out: what the system calls
 * available, and no more than its control group allows. 0 when it cannot be told. Thread: any. */
uint64_t wf_memory_available(void);

/* Files and folders that the function above reads, ended by NULL: for sandboxes. Static storage. */
const char *const *wf_memory_files(void);

#endif
