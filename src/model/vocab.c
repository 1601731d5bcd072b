/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary's tables (strings to tokens, pairs to merges) and what is asked of its tokens. */
#include "model/vocab.h"

#include <string.h>

#include "base/alloc.h"
#include "model/vocab_internal.h"

/* Names and bytes of tokens; the largest vocabularies have 4 MiB of them. */
#define ARENA_MAX (256u << 20)

static struct wf_str string_of(const struct wf_vocab *v, const struct wf_piece_table *t, int32_t id)
{
    return t->by_name ? v->tokens[id].name : v->tokens[id].word;
}

static size_t slots_for(size_t n)
{
    size_t slots = 16;

    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

int wf_vocab__table_init(struct wf_vocab *v, struct wf_piece_table *t, size_t n, bool by_name)
{
    size_t slots = slots_for(n);

    t->slots = wf_arena_array(&v->arena, slots, sizeof(*t->slots));
    if (t->slots == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < slots; i++)
        t->slots[i] = WF_TOKEN_NONE;
    t->n_slots = slots;
    t->by_name = by_name;
    return 0;
}

static size_t slot_of(const struct wf_vocab *v, const struct wf_piece_table *t, struct wf_str s)
{
    size_t i = (size_t)wf_str_hash(s, 0) & (t->n_slots - 1);

    while (t->slots[i] != WF_TOKEN_NONE && !wf_str_eq(string_of(v, t, t->slots[i]), s))
        i = (i + 1) & (t->n_slots - 1);
    return i;
}

void wf_vocab__table_add(const struct wf_vocab *v, struct wf_piece_table *t, int32_t id)
{
    t->slots[slot_of(v, t, string_of(v, t, id))] = id;
}

bool wf_vocab__table_add_new(const struct wf_vocab *v, struct wf_piece_table *t, int32_t id)
{
    int32_t *slot = &t->slots[slot_of(v, t, string_of(v, t, id))];

    if (*slot != WF_TOKEN_NONE)
        return false;
    *slot = id;
    return true;
}

int32_t wf_vocab__table_find(const struct wf_vocab *v, const struct wf_piece_table *t,
                             struct wf_str s)
{
    return t->n_slots > 0 ? t->slots[slot_of(v, t, s)] : WF_TOKEN_NONE;
}

int wf_vocab__merges_init(struct wf_vocab *v, size_t n)
{
    size_t slots = slots_for(n);

    v->merges = wf_arena_array(&v->arena, slots, sizeof(*v->merges));
    if (v->merges == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < slots; i++)
        v->merges[i].left = WF_TOKEN_NONE;
    v->n_merge_slots = slots;
    return 0;
}

size_t wf_vocab__merge_slot(const struct wf_vocab *v, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (v->n_merge_slots - 1);

    while (v->merges[i].left != WF_TOKEN_NONE &&
           (v->merges[i].left != left || v->merges[i].right != right))
        i = (i + 1) & (v->n_merge_slots - 1);
    return i;
}

const struct wf_merge *wf_vocab__merge(const struct wf_vocab *v, int32_t left, int32_t right)
{
    const struct wf_merge *m;

    if (v->n_merge_slots == 0)
        return NULL;
    m = &v->merges[wf_vocab__merge_slot(v, left, right)];
    return m->left != WF_TOKEN_NONE ? m : NULL;
}

int wf_ids_push(struct wf_ids *ids, int32_t id)
{
    if (ids->n == ids->cap) {
        size_t cap = ids->cap > 0 ? 2 * ids->cap : 64;
        int32_t *p = wf_realloc_array(ids->ptr, cap, sizeof(*p));

        if (p == NULL)
            return WF_E_NOMEM;
        ids->ptr = p;
        ids->cap = cap;
    }
    ids->ptr[ids->n++] = id;
    return 0;
}

int wf_vocab_open(const struct wf_gguf *g, struct wf_vocab **out, struct wf_err *err)
{
    struct wf_vocab *v = wf_alloc(sizeof(*v));
    int rc;

    *out = NULL;
    if (v == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's vocabulary.");
    memset(v, 0, sizeof(*v));
    wf_arena_init(&v->arena, 1u << 20, ARENA_MAX);
    rc = wf_vocab__read(g, v, err);
    if (rc == WF_E_NOMEM)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's vocabulary.");
    if (rc != 0) {
        wf_vocab_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void wf_vocab_close(struct wf_vocab *v)
{
    if (v == NULL)
        return;
    wf_arena_deinit(&v->arena);
    wf_free(v);
}

size_t wf_vocab_size(const struct wf_vocab *v)
{
    return v->n;
}

enum wf_token_kind wf_vocab_kind(const struct wf_vocab *v, int32_t id)
{
    return v->tokens[id].kind;
}

struct wf_str wf_vocab_bytes(const struct wf_vocab *v, int32_t id)
{
    return v->tokens[id].bytes;
}

struct wf_str wf_vocab_name(const struct wf_vocab *v, int32_t id)
{
    return v->tokens[id].name;
}

int32_t wf_vocab_find(const struct wf_vocab *v, struct wf_str name)
{
    return wf_vocab__table_find(v, &v->by_name, name);
}

int32_t wf_vocab_bos(const struct wf_vocab *v)
{
    return v->bos;
}

int32_t wf_vocab_eos(const struct wf_vocab *v)
{
    return v->eos;
}

bool wf_vocab_adds_bos(const struct wf_vocab *v)
{
    return v->add_bos && v->bos != WF_TOKEN_NONE;
}

bool wf_vocab_is_end(const struct wf_vocab *v, int32_t id)
{
    return id >= 0 && (size_t)id < v->n && v->tokens[id].is_end;
}
