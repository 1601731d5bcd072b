/* Documents: what was taken in, where from, and what could not be; writing and reading.
 *
 * A document is written in this order, inside write transactions of one thread:
 *   wf_incoming_begin -> wf_incoming_chunk ... -> wf_incoming_finish
 * Until finish nobody can see it. A large one may span several transactions: wf_incoming_park
 * before each commit, so that a crash in between leaves only what the next open sweeps away. One
 * document at a time is incoming (chunk ids are consecutive).
 *
 * Writing functions need the turn (wf_store_write_begin); after any failure the caller rolls back.
 * Reading functions need a reader. Views given out live as long as stated. */
#ifndef WF_STORE_DOCUMENT_H
#define WF_STORE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/chunk_index.h"
#include "store/store.h"

#define WF_HASH_BYTES 32        /* BLAKE2b-256 of the file's bytes */
#define WF_UID_BYTES 20         /* a public id: lower-case hex digits */
#define WF_TITLE_BYTES_MAX 1024 /* of a document; the caller cuts longer ones */
#define WF_SPACE_DEFAULT 1      /* the space "me" */

/* ---- writing ---- */

struct wf_incoming {
    int64_t id;
    int64_t first_chunk;
    int64_t n_chunks;
    uint64_t n_cp;
    bool _parked;
};

/* What is known of a document when all of it has been written. Views borrowed for the call. */
struct wf_document_new {
    int64_t space; /* 0 = WF_SPACE_DEFAULT */
    const uint8_t *hash;
    struct wf_str title; /* the one its chunks were indexed with */
    struct wf_str type;  /* media type */
    struct wf_str author, language, written;
    struct wf_str label; /* empty = the space's */
    struct wf_str warning;
    struct wf_str uid; /* of WF_UID_BYTES: the one that it has elsewhere; else it gets a new one */
    uint64_t bytes;
    uint32_t n_pages;
    int64_t modified_ms;
    bool kept; /* stays when no path names it (an upload) */
};

/* Reserves ids. Writes nothing. */
void wf_incoming_begin(struct wf_store *s, struct wf_incoming *out);
int wf_incoming_chunk(struct wf_store *s, struct wf_incoming *in, struct wf_str title,
                      const struct wf_chunk_row *c, struct wf_err *err) WF_MUST_USE;
/* Before a commit in the middle of a document. */
int wf_incoming_park(struct wf_store *s, struct wf_incoming *in, const uint8_t *hash,
                     struct wf_str title, struct wf_err *err) WF_MUST_USE;
/* Makes the document real; out_uid gets its public id and a NUL. WF_E_EXIST when its content is
 * known in the space (the caller then abandons). */
int wf_incoming_finish(struct wf_store *s, struct wf_incoming *in, const struct wf_document_new *d,
                       char out_uid[WF_UID_BYTES + 1], struct wf_err *err) WF_MUST_USE;
/* Gives up what was written so far; it is swept in the background after the commit. */
int wf_incoming_abandon(struct wf_store *s, struct wf_incoming *in, const uint8_t *hash,
                        struct wf_str title, struct wf_err *err) WF_MUST_USE;

/* The id of the document with this content in `space`, or 0. Writer's view (sees this
 * transaction). */
int wf_document_by_hash(struct wf_store *s, int64_t space, const uint8_t *hash, int64_t *out_id,
                        char out_uid[WF_UID_BYTES + 1], struct wf_err *err) WF_MUST_USE;

/* From now on it stays when no path names it. */
int wf_document_keep(struct wf_store *s, int64_t id, struct wf_err *err) WF_MUST_USE;

/* Takes the document away: nobody sees it from the commit on; its text, words and blob are
 * destroyed in the background (store/purge.h says when). WF_E_NOENT when there is none. */
int wf_document_remove(struct wf_store *s, int64_t id, struct wf_err *err) WF_MUST_USE;

/* The id of a space, made when `create` and missing (WF_E_NOENT otherwise). Empty name = "me". */
int wf_space_id(struct wf_store *s, struct wf_str name, bool create, int64_t *out_id,
                struct wf_err *err) WF_MUST_USE;

/* What `stat` says of a file. */
struct wf_source_stat {
    uint64_t size;
    int64_t mtime_ns;
    uint64_t ino, dev;
};

/* Says that `path` now holds `document`; forgets a failure of the path. When the path named another
 * document before that no other path names and that is not kept, that one is removed. */
int wf_source_set(struct wf_store *s, struct wf_str path, int64_t document,
                  const struct wf_source_stat *st, struct wf_err *err) WF_MUST_USE;

/* Forgets that `path` exists (a watched file was deleted); removes its document when no other path
 * names it and it is not kept. Unknown paths are no error. */
int wf_source_remove(struct wf_store *s, struct wf_str path, struct wf_err *err) WF_MUST_USE;

/* Remembers that `path` could not be taken in. What the path held before stays as it is. */
int wf_failed_set(struct wf_store *s, struct wf_str path, const struct wf_source_stat *st, int code,
                  struct wf_str reason, struct wf_err *err) WF_MUST_USE;

/* ---- reading ---- */

struct wf_document {
    int64_t id, space_id;
    struct wf_str uid, title, type, author, language, written, label, warning, space;
    struct wf_str path; /* the first of its paths; empty when it has none */
    uint8_t hash[WF_HASH_BYTES];
    uint64_t bytes, n_cp;
    uint32_t n_pages, n_chunks;
    int64_t first_chunk;
    int64_t modified_ms, added_ms;
};

/* The document with this public id, or the id; strings copied into `arena`. WF_E_NOENT. */
int wf_document_get(struct wf_reader *r, struct wf_str uid, struct wf_arena *arena,
                    struct wf_document *out, struct wf_err *err) WF_MUST_USE;
int wf_document_get_id(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                       struct wf_document *out, struct wf_err *err) WF_MUST_USE;
/* The document that `path` holds. WF_E_NOENT. */
int wf_document_at_path(struct wf_reader *r, struct wf_str path, struct wf_arena *arena,
                        struct wf_document *out, struct wf_err *err) WF_MUST_USE;

/* Which documents a list holds; an empty member lets all through. */
struct wf_document_like {
    struct wf_str space;
    struct wf_str words; /* in the title or a path, as they are; ASCII case is ignored */
    struct wf_str type;  /* a media type, or its part before '/' */
};
/* How many there are. */
int wf_document_count(struct wf_reader *r, const struct wf_document_like *like, uint64_t *out,
                      struct wf_err *err) WF_MUST_USE;

/* Newest first: those with an id below `before_id` (0 = all), at most n_max (<= 1000). */
struct wf_document_list {
    struct wf_document *items;
    size_t n_items;
};
int wf_document_page(struct wf_reader *r, const struct wf_document_like *like, int64_t before_id,
                     size_t n_max, struct wf_arena *arena, struct wf_document_list *out,
                     struct wf_err *err) WF_MUST_USE;

/* Its paths, sorted. */
int wf_document_paths(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                      struct wf_str **out_paths, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* Calls fn for the document's chunks that overlap code points [from_cp, to_cp) in order; a non-zero
 * result of fn stops and is returned. Views are valid during the call. */
typedef int (*wf_document_chunk_fn)(void *ud, int64_t chunk, const struct wf_chunk_row *c,
                                    struct wf_err *err);
int wf_document_chunks(struct wf_reader *r, const struct wf_document *d, uint64_t from_cp,
                       uint64_t to_cp, wf_document_chunk_fn fn, void *ud,
                       struct wf_err *err) WF_MUST_USE;

/* Is `path` as it was when it was taken in (into `space`; empty = any)? uid: the document's public
 * id when UNCHANGED; reason and code: when it FAILED before. */
enum wf_source_state {
    WF_SOURCE_NEW,       /* unknown, or changed since */
    WF_SOURCE_UNCHANGED, /* in document uid */
    WF_SOURCE_FAILED,    /* unchanged since it failed */
};
struct wf_source_known {
    enum wf_source_state state;
    char uid[WF_UID_BYTES + 1];
    int64_t document;
    int code;
    struct wf_str reason; /* in the arena; NULL arena = not wanted */
};
int wf_source_look(struct wf_reader *r, struct wf_str path, const struct wf_source_stat *st,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err) WF_MUST_USE;

/* Is there a document with this content in the space (by name)? False when the space is missing. */
int wf_document_is_known(struct wf_reader *r, struct wf_str space, const uint8_t *hash,
                         bool *out_known, struct wf_err *err) WF_MUST_USE;

/* Sums over all documents, for the status page. */
struct wf_document_totals {
    uint64_t n_documents, n_chunks, n_failed, bytes, n_cp;
};
int wf_document_totals(struct wf_reader *r, struct wf_document_totals *out,
                       struct wf_err *err) WF_MUST_USE;

#endif
