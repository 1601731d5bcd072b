/* SPDX-License-Identifier: Apache-2.0 */
/* How many members work, on machines whose passes and losses are reckoned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/rng.h"
#include "os/throttle.h"

#define MS 1000000
#define S ((int64_t)1000 * MS)

/* A machine with a core for each of n_all members. */
struct machine {
    struct wf_throttle t;
    struct wf_rng_seeded rng;
    int64_t now_ns, pass_ns; /* of one member alone */
    size_t n_all, n_busy;    /* programs beside */
    double memory;           /* members whose work memory bears */
    double shared;           /* speed of all while members share cores with others */
    double noise;            /* passes take up to so much more */
    double weather;          /* and for a while each so much more or less */
    int64_t weather_ns;      /* until then */
    double weather_now;
    bool spares;
    double work, ideal; /* done, in passes; by the best fixed number */
    size_t n_last;      /* members of the last pass */
};

static void begin(struct machine *m, size_t n_all)
{
    *m = (struct machine){.n_all = n_all,
                          .now_ns = 100 * S,
                          .pass_ns = 40 * MS,
                          .memory = (double)n_all,
                          .shared = 0.6};
    wf_throttle_init(&m->t, n_all);
    wf_rng_seeded_init(&m->rng, 7);
}

/* Passes a second. */
static double speed(const struct machine *m, size_t n)
{
    double all = WF_MIN((double)n, m->memory) / ((double)m->pass_ns / S);

    return n + m->n_busy > m->n_all ? all * m->shared : all;
}

static double best_speed(const struct machine *m)
{
    double best = 0;

    for (size_t n = 1; n <= m->n_all; n++)
        best = WF_MAX(best, speed(m, n));
    return best;
}

static double random_share(struct machine *m)
{
    return (double)wf_rng_below(&m->rng.rng, 1000) / 1000;
}

static void run(struct machine *m, int64_t for_ns)
{
    int64_t until = m->now_ns + for_ns;

    m->work = m->ideal = 0;
    while (m->now_ns < until) {
        size_t n = wf_throttle_n(&m->t, m->now_ns);
        double noise = 1 + m->noise * random_share(m);
        int64_t ns;
        if (m->now_ns >= m->weather_ns) {
            m->weather_now = 1 + m->weather * (2 * random_share(m) - 1);
            m->weather_ns = m->now_ns + 250 * MS;
        }
        ns = (int64_t)(S / speed(m, n) * noise * m->weather_now);
        assert_in_range(n, 1, m->n_all);
        wf_throttle_ran(&m->t, &(struct wf_throttle_pass){
                                   .begun_ns = m->now_ns,
                                   .ended_ns = m->now_ns + ns,
                                   .work = 11,
                                   .lost_ns = n + m->n_busy > m->n_all ? ns * 2 / 5 : ns / 50,
                                   .spares = m->spares,
                               });
        m->now_ns += ns + ns / 20;
        m->n_last = n;
        m->work += (double)ns * speed(m, n);
        m->ideal += (double)ns * best_speed(m);
    }
}

static void test_throttle__all_work_while_nobody_is_beside(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 4);
    m.noise = 0.2;
    for (int64_t i = 0; i < 2000; i++) {
        run(&m, 1);
        assert_int_equal(m.n_last, 4);
    }
}

/* What a service takes now and then is no reason to try anything. */
static void test_throttle__short_losses_do_not_count(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.pass_ns = 120 * MS;
    for (int64_t i = 0; i < 200; i++) {
        m.n_busy = i % 20 == 0; /* a pass of twenty */
        run(&m, 1);
        assert_int_equal(m.n_last, 2);
    }
}

static void test_throttle__rests_beside_a_busy_program(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.memory = 1.3;
    m.noise = 0.3;
    m.n_busy = 1;
    run(&m, 3 * S);
    assert_int_equal(m.t.n, 1);
    run(&m, 60 * S);
    assert_int_equal(m.t.n, 1);
    assert_true(m.work > 0.97 * m.ideal);
}

static void test_throttle__is_seldom_wrong_where_speeds_vary(void **state)
{
    static const double shared[] = {0.6, 0.66, 0.9, 0.97};
    struct machine m;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(shared); i++) {
        begin(&m, 2);
        m.memory = 1.3;
        m.shared = shared[i]; /* two are 0.78, 0.86, 1.17, 1.26 times as fast as one */
        m.noise = 0.3;
        m.weather = 0.3;
        m.n_busy = 1;
        run(&m, 400 * S);
        assert_true(m.work > 0.96 * m.ideal);
    }
}

static void test_throttle__comes_back_when_nobody_is_beside_any_more(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.memory = 1.3;
    m.n_busy = 1;
    run(&m, 60 * S); /* it waits as long as it ever does */
    m.n_busy = 0;
    run(&m, 11 * S);
    assert_int_equal(m.t.n, 2);
    m.n_busy = 1;
    run(&m, 3 * S);
    assert_int_equal(m.t.n, 1);
    m.n_busy = 0;
    run(&m, 3 * S); /* soon, when it has not been so for long */
    assert_int_equal(m.t.n, 2);
}

static void test_throttle__who_loses_and_yet_helps_stays(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.shared = 0.65;
    m.noise = 0.1;
    m.n_busy = 1;
    run(&m, 60 * S);
    assert_int_equal(m.t.n, 2);
    assert_true(m.work > 0.98 * m.ideal);
}

static void test_throttle__as_many_rest_as_programs_are_beside(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 16);
    m.noise = 0.05;
    m.n_busy = 3;
    run(&m, 12 * S);
    assert_int_equal(m.t.n, 13);
    m.n_busy = 2;
    run(&m, 25 * S);
    assert_int_equal(m.t.n, 14);
    run(&m, 60 * S);
    assert_true(m.work > 0.97 * m.ideal);
    m.n_busy = 0;
    run(&m, 11 * S);
    assert_int_equal(m.t.n, 16);
}

static void test_throttle__to_spare_energy_as_few_as_memory_needs(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 16);
    m.memory = 4.1;
    m.noise = 0.02;
    run(&m, 10 * S);
    assert_int_equal(m.n_last, 16); /* on mains nothing is tried */
    m.spares = true;
    run(&m, 20 * S);
    assert_in_range(m.t.n, 4, 5);
    run(&m, 60 * S);
    assert_in_range(m.t.n, 4, 5);
    assert_true(m.work > 0.95 * m.ideal);
    m.now_ns += 600 * S; /* memory stays what it is */
    run(&m, 1);
    assert_in_range(m.n_last, 4, 5);
    m.memory = 16;
    m.spares = false;
    run(&m, 2 * S);
    assert_int_equal(m.t.n, 16);
}

static void test_throttle__small_losses_do_not_add_up(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.memory = 1.08; /* one reaches 93% */
    m.spares = true;
    run(&m, 60 * S);
    assert_int_equal(m.t.n, 2);
    m.memory = 1.03;
    run(&m, 11 * S);
    assert_int_equal(m.t.n, 1);
}

/* A member less costs little among many, and all lose something: they do not go one by one. */
static void test_throttle__of_many_none_rests_in_vain(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 64);
    m.n_busy = 64;
    run(&m, 60 * S);
    assert_int_equal(m.t.n, 64);
    assert_true(m.work > 0.97 * m.ideal);
}

static void test_throttle__forgets_behind_a_long_pause(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.memory = 1.3;
    m.n_busy = 1;
    run(&m, 20 * S);
    assert_int_equal(m.t.n, 1);
    m.now_ns += 11 * S;
    m.n_busy = 0;
    run(&m, 1);
    assert_int_equal(m.n_last, 2);
}

/* Passes that take half a second each, as prompts do. */
static void test_throttle__long_passes_are_not_tried_too_often(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, 2);
    m.pass_ns = S;
    m.shared = 0.4;
    m.n_busy = 1;
    run(&m, 20 * S);
    assert_int_equal(m.t.n, 1);
    run(&m, 200 * S);
    assert_true(m.work > 0.97 * m.ideal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_throttle__all_work_while_nobody_is_beside),
        cmocka_unit_test(test_throttle__short_losses_do_not_count),
        cmocka_unit_test(test_throttle__rests_beside_a_busy_program),
        cmocka_unit_test(test_throttle__is_seldom_wrong_where_speeds_vary),
        cmocka_unit_test(test_throttle__comes_back_when_nobody_is_beside_any_more),
        cmocka_unit_test(test_throttle__who_loses_and_yet_helps_stays),
        cmocka_unit_test(test_throttle__as_many_rest_as_programs_are_beside),
        cmocka_unit_test(test_throttle__to_spare_energy_as_few_as_memory_needs),
        cmocka_unit_test(test_throttle__small_losses_do_not_add_up),
        cmocka_unit_test(test_throttle__of_many_none_rests_in_vain),
        cmocka_unit_test(test_throttle__forgets_behind_a_long_pause),
        cmocka_unit_test(test_throttle__long_passes_are_not_tried_too_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
