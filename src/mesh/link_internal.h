/* The core's side of link: the object and its connections (link.c), what comes from the process
 * (link_take.c), what people are shown (link_status.c). Thread rule: as mesh/link.h. */
#ifndef WF_MESH_LINK_INTERNAL_H
#define WF_MESH_LINK_INTERNAL_H

#include <pthread.h>

#include "base/limits.h"
#include "base/list.h"
#include "mesh/discover.h"
#include "mesh/link.h"

#define WF_LINK_KNOCKS 16
#define WF_LINK_BUCKETS 64

/* A connection, also one that is asked for and not there yet. */
struct wf_link_peer {
    struct wf_list node;
    uint64_t id;
    bool is_up, is_paired, is_dialled, has_pin;
    bool is_ours;  /* dialled by discover: events are told once it is up */
    bool is_asked; /* the process was told to dial */
    bool wants_room[WF_LINK_CHANNEL_COUNT];
    size_t waiting[WF_LINK_CHANNEL_COUNT];  /* bytes that were sent and not credited */
    uint8_t key[WF_LINK_KEY_BYTES];         /* up: the other's; dialled with a pin: that */
    char target[WF_LINK_ADDRESS_BYTES + 1]; /* as it was dialled */
    char address[WF_LINK_ADDRESS_BYTES + 1];
    char version[WF_LINK_VERSION_BYTES + 1];
    int64_t skew_ms;
    int64_t give_up_ms; /* where no process comes to dial */
};

struct wf_link_knock {
    uint8_t key[WF_LINK_KEY_BYTES];
    char address[WF_LINK_ADDRESS_BYTES + 1];
    enum wf_link_reason reason;
    int64_t at_ms;
};

/* Why the last connection to a paired node is not there. */
struct wf_link_last {
    uint8_t key[WF_LINK_KEY_BYTES];
    bool is_known;
    enum wf_link_reason reason;
    char words[WF_LINK_WORDS_BYTES + 1];
    char address[WF_LINK_ADDRESS_BYTES + 1];
};

struct wf_link {
    int listen_fd, wake_fds[2];
    long supervisor;
    struct wf_log *log;
    char wanted_path[WF_LIMIT_PATH_BYTES], addresses_path[WF_LIMIT_PATH_BYTES];
    pthread_t thread;
    pthread_mutex_t lock;                  /* guards all below */
    pthread_cond_t changed;                /* the key or addresses came; a callback has ended */
    bool is_ending, is_calling, is_loaded; /* is_loaded: remembered addresses were read */
    int fd;                                /* -1: no process */
    struct wf_buf out;
    size_t out_at;
    struct wf_list peers[WF_LINK_BUCKETS];
    size_t n_peers, n_strangers;
    uint64_t last_id; /* even: those that are dialled */
    uint8_t (*pins)[WF_LINK_KEY_BYTES];
    struct wf_link_last *lasts; /* of each pin */
    size_t n_pins;
    bool is_pairing, is_wanted;
    int64_t asked_until_ms; /* the process is wanted until then, whatever else is */
    bool has_key, has_addresses;
    uint8_t key[WF_LINK_KEY_BYTES];
    uint32_t port;
    char problem[WF_LINK_WORDS_BYTES + 1];
    struct wf_buf addresses;
    struct wf_link_events events[WF_LINK_CHANNEL_COUNT];
    struct wf_discover *discover;
    int64_t save_ms; /* when the file of addresses is looked at */
    struct wf_link_knock knocks[WF_LINK_KNOCKS];
    size_t n_knocks; /* ever */
};

/* ---- link.c ---- */

/* Milliseconds of a clock that only goes forward. */
int64_t wf_link__now_ms(void);
/* The connection of that number, or NULL. The lock is held, here and below. */
struct wf_link_peer *wf_link__find(struct wf_link *l, uint64_t id);
/* A new one; NULL without memory. */
struct wf_link_peer *wf_link__add(struct wf_link *l, uint64_t id);
void wf_link__remove(struct wf_link *l, struct wf_link_peer *p);
/* Appends a frame for the process, if there is one, and sends what it takes. Errors: NOMEM: the
 * process starts anew, and is told everything then. */
int wf_link__put(struct wf_link *l, const struct wf_link_frame *f);
/* Why the last connection to that key ended; NULL: it is not paired. */
struct wf_link_last *wf_link__last(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES]);

/* ---- link_take.c ---- */

/* A frame of the process; callbacks are called with the lock let go. False: it lies. */
bool wf_link__take(struct wf_link *l, const struct wf_link_frame *f);
/* The process is there: it is told everything. False without memory. */
bool wf_link__begin(struct wf_link *l);
/* It is gone: so is every connection. */
void wf_link__end(struct wf_link *l);
/* Tells who dialled that nothing came of it, and forgets the connection. */
void wf_link__down(struct wf_link *l, struct wf_link_peer *p, enum wf_link_reason reason,
                   struct wf_str words);

#endif
