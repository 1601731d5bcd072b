/* Snapshot: all that a stream's batches come to, so that those need not be kept nor fetched.
 *
 * A member writes one as consecutive batches of its own log, in one transaction: so it is signed,
 * chained, sealed and padded as they are, and shelves and relays carry it without knowing of it.
 * Each of these batches begins with an entry SNAPSHOT (mesh/batch.h); behind it stand ordinary
 * entries: every draft of the stream's level whole, as one update; every change of records that
 * still counts, as its device signed it, without what does not count of it. The entry's bytes are
 * flags (1: the last part), then, in part 0, the head: what the snapshot covers.
 *
 *   head   version 1; covers, each: 32 device, number of its last batch that is in the snapshot, 32
 *          its hash; reach, each: 32 device, dseq, hlc: how far that device's log of the space
 *          (space/log.h) is with who made it
 *   word   version 1; top: the highest level of streams in which the device says this; dseq, hlc:
 *          of itself; seen, each as reach: how far it has others' logs
 *
 * A clock is two numbers: what is above its 12 low bits, and those. Devices rise strictly. Numbers
 * are those of crdt/lib0.h. Thread rule: any. */
#ifndef WF_MESH_SNAPSHOT_H
#define WF_MESH_SNAPSHOT_H

#include "base/arena.h"
#include "mesh/batch.h"

#define WF_SNAPSHOT_LAST 1u

struct wf_snapshot_cover {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t number;
    uint8_t hash[WF_BATCH_HASH_BYTES];
};

struct wf_snapshot_reach {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t dseq, hlc;
};

struct wf_snapshot_head {
    struct wf_snapshot_cover *covers;
    size_t n_covers;
    struct wf_snapshot_reach *reach;
    size_t n_reach;
};

struct wf_snapshot_word {
    uint8_t top;
    uint64_t dseq, hlc;
    struct wf_snapshot_reach *seen;
    size_t n_seen;
};

/* Reads a head, a word; arrays in the arena. Errors: FORMAT, UNSUPPORTED, NOMEM. */
int wf_snapshot_head_read(struct wf_str bytes, struct wf_arena *arena, struct wf_snapshot_head *out,
                          struct wf_err *err) WF_MUST_USE;
int wf_snapshot_word_read(struct wf_str bytes, struct wf_arena *arena, struct wf_snapshot_word *out,
                          struct wf_err *err) WF_MUST_USE;
/* Appends one; what is in it is sorted here. Returns the buffer's status. */
int wf_snapshot_head_write(struct wf_snapshot_head *h, struct wf_buf *out);
int wf_snapshot_word_write(struct wf_snapshot_word *w, struct wf_buf *out);

/* What it covers of a device's log; NULL: nothing. */
const struct wf_snapshot_cover *wf_snapshot_cover_of(const struct wf_snapshot_head *h,
                                                     const uint8_t device[WF_SIGNER_ID_BYTES]);

#endif
