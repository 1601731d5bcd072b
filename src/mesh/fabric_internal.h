/* What the files of the fabric share. Only fabric*.c include this. */
#ifndef WF_MESH_FABRIC_INTERNAL_H
#define WF_MESH_FABRIC_INTERNAL_H

#include <pthread.h>

#include "base/limits.h"
#include "mesh/fabric.h"
#include "mesh/keeper.h"
#include "mesh/link.h"
#include "mesh/pairing.h"
#include "os/thread.h"

#define WF_FABRIC_DIGITS 6
#define WF_FABRIC_SCANNED_BYTES 26                  /* of 32 signs: 130 bits */
#define WF_FABRIC_SCANNED_ADDRESSES 4u              /* in a picture: each makes it coarser */
#define WF_FABRIC_PEERS_MAX (WF_LINK_PINS_MAX + 16) /* and some strangers */
#define WF_FABRIC_WAITING_MAX 256

/* One pairing that runs. */
struct wf_fabric_session {
    uint64_t peer;        /* 0: none */
    struct wf_pairing *p; /* NULL: not connected yet */
    int64_t begun_ns;
};

struct wf_fabric_code {
    bool is_on;
    char digits[WF_FABRIC_DIGITS + 1];
    char scanned[WF_FABRIC_SCANNED_BYTES + 1];
    int64_t until_ms; /* wall, for people */
    int64_t until_ns; /* what counts */
    unsigned n_tries;
    bool is_guest; /* it is an invitation: */
    struct wf_fabric_invite invite;
};

/* What came of a code. */
struct wf_fabric_outcome {
    bool is_paired;
    struct wf_err err; /* of the last try that failed */
    char name[WF_DEVICES_NAME_BYTES + 1];
    char words[WF_PHRASE_COMPARED_TEXT_BYTES];
};

/* A join that somebody waits for. */
struct wf_fabric_join {
    bool is_on, is_over, is_scanned, is_guest;
    char secret[WF_PAIRING_SECRET_MAX + 1];
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];
    char address[WF_LINK_ADDRESS_BYTES + 1];
    int rc;
    struct wf_err err;
    struct wf_fabric_outcome outcome;
    char other[WF_FINGERPRINT_TEXT_BYTES];
};

/* Somebody who is connected. */
struct wf_fabric_peer {
    uint64_t peer;  /* 0: none */
    bool is_paired; /* a node of this fabric */
    bool is_known;  /* link takes it for no stranger: it may be somebody else's */
    uint8_t key[WF_DEVICES_KEY_BYTES];
    char address[WF_LINK_ADDRESS_BYTES + 1];
};

struct wf_fabric {
    struct wf_fabric_options o;
    char dir[WF_LIMIT_PATH_BYTES], devices_path[WF_LIMIT_PATH_BYTES];
    char kept_path[WF_LIMIT_PATH_BYTES], tries_path[WF_LIMIT_PATH_BYTES];
    char seen_path[WF_LIMIT_PATH_BYTES];
    char name[WF_DEVICES_NAME_BYTES + 1];
    struct wf_team *worker; /* one thread: all that comes over link, in turn */

    pthread_mutex_t lock; /* rank 1; guards all below; held while files are written and the keeper
                             asked, never while something is awaited of link */
    pthread_cond_t changed;
    struct wf_devices list, kept; /* version 0: none */
    char kept_address[WF_LINK_ADDRESS_BYTES + 1];
    struct wf_err list_err; /* why the file cannot be held to */
    struct wf_err fork;     /* a list that came and does not fit */
    struct wf_pairing_who who;
    bool has_who, is_relay; /* is_relay: it offers itself as one that gets no keys */
    struct wf_fabric_code code;
    bool is_door_open;  /* link lets strangers in */
    unsigned n_showing; /* codes that are about to be shown */
    struct wf_fabric_outcome shown;
    struct wf_fabric_join join;
    struct wf_fabric_session shower, joiner;
    uint8_t (*people)[WF_DEVICES_KEY_BYTES]; /* other people's transport keys */
    size_t n_people, cap_people;
    struct wf_devices guest; /* the list of whom an invitation is about, while it runs */
    char guest_name[WF_DEVICES_NAME_BYTES + 1];
    struct wf_fabric_invite guest_invite;
    struct wf_fabric_peer peers[WF_FABRIC_PEERS_MAX];
    struct {
        uint8_t key[WF_DEVICES_KEY_BYTES];
        int64_t at_ms;
    } seen[WF_FABRIC_PEERS_MAX]; /* transport keys, and when they were last heard of */
    size_t n_seen;

    pthread_mutex_t count_lock; /* rank 2; guards n_waiting: what link has told and waits */
    size_t n_waiting;
};

static inline int64_t wf_fabric__now_ms(const struct wf_fabric *f)
{
    return wf_clock_wall_ms(f->o.clock);
}

/* ---- fabric_file.c; the lock is held ---- */

/* Reads list, kept list. Errors: NOMEM, LIMIT (path). */
int wf_fabric__open(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
/* Holds to a list, durably: link allows its nodes; a kept list is forgotten. */
int wf_fabric__hold(struct wf_fabric *f, const struct wf_devices *list,
                    struct wf_err *err) WF_MUST_USE;
int wf_fabric__keep(struct wf_fabric *f, const struct wf_devices *list, const char *address,
                    struct wf_err *err) WF_MUST_USE;
int wf_fabric__forget_kept(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
int wf_fabric__forget_list(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
/* Tells link whose keys count. */
void wf_fabric__allow(struct wf_fabric *f);
/* When nodes were last heard of, as far as it could be written. */
void wf_fabric__write_seen(struct wf_fabric *f);
/* The code was right: that was no guess, and the next device need not wait. */
void wf_fabric__forget_try(struct wf_fabric *f);
/* Counts a try durably, or says how long to wait (BUSY). */
int wf_fabric__count_try(struct wf_fabric *f, unsigned *out_wait_s, struct wf_err *err) WF_MUST_USE;

/* ---- fabric.c; the lock is held ---- */

/* That there is link and keeper, and the list can be read. Errors: UNSUPPORTED, those of the list.
 */
int wf_fabric__ready(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
/* Who this device is, asked of link and keeper once. The lock is NOT held: it may wait. */
int wf_fabric__who(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
/* Owner and first list, where there are none. */
int wf_fabric__begin(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;
/* Has a changed list signed and holds to it. */
int wf_fabric__publish(struct wf_fabric *f, struct wf_devices *d, struct wf_err *err) WF_MUST_USE;
/* This device's node key, as the list has it; NULL: it is not in. */
const uint8_t *wf_fabric__own_node(const struct wf_fabric *f);
/* Sends the list that is held to, to all that are connected. */
void wf_fabric__tell_all(struct wf_fabric *f);
uint8_t wf_fabric__roles(enum wf_node_tier t);
void wf_fabric__say(struct wf_fabric *f, const char *what);

/* A code, with its addresses; invite NULL: for a device of one's own. */
int wf_fabric__show(struct wf_fabric *f, const struct wf_fabric_invite *invite, json_t **out,
                    struct wf_err *err) WF_MUST_USE;

/* ---- fabric_guest.c; the lock is held ---- */

/* The seams of pairing (mesh/pairing.h) where somebody else is invited. */
int wf_fabric__offer_guest(void *ud, const struct wf_devices_entry *joiner,
                           const struct wf_devices *theirs, struct wf_devices *out,
                           struct wf_err *err) WF_MUST_USE;
int wf_fabric__commit_guest(void *ud, const struct wf_devices *list,
                            struct wf_err *err) WF_MUST_USE;
int wf_fabric__keep_host(void *ud, const struct wf_devices *list, struct wf_err *err) WF_MUST_USE;
int wf_fabric__take_host(void *ud, const struct wf_devices *list, struct wf_err *err) WF_MUST_USE;
/* Whether this owner may invite to that. */
int wf_fabric__may_invite(struct wf_fabric *f, const struct wf_fabric_invite *invite,
                          struct wf_err *err) WF_MUST_USE;

/* ---- fabric_peer.c ---- */

/* What link tells, posted to the worker. */
void wf_fabric__listen(struct wf_fabric *f);
/* Sends one message of pairing; what cannot be sent is told by its connection's end. */
void wf_fabric__send(struct wf_fabric *f, uint64_t peer, struct wf_str bytes);
/* The list, in the form of a message. Its kind: HELD, beside those of pairing. */
#define WF_FABRIC_HELD 7
void wf_fabric__send_held(struct wf_fabric *f, uint64_t peer);

/* ---- fabric_where.c ---- */

/* Where relays are found, told and taken; of this kind. */
#define WF_FABRIC_WHERE 32
void wf_fabric__send_where(struct wf_fabric *f, uint64_t peer);
void wf_fabric__take_where(struct wf_fabric *f, struct wf_str body);

/* ---- fabric_pair.c; the lock is held ---- */

void wf_fabric__came_up(struct wf_fabric *f, uint64_t peer, const uint8_t *key);
void wf_fabric__came(struct wf_fabric *f, uint64_t peer, const uint8_t *key, bool is_paired,
                     struct wf_str bytes);
void wf_fabric__went_down(struct wf_fabric *f, uint64_t peer, enum wf_link_reason reason,
                          struct wf_str words);
/* Joins by a code, or is a guest by one. The lock is NOT held. */
struct wf_fabric_wait {
    bool (*canceled)(void *ud);
    void *ud;
};
int wf_fabric__join(struct wf_fabric *f, struct wf_str target, bool is_guest,
                    const struct wf_fabric_wait *wait, json_t **out,
                    struct wf_err *err) WF_MUST_USE;
/* Ends a code. */
void wf_fabric__code_off(struct wf_fabric *f);
/* Lets no strangers in any more, where no code is shown and none is there. */
void wf_fabric__close_door(struct wf_fabric *f);

#endif
