/* SPDX-License-Identifier: Apache-2.0 */
/* Filter: conditions on documents.
 *
 * One SQL text serves every filter: what is not asked for is bound as NULL, which costs a
 * comparison. A document's chunks are consecutive (schema.h, invariant 4), so that a filter becomes
 * ranges of chunks. */
#include "find/filter.h"

#include <assert.h>

#include "base/alloc.h"
#include "store/sql.h"

bool wf_filter_is_empty(const struct wf_find_filter *f)
{
    return f->space.len == 0 && f->type.len == 0 && f->path_prefix.len == 0 && f->since_ms == 0 &&
           f->until_ms == 0 && f->document.len == 0 && !f->hides_secret;
}

static void bind_text(sqlite3_stmt *st, int i, struct wf_str s)
{
    if (s.len > 0)
        wf_sql_bind_text(st, i, s);
}

void wf_filter_bind(sqlite3_stmt *st, const struct wf_find_filter *f)
{
    assert(sqlite3_bind_parameter_count(st) >= 8);
    bind_text(st, 2, f->space);
    bind_text(st, 3, f->type);
    bind_text(st, 4, f->path_prefix);
    if (f->since_ms != 0)
        sqlite3_bind_int64(st, 5, f->since_ms);
    if (f->until_ms != 0)
        sqlite3_bind_int64(st, 6, f->until_ms);
    bind_text(st, 7, f->document);
    if (f->hides_secret)
        sqlite3_bind_int64(st, 8, 1);
}

/* Doubles the room; what there was stays in the arena until its end. */
static struct wf_chunk_range *grow(struct wf_arena *arena, struct wf_chunk_range *old, size_t n,
                                   size_t *io_room)
{
    size_t room = *io_room != 0 ? 2 * *io_room : 64;
    struct wf_chunk_range *ranges = wf_arena_array(arena, room, sizeof *ranges);
    for (size_t i = 0; ranges != NULL && i < n; i++)
        ranges[i] = old[i];
    *io_room = room;
    return ranges;
}

int wf_filter_ranges(struct wf_reader *r, const struct wf_find_filter *f, struct wf_arena *arena,
                     struct wf_chunk_range **out, size_t *out_n, struct wf_err *err)
{
    static const char sql_one[] = "SELECT d.first_chunk,d.n_chunks FROM document d WHERE"
                                  " d.uid=?1 AND" WF_FILTER_SQL;
    static const char sql_all[] =
        "SELECT d.first_chunk,d.n_chunks FROM document d WHERE"
        " ?1 IS NULL AND d.n_chunks>0 AND" WF_FILTER_SQL " ORDER BY d.first_chunk";
    sqlite3_stmt *st = NULL;
    struct wf_chunk_range *ranges = NULL;
    size_t n = 0, room = 0;
    int status = wf_reader_cached(r, f->document.len > 0 ? sql_one : sql_all, &st, err);
    if (status != 0)
        return status;
    bind_text(st, 1, f->document);
    wf_filter_bind(st, f);
    while ((status = wf_sql_step(st, "filtering documents", err)) == 1) {
        if (n == room)
            ranges = grow(arena, ranges, n, &room);
        if (ranges == NULL) {
            status = wf_err_set(err, WF_E_NOMEM, "Out of memory (filtering documents).");
            break;
        }
        ranges[n].first = sqlite3_column_int64(st, 0);
        ranges[n++].n = sqlite3_column_int64(st, 1);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    *out = ranges;
    *out_n = n;
    return status;
}
