/* Grid: the rows of a spreadsheet, as text that explains itself.
 *
 * A sheet is a page with its name as heading. Where a row of names stands over rows of values, each
 * of those names its columns ("Name: Tea; Price: 3"), as the rows of a CSV file do: then a question
 * finds the row, and a citation of it can be read without the table's head. Other rows are cells
 * separated by tabs, with empty cells in their place. An empty row separates tables.
 *
 * Takes only what is there: rows and cells without text cost nothing, however large the sheet says
 * it is. Thread rule: owner. */
#ifndef WF_INGEST_GRID_H
#define WF_INGEST_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "ingest/compose.h"

/* As many columns as Excel and LibreOffice can have. */
#define WF_GRID_COLUMNS_MAX 16384u

struct wf_grid_cell {
    uint32_t i_column; /* from 0 */
    size_t end;        /* in the row's bytes; the cell begins where the one before ends */
};

struct wf_grid_row {
    struct wf_buf bytes;
    struct wf_grid_cell *cells;
    size_t n_cells, n_room;
};

struct wf_grid {
    struct wf_compose *_c;
    struct wf_buf _name; /* of the sheet */
    uint32_t n_sheets;   /* that were begun; the page of the open one */
    bool _begun;         /* its page and heading were written */
    uint32_t _base;      /* the column where its rows begin */
    struct wf_grid_row _row, _head, _waiting;
    bool _has_waiting;   /* a row that may be a head waits for the next one */
    uint64_t _i_row;     /* of _row */
    uint64_t _i_last;    /* of the last row with text; 0 = none */
    uint64_t _n_named;   /* bytes of rows that named their columns, in all sheets */
    bool _waiting_apart; /* an empty row stands before the waiting one */
    int _status;
};

/* A table before its first sheet, written to c (borrowed); deinit frees what it holds. */
void wf_grid_init(struct wf_grid *g, struct wf_compose *c);
void wf_grid_deinit(struct wf_grid *g);

/* The next sheet. Its cells lie at or behind column i_base (from 0) as far as is known. */
void wf_grid_sheet(struct wf_grid *g, struct wf_str name);
void wf_grid_base(struct wf_grid *g, uint32_t i_base);
/* Page and heading of the sheet, unless they are written: before a text that is no cell. */
void wf_grid_begin(struct wf_grid *g);
/* Row i_row (from 1, increasing) and a cell in it (columns increasing; white space only is no
 * cell). A row ends when the next one or the end of the sheet comes. */
void wf_grid_row(struct wf_grid *g, uint64_t i_row);
void wf_grid_cell(struct wf_grid *g, uint32_t i_column, struct wf_str text);
/* The end of the sheet's rows. Returns 0 or WF_E_NOMEM if a row was lost. */
int wf_grid_end(struct wf_grid *g) WF_MUST_USE;

#endif
