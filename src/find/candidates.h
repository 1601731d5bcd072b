/* Candidates: which chunks are worth reading for a question, from the full-text index alone.
 *
 * Thread rule: owner (of the reader). */
#ifndef WF_FIND_CANDIDATES_H
#define WF_FIND_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "find/question.h"
#include "store/store.h"

struct wf_candidate {
    int64_t chunk;
    float weight;  /* of the terms it is known to contain */
    uint32_t term; /* the last one that was counted, + 1 */
};

/* A hash table from chunk to what is known of it. */
struct wf_candidates {
    struct wf_candidate *slots; /* chunk 0 = free */
    size_t n_slots;             /* a power of two, or 0 */
    size_t n_items;
    bool is_cut; /* a word's list was too long to be read whole */
};

/* Fills *out with the chunks that contain words of *q, sets the terms' n_chunks and weights. The
 * cost is bounded, however frequent the words are. Free *out also after an error.
 * Errors: those of SQL, WF_E_NOMEM. */
int wf_candidates_gather(struct wf_reader *r, struct wf_question *q, struct wf_candidates *out,
                         struct wf_err *err) WF_MUST_USE;
/* Frees what gather allocated. Safe to call twice. */
void wf_candidates_free(struct wf_candidates *c);

/* Adds `weight` to `chunk` for term number `term`, once a term. WF_E_NOMEM. */
int wf_candidates_add(struct wf_candidates *c, int64_t chunk, size_t term, double weight,
                      struct wf_err *err) WF_MUST_USE;

#endif
