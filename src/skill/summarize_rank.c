/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking: which sentences together carry the text.
 *
 * The idea: a summary should cover the words that carry weight in the text, each once. A sentence's
 * centrality is the weight of its words over (nearly) its length; a word's weight grows with the
 * root of its count and falls where it is everywhere; and every time a word has been covered by a
 * sentence chosen before, it counts half (that is the control of redundancy). Greedy choice is
 * within 63 hundredths of the best cover (Nemhauser 1978), and lazily evaluated gains make it
 * nearly linear (Minoux 1978).
 *
 * About something: sentences get a relevance from the question's words in and around them, words
 * get their weight from relevant sentences, and gains are multiplied by relevance.
 *
 * The constants were set on stories, meetings, parliament and doctors' visits together (see
 * bench/bench_summarize.c); each lies on a plateau. */
#include <assert.h>
#include <math.h>

#include "base/alloc.h"
#include "base/config.h"
#include "skill/summarize_internal.h"

#define ROOT 0.5F    /* of a word's count */
#define RARITY 0.5F  /* power of a word's inverse sentence frequency */
#define ONCE 0.5F    /* weight of a word that occurs once, before rarity */
#define COVERED 0.5F /* what is left of a word's weight each time it is chosen again */
#define LENGTH_POWER                                                                               \
    0.25F                 /* sentences are weighed per length to this power: a full sentence that  \
                             covers more is better than two halves, within WORDS_MANY */
#define LENGTH_SLACK 5.0F /* words added to the length */
#define FIRST 2.0F        /* bonus of the very first sentence, and of the last; fades with ... */
#define FIRST_OF_TALK 1.0F
#define LAST 0.5F
#define EDGE_SHARE 0.02F /* ... this share of the text */
#define EDGE_SHARE_OF_TALK 0.05F
#define EDGE_MIN 3.0F    /* sentences */
#define LABEL_SHARE 0.5F /* of a question's word found in the speaker's name */
#define UNRELATED 0.2F   /* gain that is left without any relevance */
#define FOCUS 0.3F       /* power of the share of a word's count that lies in relevant sentences */
#define N_REGIONS 30     /* of a text, so that a summary tells of all its parts */
#define REGION_LEFT 0.8F /* gain that is left for each sentence chosen in the same region */
#define COVER_MAX 16     /* a word covered more often counts nothing */

struct ranking {
    const struct wf_summarizer *s;
    float *weight;       /* per term */
    uint16_t *n_covered; /* per term */
    float *factor;       /* per candidate: everything but the words */
    struct wf_sum_pick *heap;
    size_t n_heap;
    float left[COVER_MAX];   /* COVERED^k */
    float region[N_REGIONS]; /* REGION_LEFT^chosen; stays 1 for a summary about something */
    float region_left;
};

static float inverse_df(const struct wf_summarizer *s, uint32_t id, float smooth)
{
    return logf(1.0F + (float)s->n_sentences / ((float)s->terms.df[id] + smooth));
}

/* How much a candidate is about the question, relative to the most relevant; false when nothing
 * in the text is. */
static bool relevance(const struct wf_summarizer *s, float *out)
{
    float idf[WF_SUM_QUERY_MAX], most = 0;
    for (size_t q = 0; q < s->n_query; q++)
        idf[q] = inverse_df(s, s->query_ids[q], 0.5F);
    for (size_t i = 0; i < s->n_cands; i++) {
        const struct wf_sum_cand *c = s->cands[i];
        float sum = LABEL_SHARE * c->near[s->n_query];
        for (size_t q = 0; q < s->n_query; q++)
            sum += idf[q] * (c->near[q] + (float)(c->hits >> q & 1));
        out[i] = sum;
        most = fmaxf(most, sum);
    }
    for (size_t i = 0; i < s->n_cands && most > 0; i++)
        out[i] /= most;
    return most > 0;
}

static void weigh_terms(struct ranking *r)
{
    const struct wf_sum_terms *t = &r->s->terms;
    for (uint32_t id = 0; id < t->n; id++) {
        float count = t->tf[id] > 1 ? powf((float)t->tf[id], ROOT) : ONCE;
        r->weight[id] = count * powf(inverse_df(r->s, id, 0), RARITY);
    }
}

/* Weights from the relevant sentences: counts there, and what share of all counts they are. */
static void weigh_terms_about(struct ranking *r, const float *relevant)
{
    const struct wf_summarizer *s = r->s;
    for (uint32_t id = 0; id < s->terms.n; id++)
        r->weight[id] = 0;
    for (size_t i = 0; i < s->n_cands; i++)
        for (uint32_t k = 0; k < s->cands[i]->n_terms; k++)
            r->weight[s->cands[i]->terms[k]] += relevant[i];
    for (uint32_t id = 0; id < s->terms.n; id++) {
        float count = r->weight[id];
        float share = powf(fminf(1.0F, count / (float)WF_MAX(s->terms.tf[id], 1U)), FOCUS);
        r->weight[id] = share * (s->terms.tf[id] > 1 ? powf(count, ROOT) : ONCE);
    }
}

static void weigh_sentences(struct ranking *r, const float *relevant)
{
    const struct wf_summarizer *s = r->s;
    float first = s->is_talk ? FIRST_OF_TALK : FIRST;
    float share = s->is_talk ? EDGE_SHARE_OF_TALK : EDGE_SHARE;
    float edge = fmaxf(EDGE_MIN, share * (float)s->n_sentences);
    for (size_t i = 0; i < s->n_cands; i++) {
        const struct wf_sum_cand *c = s->cands[i];
        float f = c->prior / powf(c->n_words + LENGTH_SLACK, LENGTH_POWER);
        if (relevant) {
            f *= UNRELATED + relevant[i];
        } else {
            f *= 1.0F + first * expf(-(float)c->ordinal / edge);
            f *= 1.0F + LAST * expf(-(float)(s->n_sentences - 1 - c->ordinal) / edge);
        }
        r->factor[i] = f;
    }
}

static size_t region_of(const struct ranking *r, uint32_t i)
{
    return (size_t)(r->s->cands[i]->ordinal * N_REGIONS / r->s->n_sentences);
}

static float gain(const struct ranking *r, uint32_t i)
{
    const struct wf_sum_cand *c = r->s->cands[i];
    float sum = 0;
    uint32_t again = 0;
    for (uint32_t k = 0; k < c->n_terms; k++) {
        again = k > 0 && c->terms[k] == c->terms[k - 1] ? again + 1 : 0;
        uint32_t n = r->n_covered[c->terms[k]] + again;
        if (n < COVER_MAX)
            sum += r->weight[c->terms[k]] * r->left[n];
    }
    return sum * r->factor[i] * r->region[region_of(r, i)];
}

/* Higher gain first; the earlier sentence on a tie, so that results do not depend on the heap. */
static bool is_before(struct wf_sum_pick a, struct wf_sum_pick b)
{
    return a.gain > b.gain || (a.gain == b.gain && a.i_cand < b.i_cand);
}

static void sift_down(struct ranking *r, size_t i)
{
    struct wf_sum_pick item = r->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= r->n_heap)
            break;
        if (child + 1 < r->n_heap && is_before(r->heap[child + 1], r->heap[child]))
            child++;
        if (!is_before(r->heap[child], item))
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = item;
}

static void cover(struct ranking *r, uint32_t i)
{
    const struct wf_sum_cand *c = r->s->cands[i];
    for (uint32_t k = 0; k < c->n_terms; k++)
        if (r->n_covered[c->terms[k]] < COVER_MAX)
            r->n_covered[c->terms[k]]++;
    float *region = &r->region[region_of(r, i)];
    *region = fmaxf(*region * r->region_left, 1e-12F); /* no underflow in a pool of thousands */
}

/* The gain at the top may be out of date, but gains only fall: when the top stays the top after it
 * was computed anew, it is the best. */
static void choose(struct ranking *r, size_t n, struct wf_sum_pick *out)
{
    for (size_t i = 0; i < r->n_heap; i++)
        r->heap[i] = (struct wf_sum_pick){(uint32_t)i, gain(r, (uint32_t)i)};
    for (size_t i = r->n_heap / 2; i-- > 0;)
        sift_down(r, i);
    for (size_t n_out = 0; n_out < n;) {
        assert(r->n_heap > 0);
        struct wf_sum_pick top = r->heap[0];
        float now = gain(r, top.i_cand);
        if (now < top.gain) {
            r->heap[0].gain = now;
            sift_down(r, 0);
            if (r->heap[0].i_cand != top.i_cand)
                continue;
        }
        out[n_out++] = (struct wf_sum_pick){top.i_cand, now};
        cover(r, top.i_cand);
        r->heap[0] = r->heap[--r->n_heap];
        if (r->n_heap > 0)
            sift_down(r, 0);
    }
}

int wf_summarize__rank(const struct wf_summarizer *s, size_t n, struct wf_sum_pick *out,
                       struct wf_err *err)
{
    assert(n <= s->n_cands);
    struct ranking r = {.s = s, .n_heap = s->n_cands};
    r.weight = wf_alloc_array(s->terms.n, sizeof *r.weight);
    r.n_covered = wf_alloc_array(s->terms.n, sizeof *r.n_covered);
    r.factor = wf_alloc_array(s->n_cands, sizeof *r.factor);
    r.heap = wf_alloc_array(s->n_cands, sizeof *r.heap);
    float *relevant = wf_alloc_array(s->n_cands, sizeof *relevant);
    int status = 0;
    if (!r.weight || !r.n_covered || !r.factor || !r.heap || !relevant) {
        status = wf_err_set(err, WF_E_NOMEM, "out of memory while summarizing");
        goto out;
    }
    r.left[0] = 1;
    for (size_t k = 1; k < COVER_MAX; k++)
        r.left[k] = r.left[k - 1] * COVERED;
    bool is_about = s->n_query > 0 && relevance(s, relevant);
    r.region_left = is_about ? 1 : REGION_LEFT;
    for (size_t k = 0; k < N_REGIONS; k++)
        r.region[k] = 1;
    if (is_about)
        weigh_terms_about(&r, relevant);
    else
        weigh_terms(&r);
    weigh_sentences(&r, is_about ? relevant : NULL);
    choose(&r, n, out);
out:
    wf_free(r.weight);
    wf_free(r.n_covered);
    wf_free(r.factor);
    wf_free(r.heap);
    wf_free(relevant);
    return status;
}
