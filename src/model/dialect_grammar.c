/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: the grammar that keeps a model to a tool choice.
 *
 * It is made of the row that the reader reads by: the marks of the section, the tools' names, their
 * arguments by their schemas. With a required call it holds from the first token on (a thought may
 * come first), else from a mark on that begins a call. What the grammar allows, the reader reads.
 */
#include <string.h>

#include "base/alloc.h"
#include "model/dialect_internal.h"

#define PARTS_MAX 16

struct making {
    struct wf_grammar_builder *b;
    const struct wf_dialect *d;
    const struct wf_dialect_section *s;
    const struct wf_tool_rules *rules;
    uint32_t newline, blank; /* one or none */
    int rc;                  /* NOMEM, once it was met here */
    struct wf_err *err;
};

/* ---- small parts ---- */

static uint32_t text(struct making *m, const char *s)
{
    return wf_grammar_text(m->b, wf_str_from(s));
}

static uint32_t mark(struct making *m, const char *s)
{
    return wf_grammar_control(m->b, wf_str_from(s));
}

static uint32_t optional(struct making *m, uint32_t part)
{
    return wf_grammar_repeat(m->b, part, 0, 1);
}

static uint32_t nothing(struct making *m)
{
    return text(m, "");
}

/* A few parts, one behind the other. */
struct row {
    uint32_t parts[PARTS_MAX];
    size_t n;
};

static void add(struct row *r, uint32_t part)
{
    if (r->n < PARTS_MAX)
        r->parts[r->n++] = part;
}

static void add_mark(struct making *m, struct row *r, const char *s)
{
    if (s != NULL && s[0] != 0)
        add(r, mark(m, s));
}

static uint32_t end_row(struct making *m, const struct row *r)
{
    return wf_grammar_sequence(m->b, r->parts, r->n);
}

/* ---- tools ---- */

static const json_t *function_of(const json_t *tool)
{
    const json_t *f = json_object_get(tool, "function");
    return f != NULL ? f : tool;
}

static const char *name_of(const json_t *tool)
{
    return json_string_value(json_object_get(function_of(tool), "name"));
}

/* The schema of a tool's arguments, which is that of an object: a new reference. Where it cannot
 * be enforced and need not be, that of any object. */
static int schema_of(struct making *m, const json_t *tool, json_t **out)
{
    const json_t *f = function_of(tool), *given = json_object_get(f, "parameters");
    bool is_strict = json_is_true(json_object_get(f, "strict"));
    json_t *schema = json_is_object(given) ? json_copy((json_t *)(uintptr_t)given) : json_object();
    struct wf_grammar *g = NULL;
    int rc;

    if (schema == NULL)
        return WF_E_NOMEM;
    if (json_object_get(schema, "type") == NULL)
        (void)json_object_set_new(schema, "type", json_string("object"));
    rc = wf_grammar_from_schema(schema, &g, m->err);
    wf_grammar_unref(g);
    if (rc != 0 && rc != WF_E_NOMEM && !is_strict) {
        json_decref(schema);
        schema = json_pack("{s:s}", "type", "object");
        rc = schema == NULL ? WF_E_NOMEM : 0;
    }
    if (rc != 0) {
        json_decref(schema);
        if (rc != WF_E_NOMEM)
            wf_err_prefix(m->err, "tool %s", name_of(tool));
        return rc;
    }
    *out = schema;
    return 0;
}

/* ---- the forms of a call ---- */

static uint32_t json_call(struct making *m, const char *name, const json_t *schema)
{
    struct row r = {.n = 0};
    struct wf_buf quoted;

    wf_buf_init(&quoted, WF_LIMIT_ENCODE_BYTES);
    (void)wf_buf_append_cstr(&quoted, "\"");
    (void)wf_json_escape(&quoted, wf_str_from(name));
    if (wf_buf_append_cstr(&quoted, "\",") != 0)
        m->rc = WF_E_NOMEM;
    add(&r, text(m, "{\"name\":"));
    add(&r, m->blank);
    add(&r, wf_grammar_text(m->b, wf_buf_str(&quoted)));
    add(&r, m->blank);
    add(&r, text(m, m->d->arguments != NULL && strcmp(m->d->arguments, "parameters") == 0
                        ? "\"parameters\":"
                        : "\"arguments\":"));
    add(&r, m->blank);
    add(&r, wf_grammar_schema(m->b, schema));
    add(&r, text(m, "}"));
    wf_buf_deinit(&quoted);
    return end_row(m, &r);
}

static uint32_t named_call(struct making *m, const char *name, const json_t *schema)
{
    const struct wf_dialect_section *s = m->s;
    struct row r = {.n = 0};

    add_mark(m, &r, s->call_begin);
    if (s->tool_kind != NULL) {
        add(&r, text(m, s->tool_kind));
        add_mark(m, &r, s->sep);
    }
    if (s->name_prefix != NULL)
        add(&r, text(m, s->name_prefix));
    add(&r, text(m, name));
    if (m->d->is_name_id)
        add(&r, wf_grammar_gbnf(m->b, WF_STR("root ::= \":\" [0-9]{1,4}")));
    if (s->tool_kind == NULL)
        add_mark(m, &r, s->sep);
    else
        add(&r, text(m, "\n```json\n"));
    add(&r, wf_grammar_schema(m->b, schema));
    if (s->tool_kind != NULL)
        add(&r, text(m, "\n```"));
    add_mark(m, &r, s->call_end);
    return end_row(m, &r);
}

/* One value between marks: a text runs up to the mark, others are JSON. */
static uint32_t marked_value(struct making *m, const char *key, const json_t *schema)
{
    const struct wf_dialect_marks *k = m->s->marks;
    bool is_text = wf_dialect_is_text(schema);
    const json_t *list = json_object_get(schema, "enum"), *one;
    struct row r = {.n = 0};
    size_t i;

    add(&r, text(m, k->key_open));
    add(&r, text(m, key));
    add(&r, text(m, k->key_end));
    if (k->is_json != NULL)
        add(&r, text(m, is_text ? " string=\"true\"" : " string=\"false\""));
    if (k->value_open[0] == '<')
        add(&r, m->newline);
    add(&r, text(m, k->value_open));
    if (k->has_lines)
        add(&r, m->newline);
    if (is_text && json_array_size(list) > 0) {
        uint32_t any = 0;
        json_array_foreach(list, i, one)
        {
            uint32_t part = text(m, json_string_value(one));
            any = i == 0 ? part : wf_grammar_choice(m->b, (uint32_t[]){any, part}, 2);
        }
        add(&r, any);
    } else if (is_text) {
        add(&r, wf_grammar_any_text(m->b, wf_str_from(k->value_end)));
    } else {
        add(&r, wf_grammar_schema(m->b, schema));
    }
    if (k->has_lines && (!is_text || json_array_size(list) > 0))
        add(&r, m->newline);
    add(&r, text(m, k->value_end));
    add(&r, m->newline);
    return end_row(m, &r);
}

static bool is_required(const json_t *schema, const char *key)
{
    const json_t *list = json_object_get(schema, "required"), *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), key) == 0)
            return true;
    }
    return false;
}

/* The schema of one property, with what its references lead to. */
static json_t *property_schema(const json_t *schema, const json_t *property)
{
    static const char *const shared[] = {"$defs", "definitions"};
    json_t *copy =
        json_is_object(property) ? json_copy((json_t *)(uintptr_t)property) : json_object();

    for (size_t i = 0; i < WF_ARRAY_LEN(shared); i++) {
        json_t *defs = json_object_get(schema, shared[i]);
        if (defs != NULL && copy != NULL)
            (void)json_object_set(copy, shared[i], defs);
    }
    return copy;
}

static uint32_t marked_call(struct making *m, const char *name, const json_t *schema)
{
    const struct wf_dialect_marks *k = m->s->marks;
    json_t *properties = json_object_get(schema, "properties"), *one;
    uint32_t values = nothing(m);
    struct row r = {.n = 0};
    const char *key;

    json_object_foreach(properties, key, one)
    {
        json_t *own = property_schema(schema, one);
        uint32_t value = marked_value(m, key, own);
        if (!is_required(schema, key))
            value = optional(m, value);
        values = wf_grammar_sequence(m->b, (uint32_t[]){values, value}, 2);
        json_decref(own);
    }
    if (!m->s->begin_is_open)
        add(&r, text(m, k->open));
    else
        add_mark(m, &r, m->s->begin);
    add(&r, text(m, name));
    add(&r, text(m, k->name_end));
    add(&r, m->newline);
    add(&r, values);
    add(&r, text(m, k->close));
    return end_row(m, &r);
}

/* key=value, or ", key=value". */
static uint32_t python_item(struct making *m, const char *key, uint32_t value, bool has_comma)
{
    struct row r = {.n = 0};
    if (has_comma)
        add(&r, text(m, ", "));
    add(&r, text(m, key));
    add(&r, text(m, "="));
    add(&r, value);
    return end_row(m, &r);
}

/* The items in the schema's order; the first that comes has no comma. From the last to the first:
 * `tail` is all behind an item that came, `head` all when none came yet. */
static uint32_t python_call(struct making *m, const char *name, const json_t *schema)
{
    json_t *properties = json_object_get(schema, "properties"), *one;
    uint32_t tail = nothing(m), head = tail;
    size_t n = json_object_size(properties), i = 0;
    const char *key, **keys = NULL;
    struct row r = {.n = 0};

    keys = wf_alloc_array(n, sizeof(*keys));
    if (keys == NULL) {
        m->rc = WF_E_NOMEM;
        return nothing(m);
    }
    json_object_foreach(properties, key, one)
    {
        keys[i++] = key;
    }
    while (i-- > 0) {
        json_t *own = property_schema(schema, json_object_get(properties, keys[i]));
        uint32_t value = wf_grammar_schema(m->b, own);
        uint32_t with = python_item(m, keys[i], value, true);
        uint32_t first = python_item(m, keys[i], value, false);
        first = wf_grammar_sequence(m->b, (uint32_t[]){first, tail}, 2);
        if (is_required(schema, keys[i])) {
            head = first;
        } else {
            head = wf_grammar_choice(m->b, (uint32_t[]){first, head}, 2);
            with = optional(m, with);
        }
        tail = wf_grammar_sequence(m->b, (uint32_t[]){with, tail}, 2);
        json_decref(own);
    }
    wf_free(keys);
    add(&r, text(m, name));
    add(&r, text(m, "("));
    add(&r, head);
    add(&r, text(m, ")"));
    return end_row(m, &r);
}

static uint32_t with_type(struct making *m, bool has_type)
{
    struct row r = {.n = 0};
    if (has_type) {
        add(&r, text(m, " "));
        add(&r, mark(m, "<|constrain|>"));
        add(&r, text(m, "json"));
    }
    add(&r, mark(m, "<|message|>"));
    return end_row(m, &r);
}

/* The recipient stands in the channel's header, or before it. */
static uint32_t harmony_call(struct making *m, const char *name, const json_t *schema)
{
    uint32_t arguments = wf_grammar_schema(m->b, schema), types[2], ways[2];
    struct row a = {.n = 0}, b = {.n = 0};

    types[0] = with_type(m, true);
    types[1] = with_type(m, false);
    types[0] = wf_grammar_choice(m->b, types, 2);
    add(&a, mark(m, "<|channel|>"));
    add(&a, text(m, "commentary to=functions."));
    add(&a, text(m, name));
    add(&a, types[0]);
    add(&a, arguments);
    add(&b, text(m, " to=functions."));
    add(&b, text(m, name));
    add(&b, mark(m, "<|channel|>"));
    add(&b, text(m, "commentary"));
    add(&b, types[0]);
    add(&b, arguments);
    ways[0] = end_row(m, &a);
    ways[1] = end_row(m, &b);
    return wf_grammar_choice(m->b, ways, 2);
}

/* One call, of any of the tools that may be called. */
static int any_call(struct making *m, uint32_t *out)
{
    const struct wf_tool_rules *rules = m->rules;
    const json_t *tool;
    bool is_first = true;
    size_t i;

    json_array_foreach(rules->tools, i, tool)
    {
        const char *name = name_of(tool);
        json_t *schema = NULL;
        uint32_t one;
        int rc;
        if (rules->choice == WF_TOOL_NAMED && strcmp(name, rules->name) != 0)
            continue;
        rc = schema_of(m, tool, &schema);
        if (rc != 0)
            return rc;
        if (m->d->is_harmony)
            one = harmony_call(m, name, schema);
        else if ((m->s->forms & WF_CALL_PYTHON) != 0 && m->s->is_python_first)
            one = python_call(m, name, schema);
        else if ((m->s->forms & WF_CALL_MARKS) != 0)
            one = marked_call(m, name, schema);
        else if ((m->s->forms & WF_CALL_NAMED) != 0 && !m->s->is_json_first)
            one = named_call(m, name, schema);
        else
            one = json_call(m, name, schema);
        json_decref(schema);
        *out = is_first ? one : wf_grammar_choice(m->b, (uint32_t[]){*out, one}, 2);
        is_first = false;
    }
    return 0;
}

/* ---- sections ---- */

/* One call, and others behind a separator where several may come. */
static uint32_t several(struct making *m, uint32_t call, uint32_t separator)
{
    uint32_t more;

    if (!m->rules->parallel)
        return call;
    more = wf_grammar_sequence(m->b, (uint32_t[]){separator, call}, 2);
    more = wf_grammar_repeat(m->b, more, 0, SIZE_MAX);
    return wf_grammar_sequence(m->b, (uint32_t[]){call, more}, 2);
}

static uint32_t section(struct making *m, uint32_t call)
{
    const struct wf_dialect_section *s = m->s;
    bool is_bare = s->begin[0] == 0;
    struct row r = {.n = 0};

    if (!s->begin_is_open)
        add_mark(m, &r, s->begin);
    switch (s->group) {
    case WF_GROUP_LIST:
        add(&r, text(m, "["));
        add(&r, several(m, call, text(m, ", ")));
        add(&r, text(m, "]"));
        add_mark(m, &r, s->end);
        return end_row(m, &r);
    case WF_GROUP_ALL:
        add(&r, m->newline);
        add(&r, several(m, call, m->newline));
        add(&r, m->newline);
        add_mark(m, &r, s->end);
        return end_row(m, &r);
    default:
        if (!is_bare && !s->begin_is_open && s->end != NULL)
            add(&r, m->newline);
        add(&r, call);
        if (!is_bare && s->end != NULL)
            add(&r, m->newline);
        add_mark(m, &r, s->end);
        return several(m, end_row(m, &r), is_bare ? text(m, "; ") : m->newline);
    }
}

/* A thought before the calls: one that is begun already must end. */
static uint32_t thought(struct making *m, bool thinks)
{
    const char *open = m->d->think_open, *close = m->d->think_close;
    struct row r = {.n = 0};

    if (m->d->is_harmony) {
        close = "<|end|>";
        if (!thinks) {
            add(&r, mark(m, "<|channel|>"));
            add(&r, text(m, "analysis"));
            add(&r, mark(m, "<|message|>"));
        }
    } else if (open == NULL) {
        return nothing(m);
    } else if (!thinks) {
        add(&r, mark(m, open));
    }
    add(&r, wf_grammar_any_text(m->b, wf_str_from(close)));
    add(&r, mark(m, close));
    if (m->d->is_harmony) {
        add(&r, mark(m, "<|start|>"));
        add(&r, text(m, "assistant"));
    }
    for (int i = 0; i < 2 && !m->d->is_harmony; i++)
        add(&r, m->newline);
    return thinks ? end_row(m, &r) : optional(m, end_row(m, &r));
}

/* ---- all of it ---- */

static int check(const struct wf_tool_rules *rules, struct wf_err *err)
{
    bool is_there = rules->choice != WF_TOOL_NAMED;
    const json_t *tool;
    size_t i;

    json_array_foreach(rules->tools, i, tool)
    {
        const json_t *parameters = json_object_get(function_of(tool), "parameters");
        const char *name = name_of(tool);
        if (name == NULL || name[0] == 0 || strlen(name) > 128)
            return wf_err_set(err, WF_E_INVAL, "tool %zu has no name, or one that is too long", i);
        for (const char *c = name; *c != 0; c++)
            if (!wf_reader_is_name(*c))
                return wf_err_set(err, WF_E_INVAL,
                                  "the tool name \"%s\" has other characters than letters, digits, "
                                  "_ - . : /",
                                  name);
        if (parameters != NULL && !json_is_object(parameters) && !json_is_null(parameters))
            return wf_err_set(err, WF_E_INVAL, "the parameters of tool %s are no schema", name);
        is_there = is_there || (rules->name != NULL && strcmp(name, rules->name) == 0);
    }
    if (!is_there)
        return wf_err_set(err, WF_E_INVAL, "there is no tool \"%s\" to be called",
                          rules->name != NULL ? rules->name : "");
    return 0;
}

/* From the first token on: a thought, then calls as the first section has them. */
static int make_required(struct making *m, bool thinks, uint32_t *out)
{
    uint32_t parts[2] = {0};
    int rc = any_call(m, &parts[1]);

    if (rc != 0)
        return rc;
    parts[0] = thought(m, thinks);
    if (!m->d->is_harmony)
        parts[1] = section(m, parts[1]);
    *out = wf_grammar_sequence(m->b, parts, 2);
    return 0;
}

/* From a mark on: any of the sections that have one. */
static int make_auto(struct making *m, uint32_t *out_root, struct wf_tool_grammar *out)
{
    static const char *const harmony[] = {"<|channel|>commentary to=functions.", " to=functions."};
    uint32_t call = 0;
    int rc;

    if (m->d->is_harmony) {
        out->triggers[0] = harmony[0];
        out->triggers[1] = harmony[1];
        out->n_triggers = 2;
        return any_call(m, out_root);
    }
    for (size_t i = 0; i < WF_DIALECT_SECTIONS && m->d->sections[i].begin != NULL; i++) {
        m->s = &m->d->sections[i];
        if (m->s->begin[0] == 0 || m->s->is_loose)
            continue;
        rc = any_call(m, &call);
        if (rc != 0)
            return rc;
        call = section(m, call);
        *out_root =
            out->n_triggers == 0 ? call : wf_grammar_choice(m->b, (uint32_t[]){*out_root, call}, 2);
        out->triggers[out->n_triggers++] = m->s->begin;
    }
    return 0;
}

int wf_dialect_grammar(const struct wf_dialect *d, const struct wf_tool_rules *rules, bool thinks,
                       struct wf_tool_grammar *out, struct wf_err *err)
{
    struct making m = {.d = d, .s = &d->sections[0], .rules = rules, .err = err};
    uint32_t root = 0;
    int rc = 0;

    *out = (struct wf_tool_grammar){.grammar = NULL};
    if (json_array_size(rules->tools) == 0 || rules->choice == WF_TOOL_NONE) {
        if (rules->choice == WF_TOOL_REQUIRED || rules->choice == WF_TOOL_NAMED)
            rc = wf_err_set(err, WF_E_INVAL, "a tool call is required, but there are no tools");
        return rc;
    }
    rc = check(rules, err);
    if (rc == 0)
        rc = wf_grammar_builder_new(&m.b, err);
    if (rc != 0)
        return rc;
    m.newline = optional(&m, text(&m, "\n"));
    m.blank = optional(&m, text(&m, " "));
    if (rules->choice == WF_TOOL_AUTO)
        rc = make_auto(&m, &root, out);
    else
        rc = make_required(&m, thinks, &root);
    rc = rc == 0 ? m.rc : rc;
    if (rc == WF_E_NOMEM)
        rc = wf_err_set(err, rc, "not enough memory for the grammar of the tools");
    if (rc == 0 && (rules->choice != WF_TOOL_AUTO || out->n_triggers > 0))
        rc = wf_grammar_builder_finish(m.b, root, &out->grammar, err);
    wf_grammar_builder_free(m.b);
    if (rc != 0)
        *out = (struct wf_tool_grammar){.grammar = NULL};
    return rc;
}
