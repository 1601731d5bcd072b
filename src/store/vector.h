/* Vectors: what a lens made of the chunks, one quantised vector a chunk, as rows of the table
 * `vector`.
 *
 * A row ("piece") holds the vectors of up to WF_VECTOR_PIECE consecutive chunks of one document, as
 * bytes: for each chunk `dim` values (int8) and a scale (float, little-endian), value * scale being
 * the vector's. A document's pieces are written in order, each in a transaction of its own, so that
 * what is missing is always its end. Pieces of another lens count as missing.
 *
 * Pieces go in the transaction that takes their document away, and are destroyed with the rest of
 * it (store/purge.h). Thread rule: as document.h. */
#ifndef WF_STORE_VECTOR_H
#define WF_STORE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/* Chunks of one piece: what a crash loses at most of a long document, and few enough bytes (66 kB)
 * that writing one holds up nobody. */
#define WF_VECTOR_PIECE 256
#define WF_VECTOR_DIM_MAX 1024
#define WF_VECTOR_LENS_BYTES_MAX 128
/* Bytes of one chunk's vector within a piece. */
#define WF_VECTOR_ROW_BYTES(dim) ((size_t)(dim) + 4)

struct wf_vector_piece {
    int64_t document, first_chunk;
    uint32_t n_chunks, dim;
    struct wf_str lens; /* which made it, with its version: 1 to WF_VECTOR_LENS_BYTES_MAX bytes */
    struct wf_str data; /* n_chunks * WF_VECTOR_ROW_BYTES(dim) */
};

/* Adds a piece; the document's pieces of other lenses go. WF_E_NOENT when the document is not there
 * (any more) or the chunks are not its. Within a write transaction. */
int wf_vector_put(struct wf_store *s, const struct wf_vector_piece *p,
                  struct wf_err *err) WF_MUST_USE;

/* The first document behind *io_document that lacks vectors of `lens`, and its chunks that do.
 * n_chunks 0: none was found; then *io_document is how far was looked, and *out_end says whether
 * that was all. One call looks at a bounded number of documents. Needs a reader. */
struct wf_vector_missing {
    int64_t document, first_chunk, n_chunks;
};
int wf_vector_missing(struct wf_reader *r, struct wf_str lens, int64_t *io_document,
                      struct wf_vector_missing *out, bool *out_end, struct wf_err *err) WF_MUST_USE;

/* Calls fn for all pieces of `lens` of documents that are there, in the order of their chunks. A
 * non-zero result of fn stops and is returned; views are valid during the call. Needs a reader.
 * WF_E_CORRUPT: a piece is not as long as it says. */
typedef int (*wf_vector_fn)(void *ud, const struct wf_vector_piece *p, struct wf_err *err);
int wf_vector_each(struct wf_reader *r, struct wf_str lens, wf_vector_fn fn, void *ud,
                   struct wf_err *err) WF_MUST_USE;

/* Chunks that have vectors of `lens`. Reads all rows, but not their data. Needs a reader. */
int wf_vector_count(struct wf_reader *r, struct wf_str lens, uint64_t *out,
                    struct wf_err *err) WF_MUST_USE;

#endif
