/* SPDX-License-Identifier: Apache-2.0 */
/* Clues: what is asked for, what sentences show, and their sum. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/lens_clues.h"
#include "text/sentence.h"

#define MOST 8

static size_t look(const char *question, const char *text, struct wf_lens_clues *out)
{
    struct wf_lens_shared_sentence sentences[MOST];
    struct wf_sentence s;
    size_t n = 0, at = 0;

    while (n < MOST && wf_sentence_next(wf_str_from(text), &at, &s))
        sentences[n++] = (struct wf_lens_shared_sentence){.start = s.start, .end = s.end};
    assert_int_equal(wf_lens_clues(wf_str_from(question), wf_str_from(text), sentences, n, out), 0);
    return n;
}

static void test_lens_clues__what_is_asked_for(void **state)
{
    static const struct {
        const char *question;
        enum wf_lens_asked asked;
    } cases[] = {{"Who wrote it?", WF_LENS_ASKED_WHO},
                 {"In whose house?", WF_LENS_ASKED_WHO},
                 {"When was it?", WF_LENS_ASKED_WHEN},
                 {"And where?", WF_LENS_ASKED_WHERE},
                 {"Why so?", WF_LENS_ASKED_WHY},
                 {"How does it work?", WF_LENS_ASKED_HOW},
                 {"how", WF_LENS_ASKED_HOW},
                 {"How many of them?", WF_LENS_ASKED_HOW_MANY},
                 {"How much?", WF_LENS_ASKED_HOW_MUCH},
                 {"HOW LONG did it take", WF_LENS_ASKED_HOW_LONG},
                 {"How tall is he?", WF_LENS_ASKED_HOW_LARGE},
                 {"How often?", WF_LENS_ASKED_HOW_OFTEN},
                 {"What is it?", WF_LENS_ASKED_WHAT},
                 {"which", WF_LENS_ASKED_WHAT},
                 {"Which river flows here?", WF_LENS_ASKED_WHICH},
                 {"In what year?", WF_LENS_ASKED_WHAT_TIME},
                 {"What percentage of them?", WF_LENS_ASKED_WHAT_NUMBER},
                 {"Which city?", WF_LENS_ASKED_WHAT_NAME},
                 {"Wann war das?", WF_LENS_ASKED_ANY},
                 {"", WF_LENS_ASKED_ANY}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(wf_lens_asked(wf_str_from(cases[i].question)), cases[i].asked);
}

/* Words of meaning count once each, in any form; one that fewer sentences have counts more. */
static void test_lens_clues__shared_words(void **state)
{
    struct wf_lens_clues c[MOST];

    (void)state;
    assert_int_equal(look("Which bakers baked the red loaf?",
                          "A baker slept. The baker bakes a loaf. It was warm.", c),
                     3);
    assert_true(fabsf(c[0].numbers[WF_LENS_CLUE_COVER] - 0.25f) < 1e-6f);
    assert_true(fabsf(c[1].numbers[WF_LENS_CLUE_COVER] - 0.75f) < 1e-6f);
    assert_true(fabsf(c[2].numbers[WF_LENS_CLUE_COVER]) < 1e-6f);
    assert_true(c[1].numbers[WF_LENS_CLUE_LOCAL] > 2 * c[0].numbers[WF_LENS_CLUE_LOCAL]);
    assert_true(fabsf(c[0].numbers[WF_LENS_CLUE_BEFORE]) < 1e-6f);
    assert_true(fabsf(c[1].numbers[WF_LENS_CLUE_BEFORE]) < 1e-6f);
    assert_true(fabsf(c[2].numbers[WF_LENS_CLUE_BEFORE] - 0.75f) < 1e-6f);
}

static void test_lens_clues__shapes(void **state)
{
    static const struct {
        const char *text;
        unsigned shapes;
    } cases[] = {
        {"It was in 1984.",
         1u << WF_LENS_SHAPE_NUMBER | 1u << WF_LENS_SHAPE_YEAR | 1u << WF_LENS_SHAPE_AT},
        {"It took 12 of them.", 1u << WF_LENS_SHAPE_NUMBER | 1u << WF_LENS_SHAPE_OTHER_NUMBER},
        {"It took seven of them.", 1u << WF_LENS_SHAPE_NUMERAL},
        {"They met Anna again.", 1u << WF_LENS_SHAPE_CAPITAL},
        {"They met Anna Berg again.", 1u << WF_LENS_SHAPE_CAPITAL | 1u << WF_LENS_SHAPE_CAPITALS},
        {"They lost (almost) half a percent.", 1u << WF_LENS_SHAPE_PARENTHESIS |
                                                   1u << WF_LENS_SHAPE_NUMERAL |
                                                   1u << WF_LENS_SHAPE_PERCENT},
        {"They sold it for \xe2\x82\xac.", 1u << WF_LENS_SHAPE_MONEY},
        {"It is called \"tar\" because of its smell.",
         1u << WF_LENS_SHAPE_CALLED | 1u << WF_LENS_SHAPE_QUOTE | 1u << WF_LENS_SHAPE_CAUSE},
        {"Written by hand, such as letters, every april.",
         1u << WF_LENS_SHAPE_BY | 1u << WF_LENS_SHAPE_SUCH | 1u << WF_LENS_SHAPE_MONTH},
        {"Nothing here.", 0},
    };
    struct wf_lens_clues c[MOST];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(look("When?", cases[i].text, c), 1);
        if (c[0].shapes != cases[i].shapes)
            fail_msg("%s: %x, not %x", cases[i].text, c[0].shapes, cases[i].shapes);
    }
    (void)look("Was it 1984 in Rome?", "It was 1984 Rome.", c); /* the question's own say nothing */
    assert_int_equal(c[0].shapes, 0);
}

/* The sum is that of the question's kind; one of no kind has shared words only. */
static void test_lens_clues__score(void **state)
{
    float w[WF_LENS_CLUE_COUNT] = {0};
    struct wf_lens_clues c = {.numbers = {0.5f, 0.25f, 0.125f},
                              .shapes = 1u << WF_LENS_SHAPE_YEAR | 1u << WF_LENS_SHAPE_SUCH};

    (void)state;
    w[WF_LENS_CLUE_COVER] = 2;
    w[WF_LENS_CLUE_LOCAL] = 4;
    w[WF_LENS_CLUE_BEFORE] = 8;
    w[WF_LENS_CLUE_CROSSES + (WF_LENS_ASKED_WHEN - 1) * (int)WF_LENS_SHAPE_COUNT +
      WF_LENS_SHAPE_YEAR] = 16;
    w[WF_LENS_CLUE_COUNT - 1] = 32; /* of the last kind: the last shape */
    assert_true(fabsf(wf_lens_clues_score(&c, WF_LENS_ASKED_ANY, w) - 3) < 1e-6f);
    assert_true(fabsf(wf_lens_clues_score(&c, WF_LENS_ASKED_WHEN, w) - 19) < 1e-6f);
    assert_true(fabsf(wf_lens_clues_score(&c, WF_LENS_ASKED_WHAT_NAME, w) - 35) < 1e-6f);
    assert_true(fabsf(wf_lens_clues_score(&c, WF_LENS_ASKED_WHY, w) - 3) < 1e-6f);
}

static void test_lens_clues__memory_that_runs_out_is_an_error(void **state)
{
    struct wf_lens_shared_sentence s = {.end = 3};
    struct wf_lens_clues c;

    (void)state;
    wf_alloc_fail_at(1);
    assert_int_equal(wf_lens_clues(WF_STR("who"), WF_STR("Al."), &s, 1, &c), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    assert_int_equal(wf_lens_clues(WF_STR("who"), WF_STR("Al."), &s, 1, &c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lens_clues__what_is_asked_for),
        cmocka_unit_test(test_lens_clues__shared_words),
        cmocka_unit_test(test_lens_clues__shapes),
        cmocka_unit_test(test_lens_clues__score),
        cmocka_unit_test(test_lens_clues__memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
