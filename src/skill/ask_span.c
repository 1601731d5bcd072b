/* SPDX-License-Identifier: Apache-2.0 */
/* What the embedded model sees in the chunks that may answer: where in the best sentence the answer
 * stands, and, where its file says by how much (lens.span.rerank, lens.span.refuse), which sentence
 * is the best and whether any answers.
 *
 * Words choose which chunks are looked at; lens sees the best one, and with reranking the next
 * ones. Its word on a sentence is the log of its share among the chunk's sentences, times that of
 * there being an answer at all. A lens that is absent, switched off or fails changes nothing. */
#include <math.h>
#include <stdlib.h>

#include "engine/lens.h"
#include "skill/ask_internal.h"

/* Shares below say no more. */
#define SHARE_LEAST 1e-4
/* What a sentence of the wrong kind loses, as the log of a share. */
#define MISFIT 3

static double logit(float share)
{
    double p = fmax(SHARE_LEAST, fmin((double)share, 1 - SHARE_LEAST));

    return log(p / (1 - p));
}

/* The log of sentence k's share among all of them. */
static double log_share(const struct wf_lens_marks *m, size_t k)
{
    double sum = 1, own = logit(m->items[k].score);

    for (size_t i = 0; i < m->n; i++)
        sum += i != k ? exp(logit(m->items[i].score) - own) : 0;
    return fmax(log(SHARE_LEAST), -log(sum));
}

/* The sentence of the answer that holds this place; NULL: none. */
static const struct wf_lens_mark *find_sentence(const struct wf_lens_marks *m, size_t at)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->items[i].from <= at && at < m->items[i].to)
            return &m->items[i];
    }
    return NULL;
}

/* How far the sentence is from what the question asks for (a time, a number), beside the one that
 * fits best: lens is misled by the words of the question where words know better. */
static double misfit(const struct wf_ask_look *look, const struct wf_ask_sentence *s)
{
    double best = 0;

    for (size_t i = 0; i < look->n_sentences; i++)
        best = fmax(best, look->sentences[i].features[WF_ASK_S_TYPE]);
    return best - s->features[WF_ASK_S_TYPE];
}

void wf_ask__weigh(struct wf_ask_look *io, size_t hit, const struct wf_lens_answer *a,
                   double weight)
{
    double there = log(fmax(SHARE_LEAST, 1 - (double)a->none));

    for (size_t i = 0; i < io->n_sentences; i++) {
        struct wf_ask_sentence *s = &io->sentences[i];
        const struct wf_lens_mark *m;
        if (s->hit != hit)
            continue;
        m = find_sentence(&a->sentences, s->start);
        s->seen = weight * (there - MISFIT * misfit(io, s) +
                            (m != NULL ? log_share(&a->sentences, (size_t)(m - a->sentences.items))
                                       : log(SHARE_LEAST)));
        s->is_seen = true;
    }
}

static int by_score(const void *pa, const void *pb)
{
    const struct wf_ask_sentence *a = pa, *b = pb;

    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    if (a->hit != b->hit)
        return a->hit < b->hit ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

void wf_ask__order(struct wf_ask_look *io)
{
    double least = 0; /* those that were not looked at are held to be no better */

    for (size_t i = 0; i < io->n_sentences; i++)
        least = io->sentences[i].is_seen ? fmin(least, io->sentences[i].seen) : least;
    for (size_t i = 0; i < io->n_sentences; i++) {
        struct wf_ask_sentence *s = &io->sentences[i];
        s->score += s->is_seen ? s->seen : least;
    }
    qsort(io->sentences, io->n_sentences, sizeof(*io->sentences), by_score);
}

/* The chunks of the first sentences, each once; returns how many. */
static size_t choose(const struct wf_ask_look *look, size_t n_max, size_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < look->n_sentences && n < n_max; i++) {
        size_t k = 0;
        while (k < n && out[k] != look->sentences[i].hit)
            k++;
        if (k == n)
            out[n++] = look->sentences[i].hit;
    }
    return n;
}

static void keep_span(struct wf_ask_look *io, size_t hit, const struct wf_lens_answer *a)
{
    struct wf_ask_span *s = &io->spans[io->n_spans++];

    *s = (struct wf_ask_span){.hit = hit,
                              .start = a->span.from,
                              .end = a->span.to,
                              .score = (double)a->span.score,
                              .none = (double)a->none};
}

void wf_ask__see(struct wf_lens_pool *lens, struct wf_str question, struct wf_ask_look *io)
{
    struct wf_lens_ask asks[WF_ASK_SPANS_MAX];
    struct wf_lens_answer answers[WF_ASK_SPANS_MAX];
    size_t hits[WF_ASK_SPANS_MAX], n;
    const struct wf_lens *l = NULL;
    struct wf_err err = WF_ERR_INIT;
    double weight;

    io->n_spans = 0;
    io->refuse = 0;
    if (lens == NULL || io->n_sentences == 0 || wf_lens_pool_lens(lens, &l, &err) != 0)
        return;
    weight = (double)wf_lens_rerank(l);
    io->refuse = (double)wf_lens_refuse(l);
    n = choose(io, weight > 0 ? WF_ASK_SPANS_MAX : 1, hits);
    for (size_t i = 0; i < n; i++)
        asks[i] = (struct wf_lens_ask){
            .tasks = WF_LENS_SPANS, .text = io->hits.items[hits[i]].text, .question = question};
    if (wf_lens_pool_run(lens, asks, n, answers, &err) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        keep_span(io, hits[i], &answers[i]);
        if (weight > 0)
            wf_ask__weigh(io, hits[i], &answers[i], weight);
        wf_lens_answer_deinit(&answers[i]);
    }
    if (weight > 0)
        wf_ask__order(io);
}

double wf_ask__doubt(const struct wf_ask_look *look, double confidence)
{
    if (look->n_sentences == 0 || look->refuse <= 0)
        return confidence;
    for (size_t i = 0; i < look->n_spans; i++) {
        const struct wf_ask_span *x = &look->spans[i];
        if (x->hit == look->sentences[0].hit)
            return 1 / (1 + exp(look->refuse * logit((float)x->none) - logit((float)confidence)));
    }
    return confidence;
}

const struct wf_ask_span *wf_ask__span_of(const struct wf_ask_look *look,
                                          const struct wf_ask_sentence *s)
{
    for (size_t i = 0; i < look->n_spans; i++) {
        const struct wf_ask_span *x = &look->spans[i];
        if (x->hit == s->hit && x->start >= s->start && x->end <= s->end && x->start < x->end &&
            x->none < 0.5)
            return x;
    }
    return NULL;
}
