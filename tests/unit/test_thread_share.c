/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations on two devices: what one asks is on the other, titles, removals, both at once; with
 * the label of what was said; what a crash left untold is told at the next start. Two homes, and
 * changes of records carried by hand from one to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "space/record.h"
#include "space/thread_share.h"
#include "store/sql.h"
#include "store/thread_log.h"
#include "support/home.h"

static struct device {
    struct home home;
    struct wf_signer_key key;
    struct wf_signer signer;
    struct wf_records *records;
    struct wf_thread_share *share;
    uint64_t n_taken; /* of the other's changes */
    unsigned n_came;
} devices[2];

static uint8_t label(void *ud, struct wf_str text)
{
    (void)ud;
    return wf_str_find(text, WF_STR("hush"), 0) != SIZE_MAX     ? 3
           : wf_str_find(text, WF_STR("public"), 0) != SIZE_MAX ? 0
                                                                : 2;
}

static void written(void *ud)
{
    (void)ud;
}

static void came(void *ud)
{
    ((struct device *)ud)->n_came++;
}

static void changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    struct device *d = ud;

    assert_int_equal(space, 1);
    wf_thread_share_changed(d->share, collection, key);
}

static void run_sql(struct device *d, const char *sql)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(wf_store_write_begin(d->home.store, NULL), 0);
    assert_int_equal(wf_store_write_cached(d->home.store, sql, &st, NULL), 0);
    assert_int_equal(wf_sql_run(st, "test", NULL), 0);
    assert_int_equal(wf_store_write_commit(d->home.store, NULL), 0);
}

static void open_share(struct device *d)
{
    const struct wf_thread_share_options o = {.store = d->home.store,
                                              .records = d->records,
                                              .label = label,
                                              .written = written,
                                              .came = came,
                                              .ud = d};

    assert_int_equal(wf_thread_share_new(&o, &d->share, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct device *d = &devices[i];
        uint8_t seed[32];
        struct wf_records_options o = {.changed = changed, .ud = d, .tidy_ms = -1};
        memset(d, 0, sizeof(*d));
        memset(seed, i + 1, sizeof(seed));
        home_make(&d->home);
        run_sql(d, "UPDATE space SET uid=zeroblob(16) WHERE id=1");
        wf_signer_from_seed(seed, &d->key, &d->signer);
        o.store = d->home.store;
        o.signer = &d->signer;
        assert_int_equal(wf_records_new(&o, &d->records, NULL), 0);
        open_share(d);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        wf_thread_share_free(devices[i].share);
        wf_records_free(devices[i].records);
        home_remove(&devices[i].home);
    }
    return 0;
}

/* Tells all there is and brings it to the other. */
static void carry(int from)
{
    static const char sql[] = "SELECT dseq,bytes FROM record_change WHERE device=?1 AND dseq>?2"
                              " ORDER BY dseq";
    struct device *a = &devices[from], *b = &devices[1 - from];
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;

    assert_int_equal(wf_thread_share_tell(a->share, NULL), 0);
    assert_int_equal(wf_store_reader_get(a->home.store, &r, NULL), 0);
    assert_int_equal(wf_reader_cached(r, sql, &st, NULL), 0);
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)a->signer.id, sizeof(a->signer.id)));
    sqlite3_bind_int64(st, 2, (int64_t)b->n_taken);
    while (wf_sql_step(st, "test", NULL) == 1) {
        struct wf_str bytes = wf_sql_blob(st, 1);
        b->n_taken = (uint64_t)sqlite3_column_int64(st, 0);
        assert_int_equal(wf_records_apply(b->records, 1, &bytes, 1, NULL, NULL), 0);
    }
    wf_store_reader_put(a->home.store, r);
}

static void append(int i, const char *id, const char *question, const char *answer, int64_t at_ms)
{
    const struct wf_turn t = {
        .question = wf_str_from(question), .answer = wf_str_from(answer), .at_ms = at_ms};

    assert_int_equal(wf_thread_append(devices[i].home.store, wf_str_from(id), &t, NULL), 0);
}

/* "TITLE: question>answer question>answer" of a thread, or "none". */
static const char *shown(int i, const char *id)
{
    static char text[2][1000];
    struct wf_turn *turns = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_thread t;
    size_t n = 0, at;

    assert_int_equal(wf_store_reader_get(devices[i].home.store, &r, NULL), 0);
    wf_arena_init(&arena, 0, 1 << 20);
    snprintf(text[i], sizeof(text[i]), "none");
    if (wf_thread_get(r, wf_str_from(id), &arena, &t, NULL) == 0 &&
        wf_thread_turns(r, wf_str_from(id), 100, &arena, &turns, &n, NULL) == 0) {
        at = (size_t)snprintf(text[i], sizeof(text[i]), "%.*s:", WF_STR_ARG(t.title));
        for (size_t k = 0; k < n; k++)
            at += (size_t)snprintf(text[i] + at, sizeof(text[i]) - at, " %.*s>%.*s",
                                   WF_STR_ARG(turns[k].question), WF_STR_ARG(turns[k].answer));
    }
    wf_store_reader_put(devices[i].home.store, r);
    wf_arena_deinit(&arena);
    return text[i];
}

static uint8_t label_of(int i, const char *id)
{
    struct wf_reader *r = NULL;
    uint8_t l;

    assert_int_equal(wf_store_reader_get(devices[i].home.store, &r, NULL), 0);
    l = wf_thread_label(r, wf_str_from(id));
    wf_store_reader_put(devices[i].home.store, r);
    return l;
}

#define ONE "0123456789abcdef0123"
#define TWO "0123456789abcdef4567"

static void test_thread_share__what_one_asks_is_on_the_other(void **state)
{
    (void)state;
    append(0, ONE, "soup?", "{\"answer\":\"yes\"}", 1000);
    carry(0);
    assert_string_equal(shown(1, ONE), "soup?: soup?>{\"answer\":\"yes\"}");
    assert_true(devices[1].n_came > 0);
    append(1, ONE, "bread?", "no", 2000);
    carry(1);
    assert_string_equal(shown(0, ONE), "soup?: soup?>{\"answer\":\"yes\"} bread?>no");
    assert_int_equal(wf_thread_rename(devices[1].home.store, WF_STR(ONE), WF_STR("Meals"), NULL),
                     0);
    carry(1);
    assert_string_equal(shown(0, ONE), "Meals: soup?>{\"answer\":\"yes\"} bread?>no");
}

static void test_thread_share__both_at_once(void **state)
{
    (void)state;
    append(0, ONE, "a?", "1", 1000);
    carry(0);
    append(0, ONE, "b?", "2", 3000);
    append(1, ONE, "c?", "3", 2000);
    carry(0);
    carry(1);
    carry(0);
    assert_string_equal(shown(0, ONE), "a?: a?>1 c?>3 b?>2");
    assert_string_equal(shown(1, ONE), shown(0, ONE));
}

static void test_thread_share__what_is_removed_is_gone_there(void **state)
{
    (void)state;
    append(0, ONE, "a?", "1", 1000);
    append(0, TWO, "z?", "9", 1500);
    carry(0);
    assert_int_equal(wf_thread_remove(devices[1].home.store, WF_STR(ONE), NULL), 0);
    carry(1);
    assert_string_equal(shown(0, ONE), "none");
    assert_string_equal(shown(0, TWO), "z?: z?>9");
    carry(0);
    assert_string_equal(shown(1, ONE), "none");
    assert_int_equal(home_count(&devices[1].home, "thread_gone"), 0);
}

static void test_thread_share__an_answer_that_is_taken_out_is_out_there(void **state)
{
    (void)state;
    append(0, ONE, "a?", "{\"document\":\"d0c\"}", 1000);
    carry(0);
    assert_int_equal(wf_store_write_begin(devices[0].home.store, NULL), 0);
    assert_int_equal(wf_thread_forget(devices[0].home.store, WF_STR("d0c"), NULL), 0);
    assert_int_equal(wf_store_write_commit(devices[0].home.store, NULL), 0);
    carry(0);
    assert_null(strstr(shown(1, ONE), "d0c"));
    assert_string_equal(shown(1, ONE), shown(0, ONE));
}

static void test_thread_share__labels_rise_and_stay(void **state)
{
    (void)state;
    append(0, ONE, "public one", "public too", 1000);
    carry(0);
    assert_int_equal(label_of(0, ONE), 0);
    assert_int_equal(label_of(1, ONE), 0);
    append(0, ONE, "mine", "yours", 2000);
    append(0, ONE, "public again", "public", 3000);
    carry(0);
    assert_int_equal(label_of(0, ONE), 2);
    assert_int_equal(label_of(1, ONE), 2); /* also who asks next is told so */
    append(0, ONE, "hush", "a secret", 4000);
    append(0, ONE, "public last", "public", 5000);
    carry(0);
    assert_int_equal(label_of(0, ONE), 3);
    assert_null(strstr(shown(1, ONE), "secret"));
    assert_null(strstr(shown(1, ONE), "last")); /* it may speak of it */
    assert_non_null(strstr(shown(0, ONE), "last"));
    assert_int_equal(home_grep(&devices[1].home, "a secret", true), 0);
}

static void test_thread_share__what_was_untold_is_told_at_the_next_start(void **state)
{
    (void)state;
    wf_thread_share_free(devices[0].share);
    devices[0].share = NULL;
    append(0, ONE, "a?", "1", 1000);
    open_share(&devices[0]);
    wf_thread_share_poke(devices[0].share);
    carry(0);
    assert_string_equal(shown(1, ONE), "a?: a?>1");
    assert_int_equal(home_count(&devices[0].home, "turn WHERE is_told=0"), 0);
}

static void test_thread_share__what_was_not_taken_is_taken_at_the_next_start(void **state)
{
    (void)state;
    struct wf_thread_share *s = devices[1].share;

    append(0, ONE, "a?", "1", 1000);
    devices[1].share = NULL; /* as if it went out behind the commit */
    carry(0);
    assert_string_equal(shown(1, ONE), "none");
    wf_thread_share_free(s);
    open_share(&devices[1]);
    for (int i = 0; i < 1000 && strcmp(shown(1, ONE), "a?: a?>1") != 0; i++)
        usleep(10000);
    assert_string_equal(shown(1, ONE), "a?: a?>1");
}

static void test_thread_share__what_is_no_conversation_is_left(void **state)
{
    (void)state;
    const struct wf_record_op op = {
        .kind = WF_RECORD_SET, .field = WF_STR("title"), .value = WF_STR("\"x\"")};
    static const char *const keys[] = {"x", ONE "/1", ONE, ONE "/0123456789abcdef01234567"};

    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        const struct wf_record_edit e = {.collection = WF_STR(WF_THREAD_COLLECTION),
                                         .key = wf_str_from(keys[i]),
                                         .label = 2,
                                         .ops = &op,
                                         .n_ops = 1};
        assert_int_equal(wf_records_write(devices[0].records, 1, &e, 1, NULL), 0);
    }
    carry(0);
    assert_int_equal(home_count(&devices[1].home, "thread"), 0);
    assert_int_equal(home_count(&devices[1].home, "turn"), 0);
}

static void test_thread_share__failing_allocations_lose_nothing(void **state)
{
    (void)state;
    char id[24];

    for (uint64_t n = 1; n < 60; n += 3) {
        struct wf_err err = WF_ERR_INIT;
        snprintf(id, sizeof(id), "0123456789abcdef%04x", (unsigned)n);
        append(0, id, "a?", "1", (int64_t)(1000 + n));
        wf_alloc_fail_at(n);
        (void)!wf_thread_share_tell(devices[0].share, &err);
        wf_alloc_fail_at(0);
        carry(0);
        assert_string_equal(shown(1, id), "a?: a?>1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_thread_share__what_one_asks_is_on_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__both_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__what_is_removed_is_gone_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__an_answer_that_is_taken_out_is_out_there,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__labels_rise_and_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_thread_share__what_was_untold_is_told_at_the_next_start, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_thread_share__what_was_not_taken_is_taken_at_the_next_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__what_is_no_conversation_is_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_thread_share__failing_allocations_lose_nothing, setup,
                                        teardown),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
