/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: records are written, deleted and taken from another device while the n-th write, sync,
 * allocation or file call fails, for every n. Whatever fails says so; what was acknowledged is
 * there, nothing is half there, and the next open goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"
#include "support/faulty.h"
#include "support/home.h"

static struct wf_signer_key own_key, other_key;
static struct wf_signer own, other;
static struct wf_buf foreign[2]; /* changes of another device of a space whose uid is `uid` */
static const uint8_t uid[WF_CHANGE_UID_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                 8, 9, 10, 11, 12, 13, 14, 15};

struct acked {
    bool set, counted, deleted, taken;
    unsigned n_failed, n_silent;
};

static bool ok(struct acked *a, int rc, const struct wf_err *err)
{
    if (rc == 0)
        return true;
    a->n_failed++;
    a->n_silent += rc > 0 || err->code != rc || err->msg[0] == 0;
    return false;
}

static int write_ops(struct wf_records *r, const char *key, const struct wf_record_op *ops,
                     size_t n, struct wf_err *err)
{
    const struct wf_record_edit e = {
        .collection = WF_STR("c"), .key = wf_str_from(key), .ops = ops, .n_ops = n};
    return wf_records_write(r, 1, &e, 1, err);
}

/* A record with two fields, one whose counter grows, one that is made and deleted, two changes of
 * another device, of one record; then the tidying. */
static void play(struct wf_records *r, struct acked *a)
{
    const struct wf_record_op set[] = {
        {.kind = WF_RECORD_SET, .field = WF_STR("x"), .value = WF_STR("1")},
        {.kind = WF_RECORD_ADD, .field = WF_STR("y"), .value = WF_STR("\"two\"")}};
    const struct wf_record_op count = {.kind = WF_RECORD_COUNT, .field = WF_STR("n"), .total = 3};
    const struct wf_record_op gone = {.kind = WF_RECORD_DELETE};
    const struct wf_str changes[] = {wf_buf_str(&foreign[0]), wf_buf_str(&foreign[1])};
    struct wf_err err = WF_ERR_INIT;

    a->set = ok(a, write_ops(r, "set", set, 2, &err), &err);
    a->counted = ok(a, write_ops(r, "count", &count, 1, &err), &err);
    a->deleted = ok(a, write_ops(r, "gone", set, 2, &err), &err) &&
                 ok(a, write_ops(r, "gone", &gone, 1, &err), &err);
    a->taken = ok(a, wf_records_apply(r, 1, changes, 2, NULL, &err), &err);
    (void)ok(a, wf_records_tidy(r, NULL, &err), &err);
}

static void run(struct home *h, struct acked *a)
{
    const struct wf_records_options o = {.store = h->store, .signer = &own, .tidy_ms = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_records *r = NULL;

    memset(a, 0, sizeof(*a));
    if (ok(a, wf_records_new(&o, &r, &err), &err))
        play(r, a);
    wf_records_free(r);
}

static int64_t count(struct home *h, const char *what)
{
    return home_count(h, what);
}

static void check(struct home *h, const struct acked *a)
{
    static const char own_changes[] = "record_change WHERE dseq>0 AND hex(device) NOT LIKE '%s%%'";
    struct wf_err err = WF_ERR_INIT;
    char what[128], id[9];

    home_open(h);
    if (wf_store_check(h->store, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(count(h, "record WHERE key='set'"), a->set);
    assert_int_equal(count(h, "record WHERE key='count'"), a->counted);
    assert_int_equal(count(h, "record WHERE key='foreign'"), a->taken);
    if (a->deleted)
        assert_int_equal(count(h, "record WHERE key='gone' AND live=1"), 0);
    snprintf(id, sizeof(id), "%02X%02X%02X%02X", other.id[0], other.id[1], other.id[2],
             other.id[3]);
    /* Numbers have no gap: as many changes as the last number says. */
    snprintf(what, sizeof(what), own_changes, id);
    int64_t n = count(h, what);
    snprintf(what, sizeof(what), "device_seq WHERE dseq=%lld", (long long)n);
    assert_int_equal(count(h, what), n > 0);
    /* All can be read, and goes on. */
    struct acked again;
    run(h, &again);
    assert_int_equal(again.n_failed, 0);
    assert_int_equal(count(h, "record WHERE live=1"), 3);
}

static void give_uid(struct home *h)
{
    sqlite3_stmt *st = NULL;
    assert_int_equal(wf_store_write_begin(h->store, NULL), 0);
    assert_int_equal(
        wf_store_write_cached(h->store, "UPDATE space SET uid=?1 WHERE id=1", &st, NULL), 0);
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, sizeof(uid)));
    assert_int_equal(wf_sql_run(st, "a test", NULL), 0);
    assert_int_equal(wf_store_write_commit(h->store, NULL), 0);
}

enum fault {
    FAULT_VFS,
    FAULT_VFS_STICKY,
    FAULT_MEMORY,
    FAULT_ALLOC
};

static void arm(enum fault kind, int n)
{
    if (kind == FAULT_VFS || kind == FAULT_VFS_STICKY)
        faulty_set(n, kind == FAULT_VFS_STICKY);
    if (kind == FAULT_MEMORY)
        faulty_memory_set(n);
    if (kind == FAULT_ALLOC)
        wf_alloc_fail_at((uint64_t)n);
}

static bool was_hit(enum fault kind)
{
    return kind == FAULT_MEMORY  ? faulty_memory_hit()
           : kind == FAULT_ALLOC ? wf_alloc_failed()
                                 : faulty_hit();
}

static void disarm(void)
{
    faulty_set(0, false);
    faulty_memory_set(0);
    wf_alloc_fail_at(0);
}

/* A failed commit may be there after a crash (the log has it): here there is none, so what failed
 * is not there. */
static void every(enum fault kind, int dense, int step)
{
    unsigned n_runs = 0, n_with_failures = 0;

    for (int n = 1;; n += n <= dense ? 1 : step) {
        struct home h;
        struct acked a;
        home_make(&h);
        give_uid(&h);
        home_close(&h);
        h.options.vfs = "faulty";
        home_open(&h);
        arm(kind, n);
        run(&h, &a);
        bool hit = was_hit(kind);
        disarm();
        home_close(&h);
        assert_int_equal(a.n_silent, 0);
        check(&h, &a);
        home_remove(&h);
        n_runs++;
        n_with_failures += a.n_failed > 0;
        if (!hit)
            break;
        assert_true(n < 100000);
    }
    print_message("%u runs, %u with failures\n", n_runs, n_with_failures);
    assert_true(n_with_failures > n_runs / 4);
}

static void test_record_faults__a_write_or_sync_fails(void **state)
{
    (void)state;
    every(FAULT_VFS, 40, 3);
}

static void test_record_faults__the_disk_stays_full(void **state)
{
    (void)state;
    every(FAULT_VFS_STICKY, 20, 5);
}

static void test_record_faults__sqlite_runs_out_of_memory(void **state)
{
    (void)state;
    every(FAULT_MEMORY, 40, 23);
}

static void test_record_faults__weft_runs_out_of_memory(void **state)
{
    (void)state;
    every(FAULT_ALLOC, 1000, 1);
}

static int refuse(void *ud, struct wf_err *err)
{
    ++*(unsigned *)ud;
    return wf_err_set(err, WF_E_DENIED, "test");
}

/* What goes along with records cannot be done: neither is there. */
static void test_record_faults__what_goes_along_fails(void **state)
{
    const struct wf_record_op set = {
        .kind = WF_RECORD_SET, .field = WF_STR("x"), .value = WF_STR("1")};
    const struct wf_record_edit e = {
        .collection = WF_STR("c"), .key = WF_STR("k"), .ops = &set, .n_ops = 1};
    unsigned n = 0;
    const struct wf_records_along along = {.fn = refuse, .ud = &n};
    struct wf_records_options o = {.signer = &own, .tidy_ms = -1};
    struct wf_records *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct home h;

    (void)state;
    home_make(&h);
    o.store = h.store;
    assert_int_equal(wf_records_new(&o, &r, NULL), 0);
    assert_int_equal(wf_records_write_along(r, 1, &e, 1, &along, &err), WF_E_DENIED);
    assert_int_equal(n, 1);
    assert_int_equal(home_count(&h, "record"), 0);
    assert_int_equal(home_count(&h, "record_change"), 0);
    assert_int_equal(wf_records_write(r, 1, &e, 1, NULL), 0);
    assert_int_equal(home_count(&h, "record"), 1);
    wf_records_free(r);
    home_remove(&h);
}

static int set_up(void **state)
{
    const struct wf_record_op ops[] = {
        {.kind = WF_RECORD_SET, .field = WF_STR("x"), .value = WF_STR("7")},
        {.kind = WF_RECORD_UNSET, .field = WF_STR("z")}};
    uint8_t seed[32] = {1};
    (void)state;

    if (access("/dev/shm", W_OK) == 0 && !getenv("TMPDIR"))
        setenv("TMPDIR", "/dev/shm", 1); /* thousands of syncs */
    faulty_register();
    wf_signer_from_seed(seed, &own_key, &own);
    seed[0] = 2;
    wf_signer_from_seed(seed, &other_key, &other);
    for (uint64_t i = 0; i < 2; i++) {
        const struct wf_change_draft item = {
            .collection = WF_STR("c"), .key = WF_STR("foreign"), .ops = &ops[i], .n_ops = 1};
        const struct wf_change_head head = {
            .dseq = i + 1, .hlc = (UINT64_C(1700000000000) << 16) + i, .uid = uid};
        wf_buf_init(&foreign[i], 1u << 20);
        assert_int_equal(wf_change_write(&head, &other, &item, 1, &foreign[i], NULL, NULL), 0);
    }
    return 0;
}

int main(void)
{
    faulty_register_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_faults__a_write_or_sync_fails),
        cmocka_unit_test(test_record_faults__the_disk_stays_full),
        cmocka_unit_test(test_record_faults__sqlite_runs_out_of_memory),
        cmocka_unit_test(test_record_faults__what_goes_along_fails),
        cmocka_unit_test(test_record_faults__weft_runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
