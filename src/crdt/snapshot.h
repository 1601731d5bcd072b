/* Snapshots: which structs a document had at a moment, and which of them were deleted: some hundred
 * bytes that bring an old version back out of a document that keeps what is deleted.
 *
 * As bytes: ranges of deletes, then a state vector, in format 1 or 2. Thread rule: owner of the
 * document. */
#ifndef WF_CRDT_SNAPSHOT_H
#define WF_CRDT_SNAPSHOT_H

#include "crdt/crdt.h"

/* Appends a snapshot of the document as it is. Errors: WF_E_NOMEM, WF_E_LIMIT (of `out`). */
int wf_crdt_snapshot(struct wf_crdt *d, enum wf_crdt_format format, struct wf_buf *out) WF_MUST_USE;

/* Appends the document as it was, as an update of format 2. The document must keep what is deleted
 * (keep_deleted), else WF_E_UNSUPPORTED; other errors: WF_E_FORMAT, WF_E_RANGE (the snapshot is of
 * a newer document), WF_E_BUSY (within a transaction), WF_E_NOMEM, WF_E_LIMIT. */
int wf_crdt_snapshot_restore(struct wf_crdt *d, struct wf_str snapshot, enum wf_crdt_format format,
                             struct wf_buf *out) WF_MUST_USE;

#endif
