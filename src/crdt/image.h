/* Images: a document as it stands in memory, in a form that is taken up again by copying instead of
 * reading updates: a cache beside the state, for this program only, never sent anywhere. What an
 * image says, the state says; whoever refuses an image loads the state. Layout: image_internal.h.
 *
 * An image has a checksum, and all of it is checked that is followed or walked: damage, or bytes
 * made to harm, are refused and never a crash. Thread rule: owner. */
#ifndef WF_CRDT_IMAGE_H
#define WF_CRDT_IMAGE_H

#include "crdt/crdt.h"

/* Appends the document's image. Errors: WF_E_BUSY (a transaction is open, or something was undone
 * and an undo manager's memory goes with it), WF_E_NOMEM, WF_E_LIMIT (of `out`); `out` is as before
 * then. */
int wf_crdt_image_write(const struct wf_crdt *d, struct wf_buf *out) WF_MUST_USE;

/* A new document in *out that is as the one that was written, but for who writes in it: as
 * `options` say, keep_deleted as it was. The image may go afterwards. Errors: WF_E_UNSUPPORTED (of
 * another version of weft), WF_E_FORMAT (damaged), WF_E_INVAL (client), WF_E_NOMEM. */
int wf_crdt_image_open(struct wf_str image, const struct wf_crdt_options *options,
                       struct wf_crdt **out) WF_MUST_USE;

#endif
