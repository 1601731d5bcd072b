/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and JSON lines: a line "path: value" for every value.
 *
 * {"shop":{"name":"Oak","open":["Mon","Tue"]}} gives "shop.name: Oak" and "shop.open: Mon, Tue":
 * words of a question about it stand together, whatever the nesting. An object in an array, and
 * every record of JSON lines, is a paragraph of its own; the path inside a record at the top level
 * is relative to it. null and "" say nothing and are left out.
 *
 * A reader of our own, over the whole text at once (a line at a time for JSON lines): files above
 * TEXT_BYTES_MAX that are no lines are taken in as plain text, as is whatever stands behind the
 * first error; both with a warning. Depth is bounded, so the recursion is. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/textin.h"
#include "ingest/txt.h"
#include "text/utf8.h"

#define TEXT_BYTES_MAX ((size_t)128 << 20)
/* A path longer than this is cut: keys of a hostile file could make each line a megabyte. */
#define PATH_BYTES_MAX 512

struct reader {
    struct wf_str s;
    size_t i;
    size_t good; /* everything before it is written */
    unsigned depth;
    struct wf_compose c;
    struct wf_stream_writer *w;
    struct wf_buf path;
    struct wf_buf string; /* the string read last, decoded */
    bool in_record;       /* inside a record at the top level */
};

static int read_value(struct reader *r);

/* ---- lexing: every function returns false (or -1) at what is no JSON ---- */

static void skip_space(struct reader *r)
{
    while (r->i < r->s.len && strchr(" \t\n\r", r->s.ptr[r->i]) != NULL && r->s.ptr[r->i] != 0) {
        r->i++;
    }
}

static char peek(struct reader *r)
{
    skip_space(r);
    return r->i < r->s.len ? r->s.ptr[r->i] : '\0';
}

static bool take(struct reader *r, char c)
{
    bool is = peek(r) == c && c != '\0';
    r->i += is;
    return is;
}

static int hex4(struct reader *r)
{
    int v = 0;
    if (r->s.len - r->i < 4) {
        return -1;
    }
    for (int k = 0; k < 4; k++) {
        char c = r->s.ptr[r->i + (size_t)k];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) {
            return -1;
        }
        v = v * 16 + d;
    }
    r->i += 4;
    return v;
}

/* Behind "\u": one unit, or a pair of surrogates; a lone one becomes U+FFFD. */
static bool read_unicode(struct reader *r)
{
    char out[4];
    int high = hex4(r);
    uint32_t cp = (uint32_t)high;
    if (high < 0) {
        return false;
    }
    if (high >= 0xd800 && high < 0xdc00 &&
        wf_str_starts(wf_str_sub(r->s, r->i, r->s.len), WF_STR("\\u"))) {
        size_t back = r->i;
        r->i += 2;
        int low = hex4(r);
        if (low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000u + (((uint32_t)high & 0x3ffu) << 10 | ((uint32_t)low & 0x3ffu));
        } else {
            r->i = back;
        }
    }
    if (cp >= 0xd800 && cp < 0xe000) {
        cp = 0xfffd;
    }
    (void)wf_buf_append(&r->string, out, wf_utf8_put(out, cp)); /* checked by read_string */
    return true;
}

static bool read_escape(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/  \n\n\t";
    if (r->i >= r->s.len) {
        return false;
    }
    char c = r->s.ptr[r->i++];
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    if (at != NULL) {
        (void)wf_buf_append_byte(&r->string, to[at - from]); /* checked by read_string */
        return true;
    }
    return c == 'u' && read_unicode(r);
}

/* A string into r->string. */
static bool read_string(struct reader *r)
{
    wf_buf_reset(&r->string);
    if (!take(r, '"')) {
        return false;
    }
    for (;;) {
        size_t from = r->i;
        while (r->i < r->s.len && r->s.ptr[r->i] != '"' && r->s.ptr[r->i] != '\\') {
            r->i++;
        }
        (void)wf_buf_append(&r->string, r->s.ptr + from, r->i - from); /* checked below */
        if (r->i >= r->s.len) {
            return false;
        }
        if (r->s.ptr[r->i++] == '"') {
            return wf_buf_status(&r->string) == 0;
        }
        if (!read_escape(r)) {
            return false;
        }
    }
}

/* A number, true, false or null, as written. */
static struct wf_str read_bare(struct reader *r)
{
    size_t from = r->i;
    while (r->i < r->s.len &&
           (strchr("+-.", r->s.ptr[r->i]) != NULL ||
            (r->s.ptr[r->i] >= '0' && r->s.ptr[r->i] <= '9') ||
            (r->s.ptr[r->i] >= 'a' && r->s.ptr[r->i] <= 'z') || r->s.ptr[r->i] == 'E')) {
        if (r->s.ptr[r->i] == '\0') {
            break;
        }
        r->i++;
    }
    return wf_str_sub(r->s, from, r->i);
}

static bool is_bare(struct wf_str s)
{
    double number;
    return wf_str_eq(s, WF_STR("true")) || wf_str_eq(s, WF_STR("false")) ||
           wf_str_eq(s, WF_STR("null")) || wf_str_to_f64(s, &number);
}

/* ---- writing ---- */

static void put_path(struct reader *r)
{
    if (r->path.len > 0) {
        wf_compose_flow(&r->c, wf_buf_str(&r->path));
        wf_compose_flow(&r->c, WF_STR(": "));
    }
}

static void put_line(struct reader *r, struct wf_str value)
{
    if (wf_str_trim(value).len == 0) {
        return;
    }
    wf_compose_line(&r->c);
    put_path(r);
    wf_compose_verbatim(&r->c, wf_str_trim(value));
}

static size_t push_key(struct reader *r, struct wf_str key)
{
    size_t before = r->path.len;
    if (before + key.len + 1 <= PATH_BYTES_MAX) {
        if (before > 0) {
            (void)wf_buf_append_byte(&r->path, '.'); /* within the maximum; no memory: shorter */
        }
        (void)wf_buf_append_str(&r->path, key); /* likewise */
    }
    return before;
}

static size_t push_index(struct reader *r, size_t index)
{
    char room[32];
    size_t before = r->path.len;
    int n = snprintf(room, sizeof(room), "[%zu]", index);
    if (before > 0 && before + (size_t)n <= PATH_BYTES_MAX) {
        (void)wf_buf_append(&r->path, room, (size_t)n); /* within the maximum */
    }
    return before;
}

/* ---- values; -1: no JSON from r->i on ---- */

static int read_object(struct reader *r)
{
    int rc = take(r, '{') ? 0 : -1;
    for (bool first = true; rc == 0 && !take(r, '}'); first = false) {
        r->good = r->i;
        if ((!first && !take(r, ',')) || !read_string(r)) {
            return -1;
        }
        size_t before = push_key(r, wf_buf_str(&r->string));
        rc = take(r, ':') ? read_value(r) : -1;
        wf_buf_truncate(&r->path, before);
    }
    return rc;
}

/* One scalar as a part of "a, b, c". */
static int read_scalar_part(struct reader *r, bool first)
{
    struct wf_str s;
    if (peek(r) == '"') {
        if (!read_string(r)) {
            return -1;
        }
        s = wf_str_trim(wf_buf_str(&r->string));
    } else {
        s = read_bare(r);
        if (!is_bare(s)) {
            return -1;
        }
    }
    if (first) {
        wf_compose_line(&r->c);
        put_path(r);
    } else {
        wf_compose_flow(&r->c, WF_STR(", "));
    }
    wf_compose_flow(&r->c, s);
    return 0;
}

static int read_element(struct reader *r, size_t index, bool *io_in_line)
{
    char c = peek(r);
    r->good = r->i;
    if (c != '{' && c != '[') {
        bool first = !*io_in_line;
        *io_in_line = true;
        return read_scalar_part(r, first);
    }
    bool record = r->depth == 1 && !r->in_record;
    size_t before = record ? r->path.len : push_index(r, index);
    *io_in_line = false;
    if (c == '{') {
        wf_compose_paragraph(&r->c);
    }
    r->in_record = r->in_record || record;
    int rc = read_value(r);
    r->in_record = r->in_record && !record;
    wf_buf_truncate(&r->path, before);
    if (c == '{') {
        wf_compose_paragraph(&r->c);
    }
    return rc;
}

static int read_array(struct reader *r)
{
    bool in_line = false;
    int rc = take(r, '[') ? 0 : -1;
    for (size_t i = 0; rc == 0 && !take(r, ']'); i++) {
        if (i > 0 && !take(r, ',')) {
            return -1;
        }
        rc = read_element(r, i, &in_line);
    }
    return rc;
}

static int read_value(struct reader *r)
{
    char c = peek(r);
    r->good = r->i;
    if (wf_stream_status(r->w) != 0) {
        return -1;
    }
    if (c == '{' || c == '[') {
        if (r->depth >= WF_LIMIT_NESTING) {
            return -1;
        }
        r->depth++;
        int rc = c == '{' ? read_object(r) : read_array(r);
        r->depth--;
        return rc;
    }
    if (c == '"') {
        if (!read_string(r)) {
            return -1;
        }
        put_line(r, wf_buf_str(&r->string));
        return 0;
    }
    struct wf_str bare = read_bare(r);
    if (!is_bare(bare)) {
        return -1;
    }
    if (!wf_str_eq(bare, WF_STR("null"))) {
        put_line(r, bare);
    }
    return 0;
}

/* ---- documents ---- */

/* All values of s, one behind the other. Returns how many bytes were read; less than s.len when
 * what follows is no JSON. */
static size_t read_values(struct reader *r, struct wf_str s)
{
    r->s = s;
    r->i = 0;
    while (peek(r) != '\0' || r->i < s.len) {
        wf_compose_paragraph(&r->c);
        wf_buf_reset(&r->path);
        r->depth = 0;
        r->in_record = false;
        if (read_value(r) != 0) {
            return r->good;
        }
    }
    wf_compose_paragraph(&r->c);
    return s.len;
}

static size_t line_at(struct wf_str s, size_t i)
{
    size_t n = 1;
    for (size_t k = 0; k < i; k++) {
        n += s.ptr[k] == '\n';
    }
    return n;
}

/* What is no JSON, as it stands. */
static int put_rest(struct reader *r, struct wf_str rest)
{
    wf_compose_paragraph(&r->c);
    wf_compose_verbatim(&r->c, rest);
    return wf_stream_status(r->w);
}

static int parse_whole(struct reader *r, struct wf_text_in *in, struct wf_str block,
                       struct wf_err *err)
{
    struct wf_buf all;
    int rc = 0;
    wf_buf_init(&all, TEXT_BYTES_MAX + (1u << 21));
    while (rc == 0 && block.len > 0 && all.len < TEXT_BYTES_MAX) {
        rc = wf_buf_append_str(&all, block);
        if (rc == 0) {
            rc = wf_text_in_next(in, &block, err);
        }
    }
    struct wf_str s = wf_buf_str(&all);
    size_t n = rc == 0 && block.len == 0 ? read_values(r, s) : 0;
    if (rc == 0 && wf_stream_status(r->w) == 0 && n < s.len) {
        if (block.len > 0) {
            (void)wf_stream_warning(r->w, "the file is too large for JSON: taken in as plain text");
        } else {
            (void)wf_stream_warning(r->w, "no valid JSON from line %zu on: taken in as plain text",
                                    line_at(s, r->i));
        }
        rc = put_rest(r, wf_str_sub(s, n, s.len));
    }
    while (rc == 0 && block.len > 0) {
        rc = put_rest(r, block);
        if (rc == 0) {
            rc = wf_text_in_next(in, &block, err);
        }
    }
    wf_buf_deinit(&all);
    return rc;
}

static int parse_lines(struct reader *r, struct wf_text_in *in, struct wf_str block,
                       struct wf_err *err)
{
    int rc = 0;
    for (uint64_t n = 1; rc == 0 && block.len > 0;) {
        struct wf_str rest = block;
        struct wf_str line;
        for (; rc == 0 && wf_str_line(&rest, &line); n++) {
            size_t n_read = read_values(r, line);
            rc = wf_stream_status(r->w);
            if (rc == 0 && n_read < line.len) {
                (void)wf_stream_warning(r->w, "line %llu is no valid JSON", (unsigned long long)n);
                rc = put_rest(r, wf_str_sub(line, n_read, line.len));
            }
        }
        if (rc == 0) {
            rc = wf_text_in_next(in, &block, err);
        }
    }
    return rc;
}

/* Lines: several, of which the first ends as it began. */
static bool is_lines(struct wf_str block)
{
    struct wf_str rest = block;
    struct wf_str line;
    struct wf_str next;
    if (!wf_str_line(&rest, &line) || !wf_str_line(&rest, &next)) {
        return false;
    }
    line = wf_str_trim(line);
    next = wf_str_trim(next);
    return line.len > 2 && next.len > 0 && line.ptr[0] == next.ptr[0] &&
           ((line.ptr[0] == '{' && line.ptr[line.len - 1] == '}') ||
            (line.ptr[0] == '[' && line.ptr[line.len - 1] == ']'));
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct reader r = {.w = w};
    struct wf_text_in text;
    struct wf_str block;
    wf_compose_init(&r.c, w);
    wf_buf_init(&r.path, PATH_BYTES_MAX + 64);
    wf_buf_init(&r.string, TEXT_BYTES_MAX + (1u << 21));
    wf_text_in_init(&text, in);
    int rc = wf_text_in_next(&text, &block, err);
    if (rc == 0) {
        rc = is_lines(block) ? parse_lines(&r, &text, block, err)
                             : parse_whole(&r, &text, block, err);
    }
    if (rc == 0 && !wf_compose_any(&r.c)) {
        rc = wf_parse_no_text(err);
    }
    wf_text_in_deinit(&text);
    wf_buf_deinit(&r.string);
    wf_buf_deinit(&r.path);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    struct wf_str s = wf_str_trim(h->text);
    bool named = wf_format_has_extension(f, h);
    if (h->is_binary || s.len < 2) {
        return WF_SCORE_NO;
    }
    char next = wf_str_trim(wf_str_sub(s, 1, 256)).len > 0
                    ? wf_str_trim(wf_str_sub(s, 1, 256)).ptr[0]
                    : '\0';
    bool looks = (s.ptr[0] == '{' && (next == '"' || next == '}')) ||
                 (s.ptr[0] == '[' && (next == '{' || next == '"' || next == '['));
    if (named) {
        return looks ? WF_SCORE_BOTH : WF_SCORE_NAME;
    }
    /* Without the name only an object that can be nothing else: "{" and a quoted key. */
    return looks && s.ptr[0] == '{' && h->extension.len == 0 ? WF_SCORE_CONTENT : WF_SCORE_NO;
}

const struct wf_format wf_format_json = {
    .id = "json",
    .title = "JSON data",
    .media_type = "application/json",
    .extensions = "json jsonl ndjson geojson jsonld webmanifest ipynb",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_SHARED,
};
