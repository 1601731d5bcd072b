/* Gang: threads that do one step together, again and again.
 *
 * For arithmetic that is cut into equal parts: wf_gang_run has the members do as many parts as they
 * are and returns when all are done, thousands of times a second. Members that wait spin for some
 * microseconds, then sleep; on a busy machine those that have the processor do the others' parts,
 * and members can be told to rest. (os/thread.h has the other kind: workers with a queue.) */
#ifndef WF_OS_GANG_H
#define WF_OS_GANG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Does the i-th of n parts of the step, n being the members; who does which is not said, and a
 * member may do several, one after the other. */
typedef void (*wf_gang_fn)(void *ud, size_t i, size_t n);

/* What member i does while it waits: something short, called with round 0, 1, 2, ... each time that
 * it waits, until that is over. Other members may be at work. */
typedef void (*wf_gang_wait_fn)(void *ud, size_t i, size_t round);

struct wf_gang;

#define WF_GANG_MEMBERS_MAX 256

/* A gang of n_members (1..WF_GANG_MEMBERS_MAX); the caller of wf_gang_run is the first of them, so
 * n_members - 1 threads are started. Errors: NOMEM, BUSY (no room for threads), DENIED.
 * Thread: any. */
int wf_gang_new(size_t n_members, struct wf_gang **out, struct wf_err *err) WF_MUST_USE;

/* Runs fn(ud, i, n) once for every i below n and returns when all are done; what they wrote is then
 * visible. Not from within fn. Thread: owner. */
void wf_gang_run(struct wf_gang *g, wf_gang_fn fn, void *ud);

/* The same with n_each parts for each member, the members' parts side by side: a member does its
 * own parts first, and whoever is done those of others that are left. Small parts end together,
 * large ones cost less. n_each at least 1, not with n_each times members beyond 65535. Thread:
 * owner. */
void wf_gang_run_parts(struct wf_gang *g, size_t n_each, wf_gang_fn fn, void *ud);

/* From now on members that wait call fn; once for a gang, before its first step. Thread: owner. */
void wf_gang_while_waiting(struct wf_gang *g, wf_gang_wait_fn fn, void *ud);

/* From the next step on only the first n members (1..all) do parts, which are as many as before;
 * the others sleep, and cost nothing, until a step has more. Thread: owner. */
void wf_gang_limit(struct wf_gang *g, size_t n);

/* Members, the caller and those who rest included. Thread: any. */
size_t wf_gang_size(const struct wf_gang *g);

/* The processor's time that each member has had so far, in nanoseconds, the first being the thread
 * that calls: out_ns [members]. A system call for each. Thread: owner. */
void wf_gang_times(const struct wf_gang *g, int64_t *out_ns);

/* Ends and joins the threads, frees. NULL is a no-op. Thread: owner. */
void wf_gang_free(struct wf_gang *g);

/* The part [*out_from, *out_to) of n_items that member i of n does: contiguous, as equal as can be
 * when cut in multiples of `grain` (at least 1). Thread: any. */
void wf_gang_part(size_t n_items, size_t grain, size_t i, size_t n, size_t *out_from,
                  size_t *out_to);

#endif
