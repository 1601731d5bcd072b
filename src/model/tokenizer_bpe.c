/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-level BPE: a word begins as its bytes; the neighbours whose merge ranks first become one,
 * leftmost first, until no merge applies. (Sennrich et al. 2016, "Neural machine translation of
 * rare words with subword units".)
 *
 * Possible merges wait in a heap; one whose symbols have changed since is stale and skipped. So a
 * word of n bytes costs n log n, also a hostile one. */
#include <string.h>

#include "base/alloc.h"
#include "model/vocab_internal.h"

#define NO_SYMBOL UINT32_MAX

struct symbol {
    int32_t token; /* n + byte without one; WF_TOKEN_NONE: merged into its left neighbour */
    uint32_t prev, next;
};

struct candidate {
    uint32_t rank, left; /* left: a symbol; in this order */
    int32_t left_token, right_token, merged;
};

struct bpe {
    const struct wf_vocab *v;
    struct wf_ids *out;
    struct wf_ids *firsts; /* of words, counted from n_before; NULL: not wanted */
    size_t n_before;
    struct symbol *symbols; /* grown as needed */
    struct candidate *heap;
    size_t n_heap, cap;
};

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void heap_push(struct bpe *b, struct candidate c)
{
    size_t i = b->n_heap++;

    while (i > 0 && is_before(&c, &b->heap[(i - 1) / 2])) {
        b->heap[i] = b->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    b->heap[i] = c;
}

static struct candidate heap_pop(struct bpe *b)
{
    struct candidate top = b->heap[0], last = b->heap[--b->n_heap];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < b->n_heap) {
        if (child + 1 < b->n_heap && is_before(&b->heap[child + 1], &b->heap[child]))
            child++;
        if (!is_before(&b->heap[child], &last))
            break;
        b->heap[i] = b->heap[child];
        i = child;
    }
    b->heap[i] = last;
    return top;
}

/* Puts the merge of a symbol and the one behind it on the heap, if there is one. */
static void consider(struct bpe *b, uint32_t left)
{
    uint32_t right = left != NO_SYMBOL ? b->symbols[left].next : NO_SYMBOL;
    const struct wf_merge *m;

    if (right == NO_SYMBOL)
        return;
    m = wf_vocab__merge(b->v, b->symbols[left].token, b->symbols[right].token);
    if (m != NULL)
        heap_push(b, (struct candidate){m->rank, left, m->left, m->right, m->merged});
}

/* A word of n bytes has at most n - 1 candidates at first and two more for each merge. */
static int make_room(struct bpe *b, size_t n)
{
    if (n <= b->cap)
        return 0;
    n = n < 64 ? 64 : n;
    wf_free(b->symbols);
    wf_free(b->heap);
    b->cap = 0;
    b->symbols = wf_alloc_array(n, sizeof(*b->symbols));
    b->heap = wf_alloc_array(3 * n, sizeof(*b->heap));
    if (b->symbols == NULL || b->heap == NULL)
        return WF_E_NOMEM;
    b->cap = n;
    return 0;
}

static void merge_all(struct bpe *b)
{
    while (b->n_heap > 0) {
        struct candidate c = heap_pop(b);
        struct symbol *left = &b->symbols[c.left], *right;

        if (left->token != c.left_token || left->next == NO_SYMBOL)
            continue;
        right = &b->symbols[left->next];
        if (right->token != c.right_token)
            continue;
        left->token = c.merged;
        left->next = right->next;
        right->token = WF_TOKEN_NONE;
        if (left->next != NO_SYMBOL)
            b->symbols[left->next].prev = c.left;
        consider(b, left->prev);
        consider(b, c.left);
    }
}

static int encode_word(void *ud, struct wf_str word)
{
    struct bpe *b = ud;
    const struct wf_vocab *v = b->v;
    int32_t id = word.len == 1    ? v->byte_tokens[(uint8_t)word.ptr[0]]
                 : v->whole_words ? wf_vocab__table_find(v, &v->by_bytes, word)
                                  : WF_TOKEN_NONE;
    uint32_t n = (uint32_t)word.len;
    int rc = 0;

    if (b->firsts != NULL && wf_ids_push(b->firsts, (int32_t)(b->out->n - b->n_before)) != 0)
        return WF_E_NOMEM;
    if (id != WF_TOKEN_NONE)
        return wf_ids_push(b->out, id);
    if (make_room(b, word.len) != 0)
        return WF_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)word.ptr[i];
        int32_t token = v->byte_tokens[byte];
        b->symbols[i].token = token != WF_TOKEN_NONE ? token : (int32_t)v->n + byte;
        b->symbols[i].prev = i > 0 ? i - 1 : NO_SYMBOL;
        b->symbols[i].next = i + 1 < n ? i + 1 : NO_SYMBOL;
    }
    b->n_heap = 0;
    for (uint32_t i = 0; i < n; i++)
        consider(b, i);
    merge_all(b);
    for (uint32_t i = 0; i < n && rc == 0; i = b->symbols[i].next) {
        if (b->symbols[i].token < (int32_t)v->n)
            rc = wf_ids_push(b->out, b->symbols[i].token);
    }
    return rc;
}

int wf_vocab__encode_bpe(const struct wf_vocab *v, struct wf_str text, struct wf_ids *out,
                         struct wf_ids *firsts)
{
    struct bpe b = {.v = v, .out = out, .firsts = firsts, .n_before = out->n};
    int rc = wf_pretokenizer_cut(v->pre, text, encode_word, &b);

    wf_free(b.symbols);
    wf_free(b.heap);
    return rc;
}
