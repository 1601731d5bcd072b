/* HTTP: the server of docs/api.md and of the web app, on a listener that it is handed.
 *
 * One thread runs the event loop (libwebsockets) and parses; a team of workers runs the operations,
 * another one waits for models, so that many who do starve nobody else.
 * The server opens no socket and no file: the listener is inherited, the app is in the program. */
#ifndef WF_HTTP_HTTP_H
#define WF_HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "op/op.h"

struct wf_http;

struct wf_http_options {
    struct wf_op_context *ops; /* borrowed until free */
    int listen_fd;             /* bound and listening TCP socket; borrowed */
    const char *host;          /* numeric address it is bound to */
    uint16_t port;             /* its port, for the Host and Origin checks and for links */
    const char *token;         /* hex text that guards everything below /weft/; copied */
    const char *origins;       /* of pages elsewhere that may use weft with a token, with spaces
                                  or commas between; NULL: none; copied */
    const char *first_code;    /* the code of the first one-time link, or NULL; copied */
    int lan_fd; /* what listeners for phones come over (http/lan.h); < 1: none; borrowed */
    const char *spool_dir; /* folder for uploads on their way; borrowed until free */
    size_t n_workers;      /* 0 = as many as processors, at least 2 */
    size_t n_generators;   /* requests to models at once; 0 = WF_LIMIT_HTTP_GENERATIONS */
    struct wf_log *log;    /* may be NULL */
};

/* Makes the server; it serves once wf_http_run is called. Errors: WF_E_NOMEM, WF_E_IO. */
int wf_http_new(const struct wf_http_options *o, struct wf_http **out,
                struct wf_err *err) WF_MUST_USE;

/* Serves until wf_http_stop; then lets running requests finish (5 s at most) and returns.
 * Thread: the one that made it. */
int wf_http_run(struct wf_http *h, struct wf_err *err) WF_MUST_USE;

/* Asks wf_http_run to end. Thread: any; also from a signal handler. */
void wf_http_stop(struct wf_http *h);

/* Requests that wait for a worker or are with one. Thread: any. */
size_t wf_http_load(struct wf_http *h);

/* Frees all; NULL is a no-op. After wf_http_run has returned. */
void wf_http_free(struct wf_http *h);

/* A new one-time code for /open/CODE, valid for a day or until it is used. Thread: any. */
#define WF_HTTP_CODE_HEX_LEN 32
void wf_http_new_code(struct wf_http *h, char out[WF_HTTP_CODE_HEX_LEN + 1]);

#endif
