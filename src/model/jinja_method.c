/* SPDX-License-Identifier: Apache-2.0 */
/* What can be called in a template: methods of lists, dicts and loops as Python has them, and the
 * functions of all templates. Methods that would change a value exist, but refuse. */
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"

/* As range() in the sandbox. */
#define RANGE_MAX 100000

static struct wf_jv arg(const struct wf_jargs *args, size_t i)
{
    return wf_jargs__at(args, i, NULL, wf_jv__none());
}

static struct wf_jv refuse(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    wf_jrun__fail(r, WF_E_FORMAT, "a template may not change a %s", wf_jv__type(self));
    return wf_jv__none();
}

static struct wf_jv l_index(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    for (size_t i = 0; i < self.list->n; i++) {
        if (wf_jv__equal(r, self.list->items[i], arg(args, 0)))
            return wf_jv__int((int64_t)i);
    }
    wf_jrun__fail(r, WF_E_FORMAT, "a list does not hold a value");
    return wf_jv__none();
}

static struct wf_jv l_count(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t n = 0;

    for (size_t i = 0; i < self.list->n; i++)
        n += wf_jv__equal(r, self.list->items[i], arg(args, 0));
    return wf_jv__int(n);
}

static struct wf_jv l_copy(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jinja__filter(r, wf_str_from("list"), self, &(struct wf_jargs){0});
}

/* Keys, values or pairs. */
static struct wf_jv d_items(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jinja__filter(r, wf_str_from("items"), self, &(struct wf_jargs){0});

    (void)args;
    out.flags = 0;
    return out;
}

static struct wf_jv d_keys(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return l_copy(r, self, args);
}

static struct wf_jv d_values(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__list(r, 0);

    (void)args;
    for (size_t i = 0; i < self.dict->n && r->rc == 0; i++)
        wf_jlist__push(r, out.list, self.dict->entries[i].value);
    return out;
}

static struct wf_jv d_get(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    const struct wf_jv *v = wf_jdict__get(r, self.dict, arg(args, 0));

    return v != NULL ? *v : arg(args, 1);
}

static struct wf_jv d_copy(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__dict(r);

    (void)args;
    for (size_t i = 0; i < self.dict->n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, self.dict->entries[i].key, self.dict->entries[i].value);
    return out;
}

static struct wf_jv o_cycle(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    if (args->pos.n == 0) {
        wf_jrun__fail(r, WF_E_FORMAT, "cycle needs values");
        return wf_jv__none();
    }
    return args->pos.items[self.loop->index % args->pos.n];
}

static struct wf_jv o_changed(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv now = wf_jv__list(r, WF_J_TUPLE);
    bool is_same;

    for (size_t i = 0; i < args->pos.n && r->rc == 0; i++)
        wf_jlist__push(r, now.list, args->pos.items[i]);
    is_same = self.loop->last.kind == WF_J_LIST && wf_jv__equal(r, self.loop->last, now);
    self.loop->last = now;
    return wf_jv__bool(!is_same);
}

static struct wf_jv g_range(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t from = 0, to = 0, step = 1, *const at[] = {&from, &to, &step};
    struct wf_jv out = wf_jv__list(r, 0);
    size_t n = args->pos.n;

    (void)self;
    for (size_t i = 0; i < n && i < 3; i++) {
        struct wf_jv v = args->pos.items[i];
        if (v.kind != WF_J_INT && v.kind != WF_J_BOOL)
            wf_jrun__fail(r, WF_E_FORMAT, "range needs whole numbers, not a %s", wf_jv__type(v));
        *at[n == 1 ? 1 : i] = wf_jv__integer(v);
    }
    if (n == 0 || n > 3 || step == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "range has wrong arguments");
    for (int64_t i = from; r->rc == 0 && (step > 0 ? i < to : i > to);) {
        if (out.list->n >= RANGE_MAX)
            wf_jrun__fail(r, WF_E_LIMIT, "a range has more than %d numbers", RANGE_MAX);
        wf_jlist__push(r, out.list, wf_jv__int(i));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return out;
}

static struct wf_jv g_dict(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__dict(r), from = arg(args, 0);

    (void)self;
    for (size_t i = 0; from.kind == WF_J_DICT && i < from.dict->n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, from.dict->entries[i].key, from.dict->entries[i].value);
    for (size_t i = 0; i < args->named.n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, args->named.entries[i].key, args->named.entries[i].value);
    return out;
}

static struct wf_jv g_namespace(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = g_dict(r, self, args);

    out.kind = WF_J_NAMESPACE;
    return out;
}

static struct wf_jv g_raise_exception(struct wf_jrun *r, struct wf_jv self,
                                      const struct wf_jargs *args)
{
    (void)self;
    wf_jrun__fail(r, WF_E_FORMAT, "it says: %.*s",
                  WF_STR_ARG(wf_str_sub(wf_jv__text(r, arg(args, 0)), 0, 250)));
    return wf_jv__none();
}

/* Local time. Python's datetime.now() knows no zone; microseconds are not told here. */
static struct wf_jv g_strftime_now(struct wf_jrun *r, struct wf_jv self,
                                   const struct wf_jargs *args)
{
    struct wf_str s = wf_jargs__str(r, args, 0);
    struct wf_buf format;
    char text[1000] = "";
    struct tm tm;

    (void)self;
    if (localtime_r(&r->now, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    wf_buf_init(&format, 400);
    for (size_t i = 0; i < s.len; i++) {
        char next = i + 1 < s.len && s.ptr[i] == '%' ? s.ptr[++i] : 0;
        if (next == 'f')
            (void)wf_buf_append_cstr(&format, "000000");
        else if (next == 0 || (next != 'z' && next != 'Z'))
            (void)wf_buf_append_str(&format, wf_str_sub(s, i - (next != 0), i + 1));
    }
    (void)wf_buf_append_byte(&format, 0);
    if (wf_buf_status(&format) != 0)
        wf_jrun__fail(r, WF_E_FORMAT, "the format of a time is too long");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* it is the template's to choose */
    if (r->rc == 0 && strftime(text, sizeof(text), format.ptr, &tm) == 0)
        text[0] = 0;
#pragma GCC diagnostic pop
    wf_buf_deinit(&format);
    return wf_jv__str(wf_arena_dup(&r->arena, wf_str_from(text)));
}

static const struct {
    enum wf_jkind kind; /* UNDEFINED: a function of all templates */
    const char *name;
    wf_jcall_fn fn;
} table[] = {
    {WF_J_UNDEFINED, "range", g_range},
    {WF_J_UNDEFINED, "dict", g_dict},
    {WF_J_UNDEFINED, "namespace", g_namespace},
    {WF_J_UNDEFINED, "raise_exception", g_raise_exception},
    {WF_J_UNDEFINED, "strftime_now", g_strftime_now},
    {WF_J_LIST, "index", l_index},
    {WF_J_LIST, "count", l_count},
    {WF_J_LIST, "copy", l_copy},
    {WF_J_LIST, "append", refuse},
    {WF_J_LIST, "extend", refuse},
    {WF_J_LIST, "insert", refuse},
    {WF_J_LIST, "pop", refuse},
    {WF_J_LIST, "remove", refuse},
    {WF_J_LIST, "clear", refuse},
    {WF_J_LIST, "sort", refuse},
    {WF_J_LIST, "reverse", refuse},
    {WF_J_DICT, "items", d_items},
    {WF_J_DICT, "keys", d_keys},
    {WF_J_DICT, "values", d_values},
    {WF_J_DICT, "get", d_get},
    {WF_J_DICT, "copy", d_copy},
    {WF_J_DICT, "pop", refuse},
    {WF_J_DICT, "popitem", refuse},
    {WF_J_DICT, "update", refuse},
    {WF_J_DICT, "setdefault", refuse},
    {WF_J_DICT, "clear", refuse},
    {WF_J_LOOP, "cycle", o_cycle},
    {WF_J_LOOP, "changed", o_changed},
};

static wf_jcall_fn find(enum wf_jkind kind, struct wf_str name)
{
    if (kind == WF_J_STR)
        return wf_jinja__str_method(name);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].kind == kind && wf_str_eq(name, wf_str_from(table[i].name)))
            return table[i].fn;
    }
    return NULL;
}

static struct wf_jv find_callable(struct wf_jrun *r, enum wf_jkind kind, struct wf_jv self,
                                  struct wf_str name)
{
    wf_jcall_fn found = find(kind, name);
    struct wf_jcallable *fn;

    if (found == NULL)
        return wf_jv__undefined(name);
    fn = wf_arena_alloc(&r->arena, sizeof(*fn));
    if (fn == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return wf_jv__undefined(name);
    }
    *fn = (struct wf_jcallable){.fn = found, .self = self, .name = name};
    return (struct wf_jv){.kind = WF_J_CALLABLE, .fn = fn};
}

struct wf_jv wf_jinja__method(struct wf_jrun *r, struct wf_jv self, struct wf_str name)
{
    if (self.kind == WF_J_UNDEFINED)
        return self;
    return find_callable(r, self.kind, self, name);
}

struct wf_jv wf_jinja__global(struct wf_jrun *r, struct wf_str name)
{
    return find_callable(r, WF_J_UNDEFINED, wf_jv__none(), name);
}

struct wf_jv wf_jinja__call(struct wf_jrun *r, struct wf_jv fn, const struct wf_jargs *args)
{
    if (r->rc != 0)
        return wf_jv__none();
    if (fn.kind == WF_J_UNDEFINED) {
        wf_jrun__fail_undefined(r, fn);
        return wf_jv__none();
    }
    if (fn.kind == WF_J_LOOP)
        return wf_jinja__call_loop(r, fn.loop, args);
    if (fn.kind != WF_J_CALLABLE) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be called", wf_jv__type(fn));
        return wf_jv__none();
    }
    return fn.fn->fn != NULL ? fn.fn->fn(r, fn.fn->self, args)
                             : wf_jinja__call_macro(r, fn.fn, args);
}
