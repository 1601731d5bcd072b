/* SPDX-License-Identifier: Apache-2.0 */
/* SQL helpers: the one place that knows SQLite's result codes.
 *
 * A person reads these sentences, so the frequent causes (full disk, damaged file, no permission)
 * say what to do; the rest carries SQLite's own message. Statements are prepared once for each
 * connection and found again by the address of their text, which is cheaper than hashing it and
 * exact, because every text is a static string of one .c file. */
#include "store/sql.h"

#include <assert.h>
#include <string.h>

#include "base/config.h"

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return WF_E_FULL;
    case SQLITE_NOMEM:
        return WF_E_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return WF_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return WF_E_BUSY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return WF_E_DENIED;
    case SQLITE_TOOBIG:
        return WF_E_LIMIT;
    case SQLITE_INTERRUPT:
        return WF_E_CANCELED;
    default:
        return WF_E_IO;
    }
}

int wf_sql_err(struct wf_err *err, sqlite3 *db, int rc, const char *doing)
{
    assert(rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE);
    int code = code_of(rc);
    const char *detail = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    switch (code) {
    case WF_E_FULL:
        return wf_err_set(err, code, "The disk is full (%s): free some space and try again.",
                          doing);
    case WF_E_NOMEM:
        return wf_err_set(err, code, "Out of memory (%s).", doing);
    case WF_E_CORRUPT:
        return wf_err_set(err, code,
                          "The database in the data folder is damaged (%s: %s): restore it from a "
                          "backup, or move the data folder away and add your documents again.",
                          doing, detail);
    case WF_E_BUSY:
        return wf_err_set(err, code, "The database is in use by another program (%s).", doing);
    case WF_E_DENIED:
        return wf_err_set(err, code,
                          "The database cannot be opened or written (%s: %s): check the data "
                          "folder's permissions.",
                          doing, detail);
    default:
        return wf_err_set(err, code, "The database failed (%s): %s", doing, detail);
    }
}

int wf_sql_exec(sqlite3 *db, const char *sql, struct wf_err *err)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : wf_sql_err(err, db, rc, sql);
}

int wf_sql_bind_text(sqlite3_stmt *st, int i, struct wf_str s)
{
    return sqlite3_bind_text64(st, i, s.ptr != NULL ? s.ptr : "", s.len, SQLITE_STATIC,
                               SQLITE_UTF8);
}

int wf_sql_bind_blob(sqlite3_stmt *st, int i, struct wf_str s)
{
    return sqlite3_bind_blob64(st, i, s.ptr != NULL ? s.ptr : "", s.len, SQLITE_STATIC);
}

int wf_sql_bind_bytes(sqlite3_stmt *st, int i, const void *bytes, size_t n)
{
    return wf_sql_bind_blob(st, i, wf_str_n(bytes, n));
}

bool wf_sql_bytes(sqlite3_stmt *st, int i_column, void *out, size_t n)
{
    struct wf_str b = wf_sql_blob(st, i_column);

    if (b.len != n)
        return false;
    memcpy(out, b.ptr, n);
    return true;
}

struct wf_str wf_sql_text(sqlite3_stmt *st, int i_column)
{
    const char *p = (const char *)sqlite3_column_text(st, i_column);
    size_t n = p != NULL ? (size_t)sqlite3_column_bytes(st, i_column) : 0;
    return wf_str_n(p, n);
}

struct wf_str wf_sql_blob(sqlite3_stmt *st, int i_column)
{
    const char *p = (const char *)sqlite3_column_blob(st, i_column);
    size_t n = p != NULL ? (size_t)sqlite3_column_bytes(st, i_column) : 0;
    return wf_str_n(p, n);
}

void wf_sql_cache_init(struct wf_sql_cache *c, sqlite3 *db)
{
    c->_db = db;
    c->_n = 0;
}

void wf_sql_cache_deinit(struct wf_sql_cache *c)
{
    for (size_t i = 0; i < c->_n; i++) {
        sqlite3_finalize(c->_slots[i].st);
    }
    c->_n = 0;
}

void wf_sql_cache_reset(struct wf_sql_cache *c)
{
    for (size_t i = 0; i < c->_n; i++) {
        sqlite3_reset(c->_slots[i].st);
        sqlite3_clear_bindings(c->_slots[i].st);
    }
}

int wf_sql_cached(struct wf_sql_cache *c, const char *sql, sqlite3_stmt **out, struct wf_err *err)
{
    for (size_t i = 0; i < c->_n; i++) {
        if (c->_slots[i].sql == sql) {
            sqlite3_reset(c->_slots[i].st);
            sqlite3_clear_bindings(c->_slots[i].st);
            *out = c->_slots[i].st;
            return 0;
        }
    }
    assert(c->_n < WF_SQL_CACHE); /* raise it with the number of statements in the sources */
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(c->_db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK) {
        return wf_sql_err(err, c->_db, rc, "preparing a statement");
    }
    c->_slots[c->_n].sql = sql;
    c->_slots[c->_n].st = st;
    c->_n++;
    *out = st;
    return 0;
}

int wf_sql_step(sqlite3_stmt *st, const char *doing, struct wf_err *err)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    int status = 0;
    if (rc != SQLITE_DONE) {
        status = wf_sql_err(err, sqlite3_db_handle(st), rc, doing);
    }
    sqlite3_reset(st);
    return status;
}

int wf_sql_run(sqlite3_stmt *st, const char *doing, struct wf_err *err)
{
    int status = wf_sql_step(st, doing, err);
    assert(status <= 0);
    return status;
}
