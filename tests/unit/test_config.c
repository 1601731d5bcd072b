/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: defaults, bounds, files with mistakes in them. */
#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"

static char path[] = "/tmp/weft-test-config-XXXXXX";

static int load(const char *text, struct wf_config *c, struct wf_err *err)
{
    assert_int_equal(wf_file_replace(path, text, strlen(text), 0600, NULL), 0);
    wf_config_init(c);
    return wf_config_load(c, path, err);
}

static void test_config__has_defaults(void **state)
{
    struct wf_config c;

    (void)state;
    wf_config_init(&c);
    assert_string_equal(c.host, "127.0.0.1");
    assert_int_equal(c.port, 7770);
    assert_int_equal(c.extract_memory_mib, 512);
    assert_int_equal(c.extract_time_s, 60);
}

static void test_config__reads_lines_and_comments(void **state)
{
    struct wf_config c;

    (void)state;
    assert_int_equal(load("# mine\n\n port = 8080 # web\nhost=::1\r\n", &c, NULL), 0);
    assert_int_equal(c.port, 8080);
    assert_string_equal(c.host, "::1");
}

static void test_config__a_missing_file_is_no_error(void **state)
{
    struct wf_config c;

    (void)state;
    wf_config_init(&c);
    assert_int_equal(wf_config_load(&c, "/nonexistent/weft.conf", NULL), 0);
}

static void test_config__names_file_and_line_of_a_mistake(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_config c;

    (void)state;
    assert_int_equal(load("port = 1\nprot = 2\n", &c, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "line 2"));
    assert_non_null(strstr(err.msg, "prot"));
    assert_int_equal(load("port 1\n", &c, &err), WF_E_INVAL);
}

static void test_config__a_text_holds_no_nul(void **state)
{
    static const char text[] = "host = \0001\n";
    struct wf_config c;

    (void)state;
    assert_int_equal(wf_file_replace(path, text, sizeof(text) - 1, 0600, NULL), 0);
    wf_config_init(&c);
    assert_int_equal(wf_config_load(&c, path, NULL), WF_E_RANGE);
    assert_string_equal(c.host, "127.0.0.1");
}

static void test_config__keeps_to_the_bounds(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"port = 0", 0},
        {"port = 65535", 0},
        {"port = 65536", WF_E_RANGE},
        {"port = -1", WF_E_RANGE},
        {"port = many", WF_E_RANGE},
        {"host =", WF_E_RANGE},
        {"extract_time_s = 0", WF_E_RANGE},
        {"extract_time_s = 86400", 0},
    };
    struct wf_config c;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++)
        assert_int_equal(load(cases[i].text, &c, NULL), cases[i].code);
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    wf_file_close(&fd);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__has_defaults),
        cmocka_unit_test(test_config__reads_lines_and_comments),
        cmocka_unit_test(test_config__a_missing_file_is_no_error),
        cmocka_unit_test(test_config__names_file_and_line_of_a_mistake),
        cmocka_unit_test(test_config__keeps_to_the_bounds),
        cmocka_unit_test(test_config__a_text_holds_no_nul),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
