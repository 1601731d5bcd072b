/* Vectors' index: lists of rows around centres, for more rows than a search can look at.
 *
 * Built from the rows while searches go on; rows that were added since are searched one by one,
 * holes are passed over. Belongs to struct wf_vectors. Thread rule: as it says. */
#ifndef WF_FIND_VECTORS_INDEX_H
#define WF_FIND_VECTORS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wf_vectors;

/* Rows by list: those of list i are at starts[i] to starts[i + 1]. */
struct wf_vectors_index {
    size_t n_lists, n_rows; /* rows from 0 to n_rows are in it */
    int8_t *centres;        /* [n_lists, dim] */
    float *scales;          /* [n_lists] */
    uint32_t *starts;       /* [n_lists + 1] */
    uint32_t *rows;         /* [n_rows]: their numbers */
    uint32_t *places;       /* [n_rows]: where a row is, by its number */
    int8_t *data;           /* [n_rows, dim]: copies, so that a list is read in one go */
    float *data_scales;     /* [n_rows] */
};

/* Frees what it holds; safe on a zeroed one. */
void wf_vectors_index_deinit(struct wf_vectors_index *x);

/* Forgets a row that was taken away. Thread: under the lock for writing. */
void wf_vectors_index_remove(struct wf_vectors_index *x, size_t row, size_t dim);

/* The lists nearest to the question (quantised), best first, into out [n_max]; returns how many.
 * Thread: under the lock of the vectors. */
size_t wf_vectors_index_choose(const struct wf_vectors_index *x, const int8_t *question, size_t dim,
                               uint32_t *out, size_t n_max);

#endif
