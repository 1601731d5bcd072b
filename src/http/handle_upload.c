/* SPDX-License-Identifier: Apache-2.0 */
/* POST /weft/v1/documents: the files have arrived (upload.c); the intake takes them in, and the
 * answer comes when all of them are durable or refused, each with its own result. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "http/http_internal.h"
#include "ingest/intake.h"
#include "op/json.h"

#define ARENA_BYTES_MAX ((size_t)8 << 20)

struct batch {
    struct wf_request *r;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t fewer;
    size_t n_under_way;
    size_t n_added, n_failed;
    json_t *results; /* by the order of the files */
};

struct upload_job {
    struct batch *b;
    size_t i;
    const char *name;
};

static void settle(struct upload_job *job, enum wf_intake_outcome outcome, struct wf_str reason,
                   struct wf_str uid)
{
    struct batch *b = job->b;

    pthread_mutex_lock(&b->lock);
    json_array_set_new(b->results, job->i,
                       json_pack("{s:s, s:s, s:o, s:o}", "name", job->name, "status",
                                 wf_op_outcome(outcome), "reason", wf_json_str_or_null(reason),
                                 "document", wf_json_str_or_null(uid)));
    b->n_added += outcome == WF_INTAKE_ADDED;
    b->n_failed += outcome == WF_INTAKE_FAILED;
    b->n_under_way--;
    pthread_cond_signal(&b->fewer);
    pthread_mutex_unlock(&b->lock);
}

static void on_done(void *ud, const struct wf_intake_result *result)
{
    struct upload_job *job = ud;

    wf_op_publish_intake(job->b->r->http->o.ops, result);
    settle(job, result->outcome, result->reason, result->uid);
    wf_free(job);
}

static void submit(struct batch *b, struct wf_upload *u, size_t i)
{
    const char *space = json_string_value(json_object_get(b->r->query, "space"));
    struct upload_job *job = wf_alloc_array(1, sizeof(*job));
    struct wf_intake_request req = {.fd = u->fd,
                                    .name = wf_str_from(u->name),
                                    .stat = {.size = u->bytes},
                                    .space = wf_str_from(space),
                                    .retry = true,
                                    .commit_now = true,
                                    .done = on_done,
                                    .ud = job};
    struct wf_err err = WF_ERR_INIT;

    json_array_append_new(b->results, json_null());
    if (!job)
        return;
    *job = (struct upload_job){.b = b, .i = i, .name = u->name};
    pthread_mutex_lock(&b->lock);
    b->n_under_way++;
    pthread_mutex_unlock(&b->lock);
    if (wf_intake_add(b->r->http->o.ops->intake, &req, &err) != 0) {
        settle(job, WF_INTAKE_FAILED, wf_str_from(err.msg), wf_str_n(NULL, 0));
        wf_free(job);
    } else {
        u->fd = -1;
    }
}

/* Replaces the ids in the results by whole documents. */
static void complete_results(struct wf_request *r, json_t *results)
{
    struct wf_store *store = r->http->o.ops->store;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    json_t *v;
    size_t i;

    if (wf_store_reader_get(store, &reader, NULL) != 0)
        return;
    wf_arena_init(&arena, 0, ARENA_BYTES_MAX);
    json_array_foreach(results, i, v)
    {
        const char *uid = json_string_value(json_object_get(v, "document"));
        struct wf_document d;
        if (uid && wf_document_get(reader, wf_str_from(uid), &arena, &d, NULL) == 0)
            json_object_set_new(v, "document", wf_op_document_json(reader, &d, &arena, NULL));
    }
    wf_arena_deinit(&arena);
    wf_store_reader_put(store, reader);
}

static void answer_batch(struct batch *b)
{
    size_t n = json_array_size(b->results);
    json_t *body = json_pack("{s:O}", "results", b->results);

    if (b->n_failed == n)
        wf_answer_problem(b->r, 422, "FORMAT",
                          n == 1 ? wf_json_text(json_array_get(b->results, 0), "reason")
                                 : "None of the files could be read.",
                          body);
    else
        wf_answer_json(b->r, b->n_added > 0 || b->n_failed > 0 ? 201 : 200, body);
}

void wf_handle_upload(struct wf_request *r)
{
    struct batch b = {.r = r, .results = json_array()};
    struct wf_list *it, *tmp;
    size_t i = 0;

    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.fewer, NULL);
    WF_LIST_EACH(it, tmp, &r->uploads)
    submit(&b, WF_CONTAINER(it, struct wf_upload, node), i++);
    pthread_mutex_lock(&b.lock);
    while (b.n_under_way > 0)
        pthread_cond_wait(&b.fewer, &b.lock);
    pthread_mutex_unlock(&b.lock);
    wf_op_publish_documents(r->http->o.ops);
    complete_results(r, b.results);
    atomic_fetch_add_explicit(&r->http->counters.n_uploads, i, memory_order_relaxed);
    answer_batch(&b);
    json_decref(b.results);
    pthread_cond_destroy(&b.fewer);
    pthread_mutex_destroy(&b.lock);
}
