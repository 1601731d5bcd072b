/* SPDX-License-Identifier: Apache-2.0 */
/* A device comes that was not there when a deletion became final: that counts for it, too, and is
 * looked at again only once a change comes that may be older. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "space/log.h"
#include "space/record.h"
#include "store/sql.h"
#include "support/home.h"

static struct device {
    struct home home;
    struct wf_signer_key key;
    struct wf_signer signer;
    struct wf_records *records;
    int64_t now_ms;
    struct wf_clock clock;
} devices[2];

static int64_t wall_ms(void *ud)
{
    return ((struct device *)ud)->now_ms;
}

static void in_turn(struct device *d, const char *sql)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(wf_store_write_begin(d->home.store, NULL), 0);
    assert_int_equal(wf_store_write_cached(d->home.store, sql, &st, NULL), 0);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    assert_int_equal(wf_store_write_commit(d->home.store, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(devices); i++) {
        struct device *d = &devices[i];
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        memset(d, 0, sizeof(*d));
        home_make(&d->home);
        wf_signer_from_seed(seed, &d->key, &d->signer);
        d->now_ms = INT64_C(1800000000000);
        d->clock = (struct wf_clock){.wall_ms = wall_ms, .ud = d};
        in_turn(d, "UPDATE space SET uid=x'000102030405060708090a0b0c0d0e0f' WHERE id=1");
        const struct wf_records_options o = {
            .store = d->home.store, .signer = &d->signer, .clock = &d->clock, .tidy_ms = -1};
        assert_int_equal(wf_records_new(&o, &d->records, NULL), 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(devices); i++) {
        wf_records_free(devices[i].records);
        home_remove(&devices[i].home);
    }
    return 0;
}

static void do_op(struct device *d, const char *key, enum wf_record_op_kind kind)
{
    const struct wf_record_op op = {.kind = kind,
                                    .field = kind == WF_RECORD_SET ? WF_STR("x") : WF_STR(""),
                                    .value = kind == WF_RECORD_SET ? WF_STR("1") : WF_STR("")};
    const struct wf_record_edit e = {
        .collection = WF_STR("c"), .key = wf_str_from(key), .label = 1, .ops = &op, .n_ops = 1};
    assert_int_equal(wf_records_write(d->records, 1, &e, 1, NULL), 0);
}

static void count(struct device *at, const uint8_t *id)
{
    assert_int_equal(wf_store_write_begin(at->home.store, NULL), 0);
    assert_int_equal(wf_records_count_in_turn(at->records, 1, id, NULL), 0);
    assert_int_equal(wf_store_write_commit(at->home.store, NULL), 0);
}

static int take(void *ud, const struct wf_log_entry *e, struct wf_err *err)
{
    return wf_records_apply(((struct device *)ud)->records, 1, &e->bytes, 1, NULL, err);
}

/* One change of a device's log, by number, to another. */
static void give(struct device *from, uint64_t dseq, struct device *to)
{
    struct wf_reader *r = NULL;

    assert_int_equal(wf_store_reader_get(from->home.store, &r, NULL), 0);
    assert_int_equal(wf_log_read(r, 1, from->signer.id, dseq, take, to, NULL), 0);
    wf_store_reader_put(from->home.store, r);
}

static int n_of(struct device *d, const char *what)
{
    return (int)home_count(&d->home, what);
}

static void test_record_again__a_final_deletion_counts_for_who_comes_later(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    (void)state;

    do_op(b, "k", WF_RECORD_SET);
    a->now_ms += 10000;
    do_op(a, "k", WF_RECORD_SET);
    do_op(a, "k", WF_RECORD_DELETE);
    do_op(a, "other", WF_RECORD_SET);
    assert_int_equal(n_of(a, "record"), 1); /* it is final: nothing is left */
    count(a, b->signer.id);
    count(a, b->signer.id);
    assert_int_equal(n_of(a, "record_again"), 1);
    assert_int_equal(n_of(a, "record WHERE gone_hlc>0"), 0);
    b->now_ms = a->now_ms + 60000;
    do_op(b, "new", WF_RECORD_SET);
    give(b, 2, a); /* later than all: nothing need be looked at */
    assert_int_equal(n_of(a, "record_again"), 1);
    give(b, 1, a);
    assert_int_equal(n_of(a, "record_again"), 0);
    assert_int_equal(n_of(a, "record WHERE key='k' AND live=1"), 0);
    assert_int_equal(n_of(a, "record WHERE key='k' AND gone_hlc>0"), 1);
    assert_int_equal(n_of(a, "record WHERE live=1"), 2);
}

/* Nobody knew that it may write: what it wrote before a deletion does not come back. */
static void test_record_again__also_for_who_was_not_known_to_write(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    (void)state;

    do_op(b, "k", WF_RECORD_SET);
    a->now_ms += 10000;
    do_op(a, "k", WF_RECORD_SET);
    do_op(a, "k", WF_RECORD_DELETE);
    assert_int_equal(n_of(a, "record"), 0);
    give(b, 1, a);
    assert_int_equal(n_of(a, "record WHERE live=1"), 0);
    assert_int_equal(n_of(a, "record WHERE key='k' AND gone_hlc>0"), 1);
}

/* Nobody waits for a device that is out; what it wrote before, and comes late from others, does not
 * bring back what was deleted. */
static void test_record_again__also_for_who_is_out(void **state)
{
    struct device *a = &devices[0], *b = &devices[1];
    (void)state;

    do_op(b, "k", WF_RECORD_SET);
    a->now_ms += 10000;
    count(a, b->signer.id);
    do_op(a, "k", WF_RECORD_SET);
    do_op(a, "k", WF_RECORD_DELETE);
    assert_int_equal(n_of(a, "record"), 1);
    assert_int_equal(wf_store_write_begin(a->home.store, NULL), 0);
    assert_int_equal(wf_log_set_revoked(a->home.store, 1, b->signer.id, true, NULL), 0);
    assert_int_equal(wf_store_write_commit(a->home.store, NULL), 0);
    assert_int_equal(wf_records_tidy(a->records, NULL, NULL), 0);
    assert_int_equal(n_of(a, "record"), 0); /* it is final */
    give(b, 1, a);
    assert_int_equal(n_of(a, "record"), 0);
}

static void test_record_again__also_before_a_snapshot(void **state)
{
    const uint8_t stranger[WF_SIGNER_ID_BYTES] = {7};
    struct device *a = &devices[0];
    (void)state;

    do_op(a, "k", WF_RECORD_SET);
    do_op(a, "k", WF_RECORD_DELETE);
    assert_int_equal(wf_records_count_again(a->records, 1, NULL), 0);
    assert_int_equal(n_of(a, "record"), 0); /* nobody came */
    count(a, stranger);
    assert_int_equal(wf_records_count_again(a->records, 1, NULL), 0);
    assert_int_equal(n_of(a, "record_again"), 0);
    assert_int_equal(n_of(a, "record WHERE gone_hlc>0"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_record_again__a_final_deletion_counts_for_who_comes_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_record_again__also_for_who_was_not_known_to_write,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_record_again__also_for_who_is_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_record_again__also_before_a_snapshot, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
