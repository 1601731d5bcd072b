/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords that speak about values of one type become atoms; negated ones become the atoms that say
 * the opposite, one way for each. What has no opposite that a grammar could keep is refused. */
#include <string.h>

#include "model/schema_goal.h"

enum concern {
    ANY = 0x7f,
    NUMBERS = 1 << WF_TYPE_NUMBER,
    STRINGS = 1 << WF_TYPE_STRING,
    ARRAYS = 1 << WF_TYPE_ARRAY,
    OBJECTS = 1 << WF_TYPE_OBJECT,
};

/* In the reverse order in which they are taken: the order of properties is the schema's own. */
static const struct {
    const char *name;
    unsigned concern;
    bool chooses;
} keywords[] = {
    {"unevaluatedProperties", OBJECTS, false},
    {"unevaluatedItems", ARRAYS, false},
    {"dependencies", OBJECTS, true},
    {"dependentSchemas", OBJECTS, true},
    {"dependentRequired", OBJECTS, true},
    {"if", ANY, true},
    {"oneOf", ANY, true},
    {"anyOf", ANY, true},
    {"not", ANY, true},
    {"allOf", ANY, false},
    {"$dynamicRef", ANY, false},
    {"$ref", ANY, false},
    {"uniqueItems", ARRAYS, false},
    {"contains", ARRAYS, false},
    {"maxItems", ARRAYS, false},
    {"minItems", ARRAYS, false},
    {"items", ARRAYS, false},
    {"prefixItems", ARRAYS, false},
    {"maxProperties", OBJECTS, false},
    {"minProperties", OBJECTS, false},
    {"propertyNames", OBJECTS, false},
    {"additionalProperties", OBJECTS, false},
    {"patternProperties", OBJECTS, false},
    {"required", OBJECTS, false},
    {"properties", OBJECTS, false},
    {"multipleOf", NUMBERS, false},
    {"exclusiveMaximum", NUMBERS, false},
    {"exclusiveMinimum", NUMBERS, false},
    {"maximum", NUMBERS, false},
    {"minimum", NUMBERS, false},
    {"format", STRINGS, false},
    {"pattern", STRINGS, false},
    {"maxLength", STRINGS, false},
    {"minLength", STRINGS, false},
    {"enum", ANY, false},
    {"const", ANY, false},
    {"type", ANY, false},
};

const char *wf_keyword_at(size_t i)
{
    return i < WF_ARRAY_LEN(keywords) ? keywords[i].name : NULL;
}

bool wf_keyword_concerns(const char *keyword, const json_t *schema, enum wf_type type,
                         bool *out_chooses)
{
    const json_t *v = json_object_get(schema, keyword);
    size_t i = 0;

    if (v == NULL)
        return false;
    while (strcmp(keywords[i].name, keyword) != 0)
        i++;
    *out_chooses = keywords[i].chooses;
    if (strcmp(keyword, "if") == 0 && json_object_get(schema, "then") == NULL &&
        json_object_get(schema, "else") == NULL && json_object_get(schema, "if") != NULL)
        return json_object_get(schema, "unevaluatedProperties") != NULL ||
               json_object_get(schema, "unevaluatedItems") != NULL;
    if (json_is_boolean(v) && keyword[0] == 'e')
        return false; /* older drafts: it changes minimum or maximum */
    if (json_is_false(v) && strcmp(keyword, "uniqueItems") == 0)
        return false;
    return (keywords[i].concern >> type & 1) != 0;
}

size_t wf_schema_count(const json_t *v)
{
    double x = json_number_value(v);

    return x < 1e9 ? (size_t)x : 1000000000;
}

/* ---- values ---- */

static bool admits(const json_t *type, const char *name)
{
    if (json_is_string(type))
        return strcmp(json_string_value(type), name) == 0;
    for (size_t i = 0; i < json_array_size(type); i++) {
        if (strcmp(json_string_value(json_array_get(type, i)), name) == 0)
            return true;
    }
    return false;
}

static int take_type(struct wf_search *s, struct wf_way w, const json_t *type, bool is_negated)
{
    static const char *const names[WF_TYPE_COUNT] = {"null",   "boolean", "boolean", "number",
                                                     "string", "array",   "object"};

    if (admits(type, names[s->type]))
        return is_negated ? 0 : wf_way_go(s, w);
    if (s->type == WF_TYPE_NUMBER && admits(type, "integer"))
        return wf_way_with_atom(
            s, w, (struct wf_atom){.kind = WF_ATOM_INTEGER, .is_negated = is_negated});
    return is_negated ? wf_way_go(s, w) : 0;
}

static int take_values(struct wf_search *s, struct wf_way w, const json_t *list, bool is_negated)
{
    bool any = false;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        const json_t *v = json_array_get(list, i);
        if (wf_schema_type_of(v) != s->type)
            continue;
        any = true;
        if (is_negated)
            rc = wf_way_add_literal(s, &w, wf_literal_value(v, true));
    }
    if (rc != 0 || (!any && !is_negated))
        return rc;
    if (is_negated)
        return wf_way_go(s, w);
    return wf_way_with_atom(s, w, (struct wf_atom){.kind = WF_ATOM_VALUE, .value = list});
}

/* The property is there and reaches a literal. */
static int with_property(struct wf_search *s, struct wf_way w, const char *key, struct wf_literal l)
{
    struct wf_atom a = {.kind = WF_ATOM_PROPERTY, .name = wf_str_from(key), .literal = l};
    bool dead = false;
    int rc = wf_way_add_atom(s, &w, a, &dead);

    a = (struct wf_atom){.kind = WF_ATOM_PRESENT, .name = wf_str_from(key)};
    return rc == 0 ? wf_way_with_atom(s, w, a) : rc;
}

static int with_absent(struct wf_search *s, struct wf_way w, const char *key)
{
    return wf_way_with_atom(s, w,
                            (struct wf_atom){.kind = WF_ATOM_ABSENT, .name = wf_str_from(key)});
}

/* The value is not this object: a member lacks, is another, or there is one more. */
static int unlike_object(struct wf_search *s, struct wf_way w, const json_t *v)
{
    const char *key;
    json_t *member;
    int rc = 0;

    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        if (rc == 0)
            rc = with_absent(s, w, key);
        if (rc == 0)
            rc = with_property(s, w, key, wf_literal_value(member, true));
    }
    if (rc != 0)
        return rc;
    return wf_way_with_atom(s, w,
                            (struct wf_atom){.kind = WF_ATOM_SOME_KEY,
                                             .schema = v,
                                             .keyword = "not",
                                             .keys = {.kind = WF_KEYS_NOT_IN, .of = v},
                                             .literal = wf_literal_schema(json_true(), false)});
}

/* A count of code points, items or properties. */
static int with_length(struct wf_search *s, struct wf_way w, const json_t *schema,
                       const char *keyword, size_t min, size_t max)
{
    return wf_way_with_atom(
        s, w,
        (struct wf_atom){
            .kind = WF_ATOM_LENGTH, .schema = schema, .keyword = keyword, .min = min, .max = max});
}

/* Item i is there and reaches a literal. */
static int with_item(struct wf_search *s, struct wf_way w, size_t i, struct wf_literal l)
{
    bool dead = false;
    int rc = wf_way_add_atom(s, &w, (struct wf_atom){.kind = WF_ATOM_ITEM, .min = i, .literal = l},
                             &dead);

    return rc == 0 ? with_length(s, w, NULL, "minItems", i + 1, SIZE_MAX) : rc;
}

static int unlike_array(struct wf_search *s, struct wf_way w, const json_t *v)
{
    size_t n = json_array_size(v);
    int rc = with_length(s, w, NULL, "minItems", n + 1, SIZE_MAX);

    if (rc == 0 && n > 0)
        rc = with_length(s, w, NULL, "maxItems", 0, n - 1);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = with_item(s, w, i, wf_literal_value(json_array_get(v, i), true));
    return rc;
}

int wf_way_take_value(struct wf_search *s, struct wf_way w, struct wf_literal l)
{
    json_t *list;

    if (wf_schema_type_of(l.of) != s->type)
        return l.is_negated ? wf_way_go(s, w) : 0;
    if (!l.is_negated) {
        list = json_pack("[O]", l.of);
        if (list == NULL || json_array_append_new(s->b->kept, list) != 0)
            return wf_schema_no_memory(&s->b->doc);
        return wf_way_with_atom(s, w, (struct wf_atom){.kind = WF_ATOM_VALUE, .value = list});
    }
    if (s->type < WF_TYPE_NUMBER)
        return 0;
    if (s->type >= WF_TYPE_ARRAY && s->wide)
        return wf_way_go(s, w);
    if (s->type == WF_TYPE_OBJECT)
        return unlike_object(s, w, l.of);
    if (s->type == WF_TYPE_ARRAY)
        return unlike_array(s, w, l.of);
    return wf_way_with_atom(
        s, w, (struct wf_atom){.kind = WF_ATOM_VALUE, .value = l.of, .is_negated = true});
}

/* ---- numbers and strings ---- */

static int take_plain(struct wf_search *s, struct wf_way w, const struct wf_task *t,
                      enum wf_atom_kind kind)
{
    return wf_way_with_atom(s, w,
                            (struct wf_atom){.kind = kind,
                                             .is_negated = t->is_negated,
                                             .schema = t->schema,
                                             .keyword = t->keyword,
                                             .value = json_object_get(t->schema, t->keyword)});
}

static int take_format(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const char *name = json_string_value(json_object_get(t->schema, "format"));
    const struct wf_lang *l = NULL;
    int rc = 0;

    if (!t->is_negated)
        return take_plain(s, w, t, WF_ATOM_FORMAT);
    rc = wf_schema_format(&s->b->doc, t->schema, name, true, &l);
    if (rc != 0 || l == NULL)
        return rc; /* it means nothing, so that nothing is against it */
    if (s->wide)
        return wf_way_go(s, w);
    return wf_schema_refuse(&s->b->doc, t->schema, "format", "it would have to be negated");
}

/* minX and maxX: [n, any] and [0, n], or the opposite. */
static int take_count(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    size_t n = wf_schema_count(json_object_get(t->schema, t->keyword));
    bool is_min = t->keyword[1] == 'i';

    if (!t->is_negated)
        return with_length(s, w, t->schema, t->keyword, is_min ? n : 0, is_min ? SIZE_MAX : n);
    if (is_min)
        return n > 0 ? with_length(s, w, t->schema, t->keyword, 0, n - 1) : 0;
    return with_length(s, w, t->schema, t->keyword, n + 1, SIZE_MAX);
}

/* ---- objects ---- */

static struct wf_atom keys_atom(const struct wf_task *t, struct wf_keys keys, const json_t *schema)
{
    return (struct wf_atom){.kind = t->is_negated ? WF_ATOM_SOME_KEY : WF_ATOM_KEYS,
                            .schema = t->schema,
                            .keyword = t->keyword,
                            .keys = keys,
                            .literal = wf_literal_schema(schema, t->is_negated)};
}

static int take_properties(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    bool is_pattern = t->keyword[1] == 'a', dead = false;
    const char *key;
    json_t *schema;
    int rc = 0;

    json_object_foreach(json_object_get(t->schema, t->keyword), key, schema)
    {
        struct wf_atom a = {.kind = WF_ATOM_PROPERTY,
                            .schema = t->schema,
                            .keyword = t->keyword,
                            .name = wf_str_from(key),
                            .literal = wf_literal_schema(schema, t->is_negated)};
        if (is_pattern)
            a = keys_atom(t,
                          (struct wf_keys){.kind = WF_KEYS_PATTERN,
                                           .of = t->schema,
                                           .pattern = wf_str_from(key)},
                          schema);
        if (rc == 0 && !t->is_negated)
            rc = wf_way_add_atom(s, &w, a, &dead);
        else if (rc == 0 && is_pattern)
            rc = wf_way_with_atom(s, w, a);
        else if (rc == 0)
            rc = with_property(s, w, key, a.literal);
    }
    return rc == 0 && !t->is_negated ? wf_way_go(s, w) : rc;
}

static int take_additional(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t **schemas = wf_arena_array(&s->b->doc.arena, 1, sizeof(*schemas));

    if (schemas == NULL)
        return wf_schema_no_memory(&s->b->doc);
    schemas[0] = t->schema;
    return wf_way_with_atom(
        s, w,
        keys_atom(t, (struct wf_keys){.kind = WF_KEYS_OTHERS, .schemas = schemas, .n_schemas = 1},
                  json_object_get(t->schema, "additionalProperties")));
}

static int take_required(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t *names = json_object_get(t->schema, "required");
    bool dead = false, any_dead = false;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(names) && rc == 0; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        struct wf_atom a = {.kind = WF_ATOM_PRESENT, .name = wf_str_from(name)};
        if (t->is_negated) {
            rc = with_absent(s, w, name);
        } else {
            rc = wf_way_add_atom(s, &w, a, &dead);
            any_dead |= dead;
        }
    }
    return rc == 0 && !t->is_negated && !any_dead ? wf_way_go(s, w) : rc;
}

static int take_names(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t *schema = json_object_get(t->schema, "propertyNames");
    struct wf_atom a = {.kind = WF_ATOM_NAMES,
                        .schema = t->schema,
                        .keyword = "propertyNames",
                        .literal = wf_literal_schema(schema, false)};

    if (t->is_negated)
        a = (struct wf_atom){.kind = WF_ATOM_SOME_KEY,
                             .schema = t->schema,
                             .keyword = "propertyNames",
                             .keys = {.kind = WF_KEYS_VIOLATES, .of = schema},
                             .literal = wf_literal_schema(json_true(), false)};
    return wf_way_with_atom(s, w, a);
}

/* ---- arrays ---- */

static int with_contains(struct wf_search *s, struct wf_way w, struct wf_atom a)
{
    a.kind = WF_ATOM_CONTAINS;
    return wf_way_with_atom(s, w, a);
}

/* Items from `from` on, or one of them that does not. */
static int take_rest(struct wf_search *s, struct wf_way w, const struct wf_task *t,
                     const json_t *schema, size_t from)
{
    struct wf_atom a = {.kind = WF_ATOM_ITEMS,
                        .schema = t->schema,
                        .keyword = t->keyword,
                        .literal = wf_literal_schema(schema, t->is_negated),
                        .min = from};

    if (!t->is_negated)
        return wf_way_with_atom(s, w, a);
    a.from = from;
    a.min = 1;
    a.max = SIZE_MAX;
    return with_contains(s, w, a);
}

static int take_prefix(struct wf_search *s, struct wf_way w, const struct wf_task *t,
                       const json_t *list)
{
    bool dead = false;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        struct wf_literal l = wf_literal_schema(json_array_get(list, i), t->is_negated);
        if (t->is_negated)
            rc = with_item(s, w, i, l);
        else
            rc = wf_way_add_atom(
                s, &w, (struct wf_atom){.kind = WF_ATOM_ITEM, .min = i, .literal = l}, &dead);
    }
    return rc == 0 && !t->is_negated ? wf_way_go(s, w) : rc;
}

static int take_items(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t *items = json_object_get(t->schema, "items");
    const json_t *others = json_object_get(t->schema, "additionalItems");
    int rc;

    if (!json_is_array(items))
        return take_rest(s, w, t, items,
                         json_array_size(json_object_get(t->schema, "prefixItems")));
    if (t->is_negated) {
        rc = take_prefix(s, w, t, items);
        return rc == 0 && others != NULL ? take_rest(s, w, t, others, json_array_size(items)) : rc;
    }
    if (others != NULL) {
        bool dead = false;
        struct wf_atom a = {.kind = WF_ATOM_ITEMS,
                            .schema = t->schema,
                            .keyword = "additionalItems",
                            .literal = wf_literal_schema(others, false),
                            .min = json_array_size(items)};
        rc = wf_way_add_atom(s, &w, a, &dead);
        if (rc != 0)
            return rc;
    }
    return take_prefix(s, w, t, items);
}

static int take_contains(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t *min = json_object_get(t->schema, "minContains");
    const json_t *max = json_object_get(t->schema, "maxContains");
    struct wf_atom a = {
        .schema = t->schema,
        .keyword = "contains",
        .literal = wf_literal_schema(json_object_get(t->schema, "contains"), false),
        .min = min != NULL ? wf_schema_count(min) : 1,
        .max = max != NULL ? wf_schema_count(max) : SIZE_MAX,
    };
    struct wf_atom fewer = a, more = a;
    int rc = 0;

    if (!t->is_negated)
        return with_contains(s, w, a);
    fewer.min = 0;
    fewer.max = a.min - 1;
    more.min = a.max + 1;
    more.max = SIZE_MAX;
    if (a.min > 0)
        rc = with_contains(s, w, fewer);
    return rc == 0 && a.max != SIZE_MAX ? with_contains(s, w, more) : rc;
}

/* Keywords that cannot be negated. */
static int take_whole(struct wf_search *s, struct wf_way w, const struct wf_task *t,
                      enum wf_atom_kind kind)
{
    const json_t *v = json_object_get(t->schema, t->keyword);
    struct wf_atom a = {.kind = kind, .schema = t->schema, .keyword = t->keyword, .value = v};

    if (t->is_negated && s->wide)
        return wf_way_go(s, w);
    if (t->is_negated)
        return wf_schema_refuse(&s->b->doc, t->schema, t->keyword, "it would have to be negated");
    if (kind != WF_ATOM_UNIQUE)
        a.literal = wf_literal_schema(v, false);
    return wf_way_with_atom(s, w, a);
}

/* ---- all ---- */

static int take_object(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    if (strcmp(t->keyword, "properties") == 0 || strcmp(t->keyword, "patternProperties") == 0)
        return take_properties(s, w, t);
    if (strcmp(t->keyword, "required") == 0)
        return take_required(s, w, t);
    if (strcmp(t->keyword, "additionalProperties") == 0)
        return take_additional(s, w, t);
    if (strcmp(t->keyword, "propertyNames") == 0)
        return take_names(s, w, t);
    if (strcmp(t->keyword, "unevaluatedProperties") == 0)
        return take_whole(s, w, t, WF_ATOM_OTHER_PROPERTIES);
    return take_count(s, w, t);
}

static int take_array(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    if (strcmp(t->keyword, "items") == 0)
        return take_items(s, w, t);
    if (strcmp(t->keyword, "prefixItems") == 0)
        return take_prefix(s, w, t, json_object_get(t->schema, "prefixItems"));
    if (strcmp(t->keyword, "contains") == 0)
        return take_contains(s, w, t);
    if (strcmp(t->keyword, "uniqueItems") == 0)
        return take_whole(s, w, t, WF_ATOM_UNIQUE);
    if (strcmp(t->keyword, "unevaluatedItems") == 0)
        return take_whole(s, w, t, WF_ATOM_OTHER_ITEMS);
    return take_count(s, w, t);
}

int wf_way_take(struct wf_search *s, struct wf_way w, const struct wf_task *t)
{
    const json_t *v = json_object_get(t->schema, t->keyword);

    if (strcmp(t->keyword, "type") == 0)
        return take_type(s, w, v, t->is_negated);
    if (strcmp(t->keyword, "enum") == 0)
        return take_values(s, w, v, t->is_negated);
    if (strcmp(t->keyword, "const") == 0)
        return wf_way_take_value(s, w, wf_literal_value(v, t->is_negated));
    if (s->type == WF_TYPE_OBJECT)
        return take_object(s, w, t);
    if (s->type == WF_TYPE_ARRAY)
        return take_array(s, w, t);
    if (strcmp(t->keyword, "format") == 0)
        return take_format(s, w, t);
    if (strcmp(t->keyword, "pattern") == 0)
        return take_plain(s, w, t, WF_ATOM_PATTERN);
    if (strcmp(t->keyword, "multipleOf") == 0)
        return take_plain(s, w, t, WF_ATOM_MULTIPLE);
    if (s->type == WF_TYPE_NUMBER)
        return take_plain(s, w, t, WF_ATOM_BOUND);
    return take_count(s, w, t);
}
