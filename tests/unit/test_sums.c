/* SPDX-License-Identifier: Apache-2.0 */
/* Sums in answers, reckoned again: the wrong ones are found, and what is no sum is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/config.h"
#include "route/sums.h"

static const struct {
    const char *text;
    size_t n, n_wrong;
} cases[] = {
    {"3 + 4 = 7", 1, 0},
    {"3 + 4 = 8", 1, 1},
    {"So she has 16 - 3 - 4 = 9 eggs, and 9 * $2 = $18.", 2, 0},
    {"So 20 x 3 = 61 cups", 1, 1},
    {"2+3*4=14", 1, 0},
    {"(2+3)*4 = 20, 2*(3+4)=15", 2, 1},
    {"80,000 + 50,000 = $130,000", 1, 0},
    {"80,000 + 50,000 = 13,000", 1, 1},
    {"130,000 * 150% = 195,000", 1, 0},
    {"800/3 = 266.67 and 10 / 3 = 3", 2, 0}, /* rounded */
    {"800/3 = 250", 1, 1},
    {"5 - 8 = -3, 5 * -2 = -10", 2, 0},
    {"5 - 8 = 3", 1, 1},
    {"3 + 4 = 7 + 1 = 8", 1, 0}, /* the first is no number alone; 7 + 1 is 8 */
    {"In 2012, 3 + 4 = 7", 1, 0},
    {"In 2012, 3 + 4 = 8", 1, 1},
    {".5 * 4 = 2", 1, 0},
    /* no sums */
    {"x = 3", 0, 0},
    {"2y + 3 = 10", 0, 0},
    {"y + 3 + 4 = 10", 0, 0},
    {"2^3 + 4 = 12", 0, 0},
    {"total - 3 = 4", 0, 0},
    {"3 == 4, 3 >= 4, 3 != 4, 3 => 4", 0, 0},
    {"3 = 4", 0, 0},
    {"3 + = 4, 3 + 4 =", 0, 0},
    {"1 / 0 = 5", 0, 0},
    {"f(3 + 4) = 9", 0, 0},
    {"2 (3 + 4) = 14", 0, 0},
    {"200 GB / 2 GB/minute = 100 minutes", 0, 0},
    {"", 0, 0},
    {"=", 0, 0},
};

static void test_sums__wrong_ones_are_found_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        const struct wf_sums s = wf_sums_in(wf_str_from(cases[i].text));
        if (s.n != cases[i].n || s.n_wrong != cases[i].n_wrong)
            fail_msg("\"%s\": %zu sums, %zu wrong", cases[i].text, s.n, s.n_wrong);
    }
}

static void test_sums__take_what_comes(void **state)
{
    static char text[100000];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "1+(=-*/x.,% $)"[i * 7 % 14];
    (void)wf_sums_in(wf_str_n(text, sizeof(text)));
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? '=' : '(';
    assert_int_equal(wf_sums_in(wf_str_n(text, sizeof(text))).n, 0);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = '9';
    text[50000] = '=';
    assert_int_equal(wf_sums_in(wf_str_n(text, sizeof(text))).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums__wrong_ones_are_found_and_nothing_else),
        cmocka_unit_test(test_sums__take_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
