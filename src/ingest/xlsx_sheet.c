/* SPDX-License-Identifier: Apache-2.0 */
/* XLSX sheets: the cells of each row, as the person sees them, into the grid.
 *
 * The file lists only cells that hold something, so the work is bounded by its size, however large
 * the sheet claims to be. Of a formula the value is taken that Excel kept with it. Behind the rows
 * come the texts of the printed margins. */
#include <assert.h>

#include "ingest/xlsx_internal.h"

#define CELL_BYTES_MAX (1u << 20) /* Excel's own limit is 32767 characters */

enum {
    S_ROW = 1,
    S_ROWS,
    S_C,
    S_V,
    S_IS,
    S_T,
    S_DIMENSION,
    S_MARGIN,
    S_PASS_OVER,
};
static const struct wf_xml_name sheet_names[] = {
    {"s:c", S_C},
    {"s:v", S_V},
    {"s:row", S_ROW},
    {"s:sheetData", S_ROWS},
    {"s:is", S_IS},
    {"s:t", S_T},
    {"s:f", S_PASS_OVER},
    {"s:rPh", S_PASS_OVER},
    {"s:dimension", S_DIMENSION},
    {"s:oddHeader", S_MARGIN},
    {"s:evenHeader", S_MARGIN},
    {"s:firstHeader", S_MARGIN},
    {"s:oddFooter", S_MARGIN},
    {"s:evenFooter", S_MARGIN},
    {"s:firstFooter", S_MARGIN},
    {"s:extLst", S_PASS_OVER},
    {"s:conditionalFormatting", S_PASS_OVER},
    {"s:dataValidations", S_PASS_OVER},
    {NULL, 0},
};

enum cell_type {
    CELL_NUMBER,
    CELL_SHARED,
    CELL_TEXT, /* also errors and the text that a formula gave */
    CELL_BOOL,
};

struct sheet {
    struct wf_xlsx *x;
    uint64_t i_row;    /* from 1 */
    uint32_t i_column; /* likewise */
    enum cell_type type;
    size_t i_format;
    bool in_text, in_inline;
    bool any_cell;
    int status;          /* of the grid */
    struct wf_buf value; /* of the cell or margin */
    struct wf_buf shown;
};

/* "AB12" -> 28; 0 when it is no reference. */
static uint32_t column_of(struct wf_str ref)
{
    uint32_t v = 0;
    for (size_t i = 0; i < ref.len && v <= WF_GRID_COLUMNS_MAX; i++) {
        char c = (char)(ref.ptr[i] & ~0x20);
        if (c < 'A' || c > 'Z') {
            break;
        }
        v = v * 26 + (uint32_t)(c - 'A') + 1;
    }
    return v <= WF_GRID_COLUMNS_MAX ? v : 0;
}

/* ---- writing ---- */

static const struct wf_xlsx_format *format_of(const struct sheet *s)
{
    static const struct wf_xlsx_format general;
    return s->i_format < s->x->n_formats ? &s->x->formats[s->i_format] : &general;
}

static void end_cell(struct sheet *s)
{
    struct wf_str v = wf_buf_str(&s->value);
    struct wf_str text = v;
    uint64_t i = 0;
    double number = 0;
    wf_buf_reset(&s->shown);
    switch (s->type) {
    case CELL_SHARED:
        text = wf_str_to_u64(wf_str_trim(v), &i) ? wf_xlsx__string(s->x, i) : wf_str_n("", 0);
        break;
    case CELL_BOOL:
        text = wf_str_eq(v, WF_STR("1")) ? WF_STR("TRUE") : WF_STR("FALSE");
        break;
    case CELL_NUMBER:
        if (wf_str_to_f64(wf_str_trim(v), &number)) {
            (void)wf_xlsx__show(&s->shown, number, format_of(s), s->x->date1904); /* short */
            text = wf_buf_str(&s->shown);
        }
        break;
    case CELL_TEXT:
        (void)wf_xlsx__unescape(&s->shown, v); /* no longer than the value */
        text = wf_buf_str(&s->shown);
        break;
    }
    if (v.len > 0) {
        s->any_cell = true;
        wf_grid_cell(&s->x->grid, s->i_column - 1, text);
    }
}

/* "&L&\"Arial,Bold\"&12Draft&RPage &P" -> "Draft", "Page": the text without its codes. */
static void put_margin(struct sheet *s)
{
    struct wf_str v = wf_buf_str(&s->value);
    wf_buf_reset(&s->shown);
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];
        if (c != '&' || i + 1 >= v.len) {
            (void)wf_buf_append_byte(&s->shown, c); /* no longer than the value */
            continue;
        }
        c = v.ptr[++i];
        if (c == '&') {
            (void)wf_buf_append_byte(&s->shown, '&'); /* likewise */
        } else if (c == 'L' || c == 'C' || c == 'R') {
            (void)wf_buf_append_byte(&s->shown, ' '); /* likewise */
        } else if (c == '"') {
            i = WF_MIN(wf_str_find_byte(v, '"', i + 1), v.len);
        } else if (c == 'K') {
            i += 6;
        } else if (c >= '0' && c <= '9') {
            while (i + 1 < v.len && v.ptr[i + 1] >= '0' && v.ptr[i + 1] <= '9') {
                i++;
            }
        }
    }
    if (s->any_cell && wf_str_trim(wf_buf_str(&s->shown)).len > 0) {
        wf_compose_paragraph(&s->x->c);
        wf_compose_flow(&s->x->c, wf_buf_str(&s->shown));
    }
}

/* ---- elements ---- */

static void start_row(struct sheet *s, const struct wf_xml_element *e)
{
    long i = wf_xml_attr_long(e, "r", 0);
    s->i_row = i > 0 ? (uint64_t)i : s->i_row + 1;
    s->i_column = 0;
    wf_grid_row(&s->x->grid, s->i_row);
}

static void start_cell(struct sheet *s, const struct wf_xml_element *e)
{
    uint32_t column = column_of(wf_xml_attr(e, "r"));
    struct wf_str t = wf_xml_attr(e, "t");
    s->i_column = column > 0 ? column : WF_MIN(s->i_column + 1, WF_GRID_COLUMNS_MAX);
    s->i_format = (size_t)WF_MAX(wf_xml_attr_long(e, "s", 0), 0L);
    if (t.len == 0 || wf_str_eq(t, WF_STR("n"))) {
        s->type = CELL_NUMBER;
    } else if (wf_str_eq(t, WF_STR("s"))) {
        s->type = CELL_SHARED;
    } else {
        s->type = wf_str_eq(t, WF_STR("b")) ? CELL_BOOL : CELL_TEXT;
    }
    wf_buf_reset(&s->value);
}

static bool on_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct sheet *s = ud;
    switch (id) {
    case S_PASS_OVER:
        return false;
    case S_ROW:
        start_row(s, e);
        if (wf_stream_status(s->x->w) != 0) {
            wf_xml_stop(e, wf_stream_status(s->x->w));
        }
        break;
    case S_C:
        start_cell(s, e);
        break;
    case S_IS:
        s->in_inline = true;
        break;
    case S_V:
        s->in_text = true;
        break;
    case S_T:
        s->in_text = s->in_inline;
        break;
    case S_DIMENSION:
        /* A sheet whose cells are not listed has "A1" here. */
        wf_grid_base(&s->x->grid, WF_MAX(column_of(wf_xml_attr(e, "ref")), 1u) - 1);
        break;
    case S_MARGIN:
        wf_buf_reset(&s->value);
        s->in_text = true;
        break;
    default:
        break;
    }
    return true;
}

static void on_end(void *ud, int id)
{
    struct sheet *s = ud;
    switch (id) {
    case S_C:
        end_cell(s);
        break;
    case S_ROWS:
        s->status = wf_grid_end(&s->x->grid);
        break;
    case S_IS:
        s->in_inline = false;
        break;
    case S_V:
    case S_T:
        s->in_text = false;
        break;
    case S_MARGIN:
        s->in_text = false;
        put_margin(s);
        break;
    default:
        break;
    }
}

static void on_text(void *ud, struct wf_str text)
{
    struct sheet *s = ud;
    if (s->in_text) {
        (void)wf_buf_append_str(&s->value, text); /* a cell that is too long is cut */
    }
}

int wf_xlsx__sheet(struct wf_xlsx *x, size_t i_member, struct wf_err *err)
{
    struct sheet s = {.x = x};
    wf_buf_init(&s.value, CELL_BYTES_MAX);
    wf_buf_init(&s.shown, CELL_BYTES_MAX);
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = sheet_names,
                               .start = on_start,
                               .end = on_end,
                               .text = on_text,
                               .ud = &s};
    int rc = wf_xml_walk_member(x->pkg.archive, i_member, &h, &x->pkg.damaged, err);
    wf_buf_deinit(&s.value);
    wf_buf_deinit(&s.shown);
    return rc == 0 && s.status != 0 ? wf_err_set(err, s.status, "not enough memory for a row") : rc;
}
