/* What find.c and find_meaning.c share: one search in the making. */
#ifndef WF_FIND_FIND_INTERNAL_H
#define WF_FIND_FIND_INTERNAL_H

#include "find/candidates.h"
#include "find/find.h"
#include "find/fuse.h"
#include "find/meaning.h"
#include "find/question.h"
#include "find/score.h"

#define WF_FIND__NO_SIMILARITY (-2.0f)

/* A chunk that was read. */
struct wf_find_item {
    int64_t chunk, document;
    uint64_t start_cp;
    uint32_t page;
    struct wf_str uid, title, heading, text; /* in the arena of reading */
    struct wf_score score;
    double value;     /* score, context and favour together, and what meaning adds */
    double words;     /* without what meaning adds */
    size_t near_rank; /* by similarity, from 0 */
    float similarity; /* WF_FIND__NO_SIMILARITY: it has no vector */
    bool is_alone;    /* found by its vector, and has no word of the question */
    bool is_judged;
    struct wf_evidence evidence; /* where it is judged */
};

struct wf_find_search {
    struct wf_reader *r;
    struct wf_question *q;
    const struct wf_find_query *query;
    struct wf_candidates candidates;
    struct wf_candidate *sorted; /* the heaviest first */
    size_t n_sorted;
    struct wf_arena arena; /* for what is read */
    struct wf_find_item *items;
    size_t n_items, n_items_max;
    bool is_filtered;
    bool is_few;                   /* words of meaning in the question */
    struct wf_chunk_range *ranges; /* of the filter, once they were asked for */
    size_t n_ranges;
    struct wf_meant *meant;         /* the question's vector; NULL: words alone */
    struct wf_fuse_weights weights; /* where there is a vector */
    struct wf_near near[WF_FUSE_NEAR];
    size_t n_near;
    double open; /* what words leave open of the question, 0..1 */
};

int wf_find__no_memory(struct wf_err *err);

/* Reads and scores one chunk; *out_seen false when the filter or its document's absence hides it.
 */
int wf_find__read_chunk(struct wf_find_search *s, int64_t chunk, bool *out_seen,
                        struct wf_err *err) WF_MUST_USE;

/* The chunks that the filter lets through, once. */
int wf_find__ranges(struct wf_find_search *s, struct wf_err *err) WF_MUST_USE;

/* The question's vector. Whatever fails here leaves words alone. */
void wf_find__meant(struct wf_find_search *s);

/* The chunks nearest to the question join what was read. */
int wf_find__read_near(struct wf_find_search *s, struct wf_err *err) WF_MUST_USE;

/* Similarity of all that was read, and what it adds to their values. */
int wf_find__add_meaning(struct wf_find_search *s, struct wf_err *err) WF_MUST_USE;

/* The lens reads the first items, which are in order, with the question; what it says is added.
 * Items without a word of the question that nothing speaks for are dropped. True: the order may
 * have changed. */
bool wf_find__judge(struct wf_find_search *s);

#endif
