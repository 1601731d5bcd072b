/* Reminding: the daemon's thread that tells reminders when they are due, also those whose moment
 * came while it did not run. Thread rule: owner. */
#ifndef WF_DAEMON_REMINDING_H
#define WF_DAEMON_REMINDING_H

#include "base/err.h"
#include "op/op.h"

struct wf_reminding;

/* Starts the thread, and has ctx wake it when reminders change. ctx must outlive it. Errors: NOMEM,
 * BUSY (no room for a thread). */
int wf_reminding_start(struct wf_op_context *ctx, struct wf_reminding **out,
                       struct wf_err *err) WF_MUST_USE;

/* Ends and joins the thread. NULL is a no-op. */
void wf_reminding_stop(struct wf_reminding *r);

#endif
