/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes of the intake: everything about a file but writing it.
 *
 * A lane takes one request at a time. What needs no writing (unchanged, or known to fail) it
 * answers itself. A document's chunks gather in a parcel; when it is done, and good, the parcel is
 * handed to the writer whole, so that a document that fails never touches the database. Only one
 * larger than a parcel is handed over in parts while it is still being read: the writer then keeps
 * it invisible until its end, or throws it away.
 *
 * A document's title must stand before its first chunk is indexed, so it is settled at the first
 * handing over. */
#include <assert.h>
#include <string.h>

#include "ingest/intake_internal.h"
#include "os/file.h"
#include "os/thread.h"

/* Text between two progress calls. */
#define PROGRESS_TEXT_BYTES ((uint64_t)1 << 20)

/* A lane's own, reused from document to document. */
struct lane {
    struct wf_intake *in;
    struct wf_intake_job *job;
    struct wf_chunker *chunker;
    uint64_t n_told; /* text bytes at the last progress call */
};

/* ---- telling the caller ---- */

void wf_intake__deliver(struct wf_intake *in, struct wf_intake_job *job)
{
    if (job->failure.code != 0) {
        job->outcome = WF_INTAKE_FAILED;
    }
    bool added = job->outcome == WF_INTAKE_ADDED;
    bool failed = job->outcome == WF_INTAKE_FAILED;
    struct wf_str none = {NULL, 0};
    const struct wf_intake_result r = {
        .outcome = job->outcome,
        .path = job->req.path,
        .uid = failed ? none : wf_str_from(job->uid),
        .title = added ? wf_buf_str(&job->meta.title) : none,
        .warning = added ? wf_buf_str(&job->meta.warning) : none,
        .bytes = job->blob.bytes != 0 ? job->blob.bytes : job->req.stat.size,
        .code = failed ? job->failure.code : 0,
        .reason = failed ? wf_str_from(job->failure.msg) : none,
    };
    pthread_mutex_lock(&in->callback_mutex);
    job->req.done(job->req.ud, &r);
    pthread_mutex_unlock(&in->callback_mutex);
    wf_file_close(&job->req.fd);
    pthread_mutex_lock(&in->mutex);
    in->stats.n_added += added;
    in->stats.n_unchanged += job->outcome == WF_INTAKE_UNCHANGED;
    in->stats.n_known += job->outcome == WF_INTAKE_KNOWN;
    in->stats.n_failed += failed;
    in->stats.n_bytes += r.bytes;
    in->stats.n_text_bytes += added ? job->n_text_bytes : 0;
    assert(in->stats.n_waiting > 0);
    in->stats.n_waiting--;
    pthread_cond_broadcast(&in->cond_done);
    pthread_mutex_unlock(&in->mutex);
    wf_intake__job_free(job);
}

static void tell_progress(struct lane *l, enum wf_intake_phase phase, uint64_t n_done,
                          uint64_t n_all)
{
    struct wf_intake_job *job = l->job;
    if (job->req.progress == NULL) {
        return;
    }
    const struct wf_intake_progress p = {phase, n_done, n_all, job->n_text_bytes};
    pthread_mutex_lock(&l->in->callback_mutex);
    job->req.progress(job->req.ud, &p);
    pthread_mutex_unlock(&l->in->callback_mutex);
}

/* ---- ending early ---- */

static int check_canceled(const struct lane *l, struct wf_err *err)
{
    const struct wf_intake_job *job = l->job;
    if (atomic_load(&l->in->canceled) || atomic_load(&job->aborted) ||
        (job->req.cancel != NULL && atomic_load(job->req.cancel))) {
        return wf_err_set(err, WF_E_CANCELED, "it was canceled");
    }
    return 0;
}

/* ---- handing over ---- */

/* Gives the writer what the parcel holds; `last`: the lane is done, and the job is the writer's. */
static int hand_over(struct lane *l, bool last, struct wf_err *err)
{
    struct wf_intake *in = l->in;
    struct wf_intake_job *job = l->job;
    int status = 0;
    pthread_mutex_lock(&in->mutex);
    bool in_parts = job->is_ready; /* the writer may be waiting in the middle of it */
    while (job->is_handed && !atomic_load(&job->aborted)) {
        pthread_cond_wait(&in->cond_taken, &in->mutex);
    }
    if (atomic_load(&job->aborted)) {
        status = wf_err_set(err, WF_E_CANCELED, "it could not be written");
        wf_buf_reset(&job->parcel);
    } else {
        struct wf_buf swap = job->handed;
        job->handed = job->parcel;
        job->parcel = swap;
        wf_buf_reset(&job->parcel);
        job->is_handed = job->handed.len > 0;
    }
    if (!job->is_ready) {
        while (in->ready_bytes + wf_intake__job_bytes(job) > WF_INTAKE_READY_BYTES &&
               !wf_list_empty(&in->ready)) {
            pthread_cond_wait(&in->cond_taken, &in->mutex);
        }
        job->is_ready = true;
        wf_list_push(&in->ready, &job->node);
        in->ready_bytes += wf_intake__job_bytes(job);
    }
    job->ended = last;
    if (!last || in_parts ||
        in->ready_bytes >= WF_INTAKE_WAKE_BYTES) { /* else next_job wakes the writer */
        pthread_cond_signal(&in->cond_ready);
    }
    pthread_mutex_unlock(&in->mutex);
    return status;
}

static int on_chunk(void *ud, const struct wf_chunk *c, struct wf_err *err)
{
    struct lane *l = ud;
    struct wf_intake_job *job = l->job;
    int status = wf_intake__put_chunk(&job->parcel, c, err);
    if (status == 0 && job->parcel.len >= WF_INTAKE_PARCEL_BYTES) {
        if (!job->is_ready) { /* only this thread sets it */
            status = wf_intake__job_title(job, wf_chunker_first_heading(l->chunker), err);
        }
        if (status == 0) {
            status = hand_over(l, false, err);
        }
    }
    return status;
}

/* ---- reading the stream ---- */

static void take_meta(struct wf_intake_job *job, struct wf_str key, struct wf_str value)
{
    struct wf_intake_meta *m = &job->meta;
    const struct {
        struct wf_str key;
        struct wf_buf *out;
    } keys[] = {
        {WF_STR("title"), &m->title},   {WF_STR("type"), &m->type},
        {WF_STR("author"), &m->author}, {WF_STR("language"), &m->language},
        {WF_STR("date"), &m->written},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (keys[i].out == &m->title && job->is_ready) {
            continue; /* too late: the writer uses the one that was settled */
        }
        if (wf_str_eq(key, keys[i].key) && keys[i].out->len == 0) {
            (void)wf_buf_append_str(keys[i].out, value);
        }
    }
}

static void take_warning(struct wf_intake_job *job, struct wf_str sentence)
{
    struct wf_buf *w = &job->meta.warning;
    if (w->len + 1 + sentence.len > w->_max) {
        return; /* enough of them */
    }
    if (w->len > 0) {
        (void)wf_buf_append_byte(w, '\n');
    }
    (void)wf_buf_append_str(w, sentence);
}

static int on_frame(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    struct lane *l = ud;
    struct wf_intake_job *job = l->job;
    int status = check_canceled(l, err);
    if (status != 0) {
        return status;
    }
    switch (f->type) {
    case WF_STREAM_META:
        take_meta(job, f->key, f->text);
        break;
    case WF_STREAM_WARNING:
        take_warning(job, f->text);
        break;
    case WF_STREAM_PROGRESS:
        tell_progress(l, WF_INTAKE_READING, f->number, f->number_all);
        break;
    case WF_STREAM_PAGE:
        job->n_pages = f->number;
        break;
    case WF_STREAM_TEXT:
        job->n_text_bytes += f->text.len;
        break;
    case WF_STREAM_HEADING:
    case WF_STREAM_BORDER:
    case WF_STREAM_ERROR:
    case WF_STREAM_END:
        break;
    }
    if (job->n_text_bytes - l->n_told >= PROGRESS_TEXT_BYTES) {
        l->n_told = job->n_text_bytes;
        tell_progress(l, WF_INTAKE_READING, job->n_pages, 0);
    }
    return wf_chunker_feed(l->chunker, f, err);
}

/* ---- the way of one file ---- */

/* Will it fail again while the file and weft are the same? */
static bool is_lasting(int code)
{
    return code == WF_E_FORMAT || code == WF_E_ENCRYPTED || code == WF_E_UNSUPPORTED ||
           code == WF_E_LIMIT || code == WF_E_CRASHED || code == WF_E_TIMEOUT || code == WF_E_INVAL;
}

/* Nothing to do? Then *out_done, with the outcome in the job. */
static int look(struct lane *l, bool *out_done, struct wf_err *err)
{
    struct wf_intake_job *job = l->job;
    *out_done = false;
    if (job->req.path.len == 0 || job->forced) {
        return 0;
    }
    struct wf_arena arena;
    struct wf_source_known known;
    wf_arena_init(&arena, 4096, 1u << 20);
    int status =
        wf_intake_look(l->in, job->req.path, &job->req.stat, job->req.space, &arena, &known, err);
    if (status == 0 && known.state == WF_SOURCE_UNCHANGED) {
        memcpy(job->uid, known.uid, sizeof job->uid);
        job->outcome = WF_INTAKE_UNCHANGED;
        *out_done = true;
    } else if (status == 0 && known.state == WF_SOURCE_FAILED && !job->req.retry &&
               is_lasting(known.code)) {
        struct wf_err failure = WF_ERR_INIT;
        (void)wf_err_set(&failure, known.code, "%.*s", WF_STR_ARG(known.reason));
        wf_intake__job_fail(job, &failure);
        *out_done = true;
    }
    wf_arena_deinit(&arena);
    return status;
}

static int on_copied(void *ud, uint64_t n_done, struct wf_err *err)
{
    struct lane *l = ud;
    tell_progress(l, WF_INTAKE_COPYING, n_done, l->job->req.stat.size);
    return check_canceled(l, err);
}

static int copy(struct lane *l, struct wf_err *err)
{
    struct wf_intake_job *job = l->job;
    const char *file = job->req.file.len > 0 ? job->req.file.ptr : NULL;
    int status = wf_blob_adopt(l->in->store, file, job->req.fd, &job->blob, on_copied, l, err);
    if (status == 0 && job->req.hash != NULL &&
        memcmp(job->req.hash, job->blob.hash, WF_HASH_BYTES) != 0) {
        status = wf_err_set(err, WF_E_CORRUPT, "it is not the file that was asked for");
    }
    if (status != 0 || job->forced) {
        return status;
    }
    struct wf_reader *r = NULL;
    status = wf_store_reader_get(l->in->store, &r, err);
    if (status == 0) {
        status = wf_document_is_known(r, job->req.space, job->blob.hash, &job->known, err);
        wf_store_reader_put(l->in->store, r);
    }
    return status;
}

static int extract(struct lane *l, struct wf_err *err)
{
    struct wf_intake_job *job = l->job;
    wf_chunker_reset(l->chunker, l);
    l->n_told = 0;
    /* Plain text needs about its own size: one allocation instead of growing. A failure sticks and
     * is found when the first chunk is put. */
    uint64_t guess = job->blob.bytes + job->blob.bytes / 8 + 1024;
    (void)wf_buf_reserve(&job->parcel, (size_t)WF_MIN(guess, (uint64_t)WF_INTAKE_PARCEL_BYTES));
    int status = wf_extract_run(l->in->extract, job->req.fd, job->req.name.ptr, on_frame, l, err);
    if (status == 0) {
        status = wf_chunker_end(l->chunker, err);
    }
    if (status == 0 && job->n_text_bytes == 0) {
        status = wf_err_set(err, WF_E_FORMAT, "there is no text in it");
    }
    if (status == 0 && !job->is_ready) {
        status = wf_intake__job_title(job, wf_chunker_first_heading(l->chunker), err);
    }
    return status;
}

static void run(struct lane *l)
{
    struct wf_intake_job *job = l->job;
    struct wf_err err = WF_ERR_INIT;
    bool done = false;
    int status = check_canceled(l, &err);
    if (status == 0) {
        status = look(l, &done, &err);
    }
    if (done) {
        wf_intake__deliver(l->in, job);
        return;
    }
    if (status == 0) {
        status = copy(l, &err);
    }
    if (status == 0 && !job->known) {
        status = extract(l, &err);
    }
    if (status != 0) {
        wf_intake__job_fail(job, &err);
        wf_buf_reset(&job->parcel);
    }
    if (status != 0 || job->known) {
        wf_blob_drop(l->in->store, &job->blob);
    }
    if (!job->known) { /* else it may have to be read after all */
        wf_file_close(&job->req.fd);
    }
    (void)hand_over(l, true, &err); /* when it was aborted, the writer knows why */
}

static struct wf_intake_job *next_job(struct wf_intake *in)
{
    pthread_mutex_lock(&in->mutex);
    if (wf_list_empty(&in->queue) && !wf_list_empty(&in->ready)) {
        pthread_cond_signal(&in->cond_ready);
    }
    while (wf_list_empty(&in->queue) && !in->stop) {
        pthread_cond_wait(&in->cond_queue, &in->mutex);
    }
    struct wf_intake_job *job = NULL;
    if (!wf_list_empty(&in->queue)) {
        job = WF_CONTAINER(in->queue.next, struct wf_intake_job, node);
        wf_list_remove(&job->node);
        in->n_queued--;
        in->n_busy++;
        pthread_cond_signal(&in->cond_room);
    } else {
        in->n_lanes--; /* in the same breath: nobody may queue for a lane that ends */
        pthread_cond_signal(&in->cond_ready);
    }
    pthread_mutex_unlock(&in->mutex);
    return job;
}

void *wf_intake__lane(void *ud)
{
    struct wf_intake *in = ud;
    struct lane l = {.in = in};
    wf_thread_yield_to_others();
    l.chunker = wf_chunker_new(on_chunk, &l);
    while ((l.job = next_job(in)) != NULL) {
        if (l.chunker == NULL) { /* memory was short when the lane began */
            l.chunker = wf_chunker_new(on_chunk, &l);
        }
        if (l.chunker == NULL) {
            struct wf_err err = WF_ERR_INIT;
            (void)wf_err_set(&err, WF_E_NOMEM, "out of memory (reading a document)");
            wf_intake__job_fail(l.job, &err);
            wf_intake__deliver(in, l.job);
        } else {
            run(&l);
        }
        pthread_mutex_lock(&in->mutex);
        in->n_busy--;
        if (in->n_flush > 0 || in->stop) {
            pthread_cond_signal(&in->cond_ready); /* perhaps it was the last */
        }
        pthread_mutex_unlock(&in->mutex);
    }
    wf_chunker_free(l.chunker);
    return NULL;
}
