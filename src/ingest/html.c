/* SPDX-License-Identifier: Apache-2.0 */
/* HTML: libxml2's forgiving parser as a stream of events, turned into text of one shape.
 *
 * No tree is built: start and end of elements drive the composer directly. A table says what each
 * element means for text. The parser closes what a page forgot to close, so events are balanced,
 * and "inside something to skip" is one depth to remember.
 *
 * Pages are converted to UTF-8 before parsing (encoding.h knows more encodings and lies than the
 * parser does); the parser is told to ignore what the page declares. Cells of a table are one row
 * unless they hold paragraphs of their own, as in pages that are laid out by tables. */
#include "ingest/html.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/limits.h"
#include "ingest/encoding.h"
#include "ingest/format.h"
#include "ingest/parse.h"

/* A page is held twice while it is converted, within the worker's memory. */
#define PAGE_BYTES_MAX ((size_t)192 << 20)
/* A page inside a frame inside a page. */
#define FRAMES_MAX 3
#define TITLE_BYTES_MAX 1024
#define LISTS_MAX 32
/* Where a declaration of the charset is looked for. */
#define DECLARED_WITHIN 4096

enum what {
    PLAIN,    /* inline, or unknown */
    SKIP,     /* nothing inside is text */
    NAV,      /* skipped unless wanted */
    BLOCK,    /* a paragraph of its own */
    LINE,     /* a line of its own */
    HEADING,  /* level is the digit of its name */
    BREAK,    /* br */
    LIST,     /* ul, menu, dir */
    NUMBERED, /* ol */
    ITEM,     /* li */
    ROW,      /* tr */
    CELL,     /* td, th */
    PRE,      /* white space counts */
    TITLE,
    META,
    HTML,
    FRAME, /* iframe: its page may stand in an attribute */
};

/* Sorted by name. */
static const struct element {
    const char *name;
    enum what what;
} elements[] = {
    {"address", BLOCK}, {"applet", SKIP},    {"area", SKIP},        {"article", BLOCK},
    {"aside", BLOCK},   {"audio", SKIP},     {"blockquote", BLOCK}, {"body", BLOCK},
    {"br", BREAK},      {"canvas", SKIP},    {"caption", BLOCK},    {"center", BLOCK},
    {"datalist", SKIP}, {"dd", LINE},        {"details", BLOCK},    {"dialog", BLOCK},
    {"dir", LIST},      {"div", BLOCK},      {"dl", BLOCK},         {"dt", BLOCK},
    {"embed", SKIP},    {"fieldset", BLOCK}, {"figcaption", BLOCK}, {"figure", BLOCK},
    {"footer", BLOCK},  {"form", BLOCK},     {"h1", HEADING},       {"h2", HEADING},
    {"h3", HEADING},    {"h4", HEADING},     {"h5", HEADING},       {"h6", HEADING},
    {"header", BLOCK},  {"hgroup", BLOCK},   {"hr", BLOCK},         {"html", HTML},
    {"iframe", FRAME},  {"legend", BLOCK},   {"li", ITEM},          {"listing", PRE},
    {"main", BLOCK},    {"math", SKIP},      {"menu", LIST},        {"meta", META},
    {"nav", NAV},       {"noembed", SKIP},   {"noscript", SKIP},    {"object", SKIP},
    {"ol", NUMBERED},   {"optgroup", SKIP},  {"option", SKIP},      {"p", BLOCK},
    {"plaintext", PRE}, {"pre", PRE},        {"rp", SKIP},          {"rt", SKIP},
    {"script", SKIP},   {"search", BLOCK},   {"section", BLOCK},    {"select", SKIP},
    {"style", SKIP},    {"summary", BLOCK},  {"svg", SKIP},         {"table", BLOCK},
    {"tbody", PLAIN},   {"td", CELL},        {"template", SKIP},    {"textarea", PRE},
    {"th", CELL},       {"title", TITLE},    {"tr", ROW},           {"ul", LIST},
    {"video", SKIP},    {"xmp", PRE},
};

struct page {
    const struct wf_html_options *o;
    struct wf_compose *c;
    struct wf_stream_writer *w;
    htmlParserCtxtPtr parser;
    unsigned depth;   /* elements open */
    unsigned skip_at; /* depth of the element being skipped; 0 = none */
    unsigned pre;     /* verbatim elements open */
    unsigned in_title;
    bool title_done;
    struct wf_buf title;
    unsigned cells;      /* of the row so far */
    bool cell_empty;     /* no text in the cell yet: breaks before it mean nothing */
    bool cell_break;     /* a paragraph ended in it */
    unsigned cell_parts; /* times that text went on behind such an end */
    unsigned n_lists;
    unsigned list_count[LISTS_MAX]; /* items so far of a numbered list; UINT32_MAX: bullets */
    unsigned frames;
};

static int text_of(struct wf_str html, const struct wf_html_options *o, struct wf_compose *c,
                   struct wf_stream_writer *w, unsigned frames, struct wf_err *err);

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct element *)row)->name);
}

static enum what what_of(const char *name)
{
    const struct element *e =
        bsearch(name, elements, WF_ARRAY_LEN(elements), sizeof(elements[0]), by_name);
    return e != NULL ? e->what : PLAIN;
}

static struct wf_str attribute(const xmlChar **atts, const char *name)
{
    for (size_t i = 0; atts != NULL && atts[i] != NULL; i += 2) {
        if (strcasecmp((const char *)atts[i], name) == 0 && atts[i + 1] != NULL) {
            return wf_str_from((const char *)atts[i + 1]);
        }
    }
    return wf_str_n("", 0);
}

static bool has_attribute(const xmlChar **atts, const char *name)
{
    for (size_t i = 0; atts != NULL && atts[i] != NULL; i += 2) {
        if (strcasecmp((const char *)atts[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What a person does not see: preheaders of mails, menus folded away. */
static bool is_hidden(const xmlChar **atts)
{
    struct wf_str style = attribute(atts, "style");
    size_t at = wf_str_find(style, WF_STR("display"), 0);
    if (at != SIZE_MAX) {
        struct wf_str rest = wf_str_trim(wf_str_sub(style, at + 7, style.len));
        rest = wf_str_trim(wf_str_sub(rest, 1, rest.len));
        if (wf_str_starts(rest, WF_STR("none"))) {
            return true;
        }
    }
    return has_attribute(atts, "hidden") ||
           wf_str_eq_nocase(attribute(atts, "role"), WF_STR("navigation"));
}

/* ---- metadata ---- */

static void take_meta(struct page *p, const xmlChar **atts)
{
    static const struct {
        const char *name;
        const char *key;
    } keys[] = {
        {"author", "author"},
        {"dc.creator", "author"},
        {"article:author", "author"},
        {"description", "description"},
        {"keywords", "keywords"},
        {"dc.subject", "keywords"},
        {"date", "date"},
        {"dc.date", "date"},
        {"dcterms.created", "date"},
        {"article:published_time", "date"},
        {"dc.language", "language"},
    };
    struct wf_str name = attribute(atts, "name");
    if (name.len == 0) {
        name = attribute(atts, "property");
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(keys) && !p->o->no_meta; i++) {
        if (wf_str_eq_nocase(name, wf_str_from(keys[i].name))) {
            (void)wf_stream_meta(p->w, keys[i].key, attribute(atts, "content"));
            return; /* the stream's failures stick in it */
        }
    }
}

static void end_title(struct page *p)
{
    struct wf_buf one_line;
    if (p->title_done || p->o->no_meta || wf_str_trim(wf_buf_str(&p->title)).len == 0) {
        return;
    }
    wf_buf_init(&one_line, TITLE_BYTES_MAX);
    bool space = false;
    for (size_t i = 0; i < p->title.len; i++) {
        char b = p->title.ptr[i];
        if (isspace((unsigned char)b)) {
            space = one_line.len > 0;
            continue;
        }
        if (space) {
            (void)wf_buf_append_byte(&one_line, ' '); /* fails by length: the title is cut */
        }
        space = false;
        (void)wf_buf_append_byte(&one_line, b);
    }
    (void)wf_stream_meta(p->w, "title", wf_buf_str(&one_line)); /* failures stick in the stream */
    wf_buf_deinit(&one_line);
    p->title_done = true;
}

/* A page of nothing but a title still says that. */
static void title_as_text(struct page *p)
{
    wf_compose_heading(p->c, 1);
    wf_compose_flow(p->c, wf_buf_str(&p->title));
    wf_compose_heading_end(p->c);
}

/* ---- structure ---- */

static void block(struct page *p)
{
    if (p->cells > 0 && p->cell_empty) {
        return;
    }
    p->cell_break = true;
    wf_compose_paragraph(p->c);
}

static void begin_cell(struct page *p)
{
    if (p->cells > 0 && p->cell_parts > 0) {
        wf_compose_paragraph(p->c);
    } else if (p->cells > 0) {
        wf_compose_cell(p->c);
    }
    p->cells++;
    p->cell_empty = true;
    p->cell_break = false;
    p->cell_parts = 0;
}

static void begin_list(struct page *p, bool numbered)
{
    if (p->n_lists == 0) {
        block(p);
    } else {
        wf_compose_item(p->c);
    }
    if (p->n_lists < LISTS_MAX) {
        p->list_count[p->n_lists] = numbered ? 0 : UINT32_MAX;
    }
    p->n_lists++;
}

static void begin_item(struct page *p)
{
    unsigned at = p->n_lists - 1; /* wraps without a list: then it is no list we know */
    char mark[16] = "- ";
    wf_compose_item(p->c);
    if (at < LISTS_MAX && p->list_count[at] != UINT32_MAX) {
        (void)snprintf(mark, sizeof(mark), "%u. ", ++p->list_count[at]);
    }
    wf_compose_mark(p->c, mark);
}

/* A frame whose page is written in place. */
static void take_frame(struct page *p, const xmlChar **atts)
{
    struct wf_str doc = attribute(atts, "srcdoc");
    if (doc.len > 0 && p->frames < FRAMES_MAX) {
        struct wf_html_options o = *p->o;
        o.charset = WF_STR("utf-8");
        o.no_meta = true;
        wf_compose_paragraph(p->c);
        int rc = text_of(doc, &o, p->c, p->w, p->frames + 1, NULL);
        (void)rc; /* a frame that cannot be read leaves the page as it is */
        wf_compose_paragraph(p->c);
    }
}

static void begin(struct page *p, enum what what, const char *name, const xmlChar **atts)
{
    switch (what) {
    case PLAIN:
    case SKIP:
        break;
    case NAV:
    case BLOCK:
        block(p);
        break;
    case LINE:
        wf_compose_item(p->c);
        break;
    case HEADING:
        wf_compose_heading(p->c, (unsigned)(name[1] - '0') + p->o->heading_add);
        break;
    case BREAK:
        if (!(p->cells > 0 && p->cell_empty)) {
            wf_compose_break(p->c);
        }
        break;
    case LIST:
    case NUMBERED:
        begin_list(p, what == NUMBERED);
        break;
    case ITEM:
        begin_item(p);
        break;
    case ROW:
        wf_compose_item(p->c);
        p->cells = 0;
        break;
    case CELL:
        begin_cell(p);
        break;
    case PRE:
        block(p);
        p->pre++;
        break;
    case TITLE:
        p->in_title++;
        break;
    case META:
        take_meta(p, atts);
        break;
    case HTML:
        if (!p->o->no_meta) {
            (void)wf_stream_meta(p->w, "language", attribute(atts, "lang"));
        }
        break;
    case FRAME:
        take_frame(p, atts);
        break;
    }
}

static void end(struct page *p, enum what what)
{
    switch (what) {
    case PLAIN:
    case SKIP:
    case BREAK:
    case META:
    case HTML:
    case FRAME:
        break;
    case NAV:
    case BLOCK:
        block(p);
        break;
    case LINE:
        wf_compose_item(p->c);
        break;
    case HEADING:
        wf_compose_heading_end(p->c);
        p->cell_parts++;
        break;
    case LIST:
    case NUMBERED:
        p->n_lists -= p->n_lists > 0;
        if (p->n_lists == 0) {
            block(p);
        }
        break;
    case ITEM:
        wf_compose_mark(p->c, NULL);
        wf_compose_item(p->c);
        break;
    case ROW:
        wf_compose_item(p->c);
        p->cells = 0;
        break;
    case CELL:
        p->cell_empty = false;
        break;
    case PRE:
        p->pre -= p->pre > 0;
        block(p);
        break;
    case TITLE:
        p->in_title -= p->in_title > 0;
        end_title(p);
        break;
    }
}

/* ---- events ---- */

static void on_start(void *ud, const xmlChar *name, const xmlChar **atts)
{
    struct page *p = ud;
    enum what what = what_of((const char *)name);
    p->depth++;
    if (wf_stream_status(p->w) != 0) {
        xmlStopParser(p->parser);
        return;
    }
    if (p->skip_at != 0) {
        return;
    }
    bool skip = what == SKIP || (what == NAV && !p->o->keep_navigation) ||
                (what != HTML && what != META && atts != NULL && is_hidden(atts));
    if (skip) {
        p->skip_at = p->depth;
        return;
    }
    begin(p, what, (const char *)name, atts);
}

static void on_end(void *ud, const xmlChar *name)
{
    struct page *p = ud;
    if (p->skip_at != 0) {
        p->skip_at = p->depth == p->skip_at ? 0 : p->skip_at;
    } else {
        end(p, what_of((const char *)name));
    }
    p->depth -= p->depth > 0;
}

static void on_text(void *ud, const xmlChar *text, int n)
{
    struct page *p = ud;
    struct wf_str s = wf_str_n((const char *)text, n > 0 ? (size_t)n : 0);
    if (p->skip_at != 0) {
        return;
    }
    if (p->in_title > 0) {
        if (!p->title_done) {
            (void)wf_buf_append_str(&p->title, wf_str_sub(s, 0, TITLE_BYTES_MAX - p->title.len));
        }
        return;
    }
    if (p->pre > 0) {
        wf_compose_verbatim(p->c, s);
    } else {
        wf_compose_flow(p->c, s);
    }
    if (wf_str_trim(s).len > 0) {
        p->cell_parts += p->cell_break && !p->cell_empty;
        p->cell_empty = false;
        p->cell_break = false;
    }
}

static void on_error(void *ud, const char *fmt, ...)
{
    (void)ud; /* pages are full of errors; the parser goes on */
    (void)fmt;
}

static int parse_events(struct page *p, struct wf_str utf8, struct wf_err *err)
{
    p->parser = htmlCreateMemoryParserCtxt(utf8.ptr, (int)utf8.len);
    if (p->parser == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "no memory to read the page");
    }
    memset(p->parser->sax, 0, sizeof(*p->parser->sax));
    p->parser->sax->startElement = on_start;
    p->parser->sax->endElement = on_end;
    p->parser->sax->characters = on_text;
    p->parser->sax->ignorableWhitespace = on_text;
    p->parser->sax->error = on_error;
    p->parser->sax->warning = on_error;
    p->parser->userData = p;
    (void)htmlCtxtUseOptions(p->parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                            HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                            HTML_PARSE_IGNORE_ENC);
    (void)xmlSwitchEncoding(p->parser, XML_CHAR_ENCODING_UTF8); /* it is that by now */
    (void)htmlParseDocument(p->parser);                         /* -1 means errors in the page */
    int rc = p->parser->errNo == XML_ERR_NO_MEMORY
                 ? wf_err_set(err, WF_E_NOMEM, "no memory to read the page")
                 : 0;
    htmlFreeParserCtxt(p->parser);
    return rc;
}

/* The charset that the page declares in its first bytes, in either spelling. */
static struct wf_str declared_charset(struct wf_str html)
{
    static const struct wf_str keys[] = {{"charset=", 8}, {"encoding=", 9}};
    char lower[DECLARED_WITHIN];
    size_t n = WF_MIN(html.len, sizeof(lower));
    for (size_t i = 0; i < n; i++) {
        lower[i] = (char)tolower((unsigned char)html.ptr[i]);
    }
    for (size_t k = 0; k < WF_ARRAY_LEN(keys); k++) {
        size_t at = wf_str_find(wf_str_n(lower, n), keys[k], 0);
        if (at == SIZE_MAX) {
            continue;
        }
        size_t from = at + keys[k].len;
        while (from < n && (lower[from] == '"' || lower[from] == '\'' || lower[from] == ' ')) {
            from++;
        }
        size_t to = from;
        while (to < n && (isalnum((unsigned char)lower[to]) || strchr("-_:.", lower[to]) != NULL) &&
               lower[to] != '\0') {
            to++;
        }
        if (to > from) {
            return wf_str_sub(html, from, to);
        }
    }
    return wf_str_n("", 0);
}

static int text_of(struct wf_str html, const struct wf_html_options *o, struct wf_compose *c,
                   struct wf_stream_writer *w, unsigned frames, struct wf_err *err)
{
    struct page p = {.o = o, .c = c, .w = w, .frames = frames};
    struct wf_str charset = o->charset.len > 0 ? o->charset : declared_charset(html);
    struct wf_buf utf8;
    if (html.len > PAGE_BYTES_MAX) {
        return wf_err_set(err, WF_E_LIMIT, "the page is larger than %u MB",
                          (unsigned)(PAGE_BYTES_MAX >> 20));
    }
    wf_buf_init(&p.title, TITLE_BYTES_MAX);
    wf_buf_init(&utf8, 2 * PAGE_BYTES_MAX);
    int rc = wf_encoding_to_utf8(html, charset, &utf8);
    for (char *nul = utf8.ptr; (nul = memchr(nul, 0, utf8.len - (size_t)(nul - utf8.ptr)));) {
        *nul = ' '; /* to the parser it would be the end */
    }
    if (rc != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "no memory to read the page");
    } else if (utf8.len > 0) {
        rc = parse_events(&p, wf_buf_str(&utf8), err);
    }
    if (rc == 0) {
        wf_compose_heading_end(c);
        if (!wf_compose_any(c)) {
            title_as_text(&p);
        }
        wf_compose_paragraph(c);
        rc = wf_stream_status(w);
    }
    wf_buf_deinit(&utf8);
    wf_buf_deinit(&p.title);
    return rc;
}

int wf_html_text(struct wf_str html, const struct wf_html_options *o, struct wf_compose *c,
                 struct wf_stream_writer *w, struct wf_err *err)
{
    assert(o != NULL && c != NULL);
    return text_of(html, o, c, w, 0, err);
}

/* ---- the format ---- */

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_buf raw;
    struct wf_compose c;
    struct wf_html_options o = {.charset = in->charset, .no_meta = in->depth > 0};
    wf_buf_init(&raw, PAGE_BYTES_MAX);
    wf_compose_init(&c, w);
    int rc = wf_parse_read_all(in, &raw, err);
    if (rc == 0) {
        rc = wf_html_text(wf_buf_str(&raw), &o, &c, w, err);
    }
    if (rc == 0 && !wf_compose_any(&c)) {
        rc = wf_parse_no_text(err);
    }
    wf_buf_deinit(&raw);
    return rc;
}

/* Tags that begin pages and fragments of mail. */
static bool begins_like_html(struct wf_str s)
{
    static const char *const starts[] = {"<!doctype html", "<html",  "<head", "<body", "<title",
                                         "<meta",          "<table", "<div",  "<p>",   "<h1",
                                         "<script"};
    s = wf_str_trim(wf_str_sub(s, 0, 1024));
    while (wf_str_starts(s, WF_STR("<!--")) || wf_str_starts(s, WF_STR("<?xml"))) {
        size_t end_at = wf_str_find(s, WF_STR(">"), 0);
        if (end_at == SIZE_MAX) {
            return false;
        }
        s = wf_str_trim(wf_str_sub(s, end_at + 1, s.len));
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(starts); i++) {
        struct wf_str start = wf_str_from(starts[i]);
        if (wf_str_eq_nocase(wf_str_sub(s, 0, start.len), start)) {
            return true;
        }
    }
    return false;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    bool named = wf_format_has_extension(f, h);
    bool begins = begins_like_html(h->text);
    if ((h->is_binary && !(begins && named)) || h->n_bytes == 0) {
        return WF_SCORE_NO;
    }
    if (begins) {
        return named ? WF_SCORE_BOTH : WF_SCORE_CONTENT;
    }
    return named ? WF_SCORE_NAME : WF_SCORE_NO;
}

const struct wf_format wf_format_html = {
    .id = "html",
    .title = "web page",
    .media_type = "text/html",
    .extensions = "html htm xhtml xht shtml",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = xmlInitParser,
};
