/* Draft log: the rows that drafts are made of: what there is, its updates, its snapshots.
 *
 * It knows nothing of what the bytes say (space/draft.h does). Functions with "in turn" want the
 * caller's write transaction (wf_store_write_begin); the other writing ones take a turn of their
 * own and are durable when they return 0. Reading functions need a reader; strings live in the
 * arena. Thread: any (owner of the turn or reader). */
#ifndef WF_STORE_DRAFT_LOG_H
#define WF_STORE_DRAFT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define WF_DRAFT_UID_BYTES 16
#define WF_DRAFT_DEVICE_BYTES 32
#define WF_DRAFT_HASH_BYTES 32

struct wf_draft_row {
    int64_t id, space;
    uint8_t uid[WF_DRAFT_UID_BYTES];
    struct wf_str name, label, space_name, space_label;
    int64_t created_ms, updated_ms;
};

/* Makes an empty draft with its space's label. Errors: EXIST, LIMIT (WF_LIMIT_DRAFTS), NOENT (the
 * space), those of writing. */
int wf_draft_row_add(struct wf_store *s, int64_t space, struct wf_str name, int64_t *out_id,
                     struct wf_err *err) WF_MUST_USE;
/* The same with a uid that another device gave it; EXIST also when there is a draft of that uid. */
int wf_draft_row_add_uid(struct wf_store *s, int64_t space, struct wf_str name, const uint8_t *uid,
                         int64_t *out_id, struct wf_err *err) WF_MUST_USE;
/* The number of the draft of that uid, which is made when there is none; in turn. Errors: as of the
 * one before, without the uid's EXIST. */
int wf_draft_row_ensure_in_turn(struct wf_store *s, int64_t space, struct wf_str name,
                                const uint8_t *uid, int64_t *out_id,
                                struct wf_err *err) WF_MUST_USE;
/* NOENT; EXIST when another of the space has the name. */
int wf_draft_row_rename(struct wf_store *s, int64_t id, struct wf_str name,
                        struct wf_err *err) WF_MUST_USE;
/* NOENT. */
int wf_draft_row_label(struct wf_store *s, int64_t id, struct wf_str label,
                       struct wf_err *err) WF_MUST_USE;
/* The same two in turn; what they refuse changes nothing. */
int wf_draft_row_rename_in_turn(struct wf_store *s, int64_t id, struct wf_str name,
                                struct wf_err *err) WF_MUST_USE;
int wf_draft_row_label_in_turn(struct wf_store *s, int64_t id, struct wf_str label,
                               struct wf_err *err) WF_MUST_USE;
/* Takes the draft away with its log and snapshots, also out of the files' unused parts. NOENT. */
int wf_draft_row_remove(struct wf_store *s, int64_t id, struct wf_err *err) WF_MUST_USE;

/* By space and name; by its number; by its 32 hex digits. NOENT. */
int wf_draft_row_named(struct wf_reader *r, int64_t space, struct wf_str name,
                       struct wf_arena *arena, struct wf_draft_row *out,
                       struct wf_err *err) WF_MUST_USE;
int wf_draft_row_get(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                     struct wf_draft_row *out, struct wf_err *err) WF_MUST_USE;
int wf_draft_row_uid(struct wf_reader *r, struct wf_str hex, struct wf_arena *arena,
                     struct wf_draft_row *out, struct wf_err *err) WF_MUST_USE;

/* The last changed first: those of `space` (0 = all) that stand behind the one with this time and
 * number (both 0: from the beginning), at most n_max (<= 1000). */
struct wf_draft_page {
    int64_t space, before_ms, before_id;
    size_t n_max;
};
int wf_draft_row_page(struct wf_reader *r, const struct wf_draft_page *page, struct wf_arena *arena,
                      struct wf_draft_row **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* A draft that another device made, with all that is known of it as its first update. */
struct wf_draft_new {
    int64_t space;
    const uint8_t *uid;    /* WF_DRAFT_UID_BYTES */
    struct wf_str name;    /* a number is put behind it where another draft has it */
    struct wf_str label;   /* empty: that of the space */
    const uint8_t *device; /* whose change it is */
    uint64_t dseq;
    int64_t at_ms;
    struct wf_str update; /* of format 1; empty: nothing */
};
/* Puts one that is not here; in turn. EXIST: it is; LIMIT (too many of that name), NOENT (the
 * space). Of how many there may be nothing is said here. */
int wf_draft_put_new(struct wf_store *s, const struct wf_draft_new *d, int64_t *out_id,
                     struct wf_err *err) WF_MUST_USE;
/* How many drafts there are; in turn. */
int wf_draft_count(struct wf_store *s, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* ---- updates ---- */

struct wf_draft_update {
    int64_t draft;
    uint64_t seq; /* 1 is the first */
    uint64_t dseq;
    const uint8_t *device; /* WF_DRAFT_DEVICE_BYTES */
    int64_t at_ms;
    struct wf_str bytes; /* of format 1 */
};

/* Moves the draft's updated_ms; in turn. NOENT when the draft is gone. */
int wf_draft_log_touch(struct wf_store *s, int64_t draft, int64_t at_ms,
                       struct wf_err *err) WF_MUST_USE;
/* Adds an update of a draft that is there; in turn. */
int wf_draft_log_append(struct wf_store *s, const struct wf_draft_update *u,
                        struct wf_err *err) WF_MUST_USE;

/* Calls fn for the updates from..to in their order; a non-zero result stops and is returned. Views
 * are valid during the call. `fn` may get them without their bytes (then bytes.ptr is NULL, len is
 * right), which reads less. */
typedef int (*wf_draft_update_fn)(void *ud, const struct wf_draft_update *u, struct wf_err *err);
struct wf_draft_span {
    int64_t draft;
    uint64_t from, to;
    bool no_bytes;
};
int wf_draft_log_each(struct wf_reader *r, const struct wf_draft_span *span, wf_draft_update_fn fn,
                      void *ud, struct wf_err *err) WF_MUST_USE;

/* The highest seq of updates and snapshots, and what the log behind `from` holds. */
struct wf_draft_extent {
    uint64_t last_seq, n_updates, bytes;
};
int wf_draft_log_extent(struct wf_reader *r, int64_t draft, uint64_t from,
                        struct wf_draft_extent *out, struct wf_err *err) WF_MUST_USE;

/* ---- snapshots ---- */

struct wf_draft_snapshot {
    int64_t draft;
    uint64_t upto_seq;
    const uint8_t *device;
    int64_t at_ms;
    struct wf_str state_vector;
    struct wf_str bytes; /* of format 2 */
    size_t n_bytes;      /* also where bytes were not read */
    bool is_whole;       /* read: the hash is that of the bytes */
};

/* Adds one (or replaces that of the same upto_seq); in turn. */
int wf_draft_snapshot_put(struct wf_store *s, const struct wf_draft_snapshot *snap,
                          struct wf_err *err) WF_MUST_USE;

/* The newest one with upto_seq at most `upto`, bytes in the arena. *out_found false: there is none.
 */
int wf_draft_snapshot_get(struct wf_reader *r, int64_t draft, uint64_t upto, struct wf_arena *arena,
                          struct wf_draft_snapshot *out, bool *out_found,
                          struct wf_err *err) WF_MUST_USE;

/* All of them without bytes and state vectors, the oldest first; device lives in the arena. */
int wf_draft_snapshot_list(struct wf_reader *r, int64_t draft, struct wf_arena *arena,
                           struct wf_draft_snapshot **out, size_t *out_n,
                           struct wf_err *err) WF_MUST_USE;

/* ---- the image of the newest snapshot: a cache ---- */

/* Keeps it in place of the one before; empty bytes only remove that; in turn. */
int wf_draft_image_put(struct wf_store *s, int64_t draft, uint64_t upto_seq, struct wf_str bytes,
                       struct wf_err *err) WF_MUST_USE;

/* Calls fn with what the newest snapshot up to `upto` is, where it has an image, whose bytes are
 * those given (n_bytes is the snapshot's own length, there is no state vector); views are valid
 * during the call. 0 where there is none. */
typedef int (*wf_draft_image_fn)(void *ud, const struct wf_draft_snapshot *snap,
                                 struct wf_err *err);
int wf_draft_image_use(struct wf_reader *r, int64_t draft, uint64_t upto, wf_draft_image_fn fn,
                       void *ud, struct wf_err *err) WF_MUST_USE;

/* Removes a snapshot; the updates up to `upto`, but not those of `device` with numbers above `sent`
 * in its log; in turn. */
int wf_draft_snapshot_drop(struct wf_store *s, int64_t draft, uint64_t upto_seq,
                           struct wf_err *err) WF_MUST_USE;
struct wf_draft_trim {
    int64_t draft;
    uint64_t upto, sent;
    const uint8_t *device;
};
int wf_draft_log_trim(struct wf_store *s, const struct wf_draft_trim *trim,
                      struct wf_err *err) WF_MUST_USE;

#endif
