/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's values: what Python's do, as far as templates use it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

struct wf_jv wf_jv__undefined(struct wf_str what)
{
    return (struct wf_jv){.kind = WF_J_UNDEFINED, .s = what};
}

struct wf_jv wf_jv__none(void)
{
    return (struct wf_jv){.kind = WF_J_NONE};
}

struct wf_jv wf_jv__bool(bool b)
{
    return (struct wf_jv){.kind = WF_J_BOOL, .b = b};
}

struct wf_jv wf_jv__int(int64_t i)
{
    return (struct wf_jv){.kind = WF_J_INT, .i = i};
}

struct wf_jv wf_jv__float(double f)
{
    return (struct wf_jv){.kind = WF_J_FLOAT, .f = f};
}

struct wf_jv wf_jv__str(struct wf_str s)
{
    return (struct wf_jv){.kind = WF_J_STR, .s = s};
}

static void *take(struct wf_jrun *r, size_t n)
{
    void *p = wf_arena_alloc(&r->arena, n);

    if (p == NULL)
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
    else
        memset(p, 0, n);
    return p;
}

struct wf_jv wf_jv__list(struct wf_jrun *r, unsigned flags)
{
    struct wf_jlist *list = take(r, sizeof(*list));

    if (list == NULL)
        return wf_jv__none();
    return (struct wf_jv){.kind = WF_J_LIST, .flags = flags, .list = list};
}

struct wf_jv wf_jv__dict(struct wf_jrun *r)
{
    struct wf_jdict *dict = take(r, sizeof(*dict));

    if (dict == NULL)
        return wf_jv__none();
    return (struct wf_jv){.kind = WF_J_DICT, .dict = dict};
}

struct wf_jv wf_jv__of_buf(struct wf_jrun *r, struct wf_buf *b)
{
    struct wf_str s = wf_arena_dup(&r->arena, wf_buf_str(b));

    if (wf_buf_status(b) != 0 || (s.ptr == NULL && b->len > 0))
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
    wf_buf_deinit(b);
    return wf_jv__str(s.ptr != NULL ? s : wf_str_from(""));
}

void wf_jlist__push(struct wf_jrun *r, struct wf_jlist *list, struct wf_jv v)
{
    if (r->rc != 0 || list == NULL)
        return;
    if (list->n == list->cap) {
        size_t cap = list->cap > 0 ? 2 * list->cap : 8;
        struct wf_jv *p = wf_arena_array(&r->arena, cap, sizeof(*p));

        if (p == NULL) {
            wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
            return;
        }
        if (list->n > 0)
            memcpy(p, list->items, list->n * sizeof(*p));
        list->items = p;
        list->cap = cap;
    }
    list->items[list->n++] = v;
}

/* Numbers that are equal have the same hash, of whatever kind. False: it cannot be a key. */
static bool hash_of(struct wf_jv v, uint64_t *out)
{
    double f;

    switch (v.kind) {
    case WF_J_STR:
        *out = wf_str_hash(v.s, 1);
        return true;
    case WF_J_NONE:
        *out = 7;
        return true;
    case WF_J_BOOL:
    case WF_J_INT:
    case WF_J_FLOAT:
        f = wf_jv__number(v);
        f = f == 0.0 ? 0.0 : f; /* not -0.0 */
        *out = wf_str_hash(wf_str_n((const char *)&f, sizeof(f)), 2);
        return true;
    case WF_J_LIST:
        *out = 11;
        return (v.flags & WF_J_TUPLE) != 0;
    case WF_J_UNDEFINED:
        *out = 13;
        return true;
    case WF_J_DICT:
    case WF_J_NAMESPACE:
    case WF_J_LOOP:
    case WF_J_CALLABLE:
        break;
    }
    return false;
}

struct wf_jv *wf_jdict__get(struct wf_jrun *r, const struct wf_jdict *d, struct wf_jv key)
{
    uint64_t hash;

    if (!hash_of(key, &hash)) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be a key", wf_jv__type(key));
        return NULL;
    }
    if (!wf_jrun__step(r, 1 + d->n / 16))
        return NULL;
    for (size_t i = 0; i < d->n; i++) {
        if (d->entries[i].hash == hash && wf_jv__equal(r, d->entries[i].key, key))
            return &d->entries[i].value;
    }
    return NULL;
}

struct wf_jv *wf_jdict__get_name(const struct wf_jdict *d, struct wf_str name)
{
    uint64_t hash = wf_str_hash(name, 1);

    for (size_t i = 0; i < d->n; i++) {
        if (d->entries[i].hash == hash && d->entries[i].key.kind == WF_J_STR &&
            wf_str_eq(d->entries[i].key.s, name))
            return &d->entries[i].value;
    }
    return NULL;
}

void wf_jdict__set(struct wf_jrun *r, struct wf_jdict *d, struct wf_jv key, struct wf_jv v)
{
    struct wf_jv *old = r->rc == 0 && d != NULL ? wf_jdict__get(r, d, key) : NULL;
    uint64_t hash = 0;

    if (old != NULL)
        *old = v;
    if (old != NULL || r->rc != 0 || d == NULL || !hash_of(key, &hash))
        return;
    if (d->n == d->cap) {
        size_t cap = d->cap > 0 ? 2 * d->cap : 8;
        struct wf_jentry *p = wf_arena_array(&r->arena, cap, sizeof(*p));

        if (p == NULL) {
            wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
            return;
        }
        if (d->n > 0)
            memcpy(p, d->entries, d->n * sizeof(*p));
        d->entries = p;
        d->cap = cap;
    }
    d->entries[d->n++] = (struct wf_jentry){hash, key, v};
}

static struct wf_jv of_json(struct wf_jrun *r, const json_t *json, unsigned depth)
{
    struct wf_jv v = wf_jv__none();
    const char *key;
    json_t *item;
    size_t i;

    if (depth > WF_LIMIT_NESTING)
        wf_jrun__fail(r, WF_E_LIMIT, "its variables are nested too deeply");
    if (r->rc != 0 || !wf_jrun__step(r, 1))
        return v;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        v = wf_jv__dict(r);
        json_object_foreach((json_t *)(uintptr_t)json, key, item)
            wf_jdict__set(r, v.dict, wf_jv__str(wf_str_from(key)), of_json(r, item, depth + 1));
        return v;
    case JSON_ARRAY:
        v = wf_jv__list(r, 0);
        json_array_foreach(json, i, item) wf_jlist__push(r, v.list, of_json(r, item, depth + 1));
        return v;
    case JSON_STRING:
        return wf_jv__str(wf_str_n(json_string_value(json), json_string_length(json)));
    case JSON_INTEGER:
        return wf_jv__int(json_integer_value(json));
    case JSON_REAL:
        return wf_jv__float(json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return wf_jv__bool(json_is_true(json));
    case JSON_NULL:
        break;
    }
    return v;
}

struct wf_jv wf_jv__of_json(struct wf_jrun *r, const json_t *json)
{
    return of_json(r, json, 0);
}

bool wf_jv__is_true(struct wf_jrun *r, struct wf_jv v)
{
    (void)r;
    switch (v.kind) {
    case WF_J_UNDEFINED:
    case WF_J_NONE:
        return false;
    case WF_J_BOOL:
        return v.b;
    case WF_J_INT:
        return v.i != 0;
    case WF_J_FLOAT:
        return v.f != 0.0;
    case WF_J_STR:
        return v.s.len > 0;
    case WF_J_LIST:
        return v.list->n > 0 || (v.flags & WF_J_GENERATOR) != 0;
    case WF_J_DICT:
        return v.dict->n > 0;
    case WF_J_NAMESPACE:
    case WF_J_LOOP:
    case WF_J_CALLABLE:
        break;
    }
    return true;
}

bool wf_jv__is_number(struct wf_jv v)
{
    return v.kind == WF_J_BOOL || v.kind == WF_J_INT || v.kind == WF_J_FLOAT;
}

double wf_jv__number(struct wf_jv v)
{
    return v.kind == WF_J_FLOAT ? v.f : (double)wf_jv__integer(v);
}

int64_t wf_jv__integer(struct wf_jv v)
{
    return v.kind == WF_J_BOOL ? v.b : v.kind == WF_J_INT ? v.i : 0;
}

static bool lists_equal(struct wf_jrun *r, struct wf_jv a, struct wf_jv b)
{
    if (a.list->n != b.list->n || ((a.flags ^ b.flags) & (WF_J_TUPLE | WF_J_GENERATOR)) != 0)
        return false;
    for (size_t i = 0; i < a.list->n; i++) {
        if (!wf_jv__equal(r, a.list->items[i], b.list->items[i]))
            return false;
    }
    return true;
}

static bool dicts_equal(struct wf_jrun *r, const struct wf_jdict *a, const struct wf_jdict *b)
{
    const struct wf_jv *v;

    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        v = wf_jdict__get(r, b, a->entries[i].key);
        if (v == NULL || !wf_jv__equal(r, a->entries[i].value, *v))
            return false;
    }
    return true;
}

bool wf_jv__equal(struct wf_jrun *r, struct wf_jv a, struct wf_jv b)
{
    bool is_equal = false;

    if (!wf_jrun__step(r, 1) || ++r->depth > WF_LIMIT_NESTING) {
        wf_jrun__fail(r, WF_E_LIMIT, "its values are nested too deeply");
        return false;
    }
    if (wf_jv__is_number(a) && wf_jv__is_number(b))
        is_equal = a.kind == WF_J_FLOAT || b.kind == WF_J_FLOAT
                       ? wf_jv__number(a) == wf_jv__number(b)
                       : wf_jv__integer(a) == wf_jv__integer(b);
    else if (a.kind != b.kind)
        is_equal = false;
    else if (a.kind == WF_J_STR)
        is_equal = wf_str_eq(a.s, b.s);
    else if (a.kind == WF_J_LIST)
        is_equal = lists_equal(r, a, b);
    else if (a.kind == WF_J_DICT)
        is_equal = dicts_equal(r, a.dict, b.dict);
    else if (a.kind == WF_J_NAMESPACE)
        is_equal = a.dict == b.dict;
    else
        is_equal = a.kind == WF_J_NONE || a.kind == WF_J_UNDEFINED ||
                   (a.kind == WF_J_CALLABLE && a.fn == b.fn);
    r->depth--;
    return is_equal;
}

/* By code points, which is also the order of UTF-8's bytes. */
static int compare_lists(struct wf_jrun *r, const struct wf_jlist *a, const struct wf_jlist *b)
{
    for (size_t i = 0; i < a->n && i < b->n && r->rc == 0; i++) {
        if (!wf_jv__equal(r, a->items[i], b->items[i]))
            return wf_jv__compare(r, a->items[i], b->items[i]);
    }
    return (a->n > b->n) - (a->n < b->n);
}

int wf_jv__compare(struct wf_jrun *r, struct wf_jv a, struct wf_jv b)
{
    double x, y;

    if (a.kind == WF_J_UNDEFINED || b.kind == WF_J_UNDEFINED) {
        wf_jrun__fail_undefined(r, a.kind == WF_J_UNDEFINED ? a : b);
        return 0;
    }
    if (wf_jv__is_number(a) && wf_jv__is_number(b)) {
        if (a.kind != WF_J_FLOAT && b.kind != WF_J_FLOAT)
            return (wf_jv__integer(a) > wf_jv__integer(b)) -
                   (wf_jv__integer(a) < wf_jv__integer(b));
        x = wf_jv__number(a);
        y = wf_jv__number(b);
        return (x > y) - (x < y);
    }
    if (a.kind == WF_J_STR && b.kind == WF_J_STR)
        return wf_str_cmp(a.s, b.s);
    if (a.kind == WF_J_LIST && b.kind == WF_J_LIST)
        return compare_lists(r, a.list, b.list);
    wf_jrun__fail(r, WF_E_FORMAT, "a %s and a %s have no order", wf_jv__type(a), wf_jv__type(b));
    return 0;
}

bool wf_jv__contains(struct wf_jrun *r, struct wf_jv in, struct wf_jv what)
{
    struct wf_jlist items;

    if (in.kind == WF_J_STR) {
        if (what.kind != WF_J_STR) {
            wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be in a text", wf_jv__type(what));
            return false;
        }
        return wf_str_find(in.s, what.s, 0) != SIZE_MAX;
    }
    if (in.kind == WF_J_DICT)
        return wf_jdict__get(r, in.dict, what) != NULL;
    items = wf_jv__items(r, in);
    for (size_t i = 0; i < items.n; i++) {
        if (wf_jv__equal(r, items.items[i], what))
            return true;
    }
    return false;
}

const char *wf_jv__type(struct wf_jv v)
{
    static const char *const names[] = {"undefined value", "None", "bool",    "int",
                                        "float",           "str",  "list",    "dict",
                                        "namespace",       "loop", "callable"};

    if (v.kind == WF_J_LIST && (v.flags & WF_J_TUPLE) != 0)
        return "tuple";
    return names[v.kind];
}

static void push_points(struct wf_jrun *r, struct wf_str s, struct wf_jlist *out)
{
    size_t i = 0;

    while (i < s.len && r->rc == 0) {
        size_t from = i;
        (void)wf_utf8_next(s, &i);
        wf_jlist__push(r, out, wf_jv__str(wf_str_sub(s, from, i)));
    }
}

struct wf_jlist wf_jv__items(struct wf_jrun *r, struct wf_jv v)
{
    struct wf_jlist out = {0};

    switch (v.kind) {
    case WF_J_UNDEFINED:
        return out;
    case WF_J_LIST:
        out = *v.list;
        if ((v.flags & WF_J_GENERATOR) != 0)
            v.list->n = 0;
        (void)wf_jrun__step(r, out.n);
        return out;
    case WF_J_STR:
        push_points(r, v.s, &out);
        return out;
    case WF_J_DICT:
        for (size_t i = 0; i < v.dict->n; i++)
            wf_jlist__push(r, &out, v.dict->entries[i].key);
        return out;
    case WF_J_NONE:
    case WF_J_BOOL:
    case WF_J_INT:
    case WF_J_FLOAT:
    case WF_J_NAMESPACE:
    case WF_J_LOOP:
    case WF_J_CALLABLE:
        break;
    }
    wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be walked through", wf_jv__type(v));
    return out;
}

int64_t wf_jv__length(struct wf_jrun *r, struct wf_jv v)
{
    if (v.kind == WF_J_UNDEFINED)
        return 0;
    if (v.kind == WF_J_STR)
        return (int64_t)wf_utf8_count(v.s);
    if (v.kind == WF_J_LIST && (v.flags & WF_J_GENERATOR) == 0)
        return (int64_t)v.list->n;
    if (v.kind == WF_J_DICT)
        return (int64_t)v.dict->n;
    wf_jrun__fail(r, WF_E_FORMAT, "a %s has no length",
                  v.kind == WF_J_LIST ? "generator" : wf_jv__type(v));
    return -1;
}

/* A slice's bound, as Python clamps it. */
static int64_t bound(struct wf_jrun *r, struct wf_jv v, int64_t n, int64_t low, int64_t high,
                     int64_t otherwise)
{
    int64_t i;

    if (v.kind == WF_J_NONE)
        return otherwise;
    if (v.kind != WF_J_INT && v.kind != WF_J_BOOL) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be the bound of a slice", wf_jv__type(v));
        return otherwise;
    }
    i = wf_jv__integer(v);
    if (i < 0)
        i = i < -n ? low : i + n;
    return i < low ? low : i > high ? high : i;
}

struct wf_jv wf_jv__slice(struct wf_jrun *r, struct wf_jv v, struct wf_jv from, struct wf_jv to,
                          struct wf_jv step)
{
    int64_t by = step.kind == WF_J_NONE ? 1 : step.kind == WF_J_INT ? step.i : 0, n, a, b;
    struct wf_jv out = wf_jv__list(r, v.flags & WF_J_TUPLE);
    struct wf_jlist items;
    struct wf_buf text;

    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    if (by == 0 || (v.kind != WF_J_STR && v.kind != WF_J_LIST) || (v.flags & WF_J_GENERATOR) != 0)
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be cut so", wf_jv__type(v));
    if (r->rc != 0)
        return out;
    items = wf_jv__items(r, v);
    n = (int64_t)items.n;
    by = by > n ? n + 1 : by < -n ? -n - 1 : by; /* so that no step overflows */
    a = by > 0 ? bound(r, from, n, 0, n, 0) : bound(r, from, n, -1, n - 1, n - 1);
    b = by > 0 ? bound(r, to, n, 0, n, n) : bound(r, to, n, -1, n - 1, -1);
    for (int64_t i = a; items.items != NULL && (by > 0 ? i < b : i > b) && r->rc == 0; i += by)
        wf_jlist__push(r, out.list, items.items[i]);
    if (v.kind != WF_J_STR || r->rc != 0)
        return out;
    wf_buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < out.list->n; i++)
        (void)wf_buf_append_str(&text, out.list->items[i].s);
    return wf_jv__of_buf(r, &text);
}

struct wf_jv wf_jargs__at(const struct wf_jargs *args, size_t i, const char *name,
                          struct wf_jv otherwise)
{
    const struct wf_jv *v = name != NULL && args->named.n > 0
                                ? wf_jdict__get_name(&args->named, wf_str_from(name))
                                : NULL;

    if (i < args->pos.n)
        return args->pos.items[i];
    return v != NULL ? *v : otherwise;
}

bool wf_jargs__has(const struct wf_jargs *args, size_t i, const char *name)
{
    return i < args->pos.n ||
           (args->named.n > 0 && wf_jdict__get_name(&args->named, wf_str_from(name)) != NULL);
}
