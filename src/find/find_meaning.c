/* SPDX-License-Identifier: Apache-2.0 */
/* What meaning adds to a search: the chunks nearest to the question join those that words found,
 * similarity counts with the words, and the lens reads the best of them with the question.
 *
 *   question -> vector -> nearest chunks, read -> value += similarity (fuse.c) -> in order
 *     -> the first ones: does the text answer? -> value += evidence -> in order again
 *
 * Those that the lens did not read stay below what it would have to say at worst, so that the order
 * of the first ones is its own. A chunk that has no word of the question is shown only when enough
 * speaks for it: a question that nothing answers has no hits by vectors. Whatever fails leaves what
 * there is without it. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "find/find_internal.h"
#include "find/part.h"
#include "text/utf8.h"

/* Texts that the lens reads between two looks at the clock. */
#define JUDGED_AT_ONCE 4
/* What it reads of a text, bytes: about a window of English. */
#define JUDGED_BYTES 1000

void wf_find__meant(struct wf_find_search *s)
{
    struct wf_meaning *m = s->query->meaning;
    if (m == NULL || s->query->text.len == 0)
        return;
    s->meant = wf_arena_array(&s->arena, 1, sizeof *s->meant);
    if (s->meant != NULL && wf_meaning_question(m, s->query->text, s->meant, NULL) != 0)
        s->meant = NULL;
    if (s->meant != NULL)
        wf_meaning_weights(m, &s->weights);
}

static struct wf_find_item *item_of(const struct wf_find_search *s, int64_t chunk)
{
    for (size_t i = 0; i < s->n_items; i++) {
        if (s->items[i].chunk == chunk)
            return &s->items[i];
    }
    return NULL;
}

int wf_find__read_near(struct wf_find_search *s, struct wf_err *err)
{
    int status = 0;
    if (s->meant == NULL)
        return 0;
    if (s->is_filtered)
        status = wf_find__ranges(s, err);
    if (status != 0)
        return status;
    const struct wf_chunk_range none = {0, 0}; /* a filter that lets nothing through */
    const struct wf_chunk_range *ranges = s->ranges != NULL ? s->ranges : &none;
    if (wf_meaning_search(s->query->meaning, s->meant, s->is_filtered ? ranges : NULL, s->n_ranges,
                          WF_FUSE_NEAR, s->near, &s->n_near, NULL) != 0) {
        s->meant = NULL;
        return 0;
    }
    for (size_t i = 0; status == 0 && i < s->n_near; i++) {
        bool seen = false;
        if (item_of(s, s->near[i].chunk) == NULL)
            status = wf_find__read_chunk(s, s->near[i].chunk, &seen, err);
        if (seen)
            s->items[s->n_items - 1].is_alone = s->items[s->n_items - 1].score.terms == 0;
    }
    return status;
}

/* A chunk that has no vector yet is taken for as near as its words are good beside the best. */
static float guess(const struct wf_find_search *s, const struct wf_find_item *it, double words_most)
{
    double best = (double)s->near[0].similarity;
    double least = (double)s->near[s->n_near - 1].similarity;
    double share = words_most > 0 ? WF_MAX(it->words, 0) / words_most : 0;
    return (float)(least + (best - least) * share);
}

static struct wf_fuse_case case_of(const struct wf_find_search *s, const struct wf_find_item *it,
                                   double words_most)
{
    bool is_known = it->similarity > WF_FIND__NO_SIMILARITY;
    float similarity = is_known ? it->similarity : guess(s, it, words_most);
    struct wf_fuse_case c = {.similarity = (double)similarity,
                             .open = s->open,
                             .is_judged = it->is_judged,
                             .evidence = it->evidence};
    while (c.rank < s->n_near && s->near[c.rank].similarity > similarity)
        c.rank++;
    return c;
}

int wf_find__add_meaning(struct wf_find_search *s, struct wf_err *err)
{
    double coverage = 0, words_most = 0;
    if (s->meant == NULL || s->n_near == 0)
        return 0;
    struct wf_near *all = wf_arena_array(&s->arena, s->n_items, sizeof *all);
    if (all == NULL)
        return wf_find__no_memory(err);
    for (size_t i = 0; i < s->n_items; i++) {
        all[i].chunk = s->items[i].chunk;
        coverage = WF_MAX(coverage, s->items[i].score.coverage);
        words_most = WF_MAX(words_most, s->items[i].words);
    }
    s->open = 1 - WF_MIN(WF_MAX(coverage, 0), 1);
    wf_meaning_compare(s->query->meaning, s->meant, all, s->n_items, WF_FIND__NO_SIMILARITY);
    for (size_t i = 0; i < s->n_items; i++) {
        s->items[i].similarity = all[i].similarity;
        struct wf_fuse_case c = case_of(s, &s->items[i], words_most);
        s->items[i].near_rank = c.rank;
        s->items[i].value += wf_fuse_value(&s->weights, &c);
    }
    return 0;
}

/* ---- reading with the question ---- */

/* The sentences of a longer text that have most of the question's words. */
static struct wf_str best_of(const struct wf_find_search *s, struct wf_str text)
{
    if (text.len <= JUDGED_BYTES)
        return text;
    size_t n_cp = JUDGED_BYTES * wf_utf8_count(text) / text.len;
    struct wf_part part = wf_part_best(s->q, text, n_cp);
    struct wf_str best = wf_str_sub(text, part.start, part.end); /* or one long sentence */
    best = wf_str_sub(best, 0, (size_t)2 * JUDGED_BYTES);
    return wf_str_sub(best, 0, wf_utf8_valid_prefix(best));
}

/* The first items, as many as time allows. Returns how many were judged. */
static size_t judge_first(struct wf_find_search *s, size_t n_max, int64_t limit_ms)
{
    struct wf_str texts[JUDGED_AT_ONCE];
    struct wf_evidence evidence[JUDGED_AT_ONCE];
    int64_t until = wf_clock_mono_ns(NULL) + limit_ms * 1000000;
    size_t n = 0, k = 0;
    for (; n < n_max && n < s->n_items; n += k) {
        if (n > 0 && wf_clock_mono_ns(NULL) >= until)
            break;
        for (k = 0; k < JUDGED_AT_ONCE && n + k < n_max && n + k < s->n_items; k++)
            texts[k] = best_of(s, s->items[n + k].text);
        if (wf_meaning_judge(s->query->meaning, s->query->text, texts, k, evidence, NULL) != 0)
            break;
        for (size_t i = 0; i < k; i++) {
            s->items[n + i].is_judged = true;
            s->items[n + i].evidence = evidence[i];
        }
    }
    return n;
}

/* Adds what was said of the first n; the others are taken for what was worst. */
static void add_evidence(struct wf_find_search *s, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        struct wf_find_item *it = &s->items[i];
        struct wf_fuse_case c = {.open = s->open, .is_judged = i < n, .evidence = it->evidence};
        double value = i < n ? wf_fuse_judged(&s->weights, &c) : worst;
        if (i < n && (i == 0 || value < worst))
            worst = value;
        it->value += value;
    }
}

static bool is_worth(const struct wf_find_search *s, const struct wf_find_item *it)
{
    if (!it->is_alone)
        return true;
    const struct wf_fuse_case c = {
        .similarity = (double)it->similarity, .is_judged = it->is_judged, .evidence = it->evidence};
    return wf_fuse_is_worth(&s->weights, &c);
}

bool wf_find__judge(struct wf_find_search *s)
{
    size_t n = 0, n_max = 0, n_kept = 0;
    int64_t limit_ms = 0;
    if (s->meant == NULL || s->n_near == 0)
        return false;
    wf_meaning_judged(s->query->meaning, &n_max, &limit_ms);
    n = wf_fuse_judges(&s->weights) ? judge_first(s, n_max, limit_ms) : 0;
    if (n > 0)
        add_evidence(s, n);
    for (size_t i = 0; i < s->n_items; i++) {
        if (is_worth(s, &s->items[i]))
            s->items[n_kept++] = s->items[i];
    }
    s->n_items = n_kept;
    return true;
}
