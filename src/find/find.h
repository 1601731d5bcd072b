/* Find: the chunks that match words best, over all documents that a filter lets through.
 *
 * BM25 over the full-text index, planned: the rare words choose the candidates, the frequent ones
 * only help to order them, so that the cost of a question does not depend on how often "the"
 * occurs. Candidates are then ordered by what their text really says: fields, nearness, coverage.
 * A later vector side joins where wf_find fuses its lists. */
#ifndef WF_FIND_FIND_H
#define WF_FIND_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct wf_find_filter {
    struct wf_str space;       /* name; empty = all */
    struct wf_str type;        /* media type, or its part before '/' ; empty = all */
    struct wf_str path_prefix; /* empty = all */
    int64_t since_ms;          /* modified at or after (wall ms); 0 = all */
    int64_t until_ms;          /* modified before; 0 = all */
    struct wf_str document;    /* public id; empty = all */
};

struct wf_find_query {
    struct wf_str text; /* plain words, any language; at most WF_LIMIT_QUERY_BYTES */
    struct wf_find_filter filter;
    size_t n_hits_max; /* 1..WF_LIMIT_HITS; 0 = 10 */
};

/* One found chunk. Views live in the arena of the call. */
struct wf_hit {
    struct wf_str document; /* public id */
    struct wf_str title;
    struct wf_str path; /* absolute, as added; the first when there are several */
    struct wf_str heading;
    struct wf_str text;        /* the chunk's text, or the part of it that matches best */
    uint64_t start_cp, end_cp; /* of text, half-open, in the document's text */
    uint32_t page;             /* 0 = none */
    double score;              /* higher is better; comparable within one result only */
    double coverage;           /* 0..1: share of the question's meaning (idf) that text contains */
};

struct wf_hits {
    struct wf_hit *items; /* best first, in the arena */
    size_t n_items;
};

/* Searches. No hit is an empty result, not an error. Everything in *out lives in `arena`.
 * Errors: WF_E_INVAL, WF_E_LIMIT (query too long), WF_E_NOMEM, WF_E_IO, WF_E_CORRUPT.
 * Thread: any (a reader connection is taken for the call). */
int wf_find(struct wf_store *s, const struct wf_find_query *q, struct wf_arena *arena,
            struct wf_hits *out, struct wf_err *err) WF_MUST_USE;

#endif
