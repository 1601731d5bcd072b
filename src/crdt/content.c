/* SPDX-License-Identifier: Apache-2.0 */
/* Content: bytes of strings, values, formats. Each client has a place where its next content goes,
 * so that what it types grows in place and what it typed in one run can be joined and cut without
 * copying. What is deleted stays as dead bytes until half of the memory is dead; then all content
 * moves together. */
#include "base/alloc.h"
#include "crdt/any.h"
#include "crdt/crdt_internal.h"

#define FIRST_BYTES 64u
#define BLOCK_BYTES 16384u
/* Below that much dead memory nothing is moved. */
#define DEAD_MIN 65536u
/* Nor below that much for each item, all of which are gone through. */
#define DEAD_PER_ITEM 4u

static uint8_t *block_new(struct wf_crdt *d, size_t size)
{
    struct wf_crdt_pool_block *b = wf_alloc(sizeof(*b) + size);

    if (b == NULL)
        return NULL;
    b->next = d->pool;
    b->size = size;
    d->pool = b;
    return b->bytes;
}

uint8_t *wf_crdt__pool_put(struct wf_crdt *d, uint32_t client, const void *p, size_t n)
{
    struct wf_crdt_client *c = &d->clients[client];
    static uint8_t nothing[1];
    uint8_t *to;

    if (n == 0)
        return nothing;
    if (n > c->tail_left) {
        uint32_t size = c->tail_size == 0 ? FIRST_BYTES : c->tail_size * 2;
        if (size > BLOCK_BYTES)
            size = BLOCK_BYTES;
        if (n > size / 2) { /* a block of its own; the current one goes on */
            to = block_new(d, n);
            if (to != NULL) {
                memcpy(to, p, n);
                d->pool_bytes += n;
            }
            return to;
        }
        to = block_new(d, size);
        if (to == NULL)
            return NULL;
        c->tail = to;
        c->tail_left = c->tail_size = size;
    }
    to = c->tail;
    memcpy(to, p, n);
    c->tail += n;
    c->tail_left -= (uint32_t)n;
    d->pool_bytes += n;
    return to;
}

uint8_t *wf_crdt__pool_make(struct wf_crdt *d, size_t n)
{
    d->pool_bytes += n;
    return block_new(d, n);
}

int wf_crdt__content_own(struct wf_crdt *d, struct wf_crdt_item *it)
{
    if ((it->flags & WF_CRDT_F_BORROWED) == 0)
        return 0;
    it->data = wf_crdt__pool_put(d, it->client, it->data, it->bytes);
    it->flags &= (uint8_t)~WF_CRDT_F_BORROWED;
    return it->data == NULL ? wf_crdt__break(d) : 0;
}

void wf_crdt__pool_drop(struct wf_crdt *d, size_t n)
{
    d->pool_dead += n;
}

void wf_crdt__pool_free(struct wf_crdt *d)
{
    for (struct wf_crdt_pool_block *b = d->pool, *next; b != NULL; b = next) {
        next = b->next;
        wf_free(b);
    }
    d->pool = NULL;
}

int wf_crdt__content_extend(struct wf_crdt *d, struct wf_crdt_item *it, const uint8_t *p, size_t n)
{
    struct wf_crdt_client *c = &d->clients[it->client];
    uint8_t *to;

    if (it->data + it->bytes == c->tail && n <= c->tail_left) {
        memmove(c->tail, p, n);
        c->tail += n;
        c->tail_left -= (uint32_t)n;
        d->pool_bytes += n;
        it->bytes += (uint32_t)n;
        return 0;
    }
    /* Room to grow: a run that others write between grows by half. */
    size_t total = it->bytes + n, room = total + total / 2;
    if (total < BLOCK_BYTES / 4) {
        if (c->tail_left < total) { /* the rest of the block is left */
            to = block_new(d, BLOCK_BYTES / 2);
            if (to == NULL)
                return wf_crdt__break(d);
            c->tail = to;
            c->tail_left = c->tail_size = BLOCK_BYTES / 2;
        }
    } else {
        to = block_new(d, room);
        if (to == NULL)
            return wf_crdt__break(d);
        c->tail = to;
        c->tail_left = (uint32_t)room;
    }
    memcpy(c->tail, it->data, it->bytes);
    memcpy(c->tail + it->bytes, p, n);
    it->data = c->tail;
    c->tail += total;
    c->tail_left -= (uint32_t)total;
    d->pool_bytes += total;
    d->pool_dead += it->bytes;
    it->bytes = (uint32_t)total;
    return 0;
}

/* Bytes of the first `n` values of an array of them. */
static uint32_t values_bytes(const struct wf_crdt_item *it, uint32_t n)
{
    struct wf_lib0_in in = wf_lib0_in(it->data, it->bytes);

    while (n-- > 0)
        (void)wf_any_skip(&in);
    assert(!in.bad);
    return (uint32_t)(in.p - it->data);
}

/* A cut within a surrogate pair leaves U+FFFD on both sides, as in Yjs. */
static int split_pair(struct wf_crdt *d, struct wf_crdt_item *a, struct wf_crdt_item *b, size_t cut)
{
    static const uint8_t mark[3] = {0xef, 0xbf, 0xbd};
    size_t n = a->bytes - cut - 4 + 3;
    struct wf_crdt_item rest = {.client = a->client};

    rest.data = wf_crdt__pool_put(d, a->client, mark, 3);
    rest.bytes = 3;
    if (rest.data == NULL ||
        wf_crdt__content_extend(d, &rest, a->data + cut + 4, a->bytes - cut - 4) != 0)
        return WF_E_NOMEM;
    assert(rest.bytes == n);
    b->data = rest.data;
    b->bytes = rest.bytes;
    memcpy(a->data + cut, mark, 3); /* it stands where four bytes were */
    wf_crdt__pool_drop(d, a->bytes - cut - 3);
    a->bytes = (uint32_t)cut + 3;
    return 0;
}

int wf_crdt__content_split(struct wf_crdt *d, struct wf_crdt_item *a, struct wf_crdt_item *b,
                           uint32_t at)
{
    bool half = false;
    size_t cut;

    switch (a->kind) {
    case WF_CRDT_STRING:
        cut = a->bytes == a->len ? at : wf_lib0_cut(a->data, a->bytes, at, &half);
        if (half)
            return split_pair(d, a, b, cut);
        break;
    case WF_CRDT_ANY:
    case WF_CRDT_JSON:
        cut = values_bytes(a, at);
        break;
    default: /* deleted, or collected: only a length */
        return 0;
    }
    b->data = a->data + cut;
    b->bytes = a->bytes - (uint32_t)cut;
    a->bytes = (uint32_t)cut;
    return 0;
}

bool wf_crdt__content_joins(const struct wf_crdt_item *a)
{
    return a->kind == WF_CRDT_GC || a->kind == WF_CRDT_DELETED || a->kind == WF_CRDT_STRING ||
           a->kind == WF_CRDT_ANY || a->kind == WF_CRDT_JSON;
}

int wf_crdt__content_join(struct wf_crdt *d, struct wf_crdt_item *a, const struct wf_crdt_item *b)
{
    if (!wf_crdt__has_data(a))
        return 0;
    if (a->data + a->bytes == b->data) { /* they were cut apart here, and come together again */
        a->bytes += b->bytes;
        return 0;
    }
    d->pool_dead += b->bytes;
    return wf_crdt__content_extend(d, a, b->data, b->bytes);
}

int wf_crdt__pool_tidy(struct wf_crdt *d)
{
    struct wf_crdt_pool_block *old = d->pool;

    if (d->pool_dead < DEAD_MIN || d->pool_dead < d->pool_bytes / 2 ||
        d->pool_dead / DEAD_PER_ITEM < d->live_items)
        return 0;
    d->pool = NULL;
    d->pool_bytes = d->pool_dead = 0;
    for (uint32_t k = 0; k < d->n_clients; k++) {
        struct wf_crdt_client *c = &d->clients[k];
        c->tail = NULL;
        c->tail_left = 0;
        for (uint32_t i = 0; i < c->n_chunks; i++) {
            for (uint32_t s = 0; s < c->chunks[i]->n; s++) {
                struct wf_crdt_item *it = wf_crdt__item(d, c->chunks[i]->at[s].item);
                if (!wf_crdt__has_data(it))
                    continue;
                it->data = wf_crdt__pool_put(d, k, it->data, it->bytes);
                if (it->data == NULL) {
                    wf_crdt__pool_free(d);
                    d->pool = old;
                    return wf_crdt__break(d);
                }
            }
        }
    }
    for (struct wf_crdt_pool_block *next; old != NULL; old = next) {
        next = old->next;
        wf_free(old);
    }
    return 0;
}
