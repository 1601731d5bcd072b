/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments' files: what they may say, and that every mistake is told with its line and key. */
#include "train/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

struct sample {
    char text[8];
    int64_t number;
    double real;
    bool flag;
    int64_t choice;
};

static const char *const choices[] = {"red", "green", NULL};
#define FIELD(f) offsetof(struct sample, f)
static const struct wf_conf_option options[] = {
    {.name = "text",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(text),
     .text_bytes = 8,
     .fallback = "none"},
    {.name = "number",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(number),
     .min = 1,
     .max = 9,
     .help = "a digit"},
    {.name = "real", .kind = WF_CONF_REAL, .offset = FIELD(real), .fallback = "0.5", .max = 1},
    {.name = "flag", .kind = WF_CONF_FLAG, .offset = FIELD(flag), .fallback = "no"},
    {.name = "choice",
     .kind = WF_CONF_CHOICE,
     .offset = FIELD(choice),
     .fallback = "green",
     .choices = choices},
    {.name = NULL},
};

static struct wf_conf *parse(const char *text)
{
    struct wf_conf *c = NULL;

    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &c, NULL), 0);
    return c;
}

/* The sentence that a file is refused with, when it is read or when the section [a] is filled. */
static void assert_refused(const char *text, int code, const char *sentence)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_conf *c = NULL;
    struct sample s;
    int rc = wf_conf_parse(wf_str_from(text), "x.conf", &c, &err);

    if (rc == 0)
        rc = wf_conf_fill(c, wf_conf_section(c, "a"), options, &s, &err);
    if (rc == 0)
        rc = wf_conf_check(c, &err);
    assert_int_equal(rc, code);
    assert_int_equal(err.code, code);
    if (strstr(err.msg, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
    wf_conf_free(c);
}

static void test_train_conf__fills_fields_and_fallbacks(void **state)
{
    struct wf_conf *c =
        parse("# mine\n[a]\r\n text = abc # short\nnumber=7\n\n[task b]\nnumber = 3\n"
              "real = 2.5e-1\nflag = yes\nchoice = red\n[task b  c]\n");
    struct sample s;

    (void)state;
    assert_int_equal(wf_conf_n_sections(c), 3);
    assert_int_equal(wf_conf_fill(c, wf_conf_section(c, "a"), options, &s, NULL), 0);
    assert_string_equal(s.text, "abc");
    assert_int_equal(s.number, 7);
    assert_true(s.real == 0.5);
    assert_false(s.flag);
    assert_int_equal(s.choice, 1);
    assert_int_equal(wf_conf_fill(c, wf_conf_section(c, "b"), options, &s, NULL), 0);
    assert_string_equal(s.text, "none");
    assert_true(s.real == 0.25);
    assert_true(s.flag);
    assert_int_equal(s.choice, 0);
    assert_int_equal(wf_conf_check(c, NULL), 0);
    assert_true(wf_str_eq(wf_conf_section_at(c, 2)->kind, WF_STR("task")));
    assert_true(wf_str_eq(wf_conf_section_at(c, 2)->of, WF_STR("b")));
    assert_true(wf_str_eq(wf_conf_section_at(c, 2)->name, WF_STR("c")));
    assert_int_equal(wf_conf_section_at(c, 2)->line, 11);
    wf_conf_free(c);
}

static void test_train_conf__names_line_and_key(void **state)
{
    (void)state;
    assert_refused("[a]\nnumber = 10\n", WF_E_RANGE,
                   "x.conf, line 2: number is a whole number from 1 to 9, not \"10\"");
    assert_refused("[a]\nnumber = 1.5\n", WF_E_RANGE, "line 2: number");
    assert_refused("[a]\ntext = x\n", WF_E_FORMAT,
                   "line 1: the section lacks \"number\" (a digit)");
    assert_refused("[a]\nnumber = 1\nreal = 2\n", WF_E_RANGE,
                   "line 3: real is a number from 0 to 1");
    assert_refused("[a]\nnumber = 1\nreal = nan\n", WF_E_RANGE, "line 3: real");
    assert_refused("[a]\nnumber = 1\nflag = true\n", WF_E_RANGE, "line 3: flag is yes or no");
    assert_refused("[a]\nnumber = 1\nchoice = blue\n", WF_E_RANGE,
                   "line 3: choice is one of red, green, not \"blue\"");
    assert_refused("[a]\nnumber = 1\ntext = 12345678\n", WF_E_RANGE, "text is longer than 7 bytes");
    assert_refused("[a]\nnumber = 1\n\nnumbr = 2\n", WF_E_FORMAT,
                   "x.conf, line 4: there is no setting \"numbr\" in [a]");
    assert_refused("[a]\nnumber = 1\nnumber = 2\n", WF_E_FORMAT,
                   "line 3: \"number\" is set a second");
    assert_refused("number = 1\n", WF_E_FORMAT,
                   "line 1: \"number\" stands before the first section");
    assert_refused("[a]\nnumber\n", WF_E_FORMAT, "line 2: a setting is written: key = value");
    assert_refused("[a]\n = 1\n", WF_E_FORMAT, "line 2: a setting is written");
    assert_refused("[a]\nnum ber = 1\n", WF_E_FORMAT, "line 2: a setting is written");
    assert_refused("[a\n", WF_E_FORMAT, "line 1: the section's \"]\" is missing");
    assert_refused("[]\n", WF_E_FORMAT, "line 1: the section has no name");
    assert_refused("[a b c d]\n", WF_E_FORMAT, "line 1: a section is written");
    assert_refused("[a/b]\n", WF_E_FORMAT, "line 1: a section is written");
    assert_refused("[a]\nnumber = 1\n[task a]\n", WF_E_FORMAT,
                   "line 3: there is a section of the name");
    assert_refused("[a]\nnumber = 1\ntext = \x01\n", WF_E_FORMAT, "line 3: the value of \"text\"");
}

static void test_train_conf__set_goes_over_the_file(void **state)
{
    struct wf_conf *c = parse("[a]\nnumber = 7\n");
    struct wf_err err = WF_ERR_INIT;
    struct sample s;
    struct wf_buf b;

    (void)state;
    assert_int_equal(wf_conf_set(c, WF_STR("a.number=2"), NULL), 0);
    assert_int_equal(wf_conf_set(c, WF_STR("a.text = x=y"), NULL), 0);
    assert_int_equal(wf_conf_set(c, WF_STR("a.number = 3"), NULL), 0);
    assert_int_equal(wf_conf_fill(c, wf_conf_section(c, "a"), options, &s, NULL), 0);
    assert_int_equal(s.number, 3);
    assert_string_equal(s.text, "x=y");
    assert_int_equal(wf_conf_check(c, NULL), 0);
    assert_int_equal(wf_conf_set(c, WF_STR("b.number=2"), &err), WF_E_NOENT);
    assert_string_equal(err.msg, "--set: x.conf has no section \"b\".");
    assert_int_equal(wf_conf_set(c, WF_STR("number=2"), NULL), WF_E_FORMAT);
    assert_int_equal(wf_conf_set(c, WF_STR("a.number"), NULL), WF_E_FORMAT);
    assert_int_equal(wf_conf_set(c, WF_STR("a.number=0"), NULL), 0);
    assert_int_equal(wf_conf_fill(c, wf_conf_section(c, "a"), options, &s, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "--set: number"));
    assert_int_equal(wf_conf_set(c, WF_STR("a.number=4"), NULL), 0);
    wf_buf_init(&b, 1000);
    assert_int_equal(wf_conf_write(c, &b), 0);
    assert_string_equal(b.ptr, "[a]\ntext = x=y\nnumber = 4\n");
    wf_buf_deinit(&b);
    wf_conf_free(c);
}

static void test_train_conf__written_it_reads_the_same(void **state)
{
    const char *text =
        "[train]\nsteps = 3\n\n[task mlm]\nweight = 1\n\n[task intent bank]\nx = a b\n";
    struct wf_conf *c = parse(text);
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1000);
    assert_int_equal(wf_conf_write(c, &b), 0);
    assert_string_equal(b.ptr, text);
    wf_buf_deinit(&b);
    wf_conf_free(c);
}

/* n lines, each with its number between two texts. */
static char *lines(const char *before, const char *behind, unsigned n)
{
    struct wf_buf b;

    wf_buf_init(&b, 1u << 20);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(wf_buf_appendf(&b, "%s%u%s\n", before, i, behind), 0);
    }
    return wf_buf_detach(&b, NULL);
}

static int read_code(const char *text)
{
    struct wf_conf *c = NULL;
    int rc = wf_conf_parse(wf_str_from(text), "x.conf", &c, NULL);

    if (rc == 0)
        wf_conf_free(c);
    return rc;
}

static void test_train_conf__has_limits(void **state)
{
    char *text = lines("[s", "]", WF_CONF_SECTIONS_MAX);
    struct wf_buf b;

    (void)state;
    assert_int_equal(read_code(text), 0);
    wf_free(text);
    text = lines("[s", "]", WF_CONF_SECTIONS_MAX + 1);
    assert_int_equal(read_code(text), WF_E_LIMIT);
    wf_free(text);
    wf_buf_init(&b, 1u << 20);
    wf_buf_append_cstr(&b, "[a]\n");
    text = lines("k", " = 1", WF_CONF_ENTRIES_MAX);
    wf_buf_append_cstr(&b, text);
    assert_int_equal(read_code(b.ptr), 0);
    wf_buf_append_cstr(&b, "more = 1\n");
    assert_int_equal(read_code(b.ptr), WF_E_LIMIT);
    wf_free(text);
    wf_buf_reset(&b);
    wf_buf_append_cstr(&b, "[a]\nk = ");
    wf_buf_append_fill(&b, 'v', WF_CONF_VALUE_BYTES);
    assert_int_equal(read_code(b.ptr), 0);
    wf_buf_append_byte(&b, 'v');
    assert_int_equal(read_code(b.ptr), WF_E_FORMAT);
    wf_buf_reset(&b);
    wf_buf_append_cstr(&b, "[a]\n");
    wf_buf_append_fill(&b, '\n', WF_CONF_BYTES_MAX - 4);
    assert_int_equal(read_code(b.ptr), 0);
    wf_buf_append_byte(&b, '\n');
    assert_int_equal(read_code(b.ptr), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

static void test_train_conf__survives_failing_memory(void **state)
{
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc == WF_E_NOMEM; n++) {
        struct wf_conf *c = NULL;
        wf_alloc_fail_at(n);
        rc = wf_conf_parse(WF_STR("[a]\nnumber = 1\n"), "x.conf", &c, NULL);
        if (rc == 0)
            rc = wf_conf_set(c, WF_STR("a.number=2"), NULL);
        wf_alloc_fail_at(0);
        wf_conf_free(c);
    }
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_conf__fills_fields_and_fallbacks),
        cmocka_unit_test(test_train_conf__names_line_and_key),
        cmocka_unit_test(test_train_conf__set_goes_over_the_file),
        cmocka_unit_test(test_train_conf__written_it_reads_the_same),
        cmocka_unit_test(test_train_conf__has_limits),
        cmocka_unit_test(test_train_conf__survives_failing_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
