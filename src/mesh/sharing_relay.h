/* Sharing with nodes that keep: passes and letters for those that have no keys, letters that are
 * kept here for devices that sleep, what nodes say they have. Only files of sharing include this.
 * Thread: owner (sharing's work). */
#ifndef WF_MESH_SHARING_RELAY_H
#define WF_MESH_SHARING_RELAY_H

#include "mesh/relay.h"
#include "mesh/sharing.h"
#include "mesh/syncer.h"

struct wf_sharing_peer;

/* Opens what is kept here; before the syncer is made, whose shelf it wraps. */
int wf_sharing__relay_open(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* The list of devices is another. */
void wf_sharing__relay_listed(struct wf_sharing *s);
/* A node has connected; false: no memory. */
bool wf_sharing__relay_up(struct wf_sharing *s, struct wf_sharing_peer *p);

/* Whether this device keeps ciphertext alone; whether an entry is such a node, or one that keeps
 * letters. */
bool wf_sharing__is_cipher(const struct wf_sharing *s);
bool wf_sharing__is_relay(const struct wf_devices_entry *e);

/* On such a device: what passes say. */
bool wf_sharing__relay_gives(const struct wf_sharing *s, uint64_t peer,
                             const uint8_t stream[WF_STREAM_ID_BYTES]);
bool wf_sharing__relay_takes(const struct wf_sharing *s, uint64_t peer,
                             const struct wf_sync_log *log);

/* The syncer's callbacks. */
uint64_t wf_sharing__said(void *ud, uint64_t peer, const struct wf_sync_head *head);
void wf_sharing__said_all(void *ud, uint64_t peer);

/* A letter for another device, a pass, or word that a letter has come. */
void wf_sharing__relay_other(struct wf_sharing *s, struct wf_sharing_peer *p,
                             const struct wf_sync_message *m);
/* A letter for this device was taken: who kept it may let it go. */
void wf_sharing__relay_got(struct wf_sharing *s, const struct wf_sharing_peer *p,
                           struct wf_str sealed);

/* What is due to nodes that keep: passes, letters for who is not here; and from here, if this one
 * keeps: letters that wait for who is. */
int wf_sharing__relay_grant(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Now and then. */
void wf_sharing__relay_tend(struct wf_sharing *s);

#endif
