/* SPDX-License-Identifier: Apache-2.0 */
/* Positions in long sequences: a tree over the items in their order, each node with the visible
 * units below each of its children, up to 32. It is made from the list when a position is first
 * asked for, kept up to date by each change, and dropped by updates that bring so much that making
 * it anew costs less. Nodes that lose children are left small; empty ones go. */
#include "base/alloc.h"
#include "crdt/crdt_internal.h"

/* Children that a node made from the list gets: room for some more. */
#define FILL 24u

static int node_new(struct wf_crdt *d, bool is_leaf, uint32_t *out)
{
    uint32_t i = d->free_node;

    if (i != 0) {
        d->free_node = d->nodes[i].parent;
    } else {
        if (wf_reserve(&d->nodes, &d->cap_nodes, d->n_nodes + 1, sizeof(*d->nodes)) != 0)
            return wf_crdt__break(d);
        i = (uint32_t)d->n_nodes++;
    }
    d->nodes[i].parent = 0;
    d->nodes[i].n = 0;
    d->nodes[i].is_leaf = is_leaf;
    *out = i;
    return 0;
}

static void node_free(struct wf_crdt *d, uint32_t i)
{
    d->nodes[i].parent = d->free_node;
    d->free_node = i;
}

static uint32_t slot_of(const struct wf_crdt_node *n, uint32_t kid)
{
    uint32_t s = 0;

    while (n->kid[s] != kid)
        s++;
    assert(s < n->n);
    return s;
}

static uint32_t sum_of(const struct wf_crdt_node *n)
{
    uint32_t sum = 0;

    for (uint32_t s = 0; s < n->n; s++)
        sum += n->sum[s];
    return sum;
}

static void adopt(struct wf_crdt *d, uint32_t node)
{
    const struct wf_crdt_node *n = &d->nodes[node];

    for (uint32_t s = 0; s < n->n; s++) {
        if (n->is_leaf)
            wf_crdt__item(d, n->kid[s])->leaf = node;
        else
            d->nodes[n->kid[s]].parent = node;
    }
}

/* Adds to the sums of all nodes above. */
static void add_up(struct wf_crdt *d, uint32_t node, uint32_t kid, int64_t delta)
{
    while (delta != 0 && node != 0) {
        struct wf_crdt_node *n = &d->nodes[node];
        n->sum[slot_of(n, kid)] += (uint32_t)delta;
        kid = node;
        node = n->parent;
    }
}

/* Puts a child at slot `at` of a node, with no units yet, splitting the node where it is full. */
static int put(struct wf_crdt *d, uint32_t type, uint32_t node, uint32_t at, uint32_t kid)
{
    struct wf_crdt_node *n = &d->nodes[node], *m;
    uint32_t other = 0, above, moved, half = WF_CRDT_FAN / 2;

    if (n->n == WF_CRDT_FAN) {
        if (node_new(d, n->is_leaf, &other) != 0)
            return WF_E_NOMEM;
        n = &d->nodes[node];
        if (at == WF_CRDT_FAN)
            half = FILL + 4; /* it grows at its end */
        m = &d->nodes[other];
        m->n = (uint16_t)(n->n - half);
        memcpy(m->kid, n->kid + half, m->n * sizeof(*m->kid));
        memcpy(m->sum, n->sum + half, m->n * sizeof(*m->sum));
        n->n = (uint16_t)half;
        adopt(d, other);
        moved = sum_of(m);
        above = n->parent;
        if (above == 0) {
            if (node_new(d, false, &above) != 0)
                return WF_E_NOMEM;
            n = &d->nodes[node];
            d->nodes[above].kid[0] = node;
            d->nodes[above].sum[0] = sum_of(n);
            d->nodes[above].n = 1;
            n->parent = above;
            d->types[type].tree = above;
        } else {
            add_up(d, above, node, -(int64_t)moved);
        }
        if (put(d, type, above, slot_of(&d->nodes[above], node) + 1, other) != 0)
            return WF_E_NOMEM;
        add_up(d, d->nodes[other].parent, other, moved);
        if (at > half) {
            node = other;
            at -= half;
        }
        n = &d->nodes[node];
    }
    memmove(n->kid + at + 1, n->kid + at, (n->n - at) * sizeof(*n->kid));
    memmove(n->sum + at + 1, n->sum + at, (n->n - at) * sizeof(*n->sum));
    n->kid[at] = kid;
    n->sum[at] = 0;
    n->n++;
    if (n->is_leaf)
        wf_crdt__item(d, kid)->leaf = node;
    else
        d->nodes[kid].parent = node;
    return 0;
}

int wf_crdt__tree_insert(struct wf_crdt *d, uint32_t type, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t node, at = 0, sum = wf_crdt__visible(it);

    if (it->left != 0) {
        node = wf_crdt__item(d, it->left)->leaf;
        at = slot_of(&d->nodes[node], it->left) + 1;
    } else {
        for (node = d->types[type].tree; !d->nodes[node].is_leaf;)
            node = d->nodes[node].kid[0];
    }
    if (put(d, type, node, at, i) != 0)
        return WF_E_NOMEM;
    if (sum != 0)
        add_up(d, it->leaf, i, sum);
    return 0;
}

/* Brings the tree up to date with the item that changed last. */
static void catch_up(struct wf_crdt *d, struct wf_crdt_type *t)
{
    if (t->late != 0)
        add_up(d, wf_crdt__item(d, t->late)->leaf, t->late, t->late_by);
    t->late = 0;
}

void wf_crdt__tree_change(struct wf_crdt *d, uint32_t i, int64_t delta)
{
    struct wf_crdt_type *t = &d->types[wf_crdt__item(d, i)->parent];

    if (delta == 0)
        return;
    if (t->late == i) { /* text that is typed grows many times between two looks */
        t->late_by += delta;
        return;
    }
    catch_up(d, t);
    t->late = i;
    t->late_by = delta;
}

void wf_crdt__tree_remove(struct wf_crdt *d, uint32_t i)
{
    struct wf_crdt_item *it = wf_crdt__item(d, i);
    uint32_t node = it->leaf, kid = i;
    struct wf_crdt_node *n = &d->nodes[node];

    if (d->types[it->parent].late == i)
        catch_up(d, &d->types[it->parent]);
    add_up(d, node, i, -(int64_t)n->sum[slot_of(n, i)]);
    for (;;) {
        uint32_t s = slot_of(n, kid), above = n->parent;
        n->n--;
        memmove(n->kid + s, n->kid + s + 1, (n->n - s) * sizeof(*n->kid));
        memmove(n->sum + s, n->sum + s + 1, (n->n - s) * sizeof(*n->sum));
        if (n->n > 0 || above == 0)
            break;
        node_free(d, node);
        kid = node;
        node = above;
        n = &d->nodes[node];
    }
    if (n->n == 0) { /* the root: nothing is left */
        node_free(d, node);
        d->types[it->parent].tree = d->types[it->parent].late = 0;
    }
}

/* Frees a node with all below it. */
static void free_below(struct wf_crdt *d, uint32_t node)
{
    if (!d->nodes[node].is_leaf) {
        for (uint32_t s = 0; s < d->nodes[node].n; s++)
            free_below(d, d->nodes[node].kid[s]);
    }
    node_free(d, node);
}

void wf_crdt__tree_drop(struct wf_crdt *d, uint32_t type)
{
    if (d->types[type].tree != 0)
        free_below(d, d->types[type].tree);
    d->types[type].tree = d->types[type].late = 0;
}

/* A tree from the list of items, from left to right. */
static int build(struct wf_crdt *d, uint32_t type)
{
    uint32_t node = 0, leaf = 0;

    if (node_new(d, true, &leaf) != 0)
        return WF_E_NOMEM;
    d->types[type].tree = leaf;
    for (uint32_t i = d->types[type].start; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (d->nodes[leaf].n == FILL) {
            struct wf_crdt_node *n = &d->nodes[leaf];
            uint32_t above = n->parent;
            if (above == 0) {
                if (node_new(d, false, &above) != 0)
                    return WF_E_NOMEM;
                d->nodes[above].kid[0] = leaf;
                d->nodes[above].sum[0] = sum_of(&d->nodes[leaf]);
                d->nodes[above].n = 1;
                d->nodes[leaf].parent = above;
                d->types[type].tree = above;
            }
            if (node_new(d, true, &node) != 0 ||
                put(d, type, d->nodes[leaf].parent,
                    slot_of(&d->nodes[d->nodes[leaf].parent], leaf) + 1, node) != 0)
                return WF_E_NOMEM;
            leaf = node;
        }
        if (put(d, type, leaf, d->nodes[leaf].n, i) != 0)
            return WF_E_NOMEM;
        add_up(d, leaf, i, wf_crdt__visible(it));
    }
    return 0;
}

int wf_crdt__tree_find(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_item,
                       uint32_t *out_begin)
{
    uint32_t node, begin = 0;

    if (d->types[type].tree == 0 && build(d, type) != 0)
        return WF_E_NOMEM;
    catch_up(d, &d->types[type]);
    assert(at < d->types[type].length);
    node = d->types[type].tree;
    for (;;) {
        const struct wf_crdt_node *n = &d->nodes[node];
        uint32_t s = 0;
        while (at - begin >= n->sum[s])
            begin += n->sum[s++];
        assert(s < n->n);
        if (n->is_leaf) {
            *out_item = n->kid[s];
            *out_begin = begin;
            return 0;
        }
        node = n->kid[s];
    }
}
