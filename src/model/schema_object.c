/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: what a branch says of their keys, and the automaton that writes them.
 *
 * Keys that keywords name come in the schema's order, each at most once; those that need not be
 * there may be left out. All other keys come behind, by classes: keys that the same keywords speak
 * of. An object that names properties gets others only where the schema speaks of them, or counts
 * more: all that is allowed need not be written, and models write better without. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/schema_internal.h"

#define CLASSES_MAX 64
/* Counted properties: of minProperties and maxProperties. */
#define COUNT_MAX 100

/* ---- keys ---- */

static int limit(struct wf_schema_builder *b, int rc)
{
    return rc == WF_E_LIMIT
               ? wf_err_set(b->doc.err, rc, "The schema's property names are too complex.")
               : wf_schema_no_memory(&b->doc);
}

/* The name as a value. NULL: no memory. */
static json_t *name_value(struct wf_str name)
{
    return json_stringn_nocheck(name.ptr != NULL ? name.ptr : "", name.len);
}

static int name_holds(struct wf_schema_builder *b, struct wf_str name, struct wf_literal l,
                      bool *out)
{
    struct wf_goal g = {.literals = &l, .n = 1};
    json_t *v = name_value(name);
    int rc = v != NULL ? wf_goal_holds(b, &g, v, out) : wf_schema_no_memory(&b->doc);

    json_decref(v);
    return rc;
}

static struct wf_literal violates(const struct wf_keys *keys)
{
    return (struct wf_literal){.of = keys->of, .is_negated = true};
}

int wf_keys_have(struct wf_schema_builder *b, const struct wf_keys *keys, struct wf_str name,
                 bool *out)
{
    const struct wf_lang *l = NULL;
    char *key;
    int rc = 0;

    switch (keys->kind) {
    case WF_KEYS_PATTERN:
        rc = wf_schema_pattern(&b->doc, keys->of, keys->pattern, &l);
        *out = rc == 0 && wf_lang_has(l, name);
        return rc;
    case WF_KEYS_VIOLATES:
        return name_holds(b, name, violates(keys), out);
    case WF_KEYS_NOT_IN:
        key = wf_arena_cstr(&b->doc.arena, name);
        *out = key != NULL && json_object_get(keys->of, key) == NULL;
        return key != NULL ? 0 : wf_schema_no_memory(&b->doc);
    case WF_KEYS_OTHERS:
        break;
    }
    *out = true;
    for (size_t i = 0; i < keys->n_schemas && rc == 0 && *out; i++)
        rc = wf_schema_is_other(&b->doc, keys->schemas[i], name, out);
    return rc;
}

/* Takes an object's members' names out of a language. */
static int without_members(struct wf_schema_builder *b, const json_t *object,
                           const struct wf_lang **io)
{
    struct wf_str *names =
        wf_arena_array(&b->doc.arena, json_object_size(object) + 1, sizeof(*names));
    struct wf_lang *l = NULL;
    const char *key;
    json_t *member;
    size_t n = 0;
    int rc;

    if (names == NULL)
        return wf_schema_no_memory(&b->doc);
    json_object_foreach((json_t *)(uintptr_t)object, key, member) names[n++] = wf_str_from(key);
    rc = wf_lang_texts(&b->doc.arena, names, n, &l);
    if (rc == 0)
        rc = wf_lang_combine(&b->doc.arena, *io, l, WF_LANG_MINUS, &l);
    *io = l;
    return rc == 0 ? 0 : limit(b, rc);
}

static int without_evaluated(struct wf_schema_builder *b, const json_t *schema,
                             const struct wf_lang **io)
{
    const struct wf_lang *l = NULL;
    struct wf_lang *out = NULL;
    const char *pattern;
    json_t *member;
    int rc = without_members(b, json_object_get(schema, "properties"), io);

    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, member)
    {
        if (rc == 0)
            rc = wf_schema_pattern(&b->doc, schema, wf_str_from(pattern), &l);
        if (rc != 0)
            return rc;
        rc = wf_lang_combine(&b->doc.arena, *io, l, WF_LANG_MINUS, &out);
        if (rc != 0)
            return limit(b, rc);
        *io = out;
    }
    return rc;
}

int wf_keys_language(struct wf_schema_builder *b, const struct wf_keys *keys,
                     const struct wf_lang **out)
{
    struct wf_literal l = violates(keys);
    struct wf_goal g = {.literals = &l, .n = 1};
    struct wf_lang *all = NULL;
    int rc = 0;

    if (keys->kind == WF_KEYS_PATTERN)
        return wf_schema_pattern(&b->doc, keys->of, keys->pattern, out);
    if (keys->kind == WF_KEYS_VIOLATES)
        return wf_goal_strings(b, &g, false, out);
    if (wf_lang_length(&b->doc.arena, 0, SIZE_MAX, &all) != 0)
        return wf_schema_no_memory(&b->doc);
    *out = all;
    if (keys->kind == WF_KEYS_NOT_IN)
        return without_members(b, keys->of, out);
    for (size_t i = 0; i < keys->n_schemas && rc == 0; i++)
        rc = without_evaluated(b, keys->schemas[i], out);
    return rc;
}

/* ---- what a branch says ---- */

/* An atom that speaks of keys, with unevaluatedProperties as one of them. False: it does not. */
static int keys_of(struct wf_schema_builder *b, const struct wf_branch *br, const struct wf_atom *a,
                   struct wf_keys *out, bool *out_is)
{
    bool all = false;
    int rc = 0;

    *out_is = a->kind == WF_ATOM_KEYS || a->kind == WF_ATOM_OTHER_PROPERTIES;
    *out = a->keys;
    if (a->kind == WF_ATOM_OTHER_PROPERTIES) {
        rc = wf_evaluated_properties(b, br, a->schema, out, &all);
        *out_is = !all;
    }
    return rc;
}

static struct wf_property *property_of(struct wf_object *o, struct wf_str name)
{
    for (size_t i = 0; i < o->n_properties; i++) {
        if (wf_str_eq(o->properties[i].name, name))
            return &o->properties[i];
    }
    o->properties[o->n_properties] = (struct wf_property){.name = name};
    return &o->properties[o->n_properties++];
}

static int read_named(struct wf_schema_builder *b, const struct wf_branch *br, struct wf_object *o)
{
    int rc = 0;

    o->properties = wf_arena_array(&b->doc.arena, br->n_atoms + 1, sizeof(*o->properties));
    if (o->properties == NULL)
        return wf_schema_no_memory(&b->doc);
    o->max = SIZE_MAX;
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        const struct wf_atom *a = br->atoms[i];
        if (a->kind == WF_ATOM_PROPERTY)
            rc = wf_goal_add(b, &property_of(o, a->name)->goal, a->literal);
        else if (a->kind == WF_ATOM_PRESENT)
            property_of(o, a->name)->is_present = true;
        else if (a->kind == WF_ATOM_ABSENT)
            property_of(o, a->name)->is_absent = true;
        if (a->kind == WF_ATOM_LENGTH) {
            o->min = WF_MAX(o->min, a->min);
            o->max = WF_MIN(o->max, a->max);
        }
    }
    return rc;
}

/* What keys' atoms ask of one named property. */
static int read_keys_of(struct wf_schema_builder *b, const struct wf_branch *br,
                        struct wf_property *p)
{
    int rc = 0;

    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        const struct wf_atom *a = br->atoms[i];
        struct wf_keys keys;
        bool is = false, has = false;
        if (a->kind == WF_ATOM_NAMES) {
            rc = name_holds(b, p->name, a->literal, &has);
            p->is_absent |= !has;
            continue;
        }
        rc = keys_of(b, br, a, &keys, &is);
        if (rc == 0 && is)
            rc = wf_keys_have(b, &keys, p->name, &has);
        if (rc == 0 && is && has)
            rc = wf_goal_add(b, &p->goal, a->literal);
    }
    return rc;
}

static bool is_possible(struct wf_object *o)
{
    size_t n_present = 0;

    for (size_t i = 0; i < o->n_properties; i++) {
        struct wf_property *p = &o->properties[i];
        if (wf_goal_is_impossible(&p->goal))
            p->is_absent = true;
        if (p->is_present && p->is_absent)
            return false;
        n_present += p->is_present ? 1 : 0;
    }
    return o->min <= o->max && n_present <= o->max;
}

/* All keys that are no named property, as far as propertyNames lets them be. */
static int other_names(struct wf_schema_builder *b, const struct wf_branch *br,
                       const struct wf_object *o, const struct wf_lang **out)
{
    struct wf_str *names = wf_arena_array(&b->doc.arena, o->n_properties + 1, sizeof(*names));
    struct wf_lang *l = NULL, *all = NULL;
    int rc;

    if (names == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < o->n_properties; i++)
        names[i] = o->properties[i].name;
    rc = wf_lang_length(&b->doc.arena, 0, SIZE_MAX, &all);
    if (rc == 0)
        rc = wf_lang_texts(&b->doc.arena, names, o->n_properties, &l);
    if (rc == 0)
        rc = wf_lang_combine(&b->doc.arena, all, l, WF_LANG_MINUS, &all);
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        struct wf_literal literal = br->atoms[i]->literal;
        struct wf_goal g = {.literals = &literal, .n = 1};
        const struct wf_lang *allowed = NULL;
        if (br->atoms[i]->kind != WF_ATOM_NAMES)
            continue;
        int failed = wf_goal_strings(b, &g, false, &allowed);
        if (failed != 0)
            return failed;
        rc = wf_lang_combine(&b->doc.arena, all, allowed, WF_LANG_AND, &all);
    }
    *out = all;
    return rc == 0 ? 0 : limit(b, rc);
}

/* Splits classes by whether their keys are among `names`, whose keys shall reach the literal. */
static int split_classes(struct wf_schema_builder *b, struct wf_object *o,
                         const struct wf_lang *names, struct wf_literal literal)
{
    size_t n = o->n_classes;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_key_class in = o->classes[i], *c = &o->classes[i];
        struct wf_lang *inside = NULL, *outside = NULL;
        rc = wf_lang_combine(&b->doc.arena, in.names, names, WF_LANG_AND, &inside);
        if (rc == 0)
            rc = wf_lang_combine(&b->doc.arena, in.names, names, WF_LANG_MINUS, &outside);
        if (rc != 0)
            return limit(b, rc);
        if (wf_lang_is_empty(inside))
            continue;
        if (!wf_lang_is_empty(outside)) {
            if (o->n_classes >= CLASSES_MAX)
                return limit(b, WF_E_LIMIT);
            o->classes[o->n_classes] = in;
            o->classes[o->n_classes++].names = outside;
            rc = wf_goal_copy(b, &in.goal, &c->goal);
        }
        c->names = inside;
        c->is_named = true;
        if (rc == 0)
            rc = wf_goal_add(b, &c->goal, literal);
    }
    return rc;
}

static int read_classes(struct wf_schema_builder *b, const struct wf_branch *br,
                        struct wf_object *o)
{
    const struct wf_lang *l = NULL;
    int rc = other_names(b, br, o, &l);

    if (rc != 0 || l == NULL || wf_lang_is_empty(l))
        return rc;
    o->classes = wf_arena_array(&b->doc.arena, CLASSES_MAX, sizeof(*o->classes));
    if (o->classes == NULL)
        return wf_schema_no_memory(&b->doc);
    o->classes[0] = (struct wf_key_class){.names = l};
    o->n_classes = 1;
    for (size_t i = 0; i < br->n_atoms && rc == 0; i++) {
        const struct wf_atom *a = br->atoms[i];
        struct wf_keys keys;
        bool is = false;
        rc = keys_of(b, br, a, &keys, &is);
        if (rc == 0 && is)
            rc = wf_keys_language(b, &keys, &l);
        if (rc == 0 && is)
            rc = split_classes(b, o, l, a->literal);
    }
    return rc;
}

/* The key that one SOME_KEY atom still asks for, as classes of its own. */
static int read_witness(struct wf_schema_builder *b, const struct wf_branch *br,
                        struct wf_object *o)
{
    const struct wf_atom *found = NULL;
    const struct wf_lang *l = NULL;
    struct wf_object only = {0};
    int rc = 0;

    for (size_t i = 0; i < br->n_atoms; i++) {
        if (br->atoms[i]->kind != WF_ATOM_SOME_KEY)
            continue;
        if (found != NULL)
            return wf_schema_refuse(&b->doc, found->schema, found->keyword,
                                    "two unnamed properties must be there");
        found = br->atoms[i];
    }
    if (found == NULL)
        return 0;
    rc = wf_keys_language(b, &found->keys, &l);
    if (rc != 0)
        return rc;
    only.classes = wf_arena_array(&b->doc.arena, CLASSES_MAX, sizeof(*only.classes));
    if (only.classes == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < o->n_classes && rc == 0; i++) {
        only.classes[i].names = o->classes[i].names;
        rc = wf_goal_copy(b, &o->classes[i].goal, &only.classes[i].goal);
    }
    only.n_classes = o->n_classes;
    if (rc == 0)
        rc = split_classes(b, &only, l, found->literal);
    if (rc != 0)
        return rc;
    o->witnesses = wf_arena_array(&b->doc.arena, CLASSES_MAX, sizeof(*o->witnesses));
    if (o->witnesses == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < only.n_classes; i++) {
        if (only.classes[i].is_named)
            o->witnesses[o->n_witnesses++] = only.classes[i];
    }
    o->needs_witness = true;
    return rc;
}

/* Keys that no keyword speaks of are left out where properties are named and they are not needed.
 */
static void drop_unnamed(struct wf_object *o)
{
    size_t n_possible = 0, n = 0;

    for (size_t i = 0; i < o->n_properties; i++)
        n_possible += o->properties[i].is_absent ? 0 : 1;
    for (size_t i = 0; i < o->n_classes; i++) {
        if (wf_goal_is_impossible(&o->classes[i].goal))
            continue;
        if (!o->classes[i].is_named && n_possible > 0 && o->min <= n_possible)
            continue;
        o->classes[n++] = o->classes[i];
    }
    o->n_classes = n;
}

int wf_branch_object(struct wf_schema_builder *b, const struct wf_branch *br, bool wide,
                     struct wf_object *out, bool *out_possible)
{
    int rc;

    *out = (struct wf_object){0};
    rc = read_named(b, br, out);
    for (size_t i = 0; i < out->n_properties && rc == 0; i++)
        rc = read_keys_of(b, br, &out->properties[i]);
    if (rc != 0)
        return rc;
    *out_possible = is_possible(out);
    if (wide || !*out_possible)
        return 0;
    rc = read_classes(b, br, out);
    if (rc == 0)
        rc = read_witness(b, br, out);
    drop_unnamed(out);
    *out_possible = !out->needs_witness || out->n_witnesses > 0;
    return rc;
}

/* ---- writing ---- */

struct writer {
    struct wf_schema_builder *b;
    const struct wf_object *o;
    struct wf_nfa *n;
    size_t min, max;  /* what must be counted; 0 and SIZE_MAX: it needs no counting */
    size_t top;       /* the highest count that is told apart */
    uint32_t *states; /* [n_properties + 1][top + 1] */
};

static uint32_t state(const struct writer *w, size_t i, size_t count)
{
    return w->states[i * (w->top + 1) + WF_MIN(count, w->top)];
}

static bool may_add(const struct writer *w, size_t count)
{
    return w->max == SIZE_MAX || count < w->max;
}

/* A key's value, and to the next state. */
static int put_value(struct writer *w, uint32_t from, const struct wf_goal *goal, uint32_t to)
{
    uint32_t next = wf_nfa_state(w->n);

    wf_schema_put_mark(w->n, from, ':', next);
    return wf_goal_put(w->b, goal, w->n, next, to);
}

static uint32_t put_comma(struct writer *w, uint32_t from, size_t count)
{
    uint32_t next;

    if (count == 0)
        return from;
    next = wf_nfa_state(w->n);
    wf_schema_put_mark(w->n, from, ',', next);
    return next;
}

static int put_property(struct writer *w, size_t i, size_t count)
{
    const struct wf_property *p = &w->o->properties[i];
    uint32_t from = state(w, i, count), at;
    struct wf_buf key;
    int rc = 0;

    if (!p->is_present)
        wf_nfa_nothing(w->n, from, state(w, i + 1, count));
    if (p->is_absent || !may_add(w, count))
        return 0;
    wf_buf_init(&key, WF_LIMIT_HTTP_JSON_BYTES * 6);
    wf_schema_write_string(&key, p->name);
    if (wf_buf_status(&key) != 0) {
        rc = wf_schema_no_memory(&w->b->doc);
    } else {
        at = wf_nfa_text(w->n, put_comma(w, from, count), wf_buf_str(&key));
        rc = put_value(w, at, &p->goal, state(w, i + 1, count + 1));
    }
    wf_buf_deinit(&key);
    return rc;
}

/* The class's keys that may be the next of those that minProperties counts: a key must not come
 * twice, so each takes another remainder of its length. */
static int countable(struct writer *w, const struct wf_key_class *c, size_t count,
                     const struct wf_lang **out)
{
    struct wf_lang_maker m;
    struct wf_lang *l = NULL;
    size_t n = WF_MAX(w->min, (size_t)1);
    int rc;

    wf_lang_maker_init(&m);
    for (size_t i = 1; i < n; i++)
        (void)wf_lang_maker_state(&m);
    for (uint32_t i = 0; i < n; i++) {
        struct wf_lang_raw_edge e = {.from = i, .to = (i + 1) % (uint32_t)n, .hi = 0xd7ff};
        wf_lang_maker_edge(&m, e);
        e.lo = 0xe000;
        e.hi = 0x10ffff;
        wf_lang_maker_edge(&m, e);
    }
    rc = wf_lang_make(&m, (uint32_t)((count + 1) % n), &w->b->doc.arena, &l);
    wf_lang_maker_deinit(&m);
    if (rc == 0)
        rc = wf_lang_combine(&w->b->doc.arena, c->names, l, WF_LANG_AND, &l);
    *out = l;
    return rc == 0 ? 0 : limit(w->b, rc);
}

static int put_class(struct writer *w, const struct wf_key_class *c, const struct wf_lang *names,
                     uint32_t from, uint32_t to)
{
    uint32_t rule = 0, at;
    int rc;

    if (wf_lang_is_empty(names) || wf_goal_is_impossible(&c->goal))
        return 0;
    rc = wf_lexeme_rule(w->b, names, SIZE_MAX, true, &rule);
    if (rc != 0)
        return rc;
    at = wf_nfa_state(w->n);
    wf_nfa_call(w->n, from, rule, at);
    return put_value(w, at, &c->goal, to);
}

/* Other keys behind `count` ones, and the object's end. */
static int put_others(struct writer *w, size_t count, uint32_t to)
{
    const struct wf_object *o = w->o;
    uint32_t from = state(w, o->n_properties, count), end = from;
    int rc = 0;

    for (size_t i = 0; i < o->n_classes && may_add(w, count) && rc == 0; i++) {
        const struct wf_lang *names = o->classes[i].names;
        if (count < w->min && w->top > 1)
            rc = countable(w, &o->classes[i], count, &names);
        if (rc == 0)
            rc = put_class(w, &o->classes[i], names, put_comma(w, from, count),
                           state(w, o->n_properties, count + 1));
    }
    if (o->needs_witness) {
        end = wf_nfa_state(w->n);
        for (size_t i = 0; i < o->n_witnesses && may_add(w, count) && rc == 0; i++)
            rc = put_class(w, &o->witnesses[i], o->witnesses[i].names, put_comma(w, from, count),
                           end);
    }
    if (count >= w->min)
        wf_nfa_bytes(w->n, end, '}', '}', to);
    return rc;
}

/* How far properties must be counted. */
static void set_counts(struct writer *w)
{
    const struct wf_object *o = w->o;
    size_t n_present = 0, n_possible = 0;

    for (size_t i = 0; i < o->n_properties; i++) {
        n_present += o->properties[i].is_present ? 1 : 0;
        n_possible += o->properties[i].is_absent ? 0 : 1;
    }
    if (o->n_classes > 0 || o->needs_witness)
        n_possible = SIZE_MAX;
    w->min = o->min > n_present ? o->min : 0;
    w->max = o->max < n_possible ? o->max : SIZE_MAX;
    w->top = WF_MAX(w->max != SIZE_MAX ? w->max : w->min, (size_t)1);
}

int wf_object_put(struct wf_schema_builder *b, const struct wf_object *o, struct wf_nfa *n,
                  uint32_t from, uint32_t to)
{
    struct writer w = {.b = b, .o = o, .n = n};
    size_t n_states;
    int rc = 0;

    set_counts(&w);
    if (w.top > COUNT_MAX + o->n_properties)
        return wf_err_set(b->doc.err, WF_E_LIMIT,
                          "minProperties or maxProperties of more than %u cannot be counted.",
                          COUNT_MAX);
    n_states = (o->n_properties + 1) * (w.top + 1);
    w.states = wf_alloc_array(n_states, sizeof(*w.states));
    if (w.states == NULL)
        return wf_schema_no_memory(&b->doc);
    for (size_t i = 0; i < n_states; i++)
        w.states[i] = wf_nfa_state(n);
    wf_nfa_bytes(n, from, '{', '{', state(&w, 0, 0));
    for (size_t i = 0; i < o->n_properties && rc == 0; i++) {
        for (size_t count = 0; count <= WF_MIN(i, w.top) && rc == 0; count++)
            rc = put_property(&w, i, count);
    }
    for (size_t count = 0; count <= w.top && rc == 0; count++)
        rc = put_others(&w, count, to);
    wf_free(w.states);
    return rc;
}
