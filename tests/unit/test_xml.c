/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over XML: what it tells, and what it keeps from happening. */
#include "ingest/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"

enum {
    A = 1,
    B,
    SKIP
};
static const struct wf_xml_ns spaces[] = {{"x", "/space/one"}, {NULL, NULL}};
static const struct wf_xml_name names[] = {{"x:a", A}, {"b", B}, {"x:skip", SKIP}, {NULL, 0}};

struct seen {
    struct wf_buf log;
    int stop_at; /* id at whose start the walk ends; -1 = none */
};

static bool on_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct seen *s = ud;
    wf_buf_appendf(&s->log, "<%d", id);
    struct wf_str v = wf_xml_attr(e, "x:v");
    struct wf_str w = wf_xml_attr(e, "w");
    if (v.ptr != NULL) {
        wf_buf_appendf(&s->log, " x:v=%.*s", WF_STR_ARG(v));
    }
    if (w.ptr != NULL) {
        wf_buf_appendf(&s->log, " w=%.*s", WF_STR_ARG(w));
    }
    wf_buf_append_byte(&s->log, '>');
    if (id == s->stop_at) {
        wf_xml_stop(e, WF_E_CANCELED);
    }
    return id != SKIP;
}

static void on_end(void *ud, int id)
{
    struct seen *s = ud;
    wf_buf_appendf(&s->log, "</%d>", id);
}

static void on_text(void *ud, struct wf_str text)
{
    struct seen *s = ud;
    wf_buf_append_str(&s->log, text);
}

static int walk(const char *xml, size_t n, int stop_at, struct seen *s, bool *damaged,
                struct wf_err *err)
{
    wf_buf_init(&s->log, 1u << 20);
    s->stop_at = stop_at;
    *damaged = false;
    struct wf_xml_handler h = {.spaces = spaces,
                               .names = names,
                               .start = on_start,
                               .end = on_end,
                               .text = on_text,
                               .ud = s};
    return wf_xml_walk_bytes(wf_str_n(xml, n), &h, damaged, err);
}

static void check_walk(const char *xml, const char *log, bool expect_damaged)
{
    struct seen s;
    bool damaged = false;
    assert_int_equal(walk(xml, strlen(xml), -1, &s, &damaged, NULL), 0);
    assert_string_equal(s.log.ptr, log);
    assert_int_equal(damaged, expect_damaged);
    wf_buf_deinit(&s.log);
}

static void test_xml__elements_attributes_and_text_are_told(void **state)
{
    (void)state;
    check_walk("<q:a xmlns:q='http://space/one' q:v='1' w='&amp;2' v='3'>t&lt;<b/>"
               "<![CDATA[x<y]]></q:a>",
               "<1 x:v=1 w=&2>t<<2></2>x<y</1>", false);
    check_walk("<a xmlns='other'><b xmlns='any'/></a>", "<0><2></2></0>", false);
    check_walk("<a xmlns='http://space/one'><skip>gone<b/></skip>kept</a>", "<1><3>kept</1>",
               false);
}

static void test_xml__entities_do_not_expand(void **state)
{
    (void)state;
    check_walk("<!DOCTYPE b [<!ENTITY x 'yyyyyyyy'><!ENTITY z '&x;&x;'>"
               "<!ENTITY f SYSTEM 'file:///etc/passwd'>]><b>1&z;2&f;3</b>",
               "<2>123</2>", true);
}

static void test_xml__broken_parts_give_what_stands_before(void **state)
{
    (void)state;
    check_walk("<b>one<b>two", "<2>one<2>two</2></2>", true);
    check_walk("", "", true);
    check_walk("no xml", "", true);
}

static void test_xml__utf16_is_read(void **state)
{
    (void)state;
    static const char ascii[] = "<b>h\xe9</b>";
    char wide[2 + 2 * sizeof(ascii)];
    wide[0] = (char)0xff;
    wide[1] = (char)0xfe;
    for (size_t i = 0; i + 1 < sizeof(ascii); i++) {
        wide[2 + 2 * i] = ascii[i];
        wide[3 + 2 * i] = 0;
    }
    struct seen s;
    bool damaged = false;
    assert_int_equal(walk(wide, 2 * sizeof(ascii), -1, &s, &damaged, NULL), 0);
    assert_string_equal(s.log.ptr, "<2>h\xc3\xa9</2>");
    assert_false(damaged);
    wf_buf_deinit(&s.log);
}

static int walk_nested(size_t depth, struct wf_err *err)
{
    struct wf_buf xml;
    struct seen s;
    bool damaged = false;
    wf_buf_init(&xml, 1u << 20);
    for (size_t i = 0; i < depth; i++) {
        wf_buf_append_cstr(&xml, "<b>");
    }
    for (size_t i = 0; i < depth; i++) {
        wf_buf_append_cstr(&xml, "</b>");
    }
    int rc = walk(xml.ptr, xml.len, -1, &s, &damaged, err);
    wf_buf_deinit(&s.log);
    wf_buf_deinit(&xml);
    return rc;
}

static void test_xml__nesting_is_limited(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(walk_nested(WF_LIMIT_NESTING, &err), 0);
    assert_int_equal(walk_nested(WF_LIMIT_NESTING + 1, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "nested"));
}

static void test_xml__a_walk_can_be_stopped(void **state)
{
    (void)state;
    struct seen s;
    bool damaged = false;
    const char *xml = "<r><b>1</b><a xmlns='http://space/one'>2</a><b>3</b></r>";
    assert_int_equal(walk(xml, strlen(xml), A, &s, &damaged, NULL), WF_E_CANCELED);
    assert_null(strchr(s.log.ptr, '3'));
    assert_false(damaged);
    wf_buf_deinit(&s.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml__elements_attributes_and_text_are_told),
        cmocka_unit_test(test_xml__entities_do_not_expand),
        cmocka_unit_test(test_xml__broken_parts_give_what_stands_before),
        cmocka_unit_test(test_xml__utf16_is_read),
        cmocka_unit_test(test_xml__nesting_is_limited),
        cmocka_unit_test(test_xml__a_walk_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
