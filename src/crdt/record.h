/* Record: what all changes of one record come to, whatever their order, however often each came.
 *
 * A record is a set of cells, each of which only grows: joining two keeps the later of both. So
 * applying changes and merging states commute, and doing it twice does nothing.
 *   value    one a field: the last write (time, then device), also "unset"
 *   count    one a field and device: that device's total; the field's number is the sum
 *   member   one a field, value and device: that device's last add, and up to which of its adds
 * they were taken back; a value is in the set while some device's add was not (add wins: an add
 * that the taker did not know of stays) label    the least label of the record, as somebody set it
 * A deletion ends all cells that were written before it; what was written after it, or with it, is
 * the record made anew. A write to a field likewise ends counts and members before it. Deletions,
 * unset fields and taken adds are kept until they are settled: until every device has them and all
 * that came before them is here (wf_record_settle).
 *
 * Strings are borrowed from the state and the changes until deinit. Thread rule: owner. */
#ifndef WF_CRDT_RECORD_H
#define WF_CRDT_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crdt/change.h"

/* When, and by which device; hlc 0: never. */
struct wf_stamp {
    uint64_t hlc;
    uint8_t device[WF_SIGNER_ID_BYTES];
};

/* Their order: by time, then device. */
int wf_stamp_cmp(const struct wf_stamp *a, const struct wf_stamp *b);

struct wf_record_cell;

struct wf_record {
    struct wf_stamp gone; /* the last deletion */
    struct wf_record_cell *_cells;
    size_t _n, _room;
};

/* An empty record, which was never written. Allocates nothing. */
void wf_record_init(struct wf_record *r);
void wf_record_deinit(struct wf_record *r);

/* Reads a state into an empty record. Errors: CORRUPT, NOMEM. */
int wf_record_read(struct wf_record *r, struct wf_str state, struct wf_err *err) WF_MUST_USE;
/* Appends the state: equal records give equal bytes. is_final: as if everything were settled, which
 * is what a person sees of it. Returns wf_buf_status. */
int wf_record_write(const struct wf_record *r, bool is_final, struct wf_buf *out);

/* Joins an item of a change that was made at `at`. NOMEM: some of it may be in, doing it again puts
 * in the rest. */
int wf_record_apply(struct wf_record *r, const struct wf_change_item *item,
                    const struct wf_stamp *at, struct wf_err *err) WF_MUST_USE;
/* Joins another record's state, whose strings are borrowed from where it has them. NOMEM as above.
 */
int wf_record_merge(struct wf_record *r, const struct wf_record *other,
                    struct wf_err *err) WF_MUST_USE;

/* Forgets deletions, unset fields and taken adds for which is_stable says that every device has
 * them and that nothing older can come any more. Whether anything was forgotten. */
bool wf_record_settle(struct wf_record *r, bool (*is_stable)(void *ud, const struct wf_stamp *at),
                      void *ud);

/* Whether nothing at all is left; whether there is something to see; the highest label of what
 * there is to see; the label that somebody gave it (0: none); the least clock of what is to be
 * settled (0: nothing); bytes of all values. */
bool wf_record_is_empty(const struct wf_record *r);
bool wf_record_is_live(const struct wf_record *r);
uint8_t wf_record_label(const struct wf_record *r);
uint8_t wf_record_floor(const struct wf_record *r);
uint64_t wf_record_unsettled(const struct wf_record *r);
size_t wf_record_bytes(const struct wf_record *r);
/* The clock when a field was written, added to or unset last, or the record deleted; 0: never. */
uint64_t wf_record_field_hlc(const struct wf_record *r, struct wf_str field);

/* Whether anything of it is by the change made at `at`: else that counts for nothing any more. */
bool wf_record_holds(const struct wf_record *r, const struct wf_stamp *at);

/* Its fields as an object: values as they are, counters as numbers, sets as arrays in the order of
 * their bytes. A field that was written in several ways is what the latest one says. NULL out of
 * memory. */
json_t *wf_record_json(const struct wf_record *r) WF_MUST_USE;

/* ---- what this device is to write ---- */

/* The op COUNT that adds `by` to a counter for `device`. RANGE: the total would be too large. */
int wf_record_count_op(const struct wf_record *r, const uint8_t device[WF_SIGNER_ID_BYTES],
                       struct wf_str field, int64_t by, struct wf_record_op *out,
                       struct wf_err *err) WF_MUST_USE;
/* The op TAKE of all adds of the value that are known; its dots are appended to `dots` and stay
 * there. NOENT: the value is not in the set. NOMEM, LIMIT. */
int wf_record_take_op(const struct wf_record *r, struct wf_str field, struct wf_str value,
                      struct wf_buf *dots, struct wf_record_op *out,
                      struct wf_err *err) WF_MUST_USE;

#endif
