/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: every length, every kind of damage, and the fast paths against the slow truth. */
#include "text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/rng.h"

static size_t valid_prefix(const char *p, size_t n)
{
    return wf_utf8_valid_prefix((struct wf_str){p, n});
}

static void test_utf8__round_trips_every_scalar_value(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp == 0xD800)
            cp = 0xE000;
        char p[4];
        size_t n = wf_utf8_put(p, cp), i = 0;
        assert_int_equal(valid_prefix(p, n), n);
        assert_int_equal(wf_utf8_next((struct wf_str){p, n}, &i), cp);
        assert_int_equal(i, n);
        assert_int_equal(wf_utf8_count((struct wf_str){p, n}), 1);
    }
}

static void test_utf8__finds_where_validity_ends(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n, valid;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"abc\x80", 4, 3},
        {"\xC0\x80", 2, 0},         /* overlong */
        {"\xC1\xBF", 2, 0},         /* overlong */
        {"\xE0\x9F\xBF", 3, 0},     /* overlong */
        {"\xF0\x8F\xBF\xBF", 4, 0}, /* overlong */
        {"\xED\xA0\x80", 3, 0},     /* surrogate */
        {"\xED\x9F\xBF", 3, 3},     /* the last before them */
        {"\xF4\x8F\xBF\xBF", 4, 4}, /* U+10FFFF */
        {"\xF4\x90\x80\x80", 4, 0}, /* above */
        {"\xF5\x80\x80\x80", 4, 0}, /* no lead */
        {"a\xE2\x82", 3, 1},        /* cut off */
        {"a\xE2\x82\xAC", 4, 4},    /* whole */
        {"\xF0\x9F\x98", 3, 0},     /* cut off */
        {"12345678\xFF"
         "12345678",
         17, 8}, /* behind a whole word */
        {"0123456789012345678901234567890\xC3\xA4", 33, 33},
        {"01234567890123456789012345678901\xC3", 33, 32},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        assert_int_equal(valid_prefix(cases[k].bytes, cases[k].n), cases[k].valid);
}

static void test_utf8__decodes_damage_without_reading_outside(void **state)
{
    (void)state;
    struct wf_str s = {"\xE2\x82", 2};
    size_t i = 0;
    assert_int_equal(wf_utf8_next(s, &i), 0xFFFD);
    assert_int_equal(i, 1);
    assert_int_equal(wf_utf8_next(s, &i), 0xFFFD);
    assert_int_equal(i, 2);
}

static void test_utf8__counts_and_finds_offsets_like_a_walk(void **state)
{
    (void)state;
    struct wf_rng_seeded seeded;
    wf_rng_seeded_init(&seeded, 1);
    for (int round = 0; round < 200; round++) {
        char text[1200];
        size_t n = 0, starts[300], n_cps = wf_rng_below(&seeded.rng, 300);
        static const uint32_t ranges[] = {0x80, 0x800, 0xD800, 0x20000};
        uint32_t range = ranges[wf_rng_below(&seeded.rng, 4)];
        for (size_t k = 0; k < n_cps; k++) {
            starts[k] = n;
            n += wf_utf8_put(text + n, (uint32_t)wf_rng_below(&seeded.rng, range) % 0xD800);
        }
        struct wf_str s = {text, n};
        assert_int_equal(wf_utf8_valid_prefix(s), n);
        assert_int_equal(wf_utf8_count(s), n_cps);
        for (size_t k = 0; k < n_cps; k++)
            assert_int_equal(wf_utf8_offset(s, k), starts[k]);
        assert_int_equal(wf_utf8_offset(s, n_cps), n);
        assert_int_equal(wf_utf8_offset(s, n_cps + 7), n);
    }
}

static void expect_repair(const char *bytes, size_t n, const char *expected)
{
    struct wf_buf b;
    wf_buf_init(&b, 1000);
    assert_int_equal(wf_utf8_append_repaired(&b, (struct wf_str){bytes, n}), 0);
    assert_string_equal(b.ptr, expected);
    wf_buf_deinit(&b);
}

static void test_utf8__repairs_by_maximal_parts(void **state)
{
    (void)state;
    expect_repair("", 0, "");
    expect_repair("a\0b", 3, "a\u2400b");
    expect_repair("a\xFFz", 3, "a\uFFFDz");
    /* the examples of Unicode 15, tables 3-8 to 3-11 */
    expect_repair("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", 9,
                  "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
    expect_repair("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", 9,
                  "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
    expect_repair("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", 9,
                  "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFD\x42");
    expect_repair("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9, "\uFFFD\uFFFD\uFFFD\uFFFDA");
}

static void test_utf8__repair_reports_limit_and_memory(void **state)
{
    (void)state;
    struct wf_buf b;
    wf_buf_init(&b, 4);
    assert_int_equal(wf_utf8_append_repaired(&b, WF_STR("a\xFF")), 0);
    wf_buf_reset(&b);
    assert_int_equal(wf_utf8_append_repaired(&b, WF_STR("ab\xFF")), WF_E_LIMIT);
    wf_buf_deinit(&b);
    wf_buf_init(&b, 100);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_utf8_append_repaired(&b, WF_STR("ab\xFF")), WF_E_NOMEM);
    assert_true(wf_alloc_failed());
    wf_alloc_fail_at(0);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__round_trips_every_scalar_value),
        cmocka_unit_test(test_utf8__finds_where_validity_ends),
        cmocka_unit_test(test_utf8__decodes_damage_without_reading_outside),
        cmocka_unit_test(test_utf8__counts_and_finds_offsets_like_a_walk),
        cmocka_unit_test(test_utf8__repairs_by_maximal_parts),
        cmocka_unit_test(test_utf8__repair_reports_limit_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
