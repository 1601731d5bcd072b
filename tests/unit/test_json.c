/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of operations: types, bounds, names; JSON in and out. */
#include "op/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *v = NULL;

    assert_int_equal(wf_json_parse(wf_str_from(text), &v, NULL), 0);
    return v;
}

static void test_json__parses_and_writes(void **state)
{
    json_t *v = parse("{\"a\": [1, null, \"\\u00e9\"]}");
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_json_append(&b, v), 0);
    assert_string_equal(b.ptr, "{\"a\":[1,null,\"\xc3\xa9\"]}");
    wf_buf_deinit(&b);
    wf_buf_init(&b, 5);
    assert_int_equal(wf_json_append(&b, v), WF_E_LIMIT);
    wf_buf_deinit(&b);
    json_decref(v);
}

static void test_json__refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {"",         "{",  "{\"a\":1,\"a\":2}", "nul", "[1,]",
                                      "\"\xff\"", "1 2"};
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_int_equal(wf_json_parse(wf_str_from(bad[i]), &v, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "line"));
}

static void test_json__a_parameter_has_its_type(void **state)
{
    json_t *p = parse("{\"s\":\"x\",\"n\":7,\"t\":\"12\",\"z\":null,\"e\":\"\",\"r\":0.5}");
    const struct wf_param_range range = {1, 10, 3};
    struct wf_str s;
    int64_t n = 0;
    double x = 0;

    (void)state;
    assert_int_equal(wf_param_str(p, "s", true, &s, NULL), 0);
    assert_true(wf_str_eq(s, WF_STR("x")));
    assert_int_equal(wf_param_str(p, "n", false, &s, NULL), WF_E_INVAL);
    assert_int_equal(wf_param_str(p, "z", true, &s, NULL), WF_E_INVAL);
    assert_int_equal(wf_param_str(p, "e", true, &s, NULL), WF_E_INVAL);
    assert_int_equal(wf_param_str(p, "absent", false, &s, NULL), 0);
    assert_int_equal(s.len, 0);
    assert_int_equal(wf_param_int(p, "n", range, &n, NULL), 0);
    assert_int_equal(n, 7);
    assert_int_equal(wf_param_int(p, "t", range, &n, NULL), WF_E_INVAL); /* 12 is above 10 */
    assert_int_equal(wf_param_int(p, "s", range, &n, NULL), WF_E_INVAL);
    assert_int_equal(wf_param_int(p, "absent", range, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_int_equal(wf_param_ratio(p, "r", &x, NULL), 0);
    assert_true(x == 0.5);
    assert_int_equal(wf_param_ratio(p, "n", &x, NULL), WF_E_INVAL);
    json_decref(p);
}

static void test_json__an_unknown_parameter_is_named(void **state)
{
    static const char *const known[] = {"q", "k", NULL};
    json_t *p = parse("{\"q\":1,\"sideways\":2}");
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_param_known(p, known, &err), WF_E_INVAL);
    assert_non_null(strstr(err.msg, "sideways"));
    json_decref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__parses_and_writes),
        cmocka_unit_test(test_json__refuses_what_is_not_json),
        cmocka_unit_test(test_json__a_parameter_has_its_type),
        cmocka_unit_test(test_json__an_unknown_parameter_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
