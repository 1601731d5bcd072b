/* SPDX-License-Identifier: Apache-2.0 */
/* CSV and TSV: every row a paragraph that explains itself: "Name: Tea; Price: 3".
 *
 * A question names the column and the row ("what does tea cost?"), so a row's text names its
 * columns: then it is found, and a citation of the row can be read without the table's head. That
 * costs room; a file above NAMED_BYTES_MAX is data rather than a document and gets bare cells
 * under one heading of the column names. Without a head row the cells stand bare, too.
 *
 * Separator (comma, semicolon, tab, bar), quotes and head are found out from the first rows. A
 * file in which no separator gives even rows is plain text. A quote that never closes would
 * swallow the rest of the file: after RECORD_BYTES_MAX it counts as a letter.
 *
 * Streams: memory is bounded by one row. */
#include <assert.h>
#include <string.h>

#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/textin.h"
#include "ingest/txt.h"

#define COLUMNS_MAX 1024
#define RECORD_BYTES_MAX ((size_t)1 << 20)
#define NAMED_BYTES_MAX ((uint64_t)4 << 20)
#define NAME_BYTES_MAX 100
/* Rows that the separator is guessed from. */
#define SAMPLE_ROWS 32

struct row {
    struct wf_buf bytes; /* the cells, one behind the other */
    size_t ends[COLUMNS_MAX];
    size_t n_cells;
};

struct csv {
    char separator;
    bool quotes_off; /* a quote did not close */
    bool quoted;     /* inside quotes */
    bool was_quote;  /* the last byte was a quote inside quotes: end, or half of a doubled one */
    bool at_start;   /* of a cell */
    struct row row;
    struct row head; /* the column names; n_cells 0: none */
    bool decided;    /* whether the first row is a head */
    bool has_first;  /* `first` holds the row that may be one */
    struct row first;
    bool named;
    uint64_t n_rows;
    struct wf_compose c;
    struct wf_stream_writer *w;
};

static void row_init(struct row *r)
{
    r->n_cells = 0;
    wf_buf_init(&r->bytes, RECORD_BYTES_MAX + NAME_BYTES_MAX);
}

static void row_reset(struct row *r)
{
    r->n_cells = 0;
    wf_buf_reset(&r->bytes);
}

static struct wf_str cell(const struct row *r, size_t i)
{
    assert(i < r->n_cells);
    size_t from = i == 0 ? 0 : r->ends[i - 1];
    return wf_str_trim(wf_str_sub(wf_buf_str(&r->bytes), from, r->ends[i]));
}

static bool is_empty_row(const struct row *r)
{
    for (size_t i = 0; i < r->n_cells; i++) {
        if (cell(r, i).len > 0) {
            return false;
        }
    }
    return true;
}

/* ---- the guess ---- */

/* Cells of the record at the front of *rest, which it is moved behind; 0 at the end. */
static size_t count_cells(struct wf_str *rest, char separator)
{
    size_t n = 1;
    bool quoted = false;
    bool start = true;
    size_t i = 0;
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '"' && (start || quoted)) {
            quoted = !quoted;
        } else if (!quoted && c == '\n') {
            break;
        } else if (!quoted && c == separator) {
            n++;
        }
        start = !quoted && (c == separator || c == ' ');
    }
    bool end = rest->len == 0;
    *rest = wf_str_sub(*rest, WF_MIN(i + 1, rest->len), rest->len);
    return end ? 0 : n;
}

/* How even the rows are: rows with as many cells as the first, less the others; 0 when the first
 * has one cell only. */
static long evenness(struct wf_str sample, char separator)
{
    size_t n_first = count_cells(&sample, separator);
    long score = n_first > 1 ? 1 : 0;
    for (int i = 1; i < SAMPLE_ROWS && score > 0 && sample.len > 0; i++) {
        size_t n = count_cells(&sample, separator);
        bool last = sample.len == 0; /* may be cut by the sample's end */
        score += n == n_first ? 2 : last ? 0 : -1;
    }
    return score > 0 ? score * 64 + (long)WF_MIN(n_first, (size_t)63) : 0;
}

/* The separator, or 0 when the file has none. */
static char guess_separator(struct wf_str sample)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    char best = 0;
    long best_score = 0;
    struct wf_str line;
    struct wf_str rest = sample;
    if (wf_str_line(&rest, &line) && line.len == 5 && wf_str_starts(line, WF_STR("sep="))) {
        return line.ptr[4];
    }
    for (size_t i = 0; i < sizeof(candidates); i++) {
        long score = evenness(sample, candidates[i]);
        if (score > best_score) {
            best = candidates[i];
            best_score = score;
        }
    }
    return best;
}

/* A number, a date, an amount: digits weigh more than letters. Names of columns do not look so. */
static bool is_value(struct wf_str s)
{
    size_t n_digit = 0;
    size_t n_letter = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n_digit += c >= '0' && c <= '9';
        n_letter += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
    }
    return n_digit > n_letter || s.len > NAME_BYTES_MAX;
}

/* Names: at least two, hardly one empty, none a value, no two the same. */
static bool is_head(const struct row *r)
{
    size_t n_empty = 0;
    for (size_t i = 0; i < r->n_cells; i++) {
        struct wf_str s = cell(r, i);
        n_empty += s.len == 0;
        if (is_value(s)) {
            return false;
        }
        for (size_t k = 0; k < i && s.len > 0 && r->n_cells <= 64; k++) {
            if (wf_str_eq(s, cell(r, k)) && !wf_str_eq(s, WF_STR("?"))) {
                return false;
            }
        }
    }
    return r->n_cells > 1 && n_empty * 4 <= r->n_cells;
}

/* ---- rows out ---- */

/* A cell's line breaks would end the row. */
static void put_cell(struct csv *v, struct wf_str s)
{
    wf_compose_flow(&v->c, s);
}

static void put_named(struct csv *v, const struct row *r)
{
    bool any = false;
    wf_compose_paragraph(&v->c);
    for (size_t i = 0; i < r->n_cells; i++) {
        struct wf_str s = cell(r, i);
        struct wf_str name = i < v->head.n_cells ? cell(&v->head, i) : wf_str_n("", 0);
        if (s.len == 0) {
            continue;
        }
        if (any) {
            wf_compose_flow(&v->c, WF_STR("; "));
        }
        if (name.len > 0) {
            put_cell(v, name);
            wf_compose_flow(&v->c, WF_STR(": "));
        }
        put_cell(v, s);
        any = true;
    }
    wf_compose_paragraph(&v->c);
}

static void put_bare(struct csv *v, const struct row *r)
{
    wf_compose_item(&v->c);
    for (size_t i = 0; i < r->n_cells; i++) {
        if (i > 0) {
            wf_compose_cell(&v->c);
        }
        put_cell(v, cell(r, i));
    }
    wf_compose_item(&v->c);
}

static void put_row(struct csv *v, const struct row *r)
{
    if (v->named && v->head.n_cells > 0) {
        put_named(v, r);
    } else {
        put_bare(v, r);
    }
}

static void put_heading(struct csv *v)
{
    wf_compose_heading(&v->c, 2);
    for (size_t i = 0; i < v->head.n_cells && i < 32; i++) {
        if (i > 0) {
            wf_compose_flow(&v->c, WF_STR(", "));
        }
        put_cell(v, cell(&v->head, i));
    }
    wf_compose_heading_end(&v->c);
}

/* The first row waits for the second: a row that looks like names is a head if more rows follow. */
static void end_record(struct csv *v)
{
    v->quoted = false;
    v->was_quote = false;
    v->at_start = true;
    if (is_empty_row(&v->row)) {
        row_reset(&v->row);
        return;
    }
    v->n_rows++;
    if (!v->has_first && !v->decided) {
        struct row r = v->first;
        v->first = v->row;
        v->row = r;
        v->has_first = true;
        row_reset(&v->row);
        return;
    }
    if (!v->decided) {
        v->decided = true;
        if (is_head(&v->first)) {
            struct row r = v->head;
            v->head = v->first;
            v->first = r;
            if (!v->named) {
                put_heading(v);
            }
        } else {
            put_bare(v, &v->first);
        }
    }
    put_row(v, &v->row);
    row_reset(&v->row);
}

/* ---- bytes in ---- */

static void end_cell(struct csv *v)
{
    if (v->row.n_cells < COLUMNS_MAX) {
        v->row.n_cells++;
    }
    v->row.ends[v->row.n_cells - 1] = v->row.bytes.len;
    v->at_start = true;
    v->was_quote = false;
}

static void put_bytes(struct csv *v, struct wf_str s)
{
    if (v->row.bytes.len + s.len > RECORD_BYTES_MAX) {
        if (v->quoted && !v->quotes_off) {
            (void)wf_stream_warning(v->w, "a quote in row %llu is not closed",
                                    (unsigned long long)v->n_rows + 1);
            v->quotes_off = true;
        }
        v->quoted = false;
        end_cell(v);
        end_record(v);
        s = wf_str_sub(s, 0, RECORD_BYTES_MAX);
    }
    (void)wf_buf_append_str(&v->row.bytes,
                            s); /* within its maximum; no memory: the cell is short */
    v->at_start = false;
}

/* Bytes from i on that mean nothing but themselves. */
static size_t plain_run(const struct csv *v, struct wf_str s, size_t i)
{
    size_t from = i;
    if (v->quoted) {
        size_t at = wf_str_find_byte(s, '"', i);
        return WF_MIN(at == SIZE_MAX ? s.len - i : at - i, RECORD_BYTES_MAX / 2);
    }
    while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != v->separator && s.ptr[i] != '"') {
        i++;
    }
    return i - from;
}

static void feed(struct csv *v, struct wf_str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = v->was_quote ? 0 : plain_run(v, s, i);
        if (n > 0) {
            put_bytes(v, wf_str_sub(s, i, i + n));
            i += n;
            continue;
        }
        char c = s.ptr[i++];
        if (v->was_quote) { /* behind a quote inside quotes */
            v->was_quote = false;
            if (c == '"') {
                put_bytes(v, WF_STR("\""));
                continue;
            }
            v->quoted = false;
            i--;
        } else if (v->quoted) {
            v->was_quote = true;
        } else if (c == '"') {
            bool opens = v->at_start && !v->quotes_off;
            v->quoted = opens;
            if (!opens) {
                put_bytes(v, WF_STR("\""));
            }
        } else if (c == v->separator) {
            end_cell(v);
        } else {
            end_cell(v);
            end_record(v);
        }
    }
}

static void finish(struct csv *v)
{
    if (v->row.n_cells > 0 || v->row.bytes.len > 0) {
        end_cell(v);
        end_record(v);
    }
    if (v->has_first && !v->decided) {
        put_bare(v, &v->first);
    }
}

static int parse_rows(struct csv *v, struct wf_text_in *in, struct wf_str block, struct wf_err *err)
{
    struct wf_str line;
    struct wf_str rest = block;
    if (wf_str_line(&rest, &line) && line.len == 5 && wf_str_starts(line, WF_STR("sep="))) {
        block = rest.ptr == NULL ? wf_str_n("", 0) : rest;
    }
    int rc = 0;
    do {
        feed(v, block);
        rc = wf_stream_status(v->w);
        if (rc == 0) {
            rc = wf_text_in_next(in, &block, err);
        }
    } while (rc == 0 && block.len > 0);
    finish(v);
    return rc == 0 && !wf_compose_any(&v->c) ? wf_parse_no_text(err) : rc;
}

static int as_plain_text(struct wf_text_in *in, struct wf_str block, struct wf_stream_writer *w,
                         struct wf_err *err)
{
    struct wf_txt t;
    int rc = 0;
    wf_txt_init(&t, w, false);
    while (rc == 0 && block.len > 0) {
        rc = wf_txt_feed(&t, block);
        if (rc == 0) {
            rc = wf_text_in_next(in, &block, err);
        }
    }
    return rc == 0 && !wf_txt_any(&t) ? wf_parse_no_text(err) : rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    static struct csv v; /* large; a worker parses one document at a time */
    struct wf_text_in text;
    struct wf_str block;
    memset(&v, 0, sizeof(v));
    v.w = w;
    v.at_start = true;
    v.named = in->n_bytes <= NAMED_BYTES_MAX;
    wf_compose_init(&v.c, w);
    row_init(&v.row);
    row_init(&v.head);
    row_init(&v.first);
    wf_text_in_init(&text, in);
    int rc = wf_text_in_next(&text, &block, err);
    if (rc == 0) {
        v.separator = guess_separator(wf_str_sub(block, 0, 65536));
        rc = v.separator == 0 ? as_plain_text(&text, block, w, err)
                              : parse_rows(&v, &text, block, err);
    }
    wf_text_in_deinit(&text);
    wf_buf_deinit(&v.row.bytes);
    wf_buf_deinit(&v.head.bytes);
    wf_buf_deinit(&v.first.bytes);
    return rc;
}

const struct wf_format wf_format_csv = {
    .id = "csv",
    .title = "table of comma-separated values",
    .media_type = "text/csv",
    .extensions = "csv tsv tab psv",
    .parse = parse,
    .kind = WF_PARSE_SHARED,
};
