/* SPDX-License-Identifier: Apache-2.0 */
/* Map: open addressing, linear probing, at most three quarters full.
 *
 * A slot keeps half of the key's hash, so that growing and most misses never touch a key, and is of
 * 24 bytes, since what large tables cost is memory that is touched first. Removing moves
 * the slots behind it back (no tombstones), so that a table that lives long stays as fast as a
 * new one. Invariants: (1) _n_slots is 0 or a power of two; (2) at least one slot is free, so every
 * probe ends; (3) between a key's home slot and its slot no slot is free. The seed is drawn at the
 * first put from the system's generator: who sends keys cannot know which ones collide. */
#include "base/map.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/rng.h"

#define FIRST_SLOTS 16
/* Normal block of the keys' arena. */
#define KEY_BLOCK_BYTES ((size_t)64 << 10)

void wf_map_init(struct wf_map *m, size_t n_items_max)
{
    *m = (struct wf_map){._n_items_max = n_items_max};
    wf_arena_init(&m->_keys, KEY_BLOCK_BYTES, SIZE_MAX);
}

void wf_map_deinit(struct wf_map *m)
{
    wf_free(m->_slots);
    wf_arena_deinit(&m->_keys);
    wf_map_init(m, m->_n_items_max);
}

void wf_map_reset(struct wf_map *m)
{
    for (size_t i = 0; i < m->_n_slots; i++)
        m->_slots[i] = (struct wf_map_slot){0};
    m->n_items = 0;
    wf_arena_reset(&m->_keys);
}

static struct wf_str key_of(const struct wf_map_slot *slot)
{
    return (struct wf_str){slot->_key, slot->_key_bytes};
}

static uint32_t hash_of(const struct wf_map *m, struct wf_str key)
{
    return (uint32_t)wf_str_hash(key, m->_seed);
}

/* The slot of `key`, or the free one where it belongs. The table exists. */
static size_t find_slot(const struct wf_map *m, struct wf_str key, uint32_t hash)
{
    assert(m->n_items < m->_n_slots);
    size_t mask = m->_n_slots - 1;
    size_t i = hash & mask;
    while (m->_slots[i]._key) {
        if (m->_slots[i]._hash == hash && wf_str_eq(key_of(&m->_slots[i]), key))
            break;
        i = (i + 1) & mask;
    }
    return i;
}

union wf_map_value *wf_map_get(const struct wf_map *m, struct wf_str key)
{
    if (m->n_items == 0)
        return NULL;
    size_t i = find_slot(m, key, hash_of(m, key));
    return m->_slots[i]._key ? &m->_slots[i]._value : NULL;
}

/* Makes room for one more key. False when memory ran out; the table is then as before. */
static bool grow(struct wf_map *m)
{
    assert((m->_slots == NULL) == (m->_n_slots == 0));
    if (m->_n_slots > 0 && m->n_items + 1 <= m->_n_slots - m->_n_slots / 4)
        return true;
    size_t n = m->_n_slots ? m->_n_slots * 2 : FIRST_SLOTS;
    if (n > (size_t)UINT32_MAX)
        return false; /* the hashes would not reach further */
    struct wf_map_slot *slots = wf_alloc_array(n, sizeof(*slots));
    if (!slots)
        return false;
    if (!m->_slots)
        m->_seed = wf_rng_u64(NULL);
    for (size_t i = 0; i < m->_n_slots; i++) {
        if (!m->_slots[i]._key)
            continue;
        size_t to = m->_slots[i]._hash & (n - 1);
        while (slots[to]._key)
            to = (to + 1) & (n - 1);
        slots[to] = m->_slots[i];
    }
    wf_free(m->_slots);
    m->_slots = slots;
    m->_n_slots = n;
    return true;
}

union wf_map_value *wf_map_put(struct wf_map *m, struct wf_str key, bool *out_is_new)
{
    union wf_map_value *value = wf_map_get(m, key);
    if (value) {
        if (out_is_new)
            *out_is_new = false;
        return value;
    }
    if (m->n_items >= m->_n_items_max || key.len > UINT32_MAX || !grow(m))
        return NULL;
    uint32_t hash = hash_of(m, key);
    struct wf_str copy = wf_arena_dup(&m->_keys, key);
    if (!copy.ptr)
        return NULL;
    size_t i = find_slot(m, key, hash);
    assert(!m->_slots[i]._key);
    m->_slots[i] =
        (struct wf_map_slot){._key = copy.ptr, ._key_bytes = (uint32_t)copy.len, ._hash = hash};
    m->n_items++;
    if (out_is_new)
        *out_is_new = true;
    return &m->_slots[i]._value;
}

bool wf_map_remove(struct wf_map *m, struct wf_str key)
{
    if (m->n_items == 0)
        return false;
    size_t hole = find_slot(m, key, hash_of(m, key));
    if (!m->_slots[hole]._key)
        return false;
    size_t mask = m->_n_slots - 1;
    for (size_t i = (hole + 1) & mask; m->_slots[i]._key; i = (i + 1) & mask) {
        /* It may move back into the hole when its home is not behind the hole (invariant 3). */
        size_t home = m->_slots[i]._hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->_slots[hole] = m->_slots[i];
            hole = i;
        }
    }
    m->_slots[hole] = (struct wf_map_slot){0};
    m->n_items--;
    return true;
}

bool wf_map_next(const struct wf_map *m, size_t *io_i, struct wf_str *out_key,
                 union wf_map_value *out_value)
{
    while (*io_i < m->_n_slots) {
        const struct wf_map_slot *slot = &m->_slots[(*io_i)++];
        if (!slot->_key)
            continue;
        if (out_key)
            *out_key = key_of(slot);
        if (out_value)
            *out_value = slot->_value;
        return true;
    }
    return false;
}
