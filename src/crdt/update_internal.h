/* Reading and writing structs of updates, for files in crdt/ only. Thread rule: owner. */
#ifndef WF_CRDT_UPDATE_INTERNAL_H
#define WF_CRDT_UPDATE_INTERNAL_H

#include "crdt/crdt_internal.h"
#include "crdt/update.h"

/* ---- columns of format 2 ---- */

struct wf_crdt_runs { /* numbers, or their differences, with a count of repetitions */
    struct wf_buf buf;
    int64_t value, diff;
    uint64_t count;
};
enum wf_crdt_column {
    WF_CRDT_COL_KEY,
    WF_CRDT_COL_CLIENT,
    WF_CRDT_COL_LEFT,
    WF_CRDT_COL_RIGHT,
    WF_CRDT_COL_INFO,
    WF_CRDT_COL_TEXT,
    WF_CRDT_COL_PARENT,
    WF_CRDT_COL_KIND,
    WF_CRDT_COL_LEN,
    WF_CRDT_COL_COUNT
};
struct wf_crdt_columns {
    struct wf_crdt_runs runs[WF_CRDT_COL_COUNT];
    struct wf_buf text; /* all strings; runs[TEXT] has their lengths */
    int64_t next_key;
};

/* ---- writing ---- */

struct wf_crdt_out {
    const struct wf_crdt *d;
    struct wf_buf *rest;          /* format 1: all of it */
    struct wf_crdt_columns *cols; /* NULL in format 1 */
    uint32_t deletes_at;          /* of format 2: end of the range before */
    int rc;                       /* the first failure outside of the buffers */
};

/* Begins an update in `out` (its rest is appended there in format 1). Format 2 needs cols and a
 * rest buffer of its own. */
void wf_crdt__out_init(struct wf_crdt_out *o, const struct wf_crdt *d, struct wf_buf *rest,
                       struct wf_crdt_columns *cols);
/* Ends an update of format 2: columns and rest into `out`; frees both. */
int wf_crdt__out_finish(struct wf_crdt_out *o, struct wf_buf *out);
void wf_crdt__out_client(struct wf_crdt_out *o, uint64_t id);
void wf_crdt__out_uint(struct wf_crdt_out *o, uint64_t v);
/* A struct without its first `offset` units. */
void wf_crdt__out_struct(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset);
/* Deletes: ranges are sorted by client index; written by falling client id. */
/* All that is deleted in a document, by client index. */
int wf_crdt__all_deletes(const struct wf_crdt *d, struct wf_crdt_ranges *out);
int wf_crdt__out_deletes(struct wf_crdt_out *o, const struct wf_crdt_ranges *r);

/* The update of a transaction, in format 1; of a document behind a state vector (ranges: client,
 * clock; NONE clients are absent). */
int wf_crdt__write_txn(struct wf_crdt *d, const struct wf_crdt_txn *t, struct wf_buf *out);
int wf_crdt__write_vector(const struct wf_crdt *d, struct wf_buf *out);
int wf_crdt__write_state(struct wf_crdt *d, const struct wf_crdt_ranges *known,
                         enum wf_crdt_format format, struct wf_buf *out);

/* ---- reading ---- */

struct wf_crdt_section {
    uint32_t client;
    uint32_t first, end; /* in structs */
    uint32_t at;         /* the next one to integrate */
};
/* An update that was read: unlinked items, which belong to it until they are integrated. */
struct wf_crdt_parsed {
    struct wf_crdt_section *sections;
    size_t n_sections, cap_sections;
    uint32_t *structs;
    size_t n_structs, cap_structs;
    struct wf_crdt_ranges deletes;
};

/* Reads an update whole, or frees what it read and fails: WF_E_FORMAT, WF_E_LIMIT, WF_E_NOMEM.
 * Strings borrow from `update`. Roots named in it are made in d. `raw`: roots are kept as names
 * only, repeated clients are allowed. */
int wf_crdt__parse(struct wf_crdt *d, struct wf_str update, enum wf_crdt_format format, bool raw,
                   struct wf_crdt_parsed *out, struct wf_err *err);
/* Frees items that were not integrated (number not 0), and the lists. */
void wf_crdt__parsed_deinit(struct wf_crdt *d, struct wf_crdt_parsed *p);
/* A state vector as ranges (client, clock); the clients are made in d. */
int wf_crdt__parse_vector(struct wf_crdt *d, struct wf_str vector, struct wf_crdt_ranges *out);

/* Ranges of deletes in the form of a format. */
int wf_crdt__parse_deletes(struct wf_crdt *d, struct wf_lib0_in *in, enum wf_crdt_format format,
                           struct wf_crdt_ranges *out);

int wf_crdt__begin_remote(struct wf_crdt *d);
/* What formats were made redundant by a remote transaction (format_clean.c). */
int wf_crdt__format_clean(struct wf_crdt *d, struct wf_crdt_txn *t);
/* Tells those who watch for undoing of a transaction that ends (undo.c). */
int wf_crdt__undo_note(struct wf_crdt *d, struct wf_crdt_txn *t);

#endif
