/* SPDX-License-Identifier: Apache-2.0 */
/* How far it is to a rule's end, and whether rules call themselves before they take a byte.
 *
 * Distances are the least fixed point of "one more than a neighbour's" and "as far as the called
 * rule plus what is behind it", which Knuth's generalisation of Dijkstra's algorithm (1977) finds
 * in one pass. Rules that count come first: their distances are along the ways that count least. */
#include <string.h>

#include "base/alloc.h"
#include "model/grammar_internal.h"

struct item {
    uint64_t cost;
    uint32_t node;
};

/* Edges and calls the other way round. */
struct reversed {
    uint32_t *first; /* [n + 1] */
    uint32_t *from;  /* nodes, or numbers of calls */
};

struct search {
    const struct wf_grammar *g;
    uint64_t *cost; /* [n_nodes]; UINT64_MAX: none yet */
    bool *is_done;
    struct item *heap;
    size_t n_heap, cap_heap;
    struct reversed by_edge, by_target, by_rule;
    uint32_t *owner; /* [n_calls]: the node that calls */
    uint32_t n_allowed[257];
    bool counting; /* which kind of rule this pass is of */
};

static int push(struct search *s, uint32_t node, uint64_t cost)
{
    struct item *p;
    size_t i;

    if (s->is_done[node] || cost >= s->cost[node])
        return 0;
    p = wf_g__grow(s->heap, &s->cap_heap, s->n_heap + 1, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    s->heap = p;
    s->cost[node] = cost;
    for (i = s->n_heap++; i > 0 && p[(i - 1) / 2].cost > cost; i = (i - 1) / 2)
        p[i] = p[(i - 1) / 2];
    p[i] = (struct item){cost, node};
    return 0;
}

static struct item pop(struct search *s)
{
    struct item top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;

    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= s->n_heap)
            break;
        if (k + 1 < s->n_heap && s->heap[k + 1].cost < s->heap[k].cost)
            k++;
        if (s->heap[k].cost >= last.cost)
            break;
        s->heap[i] = s->heap[k];
        i = k;
    }
    s->heap[i] = last;
    return top;
}

/* Adds lists up and leaves first[i] at the start of list i after as many fills. */
static int reverse(struct reversed *r, size_t n_lists, size_t n_items)
{
    r->first = wf_alloc_array(n_lists + 2, sizeof(*r->first));
    r->from = wf_alloc_array(n_items + 1, sizeof(*r->from));
    return r->first != NULL && r->from != NULL ? 0 : WF_E_NOMEM;
}

static void sum_up(struct reversed *r, size_t n_lists)
{
    for (size_t i = 1; i < n_lists + 2; i++)
        r->first[i] += r->first[i - 1];
}

/* first[x + 2] counts list x, then first[x + 1] is where its next item goes. */
static void count_lists(struct search *s)
{
    const struct wf_grammar *g = s->g;

    for (size_t i = 0; i < g->n_edges; i++)
        s->by_edge.first[g->edges[i].to + 2]++;
    for (size_t i = 0; i < g->n_calls; i++) {
        s->by_target.first[g->calls[i].to + 2]++;
        s->by_rule.first[g->calls[i].rule + 2]++;
    }
}

static int turn_round(struct search *s)
{
    const struct wf_grammar *g = s->g;

    if (reverse(&s->by_edge, g->n_nodes, g->n_edges) != 0 ||
        reverse(&s->by_target, g->n_nodes, g->n_calls) != 0 ||
        reverse(&s->by_rule, g->n_rules, g->n_calls) != 0)
        return WF_E_NOMEM;
    s->owner = wf_alloc_array(g->n_calls + 1, sizeof(*s->owner));
    if (s->owner == NULL)
        return WF_E_NOMEM;
    count_lists(s);
    sum_up(&s->by_edge, g->n_nodes);
    sum_up(&s->by_target, g->n_nodes);
    sum_up(&s->by_rule, g->n_rules);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const struct wf_g_node *node = &g->nodes[n];
        for (uint32_t k = node->edges; k < node->edges + node->n_edges; k++) {
            const struct wf_g_edge *e = &g->edges[k];
            bool is_allowed = s->n_allowed[e->hi + 1] > s->n_allowed[e->lo];
            s->by_edge.from[s->by_edge.first[e->to + 1]++] = is_allowed ? n : WF_G_NONE;
        }
        for (uint32_t k = node->calls; k < node->calls + node->n_calls; k++) {
            s->owner[k] = n;
            s->by_target.from[s->by_target.first[g->calls[k].to + 1]++] = k;
            s->by_rule.from[s->by_rule.first[g->calls[k].rule + 1]++] = k;
        }
    }
    return 0;
}

static uint64_t start_cost(const struct search *s, uint32_t rule)
{
    uint32_t start = s->g->rules[rule].start;

    if (start == WF_G_NONE || !s->is_done[start])
        return UINT64_MAX;
    return s->cost[start] & UINT32_MAX;
}

/* What the neighbours of a node now know. */
static int spread(struct search *s, uint32_t node)
{
    const struct wf_grammar *g = s->g;
    const struct wf_g_rule *rule = &g->rules[g->nodes[node].rule];
    uint64_t cost = s->cost[node];
    uint64_t step = g->nodes[node].counts && s->counting ? (UINT64_C(1) << 32) + 1 : 1;
    int rc = 0;

    if ((rule->max > 0) == s->counting) {
        for (uint32_t k = s->by_edge.first[node]; k < s->by_edge.first[node + 1] && rc == 0; k++) {
            if (s->by_edge.from[k] != WF_G_NONE)
                rc = push(s, s->by_edge.from[k], cost + step);
        }
    }
    if (s->counting)
        return rc;
    for (uint32_t k = s->by_target.first[node]; k < s->by_target.first[node + 1] && rc == 0; k++) {
        uint32_t call = s->by_target.from[k];
        uint64_t first = start_cost(s, g->calls[call].rule);
        if (first != UINT64_MAX)
            rc = push(s, s->owner[call], first + cost);
    }
    if (node != rule->start)
        return rc;
    uint32_t i = g->nodes[node].rule;
    for (uint32_t k = s->by_rule.first[i]; k < s->by_rule.first[i + 1] && rc == 0; k++) {
        uint32_t call = s->by_rule.from[k];
        if (s->is_done[g->calls[call].to])
            rc = push(s, s->owner[call], (cost & UINT32_MAX) + s->cost[g->calls[call].to]);
    }
    return rc;
}

static int pass(struct search *s, bool counting)
{
    const struct wf_grammar *g = s->g;
    int rc = 0;

    s->counting = counting;
    for (uint32_t n = 0; n < g->n_nodes && rc == 0; n++) {
        if (g->nodes[n].is_final && (g->rules[g->nodes[n].rule].max > 0) == counting)
            rc = push(s, n, 0);
    }
    while (s->n_heap > 0 && rc == 0) {
        struct item top = pop(s);
        if (s->is_done[top.node])
            continue;
        s->is_done[top.node] = true;
        rc = spread(s, top.node);
    }
    return rc;
}

/* What rules that count gave is known to those that call them. */
static int pass_on(struct search *s)
{
    int rc = 0;

    s->counting = false;
    for (uint32_t i = 0; i < s->g->n_rules && rc == 0; i++) {
        const struct wf_g_rule *rule = &s->g->rules[i];
        if (rule->max == 0 || rule->start == WF_G_NONE || !s->is_done[rule->start])
            continue;
        if (s->cost[rule->start] >> 32 > rule->max)
            s->is_done[rule->start] = false; /* it cannot be counted so far */
        else
            rc = spread(s, rule->start);
    }
    return rc;
}

static void give_out(const struct search *s, uint32_t *out_dist, uint32_t *out_need)
{
    for (size_t n = 0; n < s->g->n_nodes; n++) {
        bool is_done = s->is_done[n];
        uint64_t dist = s->cost[n] & UINT32_MAX;
        bool counted = s->g->rules[s->g->nodes[n].rule].max > 0;
        out_dist[n] = is_done ? (uint32_t)dist : WF_G_NONE;
        out_need[n] = is_done && counted ? (uint32_t)(s->cost[n] >> 32) : 0;
    }
}

int wf_grammar__distances(const struct wf_grammar *g, const bool allowed[256], uint32_t *out_dist,
                          uint32_t *out_need)
{
    struct search s = {.g = g};
    int rc;

    for (size_t b = 0; b < 256; b++)
        s.n_allowed[b + 1] = s.n_allowed[b] + (allowed == NULL || allowed[b] ? 1 : 0);
    s.cost = wf_alloc_array(g->n_nodes + 1, sizeof(*s.cost));
    s.is_done = wf_alloc_array(g->n_nodes + 1, sizeof(*s.is_done));
    rc = s.cost != NULL && s.is_done != NULL ? turn_round(&s) : WF_E_NOMEM;
    for (size_t n = 0; n < g->n_nodes && rc == 0; n++)
        s.cost[n] = UINT64_MAX;
    if (rc == 0)
        rc = pass(&s, true);
    if (rc == 0)
        rc = pass_on(&s);
    if (rc == 0)
        rc = pass(&s, false);
    if (rc == 0)
        give_out(&s, out_dist, out_need);
    wf_free(s.cost);
    wf_free(s.is_done);
    wf_free(s.heap);
    wf_free(s.owner);
    for (size_t i = 0; i < 3; i++) {
        struct reversed *r = i == 0 ? &s.by_edge : i == 1 ? &s.by_target : &s.by_rule;
        wf_free(r->first);
        wf_free(r->from);
    }
    return rc;
}
