/* Log: each device's changes of a space in the order it made them, by number.
 *
 * A device numbers all that it writes into a space, drafts' updates and records' changes, from one
 * counter (dseq: 1, 2, 3, ...), so that a batch for others is a range of numbers and a gap is seen.
 * Kept for every device of the space: how far its log is here without a gap, the clock (crdt/hlc.h)
 * of its last change, and what it has said it has of the others' (device_seen), by which deletions
 * become final.
 *
 * Functions that take a store need the caller's turn of writing (wf_store_write_begin); those that
 * take a reader need that. Device ids have WF_DEVICE_ID_BYTES. Thread rule: owner (of the turn or
 * the reader). */
#ifndef WF_SPACE_LOG_H
#define WF_SPACE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "space/device.h"
#include "store/store.h"

/* The next number of the device's own log, from 1, taken with the transaction: a rollback gives it
 * back. NOENT: there is no such space. */
int wf_log_next(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                uint64_t *out_dseq, struct wf_err *err) WF_MUST_USE;

/* Says that the device's log is here up to and with `dseq`, whose clock was `hlc` (0: unknown, as
 * for a draft's update). Never goes back. The first call makes the device one of the space. NOENT,
 * RANGE (numbers above INT64_MAX). */
int wf_log_reach(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                 uint64_t dseq, uint64_t hlc, struct wf_err *err) WF_MUST_USE;

/* Whether the device still counts: what a revoked one has not seen keeps nothing. Makes it one of
 * the space. What all take of a revoked device's log is to be here before, and nothing more is
 * taken afterwards: a change from before a deletion that is final would bring back what it deleted.
 */
int wf_log_set_revoked(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                       bool is_revoked, struct wf_err *err) WF_MUST_USE;

/* Notes that device `by` has `of`'s log up to `dseq`, whose clock was `hlc`. Never goes back. What
 * a device says of itself (by == of) is its last number and its clock (wf_records_clock): all that
 * it writes later has a later one. Where a log comes in several streams, by label, no stream alone
 * says how far it is here: the device names with its word how far each was, and wf_log_reach is
 * called once all of them are here that far. */
int wf_log_saw(struct wf_store *s, int64_t space, const uint8_t by[WF_DEVICE_ID_BYTES],
               const uint8_t of[WF_DEVICE_ID_BYTES], uint64_t dseq, uint64_t hlc,
               struct wf_err *err) WF_MUST_USE;

/* How far a device's log is here. */
struct wf_log_head {
    uint8_t device[WF_DEVICE_ID_BYTES];
    uint64_t dseq, hlc; /* 0: nothing yet */
    bool is_revoked;
};

/* All devices of the space by id; the array lives in the arena. */
int wf_log_heads(struct wf_reader *r, int64_t space, struct wf_arena *arena,
                 struct wf_log_head **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* One thing of a device's log. */
enum wf_log_kind {
    WF_LOG_CHANGE, /* of records (crdt/change.h) */
    WF_LOG_UPDATE, /* of a draft, of format 1 */
};

struct wf_log_entry {
    enum wf_log_kind kind;
    uint64_t dseq;
    uint64_t hlc;  /* of a change */
    uint8_t label; /* what it bears now, 0 to 3 (privacy/label.h); 3 where it has none */
    struct wf_str bytes;
    const uint8_t *draft; /* of an update: the draft's uid, 16 bytes; else NULL */
    int64_t at_ms;        /* of an update */
};

/* Calls fn for what the device has written from `from_dseq` on, in order. Updates that a draft's
 * snapshot has taken in are not there any more, nor are those of a draft that was removed: their
 * numbers are left out. A non-zero result of fn ends it and is returned; views are valid during the
 * call. */
typedef int (*wf_log_fn)(void *ud, const struct wf_log_entry *e, struct wf_err *err);
int wf_log_read(struct wf_reader *r, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                uint64_t from_dseq, wf_log_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

#endif
