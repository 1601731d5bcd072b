/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text: verbatim, with borders at blank lines and pages at form feeds.
 *
 * The document's text is the file's, decoded, so that a citation's position is the reader's own.
 * Hard-wrapped lines are not joined: where a paragraph ends inside them nobody can know.
 * Everything that is text and no other format comes here, so this also is the last resort. */
#include "ingest/txt.h"

#include <assert.h>
#include <string.h>

#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/textin.h"

void wf_txt_init(struct wf_txt *t, struct wf_stream_writer *w, bool is_code)
{
    *t = (struct wf_txt){._w = w, ._code = is_code, ._at_line_start = true};
}

bool wf_txt_any(const struct wf_txt *t)
{
    return t->_any;
}

static bool is_blank(struct wf_str line)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\v') {
            return false;
        }
    }
    return true;
}

/* May a border stand before this line, which follows a blank one? In code, only where a definition
 * begins: not inside one, nor before its closing bracket. */
static bool begins_part(const struct wf_txt *t, struct wf_str line)
{
    if (!t->_code) {
        return true;
    }
    char c = line.ptr[0];
    return c != ' ' && c != '\t' && c != '}' && c != ')' && c != ']';
}

static void begin_page(struct wf_txt *t)
{
    t->_page = t->_page == 0 ? 2 : t->_page + 1;
    (void)wf_stream_border(t->_w); /* failures stick in the stream */
    (void)wf_stream_page(t->_w, t->_page);
}

/* Length of the line at s, with its "\n"; a form feed ends it too. */
static size_t line_bytes(struct wf_str s, bool *out_feed)
{
    const char *nl = memchr(s.ptr, '\n', s.len);
    size_t n = nl == NULL ? s.len : (size_t)(nl - s.ptr) + 1;
    const char *ff = memchr(s.ptr, '\f', n);
    *out_feed = ff != NULL;
    return ff == NULL ? n : (size_t)(ff - s.ptr) + 1;
}

/* What stands before a border or page goes out in one piece, from `from` to `to`. */
static void put(struct wf_txt *t, struct wf_str s, size_t *io_from, size_t to)
{
    (void)wf_stream_text(t->_w, wf_str_sub(s, *io_from, to)); /* failures stick in the stream */
    *io_from = to;
}

int wf_txt_feed(struct wf_txt *t, struct wf_str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len;) {
        bool feed = false;
        size_t n = line_bytes(wf_str_sub(s, i, s.len), &feed);
        struct wf_str line = wf_str_n(s.ptr + i, feed ? n - 1 : n);
        bool blank = is_blank(line);
        if (!blank && t->_blank && t->_at_line_start && begins_part(t, line)) {
            put(t, s, &from, i);
            (void)wf_stream_border(t->_w); /* likewise */
        }
        t->_any = t->_any || !blank;
        t->_blank = blank && (t->_at_line_start || t->_blank);
        t->_at_line_start = feed || s.ptr[i + n - 1] == '\n';
        i += n;
        if (feed) {
            put(t, s, &from, i - 1);
            from = i; /* the form feed itself is no text */
            begin_page(t);
        }
    }
    put(t, s, &from, s.len);
    return wf_stream_status(t->_w);
}

/* Pages are counted from the beginning when the first block shows that there are any. */
static void first_page(struct wf_txt *t, struct wf_str block)
{
    if (memchr(block.ptr, '\f', block.len) != NULL) {
        t->_page = 1;
        (void)wf_stream_page(t->_w, 1); /* failures stick in the stream */
    }
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, bool is_code,
                 struct wf_err *err)
{
    struct wf_text_in text;
    struct wf_txt t;
    struct wf_str block;
    int rc;
    wf_text_in_init(&text, in);
    wf_txt_init(&t, w, is_code);
    for (bool first = true;; first = false) {
        rc = wf_text_in_next(&text, &block, err);
        if (rc != 0 || block.len == 0) {
            break;
        }
        if (first) {
            first_page(&t, block);
        }
        rc = wf_txt_feed(&t, block);
        if (rc != 0) {
            break;
        }
    }
    if (rc == 0 && !wf_txt_any(&t)) {
        rc = wf_parse_no_text(err);
    }
    wf_text_in_deinit(&text);
    return rc;
}

static int parse_txt(const struct wf_parse_input *in, struct wf_stream_writer *w,
                     struct wf_err *err)
{
    return parse(in, w, false, err);
}

static int parse_code(const struct wf_parse_input *in, struct wf_stream_writer *w,
                      struct wf_err *err)
{
    return parse(in, w, true, err);
}

static int score_txt(const struct wf_format *f, const struct wf_format_hint *h)
{
    if (h->is_binary || h->n_bytes == 0) {
        return WF_SCORE_NO;
    }
    return wf_format_has_extension(f, h) ? WF_SCORE_NAME : WF_SCORE_FALLBACK;
}

/* The name is surer than what a source begins with: a template may begin like a page. */
static int score_code(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_format_has_extension(f, h) && !h->is_binary ? WF_SCORE_CONTENT + 1 : WF_SCORE_NO;
}

const struct wf_format wf_format_txt = {
    .id = "txt",
    .title = "plain text",
    .media_type = "text/plain",
    .extensions = "txt text log asc nfo lst rst adoc asciidoc org tex bib",
    .score = score_txt,
    .parse = parse_txt,
    .kind = WF_PARSE_SHARED,
};

const struct wf_format wf_format_code = {
    .id = "code",
    .title = "source code",
    .media_type = "text/x-source",
    .extensions =
        "c h cc cpp cxx hh hpp hxx m mm cs java kt kts scala groovy go rs swift zig d nim v py pyi "
        "pyx rb pl pm php lua tcl r jl ml mli hs lhs elm erl ex exs clj cljs lisp el scm rkt f f77 "
        "f90 f95 for pas pp ada adb ads cob asm s js mjs cjs jsx ts mts cts tsx vue svelte dart "
        "coffee css scss sass less sql sh bash zsh fish ps1 psm1 bat cmd awk sed mk cmake gradle "
        "make ninja bazel bzl nix proto thrift graphql gql tf hcl toml yaml yml ini cfg conf "
        "properties env service patch diff y l vim glsl hlsl vert frag cu cl sol vhd vhdl sv",
    .score = score_code,
    .parse = parse_code,
    .kind = WF_PARSE_SHARED,
};
