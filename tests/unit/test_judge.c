/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an answer is right: choices, numbers, words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/config.h"
#include "route/judge.h"

static const struct {
    const char *answer, *expected;
    bool is_right;
} cases[] = {
    /* choices */
    {"B", "B", true},
    {"b", "B", true},
    {"(B)", "B", true},
    {"B. Paris", "B", true},
    {"b) Paris", "b", true},
    {"The answer is C.", "C", true},
    {"It is not A) or B). The correct answer is (D), since A is wrong.", "D", true},
    {"A", "A", true},
    {"A large city is B", "B", true},
    {"A large city", "A", false},
    {"I think it is C", "C", true},
    {"I think it is C", "I", false},
    {"B or C", "B", false}, /* it does not choose */
    {"Both B and C. Answer: C", "C", true},
    {"", "B", false},
    {"Because", "B", false},
    {"AB", "A", false},
    /* numbers */
    {"So 3 + 4 = 7", "7", true},
    {"So 3 + 4 = 7", "3", false},
    {"It costs $1,000.00.", "1000", true},
    {"1000 apples", "$1,000", true},
    {"-5", "-5", true},
    {"5", "-5", false},
    {"10-5", "5", true},
    {"0.50", "0.5", true},
    {"The year is 1969, in July", "1969", true},
    {"none", "7", false},
    {"x7", "7", false},
    {"1,2,3", "3", true},
    /* words */
    {"The capital of France is Paris.", "paris", true},
    {"It is S\xc3\xa3o Paulo!", "Sao Paulo", true},
    {"It is Paulo, Sao", "Sao Paulo", false},
    {"Parisian", "Paris", false},
    {"Paris", "...", false},
    {"", "Paris", false},
    {"new new york", "New York", true},
};

static void test_judge__choices_numbers_and_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        if (wf_judge_is_right(wf_str_from(cases[i].answer), wf_str_from(cases[i].expected)) !=
            cases[i].is_right)
            fail_msg("\"%s\" against \"%s\"", cases[i].answer, cases[i].expected);
    }
}

static void test_judge__takes_what_comes(void **state)
{
    char digits[300];
    (void)state;
    for (size_t i = 0; i < sizeof(digits); i++)
        digits[i] = '9';
    assert_false(wf_judge_is_right(wf_str_n(digits, sizeof(digits)), WF_STR("9")));
    assert_false(wf_judge_is_right(WF_STR("x"), wf_str_n(NULL, 0)));
    assert_false(wf_judge_is_right(wf_str_n(NULL, 0), wf_str_n(NULL, 0)));
    for (size_t i = 0; i < sizeof(digits); i++)
        digits[i] = i % 2 ? ' ' : 'x';
    assert_true(
        wf_judge_is_right(wf_str_n(digits, sizeof(digits)), wf_str_n(digits, sizeof(digits))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge__choices_numbers_and_words),
        cmocka_unit_test(test_judge__takes_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
