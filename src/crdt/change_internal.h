/* What reading and writing changes share; nobody else includes it. */
#ifndef WF_CRDT_CHANGE_INTERNAL_H
#define WF_CRDT_CHANGE_INTERNAL_H

#include "crdt/change.h"

#define WF_CHANGE_VERSION 1
#define WF_CHANGE_MOVED 2
#define WF_CHANGE_PURPOSE WF_STR("record change 1")

/* Appends what is signed of a change that was read: the uid, the head, the items' hashes. Returns
 * wf_buf_status. */
int wf_change__append_signed(const struct wf_change *c, const uint8_t uid[WF_CHANGE_UID_BYTES],
                             struct wf_buf *out);

#endif
