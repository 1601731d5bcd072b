/* SPDX-License-Identifier: Apache-2.0 */
/* A gang does every part of every step exactly once, and what it wrote is there when a step ends,
 * however many members and parts there are, awake or asleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "os/gang.h"

#define PARTS_MAX 64

struct work {
    uint32_t done[PARTS_MAX]; /* not atomic: each is one member's during a step */
    size_t n;
};

static void count(void *ud, size_t i, size_t n)
{
    struct work *w = ud;

    assert_true(i < n);
    assert_true(n <= PARTS_MAX);
    w->done[i]++;
    w->n = n; /* all write the same */
}

static void count_quietly(void *ud, size_t i, size_t n)
{
    struct work *w = ud;

    (void)n;
    w->done[i]++;
}

static void run_steps(struct wf_gang *g, size_t n_each, size_t n_steps)
{
    struct work w = {{0}, 0};
    size_t n_parts = n_each * wf_gang_size(g);

    for (size_t i = 0; i < n_steps; i++) {
        wf_gang_run_parts(g, n_each, count_quietly, &w);
        for (size_t k = 0; k < PARTS_MAX; k++)
            assert_int_equal(w.done[k], k < n_parts ? i + 1 : 0);
    }
}

static void test_gang__does_each_part_once(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        struct wf_gang *g = NULL;
        assert_int_equal(wf_gang_new(n, &g, NULL), 0);
        /* Fewer and more parts by turns: what members know of the step before must not count. */
        for (size_t k = 0; k < 40; k++)
            run_steps(g, 1 + k * 7 % 12, 1 + k % 5);
        run_steps(g, 1, 2000);
        wf_gang_free(g);
    }
}

static void test_gang__wakes_those_who_sleep(void **state)
{
    const struct timespec pause = {0, 20000000};
    struct wf_gang *g = NULL;

    (void)state;
    assert_int_equal(wf_gang_new(3, &g, NULL), 0);
    for (int i = 0; i < 5; i++) {
        run_steps(g, 2, 3);
        nanosleep(&pause, NULL); /* far longer than they spin */
    }
    wf_gang_free(g);
}

static void test_gang__alone_is_called_in_order(void **state)
{
    struct wf_gang *g = NULL;
    struct work w = {{0}, 0};

    (void)state;
    assert_int_equal(wf_gang_new(1, &g, NULL), 0);
    wf_gang_run(g, count, &w);
    assert_int_equal(w.n, 1);
    wf_gang_run_parts(g, 3, count, &w);
    assert_int_equal(w.n, 3);
    assert_int_equal(w.done[0], 2);
    assert_int_equal(w.done[2], 1);
    wf_gang_free(g);
}

static void test_gang__parts_cover_all_items(void **state)
{
    (void)state;
    for (size_t n_items = 0; n_items < 70; n_items++) {
        for (size_t n = 1; n < 9; n++) {
            size_t from, to, at = 0;
            for (size_t i = 0; i < n; i++) {
                wf_gang_part(n_items, 16, i, n, &from, &to);
                assert_int_equal(from, at);
                assert_true(from % 16 == 0 || from == n_items);
                at = to;
            }
            assert_int_equal(at, n_items);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gang__does_each_part_once),
        cmocka_unit_test(test_gang__wakes_those_who_sleep),
        cmocka_unit_test(test_gang__alone_is_called_in_order),
        cmocka_unit_test(test_gang__parts_cover_all_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
