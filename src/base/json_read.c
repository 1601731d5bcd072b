/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is right, read quickly: a text is taken in runs, not byte by byte as jansson's lexer
 * does it. Whatever is not plain (a mistake, a NUL, half a pair of escapes, very deep nesting, a
 * number that does not fit) is jansson's to judge, so that what is accepted, what comes of it and
 * what an error says is always jansson's. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

#define DEPTH_MAX 256
#define DIGITS_MAX 18 /* of a whole number that surely fits */

struct reader {
    const char *p, *end;
    size_t flags;
    unsigned depth;
    bool no_memory;
    struct wf_buf text; /* of a text with escapes */
};

static json_t *read_value(struct reader *r);

static json_t *made(struct reader *r, json_t *v)
{
    r->no_memory = r->no_memory || v == NULL;
    return v;
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

/* The next byte that is no space, which is taken; 0: there is none. */
static char take(struct reader *r)
{
    skip_space(r);
    return r->p < r->end ? *r->p++ : 0;
}

/* ---- texts ---- */

/* A run without quote, backslash and control characters; *io_ascii false: it has other bytes. */
static struct wf_str take_run(struct reader *r, bool *io_ascii)
{
    const char *start = r->p, *p = start;
    unsigned char high = 0;

    while (p < r->end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
        high |= (unsigned char)*p++;
    r->p = p;
    *io_ascii = *io_ascii && high < 0x80;
    return wf_str_n(start, (size_t)(p - start));
}

static int hex4(const struct reader *r)
{
    int v = 0;

    if (r->end - r->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = r->p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static void append_code_point(struct wf_buf *out, uint32_t cp)
{
    char b[4];
    size_t n = 0;

    if (cp < 0x80) {
        b[n++] = (char)cp;
    } else if (cp < 0x800) {
        b[n++] = (char)(0xc0 | cp >> 6);
        b[n++] = (char)(0x80 | (cp & 63));
    } else if (cp < 0x10000) {
        b[n++] = (char)(0xe0 | cp >> 12);
        b[n++] = (char)(0x80 | (cp >> 6 & 63));
        b[n++] = (char)(0x80 | (cp & 63));
    } else {
        b[n++] = (char)(0xf0 | cp >> 18);
        b[n++] = (char)(0x80 | (cp >> 12 & 63));
        b[n++] = (char)(0x80 | (cp >> 6 & 63));
        b[n++] = (char)(0x80 | (cp & 63));
    }
    (void)wf_buf_append(out, b, n); /* asked at the text's end */
}

/* "XXXX" behind "\u", and its partner where it is the first of a pair. */
static bool take_unicode(struct reader *r)
{
    int cp = hex4(r), low;

    if (cp <= 0 || (cp >= 0xdc00 && cp <= 0xdfff))
        return false;
    r->p += 4;
    if (cp < 0xd800 || cp > 0xdbff) {
        append_code_point(&r->text, (uint32_t)cp);
        return true;
    }
    if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u')
        return false;
    r->p += 2;
    low = hex4(r);
    if (low < 0xdc00 || low > 0xdfff)
        return false;
    r->p += 4;
    append_code_point(&r->text,
                      0x10000 + (((uint32_t)cp - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
    return true;
}

static bool take_escape(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known;

    r->p++; /* the backslash */
    if (r->p >= r->end || *r->p == 0)
        return false;
    if (*r->p == 'u') {
        r->p++;
        return take_unicode(r);
    }
    known = strchr(from, *r->p);
    if (known == NULL)
        return false;
    r->p++;
    (void)wf_buf_append_byte(&r->text, to[known - from]); /* asked at the text's end */
    return true;
}

/* Behind the opening quote. *out is valid until the next text. *out_ascii false: it may be no
 * UTF-8. */
static bool take_text(struct reader *r, struct wf_str *out, bool *out_ascii)
{
    *out_ascii = true;
    *out = take_run(r, out_ascii);
    if (r->p < r->end && *r->p == '"') {
        r->p++;
        return true;
    }
    wf_buf_reset(&r->text);
    (void)wf_buf_append_str(&r->text, *out); /* asked below */
    while (r->p < r->end && *r->p != '"') {
        if (*r->p != '\\' || !take_escape(r))
            return false;
        (void)wf_buf_append_str(&r->text, take_run(r, out_ascii));
    }
    if (r->p++ >= r->end)
        return false;
    r->no_memory = r->no_memory || wf_buf_status(&r->text) != 0;
    for (size_t i = 0; *out_ascii && i < r->text.len; i++)
        *out_ascii = (unsigned char)r->text.ptr[i] < 0x80;
    *out = wf_buf_str(&r->text);
    return !r->no_memory;
}

static json_t *read_text(struct reader *r)
{
    struct wf_str s;
    bool ascii;

    if (!take_text(r, &s, &ascii))
        return NULL;
    return ascii ? made(r, json_stringn_nocheck(s.len ? s.ptr : "", s.len))
                 : json_stringn(s.ptr, s.len);
}

/* ---- numbers and words ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static json_t *read_number(struct reader *r)
{
    const char *start = r->p, *p = start + (*start == '-'), *first = p;
    json_int_t v = 0;

    while (p < r->end && is_digit(*p) && p - first < DIGITS_MAX)
        v = v * 10 + (*p++ - '0');
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    if (p < r->end && (is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E')) {
        while (p < r->end && (is_digit(*p) || strchr("+-.eE", *p) != NULL) && *p != 0)
            p++;
        r->p = p;
        return json_loadb(start, (size_t)(p - start), JSON_DECODE_ANY, NULL);
    }
    r->p = p;
    return made(r, json_integer(*start == '-' ? -v : v));
}

static bool take_word(struct reader *r, const char *word, size_t n)
{
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* ---- arrays and objects ---- */

static bool add_item(struct reader *r, json_t *array)
{
    json_t *item = read_value(r);

    if (item != NULL && json_array_append_new(array, item) != 0)
        r->no_memory = true;
    return item != NULL && !r->no_memory;
}

static bool add_member(struct reader *r, json_t *object)
{
    char own[64];
    struct wf_str name;
    bool ascii;
    json_t *v;

    if (take(r) != '"' || !take_text(r, &name, &ascii) || !ascii || name.len > sizeof(own))
        return false;
    memcpy(own, name.ptr, name.len); /* the buffer is the value's, too */
    if ((r->flags & JSON_REJECT_DUPLICATES) != 0 && json_object_getn(object, own, name.len) != NULL)
        return false;
    if (take(r) != ':' || (v = read_value(r)) == NULL)
        return false;
    if (json_object_setn_new_nocheck(object, own, name.len, v) != 0)
        r->no_memory = true;
    return !r->no_memory;
}

static json_t *read_all(struct reader *r, json_t *into, char close,
                        bool (*add)(struct reader *r, json_t *into))
{
    bool ok = into != NULL && ++r->depth <= DEPTH_MAX;

    skip_space(r);
    if (ok && r->p < r->end && *r->p == close) {
        r->p++;
    } else {
        char c = ',';
        while (ok && c == ',') {
            ok = add(r, into);
            c = ok ? take(r) : 0;
        }
        ok = ok && c == close;
    }
    r->depth--;
    if (ok)
        return into;
    json_decref(into);
    return NULL;
}

static json_t *read_value(struct reader *r)
{
    skip_space(r);
    if (r->p >= r->end)
        return NULL;
    switch (*r->p) {
    case '"':
        r->p++;
        return read_text(r);
    case '{':
        r->p++;
        return read_all(r, made(r, json_object()), '}', add_member);
    case '[':
        r->p++;
        return read_all(r, made(r, json_array()), ']', add_item);
    case 't':
        return take_word(r, "true", 4) ? json_true() : NULL;
    case 'f':
        return take_word(r, "false", 5) ? json_false() : NULL;
    case 'n':
        return take_word(r, "null", 4) ? json_null() : NULL;
    default:
        return *r->p == '-' || is_digit(*r->p) ? read_number(r) : NULL;
    }
}

json_t *wf_json_load(struct wf_str text, size_t flags, json_error_t *out_err)
{
    struct reader r = {.p = text.ptr, .end = text.ptr + text.len, .flags = flags};
    json_t *v = NULL;

    if (text.len == 0)
        return json_loadb("", 0, flags, out_err);
    wf_buf_init(&r.text, SIZE_MAX);
    skip_space(&r);
    if (r.p < r.end && ((flags & JSON_DECODE_ANY) != 0 || *r.p == '{' || *r.p == '['))
        v = read_value(&r);
    skip_space(&r);
    if (v != NULL && r.p < r.end) {
        json_decref(v);
        v = NULL;
    }
    wf_buf_deinit(&r.text);
    if (v == NULL && r.no_memory) {
        if (out_err != NULL)
            *out_err = (json_error_t){.line = -1};
        return NULL;
    }
    return v != NULL ? v : json_loadb(text.ptr, text.len, flags, out_err);
}
