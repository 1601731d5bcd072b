/* SPDX-License-Identifier: Apache-2.0 */
/* Automata in the making: states and edges as they come, then a rule of a grammar out of them.
 *
 * A rule is made by the subset construction, calls taken as letters. Where that grows far beyond
 * what it is made of (it may, exponentially), edges to nothing are taken out and the rest stays
 * nondeterministic: the walker takes that, too. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "model/grammar_internal.h"

void *wf_g__grow(void *p, size_t *cap, size_t n, size_t item_bytes)
{
    size_t next = *cap > 0 ? *cap : 16;
    void *grown;

    if (n <= *cap && p != NULL)
        return p;
    while (next < n)
        next *= 2;
    grown = wf_realloc_array(p, next, item_bytes);
    if (grown != NULL)
        *cap = next;
    return grown;
}

void wf_nfa_init(struct wf_nfa *n)
{
    memset(n, 0, sizeof(*n));
    n->n_states = 1;
}

void wf_nfa_deinit(struct wf_nfa *n)
{
    wf_free(n->edges);
    wf_free(n->counting);
    memset(n, 0, sizeof(*n));
}

uint32_t wf_nfa_state(struct wf_nfa *n)
{
    if (n->n_states >= WF_LIMIT_GRAMMAR_NODES)
        n->status = WF_E_LIMIT;
    return n->status == 0 ? n->n_states++ : 0;
}

void wf_nfa_counts(struct wf_nfa *n, uint32_t state)
{
    uint32_t *p = wf_g__grow(n->counting, &n->cap_counting, n->n_counting + 1, sizeof(*p));

    if (p == NULL) {
        n->status = WF_E_NOMEM;
        return;
    }
    n->counting = p;
    p[n->n_counting++] = state;
}

static void add_edge(struct wf_nfa *n, struct wf_nfa_edge edge)
{
    struct wf_nfa_edge *p;

    if (n->status == 0 && n->n_edges >= WF_LIMIT_GRAMMAR_EDGES)
        n->status = WF_E_LIMIT;
    if (n->status != 0)
        return;
    p = wf_g__grow(n->edges, &n->cap_edges, n->n_edges + 1, sizeof(*p));
    if (p == NULL) {
        n->status = WF_E_NOMEM;
        return;
    }
    n->edges = p;
    p[n->n_edges++] = edge;
}

void wf_nfa_nothing(struct wf_nfa *n, uint32_t from, uint32_t to)
{
    add_edge(n, (struct wf_nfa_edge){.from = from, .to = to, .rule = WF_G_NONE, .lo = 1, .hi = 0});
}

void wf_nfa_bytes(struct wf_nfa *n, uint32_t from, uint8_t lo, uint8_t hi, uint32_t to)
{
    add_edge(n,
             (struct wf_nfa_edge){.from = from, .to = to, .rule = WF_G_NONE, .lo = lo, .hi = hi});
}

void wf_nfa_call(struct wf_nfa *n, uint32_t from, uint32_t rule, uint32_t to)
{
    add_edge(n, (struct wf_nfa_edge){.from = from, .to = to, .rule = rule, .lo = 1, .hi = 0});
}

uint32_t wf_nfa_text(struct wf_nfa *n, uint32_t from, struct wf_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t to = wf_nfa_state(n);
        wf_nfa_bytes(n, from, (uint8_t)bytes.ptr[i], (uint8_t)bytes.ptr[i], to);
        from = to;
    }
    return from;
}

void wf_nfa_path(struct wf_nfa *n, uint32_t from, struct wf_str bytes, uint32_t to)
{
    if (bytes.len == 0) {
        wf_nfa_nothing(n, from, to);
        return;
    }
    from = wf_nfa_text(n, from, wf_str_sub(bytes, 0, bytes.len - 1));
    wf_nfa_bytes(n, from, (uint8_t)bytes.ptr[bytes.len - 1], (uint8_t)bytes.ptr[bytes.len - 1], to);
}

/* Both of one length, and equal but for a last part that is whole (from 80.. to bf..) or one byte.
 */
static void add_sequence(struct wf_nfa *n, uint32_t from, const char *lo, const char *hi,
                         size_t len, uint32_t to)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t next = i + 1 < len ? wf_nfa_state(n) : to;
        wf_nfa_bytes(n, from, (uint8_t)lo[i], (uint8_t)hi[i], next);
        from = next;
    }
}

static size_t put_point(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 63));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 63));
        out[2] = (char)(0x80 | (cp & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 63));
    out[2] = (char)(0x80 | (cp >> 6 & 63));
    out[3] = (char)(0x80 | (cp & 63));
    return 4;
}

/* [lo, hi] of one encoded length, cut where a higher byte changes. */
static void add_points(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    while (lo <= hi && n->status == 0) {
        uint32_t last = hi;
        char a[4] = {0}, b[4] = {0};
        size_t len;

        for (unsigned shift = 6; shift <= 18; shift += 6) {
            uint32_t low = (UINT32_C(1) << shift) - 1;
            if (lo >> shift == last >> shift)
                break;
            if ((lo & low) != 0) {
                last = lo | low;
                break;
            }
            if ((last & low) != low && last >= low + 1)
                last = ((last >> shift) << shift) - 1;
        }
        len = put_point(a, lo);
        (void)put_point(b, last);
        add_sequence(n, from, a, b, len, to);
        if (last == UINT32_MAX)
            break;
        lo = last + 1;
    }
}

void wf_nfa_points(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    static const uint32_t parts[][2] = {
        {0, 0x7f}, {0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}};

    for (size_t i = 0; i < WF_ARRAY_LEN(parts); i++) {
        uint32_t a = WF_MAX(lo, parts[i][0]), b = WF_MIN(hi, parts[i][1]);
        if (a <= b)
            add_points(n, from, a, b, to);
    }
}

/* ---- the subset construction ---- */

struct subsets {
    const struct wf_nfa *nfa;
    uint32_t *first; /* [n_states + 1]: edges by the state they leave */
    bool *counts;    /* [n_states] */
    uint32_t *mark;  /* [n_states]: == turn: is in the set in the making */
    uint32_t turn;
    uint32_t *set; /* the set in the making */
    size_t n_set;
    uint32_t *members; /* of all subsets, one behind the other */
    size_t n_members, cap_members;
    uint32_t *starts; /* [n + 1] */
    size_t n, cap_starts;
    size_t n_max;
    bool splits; /* every edge's target is a subset of its own */
    struct wf_map map;
    struct wf_grammar *g;
    uint32_t rule, final;
};

static int compare_edges(const void *a, const void *b)
{
    const struct wf_nfa_edge *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool takes_nothing(const struct wf_nfa_edge *e)
{
    return e->rule == WF_G_NONE && e->lo > e->hi;
}

static void set_begin(struct subsets *s)
{
    s->turn++;
    s->n_set = 0;
}

static void set_add(struct subsets *s, uint32_t state)
{
    if (s->mark[state] == s->turn)
        return;
    s->mark[state] = s->turn;
    s->set[s->n_set++] = state;
}

/* Adds what is reached by taking nothing, sorts, and finds or makes the subset's number. */
static int set_end(struct subsets *s, uint32_t *out)
{
    union wf_map_value *v;
    bool is_new;

    for (size_t i = 0; i < s->n_set; i++) {
        for (uint32_t k = s->first[s->set[i]]; k < s->first[s->set[i] + 1]; k++) {
            if (takes_nothing(&s->nfa->edges[k]))
                set_add(s, s->nfa->edges[k].to);
        }
    }
    qsort(s->set, s->n_set, sizeof(*s->set), compare_u32);
    v = wf_map_put(&s->map, wf_str_n((const char *)s->set, s->n_set * sizeof(*s->set)), &is_new);
    if (v == NULL)
        return s->map.n_items >= s->n_max ? WF_E_LIMIT : WF_E_NOMEM;
    if (is_new) {
        uint32_t *p = wf_g__grow(s->members, &s->cap_members, s->n_members + s->n_set, sizeof(*p));
        if (p != NULL) {
            s->members = p;
            memcpy(p + s->n_members, s->set, s->n_set * sizeof(*p));
            s->n_members += s->n_set;
            p = wf_g__grow(s->starts, &s->cap_starts, s->n + 2, sizeof(*p));
        }
        if (p == NULL)
            return WF_E_NOMEM;
        s->starts = p;
        v->u64 = s->n++;
        s->starts[s->n] = (uint32_t)s->n_members;
    }
    *out = (uint32_t)v->u64;
    return 0;
}

static int put_edge(struct subsets *s, struct wf_g_edge edge)
{
    struct wf_grammar *g = s->g;
    struct wf_g_node *node = &g->nodes[g->n_nodes - 1];
    struct wf_g_edge *p;

    if (node->n_edges > 0 && !s->splits) {
        struct wf_g_edge *last = &g->edges[g->n_edges - 1];
        if (last->to == edge.to && last->hi + 1 == edge.lo) {
            last->hi = edge.hi;
            return 0;
        }
    }
    if (g->n_edges >= WF_LIMIT_GRAMMAR_EDGES)
        return WF_E_LIMIT;
    p = wf_g__grow(g->edges, &g->cap_edges, g->n_edges + 1, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    g->edges = p;
    p[g->n_edges++] = edge;
    node->n_edges++;
    return 0;
}

static int put_call(struct subsets *s, struct wf_g_call call)
{
    struct wf_grammar *g = s->g;
    struct wf_g_call *p = wf_g__grow(g->calls, &g->cap_calls, g->n_calls + 1, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    g->calls = p;
    p[g->n_calls++] = call;
    g->nodes[g->n_nodes - 1].n_calls++;
    return 0;
}

/* The edges that leave a subset, each by itself. */
static int split_edges(struct subsets *s, size_t from, size_t to)
{
    int rc = 0;

    for (size_t m = from; m < to && rc == 0; m++) {
        uint32_t state = s->members[m];
        for (uint32_t k = s->first[state]; k < s->first[state + 1] && rc == 0; k++) {
            const struct wf_nfa_edge *e = &s->nfa->edges[k];
            struct wf_g_edge edge = {.lo = e->lo, .hi = e->hi};
            if (e->rule != WF_G_NONE || e->lo > e->hi)
                continue;
            set_begin(s);
            set_add(s, e->to);
            rc = set_end(s, &edge.to);
            if (rc == 0)
                rc = put_edge(s, edge);
        }
    }
    return rc;
}

/* The edges that leave a subset, cut so that they do not overlap. */
static int join_edges(struct subsets *s, size_t from, size_t to)
{
    bool is_border[257] = {false};
    bool any = false;
    int rc = 0;

    for (size_t m = from; m < to; m++) {
        uint32_t state = s->members[m];
        for (uint32_t k = s->first[state]; k < s->first[state + 1]; k++) {
            const struct wf_nfa_edge *e = &s->nfa->edges[k];
            if (e->rule != WF_G_NONE || e->lo > e->hi)
                continue;
            is_border[e->lo] = is_border[e->hi + 1] = any = true;
        }
    }
    for (unsigned lo = 0; any && lo < 256 && rc == 0;) {
        struct wf_g_edge edge = {.lo = (uint8_t)lo};
        unsigned hi = lo;
        while (hi < 255 && !is_border[hi + 1])
            hi++;
        set_begin(s);
        for (size_t m = from; m < to; m++) {
            uint32_t state = s->members[m];
            for (uint32_t k = s->first[state]; k < s->first[state + 1]; k++) {
                const struct wf_nfa_edge *e = &s->nfa->edges[k];
                if (e->rule == WF_G_NONE && e->lo <= lo && e->hi >= hi)
                    set_add(s, e->to);
            }
        }
        edge.hi = (uint8_t)hi;
        if (s->n_set > 0)
            rc = set_end(s, &edge.to);
        if (rc == 0 && s->n_set > 0)
            rc = put_edge(s, edge);
        lo = hi + 1;
    }
    return rc;
}

/* The calls that leave a subset, each by itself. */
static int split_calls(struct subsets *s, size_t from, size_t to)
{
    int rc = 0;

    for (size_t m = from; m < to && rc == 0; m++) {
        uint32_t state = s->members[m];
        for (uint32_t k = s->first[state]; k < s->first[state + 1] && rc == 0; k++) {
            struct wf_g_call call = {.rule = s->nfa->edges[k].rule};
            if (call.rule == WF_G_NONE)
                continue;
            set_begin(s);
            set_add(s, s->nfa->edges[k].to);
            rc = set_end(s, &call.to);
            if (rc == 0)
                rc = put_call(s, call);
        }
    }
    return rc;
}

/* A call of `rule` to wherever members of a subset go by it. */
static int join_call(struct subsets *s, size_t from, size_t to, uint32_t rule)
{
    struct wf_g_call call = {.rule = rule};
    int rc;

    set_begin(s);
    for (size_t m = from; m < to; m++) {
        uint32_t state = s->members[m];
        for (uint32_t k = s->first[state]; k < s->first[state + 1]; k++) {
            if (s->nfa->edges[k].rule == rule)
                set_add(s, s->nfa->edges[k].to);
        }
    }
    rc = set_end(s, &call.to);
    return rc == 0 ? put_call(s, call) : rc;
}

/* The rules that a subset calls, each once. */
static int join_calls(struct subsets *s, size_t from, size_t to)
{
    int rc = 0;

    for (size_t m = from; m < to && rc == 0; m++) {
        uint32_t state = s->members[m];
        for (uint32_t k = s->first[state]; k < s->first[state + 1] && rc == 0; k++) {
            const struct wf_g_node *node = &s->g->nodes[s->g->n_nodes - 1];
            uint32_t rule = s->nfa->edges[k].rule;
            bool is_known = rule == WF_G_NONE;
            for (uint32_t c = 0; c < node->n_calls && !is_known; c++)
                is_known = s->g->calls[node->calls + c].rule == rule;
            if (!is_known)
                rc = join_call(s, from, to, rule);
        }
    }
    return rc;
}

static int put_node(struct subsets *s, size_t i)
{
    struct wf_grammar *g = s->g;
    size_t from = s->starts[i], to = s->starts[i + 1];
    struct wf_g_node *p = wf_g__grow(g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof(*p));
    int rc;

    if (p == NULL)
        return WF_E_NOMEM;
    if (g->n_nodes >= WF_LIMIT_GRAMMAR_NODES)
        return WF_E_LIMIT;
    g->nodes = p;
    p += g->n_nodes++;
    *p = (struct wf_g_node){
        .edges = (uint32_t)g->n_edges, .calls = (uint32_t)g->n_calls, .rule = s->rule};
    for (size_t m = from; m < to; m++) {
        p->is_final |= s->members[m] == s->final;
        p->counts |= s->counts[s->members[m]];
    }
    if (s->splits) {
        rc = split_edges(s, from, to);
        return rc == 0 ? split_calls(s, from, to) : rc;
    }
    rc = join_edges(s, from, to);
    return rc == 0 ? join_calls(s, from, to) : rc;
}

/* Subsets become nodes in the order they are found; targets are numbers of subsets until the end.
 */
static int construct(struct subsets *s, size_t n_max)
{
    struct wf_grammar *g = s->g;
    size_t nodes = g->n_nodes, edges = g->n_edges, calls = g->n_calls;
    uint32_t start;
    int rc;

    s->n_members = s->n = 0;
    s->n_max = n_max;
    wf_map_deinit(&s->map);
    wf_map_init(&s->map, n_max);
    s->starts = wf_g__grow(s->starts, &s->cap_starts, 2, sizeof(*s->starts));
    if (s->starts == NULL)
        return WF_E_NOMEM;
    s->starts[0] = 0;
    set_begin(s);
    set_add(s, 0);
    rc = set_end(s, &start);
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = put_node(s, i);
    for (size_t k = edges; k < g->n_edges && rc == 0; k++)
        g->edges[k].to += (uint32_t)nodes;
    for (size_t k = calls; k < g->n_calls && rc == 0; k++)
        g->calls[k].to += (uint32_t)nodes;
    if (rc != 0) {
        g->n_nodes = nodes;
        g->n_edges = edges;
        g->n_calls = calls;
        return rc;
    }
    g->rules[s->rule].start = g->rules[s->rule].nodes = (uint32_t)nodes;
    g->rules[s->rule].n_nodes = (uint32_t)(g->n_nodes - nodes);
    g->rules[s->rule].is_lexical = g->n_calls == calls && !s->splits;
    return 0;
}

static int prepare(struct subsets *s, struct wf_nfa *n)
{
    size_t k = 0;

    if (n->n_edges > 0)
        qsort(n->edges, n->n_edges, sizeof(*n->edges), compare_edges);
    s->first = wf_alloc_array(n->n_states + 1, sizeof(*s->first));
    s->counts = wf_alloc_array(n->n_states, sizeof(*s->counts));
    s->mark = wf_alloc_array(n->n_states, sizeof(*s->mark));
    s->set = wf_alloc_array(n->n_states, sizeof(*s->set));
    if (s->first == NULL || s->counts == NULL || s->mark == NULL || s->set == NULL)
        return WF_E_NOMEM;
    for (uint32_t i = 0; i <= n->n_states; i++) {
        while (k < n->n_edges && n->edges[k].from < i)
            k++;
        s->first[i] = (uint32_t)k;
    }
    for (size_t i = 0; i < n->n_counting; i++)
        s->counts[n->counting[i]] = true;
    return 0;
}

int wf_nfa_finish(struct wf_nfa *n, uint32_t final, struct wf_grammar *g, uint32_t rule,
                  uint32_t max, struct wf_err *err)
{
    struct subsets s = {.nfa = n, .g = g, .rule = rule, .final = final};
    int rc = n->status;

    wf_map_init(&s.map, 1);
    if (rc == 0)
        rc = prepare(&s, n);
    if (rc == 0)
        rc = construct(&s, 4 * (size_t)n->n_states + 256);
    if (rc == WF_E_LIMIT && n->status == 0 && max == 0) {
        s.splits = true;
        rc = construct(&s, n->n_states + (size_t)1);
    }
    if (rc == 0)
        g->rules[rule].max = max;
    wf_map_deinit(&s.map);
    wf_free(s.first);
    wf_free(s.counts);
    wf_free(s.mark);
    wf_free(s.set);
    wf_free(s.members);
    wf_free(s.starts);
    if (rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "Not enough memory for the grammar.");
    if (rc != 0)
        return wf_err_set(err, rc, "The grammar is too large: more than %u states.",
                          WF_LIMIT_GRAMMAR_NODES);
    return 0;
}
