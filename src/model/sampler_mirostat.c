/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: mirostat (Basu et al. 2021), which keeps the surprise of what is written near a target:
 * tokens that would surprise by more than mu bits fall away, and mu learns from every draw.
 * Algorithm 1 turns mu into a number of tokens by a fit of Zipf's law, algorithm 2 into a bound. */
#include <float.h>
#include <math.h>

#include "model/sampler_internal.h"

#define MIROSTAT_BEST 100 /* tokens that algorithm 1 fits Zipf's law to, as the paper does */

static const double ln2 = 0.69314718055994530942;

/* Takes what was drawn; the surprise allowed next follows. */
static int32_t learn(struct wf_sampler *s, const struct wf_cand *one)
{
    double surprise = wf_sampler_log(s->cands.mass / (double)one->w) / ln2;
    s->mu -= (double)s->set.mirostat_eta * (surprise - (double)s->set.mirostat_tau);
    return one->id;
}

/* How many tokens keep the surprise at mu, when shares follow Zipf's law with the exponent that
 * fits the likeliest ones (Basu et al., algorithm 1). `best` is sorted. */
static size_t zipf_k(const struct wf_cands *best, double scale, double mu, size_t n_vocab)
{
    double products = 0, squares = 0, exponent, e, k;

    for (size_t i = 0; i + 1 < best->n; i++) {
        double t = wf_sampler_log((double)(i + 2) / (double)(i + 1));
        products += t * (double)(best->ptr[i].x - best->ptr[i + 1].x) * scale;
        squares += t * t;
    }
    if (!(squares > 0) || !(products > 0))
        return n_vocab;
    exponent = products / squares;
    e = exponent - 1;
    if (fabs(e) < 1e-6)
        e = 1e-6;
    k = e * wf_sampler_exp(mu * ln2) / (1 - wf_sampler_exp(-e * wf_sampler_log((double)n_vocab)));
    k = wf_sampler_exp(wf_sampler_log(k) / exponent);
    if (!(k >= 1))
        return 1;
    return k >= (double)n_vocab ? n_vocab : (size_t)k;
}

int32_t wf_sampler_mirostat1(struct wf_sampler *s, const float *logits, bool is_gathered)
{
    struct wf_cands *c = &s->cands, best;
    struct wf_cand likeliest[MIROSTAT_BEST];
    float scale = 1 / s->set.temperature;

    if (!is_gathered)
        wf_cands_gather(c, logits, s->n_vocab, -FLT_MAX);
    best = (struct wf_cands){.ptr = likeliest};
    for (size_t i = 0; i < c->n; i++) {
        size_t at = best.n < MIROSTAT_BEST ? best.n : MIROSTAT_BEST - 1;
        if (best.n == MIROSTAT_BEST && !(c->ptr[i].x > likeliest[at].x))
            continue;
        for (; at > 0 && c->ptr[i].x > likeliest[at - 1].x; at--)
            likeliest[at] = likeliest[at - 1];
        likeliest[at] = c->ptr[i];
        best.n = WF_MIN(best.n + 1, MIROSTAT_BEST);
    }
    wf_cands_keep_n(c, zipf_k(&best, (double)scale, s->mu, s->n_vocab));
    wf_cands_weigh(c, scale);
    return learn(s, wf_sampler_draw(s));
}

int32_t wf_sampler_mirostat2(struct wf_sampler *s, const float *logits, bool is_gathered)
{
    struct wf_cands *c = &s->cands;
    float scale = 1 / s->set.temperature;
    double floor;
    size_t n = 0;

    if (is_gathered)
        wf_cands_weigh(c, scale);
    else
        c->mass = wf_sampler_mass(logits, s->n_vocab, c->max, scale);
    /* surprise <= mu, as a bound on logits; the likeliest always stays */
    floor = (wf_sampler_log(c->mass) - s->mu * ln2) / (double)scale;
    floor = (double)c->max + fmin(floor, 0);
    floor = fmax(floor, -(double)FLT_MAX);
    if (!is_gathered)
        wf_cands_gather(c, logits, s->n_vocab, (float)floor);
    for (size_t i = 0; i < c->n; i++)
        if (c->ptr[i].x >= (float)floor)
            c->ptr[n++] = c->ptr[i];
    c->n = n;
    wf_cands_weigh(c, scale);
    return learn(s, wf_sampler_draw(s));
}
