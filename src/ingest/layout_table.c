/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: tables, that is columns which are read across.
 *
 * What tells a table from columns of text: its pieces stand in common rows, are short, and fill
 * their columns unevenly, while lines of text fill theirs. A row whose first cell is empty and that
 * goes on in one column only is the rest of the row above. */
#include <assert.h>
#include <string.h>

#include "ingest/layout_internal.h"

#define COLUMNS_MAX 65 /* as many as there can be edges, plus one */

static size_t column_of(const struct wf_layout_line *line, const float *edges, size_t n_edges)
{
    size_t k = 0;
    while (k < n_edges && line->box.x0 >= edges[k]) {
        k++;
    }
    return k;
}

struct shape {
    float x0[COLUMNS_MAX], x1[COLUMNS_MAX];
    size_t n_lines[COLUMNS_MAX];
    size_t n_words[COLUMNS_MAX];
    size_t n_rows, n_shared_rows; /* those with pieces in more than one column */
    size_t n_level_rows;          /* ... that stand on one line exactly */
    float fill;                   /* how much of their columns the pieces cover, 0..1 */
    float words;                  /* in a piece */
};

static void measure_columns(struct shape *s, struct wf_layout_line **lines, size_t n_lines,
                            const float *edges, size_t n_edges)
{
    size_t n_words = 0;
    float width = 0;
    float room = 0;
    for (size_t i = 0; i < n_lines; i++) {
        size_t k = column_of(lines[i], edges, n_edges);
        const struct wf_layout_box *b = &lines[i]->box;
        s->x0[k] = s->n_lines[k] == 0 ? b->x0 : WF_MIN(s->x0[k], b->x0);
        s->x1[k] = s->n_lines[k] == 0 ? b->x1 : WF_MAX(s->x1[k], b->x1);
        s->n_lines[k]++;
        s->n_words[k] += lines[i]->n_words;
        n_words += lines[i]->n_words;
    }
    for (size_t i = 0; i < n_lines; i++) {
        size_t k = column_of(lines[i], edges, n_edges);
        width += lines[i]->box.x1 - lines[i]->box.x0;
        room += s->x1[k] - s->x0[k];
    }
    s->fill = room > 0 ? width / room : 1;
    s->words = (float)n_words / (float)n_lines;
}

/* Letters of one size stand on the same line; of two sizes at least the middles agree. */
static bool is_level(const struct wf_layout_line *a, const struct wf_layout_line *b)
{
    float bottom = a->box.y1 - b->box.y1;
    float middle = (a->box.y0 + a->box.y1 - b->box.y0 - b->box.y1) / 2;
    float slack = 0.12F * WF_MIN(a->height, b->height) + 0.2F;
    return (bottom < slack && bottom > -slack) || (middle < slack && middle > -slack);
}

/* The lines are sorted by rows. */
static void measure_rows(struct shape *s, struct wf_layout_line **lines, size_t n_lines,
                         const float *edges, size_t n_edges)
{
    for (size_t i = 0; i < n_lines;) {
        size_t end = i + 1;
        bool shared = false;
        bool level = true;
        size_t k = column_of(lines[i], edges, n_edges);
        while (end < n_lines && wf_layout__same_row(&lines[i]->box, &lines[end]->box)) {
            if (column_of(lines[end], edges, n_edges) != k) {
                shared = true;
                level = level && is_level(lines[i], lines[end]);
            }
            end++;
        }
        s->n_rows++;
        s->n_shared_rows += shared;
        s->n_level_rows += shared && level;
        i = end;
    }
}

/* Numbers or short names on the left, each beside the first line of what it names. */
static bool is_labels(const struct shape *s)
{
    float left = s->x1[0] - s->x0[0];
    float all = s->x1[1] - s->x0[0];
    return s->n_lines[0] >= 2 && s->n_lines[0] * 12 >= s->n_rows &&
           s->n_words[0] <= 2 * s->n_lines[0] && left < 0.25F * all &&
           s->n_shared_rows * 10 >= s->n_lines[0] * 9;
}

/* Figures on the right, each beside a line that they belong to ("Rent ........ 500"). */
static bool is_values(const struct shape *s)
{
    return s->n_lines[1] >= 3 && s->n_lines[1] * 3 >= s->n_rows &&
           s->n_words[1] <= 2 * s->n_lines[1] && s->n_shared_rows * 10 >= s->n_lines[1] * 9;
}

bool wf_layout__is_table(struct wf_layout_line **lines, size_t n_lines, const float *edges,
                         size_t n_edges)
{
    struct shape s = {0};
    assert(n_edges > 0 && n_edges < COLUMNS_MAX);
    wf_layout__sort_rows(lines, n_lines);
    measure_columns(&s, lines, n_lines, edges, n_edges);
    measure_rows(&s, lines, n_lines, edges, n_edges);
    if (n_edges == 1 && s.n_level_rows > 0 && (is_labels(&s) || is_values(&s))) {
        return true;
    }
    if (s.n_shared_rows < 2 || s.n_shared_rows * 3 < s.n_rows ||
        s.n_level_rows * 10 < s.n_shared_rows * (n_edges == 1 ? 8 : 5)) {
        return false; /* lines of columns that do not care for each other meet by chance */
    }
    if (n_edges == 1) {
        return (s.words <= 3 && s.fill < 0.85F) || s.fill < 0.55F;
    }
    return (s.words <= 4 && s.fill < 0.85F) || s.words <= 2 || s.fill < 0.7F;
}

/* ---- writing ---- */

/* Is rows[from..end) the rest of the row that begins at `above`? Then it stands in one column only,
 * behind the first, close below. */
static bool goes_on(struct wf_layout_line **lines, size_t above, size_t from, size_t end,
                    const float *edges, size_t n_edges)
{
    size_t k = column_of(lines[from], edges, n_edges);
    if (k == 0 || column_of(lines[end - 1], edges, n_edges) != k) {
        return false;
    }
    bool has = false;
    float bottom = 0;
    for (size_t i = above; i < from; i++) {
        if (column_of(lines[i], edges, n_edges) == k) {
            has = true;
            bottom = lines[i]->box.y1;
        }
    }
    return has && lines[from]->box.y0 - bottom < 0.7F * lines[from]->height;
}

static void put_cells(struct wf_layout *l, struct wf_layout_line **lines, size_t from, size_t end,
                      const float *edges, size_t n_edges)
{
    wf_compose_item(l->_c);
    for (size_t k = 0; k <= n_edges; k++) {
        if (k > 0) {
            wf_compose_tab(l->_c);
        }
        for (size_t i = from; i < end; i++) {
            if (column_of(lines[i], edges, n_edges) == k) {
                wf_layout__put_words(l, lines[i]);
                wf_compose_space(l->_c);
            }
        }
    }
}

void wf_layout__table(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines,
                      const float *edges, size_t n_edges)
{
    wf_layout__release(l);
    wf_compose_paragraph(l->_c);
    wf_layout__sort_rows(lines, n_lines);
    for (size_t i = 0; i < n_lines;) {
        size_t end = i;
        do { /* one row of pieces, and the rows that go on with it */
            size_t top = end;
            end++;
            while (end < n_lines && wf_layout__same_row(&lines[top]->box, &lines[end]->box)) {
                end++;
            }
            size_t next = end;
            while (next < n_lines && wf_layout__same_row(&lines[end]->box, &lines[next]->box)) {
                next++;
            }
            if (end >= n_lines || !goes_on(lines, i, end, next, edges, n_edges)) {
                break;
            }
        } while (end < n_lines);
        put_cells(l, lines, i, end, edges, n_edges);
        i = end;
    }
    wf_layout__release(l);
    wf_compose_paragraph(l->_c);
}
