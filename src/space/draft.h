/* Drafts: the documents of a store's spaces, open in memory as far as they are used.
 *
 * One struct wf_drafts serves a store. A draft is loaded when it is opened and leaves memory some
 * time after nobody has it open. A change is checked, applied, written to the store together with
 * others that came meanwhile (one commit), and only then told: to who made it and to listeners.
 * What was told is durable. A draft whose change could not be written is dropped: its listeners
 * hear that it is gone, and opening it anew gives what is on the disk.
 *
 * Now and then the log of a draft is made one snapshot (checked before it takes the log's place);
 * older snapshots stay as its history (space/history.h). Thread rule: any, where nothing else is
 * said. Locks: a draft's, then that of all; no callback is called with either but where it says
 * so. */
#ifndef WF_SPACE_DRAFT_H
#define WF_SPACE_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "crdt/crdt.h"
#include "store/draft_log.h"

/* The root that weft's own editor and commands work on. */
#define WF_DRAFT_ROOT WF_STR("text")

struct wf_drafts;
struct wf_draft;
struct wf_rights;

struct wf_drafts_options {
    struct wf_store *store;                /* borrowed until free */
    uint8_t device[WF_DRAFT_DEVICE_BYTES]; /* under which changes are kept */
    struct wf_rights *rights;              /* who may write; NULL = everybody. Borrowed */
    const struct wf_clock *clock;          /* NULL = the system's */
    const struct wf_rng *rng;              /* NULL = the system's */
    size_t n_idle_max;                     /* drafts nobody has open; 0 = 64 */
    int64_t idle_ms;                       /* how long they stay; 0 = 60,000 */
    int64_t gather_ms;                     /* between two commits at least; 0 = 5 */
    /* No threads: who waits for a commit makes it, and wf_drafts_commit and wf_drafts_tidy do what
     * they would. For the simulator. Thread rule then: owner. */
    bool is_stepped;
    /* Called on a thread of ours when a draft has changed and then rested for a moment. */
    void (*settled)(void *ud, int64_t draft);
    void *settled_ud;
};

/* Starts two threads (unless it is stepped): one commits, one tidies. Errors: NOMEM, BUSY (no room
 * for threads). */
int wf_drafts_new(const struct wf_drafts_options *o, struct wf_drafts **out,
                  struct wf_err *err) WF_MUST_USE;

/* Commits what waits, stops, frees. All drafts must have been closed. NULL is a no-op. */
void wf_drafts_free(struct wf_drafts *all);

/* Where it is stepped: commits what waits; makes snapshots that are due, lets go who rests. Else
 * nothing: the threads do. */
void wf_drafts_commit(struct wf_drafts *all);
void wf_drafts_tidy(struct wf_drafts *all);

/* Has fn(ud) called on the committing thread after each commit of changes: for who passes them on.
 * NULL: nobody. */
void wf_drafts_on_durable(struct wf_drafts *all, void (*fn)(void *ud), void *ud);

/* Has fn(ud, space) asked up to which number this device's own changes have been passed on: later
 * ones stay in the log when a snapshot takes its place. NULL (at first): none is waited for. Called
 * on the tidying thread without locks. */
typedef uint64_t (*wf_drafts_sent_fn)(void *ud, int64_t space);
void wf_drafts_keep_unsent(struct wf_drafts *all, wf_drafts_sent_fn fn, void *ud);

struct wf_drafts_stats {
    size_t n_open, n_idle; /* in memory: in use, and not */
    size_t resident_bytes; /* of those not in use right now */
    uint64_t n_commits, n_updates;
};
/* What is in memory, and what was written since the start. */
struct wf_drafts_stats wf_drafts_stats(struct wf_drafts *all);

/* Opens a draft by its row, loading it when needed. To be closed. Errors: NOENT, CORRUPT, NOMEM,
 * LIMIT, those of reading. */
int wf_draft_open(struct wf_drafts *all, int64_t id, struct wf_draft **out,
                  struct wf_err *err) WF_MUST_USE;
/* The same by names; `create` makes the draft (never the space) when there is none, unless one of
 * that name was removed since the start: an editor that had it open must not bring it back. */
int wf_draft_open_named(struct wf_drafts *all, struct wf_str space, struct wf_str name, bool create,
                        struct wf_draft **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_draft_close(struct wf_draft *d);

/* The same by its uid (WF_DRAFT_UID_BYTES). NOENT. */
int wf_draft_open_uid(struct wf_drafts *all, const uint8_t *uid, struct wf_draft **out,
                      struct wf_err *err) WF_MUST_USE;

/* Its row. */
int64_t wf_draft_id(const struct wf_draft *d);
/* Whether it may be changed here, at the moment. */
bool wf_draft_may_write(const struct wf_draft *d);

/* Takes the draft away; its listeners hear it. NOENT; those of reading and writing. */
int wf_draft_remove(struct wf_drafts *all, int64_t id, struct wf_err *err) WF_MUST_USE;

/* ---- changing ---- */

/* Told when a change is durable (rc 0) or lost (rc < 0: the draft is dropped), on the committing
 * thread: take note and return at once. */
struct wf_draft_ack {
    void (*fn)(void *ud, int rc); /* NULL: nobody asks */
    void *ud;
    const void *from; /* given to listeners: who made the change */
};

/* Applies an update of format 1, or refuses it whole: FORMAT, LIMIT. Waits while too much waits for
 * the disk. CANCELED: the draft was dropped. DENIED: the space may only be read. ack->fn is called
 * when, and only when, 0 is returned; also for an update that says nothing new, then behind all
 * before it. */
int wf_draft_apply(struct wf_draft *d, struct wf_str update, const struct wf_draft_ack *ack,
                   struct wf_err *err) WF_MUST_USE;

/* Of a change that another device made. */
struct wf_draft_origin {
    uint8_t device[WF_DRAFT_DEVICE_BYTES];
    uint64_t dseq; /* its number in that device's log; who brings it says how far the log is here */
    int64_t at_ms; /* when it was made, by that device's clock */
};

/* As wf_draft_apply, for another device's change: it is kept under that device and its number. What
 * is known already is not kept again. */
int wf_draft_apply_of(struct wf_draft *d, struct wf_str update,
                      const struct wf_draft_origin *origin, const struct wf_draft_ack *ack,
                      struct wf_err *err) WF_MUST_USE;

/* Calls ack->fn when everything applied so far is durable: for who read it. Errors: NOMEM,
 * CANCELED. */
int wf_draft_after(struct wf_draft *d, const struct wf_draft_ack *ack,
                   struct wf_err *err) WF_MUST_USE;

/* Calls fn with the document, to read it, under the draft's lock; its result is returned. */
typedef int (*wf_draft_doc_fn)(void *ud, struct wf_crdt *doc, struct wf_err *err);
int wf_draft_read(struct wf_draft *d, wf_draft_doc_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

/* A draft as its log says up to a number: of what is on the disk, and of nothing that came later or
 * waits to be written. */
struct wf_reader;
struct wf_draft_moment {
    struct wf_reader *r; /* which sees all of that */
    int64_t draft;
    uint64_t upto; /* seq; 0: all that the reader finds */
};
/* As wf_draft_read, of exactly that, be the draft open or not (it does not become so): who decides
 * by what stands in a draft which of its changes others get must have seen what those bring, though
 * it is deleted by now. NOENT: the log does not go up to there; CORRUPT, NOMEM, those of reading.
 * Thread: owner of the reader. */
int wf_draft_look(struct wf_drafts *all, const struct wf_draft_moment *at, wf_draft_doc_fn fn,
                  void *ud, struct wf_err *err) WF_MUST_USE;

/* As wf_draft_read, to change it, in one transaction, and waits until that is durable. When fn
 * fails after it has changed something, the draft is dropped. *out_changed (may be NULL): did it?
 */
int wf_draft_change(struct wf_draft *d, wf_draft_doc_fn fn, void *ud, bool *out_changed,
                    struct wf_err *err) WF_MUST_USE;

/* Makes its text (root WF_DRAFT_ROOT) `text` by the fewest insertions and deletions, against what
 * it is now. Durable when it returns. INVAL: the text is not UTF-8. */
int wf_draft_set_text(struct wf_draft *d, struct wf_str text, bool *out_changed,
                      struct wf_err *err) WF_MUST_USE;

/* ---- listening ---- */

struct wf_draft_event {
    struct wf_str update; /* of format 1, valid during the call; ptr NULL: the draft is gone */
    uint64_t seq;
    const void *from;
};
/* Called on the committing thread, for durable changes, in their order. */
typedef void (*wf_draft_fn)(void *ud, const struct wf_draft_event *e);

/* Adds a listener, who hears all that becomes durable from now on. Subscribe first, then read:
 * what is heard twice does no harm. Errors: NOMEM. */
int wf_draft_subscribe(struct wf_draft *d, wf_draft_fn fn, void *ud) WF_MUST_USE;
/* fn(ud) is not called after this has returned. Not from a listener. */
void wf_draft_unsubscribe(struct wf_draft *d, wf_draft_fn fn, void *ud);

/* Appends all of a draft, as a reader finds it on the disk, as one update of format 1; nothing
 * where there is nothing. *out_last: whose change was the last, and when. Errors: CORRUPT, NOMEM,
 * LIMIT, those of reading. Thread: owner of the reader. */
int wf_draft_whole(struct wf_reader *r, int64_t draft, struct wf_buf *out,
                   struct wf_draft_origin *out_last, struct wf_err *err) WF_MUST_USE;

/* Makes the snapshot now, if there is anything new, as is done by itself otherwise. For tests and
 * benches. */
int wf_draft_compact(struct wf_draft *d, struct wf_err *err) WF_MUST_USE;

#endif
