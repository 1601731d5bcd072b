/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars as objects: references, and what is checked of a finished one.
 *
 * A rule that calls itself before it takes a byte (left recursion) would have the walker push
 * frames for ever. It is found as a call within a strongly connected component of nodes that reach
 * each other without a byte (Tarjan 1972). */
#include "model/grammar.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/grammar_internal.h"

int wf_grammar__new(struct wf_grammar **out, struct wf_err *err)
{
    struct wf_grammar *g = wf_alloc_array(1, sizeof(*g));

    *out = NULL;
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the grammar.");
    atomic_init(&g->refs, 1);
    g->root = WF_G_NONE;
    (void)pthread_mutex_init(&g->mutex, NULL);
    *out = g;
    return 0;
}

struct wf_grammar *wf_grammar_ref(struct wf_grammar *g)
{
    /* Relaxed: who has a reference may hand on another. */
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

void wf_grammar_unref(struct wf_grammar *g)
{
    /* Release and acquire: all that others did with it comes before its end. */
    if (g == NULL || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    while (g->plans != NULL) {
        struct wf_g_plan *p = g->plans;
        g->plans = p->next;
        wf_plan_unref(p);
    }
    (void)pthread_mutex_destroy(&g->mutex);
    wf_free(g->nodes);
    wf_free(g->edges);
    wf_free(g->calls);
    wf_free(g->rules);
    wf_free(g);
}

int wf_grammar__rule(struct wf_grammar *g, uint32_t *out, struct wf_err *err)
{
    struct wf_g_rule *p;

    if (g->n_rules >= WF_LIMIT_GRAMMAR_RULES)
        return wf_err_set(err, WF_E_LIMIT, "The grammar is too large: more than %u rules.",
                          WF_LIMIT_GRAMMAR_RULES);
    p = wf_g__grow(g->rules, &g->cap_rules, g->n_rules + 1, sizeof(*p));
    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the grammar.");
    g->rules = p;
    p[g->n_rules] = (struct wf_g_rule){.start = WF_G_NONE};
    *out = (uint32_t)g->n_rules++;
    return 0;
}

/* ---- left recursion ---- */

struct visit {
    uint32_t node;
    uint32_t i; /* next neighbour: call i / 2, its rule's start or, odd, what is behind it */
};

struct components {
    const struct wf_grammar *g;
    const uint32_t *dist;
    uint32_t *index, *low; /* index 0: not seen */
    bool *is_open;
    uint32_t *open; /* of components in the making */
    struct visit *visits;
    size_t n_open, n_visits;
    uint32_t n;
    uint32_t *component; /* number; 0: none yet */
    uint32_t n_components;
};

/* The next neighbour that is reached without a byte, or NONE. */
static uint32_t neighbour(const struct components *c, struct visit *v)
{
    const struct wf_g_node *node = &c->g->nodes[v->node];

    while (v->i < 2 * node->n_calls) {
        const struct wf_g_call *call = &c->g->calls[node->calls + v->i / 2];
        uint32_t start = c->g->rules[call->rule].start;
        bool behind = v->i++ % 2 == 1;
        if (!behind && start != WF_G_NONE)
            return start;
        if (behind && start != WF_G_NONE && c->dist[start] == 0)
            return call->to;
    }
    return WF_G_NONE;
}

static void enter(struct components *c, uint32_t node)
{
    c->index[node] = c->low[node] = ++c->n;
    c->open[c->n_open++] = node;
    c->is_open[node] = true;
    c->visits[c->n_visits++] = (struct visit){.node = node};
}

static void leave(struct components *c, uint32_t node)
{
    c->n_visits--;
    if (c->n_visits > 0) {
        uint32_t above = c->visits[c->n_visits - 1].node;
        c->low[above] = WF_MIN(c->low[above], c->low[node]);
    }
    if (c->low[node] != c->index[node])
        return;
    c->n_components++;
    for (;;) {
        uint32_t member = c->open[--c->n_open];
        c->is_open[member] = false;
        c->component[member] = c->n_components;
        if (member == node)
            break;
    }
}

static void find_components(struct components *c)
{
    for (uint32_t n = 0; n < c->g->n_nodes; n++) {
        if (c->index[n] != 0)
            continue;
        enter(c, n);
        while (c->n_visits > 0) {
            struct visit *v = &c->visits[c->n_visits - 1];
            uint32_t node = v->node, next = neighbour(c, v);
            if (next == WF_G_NONE)
                leave(c, node);
            else if (c->index[next] == 0)
                enter(c, next);
            else if (c->is_open[next])
                c->low[node] = WF_MIN(c->low[node], c->index[next]);
        }
    }
}

static bool has_left_recursion(const struct components *c)
{
    const struct wf_grammar *g = c->g;

    for (uint32_t n = 0; n < g->n_nodes; n++) {
        for (uint32_t k = g->nodes[n].calls; k < g->nodes[n].calls + g->nodes[n].n_calls; k++) {
            uint32_t start = g->rules[g->calls[k].rule].start;
            if (start != WF_G_NONE && c->component[n] == c->component[start])
                return true;
        }
    }
    return false;
}

static int check_left_recursion(const struct wf_grammar *g, const uint32_t *dist,
                                struct wf_err *err)
{
    size_t n = g->n_nodes + 1;
    struct components c = {.g = g, .dist = dist};
    int rc = 0;

    c.index = wf_alloc_array(n, sizeof(*c.index));
    c.low = wf_alloc_array(n, sizeof(*c.low));
    c.is_open = wf_alloc_array(n, sizeof(*c.is_open));
    c.open = wf_alloc_array(n, sizeof(*c.open));
    c.visits = wf_alloc_array(n, sizeof(*c.visits));
    c.component = wf_alloc_array(n, sizeof(*c.component));
    if (!c.index || !c.low || !c.is_open || !c.open || !c.visits || !c.component) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the grammar.");
    } else {
        find_components(&c);
        if (has_left_recursion(&c))
            rc = wf_err_set(err, WF_E_UNSUPPORTED,
                            "A rule begins with itself (left recursion); put the repetition behind "
                            "what is repeated.");
    }
    wf_free(c.index);
    wf_free(c.low);
    wf_free(c.is_open);
    wf_free(c.open);
    wf_free(c.visits);
    wf_free(c.component);
    return rc;
}

int wf_grammar__finish(struct wf_grammar *g, uint32_t root, struct wf_err *err)
{
    uint32_t *dist = wf_alloc_array(g->n_nodes + 1, sizeof(*dist));
    uint32_t *need = wf_alloc_array(g->n_nodes + 1, sizeof(*need));
    uint32_t start = g->rules[root].start;
    int rc = WF_E_NOMEM;

    if (dist != NULL && need != NULL)
        rc = wf_grammar__distances(g, NULL, dist, need);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Not enough memory for the grammar.");
    else if (start == WF_G_NONE || dist[start] == WF_G_NONE)
        rc = wf_err_set(err, WF_E_INVAL, "Nothing can match: the grammar has no text.");
    else
        rc = check_left_recursion(g, dist, err);
    g->root = root;
    wf_free(dist);
    wf_free(need);
    return rc;
}

int wf_grammar_from_gbnf(struct wf_str text, struct wf_grammar **out, struct wf_err *err)
{
    struct wf_grammar *g = NULL;
    uint32_t root = 0;
    int rc = wf_grammar__new(&g, err);

    *out = NULL;
    if (rc == 0)
        rc = wf_gbnf_build(g, text, &root, err);
    if (rc == 0)
        rc = wf_grammar__finish(g, root, err);
    if (rc != 0) {
        wf_grammar_unref(g);
        return rc;
    }
    *out = g;
    return 0;
}

int wf_grammar_from_schema(const json_t *schema, struct wf_grammar **out, struct wf_err *err)
{
    struct wf_grammar *g = NULL;
    uint32_t root = 0;
    int rc = wf_grammar__new(&g, err);

    *out = NULL;
    if (rc == 0)
        rc = wf_schema_build(g, schema, &root, err);
    if (rc == 0)
        rc = wf_grammar__finish(g, root, err);
    if (rc != 0) {
        wf_grammar_unref(g);
        return rc;
    }
    *out = g;
    return 0;
}
