/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets: the hard stop, also for many at once; days, months, crashes, full disks. */
#include "route/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "os/file.h"

#define DAY_MS INT64_C(86400000)
#define JAN_31 (INT64_C(20484) * DAY_MS) /* 2026-01-31 */

static char dir[] = "/tmp/weft-test-budget-XXXXXX", path[64];
static int64_t wall_ms, mono_ns;

static int64_t wall(void *ud)
{
    (void)ud;
    return wall_ms;
}

static int64_t mono(void *ud)
{
    (void)ud;
    return mono_ns;
}

static const struct wf_clock clock_here = {wall, mono, NULL};
static const struct wf_spending nothing = {0, 0, 0};

static struct wf_engine_entry entry(int64_t day_tokens, int64_t month_tokens)
{
    return (struct wf_engine_entry){
        .name = "gpt", .day = {.n_tokens = day_tokens}, .month = {.n_tokens = month_tokens}};
}

static struct wf_budget *open_it(void)
{
    struct wf_budget *b = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_budget_open(path, &clock_here, &b, &err) != 0)
        fail_msg("%s", err.msg);
    return b;
}

static int begin(void **state)
{
    (void)state;
    wall_ms = JAN_31 + 1000;
    mono_ns = 0;
    unlink(path);
    return 0;
}

static void spend(struct wf_budget *b, const struct wf_engine_entry *e, int64_t n)
{
    struct wf_spending s = {.n_tokens = n};

    assert_int_equal(wf_budget_reserve(b, e, &s, NULL), 0);
    assert_int_equal(wf_budget_settle(b, e, &s, &s, NULL), 0);
}

static void test_budget__stops_hard_at_the_limit(void **state)
{
    struct wf_engine_entry e = entry(100, 0);
    struct wf_spending sixty = {.n_tokens = 60}, forty = {.n_tokens = 40}, one = {.n_tokens = 1};
    struct wf_budget *b = open_it();
    struct wf_err err = WF_ERR_INIT;
    struct wf_spending day, month;

    (void)state;
    assert_int_equal(wf_budget_reserve(b, &e, &sixty, NULL), 0);
    assert_int_equal(wf_budget_reserve(b, &e, &sixty, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "gpt has spent 0 of its 100 tokens for today"));
    assert_int_equal(wf_budget_reserve(b, &e, &forty, NULL), 0); /* exactly all */
    assert_int_equal(wf_budget_reserve(b, &e, &one, NULL), WF_E_LIMIT);
    assert_int_equal(wf_budget_settle(b, &e, &sixty, &nothing, NULL), 0);
    assert_int_equal(wf_budget_settle(b, &e, &forty, &forty, NULL), 0);
    assert_int_equal(wf_budget_reserve(b, &e, &sixty, NULL), 0);
    assert_int_equal(wf_budget_settle(b, &e, &sixty, &sixty, NULL), 0);
    assert_int_equal(wf_budget_reserve(b, &e, &one, NULL), WF_E_LIMIT);
    wf_budget_spent(b, "gpt", &day, &month);
    assert_int_equal(day.n_tokens, 100);
    assert_int_equal(month.n_tokens, 100);
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static void test_budget__each_of_money_tokens_and_energy_stops(void **state)
{
    struct wf_engine_entry e = {.name = "x",
                                .day = {.money_micro = 10, .n_tokens = 10, .energy_j = 10}};
    const struct wf_spending over[] = {{11, 0, 0}, {0, 11, 0}, {0, 0, 11}};
    struct wf_spending ten = {10, 10, 10};
    struct wf_budget *b = open_it();

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(wf_budget_reserve(b, &e, &over[i], NULL), WF_E_LIMIT);
    assert_int_equal(wf_budget_reserve(b, &e, &ten, NULL), 0);
    ten.money_micro = -1;
    assert_int_equal(wf_budget_reserve(b, &e, &ten, NULL), WF_E_INVAL);
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static void test_budget__a_new_day_and_a_new_month_begin_anew(void **state)
{
    struct wf_engine_entry e = entry(100, 150);
    struct wf_spending hundred = {.n_tokens = 100}, fifty = {.n_tokens = 50};
    struct wf_budget *b = open_it();

    (void)state;
    wall_ms -= DAY_MS;
    spend(b, &e, 100);
    assert_int_equal(wf_budget_reserve(b, &e, &fifty, NULL), WF_E_LIMIT);
    wall_ms += DAY_MS;
    assert_int_equal(wf_budget_reserve(b, &e, &hundred, NULL), WF_E_LIMIT); /* the month's */
    spend(b, &e, 50);
    wall_ms += DAY_MS; /* 1 February */
    spend(b, &e, 100);
    wall_ms -= DAY_MS; /* a clock that goes back gives nothing back */
    assert_int_equal(wf_budget_reserve(b, &e, &fifty, NULL), WF_E_LIMIT);
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static void test_budget__is_remembered(void **state)
{
    struct wf_engine_entry e = entry(100, 0);
    struct wf_spending more = {.n_tokens = 41}, day, month;
    struct wf_budget *b = open_it();

    (void)state;
    spend(b, &e, 60);
    assert_int_equal(access(path, F_OK), 0); /* the first at once */
    assert_int_equal(unlink(path), 0);
    spend(b, &e, 0);
    assert_int_equal(access(path, F_OK), -1); /* the next not */
    mono_ns += 1000000000;
    spend(b, &e, 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(wf_budget_close(b, NULL), 0);
    b = open_it();
    wf_budget_spent(b, "gpt", &day, &month);
    assert_int_equal(day.n_tokens, 60);
    assert_int_equal(wf_budget_reserve(b, &e, &more, NULL), WF_E_LIMIT);
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static void test_budget__a_file_that_cannot_be_read_lets_nothing_go(void **state)
{
    static const char *const files[] = {"",
                                        "weft budget 2\n",
                                        "weft budget 1\ngpt 1 2 3\n",
                                        "weft budget 1\ngpt 1 0 0 0 1 0 0 0 0\n",
                                        "weft budget 1\ngpt 1 -1 0 0 1 0 0 0\n",
                                        "weft budget 1\ngpt 1 0 0 0 1 0 0 0\ngpt 1 0 0 0 1 0 0 0\n",
                                        "weft budget 1\ngpt 1 99999999999999999999 0 0 1 0 0 0\n"};
    struct wf_budget *b = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        assert_int_equal(wf_file_replace(path, files[i], strlen(files[i]), 0600, NULL), 0);
        assert_int_equal(wf_budget_open(path, &clock_here, &b, NULL), WF_E_FORMAT);
    }
}

static void test_budget__a_full_disk_forgets_nothing(void **state)
{
    struct wf_engine_entry e = entry(100, 0);
    struct wf_spending s = {.n_tokens = 30}, day, month;
    struct wf_budget *b = open_it();

    (void)state;
    mono_ns += 1000000000;
    assert_int_equal(wf_budget_reserve(b, &e, &s, NULL), 0);
    wf_file_fail_at(1);
    assert_int_equal(wf_budget_settle(b, &e, &s, &s, NULL), WF_E_FULL);
    wf_file_fail_at(0);
    wf_budget_spent(b, "gpt", &day, &month);
    assert_int_equal(day.n_tokens, 30);
    assert_int_equal(wf_budget_close(b, NULL), 0); /* which saves */
    b = open_it();
    wf_budget_spent(b, "gpt", &day, &month);
    assert_int_equal(day.n_tokens, 30);
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

/* Whatever comes in whatever order: what is spent and reserved never exceeds the limit. */
static void test_budget__no_order_of_requests_exceeds_it(void **state)
{
    struct wf_engine_entry e = entry(1000, 0);
    struct wf_budget *b = open_it();
    struct wf_rng_seeded rng;
    struct wf_spending open[64], day, month;
    size_t n = 0;
    int64_t reserved = 0;

    (void)state;
    wf_rng_seeded_init(&rng, 11);
    for (int i = 0; i < 20000; i++) {
        if (n < WF_ARRAY_LEN(open) && wf_rng_below(&rng.rng, 2) == 0) {
            open[n] = (struct wf_spending){.n_tokens = (int64_t)wf_rng_below(&rng.rng, 200)};
            if (wf_budget_reserve(b, &e, &open[n], NULL) == 0)
                reserved += open[n++].n_tokens;
        } else if (n > 0) {
            size_t k = (size_t)wf_rng_below(&rng.rng, n);
            struct wf_spending spent = {
                .n_tokens = (int64_t)wf_rng_below(&rng.rng, (uint64_t)open[k].n_tokens + 1)};
            assert_int_equal(wf_budget_settle(b, &e, &open[k], &spent, NULL), 0);
            reserved -= open[k].n_tokens;
            open[k] = open[--n];
        }
        wf_budget_spent(b, "gpt", &day, &month);
        assert_true(day.n_tokens + reserved <= 1000);
        if (i % 500 == 499)
            wall_ms += DAY_MS;
    }
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static void test_budget__nth_allocation_fails(void **state)
{
    struct wf_budget *b = open_it();
    struct wf_engine_entry e = entry(0, 0);
    int rc;

    (void)state;
    spend(b, &e, 5);
    assert_int_equal(wf_budget_close(b, NULL), 0);
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        rc = wf_budget_open(path, &clock_here, &b, NULL);
        wf_alloc_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    assert_int_equal(wf_budget_close(b, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/budget", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_budget__stops_hard_at_the_limit, begin),
        cmocka_unit_test_setup(test_budget__each_of_money_tokens_and_energy_stops, begin),
        cmocka_unit_test_setup(test_budget__a_new_day_and_a_new_month_begin_anew, begin),
        cmocka_unit_test_setup(test_budget__is_remembered, begin),
        cmocka_unit_test_setup(test_budget__a_file_that_cannot_be_read_lets_nothing_go, begin),
        cmocka_unit_test_setup(test_budget__a_full_disk_forgets_nothing, begin),
        cmocka_unit_test_setup(test_budget__no_order_of_requests_exceeds_it, begin),
        cmocka_unit_test_setup(test_budget__nth_allocation_fails, begin),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
