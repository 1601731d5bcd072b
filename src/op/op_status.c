/* SPDX-License-Identifier: Apache-2.0 */
/* status, settings.*, watch.report, link: about weft itself. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "op/op_internal.h"
#include "os/sandbox.h"
#include "space/record.h"
#include "store/thread.h"

struct wf_op_state {
    pthread_mutex_t lock; /* guards what follows but n_running */
    json_t *watched;      /* array of {path, state} */
    json_t *presented;    /* what a screen shows (op_present.c), or NULL */
    atomic_size_t n_running;
};

/* Relaxed: the number alone is of interest. */
void wf_op__enter(struct wf_op_context *ctx)
{
    if (ctx->state)
        atomic_fetch_add_explicit(&ctx->state->n_running, 1, memory_order_relaxed);
}

void wf_op__leave(struct wf_op_context *ctx)
{
    if (ctx->state)
        atomic_fetch_sub_explicit(&ctx->state->n_running, 1, memory_order_relaxed);
}

size_t wf_op_running(const struct wf_op_context *ctx)
{
    return ctx->state ? atomic_load_explicit(&ctx->state->n_running, memory_order_relaxed) : 0;
}

struct wf_op_state *wf_op_state_new(void)
{
    struct wf_op_state *s = wf_alloc_array(1, sizeof(*s));

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->watched = json_array();
    return s;
}

void wf_op_state_free(struct wf_op_state *s)
{
    if (!s)
        return;
    json_decref(s->watched);
    json_decref(s->presented);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}

json_t *wf_op__presented(struct wf_op_context *ctx)
{
    json_t *copy;

    pthread_mutex_lock(&ctx->state->lock);
    copy = json_deep_copy(ctx->state->presented); /* NULL of NULL */
    pthread_mutex_unlock(&ctx->state->lock);
    return copy;
}

void wf_op__set_presented(struct wf_op_context *ctx, const json_t *state)
{
    json_t *copy = json_deep_copy(state);

    pthread_mutex_lock(&ctx->state->lock);
    json_decref(ctx->state->presented);
    ctx->state->presented = copy;
    pthread_mutex_unlock(&ctx->state->lock);
}

int wf_op__watch_report(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const json_t *watched = json_object_get(call->params, "watched");
    json_t *copy;

    if (!json_is_array(watched))
        return wf_err_set(err, WF_E_INVAL, "\"watched\" must be a list.");
    copy = json_deep_copy(watched);
    if (!copy)
        return wf_op__no_memory(err);
    pthread_mutex_lock(&ctx->state->lock);
    json_decref(ctx->state->watched);
    ctx->state->watched = copy;
    pthread_mutex_unlock(&ctx->state->lock);
    return wf_op__give(json_object(), out_result, err);
}

static json_t *watched_json(struct wf_op_state *s)
{
    json_t *copy;

    pthread_mutex_lock(&s->lock);
    copy = json_deep_copy(s->watched);
    pthread_mutex_unlock(&s->lock);
    return copy;
}

int wf_op__status(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                  struct wf_err *err)
{
    struct wf_sandbox_support sandbox = wf_sandbox_support();
    struct wf_document_totals t;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    (void)call;
    if (rc != 0)
        return rc;
    rc = wf_document_totals(r, &t, err);
    wf_store_reader_put(ctx->store, r);
    if (rc != 0)
        return rc;
    return wf_op__give(
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:{s:b, s:i}}", "version",
                  WF_VERSION, "home", ctx->home ? ctx->home : "", "documents",
                  (json_int_t)t.n_documents, "chunks", (json_int_t)t.n_chunks, "characters",
                  (json_int_t)t.n_cp, "bytes", (json_int_t)t.bytes, "failed",
                  (json_int_t)t.n_failed, "clock_ahead_ms",
                  (json_int_t)(ctx->records ? wf_records_ahead_ms(ctx->records) : 0), "watched",
                  watched_json(ctx->state), "vectors", wf_op__vectors_json(ctx), "sandbox",
                  "seccomp", (int)sandbox.seccomp, "landlock", sandbox.landlock_abi),
        out_result, err);
}

/* ---- settings of the page ---- */

static const struct {
    const char *name;
    const char *values[4]; /* the first is the default */
} settings[] = {
    {"language", {"auto", "en", "de", NULL}},
    {"theme", {"auto", "light", "dark", NULL}},
};

int wf_op__settings_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    json_t *v = json_object();
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    (void)call;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(settings); i++) {
        struct wf_str value;
        rc = wf_setting_get(r, settings[i].name, &arena, &value, err);
        if (rc == 0)
            json_object_set_new(
                v, settings[i].name,
                wf_json_str(value.len ? value : wf_str_from(settings[i].values[0])));
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = wf_op__give(json_incref(v), out_result, err);
    json_decref(v);
    return rc;
}

static int set_one(struct wf_op_context *ctx, size_t i, struct wf_str value, struct wf_err *err)
{
    for (size_t k = 0; settings[i].values[k]; k++) {
        if (wf_str_eq(value, wf_str_from(settings[i].values[k])))
            return wf_setting_set(ctx->store, settings[i].name, value, err);
    }
    return wf_err_set(err, WF_E_INVAL, "\"%.*s\" is no value of \"%s\".",
                      (int)WF_MIN(value.len, (size_t)40), value.ptr, settings[i].name);
}

int wf_op__settings_set(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(settings); i++) {
        struct wf_str value;
        rc = wf_param_str(call->params, settings[i].name, false, &value, err);
        if (rc == 0 && value.len > 0)
            rc = set_one(ctx, i, value, err);
    }
    return rc == 0 ? wf_op__settings_get(ctx, call, out_result, err) : rc;
}

int wf_op__link(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                struct wf_err *err)
{
    char link[WF_OP_LINK_BYTES];

    (void)call;
    if (!ctx->new_link)
        return wf_err_set(err, WF_E_NOENT, "weft is not running. Start it: weft up");
    ctx->new_link(ctx->new_link_ud, link);
    return wf_op__give(json_pack("{s:s}", "link", link), out_result, err);
}
