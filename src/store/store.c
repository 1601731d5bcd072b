/* SPDX-License-Identifier: Apache-2.0 */
/* Store: opening, the pool of readers, turns of writing.
 *
 * SQLite allows one writer; here that writer is one connection, lent to one thread at a time in the
 * order of asking (tickets, because a mutex would let a busy thread take it again and again). The
 * connection runs in WAL mode with synchronous=EXTRA: COMMIT returns when the log is on the disk.
 * Readers never wait for the writer, nor it for them.
 *
 * Ids are handed out from two counters that are read at open, so that a document's chunks are
 * consecutive whatever was removed before (schema.h, invariant 4).
 *
 * Not here: what a document is (document.c), the index (chunk_index.c), files (blob.c). */
#include "store/store.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "store/blob.h"
#include "store/fts_tokenizer.h"
#include "store/migrate.h"
#include "store/pack.h"
#include "store/store_internal.h"

/* Readers kept for reuse; more are opened when asked for and closed when given back. */
#define IDLE_READERS_MAX 8
/* Page caches. The writer's holds the B-tree tops and the pages of one group of documents; a
 * reader's the postings of a few questions. KiB, negative as SQLite wants it. */
#define WRITER_CACHE_KIB "-16384"
#define READER_CACHE_KIB "-4096"

/* EXTRA: until the log is there, a transaction ends with the removal of its journal, which has to
 * be on the disk before anything is acknowledged; with the log it is the same as FULL. */
static const char common_pragmas[] = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                                     "PRAGMA temp_store=MEMORY; PRAGMA synchronous=EXTRA;";
static const char writer_pragmas[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA secure_delete=FAST;"
    "PRAGMA cache_size=" WRITER_CACHE_KIB ";"
    "PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=33554432;";
static const char reader_pragmas[] =
    "PRAGMA query_only=ON; PRAGMA cache_size=" READER_CACHE_KIB ";";

static int open_database(struct wf_store *s, sqlite3 **out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/weft.db", s->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return wf_err_set(err, WF_E_LIMIT, "The data folder's path is too long.");
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!s->o.read_only) {
        flags |= SQLITE_OPEN_CREATE;
    } else if (access(path, F_OK) != 0) {
        return wf_err_set(err, WF_E_NOENT, "There are no documents yet: %s has no database.",
                          s->dir);
    }
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, flags, s->o.vfs);
    if (rc != SQLITE_OK) {
        int status = wf_sql_err(err, db, rc, "opening the database");
        sqlite3_close(db);
        return status;
    }
    *out = db;
    return 0;
}

int wf_store__connect(struct wf_store *s, bool writer, sqlite3 **out, struct wf_err *err)
{
    sqlite3 *db = NULL;
    int status = open_database(s, &db, err);
    if (status != 0) {
        return status;
    }
    sqlite3_busy_timeout(db, WF_BUSY_TIMEOUT_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    status = wf_fts_tokenizer_register(db, err);
    if (status == 0) {
        status = wf_sql_exec(db, common_pragmas, err);
    }
    if (status == 0 && writer) {
        status = wf_migrate_prepare(db, err);
    }
    if (status == 0) {
        status = wf_sql_exec(db, writer ? writer_pragmas : reader_pragmas, err);
    }
    if (status != 0) {
        sqlite3_close(db);
        return status;
    }
    *out = db;
    return 0;
}

/* ---- opening ---- */

static int make_folders(struct wf_store *s, struct wf_err *err)
{
    static const char *const folders[] = {"", "/blobs", "/packs", "/tmp"};
    char path[WF_LIMIT_PATH_BYTES];
    for (size_t i = 0; i < WF_ARRAY_LEN(folders); i++) {
        int n = snprintf(path, sizeof path, "%s%s", s->dir, folders[i]);
        if (n < 0 || (size_t)n >= sizeof path) {
            return wf_err_set(err, WF_E_LIMIT, "The data folder's path is too long.");
        }
        int status = wf_file_mkdirs(path, err);
        if (status != 0) {
            return status;
        }
    }
    snprintf(path, sizeof path, "%s/lock", s->dir);
    int status = wf_file_lock(path, &s->lock_fd, err);
    if (status == WF_E_BUSY) {
        return wf_err_set(err, WF_E_BUSY,
                          "Another weft is working on %s: stop it, or wait until it is done.",
                          s->dir);
    }
    return status;
}

static int read_max(struct wf_store *s, const char *sql, int64_t *io_max, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    status = wf_sql_step(st, "reading the highest id", err);
    if (status == 1) {
        *io_max = WF_MAX(*io_max, sqlite3_column_int64(st, 0));
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

static int load_ids(struct wf_store *s, struct wf_err *err)
{
    int64_t document = 0;
    int64_t chunk = 0;
    int64_t draft = 0;
    int status = read_max(s, "SELECT max(id) FROM document", &document, err);
    if (status == 0) {
        status = read_max(s, "SELECT max(document) FROM limbo", &document, err);
    }
    if (status == 0) {
        status = read_max(s, "SELECT max(id) FROM chunk", &chunk, err);
    }
    if (status == 0) {
        status = read_max(s, "SELECT max(first_chunk + n_chunks - 1) FROM limbo", &chunk, err);
    }
    if (status == 0) {
        status = read_max(s, "SELECT max(id) FROM draft", &draft, err);
    }
    s->next_draft = draft + 1;
    s->next_document = document + 1;
    s->next_chunk = chunk + 1;
    return status;
}

static int open_all(struct wf_store *s, struct wf_err *err)
{
    if (s->o.read_only) {
        int status = wf_store__connect(s, false, &s->db, err);
        wf_sql_cache_init(&s->cache, s->db);
        return status == 0 ? wf_migrate_check(s->db, err) : status;
    }
    int status = make_folders(s, err);
    if (status == 0) {
        status = wf_store__connect(s, true, &s->db, err);
        wf_sql_cache_init(&s->cache, s->db);
    }
    if (status == 0) {
        status = wf_migrate_run(s->db, err);
    }
    if (status == 0) {
        status = load_ids(s, err);
    }
    if (status == 0) {
        status = wf_blob_sweep(s, err);
    }
    return status == 0 ? wf_purge__start(s, err) : status;
}

/* SQLite counts every allocation under a lock unless told not to; nobody reads the count. */
static void configure_sqlite(void)
{
    /* Refused when the program used SQLite before: then it counts. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int wf_store_open(const char *dir, const struct wf_store_options *o, struct wf_store **out,
                  struct wf_err *err)
{
    struct wf_store *s = wf_alloc_array(1, sizeof *s);
    if (s == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (opening the store).");
    }
    s->lock_fd = -1;
    s->pack_fd = -1;
    if (o != NULL) {
        s->o = *o;
    }
    wf_list_init(&s->idle);
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure_sqlite); /* cannot fail */
    if (sodium_init() < 0) { /* it chooses the fastest hash for this processor */
        wf_free(s);
        return wf_err_set(err, WF_E_IO, "The system gives no random numbers.");
    }
    pthread_mutex_init(&s->turn_mutex, NULL);
    pthread_cond_init(&s->turn_cond, NULL);
    pthread_mutex_init(&s->idle_mutex, NULL);
    s->dir = wf_strdup(dir);
    int status = s->dir != NULL ? open_all(s, err)
                                : wf_err_set(err, WF_E_NOMEM, "Out of memory (opening the store).");
    if (status != 0) {
        wf_store_close(s);
        return status;
    }
    *out = s;
    return 0;
}

static void reader_free(struct wf_reader *r)
{
    wf_sql_cache_deinit(&r->cache);
    sqlite3_close(r->db);
    wf_free(r);
}

void wf_store_close(struct wf_store *s)
{
    if (s == NULL) {
        return;
    }
    wf_purge__stop(s);
    assert(s->n_readers == 0);
    assert(!s->turn_taken);
    struct wf_list *it = NULL;
    struct wf_list *tmp = NULL;
    WF_LIST_EACH(it, tmp, &s->idle)
    {
        reader_free(WF_CONTAINER(it, struct wf_reader, node));
    }
    wf_sql_cache_deinit(&s->cache);
    if (s->db != NULL) {
        wf_blob__forget_mark(s);
    }
    sqlite3_close(s->db); /* the last connection checkpoints and removes the WAL */
    wf_file_close(&s->lock_fd);
    pthread_mutex_destroy(&s->turn_mutex);
    pthread_cond_destroy(&s->turn_cond);
    pthread_mutex_destroy(&s->idle_mutex);
    wf_free(s->spans);
    wf_free(s->dir);
    wf_free(s);
}

/* ---- readers ---- */

static int reader_new(struct wf_store *s, struct wf_reader **out, struct wf_err *err)
{
    struct wf_reader *r = wf_alloc_array(1, sizeof *r);
    if (r == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (opening a reader).");
    }
    wf_list_init(&r->node);
    int status = wf_store__connect(s, false, &r->db, err);
    if (status != 0) {
        wf_free(r);
        return status;
    }
    wf_sql_cache_init(&r->cache, r->db);
    *out = r;
    return 0;
}

static const char sql_begin[] = "BEGIN";
static const char sql_write_begin[] = "BEGIN IMMEDIATE";
static const char sql_end[] = "COMMIT";

static int reader_run(struct wf_reader *r, const char *sql, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_sql_cached(&r->cache, sql, &st, err);
    return status == 0 ? wf_sql_run(st, "a read transaction", err) : status;
}

int wf_store_reader_get(struct wf_store *s, struct wf_reader **out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    pthread_mutex_lock(&s->idle_mutex);
    if (!wf_list_empty(&s->idle)) {
        r = WF_CONTAINER(s->idle.next, struct wf_reader, node); /* the warmest cache */
        wf_list_remove(&r->node);
        s->n_idle--;
    }
    s->n_readers++;
    pthread_mutex_unlock(&s->idle_mutex);
    int status = 0;
    if (r == NULL) {
        status = reader_new(s, &r, err);
    }
    if (status == 0) {
        status = reader_run(r, sql_begin, err);
    }
    if (status == 0) {
        *out = r;
        return 0;
    }
    if (r != NULL) {
        reader_free(r);
    }
    pthread_mutex_lock(&s->idle_mutex);
    s->n_readers--;
    pthread_mutex_unlock(&s->idle_mutex);
    return status;
}

void wf_store_reader_put(struct wf_store *s, struct wf_reader *r)
{
    wf_sql_cache_reset(&r->cache);
    bool keep = reader_run(r, sql_end, NULL) == 0;
    pthread_mutex_lock(&s->idle_mutex);
    assert(s->n_readers > 0);
    s->n_readers--;
    keep = keep && s->n_idle < IDLE_READERS_MAX;
    if (keep) {
        wf_list_add(&s->idle, &r->node);
        s->n_idle++;
    }
    pthread_mutex_unlock(&s->idle_mutex);
    if (!keep) {
        reader_free(r);
    }
}

int wf_reader_pin(struct wf_reader *r, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM space LIMIT 1";
    sqlite3_stmt *st = NULL;
    int status = wf_sql_cached(&r->cache, sql, &st, err);
    if (status == 0) {
        status = wf_sql_step(st, "beginning to read", err);
        sqlite3_reset(st);
    }
    return status < 0 ? status : 0;
}

sqlite3 *wf_reader_db(struct wf_reader *r)
{
    return r->db;
}

int wf_reader_cached(struct wf_reader *r, const char *sql, sqlite3_stmt **out, struct wf_err *err)
{
    return wf_sql_cached(&r->cache, sql, out, err);
}

int wf_reader_setup(struct wf_reader *r, wf_reader_setup_fn fn, struct wf_err *err)
{
    for (size_t i = 0; i < r->n_setups; i++) {
        if (r->setups[i] == fn) {
            return 0;
        }
    }
    if (r->n_setups == WF_READER_SETUPS) {
        return wf_err_set(err, WF_E_LIMIT, "Too many functions on a reader.");
    }
    int status = fn(r->db, wf_fts_api(r->db), err);
    if (status == 0) {
        r->setups[r->n_setups++] = fn;
    }
    return status;
}

/* ---- turns of writing ---- */

int wf_store__stmt(struct wf_store *s, const char *sql, sqlite3_stmt **out, struct wf_err *err)
{
    return wf_sql_cached(&s->cache, sql, out, err);
}

int wf_store_write_cached(struct wf_store *s, const char *sql, sqlite3_stmt **out,
                          struct wf_err *err)
{
    assert(s->turn_taken);
    return wf_store__stmt(s, sql, out, err);
}

static int writer_run(struct wf_store *s, const char *sql, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    return status == 0 ? wf_sql_run(st, "a write transaction", err) : status;
}

void wf_store__turn_take(struct wf_store *s)
{
    pthread_mutex_lock(&s->turn_mutex);
    uint64_t ticket = s->turn_next++;
    while (s->turn_now != ticket) {
        pthread_cond_wait(&s->turn_cond, &s->turn_mutex);
    }
    assert(!s->turn_taken);
    s->turn_taken = true;
    pthread_mutex_unlock(&s->turn_mutex);
}

void wf_store__turn_give(struct wf_store *s)
{
    pthread_mutex_lock(&s->turn_mutex);
    assert(s->turn_taken);
    s->turn_taken = false;
    s->turn_now++;
    pthread_cond_broadcast(&s->turn_cond);
    pthread_mutex_unlock(&s->turn_mutex);
}

bool wf_store_write_wanted(struct wf_store *s)
{
    pthread_mutex_lock(&s->turn_mutex);
    bool wanted = s->turn_next - s->turn_now > (s->turn_taken ? 1u : 0u);
    pthread_mutex_unlock(&s->turn_mutex);
    return wanted;
}

int wf_store_write_begin(struct wf_store *s, struct wf_err *err)
{
    if (s->o.read_only) {
        return wf_err_set(err, WF_E_DENIED, "The store was opened for reading only.");
    }
    wf_store__turn_take(s);
    int status = writer_run(s, sql_write_begin, err);
    if (status != 0) {
        wf_store__turn_give(s);
    }
    return status;
}

void wf_store__rollback(struct wf_store *s)
{
    wf_sql_cache_reset(&s->cache);
    if (!sqlite3_get_autocommit(s->db)) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    wf_pack_end(s, false);
}

int wf_store__commit(struct wf_store *s, struct wf_err *err)
{
    assert(s->turn_taken);
    int status = 0;
    if (sqlite3_get_autocommit(s->db)) { /* SQLite rolled back by itself after an error */
        status = wf_err_set(err, WF_E_IO, "The write was rolled back after an error.");
    } else {
        status = wf_pack_sync(s, err);
        if (status == 0) {
            status = writer_run(s, sql_end, err);
            /* When that failed, a crash may still bring the transaction back from the log: then its
             * rows need the pack, and the next open decides. */
            s->must_sweep = s->must_sweep || (status != 0 && s->pack_fd >= 0);
            wf_pack_end(s, true);
        }
    }
    if (status != 0) {
        wf_store__rollback(s);
    }
    return status;
}

void wf_store__turn_end(struct wf_store *s, bool committed)
{
    bool removed = committed && s->removed;
    struct wf_chunk_range *spans = s->spans;
    size_t n_spans = s->n_spans;
    s->removed = false;
    s->spans = NULL; /* the next turn may begin before the listener is done with them */
    s->n_spans = s->n_spans_room = 0;
    wf_store__turn_give(s);
    if (committed && n_spans > 0) {
        s->on_removed(s->on_removed_ud, spans, n_spans);
    }
    wf_free(spans);
    if (removed) {
        wf_purge__poke(s);
    }
}

void wf_store_on_removed(struct wf_store *s, wf_store_removed_fn fn, void *ud)
{
    s->on_removed = fn;
    s->on_removed_ud = ud;
}

int wf_store_write_commit(struct wf_store *s, struct wf_err *err)
{
    int status = wf_store__commit(s, err);
    wf_store__turn_end(s, status == 0);
    return status;
}

void wf_store_write_rollback(struct wf_store *s)
{
    assert(s->turn_taken);
    wf_store__rollback(s);
    wf_store__turn_end(s, false);
}
