/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/store.h, migrate.h and sql.h: opening and refusing, readers, turns of writing. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "store/fts_tokenizer.h"
#include "store/schema.h"
#include "store/sql.h"
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

static void in_home(char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", home.dir, name);
}

/* Runs SQL on the closed database, past the store. */
static void tamper(const char *sql)
{
    char path[256];
    sqlite3 *db = NULL;
    in_home(path, "weft.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(wf_fts_tokenizer_register(db, NULL), 0);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_store__opens_again_and_is_sound(void **state)
{
    (void)state;
    assert_int_equal(wf_store_check(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "space WHERE id=1 AND name='me'"), 1);
    home_close(&home);
    home_open(&home);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_store__settings_of_the_database(void **state)
{
    (void)state;
    static const struct {
        const char *pragma;
        int64_t want;
    } wanted[] = {{"application_id", WF_SCHEMA_APPLICATION_ID},
                  {"user_version", WF_SCHEMA_VERSION},
                  {"auto_vacuum", 2},
                  {"page_size", 16384}};
    for (size_t i = 0; i < WF_ARRAY_LEN(wanted); i++) {
        char what[96];
        snprintf(what, sizeof(what), "pragma_%s WHERE %s=%lld", wanted[i].pragma, wanted[i].pragma,
                 (long long)wanted[i].want);
        assert_int_equal(home_count(&home, what), 1);
    }
    assert_int_equal(home_count(&home, "pragma_journal_mode WHERE journal_mode='wal'"), 1);
}

static void test_store__files_are_private(void **state)
{
    (void)state;
    static const char *const names[] = {"weft.db", "lock", "blobs", "packs", "tmp"};
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        char path[256];
        struct stat st;
        in_home(path, names[i]);
        assert_int_equal(stat(path, &st), 0);
        if (strcmp(names[i], "weft.db") != 0) /* it lies in a folder of mode 0700 */
            assert_int_equal(st.st_mode & 077, 0);
    }
}

static void test_store__refuses_a_newer_version(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    home_close(&home);
    tamper("PRAGMA user_version=999");
    assert_int_equal(home_try_open(&home, &err), WF_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "update weft"));
}

static void test_store__brings_an_older_version_up_to_date(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(home_add(&home, "/p", "Title", WF_STR("from before"), NULL, &err), 0);
    home_close(&home);
    tamper("DROP TABLE vector; DROP TABLE reminder; DROP TABLE record_erased; DROP TABLE "
           "record_again; DROP TABLE device_seq; DROP TABLE device_seen;"
           "DROP TABLE device_clock; DROP TABLE record; DROP TABLE record_change;"
           "DROP TABLE batch; DROP TABLE batch_log; DROP TABLE space_key; DROP TABLE draft_told;"
           "DROP TRIGGER draft_dirty_made; DROP TRIGGER draft_dirty_called;"
           "DROP TRIGGER draft_dirty_gone; DROP TRIGGER draft_dirty_edited;"
           "DROP TABLE draft_dirty; DROP TABLE stream_snapshot; DROP TABLE device_word;"
           "DROP TABLE change_sent; DROP TABLE batch_taken; DROP TABLE relay_pass;"
           "DROP TABLE relay_letter; DROP TABLE relay_mark; DROP TABLE relay_word;"
           "DROP TABLE thread_gone; DROP INDEX thread_untold; DROP INDEX turn_untold; DROP INDEX "
           "turn_uid;"
           "ALTER TABLE thread DROP COLUMN label; ALTER TABLE thread DROP COLUMN is_told;"
           "ALTER TABLE turn DROP COLUMN uid; ALTER TABLE turn DROP COLUMN is_told;"
           "DROP TABLE document_share; DROP TABLE blob_piece;"
           "DROP TABLE charter; DROP TABLE person;"
           "ALTER TABLE space DROP COLUMN role;"
           "DROP TABLE draft_wanted; DROP TABLE draft_image; DROP TABLE draft_snapshot; DROP TABLE "
           "draft_update; DROP TABLE "
           "draft;"
           "DROP INDEX space_uid; ALTER TABLE space DROP COLUMN uid;"
           "PRAGMA user_version=1"); /* as it was */
    home_open(&home);
    assert_int_equal(home_count(&home, "vector"), 0);
    assert_int_equal(home_count(&home, "reminder"), 0);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_store__refuses_anothers_database(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    home_close(&home);
    tamper("PRAGMA application_id=7");
    assert_int_equal(home_try_open(&home, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "another program"));
}

static void test_store__refuses_what_is_no_database(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    char path[256];
    home_close(&home);
    in_home(path, "weft.db");
    char bytes[20000];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(wf_file_replace(path, bytes, sizeof(bytes), 0600, NULL), 0);
    assert_int_equal(home_try_open(&home, &err), WF_E_CORRUPT);
    assert_non_null(strstr(err.msg, "damaged"));
}

static void test_store__one_writer_process_at_a_time(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_store *second = NULL;
    assert_int_equal(wf_store_open(home.dir, NULL, &second, &err), WF_E_BUSY);
    assert_null(second);
    assert_non_null(strstr(err.msg, "Another weft"));
}

static void test_store__read_only(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(home_add(&home, "/a", "A", WF_STR("some words"), NULL, &err), 0);
    const struct wf_store_options o = {.read_only = true};
    struct home other = home;
    other.store = NULL;
    other.options = o;
    home_open(&other); /* beside the writer */
    assert_int_equal(home_matches(&other, "words"), 1);
    assert_int_equal(wf_store_write_begin(other.store, &err), WF_E_DENIED);
    assert_int_equal(wf_store_check(other.store, &err), 0);
    home_close(&other);
    struct wf_store *none = NULL;
    assert_int_equal(wf_store_open("/nowhere/at/all", &o, &none, &err), WF_E_NOENT);
}

static void test_store__path_too_long(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_store *s = NULL;
    char path[5000];
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(wf_store_open(path, NULL, &s, &err), WF_E_LIMIT);
}

static void test_store__a_reader_sees_one_moment(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *r = NULL;
    static const char sql[] = "SELECT count(*) FROM document";
    sqlite3_stmt *st = NULL;
    assert_int_equal(wf_store_reader_get(home.store, &r, &err), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(wf_reader_cached(r, sql, &st, &err), 0);
        assert_int_equal(wf_sql_step(st, "test", &err), 1);
        assert_int_equal(sqlite3_column_int64(st, 0), 0);
        sqlite3_reset(st);
        if (i == 0)
            assert_int_equal(home_add(&home, "/a", "A", WF_STR("text"), NULL, &err), 0);
    }
    wf_store_reader_put(home.store, r);
    assert_int_equal(home_count(&home, "document"), 1);
}

static void test_store__a_reader_cannot_write(void **state)
{
    (void)state;
    struct wf_reader *r = NULL;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(sqlite3_exec(wf_reader_db(r), "DELETE FROM meta", NULL, NULL, NULL),
                     SQLITE_READONLY);
    wf_store_reader_put(home.store, r);
}

static unsigned n_setups;

static int setup(sqlite3 *db, fts5_api *fts, struct wf_err *err)
{
    (void)err;
    assert_non_null(db);
    assert_non_null(fts);
    n_setups++;
    return 0;
}

static void test_store__setup_runs_once_a_connection(void **state)
{
    (void)state;
    n_setups = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct wf_reader *r = NULL;
        assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
        assert_int_equal(wf_reader_setup(r, setup, NULL), 0);
        assert_int_equal(wf_reader_setup(r, setup, NULL), 0);
        wf_store_reader_put(home.store, r);
    }
    assert_int_equal(n_setups, 1);
}

static void test_store__rollback_leaves_nothing(void **state)
{
    (void)state;
    int64_t id = 0;
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_space_id(home.store, WF_STR("family"), true, &id, NULL), 0);
    wf_store_write_rollback(home.store);
    assert_int_equal(home_count(&home, "space"), 1);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_space_id(home.store, WF_STR("family"), false, &id, NULL), WF_E_NOENT);
    assert_int_equal(wf_space_id(home.store, WF_STR("family"), true, &id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "space WHERE name='family'"), 1);
}

#define N_THREADS 4
#define N_TURNS 50

static void *take_turns(void *ud)
{
    (void)ud;
    for (unsigned i = 0; i < N_TURNS; i++) {
        char name[64];
        int64_t id = 0;
        assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
        snprintf(name, sizeof(name), "%p-%u", (void *)&name, i);
        assert_int_equal(wf_space_id(home.store, wf_str_from(name), true, &id, NULL), 0);
        assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    }
    return NULL;
}

static void test_store__turns_are_taken_by_all(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, NULL), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(home_count(&home, "space"), 1 + N_THREADS * N_TURNS);
    assert_false(wf_store_write_wanted(home.store));
}

static void test_store__check_finds_what_is_wrong(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "DELETE FROM chunk WHERE id=2",
        "UPDATE document SET n_cp=n_cp+1",
        "UPDATE chunk SET start_cp=start_cp+1 WHERE id=2",
        "UPDATE chunk SET text='x' WHERE id=1",
        "UPDATE chunk SET document=77 WHERE id=3",
        "DELETE FROM document",
        "INSERT INTO chunk VALUES(99,1,0,1,0,'','x')",
    };
    size_t n = 0;
    char *text = home_words(1, 5000, &n);
    for (size_t i = 0; i < WF_ARRAY_LEN(damages); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(home_add(&home, "/a", "A", wf_str_n(text, n), NULL, NULL), 0);
        assert_int_equal(wf_store_check(home.store, NULL), 0);
        home_close(&home);
        tamper(damages[i]);
        home_open(&home);
        assert_int_equal(wf_store_check(home.store, &err), WF_E_CORRUPT);
        assert_non_null(strstr(err.msg, "damaged"));
        home_remove(&home);
        home_make(&home);
    }
    wf_free(text);
}

static void test_store__sql_errors_have_codes(void **state)
{
    (void)state;
    static const struct {
        int rc, code;
    } wanted[] = {{SQLITE_FULL, WF_E_FULL},          {SQLITE_NOMEM, WF_E_NOMEM},
                  {SQLITE_CORRUPT, WF_E_CORRUPT},    {SQLITE_BUSY, WF_E_BUSY},
                  {SQLITE_READONLY, WF_E_DENIED},    {SQLITE_TOOBIG, WF_E_LIMIT},
                  {SQLITE_INTERRUPT, WF_E_CANCELED}, {SQLITE_IOERR_READ, WF_E_IO}};
    for (size_t i = 0; i < WF_ARRAY_LEN(wanted); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_sql_err(&err, NULL, wanted[i].rc, "testing"), wanted[i].code);
        assert_int_equal(err.code, wanted[i].code);
        assert_non_null(strstr(err.msg, "testing"));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_store__opens_again_and_is_sound),
        T(test_store__settings_of_the_database),
        T(test_store__files_are_private),
        T(test_store__refuses_a_newer_version),
        T(test_store__brings_an_older_version_up_to_date),
        T(test_store__refuses_anothers_database),
        T(test_store__refuses_what_is_no_database),
        T(test_store__one_writer_process_at_a_time),
        T(test_store__read_only),
        T(test_store__path_too_long),
        T(test_store__a_reader_sees_one_moment),
        T(test_store__a_reader_cannot_write),
        T(test_store__setup_runs_once_a_connection),
        T(test_store__rollback_leaves_nothing),
        T(test_store__turns_are_taken_by_all),
        T(test_store__check_finds_what_is_wrong),
        T(test_store__sql_errors_have_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
