/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/map.h: against a plain model with random operations, limits, allocation failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/rng.h"

#define N_KEYS 500

static struct wf_str key_of(char out[32], unsigned i)
{
    int n = snprintf(out, 32, "%.*s%u", (int)(i % 13), "a long prefix", i);
    return wf_str_n(out, (size_t)n);
}

static void test_map__agrees_with_a_model(void **state)
{
    (void)state;
    struct wf_rng_seeded rng;
    wf_rng_seeded_init(&rng, 42);
    bool present[N_KEYS] = {false};
    uint64_t value[N_KEYS] = {0};
    struct wf_map m;
    wf_map_init(&m, N_KEYS);
    size_t n = 0;
    for (uint64_t step = 0; step < 50000; step++) {
        unsigned i = (unsigned)wf_rng_below(&rng.rng, N_KEYS);
        char text[32];
        struct wf_str key = key_of(text, i);
        /* Phases of growing and of shrinking. */
        if (wf_rng_below(&rng.rng, 10) < ((step / 5000) % 2 ? 3u : 7u)) {
            bool is_new;
            union wf_map_value *v = wf_map_put(&m, key, &is_new);
            assert_non_null(v);
            assert_int_equal(is_new, !present[i]);
            assert_int_equal(v->u64, value[i]);
            n += is_new;
            present[i] = true;
            v->u64 = value[i] = step;
        } else {
            assert_int_equal(wf_map_remove(&m, key), present[i]);
            n -= present[i];
            present[i] = false;
            value[i] = 0;
        }
        assert_int_equal(m.n_items, n);
        i = (unsigned)wf_rng_below(&rng.rng, N_KEYS);
        union wf_map_value *v = wf_map_get(&m, key_of(text, i));
        assert_int_equal(v != NULL, present[i]);
        if (v)
            assert_int_equal(v->u64, value[i]);
    }
    size_t n_walked = 0;
    struct wf_str key;
    union wf_map_value v;
    for (size_t at = 0; wf_map_next(&m, &at, &key, &v); n_walked++)
        assert_int_equal(wf_map_get(&m, key)->u64, v.u64);
    assert_int_equal(n_walked, n);
    wf_map_deinit(&m);
    wf_map_deinit(&m);
}

static void test_map__empty_and_binary_keys(void **state)
{
    (void)state;
    struct wf_map m;
    wf_map_init(&m, 10);
    assert_null(wf_map_get(&m, WF_STR("")));
    assert_false(wf_map_remove(&m, WF_STR("x")));
    wf_map_put(&m, WF_STR(""), NULL)->u64 = 1;
    wf_map_put(&m, WF_STR("\0"), NULL)->u64 = 2;
    wf_map_put(&m, WF_STR("\0\0"), NULL)->u64 = 3;
    assert_int_equal(wf_map_get(&m, wf_str_n(NULL, 0))->u64, 1);
    assert_int_equal(wf_map_get(&m, WF_STR("\0"))->u64, 2);
    assert_int_equal(wf_map_get(&m, WF_STR("\0\0"))->u64, 3);
    wf_map_reset(&m);
    assert_int_equal(m.n_items, 0);
    assert_null(wf_map_get(&m, WF_STR("")));
    assert_false(wf_map_next(&m, &(size_t){0}, NULL, NULL));
    wf_map_deinit(&m);
}

static void test_map__keys_are_copied(void **state)
{
    (void)state;
    struct wf_map m;
    wf_map_init(&m, 10);
    char text[] = "moving";
    wf_map_put(&m, wf_str_from(text), NULL)->ptr = &m;
    text[0] = 'x';
    assert_ptr_equal(wf_map_get(&m, WF_STR("moving"))->ptr, &m);
    assert_null(wf_map_get(&m, wf_str_from(text)));
    wf_map_deinit(&m);
}

static void test_map__holds_the_maximum_and_no_more(void **state)
{
    (void)state;
    struct wf_map m;
    wf_map_init(&m, 13);
    char text[32];
    for (unsigned i = 0; i < 13; i++)
        assert_non_null(wf_map_put(&m, key_of(text, i), NULL));
    assert_null(wf_map_put(&m, key_of(text, 13), NULL));
    assert_non_null(wf_map_put(&m, key_of(text, 5), NULL)); /* present: no new item */
    assert_true(wf_map_remove(&m, key_of(text, 5)));
    assert_non_null(wf_map_put(&m, key_of(text, 13), NULL));
    wf_map_deinit(&m);
    wf_map_init(&m, 0);
    assert_null(wf_map_put(&m, key_of(text, 0), NULL));
    wf_map_deinit(&m);
}

static void test_map__survives_every_allocation_failure(void **state)
{
    (void)state;
    uint64_t live = wf_alloc_stats().n_live;
    unsigned n_failures = 0;
    for (uint64_t n = 1;; n++) {
        struct wf_map m;
        wf_map_init(&m, SIZE_MAX);
        wf_alloc_fail_at(n);
        char text[32];
        unsigned i = 0;
        for (; i < 100; i++) {
            union wf_map_value *v = wf_map_put(&m, key_of(text, i), NULL);
            if (!v)
                break;
            v->u64 = i;
        }
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(failed, i < 100);
        assert_int_equal(m.n_items, i);
        for (unsigned k = 0; k < i; k++)
            assert_int_equal(wf_map_get(&m, key_of(text, k))->u64, k);
        assert_non_null(wf_map_put(&m, key_of(text, i), NULL)); /* and goes on */
        wf_map_deinit(&m);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed)
            break;
        n_failures++;
    }
    assert_true(n_failures >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__agrees_with_a_model),
        cmocka_unit_test(test_map__empty_and_binary_keys),
        cmocka_unit_test(test_map__keys_are_copied),
        cmocka_unit_test(test_map__holds_the_maximum_and_no_more),
        cmocka_unit_test(test_map__survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
