/* What the files of store/ share; nobody outside the folder includes it. */
#ifndef WF_STORE_STORE_INTERNAL_H
#define WF_STORE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/list.h"
#include "store/sql.h"
#include "store/store.h"

#define WF_READER_SETUPS 4
/* Another process (a backup, the sqlite3 shell) may hold the lock for a moment. */
#define WF_BUSY_TIMEOUT_MS 5000

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
    int64_t next_draft; /* who still has a removed one open must not meet another */
    bool removed;       /* this transaction put something into limbo that is to be destroyed */
    bool must_sweep;    /* a blob without a document could not be removed */
    struct wf_chunk_range *spans; /* of documents that this transaction takes away (vector.c) */
    size_t n_spans, n_spans_room;
    bool marked_adding; /* tmp/ says that a sweep may be needed (blob.c) */
    int pack_fd;        /* the turn's pack; -1: none yet (pack.c) */
    int64_t pack;       /* the highest number used */
    uint64_t pack_end;
    bool pack_synced;

    /* Idle readers; the mutex (rank 2) guards the list and the counters. */
    pthread_mutex_t idle_mutex;
    struct wf_list idle;
    size_t n_idle;
    size_t n_readers; /* handed out */

    wf_store_removed_fn on_removed; /* set before there are other threads */
    void *on_removed_ud;

    struct wf_purge *purge; /* background destruction (purge.c); NULL when read-only */
};

/* limbo.stage */
enum wf_limbo_stage {
    WF_LIMBO_WRITING = 0,
    WF_LIMBO_LEAVING = 1,
    WF_LIMBO_TEXT_GONE = 2,
};

/* Takes and ends a turn of writing without a transaction. */
void wf_store__turn_take(struct wf_store *s);
void wf_store__turn_give(struct wf_store *s);
/* The parts of committing and rolling back: the transaction (a failed commit rolls back), then the
 * turn. */
int wf_store__commit(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
void wf_store__rollback(struct wf_store *s);
void wf_store__turn_end(struct wf_store *s, bool committed);

/* Starts the thread that destroys what was removed; stops it (after its current step). */
int wf_purge__start(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
void wf_purge__stop(struct wf_store *s);
/* Cuts free pages off the file and empties the log, as far as nobody reads there: after something
 * small was removed that no index holds. Takes turns of writing. */
void wf_purge__pages_now(struct wf_store *s);
/* Something was removed and committed. */
void wf_purge__poke(struct wf_store *s);

/* Removes the vectors of a document that is about to be taken away, and notes its chunks for
 * on_removed. NOMEM and those of SQL. */
int wf_vector__remove(struct wf_store *s, int64_t document, struct wf_err *err) WF_MUST_USE;

/* Opens one connection to the store's database with the settings that all have. */
int wf_store__connect(struct wf_store *s, bool writer, sqlite3 **out,
                      struct wf_err *err) WF_MUST_USE;

/* The writer's cached statement; the caller holds the turn. */
int wf_store__stmt(struct wf_store *s, const char *sql, sqlite3_stmt **out,
                   struct wf_err *err) WF_MUST_USE;

/* Says in tmp/ that files may come into blobs/ or packs/ whose commit does not. */
int wf_blob__mark_adding(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
/* At a clean close: no sweep is needed at the next open. */
void wf_blob__forget_mark(struct wf_store *s);

/* ---- thread.c ---- */

/* What a thread that begins with that question is called. Borrowed from it. */
struct wf_str wf_thread__title(struct wf_str question);

#endif
