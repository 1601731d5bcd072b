/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with values put in, Python's two ways: "%s" % value and "{}".format(value). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

/* How one value is to be written. */
struct spec {
    struct wf_str fill; /* one code point */
    char align;         /* < > ^ =, 0: by kind */
    char sign;          /* + or blank, 0: only minus */
    bool alternate, grouped;
    int width, precision; /* precision -1: none */
    char type;
};

#define WIDTH_MAX 10000

static int read_int(struct wf_str s, size_t *io_i)
{
    int n = 0;

    while (*io_i < s.len && s.ptr[*io_i] >= '0' && s.ptr[*io_i] <= '9' && n < WIDTH_MAX)
        n = n * 10 + (s.ptr[(*io_i)++] - '0');
    return n;
}

static void append_padded(const struct spec *o, struct wf_str s, bool is_number, struct wf_buf *out)
{
    int n = (int)wf_utf8_count(s), add = o->width > n ? o->width - n : 0;
    char align = o->align != 0 ? o->align : is_number ? '>' : '<';
    int left = align == '>' ? add : align == '^' ? add / 2 : 0;
    size_t sign = align == '=' && s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;

    (void)wf_buf_append_str(out, wf_str_sub(s, 0, sign));
    for (int i = 0; i < (align == '=' ? add : left); i++)
        (void)wf_buf_append_str(out, o->fill);
    (void)wf_buf_append_str(out, wf_str_sub(s, sign, s.len));
    for (int i = align == '=' ? add : left; i < add; i++)
        (void)wf_buf_append_str(out, o->fill);
}

/* Puts commas between groups of three digits before the point. */
static void group(char *text, size_t size)
{
    size_t n = strlen(text),
           digits = strspn(text + (text[0] == '-' || text[0] == '+'), "0123456789");
    size_t begin = text[0] == '-' || text[0] == '+';

    for (size_t i = 3; i < digits; i += 3) {
        size_t at = begin + digits - i;
        if (n + 2 > size)
            return;
        memmove(text + at + 1, text + at, n - at + 1);
        text[at] = ',';
        n++;
    }
}

static bool append_integer(struct wf_jrun *r, const struct spec *o, int64_t i, struct wf_buf *out)
{
    char text[120];
    uint64_t magnitude = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    const char *sign = i < 0 ? "-" : o->sign == '+' ? "+" : o->sign == ' ' ? " " : "";

    if (o->type == 'x' || o->type == 'X' || o->type == 'o')
        (void)snprintf(text, sizeof(text),
                       o->type == 'x'   ? "%s%s%" PRIx64
                       : o->type == 'X' ? "%s%s%" PRIX64
                                        : "%s%s%" PRIo64,
                       sign,
                       !o->alternate    ? ""
                       : o->type == 'o' ? "0o"
                                        : "0x",
                       magnitude);
    else
        (void)snprintf(text, sizeof(text), "%s%" PRIu64, sign, magnitude);
    if (o->grouped)
        group(text, sizeof(text));
    append_padded(o, wf_str_from(text), true, out);
    (void)r;
    return true;
}

static void append_double(struct wf_jrun *r, const struct spec *o, double f, struct wf_buf *out)
{
    char text[500];
    int precision = o->precision < 0 ? 6 : o->precision > 100 ? 100 : o->precision;
    const char *sign = o->sign == '+' && !(f < 0) ? "+" : o->sign == ' ' && !(f < 0) ? " " : "";
    struct wf_buf b;

    if (o->type == 0 && o->precision < 0) {
        wf_buf_init(&b, sizeof(text) - 4);
        wf_jv__append_float(f, &b);
        (void)snprintf(text, sizeof(text), "%s%.*s", sign, (int)b.len, b.ptr);
        wf_buf_deinit(&b);
    } else if (o->type == 'e' || o->type == 'E') {
        (void)snprintf(text, sizeof(text), o->type == 'e' ? "%s%.*e" : "%s%.*E", sign, precision,
                       f);
    } else if (o->type == 'g' || o->type == 'G' || o->type == 0) {
        (void)snprintf(text, sizeof(text), "%s%.*g", sign, precision, f);
    } else {
        (void)snprintf(text, sizeof(text), o->type == '%' ? "%s%.*f%%" : "%s%.*f", sign, precision,
                       o->type == '%' ? 100 * f : f);
    }
    if (o->grouped)
        group(text, sizeof(text));
    append_padded(o, wf_str_from(text), true, out);
    (void)r;
}

static void append_value(struct wf_jrun *r, const struct spec *o, struct wf_jv v,
                         struct wf_buf *out)
{
    bool is_number = v.kind == WF_J_INT || v.kind == WF_J_FLOAT ||
                     (v.kind == WF_J_BOOL && o->type != 0 && o->type != 's');
    double f = wf_jv__number(v);
    bool wants_float = o->type != 0 && strchr("eEfFgG%", o->type) != NULL;
    struct wf_jv text;

    if (o->type != 0 && strchr("dioxXu", o->type) != NULL && is_number && !isnan(f) && !isinf(f)) {
        (void)append_integer(r, o, v.kind == WF_J_FLOAT ? (int64_t)f : wf_jv__integer(v), out);
        return;
    }
    if (is_number && (wants_float || (v.kind == WF_J_FLOAT && o->type == 0))) {
        append_double(r, o, f, out);
        return;
    }
    if (v.kind == WF_J_INT && o->type == 0) {
        (void)append_integer(r, o, v.i, out);
        return;
    }
    if (o->type != 0 && o->type != 's') {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be written as '%c'", wf_jv__type(v), o->type);
        return;
    }
    text = wf_jv__str(wf_jv__text(r, v));
    if (o->precision >= 0)
        text = wf_jv__slice(r, text, wf_jv__none(), wf_jv__int(o->precision), wf_jv__none());
    append_padded(o, text.s, false, out);
}

static struct wf_jv repr_of(struct wf_jrun *r, struct wf_jv v)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    wf_jv__append_repr(r, v, &b);
    return wf_jv__of_buf(r, &b);
}

/* The value of one % directive: the next of a tuple, a named one, or the only one. */
static struct wf_jv percent_value(struct wf_jrun *r, struct wf_str name, struct wf_jv args,
                                  size_t *io_used)
{
    const struct wf_jv *v;
    size_t i = (*io_used)++;

    if (name.ptr != NULL && args.kind == WF_J_DICT) {
        v = wf_jdict__get_name(args.dict, name);
        if (v != NULL)
            return *v;
    } else if (args.kind == WF_J_LIST && (args.flags & WF_J_TUPLE) != 0) {
        if (i < args.list->n)
            return args.list->items[i];
    } else if (i == 0) {
        return args;
    }
    wf_jrun__fail(r, WF_E_FORMAT, "a value for '%%' is missing");
    return wf_jv__none();
}

static void percent_flags(struct wf_str s, size_t *io_i, struct spec *o)
{
    for (; *io_i < s.len && strchr("-+ #0", s.ptr[*io_i]) != NULL && s.ptr[*io_i] != 0; (*io_i)++) {
        char c = s.ptr[*io_i];
        if (c == '-')
            o->align = '<';
        else if (c == '0' && o->align != '<') {
            o->align = '=';
            o->fill = wf_str_from("0");
        } else if (c == '#')
            o->alternate = true;
        else if (c != '0' && o->sign != '+')
            o->sign = c;
    }
}

static void percent_directive(struct wf_jrun *r, struct wf_str s, size_t *io_i, struct wf_jv args,
                              size_t *io_used, struct wf_buf *out)
{
    struct spec o = {.fill = wf_str_from(" "), .precision = -1};
    struct wf_str name = {0};
    struct wf_jv v;
    size_t end;

    if (*io_i < s.len && s.ptr[*io_i] == '(') {
        end = wf_str_find_byte(s, ')', *io_i);
        end = end > s.len ? s.len : end;
        name = wf_str_sub(s, *io_i + 1, end);
        *io_i = end + 1;
    }
    percent_flags(s, io_i, &o);
    o.width = read_int(s, io_i);
    if (*io_i < s.len && s.ptr[*io_i] == '.') {
        (*io_i)++;
        o.precision = read_int(s, io_i);
    }
    if (*io_i >= s.len) {
        wf_jrun__fail(r, WF_E_FORMAT, "a '%%' is not finished");
        return;
    }
    o.type = s.ptr[(*io_i)++];
    if (o.type == '%') {
        (void)wf_buf_append_byte(out, '%');
        return;
    }
    v = percent_value(r, name, args, io_used);
    if (o.type == 'r' || o.type == 'a') {
        v = repr_of(r, v);
        o.type = 's';
    }
    if (o.type == 's')
        o.align = o.align == '<' ? '<' : '>';
    if (r->rc == 0)
        append_value(r, &o, v, out);
}

struct wf_jv wf_jinja__percent(struct wf_jrun *r, struct wf_str format, struct wf_jv args)
{
    struct wf_buf b;
    size_t i = 0, used = 0;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < format.len && r->rc == 0) {
        if (format.ptr[i++] != '%')
            (void)wf_buf_append_byte(&b, format.ptr[i - 1]);
        else
            percent_directive(r, format, &i, args, &used, &b);
    }
    if (r->rc == 0 && args.kind == WF_J_LIST && (args.flags & WF_J_TUPLE) != 0 &&
        used < args.list->n)
        wf_jrun__fail(r, WF_E_FORMAT, "there are more values than '%%'");
    return wf_jv__of_buf(r, &b);
}

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '^' || c == '=';
}

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static struct spec read_spec(struct wf_str s)
{
    struct spec o = {.fill = wf_str_from(" "), .precision = -1};
    size_t i = 0, point = 0;

    if (s.len > 0)
        (void)wf_utf8_next(s, &point);
    if (point > 0 && point < s.len && is_align(s.ptr[point])) {
        o.fill = wf_str_sub(s, 0, point);
        o.align = s.ptr[point];
        i = point + 1;
    } else if (s.len > 0 && is_align(s.ptr[0])) {
        o.align = s.ptr[i++];
    }
    if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == ' ' || s.ptr[i] == '-'))
        o.sign = s.ptr[i++];
    if (i < s.len && s.ptr[i] == '#') {
        o.alternate = true;
        i++;
    }
    if (i < s.len && s.ptr[i] == '0' && o.align == 0) {
        o.align = '=';
        o.fill = wf_str_from("0");
        i++;
    }
    o.width = read_int(s, &i);
    if (i < s.len && s.ptr[i] == ',') {
        o.grouped = true;
        i++;
    }
    if (i < s.len && s.ptr[i] == '.') {
        i++;
        o.precision = read_int(s, &i);
    }
    o.type = i < s.len ? s.ptr[i] : 0;
    return o;
}

/* A field's value: a number, a name, nothing for the next; then .attributes and [items]. */
static struct wf_jv field_value(struct wf_jrun *r, struct wf_str field, const struct wf_jargs *args,
                                size_t *io_next)
{
    size_t end = 0;
    struct wf_str head;
    struct wf_jv v;
    int64_t i;

    while (end < field.len && field.ptr[end] != '.' && field.ptr[end] != '[')
        end++;
    head = wf_str_sub(field, 0, end);
    v = wf_jv__undefined(wf_str_from("a value for '{}' is missing"));
    if (head.len == 0)
        v = wf_jargs__at(args, (*io_next)++, NULL, v);
    else if (wf_str_to_i64(head, &i) && i >= 0)
        v = wf_jargs__at(args, (size_t)i, NULL, v);
    else if (wf_jdict__get_name(&args->named, head) != NULL)
        v = *wf_jdict__get_name(&args->named, head);
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    while (end < field.len && r->rc == 0) {
        bool is_item = field.ptr[end] == '[';
        size_t from = ++end;
        while (end < field.len && field.ptr[end] != '.' && field.ptr[end] != '[' &&
               field.ptr[end] != ']')
            end++;
        struct wf_str part = wf_str_sub(field, from, end);
        v = is_item && wf_str_to_i64(part, &i) ? wf_jinja__item(r, v, wf_jv__int(i))
            : is_item                          ? wf_jinja__item(r, v, wf_jv__str(part))
                                               : wf_jinja__attr(r, v, part);
        end += is_item && end < field.len;
    }
    return v;
}

static void format_field(struct wf_jrun *r, struct wf_str field, const struct wf_jargs *args,
                         size_t *io_next, struct wf_buf *out)
{
    size_t colon = wf_str_find_byte(field, ':', 0), bang;
    struct wf_str name = wf_str_sub(field, 0, colon < field.len ? colon : field.len);
    struct spec o =
        read_spec(colon < field.len ? wf_str_sub(field, colon + 1, field.len) : wf_str_from(""));
    char conversion = 0;
    struct wf_jv v;

    bang = wf_str_find_byte(name, '!', 0);
    if (bang < name.len) {
        conversion = bang + 1 < name.len ? name.ptr[bang + 1] : 's';
        name = wf_str_sub(name, 0, bang);
    }
    v = field_value(r, name, args, io_next);
    if (r->rc != 0)
        return;
    if (conversion == 'r')
        v = repr_of(r, v);
    else if (conversion != 0)
        v = wf_jv__str(wf_jv__text(r, v));
    append_value(r, &o, v, out);
}

struct wf_jv wf_jinja__format(struct wf_jrun *r, struct wf_str format, const struct wf_jargs *args)
{
    struct wf_buf b;
    size_t i = 0, next = 0;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < format.len && r->rc == 0) {
        char c = format.ptr[i++];
        bool is_double = i < format.len && format.ptr[i] == c;
        if (c != '{' && c != '}') {
            (void)wf_buf_append_byte(&b, c);
        } else if (is_double) {
            (void)wf_buf_append_byte(&b, c);
            i++;
        } else {
            size_t end = wf_str_find_byte(format, '}', i);
            if (c == '}' || end >= format.len) {
                wf_jrun__fail(r, WF_E_FORMAT, "a bracket of a format stands alone");
                break;
            }
            format_field(r, wf_str_sub(format, i, end), args, &next, &b);
            i = end + 1;
        }
    }
    return wf_jv__of_buf(r, &b);
}
