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
    wf_free(r->ids);
    wf_free(r->inner);
    wf_free(r->exits);
    wf_free(r->bits);
    wf_free(r);
}

/* Trie nodes whose tokens stay within the rule, as they are found. */
struct found {
    struct wf_g_reach *r;
    struct stay {
        uint32_t at, group;
    } * stays;
    size_t n_stays, cap_stays;
    uint32_t *slots; /* of groups by need and dist, open addressing; WF_G_NONE: free */
    size_t n_slots;
    uint32_t last; /* group; most tokens are like the one before */
};

static size_t group_slot(const struct found *f, uint32_t need, uint32_t dist)
{
    uint64_t key = ((uint64_t)need << 32 | dist) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(key >> 32) & (f->n_slots - 1);

    while (f->slots[i] != WF_G_NONE &&
           (f->r->inner[f->slots[i]].need != need || f->r->inner[f->slots[i]].dist != dist))
        i = (i + 1) & (f->n_slots - 1);
    return i;
}

static int grow_slots(struct found *f)
{
    size_t n = f->n_slots > 0 ? 2 * f->n_slots : 64;
    uint32_t *p = wf_alloc_array(n, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    memset(p, 0xff, n * sizeof(*p));
    wf_free(f->slots);
    f->slots = p;
    f->n_slots = n;
    for (uint32_t i = 0; i < f->r->n_inner; i++)
        p[group_slot(f, f->r->inner[i].need, f->r->inner[i].dist)] = i;
    return 0;
}

/* The group of tokens that leave this behind them. */
static int find_group(struct found *f, uint32_t need, uint32_t dist, uint32_t *out)
{
    struct wf_g_reach *r = f->r;
    struct wf_g_inner *p;
    size_t slot;

    *out = f->last;
    if (r->n_inner > 0 && r->inner[f->last].need == need && r->inner[f->last].dist == dist)
        return 0;
    if (2 * (r->n_inner + 1) > f->n_slots && grow_slots(f) != 0)
        return WF_E_NOMEM;
    slot = group_slot(f, need, dist);
    if (f->slots[slot] == WF_G_NONE) {
        p = wf_g__grow(r->inner, &r->cap_inner, r->n_inner + 1, sizeof(*p));
        if (p == NULL)
            return WF_E_NOMEM;
        r->inner = p;
        p[r->n_inner] = (struct wf_g_inner){.need = need, .dist = dist};
        f->slots[slot] = (uint32_t)r->n_inner++;
        r->need_max = WF_MAX(r->need_max, need);
        r->dist_max = WF_MAX(r->dist_max, dist);
    }
    f->last = f->slots[slot];
    *out = f->last;
    return 0;
}

static int add_inner(struct found *f, const struct wf_token_trie *t, uint32_t at, uint32_t need,
                     uint32_t dist)
{
    uint32_t n = t->tokens[at + 1] - t->tokens[at], group;
    struct stay *p;

    if (n == 0)
        return 0;
    if (find_group(f, need, dist, &group) != 0)
        return WF_E_NOMEM;
    p = wf_g__grow(f->stays, &f->cap_stays, f->n_stays + 1, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    f->stays = p;
    p[f->n_stays++] = (struct stay){.at = at, .group = group};
    f->r->inner[group].n += n;
    f->r->n_ids += n;
    return 0;
}

static int add_exit(struct found *f, uint32_t at, uint32_t need)
{
    struct wf_g_reach *r = f->r;
    struct wf_g_exit *p = wf_g__grow(r->exits, &r->cap_exits, r->n_exits + 1, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    r->exits = p;
    p[r->n_exits++] = (struct wf_g_exit){.at = at, .need = need};
    return 0;
}

/* Lists the tokens found, group by group, and makes their mask where they are many. */
static int list_inner(struct found *f, const struct wf_token_trie *t)
{
    struct wf_g_reach *r = f->r;
    uint32_t first = 0;

    r->ids = wf_alloc_array(r->n_ids + 1, sizeof(*r->ids));
    if (r->ids == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < r->n_inner; i++) {
        r->inner[i].first = first;
        first += r->inner[i].n;
        r->inner[i].n = 0;
    }
    for (size_t i = 0; i < f->n_stays; i++) {
        struct wf_g_inner *g = &r->inner[f->stays[i].group];
        uint32_t at = f->stays[i].at;
        for (uint32_t k = t->tokens[at]; k < t->tokens[at + 1]; k++)
            r->ids[g->first + g->n++] = t->ids[k];
    }
    if (r->n_ids < BITS_FROM)
        return 0;
    r->bits = wf_alloc_array((t->n_vocab + 31) / 32, sizeof(*r->bits));
    if (r->bits == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < r->n_ids; i++)
        r->bits[r->ids[i] / 32] |= UINT32_C(1) << r->ids[i] % 32;
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

static int walk_lexical(struct lexical *l, uint32_t node, struct found *f)
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
            rc = add_exit(f, i, p.used);
        if (rc == 0 && l->g->nodes[to].n_edges > 0)
            rc = add_inner(f, t, i, p.used + l->plan->need[to], l->plan->dist[to]);
        if (rc != 0)
            return rc;
        i++;
    }
    return 0;
}

static int reach_lexical(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                         struct found *f)
{
    const struct wf_g_rule *rule = &g->rules[g->nodes[node].rule];
    struct lexical l = {.g = g, .plan = p, .first = rule->nodes};
    int rc = WF_E_NOMEM;

    l.table = wf_alloc_array(rule->n_nodes, sizeof(*l.table));
    l.stack = wf_alloc_array(p->trie->depth_max + 1, sizeof(*l.stack));
    if (l.table != NULL && l.stack != NULL)
        rc = walk_lexical(&l, node, f);
    for (uint32_t i = 0; l.table != NULL && i < rule->n_nodes; i++)
        wf_free(l.table[i]);
    wf_free(l.table);
    wf_free(l.stack);
    return rc;
}

/* ---- all others: by the walker, with nothing below the node ---- */

static int walk_places(struct wf_g_plan *p, uint32_t start, uint32_t *stack, struct found *f)
{
    const struct wf_token_trie *t = p->trie;
    uint32_t i = 1;

    stack[0] = start;
    while (i < t->end[0]) {
        uint32_t to;
        int rc = wf_walker_step(&p->walker, stack[t->depth[i] - 1], t->bytes[i], &to);

        if (rc != 0 && rc != WF_E_LIMIT)
            return rc;
        f->r->is_ambiguous |= rc != 0;
        if (rc != 0 || to == 0) { /* it does not fit, or has too many readings */
            i = t->end[i];
            continue;
        }
        stack[t->depth[i]] = to;
        if (p->walker.states[to].ends)
            rc = add_exit(f, i, 0);
        if (rc == 0 && p->walker.states[to].n_configs > 0)
            rc = add_inner(f, t, i, 0, p->walker.states[to].dist);
        if (rc != 0)
            return rc;
        i++;
    }
    return 0;
}

static int reach_places(struct wf_g_plan *p, uint32_t node, struct found *f)
{
    uint32_t *stack = wf_alloc_array(p->trie->depth_max + 1, sizeof(*stack));
    uint32_t start = 0;
    int rc = stack != NULL ? 0 : WF_E_NOMEM;

    if (rc == 0 && wf_walker_is_full(&p->walker))
        rc = wf_walker_forget(&p->walker, NULL);
    if (rc == 0)
        rc = wf_walker_at_edges(&p->walker, node, &start);
    if (rc == 0)
        rc = walk_places(p, start, stack, f);
    wf_free(stack);
    return rc;
}

static int make_reach(const struct wf_grammar *g, struct wf_g_plan *p, uint32_t node,
                      struct wf_g_reach **out)
{
    struct found f = {.r = wf_alloc_array(1, sizeof(*f.r))};
    int rc = WF_E_NOMEM;

    if (f.r != NULL && g->rules[g->nodes[node].rule].is_lexical)
        rc = reach_lexical(g, p, node, &f);
    else if (f.r != NULL)
        rc = reach_places(p, node, &f);
    if (rc == 0)
        rc = list_inner(&f, p->trie);
    wf_free(f.stays);
    wf_free(f.slots);
    if (rc != 0) {
        wf_reach_free(f.r);
        return rc;
    }
    *out = f.r;
    return 0;
}

static size_t reach_bytes(const struct wf_g_reach *r, size_t n_vocab)
{
    return r->n_ids * sizeof(*r->ids) + r->cap_inner * sizeof(*r->inner) +
           r->cap_exits * sizeof(*r->exits) + (r->bits != NULL ? n_vocab / 8 : 0);
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
            size_t bytes = reach_bytes(r, p->trie->n_vocab);
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
