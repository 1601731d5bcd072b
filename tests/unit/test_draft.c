/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: what was acknowledged is there after everything: closing, snapshots, damage, failures of
 * memory and disk, kill -9; and memory stays bounded however many there are. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "crdt/types.h"
#include "space/draft.h"
#include "space/history.h"
#include "space/space.h"
#include "store/spaces.h"
#include "store/store_internal.h"
#include "support/faulty.h"
#include "support/home.h"

static struct home home;
static struct wf_drafts *all;
static struct wf_arena arena;

static void start(size_t n_idle_max)
{
    struct wf_drafts_options o = {.store = home.store, .n_idle_max = n_idle_max, .gather_ms = 1};

    memset(o.device, 7, sizeof(o.device));
    assert_int_equal(wf_drafts_new(&o, &all, NULL), 0);
}

static void restart(void)
{
    wf_drafts_free(all);
    home_close(&home);
    home_open(&home);
    start(0);
}

static int set_up(void **state)
{
    (void)state;
    home.options = (struct wf_store_options){.clock = NULL};
    home_make(&home);
    wf_arena_init(&arena, 0, 64u << 20);
    start(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_drafts_free(all);
    wf_arena_deinit(&arena);
    home_remove(&home);
    return 0;
}

static struct wf_draft *open_draft(const char *name)
{
    struct wf_draft *d = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_draft_open_named(all, WF_STR("me"), wf_str_from(name), true, &d, &err);

    if (rc != 0)
        print_message("%s\n", err.msg);
    assert_int_equal(rc, 0);
    return d;
}

static int get_text(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;

    (void)err;
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    return wf_crdt_text_get(doc, root, ud);
}

static void check_text(struct wf_draft *d, const char *want)
{
    struct wf_buf text;

    wf_buf_init(&text, 1u << 24);
    assert_int_equal(wf_draft_read(d, get_text, &text, NULL), 0);
    assert_string_equal(text.ptr, want);
    wf_buf_deinit(&text);
}

static void set_text(struct wf_draft *d, const char *text)
{
    assert_int_equal(wf_draft_set_text(d, wf_str_from(text), NULL, NULL), 0);
}

/* ---- names ---- */

static void test_draft__names_are_checked(void **state)
{
    struct wf_str space, name;
    char long_name[300];

    (void)state;
    assert_true(wf_space_name_ok(WF_STR("notes")));
    assert_true(wf_space_name_ok(WF_STR("ward 3 \xc3\xa4")));
    assert_false(wf_space_name_ok(WF_STR("")));
    assert_false(wf_space_name_ok(WF_STR("a/b")));
    assert_false(wf_space_name_ok(WF_STR("..")));
    assert_false(wf_space_name_ok(WF_STR(" a")));
    assert_false(wf_space_name_ok(WF_STR("a\nb")));
    assert_false(wf_space_name_ok(WF_STR("a\xff")));
    memset(long_name, 'x', sizeof(long_name));
    assert_true(wf_space_name_ok(wf_str_n(long_name, 64)));
    assert_false(wf_space_name_ok(wf_str_n(long_name, 65)));
    assert_int_equal(wf_space_split(WF_STR("family/list"), &space, &name, NULL), 0);
    assert_true(wf_str_eq(space, WF_STR("family")) && wf_str_eq(name, WF_STR("list")));
    assert_int_equal(wf_space_split(WF_STR("list"), &space, &name, NULL), 0);
    assert_true(wf_str_eq(space, WF_STR("me")));
    assert_int_equal(wf_space_split(WF_STR("a/b/c"), &space, &name, NULL), WF_E_INVAL);
}

static void test_draft__spaces_are_made_and_listed(void **state)
{
    struct wf_space *items = NULL, one;
    struct wf_reader *r = NULL;
    size_t n = 0;
    int64_t id = 0;

    (void)state;
    assert_int_equal(wf_space_create(home.store, WF_STR("family"), WF_STR(""), &id, NULL), 0);
    assert_int_equal(wf_space_create(home.store, WF_STR("family"), WF_STR(""), &id, NULL),
                     WF_E_EXIST);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_space_list(r, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_true(wf_str_eq(items[1].name, WF_STR("family")));
    assert_memory_not_equal(items[0].uid, items[1].uid, WF_SPACE_UID_BYTES);
    assert_int_equal(wf_space_by_name(r, WF_STR("family"), &arena, &one, NULL), 0);
    assert_int_equal(one.id, id);
    assert_int_equal(wf_space_by_name(r, WF_STR("nobody"), &arena, &one, NULL), WF_E_NOENT);
    wf_store_reader_put(home.store, r);
}

static void test_draft__is_renamed_and_removed(void **state)
{
    struct wf_draft *d = open_draft("one"), *again = NULL;
    int64_t id = wf_draft_id(d);

    (void)state;
    set_text(d, "text");
    wf_draft_close(open_draft("two"));
    assert_int_equal(wf_draft_row_rename(home.store, id, WF_STR("two"), NULL), WF_E_EXIST);
    assert_int_equal(wf_draft_row_rename(home.store, id, WF_STR("three"), NULL), 0);
    assert_int_equal(wf_draft_open_named(all, WF_STR(""), WF_STR("one"), false, &again, NULL),
                     WF_E_NOENT);
    assert_int_equal(
        wf_draft_open_named(all, WF_STR("no space"), WF_STR("one"), true, &again, NULL),
        WF_E_NOENT);
    assert_int_equal(wf_draft_open_named(all, WF_STR(""), WF_STR("three"), false, &again, NULL), 0);
    assert_ptr_equal(again, d);
    wf_draft_close(again);
    assert_int_equal(wf_draft_remove(all, id, NULL), 0);
    assert_int_equal(wf_draft_remove(all, id, NULL), WF_E_NOENT);
    assert_int_equal(wf_draft_set_text(d, WF_STR("more"), NULL, NULL), WF_E_CANCELED);
    assert_int_equal(wf_draft_open_named(all, WF_STR(""), WF_STR("three"), true, &again, NULL),
                     WF_E_NOENT); /* whoever had it open does not bring it back */
    assert_int_equal(wf_draft_row_add(home.store, 1, WF_STR("three"), &id, NULL), 0);
    assert_int_equal(wf_draft_open_named(all, WF_STR(""), WF_STR("three"), true, &again, NULL), 0);
    check_text(again, ""); /* a person does, and it is a new one */
    wf_draft_close(again);
    assert_int_equal(home_count(&home, "draft_update"), 0);
    wf_draft_close(d);
}

/* No file of the home holds its words any more. */
static void test_draft__is_removed_for_good(void **state)
{
    struct wf_draft *d = open_draft("one");
    int64_t id = wf_draft_id(d);

    (void)state;
    set_text(d, "the blueberries are ripe");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    set_text(d, "the blueberries are eaten");
    wf_draft_close(d);
    assert_true(home_grep(&home, "blueberries", false) > 0);
    assert_int_equal(wf_draft_remove(all, id, NULL), 0);
    assert_int_equal(home_grep(&home, "blueberries", true), 0);
}

/* ---- keeping ---- */

struct heard {
    struct wf_crdt *doc;
    unsigned n;
    bool is_gone;
};

static void hear(void *ud, const struct wf_draft_event *e)
{
    struct heard *h = ud;

    if (!e->update.ptr) {
        h->is_gone = true;
        return;
    }
    h->n++;
    assert_int_equal(wf_crdt_apply(h->doc, e->update, WF_CRDT_V1, NULL), 0);
}

static void test_draft__keeps_and_tells_changes(void **state)
{
    struct wf_draft *d = open_draft("notes");
    const struct wf_crdt_options o = {.client = 5};
    struct heard h = {.n = 0};
    bool changed = true;
    uint64_t root = 0;
    struct wf_buf text;

    (void)state;
    assert_int_equal(wf_crdt_new(&o, &h.doc), 0);
    assert_int_equal(wf_draft_subscribe(d, hear, &h), 0);
    set_text(d, "hello world");
    set_text(d, "hello, brave \xf0\x9f\x98\x80 world");
    assert_int_equal(
        wf_draft_set_text(d, WF_STR("hello, brave \xf0\x9f\x98\x80 world"), &changed, NULL), 0);
    assert_false(changed);
    assert_int_equal(wf_draft_set_text(d, WF_STR("a\xff"), &changed, NULL), WF_E_INVAL);
    wf_draft_unsubscribe(d, hear, &h);
    assert_int_equal(h.n, 2);
    wf_buf_init(&text, 1000);
    assert_int_equal(wf_crdt_root(h.doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_get(h.doc, root, &text), 0);
    assert_string_equal(text.ptr, "hello, brave \xf0\x9f\x98\x80 world");
    wf_buf_deinit(&text);
    wf_crdt_free(h.doc);
    wf_draft_close(d);
    restart();
    d = open_draft("notes");
    check_text(d, "hello, brave \xf0\x9f\x98\x80 world");
    wf_draft_close(d);
}

static void test_draft__refuses_whole_what_is_malformed(void **state)
{
    static const char bad[] = {1, 2, 3, 4, 5, 6, 7};
    struct wf_draft *d = open_draft("notes");

    (void)state;
    set_text(d, "good");
    assert_int_equal(wf_draft_apply(d, wf_str_n(bad, sizeof(bad)), NULL, NULL), WF_E_FORMAT);
    assert_int_equal(wf_draft_apply(d, wf_str_n(bad, 0), NULL, NULL), WF_E_FORMAT);
    set_text(d, "good still");
    check_text(d, "good still");
    assert_int_equal(home_count(&home, "draft_update"), 2);
    wf_draft_close(d);
}

static void test_draft__has_a_largest_size(void **state)
{
    struct wf_draft *d = open_draft("notes");
    struct wf_buf text;

    (void)state;
    wf_buf_init(&text, WF_LIMIT_DRAFT_BYTES + 1);
    assert_int_equal(wf_buf_append_fill(&text, 'x', WF_LIMIT_DRAFT_BYTES / 4), 0);
    assert_int_equal(wf_draft_set_text(d, wf_buf_str(&text), NULL, NULL), 0);
    assert_int_equal(wf_buf_append_byte(&text, 'x'), 0);
    assert_int_equal(wf_draft_set_text(d, wf_buf_str(&text), NULL, NULL), WF_E_LIMIT);
    assert_int_equal(wf_buf_append_fill(&text, 'x', WF_LIMIT_DRAFT_BYTES + 1 - text.len), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&text), NULL, NULL), WF_E_LIMIT);
    assert_int_equal(wf_draft_set_text(d, WF_STR("small again"), NULL, NULL), 0);
    wf_buf_deinit(&text);
    wf_draft_close(d);
}

/* What builds on something that has not come waits in the store, too. */
static void test_draft__keeps_what_waits_for_others(void **state)
{
    const struct wf_crdt_options o = {.client = 9};
    struct wf_draft *d = open_draft("gap");
    struct wf_buf first, second, vector;
    struct wf_crdt *doc = NULL;
    uint64_t root = 0;

    (void)state;
    wf_buf_init(&first, 1000);
    wf_buf_init(&second, 1000);
    wf_buf_init(&vector, 1000);
    assert_int_equal(wf_crdt_new(&o, &doc), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 0, WF_STR("one "), NULL), 0);
    assert_int_equal(wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, &first), 0);
    assert_int_equal(wf_crdt_state_vector(doc, &vector), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 4, WF_STR("two"), NULL), 0);
    assert_int_equal(wf_crdt_encode(doc, wf_buf_str(&vector), WF_CRDT_V1, &second), 0);
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&second), NULL, NULL), 0);
    set_text(d, ""); /* behind it */
    wf_draft_close(d);
    restart();
    d = open_draft("gap");
    check_text(d, "");
    assert_int_equal(wf_draft_apply(d, wf_buf_str(&first), NULL, NULL), 0);
    check_text(d, "one two");
    wf_draft_close(d);
    restart();
    d = open_draft("gap");
    check_text(d, "one two");
    wf_draft_close(d);
    wf_crdt_free(doc);
    wf_buf_deinit(&first);
    wf_buf_deinit(&second);
    wf_buf_deinit(&vector);
}

#define WRITERS 4
#define WORDS 60

static int append_word(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;

    (void)err;
    if (wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root) != 0)
        return WF_E_NOMEM;
    return wf_crdt_text_insert(doc, root, wf_crdt_length(doc, root), wf_str_from(ud), NULL);
}

static void *write_words(void *ud)
{
    struct wf_draft *d = NULL;
    char word[32];
    long i_writer = (long)(intptr_t)ud;

    for (long i = 0; i < WORDS; i++) {
        if (wf_draft_open_named(all, WF_STR("me"), WF_STR("many"), true, &d, NULL) != 0)
            return "open";
        snprintf(word, sizeof(word), "<%ld.%ld>", i_writer, i);
        if (wf_draft_change(d, append_word, word, NULL, NULL) != 0)
            return "change";
        wf_draft_close(d);
    }
    return NULL;
}

static void test_draft__takes_changes_of_many_threads(void **state)
{
    pthread_t threads[WRITERS];
    struct wf_draft *d;
    struct wf_buf text;
    char word[32];

    (void)state;
    for (long i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_words, (void *)(intptr_t)i), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *said = NULL;
        pthread_join(threads[i], &said);
        assert_null(said);
    }
    restart();
    d = open_draft("many");
    wf_buf_init(&text, 1u << 20);
    assert_int_equal(wf_draft_read(d, get_text, &text, NULL), 0);
    for (int i = 0; i < WRITERS; i++) {
        for (int k = 0; k < WORDS; k++) {
            snprintf(word, sizeof(word), "<%d.%d>", i, k);
            assert_true(wf_str_find(wf_buf_str(&text), wf_str_from(word), 0) != SIZE_MAX);
        }
    }
    wf_buf_deinit(&text);
    wf_draft_close(d);
}

/* ---- snapshots and history ---- */

static void run_sql(const char *sql)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_sql_exec(home.store->db, sql, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static void test_draft__survives_a_damaged_snapshot(void **state)
{
    struct wf_draft *d = open_draft("notes");

    (void)state;
    set_text(d, "one");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    set_text(d, "one two");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    assert_int_equal(home_count(&home, "draft_update"), 1); /* behind the first snapshot */
    set_text(d, "one two three");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    assert_int_equal(wf_draft_compact(d, NULL), 0);           /* nothing new */
    assert_int_equal(home_count(&home, "draft_snapshot"), 2); /* within a minute: two stay */
    set_text(d, "one two three four");
    wf_draft_close(d);
    run_sql("UPDATE draft_snapshot SET bytes=zeroblob(9) WHERE upto_seq=(SELECT max(upto_seq) FROM "
            "draft_snapshot)");
    restart();
    d = open_draft("notes");
    check_text(d, "one two three four");
    set_text(d, "one two three four five");
    wf_draft_close(d);
    run_sql("UPDATE draft_snapshot SET bytes=zeroblob(9)");
    restart();
    assert_int_equal(wf_draft_open_named(all, WF_STR("me"), WF_STR("notes"), false, &d, NULL),
                     WF_E_CORRUPT);
}

/* Opens it anew, reads it, and leaves it changed by a letter. */
static void check_anew(char *io_text)
{
    struct wf_draft *d;

    restart();
    d = open_draft("long");
    check_text(d, io_text);
    io_text[0] = io_text[0] == 'z' ? 'a' : (char)(io_text[0] + 1);
    set_text(d, io_text);
    wf_draft_close(d);
}

static void test_draft__loads_from_an_image_where_it_is_whole(void **state)
{
    static char text[12001];
    struct wf_draft *d = open_draft("long");
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 1);
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = (char)('a' + wf_rng_below(&rng.rng, 26));
    set_text(d, "short");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    assert_int_equal(home_count(&home, "draft_image"), 0); /* not worth it */
    set_text(d, text);
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    assert_int_equal(home_count(&home, "draft_image"), 1);
    set_text(d, "x");
    set_text(d, text);
    wf_draft_close(d);
    check_anew(text); /* the image, and what came later */
    /* Without the state only the image is left: it is what is read. */
    run_sql("CREATE TABLE aside AS SELECT * FROM draft_snapshot;"
            "UPDATE draft_snapshot SET bytes=zeroblob(9)");
    check_anew(text);
    run_sql("DELETE FROM draft_snapshot; INSERT INTO draft_snapshot SELECT * FROM aside;"
            "DROP TABLE aside");
    /* Of another version; damaged; of a snapshot that is gone; cut: the state is read. */
    run_sql(
        "UPDATE draft_image SET bytes=CAST(substr(bytes,1,11)||x'00'||substr(bytes,13) AS BLOB)");
    check_anew(text);
    run_sql("UPDATE draft_image SET bytes=zeroblob(9000)");
    check_anew(text);
    run_sql("UPDATE draft_image SET upto_seq=upto_seq+1");
    check_anew(text);
    run_sql("UPDATE draft_image SET upto_seq=upto_seq-1, bytes=x''");
    check_anew(text);
    d = open_draft("long");
    assert_int_equal(wf_draft_compact(d, NULL), 0); /* a new one in its place */
    wf_draft_close(d);
    assert_int_equal(home_count(&home, "draft_image"), 1);
    check_anew(text);
    run_sql("UPDATE draft_snapshot SET bytes=zeroblob(9)");
    check_anew(text);
}

static void test_draft__becomes_a_snapshot_by_itself(void **state)
{
    struct wf_draft *d = open_draft("long");
    int64_t n = 0;

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(wf_draft_change(d, append_word, "word ", NULL, NULL), 0);
    for (int i = 0; i < 200 && n == 0; i++) {
        n = home_count(&home, "draft_snapshot");
        usleep(50000);
    }
    assert_true(n > 0);
    wf_draft_close(d);
}

static void test_draft__has_a_history_and_goes_back(void **state)
{
    struct wf_draft *d = open_draft("notes");
    struct wf_version *v = NULL;
    struct wf_buf text;
    uint64_t seq = 0;
    size_t n = 0;
    bool changed = false;

    (void)state;
    set_text(d, "first");
    set_text(d, "first second");
    run_sql("UPDATE draft_update SET at_ms=at_ms-1000000"); /* long ago */
    set_text(d, "third");
    assert_int_equal(wf_history_list(all, wf_draft_id(d), &arena, &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(v[0].seq, 3);
    assert_int_equal(v[1].seq, 2);
    assert_int_equal(v[1].n_changes, 2);
    wf_buf_init(&text, 1000);
    assert_int_equal(wf_history_text(all, wf_draft_id(d), 1, &text, NULL), 0);
    assert_string_equal(text.ptr, "first");
    assert_int_equal(wf_history_text(all, wf_draft_id(d), 99, &text, NULL), WF_E_NOENT);
    assert_int_equal(wf_history_restore(d, v[1].seq, &changed, NULL), 0);
    assert_true(changed);
    check_text(d, "first second");
    assert_int_equal(wf_history_last(all, wf_draft_id(d), &seq, NULL), 0);
    assert_int_equal(seq, 4); /* a change more, none less */
    /* Once snapshots have taken the log's place. */
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    run_sql("UPDATE draft_snapshot SET at_ms=at_ms-100000");
    set_text(d, "fifth");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    set_text(d, "sixth");
    assert_int_equal(wf_history_list(all, wf_draft_id(d), &arena, &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(v[1].n_changes, 0);
    wf_buf_reset(&text);
    assert_int_equal(wf_history_text(all, wf_draft_id(d), v[1].seq, &text, NULL), 0);
    assert_string_equal(text.ptr, "first second");
    assert_int_equal(wf_history_text(all, wf_draft_id(d), 2, &text, NULL), WF_E_NOENT);
    wf_buf_deinit(&text);
    wf_draft_close(d);
}

/* Who edits an older version changes only what they changed. */
static void test_draft__merges_an_edit_of_an_older_version(void **state)
{
    struct wf_draft *d = open_draft("notes");

    (void)state;
    set_text(d, "apples\nbread\ncheese\n");
    set_text(d, "apples and pears\nbread\ncheese\n");
    assert_int_equal(wf_history_edit(d, 1, WF_STR("apples\nbread\nmilk\ncheese\n"), NULL, NULL), 0);
    check_text(d, "apples and pears\nbread\nmilk\ncheese\n");
    assert_int_equal(wf_history_edit(d, 77, WF_STR("x"), NULL, NULL), WF_E_NOENT);
    wf_draft_close(d);
}

/* ---- other devices ---- */

static void count_up(void *ud)
{
    atomic_fetch_add((atomic_int *)ud, 1);
}

static uint64_t nothing_sent(void *ud, int64_t space)
{
    (void)ud;
    assert_int_equal(space, 1);
    return 0;
}

struct done {
    atomic_int n;
    int rc;
};

static void on_done(void *ud, int rc)
{
    struct done *done = ud;

    done->rc = rc;
    atomic_fetch_add(&done->n, 1);
}

/* Another device's update is kept under its name; ours stay until they are passed on. */
static void test_draft__keeps_whose_change_it_was(void **state)
{
    static const uint8_t uid[WF_DRAFT_UID_BYTES] = {1, 2, 3};
    const struct wf_crdt_options co = {.client = 77};
    struct wf_draft_origin origin = {.dseq = 5, .at_ms = 1234};
    struct done done = {.rc = 1};
    const struct wf_draft_ack ack = {.fn = on_done, .ud = &done};
    struct wf_crdt *doc = NULL;
    struct wf_draft *d = NULL;
    atomic_int n_durable = 0;
    struct wf_buf update;
    uint64_t root = 0;
    int64_t id = 0;

    (void)state;
    memset(origin.device, 9, sizeof(origin.device));
    assert_int_equal(wf_draft_row_add_uid(home.store, 1, WF_STR("theirs"), uid, &id, NULL), 0);
    assert_int_equal(wf_draft_row_add_uid(home.store, 1, WF_STR("other"), uid, &id, NULL),
                     WF_E_EXIST);
    assert_int_equal(wf_draft_open_uid(all, uid, &d, NULL), 0);
    assert_int_equal(wf_draft_id(d), id);
    wf_drafts_on_durable(all, count_up, &n_durable);
    wf_drafts_keep_unsent(all, nothing_sent, NULL);
    wf_buf_init(&update, 1000);
    assert_int_equal(wf_crdt_new(&co, &doc), 0);
    assert_int_equal(wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_insert(doc, root, 0, WF_STR("theirs "), NULL), 0);
    assert_int_equal(wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, &update), 0);
    for (int i = 1; i <= 2; i++) { /* the second time it says nothing new */
        assert_int_equal(wf_draft_apply_of(d, wf_buf_str(&update), &origin, &ack, NULL), 0);
        while (atomic_load(&done.n) < i)
            usleep(1000);
        assert_int_equal(done.rc, 0);
    }
    assert_int_equal(home_count(&home, "draft_update WHERE dseq=5 AND at_ms=1234"), 1);
    assert_int_equal(home_count(&home, "draft_update"), 1);
    set_text(d, "theirs and ours");
    assert_int_equal(home_count(&home, "draft_update WHERE dseq=1"), 1);
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    set_text(d, "theirs and ours, more");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    set_text(d, "all");
    assert_int_equal(wf_draft_compact(d, NULL), 0);
    assert_int_equal(home_count(&home, "draft_update"), 3); /* ours alone */
    wf_drafts_keep_unsent(all, NULL, NULL);
    wf_draft_close(d);
    restart();
    d = open_draft("theirs");
    check_text(d, "all");
    wf_draft_close(d);
    assert_true(atomic_load(&n_durable) >= 4);
    wf_crdt_free(doc);
    wf_buf_deinit(&update);
}

/* ---- many ---- */

static void test_draft__stays_small_with_ten_thousand(void **state)
{
    enum {
        N = 10000,
        IDLE = 50
    };
    struct wf_drafts_stats s;
    struct wf_draft_row *items = NULL;
    struct wf_reader *r = NULL;
    struct wf_draft *d;
    char name[32];
    size_t n = 0;

    (void)state;
    run_sql("WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM i WHERE x<10000)"
            "INSERT INTO draft(uid,space,name,label,created_ms,updated_ms)"
            " SELECT randomblob(16),1,'d'||x,'private',x,x FROM i");
    wf_drafts_free(all);
    start(IDLE);
    for (int i = 1; i <= N; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        d = open_draft(name);
        if (i % 100 == 0)
            assert_int_equal(wf_draft_change(d, append_word, name, NULL, NULL), 0);
        wf_draft_close(d);
    }
    s = wf_drafts_stats(all);
    assert_int_equal(s.n_open, 0);
    assert_true(s.n_idle <= 4 * IDLE + 1); /* those that changed a moment ago stay a moment */
    assert_true(s.resident_bytes < (8u << 20));
    d = open_draft("d9900");
    check_text(d, "d9900");
    wf_draft_close(d);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(
        wf_draft_row_page(r, &(struct wf_draft_page){.n_max = 1000}, &arena, &items, &n, NULL), 0);
    assert_int_equal(n, 1000);
    assert_true(items[0].updated_ms >= items[1].updated_ms);
    wf_store_reader_put(home.store, r);
}

/* ---- failures ---- */

/* What is written in a life, one after the other; long enough to have images. */
static const char *life_text(int i)
{
    static const char *const begins[] = {"", "one", "one two", "three"};
    static char texts[4][6000];
    struct wf_rng_seeded rng;
    size_t n = strlen(begins[i]);

    if (i == 0 || texts[i][0] != 0)
        return texts[i];
    wf_rng_seeded_init(&rng, 1);
    memcpy(texts[i], begins[i], n);
    for (; n + 1 < sizeof(texts[i]); n++)
        texts[i][n] = (char)('a' + wf_rng_below(&rng.rng, 26));
    return texts[i];
}

/* One life: opens, changes, makes a snapshot, closes. What was acknowledged is noted in *out_acked
 * (number of the text). */
static int live(int *out_acked)
{
    struct wf_drafts_options o = {.store = home.store, .gather_ms = 1};
    struct wf_draft *d = NULL;
    int rc = wf_drafts_new(&o, &all, NULL);

    if (rc != 0) {
        all = NULL;
        return rc;
    }
    rc = wf_draft_open_named(all, WF_STR("me"), WF_STR("notes"), true, &d, NULL);
    for (int i = *out_acked + 1; rc == 0 && i < 4; i++) {
        rc = wf_draft_set_text(d, wf_str_from(life_text(i)), NULL, NULL);
        *out_acked = rc == 0 ? i : *out_acked;
        if (rc == 0)
            rc = wf_draft_compact(d, NULL);
    }
    wf_draft_close(d);
    wf_drafts_free(all);
    all = NULL;
    return rc;
}

/* The text is the acknowledged one, or the next, whose change may have come through. */
static void check_acked(int acked)
{
    struct wf_draft *d;
    struct wf_buf text;

    start(0);
    d = open_draft("notes");
    wf_buf_init(&text, 10000);
    assert_int_equal(wf_draft_read(d, get_text, &text, NULL), 0);
    if (strcmp(text.ptr, life_text(acked)) != 0 &&
        (acked == 3 || strcmp(text.ptr, life_text(acked + 1)) != 0))
        fail_msg("acknowledged %d, there is \"%s\"", acked, text.ptr);
    wf_buf_deinit(&text);
    wf_draft_close(d);
    wf_drafts_free(all);
    all = NULL;
}

static void test_draft__loses_nothing_when_memory_fails(void **state)
{
    int acked = 0, rc = -1;

    (void)state;
    wf_drafts_free(all);
    for (uint64_t n = 1; n < 3000; n++) {
        wf_alloc_fail_at(n);
        rc = live(&acked);
        bool hit = wf_alloc_failed();
        wf_alloc_fail_at(0);
        check_acked(acked);
        if (!hit && rc == 0)
            break;
        if (acked == 3) {
            run_sql("DELETE FROM draft");
            acked = 0;
        }
    }
    assert_int_equal(rc, 0);
    start(0);
}

static void test_draft__loses_nothing_when_the_disk_fails(void **state)
{
    int acked = 0, rc = -1, n = 1;
    bool hit = true;

    (void)state;
    wf_drafts_free(all);
    home_close(&home);
    home.options.vfs = "faulty";
    home_open(&home);
    for (; n < 500 && (hit || rc != 0); n++) {
        faulty_set(n, n % 2 == 0);
        rc = live(&acked);
        hit = faulty_hit();
        faulty_set(0, false);
        home_close(&home);
        home_open(&home);
        check_acked(acked);
        if (acked == 3) {
            run_sql("DELETE FROM draft");
            acked = 0;
        }
    }
    assert_true(n > 10 && n < 500);
    home_close(&home);
    home.options.vfs = NULL;
    home_open(&home);
    start(0);
}

/* The child appends numbered words and says on a pipe which are acknowledged. */
static void write_until_killed(int fd, int from)
{
    struct wf_draft *d;
    char word[32];

    home_open(&home);
    start(0);
    d = open_draft("killed");
    for (int i = from;; i++) {
        snprintf(word, sizeof(word), "<%d>", i);
        if (wf_draft_change(d, append_word, word, NULL, NULL) != 0)
            _exit(3);
        if (write(fd, &i, sizeof(i)) != sizeof(i))
            _exit(4);
        if (i % 20 == 19 && wf_draft_compact(d, NULL) != 0)
            _exit(5);
    }
}

static void test_draft__loses_nothing_when_killed(void **state)
{
    struct wf_rng_seeded seeded;
    int last = -1, i, fds[2], status = 0;
    struct wf_buf text, want;
    struct wf_draft *d;

    (void)state;
    wf_rng_seeded_init(&seeded, 3);
    wf_buf_init(&text, 1u << 24);
    wf_buf_init(&want, 1u << 24);
    for (int round = 0; round < 15; round++) {
        unsigned us = (unsigned)wf_rng_below(&seeded.rng, 120000);
        pid_t pid;
        wf_drafts_free(all);
        home_close(&home);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0)
            write_until_killed(fds[1], last + 1);
        close(fds[1]);
        assert_int_equal(read(fds[0], &i, sizeof(i)), sizeof(i)); /* it has begun */
        last = i;
        usleep(us);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &i, sizeof(i)) == sizeof(i))
            last = i;
        close(fds[0]);
        home_open(&home);
        start(0);
        d = open_draft("killed");
        wf_buf_reset(&text);
        wf_buf_reset(&want);
        assert_int_equal(wf_draft_read(d, get_text, &text, NULL), 0);
        for (i = 0; i <= last; i++)
            wf_buf_appendf(&want, "<%d>", i);
        assert_true(wf_str_starts(wf_buf_str(&text), wf_buf_str(&want)));
        if (text.len > want.len) { /* one more may have been on its way */
            wf_buf_appendf(&want, "<%d>", ++last);
            assert_string_equal(text.ptr, want.ptr);
        }
        wf_draft_close(d);
    }
    assert_true(last > 30);
    wf_buf_deinit(&text);
    wf_buf_deinit(&want);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Who has a removed one open must not write into one that was made since. */
static void test_draft__number_is_not_given_again(void **state)
{
    struct wf_draft *d = open_draft("first"), *second;
    int64_t id = wf_draft_id(d);

    (void)state;
    assert_int_equal(wf_draft_remove(all, id, NULL), 0);
    second = open_draft("second");
    assert_true(wf_draft_id(second) != id);
    assert_true(wf_draft_set_text(d, WF_STR("lost"), NULL, NULL) != 0);
    wf_draft_close(d);
    wf_draft_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_draft__names_are_checked),
        T(test_draft__spaces_are_made_and_listed),
        T(test_draft__is_renamed_and_removed),
        T(test_draft__is_removed_for_good),
        T(test_draft__number_is_not_given_again),
        T(test_draft__keeps_and_tells_changes),
        T(test_draft__refuses_whole_what_is_malformed),
        T(test_draft__has_a_largest_size),
        T(test_draft__keeps_what_waits_for_others),
        T(test_draft__takes_changes_of_many_threads),
        T(test_draft__survives_a_damaged_snapshot),
        T(test_draft__loads_from_an_image_where_it_is_whole),
        T(test_draft__becomes_a_snapshot_by_itself),
        T(test_draft__has_a_history_and_goes_back),
        T(test_draft__merges_an_edit_of_an_older_version),
        T(test_draft__keeps_whose_change_it_was),
        T(test_draft__stays_small_with_ten_thousand),
        T(test_draft__loses_nothing_when_memory_fails),
        T(test_draft__loses_nothing_when_the_disk_fails),
        T(test_draft__loses_nothing_when_killed),
    };
    faulty_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
