/* SPDX-License-Identifier: Apache-2.0 */
/* The background thread: collects chunks without vectors, has them embedded, writes them.
 *
 *   looking -> a batch: pieces of one or several documents -> embedded, some at a time, with a look
 *   in between whether others work -> written in one transaction -> looking ... -> nothing is
 *   missing: waits for a poke
 *
 * Documents are looked at in the order of their ids, behind a cursor: ids only grow. What fails is
 * tried again later; when it was the embedding that failed, piece by piece, and a piece that fails
 * by itself is left out until the next start.
 *
 * Others come first: while they work the thread waits, but at most BUSY_MAX_MS for one group of
 * texts, so that it comes to an end at last. No lock is held while it embeds. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "find/meaning_internal.h"
#include "os/thread.h"
#include "store/sql.h"

/* Chunks of one transaction, and of one call of the embedder. */
#define BATCH_CHUNKS 64
#define GROUP_CHUNKS 16
#define BATCH_BYTES_MAX (4u << 20)
#define BUSY_LOOK_MS 50
#define BUSY_MAX_MS 1000
#define RETRY_MS 5000

struct batch {
    struct wf_vector_piece pieces[WF_VECTOR_PIECE];
    size_t n_pieces;
    struct wf_buf text;
    size_t ends[WF_VECTOR_PIECE]; /* of the chunks' texts in `text` */
    size_t n_chunks;
    float *vectors; /* [n_chunks, dim] */
    uint8_t *rows;  /* [n_chunks, WF_VECTOR_ROW_BYTES(dim)] */
};

struct work {
    struct wf_meaning *m;
    struct wf_str lens;
    size_t dim;
    int64_t cursor;    /* documents up to it are done */
    bool is_narrow;    /* one piece at a time, since something failed */
    bool is_embedding; /* what failed was the embedder */
    struct batch batch;
};

/* ---- waiting ---- */

static void set_state(struct wf_meaning *m, enum wf_meaning_state state)
{
    pthread_mutex_lock(&m->lock);
    m->state = state;
    pthread_cond_broadcast(&m->cond);
    pthread_mutex_unlock(&m->lock);
}

/* Sleeps until ms have passed or the end has come; true: the end. */
static bool sleep_ms(struct wf_meaning *m, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&m->lock);
    int rc = 0;
    while (!m->stop && rc == 0)
        rc = pthread_cond_timedwait(&m->cond, &m->lock, &until);
    bool stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

/* Lets others go first. True: the end. */
static bool give_way(struct wf_meaning *m)
{
    bool stop = sleep_ms(m, 0);
    if (stop || m->o.is_busy == NULL || !m->o.is_busy(m->o.busy_ud))
        return stop;
    set_state(m, WF_MEANING_PAUSED);
    for (int64_t ms = 0; !stop && ms < BUSY_MAX_MS && m->o.is_busy(m->o.busy_ud);
         ms += BUSY_LOOK_MS)
        stop = sleep_ms(m, BUSY_LOOK_MS);
    set_state(m, WF_MEANING_WORKING);
    return stop;
}

/* ---- collecting ---- */

static int append_chunk(struct batch *b, sqlite3_stmt *st, struct wf_err *err)
{
    assert(b->n_chunks < WF_VECTOR_PIECE);
    wf_meaning_passage(wf_sql_text(st, 0), wf_sql_text(st, 1), wf_sql_text(st, 2), &b->text);
    if (wf_buf_status(&b->text) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (vectors).");
    b->ends[b->n_chunks++] = b->text.len;
    return 0;
}

static int append_piece(struct work *w, struct wf_reader *r, int64_t document, int64_t first,
                        size_t n, struct wf_err *err)
{
    static const char sql[] = "SELECT d.title,c.heading,c.text FROM chunk c"
                              " JOIN document d ON d.id=c.document"
                              " WHERE c.id>=?1 AND c.id<?1+?2 AND d.id=?3 ORDER BY c.id";
    struct batch *b = &w->batch;
    size_t n_before = b->n_chunks;
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, (int64_t)n);
    sqlite3_bind_int64(st, 3, document);
    while ((status = wf_sql_step(st, "reading text for vectors", err)) == 1) {
        status = append_chunk(b, st, err);
        if (status != 0)
            break;
    }
    sqlite3_reset(st);
    if (status == 0 && b->n_chunks != n_before + n)
        status = wf_err_set(err, WF_E_CORRUPT,
                            "The database is damaged: a document without all "
                            "of its text.");
    if (status == 0)
        b->pieces[b->n_pieces++] = (struct wf_vector_piece){.document = document,
                                                            .first_chunk = first,
                                                            .n_chunks = (uint32_t)n,
                                                            .dim = (uint32_t)w->dim,
                                                            .lens = w->lens};
    return status;
}

/* Fills the batch from *io_cursor on; *out_end: behind it nothing is missing. */
static int collect(struct work *w, struct wf_reader *r, int64_t *io_cursor, bool *out_end,
                   struct wf_err *err)
{
    size_t n_max = w->m->o.n_chunks_at_once != 0 ? w->m->o.n_chunks_at_once : BATCH_CHUNKS;
    n_max = WF_MIN(n_max, (size_t)WF_VECTOR_PIECE);
    while (w->batch.n_chunks < n_max && w->batch.text.len < BATCH_BYTES_MAX / 2) {
        struct wf_vector_missing missing;
        int status = wf_vector_missing(r, w->lens, io_cursor, &missing, out_end, err);
        if (status != 0 || missing.n_chunks == 0)
            return status;
        size_t n = WF_MIN(n_max - w->batch.n_chunks, (size_t)missing.n_chunks);
        status = append_piece(w, r, missing.document, missing.first_chunk, n, err);
        if ((int64_t)n < missing.n_chunks)
            *io_cursor = missing.document - 1; /* it is not done */
        if (status != 0 || w->is_narrow)
            return status;
    }
    return 0;
}

/* ---- embedding, writing ---- */

static int embed(struct work *w, struct wf_err *err)
{
    struct batch *b = &w->batch;
    const struct wf_embedder *e = &w->m->o.embedder;
    struct wf_str texts[GROUP_CHUNKS];
    b->vectors = wf_alloc_array(b->n_chunks * w->dim, sizeof *b->vectors);
    b->rows = wf_alloc_array(b->n_chunks, WF_VECTOR_ROW_BYTES(w->dim));
    if (b->vectors == NULL || b->rows == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (vectors).");
    for (size_t i = 0; i < b->n_chunks; i += GROUP_CHUNKS) {
        size_t n = WF_MIN(b->n_chunks - i, (size_t)GROUP_CHUNKS);
        if (give_way(w->m))
            return wf_err_set(err, WF_E_CANCELED, "The store is being closed.");
        for (size_t k = 0; k < n; k++) {
            size_t start = i + k > 0 ? b->ends[i + k - 1] : 0;
            texts[k] = wf_str_sub(wf_buf_str(&b->text), start, b->ends[i + k]);
        }
        w->is_embedding = true;
        int status = e->embed(e->ud, texts, n, false, b->vectors + i * w->dim, err);
        if (status != 0)
            return status;
        w->is_embedding = false;
    }
    for (size_t i = 0; i < b->n_chunks; i++)
        wf_vector_pack(b->vectors + i * w->dim, w->dim, b->rows + i * WF_VECTOR_ROW_BYTES(w->dim));
    return 0;
}

/* Within the turn. Pieces of documents that went away meanwhile are left out (n_chunks 0). */
static int put_pieces(struct work *w, uint64_t *out_n, struct wf_err *err)
{
    const uint8_t *rows = w->batch.rows;
    *out_n = 0;
    for (size_t i = 0; i < w->batch.n_pieces; i++) {
        struct wf_vector_piece *p = &w->batch.pieces[i];
        size_t n_bytes = p->n_chunks * WF_VECTOR_ROW_BYTES(w->dim);
        p->data = wf_str_n((const char *)rows, n_bytes);
        rows += n_bytes;
        int status = wf_vector_put(w->m->o.store, p, err);
        if (status != 0 && status != WF_E_NOENT)
            return status;
        p->n_chunks = status == 0 ? p->n_chunks : 0;
        *out_n += p->n_chunks;
    }
    return 0;
}

static int write_pieces(struct work *w, struct wf_err *err)
{
    struct wf_meaning *m = w->m;
    uint64_t n = 0;
    int status = wf_store_write_begin(m->o.store, err);
    if (status != 0)
        return status;
    status = put_pieces(w, &n, err);
    if (status != 0) {
        wf_store_write_rollback(m->o.store);
        return status;
    }
    /* Before the commit: whoever takes one of the documents away does it after this turn, and must
     * find its rows. */
    for (size_t i = 0; i < w->batch.n_pieces; i++) {
        if (w->batch.pieces[i].n_chunks > 0)
            wf_vectors_add(m->vectors, &w->batch.pieces[i]);
    }
    status = wf_store_write_commit(m->o.store, err);
    for (size_t i = 0; status != 0 && i < w->batch.n_pieces; i++)
        wf_vectors_remove(m->vectors, w->batch.pieces[i].first_chunk, w->batch.pieces[i].n_chunks);
    pthread_mutex_lock(&m->lock);
    m->n_embedded += status == 0 ? n : 0;
    pthread_mutex_unlock(&m->lock);
    return status;
}

/* ---- steps ---- */

/* One batch. *out_end: nothing was missing. */
static int step(struct work *w, bool *out_end, struct wf_err *err)
{
    struct batch *b = &w->batch;
    struct wf_reader *r = NULL;
    int64_t cursor = w->cursor;
    *b = (struct batch){.n_pieces = 0};
    *out_end = false;
    w->is_embedding = false;
    int status = wf_store_reader_get(w->m->o.store, &r, err);
    if (status != 0)
        return status;
    wf_buf_init(&b->text, BATCH_BYTES_MAX);
    status = collect(w, r, &cursor, out_end, err);
    wf_store_reader_put(w->m->o.store, r);
    if (status == 0 && b->n_chunks > 0) {
        *out_end = false;
        status = embed(w, err);
        if (status == 0)
            status = write_pieces(w, err);
    }
    if (status == 0 || (w->is_embedding && w->is_narrow && status != WF_E_CANCELED))
        w->cursor = status == 0 ? cursor : WF_MAX(cursor, b->pieces[0].document);
    w->is_narrow = status != 0 && w->is_embedding;
    wf_buf_deinit(&b->text);
    wf_free(b->vectors);
    wf_free(b->rows);
    return status;
}

/* Embeds until nothing is missing, something fails or the end comes. */
static int look(struct work *w, struct wf_err *err)
{
    bool end = false;
    int status = 0;
    while (status == 0 && !end) {
        if (give_way(w->m))
            return WF_E_CANCELED;
        status = step(w, &end, err);
    }
    return status;
}

/* Waits for a poke that is not answered; false: the end has come. */
static bool wait_for_poke(struct wf_meaning *m, uint64_t *out_n_pokes)
{
    pthread_mutex_lock(&m->lock);
    while (!m->stop && (m->n_pokes == m->n_looked || m->state == WF_MEANING_ABSENT))
        pthread_cond_wait(&m->cond, &m->lock);
    *out_n_pokes = m->n_pokes;
    bool go_on = !m->stop;
    if (go_on)
        m->state = WF_MEANING_WORKING;
    pthread_mutex_unlock(&m->lock);
    return go_on;
}

static void note_end(struct wf_meaning *m, int status, const struct wf_err *err, uint64_t n_pokes)
{
    pthread_mutex_lock(&m->lock);
    if (status == 0) {
        m->state = WF_MEANING_IDLE;
        m->n_looked = n_pokes;
    } else {
        m->state = status == WF_E_UNSUPPORTED ? WF_MEANING_ABSENT : WF_MEANING_FAILED;
        m->why = *err;
    }
    pthread_cond_broadcast(&m->cond);
    pthread_mutex_unlock(&m->lock);
}

static bool is_end(void *ud)
{
    return sleep_ms(ud, 0);
}

static int look_at_all(struct work *w, struct wf_err *err)
{
    int status = wf_meaning__identify(w->m, err);
    if (status == 0 && w->dim == 0) {
        w->lens = wf_str_from(w->m->lens); /* both stay once they are known */
        w->dim = w->m->dim;
    }
    if (status == 0)
        status = wf_meaning__count(w->m, err);
    if (status == 0)
        status = look(w, err);
    if (status == 0 && w->dim > 0) /* without an index it goes on, only slower */
        (void)wf_vectors_make_index(w->m->vectors, is_end, w->m);
    return status == 0 ? wf_meaning__count(w->m, err) : status;
}

void *wf_meaning__work(void *ud)
{
    struct wf_meaning *m = ud;
    struct work *w = wf_alloc_array(1, sizeof *w);
    uint64_t n_pokes = 0;
    wf_thread_yield_to_others();
    if (w == NULL) {
        struct wf_err err = WF_ERR_INIT;
        int status = wf_err_set(&err, WF_E_NOMEM, "Out of memory (vectors).");
        note_end(m, status, &err, 0);
        return NULL;
    }
    w->m = m;
    while (wait_for_poke(m, &n_pokes)) {
        struct wf_err err = WF_ERR_INIT;
        int status = look_at_all(w, &err);
        if (status == WF_E_CANCELED && sleep_ms(m, 0))
            break;
        note_end(m, status, &err, n_pokes);
        if (status != 0 && sleep_ms(m, RETRY_MS))
            break;
    }
    wf_free(w);
    return NULL;
}
