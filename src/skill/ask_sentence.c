/* SPDX-License-Identifier: Apache-2.0 */
/* Which sentence answers, and whether any does.
 *
 * Two small models over few features: a listwise one that orders sentences, and a logistic one that
 * says how sure it is that the best of them answers. Both were fitted by bench_ask -f on half of
 * the articles: the first on sentences that hold the printed answer, the second on questions asked
 * with their article among the documents, asked without it, and questions made to have no answer
 * (SQuAD 2.0, ClapNQ); in thirteen languages, among thousands of other passages, among the own ones
 * only, and among three. The features are mostly shares of the question's weight, so that they mean
 * the same in every language and size of library. What decides is how much of the question's words
 * the best chunk has, beside how many there are, and how far it stands out from what any question
 * finds; LENGTH and the PAIR features are there because a word says less where words are short.
 *
 * A heading is no answer, but what it says counts for the sentences below it.
 *
 * Deliberately absent: knowledge of the world. A sentence that says all the question's words and
 * answers something else will sometimes be taken for an answer. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "find/score.h"
#include "skill/ask_internal.h"
#include "text/sentence.h"
#include "text/utf8.h"

#define SENTENCES_PER_CHUNK 64
#define MATCHES_MAX 1024
/* Further than this ahead says no more. */
#define MARGIN_MAX 12.0
/* The usual score of a tenth hit that has nothing to do with the question. */
#define NOISE 7.0
/* Least of the weight that other weights are divided by. */
#define WEIGHT_LEAST 1e-3
/* A short line may be a heading; what it says counts for the sentences below it. */
#define HEADING_WORDS 12
#define HEADING_BYTES 160
#define HEADING_VALUE 0.8
#define NEAR_MATCHES 256

static const double sentence_weights[WF_ASK_S_COUNT] = {
    [WF_ASK_S_COVER] = 2.80, [WF_ASK_S_BEFORE] = 3.32, [WF_ASK_S_NEAR] = 3.18,
    [WF_ASK_S_TYPE] = 2.28,  [WF_ASK_S_CHUNK] = 0.544, [WF_ASK_S_EXACT] = 1.73,
    [WF_ASK_S_OWN] = 3.44};

static const double decide_weights[WF_ASK_D_COUNT] = {
    [WF_ASK_D_ONE] = -3.76,       [WF_ASK_D_PAIRS] = 0.99,       [WF_ASK_D_EVIDENCE] = 1.88,
    [WF_ASK_D_MARGIN] = 0.319,    [WF_ASK_D_SCORE] = 0.324,      [WF_ASK_D_MATCHED] = 2.18,
    [WF_ASK_D_WORDS] = -3.01,     [WF_ASK_D_LACK] = -3.04,       [WF_ASK_D_LENGTH] = 1.09,
    [WF_ASK_D_PAIR] = 9.17,       [WF_ASK_D_PAIR_COVER] = -5.05, [WF_ASK_D_PAIR_WORDS] = -2.23,
    [WF_ASK_D_SIZE_COVER] = -2.59};

/* A sentence that says all of a question is worth showing, also when the question is too short to
 * tell much. */
#define ALL_SAID 0.95
#define ALL_SAID_CONFIDENCE 0.5

/* Weight of the words of meaning of the question itself and of those it was lent. */
static double meaning(const struct wf_question *q)
{
    double sum = 0;
    for (size_t i = 0; i < q->n_terms; i++)
        sum += q->terms[i].is_stop ? 0 : q->terms[i].weight;
    return sum > 0 ? sum : q->weight > 0 ? q->weight : 1;
}

/* The best value of each term among matches; returns the sum over words of meaning. */
static double take_values(const struct wf_question *q, const struct wf_match *m, size_t n,
                          double *value)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double v = wf_question_value(q, &m[i]);
        if (q->terms[m[i].term].is_stop || v <= value[m[i].term])
            continue;
        sum += v - value[m[i].term];
        value[m[i].term] = v;
    }
    return sum;
}

struct cut {
    struct wf_sentence items[SENTENCES_PER_CHUNK];
    size_t first[SENTENCES_PER_CHUNK + 1]; /* of its matches */
    bool is_heading[SENTENCES_PER_CHUNK];  /* what comes below is what it says */
    uint64_t above[SENTENCES_PER_CHUNK];   /* bits: terms of the headings above it */
    size_t n, n_headings;
};

/* A short line by itself, without a mark at its end, that other text follows. "Total: 12 euros"
 * tells something. */
static bool is_heading(struct wf_str text, const struct wf_sentence *s)
{
    static const char *const marks[] = {".",
                                        "!",
                                        "?",
                                        ":",
                                        ";",
                                        "\xe3\x80\x82",
                                        "\xef\xbc\x9f",
                                        "\xef\xbc\x81",
                                        "\xe0\xa5\xa4",
                                        "\xd8\x9f",
                                        "\"",
                                        "\xe2\x80\x9d"};
    struct wf_str line = wf_str_sub(text, s->start, s->end);
    struct wf_words walk;
    struct wf_word w;
    size_t n = 0;
    if (s->end + 1 >= text.len || text.ptr[s->end] != '\n' || line.len > HEADING_BYTES ||
        wf_str_find(line, wf_str_from(": "), 0) != SIZE_MAX || memchr(line.ptr, '\n', line.len))
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(marks); i++) {
        if (wf_str_ends(line, wf_str_from(marks[i])))
            return false;
    }
    for (wf_words_init(&walk, line); wf_words_next(&walk, &w);)
        n++;
    return n <= HEADING_WORDS;
}

/* Bits: the words of meaning among matches. */
static uint64_t terms_of(const struct wf_question *q, const struct wf_match *m, size_t n)
{
    uint64_t terms = 0;
    for (size_t i = 0; i < n; i++)
        terms |= (uint64_t)!q->terms[m[i].term].is_stop << m[i].term;
    return terms;
}

/* Finds the headings among the sentences; `above` are the terms of the chunk's own. */
static void find_headings(const struct wf_question *q, struct wf_str text, const struct wf_match *m,
                          uint64_t above, struct cut *c)
{
    c->n_headings = 0;
    for (size_t k = 0; k < c->n; k++) {
        c->is_heading[k] = is_heading(text, &c->items[k]);
        c->n_headings += c->is_heading[k];
        c->above[k] = above;
        if (!c->is_heading[k])
            continue;
        uint64_t own = terms_of(q, m + c->first[k], c->first[k + 1] - c->first[k]);
        if (own != 0) /* one that says nothing of the question may stand below the last */
            above = k > 0 && c->is_heading[k - 1] ? above | own : own;
    }
}

static void cut_chunk(struct wf_str text, const struct wf_match *m, size_t n, struct cut *out)
{
    size_t i = 0, k = 0;
    out->n = 0;
    while (out->n < SENTENCES_PER_CHUNK && wf_sentence_next(text, &i, &out->items[out->n])) {
        while (k < n && m[k].start < out->items[out->n].start)
            k++;
        out->first[out->n++] = k;
    }
    out->first[out->n] = n;
    if (out->n == SENTENCES_PER_CHUNK) { /* matches behind the last one are not its own */
        size_t end = out->items[out->n - 1].end;
        for (k = 0; k < n && m[k].start < end; k++)
            continue;
        out->first[out->n] = k;
    }
}

/* Sentences of the chunk that say the term. */
static size_t count_saying(const struct wf_match *m, const struct cut *c, size_t term)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++) {
        size_t i = c->first[k];
        while (i < c->first[k + 1] && m[i].term != term)
            i++;
        n += i < c->first[k + 1];
    }
    return n;
}

/* What the sentences below a heading have of it; returns what that adds to `value`. */
static double lend(const struct wf_question *q, uint64_t above, double *value)
{
    double sum = 0;
    for (size_t i = 0; i < q->n_terms; i++) {
        double v = HEADING_VALUE * q->terms[i].weight;
        if ((above >> i & 1) == 0 || q->terms[i].is_stop || v <= value[i])
            continue;
        sum += v - value[i];
        value[i] = v;
    }
    return sum;
}

/* EXACT and OWN of sentence number k, not yet divided; `value` of its words, lent ones included. */
static void add_own(const struct wf_question *q, const struct wf_match *m, const struct cut *c,
                    size_t k, const double *value, double *out)
{
    out[WF_ASK_S_EXACT] = out[WF_ASK_S_OWN] = 0;
    for (size_t t = 0; t < q->n_terms; t++) {
        bool is_lent = c->above[k] >> t & 1;
        if (value[t] <= 0)
            continue;
        if (is_lent || value[t] >= q->terms[t].weight)
            out[WF_ASK_S_EXACT] += value[t];
        out[WF_ASK_S_OWN] += value[t] / (double)(is_lent ? c->n : count_saying(m, c, t));
    }
}

/* NEAR, not yet divided: of the sentence's words, or of those that no heading says and what the
 * heading lends. */
static double nearest(const struct wf_question *q, const struct wf_match *m, size_t n,
                      uint64_t above)
{
    struct wf_match kept[NEAR_MATCHES];
    double value[WF_QUESTION_TERMS] = {0};
    size_t n_kept = 0;
    for (size_t i = 0; i < n && n_kept < NEAR_MATCHES; i++) {
        if ((above >> m[i].term & 1) == 0)
            kept[n_kept++] = m[i];
    }
    double with_heading = wf_score_nearest(q, kept, n_kept, 12) + lend(q, above, value);
    return fmax(wf_score_nearest(q, m, n, 12), with_heading);
}

/* Fills the features of sentence number k. */
static void sentence_features(const struct wf_question *q, enum wf_ask_type type,
                              struct wf_str text, const struct wf_match *m, const struct cut *c,
                              size_t k, struct wf_ask_sentence *s)
{
    double all = meaning(q), value[WF_QUESTION_TERMS] = {0}, *out = s->features;
    const struct wf_match *own = m + c->first[k];
    size_t n = c->first[k + 1] - c->first[k];
    assert(k < c->n && c->n <= SENTENCES_PER_CHUNK);
    out[WF_ASK_S_COVER] = take_values(q, own, n, value);
    out[WF_ASK_S_COVER] += lend(q, c->above[k], value);
    add_own(q, m, c, k, value, out);
    bool has_before = k > 0 && !c->is_heading[k - 1];
    const struct wf_match *before = has_before ? m + c->first[k - 1] : own;
    out[WF_ASK_S_BEFORE] = take_values(q, before, (size_t)(own - before), value);
    out[WF_ASK_S_NEAR] = nearest(q, own, n, c->above[k]);
    for (size_t f = 0; f < WF_ASK_S_COUNT; f++)
        out[f] /= all;
    out[WF_ASK_S_TYPE] = 0;
    if (type != WF_ASK_ANY)
        out[WF_ASK_S_TYPE] = wf_ask__type_fits(type, q, wf_str_sub(text, s->start, s->end));
    s->pairs = wf_score_neighbours(q, own, n) / all;
}

static uint64_t heading_terms(const struct wf_question *q, const struct wf_hit *hit)
{
    struct wf_match m[64] = {{0}};
    size_t n_words = 0;
    size_t n = wf_question_match(q, hit->heading, m, WF_ARRAY_LEN(m), &n_words);
    return n > 0 ? terms_of(q, m, n) : 0;
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

/* Is one of the two the other with a letter or two behind it ("end", "ends")? Then, for choosing a
 * sentence, they are the same word. ASCII only: elsewhere it would take folding. */
static bool is_inflected(struct wf_str a, struct wf_str b)
{
    size_t n = WF_MIN(a.len, b.len);
    if (n < 3 || a.len - n > 2 || b.len - n > 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)b.ptr[i];
        c = (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        if ((unsigned char)a.ptr[i] != c || c >= 0x80)
            return false;
    }
    return true;
}

static void forgive_inflection(const struct wf_question *q, struct wf_str text, struct wf_match *m,
                               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct wf_question_term *t = &q->terms[m[i].term];
        if (m[i].kind == WF_MATCH_FORM &&
            is_inflected(wf_str_n(t->text, t->len), wf_str_sub(text, m[i].start, m[i].end)))
            m[i].kind = WF_MATCH_EXACT;
    }
}

/* Takes one hit's sentences; returns how many. */
static size_t take_hit(const struct wf_question *q, enum wf_ask_type type,
                       const struct wf_hits *hits, size_t h, struct wf_ask_sentence *out,
                       size_t n_max)
{
    const struct wf_hit *hit = &hits->items[h];
    struct wf_match m[MATCHES_MAX];
    struct cut c;
    size_t n = 0, n_words = 0;
    size_t n_matches = wf_question_match(q, hit->text, m, MATCHES_MAX, &n_words);
    forgive_inflection(q, hit->text, m, n_matches);
    cut_chunk(hit->text, m, n_matches, &c);
    find_headings(q, hit->text, m, heading_terms(q, hit), &c);
    for (size_t k = 0; k < c.n && n < n_max; k++) {
        if (c.is_heading[k] && c.n_headings < c.n)
            continue;
        struct wf_ask_sentence *s = &out[n++];
        *s = (struct wf_ask_sentence){.hit = h, .start = c.items[k].start, .end = c.items[k].end};
        sentence_features(q, type, hit->text, m, &c, k, s);
        s->features[WF_ASK_S_CHUNK] = hit->score - hits->items[0].score;
        for (size_t f = 0; f < WF_ASK_S_COUNT; f++)
            s->score += sentence_weights[f] * s->features[f];
    }
    return n;
}

size_t wf_ask__sentences(const struct wf_question *q, enum wf_ask_type type,
                         const struct wf_hits *hits, struct wf_ask_sentence *out)
{
    size_t n = 0;
    for (size_t h = 0; h < hits->n_items; h++)
        n += take_hit(q, type, hits, h, out + n, WF_ASK_SENTENCES_MAX - n);
    if (n > 0)
        qsort(out, n, sizeof *out, by_score);
    return n;
}

/* ---- the decision ---- */

/* What the question's own words of meaning are, and which of them the chunk has. */
struct words {
    double n, n_matched, lacking; /* lacking: weight of names and numbers */
    double n_spaced, letters;     /* words that are no pairs, and their letters */
};

static struct words look_at_words(const struct wf_question *q, const struct wf_hit *hit)
{
    struct words w = {.n = 0};
    struct wf_score score;
    wf_score_passage(q, hit->title, hit->heading, hit->text, &score);
    for (size_t i = 0; i < q->n_terms; i++) {
        const struct wf_question_term *t = &q->terms[i];
        if (t->is_stop || !t->is_asked)
            continue;
        w.n++;
        if (score.terms >> i & 1)
            w.n_matched++;
        else if (t->is_name || t->has_digit)
            w.lacking += t->weight;
        if (t->is_pair)
            continue;
        w.n_spaced++;
        w.letters += (double)wf_utf8_count(wf_str_n(t->text, t->len));
    }
    return w;
}

/* How far the hit stands out from what any question finds: from the last hit, in a small library
 * from NOISE. The next hit would not do: it may say the same. */
static double margin(const struct wf_hits *hits, size_t hit)
{
    assert(hit < hits->n_items);
    double noise = hits->items[hits->n_items - 1].score;
    return fmax(0, fmin(hits->items[hit].score - fmax(noise, NOISE), MARGIN_MAX));
}

void wf_ask__decide_features(const struct wf_question *q, const struct wf_hits *hits,
                             const struct wf_ask_sentence *best, double out[WF_ASK_D_COUNT])
{
    const struct wf_hit *hit = &hits->items[best->hit];
    struct words w = look_at_words(q, hit);
    double all = meaning(q), once = fmax(q->weight_once, WEIGHT_LEAST);
    out[WF_ASK_D_ONE] = 1;
    out[WF_ASK_D_PAIRS] = best->pairs;
    out[WF_ASK_D_EVIDENCE] = log(hit->coverage * all / once + 1);
    out[WF_ASK_D_MARGIN] = margin(hits, best->hit);
    out[WF_ASK_D_SCORE] = hit->score;
    out[WF_ASK_D_MATCHED] = log(w.n_matched + 1);
    out[WF_ASK_D_WORDS] = log(w.n + 1);
    out[WF_ASK_D_LACK] = w.lacking / all;
    out[WF_ASK_D_LENGTH] = w.n_spaced > 0 ? log(w.letters / w.n_spaced) : 1;
    out[WF_ASK_D_PAIR] = q->pair_share;
    out[WF_ASK_D_PAIR_COVER] = q->pair_share * hit->coverage;
    out[WF_ASK_D_PAIR_WORDS] = q->pair_share * out[WF_ASK_D_WORDS];
    out[WF_ASK_D_SIZE_COVER] = log(once + 1) * hit->coverage;
}

double wf_ask__confidence(const double features[WF_ASK_D_COUNT], const struct wf_ask_sentence *best)
{
    double sum = 0;
    for (size_t i = 0; i < WF_ASK_D_COUNT; i++)
        sum += decide_weights[i] * features[i];
    double confidence = 1 / (1 + exp(-sum));
    bool is_all_said = best->features[WF_ASK_S_COVER] >= ALL_SAID;
    return is_all_said ? fmax(confidence, ALL_SAID_CONFIDENCE) : confidence;
}
