/* SPDX-License-Identifier: Apache-2.0 */
/* Languages out of raw edges (subset construction), combined by products; trimmed to states from
 * which the end is reached, and made small where that is cheap (Moore's refinement).
 *
 * `^` and `$` are edges that take nothing: the first only pass before anything was taken, the
 * second only when nothing follows. */
#include "model/lang.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "text/utf8.h"

#define NONE UINT32_MAX
/* Refining takes up to as many rounds as there are states. */
#define MINIMIZE_MAX 400

/* ---- a language in the making: flat arrays, before it is trimmed ---- */

struct draft {
    struct wf_lang_state *states;
    struct wf_lang_edge *edges;
    size_t n_states, n_edges, cap_states, cap_edges;
};

static void draft_deinit(struct draft *d)
{
    wf_free(d->states);
    wf_free(d->edges);
}

static int draft_state(struct draft *d, bool is_final)
{
    struct wf_lang_state *p =
        wf_g__grow(d->states, &d->cap_states, d->n_states + 1, sizeof(*d->states));

    if (p == NULL)
        return WF_E_NOMEM;
    d->states = p;
    p[d->n_states++] = (struct wf_lang_state){.edges = (uint32_t)d->n_edges, .is_final = is_final};
    return 0;
}

/* Behind the last state's edges, joined with the last where that is possible. */
static int draft_edge(struct draft *d, struct wf_lang_edge e)
{
    struct wf_lang_state *s = &d->states[d->n_states - 1];
    struct wf_lang_edge *p;

    if (s->n_edges > 0) {
        p = &d->edges[d->n_edges - 1];
        if (p->to == e.to && p->hi + 1 == e.lo) {
            p->hi = e.hi;
            return 0;
        }
    }
    p = wf_g__grow(d->edges, &d->cap_edges, d->n_edges + 1, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    d->edges = p;
    p[d->n_edges++] = e;
    s->n_edges++;
    return 0;
}

/* Marks states from which a final one is reached: backwards over a list of edges by target. */
static int mark_alive(const struct draft *d, bool *alive)
{
    uint32_t *first = wf_alloc_array(d->n_states + 2, sizeof(*first));
    uint32_t *from = wf_alloc_array(d->n_edges + 1, sizeof(*from));
    uint32_t *queue = wf_alloc_array(d->n_states + 1, sizeof(*queue));
    size_t n = 0;
    int rc = first != NULL && from != NULL && queue != NULL ? 0 : WF_E_NOMEM;

    for (size_t k = 0; k < d->n_edges && rc == 0; k++)
        first[d->edges[k].to + 2]++;
    for (size_t i = 1; i < d->n_states + 2 && rc == 0; i++)
        first[i] += first[i - 1];
    for (uint32_t i = 0; i < d->n_states && rc == 0; i++) {
        for (uint32_t k = d->states[i].edges; k < d->states[i].edges + d->states[i].n_edges; k++)
            from[first[d->edges[k].to + 1]++] = i;
        if (d->states[i].is_final) {
            alive[i] = true;
            queue[n++] = i;
        }
    }
    for (size_t q = 0; q < n && rc == 0; q++) {
        for (uint32_t k = first[queue[q]]; k < first[queue[q] + 1]; k++) {
            if (!alive[from[k]]) {
                alive[from[k]] = true;
                queue[n++] = from[k];
            }
        }
    }
    wf_free(first);
    wf_free(from);
    wf_free(queue);
    return rc;
}

/* Copies a draft into the arena, its states renumbered by `number` (NONE: dropped; of several with
 * one number the first is taken; numbers rise with the first of each). */
static int copy_out(const struct draft *d, const uint32_t *number, size_t n, struct wf_arena *a,
                    struct wf_lang **out)
{
    struct wf_lang *l = wf_arena_array(a, 1, sizeof(*l));
    size_t done = 0;

    if (l == NULL)
        return WF_E_NOMEM;
    l->states = wf_arena_array(a, n + 1, sizeof(*l->states));
    l->edges = wf_arena_array(a, d->n_edges + 1, sizeof(*l->edges));
    if (l->states == NULL || l->edges == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < d->n_states; i++) {
        struct wf_lang_state *s = &l->states[done];
        if (number[i] != done)
            continue;
        *s = (struct wf_lang_state){.edges = (uint32_t)l->n_edges,
                                    .is_final = d->states[i].is_final};
        for (uint32_t k = d->states[i].edges; k < d->states[i].edges + d->states[i].n_edges; k++) {
            struct wf_lang_edge e = d->edges[k], *last = &l->edges[l->n_edges];
            if (number[e.to] == NONE)
                continue;
            e.to = number[e.to];
            if (s->n_edges > 0 && last[-1].to == e.to && last[-1].hi + 1 == e.lo) {
                last[-1].hi = e.hi;
                continue;
            }
            *last = e;
            l->n_edges++;
            s->n_edges++;
        }
        done++;
    }
    l->n_states = n;
    *out = l;
    return 0;
}

/* One round: states of one number that differ in what follows get different numbers. Returns how
 * many there are; 0: no memory. */
static size_t refine(const struct draft *d, uint32_t *number, uint32_t *next, struct wf_map *map,
                     struct wf_buf *key)
{
    size_t n = 0;

    wf_map_reset(map);
    for (size_t i = 0; i < d->n_states; i++) {
        const struct wf_lang_state *s = &d->states[i];
        uint32_t lo = 1, hi = 0, to = NONE;
        union wf_map_value *v;
        bool is_new;
        if (number[i] == NONE)
            continue;
        wf_buf_reset(key);
        (void)wf_buf_append(key, &number[i], sizeof(number[i]));
        for (uint32_t k = s->edges; k < s->edges + s->n_edges; k++) {
            const struct wf_lang_edge *e = &d->edges[k];
            if (number[e->to] == NONE)
                continue;
            if (to == number[e->to] && hi + 1 == e->lo) {
                hi = e->hi;
                continue;
            }
            uint32_t part[3] = {lo, hi, to};
            (void)wf_buf_append(key, part, sizeof(part));
            lo = e->lo;
            hi = e->hi;
            to = number[e->to];
        }
        uint32_t part[3] = {lo, hi, to};
        (void)wf_buf_append(key, part, sizeof(part));
        v = wf_buf_status(key) == 0 ? wf_map_put(map, wf_buf_str(key), &is_new) : NULL;
        if (v == NULL)
            return 0;
        if (is_new)
            v->u64 = n++;
        next[i] = (uint32_t)v->u64;
    }
    for (size_t i = 0; i < d->n_states; i++) {
        if (number[i] != NONE)
            number[i] = next[i];
    }
    return n;
}

/* Joins states that mean the same. *io_n: numbers in use. */
static int minimize(const struct draft *d, uint32_t *number, size_t *io_n)
{
    uint32_t *next = wf_alloc_array(d->n_states + 1, sizeof(*next));
    struct wf_map map;
    struct wf_buf key;
    size_t n = 0, before;
    int rc = next != NULL ? 0 : WF_E_NOMEM;

    wf_map_init(&map, d->n_states + 1);
    wf_buf_init(&key, SIZE_MAX);
    for (size_t i = 0; i < d->n_states; i++) {
        if (number[i] != NONE)
            number[i] = d->states[i].is_final ? 1 : 0;
    }
    do {
        before = n;
        if (rc == 0)
            n = refine(d, number, next, &map, &key);
        if (n == 0)
            rc = WF_E_NOMEM;
    } while (rc == 0 && n != before);
    wf_map_deinit(&map);
    wf_buf_deinit(&key);
    wf_free(next);
    *io_n = n;
    return rc;
}

/* Trims, minimizes and copies; state 0 stays the first. */
static int settle(const struct draft *d, struct wf_arena *a, struct wf_lang **out)
{
    bool *alive = wf_alloc_array(d->n_states + 1, sizeof(*alive));
    uint32_t *number = wf_alloc_array(d->n_states + 1, sizeof(*number));
    size_t n = 0;
    int rc = alive != NULL && number != NULL ? mark_alive(d, alive) : WF_E_NOMEM;

    for (size_t i = 0; i < d->n_states && rc == 0; i++)
        number[i] = alive[i] && alive[0] ? (uint32_t)n++ : NONE;
    if (rc == 0 && n > 0 && n <= MINIMIZE_MAX)
        rc = minimize(d, number, &n);
    if (rc == 0)
        rc = copy_out(d, number, n, a, out);
    wf_free(alive);
    wf_free(number);
    return rc;
}

/* ---- products ---- */

struct product {
    const struct wf_lang *x, *y;
    enum wf_lang_op op;
    struct draft draft;
    struct wf_map map;
    uint64_t *pairs; /* x's state << 32 | y's; NONE: it is lost */
    size_t cap_pairs;
};

static int pair_number(struct product *p, uint32_t x, uint32_t y, uint32_t *out)
{
    uint64_t pair = (uint64_t)x << 32 | y;
    union wf_map_value *v;
    uint64_t *grown;
    bool is_new;

    v = wf_map_put(&p->map, wf_str_n((const char *)&pair, sizeof(pair)), &is_new);
    if (v == NULL)
        return p->map.n_items >= WF_LIMIT_LANG_STATES ? WF_E_LIMIT : WF_E_NOMEM;
    if (is_new) {
        grown = wf_g__grow(p->pairs, &p->cap_pairs, p->map.n_items, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        p->pairs = grown;
        v->u64 = p->map.n_items - 1;
        grown[v->u64] = pair;
    }
    *out = (uint32_t)v->u64;
    return 0;
}

static bool is_final(const struct wf_lang *l, uint32_t state)
{
    return state != NONE && l->states[state].is_final;
}

/* Whether a pair of lost states can still be in the language. */
static bool is_of_use(const struct product *p, uint32_t x, uint32_t y)
{
    if (p->op == WF_LANG_AND)
        return x != NONE && y != NONE;
    return p->op == WF_LANG_OR ? x != NONE || y != NONE : x != NONE;
}

/* The edge of a state that holds cp, or the next one behind it; NULL: none. */
static const struct wf_lang_edge *edge_at(const struct wf_lang *l, uint32_t state, uint32_t *io_k,
                                          uint32_t cp)
{
    const struct wf_lang_state *s;

    if (state == NONE)
        return NULL;
    s = &l->states[state];
    while (*io_k < s->n_edges && l->edges[s->edges + *io_k].hi < cp)
        ++*io_k;
    return *io_k < s->n_edges ? &l->edges[s->edges + *io_k] : NULL;
}

static int pair_edges(struct product *p, uint32_t x, uint32_t y)
{
    uint32_t i = 0, j = 0, cp = 0;

    for (;;) {
        const struct wf_lang_edge *e = edge_at(p->x, x, &i, cp), *f = edge_at(p->y, y, &j, cp);
        uint32_t lo, hi = UINT32_MAX, to_x = NONE, to_y = NONE;
        struct wf_lang_edge edge;
        int rc;
        if (e == NULL && f == NULL)
            return 0;
        lo = WF_MAX(cp, WF_MIN(e != NULL ? e->lo : NONE, f != NULL ? f->lo : NONE));
        if (e != NULL && e->lo <= lo) {
            to_x = e->to;
            hi = e->hi;
        } else if (e != NULL) {
            hi = e->lo - 1;
        }
        if (f != NULL && f->lo <= lo) {
            to_y = f->to;
            hi = WF_MIN(hi, f->hi);
        } else if (f != NULL) {
            hi = WF_MIN(hi, f->lo - 1);
        }
        if (is_of_use(p, to_x, to_y)) {
            edge = (struct wf_lang_edge){.lo = lo, .hi = hi};
            rc = pair_number(p, to_x, to_y, &edge.to);
            if (rc == 0)
                rc = draft_edge(&p->draft, edge);
            if (rc != 0)
                return rc;
        }
        cp = hi + 1;
    }
}

int wf_lang_combine(struct wf_arena *a, const struct wf_lang *x, const struct wf_lang *y,
                    enum wf_lang_op op, struct wf_lang **out)
{
    struct product p = {.x = x, .y = y, .op = op};
    uint32_t start_x = x->n_states > 0 ? 0 : NONE, start_y = y->n_states > 0 ? 0 : NONE, start;
    int rc;

    wf_map_init(&p.map, WF_LIMIT_LANG_STATES);
    rc = pair_number(&p, start_x, start_y, &start);
    for (size_t i = 0; i < p.map.n_items && rc == 0; i++) {
        uint32_t sx = (uint32_t)(p.pairs[i] >> 32), sy = (uint32_t)p.pairs[i];
        bool fx = is_final(x, sx), fy = is_final(y, sy);
        rc = draft_state(&p.draft, op == WF_LANG_AND  ? fx && fy
                                   : op == WF_LANG_OR ? fx || fy
                                                      : fx && !fy);
        if (rc == 0)
            rc = pair_edges(&p, sx, sy);
    }
    if (rc == 0)
        rc = settle(&p.draft, a, out);
    draft_deinit(&p.draft);
    wf_map_deinit(&p.map);
    wf_free(p.pairs);
    return rc;
}

/* ---- out of raw edges ---- */

void wf_lang_maker_init(struct wf_lang_maker *m)
{
    memset(m, 0, sizeof(*m));
    m->n_states = 1;
}

void wf_lang_maker_deinit(struct wf_lang_maker *m)
{
    wf_free(m->edges);
    memset(m, 0, sizeof(*m));
}

uint32_t wf_lang_maker_state(struct wf_lang_maker *m)
{
    if (m->n_states >= 4 * WF_LIMIT_LANG_STATES)
        m->status = WF_E_LIMIT;
    return m->status == 0 ? m->n_states++ : 0;
}

void wf_lang_maker_edge(struct wf_lang_maker *m, struct wf_lang_raw_edge edge)
{
    struct wf_lang_raw_edge *p;

    if (m->status == 0 && m->n_edges >= 64 * (size_t)WF_LIMIT_LANG_STATES)
        m->status = WF_E_LIMIT;
    if (m->status != 0)
        return;
    p = wf_g__grow(m->edges, &m->cap_edges, m->n_edges + 1, sizeof(*p));
    if (p == NULL) {
        m->status = WF_E_NOMEM;
        return;
    }
    m->edges = p;
    p[m->n_edges++] = edge;
}

struct making {
    const struct wf_lang_maker *m;
    uint32_t final;
    uint32_t *first; /* [n_states + 1] */
    uint32_t *mark;
    uint32_t turn;
    uint32_t *set;
    size_t n_set;
    uint32_t *members, *starts;
    size_t n_members, cap_members, n, cap_starts;
    struct wf_lang_edge *points; /* edges of the set looked at */
    size_t n_points, cap_points;
    uint32_t *borders;
    size_t n_borders, cap_borders;
    struct wf_map map;
    struct draft draft;
};

static int compare_edges(const void *a, const void *b)
{
    const struct wf_lang_raw_edge *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int compare_points(const void *a, const void *b)
{
    const struct wf_lang_edge *x = a, *y = b;

    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void set_begin(struct making *k)
{
    k->turn++;
    k->n_set = 0;
}

static void set_add(struct making *k, uint32_t state)
{
    if (k->mark[state] == k->turn)
        return;
    k->mark[state] = k->turn;
    k->set[k->n_set++] = state;
}

/* Adds what is reached by taking nothing. */
static void set_close(struct making *k, bool at_begin, bool at_end)
{
    for (size_t i = 0; i < k->n_set; i++) {
        for (uint32_t j = k->first[k->set[i]]; j < k->first[k->set[i] + 1]; j++) {
            const struct wf_lang_raw_edge *e = &k->m->edges[j];
            if (e->kind == WF_LANG_NOTHING || (at_begin && e->kind == WF_LANG_BEGIN) ||
                (at_end && e->kind == WF_LANG_END))
                set_add(k, e->to);
        }
    }
}

/* The number of the closed set; is_start: it is none other's. */
static int set_number(struct making *k, bool is_start, uint32_t *out)
{
    struct wf_str key;
    union wf_map_value *v;
    bool is_new;
    uint32_t *p;

    qsort(k->set, k->n_set, sizeof(*k->set), compare_u32);
    key = wf_str_n((const char *)k->set, k->n_set * sizeof(*k->set));
    v = wf_map_put(&k->map, is_start ? WF_STR("start") : key, &is_new);
    if (v == NULL)
        return k->map.n_items >= WF_LIMIT_LANG_STATES ? WF_E_LIMIT : WF_E_NOMEM;
    if (is_new) {
        p = wf_g__grow(k->members, &k->cap_members, k->n_members + k->n_set + 1, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        k->members = p;
        memcpy(p + k->n_members, k->set, k->n_set * sizeof(*p));
        k->n_members += k->n_set;
        p = wf_g__grow(k->starts, &k->cap_starts, k->n + 2, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        k->starts = p;
        v->u64 = k->n++;
        p[0] = 0;
        p[k->n] = (uint32_t)k->n_members;
    }
    *out = (uint32_t)v->u64;
    return 0;
}

static int add_border(struct making *k, uint32_t cp)
{
    uint32_t *p = wf_g__grow(k->borders, &k->cap_borders, k->n_borders + 1, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    k->borders = p;
    p[k->n_borders++] = cp;
    return 0;
}

/* Edges of a set that take a code point, by where they begin. */
static int collect_edges(struct making *k, size_t i)
{
    k->n_points = 0;
    for (uint32_t m = k->starts[i]; m < k->starts[i + 1]; m++) {
        uint32_t state = k->members[m];
        for (uint32_t j = k->first[state]; j < k->first[state + 1]; j++) {
            const struct wf_lang_raw_edge *e = &k->m->edges[j];
            struct wf_lang_edge *p;
            if (e->kind != WF_LANG_POINTS)
                continue;
            p = wf_g__grow(k->points, &k->cap_points, k->n_points + 1, sizeof(*p));
            if (p == NULL)
                return WF_E_NOMEM;
            k->points = p;
            p[k->n_points++] = (struct wf_lang_edge){.lo = e->lo, .hi = e->hi, .to = e->to};
        }
    }
    if (k->n_points > 1)
        qsort(k->points, k->n_points, sizeof(*k->points), compare_points);
    return 0;
}

static int find_borders(struct making *k)
{
    size_t n = 0;
    int rc = 0;

    k->n_borders = 0;
    for (size_t i = 0; i < k->n_points && rc == 0; i++) {
        rc = add_border(k, k->points[i].lo);
        if (rc == 0)
            rc = add_border(k, k->points[i].hi + 1);
    }
    if (k->n_borders == 0)
        return rc;
    qsort(k->borders, k->n_borders, sizeof(*k->borders), compare_u32);
    for (size_t b = 1; b < k->n_borders; b++) {
        if (k->borders[b] != k->borders[n])
            k->borders[++n] = k->borders[b];
    }
    k->n_borders = n + 1;
    return rc;
}

/* The edges of the i-th set: between neighbouring borders all code points do the same. The edges
 * that hold the part looked at stand first among those that begin before its end. */
static int set_edges(struct making *k, size_t i)
{
    size_t n_begun = 0, n_open = 0;
    int rc = collect_edges(k, i);

    if (rc == 0)
        rc = find_borders(k);
    for (size_t b = 0; b + 1 < k->n_borders && rc == 0; b++) {
        struct wf_lang_edge e = {.lo = k->borders[b], .hi = k->borders[b + 1] - 1};
        size_t n_left = 0;
        while (n_begun < k->n_points && k->points[n_begun].lo <= e.lo)
            k->points[n_open++] = k->points[n_begun++];
        set_begin(k);
        for (size_t p = 0; p < n_open; p++) {
            if (k->points[p].hi < e.lo)
                continue;
            set_add(k, k->points[p].to);
            k->points[n_left++] = k->points[p];
        }
        n_open = n_left;
        if (k->n_set == 0)
            continue;
        set_close(k, false, false);
        rc = set_number(k, false, &e.to);
        if (rc == 0)
            rc = draft_edge(&k->draft, e);
    }
    return rc;
}

/* Whether the text may end in the i-th set. */
static bool set_is_final(struct making *k, size_t i)
{
    set_begin(k);
    for (uint32_t m = k->starts[i]; m < k->starts[i + 1]; m++)
        set_add(k, k->members[m]);
    set_close(k, i == 0, true);
    return k->mark[k->final] == k->turn;
}

static int construct(struct making *k)
{
    uint32_t start;
    int rc;

    set_begin(k);
    set_add(k, 0);
    set_close(k, true, false);
    rc = set_number(k, true, &start);
    for (size_t i = 0; i < k->n && rc == 0; i++) {
        rc = draft_state(&k->draft, set_is_final(k, i));
        if (rc == 0)
            rc = set_edges(k, i);
    }
    return rc;
}

int wf_lang_make(struct wf_lang_maker *m, uint32_t final, struct wf_arena *a, struct wf_lang **out)
{
    struct making k = {.m = m, .final = final};
    size_t at = 0;
    int rc = m->status;

    wf_map_init(&k.map, WF_LIMIT_LANG_STATES);
    k.first = wf_alloc_array(m->n_states + (size_t)1, sizeof(*k.first));
    k.mark = wf_alloc_array(m->n_states, sizeof(*k.mark));
    k.set = wf_alloc_array(m->n_states, sizeof(*k.set));
    if (rc == 0 && (k.first == NULL || k.mark == NULL || k.set == NULL))
        rc = WF_E_NOMEM;
    if (rc == 0) {
        if (m->n_edges > 0)
            qsort(m->edges, m->n_edges, sizeof(*m->edges), compare_edges);
        for (uint32_t i = 0; i <= m->n_states; i++) {
            while (at < m->n_edges && m->edges[at].from < i)
                at++;
            k.first[i] = (uint32_t)at;
        }
        rc = construct(&k);
    }
    if (rc == 0)
        rc = settle(&k.draft, a, out);
    draft_deinit(&k.draft);
    wf_map_deinit(&k.map);
    wf_free(k.first);
    wf_free(k.mark);
    wf_free(k.set);
    wf_free(k.members);
    wf_free(k.starts);
    wf_free(k.points);
    wf_free(k.borders);
    return rc;
}
