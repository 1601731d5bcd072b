/* Compose: turns the words, paragraphs, headings, cells and pages that a parser of markup finds
 * into the text conventions of parse.h, so that every format gives the same shape.
 *
 * Breaks are remembered and written just before the next text, so that a document neither begins
 * nor ends with white space, and however many breaks follow each other, at most one blank line
 * comes of it. Thread rule: owner. */
#ifndef WF_INGEST_COMPOSE_H
#define WF_INGEST_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ingest/stream.h"

struct wf_compose {
    struct wf_stream_writer *_w;
    bool _space;        /* white space is owed before the next text */
    uint32_t _n_tabs;   /* cell separators owed */
    uint32_t _n_breaks; /* line breaks owed: 0, 1 or 2 */
    bool _border;       /* a border is owed behind the breaks */
    unsigned _heading;  /* level to begin before the next text; 0 = none */
    bool _in_heading;
    uint32_t _page;    /* page to begin before the next text; 0 = none */
    const char *_mark; /* of a list item, before its first text; NULL = none */
    char _mark_room[16];
    bool _row; /* the row under way has text */
    bool _any; /* text was written */
};

/* Begins a document that is written to w (borrowed until its end). */
void wf_compose_init(struct wf_compose *c, struct wf_stream_writer *w);
/* Text in which every run of white space is one space (as HTML does it). */
void wf_compose_flow(struct wf_compose *c, struct wf_str s);
/* Text kept as it is: spaces, tabs, line breaks. */
void wf_compose_verbatim(struct wf_compose *c, struct wf_str s);
/* Text whose lines are kept and whose blank lines (also quoted ones, ">") end
 * paragraphs: a mail's body, a description. */
void wf_compose_paragraphs(struct wf_compose *c, struct wf_str s);
/* White space between words, if the parser knows of one without seeing it. */
void wf_compose_space(struct wf_compose *c);
/* The next text stands on a new line / is a new row or item (new line and border) / is a new
 * paragraph (blank line and border). */
void wf_compose_line(struct wf_compose *c);
void wf_compose_item(struct wf_compose *c);
void wf_compose_paragraph(struct wf_compose *c);
/* A line break that counts: two of them without text between make a paragraph. */
void wf_compose_break(struct wf_compose *c);
/* The next text is another cell of the row that wf_compose_item began: breaks that are owed since
 * the row's first text are forgotten. */
void wf_compose_cell(struct wf_compose *c);
/* The same, but breaks that are owed stay: for rows whose first cells are empty. */
void wf_compose_tab(struct wf_compose *c);
/* The next item's text begins with `mark` ("- ", "3. "; copied, at most 15 bytes), however many
 * breaks come before it. NULL: it no longer does. */
void wf_compose_mark(struct wf_compose *c, const char *mark);
/* A heading from here to wf_compose_heading_end (a paragraph break comes before and behind it).
 * One without any text leaves no trace. */
void wf_compose_heading(struct wf_compose *c, unsigned level);
void wf_compose_heading_end(struct wf_compose *c);
/* The next text is on this page. */
void wf_compose_page(struct wf_compose *c, uint32_t page);
/* Pays the breaks that are owed, so that text written past c begins where it should. */
void wf_compose_settle(struct wf_compose *c);
/* True when any text was written. */
bool wf_compose_any(const struct wf_compose *c);

#endif
