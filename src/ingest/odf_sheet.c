/* SPDX-License-Identifier: Apache-2.0 */
/* ODF spreadsheets: the cells of each row into the grid, with their repetitions.
 *
 * A sheet may say that its last cell is repeated a million times; repetitions without text only
 * move the place, those with text are given a bounded number of times. A row is collected first,
 * since it may have to be given more than once. The text of a cell is what the program showed; a
 * date is taken from its value instead, which is ISO 8601. */
#include <assert.h>
#include <string.h>

#include "ingest/odf_internal.h"

#define CELL_REPEATS_MAX 64u
#define ROW_REPEATS_MAX 256u
#define CELL_BYTES_MAX (1u << 20)
#define ROW_BYTES_MAX (16u << 20)

void wf_odf__sheet_init(struct wf_odf_sheet *s, struct wf_compose *c)
{
    memset(s, 0, sizeof(*s));
    wf_grid_init(&s->grid, c);
    wf_buf_init(&s->cell, CELL_BYTES_MAX);
    wf_buf_init(&s->cells, ROW_BYTES_MAX);
}

void wf_odf__sheet_deinit(struct wf_odf_sheet *s)
{
    wf_grid_deinit(&s->grid);
    wf_buf_deinit(&s->cell);
    wf_buf_deinit(&s->cells);
}

void wf_odf__sheet_start(struct wf_odf_sheet *s, struct wf_str name)
{
    wf_grid_sheet(&s->grid, name);
    s->i_row = 0;
}

int wf_odf__sheet_end(struct wf_odf_sheet *s)
{
    return wf_grid_end(&s->grid);
}

void wf_odf__row_start(struct wf_odf_sheet *s, long n_repeats)
{
    s->n_row_repeats = (uint64_t)WF_MAX(n_repeats, 1L);
    s->i_column = 0;
    wf_buf_reset(&s->cells);
}

/* Gives the collected cells as row i_row. */
static void give_row(struct wf_odf_sheet *s, uint64_t i_row)
{
    wf_grid_row(&s->grid, i_row);
    for (size_t at = 0; at < s->cells.len;) {
        uint32_t head[2];
        assert(s->cells.len - at >= sizeof(head));
        memcpy(head, s->cells.ptr + at, sizeof(head));
        at += sizeof(head);
        assert(head[1] <= s->cells.len - at);
        wf_grid_cell(&s->grid, head[0], wf_str_n(s->cells.ptr + at, head[1]));
        at += head[1];
    }
}

void wf_odf__row_end(struct wf_odf_sheet *s)
{
    uint64_t n = s->cells.len > 0 ? WF_MIN(s->n_row_repeats, (uint64_t)ROW_REPEATS_MAX) : 0;
    for (uint64_t i = 1; i <= n; i++) {
        give_row(s, s->i_row + i);
    }
    s->i_row += n > 0 ? n : s->n_row_repeats; /* a cut repetition leaves no empty row */
    wf_buf_reset(&s->cells);
}

void wf_odf__cell_start(struct wf_odf_sheet *s, const struct wf_xml_element *e)
{
    long n = wf_xml_attr_long(e, "table:number-columns-repeated", 1);
    s->n_cell_repeats = (uint64_t)WF_MIN(WF_MAX(n, 1L), (long)WF_GRID_COLUMNS_MAX);
    wf_buf_reset(&s->cell);
    struct wf_str date = wf_xml_attr(e, "office:date-value");
    date = wf_str_sub(date, 0, wf_str_find_byte(date, '.', 0)); /* no parts of a second */
    if (wf_str_ends(date, WF_STR("T00:00:00"))) {
        date = wf_str_sub(date, 0, date.len - 9);
    }
    (void)wf_buf_append_str(&s->cell, date); /* too long: cut */
    for (size_t i = 0; i < s->cell.len; i++) {
        s->cell.ptr[i] = s->cell.ptr[i] == 'T' ? ' ' : s->cell.ptr[i];
    }
    s->cell_is_value = date.len > 0;
}

void wf_odf__cell_text(struct wf_odf_sheet *s, struct wf_str text)
{
    if (!s->cell_is_value) {
        (void)wf_buf_append_str(&s->cell, text); /* a cell that is too long is cut */
    }
}

void wf_odf__cell_end(struct wf_odf_sheet *s)
{
    struct wf_str text = wf_str_trim(wf_buf_str(&s->cell));
    uint64_t n = text.len > 0 ? WF_MIN(s->n_cell_repeats, (uint64_t)CELL_REPEATS_MAX) : 0;
    for (uint32_t i = 0; i < n && s->i_column + i < WF_GRID_COLUMNS_MAX; i++) {
        uint32_t head[2] = {s->i_column + i, (uint32_t)text.len};
        if (wf_buf_reserve(&s->cells, sizeof(head) + text.len) != 0) {
            break; /* a row of more than 16 MB */
        }
        (void)wf_buf_append(&s->cells, head, sizeof(head)); /* cannot fail: reserved */
        (void)wf_buf_append_str(&s->cells, text);           /* likewise */
    }
    s->i_column = (uint32_t)WF_MIN(s->i_column + s->n_cell_repeats, (uint64_t)WF_GRID_COLUMNS_MAX);
}
