/* Sealed: what one core says to another, so that link and whoever sits on the
 * way see frames alone. A session for each connection: both sides send a fresh X25519 key and sign
 * both keys with their device's key, bound to both devices and both transport keys; from then on
 * every message is sealed, with a counter for each channel and direction (mesh/sealed_session.h
 * has the form). Keys of a session are forgotten with it; what was recorded opens nothing later.
 *
 * Only devices of the owner's own list that are in get a session, and no relay that keeps
 * ciphertext alone; and those of other people with whom a space is shared, for the channels alone
 * that take them (takes_others): nothing else is said to them, nor heard of them. One that is
 * revoked, or has another key in a new list, loses it at once. What is changed, left out, repeated
 * or out of order on the way ends session and connection, with words for the log; link then
 * connects anew.
 *
 * It carries the channels from WF_LINK_REQUESTS on, one owner each (wf_sealed_on). It is made
 * before anything is paired with (wf_fabric_new), so that it hears of all connections.
 *
 * Callbacks are as those of mesh/link.h: they come from one thread (link's), with no lock held, may
 * call any function here but wf_sealed_on and wf_sealed_free, must not wait, and what they are
 * given is borrowed for the call. Thread rule: any. */
#ifndef WF_MESH_SEALED_H
#define WF_MESH_SEALED_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "mesh/devices.h"
#include "mesh/frame.h"

/* What a seal adds, and the longest message. */
#define WF_SEALED_OVERHEAD 25u
#define WF_SEALED_MESSAGE_BYTES (WF_LINK_MESSAGE_BYTES - WF_SEALED_OVERHEAD)
/* A handshake that is not through after so long is none. */
#define WF_SEALED_HANDSHAKE_MS 10000
/* So many messages of a channel are sealed with one key; the next follows from it, and it is
 * forgotten. */
#define WF_SEALED_MESSAGES_PER_KEY 65536u

struct wf_link;
struct wf_link_events;
struct wf_sealed;

/* Who wants to hear of one channel. NULL members are passed over. */
struct wf_sealed_events {
    /* A session with that device of the owner is there; it can be sent to. */
    void (*up)(void *ud, uint64_t peer, const struct wf_devices_entry *entry);
    /* A message of the channel: at most WF_SEALED_MESSAGE_BYTES, perhaps empty. */
    void (*bytes)(void *ud, uint64_t peer, struct wf_str bytes);
    /* After BUSY from wf_sealed_send: there is room again. */
    void (*room)(void *ud, uint64_t peer);
    /* The session is gone; only for one that was up. Nothing more comes of it. `words`: a sentence
     * about why, or empty where the connection just ended. */
    void (*down)(void *ud, uint64_t peer, struct wf_str words);
    void *ud;
    bool takes_others; /* also devices of other people (wf_sealed_is_other) */
};

struct wf_sealed_options {
    struct wf_link *link;           /* borrowed until free */
    const struct wf_signer *device; /* this device's; borrowed until free */
    /* The owner's devices as they are now; version 0: none. Called from any thread. */
    void (*devices)(void *ud, struct wf_devices *out);
    /* The devices of other people with whom a space is shared, as they are now: how many, and in
     * *out a list that is freed (wf_free). Called likewise; NULL: there are none. */
    size_t (*others)(void *ud, struct wf_devices_entry **out);
    void *ud;
    const struct wf_clock *clock; /* NULL: the system's */
    const struct wf_rng *rng;     /* NULL: the system's */
    struct wf_log *log;           /* may be NULL */
    /* In place of link, for tests and the simulator, which call what wf_sealed_link_events gives;
     * link is NULL then. As wf_link_send and wf_link_close. */
    int (*send)(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes, struct wf_err *err);
    void (*close)(void *ud, uint64_t peer);
};

/* Takes the channels of link. *out is owned by the caller. Errors: NOMEM, UNSUPPORTED (the system
 * gives no random numbers). */
int wf_sealed_new(const struct wf_sealed_options *o, struct wf_sealed **out,
                  struct wf_err *err) WF_MUST_USE;
/* No more callbacks, none that runs, and no more questions for the list of devices; there are no
 * sessions any more, but the functions here may still be called. NULL is a no-op. */
void wf_sealed_stop(struct wf_sealed *s);
/* wf_sealed_stop, and frees; before link is freed. NULL is a no-op. */
void wf_sealed_free(struct wf_sealed *s);

/* Says who hears of a channel, from WF_LINK_REQUESTS on: one for each; NULL: nobody. Copied.
 * Sessions that are up already are not told again: set it before there are any. When it returns,
 * callbacks to the one before have ended. Not from within a callback. */
void wf_sealed_on(struct wf_sealed *s, unsigned channel, const struct wf_sealed_events *events);

/* Seals and queues a message. That it was queued is no promise that it arrives: who needs an answer
 * waits for one. Errors: BUSY (WF_LINK_WINDOW_BYTES wait in the channel: `room` tells), NOENT (no
 * such session, or it is not up), LIMIT (longer than WF_SEALED_MESSAGE_BYTES), NOMEM. */
int wf_sealed_send(struct wf_sealed *s, uint64_t peer, unsigned channel, struct wf_str bytes,
                   struct wf_err *err) WF_MUST_USE;

/* The session with the node of that name, in any case (ASCII), with '-' for spaces. Errors: NOENT
 * (no such node, it is this one, or it is not connected now: the words say which). */
int wf_sealed_peer_by_name(struct wf_sealed *s, struct wf_str name, uint64_t *out_peer,
                           struct wf_err *err) WF_MUST_USE;

/* The entry of the device at the other end, as the list is now. Errors: NOENT (no such session, or
 * it is not up). */
int wf_sealed_entry(struct wf_sealed *s, uint64_t peer, struct wf_devices_entry *out,
                    struct wf_err *err) WF_MUST_USE;
/* Whether the device at the other end is another person's; true, too, where there is none. */
bool wf_sealed_is_other(struct wf_sealed *s, uint64_t peer);
/* The entry of the node of that name, connected or not. Errors: NOENT (no such node is in). */
int wf_sealed_entry_by_name(struct wf_sealed *s, struct wf_str name, struct wf_devices_entry *out,
                            struct wf_err *err) WF_MUST_USE;
/* This device's own entry. Errors: NOENT (it is in no list). */
int wf_sealed_own_entry(struct wf_sealed *s, struct wf_devices_entry *out,
                        struct wf_err *err) WF_MUST_USE;

/* The list of devices, or of others', is another: sessions of those that are out end, those that
 * are in now get one. Never waits. */
void wf_sealed_devices_changed(struct wf_sealed *s);

/* Ends a session and its connection, because of what `words` say; `down` follows. One that is gone
 * is passed over. */
void wf_sealed_close(struct wf_sealed *s, uint64_t peer, const char *words);

/* What link's callbacks are bound to, for who plays link in its place. */
void wf_sealed_link_events(struct wf_sealed *s, struct wf_link_events *out);

#endif
