/* SPDX-License-Identifier: Apache-2.0 */
/* A chat template compiled and rendered: Jinja's statements, scopes and macros.
 *
 * A loop's body, a macro's and a `with` have scopes of their own; what is set there is gone after
 * them (namespaces are the way around). A macro sees the names of where it was made. */
#include "model/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/jinja.h"

struct wf_template {
    struct wf_arena arena;
    struct wf_jnode *tree;
};

void wf_jrun__fail(struct wf_jrun *r, int code, const char *fmt, ...)
{
    char what[300];
    va_list ap;

    if (r->rc != 0)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    r->rc = wf_err_set(r->err, code, "The chat template fails: line %u: %s.", r->line, what);
}

void wf_jrun__fail_undefined(struct wf_jrun *r, struct wf_jv v)
{
    wf_jrun__fail(r, WF_E_FORMAT, "%.*s", WF_STR_ARG(v.s));
}

bool wf_jrun__step(struct wf_jrun *r, size_t n)
{
    r->steps += n;
    if (r->steps > WF_LIMIT_TEMPLATE_STEPS)
        wf_jrun__fail(r, WF_E_LIMIT, "it takes too long");
    return r->rc == 0;
}

static void assign(struct wf_jrun *r, const struct wf_jnode *target, struct wf_jv v)
{
    struct wf_jlist items;
    struct wf_jv at;
    size_t i = 0;

    if (r->rc != 0)
        return;
    if (target->op == WF_JN_NAME) {
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(target->name), v);
    } else if (target->op == WF_JN_ATTR) {
        at = wf_jinja__eval(r, target->a);
        if (at.kind == WF_J_NAMESPACE)
            wf_jdict__set(r, at.dict, wf_jv__str(target->name), v);
        else
            wf_jrun__fail(r, WF_E_FORMAT, "only a namespace's attributes can be set");
    } else {
        items = wf_jv__items(r, v);
        for (const struct wf_jnode *t = target->list; t != NULL; t = t->next, i++) {
            if (i < items.n)
                assign(r, t, items.items[i]);
        }
        if (i != items.n)
            wf_jrun__fail(r, WF_E_FORMAT, "%zu values do not fit %zu names", items.n, i);
    }
}

static void push_scope(struct wf_jrun *r, struct wf_jscope *s, struct wf_jscope *parent)
{
    memset(s, 0, sizeof(*s));
    s->parent = parent;
    r->scope = s;
}

/* Scopes are kept: a macro made in one may outlive it. */
static struct wf_jscope *new_scope(struct wf_jrun *r, struct wf_jscope *parent)
{
    struct wf_jscope *s = wf_arena_alloc(&r->arena, sizeof(*s));

    if (s == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return parent;
    }
    push_scope(r, s, parent);
    return s;
}

/* The items of a loop that pass its condition. */
static struct wf_jlist passing(struct wf_jrun *r, const struct wf_jnode *n, struct wf_jlist items)
{
    struct wf_jscope *outer = r->scope;
    struct wf_jlist out = {0};

    if (n->c == NULL)
        return items;
    (void)new_scope(r, outer);
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        assign(r, n->a, items.items[i]);
        if (wf_jv__is_true(r, wf_jinja__eval(r, n->c)))
            wf_jlist__push(r, &out, items.items[i]);
    }
    r->scope = outer;
    return out;
}

static int64_t loop_depth(const struct wf_jrun *r)
{
    (void)r;
    return 0; /* only recursive loops have another */
}

static enum wf_jflow run_for(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jscope *outer = r->scope;
    struct wf_jlist *items = wf_arena_alloc(&r->arena, sizeof(*items));
    struct wf_jloop *loop = wf_arena_alloc(&r->arena, sizeof(*loop));
    enum wf_jflow flow = WF_J_GO;
    struct wf_jv v = wf_jinja__eval(r, n->b);

    if (items == NULL || loop == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return WF_J_GO;
    }
    if (r->rc != 0)
        return WF_J_GO;
    *items = passing(r, n, wf_jv__items(r, v));
    *loop = (struct wf_jloop){.items = items, .depth0 = loop_depth(r)};
    for (size_t i = 0; i < items->n && r->rc == 0 && flow != WF_J_BREAK; i++) {
        (void)new_scope(r, outer);
        loop->index = i;
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("loop")),
                      (struct wf_jv){.kind = WF_J_LOOP, .loop = loop});
        assign(r, n->a, items->items[i]);
        flow = wf_jinja__run(r, n->list);
        r->scope = outer;
    }
    if (items->n == 0 && n->other != NULL)
        return wf_jinja__run(r, n->other->list);
    return WF_J_GO;
}

/* What statements write, as a value. */
static struct wf_jv captured(struct wf_jrun *r, const struct wf_jnode *list)
{
    struct wf_buf *outer = r->out, b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    r->out = &b;
    (void)wf_jinja__run(r, list);
    r->out = outer;
    return wf_jv__of_buf(r, &b);
}

/* Filters over a text: the innermost has no value of its own. */
static struct wf_jv filtered(struct wf_jrun *r, const struct wf_jnode *f, struct wf_jv v)
{
    struct wf_jnode node = *f, inner = {.op = WF_JN_CONST};

    if (f->a != NULL)
        v = filtered(r, f->a, v);
    inner.value = v;
    inner.line = f->line;
    node.a = &inner;
    return wf_jinja__eval(r, &node);
}

static struct wf_jv macro_value(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jcallable *fn = wf_arena_alloc(&r->arena, sizeof(*fn));

    if (fn == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return wf_jv__none();
    }
    *fn = (struct wf_jcallable){.macro = n, .scope = r->scope, .name = n->name};
    return (struct wf_jv){.kind = WF_J_CALLABLE, .fn = fn};
}

static void bind(struct wf_jrun *r, const struct wf_jcallable *fn, const struct wf_jargs *args)
{
    struct wf_jv rest = wf_jv__list(r, WF_J_TUPLE), named = wf_jv__dict(r);
    const struct wf_jnode *p;
    size_t i = 0;

    for (p = fn->macro->params; p != NULL && r->rc == 0; p = p->next, i++) {
        const struct wf_jv *v = wf_jdict__get_name(&args->named, p->name);
        struct wf_jv value;
        if (i < args->pos.n)
            value = args->pos.items[i];
        else if (v != NULL)
            value = *v;
        else if (p->a != NULL)
            value = wf_jinja__eval(r, p->a);
        else
            value = wf_jv__undefined(wf_str_from("an argument of a macro is missing"));
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(p->name), value);
    }
    for (; i < args->pos.n; i++)
        wf_jlist__push(r, rest.list, args->pos.items[i]);
    for (size_t k = 0; k < args->named.n && r->rc == 0; k++) {
        bool is_known = wf_str_eq(args->named.entries[k].key.s, wf_str_from("caller"));
        if (is_known)
            wf_jdict__set(r, &r->scope->vars, args->named.entries[k].key,
                          args->named.entries[k].value);
        for (p = fn->macro->params; p != NULL; p = p->next)
            is_known = is_known || wf_str_eq(p->name, args->named.entries[k].key.s);
        if (!is_known)
            wf_jdict__set(r, named.dict, args->named.entries[k].key, args->named.entries[k].value);
    }
    wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("varargs")), rest);
    wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("kwargs")), named);
}

struct wf_jv wf_jinja__call_macro(struct wf_jrun *r, const struct wf_jcallable *fn,
                                  const struct wf_jargs *args)
{
    struct wf_jscope *outer = r->scope;
    struct wf_jv out;

    (void)new_scope(r, fn->scope);
    bind(r, fn, args);
    out = captured(r, fn->macro->list);
    r->scope = outer;
    return out;
}

/* {% call(x) f(...) %}: f gets the body as `caller`. */
static void run_call(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jscope *outer = r->scope;
    struct wf_jnode call = *n->a, *arg = wf_arena_alloc(&r->arena, 2 * sizeof(*arg));

    if (arg == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return;
    }
    memset(arg, 0, 2 * sizeof(*arg));
    arg[0] = (struct wf_jnode){.op = WF_JN_ARG, .line = n->line, .name = wf_str_from("caller")};
    arg[1] = (struct wf_jnode){.op = WF_JN_CONST, .line = n->line};
    arg[1].value = macro_value(r, n);
    arg[0].a = &arg[1];
    arg[0].next = call.list;
    call.list = arg;
    wf_jv__append_text(r, wf_jinja__eval(r, &call), r->out);
    r->scope = outer;
}

static enum wf_jflow run_if(struct wf_jrun *r, const struct wf_jnode *n)
{
    if (wf_jv__is_true(r, wf_jinja__eval(r, n->a)))
        return r->rc == 0 ? wf_jinja__run(r, n->list) : WF_J_GO;
    return n->b != NULL && r->rc == 0 ? wf_jinja__run(r, n->b->list) : WF_J_GO;
}

static enum wf_jflow run_with(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jscope *outer = r->scope, *inner;
    enum wf_jflow flow;

    inner = new_scope(r, outer);
    for (const struct wf_jnode *s = n->params; s != NULL && r->rc == 0; s = s->next) {
        struct wf_jv v;
        r->scope = outer;
        v = wf_jinja__eval(r, s->b);
        r->scope = inner;
        assign(r, s->a, v);
    }
    flow = wf_jinja__run(r, n->list);
    r->scope = outer;
    return flow;
}

static void run_setblock(struct wf_jrun *r, const struct wf_jnode *n)
{
    struct wf_jscope *outer = r->scope;
    struct wf_jv v;

    (void)new_scope(r, outer);
    v = captured(r, n->list);
    r->scope = outer;
    if (n->b != NULL)
        v = filtered(r, n->b, v);
    assign(r, n->a, v);
}

static enum wf_jflow run_one(struct wf_jrun *r, const struct wf_jnode *n)
{
    switch (n->op) {
    case WF_JN_TEXT:
        (void)wf_buf_append_str(r->out, n->name);
        break;
    case WF_JN_PRINT:
        wf_jv__append_text(r, wf_jinja__eval(r, n->a), r->out);
        break;
    case WF_JN_IF:
        return run_if(r, n);
    case WF_JN_FOR:
        return run_for(r, n);
    case WF_JN_SET:
        assign(r, n->a, wf_jinja__eval(r, n->b));
        break;
    case WF_JN_SETBLOCK:
        run_setblock(r, n);
        break;
    case WF_JN_MACRO:
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(n->name), macro_value(r, n));
        break;
    case WF_JN_CALLBLOCK:
        run_call(r, n);
        break;
    case WF_JN_FILTERBLOCK:
        wf_jv__append_text(r, filtered(r, n->a, captured(r, n->list)), r->out);
        break;
    case WF_JN_WITH:
        return run_with(r, n);
    case WF_JN_BREAK:
        return WF_J_BREAK;
    case WF_JN_CONTINUE:
        return WF_J_CONTINUE;
    default:
        return wf_jinja__run(r, n->list);
    }
    return WF_J_GO;
}

enum wf_jflow wf_jinja__run(struct wf_jrun *r, const struct wf_jnode *list)
{
    enum wf_jflow flow = WF_J_GO;

    if (++r->depth > WF_LIMIT_TEMPLATE_DEPTH)
        wf_jrun__fail(r, WF_E_LIMIT, "it goes too deep");
    for (const struct wf_jnode *n = list; n != NULL && flow == WF_J_GO && wf_jrun__step(r, 1);
         n = n->next) {
        r->line = n->line;
        flow = run_one(r, n);
        if (wf_buf_status(r->out) != 0)
            wf_jrun__fail(r, WF_E_LIMIT, "it writes more than it may");
    }
    r->depth--;
    return flow;
}

int wf_template_compile(struct wf_str source, struct wf_template **out, struct wf_err *err)
{
    struct wf_template *t = wf_alloc(sizeof(*t));
    struct wf_jtokens tokens = {0};
    int rc = 0;

    *out = NULL;
    if (t == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a template.");
    memset(t, 0, sizeof(*t));
    wf_arena_init(&t->arena, 64u << 10, WF_LIMIT_TEMPLATE_MEMORY);
    if (source.len > WF_LIMIT_TEMPLATE_BYTES)
        rc = wf_err_set(err, WF_E_LIMIT, "The chat template is larger than any.");
    if (rc == 0)
        rc = wf_jinja__lex(&t->arena, source, &tokens, err);
    if (rc == 0)
        rc = wf_jinja__parse(&t->arena, &tokens, &t->tree, err);
    wf_free(tokens.ptr);
    if (rc != 0) {
        wf_template_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void wf_template_free(struct wf_template *t)
{
    if (t == NULL)
        return;
    wf_arena_deinit(&t->arena);
    wf_free(t);
}

int wf_template_render(const struct wf_template *t, const json_t *variables, time_t now,
                       struct wf_buf *out, struct wf_err *err)
{
    struct wf_jrun r = {.out = out, .err = err, .now = now};
    struct wf_jscope scope;
    struct wf_jv v;

    wf_arena_init(&r.arena, 64u << 10, WF_LIMIT_TEMPLATE_MEMORY);
    push_scope(&r, &scope, NULL);
    v = wf_jv__of_json(&r, variables);
    if (v.kind == WF_J_DICT)
        scope.vars = *v.dict;
    if (r.rc == 0)
        (void)wf_jinja__run(&r, t->tree->list);
    wf_arena_deinit(&r.arena);
    return r.rc;
}
