/* SPDX-License-Identifier: Apache-2.0 */
/* The list of devices: written and read alike, refused in any other form; changes; two lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "mesh/devices.h"

#define NOW INT64_C(1790000000000)

static struct wf_signer owner, stranger;
static struct wf_signer_key owner_key, stranger_key;

static struct wf_devices_entry entry(uint8_t n, const char *name)
{
    struct wf_devices_entry e = {.added_ms = NOW, .clearance = WF_LABEL_PRIVATE};

    memset(e.node, n, sizeof(e.node));
    memset(e.device, n + 1, sizeof(e.device));
    memset(e.transport, n + 2, sizeof(e.transport));
    snprintf(e.name, sizeof(e.name), "%s", name);
    return e;
}

static void set(char name[WF_DEVICES_NAME_BYTES + 1], const char *to)
{
    snprintf(name, WF_DEVICES_NAME_BYTES + 1, "%s", to);
}

static void begin(struct wf_devices *d, uint8_t at)
{
    uint8_t node[WF_DEVICES_KEY_BYTES];

    memset(node, at, sizeof(node));
    wf_devices_begin(d, owner.id, node, NOW);
}

static void add(struct wf_devices *d, uint8_t n, const char *name)
{
    const struct wf_devices_entry e = entry(n, name);

    assert_int_equal(wf_devices_add(d, &e, NULL), 0);
}

/* A signed list of laptop (10), phone (20) and box (30). */
static void make(struct wf_devices *d)
{
    *d = (struct wf_devices){.version = 0};
    begin(d, 10);
    add(d, 20, "phone");
    add(d, 10, "laptop");
    add(d, 30, "box");
    assert_int_equal(wf_devices_sign(d, &owner, NULL), 0);
}

static size_t bytes_of(const struct wf_devices *d, uint8_t out[WF_DEVICES_BYTES_MAX])
{
    struct wf_buf b;
    size_t n;

    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    assert_int_equal(wf_devices_write(d, &b), 0);
    n = b.len;
    memcpy(out, b.ptr, n);
    wf_buf_deinit(&b);
    return n;
}

static int read_bytes(const uint8_t *p, size_t n, struct wf_devices *out, struct wf_err *err)
{
    return wf_devices_read(wf_str_n((const char *)p, n), out, err);
}

static void test_devices__what_is_written_is_read(void **state)
{
    static struct wf_devices d, back;
    static uint8_t one[WF_DEVICES_BYTES_MAX], two[WF_DEVICES_BYTES_MAX];
    size_t n;
    (void)state;

    make(&d);
    n = bytes_of(&d, one);
    assert_int_equal(read_bytes(one, n, &back, NULL), 0);
    assert_int_equal(back.n_entries, 3);
    assert_string_equal(back.entries[0].name, "laptop");
    assert_string_equal(back.entries[2].name, "box");
    assert_int_equal(bytes_of(&back, two), n);
    assert_memory_equal(one, two, n);
}

static void test_devices__the_longest_list_fits(void **state)
{
    static struct wf_devices d, back;
    static uint8_t one[WF_DEVICES_BYTES_MAX];
    struct wf_devices_entry e;
    (void)state;

    d = (struct wf_devices){.version = 0};
    for (int i = 0; i < WF_DEVICES_ANCESTORS_MAX + 5; i++)
        begin(&d, 1);
    for (unsigned i = 0; i < WF_DEVICES_MAX; i++) {
        e = entry(0, "");
        randombytes_buf(e.node, 32);
        randombytes_buf(e.device, 32);
        randombytes_buf(e.transport, 32);
        memset(e.name, 'x', WF_DEVICES_NAME_BYTES);
        assert_int_equal(wf_devices_add(&d, &e, NULL), 0);
    }
    randombytes_buf(e.node, 32);
    randombytes_buf(e.device, 32);
    randombytes_buf(e.transport, 32);
    assert_int_equal(wf_devices_add(&d, &e, NULL), WF_E_LIMIT);
    assert_int_equal(wf_devices_sign(&d, &owner, NULL), 0);
    assert_int_equal(d.n_ancestors, WF_DEVICES_ANCESTORS_MAX);
    assert_int_equal(d.ancestors[0].version, 5);
    assert_int_equal(bytes_of(&d, one), WF_DEVICES_BYTES_MAX);
    assert_int_equal(read_bytes(one, WF_DEVICES_BYTES_MAX, &back, NULL), 0);
}

/* No byte can be changed, taken away or added. */
static void test_devices__any_other_bytes_are_refused(void **state)
{
    static struct wf_devices d, back;
    static uint8_t one[WF_DEVICES_BYTES_MAX];
    size_t n;
    (void)state;

    make(&d);
    n = bytes_of(&d, one);
    for (size_t i = 0; i < n; i++) {
        one[i] ^= 1;
        assert_int_not_equal(read_bytes(one, n, &back, NULL), 0);
        one[i] ^= 1;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(read_bytes(one, i, &back, NULL), 0);
    assert_int_not_equal(read_bytes(one, n + 1, &back, NULL), 0);
    assert_int_equal(read_bytes(one, n, &back, NULL), 0);
    /* By another owner than the one it names. */
    assert_int_equal(wf_devices_sign(&d, &stranger, NULL), WF_E_INVAL);
    memcpy(d.owner, stranger.id, sizeof(d.owner));
    n = bytes_of(&d, one);
    assert_int_equal(read_bytes(one, n, &back, NULL), WF_E_DENIED);
}

/* What an owner must not sign is not read either, signed or not. */
static void test_devices__lists_that_break_an_invariant_are_refused(void **state)
{
    static struct wf_devices d, back;
    static uint8_t one[WF_DEVICES_BYTES_MAX];
    (void)state;

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        make(&d);                                                                                  \
        change;                                                                                    \
        assert_int_equal(wf_devices_sign(&d, &owner, NULL), 0);                                    \
        size_t n_bytes = bytes_of(&d, one);                                                        \
        assert_int_equal(read_bytes(one, n_bytes, &back, NULL), WF_E_FORMAT);                      \
    } while (0)
    REFUSED(d.entries[0] = d.entries[1]);
    REFUSED(memset(d.entries[0].node, 25, 32)); /* out of order */
    REFUSED(memcpy(d.entries[0].device, d.entries[1].device, 32));
    REFUSED(memcpy(d.entries[0].transport, d.entries[2].transport, 32));
    REFUSED(set(d.entries[0].name, "PHONE"));
    REFUSED(set(d.entries[0].name, ""));
    REFUSED(set(d.entries[0].name, "a\nb"));
    REFUSED(set(d.entries[0].name, "a/b"));
    REFUSED(set(d.entries[0].name, " a"));
    REFUSED(set(d.entries[0].name, "\xe2\x80\xaez")); /* read from right to left */
    REFUSED(d.entries[0].clearance = WF_LABEL_SECRET);
    REFUSED(d.entries[0].tier = WF_NODE_TIER_COUNT);
    REFUSED(d.entries[0].roles = 0x80);
    REFUSED(d.entries[0].revoked_ms = -1);
    REFUSED(d.version = 0);
    REFUSED(d.version = UINT64_MAX);
    REFUSED(d.n_ancestors = 1; d.ancestors[0].version = 1); /* of itself */
#undef REFUSED
}

static void test_devices__names_stay_apart(void **state)
{
    static struct wf_devices d;
    struct wf_err err = WF_ERR_INIT;
    char longest[WF_DEVICES_NAME_BYTES + 1];
    (void)state;

    make(&d);
    add(&d, 40, "Laptop");
    assert_string_equal(wf_devices_by_node(&d, entry(40, "").node)->name, "Laptop 2");
    memset(longest, 'y', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    longest[WF_DEVICES_NAME_BYTES - 2] = (char)0xc3; /* é, which must not be cut in two */
    longest[WF_DEVICES_NAME_BYTES - 1] = (char)0xa9;
    add(&d, 50, longest);
    add(&d, 60, longest);
    assert_string_equal(wf_devices_by_node(&d, entry(60, "").node)->name + 62, " 2");
    assert_int_equal(wf_devices_rename(&d, WF_STR("phone"), WF_STR("BOX"), &err), WF_E_EXIST);
    assert_int_equal(wf_devices_rename(&d, WF_STR("nobody"), WF_STR("x"), &err), WF_E_NOENT);
    assert_int_equal(wf_devices_rename(&d, WF_STR("phone"), WF_STR(""), &err), WF_E_INVAL);
    assert_int_equal(wf_devices_rename(&d, WF_STR("PHONE"), WF_STR("Phone"), NULL), 0);
    assert_string_equal(wf_devices_by_name(&d, WF_STR("phone"))->name, "Phone");
    assert_int_equal(wf_devices_clear(&d, WF_STR("box"), WF_LABEL_SECRET, &err), WF_E_INVAL);
    assert_int_equal(wf_devices_clear(&d, WF_STR("nobody"), WF_LABEL_PUBLIC, &err), WF_E_NOENT);
    assert_int_equal(wf_devices_clear(&d, WF_STR("box"), WF_LABEL_INTERNAL, NULL), 0);
    assert_int_equal(wf_devices_by_name(&d, WF_STR("box"))->clearance, WF_LABEL_INTERNAL);
    /* The name of one that is out is free. */
    assert_int_equal(wf_devices_revoke(&d, WF_STR("box"), NOW, NULL), 0);
    assert_int_equal(wf_devices_rename(&d, WF_STR("phone"), WF_STR("box"), NULL), 0);
    assert_int_equal(wf_devices_sign(&d, &owner, NULL), 0);
}

static void test_devices__a_relay_gets_no_keys_from_then_on(void **state)
{
    const struct wf_devices_entry *e;
    struct wf_devices d;
    uint32_t epoch;

    (void)state;
    make(&d);
    epoch = d.epoch;
    assert_int_equal(wf_devices_relay(&d, WF_STR("nobody"), true, 0, NULL), WF_E_NOENT);
    assert_int_equal(wf_devices_relay(&d, WF_STR("box"), true, WF_ROLE_COMPUTE, NULL), 0);
    e = wf_devices_by_name(&d, WF_STR("box"));
    assert_int_equal(e->roles, WF_ROLE_RELAY | WF_ROLE_CIPHER);
    assert_int_equal(d.epoch, epoch + 1);
    assert_int_equal(wf_devices_relay(&d, WF_STR("box"), true, 0, NULL), 0); /* nothing is new */
    assert_int_equal(d.epoch, epoch + 1);
    assert_int_equal(wf_devices_relay(&d, WF_STR("box"), false, WF_ROLE_COMPUTE, NULL), 0);
    assert_int_equal(wf_devices_by_name(&d, WF_STR("box"))->roles, WF_ROLE_COMPUTE);
    assert_int_equal(wf_devices_clear(&d, WF_STR("box"), WF_LABEL_PUBLIC, NULL), 0);
    assert_int_equal(d.epoch, epoch + 2); /* it may see less */
    assert_int_equal(wf_devices_clear(&d, WF_STR("box"), WF_LABEL_PRIVATE, NULL), 0);
    assert_int_equal(d.epoch, epoch + 2);
}

static void test_devices__revoked_is_out_and_the_epoch_rises(void **state)
{
    static struct wf_devices d;
    struct wf_devices_entry again = entry(20, "phone");
    (void)state;

    make(&d);
    begin(&d, 10);
    assert_int_equal(wf_devices_revoke(&d, WF_STR("phone"), NOW + 1, NULL), 0);
    assert_int_equal(d.epoch, 1);
    assert_int_equal(wf_devices_by_node(&d, again.node)->revoked_ms, NOW + 1);
    assert_null(wf_devices_by_name(&d, WF_STR("phone")));
    assert_int_equal(wf_devices_revoke(&d, WF_STR("phone"), NOW, NULL), WF_E_NOENT);
    /* Paired again by the person: in again, as the same node. */
    assert_int_equal(wf_devices_add(&d, &again, NULL), 0);
    assert_int_equal(d.n_entries, 3);
    assert_non_null(wf_devices_by_name(&d, WF_STR("phone")));
}

static void test_devices__keys_of_another_node_are_refused(void **state)
{
    static struct wf_devices d;
    struct wf_devices_entry e = entry(40, "copy");
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    make(&d);
    memcpy(e.transport, d.entries[0].transport, sizeof(e.transport));
    assert_int_equal(wf_devices_add(&d, &e, &err), WF_E_INVAL);
    assert_non_null(strstr(err.msg, "\"laptop\""));
    e = entry(40, "vault");
    e.clearance = WF_LABEL_SECRET;
    assert_int_equal(wf_devices_add(&d, &e, NULL), WF_E_INVAL);
    assert_int_equal(d.n_entries, 3);
}

static void test_devices__a_successor_is_known_as_one(void **state)
{
    static struct wf_devices old, newer, none;
    (void)state;

    make(&old);
    newer = old;
    assert_int_equal(wf_devices_compare(&old, &newer), WF_DEVICES_SAME);
    for (int i = 0; i < 3; i++)
        begin(&newer, 10);
    assert_int_equal(newer.version, 4);
    assert_int_equal(wf_devices_compare(&newer, &old), WF_DEVICES_NEWER);
    assert_int_equal(wf_devices_compare(&old, &newer), WF_DEVICES_OLDER);
    assert_int_equal(wf_devices_compare(&none, &old), WF_DEVICES_OLDER);
    assert_int_equal(wf_devices_compare(&none, &none), WF_DEVICES_SAME);
    /* Away for very long: the newer list has forgotten that version. */
    for (int i = 0; i < 100; i++)
        begin(&newer, 10);
    assert_int_equal(wf_devices_compare(&old, &newer), WF_DEVICES_OLDER);
    memcpy(newer.owner, stranger.id, sizeof(newer.owner));
    assert_int_equal(wf_devices_compare(&old, &newer), WF_DEVICES_STRANGE);
}

static void test_devices__a_fork_is_named_and_mended_alike_on_both(void **state)
{
    static struct wf_devices a, b, mended, other_way;
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    make(&a);
    b = a;
    begin(&a, 10);
    add(&a, 40, "tablet");
    begin(&b, 30);
    assert_int_equal(wf_devices_revoke(&b, WF_STR("phone"), NOW + 5, NULL), 0);
    begin(&b, 30);
    assert_int_equal(wf_devices_compare(&a, &b), WF_DEVICES_FORKED);
    assert_true(wf_devices_prefers_second(&a, &b));
    assert_false(wf_devices_prefers_second(&b, &a));
    assert_int_equal(wf_devices_name_fork(&a, &b, &err), WF_E_CORRUPT);
    assert_non_null(strstr(err.msg, "version 2, signed at laptop"));
    assert_non_null(strstr(err.msg, "version 3, signed at box"));
    mended = a;
    assert_int_equal(wf_devices_mend(&mended, &b, NULL), 0);
    other_way = b;
    assert_int_equal(wf_devices_mend(&other_way, &a, NULL), 0);
    assert_int_equal(wf_devices_compare(&mended, &other_way), WF_DEVICES_SAME);
    assert_int_equal(mended.version, 4);
    assert_int_equal(mended.epoch, 2);
    assert_int_equal(mended.n_entries, 4);
    assert_null(wf_devices_by_name(&mended, WF_STR("phone"))); /* revoked in one: out */
    assert_non_null(wf_devices_by_name(&mended, WF_STR("tablet")));
    assert_int_equal(wf_devices_compare(&mended, &a), WF_DEVICES_NEWER);
    assert_int_equal(wf_devices_compare(&mended, &b), WF_DEVICES_NEWER);
    assert_int_equal(wf_devices_sign(&mended, &owner, NULL), 0);
    /* The other side revoked in the one that is not preferred: it stays out. */
    begin(&a, 10);
    begin(&a, 10);
    begin(&a, 10);
    mended = a;
    assert_int_equal(wf_devices_mend(&mended, &b, NULL), 0);
    assert_null(wf_devices_by_name(&mended, WF_STR("phone")));
    assert_int_equal(mended.epoch, 2);
}

/* Lists that went apart at random come together, and every invariant holds. */
static void test_devices__random_histories_mend(void **state)
{
    static struct wf_devices a, b, back;
    static uint8_t one[WF_DEVICES_BYTES_MAX];
    struct wf_rng_seeded rng;
    (void)state;

    wf_rng_seeded_init(&rng, 7);
    for (int round = 0; round < 100; round++) {
        make(&a);
        b = a;
        for (int i = 0; i < 12; i++) {
            struct wf_devices *d = wf_rng_below(&rng.rng, 2) ? &a : &b;
            uint8_t n = (uint8_t)(10 * (1 + wf_rng_below(&rng.rng, 8)));
            char name[16];
            snprintf(name, sizeof(name), "n%llu", (unsigned long long)wf_rng_below(&rng.rng, 5));
            begin(d, n);
            if (wf_rng_below(&rng.rng, 3))
                add(d, n, name);
            else
                (void)!wf_devices_revoke(d, wf_str_from(name), NOW + i, NULL);
        }
        if (wf_devices_compare(&a, &b) == WF_DEVICES_FORKED)
            assert_int_equal(wf_devices_mend(&a, &b, NULL), 0);
        assert_int_equal(wf_devices_sign(&a, &owner, NULL), 0);
        size_t n_bytes = bytes_of(&a, one);
        assert_int_equal(read_bytes(one, n_bytes, &back, NULL), 0);
        for (size_t i = 0; i < b.n_entries; i++)
            if (b.entries[i].revoked_ms != 0)
                assert_true(wf_devices_by_node(&a, b.entries[i].node)->revoked_ms != 0 ||
                            wf_devices_compare(&a, &b) == WF_DEVICES_NEWER);
    }
}

static void test_devices__fails_cleanly_without_memory(void **state)
{
    static struct wf_devices d;
    struct wf_buf b;
    (void)state;

    make(&d);
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
        int rc = wf_devices_sign(&d, &owner, NULL);
        if (rc == 0)
            rc = wf_devices_write(&d, &b);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_buf_deinit(&b);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        if (!failed)
            break;
    }
}

static void test_devices__tiers_have_names(void **state)
{
    enum wf_node_tier t = WF_NODE_TIER_COUNT;
    (void)state;

    for (unsigned i = 0; i < WF_NODE_TIER_COUNT; i++) {
        assert_true(wf_node_tier_parse(wf_str_from(wf_node_tier_name((enum wf_node_tier)i)), &t));
        assert_int_equal(t, i);
        assert_true(wf_node_tier_clearance(t) < WF_LABEL_SECRET);
    }
    assert_false(wf_node_tier_parse(WF_STR("fog"), &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices__what_is_written_is_read),
        cmocka_unit_test(test_devices__the_longest_list_fits),
        cmocka_unit_test(test_devices__any_other_bytes_are_refused),
        cmocka_unit_test(test_devices__lists_that_break_an_invariant_are_refused),
        cmocka_unit_test(test_devices__names_stay_apart),
        cmocka_unit_test(test_devices__a_relay_gets_no_keys_from_then_on),
        cmocka_unit_test(test_devices__revoked_is_out_and_the_epoch_rises),
        cmocka_unit_test(test_devices__keys_of_another_node_are_refused),
        cmocka_unit_test(test_devices__a_successor_is_known_as_one),
        cmocka_unit_test(test_devices__a_fork_is_named_and_mended_alike_on_both),
        cmocka_unit_test(test_devices__random_histories_mend),
        cmocka_unit_test(test_devices__fails_cleanly_without_memory),
        cmocka_unit_test(test_devices__tiers_have_names),
    };
    const uint8_t one[32] = {1}, two[32] = {2};

    if (sodium_init() < 0)
        return 1;
    wf_signer_from_seed(one, &owner_key, &owner);
    wf_signer_from_seed(two, &stranger_key, &stranger);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
