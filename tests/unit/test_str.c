/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/str.h: views of anything, numbers at their borders, the hash's spread. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"

#define assert_str(s, want) assert_true(wf_str_eq((s), wf_str_from(want)))

static const struct wf_str none = {NULL, 0};

static void test_str__from_and_sub(void **state)
{
    (void)state;
    assert_int_equal(wf_str_from(NULL).len, 0);
    assert_int_equal(WF_STR("a\0b").len, 3);
    struct wf_str s = WF_STR("abcdef");
    assert_str(wf_str_sub(s, 1, 3), "bc");
    assert_str(wf_str_sub(s, 4, SIZE_MAX), "ef");
    assert_str(wf_str_sub(s, 9, 12), "");
    assert_str(wf_str_sub(s, 5, 2), "");
    assert_int_equal(wf_str_sub(none, 1, 2).len, 0);
    assert_str(wf_str_n("abc", 2), "ab");
}

static void test_str__compares(void **state)
{
    (void)state;
    assert_true(wf_str_eq(none, WF_STR("")));
    assert_false(wf_str_eq(WF_STR("a"), WF_STR("b")));
    assert_true(wf_str_eq_nocase(WF_STR("aZ[0"), WF_STR("Az[0")));
    assert_false(wf_str_eq_nocase(WF_STR("@"), WF_STR("`"))); /* 32 apart, no letters */
    assert_false(wf_str_eq_nocase(WF_STR("["), WF_STR("{")));
    assert_false(wf_str_eq_nocase(WF_STR("a"), WF_STR("aa")));
    assert_false(wf_str_eq_nocase(WF_STR("\xC4"), WF_STR("\xE4"))); /* ASCII only */
    assert_int_equal(wf_str_cmp(WF_STR("a"), WF_STR("b")), -1);
    assert_int_equal(wf_str_cmp(WF_STR("ab"), WF_STR("a")), 1);
    assert_int_equal(wf_str_cmp(WF_STR("\xFF"), WF_STR("a")), 1); /* unsigned */
    assert_int_equal(wf_str_cmp(none, WF_STR("")), 0);
    assert_int_equal(wf_str_cmp(none, WF_STR("a")), -1);
    assert_true(wf_str_starts(WF_STR("abc"), WF_STR("ab")));
    assert_true(wf_str_starts(WF_STR("abc"), none));
    assert_false(wf_str_starts(WF_STR("ab"), WF_STR("abc")));
    assert_true(wf_str_ends(WF_STR("abc"), WF_STR("bc")));
    assert_false(wf_str_ends(WF_STR("bc"), WF_STR("abc")));
    assert_true(wf_str_ends(none, none));
}

static void test_str__finds(void **state)
{
    (void)state;
    struct wf_str s = WF_STR("abab\0ab");
    assert_int_equal(wf_str_find(s, WF_STR("ab"), 0), 0);
    assert_int_equal(wf_str_find(s, WF_STR("ab"), 1), 2);
    assert_int_equal(wf_str_find(s, WF_STR("ab"), 3), 5);
    assert_int_equal(wf_str_find(s, WF_STR("ab"), 6), SIZE_MAX);
    assert_int_equal(wf_str_find(s, WF_STR("abc"), 0), SIZE_MAX);
    assert_int_equal(wf_str_find(s, none, 7), 7);
    assert_int_equal(wf_str_find(s, none, 8), SIZE_MAX);
    assert_int_equal(wf_str_find(none, none, 0), 0);
    assert_int_equal(wf_str_find(none, WF_STR("a"), 0), SIZE_MAX);
    assert_int_equal(wf_str_find(s, WF_STR("abababababab"), 0), SIZE_MAX);
    assert_int_equal(wf_str_find_byte(s, '\0', 0), 4);
    assert_int_equal(wf_str_find_byte(s, 'b', 7), SIZE_MAX);
    assert_int_equal(wf_str_find_byte(s, 'b', 99), SIZE_MAX);
    assert_int_equal(wf_str_find_byte(none, 'b', 0), SIZE_MAX);
}

static void test_str__trims(void **state)
{
    (void)state;
    assert_str(wf_str_trim(WF_STR(" \t\r\n\v\fa b\n ")), "a b");
    assert_str(wf_str_trim(WF_STR(" \n")), "");
    assert_str(wf_str_trim(none), "");
    assert_str(wf_str_trim(WF_STR("\xC2\xA0")), "\xC2\xA0"); /* ASCII only */
}

/* All parts of s joined by '|', each behind one. */
static void assert_parts(bool (*cut)(struct wf_str *rest, struct wf_str *out), struct wf_str s,
                         const char *want)
{
    char got[100] = "";
    struct wf_str part;
    while (cut(&s, &part)) {
        strcat(got, "|");
        strncat(got, part.ptr, part.len);
    }
    assert_string_equal(got, want);
    assert_null(s.ptr);
    assert_false(cut(&s, &part)); /* stays at the end */
}

static bool at_comma(struct wf_str *rest, struct wf_str *out)
{
    return wf_str_split(rest, ',', out);
}

static void test_str__splits(void **state)
{
    (void)state;
    assert_parts(at_comma, WF_STR("a,,b"), "|a||b");
    assert_parts(at_comma, WF_STR("abc"), "|abc");
    assert_parts(at_comma, WF_STR(",a,"), "||a|");
    assert_parts(at_comma, WF_STR(""), "|");
    assert_parts(at_comma, none, "");
}

static void test_str__cuts_lines(void **state)
{
    (void)state;
    assert_parts(wf_str_line, WF_STR("a\nb"), "|a|b");
    assert_parts(wf_str_line, WF_STR("a\r\n\nb\n"), "|a||b");
    assert_parts(wf_str_line, WF_STR("a\r"), "|a\r");
    assert_parts(wf_str_line, WF_STR("a\rb\r\r\n"), "|a\rb\r");
    assert_parts(wf_str_line, WF_STR("\n\n"), "||");
    assert_parts(wf_str_line, WF_STR(""), "");
    assert_parts(wf_str_line, none, "");
}

static void test_str__whole_numbers(void **state)
{
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    assert_true(wf_str_to_u64(WF_STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(wf_str_to_u64(WF_STR("000"), &u) && u == 0);
    assert_true(wf_str_to_i64(WF_STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(wf_str_to_i64(WF_STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(wf_str_to_i64(WF_STR("-0"), &i) && i == 0);
    u = 7;
    i = 7;
    const char *const bad[] = {"",
                               "-",
                               "+1",
                               " 1",
                               "1 ",
                               "1.0",
                               "0x1",
                               "--1",
                               "1e3",
                               "18446744073709551616",
                               "99999999999999999999",
                               "1\n",
                               "\xD9\xA1"};
    for (size_t k = 0; k < WF_ARRAY_LEN(bad); k++) {
        assert_false(wf_str_to_u64(wf_str_from(bad[k]), &u));
        assert_false(wf_str_to_i64(wf_str_from(bad[k]), &i));
    }
    assert_false(wf_str_to_u64(WF_STR("-1"), &u));
    assert_false(wf_str_to_u64(WF_STR("1\0"), &u));
    assert_false(wf_str_to_i64(WF_STR("9223372036854775808"), &i));
    assert_false(wf_str_to_i64(WF_STR("-9223372036854775809"), &i));
    assert_int_equal(u, 7);
    assert_int_equal(i, 7);
}

static void test_str__decimal_numbers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},      {"-1.5", -1.5},   {"1e3", 1000},         {"2.5E-1", 0.25},
                {"1e+2", 100}, {"0.1", 0.1},     {"1e-400", 0},         {"-0", 0},
                {"007", 7},    {"1e308", 1e308}, {"4.9e-324", 4.9e-324}};
    const char *const bad[] = {"",    ".5", "5.", "+1", "1,5", "inf",   "nan",    "0x1p3", "1e",
                               "1e+", " 1", "1 ", "-",  "--1", "1e309", "-1e309", "1_0",   "1e1.5"};
    double v = 7;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        assert_true(wf_str_to_f64(wf_str_from(good[i].text), &v));
        assert_true(memcmp(&v, &good[i].value, 8) == 0 || (v >= 0 && v <= 0));
    }
    v = 7;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_false(wf_str_to_f64(wf_str_from(bad[i]), &v));
    assert_true(fabs(v - 7) < 0.1);
    /* A number's end is the view's end, whatever comes behind. */
    assert_true(wf_str_to_f64(wf_str_n("1234", 2), &v));
    assert_true(fabs(v - 12) < 0.1);
    char digits[402];
    memset(digits, '0', sizeof(digits));
    digits[400] = '1';
    assert_true(wf_str_to_f64(wf_str_n(digits, 400), &v));
    assert_false(wf_str_to_f64(wf_str_n(digits, 401), &v));
}

static void test_str__numbers_ignore_the_locale(void **state)
{
    (void)state;
    char dir[] = "/tmp/weft-test-XXXXXX";
    char command[200];
    assert_non_null(mkdtemp(dir));
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) { /* few machines have it, most can make it */
        snprintf(command, sizeof(command), "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null",
                 dir);
        int made = system(command);
        setenv("LOCPATH", dir, 1);
        if (made != 0 || !setlocale(LC_ALL, "de_DE.UTF-8"))
            skip();
    }
    double v = 0;
    bool point = wf_str_to_f64(WF_STR("1.5"), &v);
    bool comma = wf_str_to_f64(WF_STR("1,5"), &(double){0});
    setlocale(LC_ALL, "C");
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    assert_true(point && fabs(v - 1.5) < 1e-9);
    assert_false(comma);
}

static void test_str__makes_printable(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *want;
    } cases[] = {
        {"plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80",
         "plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"a\tb\nc\x7F", "a b c "},
        {"\xC2\x9B[1m\xC2\xA0", "  [1m\xC2\xA0"},             /* C1 control */
        {"\x80\xC0\xAF\xFE", "????"},                         /* never valid, overlong */
        {"\xE0\x80\x80|\xF0\x80\x80\x80", "???|????"},        /* overlong */
        {"\xED\xA0\x80|\xF4\x90\x80\x80|\xF5", "???|????|?"}, /* surrogate, too high */
        {"\xE2\x82", "??"},                                   /* cut */
        {"\xE2\x82x\xC3", "??x?"},
        {"\xED\x9F\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF", "\xED\x9F\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        char text[64];
        size_t n = strlen(cases[i].in);
        memcpy(text, cases[i].in, n + 1);
        wf_str_make_printable(text, n);
        assert_string_equal(text, cases[i].want);
    }
    wf_str_make_printable(NULL, 0);
}

static void test_str__hash_tells_near_strings_apart(void **state)
{
    (void)state;
    /* All lengths of zeros, then every single bit of every length up to 40 bytes. */
    enum {
        N = 41 * 40 * 8 + 300
    };
    uint64_t *seen = wf_alloc_array(N, sizeof(*seen));
    assert_non_null(seen);
    size_t n = 0;
    char zeros[300] = {0};
    for (size_t len = 0; len < sizeof(zeros); len++)
        seen[n++] = wf_str_hash(wf_str_n(zeros, len), 1);
    for (size_t len = 1; len <= 40; len++) {
        for (size_t bit = 0; bit < len * 8; bit++) {
            zeros[bit / 8] = (char)(1u << bit % 8);
            seen[n++] = wf_str_hash(wf_str_n(zeros, len), 1);
            zeros[bit / 8] = 0;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            if (seen[i] == seen[k])
                fail_msg("%zu and %zu collide", i, k);
        }
    }
    wf_free(seen);
}

static void test_str__hash_changes_half_the_bits(void **state)
{
    (void)state;
    char text[33] = "the quick brown fox jumps over it";
    for (size_t len = 1; len <= 33; len++) {
        uint64_t h = wf_str_hash(wf_str_n(text, len), 5);
        unsigned n_changed = 0;
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
            n_changed += (unsigned)__builtin_popcountll(h ^ wf_str_hash(wf_str_n(text, len), 5));
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        }
        double mean = n_changed / (double)(len * 8);
        assert_true(mean > 26 && mean < 38); /* of 64 */
    }
}

static void test_str__hash_depends_on_the_seed(void **state)
{
    (void)state;
    /* Keys that collide under one seed must not under another, else outsiders can aim. */
    unsigned n_both = 0;
    struct wf_rng_seeded rng;
    wf_rng_seeded_init(&rng, 3);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t pair[2] = {wf_rng_u64(&rng.rng), wf_rng_u64(&rng.rng)};
        struct wf_str a = wf_str_n((const char *)&pair[0], 8);
        struct wf_str b = wf_str_n((const char *)&pair[1], 8);
        bool under_1 = (wf_str_hash(a, 1) & 255) == (wf_str_hash(b, 1) & 255);
        bool under_2 = (wf_str_hash(a, 2) & 255) == (wf_str_hash(b, 2) & 255);
        n_both += under_1 && under_2;
    }
    assert_true(n_both < 20); /* 1.5 expected */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str__from_and_sub),
        cmocka_unit_test(test_str__compares),
        cmocka_unit_test(test_str__finds),
        cmocka_unit_test(test_str__trims),
        cmocka_unit_test(test_str__splits),
        cmocka_unit_test(test_str__cuts_lines),
        cmocka_unit_test(test_str__whole_numbers),
        cmocka_unit_test(test_str__decimal_numbers),
        cmocka_unit_test(test_str__numbers_ignore_the_locale),
        cmocka_unit_test(test_str__makes_printable),
        cmocka_unit_test(test_str__hash_tells_near_strings_apart),
        cmocka_unit_test(test_str__hash_changes_half_the_bits),
        cmocka_unit_test(test_str__hash_depends_on_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
