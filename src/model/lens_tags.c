/* SPDX-License-Identifier: Apache-2.0 */
/* From tags to spans: the best allowed sequence of tags over a text's pieces (Viterbi 1967), and
 * the pieces of the text that they name. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens_internal.h"

static bool may_begin(const struct wf_lens_tags *t, size_t tag)
{
    return t->place[tag] != WF_LENS_I && t->place[tag] != WF_LENS_L;
}

static bool may_end(const struct wf_lens_tags *t, size_t tag)
{
    return !t->has_last || (t->place[tag] != WF_LENS_B && t->place[tag] != WF_LENS_I);
}

/* A score that is no number (of weights from a broken file) is a bad one. */
static float number(float x)
{
    return x == x ? fmaxf(-1e30f, fminf(x, 1e30f)) : -1e30f;
}

/* The share of the tag among a piece's scores, by softmax. */
static float share_of(const float *scores, size_t n, size_t tag)
{
    float most = number(scores[0]), sum = 0.0f;

    for (size_t k = 1; k < n; k++)
        most = fmaxf(most, number(scores[k]));
    for (size_t k = 0; k < n; k++)
        sum += expf(number(scores[k]) - most);
    return expf(number(scores[tag]) - most) / sum;
}

/* One step: the best way to each tag of a piece, from the best ways to those of the one before. */
static void step(const struct wf_lens_tags *t, const float *scores, const float *before,
                 float *after, uint8_t *back)
{
    size_t n = t->head.n;

    for (size_t k = 0; k < n; k++) {
        after[k] = before[0] + t->moves[k];
        back[k] = 0;
    }
    for (size_t from = 1; from < n; from++) {
        const float *moves = t->moves + from * n;
        for (size_t k = 0; k < n; k++) {
            float way = before[from] + moves[k];
            bool is_better = way > after[k];
            after[k] = is_better ? way : after[k];
            back[k] = is_better ? (uint8_t)from : back[k];
        }
    }
    for (size_t k = 0; k < n; k++)
        after[k] += number(scores[k]);
}

static size_t best_end(const struct wf_lens_tags *t, const float *ways)
{
    size_t best = SIZE_MAX;

    for (size_t k = 0; k < t->head.n; k++) {
        if (may_end(t, k) && (best == SIZE_MAX || ways[k] > ways[best]))
            best = k;
    }
    return best;
}

int wf_lens__viterbi(const struct wf_lens_tags *t, const float *scores, size_t n, uint8_t *out_tags,
                     float *out_shares, struct wf_err *err)
{
    size_t n_tags = t->head.n;
    uint8_t *back = wf_alloc_array(n + 1, n_tags);
    float *ways = wf_alloc_array(2 * n_tags, sizeof(*ways));

    if (back == NULL || ways == NULL) {
        wf_free(back);
        wf_free(ways);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    }
    for (size_t k = 0; k < n_tags && n > 0; k++)
        ways[k] = may_begin(t, k) ? number(scores[k]) : -INFINITY;
    for (size_t i = 1; i < n; i++)
        step(t, scores + i * n_tags, ways + (i - 1) % 2 * n_tags, ways + i % 2 * n_tags,
             back + i * n_tags);
    if (n > 0)
        out_tags[n - 1] = (uint8_t)best_end(t, ways + (n - 1) % 2 * n_tags);
    for (size_t i = n; i-- > 1;)
        out_tags[i - 1] = back[i * n_tags + out_tags[i]];
    for (size_t i = 0; i < n; i++)
        out_shares[i] = share_of(scores + i * n_tags, n_tags, out_tags[i]);
    wf_free(back);
    wf_free(ways);
    return 0;
}

/* ---- words beside the encoder ---- */

int wf_lens__score_words(struct wf_lens_job *j, struct wf_err *err)
{
    const struct wf_lens_tags *t = j->lens->entities;
    size_t n = j->firsts.n;
    uint32_t *bounds = wf_alloc_array(n + 1, sizeof(*bounds));
    float *scores =
        n + 1 <= SIZE_MAX / t->head.n ? wf_alloc_array((n + 1) * t->head.n, sizeof(*scores)) : NULL;

    if (bounds == NULL || scores == NULL) {
        wf_free(bounds);
        wf_free(scores);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    }
    for (size_t i = 0; i < n; i++)
        bounds[i] = j->offsets[j->firsts.ptr[i]];
    bounds[n] = (uint32_t)j->text.len;
    wf_lens_words_score(t->words, &(struct wf_lens_pieces){j->text, bounds, n}, scores);
    wf_free(bounds);
    j->word_tags = scores;
    return 0;
}

void wf_lens__join_tags(struct wf_lens_job *j)
{
    const struct wf_lens_tags *t = j->lens->entities;
    size_t n_tags = t->head.n, n = j->firsts.n;
    float share, outside;

    if (t->words == NULL)
        return;
    share = j->tags != NULL ? wf_lens_words_share(t->words) : 1.0f;
    outside = wf_lens_words_outside(t->words);
    for (size_t i = 0; i < n * n_tags; i++) {
        float words = share * j->word_tags[i];
        words -= t->place[i % n_tags] == WF_LENS_O ? outside : 0.0f;
        j->word_tags[i] = j->tags != NULL ? words + (1.0f - share) * j->tags[i] : words;
    }
    wf_free(j->tags);
    j->tags = j->word_tags;
    j->word_tags = NULL;
}

int wf_lens_job_tag_scores(struct wf_lens_job *j, struct wf_lens_tag_scores *out,
                           struct wf_err *err)
{
    const struct wf_lens_tags *t = j->lens->entities;
    int rc = 0;

    assert((j->ask.tasks & WF_LENS_ENTITIES) != 0);
    if (t->words != NULL && j->word_tags == NULL)
        rc = wf_lens__score_words(j, err);
    if (rc == 0)
        *out = (struct wf_lens_tag_scores){
            .n = j->firsts.n,
            .n_tags = t->head.n,
            .encoder = j->tags,
            .encoder_moves = t->learned,
            .words = j->word_tags,
            .words_moves = t->words != NULL ? wf_lens_words_transitions(t->words) : NULL,
        };
    return rc;
}

/* ---- marks ---- */

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Pieces [from, to) as a mark; what is white space alone gives an empty one. */
static struct wf_lens_mark mark_of(const struct wf_lens_job *j, const struct wf_lens_tags *t,
                                   size_t from, size_t to, uint8_t tag, const float *shares)
{
    struct wf_lens_mark m = {.type = t->types[t->type[tag]]};

    m.from = j->offsets[j->firsts.ptr[from]];
    m.to = to < j->firsts.n ? j->offsets[j->firsts.ptr[to]] : j->text.len;
    while (m.from < m.to && is_white(j->text.ptr[m.from]))
        m.from++;
    while (m.from < m.to && is_white(j->text.ptr[m.to - 1]))
        m.to--;
    for (size_t i = from; i < to; i++)
        m.score += shares[i] / (float)(to - from);
    return m;
}

static int push_spans(const struct wf_lens_job *j, const struct wf_lens_tags *t,
                      const uint8_t *tags, const float *shares, struct wf_lens_marks *out)
{
    size_t n = j->firsts.n, to;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i = to) {
        to = i + 1;
        if (t->place[tags[i]] == WF_LENS_O)
            continue;
        while (t->place[tags[i]] == WF_LENS_B && to < n &&
               (t->place[tags[to]] == WF_LENS_I || t->place[tags[to]] == WF_LENS_L))
            to++;
        struct wf_lens_mark m = mark_of(j, t, i, to, tags[i], shares);
        if (m.from < m.to)
            rc = wf_lens__push(out, m);
    }
    return rc;
}

int wf_lens__marks_of_tags(const struct wf_lens_job *j, const struct wf_lens_tags *t,
                           const float *scores, struct wf_lens_marks *out, struct wf_err *err)
{
    size_t n = j->firsts.n;
    uint8_t *tags = wf_alloc_array(n + 1, 1);
    float *shares = wf_alloc_array(n + 1, sizeof(*shares));
    int rc = tags == NULL || shares == NULL ? WF_E_NOMEM : 0;

    if (rc == 0)
        rc = wf_lens__viterbi(t, scores, n, tags, shares, err);
    if (rc == 0)
        rc = push_spans(j, t, tags, shares, out);
    wf_free(tags);
    wf_free(shares);
    if (rc != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    wf_lens__count_points(j->text, out->items, out->n);
    return 0;
}
