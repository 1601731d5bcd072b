/* Threads: a fixed team of workers with one bounded queue.
 *
 * Mutexes and condition variables are used from <pthread.h> directly. */
#ifndef WF_OS_THREAD_H
#define WF_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef void (*wf_work_fn)(void *ud);

struct wf_team;

/* The most workers of one team, and each one's stack: the deepest thing they run, a chat template
 * of a stranger at its limit of depth, takes under 2 MiB, without optimisation some more. Memory is
 * taken only for what is used. */
#define WF_TEAM_THREADS_MAX 64
#define WF_TEAM_STACK_BYTES ((size_t)8 << 20)

/* Starts n_threads (1..WF_TEAM_THREADS_MAX) workers named `name` (and a number; the kernel keeps 15
 * bytes) with room for queue_max (at least 1) waiting jobs. Workers take all signals blocked.
 * Errors: WF_E_NOMEM, WF_E_BUSY (the system has no room for threads), WF_E_DENIED. Thread: any. */
int wf_team_new(const char *name, size_t n_threads, size_t queue_max, struct wf_team **out,
                struct wf_err *err) WF_MUST_USE;

/* Queues fn(ud). WF_E_BUSY when the queue is full, WF_E_CANCELED after wf_team_stop.
 * Thread: any. */
int wf_team_post(struct wf_team *t, wf_work_fn fn, void *ud) WF_MUST_USE;

/* Takes no new jobs from now on; those queued will run. Thread: any. */
void wf_team_stop(struct wf_team *t);

/* Jobs that wait or run. Thread: any. */
size_t wf_team_load(struct wf_team *t);

/* wf_team_stop, runs those queued, joins the threads, frees. NULL is a no-op.
 * Thread: the one that made it. */
void wf_team_free(struct wf_team *t);

/* Makes a condition whose timed waits go by the clock that never jumps (CLOCK_MONOTONIC): setting
 * the time of day neither wakes nor holds up who waits. Never fails on Linux. Thread: init. */
void wf_cond_init(pthread_cond_t *c);

/* Processors this process may run on (sched affinity), at least 1. Thread: any. */
size_t wf_cpu_count(void);

/* The calling thread (and threads it starts) works in the background: it keeps its share of the
 * processor, but no longer takes it from another thread in the moment it is woken (SCHED_BATCH).
 * Threads that hand small things to each other on one processor switch half as often. Never fails:
 * where it is not allowed, nothing changes. Thread: any. */
void wf_thread_yield_to_others(void);

#endif
