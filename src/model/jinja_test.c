/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's tests: what stands behind `is`. */
#include <string.h>
#include <utf8proc.h>

#include "model/jinja.h"
#include "text/utf8.h"

typedef bool (*test_fn)(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args);

static bool t_defined(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind != WF_J_UNDEFINED;
}

static bool t_undefined(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return !t_defined(r, v, args);
}

static bool t_none(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_NONE;
}

static bool t_boolean(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_BOOL;
}

static bool t_true(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return t_boolean(r, v, args) && v.b;
}

static bool t_false(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return t_boolean(r, v, args) && !v.b;
}

static bool t_integer(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_INT;
}

static bool t_float(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_FLOAT;
}

static bool t_number(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return t_integer(r, v, args) || t_float(r, v, args) || t_boolean(r, v, args);
}

static bool t_string(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_STR;
}

static bool t_mapping(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_DICT;
}

static bool t_iterable(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_LIST || v.kind == WF_J_DICT || v.kind == WF_J_STR ||
           v.kind == WF_J_UNDEFINED;
}

static bool t_sequence(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return t_iterable(r, v, args) && (v.flags & WF_J_GENERATOR) == 0;
}

static bool t_callable(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_CALLABLE;
}

static struct wf_jv first_of(const struct wf_jargs *args)
{
    return wf_jargs__at(args, 0, NULL, wf_jv__none());
}

static bool compares(struct wf_jrun *r, enum wf_jbinary op, struct wf_jv v,
                     const struct wf_jargs *args)
{
    return wf_jv__is_true(r, wf_jinja__binary(r, op, v, first_of(args)));
}

static bool t_eq(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_EQ, v, args);
}

static bool t_ne(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_NE, v, args);
}

static bool t_lt(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_LT, v, args);
}

static bool t_le(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_LE, v, args);
}

static bool t_gt(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_GT, v, args);
}

static bool t_ge(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_GE, v, args);
}

static bool t_in(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return compares(r, WF_J_IN, v, args);
}

static bool t_sameas(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    struct wf_jv other = first_of(args);

    if (v.kind != other.kind)
        return false;
    if (v.kind == WF_J_LIST)
        return v.list == other.list;
    if (v.kind == WF_J_DICT)
        return v.dict == other.dict;
    return wf_jv__equal(r, v, other);
}

static bool leaves(struct wf_jrun *r, struct wf_jv v, struct wf_jv of, int64_t rest)
{
    v = wf_jinja__binary(r, WF_J_MOD, v, of);
    return wf_jv__equal(r, v, wf_jv__int(rest));
}

static bool t_divisibleby(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    return leaves(r, v, first_of(args), 0);
}

static bool t_even(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return leaves(r, v, wf_jv__int(2), 0);
}

static bool t_odd(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return leaves(r, v, wf_jv__int(2), 1);
}

/* Whether a text has letters with case and all are of the one case. */
static bool is_case(struct wf_jrun *r, struct wf_jv v, bool upper)
{
    struct wf_str s = wf_jv__text(r, v);
    bool has = false;
    size_t i = 0;

    while (i < s.len) {
        utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)wf_utf8_next(s, &i));
        bool is_upper = k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LT;
        if (!is_upper && k != UTF8PROC_CATEGORY_LL)
            continue;
        if (is_upper != upper)
            return false;
        has = true;
    }
    return has;
}

static bool t_lower(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return is_case(r, v, false);
}

static bool t_upper(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return is_case(r, v, true);
}

static bool t_escaped(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return v.kind == WF_J_STR && (v.flags & WF_J_MARKUP) != 0;
}

static bool t_filter(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jinja__has_filter(wf_jv__text(r, v));
}

static bool t_test(struct wf_jrun *r, struct wf_jv v, const struct wf_jargs *args)
{
    (void)args;
    return wf_jinja__has_test(wf_jv__text(r, v));
}

static const struct {
    const char *name;
    test_fn fn;
} table[] = {
    {"boolean", t_boolean},
    {"callable", t_callable},
    {"defined", t_defined},
    {"divisibleby", t_divisibleby},
    {"eq", t_eq},
    {"equalto", t_eq},
    {"==", t_eq},
    {"escaped", t_escaped},
    {"even", t_even},
    {"false", t_false},
    {"filter", t_filter},
    {"float", t_float},
    {"ge", t_ge},
    {">=", t_ge},
    {"greaterthan", t_gt},
    {"gt", t_gt},
    {">", t_gt},
    {"in", t_in},
    {"integer", t_integer},
    {"iterable", t_iterable},
    {"le", t_le},
    {"<=", t_le},
    {"lessthan", t_lt},
    {"lower", t_lower},
    {"lt", t_lt},
    {"<", t_lt},
    {"mapping", t_mapping},
    {"ne", t_ne},
    {"!=", t_ne},
    {"none", t_none},
    {"number", t_number},
    {"odd", t_odd},
    {"sameas", t_sameas},
    {"sequence", t_sequence},
    {"string", t_string},
    {"test", t_test},
    {"true", t_true},
    {"undefined", t_undefined},
    {"upper", t_upper},
};

static test_fn find(struct wf_str name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_str_eq(name, wf_str_from(table[i].name)))
            return table[i].fn;
    }
    return NULL;
}

bool wf_jinja__has_test(struct wf_str name)
{
    return find(name) != NULL;
}

bool wf_jinja__test(struct wf_jrun *r, struct wf_str name, struct wf_jv v,
                    const struct wf_jargs *args)
{
    test_fn fn = find(name);

    if (fn == NULL) {
        wf_jrun__fail(r, WF_E_FORMAT, "there is no test '%.*s'",
                      WF_STR_ARG(wf_str_sub(name, 0, 40)));
        return false;
    }
    return fn(r, v, args);
}
