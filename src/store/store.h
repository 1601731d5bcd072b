/* Store: one SQLite database and one folder of blobs below a home's data folder.
 *
 * WAL mode, STRICT tables, migrations by user_version; what the tables hold stands in schema.h.
 * One writer (serialised inside), any number of readers, each on a connection of its own. What a
 * function here has acknowledged is durable: kill -9 and power loss lose nothing of it. Layout of
 * the data folder:
 *   weft.db, weft.db-wal, weft.db-shm    the database
 *   blobs/ab/abcdef...                   original files by BLAKE2b-256 of their bytes, 0600
 *   tmp/                                 files being written; emptied at open
 *   lock                                 held while a store is open for writing
 */
#ifndef WF_STORE_STORE_H
#define WF_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"

struct sqlite3;
struct sqlite3_stmt;
struct fts5_api;
struct wf_store;

struct wf_store_options {
    const struct wf_clock *clock; /* NULL = the system's */
    const struct wf_rng *rng;     /* NULL = the system's; for public ids */
    bool read_only;               /* no migrations, no writes */
    const char *vfs;              /* SQLite VFS by name; NULL = the default. For tests */
    bool is_stepped; /* no thread: wf_purge_wait destroys what was removed. For tests */
};

/* Opens (makes when missing) the data folder `dir`. A database of a newer version is refused with a
 * sentence (WF_E_UNSUPPORTED); a damaged one WF_E_CORRUPT; WF_E_BUSY when another process has it
 * open for writing; WF_E_NOENT read-only and missing; WF_E_LIMIT when the path is too long. What a
 * crash left unfinished is finished in the background. Thread: init. */
int wf_store_open(const char *dir, const struct wf_store_options *o, struct wf_store **out,
                  struct wf_err *err) WF_MUST_USE;

/* Stops background work (the rest is done at the next open), checkpoints, closes. All readers must
 * have been put back. NULL is a no-op. Thread: the one that opened it. */
void wf_store_close(struct wf_store *s);

/* ---- reading ---- */

/* A read connection from the pool, in a read transaction of its own: one moment of the database,
 * however long it is held (but a reader held for long lets the WAL grow). Give it back with
 * wf_store_reader_put from the same thread. Thread: any. Errors: WF_E_IO, WF_E_NOMEM. */
struct wf_reader;
int wf_store_reader_get(struct wf_store *s, struct wf_reader **out, struct wf_err *err) WF_MUST_USE;
void wf_store_reader_put(struct wf_store *s, struct wf_reader *r);

/* The moment that a reader sees is that of its first statement; this makes it now. */
int wf_reader_pin(struct wf_reader *r, struct wf_err *err) WF_MUST_USE;

/* The connection, for statements that are built at run time: finalize them before the put. */
struct sqlite3 *wf_reader_db(struct wf_reader *r);

/* The statement for `sql` (static storage, found again by its address), prepared once in the life
 * of the connection, reset, without bindings. Not to be finalized. Errors: as wf_sql_err. */
int wf_reader_cached(struct wf_reader *r, const char *sql, struct sqlite3_stmt **out,
                     struct wf_err *err) WF_MUST_USE;

/* Runs fn(connection, FTS5's interface) unless it ran on this connection before: for registering
 * functions of a higher floor. At most 4 different fn. Errors: those of fn, WF_E_LIMIT. */
typedef int (*wf_reader_setup_fn)(struct sqlite3 *db, struct fts5_api *fts, struct wf_err *err);
int wf_reader_setup(struct wf_reader *r, wf_reader_setup_fn fn, struct wf_err *err) WF_MUST_USE;

/* ---- writing: one at a time, in the order of asking ---- */

/* Waits for its turn and begins a write transaction, which belongs to this thread until commit or
 * rollback. Thread: any. Errors: WF_E_BUSY, WF_E_IO, WF_E_FULL, WF_E_DENIED (read-only). */
int wf_store_write_begin(struct wf_store *s, struct wf_err *err) WF_MUST_USE;

/* Commits; when it returns 0 the changes are durable. On failure everything is rolled back. Either
 * way the turn is over. */
int wf_store_write_commit(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
void wf_store_write_rollback(struct wf_store *s);

/* The writer's statement for `sql`, as wf_reader_cached, within a turn of the calling thread: for
 * the tables of a higher floor. Thread: owner (of the turn). Errors: as wf_sql_err. */
int wf_store_write_cached(struct wf_store *s, const char *sql, struct sqlite3_stmt **out,
                          struct wf_err *err) WF_MUST_USE;

/* True when another thread waits for its turn: long work commits and begins anew. Thread: any. */
bool wf_store_write_wanted(struct wf_store *s);

/* Chunks first .. first + n - 1. */
struct wf_chunk_range {
    int64_t first, n;
};

/* Has fn(ud) called whenever documents were taken away, after the commit, by the thread that did it
 * and outside its turn. One listener; NULL: none. Thread: while no other uses the store. */
typedef void (*wf_store_removed_fn)(void *ud, const struct wf_chunk_range *spans, size_t n);
void wf_store_on_removed(struct wf_store *s, wf_store_removed_fn fn, void *ud);

/* ---- all of it ---- */

/* Checks the database, the index against its own rules, and every chunk's document. 0 or
 * WF_E_CORRUPT with what is wrong. Slow: reads everything. Thread: any. */
int wf_store_check(struct wf_store *s, struct wf_err *err) WF_MUST_USE;

#endif
