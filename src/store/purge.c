/* SPDX-License-Identifier: Apache-2.0 */
/* Purge: the background thread that destroys removed documents.
 *
 * A removed document stands in limbo. The way of its destruction, each step in turns of writing of
 * its own, each safe to repeat after a crash:
 *   1. text      its chunks and their index entries are deleted, some hundred at a time (stage 2)
 *   2. words     the index is merged into one piece: only then FTS5 drops removed words
 *   3. pages     free pages, which may hold old text, are cut off the file (incremental vacuum)
 *   4. blobs     the files that no other document has are removed
 *   5. log       a truncating checkpoint: the WAL held pages as they were
 *   6. limbo     the rows go; they hold no words any more since step 1
 * In-page remains are zeroed by secure_delete=FAST at each deletion.
 *
 * Steps 2 to 5 cost time in proportion to the whole index, so replaced documents wait for company:
 * LAZY_DELAY, and at least LAZY_FACTOR times as long as the last purge took. A failure (disk full)
 * is kept for wf_purge_wait and tried again after RETRY.
 *
 * States of the thread: idle -> (poked) waiting -> (time reached, or somebody waits) working ->
 * idle. The mutex (rank 3, never held while taking a turn) guards struct wf_purge. */
#include "store/purge.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "store/blob.h"
#include "store/chunk_index.h"
#include "store/store_internal.h"

#define URGENT_DELAY_MS 200
#define LAZY_DELAY_MS 30000
#define LAZY_FACTOR 20
#define RETRY_MS 10000
/* Chunks removed, and pages cut off, in one turn of writing. */
#define STEP_CHUNKS 512
#define STEP_PAGES "2000"
/* Turns for the pages of something small that was removed at once. */
#define PAGES_TURNS_MAX 32
/* How long a turn waits for readers before the log is tried again later. */
#define CHECKPOINT_WAIT_MS 100

struct wf_purge {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool started;
    bool stop;
    uint64_t n_poked;    /* removals so far, */
    uint64_t n_done;     /* and how many of them are destroyed */
    uint32_t n_waiters;  /* threads in wf_purge_wait */
    int64_t due_ms;      /* monotonic; when work shall begin */
    int64_t last_ms;     /* how long the last purge took */
    uint64_t n_failures; /* attempts that failed */
    struct wf_err failure;
};

static int64_t mono_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

/* ---- the steps ---- */

struct leaving {
    int64_t document;
    int64_t first_chunk;
    int64_t n_chunks;
    char title[WF_TITLE_BYTES_MAX]; /* as indexed */
    size_t title_n;
};

/* The next document whose text is to be removed; out->document 0 when there is none. */
static int next_leaving(struct wf_store *s, struct leaving *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT document,first_chunk,n_chunks,title FROM limbo WHERE stage=1 LIMIT 1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    out->document = 0;
    status = wf_sql_step(st, "reading what was removed", err);
    if (status == 1) {
        struct wf_str title = wf_sql_text(st, 3);
        assert(title.len <= sizeof out->title);
        memcpy(out->title, title.len > 0 ? title.ptr : "", title.len);
        out->title_n = title.len;
        out->document = sqlite3_column_int64(st, 0);
        out->first_chunk = sqlite3_column_int64(st, 1);
        out->n_chunks = sqlite3_column_int64(st, 2);
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

/* Notes how much of the document is left; its title goes with its last chunk. */
static int note_progress(struct wf_store *s, const struct leaving *d, struct wf_err *err)
{
    static const char sql[] = "UPDATE limbo SET n_chunks=?2, stage=iif(?2=0,2,1),"
                              " title=iif(?2=0,'',title) WHERE document=?1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, d->document);
    sqlite3_bind_int64(st, 2, d->n_chunks);
    return wf_sql_run(st, "noting what was removed", err);
}

/* Ends a turn: commits when all went well. */
static int end_turn(struct wf_store *s, int status, struct wf_err *err)
{
    if (status == 0) {
        return wf_store_write_commit(s, err);
    }
    wf_store_write_rollback(s);
    return status;
}

/* Removes up to STEP_CHUNKS chunks, of as many documents as that takes. */
static int step_text(struct wf_store *s, bool *out_done, struct wf_err *err)
{
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    bool done = false;
    struct leaving d;
    for (int64_t n_left = STEP_CHUNKS; status == 0 && !done && n_left > 0; n_left--) {
        status = next_leaving(s, &d, err);
        done = status == 0 && d.document == 0;
        if (status != 0 || done) {
            break;
        }
        int64_t n = WF_MIN(d.n_chunks, n_left);
        d.n_chunks -= n; /* from the end: what is left stays consecutive from first_chunk */
        status = wf_chunk_index_remove(s, d.first_chunk + d.n_chunks, n,
                                       wf_str_n(d.title, d.title_n), err);
        if (status == 0) {
            status = note_progress(s, &d, err);
        }
        n_left -= n;
    }
    status = end_turn(s, status, err);
    *out_done = status == 0 && done;
    return status;
}

static int step_words(struct wf_store *s, bool first, bool *out_done, struct wf_err *err)
{
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    status = wf_chunk_index_purge(s, first, out_done, err);
    return end_turn(s, status, err);
}

static int count(struct wf_store *s, const char *sql, int64_t *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    status = wf_sql_step(st, "counting what was removed", err);
    if (status == 1) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

static int step_pages(struct wf_store *s, bool *out_done, struct wf_err *err)
{
    static const char sql_free[] = "PRAGMA freelist_count";
    int64_t n_free = 0;
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    status = wf_sql_exec(s->db, "PRAGMA incremental_vacuum(" STEP_PAGES ")", err);
    if (status == 0) {
        status = count(s, sql_free, &n_free, err);
    }
    status = end_turn(s, status, err);
    *out_done = status == 0 && n_free == 0;
    return status;
}

/* Removes the blobs of documents whose text is gone. */
static int step_blobs(struct wf_store *s, struct wf_err *err)
{
    static const char sql[] = "SELECT hash FROM limbo WHERE stage=2";
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    sqlite3_stmt *st = NULL;
    status = wf_store__stmt(s, sql, &st, err);
    int row = 0;
    while (status == 0 && (row = wf_sql_step(st, "reading what was removed", err)) == 1) {
        struct wf_str hash = wf_sql_blob(st, 0);
        if (hash.len == WF_HASH_BYTES) {
            status = wf_blob_remove(s, (const uint8_t *)hash.ptr, err);
        }
    }
    sqlite3_reset(st);
    return end_turn(s, WF_MIN(status, row < 0 ? row : 0), err);
}

/* Truncates the log. A reader that began before keeps it: then *out_done is false. */
static int step_log(struct wf_store *s, bool *out_done, struct wf_err *err)
{
    wf_store__turn_take(s);
    sqlite3_busy_timeout(s->db, CHECKPOINT_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(s->db, WF_BUSY_TIMEOUT_MS);
    int status = rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY
                     ? 0
                     : wf_sql_err(err, s->db, rc, "emptying the log");
    wf_store__turn_give(s);
    *out_done = rc == SQLITE_OK;
    return status;
}

void wf_purge__pages_now(struct wf_store *s)
{
    bool done = false;
    int status = 0;
    for (int i = 0; i < PAGES_TURNS_MAX && status == 0 && !done; i++) {
        status = step_pages(s, &done, NULL);
    }
    if (status == 0) {
        (void)!step_log(s, &done, NULL); /* the next checkpoint does it, or the next removal */
    }
}

static int step_limbo(struct wf_store *s, int64_t document_max, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM limbo WHERE stage=2 AND document<=?";
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    sqlite3_stmt *st = NULL;
    status = wf_store__stmt(s, sql, &st, err);
    if (status == 0) {
        sqlite3_bind_int64(st, 1, document_max);
        status = wf_sql_run(st, "forgetting what was removed", err);
    }
    return end_turn(s, status, err);
}

/* ---- the thread ---- */

static bool must_stop(struct wf_purge *p)
{
    pthread_mutex_lock(&p->mutex);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->mutex);
    return stop;
}

/* Runs one kind of step until it is done. */
enum step {
    STEP_TEXT,
    STEP_WORDS,
    STEP_FREE_PAGES,
    STEP_LOG
};

static int repeat(struct wf_store *s, enum step kind, struct wf_err *err)
{
    bool done = false;
    int status = 0;
    for (bool first = true; status == 0 && !done; first = false) {
        if (must_stop(s->purge)) {
            return wf_err_set(err, WF_E_CANCELED, "The store is being closed.");
        }
        switch (kind) {
        case STEP_TEXT:
            status = step_text(s, &done, err);
            break;
        case STEP_WORDS:
            status = step_words(s, first, &done, err);
            break;
        case STEP_FREE_PAGES:
            status = step_pages(s, &done, err);
            break;
        case STEP_LOG:
            status = step_log(s, &done, err);
            if (status == 0 && !done) {
                nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* a reader is at it */
            }
            break;
        }
    }
    return status;
}

/* All steps. Documents that are removed meanwhile are left to the next run: their text may go in
 * step 1 of this one, but their words only if that was before step 2 began. */
static int purge_all(struct wf_store *s, struct wf_err *err)
{
    static const char sql_max[] = "SELECT coalesce(max(document),0) FROM limbo WHERE stage=2";
    static const enum step steps[] = {STEP_WORDS, STEP_FREE_PAGES};
    int64_t document_max = 0;
    int status = repeat(s, STEP_TEXT, err);
    if (status == 0) {
        wf_store__turn_take(s);
        status = count(s, sql_max, &document_max, err);
        wf_store__turn_give(s);
    }
    if (status != 0 || document_max == 0) {
        return status;
    }
    for (size_t i = 0; status == 0 && i < WF_ARRAY_LEN(steps); i++) {
        status = repeat(s, steps[i], err);
    }
    if (status == 0) {
        status = step_blobs(s, err);
    }
    if (status == 0) {
        status = repeat(s, STEP_LOG, err);
    }
    return status == 0 ? step_limbo(s, document_max, err) : status;
}

/* Waits until there is work and its time has come. False: stop. */
static bool wait_for_work(struct wf_purge *p)
{
    while (!p->stop) {
        int64_t now = mono_ms();
        bool work = p->n_poked > p->n_done;
        if (work && (p->n_waiters > 0 || now >= p->due_ms)) {
            return true;
        }
        if (!work) {
            pthread_cond_wait(&p->cond, &p->mutex);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ms = p->due_ms - now;
        until.tv_sec += ms / 1000;
        until.tv_nsec += (ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&p->cond, &p->mutex, &until);
    }
    return false;
}

static void *purge_main(void *ud)
{
    struct wf_store *s = ud;
    struct wf_purge *p = s->purge;
    pthread_mutex_lock(&p->mutex);
    while (wait_for_work(p)) {
        uint64_t n_poked = p->n_poked;
        pthread_mutex_unlock(&p->mutex);
        struct wf_err err = WF_ERR_INIT;
        int64_t start = mono_ms();
        int status = purge_all(s, &err);
        pthread_mutex_lock(&p->mutex);
        p->last_ms = mono_ms() - start;
        if (status == 0) {
            p->n_done = n_poked;
        } else {
            p->n_failures++;
            p->failure = err;
            p->due_ms = mono_ms() + RETRY_MS;
        }
        pthread_cond_broadcast(&p->cond);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Is anything to be destroyed, and is any of it urgent? */
static int look(struct wf_store *s, int64_t *out_n, int64_t *out_urgent, struct wf_err *err)
{
    static const char sql_n[] = "SELECT count(*) FROM limbo WHERE stage>0";
    static const char sql_urgent[] = "SELECT count(*) FROM limbo WHERE stage>0 AND urgent>0";
    wf_store__turn_take(s);
    int status = count(s, sql_n, out_n, err);
    if (status == 0) {
        status = count(s, sql_urgent, out_urgent, err);
    }
    wf_store__turn_give(s);
    return status;
}

void wf_purge__poke(struct wf_store *s)
{
    struct wf_purge *p = s->purge;
    int64_t n = 1;
    int64_t urgent = 1;
    if (look(s, &n, &urgent, NULL) != 0) {
        n = urgent = 1; /* then the thread meets the same failure and reports it */
    }
    pthread_mutex_lock(&p->mutex);
    int64_t delay = urgent > 0 ? URGENT_DELAY_MS : WF_MAX(LAZY_DELAY_MS, LAZY_FACTOR * p->last_ms);
    if (p->n_poked == p->n_done || mono_ms() + delay < p->due_ms) {
        p->due_ms = mono_ms() + delay;
    }
    p->n_poked++;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
}

/* What a crash left half written is removed like anything else. */
static int adopt_unfinished(struct wf_store *s, struct wf_err *err)
{
    static const char sql[] = "UPDATE limbo SET stage=1 WHERE stage=0";
    int status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    sqlite3_stmt *st = NULL;
    status = wf_store__stmt(s, sql, &st, err);
    if (status == 0) {
        status = wf_sql_run(st, "finding what was left unfinished", err);
    }
    return end_turn(s, status, err);
}

int wf_purge__start(struct wf_store *s, struct wf_err *err)
{
    int64_t n = 0;
    int64_t urgent = 0;
    int status = look(s, &n, &urgent, err);
    static const char sql_unfinished[] = "SELECT count(*) FROM limbo";
    int64_t n_all = 0;
    if (status == 0) {
        status = count(s, sql_unfinished, &n_all, err);
    }
    if (status == 0 && n_all > n) {
        status = adopt_unfinished(s, err);
    }
    struct wf_purge *p = status == 0 ? wf_alloc_array(1, sizeof *p) : NULL;
    if (p == NULL) {
        return status != 0 ? status : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->cond, &attr);
    pthread_condattr_destroy(&attr);
    p->n_poked = n_all > 0 ? 1 : 0;
    p->due_ms = mono_ms() + (urgent > 0 ? URGENT_DELAY_MS : LAZY_DELAY_MS);
    s->purge = p;
    if (s->o.is_stepped) {
        return 0;
    }
    int rc = pthread_create(&p->thread, NULL, purge_main, s);
    p->started = rc == 0;
    return rc == 0 ? 0 : wf_err_errno(err, rc, "cannot start a thread");
}

void wf_purge__stop(struct wf_store *s)
{
    struct wf_purge *p = s->purge;
    if (p == NULL) {
        return;
    }
    if (p->started) {
        pthread_mutex_lock(&p->mutex);
        p->stop = true;
        pthread_cond_broadcast(&p->cond);
        pthread_mutex_unlock(&p->mutex);
        pthread_join(p->thread, NULL);
    }
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->mutex);
    wf_free(p);
    s->purge = NULL;
}

/* ---- for others ---- */

bool wf_purge_pending(struct wf_store *s)
{
    struct wf_purge *p = s->purge;
    if (p == NULL) {
        return false;
    }
    pthread_mutex_lock(&p->mutex);
    bool pending = p->n_poked > p->n_done;
    pthread_mutex_unlock(&p->mutex);
    return pending;
}

int wf_purge_wait(struct wf_store *s, uint32_t timeout_ms, struct wf_err *err)
{
    struct wf_purge *p = s->purge;
    if (p == NULL) {
        return wf_err_set(err, WF_E_DENIED, "The store was opened for reading only.");
    }
    if (!p->started) {
        p->n_done = p->n_poked;
        return purge_all(s, err);
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000 + 1;
    pthread_mutex_lock(&p->mutex);
    uint64_t target = p->n_poked;
    uint64_t n_failures = p->n_failures;
    p->n_waiters++;
    pthread_cond_broadcast(&p->cond);
    int rc = 0;
    while (p->n_done < target && p->n_failures == n_failures && !p->stop && rc != ETIMEDOUT) {
        rc = timeout_ms == 0 ? pthread_cond_wait(&p->cond, &p->mutex)
                             : pthread_cond_timedwait(&p->cond, &p->mutex, &until);
    }
    p->n_waiters--;
    bool done = p->n_done >= target;
    struct wf_err failure = p->failure;
    bool failed = p->n_failures != n_failures;
    pthread_mutex_unlock(&p->mutex);
    if (done) {
        return 0;
    }
    if (failed) {
        return wf_err_set(err, failure.code, "%s", failure.msg);
    }
    return wf_err_set(err, WF_E_TIMEOUT,
                      "Removal goes on in the background: it was not finished in %u s.",
                      timeout_ms / 1000);
}
