/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written without a tree in between: a request's body is mostly one long text. */
#include "route/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

int wf_out_status(const struct wf_json_out *o)
{
    return o->_no_memory ? WF_E_NOMEM : wf_buf_status(o->b);
}

static void begin(struct wf_json_out *o, const char *key)
{
    if (o->_comma)
        wf_buf_append_byte(o->b, ',');
    o->_comma = true;
    if (key)
        wf_buf_appendf(o->b, "\"%s\":", key);
}

void wf_out_open(struct wf_json_out *o, const char *key, char bracket)
{
    begin(o, key);
    wf_buf_append_byte(o->b, bracket);
    o->_comma = false;
}

void wf_out_close(struct wf_json_out *o, char bracket)
{
    wf_buf_append_byte(o->b, bracket);
    o->_comma = true;
}

void wf_out_text_begin(struct wf_json_out *o, const char *key)
{
    begin(o, key);
    wf_buf_append_byte(o->b, '"');
}

void wf_out_text_part(struct wf_json_out *o, struct wf_str part)
{
    size_t start = 0;

    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        wf_buf_append(o->b, part.ptr + start, i - start);
        start = i + 1;
        if (c == '\n')
            wf_buf_append_cstr(o->b, "\\n");
        else if (c < ' ')
            wf_buf_appendf(o->b, "\\u%04x", c);
        else
            wf_buf_appendf(o->b, "\\%c", c);
    }
    wf_buf_append_str(o->b, wf_str_sub(part, start, part.len));
}

void wf_out_text_end(struct wf_json_out *o)
{
    wf_buf_append_byte(o->b, '"');
}

void wf_out_text(struct wf_json_out *o, const char *key, struct wf_str text)
{
    wf_out_text_begin(o, key);
    wf_out_text_part(o, text);
    wf_out_text_end(o);
}

void wf_out_cstr(struct wf_json_out *o, const char *key, const char *text)
{
    wf_out_text(o, key, wf_str_from(text));
}

void wf_out_int(struct wf_json_out *o, const char *key, int64_t n)
{
    begin(o, key);
    wf_buf_appendf(o->b, "%" PRId64, n);
}

void wf_out_real(struct wf_json_out *o, const char *key, double x)
{
    char text[40];
    char *comma;

    snprintf(text, sizeof(text), "%.6g", x);
    comma = strchr(text, ','); /* a locale's */
    if (comma)
        *comma = '.';
    wf_out_raw(o, key, wf_str_from(text));
}

void wf_out_bool(struct wf_json_out *o, const char *key, bool v)
{
    wf_out_raw(o, key, v ? WF_STR("true") : WF_STR("false"));
}

void wf_out_null(struct wf_json_out *o, const char *key)
{
    wf_out_raw(o, key, WF_STR("null"));
}

void wf_out_value(struct wf_json_out *o, const char *key, const json_t *v)
{
    begin(o, key);
    if (wf_json_append(o->b, v) == WF_E_NOMEM)
        o->_no_memory = true;
}

void wf_out_raw(struct wf_json_out *o, const char *key, struct wf_str json)
{
    begin(o, key);
    wf_buf_append_str(o->b, json);
}
