/* SPDX-License-Identifier: Apache-2.0 */
/* Any values: read into canonical form, stepped over, numbers. An object's members are written as
 * they come; its head is put before them once their number without doubles is known. */
#include "crdt/any.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "crdt/any_internal.h"

static double from_big_endian(const uint8_t *p, size_t n)
{
    uint64_t bits = 0;
    uint32_t half;
    double x;
    float f;

    for (size_t i = 0; i < n; i++)
        bits = bits << 8 | p[i];
    half = (uint32_t)bits;
    if (n == 4) {
        memcpy(&f, &half, 4);
        return (double)f;
    }
    memcpy(&x, &bits, 8);
    return x;
}

static void put_big_endian(struct wf_buf *out, enum wf_any_tag tag, uint64_t bits, unsigned n)
{
    char bytes[9] = {(char)tag};

    for (unsigned i = 0; i < n; i++)
        bytes[1 + i] = (char)(bits >> (8 * (n - 1 - i)));
    (void)wf_buf_append(out, bytes, n + 1);
}

void wf_any_put_number(struct wf_buf *out, double x)
{
    uint64_t bits;
    uint32_t half;
    float f = (float)x;

    if (isfinite(x) && x == floor(x) && fabs(x) <= 2147483647.0) {
        (void)wf_buf_append_byte(out, (char)WF_ANY_INT);
        wf_lib0_append_int(out, (int64_t)x, x == 0 && signbit(x) != 0);
    } else if ((double)f == x) {
        memcpy(&half, &f, 4);
        put_big_endian(out, WF_ANY_FLOAT32, half, 4);
    } else {
        memcpy(&bits, &x, 8);
        put_big_endian(out, WF_ANY_FLOAT64, isnan(x) ? UINT64_C(0x7ff8000000000000) : bits, 8);
    }
}

void wf_any_put_text(struct wf_buf *out, struct wf_str text)
{
    (void)wf_buf_append_byte(out, (char)WF_ANY_TEXT);
    wf_lib0_append_bytes(out, text);
}

/* The number of an array index ("0" to "4294967294"), else UINT64_MAX. */
static uint64_t array_index(const char *key, size_t n)
{
    uint64_t v = 0;

    if (n == 0 || n > 10 || (key[0] == '0' && n > 1))
        return UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (key[i] < '0' || key[i] > '9')
            return UINT64_MAX;
        v = v * 10 + (uint64_t)(key[i] - '0');
    }
    return v < UINT32_MAX ? v : UINT64_MAX;
}

int wf_any_object__note(struct wf_any_object *o, struct wf_buf *out, size_t start, size_t key_at,
                        size_t key_len)
{
    int rc = wf_reserve(&o->members, &o->cap, o->n + 1, sizeof(*o->members));

    if (rc == 0)
        rc = wf_buf_status(out);
    if (rc != 0)
        return rc;
    o->members[o->n] = (struct wf_any_member){.key_at = key_at,
                                              .key_len = key_len,
                                              .start = start,
                                              .end = out->len,
                                              .order = o->n,
                                              .index = array_index(out->ptr + key_at, key_len)};
    o->mixed |= o->members[o->n].index != UINT64_MAX;
    o->n++;
    return 0;
}

static int by_key(const void *a, const void *b, void *ud)
{
    const struct wf_any_member *x = a, *y = b;
    const char *base = ud;
    int c =
        wf_str_cmp(wf_str_n(base + x->key_at, x->key_len), wf_str_n(base + y->key_at, y->key_len));

    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b)
{
    const struct wf_any_member *x = a, *y = b;

    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Leaves one of each key: the last value, at the first one's place. True when there were doubles.
 */
static bool merge_doubles(struct wf_any_object *o, char *base)
{
    size_t kept = 0;

    qsort_r(o->members, o->n, sizeof(*o->members), by_key, base);
    for (size_t i = 0; i < o->n; i++) {
        struct wf_any_member *last = kept > 0 ? &o->members[kept - 1] : NULL, m = o->members[i];
        if (last != NULL && last->key_len == m.key_len &&
            memcmp(base + last->key_at, base + m.key_at, m.key_len) == 0) {
            m.order = last->order;
            *last = m;
        } else {
            o->members[kept++] = m;
        }
    }
    bool doubles = kept < o->n;
    o->n = kept;
    return doubles;
}

int wf_any_object__finish(struct wf_any_object *o, struct wf_buf *out)
{
    uint8_t head[1 + WF_LIB0_NUMBER_BYTES];
    struct wf_buf copy;
    bool doubles = o->n > 1 && merge_doubles(o, out->ptr);
    size_t head_len;
    int rc;

    wf_buf_init(&copy, SIZE_MAX);
    if (o->n > 1)
        qsort(o->members, o->n, sizeof(*o->members), by_order);
    head[0] = WF_ANY_OBJECT;
    head_len = (size_t)(wf_lib0_put_uint(head + 1, o->n) - head);
    (void)wf_buf_append(&copy, head, head_len);
    if (doubles || o->mixed) {
        for (size_t i = 0; i < o->n; i++)
            (void)wf_buf_append(&copy, out->ptr + o->members[i].start,
                                o->members[i].end - o->members[i].start);
    } else {
        (void)wf_buf_append(&copy, out->ptr + o->body, out->len - o->body);
    }
    rc = wf_buf_status(&copy);
    if (rc == 0) {
        wf_buf_truncate(out, o->body);
        rc = wf_buf_append(out, copy.ptr, copy.len);
    }
    wf_buf_deinit(&copy);
    wf_free(o->members);
    o->members = NULL;
    return rc;
}

static int read_value(struct wf_lib0_in *in, struct wf_buf *out, unsigned depth);

static int read_object(struct wf_lib0_in *in, struct wf_buf *out, unsigned depth)
{
    uint64_t n = wf_lib0_uint(in);
    struct wf_any_object o = {.body = out->len};
    int rc = 0, rc2;

    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct wf_str key = wf_lib0_bytes(in);
        size_t start = out->len, at;
        if (in->bad || wf_lib0_units((const uint8_t *)key.ptr, key.len) == SIZE_MAX) {
            rc = WF_E_FORMAT;
            break;
        }
        wf_lib0_append_bytes(out, key);
        at = out->len - key.len;
        rc = read_value(in, out, depth + 1);
        if (rc == 0)
            rc = wf_any_object__note(&o, out, start, at, key.len);
    }
    rc2 = rc != 0 ? rc : wf_any_object__finish(&o, out);
    wf_free(o.members);
    return rc2;
}

static int read_array(struct wf_lib0_in *in, struct wf_buf *out, unsigned depth)
{
    uint64_t n = wf_lib0_uint(in);
    int rc = n > (uint64_t)(in->end - in->p) ? WF_E_FORMAT : 0;

    (void)wf_buf_append_byte(out, (char)WF_ANY_ARRAY);
    wf_lib0_append_uint(out, n);
    for (uint64_t i = 0; i < n && rc == 0; i++)
        rc = read_value(in, out, depth + 1);
    return rc;
}

static int read_fixed(struct wf_lib0_in *in, struct wf_buf *out, uint8_t tag)
{
    size_t n = tag == WF_ANY_FLOAT32 ? 4 : 8;

    if ((size_t)(in->end - in->p) < n)
        return WF_E_FORMAT;
    if (tag == WF_ANY_BIGINT) {
        (void)wf_buf_append_byte(out, (char)tag);
        (void)wf_buf_append(out, in->p, n);
    } else {
        wf_any_put_number(out, from_big_endian(in->p, n));
    }
    in->p += n;
    return 0;
}

static int read_value(struct wf_lib0_in *in, struct wf_buf *out, unsigned depth)
{
    uint8_t tag = wf_lib0_byte(in);
    struct wf_str s;
    bool negative;
    int64_t v;
    int rc = 0;

    if (in->bad || depth > WF_LIMIT_NESTING)
        return WF_E_FORMAT;
    switch (tag) {
    case WF_ANY_UNDEFINED:
    case WF_ANY_NULL:
    case WF_ANY_TRUE:
    case WF_ANY_FALSE:
        (void)wf_buf_append_byte(out, (char)tag);
        break;
    case WF_ANY_INT:
        v = wf_lib0_int(in, &negative);
        wf_any_put_number(out, negative && v == 0 ? -0.0 : (double)v);
        break;
    case WF_ANY_FLOAT32:
    case WF_ANY_FLOAT64:
    case WF_ANY_BIGINT:
        rc = read_fixed(in, out, tag);
        break;
    case WF_ANY_TEXT:
    case WF_ANY_BYTES:
        s = wf_lib0_bytes(in);
        if (tag == WF_ANY_TEXT && wf_lib0_units((const uint8_t *)s.ptr, s.len) == SIZE_MAX)
            return WF_E_FORMAT;
        (void)wf_buf_append_byte(out, (char)tag);
        wf_lib0_append_bytes(out, s);
        break;
    case WF_ANY_OBJECT:
        rc = read_object(in, out, depth);
        break;
    case WF_ANY_ARRAY:
        rc = read_array(in, out, depth);
        break;
    default:
        return WF_E_FORMAT;
    }
    if (rc == 0 && in->bad)
        rc = WF_E_FORMAT;
    return rc != 0 ? rc : wf_buf_status(out);
}

int wf_any_read(struct wf_lib0_in *in, struct wf_buf *out)
{
    return read_value(in, out, 0);
}

/* ---- values that need no second look ---- */

/* Members of an object whose keys are compared each with each. */
#define PLAIN_MEMBERS 16u

/* Whether the number that was read from there on has no more bytes than it needs. */
static bool is_short(const uint8_t *from, const struct wf_lib0_in *in)
{
    return in->p - from == 1 || (in->p > from && in->p[-1] != 0);
}

static bool plain_text(struct wf_lib0_in *in, bool is_text, struct wf_str *out)
{
    const uint8_t *from = in->p;
    struct wf_lib0_in length = *in;

    (void)wf_lib0_uint(&length);
    *out = wf_lib0_bytes(in);
    return !in->bad && is_short(from, &length) &&
           (!is_text || wf_lib0_units((const uint8_t *)out->ptr, out->len) != SIZE_MAX);
}

static bool plain_int(struct wf_lib0_in *in)
{
    const uint8_t *from = in->p;
    bool negative;
    int64_t v = wf_lib0_int(in, &negative);

    return !in->bad && is_short(from, in) && v >= -INT32_MAX && v <= INT32_MAX;
}

static bool plain_value(struct wf_lib0_in *in, unsigned depth);

static bool plain_object(struct wf_lib0_in *in, unsigned depth)
{
    const uint8_t *from = in->p;
    struct wf_str keys[PLAIN_MEMBERS];
    uint64_t n = wf_lib0_uint(in);

    if (in->bad || !is_short(from, in) || n > PLAIN_MEMBERS)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        /* One that begins with a digit may have its place before others. */
        if (!plain_text(in, true, &keys[i]) ||
            (keys[i].len > 0 && keys[i].ptr[0] >= '0' && keys[i].ptr[0] <= '9'))
            return false;
        for (uint64_t k = 0; k < i; k++) {
            if (wf_str_eq(keys[k], keys[i]))
                return false;
        }
        if (!plain_value(in, depth + 1))
            return false;
    }
    return true;
}

static bool plain_array(struct wf_lib0_in *in, unsigned depth)
{
    const uint8_t *from = in->p;
    uint64_t n = wf_lib0_uint(in);

    if (in->bad || !is_short(from, in))
        return false;
    for (; n > 0; n--) {
        if (!plain_value(in, depth + 1))
            return false;
    }
    return true;
}

static bool plain_value(struct wf_lib0_in *in, unsigned depth)
{
    uint8_t tag = wf_lib0_byte(in);
    struct wf_str s;

    if (in->bad || depth > WF_LIMIT_NESTING)
        return false;
    switch (tag) {
    case WF_ANY_UNDEFINED:
    case WF_ANY_NULL:
    case WF_ANY_TRUE:
    case WF_ANY_FALSE:
        return true;
    case WF_ANY_INT:
        return plain_int(in);
    case WF_ANY_TEXT:
    case WF_ANY_BYTES:
        return plain_text(in, tag == WF_ANY_TEXT, &s);
    case WF_ANY_OBJECT:
        return plain_object(in, depth);
    case WF_ANY_ARRAY:
        return plain_array(in, depth);
    default: /* numbers that might be written shorter */
        return false;
    }
}

bool wf_any_plain(struct wf_lib0_in *in)
{
    return plain_value(in, 0);
}

struct wf_str wf_any_skip(struct wf_lib0_in *in)
{
    const uint8_t *start = in->p;
    uint64_t left = 1; /* values still to step over, however nested */
    bool negative;

    for (; left > 0 && !in->bad; left--) {
        uint8_t tag = wf_lib0_byte(in);
        if (tag == WF_ANY_INT)
            (void)wf_lib0_int(in, &negative);
        else if (tag == WF_ANY_TEXT || tag == WF_ANY_BYTES)
            (void)wf_lib0_bytes(in);
        else if (tag == WF_ANY_ARRAY)
            left += wf_lib0_uint(in);
        else if (tag == WF_ANY_FLOAT32)
            in->p += 4;
        else if (tag == WF_ANY_FLOAT64 || tag == WF_ANY_BIGINT)
            in->p += 8;
        else if (tag == WF_ANY_OBJECT) {
            for (uint64_t n = wf_lib0_uint(in); n > 0 && !in->bad; n--) {
                (void)wf_lib0_bytes(in);
                (void)wf_any_skip(in);
            }
        }
    }
    return wf_str_n((const char *)start, (size_t)(in->p - start));
}
