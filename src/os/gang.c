/* SPDX-License-Identifier: Apache-2.0 */
/* A gang is a generation number and a count of members still at work.
 *
 * The owner writes the step (fn, ud), sets `n_busy`, and raises `generation` with release order: a
 * member that sees the new number with acquire order sees the step. Each member lowers `n_busy`
 * with release order when it is done; the owner waits for 0 with acquire order, and so sees what
 * they wrote. Waiting is spinning for SPINS rounds (a step of a small model takes tens of
 * microseconds), then a condition variable; `n_sleeping` tells the owner whether to wake anyone.
 * It is raised under the mutex before the generation is looked at again, and read by the owner
 * after the generation is raised, both in sequentially consistent order, so no wake-up is lost. */
#include "os/gang.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/alloc.h"

#define SPINS 4000
#define STACK_BYTES ((size_t)1 << 20)

struct member {
    struct wf_gang *gang;
    size_t i;
    pthread_t thread;
};

struct wf_gang {
    size_t n_members;
    size_t n_started; /* threads that run, member 1 first */
    wf_gang_fn fn;    /* the step; NULL ends the threads */
    void *ud;
    atomic_uint generation;
    atomic_size_t n_busy;
    atomic_size_t n_sleeping;
    pthread_mutex_t mutex; /* for the two conditions only */
    pthread_cond_t begun;
    struct member members[];
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static unsigned wait_for_step(struct wf_gang *g, unsigned seen)
{
    unsigned now;

    for (int i = 0; i < SPINS; i++) {
        now = atomic_load_explicit(&g->generation, memory_order_acquire);
        if (now != seen)
            return now;
        relax();
    }
    pthread_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->n_sleeping, 1);
    while ((now = atomic_load(&g->generation)) == seen)
        pthread_cond_wait(&g->begun, &g->mutex);
    atomic_fetch_sub(&g->n_sleeping, 1);
    pthread_mutex_unlock(&g->mutex);
    return now;
}

static void *member_main(void *ud)
{
    struct member *m = ud;
    struct wf_gang *g = m->gang;
    unsigned seen = 0;

    for (;;) {
        seen = wait_for_step(g, seen);
        if (g->fn == NULL)
            return NULL;
        g->fn(g->ud, m->i, g->n_members);
        atomic_fetch_sub_explicit(&g->n_busy, 1, memory_order_release);
    }
}

static void begin(struct wf_gang *g, wf_gang_fn fn, void *ud)
{
    g->fn = fn;
    g->ud = ud;
    atomic_store_explicit(&g->n_busy, g->n_started, memory_order_relaxed); /* see generation */
    atomic_fetch_add(&g->generation, 1);
    if (atomic_load(&g->n_sleeping) > 0) {
        pthread_mutex_lock(&g->mutex);
        pthread_cond_broadcast(&g->begun);
        pthread_mutex_unlock(&g->mutex);
    }
}

static int start_member(struct wf_gang *g, size_t i, struct wf_err *err)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int e;

    g->members[i] = (struct member){.gang = g, .i = i};
    (void)pthread_attr_init(&attr); /* cannot fail on Linux */
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    e = pthread_create(&g->members[i].thread, &attr, member_main, &g->members[i]);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    if (e != 0)
        return wf_err_errno(err, e, "A thread for arithmetic could not be started");
    g->n_started++;
    return 0;
}

int wf_gang_new(size_t n_members, struct wf_gang **out, struct wf_err *err)
{
    struct wf_gang *g;
    int rc = 0;

    assert(n_members >= 1);
    assert(n_members <= WF_GANG_MEMBERS_MAX);
    g = wf_alloc_array(1, sizeof(*g) + n_members * sizeof(g->members[0]));
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for threads.");
    g->n_members = n_members;
    (void)pthread_mutex_init(&g->mutex, NULL); /* cannot fail on Linux */
    (void)pthread_cond_init(&g->begun, NULL);
    for (size_t i = 1; i < n_members && rc == 0; i++)
        rc = start_member(g, i, err);
    if (rc != 0) {
        wf_gang_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void wf_gang_run(struct wf_gang *g, wf_gang_fn fn, void *ud)
{
    assert(fn != NULL);
    if (g->n_members > 1)
        begin(g, fn, ud);
    fn(ud, 0, g->n_members);
    for (int spins = 0; atomic_load_explicit(&g->n_busy, memory_order_acquire) != 0;) {
        /* A member whose processor was taken away needs ours. */
        if (++spins < SPINS)
            relax();
        else
            (void)sched_yield();
    }
}

size_t wf_gang_size(const struct wf_gang *g)
{
    return g->n_members;
}

void wf_gang_free(struct wf_gang *g)
{
    if (g == NULL)
        return;
    begin(g, NULL, NULL);
    for (size_t i = 1; i <= g->n_started; i++)
        pthread_join(g->members[i].thread, NULL);
    pthread_cond_destroy(&g->begun);
    pthread_mutex_destroy(&g->mutex);
    wf_free(g);
}

void wf_gang_part(size_t n_items, size_t grain, size_t i, size_t n, size_t *out_from,
                  size_t *out_to)
{
    size_t grains = (n_items + grain - 1) / grain;
    size_t from = grains * i / n * grain, to = grains * (i + 1) / n * grain;

    assert(i < n);
    *out_from = from < n_items ? from : n_items;
    *out_to = to < n_items ? to : n_items;
}
