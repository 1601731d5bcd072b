/* SPDX-License-Identifier: Apache-2.0 */
/* The core's half of "add" (daemon/add.h): looks at stats, hands descriptors to the intake, and
 * tells the client what became of each.
 *
 * Two threads send on the socket: this one answers stats, the intake's tells results. One mutex
 * keeps their frames apart. A client that hangs up does not stop what it has handed over: those
 * files are finished, and nobody is told. */
#include "daemon/serve.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>

#include "base/alloc.h"
#include "daemon/add.h"
#include "ingest/intake.h"
#include "op/json.h"
#include "os/file.h"

struct session {
    struct wf_op_context *ctx;
    int fd;
    struct wf_str space;
    bool retry;
    pthread_mutex_t lock; /* guards sending, n_under_way and gone */
    pthread_cond_t fewer; /* n_under_way fell */
    size_t n_under_way;
    bool gone; /* the client does not take frames any more */
};

/* One file under way; lives until its `done`. */
struct file {
    struct session *s;
    json_int_t id;
};

static int send_locked(struct session *s, json_t *frame, struct wf_err *err)
{
    int rc = 0;

    if (s->gone)
        json_decref(frame);
    else
        rc = wf_serve__send(s->fd, frame, err);
    if (rc != 0)
        s->gone = true;
    return rc;
}

static int send_now(struct session *s, json_t *frame, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = send_locked(s, frame, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void on_done(void *ud, const struct wf_intake_result *r)
{
    struct file *f = ud;
    struct session *s = f->s;
    json_t *frame = json_pack("{s:{s:I, s:s, s:o, s:o}}", "done", "id", f->id, "status",
                              wf_op_outcome(r->outcome), "reason", wf_json_str_or_null(r->reason),
                              "document", wf_json_str_or_null(r->uid));
    int rc;

    wf_free(f);
    wf_op_publish_intake(s->ctx, r);
    pthread_mutex_lock(&s->lock);
    assert(s->n_under_way > 0);
    rc = send_locked(s, frame, NULL);
    (void)rc; /* remembered as `gone` */
    s->n_under_way--;
    pthread_cond_signal(&s->fewer);
    pthread_mutex_unlock(&s->lock);
}

static void on_progress(void *ud, const struct wf_intake_progress *p)
{
    struct file *f = ud;
    int rc = send_now(f->s,
                      json_pack("{s:{s:I, s:I, s:I}}", "progress", "id", f->id, "done",
                                (json_int_t)p->n_done, "all", (json_int_t)p->n_all),
                      NULL);

    (void)rc; /* remembered as `gone` */
}

/* [path, bytes, mtime_ns, ino, dev] */
static int read_description(const json_t *v, struct wf_str *out_path, struct wf_source_stat *out,
                            struct wf_err *err)
{
    json_int_t n[4];

    if (!json_is_string(json_array_get(v, 0)))
        return wf_err_set(err, WF_E_INVAL,
                          "A file is described by [path, bytes, mtime, ino, dev].");
    for (size_t i = 0; i < WF_ARRAY_LEN(n); i++)
        n[i] = json_integer_value(json_array_get(v, i + 1));
    *out_path =
        wf_str_n(json_string_value(json_array_get(v, 0)), json_string_length(json_array_get(v, 0)));
    *out = (struct wf_source_stat){
        .size = (uint64_t)n[0], .mtime_ns = n[1], .ino = (uint64_t)n[2], .dev = (uint64_t)n[3]};
    return 0;
}

static int look_at_one(struct session *s, const json_t *v, size_t i, struct wf_arena *arena,
                       json_t *need, json_t *failed, struct wf_err *err)
{
    struct wf_source_known known;
    struct wf_source_stat st;
    struct wf_str path;
    int rc = read_description(v, &path, &st, err);

    if (rc == 0)
        rc = wf_intake_look(s->ctx->intake, path, &st, s->space, arena, &known, err);
    if (rc != 0)
        return rc;
    if (known.state == WF_SOURCE_NEW || (known.state == WF_SOURCE_FAILED && s->retry))
        json_array_append_new(need, json_integer((json_int_t)i));
    else if (known.state == WF_SOURCE_FAILED)
        json_array_append_new(failed,
                              json_pack("[I, o]", (json_int_t)i, wf_json_str(known.reason)));
    return 0;
}

static int on_stat(struct session *s, const json_t *batch, struct wf_err *err)
{
    json_t *need = json_array(), *failed = json_array(), *v;
    struct wf_arena arena;
    size_t i;
    int rc = 0;

    wf_arena_init(&arena, 0, (size_t)4 << 20);
    if (json_array_size(batch) > WF_ADD_BATCH)
        rc = wf_err_set(err, WF_E_LIMIT, "At most %d files can be asked about at once.",
                        WF_ADD_BATCH);
    json_array_foreach(batch, i, v)
    {
        if (rc == 0)
            rc = look_at_one(s, v, i, &arena, need, failed, err);
    }
    if (rc == 0)
        rc = send_now(s, json_pack("{s:O, s:O}", "need", need, "failed", failed), err);
    json_decref(need);
    json_decref(failed);
    wf_arena_deinit(&arena);
    return rc;
}

/* Takes *io_fd over when it returns 0. */
static int on_file(struct session *s, const json_t *frame, int *io_fd, struct wf_err *err)
{
    struct wf_intake_request req = {.fd = *io_fd,
                                    .space = s->space,
                                    .retry = s->retry,
                                    .done = on_done,
                                    .progress = on_progress};
    struct file *f;
    int rc = read_description(json_object_get(frame, "file"), &req.path, &req.stat, err);

    if (rc == 0 && *io_fd < 0)
        rc = wf_err_set(err, WF_E_INVAL, "A file comes with its descriptor.");
    if (rc != 0)
        return rc;
    f = wf_alloc_array(1, sizeof(*f));
    if (!f)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    f->s = s;
    f->id = json_integer_value(json_object_get(frame, "id"));
    req.ud = f;
    pthread_mutex_lock(&s->lock);
    while (s->n_under_way >= WF_ADD_WINDOW)
        pthread_cond_wait(&s->fewer, &s->lock);
    s->n_under_way++;
    pthread_mutex_unlock(&s->lock);
    rc = wf_intake_add(s->ctx->intake, &req, err);
    if (rc == 0) {
        *io_fd = -1;
        return 0;
    }
    wf_free(f);
    pthread_mutex_lock(&s->lock);
    s->n_under_way--;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void wait_all(struct session *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_under_way > 0)
        pthread_cond_wait(&s->fewer, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* One frame of the client; *out_end at {"end":true} or when it has hung up. */
static int step(struct session *s, struct wf_buf *in, bool *out_end, struct wf_err *err)
{
    json_t *frame = NULL;
    int pass_fd = -1;
    int rc = wf_serve__recv(s->fd, in, &frame, &pass_fd, err);

    if (rc != 0 || !frame) {
        s->gone = true;
        *out_end = true;
        return rc;
    }
    if (json_object_get(frame, "stat"))
        rc = on_stat(s, json_object_get(frame, "stat"), err);
    else if (json_object_get(frame, "file"))
        rc = on_file(s, frame, &pass_fd, err);
    else if (json_object_get(frame, "end"))
        *out_end = true;
    else
        rc = wf_err_set(err, WF_E_INVAL, "While adding, only stat, file and end are understood.");
    wf_file_close(&pass_fd);
    json_decref(frame);
    return rc;
}

int wf_serve__add(struct wf_op_context *ctx, int fd, struct wf_buf *in, const json_t *params,
                  struct wf_err *err)
{
    static const char *const known[] = {"space", "retry", NULL};
    struct session s = {.ctx = ctx, .fd = fd};
    bool end = false;
    int rc = wf_param_known(params, known, err);

    if (rc == 0 && !ctx->intake)
        rc = wf_err_set(err, WF_E_INVAL, "Adding needs a home.");
    if (rc == 0)
        rc = wf_param_str(params, "space", false, &s.space, err);
    if (rc != 0)
        return rc;
    s.retry = json_is_true(json_object_get(params, "retry"));
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.fewer, NULL);
    while (rc == 0 && !end)
        rc = step(&s, in, &end, err);
    wait_all(&s);
    wf_op_publish_documents(ctx);
    if (rc == 0)
        rc = send_now(&s, json_pack("{s:{}}", "result"), err);
    pthread_cond_destroy(&s.fewer);
    pthread_mutex_destroy(&s.lock);
    return rc;
}
