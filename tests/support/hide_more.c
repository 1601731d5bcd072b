/* SPDX-License-Identifier: Apache-2.0 */
/* Tricks that programs do for someone: other bases, packed bytes, other encodings of characters. */
#include <string.h>
#include <zlib.h>

#include "support/hide_more.h"
#include "text/utf8.h"

void hide_base58(struct wf_str s, struct wf_buf *out)
{
    static const char all[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint8_t digits[2048] = {0};
    size_t n = 1;

    for (size_t i = 0; i < s.len && n + 2 < sizeof(digits); i++) {
        unsigned carry = (uint8_t)s.ptr[i];
        for (size_t k = 0; k < n || carry > 0; k++) {
            carry += 256u * digits[k];
            digits[k] = (uint8_t)(carry % 58);
            carry /= 58;
            if (k >= n)
                n = k + 1;
        }
    }
    while (n-- > 0)
        (void)wf_buf_append_byte(out, all[digits[n]]);
}

/* Groups of four bytes as five digits, the last group cut. */
static void base85(struct wf_str s, const char *all, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i += 4) {
        const size_t n = s.len - i < 4 ? s.len - i : 4;
        uint32_t v = 0;
        char digits[5];
        for (size_t k = 0; k < 4; k++)
            v = v << 8 | (k < n ? (uint8_t)s.ptr[i + k] : 0);
        for (size_t k = 5; k-- > 0; v /= 85)
            digits[k] = all != NULL ? all[v % 85] : (char)('!' + v % 85);
        (void)wf_buf_append(out, digits, n + 1);
    }
}

void hide_ascii85(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "<~");
    base85(s, NULL, out);
    (void)wf_buf_append_cstr(out, "~>");
}

void hide_base85(struct wf_str s, struct wf_buf *out)
{
    base85(s,
           "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
           out);
}

/* gzip (16 more) or zlib bytes. */
static void pack(struct wf_str s, int window, struct wf_buf *out)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)s.ptr, .avail_in = (unsigned)s.len};
    unsigned char bytes[1 << 16];

    if (deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    z.next_out = bytes;
    z.avail_out = sizeof(bytes);
    (void)deflate(&z, Z_FINISH);
    (void)wf_buf_append(out, (const char *)bytes, sizeof(bytes) - z.avail_out);
    (void)deflateEnd(&z);
}

/* Makes something of bytes that were made of a text. */
static void both(struct wf_str s, void (*make)(struct wf_str, struct wf_buf *), hide_fn then,
                 struct wf_buf *out)
{
    struct wf_buf bytes;

    wf_buf_init(&bytes, 1u << 18);
    make(s, &bytes);
    then(wf_buf_str(&bytes), out);
    wf_buf_deinit(&bytes);
}

static void gzip(struct wf_str s, struct wf_buf *out)
{
    pack(s, 16 + 15, out);
}

static void zlib(struct wf_str s, struct wf_buf *out)
{
    pack(s, 15, out);
}

static void hex(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%02x", (unsigned)(uint8_t)s.ptr[i]);
}

void hide_gzip(struct wf_str s, struct wf_buf *out)
{
    both(s, gzip, hide_base64, out);
}

void hide_gzip_hex(struct wf_str s, struct wf_buf *out)
{
    both(s, gzip, hex, out);
}

void hide_zlib(struct wf_str s, struct wf_buf *out)
{
    both(s, zlib, hide_base64, out);
}

static void utf16(struct wf_str s, bool high_first, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;) {
        const uint32_t cp = wf_utf8_next(s, &i) & 0xffff;
        const char bytes[2] = {(char)(uint8_t)(high_first ? cp >> 8 : cp),
                               (char)(uint8_t)(high_first ? cp : cp >> 8)};
        (void)wf_buf_append(out, bytes, 2);
    }
}

static void utf16_le(struct wf_str s, struct wf_buf *out)
{
    utf16(s, false, out);
}

static void utf16_be(struct wf_str s, struct wf_buf *out)
{
    utf16(s, true, out);
}

void hide_utf16(struct wf_str s, struct wf_buf *out)
{
    both(s, utf16_le, hide_base64, out);
}

void hide_utf7(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_byte(out, '+');
    both(s, utf16_be, hide_base64, out);
    while (out->len > 0 && out->ptr[out->len - 1] == '=')
        wf_buf_truncate(out, out->len - 1);
    (void)wf_buf_append_byte(out, '-');
}

void hide_0x(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "0x");
    hex(s, out);
}

static void grouped(struct wf_str s, size_t n, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i += n) {
        if (i > 0)
            (void)wf_buf_append_byte(out, ' ');
        (void)wf_buf_append_str(out, wf_str_sub(s, i, i + n));
    }
}

static void grouped_by_4(struct wf_str s, struct wf_buf *out)
{
    grouped(s, 4, out);
}

static void grouped_by_8(struct wf_str s, struct wf_buf *out)
{
    grouped(s, 8, out);
}

void hide_base64_groups(struct wf_str s, struct wf_buf *out)
{
    both(s, hide_base64, grouped_by_4, out);
}

void hide_hex_groups(struct wf_str s, struct wf_buf *out)
{
    both(s, hex, grouped_by_8, out);
}

static void from_behind(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = s.len; i-- > 0;)
        (void)wf_buf_append_byte(out, s.ptr[i]);
}

void hide_base64_backwards(struct wf_str s, struct wf_buf *out)
{
    both(s, hide_base64, from_behind, out);
}

/* ---- characters ---- */

#define EACH(name, form)                                                                           \
    void name(struct wf_str s, struct wf_buf *out)                                                 \
    {                                                                                              \
        for (size_t i = 0; i < s.len;)                                                             \
            (void)wf_buf_appendf(out, form, wf_utf8_next(s, &i));                                  \
    }
EACH(hide_escape, "%%u%04X")
EACH(hide_braced, "\\u{%x}")
EACH(hide_long, "\\U%08x")
EACH(hide_bare_entities, "&#%u")
EACH(hide_css, "\\%06x")

void hide_array(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%s%u", i == 0 ? "[" : ",", (unsigned)(uint8_t)s.ptr[i]);
    (void)wf_buf_append_byte(out, ']');
}

void hide_calls(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%schr(%u)", i == 0 ? "" : "+", (unsigned)(uint8_t)s.ptr[i]);
}

void hide_tags(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;) {
        const size_t from = i;
        (void)wf_utf8_next(s, &i);
        (void)wf_buf_appendf(out, "<span>%.*s</span>", WF_STR_ARG(wf_str_sub(s, from, i)));
    }
}

void hide_braille(struct wf_str s, struct wf_buf *out)
{
    static const char *const digits[] = {"⠚", "⠁", "⠃", "⠉", "⠙", "⠑", "⠋", "⠛", "⠓", "⠊"};
    bool is_number = false;

    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool digit = c >= '0' && c <= '9';
        if (digit)
            (void)wf_buf_appendf(out, "%s%s", is_number ? "" : "⠼", digits[c - '0']);
        else if (c == ' ')
            (void)wf_buf_append_cstr(out, "⠀");
        else if (c == '-')
            (void)wf_buf_append_cstr(out, "⠤");
        else
            (void)wf_buf_append_byte(out, c);
        is_number = digit;
    }
}
