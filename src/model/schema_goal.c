/* SPDX-License-Identifier: Apache-2.0 */
/* Goals fall into branches: a schema, or its negation, is taken apart into atoms, one type of value
 * at a time (a tableau).
 *
 * A schema is the conjunction of its keywords, its negation the disjunction of theirs negated; what
 * a keyword means for values of another type is nothing. anyOf, oneOf, if and their kind choose
 * between ways (schema_choose.c), and every way that does not contradict itself becomes a branch.
 * What is sure is taken first, so that ways die before they fork. */
#include "model/schema_goal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

/* Ways of one goal and type, and steps of one schema, before it is given up. */
#define BRANCHES_MAX 2000
#define STEPS_MAX 400000
/* How deep a question about emptiness follows properties; below, a schema counts as satisfiable. */
#define EMPTY_DEPTH_MAX 5
/* How deep a way may nest: functions call each other for each task. */
#define WAY_DEPTH_MAX 2000

/* ---- goals ---- */

int wf_goal_add(struct wf_schema_builder *b, struct wf_goal *g, struct wf_literal l)
{
    struct wf_literal *grown;

    for (size_t i = 0; i < g->n; i++) {
        const struct wf_literal *x = &g->literals[i];
        if (x->of == l.of && x->is_value == l.is_value && x->is_negated == l.is_negated)
            return 0;
    }
    if (!l.is_value && json_is_boolean(l.of) && json_is_true(l.of) != l.is_negated)
        return 0;
    if (g->n == g->cap) {
        size_t cap = g->cap > 0 ? 2 * g->cap : 4;
        grown = wf_arena_array(&b->doc.arena, cap, sizeof(*grown));
        if (grown == NULL)
            return wf_schema_no_memory(&b->doc);
        if (g->n > 0)
            memcpy(grown, g->literals, g->n * sizeof(*grown));
        g->literals = grown;
        g->cap = cap;
    }
    g->literals[g->n++] = l;
    return 0;
}

int wf_goal_copy(struct wf_schema_builder *b, const struct wf_goal *from, struct wf_goal *out)
{
    int rc = 0;

    *out = (struct wf_goal){0};
    for (size_t i = 0; i < from->n && rc == 0; i++)
        rc = wf_goal_add(b, out, from->literals[i]);
    return rc;
}

bool wf_goal_is_impossible(const struct wf_goal *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct wf_literal *l = &g->literals[i];
        if (!l->is_value && json_is_boolean(l->of) && json_is_true(l->of) == l->is_negated)
            return true;
    }
    return false;
}

int wf_goal_holds(struct wf_schema_builder *b, const struct wf_goal *g, const json_t *v, bool *out)
{
    int rc = 0;

    *out = true;
    for (size_t i = 0; i < g->n && rc == 0 && *out; i++) {
        const struct wf_literal *l = &g->literals[i];
        bool is_valid = l->is_value && wf_schema_equal(l->of, v);
        if (!l->is_value)
            rc = wf_schema__valid(&b->doc, l->of, v, &is_valid);
        *out = is_valid != l->is_negated;
    }
    return rc;
}

struct wf_literal wf_literal_schema(const json_t *schema, bool is_negated)
{
    return (struct wf_literal){.of = schema, .is_negated = is_negated};
}

struct wf_literal wf_literal_value(const json_t *v, bool is_negated)
{
    return (struct wf_literal){.of = v, .is_value = true, .is_negated = is_negated};
}

/* ---- ways ---- */

static int push(struct wf_search *s, const struct wf_task **list, struct wf_task t)
{
    struct wf_task *copy = wf_arena_alloc(&s->b->doc.arena, sizeof(*copy));

    if (copy == NULL)
        return wf_schema_no_memory(&s->b->doc);
    *copy = t;
    copy->next = *list;
    *list = copy;
    return 0;
}

static int note(struct wf_search *s, struct wf_way *w, struct wf_known k)
{
    struct wf_known *copy = wf_arena_alloc(&s->b->doc.arena, sizeof(*copy));

    if (copy == NULL)
        return wf_schema_no_memory(&s->b->doc);
    *copy = k;
    copy->next = w->known;
    w->known = copy;
    return 0;
}

int wf_way_add_literal(struct wf_search *s, struct wf_way *w, struct wf_literal l)
{
    return push(s, &w->sure, (struct wf_task){.literal = l});
}

int wf_way_add_choice(struct wf_search *s, struct wf_way *w, struct wf_task t)
{
    return push(s, &w->choices, t);
}

/* Whether an atom says the opposite of one that is known. */
static bool contradicts(const struct wf_way *w, const struct wf_atom *a)
{
    enum wf_atom_kind opposite = a->kind == WF_ATOM_PRESENT ? WF_ATOM_ABSENT : WF_ATOM_PRESENT;

    if (a->kind != WF_ATOM_PRESENT && a->kind != WF_ATOM_ABSENT)
        return false;
    for (const struct wf_known *k = w->known; k != NULL; k = k->next) {
        if (k->atom != NULL && k->atom->kind == opposite && wf_str_eq(k->atom->name, a->name))
            return true;
    }
    return false;
}

int wf_way_add_atom(struct wf_search *s, struct wf_way *w, struct wf_atom a, bool *out_dead)
{
    struct wf_atom *copy = wf_arena_alloc(&s->b->doc.arena, sizeof(*copy));

    if (copy == NULL)
        return wf_schema_no_memory(&s->b->doc);
    *out_dead = contradicts(w, &a);
    *copy = a;
    return note(s, w, (struct wf_known){.atom = copy});
}

int wf_way_with_atom(struct wf_search *s, struct wf_way w, struct wf_atom a)
{
    bool dead = false;
    int rc = wf_way_add_atom(s, &w, a, &dead);

    return rc == 0 && !dead ? wf_way_go(s, w) : rc;
}

int wf_way_with_literal(struct wf_search *s, struct wf_way w, struct wf_literal l)
{
    int rc = wf_way_add_literal(s, &w, l);

    return rc == 0 ? wf_way_go(s, w) : rc;
}

/* Whether a schema was taken apart before: 1 the same way, -1 the other way round, 0 not. */
static int was_taken(const struct wf_way *w, const struct wf_literal *l)
{
    for (const struct wf_known *k = w->known; k != NULL; k = k->next) {
        if (k->atom == NULL && k->schema == l->of)
            return k->is_negated == l->is_negated ? 1 : -1;
    }
    return 0;
}

/* All keywords of a schema hold. */
static int take_all(struct wf_search *s, struct wf_way w, const json_t *schema)
{
    const char *keyword;
    int rc = 0;

    for (size_t i = 0; (keyword = wf_keyword_at(i)) != NULL && rc == 0; i++) {
        struct wf_task t = {.schema = schema, .keyword = keyword};
        bool chooses = false;
        if (!wf_keyword_concerns(keyword, schema, s->type, &chooses))
            continue;
        rc = push(s, chooses ? &w.choices : &w.sure, t);
    }
    return rc == 0 ? wf_way_go(s, w) : rc;
}

/* One of its keywords does not. */
static int take_none(struct wf_search *s, struct wf_way w, const json_t *schema)
{
    const char *keyword;
    int rc = 0;

    for (size_t i = 0; (keyword = wf_keyword_at(i)) != NULL && rc == 0; i++) {
        struct wf_task t = {.schema = schema, .keyword = keyword, .is_negated = true};
        struct wf_way one = w;
        bool chooses = false;
        if (!wf_keyword_concerns(keyword, schema, s->type, &chooses))
            continue;
        rc = push(s, &one.sure, t);
        if (rc == 0)
            rc = wf_way_go(s, one);
    }
    return rc;
}

static int take_literal(struct wf_search *s, struct wf_way w, struct wf_literal l)
{
    int taken, rc;

    if (l.is_value)
        return wf_way_take_value(s, w, l);
    if (json_is_boolean(l.of))
        return json_is_true(l.of) != l.is_negated ? wf_way_go(s, w) : 0;
    taken = was_taken(&w, &l);
    if (taken != 0)
        return taken > 0 ? wf_way_go(s, w) : 0;
    rc = note(s, &w, (struct wf_known){.schema = l.of, .is_negated = l.is_negated});
    if (rc != 0)
        return rc;
    return l.is_negated ? take_none(s, w, l.of) : take_all(s, w, l.of);
}

/* A way that is done is a branch; atoms in the order they came. */
static int finish(struct wf_search *s, const struct wf_way *w)
{
    struct wf_branches *out = s->out;
    struct wf_branch *grown, *br;
    size_t n_atoms = 0, n_positive = 0;

    if (out->n >= BRANCHES_MAX)
        return wf_err_set(s->b->doc.err, WF_E_LIMIT,
                          "The schema's choices have too many combinations.");
    grown = wf_g__grow(out->ptr, &out->cap, out->n + 1, sizeof(*grown));
    if (grown == NULL)
        return wf_schema_no_memory(&s->b->doc);
    out->ptr = grown;
    br = &grown[out->n];
    for (const struct wf_known *k = w->known; k != NULL; k = k->next) {
        n_atoms += k->atom != NULL ? 1 : 0;
        n_positive += k->atom == NULL && !k->is_negated ? 1 : 0;
    }
    br->atoms = wf_arena_array(&s->b->doc.arena, n_atoms + 1, sizeof(*br->atoms));
    br->positive = wf_arena_array(&s->b->doc.arena, n_positive + 1, sizeof(*br->positive));
    if (br->atoms == NULL || br->positive == NULL)
        return wf_schema_no_memory(&s->b->doc);
    br->n_atoms = n_atoms;
    br->n_positive = n_positive;
    for (const struct wf_known *k = w->known; k != NULL; k = k->next) {
        if (k->atom != NULL)
            br->atoms[--n_atoms] = k->atom;
        else if (!k->is_negated)
            br->positive[--n_positive] = k->schema;
    }
    out->n++;
    return 0;
}

static int take_task(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    bool known = false;
    int rc;

    if (t->keyword == NULL && t->key == NULL)
        return take_literal(s, w, t->literal);
    rc = wf_way_choose(s, w, t, &known);
    return rc == 0 && !known ? wf_way_take(s, w, t) : rc;
}

int wf_way_go(struct wf_search *s, struct wf_way w)
{
    const struct wf_task *t = w.sure != NULL ? w.sure : w.choices;
    int rc;

    if (t == NULL)
        return finish(s, &w);
    if (++s->b->n_steps > STEPS_MAX || s->b->way_depth >= WAY_DEPTH_MAX)
        return wf_err_set(s->b->doc.err, WF_E_LIMIT,
                          "The schema's choices have too many combinations.");
    if (w.sure != NULL)
        w.sure = t->next;
    else
        w.choices = t->next;
    s->b->way_depth++;
    rc = take_task(s, w, t);
    s->b->way_depth--;
    return rc;
}

int wf_goal_branches(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                     bool wide, struct wf_branches *out)
{
    struct wf_search s = {.b = b, .type = type, .wide = wide, .out = out};
    struct wf_way w = {0};
    int rc = 0;

    *out = (struct wf_branches){0};
    for (size_t i = g->n; i-- > 0 && rc == 0;)
        rc = wf_way_add_literal(&s, &w, g->literals[i]);
    return rc == 0 ? wf_way_go(&s, w) : rc;
}

/* ---- values ---- */

static int schema_values(struct wf_schema_builder *b, const json_t *schema, unsigned depth,
                         json_t **out);

/* Appends what a schema's alternatives list; *io NULL: one of them does not. */
static int union_values(struct wf_schema_builder *b, const json_t *list, unsigned depth,
                        json_t **io)
{
    int rc = 0;

    *io = json_array();
    for (size_t i = 0; i < json_array_size(list) && rc == 0 && *io != NULL; i++) {
        json_t *part = NULL;
        rc = schema_values(b, json_array_get(list, i), depth + 1, &part);
        if (part == NULL || json_array_extend(*io, part) != 0) {
            json_decref(*io);
            *io = NULL;
        }
        json_decref(part);
    }
    return rc;
}

/* null and booleans, when a schema names no other types. */
static json_t *type_values(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    json_t *out = json_array();
    size_t n = json_is_string(type) ? 1 : json_array_size(type);
    bool few = n > 0;

    for (size_t i = 0; i < n && few; i++) {
        const json_t *one = json_is_string(type) ? type : json_array_get(type, i);
        few = false;
        if (strcmp(json_string_value(one), "null") == 0)
            few = json_array_append_new(out, json_null()) == 0;
        else if (strcmp(json_string_value(one), "boolean") == 0)
            few = json_array_append_new(out, json_false()) == 0 &&
                  json_array_append_new(out, json_true()) == 0;
    }
    if (few)
        return out;
    json_decref(out);
    return NULL;
}

/* Values among which all are that validate; *out NULL: not known. */
static int schema_values(struct wf_schema_builder *b, const json_t *schema, unsigned depth,
                         json_t **out)
{
    static const char *const lists[] = {"anyOf", "oneOf"};
    const json_t *list = json_object_get(schema, "enum"), *target = NULL;
    const json_t *all = json_object_get(schema, "allOf");
    int rc = 0;

    *out = NULL;
    if (json_is_false(schema))
        *out = json_array();
    if (!json_is_object(schema) || depth > WF_LIMIT_NESTING)
        return 0;
    if (json_object_get(schema, "const") != NULL)
        *out = json_pack("[O]", json_object_get(schema, "const"));
    else if (list != NULL)
        *out = json_copy((json_t *)(uintptr_t)list);
    else
        *out = type_values(schema);
    if (*out == NULL && json_object_get(schema, "$ref") != NULL) {
        rc = wf_schema_resolve(&b->doc, schema, "$ref", &target);
        if (rc == 0)
            rc = schema_values(b, target, depth + 1, out);
    }
    for (size_t i = 0; i < json_array_size(all) && rc == 0 && *out == NULL; i++)
        rc = schema_values(b, json_array_get(all, i), depth + 1, out);
    for (size_t i = 0; i < 2 && rc == 0 && *out == NULL; i++) {
        if (json_object_get(schema, lists[i]) != NULL)
            rc = union_values(b, json_object_get(schema, lists[i]), depth, out);
    }
    return rc;
}

static bool is_among(const json_t *list, const json_t *v)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (wf_schema_equal(json_array_get(list, i), v))
            return true;
    }
    return false;
}

int wf_goal_values(struct wf_schema_builder *b, const struct wf_goal *g, json_t **out)
{
    json_t *found = NULL;
    int rc = 0;

    *out = NULL;
    for (size_t i = 0; i < g->n && rc == 0 && found == NULL; i++) {
        const struct wf_literal *l = &g->literals[i];
        if (l->is_negated)
            continue;
        if (l->is_value)
            found = json_pack("[O]", l->of);
        else
            rc = schema_values(b, l->of, 0, &found);
    }
    if (rc != 0 || found == NULL)
        return rc;
    *out = json_array();
    for (size_t i = 0; i < json_array_size(found) && rc == 0; i++) {
        json_t *v = json_array_get(found, i);
        bool holds = false;
        if (is_among(*out, v))
            continue;
        rc = wf_goal_holds(b, g, v, &holds);
        if (rc == 0 && holds && json_array_append(*out, v) != 0)
            rc = wf_schema_no_memory(&b->doc);
    }
    json_decref(found);
    if (rc == 0 && *out != NULL)
        return 0;
    json_decref(*out);
    *out = NULL;
    return rc != 0 ? rc : wf_schema_no_memory(&b->doc);
}

/* ---- emptiness ---- */

/* Values that a branch lists, of which one must reach the goal. */
static int is_list_empty(struct wf_schema_builder *b, const struct wf_goal *g, const json_t *list,
                         bool *out)
{
    int rc = 0;

    *out = true;
    for (size_t i = 0; i < json_array_size(list) && rc == 0 && *out; i++) {
        bool holds = false;
        rc = wf_goal_holds(b, g, json_array_get(list, i), &holds);
        *out = !holds;
    }
    return rc;
}

static int is_object_empty(struct wf_schema_builder *b, const struct wf_branch *br, bool *out)
{
    struct wf_object o = {0};
    bool possible = true;
    int rc = wf_branch_object(b, br, true, &o, &possible);

    *out = !possible;
    for (size_t i = 0; i < o.n_properties && rc == 0 && !*out; i++) {
        if (o.properties[i].is_present)
            rc = wf_goal_is_empty(b, &o.properties[i].goal, WF_TYPE_COUNT, out);
    }
    return rc;
}

static int is_array_empty(struct wf_schema_builder *b, const struct wf_branch *br, bool *out)
{
    struct wf_array a = {0};
    bool possible = true;
    int rc = wf_branch_array(b, br, &a, &possible);

    *out = !possible;
    for (size_t i = 0; i < a.n_items && i < a.min && rc == 0 && !*out; i++)
        rc = wf_goal_is_empty(b, &a.items[i], WF_TYPE_COUNT, out);
    if (rc == 0 && !*out && a.min > a.n_items)
        rc = wf_goal_is_empty(b, &a.rest, WF_TYPE_COUNT, out);
    return rc;
}

static int is_branch_empty(struct wf_schema_builder *b, const struct wf_goal *g,
                           const struct wf_branch *br, enum wf_type type, bool *out)
{
    const struct wf_lang *l = NULL;
    size_t max = 0;
    int rc = 0;

    *out = false;
    for (size_t i = 0; i < br->n_atoms; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind == WF_ATOM_VALUE && !a->is_negated)
            return is_list_empty(b, g, a->value, out);
    }
    if (type == WF_TYPE_OBJECT)
        return is_object_empty(b, br, out);
    if (type == WF_TYPE_ARRAY)
        return is_array_empty(b, br, out);
    if (type == WF_TYPE_STRING)
        rc = wf_branch_strings(b, br, true, &l, &max);
    else if (type == WF_TYPE_NUMBER)
        rc = wf_branch_numbers(b, br, true, &l);
    *out = rc == 0 && l != NULL && wf_lang_is_empty(l);
    return rc;
}

static int is_type_empty(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                         bool *out)
{
    struct wf_branches branches = {0};
    int rc = wf_goal_branches(b, g, type, true, &branches);

    *out = true;
    for (size_t i = 0; i < branches.n && rc == 0 && *out; i++)
        rc = is_branch_empty(b, g, &branches.ptr[i], type, out);
    wf_free(branches.ptr);
    return rc;
}

int wf_goal_is_empty(struct wf_schema_builder *b, const struct wf_goal *g, enum wf_type type,
                     bool *out)
{
    int rc = 0;

    *out = wf_goal_is_impossible(g);
    if (*out || b->depth >= EMPTY_DEPTH_MAX)
        return 0;
    b->depth++;
    *out = true;
    for (enum wf_type t = 0; t < WF_TYPE_COUNT && rc == 0 && *out; t++) {
        if (type == WF_TYPE_COUNT || type == t)
            rc = is_type_empty(b, g, t, out);
    }
    b->depth--;
    return rc;
}
