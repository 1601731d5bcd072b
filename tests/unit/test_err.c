/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/err.h: codes, sentences, cutting, what outside bytes become. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void test_err__set_fills_code_and_text(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_err_set(&e, WF_E_LIMIT, "%s has %d pages", "a.pdf", 7), WF_E_LIMIT);
    assert_int_equal(e.code, WF_E_LIMIT);
    assert_string_equal(e.msg, "a.pdf has 7 pages");
    assert_int_equal(wf_err_set(NULL, WF_E_IO, "x"), WF_E_IO);
}

static void test_err__own_message_may_be_an_argument(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    (void)wf_err_set(&e, WF_E_IO, "inner");
    assert_int_equal(wf_err_set(&e, WF_E_BUSY, "outer (%s)", e.msg), WF_E_BUSY);
    assert_string_equal(e.msg, "outer (inner)");
}

static void test_err__cuts_at_code_point_border(void **state)
{
    (void)state;
    /* Sequences of 2, 3 and 4 bytes across the end, at every phase. */
    const char *const units[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t u = 0; u < WF_ARRAY_LEN(units); u++) {
        for (size_t shift = 0; shift < 5; shift++) {
            char text[600] = "";
            memset(text, 'x', shift);
            size_t len = shift;
            size_t unit = strlen(units[u]);
            for (; len < 400; len += unit)
                memcpy(text + len, units[u], unit);
            text[len] = '\0';
            struct wf_err e = WF_ERR_INIT;
            (void)wf_err_set(&e, WF_E_IO, "%s", text);
            size_t got = strlen(e.msg);
            assert_true(got <= WF_ERR_MSG_MAX - 1 && got > WF_ERR_MSG_MAX - 1 - unit);
            assert_int_equal((got - shift) % unit, 0);
            assert_memory_equal(e.msg, text, got);
        }
    }
}

static void test_err__fits_exactly(void **state)
{
    (void)state;
    char text[WF_ERR_MSG_MAX + 1];
    memset(text, 'y', sizeof(text));
    text[WF_ERR_MSG_MAX - 1] = '\0'; /* the limit */
    struct wf_err e = WF_ERR_INIT;
    (void)wf_err_set(&e, WF_E_IO, "%s", text);
    assert_string_equal(e.msg, text);
    text[WF_ERR_MSG_MAX - 1] = 'y';
    text[WF_ERR_MSG_MAX] = '\0'; /* one more */
    (void)wf_err_set(&e, WF_E_IO, "%s", text);
    assert_int_equal(strlen(e.msg), WF_ERR_MSG_MAX - 1);
}

static void test_err__makes_outside_bytes_printable(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    (void)wf_err_set(&e, WF_E_IO, "a\nb\x1b[1m %s", "caf\xE9 \xED\xA0\x80");
    assert_string_equal(e.msg, "a b [1m caf? ???");
}

static void test_err__errno_maps_and_names_the_cause(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_err_errno(&e, ENOSPC, "cannot write %s", "/a"), WF_E_FULL);
    assert_string_equal(e.msg, "cannot write /a: No space left on device");
    assert_int_equal(e.code, WF_E_FULL);
    assert_int_equal(wf_err_errno(&e, ENOENT, "x"), WF_E_NOENT);
    assert_int_equal(wf_err_errno(&e, EACCES, "x"), WF_E_DENIED);
    assert_int_equal(wf_err_errno(NULL, EIO, "x"), WF_E_IO);
    assert_int_equal(wf_err_errno(&e, 99999, "x"), WF_E_IO);
    assert_string_equal(e.msg, "x: error 99999");
    char path[400];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    (void)wf_err_errno(&e, ENOSPC, "%s", path);
    assert_non_null(strstr(e.msg, "pp: No space left on device"));
}

static void test_err__prefix_goes_in_front(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    (void)wf_err_set(&e, WF_E_FORMAT, "no header");
    wf_err_prefix(&e, "%s", "book.epub");
    assert_string_equal(e.msg, "book.epub: no header");
    assert_int_equal(e.code, WF_E_FORMAT);
    wf_err_prefix(NULL, "nothing");
    for (size_t i = 0; i + 2 < WF_ERR_MSG_MAX; i += 2)
        memcpy(e.msg + i, "\xC3\xA4", 3);
    wf_err_prefix(&e, "xy"); /* the field now ends inside a code point */
    assert_int_equal(strlen(e.msg), WF_ERR_MSG_MAX - 2);
    assert_null(strchr(e.msg, '?'));
}

static void test_err__names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(wf_err_name(WF_E_NOMEM), "WF_E_NOMEM");
    assert_string_equal(wf_err_text(WF_E_FULL), "no space left");
    assert_string_equal(wf_err_name(0), "WF_OK");
    assert_string_equal(wf_err_text(0), "success");
    assert_string_equal(wf_err_name(-999), "WF_E_?");
    assert_string_equal(wf_err_text(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__set_fills_code_and_text),
        cmocka_unit_test(test_err__own_message_may_be_an_argument),
        cmocka_unit_test(test_err__cuts_at_code_point_border),
        cmocka_unit_test(test_err__fits_exactly),
        cmocka_unit_test(test_err__makes_outside_bytes_printable),
        cmocka_unit_test(test_err__errno_maps_and_names_the_cause),
        cmocka_unit_test(test_err__prefix_goes_in_front),
        cmocka_unit_test(test_err__names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
