/* Arena: memory with the lifetime of one request, freed in one call.
 *
 * Thread rule: owner. */
#ifndef WF_BASE_ARENA_H
#define WF_BASE_ARENA_H

#include <stddef.h>

#include "base/config.h"
#include "base/str.h"

struct wf_arena_block;

struct wf_arena {
    struct wf_arena_block *_head; /* newest block first */
    size_t _block_bytes;          /* size of a normal block */
    size_t _max_bytes;            /* the most all blocks together may take */
    size_t _total_bytes;          /* what they take now */
};

/* block_bytes 0 means 64 KiB. Allocates nothing. */
void wf_arena_init(struct wf_arena *a, size_t block_bytes, size_t max_bytes);

/* Frees everything that was allocated from it. Safe to call twice. */
void wf_arena_deinit(struct wf_arena *a);

/* Forgets everything, keeps one block for reuse. */
void wf_arena_reset(struct wf_arena *a);

/* n bytes aligned for any type, zeroed; NULL when memory or the maximum is exhausted. Valid until
 * reset or deinit. */
void *wf_arena_alloc(struct wf_arena *a, size_t n) WF_MUST_USE;

/* n_items * item_bytes, zeroed; NULL also on overflow. */
void *wf_arena_array(struct wf_arena *a, size_t n_items, size_t item_bytes) WF_MUST_USE;

/* A NUL-terminated copy; its view's ptr is NULL on failure. */
struct wf_str wf_arena_dup(struct wf_arena *a, struct wf_str s) WF_MUST_USE;
char *wf_arena_cstr(struct wf_arena *a, struct wf_str s) WF_MUST_USE;
/* A formatted copy; NULL on failure. */
char *wf_arena_printf(struct wf_arena *a, const char *fmt, ...) WF_PRINTF(2, 3) WF_MUST_USE;

#endif
