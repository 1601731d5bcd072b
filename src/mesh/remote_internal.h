/* What the files of mesh/remote_nodes.h share: the object and its nodes (remote_nodes.c), what they
 * offer (remote_catalog.c), what was asked of them (remote_call.c): an answer (remote_ask.c),
 * vectors and scores of texts (remote_texts.c); answering (remote_serve.c). */
#ifndef WF_MESH_REMOTE_INTERNAL_H
#define WF_MESH_REMOTE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "mesh/remote_message.h"
#include "mesh/remote_nodes.h"
#include "os/thread.h"

#define WF_NODES_NS_PER_MS INT64_C(1000000)

/* A connected node. */
struct wf_nodes_peer {
    struct wf_list node;
    uint64_t id;
    struct wf_devices_entry entry;
    bool has_catalog, offers;
    bool is_untold;                /* it was not told what is offered here */
    struct wf_nodes_place *places; /* [n_places] */
    size_t n_places;
    int64_t ping_ns; /* when it was asked to answer; 0: never */
    uint64_t ping;   /* what it was asked */
    double round_trip_ms;
    uint32_t n_jobs; /* that it asked of this device */
};

/* How fast a model of this device was, of what others asked. */
struct wf_nodes_speed {
    char model[WF_MODEL_NAME_MAX];
    double read_ms, write_ms;
};
#define WF_NODES_SPEEDS 16u

struct wf_nodes {
    struct wf_nodes_options o;
    pthread_t thread; /* tells what is offered */
    struct wf_team *team;
    pthread_mutex_t lock; /* guards all below; sealed's may be taken within */
    pthread_cond_t wake;  /* for the thread */
    pthread_cond_t room;  /* there is room to send again, or somebody is gone */
    pthread_cond_t ended; /* a job is over */
    bool is_ending;
    struct wf_list peers;
    size_t n_peers;
    struct wf_list calls; /* that wait for answers */
    uint32_t last_id;
    struct wf_list jobs; /* that others asked */
    size_t n_jobs;
    size_t incoming_bytes; /* of their requests */
    struct wf_buf catalog; /* as it was told last */
    struct wf_nodes_speed speeds[WF_NODES_SPEEDS];
    size_t next_speed;
};

/* ---- remote_nodes.c; the lock is held ---- */

struct wf_nodes_peer *wf_nodes__peer(struct wf_nodes *n, uint64_t id);
/* Sends a message. Errors: those of wf_sealed_send. */
int wf_nodes__send(struct wf_nodes *n, uint64_t peer, const struct wf_remote_message *m,
                   struct wf_err *err) WF_MUST_USE;
/* The same, waiting for room as long as *is_given_up is false; `ms` at most, 0: as long as it
 * takes. TIMEOUT, CANCELED. */
int wf_nodes__send_waiting(struct wf_nodes *n, uint64_t peer, const struct wf_remote_message *m,
                           const atomic_bool *is_given_up, unsigned ms,
                           struct wf_err *err) WF_MUST_USE;
/* Measures the way to a node, unless that was done a moment ago. */
void wf_nodes__measure(struct wf_nodes *n, struct wf_nodes_peer *p);
void wf_nodes__say_changed(struct wf_nodes *n);

/* ---- remote_catalog.c ---- */

/* Whether this device offers its models. */
bool wf_nodes__offers(struct wf_nodes *n);
/* Appends what it offers, as JSON. The lock is NOT held: it reads files. Errors: NOMEM. */
int wf_nodes__write_catalog(struct wf_nodes *n, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
/* What a node offers. Errors: FORMAT, UNSUPPORTED (a later version), NOMEM. */
int wf_nodes__read_catalog(struct wf_nodes_peer *p, struct wf_str bytes,
                           struct wf_err *err) WF_MUST_USE;
/* Notes how fast a model was; the lock is held. */
void wf_nodes__note_speed(struct wf_nodes *n, const struct wf_gen_usage *u);

/* ---- remote_call.c ---- */

/* A message that waits, with its bytes behind it. */
struct wf_nodes_piece {
    struct wf_list node;
    enum wf_remote_kind kind;
    int code;
    size_t n;
    char bytes[];
};

struct wf_nodes_call {
    struct wf_nodes *n;
    bool (*canceled)(void *ud); /* may be NULL; set it before it is sent */
    void *canceled_ud;
    uint64_t peer;
    uint32_t id;
    char node_name[WF_DEVICES_NAME_BYTES + 1];
    /* Under the lock: */
    struct wf_list node; /* in calls, until it ends */
    struct wf_list pieces;
    size_t waiting_bytes; /* of them, those that take credit */
    size_t used_bytes;    /* that were taken, and no credit given for yet */
    bool is_last_in;      /* DONE or ERROR came: nothing follows */
    bool is_pinned;       /* its owner is being woken */
    bool is_gone;         /* so is the node */
    struct wf_err why_gone;
    struct wf_gen_wake wake; /* fn NULL: nobody is to be called */
    pthread_cond_t changed;
};

/* Whether a node needs credit for such a message. */
static inline bool wf_nodes__has_credit(enum wf_remote_kind kind)
{
    return kind == WF_REMOTE_EVENTS || kind == WF_REMOTE_NUMBERS;
}

/* That something with that label may go there, by the list as it is now. Errors: DENIED, BUSY. */
int wf_nodes__may_see(struct wf_nodes *n, const struct wf_nodes_place *at, enum wf_label label,
                      struct wf_err *err) WF_MUST_USE;
/* The thread rule of a call: owner. It stays where it is. */
void wf_nodes__call_init(struct wf_nodes *n, const struct wf_nodes_place *at,
                         struct wf_nodes_call *out);
/* Sends the request. Errors: BUSY (it is not connected now), TIMEOUT. */
int wf_nodes__call_send(struct wf_nodes_call *c, struct wf_str request,
                        struct wf_err *err) WF_MUST_USE;
/* The next message: 0 with *out (the caller's, wf_free), WF_GEN_LATER where there is somebody to
 * wake (w NULL: it waits). Errors: CANCELED, IO (the node is gone), NOMEM. */
int wf_nodes__call_next(struct wf_nodes_call *c, const struct wf_gen_wake *w,
                        struct wf_nodes_piece **out, struct wf_err *err) WF_MUST_USE;
/* What a node's error is here, which is returned: its own memory and its own callers are not this
 * request's. */
int wf_nodes__call_error(const struct wf_nodes_call *c, const struct wf_nodes_piece *p,
                         struct wf_err *err);
/* Gives it up where it is not over. */
void wf_nodes__call_deinit(struct wf_nodes_call *c);

/* The lock is held from here on, and let go where somebody is woken. */

/* An answer of a node. Errors: FORMAT (it sends what it may not). */
int wf_nodes__take_answer(struct wf_nodes *n, struct wf_nodes_peer *p,
                          const struct wf_remote_message *m, struct wf_err *err) WF_MUST_USE;
/* The node is gone: so are its answers. */
void wf_nodes__fail_calls(struct wf_nodes *n, uint64_t peer, const char *words);

/* ---- remote_serve.c; the lock is held ---- */

/* A request, a piece of one, credit, that it was given up. Errors: FORMAT, LIMIT. */
int wf_nodes__take_asked(struct wf_nodes *n, struct wf_nodes_peer *p,
                         const struct wf_remote_message *m, struct wf_err *err) WF_MUST_USE;
/* Gives up what a node has asked; 0: all of them. */
void wf_nodes__cancel_jobs(struct wf_nodes *n, uint64_t peer);

#endif
