/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: cuts a page into regions, from the largest to the smallest.
 *
 * A region through which white bands run from top to bottom has columns: either a table, whose rows
 * are read across, or columns of text, which are read one after the other, each a region again. A
 * region without such a band may still have columns below a line that spans them (a title): then
 * the place is looked for that the fewest lines cross, and the region is cut above and below those.
 * What has no columns flows from top to bottom.
 *
 * Each cut makes regions smaller, and CUTS_MAX bounds the nesting. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/layout_internal.h"

#define CUTS_MAX 24
#define EDGES_MAX 64
/* A band between columns is at least so wide, in letter heights. */
#define BAND_HEIGHTS 0.6F

bool wf_layout__same_row(const struct wf_layout_box *a, const struct wf_layout_box *b)
{
    float overlap = WF_MIN(a->y1, b->y1) - WF_MAX(a->y0, b->y0);
    return overlap * 2 > WF_MIN(a->y1 - a->y0, b->y1 - b->y0);
}

static int by_top(const void *a, const void *b)
{
    const struct wf_layout_line *p = *(struct wf_layout_line *const *)a;
    const struct wf_layout_line *q = *(struct wf_layout_line *const *)b;
    float pm = p->box.y0 + p->box.y1;
    float qm = q->box.y0 + q->box.y1;
    if (pm != qm) {
        return pm < qm ? -1 : 1;
    }
    return p->box.x0 < q->box.x0 ? -1 : p->box.x0 > q->box.x0 ? 1 : p < q ? -1 : p > q;
}

static int by_left(const void *a, const void *b)
{
    const struct wf_layout_line *p = *(struct wf_layout_line *const *)a;
    const struct wf_layout_line *q = *(struct wf_layout_line *const *)b;
    return p->box.x0 < q->box.x0 ? -1 : p->box.x0 > q->box.x0 ? 1 : p < q ? -1 : p > q;
}

static int by_value(const void *a, const void *b)
{
    float p = *(const float *)a;
    float q = *(const float *)b;
    return p < q ? -1 : p > q;
}

void wf_layout__sort_rows(struct wf_layout_line **lines, size_t n_lines)
{
    qsort(lines, n_lines, sizeof(struct wf_layout_line *), by_top);
    for (size_t i = 0; i < n_lines;) {
        size_t end = i + 1;
        while (end < n_lines && wf_layout__same_row(&lines[i]->box, &lines[end]->box)) {
            end++;
        }
        qsort(lines + i, end - i, sizeof(struct wf_layout_line *), by_left);
        i = end;
    }
}

/* The middle height of the lines' letters. */
static float usual_height(struct wf_layout_line **lines, size_t n_lines)
{
    float sum = 0;
    for (size_t i = 0; i < n_lines; i++) {
        sum += WF_MIN(lines[i]->height, 100.0F);
    }
    return sum / (float)n_lines;
}

/* The middles of the white bands from top to bottom; returns their number. Sorts by left edge. */
static size_t find_bands(struct wf_layout_line **lines, size_t n_lines, float *edges)
{
    float band = BAND_HEIGHTS * usual_height(lines, n_lines);
    size_t n = 0;
    qsort(lines, n_lines, sizeof(struct wf_layout_line *), by_left);
    float right = lines[0]->box.x1;
    for (size_t i = 1; i < n_lines && n < EDGES_MAX; i++) {
        if (lines[i]->box.x0 - right >= band) {
            edges[n++] = (right + lines[i]->box.x0) / 2;
        }
        right = WF_MAX(right, lines[i]->box.x1);
    }
    return n;
}

static bool is_one_row(struct wf_layout_line **lines, size_t n_lines)
{
    for (size_t i = 1; i < n_lines; i++) {
        if (!wf_layout__same_row(&lines[0]->box, &lines[i]->box)) {
            return false;
        }
    }
    return true;
}

static void cut(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines, int depth);

/* The lines are sorted by their left edge, so each column is a run of them. */
static void cut_columns(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines,
                        const float *edges, size_t n_edges, int depth)
{
    size_t from = 0;
    for (size_t k = 0; k <= n_edges; k++) {
        size_t end = from;
        while (end < n_lines && (k == n_edges || lines[end]->box.x0 < edges[k])) {
            end++;
        }
        cut(l, lines + from, end - from, depth + 1);
        from = end;
    }
}

/* How many of the sorted values are at most x. */
static size_t count_to(const float *sorted, size_t n, float x)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (sorted[low + half] <= x) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

struct split {
    float x;
    size_t n_crossing, n_less; /* lines across x; lines on the side with fewer */
    bool found;
};

/* The place between two columns that the fewest lines cross: at a right edge of some lines, with
 * others beginning behind a band. */
static struct split find_split(struct wf_layout_line **lines, size_t n_lines, float band)
{
    struct split best = {0};
    float *lefts = wf_alloc_array(2 * n_lines, sizeof(*lefts));
    if (lefts == NULL) {
        return best;
    }
    float *rights = lefts + n_lines;
    for (size_t i = 0; i < n_lines; i++) {
        lefts[i] = lines[i]->box.x0;
        rights[i] = lines[i]->box.x1;
    }
    qsort(lefts, n_lines, sizeof(*lefts), by_value);
    qsort(rights, n_lines, sizeof(*rights), by_value);
    for (size_t i = 0; i + 1 < n_lines; i++) {
        size_t n_left = i + 1; /* lines that end at or before rights[i] */
        size_t n_before = count_to(lefts, n_lines, rights[i] + band);
        size_t n_right = n_lines - n_before;
        size_t n_less = WF_MIN(n_left, n_right);
        size_t n_crossing = n_lines - n_left - n_right;
        bool better = !best.found ||
                      n_crossing * (best.n_less + 1) < best.n_crossing * (n_less + 1) ||
                      (n_crossing == best.n_crossing && n_less > best.n_less);
        if (n_less >= 3 && n_crossing <= 2 * n_less && better) {
            best = (struct split){rights[i] + band / 2, n_crossing, n_less, true};
        }
    }
    wf_free(lefts);
    return best;
}

static bool crosses(const struct wf_layout_line *line, float x)
{
    return line->box.x0 < x && line->box.x1 > x;
}

/* Do the lines left and right of x stand side by side, at least in part? */
static bool is_side_by_side(struct wf_layout_line **lines, size_t n_lines, float x)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < n_lines; i++) { /* sorted by rows */
        const struct wf_layout_line *a = lines[i];
        const struct wf_layout_line *b = lines[i + 1];
        float gap = WF_MAX(b->box.y0 - a->box.y1, a->box.y0 - b->box.y1);
        n += !crosses(a, x) && !crosses(b, x) && (a->box.x1 <= x) != (b->box.x1 <= x) &&
             gap < a->height;
    }
    return n >= 2;
}

/* Cuts above and below the lines that cross x; false when nothing is gained. */
static bool cut_at(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines, float x,
                   int depth)
{
    wf_layout__sort_rows(lines, n_lines);
    if (!is_side_by_side(lines, n_lines, x)) {
        return false;
    }
    for (size_t i = 0; i < n_lines;) {
        size_t end = i + 1;
        while (end < n_lines && crosses(lines[end], x) == crosses(lines[i], x)) {
            end++;
        }
        if (end - i == n_lines) {
            return false;
        }
        cut(l, lines + i, end - i, depth + 1);
        i = end;
    }
    return true;
}

/* Pieces of the row that begins at i; its average words in *out_words. */
static size_t row_pieces(struct wf_layout_line **lines, size_t n_lines, size_t i, float *out_words)
{
    size_t end = i + 1;
    uint32_t n_words = lines[i]->n_words;
    while (end < n_lines && wf_layout__same_row(&lines[i]->box, &lines[end]->box)) {
        n_words += lines[end++]->n_words;
    }
    *out_words = (float)n_words / (float)(end - i);
    return end - i;
}

/* The first run of at least three rows of short pieces side by side; a row with fewer pieces may
 * stand between two of them. *out_end is the line behind it. Sorts by rows. */
static bool find_rows(struct wf_layout_line **lines, size_t n_lines, size_t *out_from,
                      size_t *out_end)
{
    size_t from = 0;
    size_t end = 0;
    size_t n_rows = 0;
    size_t n_others = 0;
    wf_layout__sort_rows(lines, n_lines);
    for (size_t i = 0; i < n_lines;) {
        float words = 0;
        size_t n = row_pieces(lines, n_lines, i, &words);
        if (n >= 3 && words <= 3) {
            from = n_rows == 0 ? i : from;
            end = i + n;
            n_rows++;
            n_others = 0;
        } else if (n_rows > 0 && ++n_others > 1) {
            if (n_rows >= 3) {
                break;
            }
            n_rows = 0;
        }
        i += n;
    }
    *out_from = from;
    *out_end = end;
    return n_rows >= 3;
}

/* Cuts out the rows of a table; false when there are none, or nothing else. */
static bool cut_rows(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines, int depth)
{
    size_t from = 0;
    size_t end = 0;
    if (!find_rows(lines, n_lines, &from, &end)) {
        return false;
    }
    float edges[EDGES_MAX];
    cut(l, lines, from, depth + 1);
    size_t n_edges = find_bands(lines + from, end - from, edges);
    if (n_edges > 0 && wf_layout__is_table(lines + from, end - from, edges, n_edges)) {
        wf_layout__table(l, lines + from, end - from, edges, n_edges);
    } else {
        wf_layout__flow(l, lines + from, end - from);
    }
    cut(l, lines + end, n_lines - end, depth + 1);
    return true;
}

static void cut(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines, int depth)
{
    float edges[EDGES_MAX];
    if (n_lines == 0) {
        return;
    }
    if (n_lines < 2 || depth >= CUTS_MAX || is_one_row(lines, n_lines)) {
        wf_layout__flow(l, lines, n_lines);
        return;
    }
    size_t n_edges = find_bands(lines, n_lines, edges);
    if (n_edges > 0 && wf_layout__is_table(lines, n_lines, edges, n_edges)) {
        wf_layout__table(l, lines, n_lines, edges, n_edges);
        return;
    }
    if (n_edges > 0) {
        qsort(lines, n_lines, sizeof(struct wf_layout_line *), by_left);
        cut_columns(l, lines, n_lines, edges, n_edges, depth);
        return;
    }
    if (cut_rows(l, lines, n_lines, depth)) {
        return;
    }
    struct split s = find_split(lines, n_lines, BAND_HEIGHTS * usual_height(lines, n_lines));
    if (!s.found || !cut_at(l, lines, n_lines, s.x, depth)) {
        wf_layout__flow(l, lines, n_lines);
    }
}

void wf_layout__cut(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines)
{
    cut(l, lines, n_lines, 0);
}
