/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars built from parts: every part is a name of an expression (see grammar_expr.h), so that a
 * part used twice is not written twice where it is large. Schemas and GBNF become rules at once. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/grammar_expr.h"
#include "text/utf8.h"

struct wf_grammar_builder {
    struct wf_grammar *g;
    struct wf_expr_names names;
    struct wf_arena arena;
    struct wf_err err; /* the first mistake */
};

int wf_grammar_builder_new(struct wf_grammar_builder **out, struct wf_err *err)
{
    struct wf_grammar_builder *b = wf_alloc_array(1, sizeof(*b));
    int rc;

    *out = NULL;
    if (b == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the grammar.");
    wf_arena_init(&b->arena, 0, WF_LIMIT_LANG_BYTES);
    rc = wf_grammar__new(&b->g, err);
    if (rc != 0) {
        wf_grammar_builder_free(b);
        return rc;
    }
    *out = b;
    return 0;
}

void wf_grammar_builder_free(struct wf_grammar_builder *b)
{
    if (b == NULL)
        return;
    wf_grammar_unref(b->g);
    wf_free(b->names.ptr);
    wf_arena_deinit(&b->arena);
    wf_free(b);
}

static void no_memory(struct wf_grammar_builder *b)
{
    if (b->err.code == 0)
        wf_err_set(&b->err, WF_E_NOMEM, "Not enough memory for the grammar.");
}

static struct wf_expr *node(struct wf_grammar_builder *b, enum wf_expr_kind kind, size_t n_items)
{
    struct wf_expr *e = b->err.code == 0 ? wf_arena_alloc(&b->arena, sizeof(*e)) : NULL;

    if (e == NULL) {
        no_memory(b);
        return NULL;
    }
    e->kind = kind;
    e->items = wf_arena_array(&b->arena, n_items + 1, sizeof(*e->items));
    e->n_items = n_items;
    if (e->items == NULL) {
        no_memory(b);
        return NULL;
    }
    return e;
}

/* A part of an expression (NULL after a mistake, which sticks). */
static uint32_t part(struct wf_grammar_builder *b, const struct wf_expr *e)
{
    struct wf_expr_name *p;

    if (e == NULL || b->err.code != 0)
        return 0;
    p = wf_g__grow(b->names.ptr, &b->names.cap, b->names.n + 1, sizeof(*p));
    if (p == NULL) {
        no_memory(b);
        return 0;
    }
    b->names.ptr = p;
    p[b->names.n] = (struct wf_expr_name){.expr = e};
    return (uint32_t)b->names.n++;
}

static struct wf_expr *literal(struct wf_grammar_builder *b, struct wf_str text)
{
    struct wf_expr *e = node(b, WF_EXPR_TEXT, 0);

    if (e == NULL)
        return NULL;
    e->text = wf_arena_dup(&b->arena, text);
    if (e->text.ptr == NULL) {
        no_memory(b);
        return NULL;
    }
    return e;
}

uint32_t wf_grammar_text(struct wf_grammar_builder *b, struct wf_str text)
{
    if (b->err.code == 0 && wf_utf8_valid_prefix(text) < text.len)
        wf_err_set(&b->err, WF_E_INVAL, "A text of the grammar is not UTF-8.");
    return part(b, literal(b, text));
}

uint32_t wf_grammar_control(struct wf_grammar_builder *b, struct wf_str name)
{
    struct wf_expr *e = node(b, WF_EXPR_CHOICE, 2);
    struct wf_buf marked;

    if (b->err.code == 0 && wf_utf8_valid_prefix(name) < name.len)
        wf_err_set(&b->err, WF_E_INVAL, "A control token's name is not UTF-8.");
    wf_buf_init(&marked, SIZE_MAX);
    (void)wf_buf_append_byte(&marked, (char)WF_G_CONTROL_BEGIN);
    (void)wf_buf_append_str(&marked, name);
    if (wf_buf_append_byte(&marked, (char)WF_G_CONTROL_END) != 0)
        no_memory(b);
    if (e != NULL) {
        e->items[0] = literal(b, wf_buf_str(&marked));
        e->items[1] = literal(b, name);
    }
    wf_buf_deinit(&marked);
    return part(b, e);
}

static uint32_t rule(struct wf_grammar_builder *b, int rc, uint32_t i)
{
    struct wf_expr *e = rc == 0 ? node(b, WF_EXPR_RULE, 0) : NULL;

    if (e != NULL)
        e->i = i;
    return part(b, e);
}

uint32_t wf_grammar_schema(struct wf_grammar_builder *b, const json_t *schema)
{
    uint32_t i = 0;
    int rc = b->err.code;

    if (rc == 0)
        rc = wf_schema_build(b->g, schema, &i, &b->err);
    return rule(b, rc, i);
}

uint32_t wf_grammar_gbnf(struct wf_grammar_builder *b, struct wf_str text)
{
    uint32_t i = 0;
    int rc = b->err.code;

    if (rc == 0)
        rc = wf_gbnf_build(b->g, text, &i, &b->err);
    return rule(b, rc, i);
}

/* All strings without `stop`. */
static int without(struct wf_arena *a, struct wf_str stop, struct wf_lang **out)
{
    struct wf_lang_maker m;
    struct wf_lang *found = NULL;
    uint32_t at = 0;
    int rc = wf_lang_length(a, 0, SIZE_MAX, out);

    if (rc != 0 || stop.len == 0)
        return rc;
    wf_lang_maker_init(&m);
    for (size_t i = 0; i < stop.len;) {
        uint32_t cp = wf_utf8_next(stop, &i), next = wf_lang_maker_state(&m);
        wf_lang_maker_edge(&m,
                           (struct wf_lang_raw_edge){.from = at, .to = next, .lo = cp, .hi = cp});
        at = next;
    }
    for (uint32_t s = 0;; s = at) {
        wf_lang_maker_edge(&m, (struct wf_lang_raw_edge){.from = s, .to = s, .hi = 0xd7ff});
        wf_lang_maker_edge(
            &m, (struct wf_lang_raw_edge){.from = s, .to = s, .lo = 0xe000, .hi = 0x10ffff});
        if (s == at)
            break;
    }
    rc = wf_lang_make(&m, at, a, &found);
    if (rc == 0)
        rc = wf_lang_combine(a, *out, found, WF_LANG_MINUS, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

uint32_t wf_grammar_any_text(struct wf_grammar_builder *b, struct wf_str stop)
{
    struct wf_expr *e = node(b, WF_EXPR_LANG, 0);
    struct wf_lang *l = NULL;
    int rc = e != NULL ? without(&b->arena, stop, &l) : 0;

    if (rc != 0)
        wf_err_set(&b->err, rc, "A text of the grammar cannot be excluded: %s.", wf_err_text(rc));
    if (e != NULL)
        e->lang = l;
    return part(b, e);
}

/* The parts as items of an expression. */
static struct wf_expr *collect(struct wf_grammar_builder *b, enum wf_expr_kind kind,
                               const uint32_t *parts, size_t n)
{
    struct wf_expr *e = node(b, kind, n);

    for (size_t i = 0; i < n && e != NULL; i++) {
        struct wf_expr *item = node(b, WF_EXPR_NAME, 0);
        if (item == NULL)
            return NULL;
        if (parts[i] >= b->names.n) {
            wf_err_set(&b->err, WF_E_INVAL, "A part of the grammar does not exist.");
            return NULL;
        }
        item->i = parts[i];
        e->items[i] = item;
    }
    return e;
}

uint32_t wf_grammar_sequence(struct wf_grammar_builder *b, const uint32_t *parts, size_t n)
{
    return part(b, collect(b, WF_EXPR_SEQUENCE, parts, n));
}

uint32_t wf_grammar_choice(struct wf_grammar_builder *b, const uint32_t *parts, size_t n)
{
    return part(b, collect(b, WF_EXPR_CHOICE, parts, n));
}

uint32_t wf_grammar_repeat(struct wf_grammar_builder *b, uint32_t part_of, size_t min, size_t max)
{
    struct wf_expr *e = collect(b, WF_EXPR_REPEAT, &part_of, 1);

    if (e != NULL && min > max)
        wf_err_set(&b->err, WF_E_INVAL, "A repetition of the grammar is upside down.");
    if (e != NULL) {
        e->min = min;
        e->max = max;
    }
    return part(b, e);
}

int wf_grammar_builder_finish(struct wf_grammar_builder *b, uint32_t root, struct wf_grammar **out,
                              struct wf_err *err)
{
    uint32_t i = 0;
    int rc = b->err.code;

    *out = NULL;
    if (rc == 0 && root >= b->names.n)
        rc = wf_err_set(&b->err, WF_E_INVAL, "A part of the grammar does not exist.");
    if (rc != 0)
        return wf_err_set(err, rc, "%s", b->err.msg);
    rc = wf_expr_build(b->g, &b->names, root, &i, err);
    if (rc == 0)
        rc = wf_grammar__finish(b->g, i, err);
    if (rc != 0)
        return rc;
    *out = b->g;
    b->g = NULL;
    b->err.code = WF_E_INVAL;
    return 0;
}
