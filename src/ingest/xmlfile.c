/* SPDX-License-Identifier: Apache-2.0 */
/* XML of any kind: its character data, each element with text of its own a line.
 *
 * Nothing is known of the vocabulary, so nothing is left out: text of elements, and attributes that
 * hold words (an RSS feed, a DocBook chapter, an export of records all read well enough). Elements
 * that only hold elements end paragraphs. <title> or <name> at the top become the title.
 *
 * libxml2 as a stream of events: no tree, no network, no external entity or DTD is loaded,
 * expansion is left off (its own limits hold against bombs). What is not well-formed gives the text
 * up to there, with a warning. */
#include <assert.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/limits.h"
#include "ingest/compose.h"
#include "ingest/encoding.h"
#include "ingest/format.h"
#include "ingest/parse.h"

#define FILE_BYTES_MAX ((size_t)128 << 20)
#define TITLE_BYTES_MAX 512

struct document {
    struct wf_compose c;
    struct wf_stream_writer *w;
    xmlParserCtxtPtr parser;
    unsigned depth;
    bool inline_text; /* text stands in the element under way: a child is part of its line */
    unsigned text_depth;
    bool in_title;
    bool titled;
    struct wf_buf title;
    int error_line;
};

static void on_start(void *ud, const xmlChar *name, const xmlChar **atts)
{
    struct document *d = ud;
    d->depth++;
    if (wf_stream_status(d->w) != 0 || d->depth > WF_LIMIT_NESTING) {
        xmlStopParser(d->parser);
        return;
    }
    bool inside_line = d->inline_text && d->depth > d->text_depth;
    if (!inside_line) {
        d->inline_text = false;
        wf_compose_item(&d->c);
    }
    struct wf_str n = wf_str_from((const char *)name);
    d->in_title = !d->titled && d->depth <= 4 &&
                  (wf_str_eq_nocase(n, WF_STR("title")) || wf_str_eq_nocase(n, WF_STR("name")));
    (void)atts;
}

static void on_end(void *ud, const xmlChar *name)
{
    struct document *d = ud;
    (void)name;
    if (d->in_title && wf_str_trim(wf_buf_str(&d->title)).len > 0) {
        (void)wf_stream_meta(d->w, "title", wf_buf_str(&d->title)); /* failures stick there */
        d->titled = true;
    }
    d->in_title = false;
    if (!d->inline_text) {
        wf_compose_paragraph(&d->c); /* an element that held elements */
    } else if (d->depth <= d->text_depth) {
        d->inline_text = false;
        wf_compose_item(&d->c);
    }
    d->depth -= d->depth > 0;
}

static void on_text(void *ud, const xmlChar *text, int n)
{
    struct document *d = ud;
    struct wf_str s = wf_str_n((const char *)text, n > 0 ? (size_t)n : 0);
    if (wf_str_trim(s).len > 0 && !d->inline_text) {
        d->inline_text = true;
        d->text_depth = d->depth;
    }
    if (d->in_title) {
        (void)wf_buf_append_str(&d->title, wf_str_sub(s, 0, TITLE_BYTES_MAX - d->title.len));
    }
    wf_compose_flow(&d->c, s);
}

static void on_error(void *ud, const char *fmt, ...)
{
    struct document *d = ud;
    (void)fmt;
    if (d->error_line == 0) {
        d->error_line = xmlSAX2GetLineNumber(d->parser);
    }
}

static xmlEntityPtr on_entity(void *ud, const xmlChar *name)
{
    (void)ud;
    return xmlGetPredefinedEntity(name); /* the five; entities of the file are not expanded */
}

static int parse_events(struct document *d, struct wf_str utf8, struct wf_err *err)
{
    d->parser = xmlCreateMemoryParserCtxt(utf8.ptr, (int)utf8.len);
    if (d->parser == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "no memory to read the document");
    }
    memset(d->parser->sax, 0, sizeof(*d->parser->sax));
    d->parser->sax->startElement = on_start;
    d->parser->sax->endElement = on_end;
    d->parser->sax->characters = on_text;
    d->parser->sax->ignorableWhitespace = on_text;
    d->parser->sax->cdataBlock = on_text;
    d->parser->sax->getEntity = on_entity;
    d->parser->sax->error = on_error;
    d->parser->userData = d;
    (void)xmlCtxtUseOptions(d->parser, XML_PARSE_RECOVER | XML_PARSE_NONET | XML_PARSE_IGNORE_ENC |
                                           XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    (void)xmlParseDocument(d->parser); /* -1: not well-formed; reported below */
    int rc = 0;
    if (d->parser->errNo == XML_ERR_NO_MEMORY) {
        rc = wf_err_set(err, WF_E_NOMEM, "no memory to read the document");
    } else if (d->parser->wellFormed == 0) {
        (void)wf_stream_warning(d->w, "the XML is broken (line %d): what follows may be missing",
                                d->error_line > 0 ? d->error_line : 1);
    }
    if (d->parser->myDoc != NULL) { /* an internal subset makes libxml2 build one */
        xmlFreeDoc(d->parser->myDoc);
        d->parser->myDoc = NULL;
    }
    xmlFreeParserCtxt(d->parser);
    return rc;
}

static struct wf_str declared_encoding(struct wf_str s)
{
    struct wf_str head = wf_str_sub(s, 0, 256);
    size_t end = wf_str_find(head, WF_STR("?>"), 0);
    size_t at = wf_str_find(head, WF_STR("encoding="), 0);
    if (at == SIZE_MAX || end == SIZE_MAX || at > end) {
        return wf_str_n("", 0);
    }
    size_t from = at + 10;
    size_t to = from;
    while (to < end && head.ptr[to] != '"' && head.ptr[to] != '\'') {
        to++;
    }
    return wf_str_sub(head, from, to);
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct document d = {.w = w};
    struct wf_buf raw;
    struct wf_buf utf8;
    wf_compose_init(&d.c, w);
    wf_buf_init(&d.title, TITLE_BYTES_MAX);
    wf_buf_init(&raw, FILE_BYTES_MAX);
    wf_buf_init(&utf8, 2 * FILE_BYTES_MAX);
    d.titled = in->depth > 0;
    int rc = wf_parse_read_all(in, &raw, err);
    if (rc == 0) {
        struct wf_str s = wf_buf_str(&raw);
        rc = wf_encoding_to_utf8(s, declared_encoding(s), &utf8);
        rc = rc == 0 ? 0 : wf_err_set(err, WF_E_NOMEM, "no memory to read the document");
    }
    wf_buf_deinit(&raw);
    for (char *nul = utf8.ptr; (nul = memchr(nul, 0, utf8.len - (size_t)(nul - utf8.ptr)));) {
        *nul = ' '; /* to the parser it would be the end */
    }
    if (rc == 0 && utf8.len > 0) {
        rc = parse_events(&d, wf_buf_str(&utf8), err);
    }
    if (rc == 0 && wf_stream_status(w) == 0 && !wf_compose_any(&d.c)) {
        rc = wf_parse_no_text(err);
    }
    wf_buf_deinit(&utf8);
    wf_buf_deinit(&d.title);
    return rc == 0 ? wf_stream_status(w) : rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    struct wf_str s = wf_str_trim(wf_str_sub(h->text, 0, 1024));
    bool named = wf_format_has_extension(f, h);
    bool looks = wf_str_starts(s, WF_STR("<?xml"));
    bool tag = s.len > 1 && s.ptr[0] == '<';
    if (h->is_binary) {
        return WF_SCORE_NO;
    }
    return named && tag ? WF_SCORE_BOTH : looks ? WF_SCORE_NAME + 1 : WF_SCORE_NO;
}

const struct wf_format wf_format_xml = {
    .id = "xml",
    .title = "XML document",
    .media_type = "application/xml",
    .extensions = "xml rss atom rdf opml gpx kml dbk docbook xsd xsl xslt wsdl plist svg fb2 tei",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = xmlInitParser,
};
