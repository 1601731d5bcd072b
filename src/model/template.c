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

static enum wf_jflow loop_over(struct wf_jrun *r, const struct wf_jnode *n, struct wf_jscope *outer,
                               struct wf_jv v, int64_t depth0)
{
    struct wf_jlist *items = wf_arena_alloc(&r->arena, sizeof(*items));
    struct wf_jloop *loop = wf_arena_alloc(&r->arena, sizeof(*loop));
    enum wf_jflow flow = WF_J_GO;
    bool is_done = false; /* one body came to its end: that is what Jinja's else asks */

    if (items == NULL || loop == NULL) {
        wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
        return WF_J_GO;
    }
    if (r->rc != 0)
        return WF_J_GO;
    *items = passing(r, n, wf_jv__items(r, v));
    *loop = (struct wf_jloop){.node = n, .outer = outer, .items = items, .depth0 = depth0};
    for (size_t i = 0; i < items->n && r->rc == 0 && flow != WF_J_BREAK; i++) {
        (void)new_scope(r, outer);
        loop->index = i;
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("loop")),
                      (struct wf_jv){.kind = WF_J_LOOP, .loop = loop});
        assign(r, n->a, items->items[i]);
        flow = wf_jinja__run(r, n->list);
        is_done = is_done || flow == WF_J_GO;
        r->scope = outer;
    }
    if (!is_done && n->other != NULL)
        (void)wf_jinja__run(r, n->other->list);
    return WF_J_GO;
}

static enum wf_jflow run_for(struct wf_jrun *r, const struct wf_jnode *n)
{
    return loop_over(r, n, r->scope, wf_jinja__eval(r, n->b), 0);
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

struct wf_jv wf_jinja__call_loop(struct wf_jrun *r, const struct wf_jloop *loop,
                                 const struct wf_jargs *args)
{
    struct wf_jscope *scope = r->scope;
    struct wf_buf *out = r->out, b;

    if (loop->node->number == 0 || args->pos.n != 1) {
        wf_jrun__fail(r, WF_E_FORMAT,
                      "only a recursive loop can be called, with what it goes over");
        return wf_jv__none();
    }
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    r->out = &b;
    r->scope = loop->outer;
    (void)loop_over(r, loop->node, loop->outer, args->pos.items[0], loop->depth0 + 1);
    r->scope = scope;
    r->out = out;
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

static bool is_name(struct wf_jv v, const char *name)
{
    return wf_str_eq(v.s, wf_str_from(name));
}

/* What is named but no parameter that lacks a value: kwargs, where the body asks for them. */
static void bind_named(struct wf_jrun *r, const struct wf_jcallable *fn,
                       const struct wf_jargs *args)
{
    unsigned uses = (unsigned)fn->macro->number;
    struct wf_jv rest = wf_jv__dict(r);

    for (size_t k = 0; k < args->named.n && r->rc == 0; k++) {
        const struct wf_jentry *e = &args->named.entries[k];
        bool is_known = (uses & WF_J_USES_CALLER) != 0 && is_name(e->key, "caller");
        size_t i = 0;
        for (const struct wf_jnode *p = fn->macro->params; p != NULL; p = p->next, i++)
            is_known = is_known || (i >= args->pos.n && wf_str_eq(p->name, e->key.s));
        if (!is_known && (uses & WF_J_USES_KWARGS) == 0)
            wf_jrun__fail(r, WF_E_FORMAT, "'%.*s' takes no '%.*s'",
                          WF_STR_ARG(wf_str_sub(fn->name, 0, 60)),
                          WF_STR_ARG(wf_str_sub(e->key.s, 0, 60)));
        if (!is_known)
            wf_jdict__set(r, rest.dict, e->key, e->value);
    }
    if ((uses & WF_J_USES_KWARGS) != 0)
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("kwargs")), rest);
}

static void bind(struct wf_jrun *r, const struct wf_jcallable *fn, const struct wf_jargs *args)
{
    unsigned uses = (unsigned)fn->macro->number;
    struct wf_jv rest = wf_jv__list(r, WF_J_TUPLE), value;
    const struct wf_jv *v = wf_jdict__get_name(&args->named, wf_str_from("caller"));
    size_t i = 0;

    if ((uses & WF_J_USES_CALLER) != 0)
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("caller")),
                      v != NULL ? *v : wf_jv__undefined(wf_str_from("there is no caller")));
    for (const struct wf_jnode *p = fn->macro->params; p != NULL && r->rc == 0; p = p->next, i++) {
        v = wf_jdict__get_name(&args->named, p->name);
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
    bind_named(r, fn, args);
    if (i < args->pos.n && (uses & WF_J_USES_VARARGS) == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "'%.*s' takes no more than %zu arguments",
                      WF_STR_ARG(wf_str_sub(fn->name, 0, 60)), i);
    for (; i < args->pos.n; i++)
        wf_jlist__push(r, rest.list, args->pos.items[i]);
    if ((uses & WF_J_USES_VARARGS) != 0)
        wf_jdict__set(r, &r->scope->vars, wf_jv__str(wf_str_from("varargs")), rest);
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
    struct wf_jv v;

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
        v = filtered(r, n->a, captured(r, n->list));
        if (v.kind != WF_J_STR)
            wf_jrun__fail(r, WF_E_FORMAT, "a block's filter makes a %s", wf_jv__type(v));
        wf_jv__append_text(r, v, r->out);
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

static int compile(struct wf_str source, bool with_generation, struct wf_template **out,
                   struct wf_err *err)
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
        rc = wf_jinja__parse(&t->arena, &tokens, with_generation, &t->tree, err);
    wf_free(tokens.ptr);
    if (rc != 0) {
        wf_template_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

int wf_template_compile(struct wf_str source, struct wf_template **out, struct wf_err *err)
{
    return compile(source, true, out, err);
}

int wf_template_compile_plain(struct wf_str source, struct wf_template **out, struct wf_err *err)
{
    return compile(source, false, out, err);
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
