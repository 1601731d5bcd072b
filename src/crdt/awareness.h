/* Awareness: who is here, and where: a small JSON state of each client, gone when the client is.
 *
 * As bytes: count, then client, clock and JSON text ("null" = gone) each. A state is taken when its
 * clock is newer, or the same and it says that the client is gone; no one can remove the local
 * client's state: that is answered with a newer clock. Nothing here is ever stored.
 *
 * Time is given by the caller in milliseconds. Thread rule: owner. */
#ifndef WF_CRDT_AWARENESS_H
#define WF_CRDT_AWARENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* A client that was not heard of for so long is gone; each says something twice as often. */
#define WF_AWARENESS_GONE_MS 30000
#define WF_AWARENESS_RENEW_MS 15000

struct wf_awareness;

/* Of one client that is here, or was. */
struct wf_awareness_peer {
    uint64_t client;
    uint32_t clock;
    int64_t heard_ms;    /* when its last state came */
    struct wf_str state; /* JSON; empty = gone */
};

/* Made for a local client without a state. Errors: WF_E_NOMEM. */
int wf_awareness_new(uint64_t client, struct wf_awareness **out) WF_MUST_USE;

/* NULL is a no-op. */
void wf_awareness_free(struct wf_awareness *a);

/* Sets the local state (a JSON text), or removes it (empty view). Errors: WF_E_FORMAT, WF_E_LIMIT,
 * WF_E_NOMEM. */
int wf_awareness_set(struct wf_awareness *a, struct wf_str state, int64_t now_ms) WF_MUST_USE;

/* Takes a message in, whole or not at all. *out_changed (may be NULL): how many clients' states are
 * others now. Errors: WF_E_FORMAT, WF_E_LIMIT, WF_E_NOMEM. */
int wf_awareness_apply(struct wf_awareness *a, struct wf_str message, int64_t now_ms,
                       size_t *out_changed) WF_MUST_USE;

/* Appends a message with these clients, or all that are here (clients NULL). Clients never heard of
 * are left out. Errors: WF_E_NOMEM, WF_E_LIMIT (of `out`). */
int wf_awareness_encode(const struct wf_awareness *a, const uint64_t *clients, size_t n,
                        struct wf_buf *out) WF_MUST_USE;

/* Lets those go that were not heard of for WF_AWARENESS_GONE_MS, and renews the local state after
 * WF_AWARENESS_RENEW_MS. *out_gone: how many went; *out_renewed: the local one is to be sent. */
void wf_awareness_tick(struct wf_awareness *a, int64_t now_ms, size_t *out_gone, bool *out_renewed);

/* The n-th client ever heard of; false behind the last. Views are valid until the next change. */
bool wf_awareness_at(const struct wf_awareness *a, size_t n, struct wf_awareness_peer *out);

#endif
