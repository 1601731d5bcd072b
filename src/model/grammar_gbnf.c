/* SPDX-License-Identifier: Apache-2.0 */
/* GBNF, as the llama.cpp project documents it: `name ::= expression`, alternatives with |, groups,
 * "texts", [classes], any code point as a dot, and * + ? {n,m} behind what is repeated. `#` begins
 * a comment. An expression goes on over lines within brackets and behind a |; a line that begins
 * with `name ::=` begins the next rule. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "model/grammar_expr.h"
#include "text/utf8.h"

#define POINT_MAX 0x10ffffu
#define REPEAT_MAX 10000

struct parser {
    struct wf_str text;
    size_t at;
    struct wf_arena arena;
    struct wf_map by_name;
    struct wf_expr_names names;
    struct wf_err *err;
    int rc;
    unsigned depth;
};

static int fail(struct parser *p, int code, const char *what)
{
    size_t line = 1;

    for (size_t i = 0; i < p->at && i < p->text.len; i++)
        line += p->text.ptr[i] == '\n' ? 1 : 0;
    if (p->rc == 0)
        p->rc = wf_err_set(p->err, code, "Line %zu of the grammar: %s.", line, what);
    return p->rc;
}

static int no_memory(struct parser *p)
{
    return fail(p, WF_E_NOMEM, "not enough memory");
}

static struct wf_expr *node(struct parser *p, enum wf_expr_kind kind)
{
    struct wf_expr *e = p->rc == 0 ? wf_arena_alloc(&p->arena, sizeof(*e)) : NULL;

    if (e == NULL)
        no_memory(p);
    else
        e->kind = kind;
    return e;
}

static bool more(const struct parser *p)
{
    return p->rc == 0 && p->at < p->text.len;
}

static char peek(const struct parser *p)
{
    return more(p) ? p->text.ptr[p->at] : 0;
}

static bool take(struct parser *p, const char *s)
{
    if (!more(p) || !wf_str_starts(wf_str_sub(p->text, p->at, p->text.len), wf_str_from(s)))
        return false;
    p->at += strlen(s);
    return true;
}

/* White space and comments; without `over_lines` it stops in front of a line's end. */
static void skip(struct parser *p, bool over_lines)
{
    while (more(p)) {
        char c = peek(p);
        if (c == '#') {
            while (more(p) && peek(p) != '\n')
                p->at++;
        } else if (c == ' ' || c == '\t' || (over_lines && (c == '\n' || c == '\r'))) {
            p->at++;
        } else {
            break;
        }
    }
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* The number of a name; new names are not defined yet. */
static uint32_t name(struct parser *p)
{
    size_t start = p->at;
    union wf_map_value *v;
    struct wf_expr_name *grown;
    struct wf_str text;
    bool is_new;

    while (is_name_byte(peek(p)) && (peek(p) != '.' || p->at > start))
        p->at++;
    text = wf_str_sub(p->text, start, p->at);
    if (text.len == 0) {
        fail(p, WF_E_FORMAT, "a rule's name is missing");
        return 0;
    }
    v = wf_map_put(&p->by_name, text, &is_new);
    if (v == NULL) {
        fail(p, p->by_name.n_items >= WF_LIMIT_GRAMMAR_RULES ? WF_E_LIMIT : WF_E_NOMEM,
             "there are too many rules");
        return 0;
    }
    if (!is_new)
        return (uint32_t)v->u64;
    grown = wf_g__grow(p->names.ptr, &p->names.cap, p->names.n + 1, sizeof(*grown));
    if (grown == NULL) {
        no_memory(p);
        return 0;
    }
    p->names.ptr = grown;
    grown[p->names.n] = (struct wf_expr_name){.name = text};
    v->u64 = p->names.n;
    return (uint32_t)p->names.n++;
}

/* ---- characters ---- */

static uint32_t hex(struct parser *p, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++) {
        char c = peek(p), lower = (char)(c | 32);
        if (c >= '0' && c <= '9')
            v = v * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v * 16 + (uint32_t)(lower - 'a' + 10);
        else
            fail(p, WF_E_FORMAT, "an escape lacks hexadecimal digits");
        p->at++;
    }
    if (v > POINT_MAX || (v >= 0xd800 && v <= 0xdfff))
        fail(p, WF_E_FORMAT, "an escape is no code point");
    return p->rc == 0 ? v : 0;
}

static uint32_t character(struct parser *p)
{
    static const char letters[] = "nrt\\\"[]", points[] = "\n\r\t\\\"[]";
    const char *known;
    char c;

    if (!take(p, "\\"))
        return wf_utf8_next(p->text, &p->at);
    c = peek(p);
    known = c != 0 ? strchr(letters, c) : NULL;
    p->at++;
    if (known != NULL)
        return (uint32_t)(uint8_t)points[known - letters];
    if (c == 'x')
        return hex(p, 2);
    if (c == 'u')
        return hex(p, 4);
    if (c == 'U')
        return hex(p, 8);
    if (c == '-' || c == '^' || c == '/' || c == '\'' || c == '.')
        return (uint32_t)(uint8_t)c;
    fail(p, WF_E_FORMAT, "an escape is not known");
    return 0;
}

static const struct wf_expr *text(struct parser *p)
{
    struct wf_expr *e = node(p, WF_EXPR_TEXT);
    struct wf_buf bytes;

    wf_buf_init(&bytes, WF_LIMIT_GRAMMAR_BYTES);
    while (more(p) && peek(p) != '"' && peek(p) != '\n') {
        char utf8[4];
        uint32_t cp = character(p);
        (void)wf_buf_append(&bytes, utf8, wf_utf8_put(utf8, cp));
    }
    if (!take(p, "\""))
        fail(p, WF_E_FORMAT, "a text is not closed");
    if (e != NULL)
        e->text = wf_arena_dup(&p->arena, wf_buf_str(&bytes));
    if (wf_buf_status(&bytes) != 0 || (e != NULL && e->text.ptr == NULL))
        no_memory(p);
    wf_buf_deinit(&bytes);
    return e;
}

static int add_span(struct parser *p, struct wf_span **spans, size_t *n, size_t *cap, uint32_t lo,
                    uint32_t hi)
{
    struct wf_span *grown = wf_g__grow(*spans, cap, *n + 4, sizeof(*grown));

    if (grown == NULL)
        return no_memory(p);
    *spans = grown;
    grown[(*n)++] = (struct wf_span){lo, hi};
    return 0;
}

static const struct wf_expr *class(struct parser *p)
{
    struct wf_expr *e = node(p, WF_EXPR_SPANS);
    bool is_negated = take(p, "^");
    struct wf_span *spans = NULL;
    size_t n = 0, cap = 0;

    while (more(p) && peek(p) != ']') {
        uint32_t lo = character(p), hi = lo;
        if (peek(p) == '-' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] != ']') {
            p->at++;
            hi = character(p);
        }
        if (lo > hi)
            fail(p, WF_E_FORMAT, "a range is upside down");
        if (p->rc == 0)
            (void)add_span(p, &spans, &n, &cap, lo, hi);
    }
    if (!take(p, "]"))
        fail(p, WF_E_FORMAT, "a class is not closed");
    if (p->rc == 0 && e != NULL) {
        e->spans.ptr = wf_arena_array(&p->arena, n + 4, sizeof(*spans));
        e->spans.n = n;
        if (e->spans.ptr == NULL)
            no_memory(p);
    }
    if (p->rc == 0 && e != NULL && e->spans.ptr != NULL) {
        if (n > 0 && spans != NULL)
            memcpy(e->spans.ptr, spans, n * sizeof(*spans));
        wf_spans_tidy(&e->spans);
        if (is_negated && wf_spans_negate(&p->arena, &e->spans, &e->spans) != 0)
            no_memory(p);
    }
    wf_free(spans);
    return e;
}

/* ---- expressions ---- */

static const struct wf_expr *choice(struct parser *p, bool in_group);

static size_t number(struct parser *p)
{
    size_t v = 0, start = p->at;

    while (peek(p) >= '0' && peek(p) <= '9') {
        v = v > REPEAT_MAX ? v : v * 10 + (size_t)(peek(p) - '0');
        p->at++;
    }
    if (p->at == start)
        fail(p, WF_E_FORMAT, "a number is missing");
    if (v > REPEAT_MAX)
        fail(p, WF_E_LIMIT, "something is repeated more than 10000 times");
    return v;
}

static void braces(struct parser *p, size_t *out_min, size_t *out_max)
{
    skip(p, false);
    *out_min = peek(p) == ',' ? 0 : number(p);
    *out_max = *out_min;
    skip(p, false);
    if (take(p, ",")) {
        skip(p, false);
        *out_max = peek(p) == '}' ? SIZE_MAX : number(p);
    }
    skip(p, false);
    if (!take(p, "}"))
        fail(p, WF_E_FORMAT, "a } is missing");
    if (*out_min > *out_max)
        fail(p, WF_E_FORMAT, "a repetition is upside down");
}

static const struct wf_expr *atom(struct parser *p)
{
    const struct wf_expr *inner;
    struct wf_expr *e;

    if (take(p, "\""))
        return text(p);
    if (take(p, "["))
        return class(p);
    if (take(p, "(")) {
        inner = choice(p, true);
        if (!take(p, ")"))
            fail(p, WF_E_FORMAT, "a ) is missing");
        return inner;
    }
    if (take(p, ".")) {
        e = node(p, WF_EXPR_SPANS);
        if (e != NULL && wf_spans_negate(&p->arena, &e->spans, &e->spans) != 0)
            no_memory(p);
        return e;
    }
    e = node(p, WF_EXPR_NAME);
    if (e != NULL)
        e->i = name(p);
    return e;
}

static const struct wf_expr *quantified(struct parser *p)
{
    const struct wf_expr *e = atom(p);

    for (unsigned i = 0; more(p) && i < 8; i++) {
        size_t min = 0, max = SIZE_MAX;
        struct wf_expr *r;
        if (take(p, "+")) {
            min = 1;
        } else if (take(p, "?")) {
            max = 1;
        } else if (take(p, "{")) {
            braces(p, &min, &max);
        } else if (!take(p, "*")) {
            break;
        }
        r = node(p, WF_EXPR_REPEAT);
        if (r != NULL)
            r->items = wf_arena_array(&p->arena, 1, sizeof(*r->items));
        if (r == NULL || r->items == NULL) {
            no_memory(p);
            return NULL;
        }
        r->items[0] = e;
        r->n_items = 1;
        r->min = min;
        r->max = max;
        e = r;
    }
    return e;
}

/* Whether a line's end is followed by the next rule, or by nothing. */
static bool at_next_rule(struct parser *p)
{
    size_t start = p->at;
    bool is_next;

    skip(p, true);
    while (is_name_byte(peek(p)))
        p->at++;
    skip(p, false);
    is_next = !more(p) || take(p, "::=");
    p->at = start;
    return is_next;
}

/* Items that grow, then move into the arena. */
struct items {
    const struct wf_expr **ptr;
    size_t n, cap;
};

static void add_item(struct parser *p, struct items *list, const struct wf_expr *e)
{
    const struct wf_expr **grown = wf_g__grow(list->ptr, &list->cap, list->n + 1, sizeof(*grown));

    if (grown == NULL) {
        no_memory(p);
        return;
    }
    list->ptr = grown;
    grown[list->n++] = e;
}

static const struct wf_expr *close_items(struct parser *p, struct items *list,
                                         enum wf_expr_kind kind)
{
    struct wf_expr *e = node(p, kind);

    if (e != NULL) {
        e->items = wf_arena_array(&p->arena, list->n + 1, sizeof(*e->items));
        e->n_items = list->n;
        if (e->items == NULL)
            no_memory(p);
        else if (list->n > 0)
            memcpy(e->items, list->ptr, list->n * sizeof(*e->items));
    }
    wf_free(list->ptr);
    return e;
}

static const struct wf_expr *sequence(struct parser *p, bool in_group)
{
    struct items list = {0};

    while (p->rc == 0) {
        skip(p, in_group);
        if (!in_group && (peek(p) == '\n' || peek(p) == '\r') && !at_next_rule(p))
            skip(p, true);
        if (!more(p) || strchr("|)\n\r", peek(p)) != NULL)
            break;
        add_item(p, &list, quantified(p));
    }
    return close_items(p, &list, WF_EXPR_SEQUENCE);
}

static const struct wf_expr *choice(struct parser *p, bool in_group)
{
    struct items list = {0};

    if (++p->depth > WF_LIMIT_NESTING)
        fail(p, WF_E_LIMIT, "brackets are nested too deeply");
    do {
        skip(p, in_group || list.n > 0);
        add_item(p, &list, sequence(p, in_group));
    } while (p->rc == 0 && take(p, "|"));
    p->depth--;
    return close_items(p, &list, WF_EXPR_CHOICE);
}

static void rule(struct parser *p)
{
    uint32_t i = name(p);
    const struct wf_expr *e;

    skip(p, false);
    if (p->rc == 0 && !take(p, "::="))
        fail(p, WF_E_FORMAT, "::= is missing behind a rule's name");
    skip(p, true);
    e = choice(p, false);
    if (p->rc == 0 && more(p) && peek(p) != '\n' && peek(p) != '\r')
        fail(p, WF_E_FORMAT, "a rule has a ) too many");
    if (p->rc == 0 && p->names.ptr[i].expr != NULL)
        fail(p, WF_E_FORMAT, "a rule is defined a second time");
    if (p->rc == 0)
        p->names.ptr[i].expr = e;
    skip(p, true);
}

static int check(struct parser *p, uint32_t *out_root)
{
    const union wf_map_value *v = wf_map_get(&p->by_name, WF_STR("root"));

    if (v == NULL || p->names.ptr[v->u64].expr == NULL)
        return wf_err_set(p->err, WF_E_FORMAT, "The grammar has no rule named root.");
    *out_root = (uint32_t)v->u64;
    for (size_t i = 0; i < p->names.n; i++) {
        if (p->names.ptr[i].expr == NULL)
            return wf_err_set(p->err, WF_E_FORMAT, "The grammar has no rule named %.*s.",
                              WF_STR_ARG(wf_str_sub(p->names.ptr[i].name, 0, 80)));
    }
    return 0;
}

int wf_gbnf_build(struct wf_grammar *g, struct wf_str text_in, uint32_t *out_root,
                  struct wf_err *err)
{
    struct parser p = {.text = text_in, .err = err};
    uint32_t root = 0;
    int rc;

    if (text_in.len > WF_LIMIT_GRAMMAR_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The grammar has more than %u bytes.",
                          WF_LIMIT_GRAMMAR_BYTES);
    if (wf_utf8_valid_prefix(text_in) < text_in.len)
        return wf_err_set(err, WF_E_FORMAT, "The grammar is not UTF-8.");
    wf_arena_init(&p.arena, 0, WF_LIMIT_LANG_BYTES);
    wf_map_init(&p.by_name, WF_LIMIT_GRAMMAR_RULES);
    skip(&p, true);
    while (more(&p))
        rule(&p);
    rc = p.rc != 0 ? p.rc : check(&p, &root);
    if (rc == 0)
        rc = wf_expr_build(g, &p.names, root, out_root, err);
    wf_free(p.names.ptr);
    wf_map_deinit(&p.by_name);
    wf_arena_deinit(&p.arena);
    return rc;
}
