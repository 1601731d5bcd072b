/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from shapes and rules. */
#include "support/pii_make.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 100000

int pii_value(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

int pii_sum(const char *code, size_t start, const int *weights, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pii_value(code[start + i]) * weights[i];
    return sum;
}

int pii_luhn(const char *digits, size_t n)
{
    static const int doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (n - i) % 2 == 1 ? doubled[digits[i] - '0'] : digits[i] - '0';
    return (10 - sum % 10) % 10;
}

static unsigned below(const struct wf_rng *rng, unsigned n)
{
    return (unsigned)wf_rng_below(rng, n);
}

/* One of "ab|cd" (or, with sep 0, one character of "abc") up to `end`; returns behind it. */
static const char *choose(const char *s, char sep, char end, const struct wf_rng *rng, char *out,
                          size_t *n)
{
    const char *last = strchr(s, end);
    unsigned choices = 1, chosen;

    assert(last != NULL);
    if (sep == 0) {
        out[(*n)++] = s[below(rng, (unsigned)(last - s))];
        return last + 1;
    }
    for (const char *p = s; p < last; p++)
        choices += *p == sep;
    for (chosen = below(rng, choices); chosen > 0; chosen--)
        s = strchr(s, sep) + 1;
    while (*s != sep && *s != end)
        out[(*n)++] = *s++;
    return last + 1;
}

static void two(unsigned x, char *out, size_t *n)
{
    out[(*n)++] = (char)('0' + x / 10 % 10);
    out[(*n)++] = (char)('0' + x % 10);
}

static void fill_shape(const char *s, const struct wf_rng *rng, char *out)
{
    static const char any[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    unsigned year = 1940 + below(rng, 70);
    size_t n = 0;

    while (*s != 0) {
        char c = *s++;
        switch (c) {
        case 'n':
            out[n++] = (char)('0' + below(rng, 10));
            break;
        case 'p':
            out[n++] = (char)('1' + below(rng, 9));
            break;
        case 'a':
            out[n++] = (char)('A' + below(rng, 26));
            break;
        case 'x':
            out[n++] = any[below(rng, sizeof(any) - 1)];
            break;
        case 'y':
            two(year % 100, out, &n);
            break;
        case 'c':
            two(year / 100, out, &n);
            two(year % 100, out, &n);
            break;
        case 'm':
            two(1 + below(rng, 12), out, &n);
            break;
        case 'd':
            two(1 + below(rng, 28), out, &n);
            break;
        case '[':
            s = choose(s, 0, ']', rng, out, &n);
            break;
        case '(':
            s = choose(s, '|', ')', rng, out, &n);
            break;
        case '\\':
            out[n++] = *s++;
            break;
        default:
            out[n++] = c;
        }
        assert(n + 8 < PII_MADE_MOST);
    }
    out[n] = 0;
}

/* "r11z@2:5,4,3" for the next '?'. */
static bool fill_weighed(const char *rule, char *code)
{
    char *check = strchr(code, '?');
    bool lacking = rule[0] == 'c';
    char *end;
    long modulus = strtol(rule + 1, &end, 10), start = 0;
    char ten = *end != ':' && *end != '@' ? *end++ : 0;
    int sum = 0, digit;

    assert(check != NULL && modulus > 1 && (rule[0] == 'c' || rule[0] == 'r'));
    if (*end == '@')
        start = strtol(end + 1, &end, 10);
    assert(*end == ':');
    for (const char *c = code + start; *end != 0 && *end != ';'; c++)
        sum += (int)strtol(end + 1, &end, 10) * pii_value(*c);
    digit = sum % (int)modulus;
    if (lacking)
        digit = ((int)modulus - digit) % (int)modulus;
    if (digit == 10 && ten == 0)
        return false;
    *check = digit == 10 ? (ten == 'z'   ? '0'
                            : ten == 'o' ? '1'
                            : ten == 'n' ? '9'
                                         : 'K')
                         : (char)('0' + digit);
    return true;
}

static bool fill_rule(const char *rule, char *code)
{
    for (; rule != NULL; rule = strchr(rule, ';') != NULL ? strchr(rule, ';') + 1 : NULL) {
        if (strncmp(rule, "luhn", 4) == 0) {
            char *check = strchr(code, '?');
            size_t start = rule[4] == '@' ? strtoul(rule + 5, NULL, 10) : 0;
            assert(check != NULL);
            *check = (char)('0' + pii_luhn(code + start, (size_t)(check - code) - start));
        } else if (rule[0] == '!') {
            size_t n = strcspn(rule + 1, ";"), i = 0;
            while (i < pii_rules_n &&
                   (strlen(pii_rules[i].name) != n || strncmp(pii_rules[i].name, rule + 1, n) != 0))
                i++;
            assert(i < pii_rules_n);
            if (!pii_rules[i].fill(code))
                return false;
        } else if (!fill_weighed(rule, code)) {
            return false;
        }
    }
    return true;
}

void pii_make(const struct pii_kind *k, const struct wf_rng *rng, char out[PII_MADE_MOST])
{
    for (unsigned try = 0; try < TRIES; try++) {
        char code[PII_MADE_MOST];
        size_t n = 0;
        fill_shape(k->shape, rng, out);
        for (const char *p = out; *p != 0; p++) {
            if (strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ?", *p) != NULL)
                code[n++] = *p;
        }
        code[n] = 0;
        if (!fill_rule(k->rule, code))
            continue;
        n = 0;
        for (char *p = out; *p != 0; p++) {
            if (strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ?", *p) != NULL)
                *p = code[n++];
        }
        assert(strchr(out, '?') == NULL);
        return;
    }
    fprintf(stderr, "pii_make: %s: no number fits\n", k->type);
    abort();
}
