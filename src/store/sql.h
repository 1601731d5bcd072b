/* SQL helpers: SQLite's results as our errors, binding views, a small cache of statements.
 *
 * For store/ and for find/, which writes its own statements. Thread rule: owner (of the
 * connection). */
#ifndef WF_STORE_SQL_H
#define WF_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Turns the SQLite result `rc` (not OK, ROW, DONE) into a code and a sentence that begins with
 * what was being done; returns the code: FULL, NOMEM, CORRUPT (also "not a database"), BUSY,
 * DENIED, LIMIT (too big), CANCELED (interrupted), else IO. */
int wf_sql_err(struct wf_err *err, sqlite3 *db, int rc, const char *doing);

/* Runs one or more statements without results. */
int wf_sql_exec(sqlite3 *db, const char *sql, struct wf_err *err) WF_MUST_USE;

/* Binds a view as TEXT or BLOB; it is borrowed until the statement is reset or bound again. */
int wf_sql_bind_text(sqlite3_stmt *st, int i, struct wf_str s);
int wf_sql_bind_blob(sqlite3_stmt *st, int i, struct wf_str s);
int wf_sql_bind_bytes(sqlite3_stmt *st, int i, const void *bytes, size_t n);

/* A view of a result column (TEXT or BLOB), valid until the next step or reset. */
struct wf_str wf_sql_text(sqlite3_stmt *st, int i_column);
struct wf_str wf_sql_blob(sqlite3_stmt *st, int i_column);
/* Copies a column that must have n bytes. False: it has others, and nothing is copied. */
bool wf_sql_bytes(sqlite3_stmt *st, int i_column, void *out, size_t n) WF_MUST_USE;

#define WF_SQL_CACHE 256

/* Statements of one connection, prepared once. Embedded in what owns the connection. */
struct wf_sql_cache {
    sqlite3 *_db; /* borrowed */
    struct {
        const char *sql; /* static storage: compared by address */
        sqlite3_stmt *st;
    } _slots[WF_SQL_CACHE];
    size_t _n;
};

/* An empty cache of statements of db (borrowed until deinit). */
void wf_sql_cache_init(struct wf_sql_cache *c, sqlite3 *db);
/* Finalizes all. */
void wf_sql_cache_deinit(struct wf_sql_cache *c);
/* Resets all and clears their bindings (nothing borrowed is held, no read lock). */
void wf_sql_cache_reset(struct wf_sql_cache *c);

/* The statement for `sql` (a string with static storage), reset and without bindings. It stays the
 * cache's. Errors: as wf_sql_err. */
int wf_sql_cached(struct wf_sql_cache *c, const char *sql, sqlite3_stmt **out,
                  struct wf_err *err) WF_MUST_USE;

/* Steps a statement that gives no rows, resets it. */
int wf_sql_run(sqlite3_stmt *st, const char *doing, struct wf_err *err) WF_MUST_USE;

/* Steps: 1 = a row is there, 0 = done (and reset), negative = failed (and reset). */
int wf_sql_step(sqlite3_stmt *st, const char *doing, struct wf_err *err) WF_MUST_USE;

#endif
