/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to dial, where and when: on a clock that the test turns. And how often an address may
 * knock. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "mesh/discover.h"
#include "mesh/gate.h"

static struct wf_rng_seeded rng;
static uint8_t keys[3][WF_LINK_KEY_BYTES];
#define KEYS ((const uint8_t(*)[WF_LINK_KEY_BYTES])keys)

static struct wf_discover *make(size_t n)
{
    struct wf_discover *d;

    wf_rng_seeded_init(&rng, 7);
    memset(keys[0], 1, sizeof(keys[0]));
    memset(keys[1], 2, sizeof(keys[1]));
    memset(keys[2], 3, sizeof(keys[2]));
    d = wf_discover_new(&rng.rng);
    assert_non_null(d);
    assert_int_equal(wf_discover_allow(d, KEYS, n), 0);
    return d;
}

/* What is dialled at the next moment when something is; the clock goes there. */
static struct wf_discover_dial next(struct wf_discover *d, int64_t *now_ms)
{
    struct wf_discover_dial dial;

    assert_true(wf_discover_due_ms(d) != INT64_MAX);
    *now_ms = WF_MAX(*now_ms, wf_discover_due_ms(d));
    assert_true(wf_discover_next(d, *now_ms, &dial));
    return dial;
}

static void test_discover__addresses_are_tried_in_turn_and_what_worked_first(void **state)
{
    (void)state;
    struct wf_discover *d = make(1);
    struct wf_discover_dial dial;
    int64_t now_ms = 1000;

    assert_false(wf_discover_next(d, now_ms, &dial)); /* nothing is known */
    assert_true(wf_discover_due_ms(d) == INT64_MAX);
    wf_discover_found(d, keys[0], WF_STR("10.0.0.1"), now_ms);
    wf_discover_found(d, keys[0], WF_STR("10.0.0.2:9"), now_ms);
    wf_discover_found(d, keys[1], WF_STR("10.0.0.3:9"), now_ms); /* not paired */
    wf_discover_found(d, keys[0], WF_STR("no address"), now_ms);
    dial = next(d, &now_ms);
    assert_string_equal(dial.address, "10.0.0.2:9"); /* what was heard last */
    assert_memory_equal(dial.key, keys[0], sizeof(dial.key));
    assert_false(wf_discover_next(d, now_ms, &dial)); /* one at a time */
    wf_discover_down(d, keys[0], now_ms);
    dial = next(d, &now_ms);
    assert_string_equal(dial.address, "10.0.0.1:7771");
    wf_discover_up(d, keys[0], wf_str_from(dial.address), now_ms, 5000);
    assert_true(wf_discover_due_ms(d) == INT64_MAX);
    wf_discover_down(d, keys[0], now_ms); /* lost */
    dial = next(d, &now_ms);
    assert_string_equal(dial.address, "10.0.0.1:7771");
    wf_discover_free(d);
}

static void test_discover__waits_grow_with_jitter_to_a_bound(void **state)
{
    (void)state;
    struct wf_discover *d = make(1);
    int64_t now_ms = 0, before_ms, waits[24];

    wf_discover_found(d, keys[0], WF_STR("h:1"), now_ms);
    for (size_t i = 0; i < WF_ARRAY_LEN(waits); i++) {
        (void)next(d, &now_ms);
        wf_discover_down(d, keys[0], now_ms);
        before_ms = now_ms;
        waits[i] = wf_discover_due_ms(d) - before_ms;
    }
    assert_in_range(waits[0], 750, 1250);
    assert_in_range(waits[3], 6000, 10000);
    for (size_t i = 9; i < WF_ARRAY_LEN(waits); i++)
        assert_in_range(waits[i], 225000, 375000);
    assert_true(waits[10] != waits[11] || waits[11] != waits[12]); /* not in step */
    /* Another network: at once. */
    wf_discover_changed(d, now_ms);
    assert_in_range(wf_discover_due_ms(d) - now_ms, 100, 300);
    wf_discover_free(d);
}

static void test_discover__many_addresses_make_room_for_new_ones(void **state)
{
    (void)state;
    struct wf_discover *d = make(1);
    struct wf_discover_state s;
    uint8_t key[WF_LINK_KEY_BYTES];
    char address[32];
    bool has_good = false, has_new = false;

    wf_discover_up(d, keys[0], WF_STR("good:1"), 0, 1000);
    wf_discover_down(d, keys[0], 0);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(address, sizeof(address), "10.0.0.%u:1", i);
        wf_discover_found(d, keys[0], wf_str_from(address), 0);
    }
    assert_true(wf_discover_at(d, 0, key, &s));
    assert_int_equal(s.n_addresses, WF_DISCOVER_ADDRESSES);
    for (size_t i = 0; i < s.n_addresses; i++) {
        has_good = has_good || strcmp(s.addresses[i], "good:1") == 0;
        has_new = has_new || strcmp(s.addresses[i], "10.0.0.99:1") == 0;
    }
    assert_true(has_good && has_new);
    assert_false(wf_discover_at(d, 1, key, &s));
    wf_discover_free(d);
}

static void test_discover__what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct wf_discover *d = make(2), *again;
    int64_t now_ms = 0;
    struct wf_buf b, twice;
    bool is_changed = false;

    wf_buf_init(&b, WF_DISCOVER_FILE_BYTES);
    wf_buf_init(&twice, WF_DISCOVER_FILE_BYTES);
    wf_discover_found(d, keys[0], WF_STR("[fe80::1%2]:9"), 0);
    wf_discover_up(d, keys[0], WF_STR("home.example:1"), 0, 1234);
    wf_discover_found(d, keys[1], WF_STR("10.1.1.1"), 0);
    assert_int_equal(wf_discover_save(d, &b, &is_changed), 0);
    assert_true(is_changed);
    assert_int_equal(wf_discover_save(d, &twice, &is_changed), 0);
    assert_false(is_changed);
    wf_discover_free(d);
    again = make(2);
    wf_discover_load(again, WF_STR("nonsense\n\n0101 x\n"), 0);
    wf_discover_load(again, wf_buf_str(&b), 0);
    wf_buf_reset(&twice);
    assert_int_equal(wf_discover_save(again, &twice, &is_changed), 0);
    assert_false(is_changed);
    assert_true(wf_str_eq(wf_buf_str(&b), wf_buf_str(&twice)));
    assert_string_equal(next(again, &now_ms).address, "home.example:1");
    wf_discover_free(again);
    again = make(0); /* nobody is paired any more: nothing is taken over */
    wf_discover_load(again, wf_buf_str(&b), 0);
    assert_true(wf_discover_due_ms(again) == INT64_MAX);
    wf_discover_free(again);
    wf_buf_deinit(&b);
    wf_buf_deinit(&twice);
}

static void test_discover__the_network_is_asked_now_and_then_for_who_is_missing(void **state)
{
    (void)state;
    struct wf_discover *d = make(1);

    assert_true(wf_discover_looks(d, 0));
    assert_false(wf_discover_looks(d, 1000));
    assert_false(wf_discover_looks(d, 299999));
    assert_true(wf_discover_looks(d, 300000));
    wf_discover_changed(d, 300001);
    assert_true(wf_discover_looks(d, 300001));
    wf_discover_up(d, keys[0], WF_STR(""), 300002, 1);
    assert_false(wf_discover_looks(d, 9000000)); /* nobody is missing */
    wf_discover_free(d);
}

static void test_discover__no_memory_changes_nothing(void **state)
{
    (void)state;
    struct wf_discover *d = make(1);
    int64_t now_ms = 0;

    wf_discover_found(d, keys[0], WF_STR("h:1"), 0);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_discover_allow(d, KEYS, 3), WF_E_NOMEM);
    assert_string_equal(next(d, &now_ms).address, "h:1");
    wf_alloc_fail_at(1);
    assert_null(wf_discover_new(NULL));
    wf_alloc_fail_at(0);
    wf_discover_free(d);
}

static void test_discover__an_address_knocks_only_so_often(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET}, b = {.sin_family = AF_INET};
    struct sockaddr_in6 c = {.sin6_family = AF_INET6}, same = {.sin6_family = AF_INET6};
    static struct wf_gate g;
    const int64_t s = 1000000000;

    assert_int_equal(inet_pton(AF_INET, "10.0.0.1", &a.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET, "10.0.0.2", &b.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:2::1", &c.sin6_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:2:ffff::9", &same.sin6_addr), 1);
    wf_gate_init(&g, 3, 0.5);
    for (int i = 0; i < 3; i++)
        assert_true(wf_gate_pass(&g, (struct sockaddr *)&a, s));
    assert_false(wf_gate_pass(&g, (struct sockaddr *)&a, s));
    assert_true(wf_gate_pass(&g, (struct sockaddr *)&b, s)); /* another's bucket */
    assert_true(wf_gate_pass(&g, (struct sockaddr *)&a, 3 * s));
    assert_false(wf_gate_pass(&g, (struct sockaddr *)&a, 3 * s));
    for (int i = 0; i < 3; i++) /* one household counts as one */
        assert_true(wf_gate_pass(&g, (struct sockaddr *)(i % 2 ? &c : &same), s));
    assert_false(wf_gate_pass(&g, (struct sockaddr *)&c, s));
    assert_true(wf_gate_is_same((struct sockaddr *)&c, (struct sockaddr *)&same));
    assert_false(wf_gate_is_same((struct sockaddr *)&a, (struct sockaddr *)&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discover__addresses_are_tried_in_turn_and_what_worked_first),
        cmocka_unit_test(test_discover__waits_grow_with_jitter_to_a_bound),
        cmocka_unit_test(test_discover__many_addresses_make_room_for_new_ones),
        cmocka_unit_test(test_discover__what_is_saved_is_loaded),
        cmocka_unit_test(test_discover__the_network_is_asked_now_and_then_for_who_is_missing),
        cmocka_unit_test(test_discover__no_memory_changes_nothing),
        cmocka_unit_test(test_discover__an_address_knocks_only_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
