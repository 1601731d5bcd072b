/* SPDX-License-Identifier: Apache-2.0 */
/* Answering with lens beside words alone, on questions whose articles lens was not trained on: how
 * often the first sentence holds the answer, and how well confidence tells questions that the
 * documents answer from others, by what lens counts: its word on sentences (rerank) and on there
 * being no answer (refuse). What is best is what `weft train answers --rerank --refuse` writes.
 *
 *   bench_ask_lens [-n OTHERS] [-e EVERY] [LENS.gguf [DIR [SET...]]]   SET: en, de, squad-dev
 *
 * A question is asked with its passage among the documents (present), without all articles that are
 * kept aside (absent), and, made to have no answer, with its passage (unanswerable). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/lens.h"
#include "skill/ask.h"
#include "skill/ask_internal.h"
#include "support/library.h"
#include "support/qa.h"

#define OTHERS 2000
#define EVERY 1

static const double reranks[] = {0, 0.25, 0.5, 1, 1.5, 2, 3, 4};
static const double refuses[] = {0, 0.25, 0.5, 0.75, 1, 1.5, 2};
#define N_RERANKS (sizeof(reranks) / sizeof(reranks[0]))
#define N_REFUSES (sizeof(refuses) / sizeof(refuses[0]))

enum way {
    PRESENT,
    ABSENT,
    UNANSWERABLE,
    WAY_COUNT
};

struct seen {
    bool is_right;
    float confidence, none; /* of words; of lens, about the best sentence's chunk */
};

struct example {
    struct seen by[N_RERANKS];
    enum way way;
};

struct bench {
    struct example *examples;
    size_t n, n_room, every;
    struct wf_lens_pool *pool;
    struct wf_ask_look look, again;
    struct wf_arena arena;
    double ms_words, ms_lens;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int status, const struct wf_err *err)
{
    if (status >= 0)
        return;
    fprintf(stderr, "bench_ask_lens: %s\n", err->msg);
    exit(1);
}

static bool holds_answer(struct wf_str text, struct wf_str path, const struct qa_question *q)
{
    char own[32];

    (void)snprintf(own, sizeof(own), "/p/%zu", q->passage);
    if (!wf_str_eq(path, wf_str_from(own)))
        return false;
    for (size_t i = 0; i < QA_ANSWERS_MAX && q->answers[i] != NULL; i++) {
        struct wf_str answer = wf_str_from(q->answers[i]);
        if (wf_str_find(text, answer, 0) != SIZE_MAX ||
            (answer.len > text.len && wf_str_find(answer, text, 0) != SIZE_MAX))
            return true;
    }
    return false;
}

/* The chunks of the first sentences, each once. */
static size_t choose(const struct wf_ask_look *look, size_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < look->n_sentences && n < WF_ASK_SPANS_MAX; i++) {
        size_t k = 0;
        while (k < n && out[k] != look->sentences[i].hit)
            k++;
        if (k == n)
            out[n++] = look->sentences[i].hit;
    }
    return n;
}

/* What comes out when lens counts reranks[r]. */
static void judge(struct bench *b, const struct wf_lens_answer *answers, const size_t *hits,
                  size_t n, size_t r, const struct qa_question *q, struct seen *out)
{
    double features[WF_ASK_D_COUNT];
    const struct wf_ask_sentence *best;
    const struct wf_hit *hit;

    memcpy(&b->again, &b->look, sizeof(b->again));
    for (size_t i = 0; i < n && reranks[r] > 0; i++)
        wf_ask__weigh(&b->again, hits[i], &answers[i], reranks[r]);
    if (reranks[r] > 0)
        wf_ask__order(&b->again);
    best = &b->again.sentences[0];
    hit = &b->again.hits.items[best->hit];
    out->is_right = holds_answer(wf_str_sub(hit->text, best->start, best->end), hit->path, q);
    wf_ask__decide_features(&b->again.question, &b->again.hits, best, features);
    out->confidence = (float)wf_ask__confidence(features, best);
    out->none = 0.5f;
    for (size_t i = 0; i < n; i++) {
        if (hits[i] == best->hit)
            out->none = answers[i].none;
    }
}

static void ask(struct bench *b, struct library *l, const struct qa_question *q, enum way way)
{
    struct wf_ask_query query = {.question = wf_str_from(q->text)};
    struct wf_lens_ask asks[WF_ASK_SPANS_MAX];
    struct wf_lens_answer answers[WF_ASK_SPANS_MAX];
    struct wf_err err = WF_ERR_INIT;
    size_t hits[WF_ASK_SPANS_MAX], n;
    struct example *e;
    double start = now_ms();

    if (b->n == b->n_room) {
        b->n_room = 2 * b->n_room + 256;
        b->examples = wf_realloc_array(b->examples, b->n_room, sizeof(*b->examples));
        if (b->examples == NULL)
            exit(1);
    }
    e = &b->examples[b->n++];
    *e = (struct example){.way = way};
    wf_arena_reset(&b->arena);
    must(wf_ask__look(l->store, &query, &b->arena, &b->look, &err), &err);
    b->ms_words += now_ms() - start;
    if (b->look.n_sentences == 0)
        return;
    start = now_ms();
    n = choose(&b->look, hits);
    for (size_t i = 0; i < n; i++)
        asks[i] = (struct wf_lens_ask){.tasks = WF_LENS_SPANS,
                                       .text = b->look.hits.items[hits[i]].text,
                                       .question = query.question};
    must(wf_lens_pool_run(b->pool, asks, n, answers, &err), &err);
    b->ms_lens += now_ms() - start;
    for (size_t r = 0; r < N_RERANKS; r++)
        judge(b, answers, hits, n, r, q, &e->by[r]);
    for (size_t i = 0; i < n; i++)
        wf_lens_answer_deinit(&answers[i]);
}

/* All questions that are kept aside; with their articles or without. */
static void run_half(struct bench *b, const struct qa_set *set, bool with_dev)
{
    bool *is_dev = wf_alloc_array(set->n_passages + 1, sizeof(*is_dev));
    struct library l;
    size_t n = 0;

    if (is_dev == NULL)
        exit(1);
    for (size_t i = 0; i < set->n_questions; i++)
        is_dev[set->questions[i].passage] |= set->questions[i].is_dev;
    library_open(&l);
    for (size_t i = 0; i < set->n_passages; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/p/%zu", i);
        if (with_dev || !is_dev[i])
            library_add(&l, &(struct library_document){.path = path, .text = set->passages[i].text},
                        NULL);
    }
    library_commit(&l);
    for (size_t i = 0; i < set->n_questions; i++) {
        const struct qa_question *q = &set->questions[i];
        if (q->is_dev && n++ % b->every == 0)
            ask(b, &l, q, !with_dev ? ABSENT : q->impossible ? UNANSWERABLE : PRESENT);
    }
    library_close(&l);
    wf_free(is_dev);
}

static void run(struct bench *b, const char *dir, const char *name, const struct qa_pool *pool,
                size_t n_others)
{
    struct qa_set set;
    char path[512];
    bool ok;

    (void)snprintf(path, sizeof(path), "%s/qa-retrieval/%s/train.jsonl.xz", dir, name);
    ok = strlen(name) == 2 ? qa_load_xquad(&set, dir, name) : qa_load_lines(&set, path);
    if (ok) {
        qa_add_others(&set, pool, strlen(name) == 2 ? name : "en", n_others);
        run_half(b, &set, true);
        run_half(b, &set, false);
    }
    qa_free(&set);
}

/* ---- figures ---- */

static double odds(double p)
{
    p = fmax(1e-4, fmin(p, 1 - 1e-4));
    return log(p / (1 - p));
}

static double score(const struct example *e, size_t r, double refuse)
{
    return odds((double)e->by[r].confidence) - refuse * odds((double)e->by[r].none);
}

static double auroc(const struct bench *b, size_t r, double refuse, enum way other)
{
    double wins = 0, n = 0;

    for (size_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < b->n && b->examples[i].way == PRESENT; k++) {
            double d;
            if (b->examples[k].way != other)
                continue;
            d = score(&b->examples[i], r, refuse) - score(&b->examples[k], r, refuse);
            wins += d > 0 ? 1 : d < 0 ? 0 : 0.5;
            n++;
        }
    }
    return n > 0 ? wins / n : NAN;
}

static void print_figures(const struct bench *b)
{
    size_t n = 0, n_right[N_RERANKS] = {0};

    for (size_t i = 0; i < b->n; i++) {
        n += b->examples[i].way == PRESENT;
        for (size_t r = 0; r < N_RERANKS && b->examples[i].way == PRESENT; r++)
            n_right[r] += b->examples[i].by[r].is_right;
    }
    printf("%zu questions with their passage; AUROC of absent / unanswerable ones by refuse\n"
           "rerank  holds",
           n);
    for (size_t k = 0; k < N_REFUSES; k++)
        printf("  %11.2f", refuses[k]);
    printf("\n");
    for (size_t r = 0; r < N_RERANKS; r++) {
        printf("%6.2f  %5.1f", reranks[r], 100.0 * (double)n_right[r] / (double)(n > 0 ? n : 1));
        for (size_t k = 0; k < N_REFUSES; k++)
            printf("  %.3f %.3f", auroc(b, r, refuses[k], ABSENT),
                   auroc(b, r, refuses[k], UNANSWERABLE));
        printf("\n");
    }
    printf("ms of the processor a question: words %.2f, lens %.2f\n",
           b->ms_words / (double)(b->n > 0 ? b->n : 1), b->ms_lens / (double)(b->n > 0 ? b->n : 1));
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"squad-dev", "en", "de", "es"};
    static struct bench b = {.every = EVERY};
    struct wf_lens_pool_options o = {.path = "models/lens.gguf", .n_threads = 1};
    const char *dir = "../shared/data";
    struct wf_err err = WF_ERR_INIT;
    size_t n_others = OTHERS;
    struct qa_pool pool;
    int option;

    while ((option = getopt(argc, argv, "n:e:")) != -1) {
        if (option == 'n')
            n_others = strtoul(optarg, NULL, 10);
        else if (option == 'e')
            b.every = strtoul(optarg, NULL, 10) > 0 ? strtoul(optarg, NULL, 10) : 1;
        else
            return 2;
    }
    if (optind < argc)
        o.path = argv[optind++];
    if (optind < argc)
        dir = argv[optind++];
    if (access(o.path, R_OK) != 0 || !qa_pool_load(&pool, dir)) {
        printf("no lens %s, or no data in %s\n", o.path, dir);
        return 77;
    }
    must(wf_lens_pool_new(&o, &b.pool, &err), &err);
    wf_arena_init(&b.arena, 0, 256 << 20);
    for (int i = optind; i < argc; i++)
        run(&b, dir, argv[i], &pool, n_others);
    for (size_t i = 0; optind == argc && i < sizeof(usual) / sizeof(usual[0]); i++)
        run(&b, dir, usual[i], &pool, n_others);
    print_figures(&b);
    qa_pool_free(&pool);
    wf_arena_deinit(&b.arena);
    wf_lens_pool_free(b.pool);
    wf_free(b.examples);
    return 0;
}
