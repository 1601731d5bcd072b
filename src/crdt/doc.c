/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: made and freed; their types, roots, keys and the values of maps. Types and entries of
 * maps are named by their place in an array and reused when they are gone; a type's generation
 * tells a stale number from a new one. Entries of all maps stand in one hash table, and each type
 * lists its own in the order in which keys were first set. */
#include "crdt/crdt.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "crdt/crdt_internal.h"

int wf_crdt__break(struct wf_crdt *d)
{
    d->broken = true;
    return WF_E_NOMEM;
}

static int first_ones(struct wf_crdt *d)
{
    /* Number 0 of each kind means none, so one of each is used up. */
    if (wf_reserve(&d->types, &d->cap_types, 4, sizeof(*d->types)) != 0 ||
        wf_reserve(&d->keys, &d->cap_keys, 8, sizeof(*d->keys)) != 0 ||
        wf_reserve(&d->entries, &d->cap_entries, 4, sizeof(*d->entries)) != 0 ||
        wf_reserve(&d->nodes, &d->cap_nodes, 1, sizeof(*d->nodes)) != 0)
        return WF_E_NOMEM;
    memset(d->types, 0, 2 * sizeof(*d->types));
    memset(d->entries, 0, sizeof(*d->entries));
    memset(d->nodes, 0, sizeof(*d->nodes));
    d->keys[0] = WF_STR("");
    d->n_types = 2;
    d->n_keys = d->n_entries = d->n_nodes = 1;
    d->n_items = 1;
    return 0;
}

int wf_crdt__new_bare(const struct wf_crdt_options *o, struct wf_crdt **out)
{
    struct wf_crdt *d;

    if (o->client > WF_LIB0_MAX)
        return WF_E_INVAL;
    d = wf_alloc_array(1, sizeof(*d));
    if (d == NULL)
        return WF_E_NOMEM;
    wf_arena_init(&d->key_bytes, 1024, SIZE_MAX);
    wf_map_init(&d->redone, WF_LIMIT_CRDT_ITEMS);
    wf_buf_init(&d->pending, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&d->pending_deletes, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&d->scratch, WF_LIMIT_CRDT_BYTES);
    d->keep_deleted = o->keep_deleted;
    d->no_cleanup = o->no_cleanup;
    d->pack_always = o->pack_always;
    d->pack_at = o->pack_always ? 0 : WF_CRDT_PACK_AFTER;
    d->on_update = o->on_update;
    d->ud = o->ud;
    if (first_ones(d) != 0) {
        wf_crdt_free(d);
        return WF_E_NOMEM;
    }
    *out = d;
    return 0;
}

int wf_crdt_new(const struct wf_crdt_options *options, struct wf_crdt **out)
{
    static const struct wf_crdt_options none = {0};
    const struct wf_crdt_options *o = options != NULL ? options : &none;
    struct wf_crdt *d = NULL;
    int rc = wf_crdt__new_bare(o, &d);

    if (rc != 0)
        return rc;
    if (wf_crdt__client(d, o->client != 0 ? o->client : 1, &d->self) != 0) {
        wf_crdt_free(d);
        return WF_E_NOMEM;
    }
    *out = d;
    return 0;
}

void wf_crdt_free(struct wf_crdt *d)
{
    if (d == NULL)
        return;
    assert(d->undo == NULL); /* managers are freed before */
    for (size_t i = 0; i < d->n_blocks; i++)
        wf_free(d->blocks[i]);
    for (size_t i = 0; i < d->n_clients; i++)
        wf_crdt__client_deinit(&d->clients[i]);
    for (int i = 0; i < 2; i++) {
        wf_free(d->txns[i].deleted.at);
        wf_free(d->txns[i].merge.at);
        wf_free(d->txns[i].touched);
        wf_free(d->txns[i].changed);
    }
    wf_crdt__pool_free(d);
    wf_arena_deinit(&d->key_bytes);
    wf_free(d->key_slots);
    wf_map_deinit(&d->redone);
    wf_buf_deinit(&d->pending);
    wf_buf_deinit(&d->pending_deletes);
    wf_buf_deinit(&d->scratch);
    wf_free(d->missing.at);
    wf_free(d->blocks);
    wf_free(d->clients);
    wf_free(d->client_slots);
    wf_free(d->types);
    wf_free(d->keys);
    wf_free(d->entries);
    wf_free(d->entry_slots);
    wf_free(d->nodes);
    wf_free(d->stamps);
    wf_free(d);
}

bool wf_crdt_is_broken(const struct wf_crdt *d)
{
    return d->broken;
}

uint64_t wf_crdt_client(const struct wf_crdt *d)
{
    return d->clients[d->self].id;
}

int wf_crdt_set_client(struct wf_crdt *d, uint64_t client)
{
    if (client > WF_LIB0_MAX || d->txn != NULL)
        return WF_E_INVAL;
    if (d->broken || wf_crdt__client(d, client, &d->self) != 0)
        return wf_crdt__break(d);
    d->taken = false;
    return 0;
}

bool wf_crdt_client_taken(const struct wf_crdt *d)
{
    return d->taken;
}

bool wf_crdt_pending(const struct wf_crdt *d)
{
    return d->pending.len > 0 || d->pending_deletes.len > 0;
}

/* ---- types ---- */

struct wf_crdt_type *wf_crdt__type(const struct wf_crdt *d, uint64_t type, uint32_t *out_index)
{
    uint32_t i = (uint32_t)type;

    if (i <= WF_CRDT_ROOTS || i >= d->n_types || !d->types[i].used ||
        d->types[i].generation != (uint32_t)(type >> 32))
        return NULL;
    *out_index = i;
    return &d->types[i];
}

uint64_t wf_crdt__type_number(const struct wf_crdt *d, uint32_t index)
{
    return index == 0 ? 0 : (uint64_t)d->types[index].generation << 32 | index;
}

int wf_crdt__type_new(struct wf_crdt *d, enum wf_crdt_kind kind, uint32_t name, uint32_t *out)
{
    uint32_t i = d->free_type, generation = 0;

    if (i != 0) {
        d->free_type = d->types[i].start;
        generation = d->types[i].generation;
    } else {
        if (wf_reserve(&d->types, &d->cap_types, d->n_types + 1, sizeof(*d->types)) != 0)
            return wf_crdt__break(d);
        i = (uint32_t)d->n_types++;
    }
    d->types[i] = (struct wf_crdt_type){
        .kind = (uint8_t)kind, .used = true, .name = name, .generation = generation};
    *out = i;
    return 0;
}

void wf_crdt__type_free(struct wf_crdt *d, uint32_t type)
{
    struct wf_crdt_type *t = &d->types[type];

    wf_crdt__entries_free(d, type);
    wf_crdt__tree_drop(d, type);
    t->used = false;
    t->generation++;
    t->start = d->free_type;
    d->free_type = type;
}

int wf_crdt__root(struct wf_crdt *d, struct wf_str name, uint32_t *out)
{
    uint32_t key, entry;

    if (wf_crdt__key(d, name, &key) != 0)
        return WF_E_NOMEM;
    entry = wf_crdt__entry(d, WF_CRDT_ROOTS, key);
    if (entry != 0) {
        *out = d->entries[entry].item;
        return 0;
    }
    if (wf_crdt__type_new(d, WF_CRDT_UNTYPED, key, out) != 0)
        return WF_E_NOMEM;
    return wf_crdt__entry_set(d, WF_CRDT_ROOTS, key, *out);
}

int wf_crdt_root(struct wf_crdt *d, struct wf_str name, enum wf_crdt_kind kind, uint64_t *out)
{
    uint32_t i;

    if (d->broken || wf_crdt__root(d, name, &i) != 0)
        return WF_E_NOMEM;
    if (d->types[i].kind == WF_CRDT_UNTYPED)
        d->types[i].kind = (uint8_t)kind;
    if (d->types[i].kind != kind && kind != WF_CRDT_UNTYPED)
        return WF_E_EXIST;
    *out = wf_crdt__type_number(d, i);
    return 0;
}

bool wf_crdt_root_next(const struct wf_crdt *d, size_t *io_i, struct wf_str *out_name,
                       uint64_t *out_type)
{
    size_t i = *io_i > WF_CRDT_ROOTS ? *io_i : WF_CRDT_ROOTS + 1;

    while (i < d->n_types && (!d->types[i].used || d->types[i].item != 0))
        i++;
    *io_i = i + 1;
    if (i >= d->n_types)
        return false;
    *out_name = d->keys[d->types[i].name];
    *out_type = wf_crdt__type_number(d, (uint32_t)i);
    return true;
}

uint64_t wf_crdt_type_at(const struct wf_crdt *d, uint64_t client, uint32_t clock)
{
    uint32_t c = wf_crdt__client_find(d, client);
    const struct wf_crdt_item *it;

    if (c == WF_CRDT_NONE || clock >= d->clients[c].next)
        return 0;
    it = wf_crdt__item(d, wf_crdt__at(&d->clients[c], wf_crdt__find(&d->clients[c], clock)));
    return it->kind == WF_CRDT_TYPE ? wf_crdt__type_number(d, it->type) : 0;
}

enum wf_crdt_kind wf_crdt_type_kind(const struct wf_crdt *d, uint64_t type)
{
    uint32_t i;
    const struct wf_crdt_type *t = wf_crdt__type(d, type, &i);

    return t == NULL ? WF_CRDT_UNTYPED : (enum wf_crdt_kind)t->kind;
}

uint32_t wf_crdt_length(const struct wf_crdt *d, uint64_t type)
{
    uint32_t i;
    const struct wf_crdt_type *t = wf_crdt__type(d, type, &i);

    return t == NULL ? 0 : t->length;
}

/* ---- keys, and the values of maps ---- */

static size_t key_slot(const struct wf_crdt *d, struct wf_str key)
{
    size_t i = (size_t)wf_str_hash(key, d->key_seed) & (d->n_key_slots - 1);

    while (d->key_slots[i] != 0 && !wf_str_eq(d->keys[d->key_slots[i]], key))
        i = (i + 1) & (d->n_key_slots - 1);
    return i;
}

static int key_slots_make(struct wf_crdt *d, size_t n)
{
    uint32_t *slots = wf_alloc_array(n, sizeof(*slots));

    if (slots == NULL)
        return wf_crdt__break(d);
    if (d->key_slots == NULL)
        d->key_seed = wf_rng_u64(NULL);
    wf_free(d->key_slots);
    d->key_slots = slots;
    d->n_key_slots = n;
    for (uint32_t i = 1; i < d->n_keys; i++)
        slots[key_slot(d, d->keys[i])] = i;
    return 0;
}

static int keys_grow(struct wf_crdt *d)
{
    if (wf_reserve(&d->keys, &d->cap_keys, d->n_keys + 1, sizeof(*d->keys)) != 0)
        return wf_crdt__break(d);
    if (d->n_keys * 4 < d->n_key_slots * 3)
        return 0;
    return key_slots_make(d, d->n_key_slots == 0 ? 16 : d->n_key_slots * 2);
}

int wf_crdt__key(struct wf_crdt *d, struct wf_str key, uint32_t *out)
{
    struct wf_str copy;
    size_t i;

    if (keys_grow(d) != 0)
        return WF_E_NOMEM;
    i = key_slot(d, key);
    if (d->key_slots[i] == 0) {
        copy = wf_arena_dup(&d->key_bytes, key);
        if (copy.ptr == NULL)
            return wf_crdt__break(d);
        d->keys[d->n_keys] = copy;
        d->key_slots[i] = (uint32_t)d->n_keys++;
    }
    *out = d->key_slots[i];
    return 0;
}

static size_t entry_slot(const struct wf_crdt *d, uint32_t type, uint32_t key)
{
    uint64_t h = ((uint64_t)type << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(h >> 32) & (d->n_entry_slots - 1);

    while (d->entry_slots[i] != 0) {
        const struct wf_crdt_map_entry *e = &d->entries[d->entry_slots[i]];
        if (e->type == type && e->key == key)
            break;
        i = (i + 1) & (d->n_entry_slots - 1);
    }
    return i;
}

uint32_t wf_crdt__entry(const struct wf_crdt *d, uint32_t type, uint32_t key)
{
    return d->n_entry_slots == 0 ? 0 : d->entry_slots[entry_slot(d, type, key)];
}

/* Makes room for one more; entries of freed types leave the table here. */
static int entries_grow(struct wf_crdt *d)
{
    size_t n_live = 0, n = 16;
    uint32_t *slots;

    if (d->n_entry_used * 4 < d->n_entry_slots * 3)
        return 0;
    for (size_t i = 1; i < d->n_entries; i++)
        n_live += d->entries[i].type != 0;
    while (n < n_live * 2 + 2)
        n *= 2;
    slots = wf_alloc_array(n, sizeof(*slots));
    if (slots == NULL)
        return wf_crdt__break(d);
    wf_free(d->entry_slots);
    d->entry_slots = slots;
    d->n_entry_slots = n;
    d->n_entry_used = n_live;
    d->free_entry = 0;
    for (uint32_t i = 1; i < d->n_entries; i++) {
        struct wf_crdt_map_entry *e = &d->entries[i];
        if (e->type != 0) {
            slots[entry_slot(d, e->type, e->key)] = i;
        } else {
            e->next = d->free_entry;
            d->free_entry = i;
        }
    }
    return 0;
}

int wf_crdt__names_make(struct wf_crdt *d, size_t n_keys, size_t n_entries)
{
    size_t n_key_slots = 16, n_entry_slots = 16;

    assert(d->n_keys == 1 && d->n_entries == 1);
    while ((n_keys + 2) * 4 > n_key_slots * 3)
        n_key_slots *= 2;
    while ((n_entries + 2) * 4 > n_entry_slots * 3)
        n_entry_slots *= 2;
    d->entry_slots = wf_alloc_array(n_entry_slots, sizeof(*d->entry_slots));
    if (d->entry_slots == NULL)
        return wf_crdt__break(d);
    d->n_entry_slots = n_entry_slots;
    return key_slots_make(d, n_key_slots);
}

int wf_crdt__entry_set(struct wf_crdt *d, uint32_t type, uint32_t key, uint32_t item)
{
    struct wf_crdt_type *t = &d->types[type];
    uint32_t i = d->last_entry;

    if (d->entries[i].type != type || d->entries[i].key != key)
        i = wf_crdt__entry(d, type, key);
    if (i != 0) {
        d->entries[i].item = item;
        return 0;
    }
    if (entries_grow(d) != 0)
        return WF_E_NOMEM;
    i = d->free_entry;
    if (i != 0) {
        d->free_entry = d->entries[i].next;
    } else {
        if (wf_reserve(&d->entries, &d->cap_entries, d->n_entries + 1, sizeof(*d->entries)) != 0)
            return wf_crdt__break(d);
        i = (uint32_t)d->n_entries++;
    }
    d->entries[i] = (struct wf_crdt_map_entry){.type = type, .key = key, .item = item};
    d->entry_slots[entry_slot(d, type, key)] = i;
    d->n_entry_used++;
    if (t->last_entry != 0)
        d->entries[t->last_entry].next = i;
    else
        t->first_entry = i;
    t->last_entry = i;
    return 0;
}

void wf_crdt__entries_free(struct wf_crdt *d, uint32_t type)
{
    struct wf_crdt_type *t = &d->types[type];

    /* They stay in the table, and out of the free list, until it is made anew: others may have been
     * put behind them. */
    for (uint32_t i = t->first_entry, next; i != 0; i = next) {
        next = d->entries[i].next;
        d->entries[i].type = 0;
    }
    t->first_entry = t->last_entry = 0;
}

void wf_crdt__discard(struct wf_crdt *d, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);

    if (it->kind == WF_CRDT_TYPE && it->type != 0)
        wf_crdt__type_free(d, it->type);
    else if (wf_crdt__has_data(it) && (it->flags & WF_CRDT_F_BORROWED) == 0)
        wf_crdt__pool_drop(d, it->bytes);
    wf_crdt__item_free(d, i);
}

struct wf_crdt_stats wf_crdt_stats(const struct wf_crdt *d)
{
    struct wf_crdt_stats s = {.n_items = d->live_items, .text_bytes = d->pool_bytes - d->pool_dead};

    s.resident_bytes =
        sizeof(*d) + (d->n_blocks - d->n_holes) * WF_CRDT_BLOCK * sizeof(struct wf_crdt_item) +
        d->cap_clients * sizeof(*d->clients) + d->n_client_slots * 4 +
        d->cap_types * sizeof(*d->types) + d->cap_keys * sizeof(*d->keys) +
        d->key_bytes._total_bytes + d->n_key_slots * 4 + d->cap_entries * sizeof(*d->entries) +
        d->n_entry_slots * 4 + d->cap_nodes * sizeof(*d->nodes) + d->cap_stamps * 4 +
        d->scratch._cap + d->pending._cap + d->pending_deletes._cap;
    for (const struct wf_crdt_pool_block *b = d->pool; b != NULL; b = b->next)
        s.resident_bytes += sizeof(*b) + b->size;
    for (size_t c = 0; c < d->n_clients; c++) {
        s.n_clients += d->clients[c].next > 0;
        s.resident_bytes += (d->clients[c].cap_chunks + d->clients[c].cap_firsts) * 8;
        for (uint32_t k = 0; k < d->clients[c].n_chunks; k++)
            s.resident_bytes += sizeof(struct wf_crdt_chunk) +
                                d->clients[c].chunks[k]->cap * sizeof(struct wf_crdt_entry);
    }
    return s;
}
