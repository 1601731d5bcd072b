/* SPDX-License-Identifier: Apache-2.0 */
/* A gang does every part of every step exactly once, and what it wrote is there when a step ends,
 * however many members and parts there are, awake or asleep, at work or at rest. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
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

/* ---- members that rest ---- */

struct who {
    pthread_t caller;
    _Atomic size_t n_others; /* parts that others than the caller did */
};

static void note_who(void *ud, size_t i, size_t n)
{
    struct who *w = ud;

    (void)i;
    (void)n;
    if (!pthread_equal(pthread_self(), w->caller))
        w->n_others++;
}

/* Each part waits until so many are at work, which needs a thread for each. */
struct meeting {
    _Atomic size_t n_there;
    _Atomic bool was_missed;
};

static void meet(void *ud, size_t i, size_t n)
{
    struct meeting *m = ud;
    int64_t until = wf_clock_mono_ns(NULL) + 20000000000;

    (void)i;
    m->n_there++;
    while (m->n_there < n && !m->was_missed) {
        if (wf_clock_mono_ns(NULL) > until)
            m->was_missed = true;
        sched_yield();
    }
}

static void assert_all_come(struct wf_gang *g)
{
    struct meeting m = {0, false};

    wf_gang_run(g, meet, &m);
    assert_false(m.was_missed);
}

static void test_gang__does_each_part_once_whoever_rests(void **state)
{
    const struct timespec pause = {0, 1000000};

    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        struct wf_gang *g = NULL;
        assert_int_equal(wf_gang_new(n, &g, NULL), 0);
        for (size_t k = 0; k < 400; k++) {
            wf_gang_limit(g, 1 + k * 7 % 11 % n);
            run_steps(g, 1 + k % 5, 1 + k % 3);
            if (k % 40 == 0)
                nanosleep(&pause, NULL); /* those who are awake sleep, too */
        }
        wf_gang_free(g); /* some rest */
    }
}

static void test_gang__who_rests_does_nothing_and_costs_nothing(void **state)
{
    struct wf_gang *g = NULL;
    struct who w = {pthread_self(), 0};
    int64_t before[3], after[3], until;

    (void)state;
    assert_int_equal(wf_gang_new(3, &g, NULL), 0);
    assert_all_come(g);
    wf_gang_limit(g, 1);
    wf_gang_run_parts(g, 4, note_who, &w);
    until = wf_clock_mono_ns(NULL) + 50000000;
    while (wf_clock_mono_ns(NULL) < until) /* those who spin see it, and lie down */
        wf_gang_run_parts(g, 4, note_who, &w);
    wf_gang_times(g, before);
    until += 200000000;
    while (wf_clock_mono_ns(NULL) < until)
        wf_gang_run_parts(g, 4, note_who, &w);
    wf_gang_times(g, after);
    assert_int_equal(w.n_others, 0);
    assert_true(after[0] > before[0]);
    assert_true(after[1] == before[1]); /* not woken once */
    assert_true(after[2] == before[2]);
    wf_gang_free(g);
}

static void test_gang__who_rested_comes_back(void **state)
{
    struct wf_gang *g = NULL;
    struct who w = {pthread_self(), 0};

    (void)state;
    assert_int_equal(wf_gang_new(4, &g, NULL), 0);
    for (size_t k = 0; k < 300; k++) { /* while others spin, lie down or sleep */
        wf_gang_limit(g, 1 + k % 3);
        for (size_t i = 0; i < k % 7; i++)
            wf_gang_run(g, note_who, &w);
        wf_gang_limit(g, 4);
        assert_all_come(g);
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
        cmocka_unit_test(test_gang__does_each_part_once_whoever_rests),
        cmocka_unit_test(test_gang__who_rests_does_nothing_and_costs_nothing),
        cmocka_unit_test(test_gang__who_rested_comes_back),
        cmocka_unit_test(test_gang__alone_is_called_in_order),
        cmocka_unit_test(test_gang__parts_cover_all_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
