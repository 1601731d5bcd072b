/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value validates, keyword by keyword. Each call says which properties and items of its
 * value were evaluated (marks, one a property in its order or an item), which the keywords
 * unevaluated... ask for; these come last. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/schema.h"
#include "model/schema_internal.h"
#include "text/utf8.h"

struct check {
    struct wf_schema_doc *d;
    unsigned depth;
};

/* One application of a schema object. */
struct at {
    struct check *c;
    const json_t *schema, *value;
    bool *marks; /* of the value's properties or items; at least one */
    bool is_valid;
};

static int apply(struct check *c, const json_t *schema, const json_t *value, bool *marks,
                 bool *out);

/* Applies to a part of the value, whose marks nobody asks for. */
static int apply_below(struct check *c, const json_t *schema, const json_t *value, bool *out)
{
    return apply(c, schema, value, NULL, out);
}

/* Applies to the same value; marks count when it validates. */
static int apply_here(struct at *a, const json_t *schema, bool *out)
{
    return apply(a->c, schema, a->value, a->marks, out);
}

static size_t n_marks(const json_t *v)
{
    return json_is_object(v) ? json_object_size(v) : json_array_size(v);
}

/* ---- any type ---- */

static bool has_type(const json_t *v, const char *name)
{
    switch (wf_schema_type_of(v)) {
    case WF_TYPE_NULL:
        return strcmp(name, "null") == 0;
    case WF_TYPE_FALSE:
    case WF_TYPE_TRUE:
        return strcmp(name, "boolean") == 0;
    case WF_TYPE_NUMBER:
        return strcmp(name, "number") == 0 ||
               (strcmp(name, "integer") == 0 && wf_schema_is_integer(v));
    case WF_TYPE_STRING:
        return strcmp(name, "string") == 0;
    case WF_TYPE_ARRAY:
        return strcmp(name, "array") == 0;
    case WF_TYPE_OBJECT:
        return strcmp(name, "object") == 0;
    case WF_TYPE_COUNT:
        break;
    }
    return false;
}

static int check_values(struct at *a)
{
    const json_t *type = json_object_get(a->schema, "type");
    const json_t *list = json_object_get(a->schema, "enum");
    const json_t *one = json_object_get(a->schema, "const");
    bool any = type == NULL;

    if (json_is_string(type))
        any = has_type(a->value, json_string_value(type));
    for (size_t i = 0; i < json_array_size(type); i++)
        any |= has_type(a->value, json_string_value(json_array_get(type, i)));
    a->is_valid = any && (one == NULL || wf_schema_equal(one, a->value));
    any = list == NULL;
    for (size_t i = 0; i < json_array_size(list) && !any; i++)
        any = wf_schema_equal(json_array_get(list, i), a->value);
    a->is_valid &= any;
    return 0;
}

/* How many of a list of schemas the value validates against. */
static int count_valid(struct at *a, const json_t *list, size_t *out_n)
{
    int rc = 0;

    *out_n = 0;
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        bool is_valid = false;
        rc = apply_here(a, json_array_get(list, i), &is_valid);
        *out_n += is_valid ? 1 : 0;
    }
    return rc;
}

static int check_lists(struct at *a)
{
    const json_t *all = json_object_get(a->schema, "allOf");
    const json_t *any = json_object_get(a->schema, "anyOf");
    const json_t *one = json_object_get(a->schema, "oneOf");
    size_t n = 0;
    int rc = count_valid(a, all, &n);

    a->is_valid = n == json_array_size(all);
    if (rc == 0 && any != NULL) {
        rc = count_valid(a, any, &n);
        a->is_valid &= n > 0;
    }
    if (rc == 0 && one != NULL) {
        rc = count_valid(a, one, &n);
        a->is_valid &= n == 1;
    }
    return rc;
}

static int check_conditions(struct at *a)
{
    const json_t *not_schema = json_object_get(a->schema, "not");
    const json_t *if_schema = json_object_get(a->schema, "if");
    const json_t *then;
    bool is_valid = false;
    int rc = 0;

    if (not_schema != NULL) {
        rc = apply_below(a->c, not_schema, a->value, &is_valid);
        a->is_valid = !is_valid;
    }
    if (rc != 0 || if_schema == NULL)
        return rc;
    rc = apply_here(a, if_schema, &is_valid);
    then = json_object_get(a->schema, is_valid ? "then" : "else");
    if (rc == 0 && then != NULL) {
        rc = apply_here(a, then, &is_valid);
        a->is_valid &= is_valid;
    }
    return rc;
}

static int check_references(struct at *a)
{
    static const char *const names[] = {"$ref", "$dynamicRef"};
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        const json_t *target = NULL;
        bool is_valid = true;
        if (json_object_get(a->schema, names[i]) == NULL)
            continue;
        rc = wf_schema_resolve(a->c->d, a->schema, names[i], &target);
        if (rc == 0)
            rc = apply_here(a, target, &is_valid);
        a->is_valid &= is_valid;
    }
    return rc;
}

/* ---- numbers and strings ---- */

static bool within(const json_t *v, const json_t *bound, const json_t *exclusive, bool is_minimum)
{
    double x = json_number_value(v), b = json_number_value(bound);
    bool is_strict = json_is_true(exclusive);

    if (json_is_number(bound) && (is_minimum ? x < b : x > b))
        return false;
    if (json_is_number(bound) && is_strict && x == b)
        return false;
    b = json_number_value(exclusive);
    return !json_is_number(exclusive) || (is_minimum ? x > b : x < b);
}

static int check_number(struct at *a)
{
    const json_t *multiple = json_object_get(a->schema, "multipleOf");

    if (!json_is_number(a->value))
        return 0;
    a->is_valid = within(a->value, json_object_get(a->schema, "minimum"),
                         json_object_get(a->schema, "exclusiveMinimum"), true) &&
                  within(a->value, json_object_get(a->schema, "maximum"),
                         json_object_get(a->schema, "exclusiveMaximum"), false);
    if (multiple != NULL)
        a->is_valid &=
            wf_schema_is_multiple(json_number_value(a->value), json_number_value(multiple));
    return 0;
}

static bool count_within(const json_t *schema, const char *min, const char *max, size_t n)
{
    const json_t *lo = json_object_get(schema, min), *hi = json_object_get(schema, max);

    return (lo == NULL || (double)n >= json_number_value(lo)) &&
           (hi == NULL || (double)n <= json_number_value(hi));
}

static int check_string(struct at *a)
{
    struct wf_str s = wf_str_n(json_string_value(a->value), json_string_length(a->value));
    const json_t *pattern = json_object_get(a->schema, "pattern");
    const json_t *format = json_object_get(a->schema, "format");
    const struct wf_lang *l = NULL;
    int rc = 0;

    if (!json_is_string(a->value))
        return 0;
    a->is_valid = count_within(a->schema, "minLength", "maxLength", wf_utf8_count(s));
    if (pattern != NULL) {
        rc = wf_schema_pattern(a->c->d, a->schema, wf_str_from(json_string_value(pattern)), &l);
        a->is_valid = a->is_valid && rc == 0 && wf_lang_has(l, s);
    }
    if (rc == 0 && format != NULL) {
        rc = wf_schema_format(a->c->d, a->schema, json_string_value(format), false, &l);
        a->is_valid = a->is_valid && rc == 0 && (l == NULL || wf_lang_has(l, s));
    }
    return rc;
}

/* ---- arrays ---- */

static int check_contains(struct at *a)
{
    const json_t *schema = json_object_get(a->schema, "contains");
    const json_t *min = json_object_get(a->schema, "minContains");
    const json_t *max = json_object_get(a->schema, "maxContains");
    double n = 0;
    int rc = 0;

    if (schema == NULL)
        return 0;
    for (size_t i = 0; i < json_array_size(a->value) && rc == 0; i++) {
        bool is_valid = false;
        rc = apply_below(a->c, schema, json_array_get(a->value, i), &is_valid);
        n += is_valid ? 1 : 0;
        a->marks[i] |= is_valid;
    }
    a->is_valid &= n >= (min != NULL ? json_number_value(min) : 1) &&
                   (max == NULL || n <= json_number_value(max));
    return rc;
}

static bool is_unique(const json_t *v)
{
    for (size_t i = 0; i < json_array_size(v); i++) {
        for (size_t k = 0; k < i; k++) {
            if (wf_schema_equal(json_array_get(v, i), json_array_get(v, k)))
                return false;
        }
    }
    return true;
}

static int check_array(struct at *a)
{
    const json_t *items = json_object_get(a->schema, "items");
    const json_t *prefix = json_object_get(a->schema, "prefixItems");
    size_t n = json_array_size(a->value);
    int rc = 0;

    if (!json_is_array(a->value))
        return 0;
    if (json_is_array(items)) {
        prefix = items;
        items = json_object_get(a->schema, "additionalItems");
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool is_valid = true, is_first = i < json_array_size(prefix);
        const json_t *schema = is_first ? json_array_get(prefix, i) : items;
        if (schema == NULL)
            continue;
        rc = apply_below(a->c, schema, json_array_get(a->value, i), &is_valid);
        a->is_valid &= is_valid;
        a->marks[i] = true;
    }
    a->is_valid &= count_within(a->schema, "minItems", "maxItems", n);
    if (json_is_true(json_object_get(a->schema, "uniqueItems")))
        a->is_valid &= is_unique(a->value);
    return rc == 0 ? check_contains(a) : rc;
}

/* ---- objects ---- */

/* The schemas that one property meets, and whether any did. */
static int check_property(struct at *a, const char *key, const json_t *v, bool *io_mark)
{
    const json_t *own = json_object_get(json_object_get(a->schema, "properties"), key);
    json_t *patterns = json_object_get(a->schema, "patternProperties");
    const json_t *others = json_object_get(a->schema, "additionalProperties");
    const struct wf_lang *l = NULL;
    bool is_valid = true, is_known = own != NULL;
    const char *pattern;
    json_t *schema;
    int rc = 0;

    if (own != NULL)
        rc = apply_below(a->c, own, v, &is_valid);
    a->is_valid &= is_valid;
    json_object_foreach(patterns, pattern, schema)
    {
        if (rc == 0)
            rc = wf_schema_pattern(a->c->d, a->schema, wf_str_from(pattern), &l);
        if (rc != 0 || !wf_lang_has(l, wf_str_from(key)))
            continue;
        is_known = true;
        rc = apply_below(a->c, schema, v, &is_valid);
        a->is_valid &= is_valid;
    }
    if (rc == 0 && !is_known && others != NULL) {
        rc = apply_below(a->c, others, v, &is_valid);
        a->is_valid &= is_valid;
        is_known = true;
    }
    *io_mark |= is_known;
    return rc;
}

static void check_required(struct at *a, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        a->is_valid &= json_object_get(a->value, name) != NULL;
    }
}

static int check_dependencies(struct at *a, const char *keyword)
{
    json_t *map = json_object_get(a->schema, keyword), *what;
    const char *key;
    int rc = 0;

    json_object_foreach(map, key, what)
    {
        bool is_valid = true;
        if (rc != 0 || json_object_get(a->value, key) == NULL)
            continue;
        if (json_is_array(what))
            check_required(a, what);
        else
            rc = apply_here(a, what, &is_valid);
        a->is_valid &= is_valid;
    }
    return rc;
}

static int check_object(struct at *a)
{
    const json_t *names = json_object_get(a->schema, "propertyNames");
    const char *key;
    json_t *v;
    size_t i = 0;
    int rc = 0;

    if (!json_is_object(a->value))
        return 0;
    a->is_valid =
        count_within(a->schema, "minProperties", "maxProperties", json_object_size(a->value));
    check_required(a, json_object_get(a->schema, "required"));
    json_object_foreach((json_t *)(uintptr_t)a->value, key, v)
    {
        bool is_valid = true;
        json_t *name = rc == 0 && names != NULL ? json_string_nocheck(key) : NULL;
        if (rc == 0)
            rc = check_property(a, key, v, &a->marks[i++]);
        if (rc == 0 && name != NULL)
            rc = apply_below(a->c, names, name, &is_valid);
        a->is_valid &= is_valid;
        json_decref(name);
    }
    if (rc == 0)
        rc = check_dependencies(a, "dependentSchemas");
    if (rc == 0)
        rc = check_dependencies(a, "dependentRequired");
    return rc == 0 ? check_dependencies(a, "dependencies") : rc;
}

static int check_unevaluated(struct at *a)
{
    const json_t *properties = json_object_get(a->schema, "unevaluatedProperties");
    const json_t *items = json_object_get(a->schema, "unevaluatedItems");
    const char *key;
    json_t *v;
    size_t i = 0;
    int rc = 0;

    json_object_foreach((json_t *)(uintptr_t)a->value, key, v)
    {
        bool is_valid = true;
        if (rc == 0 && properties != NULL && !a->marks[i])
            rc = apply_below(a->c, properties, v, &is_valid);
        a->is_valid &= is_valid;
        a->marks[i++] |= properties != NULL;
    }
    for (i = 0; i < json_array_size(a->value) && items != NULL && rc == 0; i++) {
        bool is_valid = true;
        if (!a->marks[i])
            rc = apply_below(a->c, items, json_array_get(a->value, i), &is_valid);
        a->is_valid &= is_valid;
        a->marks[i] = true;
    }
    return rc;
}

/* ---- one schema ---- */

static int check_all(struct at *a)
{
    static int (*const parts[])(struct at *) = {check_values, check_number,     check_string,
                                                check_array,  check_object,     check_references,
                                                check_lists,  check_conditions, check_unevaluated};
    bool all = true;
    int rc = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(parts) && rc == 0; i++) {
        a->is_valid = true;
        rc = parts[i](a);
        all &= a->is_valid;
    }
    a->is_valid = all;
    return rc;
}

static int apply(struct check *c, const json_t *schema, const json_t *value, bool *marks, bool *out)
{
    size_t n = n_marks(value);
    struct at a = {.c = c, .schema = schema, .value = value};
    int rc;

    *out = json_is_true(schema);
    if (!json_is_object(schema))
        return 0;
    if (c->depth >= 4 * WF_LIMIT_NESTING)
        return wf_err_set(c->d->err, WF_E_LIMIT, "A reference at %.120s leads back to itself.",
                          wf_schema_place(c->d, schema));
    a.marks = wf_alloc_array(n + 1, sizeof(*a.marks));
    if (a.marks == NULL)
        return wf_schema_no_memory(c->d);
    c->depth++;
    rc = check_all(&a);
    c->depth--;
    *out = rc == 0 && a.is_valid;
    for (size_t i = 0; i < n && *out && marks != NULL; i++)
        marks[i] |= a.marks[i];
    wf_free(a.marks);
    return rc;
}

int wf_schema__valid(struct wf_schema_doc *d, const json_t *schema, const json_t *value, bool *out)
{
    struct check c = {.d = d};

    return apply(&c, schema, value, NULL, out);
}

int wf_schema_check(const json_t *schema, const json_t *value, bool *out_valid, struct wf_err *err)
{
    struct wf_schema_doc d;
    int rc = wf_schema_doc_init(&d, schema, err);

    if (rc == 0)
        rc = wf_schema__valid(&d, schema, value, out_valid);
    wf_schema_doc_deinit(&d);
    return rc;
}
