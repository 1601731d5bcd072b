/* Nodes of one owner in one process, with sealed sessions over a network that the test holds in its
 * hand: what is on its way can be looked at, changed, repeated, lost.
 *
 * Any thread may send; one alone runs, connects and cuts. */
#ifndef WF_TESTS_SEALED_WORLD_H
#define WF_TESTS_SEALED_WORLD_H

#include <pthread.h>

#include "base/list.h"
#include "mesh/link.h"
#include "mesh/sealed.h"

#define SEALED_NODES_MAX 3

struct sealed_world;

struct sealed_node {
    size_t i;
    struct sealed_world *world;
    struct wf_signer device;
    struct wf_signer_key device_key;
    uint8_t transport[WF_DEVICES_KEY_BYTES];
    struct wf_sealed *sealed;
    struct wf_link_events events;
    struct wf_devices list;                           /* as this node has it */
    struct wf_devices_entry others[SEALED_NODES_MAX]; /* of other people, that share a space */
    size_t n_others;
    uint64_t peer[SEALED_NODES_MAX]; /* the number of its connection to another; 0: none */
    bool is_closing[SEALED_NODES_MAX];
    unsigned n_busy; /* so many messages it cannot send */
};

/* A message on its way. */
struct sealed_packet {
    struct wf_list node;
    size_t from, to;
    unsigned channel;
    struct wf_buf bytes;
};

/* What a test does with a message on its way; false: it is lost. */
typedef bool sealed_change(void *ud, struct sealed_packet *p);

struct sealed_world {
    struct sealed_node nodes[SEALED_NODES_MAX];
    size_t n_nodes;
    struct wf_signer owner;
    struct wf_signer_key owner_key;
    struct wf_rng_seeded rng;
    struct wf_clock clock;
    int64_t now_ns;
    uint64_t last_peer;
    pthread_mutex_t lock; /* guards the way, and what is about to close */
    struct wf_list way;
    sealed_change *change; /* may be NULL */
    void *ud;
};

/* Nodes "laptop", "box" and "phone", all in the list and cleared for `private`. */
void sealed_world_init(struct sealed_world *w, size_t n_nodes, uint64_t seed);
void sealed_world_end(struct sealed_world *w);

/* Connects two, each seeing the key that the other has. */
void sealed_world_connect(struct sealed_world *w, size_t a, size_t b);
/* The connection is lost. */
void sealed_world_cut(struct sealed_world *w, size_t a, size_t b);
/* Hands over what is on its way until nothing is; the number of messages. */
unsigned sealed_world_run(struct sealed_world *w);
/* Puts a message on its way as if the node's link had. */
void sealed_world_put(struct sealed_world *w, size_t from, size_t to, unsigned channel,
                      struct wf_str bytes);

/* Signs a changed list and gives it to one node, or to all (SIZE_MAX). */
void sealed_world_list(struct sealed_world *w, struct wf_devices *d, size_t to);
void sealed_world_revoke(struct sealed_world *w, const char *name, size_t to);
void sealed_world_clear(struct sealed_world *w, const char *name, enum wf_label clearance);

#endif
