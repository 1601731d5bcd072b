/* SPDX-License-Identifier: Apache-2.0 */
/* Jinja templates as tokens, with the white space rules of trim_blocks and lstrip_blocks: the first
 * line break behind a block goes, so do blanks before a block that begins its line; a minus takes
 * all white space, a plus keeps it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/jinja.h"
#include "text/utf8.h"

struct lexer {
    struct wf_arena *arena;
    struct wf_str s; /* line breaks are \n, one at the end is gone */
    size_t at;
    uint32_t line;
    bool is_line_start; /* what stands before `at` ended a line, or nothing does */
    struct wf_jtokens *out;
    struct wf_err *err;
};

static int fail(const struct lexer *l, const char *what)
{
    return wf_err_set(l->err, WF_E_FORMAT, "The template cannot be read: line %u: %s.", l->line,
                      what);
}

static int push(struct lexer *l, struct wf_jtoken t)
{
    struct wf_jtokens *o = l->out;

    if (o->n == o->cap) {
        size_t cap = o->cap > 0 ? 2 * o->cap : 256;
        struct wf_jtoken *p = wf_realloc_array(o->ptr, cap, sizeof(*p));

        if (p == NULL)
            return wf_err_set(l->err, WF_E_NOMEM, "Not enough memory for a template.");
        o->ptr = p;
        o->cap = cap;
    }
    t.line = l->line;
    o->ptr[o->n++] = t;
    return 0;
}

static bool starts(const struct lexer *l, size_t at, const char *what)
{
    return wf_str_starts(wf_str_sub(l->s, at, l->s.len), wf_str_from(what));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_to(struct lexer *l, size_t at)
{
    for (; l->at < at; l->at++)
        l->line += l->s.ptr[l->at] == '\n';
}

static void skip_spaces(struct lexer *l)
{
    size_t at = l->at;

    while (at < l->s.len && is_space(l->s.ptr[at]))
        at++;
    skip_to(l, at);
}

/* Behind the end of a block, a print or a comment, at whose sign l->at stands. */
static void end_tag(struct lexer *l, char sign, bool trims)
{
    size_t from = l->at;

    l->at += sign != 0 ? 3 : 2;
    if (sign == '-')
        skip_spaces(l);
    else if (sign != '+' && trims && l->at < l->s.len && l->s.ptr[l->at] == '\n')
        skip_to(l, l->at + 1);
    l->is_line_start = l->at > from && l->s.ptr[l->at - 1] == '\n';
}

/* The sign before a closing pair: -, + or 0; -1: it is not closed here. */
static int closing(const struct lexer *l, size_t at, const char *pair)
{
    char c = at < l->s.len ? l->s.ptr[at] : 0;

    if ((c == '-' || c == '+') && starts(l, at + 1, pair))
        return c;
    return starts(l, at, pair) ? 0 : -1;
}

/* Text up to the tag at `tag`, whose third character is a sign or not. */
static int push_text(struct lexer *l, size_t tag)
{
    struct wf_str text = wf_str_sub(l->s, l->at, tag);
    char kind = tag < l->s.len ? l->s.ptr[tag + 1] : '{';
    char sign = tag + 2 < l->s.len ? l->s.ptr[tag + 2] : 0;
    size_t n = text.len;
    int rc = 0;

    if (tag < l->s.len && sign == '-') {
        while (n > 0 && is_space(text.ptr[n - 1]))
            n--;
    } else if (sign != '+' && kind != '{') {
        while (n > 0 && is_space(text.ptr[n - 1]) && text.ptr[n - 1] != '\n')
            n--;
        if (n > 0 ? text.ptr[n - 1] != '\n' : !l->is_line_start)
            n = text.len;
    }
    if (n > 0)
        rc = push(l, (struct wf_jtoken){.kind = WF_JT_TEXT, .text = wf_str_sub(text, 0, n)});
    skip_to(l, tag);
    return rc;
}

static int hex(const struct lexer *l, size_t at, size_t n, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        char c = at + i < l->s.len ? l->s.ptr[at + i] : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return fail(l, "an escape in a text is cut off");
        *out = *out * 16 + (uint32_t)digit;
    }
    if (*out > 0x10ffff || (*out >= 0xd800 && *out <= 0xdfff))
        return fail(l, "an escape in a text is no character");
    return 0;
}

/* The escape behind a backslash at *io_at. */
static int unescape(struct lexer *l, size_t *io_at, struct wf_buf *b)
{
    static const char names[] = "ntrabfv0\\'\"", values[] = "\n\t\r\a\b\f\v\0\\'\"";
    char c = *io_at < l->s.len ? l->s.ptr[*io_at] : '\\', bytes[4];
    const char *p = memchr(names, c, sizeof(names) - 1);
    size_t n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t point;
    int rc = 0;

    (*io_at)++;
    if (n > 0) {
        rc = hex(l, *io_at, n, &point);
        if (rc == 0)
            (void)wf_buf_append(b, bytes, wf_utf8_put(bytes, point));
        *io_at += n;
    } else if (p != NULL) {
        (void)wf_buf_append_byte(b, values[p - names]);
    } else if (c != '\n') {
        (void)wf_buf_append_byte(b, '\\');
        (void)wf_buf_append_byte(b, c);
    }
    return rc;
}

static int push_string(struct lexer *l)
{
    char quote = l->s.ptr[l->at];
    size_t at = l->at + 1;
    struct wf_jtoken t = {.kind = WF_JT_STR};
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, SIZE_MAX);
    while (rc == 0 && at < l->s.len && l->s.ptr[at] != quote) {
        if (l->s.ptr[at] == '\\') {
            at++;
            rc = unescape(l, &at, &b);
        } else {
            (void)wf_buf_append_byte(&b, l->s.ptr[at++]);
        }
    }
    if (rc == 0 && at >= l->s.len)
        rc = fail(l, "a text does not end");
    t.text = wf_arena_dup(l->arena, wf_buf_str(&b));
    if (rc == 0 && (wf_buf_status(&b) != 0 || t.text.ptr == NULL))
        rc = wf_err_set(l->err, WF_E_NOMEM, "Not enough memory for a template.");
    wf_buf_deinit(&b);
    if (rc == 0)
        rc = push(l, t);
    if (rc == 0) /* else there is no quote to go behind */
        skip_to(l, at + 1);
    return rc;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int push_number(struct lexer *l)
{
    struct wf_jtoken t = {.kind = WF_JT_INT};
    char text[64];
    size_t at = l->at, n = 0;
    bool is_float = false;

    while (at < l->s.len && n + 1 < sizeof(text)) {
        char c = l->s.ptr[at], next = at + 1 < l->s.len ? l->s.ptr[at + 1] : 0;
        bool is_exponent =
            (c == 'e' || c == 'E') && n > 0 && (is_digit(next) || next == '-' || next == '+');
        if (c == '.' && (is_float || !is_digit(next)))
            break;
        if (!is_digit(c) && c != '_' && c != '.' && !is_exponent)
            break;
        is_float = is_float || c == '.' || is_exponent;
        if (c != '_')
            text[n++] = c;
        if (is_exponent && n + 1 < sizeof(text)) {
            text[n++] = next;
            at++;
        }
        at++;
    }
    text[n] = 0;
    t.kind = is_float ? WF_JT_FLOAT : WF_JT_INT;
    t.text = wf_str_sub(l->s, l->at, at);
    if (is_float ? !wf_str_to_f64(wf_str_n(text, n), &t.f)
                 : !wf_str_to_i64(wf_str_n(text, n), &t.i))
        return fail(l, "a number is too large");
    l->at = at;
    return push(l, t);
}

static bool is_name(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

static int push_sign(struct lexer *l)
{
    static const char *const signs[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                        "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                        ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (starts(l, l->at, signs[i])) {
            l->at += strlen(signs[i]);
            return push(l, (struct wf_jtoken){.kind = WF_JT_SIGN, .text = wf_str_from(signs[i])});
        }
    }
    return fail(l, "an unexpected character");
}

static int push_expression_token(struct lexer *l)
{
    char c = l->s.ptr[l->at];
    size_t end = l->at;

    if (c == '"' || c == '\'')
        return push_string(l);
    if (is_digit(c))
        return push_number(l);
    if (!is_name(c))
        return push_sign(l);
    while (end < l->s.len && (is_name(l->s.ptr[end]) || is_digit(l->s.ptr[end])))
        end++;
    struct wf_jtoken t = {.kind = WF_JT_NAME, .text = wf_str_sub(l->s, l->at, end)};
    l->at = end;
    return push(l, t);
}

/* Between the marks of a block or a print, whose brackets may hold the closing mark. */
static int lex_inside(struct lexer *l, const char *pair, enum wf_jtoken_kind end)
{
    size_t nesting = 0;
    int rc = 0, sign;

    while (rc == 0) {
        skip_spaces(l);
        if (l->at >= l->s.len)
            return fail(l, "a block is not closed");
        sign = nesting == 0 ? closing(l, l->at, pair) : -1;
        if (sign >= 0) {
            rc = push(l, (struct wf_jtoken){.kind = end});
            end_tag(l, (char)sign, end == WF_JT_BLOCK_END);
            return rc;
        }
        char c = l->s.ptr[l->at];
        if (c == '(' || c == '[' || c == '{')
            nesting++;
        else if ((c == ')' || c == ']' || c == '}') && nesting > 0)
            nesting--;
        rc = push_expression_token(l);
    }
    return rc;
}

static int lex_comment(struct lexer *l)
{
    size_t at = l->at + 2;

    while (at < l->s.len && closing(l, at, "#}") < 0)
        at++;
    if (at >= l->s.len)
        return fail(l, "a comment is not closed");
    skip_to(l, at);
    end_tag(l, (char)closing(l, at, "#}"), true);
    return 0;
}

/* Behind "{%" and its sign: whether it is the named tag alone; *out_end is where "%}" begins. */
static bool is_tag(const struct lexer *l, size_t at, const char *name, size_t *out_end)
{
    while (at < l->s.len && is_space(l->s.ptr[at]))
        at++;
    if (!starts(l, at, name))
        return false;
    at += strlen(name);
    while (at < l->s.len && is_space(l->s.ptr[at]))
        at++;
    *out_end = at;
    return closing(l, at, "%}") >= 0;
}

static size_t behind_sign(const struct lexer *l, size_t at)
{
    return at < l->s.len && (l->s.ptr[at] == '-' || l->s.ptr[at] == '+') ? at + 1 : at;
}

/* {% raw %}: all up to {% endraw %} is text. */
static int lex_raw(struct lexer *l, size_t end)
{
    size_t at, tag_end = 0;
    int rc;

    skip_to(l, end);
    end_tag(l, (char)closing(l, end, "%}"), true);
    for (at = l->at; at < l->s.len; at++) {
        if (starts(l, at, "{%") && is_tag(l, behind_sign(l, at + 2), "endraw", &tag_end))
            break;
    }
    if (at >= l->s.len)
        return fail(l, "raw is not closed");
    rc = push_text(l, at);
    skip_to(l, tag_end);
    end_tag(l, (char)closing(l, tag_end, "%}"), true);
    return rc;
}

static int lex_tag(struct lexer *l)
{
    char kind = l->s.ptr[l->at + 1];
    size_t end = 0;
    int rc;

    if (kind == '#')
        return lex_comment(l);
    if (kind == '%' && is_tag(l, behind_sign(l, l->at + 2), "raw", &end) &&
        closing(l, end, "%}") != '+')
        return lex_raw(l, end);
    l->at = behind_sign(l, l->at + 2);
    rc = push(l, (struct wf_jtoken){.kind = kind == '%' ? WF_JT_BLOCK_BEGIN : WF_JT_PRINT_BEGIN});
    if (rc != 0)
        return rc;
    return kind == '%' ? lex_inside(l, "%}", WF_JT_BLOCK_END)
                       : lex_inside(l, "}}", WF_JT_PRINT_END);
}

static size_t next_tag(const struct lexer *l)
{
    for (size_t i = l->at; i + 1 < l->s.len; i++) {
        if (l->s.ptr[i] == '{' &&
            (l->s.ptr[i + 1] == '%' || l->s.ptr[i + 1] == '{' || l->s.ptr[i + 1] == '#'))
            return i;
    }
    return l->s.len;
}

/* With \n alone between lines and none at the end. */
static int normalise(struct lexer *l, struct wf_str source)
{
    char *p = wf_arena_alloc(l->arena, source.len + 1);
    size_t n = 0;

    if (p == NULL)
        return wf_err_set(l->err, WF_E_NOMEM, "Not enough memory for a template.");
    for (size_t i = 0; i < source.len; i++) {
        if (source.ptr[i] == '\r' && i + 1 < source.len && source.ptr[i + 1] == '\n')
            continue;
        p[n++] = source.ptr[i] == '\r' ? '\n' : source.ptr[i];
    }
    if (n > 0 && p[n - 1] == '\n')
        n--;
    l->s = wf_str_n(p, n);
    return 0;
}

int wf_jinja__lex(struct wf_arena *arena, struct wf_str source, struct wf_jtokens *out,
                  struct wf_err *err)
{
    struct lexer l = {.arena = arena, .line = 1, .is_line_start = true, .out = out, .err = err};
    int rc = normalise(&l, source);

    while (rc == 0 && l.at < l.s.len) {
        rc = push_text(&l, next_tag(&l));
        if (rc == 0 && l.at < l.s.len)
            rc = lex_tag(&l);
    }
    return rc == 0 ? push(&l, (struct wf_jtoken){.kind = WF_JT_END}) : rc;
}
