/* Manual: weft's own pages, built into the program, as the first documents of a library. */
#ifndef WF_DAEMON_MANUAL_H
#define WF_DAEMON_MANUAL_H

#include "op/op.h"

/* Takes the manual in when this home does not hold this program's yet (a person who removed it is
 * not given it again before the next version). Waits until the pages are durable; what fails is
 * logged and tried again at the next start. `spool_dir` is a folder the process may write to.
 * Thread: any. */
void wf_manual_offer(struct wf_op_context *ctx, const char *spool_dir);

#endif
