/* SPDX-License-Identifier: Apache-2.0 */
/* Phones: a code lets one in, once, for five minutes; guessing does not pay; who is out is out, and
 * stays so after a start; tokens are nowhere in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "op/phones.h"
#include "os/file.h"

static char dir[64], path[96];
static int64_t now_ms;
static struct wf_phones *phones;
static uint64_t told;
static unsigned n_changes;

static int64_t wall(void *ud)
{
    (void)ud;
    return now_ms;
}

static const struct wf_clock played_clock = {.wall_ms = wall};

static void changed(void *ud)
{
    (void)ud;
    n_changes++;
}

static void revoked(void *ud, uint64_t id)
{
    (void)ud;
    told = id;
}

static int open_phones(struct wf_err *err)
{
    const struct wf_phones_options o = {.path = path, .clock = &played_clock, .changed = changed};
    int rc = wf_phones_open(&o, &phones, err);

    if (rc == 0)
        wf_phones_on_revoked(phones, revoked, NULL);
    return rc;
}

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-phones-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/phones", dir);
    now_ms = 1795926000000;
    told = n_changes = 0;
    return open_phones(NULL);
}

static int end(void **state)
{
    char command[96];

    (void)state;
    wf_phones_close(phones);
    phones = NULL;
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

static struct wf_phones_joined let_in(const char *name)
{
    struct wf_phones_joined j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES];
    int64_t until_ms;

    wf_phones_invite(phones, code, &until_ms);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), wf_str_from(name), &j, NULL), 0);
    return j;
}

static void test_phones__a_code_counts_once(void **state)
{
    struct wf_phones_joined a = {.id = 0}, b = {.id = 0};
    struct wf_err err = WF_ERR_INIT;
    char code[WF_PHONES_CODE_BYTES], typed[WF_PHONES_CODE_BYTES];
    int64_t until_ms;

    (void)state;
    wf_phones_invite(phones, code, &until_ms);
    assert_int_equal(strlen(code), 11);
    assert_int_equal(until_ms, now_ms + WF_PHONES_INVITE_MS);
    for (size_t i = 0; i < sizeof(code); i++) /* as somebody types it */
        typed[i] = code[i] == '-'                     ? ' '
                   : code[i] == '0'                   ? 'o'
                   : code[i] == '1'                   ? 'l'
                   : code[i] >= 'A' && code[i] <= 'Z' ? (char)(code[i] + 32)
                                                      : code[i];
    assert_int_equal(wf_phones_join(phones, wf_str_from(typed), WF_STR(" My phone "), &a, &err), 0);
    assert_string_equal(a.name, "My phone");
    assert_int_equal(wf_phones_token(phones, wf_str_from(a.token)), a.id);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR("b"), &b, &err), WF_E_DENIED);
    assert_int_equal(b.id, 0);
    assert_int_equal(n_changes, 1);
}

static void test_phones__a_code_ends(void **state)
{
    struct wf_phones_joined j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES], second[WF_PHONES_CODE_BYTES];
    int64_t until_ms;

    (void)state;
    wf_phones_invite(phones, code, &until_ms);
    now_ms = until_ms;
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_DENIED);
    wf_phones_invite(phones, code, &until_ms);
    wf_phones_uninvite(phones);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_DENIED);
    wf_phones_invite(phones, code, &until_ms);
    wf_phones_invite(phones, second, &until_ms);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_DENIED);
    now_ms += 1000;
    assert_int_equal(wf_phones_join(phones, wf_str_from(second), WF_STR(""), &j, NULL), 0);
    assert_string_equal(j.name, "phone");
}

static void test_phones__guessing_is_slow_and_ends(void **state)
{
    struct wf_phones_joined j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES];
    int64_t until_ms;

    (void)state;
    wf_phones_invite(phones, code, &until_ms);
    assert_int_equal(wf_phones_join(phones, WF_STR("22222-22222"), WF_STR(""), &j, NULL),
                     WF_E_DENIED);
    now_ms += 500;
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_BUSY);
    for (int i = 1; i < WF_PHONES_WRONG_MAX; i++) {
        now_ms += 1000;
        assert_int_equal(wf_phones_join(phones, WF_STR("22222-22222"), WF_STR(""), &j, NULL),
                         WF_E_DENIED);
    }
    now_ms += 1000;
    assert_true(now_ms < until_ms);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_DENIED);
    assert_int_equal(wf_phones_join(phones, WF_STR(""), WF_STR(""), &j, NULL), WF_E_DENIED);
}

static void test_phones__who_is_out_is_out(void **state)
{
    struct wf_phones_joined a = let_in("a"), b = let_in("a");

    (void)state;
    assert_string_equal(b.name, "a (2)");
    assert_int_equal(wf_phones_revoke(phones, WF_STR("nobody"), NULL), WF_E_NOENT);
    assert_int_equal(told, 0);
    assert_int_equal(wf_phones_revoke(phones, WF_STR("a"), NULL), 0);
    assert_int_equal(told, a.id);
    assert_int_equal(wf_phones_token(phones, wf_str_from(a.token)), 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(b.token)), b.id);
    assert_int_equal(wf_phones_leave(phones, b.id, NULL), 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(b.token)), 0);
    assert_null(wf_phones_one(phones, b.id));
}

static void test_phones__are_there_after_a_start(void **state)
{
    struct wf_phones_joined a = let_in("first"), b = let_in("second");
    struct wf_buf file;
    struct stat st;
    json_t *one;

    (void)state;
    assert_int_equal(wf_phones_revoke(phones, WF_STR("first"), NULL), 0);
    now_ms += 60000;
    assert_int_equal(wf_phones_token(phones, wf_str_from(b.token)), b.id);
    wf_phones_close(phones);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    wf_buf_init(&file, 65536);
    assert_int_equal(wf_file_read(path, &file, NULL), 0);
    wf_buf_append_byte(&file, 0);
    assert_null(strstr(file.ptr, b.token));
    wf_buf_deinit(&file);
    assert_int_equal(open_phones(NULL), 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(a.token)), 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(b.token)), b.id);
    one = wf_phones_one(phones, b.id);
    assert_int_equal(json_integer_value(json_object_get(one, "seen")), now_ms);
    assert_string_equal(wf_json_text(one, "name"), "second");
    json_decref(one);
}

static void test_phones__a_broken_file_is_said_and_kept(void **state)
{
    static const char *const broken[] = {
        "nonsense", "{}", "{\"phones\":[{}]}",
        "{\"phones\":[{\"id\":1,\"name\":\"x\",\"hash\":\"00\",\"created\":1,\"seen\":1}]}"};
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf file;

    (void)state;
    wf_phones_close(phones);
    phones = NULL;
    wf_buf_init(&file, 65536);
    for (size_t i = 0; i < WF_ARRAY_LEN(broken); i++) {
        assert_int_equal(wf_file_replace(path, broken[i], strlen(broken[i]), 0600, NULL), 0);
        assert_int_equal(open_phones(&err), WF_E_FORMAT);
        assert_int_equal(wf_file_read(path, &file, NULL), 0);
        assert_true(wf_str_eq(wf_buf_str(&file), wf_str_from(broken[i])));
    }
    wf_buf_deinit(&file);
    assert_int_equal(remove(path), 0);
    assert_int_equal(open_phones(NULL), 0);
}

static void test_phones__are_only_so_many(void **state)
{
    struct wf_phones_joined j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES], name[WF_PHONES_NAME_BYTES + 2];
    int64_t until_ms;

    (void)state;
    for (int i = 0; i < WF_PHONES_MAX; i++)
        (void)let_in("many");
    wf_phones_invite(phones, code, &until_ms);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR(""), &j, NULL), WF_E_LIMIT);
    assert_int_equal(wf_phones_revoke(phones, WF_STR("many"), NULL), 0);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), wf_str_from(name), &j, NULL),
                     WF_E_LIMIT);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR("a\nb"), &j, NULL),
                     WF_E_INVAL);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR("\xff"), &j, NULL),
                     WF_E_INVAL);
    assert_int_equal(wf_phones_join(phones, wf_str_from(code), WF_STR("ok"), &j, NULL), 0);
}

static void test_phones__a_full_disk_lets_nobody_in_or_out(void **state)
{
    struct wf_phones_joined a = let_in("a"), j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES];
    int64_t until_ms;

    (void)state;
    wf_phones_invite(phones, code, &until_ms);
    wf_file_fail_at(1);
    assert_int_not_equal(wf_phones_join(phones, wf_str_from(code), WF_STR("b"), &j, NULL), 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(j.token)), 0);
    wf_file_fail_at(1);
    assert_int_not_equal(wf_phones_revoke(phones, WF_STR("a"), NULL), 0);
    wf_file_fail_at(0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(a.token)), a.id);
    assert_int_equal(wf_phones_revoke(phones, WF_STR("a"), NULL), 0);
}

static void test_phones__memory_may_run_out_anywhere(void **state)
{
    struct wf_phones_joined j = {.id = 0};
    char code[WF_PHONES_CODE_BYTES];
    int64_t until_ms;
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc == WF_E_NOMEM; n++) {
        now_ms += 1000;
        wf_phones_invite(phones, code, &until_ms);
        wf_alloc_fail_at(n);
        rc = wf_phones_join(phones, wf_str_from(code), WF_STR("a"), &j, NULL);
        wf_alloc_fail_at(0);
        assert_true(n < 200);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(wf_phones_token(phones, wf_str_from(j.token)), j.id);
    wf_phones_close(phones);
    phones = NULL;
    rc = WF_E_NOMEM;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = open_phones(NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM || rc == WF_E_FORMAT);
        assert_true(n < 200);
    }
    assert_int_equal(wf_phones_token(phones, wf_str_from(j.token)), j.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_phones__a_code_counts_once, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__a_code_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__guessing_is_slow_and_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__who_is_out_is_out, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__are_there_after_a_start, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__a_broken_file_is_said_and_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__are_only_so_many, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__a_full_disk_lets_nobody_in_or_out, begin, end),
        cmocka_unit_test_setup_teardown(test_phones__memory_may_run_out_anywhere, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
