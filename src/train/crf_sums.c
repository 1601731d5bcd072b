/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over all sequences of tags (forward and backward, Rabiner 1989), scaled to 1 at each word so
 * that float32 holds them. A text of which every word is told needs no second pass: what is known
 * of it is one sequence. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/crf.h"

#define TAGS WF_ENTITY_TAGS
#define ROW WF_CRF_ROW

_Static_assert(TAGS <= ROW, "tags fit a row, and their bits a whole number");

struct wf_crf_room {
    size_t n_max;
    float *emit, *alpha, *beta, *scale; /* [n_max, ROW], of scale [n_max] */
    float moves[TAGS * ROW];            /* exp of the moves */
    float back[ROW * ROW];              /* the same by where they lead */
    float expected[TAGS * ROW];         /* of the gradient, without `moves` */
};

int wf_crf_room_new(size_t n_max, struct wf_crf_room **out, struct wf_err *err)
{
    struct wf_crf_room *r = wf_alloc_array(1, sizeof(*r));

    if (r != NULL) {
        r->n_max = n_max;
        r->emit = wf_alloc_lines(n_max + 1, ROW * sizeof(float));
        r->alpha = wf_alloc_lines(n_max + 1, ROW * sizeof(float));
        r->beta = wf_alloc_lines(n_max + 1, ROW * sizeof(float));
        r->scale = wf_alloc_array(n_max + 1, sizeof(float));
        if (r->emit != NULL && r->alpha != NULL && r->beta != NULL && r->scale != NULL) {
            *out = r;
            return 0;
        }
    }
    wf_crf_room_free(r);
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn from texts.");
}

void wf_crf_room_free(struct wf_crf_room *r)
{
    if (r == NULL)
        return;
    wf_free(r->emit);
    wf_free(r->alpha);
    wf_free(r->beta);
    wf_free(r->scale);
    wf_free(r);
}

/* Weights of a word's allowed tags, the largest 1; the logarithm of what was taken out. */
static double emit(const float *scores, uint32_t allowed, float *out)
{
    float most = -INFINITY;

    for (unsigned t = 0; t < TAGS; t++)
        most = (allowed >> t & 1) != 0 ? fmaxf(most, scores[t]) : most;
    for (unsigned t = 0; t < ROW; t++)
        out[t] = t < TAGS && (allowed >> t & 1) != 0 ? expf(scores[t] - most) : 0.0f;
    return (double)most;
}

/* The logarithm of the weight of all sequences of a text, of what is allowed (NULL: all). */
static double forward(struct wf_crf_room *r, const uint32_t *allowed, size_t n, const float *scores)
{
    double log_sum = 0;

    for (size_t i = 0; i < n; i++) {
        float *e = r->emit + i * ROW, *a = r->alpha + i * ROW, in[ROW] = {0}, sum = 0.0f;
        log_sum += emit(scores + i * ROW, allowed != NULL ? allowed[i] : UINT32_MAX, e);
        for (unsigned from = 0; i > 0 && from < TAGS; from++) {
            float before = (a - ROW)[from];
            const float *moves = r->moves + from * ROW;
            if (before == 0.0f)
                continue;
            for (unsigned to = 0; to < ROW; to++)
                in[to] += before * moves[to];
        }
        for (unsigned to = 0; to < ROW; to++) {
            a[to] = i > 0 ? in[to] * e[to] : e[to];
            sum += a[to];
        }
        sum = fmaxf(sum, 1e-30f);
        for (unsigned to = 0; to < ROW; to++)
            a[to] /= sum;
        r->scale[i] = sum;
        log_sum += log((double)sum);
    }
    return log_sum;
}

/* Behind forward: what is expected of the moves, times `share`, into r->expected; beta is left. */
static void backward(struct wf_crf_room *r, size_t n, float share)
{
    for (unsigned k = 0; k < ROW; k++)
        r->beta[(n - 1) * ROW + k] = 1.0f;
    for (size_t i = n - 1; i > 0; i--) {
        const float *e = r->emit + i * ROW, *after = r->beta + i * ROW;
        const float *a = r->alpha + (i - 1) * ROW;
        float q[ROW], sum[ROW] = {0};
        for (unsigned to = 0; to < ROW; to++)
            q[to] = e[to] * after[to] / r->scale[i];
        for (unsigned to = 0; to < TAGS; to++) {
            const float *back = r->back + to * ROW;
            if (q[to] == 0.0f)
                continue;
            for (unsigned from = 0; from < ROW; from++)
                sum[from] += q[to] * back[from];
        }
        memcpy(r->beta + (i - 1) * ROW, sum, sizeof(sum));
        for (unsigned from = 0; from < TAGS; from++) {
            float part = a[from] * share, *expected = r->expected + from * ROW;
            if (part == 0.0f)
                continue;
            for (unsigned to = 0; to < ROW; to++)
                expected[to] += part * q[to];
        }
    }
}

static bool is_told(const uint32_t *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((allowed[i] & (allowed[i] - 1)) != 0)
            return false;
    }
    return true;
}

/* The score of the one sequence; its part of the gradient. */
static double take_told(const uint32_t *allowed, size_t n, const float *scores, const float *moves,
                        float *d_scores, float *d_moves)
{
    double sum = 0;

    for (size_t i = 0, last = 0; i < n; i++) {
        size_t tag = (size_t)__builtin_ctz(allowed[i]);
        sum += (double)scores[i * ROW + tag];
        d_scores[i * ROW + tag] -= 1.0f;
        if (i > 0) {
            sum += (double)moves[last * ROW + tag];
            d_moves[last * ROW + tag] -= 1.0f;
        }
        last = tag;
    }
    return sum;
}

static void set_moves(struct wf_crf_room *r, const float *moves)
{
    for (unsigned from = 0; from < TAGS; from++) {
        for (unsigned to = 0; to < TAGS; to++)
            r->moves[from * ROW + to] = r->back[to * ROW + from] = expf(moves[from * ROW + to]);
    }
    memset(r->expected, 0, sizeof(r->expected));
}

double wf_crf_loss(struct wf_crf_room *r, const uint32_t *allowed, size_t n, const float *scores,
                   const float *moves, float *d_scores, float *d_moves)
{
    bool told = is_told(allowed, n);
    double loss;

    set_moves(r, moves);
    loss = forward(r, NULL, n, scores);
    backward(r, n, 1.0f);
    for (size_t k = 0; k < n * ROW; k++)
        d_scores[k] = r->alpha[k] * r->beta[k];
    if (!told) {
        loss -= forward(r, allowed, n, scores);
        backward(r, n, -1.0f);
        for (size_t k = 0; k < n * ROW; k++)
            d_scores[k] -= r->alpha[k] * r->beta[k];
    }
    for (unsigned k = 0; k < TAGS * ROW; k++)
        d_moves[k] = r->expected[k] * r->moves[k];
    return told ? loss - take_told(allowed, n, scores, moves, d_scores, d_moves) : loss;
}

/* ---- decoding ---- */

/* Whether the word of tag `to` may stand behind that of tag `from`; from 0: or at the begin. */
static bool may_follow(unsigned from, unsigned to)
{
    return to == 0 || to % 2 == 1 ||
           (from > 0 && wf_entity_type_of((int32_t)from) == wf_entity_type_of((int32_t)to));
}

/* One step: the best way to each tag of a word, from the best ways to those of the one before. */
static void step(const float *scores, const float *moves, const float *before, float *after,
                 uint8_t *came)
{
    for (unsigned to = 0; to < TAGS; to++) {
        after[to] = before[0] + moves[to];
        came[to] = 0;
    }
    for (unsigned from = 1; from < TAGS; from++) {
        for (unsigned to = 0; to < TAGS; to++) {
            float way = before[from] + moves[from * TAGS + to];
            bool is_better = way > after[to];
            after[to] = is_better ? way : after[to];
            came[to] = is_better ? (uint8_t)from : came[to];
        }
    }
    for (unsigned to = 0; to < TAGS; to++)
        after[to] += scores[to];
}

int wf_crf_decode(const float *scores, size_t n, const float *moves, int32_t *out)
{
    uint8_t *came = wf_alloc_array(n + 1, TAGS);
    float ways[2][TAGS], legal[TAGS * TAGS];
    const float *last;
    unsigned best = 0;

    if (came == NULL)
        return WF_E_NOMEM;
    for (unsigned k = 0; k < TAGS * TAGS; k++)
        legal[k] = may_follow(k / TAGS, k % TAGS) ? moves[k] : -INFINITY;
    for (unsigned k = 0; k < TAGS && n > 0; k++)
        ways[0][k] = may_follow(0, k) ? scores[k] : -INFINITY;
    for (size_t i = 1; i < n; i++)
        step(scores + i * TAGS, legal, ways[(i - 1) % 2], ways[i % 2], came + i * TAGS);
    last = ways[(n + 1) % 2];
    for (unsigned k = 1; k < TAGS && n > 0; k++)
        best = last[k] > last[best] ? k : best;
    for (size_t i = n; i-- > 0; best = came[i * TAGS + best])
        out[i] = (int32_t)best;
    wf_free(came);
    return 0;
}
