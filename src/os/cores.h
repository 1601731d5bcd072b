/* Cores: which processors are worth a thread of arithmetic each. From sysfs
 * (Documentation/ABI/testing/sysfs-devices-system-cpu). */
#ifndef WF_OS_CORES_H
#define WF_OS_CORES_H

#include <stddef.h>

/* Looks below `root` ("/sys") at the processors that this process may run on; before a sandbox
 * forbids it. Thread: init. */
void wf_cores_look(const char *root);

/* Fast cores: processors that share one count once, since its arithmetic does not become more; of
 * unlike cores (big and little, performance and efficiency) those that reach three quarters of the
 * fastest, since the others would be waited for. As many as processors where nothing is known, or
 * nobody has looked. At least 1. Thread: any. */
size_t wf_cores_fast(void);

#endif
