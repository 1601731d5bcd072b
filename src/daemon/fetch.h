/* Fetch: the processes that may reach the internet, and the core's way to them.
 *
 * A spawner is forked before the core is locked down; it holds nothing and parses nothing. For each
 * download it forks a process that can do this only: connect as a client, and write into the one
 * folder of that download (HOME/data/models/incoming/ID). The core gets a socket to that process,
 * over which it hears what there is and how far it is; the socket closes when the process is gone
 * for good, so that nobody writes to the files any more when the core looks at them.
 *
 * On that socket (frames of os/sock.h, JSON):
 *   core -> fetch   the request, with the spawner's help: {name, registry, hub, token, digest}
 *   fetch -> core   {"plan":{name, source, family, files:[{digest, bytes, file}], extra,
 * projector}} core -> fetch   {"have":[true or false for each file]} the true ones are left out
 *   fetch -> core   {"progress":{done, all}}             any number
 *   fetch -> core   {"done":true} or {"error":{code, message}}, then the end
 * A core that closes the socket ends the download; what came stays in the folder for the next try.
 * Thread rule: any, but for the spawner's start (init). */
#ifndef WF_DAEMON_FETCH_H
#define WF_DAEMON_FETCH_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* Hex digits of a download's folder. */
#define WF_FETCH_ID_LEN 16

struct wf_fetch_options {
    const char *incoming; /* folder of the downloads' folders */
    const char *ca_file;  /* certificates of authorities instead of the system's; or NULL */
};

/* Forks the spawner; *out_fd is the caller's end of its socket, whose close ends it. Errors: IO,
 * NOMEM, and what else the system says. Thread: init. */
int wf_fetch_spawn(const struct wf_fetch_options *o, int *out_fd, struct wf_err *err) WF_MUST_USE;

struct wf_fetch_client;

/* Takes spawner_fd over, also on failure. Errors: NOMEM. */
int wf_fetch_client_new(int spawner_fd, struct wf_fetch_client **out,
                        struct wf_err *err) WF_MUST_USE;
/* Ends the spawner; downloads under way end with their sockets. NULL is a no-op. */
void wf_fetch_client_free(struct wf_fetch_client *c);

/* Starts a download into the folder `id` (which exists). *out_fd is the caller's, for
 * wf_fetch_end. Errors: BUSY (that download is under way already), INVAL (the id), IO, LIMIT. */
int wf_fetch_begin(struct wf_fetch_client *c, const char *id, const json_t *request, int *out_fd,
                   struct wf_err *err) WF_MUST_USE;
/* Closes *io_fd (-1: is closed already) and lets the folder go. */
void wf_fetch_end(struct wf_fetch_client *c, const char *id, int *io_fd);

/* ---- the process itself, for the spawner and for tests ---- */

/* Locks itself down and does what the request says. `fd` is borrowed. Returns the exit code. */
int wf_fetch_run(const struct wf_fetch_options *o, const char *dir, int fd, struct wf_str request);

#endif
