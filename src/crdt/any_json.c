/* SPDX-License-Identifier: Apache-2.0 */
/* Any values from JSON and back, as JavaScript's JSON.parse and JSON.stringify have it: formats'
 * and embeds' values are JSON texts in update format 1 and Any values in format 2, and a text must
 * come out of us byte for byte as it comes out of Yjs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/any_internal.h"

struct parser {
    const char *p, *end;
    struct wf_buf *out;
    struct wf_buf text; /* the string that was read last */
};

static void space(struct parser *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
}

static void put_point(struct wf_buf *b, uint32_t c)
{
    char s[4];
    size_t n = 1;

    if (c < 0x80) {
        s[0] = (char)c;
    } else if (c < 0x800) {
        s[0] = (char)(0xc0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        s[0] = (char)(0xe0 | c >> 12);
        n = 3;
    } else {
        s[0] = (char)(0xf0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        s[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    (void)wf_buf_append(b, s, n);
}

/* Four hex digits, or UINT32_MAX. */
static uint32_t hex4(struct parser *j)
{
    uint32_t v = 0;

    if (j->end - j->p < 4)
        return UINT32_MAX;
    for (int i = 0; i < 4; i++) {
        char c = *j->p++;
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return v;
}

static int escape(struct parser *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = j->p < j->end ? *j->p++ : 0;
    const char *at = c != 0 ? strchr(from, c) : NULL;
    uint32_t v, w;

    if (at != NULL) {
        (void)wf_buf_append_byte(&j->text, to[at - from]);
        return 0;
    }
    if (c != 'u' || (v = hex4(j)) == UINT32_MAX)
        return WF_E_FORMAT;
    if (v >= 0xd800 && v < 0xdc00 && j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u') {
        const char *back = j->p;
        j->p += 2;
        w = hex4(j);
        if (w >= 0xdc00 && w < 0xe000)
            v = 0x10000 + ((v - 0xd800) << 10) + (w - 0xdc00);
        else
            j->p = back;
    }
    put_point(&j->text, v >= 0xd800 && v < 0xe000 ? 0xfffd : v);
    return 0;
}

/* A string behind its opening quote, into j->text. */
static int string(struct parser *j)
{
    wf_buf_reset(&j->text);
    for (;;) {
        const char *run = j->p;
        while (j->p < j->end && *j->p != '"' && *j->p != '\\' && (unsigned char)*j->p >= 0x20)
            j->p++;
        (void)wf_buf_append(&j->text, run, (size_t)(j->p - run));
        if (j->p >= j->end || (unsigned char)*j->p < 0x20)
            return WF_E_FORMAT;
        if (*j->p++ == '"')
            return wf_buf_status(&j->text);
        if (escape(j) != 0)
            return WF_E_FORMAT;
    }
}

static int number(struct parser *j)
{
    const char *start = j->p;
    double x;

    while (j->p < j->end && *j->p != 0 && strchr("+-.0123456789eE", *j->p) != NULL)
        j->p++;
    if (j->p == start || start[0] == '+' || start[0] == '.' ||
        !wf_str_to_f64(wf_str_n(start, (size_t)(j->p - start)), &x))
        return WF_E_FORMAT;
    wf_any_put_number(j->out, x);
    return 0;
}

static int value(struct parser *j, unsigned depth);

static int object(struct parser *j, unsigned depth)
{
    struct wf_any_object o = {.body = j->out->len};
    int rc = 0;

    space(j);
    if (j->p < j->end && *j->p == '}') {
        j->p++;
        return wf_any_object__finish(&o, j->out);
    }
    while (rc == 0) {
        size_t start = j->out->len, at, n;
        space(j);
        rc = j->p < j->end && *j->p++ == '"' ? string(j) : WF_E_FORMAT;
        if (rc != 0)
            break;
        wf_lib0_append_bytes(j->out, wf_buf_str(&j->text));
        n = j->text.len;
        at = j->out->len - n;
        space(j);
        if (j->p >= j->end || *j->p++ != ':')
            rc = WF_E_FORMAT;
        if (rc == 0)
            rc = value(j, depth + 1);
        if (rc == 0)
            rc = wf_any_object__note(&o, j->out, start, at, n);
        space(j);
        if (rc == 0 && (j->p >= j->end || (*j->p != ',' && *j->p != '}')))
            rc = WF_E_FORMAT;
        if (rc == 0 && *j->p++ == '}')
            return wf_any_object__finish(&o, j->out);
    }
    wf_free(o.members);
    return rc;
}

static int array(struct parser *j, unsigned depth)
{
    size_t body = j->out->len, n = 0, head_len;
    uint8_t head[1 + WF_LIB0_NUMBER_BYTES];
    int rc = 0;

    space(j);
    if (j->p < j->end && *j->p == ']') {
        j->p++;
    } else {
        for (;;) {
            rc = value(j, depth + 1);
            n++;
            space(j);
            if (rc == 0 && (j->p >= j->end || (*j->p != ',' && *j->p != ']')))
                rc = WF_E_FORMAT;
            if (rc != 0)
                return rc;
            if (*j->p++ == ']')
                break;
        }
    }
    head[0] = WF_ANY_ARRAY;
    head_len = (size_t)(wf_lib0_put_uint(head + 1, n) - head);
    if (wf_buf_append(j->out, head, head_len) != 0) /* room; then the values move behind it */
        return wf_buf_status(j->out);
    memmove(j->out->ptr + body + head_len, j->out->ptr + body, j->out->len - head_len - body);
    memcpy(j->out->ptr + body, head, head_len);
    return 0;
}

static bool word(struct parser *j, const char *w, size_t n)
{
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n) != 0)
        return false;
    j->p += n;
    return true;
}

static int value(struct parser *j, unsigned depth)
{
    int rc;

    space(j);
    if (j->p >= j->end || depth > WF_LIMIT_NESTING)
        return WF_E_FORMAT;
    if (word(j, "null", 4))
        return wf_buf_append_byte(j->out, (char)WF_ANY_NULL);
    if (word(j, "true", 4))
        return wf_buf_append_byte(j->out, (char)WF_ANY_TRUE);
    if (word(j, "false", 5))
        return wf_buf_append_byte(j->out, (char)WF_ANY_FALSE);
    switch (*j->p) {
    case '"':
        j->p++;
        rc = string(j);
        if (rc == 0)
            wf_any_put_text(j->out, wf_buf_str(&j->text));
        return rc != 0 ? rc : wf_buf_status(j->out);
    case '{':
        j->p++;
        return object(j, depth);
    case '[':
        j->p++;
        return array(j, depth);
    default:
        return number(j);
    }
}

int wf_any_from_json(struct wf_str json, bool undefined, struct wf_buf *out)
{
    struct parser j = {.p = json.ptr, .end = json.ptr + json.len, .out = out};
    int rc;

    if (undefined && wf_str_eq(json, WF_STR("undefined")))
        return wf_buf_append_byte(out, (char)WF_ANY_UNDEFINED);
    if (wf_lib0_units((const uint8_t *)json.ptr, json.len) == SIZE_MAX)
        return WF_E_FORMAT;
    wf_buf_init(&j.text, SIZE_MAX);
    rc = value(&j, 0);
    space(&j);
    if (rc == 0 && j.p != j.end)
        rc = WF_E_FORMAT;
    wf_buf_deinit(&j.text);
    return rc != 0 ? rc : wf_buf_status(out);
}

/* The shortest digits that read as x again; *out_exp: x = 0.DIGITS * 10^exp. */
static size_t shortest(double x, char digits[20], int *out_exp)
{
    char s[40], plain[40];
    double back;

    for (int precision = 1; precision <= 17; precision++) {
        size_t n = 0;
        int e, len = snprintf(s, sizeof(s), "%.*e", precision - 1, x), i = 0;
        for (; i < len && s[i] != 'e'; i++) {
            if (s[i] >= '0' && s[i] <= '9')
                digits[n++] = s[i];
        }
        e = (int)strtol(s + i + 1, NULL, 10);
        (void)snprintf(plain, sizeof(plain), "0.%.*se%d", (int)n, digits, e + 1);
        *out_exp = e + 1;
        if (wf_str_to_f64(wf_str_from(plain), &back) && back == x) {
            while (n > 1 && digits[n - 1] == '0')
                n--;
            return n;
        }
    }
    return 17;
}

size_t wf_any_number_text(double x, char out[32])
{
    char digits[20];
    size_t n, at = 0;
    int e;

    if (!isfinite(x))
        return (size_t)snprintf(out, 32, "%s", isnan(x) ? "NaN" : x < 0 ? "-Infinity" : "Infinity");
    if (x == floor(x) && fabs(x) < 1e15)
        return (size_t)snprintf(out, 32, "%lld", (long long)x);
    if (x < 0)
        out[at++] = '-';
    n = shortest(fabs(x), digits, &e);
    if (e > 21 || e <= -6) {
        out[at++] = digits[0];
        if (n > 1) {
            out[at++] = '.';
            memcpy(out + at, digits + 1, n - 1);
            at += n - 1;
        }
        return at + (size_t)snprintf(out + at, 32 - at, "e%c%d", e - 1 < 0 ? '-' : '+',
                                     e - 1 < 0 ? 1 - e : e - 1);
    }
    if (e <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (; e < 0; e++)
            out[at++] = '0';
        memcpy(out + at, digits, n);
        return at + n;
    }
    for (int i = 0; i < e || i < (int)n; i++) {
        if (i == e)
            out[at++] = '.';
        out[at++] = i < (int)n ? digits[i] : '0';
    }
    return at;
}

static void quoted(struct wf_str s, struct wf_buf *out)
{
    size_t plain = 0; /* from where on nothing is to be escaped */

    (void)wf_buf_append_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        static const char names[] = "btnvfr"; /* \b is 8 ... \r is 13 */
        unsigned char c = (unsigned char)s.ptr[i];
        if (c != '"' && c != '\\' && c >= 0x20)
            continue;
        (void)wf_buf_append_str(out, wf_str_sub(s, plain, i));
        plain = i + 1;
        if (c == '"' || c == '\\')
            (void)wf_buf_appendf(out, "\\%c", c);
        else if (c >= 8 && c <= 13 && c != 11)
            (void)wf_buf_appendf(out, "\\%c", names[c - 8]);
        else
            (void)wf_buf_appendf(out, "\\u%04x", c);
    }
    (void)wf_buf_append_str(out, wf_str_sub(s, plain, s.len));
    (void)wf_buf_append_byte(out, '"');
}

static void write_bytes(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_byte(out, '{');
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%s\"%zu\":%u", i > 0 ? "," : "", i, (unsigned char)s.ptr[i]);
    (void)wf_buf_append_byte(out, '}');
}

static double number_of(struct wf_lib0_in *in, uint8_t tag)
{
    size_t n = tag == WF_ANY_FLOAT32 ? 4 : 8;
    uint64_t bits = 0;
    uint32_t half;
    double x;
    float f;

    for (size_t i = 0; i < n; i++)
        bits = bits << 8 | wf_lib0_byte(in);
    if (tag == WF_ANY_BIGINT)
        return (double)(int64_t)bits;
    half = (uint32_t)bits;
    memcpy(&f, &half, 4);
    memcpy(&x, &bits, 8);
    return tag == WF_ANY_FLOAT32 ? (double)f : x;
}

static void write_value(struct wf_lib0_in *in, bool inner, struct wf_buf *out);

static void write_members(struct wf_lib0_in *in, struct wf_buf *out)
{
    bool first = true;

    (void)wf_buf_append_byte(out, '{');
    for (uint64_t n = wf_lib0_uint(in); n > 0 && !in->bad; n--) {
        struct wf_str key = wf_lib0_bytes(in);
        if (in->p < in->end && *in->p == WF_ANY_UNDEFINED) {
            in->p++;
            continue;
        }
        if (!first)
            (void)wf_buf_append_byte(out, ',');
        first = false;
        quoted(key, out);
        (void)wf_buf_append_byte(out, ':');
        write_value(in, true, out);
    }
    (void)wf_buf_append_byte(out, '}');
}

static void write_value(struct wf_lib0_in *in, bool inner, struct wf_buf *out)
{
    uint8_t tag = wf_lib0_byte(in);
    char text[32];
    bool negative;
    double x;

    switch (tag) {
    case WF_ANY_UNDEFINED:
        (void)wf_buf_append_cstr(out, inner ? "null" : "undefined");
        break;
    case WF_ANY_TRUE:
        (void)wf_buf_append_cstr(out, "true");
        break;
    case WF_ANY_FALSE:
        (void)wf_buf_append_cstr(out, "false");
        break;
    case WF_ANY_INT:
        (void)wf_buf_append(out, text,
                            wf_any_number_text((double)wf_lib0_int(in, &negative), text));
        break;
    case WF_ANY_FLOAT32:
    case WF_ANY_FLOAT64:
    case WF_ANY_BIGINT:
        x = number_of(in, tag);
        if (isfinite(x))
            (void)wf_buf_append(out, text, wf_any_number_text(x, text));
        else
            (void)wf_buf_append_cstr(out, "null");
        break;
    case WF_ANY_TEXT:
        quoted(wf_lib0_bytes(in), out);
        break;
    case WF_ANY_BYTES:
        write_bytes(wf_lib0_bytes(in), out);
        break;
    case WF_ANY_OBJECT:
        write_members(in, out);
        break;
    case WF_ANY_ARRAY:
        (void)wf_buf_append_byte(out, '[');
        for (uint64_t n = wf_lib0_uint(in), i = 0; i < n && !in->bad; i++) {
            if (i > 0)
                (void)wf_buf_append_byte(out, ',');
            write_value(in, true, out);
        }
        (void)wf_buf_append_byte(out, ']');
        break;
    default:
        (void)wf_buf_append_cstr(out, "null");
        break;
    }
}

void wf_any_to_json(struct wf_str any, struct wf_buf *out)
{
    struct wf_lib0_in in = wf_lib0_in(any.ptr, any.len);

    write_value(&in, false, out);
}
