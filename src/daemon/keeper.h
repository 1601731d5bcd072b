/* The keeper's process (mesh/keeper.h): may open the folders of the node's and the owner's key, and
 * nothing else; no network, no process. Forked by the supervisor beside each core; ends with it. */
#ifndef WF_DAEMON_KEEPER_H
#define WF_DAEMON_KEEPER_H

#include "base/log.h"
#include "daemon/home.h"

/* Locks itself down and answers over fd until the core is gone. The exit status of the process:
 * 0, or 1 when it could not be locked down. Called while the process has one thread. */
int wf_keeper_run(const struct wf_home *home, struct wf_log *log, int fd) WF_MUST_USE;

#endif
