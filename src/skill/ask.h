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

struct wf_ask_query {
    struct wf_str question; /* at most WF_LIMIT_QUERY_BYTES */
    struct wf_find_filter filter;
    const struct wf_str *earlier; /* earlier questions of the thread, oldest first; may be NULL */
    size_t n_earlier;
    const struct wf_str *earlier_documents; /* documents cited in the last turn; may be NULL */
    size_t n_earlier_documents;
    size_t n_citations_max; /* 0 = 5 */
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
    struct wf_str text; /* the answer, from the highlights; empty when not found */
    double confidence;  /* 0..1 */
    struct wf_citation *citations;
    size_t n_citations; /* 0 when not found */
};

/* Answers. Everything in *out lives in `arena`. Errors as wf_find. Thread: any. */
int wf_ask(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
           struct wf_answer *out, struct wf_err *err) WF_MUST_USE;

#endif
