/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of neighbours: a table of counts and of the words they stand in, and a heap of the most
 * frequent ones.
 *
 * The heap is lazy: counts mostly fall while other pairs merge, and a pair whose count fell is put
 * back with what is left when it comes to the top. A pair whose count rose goes on it once more;
 * the older entry then differs from the table and is dropped. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "train/bpe_internal.h"

static size_t slot_of(const struct wf_bpe *b, uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(h >> 20) & (b->n_pair_slots - 1);

    while (b->pairs[i].is_used && (b->pairs[i].left != left || b->pairs[i].right != right))
        i = (i + 1) & (b->n_pair_slots - 1);
    return i;
}

static int grow_pairs(struct wf_bpe *b)
{
    struct wf_bpe_pair *old = b->pairs;
    size_t n_old = b->n_pair_slots, n = n_old > 0 ? 2 * n_old : 4096;
    struct wf_bpe_pair *pairs = wf_alloc_array(n, sizeof(*pairs));

    if (pairs == NULL)
        return WF_E_NOMEM;
    b->pairs = pairs;
    b->n_pair_slots = n;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].is_used)
            pairs[slot_of(b, old[i].left, old[i].right)] = old[i];
    }
    wf_free(old);
    return 0;
}

struct wf_bpe_pair *wf_bpe__pair(struct wf_bpe *b, uint32_t left, uint32_t right, bool makes)
{
    struct wf_bpe_pair *p;

    if (makes && 2 * b->n_pairs >= b->n_pair_slots && grow_pairs(b) != 0)
        return NULL;
    p = &b->pairs[slot_of(b, left, right)];
    if (p->is_used || !makes)
        return p->is_used ? p : NULL;
    *p = (struct wf_bpe_pair){.left = left, .right = right, .is_used = true};
    b->n_pairs++;
    return p;
}

static int add_word(struct wf_bpe_pair *p, uint32_t word)
{
    size_t cap = p->cap_words;

    if (p->n_words > 0 && p->words[p->n_words - 1] == word)
        return 0;
    if (wf_reserve(&p->words, &cap, p->n_words + 1, sizeof(*p->words)) != 0)
        return WF_E_NOMEM;
    p->cap_words = (uint32_t)cap;
    p->words[p->n_words++] = word;
    return 0;
}

int wf_bpe__count(struct wf_bpe *b, struct wf_bpe_best pair, uint32_t word, bool is_new)
{
    struct wf_bpe_pair *p;

    if (b->tokens[pair.left].n + b->tokens[pair.right].n > b->o.token_bytes_max)
        return 0;
    p = wf_bpe__pair(b, pair.left, pair.right, true);
    if (p == NULL)
        return WF_E_NOMEM;
    p->count += pair.count;
    if (!is_new)
        return 0;
    if (add_word(p, word) != 0)
        return WF_E_NOMEM;
    if (p->is_touched)
        return 0;
    if (wf_reserve(&b->touched, &b->cap_touched, b->n_touched + 1, sizeof(*b->touched)) != 0)
        return WF_E_NOMEM;
    b->touched[b->n_touched++] = pair;
    p->is_touched = true;
    return 0;
}

/* ---- the heap ---- */

static bool is_before(const struct wf_bpe_best *a, const struct wf_bpe_best *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static int push(struct wf_bpe *b, struct wf_bpe_best c)
{
    size_t i = b->n_heap;

    if (wf_reserve(&b->heap, &b->cap_heap, b->n_heap + 1, sizeof(*b->heap)) != 0)
        return WF_E_NOMEM;
    b->n_heap++;
    while (i > 0 && is_before(&c, &b->heap[(i - 1) / 2])) {
        b->heap[i] = b->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    b->heap[i] = c;
    return 0;
}

/* Puts c where the top was and sinks it. */
static void replace_top(struct wf_bpe *b, struct wf_bpe_best c)
{
    size_t i = 0, child;

    while ((child = 2 * i + 1) < b->n_heap) {
        if (child + 1 < b->n_heap && is_before(&b->heap[child + 1], &b->heap[child]))
            child++;
        if (!is_before(&b->heap[child], &c))
            break;
        b->heap[i] = b->heap[child];
        i = child;
    }
    b->heap[i] = c;
}

static void drop_top(struct wf_bpe *b)
{
    b->n_heap--;
    if (b->n_heap > 0)
        replace_top(b, b->heap[b->n_heap]);
}

int wf_bpe__push_touched(struct wf_bpe *b)
{
    int rc = 0;

    for (size_t i = 0; i < b->n_touched && rc == 0; i++) {
        struct wf_bpe_best c = b->touched[i];
        struct wf_bpe_pair *p = wf_bpe__pair(b, c.left, c.right, false);

        assert(p != NULL);
        p->is_touched = false;
        c.count = p->count;
        if (c.count >= (int64_t)b->o.count_min)
            rc = push(b, c);
    }
    b->n_touched = 0;
    return rc;
}

bool wf_bpe__pop(struct wf_bpe *b, struct wf_bpe_best *out)
{
    while (b->n_heap > 0) {
        struct wf_bpe_best top = b->heap[0];
        const struct wf_bpe_pair *p = wf_bpe__pair(b, top.left, top.right, false);

        if (p->count == top.count) {
            drop_top(b);
            *out = top;
            return true;
        }
        /* a lower count comes back with what is left; a higher one is on the heap once more */
        if (p->count < top.count && p->count >= (int64_t)b->o.count_min) {
            top.count = p->count;
            replace_top(b, top);
        } else {
            drop_top(b);
        }
    }
    return false;
}
