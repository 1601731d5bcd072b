/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum families. Sources: ISO/IEC 7812-1 (Luhn), ISO/IEC 7064 (mod 11,10; 37,36; 11-2;
 * 97-10), J. Verhoeff 1969, H. M. Damm 2004. Values above 9 where only digits are meant make a
 * check fail, never a read outside of a table. */
#include "privacy/checks.h"

#include <string.h>

#include "base/civil.h"

/* Value of a letter or digit, -1 for a separator, -2 for anything else. */
static int value_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    return c != 0 && strchr(" -./:_()\t", c) != NULL ? -1 : -2;
}

bool wf_code_read(struct wf_str s, struct wf_code *out)
{
    out->n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int v = value_of(s.ptr[i]);
        if (v == -2 || (v >= 0 && out->n == WF_CODE_MOST))
            return false;
        if (v >= 0)
            out->v[out->n++] = (uint8_t)v;
    }
    return true;
}

bool wf_code_shape(struct wf_str s, const char *shape, struct wf_code *out)
{
    size_t n = strlen(shape);

    if (!wf_code_read(s, out) || out->n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t v = out->v[i];
        bool fits = shape[i] == '9'   ? v < 10
                    : shape[i] == 'A' ? v >= 10
                    : shape[i] == '*' ? true
                                      : v == value_of(shape[i]);
        if (!fits)
            return false;
    }
    return true;
}

bool wf_code_after(struct wf_str s, const char *prefix, struct wf_code *out)
{
    size_t n = strlen(prefix), i = 0;

    if (!wf_code_read(s, out))
        return false;
    while (i < n && i < out->n && out->v[i] == value_of(prefix[i]))
        i++;
    if (i == n) {
        memmove(out->v, out->v + n, out->n - n);
        out->n -= n;
    }
    return true;
}

bool wf_code_is_digits(const uint8_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i] > 9)
            return false;
    }
    return true;
}

bool wf_code_is_same(const uint8_t *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i] != v[0])
            return false;
    }
    return true;
}

uint64_t wf_code_number(const uint8_t *v, size_t n)
{
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++)
        number = number * 10 + v[i];
    return number;
}

unsigned wf_code_mod(const uint8_t *v, size_t n, unsigned m)
{
    unsigned rest = 0;

    for (size_t i = 0; i < n; i++)
        rest = (rest * (v[i] > 9 ? 100 : 10) + v[i]) % m;
    return rest;
}

unsigned wf_check_sum(const uint8_t *v, const uint8_t *weights, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (unsigned)v[i] * weights[i];
    return sum;
}

unsigned wf_check_cross_sum(const uint8_t *v, const uint8_t *weights, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++) {
        for (unsigned product = (unsigned)v[i] * weights[i]; product > 0; product /= 10)
            sum += product % 10;
    }
    return sum;
}

bool wf_check_weighed(const uint8_t *v, const struct wf_weighing *w)
{
    unsigned check = wf_check_sum(v, w->weights, w->n) % w->modulus;

    if (w->lacking)
        check = (w->modulus - check) % w->modulus;
    if (check == 10)
        check = w->ten;
    return v[w->n] == check;
}

bool wf_code_weighed(struct wf_str s, const char *shape, const struct wf_weighing *w)
{
    struct wf_code c;

    return wf_code_shape(s, shape, &c) && c.n > w->n && !wf_code_is_same(c.v, c.n) &&
           wf_check_weighed(c.v, w);
}

/* The sum of Luhn's scheme in a base: a doubled value's two "digits" in that base added up. */
static unsigned luhn_sum(const uint8_t *v, size_t n, unsigned base)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned x = v[n - 1 - i];
        if (i % 2 == 1)
            x = 2 * x / base + 2 * x % base;
        sum += x;
    }
    return sum;
}

unsigned wf_check_luhn_sum(const uint8_t *v, size_t n)
{
    return luhn_sum(v, n, 10);
}

bool wf_check_luhn(const uint8_t *v, size_t n)
{
    return wf_code_is_digits(v, n) && luhn_sum(v, n, 10) % 10 == 0;
}

bool wf_check_luhn36(const uint8_t *v, size_t n)
{
    return luhn_sum(v, n, 36) % 36 == 0;
}

/* The hybrid systems: a product modulo m + 1 that runs along. */
static bool hybrid(const uint8_t *v, size_t n, unsigned m)
{
    unsigned product = m;

    for (size_t i = 0; i + 1 < n; i++) {
        unsigned sum = (product + v[i]) % m;
        product = 2 * (sum == 0 ? m : sum) % (m + 1);
    }
    return n > 1 && (product + v[n - 1]) % m == 1;
}

bool wf_check_mod11_10(const uint8_t *v, size_t n)
{
    return wf_code_is_digits(v, n) && hybrid(v, n, 10);
}

bool wf_check_mod37_36(const uint8_t *v, size_t n)
{
    return hybrid(v, n, 36);
}

bool wf_check_mod11_2(const uint8_t *v, size_t n)
{
    unsigned product = 0, last;

    if (n < 2 || !wf_code_is_digits(v, n - 1))
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        product = (product + v[i]) * 2 % 11;
    last = v[n - 1] == 'X' - 'A' + 10 ? 10 : v[n - 1];
    return v[n - 1] != 10 && last <= 10 && (product + last) % 11 == 1;
}

bool wf_check_mod97_10(const uint8_t *v, size_t n)
{
    return wf_code_mod(v, n, 97) == 1;
}

bool wf_check_verhoeff(const uint8_t *v, size_t n)
{
    static const uint8_t permuted[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
        {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
        {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
    };
    unsigned c = 0;

    if (!wf_code_is_digits(v, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned p = permuted[i % 8][v[n - 1 - i]];
        /* The dihedral group: 0..4 are rotations, 5..9 reflections. */
        if (c < 5)
            c = p < 5 ? (c + p) % 5 : 5 + (c + p - 5) % 5;
        else
            c = p < 5 ? 5 + (c - 5 + 5 - p) % 5 : (c - p + 5) % 5;
    }
    return c == 0;
}

bool wf_check_damm(const uint8_t *v, size_t n)
{
    static const uint8_t quasigroup[10][10] = {
        {0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
        {4, 2, 0, 6, 8, 7, 1, 3, 5, 9}, {1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
        {6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
        {5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
        {9, 4, 3, 8, 6, 1, 7, 2, 0, 5}, {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
    };
    unsigned c = 0;

    if (!wf_code_is_digits(v, n))
        return false;
    for (size_t i = 0; i < n; i++)
        c = quasigroup[c][v[i]];
    return c == 0;
}

bool wf_check_letter(uint8_t v, const char *alphabet, size_t i)
{
    return i < strlen(alphabet) && value_of(alphabet[i]) == v;
}

bool wf_check_date(unsigned year, unsigned month, unsigned day)
{
    struct wf_civil c = {(int)year, (int)month, (int)day, 0, 0};

    return year <= 9999 && month <= 12 && day <= 31 && wf_civil_is_valid(&c);
}

bool wf_check_yymmdd(const uint8_t *v)
{
    return wf_code_is_digits(v, 6) &&
           wf_check_date(2000u + v[0] * 10u + v[1], v[2] * 10u + v[3], v[4] * 10u + v[5]);
}

bool wf_check_ddmmyy(const uint8_t *v)
{
    return wf_code_is_digits(v, 6) &&
           wf_check_date(2000u + v[4] * 10u + v[5], v[2] * 10u + v[3], v[0] * 10u + v[1]);
}

bool wf_check_yyyymmdd(const uint8_t *v)
{
    unsigned year = (unsigned)wf_code_number(v, 4);

    return wf_code_is_digits(v, 8) && year >= 1850 && year < 2100 &&
           wf_check_date(year, v[4] * 10u + v[5], v[6] * 10u + v[7]);
}
