/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written straight into the growable buffer, byte for byte as jansson writes it compactly, but
 * in runs; so its limit holds for what is written, too. Numbers with a point are jansson's. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"

/* 0, or NOMEM; what the buffer says is asked at the end. */
static int put_value(struct wf_buf *out, const json_t *v);

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void put_escape(struct wf_buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        (void)wf_buf_append(out, "\\\"", 2); /* the end tells, here and below */
        break;
    case '\\':
        (void)wf_buf_append(out, "\\\\", 2);
        break;
    case '\b':
        (void)wf_buf_append(out, "\\b", 2);
        break;
    case '\f':
        (void)wf_buf_append(out, "\\f", 2);
        break;
    case '\n':
        (void)wf_buf_append(out, "\\n", 2);
        break;
    case '\r':
        (void)wf_buf_append(out, "\\r", 2);
        break;
    case '\t':
        (void)wf_buf_append(out, "\\t", 2);
        break;
    default:
        (void)wf_buf_appendf(out, "\\u%04X", c);
    }
}

static void put_text(struct wf_buf *out, const char *s, size_t n)
{
    (void)wf_buf_append_byte(out, '"'); /* the end tells, here and below */
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && is_plain((unsigned char)s[end]))
            end++;
        (void)wf_buf_append(out, s + at, end - at);
        if (end < n)
            put_escape(out, (unsigned char)s[end]);
        at = end + 1;
    }
    (void)wf_buf_append_byte(out, '"');
}

static int put_object(struct wf_buf *out, const json_t *v)
{
    json_t *from = (json_t *)(uintptr_t)v; /* jansson walks no const objects */
    char before = '{';
    int rc = 0;

    for (void *it = json_object_iter(from); rc == 0 && it != NULL;
         it = json_object_iter_next(from, it)) {
        (void)wf_buf_append_byte(out, before); /* the end tells, here and below */
        put_text(out, json_object_iter_key(it), json_object_iter_key_len(it));
        (void)wf_buf_append_byte(out, ':');
        rc = put_value(out, json_object_iter_value(it));
        before = ',';
    }
    (void)wf_buf_append_cstr(out, before == '{' ? "{}" : "}");
    return rc;
}

static int put_array(struct wf_buf *out, const json_t *v)
{
    const size_t n = json_array_size(v);
    int rc = 0;

    (void)wf_buf_append_byte(out, '['); /* the end tells, here and below */
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (i > 0)
            (void)wf_buf_append_byte(out, ',');
        rc = put_value(out, json_array_get(v, i));
    }
    (void)wf_buf_append_byte(out, ']');
    return rc;
}

static int append_piece(const char *p, size_t n, void *ud)
{
    return wf_buf_append(ud, p, n) == 0 ? 0 : -1;
}

static void put_integer(struct wf_buf *out, json_int_t v)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, (int64_t)v);

    (void)wf_buf_append(out, text, n > 0 ? (size_t)n : 0); /* the end tells */
}

static int put_value(struct wf_buf *out, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return put_object(out, v);
    case JSON_ARRAY:
        return put_array(out, v);
    case JSON_STRING:
        put_text(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        put_integer(out, json_integer_value(v));
        break;
    case JSON_REAL:
        if (json_dump_callback(v, append_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0 &&
            wf_buf_status(out) == 0)
            return WF_E_NOMEM;
        break;
    case JSON_TRUE:
        (void)wf_buf_append(out, "true", 4); /* the end tells, here and below */
        break;
    case JSON_FALSE:
        (void)wf_buf_append(out, "false", 5);
        break;
    case JSON_NULL:
        (void)wf_buf_append(out, "null", 4);
        break;
    }
    return 0;
}

int wf_json_append(struct wf_buf *out, const json_t *v)
{
    const int rc = put_value(out, v);

    return rc != 0 ? rc : wf_buf_status(out);
}
