/* SPDX-License-Identifier: Apache-2.0 */
/* A schema as a document: where each subschema stands, by which URIs it is known, and whether its
 * keywords have values of the types they must have. References are followed by these; what lies in
 * another document is refused.
 *
 * Draft 2020-12, and of older drafts what clients still send: items as an array with
 * additionalItems, dependencies, boolean exclusiveMinimum and exclusiveMaximum. */
#include <string.h>

#include "base/limits.h"
#include "model/schema_internal.h"
#include "text/utf8.h"

/* Schemas within schemas. */
#define DEPTH_MAX (2 * WF_LIMIT_NESTING)

enum form {
    FORM_SCHEMA,
    FORM_SCHEMAS,    /* array of schemas */
    FORM_SCHEMA_MAP, /* object of schemas */
    FORM_ITEMS,      /* a schema, or in older drafts an array of them */
    FORM_DEPENDENCIES,
    FORM_STRING,
    FORM_STRINGS,
    FORM_STRING_MAP, /* object of arrays of strings */
    FORM_NUMBER,
    FORM_POSITIVE,
    FORM_BOUND, /* a number, or in older drafts a boolean */
    FORM_COUNT,
    FORM_BOOLEAN,
    FORM_ARRAY,
    FORM_TYPE,
};

static const struct {
    const char *name;
    enum form form;
} keywords[] = {
    {"$ref", FORM_STRING},
    {"$dynamicRef", FORM_STRING},
    {"$id", FORM_STRING},
    {"$anchor", FORM_STRING},
    {"$dynamicAnchor", FORM_STRING},
    {"$schema", FORM_STRING},
    {"$defs", FORM_SCHEMA_MAP},
    {"definitions", FORM_SCHEMA_MAP},
    {"type", FORM_TYPE},
    {"enum", FORM_ARRAY},
    {"allOf", FORM_SCHEMAS},
    {"anyOf", FORM_SCHEMAS},
    {"oneOf", FORM_SCHEMAS},
    {"not", FORM_SCHEMA},
    {"if", FORM_SCHEMA},
    {"then", FORM_SCHEMA},
    {"else", FORM_SCHEMA},
    {"properties", FORM_SCHEMA_MAP},
    {"patternProperties", FORM_SCHEMA_MAP},
    {"additionalProperties", FORM_SCHEMA},
    {"propertyNames", FORM_SCHEMA},
    {"unevaluatedProperties", FORM_SCHEMA},
    {"required", FORM_STRINGS},
    {"dependentRequired", FORM_STRING_MAP},
    {"dependentSchemas", FORM_SCHEMA_MAP},
    {"dependencies", FORM_DEPENDENCIES},
    {"minProperties", FORM_COUNT},
    {"maxProperties", FORM_COUNT},
    {"items", FORM_ITEMS},
    {"prefixItems", FORM_SCHEMAS},
    {"additionalItems", FORM_SCHEMA},
    {"contains", FORM_SCHEMA},
    {"minContains", FORM_COUNT},
    {"maxContains", FORM_COUNT},
    {"minItems", FORM_COUNT},
    {"maxItems", FORM_COUNT},
    {"uniqueItems", FORM_BOOLEAN},
    {"unevaluatedItems", FORM_SCHEMA},
    {"minLength", FORM_COUNT},
    {"maxLength", FORM_COUNT},
    {"pattern", FORM_STRING},
    {"format", FORM_STRING},
    {"minimum", FORM_NUMBER},
    {"maximum", FORM_NUMBER},
    {"exclusiveMinimum", FORM_BOUND},
    {"exclusiveMaximum", FORM_BOUND},
    {"multipleOf", FORM_POSITIVE},
};

/* ---- messages ---- */

int wf_schema_no_memory(struct wf_schema_doc *d)
{
    return wf_err_set(d->err, WF_E_NOMEM, "Not enough memory for the schema.");
}

static struct wf_str key_of(const json_t *const *schema)
{
    return wf_str_n((const char *)schema, sizeof(*schema));
}

static const struct wf_schema_node *node_of(const struct wf_schema_doc *d, const json_t *schema)
{
    const union wf_map_value *v = wf_map_get(&d->nodes, key_of(&schema));

    return v != NULL ? v->ptr : NULL;
}

const char *wf_schema_place(const struct wf_schema_doc *d, const json_t *schema)
{
    const struct wf_schema_node *n = node_of(d, schema);

    return n != NULL ? n->place : "#";
}

int wf_schema_refuse(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                     const char *why)
{
    return wf_err_set(d->err, WF_E_UNSUPPORTED, "%s at %.120s cannot be enforced: %s.", keyword,
                      wf_schema_place(d, schema), why);
}

int wf_schema_invalid(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                      const char *why)
{
    return wf_err_set(d->err, WF_E_INVAL, "Not a schema: %s at %.120s %s.", keyword,
                      wf_schema_place(d, schema), why);
}

/* ---- reading ---- */

static bool is_schema(const json_t *v)
{
    return json_is_object(v) || json_is_boolean(v);
}

static bool are_strings(const json_t *v)
{
    if (!json_is_array(v))
        return false;
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!json_is_string(json_array_get(v, i)))
            return false;
    }
    return true;
}

static bool is_type_name(const json_t *v)
{
    static const char *const names[] = {"null",   "boolean", "object", "array",
                                        "number", "string",  "integer"};

    for (size_t i = 0; i < WF_ARRAY_LEN(names) && json_is_string(v); i++) {
        if (strcmp(json_string_value(v), names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_type(const json_t *v)
{
    if (!json_is_array(v))
        return is_type_name(v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!is_type_name(json_array_get(v, i)))
            return false;
    }
    return json_array_size(v) > 0;
}

static bool are_schemas(const json_t *v)
{
    const char *key;
    json_t *member;

    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (!is_schema(json_array_get(v, i)))
                return false;
        }
        return true;
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        if (!is_schema(member))
            return false;
    }
    return json_is_object(v);
}

static bool are_string_lists(const json_t *v, bool or_schemas)
{
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        if (!are_strings(member) && !(or_schemas && is_schema(member)))
            return false;
    }
    return json_is_object(v);
}

static bool has_form(const json_t *v, enum form form)
{
    switch (form) {
    case FORM_SCHEMA:
        return is_schema(v);
    case FORM_SCHEMAS:
        return json_is_array(v) && are_schemas(v);
    case FORM_SCHEMA_MAP:
        return json_is_object(v) && are_schemas(v);
    case FORM_ITEMS:
        return is_schema(v) || (json_is_array(v) && are_schemas(v));
    case FORM_DEPENDENCIES:
        return are_string_lists(v, true);
    case FORM_STRING:
        return json_is_string(v);
    case FORM_STRINGS:
        return are_strings(v);
    case FORM_STRING_MAP:
        return are_string_lists(v, false);
    case FORM_NUMBER:
        return json_is_number(v);
    case FORM_POSITIVE:
        return json_is_number(v) && json_number_value(v) > 0;
    case FORM_BOUND:
        return json_is_number(v) || json_is_boolean(v);
    case FORM_COUNT:
        return json_is_number(v) && wf_schema_is_integer(v) && json_number_value(v) >= 0;
    case FORM_BOOLEAN:
        return json_is_boolean(v);
    case FORM_ARRAY:
        return json_is_array(v);
    case FORM_TYPE:
        return is_type(v);
    }
    return false;
}

static int walk(struct wf_schema_doc *d, const json_t *schema, const char *place, const char *base,
                unsigned depth);

/* place/keyword/part, escaped as JSON pointers are. */
static const char *place_below(struct wf_schema_doc *d, const char *place, const char *keyword,
                               const char *part)
{
    struct wf_buf b;
    const char *out = NULL;

    wf_buf_init(&b, WF_LIMIT_HTTP_JSON_BYTES);
    (void)wf_buf_appendf(&b, "%s/%s", place, keyword);
    if (part != NULL)
        (void)wf_buf_append_byte(&b, '/');
    for (; part != NULL && *part != 0; part++) {
        if (*part == '~' || *part == '/')
            (void)wf_buf_append_cstr(&b, *part == '~' ? "~0" : "~1");
        else
            (void)wf_buf_append_byte(&b, *part);
    }
    if (wf_buf_status(&b) == 0)
        out = wf_arena_cstr(&d->arena, wf_buf_str(&b));
    wf_buf_deinit(&b);
    return out;
}

static int walk_one(struct wf_schema_doc *d, const json_t *schema, const char *place,
                    const char *keyword, const char *part, const char *base, unsigned depth)
{
    const char *below;

    if (!json_is_object(schema))
        return 0;
    below = place_below(d, place, keyword, part);
    return below != NULL ? walk(d, schema, below, base, depth + 1) : wf_schema_no_memory(d);
}

/* The subschemas of one keyword's value. */
static int walk_keyword(struct wf_schema_doc *d, const json_t *v, const char *place,
                        const char *keyword, const char *base, unsigned depth)
{
    const char *key;
    json_t *member;
    int rc = 0;

    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v) && rc == 0; i++) {
            char number[24];
            (void)snprintf(number, sizeof(number), "%zu", i);
            rc = walk_one(d, json_array_get(v, i), place, keyword, number, base, depth);
        }
        return rc;
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        if (rc == 0)
            rc = walk_one(d, member, place, keyword, key, base, depth);
    }
    return rc;
}

static int add_uri(struct wf_schema_doc *d, const char *base, const char *anchor,
                   const json_t *schema)
{
    char *uri = anchor == NULL ? wf_arena_cstr(&d->arena, wf_str_from(base))
                               : wf_arena_printf(&d->arena, "%s#%s", base, anchor);
    union wf_map_value *v;

    if (uri == NULL)
        return wf_schema_no_memory(d);
    v = wf_map_put(&d->uris, wf_str_from(uri), NULL);
    if (v == NULL)
        return wf_schema_no_memory(d);
    v->ptr = (void *)(uintptr_t)schema;
    return 0;
}

static int add_dynamic(struct wf_schema_doc *d, const char *anchor)
{
    union wf_map_value *v = wf_map_put(&d->dynamic, wf_str_from(anchor), NULL);

    if (v == NULL)
        return wf_schema_no_memory(d);
    v->u64++;
    return 0;
}

/* Its URI and its anchors. */
static int identify(struct wf_schema_doc *d, const json_t *schema, const char **io_base)
{
    const char *id = json_string_value(json_object_get(schema, "$id"));
    const char *anchor = json_string_value(json_object_get(schema, "$anchor"));
    const char *dynamic = json_string_value(json_object_get(schema, "$dynamicAnchor"));
    const char *fragment = NULL;
    int rc = 0;

    if (id != NULL && id[0] != '#') {
        *io_base = wf_uri_resolve(&d->arena, *io_base, id, &fragment);
        if (*io_base == NULL)
            return wf_schema_no_memory(d);
        rc = add_uri(d, *io_base, NULL, schema);
    } else if (id != NULL) {
        rc = add_uri(d, *io_base, id + 1, schema); /* an anchor in older drafts */
    }
    if (rc == 0 && anchor != NULL)
        rc = add_uri(d, *io_base, anchor, schema);
    if (rc == 0 && dynamic != NULL)
        rc = add_uri(d, *io_base, dynamic, schema);
    return rc == 0 && dynamic != NULL ? add_dynamic(d, dynamic) : rc;
}

static int check_dialect(struct wf_schema_doc *d, const json_t *schema)
{
    const char *uri = json_string_value(json_object_get(schema, "$schema"));

    if (uri == NULL || strstr(uri, "//json-schema.org/") != NULL ||
        strstr(uri, "//spec.openapis.org/") != NULL)
        return 0;
    return wf_schema_refuse(d, schema, "$schema", "only json-schema.org's are known");
}

static int note(struct wf_schema_doc *d, const json_t *schema, const char *place, const char *base)
{
    struct wf_schema_node *n = wf_arena_alloc(&d->arena, sizeof(*n));
    union wf_map_value *v = wf_map_put(&d->nodes, key_of(&schema), NULL);

    if (n == NULL || v == NULL)
        return wf_schema_no_memory(d);
    *n = (struct wf_schema_node){.place = place, .base = base};
    v->ptr = n;
    return 0;
}

static int walk(struct wf_schema_doc *d, const json_t *schema, const char *place, const char *base,
                unsigned depth)
{
    int rc = note(d, schema, place, base);

    if (rc == 0 && depth > DEPTH_MAX)
        rc = wf_err_set(d->err, WF_E_LIMIT, "The schema is nested too deeply at %.120s.", place);
    for (size_t i = 0; i < WF_ARRAY_LEN(keywords) && rc == 0; i++) {
        const json_t *v = json_object_get(schema, keywords[i].name);
        if (v != NULL && !has_form(v, keywords[i].form))
            rc = wf_schema_invalid(d, schema, keywords[i].name, "has a value of a wrong kind");
    }
    if (rc == 0)
        rc = check_dialect(d, schema);
    if (rc == 0)
        rc = identify(d, schema, &base);
    if (rc == 0)
        rc = note(d, schema, place, base);
    for (size_t i = 0; i < WF_ARRAY_LEN(keywords) && rc == 0; i++) {
        const json_t *v = json_object_get(schema, keywords[i].name);
        if (v == NULL)
            continue;
        if (keywords[i].form == FORM_SCHEMA || (keywords[i].form == FORM_ITEMS && is_schema(v)))
            rc = walk_one(d, v, place, keywords[i].name, NULL, base, depth);
        else if (keywords[i].form >= FORM_SCHEMAS && keywords[i].form <= FORM_DEPENDENCIES)
            rc = walk_keyword(d, v, place, keywords[i].name, base, depth);
    }
    return rc;
}

int wf_schema_doc_init(struct wf_schema_doc *d, const json_t *root, struct wf_err *err)
{
    memset(d, 0, sizeof(*d));
    d->root = root;
    d->err = err;
    wf_arena_init(&d->arena, 0, WF_LIMIT_LANG_BYTES);
    wf_map_init(&d->nodes, SIZE_MAX);
    wf_map_init(&d->uris, SIZE_MAX);
    wf_map_init(&d->dynamic, SIZE_MAX);
    wf_map_init(&d->langs, SIZE_MAX);
    if (json_is_boolean(root))
        return 0;
    if (!json_is_object(root))
        return wf_err_set(err, WF_E_INVAL, "Not a schema: it is neither an object nor a boolean.");
    int rc = add_uri(d, "", NULL, root);
    return rc == 0 ? walk(d, root, "#", "", 0) : rc;
}

void wf_schema_doc_deinit(struct wf_schema_doc *d)
{
    wf_map_deinit(&d->nodes);
    wf_map_deinit(&d->uris);
    wf_map_deinit(&d->dynamic);
    wf_map_deinit(&d->langs);
    wf_arena_deinit(&d->arena);
}

/* ---- references ---- */

static int hex_of(char c)
{
    char lower = (char)(c | 32);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A pointer's part without %.. and ~0, ~1. NULL: no memory. */
static const char *unescape(struct wf_schema_doc *d, struct wf_str part)
{
    char *out = wf_arena_alloc(&d->arena, part.len + 1);
    size_t n = 0;

    for (size_t i = 0; out != NULL && i < part.len; i++) {
        char c = part.ptr[i];
        if (c == '%' && i + 2 < part.len && hex_of(part.ptr[i + 1]) >= 0 &&
            hex_of(part.ptr[i + 2]) >= 0) {
            c = (char)(hex_of(part.ptr[i + 1]) * 16 + hex_of(part.ptr[i + 2]));
            i += 2;
        }
        if (n > 0 && out[n - 1] == '\1' && (c == '0' || c == '1')) {
            out[n - 1] = c == '0' ? '~' : '/';
            continue;
        }
        out[n++] = c == '~' ? '\1' : c;
    }
    return out;
}

/* Follows a JSON pointer from a schema; *io_base is where it ends. NULL: there is nothing. */
static const json_t *follow(struct wf_schema_doc *d, const json_t *at, struct wf_str pointer,
                            const char **io_base)
{
    struct wf_str part, rest = wf_str_sub(pointer, 1, pointer.len);
    const struct wf_schema_node *n;

    if (pointer.len == 0)
        return at;
    while (at != NULL && wf_str_split(&rest, '/', &part)) {
        const char *name = unescape(d, part);
        uint64_t i = 0;
        if (name == NULL)
            return NULL;
        if (json_is_array(at))
            at = wf_str_to_u64(wf_str_from(name), &i) ? json_array_get(at, i) : NULL;
        else
            at = json_object_get(at, name);
        n = at != NULL ? node_of(d, at) : NULL;
        if (n != NULL)
            *io_base = n->base;
    }
    return at;
}

static const json_t *find_uri(struct wf_schema_doc *d, const char *uri, const char *fragment,
                              const char **out_base)
{
    const char *key = fragment == NULL || fragment[0] == 0 || fragment[0] == '/'
                          ? uri
                          : wf_arena_printf(&d->arena, "%s#%s", uri, fragment);
    const union wf_map_value *v = key != NULL ? wf_map_get(&d->uris, wf_str_from(key)) : NULL;
    const struct wf_schema_node *n;

    if (v == NULL)
        return NULL;
    n = node_of(d, v->ptr);
    *out_base = n != NULL ? n->base : "";
    if (fragment == NULL || fragment[0] != '/')
        return v->ptr;
    return follow(d, v->ptr, wf_str_from(fragment), out_base);
}

/* A dynamic reference means what a plain one does where it leads to the document itself and there
 * is one anchor of that name. Elsewhere validators differ in what it means. */
static int check_dynamic(struct wf_schema_doc *d, const json_t *schema, const char *fragment,
                         const json_t *target)
{
    const char *anchor = json_string_value(json_object_get(target, "$dynamicAnchor"));
    const union wf_map_value *v;

    if (target == d->root && (fragment == NULL || fragment[0] == 0))
        return 0;
    v = anchor != NULL ? wf_map_get(&d->dynamic, wf_str_from(anchor)) : NULL;
    if (target == d->root && v != NULL && v->u64 == 1 && strcmp(anchor, fragment) == 0)
        return 0;
    return wf_schema_refuse(d, schema, "$dynamicRef", "it leads elsewhere than to the document");
}

int wf_schema_resolve(struct wf_schema_doc *d, const json_t *schema, const char *keyword,
                      const json_t **out)
{
    const struct wf_schema_node *n = node_of(d, schema);
    const char *reference = json_string_value(json_object_get(schema, keyword));
    const char *fragment = NULL, *base = "";
    const char *uri = wf_uri_resolve(&d->arena, n != NULL ? n->base : "", reference, &fragment);
    const json_t *target;
    int rc = 0;

    if (uri == NULL)
        return wf_schema_no_memory(d);
    target = find_uri(d, uri, fragment, &base);
    if (target == NULL && (uri[0] == 0 || wf_map_get(&d->uris, wf_str_from(uri)) != NULL))
        return wf_schema_invalid(d, schema, keyword, "refers to nothing");
    if (target == NULL)
        return wf_schema_refuse(d, schema, keyword, "it refers to another document");
    if (!is_schema(target))
        return wf_schema_invalid(d, schema, keyword, "refers to what is no schema");
    if (json_is_object(target) && node_of(d, target) == NULL)
        rc = walk(d, target, reference, base, 0);
    if (rc == 0 && strcmp(keyword, "$dynamicRef") == 0)
        rc = check_dynamic(d, schema, fragment, target);
    *out = target;
    return rc;
}

/* ---- languages ---- */

int wf_schema_pattern(struct wf_schema_doc *d, const json_t *schema, struct wf_str pattern,
                      const struct wf_lang **out)
{
    char *key = wf_arena_printf(&d->arena, "p%.*s", WF_STR_ARG(pattern));
    union wf_map_value *v = key != NULL ? wf_map_put(&d->langs, wf_str_from(key), NULL) : NULL;
    struct wf_lang *l = NULL;
    int rc = 0;

    if (v == NULL)
        return wf_schema_no_memory(d);
    if (v->ptr == NULL) {
        rc = wf_lang_regex(&d->arena, pattern, &l, d->err);
        if (rc != 0) {
            wf_err_prefix(d->err, "pattern at %.80s", wf_schema_place(d, schema));
            (void)wf_map_remove(&d->langs, wf_str_from(key));
            return rc;
        }
        v->ptr = l;
    }
    *out = v->ptr;
    return 0;
}

int wf_schema_is_other(struct wf_schema_doc *d, const json_t *schema, struct wf_str name, bool *out)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *patterns = json_object_get(schema, "patternProperties");
    char *key = wf_arena_cstr(&d->arena, name);
    const struct wf_lang *l = NULL;
    const char *pattern;
    json_t *member;
    int rc = 0;

    if (key == NULL)
        return wf_schema_no_memory(d);
    *out = json_object_get(properties, key) == NULL;
    json_object_foreach((json_t *)(uintptr_t)patterns, pattern, member)
    {
        if (rc == 0)
            rc = wf_schema_pattern(d, schema, wf_str_from(pattern), &l);
        if (rc == 0 && wf_lang_has(l, name))
            *out = false;
    }
    return rc;
}
