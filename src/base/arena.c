/* SPDX-License-Identifier: Apache-2.0 */
/* Arena: blocks that are filled from the front and freed together.
 *
 * Blocks grow from FIRST_BLOCK_BYTES by doubling to the normal size, so that an arena of a few
 * strings stays small. What is larger than a quarter of a normal block gets a block of its own
 * behind the head, so that the head's free room is not lost. Only payload counts towards the
 * maximum. Not done here: freeing single pieces, running destructors. */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define DEFAULT_BLOCK_BYTES ((size_t)64 << 10)
#define FIRST_BLOCK_BYTES ((size_t)1 << 10)
#define ALIGN alignof(max_align_t)

struct wf_arena_block {
    struct wf_arena_block *next; /* older */
    size_t cap;                  /* payload bytes */
    size_t used;                 /* from the front; a multiple of ALIGN but at the block's end */
    alignas(max_align_t) unsigned char payload[];
};

_Static_assert(sizeof(struct wf_arena_block) % ALIGN == 0, "the payload must be aligned");

void wf_arena_init(struct wf_arena *a, size_t block_bytes, size_t max_bytes)
{
    *a = (struct wf_arena){
        ._block_bytes = block_bytes ? block_bytes : DEFAULT_BLOCK_BYTES,
        ._max_bytes = max_bytes,
    };
}

static void free_blocks(struct wf_arena_block *b)
{
    while (b) {
        struct wf_arena_block *next = b->next;
        wf_free(b);
        b = next;
    }
}

void wf_arena_deinit(struct wf_arena *a)
{
    free_blocks(a->_head);
    a->_head = NULL;
    a->_total_bytes = 0;
}

void wf_arena_reset(struct wf_arena *a)
{
    if (!a->_head)
        return;
    free_blocks(a->_head->next);
    a->_head->next = NULL;
    a->_head->used = 0;
    a->_total_bytes = a->_head->cap;
}

/* Adds a block with room for n bytes and returns it; NULL when memory or the maximum ran out. */
static struct wf_arena_block *add_block(struct wf_arena *a, size_t n)
{
    size_t left = a->_max_bytes - a->_total_bytes;
    if (n > left)
        return NULL;
    bool own = a->_head && n > a->_block_bytes / 4;
    size_t cap = n;
    if (!own) {
        size_t normal = WF_MIN(a->_block_bytes, WF_MAX(FIRST_BLOCK_BYTES, a->_total_bytes));
        cap = WF_MIN(WF_MAX(normal, n), left);
    }
    size_t bytes;
    if (__builtin_add_overflow(cap, sizeof(struct wf_arena_block), &bytes))
        return NULL;
    struct wf_arena_block *b = wf_alloc(bytes);
    if (!b)
        return NULL;
    struct wf_arena_block **at = own ? &a->_head->next : &a->_head;
    *b = (struct wf_arena_block){.next = *at, .cap = cap};
    *at = b;
    a->_total_bytes += cap;
    assert(a->_total_bytes <= a->_max_bytes);
    return b;
}

/* n bytes, not zeroed. */
static void *take(struct wf_arena *a, size_t n)
{
    struct wf_arena_block *b = a->_head;
    if (n == 0)
        n = 1; /* pieces are distinct */
    if (!b || n > b->cap - b->used) {
        b = add_block(a, n);
        if (!b)
            return NULL;
    }
    void *p = b->payload + b->used;
    assert((uintptr_t)p % ALIGN == 0);
    size_t room = b->cap - b->used;
    size_t rounded = n > room - room % ALIGN ? room : (n + ALIGN - 1) / ALIGN * ALIGN;
    b->used += rounded;
    assert(b->used <= b->cap);
    return p;
}

void *wf_arena_alloc(struct wf_arena *a, size_t n)
{
    void *p = take(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}

void *wf_arena_array(struct wf_arena *a, size_t n_items, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(n_items, item_bytes, &bytes))
        return NULL;
    return wf_arena_alloc(a, bytes);
}

struct wf_str wf_arena_dup(struct wf_arena *a, struct wf_str s)
{
    char *p = wf_arena_cstr(a, s);
    return (struct wf_str){p, p ? s.len : 0};
}

char *wf_arena_cstr(struct wf_arena *a, struct wf_str s)
{
    if (s.len == SIZE_MAX)
        return NULL;
    char *p = take(a, s.len + 1);
    if (!p)
        return NULL;
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

char *wf_arena_printf(struct wf_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : take(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
