/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: sentences that may still be chosen, at most WF_SUM_POOL_MAX of them.
 *
 * The idea: a book is longer than what may be held, so when the pool is full it is ranked as if the
 * text ended here, and the better half stays. The vocabulary goes on counting all that was read.
 * Repetitions (page headers, "Okay.") are known by a small cache of hashes and neither counted nor
 * chosen. For a summary about something, every candidate knows how many of the question's words
 * stand around it: hits fade by distance, forward through `fade`, backward by adding to the last
 * WF_SUM_RECENT candidates, so that no text is looked at twice.
 *
 * Invariants: (1) cands are in text order; (2) terms of a candidate are entries of s->terms;
 * (3) recent[] points to candidates in the pool or is NULL. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "skill/summarize_internal.h"
#include "text/utf8.h"

#define N_SEEN 32768u     /* hashes remembered */
#define HEADING_WEIGHT 3u /* a heading's word counts as often */
#define TITLE_WEIGHT 8u   /* a word of the first sentences, which say what the text is about */
#define N_TITLE 2u        /* so many sentences */
#define FADE 0.7788F      /* per sentence: exp(-1/4) */
#define WORDS_FEW 4       /* shorter sentences say little */
#define WORDS_MANY 40.0F  /* longer ones count as if they were this long */

static void cand_free(struct wf_sum_cand *c)
{
    wf_free(c);
}

void wf_summarize__pool_deinit(struct wf_summarizer *s)
{
    for (size_t i = 0; i < s->n_cands; i++)
        cand_free(s->cands[i]);
    wf_free(s->cands);
    wf_free(s->seen);
    s->cands = NULL;
    s->seen = NULL;
    s->n_cands = 0;
}

/* True when the sentence was there before (as far as remembered); remembers it. */
static bool was_seen(struct wf_summarizer *s, uint64_t hash)
{
    uint64_t *slot = &s->seen[(hash >> 20) % N_SEEN];
    bool seen = *slot == hash;
    *slot = hash;
    return seen;
}

/* Counts the sentence's terms; ids[] receives their entries, ascending, without those that found
 * no room. */
static int count_terms(struct wf_summarizer *s, const struct wf_sum_words *w, uint32_t weight,
                       uint32_t *ids, uint32_t *out_n)
{
    uint32_t n = 0;
    for (size_t i = 0; i < w->n_terms; i++) {
        uint32_t id;
        int r = wf_summarize__terms_add(&s->terms, w->terms[i], &id);
        if (r != 0)
            return r;
        if (id == WF_SUM_NO_TERM)
            continue;
        uint32_t k = n++;
        for (; k > 0 && ids[k - 1] > id; k--)
            ids[k] = ids[k - 1];
        ids[k] = id;
    }
    for (uint32_t i = 0; i < n; i++) {
        s->terms.tf[ids[i]] += weight;
        s->terms.df[ids[i]] += i == 0 || ids[i] != ids[i - 1];
    }
    *out_n = n;
    return 0;
}

static uint32_t query_hits(const struct wf_summarizer *s, const uint64_t *terms, size_t n)
{
    uint32_t hits = 0;
    for (size_t q = 0; q < s->n_query; q++)
        for (size_t i = 0; i < n; i++)
            if (terms[i] == s->query[q])
                hits |= 1U << q;
    return hits;
}

/* What speaks for a sentence by itself. Measured on stories, meetings and visits: addressing each
 * other is the strongest sign of a sentence that summaries leave out. */
static float prior_of(const struct wf_sum_words *w)
{
    float prior = 1.0F;
    if (w->n_words < WORDS_FEW)
        prior *= 0.2F;
    if (w->n_words > WORDS_MANY)
        prior *= WORDS_MANY / w->n_words;
    float speech = 4.0F * w->n_speech / (w->n_words + 1.0F);
    prior *= 1.0F - 0.8F * fminf(1.0F, speech);
    return prior * (1.0F + 0.1F * fminf(3.0F, w->n_names));
}

/* One block: the candidate, near[], terms[], text. */
static struct wf_sum_cand *cand_new(const struct wf_summarizer *s, struct wf_str sentence,
                                    const uint32_t *ids, uint32_t n_terms)
{
    size_t n_near = s->n_query > 0 ? s->n_query + 1 : 0;
    size_t head = sizeof(struct wf_sum_cand) + n_near * sizeof(float) + n_terms * sizeof(uint32_t);
    struct wf_sum_cand *c = wf_alloc(head + sentence.len);
    if (!c)
        return NULL;
    *c = (struct wf_sum_cand){.n_terms = n_terms, .text_len = (uint32_t)sentence.len};
    c->near = (float *)(void *)(c + 1);
    c->terms = (uint32_t *)(void *)(c->near + n_near);
    c->text = (char *)(c->terms + n_terms);
    memset(c->near, 0, n_near * sizeof(float));
    if (n_terms > 0)
        memcpy(c->terms, ids, n_terms * sizeof *ids);
    memcpy(c->text, sentence.ptr, sentence.len);
    return c;
}

/* Lets the hits of the sentence at s->n_sentences fade into the candidates before it, and those
 * before it into `c` (NULL when it is no candidate). */
static void spread_hits(struct wf_summarizer *s, struct wf_sum_cand *c, uint32_t hits)
{
    uint32_t label = s->label_hits;
    for (size_t q = 0; q <= s->n_query && s->n_query > 0; q++) {
        float own = q < s->n_query ? (float)(hits >> q & 1) : (float)__builtin_popcount(label);
        s->fade[q] = s->fade[q] * FADE + own;
        if (c)
            c->near[q] = s->fade[q];
        float reach = own;
        for (uint64_t back = 1; own > 0 && back < WF_SUM_RECENT && back <= s->n_sentences; back++) {
            reach *= FADE;
            struct wf_sum_cand *before = s->recent[(s->n_sentences - back) % WF_SUM_RECENT];
            if (before)
                before->near[q] += reach;
        }
    }
    s->recent[s->n_sentences % WF_SUM_RECENT] = c;
}

/* Drops the terms that occur least and that no candidate holds. */
static int prune_terms(struct wf_summarizer *s)
{
    struct wf_sum_terms *t = &s->terms;
    bool *keep = wf_alloc_array(t->n, sizeof *keep);
    uint32_t *map = wf_alloc_array(t->n, sizeof *map);
    int r = keep && map ? 0 : WF_E_NOMEM;
    if (r == 0) {
        for (size_t i = 0; i < s->n_cands; i++)
            for (uint32_t k = 0; k < s->cands[i]->n_terms; k++)
                keep[s->cands[i]->terms[k]] = true;
        for (size_t q = 0; q < s->n_query; q++)
            keep[s->query_ids[q]] = true;
        /* what occurs once a hundred thousand words is noise in a text that fills the table */
        uint32_t least = 2 + (uint32_t)(s->n_sentences / 10000);
        for (uint32_t id = 0; id < t->n; id++)
            keep[id] = keep[id] || t->tf[id] > least;
        wf_summarize__terms_prune(t, keep, map);
        for (size_t i = 0; i < s->n_cands; i++)
            for (uint32_t k = 0; k < s->cands[i]->n_terms; k++)
                s->cands[i]->terms[k] = map[s->cands[i]->terms[k]];
        for (size_t q = 0; q < s->n_query; q++)
            s->query_ids[q] = map[s->query_ids[q]];
    }
    wf_free(keep);
    wf_free(map);
    return r;
}

static int by_index(const void *a, const void *b)
{
    const struct wf_sum_pick *x = a, *y = b;
    return x->i_cand < y->i_cand ? -1 : x->i_cand > y->i_cand;
}

/* Keeps the better half of the pool, and the newest, whose neighbours are not known yet. */
static int reduce(struct wf_summarizer *s, struct wf_err *err)
{
    static const size_t n_keep = WF_SUM_POOL_KEEP;
    struct wf_sum_pick *picks = wf_alloc_array(n_keep, sizeof *picks);
    if (!picks)
        return wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
    int r = wf_summarize__rank(s, n_keep, picks, err);
    if (r == 0) {
        qsort(picks, n_keep, sizeof *picks, by_index);
        size_t n = 0, at = 0, newest = s->n_cands - WF_SUM_RECENT;
        for (size_t i = 0; i < s->n_cands; i++) {
            while (at < n_keep && picks[at].i_cand < i)
                at++;
            if (i >= newest || (at < n_keep && picks[at].i_cand == i))
                s->cands[n++] = s->cands[i];
            else
                cand_free(s->cands[i]);
        }
        s->n_cands = n;
        assert(n <= n_keep + WF_SUM_RECENT);
        if (s->terms.n > WF_SUM_TERMS_MAX / 4 * 3 && prune_terms(s) != 0)
            r = wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
    }
    wf_free(picks);
    return r;
}

static int pool_ready(struct wf_summarizer *s, struct wf_err *err)
{
    if (!s->cands)
        s->cands = wf_alloc_array(WF_SUM_POOL_MAX, sizeof(struct wf_sum_cand *));
    if (!s->seen)
        s->seen = wf_alloc_array(N_SEEN, sizeof *s->seen);
    if (!s->cands || !s->seen)
        return wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
    return s->n_cands == WF_SUM_POOL_MAX ? reduce(s, err) : 0;
}

static uint32_t weight_of(const struct wf_summarizer *s)
{
    if (s->n_sentences < N_TITLE && !s->is_talk)
        return TITLE_WEIGHT;
    return s->is_heading ? HEADING_WEIGHT : 1;
}

int wf_summarize__take(struct wf_summarizer *s, struct wf_str sentence, uint64_t start_cp,
                       uint32_t page, struct wf_err *err)
{
    struct wf_sum_words words;
    uint32_t ids[WF_SUM_SENTENCE_TERMS], n_terms;
    int r = pool_ready(s, err);
    if (r != 0)
        return r;
    wf_summarize__words(sentence, &words);
    if (words.is_markup || words.n_words == 0 || was_seen(s, words.hash))
        return 0;
    s->is_talk = s->is_talk || (words.has_label && s->n_sentences < N_TITLE);
    if (words.has_label)
        s->label_hits = query_hits(s, words.terms, words.n_label);
    if (count_terms(s, &words, weight_of(s), ids, &n_terms) != 0)
        return wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
    uint32_t hits = query_hits(s, words.terms, words.n_terms);
    struct wf_sum_cand *c = NULL;
    if (!s->is_heading) {
        c = cand_new(s, sentence, ids, n_terms);
        if (!c)
            return wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
        c->ordinal = s->n_sentences;
        c->start_cp = start_cp;
        c->end_cp = start_cp + wf_utf8_count(sentence);
        c->page = page;
        c->hits = hits;
        c->n_words = words.n_words;
        c->prior = prior_of(&words);
        assert(s->n_cands < WF_SUM_POOL_MAX);
        s->cands[s->n_cands++] = c;
    }
    spread_hits(s, c, hits);
    s->n_sentences++;
    return 0;
}
