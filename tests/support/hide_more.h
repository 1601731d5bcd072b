/* Hiding by other bases, packed bytes and other encodings of characters (hide.h's table). Each
 * appends s, hidden. Thread rule: any. */
#ifndef WF_TESTS_HIDE_MORE_H
#define WF_TESTS_HIDE_MORE_H

#include "base/buf.h"
#include "base/str.h"

typedef void (*hide_fn)(struct wf_str s, struct wf_buf *out);

/* In base 64, 58, 85. */
void hide_base64(struct wf_str s, struct wf_buf *out);
void hide_base58(struct wf_str s, struct wf_buf *out);
void hide_ascii85(struct wf_str s, struct wf_buf *out);
void hide_base85(struct wf_str s, struct wf_buf *out);
/* Packed, or as UTF-16, in base 64 or hexadecimal. */
void hide_gzip(struct wf_str s, struct wf_buf *out);
void hide_gzip_hex(struct wf_str s, struct wf_buf *out);
void hide_zlib(struct wf_str s, struct wf_buf *out);
void hide_utf16(struct wf_str s, struct wf_buf *out);
void hide_utf7(struct wf_str s, struct wf_buf *out);
/* Hexadecimal behind "0x"; in groups with spaces between; base 64 from behind. */
void hide_0x(struct wf_str s, struct wf_buf *out);
void hide_base64_groups(struct wf_str s, struct wf_buf *out);
void hide_hex_groups(struct wf_str s, struct wf_buf *out);
void hide_base64_backwards(struct wf_str s, struct wf_buf *out);
/* Each character by its number, in the manner of a language; within tags of its own; Braille. */
void hide_escape(struct wf_str s, struct wf_buf *out);
void hide_braced(struct wf_str s, struct wf_buf *out);
void hide_long(struct wf_str s, struct wf_buf *out);
void hide_bare_entities(struct wf_str s, struct wf_buf *out);
void hide_css(struct wf_str s, struct wf_buf *out);
void hide_array(struct wf_str s, struct wf_buf *out);
void hide_calls(struct wf_str s, struct wf_buf *out);
void hide_tags(struct wf_str s, struct wf_buf *out);
void hide_braille(struct wf_str s, struct wf_buf *out);

#endif
