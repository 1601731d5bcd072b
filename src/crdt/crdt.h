/* Drafts: documents that several people, devices and models edit together, byte-compatible with
 * Yjs.
 *
 * A document (struct wf_crdt) holds named root types; a type is a text, an array, a map or one of
 * the XML types, and may hold others. Every change happens in a transaction and becomes an update:
 * bytes that any other engine of Yjs's family can apply, in any order, any number of times, to come
 * to the same content. This module knows no files, clocks or networks.
 *
 * Lengths and positions of text are UTF-16 units, as on the wire; no position within a surrogate
 * pair is accepted. Values are Any bytes (crdt/any.h). Types are named by numbers that stay valid
 * until the type is deleted and collected; a stale number is refused with WF_E_NOENT.
 *
 * Errors of every function that changes a document: WF_E_NOMEM; after it the document is broken:
 * everything but wf_crdt_free returns WF_E_NOMEM from then on, and what was durable is to be loaded
 * again. Thread rule: owner. */
#ifndef WF_CRDT_CRDT_H
#define WF_CRDT_CRDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct wf_crdt;

/* As they stand on the wire. */
enum wf_crdt_kind {
    WF_CRDT_ARRAY = 0,
    WF_CRDT_MAP = 1,
    WF_CRDT_TEXT = 2,
    WF_CRDT_XML_ELEMENT = 3,
    WF_CRDT_XML_FRAGMENT = 4,
    WF_CRDT_XML_HOOK = 5,
    WF_CRDT_XML_TEXT = 6,
    WF_CRDT_UNTYPED = 15, /* a root that no one has named the kind of yet */
};

/* The two encodings of updates: 1 is what the sync protocol sends, 2 is smaller. */
enum wf_crdt_format {
    WF_CRDT_V1 = 1,
    WF_CRDT_V2 = 2,
};

/* Called at the end of each transaction that changed something. `update` (in format 1) is borrowed
 * for the call. `remote` is true for what came by wf_crdt_apply. The document may be read in it,
 * not changed. */
typedef void wf_crdt_on_update(void *ud, struct wf_str update, bool remote);

struct wf_crdt_options {
    uint64_t client;              /* below 2^53; 0 = 1. Must differ in every open copy */
    bool keep_deleted;            /* no garbage collection: for snapshots */
    bool no_cleanup;              /* no tidying of formats after remote changes: for relays */
    bool pack_always;             /* what maps held before is packed at once: for tests */
    wf_crdt_on_update *on_update; /* NULL = none */
    void *ud;
};

/* A new, empty document in *out. Errors: WF_E_NOMEM, WF_E_INVAL (client). */
int wf_crdt_new(const struct wf_crdt_options *options, struct wf_crdt **out) WF_MUST_USE;

/* Frees it with all it holds; NULL is a no-op. */
void wf_crdt_free(struct wf_crdt *d);

/* The id under which this copy writes. It changes (to `next`, as wf_crdt_set_client gave) when
 * somebody else was seen writing under it. */
uint64_t wf_crdt_client(const struct wf_crdt *d);

/* Writes under another id from now on; not within a transaction. Errors: WF_E_INVAL, WF_E_NOMEM. */
int wf_crdt_set_client(struct wf_crdt *d, uint64_t client) WF_MUST_USE;

/* True when a remote change was seen under this copy's own id: the caller should set a new one
 * (random) before it writes again. Cleared by wf_crdt_set_client. */
bool wf_crdt_client_taken(const struct wf_crdt *d);

/* Transactions nest; the outermost commit ends it: what was deleted is collected, neighbours are
 * joined, the update is told. Functions that change a document open one of their own where none is
 * open. */
int wf_crdt_begin(struct wf_crdt *d) WF_MUST_USE;
int wf_crdt_commit(struct wf_crdt *d) WF_MUST_USE;

/* Applies an update whole, or refuses it whole with WF_E_FORMAT or WF_E_LIMIT. What builds on
 * changes that have not come yet is kept aside and told by wf_crdt_pending. One limit shows only on
 * the way: an update made to insert very much at one place, beside each other, costs more than
 * WF_LIMIT_CRDT_PASSED; it is refused with WF_E_LIMIT, too, and leaves the document broken: what
 * was durable is to be loaded again. */
int wf_crdt_apply(struct wf_crdt *d, struct wf_str update, enum wf_crdt_format format,
                  struct wf_err *err) WF_MUST_USE;

/* True when the document is to be loaded again. */
bool wf_crdt_is_broken(const struct wf_crdt *d);

/* True while changes wait for others that have not come. */
bool wf_crdt_pending(const struct wf_crdt *d);

/* Appends all that a copy with `state_vector` lacks (empty = everything), pending changes included.
 * Errors: WF_E_FORMAT (the vector), WF_E_NOMEM, WF_E_LIMIT (of `out`). */
int wf_crdt_encode(struct wf_crdt *d, struct wf_str state_vector, enum wf_crdt_format format,
                   struct wf_buf *out) WF_MUST_USE;

/* Appends the state vector: how far this copy knows each client. Errors: WF_E_NOMEM, WF_E_LIMIT. */
int wf_crdt_state_vector(const struct wf_crdt *d, struct wf_buf *out) WF_MUST_USE;

/* The root type of that name, made when there is none, in *out. Errors: WF_E_NOMEM, WF_E_EXIST (it
 * is of another kind). */
int wf_crdt_root(struct wf_crdt *d, struct wf_str name, enum wf_crdt_kind kind,
                 uint64_t *out) WF_MUST_USE;

/* Walks the roots: start with *io_i = 0; false at the end. The name is valid as long as d. */
bool wf_crdt_root_next(const struct wf_crdt *d, size_t *io_i, struct wf_str *out_name,
                       uint64_t *out_type);

/* The type that the item (client, clock) holds, or 0. */
uint64_t wf_crdt_type_at(const struct wf_crdt *d, uint64_t client, uint32_t clock);

/* The kind of a type, or WF_CRDT_UNTYPED for a stale number. */
enum wf_crdt_kind wf_crdt_type_kind(const struct wf_crdt *d, uint64_t type);

/* Visible length: UTF-16 units and embeds of a text, elements of an array or XML type; 0 for a
 * stale number. */
uint32_t wf_crdt_length(const struct wf_crdt *d, uint64_t type);

/* ---- memory and figures ---- */

struct wf_crdt_stats {
    size_t n_items;        /* structs, deleted ones included */
    size_t n_clients;      /* clients that ever wrote */
    size_t text_bytes;     /* content in memory */
    size_t resident_bytes; /* all memory of the document */
};

/* What the document takes. */
struct wf_crdt_stats wf_crdt_stats(const struct wf_crdt *d);

#endif
