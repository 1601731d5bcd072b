/* UTF-8: validation, decoding and counting. Everything inside weft is valid UTF-8; bytes from
 * outside are checked here once. Thread rule: any. */
#ifndef WF_TEXT_UTF8_H
#define WF_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Length of the longest valid prefix (RFC 3629: no surrogates, no overlong forms, <= U+10FFFF).
 * Equal to s.len when all is valid. */
size_t wf_utf8_valid_prefix(struct wf_str s);

/* Decodes the code point at s.ptr[*io_i] and moves *io_i behind it. s must be valid from *io_i on,
 * *io_i < s.len. Invalid bytes give U+FFFD and move by one, so that it never reads outside. */
uint32_t wf_utf8_next(struct wf_str s, size_t *io_i);

/* Code points in s (valid UTF-8): counts bytes that are no continuation. */
size_t wf_utf8_count(struct wf_str s);

/* Byte offset of the cp-th code point; s.len when there are fewer. */
size_t wf_utf8_offset(struct wf_str s, size_t cp);

/* Writes cp (a scalar value) to out[0..4), returns its length 1..4. */
size_t wf_utf8_put(char out[4], uint32_t cp);

/* Appends s with every maximal invalid part replaced by U+FFFD (Unicode 15, 3.9) and NUL by
 * U+2400. Returns wf_buf_status. */
int wf_utf8_append_repaired(struct wf_buf *out, struct wf_str s);

#endif
