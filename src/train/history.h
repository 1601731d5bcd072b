/* History: the figures of a training, row by row, in memory and as a CSV file.
 *
 * The first column is the step. A figure that was not measured in a row is empty in the file and
 * NAN here. Threads: owner. */
#ifndef WF_TRAIN_HISTORY_H
#define WF_TRAIN_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WF_HISTORY_COLUMNS_MAX 128u
#define WF_HISTORY_NAME_BYTES 96u
/* The most that a file of figures may have: a row each second of a month. */
#define WF_HISTORY_BYTES_MAX ((size_t)512 << 20)
#define WF_HISTORY_ROWS_MAX (3u << 20)

struct wf_history {
    char (*names)[WF_HISTORY_NAME_BYTES]; /* [n_columns] */
    size_t n_columns;
    double *_values; /* [_cap, n_columns] */
    size_t n_rows, _cap;
    int _fd; /* of the file that rows are appended to; -1: none */
};

/* No columns, no rows, no file. */
void wf_history_init(struct wf_history *h);
/* Frees, closes the file. Safe to call twice. */
void wf_history_deinit(struct wf_history *h);

/* A column more, before the first row: "step" must be the first. Errors: NOMEM, LIMIT. */
int wf_history_add_column(struct wf_history *h, const char *name, struct wf_err *err) WF_MUST_USE;

/* Takes the rows of a file whose step is at most step_max, by its columns' names; rows that cannot
 * be read (a crash cuts the last one) and columns that are not known are left out. A missing file
 * has no rows. Errors: IO, LIMIT, NOMEM. */
int wf_history_load(struct wf_history *h, const char *path, uint64_t step_max,
                    struct wf_err *err) WF_MUST_USE;

/* Writes all rows to a file in place of what was there, and appends new ones from now on. Errors:
 * those of os/file.h, NOMEM. */
int wf_history_begin(struct wf_history *h, const char *path, struct wf_err *err) WF_MUST_USE;

/* Adds a row [n_columns], and writes it to the file where there is one. Errors: NOMEM, LIMIT, and
 * those of os/file.h. */
int wf_history_add(struct wf_history *h, const double *row, struct wf_err *err) WF_MUST_USE;

/* A figure; the column of that name, or SIZE_MAX. */
double wf_history_at(const struct wf_history *h, size_t row, size_t column);
size_t wf_history_column(const struct wf_history *h, const char *name);

#endif
