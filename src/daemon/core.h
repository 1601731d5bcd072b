/* Core: the process that holds the data and answers. Locked down before it reads a byte of
 * anyone's: it writes the home's data folder only, and can reach no network.
 *
 * It runs in two ways: below the daemon's supervisor, with listeners; or for one command, with one
 * connected socket, and ends when that closes. */
#ifndef WF_DAEMON_CORE_H
#define WF_DAEMON_CORE_H

#include <stdint.h>

#include "base/err.h"
#include "daemon/config.h"
#include "daemon/home.h"

struct wf_core_options {
    const struct wf_home *home; /* NULL: keeps nothing, can only summarize what it is handed */
    const struct wf_config *config;
    const char *program;    /* beside which lens is looked for; NULL: nowhere */
    int conn_fd;            /* one connected local socket, or -1 */
    int unix_fd;            /* listener of local sockets, or -1 */
    int http_fd;            /* listener of HTTP, or -1 */
    uint16_t http_port;     /* of http_fd */
    int airlock_fd;         /* listener over which airlocks come (route/airlock_link.h), or -1 */
    int link_fd;            /* listener over which links come (mesh/link.h), or -1 */
    int lan_fd;             /* what listeners for phones come over (daemon/lan.h), or -1 */
    int keeper_fd;          /* of the process that keeps the keys (mesh/keeper.h), or -1; taken */
    const char *token;      /* for http_fd */
    const char *first_code; /* of the first one-time link, or NULL */
    bool has_labels;        /* of one command: what it writes is looked at for its label */
    int ready_fd;           /* one byte is written here once requests are answered; -1 = none */
};

/* Serves until the connection closes or SIGTERM comes, then closes the store cleanly. Must be
 * called while the process has one thread. Errors: those of the start; told to conn_fd as well. */
int wf_core_run(const struct wf_core_options *o, struct wf_err *err) WF_MUST_USE;

/* The core's walls, before it reads a byte of anyone's; for wf_core_run and for the test that tries
 * to get out. `home` may be NULL; `lens` is a file that may be read, or empty. Errors: those of
 * wf_sandbox_enter. Thread: init. */
int wf_core_lock_down(const struct wf_home *home, const char *lens, struct wf_err *err) WF_MUST_USE;

/* Tells the client at `fd` that no core can be had, and why. */
void wf_core_refuse(int fd, const struct wf_err *why);

#endif
