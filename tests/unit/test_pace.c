/* SPDX-License-Identifier: Apache-2.0 */
/* The pace at which prompts are read beside who writes, on passes whose time is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/pace.h"

/* What a pass takes here, in nanoseconds: without a piece, for a token of one, for each before. */
#define STEP 20000000
#define TOKEN 1100000
#define BEFORE 700

/* Reads up to n tokens of a text behind n_before; returns how many, *out_ns is what it took. */
static size_t read_piece(struct wf_pace *p, size_t n_before, size_t n, int64_t *out_ns)
{
    struct wf_pace_piece piece = wf_pace_begin(p, 1);
    size_t got = wf_pace_add(p, &piece, n_before, n);

    *out_ns = STEP + (int64_t)got * TOKEN + (int64_t)(got * n_before) * BEFORE;
    wf_pace_read(p, &piece, *out_ns);
    return got;
}

/* A pace that has read the beginning of a text. */
static struct wf_pace begun(void)
{
    struct wf_pace p = {0};
    int64_t ns;

    wf_pace_wrote(&p, STEP);
    for (size_t i = 0; i < 8; i++)
        (void)read_piece(&p, 0, 512, &ns);
    return p;
}

static void test_pace__a_pass_stays_below_twice_the_others_at_any_depth(void **state)
{
    struct wf_pace p = {0};
    size_t at = 0, n_first = 0, n_last = 0;
    int64_t ns;

    (void)state;
    wf_pace_wrote(&p, STEP);
    for (size_t i = 0; at < 8000; i++) {
        n_last = read_piece(&p, at, 8000 - at, &ns);
        assert_true(n_last > 0);
        at += n_last;
        if (i == 20)
            n_first = n_last;
        if (i > 20 && at < 8000)
            assert_in_range(ns, STEP * 7 / 5, STEP * 7 / 4);
        else
            assert_true(ns < 2 * STEP);
    }
    assert_true(n_first >= 4 * n_last);
}

static void test_pace__another_text_is_read_as_it_stands(void **state)
{
    struct wf_pace p = {0};
    int64_t ns;

    (void)state;
    wf_pace_wrote(&p, STEP);
    for (size_t at = 0; at < 4000;)
        at += read_piece(&p, at, 512, &ns);
    assert_in_range(read_piece(&p, 0, 512, &ns), 9, 13);
    assert_in_range(read_piece(&p, 4000, 512, &ns), 2, 4);
}

static void test_pace__what_held_up_a_pass_is_soon_forgotten(void **state)
{
    struct wf_pace p = begun();
    struct wf_pace_piece piece = wf_pace_begin(&p, 1);
    size_t before, n = wf_pace_add(&p, &piece, 0, 512);
    int64_t ns;

    (void)state;
    before = n;
    wf_pace_read(&p, &piece, 10 * (int64_t)STEP);
    n = read_piece(&p, 0, 512, &ns);
    assert_in_range(n, before * 3 / 4, before);
    for (size_t i = 0; i < 20; i++)
        n = read_piece(&p, 0, 512, &ns);
    assert_int_equal(n, before);
}

static void test_pace__a_prompts_short_end_says_nothing_of_more(void **state)
{
    struct wf_pace p = begun(), as_it_was = p;
    struct wf_pace_piece piece = wf_pace_begin(&p, 1);

    (void)state;
    assert_int_equal(wf_pace_add(&p, &piece, 0, 1), 1);
    wf_pace_read(&p, &piece, STEP + 4 * TOKEN);
    assert_true(p.token_ns == as_it_was.token_ns);
}

static void test_pace__texts_share_the_time_of_a_piece(void **state)
{
    struct wf_pace p = begun();
    struct wf_pace_piece piece = wf_pace_begin(&p, 1), larger = wf_pace_begin(&p, 3);
    size_t alone = wf_pace_add(&p, &piece, 0, 512);

    (void)state;
    assert_int_equal(wf_pace_add(&p, &piece, 0, 512), 0);
    assert_in_range(wf_pace_add(&p, &larger, 0, 512), 3 * alone, 3 * alone + 2);
    piece = wf_pace_begin(&p, 1);
    assert_int_equal(wf_pace_add(&p, &piece, 0, 3), 3);
    assert_int_equal(wf_pace_add(&p, &piece, 0, 512), alone - 3);
}

static void test_pace__little_is_read_before_anything_is_known(void **state)
{
    struct wf_pace p = {0};
    struct wf_pace_piece piece = wf_pace_begin(&p, 2);
    size_t n = wf_pace_add(&p, &piece, 0, 512);

    (void)state;
    assert_in_range(n, 1, 16);
    assert_int_equal(wf_pace_add(&p, &piece, 0, 512), 0);
    wf_pace_read(&p, &piece, 1000000); /* nobody has written: nothing to compare with */
    piece = wf_pace_begin(&p, 1);
    assert_int_equal(wf_pace_add(&p, &piece, 0, 512), n / 2);
}

/* Without a pass of those alone who write it would not be known for long what theirs takes. */
static void test_pace__now_and_then_nothing_is_read(void **state)
{
    struct wf_pace p = begun();
    size_t n_rests = 0;
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        if (wf_pace_reads(&p))
            (void)read_piece(&p, 0, 512, &ns);
        else
            n_rests++;
    }
    assert_in_range(n_rests, 3, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace__a_pass_stays_below_twice_the_others_at_any_depth),
        cmocka_unit_test(test_pace__another_text_is_read_as_it_stands),
        cmocka_unit_test(test_pace__what_held_up_a_pass_is_soon_forgotten),
        cmocka_unit_test(test_pace__a_prompts_short_end_says_nothing_of_more),
        cmocka_unit_test(test_pace__texts_share_the_time_of_a_piece),
        cmocka_unit_test(test_pace__little_is_read_before_anything_is_known),
        cmocka_unit_test(test_pace__now_and_then_nothing_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
