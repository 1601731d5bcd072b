/* SPDX-License-Identifier: Apache-2.0 */
/* Values as texts: as Python's str() and repr() and its json module write them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

/* The shortest digits that give the same number; an exponent from 1e16 on and below 1e-4. */
void wf_jv__append_float(double f, struct wf_buf *out)
{
    char text[40], digits[40];
    int precision = 0, exponent, n = 0;

    if (isnan(f) || isinf(f)) {
        (void)wf_buf_append_cstr(out, isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
        return;
    }
    do
        (void)snprintf(text, sizeof(text), "%.*e", precision, f);
    while (strtod(text, NULL) != f && ++precision < 17);
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    for (const char *p = text; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    }
    digits[n] = 0;
    if (signbit(f))
        (void)wf_buf_append_byte(out, '-');
    if (exponent < -4 || exponent >= 16) {
        (void)wf_buf_append_byte(out, digits[0]);
        if (n > 1)
            (void)wf_buf_appendf(out, ".%s", digits + 1);
        (void)wf_buf_appendf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        (void)wf_buf_append_cstr(out, "0.");
        (void)wf_buf_append_fill(out, '0', (size_t)(-exponent - 1));
        (void)wf_buf_append_cstr(out, digits);
    } else {
        for (int i = 0; i <= exponent; i++)
            (void)wf_buf_append_byte(out, i < n ? digits[i] : '0');
        (void)wf_buf_append_byte(out, '.');
        (void)wf_buf_append_cstr(out, exponent + 1 < n ? digits + exponent + 1 : "0");
    }
}

static bool is_printable(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return c == ' ' || (k != UTF8PROC_CATEGORY_CN && k < UTF8PROC_CATEGORY_ZS); /* Z and C follow */
}

static void append_repr_str(struct wf_str s, struct wf_buf *out)
{
    bool has_single = memchr(s.ptr, '\'', s.len) != NULL;
    char quote = has_single && memchr(s.ptr, '"', s.len) == NULL ? '"' : '\'';
    size_t i = 0;

    (void)wf_buf_append_byte(out, quote);
    while (i < s.len) {
        size_t from = i;
        uint32_t c = wf_utf8_next(s, &i);
        if (c == (uint8_t)quote || c == '\\')
            (void)wf_buf_appendf(out, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            (void)wf_buf_append_cstr(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (is_printable(c))
            (void)wf_buf_append_str(out, wf_str_sub(s, from, i));
        else
            (void)wf_buf_appendf(out,
                                 c < 0x100     ? "\\x%02x"
                                 : c < 0x10000 ? "\\u%04x"
                                               : "\\U%08x",
                                 c);
    }
    (void)wf_buf_append_byte(out, quote);
}

static bool enter(struct wf_jrun *r)
{
    if (!wf_jrun__step(r, 1))
        return false;
    if (++r->depth <= WF_LIMIT_NESTING)
        return true;
    wf_jrun__fail(r, WF_E_LIMIT, "its values are nested too deeply");
    return false;
}

static void append_list(struct wf_jrun *r, struct wf_jv v, struct wf_buf *out)
{
    bool is_tuple = (v.flags & WF_J_TUPLE) != 0;

    if (!enter(r))
        return;
    (void)wf_buf_append_byte(out, is_tuple ? '(' : '[');
    for (size_t i = 0; i < v.list->n && r->rc == 0; i++) {
        if (i > 0)
            (void)wf_buf_append_cstr(out, ", ");
        wf_jv__append_repr(r, v.list->items[i], out);
    }
    if (is_tuple && v.list->n == 1)
        (void)wf_buf_append_byte(out, ',');
    (void)wf_buf_append_byte(out, is_tuple ? ')' : ']');
    r->depth--;
}

static void append_dict(struct wf_jrun *r, const struct wf_jdict *d, struct wf_buf *out)
{
    if (!enter(r))
        return;
    (void)wf_buf_append_byte(out, '{');
    for (size_t i = 0; i < d->n && r->rc == 0; i++) {
        if (i > 0)
            (void)wf_buf_append_cstr(out, ", ");
        wf_jv__append_repr(r, d->entries[i].key, out);
        (void)wf_buf_append_cstr(out, ": ");
        wf_jv__append_repr(r, d->entries[i].value, out);
    }
    (void)wf_buf_append_byte(out, '}');
    r->depth--;
}

void wf_jv__append_text(struct wf_jrun *r, struct wf_jv v, struct wf_buf *out)
{
    switch (v.kind) {
    case WF_J_UNDEFINED:
        break;
    case WF_J_NONE:
        (void)wf_buf_append_cstr(out, "None");
        break;
    case WF_J_BOOL:
        (void)wf_buf_append_cstr(out, v.b ? "True" : "False");
        break;
    case WF_J_INT:
        (void)wf_buf_appendf(out, "%" PRId64, v.i);
        break;
    case WF_J_FLOAT:
        wf_jv__append_float(v.f, out);
        break;
    case WF_J_STR:
        (void)wf_buf_append_str(out, v.s);
        break;
    case WF_J_LIST:
        append_list(r, v, out);
        break;
    case WF_J_DICT:
        append_dict(r, v.dict, out);
        break;
    case WF_J_NAMESPACE:
        (void)wf_buf_append_cstr(out, "<Namespace ");
        append_dict(r, v.dict, out);
        (void)wf_buf_append_byte(out, '>');
        break;
    case WF_J_LOOP:
    case WF_J_CALLABLE:
        (void)wf_buf_appendf(out, "<%s>", wf_jv__type(v));
        break;
    }
}

void wf_jv__append_repr(struct wf_jrun *r, struct wf_jv v, struct wf_buf *out)
{
    if (v.kind == WF_J_STR)
        append_repr_str(v.s, out);
    else if (v.kind == WF_J_UNDEFINED)
        (void)wf_buf_append_cstr(out, "Undefined");
    else
        wf_jv__append_text(r, v, out);
}

struct wf_str wf_jv__text(struct wf_jrun *r, struct wf_jv v)
{
    struct wf_buf b;

    if (v.kind == WF_J_STR)
        return v.s;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    wf_jv__append_text(r, v, &b);
    return wf_jv__of_buf(r, &b).s;
}

static void append_json_str(struct wf_str s, bool ascii, struct wf_buf *out)
{
    size_t i = 0;

    (void)wf_buf_append_byte(out, '"');
    while (i < s.len) {
        static const char escaped[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";
        size_t from = i;
        uint32_t c = wf_utf8_next(s, &i);
        const char *p = c > 0 && c < 128 ? strchr(escaped, (int)c) : NULL;
        if (p != NULL)
            (void)wf_buf_appendf(out, "\\%c", letters[p - escaped]);
        else if (c < 0x20 || (ascii && c > 126 && c < 0x10000))
            (void)wf_buf_appendf(out, "\\u%04x", c);
        else if (ascii && c >= 0x10000)
            (void)wf_buf_appendf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        else
            (void)wf_buf_append_str(out, wf_str_sub(s, from, i));
    }
    (void)wf_buf_append_byte(out, '"');
}

static void append_break(const struct wf_jjson *o, size_t level, struct wf_buf *out)
{
    if (o->indent.ptr == NULL)
        return;
    (void)wf_buf_append_byte(out, '\n');
    for (size_t i = 0; i < level; i++)
        (void)wf_buf_append_str(out, o->indent);
}

static int by_key(const void *a, const void *b)
{
    const struct wf_jentry *x = *(const struct wf_jentry *const *)a;
    const struct wf_jentry *y = *(const struct wf_jentry *const *)b;

    if (x->key.kind == WF_J_STR && y->key.kind == WF_J_STR)
        return wf_str_cmp(x->key.s, y->key.s);
    return (x > y) - (x < y);
}

static void append_json_key(struct wf_jrun *r, struct wf_jv key, const struct wf_jjson *o,
                            struct wf_buf *out)
{
    if (key.kind == WF_J_STR) {
        append_json_str(key.s, o->ascii, out);
        return;
    }
    if (key.kind == WF_J_LIST)
        wf_jrun__fail(r, WF_E_FORMAT, "a tuple cannot be a key in JSON");
    (void)wf_buf_append_byte(out, '"');
    wf_jv__append_json(r, key, o, 0, out);
    (void)wf_buf_append_byte(out, '"');
}

static void append_json_dict(struct wf_jrun *r, const struct wf_jdict *d, const struct wf_jjson *o,
                             size_t level, struct wf_buf *out)
{
    const struct wf_jentry **order = wf_arena_array(&r->arena, d->n + 1, sizeof(*order));

    if (order == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return;
    }
    for (size_t i = 0; i < d->n; i++)
        order[i] = &d->entries[i];
    if (o->sort_keys)
        qsort(order, d->n, sizeof(*order), by_key);
    (void)wf_buf_append_byte(out, '{');
    for (size_t i = 0; i < d->n && r->rc == 0; i++) {
        if (i > 0)
            (void)wf_buf_append_str(out, o->comma);
        append_break(o, level + 1, out);
        append_json_key(r, order[i]->key, o, out);
        (void)wf_buf_append_str(out, o->colon);
        wf_jv__append_json(r, order[i]->value, o, level + 1, out);
    }
    if (d->n > 0)
        append_break(o, level, out);
    (void)wf_buf_append_byte(out, '}');
}

static void append_json_list(struct wf_jrun *r, const struct wf_jlist *list,
                             const struct wf_jjson *o, size_t level, struct wf_buf *out)
{
    (void)wf_buf_append_byte(out, '[');
    for (size_t i = 0; i < list->n && r->rc == 0; i++) {
        if (i > 0)
            (void)wf_buf_append_str(out, o->comma);
        append_break(o, level + 1, out);
        wf_jv__append_json(r, list->items[i], o, level + 1, out);
    }
    if (list->n > 0)
        append_break(o, level, out);
    (void)wf_buf_append_byte(out, ']');
}

void wf_jv__append_json(struct wf_jrun *r, struct wf_jv v, const struct wf_jjson *o, size_t level,
                        struct wf_buf *out)
{
    if (!enter(r))
        return;
    if (v.kind == WF_J_STR)
        append_json_str(v.s, o->ascii, out);
    else if (v.kind == WF_J_BOOL)
        (void)wf_buf_append_cstr(out, v.b ? "true" : "false");
    else if (v.kind == WF_J_NONE)
        (void)wf_buf_append_cstr(out, "null");
    else if (v.kind == WF_J_FLOAT && (isnan(v.f) || isinf(v.f)))
        (void)wf_buf_append_cstr(out, isnan(v.f) ? "NaN" : v.f > 0 ? "Infinity" : "-Infinity");
    else if (v.kind == WF_J_INT || v.kind == WF_J_FLOAT)
        wf_jv__append_text(r, v, out);
    else if (v.kind == WF_J_DICT)
        append_json_dict(r, v.dict, o, level, out);
    else if (v.kind == WF_J_LIST && (v.flags & WF_J_GENERATOR) == 0)
        append_json_list(r, v.list, o, level, out);
    else
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be written as JSON", wf_jv__type(v));
    r->depth--;
}

static bool is_letter(struct wf_str s, size_t i)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)wf_utf8_next(s, &i));

    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

/* A sigma ends a word: a letter stands before it and none behind. */
static bool is_final(struct wf_str s, size_t at, size_t next)
{
    size_t before = at;

    if (at == 0 || (next < s.len && is_letter(s, next)))
        return false;
    while (before > 0 && ((uint8_t)s.ptr[--before] & 0xc0) == 0x80) {
    }
    return is_letter(s, before);
}

/* The capitals of a letter: where they are more than one, they are those of what the letter is
 * when case does not count. Of a title only the first is one. */
static ptrdiff_t capitals(int32_t c, bool is_title, int32_t points[4])
{
    utf8proc_category_t k = utf8proc_category(c);
    ptrdiff_t n = 1;
    int last = 0;

    if (k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT)
        n = utf8proc_decompose_char(c, points, 4, UTF8PROC_CASEFOLD, &last);
    if (n < 2 || n > 4 || (is_title && utf8proc_totitle(c) != c)) {
        points[0] = is_title ? utf8proc_totitle(c) : utf8proc_toupper(c);
        return 1;
    }
    for (ptrdiff_t i = 0; i < (is_title ? 1 : n); i++)
        points[i] = utf8proc_toupper(points[i]);
    return n;
}

void wf_jv__append_cased(struct wf_str s, size_t *io_i, enum wf_jcase to, struct wf_buf *out)
{
    size_t from = *io_i;
    int32_t c = (int32_t)wf_utf8_next(s, io_i), points[4] = {utf8proc_tolower(c)};
    ptrdiff_t n = 1;
    char bytes[4];
    int last = 0;

    if (to == WF_J_UPPER || to == WF_J_TITLE)
        n = capitals(c, to == WF_J_TITLE, points);
    else if (to == WF_J_FOLD || c == 0x130)
        n = utf8proc_decompose_char(c, points, 4, UTF8PROC_CASEFOLD, &last);
    else if (c == 0x3a3 && is_final(s, from, *io_i))
        points[0] = 0x3c2;
    for (ptrdiff_t i = 0; i < WF_MIN(n, 4); i++)
        (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, (uint32_t)points[i]));
}

struct wf_jv wf_jv__cased(struct wf_jrun *r, struct wf_str s, enum wf_jcase to)
{
    struct wf_buf b;
    size_t i = 0;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < s.len)
        wf_jv__append_cased(s, &i, to, &b);
    return wf_jv__of_buf(r, &b);
}
