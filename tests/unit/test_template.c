/* SPDX-License-Identifier: Apache-2.0 */
/* Chat templates: expressions and statements against what Jinja2 makes of them, whole templates
 * against reference renderings, hostile ones against the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/template.h"
#include "os/file.h"

#define VECTORS "tests/vectors/templates.jsonl"

static int render(const char *source, const json_t *variables, struct wf_buf *out,
                  struct wf_err *err)
{
    struct wf_template *t = NULL;
    int rc = wf_template_compile_plain(wf_str_from(source), &t, err);

    if (rc == 0)
        rc = wf_template_render(t, variables, 0, out, err);
    wf_template_free(t);
    return rc;
}

static void check_vector(const json_t *vector, const json_t *variables)
{
    const char *source = json_string_value(json_object_get(vector, "template"));
    const json_t *text = json_object_get(vector, "text");
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    int rc;

    wf_buf_init(&out, WF_LIMIT_TEMPLATE_BYTES);
    rc = render(source, variables, &out, &err);
    if (text == NULL && rc == 0)
        fail_msg("%s: no error but %s", source, out.ptr);
    if (text == NULL)
        assert_true(err.msg[0] != 0);
    if (text != NULL && rc != 0)
        fail_msg("%s: %s", source, err.msg);
    if (text != NULL && (out.len != json_string_length(text) ||
                         memcmp(out.ptr, json_string_value(text), out.len) != 0))
        fail_msg("%s: '%s', not '%s'", source, out.ptr, json_string_value(text));
    wf_buf_deinit(&out);
}

static void test_template__renders_as_jinja2_does(void **state)
{
    struct wf_str rest, line;
    json_t *first = NULL;
    struct wf_buf file;
    size_t n = 0;

    (void)state;
    wf_buf_init(&file, 1u << 20);
    assert_int_equal(wf_file_read(VECTORS, &file, NULL), 0);
    rest = wf_buf_str(&file);
    while (wf_str_line(&rest, &line)) {
        json_t *v = json_loadb(line.ptr, line.len, 0, NULL);
        assert_non_null(v);
        if (first == NULL) {
            first = v;
            continue;
        }
        check_vector(v, json_object_get(first, "variables"));
        json_decref(v);
        n++;
    }
    assert_true(n > 300);
    json_decref(first);
    wf_buf_deinit(&file);
}

static void test_template__passes_over_marks_for_training(void **state)
{
    static const char source[] = "{% set a = 1 %}{% generation %}{% set a = 2 %}x{{ a }}"
                                 "{% endgeneration %}{{ a }}";
    struct wf_template *t = NULL;
    json_t *none = json_object();
    struct wf_buf out;

    (void)state;
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(wf_template_compile_plain(wf_str_from(source), &t, NULL), WF_E_FORMAT);
    assert_int_equal(wf_template_compile(wf_str_from(source), &t, NULL), 0);
    assert_int_equal(wf_template_render(t, none, 0, &out, NULL), 0);
    assert_string_equal(out.ptr, "x21");
    wf_template_free(t);
    wf_buf_deinit(&out);
    json_decref(none);
}

static void test_template__refuses_numbers_that_do_not_fit(void **state)
{
    static const char *const sources[] = {"{{ '%d' % 1e300 }}", "{{ 9223372036854775807 + 1 }}",
                                          "{{ 2 ** 64 }}", "{{ '%d' % (2.5 ** 99) }}"};
    json_t *none = json_object();
    struct wf_buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        wf_buf_init(&out, 1u << 20);
        assert_int_equal(render(sources[i], none, &out, NULL), WF_E_FORMAT);
        wf_buf_deinit(&out);
    }
    json_decref(none);
}

static void expect_limit(const char *source)
{
    json_t *none = json_object();
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;

    wf_buf_init(&out, WF_LIMIT_TEMPLATE_BYTES);
    assert_int_equal(render(source, none, &out, &err), WF_E_LIMIT);
    wf_buf_deinit(&out);
    json_decref(none);
}

static void test_template__stops_what_would_not_end(void **state)
{
    (void)state;
    expect_limit("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}");
    expect_limit("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
    expect_limit("{% set n = namespace(s='x' * 1000) %}{% for i in range(99) %}"
                 "{% set n.s = n.s ~ n.s %}{% endfor %}");
    expect_limit("{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}");
}

/* Texts and tags that break off at the end, behind so much text that the sanitizers see a byte read
 * too far. */
static void test_template__refuses_what_breaks_off(void **state)
{
    static const char *const ends[] = {
        "{{ 'a", "{{ 'a\\", "{{ 'a\\x",  "{{ 'a\\u12", "{{ \"", "{{ 1.", "{{ 1e", "{{ a[",
        "{{ a",  "{#",      "{% raw %}", "{% raw %}{", "{%",    "{{-",   "{% if"};
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    (void)wf_buf_append_fill(&b, 'x', 70000);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct wf_template *t = NULL;
        wf_buf_truncate(&b, 70000);
        (void)wf_buf_append_cstr(&b, ends[i]);
        assert_int_equal(wf_template_compile(wf_buf_str(&b), &t, NULL), WF_E_FORMAT);
        assert_null(t);
    }
    wf_buf_deinit(&b);
}

static void test_template__refuses_deep_nesting(void **state)
{
    struct wf_template *t = NULL;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    (void)wf_buf_append_cstr(&b, "{{ ");
    (void)wf_buf_append_fill(&b, '(', 100000);
    assert_int_not_equal(wf_template_compile(wf_buf_str(&b), &t, NULL), 0);
    wf_buf_reset(&b);
    for (int i = 0; i < 10000; i++)
        (void)wf_buf_append_cstr(&b, "{% if a %}");
    assert_int_not_equal(wf_template_compile(wf_buf_str(&b), &t, NULL), 0);
    wf_buf_deinit(&b);
}

static void test_template__fails_cleanly_without_memory(void **state)
{
    static const char source[] = "{% macro f(x) %}{{ x|tojson(indent=2) }}{% endmacro %}"
                                 "{% for m in messages %}{{ f(m) ~ loop.index }}{% endfor %}";
    json_t *variables = json_pack("{s:[{s:s},{s:s}]}", "messages", "role", "a", "role", "b");
    struct wf_buf out;

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_err err = WF_ERR_INIT;
        wf_buf_init(&out, 1u << 20);
        wf_alloc_fail_at(n);
        int rc = render(source, variables, &out, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || failed);
        wf_buf_deinit(&out);
        if (!failed)
            break;
    }
    json_decref(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template__renders_as_jinja2_does),
        cmocka_unit_test(test_template__passes_over_marks_for_training),
        cmocka_unit_test(test_template__refuses_numbers_that_do_not_fit),
        cmocka_unit_test(test_template__stops_what_would_not_end),
        cmocka_unit_test(test_template__refuses_what_breaks_off),
        cmocka_unit_test(test_template__refuses_deep_nesting),
        cmocka_unit_test(test_template__fails_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
