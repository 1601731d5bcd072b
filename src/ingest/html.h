/* HTML: the readable text of a page or a fragment, through libxml2's forgiving parser.
 *
 * Also what mails, books and other formats use for the HTML inside them. Scripts, styles and
 * navigation are left out, block elements end paragraphs, table cells are separated by tabs,
 * headings become headings. No network, no external entity. Not for a SHARED worker.
 * Thread rule: owner. */
#ifndef WF_INGEST_HTML_H
#define WF_INGEST_HTML_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/compose.h"
#include "ingest/stream.h"

struct wf_html_options {
    struct wf_str charset; /* known from outside, or empty: declared in the page, or guessed */
    bool keep_navigation;  /* nav elements count as text */
    bool no_meta;          /* title, author, ... are not written as metadata */
    unsigned heading_add;  /* h1 becomes level 1 + this */
};

/* Writes the text of `html` through c, metadata to w. Errors: WF_E_NOMEM, WF_E_LIMIT, the
 * stream's. Bytes that are hardly HTML still give what text they hold. */
int wf_html_text(struct wf_str html, const struct wf_html_options *o, struct wf_compose *c,
                 struct wf_stream_writer *w, struct wf_err *err) WF_MUST_USE;

#endif
