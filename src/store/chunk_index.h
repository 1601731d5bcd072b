/* Chunk index: the rows of chunk and of the full-text index, always written and removed together.
 *
 * All within a write transaction of the calling thread (wf_store_write_begin); after a failure the
 * caller must roll it back. Thread rule: owner (of the turn). */
#ifndef WF_STORE_CHUNK_INDEX_H
#define WF_STORE_CHUNK_INDEX_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct wf_chunk_row {
    struct wf_str text;    /* valid UTF-8, not empty, at most WF_LIMIT_CHUNK_BYTES */
    struct wf_str heading; /* "A > B"; may be empty */
    uint64_t start_cp;
    uint32_t n_cp;
    uint32_t page; /* 0 = none */
};

/* Adds a chunk under `id` (higher than any before) to `document`, whose title is indexed with it.
 * Errors: as wf_sql_err. */
int wf_chunk_index_add(struct wf_store *s, int64_t id, int64_t document, struct wf_str title,
                       const struct wf_chunk_row *c, struct wf_err *err) WF_MUST_USE;

/* Removes the chunks first .. first + n - 1, whose document's title was `title` (the index needs
 * the words back to take them out). */
int wf_chunk_index_remove(struct wf_store *s, int64_t first, int64_t n, struct wf_str title,
                          struct wf_err *err) WF_MUST_USE;

/* Rewrites the index into one piece, which drops the removed words for good, in steps: each call
 * does a bounded piece of the work (about 10 ms to 100 ms). *out_done is true when nothing is left.
 * `first_step` begins anew. */
int wf_chunk_index_purge(struct wf_store *s, bool first_step, bool *out_done,
                         struct wf_err *err) WF_MUST_USE;

#endif
