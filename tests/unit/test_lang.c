/* SPDX-License-Identifier: Apache-2.0 */
/* Languages: patterns as ECMA-262 reads them, and what products and lengths make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/lang.h"

/* Texts are separated by #; found and not found as a JavaScript engine has it. */
static const struct {
    const char *pattern, *fit, *unfit;
} patterns[] = {
    {"^a{2,3}b{2}c{1,}d?$", "aabbc#aaabbccd", "abbc#aabc#aabbcdd"},
    {"b", "b#abc", "#ac"},
    {"^(?:a|ab)(?:c|bcd)$", "ac#abc#abcd", "abbc#ab"},
    {"(^a|b)c", "ac#xbc#acx", "xac#c"},
    {"a$|^$", "#xa", "ax"},
    {"a$b", "", "ab#a"},
    {"^[^a-c]\\D\\S$", "dx-#\xc3\xa9xx", "axx#d1x#dx "},
    {"^[\\w-]+\\.\\u{61}\\x62\\u0063$", "a-1.abc", ".abc#a.abx"},
    {"^\\p{Lu}\\P{L}$", "A1#\xc3\x89-", "a1#AB"},
    {"^.$", "a#\xf0\x9f\x98\x80", "\n#ab#"},
    {"^(?=.*[0-9])(?=.*[a-z]).{3,6}$", "ab1#1bcdef", "abc#123#a1#abcdef1"},
    {"^(?!\\.)(?!.*\\.\\.)[a.]+$", "a#a.a#aaa.", ".a#a..a#b"},
    {"^P(?:\\d+W|(?=\\d|T\\d)(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?)?)$", "P1W#P2D#PT3H#P1DT2M",
     "P#PT#P1#P1WT1H"},
    {"a(?!b)", "a#xac#aba", "ab#b#abab"},
    {"a(?=b$)|^c(?!d)", "xab#ce#c", "abx#cd#xc"},
    {"^(?:a?){3}a{2}$", "aa#aaaaa", "a#aaaaaa"},
    {"[^]", "x#\n", ""},
    {"^(?:[^\\\\\"]|\\\\.)*$", "a\\\"b", "\"#\\"},
};

static void check(const struct wf_lang *l, const char *pattern, const char *texts, bool fit)
{
    struct wf_str rest = wf_str_from(texts), text;

    while (wf_str_split(&rest, '#', &text)) {
        if (text.len == 0 && texts[0] == 0)
            return; /* none are given */
        if (wf_lang_has(l, text) != fit)
            fail_msg("%s: '%.*s'", pattern, WF_STR_ARG(text));
    }
}

static void test_lang__finds_what_patterns_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(patterns); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lang *l = NULL;
        struct wf_arena a;
        wf_arena_init(&a, 0, WF_LIMIT_LANG_BYTES);
        if (wf_lang_regex(&a, wf_str_from(patterns[i].pattern), &l, &err) != 0)
            fail_msg("%s: %s", patterns[i].pattern, err.msg);
        check(l, patterns[i].pattern, patterns[i].fit, true);
        check(l, patterns[i].pattern, patterns[i].unfit, false);
        wf_arena_deinit(&a);
    }
}

static const struct {
    const char *pattern;
    int code;
} refused[] = {
    {"(a)\\1", WF_E_UNSUPPORTED},
    {"\\bx", WF_E_UNSUPPORTED},
    {"(?<=a)b", WF_E_UNSUPPORTED},
    {"^((?!cat).)*$", WF_E_UNSUPPORTED},
    {"(?=a)x|(b^(?!c))", WF_E_UNSUPPORTED},
    {"\\p{Script=Greek}", WF_E_UNSUPPORTED},
    {"(?i)a", WF_E_UNSUPPORTED},
    {"(", WF_E_INVAL},
    {")", WF_E_INVAL},
    {"[b-a]", WF_E_INVAL},
    {"[a", WF_E_INVAL},
    {"*a", WF_E_INVAL},
    {"a{2,1}", WF_E_INVAL},
    {"\\", WF_E_INVAL},
    {"\\u12", WF_E_INVAL},
    {"\\q", WF_E_INVAL},
    {"a{6000}", WF_E_LIMIT},
    {"(a{3000}b{3000}){9}", WF_E_LIMIT},
};

static void test_lang__refuses_patterns_it_cannot_keep(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(refused); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lang *l = NULL;
        struct wf_arena a;
        wf_arena_init(&a, 0, WF_LIMIT_LANG_BYTES);
        int rc = wf_lang_regex(&a, wf_str_from(refused[i].pattern), &l, &err);
        if (rc != refused[i].code || err.msg[0] == 0)
            fail_msg("%s: %s %s", refused[i].pattern, wf_err_name(rc), err.msg);
        wf_arena_deinit(&a);
    }
}

static void test_lang__combines(void **state)
{
    static const struct wf_str texts[] = {{"ab", 2}, {"abc", 3}, {"", 0}};
    struct wf_lang *some = NULL, *two = NULL, *out = NULL;
    struct wf_arena a;
    size_t longest = 0;

    (void)state;
    wf_arena_init(&a, 0, WF_LIMIT_LANG_BYTES);
    assert_int_equal(wf_lang_texts(&a, texts, 3, &some), 0);
    assert_int_equal(wf_lang_length(&a, 2, 2, &two), 0);
    assert_int_equal(wf_lang_combine(&a, some, two, WF_LANG_AND, &out), 0);
    check(out, "and", "ab", true);
    check(out, "and", "abc#x#xy", false);
    assert_int_equal(wf_lang_combine(&a, some, two, WF_LANG_MINUS, &out), 0);
    check(out, "minus", "#abc", true);
    assert_int_equal(wf_lang_shortest(out), 0);
    assert_int_equal(wf_lang_longest(out, &longest), 0);
    assert_int_equal(longest, 3);
    assert_int_equal(wf_lang_combine(&a, out, two, WF_LANG_OR, &out), 0);
    check(out, "or", "#ab#xy#abc", true);
    assert_int_equal(wf_lang_combine(&a, two, out, WF_LANG_MINUS, &out), 0);
    assert_true(wf_lang_is_empty(out));
    assert_int_equal(wf_lang_length(&a, 1, SIZE_MAX, &out), 0);
    assert_int_equal(wf_lang_longest(out, &longest), 0);
    assert_true(longest == SIZE_MAX && wf_lang_shortest(out) == 1);
    assert_int_equal(wf_lang_length(&a, WF_LIMIT_LANG_STATES + 1, SIZE_MAX, &out), WF_E_LIMIT);
    wf_arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lang__finds_what_patterns_find),
        cmocka_unit_test(test_lang__refuses_patterns_it_cannot_keep),
        cmocka_unit_test(test_lang__combines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
