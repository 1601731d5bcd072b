/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords that choose between ways: anyOf, oneOf, allOf, not, if, references, dependencies.
 *
 * oneOf needs all others negated, but for those that can be told apart anyway, which is asked
 * first: most schemas then need no negation at all. */
#include <string.h>

#include "model/schema_goal.h"

/* Whether two schemas have no value of the type in common. */
static int are_disjoint(struct wf_search *s, const json_t *x, const json_t *y, bool *out)
{
    struct {
        const json_t *x, *y;
        uint64_t type;
    } key = {x < y ? x : y, x < y ? y : x, s->type};
    struct wf_str bytes = wf_str_n((const char *)&key, sizeof(key));
    struct wf_goal both = {0};
    union wf_map_value *v = wf_map_get(&s->b->disjoint, bytes);
    int rc;

    if (v != NULL) {
        *out = v->u64 == 1;
        return 0;
    }
    rc = wf_goal_add(s->b, &both, wf_literal_schema(x, false));
    if (rc == 0)
        rc = wf_goal_add(s->b, &both, wf_literal_schema(y, false));
    if (rc == 0)
        rc = wf_goal_is_empty(s->b, &both, s->type, out);
    if (rc != 0)
        return rc;
    v = wf_map_put(&s->b->disjoint, bytes, NULL);
    if (v == NULL)
        return wf_schema_no_memory(&s->b->doc);
    v->u64 = *out ? 1 : 2;
    return 0;
}

/* The i-th of a list, and none of the others. */
static int only(struct wf_search *s, struct wf_way w, const json_t *list, size_t i)
{
    const json_t *one = json_array_get(list, i);
    int rc = 0;

    for (size_t k = json_array_size(list); k-- > 0 && rc == 0 && !s->wide;) {
        const json_t *other = json_array_get(list, k);
        bool disjoint = false;
        if (k == i)
            continue;
        rc = are_disjoint(s, one, other, &disjoint);
        if (rc == 0 && !disjoint)
            rc = wf_way_add_choice(s, &w,
                                   (struct wf_task){.literal = wf_literal_schema(other, true)});
    }
    return rc == 0 ? wf_way_with_literal(s, w, wf_literal_schema(one, false)) : rc;
}

static int take_one_of(struct wf_search *s, struct wf_way w, const json_t *list, bool is_negated)
{
    size_t n = json_array_size(list);
    struct wf_way none = w;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0 && !is_negated; i++)
        rc = only(s, w, list, i);
    if (!is_negated)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = wf_way_add_literal(s, &none, wf_literal_schema(json_array_get(list, i), true));
        for (size_t k = 0; k < i && rc == 0; k++) {
            struct wf_way two = w;
            rc = wf_way_add_literal(s, &two, wf_literal_schema(json_array_get(list, k), false));
            if (rc == 0)
                rc = wf_way_with_literal(s, two, wf_literal_schema(json_array_get(list, i), false));
        }
    }
    return rc == 0 ? wf_way_go(s, none) : rc;
}

/* All of a list, or one that is not; any of it, or none. */
static int take_list(struct wf_search *s, struct wf_way w, const json_t *list, bool is_all,
                     bool is_negated)
{
    size_t n = json_array_size(list);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t k = is_all != is_negated ? n - 1 - i : i;
        struct wf_literal l = wf_literal_schema(json_array_get(list, k), is_negated);
        if (is_all != is_negated)
            rc = wf_way_add_literal(s, &w, l);
        else
            rc = wf_way_with_literal(s, w, l);
    }
    return rc == 0 && is_all != is_negated ? wf_way_go(s, w) : rc;
}

static int take_if(struct wf_search *s, struct wf_way w, const json_t *schema, bool is_negated)
{
    const json_t *condition = json_object_get(schema, "if");
    int rc = 0;

    for (int i = 0; i < 2 && rc == 0; i++) {
        const json_t *then = json_object_get(schema, i == 0 ? "then" : "else");
        struct wf_way one = w;
        if (then == NULL && is_negated)
            continue;
        if (then != NULL)
            rc = wf_way_add_literal(s, &one, wf_literal_schema(then, is_negated));
        if (rc == 0)
            rc = wf_way_with_literal(s, one, wf_literal_schema(condition, i == 1));
    }
    return rc;
}

static int take_reference(struct wf_search *s, struct wf_way w, const json_t *schema,
                          const char *keyword, bool is_negated)
{
    const json_t *target = NULL;
    int rc = wf_schema_resolve(&s->b->doc, schema, keyword, &target);

    return rc == 0 ? wf_way_with_literal(s, w, wf_literal_schema(target, is_negated)) : rc;
}

/* ---- dependencies ---- */

static struct wf_atom presence(struct wf_str name, bool is_present)
{
    return (struct wf_atom){.kind = is_present ? WF_ATOM_PRESENT : WF_ATOM_ABSENT, .name = name};
}

/* The property is there, and so are all that it then needs; or one of these is not. */
static int with_names(struct wf_search *s, struct wf_way w, struct wf_str key, const json_t *names,
                      bool is_negated)
{
    bool dead = false, one_dead = false;
    int rc = wf_way_add_atom(s, &w, presence(key, true), &dead);

    for (size_t i = 0; i < json_array_size(names) && rc == 0 && !dead; i++) {
        struct wf_str name = wf_str_from(json_string_value(json_array_get(names, i)));
        if (is_negated) {
            rc = wf_way_with_atom(s, w, presence(name, false));
        } else {
            rc = wf_way_add_atom(s, &w, presence(name, true), &one_dead);
            dead |= one_dead;
        }
    }
    return rc == 0 && !dead && !is_negated ? wf_way_go(s, w) : rc;
}

/* One key of dependentSchemas and its kind: absent, or what is asked then. */
static int take_dependency(struct wf_search *s, struct wf_way w, const char *key,
                           const json_t *what, bool is_negated)
{
    struct wf_str name = wf_str_from(key);
    int rc = 0;

    if (!is_negated)
        rc = wf_way_with_atom(s, w, presence(name, false));
    if (rc != 0 || json_is_array(what))
        return rc == 0 ? with_names(s, w, name, what, is_negated) : rc;
    rc = wf_way_add_literal(s, &w, wf_literal_schema(what, is_negated));
    return rc == 0 ? wf_way_with_atom(s, w, presence(name, true)) : rc;
}

/* Each key chooses by itself. */
static int take_dependencies(struct wf_search *s, struct wf_way w, const json_t *schema,
                             const char *keyword, bool is_negated)
{
    const char *key;
    json_t *what;
    int rc = 0;

    json_object_foreach(json_object_get(schema, keyword), key, what)
    {
        if (rc == 0 && is_negated)
            rc = take_dependency(s, w, key, what, true);
        else if (rc == 0)
            rc = wf_way_add_choice(s, &w,
                                   (struct wf_task){.schema = schema, .key = key, .what = what});
    }
    return rc == 0 && !is_negated ? wf_way_go(s, w) : rc;
}

int wf_way_choose(struct wf_search *s, struct wf_way w, const struct wf_task *t, bool *out_known)
{
    const json_t *v;

    *out_known = true;
    if (t->key != NULL)
        return take_dependency(s, w, t->key, t->what, false);
    v = json_object_get(t->schema, t->keyword);
    if (strcmp(t->keyword, "allOf") == 0 || strcmp(t->keyword, "anyOf") == 0)
        return take_list(s, w, v, t->keyword[1] == 'l', t->is_negated);
    if (strcmp(t->keyword, "oneOf") == 0)
        return take_one_of(s, w, v, t->is_negated);
    if (strcmp(t->keyword, "not") == 0)
        return wf_way_with_literal(s, w, wf_literal_schema(v, !t->is_negated));
    if (strcmp(t->keyword, "if") == 0)
        return take_if(s, w, t->schema, t->is_negated);
    if (t->keyword[0] == '$')
        return take_reference(s, w, t->schema, t->keyword, t->is_negated);
    if (strncmp(t->keyword, "depend", 6) == 0)
        return take_dependencies(s, w, t->schema, t->keyword, t->is_negated);
    *out_known = false;
    return 0;
}
