/* SPDX-License-Identifier: Apache-2.0 */
/* Two people who share a space: Ada with a laptop and a phone, Ben with a tablet. What goes to
 * Ben's device is in Ada's ledger before it goes, once for some minutes, and nothing goes that is
 * not; her own devices are none of the ledger's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "mesh/people.h"
#include "mesh/sharing_machine.h"
#include "store/spaces.h"
#include "support/sharers.h"

enum {
    LAPTOP,
    PHONE,
    TABLET,
    N
};
#define ENTRIES_MAX 4096
#define WINDOW_MS 300000

static struct sharers s;
static struct wf_devices ada, ben;
static int64_t space;

/* A ledger, of the laptop. */
static struct entry {
    uint64_t of; /* the entry that it sums up */
    char what[16], name[64], space[64], to[160];
    enum wf_label label;
    uint32_t n;
    uint64_t bytes;
    uint8_t sealed[WF_GIVEN_HASH_BYTES], device[WF_SIGNER_ID_BYTES];
} entries[ENTRIES_MAX];
static size_t n_entries;
static bool is_full;

static int given(void *ud, struct wf_given *what, size_t n, struct wf_err *err)
{
    assert_ptr_equal(ud, &s.at[LAPTOP]);
    if (is_full)
        return wf_err_set(err, WF_E_FULL, "The disk is full.");
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &entries[n_entries++];
        assert_true(n_entries < ENTRIES_MAX);
        *e = (struct entry){
            .of = what[i].seq, .label = what[i].label, .n = what[i].n, .bytes = what[i].bytes};
        (void)snprintf(e->what, sizeof(e->what), "%s", what[i].what);
        (void)snprintf(e->name, sizeof(e->name), "%.*s", WF_STR_ARG(what[i].name));
        (void)snprintf(e->space, sizeof(e->space), "%.*s", WF_STR_ARG(what[i].space));
        (void)snprintf(e->to, sizeof(e->to), "%s", what[i].to);
        memcpy(e->sealed, what[i].sealed, sizeof(e->sealed));
        memcpy(e->device, what[i].device, sizeof(e->device));
        what[i].seq = n_entries;
    }
    return 0;
}

/* The last of those that say so; NULL: there is none. */
static const struct entry *entry_of(const char *what, const char *name, bool is_sum)
{
    for (size_t i = n_entries; i > 0; i--) {
        const struct entry *e = &entries[i - 1];
        if (strcmp(e->what, what) == 0 && strcmp(e->name, name) == 0 && (e->of != 0) == is_sum)
            return e;
    }
    return NULL;
}

static void list_of(struct wf_devices *out, uint8_t owner, size_t first, size_t n)
{
    struct wf_signer_key key;
    struct wf_signer signer;
    uint8_t seed[32];

    memset(seed, owner, sizeof(seed));
    wf_signer_from_seed(seed, &key, &signer);
    *out = (struct wf_devices){.version = 0};
    wf_devices_begin(out, signer.id, s.devices.entries[first].node, 1);
    for (size_t i = first; i < first + n; i++)
        assert_int_equal(wf_devices_add(out, &s.devices.entries[i], NULL), 0);
    assert_int_equal(wf_devices_sign(out, &signer, NULL), 0);
}

static void read_anew(void)
{
    for (size_t i = 0; i < N; i++)
        wf_sharing_machine_listed(s.at[i].sharing);
}

/* Ada takes Ben in, who expects her. */
static void share(enum wf_role role)
{
    const struct wf_people_self self = {.device = &s.at[LAPTOP].device.signer,
                                        .name = WF_STR("Ada")};
    struct wf_people_self by = self;
    struct wf_people_edit edit = {.space = space, .is_new = true, .list = &ben};

    memcpy(by.owner, ada.owner, sizeof(by.owner));
    edit.member = (struct wf_charter_member){.role = role, .clearance = WF_LABEL_PRIVATE};
    memcpy(edit.member.owner, ben.owner, sizeof(edit.member.owner));
    (void)snprintf(edit.member.name, sizeof(edit.member.name), "Ben");
    assert_int_equal(wf_people_expect(s.at[TABLET].home.store, &ada, INT64_C(1) << 50, NULL), 0);
    assert_int_equal(wf_people_edit(s.at[LAPTOP].home.store, &by, &edit, NULL, NULL), 0);
    read_anew();
}

static int set_up(void **state)
{
    (void)state;
    n_entries = 0;
    is_full = false;
    sharers_make(&s, N, false);
    list_of(&ada, 'A', LAPTOP, 2);
    list_of(&ben, 'B', TABLET, 1);
    s.at[LAPTOP].list = s.at[PHONE].list = &ada;
    s.at[TABLET].list = &ben;
    s.at[LAPTOP].given = given;
    for (size_t i = 0; i < N; i++)
        sharer_up(&s.at[i]);
    assert_int_equal(
        wf_space_create(s.at[LAPTOP].home.store, WF_STR("plans"), WF_STR(""), &space, NULL), 0);
    sharers_link(&s, LAPTOP, PHONE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sharers_remove(&s);
    return 0;
}

static void edit(const char *name, const char *text)
{
    struct wf_draft *draft = NULL;

    assert_int_equal(wf_draft_open_named(s.at[LAPTOP].drafts, WF_STR("plans"), wf_str_from(name),
                                         true, &draft, NULL),
                     0);
    assert_int_equal(wf_draft_set_text(draft, wf_str_from(text), NULL, NULL), 0);
    wf_draft_close(draft);
}

static void set(const char *collection, const char *key)
{
    const struct wf_record_op op = {
        .kind = WF_RECORD_SET, .field = WF_STR("n"), .value = WF_STR("1")};
    const struct wf_record_edit e = {.collection = wf_str_from(collection),
                                     .key = wf_str_from(key),
                                     .label = WF_LABEL_PRIVATE,
                                     .ops = &op,
                                     .n_ops = 1};

    assert_int_equal(wf_records_write(s.at[LAPTOP].records, space, &e, 1, NULL), 0);
}

/* How many records the tablet has in that collection. */
static int64_t there(const char *collection)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM record WHERE collection='%s'",
                   collection);
    return sharer_ask(&s.at[TABLET], sql);
}

static void steps(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sharers_step(&s, 50);
}

static void test_sharing_given__is_in_the_ledger_first(void **state)
{
    const struct entry *e;
    (void)state;

    edit("list", "bread");
    set("places", "rome");
    set("places", "oslo");
    steps(20);
    assert_int_equal(n_entries, 0); /* the phone is hers */
    share(WF_ROLE_WRITE);
    is_full = true;
    sharers_link(&s, LAPTOP, TABLET);
    steps(40);
    assert_int_equal(there("places"), 0);
    assert_int_equal(n_entries, 0);
    is_full = false;
    steps(60);
    assert_int_equal(there("places"), 2);
    e = entry_of("draft", "list", false);
    assert_non_null(e);
    assert_string_equal(e->to, "Ben / device 2");
    assert_string_equal(e->space, "plans");
    assert_memory_equal(e->device, s.at[TABLET].device.signer.id, sizeof(e->device));
    assert_int_equal(e->label, WF_LABEL_PRIVATE);
    assert_true(e->n >= 1 && e->bytes > 4);
    e = entry_of("record", "places", false);
    assert_non_null(e);
    assert_int_equal(e->n, 2);
    assert_null(entry_of("record", "weft.draft", false)); /* a draft's name is the draft's */
}

static void test_sharing_given__an_hour_of_typing_is_a_few(void **state)
{
    char text[32];
    size_t n;
    (void)state;

    share(WF_ROLE_READ);
    sharers_link(&s, LAPTOP, TABLET);
    for (unsigned i = 0; i < 240; i++) { /* an hour */
        (void)snprintf(text, sizeof(text), "word %u", i);
        edit("list", text);
        sharers_step(&s, 7500);
        sharers_step(&s, 7500);
    }
    steps(10);
    n = n_entries;
    assert_in_range(n, 12, 30);
    sharers_step(&s, WINDOW_MS);
    steps(2);
    assert_int_equal(n_entries, n + 1); /* the last sum */
    assert_int_equal(entries[n].of != 0, 1);
    steps(10);
    assert_int_equal(n_entries, n + 1);
    /* All of it is counted: an edit each, and the draft's name. */
    uint32_t total = 0;
    for (size_t i = 0; i < n_entries; i++) {
        const struct entry *e = &entries[i];
        bool is_summed = false;
        for (size_t k = i + 1; k < n_entries; k++)
            is_summed = is_summed || entries[k].of == i + 1;
        total += is_summed ? 0 : e->n;
    }
    assert_true(total >= 240);
    sharer_down(&s.at[LAPTOP]);
    assert_int_equal(n_entries, n + 1); /* nothing was open */
}

static void test_sharing_given__sums_are_written_at_the_end(void **state)
{
    const struct entry *e;
    (void)state;

    share(WF_ROLE_WRITE);
    sharers_link(&s, LAPTOP, TABLET);
    edit("list", "bread");
    steps(60);
    edit("list", "bread, milk");
    steps(20);
    assert_null(entry_of("draft", "list", true));
    sharer_down(&s.at[LAPTOP]);
    e = entry_of("draft", "list", true);
    assert_non_null(e);
    assert_true(e->n > entry_of("draft", "list", false)->n);
    assert_memory_not_equal(e->sealed, entry_of("draft", "list", false)->sealed, sizeof(e->sealed));
}

static void test_sharing_given__without_a_ledger_nothing_goes(void **state)
{
    struct wf_buf problems;
    (void)state;

    share(WF_ROLE_WRITE);
    set("places", "rome");
    sharers_link(&s, PHONE, TABLET); /* who has no ledger */
    steps(100);
    assert_int_equal(sharer_ask(&s.at[PHONE], "SELECT count(*) FROM record WHERE "
                                              "collection='places'"),
                     1);
    assert_int_equal(there("places"), 0);
    sharer_problems(&s.at[PHONE], &problems);
    assert_true(wf_str_find(wf_buf_str(&problems), WF_STR("no ledger"), 0) < problems.len);
    wf_buf_deinit(&problems);
    sharers_link(&s, LAPTOP, TABLET);
    for (unsigned i = 0; i < 40; i++) /* till the tablet asks another */
        sharers_step(&s, 1000);
    assert_int_equal(there("places"), 1);
}

/* Whatever fails on the way: what is there stands in the ledger. */
static void test_sharing_given__memory_is_short(void **state)
{
    unsigned n_failed = 0;
    char name[32];
    (void)state;

    share(WF_ROLE_WRITE);
    s.may_end = true;
    sharers_link(&s, LAPTOP, TABLET);
    steps(60);
    for (unsigned i = 1; i < 60; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        set(name, "a");
        wf_alloc_fail_at(i);
        sharers_step(&s, 50);
        n_failed += wf_alloc_failed();
        wf_alloc_fail_at(0);
        for (unsigned k = 0; k < 100 && there(name) == 0; k++) {
            sharers_step(&s, 1000);
            if (!s.at[LAPTOP].is_linked[TABLET])
                sharers_link(&s, LAPTOP, TABLET);
        }
        assert_int_equal(there(name), 1);
        assert_non_null(entry_of("record", name, false));
    }
    assert_true(n_failed >= 20);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sharing_given__is_in_the_ledger_first),
        TEST(test_sharing_given__an_hour_of_typing_is_a_few),
        TEST(test_sharing_given__sums_are_written_at_the_end),
        TEST(test_sharing_given__without_a_ledger_nothing_goes),
        TEST(test_sharing_given__memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
