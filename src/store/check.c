/* SPDX-License-Identifier: Apache-2.0 */
/* Check: is everything that the schema promises so? For `weft doctor` and for every test that
 * kills, fails or removes something.
 *
 * SQLite checks its pages and foreign keys, FTS5 its own structure; the invariants between them
 * (schema.h) are checked here by statements that return a row only when something is wrong. */
#include "store/store.h"

#include "store/store_internal.h"

/* What is checked, and the statement that finds an offender. */
static const struct {
    const char *what;
    const char *sql;
} checks[] = {
    {"the database's structure",
     "SELECT integrity_check FROM pragma_integrity_check(1) WHERE integrity_check<>'ok'"},
    {"references between tables", "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1"},
    {"a text without its document",
     "SELECT id FROM chunk c WHERE NOT EXISTS(SELECT 1 FROM document d WHERE d.id=c.document"
     " AND c.id>=d.first_chunk AND c.id<d.first_chunk+d.n_chunks) AND NOT EXISTS"
     " (SELECT 1 FROM limbo l WHERE l.document=c.document AND c.id>=l.first_chunk AND"
     " c.id<l.first_chunk+l.n_chunks) LIMIT 1"},
    {"a document without all of its text",
     "SELECT id FROM document d WHERE d.n_chunks<>(SELECT count(*) FROM chunk c WHERE"
     " c.id>=d.first_chunk AND c.id<d.first_chunk+d.n_chunks AND c.document=d.id) LIMIT 1"},
    {"a document whose text has gaps",
     "SELECT d.id FROM document d WHERE d.n_cp<>(SELECT total(n_cp) FROM chunk c WHERE"
     " c.id>=d.first_chunk AND c.id<d.first_chunk+d.n_chunks) LIMIT 1"},
    {"a text that is not where it says",
     "SELECT c.id FROM chunk c JOIN chunk p ON p.id=c.id-1 WHERE c.document=p.document AND"
     " c.start_cp<>p.start_cp+p.n_cp LIMIT 1"},
    {"a text of another length", "SELECT id FROM chunk WHERE n_cp<>length(text) LIMIT 1"},
    {"texts that are not in the index",
     "SELECT id FROM chunk WHERE id NOT IN (SELECT id FROM chunk_fts_docsize) LIMIT 1"},
    {"vectors of texts that are gone",
     "SELECT first_chunk FROM vector v WHERE NOT EXISTS(SELECT 1 FROM document d WHERE"
     " d.id=v.document AND v.first_chunk>=d.first_chunk AND"
     " v.first_chunk+v.n_chunks<=d.first_chunk+d.n_chunks) LIMIT 1"},
    {"vectors of a wrong length",
     "SELECT first_chunk FROM vector WHERE n_chunks<=0 OR length(data)<>n_chunks*(dim+4) LIMIT 1"},
    {"a text with two vectors",
     "SELECT a.first_chunk FROM vector a JOIN vector b ON b.first_chunk>a.first_chunk AND"
     " b.first_chunk<a.first_chunk+a.n_chunks LIMIT 1"},
    {"words of texts that are gone",
     "SELECT id FROM chunk_fts_docsize WHERE id NOT IN (SELECT id FROM chunk) LIMIT 1"},
};

static int check_one(sqlite3 *db, const char *what, const char *sql, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
    }
    int status = 0;
    if (rc == SQLITE_ROW) {
        status = wf_err_set(err, WF_E_CORRUPT, "The database is damaged: %s (%s).", what,
                            (const char *)sqlite3_column_text(st, 0));
    } else if (rc != SQLITE_DONE) {
        status = wf_sql_err(err, db, rc, what);
    }
    sqlite3_finalize(st);
    return status;
}

/* FTS5's own check is a command, so it needs the writer; nothing is changed. */
static int check_index(struct wf_store *s, struct wf_err *err)
{
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    status = wf_sql_exec(s->db, "INSERT INTO chunk_fts(chunk_fts) VALUES('integrity-check')", err);
    wf_store_write_rollback(s);
    return status;
}

int wf_store_check(struct wf_store *s, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int status = wf_store_reader_get(s, &r, err);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; status == 0 && i < WF_ARRAY_LEN(checks); i++) {
        status = check_one(wf_reader_db(r), checks[i].what, checks[i].sql, err);
    }
    wf_store_reader_put(s, r);
    if (status == 0 && !s->o.read_only) {
        status = check_index(s, err);
    }
    return status;
}
