/* SPDX-License-Identifier: Apache-2.0 */
/* The device's key, and the numbers of what devices write: one counter for each device and space,
 * given back with the transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "space/log.h"
#include "store/draft_log.h"
#include "store/sql.h"
#include "support/home.h"

static struct home home;
static const uint8_t dev_a[WF_DEVICE_ID_BYTES] = {1}, dev_b[WF_DEVICE_ID_BYTES] = {2};

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

/* ---- the key ---- */

static void test_space_log__a_device_has_one_key(void **state)
{
    struct wf_device one, two;
    uint8_t sig[WF_SIGNATURE_BYTES];
    char path[128];
    struct stat st;
    (void)state;

    snprintf(path, sizeof(path), "%s/device/key", home.dir);
    assert_int_equal(wf_device_open(path, &one, NULL), 0);
    assert_int_equal(wf_device_open(path, &two, NULL), 0);
    assert_memory_equal(one.signer.id, two.signer.id, WF_DEVICE_ID_BYTES);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    const struct wf_signer *s = &one.signer;
    assert_int_equal(s->sign(s->ud, WF_STR("test"), WF_STR("hello"), sig, NULL), 0);
    assert_true(wf_signer_is_signed(s->id, WF_STR("test"), WF_STR("hello"), sig));
    assert_false(wf_signer_is_signed(s->id, WF_STR("tes"), WF_STR("thello"), sig));
    assert_false(wf_signer_is_signed(s->id, WF_STR("test"), WF_STR("hallo"), sig));
    sig[3] ^= 1;
    assert_false(wf_signer_is_signed(s->id, WF_STR("test"), WF_STR("hello"), sig));
    wf_device_forget(&one);
    wf_device_forget(&two);
}

static void test_space_log__a_key_that_is_none_is_refused(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_device d;
    char path[128];
    (void)state;

    snprintf(path, sizeof(path), "%s/device-key", home.dir);
    assert_int_equal(wf_file_replace(path, "key\n", 4, 0600, NULL), 0);
    assert_int_equal(wf_device_open(path, &d, &err), WF_E_FORMAT);
    assert_int_equal(wf_file_remove(path, NULL), 0);
    assert_int_equal(wf_device_open(path, &d, NULL), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(wf_device_open(path, &d, &err), WF_E_DENIED);
    assert_non_null(strstr(err.msg, "chmod 600"));
    for (uint64_t n = 1;; n++) { /* a key that is not durable is none */
        assert_int_equal(wf_file_remove(path, NULL), 0);
        wf_file_fail_at(n);
        int rc = wf_device_open(path, &d, &err);
        wf_file_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, WF_E_FULL);
        assert_true(n < 20);
    }
    wf_device_forget(&d);
}

/* ---- the numbers ---- */

static uint64_t next(int64_t space, const uint8_t *device)
{
    uint64_t dseq = 0;
    assert_int_equal(wf_log_next(home.store, space, device, &dseq, NULL), 0);
    return dseq;
}

static void begin(void)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
}

static void commit(void)
{
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static size_t heads(struct wf_log_head out[4])
{
    struct wf_log_head *items = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;

    wf_arena_init(&arena, 0, 1u << 20);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_log_heads(r, 1, &arena, &items, &n, NULL), 0);
    assert_true(n <= 4);
    memcpy(out, items, n * sizeof(*items));
    wf_store_reader_put(home.store, r);
    wf_arena_deinit(&arena);
    return n;
}

static void test_space_log__numbers_have_no_gap(void **state)
{
    struct wf_log_head h[4];
    (void)state;

    begin();
    assert_int_equal(next(1, dev_a), 1);
    assert_int_equal(next(1, dev_a), 2);
    assert_int_equal(next(1, dev_b), 1);
    commit();
    begin();
    assert_int_equal(next(1, dev_a), 3);
    wf_store_write_rollback(home.store);
    home_close(&home);
    home_open(&home);
    begin();
    assert_int_equal(next(1, dev_a), 3);
    commit();
    assert_int_equal(heads(h), 2);
    assert_memory_equal(h[0].device, dev_a, sizeof(dev_a));
    assert_int_equal(h[0].dseq, 3);
    assert_int_equal(h[1].dseq, 1);
}

static void test_space_log__heads_never_go_back(void **state)
{
    struct wf_log_head h[4];
    uint64_t dseq = 0;
    (void)state;

    begin();
    assert_int_equal(wf_log_reach(home.store, 1, dev_b, 7, 700, NULL), 0);
    assert_int_equal(wf_log_reach(home.store, 1, dev_b, 5, 500, NULL), 0);
    assert_int_equal(wf_log_reach(home.store, 1, dev_b, 8, 0, NULL), 0);
    assert_int_equal(wf_log_set_revoked(home.store, 1, dev_a, true, NULL), 0);
    assert_int_equal(wf_log_saw(home.store, 1, dev_a, dev_b, 7, 700, NULL), 0);
    assert_int_equal(wf_log_reach(home.store, 1, dev_b, UINT64_C(1) << 63, 0, NULL), WF_E_RANGE);
    assert_int_equal(wf_log_saw(home.store, 1, dev_a, dev_b, 0, UINT64_MAX, NULL), WF_E_RANGE);
    commit();
    assert_int_equal(heads(h), 2);
    assert_true(h[0].is_revoked && !h[1].is_revoked);
    assert_int_equal(h[1].dseq, 8);
    assert_int_equal(h[1].hlc, 700);
    begin();
    assert_int_equal(wf_log_next(home.store, 99, dev_a, &dseq, NULL), WF_E_NOENT);
    assert_int_equal(wf_log_reach(home.store, 99, dev_a, 1, 1, NULL), WF_E_NOENT);
    wf_store_write_rollback(home.store);
}

/* ---- reading a log ---- */

static char heard[256];

static int hear(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    size_t n = strlen(heard);
    (void)ud, (void)err;
    snprintf(heard + n, sizeof(heard) - n, "%s%u %s %u %.*s;", e->draft == NULL ? "" : "draft ",
             (unsigned)e->dseq, e->kind == WF_LOG_UPDATE ? "update" : "change", e->label,
             WF_STR_ARG(e->bytes));
    return e->dseq == 4 ? 77 : 0;
}

static void put_update(int64_t draft, uint64_t seq, const char *bytes)
{
    struct wf_draft_update u = {
        .draft = draft, .seq = seq, .device = dev_a, .at_ms = 5, .bytes = wf_str_from(bytes)};
    u.dseq = next(1, dev_a);
    assert_int_equal(wf_draft_log_append(home.store, &u, NULL), 0);
}

static void put_change(const char *bytes)
{
    static const char sql[] =
        "INSERT INTO record_change (space, device, dseq, hlc, label, bytes) VALUES(1,?1,?2,9,1,?3)";
    uint64_t dseq = next(1, dev_a);
    sqlite3_stmt *st = NULL;
    assert_int_equal(wf_store_write_cached(home.store, sql, &st, NULL), 0);
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)dev_a, sizeof(dev_a)));
    sqlite3_bind_int64(st, 2, (int64_t)dseq);
    wf_sql_bind_blob(st, 3, wf_str_from(bytes));
    assert_int_equal(wf_sql_run(st, "a test", NULL), 0);
}

static void test_space_log__updates_and_changes_are_one_log(void **state)
{
    struct wf_reader *r = NULL;
    int64_t one = 0, two = 0;
    (void)state;

    assert_int_equal(wf_draft_row_add(home.store, 1, WF_STR("one"), &one, NULL), 0);
    assert_int_equal(wf_draft_row_add(home.store, 1, WF_STR("two"), &two, NULL), 0);
    assert_int_equal(wf_draft_row_label(home.store, two, WF_STR("secret"), NULL), 0);
    begin();
    put_update(one, 1, "a");
    put_change("b");
    put_update(two, 1, "c");
    put_update(one, 2, "d");
    put_change("e");
    commit();
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    heard[0] = 0;
    assert_int_equal(wf_log_read(r, 1, dev_a, 2, hear, NULL, NULL), 77);
    assert_string_equal(heard, "2 change 1 b;draft 3 update 3 c;draft 4 update 2 d;");
    heard[0] = 0;
    assert_int_equal(wf_log_read(r, 1, dev_a, 5, hear, NULL, NULL), 0);
    assert_string_equal(heard, "5 change 1 e;");
    heard[0] = 0;
    assert_int_equal(wf_log_read(r, 1, dev_b, 1, hear, NULL, NULL), 0);
    assert_string_equal(heard, "");
    wf_store_reader_put(home.store, r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_space_log__a_device_has_one_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_log__a_key_that_is_none_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_log__numbers_have_no_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_space_log__updates_and_changes_are_one_log, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_space_log__heads_never_go_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
