/* Client: a conversation with the core of a home, over its local socket.
 *
 * When no daemon runs there, a core is started for this conversation alone and ends with it.
 *
 * The conversation (frames of os/sock.h, JSON payloads):
 *   core -> client  {"hello":{"version":"0.1.0"}} or {"error":{"code":"BUSY","message":"..."}}
 *   client -> core  {"op":NAME,"params":{...}}          a descriptor may travel with it
 *   core -> client  {"event":NAME,"data":{...}}         any number
 *   core -> client  {"result":{...}} or {"error":{"code","message"}}
 * and so on, one operation at a time. {"cancel":true} from the client ends the one that runs early:
 * its result or error comes as ever; once it has ended, it means nothing. The operation "add" is a
 * dialogue of its own: add.h. Thread rule: owner. */
#ifndef WF_DAEMON_CLIENT_H
#define WF_DAEMON_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "daemon/home.h"

struct wf_client;

struct wf_client_options {
    const char *program; /* the weft program, to start a core with; NULL = only a running daemon */
    bool make_home;      /* make the home when missing; else a missing home is WF_E_NOENT */
    bool has_labels;     /* a core that is started can say how sensitive a text is (30 ms more) */
    bool is_apart;       /* a core that is started hears no Ctrl-C of the terminal */
};

/* Connects, or starts a core. Errors: WF_E_NOENT (no home), WF_E_BUSY (another weft holds the home
 * and does not answer), those of the core's start. */
int wf_client_open(const struct wf_home *home, const struct wf_client_options *o,
                   struct wf_client **out, struct wf_err *err) WF_MUST_USE;

/* Starts a core without a home, for operations that keep nothing (summarize of a descriptor); of
 * `home` it only knows the settings, if there are any. */
int wf_client_open_bare(const struct wf_home *home, const char *program, struct wf_client **out,
                        struct wf_err *err) WF_MUST_USE;

/* Ends the conversation and waits for a core of its own to end. NULL is a no-op. */
void wf_client_close(struct wf_client *c);

/* True when it talks to a core of its own, no daemon. */
bool wf_client_is_own(const struct wf_client *c);

/* Called for each event; `data` is borrowed. A value other than 0 ends the conversation with
 * WF_E_CANCELED. */
typedef int (*wf_client_event_fn)(void *ud, const char *event, const json_t *data);

/* Runs one operation. `params` is borrowed (NULL = {}), `fd` is -1 or a descriptor to hand over,
 * fn may be NULL. Once *stop_fd (NULL: none) can be read, the operation is told to end early.
 * *out_result is a new reference. Errors: the operation's own, with its sentence; WF_E_CRASHED when
 * the core went away. */
struct wf_client_call {
    const char *op;
    json_t *params;
    int fd; /* -1 = none */
    wf_client_event_fn fn;
    void *ud;
    const int *stop_fd;
};
int wf_client_run(struct wf_client *c, const struct wf_client_call *call, json_t **out_result,
                  struct wf_err *err) WF_MUST_USE;

/* The raw dialogue, for add.h: sends one object (borrowed; fd -1 or a descriptor), receives one
 * (new reference). */
int wf_client_send(struct wf_client *c, json_t *frame, int fd, struct wf_err *err) WF_MUST_USE;
int wf_client_recv(struct wf_client *c, json_t **out_frame, struct wf_err *err) WF_MUST_USE;

/* Waits until an object can be received (true), or one of up to WF_CLIENT_SEND_BYTES be sent
 * without waiting for the other side to read (false). A side that is gone can be received from. */
bool wf_client_wait(struct wf_client *c);
#define WF_CLIENT_SEND_BYTES ((size_t)96 << 10)

/* The error that an {"error":...} object carries, into err; returns its code. */
int wf_client_error(const json_t *error, struct wf_err *err);

#endif
