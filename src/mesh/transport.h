/* Transport: what the process link does, as a loop over descriptors that it is handed: connections
 * to other nodes over TLS and WebSocket on one side, core on the other (mesh/frame.h). It opens no
 * file and binds no socket; what it may connect to is what core tells it to dial.
 *
 *   bound         of what                                      where it is kept
 *   a queue       of each connection and channel, 1 MiB        core, which waits for credit
 *   what came     for core and is not taken: 4 MiB              no connection is read until then
 *   strangers     8 at once, 2 of an address, 64 kB, 5 minutes  ended
 *   handshakes    64 at once, 8 of an address, 10 s             not accepted, or ended
 *   new ones      30 of an address, then one in 2 s; of all     not accepted
 *                 1,100, then 50 a second; strangers 30, then
 *                 one in 2 s
 *
 * Between channels of a connection pieces of at most 16 kB take turns, so that presence waits for
 * three such pieces of a sync, and no longer. Thread rule: owner, but for wf_transport_stop. */
#ifndef WF_MESH_TRANSPORT_H
#define WF_MESH_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "mesh/frame.h"

#define WF_TRANSPORT_LISTENERS 2

/* Milliseconds; 0: the usual ones, which stand behind. */
struct wf_transport_times {
    int64_t connect_ms;   /* for one address to answer: 6,000 */
    int64_t handshake_ms; /* from a connection to its first message: 10,000 */
    int64_t ping_ms;      /* of silence until it is asked whether it is there: 30,000 at first */
    int64_t ping_max_ms;  /* up to 240,000, by half more after each answer */
    int64_t pong_ms;      /* for that answer: 15,000 */
};

struct wf_transport_options {
    const uint8_t *seed; /* of the transport key; borrowed for the call */
    int core_fd;         /* taken over; its end is the transport's */
    /* Bound and listening, numeric; -1: none. Borrowed. */
    int listen_fds[WF_TRANSPORT_LISTENERS];
    uint16_t port;               /* of the listeners; 0: none */
    const char *listen_problem;  /* why there is none; NULL or empty: nothing is wrong */
    int netlink_fd;              /* mesh/netlink.h; -1: changes of the network are not seen */
    const struct wf_mdns *mdns;  /* mesh/mdns.h; NULL: nobody is looked for. Borrowed */
    unsigned accepts_of_address; /* how many before the pace counts; 0: 30 */
    struct wf_transport_times times;
    struct wf_log *log; /* may be NULL */
};

struct wf_transport;

/* Errors: NOMEM, UNSUPPORTED, IO; core_fd is closed then, too. */
int wf_transport_new(const struct wf_transport_options *o, struct wf_transport **out,
                     struct wf_err *err) WF_MUST_USE;
/* Serves until core is gone or lies, or wf_transport_stop. */
void wf_transport_run(struct wf_transport *t);
/* Ends wf_transport_run soon. Thread: any; also from a signal's handler. */
void wf_transport_stop(struct wf_transport *t);
/* Tests: all transports of this process find, when they next wake, that the machine has slept so
 * long. Thread: any. */
void wf_transport_sleep(int64_t ns);
/* Frees; NULL is a no-op. */
void wf_transport_free(struct wf_transport *t);

#endif
