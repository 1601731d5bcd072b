/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: calls as Python writes them, name(city="Paris", days=[1, 2]), turned into JSON.
 *
 * Values are literals: strings with their escapes, numbers, True, False, None, lists, tuples,
 * dictionaries. Brackets that are open stand on a stack. */
#include <string.h>

#include "model/dialect_internal.h"
#include "text/utf8.h"

enum {
    NAME,
    OPEN,     /* ( */
    ARGUMENT, /* a key, or ) */
    KEY,
    EQUALS,
    VALUE,        /* a value must begin */
    VALUE_OR_END, /* or the bracket closes */
    STRING,
    ESCAPE,
    WORD,
    AFTER, /* behind a value */
};

#define WORD_MAX 64

static enum wf_read_step go(struct wf_dialect_reader *r, int step)
{
    r->step = step;
    return WF_READ_ON;
}

static void put(struct wf_dialect_reader *r, const char *s)
{
    (void)wf_buf_append_cstr(&r->out, s);
}

static enum wf_read_step read_word(struct wf_dialect_reader *r, struct wf_buf *out, int next)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = 0;

    while (n < rest.len && (wf_reader_is_name(rest.ptr[n]) || rest.ptr[n] == '+') &&
           !(r->step == WORD && rest.ptr[n] == ':'))
        n++;
    (void)wf_buf_append(out, rest.ptr, n);
    wf_reader_take(r, n);
    if (out->len > WORD_MAX + (r->step == NAME ? 192 : 0))
        return WF_READ_BAD;
    return n < rest.len ? go(r, next) : WF_READ_MORE;
}

/* The innermost bracket; ) of the call itself when none is open. */
static char closer(const struct wf_dialect_reader *r)
{
    return r->depth == 0 ? ')' : r->stack[r->depth - 1];
}

/* Whether the value that begins here is a key of a dictionary. */
static bool is_key(const struct wf_dialect_reader *r)
{
    return closer(r) == '}' && r->key == 1;
}

static enum wf_read_step open_bracket(struct wf_dialect_reader *r, char c)
{
    if (r->depth >= WF_LIMIT_NESTING || is_key(r))
        return WF_READ_BAD;
    r->stack[r->depth++] = (char)(c == '{' ? '}' : c == '[' ? ']' : ')');
    put(r, c == '{' ? "{" : "[");
    r->key = c == '{';
    wf_reader_take(r, 1);
    return go(r, VALUE_OR_END);
}

static enum wf_read_step close_bracket(struct wf_dialect_reader *r)
{
    char c = closer(r);

    wf_reader_take(r, 1);
    if (r->depth == 0) {
        put(r, "}");
        return WF_READ_DONE;
    }
    r->depth--;
    put(r, c == '}' ? "}" : "]");
    r->key = 0;
    return go(r, AFTER);
}

static enum wf_read_step begin_value(struct wf_dialect_reader *r, char c)
{
    if (r->step == VALUE_OR_END && c == closer(r) && r->depth > 0)
        return close_bracket(r);
    /* A trailing comma may stand before the bracket; one before this value is due now. */
    if (r->quote == ',') {
        put(r, ", ");
        r->quote = 0;
    }
    if (c == '{' || c == '[' || c == '(')
        return open_bracket(r, c);
    if (c == '"' || c == '\'') {
        put(r, "\"");
        r->quote = c;
        wf_reader_take(r, 1);
        return go(r, STRING);
    }
    if (is_key(r) || !(wf_reader_is_name(c) || c == '+'))
        return WF_READ_BAD;
    wf_buf_reset(&r->field);
    return go(r, WORD);
}

static enum wf_read_step read_string(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = 0;

    while (n < rest.len && rest.ptr[n] != r->quote && rest.ptr[n] != '\\')
        n++;
    (void)wf_json_escape(&r->out, wf_str_n(rest.ptr, n));
    wf_reader_take(r, n);
    if (n == rest.len)
        return WF_READ_MORE;
    if (rest.ptr[n] == '\\')
        return go(r, ESCAPE);
    wf_reader_take(r, 1);
    put(r, "\"");
    r->quote = 0;
    return go(r, AFTER);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The backslash is not taken yet. \xHH, \uHHHH or \UHHHHHHHH as it is written; halves of surrogates
 * stay escapes. */
static enum wf_read_step read_code(struct wf_dialect_reader *r, size_t n_digits)
{
    struct wf_str rest = wf_reader_rest(r);
    uint32_t cp = 0;
    char utf8[4];

    for (size_t i = 2; i < n_digits + 2; i++) {
        if (i >= rest.len)
            return WF_READ_MORE;
        if (hex_digit(rest.ptr[i]) < 0)
            return WF_READ_BAD;
        cp = cp * 16 + (uint32_t)hex_digit(rest.ptr[i]);
    }
    if (cp > 0x10FFFF)
        return WF_READ_BAD;
    wf_reader_take(r, n_digits + 2);
    if (cp < 0x20 || (cp >= 0xD800 && cp < 0xE000))
        (void)wf_buf_appendf(&r->out, "\\u%04x", (unsigned)cp);
    else
        (void)wf_json_escape(&r->out, wf_str_n(utf8, wf_utf8_put(utf8, cp)));
    return go(r, STRING);
}

static enum wf_read_step read_escape(struct wf_dialect_reader *r)
{
    static const char from[] = "nrtbf0\\'\"/", to[] = "\n\r\t\b\f\0\\'\"/";
    struct wf_str rest = wf_reader_rest(r);
    const char *at;
    char c;

    if (rest.len < 2)
        return WF_READ_MORE;
    c = rest.ptr[1];
    if (c == 'x' || c == 'u' || c == 'U')
        return read_code(r, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    wf_reader_take(r, 2);
    at = c != 0 ? strchr(from, c) : NULL;
    if (c == '\n') /* continues on the next line */
        return go(r, STRING);
    if (at == NULL) {
        put(r, "\\\\");
        (void)wf_json_escape(&r->out, wf_str_n(&c, 1));
    } else {
        (void)wf_json_escape(&r->out, wf_str_n(&to[at - from], 1));
    }
    return go(r, STRING);
}

/* A number or a word is whole. */
static bool give_word(struct wf_dialect_reader *r)
{
    static const char *const words[] = {"True", "true", "False", "false", "None", "null",
                                        "true", "true", "false", "false", "null", "null"};
    struct wf_str s = wf_buf_str(&r->field);
    enum wf_json_step step = WF_JSON_MORE;

    for (size_t i = 0; i < WF_ARRAY_LEN(words); i += 2)
        if (wf_str_eq(s, wf_str_from(words[i]))) {
            put(r, words[i + 1]);
            return true;
        }
    if (s.len > 0 && s.ptr[0] == '+')
        s = wf_str_sub(s, 1, s.len);
    wf_json_scan_init(&r->scan);
    for (size_t i = 0; i < s.len && step == WF_JSON_MORE; i++)
        step = wf_json_scan_step(&r->scan, s.ptr[i]);
    if (step != WF_JSON_MORE || wf_json_scan_step(&r->scan, ' ') != WF_JSON_BEFORE)
        return false;
    (void)wf_buf_append_str(&r->out, s);
    return true;
}

/* Behind a value: a comma, a colon behind a key, or the bracket closes. */
static enum wf_read_step after_value(struct wf_dialect_reader *r, char c)
{
    if (is_key(r)) {
        if (c != ':')
            return WF_READ_BAD;
        put(r, ": ");
        r->key = 0;
        wf_reader_take(r, 1);
        return go(r, VALUE);
    }
    if (c == closer(r))
        return close_bracket(r);
    if (c != ',')
        return WF_READ_BAD;
    wf_reader_take(r, 1);
    r->quote = ',';
    r->key = closer(r) == '}';
    return go(r, r->depth == 0 ? ARGUMENT : VALUE_OR_END);
}

static enum wf_read_step begin_arguments(struct wf_dialect_reader *r, char c)
{
    if (c != '(' || !wf_reader_knows_name(r))
        return WF_READ_BAD;
    wf_reader_take(r, 1);
    wf_reader_give_call(r);
    put(r, "{");
    r->quote = 0;
    r->key = 0;
    return go(r, ARGUMENT);
}

static enum wf_read_step begin_argument(struct wf_dialect_reader *r, char c)
{
    if (c == ')')
        return close_bracket(r);
    if (!wf_reader_is_name(c))
        return WF_READ_BAD;
    wf_buf_reset(&r->field);
    return go(r, KEY);
}

/* Behind a key. */
static enum wf_read_step take_equals(struct wf_dialect_reader *r, char c)
{
    if (c != '=')
        return WF_READ_BAD;
    wf_reader_take(r, 1);
    put(r, r->has_arguments ? ", \"" : "\"");
    (void)wf_json_escape(&r->out, wf_buf_str(&r->field));
    put(r, "\": ");
    r->has_arguments = true;
    r->quote = 0;
    return go(r, VALUE);
}

enum wf_read_step wf_reader_python(struct wf_dialect_reader *r)
{
    char c;

    switch (r->step) {
    case NAME:
        return read_word(r, &r->name, OPEN);
    case KEY:
        return read_word(r, &r->field, EQUALS);
    case STRING:
        return read_string(r);
    case ESCAPE:
        return read_escape(r);
    case WORD: {
        enum wf_read_step step = read_word(r, &r->field, AFTER);
        return step != WF_READ_ON || give_word(r) ? step : WF_READ_BAD;
    }
    default:
        break;
    }
    if (!wf_reader_take_space(r))
        return WF_READ_MORE;
    c = wf_reader_rest(r).ptr[0];
    if (r->step == OPEN)
        return begin_arguments(r, c);
    if (r->step == ARGUMENT)
        return begin_argument(r, c);
    if (r->step == EQUALS)
        return take_equals(r, c);
    return r->step == AFTER ? after_value(r, c) : begin_value(r, c);
}

int wf_python_to_json(struct wf_str s, struct wf_buf *out)
{
    struct wf_dialect_reader r = {.step = VALUE, .end = true};
    enum wf_read_step step = WF_READ_ON;
    int rc;

    wf_buf_init(&r.in, WF_LIMIT_ENCODE_BYTES);
    wf_buf_init(&r.raw, WF_LIMIT_ENCODE_BYTES);
    wf_buf_init(&r.field, WF_LIMIT_ENCODE_BYTES);
    wf_buf_init(&r.out, WF_LIMIT_ENCODE_BYTES);
    /* As the last value of a call, which closes behind it. */
    (void)wf_buf_append_str(&r.in, s);
    (void)wf_buf_append_byte(&r.in, ')');
    while (step == WF_READ_ON && !(r.step == ARGUMENT))
        step = wf_reader_python(&r);
    rc = wf_buf_status(&r.in) != 0 ? wf_buf_status(&r.in) : wf_buf_status(&r.out);
    if (rc == 0 && (step != WF_READ_DONE || r.at < r.in.len))
        rc = WF_E_FORMAT;
    if (rc == 0)
        rc = wf_buf_append(out, r.out.ptr, r.out.len - 1); /* without the call's bracket */
    wf_buf_deinit(&r.in);
    wf_buf_deinit(&r.raw);
    wf_buf_deinit(&r.field);
    wf_buf_deinit(&r.out);
    return rc;
}
