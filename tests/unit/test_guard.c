/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: whose Host, whose Origin, which token, and codes that work once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_internal.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct wf_guard guard;

static int begin(void **state)
{
    const struct wf_http_options o = {.host = "127.0.0.1",
                                      .port = 7770,
                                      .token = TOKEN,
                                      .first_code = "00112233445566778899aabbccddeeff"};

    (void)state;
    return wf_guard_init(&guard, &o, NULL);
}

static int end(void **state)
{
    (void)state;
    wf_guard_deinit(&guard);
    return 0;
}

static void test_guard__knows_its_hosts(void **state)
{
    static const char *const ours[] = {"127.0.0.1:7770", "localhost:7770", "LOCALHOST:7770",
                                       "[::1]:7770"};
    static const char *const others[] = {"",
                                         "127.0.0.1",
                                         "127.0.0.1:80",
                                         "evil.example:7770",
                                         "localhost.evil.example:7770",
                                         "127.0.0.1:7770.evil",
                                         "localhost"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(ours); i++)
        assert_true(wf_guard_host_ok(&guard, ours[i]));
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++)
        assert_false(wf_guard_host_ok(&guard, others[i]));
}

static void test_guard__knows_its_origins(void **state)
{
    (void)state;
    assert_true(wf_guard_origin_ok(&guard, ""));
    assert_true(wf_guard_origin_ok(&guard, "http://127.0.0.1:7770"));
    assert_false(wf_guard_origin_ok(&guard, "null"));
    assert_false(wf_guard_origin_ok(&guard, "https://127.0.0.1:7770"));
    assert_false(wf_guard_origin_ok(&guard, "http://127.0.0.1:7771"));
    assert_false(wf_guard_origin_ok(&guard, "http://evil.example"));
    assert_false(wf_guard_is_friend(&guard, "http://127.0.0.1:7770"));
    assert_false(wf_guard_is_friend(&guard, ""));
    strcpy(guard.origins, "http://localhost:5173, https://notes.example");
    assert_true(wf_guard_is_friend(&guard, "http://localhost:5173"));
    assert_true(wf_guard_is_friend(&guard, "https://Notes.example"));
    assert_false(wf_guard_is_friend(&guard, "http://localhost:517"));
    assert_false(wf_guard_is_friend(&guard, "http://localhost:51734"));
    assert_false(wf_guard_is_friend(&guard, "null"));
    assert_false(wf_guard_is_friend(&guard, ""));
}

static void test_guard__takes_the_whole_token_only(void **state)
{
    (void)state;
    assert_true(wf_guard_token_ok(&guard, wf_str_from(TOKEN)));
    assert_false(wf_guard_token_ok(&guard, wf_str_from("")));
    assert_false(wf_guard_token_ok(&guard, wf_str_n(TOKEN, 31)));
    assert_false(wf_guard_token_ok(&guard, wf_str_from(TOKEN "0")));
    assert_false(wf_guard_cookie_ok(&guard, wf_str_from(TOKEN)));
    assert_true(wf_guard_cookie_ok(&guard, wf_str_from(guard.cookie)));
}

static void test_guard__a_code_works_once(void **state)
{
    char code[WF_HTTP_CODE_HEX_LEN + 1];

    (void)state;
    assert_true(wf_guard_use_code(&guard, WF_STR("00112233445566778899aabbccddeeff")));
    assert_false(wf_guard_use_code(&guard, WF_STR("00112233445566778899aabbccddeeff")));
    wf_guard_new_code(&guard, code);
    assert_false(wf_guard_use_code(&guard, wf_str_n(code, 31)));
    assert_true(wf_guard_use_code(&guard, wf_str_from(code)));
    assert_false(wf_guard_use_code(&guard, wf_str_from(code)));
    assert_false(wf_guard_use_code(&guard, WF_STR("")));
}

static void test_guard__old_codes_give_way(void **state)
{
    char first[WF_HTTP_CODE_HEX_LEN + 1], code[WF_HTTP_CODE_HEX_LEN + 1];

    (void)state;
    wf_guard_new_code(&guard, first);
    for (int i = 0; i < WF_HTTP_CODES_MAX; i++)
        wf_guard_new_code(&guard, code);
    assert_false(wf_guard_use_code(&guard, wf_str_from(first)));
    assert_true(wf_guard_use_code(&guard, wf_str_from(code)));
}

static void test_guard__a_short_token_is_refused(void **state)
{
    const struct wf_http_options o = {.host = "::1", .port = 1, .token = "short"};
    struct wf_guard g;

    (void)state;
    assert_int_equal(wf_guard_init(&g, &o, NULL), WF_E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guard__knows_its_hosts, begin, end),
        cmocka_unit_test_setup_teardown(test_guard__knows_its_origins, begin, end),
        cmocka_unit_test_setup_teardown(test_guard__takes_the_whole_token_only, begin, end),
        cmocka_unit_test_setup_teardown(test_guard__a_code_works_once, begin, end),
        cmocka_unit_test_setup_teardown(test_guard__old_codes_give_way, begin, end),
        cmocka_unit_test(test_guard__a_short_token_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
