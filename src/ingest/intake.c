/* SPDX-License-Identifier: Apache-2.0 */
/* Intake, the callers' side: accepting, asking, waiting, ending.
 *
 *     wf_intake_add -> queue -> lane (intake_lane.c): unchanged? copy and hash, known? extract, cut
 *        -> ready -> writer (intake_write.c): store, commit with others -> done
 *
 * The queue is bounded, so that callers wait instead of opening a million files. A request is
 * counted as waiting from its acceptance to its callback; flush waits for that count. */
#include "ingest/intake.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "ingest/intake_internal.h"
#include "os/file.h"
#include "os/thread.h"

static void init_sync(struct wf_intake *in)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&in->cond_ready, &monotonic); /* the one that is waited for with a time */
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&in->cond_room, NULL);
    pthread_cond_init(&in->cond_queue, NULL);
    pthread_cond_init(&in->cond_taken, NULL);
    pthread_cond_init(&in->cond_done, NULL);
    pthread_mutex_init(&in->mutex, NULL);
    pthread_mutex_init(&in->callback_mutex, NULL);
}

static int start_threads(struct wf_intake *in, struct wf_err *err)
{
    int rc = pthread_create(&in->writer, NULL, wf_intake__writer, in);
    in->has_writer = rc == 0;
    size_t n = WF_MIN(wf_cpu_count(), (size_t)WF_INTAKE_LANES_MAX);
    pthread_mutex_lock(&in->mutex);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = pthread_create(&in->lanes[i], NULL, wf_intake__lane, in);
        in->n_lanes += rc == 0;
    }
    pthread_mutex_unlock(&in->mutex);
    if (rc != 0) {
        return wf_err_set(err, WF_E_BUSY, "The system has no room for more threads: %s.",
                          strerror(rc));
    }
    return 0;
}

int wf_intake_new(struct wf_store *s, struct wf_extract_client *extract, struct wf_intake **out,
                  struct wf_err *err)
{
    struct wf_intake *in = wf_alloc_array(1, sizeof *in);
    if (in == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (starting the intake).");
    }
    in->store = s;
    in->extract = extract;
    atomic_init(&in->canceled, false);
    wf_list_init(&in->queue);
    wf_list_init(&in->ready);
    wf_list_init(&in->group);
    init_sync(in);
    int status = start_threads(in, err);
    if (status != 0) {
        wf_intake_free(in);
        return status;
    }
    *out = in;
    return 0;
}

void wf_intake_free(struct wf_intake *in)
{
    if (in == NULL) {
        return;
    }
    pthread_mutex_lock(&in->mutex);
    in->stop = true;
    size_t n_lanes = in->n_lanes;
    pthread_cond_broadcast(&in->cond_queue);
    pthread_cond_broadcast(&in->cond_ready);
    pthread_mutex_unlock(&in->mutex);
    for (size_t i = 0; i < n_lanes; i++) {
        pthread_join(in->lanes[i], NULL);
    }
    if (in->has_writer) {
        pthread_join(in->writer, NULL);
    }
    assert(wf_list_empty(&in->queue) && wf_list_empty(&in->ready) && in->n_group == 0);
    pthread_cond_destroy(&in->cond_ready);
    pthread_cond_destroy(&in->cond_room);
    pthread_cond_destroy(&in->cond_queue);
    pthread_cond_destroy(&in->cond_taken);
    pthread_cond_destroy(&in->cond_done);
    pthread_mutex_destroy(&in->mutex);
    pthread_mutex_destroy(&in->callback_mutex);
    wf_free(in);
}

int wf_intake_add(struct wf_intake *in, const struct wf_intake_request *req, struct wf_err *err)
{
    assert(req->done != NULL);
    if (req->fd < 0) {
        return wf_err_set(err, WF_E_INVAL, "A file to take in must be open.");
    }
    if (req->path.len > WF_LIMIT_PATH_BYTES || req->name.len > WF_LIMIT_PATH_BYTES) {
        return wf_err_set(err, WF_E_INVAL, "The path of a file to take in is too long.");
    }
    struct wf_intake_job *job = wf_intake__job_new(req);
    if (job == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (taking in a file).");
    }
    pthread_mutex_lock(&in->mutex);
    while (in->n_queued >= WF_INTAKE_QUEUE_MAX && !atomic_load(&in->canceled)) {
        pthread_cond_wait(&in->cond_room, &in->mutex);
    }
    bool canceled = atomic_load(&in->canceled);
    if (!canceled) {
        wf_list_push(&in->queue, &job->node);
        in->n_queued++;
        in->stats.n_waiting++;
        pthread_cond_signal(&in->cond_queue);
    }
    pthread_mutex_unlock(&in->mutex);
    if (canceled) {
        wf_intake__job_free(job);
        return wf_err_set(err, WF_E_CANCELED, "Taking in files was canceled.");
    }
    return 0;
}

int wf_intake_look(struct wf_intake *in, struct wf_str path, const struct wf_source_stat *st,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int status = wf_store_reader_get(in->store, &r, err);
    if (status != 0) {
        return status;
    }
    status = wf_source_look(r, path, st, space.len > 0 ? space : WF_STR("me"), arena, out, err);
    wf_store_reader_put(in->store, r);
    return status;
}

void wf_intake_flush(struct wf_intake *in)
{
    pthread_mutex_lock(&in->mutex);
    in->n_flush++;
    pthread_cond_signal(&in->cond_ready);
    while (in->stats.n_waiting > 0) {
        pthread_cond_wait(&in->cond_done, &in->mutex);
    }
    in->n_flush--;
    pthread_mutex_unlock(&in->mutex);
}

void wf_intake_cancel(struct wf_intake *in)
{
    pthread_mutex_lock(&in->mutex);
    atomic_store(&in->canceled, true);
    pthread_cond_broadcast(&in->cond_room);
    pthread_cond_broadcast(&in->cond_ready);
    pthread_mutex_unlock(&in->mutex);
}

struct wf_intake_stats wf_intake_stats(struct wf_intake *in)
{
    pthread_mutex_lock(&in->mutex);
    struct wf_intake_stats stats = in->stats;
    pthread_mutex_unlock(&in->mutex);
    return stats;
}
