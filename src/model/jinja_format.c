/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with values put in, Python's two ways: "%s" % value and "{}".format(value). What Python
 * refuses is refused. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

/* How one value is to be written. */
struct spec {
    struct wf_str fill;   /* one code point */
    char align;           /* < > ^ =, 0: by kind */
    char sign;            /* + or blank, 0: only minus */
    bool alternate;       /* a prefix tells the base */
    char grouping;        /* , or _ between groups of digits, 0: none */
    int width, precision; /* precision -1: none */
    char type;            /* 0: none */
};

#define WIDTH_MAX 10000
#define PRECISION_MAX 100
#define NESTING_MAX 2 /* of fields in the specification of a field, as in Python */

static int read_int(struct wf_str s, size_t *io_i)
{
    int n = 0;

    for (; *io_i < s.len && s.ptr[*io_i] >= '0' && s.ptr[*io_i] <= '9'; (*io_i)++)
        n = WF_MIN(n * 10 + (s.ptr[*io_i] - '0'), WIDTH_MAX);
    return n;
}

static void refuse(struct wf_jrun *r, const struct spec *o, struct wf_jv v)
{
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    else if (o->type != 0)
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be written as '%c'", wf_jv__type(v), o->type);
    else
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be written so", wf_jv__type(v));
}

/* A text whose first `head` bytes are its sign and prefix, which '=' lets stand before the fill. */
static void append_padded(const struct spec *o, struct wf_str s, size_t head, bool is_number,
                          struct wf_buf *out)
{
    size_t n = wf_utf8_count(s), add = (size_t)o->width > n ? (size_t)o->width - n : 0;
    char align = o->align != 0 ? o->align : is_number ? '>' : '<';
    size_t left = align == '>' || align == '=' ? add : align == '^' ? add / 2 : 0;

    head = align == '=' ? head : 0;
    (void)wf_buf_append_str(out, wf_str_sub(s, 0, head));
    for (size_t i = 0; i < left; i++)
        (void)wf_buf_append_str(out, o->fill);
    (void)wf_buf_append_str(out, wf_str_sub(s, head, s.len));
    for (size_t i = left; i < add; i++)
        (void)wf_buf_append_str(out, o->fill);
}

/* Sign, prefix and digits, which are grouped up to a point or an exponent. */
static void append_number(const struct spec *o, bool is_negative, const char *prefix,
                          const char *digits, size_t group, struct wf_buf *out)
{
    const char *sign = is_negative ? "-" : o->sign == '+' ? "+" : o->sign == ' ' ? " " : "";
    size_t whole = strspn(digits, group == 4 ? "0123456789abcdefABCDEF" : "0123456789");
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    (void)wf_buf_append_cstr(&b, sign);
    (void)wf_buf_append_cstr(&b, prefix);
    for (size_t i = 0; i < whole; i++) {
        if (o->grouping != 0 && i > 0 && (whole - i) % group == 0)
            (void)wf_buf_append_byte(&b, o->grouping);
        (void)wf_buf_append_byte(&b, digits[i]);
    }
    (void)wf_buf_append_cstr(&b, digits + whole);
    append_padded(o, wf_buf_str(&b), strlen(sign) + strlen(prefix), true, out);
    wf_buf_deinit(&b);
}

static void append_binary(uint64_t magnitude, char text[65])
{
    size_t n = 1;

    while (n < 64 && magnitude >> n != 0)
        n++;
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('0' + (magnitude >> (n - 1 - i) & 1));
    text[n] = 0;
}

static void append_integer(const struct spec *o, int64_t i, struct wf_buf *out)
{
    uint64_t magnitude = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    const char *prefix = "";
    char text[PRECISION_MAX + 70];
    int least = WF_MIN(o->precision, PRECISION_MAX); /* digits, where zeros fill up */

    if (o->type == 'b')
        append_binary(magnitude, text);
    else if (o->type == 'x')
        (void)snprintf(text, sizeof(text), "%.*" PRIx64, least, magnitude);
    else if (o->type == 'X')
        (void)snprintf(text, sizeof(text), "%.*" PRIX64, least, magnitude);
    else if (o->type == 'o')
        (void)snprintf(text, sizeof(text), "%.*" PRIo64, least, magnitude);
    else
        (void)snprintf(text, sizeof(text), "%.*" PRIu64, least, magnitude);
    if (o->alternate)
        prefix = o->type == 'x' ? "0x" : o->type == 'X' ? "0X" : o->type == 'o' ? "0o" : "";
    if (o->alternate && o->type == 'b')
        prefix = "0b";
    append_number(o, i < 0, prefix, text, o->type != 0 && strchr("xXob", o->type) != NULL ? 4 : 3,
                  out);
}

static void append_double(const struct spec *o, double f, struct wf_buf *out)
{
    int precision = o->precision < 0 ? 6 : WF_MIN(o->precision, PRECISION_MAX);
    bool is_negative = signbit(f) && !isnan(f), is_plain = o->type == 0;
    char text[512] = "", form[] = "%#.*g";
    struct wf_buf b;

    f = is_negative ? -f : f;
    wf_buf_init(&b, sizeof(text));
    if (o->type != 0 && strchr("eEfFgG", o->type) != NULL)
        form[4] = o->type;
    else if (o->type == '%')
        form[4] = 'f';
    if (!o->alternate)
        memmove(form + 1, form + 2, sizeof(form) - 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* one of those that are made above */
    (void)snprintf(text, sizeof(text), form, precision, o->type == '%' ? 100 * f : f);
#pragma GCC diagnostic pop
    if (is_plain && o->precision < 0)
        wf_jv__append_float(f, &b);
    else
        (void)wf_buf_append_cstr(&b, text);
    if (is_plain && o->precision >= 0 && strpbrk(text, ".en") == NULL)
        (void)wf_buf_append_cstr(&b, ".0"); /* a float shows as one */
    if (o->type == '%')
        (void)wf_buf_append_byte(&b, '%');
    (void)wf_buf_append_byte(&b, 0);
    append_number(o, is_negative, "", b.ptr != NULL ? b.ptr : "", 3, out);
    wf_buf_deinit(&b);
}

static void append_point(struct wf_jrun *r, const struct spec *o, struct wf_jv v,
                         struct wf_buf *out)
{
    char bytes[4];

    if (v.kind == WF_J_STR && wf_utf8_count(v.s) == 1)
        append_padded(o, v.s, 0, false, out);
    else if (v.kind == WF_J_INT && v.i >= 0 && v.i <= 0x10ffff && (v.i < 0xd800 || v.i > 0xdfff))
        append_padded(o, wf_str_n(bytes, wf_utf8_put(bytes, (uint32_t)v.i)), 0, false, out);
    else
        refuse(r, o, v);
}

static void append_text(struct wf_jrun *r, const struct spec *o, struct wf_jv v, struct wf_buf *out)
{
    struct wf_jv text = wf_jv__str(wf_jv__text(r, v));

    if (o->precision >= 0)
        text = wf_jv__slice(r, text, wf_jv__none(), wf_jv__int(o->precision), wf_jv__none());
    append_padded(o, text.s, 0, false, out);
}

static struct wf_jv repr_of(struct wf_jrun *r, struct wf_jv v)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    wf_jv__append_repr(r, v, &b);
    return wf_jv__of_buf(r, &b);
}

/* ---- "%s" % value ---- */

struct percent {
    struct wf_jrun *r;
    struct wf_str format;
    size_t at;
    struct wf_jv args;
    size_t used;
    struct wf_buf *out;
};

static bool is_tuple(struct wf_jv v)
{
    return v.kind == WF_J_LIST && (v.flags & WF_J_TUPLE) != 0;
}

/* The value of a directive: a named one, the next of a tuple, or the only one. */
static struct wf_jv percent_value(struct percent *p, struct wf_str name)
{
    const struct wf_jv *v;
    size_t i = p->used;

    if (name.ptr != NULL) {
        v = p->args.kind == WF_J_DICT ? wf_jdict__get_name(p->args.dict, name) : NULL;
        if (v != NULL)
            return *v;
    } else {
        p->used++;
        if (is_tuple(p->args) && i < p->args.list->n)
            return p->args.list->items[i];
        if (!is_tuple(p->args) && i == 0)
            return p->args;
    }
    wf_jrun__fail(p->r, WF_E_FORMAT, "a value for '%%' is missing");
    return wf_jv__none();
}

static void percent_flags(struct percent *p, struct spec *o)
{
    bool left = false, zero = false;

    for (; p->at < p->format.len; p->at++) {
        char c = p->format.ptr[p->at];
        if (c == '-')
            left = true;
        else if (c == '0')
            zero = true;
        else if (c == '#')
            o->alternate = true;
        else if (c == '+' || (c == ' ' && o->sign != '+'))
            o->sign = c;
        else if (c != ' ')
            break;
    }
    o->align = left ? '<' : zero ? '=' : '>';
}

/* A width or a precision: digits, or * for the next value. */
static int percent_size(struct percent *p)
{
    struct wf_jv v;

    if (p->at >= p->format.len || p->format.ptr[p->at] != '*')
        return read_int(p->format, &p->at);
    p->at++;
    v = percent_value(p, (struct wf_str){0});
    if (v.kind != WF_J_INT)
        wf_jrun__fail(p->r, WF_E_FORMAT, "'*' needs a whole number");
    return (int)WF_MAX(WF_MIN(wf_jv__integer(v), WIDTH_MAX), -WIDTH_MAX);
}

static void percent_append(struct percent *p, struct spec *o, struct wf_jv v)
{
    double f = wf_jv__number(v);
    bool is_float = v.kind == WF_J_FLOAT;

    if (o->align == '=')
        o->fill = wf_str_from("0");
    if (strchr("rsa", o->type) != NULL || o->type == 'c') {
        o->align = o->align == '<' ? '<' : '>';
        o->fill = wf_str_from(" ");
        if (o->type == 'c')
            append_point(p->r, o, v, p->out);
        else
            append_text(p->r, o, o->type == 's' ? v : repr_of(p->r, v), p->out);
    } else if (!wf_jv__is_number(v) || strchr("diuxXoeEfFgG", o->type) == NULL) {
        refuse(p->r, o, v);
    } else if (strchr("eEfFgG", o->type) != NULL) {
        append_double(o, f, p->out);
    } else if (is_float && (strchr("xXo", o->type) != NULL || !(fabs(f) < 9.2e18))) {
        refuse(p->r, o, v);
    } else {
        append_integer(o, is_float ? (int64_t)f : wf_jv__integer(v), p->out);
    }
}

static void percent_directive(struct percent *p)
{
    struct spec o = {.fill = wf_str_from(" "), .precision = -1};
    struct wf_str s = p->format, name = {0};
    struct wf_jv v;

    if (p->at < s.len && s.ptr[p->at] == '(') {
        size_t end = WF_MIN(wf_str_find_byte(s, ')', p->at), s.len);
        name = wf_str_sub(s, p->at + 1, end);
        p->at = WF_MIN(end + 1, s.len);
    }
    percent_flags(p, &o);
    o.width = percent_size(p);
    if (o.width < 0) {
        o.align = '<';
        o.width = -o.width;
    }
    if (p->at < s.len && s.ptr[p->at] == '.') {
        p->at++;
        o.precision = percent_size(p);
        o.precision = WF_MAX(o.precision, 0);
    }
    while (p->at < s.len && (s.ptr[p->at] == 'h' || s.ptr[p->at] == 'l' || s.ptr[p->at] == 'L'))
        p->at++;
    if (p->at >= s.len || s.ptr[p->at] == 0) {
        wf_jrun__fail(p->r, WF_E_FORMAT, "a '%%' is not finished");
        return;
    }
    o.type = s.ptr[p->at++];
    if (o.type == '%') {
        (void)wf_buf_append_byte(p->out, '%');
        return;
    }
    v = percent_value(p, name);
    if (p->r->rc == 0)
        percent_append(p, &o, v);
}

struct wf_jv wf_jinja__percent(struct wf_jrun *r, struct wf_str format, struct wf_jv args)
{
    struct wf_buf b;
    struct percent p = {.r = r, .format = format, .args = args, .out = &b};
    bool is_left;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (p.at < format.len && r->rc == 0) {
        if (format.ptr[p.at++] != '%')
            (void)wf_buf_append_byte(&b, format.ptr[p.at - 1]);
        else
            percent_directive(&p);
    }
    is_left = is_tuple(args) ? p.used < args.list->n
                             : p.used == 0 && args.kind != WF_J_DICT && args.kind != WF_J_LIST &&
                                   args.kind != WF_J_UNDEFINED;
    if (r->rc == 0 && is_left)
        wf_jrun__fail(r, WF_E_FORMAT, "there are more values than '%%'");
    return wf_jv__of_buf(r, &b);
}

/* ---- "{}".format(value) ---- */

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '^' || c == '=';
}

static bool accept(struct wf_str s, size_t *io_i, const char *any)
{
    bool is_it = *io_i < s.len && s.ptr[*io_i] != 0 && strchr(any, s.ptr[*io_i]) != NULL;

    *io_i += is_it;
    return is_it;
}

/* [[fill]align][sign][#][0][width][,][.precision][type]; false when something is left. */
static bool read_spec(struct wf_str s, bool is_number, struct spec *o)
{
    size_t i = 0, point = 0;
    bool has_fill = false;

    *o = (struct spec){.fill = wf_str_from(" "), .precision = -1};
    if (s.len > 0)
        (void)wf_utf8_next(s, &point);
    if (point > 0 && point < s.len && is_align(s.ptr[point])) {
        o->fill = wf_str_sub(s, 0, point);
        o->align = s.ptr[point];
        i = point + 1;
        has_fill = true;
    } else if (s.len > 0 && is_align(s.ptr[0])) {
        o->align = s.ptr[i++];
    }
    if (accept(s, &i, "+- "))
        o->sign = s.ptr[i - 1];
    o->alternate = accept(s, &i, "#");
    if (!has_fill && accept(s, &i, "0")) {
        o->fill = wf_str_from("0");
        if (o->align == 0 && is_number)
            o->align = '=';
    }
    o->width = read_int(s, &i);
    if (accept(s, &i, ",_"))
        o->grouping = s.ptr[i - 1];
    if (accept(s, &i, "."))
        o->precision = read_int(s, &i);
    if (i < s.len)
        o->type = s.ptr[i++];
    return i == s.len;
}

static void format_number(struct wf_jrun *r, const struct spec *o, struct wf_jv v,
                          struct wf_buf *out)
{
    bool as_float = o->type != 0 && strchr("eEfFgG%", o->type) != NULL;
    bool is_float = v.kind == WF_J_FLOAT;
    struct spec n = *o;

    n.type = o->type == 'n' ? (is_float ? 'g' : 'd') : o->type;
    if (as_float || (is_float && (n.type == 0 || n.type == 'g')))
        append_double(&n, wf_jv__number(v), out);
    else if (is_float || o->precision >= 0 || (n.type != 0 && strchr("bcdoxX", n.type) == NULL))
        refuse(r, o, v);
    else if (n.type == 'c')
        append_point(r, o, wf_jv__int(wf_jv__integer(v)), out);
    else
        append_integer(&n, wf_jv__integer(v), out);
}

static void format_value(struct wf_jrun *r, struct wf_str spec, struct wf_jv v, struct wf_buf *out)
{
    struct spec o;
    bool is_whole = read_spec(spec, wf_jv__is_number(v), &o);

    if (spec.len == 0)
        wf_jv__append_text(r, v, out);
    else if (!is_whole)
        wf_jrun__fail(r, WF_E_FORMAT, "'%.*s' says not how to write a value",
                      WF_STR_ARG(wf_str_sub(spec, 0, 40)));
    else if (wf_jv__is_number(v))
        format_number(r, &o, v, out);
    else if (v.kind != WF_J_STR || (o.type != 0 && o.type != 's') || o.sign != 0 ||
             o.align == '=' || o.grouping != 0 || o.alternate)
        refuse(r, &o, v);
    else
        append_text(r, &o, v, out);
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
    else
        wf_jrun__fail_undefined(r, v);
    while (end < field.len && r->rc == 0) {
        bool is_item = field.ptr[end] == '[';
        size_t from = ++end;
        while (end < field.len &&
               (is_item ? field.ptr[end] != ']' : field.ptr[end] != '.' && field.ptr[end] != '['))
            end++;
        struct wf_str part = wf_str_sub(field, from, end);
        v = is_item && wf_str_to_i64(part, &i) ? wf_jinja__item(r, v, wf_jv__int(i))
            : is_item                          ? wf_jinja__item(r, v, wf_jv__str(part))
                                               : wf_jinja__attr(r, v, part);
        end += is_item && end < field.len;
    }
    return v;
}

static struct wf_jv expanded(struct wf_jrun *r, struct wf_str format, const struct wf_jargs *args,
                             size_t *io_next, unsigned nesting);

static void format_field(struct wf_jrun *r, struct wf_str field, const struct wf_jargs *args,
                         size_t *io_next, unsigned nesting, struct wf_buf *out)
{
    size_t colon = WF_MIN(wf_str_find_byte(field, ':', 0), field.len), bang;
    struct wf_str name = wf_str_sub(field, 0, colon), spec = wf_str_from("");
    char conversion = 0;
    struct wf_jv v;

    if (colon < field.len)
        spec = wf_str_sub(field, colon + 1, field.len);
    bang = wf_str_find_byte(name, '!', 0);
    if (bang < name.len) {
        conversion = bang + 1 < name.len ? name.ptr[bang + 1] : '?';
        name = wf_str_sub(name, 0, bang);
    }
    v = field_value(r, name, args, io_next);
    if (wf_str_find_byte(spec, '{', 0) < spec.len)
        spec = expanded(r, spec, args, io_next, nesting + 1).s;
    if (conversion != 0 && strchr("rsa", conversion) == NULL)
        wf_jrun__fail(r, WF_E_FORMAT, "a format knows !r, !s and !a");
    if (r->rc != 0)
        return;
    if (conversion != 0)
        v = conversion == 's' ? wf_jv__str(wf_jv__text(r, v)) : repr_of(r, v);
    format_value(r, spec, v, out);
}

/* The end of the field that begins at `at`, behind its bracket. */
static size_t field_end(struct wf_str s, size_t at)
{
    size_t depth = 1;

    for (; at < s.len; at++) {
        depth += s.ptr[at] == '{';
        if (s.ptr[at] == '}' && --depth == 0)
            return at;
    }
    return SIZE_MAX;
}

static struct wf_jv expanded(struct wf_jrun *r, struct wf_str format, const struct wf_jargs *args,
                             size_t *io_next, unsigned nesting)
{
    struct wf_buf b;
    size_t i = 0;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    if (nesting >= NESTING_MAX)
        wf_jrun__fail(r, WF_E_FORMAT, "a format is nested too deeply");
    while (i < format.len && r->rc == 0) {
        char c = format.ptr[i++];
        if (c != '{' && c != '}') {
            (void)wf_buf_append_byte(&b, c);
        } else if (i < format.len && format.ptr[i] == c) {
            (void)wf_buf_append_byte(&b, c);
            i++;
        } else {
            size_t end = c == '{' ? field_end(format, i) : SIZE_MAX;
            if (end == SIZE_MAX) {
                wf_jrun__fail(r, WF_E_FORMAT, "a bracket of a format stands alone");
                break;
            }
            format_field(r, wf_str_sub(format, i, end), args, io_next, nesting, &b);
            i = end + 1;
        }
    }
    return wf_jv__of_buf(r, &b);
}

struct wf_jv wf_jinja__format(struct wf_jrun *r, struct wf_str format, const struct wf_jargs *args)
{
    size_t next = 0;

    return expanded(r, format, args, &next, 0);
}
