/* Who may do what with a stream: the one place that says it. All that gives, takes, keeps or
 * applies batches asks here, each time anew. Only files of sharing include this. */
#ifndef WF_MESH_SHARING_PEOPLE_H
#define WF_MESH_SHARING_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/batch.h"
#include "mesh/sharing.h"

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
/* Whether what a device wrote into a stream counts, also one that was taken out since: what it
 * wrote before is with the others. */
bool wf_sharing__counts(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const uint8_t stream[WF_STREAM_ID_BYTES]);

#endif
