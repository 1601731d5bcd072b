/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface over daemon/client.h: JSON as text on the outside, one struct for the handle. The
 * hidden names of the library stay hidden; only weft_* is exported. */
#include "weft.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/config.h"
#include "base/limits.h"
#include "daemon/add.h"
#include "daemon/client.h"
#include "daemon/home.h"
#include "daemon/walk.h"
#include "op/json.h"

#define WEFT_EXPORT __attribute__((visibility("default")))

struct weft {
    struct wf_home home;
    struct wf_client *client;
};

_Static_assert(WEFT_ERROR_MESSAGE_MAX == WF_ERR_MSG_MAX, "messages are copied whole");

static int give_error(const struct wf_err *from, struct weft_error *to)
{
    if (to) {
        to->code = from->code;
        memcpy(to->message, from->msg, sizeof(to->message));
    }
    return from->code;
}

WEFT_EXPORT int weft_open(const struct weft_options *options, struct weft **out,
                          struct weft_error *err)
{
    struct wf_client_options o = {.program = options->program,
                                  .make_home = options->program != NULL};
    struct wf_err e = WF_ERR_INIT;
    struct weft *w = wf_alloc_array(1, sizeof(*w));
    int rc;

    if (!w)
        rc = wf_err_set(&e, WF_E_NOMEM, "Out of memory.");
    else
        rc = wf_home_init(&w->home, options->home ? options->home : "", &e);
    if (rc == 0)
        rc = wf_client_open(&w->home, &o, &w->client, &e);
    if (rc != 0) {
        weft_close(w);
        return give_error(&e, err);
    }
    *out = w;
    return 0;
}

WEFT_EXPORT void weft_close(struct weft *w)
{
    if (!w)
        return;
    wf_client_close(w->client);
    wf_free(w);
}

/* `v` (borrowed) as text for the caller. */
static int give_json(const json_t *v, char **out_json, struct wf_err *err)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    if (v && wf_json_append(&b, v) == 0)
        *out_json = wf_buf_detach(&b, NULL);
    else
        *out_json = NULL;
    wf_buf_deinit(&b);
    return *out_json ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

struct listener {
    weft_event_fn fn;
    void *ud;
    json_t *failed; /* of weft_add */
};

static int tell(struct listener *l, const char *event, const json_t *data)
{
    char *json = NULL;
    int rc;

    if (!l->fn || !data)
        return 0;
    if (give_json(data, &json, NULL) != 0)
        return WF_E_NOMEM;
    rc = l->fn(l->ud, event, json);
    wf_free(json);
    return rc;
}

static int on_event(void *ud, const char *event, const json_t *data)
{
    return tell(ud, event, data);
}

WEFT_EXPORT int weft_call(struct weft *w, const char *operation, const char *params,
                          weft_event_fn fn, void *ud, char **out_json, struct weft_error *err)
{
    struct listener l = {.fn = fn, .ud = ud};
    struct wf_client_call call = {.op = operation, .fd = -1, .fn = on_event, .ud = &l};
    struct wf_err e = WF_ERR_INIT;
    json_t *result = NULL;
    int rc = 0;

    if (params)
        rc = wf_json_parse(wf_str_from(params), &call.params, &e);
    if (rc == 0)
        rc = wf_client_run(w->client, &call, &result, &e);
    if (rc == 0)
        rc = give_json(result, out_json, &e);
    json_decref(call.params);
    json_decref(result);
    return rc == 0 ? 0 : give_error(&e, err);
}

static void fail(struct listener *l, const char *path, const char *reason)
{
    json_array_append_new(l->failed, json_pack("{s:s, s:s}", "path", path, "reason", reason));
}

static void on_file(void *ud, const struct wf_add_progress *p)
{
    struct listener *l = ud;
    json_t *data;

    if (!p->path || !p->status)
        return;
    if (strcmp(p->status, "failed") == 0)
        fail(l, p->path, p->reason ? p->reason : "It cannot be read.");
    data = json_pack("{s:s, s:s, s:s?}", "path", p->path, "status", p->status, "reason", p->reason);
    /* What it returns cannot stop files that are with the core already. */
    (void)(tell(l, "file", data) == 0);
    json_decref(data);
}

WEFT_EXPORT int weft_add(struct weft *w, const char *const *paths, size_t n_paths, weft_event_fn fn,
                         void *ud, char **out_json, struct weft_error *err)
{
    struct listener l = {.fn = fn, .ud = ud, .failed = json_array()};
    struct wf_add_options o = {.fn = on_file, .ud = &l};
    struct wf_add_result result = {0, 0, 0};
    struct wf_err e = WF_ERR_INIT;
    struct wf_walk walk;
    json_t *v = NULL;
    int rc = 0;

    wf_walk_init(&walk, w->home.dir);
    for (size_t i = 0; rc == 0 && i < n_paths; i++)
        rc = wf_walk_add(&walk, paths[i], &e);
    for (size_t i = 0; rc == 0 && i < walk.n_failures; i++)
        fail(&l, walk.failures[i].path, walk.failures[i].reason);
    if (rc == 0)
        rc = wf_add_files(w->client, &walk, &o, &result, &e);
    if (rc == 0) {
        v = json_pack("{s:I, s:I, s:O}", "added", (json_int_t)result.n_added, "unchanged",
                      (json_int_t)result.n_unchanged, "failed", l.failed);
        rc = give_json(v, out_json, &e);
    }
    json_decref(v);
    json_decref(l.failed);
    wf_walk_deinit(&walk);
    return rc == 0 ? 0 : give_error(&e, err);
}

WEFT_EXPORT void weft_free(void *p)
{
    wf_free(p);
}

WEFT_EXPORT const char *weft_version(void)
{
    return WF_VERSION;
}
