/* SPDX-License-Identifier: Apache-2.0 */
/* Buffer: a growable byte array that knows its maximum and keeps its first failure.
 *
 * Invariants: (1) len <= _cap <= _max, or _cap == 0 and ptr is the static empty string;
 * (2) with _cap > 0, _cap + 1 bytes are owned and ptr[len] is NUL; (3) a failure changes nothing
 * but _status. Capacity doubles, clipped at the maximum, so that n appended bytes cost O(n) and a
 * limit of a gigabyte never asks for two. The static empty string is never written: several
 * threads' empty buffers share it. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

/* The first allocation: short texts fit without a second. */
#define FIRST_BYTES 63

static char empty[1] = "";

static void assert_buf(const struct wf_buf *b)
{
    assert(b->ptr != NULL);
    assert(b->len <= b->_cap);
    assert(b->_cap <= b->_max);
}

void wf_buf_init(struct wf_buf *b, size_t max_bytes)
{
    /* One byte is for the NUL. */
    *b = (struct wf_buf){.ptr = empty, ._max = WF_MIN(max_bytes, SIZE_MAX - 1)};
}

void wf_buf_deinit(struct wf_buf *b)
{
    if (b->_cap > 0)
        wf_free(b->ptr);
    wf_buf_init(b, b->_max);
}

void wf_buf_reset(struct wf_buf *b)
{
    assert_buf(b);
    b->_status = 0;
    wf_buf_truncate(b, 0);
}

int wf_buf_status(const struct wf_buf *b)
{
    return b->_status;
}

static int fail(struct wf_buf *b, int code)
{
    b->_status = code;
    return code;
}

int wf_buf_reserve(struct wf_buf *b, size_t n)
{
    assert_buf(b);
    if (b->_status != 0)
        return b->_status;
    if (n <= b->_cap - b->len)
        return 0;
    if (n > b->_max - b->len)
        return fail(b, WF_E_LIMIT);
    size_t need = b->len + n;
    size_t cap = b->_cap > b->_max / 2 ? b->_max : b->_cap * 2;
    cap = WF_MIN(WF_MAX(WF_MAX(cap, need), (size_t)FIRST_BYTES), b->_max);
    char *p = wf_realloc_array(b->_cap > 0 ? b->ptr : NULL, cap + 1, 1);
    if (!p)
        return fail(b, WF_E_NOMEM);
    b->ptr = p;
    b->_cap = cap;
    b->ptr[b->len] = '\0';
    return 0;
}

void wf_buf_commit(struct wf_buf *b, size_t n)
{
    assert_buf(b);
    assert(n <= b->_cap - b->len);
    if (n == 0)
        return;
    b->len += n;
    b->ptr[b->len] = '\0';
}

int wf_buf_append(struct wf_buf *b, const void *p, size_t n)
{
    /* A piece of the buffer itself would dangle when the buffer moves. */
    assert(n == 0 || b->_cap == 0 || (uintptr_t)p + n <= (uintptr_t)b->ptr ||
           (uintptr_t)p > (uintptr_t)b->ptr + b->_cap);
    int r = wf_buf_reserve(b, n);
    if (r != 0 || n == 0)
        return r;
    memcpy(b->ptr + b->len, p, n);
    wf_buf_commit(b, n);
    return 0;
}

int wf_buf_append_str(struct wf_buf *b, struct wf_str s)
{
    return wf_buf_append(b, s.ptr, s.len);
}

int wf_buf_append_cstr(struct wf_buf *b, const char *s)
{
    return wf_buf_append(b, s, strlen(s));
}

int wf_buf_append_byte(struct wf_buf *b, char c)
{
    return wf_buf_append(b, &c, 1);
}

int wf_buf_append_fill(struct wf_buf *b, char c, size_t n)
{
    int r = wf_buf_reserve(b, n);
    if (r != 0 || n == 0)
        return r;
    memset(b->ptr + b->len, c, n);
    wf_buf_commit(b, n);
    return 0;
}

static int append_le(struct wf_buf *b, uint64_t v, size_t n)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(v >> (8 * i));
    return wf_buf_append(b, bytes, n);
}

int wf_buf_append_u32le(struct wf_buf *b, uint32_t v)
{
    return append_le(b, v, 4);
}

int wf_buf_append_u64le(struct wf_buf *b, uint64_t v)
{
    return append_le(b, v, 8);
}

int wf_buf_vappendf(struct wf_buf *b, const char *fmt, va_list ap)
{
    assert_buf(b);
    if (b->_status != 0)
        return b->_status;
    va_list again;
    va_copy(again, ap);
    /* The first try goes straight into the free room; most texts fit. */
    size_t room = b->_cap - b->len;
    int n = vsnprintf(b->_cap > 0 ? b->ptr + b->len : NULL, b->_cap > 0 ? room + 1 : 0, fmt, ap);
    int r = n < 0 ? fail(b, WF_E_LIMIT) : 0; /* over INT_MAX bytes */
    if (r == 0 && (size_t)n > room) {
        r = wf_buf_reserve(b, (size_t)n);
        if (r == 0)
            n = vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (r == 0)
        wf_buf_commit(b, (size_t)n);
    else if (b->_cap > 0)
        b->ptr[b->len] = '\0'; /* the first try wrote behind it */
    return r;
}

int wf_buf_appendf(struct wf_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int r = wf_buf_vappendf(b, fmt, ap);
    va_end(ap);
    return r;
}

void wf_buf_consume(struct wf_buf *b, size_t n)
{
    assert_buf(b);
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n + 1);
    b->len -= n;
}

void wf_buf_truncate(struct wf_buf *b, size_t n)
{
    assert_buf(b);
    assert(n <= b->len);
    b->len = n;
    if (b->_cap > 0)
        b->ptr[n] = '\0';
}

struct wf_str wf_buf_str(const struct wf_buf *b)
{
    return (struct wf_str){b->ptr, b->len};
}

char *wf_buf_detach(struct wf_buf *b, size_t *out_len)
{
    assert_buf(b);
    if (b->_status != 0)
        return NULL;
    char *p = b->_cap > 0 ? b->ptr : wf_memdup0("", 0);
    if (!p)
        return NULL;
    if (out_len)
        *out_len = b->len;
    wf_buf_init(b, b->_max);
    return p;
}
