/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown: its readable text, structure by md4c (CommonMark with GitHub's tables and task lists).
 *
 * Marks are left out: a sentence with *emphasis* and [a link](...) is found, shown and cited
 * as a person reads it. Headings become headings, list items keep "- " or their number, code keeps
 * its lines, tables become rows of cells. Raw HTML blocks go through the HTML parser, inline tags
 * are dropped.
 *
 * The block of settings that note programs put in front ("---") stays as text, line by line, since
 * people search for what stands there; its title, author, date and keywords become metadata too.
 * A file too large to be parsed at once is taken in as plain text. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <libxml/HTMLparser.h>
#include <md4c.h>

#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/html.h"
#include "ingest/parse.h"
#include "ingest/textin.h"
#include "ingest/txt.h"
#include "text/utf8.h"

/* md4c needs the text at once, and several times its size beside it. */
#define TEXT_BYTES_MAX ((size_t)32 << 20)
#define LISTS_MAX 32

struct page {
    struct wf_compose c;
    struct wf_stream_writer *w;
    bool in_code;
    bool in_html;
    struct wf_buf html; /* of the raw block under way */
    unsigned cells;     /* of the table row so far */
    unsigned n_lists;
    unsigned counts[LISTS_MAX]; /* the next number of a numbered list; UINT32_MAX: bullets */
};

/* ---- front matter ---- */

static void take_setting(struct page *p, struct wf_str line)
{
    static const struct {
        const char *name;
        const char *key;
    } keys[] = {
        {"title", "title"},       {"author", "author"},           {"date", "date"},
        {"lang", "language"},     {"language", "language"},       {"tags", "keywords"},
        {"keywords", "keywords"}, {"description", "description"},
    };
    size_t colon = wf_str_find_byte(line, ':', 0);
    struct wf_str name = wf_str_trim(wf_str_sub(line, 0, colon));
    struct wf_str value =
        colon == SIZE_MAX ? wf_str_n("", 0) : wf_str_trim(wf_str_sub(line, colon + 1, line.len));
    if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
        value.ptr[value.len - 1] == value.ptr[0]) {
        value = wf_str_sub(value, 1, value.len - 1);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(keys) && value.len > 0; i++) {
        if (wf_str_eq_nocase(name, wf_str_from(keys[i].name))) {
            (void)wf_stream_meta(p->w, keys[i].key, value); /* failures stick in the stream */
        }
    }
}

/* Writes the settings in front of `text`, if any, and returns the rest. */
static struct wf_str take_front(struct page *p, struct wf_str text)
{
    struct wf_str rest = text;
    struct wf_str line;
    if (!wf_str_line(&rest, &line) || !wf_str_eq(line, WF_STR("---"))) {
        return text;
    }
    struct wf_str body = rest;
    size_t n = 0;
    for (bool found = false; !found;) {
        n = rest.ptr == NULL ? 0 : (size_t)(rest.ptr - body.ptr);
        if (!wf_str_line(&rest, &line) || n > 16384) {
            return text; /* a rule, not the beginning of settings */
        }
        found = wf_str_eq(line, WF_STR("---")) || wf_str_eq(line, WF_STR("..."));
    }
    struct wf_str settings = wf_str_sub(body, 0, n);
    while (wf_str_line(&settings, &line)) {
        take_setting(p, line);
        wf_compose_line(&p->c);
        wf_compose_verbatim(&p->c, line);
    }
    wf_compose_paragraph(&p->c);
    return rest.ptr == NULL ? wf_str_n("", 0) : rest;
}

/* ---- blocks ---- */

static void begin_list(struct page *p, bool numbered, unsigned start)
{
    if (p->n_lists == 0) {
        wf_compose_paragraph(&p->c);
    } else {
        wf_compose_item(&p->c);
    }
    if (p->n_lists < LISTS_MAX) {
        p->counts[p->n_lists] = numbered ? start : UINT32_MAX;
    }
    p->n_lists++;
}

static void begin_item(struct page *p, const MD_BLOCK_LI_DETAIL *d)
{
    char mark[16] = "- ";
    unsigned at = p->n_lists - 1;
    wf_compose_item(&p->c);
    if (d->is_task) {
        (void)snprintf(mark, sizeof(mark), "- [%c] ", d->task_mark == ' ' ? ' ' : 'x');
    } else if (at < LISTS_MAX && p->counts[at] != UINT32_MAX) {
        (void)snprintf(mark, sizeof(mark), "%u. ", p->counts[at]++);
    }
    wf_compose_mark(&p->c, mark);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *ud)
{
    struct page *p = ud;
    switch (type) {
    case MD_BLOCK_UL:
        begin_list(p, false, 0);
        break;
    case MD_BLOCK_OL:
        begin_list(p, true, ((const MD_BLOCK_OL_DETAIL *)detail)->start);
        break;
    case MD_BLOCK_LI:
        begin_item(p, detail);
        break;
    case MD_BLOCK_H:
        wf_compose_heading(&p->c, ((const MD_BLOCK_H_DETAIL *)detail)->level);
        break;
    case MD_BLOCK_CODE:
        wf_compose_paragraph(&p->c);
        p->in_code = true;
        break;
    case MD_BLOCK_HTML:
        p->in_html = true;
        wf_buf_reset(&p->html);
        break;
    case MD_BLOCK_TR:
        wf_compose_item(&p->c);
        p->cells = 0;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        if (p->cells++ > 0) {
            wf_compose_cell(&p->c);
        }
        break;
    case MD_BLOCK_DOC:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
        break;
    case MD_BLOCK_QUOTE:
    case MD_BLOCK_HR:
    case MD_BLOCK_P:
    case MD_BLOCK_TABLE:
        wf_compose_paragraph(&p->c);
        break;
    }
    return wf_stream_status(p->w);
}

static void end_html(struct page *p)
{
    const struct wf_html_options o = {.charset = WF_STR("utf-8"), .no_meta = true};
    p->in_html = false;
    wf_compose_paragraph(&p->c);
    if (wf_buf_status(&p->html) != 0 || wf_html_text(wf_buf_str(&p->html), &o, &p->c, p->w, NULL)) {
        (void)wf_stream_warning(p->w, "a block of HTML could not be read");
    }
    wf_compose_paragraph(&p->c);
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *ud)
{
    struct page *p = ud;
    (void)detail;
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        p->n_lists -= p->n_lists > 0;
        if (p->n_lists == 0) {
            wf_compose_paragraph(&p->c);
        }
        break;
    case MD_BLOCK_LI:
        wf_compose_mark(&p->c, NULL);
        wf_compose_item(&p->c);
        break;
    case MD_BLOCK_H:
        wf_compose_heading_end(&p->c);
        break;
    case MD_BLOCK_CODE:
        p->in_code = false;
        wf_compose_paragraph(&p->c);
        break;
    case MD_BLOCK_HTML:
        end_html(p);
        break;
    case MD_BLOCK_TR:
        wf_compose_item(&p->c);
        break;
    case MD_BLOCK_QUOTE:
    case MD_BLOCK_P:
    case MD_BLOCK_TABLE:
        wf_compose_paragraph(&p->c);
        break;
    case MD_BLOCK_DOC:
    case MD_BLOCK_HR:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        break;
    }
    return wf_stream_status(p->w);
}

/* Emphasis and links add nothing to the text. */
static int on_span(MD_SPANTYPE type, void *detail, void *ud)
{
    (void)type;
    (void)detail;
    (void)ud;
    return 0;
}

/* ---- text ---- */

/* "&amp;", "&#8212;", "&#x2014;": what they stand for, or as they are when unknown. */
static void put_entity(struct page *p, struct wf_str s)
{
    char room[32];
    uint32_t cp = 0;
    struct wf_str name = wf_str_sub(s, 1, s.len - 1);
    if (wf_str_starts(name, WF_STR("#"))) {
        bool hex = name.len > 1 && (name.ptr[1] == 'x' || name.ptr[1] == 'X');
        for (size_t i = hex ? 2 : 1; i < name.len && cp <= 0x10ffff; i++) {
            unsigned c = (unsigned char)name.ptr[i] | 0x20u;
            cp = cp * (hex ? 16 : 10) + (c >= 'a' ? c - 'a' + 10 : c - '0');
        }
    } else if (name.len < sizeof(room)) {
        memcpy(room, name.ptr, name.len);
        room[name.len] = '\0';
        const htmlEntityDesc *e = htmlEntityLookup((const xmlChar *)room);
        cp = e != NULL ? e->value : 0;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
        wf_compose_flow(&p->c, s);
        return;
    }
    wf_compose_flow(&p->c, wf_str_n(room, wf_utf8_put(room, cp)));
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE n, void *ud)
{
    struct page *p = ud;
    struct wf_str s = wf_str_n(text, n);
    if (p->in_html) {
        (void)wf_buf_append_str(&p->html, s); /* its failure shows at the block's end */
        return wf_stream_status(p->w);
    }
    switch (type) {
    case MD_TEXT_NORMAL:
    case MD_TEXT_LATEXMATH:
        wf_compose_flow(&p->c, s);
        break;
    case MD_TEXT_CODE:
        if (p->in_code) {
            wf_compose_verbatim(&p->c, s);
        } else {
            wf_compose_flow(&p->c, s);
        }
        break;
    case MD_TEXT_BR:
        wf_compose_line(&p->c);
        break;
    case MD_TEXT_SOFTBR:
        wf_compose_space(&p->c);
        break;
    case MD_TEXT_ENTITY:
        put_entity(p, s);
        break;
    case MD_TEXT_HTML:
        if (wf_str_eq_nocase(wf_str_sub(s, 0, 3), WF_STR("<br"))) {
            wf_compose_line(&p->c);
        }
        break;
    case MD_TEXT_NULLCHAR:
        break;
    }
    return wf_stream_status(p->w);
}

/* ---- the format ---- */

static int parse_all(struct page *p, struct wf_str text, struct wf_err *err)
{
    static const MD_PARSER parser = {
        .flags = MD_DIALECT_GITHUB,
        .enter_block = enter_block,
        .leave_block = leave_block,
        .enter_span = on_span,
        .leave_span = on_span,
        .text = on_text,
    };
    struct wf_str body = take_front(p, text);
    int rc = md_parse(body.ptr, (MD_SIZE)body.len, &parser, p);
    if (wf_stream_status(p->w) != 0) {
        return wf_stream_status(p->w);
    }
    return rc == 0 ? 0 : wf_err_set(err, WF_E_NOMEM, "no memory to read the text");
}

static int as_plain_text(struct wf_text_in *in, struct wf_str so_far, struct wf_stream_writer *w,
                         struct wf_err *err)
{
    struct wf_txt t;
    struct wf_str block;
    wf_txt_init(&t, w, false);
    (void)wf_stream_warning(w, "the file is too large for Markdown: taken in as plain text");
    int rc = wf_txt_feed(&t, so_far);
    while (rc == 0 && (rc = wf_text_in_next(in, &block, err)) == 0 && block.len > 0) {
        rc = wf_txt_feed(&t, block);
    }
    return rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct page p = {.w = w};
    struct wf_text_in text_in;
    struct wf_buf text;
    struct wf_str block;
    int rc = 0;
    wf_text_in_init(&text_in, in);
    wf_buf_init(&text, 2 * TEXT_BYTES_MAX);
    wf_buf_init(&p.html, TEXT_BYTES_MAX);
    wf_compose_init(&p.c, w);
    while (text.len < TEXT_BYTES_MAX && (rc = wf_text_in_next(&text_in, &block, err)) == 0 &&
           block.len > 0) {
        (void)wf_utf8_append_repaired(&text, block); /* checked below: it sticks */
    }
    if (rc == 0 && wf_buf_status(&text) != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "no memory to read the text");
    }
    if (rc == 0 && text.len >= TEXT_BYTES_MAX) {
        rc = as_plain_text(&text_in, wf_buf_str(&text), w, err);
    } else if (rc == 0) {
        rc = parse_all(&p, wf_buf_str(&text), err);
        if (rc == 0 && !wf_compose_any(&p.c)) {
            rc = wf_parse_no_text(err);
        }
    }
    wf_buf_deinit(&p.html);
    wf_buf_deinit(&text);
    wf_text_in_deinit(&text_in);
    return rc;
}

/* The name is surer than tags at the beginning: Markdown may hold those. */
static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_format_has_extension(f, h) && !h->is_binary ? WF_SCORE_CONTENT + 1 : WF_SCORE_NO;
}

const struct wf_format wf_format_md = {
    .id = "md",
    .title = "Markdown text",
    .media_type = "text/markdown",
    .extensions = "md markdown mdown mkd mkdn mdx qmd rmd",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};
