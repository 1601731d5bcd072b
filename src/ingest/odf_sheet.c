/* SPDX-License-Identifier: Apache-2.0 */
/* ODF spreadsheets: rows of cells, with their repetitions.
 *
 * A sheet may say that its last cell is repeated a million times; repetitions without text only
 * move the place, those with text are written a bounded number of times. A row is collected on a
 * tape first, since it may have to be written more than once. The text of a cell is what the
 * program showed; a date is taken from its value instead, which is ISO 8601. */
#include <assert.h>

#include "ingest/odf_internal.h"

/* Wider gaps are not a table with empty cells but two things side by side. */
#define GAP_MAX 32u
#define CELL_REPEATS_MAX 64u
#define ROW_REPEATS_MAX 256u
#define CELL_BYTES_MAX (1u << 20)
#define ROW_BYTES_MAX (16u << 20)

void wf_odf__sheet_init(struct wf_odf_sheet *s, struct wf_odf *o)
{
    *s = (struct wf_odf_sheet){.o = o};
    wf_buf_init(&s->cell, CELL_BYTES_MAX);
    wf_buf_init(&s->row, ROW_BYTES_MAX);
}

void wf_odf__sheet_deinit(struct wf_odf_sheet *s)
{
    wf_buf_deinit(&s->cell);
    wf_buf_deinit(&s->row);
}

void wf_odf__sheet_start(struct wf_odf_sheet *s, struct wf_str name)
{
    s->name = wf_arena_dup(&s->o->arena, name);
    s->i_sheet++;
    s->begun = false;
    s->i_row = 0;
    s->i_last_row = 0;
}

void wf_odf__sheet_begin(struct wf_odf_sheet *s)
{
    if (s->begun) {
        return;
    }
    s->begun = true;
    wf_compose_paragraph(&s->o->c);
    wf_compose_page(&s->o->c, s->i_sheet);
    wf_compose_heading(&s->o->c, 1);
    wf_compose_flow(&s->o->c, s->name);
    wf_compose_heading_end(&s->o->c);
}

void wf_odf__row_start(struct wf_odf_sheet *s, long n_repeats)
{
    s->n_row_repeats = (uint64_t)WF_MAX(n_repeats, 1L);
    s->gap = 0;
    wf_buf_reset(&s->row);
}

void wf_odf__row_end(struct wf_odf_sheet *s)
{
    struct wf_str row = wf_buf_str(&s->row);
    if (!wf_emit_has_text(row)) {
        s->i_row += s->n_row_repeats;
        return;
    }
    wf_odf__sheet_begin(s);
    struct wf_emit out = {.c = &s->o->c};
    for (uint64_t i = 0; i < s->n_row_repeats; i++) {
        s->i_row++;
        if (i >= ROW_REPEATS_MAX) {
            continue;
        }
        if (s->i_last_row == 0 || s->i_row > s->i_last_row + 1) {
            wf_emit_paragraph(&out); /* an empty row separates tables */
        } else {
            wf_emit_item(&out);
        }
        s->i_last_row = s->i_row;
        wf_emit_replay(&out, row);
    }
    s->i_row = WF_MAX(s->i_row, s->i_last_row);
    s->i_last_row = s->i_row;
    wf_buf_reset(&s->row);
}

void wf_odf__cell_start(struct wf_odf_sheet *s, const struct wf_xml_element *e)
{
    s->n_cell_repeats =
        (uint64_t)WF_MAX(wf_xml_attr_long(e, "table:number-columns-repeated", 1), 1L);
    wf_buf_reset(&s->cell);
    struct wf_str date = wf_xml_attr(e, "office:date-value");
    size_t n_date = WF_MIN(wf_str_find_byte(date, '.', 0), date.len); /* no parts of a second */
    if (wf_str_ends(date, WF_STR("T00:00:00"))) {
        n_date -= 9;
    }
    (void)wf_buf_append(&s->cell, n_date > 0 ? date.ptr : "", n_date); /* too long: cut */
    for (size_t i = 0; i < s->cell.len; i++) {
        s->cell.ptr[i] = s->cell.ptr[i] == 'T' ? ' ' : s->cell.ptr[i];
    }
    s->cell_is_value = n_date > 0;
}

void wf_odf__cell_text(struct wf_odf_sheet *s, struct wf_str text)
{
    if (!s->cell_is_value) {
        (void)wf_buf_append_str(&s->cell, text); /* a cell that is too long is cut */
    }
}

void wf_odf__cell_end(struct wf_odf_sheet *s)
{
    struct wf_emit out = {.tape = &s->row};
    struct wf_str text = wf_str_trim(wf_buf_str(&s->cell));
    if (text.len == 0) {
        s->gap = (uint32_t)WF_MIN(s->gap + s->n_cell_repeats, (uint64_t)1 << 20);
        return;
    }
    uint64_t n = WF_MIN(s->n_cell_repeats, (uint64_t)CELL_REPEATS_MAX);
    for (uint64_t k = 0; k < n; k++) {
        uint32_t n_tabs = s->gap > GAP_MAX ? 1 : s->gap;
        for (uint32_t i = 0; i < n_tabs; i++) {
            wf_emit_cell(&out);
        }
        wf_emit_text(&out, text);
        s->gap = 1;
    }
}
