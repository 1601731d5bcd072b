/* SPDX-License-Identifier: Apache-2.0 */
/* JSON scan: a state and a stack of bits (array or object). */
#include "model/json_scan.h"

#include <assert.h>

enum {
    VALUE,       /* a value must begin */
    ARRAY_FIRST, /* a value or ] */
    ARRAY_NEXT,  /* , or ] */
    KEY_FIRST,   /* a key or } */
    KEY,         /* a key */
    COLON,
    OBJECT_NEXT, /* , or } */
    STRING,
    ESCAPE,
    HEX,
    KEY_STRING,
    KEY_ESCAPE,
    KEY_HEX,
    MINUS,
    ZERO,
    DIGITS,
    POINT,
    FRACTION,
    E,
    E_SIGN,
    EXPONENT,
    WORD,
    DONE,
};

void wf_json_scan_init(struct wf_json_scan *s)
{
    *s = (struct wf_json_scan){._state = VALUE};
}

bool wf_json_scan_in_string(const struct wf_json_scan *s)
{
    return s->_state == STRING || s->_state == KEY_STRING;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum wf_json_step go(struct wf_json_scan *s, int state)
{
    s->_state = (uint8_t)state;
    return WF_JSON_MORE;
}

static enum wf_json_step push(struct wf_json_scan *s, bool is_object)
{
    size_t i = s->_depth;

    if (i >= WF_LIMIT_NESTING)
        return WF_JSON_BAD;
    s->_is_object[i / 8] &= (uint8_t) ~(1u << i % 8);
    s->_is_object[i / 8] |= (uint8_t)((unsigned)is_object << i % 8);
    s->_depth++;
    return go(s, is_object ? KEY_FIRST : ARRAY_FIRST);
}

/* A value is over. */
static enum wf_json_step over(struct wf_json_scan *s)
{
    size_t i = s->_depth;

    if (i == 0) {
        s->_state = DONE;
        return WF_JSON_LAST;
    }
    i--;
    return go(s, s->_is_object[i / 8] >> i % 8 & 1 ? OBJECT_NEXT : ARRAY_NEXT);
}

static enum wf_json_step pop(struct wf_json_scan *s)
{
    assert(s->_depth > 0);
    s->_depth--;
    return over(s);
}

static enum wf_json_step word(struct wf_json_scan *s, const char *rest)
{
    s->_word = rest;
    return go(s, WORD);
}

static enum wf_json_step begin(struct wf_json_scan *s, char c)
{
    switch (c) {
    case '{':
        return push(s, true);
    case '[':
        return push(s, false);
    case '"':
        return go(s, STRING);
    case '-':
        return go(s, MINUS);
    case '0':
        return go(s, ZERO);
    case 't':
        return word(s, "rue");
    case 'f':
        return word(s, "alse");
    case 'n':
        return word(s, "ull");
    default:
        return is_digit(c) ? go(s, DIGITS) : WF_JSON_BAD;
    }
}

static enum wf_json_step step_string(struct wf_json_scan *s, char c)
{
    bool is_key = s->_state >= KEY_STRING && s->_state <= KEY_HEX;
    int state = is_key ? s->_state - KEY_STRING + STRING : s->_state, next = state;

    if (state == STRING && c == '"')
        return is_key ? go(s, COLON) : over(s);
    if (state == STRING && c == '\\') {
        next = ESCAPE;
    } else if (state == ESCAPE && c == 'u') {
        s->_digits = 0;
        next = HEX;
    } else if (state == ESCAPE) {
        if (c != '"' && c != '\\' && c != '/' && c != 'b' && c != 'f' && c != 'n' && c != 'r' &&
            c != 't')
            return WF_JSON_BAD;
        next = STRING;
    } else if (state == HEX) {
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F'))
            return WF_JSON_BAD;
        next = ++s->_digits == 4 ? STRING : HEX;
    }
    return go(s, is_key ? next - STRING + KEY_STRING : next);
}

/* A number goes on, ends before this byte, or is none. */
static enum wf_json_step step_number(struct wf_json_scan *s, char c)
{
    bool may_end =
        s->_state == ZERO || s->_state == DIGITS || s->_state == FRACTION || s->_state == EXPONENT;

    if (is_digit(c) && s->_state != ZERO) {
        static const uint8_t after[] = {
            [MINUS] = DIGITS, [DIGITS] = DIGITS,   [POINT] = FRACTION,    [FRACTION] = FRACTION,
            [E] = EXPONENT,   [E_SIGN] = EXPONENT, [EXPONENT] = EXPONENT,
        };
        return go(s, s->_state == MINUS && c == '0' ? ZERO : after[s->_state]);
    }
    if (c == '.' && (s->_state == ZERO || s->_state == DIGITS))
        return go(s, POINT);
    if ((c == 'e' || c == 'E') && may_end && s->_state != EXPONENT)
        return go(s, E);
    if ((c == '+' || c == '-') && s->_state == E)
        return go(s, E_SIGN);
    return may_end ? WF_JSON_BEFORE : WF_JSON_BAD;
}

static enum wf_json_step step_between(struct wf_json_scan *s, char c)
{
    switch (s->_state) {
    case ARRAY_FIRST:
        return c == ']' ? pop(s) : begin(s, c);
    case ARRAY_NEXT:
        return c == ',' ? go(s, VALUE) : c == ']' ? pop(s) : WF_JSON_BAD;
    case KEY_FIRST:
        return c == '"' ? go(s, KEY_STRING) : c == '}' ? pop(s) : WF_JSON_BAD;
    case KEY:
        return c == '"' ? go(s, KEY_STRING) : WF_JSON_BAD;
    case COLON:
        return c == ':' ? go(s, VALUE) : WF_JSON_BAD;
    case OBJECT_NEXT:
        return c == ',' ? go(s, KEY) : c == '}' ? pop(s) : WF_JSON_BAD;
    default:
        return begin(s, c);
    }
}

enum wf_json_step wf_json_scan_step(struct wf_json_scan *s, char byte)
{
    enum wf_json_step step;

    assert(s->_state != DONE);
    if (s->_state >= STRING && s->_state <= KEY_HEX)
        return step_string(s, byte);
    if (s->_state >= MINUS && s->_state <= EXPONENT) {
        step = step_number(s, byte);
        if (step != WF_JSON_BEFORE || s->_depth == 0)
            return step;
        (void)over(s); /* and the byte is what follows the number */
    }
    if (s->_state == WORD) {
        if (*s->_word != byte)
            return WF_JSON_BAD;
        return *++s->_word == 0 ? over(s) : WF_JSON_MORE;
    }
    if (is_space(byte) && s->_depth > 0)
        return WF_JSON_MORE;
    return step_between(s, byte);
}
