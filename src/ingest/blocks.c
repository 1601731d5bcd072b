/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: see the header. Breaks go out before text, never behind it, so that whatever ends first
 * (paragraph, cell, box) leaves nothing behind that the next text would not want.
 *
 * Invariants: (1) _table_base <= _n_tables; tables below the base belong to what the open box
 * interrupts; (2) while a box is open, `out` is the tape `_later`. */
#include "ingest/blocks.h"

#include <assert.h>
#include <string.h>

#define LATER_BYTES_MAX (32u << 20)

void wf_blocks_init(struct wf_blocks *b, struct wf_emit out)
{
    memset(b, 0, sizeof(*b));
    b->out = out;
    wf_buf_init(&b->_later, LATER_BYTES_MAX);
}

void wf_blocks_deinit(struct wf_blocks *b)
{
    wf_buf_deinit(&b->_later);
}

static bool is_blank(struct wf_str s)
{
    return wf_str_trim(s).len == 0;
}

static bool in_real_table(const struct wf_blocks *b)
{
    for (unsigned i = b->_table_base; i < b->_n_tables && i < WF_BLOCKS_DEPTH; i++) {
        if (b->_tables[i].n_columns != 1) {
            return true;
        }
    }
    return false;
}

void wf_blocks_flush(struct wf_blocks *b)
{
    if (b->n_pars > 0 || b->_n_tables > 0 || b->_n_outsides > 0 || b->_later.len == 0) {
        return;
    }
    wf_emit_paragraph(&b->out);
    wf_emit_replay(&b->out, wf_buf_str(&b->_later));
    wf_emit_paragraph(&b->out);
    wf_buf_reset(&b->_later);
}

/* ---- paragraphs ---- */

static struct wf_blocks_par *par_of(struct wf_blocks *b)
{
    return b->n_pars > 0 ? &b->_pars[b->n_pars - 1] : NULL;
}

bool wf_blocks_par_start(struct wf_blocks *b)
{
    if (b->n_pars == WF_BLOCKS_DEPTH) {
        return false;
    }
    b->_pars[b->n_pars++] = (struct wf_blocks_par){0};
    return true;
}

bool wf_blocks_is_first(const struct wf_blocks *b, struct wf_str s)
{
    return b->n_pars > 0 && !b->_pars[b->n_pars - 1].begun && !is_blank(s);
}

static void put_breaks(struct wf_blocks *b, unsigned level, bool item)
{
    if (b->glue) {
        return;
    }
    if (in_real_table(b)) {
        if (b->_cell_text) {
            wf_emit_line(&b->out);
        }
    } else if (level > 0) {
        wf_emit_heading(&b->out, level);
    } else if (item && b->_in_list) {
        wf_emit_item(&b->out);
    } else {
        wf_emit_paragraph(&b->out);
    }
}

void wf_blocks_par_begin(struct wf_blocks *b, unsigned level, bool item, struct wf_str label)
{
    struct wf_blocks_par *p = par_of(b);
    assert(p != NULL);
    assert(!p->begun);
    level = in_real_table(b) || b->glue ? 0 : level;
    put_breaks(b, level, item);
    b->_in_list = item && level == 0;
    b->glue = false;
    p->begun = true;
    p->heading = level > 0;
    if (label.len > 0) {
        wf_emit_text(&b->out, label);
        wf_emit_text(&b->out, WF_STR(" "));
    }
}

bool wf_blocks_par_begun(const struct wf_blocks *b)
{
    return b->n_pars > 0 && b->_pars[b->n_pars - 1].begun;
}

bool wf_blocks_in_heading(const struct wf_blocks *b)
{
    return b->n_pars > 0 && b->_pars[b->n_pars - 1].heading;
}

void wf_blocks_par_end(struct wf_blocks *b)
{
    struct wf_blocks_par *p = par_of(b);
    assert(p != NULL);
    if (p->heading) {
        wf_emit_heading_end(&b->out);
    }
    b->n_pars--;
    wf_blocks_flush(b);
}

void wf_blocks_text(struct wf_blocks *b, struct wf_str s)
{
    wf_emit_text(&b->out, s);
    if (!is_blank(s)) {
        b->n_text++;
        b->_cell_text = true;
    }
}

void wf_blocks_tab(struct wf_blocks *b)
{
    if (!wf_blocks_par_begun(b)) {
        return; /* one in front only indents */
    }
    if (wf_blocks_in_heading(b) || in_real_table(b)) {
        wf_emit_text(&b->out, WF_STR(" "));
    } else {
        wf_emit_cell(&b->out);
    }
}

void wf_blocks_line(struct wf_blocks *b)
{
    if (!wf_blocks_par_begun(b)) {
        return;
    }
    if (wf_blocks_in_heading(b) || (in_real_table(b) && !b->_cell_text)) {
        wf_emit_text(&b->out, WF_STR(" "));
    } else {
        wf_emit_line(&b->out);
    }
}

/* ---- tables ---- */

static struct wf_blocks_table *table_of(struct wf_blocks *b)
{
    return b->_n_tables > b->_table_base && b->_n_tables <= WF_BLOCKS_DEPTH
               ? &b->_tables[b->_n_tables - 1]
               : NULL;
}

void wf_blocks_table_start(struct wf_blocks *b, unsigned n_columns)
{
    b->_n_tables++;
    struct wf_blocks_table *t = table_of(b);
    if (t != NULL) {
        *t = (struct wf_blocks_table){.n_columns = n_columns};
    }
    b->_in_list = false;
    b->glue = false;
}

void wf_blocks_table_columns(struct wf_blocks *b, unsigned n_more)
{
    struct wf_blocks_table *t = table_of(b);
    if (t != NULL) {
        t->n_columns += WF_MIN(n_more, 1000u);
    }
}

void wf_blocks_row_start(struct wf_blocks *b)
{
    struct wf_blocks_table *t = table_of(b);
    bool first = t != NULL && !t->any_row;
    if (t != NULL) {
        t->any_cell = false;
        t->any_row = true;
    }
    if (!in_real_table(b)) {
        return;
    }
    if (b->_n_tables - b->_table_base == 1) {
        if (first) {
            wf_emit_paragraph(&b->out);
        } else {
            wf_emit_item(&b->out);
        }
        b->_cell_text = false;
    } else if (b->_cell_text) { /* a table in a cell of another one */
        wf_emit_line(&b->out);
    }
}

void wf_blocks_cell_start(struct wf_blocks *b)
{
    struct wf_blocks_table *t = table_of(b);
    if (t == NULL || t->n_columns == 1) {
        return;
    }
    if (t->any_cell) {
        wf_emit_cell(&b->out);
        b->_cell_text = false;
    }
    t->any_cell = true;
}

void wf_blocks_table_end(struct wf_blocks *b)
{
    assert(b->_n_tables > b->_table_base);
    b->_n_tables--;
    if (b->_n_tables == b->_table_base) {
        wf_emit_paragraph(&b->out);
    }
    b->_cell_text = b->_n_tables > b->_table_base;
    wf_blocks_flush(b);
}

/* ---- what waits ---- */

bool wf_blocks_box_start(struct wf_blocks *b)
{
    if (b->_n_outsides == WF_BLOCKS_DEPTH) {
        return false;
    }
    b->_outsides[b->_n_outsides++] = (struct wf_blocks_outside){
        .out = b->out, .table_base = b->_table_base, .cell_text = b->_cell_text};
    b->out = (struct wf_emit){.tape = &b->_later};
    b->_table_base = b->_n_tables;
    b->_in_list = false;
    wf_emit_paragraph(&b->out);
    return true;
}

void wf_blocks_box_end(struct wf_blocks *b)
{
    assert(b->_n_outsides > 0);
    wf_emit_paragraph(&b->out);
    const struct wf_blocks_outside *o = &b->_outsides[--b->_n_outsides];
    b->out = o->out;
    b->_table_base = o->table_base;
    b->_cell_text = o->cell_text;
    b->_in_list = false;
    b->glue = false;
    wf_blocks_flush(b);
}

void wf_blocks_add_later(struct wf_blocks *b, struct wf_str tape)
{
    struct wf_emit later = {.tape = &b->_later};
    wf_emit_paragraph(&later);
    (void)wf_buf_append_str(&b->_later, tape); /* too much: dropped */
    wf_blocks_flush(b);
}
