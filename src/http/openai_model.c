/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/models and /v1/models/{id}: the model store, as OpenAI lists models (Anthropic's clients,
 * known by their header, get their own list). Adapters are not in it: a request names them beside a
 * model. */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "engine/model_store.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "op/remote.h"
#include "op/remote_node.h"
#include "op/router.h"

static const char *kind_of(enum wf_model_kind kind)
{
    switch (kind) {
    case WF_MODEL_CHAT:
        return "chat";
    case WF_MODEL_TEXT:
        return "completion";
    case WF_MODEL_EMBED:
        return "embedding";
    case WF_MODEL_RERANK:
        return "rerank";
    case WF_MODEL_ADAPTER:
        return "adapter";
    }
    return "";
}

static json_t *model_json(const struct wf_model_entry *m)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:I}", "id", m->name, "object", "model", "created",
                     (json_int_t)(m->added_ms / 1000), "owned_by", "local", "kind",
                     kind_of(m->kind), "context_length", (json_int_t)m->n_context);
}

static int add_model(void *ud, const struct wf_model_entry *m)
{
    if (m->kind == WF_MODEL_ADAPTER)
        return 0;
    return json_array_append_new(ud, model_json(m)) == 0 ? 0 : WF_E_NOMEM;
}

static json_t *remote_json(const char *name, const struct wf_engine_entry *e)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:I}", "id", name, "object", "model", "created", 0,
                     "owned_by", e->provider, "kind", "chat", "context_length",
                     (json_int_t)e->n_context);
}

/* The choice among all of them, which is offered where there is one. */
static json_t *auto_json(void)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i}", "id", WF_ROUTER_AUTO, "object", "model",
                     "created", 0, "owned_by", "weft", "kind", "chat", "context_length", 0);
}

static int add_remote(void *ud, const char *name, const struct wf_engine_entry *e)
{
    return json_array_append_new(ud, remote_json(name, e)) == 0 ? 0 : WF_E_NOMEM;
}

static json_t *place_json(const struct wf_nodes_place *p)
{
    return json_pack("{s:o, s:s, s:i, s:s, s:s, s:I}", "id",
                     json_sprintf("%s/%s", p->node, p->model), "object", "model", "created", 0,
                     "owned_by", p->node, "kind", kind_of(p->kind), "context_length",
                     (json_int_t)p->n_context);
}

/* The models of the owner's other nodes. */
static int add_places(struct wf_nodes *nodes, json_t *data)
{
    struct wf_nodes_place *places = NULL;
    size_t n = 0;
    int rc = nodes != NULL ? wf_nodes_places(nodes, &places, &n, NULL) : 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = json_array_append_new(data, place_json(&places[i])) == 0 ? 0 : WF_E_NOMEM;
    wf_free(places);
    return rc;
}

void wf_handle_openai_models(struct wf_request *r)
{
    struct wf_model_store *models = r->http->o.ops->models;
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    json_t *data;
    int rc = 0;

    if (r->face == WF_FACE_ANTHROPIC) {
        wf_handle_anthropic_models(r);
        return;
    }
    data = json_array();
    if (wf_face_open(&c, r)) {
        if (!data)
            rc = wf_face_no_memory(&err);
        else if (models)
            rc = wf_model_store_each(models, add_model, data, &err);
        if (rc == 0)
            rc = wf_remote_models(r->http->o.ops->engines, add_remote, data);
        if (rc == 0)
            rc = add_places(r->http->o.ops->nodes, data);
        if (rc == 0 && wf_router_is_offered(r->http->o.ops->router) &&
            json_array_append_new(data, auto_json()) != 0)
            rc = WF_E_NOMEM;
        if (rc == WF_E_NOMEM)
            rc = wf_face_no_memory(&err);
        if (rc == 0)
            wf_face_answer(&c, 200, json_pack("{s:s, s:O}", "object", "list", "data", data));
        else
            wf_face_fail(&c, &err);
    }
    json_decref(data);
    wf_face_close(&c);
}

static bool is_at_node(const struct wf_op_context *ops, const char *name,
                       struct wf_nodes_place *out)
{
    return wf_remote_node_is(ops->nodes, ops->models, name) &&
           wf_nodes_find_any(ops->nodes, name, out, NULL) == 0;
}

void wf_handle_openai_model(struct wf_request *r)
{
    struct wf_model_store *models = r->http->o.ops->models;
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct wf_model_entry m = {.added_ms = 0};
    int rc;

    if (r->face == WF_FACE_ANTHROPIC) {
        wf_handle_anthropic_model(r);
        return;
    }
    if (wf_face_open(&c, r)) {
        const char *name = wf_arena_cstr(&c.arena, r->id), *own;
        const struct wf_engines *engines = r->http->o.ops->engines;
        const struct wf_engine_entry *e = engines ? wf_engines_resolve(engines, r->id, &own) : NULL;
        struct wf_nodes_place at;
        bool is_place = false, is_auto = name && wf_router_is_offered(r->http->o.ops->router) &&
                                         strcmp(name, WF_ROUTER_AUTO) == 0;
        if (!name)
            rc = wf_face_no_memory(&err);
        else if (e || is_auto || (is_place = is_at_node(r->http->o.ops, name, &at)))
            rc = 0;
        else if (!models)
            rc = wf_err_set(&err, WF_E_NOENT, "This weft has no models.");
        else
            rc = wf_model_store_find(models, name, &m, &err);
        if (rc == 0)
            wf_face_answer(&c, 200,
                           is_auto    ? auto_json()
                           : e        ? remote_json(name, e)
                           : is_place ? place_json(&at)
                                      : model_json(&m));
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
}
