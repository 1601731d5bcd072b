/* SPDX-License-Identifier: Apache-2.0 */
/* Any question, put to any text: terms are stable words within their bounds, weights are finite,
 * matches lie in order at code points, scores and sentences stay in range. The first line is the
 * question, the second an earlier one that lends its words, the rest is the text. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "find/question.h"
#include "find/score.h"
#include "skill/ask_internal.h"
#include "text/utf8.h"

#define MATCHES 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_terms(const struct wf_question *q)
{
    assert(q->n_terms <= WF_QUESTION_TERMS && q->n_order <= WF_QUESTION_ORDER);
    for (size_t i = 0; i < q->n_terms; i++) {
        const struct wf_question_term *t = &q->terms[i];
        struct wf_str word = wf_str_n(t->text, t->len);
        assert(t->len > 0 && t->len <= WF_WORD_BYTES_MAX);
        assert(wf_utf8_valid_prefix(word) == word.len);
        assert(isfinite(t->weight) && t->weight >= 0);
    }
    for (size_t i = 0; i < q->n_order; i++)
        assert(q->order[i] < q->n_terms);
    assert(q->pair_share >= 0 && q->pair_share <= 1 && isfinite(q->weight));
}

static void check_matches(const struct wf_question *q, struct wf_str text)
{
    struct wf_match m[MATCHES];
    size_t n_words = 0, n = wf_question_match(q, text, m, MATCHES, &n_words);
    assert(n <= MATCHES && n <= n_words);
    for (size_t i = 0; i < n; i++) {
        assert(m[i].start < m[i].end && m[i].end <= text.len && m[i].term < q->n_terms);
        assert(i == 0 || (m[i].pos > m[i - 1].pos && m[i].start >= m[i - 1].start));
        struct wf_str word = wf_str_sub(text, m[i].start, m[i].end);
        assert(wf_utf8_valid_prefix(word) == word.len);
    }
    double nearest = wf_score_nearest(q, m, n, 12);
    assert(nearest >= -1e-6 && nearest <= q->weight + 1e-6);
    assert(wf_score_neighbours(q, m, n) >= 0);
}

static void check_sentences(const struct wf_question *q, enum wf_ask_type type, struct wf_str title,
                            struct wf_str text)
{
    static struct wf_ask_sentence sentences[WF_ASK_SENTENCES_MAX];
    struct wf_score score;
    wf_score_passage(q, title, title, text, &score);
    assert(isfinite(score.value) && score.coverage >= 0 && score.coverage <= 1);
    struct wf_hit hit = {.title = title,
                         .heading = title,
                         .text = text,
                         .score = score.value,
                         .coverage = score.coverage};
    struct wf_hits hits = {.items = &hit, .n_items = 1};
    size_t n = wf_ask__sentences(q, type, &hits, sentences);
    assert(n <= WF_ASK_SENTENCES_MAX);
    for (size_t i = 0; i < n; i++) {
        assert(sentences[i].start < sentences[i].end && sentences[i].end <= text.len);
        assert(isfinite(sentences[i].score));
        assert(i == 0 || sentences[i - 1].score >= sentences[i].score);
    }
    if (n > 0) {
        double features[WF_ASK_D_COUNT];
        wf_ask__decide_features(q, &hits, &sentences[0], features);
        double confidence = wf_ask__confidence(features, &sentences[0]);
        assert(confidence >= 0 && confidence <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_question q;
    struct wf_buf all;
    struct wf_str question = {0}, earlier = {0};
    wf_buf_init(&all, 4 * size + 16);
    int r = wf_utf8_append_repaired(&all, (struct wf_str){(const char *)data, size});
    assert(r == 0);
    struct wf_str text = wf_buf_str(&all);
    (void)wf_str_split(&text, '\n', &question);
    (void)wf_str_split(&text, '\n', &earlier);
    wf_question_init(&q, question);
    if (earlier.len > 0)
        wf_question_lend(&q, earlier, 0.5);
    for (size_t i = 0; i < q.n_terms; i++)
        q.terms[i].n_chunks = i * i % 7;
    wf_question_weigh(&q, 5 + size);
    check_terms(&q);
    check_matches(&q, text);
    enum wf_ask_type type = wf_ask__type(question);
    double fits = wf_ask__type_fits(type, &q, text);
    assert(fits >= 0 && fits <= 1);
    (void)wf_ask__leans(question);
    check_sentences(&q, type, earlier, text);
    wf_buf_deinit(&all);
    return 0;
}
