/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/purge.h: after a removal no file of the home holds the words any more. */
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "store/purge.h"
#include "support/home.h"

static struct home home;

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

/* A text in which `word` stands now and then among others; title and path hold it as well. */
static int64_t add(unsigned number, const char *word, size_t n_bytes)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf b;
    char path[128];
    char title[128];
    size_t n = 0;
    int64_t id = 0;
    wf_buf_init(&b, 2 * n_bytes + 1024);
    for (unsigned i = 0; b.len < n_bytes; i++) {
        char *text = home_words(number * 1000 + i, 300, &n);
        (void)wf_buf_append(&b, text, n);
        (void)wf_buf_appendf(&b, "%s%u ", word, i % 7);
        wf_free(text);
    }
    snprintf(path, sizeof(path), "/folder/%sp-%u.txt", word, number);
    snprintf(title, sizeof(title), "%st %u", word, number);
    if (home_add(&home, path, title, wf_buf_str(&b), &id, &err) != 0)
        fail_msg("%s", err.msg);
    wf_buf_deinit(&b);
    return id;
}

static void take_away(int64_t id)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static void wait_until_gone(void)
{
    struct wf_err err = WF_ERR_INIT;
    if (wf_purge_wait(home.store, 60000, &err) != 0)
        fail_msg("%s", err.msg);
}

static void test_purge__one_document_leaves_no_trace(void **state)
{
    (void)state;
    add(1, "staywith", 50000);
    int64_t id = add(2, "zzgoaway", 50000);
    add(3, "staywith", 50000);
    assert_true(home_grep(&home, "zzgoaway", false) > 0); /* the grep finds what is there */
    take_away(id);
    assert_int_equal(home_count(&home, "document"), 2); /* gone at once for those who read */
    wait_until_gone();
    assert_false(wf_purge_pending(home.store));
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_true(home_grep(&home, "staywith", false) > 0);
    assert_int_equal(home_n_blobs(&home), 2);
    assert_int_equal(home_count(&home, "limbo"), 0);
    assert_int_equal(home_matches(&home, "zzgoaway1"), 0);
    assert_true(home_matches(&home, "staywith1") > 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_purge__the_last_document_leaves_an_empty_home(void **state)
{
    (void)state;
    int64_t id = add(2, "zzgoaway", 300000);
    take_away(id);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_int_equal(home_n_blobs(&home), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

/* Pages are split, merged, moved and reused in every way before the words have to be gone. */
static void test_purge__leaves_no_trace_in_a_busy_home(void **state)
{
    (void)state;
    struct wf_rng_seeded rng;
    wf_rng_seeded_init(&rng, 3);
    int64_t ids[120];
    for (unsigned i = 0; i < 120; i++) {
        ids[i] = add(i, i % 3 ? "staywith" : "zzgoaway", 500 + wf_rng_below(&rng.rng, 30000));
        if (i % 10 == 9 && i % 3 == 0) {
            take_away(ids[i]);
            wait_until_gone();
            ids[i] = 0;
        }
    }
    for (unsigned i = 0; i < 120; i += 3)
        if (ids[i] != 0)
            take_away(ids[i]);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_int_equal(home_count(&home, "document"), 80);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
    for (unsigned i = 0; i < 120; i++)
        if (i % 3 != 0)
            take_away(ids[i]);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "staywith", true), 0);
    assert_int_equal(home_n_blobs(&home), 0);
}

static void test_purge__replaced_documents_go_when_asked(void **state)
{
    (void)state;
    add(1, "zzgoaway", 30000);
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(
        home_add(&home, "/folder/zzgoawayp-1.txt", "New", WF_STR("all new words here"), NULL, &err),
        0);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_true(wf_purge_pending(home.store));
    wait_until_gone();
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_source_remove(home.store, WF_STR("/folder/zzgoawayp-1.txt"), NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
}

static void test_purge__an_interrupted_one_is_finished_at_the_next_open(void **state)
{
    (void)state;
    add(1, "staywith", 20000);
    int64_t id = add(2, "zzgoaway", 2000000);
    take_away(id);
    home_close(&home); /* at once */
    home_open(&home);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_purge__begins_by_itself(void **state)
{
    (void)state;
    int64_t id = add(2, "zzgoaway", 20000);
    take_away(id);
    for (unsigned i = 0; i < 200 && wf_purge_pending(home.store); i++)
        sqlite3_sleep(50);
    assert_false(wf_purge_pending(home.store));
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
}

static void test_purge__waits_for_a_reader(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;
    static const char sql[] = "SELECT count(*) FROM chunk";
    int64_t id = add(2, "zzgoaway", 20000);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_reader_cached(r, sql, &st, NULL), 0);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW); /* a snapshot from before */
    sqlite3_reset(st);
    take_away(id);
    assert_int_equal(wf_purge_wait(home.store, 1000, &err), WF_E_TIMEOUT);
    wf_store_reader_put(home.store, r);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
}

static void *add_many(void *ud)
{
    (void)ud;
    for (unsigned i = 0; i < 40; i++)
        add(100 + i, "staywith", 20000);
    return NULL;
}

static void test_purge__while_others_add(void **state)
{
    (void)state;
    int64_t ids[10];
    pthread_t thread;
    for (unsigned i = 0; i < 10; i++)
        ids[i] = add(i, "zzgoaway", 20000);
    assert_int_equal(pthread_create(&thread, NULL, add_many, NULL), 0);
    for (unsigned i = 0; i < 10; i++) {
        take_away(ids[i]);
        if (i % 3 == 0)
            wait_until_gone();
    }
    pthread_join(thread, NULL);
    wait_until_gone();
    assert_int_equal(home_grep(&home, "zzgoaway", true), 0);
    assert_int_equal(home_count(&home, "document"), 40);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_purge__content_that_comes_back_keeps_its_blob(void **state)
{
    (void)state;
    int64_t id = add(1, "comesback", 5000);
    take_away(id);
    add(1, "comesback", 5000);
    wait_until_gone();
    assert_int_equal(home_n_blobs(&home), 1);
    assert_true(home_matches(&home, "comesback1") > 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_purge__nothing_to_do_returns_at_once(void **state)
{
    (void)state;
    assert_false(wf_purge_pending(home.store));
    assert_int_equal(wf_purge_wait(home.store, 1, NULL), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_purge__one_document_leaves_no_trace),
        T(test_purge__the_last_document_leaves_an_empty_home),
        T(test_purge__leaves_no_trace_in_a_busy_home),
        T(test_purge__replaced_documents_go_when_asked),
        T(test_purge__an_interrupted_one_is_finished_at_the_next_open),
        T(test_purge__begins_by_itself),
        T(test_purge__waits_for_a_reader),
        T(test_purge__while_others_add),
        T(test_purge__content_that_comes_back_keeps_its_blob),
        T(test_purge__nothing_to_do_returns_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
