/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of patterns become languages.
 *
 * Without looking ahead, a tree becomes raw edges, and strings in which it is found are those with
 * anything before and behind it. Looking ahead speaks of all that follows; so a tree that does is
 * taken from its end on: the language of what follows is known, and each part is put in front of it
 * or, where it looks ahead, cuts it down. */
#include "model/lang_tree.h"

#include "base/limits.h"

#define POINT_MAX 0x10ffffu
/* Repetitions of what looks ahead are written out. */
#define LOOKING_REPEATS_MAX 16

static void put(struct wf_lang_maker *m, const struct wf_tree *t, uint32_t from, uint32_t to);

static void put_nothing(struct wf_lang_maker *m, uint32_t from, uint32_t to, enum wf_lang_kind kind)
{
    wf_lang_maker_edge(m, (struct wf_lang_raw_edge){.from = from, .to = to, .kind = kind});
}

static void put_repeat(struct wf_lang_maker *m, const struct wf_tree *t, uint32_t from, uint32_t to)
{
    uint32_t n = t->max == UINT32_MAX ? t->min : t->max;

    for (uint32_t i = 0; i < n && m->status == 0; i++) {
        uint32_t next = wf_lang_maker_state(m);
        if (i >= t->min)
            put_nothing(m, from, to, WF_LANG_NOTHING);
        put(m, t->a, from, next);
        from = next;
    }
    if (t->max == UINT32_MAX) {
        uint32_t loop = wf_lang_maker_state(m), back = wf_lang_maker_state(m);
        put_nothing(m, from, loop, WF_LANG_NOTHING);
        put(m, t->a, loop, back);
        put_nothing(m, back, loop, WF_LANG_NOTHING);
        from = loop;
    }
    put_nothing(m, from, to, WF_LANG_NOTHING);
}

static void put_spans(struct wf_lang_maker *m, const struct wf_spans *s, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < s->n; i++)
        wf_lang_maker_edge(m, (struct wf_lang_raw_edge){
                                  .from = from, .to = to, .lo = s->ptr[i].lo, .hi = s->ptr[i].hi});
}

/* A tree that does not look ahead. */
static void put(struct wf_lang_maker *m, const struct wf_tree *t, uint32_t from, uint32_t to)
{
    /* Long chains lean to the left: from their ends on, without a call for each. */
    while (m->status == 0 && (t->kind == WF_TREE_CONCAT || t->kind == WF_TREE_EITHER)) {
        uint32_t middle = t->kind == WF_TREE_CONCAT ? wf_lang_maker_state(m) : from;
        put(m, t->b, middle, to);
        to = t->kind == WF_TREE_CONCAT ? middle : to;
        t = t->a;
    }
    if (m->status != 0)
        return;
    switch (t->kind) {
    case WF_TREE_SET:
        put_spans(m, &t->spans, from, to);
        break;
    case WF_TREE_BEGIN:
        put_nothing(m, from, to, WF_LANG_BEGIN);
        break;
    case WF_TREE_END:
        put_nothing(m, from, to, WF_LANG_END);
        break;
    case WF_TREE_REPEAT:
        put_repeat(m, t, from, to);
        break;
    case WF_TREE_EMPTY:
    case WF_TREE_LOOK:
    case WF_TREE_CONCAT:
    case WF_TREE_EITHER:
        put_nothing(m, from, to, WF_LANG_NOTHING);
        break;
    }
}

/* Any code points, from and to the same state. */
static void put_any(struct wf_lang_maker *m, uint32_t state)
{
    wf_lang_maker_edge(
        m, (struct wf_lang_raw_edge){.from = state, .to = state, .lo = 0, .hi = 0xd7ff});
    wf_lang_maker_edge(
        m, (struct wf_lang_raw_edge){.from = state, .to = state, .lo = 0xe000, .hi = POINT_MAX});
}

/* A whole language, between two states. */
static void put_lang(struct wf_lang_maker *m, const struct wf_lang *l, uint32_t from, uint32_t to)
{
    uint32_t first = m->n_states;

    for (size_t i = 0; i < l->n_states; i++)
        (void)wf_lang_maker_state(m);
    if (m->status != 0 || l->n_states == 0)
        return;
    put_nothing(m, from, first, WF_LANG_NOTHING);
    for (uint32_t i = 0; i < l->n_states; i++) {
        const struct wf_lang_state *s = &l->states[i];
        if (s->is_final)
            put_nothing(m, first + i, to, WF_LANG_NOTHING);
        for (uint32_t k = s->edges; k < s->edges + s->n_edges; k++)
            wf_lang_maker_edge(m, (struct wf_lang_raw_edge){.from = first + i,
                                                            .to = first + l->edges[k].to,
                                                            .lo = l->edges[k].lo,
                                                            .hi = l->edges[k].hi});
    }
}

/* What a tree (NULL: anything at all) takes, then a string of `rest`. */
static int in_front(struct wf_arena *a, const struct wf_tree *t, const struct wf_lang *rest,
                    struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t middle, final;
    int rc;

    wf_lang_maker_init(&m);
    middle = wf_lang_maker_state(&m);
    final = wf_lang_maker_state(&m);
    if (t != NULL) {
        put(&m, t, 0, middle);
    } else {
        put_any(&m, 0);
        put_nothing(&m, 0, middle, WF_LANG_NOTHING);
    }
    put_lang(&m, rest, middle, final);
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

static int before(struct wf_arena *a, const struct wf_tree *t, struct wf_lang *rest,
                  struct wf_lang **out);

/* rest, cut down to the strings in which the tree is found at their beginning, or to the others. */
static int look(struct wf_arena *a, const struct wf_tree *t, struct wf_lang *rest,
                struct wf_lang **out)
{
    struct wf_lang *all = NULL, *found = NULL;
    int rc = wf_lang_length(a, 0, SIZE_MAX, &all);

    if (rc == 0)
        rc = before(a, t->a, all, &found);
    if (rc != 0)
        return rc;
    return wf_lang_combine(a, rest, found, t->is_negated ? WF_LANG_MINUS : WF_LANG_AND, out);
}

static int repeat(struct wf_arena *a, const struct wf_tree *t, struct wf_lang *rest,
                  struct wf_lang **out)
{
    struct wf_lang *sum = rest, *more = NULL;
    int rc = 0;

    if (t->max > LOOKING_REPEATS_MAX)
        return WF_E_UNSUPPORTED;
    for (uint32_t i = t->min; i < t->max && rc == 0; i++) {
        rc = before(a, t->a, sum, &more);
        if (rc == 0)
            rc = wf_lang_combine(a, rest, more, WF_LANG_OR, &sum);
    }
    for (uint32_t i = 0; i < t->min && rc == 0; i++)
        rc = before(a, t->a, sum, &sum);
    *out = sum;
    return rc;
}

static int alternatives(struct wf_arena *a, const struct wf_tree *t, struct wf_lang *rest,
                        struct wf_lang **out)
{
    struct wf_lang *sum = NULL, *one = NULL;
    int rc = before(a, t->b, rest, &sum);

    for (t = t->a; rc == 0; t = t->a) {
        bool more = t->kind == WF_TREE_EITHER;
        rc = before(a, more ? t->b : t, rest, &one);
        if (rc == 0)
            rc = wf_lang_combine(a, sum, one, WF_LANG_OR, &sum);
        if (!more)
            break;
    }
    *out = sum;
    return rc;
}

/* What a tree takes, then a string of `rest`, where the tree may look ahead into it. */
static int before(struct wf_arena *a, const struct wf_tree *t, struct wf_lang *rest,
                  struct wf_lang **out)
{
    int rc = 0;

    while (t->looks && t->kind == WF_TREE_CONCAT && rc == 0) {
        rc = before(a, t->b, rest, &rest);
        t = t->a;
    }
    if (rc != 0)
        return rc;
    if (!t->looks)
        return in_front(a, t, rest, out);
    if (t->kind == WF_TREE_LOOK)
        return look(a, t, rest, out);
    if (t->kind == WF_TREE_REPEAT)
        return repeat(a, t, rest, out);
    return alternatives(a, t, rest, out);
}

/* The first part of a chain. */
static const struct wf_tree *leftmost(const struct wf_tree *t)
{
    while (t->kind == WF_TREE_CONCAT)
        t = t->a;
    return t;
}

static int search_looking(struct wf_arena *a, const struct wf_tree *t, struct wf_lang **out)
{
    bool at_begin = leftmost(t)->kind == WF_TREE_BEGIN;
    struct wf_lang *all = NULL;
    int rc;

    if (t->n_begins > (at_begin ? 1 : 0))
        return WF_E_UNSUPPORTED;
    rc = wf_lang_length(a, 0, SIZE_MAX, &all);
    if (rc == 0)
        rc = before(a, t, all, out);
    return rc == 0 && !at_begin ? in_front(a, NULL, *out, out) : rc;
}

static int search_plain(struct wf_arena *a, const struct wf_tree *t, struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t from, to;
    int rc;

    wf_lang_maker_init(&m);
    from = wf_lang_maker_state(&m);
    to = wf_lang_maker_state(&m);
    put_any(&m, 0);
    put_nothing(&m, 0, from, WF_LANG_NOTHING);
    put(&m, t, from, to);
    put_any(&m, to);
    rc = wf_lang_make(&m, to, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

int wf_tree_language(struct wf_arena *a, const struct wf_tree *t, struct wf_lang **out)
{
    struct wf_lang *one = NULL;
    int rc;

    if (!t->looks)
        return search_plain(a, t, out);
    if (t->kind != WF_TREE_EITHER)
        return search_looking(a, t, out);
    rc = wf_tree_language(a, t->b, out);
    for (t = t->a; rc == 0; t = t->a) {
        bool more = t->kind == WF_TREE_EITHER;
        rc = wf_tree_language(a, more ? t->b : t, &one);
        if (rc == 0)
            rc = wf_lang_combine(a, *out, one, WF_LANG_OR, out);
        if (!more)
            return rc;
    }
    return rc;
}
