/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the world are told from those about somebody. */
#include "privacy/impersonal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_impersonal__questions_about_the_world(void **state)
{
    static const char *const texts[] = {
        "What is the capital of France?",
        "Which hormone lowers blood sugar?",
        "¿Qué medicamentos son citotóxicos?",
        "Welche Krankheit wird von Mücken übertragen?",
        "Quel médicament agit contre la fièvre ?",
        "Какое лекарство снижает давление?",
        "Which one is it?\nA. red\nB. blue\nC. green\nAnswer:",
        "My aunt has a cold.\nA) yes\nB) no\nC) perhaps",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        if (!wf_is_impersonal(wf_str_from(texts[i])))
            fail_msg("somebody's: %s", texts[i]);
}

static void test_impersonal__about_somebody(void **state)
{
    static const char *const texts[] = {
        "What does my blood test say?",
        "Why do I cough?",
        "Was bedeutet mein Befund?",
        "¿Por qué tengo fiebre?",
        "Почему у меня болит голова?",
        "Pourquoi ai-je mal ? C'est mon dos",
        "She has diabetes.",
        "What is wrong with her?",
        "Diabetes",
        "",
        "?",
        "A. one\nB. two",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        if (wf_is_impersonal(wf_str_from(texts[i])))
            fail_msg("nobody's: %s", texts[i]);
}

static void test_impersonal__quizzes_and_questions(void **state)
{
    (void)state;
    assert_true(wf_is_quiz(WF_STR("x\n(A) 1\n(B) 2\n(C) 3")));
    assert_false(wf_is_quiz(WF_STR("A. 1 B. 2 C. 3")));
    assert_false(wf_is_quiz(WF_STR("x\nC. 1\nB. 2\nA. 3")));
    assert_true(wf_is_question(WF_STR("大阪はどこにありますか？")));
    assert_true(wf_is_question(WF_STR("Ποια είναι η πρωτεύουσα; ")));
    assert_false(wf_is_question(WF_STR("int i = 0;")));
    assert_false(wf_is_question(WF_STR("Is it mine?")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_impersonal__questions_about_the_world),
        cmocka_unit_test(test_impersonal__about_somebody),
        cmocka_unit_test(test_impersonal__quizzes_and_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
