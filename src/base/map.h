/* Map: hash table from bytes to a 64-bit value or pointer, keys copied.
 *
 * Open addressing with linear probing, seeded per map so that outsiders cannot aim collisions.
 * Pointers to values are valid until the next put or remove. Thread rule: owner. */
#ifndef WF_BASE_MAP_H
#define WF_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/str.h"

union wf_map_value {
    uint64_t u64;
    void *ptr;
};

struct wf_map_slot {
    const char *_key; /* NULL: the slot is free */
    uint32_t _key_bytes;
    uint32_t _hash;
    union wf_map_value _value;
};

struct wf_map {
    struct wf_map_slot *_slots; /* NULL until the first set */
    size_t _n_slots;            /* 0 or a power of two */
    size_t n_items;             /* keys present */
    size_t _n_items_max;        /* the most there may be */
    uint64_t _seed;
    struct wf_arena _keys; /* copies of the keys */
};

/* An empty map for at most n_items_max keys. Allocates nothing. */
void wf_map_init(struct wf_map *m, size_t n_items_max);
/* Frees all. The values are the caller's. Safe to call twice. */
void wf_map_deinit(struct wf_map *m);
/* Forgets all keys, keeps the table. */
void wf_map_reset(struct wf_map *m);

/* The value of `key`, or NULL. */
union wf_map_value *wf_map_get(const struct wf_map *m, struct wf_str key);

/* The value of `key`, inserted as zero when absent (then *out_is_new, which may be NULL, is true).
 * NULL when memory or the maximum is exhausted, or the key is of 4 GiB. */
union wf_map_value *wf_map_put(struct wf_map *m, struct wf_str key, bool *out_is_new) WF_MUST_USE;

/* Removes `key`; false when it was absent. The key's copy stays until reset. */
bool wf_map_remove(struct wf_map *m, struct wf_str key);

/* Walks all entries: start with *io_i = 0; false at the end. No put or remove between calls. The
 * order differs from run to run (the seed does): sort what is shown or sent. out_key and out_value
 * may be NULL. */
bool wf_map_next(const struct wf_map *m, size_t *io_i, struct wf_str *out_key,
                 union wf_map_value *out_value);

#endif
