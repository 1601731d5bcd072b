/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: in the order of their times, none before its time, none after it was cleared. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "os/alarm.h"

#define N 200
#define MS INT64_C(1000000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static size_t order[N], n_called;
static int64_t due_ns[N];
static bool was_early;

static void call(void *ud)
{
    const size_t i = (size_t)(uintptr_t)ud;

    pthread_mutex_lock(&lock);
    was_early |= wf_clock_mono_ns(NULL) < due_ns[i];
    order[n_called++] = i;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

static void wait_for(size_t n)
{
    pthread_mutex_lock(&lock);
    while (n_called < n)
        pthread_cond_wait(&more, &lock);
    pthread_mutex_unlock(&lock);
}

static void test_alarm__comes_in_order_and_never_early(void **state)
{
    static struct wf_alarm alarms[N];
    const int64_t start_ns = wf_clock_mono_ns(NULL) + 20 * MS;
    struct wf_alarms *a = NULL;
    (void)state;
    n_called = 0;
    was_early = false;
    assert_int_equal(wf_alarms_new(&a, NULL), 0);
    for (size_t k = 0; k < N; k++) { /* in another order than their times */
        const size_t i = k * 77 % N;
        due_ns[i] = start_ns + (int64_t)i * MS / 4;
        wf_alarm_set(a, &alarms[i], due_ns[i], call, (void *)(uintptr_t)i);
    }
    wait_for(N);
    assert_false(was_early);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(order[i], i);
    wf_alarms_free(a);
}

static void test_alarm__can_be_cleared_and_set_anew(void **state)
{
    struct wf_alarm first = {._is_set = false}, second = {._is_set = false};
    const int64_t now_ns = wf_clock_mono_ns(NULL);
    struct wf_alarms *a = NULL;
    (void)state;
    n_called = 0;
    due_ns[0] = due_ns[1] = 0;
    assert_int_equal(wf_alarms_new(&a, NULL), 0);
    wf_alarm_clear(a, &first);
    wf_alarm_set(a, &first, now_ns + 3600000 * MS, call, (void *)(uintptr_t)0);
    wf_alarm_clear(a, &first);
    wf_alarm_set(a, &second, now_ns + 3600000 * MS, call, (void *)(uintptr_t)1);
    wf_alarm_set(a, &second, now_ns, call, (void *)(uintptr_t)1); /* sooner */
    wait_for(1);
    assert_int_equal(order[0], 1);
    wf_alarm_clear(a, &second); /* it has been */
    wf_alarms_free(a);
    assert_int_equal(n_called, 1);
}

static void test_alarm__tells_when_memory_runs_out(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_alarms *a = NULL;
        wf_alloc_fail_at(n);
        int rc = wf_alarms_new(&a, NULL);
        if (rc == 0)
            wf_alarms_free(a);
        if (!wf_alloc_failed())
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    wf_alloc_fail_at(0);
    wf_alarms_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarm__comes_in_order_and_never_early),
        cmocka_unit_test(test_alarm__can_be_cleared_and_set_anew),
        cmocka_unit_test(test_alarm__tells_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
