/* SPDX-License-Identifier: Apache-2.0 */
/* Ask: find, take the sentences apart, decide, quote.
 *
 *   question (+ words lent by earlier ones) -> find: chunks -> ask_sentence.c: the sentence that
 *     answers, and how sure that is -> below THRESHOLD: nothing answers; else citations
 *
 * The answer's text is made of highlights, in the documents' own words; nothing is rephrased, so
 * nothing can be invented. A second and third sentence is added when it is about as good as the
 * first and says something else.
 *
 * A follow-up question ("and when was it built?") has too few words to find by: those of earlier
 * questions are lent to it, with less weight the longer ago they were asked and the more words it
 * has of its own.
 *
 * Invariants: a highlight lies within its hit's text; both are whole sentences of the document. */
#include "skill/ask.h"

#include <assert.h>
#include <math.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "find/part.h"
#include "find/question.h"
#include "skill/ask_internal.h"
#include "text/utf8.h"

/* Chosen with bench/bench_ask: of questions whose subject is absent at most one in ten passes, in
 * English one in twenty. */
#define THRESHOLD 0.4
#define CITATIONS_DEFAULT 5
#define CHUNKS_LOOKED_AT 10
/* Sentences of the answer, and how far behind the first one the others may be. */
#define ANSWER_SENTENCES 3
#define ANSWER_BEHIND 0.4
/* Citations beside the first: how far behind its sentence theirs may be. */
#define CITED_BEHIND 2.5
/* What the last question lends, the one before it a half of that, and so on. */
#define LEND_LEANING 0.6
#define LEND_SHORT 0.4
#define LEND_LONG 0.1
#define SHORT_WORDS 2

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (answering).");
}

/* ---- looking ---- */

static void lend(const struct wf_ask_query *q, struct wf_question *out)
{
    size_t n_own = 0;
    for (size_t i = 0; i < out->n_terms; i++)
        n_own += !out->terms[i].is_stop;
    double boost = n_own <= SHORT_WORDS ? LEND_SHORT : LEND_LONG;
    if (wf_ask__leans(q->question))
        boost = n_own <= 2 * SHORT_WORDS ? LEND_LEANING : 2 * LEND_LONG;
    for (size_t i = q->n_earlier; i-- > 0 && boost > 0.02;) {
        wf_question_lend(out, q->earlier[i], boost);
        boost /= 2;
    }
}

int wf_ask__look(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
                 struct wf_ask_look *out, struct wf_err *err)
{
    struct wf_find_query find = {.filter = q->filter,
                                 .n_hits_max = CHUNKS_LOOKED_AT,
                                 .favoured = q->earlier_documents,
                                 .n_favoured = q->n_earlier_documents,
                                 .whole_chunks = true};
    wf_question_init(&out->question, q->question);
    out->type = wf_ask__type(q->question);
    out->n_sentences = 0;
    lend(q, &out->question);
    int status = wf_find_question(s, &out->question, &find, arena, &out->hits, err);
    if (status == 0)
        out->n_sentences = wf_ask__sentences(&out->question, out->type, &out->hits, out->sentences);
    return status;
}

/* ---- quoting ---- */

void wf_ask__cite(const struct wf_ask_look *look, const struct wf_ask_sentence *s,
                  struct wf_citation *out)
{
    const struct wf_hit *hit = &look->hits.items[s->hit];
    struct wf_part inner = {s->start, s->end};
    struct wf_part part = wf_part_around(hit->text, inner, WF_FIND_PART_CP);
    assert(part.start <= s->start && s->end <= part.end);
    *out = (struct wf_citation){.hit = *hit};
    out->hit.text = wf_str_sub(hit->text, part.start, part.end);
    out->hit.start_cp += wf_utf8_count(wf_str_sub(hit->text, 0, part.start));
    out->hit.end_cp = out->hit.start_cp + wf_utf8_count(out->hit.text);
    out->highlight = wf_str_sub(hit->text, s->start, s->end);
    out->highlight_start_cp = hit->start_cp + wf_utf8_count(wf_str_sub(hit->text, 0, s->start));
    out->highlight_end_cp = out->highlight_start_cp + wf_utf8_count(out->highlight);
}

/* Is the sentence's chunk cited already, or its text, in another document? */
static bool is_cited(const struct wf_answer *a, const struct wf_ask_look *look,
                     const struct wf_ask_sentence *s)
{
    const struct wf_hit *hit = &look->hits.items[s->hit];
    struct wf_str text = wf_str_sub(hit->text, s->start, s->end);
    for (size_t i = 0; i < a->n_citations; i++) {
        const struct wf_citation *c = &a->citations[i];
        bool is_same_chunk = wf_str_eq(c->hit.document, hit->document) &&
                             c->hit.start_cp >= hit->start_cp && c->hit.end_cp <= hit->end_cp;
        if (is_same_chunk || wf_str_eq(c->highlight, text))
            return true;
    }
    return false;
}

static int quote(const struct wf_ask_look *look, size_t n_max, struct wf_arena *arena,
                 struct wf_answer *out, struct wf_err *err)
{
    const struct wf_ask_sentence *s = look->sentences;
    struct wf_buf text;
    out->citations = wf_arena_array(arena, n_max, sizeof *out->citations);
    if (out->citations == NULL)
        return no_memory(err);
    wf_buf_init(&text, WF_LIMIT_CHUNK_BYTES * ANSWER_SENTENCES);
    for (size_t i = 0; i < look->n_sentences && out->n_citations < n_max; i++) {
        double behind = s[0].score - s[i].score;
        if (behind > CITED_BEHIND)
            break;
        if (is_cited(out, look, &s[i]))
            continue;
        struct wf_citation *c = &out->citations[out->n_citations];
        wf_ask__cite(look, &s[i], c);
        if (out->n_citations < ANSWER_SENTENCES && behind <= ANSWER_BEHIND) {
            (void)wf_buf_append_cstr(&text, text.len > 0 ? " " : "");
            (void)wf_buf_append_str(&text, c->highlight);
        }
        out->n_citations++;
    }
    out->text = wf_arena_dup(arena, wf_buf_str(&text));
    int status = wf_buf_status(&text);
    wf_buf_deinit(&text);
    return status != 0 || out->text.ptr == NULL ? no_memory(err) : 0;
}

/* The span in the first highlight, with which the text begins. */
static void mark_span(const struct wf_ask_look *look, struct wf_answer *out)
{
    const struct wf_ask_sentence *s = &look->sentences[0];
    const struct wf_ask_span *span = wf_ask__span_of(look, s);
    struct wf_str text;

    if (span == NULL)
        return;
    text = look->hits.items[s->hit].text;
    out->span_start_cp = wf_utf8_count(wf_str_sub(text, s->start, span->start));
    out->span_end_cp = out->span_start_cp + wf_utf8_count(wf_str_sub(text, span->start, span->end));
    out->span_score = span->score;
}

int wf_ask__check(const struct wf_ask_query *q, struct wf_err *err)
{
    if (q->question.len > WF_LIMIT_QUERY_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The question is longer than %u bytes.",
                          WF_LIMIT_QUERY_BYTES);
    if (wf_utf8_valid_prefix(q->question) != q->question.len)
        return wf_err_set(err, WF_E_FORMAT, "The question is no valid UTF-8.");
    return 0;
}

int wf_ask__quote(const struct wf_ask_look *look, const struct wf_ask_query *q,
                  struct wf_arena *arena, struct wf_answer *out, struct wf_err *err)
{
    double features[WF_ASK_D_COUNT];
    size_t n_max = q->n_citations_max != 0 ? q->n_citations_max : CITATIONS_DEFAULT;

    if (look->n_sentences == 0)
        return 0;
    wf_ask__decide_features(&look->question, &look->hits, look->sentences, features);
    out->confidence = wf_ask__doubt(look, wf_ask__confidence(features, look->sentences));
    out->found = out->confidence >= THRESHOLD;
    if (!out->found)
        return 0;
    mark_span(look, out);
    return quote(look, WF_MIN(n_max, (size_t)CHUNKS_LOOKED_AT), arena, out, err);
}

int wf_ask(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
           struct wf_answer *out, struct wf_err *err)
{
    struct wf_ask_look *look;
    int rc = wf_ask__check(q, err);

    *out = (struct wf_answer){.found = false};
    if (rc != 0)
        return rc;
    look = wf_alloc_array(1, sizeof *look);
    if (look == NULL)
        return no_memory(err);
    rc = wf_ask__look(s, q, arena, look, err);
    if (rc == 0) {
        wf_ask__see(q->lens, q->question, look);
        rc = wf_ask__quote(look, q, arena, out, err);
    }
    wf_free(look);
    if (rc != 0)
        *out = (struct wf_answer){.found = false};
    return rc;
}
