/* SPDX-License-Identifier: Apache-2.0 */
/* Tapes, and the generation that fills one. While another device is about to take it over, it gives
 * its caller nothing: what the engine has written meanwhile waits in the engine. */
#include "op/moving.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "mesh/nearby.h"
#include "mesh/presence.h"
#include "mesh/remote_message.h"
#include "mesh/remote_request.h"
#include "op/moving_internal.h"

#define LOOK_MS 100
#define WORKERS 4
#define QUEUE 16

struct gen {
    struct wf_gen base;
    struct wf_moving *m;
    struct wf_tape *tape;
    struct wf_gen_request q;
    struct wf_gen_tap tap;
    struct wf_gen *inner;
    struct wf_gen_event event; /* that waits while it is held */
    bool has_event, is_over;
};

int64_t wf_moving__now_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

int wf_moving__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (an answer on its way).");
}

/* ---- tapes ---- */

struct wf_tape *wf_moving__tape(struct wf_moving *m, struct wf_str name)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &m->tapes)
    {
        struct wf_tape *t = WF_CONTAINER(it, struct wf_tape, node);
        if (wf_str_eq(wf_str_from(t->name), name))
            return t;
    }
    return NULL;
}

static void drop(struct wf_moving *m, struct wf_tape *t)
{
    assert(t->n_refs == 0);
    wf_list_remove(&t->node);
    m->n_tapes--;
    wf_moving__drop_cache(t);
    wf_buf_deinit(&t->events);
    wf_buf_deinit(&t->request);
    wf_free(t);
}

/* Forgets what is old; the oldest ended ones, too, where there are too many. */
static void sweep(struct wf_moving *m)
{
    int64_t now_ms = wf_moving__now_ms();
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &m->tapes)
    {
        struct wf_tape *t = WF_CONTAINER(it, struct wf_tape, node);
        bool is_old = t->state != WF_TAPE_RUNS && (now_ms - t->ended_ms > WF_MOVING_KEPT_MS ||
                                                   m->n_tapes >= WF_MOVING_TAPES_MAX);
        if (is_old && t->n_refs == 0)
            drop(m, t);
    }
}

struct wf_tape *wf_moving__tape_new(struct wf_moving *m, struct wf_str name)
{
    struct wf_tape *t = wf_moving__tape(m, name);

    if (t != NULL && (t->state == WF_TAPE_RUNS || t->n_refs > 0))
        return NULL;
    if (t != NULL)
        drop(m, t);
    sweep(m);
    if (m->n_tapes >= WF_MOVING_TAPES_MAX || (t = wf_alloc_array(1, sizeof(*t))) == NULL)
        return NULL;
    memcpy(t->name, name.ptr, name.len);
    wf_list_init(&t->pieces);
    wf_buf_init(&t->events, WF_MOVING_TAPE_BYTES);
    wf_buf_init(&t->request, WF_SEALED_MESSAGE_BYTES / 2);
    wf_list_push(&m->tapes, &t->node);
    m->n_tapes++;
    return t;
}

void wf_moving__unref(struct wf_moving *m, struct wf_tape *t)
{
    pthread_mutex_lock(&m->lock);
    assert(t->n_refs > 0);
    t->n_refs--;
    pthread_mutex_unlock(&m->lock);
}

void wf_moving__append(struct wf_moving *m, struct wf_tape *t, const struct wf_gen_event *e)
{
    struct wf_gen_event plain = *e;
    size_t before = t->events.len;

    plain.n_logprobs = 0; /* nobody who follows asked for them */
    plain.logprobs = NULL;
    if (e->kind == WF_GEN_END)
        t->finish = e->finish;
    if (wf_remote_event_write(&plain, &t->events) != 0) {
        struct wf_err err = WF_ERR_INIT; /* who follows is told, who asked is not harmed */
        wf_buf_truncate(&t->events, before);
        (void)wf_err_set(&err, WF_E_LIMIT, "The answer is too long to be followed.");
        wf_moving__end(m, t, WF_TAPE_FAILED, &err);
        return;
    }
    wf_moving__pump(m, t);
    pthread_cond_broadcast(&m->changed);
}

void wf_moving__end(struct wf_moving *m, struct wf_tape *t, enum wf_tape_state state,
                    const struct wf_err *err)
{
    if (t->state != WF_TAPE_RUNS)
        return;
    t->state = state;
    t->ended_ms = wf_moving__now_ms();
    if (err != NULL)
        t->err = *err;
    wf_moving__pump(m, t);
    pthread_cond_broadcast(&m->changed);
}

/* ---- a generation ---- */

static struct gen *gen_of(struct wf_gen *g)
{
    return WF_CONTAINER(g, struct gen, base);
}

/* Where the text stands; the owner's thread, within the engine. */
static void at_point(void *ud, const struct wf_gen_point *point)
{
    struct gen *g = ud;
    struct wf_tape *t = g->tape;

    pthread_mutex_lock(&g->m->lock);
    if (t->digest[0] == 0 && strlen(point->digest) < sizeof(t->digest))
        memcpy(t->digest, point->digest, strlen(point->digest) + 1);
    if (t->is_asked && !t->is_held && !t->wants_text)
        wf_moving__give(g->m, t, point);
    pthread_mutex_unlock(&g->m->lock);
}

static bool is_canceled(const struct gen *g)
{
    return g->q.canceled != NULL && g->q.canceled(g->q.canceled_ud);
}

/* Waits until who wanted it has it, or does not take it. True: it is gone. The lock is held. */
static bool stand_still(struct gen *g)
{
    struct wf_moving *m = g->m;
    struct wf_tape *t = g->tape;

    if (t->is_asked && t->wants_text && !t->is_held)
        wf_moving__give(m, t, NULL);
    while (t->is_held && !t->is_let_go) {
        int64_t until_ms = wf_moving__now_ms() + LOOK_MS;
        struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
        if (m->stop || wf_moving__now_ms() > t->held_until_ms || is_canceled(g))
            t->is_held = t->is_asked = false;
        else
            (void)pthread_cond_timedwait(&m->changed, &m->lock, &until);
    }
    return t->is_let_go;
}

static int give_moved(struct gen *g, struct wf_gen_event *out)
{
    g->is_over = true;
    *out = (struct wf_gen_event){.kind = WF_GEN_END, .finish = WF_FINISH_MOVED};
    return 1;
}

static void note_end(struct gen *g, int rc, const struct wf_err *err)
{
    const struct wf_gen_usage *u = wf_gen_usage(g->inner);

    g->is_over = true;
    pthread_mutex_lock(&g->m->lock);
    (void)snprintf(g->tape->model, sizeof(g->tape->model), "%s", u->model ? u->model : "");
    wf_moving__end(g->m, g->tape, rc == 0 ? WF_TAPE_ENDED : WF_TAPE_FAILED, rc == 0 ? NULL : err);
    pthread_mutex_unlock(&g->m->lock);
}

static int next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    struct gen *g = gen_of(base);
    struct wf_err own = WF_ERR_INIT;
    bool is_gone, is_held;
    int rc;

    if (g->is_over)
        return 0;
    for (;;) {
        pthread_mutex_lock(&g->m->lock);
        is_gone = stand_still(g);
        pthread_mutex_unlock(&g->m->lock);
        if (is_gone)
            return give_moved(g, out);
        rc = g->has_event ? 1 : wf_gen_next(g->inner, &g->event, &own);
        g->has_event = rc == 1;
        if (rc <= 0) {
            note_end(g, rc, &own);
            return rc == 0 ? 0 : wf_err_set(err, own.code, "%s", own.msg);
        }
        pthread_mutex_lock(&g->m->lock);
        is_held = g->tape->is_held;
        if (!is_held)
            wf_moving__append(g->m, g->tape, &g->event);
        pthread_mutex_unlock(&g->m->lock);
        if (is_held)
            continue;
        g->has_event = false;
        *out = g->event;
        return 1;
    }
}

static const struct wf_gen_usage *usage(const struct wf_gen *base)
{
    return wf_gen_usage(WF_CONTAINER(base, const struct gen, base)->inner);
}

static void gen_free(struct wf_gen *base)
{
    struct gen *g = gen_of(base);
    struct wf_err err = WF_ERR_INIT;

    (void)wf_err_set(&err, WF_E_CANCELED, "The answer was given up where it was asked for.");
    pthread_mutex_lock(&g->m->lock);
    wf_moving__end(g->m, g->tape, WF_TAPE_FAILED, &err);
    g->tape->is_held = g->tape->is_asked = false;
    pthread_mutex_unlock(&g->m->lock);
    wf_gen_free(g->inner);
    wf_moving__unref(g->m, g->tape);
    wf_free(g);
}

void wf_moving__give_up(struct wf_gen *base)
{
    struct gen *g = gen_of(base);

    wf_gen_free(g->inner);
    wf_moving__unref(g->m, g->tape);
    wf_free(g);
}

static const struct wf_engine_ops ops = {.next = next, .usage = usage, .gen_free = gen_free};

int wf_moving__begin(struct wf_moving *m, struct wf_engine *engine, struct wf_tape *t,
                     const struct wf_gen_request *q, struct wf_gen **out, struct wf_err *err)
{
    struct gen *g = wf_alloc_array(1, sizeof(*g));
    int rc;

    if (g == NULL)
        return wf_moving__no_memory(err);
    g->base.ops = &ops;
    g->m = m;
    g->tape = t;
    g->q = *q;
    g->tap = (struct wf_gen_tap){.at = at_point, .ud = g};
    g->q.tap = &g->tap;
    rc = wf_engine_generate(engine, &g->q, &g->inner, err);
    if (rc != 0) {
        wf_free(g);
        return rc;
    }
    pthread_mutex_lock(&m->lock);
    t->n_refs++;
    pthread_mutex_unlock(&m->lock);
    *out = &g->base;
    return 0;
}

int wf_moving_generate(struct wf_moving *m, struct wf_engine *engine,
                       const struct wf_gen_request *q, struct wf_gen **out, struct wf_err *err)
{
    struct wf_str name = wf_str_from(q->name);
    struct wf_tape *t = NULL;
    int rc;

    if (m == NULL || name.len == 0 || name.len > WF_MOVING_NAME_BYTES || q->n_choices > 1)
        return wf_engine_generate(engine, q, out, err);
    pthread_mutex_lock(&m->lock);
    t = wf_moving__tape_new(m, name);
    if (t != NULL) {
        t->n_refs++;
        /* What cannot be told to others is followed at most. The label is found when it is told. */
        if (wf_remote_request_write(q, q->model ? q->model : "", WF_LABEL_PUBLIC, &t->request,
                                    NULL) != 0)
            wf_buf_reset(&t->request);
    }
    pthread_mutex_unlock(&m->lock);
    if (t == NULL) /* it is answered all the same */
        return wf_engine_generate(engine, q, out, err);
    rc = wf_moving__begin(m, engine, t, q, out, err);
    if (rc != 0) {
        pthread_mutex_lock(&m->lock);
        wf_moving__end(m, t, WF_TAPE_FAILED, err);
        pthread_mutex_unlock(&m->lock);
    }
    wf_moving__unref(m, t);
    return rc;
}

/* ---- reading ---- */

int wf_moving_read(struct wf_moving *m, struct wf_str name, size_t *io_at, int timeout_ms,
                   struct wf_buf *out, char out_model[256], enum wf_gen_finish *out_finish,
                   struct wf_err *err)
{
    int64_t until_ms = wf_moving__now_ms() + timeout_ms;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    struct wf_tape *t;
    int rc = WF_E_TIMEOUT;

    pthread_mutex_lock(&m->lock);
    for (;;) {
        t = wf_moving__tape(m, name); /* anew: it may be gone */
        if (t == NULL || t->events.len > *io_at || t->state != WF_TAPE_RUNS || m->stop ||
            wf_moving__now_ms() >= until_ms)
            break;
        (void)pthread_cond_timedwait(&m->changed, &m->lock, &until);
    }
    if (t == NULL) {
        rc = wf_err_set(err, WF_E_NOENT, "There is no such answer any more.");
    } else if (t->events.len > *io_at) {
        rc = wf_buf_append(out, t->events.ptr + *io_at, t->events.len - *io_at);
        *io_at = t->events.len;
        rc = rc == 0 ? 1 : wf_moving__no_memory(err);
    } else if (t->state == WF_TAPE_FAILED) {
        rc = wf_err_set(err, t->err.code, "%s", t->err.msg);
    } else if (t->state != WF_TAPE_RUNS) {
        memcpy(out_model, t->model, sizeof(t->model));
        *out_finish = t->state == WF_TAPE_MOVED ? WF_FINISH_MOVED : t->finish;
        rc = 0;
    } else {
        rc = wf_err_set(err, WF_E_TIMEOUT, "Nothing new.");
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* ---- messages ---- */

static void peer_down(struct wf_moving *m, uint64_t peer)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_list *it, *tmp;

    (void)wf_err_set(&err, WF_E_NOENT, "The device that was writing the answer is gone.");
    WF_LIST_EACH(it, tmp, &m->tapes)
    {
        struct wf_tape *t = WF_CONTAINER(it, struct wf_tape, node);
        for (size_t i = 0; i < WF_MOVING_FOLLOWERS; i++) {
            if (t->followers[i].peer == peer)
                t->followers[i].peer = 0;
        }
        if (t->asked_by == peer && !t->is_let_go)
            t->is_held = t->is_asked = false;
        if (t->from != peer || t->state != WF_TAPE_RUNS)
            continue;
        if (t->n_refs > 0)
            t->is_go = true; /* it was taken over: nobody else goes on with it now */
        else
            wf_moving__end(m, t, WF_TAPE_FAILED, &err);
    }
    pthread_cond_broadcast(&m->changed);
}

static void peer_room(struct wf_moving *m)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &m->tapes)
    {
        wf_moving__pump(m, WF_CONTAINER(it, struct wf_tape, node));
    }
    pthread_cond_broadcast(&m->changed);
}

static void came(struct wf_moving *m, uint64_t peer, unsigned kind, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *body = NULL;

    if (kind == WF_MOVING_EVENTS) {
        wf_moving__came_events(m, peer, bytes);
        return;
    }
    if (kind == WF_MOVING_PAGES) {
        wf_moving__came_pages(m, peer, bytes);
        return;
    }
    if (wf_json_parse(bytes, &body, &err) != 0) {
        if (m->o.log != NULL)
            wf_log_line(m->o.log, WF_LOG_WARN, "moving", "what a device says is none: %s", err.msg);
        return;
    }
    if (kind == WF_MOVING_TAKE)
        wf_moving__came_take(m, peer, body);
    else if (kind == WF_MOVING_STATE)
        wf_moving__came_state(m, peer, bytes, body);
    else if (kind == WF_MOVING_BEGUN)
        wf_moving__came_begun(m, peer, body);
    else if (kind == WF_MOVING_END)
        wf_moving__came_end(m, peer, body);
    else if (kind == WF_MOVING_WANT)
        wf_moving__came_want(m, peer, body);
    else if (kind == WF_MOVING_GO) {
        struct wf_tape *t = wf_moving__tape(m, wf_str_from(wf_json_text(body, "name")));
        if (t != NULL && t->from == peer && json_is_true(json_object_get(body, "ok")))
            t->is_go = true;
        else if (t != NULL && t->from == peer)
            t->is_no_go = true;
        pthread_cond_broadcast(&m->changed);
    }
    json_decref(body);
}

void wf_moving_message(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    struct wf_moving *m = ud;

    pthread_mutex_lock(&m->lock);
    if (kind == WF_NEARBY_DOWN)
        peer_down(m, peer);
    else if (kind == WF_NEARBY_ROOM)
        peer_room(m);
    else
        came(m, peer, kind, body);
    pthread_mutex_unlock(&m->lock);
}

/* ---- beginning and end ---- */

int wf_moving_new(const struct wf_moving_options *o, struct wf_moving **out, struct wf_err *err)
{
    struct wf_moving *m = wf_alloc_array(1, sizeof(*m));
    int rc;

    if (m == NULL)
        return wf_moving__no_memory(err);
    m->o = *o;
    wf_list_init(&m->tapes);
    pthread_mutex_init(&m->lock, NULL);
    wf_cond_init(&m->changed);
    rc = wf_team_new("moving", WORKERS, QUEUE, &m->team, err);
    if (rc != 0) {
        wf_moving_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void wf_moving_stop(struct wf_moving *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    wf_team_free(m->team);
    m->team = NULL;
}

void wf_moving_free(struct wf_moving *m)
{
    struct wf_list *it, *tmp;

    if (m == NULL)
        return;
    wf_moving_stop(m);
    WF_LIST_EACH(it, tmp, &m->tapes)
    {
        drop(m, WF_CONTAINER(it, struct wf_tape, node));
    }
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->changed);
    wf_free(m);
}
