/* Link: the process that speaks to other nodes. It holds the transport key, which core cannot read,
 * and bytes that core has sealed before it sees them; what it may connect to is what core tells it.
 * The work is mesh/transport.h's; here are the key, the listeners and the walls. Thread rule:
 * init. */
#ifndef WF_DAEMON_LINK_H
#define WF_DAEMON_LINK_H

#include "base/err.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/home.h"

struct wf_link_process_options {
    const struct wf_home *home;
    const struct wf_config *config;
    struct wf_log *log;
};

/* Opens what it needs, locks itself down, and serves core at `core_fd` (taken over) until that is
 * gone or SIGTERM comes. The process's exit status. */
int wf_link_process_run(const struct wf_link_process_options *o, int core_fd);

/* Link's walls; for wf_link_process_run and for the test that tries to get out. Errors: those of
 * wf_sandbox_enter. */
int wf_link_lock_down(struct wf_err *err) WF_MUST_USE;

#endif
