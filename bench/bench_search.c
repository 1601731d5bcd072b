/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of search: whole questions in plain words over 100,000 passages of 90 words, alone and
 * while documents are taken in, beside a plain OR query with bm25() on the same index. Then one and
 * two words of them, for which more chunks are read.
 *
 *   bench_search [-n PASSAGES] [DIR]    DIR: ../shared/data
 *
 * Must: median under 5 ms, p99 under 20 ms, both alone and while taking in. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "find/find.h"
#include "os/thread.h"
#include "support/jsonl.h"
#include "support/library.h"
#include "support/qa.h"
#include "text/utf8.h"
#include "text/word.h"

#define PASSAGES 100000
#define WORDS 90
#define QUESTIONS 1500
#define RIVAL_QUESTIONS 60
#define MEDIAN_MUST_MS 5.0
#define P99_MUST_MS 20.0

struct corpus {
    char **texts;
    size_t n, n_max;
};

static double clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs of 90 words; `text` is cut in place. */
static void add_runs(struct corpus *c, const char *text)
{
    size_t n_words = 0;
    const char *start = text;
    for (const char *p = text; *p != 0 && c->n < c->n_max; p++) {
        if (*p != ' ' || ++n_words < WORDS)
            continue;
        c->texts[c->n++] = wf_memdup0(start, (size_t)(p - start));
        start = p + 1;
        n_words = 0;
    }
}

static bool on_document(void *ud, json_t *v)
{
    struct corpus *c = ud;
    const char *text = json_string_value(json_object_get(v, "text"));
    if (text != NULL)
        add_runs(c, text);
    return c->n < c->n_max;
}

/* An equal part out of each file. */
static bool load(struct corpus *c, const char *dir, size_t n)
{
    static const char *const files[] = {"books-en-1",    "docs-en",      "everyday-en-1",
                                        "everyday-en-2", "novels-other", "openstax-by-earlier"};
    c->texts = wf_alloc_array(n, sizeof(char *));
    for (size_t i = 0; c->texts != NULL && i < WF_ARRAY_LEN(files); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/text/%s.jsonl.xz", dir, files[i]);
        c->n_max = n * (i + 1) / WF_ARRAY_LEN(files);
        if (jsonl_each(path, on_document, c) < 0)
            return false;
    }
    return c->texts != NULL && c->n > 0;
}

static void add_passage(struct library *l, const char *text, size_t number)
{
    char path[32];
    snprintf(path, sizeof path, "/p/%zu", number);
    library_add(l, &(struct library_document){.path = path, .text = text}, NULL);
}

/* ---- measuring ---- */

struct times {
    double ms[QUESTIONS];
    double cpu[QUESTIONS]; /* the same without waiting for a processor */
    size_t n, n_hits;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The first n_max words of meaning of a question, beginning anywhere in it; 0: all of it. */
static struct wf_str shorten(const char *text, size_t n_max, struct wf_buf *out)
{
    struct wf_words walk;
    struct wf_word w;
    size_t n = 0, skip = n_max > 0 ? (size_t)(qa_hash(text) % 3) : 0;
    if (n_max == 0)
        return wf_str_from(text);
    wf_buf_reset(out);
    wf_words_init(&walk, wf_str_from(text));
    while (n < n_max && wf_words_next(&walk, &w)) {
        if (wf_word_is_stop(wf_str_n(w.text, w.len)) || (skip > 0 && skip-- > 0))
            continue;
        wf_buf_appendf(out, "%s%.*s", n++ > 0 ? " " : "", (int)w.len, w.text);
    }
    return wf_buf_str(out);
}

/* Whole questions, or n_words of each. */
static void search(struct library *l, const struct qa_set *set, size_t n_words, struct times *out)
{
    struct wf_arena arena;
    struct wf_buf buf;
    size_t every = set->n_questions / QUESTIONS + 1;
    wf_buf_init(&buf, 1 << 16);
    wf_arena_init(&arena, 0, 64 << 20);
    out->n = out->n_hits = 0;
    for (size_t i = 0; i < set->n_questions && out->n < QUESTIONS; i += every) {
        struct wf_find_query q = {.text = shorten(set->questions[i].text, n_words, &buf)};
        struct wf_hits hits;
        struct wf_err err = WF_ERR_INIT;
        wf_arena_reset(&arena);
        double start = clock_ms(CLOCK_MONOTONIC);
        double start_cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
        if (wf_find(l->store, &q, &arena, &hits, &err) != 0) {
            fprintf(stderr, "bench_search: %s\n", err.msg);
            exit(1);
        }
        out->ms[out->n] = clock_ms(CLOCK_MONOTONIC) - start;
        out->cpu[out->n++] = clock_ms(CLOCK_THREAD_CPUTIME_ID) - start_cpu;
        out->n_hits += hits.n_items;
    }
    qsort(out->ms, out->n, sizeof *out->ms, by_value);
    qsort(out->cpu, out->n, sizeof *out->cpu, by_value);
    wf_arena_deinit(&arena);
    wf_buf_deinit(&buf);
}

static bool report(const char *what, const struct times *t)
{
    double median = t->ms[t->n / 2], p99 = t->ms[t->n * 99 / 100];
    printf("%-22s median %7.2f ms   p99 %7.2f ms   of the processor %7.2f ms and %7.2f ms\n", what,
           median, p99, t->cpu[t->n / 2], t->cpu[t->n * 99 / 100]);
    fflush(stdout);
    return median < MEDIAN_MUST_MS && p99 < P99_MUST_MS;
}

/* The plain way: every word, OR, bm25(). */
static void rival(struct library *l, const struct qa_set *set, struct times *out)
{
    struct wf_reader *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    sqlite3_stmt *st = NULL;
    struct wf_buf match;
    static const char sql[] = "SELECT rowid FROM chunk_fts WHERE chunk_fts MATCH ?"
                              " ORDER BY bm25(chunk_fts) LIMIT 10";
    wf_buf_init(&match, 1 << 20);
    if (wf_store_reader_get(l->store, &r, &err) != 0 || wf_reader_cached(r, sql, &st, &err) != 0)
        exit(1);
    out->n = 0;
    for (size_t i = 0; i < RIVAL_QUESTIONS; i++) {
        struct wf_words walk;
        struct wf_word w;
        const char *text = set->questions[i * set->n_questions / RIVAL_QUESTIONS].text;
        wf_buf_reset(&match);
        wf_words_init(&walk, wf_str_from(text));
        while (wf_words_next(&walk, &w))
            wf_buf_appendf(&match, "%s\"%.*s\"", match.len > 0 ? " OR " : "", (int)w.len, w.text);
        sqlite3_bind_text(st, 1, match.ptr, (int)match.len, SQLITE_STATIC);
        double start = clock_ms(CLOCK_MONOTONIC);
        double start_cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
        while (sqlite3_step(st) == SQLITE_ROW)
            out->n_hits++;
        sqlite3_reset(st);
        out->ms[out->n] = clock_ms(CLOCK_MONOTONIC) - start;
        out->cpu[out->n++] = clock_ms(CLOCK_THREAD_CPUTIME_ID) - start_cpu;
    }
    qsort(out->ms, out->n, sizeof *out->ms, by_value);
    qsort(out->cpu, out->n, sizeof *out->cpu, by_value);
    wf_store_reader_put(l->store, r);
    wf_buf_deinit(&match);
}

/* ---- taking in meanwhile ---- */

struct taker {
    struct library *l;
    const struct corpus *c;
    atomic_bool stop;
    size_t n;
};

static void *take_in(void *ud)
{
    struct taker *t = ud;
    wf_thread_yield_to_others(); /* as the threads of intake do */
    while (!atomic_load(&t->stop)) {
        add_passage(t->l, t->c->texts[t->n % t->c->n], t->c->n + t->n);
        if (++t->n % 200 == 0)
            library_commit(t->l);
    }
    library_commit(t->l);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct times times;
    struct corpus c = {.n = 0};
    struct qa_set set;
    struct library l;
    const char *dir = "../shared/data";
    size_t n = PASSAGES;
    char path[512];
    bool ok = true;
    int option;
    while ((option = getopt(argc, argv, "n:")) != -1) {
        if (option == 'n')
            n = strtoul(optarg, NULL, 10);
    }
    if (optind < argc)
        dir = argv[optind];
    snprintf(path, sizeof path, "%s/qa-retrieval/squad-dev/train.jsonl.xz", dir);
    if (!load(&c, dir, n) || !qa_load_lines(&set, path)) {
        printf("no data in %s\n", dir);
        return 77;
    }
    library_open(&l);
    for (size_t i = 0; i < c.n; i++)
        add_passage(&l, c.texts[i], i);
    library_commit(&l);
    printf("%zu passages of %d words, whole questions\n", c.n, WORDS);
    search(&l, &set, 0, &times);
    ok = report("weft", &times) && ok;
    search(&l, &set, 1, &times);
    ok = report("weft, one word", &times) && ok;
    search(&l, &set, 2, &times);
    ok = report("weft, two words", &times) && ok;
    struct taker taker = {.l = &l, .c = &c};
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_in, &taker) != 0)
        return 1;
    search(&l, &set, 0, &times);
    atomic_store(&taker.stop, true);
    pthread_join(thread, NULL);
    ok = report("weft, while taking in", &times) && ok;
    printf("%-22s %zu passages meanwhile\n", "", taker.n);
    rival(&l, &set, &times);
    (void)report("FTS5, OR, bm25()", &times);
    printf("must: median under %.0f ms, p99 under %.0f ms: %s\n", MEDIAN_MUST_MS, P99_MUST_MS,
           ok ? "met" : "MISSED");
    library_close(&l);
    for (size_t i = 0; i < c.n; i++)
        wf_free(c.texts[i]);
    wf_free(c.texts);
    qa_free(&set);
    return ok ? 0 : 1;
}
