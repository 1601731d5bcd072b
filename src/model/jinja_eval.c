/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's expressions, evaluated by walking the tree. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"

static struct wf_jv no_operator(struct wf_jrun *r, const char *sign, struct wf_jv a, struct wf_jv b)
{
    if (a.kind == WF_J_UNDEFINED || b.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, a.kind == WF_J_UNDEFINED ? a : b);
    else
        wf_jrun__fail(r, WF_E_FORMAT, "a %s %s a %s is not possible", wf_jv__type(a), sign,
                      wf_jv__type(b));
    return wf_jv__none();
}

static struct wf_jv float_result(struct wf_jrun *r, enum wf_jbinary op, double x, double y)
{
    double remainder;

    if (y == 0.0 && (op == WF_J_DIV || op == WF_J_FLOORDIV || op == WF_J_MOD)) {
        wf_jrun__fail(r, WF_E_FORMAT, "division by zero");
        return wf_jv__none();
    }
    switch (op) {
    case WF_J_ADD:
        return wf_jv__float(x + y);
    case WF_J_SUB:
        return wf_jv__float(x - y);
    case WF_J_MUL:
        return wf_jv__float(x * y);
    case WF_J_DIV:
        return wf_jv__float(x / y);
    case WF_J_FLOORDIV:
        return wf_jv__float(floor(x / y));
    case WF_J_MOD:
        remainder = fmod(x, y);
        return wf_jv__float(remainder != 0.0 && (remainder < 0) != (y < 0) ? remainder + y
                                                                           : remainder);
    default:
        return wf_jv__float(pow(x, y));
    }
}

/* False when the result does not fit. */
static bool power(int64_t x, int64_t y, int64_t *out)
{
    *out = 1;
    while (y > 0) {
        if ((y & 1) != 0 && __builtin_mul_overflow(*out, x, out))
            return false;
        y >>= 1;
        if (y > 0 && __builtin_mul_overflow(x, x, &x))
            return false;
    }
    return true;
}

static struct wf_jv int_result(struct wf_jrun *r, enum wf_jbinary op, int64_t x, int64_t y)
{
    int64_t out = 0;
    bool fits = true;

    if ((op == WF_J_FLOORDIV || op == WF_J_MOD) && y == 0) {
        wf_jrun__fail(r, WF_E_FORMAT, "division by zero");
        return wf_jv__none();
    }
    if (op == WF_J_ADD)
        fits = !__builtin_add_overflow(x, y, &out);
    else if (op == WF_J_SUB)
        fits = !__builtin_sub_overflow(x, y, &out);
    else if (op == WF_J_MUL)
        fits = !__builtin_mul_overflow(x, y, &out);
    else if (op == WF_J_POW)
        fits = power(x, y, &out);
    else if (x == INT64_MIN && y == -1)
        fits = op == WF_J_MOD;
    else if (op == WF_J_FLOORDIV)
        out = x / y - (x % y != 0 && (x < 0) != (y < 0));
    else
        out = x % y + (x % y != 0 && (x < 0) != (y < 0) ? y : 0);
    if (!fits)
        wf_jrun__fail(r, WF_E_FORMAT, "a number is too large");
    return wf_jv__int(out);
}

static struct wf_jv number_result(struct wf_jrun *r, enum wf_jbinary op, struct wf_jv a,
                                  struct wf_jv b)
{
    bool is_float = a.kind == WF_J_FLOAT || b.kind == WF_J_FLOAT || op == WF_J_DIV;

    if (is_float || (op == WF_J_POW && wf_jv__number(b) < 0))
        return float_result(r, op, wf_jv__number(a), wf_jv__number(b));
    return int_result(r, op, wf_jv__integer(a), wf_jv__integer(b));
}

static void append_escaped(struct wf_buf *out, struct wf_jv v)
{
    static const char signs[] = "&<>'\"";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};

    for (size_t i = 0; i < v.s.len; i++) {
        const char *p = (v.flags & WF_J_MARKUP) == 0 ? memchr(signs, v.s.ptr[i], 5) : NULL;
        if (p != NULL)
            (void)wf_buf_append_cstr(out, names[p - signs]);
        else
            (void)wf_buf_append_byte(out, v.s.ptr[i]);
    }
}

/* Two texts; where one is marked safe the other is escaped, as markupsafe does. */
static struct wf_jv join_texts(struct wf_jrun *r, struct wf_jv a, struct wf_jv b)
{
    bool is_markup = ((a.flags | b.flags) & WF_J_MARKUP) != 0;
    struct wf_jv out;
    struct wf_buf buf;

    wf_buf_init(&buf, WF_LIMIT_TEMPLATE_BYTES);
    if (is_markup) {
        append_escaped(&buf, a);
        append_escaped(&buf, b);
    } else {
        (void)wf_buf_append_str(&buf, a.s);
        (void)wf_buf_append_str(&buf, b.s);
    }
    out = wf_jv__of_buf(r, &buf);
    out.flags = is_markup ? WF_J_MARKUP : 0;
    return out;
}

static struct wf_jv join_lists(struct wf_jrun *r, struct wf_jv a, struct wf_jv b)
{
    struct wf_jv out = wf_jv__list(r, a.flags);

    for (size_t i = 0; i < a.list->n && r->rc == 0; i++)
        wf_jlist__push(r, out.list, a.list->items[i]);
    for (size_t i = 0; i < b.list->n && r->rc == 0; i++)
        wf_jlist__push(r, out.list, b.list->items[i]);
    return out;
}

static struct wf_jv repeat(struct wf_jrun *r, struct wf_jv v, int64_t n)
{
    struct wf_jv out;
    struct wf_buf b;

    if (v.kind == WF_J_STR) {
        wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
        for (int64_t i = 0; i < n && v.s.len > 0 && wf_buf_status(&b) == 0; i++)
            (void)wf_buf_append_str(&b, v.s);
        return wf_jv__of_buf(r, &b);
    }
    out = wf_jv__list(r, v.flags);
    for (int64_t i = 0; i < n && v.list->n > 0 && r->rc == 0; i++) {
        for (size_t j = 0; j < v.list->n && wf_jrun__step(r, 1); j++)
            wf_jlist__push(r, out.list, v.list->items[j]);
    }
    return out;
}

static bool is_sequence(struct wf_jv v)
{
    return v.kind == WF_J_STR || (v.kind == WF_J_LIST && (v.flags & WF_J_GENERATOR) == 0);
}

static struct wf_jv arithmetic(struct wf_jrun *r, enum wf_jbinary op, struct wf_jv a,
                               struct wf_jv b)
{
    static const char *const signs[] = {"+", "-", "*", "/", "//", "%", "**"};

    if (wf_jv__is_number(a) && wf_jv__is_number(b))
        return number_result(r, op, a, b);
    if (op == WF_J_ADD && a.kind == WF_J_STR && b.kind == WF_J_STR)
        return join_texts(r, a, b);
    if (op == WF_J_ADD && a.kind == WF_J_LIST && b.kind == WF_J_LIST && a.flags == b.flags &&
        is_sequence(a))
        return join_lists(r, a, b);
    if (op == WF_J_MUL && is_sequence(a) && (b.kind == WF_J_INT || b.kind == WF_J_BOOL))
        return repeat(r, a, wf_jv__integer(b));
    if (op == WF_J_MUL && is_sequence(b) && (a.kind == WF_J_INT || a.kind == WF_J_BOOL))
        return repeat(r, b, wf_jv__integer(a));
    if (op == WF_J_MOD && a.kind == WF_J_STR)
        return wf_jinja__percent(r, a.s, b);
    return no_operator(r, signs[op], a, b);
}

struct wf_jv wf_jinja__binary(struct wf_jrun *r, enum wf_jbinary op, struct wf_jv a, struct wf_jv b)
{
    if (r->rc != 0)
        return wf_jv__none();
    switch (op) {
    case WF_J_CONCAT:
        return join_texts(r, wf_jv__str(wf_jv__text(r, a)), wf_jv__str(wf_jv__text(r, b)));
    case WF_J_EQ:
        return wf_jv__bool(wf_jv__equal(r, a, b));
    case WF_J_NE:
        return wf_jv__bool(!wf_jv__equal(r, a, b));
    case WF_J_LT:
        return wf_jv__bool(wf_jv__compare(r, a, b) < 0);
    case WF_J_LE:
        return wf_jv__bool(wf_jv__compare(r, a, b) <= 0);
    case WF_J_GT:
        return wf_jv__bool(wf_jv__compare(r, a, b) > 0);
    case WF_J_GE:
        return wf_jv__bool(wf_jv__compare(r, a, b) >= 0);
    case WF_J_IN:
        return wf_jv__bool(wf_jv__contains(r, b, a));
    case WF_J_NOT_IN:
        return wf_jv__bool(!wf_jv__contains(r, b, a));
    case WF_J_ADD:
    case WF_J_SUB:
    case WF_J_MUL:
    case WF_J_DIV:
    case WF_J_FLOORDIV:
    case WF_J_MOD:
    case WF_J_POW:
        break;
    }
    return arithmetic(r, op, a, b);
}

static struct wf_jv missing(struct wf_jrun *r, struct wf_jv v, struct wf_str name)
{
    char *what = wf_arena_printf(&r->arena, "'%s' has no attribute '%.*s'", wf_jv__type(v),
                                 WF_STR_ARG(wf_str_sub(name, 0, 100)));

    return wf_jv__undefined(wf_str_from(what != NULL ? what : ""));
}

static struct wf_jv loop_attr(struct wf_jrun *r, struct wf_jv v, struct wf_str name)
{
    const struct wf_jloop *l = v.loop;
    int64_t i = (int64_t)l->index, n = (int64_t)l->items->n;
    const struct {
        const char *name;
        struct wf_jv value;
    } table[] = {
        {"index", wf_jv__int(i + 1)},
        {"index0", wf_jv__int(i)},
        {"revindex", wf_jv__int(n - i)},
        {"revindex0", wf_jv__int(n - i - 1)},
        {"first", wf_jv__bool(i == 0)},
        {"last", wf_jv__bool(i + 1 == n)},
        {"length", wf_jv__int(n)},
        {"depth", wf_jv__int(l->depth0 + 1)},
        {"depth0", wf_jv__int(l->depth0)},
        {"previtem", i > 0 ? l->items->items[i - 1]
                           : wf_jv__undefined(wf_str_from("there is no previous item"))},
        {"nextitem", i + 1 < n ? l->items->items[i + 1]
                               : wf_jv__undefined(wf_str_from("there is no next item"))},
    };

    for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
        if (wf_str_eq(name, wf_str_from(table[k].name)))
            return table[k].value;
    }
    return wf_jinja__method(r, v, name);
}

struct wf_jv wf_jinja__attr(struct wf_jrun *r, struct wf_jv v, struct wf_str name)
{
    const struct wf_jv *at = NULL;
    struct wf_jv method;

    if (r->rc != 0)
        return wf_jv__none();
    if (v.kind == WF_J_UNDEFINED) {
        wf_jrun__fail_undefined(r, v);
        return wf_jv__none();
    }
    if (v.kind == WF_J_LOOP)
        return loop_attr(r, v, name);
    method = wf_jinja__method(r, v, name);
    if (method.kind != WF_J_UNDEFINED)
        return method;
    if (v.kind == WF_J_DICT || v.kind == WF_J_NAMESPACE)
        at = wf_jdict__get_name(v.dict, name);
    return at != NULL ? *at : missing(r, v, name);
}

static struct wf_jv list_item(struct wf_jrun *r, struct wf_jv v, int64_t i)
{
    struct wf_jlist items = wf_jv__items(r, v);

    i += i < 0 ? (int64_t)items.n : 0;
    if (r->rc == 0 && i >= 0 && (size_t)i < items.n)
        return items.items[i];
    return wf_jv__undefined(wf_str_from("there is no such item"));
}

struct wf_jv wf_jinja__item(struct wf_jrun *r, struct wf_jv v, struct wf_jv key)
{
    const struct wf_jv *at;

    if (r->rc != 0)
        return wf_jv__none();
    if (v.kind == WF_J_UNDEFINED) {
        wf_jrun__fail_undefined(r, v);
        return wf_jv__none();
    }
    if (v.kind == WF_J_DICT) {
        at = key.kind != WF_J_DICT && (key.kind != WF_J_LIST || (key.flags & WF_J_TUPLE) != 0)
                 ? wf_jdict__get(r, v.dict, key)
                 : NULL;
        if (at != NULL)
            return *at;
    }
    if ((key.kind == WF_J_INT || key.kind == WF_J_BOOL) && is_sequence(v))
        return list_item(r, v, wf_jv__integer(key));
    if (key.kind == WF_J_STR)
        return wf_jinja__attr(r, v, key.s);
    return missing(r, v, wf_jv__text(r, key));
}

struct wf_jv wf_jinja__path(struct wf_jrun *r, struct wf_jv v, struct wf_jv path)
{
    struct wf_str rest = path.kind == WF_J_STR ? path.s : wf_str_from(""), part;
    int64_t i;

    if (path.kind == WF_J_INT)
        return wf_jinja__item(r, v, path);
    while (r->rc == 0 && wf_str_split(&rest, '.', &part))
        v = wf_jinja__item(r, v, wf_str_to_i64(part, &i) ? wf_jv__int(i) : wf_jv__str(part));
    return v;
}

static struct wf_jv name_value(struct wf_jrun *r, struct wf_str name)
{
    struct wf_jv global;
    char *what;

    for (const struct wf_jscope *s = r->scope; s != NULL; s = s->parent) {
        const struct wf_jv *v = wf_jdict__get_name(&s->vars, name);
        if (v != NULL)
            return *v;
    }
    global = wf_jinja__global(r, name);
    if (global.kind != WF_J_UNDEFINED)
        return global;
    what = wf_arena_printf(&r->arena, "'%.*s' is undefined", WF_STR_ARG(wf_str_sub(name, 0, 100)));
    return wf_jv__undefined(wf_str_from(what != NULL ? what : ""));
}

static void add_stars(struct wf_jrun *r, const struct wf_jnode *n, struct wf_jv v,
                      struct wf_jargs *out)
{
    struct wf_jlist items;

    if (n->number == 1) {
        items = wf_jv__items(r, v);
        for (size_t i = 0; i < items.n; i++)
            wf_jlist__push(r, &out->pos, items.items[i]);
    } else if (v.kind == WF_J_DICT) {
        for (size_t i = 0; i < v.dict->n && r->rc == 0; i++) {
            if (v.dict->entries[i].key.kind != WF_J_STR)
                wf_jrun__fail(r, WF_E_FORMAT, "names of arguments are texts");
            else
                wf_jdict__set(r, &out->named, v.dict->entries[i].key, v.dict->entries[i].value);
        }
    } else {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s does not name arguments", wf_jv__type(v));
    }
}

static struct wf_jargs eval_args(struct wf_jrun *r, const struct wf_jnode *list)
{
    struct wf_jargs out = {0};

    for (const struct wf_jnode *n = list; n != NULL && r->rc == 0; n = n->next) {
        struct wf_jv v = wf_jinja__eval(r, n->a);
        if (n->number > 0)
            add_stars(r, n, v, &out);
        else if (n->name.len > 0)
            wf_jdict__set(r, &out.named, wf_jv__str(n->name), v);
        else
            wf_jlist__push(r, &out.pos, v);
    }
    return out;
}

static struct wf_jv eval_list(struct wf_jrun *r, const struct wf_jnode *n, unsigned flags)
{
    struct wf_jv out = wf_jv__list(r, flags);

    for (const struct wf_jnode *item = n->list; item != NULL && r->rc == 0; item = item->next)
        wf_jlist__push(r, out.list, wf_jinja__eval(r, item));
    return out;
}

static struct wf_jv eval_dict(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv out = wf_jv__dict(r);

    for (const struct wf_jnode *pair = n->list; pair != NULL && r->rc == 0; pair = pair->next) {
        struct wf_jv key = wf_jinja__eval(r, pair->a);
        wf_jdict__set(r, out.dict, key, wf_jinja__eval(r, pair->b));
    }
    return out;
}

static struct wf_jv eval_compare(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv left = wf_jinja__eval(r, n->a), right, result = wf_jv__bool(true);

    for (const struct wf_jnode *o = n->list; o != NULL && r->rc == 0; o = o->next) {
        right = wf_jinja__eval(r, o->a);
        result = wf_jinja__binary(r, (enum wf_jbinary)o->number, left, right);
        if (!wf_jv__is_true(r, result))
            break;
        left = right;
    }
    return result;
}

static struct wf_jv eval_sign(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv v = wf_jinja__eval(r, n->a);

    if (!wf_jv__is_number(v))
        return no_operator(r, "with a sign and", v, v);
    if (v.kind == WF_J_FLOAT)
        return wf_jv__float(n->op == WF_JN_NEGATIVE ? -v.f : v.f);
    return wf_jinja__binary(r, n->op == WF_JN_NEGATIVE ? WF_J_SUB : WF_J_ADD, wf_jv__int(0), v);
}

static struct wf_jv eval_slice(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv v = wf_jinja__eval(r, n->a);
    struct wf_jv from = n->b != NULL ? wf_jinja__eval(r, n->b) : wf_jv__none();
    struct wf_jv to = n->c != NULL ? wf_jinja__eval(r, n->c) : wf_jv__none();
    struct wf_jv step = n->other != NULL ? wf_jinja__eval(r, n->other) : wf_jv__none();

    return r->rc == 0 ? wf_jv__slice(r, v, from, to, step) : v;
}

static struct wf_jv eval_logic(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv a = wf_jinja__eval(r, n->a);

    if (r->rc != 0 || wf_jv__is_true(r, a) == (n->op == WF_JN_OR))
        return a;
    return wf_jinja__eval(r, n->b);
}

static struct wf_jv eval_condition(struct wf_jrun *r, const struct wf_jnode *n)
{
    if (wf_jv__is_true(r, wf_jinja__eval(r, n->b)))
        return wf_jinja__eval(r, n->a);
    return n->c != NULL ? wf_jinja__eval(r, n->c)
                        : wf_jv__undefined(wf_str_from("the condition has no else"));
}

static struct wf_jv eval_applied(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv v = wf_jinja__eval(r, n->a);
    struct wf_jargs args = {0};

    if (r->rc == 0)
        args = eval_args(r, n->list);
    if (r->rc != 0)
        return v;
    r->line = n->line;
    if (n->op == WF_JN_CALL)
        return wf_jinja__call(r, v, &args);
    if (n->op == WF_JN_FILTER)
        return wf_jinja__filter(r, n->name, v, &args);
    return wf_jv__bool(wf_jinja__test(r, n->name, v, &args));
}

static struct wf_jv eval(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv v;

    switch (n->op) {
    case WF_JN_CONST:
        return n->value;
    case WF_JN_NAME:
        return name_value(r, n->name);
    case WF_JN_LIST:
        return eval_list(r, n, 0);
    case WF_JN_TUPLE:
        return eval_list(r, n, WF_J_TUPLE);
    case WF_JN_DICT:
        return eval_dict(r, n);
    case WF_JN_ATTR:
        return wf_jinja__attr(r, wf_jinja__eval(r, n->a), n->name);
    case WF_JN_ITEM:
        v = wf_jinja__eval(r, n->a);
        return wf_jinja__item(r, v, wf_jinja__eval(r, n->b));
    case WF_JN_SLICE:
        return eval_slice(r, n);
    case WF_JN_CALL:
    case WF_JN_FILTER:
    case WF_JN_TEST:
        return eval_applied(r, n);
    case WF_JN_CONDITION:
        return eval_condition(r, n);
    case WF_JN_AND:
    case WF_JN_OR:
        return eval_logic(r, n);
    case WF_JN_NOT:
        return wf_jv__bool(!wf_jv__is_true(r, wf_jinja__eval(r, n->a)));
    case WF_JN_NEGATIVE:
    case WF_JN_POSITIVE:
        return eval_sign(r, n);
    case WF_JN_BINARY:
        v = wf_jinja__eval(r, n->a);
        return wf_jinja__binary(r, (enum wf_jbinary)n->number, v, wf_jinja__eval(r, n->b));
    case WF_JN_COMPARE:
        return eval_compare(r, n);
    default:
        return wf_jv__none();
    }
}

struct wf_jv wf_jinja__eval(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jv v = wf_jv__none();

    if (n == NULL || !wf_jrun__step(r, 1))
        return v;
    r->line = n->line;
    if (++r->depth > WF_LIMIT_TEMPLATE_DEPTH)
        wf_jrun__fail(r, WF_E_LIMIT, "it goes too deep");
    else
        v = eval(r, n);
    r->depth--;
    return v;
}
