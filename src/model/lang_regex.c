/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of ECMA-262 (with its flag u, as JSON Schema has them), parsed into trees. Refused by
 * name: references back, looking behind, word borders, looking ahead within what is repeated. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lang_tree.h"
#include "text/utf8.h"

#define POINT_MAX 0x10ffffu
#define REPEAT_MAX 5000

struct parser {
    struct wf_str text;
    size_t at;
    struct wf_arena *arena;
    struct wf_err *err;
    int rc; /* the first failure */
    unsigned depth;
};

static int fail(struct parser *p, int code, const char *what)
{
    if (p->rc == 0)
        p->rc = wf_err_set(p->err, code, "%s (at byte %zu of \"%.*s\")", what, p->at,
                           WF_STR_ARG(wf_str_sub(p->text, 0, 80)));
    return p->rc;
}

static struct wf_tree *node(struct parser *p, enum wf_tree_kind kind)
{
    struct wf_tree *t = p->rc == 0 ? wf_arena_alloc(p->arena, sizeof(*t)) : NULL;

    if (t == NULL)
        fail(p, WF_E_NOMEM, "Not enough memory for a pattern");
    else
        t->kind = kind;
    return t;
}

static struct wf_tree *pair(struct parser *p, enum wf_tree_kind kind, const struct wf_tree *a,
                            const struct wf_tree *b)
{
    struct wf_tree *t = node(p, kind);

    if (t != NULL) {
        t->a = a;
        t->b = b;
        t->looks = kind == WF_TREE_LOOK || (a != NULL && a->looks) || (b != NULL && b->looks);
        t->n_begins = (a != NULL ? a->n_begins : 0) + (b != NULL ? b->n_begins : 0);
    }
    return t;
}

static bool more(const struct parser *p)
{
    return p->at < p->text.len && p->rc == 0;
}

static char peek(const struct parser *p)
{
    return more(p) ? p->text.ptr[p->at] : 0;
}

static bool take(struct parser *p, const char *s)
{
    struct wf_str rest = wf_str_sub(p->text, p->at, p->text.len);

    if (!more(p) || !wf_str_starts(rest, wf_str_from(s)))
        return false;
    p->at += strlen(s);
    return true;
}

/* ---- sets ---- */

/* A set that grows: its spans lie in a buffer until it is done. */
struct set {
    struct wf_span *ptr;
    size_t n, cap;
};

static void add_span(struct parser *p, struct set *s, uint32_t lo, uint32_t hi)
{
    struct wf_span *grown = wf_g__grow(s->ptr, &s->cap, s->n + 1, sizeof(*grown));

    if (grown == NULL) {
        fail(p, WF_E_NOMEM, "Not enough memory for a pattern");
        return;
    }
    s->ptr = grown;
    s->ptr[s->n++] = (struct wf_span){lo, hi};
}

static void add_spans(struct parser *p, struct set *s, const struct wf_spans *more_spans)
{
    for (size_t i = 0; i < more_spans->n && p->rc == 0; i++)
        add_span(p, s, more_spans->ptr[i].lo, more_spans->ptr[i].hi);
}

/* Moves a set into the arena, tidied and negated where that is wanted. */
static struct wf_spans done(struct parser *p, struct set *s, bool is_negated)
{
    struct wf_spans out = {.n = s->n};

    out.ptr = p->rc == 0 ? wf_arena_array(p->arena, s->n + 4, sizeof(*out.ptr)) : NULL;
    if (out.ptr == NULL) {
        out.n = 0;
        fail(p, WF_E_NOMEM, "Not enough memory for a pattern");
    } else {
        if (s->n > 0)
            memcpy(out.ptr, s->ptr, s->n * sizeof(*out.ptr));
        wf_spans_tidy(&out);
        if (is_negated && wf_spans_negate(p->arena, &out, &out) != 0)
            fail(p, WF_E_NOMEM, "Not enough memory for a pattern");
    }
    wf_free(s->ptr);
    *s = (struct set){0};
    return out;
}

/* The classes that have a letter; false: it is none of them. */
static bool class_of(char letter, const struct wf_span **out, size_t *out_n)
{
    static const struct wf_span digits[] = {{'0', '9'}};
    static const struct wf_span words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const struct wf_span spaces[] = {
        {9, 13},          {32, 32},         {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};

    switch (letter) {
    case 'd':
    case 'D':
        *out = digits;
        *out_n = WF_ARRAY_LEN(digits);
        return true;
    case 'w':
    case 'W':
        *out = words;
        *out_n = WF_ARRAY_LEN(words);
        return true;
    case 's':
    case 'S':
        *out = spaces;
        *out_n = WF_ARRAY_LEN(spaces);
        return true;
    default:
        return false;
    }
}

static bool hex_digits(struct parser *p, size_t n, uint32_t *out)
{
    uint32_t v = 0;

    if (p->at + n > p->text.len)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = p->text.ptr[p->at + i];
        if (c >= '0' && c <= '9')
            v = v * 16 + (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v * 16 + (uint32_t)((c | 32) - 'a' + 10);
        else
            return false;
    }
    p->at += n;
    *out = v;
    return true;
}

/* Behind \u: four digits, a pair of surrogates, or digits in braces. */
static uint32_t unicode_escape(struct parser *p)
{
    uint32_t v = 0, low = 0;
    size_t end;

    if (take(p, "{")) {
        end = wf_str_find_byte(p->text, '}', p->at);
        if (end == SIZE_MAX || end - p->at > 6 || end == p->at || !hex_digits(p, end - p->at, &v) ||
            v > POINT_MAX)
            fail(p, WF_E_INVAL, "A pattern's \\u{...} holds no code point");
        p->at++;
        return v;
    }
    if (!hex_digits(p, 4, &v)) {
        fail(p, WF_E_INVAL, "A pattern's \\u lacks its four digits");
        return 0;
    }
    if (v >= 0xd800 && v <= 0xdbff && take(p, "\\u")) {
        if (!hex_digits(p, 4, &low) || low < 0xdc00 || low > 0xdfff)
            fail(p, WF_E_INVAL, "A pattern has half a surrogate pair");
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    }
    return v;
}

/* Behind \p or \P. */
static void property(struct parser *p, bool is_negated, struct set *out)
{
    struct wf_spans found = {0};
    size_t end;
    int rc = 0;

    if (!take(p, "{") || (end = wf_str_find_byte(p->text, '}', p->at)) == SIZE_MAX) {
        fail(p, WF_E_INVAL, "A pattern's \\p lacks its braces");
        return;
    }
    if (!wf_spans_property(p->arena, wf_str_sub(p->text, p->at, end), &found, &rc)) {
        fail(p, WF_E_UNSUPPORTED,
             "Of Unicode's properties only general categories are known in patterns");
        return;
    }
    p->at = end + 1;
    if (rc == 0 && is_negated)
        rc = wf_spans_negate(p->arena, &found, &found);
    if (rc != 0)
        fail(p, WF_E_NOMEM, "Not enough memory for a pattern");
    add_spans(p, out, &found);
}

/* A class with a letter, behind its backslash; false: it is no class. */
static bool class_escape(struct parser *p, struct set *out)
{
    char c = peek(p);
    const struct wf_span *spans = NULL;
    size_t n = 0;

    if (c == 'p' || c == 'P') {
        p->at++;
        property(p, c == 'P', out);
        return true;
    }
    if (!class_of(c, &spans, &n))
        return false;
    p->at++;
    if (c >= 'a') {
        for (size_t i = 0; i < n; i++)
            add_span(p, out, spans[i].lo, spans[i].hi);
        return true;
    }
    struct set plain = {0};
    for (size_t i = 0; i < n; i++)
        add_span(p, &plain, spans[i].lo, spans[i].hi);
    struct wf_spans negated = done(p, &plain, true);
    add_spans(p, out, &negated);
    return true;
}

/* A code point behind its backslash. */
static uint32_t point_escape(struct parser *p)
{
    static const char letters[] = "tnvfr", points[] = "\t\n\v\f\r";
    char c = peek(p);
    const char *known = c != 0 ? strchr(letters, c) : NULL;
    uint32_t v = 0;

    if (!more(p)) {
        fail(p, WF_E_INVAL, "A pattern ends with a backslash");
        return 0;
    }
    if ((uint8_t)c >= 0x80)
        return wf_utf8_next(p->text, &p->at);
    p->at++;
    if (known != NULL)
        return (uint32_t)points[known - letters];
    if (c == 'u')
        return unicode_escape(p);
    if (c == 'x') {
        if (!hex_digits(p, 2, &v))
            fail(p, WF_E_INVAL, "A pattern's \\x lacks its two digits");
        return v;
    }
    if (c == 'c') {
        v = (uint32_t)(uint8_t)peek(p) | 32;
        if (v < 'a' || v > 'z')
            fail(p, WF_E_INVAL, "A pattern's \\c lacks its letter");
        p->at++;
        return v & 31;
    }
    if (c == '0' && (peek(p) < '0' || peek(p) > '9'))
        return 0;
    if ((c >= '0' && c <= '9') || c == 'k')
        fail(p, WF_E_UNSUPPORTED, "References back cannot be enforced in a pattern");
    else if (c == 'b' || c == 'B')
        fail(p, WF_E_UNSUPPORTED, "Word borders (\\b) cannot be enforced in a pattern");
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        fail(p, WF_E_INVAL, "A pattern has a letter with a backslash that ECMA-262 does not know");
    return (uint32_t)(uint8_t)c;
}

/* One member of [...]: a code point (true) or a whole class (false, already added). */
static bool member(struct parser *p, struct set *out, uint32_t *out_cp)
{
    if (take(p, "\\")) {
        if (peek(p) == 'b') {
            p->at++;
            *out_cp = 8;
            return true;
        }
        if (class_escape(p, out))
            return false;
        *out_cp = point_escape(p);
        return true;
    }
    *out_cp = wf_utf8_next(p->text, &p->at);
    return true;
}

/* A member, or a range of two. A class cannot be the end of one: its - is then a member. */
static void members(struct parser *p, struct set *set)
{
    uint32_t lo = 0, hi = 0;
    bool is_point = member(p, set, &lo), ends_in_point;

    if (peek(p) != '-' || p->at + 1 >= p->text.len || p->text.ptr[p->at + 1] == ']') {
        if (is_point)
            add_span(p, set, lo, lo);
        return;
    }
    p->at++;
    ends_in_point = member(p, set, &hi);
    if (is_point && ends_in_point) {
        if (lo > hi)
            fail(p, WF_E_INVAL, "A pattern's range is upside down");
        add_span(p, set, lo, hi);
        return;
    }
    add_span(p, set, '-', '-');
    if (is_point)
        add_span(p, set, lo, lo);
    if (ends_in_point)
        add_span(p, set, hi, hi);
}

static const struct wf_tree *bracket(struct parser *p)
{
    struct wf_tree *t = node(p, WF_TREE_SET);
    bool is_negated = take(p, "^");
    struct set set = {0};

    while (more(p) && peek(p) != ']')
        members(p, &set);
    if (!take(p, "]"))
        fail(p, WF_E_INVAL, "A pattern's [ is not closed");
    struct wf_spans spans = done(p, &set, is_negated);
    if (t != NULL)
        t->spans = spans;
    return t;
}

static const struct wf_tree *single(struct parser *p, uint32_t cp)
{
    struct wf_tree *t = node(p, WF_TREE_SET);
    struct set set = {0};

    add_span(p, &set, cp, cp);
    struct wf_spans spans = done(p, &set, false);
    if (t != NULL)
        t->spans = spans;
    return t;
}

/* Everything but the ends of lines. */
static const struct wf_tree *dot(struct parser *p)
{
    struct wf_tree *t = node(p, WF_TREE_SET);
    struct set set = {0};

    add_span(p, &set, '\n', '\n');
    add_span(p, &set, '\r', '\r');
    add_span(p, &set, 0x2028, 0x2029);
    struct wf_spans spans = done(p, &set, true);
    if (t != NULL)
        t->spans = spans;
    return t;
}

/* ---- expressions ---- */

static const struct wf_tree *either(struct parser *p);

/* Behind (?= or (?!. */
static const struct wf_tree *ahead(struct parser *p, bool is_negated)
{
    struct wf_tree *t = pair(p, WF_TREE_LOOK, either(p), NULL);

    if (!take(p, ")"))
        fail(p, WF_E_INVAL, "A pattern's ( is not closed");
    if (t != NULL)
        t->is_negated = is_negated;
    return t;
}

static const struct wf_tree *group(struct parser *p)
{
    const struct wf_tree *t;
    size_t end;

    if (take(p, "?")) {
        if (take(p, "="))
            return ahead(p, false);
        if (take(p, "!"))
            return ahead(p, true);
        if (take(p, "<=") || take(p, "<!")) {
            fail(p, WF_E_UNSUPPORTED, "Looking behind cannot be enforced in a pattern");
        } else if (take(p, "<")) {
            end = wf_str_find_byte(p->text, '>', p->at);
            if (end == SIZE_MAX)
                fail(p, WF_E_INVAL, "A pattern's group has no end to its name");
            p->at = end + 1;
        } else if (!take(p, ":")) {
            fail(p, WF_E_UNSUPPORTED, "A pattern has a group of a kind that ECMA-262 lacks");
        }
    }
    t = either(p);
    if (!take(p, ")"))
        fail(p, WF_E_INVAL, "A pattern's ( is not closed");
    return t;
}

static const struct wf_tree *atom(struct parser *p)
{
    struct set set = {0};
    struct wf_tree *t;

    if (take(p, "("))
        return group(p);
    if (take(p, "["))
        return bracket(p);
    if (take(p, "."))
        return dot(p);
    if (take(p, "^")) {
        t = node(p, WF_TREE_BEGIN);
        if (t != NULL)
            t->n_begins = 1;
        return t;
    }
    if (take(p, "$"))
        return node(p, WF_TREE_END);
    if (strchr("*+?", peek(p)) != NULL) {
        fail(p, WF_E_INVAL, "A pattern repeats nothing");
        return NULL;
    }
    if (take(p, "\\")) {
        if (!class_escape(p, &set))
            return single(p, point_escape(p));
        t = node(p, WF_TREE_SET);
        struct wf_spans spans = done(p, &set, false);
        if (t != NULL)
            t->spans = spans;
        return t;
    }
    return single(p, wf_utf8_next(p->text, &p->at));
}

static bool number(struct parser *p, uint32_t *out)
{
    size_t start = p->at;
    uint32_t v = 0;

    while (peek(p) >= '0' && peek(p) <= '9') {
        v = v > REPEAT_MAX ? v : v * 10 + (uint32_t)(peek(p) - '0');
        p->at++;
    }
    *out = v;
    return p->at > start;
}

/* {n}, {n,}, {n,m}; false, and nothing taken: it is none. */
static bool braces(struct parser *p, uint32_t *out_min, uint32_t *out_max)
{
    size_t start = p->at;

    if (!take(p, "{") || !number(p, out_min)) {
        p->at = start;
        return false;
    }
    *out_max = *out_min;
    if (take(p, ",") && !number(p, out_max))
        *out_max = UINT32_MAX;
    if (!take(p, "}")) {
        p->at = start;
        return false;
    }
    if (*out_min > REPEAT_MAX || (*out_max > REPEAT_MAX && *out_max != UINT32_MAX))
        fail(p, WF_E_LIMIT, "A pattern repeats something more than 5000 times");
    if (*out_min > *out_max)
        fail(p, WF_E_INVAL, "A pattern's repetition is upside down");
    return true;
}

static const struct wf_tree *quantified(struct parser *p)
{
    const struct wf_tree *t = atom(p);
    uint32_t min = 1, max = 1;
    struct wf_tree *r;

    for (unsigned i = 0; more(p) && i < 8; i++) {
        if (take(p, "*")) {
            min = 0;
            max = UINT32_MAX;
        } else if (take(p, "+")) {
            min = 1;
            max = UINT32_MAX;
        } else if (take(p, "?")) {
            min = 0;
            max = 1;
        } else if (!braces(p, &min, &max)) {
            break;
        }
        (void)take(p, "?"); /* the shortest first: the same strings */
        r = pair(p, WF_TREE_REPEAT, t, NULL);
        if (r == NULL)
            return NULL;
        r->min = min;
        r->max = max;
        t = r;
    }
    return t;
}

static const struct wf_tree *concat(struct parser *p)
{
    const struct wf_tree *t = NULL;

    while (more(p) && peek(p) != '|' && peek(p) != ')') {
        const struct wf_tree *next = quantified(p);
        t = t == NULL ? next : pair(p, WF_TREE_CONCAT, t, next);
    }
    return t != NULL ? t : node(p, WF_TREE_EMPTY);
}

static const struct wf_tree *either(struct parser *p)
{
    const struct wf_tree *t;

    if (++p->depth > WF_LIMIT_NESTING) {
        fail(p, WF_E_LIMIT, "A pattern is nested too deeply");
        return NULL;
    }
    t = concat(p);
    while (take(p, "|"))
        t = pair(p, WF_TREE_EITHER, t, concat(p));
    p->depth--;
    return t;
}

int wf_lang_regex(struct wf_arena *a, struct wf_str pattern, struct wf_lang **out,
                  struct wf_err *err)
{
    struct parser p = {.text = pattern, .arena = a, .err = err};
    const struct wf_tree *t = either(&p);
    int rc;

    if (p.at < pattern.len)
        fail(&p, WF_E_INVAL, "A pattern has a ) too many");
    if (p.rc != 0 || t == NULL)
        return p.rc;
    rc = wf_tree_language(a, t, out);
    p.at = 0;
    if (rc == WF_E_UNSUPPORTED)
        return fail(&p, rc,
                    "Looking ahead cannot be enforced within what is repeated, or before ^");
    if (rc == WF_E_LIMIT)
        return fail(&p, rc, "A pattern is too large");
    return rc == 0 ? 0 : fail(&p, rc, "Not enough memory for a pattern");
}
