/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, the writing half: incoming documents, removal, sources, failures.
 *
 * What makes a document visible is its one row in `document`, inserted last and deleted first.
 * Everything before (and after) is accounted for by a row of `limbo`, but only when a commit can
 * fall in between: a document that is begun and finished in one transaction needs none. */
#include "store/document.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "store/spaces.h"
#include "store/store_internal.h"

static struct wf_str hash_str(const uint8_t *hash)
{
    return wf_str_n((const char *)hash, WF_HASH_BYTES);
}

/* ---- incoming ---- */

void wf_incoming_begin(struct wf_store *s, struct wf_incoming *out)
{
    assert(s->turn_taken);
    *out = (struct wf_incoming){.id = s->next_document++, .first_chunk = s->next_chunk};
}

int wf_incoming_chunk(struct wf_store *s, struct wf_incoming *in, struct wf_str title,
                      const struct wf_chunk_row *c, struct wf_err *err)
{
    assert(s->next_chunk == in->first_chunk + in->n_chunks); /* one document at a time */
    assert(c->start_cp == in->n_cp);                         /* chunks partition the text */
    int status = wf_chunk_index_add(s, s->next_chunk, in->id, title, c, err);
    if (status == 0) {
        s->next_chunk++;
        in->n_chunks++;
        in->n_cp += c->n_cp;
    }
    return status;
}

static int limbo_put(struct wf_store *s, const struct wf_incoming *in, const uint8_t *hash,
                     struct wf_str title, enum wf_limbo_stage stage, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO limbo(document,hash,title,first_chunk,n_chunks,stage,urgent,since_ms)"
        " VALUES(?,?,?,?,?,?,0,?) ON CONFLICT(document) DO UPDATE SET"
        " n_chunks=excluded.n_chunks, stage=excluded.stage";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, in->id);
    wf_sql_bind_blob(st, 2, hash_str(hash));
    wf_sql_bind_text(st, 3, title);
    sqlite3_bind_int64(st, 4, in->first_chunk);
    sqlite3_bind_int64(st, 5, in->n_chunks);
    sqlite3_bind_int64(st, 6, stage);
    sqlite3_bind_int64(st, 7, wf_clock_wall_ms(s->o.clock));
    return wf_sql_run(st, "noting an unfinished document", err);
}

int wf_incoming_park(struct wf_store *s, struct wf_incoming *in, const uint8_t *hash,
                     struct wf_str title, struct wf_err *err)
{
    int status = limbo_put(s, in, hash, title, WF_LIMBO_WRITING, err);
    in->_parked = in->_parked || status == 0;
    return status;
}

int wf_incoming_abandon(struct wf_store *s, struct wf_incoming *in, const uint8_t *hash,
                        struct wf_str title, struct wf_err *err)
{
    if (in->n_chunks == 0 && !in->_parked) {
        return 0;
    }
    s->removed = true;
    return limbo_put(s, in, hash, title, WF_LIMBO_LEAVING, err);
}

static int insert_document(struct wf_store *s, const struct wf_incoming *in,
                           const struct wf_document_new *d, const char *uid, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO document(id,uid,space,hash,title,type,author,language,written,bytes,n_cp,"
        "n_pages,n_chunks,first_chunk,modified_ms,added_ms,warning,kept,label)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?19,"
        " CASE ?18 WHEN '' THEN (SELECT label FROM space WHERE id=?3) ELSE ?18 END)";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, in->id);
    wf_sql_bind_text(st, 2, wf_str_n(uid, WF_UID_BYTES));
    sqlite3_bind_int64(st, 3, d->space != 0 ? d->space : WF_SPACE_DEFAULT);
    wf_sql_bind_blob(st, 4, hash_str(d->hash));
    wf_sql_bind_text(st, 5, d->title);
    wf_sql_bind_text(st, 6, d->type);
    wf_sql_bind_text(st, 7, d->author);
    wf_sql_bind_text(st, 8, d->language);
    wf_sql_bind_text(st, 9, d->written);
    sqlite3_bind_int64(st, 10, (int64_t)d->bytes);
    sqlite3_bind_int64(st, 11, (int64_t)in->n_cp);
    sqlite3_bind_int64(st, 12, d->n_pages);
    sqlite3_bind_int64(st, 13, in->n_chunks);
    sqlite3_bind_int64(st, 14, in->first_chunk);
    sqlite3_bind_int64(st, 15, d->modified_ms);
    sqlite3_bind_int64(st, 16, wf_clock_wall_ms(s->o.clock));
    wf_sql_bind_text(st, 17, d->warning);
    wf_sql_bind_text(st, 18, d->label);
    sqlite3_bind_int64(st, 19, d->kept);
    return wf_sql_run(st, "adding a document", err);
}

static int run_with_id(struct wf_store *s, const char *sql, int64_t id, const char *doing,
                       struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    return wf_sql_run(st, doing, err);
}

/* The one that is asked for, unless another document has it. */
static int choose_uid(struct wf_store *s, struct wf_str wanted, char out[WF_UID_BYTES + 1],
                      struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM document WHERE uid=?1";
    sqlite3_stmt *st = NULL;
    wf_rng_hex(s->o.rng, out, WF_UID_BYTES / 2);
    if (wanted.len != WF_UID_BYTES) {
        return 0;
    }
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, wanted);
    status = wf_sql_step(st, "looking for a document's id", err);
    if (status == 0) {
        memcpy(out, wanted.ptr, WF_UID_BYTES);
    } else if (status == 1) {
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

int wf_incoming_finish(struct wf_store *s, struct wf_incoming *in, const struct wf_document_new *d,
                       char out_uid[WF_UID_BYTES + 1], struct wf_err *err)
{
    int64_t known = 0;
    char uid[WF_UID_BYTES + 1];
    int status = wf_document_by_hash(s, d->space, d->hash, &known, uid, err);
    if (status != 0) {
        return status;
    }
    if (known != 0) {
        return wf_err_set(err, WF_E_EXIST, "The same content is there already.");
    }
    status = choose_uid(s, d->uid, uid, err);
    if (status != 0) {
        return status;
    }
    status = insert_document(s, in, d, uid, err);
    if (status == 0 && in->_parked) {
        static const char sql[] = "DELETE FROM limbo WHERE document=?";
        status = run_with_id(s, sql, in->id, "finishing a document", err);
    }
    if (status == 0) {
        memcpy(out_uid, uid, sizeof uid);
    }
    return status;
}

int wf_document_by_hash(struct wf_store *s, int64_t space, const uint8_t *hash, int64_t *out_id,
                        char out_uid[WF_UID_BYTES + 1], struct wf_err *err)
{
    static const char sql[] = "SELECT id,uid FROM document WHERE hash=? AND space=?";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, hash_str(hash));
    sqlite3_bind_int64(st, 2, space != 0 ? space : WF_SPACE_DEFAULT);
    status = wf_sql_step(st, "looking for the same content", err);
    if (status < 0) {
        return status;
    }
    *out_id = 0;
    if (status == 1) {
        *out_id = sqlite3_column_int64(st, 0);
        struct wf_str uid = wf_sql_text(st, 1);
        assert(uid.len == WF_UID_BYTES);
        memcpy(out_uid, uid.ptr, WF_UID_BYTES);
        out_uid[WF_UID_BYTES] = '\0';
        sqlite3_reset(st);
    }
    return 0;
}

int wf_document_keep(struct wf_store *s, int64_t id, struct wf_err *err)
{
    assert(s->turn_taken);
    static const char sql[] = "UPDATE document SET kept=1 WHERE id=? AND kept=0";
    return run_with_id(s, sql, id, "keeping a document", err);
}

/* ---- removal ---- */

static int take_away(struct wf_store *s, int64_t id, bool urgent, struct wf_err *err)
{
    assert(s->turn_taken);
    static const char sql_limbo[] =
        "INSERT INTO limbo(document,hash,title,first_chunk,n_chunks,stage,urgent,since_ms)"
        " SELECT id,hash,title,first_chunk,n_chunks,1,?2,?3 FROM document WHERE id=?1";
    /* Who was told of it is to be told that it is gone. */
    static const char sql_share[] = "UPDATE document_share SET state=3, due=1 WHERE told>=0 AND"
                                    " (space,hash)=(SELECT space,hash FROM document WHERE id=?)";
    static const char sql_source[] = "DELETE FROM source WHERE document=?";
    static const char sql_document[] = "DELETE FROM document WHERE id=?";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql_limbo, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, urgent);
    sqlite3_bind_int64(st, 3, wf_clock_wall_ms(s->o.clock));
    status = wf_sql_run(st, "removing a document", err);
    if (status == 0 && sqlite3_changes64(s->db) == 0) {
        return wf_err_set(err, WF_E_NOENT, "There is no such document.");
    }
    if (status == 0) {
        status = wf_vector__remove(s, id, err); /* asks document for its chunks */
    }
    if (status == 0) {
        status = run_with_id(s, sql_share, id, "removing a document", err);
    }
    if (status == 0) {
        status = run_with_id(s, sql_source, id, "removing a document's paths", err);
    }
    if (status == 0) {
        status = run_with_id(s, sql_document, id, "removing a document", err);
    }
    s->removed = s->removed || status == 0;
    return status;
}

int wf_document_remove(struct wf_store *s, int64_t id, struct wf_err *err)
{
    return take_away(s, id, true, err);
}

/* ---- spaces ---- */

static int find_space(struct wf_store *s, struct wf_str name, int64_t *out_id, struct wf_err *err)
{
    static const char sql[] = "SELECT id FROM space WHERE name=?";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, name);
    status = wf_sql_step(st, "looking for a space", err);
    if (status < 0) {
        return status;
    }
    *out_id = 0;
    if (status == 1) {
        *out_id = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return 0;
}

int wf_space_id(struct wf_store *s, struct wf_str name, bool create, int64_t *out_id,
                struct wf_err *err)
{
    assert(s->turn_taken);
    if (name.len == 0) {
        *out_id = WF_SPACE_DEFAULT;
        return 0;
    }
    int64_t id = 0;
    int status = find_space(s, name, &id, err);
    if (status == 0 && id == 0 && !create) {
        return wf_err_set(err, WF_E_NOENT, "There is no space named '%.*s'.", WF_STR_ARG(name));
    }
    if (status == 0 && id == 0) {
        static const char sql[] = "INSERT INTO space(name,label,created_ms,uid)"
                                  " VALUES(?,'private',?,?)";
        uint8_t uid[WF_SPACE_UID_BYTES];
        sqlite3_stmt *st = NULL;
        status = wf_store__stmt(s, sql, &st, err);
        if (status == 0) {
            wf_space_new_uid(s, uid);
            wf_sql_bind_text(st, 1, name);
            sqlite3_bind_int64(st, 2, wf_clock_wall_ms(s->o.clock));
            wf_sql_bind_blob(st, 3, wf_str_n((const char *)uid, sizeof uid));
            status = wf_sql_run(st, "making a space", err);
            id = sqlite3_last_insert_rowid(s->db);
        }
    }
    if (status == 0) {
        *out_id = id;
    }
    return status;
}

/* ---- sources ---- */

/* The document that `path` names now, 0 when none. */
static int source_document(struct wf_store *s, struct wf_str path, int64_t *out_id,
                           struct wf_err *err)
{
    static const char sql[] = "SELECT document FROM source WHERE path=?";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, path);
    status = wf_sql_step(st, "looking for a path", err);
    *out_id = 0;
    if (status == 1) {
        *out_id = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

/* Removes the document unless it is kept without a path, or a path names it still. */
static int remove_unless_named(struct wf_store *s, int64_t id, bool urgent, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM source WHERE document=?1"
                              " UNION ALL SELECT 1 FROM document WHERE id=?1 AND kept=1 LIMIT 1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    status = wf_sql_step(st, "looking for a document's paths", err);
    if (status == 1) {
        sqlite3_reset(st);
        return 0;
    }
    return status == 0 ? take_away(s, id, urgent, err) : status;
}

static int run_with_path(struct wf_store *s, const char *sql, struct wf_str path,
                         struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, path);
    return wf_sql_run(st, "forgetting a path", err);
}

static const char sql_forget_failed[] = "DELETE FROM failed WHERE path=?";

int wf_source_set(struct wf_store *s, struct wf_str path, int64_t document,
                  const struct wf_source_stat *st, struct wf_err *err)
{
    assert(s->turn_taken && path.len > 0);
    /* Not one statement with ON CONFLICT: together with the foreign key that takes a savepoint, at
     * which FTS5 writes out all words that it has gathered, for each document. */
    static const char sql_insert[] = "INSERT INTO source(path,document,size,mtime_ns,ino,dev)"
                                     " VALUES(?1,?2,?3,?4,?5,?6)";
    static const char sql_update[] =
        "UPDATE source SET document=?2, size=?3, mtime_ns=?4, ino=?5, dev=?6 WHERE path=?1";
    int64_t before = 0;
    int status = source_document(s, path, &before, err);
    if (status == 0) {
        status = run_with_path(s, sql_forget_failed, path, err);
    }
    sqlite3_stmt *stmt = NULL;
    if (status == 0) {
        status = wf_store__stmt(s, before == 0 ? sql_insert : sql_update, &stmt, err);
    }
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(stmt, 1, path);
    sqlite3_bind_int64(stmt, 2, document);
    sqlite3_bind_int64(stmt, 3, (int64_t)st->size);
    sqlite3_bind_int64(stmt, 4, st->mtime_ns);
    sqlite3_bind_int64(stmt, 5, (int64_t)st->ino);
    sqlite3_bind_int64(stmt, 6, (int64_t)st->dev);
    status = wf_sql_run(stmt, "noting a path", err);
    if (status == 0 && before != 0 && before != document) {
        status = remove_unless_named(s, before, false, err);
    }
    return status;
}

int wf_source_remove(struct wf_store *s, struct wf_str path, struct wf_err *err)
{
    assert(s->turn_taken);
    static const char sql[] = "DELETE FROM source WHERE path=?";
    int64_t before = 0;
    int status = source_document(s, path, &before, err);
    if (status == 0) {
        status = run_with_path(s, sql_forget_failed, path, err);
    }
    if (status == 0 && before != 0) {
        status = run_with_path(s, sql, path, err);
        if (status == 0) {
            status = remove_unless_named(s, before, true, err);
        }
    }
    return status;
}

int wf_failed_set(struct wf_store *s, struct wf_str path, const struct wf_source_stat *st, int code,
                  struct wf_str reason, struct wf_err *err)
{
    assert(s->turn_taken && path.len > 0 && code < 0);
    static const char sql[] = "INSERT OR REPLACE INTO failed(path,code,reason,size,mtime_ns,at_ms)"
                              " VALUES(?,?,?,?,?,?)";
    sqlite3_stmt *stmt = NULL;
    int status = wf_store__stmt(s, sql, &stmt, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(stmt, 1, path);
    sqlite3_bind_int64(stmt, 2, code);
    wf_sql_bind_text(stmt, 3, reason);
    sqlite3_bind_int64(stmt, 4, (int64_t)st->size);
    sqlite3_bind_int64(stmt, 5, st->mtime_ns);
    sqlite3_bind_int64(stmt, 6, wf_clock_wall_ms(s->o.clock));
    return wf_sql_run(stmt, "noting a failure", err);
}
