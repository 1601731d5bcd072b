/* Find: the chunks that answer best to a question's words and meaning, over all documents that a
 * filter lets through.
 *
 * BM25's idea over the full-text index, planned: the rare words choose the candidates, the frequent
 * ones only help to order them, so that the cost of a question does not depend on how often "the"
 * occurs. Candidates are then ordered by what their text really says: fields, nearness, coverage.
 * Where there are vectors (find/meaning.h), the chunks nearest to the question join the candidates,
 * whatever their words, and similarity counts with the words (find/fuse.h). */
#ifndef WF_FIND_FIND_H
#define WF_FIND_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "find/fuse.h"
#include "store/store.h"

/* A hit's text is at most so many code points, unless one sentence is longer. */
#define WF_FIND_PART_CP 600
/* Hits of one document before those of others have had their turn. */
#define WF_FIND_HITS_PER_DOCUMENT 3

struct wf_question;
struct wf_meaning;

struct wf_find_filter {
    struct wf_str space;       /* name; empty = all */
    struct wf_str type;        /* media type, or its part before '/' ; empty = all */
    struct wf_str path_prefix; /* empty = all */
    int64_t since_ms;          /* modified at or after (wall ms); 0 = all */
    int64_t until_ms;          /* modified before; 0 = all */
    struct wf_str document;    /* public id; empty = all */
    bool hides_secret;         /* documents of this label are not there */
};

struct wf_find_query {
    struct wf_str text; /* plain words, any language; at most WF_LIMIT_QUERY_BYTES */
    struct wf_find_filter filter;
    size_t n_hits_max;             /* 1..WF_LIMIT_HITS; 0 = 10 */
    const struct wf_str *favoured; /* public ids of documents that come a little earlier */
    size_t n_favoured;             /* at most WF_LIMIT_HITS are looked at */
    bool whole_chunks;             /* hits' text is all of the chunk */
    struct wf_meaning *meaning;    /* NULL: by words alone, as also when it fails */
};

/* One found chunk. Views live in the arena of the call. */
struct wf_hit {
    struct wf_str document; /* public id */
    struct wf_str title;
    struct wf_str path; /* absolute, as added; the first when there are several; may be empty */
    struct wf_str heading;
    struct wf_str text;        /* the chunk's text, or the sentences of it that match best */
    uint64_t start_cp, end_cp; /* of text, half-open, in the document's text */
    uint32_t page;             /* 0 = none */
    double score;              /* higher is better; comparable within one result only */
    double coverage;  /* 0..1: share of the weight of words with meaning that the chunk has; 0 for
                         one  that was found by its vector only */
    double words;     /* the part of score that words have */
    float similarity; /* of its vector and the question's, -1..1; 0: not known */
    size_t near_rank; /* its place by similarity, from 0 */
    bool is_judged;   /* the lens has read it with the question */
    struct wf_evidence evidence; /* what it said */
};

struct wf_hits {
    struct wf_hit *items; /* best first, in the arena */
    size_t n_items;
    double open; /* with vectors: what words leave open of the question at best, 0..1 */
};

/* Searches. No hit is an empty result, not an error, and so is a question without words.
 * Everything in *out lives in `arena`. Errors: WF_E_INVAL (n_hits_max), WF_E_FORMAT (text is no
 * UTF-8), WF_E_LIMIT (query too long, arena), WF_E_NOMEM, WF_E_IO, WF_E_CORRUPT.
 * Thread: any (a reader connection is taken for the call). */
int wf_find(struct wf_store *s, const struct wf_find_query *q, struct wf_arena *arena,
            struct wf_hits *out, struct wf_err *err) WF_MUST_USE;

/* The same for a question that is taken apart already (find/question.h); q->text is only what its
 * meaning is taken from (empty: words alone). Sets the question's weights. */
int wf_find_question(struct wf_store *s, struct wf_question *question,
                     const struct wf_find_query *q, struct wf_arena *arena, struct wf_hits *out,
                     struct wf_err *err) WF_MUST_USE;

#endif
