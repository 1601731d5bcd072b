/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of lib0: see lib0.h. Text is checked byte by byte, for what is not valid UTF-8
 * must not come in: two engines would otherwise disagree on how long it is. */
#include "crdt/lib0.h"

uint64_t wf_lib0_fail(struct wf_lib0_in *in)
{
    in->bad = true;
    in->p = in->end;
    return 0;
}

uint64_t wf_lib0_uint_long(struct wf_lib0_in *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 56 && in->p < in->end; shift += 7) {
        uint8_t b = *in->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v <= WF_LIB0_MAX ? v : wf_lib0_fail(in);
    }
    return wf_lib0_fail(in);
}

int64_t wf_lib0_int(struct wf_lib0_in *in, bool *out_negative)
{
    uint8_t b = wf_lib0_byte(in);
    uint64_t v = b & 0x3f;

    *out_negative = (b & 0x40) != 0;
    for (unsigned shift = 6; (b & 0x80) != 0; shift += 7) {
        if (shift > 55 || in->p >= in->end)
            return (int64_t)wf_lib0_fail(in);
        b = *in->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
    }
    if (v > WF_LIB0_MAX)
        return (int64_t)wf_lib0_fail(in);
    return *out_negative ? -(int64_t)v : (int64_t)v;
}

struct wf_str wf_lib0_bytes(struct wf_lib0_in *in)
{
    uint64_t n = wf_lib0_uint(in);
    struct wf_str s = {(const char *)in->p, 0};

    if (n > (uint64_t)(in->end - in->p)) {
        (void)wf_lib0_fail(in);
        return s;
    }
    s.len = (size_t)n;
    in->p += n;
    return s;
}

uint8_t *wf_lib0_put_int(uint8_t *p, int64_t v, bool negative_zero)
{
    bool negative = v < 0 || negative_zero;
    uint64_t m = v < 0 ? (uint64_t)-v : (uint64_t)v;

    *p++ = (uint8_t)((m > 0x3f ? 0x80 : 0) | (negative ? 0x40 : 0) | (m & 0x3f));
    for (m = m >> 6; m > 0; m >>= 7)
        *p++ = (uint8_t)((m > 0x7f ? 0x80 : 0) | (m & 0x7f));
    return p;
}

void wf_lib0_append_uint(struct wf_buf *b, uint64_t v)
{
    if (wf_buf_reserve(b, WF_LIB0_NUMBER_BYTES) != 0)
        return;
    uint8_t *p = (uint8_t *)b->ptr + b->len;
    wf_buf_commit(b, (size_t)(wf_lib0_put_uint(p, v) - p));
}

void wf_lib0_append_int(struct wf_buf *b, int64_t v, bool negative_zero)
{
    if (wf_buf_reserve(b, WF_LIB0_NUMBER_BYTES) != 0)
        return;
    uint8_t *p = (uint8_t *)b->ptr + b->len;
    wf_buf_commit(b, (size_t)(wf_lib0_put_int(p, v, negative_zero) - p));
}

void wf_lib0_append_bytes(struct wf_buf *b, struct wf_str s)
{
    wf_lib0_append_uint(b, s.len);
    (void)wf_buf_append_str(b, s);
}

/* Bytes of the sequence at p, of which there are n; 0 where it is none. */
static size_t sequence(const uint8_t *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] < 0xe0)
        return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (p[0] < 0xf0 || p[0] > 0xf4 || n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
        (p[3] & 0xc0) != 0x80)
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return 4;
}

/* How many of the bytes are ASCII before the first that is not. */
static size_t ascii(const uint8_t *p, size_t n)
{
    size_t i = 0;
    uint64_t word;

    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

size_t wf_lib0_units(const uint8_t *p, size_t n)
{
    size_t i = n == 0 ? 0 : ascii(p, n), units = i;

    while (i < n) {
        size_t k = sequence(p + i, n - i);
        if (k == 0)
            return SIZE_MAX;
        units += k == 4 ? 2 : 1;
        i += k;
    }
    return units;
}

size_t wf_lib0_cut(const uint8_t *p, size_t n, size_t units, bool *out_half)
{
    size_t i = 0;

    *out_half = false;
    while (units > 0 && i < n) {
        size_t k = p[i] < 0x80 ? 1 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;
        if (k == 4 && units == 1) {
            *out_half = true;
            return i;
        }
        units -= k == 4 ? 2 : 1;
        i += k;
    }
    return i;
}
