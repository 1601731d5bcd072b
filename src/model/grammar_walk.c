/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a grammar byte by byte: the places where a text may be, as numbered states.
 *
 * A place is a node, what is left of its rule's count, and a frame: where to go on behind the rule,
 * and the frame of that. Frames and states are remembered and shared, so that equal situations have
 * equal numbers, and a step taken once is a look into a table. Places from which no way leads to
 * the end are dropped at once: a state that lives can always be finished. Calls at a rule's end
 * leave no frame. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/grammar_internal.h"

#define UNKNOWN WF_G_NONE

void wf_walker_init(struct wf_walker *w, const struct wf_grammar *g, const uint32_t *dist,
                    const uint32_t *need)
{
    memset(w, 0, sizeof(*w));
    w->g = g;
    w->dist = dist;
    w->need = need;
}

static void drop_tables(struct wf_walker *w)
{
    for (size_t i = 0; i < w->n_states; i++)
        wf_free(w->states[i].next);
    w->n_states = w->n_frames = w->n_configs = 0;
    w->bytes = 0;
}

void wf_walker_deinit(struct wf_walker *w)
{
    drop_tables(w);
    wf_free(w->frames);
    wf_free(w->states);
    wf_free(w->configs);
    wf_free(w->frame_slots);
    wf_free(w->state_slots);
    wf_free(w->seen);
    wf_free(w->seen_slots);
    memset(w, 0, sizeof(*w));
}

int wf_walker_error(int rc, struct wf_err *err)
{
    if (rc == WF_E_LIMIT)
        return wf_err_set(err, rc, "The grammar is too ambiguous: a text has over %u readings.",
                          WF_LIMIT_GRAMMAR_PLACES);
    return wf_err_set(err, rc, "Not enough memory for a grammar's state.");
}

bool wf_walker_is_full(const struct wf_walker *w)
{
    return w->bytes + w->n_configs * sizeof(*w->configs) + w->n_states * sizeof(*w->states) +
               w->n_frames * sizeof(*w->frames) >
           WF_LIMIT_GRAMMAR_WALK_BYTES;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* ---- frames ---- */

static size_t frame_slot(const struct wf_walker *w, uint32_t node, uint32_t parent)
{
    size_t mask = w->n_frame_slots - 1;
    size_t i = (size_t)mix(mix(1, node), parent) & mask;

    while (w->frame_slots[i] != UNKNOWN) {
        const struct wf_g_frame *f = &w->frames[w->frame_slots[i]];
        if (f->node == node && f->parent == parent)
            break;
        i = (i + 1) & mask;
    }
    return i;
}

/* Room for one more in a table of slots; `count` are in it. Returns NULL when it is as it was and
 * has no room. *io_grown: it is new and empty. */
static uint32_t *more_slots(uint32_t *slots, size_t *n_slots, size_t count, bool *out_grown)
{
    size_t n = *n_slots > 0 ? *n_slots : 64;
    uint32_t *p;

    *out_grown = false;
    if (slots != NULL && 2 * (count + 1) <= n)
        return slots;
    while (2 * (count + 1) > n || (slots != NULL && n == *n_slots))
        n *= 2;
    p = wf_alloc_array(n, sizeof(*p));
    if (p == NULL)
        return NULL;
    memset(p, 0xff, n * sizeof(*p));
    wf_free(slots);
    *n_slots = n;
    *out_grown = true;
    return p;
}

static int room_for_frame(struct wf_walker *w)
{
    bool grown;
    uint32_t *slots = more_slots(w->frame_slots, &w->n_frame_slots, w->n_frames, &grown);
    struct wf_g_frame *p;

    if (slots == NULL)
        return WF_E_NOMEM;
    w->frame_slots = slots;
    for (uint32_t i = 1; grown && i < w->n_frames; i++)
        slots[frame_slot(w, w->frames[i].node, w->frames[i].parent)] = i;
    p = wf_g__grow(w->frames, &w->cap_frames, w->n_frames + 2, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    w->frames = p;
    if (w->n_frames == 0)
        p[w->n_frames++] = (struct wf_g_frame){.node = WF_G_NONE};
    return 0;
}

static int intern_frame(struct wf_walker *w, uint32_t node, uint32_t parent, uint32_t *out)
{
    int rc = room_for_frame(w);
    size_t slot;

    if (rc != 0)
        return rc;
    slot = frame_slot(w, node, parent);
    if (w->frame_slots[slot] == UNKNOWN) {
        const struct wf_g_frame *up = &w->frames[parent];
        uint64_t dist = (uint64_t)w->dist[node] + up->dist;
        w->frames[w->n_frames] =
            (struct wf_g_frame){.node = node,
                                .parent = parent,
                                .dist = dist < WF_G_NONE ? (uint32_t)dist : WF_G_NONE - 1,
                                .depth = up->depth + 1};
        w->frame_slots[slot] = (uint32_t)w->n_frames++;
    }
    *out = w->frame_slots[slot];
    return 0;
}

/* ---- the state in the making ---- */

static bool same_config(const struct wf_g_config *a, const struct wf_g_config *b)
{
    return a->node == b->node && a->count == b->count && a->frame == b->frame;
}

static uint64_t hash_config(const struct wf_g_config *c)
{
    return mix(mix(mix(7, c->node), c->count), c->frame);
}

static size_t seen_slot(const struct wf_walker *w, const struct wf_g_config *c)
{
    size_t mask = w->n_seen_slots - 1, i = (size_t)hash_config(c) & mask;

    while (w->seen_slots[i] != UNKNOWN && !same_config(&w->seen[w->seen_slots[i]], c))
        i = (i + 1) & mask;
    return i;
}

/* Adds a place, unless it is there or nothing can come of it. LIMIT: there are too many. */
static int see(struct wf_walker *w, struct wf_g_config c)
{
    bool grown;
    uint32_t *slots;
    struct wf_g_config *p;
    size_t slot;

    if (w->dist[c.node] == WF_G_NONE)
        return 0;
    slots = more_slots(w->seen_slots, &w->n_seen_slots, w->n_seen, &grown);
    if (slots == NULL)
        return WF_E_NOMEM;
    w->seen_slots = slots;
    for (uint32_t i = 0; grown && i < w->n_seen; i++)
        slots[seen_slot(w, &w->seen[i])] = i;
    slot = seen_slot(w, &c);
    if (slots[slot] != UNKNOWN)
        return 0;
    if (w->n_seen >= WF_LIMIT_GRAMMAR_PLACES)
        return WF_E_LIMIT;
    p = wf_g__grow(w->seen, &w->cap_seen, w->n_seen + 1, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    w->seen = p;
    slots[slot] = (uint32_t)w->n_seen;
    p[w->n_seen++] = c;
    return 0;
}

static int see_call(struct wf_walker *w, const struct wf_g_call *call, uint32_t frame)
{
    const struct wf_grammar *g = w->g;
    const struct wf_g_rule *rule = &g->rules[call->rule];
    const struct wf_g_node *to = &g->nodes[call->to];
    int rc = 0;

    if (rule->start == WF_G_NONE || w->dist[rule->start] == WF_G_NONE ||
        w->dist[call->to] == WF_G_NONE)
        return 0;
    if (!to->is_final || to->n_edges > 0 || to->n_calls > 0)
        rc = intern_frame(w, call->to, frame, &frame);
    if (rc != 0)
        return rc;
    return see(w, (struct wf_g_config){.node = rule->start, .count = rule->max, .frame = frame});
}

/* All that is reached from the places seen without a byte. */
static int see_all(struct wf_walker *w)
{
    int rc = 0;

    for (size_t i = 0; i < w->n_seen && rc == 0; i++) {
        struct wf_g_config c = w->seen[i];
        const struct wf_g_node *node = &w->g->nodes[c.node];
        for (uint32_t k = node->calls; k < node->calls + node->n_calls && rc == 0; k++)
            rc = see_call(w, &w->g->calls[k], c.frame);
        if (!node->is_final || rc != 0)
            continue;
        if (c.frame == 0)
            w->ends = true;
        else
            rc = see(w, (struct wf_g_config){.node = w->frames[c.frame].node,
                                             .frame = w->frames[c.frame].parent});
    }
    return rc;
}

static void begin(struct wf_walker *w)
{
    w->n_seen = 0;
    w->ends = false;
    if (w->seen_slots != NULL)
        memset(w->seen_slots, 0xff, w->n_seen_slots * sizeof(*w->seen_slots));
}

static int compare_configs(const void *a, const void *b)
{
    const struct wf_g_config *x = a, *y = b;

    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return x->count < y->count ? -1 : x->count > y->count;
}

/* Drops places that take no byte, and sorts, so that equal states look equal. */
static void tidy_up(struct wf_walker *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_seen; i++) {
        if (w->g->nodes[w->seen[i].node].n_edges > 0)
            w->seen[n++] = w->seen[i];
    }
    w->n_seen = n;
    if (n > 1)
        qsort(w->seen, n, sizeof(*w->seen), compare_configs);
}

/* ---- states ---- */

static uint64_t hash_seen(const struct wf_walker *w)
{
    uint64_t h = w->ends ? 3 : 2;

    for (size_t i = 0; i < w->n_seen; i++)
        h = mix(h, hash_config(&w->seen[i]));
    return h;
}

static bool is_seen(const struct wf_walker *w, const struct wf_g_state *s)
{
    return s->ends == w->ends && s->n_configs == w->n_seen &&
           (w->n_seen == 0 ||
            memcmp(&w->configs[s->configs], w->seen, w->n_seen * sizeof(*w->seen)) == 0);
}

static size_t state_slot(const struct wf_walker *w)
{
    size_t mask = w->n_state_slots - 1, i = (size_t)hash_seen(w) & mask;

    while (w->state_slots[i] != UNKNOWN && !is_seen(w, &w->states[w->state_slots[i]]))
        i = (i + 1) & mask;
    return i;
}

static uint64_t hash_state(const struct wf_walker *w, const struct wf_g_state *s)
{
    uint64_t h = s->ends ? 3 : 2;

    for (uint32_t i = 0; i < s->n_configs; i++)
        h = mix(h, hash_config(&w->configs[s->configs + i]));
    return h;
}

static int room_for_state(struct wf_walker *w)
{
    bool grown;
    uint32_t *slots = more_slots(w->state_slots, &w->n_state_slots, w->n_states, &grown);
    void *p;

    if (slots == NULL)
        return WF_E_NOMEM;
    w->state_slots = slots;
    for (uint32_t i = 1; grown && i < w->n_states; i++) {
        size_t at = (size_t)hash_state(w, &w->states[i]) & (w->n_state_slots - 1);
        while (slots[at] != UNKNOWN)
            at = (at + 1) & (w->n_state_slots - 1);
        slots[at] = i;
    }
    p = wf_g__grow(w->states, &w->cap_states, w->n_states + 2, sizeof(*w->states));
    if (p == NULL)
        return WF_E_NOMEM;
    w->states = p;
    p = wf_g__grow(w->configs, &w->cap_configs, w->n_configs + w->n_seen + 1, sizeof(*w->configs));
    if (p == NULL)
        return WF_E_NOMEM;
    w->configs = p;
    if (w->n_states == 0) {
        memset(&w->states[0], 0, sizeof(*w->states));
        w->states[w->n_states++].dist = WF_G_NONE;
    }
    return 0;
}

static void add_state(struct wf_walker *w)
{
    struct wf_g_state *s = &w->states[w->n_states++];

    memset(s, 0, sizeof(*s));
    s->configs = (uint32_t)w->n_configs;
    s->n_configs = (uint32_t)w->n_seen;
    s->ends = w->ends;
    s->dist = WF_G_NONE;
    for (size_t i = 0; i < w->n_seen; i++) {
        const struct wf_g_frame *f = &w->frames[w->seen[i].frame];
        uint64_t dist = (uint64_t)w->dist[w->seen[i].node] + f->dist;
        if (dist < s->dist)
            s->dist = (uint32_t)dist;
        s->depth = WF_MAX(s->depth, f->depth);
        w->configs[w->n_configs++] = w->seen[i];
    }
}

/* The number of the state of the places seen. */
static int intern_seen(struct wf_walker *w, uint32_t *out)
{
    size_t slot;
    int rc;

    tidy_up(w);
    rc = room_for_state(w);
    if (rc != 0)
        return rc;
    *out = 0;
    if (w->n_seen == 0 && !w->ends)
        return 0;
    slot = state_slot(w);
    if (w->state_slots[slot] == UNKNOWN) {
        w->state_slots[slot] = (uint32_t)w->n_states;
        add_state(w);
    }
    *out = w->state_slots[slot];
    return 0;
}

/* The number of the state in the making, with all that is reached without a byte. */
static int finish(struct wf_walker *w, uint32_t *out)
{
    int rc = see_all(w);

    return rc == 0 ? intern_seen(w, out) : rc;
}

/* One place and all that is reached from it. */
static int from_config(struct wf_walker *w, struct wf_g_config c, uint32_t *out)
{
    int rc = room_for_frame(w);

    begin(w);
    if (rc == 0)
        rc = see(w, c);
    return rc == 0 ? finish(w, out) : rc;
}

int wf_walker_start(struct wf_walker *w, uint32_t rule, uint32_t *out)
{
    const struct wf_g_rule *r = &w->g->rules[rule];

    return from_config(w, (struct wf_g_config){.node = r->start, .count = r->max}, out);
}

int wf_walker_at_edges(struct wf_walker *w, uint32_t node, uint32_t *out)
{
    int rc = room_for_frame(w);

    begin(w);
    if (rc == 0)
        rc = see(w, (struct wf_g_config){.node = node});
    return rc == 0 ? intern_seen(w, out) : rc;
}

int wf_walker_behind(struct wf_walker *w, uint32_t frame, uint32_t *out)
{
    const struct wf_g_frame f = w->frames[frame];

    if (frame != 0)
        return from_config(w, (struct wf_g_config){.node = f.node, .frame = f.parent}, out);
    begin(w);
    w->ends = true;
    return finish(w, out);
}

/* Takes one byte from one place. */
static int take(struct wf_walker *w, const struct wf_g_config *c, uint8_t byte)
{
    const struct wf_g_node *node = &w->g->nodes[c->node];
    int rc = 0;

    for (uint32_t k = node->edges; k < node->edges + node->n_edges && rc == 0; k++) {
        const struct wf_g_edge *e = &w->g->edges[k];
        struct wf_g_config to = {.node = e->to, .count = c->count, .frame = c->frame};
        if (byte < e->lo || byte > e->hi)
            continue;
        if (w->g->rules[node->rule].max > 0) {
            uint32_t cost = w->g->nodes[e->to].counts ? 1 : 0;
            if (to.count < cost || to.count - cost < w->need[e->to])
                continue;
            to.count -= cost;
        }
        rc = see(w, to);
    }
    return rc;
}

int wf_walker_step(struct wf_walker *w, uint32_t state, uint8_t byte, uint32_t *out)
{
    struct wf_g_state *s = &w->states[state];
    uint32_t first = s->configs, n = s->n_configs, to = 0;
    int rc = 0;

    if (s->next == NULL) {
        s->next = wf_alloc_array(256, sizeof(*s->next));
        if (s->next == NULL)
            return WF_E_NOMEM;
        memset(s->next, 0xff, 256 * sizeof(*s->next));
        w->bytes += 256 * sizeof(*s->next);
    }
    if (s->next[byte] != UNKNOWN) {
        *out = s->next[byte];
        return 0;
    }
    begin(w);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct wf_g_config c = w->configs[first + i];
        rc = take(w, &c, byte);
    }
    if (rc == 0)
        rc = finish(w, &to);
    if (rc != 0)
        return rc;
    w->states[state].next[byte] = to;
    *out = to;
    return 0;
}

/* ---- forgetting ---- */

/* The frames of a config in `old`, made anew in w from the bottom up. */
static int copy_frames(struct wf_walker *w, const struct wf_walker *old, uint32_t *io_frame)
{
    uint32_t n = old->frames[*io_frame].depth, frame = 0;
    uint32_t *nodes = wf_alloc_array(n + 1, sizeof(*nodes));
    int rc = nodes != NULL ? room_for_frame(w) : WF_E_NOMEM;

    for (uint32_t f = *io_frame, i = n; f != 0 && rc == 0; f = old->frames[f].parent)
        nodes[--i] = old->frames[f].node;
    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = intern_frame(w, nodes[i], frame, &frame);
    *io_frame = frame;
    wf_free(nodes);
    return rc;
}

int wf_walker_forget(struct wf_walker *w, uint32_t *io_state)
{
    struct wf_walker fresh;
    uint32_t state = 0;
    int rc = 0;

    wf_walker_init(&fresh, w->g, w->dist, w->need);
    if (io_state != NULL && *io_state != 0) {
        const struct wf_g_state *s = &w->states[*io_state];
        begin(&fresh);
        for (uint32_t i = 0; i < s->n_configs && rc == 0; i++) {
            struct wf_g_config c = w->configs[s->configs + i];
            rc = copy_frames(&fresh, w, &c.frame);
            if (rc == 0)
                rc = see(&fresh, c);
        }
        fresh.ends = s->ends;
        if (rc == 0)
            rc = room_for_frame(&fresh);
        if (rc == 0)
            rc = finish(&fresh, &state);
    }
    if (rc != 0) {
        wf_walker_deinit(&fresh);
        return rc;
    }
    wf_walker_deinit(w);
    *w = fresh;
    if (io_state != NULL)
        *io_state = state;
    return 0;
}
