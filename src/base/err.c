/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: the code, and the sentence a person reads.
 *
 * Sentences are built from outside bytes (paths, names, a library's messages), so every one is
 * made printable UTF-8 before it is stored: it may go to a terminal, a log or JSON as it is.
 * The text is first formatted beside the struct and then copied, so that err->msg itself may be an
 * argument. Formats go through the catalogue (gettext), so that no caller has to; errno's own
 * descriptions stay English. Nothing here prints, logs or exits. */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Cuts a text that was truncated at n bytes so that no code point stays half. */
static size_t cut_point(const char *s, size_t n)
{
    size_t i = n;
    while (i > 0 && n - i < 4 && ((unsigned char)s[i - 1] & 0xC0) == 0x80)
        i--;
    if (i == 0 || (unsigned char)s[i - 1] < 0xC0)
        return n; /* ASCII, or no sequence at all: made printable later */
    unsigned char lead = (unsigned char)s[i - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return n - i + 1 >= want ? n : i - 1;
}

/* Formats into out[WF_ERR_MSG_MAX] and returns the length. */
static size_t format_msg(char *out, const char *fmt, va_list ap) WF_PRINTF(2, 0);
static size_t format_msg(char *out, const char *fmt, va_list ap)
{
    int n = vsnprintf(out, WF_ERR_MSG_MAX, gettext(fmt), ap);
    if (n < 0)
        n = 0; /* an encoding error of %ls, which nobody here uses */
    size_t len = (size_t)n;
    if (len >= WF_ERR_MSG_MAX)
        len = cut_point(out, WF_ERR_MSG_MAX - 1);
    out[len] = '\0';
    return len;
}

/* Stores "a" or "a: b" (b NULL: just a), cut and made printable. */
static void store(struct wf_err *err, const char *a, const char *b)
{
    char joined[2 * WF_ERR_MSG_MAX];
    int n = snprintf(joined, sizeof(joined), "%s%s%s", a, b ? ": " : "", b ? b : "");
    size_t len = n < 0 ? 0 : WF_MIN((size_t)n, sizeof(joined) - 1);
    if (len >= WF_ERR_MSG_MAX)
        len = cut_point(joined, WF_ERR_MSG_MAX - 1);
    wf_str_make_printable(joined, len);
    memcpy(err->msg, joined, len);
    err->msg[len] = '\0';
}

int wf_err_set(struct wf_err *err, int code, const char *fmt, ...)
{
    assert(code < 0);
    if (!err)
        return code;
    char text[WF_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    format_msg(text, fmt, ap);
    va_end(ap);
    store(err, text, NULL);
    err->code = code;
    err->retry_ms = 0;
    return code;
}

int wf_err_from_errno(int errnum)
{
    static const struct {
        int errnum;
        int code;
    } table[] = {
        {ENOENT, WF_E_NOENT},       {ENOTDIR, WF_E_NOENT},
        {ENXIO, WF_E_NOENT},        {ENODEV, WF_E_NOENT},
        {EACCES, WF_E_DENIED},      {EPERM, WF_E_DENIED},
        {EROFS, WF_E_DENIED},       {ENOMEM, WF_E_NOMEM},
        {EEXIST, WF_E_EXIST},       {ENOTEMPTY, WF_E_EXIST},
        {ENOSPC, WF_E_FULL},        {EDQUOT, WF_E_FULL},
        {EFBIG, WF_E_LIMIT},        {EMFILE, WF_E_LIMIT},
        {ENFILE, WF_E_LIMIT},       {ENAMETOOLONG, WF_E_LIMIT},
        {ELOOP, WF_E_LIMIT},        {EMSGSIZE, WF_E_LIMIT},
        {EBUSY, WF_E_BUSY},         {EAGAIN, WF_E_BUSY},
        {EADDRINUSE, WF_E_BUSY},    {ETXTBSY, WF_E_BUSY},
        {ETIMEDOUT, WF_E_TIMEOUT},  {EINVAL, WF_E_INVAL},
        {ENOSYS, WF_E_UNSUPPORTED}, {EOPNOTSUPP, WF_E_UNSUPPORTED},
        {ECANCELED, WF_E_CANCELED}, {ERANGE, WF_E_RANGE},
        {EOVERFLOW, WF_E_RANGE},    {EILSEQ, WF_E_FORMAT},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(table); i++) {
        if (table[i].errnum == errnum)
            return table[i].code;
    }
    return WF_E_IO;
}

int wf_err_errno(struct wf_err *err, int errnum, const char *fmt, ...)
{
    int code = wf_err_from_errno(errnum);
    if (!err)
        return code;
    char text[WF_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    size_t len = format_msg(text, fmt, ap);
    va_end(ap);
    char number[32];
    const char *cause = strerrordesc_np(errnum);
    if (!cause) {
        snprintf(number, sizeof(number), "error %d", errnum);
        cause = number;
    }
    /* The cause is what a person needs most: a long text gives way to it. */
    size_t room = WF_ERR_MSG_MAX - 1 - strlen(cause) - 2;
    if (len > room)
        text[cut_point(text, room)] = '\0';
    store(err, text, cause);
    err->code = code;
    return code;
}

void wf_err_prefix(struct wf_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char text[WF_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    format_msg(text, fmt, ap);
    va_end(ap);
    store(err, text, err->msg);
}

const char *wf_err_name(int code)
{
    switch (code) {
#define WF_ERR_NAME(name, value, text)                                                             \
    case value:                                                                                    \
        return "WF_E_" #name;
        WF_ERR_MAP(WF_ERR_NAME)
#undef WF_ERR_NAME
    case WF_OK:
        return "WF_OK";
    default:
        return "WF_E_?";
    }
}

const char *wf_err_text(int code)
{
    switch (code) {
#define WF_ERR_TEXT(name, value, text)                                                             \
    case value:                                                                                    \
        return text;
        WF_ERR_MAP(WF_ERR_TEXT)
#undef WF_ERR_TEXT
    case WF_OK:
        return "success";
    default:
        return "unknown error";
    }
}
