/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as texts: base64, addresses of data, and where they stand in JSON that leaves. */
#include <string.h>

#include "base/limits.h"
#include "privacy/picture.h"

#define NONE 64u /* no sign of base64 */
/* Shorter texts are no picture's file: they are left for the detectors. */
#define BASE64_LEAST 32
#define HEAD_SIGNS 16 /* that tell how a file begins */

static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NONE;
}

static int bad_base64(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The picture's data are no base64.");
}

/* Four signs, of which the last n_less are filling. */
static bool decode_four(const char *in, size_t n_less, char out[3])
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t one = i < 4 - n_less ? value_of(in[i]) : 0;
        if (one == NONE)
            return false;
        v = v << 6 | one;
    }
    out[0] = (char)(v >> 16);
    out[1] = (char)(v >> 8);
    out[2] = (char)v;
    return n_less == 0 || (v & (n_less == 1 ? 0xffu : 0xffffu)) == 0; /* nothing in the filling */
}

int wf_picture_decode(struct wf_str base64, struct wf_buf *out, struct wf_err *err)
{
    char room[3 * 1024];
    size_t n_room = 0, n_less = 0;

    if (base64.len == 0 || base64.len % 4 != 0)
        return bad_base64(err);
    for (size_t i = base64.len; n_less < 2 && base64.ptr[i - 1] == '='; i--)
        n_less++;
    for (size_t i = 0; i < base64.len; i += 4) {
        const size_t less = i + 4 == base64.len ? n_less : 0;
        if (!decode_four(base64.ptr + i, less, room + n_room))
            return bad_base64(err);
        n_room += 3 - less;
        if (n_room + 3 > sizeof(room)) {
            (void)wf_buf_append(out, room, n_room); /* asked below */
            n_room = 0;
        }
    }
    (void)wf_buf_append(out, room, n_room);
    return wf_buf_status(out) == 0
               ? 0
               : wf_err_set(err, wf_buf_status(out), "The picture is too large.");
}

int wf_picture_encode(struct wf_str bytes, struct wf_buf *out)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char four[4];

    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t n = WF_MIN(bytes.len - i, (size_t)3);
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (uint8_t)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            four[k] = k > n ? '=' : signs[v >> (18 - 6 * k) & 63];
        (void)wf_buf_append(out, four, sizeof(four)); /* asked below */
    }
    return wf_buf_status(out);
}

bool wf_picture_of_url(struct wf_str url, struct wf_str *out_type, struct wf_str *out_base64)
{
    const struct wf_str head = WF_STR("data:image/"), mark = WF_STR(";base64");
    const size_t comma = wf_str_find_byte(wf_str_sub(url, 0, 64), ',', 0);

    if (!wf_str_starts(url, head) || comma == SIZE_MAX ||
        !wf_str_ends(wf_str_sub(url, 0, comma), mark))
        return false;
    *out_type = wf_str_sub(url, 5, comma - mark.len);
    *out_base64 = wf_str_sub(url, comma + 1, url.len);
    return true;
}

bool wf_picture_url_is_clean(struct wf_str url)
{
    struct wf_str type, base64;
    struct wf_picture info = {.is_clean = false};
    struct wf_buf bytes;
    bool is_clean;

    if (!wf_picture_of_url(url, &type, &base64))
        return false;
    wf_buf_init(&bytes, (size_t)WF_LIMIT_PICTURE_SENT_BYTES + 4);
    is_clean = wf_picture_decode(base64, &bytes, NULL) == 0 &&
               wf_picture_read(wf_buf_str(&bytes), NULL, &info, NULL) == 0 && info.is_clean &&
               wf_str_eq(type, wf_str_from(info.media_type));
    wf_buf_deinit(&bytes);
    return is_clean;
}

/* ---- in JSON ---- */

/* Whether a text's base64 begins as a picture's file does. */
static bool begins_as_picture(struct wf_str base64)
{
    char head[HEAD_SIGNS / 4 * 3];

    if (base64.len < BASE64_LEAST)
        return false;
    for (size_t i = 0; i < HEAD_SIGNS / 4; i++)
        if (!decode_four(base64.ptr + 4 * i, 0, head + 3 * i))
            return false;
    return wf_picture_begins(wf_str_n(head, sizeof(head)));
}

static int look_at(struct wf_str base64, struct wf_err *err)
{
    struct wf_picture info = {.is_clean = false};
    struct wf_buf bytes;
    int rc;

    wf_buf_init(&bytes, (size_t)WF_LIMIT_PICTURE_SENT_BYTES + 4);
    rc = wf_picture_decode(base64, &bytes, err);
    if (rc == 0)
        rc = wf_picture_read(wf_buf_str(&bytes), NULL, &info, err);
    if (rc == 0 && !info.is_clean)
        rc = wf_err_set(err, WF_E_DENIED, "A picture holds more than what is seen of it.");
    else if (rc != 0 && rc != WF_E_NOMEM)
        rc = err != NULL ? (err->code = WF_E_DENIED) : WF_E_DENIED;
    wf_buf_deinit(&bytes);
    return rc;
}

/* The end of the text that begins behind a quote at `from`: its closing quote. */
static size_t text_end(struct wf_str json, size_t from)
{
    for (size_t at = from;; at++) {
        size_t n = 0; /* backslashes before it: an even number are themselves */
        at = wf_str_find_byte(json, '"', at);
        if (at >= json.len)
            return json.len;
        while (at - n > from && json.ptr[at - n - 1] == '\\')
            n++;
        if (n % 2 == 0)
            return at;
    }
}

int wf_picture_cut_out(struct wf_str json, struct wf_buf *out, size_t *out_n, struct wf_err *err)
{
    size_t kept = 0;
    int rc = 0;

    *out_n = 0;
    for (size_t at = 0, end; rc == 0 && at < json.len; at = end + 1) {
        struct wf_str text, type, base64;
        at = WF_MIN(wf_str_find_byte(json, '"', at), json.len);
        end = at < json.len ? text_end(json, at + 1) : json.len;
        if (end == json.len)
            break;
        text = wf_str_sub(json, at + 1, end);
        if (!wf_picture_of_url(text, &type, &base64))
            base64 = text;
        if (!begins_as_picture(base64))
            continue;
        rc = look_at(base64, err);
        (*out_n)++;
        (void)wf_buf_append_str(out, wf_str_sub(json, kept, end - base64.len)); /* asked below */
        kept = end;
    }
    if (rc != 0)
        return rc;
    (void)wf_buf_append_str(out, wf_str_sub(json, kept, json.len));
    return wf_buf_status(out) == 0
               ? 0
               : wf_err_set(err, wf_buf_status(out), "Not enough memory for a picture.");
}
