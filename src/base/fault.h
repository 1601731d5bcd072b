/* Fault: makes the n-th call of a layer fail, so that tests reach every error path.
 *
 * A layer holds one static counter and asks it in each of its fallible calls. While it is off it
 * costs one load. Counting down by compare-exchange makes the n-th call fail, and only that one,
 * whichever thread makes it. Thread rule: any. */
#ifndef WF_BASE_FAULT_H
#define WF_BASE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wf_fault {
    atomic_uint_least64_t _left; /* calls until the one that fails, itself included; 0 = off */
    atomic_bool _hit;            /* it came */
};

/* The n-th call from now (1 = the next) shall fail, once; 0 switches it off. */
static inline void wf_fault_set(struct wf_fault *f, uint64_t n)
{
    /* Relaxed: a test sets it before it starts what it tests. */
    atomic_store_explicit(&f->_hit, false, memory_order_relaxed);
    atomic_store_explicit(&f->_left, n, memory_order_relaxed);
}

/* True when this call is the one that shall fail. */
static inline bool wf_fault_now(struct wf_fault *f)
{
    /* Relaxed: only the order of changes of this one variable matters. */
    uint64_t left = atomic_load_explicit(&f->_left, memory_order_relaxed);
    while (__builtin_expect(left != 0, 0)) {
        if (!atomic_compare_exchange_weak_explicit(&f->_left, &left, left - 1, memory_order_relaxed,
                                                   memory_order_relaxed))
            continue;
        if (left != 1)
            return false;
        /* Relaxed: who asks has joined the threads that it tests. */
        atomic_store_explicit(&f->_hit, true, memory_order_relaxed);
        return true;
    }
    return false;
}

/* True when the failure has happened since it was set. */
static inline bool wf_fault_hit(const struct wf_fault *f)
{
    return atomic_load_explicit(&f->_hit, memory_order_relaxed); /* see wf_fault_now */
}

#endif
