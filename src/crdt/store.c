/* SPDX-License-Identifier: Apache-2.0 */
/* Where structs are: blocks of items, and of each client a list of them by clock, in chunks of at
 * most 128, so that putting one in between moves at most a kilobyte. Finding one is a search for
 * the chunk, then within it. The chunk found last is tried first: edits have neighbours. */
#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/crdt_internal.h"

/* ---- items ---- */

/* A block more; zeroed where it is not `filled` at once. */
static int block_new(struct wf_crdt *d, bool filled)
{
    struct wf_crdt_item *block;

    if (d->n_items >= WF_LIMIT_CRDT_ITEMS ||
        wf_reserve(&d->blocks, &d->cap_blocks, d->n_blocks + 1, sizeof(struct wf_crdt_item *)) != 0)
        return WF_E_NOMEM;
    block = filled ? wf_alloc_lines_raw(WF_CRDT_BLOCK, sizeof(*block))
                   : wf_alloc_lines(WF_CRDT_BLOCK, sizeof(*block));
    if (block == NULL)
        return WF_E_NOMEM;
    d->blocks[d->n_blocks++] = block;
    return 0;
}

int wf_crdt__items_make(struct wf_crdt *d, uint32_t n)
{
    assert(d->n_items == 1 && d->n_blocks == 0);
    while (d->n_blocks * WF_CRDT_BLOCK <= n) {
        if (block_new(d, true) != 0)
            return WF_E_NOMEM;
    }
    memset(d->blocks[0], 0, sizeof(**d->blocks));
    memset(wf_crdt__item(d, n) + 1, 0,
           (WF_CRDT_BLOCK - 1 - n % WF_CRDT_BLOCK) * sizeof(**d->blocks));
    d->n_items += n;
    d->live_items += n;
    return 0;
}

/* Puts items of a block on the list of free ones, so that the lowest comes first: those that are
 * not in `used`, a bit each (NULL: none is). */
static void list_free(struct wf_crdt *d, size_t block, const uint64_t *used)
{
    for (uint32_t s = WF_CRDT_BLOCK; s-- > 0;) {
        uint32_t i = (uint32_t)block * WF_CRDT_BLOCK + s;
        if (i == 0 || i >= d->n_items || (used != NULL && (used[i / 64] >> i % 64 & 1) != 0))
            continue;
        wf_crdt__item(d, i)->right = d->free_item;
        d->free_item = i;
    }
}

/* A block in place of one that was given back. */
static int fill_hole(struct wf_crdt *d)
{
    size_t k = 0;

    while (d->blocks[k] != NULL)
        k++;
    d->blocks[k] = wf_alloc_lines(WF_CRDT_BLOCK, sizeof(struct wf_crdt_item));
    if (d->blocks[k] == NULL)
        return wf_crdt__break(d);
    d->n_holes--;
    list_free(d, k, NULL);
    return 0;
}

/* What is known of blocks while some are given back. */
struct trim {
    uint64_t *used; /* items, a bit each */
    bool *stays;    /* blocks */
};

enum trim_step {
    MARK_NAMED,  /* what others may name stays where it is, and its block */
    MARK_PACKED, /* what is packed stays where its block does; only its client's list names it */
    MOVE_PACKED, /* the rest of it moves to such blocks */
};

static int trim_one(struct wf_crdt *d, struct trim *t, enum trim_step step, uint32_t *io_item)
{
    uint32_t i = *io_item, to;
    bool is_packed = wf_crdt__item(d, i)->kind == WF_CRDT_PACKED;

    if (step == MARK_NAMED ? is_packed
                           : !is_packed || t->stays[i / WF_CRDT_BLOCK] != (step == MARK_PACKED))
        return 0;
    if (step != MOVE_PACKED) {
        t->used[i / 64] |= UINT64_C(1) << i % 64;
        t->stays[i / WF_CRDT_BLOCK] = true;
        return 0;
    }
    to = wf_crdt__item_new(d);
    if (to == 0)
        return WF_E_NOMEM;
    d->live_items--;
    *wf_crdt__item(d, to) = *wf_crdt__item(d, i);
    *io_item = to;
    return 0;
}

static int trim_all(struct wf_crdt *d, struct trim *t, enum trim_step step)
{
    int rc = 0;

    for (uint32_t k = 0; k < d->n_clients; k++) {
        const struct wf_crdt_client *c = &d->clients[k];
        for (uint32_t n = 0; n < c->n_chunks; n++) {
            for (uint32_t s = 0; s < c->chunks[n]->n && rc == 0; s++)
                rc = trim_one(d, t, step, &c->chunks[n]->at[s].item);
        }
    }
    return rc;
}

static int trim_blocks(struct wf_crdt *d, struct trim *t)
{
    size_t n_blocks = d->n_blocks;
    int rc = trim_all(d, t, MARK_NAMED);

    t->stays[0] = t->stays[n_blocks - 1] = true; /* item 0; where new ones come from */
    if (rc == 0)
        rc = trim_all(d, t, MARK_PACKED);
    d->free_item = 0;
    for (size_t b = n_blocks; b-- > 0;) {
        if (d->blocks[b] == NULL)
            t->stays[b] = true;
        else if (t->stays[b])
            list_free(d, b, t->used);
    }
    if (rc == 0)
        rc = trim_all(d, t, MOVE_PACKED);
    for (size_t b = 0; b < n_blocks && rc == 0; b++) {
        if (t->stays[b])
            continue;
        wf_free(d->blocks[b]);
        d->blocks[b] = NULL;
        d->n_holes++;
    }
    return rc;
}

int wf_crdt__items_trim(struct wf_crdt *d)
{
    struct trim t = {.used = wf_alloc_array(d->n_blocks * WF_CRDT_BLOCK / 64, sizeof(*t.used)),
                     .stays = wf_alloc_array(d->n_blocks, sizeof(*t.stays))};
    int rc = t.used == NULL || t.stays == NULL ? WF_E_NOMEM : trim_blocks(d, &t);

    wf_free(t.used);
    wf_free(t.stays);
    return rc != 0 ? wf_crdt__break(d) : 0;
}

uint32_t wf_crdt__item_new(struct wf_crdt *d)
{
    uint32_t i;
    struct wf_crdt_item *it;

    if (d->free_item == 0 && d->n_holes > 0 && fill_hole(d) != 0)
        return 0;
    i = d->free_item;
    if (i != 0) {
        it = wf_crdt__item(d, i);
        d->free_item = it->right;
        memset(it, 0, sizeof(*it));
    } else {
        if (d->n_items >= d->n_blocks * WF_CRDT_BLOCK && block_new(d, false) != 0) {
            (void)wf_crdt__break(d);
            return 0;
        }
        i = d->n_items++;
        it = wf_crdt__item(d, i); /* a new block is zeroed */
    }
    it->o_client = it->r_client = WF_CRDT_NONE;
    d->live_items++;
    return i;
}

void wf_crdt__item_free(struct wf_crdt *d, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);

    assert(i != 0);
    it->right = d->free_item;
    d->free_item = i;
    d->live_items--;
}

/* ---- clients ---- */

static size_t client_slot(const struct wf_crdt *d, uint64_t id)
{
    size_t i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (d->n_client_slots - 1);

    while (d->client_slots[i] != 0 && d->clients[d->client_slots[i] - 1].id != id)
        i = (i + 1) & (d->n_client_slots - 1);
    return i;
}

uint32_t wf_crdt__client_find(const struct wf_crdt *d, uint64_t id)
{
    uint32_t found = d->n_client_slots == 0 ? 0 : d->client_slots[client_slot(d, id)];

    return found == 0 ? WF_CRDT_NONE : found - 1;
}

static int clients_grow(struct wf_crdt *d)
{
    size_t n = d->n_client_slots == 0 ? 8 : d->n_client_slots * 2;
    uint32_t *slots;

    if (wf_reserve(&d->clients, &d->cap_clients, d->n_clients + 1, sizeof(*d->clients)) != 0)
        return wf_crdt__break(d);
    if ((d->n_clients + 1) * 2 <= d->n_client_slots)
        return 0;
    slots = wf_alloc_array(n, sizeof(*slots));
    if (slots == NULL)
        return wf_crdt__break(d);
    wf_free(d->client_slots);
    d->client_slots = slots;
    d->n_client_slots = n;
    for (size_t i = 0; i < d->n_clients; i++)
        slots[client_slot(d, d->clients[i].id)] = (uint32_t)i + 1;
    return 0;
}

int wf_crdt__client(struct wf_crdt *d, uint64_t id, uint32_t *out)
{
    uint32_t found = wf_crdt__client_find(d, id);

    if (found == WF_CRDT_NONE) {
        if (clients_grow(d) != 0)
            return WF_E_NOMEM;
        found = (uint32_t)d->n_clients++;
        d->clients[found] = (struct wf_crdt_client){.id = id};
        d->client_slots[client_slot(d, id)] = found + 1;
    }
    *out = found;
    return 0;
}

void wf_crdt__client_deinit(struct wf_crdt_client *c)
{
    for (uint32_t i = 0; i < c->n_chunks; i++)
        wf_free(c->chunks[i]);
    wf_free(c->chunks);
    wf_free(c->firsts);
}

/* ---- a client's structs ---- */

static bool chunk_holds(const struct wf_crdt_client *c, uint32_t i, uint32_t clock)
{
    return i < c->n_chunks && c->firsts[i] <= clock &&
           (i + 1 == c->n_chunks || clock < c->firsts[i + 1]);
}

struct wf_crdt_place wf_crdt__find(struct wf_crdt_client *c, uint32_t clock)
{
    uint32_t lo = 0, hi = c->n_chunks - 1, guess;
    const struct wf_crdt_chunk *chunk;

    assert(clock < c->next);
    if (chunk_holds(c, c->hint, clock)) {
        lo = c->hint;
    } else if (c->firsts[hi] <= clock) {
        lo = hi;
    } else {
        guess = (uint32_t)((uint64_t)clock * c->n_chunks / c->next);
        if (chunk_holds(c, guess, clock)) /* structs of about one length */
            lo = hi = guess;
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo + 1) / 2;
            if (c->firsts[mid] <= clock)
                lo = mid;
            else
                hi = mid - 1;
        }
    }
    c->hint = lo;
    chunk = c->chunks[lo];
    uint32_t a = 0, b = chunk->n - 1;
    guess = clock - chunk->at[0].clock;
    if (chunk->at[b].clock <= clock)
        a = b;
    else if (guess < b && chunk->at[guess].clock == clock) /* structs of length 1 */
        a = b = guess;
    while (a < b) {
        uint32_t mid = a + (b - a + 1) / 2;
        if (chunk->at[mid].clock <= clock)
            a = mid;
        else
            b = mid - 1;
    }
    return (struct wf_crdt_place){lo, a};
}

bool wf_crdt__step_right(const struct wf_crdt_client *c, struct wf_crdt_place *io)
{
    if (io->slot + 1 < c->chunks[io->chunk]->n) {
        io->slot++;
        return true;
    }
    if (io->chunk + 1 >= c->n_chunks)
        return false;
    io->chunk++;
    io->slot = 0;
    return true;
}

bool wf_crdt__step_left(const struct wf_crdt_client *c, struct wf_crdt_place *io)
{
    if (io->slot > 0) {
        io->slot--;
        return true;
    }
    if (io->chunk == 0)
        return false;
    io->chunk--;
    io->slot = c->chunks[io->chunk]->n - 1;
    return true;
}

/* An empty chunk at place `at` of the list. */
static int chunk_new(struct wf_crdt_client *c, uint32_t at, uint32_t cap)
{
    struct wf_crdt_chunk *chunk;

    if (wf_reserve(&c->chunks, &c->cap_chunks, c->n_chunks + 1, sizeof(chunk)) != 0 ||
        wf_reserve(&c->firsts, &c->cap_firsts, c->n_chunks + 1, sizeof(*c->firsts)) != 0)
        return WF_E_NOMEM;
    chunk = wf_alloc(sizeof(*chunk) + cap * sizeof(struct wf_crdt_entry));
    if (chunk == NULL)
        return WF_E_NOMEM;
    chunk->n = 0;
    chunk->cap = cap;
    memmove(c->chunks + at + 1, c->chunks + at, (c->n_chunks - at) * sizeof(chunk));
    memmove(c->firsts + at + 1, c->firsts + at, (c->n_chunks - at) * sizeof(*c->firsts));
    c->chunks[at] = chunk;
    c->n_chunks++;
    return 0;
}

int wf_crdt__chunks_make(struct wf_crdt_client *c, uint32_t n)
{
    assert(c->n_chunks == 0);
    while (n > 0) {
        uint32_t part = n < WF_CRDT_CHUNK ? n : WF_CRDT_CHUNK, cap = 4;
        while (cap < part)
            cap *= 2;
        if (chunk_new(c, c->n_chunks, cap) != 0)
            return WF_E_NOMEM;
        c->chunks[c->n_chunks - 1]->n = part;
        n -= part;
    }
    return 0;
}

/* Room for one more entry in chunk i, which is not full. */
static int chunk_grow(struct wf_crdt_client *c, uint32_t i)
{
    struct wf_crdt_chunk *chunk = c->chunks[i], *more;
    uint32_t cap = chunk->cap * 2;

    if (chunk->n < chunk->cap)
        return 0;
    more = wf_realloc_array(chunk, 1, sizeof(*chunk) + cap * sizeof(struct wf_crdt_entry));
    if (more == NULL)
        return WF_E_NOMEM;
    more->cap = cap;
    c->chunks[i] = more;
    return 0;
}

int wf_crdt__put_behind(struct wf_crdt_client *c, struct wf_crdt_place p, struct wf_crdt_entry e)
{
    struct wf_crdt_chunk *chunk = c->chunks[p.chunk], *upper;
    uint32_t at = p.slot + 1;

    if (chunk->n == WF_CRDT_CHUNK) {
        /* At the end a full chunk stays full: lists mostly grow there. */
        bool is_end = p.chunk + 1 == c->n_chunks && at == chunk->n;
        uint32_t keep = is_end ? chunk->n : WF_CRDT_CHUNK / 2;
        if (chunk_new(c, p.chunk + 1, WF_CRDT_CHUNK) != 0)
            return WF_E_NOMEM;
        upper = c->chunks[p.chunk + 1];
        upper->n = chunk->n - keep;
        memcpy(upper->at, chunk->at + keep, upper->n * sizeof(e));
        chunk->n = keep;
        c->firsts[p.chunk + 1] = upper->n > 0 ? upper->at[0].clock : e.clock;
        if (at > keep || is_end) {
            p.chunk++;
            at -= keep;
        }
    } else if (chunk_grow(c, p.chunk) != 0) {
        return WF_E_NOMEM;
    }
    chunk = c->chunks[p.chunk];
    memmove(chunk->at + at + 1, chunk->at + at, (chunk->n - at) * sizeof(e));
    chunk->at[at] = e;
    chunk->n++;
    if (at == 0)
        c->firsts[p.chunk] = e.clock;
    return 0;
}

int wf_crdt__append(struct wf_crdt *d, uint32_t item)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, item);
    struct wf_crdt_client *c = &d->clients[it->client];
    struct wf_crdt_entry e = {it->clock, item};
    struct wf_crdt_place last;

    assert(it->clock == c->next);
    if (c->n_chunks == 0) {
        if (chunk_new(c, 0, 4) != 0)
            return wf_crdt__break(d);
        c->chunks[0]->at[0] = e;
        c->chunks[0]->n = 1;
        c->firsts[0] = e.clock;
    } else {
        last = (struct wf_crdt_place){c->n_chunks - 1, c->chunks[c->n_chunks - 1]->n - 1};
        if (wf_crdt__put_behind(c, last, e) != 0)
            return wf_crdt__break(d);
    }
    c->next += it->len;
    return 0;
}

void wf_crdt__take_out(struct wf_crdt_client *c, struct wf_crdt_place p)
{
    struct wf_crdt_chunk *chunk = c->chunks[p.chunk];

    chunk->n--;
    memmove(chunk->at + p.slot, chunk->at + p.slot + 1,
            (chunk->n - p.slot) * sizeof(struct wf_crdt_entry));
    if (chunk->n == 0) {
        wf_free(chunk);
        c->n_chunks--;
        memmove(c->chunks + p.chunk, c->chunks + p.chunk + 1,
                (c->n_chunks - p.chunk) * sizeof(chunk));
        memmove(c->firsts + p.chunk, c->firsts + p.chunk + 1,
                (c->n_chunks - p.chunk) * sizeof(*c->firsts));
    } else if (p.slot == 0) {
        c->firsts[p.chunk] = chunk->at[0].clock;
    }
}

uint32_t wf_crdt__item_at(struct wf_crdt *d, uint32_t client, uint32_t clock)
{
    struct wf_crdt_client *c = &d->clients[client];

    return clock < c->next ? wf_crdt__at(c, wf_crdt__find(c, clock)) : 0;
}

/* ---- splitting ---- */

int wf_crdt__split(struct wf_crdt *d, uint32_t i, struct wf_crdt_place p, uint32_t at,
                   uint32_t *out)
{
    uint32_t k = wf_crdt__item_new(d);
    struct wf_crdt_item *a = wf_crdt__item(d, i), *b;
    union wf_map_value *v;

    if (k == 0)
        return WF_E_NOMEM;
    assert(at > 0 && at < a->len);
    b = wf_crdt__item(d, k);
    *b = *a;
    b->clock = a->clock + at;
    b->len = a->len - at;
    b->o_client = a->client;
    b->o_clock = b->clock - 1;
    b->left = i;
    if (wf_crdt__content_split(d, a, b, at) != 0 ||
        wf_crdt__put_behind(&d->clients[a->client], p, (struct wf_crdt_entry){b->clock, k}) != 0 ||
        wf_crdt__ids_add(&d->txn->merge, b->client, b->clock) != 0)
        return wf_crdt__break(d);
    a->len = at;
    a->right = k;
    if (b->right == WF_CRDT_FAR)
        ; /* its left one is still its origin */
    else if (b->right != 0)
        wf_crdt__item(d, b->right)->left = k;
    else if (b->sub != 0 && wf_crdt__entry_set(d, b->parent, b->sub, k) != 0)
        return WF_E_NOMEM;
    if ((a->flags & WF_CRDT_F_REDONE) != 0) {
        v = wf_map_get(&d->redone, wf_str_n((const char *)&i, sizeof(i)));
        uint64_t to = v->u64 + at;
        v = wf_map_put(&d->redone, wf_str_n((const char *)&k, sizeof(k)), NULL);
        if (v == NULL)
            return wf_crdt__break(d);
        v->u64 = to;
    }
    if (b->sub == 0 && d->types[b->parent].tree != 0) {
        wf_crdt__tree_change(d, i, -(int64_t)wf_crdt__visible(b));
        if (wf_crdt__tree_insert(d, b->parent, k) != 0)
            return WF_E_NOMEM;
    }
    *out = k;
    return 0;
}

int wf_crdt__clean_start(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out)
{
    struct wf_crdt_client *c = &d->clients[client];
    struct wf_crdt_place p = wf_crdt__find(c, clock);
    uint32_t i = wf_crdt__at(c, p);
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    if (it->kind == WF_CRDT_PACKED) {
        if (wf_crdt__unpack_at(d, client, clock, &i) != 0)
            return WF_E_NOMEM;
        it = wf_crdt__item(d, i);
        p = wf_crdt__find(c, clock);
    }
    *out = i;
    if (it->clock == clock || it->kind == WF_CRDT_GC)
        return 0;
    return wf_crdt__split(d, i, p, clock - it->clock, out);
}

int wf_crdt__clean_end(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out)
{
    struct wf_crdt_client *c = &d->clients[client];
    struct wf_crdt_place p = wf_crdt__find(c, clock);
    uint32_t i = wf_crdt__at(c, p), rest;
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    if (it->kind == WF_CRDT_PACKED) {
        if (wf_crdt__unpack_at(d, client, clock, &i) != 0)
            return WF_E_NOMEM;
        it = wf_crdt__item(d, i);
        p = wf_crdt__find(c, clock);
    }
    *out = i;
    if (it->clock + it->len - 1 == clock || it->kind == WF_CRDT_GC)
        return 0;
    return wf_crdt__split(d, i, p, clock - it->clock + 1, &rest);
}
