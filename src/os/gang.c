/* SPDX-License-Identifier: Apache-2.0 */
/* A step has a number, members that are awake, the first ones, and so many parts for each member,
 * in one word, which the owner writes with release order behind what the step is (fn, ud): whoever
 * reads it with acquire order sees that, and while it has a part to do no other step begins, so it
 * stays. Each member has a word of its own with the number of the step that it was last used in,
 * and how many of its parts are taken. A member takes its own parts, which nobody else touches
 * while all are at work, and then those of others, also of those who rest: a member that the system
 * has put aside delays nobody, unless it has a part in hand. Parts are taken by compare and
 * exchange; a word of an older step counts as one of which nothing is taken, and one of a newer
 * step as used up, which is what a member sees that slept.
 *
 * Each raises `n_done` with release order by what it did; the owner waits for all with acquire
 * order, and so sees what they wrote. Waiting is spinning for SPINS rounds (a step of a small model
 * takes tens of microseconds), then a condition variable; `n_sleeping` tells the owner whether to
 * wake anyone. It is raised under the mutex before the step is looked at again, and read by the
 * owner after the step is written, both in sequentially consistent order, so no wake-up is lost.
 *
 * A member that reads a step's word in which it rests takes no part, and sleeps on another
 * condition without being counted in `n_sleeping`: steps without it do not wake it. It looks at the
 * word under the mutex before it sleeps. The owner wakes all who rest, under the mutex, behind the
 * word of a step with more members than the one before: a member that looked earlier sleeps by
 * then and is woken, one that looks later sees the word. No step's end waits for one who rests. */
#include "os/gang.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/alloc.h"

#define SPINS 4000
#define STACK_BYTES ((size_t)1 << 20)

#define LINE 64

/* Alone in its cache lines, since its member writes it while others write theirs. */
struct member {
    _Alignas(2 * LINE) _Atomic uint64_t taken; /* step << 32 | parts */
    pthread_t thread;                          /* unused in the first */
    struct wf_gang *gang;
    size_t i;
};

struct wf_gang {
    /* Its number << 32 | members awake << 16 | parts for each member. */
    _Alignas(2 * LINE) _Atomic uint64_t step;
    wf_gang_fn fn;
    void *ud;
    _Atomic wf_gang_wait_fn waiting; /* NULL: none */
    void *waiting_ud;                /* seen with it */
    size_t n_members;
    size_t n_awake;                          /* of them from the next step on; the owner's */
    size_t n_started;                        /* threads that run, number 1 first */
    _Alignas(2 * LINE) atomic_size_t n_done; /* parts */
    _Alignas(2 * LINE) atomic_bool is_ending;
    atomic_size_t n_sleeping;
    pthread_mutex_t mutex; /* for the conditions only */
    pthread_cond_t begun;  /* a step, for members that are awake */
    pthread_cond_t called; /* more members than rested before */
    void *memory;          /* that it lies in */
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

/* One round of waiting. */
static void wait_a_round(struct wf_gang *g, size_t i, size_t round)
{
    /* Acquire: with what it is called with. */
    wf_gang_wait_fn fn = atomic_load_explicit(&g->waiting, memory_order_acquire);

    if (fn != NULL)
        fn(g->waiting_ud, i, round);
    relax();
}

static uint32_t step_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static size_t awake_of(uint64_t word)
{
    return word >> 16 & 0xFFFF;
}

static uint32_t parts_of(uint64_t word)
{
    return (uint32_t)(word & 0xFFFF);
}

/* Sleeps until there is a step other than `seen` in which member i is awake. */
static uint64_t sleep_until_step(struct wf_gang *g, size_t i, uint32_t seen)
{
    uint64_t now;

    pthread_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->n_sleeping, 1);
    while (i >= awake_of(now = atomic_load(&g->step)) || step_of(now) == seen) {
        if (i < awake_of(now)) {
            pthread_cond_wait(&g->begun, &g->mutex);
            continue;
        }
        atomic_fetch_sub(&g->n_sleeping, 1);
        pthread_cond_wait(&g->called, &g->mutex);
        atomic_fetch_add(&g->n_sleeping, 1);
    }
    atomic_fetch_sub(&g->n_sleeping, 1);
    pthread_mutex_unlock(&g->mutex);
    return now;
}

/* Member i waits for a step other than `seen` in which it is awake. */
static uint64_t wait_for_step(struct wf_gang *g, size_t i_member, uint32_t seen)
{
    uint64_t now;

    for (size_t i = 0; i < SPINS; i++) {
        now = atomic_load_explicit(&g->step, memory_order_acquire);
        if (i_member >= awake_of(now))
            break;
        if (step_of(now) != seen)
            return now;
        wait_a_round(g, i_member, i);
    }
    return sleep_until_step(g, i_member, seen);
}

/* Takes a part of a member; false when none is left. */
static bool take(struct member *m, uint64_t step, uint32_t *out_part)
{
    uint64_t word = atomic_load_explicit(&m->taken, memory_order_relaxed), next;

    do {
        int32_t age = (int32_t)(step_of(step) - step_of(word));
        *out_part = age == 0 ? (uint32_t)word : 0;
        if (age < 0 || *out_part >= parts_of(step))
            return false;
        next = (step >> 32 << 32) | (*out_part + 1);
        /* Relaxed: what the step is was seen with its word, and the parts know nothing of each
         * other. */
    } while (!atomic_compare_exchange_weak_explicit(&m->taken, &word, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* Member i's way through a step: its own parts, then what is left of others'. */
static void take_parts(struct wf_gang *g, size_t i, uint64_t step)
{
    uint32_t n_each = parts_of(step), part;
    size_t n_done = 0;

    for (size_t k = 0; k < g->n_members; k++) {
        size_t j = i + k < g->n_members ? i + k : i + k - g->n_members;
        while (take(&g->members[j], step, &part)) {
            g->fn(g->ud, j * n_each + part, g->n_members * n_each);
            n_done++;
        }
    }
    if (n_done > 0)
        atomic_fetch_add_explicit(&g->n_done, n_done, memory_order_release);
}

static void *member_main(void *ud)
{
    struct member *m = ud;
    struct wf_gang *g = m->gang;
    uint64_t step = 0;

    for (;;) {
        step = wait_for_step(g, m->i, step_of(step));
        /* Acquire by the step: it was set before that began. */
        if (atomic_load_explicit(&g->is_ending, memory_order_relaxed))
            return NULL;
        take_parts(g, m->i, step);
    }
}

static void wake(struct wf_gang *g, pthread_cond_t *cond)
{
    pthread_mutex_lock(&g->mutex);
    pthread_cond_broadcast(cond);
    pthread_mutex_unlock(&g->mutex);
}

/* Begins a step of n_each parts for each member. */
static uint64_t begin(struct wf_gang *g, size_t n_each, wf_gang_fn fn, void *ud)
{
    uint64_t before = atomic_load_explicit(&g->step, memory_order_relaxed);
    uint64_t step = (uint64_t)(step_of(before) + 1) << 32 | g->n_awake << 16 | n_each;

    g->fn = fn;
    g->ud = ud;
    atomic_store_explicit(&g->n_done, 0, memory_order_relaxed); /* seen with the step */
    atomic_store(&g->step, step);
    if (atomic_load(&g->n_sleeping) > 0)
        wake(g, &g->begun);
    if (g->n_awake > awake_of(before))
        wake(g, &g->called);
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
    size_t align = _Alignof(struct wf_gang);
    struct wf_gang *g;
    int rc = 0;
    char *memory;

    assert(n_members >= 1);
    assert(n_members <= WF_GANG_MEMBERS_MAX);
    memory = wf_alloc_array(1, sizeof(*g) + n_members * sizeof(g->members[0]) + align);
    if (memory == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for threads.");
    g = (struct wf_gang *)(void *)(memory + (align - (uintptr_t)memory % align));
    g->memory = memory;
    g->n_members = g->n_awake = n_members;
    atomic_store_explicit(&g->step, n_members << 16, memory_order_relaxed); /* no threads yet */
    for (size_t i = 0; i < n_members; i++) {
        g->members[i].gang = g;
        g->members[i].i = i;
    }
    (void)pthread_mutex_init(&g->mutex, NULL); /* cannot fail on Linux */
    (void)pthread_cond_init(&g->begun, NULL);
    (void)pthread_cond_init(&g->called, NULL);
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
    wf_gang_run_parts(g, 1, fn, ud);
}

void wf_gang_run_parts(struct wf_gang *g, size_t n_each, wf_gang_fn fn, void *ud)
{
    size_t n_parts = n_each * g->n_members;

    assert(fn != NULL);
    assert(n_each >= 1);
    assert(n_parts <= 0xFFFF);
    if (g->n_members == 1) {
        for (size_t i = 0; i < n_each; i++)
            fn(ud, i, n_each);
        return;
    }
    take_parts(g, 0, begin(g, n_each, fn, ud));
    for (size_t i = 0; atomic_load_explicit(&g->n_done, memory_order_acquire) != n_parts; i++) {
        /* A member whose processor was taken away needs ours. */
        if (i < SPINS)
            wait_a_round(g, 0, i);
        else
            (void)sched_yield();
    }
}

void wf_gang_while_waiting(struct wf_gang *g, wf_gang_wait_fn fn, void *ud)
{
    g->waiting_ud = ud;
    atomic_store_explicit(&g->waiting, fn, memory_order_release); /* ud is seen with it */
}

void wf_gang_limit(struct wf_gang *g, size_t n)
{
    assert(n >= 1);
    assert(n <= g->n_members);
    g->n_awake = n;
}

size_t wf_gang_size(const struct wf_gang *g)
{
    return g->n_members;
}

void wf_gang_times(const struct wf_gang *g, int64_t *out_ns)
{
    for (size_t i = 0; i < g->n_members; i++) {
        clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
        struct timespec t = {0, 0};
        if (i > 0) /* neither can fail: the thread has not been joined */
            (void)pthread_getcpuclockid(g->members[i].thread, &clock);
        (void)clock_gettime(clock, &t);
        out_ns[i] = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
}

void wf_gang_free(struct wf_gang *g)
{
    if (g == NULL)
        return;
    atomic_store_explicit(&g->is_ending, true, memory_order_relaxed); /* seen with the word */
    g->n_awake = g->n_members;
    (void)begin(g, 0, NULL, NULL);
    for (size_t i = 1; i <= g->n_started; i++)
        pthread_join(g->members[i].thread, NULL);
    pthread_cond_destroy(&g->called);
    pthread_cond_destroy(&g->begun);
    pthread_mutex_destroy(&g->mutex);
    wf_free(g->memory);
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
