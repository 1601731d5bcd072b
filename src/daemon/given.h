/* Given: core's side of what goes to other people's devices: airlock, which keeps the ledger, is
 * asked for while a space is shared with somebody, and is told what goes. Thread rule: any. */
#ifndef WF_DAEMON_GIVEN_H
#define WF_DAEMON_GIVEN_H

#include <stdbool.h>

#include "mesh/sharing.h"
#include "route/airlock_link.h"

/* Says by the file whether spaces are shared with other people, which the supervisor looks at: an
 * airlock runs then. Errors: those of making and removing a file. */
int wf_given_want(const char *file, bool is_shared, struct wf_err *err) WF_MUST_USE;

/* Has the airlock write the n things into the ledger (mesh/sharing.h: given), and waits. Errors:
 * those of wf_airlock_given; CRASHED where l is NULL, too. */
int wf_given_write(struct wf_airlock_link *l, struct wf_given *what, size_t n,
                   struct wf_err *err) WF_MUST_USE;

#endif
