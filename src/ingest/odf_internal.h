/* ODF, what its files share: the document being read, its styles and lists, and the walk over
 * content.xml and styles.xml. Thread rule: owner. */
#ifndef WF_INGEST_ODF_INTERNAL_H
#define WF_INGEST_ODF_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "ingest/archive.h"
#include "ingest/compose.h"
#include "ingest/emit.h"
#include "ingest/grid.h"
#include "ingest/stream.h"
#include "ingest/xml.h"

#define WF_ODF_LEVELS 10

struct wf_odf_style {
    struct wf_str parent;
    bool is_title;
    bool break_before, break_after; /* of the page */
    bool hidden;
};

/* One level of a list's style. */
struct wf_odf_level {
    char format; /* '1' 'a' 'A' 'i' 'I', '*' = a bullet, 0 = no number */
    struct wf_str before, after;
    long start;
    int n_shown; /* how many levels the number shows: 2 gives "1.2" */
};

struct wf_odf_list_style {
    struct wf_odf_level levels[WF_ODF_LEVELS];
};

/* The counters of the list that is open, or was last. */
struct wf_odf_counters {
    int64_t at[WF_ODF_LEVELS];
    bool counting[WF_ODF_LEVELS];
};

struct wf_odf {
    struct wf_archive *archive; /* NULL: one XML file */
    struct wf_str flat;         /* ... this one */
    struct wf_arena arena;
    bool damaged;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_map styles;      /* name -> struct wf_odf_style * */
    struct wf_map list_styles; /* name -> struct wf_odf_list_style * */
    struct wf_odf_list_style outline;
    struct wf_odf_counters headings, items;
    struct wf_buf rest; /* tape: headers, footers, master pages, for the end */
    uint32_t page;      /* 0 = the document does not tell its pages */
};

extern const struct wf_xml_ns wf_odf_spaces[];

/* ---- styles and lists ---- */

enum { /* ids of the elements that odf_style.c reads; the walk's own begin behind */
    WF_ODF_STYLE = 1,
    WF_ODF_PAR_PROPERTIES,
    WF_ODF_TEXT_PROPERTIES,
    WF_ODF_LIST_STYLE,
    WF_ODF_OUTLINE_STYLE,
    WF_ODF_LEVEL_NUMBER,
    WF_ODF_LEVEL_BULLET,
    WF_ODF_STYLES_COUNT,
};

struct wf_odf_style_reader {
    struct wf_odf *o;
    struct wf_odf_style *style;           /* the open one, or NULL */
    struct wf_odf_list_style *list_style; /* likewise */
};

/* Takes one of the elements above; false when memory ran out. */
bool wf_odf__style_start(struct wf_odf_style_reader *r, int id, const struct wf_xml_element *e);
void wf_odf__style_end(struct wf_odf_style_reader *r, int id);

/* The style of that name, or NULL. True when it is a title or hidden, or inherits that. */
const struct wf_odf_style *wf_odf__style(const struct wf_odf *o, struct wf_str name);
bool wf_odf__is_title(const struct wf_odf *o, struct wf_str name);

/* Counts one item at `level` (from 0) of a list; `start` >= 0 sets its number. Appends the label.
 */
void wf_odf__next_label(const struct wf_odf_list_style *s, struct wf_odf_counters *n, int level,
                        long start, struct wf_buf *out);

/* ---- the rows of a spreadsheet ---- */

struct wf_odf_sheet {
    struct wf_grid grid;
    uint64_t i_row;     /* from 1 */
    uint32_t i_column;  /* from 0 */
    bool cell_is_value; /* the open cell has its text already */
    uint64_t n_row_repeats, n_cell_repeats;
    struct wf_buf cell;  /* text of the open cell */
    struct wf_buf cells; /* the open row: u32 column, u32 bytes, text, for each cell */
};

void wf_odf__sheet_init(struct wf_odf_sheet *s, struct wf_compose *c);
void wf_odf__sheet_deinit(struct wf_odf_sheet *s);
void wf_odf__sheet_start(struct wf_odf_sheet *s, struct wf_str name);
int wf_odf__sheet_end(struct wf_odf_sheet *s) WF_MUST_USE;
void wf_odf__row_start(struct wf_odf_sheet *s, long n_repeats);
void wf_odf__row_end(struct wf_odf_sheet *s);
void wf_odf__cell_start(struct wf_odf_sheet *s, const struct wf_xml_element *e);
void wf_odf__cell_text(struct wf_odf_sheet *s, struct wf_str text);
void wf_odf__cell_end(struct wf_odf_sheet *s);

/* ---- the walk ---- */

/* Walks content.xml or styles.xml (a member), or the flat file when i_member is SIZE_MAX. Text of
 * the body goes to the composer, that of margins onto o->rest. Errors: as for wf_xml_walk_member.
 */
int wf_odf__walk(struct wf_odf *o, size_t i_member, struct wf_err *err) WF_MUST_USE;

#endif
