/* Ask: a question in plain words, answered by the sentences of one's own documents that say it,
 * each with a citation; or the honest word that nothing there does. */
#ifndef WF_SKILL_ASK_H
#define WF_SKILL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "find/find.h"

struct wf_grounded_release;
struct wf_lens_pool;

struct wf_ask_query {
    struct wf_str question; /* at most WF_LIMIT_QUERY_BYTES */
    struct wf_find_filter filter;
    const struct wf_str *earlier; /* earlier questions of the thread, oldest first; may be NULL */
    size_t n_earlier;
    const struct wf_str *earlier_documents; /* documents cited in the last turn; may be NULL */
    size_t n_earlier_documents;
    size_t n_citations_max;                    /* 0 = 5 */
    struct wf_lens_pool *lens;                 /* looks for the span; NULL: by words alone */
    const struct wf_grounded_release *release; /* of a written answer; NULL: none */
};

/* A citation: hit.text is the passage, [hit.start_cp, hit.end_cp) where it stands; the highlight is
 * the sentence in it that answers. */
struct wf_citation {
    struct wf_hit hit;
    uint64_t highlight_start_cp, highlight_end_cp; /* in the document's text, within the hit */
    struct wf_str highlight;                       /* that sentence */
};

struct wf_answer {
    bool found;
    struct wf_str text; /* the answer, from the highlights or (is_written) of a model, then with
                           citations' numbers from 1 as "[2]"; empty when not found */
    double confidence;  /* 0..1 */
    struct wf_citation *citations;
    size_t n_citations; /* 0 when not found */
    /* The piece of the first highlight that answers, by lens: code points within text; end 0: none
     * is known. Quoted answers only. */
    uint64_t span_start_cp, span_end_cp;
    double span_score;                     /* 0..1 */
    bool is_written;                       /* by a model; else quoted */
    const char *model;                     /* that was asked; NULL: none was */
    bool is_looked;                        /* what would go was looked at, no more */
    size_t n_left_out;                     /* what it wrote that nothing stands for */
    const char *model_route, *model_flags; /* as wf_grounded has them; NULL: here, nothing */
    const struct wf_str *read;             /* [n_read] the sentences that it was given */
    size_t n_read;
};

/* Answers. Everything in *out lives in `arena`. Errors as wf_find. Thread: any. */
int wf_ask(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
           struct wf_answer *out, struct wf_err *err) WF_MUST_USE;

struct wf_engine;

/* What a written answer tells while it is written; all may be NULL. */
struct wf_ask_sink {
    /* A citation that the next text refers to, in the order of their numbers; then the text. */
    void (*citation)(void *ud, const struct wf_citation *c);
    void (*text)(void *ud, struct wf_str text);
    bool (*canceled)(void *ud);
    void *ud;
};

/* Answers in a model's words, grounded in the sentences that were found (skill/grounded.h); where
 * nothing that it writes holds, quotes as wf_ask does. `model` NULL: the default. Errors: as
 * wf_find, and those of the engine. */
int wf_ask_written(struct wf_store *s, struct wf_engine *engine, const char *model,
                   const struct wf_ask_query *q, const struct wf_ask_sink *sink,
                   struct wf_arena *arena, struct wf_answer *out, struct wf_err *err) WF_MUST_USE;

#endif
