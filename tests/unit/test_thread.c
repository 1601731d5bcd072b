/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of os/thread.h: every job runs once, the queue's bound, stopping, failures at the start. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/thread.h"
#include "support/child.h"

static atomic_uint n_done;

static void count(void *ud)
{
    (void)ud;
    atomic_fetch_add(&n_done, 1);
}

static void test_thread__every_job_runs_once(void **state)
{
    (void)state;
    struct wf_team *t = NULL;
    atomic_store(&n_done, 0);
    assert_int_equal(wf_team_new("jobs", 4, 10, &t, NULL), 0);
    unsigned n_posted = 0;
    while (n_posted < 10000) {
        int r = wf_team_post(t, count, NULL);
        assert_true(r == 0 || r == WF_E_BUSY);
        n_posted += r == 0;
    }
    wf_team_free(t); /* runs those queued */
    assert_int_equal(atomic_load(&n_done), 10000);
    wf_team_free(NULL);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    unsigned n_inside;
    bool open;
};

static void pass_gate(void *ud)
{
    struct gate *g = ud;
    pthread_mutex_lock(&g->lock);
    g->n_inside++;
    pthread_cond_broadcast(&g->change);
    while (!g->open)
        pthread_cond_wait(&g->change, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void wait_inside(struct gate *g, unsigned n)
{
    pthread_mutex_lock(&g->lock);
    while (g->n_inside < n)
        pthread_cond_wait(&g->change, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->change);
    pthread_mutex_unlock(&g->lock);
}

static void test_thread__queue_is_bounded_and_counted(void **state)
{
    (void)state;
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    struct wf_team *t = NULL;
    assert_int_equal(wf_team_new("gate", 2, 3, &t, NULL), 0);
    assert_int_equal(wf_team_load(t), 0);
    assert_int_equal(wf_team_post(t, pass_gate, &g), 0);
    assert_int_equal(wf_team_post(t, pass_gate, &g), 0);
    wait_inside(&g, 2); /* both workers run, at the same time */
    for (int i = 0; i < 3; i++)
        assert_int_equal(wf_team_post(t, pass_gate, &g), 0);
    assert_int_equal(wf_team_post(t, pass_gate, &g), WF_E_BUSY);
    assert_int_equal(wf_team_load(t), 5);
    wf_team_stop(t);
    assert_int_equal(wf_team_post(t, pass_gate, &g), WF_E_CANCELED);
    open_gate(&g);
    wf_team_free(t);
    assert_int_equal(g.n_inside, 5);
}

struct order {
    unsigned next;
    bool ok;
};

static void in_order(void *ud)
{
    static struct order o = {.ok = true};
    unsigned *mine = ud;
    o.ok = o.ok && *mine == o.next++;
    *mine = o.ok;
}

static void test_thread__one_worker_keeps_the_order(void **state)
{
    (void)state;
    unsigned numbers[100];
    struct wf_team *t = NULL;
    assert_int_equal(wf_team_new("one", 1, 100, &t, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        numbers[i] = i;
        assert_int_equal(wf_team_post(t, in_order, &numbers[i]), 0);
    }
    wf_team_free(t);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(numbers[i], 1);
}

struct self {
    char name[16];
    bool all_blocked;
    size_t stack_bytes;
};

static void look_at_self(void *ud)
{
    struct self *s = ud;
    prctl(PR_GET_NAME, s->name);
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    s->all_blocked = sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGHUP) == 1;
    pthread_attr_t attr;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &s->stack_bytes);
    pthread_attr_destroy(&attr);
}

static void test_thread__workers_are_named_and_take_no_signals(void **state)
{
    (void)state;
    struct self s = {{0}, false, 0};
    struct wf_team *t = NULL;
    assert_int_equal(wf_team_new("a-rather-long-name", 1, 1, &t, NULL), 0);
    assert_int_equal(wf_team_post(t, look_at_self, &s), 0);
    wf_team_free(t);
    assert_string_equal(s.name, "a-rather-lon-0");
    assert_true(s.all_blocked);
    assert_int_equal(s.stack_bytes, WF_TEAM_STACK_BYTES);
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM)); /* ours is as before */
}

static void test_thread__the_most_workers(void **state)
{
    (void)state;
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    struct wf_team *t = NULL;
    assert_int_equal(wf_team_new("most", WF_TEAM_THREADS_MAX, WF_TEAM_THREADS_MAX, &t, NULL), 0);
    for (size_t i = 0; i < WF_TEAM_THREADS_MAX; i++)
        assert_int_equal(wf_team_post(t, pass_gate, &g), 0);
    wait_inside(&g, WF_TEAM_THREADS_MAX);
    open_gate(&g);
    wf_team_free(t);
}

static void test_thread__survives_every_allocation_failure(void **state)
{
    (void)state;
    uint64_t live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; n <= 4; n++) {
        struct wf_team *t = NULL;
        struct wf_err e = WF_ERR_INIT;
        wf_alloc_fail_at(n);
        int r = wf_team_new("fail", 2, 2, &t, &e);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(r, n <= 3 ? WF_E_NOMEM : 0);
        assert_int_equal(failed, n <= 3);
        assert_int_equal(e.code, r);
        wf_team_free(t);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
}

static void start_where_forbidden(void *ud)
{
    (void)ud;
    uint64_t live = wf_alloc_stats().n_live;
    struct wf_team *t = NULL;
    struct wf_err e = WF_ERR_INIT;
    CHILD_CHECK(wf_team_new("none", 3, 3, &t, &e) == WF_E_DENIED);
    CHILD_CHECK(t == NULL && strstr(e.msg, "cannot start a thread"));
    CHILD_CHECK(wf_alloc_stats().n_live == live);
}

static void test_thread__no_thread_is_an_error(void **state)
{
    (void)state;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    int r = child_run(&o, start_where_forbidden, NULL);
    if (r == CHILD_UNSUPPORTED)
        skip();
    assert_int_equal(r, 0);
}

static void test_thread__cpu_count_is_sane(void **state)
{
    (void)state;
    assert_true(wf_cpu_count() >= 1 && wf_cpu_count() <= 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread__every_job_runs_once),
        cmocka_unit_test(test_thread__queue_is_bounded_and_counted),
        cmocka_unit_test(test_thread__one_worker_keeps_the_order),
        cmocka_unit_test(test_thread__workers_are_named_and_take_no_signals),
        cmocka_unit_test(test_thread__the_most_workers),
        cmocka_unit_test(test_thread__survives_every_allocation_failure),
        cmocka_unit_test(test_thread__no_thread_is_an_error),
        cmocka_unit_test(test_thread__cpu_count_is_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
