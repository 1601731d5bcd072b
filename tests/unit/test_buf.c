/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/buf.h: growth, the maximum, sticking failures, detaching. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"

static void test_buf__empty_is_a_c_string(void **state)
{
    (void)state;
    uint64_t before = wf_alloc_stats().n_total;
    struct wf_buf b;
    wf_buf_init(&b, 10);
    assert_string_equal(b.ptr, "");
    assert_int_equal(wf_buf_str(&b).len, 0);
    wf_buf_truncate(&b, 0);
    wf_buf_consume(&b, 0);
    wf_buf_reset(&b);
    assert_int_equal(wf_buf_append(&b, NULL, 0), 0);
    assert_int_equal(wf_buf_appendf(&b, "%s", ""), 0);
    wf_buf_deinit(&b);
    wf_buf_deinit(&b);
    assert_int_equal(wf_alloc_stats().n_total, before);
}

static void test_buf__appends_in_order(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, 1000);
    assert_int_equal(wf_buf_append_cstr(&b, "ab"), 0);
    assert_int_equal(wf_buf_append_str(&b, WF_STR("c\0d")), 0);
    assert_int_equal(wf_buf_append_byte(&b, 'e'), 0);
    assert_int_equal(wf_buf_append_fill(&b, '-', 3), 0);
    assert_int_equal(wf_buf_append_u32le(&b, 0x04030201), 0);
    assert_int_equal(wf_buf_append_u64le(&b, UINT64_C(0x0807060504030201)), 0);
    assert_int_equal(wf_buf_appendf(&b, "%d %s", 42, "x"), 0);
    const char want[] = "abc\0de---\1\2\3\4\1\2\3\4\5\6\7\10"
                        "42 x";
    assert_int_equal(b.len, sizeof(want) - 1);
    assert_memory_equal(b.ptr, want, sizeof(want));
    wf_buf_consume(&b, 2);
    assert_memory_equal(b.ptr, want + 2, sizeof(want) - 2);
    wf_buf_truncate(&b, 1);
    assert_string_equal(b.ptr, "c");
    wf_buf_deinit(&b);
}

static void test_buf__reaches_the_maximum_and_no_more(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max++) {
        struct wf_buf b;
        wf_buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(wf_buf_append_byte(&b, 'x'), 0);
        assert_int_equal(wf_buf_append_byte(&b, 'y'), WF_E_LIMIT);
        assert_int_equal(b.len, max);
        assert_int_equal(strlen(b.ptr), max);
        assert_int_equal(wf_buf_append(&b, "", 0), WF_E_LIMIT); /* it sticks */
        assert_null(wf_buf_detach(&b, NULL));
        wf_buf_reset(&b);
        assert_int_equal(wf_buf_status(&b), 0);
        assert_int_equal(wf_buf_append_fill(&b, 'z', max), 0);
        assert_int_equal(b.len, max);
        wf_buf_deinit(&b);
    }
}

static void test_buf__format_grows_and_fails_cleanly(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_buf_append_cstr(&b, "head"), 0);
    assert_int_equal(wf_buf_appendf(&b, "%097d", 1), WF_E_LIMIT);
    assert_string_equal(b.ptr, "head");
    wf_buf_reset(&b);
    assert_int_equal(wf_buf_append_cstr(&b, "head"), 0);
    assert_int_equal(wf_buf_appendf(&b, "%096d", 1), 0);
    assert_int_equal(b.len, 100);
    assert_int_equal(wf_buf_appendf(&b, "%s", ""), 0);
    wf_buf_deinit(&b);
}

static void test_buf__reserve_and_commit(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_buf_reserve(&b, 5000), 0);
    memset(b.ptr, 'a', 5000);
    wf_buf_commit(&b, 4999);
    assert_int_equal(strlen(b.ptr), 4999);
    assert_int_equal(wf_buf_reserve(&b, SIZE_MAX), WF_E_LIMIT);
    wf_buf_reset(&b);
    assert_int_equal(wf_buf_reserve(&b, SIZE_MAX / 2), WF_E_NOMEM);
    wf_buf_deinit(&b);
}

static void test_buf__detach_hands_over(void **state)
{
    (void)state;
    uint64_t live = wf_alloc_stats().n_live;
    struct wf_buf b;
    wf_buf_init(&b, 100);
    size_t len = 99;
    char *p = wf_buf_detach(&b, &len);
    assert_string_equal(p, "");
    assert_int_equal(len, 0);
    wf_free(p);
    assert_int_equal(wf_buf_append_cstr(&b, "text"), 0);
    p = wf_buf_detach(&b, &len);
    assert_string_equal(p, "text");
    assert_int_equal(len, 4);
    wf_free(p);
    assert_string_equal(b.ptr, "");
    assert_int_equal(wf_buf_append_fill(&b, 'x', 100), 0); /* the maximum stays */
    assert_int_equal(wf_buf_append_byte(&b, 'x'), WF_E_LIMIT);
    wf_buf_deinit(&b);
    assert_int_equal(wf_alloc_stats().n_live, live);
}

static void test_buf__allocation_failure_sticks(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, 1000);
    wf_alloc_fail_at(2);
    assert_int_equal(wf_buf_append_cstr(&b, "kept"), 0);
    assert_int_equal(wf_buf_append_fill(&b, 'x', 500), WF_E_NOMEM);
    assert_int_equal(wf_buf_append_byte(&b, 'x'), WF_E_NOMEM);
    assert_int_equal(wf_buf_appendf(&b, "%d", 1), WF_E_NOMEM);
    assert_string_equal(b.ptr, "kept");
    wf_buf_reset(&b);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_buf_appendf(&b, "%0500d", 1), WF_E_NOMEM);
    assert_string_equal(b.ptr, "");
    wf_buf_deinit(&b);
    wf_alloc_fail_at(1);
    assert_null(wf_buf_detach(&b, NULL));
    wf_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__empty_is_a_c_string),
        cmocka_unit_test(test_buf__appends_in_order),
        cmocka_unit_test(test_buf__reaches_the_maximum_and_no_more),
        cmocka_unit_test(test_buf__format_grows_and_fails_cleanly),
        cmocka_unit_test(test_buf__reserve_and_commit),
        cmocka_unit_test(test_buf__detach_hands_over),
        cmocka_unit_test(test_buf__allocation_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
