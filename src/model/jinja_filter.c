/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's filters for texts, numbers and single values, and the table of all. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

static struct wf_jv text_of(struct wf_jrun *r, struct wf_jv v)
{
    return v.kind == WF_J_STR ? v : wf_jv__str(wf_jv__text(r, v));
}

static struct wf_jv call_method(struct wf_jrun *r, struct wf_jv v, const char *name,
                                const struct wf_jargs *args)
{
    struct wf_jv m = wf_jinja__method(r, text_of(r, v), wf_str_from(name));

    return wf_jinja__call(r, m, args);
}

static struct wf_jv f_abs(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    if (v.kind == WF_J_FLOAT)
        return wf_jv__float(fabs(v.f));
    if (v.kind == WF_J_BOOL || (v.kind == WF_J_INT && v.i != INT64_MIN))
        return wf_jv__int(llabs(wf_jv__integer(v)));
    wf_jrun__fail(r, WF_E_FORMAT, "a %s has no absolute value", wf_jv__type(v));
    return v;
}

static struct wf_jv f_attr(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv name = wf_jargs__at(args, 0, "name", wf_jv__none());

    return wf_jinja__attr(r, v, wf_jv__text(r, name));
}

static struct wf_jv f_capitalize(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return call_method(r, v, "capitalize", args);
}

static struct wf_jv f_center(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jargs a = *args;

    if (a.pos.n == 0)
        wf_jlist__push(r, &a.pos, wf_jargs__at(args, 0, "width", wf_jv__int(80)));
    return call_method(r, v, "center", &a);
}

static struct wf_jv f_default(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv otherwise = wf_jargs__at(args, 0, "default_value", wf_jv__str(wf_str_from("")));
    bool or_false = wf_jv__is_true(r, wf_jargs__at(args, 1, "boolean", wf_jv__bool(false)));

    return v.kind == WF_J_UNDEFINED || (or_false && !wf_jv__is_true(r, v)) ? otherwise : v;
}

static struct wf_jv f_escape(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv empty = wf_jv__str(wf_str_from(""));

    (void)args;
    empty.flags = WF_J_MARKUP;
    return wf_jinja__binary(r, WF_J_ADD, empty, text_of(r, v));
}

/* Digits may have single underscores between them. False: something else, or no room. */
static bool without_underscores(struct wf_str s, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        bool is_between = i > 0 && i + 1 < s.len && isxdigit((unsigned char)s.ptr[i - 1]) &&
                          isxdigit((unsigned char)s.ptr[i + 1]);
        if (s.ptr[i] == '_' && is_between)
            continue;
        if (s.ptr[i] == '_' || s.ptr[i] == 0 || n + 1 >= size)
            return false;
        out[n++] = s.ptr[i];
    }
    out[n] = 0;
    return n > 0;
}

static bool read_float(struct wf_str s, double *out)
{
    char text[400], *end;
    const char *p = text;

    if (!without_underscores(wf_str_trim(s), text, sizeof(text)))
        return false;
    p += *p == '-' || *p == '+';
    if (!isdigit((unsigned char)*p) && *p != '.' && strncasecmp(p, "inf", 3) != 0 &&
        strcasecmp(p, "nan") != 0)
        return false;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        return false;
    *out = strtod(text, &end);
    return *end == 0 && end != text;
}

/* A whole number as Python's int() reads it; base 0: by its prefix. */
static bool read_int(struct wf_str s, int64_t base, int64_t *out)
{
    char text[80], *end;
    const char *p = text;
    size_t sign;
    char kind;

    if (!without_underscores(wf_str_trim(s), text, sizeof(text)))
        return false;
    sign = text[0] == '-' || text[0] == '+';
    kind = text[sign] == '0' ? (char)(text[sign + 1] | 0x20) : 0;
    if (kind != 0 && strchr("xob", kind) != NULL) {
        int64_t says = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
        if (base == 0 || base == says) {
            base = says;
            memmove(text + sign, text + sign + 2, strlen(text + sign + 2) + 1);
        }
    }
    p += sign;
    if (!isalnum((unsigned char)*p))
        return false;
    errno = 0;
    *out = strtoll(text, &end, base == 0 ? 10 : (int)base);
    return *end == 0 && errno == 0;
}

static struct wf_jv f_float(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    double f;

    if (wf_jv__is_number(v))
        return wf_jv__float(wf_jv__number(v));
    if (v.kind == WF_J_STR && read_float(v.s, &f))
        return wf_jv__float(f);
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    return wf_jargs__at(args, 0, "default", wf_jv__float(0.0));
}

static struct wf_jv f_int(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    int64_t base = wf_jargs__int(r, args, 1, "base", 10), i;
    double f;

    if (v.kind == WF_J_INT || v.kind == WF_J_BOOL)
        return wf_jv__int(wf_jv__integer(v));
    if (base != 0 && (base < 2 || base > 36))
        base = 10;
    if (v.kind == WF_J_STR && read_int(v.s, base, &i))
        return wf_jv__int(i);
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    if (v.kind == WF_J_FLOAT)
        f = v.f;
    else if (v.kind != WF_J_STR || !read_float(v.s, &f))
        f = NAN;
    if (fabs(f) < 9e18)
        return wf_jv__int((int64_t)f);
    return wf_jargs__at(args, 0, "default", wf_jv__int(0));
}

static struct wf_jv f_format(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv tuple = {.kind = WF_J_LIST, .flags = WF_J_TUPLE};
    struct wf_jlist list = args->pos;
    struct wf_jdict named = args->named;

    tuple.list = &list;
    if (args->named.n > 0)
        return wf_jinja__percent(r, wf_jv__text(r, v),
                                 (struct wf_jv){.kind = WF_J_DICT, .dict = &named});
    return wf_jinja__percent(r, wf_jv__text(r, v), tuple);
}

static struct wf_jv f_indent(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv width = wf_jargs__at(args, 0, "width", wf_jv__int(4)), lines;
    bool first = wf_jv__is_true(r, wf_jargs__at(args, 1, "first", wf_jv__bool(false)));
    bool blank = wf_jv__is_true(r, wf_jargs__at(args, 2, "blank", wf_jv__bool(false)));
    struct wf_str s = v.kind == WF_J_STR ? v.s : wf_str_from("");
    struct wf_buf b;

    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    if (v.kind != WF_J_STR)
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be indented", wf_jv__type(v));
    lines = call_method(r, wf_jv__str(s), "splitlines", &(struct wf_jargs){0});
    if (r->rc != 0)
        return v;
    if (s.len == 0 || s.ptr[s.len - 1] == '\n') /* as if a line break stood behind it */
        wf_jlist__push(r, lines.list, wf_jv__str(wf_str_from("")));
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < lines.list->n; i++) {
        struct wf_str line = lines.list->items[i].s;
        if (i > 0)
            (void)wf_buf_append_byte(&b, '\n');
        if (i == 0 ? first : line.len > 0 || blank) {
            if (width.kind == WF_J_STR)
                (void)wf_buf_append_str(&b, width.s);
            else if (width.kind == WF_J_INT && width.i > 0 && width.i < 1000)
                (void)wf_buf_append_fill(&b, ' ', (size_t)width.i);
        }
        (void)wf_buf_append_str(&b, line);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv f_length(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__int(wf_jv__length(r, v));
}

static struct wf_jv f_lower(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, wf_jv__text(r, v), WF_J_LOWER);
}

static struct wf_jv f_upper(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, wf_jv__text(r, v), WF_J_UPPER);
}

static struct wf_jv f_replace(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jargs a = {.pos = {0}};

    wf_jlist__push(r, &a.pos, text_of(r, wf_jargs__at(args, 0, "old", wf_jv__none())));
    wf_jlist__push(r, &a.pos, text_of(r, wf_jargs__at(args, 1, "new", wf_jv__none())));
    wf_jlist__push(r, &a.pos, wf_jargs__at(args, 2, "count", wf_jv__none()));
    if (!wf_jargs__has(args, 0, "old") || !wf_jargs__has(args, 1, "new"))
        wf_jrun__fail(r, WF_E_FORMAT, "replace needs two texts");
    return call_method(r, v, "replace", &a);
}

/* Halves go to the even number, as Python rounds; 2.5 is 2. Whole numbers stay whole. */
static struct wf_jv f_round(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv method = wf_jargs__at(args, 1, "method", wf_jv__str(wf_str_from("common")));
    int64_t digits = wf_jargs__int(r, args, 0, "precision", 0);
    bool is_common = method.kind == WF_J_STR && wf_str_eq(method.s, wf_str_from("common"));
    bool is_ceil = method.kind == WF_J_STR && wf_str_eq(method.s, wf_str_from("ceil"));
    bool is_floor = method.kind == WF_J_STR && wf_str_eq(method.s, wf_str_from("floor"));
    double scale, f = wf_jv__number(v);
    char text[400];

    if (!wf_jv__is_number(v) || digits > 15 || digits < -15 || !(is_common || is_ceil || is_floor))
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be rounded so", wf_jv__type(v));
    if (r->rc != 0)
        return v;
    if (is_common && v.kind != WF_J_FLOAT && digits >= 0)
        return wf_jv__int(wf_jv__integer(v));
    scale = pow(10.0, (double)digits);
    if (!is_common)
        return wf_jv__float((is_ceil ? ceil(f * scale) : floor(f * scale)) / scale);
    if (digits < 0) {
        f = nearbyint(f / pow(10.0, (double)-digits)) * pow(10.0, (double)-digits);
        return v.kind == WF_J_FLOAT ? wf_jv__float(f) : wf_jv__int((int64_t)f);
    }
    (void)snprintf(text, sizeof(text), "%.*f", (int)digits, f);
    return wf_jv__float(strtod(text, NULL));
}

static struct wf_jv f_safe(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    v = text_of(r, v);
    v.flags = WF_J_MARKUP;
    return v;
}

static struct wf_jv f_string(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return text_of(r, v);
}

static bool begins_word(uint32_t c)
{
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || wf_jv__is_space(c);
}

static struct wf_jv f_title(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_str s = wf_jv__text(r, v);
    struct wf_buf b;
    bool is_first = true;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < s.len) {
        size_t at = i;
        uint32_t c = wf_utf8_next(s, &at);
        wf_jv__append_cased(s, &i, is_first ? WF_J_UPPER : WF_J_LOWER, &b);
        is_first = begins_word(c);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv f_tojson(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv indent = wf_jargs__at(args, 0, "indent", wf_jv__none()), pair;
    struct wf_jjson o = {.comma = wf_str_from(", "), .colon = wf_str_from(": ")};
    struct wf_buf b;

    if (indent.kind == WF_J_INT && indent.i >= 0 && indent.i <= 100) {
        static const char spaces[101] = "                                                  "
                                        "                                                  ";
        o.indent = wf_str_n(spaces, (size_t)indent.i);
        o.comma = wf_str_from(",");
    } else if (indent.kind == WF_J_STR) {
        o.indent = indent.s;
        o.comma = wf_str_from(",");
    }
    pair = wf_jargs__at(args, SIZE_MAX, "separators", wf_jv__none());
    if (pair.kind == WF_J_LIST && pair.list->n == 2 && pair.list->items[0].kind == WF_J_STR &&
        pair.list->items[1].kind == WF_J_STR) {
        o.comma = pair.list->items[0].s;
        o.colon = pair.list->items[1].s;
    }
    o.sort_keys = wf_jv__is_true(r, wf_jargs__at(args, SIZE_MAX, "sort_keys", wf_jv__bool(false)));
    o.ascii = wf_jv__is_true(r, wf_jargs__at(args, SIZE_MAX, "ensure_ascii", wf_jv__bool(false)));
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    wf_jv__append_json(r, v, &o, 0, &b);
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv f_trim(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jargs a = {0};

    if (wf_jargs__has(args, 0, "chars"))
        wf_jlist__push(r, &a.pos, wf_jargs__at(args, 0, "chars", wf_jv__none()));
    return call_method(r, v, "strip", &a);
}

static struct wf_jv f_truncate(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    int64_t length = wf_jargs__int(r, args, 0, "length", 255);
    bool kill = wf_jv__is_true(r, wf_jargs__at(args, 1, "killwords", wf_jv__bool(false)));
    struct wf_jv end = wf_jargs__at(args, 2, "end", wf_jv__str(wf_str_from("...")));
    int64_t leeway = wf_jargs__int(r, args, 3, "leeway", 5), n = wf_jv__length(r, v);
    struct wf_jv cut;
    size_t last = SIZE_MAX;

    if (end.kind != WF_J_STR || length < wf_jv__length(r, end) || leeway < 0)
        wf_jrun__fail(r, WF_E_FORMAT, "truncate has wrong arguments");
    if (r->rc != 0 || (n <= length || n - length <= leeway))
        return v;
    if (v.kind != WF_J_STR)
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be truncated", wf_jv__type(v));
    cut = wf_jv__slice(r, v, wf_jv__none(), wf_jv__int(length - wf_jv__length(r, end)),
                       wf_jv__none());
    if (r->rc != 0)
        return v;
    for (size_t i = 0; i < cut.s.len && !kill; i++)
        last = cut.s.ptr[i] == ' ' ? i : last;
    if (last != SIZE_MAX)
        cut.s = wf_str_sub(cut.s, 0, last);
    return wf_jinja__binary(r, WF_J_ADD, cut, end);
}

static void append_quoted(struct wf_str s, bool is_query, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != 0 && strchr("_.-~", c) != NULL) ||
                        (c == '/' && !is_query);
        if (is_query && c == ' ')
            (void)wf_buf_append_byte(out, '+');
        else
            (void)wf_buf_appendf(out, is_plain ? "%c" : "%%%02X", (uint8_t)c);
    }
}

/* A text; or pairs, as the query of an address. */
static struct wf_jv f_urlencode(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jlist pairs = {0};
    struct wf_buf b;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    if (v.kind == WF_J_LIST || v.kind == WF_J_DICT)
        pairs = wf_jv__items(
            r, v.kind == WF_J_DICT ? wf_jinja__filter(r, wf_str_from("items"), v, args) : v);
    else
        append_quoted(wf_jv__text(r, v), false, &b);
    for (size_t i = 0; i < pairs.n && r->rc == 0; i++) {
        struct wf_jlist pair = wf_jv__items(r, pairs.items[i]);
        if (pair.n != 2) {
            wf_jrun__fail(r, WF_E_FORMAT, "urlencode needs pairs");
            break;
        }
        if (i > 0)
            (void)wf_buf_append_byte(&b, '&');
        append_quoted(wf_jv__text(r, pair.items[0]), true, &b);
        (void)wf_buf_append_byte(&b, '=');
        append_quoted(wf_jv__text(r, pair.items[1]), true, &b);
    }
    return wf_jv__of_buf(r, &b);
}

static bool is_in_word(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return c == '_' || (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

static struct wf_jv f_wordcount(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_str s = wf_jv__text(r, v);
    bool is_in = false;
    int64_t n = 0;
    size_t i = 0;

    (void)args;
    while (i < s.len) {
        bool was_in = is_in;
        is_in = is_in_word(wf_utf8_next(s, &i));
        n += is_in && !was_in;
    }
    return wf_jv__int(n);
}

static const struct {
    const char *name;
    wf_jcall_fn fn;
} table[] = {
    {"abs", f_abs},
    {"attr", f_attr},
    {"capitalize", f_capitalize},
    {"center", f_center},
    {"count", f_length},
    {"d", f_default},
    {"default", f_default},
    {"e", f_escape},
    {"escape", f_escape},
    {"float", f_float},
    {"format", f_format},
    {"indent", f_indent},
    {"int", f_int},
    {"length", f_length},
    {"lower", f_lower},
    {"replace", f_replace},
    {"round", f_round},
    {"safe", f_safe},
    {"string", f_string},
    {"title", f_title},
    {"tojson", f_tojson},
    {"trim", f_trim},
    {"truncate", f_truncate},
    {"upper", f_upper},
    {"urlencode", f_urlencode},
    {"wordcount", f_wordcount},
};

static wf_jcall_fn find(struct wf_str name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_str_eq(name, wf_str_from(table[i].name)))
            return table[i].fn;
    }
    return wf_jinja__list_filter(name);
}

bool wf_jinja__has_filter(struct wf_str name)
{
    return find(name) != NULL;
}

struct wf_jv wf_jinja__filter(struct wf_jrun *r, struct wf_str name, struct wf_jv v,
                              const struct wf_jargs *args)
{
    wf_jcall_fn fn = find(name);

    if (fn == NULL) {
        wf_jrun__fail(r, WF_E_FORMAT, "there is no filter '%.*s'",
                      WF_STR_ARG(wf_str_sub(name, 0, 40)));
        return v;
    }
    return fn(r, v, args);
}
