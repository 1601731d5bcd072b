/* What the files of store/ share; nobody outside the folder includes it. */
#ifndef WF_STORE_STORE_INTERNAL_H
#define WF_STORE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/list.h"
#include "store/sql.h"
#include "store/store.h"

#define WF_READER_SETUPS 4

struct wf_reader {
    struct wf_list node; /* in wf_store.idle while nobody has it */
    sqlite3 *db;
    struct wf_sql_cache cache;
    wf_reader_setup_fn setups[WF_READER_SETUPS];
    size_t n_setups;
};

struct wf_store {
    char *dir;
    struct wf_store_options o;
    int lock_fd; /* -1 when read-only */

    /* Turns of writing. The mutex (rank 1) guards the three counters; the connection, its cache and
     * the ids below belong to the thread whose turn it is. */
    pthread_mutex_t turn_mutex;
    pthread_cond_t turn_cond;
    uint64_t turn_next; /* the ticket the next asker draws */
    uint64_t turn_now;  /* the ticket that is served */
    bool turn_taken;    /* between begin and commit or rollback */
    sqlite3 *db;
    struct wf_sql_cache cache;
    int64_t next_document; /* ids that no row has or had since the store was opened */
    int64_t next_chunk;

    /* Idle readers; the mutex (rank 2) guards the list and the counters. */
    pthread_mutex_t idle_mutex;
    struct wf_list idle;
    size_t n_idle;
    size_t n_readers; /* handed out */
};

/* Opens one connection to the store's database with the settings that all have. */
int wf_store__connect(struct wf_store *s, bool writer, sqlite3 **out,
                      struct wf_err *err) WF_MUST_USE;

/* The writer's cached statement; the caller holds the turn. */
int wf_store__stmt(struct wf_store *s, const char *sql, sqlite3_stmt **out,
                   struct wf_err *err) WF_MUST_USE;

#endif
