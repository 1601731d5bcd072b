/* SPDX-License-Identifier: Apache-2.0 */
/* Floors are counts of words: how many of the question's a sentence has, each once; and their
 * rarity in the passages that are trained on. */
#include "train/span_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/word.h"

#define WORDS_MAX 128
#define ANSWER_TOKENS 48
/* How much a span within a sentence says beside the sentence's own score. */
#define SPAN_SHARE 0.5

static double lg(float share)
{
    return log(fmax((double)share, 1e-12));
}

void wf_span_find(const float *spans, size_t n, size_t n_longest, struct wf_span_found *out)
{
    double none = lg(spans[0]) + lg(spans[1]);

    *out = (struct wf_span_found){.score = -INFINITY};
    for (size_t last = 1; last < n; last++) {
        double end = lg(spans[2 * last + 1]);
        for (size_t first = last < n_longest ? 1 : last - n_longest + 1; first <= last; first++) {
            double score = lg(spans[2 * first]) + end - none;
            if (score > out->score)
                *out = (struct wf_span_found){first, last, score};
        }
    }
}

/* ---- words ---- */

struct words {
    struct wf_word items[WORDS_MAX];
    size_t n;
};

static bool is_article(const struct wf_word *w)
{
    return (w->len == 1 && w->text[0] == 'a') || (w->len == 2 && memcmp(w->text, "an", 2) == 0) ||
           (w->len == 3 && memcmp(w->text, "the", 3) == 0);
}

static void take_words(struct wf_str s, bool with_stops, struct words *out)
{
    struct wf_words walk;

    out->n = 0;
    wf_words_init(&walk, s);
    while (out->n < WORDS_MAX && wf_words_next(&walk, &out->items[out->n])) {
        const struct wf_word *w = &out->items[out->n];
        if (with_stops ? !is_article(w) : !wf_word_is_stop(wf_str_n(w->text, w->len)))
            out->n++;
    }
}

static bool is_same(const struct wf_word *a, const struct wf_word *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

double wf_span_f1(struct wf_str a, struct wf_str b)
{
    struct words x, y;
    double shared = 0;

    take_words(a, true, &x);
    take_words(b, true, &y);
    if (x.n == 0 || y.n == 0)
        return wf_str_eq(a, b) ? 1.0 : 0.0;
    bool used[WORDS_MAX] = {false};
    for (size_t i = 0; i < x.n; i++) {
        for (size_t k = 0; k < y.n; k++) {
            if (used[k] || !is_same(&x.items[i], &y.items[k]))
                continue;
            used[k] = true;
            shared += 1.0;
            break;
        }
    }
    return 2 * shared / (double)(x.n + y.n);
}

/* The question's words that a sentence has: how many, and their rarity. */
static void shared_words(const struct wf_span_texts *t, const struct words *q, struct wf_str s,
                         double *out_n, double *out_rare)
{
    bool used[WORDS_MAX] = {false};
    struct wf_words walk;
    struct wf_word w;

    *out_n = *out_rare = 0;
    wf_words_init(&walk, s);
    while (wf_words_next(&walk, &w)) {
        for (size_t k = 0; k < q->n; k++) {
            if (used[k] || !is_same(&q->items[k], &w))
                continue;
            const union wf_map_value *v = wf_map_get(&t->seen, wf_str_n(w.text, w.len));
            double n = v != NULL ? (double)(v->u64 & 0xffffffffu) : 0.0;
            used[k] = true;
            *out_n += 1.0;
            *out_rare += log(((double)t->n_passages + 1.0) / (n + 0.5));
        }
    }
}

/* ---- one text ---- */

/* Where the tokens [from, to) of the text stand in its passage. */
static struct wf_str bytes_of(const struct wf_span_texts *t, const struct wf_span_text *x,
                              const int32_t *ids, size_t from, size_t to)
{
    struct wf_str passage = t->sides[true].golds[x->gold].passage;
    size_t at = 0, begin = 0;

    for (size_t k = x->first; k < to; k++) {
        if (k == from)
            begin = at;
        at += wf_vocab_bytes(t->place.vocab, ids[k]).len;
    }
    return wf_str_sub(passage, begin, WF_MIN(at, passage.len));
}

static double best_f1(const struct wf_span_gold *g, struct wf_str found)
{
    double best = 0;

    for (size_t i = 0; i < g->n_answers; i++)
        best = fmax(best, wf_span_f1(g->answers[i], found));
    return best;
}

/* The best span that begins in the sentence. */
static double span_within(const struct wf_span_text *x, const struct wf_span_sentence *s,
                          const float *spans)
{
    double best = -INFINITY;

    for (size_t i = s->from; i < s->to; i++) {
        for (size_t k = i; k < s->to && k < i + ANSWER_TOKENS; k++)
            best = fmax(best,
                        lg(spans[2 * (i - x->first + 1)]) + lg(spans[2 * (k - x->first + 1) + 1]));
    }
    return best;
}

struct ranking {
    double best;
    bool is_right;
};

static void rank(struct ranking *r, double score, bool answers)
{
    if (score > r->best)
        *r = (struct ranking){score, answers};
}

static void judge_sentences(struct wf_span_measure *m, const struct wf_span_texts *t,
                            const struct wf_span_text *x, const int32_t *ids,
                            const struct wf_span_verdict *v)
{
    const struct wf_span_sentence *sentences = t->sides[true].sentences + x->sentences;
    struct ranking own = {-INFINITY, false}, joint = own, overlap = own, rare = own;
    struct words q;

    take_words(t->sides[true].golds[x->gold].question, false, &q);
    for (size_t i = 0; i < x->n_sentences; i++) {
        const struct wf_span_sentence *s = &sentences[i];
        double n, rarity, score = lg(v->sentences[i]);
        rank(&own, score, s->answers);
        rank(&joint, score + SPAN_SHARE * span_within(x, s, v->spans), s->answers);
        if (!x->is_english)
            continue;
        shared_words(t, &q, bytes_of(t, x, ids, s->from, s->to), &n, &rarity);
        rank(&overlap, n, s->answers);
        rank(&rare, rarity, s->answers);
    }
    m->n_all += 1;
    m->sentence_all += joint.is_right;
    if (!x->is_english)
        return;
    m->n_english += 1;
    m->sentence += own.is_right;
    m->joint += joint.is_right;
    m->overlap += overlap.is_right;
    m->rare += rare.is_right;
}

int wf_span_measure_add(struct wf_span_measure *m, const struct wf_span_texts *t, size_t i,
                        const int32_t *ids, const struct wf_span_verdict *v)
{
    const struct wf_span_text *x = &t->sides[true].texts[i];
    struct wf_span_found found;

    wf_span_find(v->spans, 1 + x->n_tokens - x->first, ANSWER_TOKENS, &found);
    if (m->n_refusals == m->cap_refusals) {
        size_t cap = m->cap_refusals > 0 ? 2 * m->cap_refusals : 1024;
        struct wf_span_refusal *p = wf_realloc_array(m->refusals, cap, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        m->refusals = p;
        m->cap_refusals = cap;
    }
    if (x->is_english)
        m->refusals[m->n_refusals++] =
            (struct wf_span_refusal){v->none, x->kind != WF_SPAN_ANSWERED, x->kind};
    if (x->kind != WF_SPAN_ANSWERED)
        return 0;
    if (x->sentence >= 0)
        judge_sentences(m, t, x, ids, v);
    if (x->start >= 0 && x->is_english) {
        m->n_spans += 1;
        m->f1 += best_f1(&t->sides[true].golds[x->gold],
                         bytes_of(t, x, ids, x->first + found.first - 1, x->first + found.last));
    }
    return 0;
}

void wf_span_measure_deinit(struct wf_span_measure *m)
{
    wf_free(m->refusals);
    m->refusals = NULL;
}

/* ---- all of them ---- */

static int by_score(const void *a, const void *b)
{
    float x = ((const struct wf_span_refusal *)a)->score;
    float y = ((const struct wf_span_refusal *)b)->score;

    return (x > y) - (x < y);
}

double wf_span_auroc(struct wf_span_refusal *r, size_t n)
{
    double below = 0, sum = 0, n_none = 0;

    qsort(r, n, sizeof(*r), by_score);
    for (size_t i = 0; i < n;) {
        double equal = 0, none = 0;
        size_t k = i;
        for (; k < n && r[k].score <= r[i].score; k++) {
            none += r[k].is_none;
            equal += !r[k].is_none;
        }
        sum += none * (below + equal / 2);
        below += equal;
        n_none += none;
        i = k > i ? k : i + 1;
    }
    return below > 0 && n_none > 0 ? sum / (below * n_none) : 0.5;
}

/* The answered beside one kind of the others. */
static double refusal_of(const struct wf_span_measure *m, enum wf_span_kind kind)
{
    struct wf_span_refusal *some = wf_alloc_array(m->n_refusals + 1, sizeof(*some));
    size_t n = 0;
    double out;

    for (size_t i = 0; i < m->n_refusals && some != NULL; i++) {
        if (m->refusals[i].kind == WF_SPAN_ANSWERED || m->refusals[i].kind == kind)
            some[n++] = m->refusals[i];
    }
    out = some != NULL ? wf_span_auroc(some, n) : 0.5;
    wf_free(some);
    return out;
}

static double share(double a, double b)
{
    return b > 0 ? 100 * a / b : 0;
}

void wf_span_measure_finish(struct wf_span_measure *m, double out[WF_SPAN_FIGURES])
{
    out[0] = share(m->joint, m->n_english);
    out[1] = share(m->f1, m->n_spans);
    out[2] = 100 * refusal_of(m, WF_SPAN_IMPOSSIBLE);
    out[3] = 100 * refusal_of(m, WF_SPAN_ELSEWHERE);
    out[4] = share(m->sentence_all, m->n_all);
    out[5] = share(m->sentence, m->n_english);
    out[6] = share(m->overlap, m->n_english);
    out[7] = share(m->rare, m->n_english);
}
