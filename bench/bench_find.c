/* SPDX-License-Identifier: Apache-2.0 */
/* Finding: questions of XQuAD against their paragraphs among 20,000 other passages, recall at 1 and
 * at 5 by document, beside a plain FTS5 OR query with bm25() over the same texts.
 *
 *   bench_find [-a] [-n OTHERS] [-l LANG] [DIR]    DIR: ../shared/data; -a: more question sets
 *
 * The rival is FTS5 with its tokenizer unicode61; for Chinese and Thai, where that finds nothing,
 * also FTS5 with ours. Must: none below the better rival, English at least 0.92 at 1. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "find/find.h"
#include "store/fts_tokenizer.h"
#include "support/library.h"
#include "support/qa.h"
#include "text/word.h"

#define OTHERS 20000
#define ENGLISH_MUST 0.92

struct recall {
    size_t n, at_1, at_5;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void check(int rc, sqlite3 *db)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return;
    fprintf(stderr, "bench_find: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void count(struct recall *r, size_t rank)
{
    r->n++;
    r->at_1 += rank < 1;
    r->at_5 += rank < 5;
}

static double share(size_t n, size_t of)
{
    return of > 0 ? (double)n / (double)of : 0;
}

/* ---- the rival ---- */

static sqlite3 *rival_open(const struct qa_set *set, const char *tokenizer)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    char sql[128];
    struct wf_err err = WF_ERR_INIT;
    check(sqlite3_open(":memory:", &db), db);
    if (wf_fts_tokenizer_register(db, &err) != 0)
        exit(1);
    snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE t USING fts5(body, content='', tokenize='%s')",
             tokenizer);
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), db);
    check(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), db);
    check(sqlite3_prepare_v2(db, "INSERT INTO t(rowid,body) VALUES(?,?)", -1, &st, NULL), db);
    for (size_t i = 0; i < set->n_passages; i++) {
        sqlite3_bind_int64(st, 1, (sqlite3_int64)i + 1);
        sqlite3_bind_text(st, 2, set->passages[i].text, -1, SQLITE_STATIC);
        check(sqlite3_step(st), db);
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    check(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), db);
    return db;
}

/* "a" OR "b": the words as people part them, or as our tokenizer does. */
static void rival_query(struct wf_buf *out, const char *question, bool is_ours)
{
    struct wf_words walk;
    struct wf_word w;
    struct wf_str rest = wf_str_from(question), part;
    wf_buf_reset(out);
    if (is_ours) {
        wf_words_init(&walk, rest);
        while (wf_words_next(&walk, &w))
            wf_buf_appendf(out, "%s\"%.*s\"", out->len > 0 ? " OR " : "", (int)w.len, w.text);
        return;
    }
    while (wf_str_split(&rest, ' ', &part)) {
        if (part.len == 0)
            continue;
        wf_buf_append_cstr(out, out->len > 0 ? " OR \"" : "\"");
        for (size_t i = 0; i < part.len; i++)
            wf_buf_append_byte(out, part.ptr[i] == '"' ? ' ' : part.ptr[i]);
        wf_buf_append_byte(out, '"');
    }
}

static struct recall rival(const struct qa_set *set, const char *tokenizer, bool is_ours)
{
    struct recall r = {0};
    struct wf_buf match;
    sqlite3 *db = rival_open(set, tokenizer);
    sqlite3_stmt *st = NULL;
    wf_buf_init(&match, 1 << 20);
    check(sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT 5", -1,
                             &st, NULL),
          db);
    for (size_t i = 0; i < set->n_questions; i++) {
        if (set->questions[i].impossible)
            continue;
        size_t rank = 0;
        int rc;
        rival_query(&match, set->questions[i].text, is_ours);
        sqlite3_bind_text(st, 1, match.ptr, (int)match.len, SQLITE_STATIC);
        while ((rc = sqlite3_step(st)) == SQLITE_ROW &&
               sqlite3_column_int64(st, 0) != (sqlite3_int64)set->questions[i].passage + 1)
            rank++;
        check(rc, db);
        count(&r, rc == SQLITE_ROW ? rank : SIZE_MAX);
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    wf_buf_deinit(&match);
    return r;
}

/* ---- weft ---- */

static void fill(struct library *l, const struct qa_set *set)
{
    library_open(l);
    for (size_t i = 0; i < set->n_passages; i++) {
        char path[32];
        snprintf(path, sizeof path, "/p/%zu", i);
        library_add(l, &(struct library_document){.path = path, .text = set->passages[i].text},
                    NULL);
    }
    library_commit(l);
}

static size_t rank_of(const struct wf_hits *hits, size_t passage)
{
    char path[32];
    size_t rank = 0;
    snprintf(path, sizeof path, "/p/%zu", passage);
    for (size_t i = 0; i < hits->n_items; i++) {
        if (wf_str_eq(hits->items[i].path, wf_str_from(path)))
            return rank;
        bool seen = false; /* documents count, not chunks */
        for (size_t k = 0; k < i; k++)
            seen |= wf_str_eq(hits->items[k].path, hits->items[i].path);
        rank += !seen;
    }
    return SIZE_MAX;
}

static struct recall weft(const struct qa_set *set, double *out_ms)
{
    struct recall r = {0};
    struct library l;
    struct wf_arena arena;
    wf_arena_init(&arena, 0, 64 << 20);
    fill(&l, set);
    double start = now_ms();
    for (size_t i = 0; i < set->n_questions; i++) {
        struct wf_find_query q = {.text = wf_str_from(set->questions[i].text)};
        struct wf_hits hits;
        struct wf_err err = WF_ERR_INIT;
        if (set->questions[i].impossible)
            continue;
        wf_arena_reset(&arena);
        if (wf_find(l.store, &q, &arena, &hits, &err) != 0) {
            fprintf(stderr, "bench_find: %s\n", err.msg);
            exit(1);
        }
        size_t rank = rank_of(&hits, set->questions[i].passage);
        count(&r, rank);
        if (rank > 0 && getenv("WEFT_BENCH_SHOW") != NULL)
            printf("  rank %zd: %s\n    wanted: %.300s\n    first: %.*s\n", (ssize_t)rank,
                   set->questions[i].text, set->passages[set->questions[i].passage].text,
                   WF_STR_ARG(hits.n_items > 0 ? hits.items[0].text : wf_str_n(NULL, 0)));
    }
    *out_ms = (now_ms() - start) / (double)WF_MAX(r.n, 1u);
    library_close(&l);
    wf_arena_deinit(&arena);
    return r;
}

/* ---- comparing ---- */

static bool compare(const struct qa_set *set, const char *name, bool is_spaced)
{
    double ms = 0;
    struct recall us = weft(set, &ms);
    struct recall plain = rival(set, "unicode61", false), ours = {0};
    printf("%-9s %6zu %7zu   %.3f %.3f   %.3f %.3f", name, us.n, set->n_passages,
           share(us.at_1, us.n), share(us.at_5, us.n), share(plain.at_1, plain.n),
           share(plain.at_5, plain.n));
    if (!is_spaced) {
        ours = rival(set, "weft 1", true);
        printf("   %.3f %.3f", share(ours.at_1, ours.n), share(ours.at_5, ours.n));
    } else {
        printf("%14s", "");
    }
    bool ok = us.at_1 >= plain.at_1 && us.at_5 >= plain.at_5 && us.at_1 >= ours.at_1 &&
              us.at_5 >= ours.at_5;
    if (strcmp(name, "en") == 0)
        ok = ok && share(us.at_1, us.n) >= ENGLISH_MUST;
    printf("   %6.2f ms%s\n", ms, ok ? "" : "  MISSED");
    fflush(stdout);
    return ok;
}

static bool more_sets(const char *dir, const struct qa_pool *pool, size_t n_others)
{
    static const struct {
        const char *name, *lang;
        bool is_spaced;
    } sets[] = {{"squad-dev", "en", true},
                {"covid-qa", "en", true},
                {"arcd", "ar", true},
                {"cmrc2018", "zh", false},
                {"jsquad", "ja", false}};
    bool ok = true;
    for (size_t i = 0; i < WF_ARRAY_LEN(sets); i++) {
        char path[512];
        struct qa_set set;
        snprintf(path, sizeof path, "%s/qa-retrieval/%s/train.jsonl.xz", dir, sets[i].name);
        if (qa_load_lines(&set, path)) {
            qa_add_others(&set, pool, sets[i].lang, n_others);
            ok = compare(&set, sets[i].name, sets[i].is_spaced) && ok;
        }
        qa_free(&set);
    }
    return ok;
}

int main(int argc, char **argv)
{
    static const char *const langs[] = {"en", "es", "de", "ro", "ru", "zh",
                                        "ar", "hi", "tr", "vi", "el", "th"};
    const char *dir = "../shared/data", *only = NULL;
    bool is_all = false, ok = true;
    size_t n_others = OTHERS;
    int option;
    while ((option = getopt(argc, argv, "an:l:")) != -1) {
        is_all |= option == 'a';
        if (option == 'n')
            n_others = strtoul(optarg, NULL, 10);
        if (option == 'l')
            only = optarg;
    }
    if (optind < argc)
        dir = argv[optind];
    struct qa_pool pool;
    if (!qa_pool_load(&pool, dir)) {
        printf("no data in %s\n", dir);
        return 77;
    }
    printf("recall at 1 and at 5 (documents)  weft          FTS5, OR      FTS5 with our words\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(langs); i++) {
        struct qa_set set;
        if (only != NULL && strcmp(only, langs[i]) != 0)
            continue;
        if (qa_load_xquad(&set, dir, langs[i])) {
            bool is_spaced = strcmp(langs[i], "zh") != 0 && strcmp(langs[i], "th") != 0;
            qa_add_others(&set, &pool, langs[i], n_others);
            ok = compare(&set, langs[i], is_spaced) && ok;
        }
        qa_free(&set);
    }
    if (is_all && !more_sets(dir, &pool, n_others))
        ok = false;
    printf("must: English at least %.2f at 1, no language below FTS5: %s\n", ENGLISH_MUST,
           ok ? "met" : "MISSED");
    qa_pool_free(&pool);
    return ok ? 0 : 1;
}
