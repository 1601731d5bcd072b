/* SPDX-License-Identifier: Apache-2.0 */
/* Cascades: what speaks against an answer, and who is asked then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "route/cascade.h"
#include "route/check.h"
#include "support/scripted.h"

/* ---- the check ---- */

static double doubt_of(enum wf_kind kind, const char *text, const char **why)
{
    const struct wf_check_answer a = {.kind = kind, .text = wf_str_from(text)};

    return wf_check_doubt(&a, why);
}

static void test_cascade__what_speaks_against_an_answer(void **state)
{
    static const struct {
        enum wf_kind kind;
        const char *text, *why;
    } cases[] = {
        {WF_KIND_CHAT, " \n", "empty"},
        {WF_KIND_CHAT, "I'm not sure what you mean.", "unsure"},
        {WF_KIND_CHAT, "Das wei\xc3\x9f ich: ich wei\xc3\x9f nicht.", "unsure"},
        {WF_KIND_CHAT, "It is the same the same the same the same the same", "repeats"},
        {WF_KIND_CHOICE, "The mitochondrion", "no choice"},
        {WF_KIND_MATH, "some apples", "no number"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        double doubt = doubt_of(cases[i].kind, cases[i].text, &why);
        if (doubt < WF_CHECK_DOUBTFUL || doubt > 1 || strcmp(why, cases[i].why) != 0)
            fail_msg("%s: %.2f, %s", cases[i].text, doubt, why);
    }
}

static void test_cascade__what_does_not(void **state)
{
    static const struct {
        enum wf_kind kind;
        const char *text;
    } cases[] = {
        {WF_KIND_CHAT, "The sky is blue because air scatters short waves more."},
        {WF_KIND_CHAT, "| a | b |\n|-------------------|----------------|"},
        {WF_KIND_CHAT, "And so on ...................."},
        {WF_KIND_CHOICE, "B"},
        {WF_KIND_CHOICE, "The answer is (C)."},
        {WF_KIND_MATH, "12 apples"},
        {WF_KIND_MATH, "It is 1000000000"},
    };
    const char *why;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++)
        if (doubt_of(cases[i].kind, cases[i].text, &why) >= WF_CHECK_DOUBTFUL)
            fail_msg("%s: %s", cases[i].text, why);
}

static void test_cascade__unlikely_words_and_cut_ends_count(void **state)
{
    struct wf_check_answer a = {.text = WF_STR("A fine answer"), .n_logprobs = 5, .logprob = -0.2};
    const char *why;

    (void)state;
    assert_true(wf_check_doubt(&a, &why) < 0.01);
    assert_string_equal(why, "");
    a.logprob = -2.5;
    assert_true(wf_check_doubt(&a, &why) >= WF_CHECK_DOUBTFUL);
    assert_string_equal(why, "unlikely");
    a.n_logprobs = 0; /* not known: not looked at */
    assert_true(wf_check_doubt(&a, NULL) < 0.01);
    a.finish = WF_FINISH_LENGTH;
    assert_true(wf_check_doubt(&a, NULL) >= WF_CHECK_DOUBTFUL);
    a.is_bounded = true; /* as was asked for */
    assert_true(wf_check_doubt(&a, NULL) < 0.01);
}

/* ---- the cascade ---- */

static struct scripted small, large;
static struct wf_outcome told[2];
static size_t n_told[2];

static void tell(void *ud, size_t i, const struct wf_outcome *o, const struct wf_err *err)
{
    (void)ud;
    assert_true(i < 2);
    assert_int_equal(o->failed, err != NULL);
    told[i] = *o;
    n_told[i]++;
}

static const struct wf_gen_event good[] = {
    {.kind = WF_GEN_REASONING, .text = {"hm", 2}},
    {.kind = WF_GEN_TEXT, .text = {"The sky is ", 11}},
    {.kind = WF_GEN_TEXT, .text = {"blue.", 5}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_STOP},
};
static const struct wf_gen_event bad[] = {
    {.kind = WF_GEN_TEXT, .text = {"I do not know.", 14}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_STOP},
};
static const struct wf_gen_event better[] = {
    {.kind = WF_GEN_TEXT, .text = {"It scatters.", 12}},
    {.kind = WF_GEN_END, .finish = WF_FINISH_STOP},
};

static int set_up(void **state)
{
    (void)state;
    scripted_init(&small);
    scripted_init(&large);
    small.events = good;
    small.n_events = WF_ARRAY_LEN(good);
    large.events = better;
    large.n_events = WF_ARRAY_LEN(better);
    memset(n_told, 0, sizeof(n_told));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scripted_deinit(&small);
    scripted_deinit(&large);
    return 0;
}

/* The answer's text; where it came from in *out_at. */
static int hear(struct wf_buf *out, size_t *out_at, struct wf_err *err)
{
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "Why?");
    const struct wf_gen_request q = {.messages = messages};
    const struct wf_failover_place places[] = {{&small.base, "s", true}, {&large.base, "l", true}};
    const struct wf_cascade_options o = {.places = {.places = places, .n = 2, .tell = tell}};
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    bool ended = false;
    int rc;

    assert_true(wf_cascade_fits(&q));
    rc = wf_cascade_generate(&o, &q, &g, err);
    while (rc == 0 && (rc = wf_gen_next(g, &e, err)) == 1) {
        assert_false(ended);
        ended = e.kind == WF_GEN_END;
        if (e.kind == WF_GEN_TEXT)
            (void)wf_buf_append_str(out, e.text);
        rc = 0;
    }
    if (rc == 0) {
        assert_true(ended);
        *out_at = wf_cascade_at(g);
        assert_int_equal(wf_gen_usage(g)->n_written, 5);
    }
    wf_gen_free(g);
    json_decref(messages);
    return rc;
}

static void test_cascade__a_good_answer_of_the_small_one_stands(void **state)
{
    struct wf_buf text;
    size_t at = 9;

    (void)state;
    wf_buf_init(&text, 1000);
    assert_int_equal(hear(&text, &at, NULL), 0);
    assert_string_equal(text.ptr, "The sky is blue.");
    assert_int_equal(at, 0);
    assert_int_equal(large.n_made, 0);
    assert_int_equal(n_told[0], 1);
    assert_false(told[0].is_rated);
    wf_buf_deinit(&text);
}

static void test_cascade__a_doubted_one_is_replaced_and_rated(void **state)
{
    struct wf_buf text;
    size_t at = 9;

    (void)state;
    small.events = bad;
    small.n_events = WF_ARRAY_LEN(bad);
    wf_buf_init(&text, 1000);
    assert_int_equal(hear(&text, &at, NULL), 0);
    assert_string_equal(text.ptr, "It scatters.");
    assert_int_equal(at, 1);
    assert_true(told[0].is_rated && told[0].quality < 0.5F);
    assert_int_equal(n_told[1], 1);
    assert_int_equal(small.n_live + large.n_live, 0);
    wf_buf_deinit(&text);
}

static void test_cascade__one_that_fails_is_followed(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    size_t at = 9;

    (void)state;
    wf_buf_init(&text, 1000);
    small.fail_next = WF_E_IO; /* in the middle of its answer, which nobody has seen */
    small.n_events = 2;
    assert_int_equal(hear(&text, &at, NULL), 0);
    assert_string_equal(text.ptr, "It scatters.");
    assert_true(told[0].failed);
    large.fail = WF_E_BUSY;
    assert_int_equal(hear(&text, &at, &err), WF_E_BUSY);
    small.fail_next = WF_E_CANCELED;
    large.fail = 0;
    assert_int_equal(hear(&text, &at, &err), WF_E_CANCELED);
    wf_buf_deinit(&text);
}

static void test_cascade__what_it_is_not_for(void **state)
{
    json_t *a = json_array();
    struct wf_gen_request q = {.messages = a};

    (void)state;
    assert_true(wf_cascade_fits(&q));
    q.schema = a;
    assert_false(wf_cascade_fits(&q));
    q = (struct wf_gen_request){.messages = a};
    q.tools.tools = a;
    assert_false(wf_cascade_fits(&q));
    q = (struct wf_gen_request){.messages = a, .n_choices = 2};
    assert_false(wf_cascade_fits(&q));
    q = (struct wf_gen_request){.messages = a, .wants_logprobs = true};
    assert_false(wf_cascade_fits(&q));
    q = (struct wf_gen_request){.prompt = WF_STR("x")};
    assert_false(wf_cascade_fits(&q));
    json_decref(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cascade__what_speaks_against_an_answer),
        cmocka_unit_test(test_cascade__what_does_not),
        cmocka_unit_test(test_cascade__unlikely_words_and_cut_ends_count),
        TEST(test_cascade__a_good_answer_of_the_small_one_stands),
        TEST(test_cascade__a_doubted_one_is_replaced_and_rated),
        TEST(test_cascade__one_that_fails_is_followed),
        cmocka_unit_test(test_cascade__what_it_is_not_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
