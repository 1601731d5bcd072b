/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of a text being summarized: counts of stems, in bounded memory.
 *
 * The idea: a stem is its 64-bit hash (a collision among 100,000 is a one in four billion chance
 * and would cost a little weight), so that an entry is 16 bytes in parallel arrays. When the table
 * is full, the pool drops rare stems that no candidate holds (summarize_pool.c); what still finds
 * no room counts as a word that occurs once.
 *
 * Invariants: (1) index holds every entry once and is at most half full; (2) entries are dense. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "skill/summarize_internal.h"

#define CAP_FIRST 1024u

void wf_summarize__terms_deinit(struct wf_sum_terms *t)
{
    wf_free(t->hash);
    wf_free(t->tf);
    wf_free(t->df);
    wf_free(t->index);
    *t = (struct wf_sum_terms){0};
}

/* The index's slot of `hash`, or the free one where it belongs. */
static uint32_t *slot_of(const struct wf_sum_terms *t, uint64_t hash)
{
    uint32_t mask = t->n_index - 1;
    uint32_t i = (uint32_t)(hash >> 17) & mask;
    while (t->index[i] != 0 && t->hash[t->index[i] - 1] != hash)
        i = (i + 1) & mask;
    return &t->index[i];
}

static void reindex(struct wf_sum_terms *t)
{
    memset(t->index, 0, t->n_index * sizeof *t->index);
    for (uint32_t id = 0; id < t->n; id++)
        *slot_of(t, t->hash[id]) = id + 1;
}

static int grow(struct wf_sum_terms *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : CAP_FIRST;
    uint32_t *index = wf_alloc_array((size_t)cap * 2, sizeof *index);
    uint64_t *hash = wf_realloc_array(t->hash, cap, sizeof *hash);
    t->hash = hash ? hash : t->hash;
    uint32_t *tf = wf_realloc_array(t->tf, cap, sizeof *tf);
    t->tf = tf ? tf : t->tf;
    uint32_t *df = wf_realloc_array(t->df, cap, sizeof *df);
    t->df = df ? df : t->df;
    if (!index || !hash || !tf || !df) {
        wf_free(index);
        return WF_E_NOMEM;
    }
    wf_free(t->index);
    t->index = index;
    t->n_index = cap * 2;
    t->cap = cap;
    reindex(t);
    return 0;
}

int wf_summarize__terms_add(struct wf_sum_terms *t, uint64_t hash, uint32_t *out_id)
{
    if (t->n_index > 0) {
        uint32_t found = *slot_of(t, hash);
        if (found != 0) {
            *out_id = found - 1;
            return 0;
        }
    }
    if (t->n >= WF_SUM_TERMS_MAX) {
        *out_id = WF_SUM_NO_TERM;
        return 0;
    }
    if (t->n == t->cap) {
        int r = grow(t);
        if (r != 0)
            return r;
    }
    uint32_t id = t->n++;
    assert(id < t->cap);
    *slot_of(t, hash) = id + 1;
    t->hash[id] = hash;
    t->tf[id] = t->df[id] = 0;
    *out_id = id;
    return 0;
}

void wf_summarize__terms_prune(struct wf_sum_terms *t, const bool *keep, uint32_t *map)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < t->n; id++) {
        map[id] = keep[id] ? n : WF_SUM_NO_TERM;
        if (!keep[id])
            continue;
        t->hash[n] = t->hash[id];
        t->tf[n] = t->tf[id];
        t->df[n] = t->df[id];
        n++;
    }
    t->n = n;
    if (t->n_index > 0)
        reindex(t);
}
