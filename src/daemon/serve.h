/* Serve: the core's side of the local socket: one thread a conversation (client.h describes it). */
#ifndef WF_DAEMON_SERVE_H
#define WF_DAEMON_SERVE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "op/op.h"

/* One conversation on `fd` (borrowed) until the client hangs up. Thread: any. */
void wf_serve_conn(struct wf_op_context *ctx, int fd);

/* Conversations on a listener: a thread that accepts, and one for each client, at most
 * WF_SERVE_CONNS_MAX; more are told BUSY. Clients of other users are turned away. */
#define WF_SERVE_CONNS_MAX 64
struct wf_serve;
int wf_serve_start(struct wf_op_context *ctx, int listen_fd, struct wf_serve **out,
                   struct wf_err *err) WF_MUST_USE;
/* Takes no new clients, lets operations that run finish, joins all threads. NULL is a no-op. */
void wf_serve_stop(struct wf_serve *s);

/* ---- between serve.c and serve_add.c ---- */

/* Sends one object (taken over; NULL is out of memory) to the client. Thread: any, one at a time.
 */
int wf_serve__send(int fd, json_t *frame, struct wf_err *err) WF_MUST_USE;
/* Receives one object; *out_frame is NULL at the end of the conversation. */
int wf_serve__recv(int fd, struct wf_buf *in, json_t **out_frame, int *out_fd,
                   struct wf_err *err) WF_MUST_USE;
/* The dialogue of daemon/add.h, after its first frame; sends the result or error itself. A result
 * other than 0 ends the conversation. */
int wf_serve__add(struct wf_op_context *ctx, int fd, struct wf_buf *in, const json_t *params,
                  struct wf_err *err) WF_MUST_USE;
/* {"error":{...}} of err; NULL out of memory. */
json_t *wf_serve__error(const struct wf_err *err);

#endif
