/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the intake: one thread, one transaction for many documents.
 *
 * States: closed (no transaction) -> open (a group gathers) -> committed or failed -> closed. The
 * group is committed by size, by age, when nothing is ready for a moment, when somebody asks, and
 * when another thread wants to write. Everything about a document of the group is told after that:
 * one failure of the database fails the whole group, since all of it was rolled back.
 *
 * A large document arrives in parts. Between two parts the group may be committed: the document is
 * parked (store/document.h), so that nobody sees it and a crash leaves it to the sweep.
 *
 * Invariants: (1) the thread holds the turn of writing exactly while in_turn. (2) A job is in the
 * group only when its lane has ended. (3) Every job that came out of the ready list is delivered
 * once, or goes back to the queue. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ingest/intake_internal.h"
#include "os/heap.h"
#include "os/thread.h"

/* The page cache, the index's words that are not written yet, and a group of documents. */
#define WRITER_HEAP_BYTES ((size_t)40 << 20)

static int64_t mono_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

/* ---- the group ---- */

static int open_group(struct wf_intake *in, struct wf_err *err)
{
    if (in->in_turn) {
        return 0;
    }
    int status = wf_store_write_begin(in->store, err);
    if (status == 0) {
        in->in_turn = true;
        in->group_since_ms = mono_ms();
    }
    return status;
}

static void join_group(struct wf_intake *in, struct wf_intake_job *job)
{
    wf_list_push(&in->group, &job->node);
    in->n_group++;
    in->commit_soon = in->commit_soon || job->req.commit_now;
    wf_buf_deinit(&job->handed);
    wf_buf_deinit(&job->parcel);
}

/* Tells the callers of the group; `failure` NULL: all of it is durable. */
static void deliver_group(struct wf_intake *in, const struct wf_err *failure)
{
    struct wf_list *it = NULL;
    struct wf_list *tmp = NULL;
    WF_LIST_EACH(it, tmp, &in->group)
    {
        struct wf_intake_job *job = WF_CONTAINER(it, struct wf_intake_job, node);
        wf_list_remove(&job->node);
        if (failure != NULL) {
            wf_intake__job_fail(job, failure);
        }
        wf_intake__deliver(in, job);
    }
    in->n_group = 0;
    in->group_text = 0;
    in->commit_soon = false;
}

/* The database failed: rolls back and tells all. */
static void fail_group(struct wf_intake *in, const struct wf_err *err)
{
    struct wf_list *it = NULL;
    struct wf_list *tmp = NULL;
    if (in->in_turn) {
        wf_store_write_rollback(in->store);
        in->in_turn = false;
    }
    WF_LIST_EACH(it, tmp, &in->group)
    {
        wf_blob_drop(in->store, &WF_CONTAINER(it, struct wf_intake_job, node)->blob);
    }
    deliver_group(in, err);
}

/* The copies that the documents of the group need. */
static size_t group_blobs(struct wf_intake *in, struct wf_blob **out)
{
    size_t n = 0;
    struct wf_list *it = NULL;
    struct wf_list *tmp = NULL;
    WF_LIST_EACH(it, tmp, &in->group)
    {
        struct wf_intake_job *job = WF_CONTAINER(it, struct wf_intake_job, node);
        if (job->failure.code == 0 && job->outcome == WF_INTAKE_ADDED) {
            out[n++] = &job->blob;
        }
    }
    return n;
}

static int commit_group(struct wf_intake *in, struct wf_err *err)
{
    if (!in->in_turn) {
        deliver_group(in, NULL);
        return 0;
    }
    struct wf_blob **blobs = wf_alloc_array(in->n_group + 1, sizeof *blobs);
    if (blobs == NULL) {
        int status = wf_err_set(err, WF_E_NOMEM, "out of memory (committing)");
        fail_group(in, err);
        return status;
    }
    size_t n = group_blobs(in, blobs);
    int status = wf_blob_commit(in->store, blobs, n, err);
    in->in_turn = false;
    wf_free(blobs);
    pthread_mutex_lock(&in->mutex);
    in->stats.n_commits += status == 0;
    pthread_mutex_unlock(&in->mutex);
    deliver_group(in, status == 0 ? NULL : err);
    return status;
}

static bool is_full(struct wf_intake *in)
{
    return in->group_text >= WF_INTAKE_GROUP_TEXT || in->n_group >= WF_INTAKE_GROUP_JOBS ||
           in->commit_soon ||
           (in->in_turn && (mono_ms() - in->group_since_ms >= WF_INTAKE_GROUP_MS ||
                            wf_store_write_wanted(in->store)));
}

/* ---- one document ---- */

static int write_parcel(struct wf_intake *in, struct wf_intake_job *job, struct wf_str parcel,
                        struct wf_err *err)
{
    struct wf_chunk_row c;
    size_t i = 0;
    int status = open_group(in, err);
    if (status == 0 && !job->begun) {
        wf_incoming_begin(in->store, &job->incoming);
        job->begun = true;
    }
    while (status == 0 && wf_intake__get_chunk(parcel, &i, &c)) {
        status =
            wf_incoming_chunk(in->store, &job->incoming, wf_buf_str(&job->meta.title), &c, err);
        in->group_text += c.text.len;
    }
    return status;
}

/* Takes the next part of a document that is still being read; false when all of it was taken. */
static bool take_part(struct wf_intake *in, struct wf_intake_job *job, struct wf_buf *out)
{
    pthread_mutex_lock(&in->mutex);
    while (!job->is_handed && !job->ended) {
        pthread_cond_wait(&in->cond_ready, &in->mutex);
    }
    bool any = job->is_handed;
    if (any) {
        struct wf_buf swap = job->handed;
        job->handed = *out;
        *out = swap;
        job->is_handed = false;
        pthread_cond_broadcast(&in->cond_taken);
    }
    pthread_mutex_unlock(&in->mutex);
    return any;
}

/* Commits what there is in the middle of a document. */
static int commit_between(struct wf_intake *in, struct wf_intake_job *job, struct wf_err *err)
{
    int status = wf_incoming_park(in->store, &job->incoming, job->blob.hash,
                                  wf_buf_str(&job->meta.title), err);
    if (status != 0) {
        fail_group(in, err);
        return status;
    }
    return commit_group(in, err);
}

/* Writes all parts as they come. On failure the lane is told, and waited for. */
static int write_parts(struct wf_intake *in, struct wf_intake_job *job, struct wf_err *err)
{
    struct wf_buf part;
    wf_buf_init(&part, job->parcel._max);
    int status = 0;
    while (take_part(in, job, &part)) {
        if (status == 0) {
            status = write_parcel(in, job, wf_buf_str(&part), err);
            if (status == 0 && is_full(in)) {
                status = commit_between(in, job, err);
            } else if (status != 0) {
                fail_group(in, err);
            }
        }
        if (status != 0) {
            atomic_store(&job->aborted, true);
            pthread_mutex_lock(&in->mutex);
            pthread_cond_broadcast(&in->cond_taken);
            pthread_mutex_unlock(&in->mutex);
        }
        wf_buf_reset(&part);
    }
    wf_buf_deinit(&part);
    return status;
}

static int name_source(struct wf_intake *in, struct wf_intake_job *job, int64_t document,
                       struct wf_err *err)
{
    if (job->req.path.len == 0) {
        return wf_document_keep(in->store, document, err);
    }
    return wf_source_set(in->store, job->req.path, document, &job->req.stat, err);
}

static int finish_document(struct wf_intake *in, struct wf_intake_job *job, int64_t space,
                           struct wf_err *err)
{
    const struct wf_document_new d = {
        .space = space,
        .hash = job->blob.hash,
        .title = wf_buf_str(&job->meta.title),
        .type = wf_buf_str(&job->meta.type),
        .author = wf_buf_str(&job->meta.author),
        .language = wf_buf_str(&job->meta.language),
        .written = wf_buf_str(&job->meta.written),
        .label = job->req.label,
        .uid = job->req.uid,
        .warning = wf_buf_str(&job->meta.warning),
        .bytes = job->blob.bytes,
        .n_pages = job->n_pages,
        .modified_ms = job->req.stat.mtime_ns / 1000000,
        .kept = job->req.path.len == 0,
    };
    int status = wf_incoming_finish(in->store, &job->incoming, &d, job->uid, err);
    if (status == 0) {
        status = wf_blob_stage(in->store, &job->blob, err);
    }
    if (status == 0) {
        job->outcome = WF_INTAKE_ADDED;
        status = name_source(in, job, job->incoming.id, err);
    }
    return status;
}

/* Its content is a document already: only the path is new. */
static int finish_known(struct wf_intake *in, struct wf_intake_job *job, int64_t document,
                        struct wf_err *err)
{
    int status = 0;
    if (job->begun) {
        status = wf_incoming_abandon(in->store, &job->incoming, job->blob.hash,
                                     wf_buf_str(&job->meta.title), err);
    }
    wf_blob_drop(in->store, &job->blob);
    job->outcome = WF_INTAKE_KNOWN;
    return status == 0 ? name_source(in, job, document, err) : status;
}

static int finish_failed(struct wf_intake *in, struct wf_intake_job *job, struct wf_err *err)
{
    int status = 0;
    if (job->begun) {
        status = wf_incoming_abandon(in->store, &job->incoming, job->blob.hash,
                                     wf_buf_str(&job->meta.title), err);
    }
    wf_blob_drop(in->store, &job->blob);
    bool lasting = job->failure.code != WF_E_CANCELED;
    if (status == 0 && lasting && job->req.path.len > 0) {
        status = wf_failed_set(in->store, job->req.path, &job->req.stat, job->failure.code,
                               wf_str_from(job->failure.msg), err);
    }
    return status;
}

static void fail_canceled(struct wf_intake_job *job)
{
    struct wf_err err = WF_ERR_INIT;
    (void)wf_err_set(&err, WF_E_CANCELED, "it was canceled");
    wf_intake__job_fail(job, &err);
}

/* A look said that the content is known, but the document was removed since: the lanes begin anew
 * with it. */
static void send_back(struct wf_intake *in, struct wf_intake_job *job)
{
    job->known = false;
    job->forced = true;
    pthread_mutex_lock(&in->mutex);
    bool sent = in->n_lanes > 0;
    if (sent) {
        job->is_ready = job->ended = false;
        wf_list_add(&in->queue, &job->node);
        in->n_queued++;
        pthread_cond_signal(&in->cond_queue);
    }
    pthread_mutex_unlock(&in->mutex);
    if (!sent) { /* the intake is ending */
        fail_canceled(job);
        wf_intake__deliver(in, job);
    }
}

/* All text is written (or none is needed). *out_back: the job went back to the lanes. */
static int finish(struct wf_intake *in, struct wf_intake_job *job, bool *out_back,
                  struct wf_err *err)
{
    int64_t space = 0;
    int64_t known = 0;
    int status = open_group(in, err);
    if (status == 0 && job->failure.code != 0) {
        return finish_failed(in, job, err);
    }
    if (status == 0) {
        status = wf_space_id(in->store, job->req.space, true, &space, err);
    }
    if (status == 0) {
        status = wf_document_by_hash(in->store, space, job->blob.hash, &known, job->uid, err);
    }
    if (status != 0) {
        return status;
    }
    if (known != 0) {
        return finish_known(in, job, known, err);
    }
    if (job->known) {
        *out_back = true;
        return 0;
    }
    return finish_document(in, job, space, err);
}

/* A canceled job that nothing was written of needs no transaction. */
static bool is_idle_failure(const struct wf_intake_job *job)
{
    return job->failure.code == WF_E_CANCELED && !job->begun;
}

static void write_job(struct wf_intake *in, struct wf_intake_job *job)
{
    struct wf_err err = WF_ERR_INIT;
    bool back = false;
    if (atomic_load(&in->canceled) && job->ended) {
        fail_canceled(job);
        wf_buf_reset(&job->handed);
        job->is_handed = false;
    }
    if (write_parts(in, job, &err) != 0) { /* rolled back: what was parked is to be swept */
        wf_intake__job_fail(job, &err);
    }
    if (is_idle_failure(job)) {
        wf_blob_drop(in->store, &job->blob);
        wf_intake__deliver(in, job);
        return;
    }
    int status = finish(in, job, &back, &err);
    if (back) {
        send_back(in, job);
        return;
    }
    join_group(in, job);
    if (status != 0) {
        wf_intake__job_fail(job, &err);
        fail_group(in, &err);
    }
}

/* ---- the thread ---- */

static bool is_group_open(const struct wf_intake *in)
{
    return in->in_turn || in->n_group > 0;
}

/* Nothing is ready and a group is open: waits a moment. True: commit now. Mutex held. */
static bool wait_for_company(struct wf_intake *in)
{
    if ((in->n_flush > 0 || in->stop) && in->n_busy == 0 && in->n_queued == 0) {
        return true; /* nothing will come */
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WF_INTAKE_IDLE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return pthread_cond_timedwait(&in->cond_ready, &in->mutex, &until) != 0 &&
           wf_list_empty(&in->ready);
}

/* The next job, or NULL: *out_commit, or the end. */
static struct wf_intake_job *next_ready(struct wf_intake *in, bool *out_commit)
{
    struct wf_intake_job *job = NULL;
    *out_commit = false;
    pthread_mutex_lock(&in->mutex);
    while (wf_list_empty(&in->ready) && !*out_commit) {
        if (is_group_open(in)) {
            *out_commit = wait_for_company(in);
        } else if (in->stop && in->n_lanes == 0) {
            break;
        } else {
            pthread_cond_wait(&in->cond_ready, &in->mutex);
        }
    }
    if (!wf_list_empty(&in->ready)) {
        job = WF_CONTAINER(in->ready.next, struct wf_intake_job, node);
        wf_list_remove(&job->node);
        in->ready_bytes -= WF_MIN(in->ready_bytes, wf_intake__job_bytes(job));
        *out_commit = false;
        pthread_cond_broadcast(&in->cond_taken);
    }
    pthread_mutex_unlock(&in->mutex);
    return job;
}

void *wf_intake__writer(void *ud)
{
    struct wf_intake *in = ud;
    bool commit = false;
    struct wf_intake_job *job = NULL;
    wf_heap_prepare(WRITER_HEAP_BYTES);
    wf_thread_yield_to_others();
    while ((job = next_ready(in, &commit)) != NULL || commit) {
        struct wf_err err = WF_ERR_INIT;
        if (job != NULL) {
            write_job(in, job);
        }
        if (commit || is_full(in)) {
            (void)commit_group(in, &err); /* the callers were told */
        }
    }
    assert(!in->in_turn && in->n_group == 0);
    return NULL;
}
