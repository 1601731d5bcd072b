/* Packs: small blobs share a file, one a commit.
 *
 *   packs/N   the small blobs of one transaction, one behind the other; 0600
 *
 * Making a file costs more than reading and indexing a small document, so blobs up to
 * WF_PACK_BLOB_BYTES_MAX lie in packs, and rows of `packed` say where. Within store/ only; what
 * others see is store/blob.h. */
#ifndef WF_STORE_PACK_H
#define WF_STORE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define WF_PACK_BLOB_BYTES_MAX ((size_t)64 << 10)

/* Puts content into the turn's pack, unless it lies there already. Real and durable with the turn's
 * transaction, gone when that is rolled back. Thread: owner (of the turn). */
int wf_pack_put(struct wf_store *s, const uint8_t *hash, struct wf_str content,
                struct wf_err *err) WF_MUST_USE;

/* Before a commit: makes the turn's pack durable. After it, or after a rollback (`keep` false:
 * removes the file): forgets it. Thread: owner (of the turn). */
int wf_pack_sync(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
void wf_pack_end(struct wf_store *s, bool keep);

/* The content as a file of its own in memory, which the caller closes; *out_fd -1: no pack has it.
 * WF_E_CORRUPT when the pack is shorter than its rows say. Thread: any. */
int wf_pack_open(struct wf_store *s, const uint8_t *hash, int *out_fd,
                 struct wf_err *err) WF_MUST_USE;

/* Destroys the content's bytes at once and its row with the transaction; the pack's file goes with
 * its last row. Safe to repeat. *out_found false: no pack has it. Thread: owner (of the turn). */
int wf_pack_remove(struct wf_store *s, const uint8_t *hash, bool *out_found,
                   struct wf_err *err) WF_MUST_USE;

/* Removes the file `name` in packs/ when it is a pack that no row names. Thread: init. */
int wf_pack_sweep_one(struct wf_store *s, const char *name, struct wf_err *err) WF_MUST_USE;

#endif
