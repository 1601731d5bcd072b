/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums: published examples, what each scheme promises (one check character fits, one changed
 * character or two swapped neighbours are found), and second computations written another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "privacy/checks.h"

typedef bool (*check_fn)(const uint8_t *v, size_t n);

static bool holds(check_fn check, const char *text)
{
    struct wf_code c;

    assert_true(wf_code_read(wf_str_from(text), &c));
    return check(c.v, c.n);
}

static void test_checks__know_published_numbers(void **state)
{
    (void)state;
    assert_true(holds(wf_check_luhn, "7992 7398 713"));
    assert_true(holds(wf_check_mod11_10, "07945"));
    assert_true(holds(wf_check_mod11_2, "0000-0002-1825-0097"));
    assert_true(holds(wf_check_mod11_2, "0000-0002-1694-233X"));
    assert_true(holds(wf_check_mod37_36, "A1-2425G-ABC1234002-M"));
    assert_true(holds(wf_check_mod97_10, "79444"));
    assert_true(holds(wf_check_verhoeff, "2363"));
    assert_true(holds(wf_check_damm, "5724"));
    assert_false(holds(wf_check_luhn, "79927398710"));
    assert_false(holds(wf_check_mod11_2, "0000-0002-1825-009X"));
    assert_false(holds(wf_check_damm, "5742"));
}

/* Each scheme: how many values a character and a check character have, whether every swap of
 * unequal neighbours is found. */
static const struct {
    const char *name;
    check_fn check;
    unsigned values, checks;
    bool swaps;
} schemes[] = {
    {"luhn", wf_check_luhn, 10, 10, false},
    {"luhn36", wf_check_luhn36, 36, 36, false},
    {"mod 11,10", wf_check_mod11_10, 10, 10, false},
    {"mod 37,36", wf_check_mod37_36, 36, 36, false},
    {"mod 11-2", wf_check_mod11_2, 10, 34, true},
    {"verhoeff", wf_check_verhoeff, 10, 10, true},
    {"damm", wf_check_damm, 10, 10, true},
};

static void keeps_its_promise(size_t scheme, uint8_t *v, size_t n)
{
    check_fn check = schemes[scheme].check;
    unsigned fit = 0, last = 0;

    for (unsigned k = 0; k < schemes[scheme].checks; k++) {
        v[n - 1] = (uint8_t)k;
        if (check(v, n)) {
            fit++;
            last = k;
        }
    }
    if (fit != 1)
        fail_msg("%s: %u check characters fit", schemes[scheme].name, fit);
    v[n - 1] = (uint8_t)last;
    for (size_t i = 0; i + 1 < n; i++) {
        uint8_t kept = v[i];
        for (unsigned k = 0; k < schemes[scheme].values; k++) {
            v[i] = (uint8_t)k;
            if (check(v, n) != (k == kept))
                fail_msg("%s: %u in place of %u at %zu", schemes[scheme].name, k, kept, i);
        }
        v[i] = kept;
        if (!schemes[scheme].swaps || i + 2 >= n || v[i] == v[i + 1])
            continue;
        v[i] = v[i + 1];
        v[i + 1] = kept;
        if (check(v, n))
            fail_msg("%s: swapped neighbours at %zu", schemes[scheme].name, i);
        v[i + 1] = v[i];
        v[i] = kept;
    }
}

static void test_checks__find_every_changed_character(void **state)
{
    struct wf_rng_seeded seeded;
    (void)state;

    wf_rng_seeded_init(&seeded, 5);
    for (size_t s = 0; s < WF_ARRAY_LEN(schemes); s++) {
        for (unsigned round = 0; round < 200; round++) {
            uint8_t v[20];
            size_t n = 2 + wf_rng_below(&seeded.rng, 18);
            for (size_t i = 0; i < n; i++)
                v[i] = (uint8_t)wf_rng_below(&seeded.rng, schemes[s].values);
            keeps_its_promise(s, v, n);
        }
    }
}

/* Luhn by the table of what a doubled digit counts, from the left. */
static bool luhn_again(const char *digits)
{
    static const unsigned doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    unsigned sum = 0;
    size_t n = strlen(digits);

    for (size_t i = 0; i < n; i++) {
        unsigned x = (unsigned)(digits[i] - '0');
        sum += (n - i) % 2 == 0 ? doubled[x] : x;
    }
    return sum % 10 == 0;
}

/* A number written out modulo m by long division of its text, letters spelled out first. */
static unsigned mod_again(const char *text, unsigned m)
{
    char spelled[128];
    size_t n = 0;
    unsigned long long rest = 0;

    for (; *text; text++) {
        unsigned x = (unsigned)(*text <= '9' ? *text - '0' : *text - 'A' + 10);
        if (x > 9)
            spelled[n++] = (char)('0' + x / 10);
        spelled[n++] = (char)('0' + x % 10);
    }
    for (size_t i = 0; i < n; i++)
        rest = (rest * 10 + (unsigned)(spelled[i] - '0')) % m;
    return (unsigned)rest;
}

static void test_checks__agree_with_a_second_computation(void **state)
{
    struct wf_rng_seeded seeded;
    (void)state;

    wf_rng_seeded_init(&seeded, 6);
    for (unsigned round = 0; round < 2000; round++) {
        char digits[21], mixed[21];
        struct wf_code c;
        size_t n = 1 + wf_rng_below(&seeded.rng, 20);
        for (size_t i = 0; i < n; i++) {
            digits[i] = (char)('0' + wf_rng_below(&seeded.rng, 10));
            mixed[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[wf_rng_below(&seeded.rng, 36)];
        }
        digits[n] = mixed[n] = 0;
        assert_true(wf_code_read(wf_str_from(digits), &c));
        assert_int_equal(wf_check_luhn(c.v, c.n), luhn_again(digits));
        assert_int_equal(wf_code_mod(c.v, c.n, 97), mod_again(digits, 97));
        assert_int_equal(wf_code_mod(c.v, c.n, 511), mod_again(digits, 511));
        assert_true(wf_code_read(wf_str_from(mixed), &c));
        assert_int_equal(wf_code_mod(c.v, c.n, 97), mod_again(mixed, 97));
        assert_int_equal(wf_check_mod97_10(c.v, c.n), mod_again(mixed, 97) == 1);
    }
}

static void test_checks__weigh(void **state)
{
    /* Four digits, weights 5 4 3 2: 1 2 3 4 gives 5 + 8 + 9 + 8 = 30. */
    static const struct wf_weighing rest = {4, 11, false, 0, {5, 4, 3, 2}};
    static const struct wf_weighing lacking = {4, 11, true, 0, {5, 4, 3, 2}};
    static const struct wf_weighing ten = {4, 10, true, WF_REFUSED, {5, 4, 3, 2}};
    static const uint8_t v[] = {1, 2, 3, 4, 8}, l[] = {1, 2, 3, 4, 3}, t[] = {1, 2, 3, 4, 0};
    static const uint8_t weights[] = {5, 4, 3, 2}, heavy[] = {5, 9, 3, 9};
    (void)state;

    assert_int_equal(wf_check_sum(v, weights, 4), 30);
    /* 5, 18, 9, 36: 5 + 9 + 9 + 9. */
    assert_int_equal(wf_check_cross_sum(v, heavy, 4), 32);
    assert_true(wf_check_weighed(v, &rest));
    assert_false(wf_check_weighed(l, &rest));
    assert_true(wf_check_weighed(l, &lacking));
    assert_true(wf_check_weighed(t, &ten));
}

static void test_checks__refuse_what_gives_ten(void **state)
{
    /* 1 x 10: the remainder is 10, or 1 is lacking; 1 x 1: 10 are lacking. */
    static const struct wf_weighing as_zero = {1, 11, false, 0, {10}};
    static const struct wf_weighing refused = {1, 11, false, WF_REFUSED, {10}};
    static const struct wf_weighing lacking = {1, 11, true, 1, {1}};
    uint8_t v[2] = {1, 0};
    (void)state;

    assert_true(wf_check_weighed(v, &as_zero));
    for (v[1] = 0; v[1] < 36; v[1]++)
        assert_false(wf_check_weighed(v, &refused));
    v[1] = 1;
    assert_true(wf_check_weighed(v, &lacking));
}

static void test_checks__read_numbers_with_separators(void **state)
{
    struct wf_code c;
    (void)state;

    assert_true(wf_code_read(WF_STR("ab-12 (3).4/5:6_7"), &c));
    assert_int_equal(c.n, 9);
    assert_int_equal(c.v[0], 10);
    assert_int_equal(c.v[8], 7);
    assert_false(wf_code_read(WF_STR("12\xc3\xa9"), &c));
    assert_false(wf_code_read(WF_STR("1,2"), &c));
    assert_false(wf_code_read((struct wf_str){"1\0002", 3}, &c));
    assert_true(wf_code_read(WF_STR("0123456789012345678901234567890123456789"), &c));
    assert_false(wf_code_read(WF_STR("01234567890123456789012345678901234567890"), &c));
    assert_true(wf_code_shape(WF_STR("x12-b"), "X99A", &c));
    assert_false(wf_code_shape(WF_STR("y12-b"), "X99A", &c));
    assert_false(wf_code_shape(WF_STR("x12-3"), "X99A", &c));
    assert_true(wf_code_shape(WF_STR("x12-3"), "X99*", &c));
    assert_false(wf_code_shape(WF_STR("x12-34"), "X99*", &c));
    assert_true(wf_code_after(WF_STR("de 12"), "DE", &c));
    assert_int_equal(c.n, 2);
    assert_true(wf_code_after(WF_STR("d12"), "DE", &c));
    assert_int_equal(c.n, 3);
    assert_true(wf_code_after(WF_STR(""), "DE", &c));
    assert_int_equal(c.n, 0);
}

static void test_checks__know_the_calendar(void **state)
{
    static const uint8_t leap[] = {0, 0, 0, 2, 2, 9}, none[] = {0, 1, 0, 2, 2, 9};
    static const uint8_t day[] = {3, 1, 1, 2, 9, 9}, whole[] = {1, 8, 4, 9, 1, 2, 3, 1};
    static const uint8_t letters[] = {10, 1, 0, 1, 0, 1};
    (void)state;

    assert_true(wf_check_date(2000, 2, 29));
    assert_false(wf_check_date(1900, 2, 29));
    assert_false(wf_check_date(2000, 0, 1));
    assert_false(wf_check_date(2000, 13, 1));
    assert_false(wf_check_date(2000, 1, 0));
    assert_false(wf_check_date(4000000000u, 1, 1));
    assert_true(wf_check_yymmdd(leap));
    assert_false(wf_check_yymmdd(none));
    assert_false(wf_check_yymmdd(letters));
    assert_true(wf_check_ddmmyy(day));
    assert_false(wf_check_yyyymmdd(whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks__know_published_numbers),
        cmocka_unit_test(test_checks__find_every_changed_character),
        cmocka_unit_test(test_checks__agree_with_a_second_computation),
        cmocka_unit_test(test_checks__weigh),
        cmocka_unit_test(test_checks__refuse_what_gives_ten),
        cmocka_unit_test(test_checks__read_numbers_with_separators),
        cmocka_unit_test(test_checks__know_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
