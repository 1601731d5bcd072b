/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: calls whose arguments are JSON, {"name": NAME, "arguments": {...}} or NAME {...}.
 *
 * The keys come in any order: arguments before the name wait for it; a call is certain once its
 * name is one of the tools' and its arguments begin. Arguments that are written as a text of JSON
 * are taken out of it. */
#include <string.h>

#include "model/dialect_internal.h"

enum {
    OPEN,
    KEY_FIRST,
    KEY,
    COLON,
    VALUE,
    IN_VALUE,
    NEXT,
};

enum {
    IS_OTHER,
    IS_NAME,
    IS_ID,
    IS_ARGUMENTS,
    IS_FUNCTION, /* holds name and arguments, or is the name */
};

/* The text of a JSON string, into out; false when it is none. */
static bool decode(const struct wf_buf *json, struct wf_buf *out)
{
    json_t *v = json_loadb(json->ptr, json->len, JSON_DECODE_ANY, NULL);
    bool is_string = json_is_string(v);

    wf_buf_reset(out);
    if (is_string)
        (void)wf_buf_append(out, json_string_value(v), json_string_length(v));
    json_decref(v);
    return is_string && wf_buf_status(out) == 0;
}

static int key_of(struct wf_str key)
{
    static const struct {
        const char *name;
        int key;
    } keys[] = {
        {"name", IS_NAME},
        {"arguments", IS_ARGUMENTS},
        {"parameters", IS_ARGUMENTS},
        {"function", IS_FUNCTION},
        {"id", IS_ID},
        {"tool_call_id", IS_ID},
        {"call_id", IS_ID},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++)
        if (wf_str_eq(key, wf_str_from(keys[i].name)))
            return keys[i].key;
    return IS_OTHER;
}

/* A key is whole. Where nothing but its look tells a call from an answer, other keys end it. */
static enum wf_read_step take_key(struct wf_dialect_reader *r)
{
    struct wf_buf key;
    enum wf_read_step step = WF_READ_BAD;

    wf_buf_init(&key, WF_LIMIT_ENCODE_BYTES);
    if (decode(&r->field, &key)) {
        r->key = key_of(wf_buf_str(&key));
        r->step = COLON;
        step = WF_READ_ON;
        if (r->key == IS_OTHER && r->section->begin[0] == 0 &&
            !wf_str_eq(wf_buf_str(&key), WF_STR("type")))
            step = WF_READ_BAD;
    }
    wf_buf_deinit(&key);
    return step;
}

static enum wf_read_step begin_value(struct wf_dialect_reader *r, char c)
{
    if (r->key == IS_FUNCTION && c == '{' && r->depth == 0) {
        wf_reader_take(r, 1);
        r->depth++;
        r->step = KEY_FIRST;
        return WF_READ_ON;
    }
    if (r->key == IS_FUNCTION)
        r->key = IS_NAME;
    if ((r->key == IS_NAME && (c != '"' || r->name.len > 0)) ||
        (r->key == IS_ARGUMENTS && (r->has_arguments || (c != '{' && c != '"' && c != 'n'))))
        return WF_READ_BAD;
    if (r->key == IS_ID && c != '"')
        r->key = IS_OTHER;
    if (r->key == IS_ARGUMENTS) {
        r->has_arguments = c != 'n';
        r->is_text = c == '"';
        if (c == '{' && r->name.len > 0)
            wf_reader_give_call(r);
        if (c == 'n')
            r->key = IS_OTHER;
    }
    wf_buf_reset(&r->field);
    wf_json_scan_init(&r->scan);
    r->step = IN_VALUE;
    return WF_READ_ON;
}

/* A text of JSON is whole: it must be an object. */
static enum wf_read_step take_text_arguments(struct wf_dialect_reader *r)
{
    json_t *v;

    if (!decode(&r->field, &r->arguments))
        return WF_READ_BAD;
    if (wf_str_trim(wf_buf_str(&r->arguments)).len == 0)
        (void)wf_buf_append_cstr(&r->arguments, "{}");
    v = json_loadb(r->arguments.ptr, r->arguments.len, 0, NULL);
    if (!json_is_object(v)) {
        json_decref(v);
        return WF_READ_BAD;
    }
    json_decref(v);
    return WF_READ_ON;
}

static enum wf_read_step in_value(struct wf_dialect_reader *r)
{
    bool is_object = r->key == IS_ARGUMENTS && !r->is_text;
    enum wf_read_step step = wf_reader_json_value(r, !is_object    ? &r->field
                                                     : r->is_begun ? &r->out
                                                                   : &r->arguments);

    if (step != WF_READ_DONE)
        return step;
    r->step = NEXT;
    if (r->key == IS_ID && !decode(&r->field, &r->id))
        return WF_READ_BAD;
    if (r->key == IS_NAME && (!decode(&r->field, &r->name) || !wf_reader_knows_name(r)))
        return WF_READ_BAD;
    if (r->key == IS_ARGUMENTS && r->is_text)
        return take_text_arguments(r);
    return WF_READ_ON;
}

/* The object ends. */
static enum wf_read_step finish(struct wf_dialect_reader *r)
{
    if (r->name.len == 0)
        return WF_READ_BAD;
    if (!r->is_begun) {
        wf_reader_give_call(r);
        (void)wf_buf_append_str(&r->out,
                                r->has_arguments ? wf_buf_str(&r->arguments) : WF_STR("{}"));
    }
    return WF_READ_DONE;
}

/* In front of a key, or behind a value. */
static enum wf_read_step between(struct wf_dialect_reader *r, char c)
{
    if (c == '"' && r->step != NEXT) {
        wf_buf_reset(&r->field);
        wf_json_scan_init(&r->scan);
        r->step = KEY;
        return WF_READ_ON;
    }
    if (c == ',' && r->step == NEXT) {
        wf_reader_take(r, 1);
        r->step = KEY_FIRST;
        return WF_READ_ON;
    }
    if (c != '}')
        return WF_READ_BAD;
    wf_reader_take(r, 1);
    if (r->depth == 0)
        return finish(r);
    r->depth--;
    r->step = NEXT;
    return WF_READ_ON;
}

enum wf_read_step wf_reader_json(struct wf_dialect_reader *r)
{
    enum wf_read_step step;
    char c;

    if (r->step == KEY) {
        step = wf_reader_json_value(r, &r->field);
        return step == WF_READ_DONE ? take_key(r) : step;
    }
    if (r->step == IN_VALUE)
        return in_value(r);
    if (!wf_reader_take_space(r))
        return WF_READ_MORE;
    c = wf_reader_rest(r).ptr[0];
    if (r->step == VALUE)
        return begin_value(r, c);
    if (r->step != OPEN && r->step != COLON)
        return between(r, c);
    if (c != (r->step == OPEN ? '{' : ':'))
        return WF_READ_BAD;
    wf_reader_take(r, 1);
    r->step = r->step == OPEN ? KEY_FIRST : VALUE;
    return WF_READ_ON;
}

/* ---- NAME sep {...} ---- */

enum {
    N_NAME,
    N_AFTER,
    N_ID,
    N_FENCE,
    N_ARGUMENTS,
    N_END,
};

#define CALL_ID "[CALL_ID]"
#define FENCE "```"
#define FENCE_JSON "```json"
#define NAME_MAX 256

/* Reads bytes of a name or an id; ON when another byte follows. */
static enum wf_read_step read_name(struct wf_dialect_reader *r, struct wf_buf *out)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = 0;

    while (n < rest.len && wf_reader_is_name(rest.ptr[n]))
        n++;
    (void)wf_buf_append(out, rest.ptr, n);
    wf_reader_take(r, n);
    if (out->len > NAME_MAX)
        return WF_READ_BAD;
    return n < rest.len ? WF_READ_ON : WF_READ_MORE;
}

/* functions.NAME:NUMBER is an id, and its middle the name. */
static void split_id(struct wf_dialect_reader *r)
{
    struct wf_str name = wf_buf_str(&r->name);
    size_t n = name.len;

    while (n > 0 && name.ptr[n - 1] != ':')
        n--;
    if (!r->d->is_name_id || n == 0)
        return;
    (void)wf_buf_append_str(&r->id, name);
    wf_buf_truncate(&r->name, n - 1);
}

/* Behind the name: a separator, an id, a fence, or the arguments. */
static enum wf_read_step after_name(struct wf_dialect_reader *r)
{
    const char *marks[] = {r->section->sep, CALL_ID, FENCE_JSON, FENCE, "{"};
    bool may_come = false;

    for (size_t i = 0; i < WF_ARRAY_LEN(marks); i++) {
        enum wf_read_step step = marks[i] == NULL ? WF_READ_BAD : wf_reader_looks_at(r, marks[i]);
        may_come = may_come || step == WF_READ_MORE;
        if (step != WF_READ_ON || may_come)
            continue;
        if (i < 4)
            wf_reader_take(r, strlen(marks[i]));
        r->step = i == 1 ? N_ID : i == 4 ? N_FENCE : N_AFTER;
        /* A kind of tool stands before the name: function, sep, name. */
        if (i == 0 && wf_str_eq(wf_buf_str(&r->name), WF_STR("function"))) {
            wf_buf_reset(&r->name);
            r->step = N_NAME;
        }
        return WF_READ_ON;
    }
    return may_come ? WF_READ_MORE : WF_READ_BAD;
}

enum wf_read_step wf_reader_named(struct wf_dialect_reader *r)
{
    enum wf_read_step step;

    switch (r->step) {
    case N_NAME:
        step = read_name(r, &r->name);
        r->step = step == WF_READ_ON ? N_AFTER : r->step;
        return step;
    case N_ID:
        step = read_name(r, &r->id);
        r->step = step == WF_READ_ON ? N_AFTER : r->step;
        return step;
    case N_AFTER:
        return wf_reader_take_space(r) ? after_name(r) : WF_READ_MORE;
    case N_FENCE:
        split_id(r);
        if (!wf_reader_knows_name(r))
            return WF_READ_BAD;
        wf_reader_give_call(r);
        wf_json_scan_init(&r->scan);
        r->step = N_ARGUMENTS;
        return WF_READ_ON;
    case N_ARGUMENTS:
        step = wf_reader_json_value(r, &r->out);
        if (step != WF_READ_DONE)
            return step;
        r->step = N_END;
        return WF_READ_ON;
    default:
        /* A fence may close; without a frame around the call nothing tells that it does not. */
        if (r->section->call_end == NULL)
            return WF_READ_DONE;
        if (!wf_reader_take_space(r))
            return r->end ? WF_READ_DONE : WF_READ_MORE;
        step = wf_reader_take_mark(r, FENCE);
        return step == WF_READ_MORE ? step : WF_READ_DONE;
    }
}
