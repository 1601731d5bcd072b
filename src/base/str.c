/* SPDX-License-Identifier: Apache-2.0 */
/* String views: compare, search, split, numbers, hash.
 *
 * Everything is by bytes and ASCII; Unicode lives in text/. A view may hold NULs and may be
 * {NULL, 0}, so the C library is called only with non-zero lengths. Numbers are read without the
 * locale: in a German one strtod() would want a comma.
 *
 * The hash folds 16 bytes a step by one 64x64->128 bit multiplication whose two factors both hold
 * secrets drawn from the seed. With a public constant on one side, whoever sends a word equal to
 * it would make that factor zero and so choose collisions. */
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The longest number to be read as f64: a double's digits and exponent with plenty of zeros. */
#define NUMBER_BYTES 400

struct wf_str wf_str_from(const char *s)
{
    return (struct wf_str){s, s ? strlen(s) : 0};
}

struct wf_str wf_str_n(const char *ptr, size_t len)
{
    return (struct wf_str){ptr, len};
}

struct wf_str wf_str_sub(struct wf_str s, size_t start, size_t end)
{
    end = WF_MIN(end, s.len);
    start = WF_MIN(start, end);
    return (struct wf_str){s.ptr ? s.ptr + start : NULL, end - start};
}

bool wf_str_eq(struct wf_str a, struct wf_str b)
{
    if (a.len != b.len || a.len == 0)
        return a.len == b.len;
    assert(a.ptr && b.ptr);
    return memcmp(a.ptr, b.ptr, a.len) == 0;
}

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool wf_str_eq_nocase(struct wf_str a, struct wf_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

int wf_str_cmp(struct wf_str a, struct wf_str b)
{
    size_t n = WF_MIN(a.len, b.len);
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c != 0)
        return c < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

bool wf_str_starts(struct wf_str s, struct wf_str prefix)
{
    return s.len >= prefix.len && wf_str_eq(wf_str_sub(s, 0, prefix.len), prefix);
}

bool wf_str_ends(struct wf_str s, struct wf_str suffix)
{
    return s.len >= suffix.len && wf_str_eq(wf_str_sub(s, s.len - suffix.len, s.len), suffix);
}

size_t wf_str_find(struct wf_str s, struct wf_str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from)
        return SIZE_MAX;
    if (needle.len == 0)
        return from;
    const char *p = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

size_t wf_str_find_byte(struct wf_str s, char byte, size_t from)
{
    if (from >= s.len)
        return SIZE_MAX;
    const char *p = memchr(s.ptr + from, byte, s.len - from);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct wf_str wf_str_trim(struct wf_str s)
{
    size_t start = 0;
    size_t end = s.len;
    while (start < end && is_space(s.ptr[start]))
        start++;
    while (end > start && is_space(s.ptr[end - 1]))
        end--;
    return wf_str_sub(s, start, end);
}

bool wf_str_split(struct wf_str *rest, char sep, struct wf_str *out_part)
{
    if (!rest->ptr)
        return false;
    size_t at = wf_str_find_byte(*rest, sep, 0);
    if (at == SIZE_MAX) {
        *out_part = *rest;
        *rest = (struct wf_str){NULL, 0};
    } else {
        *out_part = wf_str_sub(*rest, 0, at);
        *rest = wf_str_sub(*rest, at + 1, rest->len);
    }
    return true;
}

bool wf_str_line(struct wf_str *rest, struct wf_str *out_line)
{
    if (rest->len == 0) {
        *rest = (struct wf_str){NULL, 0};
        return false;
    }
    struct wf_str line;
    if (!wf_str_split(rest, '\n', &line))
        return false;
    /* Without a newline the "\r" is the text's own. */
    if (rest->ptr && wf_str_ends(line, WF_STR("\r")))
        line.len--;
    *out_line = line;
    return true;
}

bool wf_str_to_u64(struct wf_str s, uint64_t *out)
{
    if (s.len == 0)
        return false;
    assert(s.ptr);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool wf_str_to_i64(struct wf_str s, int64_t *out)
{
    bool negative = wf_str_starts(s, WF_STR("-"));
    uint64_t v;
    if (!wf_str_to_u64(wf_str_sub(s, negative ? 1 : 0, s.len), &v))
        return false;
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    if (negative)
        *out = v == 0 ? 0 : -(int64_t)(v - 1) - 1; /* so that INT64_MIN does not overflow */
    else
        *out = (int64_t)v;
    return true;
}

/* Skips digits from *io_i on; false when there are none. */
static bool skip_digits(struct wf_str s, size_t *io_i)
{
    size_t start = *io_i;
    while (*io_i < s.len && s.ptr[*io_i] >= '0' && s.ptr[*io_i] <= '9')
        ++*io_i;
    return *io_i > start;
}

static bool is_f64(struct wf_str s)
{
    size_t i = 0;
    if (s.len > 0 && s.ptr[0] == '-')
        i++;
    if (!skip_digits(s, &i))
        return false;
    if (i < s.len && s.ptr[i] == '.') {
        i++;
        if (!skip_digits(s, &i))
            return false;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
            i++;
        if (!skip_digits(s, &i))
            return false;
    }
    return i == s.len;
}

bool wf_str_to_f64(struct wf_str s, double *out)
{
    char number[NUMBER_BYTES + 1];
    if (s.len > NUMBER_BYTES || !is_f64(s))
        return false;
    memcpy(number, s.ptr, s.len);
    number[s.len] = '\0';
    /* glibc hands out its static "C" locale here: nothing is allocated, it cannot fail. */
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    double v = strtod_l(number, NULL, c_locale);
    freelocale(c_locale);
    if (!isfinite(v))
        return false;
    *out = v;
    return true;
}

/* Length of the valid UTF-8 sequence at s (n > 0 bytes left), or 0. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
    size_t want = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (want == 0 || s[0] > 0xF4 || want > n)
        return 0;
    for (size_t i = 1; i < want; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90))
        return 0; /* a longer form than needed */
    if ((s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0; /* a surrogate, or above U+10FFFF */
    return want;
}

void wf_str_make_printable(char *s, size_t n)
{
    unsigned char *p = (unsigned char *)s;
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(p + i, n - i);
        if (len == 0) {
            p[i] = '?';
            len = 1;
        } else if (len == 1 && (p[i] < ' ' || p[i] == 0x7F)) {
            p[i] = ' ';
        } else if (len == 2 && p[i] == 0xC2 && p[i + 1] < 0xA0) {
            p[i] = p[i + 1] = ' '; /* C1 controls: some terminals obey them */
        }
        i += len;
    }
}

static uint64_t read_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t read_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Both halves of the 128-bit product, folded. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t wf_str_hash(struct wf_str s, uint64_t seed)
{
    /* Odd constants with bits evenly set: the fractions of the golden ratio and of sqrt(2), sqrt(3)
     * in 64 bits. */
    uint64_t k = fold(seed ^ UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0x6A09E667F3BCC909));
    uint64_t h = fold(seed ^ k, UINT64_C(0xBB67AE8584CAA73B));
    const char *p = s.ptr;
    size_t n = s.len;
    for (; n > 16; n -= 16, p += 16)
        h = fold(h ^ read_u64(p), k ^ read_u64(p + 8));
    uint64_t a = 0;
    uint64_t b = 0;
    if (n >= 8) { /* the reads may overlap; the length, below, tells such tails apart */
        a = read_u64(p);
        b = read_u64(p + n - 8);
    } else if (n >= 4) {
        a = read_u32(p);
        b = read_u32(p + n - 4);
    } else if (n > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
            (uint64_t)(unsigned char)p[n - 1];
    }
    h = fold(h ^ a, k ^ b);
    /* The length comes where no byte of the text can cancel it. */
    return fold(h ^ k, seed ^ UINT64_C(0x3C6EF372FE94F82B) ^ (uint64_t)s.len);
}
