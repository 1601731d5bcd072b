/* Layout, what its files share: cutting a page into regions (layout_cut.c) and writing the lines of
 * one region as paragraphs or as a table (layout_flow.c, layout_table.c). Thread rule: owner. */
#ifndef WF_INGEST_LAYOUT_INTERNAL_H
#define WF_INGEST_LAYOUT_INTERNAL_H

#include "ingest/layout.h"

/* Lines in the order in which they are read; `lines` points into the page. */
struct wf_layout_region {
    struct wf_layout_line **lines;
    size_t n_lines;
};

/* Cuts the lines into regions and writes them. The array is reordered. */
void wf_layout__cut(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines);

/* Writes a region of one column: lines from top to bottom; lines side by side become one row. */
void wf_layout__flow(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines);

/* Is it a table, with these gaps (from left to right) between its columns? */
bool wf_layout__is_table(struct wf_layout_line **lines, size_t n_lines, const float *edges,
                         size_t n_edges);
void wf_layout__table(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines,
                      const float *edges, size_t n_edges);

struct wf_str wf_layout__word_text(const struct wf_layout *l, uint32_t i_word);
/* Do both stand in the same row? They overlap by half of the lower one's height. */
bool wf_layout__same_row(const struct wf_layout_box *a, const struct wf_layout_box *b);
/* Sorts by row, then from left to right. */
void wf_layout__sort_rows(struct wf_layout_line **lines, size_t n_lines);
/* Writes the words of a line as they are, behind what was written. */
void wf_layout__put_words(struct wf_layout *l, const struct wf_layout_line *line);
/* A held word, and whatever made the last line wait, is written; the next text stands apart. */
void wf_layout__release(struct wf_layout *l);

#endif
