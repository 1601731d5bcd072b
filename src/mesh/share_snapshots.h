/* Share snapshots: the rows that say which snapshots of streams (mesh/snapshot.h) are on the shelf.
 *
 * Functions "in turn" want the caller's write transaction; those with a reader that. Thread: owner
 * of the turn or reader. */
#ifndef WF_MESH_SHARE_SNAPSHOTS_H
#define WF_MESH_SHARE_SNAPSHOTS_H

#include "base/arena.h"
#include "mesh/sync_message.h"
#include "store/store.h"

/* The values are stored: they stay. */
enum wf_share_snapshot_state {
    WF_SHARE_SNAPSHOT_NEW = 0,  /* not compared with what is here */
    WF_SHARE_SNAPSHOT_GOOD = 1, /* nothing is missing in it, or it is what this device began with */
    WF_SHARE_SNAPSHOT_BAD = 2,  /* it leaves out what it says it has */
};
#define WF_SHARE_SNAPSHOT_MERGED 4u /* added to the state */

struct wf_share_snapshot {
    struct wf_sync_log log; /* of who made it */
    uint64_t first, last;   /* numbers of its batches; last 0: they have not all come */
    int64_t at_ms;
    uint64_t n_bytes;
    enum wf_share_snapshot_state state;
    bool is_merged; /* taken, for it has another story of a log than is here */
    struct wf_str head;
};

/* Keeps one, or what is new of it; in turn. */
int wf_share_snapshot_put(struct wf_store *s, const struct wf_share_snapshot *snap,
                          struct wf_err *err) WF_MUST_USE;
/* Forgets those of a log whose first batch is before that one; in turn. */
int wf_share_snapshot_forget(struct wf_store *s, const struct wf_sync_log *log, uint64_t before,
                             struct wf_err *err) WF_MUST_USE;
/* Those of a stream, the newest first, in the arena; at most 64. */
int wf_share_snapshots(struct wf_reader *r, const uint8_t stream[WF_STREAM_ID_BYTES],
                       struct wf_arena *arena, struct wf_share_snapshot **out, size_t *out_n,
                       struct wf_err *err) WF_MUST_USE;

#endif
