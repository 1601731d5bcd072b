/* Packed weights: a matrix whose rows are interleaved by 32, so that a register takes four bytes of
 * each of 16 rows with one load, nothing has to be summed across its lanes, and 32 rows together
 * are read as they lie.
 *
 * Where 32 does not divide a matrix's rows, its last row stands for those that the last group
 * lacks. A group of 32 rows takes the bytes that it took, block after block of its row:
 *
 *   64 bytes   for types of 18, 34 and 210 bytes a block: the half that scales it, of every row
 *   64         dword 0 of the first 16 rows
 *   64         dword 1, and so on: what else a block has, in its order
 *   64         dword 0 of the other 16 rows, and so on
 *
 * so that loads are aligned where the group is. Row r begins at r * row_bytes where 32 divides r.
 *
 * A packed type is a row of its own (struct wf_dtype) with WF_PACKED in its number, no functions,
 * and the block of the type whose name it bears, but for F16 and BF16: 32 values, two a dword. No
 * file holds such. Threads: any. */
#ifndef WF_KERN_PACKED_H
#define WF_KERN_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/dtype.h"

#define WF_PACKED_ROWS 32
#define WF_PACKED 256u

/* Whether a type is such. */
static inline bool wf_dtype_is_packed(const struct wf_dtype *t)
{
    return (t->id & WF_PACKED) != 0;
}

/* The packed type of a type, NULL where there is none; and the type that a packed one comes from
 * (others: itself). */
const struct wf_dtype *wf_packed_of(const struct wf_dtype *t);
const struct wf_dtype *wf_packed_from(const struct wf_dtype *t);

/* Groups of a matrix of n_rows. */
static inline size_t wf_packed_groups(size_t n_rows)
{
    return (n_rows + WF_PACKED_ROWS - 1) / WF_PACKED_ROWS;
}

/* n_rows (1..32) rows of n_in values, as files have them, to a group of the packed type t. */
void wf_packed_group(const struct wf_dtype *t, const void *rows, size_t n_rows, size_t n_in,
                     void *out);

/* Row r of a packed matrix w as float32, exactly: values [from, from + n), whole blocks. */
void wf_packed_unpack(const struct wf_dtype *t, const void *w, size_t n_in, size_t r, size_t from,
                      size_t n, float *out);

#endif
