/* SPDX-License-Identifier: Apache-2.0 */
/* Summarize: from text in pieces to the sentences that carry it.
 *
 * The idea: pieces are collected until they hold whole sentences, cut by text/sentence.h, and given
 * one by one to the pool (summarize_pool.c), which counts their words and holds the best
 * candidates; at the end the ranking (summarize_rank.c) chooses among them. Memory is bounded by
 * the pool (4,096 sentences), the vocabulary (100,000 stems) and the pending text: under
 * 16 MB, whatever the length of the text.
 *
 * Invariants: (1) pending begins at code point pending_cp of the text as fed; (2) marks[0].offset
 * is 0 while there are marks, and offsets ascend. Deliberately not here: reading files, and writing
 * sentences of its own. */
#include "skill/summarize.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/config.h"
#include "base/limits.h"
#include "skill/summarize_internal.h"
#include "text/sentence.h"
#include "text/utf8.h"

#define PIECE_BYTES (16u << 10)   /* taken from a long text at a time */
#define PENDING_BYTES (64u << 10) /* cut into sentences when there are that many */
#define TAIL_BYTES (4u << 10)     /* but not the last: what follows may belong to it */
#define MARKS_MAX 4096u           /* pages that may begin in pending text */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
}

static int check(const struct wf_summary_options *o, struct wf_err *err)
{
    if (o->n_sentences > WF_LIMIT_SUMMARY_SENTENCES)
        return wf_err_set(err, WF_E_RANGE, "a summary has at most %u sentences; ask for fewer",
                          WF_LIMIT_SUMMARY_SENTENCES);
    if (!(o->ratio >= 0 && o->ratio <= 1))
        return wf_err_set(err, WF_E_RANGE, "the ratio of a summary lies between 0 and 1");
    if (o->about.len > WF_LIMIT_QUERY_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "what the summary is about is over %u bytes; shorten it",
                          WF_LIMIT_QUERY_BYTES);
    if (wf_utf8_valid_prefix(o->about) != o->about.len)
        return wf_err_set(err, WF_E_FORMAT, "what the summary is about is not valid UTF-8");
    return 0;
}

int wf_summarizer_new(const struct wf_summary_options *o, struct wf_summarizer **out,
                      struct wf_err *err)
{
    int r = check(o, err);
    if (r != 0)
        return r;
    struct wf_summarizer *s = wf_alloc_array(1, sizeof *s);
    if (!s)
        return no_memory(err);
    s->options = *o;
    wf_buf_init(&s->pending, PENDING_BYTES + PIECE_BYTES);
    s->n_query = wf_summarize__query(o->about, s->query);
    s->marks = wf_alloc_array(MARKS_MAX, sizeof *s->marks);
    if (!s->marks)
        goto fail;
    for (size_t q = 0; q < s->n_query; q++)
        if (wf_summarize__terms_add(&s->terms, s->query[q], &s->query_ids[q]) != 0)
            goto fail;
    *out = s;
    return 0;
fail:
    wf_summarizer_free(s);
    return no_memory(err);
}

void wf_summarizer_free(struct wf_summarizer *s)
{
    if (!s)
        return;
    wf_summarize__pool_deinit(s);
    wf_summarize__terms_deinit(&s->terms);
    wf_buf_deinit(&s->pending);
    wf_free(s->marks);
    wf_free(s);
}

/* Drops the first n bytes of pending (`cps` code points). */
static void consume(struct wf_summarizer *s, size_t n, uint64_t cps)
{
    size_t first = 0;
    while (first + 1 < s->n_marks && s->marks[first + 1].offset <= n)
        first++;
    for (size_t i = first; i < s->n_marks; i++) {
        s->marks[i - first] = s->marks[i];
        s->marks[i - first].offset -= WF_MIN(n, s->marks[i].offset);
    }
    s->n_marks -= s->n_marks > 0 ? first : 0;
    wf_buf_consume(&s->pending, n);
    s->pending_cp += cps;
}

/* Cuts pending text into sentences and takes them; with is_end all, else all but the tail. */
static int cut(struct wf_summarizer *s, bool is_end, struct wf_err *err)
{
    struct wf_str text = wf_buf_str(&s->pending);
    struct wf_sentence sentence;
    size_t done = 0, i_mark = 0, next = 0;
    uint64_t cp = 0;
    while (wf_sentence_next(text, &next, &sentence)) {
        if (!is_end && next + TAIL_BYTES > text.len)
            break;
        cp += wf_utf8_count(wf_str_sub(text, done, sentence.start));
        while (i_mark + 1 < s->n_marks && s->marks[i_mark + 1].offset <= sentence.start)
            i_mark++;
        struct wf_str part = wf_str_sub(text, sentence.start, sentence.end);
        uint32_t page = s->n_marks > 0 ? s->marks[i_mark].page : 0;
        int r = wf_summarize__take(s, part, s->pending_cp + cp, page, err);
        if (r != 0)
            return r;
        cp += wf_utf8_count(wf_str_sub(text, sentence.start, next));
        done = next;
    }
    if (is_end) {
        cp += wf_utf8_count(wf_str_sub(text, done, text.len));
        done = text.len;
    }
    consume(s, done, cp);
    return 0;
}

/* Notes that text from here on is on `page`. */
static int mark_page(struct wf_summarizer *s, uint32_t page, struct wf_err *err)
{
    if (s->n_marks == MARKS_MAX) { /* pages of a few bytes each: not worth a sentence across */
        int r = cut(s, true, err);
        if (r != 0)
            return r;
    }
    if (s->n_marks > 0 && s->marks[s->n_marks - 1].page == page)
        return 0;
    if (s->pending.len == 0)
        s->n_marks = 0;
    s->marks[s->n_marks++] = (struct wf_sum_mark){s->pending.len, page};
    return 0;
}

int wf_summarizer_feed(struct wf_summarizer *s, struct wf_str text, uint32_t page,
                       struct wf_err *err)
{
    int r = 0;
    if (s->next_is_heading != s->is_heading)
        r = cut(s, true, err);
    s->is_heading = s->next_is_heading;
    if (r == 0)
        r = mark_page(s, page, err);
    while (r == 0 && text.len > 0) {
        size_t n = WF_MIN(text.len, PIECE_BYTES);
        while (n < text.len && n > 0 && ((unsigned char)text.ptr[n] & 0xC0) == 0x80)
            n--;
        assert(n > 0);
        if (wf_buf_append(&s->pending, text.ptr, n) != 0)
            return no_memory(err);
        text = wf_str_sub(text, n, text.len);
        if (s->pending.len >= PENDING_BYTES)
            r = cut(s, false, err);
    }
    return r;
}

int wf_summarizer_border(struct wf_summarizer *s, struct wf_err *err)
{
    return cut(s, true, err);
}

void wf_summarizer_heading(struct wf_summarizer *s, unsigned level)
{
    s->next_is_heading = level > 0;
}

/* How many sentences the summary shall have. */
static size_t wanted(const struct wf_summarizer *s)
{
    double n = (double)s->n_sentences, want;
    if (s->options.n_sentences > 0)
        want = (double)s->options.n_sentences;
    else if (s->options.ratio > 0)
        want = ceil(s->options.ratio * n);
    else /* 3 for a page, 7 for an article, 15 for a story, 25 for a book */
        want = fmin(25, 2 + sqrt(n) / 2);
    want = fmin(want, WF_LIMIT_SUMMARY_SENTENCES);
    return (size_t)fmin(want, (double)s->n_cands);
}

static int by_index(const void *a, const void *b)
{
    const struct wf_sum_pick *x = a, *y = b;
    return x->i_cand < y->i_cand ? -1 : x->i_cand > y->i_cand;
}

/* Copies the chosen candidates, in text order, into the arena. */
static int write_out(const struct wf_summarizer *s, struct wf_sum_pick *picks, size_t n,
                     struct wf_arena *arena, struct wf_summary *out)
{
    double best = n > 0 && picks[0].gain > 0 ? (double)picks[0].gain : 1;
    struct wf_summary_sentence *sentences = wf_arena_array(arena, WF_MAX(n, 1U), sizeof *sentences);
    if (!sentences)
        return WF_E_NOMEM;
    qsort(picks, n, sizeof *picks, by_index);
    for (size_t i = 0; i < n; i++) {
        const struct wf_sum_cand *c = s->cands[picks[i].i_cand];
        struct wf_summary_sentence *to = &sentences[i];
        to->text = wf_arena_dup(arena, wf_str_n(c->text, c->text_len));
        if (!to->text.ptr)
            return WF_E_NOMEM;
        to->start_cp = c->start_cp;
        to->end_cp = c->end_cp;
        to->page = c->page;
        to->score = (double)picks[i].gain / best;
    }
    out->sentences = sentences;
    out->n_sentences = n;
    return 0;
}

int wf_summarizer_finish(struct wf_summarizer *s, struct wf_arena *arena, struct wf_summary *out,
                         struct wf_err *err)
{
    int r = cut(s, true, err);
    if (r != 0)
        return r;
    size_t n = wanted(s);
    struct wf_sum_pick *picks = wf_alloc_array(WF_MAX(n, 1U), sizeof *picks);
    if (!picks)
        return no_memory(err);
    bool is_judged = false;
    r = wf_summarize__judge(s, n, picks, &is_judged, err);
    if (r == 0 && !is_judged)
        r = wf_summarize__rank(s, n, picks, err);
    if (r == 0 && write_out(s, picks, n, arena, out) != 0)
        r = no_memory(err);
    wf_free(picks);
    return r;
}
