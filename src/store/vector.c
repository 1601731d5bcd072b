/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: rows of the table `vector`. Its key is the first chunk, so that the pieces of a document
 * are a range of it, as its chunks are (schema.h, invariants 4 and 5); `data` is the last column:
 * what only counts reads no overflow page. */
#include "store/vector.h"

#include <assert.h>

#include "base/alloc.h"
#include "store/store_internal.h"

/* Documents that one call of wf_vector_missing looks at. */
#define LOOK_DOCUMENTS 2000
/* Removed documents noted at first; more double it. */
#define REMOVED_ROOM 16

/* ---- writing ---- */

/* Pieces of other lenses of the same document. */
static int remove_stale(struct wf_store *s, const struct wf_vector_piece *p, struct wf_err *err)
{
    static const char sql[] =
        "DELETE FROM vector WHERE lens<>?2 AND"
        " first_chunk>=(SELECT first_chunk FROM document WHERE id=?1) AND"
        " first_chunk<(SELECT first_chunk+n_chunks FROM document WHERE id=?1)";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, p->document);
    wf_sql_bind_text(st, 2, p->lens);
    return wf_sql_run(st, "removing old vectors", err);
}

int wf_vector_put(struct wf_store *s, const struct wf_vector_piece *p, struct wf_err *err)
{
    assert(s->turn_taken);
    assert(p->n_chunks > 0 && p->n_chunks <= WF_VECTOR_PIECE);
    assert(p->dim > 0 && p->dim <= WF_VECTOR_DIM_MAX);
    assert(p->lens.len > 0 && p->lens.len <= WF_VECTOR_LENS_BYTES_MAX);
    assert(p->data.len == p->n_chunks * WF_VECTOR_ROW_BYTES(p->dim));
    static const char sql[] = "INSERT INTO vector(first_chunk,document,n_chunks,dim,lens,data)"
                              " SELECT ?2,id,?3,?4,?5,?6 FROM document"
                              " WHERE id=?1 AND ?2>=first_chunk AND ?2+?3<=first_chunk+n_chunks";
    sqlite3_stmt *st = NULL;
    int status = remove_stale(s, p, err);
    if (status == 0)
        status = wf_store__stmt(s, sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, p->document);
    sqlite3_bind_int64(st, 2, p->first_chunk);
    sqlite3_bind_int64(st, 3, p->n_chunks);
    sqlite3_bind_int64(st, 4, p->dim);
    wf_sql_bind_text(st, 5, p->lens);
    wf_sql_bind_blob(st, 6, p->data);
    status = wf_sql_run(st, "adding vectors", err);
    if (status == 0 && sqlite3_changes64(s->db) == 0)
        return wf_err_set(err, WF_E_NOENT, "The document is no longer there.");
    return status;
}

/* ---- with their document they go ---- */

static int note_removed(struct wf_store *s, struct wf_chunk_range span, struct wf_err *err)
{
    if (s->n_spans == s->n_spans_room) {
        size_t room = s->n_spans_room != 0 ? 2 * s->n_spans_room : REMOVED_ROOM;
        struct wf_chunk_range *bigger = wf_realloc_array(s->spans, room, sizeof *bigger);
        if (bigger == NULL)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory (removing a document).");
        s->spans = bigger;
        s->n_spans_room = room;
    }
    s->spans[s->n_spans++] = span;
    return 0;
}

int wf_vector__remove(struct wf_store *s, int64_t document, struct wf_err *err)
{
    static const char sql_span[] = "SELECT first_chunk,n_chunks FROM document WHERE id=?";
    static const char sql[] = "DELETE FROM vector WHERE first_chunk>=? AND first_chunk<?";
    struct wf_chunk_range span = {0, 0};
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql_span, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, document);
    status = wf_sql_step(st, "removing vectors", err);
    if (status != 1)
        return status;
    span.first = sqlite3_column_int64(st, 0);
    span.n = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    status = wf_store__stmt(s, sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, span.first);
    sqlite3_bind_int64(st, 2, span.first + span.n);
    status = wf_sql_run(st, "removing vectors", err);
    return status == 0 && s->on_removed != NULL ? note_removed(s, span, err) : status;
}

/* ---- reading ---- */

int wf_vector_missing(struct wf_reader *r, struct wf_str lens, int64_t *io_document,
                      struct wf_vector_missing *out, bool *out_end, struct wf_err *err)
{
    static const char sql[] =
        "SELECT id,first_chunk,n_chunks,(SELECT max(v.first_chunk+v.n_chunks) FROM vector v"
        " WHERE v.first_chunk>=d.first_chunk AND v.first_chunk<d.first_chunk+d.n_chunks"
        " AND v.lens=?2) FROM document d WHERE id>?1 ORDER BY id LIMIT ?3";
    sqlite3_stmt *st = NULL;
    int n = 0;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    *out = (struct wf_vector_missing){.document = 0};
    sqlite3_bind_int64(st, 1, *io_document);
    wf_sql_bind_text(st, 2, lens);
    sqlite3_bind_int(st, 3, LOOK_DOCUMENTS);
    while ((status = wf_sql_step(st, "looking for missing vectors", err)) == 1) {
        int64_t first = sqlite3_column_int64(st, 1), end = first + sqlite3_column_int64(st, 2);
        n++;
        *io_document = sqlite3_column_int64(st, 0);
        if (sqlite3_column_type(st, 3) != SQLITE_NULL)
            first = sqlite3_column_int64(st, 3);
        if (first < end) {
            *out = (struct wf_vector_missing){*io_document, first, end - first};
            break;
        }
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    *out_end = status == 0 && n < LOOK_DOCUMENTS;
    return status < 0 ? status : 0;
}

int wf_vector_each(struct wf_reader *r, struct wf_str lens, wf_vector_fn fn, void *ud,
                   struct wf_err *err)
{
    static const char sql[] =
        "SELECT first_chunk,document,n_chunks,dim,data FROM vector WHERE lens=?1"
        " ORDER BY first_chunk";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    wf_sql_bind_text(st, 1, lens);
    while ((status = wf_sql_step(st, "reading vectors", err)) == 1) {
        int64_t n = sqlite3_column_int64(st, 2), dim = sqlite3_column_int64(st, 3);
        struct wf_vector_piece p = {.first_chunk = sqlite3_column_int64(st, 0),
                                    .document = sqlite3_column_int64(st, 1),
                                    .lens = lens,
                                    .data = wf_sql_blob(st, 4)};
        bool ok = n > 0 && n <= WF_VECTOR_PIECE && dim > 0 && dim <= WF_VECTOR_DIM_MAX;
        p.n_chunks = ok ? (uint32_t)n : 0;
        p.dim = ok ? (uint32_t)dim : 0;
        if (!ok || p.data.len != p.n_chunks * WF_VECTOR_ROW_BYTES(p.dim))
            status = wf_err_set(err, WF_E_CORRUPT,
                                "The database is damaged: vectors of a wrong "
                                "length.");
        else
            status = fn(ud, &p, err);
        if (status != 0)
            break;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return status;
}

int wf_vector_count(struct wf_reader *r, struct wf_str lens, uint64_t *out, struct wf_err *err)
{
    static const char sql[] = "SELECT coalesce(sum(n_chunks),0) FROM vector WHERE lens=?1";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    wf_sql_bind_text(st, 1, lens);
    status = wf_sql_step(st, "counting vectors", err);
    if (status == 1)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return status < 0 ? status : 0;
}
