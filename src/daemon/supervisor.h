/* Supervisor: `weft up`. Makes the listeners, starts the core and the watcher, restarts what dies,
 * stops cleanly. It parses nothing that comes from outside. */
#ifndef WF_DAEMON_SUPERVISOR_H
#define WF_DAEMON_SUPERVISOR_H

#include "base/err.h"
#include "daemon/config.h"
#include "daemon/home.h"

struct wf_supervisor_options {
    const struct wf_home *home;
    const struct wf_config *config;
    const char *program;       /* path of this program */
    const char *notify_socket; /* NOTIFY_SOCKET, or NULL */
    /* Called once, when requests are answered: prints the address and the one-time link. */
    void (*ready)(void *ud, const char *address, const char *link);
    void *ud;
};

/* Runs until SIGTERM or SIGINT. SIGHUP reads weft.conf anew and restarts the core with it (a
 * running request is finished first). Errors: WF_E_BUSY (another weft holds the home, or the port
 * is taken), WF_E_CRASHED (the core keeps dying), those of the start. Thread: init. */
int wf_supervisor_run(const struct wf_supervisor_options *o, struct wf_err *err) WF_MUST_USE;

#endif
