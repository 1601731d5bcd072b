/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in a passage: where one begins and ends, whether there is one, and which sentences are
 * worth reading.
 *
 * A span's logit is its first token's as a start and its last one's as an end; that of "no answer"
 * is the same of <s> (Devlin et al. 2019, SQuAD 2.0). Of several windows the one wins whose best
 * span is farthest above its own "no answer". */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens_answer.h"
#include "model/lens_internal.h"
#include "text/sentence.h"

/* What the best span in a sentence says beside the sentence's own score: on SQuAD's questions that
 * are kept aside the right one is first in 82.4 of 100 instead of 81.2 (train/span_measure.c). */
#define SPAN_SHARE 0.5

/* A logit that is no number is a bad one. */
static float number(float x)
{
    return x == x ? fmaxf(-1e30f, fminf(x, 1e30f)) : -1e30f;
}

/* Start and end logits of token t of the window. */
static void logits_of(const struct wf_lens_job *j, const float *hidden, size_t t, float out[2])
{
    wf_lens__apply(j->lens, &j->lens->span, hidden + t * j->lens->dim, out);
    out[0] = number(out[0]);
    out[1] = number(out[1]);
}

/* A sum of exponentials that grows, relative to the largest so far. */
struct total {
    float most;
    double sum;
};

static void add(struct total *t, float x)
{
    if (x > t->most) {
        t->sum = t->sum * exp((double)t->most - (double)x);
        t->most = x;
    }
    t->sum += exp((double)x - (double)t->most);
}

void wf_lens__take_span(struct wf_lens_job *j, size_t i, const float *hidden)
{
    const struct wf_lens_window *w = &j->windows[i];
    struct wf_lens_span best = {.logit = -INFINITY};
    /* The starts that are still near enough, as a ring: the best of them is looked for anew only
     * among these. */
    float starts[WF_LENS_SPAN_TOKENS], logits[2], none_at[2], best_start = 0.0f, best_end = 0.0f,
                                                              none;
    struct total all_starts = {-INFINITY, 0}, all_ends = {-INFINITY, 0};
    size_t n = w->to - w->from;

    logits_of(j, hidden, 0, logits);
    memcpy(none_at, logits, sizeof(none_at));
    best.none = logits[0] + logits[1];
    add(&all_starts, logits[0]);
    add(&all_ends, logits[1]);
    for (size_t t = 0; t < n; t++) {
        logits_of(j, hidden, j->prefix.n + t, logits);
        starts[t % WF_LENS_SPAN_TOKENS] = logits[0];
        add(&all_starts, logits[0]);
        add(&all_ends, logits[1]);
        if (w->from + t >= w->own_from && w->from + t < w->own_to) {
            j->edges[2 * (w->from + t)] = logits[0] - none_at[0];
            j->edges[2 * (w->from + t) + 1] = logits[1] - none_at[1];
        }
        for (size_t s = t + 1 < WF_LENS_SPAN_TOKENS ? 0 : t + 1 - WF_LENS_SPAN_TOKENS; s <= t;
             s++) {
            float start = starts[s % WF_LENS_SPAN_TOKENS];
            if (start + logits[1] <= best.logit)
                continue;
            best.logit = start + logits[1];
            best.first = w->from + (uint32_t)s;
            best.last = w->from + (uint32_t)t;
            best_start = start;
            best_end = logits[1];
        }
    }
    if (n > 0)
        best.share = (float)(exp((double)best_start - (double)all_starts.most) / all_starts.sum *
                             exp((double)best_end - (double)all_ends.most) / all_ends.sum);
    if (j->lens->none.weight != NULL) { /* a head of its own, on the scale of the difference */
        wf_lens__apply(j->lens, &j->lens->none, hidden, &none);
        best.none = best.logit + number(none);
    }
    j->spans[i] = best;
}

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Tokens [first, last] as the answer: without white space at both ends, whole characters. */
static void set_span(const struct wf_lens_job *j, size_t first, size_t last, float share,
                     struct wf_lens_answer *out)
{
    struct wf_lens_mark m = {.from = j->offsets[first], .to = j->offsets[last + 1]};

    while (m.from < m.to && is_white(j->text.ptr[m.from]))
        m.from++;
    while (m.from < m.to && is_white(j->text.ptr[m.to - 1]))
        m.to--;
    /* Tokens may end within a character. */
    while (m.from > 0 && ((uint8_t)j->text.ptr[m.from] & 0xc0) == 0x80)
        m.from--;
    while (m.to < j->text.len && ((uint8_t)j->text.ptr[m.to] & 0xc0) == 0x80)
        m.to++;
    m.score = share;
    wf_lens__count_points(j->text, &m, 1);
    out->span = m;
}

void wf_lens__finish_span(const struct wf_lens_job *j, struct wf_lens_answer *out)
{
    const struct wf_lens_span *best = &j->spans[0];

    for (size_t i = 1; i < j->n_windows; i++) {
        const struct wf_lens_span *s = &j->spans[i];
        if (s->logit - s->none > best->logit - best->none)
            best = s;
    }
    out->none = 1.0f;
    if (j->ids.n == 0)
        return;
    out->none = wf_lens__share(best->none - best->logit);
    set_span(j, best->first, best->last, best->share, out);
}

/* The sentences, each with its share by the weights. */
static int give_sentences(const struct wf_lens_job *j, const struct wf_lens_evidence *e,
                          size_t chosen, struct wf_lens_marks *out, struct wf_err *err)
{
    double sum = 0;

    for (size_t i = 0; i < wf_lens_evidence_n(e); i++)
        sum += exp((double)wf_lens_evidence_at(e, i)->score -
                   (double)wf_lens_evidence_at(e, chosen)->score);
    for (size_t i = 0; i < wf_lens_evidence_n(e); i++) {
        const struct wf_lens_answer_sentence_of *s = wf_lens_evidence_at(e, i);
        struct wf_lens_mark m = {.from = s->from, .to = s->to};
        m.score =
            (float)(exp((double)s->score - (double)wf_lens_evidence_at(e, chosen)->score) / sum);
        if (wf_lens__push(out, m) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    }
    wf_lens__count_points(j->text, out->items, out->n);
    return 0;
}

int wf_lens__finish_answer(const struct wf_lens_job *j, struct wf_lens_answer *out,
                           struct wf_err *err)
{
    const struct wf_lens_answer_sentence_of *s;
    float none[WF_LENS_ANSWER_N_COUNT];
    struct wf_lens_evidence *e = NULL;
    double sum = 0;
    size_t chosen;
    int rc = wf_lens_evidence_new(j, &e, err);

    if (rc != 0)
        return rc;
    out->none = 1.0f;
    wf_lens_evidence_weigh(e, j->lens->answer_clues);
    chosen = wf_lens_evidence_choose(e, j->lens->answer_sentence);
    if (chosen != SIZE_MAX) {
        s = wf_lens_evidence_at(e, chosen);
        wf_lens_evidence_none(j, e, chosen, none);
        for (size_t k = 0; k < WF_LENS_ANSWER_N_COUNT; k++)
            sum += (double)j->lens->answer_none[k] * (double)none[k];
        out->none = wf_lens__share((float)sum);
        if (s->first <= s->last)
            set_span(j, s->first, s->last,
                     expf(none[WF_LENS_ANSWER_N_SHARE] + none[WF_LENS_ANSWER_N_AGREE]), out);
        rc = give_sentences(j, e, chosen, &out->sentences, err);
    }
    wf_lens_evidence_free(e);
    return rc;
}

/* The best span in tokens [from, to), beside there being none. */
static double span_within(const struct wf_lens_job *j, size_t from, size_t to)
{
    double best = -1e30;

    for (size_t s = from; s < to; s++) {
        for (size_t e = s; e < to && e < s + WF_LENS_SPAN_TOKENS; e++)
            best = fmax(best, (double)j->edges[2 * s] + (double)j->edges[2 * e + 1]);
    }
    return best;
}

int wf_lens__finish_sentences(const struct wf_lens_job *j, struct wf_lens_marks *out,
                              struct wf_err *err)
{
    struct wf_sentence s;
    size_t at = 0, t = 0;

    while (wf_sentence_next(j->text, &at, &s)) {
        struct wf_lens_mark m = {.from = s.start, .to = s.end};
        double sum = 0;
        size_t n = 0;
        while (t < j->ids.n && j->offsets[t + 1] <= s.start)
            t++;
        /* The last token may reach into the next sentence: it is seen again there. */
        for (size_t k = t; k < j->ids.n && j->offsets[k] < s.end; k++, n++)
            sum += (double)j->tokens[k];
        sum /= fmax((double)n, 1);
        if (n > 0 && j->edges != NULL)
            sum += SPAN_SHARE * span_within(j, t, t + n);
        m.score = n > 0 ? wf_lens__share((float)sum) : 0.0f;
        if (wf_lens__push(out, m) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    }
    wf_lens__count_points(j->text, out->items, out->n);
    return 0;
}
