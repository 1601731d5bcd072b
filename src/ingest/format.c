/* SPDX-License-Identifier: Apache-2.0 */
/* Formats: the table of rows, and the choice among them.
 *
 * Every row says how sure it is that the file is its own; the surest wins. Content is trusted more
 * than a name: a PDF called .txt is a PDF, a text called .pdf is a text. Only when the content is
 * plain text does the extension decide between what plain text can be.
 *
 * UTF-16 text is narrowed to ASCII first (other characters become '?'), so that the rows need to
 * know one shape of text only. */
#include "ingest/format.h"

#include <assert.h>
#include <string.h>

#include "ingest/format_list.h"

#define DECLARE_ROW(name) extern const struct wf_format wf_format_##name;
WF_FORMAT_LIST(DECLARE_ROW)
#undef DECLARE_ROW

static const struct wf_format *const rows[] = {
#define ROW_POINTER(name) &wf_format_##name,
    WF_FORMAT_LIST(ROW_POINTER)
#undef ROW_POINTER
};

static const struct wf_format *const *extra; /* of a test; they come first */
static size_t n_extra;

void wf_format_set_extra(const struct wf_format *const *list)
{
    extra = list;
    for (n_extra = 0; list != NULL && list[n_extra] != NULL; n_extra++) {
    }
}

const struct wf_format *wf_format_at(size_t i)
{
    if (i < n_extra) {
        return extra[i];
    }
    return i - n_extra < WF_ARRAY_LEN(rows) ? rows[i - n_extra] : NULL;
}

size_t wf_format_index(const struct wf_format *f)
{
    size_t i = 0;
    while (wf_format_at(i) != f) {
        assert(wf_format_at(i) != NULL);
        i++;
    }
    return i;
}

/* ---- the shape of the file's beginning ---- */

enum shape {
    SHAPE_BYTES, /* ASCII or a superset of it, or no text */
    SHAPE_UTF16LE,
    SHAPE_UTF16BE,
};

/* UTF-16 by its mark, or by the zero bytes that Latin letters have in one half. */
static enum shape shape_of(struct wf_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len >= 2 && p[0] == 0xff && p[1] == 0xfe) {
        return SHAPE_UTF16LE;
    }
    if (s.len >= 2 && p[0] == 0xfe && p[1] == 0xff) {
        return SHAPE_UTF16BE;
    }
    size_t n_pairs = WF_MIN(s.len, (size_t)1024) / 2;
    size_t n_zero_first = 0;
    size_t n_zero_second = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        n_zero_first += p[2 * i] == 0;
        n_zero_second += p[2 * i + 1] == 0;
    }
    if (n_pairs >= 2 && n_zero_first == 0 && n_zero_second * 10 >= n_pairs * 7) {
        return SHAPE_UTF16LE;
    }
    if (n_pairs >= 2 && n_zero_second == 0 && n_zero_first * 10 >= n_pairs * 7) {
        return SHAPE_UTF16BE;
    }
    return SHAPE_BYTES;
}

static struct wf_str narrow(struct wf_str s, size_t i_low, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < s.len; i += 2) {
        char low = s.ptr[i + i_low];
        char high = s.ptr[i + 1 - i_low];
        if ((unsigned char)high == 0xfe && (unsigned char)low == 0xff) {
            continue; /* the byte order mark */
        }
        out[n++] = high == 0 && (unsigned char)low < 0x80 ? low : '?';
    }
    return wf_str_n(out, n);
}

/* Control characters that occur in text files: tab, line ends, form feed, vertical tab, backspace
 * (old manual pages), escape (coloured logs), the end mark of DOS. */
static bool is_text_control(unsigned char c)
{
    return (c >= 0x08 && c <= 0x0d) || c == 0x1b || c == 0x1a;
}

/* A zero byte, or more than one odd control character in 50 bytes. */
static bool looks_binary(struct wf_str s)
{
    size_t n_odd = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == 0) {
            return true;
        }
        n_odd += c < 0x20 && !is_text_control(c);
    }
    return n_odd * 50 > s.len;
}

static struct wf_str extension_of(struct wf_str name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.ptr[i - 1] == '.') {
            return wf_str_sub(name, i, name.len);
        }
        if (name.ptr[i - 1] == '/') {
            break;
        }
    }
    return wf_str_n("", 0);
}

static void fill_hint(struct wf_format_hint *h, char *text_buf)
{
    h->extension = extension_of(h->name);
    switch (shape_of(h->head)) {
    case SHAPE_UTF16LE:
        h->text = narrow(h->head, 0, text_buf);
        break;
    case SHAPE_UTF16BE:
        h->text = narrow(h->head, 1, text_buf);
        break;
    case SHAPE_BYTES:
        h->text = h->head;
        if (wf_str_starts(h->text, WF_STR("\xef\xbb\xbf"))) {
            h->text = wf_str_sub(h->text, 3, h->text.len);
        }
        break;
    }
    h->is_binary = looks_binary(h->text);
}

/* ---- helpers of the rows ---- */

bool wf_format_has_extension(const struct wf_format *f, const struct wf_format_hint *h)
{
    struct wf_str rest = wf_str_from(f->extensions);
    struct wf_str one;
    while (h->extension.len > 0 && wf_str_split(&rest, ' ', &one)) {
        if (wf_str_eq_nocase(one, h->extension)) {
            return true;
        }
    }
    return false;
}

bool wf_format_has_magic(const struct wf_format *f, const struct wf_format_hint *h)
{
    return f->magic != NULL && wf_str_starts(h->head, wf_str_n(f->magic, f->magic_bytes));
}

static bool is_zip(const struct wf_format_hint *h)
{
    return wf_str_starts(h->head, WF_STR("PK\x03\x04"));
}

static uint32_t u16_at(struct wf_str s, size_t i)
{
    return (uint32_t)(unsigned char)s.ptr[i] | (uint32_t)(unsigned char)s.ptr[i + 1] << 8;
}

/* Is `member` the name (or its beginning, when it ends in "/") in a header of the given signature,
 * whose name stands at name_at and has its length at len_at? */
static bool zip_names(struct wf_str s, struct wf_str sign, size_t name_at, size_t len_at,
                      struct wf_str member)
{
    bool prefix = wf_str_ends(member, WF_STR("/"));
    for (size_t i = 0; (i = wf_str_find(s, sign, i)) != SIZE_MAX; i += sign.len) {
        if (s.len - i < name_at) {
            return false;
        }
        size_t n = u16_at(s, i + len_at);
        struct wf_str name = wf_str_sub(s, i + name_at, i + name_at + n);
        if (prefix ? wf_str_starts(name, member) : wf_str_eq(name, member)) {
            return true;
        }
    }
    return false;
}

bool wf_format_zip_has(const struct wf_format_hint *h, const char *member)
{
    struct wf_str m = wf_str_from(member);
    return is_zip(h) && (zip_names(h->tail, WF_STR("PK\x01\x02"), 46, 28, m) ||
                         zip_names(h->head, WF_STR("PK\x03\x04"), 30, 26, m));
}

bool wf_format_zip_type_is(const struct wf_format_hint *h, const char *type)
{
    struct wf_str name = wf_str_sub(h->head, 30, 38);
    struct wf_str body = wf_str_sub(h->head, 38, h->head.len);
    return is_zip(h) && wf_str_eq(name, WF_STR("mimetype")) &&
           wf_str_starts(body, wf_str_from(type));
}

/* ---- the choice ---- */

static int default_score(const struct wf_format *f, const struct wf_format_hint *h)
{
    if (f->magic != NULL) {
        return wf_format_has_magic(f, h) ? WF_SCORE_MAGIC : WF_SCORE_NO;
    }
    return wf_format_has_extension(f, h) && !h->is_binary ? WF_SCORE_NAME : WF_SCORE_NO;
}

const struct wf_format *wf_format_find(struct wf_format_hint *h, char *text_buf)
{
    assert(h->head.len <= WF_FORMAT_HEAD_BYTES);
    assert(h->tail.len <= WF_FORMAT_TAIL_BYTES);
    fill_hint(h, text_buf);
    const struct wf_format *best = NULL;
    int best_score = WF_SCORE_NO;
    const struct wf_format *f;
    for (size_t i = 0; (f = wf_format_at(i)) != NULL; i++) {
        int score = f->score ? f->score(f, h) : default_score(f, h);
        if (score > best_score) {
            best = f;
            best_score = score;
        }
    }
    assert(best != NULL); /* the last row takes everything */
    return best;
}

const struct wf_format *wf_format_by_type(struct wf_str media_type)
{
    const struct wf_format *f;
    for (size_t i = 0; (f = wf_format_at(i)) != NULL; i++) {
        if (wf_str_eq_nocase(wf_str_from(f->media_type), media_type)) {
            return f;
        }
    }
    return NULL;
}

const struct wf_format *wf_format_by_id(struct wf_str id)
{
    const struct wf_format *f;
    for (size_t i = 0; (f = wf_format_at(i)) != NULL; i++) {
        if (wf_str_eq(wf_str_from(f->id), id)) {
            return f;
        }
    }
    return NULL;
}
