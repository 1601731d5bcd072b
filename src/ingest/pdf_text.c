/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: reads what "pdftotext -bbox-layout" says.
 *
 * That is XHTML with one element a line, of which five matter:
 *
 *     <title>...</title>                  <meta name="Author" content="..."/>
 *     <page width="612.0" height="792.0"> ... </page>
 *     <line ...>
 *     <word xMin="56.8" yMin="57.2" xMax="105.4" yMax="72.4">This</word>
 *
 * Its blocks and flows are not used: layout.h orders the words itself. Text from the document is
 * escaped there, so it cannot pass for an element; a line that is none of these is passed over. */
#include <assert.h>
#include <string.h>

#include "ingest/pdf_internal.h"
#include "text/utf8.h"

/* A word is at most a page of letters without a space. */
#define LINE_BYTES_MAX (1u << 20)
#define PAGES_MAX 1000000u

void wf_pdf__text_init(struct wf_pdf_text *t)
{
    wf_buf_init(&t->_line, LINE_BYTES_MAX);
    wf_buf_init(&t->_plain, LINE_BYTES_MAX);
    t->_page = (struct wf_pdf_page){0};
}

void wf_pdf__text_deinit(struct wf_pdf_text *t)
{
    wf_buf_deinit(&t->_line);
    wf_buf_deinit(&t->_plain);
}

/* ---- pieces of a line ---- */

static const struct {
    const char *name;
    const char *text;
} entities[] = {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};

/* "&#x27;" and "&#39;": the code point, or 0. */
static uint32_t numeric_entity(struct wf_str name)
{
    uint32_t v = 0;
    bool hex = name.len > 1 && (name.ptr[1] | 0x20) == 'x';
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        char c = name.ptr[i];
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
                         : hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                             ? (uint32_t)((c | 0x20) - 'a' + 10)
                             : 99;
        if (digit == 99 || v > 0x10ffff) {
            return 0;
        }
        v = v * (hex ? 16 : 10) + digit;
    }
    return v < 0x110000 && (v < 0xd800 || v > 0xdfff) ? v : 0;
}

static void put_entity(struct wf_buf *out, struct wf_str name)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(entities); i++) {
        if (wf_str_eq(name, wf_str_from(entities[i].name))) {
            (void)wf_buf_append_cstr(out, entities[i].text); /* shorter than the line */
            return;
        }
    }
    uint32_t cp = wf_str_starts(name, WF_STR("#")) ? numeric_entity(name) : 0;
    if (cp != 0) {
        char utf8[4];
        (void)wf_buf_append(out, utf8, wf_utf8_put(utf8, cp)); /* likewise */
    }
}

/* The text without its escapes; valid until the next call. */
static struct wf_str plain(struct wf_pdf_text *t, struct wf_str s)
{
    wf_buf_reset(&t->_plain);
    for (size_t i = 0; i < s.len; i++) {
        size_t end = s.ptr[i] == '&' ? wf_str_find_byte(s, ';', i) : SIZE_MAX;
        if (end != SIZE_MAX && end - i < 12) {
            put_entity(&t->_plain, wf_str_sub(s, i + 1, end));
            i = end;
        } else {
            (void)wf_buf_append_byte(&t->_plain, s.ptr[i]); /* shorter than the line */
        }
    }
    return wf_buf_str(&t->_plain);
}

/* The value of name="..." in an element; empty when it is absent. */
static struct wf_str attribute(struct wf_str line, const char *name)
{
    struct wf_str key = wf_str_from(name);
    for (size_t at = 0; (at = wf_str_find(line, key, at)) != SIZE_MAX; at += key.len) {
        size_t from = at + key.len;
        if (at > 0 && line.ptr[at - 1] == ' ' &&
            wf_str_starts(wf_str_sub(line, from, line.len), WF_STR("=\""))) {
            size_t end = wf_str_find_byte(line, '"', from + 2);
            return wf_str_sub(line, from + 2, end);
        }
    }
    return wf_str_n("", 0);
}

/* A number as poppler writes it: "-12.345600". Quicker than strtod, of which there would be four
 * for every word. */
static float number(struct wf_str s)
{
    double v = 0;
    double unit = 0;
    size_t i = wf_str_starts(s, WF_STR("-"));
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.' && unit == 0) {
            unit = 1;
        } else if (c >= '0' && c <= '9') {
            unit /= 10;
            v = unit > 0 ? v + unit * (c - '0') : v * 10 + (c - '0');
        } else {
            break;
        }
    }
    return (float)(s.len > 0 && s.ptr[0] == '-' ? -v : v);
}

/* ---- lines ---- */

static void take_word(struct wf_pdf_text *t, struct wf_str line)
{
    size_t end = wf_str_find_byte(line, '>', 0);
    struct wf_str text = wf_str_sub(line, end + 1, line.len);
    if (end == SIZE_MAX || !wf_str_ends(text, WF_STR("</word>"))) {
        return;
    }
    struct wf_str head = wf_str_sub(line, 0, end);
    struct wf_layout_box box = {.x0 = number(attribute(head, "xMin")),
                                .y0 = number(attribute(head, "yMin")),
                                .x1 = number(attribute(head, "xMax")),
                                .y1 = number(attribute(head, "yMax"))};
    text = wf_str_sub(text, 0, text.len - strlen("</word>"));
    wf_layout_word(t->layout, box, plain(t, text));
}

/* Names that programs give for want of a better one. */
static struct wf_str clean_title(struct wf_str s)
{
    s = wf_str_trim(s);
    if (wf_str_starts(s, WF_STR("Microsoft Word - "))) {
        s = wf_str_sub(s, 17, s.len);
    } else if (wf_str_starts(s, WF_STR("Microsoft PowerPoint - "))) {
        s = wf_str_sub(s, 23, s.len);
    }
    bool none = wf_str_eq_nocase(s, WF_STR("untitled")) || wf_str_eq_nocase(s, WF_STR("unknown"));
    return none ? wf_str_n("", 0) : s;
}

static void take_meta(struct wf_pdf_text *t, struct wf_str line)
{
    static const struct {
        const char *name;
        const char *key;
    } rows[] = {{"Author", "author"}, {"Subject", "subject"}, {"Keywords", "keywords"}};
    struct wf_str name = attribute(line, "name");
    struct wf_str value = plain(t, attribute(line, "content"));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (wf_str_eq(name, wf_str_from(rows[i].name))) {
            (void)wf_stream_meta(t->w, rows[i].key, value); /* its failure sticks */
        }
    }
    if (wf_str_eq(name, WF_STR("CreationDate")) && value.len >= 10 && value.ptr[4] == '-') {
        (void)wf_stream_meta(t->w, "date", wf_str_sub(value, 0, 19)); /* likewise */
    }
}

static int take_line(struct wf_pdf_text *t, struct wf_str line, struct wf_err *err)
{
    line = wf_str_trim(line);
    if (wf_str_starts(line, WF_STR("<word "))) {
        take_word(t, line);
    } else if (wf_str_starts(line, WF_STR("<line "))) {
        wf_layout_line(t->layout);
    } else if (wf_str_starts(line, WF_STR("<page ")) && t->_page.number < PAGES_MAX) {
        t->_page.number++;
        t->_page.width = number(attribute(line, "width"));
        t->_page.height = number(attribute(line, "height"));
        wf_layout_page(t->layout);
    } else if (wf_str_eq(line, WF_STR("</page>"))) {
        return t->end_page(t->ud, &t->_page, err);
    } else if (wf_str_starts(line, WF_STR("<title>")) && wf_str_ends(line, WF_STR("</title>"))) {
        struct wf_str s = wf_str_sub(line, 7, line.len - 8);
        (void)wf_stream_meta(t->w, "title", clean_title(plain(t, s))); /* its failure sticks */
    } else if (wf_str_starts(line, WF_STR("<meta "))) {
        take_meta(t, line);
    }
    return 0;
}

int wf_pdf__text_feed(struct wf_pdf_text *t, struct wf_str bytes, struct wf_err *err)
{
    int rc = 0;
    while (rc == 0 && bytes.len > 0) {
        size_t end = wf_str_find_byte(bytes, '\n', 0);
        struct wf_str piece = wf_str_sub(bytes, 0, end);
        bytes = wf_str_sub(bytes, piece.len + (end != SIZE_MAX), bytes.len);
        if (end == SIZE_MAX || t->_line.len > 0) {
            (void)wf_buf_append_str(&t->_line, piece); /* a line that is too long is cut */
            piece = wf_buf_str(&t->_line);
        }
        if (end != SIZE_MAX) {
            rc = take_line(t, piece, err);
            wf_buf_reset(&t->_line);
        }
    }
    return rc;
}
