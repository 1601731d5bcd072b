/* SPDX-License-Identifier: Apache-2.0 */
/* The hybrid clock: it never goes back, whatever the wall's does, follows what was seen, and
 * refuses what is too far ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "crdt/hlc.h"

static int64_t now_ms;

static int64_t wall_ms(void *ud)
{
    (void)ud;
    return now_ms;
}

static const struct wf_clock clock_of_test = {.wall_ms = wall_ms};

static void test_hlc__follows_the_wall_and_never_goes_back(void **state)
{
    struct wf_rng_seeded rng;
    struct wf_hlc h;
    uint64_t last = 0;
    (void)state;

    wf_rng_seeded_init(&rng, 7);
    wf_hlc_init(&h, &clock_of_test, 0);
    now_ms = 1000;
    assert_int_equal(wf_hlc_now(&h), UINT64_C(1000) << 16);
    assert_int_equal(wf_hlc_now(&h), (UINT64_C(1000) << 16) + 1);
    for (unsigned i = 0; i < 100000; i++) {
        now_ms += (int64_t)wf_rng_below(&rng.rng, 7) - 3;
        uint64_t t = wf_hlc_now(&h);
        assert_true(t > last);
        last = t;
    }
    /* A restart on a wall that was set back by a year goes on behind the last time. */
    now_ms = INT64_C(1800000000000);
    last = wf_hlc_now(&h);
    now_ms -= INT64_C(365) * 86400000;
    wf_hlc_init(&h, &clock_of_test, last);
    assert_int_equal(wf_hlc_now(&h), last + 1);
    assert_true(wf_hlc_ahead_ms(&h) > INT64_C(364) * 86400000);
}

static void test_hlc__a_full_counter_borrows(void **state)
{
    struct wf_hlc h;
    (void)state;

    now_ms = 5;
    wf_hlc_init(&h, &clock_of_test, 0);
    for (unsigned i = 0; i < 65536; i++)
        (void)wf_hlc_now(&h);
    assert_int_equal(wf_hlc_ms(h.last), 5);
    assert_int_equal(wf_hlc_ms(wf_hlc_now(&h)), 6);
}

static void test_hlc__follows_what_it_sees_within_bounds(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_hlc h;
    (void)state;

    now_ms = 1000000;
    wf_hlc_init(&h, &clock_of_test, 0);
    uint64_t ahead = (uint64_t)(now_ms + WF_HLC_AHEAD_MS_MAX) << 16;
    assert_int_equal(wf_hlc_see(&h, ahead | 9, NULL), 0);
    assert_int_equal(wf_hlc_now(&h), (ahead | 9) + 1);
    assert_int_equal(wf_hlc_see(&h, 5, NULL), 0);
    assert_int_equal(h.last, (ahead | 9) + 1);
    uint64_t before = h.last;
    ahead = (uint64_t)(now_ms + WF_HLC_AHEAD_MS_MAX + 1) << 16;
    assert_int_equal(wf_hlc_see(&h, ahead, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "10 minutes from now"));
    ahead = (uint64_t)(now_ms + INT64_C(3) * 86400000) << 16;
    assert_int_equal(wf_hlc_see(&h, ahead, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "4320 minutes from now"));
    assert_int_equal(wf_hlc_see(&h, 0, &err), WF_E_RANGE);
    assert_int_equal(wf_hlc_see(&h, UINT64_MAX, &err), WF_E_RANGE);
    assert_int_equal(h.last, before);
}

static void test_hlc__a_mad_wall_is_no_overflow(void **state)
{
    struct wf_hlc h;
    (void)state;

    now_ms = INT64_MAX;
    wf_hlc_init(&h, &clock_of_test, 0);
    assert_true(wf_hlc_now(&h) < INT64_MAX);
    assert_int_equal(wf_hlc_see(&h, INT64_MAX, NULL), WF_E_RANGE);
    now_ms = INT64_MIN;
    wf_hlc_init(&h, &clock_of_test, 0);
    assert_int_equal(wf_hlc_now(&h), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hlc__follows_the_wall_and_never_goes_back),
        cmocka_unit_test(test_hlc__a_full_counter_borrows),
        cmocka_unit_test(test_hlc__follows_what_it_sees_within_bounds),
        cmocka_unit_test(test_hlc__a_mad_wall_is_no_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
