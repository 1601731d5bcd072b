/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of operations: types, bounds, names; JSON in and out. */
#include "op/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

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

/* What wf_json_load makes of a text is what jansson makes of it. */
static void same(struct wf_str text, size_t flags)
{
    json_error_t own = {.line = 0}, theirs = {.line = 0};
    json_t *a = wf_json_load(text, flags, &own);
    json_t *b = json_loadb(text.len > 0 ? text.ptr : "", text.len, flags, &theirs);
    struct wf_buf written;
    char *x, *y;

    if ((a != NULL) != (b != NULL))
        fail_msg("%.*s: %s", WF_STR_ARG(text), theirs.text);
    if (a == NULL) {
        assert_string_equal(own.text, theirs.text);
        assert_int_equal(own.position, theirs.position);
        return;
    }
    x = json_dumps(a, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    y = json_dumps(b, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    assert_string_equal(x, y);
    free(x);
    free(y);
    /* So is what is written of it. */
    y = json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT);
    wf_buf_init(&written, 100000);
    assert_int_equal(wf_json_append(&written, a), 0);
    assert_string_equal(written.ptr, y);
    wf_buf_deinit(&written);
    free(y);
    json_decref(a);
    json_decref(b);
}

static const char *const texts[] = {
    "",
    " ",
    "{}",
    " [ ] ",
    "{ \"a\" : [ 1 , -2 , 0 , -0 , 1.5 , 1e3 , -1.25E-2 ] }",
    "[01]",
    "[-]",
    "[1.]",
    "[.5]",
    "[1e]",
    "[123456789012345678]",
    "[9223372036854775807]",
    "[9223372036854775808]",
    "[-9223372036854775808]",
    "[1234567890123456789012]",
    "[1e999]",
    "[+1]",
    "[0x1]",
    "[1 2]",
    "[1,]",
    "[,1]",
    "[1",
    "]",
    "[1]]",
    "[1] x",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1 \"b\":2}",
    "[\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"]",
    "[\"\\x\"]",
    "[\"\\\"]",
    "[\"a",
    "[\"\\u00e4\\u20ac\\ud83d\\ude00\"]",
    "[\"\\ud83d\"]",
    "[\"\\ude00\"]",
    "[\"\\ud83d\\u0041\"]",
    "[\"\\u00g0\"]",
    "[\"\\u12\"]",
    "[\"\\u0000\"]",
    "{\"\\u0000\":1}",
    "{\"\\u0061\":1,\"a\":2}",
    "[\"\xc3\xa4\xe2\x82\xac\"]",
    "[\"\xff\"]",
    "[\"\xc0\x80\"]",
    "[\"\xed\xa0\x80\"]",
    "{\"\xc3\xa4\":1}",
    "[true,false,null]",
    "[True]",
    "[nul]",
    "[truefalse]",
    "[\"\x01\"]",
    "[\"\x7f\"]",
    "\"a\"",
    "12",
    "null",
    "{\"k\":{\"k\":{\"k\":[[[[]]]]}}}",
    "\xef\xbb\xbf{}",
    "{\"a name that is longer than sixty-four bytes, which no parameter of ours is\":1}"};

static void test_json__is_read_as_jansson_reads_it(void **state)
{
    static const size_t flags[] = {0, JSON_ALLOW_NUL, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES};
    static char deep[6000];
    struct wf_rng_seeded seeded;
    const struct wf_rng *rng = &seeded.rng;

    (void)state;
    wf_rng_seeded_init(&seeded, 7);
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        char changed[200];
        size_t n = strlen(texts[i]);
        for (size_t k = 0; k < WF_ARRAY_LEN(flags); k++)
            same(wf_str_from(texts[i]), flags[k]);
        for (size_t k = 0; n > 0 && k < 500; k++) {
            memcpy(changed, texts[i], n);
            changed[wf_rng_u64(rng) % n] = texts[k % WF_ARRAY_LEN(texts)][0];
            changed[wf_rng_u64(rng) % n] = "\"\\{}[]:,u0e-\xc3"[wf_rng_u64(rng) % 13];
            same(wf_str_n(changed, 1 + wf_rng_u64(rng) % n), flags[k % WF_ARRAY_LEN(flags)]);
        }
    }
    for (size_t depth = 250; depth < 2200; depth += 150) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        same(wf_str_n(deep, 2 * depth), 0);
    }
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
        cmocka_unit_test(test_json__is_read_as_jansson_reads_it),
        cmocka_unit_test(test_json__a_parameter_has_its_type),
        cmocka_unit_test(test_json__an_unknown_parameter_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
