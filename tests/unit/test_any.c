/* SPDX-License-Identifier: Apache-2.0 */
/* Any values: canonical bytes, JSON as JavaScript has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/rng.h"
#include "crdt/any.h"

static void assert_json(const char *json, const char *wanted)
{
    struct wf_buf any, out;

    wf_buf_init(&any, SIZE_MAX);
    wf_buf_init(&out, SIZE_MAX);
    assert_int_equal(wf_any_from_json(wf_str_from(json), false, &any), 0);
    wf_any_to_json(wf_buf_str(&any), &out);
    assert_string_equal(out.ptr, wanted);
    wf_buf_deinit(&any);
    wf_buf_deinit(&out);
}

static void test_any__json_is_javascripts(void **state)
{
    (void)state;
    assert_json("null", "null");
    assert_json(" [1, 2.50 ,-0, 1e21, 1e-7, 123456789012345680000] ",
                "[1,2.5,0,1e+21,1e-7,123456789012345680000]");
    assert_json("[0.1,1.7976931348623157e308,5e-324,100,0.000001]",
                "[0.1,1.7976931348623157e+308,5e-324,100,0.000001]");
    assert_json("{\"b\":1,\"2\":0,\"a\":{},\"1\":[],\"b\":3}",
                "{\"1\":[],\"2\":0,\"b\":3,\"a\":{}}");
    assert_json("\"\\u00e9\\ud83d\\ude00\\ud83d\\n\\/\\u0001\"",
                "\"\xc3\xa9\xf0\x9f\x98\x80\xef\xbf"
                "\xbd\\n/\\u0001\"");
}

static void test_any__what_is_no_json_is_refused(void **state)
{
    static const char *const wrong[] = {"",      "{",        "[1,]",  "{\"a\"}", "\"a",
                                        "nul",   "01x",      "+1",    "[1 2]",   "\"\\x\"",
                                        "true1", "{\"a\":}", "\"\n\""};
    struct wf_buf out;

    (void)state;
    wf_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (wf_any_from_json(wf_str_from(wrong[i]), false, &out) != WF_E_FORMAT)
            fail_msg("taken: %s", wrong[i]);
    }
    wf_buf_deinit(&out);
}

static void assert_canonical(const char *in, size_t n, const char *wanted, size_t n_wanted)
{
    struct wf_lib0_in r = wf_lib0_in(in, n);
    struct wf_buf out;

    wf_buf_init(&out, SIZE_MAX);
    assert_int_equal(wf_any_read(&r, &out), 0);
    assert_int_equal(out.len, n_wanted);
    assert_memory_equal(out.ptr, wanted, n_wanted);
    wf_buf_deinit(&out);
}

static void test_any__numbers_take_their_shortest_form(void **state)
{
    (void)state;
    assert_canonical("\x7b\x3f\xf0\0\0\0\0\0\0", 9, "\x7d\x01", 2);             /* 1.0 */
    assert_canonical("\x7b\x80\0\0\0\0\0\0\0", 9, "\x7d\x40", 2);               /* -0 */
    assert_canonical("\x7b\x3f\xe0\0\0\0\0\0\0", 9, "\x7c\x3f\0\0\0", 5);       /* 0.5 */
    assert_canonical("\x7b\x41\xe0\0\0\0\0\0\0", 9, "\x7c\x4f\0\0\0", 5);       /* 2^31 */
    assert_canonical("\x7d\x7f", 2, "\x7d\x7f", 2);                             /* -63 */
    assert_canonical("\x7a\0\0\0\0\0\0\0\x05", 9, "\x7a\0\0\0\0\0\0\0\x05", 9); /* 5n */
}

static void test_any__nesting_is_bounded(void **state)
{
    char deep[2 * (WF_LIMIT_NESTING + 2) + 1];
    struct wf_lib0_in r;
    struct wf_buf out;

    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        size_t n = WF_LIMIT_NESTING + (size_t)extra;
        for (size_t i = 0; i < n; i++)
            memcpy(deep + 2 * i, "\x75\x01", 2);
        deep[2 * n] = 0x7e;
        r = wf_lib0_in(deep, 2 * n + 1);
        wf_buf_init(&out, SIZE_MAX);
        assert_int_equal(wf_any_read(&r, &out), extra == 0 ? 0 : WF_E_FORMAT);
        wf_buf_deinit(&out);
    }
}

/* True when the value is plain; then it is canonical, and of the same bytes. */
static bool check_plain(const uint8_t *p, size_t n)
{
    struct wf_lib0_in plain = wf_lib0_in(p, n), full = plain;
    bool is = wf_any_plain(&plain);
    struct wf_buf out;

    wf_buf_init(&out, SIZE_MAX);
    if (is) {
        assert_int_equal(wf_any_read(&full, &out), 0);
        assert_ptr_equal(plain.p, full.p);
        assert_int_equal(out.len, full.p - p);
        assert_memory_equal(out.ptr, p, out.len);
    }
    wf_buf_deinit(&out);
    return is;
}

static void test_any__plain_is_canonical(void **state)
{
    static const char *const plain[] = {"null", "[1,2,[\"x\",true]]",
                                        "{\"a\":{\"b\":-70000},\"c\":\"\xc3\xa9\"}", "\"\""};
    static const char *const odd[] = {"1.5", "3000000000", "{\"1\":1}", "[0.1]"};
    static const uint8_t tags[] = {116, 117, 118, 119, 120, 121, 122, 123,  124,  125,
                                   126, 127, 0,   1,   2,   'a', 'b', 0x40, 0x80, 0xff};
    struct wf_rng_seeded rng;
    unsigned n_plain = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct wf_buf any;
        wf_buf_init(&any, SIZE_MAX);
        assert_int_equal(wf_any_from_json(wf_str_from(plain[i]), false, &any), 0);
        assert_true(check_plain((const uint8_t *)any.ptr, any.len));
        assert_false(check_plain((const uint8_t *)any.ptr, any.len - 1));
        wf_buf_reset(&any);
        assert_int_equal(wf_any_from_json(wf_str_from(odd[i]), false, &any), 0);
        assert_false(check_plain((const uint8_t *)any.ptr, any.len));
        wf_buf_deinit(&any);
    }
    wf_rng_seeded_init(&rng, 6);
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[16];
        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = tags[wf_rng_below(&rng.rng, sizeof(tags))];
        bytes[0] = tags[wf_rng_below(&rng.rng, 12)];
        n_plain += check_plain(bytes, sizeof(bytes));
    }
    assert_true(n_plain > 10000);
}

static void test_any__memory_may_run_out(void **state)
{
    static const char json[] = "{\"1\":[true,{\"x\":\"y\"}],\"a\":null,\"a\":1.5}";

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_buf any, out;
        wf_buf_init(&any, SIZE_MAX);
        wf_buf_init(&out, SIZE_MAX);
        wf_alloc_fail_at(n);
        int rc = wf_any_from_json(wf_str_from(json), false, &any);
        if (rc == 0)
            wf_any_to_json(wf_buf_str(&any), &out);
        if (rc == 0)
            rc = wf_buf_status(&out);
        bool hit = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_buf_deinit(&any);
        wf_buf_deinit(&out);
        assert_int_equal(rc != 0, hit);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any__json_is_javascripts),
        cmocka_unit_test(test_any__what_is_no_json_is_refused),
        cmocka_unit_test(test_any__numbers_take_their_shortest_form),
        cmocka_unit_test(test_any__nesting_is_bounded),
        cmocka_unit_test(test_any__plain_is_canonical),
        cmocka_unit_test(test_any__memory_may_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
