/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions become rules, see the header.
 *
 * Names are searched in depth, without recursion over names (a file may chain thousands); within
 * one expression nesting is bounded by its parser. */
#include "model/grammar_expr.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

/* A name of more states than this is called, not put in. */
#define INLINE_MAX 600

struct builder {
    struct wf_grammar *g;
    struct wf_expr_names *names;
    struct wf_err *err;
    int rc;
    uint32_t *queue; /* names that became rules, to be built */
    size_t n_queue, cap_queue;
};

/* ---- which names are recursive, and how large they are ---- */

static size_t add_up(size_t a, size_t b)
{
    return a + b < a ? SIZE_MAX : a + b;
}

static size_t times(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static bool is_put_in(const struct wf_expr_name *n)
{
    return !n->is_recursive && n->size <= INLINE_MAX;
}

/* States of an expression; those of names in it are known. */
static size_t size_of(const struct builder *b, const struct wf_expr *e)
{
    size_t n = 1;

    switch (e->kind) {
    case WF_EXPR_TEXT:
        return e->text.len + 1;
    case WF_EXPR_SPANS:
        return 2 + 2 * e->spans.n;
    case WF_EXPR_LANG:
        return add_up(1, times(4, e->lang->n_states));
    case WF_EXPR_RULE:
        return 2;
    case WF_EXPR_NAME:
        return is_put_in(&b->names->ptr[e->i]) ? b->names->ptr[e->i].size : 2;
    case WF_EXPR_REPEAT:
        n = size_of(b, e->items[0]);
        return add_up(2, times(n, e->max == SIZE_MAX ? e->min + 1 : e->max));
    case WF_EXPR_SEQUENCE:
    case WF_EXPR_CHOICE:
        for (size_t i = 0; i < e->n_items; i++)
            n = add_up(n, size_of(b, e->items[i]));
        return n;
    }
    return n;
}

/* The next name in an expression that has not been searched, or NONE. A name on the path refers to
 * itself. */
static uint32_t unseen_name(struct builder *b, const struct wf_expr *e)
{
    if (e->kind == WF_EXPR_NAME) {
        if (b->names->ptr[e->i].seen == 1)
            b->names->ptr[e->i].is_recursive = true;
        return b->names->ptr[e->i].seen == 0 ? e->i : WF_G_NONE;
    }
    for (size_t i = 0; i < e->n_items; i++) {
        uint32_t found = unseen_name(b, e->items[i]);
        if (found != WF_G_NONE)
            return found;
    }
    return WF_G_NONE;
}

static int push(struct builder *b, uint32_t name)
{
    uint32_t *p = wf_g__grow(b->queue, &b->cap_queue, b->n_queue + 1, sizeof(*p));

    if (p == NULL)
        return WF_E_NOMEM;
    b->queue = p;
    p[b->n_queue++] = name;
    return 0;
}

/* A cycle is cut at the name by which it was entered: that one is called, the rest can be put in.
 */
static int measure(struct builder *b, uint32_t root)
{
    int rc = push(b, root);

    b->names->ptr[root].seen = 1;
    while (b->n_queue > 0 && rc == 0) {
        struct wf_expr_name *n = &b->names->ptr[b->queue[b->n_queue - 1]];
        uint32_t next = unseen_name(b, n->expr);
        if (next != WF_G_NONE) {
            b->names->ptr[next].seen = 1;
            rc = push(b, next);
            continue;
        }
        n->size = size_of(b, n->expr);
        n->seen = 2;
        b->n_queue--;
    }
    return rc;
}

/* ---- automata ---- */

static void put(struct builder *b, struct wf_nfa *n, const struct wf_expr *e, uint32_t from,
                uint32_t to);

static void put_repeat(struct builder *b, struct wf_nfa *n, const struct wf_expr *e, uint32_t from,
                       uint32_t to)
{
    size_t count = e->max == SIZE_MAX ? e->min : e->max;

    for (size_t i = 0; i < count && n->status == 0; i++) {
        uint32_t next = wf_nfa_state(n);
        if (i >= e->min)
            wf_nfa_nothing(n, from, to);
        put(b, n, e->items[0], from, next);
        from = next;
    }
    if (e->max == SIZE_MAX) {
        uint32_t loop = wf_nfa_state(n), back = wf_nfa_state(n);
        wf_nfa_nothing(n, from, loop);
        put(b, n, e->items[0], loop, back);
        wf_nfa_nothing(n, back, loop);
        from = loop;
    }
    wf_nfa_nothing(n, from, to);
}

static void put_name(struct builder *b, struct wf_nfa *n, uint32_t i, uint32_t from, uint32_t to)
{
    struct wf_expr_name *name = &b->names->ptr[i];

    if (is_put_in(name)) {
        put(b, n, name->expr, from, to);
        return;
    }
    if (name->rule == WF_G_NONE && b->rc == 0) {
        b->rc = wf_grammar__rule(b->g, &name->rule, b->err);
        if (b->rc == 0 && push(b, i) != 0)
            b->rc = wf_err_set(b->err, WF_E_NOMEM, "Not enough memory for the grammar.");
    }
    if (b->rc == 0)
        wf_nfa_call(n, from, name->rule, to);
}

static void put(struct builder *b, struct wf_nfa *n, const struct wf_expr *e, uint32_t from,
                uint32_t to)
{
    switch (e->kind) {
    case WF_EXPR_TEXT:
        wf_nfa_path(n, from, e->text, to);
        break;
    case WF_EXPR_SPANS:
        for (size_t i = 0; i < e->spans.n; i++)
            wf_nfa_points(n, from, e->spans.ptr[i].lo, e->spans.ptr[i].hi, to);
        break;
    case WF_EXPR_LANG:
        wf_lang_put_raw(e->lang, n, from, to);
        break;
    case WF_EXPR_RULE:
        wf_nfa_call(n, from, e->i, to);
        break;
    case WF_EXPR_NAME:
        put_name(b, n, e->i, from, to);
        break;
    case WF_EXPR_REPEAT:
        put_repeat(b, n, e, from, to);
        break;
    case WF_EXPR_CHOICE:
        for (size_t i = 0; i < e->n_items; i++)
            put(b, n, e->items[i], from, to);
        break;
    case WF_EXPR_SEQUENCE:
        for (size_t i = 0; i < e->n_items; i++) {
            uint32_t next = i + 1 < e->n_items ? wf_nfa_state(n) : to;
            put(b, n, e->items[i], from, next);
            from = next;
        }
        if (e->n_items == 0)
            wf_nfa_nothing(n, from, to);
        break;
    }
}

static int build_rule(struct builder *b, uint32_t i)
{
    struct wf_nfa n;
    uint32_t final;
    int rc;

    wf_nfa_init(&n);
    final = wf_nfa_state(&n);
    put(b, &n, b->names->ptr[i].expr, 0, final);
    rc = b->rc;
    if (rc == 0)
        rc = wf_nfa_finish(&n, final, b->g, b->names->ptr[i].rule, 0, b->err);
    wf_nfa_deinit(&n);
    return rc;
}

int wf_expr_build(struct wf_grammar *g, struct wf_expr_names *names, uint32_t root,
                  uint32_t *out_rule, struct wf_err *err)
{
    struct builder b = {.g = g, .names = names, .err = err};
    int rc;

    for (size_t i = 0; i < names->n; i++) {
        names->ptr[i].rule = WF_G_NONE;
        names->ptr[i].seen = 0;
        names->ptr[i].is_recursive = false;
    }
    rc = measure(&b, root);
    if (rc == 0) {
        rc = wf_grammar__rule(g, &names->ptr[root].rule, err);
        *out_rule = names->ptr[root].rule;
        if (rc == 0)
            rc = push(&b, root);
    }
    while (b.n_queue > 0 && rc == 0)
        rc = build_rule(&b, b.queue[--b.n_queue]);
    wf_free(b.queue);
    if (rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "Not enough memory for the grammar.");
    return rc;
}
