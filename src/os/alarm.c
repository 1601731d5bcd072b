/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that sleeps until the next alarm. They are called under the lock: so whoever clears
 * one knows that it is over. They stand in the order of their times; there are as many as requests
 * that pause, so a new one is looked for its place from behind, where most belong. */
#include "os/alarm.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "os/thread.h"

#define NS_PER_S INT64_C(1000000000)

struct wf_alarms {
    struct wf_team *team;
    pthread_mutex_t lock; /* guards what follows, and all alarms that are set */
    pthread_cond_t changed;
    struct wf_list set;
    bool is_ending;
};

static void sleep_until(struct wf_alarms *a, int64_t at_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                                   .tv_nsec = (long)(at_ns % NS_PER_S)};

    (void)pthread_cond_timedwait(&a->changed, &a->lock, &until); /* looks again either way */
}

static void run(void *ud)
{
    struct wf_alarms *a = ud;

    pthread_mutex_lock(&a->lock);
    while (!a->is_ending) {
        struct wf_alarm *first = WF_CONTAINER(a->set.next, struct wf_alarm, _node);
        if (wf_list_empty(&a->set)) {
            (void)pthread_cond_wait(&a->changed, &a->lock);
        } else if (first->_at_ns > wf_clock_mono_ns(NULL)) {
            sleep_until(a, first->_at_ns);
        } else {
            wf_list_remove(&first->_node);
            first->_is_set = false;
            first->_fn(first->_ud);
        }
    }
    pthread_mutex_unlock(&a->lock);
}

int wf_alarms_new(struct wf_alarms **out, struct wf_err *err)
{
    struct wf_alarms *a = wf_alloc_array(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    pthread_mutex_init(&a->lock, NULL);
    wf_cond_init(&a->changed);
    wf_list_init(&a->set);
    rc = wf_team_new("alarm", 1, 1, &a->team, err);
    if (rc == 0)
        rc = wf_team_post(a->team, run, a); /* there is room for one */
    if (rc == 0)
        *out = a;
    else
        wf_alarms_free(a);
    return rc;
}

void wf_alarms_free(struct wf_alarms *a)
{
    if (a == NULL)
        return;
    assert(wf_list_empty(&a->set));
    pthread_mutex_lock(&a->lock);
    a->is_ending = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    wf_team_free(a->team);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    wf_free(a);
}

void wf_alarm_set(struct wf_alarms *a, struct wf_alarm *alarm, int64_t at_ns, void (*fn)(void *ud),
                  void *ud)
{
    struct wf_list *before;

    pthread_mutex_lock(&a->lock);
    if (alarm->_is_set)
        wf_list_remove(&alarm->_node);
    alarm->_at_ns = at_ns;
    alarm->_fn = fn;
    alarm->_ud = ud;
    alarm->_is_set = true;
    before = a->set.prev;
    while (before != &a->set && WF_CONTAINER(before, struct wf_alarm, _node)->_at_ns > at_ns)
        before = before->prev;
    wf_list_add(before, &alarm->_node);
    if (before == &a->set)
        pthread_cond_broadcast(&a->changed); /* it is the next */
    pthread_mutex_unlock(&a->lock);
}

void wf_alarm_clear(struct wf_alarms *a, struct wf_alarm *alarm)
{
    pthread_mutex_lock(&a->lock);
    if (alarm->_is_set)
        wf_list_remove(&alarm->_node);
    alarm->_is_set = false;
    pthread_mutex_unlock(&a->lock);
}
