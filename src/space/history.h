/* History: what a draft was, and when: its snapshots and the updates behind them, gathered into
 * versions that a person tells apart. Nothing is ever rewritten: going back to a version writes the
 * difference as new changes. Thread rule: any. */
#ifndef WF_SPACE_HISTORY_H
#define WF_SPACE_HISTORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "space/draft.h"

/* Changes of one device belong to one version while none is later than so long after the one
 * before it. */
#define WF_VERSION_GAP_MS 300000
/* Versions that are listed at most: the newest. */
#define WF_VERSIONS_MAX 1000

struct wf_version {
    uint64_t seq; /* its last change; what wf_history_* take */
    int64_t from_ms, to_ms;
    const uint8_t *device; /* WF_DRAFT_DEVICE_BYTES, in the arena */
    uint64_t n_changes;    /* 0: not known any more, it is a snapshot */
    uint64_t bytes;        /* of the changes, or the snapshot */
};

/* The versions of a draft that can still be read, the newest first. Errors: those of reading,
 * NOMEM, CORRUPT. */
int wf_history_list(struct wf_drafts *all, int64_t draft, struct wf_arena *arena,
                    struct wf_version **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* The draft as it was after the change `seq`, as a document of its own that the caller frees.
 * NOENT: that version is not kept (any more). */
int wf_history_open(struct wf_drafts *all, int64_t draft, uint64_t seq, struct wf_crdt **out,
                    struct wf_err *err) WF_MUST_USE;

/* Appends the text of a version. Errors: as wf_history_open, LIMIT (of `out`). */
int wf_history_text(struct wf_drafts *all, int64_t draft, uint64_t seq, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;

/* Makes the text what it was, by new changes. Durable when it returns. */
int wf_history_restore(struct wf_draft *d, uint64_t seq, bool *out_changed,
                       struct wf_err *err) WF_MUST_USE;

/* Makes the text of the draft `text` as somebody wrote it who had the version `base` before them:
 * only what they changed is changed, whatever others did since. NOENT: `base` is not kept. */
int wf_history_edit(struct wf_draft *d, uint64_t base, struct wf_str text, bool *out_changed,
                    struct wf_err *err) WF_MUST_USE;

/* The seq of the newest durable change; 0: there is none. */
int wf_history_last(struct wf_drafts *all, int64_t draft, uint64_t *out,
                    struct wf_err *err) WF_MUST_USE;

#endif
