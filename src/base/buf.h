/* Buffer: the one growable byte array, with a maximum given at init.
 *
 * ptr is always NUL-terminated behind len (so it can be shown as a C string when the bytes hold
 * none), also when empty. The first failure (memory, or over the maximum) sticks: later appends
 * return it without effect, so that a run of appends may be checked once at its end. What is
 * appended must not lie in the buffer itself.
 * Thread rule: owner. */
#ifndef WF_BASE_BUF_H
#define WF_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/str.h"

struct wf_buf {
    char *ptr;   /* never NULL after init */
    size_t len;  /* bytes in use */
    size_t _cap; /* bytes owned, without the NUL; 0 = ptr is static */
    size_t _max; /* the most len may become */
    int _status; /* 0, WF_E_NOMEM or WF_E_LIMIT; sticks until reset */
};

/* An empty buffer that may hold at most max_bytes. Allocates nothing. */
void wf_buf_init(struct wf_buf *b, size_t max_bytes);

/* Frees the bytes and leaves an empty buffer with the same maximum. Safe to call twice. */
void wf_buf_deinit(struct wf_buf *b);

/* Empties, clears a sticking failure, keeps the memory. */
void wf_buf_reset(struct wf_buf *b);

/* 0, or the failure that sticks: WF_E_NOMEM or WF_E_LIMIT. */
int wf_buf_status(const struct wf_buf *b);

/* Appends; each returns wf_buf_status afterwards. On failure the content is as before.
 * Ignoring the result is allowed where wf_buf_status is checked at the end of the run. */
int wf_buf_append(struct wf_buf *b, const void *p, size_t n);
int wf_buf_append_str(struct wf_buf *b, struct wf_str s);
int wf_buf_append_cstr(struct wf_buf *b, const char *s);
int wf_buf_append_byte(struct wf_buf *b, char c);
int wf_buf_append_fill(struct wf_buf *b, char c, size_t n);
int wf_buf_append_u32le(struct wf_buf *b, uint32_t v);
int wf_buf_append_u64le(struct wf_buf *b, uint64_t v);
int wf_buf_appendf(struct wf_buf *b, const char *fmt, ...) WF_PRINTF(2, 3);
int wf_buf_vappendf(struct wf_buf *b, const char *fmt, va_list ap) WF_PRINTF(2, 0);

/* Makes room for n more bytes behind len, so that the caller may write them at ptr + len and then
 * call wf_buf_commit(n). */
int wf_buf_reserve(struct wf_buf *b, size_t n);
void wf_buf_commit(struct wf_buf *b, size_t n);

/* Removes the first n bytes (n <= len) by moving the rest. */
void wf_buf_consume(struct wf_buf *b, size_t n);
/* Cuts to n bytes (n <= len). */
void wf_buf_truncate(struct wf_buf *b, size_t n);

/* A view of the content, valid until the buffer changes. */
struct wf_str wf_buf_str(const struct wf_buf *b);

/* Hands the bytes (NUL-terminated, for wf_free) to the caller and leaves an empty buffer.
 * out_len may be NULL. NULL when a failure sticks or memory ran out; the buffer is then as before.
 */
char *wf_buf_detach(struct wf_buf *b, size_t *out_len) WF_MUST_USE;

#endif
