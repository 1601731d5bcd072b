/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/arena.h: pieces stay whole and aligned, the maximum, reuse, failures. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/rng.h"

static void test_arena__pieces_stay_whole(void **state)
{
    (void)state;
    enum {
        N = 2000
    };
    static unsigned char *pieces[N];
    static size_t sizes[N];
    struct wf_rng_seeded rng;
    wf_rng_seeded_init(&rng, 1);
    struct wf_arena a;
    wf_arena_init(&a, 4096, SIZE_MAX);
    for (size_t i = 0; i < N; i++) {
        /* Small ones, and now and then one with a block of its own. */
        sizes[i] = (size_t)wf_rng_below(&rng.rng, i % 50 == 0 ? 10000 : 100);
        pieces[i] = wf_arena_alloc(&a, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i % 255 + 1);
    }
    wf_arena_deinit(&a);
}

static void test_arena__few_strings_take_little(void **state)
{
    (void)state;
    uint64_t before = wf_alloc_stats().bytes_live;
    struct wf_arena a;
    wf_arena_init(&a, 0, SIZE_MAX);
    assert_int_equal(wf_alloc_stats().bytes_live, before); /* init allocates nothing */
    assert_non_null(wf_arena_cstr(&a, WF_STR("one")));
    assert_true(wf_alloc_stats().bytes_live < before + 2000);
    uint64_t n_before = wf_alloc_stats().n_total;
    for (int i = 0; i < 10000; i++)
        assert_non_null(wf_arena_alloc(&a, 100));
    assert_true(wf_alloc_stats().n_total - n_before < 30); /* blocks grow */
    wf_arena_deinit(&a);
    wf_arena_deinit(&a);
    assert_int_equal(wf_alloc_stats().bytes_live, before);
}

static void test_arena__holds_the_maximum_and_no_more(void **state)
{
    (void)state;
    struct wf_arena a;
    wf_arena_init(&a, 64, 256);
    for (int i = 0; i < 16; i++)
        assert_non_null(wf_arena_alloc(&a, 16));
    assert_null(wf_arena_alloc(&a, 1));
    wf_arena_deinit(&a);
    wf_arena_init(&a, 0, 1000);
    assert_null(wf_arena_alloc(&a, 1001));
    assert_non_null(wf_arena_alloc(&a, 1000));
    assert_null(wf_arena_alloc(&a, 1));
    wf_arena_reset(&a);
    assert_non_null(wf_arena_alloc(&a, 999)); /* the block is taken again */
    wf_arena_deinit(&a);
    wf_arena_init(&a, 0, 0);
    assert_null(wf_arena_alloc(&a, 0));
    wf_arena_deinit(&a);
    wf_arena_init(&a, 0, SIZE_MAX);
    assert_null(wf_arena_alloc(&a, SIZE_MAX));
    assert_null(wf_arena_alloc(&a, SIZE_MAX - 20));
    assert_null(wf_arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(wf_arena_cstr(&a, wf_str_n("", SIZE_MAX)));
    assert_non_null(wf_arena_array(&a, 10, 8));
    wf_arena_deinit(&a);
}

static void test_arena__reset_keeps_a_block(void **state)
{
    (void)state;
    struct wf_arena a;
    wf_arena_init(&a, 1000, SIZE_MAX);
    wf_arena_reset(&a); /* of an empty one */
    for (int i = 0; i < 100; i++)
        memset(wf_arena_alloc(&a, 100), 0xFF, 100);
    wf_arena_reset(&a);
    uint64_t n_before = wf_alloc_stats().n_total;
    unsigned char *p = wf_arena_alloc(&a, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0); /* zeroed anew */
    assert_int_equal(wf_alloc_stats().n_total, n_before);
    wf_arena_deinit(&a);
}

static void test_arena__copies_and_formats(void **state)
{
    (void)state;
    struct wf_arena a;
    wf_arena_init(&a, 0, SIZE_MAX);
    struct wf_str s = wf_arena_dup(&a, WF_STR("x\0y"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.ptr, "x\0y\0", 4);
    s = wf_arena_dup(&a, wf_str_n(NULL, 0));
    assert_non_null(s.ptr);
    assert_string_equal(s.ptr, "");
    assert_string_equal(wf_arena_cstr(&a, WF_STR("c")), "c");
    assert_string_equal(wf_arena_printf(&a, "%s-%d", "n", 5), "n-5");
    char *big = wf_arena_printf(&a, "%0200000d", 1);
    assert_int_equal(strlen(big), 200000);
    wf_arena_deinit(&a);
}

static void test_arena__survives_every_allocation_failure(void **state)
{
    (void)state;
    uint64_t live = wf_alloc_stats().n_live;
    for (uint64_t n = 1;; n++) {
        struct wf_arena a;
        wf_arena_init(&a, 1024, SIZE_MAX);
        wf_alloc_fail_at(n);
        bool ok = true;
        for (size_t i = 0; i < 50; i++)
            ok = wf_arena_alloc(&a, i * 17) && ok;
        ok = wf_arena_dup(&a, WF_STR("s")).ptr && ok;
        ok = wf_arena_printf(&a, "%05000d", 1) && ok;
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(ok, !failed);
        wf_arena_deinit(&a);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed) {
            assert_true(n > 5);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__pieces_stay_whole),
        cmocka_unit_test(test_arena__few_strings_take_little),
        cmocka_unit_test(test_arena__holds_the_maximum_and_no_more),
        cmocka_unit_test(test_arena__reset_keeps_a_block),
        cmocka_unit_test(test_arena__copies_and_formats),
        cmocka_unit_test(test_arena__survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
