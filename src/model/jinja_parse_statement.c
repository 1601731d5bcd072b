/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's statements. */
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"

static struct wf_jnode *statements(struct wf_jparser *p, const char *const *ends);

static void end_block(struct wf_jparser *p)
{
    if (p->rc == 0 && p->tokens[p->at].kind == WF_JT_BLOCK_END)
        p->at++;
    else
        wf_jparse__fail(p, "a block goes on where it should end");
}

/* A body up to one of the named tags, which is left. */
static struct wf_jnode *body(struct wf_jparser *p, const char *const *ends)
{
    end_block(p);
    return p->rc == 0 ? statements(p, ends) : NULL;
}

/* A body up to one tag, which is passed. */
static struct wf_jnode *whole_body(struct wf_jparser *p, const char *end)
{
    const char *const ends[] = {end, NULL};
    struct wf_jnode *list = body(p, ends);

    if (p->rc == 0) {
        p->at++;
        end_block(p);
    }
    return list;
}

static struct wf_jnode *target_name(struct wf_jparser *p, bool with_namespace)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_NAME), *attr;

    if (n == NULL)
        return NULL;
    n->name = wf_jparse__expect_name(p);
    if (!with_namespace || !wf_jparse__accept_sign(p, "."))
        return n;
    attr = wf_jparse__node(p, WF_JN_ATTR);
    if (attr == NULL)
        return NULL;
    attr->a = n;
    attr->name = wf_jparse__expect_name(p);
    return attr;
}

struct wf_jnode *wf_jparse__target(struct wf_jparser *p, bool with_namespace)
{
    bool in_parentheses = wf_jparse__accept_sign(p, "(");
    struct wf_jnode *n = target_name(p, with_namespace), *tuple, **tail;

    if (p->rc != 0 || !wf_jparse__is_sign(p, ",")) {
        if (in_parentheses)
            wf_jparse__expect_sign(p, ")");
        return n;
    }
    tuple = wf_jparse__node(p, WF_JN_TUPLE);
    if (tuple == NULL)
        return NULL;
    tuple->list = n;
    tail = &n->next;
    while (wf_jparse__accept_sign(p, ",") && wf_jparse__peek(p)->kind == WF_JT_NAME &&
           !wf_jparse__is_name(p, "in")) {
        n = target_name(p, with_namespace);
        if (n == NULL)
            return NULL;
        *tail = n;
        tail = &n->next;
    }
    if (in_parentheses)
        wf_jparse__expect_sign(p, ")");
    return tuple;
}

static struct wf_jnode *block_of(struct wf_jparser *p, struct wf_jnode *list)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_BLOCK);

    if (n != NULL)
        n->list = list;
    return n;
}

static struct wf_jnode *parse_if(struct wf_jparser *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct wf_jnode *first = wf_jparse__node(p, WF_JN_IF), *n = first, *next;

    while (p->rc == 0) {
        n->a = wf_jparse__tuple(p, true);
        n->list = body(p, ends);
        if (wf_jparse__accept_name(p, "elif")) {
            next = wf_jparse__node(p, WF_JN_IF);
            n->b = block_of(p, next);
            n = next;
            continue;
        }
        if (wf_jparse__accept_name(p, "else"))
            n->b = block_of(p, whole_body(p, "endif"));
        else if (wf_jparse__accept_name(p, "endif"))
            end_block(p);
        break;
    }
    return first;
}

static struct wf_jnode *parse_for(struct wf_jparser *p)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_FOR);

    if (n == NULL)
        return NULL;
    n->a = wf_jparse__target(p, false);
    if (!wf_jparse__accept_name(p, "in"))
        wf_jparse__fail(p, "'in' is missing");
    n->b = p->rc == 0 ? wf_jparse__tuple(p, false) : NULL;
    if (wf_jparse__accept_name(p, "if"))
        n->c = wf_jparse__expression(p);
    n->number = wf_jparse__accept_name(p, "recursive");
    n->list = body(p, ends);
    if (wf_jparse__accept_name(p, "else"))
        n->other = block_of(p, whole_body(p, "endfor"));
    else if (wf_jparse__accept_name(p, "endfor"))
        end_block(p);
    return n;
}

static struct wf_jnode *parse_set(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_SET);

    if (n == NULL)
        return NULL;
    n->a = wf_jparse__target(p, true);
    if (wf_jparse__accept_sign(p, "=")) {
        n->b = wf_jparse__tuple(p, true);
        end_block(p);
        return n;
    }
    n->op = WF_JN_SETBLOCK;
    n->b = wf_jparse__filters(p, NULL);
    n->list = whole_body(p, "endset");
    return n;
}

/* Parameters in parentheses, with defaults. */
static struct wf_jnode *parameters(struct wf_jparser *p)
{
    struct wf_jnode *first = NULL, **tail = &first, *n;

    wf_jparse__expect_sign(p, "(");
    while (p->rc == 0 && !wf_jparse__is_sign(p, ")")) {
        if (first != NULL)
            wf_jparse__expect_sign(p, ",");
        n = wf_jparse__node(p, WF_JN_ARG);
        if (n == NULL)
            return NULL;
        n->name = wf_jparse__expect_name(p);
        if (wf_jparse__accept_sign(p, "="))
            n->a = wf_jparse__expression(p);
        *tail = n;
        tail = &n->next;
    }
    wf_jparse__expect_sign(p, ")");
    return first;
}

/* A macro's body, and what it uses; so does the macro around it then. */
static void macro_body(struct wf_jparser *p, struct wf_jnode *n, const char *end)
{
    unsigned outer = p->uses;

    p->uses = 0;
    n->list = whole_body(p, end);
    n->number = (int)p->uses;
    p->uses |= outer;
}

static struct wf_jnode *parse_macro(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_MACRO);

    if (n == NULL)
        return NULL;
    n->name = wf_jparse__expect_name(p);
    n->params = parameters(p);
    macro_body(p, n, "endmacro");
    return n;
}

static struct wf_jnode *parse_call(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_CALLBLOCK);

    if (n == NULL)
        return NULL;
    if (wf_jparse__is_sign(p, "("))
        n->params = parameters(p);
    n->a = wf_jparse__expression(p);
    if (p->rc == 0 && n->a->op != WF_JN_CALL)
        wf_jparse__fail(p, "a call is missing");
    macro_body(p, n, "endcall");
    return n;
}

static struct wf_jnode *parse_filter(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_FILTERBLOCK), *f;

    f = wf_jparse__node(p, WF_JN_FILTER);
    if (n == NULL || f == NULL)
        return NULL;
    f->name = wf_jparse__expect_name(p);
    if (p->rc == 0 && wf_jparse__is_sign(p, "(")) {
        struct wf_jnode *call = wf_jparse__call(p, NULL);
        f->list = call != NULL ? call->list : NULL;
    }
    n->a = wf_jparse__filters(p, f);
    n->list = whole_body(p, "endfilter");
    return n;
}

static struct wf_jnode *parse_with(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_WITH), *set, **tail;

    if (n == NULL)
        return NULL;
    tail = &n->params;
    while (p->rc == 0 && wf_jparse__peek(p)->kind != WF_JT_BLOCK_END) {
        if (n->params != NULL)
            wf_jparse__expect_sign(p, ",");
        set = wf_jparse__node(p, WF_JN_SET);
        if (set == NULL)
            return NULL;
        set->a = wf_jparse__target(p, false);
        wf_jparse__expect_sign(p, "=");
        set->b = wf_jparse__expression(p);
        *tail = set;
        tail = &set->next;
    }
    n->list = whole_body(p, "endwith");
    return n;
}

/* {% generation %} marks what a model said, for training; it is a scope like {% with %}. */
static struct wf_jnode *parse_generation(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_WITH);

    if (n != NULL)
        n->list = whole_body(p, "endgeneration");
    return n;
}

static struct wf_jnode *parse_simple(struct wf_jparser *p, enum wf_jop op)
{
    struct wf_jnode *n = wf_jparse__node(p, op);

    end_block(p);
    return n;
}

static struct wf_jnode *statement(struct wf_jparser *p)
{
    struct wf_str name = wf_jparse__expect_name(p);

    if (wf_str_eq(name, wf_str_from("if")))
        return parse_if(p);
    if (wf_str_eq(name, wf_str_from("for")))
        return parse_for(p);
    if (wf_str_eq(name, wf_str_from("set")))
        return parse_set(p);
    if (wf_str_eq(name, wf_str_from("macro")))
        return parse_macro(p);
    if (wf_str_eq(name, wf_str_from("call")))
        return parse_call(p);
    if (wf_str_eq(name, wf_str_from("filter")))
        return parse_filter(p);
    if (wf_str_eq(name, wf_str_from("with")))
        return parse_with(p);
    if (p->with_generation && wf_str_eq(name, wf_str_from("generation")))
        return parse_generation(p);
    if (wf_str_eq(name, wf_str_from("break")))
        return parse_simple(p, WF_JN_BREAK);
    if (wf_str_eq(name, wf_str_from("continue")))
        return parse_simple(p, WF_JN_CONTINUE);
    wf_jparse__fail(p, "'%.*s' is no tag that is known here", WF_STR_ARG(wf_str_sub(name, 0, 40)));
    return NULL;
}

static struct wf_jnode *print(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_PRINT);

    p->at++;
    if (n == NULL)
        return NULL;
    n->a = wf_jparse__tuple(p, true);
    if (p->rc == 0 && wf_jparse__peek(p)->kind == WF_JT_PRINT_END)
        p->at++;
    else
        wf_jparse__fail(p, "an expression goes on where it should end");
    return n;
}

static bool is_end(struct wf_jparser *p, const char *const *ends)
{
    for (; ends != NULL && *ends != NULL; ends++) {
        if (wf_jparse__is_name(p, *ends))
            return true;
    }
    return false;
}

static struct wf_jnode *text(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_TEXT);

    if (n != NULL)
        n->name = wf_jparse__peek(p)->text;
    p->at++;
    return n;
}

static struct wf_jnode *statements(struct wf_jparser *p, const char *const *ends)
{
    struct wf_jnode *first = NULL, **tail = &first, *n = NULL;

    if (++p->depth > WF_LIMIT_NESTING)
        wf_jparse__fail(p, "it is nested too deeply");
    while (p->rc == 0) {
        enum wf_jtoken_kind kind = wf_jparse__peek(p)->kind;
        if (kind == WF_JT_END) {
            if (ends != NULL)
                wf_jparse__fail(p, "'%s' is missing", ends[0]);
            break;
        }
        if (kind == WF_JT_TEXT) {
            n = text(p);
        } else if (kind == WF_JT_PRINT_BEGIN) {
            n = print(p);
        } else {
            p->at++; /* the begin of a block */
            if (is_end(p, ends))
                break;
            n = statement(p);
        }
        if (n != NULL) {
            *tail = n;
            tail = &n->next;
        }
    }
    p->depth--;
    return first;
}

int wf_jinja__parse(struct wf_arena *arena, const struct wf_jtokens *tokens, bool with_generation,
                    struct wf_jnode **out, struct wf_err *err)
{
    struct wf_jparser p = {
        .arena = arena, .tokens = tokens->ptr, .with_generation = with_generation, .err = err};
    struct wf_jnode *n = wf_jparse__node(&p, WF_JN_BLOCK);

    if (n != NULL)
        n->list = statements(&p, NULL);
    *out = n;
    return p.rc;
}
