/* SPDX-License-Identifier: Apache-2.0 */
/* A gang is a number of the step, and of the next part of it that nobody has taken, in one word.
 *
 * The owner writes the step (fn, ud), then the word with release order: who takes a part of it (by
 * compare and exchange, acquire order) sees the step, and since the owner begins no other before
 * all parts are done, it stays. Members take parts until none is left, the owner too: a member that
 * the system has put aside delays nobody, unless it has a part in hand. Each raises `n_done` with
 * release order behind a part; the owner waits for all with acquire order, and so sees what they
 * wrote. Waiting is spinning for SPINS rounds (a step of a small model takes tens of microseconds),
 * then a condition variable; `n_sleeping` tells the owner whether to wake anyone. It is raised
 * under the mutex before the word is looked at again, and read by the owner after the word is
 * written, both in sequentially consistent order, so no wake-up is lost. */
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

struct wf_gang {
    size_t n_members;
    size_t n_started; /* threads that run, number 1 first */
    wf_gang_fn fn;    /* the step */
    void *ud;
    _Atomic uint64_t word; /* its number << 32 | the next part that is free */
    atomic_size_t n_done;  /* parts */
    atomic_bool is_ending;
    atomic_size_t n_sleeping;
    pthread_mutex_t mutex; /* for the two conditions only */
    pthread_cond_t begun;
    pthread_t threads[]; /* [n_members], the first unused */
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t step_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* Waits for a step other than `seen`; its number. */
static uint32_t wait_for_step(struct wf_gang *g, uint32_t seen)
{
    uint32_t now;

    for (int i = 0; i < SPINS; i++) {
        now = step_of(atomic_load_explicit(&g->word, memory_order_acquire));
        if (now != seen)
            return now;
        relax();
    }
    pthread_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->n_sleeping, 1);
    while ((now = step_of(atomic_load(&g->word))) == seen)
        pthread_cond_wait(&g->begun, &g->mutex);
    atomic_fetch_sub(&g->n_sleeping, 1);
    pthread_mutex_unlock(&g->mutex);
    return now;
}

/* Does parts of step `step` until none is free, or another step has begun. */
static void take_parts(struct wf_gang *g, uint32_t step)
{
    uint64_t word = atomic_load_explicit(&g->word, memory_order_acquire);

    while (step_of(word) == step && (uint32_t)word < g->n_members) {
        if (!atomic_compare_exchange_weak_explicit(&g->word, &word, word + 1, memory_order_acquire,
                                                   memory_order_acquire))
            continue;
        g->fn(g->ud, (uint32_t)word, g->n_members);
        atomic_fetch_add_explicit(&g->n_done, 1, memory_order_release);
        word = atomic_load_explicit(&g->word, memory_order_acquire);
    }
}

static void *member_main(void *ud)
{
    struct wf_gang *g = ud;
    uint32_t seen = 0;

    for (;;) {
        seen = wait_for_step(g, seen);
        /* Acquire by the word: it was set before the step began. */
        if (atomic_load_explicit(&g->is_ending, memory_order_relaxed))
            return NULL;
        take_parts(g, seen);
    }
}

/* Begins a step of n_members parts; its number. */
static uint32_t begin(struct wf_gang *g, wf_gang_fn fn, void *ud)
{
    uint32_t step = step_of(atomic_load_explicit(&g->word, memory_order_relaxed)) + 1;

    g->fn = fn;
    g->ud = ud;
    atomic_store_explicit(&g->n_done, 0, memory_order_relaxed); /* seen with the word */
    atomic_store(&g->word, (uint64_t)step << 32);
    if (atomic_load(&g->n_sleeping) > 0) {
        pthread_mutex_lock(&g->mutex);
        pthread_cond_broadcast(&g->begun);
        pthread_mutex_unlock(&g->mutex);
    }
    return step;
}

static int start_member(struct wf_gang *g, size_t i, struct wf_err *err)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int e;

    (void)pthread_attr_init(&attr); /* cannot fail on Linux */
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    e = pthread_create(&g->threads[i], &attr, member_main, g);
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
    g = wf_alloc_array(1, sizeof(*g) + n_members * sizeof(g->threads[0]));
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
    if (g->n_members == 1) {
        fn(ud, 0, 1);
        return;
    }
    take_parts(g, begin(g, fn, ud));
    for (int spins = 0; atomic_load_explicit(&g->n_done, memory_order_acquire) != g->n_members;) {
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
    atomic_store_explicit(&g->is_ending, true, memory_order_relaxed); /* seen with the word */
    (void)begin(g, NULL, NULL);
    for (size_t i = 1; i <= g->n_started; i++)
        pthread_join(g->threads[i], NULL);
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
