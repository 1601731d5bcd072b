/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that another device has begun: taken over and written on here, or followed. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "engine/model_store.h"
#include "mesh/remote_message.h"
#include "mesh/remote_request.h"
#include "mesh/sealed.h"
#include "op/moving_internal.h"

#define MODELS_MAX 256

/* ---- asking ---- */

/* Digests of the chat models that are here. */
static json_t *have(struct wf_moving *m)
{
    const struct wf_model_list *list = NULL;
    json_t *v = json_array();

    if (m->o.models == NULL || wf_model_store_list(m->o.models, &list, NULL) != 0)
        return v;
    for (size_t i = 0; i < WF_MIN(wf_model_list_n(list), (size_t)MODELS_MAX); i++) {
        const struct wf_model_entry *e = wf_model_list_at(list, i);
        if (e->kind == WF_MODEL_CHAT || e->kind == WF_MODEL_TEXT)
            json_array_append_new(v, json_string(e->digest));
    }
    wf_model_list_unref(list);
    return v;
}

int wf_moving__ask(struct wf_moving *m, struct wf_tape *t, bool follows)
{
    json_t *models = follows ? json_array() : have(m);
    bool runs = json_array_size(models) > 0;

    t->call = ++m->n_calls;
    t->is_go = t->is_no_go = false;
    return wf_moving__send(m, t->from, WF_MOVING_TAKE,
                           json_pack("{s:s, s:I, s:o, s:b}", "name", t->name, "call",
                                     (json_int_t)t->call, "have", models, "runs", (int)runs));
}

int wf_moving_take(struct wf_moving *m, struct wf_str name, uint64_t peer, struct wf_err *err)
{
    struct wf_tape *t;
    int rc = 0;

    if (name.len == 0 || name.len > WF_MOVING_NAME_BYTES)
        return wf_err_set(err, WF_E_INVAL, "An answer's name has 1 to %d bytes.",
                          WF_MOVING_NAME_BYTES);
    pthread_mutex_lock(&m->lock);
    t = wf_moving__tape(m, name);
    if (t == NULL || t->state == WF_TAPE_FAILED || t->state == WF_TAPE_MOVED) {
        t = wf_moving__tape_new(m, name);
        if (t == NULL) {
            rc = wf_moving__no_memory(err);
        } else {
            t->from = peer;
            if (wf_moving__ask(m, t, false) != 0) {
                rc = wf_err_set(err, WF_E_NOENT, "That device is not connected now.");
                wf_moving__end(m, t, WF_TAPE_FAILED, err);
            }
        }
    } /* else it is here already */
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* ---- taking over ---- */

struct job {
    struct wf_moving *m;
    struct wf_tape *t;
    json_t *body;
    uint64_t call;
    /* of the request that is made of it: */
    struct wf_remote_request request;
    struct wf_gen_point point;
    int32_t *ids;
    json_t *messages;
    char model[WF_MODEL_NAME_MAX];
};

static int bad(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The device did not say where its answer stands.");
}

static int read_ids(struct job *j, const char *text, struct wf_err *err)
{
    size_t n = strlen(text), n_raw = 0;
    uint8_t *raw = wf_alloc(n + 1);

    j->ids = wf_alloc_array(n / 4 + 1, sizeof(*j->ids));
    if (raw == NULL || j->ids == NULL) {
        wf_free(raw);
        return wf_moving__no_memory(err);
    }
    if (sodium_base642bin(raw, n + 1, text, n, NULL, &n_raw, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        n_raw % 4 != 0) {
        wf_free(raw);
        return bad(err);
    }
    for (size_t i = 0; i < n_raw / 4; i++) {
        uint32_t id = 0;
        for (int k = 3; k >= 0; k--)
            id = id << 8 | raw[4 * i + (size_t)k];
        j->ids[i] = (int32_t)id;
    }
    j->point.ids = j->ids;
    j->point.n_ids = n_raw / 4;
    wf_free(raw);
    return 0;
}

static int read_sampler(struct job *j, const json_t *v, struct wf_err *err)
{
    const json_t *random = json_object_get(v, "random");
    const char *mu = wf_json_text(v, "mu");
    char *end = NULL;

    j->point.has_sampler = json_is_true(json_object_get(v, "drawn"));
    for (size_t i = 0; i < 4; i++) {
        const char *s = json_string_value(json_array_get(random, i));
        if (s == NULL || strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
            return bad(err);
        j->point.sampler.random[i] = strtoull(s, NULL, 16);
    }
    j->point.sampler.mu = strtod(mu, &end);
    return *mu != 0 && *end == 0 ? 0 : bad(err);
}

/* The model's name here, by its digest. */
static int find_model(struct job *j, const char *digest, struct wf_err *err)
{
    const struct wf_model_list *list = NULL;
    int rc = j->m->o.models != NULL ? wf_model_store_list(j->m->o.models, &list, err) : WF_E_NOENT;

    if (rc != 0)
        return rc;
    rc = WF_E_NOENT;
    for (size_t i = 0; i < wf_model_list_n(list) && rc != 0; i++) {
        const struct wf_model_entry *e = wf_model_list_at(list, i);
        if (strcmp(e->digest, digest) != 0)
            continue;
        (void)snprintf(j->model, sizeof(j->model), "%s", e->name);
        rc = 0;
    }
    wf_model_list_unref(list);
    return rc == 0 ? 0 : wf_err_set(err, rc, "The model of that answer is not here.");
}

static int read_point(struct job *j, struct wf_err *err)
{
    const json_t *v = json_object_get(j->body, "point");
    const json_t *written = json_object_get(v, "written");
    const char *digest = wf_json_text(v, "digest");
    int rc = json_is_integer(written) && json_integer_value(written) >= 0 ? 0 : bad(err);

    if (rc == 0)
        rc = read_ids(j, wf_json_text(v, "ids"), err);
    if (rc == 0)
        rc = read_sampler(j, v, err);
    if (rc == 0)
        rc = find_model(j, digest, err);
    j->point.digest = digest;
    j->point.model = j->model;
    j->point.n_written = rc == 0 ? (size_t)json_integer_value(written) : 0;
    j->request.q.model = j->model;
    j->request.q.resume = &j->point;
    return rc;
}

/* The text so far is the beginning of the answer, which any model goes on with. */
static int read_text(struct job *j, struct wf_err *err)
{
    const char *text = wf_json_text(j->body, "text");
    json_t *copy;

    if (j->request.q.messages == NULL)
        return bad(err);
    j->request.q.model = NULL;
    copy = json_copy((json_t *)(uintptr_t)j->request.q.messages);
    if (text[0] != 0 && json_array_append_new(copy, json_pack("{s:s, s:s}", "role", "assistant",
                                                              "content", text)) != 0) {
        json_decref(copy);
        return wf_moving__no_memory(err);
    }
    j->messages = copy;
    j->request.q.messages = copy;
    j->request.q.continue_last = text[0] != 0;
    return 0;
}

static int read_request(struct job *j, struct wf_err *err)
{
    const json_t *request = json_object_get(j->body, "request");
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    rc = request != NULL ? wf_json_append(&b, request) : WF_E_FORMAT;
    rc = rc == 0 ? wf_remote_request_read(wf_buf_str(&b), &j->request, err) : bad(err);
    wf_buf_deinit(&b);
    return rc;
}

/* Waits until the other has let go. True: it has, or is gone. */
static bool await_go(struct job *j)
{
    int64_t until_ms = wf_moving__now_ms() + WF_MOVING_GO_MS;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    bool is_go;

    pthread_mutex_lock(&j->m->lock);
    while (!j->t->is_go && !j->t->is_no_go && !j->m->stop && wf_moving__now_ms() < until_ms)
        (void)pthread_cond_timedwait(&j->m->changed, &j->m->lock, &until);
    is_go = j->t->is_go;
    pthread_mutex_unlock(&j->m->lock);
    return is_go;
}

static bool is_stopped(void *ud)
{
    struct wf_moving *m = ud;
    bool stop;

    pthread_mutex_lock(&m->lock);
    stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

/* What was written before comes first where the engine does not tell it itself. */
static void tell_text(struct job *j)
{
    struct wf_gen_event e = {.kind = WF_GEN_TEXT,
                             .text = wf_str_from(wf_json_text(j->body, "text"))};

    if (j->request.q.resume != NULL || e.text.len == 0)
        return;
    pthread_mutex_lock(&j->m->lock);
    wf_moving__append(j->m, j->t, &e);
    pthread_mutex_unlock(&j->m->lock);
}

static int say_begun(struct job *j, bool ok)
{
    return wf_moving__send(j->m, j->t->from, WF_MOVING_BEGUN,
                           json_pack("{s:s, s:I, s:b}", "name", j->t->name, "call",
                                     (json_int_t)j->call, "ok", (int)ok));
}

static void fetch_cache(struct job *j)
{
    size_t n = wf_moving__fetch_cache(j->m, j->t, &j->point, &j->request.q.load);

    if (n > 0 && j->m->o.log != NULL)
        wf_log_line(j->m->o.log, WF_LOG_INFO, "moving",
                    "%zu of an answer's %zu tokens came with their cache", n, j->point.n_ids);
}

/* Begins it, and goes on when the other has let go. */
static int write_on(struct job *j, struct wf_err *err)
{
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    int rc;

    j->request.q.canceled = is_stopped;
    j->request.q.canceled_ud = j->m;
    if (j->request.q.resume != NULL && j->request.q.n_adapters == 0)
        fetch_cache(j);
    rc = wf_moving__begin(j->m, j->m->o.engine, j->t, &j->request.q, &g, err);
    if (rc != 0)
        return rc;
    (void)!say_begun(j, true);
    if (!await_go(j)) {
        wf_moving__give_up(g);
        return wf_err_set(err, WF_E_BUSY, "The other device goes on with it.");
    }
    pthread_mutex_lock(&j->m->lock);
    j->t->from = 0; /* it is this device's now, and others may take it */
    pthread_mutex_unlock(&j->m->lock);
    tell_text(j);
    while (wf_gen_next(g, &e, err) == 1)
        ;
    wf_gen_free(g);
    return 0;
}

static void run_job(void *ud)
{
    struct job *j = ud;
    struct wf_moving *m = j->m;
    struct wf_err err = WF_ERR_INIT;
    bool is_point = strcmp(wf_json_text(j->body, "how"), "move") == 0;
    int rc = read_request(j, &err);

    if (rc == 0)
        rc = is_point ? read_point(j, &err) : read_text(j, &err);
    if (rc == 0)
        rc = write_on(j, &err);
    if (rc != 0 && m->o.log != NULL)
        wf_log_line(m->o.log, WF_LOG_INFO, "moving", "an answer is followed, not taken: %s",
                    err.msg);
    if (rc != 0) {
        (void)!say_begun(j, false);
        pthread_mutex_lock(&m->lock);
        if (j->t->state == WF_TAPE_RUNS && (m->stop || wf_moving__ask(m, j->t, true) != 0))
            wf_moving__end(m, j->t, WF_TAPE_FAILED, &err);
        pthread_mutex_unlock(&m->lock);
    }
    wf_remote_request_deinit(&j->request);
    json_decref(j->messages);
    json_decref(j->body);
    wf_free(j->ids);
    wf_moving__unref(m, j->t);
    wf_free(j);
}

/* ---- what comes ---- */

void wf_moving__came_state(struct wf_moving *m, uint64_t peer, struct wf_str bytes,
                           const json_t *body)
{
    struct wf_tape *t = wf_moving__tape(m, wf_str_from(wf_json_text(body, "name")));
    const char *error = json_string_value(json_object_get(body, "error"));
    struct wf_err err = WF_ERR_INIT;
    struct job *j;

    (void)bytes;
    if (t == NULL || t->from != peer || t->state != WF_TAPE_RUNS || t->n_refs > 0 ||
        (json_int_t)t->call != json_integer_value(json_object_get(body, "call")))
        return;
    if (error != NULL) {
        (void)wf_err_set(&err, WF_E_NOENT, "%s", error);
        wf_moving__end(m, t, WF_TAPE_FAILED, &err);
        return;
    }
    if (strcmp(wf_json_text(body, "how"), "follow") == 0)
        return; /* events follow */
    j = wf_alloc_array(1, sizeof(*j));
    if (j != NULL) {
        *j = (struct job){.m = m, .t = t, .body = json_deep_copy(body), .call = t->call};
        t->n_refs++;
        if (j->body != NULL && wf_team_post(m->team, run_job, j) == 0)
            return;
        t->n_refs--;
        json_decref(j->body);
        wf_free(j);
    }
    (void)wf_moving__no_memory(&err);
    wf_moving__end(m, t, WF_TAPE_FAILED, &err);
}

/* Whether bytes are whole events. */
static bool are_events(struct wf_str bytes)
{
    struct wf_gen_event e;
    struct wf_arena arena;
    size_t at = 0;
    int rc;

    wf_arena_init(&arena, 1024, WF_MOVING_TAPE_BYTES);
    while ((rc = wf_remote_event_next(bytes, &at, &arena, &e, NULL)) == 1)
        ;
    wf_arena_deinit(&arena);
    return rc == 0;
}

void wf_moving__came_events(struct wf_moving *m, uint64_t peer, struct wf_str body)
{
    struct wf_str rest = body, name;
    struct wf_err err = WF_ERR_INIT;
    struct wf_tape *t;
    size_t at = 0;

    (void)wf_str_split(&rest, '\0', &name);
    t = wf_moving__tape(m, name);
    if (rest.len < 4 || t == NULL || t->from != peer || t->state != WF_TAPE_RUNS || t->n_refs > 0)
        return;
    for (int k = 3; k >= 0; k--)
        at = at << 8 | (unsigned char)rest.ptr[k];
    rest = wf_str_sub(rest, 4, rest.len);
    if (at != t->events.len || wf_buf_append_str(&t->events, rest) != 0) {
        (void)wf_err_set(&err, WF_E_FORMAT, "A piece of the answer is missing.");
        wf_moving__end(m, t, WF_TAPE_FAILED, &err);
    }
    pthread_cond_broadcast(&m->changed);
}

void wf_moving__came_end(struct wf_moving *m, uint64_t peer, const json_t *body)
{
    struct wf_tape *t = wf_moving__tape(m, wf_str_from(wf_json_text(body, "name")));
    const char *error = json_string_value(json_object_get(body, "error"));
    struct wf_err err = WF_ERR_INIT;

    if (t == NULL || t->from != peer || t->n_refs > 0)
        return;
    if (error == NULL && !are_events(wf_buf_str(&t->events)))
        error = "The answer came damaged.";
    (void)snprintf(t->model, sizeof(t->model), "%s", wf_json_text(body, "model"));
    if (error != NULL)
        (void)wf_err_set(&err, WF_E_CANCELED, "%s", error);
    wf_moving__end(m, t, error == NULL ? WF_TAPE_ENDED : WF_TAPE_FAILED, &err);
}
