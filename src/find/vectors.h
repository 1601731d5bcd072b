/* Vectors in memory: all chunks' vectors side by side, searched exactly.
 *
 * Rows of int8 with a scale each, in the order of the chunks' ids. They are read from the store
 * when they are first needed, grow as documents get vectors, and have holes where documents were
 * taken away, until there are too many holes. Beyond a million rows an index chooses
 * (find/vectors_index.h); up to there, and under a filter, a search multiplies every row that the
 * filter allows with the question's (kern/kern.h, dot_i8: 1 M rows are 256 MB, which memory gives
 * in about 6 ms) and keeps the best.
 *
 * Thread rule: any. Searches run beside each other; what changes the rows waits for them. */
#ifndef WF_FIND_VECTORS_H
#define WF_FIND_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"
#include "store/vector.h"

struct wf_vectors;

/* One that was found. */
struct wf_near {
    int64_t chunk;
    float similarity; /* cosine, about -1..1 */
};

/* Empty ones of store `s` (borrowed), whose listener of removals they become. Errors: NOMEM.
 * Thread: while no other uses the store. */
int wf_vectors_new(struct wf_store *s, struct wf_vectors **out, struct wf_err *err) WF_MUST_USE;
/* Says which vectors of the store they are: of the lens `lens`, with `dim` values each. Before
 * anything below. What they held goes when these are others. */
void wf_vectors_set_lens(struct wf_vectors *v, struct wf_str lens, size_t dim);
/* NULL is a no-op. Thread: while no other uses the store. */
void wf_vectors_free(struct wf_vectors *v);

/* Threads that share a search; 0: as many as processors. Thread: before the first search. */
void wf_vectors_set_threads(struct wf_vectors *v, size_t n);

/* The least rows that are worth an index; 0: always. The default is above a million. Thread: before
 * the first search. */
void wf_vectors_set_index(struct wf_vectors *v, size_t n_rows);

/* Makes an index for searches without a filter when there are enough rows and none, or many have
 * come since: then a search looks at those near to the question only. Takes a minute for some
 * million rows, while all else goes on; ends early when stops(ud) says so (NULL: never).
 * True: it is in use; false: not worth it, or no memory for it, or rows have moved meanwhile. */
bool wf_vectors_make_index(struct wf_vectors *v, bool (*stops)(void *ud), void *ud);
/* Is there something to do for it? */
bool wf_vectors_wants_index(struct wf_vectors *v);

/* Reads them from the store unless that was done; what searches do first. Errors: NOMEM, those of
 * the store. */
int wf_vectors_load(struct wf_vectors *v, struct wf_err *err) WF_MUST_USE;

/* Adds a piece that the calling thread has put into the store and not yet committed; takes it back
 * when the commit failed. What cannot be added is read from the store by the next search. */
void wf_vectors_add(struct wf_vectors *v, const struct wf_vector_piece *p);
void wf_vectors_remove(struct wf_vectors *v, int64_t first_chunk, int64_t n_chunks);

/* The k (at least 1) rows most similar to `question` [dim], best first, into out [k]; *out_n gets
 * how many there are. `ranges` are those that the filter allows, in order, not overlapping; NULL:
 * all. Errors: NOMEM, those of wf_vectors_load. */
int wf_vectors_search(struct wf_vectors *v, const float *question,
                      const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                      struct wf_near *out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* The similarity of these chunks, into their members; those without a vector get `none`. Loads
 * nothing. */
void wf_vectors_compare(struct wf_vectors *v, const float *question, struct wf_near *io, size_t n,
                        float none);

/* How often documents were taken away since it was made. */
uint64_t wf_vectors_n_removals(struct wf_vectors *v);

/* Rows, without holes; and all bytes that they take. 0 until they are loaded. */
void wf_vectors_sizes(struct wf_vectors *v, uint64_t *out_n, uint64_t *out_bytes);

/* ---- quantised vectors ---- */

/* The bytes of x [dim] as store/vector.h has them, into out [WF_VECTOR_ROW_BYTES(dim)]. */
void wf_vector_pack(const float *x, size_t dim, uint8_t *out);

#endif
