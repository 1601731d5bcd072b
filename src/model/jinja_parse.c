/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja's expressions: from weakest to strongest: if-else, or, and, not, comparisons, + -, ~,
 * * / // %, **, signs, then attributes, items, calls, filters and tests behind a value. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/jinja.h"

void wf_jparse__fail(struct wf_jparser *p, const char *fmt, ...)
{
    char what[200];
    va_list ap;

    if (p->rc != 0)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    p->rc = wf_err_set(p->err, WF_E_FORMAT, "The template cannot be read: line %u: %s.",
                       p->tokens[p->at].line, what);
}

struct wf_jnode *wf_jparse__node(struct wf_jparser *p, enum wf_jop op)
{
    struct wf_jnode *n = p->rc == 0 ? wf_arena_alloc(p->arena, sizeof(*n)) : NULL;

    if (n == NULL) {
        if (p->rc == 0)
            p->rc = wf_err_set(p->err, WF_E_NOMEM, "Not enough memory for a template.");
        return NULL;
    }
    memset(n, 0, sizeof(*n));
    n->op = op;
    n->line = p->tokens[p->at].line;
    return n;
}

const struct wf_jtoken *wf_jparse__peek(const struct wf_jparser *p)
{
    return &p->tokens[p->at];
}

static bool is_at(const struct wf_jparser *p, size_t at, enum wf_jtoken_kind kind, const char *text)
{
    return p->tokens[at].kind == kind && wf_str_eq(p->tokens[at].text, wf_str_from(text));
}

bool wf_jparse__is_sign(const struct wf_jparser *p, const char *sign)
{
    return is_at(p, p->at, WF_JT_SIGN, sign);
}

bool wf_jparse__is_name(const struct wf_jparser *p, const char *name)
{
    return is_at(p, p->at, WF_JT_NAME, name);
}

bool wf_jparse__accept_sign(struct wf_jparser *p, const char *sign)
{
    bool is_it = p->rc == 0 && wf_jparse__is_sign(p, sign);

    p->at += is_it;
    return is_it;
}

bool wf_jparse__accept_name(struct wf_jparser *p, const char *name)
{
    bool is_it = p->rc == 0 && wf_jparse__is_name(p, name);

    p->at += is_it;
    return is_it;
}

void wf_jparse__expect_sign(struct wf_jparser *p, const char *sign)
{
    if (!wf_jparse__accept_sign(p, sign))
        wf_jparse__fail(p, "'%s' is missing", sign);
}

struct wf_str wf_jparse__expect_name(struct wf_jparser *p)
{
    struct wf_str name = p->tokens[p->at].text;

    if (p->rc == 0 && p->tokens[p->at].kind == WF_JT_NAME)
        p->at++;
    else
        wf_jparse__fail(p, "a name is missing");
    return name;
}

/* Appends to a list by its tail. */
static void append(struct wf_jnode ***tail, struct wf_jnode *n)
{
    if (n == NULL)
        return;
    **tail = n;
    *tail = &n->next;
}

static struct wf_jnode *constant(struct wf_jparser *p, struct wf_jv v)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_CONST);

    if (n != NULL)
        n->value = v;
    return n;
}

/* Adjacent texts are one. */
static struct wf_jnode *text_constant(struct wf_jparser *p)
{
    struct wf_str s = p->tokens[p->at++].text;

    while (p->tokens[p->at].kind == WF_JT_STR) {
        struct wf_str more = p->tokens[p->at++].text;
        char *joined = wf_arena_alloc(p->arena, s.len + more.len + 1);
        if (joined == NULL) {
            p->rc = wf_err_set(p->err, WF_E_NOMEM, "Not enough memory for a template.");
            return NULL;
        }
        memcpy(joined, s.ptr, s.len);
        memcpy(joined + s.len, more.ptr, more.len);
        s = wf_str_n(joined, s.len + more.len);
    }
    return constant(p, wf_jv__str(s));
}

static struct wf_jnode *list_or_dict(struct wf_jparser *p, bool is_dict)
{
    struct wf_jnode *n = wf_jparse__node(p, is_dict ? WF_JN_DICT : WF_JN_LIST), *item;
    struct wf_jnode **tail;
    const char *end = is_dict ? "}" : "]";

    if (n == NULL)
        return NULL;
    tail = &n->list;
    p->at++;
    while (p->rc == 0 && !wf_jparse__is_sign(p, end)) {
        if (n->list != NULL) {
            wf_jparse__expect_sign(p, ",");
            if (wf_jparse__is_sign(p, end))
                break;
        }
        item = wf_jparse__expression(p);
        if (is_dict && p->rc == 0) {
            struct wf_jnode *pair = wf_jparse__node(p, WF_JN_PAIR);
            wf_jparse__expect_sign(p, ":");
            if (pair != NULL) {
                pair->a = item;
                pair->b = wf_jparse__expression(p);
            }
            item = pair;
        }
        append(&tail, item);
    }
    wf_jparse__expect_sign(p, end);
    return n;
}

static struct wf_jnode *name_or_constant(struct wf_jparser *p)
{
    struct wf_str name = p->tokens[p->at].text;
    struct wf_jnode *n;

    if (wf_jparse__accept_name(p, "true") || wf_jparse__accept_name(p, "True"))
        return constant(p, wf_jv__bool(true));
    if (wf_jparse__accept_name(p, "false") || wf_jparse__accept_name(p, "False"))
        return constant(p, wf_jv__bool(false));
    if (wf_jparse__accept_name(p, "none") || wf_jparse__accept_name(p, "None"))
        return constant(p, wf_jv__none());
    if (wf_jparse__is_name(p, "caller"))
        p->uses |= WF_J_USES_CALLER;
    else if (wf_jparse__is_name(p, "varargs"))
        p->uses |= WF_J_USES_VARARGS;
    else if (wf_jparse__is_name(p, "kwargs"))
        p->uses |= WF_J_USES_KWARGS;
    n = wf_jparse__node(p, WF_JN_NAME);
    if (n != NULL)
        n->name = name;
    p->at++;
    return n;
}

static struct wf_jnode *primary(struct wf_jparser *p)
{
    const struct wf_jtoken *t = &p->tokens[p->at];
    struct wf_jnode *n;

    switch (t->kind) {
    case WF_JT_NAME:
        return name_or_constant(p);
    case WF_JT_STR:
        return text_constant(p);
    case WF_JT_INT:
        p->at++;
        return constant(p, wf_jv__int(t->i));
    case WF_JT_FLOAT:
        p->at++;
        return constant(p, wf_jv__float(t->f));
    case WF_JT_END:
    case WF_JT_TEXT:
    case WF_JT_BLOCK_BEGIN:
    case WF_JT_BLOCK_END:
    case WF_JT_PRINT_BEGIN:
    case WF_JT_PRINT_END:
    case WF_JT_SIGN:
        break;
    }
    if (wf_jparse__accept_sign(p, "(")) {
        if (wf_jparse__accept_sign(p, ")"))
            return wf_jparse__node(p, WF_JN_TUPLE);
        n = wf_jparse__tuple(p, true);
        wf_jparse__expect_sign(p, ")");
        return n;
    }
    if (wf_jparse__is_sign(p, "[") || wf_jparse__is_sign(p, "{"))
        return list_or_dict(p, wf_jparse__is_sign(p, "{"));
    wf_jparse__fail(p, "a value is missing");
    return NULL;
}

static struct wf_jnode *argument(struct wf_jparser *p)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_ARG);

    if (n == NULL)
        return NULL;
    if (wf_jparse__accept_sign(p, "**"))
        n->number = 2;
    else if (wf_jparse__accept_sign(p, "*"))
        n->number = 1;
    else if (p->tokens[p->at].kind == WF_JT_NAME && is_at(p, p->at + 1, WF_JT_SIGN, "=")) {
        n->name = p->tokens[p->at].text;
        p->at += 2;
    }
    n->a = wf_jparse__expression(p);
    return n;
}

/* Arguments in parentheses, for a node that is made already. */
static void arguments(struct wf_jparser *p, struct wf_jnode *n)
{
    struct wf_jnode **tail = &n->list;

    wf_jparse__expect_sign(p, "(");
    while (p->rc == 0 && !wf_jparse__is_sign(p, ")")) {
        if (n->list != NULL) {
            wf_jparse__expect_sign(p, ",");
            if (wf_jparse__is_sign(p, ")"))
                break;
        }
        append(&tail, argument(p));
    }
    wf_jparse__expect_sign(p, ")");
}

struct wf_jnode *wf_jparse__call(struct wf_jparser *p, struct wf_jnode *a)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_CALL);

    if (n == NULL)
        return NULL;
    n->a = a;
    arguments(p, n);
    return n;
}

static struct wf_jnode *subscript(struct wf_jparser *p, struct wf_jnode *a)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_ITEM);

    if (n == NULL)
        return NULL;
    n->a = a;
    p->at++;
    if (!wf_jparse__is_sign(p, ":"))
        n->b = wf_jparse__tuple(p, true);
    if (p->rc == 0 && wf_jparse__accept_sign(p, ":")) {
        n->op = WF_JN_SLICE;
        if (!wf_jparse__is_sign(p, ":") && !wf_jparse__is_sign(p, "]"))
            n->c = wf_jparse__expression(p);
        if (wf_jparse__accept_sign(p, ":") && !wf_jparse__is_sign(p, "]"))
            n->other = wf_jparse__expression(p);
    }
    wf_jparse__expect_sign(p, "]");
    return n;
}

static struct wf_jnode *attribute(struct wf_jparser *p, struct wf_jnode *a)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_ATTR);

    p->at++;
    if (n == NULL)
        return NULL;
    n->a = a;
    if (p->tokens[p->at].kind == WF_JT_INT) {
        n->op = WF_JN_ITEM;
        n->b = constant(p, wf_jv__int(p->tokens[p->at].i));
        p->at++;
    } else {
        n->name = wf_jparse__expect_name(p);
    }
    return n;
}

static struct wf_jnode *postfix(struct wf_jparser *p, struct wf_jnode *n)
{
    while (p->rc == 0) {
        if (wf_jparse__is_sign(p, "."))
            n = attribute(p, n);
        else if (wf_jparse__is_sign(p, "["))
            n = subscript(p, n);
        else if (wf_jparse__is_sign(p, "("))
            n = wf_jparse__call(p, n);
        else
            break;
    }
    return n;
}

static struct wf_str dotted_name(struct wf_jparser *p)
{
    struct wf_str name = wf_jparse__expect_name(p);

    while (wf_jparse__accept_sign(p, ".")) {
        struct wf_str part = wf_jparse__expect_name(p);
        char *joined = wf_arena_printf(p->arena, "%.*s.%.*s", WF_STR_ARG(name), WF_STR_ARG(part));
        name = wf_str_from(joined != NULL ? joined : "");
    }
    return name;
}

static struct wf_jnode *filter(struct wf_jparser *p, struct wf_jnode *a)
{
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_FILTER);

    if (n == NULL)
        return NULL;
    n->a = a;
    n->name = dotted_name(p);
    if (p->rc == 0 && wf_jparse__is_sign(p, "("))
        arguments(p, n);
    return n;
}

struct wf_jnode *wf_jparse__filters(struct wf_jparser *p, struct wf_jnode *a)
{
    while (wf_jparse__accept_sign(p, "|"))
        a = filter(p, a);
    return a;
}

/* A test may have one argument without parentheses. */
static bool begins_argument(const struct wf_jparser *p)
{
    enum wf_jtoken_kind kind = p->tokens[p->at].kind;

    if (kind == WF_JT_NAME)
        return !wf_jparse__is_name(p, "else") && !wf_jparse__is_name(p, "or") &&
               !wf_jparse__is_name(p, "and") && !wf_jparse__is_name(p, "is");
    return kind == WF_JT_STR || kind == WF_JT_INT || kind == WF_JT_FLOAT ||
           wf_jparse__is_sign(p, "[") || wf_jparse__is_sign(p, "{");
}

static struct wf_jnode *test(struct wf_jparser *p, struct wf_jnode *a)
{
    bool is_not = wf_jparse__accept_name(p, "not");
    struct wf_jnode *n = wf_jparse__node(p, WF_JN_TEST), *inverse;

    if (n == NULL)
        return NULL;
    n->a = a;
    n->name = dotted_name(p);
    if (p->rc == 0 && wf_jparse__is_sign(p, "(")) {
        arguments(p, n);
    } else if (p->rc == 0 && begins_argument(p)) {
        n->list = wf_jparse__node(p, WF_JN_ARG);
        if (n->list != NULL)
            n->list->a = postfix(p, primary(p));
    }
    if (!is_not)
        return n;
    inverse = wf_jparse__node(p, WF_JN_NOT);
    if (inverse != NULL)
        inverse->a = n;
    return inverse;
}

static struct wf_jnode *filters_and_tests(struct wf_jparser *p, struct wf_jnode *n)
{
    while (p->rc == 0) {
        if (wf_jparse__accept_sign(p, "|"))
            n = filter(p, n);
        else if (wf_jparse__accept_name(p, "is"))
            n = test(p, n);
        else if (wf_jparse__is_sign(p, "("))
            n = wf_jparse__call(p, n);
        else
            break;
    }
    return n;
}

/* Deep nesting would exhaust the stack. */
static bool enter(struct wf_jparser *p)
{
    if (p->rc == 0 && ++p->depth > WF_LIMIT_NESTING) {
        wf_jparse__fail(p, "it is nested too deeply");
        p->rc = p->rc == 0 ? WF_E_LIMIT : p->rc;
    }
    return p->rc == 0;
}

static struct wf_jnode *unary(struct wf_jparser *p, bool with_filters)
{
    struct wf_jnode *n = NULL;
    bool is_negative = wf_jparse__is_sign(p, "-");

    if (!enter(p))
        return NULL;
    if (is_negative || wf_jparse__is_sign(p, "+")) {
        n = wf_jparse__node(p, is_negative ? WF_JN_NEGATIVE : WF_JN_POSITIVE);
        p->at++;
        if (n != NULL)
            n->a = unary(p, false);
    } else {
        n = primary(p);
    }
    n = postfix(p, n);
    if (with_filters)
        n = filters_and_tests(p, n);
    p->depth--;
    return n;
}

struct level {
    const char *sign;
    enum wf_jbinary op;
    int level;
};

#define LEVELS 4

/* Left-associative operators, the weakest first. */
static struct wf_jnode *binary(struct wf_jparser *p, int level)
{
    static const struct level table[] = {
        {"+", WF_J_ADD, 0}, {"-", WF_J_SUB, 0},       {"~", WF_J_CONCAT, 1}, {"*", WF_J_MUL, 2},
        {"/", WF_J_DIV, 2}, {"//", WF_J_FLOORDIV, 2}, {"%", WF_J_MOD, 2},    {"**", WF_J_POW, 3}};
    struct wf_jnode *left = level + 1 < LEVELS ? binary(p, level + 1) : unary(p, true), *n;
    size_t i = 0;

    while (p->rc == 0 && i < sizeof(table) / sizeof(table[0])) {
        if (table[i].level != level || !wf_jparse__is_sign(p, table[i].sign)) {
            i++;
            continue;
        }
        n = wf_jparse__node(p, WF_JN_BINARY);
        p->at++;
        if (n == NULL)
            return NULL;
        n->number = (int)table[i].op;
        n->a = left;
        n->b = level + 1 < LEVELS ? binary(p, level + 1) : unary(p, true);
        left = n;
        i = 0;
    }
    return left;
}

/* The comparison that begins here; -1: none. Moves behind it. */
static int comparison(struct wf_jparser *p)
{
    static const struct level table[] = {{"==", WF_J_EQ, 0}, {"!=", WF_J_NE, 0}, {"<=", WF_J_LE, 0},
                                         {">=", WF_J_GE, 0}, {"<", WF_J_LT, 0},  {">", WF_J_GT, 0}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_jparse__accept_sign(p, table[i].sign))
            return (int)table[i].op;
    }
    if (wf_jparse__accept_name(p, "in"))
        return WF_J_IN;
    if (wf_jparse__is_name(p, "not") && is_at(p, p->at + 1, WF_JT_NAME, "in")) {
        p->at += 2;
        return WF_J_NOT_IN;
    }
    return -1;
}

static struct wf_jnode *compare(struct wf_jparser *p)
{
    struct wf_jnode *left = binary(p, 0), *n = NULL, **tail = NULL, *operand;
    int op = p->rc == 0 ? comparison(p) : -1;

    if (op < 0)
        return left;
    n = wf_jparse__node(p, WF_JN_COMPARE);
    if (n == NULL)
        return NULL;
    n->a = left;
    tail = &n->list;
    for (; op >= 0 && p->rc == 0; op = comparison(p)) {
        operand = wf_jparse__node(p, WF_JN_OPERAND);
        if (operand == NULL)
            return NULL;
        operand->number = op;
        operand->a = binary(p, 0);
        append(&tail, operand);
    }
    return n;
}

static struct wf_jnode *negation(struct wf_jparser *p)
{
    struct wf_jnode *n;

    if (!wf_jparse__is_name(p, "not"))
        return compare(p);
    if (!enter(p))
        return NULL;
    n = wf_jparse__node(p, WF_JN_NOT);
    p->at++;
    if (n != NULL)
        n->a = negation(p);
    p->depth--;
    return n;
}

static struct wf_jnode *logic(struct wf_jparser *p, bool is_or)
{
    struct wf_jnode *left = is_or ? logic(p, false) : negation(p), *n;

    while (p->rc == 0 && wf_jparse__accept_name(p, is_or ? "or" : "and")) {
        n = wf_jparse__node(p, is_or ? WF_JN_OR : WF_JN_AND);
        if (n == NULL)
            return NULL;
        n->a = left;
        n->b = is_or ? logic(p, false) : negation(p);
        left = n;
    }
    return left;
}

struct wf_jnode *wf_jparse__expression(struct wf_jparser *p)
{
    struct wf_jnode *left, *n;

    if (!enter(p))
        return NULL;
    left = logic(p, true);
    while (p->rc == 0 && wf_jparse__accept_name(p, "if")) {
        n = wf_jparse__node(p, WF_JN_CONDITION);
        if (n == NULL)
            return NULL;
        n->a = left;
        n->b = logic(p, true);
        n->c = wf_jparse__accept_name(p, "else") ? wf_jparse__expression(p) : NULL;
        left = n;
    }
    p->depth--;
    return left;
}

struct wf_jnode *wf_jparse__tuple(struct wf_jparser *p, bool with_condition)
{
    struct wf_jnode *first = with_condition ? wf_jparse__expression(p) : logic(p, true);
    struct wf_jnode *n, **tail;

    if (p->rc != 0 || !wf_jparse__is_sign(p, ","))
        return first;
    n = wf_jparse__node(p, WF_JN_TUPLE);
    if (n == NULL)
        return NULL;
    tail = &n->list;
    append(&tail, first);
    while (p->rc == 0 && wf_jparse__accept_sign(p, ",")) {
        enum wf_jtoken_kind kind = p->tokens[p->at].kind;
        if (kind == WF_JT_BLOCK_END || kind == WF_JT_PRINT_END || wf_jparse__is_sign(p, ")") ||
            wf_jparse__is_sign(p, "]") || wf_jparse__is_sign(p, "=") || wf_jparse__is_name(p, "in"))
            break;
        append(&tail, with_condition ? wf_jparse__expression(p) : logic(p, true));
    }
    return n;
}
