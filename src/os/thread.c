/* SPDX-License-Identifier: Apache-2.0 */
/* Teams of threads: a ring of waiting jobs, one mutex, one condition variable.
 *
 * Jobs are coarse here (a request, a document), so a mutex around the ring costs nothing that
 * matters; a lock-free queue would buy nothing. The ring is sized at creation: posting allocates
 * nothing and can only fail because the ring is full, which is the back-pressure that callers want.
 * Workers name themselves, since naming another thread goes through /proc, which a sandboxed
 * process may not reach; and they block all signals, so that the main thread alone sees them.
 *
 * Whoever went to sleep last is woken first: with little to do few threads do it, whose stacks and
 * whose share of the heap are warm. */
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/alloc.h"

/* The kernel's name of a thread, with its NUL. */
#define THREAD_NAME_BYTES 16
/* More processors than any kernel is built for. */
#define CPUS_MAX 8192

struct job {
    wf_work_fn fn;
    void *ud;
};

struct worker {
    struct wf_team *team;
    pthread_t thread;
    char name[THREAD_NAME_BYTES];
    sem_t wake;           /* not a condition: that would have it wake with the lock's contention */
    struct worker *below; /* who went to sleep before; under the team's lock */
};

struct wf_team {
    pthread_mutex_t lock;    /* guards all below but the workers' own fields; a leaf */
    struct worker *sleepers; /* the last to sleep first */
    struct job *ring;        /* queue_max places; the waiting ones from i_first on, wrapping */
    size_t queue_max;
    size_t i_first;
    size_t n_waiting;
    size_t n_running;
    bool stopping;
    struct worker *workers;
    size_t n_workers; /* started ones */
};

static void assert_team(const struct wf_team *t)
{
    assert(t->n_waiting <= t->queue_max);
    assert(t->i_first < t->queue_max);
    assert(t->n_running <= WF_TEAM_THREADS_MAX);
}

/* The lock is held before and behind. */
static void sleep_on(struct worker *w)
{
    w->below = w->team->sleepers;
    w->team->sleepers = w;
    pthread_mutex_unlock(&w->team->lock);
    while (sem_wait(&w->wake) != 0)
        assert(errno == EINTR); /* of a debugger: signals are blocked */
    pthread_mutex_lock(&w->team->lock);
}

/* Takes the last to sleep off the list; the caller wakes them when it has let go of the lock, so
 * that they do not wait for it at once. NULL: none sleeps. The lock is held. */
static struct worker *take_sleeper(struct wf_team *t)
{
    struct worker *w = t->sleepers;

    if (w != NULL)
        t->sleepers = w->below;
    return w;
}

static void wake(struct worker *w)
{
    int r = sem_post(&w->wake);
    assert(r == 0); /* only a wrong one, or too high a count */
    (void)r;        /* only asserted */
}

static void *work(void *ud)
{
    struct worker *w = ud;
    struct wf_team *t = w->team;
    prctl(PR_SET_NAME, w->name); /* for people; without it all goes on */
    pthread_mutex_lock(&t->lock);
    for (;;) {
        assert_team(t);
        while (t->n_waiting == 0 && !t->stopping)
            sleep_on(w);
        if (t->n_waiting == 0)
            break;
        struct job job = t->ring[t->i_first];
        t->i_first = (t->i_first + 1) % t->queue_max;
        t->n_waiting--;
        t->n_running++;
        pthread_mutex_unlock(&t->lock);
        job.fn(job.ud);
        pthread_mutex_lock(&t->lock);
        t->n_running--;
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Starts one worker with all signals blocked. 0 or an errno value. */
static int start_worker(struct wf_team *t, const char *name)
{
    struct worker *w = &t->workers[t->n_workers];
    w->team = t;
    snprintf(w->name, sizeof(w->name), "%.12s-%zu", name, t->n_workers);
    pthread_attr_t attr;
    int r = pthread_attr_init(&attr);
    if (r != 0)
        return r;
    r = sem_init(&w->wake, 0, 0);
    assert(r == 0); /* only too high a count */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    r = pthread_attr_setstacksize(&attr, WF_TEAM_STACK_BYTES);
    assert(r == 0);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&w->thread, &attr, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (r == 0)
        t->n_workers++;
    else
        sem_destroy(&w->wake);
    return r;
}

int wf_team_new(const char *name, size_t n_threads, size_t queue_max, struct wf_team **out,
                struct wf_err *err)
{
    assert(n_threads >= 1 && n_threads <= WF_TEAM_THREADS_MAX);
    assert(queue_max >= 1);
    struct wf_team *t = wf_alloc_array(1, sizeof(*t));
    if (!t)
        return wf_err_set(err, WF_E_NOMEM, "no memory for threads");
    int r = pthread_mutex_init(&t->lock, NULL);
    assert(r == 0); /* plain ones of glibc need no memory */
    t->queue_max = queue_max;
    t->ring = wf_alloc_array(queue_max, sizeof(*t->ring));
    t->workers = wf_alloc_array(n_threads, sizeof(*t->workers));
    if (!t->ring || !t->workers) {
        wf_team_free(t);
        return wf_err_set(err, WF_E_NOMEM, "no memory for threads");
    }
    while (t->n_workers < n_threads) {
        r = start_worker(t, name);
        if (r == 0)
            continue;
        wf_team_free(t);
        return wf_err_errno(err, r, "cannot start a thread");
    }
    *out = t;
    return 0;
}

int wf_team_post(struct wf_team *t, wf_work_fn fn, void *ud)
{
    struct worker *woken = NULL;
    int r = 0;
    pthread_mutex_lock(&t->lock);
    assert_team(t);
    if (t->stopping) {
        r = WF_E_CANCELED;
    } else if (t->n_waiting == t->queue_max) {
        r = WF_E_BUSY;
    } else {
        t->ring[(t->i_first + t->n_waiting) % t->queue_max] = (struct job){fn, ud};
        t->n_waiting++;
        woken = take_sleeper(t);
    }
    pthread_mutex_unlock(&t->lock);
    if (woken)
        wake(woken);
    return r;
}

void wf_team_stop(struct wf_team *t)
{
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    while (t->sleepers)
        wake(take_sleeper(t));
    pthread_mutex_unlock(&t->lock);
}

size_t wf_team_load(struct wf_team *t)
{
    pthread_mutex_lock(&t->lock);
    size_t n = t->n_waiting + t->n_running;
    pthread_mutex_unlock(&t->lock);
    return n;
}

void wf_team_free(struct wf_team *t)
{
    if (!t)
        return;
    wf_team_stop(t);
    for (size_t i = 0; i < t->n_workers; i++) {
        int r = pthread_join(t->workers[i].thread, NULL);
        assert(r == 0); /* only the team's own worker could make it fail, by freeing the team */
        (void)r;        /* only asserted */
        sem_destroy(&t->workers[i].wake);
    }
    assert(t->n_waiting == 0);
    assert(t->n_running == 0);
    pthread_mutex_destroy(&t->lock);
    wf_free(t->workers);
    wf_free(t->ring);
    wf_free(t);
}

void wf_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr); /* none of these fails on Linux with these values */
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
}

size_t wf_cpu_count(void)
{
    union {
        cpu_set_t set;
        unsigned char bytes[CPUS_MAX / 8];
    } mask = {.bytes = {0}};
    if (sched_getaffinity(0, sizeof(mask.bytes), &mask.set) != 0)
        return 1;
    int n = CPU_COUNT_S(sizeof(mask.bytes), &mask.set);
    return n > 0 ? (size_t)n : 1;
}

void wf_thread_yield_to_others(void)
{
    struct sched_param p = {.sched_priority = 0};
    (void)sched_setscheduler(0, SCHED_BATCH, &p); /* see the header */
}
