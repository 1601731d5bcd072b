/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk index: rows of chunk and chunk_fts.
 *
 * The full-text table has no copy of the text, so 'delete' gets the old values back from chunk,
 * heading and body, and the title from the caller: they must be byte for byte what was added, or
 * the index is damaged. That is why a document's indexed title never changes (document.h) and why
 * a change of the word rules needs a migration that indexes all anew.
 *
 * FTS5 marks removed words as removed and keeps them until the segments are merged: purge merges
 * all into one. A merge with a negative number puts every segment on one level, later ones with a
 * positive number go on until no row changes any more (sqlite.org/fts5.html, 6.9). */
#include "store/chunk_index.h"

#include <assert.h>

#include "base/limits.h"
#include "store/store_internal.h"

/* Leaf pages that one purge step may write: about 4 MB. */
#define PURGE_STEP_PAGES "1000"

int wf_chunk_index_add(struct wf_store *s, int64_t id, int64_t document, struct wf_str title,
                       const struct wf_chunk_row *c, struct wf_err *err)
{
    assert(c->text.len > 0 && c->text.len <= WF_LIMIT_CHUNK_BYTES);
    assert(s->turn_taken);
    static const char sql_chunk[] = "INSERT INTO chunk(id,document,start_cp,n_cp,page,heading,text)"
                                    " VALUES(?,?,?,?,?,?,?)";
    static const char sql_fts[] = "INSERT INTO chunk_fts(rowid,title,heading,body) VALUES(?,?,?,?)";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql_chunk, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, document);
    sqlite3_bind_int64(st, 3, (int64_t)c->start_cp);
    sqlite3_bind_int64(st, 4, (int64_t)c->n_cp);
    sqlite3_bind_int64(st, 5, (int64_t)c->page);
    wf_sql_bind_text(st, 6, c->heading);
    wf_sql_bind_text(st, 7, c->text);
    status = wf_sql_run(st, "adding text", err);
    if (status == 0) {
        status = wf_store__stmt(s, sql_fts, &st, err);
    }
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    wf_sql_bind_text(st, 2, title);
    wf_sql_bind_text(st, 3, c->heading);
    wf_sql_bind_text(st, 4, c->text);
    return wf_sql_run(st, "indexing text", err);
}

/* Takes the words of the chunk that `row` stands on out of the index. */
static int remove_words(struct wf_store *s, sqlite3_stmt *row, struct wf_str title,
                        struct wf_err *err)
{
    static const char sql[] = "INSERT INTO chunk_fts(chunk_fts,rowid,title,heading,body)"
                              " VALUES('delete',?,?,?,?)";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, sqlite3_column_int64(row, 0));
    wf_sql_bind_text(st, 2, title);
    wf_sql_bind_text(st, 3, wf_sql_text(row, 1));
    wf_sql_bind_text(st, 4, wf_sql_text(row, 2));
    return wf_sql_run(st, "removing words", err);
}

int wf_chunk_index_remove(struct wf_store *s, int64_t first, int64_t n, struct wf_str title,
                          struct wf_err *err)
{
    assert(s->turn_taken && n >= 0);
    static const char sql_rows[] = "SELECT id,heading,text FROM chunk WHERE id>=? AND id<?"
                                   " ORDER BY id";
    static const char sql_delete[] = "DELETE FROM chunk WHERE id>=? AND id<?";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql_rows, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, first + n);
    while ((status = wf_sql_step(st, "reading text to remove", err)) == 1) {
        int removed = remove_words(s, st, title, err);
        if (removed != 0) {
            sqlite3_reset(st);
            return removed;
        }
    }
    if (status == 0) {
        status = wf_store__stmt(s, sql_delete, &st, err);
    }
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, first + n);
    return wf_sql_run(st, "removing text", err);
}

int wf_chunk_index_purge(struct wf_store *s, bool first_step, bool *out_done, struct wf_err *err)
{
    assert(s->turn_taken);
    static const char sql_first[] = "INSERT INTO chunk_fts(chunk_fts,rank)"
                                    " VALUES('merge',-" PURGE_STEP_PAGES ")";
    static const char sql_next[] = "INSERT INTO chunk_fts(chunk_fts,rank)"
                                   " VALUES('merge'," PURGE_STEP_PAGES ")";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, first_step ? sql_first : sql_next, &st, err);
    if (status != 0) {
        return status;
    }
    int64_t n_before = sqlite3_total_changes64(s->db);
    status = wf_sql_run(st, "purging removed words", err);
    if (status == 0) {
        *out_done = sqlite3_total_changes64(s->db) - n_before < 2;
    }
    return status;
}
