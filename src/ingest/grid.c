/* SPDX-License-Identifier: Apache-2.0 */
/* Grid: finds the head of each table, and writes the rows below it with its names.
 *
 * A row waits until the next one has come, since only then it shows whether it heads anything: a
 * head is a row of different names, none of them a value, with a row right below that begins in its
 * columns. Of two columns only, names over names are rather two rows of a form ("Name: | Ann").
 * The head itself is written as it stands, too: a column without values keeps its name.
 *
 * An empty row ends a table. The head lives on if what follows is no head of its own but fits in
 * its columns: people leave rows free between groups.
 *
 * Names cost room; a document with more than NAMED_BYTES_MAX of such rows is data rather than text,
 * and the rest of its rows stay bare. */
#include "ingest/grid.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define NAME_BYTES_MAX 100
#define NAMED_BYTES_MAX ((uint64_t)4 << 20)
#define ROW_BYTES_MAX ((size_t)16 << 20)
/* Wider gaps are not a table with empty cells but two things side by side. */
#define GAP_MAX 32u
/* Heads wider than this are not compared name by name. */
#define COMPARED_MAX 64u

/* ---- rows ---- */

static void row_init(struct wf_grid_row *r)
{
    *r = (struct wf_grid_row){0};
    wf_buf_init(&r->bytes, ROW_BYTES_MAX);
}

static void row_deinit(struct wf_grid_row *r)
{
    wf_buf_deinit(&r->bytes);
    wf_free(r->cells);
    *r = (struct wf_grid_row){0};
}

static void row_reset(struct wf_grid_row *r)
{
    wf_buf_reset(&r->bytes);
    r->n_cells = 0;
}

static void swap_rows(struct wf_grid_row *a, struct wf_grid_row *b)
{
    struct wf_grid_row r = *a;
    *a = *b;
    *b = r;
}

static struct wf_str cell(const struct wf_grid_row *r, size_t i)
{
    assert(i < r->n_cells);
    size_t from = i > 0 ? r->cells[i - 1].end : 0;
    return wf_str_sub(wf_buf_str(&r->bytes), from, r->cells[i].end);
}

/* The name of a column, or the empty view. */
static struct wf_str name_of(const struct wf_grid_row *head, uint32_t i_column)
{
    size_t low = 0;
    size_t high = head->n_cells;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (head->cells[mid].i_column < i_column) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    bool found = low < head->n_cells && head->cells[low].i_column == i_column;
    return found ? cell(head, low) : wf_str_n("", 0);
}

/* ---- heads ---- */

/* A number, a date, an amount: digits weigh more than letters. Names of columns do not look so. */
static bool is_value(struct wf_str s)
{
    size_t n_digit = 0;
    size_t n_letter = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n_digit += c >= '0' && c <= '9';
        n_letter += ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
    }
    return n_digit > n_letter || s.len > NAME_BYTES_MAX;
}

/* At least two names, none a value, none twice, hardly a column between them without one. */
static bool is_head(const struct wf_grid_row *r)
{
    if (r->n_cells < 2) {
        return false;
    }
    uint32_t width = r->cells[r->n_cells - 1].i_column - r->cells[0].i_column + 1;
    if (r->n_cells * 4 < (size_t)width * 3) {
        return false;
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        struct wf_str s = cell(r, i);
        if (is_value(s) || wf_str_ends(s, WF_STR(":"))) {
            return false;
        }
        for (size_t k = 0; k < i && r->n_cells <= COMPARED_MAX; k++) {
            if (wf_str_eq(s, cell(r, k))) {
                return false;
            }
        }
    }
    return true;
}

/* Does the row lie in the columns of the head? One cell alone is rather a remark. */
static bool fits(const struct wf_grid_row *head, const struct wf_grid_row *r)
{
    if (head->n_cells == 0 || r->n_cells < 2) {
        return false;
    }
    size_t n_named = 0;
    for (size_t i = 0; i < r->n_cells; i++) {
        n_named += name_of(head, r->cells[i].i_column).len > 0;
    }
    return n_named * 4 >= r->n_cells * 3;
}

/* Is `head` the head of the row right below it? */
static bool heads(const struct wf_grid_row *head, const struct wf_grid_row *r)
{
    if (!is_head(head) || !fits(head, r)) {
        return false;
    }
    bool any_value = false;
    for (size_t i = 0; i < r->n_cells; i++) {
        any_value = any_value || is_value(cell(r, i));
    }
    return any_value || head->n_cells > 2;
}

/* ---- writing ---- */

static void put_bare(struct wf_grid *g, const struct wf_grid_row *r, bool apart)
{
    if (apart) {
        wf_compose_paragraph(g->_c);
    } else {
        wf_compose_item(g->_c);
    }
    uint32_t at = g->_base;
    for (size_t i = 0; i < r->n_cells; i++) {
        uint32_t gap = r->cells[i].i_column - WF_MIN(at, r->cells[i].i_column);
        for (uint32_t k = 0; k < (gap > GAP_MAX ? 1 : gap); k++) {
            wf_compose_tab(g->_c);
        }
        wf_compose_flow(g->_c, cell(r, i));
        at = r->cells[i].i_column;
    }
}

static void put_named(struct wf_grid *g, const struct wf_grid_row *r, bool apart)
{
    if (apart) {
        wf_compose_paragraph(g->_c);
    } else {
        wf_compose_item(g->_c);
    }
    for (size_t i = 0; i < r->n_cells; i++) {
        struct wf_str name = name_of(&g->_head, r->cells[i].i_column);
        if (i > 0) {
            wf_compose_flow(g->_c, WF_STR("; "));
        }
        if (name.len > 0) {
            wf_compose_flow(g->_c, name);
            wf_compose_flow(g->_c, WF_STR(": "));
        }
        wf_compose_flow(g->_c, cell(r, i));
        g->_n_named += name.len + cell(r, i).len;
    }
}

static void put_row(struct wf_grid *g, const struct wf_grid_row *r, bool apart)
{
    wf_grid_begin(g);
    if (fits(&g->_head, r) && g->_n_named < NAMED_BYTES_MAX) {
        put_named(g, r, apart);
    } else {
        put_bare(g, r, apart);
    }
}

/* The waiting row turned out to head nothing. */
static void release_waiting(struct wf_grid *g)
{
    if (g->_has_waiting) {
        g->_has_waiting = false;
        put_row(g, &g->_waiting, g->_waiting_apart);
    }
}

static void end_row(struct wf_grid *g)
{
    bool apart = g->_i_last == 0 || g->_i_row > g->_i_last + 1;
    if (g->_row.n_cells == 0) {
        return;
    }
    g->_i_last = g->_i_row;
    if (apart) {
        release_waiting(g);
    }
    if (g->_has_waiting && heads(&g->_waiting, &g->_row)) {
        g->_has_waiting = false;
        row_reset(&g->_head);
        put_row(g, &g->_waiting, g->_waiting_apart);
        swap_rows(&g->_head, &g->_waiting);
    }
    release_waiting(g);
    if (is_head(&g->_row) && (apart || !fits(&g->_head, &g->_row))) {
        swap_rows(&g->_row, &g->_waiting);
        g->_has_waiting = true;
        g->_waiting_apart = apart;
    } else {
        put_row(g, &g->_row, apart);
    }
    row_reset(&g->_row);
}

/* ---- the interface ---- */

void wf_grid_init(struct wf_grid *g, struct wf_compose *c)
{
    memset(g, 0, sizeof(*g));
    g->_c = c;
    wf_buf_init(&g->_name, 4096);
    row_init(&g->_row);
    row_init(&g->_head);
    row_init(&g->_waiting);
}

void wf_grid_deinit(struct wf_grid *g)
{
    wf_buf_deinit(&g->_name);
    row_deinit(&g->_row);
    row_deinit(&g->_head);
    row_deinit(&g->_waiting);
}

void wf_grid_sheet(struct wf_grid *g, struct wf_str name)
{
    g->n_sheets++;
    g->_begun = false;
    g->_base = 0;
    g->_i_row = 0;
    g->_i_last = 0;
    g->_has_waiting = false;
    row_reset(&g->_row);
    row_reset(&g->_head);
    wf_buf_reset(&g->_name);
    (void)wf_buf_append_str(&g->_name, name); /* one that is too long is dropped */
}

void wf_grid_base(struct wf_grid *g, uint32_t i_base)
{
    g->_base = i_base;
}

void wf_grid_begin(struct wf_grid *g)
{
    if (g->_begun) {
        return;
    }
    g->_begun = true;
    wf_compose_paragraph(g->_c);
    wf_compose_page(g->_c, g->n_sheets);
    wf_compose_heading(g->_c, 1);
    wf_compose_flow(g->_c, wf_buf_str(&g->_name));
    wf_compose_heading_end(g->_c);
}

void wf_grid_row(struct wf_grid *g, uint64_t i_row)
{
    end_row(g);
    g->_i_row = WF_MAX(i_row, g->_i_row + 1);
}

static bool grow(struct wf_grid_row *r)
{
    if (r->n_cells < r->n_room) {
        return true;
    }
    size_t room = r->n_room * 2 + 16;
    struct wf_grid_cell *grown = wf_realloc_array(r->cells, room, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    r->cells = grown;
    r->n_room = room;
    return true;
}

void wf_grid_cell(struct wf_grid *g, uint32_t i_column, struct wf_str text)
{
    struct wf_grid_row *r = &g->_row;
    text = wf_str_trim(text);
    if (text.len == 0 || r->n_cells >= WF_GRID_COLUMNS_MAX) {
        return;
    }
    if (r->n_cells > 0 && i_column <= r->cells[r->n_cells - 1].i_column) {
        i_column = r->cells[r->n_cells - 1].i_column + 1; /* out of order: behind */
    }
    if (!grow(r) || wf_buf_append_str(&r->bytes, text) != 0) {
        g->_status = WF_E_NOMEM;
        return;
    }
    r->cells[r->n_cells++] = (struct wf_grid_cell){.i_column = i_column, .end = r->bytes.len};
}

int wf_grid_end(struct wf_grid *g)
{
    end_row(g);
    release_waiting(g);
    return g->_status;
}
