/* SPDX-License-Identifier: Apache-2.0 */
/* An equals sign at a time: the number behind it, and in front of it the longest expression that
 * ends there. One that begins with an operator, or right behind a letter or a power, has a part
 * that is not understood, and is none. */
#include "route/sums.h"

#include <math.h>
#include <stdbool.h>

#include "base/config.h"

#define SUM_BYTES 200 /* before the equals sign */
#define DEPTH_MAX 8   /* of brackets */
#define DIGITS_MAX 18
#define OFF_SHARE 0.011 /* rounding */

struct parser {
    struct wf_str s;
    size_t i;
    unsigned depth;
    bool divides, failed;
    size_t n_operators;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char at(const struct parser *p, size_t i)
{
    return i < p->s.len ? p->s.ptr[i] : '\0';
}

static void skip(struct parser *p)
{
    while (at(p, p->i) == ' ' || at(p, p->i) == '$')
        p->i++;
}

/* A comma before three digits groups. */
static bool groups(const struct parser *p)
{
    return at(p, p->i) == ',' && is_digit(at(p, p->i + 1)) && is_digit(at(p, p->i + 2)) &&
           is_digit(at(p, p->i + 3)) && !is_digit(at(p, p->i + 4));
}

/* Digits, perhaps a point within or before, perhaps a percent sign. */
static double number(struct parser *p)
{
    double v = 0, unit = 1;
    size_t n = 0;
    bool has_point = false;

    skip(p);
    for (; n <= DIGITS_MAX; p->i++) {
        const char c = at(p, p->i);
        if (c == '.' && !has_point && is_digit(at(p, p->i + 1))) {
            has_point = true;
        } else if (is_digit(c)) {
            v = v * 10 + (c - '0');
            unit *= has_point ? 10 : 1;
            n++;
        } else if (n == 0 || has_point || !groups(p)) {
            break;
        }
    }
    p->failed |= n == 0 || n > DIGITS_MAX;
    v /= unit;
    if (at(p, p->i) != '%')
        return v;
    p->i++;
    return v / 100;
}

static double sum(struct parser *p);

static double factor(struct parser *p)
{
    double v;

    skip(p);
    if (at(p, p->i) == '-') {
        p->i++;
        return -number(p);
    }
    if (at(p, p->i) != '(')
        return number(p);
    p->i++;
    p->failed |= ++p->depth > DEPTH_MAX;
    v = p->failed ? 0 : sum(p);
    p->depth--;
    skip(p);
    p->failed |= at(p, p->i) != ')';
    p->i++;
    return v;
}

/* The operator that comes, one of "+-*" and "/", or NUL; it is passed over. */
static char operator_of(struct parser *p, const char *wanted)
{
    char c;

    skip(p);
    c = at(p, p->i);
    if (c == 'x' || c == 'X')
        c = '*';
    for (; *wanted != '\0'; wanted++) {
        if (*wanted != c)
            continue;
        p->i++;
        p->n_operators++;
        return c;
    }
    return '\0';
}

static double product(struct parser *p)
{
    double v = factor(p);
    char c;

    while (!p->failed && (c = operator_of(p, "*/")) != '\0') {
        const double w = factor(p);
        p->divides |= c == '/';
        v = c == '*' ? v * w : w != 0 ? v / w : NAN;
    }
    return v;
}

static double sum(struct parser *p)
{
    double v = product(p);
    char c;

    while (!p->failed && (c = operator_of(p, "+-")) != '\0') {
        const double w = product(p);
        v = c == '+' ? v + w : v - w;
    }
    return v;
}

/* ---- around an equals sign ---- */

static bool is_part(char c)
{
    return is_digit(c) || c == ' ' || c == '.' || c == ',' || c == '+' || c == '-' || c == '*' ||
           c == '/' || c == 'x' || c == 'X' || c == '(' || c == ')' || c == '$' || c == '%';
}

/* Whether an expression may begin behind this: not within a word, a power, another number. */
static bool may_begin_behind(char c)
{
    return c == '\0' || c == ' ' || c == '\n' || c == '\t' || c == ':' || c == ';' || c == ',' ||
           c == '=' || c == '"' || c == '(' || c == '*';
}

/* The number behind an equals sign; false: there is none, or more than that. */
static bool result_at(struct wf_str text, size_t i, double *out)
{
    struct parser p = {.s = text, .i = i};
    bool is_negative;

    skip(&p);
    is_negative = at(&p, p.i) == '-';
    p.i += is_negative;
    *out = number(&p);
    if (is_negative)
        *out = -*out;
    if (p.failed)
        return false;
    skip(&p);
    return at(&p, p.i) == '\0' || !(is_part(at(&p, p.i)) || at(&p, p.i) == '^') ||
           at(&p, p.i) == ',' || at(&p, p.i) == '.' || at(&p, p.i) == ')' || is_digit(at(&p, p.i));
}

/* The value of the longest expression that ends at `end`; false: there is none with an operator. */
static bool value_before(struct wf_str text, size_t end, double *out, bool *out_divides)
{
    size_t start = end;
    char last = '\0'; /* but spaces */

    while (start > 0 && end - start < SUM_BYTES && is_part(text.ptr[start - 1]))
        start--;
    for (size_t i = start; i < end; i++) {
        struct parser p = {.s = wf_str_sub(text, i, end)};
        const char before = i > 0 ? text.ptr[i - 1] : '\0', c = text.ptr[i];
        if (c == ' ' || c == ',' || c == ')' || (c == '.' && !is_digit(at(&p, 1))))
            continue;
        const bool is_operator =
            c == '+' || c == '-' || c == '*' || c == '/' || c == 'x' || c == 'X';
        if (is_operator && !(c == '-' && start > 0 && text.ptr[start - 1] == '='))
            return false; /* what comes before it is not known */
        if (!may_begin_behind(before) || is_digit(last) || last == ')')
            return false;
        *out = sum(&p);
        skip(&p);
        if (!p.failed && p.i == p.s.len) {
            *out_divides = p.divides;
            return p.n_operators > 0 && isfinite(*out);
        }
        /* Something else stands before it: "in 2012, 3 + 4". */
        while (i + 1 < end && text.ptr[i + 1] != ' ')
            i++;
        last = text.ptr[i];
    }
    return false;
}

struct wf_sums wf_sums_in(struct wf_str text)
{
    struct wf_sums out = {.n = 0};

    for (size_t i = 1; i + 1 < text.len; i++) {
        const char before = text.ptr[i - 1], behind = text.ptr[i + 1];
        double value, result;
        bool divides = false;
        if (text.ptr[i] != '=' || before == '=' || before == '!' || before == '<' ||
            before == '>' || behind == '=' || behind == '>')
            continue;
        if (!result_at(text, i + 1, &result) || !value_before(text, i, &value, &divides))
            continue;
        out.n++;
        out.n_wrong +=
            fabs(value - result) > fmax(OFF_SHARE * fabs(value), divides ? 1.0 : OFF_SHARE);
    }
    return out;
}
