/* Rows: columns parted by tabs (languages, translations, labelled sentences), and pairs of
 * sentences as JSON lines. See data.h for what all readers share. */
#ifndef WF_TRAIN_DATA_ROWS_H
#define WF_TRAIN_DATA_ROWS_H

#include <stdbool.h>

#include "train/data.h"
#include "train/lines.h"

/* Columns of one row. */
#define WF_DATA_COLUMNS_MAX 16

struct wf_data_row {
    struct wf_str columns[WF_DATA_COLUMNS_MAX]; /* [n], without white space at both ends */
    size_t n;
};

typedef int (*wf_data_row_fn)(void *ud, const struct wf_data_row *row, struct wf_err *err);

/* Reads a file of rows of at least n_min columns (FORMAT when one has fewer, LIMIT when one has
 * more than WF_DATA_COLUMNS_MAX); empty lines are skipped, and with has_header the first line.
 * Errors: as data.h says. */
int wf_data_rows_read(const char *path, bool has_header, size_t n_min, wf_data_row_fn fn, void *ud,
                      struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_rows_read_lines(struct wf_lines *l, bool has_header, size_t n_min, wf_data_row_fn fn,
                            void *ud, struct wf_err *err) WF_MUST_USE;

/* How two sentences stand to each other. */
enum wf_data_relation {
    WF_DATA_SCORED, /* score says how alike they are */
    WF_DATA_ENTAILED,
    WF_DATA_NEUTRAL,
    WF_DATA_CONTRADICTED,
    WF_DATA_PARAPHRASED,
};

struct wf_data_pair {
    struct wf_str language; /* as the file says */
    struct wf_str a, b;     /* a is the key of the split */
    enum wf_data_relation relation;
    double score; /* 0 unrelated to 5 the same; of WF_DATA_SCORED */
};

typedef int (*wf_data_pair_fn)(void *ud, const struct wf_data_pair *p, struct wf_err *err);

/* Reads JSON lines {"lang", "a", "b", "score"} or {..., "label"}. Errors: as data.h says. */
int wf_data_pairs_read(const char *path, wf_data_pair_fn fn, void *ud,
                       struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_pairs_read_lines(struct wf_lines *l, wf_data_pair_fn fn, void *ud,
                             struct wf_err *err) WF_MUST_USE;

#endif
