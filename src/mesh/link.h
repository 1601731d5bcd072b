/* Link: the core's side of the way to other nodes. The process link (daemon/link.h) holds the
 * transport key and the network; core holds everything else and hands it bytes.
 *
 * The process runs only where it is wanted: while something is paired (wf_link_allow), strangers
 * may come for pairing (wf_link_pairing), or something is dialled. Core says so by a file that the
 * supervisor looks at once a second; where it is not wanted, nothing listens and no such process
 * is there. What is asked of it before it runs is done once it does.
 *
 * A connection has a number, never used again in the life of this object. Paired nodes are dialled
 * and dialled again by themselves (mesh/discover.h), from the addresses that are known: found by
 * mDNS, told by wf_link_address, remembered from the last time. A connection to a key that is not
 * paired carries WF_LINK_PAIRING alone, and ends after WF_LINK_STRANGER_S.
 *
 * Callbacks come from one thread of the link's, with no lock held: they may call any function here
 * but wf_link_free, must not wait, and what they are given is borrowed for the call.
 * Thread rule: any. */
#ifndef WF_MESH_LINK_H
#define WF_MESH_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "mesh/frame.h"

struct wf_link;

/* Who wants to hear of one channel. NULL members are passed over. */
struct wf_link_events {
    /* A connection is there. `key`: the other's transport key, which it has proved to hold;
     * `address`: numeric HOST:PORT. For strangers told to WF_LINK_PAIRING alone; connections to
     * those that are paired are told to every channel. */
    void (*up)(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
               struct wf_str address);
    /* A message of the channel: never empty, at most WF_LINK_MESSAGE_BYTES. */
    void (*bytes)(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes);
    /* After BUSY from wf_link_send: there is room again. */
    void (*room)(void *ud, uint64_t peer, unsigned channel);
    /* It is gone, or was dialled in vain (then without an `up`). Nothing more comes of it. `words`:
     * a sentence about this case, or empty. */
    void (*down)(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words);
    void *ud;
};

struct wf_link_options {
    int listen_fd;         /* local listener over which links come; borrowed */
    long supervisor;       /* its process id: only what it connected is taken */
    const char *wanted;    /* path of the file by which the process is asked for */
    const char *addresses; /* path of the file of remembered addresses */
    struct wf_log *log;    /* may be NULL */
};

/* Begins to take connections of the process. *out is owned by the caller. Paths are copied.
 * Errors: NOMEM, IO. */
int wf_link_new(const struct wf_link_options *o, struct wf_link **out,
                struct wf_err *err) WF_MUST_USE;
/* Ends the thread and all connections, without further callbacks. NULL is a no-op. */
void wf_link_free(struct wf_link *l);

/* Says who hears of a channel (not of WF_LINK_CONTROL): one for each; NULL: nobody. Copied. When it
 * returns, callbacks to the one before have ended. Not from within a callback. */
void wf_link_on(struct wf_link *l, unsigned channel, const struct wf_link_events *events);

/* The transport keys that are paired, all of them anew; connections to others are ended, and those
 * of strangers who are now paired may use all channels. More than WF_LINK_PINS_MAX are cut. */
void wf_link_allow(struct wf_link *l, const uint8_t (*pins)[WF_LINK_KEY_BYTES], size_t n);

/* While it is on, strangers may connect, for pairing; off at first. */
void wf_link_pairing(struct wf_link *l, bool is_on);

/* Queues a message, which is copied. That it was queued is no promise that it arrives: where a
 * connection ends, what was on its way is lost, and who needs an answer waits for one. Errors: BUSY
 * (WF_LINK_WINDOW_BYTES wait: `room` tells), NOENT (no such connection, or it is not up yet),
 * DENIED (a stranger, and not for pairing), LIMIT (too long, or empty), NOMEM. */
int wf_link_send(struct wf_link *l, uint64_t peer, unsigned channel, struct wf_str bytes,
                 struct wf_err *err) WF_MUST_USE;

/* Connects to HOST:PORT ("[::1]:7771" for IPv6; without a port the usual one). `pin`: the key that
 * the other must have; NULL: any, for pairing. *out_peer: its number; what becomes of it is told by
 * `up` or `down`. Errors: INVAL (no such address), LIMIT (too many at once), NOMEM. */
int wf_link_dial(struct wf_link *l, struct wf_str host_port, const uint8_t *pin, uint64_t *out_peer,
                 struct wf_err *err) WF_MUST_USE;

/* Tells where a paired node may be found, for instance because a person typed it in. */
void wf_link_address(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES],
                     struct wf_str host_port);

/* Appends where a paired node may be found, as far as is known: "HOST:PORT\n" each. Errors: those
 * of the buffer. */
int wf_link_known(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES], struct wf_buf *out);

/* Ends a connection; `down` follows with WF_LINK_ENDED_HERE. One that is gone is passed over. */
void wf_link_close(struct wf_link *l, uint64_t peer);

/* This node's transport key, once the process has told it; waits for that, since it may be starting
 * (it is asked for if need be). Not from within a callback. Errors: TIMEOUT. */
int wf_link_key(struct wf_link *l, uint8_t out[WF_LINK_KEY_BYTES], unsigned timeout_ms,
                struct wf_err *err) WF_MUST_USE;

/* Where others reach this node, "HOST:PORT" a line, likeliest first; empty: nothing listens.
 * Waits as wf_link_key does. Errors: TIMEOUT, NOMEM. */
int wf_link_addresses(struct wf_link *l, struct wf_buf *out, unsigned timeout_ms,
                      struct wf_err *err) WF_MUST_USE;

/* What `weft doctor` shows: a new reference, or NULL when memory is short.
 * {"state": "off"|"starting"|"on", "key", "port", "listening": why not or "", "addresses": [],
 *  "pairing": bool, "peers": [{"key", "state": "up"|"dialling"|"waiting", "address", "version",
 *  "skew_ms", "reason", "words", "next_s", "tried": [...]}], "knocks": [{"key", "address",
 *  "reason", "ago_s"}]} */
json_t *wf_link_status(struct wf_link *l) WF_MUST_USE;

/* "port_closed" and the like, for JSON. Static. */
const char *wf_link_reason_name(enum wf_link_reason reason);

#endif
