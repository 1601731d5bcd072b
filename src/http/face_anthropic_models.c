/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/models and /v1/models/{id} in Anthropic's form, for clients that send anthropic-version.
 * The list comes in pages. */
#include <string.h>

#include "base/arena.h"
#include "engine/model_store.h"
#include "http/anthropic.h"
#include "http/face.h"
#include "http/http_internal.h"
#include "op/json.h"
#include "op/router.h"

#define PAGE_DEFAULT 20 /* as Anthropic has them */
#define PAGE_MAX 1000

static json_t *model_json(const struct wf_model_entry *m)
{
    char time[WF_FACE_TIME_BYTES];

    wf_face_time(m->added_ms, time);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "type", "model", "id", m->name,
                     "display_name", m->name, "created_at", time, "max_input_tokens",
                     (json_int_t)m->n_context, "max_tokens", (json_int_t)m->n_context);
}

/* The choice among all engines. */
static json_t *auto_json(void)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "type", "model", "id", WF_ROUTER_AUTO, "display_name",
                     WF_ROUTER_AUTO, "created_at", "1970-01-01T00:00:00Z");
}

/* Only what answers messages: vectors and scores have no place in this API. */
static int add_model(void *ud, const struct wf_model_entry *m)
{
    if (m->kind != WF_MODEL_CHAT && m->kind != WF_MODEL_TEXT)
        return 0;
    return json_array_append_new(ud, model_json(m)) == 0 ? 0 : WF_E_NOMEM;
}

static size_t index_of(const json_t *all, const char *id, size_t otherwise)
{
    const json_t *m;
    size_t i;

    json_array_foreach(all, i, m)
    {
        if (id && strcmp(wf_json_text(m, "id"), id) == 0)
            return i;
    }
    return otherwise;
}

static json_t *id_at(const json_t *data, size_t i)
{
    json_t *id = json_object_get(json_array_get(data, i), "id");

    return id ? json_incref(id) : json_null();
}

json_t *wf_anthropic_page(const json_t *all, size_t limit, const char *after, const char *before)
{
    size_t n = json_array_size(all), from = 0, to;
    bool has_more;
    json_t *data = json_array();

    if (before) {
        to = index_of(all, before, n);
        from = to > limit ? to - limit : 0;
        has_more = from > 0;
    } else {
        from = after ? index_of(all, after, n) + 1 : 0;
        from = WF_MIN(from, n);
        to = WF_MIN(from + limit, n);
        has_more = to < n;
    }
    for (size_t i = from; data && i < to; i++) {
        if (json_array_append(data, json_array_get(all, i)) != 0) {
            json_decref(data);
            return NULL;
        }
    }
    return json_pack("{s:o, s:b, s:o, s:o}", "data", data, "has_more", has_more, "first_id",
                     id_at(data, 0), "last_id", id_at(data, to - from - 1));
}

static int list(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    const struct wf_param_range limits = {1, PAGE_MAX, PAGE_DEFAULT};
    const json_t *query = c->r->query;
    struct wf_model_store *models = c->r->http->o.ops->models;
    json_t *all = json_array();
    int64_t limit = 0;
    int rc = wf_param_int(query, "limit", limits, &limit, err);

    if (rc == 0 && models)
        rc = wf_model_store_each(models, add_model, all, err);
    if (rc == 0 && wf_router_is_offered(c->r->http->o.ops->router) &&
        json_array_append_new(all, auto_json()) != 0)
        rc = WF_E_NOMEM;
    if (rc == 0)
        *out = wf_anthropic_page(all, (size_t)limit,
                                 json_string_value(json_object_get(query, "after_id")),
                                 json_string_value(json_object_get(query, "before_id")));
    json_decref(all);
    return rc == WF_E_NOMEM ? wf_face_no_memory(err) : rc;
}

static int one(struct wf_face_call *c, json_t **out, struct wf_err *err)
{
    struct wf_model_store *models = c->r->http->o.ops->models;
    const char *name = wf_arena_cstr(&c->arena, c->r->id);
    struct wf_model_entry m;
    int rc;

    if (!name)
        return wf_face_no_memory(err);
    if (wf_router_is_offered(c->r->http->o.ops->router) && strcmp(name, WF_ROUTER_AUTO) == 0) {
        *out = auto_json();
        return 0;
    }
    if (!models)
        return wf_err_set(err, WF_E_NOENT, "This weft has no models.");
    rc = wf_model_store_find(models, name, &m, err);
    if (rc == 0)
        *out = model_json(&m);
    return rc;
}

static void answer(struct wf_request *r,
                   int (*fn)(struct wf_face_call *c, json_t **out, struct wf_err *err))
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    json_t *v = NULL;

    if (wf_face_open(&c, r)) {
        if (fn(&c, &v, &err) == 0)
            wf_face_answer(&c, 200, v);
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
}

void wf_handle_anthropic_models(struct wf_request *r)
{
    answer(r, list);
}

void wf_handle_anthropic_model(struct wf_request *r)
{
    answer(r, one);
}
