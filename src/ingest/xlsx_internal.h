/* XLSX, what its files share: the book, and how the numbers of cells are shown.
 * Thread rule: owner. */
#ifndef WF_INGEST_XLSX_INTERNAL_H
#define WF_INGEST_XLSX_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/compose.h"
#include "ingest/grid.h"
#include "ingest/ooxml.h"
#include "ingest/stream.h"

/* What a cell's format makes of its number. */
enum wf_xlsx_kind {
    WF_XLSX_GENERAL, /* as it is */
    WF_XLSX_FIXED,   /* a number of decimals */
    WF_XLSX_PERCENT,
    WF_XLSX_DATE,     /* the parts that the format shows: see the flags */
    WF_XLSX_DURATION, /* hours beyond a day: [h]:mm */
};

struct wf_xlsx_format {
    enum wf_xlsx_kind kind;
    uint8_t n_decimals; /* FIXED, PERCENT: at most */
    uint8_t n_zeros;    /* ... of which so many are shown even when they are zero */
    uint8_t n_pad;      /* FIXED, PERCENT: digits in front of the point, at least */
    bool has_year, has_month, has_day, has_time, has_seconds; /* DATE */
    char before[12];                                          /* literal text: "€" */
    char after[12];                                           /* " kg" */
};

/* What a format code ("#,##0.00 [$€-407]") asks for. */
void wf_xlsx__parse_code(struct wf_str code, struct wf_xlsx_format *out);
/* The formats that have a number but no code in the file. */
void wf_xlsx__builtin(long id, struct wf_xlsx_format *out);
/* Appends the number as a person reads it: dates in ISO 8601, no exponents within reason, no
 * grouping of thousands. Returns wf_buf_status. */
int wf_xlsx__show(struct wf_buf *out, double value, const struct wf_xlsx_format *f, bool date1904);
/* Appends s with Excel's escapes (_x000D_) resolved. */
int wf_xlsx__unescape(struct wf_buf *out, struct wf_str s);

struct wf_xlsx {
    struct wf_ooxml pkg;
    struct wf_stream_writer *w;
    struct wf_compose c;
    bool date1904;
    struct wf_buf strings; /* the shared strings, one behind the other */
    uint32_t *string_ends; /* where each one ends */
    size_t n_strings, n_strings_room;
    struct wf_xlsx_format *formats; /* of the cells' styles */
    size_t n_formats;
    struct wf_grid grid;
};

struct wf_str wf_xlsx__string(const struct wf_xlsx *x, uint64_t i);

/* Walks a sheet, which the grid has begun: its rows, then the texts in its margins. Errors: as for
 * wf_xml_walk_member. */
int wf_xlsx__sheet(struct wf_xlsx *x, size_t i_member, struct wf_err *err) WF_MUST_USE;

#endif
