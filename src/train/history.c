/* SPDX-License-Identifier: Apache-2.0 */
/* Figures in one growing array, and their file, which is written by appending whole lines. */
#include "train/history.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"

#define LINE_BYTES_MAX ((size_t)64 << 10)

void wf_history_init(struct wf_history *h)
{
    *h = (struct wf_history){._fd = -1};
}

void wf_history_deinit(struct wf_history *h)
{
    wf_file_close(&h->_fd);
    wf_free(h->names);
    wf_free(h->_values);
    wf_history_init(h);
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the training's figures.");
}

int wf_history_add_column(struct wf_history *h, const char *name, struct wf_err *err)
{
    char(*names)[WF_HISTORY_NAME_BYTES];
    size_t n = strlen(name);

    assert(h->n_rows == 0);
    if (h->n_columns == WF_HISTORY_COLUMNS_MAX || n >= WF_HISTORY_NAME_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "There are too many tasks and figures.");
    names = wf_realloc_array(h->names, h->n_columns + 1, sizeof(*names));
    if (names == NULL)
        return no_memory(err);
    h->names = names;
    memcpy(names[h->n_columns++], name, n + 1);
    return 0;
}

size_t wf_history_column(const struct wf_history *h, const char *name)
{
    for (size_t i = 0; i < h->n_columns; i++) {
        if (strcmp(h->names[i], name) == 0)
            return i;
    }
    return SIZE_MAX;
}

double wf_history_at(const struct wf_history *h, size_t row, size_t column)
{
    assert(row < h->n_rows);
    assert(column < h->n_columns);
    return h->_values[row * h->n_columns + column];
}

static int push(struct wf_history *h, const double *row, struct wf_err *err)
{
    if (h->n_rows == WF_HISTORY_ROWS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many rows of figures; set log_steps.");
    if (h->n_rows == h->_cap) {
        size_t cap = h->_cap > 0 ? 2 * h->_cap : 256;
        double *values = wf_realloc_array(h->_values, cap * h->n_columns, sizeof(*values));
        if (values == NULL)
            return no_memory(err);
        h->_values = values;
        h->_cap = cap;
    }
    memcpy(h->_values + h->n_rows * h->n_columns, row, h->n_columns * sizeof(*row));
    h->n_rows++;
    return 0;
}

/* ---- the file ---- */

static void write_row(const struct wf_history *h, const double *row, struct wf_buf *out)
{
    for (size_t i = 0; i < h->n_columns; i++) {
        if (i > 0)
            wf_buf_append_byte(out, ',');
        if (isfinite(row[i]))
            wf_buf_appendf(out, "%.9g", row[i]);
    }
    wf_buf_append_byte(out, '\n');
}

static int write_all(const struct wf_history *h, struct wf_buf *out)
{
    for (size_t i = 0; i < h->n_columns; i++)
        wf_buf_appendf(out, "%s%s", i > 0 ? "," : "", h->names[i]);
    wf_buf_append_byte(out, '\n');
    for (size_t i = 0; i < h->n_rows; i++)
        write_row(h, h->_values + i * h->n_columns, out);
    return wf_buf_status(out);
}

int wf_history_begin(struct wf_history *h, const char *path, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_HISTORY_BYTES_MAX);
    rc = write_all(h, &b);
    rc = rc != 0 ? no_memory(err) : wf_file_replace(path, b.ptr, b.len, 0644, err);
    wf_buf_deinit(&b);
    wf_file_close(&h->_fd);
    if (rc != 0)
        return rc;
    h->_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    return h->_fd >= 0 ? 0 : wf_err_set(err, WF_E_IO, "%s cannot be opened.", path);
}

int wf_history_add(struct wf_history *h, const double *row, struct wf_err *err)
{
    struct wf_buf b;
    int rc = push(h, row, err);

    if (rc != 0 || h->_fd < 0)
        return rc;
    wf_buf_init(&b, LINE_BYTES_MAX);
    write_row(h, row, &b);
    rc = wf_buf_status(&b);
    rc = rc != 0 ? no_memory(err) : wf_file_write_all(h->_fd, b.ptr, b.len, err);
    wf_buf_deinit(&b);
    return rc;
}

/* Which column of h each of the file's is, SIZE_MAX: none. Returns how many the file has. */
static size_t read_head(const struct wf_history *h, struct wf_str line,
                        size_t map[WF_HISTORY_COLUMNS_MAX])
{
    struct wf_str cell;
    size_t n = 0;

    while (n < WF_HISTORY_COLUMNS_MAX && wf_str_split(&line, ',', &cell)) {
        map[n] = SIZE_MAX;
        for (size_t i = 0; i < h->n_columns; i++) {
            if (wf_str_eq(cell, wf_str_from(h->names[i])))
                map[n] = i;
        }
        n++;
    }
    return n;
}

static bool read_row(struct wf_str line, const size_t *map, size_t n, double *row)
{
    struct wf_str cell;

    for (size_t i = 0; i < n; i++) {
        double x;
        if (!wf_str_split(&line, ',', &cell))
            return false;
        if (cell.len == 0)
            continue;
        if (!wf_str_to_f64(cell, &x))
            return false;
        if (map[i] != SIZE_MAX)
            row[map[i]] = x;
    }
    return line.ptr == NULL; /* no more cells than columns */
}

static int read_rows(struct wf_history *h, struct wf_str rest, uint64_t step_max,
                     struct wf_err *err)
{
    size_t map[WF_HISTORY_COLUMNS_MAX] = {0}, n;
    double row[WF_HISTORY_COLUMNS_MAX];
    struct wf_str line;
    int rc = 0;

    assert(h->n_columns > 0);
    if (!wf_str_line(&rest, &line))
        return 0;
    n = read_head(h, line, map);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        for (size_t i = 0; i < h->n_columns; i++)
            row[i] = NAN;
        /* A line that a crash cut has no newline: nothing follows it. */
        if (read_row(line, map, n, row) && row[0] <= (double)step_max)
            rc = push(h, row, err);
    }
    return rc;
}

int wf_history_load(struct wf_history *h, const char *path, uint64_t step_max, struct wf_err *err)
{
    struct wf_buf b;
    int rc = 0;

    if (access(path, F_OK) != 0)
        return 0;
    wf_buf_init(&b, WF_HISTORY_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = read_rows(h, wf_buf_str(&b), step_max, err);
    wf_buf_deinit(&b);
    return rc;
}
