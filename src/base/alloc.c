/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the C library's allocator with counters and a hook that makes the n-th call fail.
 *
 * No header of ours stands before a block: its size comes from malloc_usable_size(), so a block is
 * exactly what malloc gave and tools (ASan, valgrind) see true bounds. Sizes are therefore counted
 * as the C library rounds them.
 *
 * The counters are relaxed atomics: they order nothing, each is exact by itself, and a reader wants
 * no picture of all of them at one instant.
 *
 * Not done here: limits on the total (the kernel's rlimits do that), and pools (arena.h). */
#include "base/alloc.h"

#include <assert.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"

#define LINE_BYTES ((size_t)64) /* of a cache line */

static atomic_uint_least64_t n_made;     /* allocations, resizings included */
static atomic_uint_least64_t n_gone;     /* frees, and blocks that a resizing replaced */
static atomic_uint_least64_t bytes_live; /* sum of usable sizes */
static atomic_uint_least64_t bytes_peak;
static struct wf_fault fault;

/* Counts a block of `now` bytes that took the place of one of `before` bytes. */
static void count_bytes(size_t before, size_t now)
{
    /* Relaxed: a sum that orders nothing. Unsigned wrap-around makes a shrinking one right. */
    uint64_t delta = (uint64_t)now - (uint64_t)before;
    uint64_t live = atomic_fetch_add_explicit(&bytes_live, delta, memory_order_relaxed) + delta;
    /* Relaxed: a maximum is the same in whatever order the candidates come. */
    uint64_t peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed);
    while (live > peak && !atomic_compare_exchange_weak_explicit(
                              &bytes_peak, &peak, live, memory_order_relaxed, memory_order_relaxed))
        ;
}

static void *count_new(void *p)
{
    if (!p)
        return NULL;
    /* Relaxed: see the top. */
    atomic_fetch_add_explicit(&n_made, 1, memory_order_relaxed);
    count_bytes(0, malloc_usable_size(p));
    return p;
}

void *wf_alloc(size_t n)
{
    if (wf_fault_now(&fault))
        return NULL;
    return count_new(malloc(n ? n : 1));
}

void *wf_alloc_array(size_t n_items, size_t item_bytes)
{
    size_t bytes;
    if (wf_fault_now(&fault) || __builtin_mul_overflow(n_items, item_bytes, &bytes))
        return NULL;
    return count_new(calloc(1, bytes ? bytes : 1));
}

void *wf_alloc_lines_raw(size_t n_items, size_t item_bytes)
{
    size_t bytes;
    if (wf_fault_now(&fault) || __builtin_mul_overflow(n_items, item_bytes, &bytes) ||
        bytes > SIZE_MAX - LINE_BYTES)
        return NULL;
    /* aligned_alloc wants whole lines. */
    bytes = (WF_MAX(bytes, 1) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    return count_new(aligned_alloc(LINE_BYTES, bytes));
}

void *wf_alloc_lines(size_t n_items, size_t item_bytes)
{
    void *p = wf_alloc_lines_raw(n_items, item_bytes);

    if (p != NULL)
        memset(p, 0, n_items * item_bytes);
    return p;
}

void *wf_realloc_array(void *p, size_t n_items, size_t item_bytes)
{
    size_t bytes;
    if (wf_fault_now(&fault) || __builtin_mul_overflow(n_items, item_bytes, &bytes))
        return NULL;
    if (!p)
        return count_new(malloc(bytes ? bytes : 1));
    size_t before = malloc_usable_size(p);
    void *q = realloc(p, bytes ? bytes : 1); /* realloc(p, 0) would free */
    if (!q)
        return NULL;
    /* Relaxed: see the top. */
    atomic_fetch_add_explicit(&n_made, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n_gone, 1, memory_order_relaxed);
    count_bytes(before, malloc_usable_size(q));
    return q;
}

int wf_reserve(void *io_p, size_t *io_cap, size_t n, size_t item_bytes)
{
    size_t cap = *io_cap > 0 ? *io_cap : 16;
    void *p;

    if (n <= *io_cap)
        return 0;
    while (cap < n && cap <= SIZE_MAX / 2)
        cap *= 2;
    memcpy(&p, io_p, sizeof(p)); /* a pointer of another type */
    p = cap < n ? NULL : wf_realloc_array(p, cap, item_bytes);
    if (p == NULL)
        return WF_E_NOMEM;
    memcpy(io_p, &p, sizeof(p));
    *io_cap = cap;
    return 0;
}

char *wf_memdup0(const void *p, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = wf_alloc(n + 1);
    if (!copy)
        return NULL;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

char *wf_strdup(const char *s)
{
    assert(s != NULL);
    return wf_memdup0(s, strlen(s));
}

void wf_free(void *p)
{
    if (!p)
        return;
    /* Relaxed: see the top. */
    atomic_fetch_sub_explicit(&bytes_live, malloc_usable_size(p), memory_order_relaxed);
    atomic_fetch_add_explicit(&n_gone, 1, memory_order_relaxed);
    free(p);
}

struct wf_alloc_stats wf_alloc_stats(void)
{
    /* Relaxed, and `gone` first: a block made between the reads then counts as live rather than
     * making the difference negative. */
    uint64_t gone = atomic_load_explicit(&n_gone, memory_order_relaxed);
    uint64_t made = atomic_load_explicit(&n_made, memory_order_relaxed);
    return (struct wf_alloc_stats){
        .n_live = made > gone ? made - gone : 0,
        .bytes_live = atomic_load_explicit(&bytes_live, memory_order_relaxed),
        .bytes_peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed),
        .n_total = made,
    };
}

void wf_alloc_fail_at(uint64_t n)
{
    wf_fault_set(&fault, n);
}

bool wf_alloc_failed(void)
{
    return wf_fault_hit(&fault);
}
