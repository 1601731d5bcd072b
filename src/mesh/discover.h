/* Discover: whom to reach, where, and when to try next. It knows the paired keys and for each the
 * addresses that were heard of, and says what to dial; it dials nothing itself, and keeps no time
 * but what it is told. Pure, so that tests and the simulator decide what happens.
 *
 * Addresses are tried one after the other, that which worked last first; when all have failed it
 * waits: 1 s, then twice as long each time up to 5 minutes (15 after a day), give or take a
 * quarter, so that a house full of devices does not dial in step. A new address, another network or
 * the other's knocking end the wait. Addresses that have failed for long make room for new ones.
 *
 * The file, for the next start: one line an address, "KEY(64 hex) MS HOST:PORT\n", MS: when it
 * last worked (0: never). Thread rule: owner. */
#ifndef WF_MESH_DISCOVER_H
#define WF_MESH_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "mesh/frame.h"

/* Addresses of one node that are kept: those of a laptop in a few networks. */
#define WF_DISCOVER_ADDRESSES 8
#define WF_DISCOVER_FILE_BYTES (4u << 20)

struct wf_discover;

/* Nobody is known. rng NULL: the system's. NULL without memory. */
struct wf_discover *wf_discover_new(const struct wf_rng *rng) WF_MUST_USE;
/* NULL is a no-op. */
void wf_discover_free(struct wf_discover *d);

/* The paired keys, all of them anew; what was known of those that stay is kept. Errors: NOMEM:
 * nothing has changed. */
int wf_discover_allow(struct wf_discover *d, const uint8_t (*keys)[WF_LINK_KEY_BYTES],
                      size_t n) WF_MUST_USE;

/* An address was heard of (of a key that is not paired, it is passed over): it is tried soon. */
void wf_discover_found(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES],
                       struct wf_str address, int64_t now_ms);

/* A connection is there; `address`: where it was dialled, empty when it came by itself. */
void wf_discover_up(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES],
                    struct wf_str address, int64_t now_ms, int64_t wall_ms);
/* It is gone, or what wf_discover_next gave has failed. */
void wf_discover_down(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES], int64_t now_ms);
/* The network is another one, or the machine has slept: everything is tried anew, soon. */
void wf_discover_changed(struct wf_discover *d, int64_t now_ms);

struct wf_discover_dial {
    uint8_t key[WF_LINK_KEY_BYTES];
    char address[WF_LINK_ADDRESS_BYTES + 1];
};

/* What to dial now, one at a time; the caller answers with up or down. False: nothing. */
bool wf_discover_next(struct wf_discover *d, int64_t now_ms, struct wf_discover_dial *out);
/* When to ask again; INT64_MAX: not by itself. */
int64_t wf_discover_due_ms(const struct wf_discover *d);
/* Whether the network should be asked for those that are missing: true at most once in 5 minutes,
 * and after a change. */
bool wf_discover_looks(struct wf_discover *d, int64_t now_ms);

/* What is known of one, for people. */
struct wf_discover_state {
    bool is_up, is_dialling;
    int64_t next_ms; /* INT64_MAX: no address is known */
    size_t n_addresses;
    const char *addresses[WF_DISCOVER_ADDRESSES]; /* borrowed until the next change */
};
/* The i-th paired key; false behind the last. */
bool wf_discover_at(const struct wf_discover *d, size_t i, uint8_t out_key[WF_LINK_KEY_BYTES],
                    struct wf_discover_state *out);

/* The file's text; true in *out_changed when it is not what was saved or loaded last. Errors: the
 * buffer's. */
int wf_discover_save(struct wf_discover *d, struct wf_buf *out, bool *out_changed);
/* Takes what the text has of keys that are paired; lines that are none are passed over, since a
 * damaged file costs a search and no more. */
void wf_discover_load(struct wf_discover *d, struct wf_str text, int64_t now_ms);

#endif
