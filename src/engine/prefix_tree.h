/* Prefix tree: texts whose cache is kept, by their tokens, so that a new one begins with as much of
 * the cache as it shares with any of them.
 *
 * A radix tree (Zheng et al., SGLang: Efficient Execution of Structured Language Model Programs,
 * 2024): an edge is a run of tokens, a leaf a text with its sequence. Texts share pages as far as
 * they are alike (model/kv.h), so that only what is their own takes room. Only texts under the same
 * adapters are alike. What was used least lately goes first, from its end.
 * Threads: owner. */
#ifndef WF_ENGINE_PREFIX_TREE_H
#define WF_ENGINE_PREFIX_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "model/adapter.h"
#include "model/kv.h"
#include "model/vocab.h"

struct wf_prefix_node;

struct wf_prefix_tree {
    struct wf_list _roots;  /* one for each set of adapters */
    struct wf_list _leaves; /* latest used last */
    size_t n_leaves;
    size_t n_leaves_max; /* more are not kept */
};

/* Whether two sets of adapters are the same. */
bool wf_prefix_same_adapters(const struct wf_adapter_use *a, size_t n_a,
                             const struct wf_adapter_use *b, size_t n_b);

/* An empty tree, in no need of an end until something is put in. */
void wf_prefix_init(struct wf_prefix_tree *t, size_t n_leaves_max);
/* Gives all sequences back. Safe to call twice. */
void wf_prefix_deinit(struct wf_prefix_tree *t);

/* The sequence that has most in common with ids [n] under these adapters, borrowed until the tree
 * changes, and how many tokens that are; NULL and 0: none. It is then the latest used. */
const struct wf_seq *wf_prefix_find(struct wf_prefix_tree *t, const int32_t *ids, size_t n,
                                    const struct wf_adapter_use *adapters, size_t n_adapters,
                                    size_t *out_n);

/* Keeps a text, ids [seq->n_tokens], and takes *seq over (it is zero behind); where there is no
 * memory for it, it is given back. A text that the new one begins with becomes a part of it, and
 * one that is kept as a part of a longer one is not kept anew. */
void wf_prefix_put(struct wf_prefix_tree *t, const int32_t *ids, struct wf_seq *seq,
                   const struct wf_adapter_use *adapters, size_t n_adapters);

/* Gives back what is the own of the text whose last use is longest ago; false: there is none. */
bool wf_prefix_evict(struct wf_prefix_tree *t);

#endif
