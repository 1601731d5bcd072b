/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices that are never on at once, and one between them that keeps what it cannot read: all
 * arrives, new keys too; it lets go of what all have, and who comes anew is told so. */
#include "mesh/sharing_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/sharers.h"

#define RELAY 1

static struct sharers s;

static int tear_down(void **state)
{
    (void)state;
    sharers_remove(&s);
    return 0;
}

/* The list is another; those that are up read it. */
static void list_anew(void)
{
    s.devices.version++;
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i].is_up)
            wf_sharing_machine_listed(s.at[i].sharing);
    }
}

static struct wf_devices_entry *entry_of(const struct sharer *d)
{
    for (size_t i = 0; i < s.devices.n_entries; i++) {
        if (memcmp(s.devices.entries[i].device, d->device.signer.id, WF_SIGNER_ID_BYTES) == 0)
            return &s.devices.entries[i];
    }
    return NULL;
}

/* n devices, of which the second is the relay. */
static void make(size_t n)
{
    sharers_make(&s, n, false);
    entry_of(&s.at[RELAY])->roles = WF_ROLE_RELAY | WF_ROLE_CIPHER;
    sharer_up(&s.at[RELAY]);
}

/* The device is on, sees the relay alone, and has what that has. */
static void meet(size_t i)
{
    sharer_up(&s.at[i]);
    sharers_link(&s, RELAY, i);
    assert_true(sharers_settle(&s, 100));
}

static void assert_text(struct sharer *d, const char *name, const char *text)
{
    struct wf_buf b;

    wf_buf_init(&b, 1 << 20);
    sharer_text(d, name, &b);
    assert_int_equal(b.len, strlen(text));
    if (b.len > 0)
        assert_memory_equal(b.ptr, text, b.len);
    wf_buf_deinit(&b);
}

static void test_sharing_relay__what_sleepers_write_arrives(void **state)
{
    (void)state;
    make(3);
    meet(0);
    sharer_edit(&s.at[0], "quince", WF_STR("marmalade"));
    sharer_set(&s.at[0], "figs", 7);
    assert_true(sharers_settle(&s, 100));
    sharer_down(&s.at[0]);
    meet(2);
    assert_text(&s.at[2], "quince", "marmalade");
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM record WHERE key='figs'"), 1);
    sharer_edit(&s.at[2], "quince", WF_STR("marmalade and jam"));
    assert_true(sharers_settle(&s, 100));
    sharer_down(&s.at[2]);
    meet(0);
    assert_text(&s.at[0], "quince", "marmalade and jam");
    assert_int_equal(sharer_ask(&s.at[RELAY], "SELECT count(*) FROM space_key"), 0);
    assert_int_equal(sharer_ask(&s.at[RELAY], "SELECT count(*) FROM draft"), 0);
    assert_int_equal(home_grep(&s.at[RELAY].home, "marmalade", true), 0);
    assert_int_equal(home_grep(&s.at[RELAY].home, "quince", true), 0);
    assert_int_equal(home_grep(&s.at[RELAY].home, "figs", true), 0);
    assert_true(home_grep(&s.at[0].home, "marmalade", false) > 0);
}

/* Who slept when keys became others gets them from the relay, though their maker is gone. */
static void test_sharing_relay__new_keys_wait_for_who_sleeps(void **state)
{
    static const char waiting[] = "SELECT count(*) FROM relay_letter WHERE length(bytes)>0";

    (void)state;
    make(3);
    meet(0);
    sharer_edit(&s.at[0], "quince", WF_STR("old"));
    assert_true(sharers_settle(&s, 100));
    sharer_down(&s.at[0]);
    meet(2);
    assert_text(&s.at[2], "quince", "old");
    sharer_down(&s.at[2]);
    s.devices.epoch++;
    list_anew();
    meet(0);
    sharer_edit(&s.at[0], "quince", WF_STR("new"));
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[RELAY], waiting), 1);
    sharer_down(&s.at[0]);
    meet(2);
    assert_text(&s.at[2], "quince", "new");
    for (unsigned i = 0; i < 5; i++)
        sharers_step(&s, 100);
    /* The first one's was handed over; the other's for the first one waits now. */
    assert_int_equal(
        sharer_ask(&s.at[RELAY], "SELECT count(*) FROM relay_letter WHERE length(bytes)=0"), 1);
}

/* A device that the pass names no more gets nothing, and is not told of anything. */
static void test_sharing_relay__who_is_out_gets_nothing(void **state)
{
    (void)state;
    make(3);
    meet(0);
    meet(2);
    sharer_set(&s.at[0], "one", 1);
    assert_true(sharers_settle(&s, 100));
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM batch"), 1);
    sharer_down(&s.at[2]);
    entry_of(&s.at[2])->revoked_ms = 5;
    s.devices.epoch++;
    list_anew();
    sharer_set(&s.at[0], "two", 2);
    assert_true(sharers_settle(&s, 100));
    entry_of(&s.at[2])->revoked_ms = 0; /* it holds to the list of before */
    sharer_up(&s.at[2]);
    entry_of(&s.at[2])->revoked_ms = 5;
    sharers_link(&s, RELAY, 2);
    for (unsigned i = 0; i < 20; i++)
        sharers_step(&s, 1000);
    assert_int_equal(sharer_ask(&s.at[2], "SELECT count(*) FROM batch"), 1);
    assert_int_equal(sharer_ask(&s.at[RELAY], "SELECT sum(last) FROM batch_log") > 1, 1);
}

static void test_sharing_relay__lets_go_of_what_all_have(void **state)
{
    struct wf_buf words;

    (void)state;
    make(4);
    entry_of(&s.at[3])->revoked_ms = 1; /* it comes later */
    list_anew();
    meet(0);
    meet(2);
    for (unsigned i = 0; i < 300; i++) {
        sharer_set(&s.at[0], "count", i);
        sharers_step(&s, 100);
    }
    assert_true(sharers_settle(&s, 100));
    assert_true(sharer_ask(&s.at[RELAY], "SELECT sum(last) FROM batch_log") >= 256);
    for (unsigned i = 0; i < 30; i++)
        sharers_step(&s, 1000);
    assert_true(sharer_ask(&s.at[RELAY], "SELECT count(*) FROM batch") < 100);
    sharer_down(&s.at[2]);
    entry_of(&s.at[3])->revoked_ms = 0;
    list_anew();
    assert_true(sharers_settle(&s, 100)); /* the pass names it */
    sharer_down(&s.at[0]);
    sharer_up(&s.at[3]);
    sharers_link(&s, RELAY, 3);
    for (unsigned i = 0; i < 40; i++)
        sharers_step(&s, 1000);
    sharer_problems(&s.at[3], &words);
    assert_non_null(strstr(words.ptr, "device 1 has only those that came later"));
    wf_buf_deinit(&words);
    sharer_up(&s.at[0]);
    sharers_link(&s, 0, 3);
    sharers_link(&s, RELAY, 0);
    assert_true(sharers_settle(&s, 200));
    assert_int_equal(sharer_ask(&s.at[3], "SELECT count(*) FROM record WHERE key='count'"), 1);
}

/* An allocation fails while passes, letters and batches go: later all is as it has to be. */
static void test_sharing_relay__recovers_when_memory_was_short(void **state)
{
    const unsigned n_max = 100;
    unsigned n_failed = 0;

    (void)state;
    make(3);
    s.may_end = true;
    meet(0);
    for (unsigned n = 1; n <= n_max; n++) {
        sharer_set(&s.at[0], "count", n);
        list_anew(); /* all is said anew */
        wf_alloc_fail_at(n);
        sharers_step(&s, 100);
        sharers_step(&s, 100);
        n_failed += wf_alloc_failed();
        wf_alloc_fail_at(0);
        sharers_step(&s, 100);
        if (!s.at[0].is_linked[RELAY])
            sharers_link(&s, RELAY, 0);
        list_anew();
        for (unsigned i = 0; i < 30; i++)
            sharers_step(&s, 1000);
        assert_true(sharers_settle(&s, 100));
    }
    assert_true(n_failed >= 20);
    sharer_down(&s.at[0]);
    meet(2);
    assert_int_equal(
        sharer_ask(&s.at[2], "SELECT count(*) FROM record WHERE instr(state,cast('100' AS blob))"),
        1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sharing_relay__what_sleepers_write_arrives),
        TEST(test_sharing_relay__new_keys_wait_for_who_sleeps),
        TEST(test_sharing_relay__who_is_out_gets_nothing),
        TEST(test_sharing_relay__lets_go_of_what_all_have),
        TEST(test_sharing_relay__recovers_when_memory_was_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
