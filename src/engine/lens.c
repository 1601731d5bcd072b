/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: a queue of questions, each with windows that wait for an encoder, and threads that take
 * as many windows as make a batch.
 *
 * With little to do a thread does not take all of it: what waits is shared out, so that a few
 * texts, or the windows of one, are encoded by all threads at once. */
#include "engine/lens.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "os/thread.h"

/* Tokens of a batch: beyond it nothing is gained (the matrices of a layer stay in the cache), and
 * each takes 16 kB of buffers. */
#define BATCH_TOKENS 128
/* Buffers of all threads, where their number was not said: lens is to stay below 30 MB. */
#define BUFFER_BYTES_MAX ((size_t)8 << 20)
/* The least that is worth a thread of its own. */
#define SHARE_TOKENS 96
/* Questions of one list that are put before the first is answered. */
#define AHEAD 64

/* A window within a batch. */
struct slot {
    struct wf_lens_use *use;
    size_t i_window;
};

struct worker {
    struct wf_lens_pool *pool;
    struct wf_runner *runner;
    size_t n;           /* windows of the batch */
    struct slot *slots; /* [pool->batch] */
    uint32_t *starts;   /* [pool->batch + 1] */
    int32_t *ids;       /* [pool->batch] */
    uint16_t *marks;    /* [pool->batch] of tokens */
};

struct wf_lens_use {
    struct wf_lens_pool *pool;
    struct wf_lens_job *job;
    struct wf_list node;    /* among those that wait, while a window is not taken */
    bool can_wait;          /* behind all that cannot */
    size_t n_windows;       /* of the job */
    size_t n_taken, n_done; /* windows */
    int rc;                 /* of a batch that failed */
    struct wf_err err;
};

struct wf_lens_pool {
    char *path;
    bool is_off, is_counted; /* n_threads was said */
    size_t n_threads, batch;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something waits, or the end */
    pthread_cond_t done; /* a window came back */
    struct wf_list waiting;
    size_t n_waiting; /* tokens, about */
    bool stops;
    struct wf_lens *lens;
    bool is_tried;
    int load_rc;
    struct wf_err load_err; /* why there is none */
    struct wf_team *team;   /* NULL: not started */
    struct worker workers[WF_LENS_THREADS_MAX];
};

/* Takes windows for one batch. With the lock. */
static void fill(struct worker *w)
{
    struct wf_lens_pool *p = w->pool;
    size_t share = WF_MAX(p->n_waiting / p->n_threads, SHARE_TOKENS), used = 0;

    w->n = 0;
    while (!wf_list_empty(&p->waiting)) {
        struct wf_lens_use *u = WF_CONTAINER(p->waiting.next, struct wf_lens_use, node);
        size_t n = wf_lens_job_window_tokens(u->job, u->n_taken);
        /* More than half of it beyond the share: another thread's. */
        if (used > 0 && (used + n > p->batch || used + n / 2 >= share))
            break;
        (void)wf_lens_job_window(u->job, u->n_taken, w->ids + used);
        wf_lens_job_marks(u->job, u->n_taken, w->marks + used);
        w->slots[w->n++] = (struct slot){u, u->n_taken++};
        used += n;
        w->starts[w->n] = (uint32_t)used;
        p->n_waiting -= n;
        if (u->n_taken == u->n_windows)
            wf_list_remove(&u->node);
    }
}

static int encode(struct worker *w, struct wf_err *err)
{
    size_t dim = wf_model_params(wf_lens_model(w->pool->lens))->dim;
    const struct wf_encode_marks marks = {w->marks, wf_lens_marks_rows(w->pool->lens)};
    const float *hidden;
    int rc = wf_runner_encode_marked(w->runner, w->ids, w->starts, w->n,
                                     marks.rows != NULL ? &marks : NULL, &hidden, err);

    for (size_t i = 0; i < w->n && rc == 0; i++)
        wf_lens_job_take(w->slots[i].use->job, w->slots[i].i_window,
                         hidden + (size_t)w->starts[i] * dim);
    return rc;
}

/* A thread's life: batches until the pool ends. */
static void work(void *ud)
{
    struct worker *w = ud;
    struct wf_lens_pool *p = w->pool;
    struct wf_err err = WF_ERR_INIT;
    int rc;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (wf_list_empty(&p->waiting) && !p->stops)
            pthread_cond_wait(&p->work, &p->lock);
        if (p->stops)
            break;
        fill(w);
        pthread_mutex_unlock(&p->lock);
        rc = encode(w, &err);
        pthread_mutex_lock(&p->lock);
        for (size_t i = 0; i < w->n; i++) {
            struct wf_lens_use *u = w->slots[i].use;
            u->n_done++;
            if (rc != 0) {
                u->rc = rc;
                u->err = err;
            }
        }
        pthread_cond_broadcast(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
}

/* ---- its beginning and end ---- */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for lens.");
}

int wf_lens_pool_new(const struct wf_lens_pool_options *o, struct wf_lens_pool **out,
                     struct wf_err *err)
{
    struct wf_lens_pool *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL)
        return no_memory(err);
    p->path = o->path != NULL ? wf_strdup(o->path) : NULL;
    if (o->path != NULL && p->path == NULL) {
        wf_free(p);
        return no_memory(err);
    }
    p->is_off = o->is_off;
    p->is_counted = o->n_threads > 0;
    p->n_threads = o->n_threads > 0 ? o->n_threads : wf_cpu_count();
    p->n_threads = WF_MIN(p->n_threads, WF_LENS_THREADS_MAX);
    wf_list_init(&p->waiting);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    *out = p;
    return 0;
}

static void unmake_workers(struct wf_lens_pool *p)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        struct worker *w = &p->workers[i];
        wf_runner_free(w->runner);
        wf_free(w->slots);
        wf_free(w->starts);
        wf_free(w->ids);
        wf_free(w->marks);
        *w = (struct worker){.pool = p};
    }
}

void wf_lens_pool_free(struct wf_lens_pool *p)
{
    if (p == NULL)
        return;
    assert(wf_list_empty(&p->waiting));
    pthread_mutex_lock(&p->lock);
    p->stops = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    wf_team_free(p->team);
    unmake_workers(p);
    wf_lens_close(p->lens);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    wf_free(p->path);
    wf_free(p);
}

static int load(struct wf_lens_pool *p, struct wf_err *err)
{
    int rc;

    if (p->is_off)
        return wf_err_set(err, WF_E_UNSUPPORTED, "lens is switched off by the setting lens = off.");
    if (p->path == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "There is no lens here: models/lens.gguf is not beside the program, nor "
                          "where make install puts it.");
    rc = wf_lens_open(p->path, &p->lens, err);
    if (rc != 0)
        wf_err_prefix(err, "%s", p->path);
    return rc;
}

/* With the lock. */
static int open_once(struct wf_lens_pool *p, struct wf_err *err)
{
    if (!p->is_tried) {
        p->is_tried = true;
        p->load_rc = load(p, &p->load_err);
    }
    return p->load_rc == 0 ? 0 : wf_err_set(err, p->load_err.code, "%s", p->load_err.msg);
}

int wf_lens_pool_lens(struct wf_lens_pool *p, const struct wf_lens **out, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&p->lock);
    rc = open_once(p, err);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        *out = p->lens;
    return rc;
}

static int make_worker(struct wf_lens_pool *p, struct worker *w, struct wf_err *err)
{
    const struct wf_runner_options o = {.n_threads = 1,
                                        .n_context = wf_lens_window(p->lens),
                                        .n_batch = p->batch,
                                        .act = WF_ACT_Q8};

    w->pool = p;
    w->slots = wf_alloc_array(p->batch, sizeof(*w->slots));
    w->starts = wf_alloc_array(p->batch + 1, sizeof(*w->starts));
    w->ids = wf_alloc_array(p->batch, sizeof(*w->ids));
    w->marks = wf_alloc_array(p->batch, sizeof(*w->marks));
    if (w->slots == NULL || w->starts == NULL || w->ids == NULL || w->marks == NULL)
        return no_memory(err);
    return wf_runner_new(wf_lens_model(p->lens), &o, &w->runner, err);
}

/* As many as have room beside the first one's buffers. */
static size_t threads_that_fit(const struct wf_lens_pool *p)
{
    size_t n = BUFFER_BYTES_MAX / wf_runner_bytes(p->workers[0].runner);

    return n < 1 ? 1 : WF_MIN(n, p->n_threads);
}

/* Starts the threads, once. With the lock. */
static int start(struct wf_lens_pool *p, struct wf_err *err)
{
    int rc = 0;

    if (p->team != NULL)
        return 0;
    p->batch = WF_MAX(BATCH_TOKENS, wf_lens_window(p->lens));
    for (size_t i = 0; i < p->n_threads && rc == 0; i++) {
        rc = make_worker(p, &p->workers[i], err);
        if (rc == 0 && i == 0 && !p->is_counted)
            p->n_threads = threads_that_fit(p);
    }
    if (rc == 0)
        rc = wf_team_new("lens", p->n_threads, p->n_threads, &p->team, err);
    if (rc != 0) {
        unmake_workers(p);
        return rc;
    }
    for (size_t i = 0; i < p->n_threads; i++) {
        rc = wf_team_post(p->team, work, &p->workers[i]);
        assert(rc == 0); /* the queue has room for each, and nobody stopped it */
    }
    return rc;
}

/* ---- questions ---- */

/* Behind those who came before; who cannot wait goes before all who can. With the lock. */
static void stand_in_line(struct wf_lens_pool *p, struct wf_lens_use *u)
{
    struct wf_list *at = u->can_wait ? &p->waiting : p->waiting.next;

    while (at != &p->waiting && !WF_CONTAINER(at, struct wf_lens_use, node)->can_wait)
        at = at->next;
    wf_list_push(at, &u->node); /* in front of `at`; of the head: the end */
}

int wf_lens_pool_ask(struct wf_lens_pool *p, const struct wf_lens_ask *ask,
                     struct wf_lens_use **out, struct wf_err *err)
{
    const struct wf_lens *lens;
    int rc = wf_lens_pool_lens(p, &lens, err);
    struct wf_lens_use *u;

    if (rc != 0)
        return rc;
    u = wf_alloc_array(1, sizeof(*u));
    if (u == NULL)
        return no_memory(err);
    u->pool = p;
    u->can_wait = ask->can_wait;
    wf_list_init(&u->node);
    rc = wf_lens_job_new(lens, ask, &u->job, err);
    if (rc == 0)
        u->n_windows = wf_lens_job_n_windows(u->job);
    if (rc == 0 && u->n_windows > 0) {
        pthread_mutex_lock(&p->lock);
        rc = start(p, err);
        if (rc == 0) {
            for (size_t i = 0; i < u->n_windows; i++)
                p->n_waiting += wf_lens_job_window_tokens(u->job, i);
            stand_in_line(p, u);
            pthread_cond_broadcast(&p->work);
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (rc != 0) {
        wf_lens_job_free(u->job);
        wf_free(u);
        return rc;
    }
    *out = u;
    return 0;
}

static void end(struct wf_lens_use *u)
{
    wf_lens_job_free(u->job);
    wf_free(u);
}

int wf_lens_pool_answer(struct wf_lens_use *u, struct wf_lens_answer *out, struct wf_err *err)
{
    struct wf_lens_pool *p = u->pool;
    int rc = wf_lens_job_look(u->job, err); /* while the others encode */

    pthread_mutex_lock(&p->lock);
    while (u->n_done < u->n_windows)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0 && u->rc != 0)
        rc = wf_err_set(err, u->rc, "%s", u->err.msg);
    if (rc == 0)
        rc = wf_lens_job_finish(u->job, out, err);
    end(u);
    return rc;
}

void wf_lens_pool_drop(struct wf_lens_use *u)
{
    struct wf_lens_pool *p;

    if (u == NULL)
        return;
    p = u->pool;
    pthread_mutex_lock(&p->lock);
    wf_list_remove(&u->node);
    for (; u->n_windows > u->n_taken; u->n_windows--)
        p->n_waiting -= wf_lens_job_window_tokens(u->job, u->n_windows - 1);
    while (u->n_done < u->n_taken)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    end(u);
}

int wf_lens_pool_run(struct wf_lens_pool *p, const struct wf_lens_ask *asks, size_t n,
                     struct wf_lens_answer *out, struct wf_err *err)
{
    struct wf_lens_use *uses[AHEAD] = {NULL};
    size_t n_put = 0, n_answered = 0;
    int rc = 0;

    while (rc == 0 && n_answered < n) {
        if (n_put < n && n_put - n_answered < AHEAD) {
            rc = wf_lens_pool_ask(p, &asks[n_put], &uses[n_put % AHEAD], err);
            if (rc != 0 && n > 1)
                wf_err_prefix(err, "text %zu", n_put + 1);
            n_put += rc == 0;
            continue;
        }
        rc = wf_lens_pool_answer(uses[n_answered % AHEAD], &out[n_answered], err);
        uses[n_answered % AHEAD] = NULL;
        if (rc == 0)
            n_answered++;
    }
    if (rc == 0)
        return 0;
    for (size_t i = 0; i < AHEAD; i++)
        wf_lens_pool_drop(uses[i]);
    while (n_answered > 0)
        wf_lens_answer_deinit(&out[--n_answered]);
    return rc;
}

void wf_lens_pool_sizes(struct wf_lens_pool *p, size_t *out_file, size_t *out_memory)
{
    *out_file = *out_memory = 0;
    pthread_mutex_lock(&p->lock);
    if (p->lens != NULL)
        *out_file = (size_t)wf_gguf_bytes(wf_model_gguf(wf_lens_model(p->lens)));
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->workers[i].runner != NULL)
            *out_memory += wf_runner_bytes(p->workers[i].runner);
    }
    pthread_mutex_unlock(&p->lock);
}
