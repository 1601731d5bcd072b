/* SPDX-License-Identifier: Apache-2.0 */
/* Floors of answers and of summaries, on what train/split.h keeps aside.
 *
 *   bench_floor_text [DATA [LENS]]    DATA: ../shared/data; LENS: models/lens.gguf
 *
 * Answers: which sentence of the passage holds the answer, by the question's words that it has
 * (each word once, function words left out), and the same with rare words counting more; the first
 * of equals. Must of lens: 85% of answerable English questions. Summaries: ROUGE-1 (F1, the best
 * reference) of `weft summarize`, with the query where there is one, as many sentences as the
 * reference has, and the same with lens (where it has a table of salience) beside it, also when
 * both have as many words as the reference. Must of lens: 2 points more. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "engine/lens_sentences.h"
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

/* Ways to compare: as many sentences as the reference, as many words. */
#define WAYS 2

struct summaries {
    size_t n;
    double sum[2][WAYS]; /* without lens, with it */
    struct wf_lens_pool *pool;
    const struct wf_lens *lens; /* NULL: none */
};

static int logits(void *ud, const struct wf_str *sentences, size_t n, float *out,
                  struct wf_err *err)
{
    return wf_lens_sentences(ud, sentences, n, out, err);
}

static size_t n_sentences(struct wf_str s)
{
    struct wf_sentence x;
    size_t i = 0, n = 0;

    while (wf_sentence_next(s, &i, &x))
        n++;
    return n;
}

/* A summary of n sentences as words. */
static void summarized(const struct summaries *all, const struct wf_data_summary *x, size_t n,
                       bool with_lens, struct rouge_text *out)
{
    bool is_plot = wf_str_eq(x->query, WF_STR("What is the plot of the story?"));
    struct wf_summary_options o = {.n_sentences = n,
                                   .about = is_plot ? WF_STR("") : x->query,
                                   .judge = with_lens ? wf_lens_judge(all->lens) : NULL};
    struct wf_summarizer *s = NULL;
    struct wf_summary summary = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_arena arena;

    if (with_lens && wf_lens_scores_sentences(all->lens)) {
        o.logits = logits;
        o.logits_ud = all->pool;
    }
    wf_arena_init(&arena, 65536, 64u << 20);
    if (wf_summarizer_new(&o, &s, &err) != 0 || wf_summarizer_feed(s, x->document, 0, &err) != 0 ||
        wf_summarizer_finish(s, &arena, &summary, &err) != 0)
        fail(err.msg);
    for (size_t i = 0; i < summary.n_sentences; i++)
        rouge_append(out, summary.sentences[i].text);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
}

/* ROUGE-1 of as many sentences as the reference has; or of the most sentences that have no more
 * words than it. */
static double measured(const struct summaries *all, const struct wf_data_summary *x,
                       struct wf_str reference, bool with_lens, int way)
{
    size_t low = 1, high = n_sentences(reference);
    struct rouge_text wanted = {0};
    double f = 0;

    rouge_append(&wanted, reference);
    high = way == 0 ? high : 2 * high + 1;
    low = way == 0 ? high : low;
    while (low <= high) {
        size_t n = low + (high - low) / 2;
        struct rouge_text words = {0};
        summarized(all, x, n, with_lens, &words);
        if (way == 0 || words.n <= wanted.n || n == 1) {
            f = rouge_score(&words, &wanted).f[0];
            low = n + 1;
        } else {
            high = n - 1;
        }
        rouge_free(&words);
    }
    rouge_free(&wanted);
    return f;
}

static int on_summary(void *ud, const struct wf_data_summary *x, struct wf_err *err)
{
    struct summaries *s = ud;

    (void)err;
    if (!wf_split_is_dev(x->key) || x->n_references == 0)
        return 0;
    for (int lens = 0; lens <= (s->lens != NULL); lens++) {
        for (int way = 0; way < WAYS; way++) {
            double best = 0;
            for (size_t i = 0; i < x->n_references; i++) {
                double f =
                    x->references[i].len > 0 ? measured(s, x, x->references[i], lens != 0, way) : 0;
                best = f > best ? f : best;
            }
            s->sum[lens][way] += best;
        }
    }
    s->n++;
    return 0;
}

static void summaries(const char *data, const char *name, const char *const *files,
                      const struct summaries *with)
{
    struct wf_err err = WF_ERR_INIT;
    struct summaries s = *with;
    char path[4096];

    for (; *files != NULL; files++) {
        (void)snprintf(path, sizeof(path), "%s/%s", data, *files);
        if (wf_data_summaries_read(path, on_summary, &s, &err) != 0)
            fail(err.msg);
    }
    if (s.n == 0)
        return;
    printf("  %-22s %5zu summaries, ROUGE-1 of summarize %5.1f (as many words: %5.1f)", name, s.n,
           100 * s.sum[0][0] / (double)s.n, 100 * s.sum[0][1] / (double)s.n);
    if (s.lens != NULL)
        printf(", with lens %5.1f (%5.1f), must: + 2", 100 * s.sum[1][0] / (double)s.n,
               100 * s.sum[1][1] / (double)s.n);
    printf("\n");
}

/* A pool of a lens that judges sentences; NULL: the file is not there, or has no table for it. */
static void open_lens(const char *path, struct summaries *out)
{
    const struct wf_lens_pool_options o = {.path = path};
    struct wf_err err = WF_ERR_INIT;

    if (access(path, R_OK) != 0)
        return;
    if (wf_lens_pool_new(&o, &out->pool, &err) != 0 ||
        wf_lens_pool_lens(out->pool, &out->lens, &err) != 0)
        fail(err.msg);
    if (wf_lens_judge(out->lens) == NULL)
        out->lens = NULL;
}

int main(int argc, char **argv)
{
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    static const char *const qmsum[] = {"meetings/qmsum/train.jsonl.xz",
                                        "meetings/qmsum/val.jsonl.xz", NULL};
    static const char *const ami[] = {"meetings/ami-summaries/shared.jsonl.xz", NULL};
    static const char *const squality[] = {"summarisation/squality/train.jsonl.xz",
                                           "summarisation/squality/dev.jsonl.xz", NULL};

    struct summaries with = {.n = 0};

    if (access(data, R_OK) != 0)
        return 77;
    open_lens(argc > 2 ? argv[2] : "models/lens.gguf", &with);
    printf("answers: word overlap\n");
    answers(data, "SQuAD", "squad-dev/train.jsonl.xz");
    answers(data, "XQuAD, English", "xquad/en.part70.jsonl");
    printf("summaries\n");
    summaries(data, "QMSum", qmsum, &with);
    summaries(data, "AMI", ami, &with);
    summaries(data, "SQuALITY", squality, &with);
    wf_lens_pool_free(with.pool);
    return 0;
}
