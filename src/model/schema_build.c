/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas become grammars: every goal is a rule, built once; what its values hold are goals, too.
 *
 * Where few values are possible they are listed and tried out. Else the goal's branches, type by
 * type, become one automaton, so that alternatives with equal beginnings share them. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/schema_internal.h"

/* Strings whose first character may be one of so many have all their spellings. */
#define FREE_POINTS 1000

void wf_schema_put_mark(struct wf_nfa *n, uint32_t from, char mark, uint32_t to)
{
    uint32_t next = wf_nfa_state(n);

    wf_nfa_bytes(n, from, (uint8_t)mark, (uint8_t)mark, next);
    wf_nfa_bytes(n, next, ' ', ' ', to);
    wf_nfa_nothing(n, next, to);
}

int wf_schema_put_value(struct wf_schema_builder *b, const json_t *v, struct wf_nfa *n,
                        uint32_t from, uint32_t to)
{
    struct wf_buf text;
    int rc = 0;

    wf_buf_init(&text, WF_LIMIT_GRAMMAR_BYTES);
    if (wf_schema_write(&text, v) == 0)
        wf_nfa_path(n, from, wf_buf_str(&text), to);
    else
        rc = wf_schema_no_memory(&b->doc);
    wf_buf_deinit(&text);
    return rc;
}

/* ---- strings and numbers ---- */

static bool is_free(const struct wf_lang *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n_edges; i++)
        n += l->edges[i].hi - l->edges[i].lo + 1;
    return n >= FREE_POINTS;
}

static int build_lexeme(struct wf_schema_builder *b, const struct wf_lang *l, size_t max,
                        bool is_json, uint32_t rule)
{
    size_t longest = SIZE_MAX;
    struct wf_nfa n;
    uint32_t final;
    int rc = 0;

    if (max != SIZE_MAX && !wf_lang_is_empty(l) && wf_lang_longest(l, &longest) != 0)
        return wf_schema_no_memory(&b->doc);
    wf_nfa_init(&n);
    final = wf_nfa_state(&n);
    if (is_json)
        wf_lang_put_json(l, is_free(l), &n, 0, final);
    else
        wf_lang_put_raw(l, &n, 0, final);
    if (max == SIZE_MAX || longest <= max || max >= UINT32_MAX - 1)
        rc = wf_nfa_finish(&n, final, b->g, rule, 0, b->doc.err);
    else
        rc = wf_nfa_finish(&n, final, b->g, rule, (uint32_t)max + 1, b->doc.err);
    wf_nfa_deinit(&n);
    return rc;
}

int wf_lexeme_rule(struct wf_schema_builder *b, const struct wf_lang *l, size_t max, bool is_json,
                   uint32_t *out)
{
    union wf_map_value *v;
    struct wf_buf key;
    bool is_new = false;
    int rc = 0;

    wf_buf_init(&key, SIZE_MAX);
    (void)wf_buf_append(&key, &max, sizeof(max));
    (void)wf_buf_append_byte(&key, is_json ? 'j' : 'r');
    for (size_t i = 0; i < l->n_states; i++)
        (void)wf_buf_appendf(&key, "%u%c", l->states[i].n_edges, l->states[i].is_final ? '!' : '.');
    (void)wf_buf_append(&key, l->edges, l->n_edges * sizeof(*l->edges));
    v = wf_buf_status(&key) == 0 ? wf_map_put(&b->lexemes, wf_buf_str(&key), &is_new) : NULL;
    wf_buf_deinit(&key);
    if (v == NULL)
        return wf_schema_no_memory(&b->doc);
    if (is_new) {
        rc = wf_grammar__rule(b->g, out, b->doc.err);
        v->u64 = *out;
        if (rc == 0)
            rc = build_lexeme(b, l, max, is_json, *out);
    }
    *out = (uint32_t)v->u64;
    return rc;
}

static int put_lexeme(struct wf_schema_builder *b, const struct wf_lang *l, size_t max,
                      bool is_json, struct wf_nfa *n, uint32_t from, uint32_t to)
{
    uint32_t rule = 0;
    int rc;

    if (wf_lang_is_empty(l))
        return 0;
    rc = wf_lexeme_rule(b, l, max, is_json, &rule);
    if (rc == 0)
        wf_nfa_call(n, from, rule, to);
    return rc;
}

/* ---- goals ---- */

static int compare_literals(const void *x, const void *y)
{
    const struct wf_literal *a = x, *b = y;

    if (a->of != b->of)
        return (uintptr_t)a->of < (uintptr_t)b->of ? -1 : 1;
    return (a->is_value * 2 + a->is_negated) - (b->is_value * 2 + b->is_negated);
}

int wf_goal_rule(struct wf_schema_builder *b, const struct wf_goal *g, uint32_t *out)
{
    struct wf_literal *sorted = wf_arena_array(&b->doc.arena, g->n + 1, sizeof(*sorted));
    uint64_t *key = wf_arena_array(&b->doc.arena, 2 * g->n + 1, sizeof(*key));
    struct wf_pending *p;
    union wf_map_value *v;
    bool is_new = false;
    int rc = 0;

    if (sorted == NULL || key == NULL)
        return wf_schema_no_memory(&b->doc);
    if (g->n > 0) {
        memcpy(sorted, g->literals, g->n * sizeof(*sorted));
        qsort(sorted, g->n, sizeof(*sorted), compare_literals);
    }
    for (size_t i = 0; i < g->n; i++) { /* without the struct's padding */
        key[2 * i] = (uintptr_t)sorted[i].of;
        key[2 * i + 1] = sorted[i].is_value * 2u + sorted[i].is_negated;
    }
    v = wf_map_put(&b->goals, wf_str_n((const char *)key, 2 * g->n * sizeof(*key)), &is_new);
    if (v == NULL)
        return wf_schema_no_memory(&b->doc);
    if (is_new) {
        p = wf_g__grow(b->pending, &b->cap_pending, b->n_pending + 1, sizeof(*p));
        if (p == NULL)
            return wf_schema_no_memory(&b->doc);
        b->pending = p;
        rc = wf_grammar__rule(b->g, out, b->doc.err);
        if (rc != 0)
            return rc;
        v->u64 = *out;
        p[b->n_pending++] = (struct wf_pending){.goal = *g, .rule = *out};
    }
    *out = (uint32_t)v->u64;
    return 0;
}

int wf_goal_put(struct wf_schema_builder *b, const struct wf_goal *g, struct wf_nfa *n,
                uint32_t from, uint32_t to)
{
    uint32_t rule = 0;
    int rc;

    if (wf_goal_is_impossible(g))
        return 0;
    rc = wf_goal_rule(b, g, &rule);
    if (rc == 0)
        wf_nfa_call(n, from, rule, to);
    return rc;
}

/* Values that a branch lists, as far as they reach the goal. */
static int put_listed(struct wf_schema_builder *b, const struct wf_goal *g, const json_t *list,
                      struct wf_nfa *n, uint32_t to)
{
    int rc = 0;

    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        const json_t *v = json_array_get(list, i);
        bool holds = false;
        rc = wf_goal_holds(b, g, v, &holds);
        if (rc == 0 && holds)
            rc = wf_schema_put_value(b, v, n, 0, to);
    }
    return rc;
}

static int put_array(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_nfa *n,
                     uint32_t to)
{
    struct wf_array a = {0};
    bool possible = false;
    int rc = wf_branch_array(b, br, &a, &possible);

    return rc == 0 && possible ? wf_array_put(b, &a, n, 0, to) : rc;
}

static int put_object(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_nfa *n,
                      uint32_t to)
{
    struct wf_object o = {0};
    bool possible = false;
    int rc = wf_branch_object(b, br, false, &o, &possible);

    return rc == 0 && possible ? wf_object_put(b, &o, n, 0, to) : rc;
}

/* The first atom that some key must be there; its number, or n_atoms. */
static size_t some_key(const struct wf_branch *br)
{
    size_t i = 0;

    while (i < br->n_atoms && br->atoms[i]->kind != WF_ATOM_SOME_KEY)
        i++;
    return i;
}

/* The same branch with an atom replaced by two. */
static int replaced(struct wf_schema_builder *b, const struct wf_branch *br, size_t i,
                    struct wf_str name, struct wf_literal l, struct wf_branch *out)
{
    struct wf_atom *atoms = wf_arena_array(&b->doc.arena, 2, sizeof(*atoms));

    *out = *br;
    out->atoms = wf_arena_array(&b->doc.arena, br->n_atoms + 2, sizeof(*out->atoms));
    if (atoms == NULL || out->atoms == NULL)
        return wf_schema_no_memory(&b->doc);
    atoms[0] = (struct wf_atom){.kind = WF_ATOM_PROPERTY, .name = name, .literal = l};
    atoms[1] = (struct wf_atom){.kind = WF_ATOM_PRESENT, .name = name};
    memcpy(out->atoms, br->atoms, br->n_atoms * sizeof(*out->atoms));
    out->atoms[i] = &atoms[0];
    out->atoms[br->n_atoms] = &atoms[1];
    out->n_atoms = br->n_atoms + 1;
    return 0;
}

/* A key that must be there is one of those named, or another. */
static int put_objects(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_nfa *n,
                       uint32_t to, unsigned depth)
{
    size_t i = some_key(br);
    struct wf_object o = {0};
    bool possible = false;
    int rc;

    if (i == br->n_atoms || depth >= 3)
        return put_object(b, br, n, to);
    rc = wf_branch_object(b, br, true, &o, &possible);
    for (size_t k = 0; k < o.n_properties && rc == 0 && possible; k++) {
        struct wf_branch other;
        bool has = false;
        rc = wf_keys_have(b, &br->atoms[i]->keys, o.properties[k].name, &has);
        if (rc != 0 || !has || o.properties[k].is_absent)
            continue;
        rc = replaced(b, br, i, o.properties[k].name, br->atoms[i]->literal, &other);
        if (rc == 0)
            rc = put_objects(b, &other, n, to, depth + 1);
    }
    return rc == 0 && possible ? put_object(b, br, n, to) : rc;
}

static int put_branch(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                      const struct wf_branch *br, struct wf_nfa *n, uint32_t to)
{
    static const char *const names[] = {"null", "false", "true"};
    const struct wf_lang *l = NULL;
    size_t max = SIZE_MAX;
    int rc = 0;

    if (type < WF_TYPE_NUMBER) {
        wf_nfa_path(n, 0, wf_str_from(names[type]), to);
        return 0;
    }
    for (size_t i = 0; i < br->n_atoms; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind == WF_ATOM_VALUE && !a->is_negated)
            return put_listed(b, g, a->value, n, to);
    }
    if (type == WF_TYPE_OBJECT)
        return put_objects(b, br, n, to, 0);
    if (type == WF_TYPE_ARRAY)
        return put_array(b, br, n, to);
    if (type == WF_TYPE_STRING)
        rc = wf_branch_strings(b, br, false, &l, &max);
    else
        rc = wf_branch_numbers(b, br, false, &l);
    return rc == 0 ? put_lexeme(b, l, max, type == WF_TYPE_STRING, n, 0, to) : rc;
}

static int put_branches(struct wf_schema_builder *b, const struct wf_goal *g, struct wf_nfa *n,
                        uint32_t to)
{
    int rc = 0;

    for (enum wf_type type = 0; type < WF_TYPE_COUNT && rc == 0; type++) {
        struct wf_branches branches = {0};
        rc = wf_goal_branches(b, g, type, false, &branches);
        for (size_t i = 0; i < branches.n && rc == 0; i++)
            rc = put_branch(b, g, type, &branches.ptr[i], n, to);
        wf_free(branches.ptr);
    }
    return rc;
}

static int build_goal(struct wf_schema_builder *b, const struct wf_pending *p)
{
    json_t *values = NULL;
    struct wf_nfa n;
    uint32_t final;
    int rc = wf_goal_values(b, &p->goal, &values);

    wf_nfa_init(&n);
    final = wf_nfa_state(&n);
    for (size_t i = 0; i < json_array_size(values) && rc == 0; i++)
        rc = wf_schema_put_value(b, json_array_get(values, i), &n, 0, final);
    if (rc == 0 && values == NULL)
        rc = put_branches(b, &p->goal, &n, final);
    if (rc == 0)
        rc = wf_nfa_finish(&n, final, b->g, p->rule, 0, b->doc.err);
    wf_nfa_deinit(&n);
    json_decref(values);
    return rc;
}

int wf_schema_build(struct wf_grammar *g, const json_t *schema, uint32_t *out_root,
                    struct wf_err *err)
{
    struct wf_schema_builder b = {.g = g};
    struct wf_goal root = {0};
    int rc = wf_schema_doc_init(&b.doc, schema, err);

    wf_map_init(&b.goals, WF_LIMIT_GRAMMAR_RULES);
    wf_map_init(&b.lexemes, WF_LIMIT_GRAMMAR_RULES);
    wf_map_init(&b.disjoint, SIZE_MAX);
    b.kept = json_array();
    if (rc == 0 && b.kept == NULL)
        rc = wf_schema_no_memory(&b.doc);
    if (rc == 0)
        rc = wf_goal_add(&b, &root, (struct wf_literal){.of = schema});
    if (rc == 0)
        rc = wf_goal_rule(&b, &root, out_root);
    while (b.n_pending > 0 && rc == 0) {
        struct wf_pending p = b.pending[--b.n_pending];
        rc = build_goal(&b, &p);
    }
    wf_free(b.pending);
    json_decref(b.kept);
    wf_map_deinit(&b.goals);
    wf_map_deinit(&b.lexemes);
    wf_map_deinit(&b.disjoint);
    wf_schema_doc_deinit(&b.doc);
    return rc;
}
