/* The transport's parts: the loop and core (transport.c), connections (transport_peer.c), their
 * messages (transport_message.c), dialling (transport_dial.c), and looking about
 * (transport_around.c). Thread rule: owner. */
#ifndef WF_MESH_TRANSPORT_INTERNAL_H
#define WF_MESH_TRANSPORT_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "mesh/gate.h"
#include "mesh/tls.h"
#include "mesh/transport.h"
#include "mesh/ws.h"

#define WF_NS_PER_MS INT64_C(1000000)
#define WF_NS_PER_S INT64_C(1000000000)
#define WF_LINK_STRANGER_NS (WF_LINK_STRANGER_S * WF_NS_PER_S)
/* What one TLS record holds at most. */
#define WF_TRANSPORT_RECORD_BYTES 16384u
#define WF_TRANSPORT_BUCKETS 256
/* The addresses of one name that are tried. */
#define WF_TRANSPORT_TRIES 6
#define WF_TRANSPORT_NAMES 8

/* Whom an event of a descriptor is for. */
struct wf_transport_handler {
    void (*fn)(struct wf_transport_handler *h, uint32_t events);
};

struct wf_transport_listener {
    struct wf_transport_handler h;
    struct wf_transport *t;
    int fd;
};

/* resolving -> connecting -> tls -> upgrade -> hello -> open -> lingering -> dead; from each of
 * them to dead. Accepted ones begin at tls. */
enum wf_peer_state {
    WF_PEER_RESOLVING,
    WF_PEER_CONNECTING,
    WF_PEER_TLS,
    WF_PEER_UPGRADE,
    WF_PEER_HELLO,
    WF_PEER_OPEN,
    WF_PEER_LINGERING, /* nothing is read or sent any more: the other gets what was said last */
    WF_PEER_DEAD,      /* freed at the end of the turn */
};

/* A message from core that waits. */
struct wf_peer_message {
    struct wf_list node;
    size_t len, at;
    char bytes[];
};

struct wf_peer_queue {
    struct wf_list messages;
    size_t n_bytes;      /* of whole messages */
    size_t n_credit;     /* bytes that left, and core was not told yet */
    struct wf_buf whole; /* the message that is coming in */
};

struct wf_peer {
    struct wf_transport_handler h; /* first: found from it */
    struct wf_list node, by_id, ready;
    struct wf_transport *t;
    uint64_t id;
    int fd;
    SSL *ssl;
    enum wf_peer_state state;
    bool is_dialled, has_pin, is_paired, is_told; /* is_told: core has had its UP */
    bool is_blocked;                              /* the socket takes no more */
    bool is_held;                                 /* not read: core is slow */
    bool is_pinged;                               /* and has not answered */
    uint32_t watched;                             /* events */
    enum wf_link_reason refusal;                  /* what the judge said */
    uint8_t pin[WF_LINK_KEY_BYTES], key[WF_LINK_KEY_BYTES];
    uint8_t nonce[WF_WS_NONCE_BYTES];
    struct sockaddr_storage address;
    char address_text[64];
    char host[WF_LINK_ADDRESS_BYTES + 1]; /* as it was dialled */
    struct sockaddr_storage tries[WF_TRANSPORT_TRIES];
    size_t n_tries, i_try;
    int64_t due_ns;   /* when the state's patience ends; open: when to look again */
    int64_t until_ns; /* a stranger's end */
    int64_t heard_ns, pinged_ns, ping_ns;
    size_t stranger_bytes;
    struct wf_buf in, out;
    size_t out_at;
    unsigned next_channel;
    struct wf_peer_queue queues[WF_LINK_CHANNEL_COUNT];
    int64_t skew_ms;
};

/* A name that is being looked up, by a thread of its own. */
struct wf_transport_name {
    struct wf_transport *t;
    struct wf_list node; /* among those that are done */
    pthread_t thread;
    uint64_t id; /* of the connection */
    char host[WF_LINK_ADDRESS_BYTES + 1], port[8];
    struct sockaddr_storage found[WF_TRANSPORT_TRIES];
    size_t n_found;
};

struct wf_transport {
    struct wf_tls tls;
    struct wf_log *log;
    struct wf_transport_times times;
    int epoll_fd, timer_fd, wake_fd, core_fd, netlink_fd;
    int listen_fds[WF_TRANSPORT_LISTENERS];
    uint16_t port;
    struct wf_transport_handler core_h, timer_h, wake_h, netlink_h, mdns_h;
    struct wf_transport_listener listeners[WF_TRANSPORT_LISTENERS];
    _Atomic bool is_stopped;
    bool is_over;      /* core is gone, or lies */
    bool is_pairing;   /* strangers may come */
    bool is_deaf;      /* nothing is accepted until listen_ns: no descriptors are left */
    bool is_full;      /* core does not take what came */
    bool core_writes;  /* its socket is watched for room */
    int64_t now_ns;    /* of this turn; it goes on while the machine sleeps */
    int64_t next_ns;   /* when something is due; never later than that */
    int64_t armed_ns;  /* what the timer was set to */
    int64_t asleep_ns; /* how long the machine had slept when last looked at */
    int64_t listen_ns;
    uint64_t last_id;                   /* of accepted ones: odd numbers; core's are even */
    uint8_t (*pins)[WF_LINK_KEY_BYTES]; /* sorted */
    size_t n_pins;
    struct wf_list peers, dead, ready, by_id[WF_TRANSPORT_BUCKETS];
    size_t n_peers, n_lingering;
    size_t whole_bytes;                         /* of messages that are coming in */
    struct wf_gate gate, stranger_gate;         /* of each address */
    struct wf_gate all_gate, all_stranger_gate; /* of all together: one bucket each */
    struct wf_buf core_in, core_out;
    size_t core_out_at;
    struct wf_buf addresses; /* as core was told */
    /* names */
    pthread_mutex_t names_lock; /* guards `names` */
    struct wf_list names;       /* done, to be taken */
    size_t n_names;             /* threads that are not joined */
    const struct wf_mdns *mdns;
    struct wf_transport_around *around;
};

/* ---- transport.c ---- */

/* A frame for core; what it cannot take ends the transport. */
void wf_transport__tell(struct wf_transport *t, const struct wf_link_frame *f);
/* Something is due at that time. */
void wf_transport__due(struct wf_transport *t, int64_t at_ns);
/* Whether a key is paired. */
bool wf_transport__is_allowed(const struct wf_transport *t, const uint8_t key[WF_LINK_KEY_BYTES]);
/* The connection of that number, or NULL. */
struct wf_peer *wf_transport__find(struct wf_transport *t, uint64_t id);

/* ---- transport_peer.c ---- */

/* A connection in a state, without a socket; NULL without memory. */
struct wf_peer *wf_peer__new(struct wf_transport *t, uint64_t id, enum wf_peer_state state);
/* Takes over a socket that is connected (or being so) and begins what the state has. */
void wf_peer__begin(struct wf_peer *p, int fd, enum wf_peer_state state);
/* Does what can be done now. */
void wf_peer__pump(struct wf_peer *p);
/* Ends it: tells the other as far as it can, and core. words may be NULL. */
void wf_peer__drop(struct wf_peer *p, enum wf_link_reason reason, const char *words);
/* What its time asks for; when to look again is in due_ns. */
void wf_peer__look(struct wf_peer *p);
/* Asks an open one whether it is there, at once. */
void wf_peer__probe(struct wf_peer *p);
/* Frees one that is dead. */
void wf_peer__free(struct wf_peer *p);
/* A socket's usual options. */
void wf_peer__options(int fd);
/* "HOST:PORT" of an address. */
void wf_peer__name(const struct sockaddr_storage *a, char *out, size_t out_bytes);
/* The judge of the handshake: ud is the connection. */
enum wf_link_reason wf_peer__judge(void *ud, const uint8_t *key);
/* Whether one that came to be paired, as it says or does not, may stay now: CLOSED, and its time
 * begins; else why not, which core hears. Of paired ones there are few: they are not counted. */
enum wf_link_reason wf_transport__stranger(struct wf_peer *p, bool says_so);

/* ---- transport_message.c ---- */

/* Puts frames of what waits behind what is to be sent, as much as makes sense. */
void wf_peer__fill(struct wf_peer *p);
/* A message from core. False: core lies. */
bool wf_peer__queue(struct wf_peer *p, unsigned channel, struct wf_str bytes);
/* A piece that came. 0, or why the connection is to be ended. */
enum wf_link_reason wf_peer__piece(struct wf_peer *p, struct wf_str piece);
/* Says hello. */
void wf_peer__hello(struct wf_peer *p);
/* Says where this node listens, to one that is paired. */
void wf_peer__addresses(struct wf_peer *p);
/* A control frame of WebSocket's. */
void wf_peer__control(struct wf_peer *p, enum wf_ws_op op, struct wf_str payload);
/* Frees what waits. */
void wf_peer__forget(struct wf_peer *p);

/* ---- transport_dial.c ---- */

/* What core asks for. */
void wf_transport__dial(struct wf_transport *t, const struct wf_link_frame *f);
/* The next address, where this one failed; false: there is none. */
bool wf_peer__next_try(struct wf_peer *p);
/* The socket says whether it is connected. */
void wf_peer__connected(struct wf_peer *p);
/* Names that were looked up. */
void wf_transport__named(struct wf_transport *t);
/* Waits for their threads. */
void wf_transport__end_names(struct wf_transport *t);

/* ---- transport_around.c ---- */

/* Addresses of this machine, and others near (mDNS). */
int wf_transport__around_new(struct wf_transport *t, struct wf_err *err) WF_MUST_USE;
void wf_transport__around_free(struct wf_transport *t);

/* What is due; the next time is asked for. */
void wf_transport__around_look(struct wf_transport *t);
/* Core asks for others, or the keys have changed. */
void wf_transport__around_ask(struct wf_transport *t);
/* The machine slept. */
void wf_transport__around_woke(struct wf_transport *t);

#endif
