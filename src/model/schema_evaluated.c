/* SPDX-License-Identifier: Apache-2.0 */
/* What schemas evaluate of the value that they stand beside, for unevaluatedProperties and
 * unevaluatedItems. A way knows which subschemas the value validates against; what they evaluate
 * counts, and what a subschema would that was not chosen does not, so that a grammar is rather
 * stricter. */
#include <string.h>

#include "base/limits.h"
#include "model/schema_internal.h"

struct collected {
    struct wf_schema_builder *b;
    const struct wf_branch *br;
    const json_t *root;
    const char *keyword;
    const json_t **schemas;
    size_t n, cap;
    size_t n_items;
    bool is_all;
    unsigned depth;
};

static int collect(struct collected *c, const json_t *schema);

static bool holds(const struct collected *c, const json_t *schema)
{
    for (size_t i = 0; i < c->br->n_positive; i++) {
        if (c->br->positive[i] == schema)
            return true;
    }
    return false;
}

static int collect_if_it_holds(struct collected *c, const json_t *schema)
{
    return json_is_object(schema) && holds(c, schema) ? collect(c, schema) : 0;
}

static int collect_members(struct collected *c, const json_t *container)
{
    const char *key;
    json_t *member;
    int rc = 0;

    for (size_t i = 0; i < json_array_size(container) && rc == 0; i++)
        rc = collect_if_it_holds(c, json_array_get(container, i));
    json_object_foreach((json_t *)(uintptr_t)container, key, member)
    {
        if (rc == 0)
            rc = collect_if_it_holds(c, member);
    }
    return rc;
}

static int add_schema(struct collected *c, const json_t *schema)
{
    const json_t **grown;

    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 8;
        grown = wf_arena_array(&c->b->doc.arena, cap, sizeof(*grown));
        if (grown == NULL)
            return wf_schema_no_memory(&c->b->doc);
        if (c->n > 0)
            memcpy(grown, c->schemas, c->n * sizeof(*grown));
        c->schemas = grown;
        c->cap = cap;
    }
    c->schemas[c->n++] = schema;
    return 0;
}

/* What a schema itself evaluates. */
static int collect_own(struct collected *c, const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");
    const json_t *prefix = json_object_get(schema, "prefixItems");

    if (c->keyword[11] == 'P') {
        c->is_all |= json_object_get(schema, "additionalProperties") != NULL;
        c->is_all |= schema != c->root && json_object_get(schema, "unevaluatedProperties") != NULL;
        return add_schema(c, schema);
    }
    if (json_object_get(schema, "contains") != NULL)
        return wf_schema_refuse(&c->b->doc, c->root, c->keyword, "it stands beside contains");
    if (json_is_array(items)) {
        prefix = items;
        items = json_object_get(schema, "additionalItems");
    }
    c->n_items = WF_MAX(c->n_items, json_array_size(prefix));
    c->is_all |= items != NULL;
    c->is_all |= schema != c->root && json_object_get(schema, "unevaluatedItems") != NULL;
    return 0;
}

static int collect(struct collected *c, const json_t *schema)
{
    static const char *const singles[] = {"if", "then", "else"};
    static const char *const containers[] = {"allOf", "anyOf", "oneOf", "dependentSchemas",
                                             "dependencies"};
    static const char *const references[] = {"$ref", "$dynamicRef"};
    const json_t *target = NULL;
    int rc;

    if (c->depth >= WF_LIMIT_NESTING)
        return 0; /* a reference to itself says nothing new */
    c->depth++;
    rc = collect_own(c, schema);
    for (size_t i = 0; i < WF_ARRAY_LEN(singles) && rc == 0; i++)
        rc = collect_if_it_holds(c, json_object_get(schema, singles[i]));
    for (size_t i = 0; i < WF_ARRAY_LEN(containers) && rc == 0; i++)
        rc = collect_members(c, json_object_get(schema, containers[i]));
    for (size_t i = 0; i < WF_ARRAY_LEN(references) && rc == 0; i++) {
        if (json_object_get(schema, references[i]) == NULL)
            continue;
        rc = wf_schema_resolve(&c->b->doc, schema, references[i], &target);
        if (rc == 0)
            rc = collect_if_it_holds(c, target);
    }
    c->depth--;
    return rc;
}

int wf_evaluated_properties(struct wf_schema_builder *b, const struct wf_branch *br,
                            const json_t *schema, struct wf_keys *out, bool *out_all)
{
    struct collected c = {.b = b, .br = br, .root = schema, .keyword = "unevaluatedProperties"};
    int rc = collect(&c, schema);

    *out = (struct wf_keys){.kind = WF_KEYS_OTHERS, .schemas = c.schemas, .n_schemas = c.n};
    *out_all = c.is_all;
    return rc;
}

int wf_evaluated_items(struct wf_schema_builder *b, const struct wf_branch *br,
                       const json_t *schema, size_t *out_n)
{
    struct collected c = {.b = b, .br = br, .root = schema, .keyword = "unevaluatedItems"};
    int rc = collect(&c, schema);

    *out_n = c.is_all ? SIZE_MAX : c.n_items;
    return rc;
}
