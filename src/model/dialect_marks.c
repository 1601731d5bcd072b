/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: calls whose arguments stand one by one between marks,
 * <parameter=city>Paris</parameter>.
 *
 * Such values have no types. The tool's schema says which are texts; those are given out as they
 * come. Others wait until they are whole, and are texts, too, when they are no JSON. */
#include <string.h>

#include "model/dialect_internal.h"

enum {
    OPEN,
    NAME,
    NAME_END,
    BETWEEN,
    KEY,
    GAP,
    VALUE_FIRST,
    VALUE,
    CDATA_END,
};

#define MARK_MAX 256 /* of a name, a key, and what stands behind it */
#define CDATA "<![CDATA["
#define CDATA_CLOSE "]]>"

static bool has_type(const json_t *schema, const char *type)
{
    const json_t *t = json_object_get(schema, "type");
    size_t i;
    const json_t *one;

    if (json_is_string(t))
        return strcmp(json_string_value(t), type) == 0;
    json_array_foreach(t, i, one) if (json_is_string(one) &&
                                      strcmp(json_string_value(one), type) == 0) return true;
    return false;
}

bool wf_dialect_is_text(const json_t *schema)
{
    const json_t *t = json_object_get(schema, "type"), *list = json_object_get(schema, "enum"), *v;
    size_t i;

    if (json_is_string(t) || json_is_array(t))
        return has_type(schema, "string") && (json_is_string(t) || json_array_size(t) == 1);
    json_array_foreach(list, i, v) if (!json_is_string(v)) return false;
    return json_array_size(list) > 0 || json_is_string(json_object_get(schema, "const"));
}

/* Whether a text is one of the types that the schema names; any when it names none. */
static bool fits(const json_t *schema, const json_t *v)
{
    static const char *const names[] = {"object", "array",   "string",  "integer",
                                        "number", "boolean", "boolean", "null"};
    const json_t *t = json_object_get(schema, "type");

    if (t == NULL)
        return true;
    return has_type(schema, names[json_typeof(v)]) ||
           (json_is_integer(v) && has_type(schema, "number"));
}

static const json_t *property(const struct wf_dialect_reader *r)
{
    struct wf_str key = wf_str_trim(wf_buf_str(&r->field));
    return json_object_getn(json_object_get(r->schema, "properties"), key.ptr, key.len);
}

/* Reads up to a mark, into field; ON when it was taken. */
static enum wf_read_step read_to(struct wf_dialect_reader *r, const char *mark)
{
    enum wf_read_step step;

    while ((step = wf_reader_take_mark(r, mark)) == WF_READ_BAD) {
        struct wf_str rest = wf_reader_rest(r);
        if (rest.len == 0)
            return WF_READ_MORE;
        if (r->field.len >= MARK_MAX || rest.ptr[0] == '\n')
            return WF_READ_BAD;
        (void)wf_buf_append_byte(&r->field, rest.ptr[0]);
        wf_reader_take(r, 1);
    }
    return step;
}

/* The key in `field` is certain, and so is the call. */
static void give_key(struct wf_dialect_reader *r)
{
    bool is_first = !r->has_arguments;
    const json_t *schema = property(r);

    (void)wf_buf_append_cstr(&r->out, is_first ? "{\"" : ", \"");
    (void)wf_json_escape(&r->out, wf_str_trim(wf_buf_str(&r->field)));
    (void)wf_buf_append_cstr(&r->out, "\": ");
    r->has_arguments = true;
    r->is_text = wf_dialect_is_text(schema);
    /* From here on `schema` is the value's; the tool's is found again by its name. */
    r->schema = schema;
    wf_buf_reset(&r->field);
}

static enum wf_read_step read_between(struct wf_dialect_reader *r)
{
    const struct wf_dialect_marks *m = r->section->marks;
    const char *close = m->close[0] != 0 ? m->close : r->section->end;
    enum wf_read_step key, end;

    if (!wf_reader_take_space(r))
        return WF_READ_MORE;
    key = wf_reader_looks_at(r, m->key_open);
    end = wf_reader_looks_at(r, close);
    if (key == WF_READ_MORE || end == WF_READ_MORE)
        return WF_READ_MORE;
    if (key == WF_READ_BAD && end == WF_READ_BAD)
        return WF_READ_BAD;
    if (!r->is_begun)
        wf_reader_give_call(r);
    if (key == WF_READ_ON) {
        wf_reader_take(r, strlen(m->key_open));
        wf_buf_reset(&r->field);
        r->step = KEY;
        return WF_READ_ON;
    }
    if (m->close[0] != 0)
        wf_reader_take(r, strlen(close));
    (void)wf_buf_append_cstr(&r->out, r->has_arguments ? "}" : "{}");
    return WF_READ_DONE;
}

/* The value in `field` is whole: as JSON when it is some of the right type, or Python for it (some
 * families' templates write True and ['a']), else as a text. */
static void give_value(struct wf_dialect_reader *r)
{
    struct wf_str s = wf_str_trim(wf_buf_str(&r->field));
    json_t *v = json_loadb(s.ptr, s.len, JSON_DECODE_ANY, NULL);
    struct wf_buf json;

    wf_buf_init(&json, WF_LIMIT_ENCODE_BYTES);
    if (v != NULL) {
        (void)wf_buf_append_str(&json, s);
    } else if (wf_python_to_json(s, &json) == 0) {
        v = json_loadb(json.ptr, json.len, JSON_DECODE_ANY, NULL);
    }
    if (v != NULL && fits(r->schema, v)) {
        (void)wf_buf_append_str(&r->out, wf_buf_str(&json));
    } else {
        (void)wf_buf_append_byte(&r->out, '"');
        (void)wf_json_escape(&r->out, wf_buf_str(&r->field));
        (void)wf_buf_append_byte(&r->out, '"');
    }
    json_decref(v);
    wf_buf_deinit(&json);
}

/* Whether the value ends at byte n of the input: ON (and the mark's length), MORE, BAD. A newline
 * in front of the mark belongs to it. */
static enum wf_read_step ends_at(const struct wf_dialect_reader *r, size_t n, size_t *out_len)
{
    const char *mark = r->quote != 0 ? CDATA_CLOSE : r->section->marks->value_end;
    struct wf_str s = wf_str_sub(wf_reader_rest(r), n, SIZE_MAX);
    size_t k, before = 0;

    if (r->section->marks->has_lines && r->quote == 0 && s.ptr[0] == '\n') {
        before = 1;
        s = wf_str_sub(s, 1, s.len);
    }
    k = WF_MIN(strlen(mark), s.len);
    if (k > 0 && memcmp(s.ptr, mark, k) != 0)
        return WF_READ_BAD;
    *out_len = before + k;
    return k == strlen(mark) ? WF_READ_ON : r->end ? WF_READ_BAD : WF_READ_MORE;
}

static enum wf_read_step read_value(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    enum wf_read_step step = WF_READ_BAD;
    size_t n = 0, len = 0;

    while (n < rest.len && (step = ends_at(r, n, &len)) == WF_READ_BAD)
        n++;
    if (r->is_text)
        (void)wf_json_escape(&r->out, wf_str_n(rest.ptr, n));
    else
        (void)wf_buf_append(&r->field, rest.ptr, n);
    wf_reader_take(r, n);
    if (step != WF_READ_ON)
        return WF_READ_MORE;
    wf_reader_take(r, len);
    if (r->is_text)
        (void)wf_buf_append_byte(&r->out, '"');
    else
        give_value(r);
    (void)wf_reader_knows_name(r);
    r->step = r->quote != 0 ? CDATA_END : BETWEEN;
    return WF_READ_ON;
}

/* Where a value begins: its first newline, or a mark of literal text, is not part of it. */
static enum wf_read_step begin_value(struct wf_dialect_reader *r)
{
    enum wf_read_step step = wf_reader_take_mark(r, CDATA);

    if (step == WF_READ_MORE || (wf_reader_rest(r).len == 0 && step == WF_READ_BAD))
        return WF_READ_MORE;
    r->quote = step == WF_READ_ON;
    if (r->quote != 0)
        r->is_text = true;
    else if (r->section->marks->has_lines && wf_reader_rest(r).ptr[0] == '\n')
        wf_reader_take(r, 1);
    wf_buf_reset(&r->field);
    if (r->is_text)
        (void)wf_buf_append_byte(&r->out, '"');
    r->step = VALUE;
    return WF_READ_ON;
}

static enum wf_read_step read_name(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = 0;

    while (n < rest.len && wf_reader_is_name(rest.ptr[n]))
        n++;
    (void)wf_buf_append(&r->name, rest.ptr, n);
    wf_reader_take(r, n);
    if (n == rest.len)
        return WF_READ_MORE;
    r->step = NAME_END;
    return wf_reader_knows_name(r) ? WF_READ_ON : WF_READ_BAD;
}

enum wf_read_step wf_reader_marks(struct wf_dialect_reader *r)
{
    const struct wf_dialect_marks *m = r->section->marks;
    enum wf_read_step step;

    switch (r->step) {
    case OPEN:
        step = wf_reader_take_mark(r, m->open);
        r->step = step == WF_READ_ON ? NAME : r->step;
        return step;
    case NAME:
        return read_name(r);
    case NAME_END:
        /* A newline is white space like any other. */
        step = m->name_end[0] == '\n' ? WF_READ_ON : wf_reader_take_mark(r, m->name_end);
        r->step = step == WF_READ_ON ? BETWEEN : r->step;
        return step;
    case BETWEEN:
        return read_between(r);
    case KEY:
        step = read_to(r, m->key_end);
        if (step == WF_READ_ON) {
            give_key(r);
            r->step = GAP;
        }
        return step;
    case GAP:
        if (m->value_open[0] == '<' && r->field.len == 0 && !wf_reader_take_space(r))
            return WF_READ_MORE; /* white space first; behind anything else it is none */
        step = m->value_open[0] == 0 ? WF_READ_ON : read_to(r, m->value_open);
        if (step == WF_READ_ON) {
            if (m->is_json != NULL)
                r->is_text =
                    wf_str_find(wf_buf_str(&r->field), wf_str_from(m->is_json), 0) == SIZE_MAX;
            r->step = VALUE_FIRST;
        }
        return step;
    case VALUE_FIRST:
        return begin_value(r);
    case VALUE:
        return read_value(r);
    default:
        step = wf_reader_take_mark(r, m->value_end);
        r->step = step == WF_READ_ON ? BETWEEN : r->step;
        return step;
    }
}
