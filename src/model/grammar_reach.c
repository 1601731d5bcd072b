/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a grammar together with one vocabulary: distances, and for each node what every
 * token does from there, whatever lies below the node's rule.
 *
 * Within a string nearly all tokens fit, and none but those with a quote in them depends on what
 * stands around the string. So tokens that stay within the rule are found once and kept (the inner
 * ones); for the others it is kept where in the trie the rule is left (the exits), and a mask
 * begins its walk there. Rules that count keep for each token how much of the count it takes. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/grammar_internal.h"

/* From so many inner tokens on a mask of them is kept, too. */
#define BITS_FROM 64

void wf_reach_free(struct wf_g_reach *r)
{
    if (r == NULL)
        return;
    wf_free(r->inner);
    wf_free(r->exits);
    wf_free(r->bits);
    wf_free(r);
}

static int add_inner(struct wf_g_reach *r, const struct wf_token_trie *t, uint32_t at,
                     uint32_t need, uint32_t dist)
{
    uint32_t n = t->tokens[at + 1] - t->tokens[at];
    struct wf_g_inner *p;

    if (n == 0)
        return 0;
    p = wf_g__grow(r->inner, &r->cap_inner, r->n_inner + n, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    r->inner = p;
    for (uint32_t k = t->tokens[at]; k < t->tokens[at + 1]; k++)
        p[r->n_inner++] = (struct wf_g_inner){.id = t->ids[k], .need = need, .dist = dist};
    r->need_max = WF_MAX(r->need_max, need);
    r->dist_max = WF_MAX(r->dist_max, dist);
    return 0;
}

static int add_exit(struct wf_g_reach *r, uint32_t at, uint32_t need)
{
    struct wf_g_exit *p = wf_g__grow(r->exits, &r->cap_exits, r->n_exits + 1, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    r->exits = p;
    p[r->n_exits++] = (struct wf_g_exit){.at = at, .need = need};
    return 0;
}

static int make_bits(struct wf_g_reach *r, size_t n_vocab)
{
    if (r->n_inner < BITS_FROM)
        return 0;
    r->bits = wf_alloc_array((n_vocab + 31) / 32, sizeof(*r->bits));
    if (r->bits == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < r->n_inner; i++)
        r->bits[r->inner[i].id / 32] |= UINT32_C(1) << r->inner[i].id % 32;
    return 0;
}

/* ---- rules that call nothing: one node at a time ---- */

struct lexical {
    const struct wf_grammar *g;
    const struct wf_g_plan *plan;
    uint32_t first;   /* node of the rule */
    uint32_t **table; /* [n_nodes of the rule]: [256] or NULL */
    struct place {
        uint32_t node, used;
    } * stack; /* by depth */
};

static int make_table(struct lexical *l, uint32_t node)
{
    const struct wf_g_node *n = &l->g->nodes[node];
    uint32_t *t = wf_alloc_array(256, sizeof(*t));

    if (t == NULL)
        return WF_E_NOMEM;
    memset(t, 0xff, 256 * sizeof(*t));
    for (uint32_t k = n->edges; k < n->edges + n->n_edges; k++) {
        const struct wf_g_edge *e = &l->g->edges[k];
        for (unsigned b = e->lo; b <= e->hi && l->plan->dist[e->to] != WF_G_NONE; b++)
            t[b] = e->to;
    }
    l->table[node - l->first] = t;
    return 0;
}

static int walk_lexical(struct lexical *l, uint32_t node, struct wf_g_reach *r)
{
    const struct wf_token_trie *t = l->plan->trie;
    uint32_t i = 1;

    l->stack[0] = (struct place){node, 0};
    while (i < t->end[0]) {
        struct place p = l->stack[t->depth[i] - 1];
        uint32_t *table = l->table[p.node - l->first], to;
        int rc = 0;

        if (table == NULL && make_table(l, p.node) != 0)
            return WF_E_NOMEM;
        table = l->table[p.node - l->first];
        to = table[t->bytes[i]];
        if (to == WF_G_NONE) {
            i = t->end[i];
            continue;
        }
        p = (struct place){to, p.used + (l->g->nodes[to].counts ? 1 : 0)};
        l->stack[t->depth[i]] = p;
        if (l->g->nodes[to].is_final)
            rc = add_exit(r, i, p.used);
        if (rc == 0 && l->g->nodes[to].n_edges > 0)
            rc = add_inner(r, t, i, p.used + l->plan->need[to], l->plan->dist[to]);
        if (rc != 0)
            return rc;
        i++;
    }
    return 0;
}

static int reach_lexical(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                         struct wf_g_reach *r)
{
    const struct wf_g_rule *rule = &g->rules[g->nodes[node].rule];
    struct lexical l = {.g = g, .plan = p, .first = rule->nodes};
    int rc = WF_E_NOMEM;

    l.table = wf_alloc_array(rule->n_nodes, sizeof(*l.table));
    l.stack = wf_alloc_array(p->trie->depth_max + 1, sizeof(*l.stack));
    if (l.table != NULL && l.stack != NULL)
        rc = walk_lexical(&l, node, r);
    for (uint32_t i = 0; l.table != NULL && i < rule->n_nodes; i++)
        wf_free(l.table[i]);
    wf_free(l.table);
    wf_free(l.stack);
    return rc;
}

/* ---- all others: by the walker, with nothing below the node ---- */

static int walk_places(struct wf_g_plan *p, uint32_t start, uint32_t *stack, struct wf_g_reach *r)
{
    const struct wf_token_trie *t = p->trie;
    uint32_t i = 1;

    stack[0] = start;
    while (i < t->end[0]) {
        uint32_t to;
        int rc = wf_walker_step(&p->walker, stack[t->depth[i] - 1], t->bytes[i], &to);

        if (rc != 0)
            return rc;
        if (to == 0) {
            i = t->end[i];
            continue;
        }
        stack[t->depth[i]] = to;
        if (p->walker.states[to].ends)
            rc = add_exit(r, i, 0);
        if (rc == 0 && p->walker.states[to].n_configs > 0)
            rc = add_inner(r, t, i, 0, p->walker.states[to].dist);
        if (rc != 0)
            return rc;
        i++;
    }
    return 0;
}

static int reach_places(struct wf_g_plan *p, uint32_t node, struct wf_g_reach *r)
{
    uint32_t *stack = wf_alloc_array(p->trie->depth_max + 1, sizeof(*stack));
    uint32_t start = 0;
    int rc = stack != NULL ? 0 : WF_E_NOMEM;

    if (rc == 0 && wf_walker_is_full(&p->walker))
        rc = wf_walker_forget(&p->walker, NULL);
    if (rc == 0)
        rc = wf_walker_at_edges(&p->walker, node, &start);
    if (rc == 0)
        rc = walk_places(p, start, stack, r);
    wf_free(stack);
    return rc;
}

static int make_reach(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                      struct wf_g_reach **out)
{
    struct wf_g_reach *r = wf_alloc_array(1, sizeof(*r));
    int rc = WF_E_NOMEM;

    if (r != NULL && g->rules[g->nodes[node].rule].is_lexical)
        rc = reach_lexical(g, p, node, r);
    else if (r != NULL)
        rc = reach_places(p, node, r);
    if (rc == 0)
        rc = make_bits(r, p->trie->n_vocab);
    if (rc != 0) {
        wf_reach_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

int wf_plan_reach(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                  const struct wf_g_reach **out, bool *out_own)
{
    /* Acquire: what it points to was written before. */
    struct wf_g_reach *r = atomic_load_explicit(&p->reach[node], memory_order_acquire);
    int rc = 0;

    *out_own = false;
    *out = r;
    if (r != NULL)
        return 0;
    (void)pthread_mutex_lock(&p->mutex);
    r = atomic_load_explicit(&p->reach[node], memory_order_acquire);
    if (r == NULL) {
        rc = make_reach(g, p, node, &r);
        if (rc == 0) {
            size_t bytes = r->cap_inner * sizeof(*r->inner) + r->cap_exits * sizeof(*r->exits) +
                           (r->bits != NULL ? p->trie->n_vocab / 8 : 0);
            *out_own = p->bytes + bytes > WF_LIMIT_GRAMMAR_PLAN_BYTES;
            /* Release: see above. */
            if (!*out_own) {
                p->bytes += bytes;
                atomic_store_explicit(&p->reach[node], r, memory_order_release);
            }
        }
    }
    (void)pthread_mutex_unlock(&p->mutex);
    *out = r;
    return rc;
}

/* ---- plans ---- */

/* Plans of other vocabularies that a grammar keeps: as many models as answer by turns. */
#define PLANS_MAX 4

void wf_plan_unref(struct wf_g_plan *p)
{
    /* Release and acquire: all that others did with it comes before its end. */
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; p->reach != NULL && i < p->n_nodes; i++)
        wf_reach_free(atomic_load_explicit(&p->reach[i], memory_order_relaxed));
    wf_walker_deinit(&p->walker);
    (void)pthread_mutex_destroy(&p->mutex);
    wf_free(p->reach);
    wf_free(p->dist);
    wf_free(p->need);
    wf_free(p);
}

static int make_plan(const struct wf_grammar *g, const struct wf_token_trie *trie,
                     struct wf_g_plan **out)
{
    struct wf_g_plan *p = wf_alloc_array(1, sizeof(*p));
    int rc = WF_E_NOMEM;

    if (p == NULL)
        return rc;
    atomic_init(&p->refs, 1);
    (void)pthread_mutex_init(&p->mutex, NULL);
    p->trie = trie;
    p->trie_id = trie->id;
    p->n_nodes = g->n_nodes;
    p->dist = wf_alloc_array(g->n_nodes, sizeof(*p->dist));
    p->need = wf_alloc_array(g->n_nodes, sizeof(*p->need));
    p->reach = wf_alloc_array(g->n_nodes, sizeof(*p->reach));
    if (p->dist != NULL && p->need != NULL && p->reach != NULL)
        rc = wf_grammar__distances(g, trie->writable, p->dist, p->need);
    if (rc != 0) {
        wf_plan_unref(p);
        return rc;
    }
    wf_walker_init(&p->walker, g, p->dist, p->need);
    *out = p;
    return 0;
}

/* Takes the last plan of the list off when there are too many. */
static void drop_oldest(struct wf_grammar *g)
{
    struct wf_g_plan **at = &g->plans;
    size_t n = 1;

    if (*at == NULL)
        return;
    while ((*at)->next != NULL) {
        at = &(*at)->next;
        n++;
    }
    if (n <= PLANS_MAX)
        return;
    wf_plan_unref(*at);
    *at = NULL;
}

int wf_grammar__plan(struct wf_grammar *g, const struct wf_token_trie *trie, struct wf_g_plan **out,
                     struct wf_err *err)
{
    struct wf_g_plan *p;
    int rc = 0;

    (void)pthread_mutex_lock(&g->mutex);
    for (p = g->plans; p != NULL && p->trie_id != trie->id; p = p->next)
        ;
    if (p == NULL) {
        rc = make_plan(g, trie, &p);
        if (rc == 0) {
            p->next = g->plans;
            g->plans = p;
            drop_oldest(g);
        }
    }
    /* Relaxed: the mutex orders it. */
    if (rc == 0)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&g->mutex);
    if (rc != 0)
        return wf_err_set(err, rc, "Not enough memory for a grammar's tokens.");
    *out = p;
    return 0;
}
