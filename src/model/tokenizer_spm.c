/* SPDX-License-Identifier: Apache-2.0 */
/* SentencePiece's BPE: a text begins as its characters, with U+2581 for spaces; the neighbours that
 * make the token of the best score become one, leftmost first, until none make one. Characters
 * without a token become their bytes. (Kudo and Richardson 2018, "SentencePiece".) */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/vocab_internal.h"

#define NO_SYMBOL UINT32_MAX

struct symbol {
    uint32_t from, len; /* in the text; len 0: merged into its left neighbour */
    uint32_t prev, next;
};

struct candidate {
    float score;
    uint32_t left, len; /* of both, to see whether they have changed */
};

struct spm {
    const struct wf_vocab *v;
    struct wf_str text;
    struct symbol *symbols;
    size_t n;
    struct candidate *heap;
    size_t n_heap;
};

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->score != b->score ? a->score > b->score : a->left < b->left;
}

static void heap_push(struct spm *s, struct candidate c)
{
    size_t i = s->n_heap++;

    while (i > 0 && is_before(&c, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = c;
}

static struct candidate heap_pop(struct spm *s)
{
    struct candidate top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < s->n_heap) {
        if (child + 1 < s->n_heap && is_before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!is_before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static int32_t token_at(const struct spm *s, size_t from, size_t len)
{
    if (len > s->v->name_max)
        return WF_TOKEN_NONE;
    return wf_vocab__table_find(s->v, &s->v->by_name, wf_str_sub(s->text, from, from + len));
}

static void consider(struct spm *s, uint32_t left)
{
    uint32_t right = left != NO_SYMBOL ? s->symbols[left].next : NO_SYMBOL, len;
    int32_t id;

    if (right == NO_SYMBOL)
        return;
    len = s->symbols[left].len + s->symbols[right].len;
    id = token_at(s, s->symbols[left].from, len);
    if (id != WF_TOKEN_NONE)
        heap_push(s, (struct candidate){s->v->tokens[id].score, left, len});
}

static void merge_all(struct spm *s)
{
    while (s->n_heap > 0) {
        struct candidate c = heap_pop(s);
        struct symbol *left = &s->symbols[c.left], *right;

        if (left->len == 0 || left->next == NO_SYMBOL)
            continue;
        right = &s->symbols[left->next];
        if (left->len + right->len != c.len)
            continue;
        left->len = c.len;
        right->len = 0;
        left->next = right->next;
        if (left->next != NO_SYMBOL)
            s->symbols[left->next].prev = c.left;
        consider(s, left->prev);
        consider(s, c.left);
    }
}

/* A character without a token. */
static int push_bytes(const struct spm *s, struct symbol at, struct wf_ids *out)
{
    const struct wf_vocab *v = s->v;
    int rc = 0;

    for (uint32_t i = 0; i < at.len && rc == 0; i++) {
        int32_t id = v->byte_tokens[(uint8_t)s->text.ptr[at.from + i]];
        if (id == WF_TOKEN_NONE)
            id = token_at(s, at.from + i, 1);
        if (id == WF_TOKEN_NONE)
            id = v->unknown;
        rc = id != WF_TOKEN_NONE ? wf_ids_push(out, id) : 0;
    }
    return rc;
}

static int encode(struct spm *s, struct wf_ids *out)
{
    size_t i = 0;
    bool is_valid;
    int rc = 0;

    while (i < s->text.len) {
        size_t from = i;
        (void)wf_vocab__next_point(s->text, &i, &is_valid);
        s->symbols[s->n] = (struct symbol){(uint32_t)from, (uint32_t)(i - from),
                                           s->n > 0 ? (uint32_t)s->n - 1 : NO_SYMBOL,
                                           i < s->text.len ? (uint32_t)s->n + 1 : NO_SYMBOL};
        s->n++;
    }
    for (uint32_t k = 0; k < s->n; k++)
        consider(s, k);
    merge_all(s);
    for (uint32_t k = 0; k < s->n && rc == 0; k = s->symbols[k].next) {
        int32_t id = token_at(s, s->symbols[k].from, s->symbols[k].len);
        rc = id != WF_TOKEN_NONE ? wf_ids_push(out, id) : push_bytes(s, s->symbols[k], out);
    }
    return rc;
}

int wf_vocab__encode_spm(const struct wf_vocab *v, struct wf_str text, bool with_space,
                         struct wf_ids *out)
{
    struct spm s = {.v = v};
    struct wf_buf escaped;
    int rc = 0;

    wf_buf_init(&escaped, SIZE_MAX);
    if (with_space && v->add_space_prefix)
        (void)wf_buf_append_cstr(&escaped, WF_VOCAB_SPACE);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ')
            (void)wf_buf_append_cstr(&escaped, WF_VOCAB_SPACE);
        else
            (void)wf_buf_append_byte(&escaped, text.ptr[i]);
    }
    s.text = wf_buf_str(&escaped);
    s.symbols = wf_alloc_array(s.text.len + 1, sizeof(*s.symbols));
    s.heap = wf_alloc_array(3 * s.text.len + 1, sizeof(*s.heap));
    if (wf_buf_status(&escaped) != 0 || s.symbols == NULL || s.heap == NULL)
        rc = WF_E_NOMEM;
    else
        rc = encode(&s, out);
    wf_free(s.symbols);
    wf_free(s.heap);
    wf_buf_deinit(&escaped);
    return rc;
}
