/* Blocks: paragraphs, tables and text boxes as word processors nest them, turned into flowing text.
 *
 * What all formats of documents have in common once their elements are recognised: breaks are
 * written before the first text of a paragraph, when it is known what it is; table rows become
 * lines, cells are separated by tabs; what stands inside a paragraph but is read behind it (text
 * boxes, notes, comments) waits until the outermost paragraph or table ends. Thread rule: owner. */
#ifndef WF_INGEST_BLOCKS_H
#define WF_INGEST_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "ingest/emit.h"

/* Paragraphs, tables and boxes inside each other: real documents have three or four. */
#define WF_BLOCKS_DEPTH 16u

struct wf_blocks_par {
    bool begun;   /* its first text was written */
    bool heading; /* a heading mark is open */
};

struct wf_blocks_table {
    unsigned n_columns; /* 0 = not told. A table of one column only frames its content */
    bool any_row;
    bool any_cell; /* in this row */
};

struct wf_blocks_outside { /* what a text box interrupts */
    struct wf_emit out;
    unsigned table_base;
    bool cell_text;
};

struct wf_blocks {
    struct wf_emit out;   /* where text goes now */
    uint64_t n_text;      /* pieces of text so far: did this element give any? */
    bool glue;            /* the next paragraph goes on in the last one's line */
    unsigned n_pars;      /* open ones, one in the other */
    struct wf_buf _later; /* waits for the end of the outermost paragraph or table */
    struct wf_blocks_par _pars[WF_BLOCKS_DEPTH];
    struct wf_blocks_table _tables[WF_BLOCKS_DEPTH];
    unsigned _n_tables;   /* open, those too deep for the array included */
    unsigned _table_base; /* those outside of the open text box */
    struct wf_blocks_outside _outsides[WF_BLOCKS_DEPTH];
    unsigned _n_outsides;
    bool _cell_text; /* the open cell holds text */
    bool _in_list;   /* the last paragraph was an item */
};

/* Before the first block; deinit frees what it holds. */
void wf_blocks_init(struct wf_blocks *b, struct wf_emit out);
/* Writes what still waits. */
void wf_blocks_flush(struct wf_blocks *b);
void wf_blocks_deinit(struct wf_blocks *b);

/* A paragraph; false when they are nested too deep (do not end it then). */
bool wf_blocks_par_start(struct wf_blocks *b);
/* True when `s` is the first text of the open paragraph: then par_begin is due before it. */
bool wf_blocks_is_first(const struct wf_blocks *b, struct wf_str s);
/* What the open paragraph is: a heading (level 1..6) or not (0), an item of a list or not, with a
 * label ("1.", may be empty). In a table all are plain lines. */
void wf_blocks_par_begin(struct wf_blocks *b, unsigned level, bool item, struct wf_str label);
/* The open paragraph's text was begun / is a heading. */
bool wf_blocks_par_begun(const struct wf_blocks *b);
bool wf_blocks_in_heading(const struct wf_blocks *b);
void wf_blocks_par_end(struct wf_blocks *b);

/* Text of the open paragraph (begun before, unless it is white space), or outside of any. */
void wf_blocks_text(struct wf_blocks *b, struct wf_str s);
/* A tab character and a line break inside a paragraph. */
void wf_blocks_tab(struct wf_blocks *b);
void wf_blocks_line(struct wf_blocks *b);

/* A table with so many columns (0 = not known yet), its rows and cells. */
void wf_blocks_table_start(struct wf_blocks *b, unsigned n_columns);
void wf_blocks_table_columns(struct wf_blocks *b, unsigned n_more);
void wf_blocks_row_start(struct wf_blocks *b);
void wf_blocks_cell_start(struct wf_blocks *b);
void wf_blocks_table_end(struct wf_blocks *b);

/* Everything between goes to the waiting text, with paragraphs and tables of its own. False when
 * they are nested too deep (do not end it then). */
bool wf_blocks_box_start(struct wf_blocks *b);
void wf_blocks_box_end(struct wf_blocks *b);
/* Adds a recorded text to what waits, as a paragraph of its own. */
void wf_blocks_add_later(struct wf_blocks *b, struct wf_str tape);

#endif
