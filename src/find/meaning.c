/* SPDX-License-Identifier: Apache-2.0 */
/* Meaning: life, questions, status. The background thread is in meaning_work.c. */
#include "find/meaning.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "find/meaning_internal.h"
#include "os/thread.h"

/* Somebody waits for the hits. */
#define JUDGED_MS 250

void wf_meaning_passage(struct wf_str title, struct wf_str heading, struct wf_str text,
                        struct wf_buf *out)
{
    /* What a passage is about often stands above it only. */
    struct wf_str above = heading.len > 0 ? heading : title;
    (void)wf_buf_append_str(out, above);
    (void)wf_buf_append_cstr(out, above.len > 0 ? "\n" : "");
    (void)wf_buf_append_str(out, text);
}

int wf_meaning_new(const struct wf_meaning_options *o, struct wf_meaning **out, struct wf_err *err)
{
    struct wf_meaning *m = wf_alloc_array(1, sizeof *m);
    if (m == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (vectors).");
    int status = wf_vectors_new(o->store, &m->vectors, err);
    if (status != 0) {
        wf_free(m);
        return status;
    }
    m->o = *o;
    if (o->weights != NULL) {
        m->weights = *o->weights;
        m->o.weights = &m->weights;
    }
    pthread_mutex_init(&m->identify_lock, NULL);
    pthread_mutex_init(&m->lock, NULL);
    wf_cond_init(&m->cond);
    *out = m;
    return 0;
}

int wf_meaning_start(struct wf_meaning *m, struct wf_err *err)
{
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    if (!m->is_started && !m->stop) {
        m->n_pokes++; /* there may be documents from before */
        m->state = WF_MEANING_WORKING;
        rc = pthread_create(&m->thread, NULL, wf_meaning__work, m);
        m->is_started = rc == 0;
    }
    pthread_mutex_unlock(&m->lock);
    return rc == 0 ? 0 : wf_err_errno(err, rc, "cannot start a thread");
}

void wf_meaning_stop(struct wf_meaning *m)
{
    pthread_mutex_lock(&m->lock);
    bool must_join = m->is_started;
    m->is_started = false;
    m->stop = true; /* for good */
    pthread_cond_broadcast(&m->cond);
    pthread_mutex_unlock(&m->lock);
    if (must_join)
        pthread_join(m->thread, NULL);
}

void wf_meaning_free(struct wf_meaning *m)
{
    if (m == NULL)
        return;
    wf_meaning_stop(m);
    wf_vectors_free(m->vectors);
    pthread_cond_destroy(&m->cond);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->identify_lock);
    wf_free(m);
}

void wf_meaning_poke(struct wf_meaning *m)
{
    pthread_mutex_lock(&m->lock);
    m->n_pokes++;
    pthread_cond_broadcast(&m->cond);
    pthread_mutex_unlock(&m->lock);
}

bool wf_meaning_wait(struct wf_meaning *m, uint32_t timeout_ms)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&m->lock);
    uint64_t target = m->n_pokes;
    while (m->n_looked < target && m->state != WF_MEANING_ABSENT && m->state != WF_MEANING_FAILED &&
           rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&m->cond, &m->lock, &until);
    bool done = rc != ETIMEDOUT;
    pthread_mutex_unlock(&m->lock);
    return done;
}

/* ---- which lens ---- */

static bool is_identified(struct wf_meaning *m)
{
    pthread_mutex_lock(&m->lock);
    bool is = m->lens[0] != 0;
    pthread_mutex_unlock(&m->lock);
    return is;
}

static void note_identity(struct wf_meaning *m, const char *lens, size_t dim)
{
    char name[WF_VECTOR_LENS_BYTES_MAX + 1];
    snprintf(name, sizeof name, "%.*s, recipe %s", (int)sizeof name - 24, lens, WF_MEANING_RECIPE);
    wf_vectors_set_lens(m->vectors, wf_str_from(name), dim);
    pthread_mutex_lock(&m->lock);
    memcpy(m->lens, name, sizeof name);
    m->dim = dim;
    pthread_mutex_unlock(&m->lock);
}

int wf_meaning__identify(struct wf_meaning *m, struct wf_err *err)
{
    char lens[WF_VECTOR_LENS_BYTES_MAX + 1] = "";
    size_t dim = 0;
    int status = 0;
    if (is_identified(m))
        return 0;
    pthread_mutex_lock(&m->identify_lock);
    if (!is_identified(m)) {
        status = m->o.embedder.identify(m->o.embedder.ud, lens, &dim, err);
        if (status == 0)
            note_identity(m, lens, dim);
    }
    pthread_mutex_unlock(&m->identify_lock);
    return status;
}

/* ---- questions ---- */

int wf_meaning_question(struct wf_meaning *m, struct wf_str question, struct wf_meant *out,
                        struct wf_err *err)
{
    out->dim = 0;
    int status = wf_meaning__identify(m, err);
    if (status == 0)
        status = m->o.embedder.embed(m->o.embedder.ud, &question, 1, true, out->vector, err);
    if (status == 0)
        out->dim = m->dim; /* it stays once it is known */
    return status;
}

int wf_meaning_search(struct wf_meaning *m, const struct wf_meant *q,
                      const struct wf_chunk_range *ranges, size_t n_ranges, size_t k,
                      struct wf_near *out, size_t *out_n, struct wf_err *err)
{
    assert(q->dim > 0);
    int status = wf_vectors_search(m->vectors, q->vector, ranges, n_ranges, k, out, out_n, err);
    if (status == 0 && wf_vectors_wants_index(m->vectors))
        wf_meaning_poke(m); /* they were not in memory when it looked last */
    return status;
}

void wf_meaning_compare(struct wf_meaning *m, const struct wf_meant *q, struct wf_near *io,
                        size_t n, float none)
{
    assert(q->dim > 0);
    wf_vectors_compare(m->vectors, q->vector, io, n, none);
}

/* ---- reading with the question ---- */

void wf_meaning_judged(const struct wf_meaning *m, size_t *out_n, int64_t *out_limit_ms)
{
    *out_n = m->o.embedder.judge != NULL ? m->o.n_judged : 0;
    *out_limit_ms = m->o.judged_ms > 0 ? m->o.judged_ms : JUDGED_MS;
}

int wf_meaning_judge(struct wf_meaning *m, struct wf_str question, const struct wf_str *texts,
                     size_t n, struct wf_evidence *out, struct wf_err *err)
{
    if (m->o.embedder.judge == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "Nothing here reads texts with a question.");
    return m->o.embedder.judge(m->o.embedder.ud, question, texts, n, out, err);
}

void wf_meaning_weights(const struct wf_meaning *m, struct wf_fuse_weights *out)
{
    *out = wf_fuse_defaults;
    if (m->o.weights != NULL)
        *out = *m->o.weights;
    else if (m->o.embedder.weights != NULL)
        m->o.embedder.weights(m->o.embedder.ud, out);
}

/* ---- status ---- */

int wf_meaning__count(struct wf_meaning *m, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    uint64_t n = 0, n_removals = wf_vectors_n_removals(m->vectors);
    pthread_mutex_lock(&m->lock);
    bool is_right = m->is_counted && m->n_removals == n_removals;
    pthread_mutex_unlock(&m->lock);
    if (is_right)
        return 0;
    int status = wf_store_reader_get(m->o.store, &r, err);
    if (status != 0)
        return status;
    status = wf_vector_count(r, wf_str_from(m->lens), &n, err); /* it stays once it is known */
    wf_store_reader_put(m->o.store, r);
    if (status != 0)
        return status;
    pthread_mutex_lock(&m->lock);
    m->is_counted = true;
    m->n_removals = n_removals;
    m->n_embedded = n;
    pthread_mutex_unlock(&m->lock);
    return 0;
}

/* What the thread would say, when there is none; and how many there are after removals. */
static void look_once(struct wf_meaning *m)
{
    struct wf_err err = WF_ERR_INIT;
    pthread_mutex_lock(&m->lock);
    bool is_started = m->is_started, is_idle = m->state == WF_MEANING_IDLE;
    pthread_mutex_unlock(&m->lock);
    if (is_started && !is_idle)
        return; /* it counts itself */
    int status = wf_meaning__identify(m, &err);
    if (status == 0)
        status = wf_meaning__count(m, &err);
    if (is_started || status == 0)
        return;
    pthread_mutex_lock(&m->lock);
    m->state = status == WF_E_UNSUPPORTED ? WF_MEANING_ABSENT : WF_MEANING_FAILED;
    m->why = err;
    pthread_mutex_unlock(&m->lock);
}

void wf_meaning_status(struct wf_meaning *m, struct wf_meaning_status *out)
{
    uint64_t n_rows = 0;
    look_once(m);
    *out = (struct wf_meaning_status){.n_memory = 0};
    wf_vectors_sizes(m->vectors, &n_rows, &out->n_memory);
    pthread_mutex_lock(&m->lock);
    out->state = m->state;
    /* In memory the removed ones are missing already. */
    out->n_embedded = out->n_memory > 0 ? n_rows : m->n_embedded;
    memcpy(out->lens, m->lens, sizeof out->lens);
    if (m->state == WF_MEANING_ABSENT || m->state == WF_MEANING_FAILED)
        snprintf(out->why, sizeof out->why, "%.*s", (int)sizeof out->why - 1, m->why.msg);
    pthread_mutex_unlock(&m->lock);
}

const char *wf_meaning_state_name(enum wf_meaning_state s)
{
    switch (s) {
    case WF_MEANING_IDLE:
        return "idle";
    case WF_MEANING_WORKING:
        return "working";
    case WF_MEANING_PAUSED:
        return "paused";
    case WF_MEANING_ABSENT:
        return "absent";
    case WF_MEANING_FAILED:
        return "failed";
    }
    return "idle";
}
