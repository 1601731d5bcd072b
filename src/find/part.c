/* SPDX-License-Identifier: Apache-2.0 */
/* Part: the best run of whole sentences.
 *
 * Every sentence is tried as the first of a run, which is as long as the limit lets it be; the one
 * with the most weight of different words wins, the shorter start on a tie. What is then left of
 * the limit is filled in wf_part_around, first behind (an explanation follows), then before.
 *
 * Sentences beyond SENTENCES_MAX stay unread: a chunk has a few dozen at most. */
#include "find/part.h"

#include <assert.h>
#include <stdint.h>

#include "find/score.h"
#include "text/sentence.h"
#include "text/utf8.h"

#define SENTENCES_MAX 256

struct sentences {
    struct wf_sentence items[SENTENCES_MAX];
    size_t n;
};

static void cut(struct wf_str text, struct sentences *out)
{
    size_t i = 0;
    out->n = 0;
    while (out->n < SENTENCES_MAX && wf_sentence_next(text, &i, &out->items[out->n]))
        out->n++;
}

static size_t length(struct wf_str text, size_t start, size_t end)
{
    return wf_utf8_count(wf_str_sub(text, start, end));
}

/* The number of the last sentence of the longest run from `first` within the limit. */
static size_t run_end(struct wf_str text, const struct sentences *s, size_t first, size_t n_max)
{
    size_t last = first;
    while (last + 1 < s->n && length(text, s->items[first].start, s->items[last + 1].end) <= n_max)
        last++;
    return last;
}

/* Weight of the different terms whose matches lie in [start, end); *io_m is the first match that
 * may. Pairs overlap a border now and then: where a match starts decides. */
static double weight_in(const struct wf_question *q, const struct wf_match *m, size_t n,
                        size_t start, size_t end)
{
    double value[WF_QUESTION_TERMS] = {0}, sum = 0;
    for (size_t i = 0; i < n && m[i].start < end; i++) {
        if (m[i].start < start)
            continue;
        double v = wf_question_value(q, &m[i]);
        if (v > value[m[i].term]) {
            sum += v - value[m[i].term];
            value[m[i].term] = v;
        }
    }
    return sum;
}

struct wf_part wf_part_best(const struct wf_question *q, struct wf_str text, size_t n_cp_max)
{
    struct sentences s;
    struct wf_match m[WF_SCORE_MATCHES];
    size_t n_words = 0, first = 0, last = 0;
    double best = -1;
    cut(text, &s);
    if (s.n == 0)
        return (struct wf_part){0, 0};
    size_t n = wf_question_match(q, text, m, WF_SCORE_MATCHES, &n_words);
    for (size_t i = 0; i < s.n; i++) {
        size_t end = run_end(text, &s, i, n_cp_max);
        double w = weight_in(q, m, n, s.items[i].start, s.items[end].end);
        if (w > best + 1e-9) {
            best = w;
            first = i;
            last = end;
        }
        if (end + 1 == s.n)
            break; /* the rest is within this run */
    }
    struct wf_part run = {s.items[first].start, s.items[last].end};
    return wf_part_around(text, run, n_cp_max);
}

struct wf_part wf_part_around(struct wf_str text, struct wf_part inner, size_t n_cp_max)
{
    assert(inner.start <= inner.end && inner.end <= text.len);
    struct sentences s;
    cut(text, &s);
    struct wf_part p = inner;
    for (size_t i = 0; i < s.n; i++) { /* behind */
        if (s.items[i].start < inner.end)
            continue;
        if (length(text, p.start, s.items[i].end) > n_cp_max)
            break;
        p.end = s.items[i].end;
    }
    for (size_t i = s.n; i-- > 0;) { /* before */
        if (s.items[i].end > inner.start)
            continue;
        if (length(text, s.items[i].start, p.end) > n_cp_max)
            break;
        p.start = s.items[i].start;
    }
    return p;
}
