/* Memory: every allocation of weft goes through here, is counted, and can be made to fail.
 *
 * The array forms check for overflow. Failure returns NULL and changes nothing; the caller turns
 * that into WF_E_NOMEM. Raw malloc, calloc, realloc, strdup and free are banned elsewhere by
 * tools/tidy. Thread rule: any. */
#ifndef WF_BASE_ALLOC_H
#define WF_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

/* n bytes, uninitialised; n == 0 gives a unique pointer. Owned by the caller, freed by wf_free. */
void *wf_alloc(size_t n) WF_MUST_USE;

/* n_items * item_bytes, zeroed; NULL when the product overflows. */
void *wf_alloc_array(size_t n_items, size_t item_bytes) WF_MUST_USE;

/* As wf_alloc_array, beginning a cache line (64 bytes): for what is written in whole registers
 * again and again, each of which would otherwise touch two lines. */
void *wf_alloc_lines(size_t n_items, size_t item_bytes) WF_MUST_USE;
/* The same, uninitialised. */
void *wf_alloc_lines_raw(size_t n_items, size_t item_bytes) WF_MUST_USE;

/* Grows or shrinks `p` (NULL allowed) to n_items * item_bytes; on failure NULL and `p` lives on. */
void *wf_realloc_array(void *p, size_t n_items, size_t item_bytes) WF_MUST_USE;

/* Makes room for n items in the array that *io_p points to (a pointer to items of any type), of
 * which *io_cap there are (0 and NULL at first), by doubling; what is new is not zeroed. 0, or
 * WF_E_NOMEM: nothing has changed then. */
int wf_reserve(void *io_p, size_t *io_cap, size_t n, size_t item_bytes) WF_MUST_USE;

/* Copies: n bytes (p may be NULL when n is 0) plus a NUL / a C string. NULL on failure. Owned by
 * the caller. */
char *wf_memdup0(const void *p, size_t n) WF_MUST_USE;
char *wf_strdup(const char *s) WF_MUST_USE;

/* Frees what the functions above gave; NULL is a no-op. */
void wf_free(void *p);

struct wf_alloc_stats {
    uint64_t n_live;     /* allocations not yet freed */
    uint64_t bytes_live; /* as the C library rounds them */
    uint64_t bytes_peak; /* the most bytes_live has been */
    uint64_t n_total;    /* allocations and resizings that succeeded, ever */
};

/* A snapshot of the process-wide counters (each read by itself, not as one atomic whole). */
struct wf_alloc_stats wf_alloc_stats(void);

/* Tests: makes the n-th allocation or resizing from now (1 = the next), by whichever thread, fail,
 * once; 0 switches it off. */
void wf_alloc_fail_at(uint64_t n);

/* True when a failure set by wf_alloc_fail_at has happened since it was set. */
bool wf_alloc_failed(void);

#endif
