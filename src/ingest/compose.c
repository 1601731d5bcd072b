/* SPDX-License-Identifier: Apache-2.0 */
/* Compose: words, paragraphs, headings and cells in, text of one shape out.
 *
 * Nothing but text is written at once: breaks, tabs, spaces, pages and the beginning of a heading
 * are owed, and paid by the next text (pay), in the order line breaks, border, page, heading, tabs
 * or space. So empty elements leave no trace.
 *
 * Failures of the writer stick there; callers look at wf_stream_status. */
#include "ingest/compose.h"

#include <assert.h>
#include <string.h>

/* A table row of a hostile file may claim any number of empty cells. */
#define TABS_MAX 256u

void wf_compose_init(struct wf_compose *c, struct wf_stream_writer *w)
{
    assert(w != NULL);
    memset(c, 0, sizeof(*c));
    c->_w = w;
}

static void pay_breaks(struct wf_compose *c)
{
    static const char breaks[] = "\n\n";
    (void)wf_stream_text(c->_w, wf_str_n(breaks, c->_n_breaks));
    if (c->_border) {
        (void)wf_stream_border(c->_w);
    }
}

static void pay_tabs(struct wf_compose *c)
{
    static const char tabs[] = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
    for (uint32_t n = c->_n_tabs; n > 0;) {
        uint32_t n_now = WF_MIN(n, (uint32_t)sizeof(tabs) - 1);
        (void)wf_stream_text(c->_w, wf_str_n(tabs, n_now));
        n -= n_now;
    }
}

/* Writes all that is owed; the stream's failures stick in it. */
static void pay(struct wf_compose *c)
{
    assert(c->_n_breaks <= 2);
    bool fresh = !c->_any || c->_n_breaks > 0;
    if (c->_any && c->_n_breaks > 0) {
        pay_breaks(c);
    }
    if (c->_page != 0) {
        (void)wf_stream_page(c->_w, c->_page);
    }
    if (c->_heading != 0) {
        (void)wf_stream_heading(c->_w, c->_heading);
        c->_in_heading = true;
    }
    if (c->_n_tabs > 0 && c->_any) {
        pay_tabs(c);
    } else if (c->_space && !fresh) {
        (void)wf_stream_text(c->_w, WF_STR(" "));
    }
    if (c->_mark != NULL) {
        (void)wf_stream_text(c->_w, wf_str_from(c->_mark));
    }
    c->_mark = NULL;
    c->_n_breaks = 0;
    c->_border = false;
    c->_page = 0;
    c->_heading = 0;
    c->_n_tabs = 0;
    c->_space = false;
    c->_row = true;
    c->_any = true;
}

/* Bytes of white space at s[i], 0 when there is none. The no-break space counts: it is layout. */
static size_t space_bytes(struct wf_str s, size_t i)
{
    unsigned char b = (unsigned char)s.ptr[i];
    if (b == ' ' || (b >= '\t' && b <= '\r')) {
        return 1;
    }
    if (b == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] == 0xa0) {
        return 2;
    }
    return 0;
}

/* Bytes of a soft hyphen or byte order mark at s[i]: invisible, and words are found without it. */
static size_t invisible_bytes(struct wf_str s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.ptr + i;
    if (p[0] == 0xc2 && s.len - i >= 2 && p[1] == 0xad) {
        return 2;
    }
    if (p[0] == 0xef && s.len - i >= 3 && p[1] == 0xbb && p[2] == 0xbf) {
        return 3;
    }
    return 0;
}

/* End of the text from i on that can be written as it stands: words between single spaces. */
static size_t run_end(struct wf_str s, size_t i)
{
    while (i < s.len) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (b == ' ') {
            if (i + 1 >= s.len || space_bytes(s, i + 1) > 0 || invisible_bytes(s, i + 1) > 0) {
                return i;
            }
        } else if ((b >= '\t' && b <= '\r') ||
                   ((b == 0xc2 || b == 0xef) &&
                    (space_bytes(s, i) > 0 || invisible_bytes(s, i) > 0))) {
            return i;
        }
        i++;
    }
    return i;
}

void wf_compose_flow(struct wf_compose *c, struct wf_str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = space_bytes(s, i);
        if (n > 0) {
            c->_space = true;
            i += n;
            continue;
        }
        n = invisible_bytes(s, i);
        if (n > 0) {
            i += n;
            continue;
        }
        size_t end = run_end(s, i);
        assert(end > i);
        pay(c);
        (void)wf_stream_text(c->_w, wf_str_sub(s, i, end));
        i = end;
    }
}

void wf_compose_verbatim(struct wf_compose *c, struct wf_str s)
{
    size_t n = s.len;
    while (n > 0 && s.ptr[n - 1] == '\n') {
        n--;
    }
    if (n > 0) {
        pay(c);
        (void)wf_stream_text(c->_w, wf_str_sub(s, 0, n));
    }
    uint32_t n_breaks = (uint32_t)WF_MIN(s.len - n, (size_t)2);
    c->_n_breaks = WF_MAX(c->_n_breaks, n_breaks);
}

/* Without white space at its end; empty when nothing but marks of quotation is left. */
static struct wf_str tidy_line(struct wf_str line)
{
    size_t n = line.len;
    while (n > 0 &&
           (line.ptr[n - 1] == ' ' || line.ptr[n - 1] == '\t' || line.ptr[n - 1] == '\r')) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        if (line.ptr[i] != '>' && line.ptr[i] != ' ') {
            return wf_str_sub(line, 0, n);
        }
    }
    return wf_str_n("", 0);
}

void wf_compose_paragraphs(struct wf_compose *c, struct wf_str s)
{
    struct wf_str line;
    while (wf_str_line(&s, &line)) {
        line = tidy_line(line);
        if (line.len == 0) {
            wf_compose_paragraph(c);
        } else {
            wf_compose_verbatim(c, line);
            wf_compose_line(c);
        }
    }
}

void wf_compose_space(struct wf_compose *c)
{
    c->_space = true;
}

static void owe_breaks(struct wf_compose *c, uint32_t n, bool border)
{
    c->_n_breaks = WF_MAX(c->_n_breaks, n);
    c->_border = c->_border || border;
    c->_n_tabs = 0;
    c->_space = false;
}

void wf_compose_line(struct wf_compose *c)
{
    owe_breaks(c, 1, false);
}

void wf_compose_item(struct wf_compose *c)
{
    owe_breaks(c, 1, true);
    c->_row = false;
}

void wf_compose_paragraph(struct wf_compose *c)
{
    owe_breaks(c, 2, true);
}

void wf_compose_break(struct wf_compose *c)
{
    owe_breaks(c, WF_MIN(c->_n_breaks + 1, 2u), c->_n_breaks > 0);
}

void wf_compose_mark(struct wf_compose *c, const char *mark)
{
    c->_mark = NULL;
    if (mark != NULL) {
        size_t n = WF_MIN(strlen(mark), sizeof(c->_mark_room) - 1);
        memcpy(c->_mark_room, mark, n);
        c->_mark_room[n] = '\0';
        c->_mark = c->_mark_room;
    }
}

void wf_compose_tab(struct wf_compose *c)
{
    c->_n_tabs = WF_MIN(c->_n_tabs + 1, TABS_MAX);
}

void wf_compose_cell(struct wf_compose *c)
{
    if (c->_row) {
        c->_n_breaks = 0;
        c->_border = false;
    }
    c->_n_tabs = WF_MIN(c->_n_tabs + 1, TABS_MAX);
}

void wf_compose_heading(struct wf_compose *c, unsigned level)
{
    wf_compose_heading_end(c);
    wf_compose_paragraph(c);
    c->_heading = WF_MAX(WF_MIN(level, 6u), 1u);
}

void wf_compose_heading_end(struct wf_compose *c)
{
    if (c->_in_heading) {
        (void)wf_stream_heading(c->_w, 0);
        c->_in_heading = false;
        wf_compose_paragraph(c);
    }
    c->_heading = 0;
}

void wf_compose_page(struct wf_compose *c, uint32_t page)
{
    c->_page = page;
}

void wf_compose_settle(struct wf_compose *c)
{
    if (c->_any && c->_n_breaks > 0) {
        pay(c);
    }
}

bool wf_compose_any(const struct wf_compose *c)
{
    return c->_any;
}
