/* SPDX-License-Identifier: Apache-2.0 */
/* The tricks by which a datum hides, as someone would do them who wants it to pass unseen. */
#include "support/hide.h"

#include <string.h>

#include "text/utf8.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void plain(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_str(out, s);
}

static void between(struct wf_str s, const char *what, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (i > 0 && begins)
            (void)wf_buf_append_cstr(out, what);
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void zero_width(struct wf_str s, struct wf_buf *out)
{
    between(s, "\u200b", out);
}

static void spaced(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const bool begins = ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
        if (s.ptr[i] == ' ')
            continue;
        if (i > 0 && begins)
            (void)wf_buf_append_byte(out, ' ');
        (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void shifted(struct wf_str s, uint32_t zero, bool letters, struct wf_buf *out)
{
    char bytes[4];

    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, zero + (uint32_t)(s.ptr[i] - '0')));
        else if (letters && (uint8_t)s.ptr[i] > ' ' && (uint8_t)s.ptr[i] < 0x7f)
            (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, 0xfee0u + (uint8_t)s.ptr[i]));
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

static void full_width(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0xff10, true, out);
}

static void arabic(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x660, false, out);
}

static void bold(struct wf_str s, struct wf_buf *out)
{
    shifted(s, 0x1d7ce, false, out);
}

/* Cyrillic letters for Latin ones; what has none stays as it is. */
static void cyrillic(struct wf_str s, struct wf_buf *out)
{
    static const char from[] = "ABCEHKMOPTXaceopxy";
    static const char *const to[] = {"А", "В", "С", "Е", "Н", "К", "М", "О", "Р",
                                     "Т", "Х", "а", "с", "е", "о", "р", "х", "у"};

    for (size_t i = 0; i < s.len; i++) {
        const char *at = strchr(from, s.ptr[i]);
        if (at != NULL && *at != '\0')
            (void)wf_buf_append_cstr(out, to[at - from]);
        else
            (void)wf_buf_append_byte(out, s.ptr[i]);
    }
}

/* Each byte as `sign` and two hexadecimal digits. */
static void each(struct wf_str s, const char *sign, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        (void)wf_buf_appendf(out, "%s%02X", sign, (unsigned)(uint8_t)s.ptr[i]);
}

static void url(struct wf_str s, struct wf_buf *out)
{
    each(s, "%", out);
}

static void hex(struct wf_str s, struct wf_buf *out)
{
    each(s, "", out);
}

static void mail(struct wf_str s, struct wf_buf *out)
{
    each(s, "=", out);
}

static void json(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "\\u%04x", wf_utf8_next(s, &i) & 0xffff);
}

static void html(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len;)
        (void)wf_buf_appendf(out, "&#%u;", wf_utf8_next(s, &i));
}

static void base64(struct wf_str s, struct wf_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.len ? (uint8_t)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            (void)wf_buf_append_byte(out, i + k > s.len ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

static void twice(struct wf_str s, struct wf_buf *out)
{
    struct wf_buf once;

    wf_buf_init(&once, 1u << 16);
    base64(s, &once);
    url(wf_buf_str(&once), out);
    wf_buf_deinit(&once);
}

static void nested(struct wf_str s, struct wf_buf *out)
{
    struct wf_buf once;

    wf_buf_init(&once, 1u << 16);
    base64(s, &once);
    base64(wf_buf_str(&once), out);
    wf_buf_deinit(&once);
}

static void data_uri(struct wf_str s, struct wf_buf *out)
{
    (void)wf_buf_append_cstr(out, "data:text/plain;base64,");
    base64(s, out);
}

const struct hide hides[] = {
    {"plain", plain, false},
    {"zero-width spaces", zero_width, false},
    {"full-width", full_width, false},
    {"Arabic digits", arabic, false},
    {"mathematical digits", bold, false},
    {"Cyrillic look-alikes", cyrillic, false},
    {"spaced", spaced, false},
    {"URL encoding", url, false},
    {"JSON escapes", json, false},
    {"HTML entities", html, false},
    {"quoted-printable", mail, true},
    {"hexadecimal", hex, true},
    {"base64", base64, true},
    {"base64, URL encoded", twice, true},
    {"base64 in base64", nested, true},
    {"data: URI", data_uri, true},
};
const size_t hides_n = WF_ARRAY_LEN(hides);
