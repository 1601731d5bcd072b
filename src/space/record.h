/* Records of spaces: small things with fields, by collection and key ("contacts/ana"), that several
 * devices write and that come to the same everywhere (crdt/record.h).
 *
 * One struct wf_records serves a store. A write becomes a change signed by this device, is stored
 * together with others that wait (one commit for all), and is durable when the function returns. A
 * change of another device is verified, stored as it is, and applied; the same one again does
 * nothing. What was deleted goes for good, also from the stored changes, once every device of the
 * space has said that it has the deletion (space/log.h). Thread rule: any, where nothing else is
 * said. */
#ifndef WF_SPACE_RECORD_H
#define WF_SPACE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "crdt/change.h"
#include "store/store.h"

struct wf_gang;
struct wf_records;
struct wf_rights;

struct wf_records_options {
    struct wf_store *store;         /* borrowed until free */
    struct wf_rights *rights;       /* who may write; NULL: everybody. Borrowed */
    const struct wf_signer *signer; /* this device; borrowed until free */
    const struct wf_clock *clock;   /* NULL = the system's */
    const struct wf_rng *rng;       /* NULL = the system's */
    /* This device says to others what it has (wf_log_saw of itself): what is deleted waits for
     * that, too, where there are others; else they would wait for its word for ever. */
    bool tells;
    int64_t tidy_ms; /* rest before what was deleted is destroyed; 0 = 2,000; < 0: by tidy alone */
    /* Whether a device's changes are taken: 0, or DENIED with a sentence (unknown, revoked, may
     * only read). Before the change is looked at; NULL: of all. */
    int (*may)(void *ud, int64_t space, const uint8_t device[WF_SIGNER_ID_BYTES],
               struct wf_err *err);
    /* Told after the commit, by the thread that committed, of each record that was written. */
    void (*changed)(void *ud, int64_t space, struct wf_str collection, struct wf_str key);
    void *ud;
};

/* Reads the clock's last time and starts a thread that destroys what was deleted. Errors: NOMEM,
 * BUSY (no room for a thread), those of reading. */
int wf_records_new(const struct wf_records_options *o, struct wf_records **out,
                   struct wf_err *err) WF_MUST_USE;
/* Nobody may be inside. What was deleted and not destroyed yet is, first. NULL is a no-op. */
void wf_records_free(struct wf_records *r);

/* ---- writing ---- */

/* What is to be done to one record. Of the ops, COUNT has in `total` what to add, TAKE needs no
 * dots; their order does not matter, but no place may be named twice. */
struct wf_record_edit {
    struct wf_str collection, key;
    /* Of what is written; what its space has is the least. Where it only ends something (DELETE,
     * UNSET, TAKE) it gets the label that the record is known under, where that is higher; else
     * what somebody gave the record. */
    uint8_t label;
    const struct wf_record_op *ops;
    size_t n_ops;
};

/* Does it, all or nothing, as one change; durable when it returns 0. Errors: INVAL (a name; the
 * same place or record twice), FORMAT (a value that is not JSON), LIMIT (too large, too many),
 * NOENT (no such space; nothing to take back), RANGE (a counter), DENIED (the space may only be
 * read), those of writing. */
int wf_records_write(struct wf_records *r, int64_t space, const struct wf_record_edit *edits,
                     size_t n, struct wf_err *err) WF_MUST_USE;

/* The same, and what fn writes goes with it: both are there, or neither is. fn is called in the
 * turn of writing, behind the records, by whatever thread has it; it must not write records. Other
 * errors: fn's. */
struct wf_records_along {
    int (*fn)(void *ud, struct wf_err *err);
    void *ud;
};
int wf_records_write_along(struct wf_records *r, int64_t space, const struct wf_record_edit *edits,
                           size_t n, const struct wf_records_along *along,
                           struct wf_err *err) WF_MUST_USE;

/* Takes changes of other devices, all or none. *out_n_new (may be NULL) is how many were new.
 * Errors: those of wf_change_read, DENIED (signature; the device may not), RANGE (the clock of who
 * made it is too far ahead, wf_hlc_see), CORRUPT (a device has signed two changes of one number, or
 * let its clock go back: it was copied or is forged), NOENT (the space), those of writing.
 *
 * The second is the same within the caller's turn of writing, for batches of which the changes are
 * a part; the caller rolls back when it fails. It tells nobody.
 */
int wf_records_apply(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n,
                     size_t *out_n_new, struct wf_err *err) WF_MUST_USE;
int wf_records_apply_in_turn(struct wf_records *r, int64_t space, const struct wf_str *changes,
                             size_t n, size_t *out_n_new, struct wf_err *err) WF_MUST_USE;

/* The same in two steps, so that others need not wait while signatures are looked at: n changes are
 * read into `out` (n of them; views into their bytes) and checked, by the members of a gang (NULL:
 * by the caller); then they are taken in a turn. */
int wf_records_check(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n,
                     struct wf_gang *gang, struct wf_change *out, struct wf_err *err) WF_MUST_USE;
int wf_records_apply_checked_in_turn(struct wf_records *r, int64_t space,
                                     const struct wf_change *changes, size_t n, size_t *out_n_new,
                                     struct wf_err *err) WF_MUST_USE;
/* A record's fields as they are within the caller's turn. NOENT. */
int wf_records_json_in_turn(struct wf_records *r, int64_t space, struct wf_str collection,
                            struct wf_str key, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Tells of the records of changes that were taken in a turn, once that is committed. */
void wf_records_tell(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n);
/* The same of changes that were checked. */
void wf_records_tell_checked(struct wf_records *r, int64_t space, const struct wf_change *changes,
                             size_t n);
/* The space gets another uid (the caller sets it), which signatures name: this device's changes are
 * signed anew, with their numbers and times; those of others are brought along (crdt/change.h,
 * moved) and are to be told by this device, for their authors may never come: one who comes takes
 * the place of what was brought. In the caller's turn. Errors: CORRUPT, FORMAT, NOMEM, those of
 * writing. */
int wf_records_move_in_turn(struct wf_records *r, int64_t space,
                            const uint8_t uid[WF_CHANGE_UID_BYTES], struct wf_err *err) WF_MUST_USE;

/* Calls fn for each change that was brought along and not told yet, by device and number; a result
 * that is not 0 ends it and is returned. The bytes are valid during the call. Then, in the caller's
 * turn: all up to that one are told. */
struct wf_records_brought {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t dseq;
    uint8_t label;
    struct wf_str bytes;
};
typedef int (*wf_records_brought_fn)(void *ud, const struct wf_records_brought *b,
                                     struct wf_err *err);
int wf_records_brought(struct wf_reader *reader, int64_t space, wf_records_brought_fn fn, void *ud,
                       struct wf_err *err) WF_MUST_USE;
int wf_records_told_brought(struct wf_records *r, int64_t space, const struct wf_records_brought *b,
                            struct wf_err *err) WF_MUST_USE;

/* A device counts from now on: no deletion is final before it has seen it, nor are those that were
 * before it counted, as far as their changes are still there; that is put off until a change comes
 * that may be older. Does nothing where it counts; in the caller's turn. Errors: CORRUPT, NOENT
 * (the space), NOMEM, those of writing. */
int wf_records_count_in_turn(struct wf_records *r, int64_t space,
                             const uint8_t device[WF_SIGNER_ID_BYTES],
                             struct wf_err *err) WF_MUST_USE;

/* Before what counts is given to others as a whole: the deletions of which that was put off count.
 * Takes a turn of writing. Errors: as there. */
int wf_records_count_again(struct wf_records *r, int64_t space, struct wf_err *err) WF_MUST_USE;

/* Says that the devices have said more of what they have (wf_log_saw), or that there are more or
 * fewer: what is deleted is looked at again, later. */
void wf_records_poke(struct wf_records *r);

/* Does now what the thread does: forgets deletions that every device has, and destroys what they
 * deleted in the stored changes. *out_n (may be NULL): records that were settled, changes that were
 * pruned. */
struct wf_records_tidied {
    size_t n_settled, n_pruned;
};
int wf_records_tidy(struct wf_records *r, struct wf_records_tidied *out,
                    struct wf_err *err) WF_MUST_USE;

/* A time of this device's clock: all that it has written is before it, all that it writes from now
 * on is later, also after a restart. It is what the device says to others of its own log with what
 * it has of theirs (wf_log_saw by itself of itself). Errors: those of writing. */
int wf_records_clock(struct wf_records *r, uint64_t *out, struct wf_err *err) WF_MUST_USE;

/* How far this device's clock is ahead of the wall's, in ms (wf_hlc_ahead_ms). */
int64_t wf_records_ahead_ms(struct wf_records *r);

/* ---- reading, within a reader; strings live in the arena ---- */

struct wf_record_row {
    struct wf_str collection, key;
    uint8_t label;      /* of its fields; the space's may be higher */
    uint8_t least;      /* the lowest clearance for which there is something of it */
    int64_t changed_ms; /* when it was last written, by the writer's clock */
    struct wf_str state;
};

/* The name of a space. NOENT. */
int wf_records_space(struct wf_reader *reader, int64_t space, struct wf_arena *arena,
                     struct wf_str *out, struct wf_err *err) WF_MUST_USE;

/* One record that is there. NOENT. */
int wf_records_get(struct wf_reader *reader, int64_t space, struct wf_str collection,
                   struct wf_str key, struct wf_arena *arena, struct wf_record_row *out,
                   struct wf_err *err) WF_MUST_USE;

/* Those of a collection (empty: of all), by collection and key, behind `after_collection` and
 * `after_key` (empty: from the first), at most n_max. */
struct wf_records_page {
    int64_t space;
    struct wf_str collection, after_collection, after_key;
    size_t n_max; /* 1 to 1000 */
};
int wf_records_list(struct wf_reader *reader, const struct wf_records_page *page,
                    struct wf_arena *arena, struct wf_record_row **out, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;

/* A row's fields as an object (wf_record_json). CORRUPT, NOMEM. */
int wf_record_row_json(const struct wf_record_row *row, json_t **out,
                       struct wf_err *err) WF_MUST_USE;

/* What was done to a record, the newest first, at most n_max: reads all changes of the space. */
struct wf_record_event {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t dseq;
    int64_t at_ms;
    struct wf_str ops; /* a JSON array of {"op","field","value"|"total"|"label"} */
};
int wf_records_history(struct wf_reader *reader, int64_t space, struct wf_str collection,
                       struct wf_str key, size_t n_max, struct wf_arena *arena,
                       struct wf_record_event **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* Calls fn for each change with that label of which something still counts, without the rest, by
 * device and number; a non-zero result ends it and is returned. The bytes are valid during the
 * call. */
typedef int (*wf_records_live_fn)(void *ud, struct wf_str bytes, struct wf_err *err);
int wf_records_live(struct wf_reader *reader, int64_t space, uint8_t label, wf_records_live_fn fn,
                    void *ud, struct wf_err *err) WF_MUST_USE;
/* Whether an item of a change still counts, as far as it can be told. */
bool wf_records_count_on(struct wf_reader *reader, int64_t space, const struct wf_change *c,
                         const struct wf_change_item *item);

/* A hash of all records of the space: the same on devices that have the same changes. is_final: of
 * what is to be seen, whatever was settled where. */
int wf_records_digest(struct wf_reader *reader, int64_t space, bool is_final, uint8_t out[32],
                      struct wf_err *err) WF_MUST_USE;

#endif
