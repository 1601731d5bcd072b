/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's filters for texts, numbers and single values, and the table of all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    if (v.kind == WF_J_INT && v.i != INT64_MIN)
        return wf_jv__int(v.i < 0 ? -v.i : v.i);
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

static struct wf_jv f_float(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    double f;

    if (v.kind == WF_J_FLOAT)
        return v;
    if (v.kind == WF_J_INT || v.kind == WF_J_BOOL)
        return wf_jv__float(wf_jv__number(v));
    if (v.kind == WF_J_STR && wf_str_to_f64(wf_str_trim(v.s), &f))
        return wf_jv__float(f);
    (void)r;
    return wf_jargs__at(args, 0, "default", wf_jv__float(0.0));
}

static struct wf_jv f_int(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv base = wf_jargs__at(args, 1, "base", wf_jv__int(10));
    char text[70], *end;
    int64_t i;

    if (v.kind == WF_J_INT)
        return v;
    if (v.kind == WF_J_BOOL)
        return wf_jv__int(v.b);
    if (v.kind == WF_J_STR && base.kind == WF_J_INT && base.i != 10 && v.s.len > 0 &&
        v.s.len < sizeof(text) && base.i >= 2 && base.i <= 36) {
        memcpy(text, v.s.ptr, v.s.len);
        text[v.s.len] = 0;
        i = strtoll(text, &end, (int)base.i);
        if (*end == 0)
            return wf_jv__int(i);
    }
    if (v.kind == WF_J_STR && wf_str_to_i64(wf_str_trim(v.s), &i))
        return wf_jv__int(i);
    v = f_float(r, v, &(struct wf_jargs){0});
    if (v.kind == WF_J_FLOAT && fabs(v.f) < 9e18 && v.f != 0.0)
        return wf_jv__int((int64_t)v.f);
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
    struct wf_str s = wf_jv__text(r, v);
    struct wf_buf b;

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
    return wf_jv__cased(r, wf_jv__text(r, v), false);
}

static struct wf_jv f_upper(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, wf_jv__text(r, v), true);
}

static struct wf_jv f_replace(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return call_method(r, v, "replace", args);
}

/* Halves go to the even number, as Python rounds; 2.5 is 2. */
static struct wf_jv f_round(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv precision = wf_jargs__at(args, 0, "precision", wf_jv__int(0));
    struct wf_jv method = wf_jargs__at(args, 1, "method", wf_jv__str(wf_str_from("common")));
    double scale, f;
    char text[400];

    v = v.kind == WF_J_INT || v.kind == WF_J_BOOL ? f_float(r, v, args) : v;
    if (v.kind != WF_J_FLOAT || precision.kind != WF_J_INT || llabs(precision.i) > 15) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be rounded so", wf_jv__type(v));
        return v;
    }
    scale = pow(10.0, (double)precision.i);
    if (method.kind == WF_J_STR && wf_str_eq(method.s, wf_str_from("ceil")))
        return wf_jv__float(ceil(v.f * scale) / scale);
    if (method.kind == WF_J_STR && wf_str_eq(method.s, wf_str_from("floor")))
        return wf_jv__float(floor(v.f * scale) / scale);
    if (precision.i < 0)
        return wf_jv__float(nearbyint(v.f * scale) / scale);
    (void)snprintf(text, sizeof(text), "%.*f", (int)precision.i, v.f);
    f = strtod(text, NULL);
    return wf_jv__float(f);
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
    return c == '-' || c == ' ' || (c >= 9 && c <= 13) || c == '(' || c == '{' || c == '[' ||
           c == '<';
}

static struct wf_jv f_title(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_str s = wf_jv__text(r, v);
    struct wf_buf b;
    bool is_first = true;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < s.len && r->rc == 0) {
        size_t from = i;
        uint32_t c = wf_utf8_next(s, &i);
        struct wf_jv point = wf_jv__cased(r, wf_str_sub(s, from, i), is_first);
        (void)wf_buf_append_str(&b, point.s);
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
    struct wf_jv length = wf_jargs__at(args, 0, "length", wf_jv__int(255));
    bool kill = wf_jv__is_true(r, wf_jargs__at(args, 1, "killwords", wf_jv__bool(false)));
    struct wf_jv end = wf_jargs__at(args, 2, "end", wf_jv__str(wf_str_from("...")));
    struct wf_jv leeway = wf_jargs__at(args, 3, "leeway", wf_jv__int(5)), cut;
    size_t last = SIZE_MAX;
    int64_t n;

    v = text_of(r, v);
    n = wf_jv__length(r, v);
    if (length.kind != WF_J_INT || leeway.kind != WF_J_INT || end.kind != WF_J_STR) {
        wf_jrun__fail(r, WF_E_FORMAT, "truncate has wrong arguments");
        return v;
    }
    if (n - leeway.i <= length.i)
        return v;
    cut = wf_jv__slice(r, v, wf_jv__none(), wf_jv__int(length.i - wf_jv__length(r, end)),
                       wf_jv__none());
    if (r->rc != 0)
        return v;
    for (size_t i = 0; i < cut.s.len && !kill; i++)
        last = cut.s.ptr[i] == ' ' ? i : last;
    if (last != SIZE_MAX)
        cut.s = wf_str_sub(cut.s, 0, last);
    return wf_jinja__binary(r, WF_J_ADD, cut, end);
}

static struct wf_jv f_urlencode(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_str s = wf_jv__text(r, v);
    struct wf_buf b;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != 0 && strchr("_.-~/", c) != NULL);
        (void)wf_buf_appendf(&b, is_plain ? "%c" : "%%%02X", (uint8_t)c);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv f_wordcount(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv words = call_method(r, v, "split", &(struct wf_jargs){0});

    (void)args;
    return wf_jv__int(r->rc == 0 ? (int64_t)words.list->n : 0);
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
