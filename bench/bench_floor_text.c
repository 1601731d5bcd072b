/* SPDX-License-Identifier: Apache-2.0 */
/* Floors of answers and of summaries, on what train/split.h keeps aside.
 *
 *   bench_floor_text [DATA]    DATA: ../shared/data
 *
 * Answers: which sentence of the passage holds the answer, by the question's words that it has
 * (each word once, function words left out), and the same with rare words counting more; the first
 * of equals. Must of lens: 85% of answerable English questions. Summaries: ROUGE-1 (F1, the best
 * reference) of `weft summarize`, with the query where there is one, as many sentences as the
 * reference has. Must of lens: 2 points more. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "skill/summarize.h"
#include "support/rouge.h"
#include "text/sentence.h"
#include "text/word.h"
#include "train/data_questions.h"
#include "train/data_summaries.h"
#include "train/split.h"

#define WORDS_MAX 2048

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_floor_text: %s\n", what);
    exit(1);
}

/* ---- answers ---- */

struct answers {
    struct wf_map in; /* word: passages that have it */
    size_t n_passages, n, plain, rare;
    uint64_t last_passage;
    bool counts; /* the first of two rounds: how rare words are */
};

/* Hashes of the words of s that carry meaning, each once. */
static size_t words_of(struct wf_str s, uint64_t *out, size_t n_max)
{
    struct wf_words words;
    struct wf_word w;
    size_t n = 0;

    wf_words_init(&words, s);
    while (n < n_max && wf_words_next(&words, &w)) {
        struct wf_str text = wf_str_n(w.text, w.len);
        uint64_t h = wf_str_hash(text, 3);
        size_t k = 0;
        while (k < n && out[k] != h)
            k++;
        if (k == n && !wf_word_is_stop(text))
            out[n++] = h;
    }
    return n;
}

static struct wf_str key_of(const uint64_t *h)
{
    return wf_str_n((const char *)h, sizeof(*h));
}

static void count_words(struct answers *a, struct wf_str passage)
{
    static uint64_t words[WORDS_MAX];
    uint64_t hash = wf_str_hash(passage, 5);
    size_t n;

    if (hash == a->last_passage)
        return;
    a->last_passage = hash;
    a->n_passages++;
    n = words_of(passage, words, WORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        union wf_map_value *v = wf_map_put(&a->in, key_of(&words[i]), NULL);
        if (v == NULL)
            fail("no memory");
        v->u64++;
    }
}

static double weight(const struct answers *a, uint64_t word)
{
    const union wf_map_value *v = wf_map_get(&a->in, key_of(&word));
    return log(1 + (double)a->n_passages / (v != NULL ? (double)v->u64 : 0.5));
}

static bool holds(const struct wf_data_question *q, const struct wf_sentence *s)
{
    for (size_t i = 0; i < q->n_answers; i++) {
        if (q->answers[i].from >= s->start && q->answers[i].from < s->end)
            return true;
    }
    return false;
}

static void rank(struct answers *a, const struct wf_data_question *q)
{
    static uint64_t words[WORDS_MAX], there[WORDS_MAX];
    size_t n_words = words_of(q->question, words, WORDS_MAX), i = 0;
    double best_plain = -1, best_rare = -1;
    bool plain = false, rare = false;
    struct wf_sentence s;

    while (wf_sentence_next(q->passage, &i, &s)) {
        size_t n = words_of(wf_str_sub(q->passage, s.start, s.end), there, WORDS_MAX);
        double sum_plain = 0, sum_rare = 0;
        for (size_t k = 0; k < n_words; k++) {
            size_t j = 0;
            while (j < n && there[j] != words[k])
                j++;
            sum_plain += j < n;
            sum_rare += j < n ? weight(a, words[k]) : 0;
        }
        if (sum_plain > best_plain)
            best_plain = sum_plain, plain = holds(q, &s);
        if (sum_rare > best_rare)
            best_rare = sum_rare, rare = holds(q, &s);
    }
    a->n++;
    a->plain += plain;
    a->rare += rare;
}

static int on_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct answers *a = ud;

    (void)err;
    if (a->counts)
        count_words(a, q->passage);
    else if (q->n_answers > 0 && wf_split_is_dev(q->key))
        rank(a, q);
    return 0;
}

static void answers(const char *data, const char *name, const char *file)
{
    struct answers a = {.counts = true};
    struct wf_err err = WF_ERR_INIT;
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/qa-retrieval/%s", data, file);
    wf_map_init(&a.in, 1u << 22);
    if (wf_data_questions_read(path, on_question, &a, &err) != 0)
        fail(err.msg);
    a.counts = false;
    if (wf_data_questions_read(path, on_question, &a, &err) != 0)
        fail(err.msg);
    printf("  %-22s %5zu questions, answer's sentence first: words %5.1f%%, rare words more "
           "%5.1f%%\n",
           name, a.n, a.n > 0 ? 100.0 * (double)a.plain / (double)a.n : 0,
           a.n > 0 ? 100.0 * (double)a.rare / (double)a.n : 0);
    wf_map_deinit(&a.in);
}

/* ---- summaries ---- */

struct summaries {
    size_t n;
    double sum;
};

static size_t n_sentences(struct wf_str s)
{
    struct wf_sentence x;
    size_t i = 0, n = 0;

    while (wf_sentence_next(s, &i, &x))
        n++;
    return n;
}

static double summarized(const struct wf_data_summary *x, struct wf_str reference)
{
    struct wf_summary_options o = {.n_sentences = n_sentences(reference), .about = x->query};
    struct rouge_text candidate = {0}, wanted = {0};
    struct wf_summarizer *s = NULL;
    struct wf_summary out = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_arena arena;
    double f;

    wf_arena_init(&arena, 65536, 64u << 20);
    if (wf_summarizer_new(&o, &s, &err) != 0 || wf_summarizer_feed(s, x->document, 0, &err) != 0 ||
        wf_summarizer_finish(s, &arena, &out, &err) != 0)
        fail(err.msg);
    for (size_t i = 0; i < out.n_sentences; i++)
        rouge_append(&candidate, out.sentences[i].text);
    rouge_append(&wanted, reference);
    f = rouge_score(&candidate, &wanted).f[0];
    rouge_free(&candidate);
    rouge_free(&wanted);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
    return f;
}

static int on_summary(void *ud, const struct wf_data_summary *x, struct wf_err *err)
{
    struct summaries *s = ud;
    double best = 0;

    (void)err;
    if (!wf_split_is_dev(x->key) || x->n_references == 0)
        return 0;
    for (size_t i = 0; i < x->n_references; i++) {
        double f = x->references[i].len > 0 ? summarized(x, x->references[i]) : 0;
        best = f > best ? f : best;
    }
    s->sum += best;
    s->n++;
    return 0;
}

static void summaries(const char *data, const char *name, const char *const *files)
{
    struct wf_err err = WF_ERR_INIT;
    struct summaries s = {0};
    char path[4096];

    for (; *files != NULL; files++) {
        (void)snprintf(path, sizeof(path), "%s/%s", data, *files);
        if (wf_data_summaries_read(path, on_summary, &s, &err) != 0)
            fail(err.msg);
    }
    printf("  %-22s %5zu summaries, ROUGE-1 of summarize %5.1f\n", name, s.n,
           s.n > 0 ? 100 * s.sum / (double)s.n : 0);
}

int main(int argc, char **argv)
{
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    static const char *const qmsum[] = {"meetings/qmsum/train.jsonl.xz",
                                        "meetings/qmsum/val.jsonl.xz", NULL};
    static const char *const ami[] = {"meetings/ami-summaries/shared.jsonl.xz", NULL};
    static const char *const squality[] = {"summarisation/squality/train.jsonl.xz",
                                           "summarisation/squality/dev.jsonl.xz", NULL};

    if (access(data, R_OK) != 0)
        return 77;
    printf("answers: word overlap\n");
    answers(data, "SQuAD", "squad-dev/train.jsonl.xz");
    answers(data, "XQuAD, English", "xquad/en.part70.jsonl");
    printf("summaries\n");
    summaries(data, "QMSum", qmsum);
    summaries(data, "AMI", ami);
    summaries(data, "SQuALITY", squality);
    return 0;
}
