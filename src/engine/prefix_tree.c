/* SPDX-License-Identifier: Apache-2.0 */
/* The radix tree of kept texts. Inner nodes hold no sequence: any leaf below one has all of it. */
#include "engine/prefix_tree.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

struct wf_prefix_node {
    struct wf_list sibling; /* of the parent's children; a root: of the roots */
    struct wf_list leaf;    /* of the leaves; an inner node: in no list */
    struct wf_list children;
    struct wf_prefix_node *parent; /* NULL: a root, whose edge is empty */
    int32_t *ids;                  /* [n_ids] of the edge that leads here */
    size_t n_ids;
    struct wf_seq seq; /* of leaves */
    struct wf_adapter_use *adapters;
    size_t n_adapters; /* of roots */
};

static struct wf_prefix_node *node_at(struct wf_list *sibling)
{
    return WF_CONTAINER(sibling, struct wf_prefix_node, sibling);
}

bool wf_prefix_same_adapters(const struct wf_adapter_use *a, size_t n_a,
                             const struct wf_adapter_use *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        if (a[i].adapter != b[i].adapter || a[i].scale < b[i].scale || a[i].scale > b[i].scale)
            return false;
    }
    return true;
}

static struct wf_prefix_node *root_of(struct wf_prefix_tree *t, const struct wf_adapter_use *a,
                                      size_t n)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &t->_roots)
    {
        if (wf_prefix_same_adapters(node_at(it)->adapters, node_at(it)->n_adapters, a, n))
            return node_at(it);
    }
    return NULL;
}

/* A node below `parent` (NULL: a root) with an edge of its own; NULL out of memory. */
static struct wf_prefix_node *node_new(struct wf_prefix_node *parent, const int32_t *ids, size_t n)
{
    struct wf_prefix_node *node = wf_alloc_array(1, sizeof(*node));

    if (node != NULL) /* an edge of no tokens is one nonetheless */
        node->ids = (int32_t *)(void *)wf_memdup0(n > 0 ? ids : &(int32_t){0}, n * sizeof(*ids));
    if (node == NULL || node->ids == NULL) {
        wf_free(node);
        return NULL;
    }
    node->n_ids = n;
    node->parent = parent;
    wf_list_init(&node->sibling);
    wf_list_init(&node->leaf);
    wf_list_init(&node->children);
    if (parent != NULL)
        wf_list_push(&parent->children, &node->sibling);
    return node;
}

static void node_free(struct wf_prefix_node *node)
{
    wf_list_remove(&node->sibling);
    wf_list_remove(&node->leaf);
    wf_seq_deinit(&node->seq);
    wf_free(node->ids);
    wf_free(node->adapters);
    wf_free(node);
}

static struct wf_prefix_node *child_with(struct wf_prefix_node *node, int32_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &node->children)
    {
        if (node_at(it)->ids[0] == id)
            return node_at(it);
    }
    return NULL;
}

/* Goes down as far as ids [n] lead; *out_n tokens, of them *out_in on the edge to the node that is
 * returned. */
static struct wf_prefix_node *descend(struct wf_prefix_node *root, const int32_t *ids, size_t n,
                                      size_t *out_n, size_t *out_in)
{
    struct wf_prefix_node *node = root, *child;
    size_t done = 0, in = 0;

    while (in == node->n_ids && done < n && (child = child_with(node, ids[done])) != NULL) {
        node = child;
        for (in = 0; in < node->n_ids && done < n && node->ids[in] == ids[done]; in++)
            done++;
    }
    *out_n = done;
    *out_in = in;
    return node;
}

static struct wf_prefix_node *leaf_below(struct wf_prefix_node *node)
{
    while (!wf_list_empty(&node->children))
        node = node_at(node->children.prev); /* the latest that came */
    return node;
}

static void touch(struct wf_prefix_tree *t, struct wf_prefix_node *leaf)
{
    wf_list_remove(&leaf->leaf);
    wf_list_push(&t->_leaves, &leaf->leaf);
}

void wf_prefix_init(struct wf_prefix_tree *t, size_t n_leaves_max)
{
    *t = (struct wf_prefix_tree){.n_leaves_max = n_leaves_max};
    wf_list_init(&t->_roots);
    wf_list_init(&t->_leaves);
}

void wf_prefix_deinit(struct wf_prefix_tree *t)
{
    while (wf_prefix_evict(t))
        ;
}

const struct wf_seq *wf_prefix_find(struct wf_prefix_tree *t, const int32_t *ids, size_t n,
                                    const struct wf_adapter_use *adapters, size_t n_adapters,
                                    size_t *out_n)
{
    struct wf_prefix_node *root = root_of(t, adapters, n_adapters), *leaf;
    size_t in;

    *out_n = 0;
    if (root == NULL)
        return NULL;
    leaf = leaf_below(descend(root, ids, n, out_n, &in));
    if (*out_n == 0)
        return NULL;
    touch(t, leaf);
    return &leaf->seq;
}

/* Cuts the edge to a node behind `n` of its tokens: a new node stands there. NULL out of memory. */
static struct wf_prefix_node *split(struct wf_prefix_node *node, size_t n)
{
    struct wf_prefix_node *upper = node_new(node->parent, node->ids, n);

    if (upper == NULL)
        return NULL;
    wf_list_remove(&node->sibling);
    wf_list_push(&upper->children, &node->sibling);
    node->parent = upper;
    node->n_ids -= n;
    memmove(node->ids, node->ids + n, node->n_ids * sizeof(*node->ids));
    return upper;
}

static struct wf_prefix_node *make_root(struct wf_prefix_tree *t, const struct wf_adapter_use *a,
                                        size_t n)
{
    struct wf_prefix_node *root = node_new(NULL, NULL, 0);

    if (root != NULL && n > 0) {
        root->adapters = (struct wf_adapter_use *)(void *)wf_memdup0(a, n * sizeof(*a));
        root->n_adapters = n;
        if (root->adapters == NULL) {
            node_free(root);
            root = NULL;
        }
    }
    if (root != NULL)
        wf_list_push(&t->_roots, &root->sibling);
    return root;
}

/* The place of a text that is not there yet: its leaf, which may be one that it goes on from. NULL
 * out of memory. */
static struct wf_prefix_node *make_leaf(struct wf_prefix_tree *t, struct wf_prefix_node *root,
                                        const int32_t *ids, size_t n)
{
    size_t done, in;
    struct wf_prefix_node *node = descend(root, ids, n, &done, &in), *leaf;

    if (in < node->n_ids && (node = split(node, in)) == NULL)
        return NULL;
    leaf = node_new(node, ids + done, n - done);
    if (leaf == NULL)
        return NULL;
    t->n_leaves++;
    if (!wf_list_empty(&node->leaf)) { /* it was a text of its own: now the beginning of one */
        wf_list_remove(&node->leaf);
        wf_seq_deinit(&node->seq);
        node->seq = (struct wf_seq){0};
        t->n_leaves--;
    }
    return leaf;
}

/* Nodes that lead nowhere go. */
static void prune(struct wf_prefix_node *node)
{
    while (node != NULL && wf_list_empty(&node->children) && wf_list_empty(&node->leaf)) {
        struct wf_prefix_node *parent = node->parent;
        node_free(node);
        node = parent;
    }
}

void wf_prefix_put(struct wf_prefix_tree *t, const int32_t *ids, struct wf_seq *seq,
                   const struct wf_adapter_use *adapters, size_t n_adapters)
{
    struct wf_prefix_node *root = root_of(t, adapters, n_adapters), *node, *leaf = NULL;
    size_t n = seq->n_tokens, done, in;

    if (root == NULL)
        root = make_root(t, adapters, n_adapters);
    if (root != NULL) {
        node = descend(root, ids, n, &done, &in);
        if (done < n)
            leaf = make_leaf(t, root, ids, n);
        else if (n > 0)
            touch(t, leaf_below(node)); /* it is there already */
        if (leaf == NULL)
            prune(root);
    }
    if (leaf == NULL) {
        wf_seq_deinit(seq);
    } else {
        leaf->seq = *seq;
        touch(t, leaf);
    }
    *seq = (struct wf_seq){0};
    while (t->n_leaves > t->n_leaves_max && wf_prefix_evict(t))
        ;
}

bool wf_prefix_evict(struct wf_prefix_tree *t)
{
    struct wf_prefix_node *leaf, *parent;

    if (wf_list_empty(&t->_leaves))
        return false;
    leaf = WF_CONTAINER(t->_leaves.next, struct wf_prefix_node, leaf);
    parent = leaf->parent;
    assert(parent != NULL);
    if (parent->parent != NULL && leaf->sibling.next == leaf->sibling.prev) {
        /* The only one that begins like this: what others once shared with it stays. */
        size_t left = wf_seq_truncate(&leaf->seq, leaf->seq.n_tokens - leaf->n_ids);
        if (left > 0) {
            parent->seq = leaf->seq;
            leaf->seq = (struct wf_seq){0};
            wf_list_add(&leaf->leaf, &parent->leaf); /* as old as it was */
            node_free(leaf);
            return true;
        }
    }
    t->n_leaves--;
    node_free(leaf);
    prune(parent);
    return true;
}
