/* Who may do what with a stream: the one place that says it. All that gives, takes, keeps or
 * applies batches asks here, each time anew. Only files of sharing include this. */
#ifndef WF_MESH_SHARING_PEOPLE_H
#define WF_MESH_SHARING_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/batch.h"
#include "mesh/people.h"
#include "mesh/sharing.h"
#include "mesh/sync_message.h"

#define WF_SHARING_READS_ONLY "It may only read this space; what it wrote there is not taken."

struct wf_sharing_peer;

/* Each may all that those before it may. */
enum wf_sharing_right {
    WF_SHARING_NONE,  /* it is not told that there is such a stream */
    WF_SHARING_KEEPS, /* has batches sealed as they are, for others: no keys */
    WF_SHARING_READ,  /* has the keys up to its clearance; what it writes itself is refused */
    WF_SHARING_WRITE,
    WF_SHARING_ADMIN, /* says who is in the space */
};

/* What a device may, by the list of devices that it is in; and the node at the other end of a
 * connection. Thread: owner (sharing's work). */
enum wf_sharing_right wf_sharing__right(const struct wf_sharing *s,
                                        const uint8_t device[WF_SIGNER_ID_BYTES],
                                        const uint8_t stream[WF_STREAM_ID_BYTES]);
enum wf_sharing_right wf_sharing__right_of_peer(const struct wf_sharing *s, uint64_t peer,
                                                const uint8_t stream[WF_STREAM_ID_BYTES]);
/* Who is at the other end of a connection, or has that device key: the entry in the list of its
 * owner, revoked or not. *out_whose NULL: it is this owner's. NULL: nobody's. */
const struct wf_devices_entry *wf_sharing__node(const struct wf_sharing *s,
                                                const struct wf_sharing_peer *p,
                                                const struct wf_person **out_whose);
const struct wf_devices_entry *wf_sharing__device(const struct wf_sharing *s,
                                                  const uint8_t device[WF_SIGNER_ID_BYTES],
                                                  const struct wf_person **out_whose);
/* "laptop", or "Ben / laptop" of somebody else's; of an unknown one that it is. */
void wf_sharing__name(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                      char out[160]);
/* Whether this owner's devices may write in a space. */
bool wf_sharing__may_write(const struct wf_sharing *s, int64_t space);
/* Of which epoch keys are that seal from now on, in *out_max at most. In a space with a charter
 * somebody who knows less than this device made those of another. */
uint32_t wf_sharing__epoch(const struct wf_sharing *s, int64_t space, uint32_t *out_max);
/* Whether a connected node of this owner has written that log. */
bool wf_sharing__owns(const struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log);
/* Whether a connected node may tell this device of a log: of what this one may have, and this
 * owner's of what it wrote itself. */
bool wf_sharing__tells(const struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log);
/* Whether batches of a log are wanted from a node: from who may have it, and from this owner's
 * devices their own, which may write what they may not see of others. Names who may not write, and
 * does. */
bool wf_sharing__takes(struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log);
/* Whether what a device wrote into a stream counts, also one that was taken out since: what it
 * wrote before is with the others. */
bool wf_sharing__is_author(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                           int64_t space);
bool wf_sharing__counts(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const uint8_t stream[WF_STREAM_ID_BYTES]);

#endif
