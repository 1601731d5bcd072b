/* Relay: what a node keeps for others who sleep, and what it knows of who has what.
 *
 * A node that keeps ciphertext alone has no keys: it learns by passes (mesh/pass.h) which devices
 * may have a stream, hands it to nobody else, and knows sizes and times. Batches lie on the shelf,
 * of which wf_relay_shelf gives one that takes no more than the relay's bound. Any node that keeps
 * holds letters for devices that are not there: one of each sender to each device, the newest; they
 * are handed over until the device says that it has them.
 *
 * What nodes say they have (HEADS) is remembered while this process lives; what keeping nodes say,
 * durably, so that one that lost what it had, or was set back, is known also after a restart of
 * this one. From that follows what may go from the shelf: on a relay what all whom a pass names
 * have, or what is older than its bound of days; on a device, of its own log, what a member has.
 * Thread rule: owner. */
#ifndef WF_MESH_RELAY_H
#define WF_MESH_RELAY_H

#include <jansson.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mesh/relay_store.h"
#include "mesh/shelf.h"

struct wf_relay;

struct wf_relay_options {
    struct wf_store *store;       /* borrowed until free */
    uint64_t bytes_max;           /* of batches, where there are no keys; 0: the limit's */
    unsigned days_max;            /* likewise */
    unsigned trim_min;            /* batches of a log that are trimmed at once; 0: 256 */
    const struct wf_clock *clock; /* NULL: the system's */
};

/* Reads what is there. free writes what was said since the last wf_relay_tend. Errors: NOMEM,
 * CORRUPT, those of the store. */
int wf_relay_new(const struct wf_relay_options *o, struct wf_relay **out,
                 struct wf_err *err) WF_MUST_USE;
void wf_relay_free(struct wf_relay *r);

/* Whether this node has no keys: its bounds count, then. */
void wf_relay_be(struct wf_relay *r, bool is_cipher);
/* The shelf, with the bound in front: its append gives FULL beyond it. Valid until free. */
void wf_relay_shelf(struct wf_relay *r, struct wf_shelf *out);

/* ---- passes ---- */

/* Takes a pass, durably, if it is newer than what is here; *out_news says so. `counts`: whether
 * that device may give one. Errors: FORMAT, DENIED (not signed, or by nobody who counts), LIMIT
 * (too many streams), NOMEM, those of the store. */
int wf_relay_take_pass(struct wf_relay *r, struct wf_str bytes,
                       bool (*counts)(void *ud, const uint8_t device[WF_SIGNER_ID_BYTES]), void *ud,
                       bool *out_news, struct wf_err *err) WF_MUST_USE;
/* This node may see less than before, and does not know which streams are above that: all passes
 * go, durably, until those that still count are given anew. Streams without one are handed to
 * nobody, and destroyed after two days. Errors: those of the store. */
int wf_relay_forget_passes(struct wf_relay *r, struct wf_err *err) WF_MUST_USE;
/* Whether a stream's pass names that node. */
bool wf_relay_gives(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                    const uint8_t stream[WF_STREAM_ID_BYTES]);
/* Whether a log is kept when that node brings it: the pass names it, its device may write if it is
 * named, there is room, and the stream has not too many logs. */
bool wf_relay_takes(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                    const struct wf_sync_log *log);
/* The pass of a stream; NULL: there is none. Valid until the next is taken. */
const struct wf_pass *wf_relay_pass(const struct wf_relay *r,
                                    const uint8_t stream[WF_STREAM_ID_BYTES]);
/* All transport keys that passes name, each once: allocated, the caller's. NOMEM. */
int wf_relay_keys(const struct wf_relay *r, uint8_t (**out)[WF_PASS_KEY_BYTES], size_t *out_n,
                  struct wf_err *err) WF_MUST_USE;
/* The device that holds that transport key, as any pass says; false: none. */
bool wf_relay_device(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                     uint8_t out[WF_SIGNER_ID_BYTES]);

/* Whether any pass names that device. */
bool wf_relay_knows(const struct wf_relay *r, const uint8_t device[WF_SIGNER_ID_BYTES]);

/* ---- letters ---- */

/* Keeps a letter; hash and time are set here. Errors: LIMIT (too many for that device), FULL (for
 * all together), those of the store. */
int wf_relay_keep(struct wf_relay *r, struct wf_relay_letter *l, struct wf_err *err) WF_MUST_USE;
/* Those that wait for a device. */
int wf_relay_waiting(struct wf_relay *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                     wf_relay_letter_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;
/* The device has it. */
int wf_relay_got(struct wf_relay *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                 const uint8_t hash[WF_SYNC_LETTER_HASH_BYTES], struct wf_err *err) WF_MUST_USE;
/* What letters are told apart by. */
void wf_relay_letter_hash(struct wf_str sealed, uint8_t out[WF_SYNC_LETTER_HASH_BYTES]);

/* ---- who has what ---- */

/* A node has connected. `keeps`: what it says is remembered durably. NOMEM. */
int wf_relay_met(struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES], bool keeps,
                 struct wf_err *err) WF_MUST_USE;
/* It says how far a log is with it; returns the most that it ever said before. */
uint64_t wf_relay_said(struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                       const struct wf_sync_log *log, uint64_t last);
/* Calls fn for each log that the node once had and, having said all, has not named since it
 * connected. */
typedef void (*wf_relay_unsaid_fn)(void *ud, const struct wf_sync_log *log, uint64_t last);
void wf_relay_unsaid(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                     wf_relay_unsaid_fn fn, void *ud);
/* Up to which number some node for which `is_member` holds has said that it has the log. */
uint64_t wf_relay_elsewhere(const struct wf_relay *r, const struct wf_sync_log *log,
                            bool (*is_member)(void *ud, const uint8_t transport[WF_PASS_KEY_BYTES]),
                            void *ud);

/* ---- now and then ---- */

/* What is due: words are written, days marked, letters that nobody came for forgotten, batches
 * trimmed; *out_room: there is room again. To be called every few seconds. Errors: those of the
 * store. */
int wf_relay_tend(struct wf_relay *r, bool *out_room, struct wf_err *err) WF_MUST_USE;

/* {"streams", "bytes", "bytes_max", "days_max", "full": bool, "letters", "letter_bytes"}; NULL: no
 * memory, or it cannot be read. */
json_t *wf_relay_status(struct wf_relay *r) WF_MUST_USE;

#endif
