/* SPDX-License-Identifier: Apache-2.0 */
/* Breakers on a clock of their own: when an engine is left alone, when it is tried again. */
#include "route/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t now_ns;

static int64_t wall(void *ud)
{
    (void)ud;
    return 0;
}

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ns;
}

static const struct wf_clock clock_here = {wall, mono, NULL};
static const struct wf_provider_problem bad = {.may_retry = true, .retry_after_ms = -1},
                                        wrong = {.retry_after_ms = -1};

static void pass(int64_t ms)
{
    now_ns += ms * 1000000;
}

static void break_it(struct wf_breaker *b, int n)
{
    for (int i = 0; i < n; i++) {
        assert_true(wf_breaker_enter(b, 1, NULL));
        wf_breaker_done(b, &bad, NULL);
    }
}

static void test_breaker__opens_after_failures_in_a_row(void **state)
{
    struct wf_breaker b;
    int64_t wait = 0;

    (void)state;
    wf_breaker_init(&b, NULL, &clock_here, NULL);
    break_it(&b, 4);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    wf_breaker_done(&b, NULL, NULL); /* a success between */
    break_it(&b, 4);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    wf_breaker_done(&b, &wrong, NULL); /* the request's own fault says nothing against it */
    break_it(&b, 5);
    assert_int_equal(wf_breaker_state(&b), WF_BREAKER_OPEN);
    assert_false(wf_breaker_enter(&b, 1, &wait));
    assert_int_equal(wait, 2000);
    pass(1999);
    assert_false(wf_breaker_would(&b, 1, &wait));
    assert_int_equal(wait, 1);
}

static void test_breaker__lets_one_through_to_see(void **state)
{
    struct wf_breaker b;
    int64_t wait = 0;

    (void)state;
    wf_breaker_init(&b, NULL, &clock_here, NULL);
    break_it(&b, 5);
    for (int64_t ms = 2000; ms <= 64000; ms *= 2) {
        pass(ms);
        assert_int_equal(wf_breaker_state(&b), WF_BREAKER_HALF_OPEN);
        assert_true(wf_breaker_would(&b, 1, NULL));
        assert_true(wf_breaker_enter(&b, 1, NULL));
        assert_false(wf_breaker_enter(&b, 1, &wait)); /* one at a time */
        assert_true(wait > 0);
        wf_breaker_done(&b, &bad, NULL);
        assert_false(wf_breaker_enter(&b, 1, &wait));
        assert_int_equal(wait, WF_MIN(ms * 2, 120000)); /* left alone twice as long */
    }
    pass(120000);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    wf_breaker_done(&b, NULL, NULL);
    assert_int_equal(wf_breaker_state(&b), WF_BREAKER_CLOSED);
    break_it(&b, 5);
    assert_false(wf_breaker_enter(&b, 1, &wait));
    assert_int_equal(wait, 2000); /* and the first time is short again */
}

static void test_breaker__remembers_what_is_left(void **state)
{
    struct wf_provider_rates rates = {
        .n_requests = 2, .n_tokens = 100, .requests_reset_ms = 1000, .tokens_reset_ms = 3000};
    struct wf_breaker b;
    int64_t wait = 0;

    (void)state;
    wf_breaker_init(&b, NULL, &clock_here, NULL);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    wf_breaker_done(&b, NULL, &rates);
    assert_false(wf_breaker_would(&b, 101, &wait));
    assert_int_equal(wait, 3000);
    assert_true(wf_breaker_enter(&b, 60, NULL));
    assert_false(wf_breaker_would(&b, 60, &wait));
    assert_true(wf_breaker_enter(&b, 10, NULL));
    assert_false(wf_breaker_enter(&b, 1, &wait)); /* no request left */
    assert_int_equal(wait, 1000);
    pass(1000);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    pass(2000);
    assert_true(wf_breaker_enter(&b, 1000, NULL)); /* all full again, and not known how full */
}

static void test_breaker__is_quiet_as_long_as_it_was_asked(void **state)
{
    struct wf_provider_problem busy = {.may_retry = true, .retry_after_ms = 5000};
    struct wf_breaker b;
    int64_t wait = 0;

    (void)state;
    wf_breaker_init(&b, NULL, &clock_here, NULL);
    assert_true(wf_breaker_enter(&b, 1, NULL));
    wf_breaker_done(&b, &busy, NULL);
    assert_int_equal(wf_breaker_state(&b), WF_BREAKER_CLOSED);
    assert_false(wf_breaker_enter(&b, 1, &wait));
    assert_int_equal(wait, 5000);
    pass(5000);
    for (int i = 0; i < 20; i++) { /* many that are sent away do not open it */
        assert_true(wf_breaker_enter(&b, 1, NULL));
        wf_breaker_done(&b, &busy, NULL);
        assert_int_equal(wf_breaker_state(&b), WF_BREAKER_CLOSED);
        pass(5000);
    }
    assert_true(wf_breaker_enter(&b, 1, NULL));
}

static void test_breaker__waits_longer_each_time_and_not_all_alike(void **state)
{
    struct wf_provider_problem p = bad;
    struct wf_breaker_options o = {.n_tries = 10};
    struct wf_rng_seeded rng;
    struct wf_breaker b;
    int64_t first = 0;
    bool differs = false;

    (void)state;
    wf_rng_seeded_init(&rng, 7);
    wf_breaker_init(&b, &o, &clock_here, &rng.rng);
    for (int i = 0; i < 200; i++) {
        int64_t most = 250;
        for (uint32_t t = 1; t < 10; t++) {
            int64_t ms = wf_breaker_wait_ms(&b, t, &p);
            assert_true(ms >= most / 2 && ms <= most);
            most = WF_MIN(most * 2, 8000);
            if (t == 1 && i == 0)
                first = ms;
            differs = differs || (t == 1 && ms != first);
        }
        assert_int_equal(wf_breaker_wait_ms(&b, 10, &p), -1);
    }
    assert_true(differs);
    p.retry_after_ms = 20000;
    for (int i = 0; i < 20; i++) {
        const int64_t ms = wf_breaker_wait_ms(&b, 1, &p);
        assert_true(ms >= 20125 && ms <= 20250);
    }
    p.retry_after_ms = 30001;
    assert_int_equal(wf_breaker_wait_ms(&b, 1, &p), -1);
    p = bad;
    p.is_midway = true; /* what was written already must not come twice */
    assert_int_equal(wf_breaker_wait_ms(&b, 1, &p), -1);
    assert_int_equal(wf_breaker_wait_ms(&b, 1, &wrong), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker__opens_after_failures_in_a_row),
        cmocka_unit_test(test_breaker__lets_one_through_to_see),
        cmocka_unit_test(test_breaker__remembers_what_is_left),
        cmocka_unit_test(test_breaker__is_quiet_as_long_as_it_was_asked),
        cmocka_unit_test(test_breaker__waits_longer_each_time_and_not_all_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
