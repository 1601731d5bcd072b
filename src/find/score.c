/* SPDX-License-Identifier: Apache-2.0 */
/* Score: a handful of features of the matches, summed with fixed weights.
 *
 * The idea behind each: a passage answers when it has the rare words (WORDS, RAREST), close
 * together (NEAR), in the question's order (PAIRS), be it in another form (FORMS), and speaks of
 * little else (DENSITY). How often a word comes again says little in a passage of a hundred words,
 * so that it counts almost once (K1 below what is usual), and length is hardly punished (B). Title
 * and heading lend what the text lacks.
 *
 * The weights were found by bench/fit_find (listwise logistic regression) on half of the articles
 * of sixteen question sets in thirteen languages; one set of weights for words, one for overlapping
 * pairs, mixed by what the question is made of.
 *
 * Deliberately absent: anything about one language or one kind of document. */
#include "find/score.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define K1 0.4
#define B 0.3
#define TYPICAL_WORDS 120.0
/* Added to the length, or a heading of three words would be densest. */
#define DENSITY_WORDS 20.0
#define TITLE_VALUE 0.5
#define NEXT_VALUE 5.0
#define ELSEWHERE_VALUE 2.0

static const double weights_words[WF_FEATURE_COUNT] = {
    [WF_FEATURE_WORDS] = 15.5,  [WF_FEATURE_FORMS] = 7.7,   [WF_FEATURE_PAIRS] = 5.5,
    [WF_FEATURE_NEAR_12] = 4.6, [WF_FEATURE_NEAR_50] = 5.6, [WF_FEATURE_RAREST] = 1.0,
    [WF_FEATURE_DENSITY] = 16.5};
static const double weights_pairs[WF_FEATURE_COUNT] = {
    [WF_FEATURE_WORDS] = 27.0,  [WF_FEATURE_FORMS] = 7.2,    [WF_FEATURE_PAIRS] = 0.0,
    [WF_FEATURE_NEAR_12] = 1.0, [WF_FEATURE_NEAR_50] = 10.0, [WF_FEATURE_RAREST] = 2.4,
    [WF_FEATURE_DENSITY] = 16.5};

/* What is known of the terms in one passage. */
struct tally {
    uint32_t n_exact[WF_QUESTION_TERMS];
    uint32_t n_form[WF_QUESTION_TERMS];
    bool in_title[WF_QUESTION_TERMS];
};

/* Marks the terms in a title or heading. Returns 0..1: the share of the question's weight that it
 * has, half of it for those that say much else. */
static double tally_title(const struct wf_question *q, struct wf_str s, struct tally *t)
{
    struct wf_match m[64];
    bool seen[WF_QUESTION_TERMS] = {false};
    size_t n_words = 0;
    double sum = 0;
    size_t n = s.len > 0 ? wf_question_match(q, s, m, WF_ARRAY_LEN(m), &n_words) : 0;
    for (size_t i = 0; i < n; i++) {
        sum += seen[m[i].term] ? 0 : q->terms[m[i].term].weight;
        t->in_title[m[i].term] = seen[m[i].term] = true;
    }
    return n > 0 ? sum / q->weight * (1 + (double)n / (double)n_words) / 2 : 0;
}

double wf_score_nearest(const struct wf_question *q, const struct wf_match *m, size_t n,
                        uint32_t span)
{
    uint16_t n_exact[WF_QUESTION_TERMS] = {0}, n_form[WF_QUESTION_TERMS] = {0};
    double sum = 0, best = 0;
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        while (m[i].pos - m[first].pos >= span) {
            const struct wf_match *out = &m[first++];
            bool is_exact = out->kind == WF_MATCH_EXACT;
            uint16_t *mine = is_exact ? n_exact : n_form;
            if (--mine[out->term] > 0 || (!is_exact && n_exact[out->term] > 0))
                continue;
            sum -= wf_question_value(q, out);
            if (is_exact && n_form[out->term] > 0)
                sum += WF_MATCH_FORM_VALUE * q->terms[out->term].weight;
        }
        bool is_exact = m[i].kind == WF_MATCH_EXACT;
        uint16_t *mine = is_exact ? n_exact : n_form;
        if (mine[m[i].term]++ == 0 && (is_exact || n_exact[m[i].term] == 0)) {
            sum += wf_question_value(q, &m[i]);
            if (is_exact && n_form[m[i].term] > 0)
                sum -= WF_MATCH_FORM_VALUE * q->terms[m[i].term].weight;
        }
        best = fmax(best, sum);
    }
    return best;
}

double wf_score_neighbours(const struct wf_question *q, const struct wf_match *m, size_t n)
{
    /* bits: which terms follow a term directly */
    uint64_t follows[WF_QUESTION_TERMS] = {0};
    for (size_t i = 0; i + 1 < n; i++) {
        if (m[i + 1].pos == m[i].pos + 1)
            follows[m[i].term] |= UINT64_C(1) << m[i + 1].term;
    }
    double sum = 0;
    for (size_t k = 0; k + 1 < q->n_order; k++) {
        size_t a = q->order[k], b = q->order[k + 1];
        if (follows[a] >> b & 1)
            sum += fmin(q->terms[a].weight, q->terms[b].weight);
    }
    return sum;
}

static void sum_terms(const struct wf_question *q, const struct tally *t, double n_words,
                      struct wf_score *out)
{
    double norm = K1 * (1 - B + B * n_words / TYPICAL_WORDS);
    double words = 0, forms = 0, rarest = 0;
    double covered[2] = {0}, all[2] = {0}; /* of words with meaning, of grammar */
    for (size_t i = 0; i < q->n_terms; i++) {
        double w = q->terms[i].weight, tf = t->n_exact[i];
        double *cover = &covered[q->terms[i].is_stop];
        all[q->terms[i].is_stop] += w;
        if (tf > 0) {
            words += w * tf / (tf + norm);
            *cover += w;
            rarest = fmax(rarest, w);
        } else if (t->n_form[i] > 0) {
            forms += w;
            *cover += WF_MATCH_FORM_VALUE * w;
        } else if (t->in_title[i]) {
            words += TITLE_VALUE * w / (1 + norm);
            *cover += TITLE_VALUE * w;
        } else {
            continue;
        }
        if (!q->terms[i].is_stop)
            out->terms |= UINT64_C(1) << i;
    }
    out->features[WF_FEATURE_WORDS] = words / q->weight;
    out->features[WF_FEATURE_FORMS] = forms / q->weight;
    out->features[WF_FEATURE_RAREST] = rarest / q->weight_max;
    bool is_grammar = all[0] <= 0;
    out->coverage = fmin(covered[is_grammar] / all[is_grammar], 1);
}

void wf_score_passage(const struct wf_question *q, struct wf_str title, struct wf_str heading,
                      struct wf_str text, struct wf_score *out)
{
    struct wf_match m[WF_SCORE_MATCHES];
    struct tally t = {.n_exact = {0}};
    size_t n_words = 0;
    *out = (struct wf_score){.value = 0};
    if (q->weight <= 0)
        return;
    size_t n = wf_question_match(q, text, m, WF_SCORE_MATCHES, &n_words);
    for (size_t i = 0; i < n; i++) {
        uint32_t *count = m[i].kind == WF_MATCH_EXACT ? t.n_exact : t.n_form;
        count[m[i].term]++;
    }
    out->named = tally_title(q, title, &t);
    out->named = fmax(out->named, tally_title(q, heading, &t));
    sum_terms(q, &t, (double)n_words, out);
    out->features[WF_FEATURE_DENSITY] = (double)n / ((double)n_words + DENSITY_WORDS);
    out->features[WF_FEATURE_PAIRS] = wf_score_neighbours(q, m, n) / q->weight;
    out->features[WF_FEATURE_NEAR_12] = wf_score_nearest(q, m, n, 12) / q->weight;
    out->features[WF_FEATURE_NEAR_50] = wf_score_nearest(q, m, n, 50) / q->weight;
    for (size_t f = 0; f < WF_FEATURE_COUNT; f++) {
        double w = (1 - q->pair_share) * weights_words[f] + q->pair_share * weights_pairs[f];
        out->value += w * out->features[f];
    }
}

double wf_score_context(const struct wf_question *q, uint64_t own, uint64_t others, bool is_next)
{
    double sum = 0;
    uint64_t added = others & ~own;
    for (size_t i = 0; i < q->n_terms; i++) {
        if (added >> i & 1)
            sum += q->terms[i].weight;
    }
    return q->weight > 0 ? sum / q->weight * (is_next ? NEXT_VALUE : ELSEWHERE_VALUE) : 0;
}
