/* What the files of drafts share; nobody outside space/ includes it. */
#ifndef WF_SPACE_DRAFT_INTERNAL_H
#define WF_SPACE_DRAFT_INTERNAL_H

#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"
#include "space/draft.h"

#define WF_DRAFT_BUCKETS 1024

/* Something to be committed, or only to be told when all before it is. */
struct wf_draft_entry {
    struct wf_list node;
    struct wf_draft *d; /* holds a reference */
    struct wf_draft_ack ack;
    uint64_t seq; /* 0: nothing to be written */
    int64_t at_ms;
    struct wf_draft_origin origin; /* dseq 0: ours */
    int rc;
    size_t n;
    char bytes[];
};

struct wf_draft_listener {
    struct wf_list node;
    wf_draft_fn fn;
    void *ud;
};

struct wf_draft {
    struct wf_drafts *all;
    int64_t id, space;

    /* Guarded by all->lock. */
    struct wf_list bucket; /* by id */
    struct wf_list idle;   /* in all->idle while nobody has it, the longest first */
    unsigned n_refs;
    bool is_loading, is_listed; /* listed: in a bucket; a dropped one is not */
    int load_rc;
    struct wf_err load_err;
    int64_t idle_ns, changed_ns;
    bool is_unsettled;
    size_t resident_bytes; /* as it was when it became idle */

    pthread_mutex_t lock; /* rank 1: guards what follows */
    struct wf_crdt *doc;
    struct wf_buf emitted; /* the update of the transaction that just ended */
    bool is_dropped;       /* no more changes: what is in memory is not what is on the disk */
    uint64_t next_seq;
    uint64_t written_seq;         /* the last that is on the disk */
    uint64_t snap_seq;            /* the newest snapshot's */
    size_t snap_bytes;            /* its length */
    uint64_t log_rows, log_bytes; /* behind it */
    uint8_t last_device[WF_DRAFT_DEVICE_BYTES];
    int64_t last_ms;

    pthread_mutex_t listen_lock; /* guards listeners; held while they are called */
    struct wf_list listeners;
};

/* Names of drafts that were removed: what has one of them open still must not make it anew. */
#define WF_DRAFT_REMOVED 64
struct wf_draft_removed {
    int64_t space; /* 0: none */
    uint64_t hash; /* of the name */
};

struct wf_drafts {
    struct wf_drafts_options o;
    pthread_mutex_t lock; /* rank 2 */
    pthread_cond_t loaded, work, room, chore;
    struct wf_list buckets[WF_DRAFT_BUCKETS];
    struct wf_list idle;
    struct wf_list queue; /* struct wf_draft_entry */
    size_t n_open, n_idle, queue_bytes;
    struct wf_drafts_stats stats;
    struct wf_draft_removed removed[WF_DRAFT_REMOVED]; /* a ring */
    size_t i_removed;
    void (*durable)(void *ud);
    void *durable_ud;
    wf_drafts_sent_fn sent;
    void *sent_ud;
    bool stop;
    pthread_t committer, keeper;
    bool has_committer, has_keeper;
};

/* A reference less; the last one makes the draft idle, or frees a dropped one. */
void wf_draft__unref(struct wf_draft *d);
/* No more changes: out of the table, listeners told. */
void wf_draft__drop(struct wf_draft *d);
/* Notes that a draft of that name was removed; and whether one was, lately. */
void wf_draft__note_removed(struct wf_drafts *all, int64_t space, struct wf_str name);
bool wf_draft__was_removed(struct wf_drafts *all, int64_t space, struct wf_str name);
/* Frees a draft that nobody has. */
void wf_draft__free(struct wf_draft *d);

/* Tells all listeners. */
void wf_draft__tell(struct wf_draft *d, const struct wf_draft_event *e);

/* Puts an entry into the queue (taken over). d->lock is held. */
void wf_draft__queue(struct wf_draft *d, struct wf_draft_entry *e);
struct wf_draft_entry *wf_draft__entry(struct wf_draft *d, const struct wf_draft_ack *ack,
                                       struct wf_str bytes) WF_MUST_USE;

/* Waits until all that was applied so far is on the disk. */
int wf_draft__await(struct wf_draft *d, struct wf_err *err) WF_MUST_USE;
/* wf_draft_apply, and waits until it is durable. */
int wf_draft__apply_durable(struct wf_draft *d, struct wf_str update,
                            struct wf_err *err) WF_MUST_USE;

/* Threads, and one round of each. */
void *wf_draft__commit_loop(void *ud);
void *wf_draft__keep_loop(void *ud);
void wf_draft__commit_now(struct wf_drafts *all);
void wf_draft__keep_now(struct wf_drafts *all);

/* Fills a new draft from the store. */
int wf_draft__load(struct wf_draft *d, struct wf_err *err) WF_MUST_USE;
/* Whether the log is long enough to become a snapshot. d->lock is held. */
bool wf_draft__wants_compaction(const struct wf_draft *d);

/* A document of what the store has of a draft up to `upto`: for the past. keep_log: the highest seq
 * that went in. */
struct wf_draft_past {
    int64_t draft;
    uint64_t upto;
    uint64_t client;
    wf_crdt_on_update *on_update;
    void *ud;
};
struct wf_draft_found {
    struct wf_crdt *doc;
    uint64_t snap_seq, last_seq, log_rows, log_bytes;
    size_t snap_bytes;
    uint8_t device[WF_DRAFT_DEVICE_BYTES]; /* of the last change */
    int64_t at_ms;
};
int wf_draft__read_past(struct wf_reader *r, const struct wf_draft_past *past,
                        struct wf_draft_found *out, struct wf_err *err) WF_MUST_USE;

#endif
