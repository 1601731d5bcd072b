/* SPDX-License-Identifier: Apache-2.0 */
/* Who writes: the engine elsewhere that is named, else a model of this machine where one is there,
 * unless the person wants quotations. */
#include <string.h>

#include "engine/model_store.h"
#include "op/op_internal.h"
#include "op/remote.h"
#include "op/remote_node.h"
#include "op/router.h"

int wf_op__writer(struct wf_op_context *ctx, const json_t *params, struct wf_arena *arena,
                  bool *out_writes, const char **out_model, struct wf_err *err)
{
    struct wf_str mode = WF_STR(""), model = WF_STR("");
    struct wf_err why = WF_ERR_INIT;
    struct wf_model_entry entry;
    const char *name = NULL, *there;
    bool must;
    int rc = wf_param_str(params, "mode", false, &mode, err);

    if (rc == 0)
        rc = wf_param_str(params, "model", false, &model, err);
    if (rc == 0 && mode.len > 0 && !wf_str_eq(mode, WF_STR("auto")) &&
        !wf_str_eq(mode, WF_STR("generative")) && !wf_str_eq(mode, WF_STR("extractive")))
        rc =
            wf_err_set(err, WF_E_INVAL, "\"mode\" is auto, generative or extractive, not \"%.*s\".",
                       WF_STR_ARG(wf_str_sub(mode, 0, 40)));
    if (rc != 0)
        return rc;
    must = model.len > 0 || wf_str_eq(mode, WF_STR("generative"));
    *out_writes = false;
    *out_model = NULL;
    if (wf_str_eq(mode, WF_STR("extractive")))
        return 0;
    if (model.len > 0 && (name = wf_arena_cstr(arena, model)) == NULL)
        return wf_op__no_memory(err);
    if (ctx->engine != NULL &&
        (wf_remote_find(ctx->engines, ctx->models, name, &there) != NULL ||
         wf_remote_node_is(ctx->nodes, ctx->models, name) ||
         (wf_router_is_offered(ctx->router) && wf_router_is_auto(name, NULL)))) {
        *out_writes = true;
        *out_model = name;
        return 0;
    }
    if (ctx->engine == NULL || ctx->models == NULL)
        rc = wf_err_set(&why, WF_E_UNSUPPORTED, "Models can only be asked with a home.");
    else
        rc = wf_model_store_find(ctx->models, name, &entry, &why);
    if (rc == 0 && entry.kind != WF_MODEL_CHAT)
        rc = wf_err_set(&why, WF_E_UNSUPPORTED, "%s is no chat model.", entry.name);
    if (rc != 0)
        return must ? wf_err_set(err, why.code, "%s", why.msg) : 0;
    *out_writes = true;
    *out_model = name;
    return 0;
}

/* ---- what is released ---- */

static int look(void *ud, const struct wf_gen_request *q, const char *fence, struct wf_err *err)
{
    struct wf_op_release *x = ud;
    int rc = wf_router_look(x->ctx->engine, q, &x->looked, err);

    if (rc == 0 && json_object_set_new(x->looked, "fence", json_string(fence)) != 0)
        rc = wf_op__no_memory(err);
    return rc;
}

int wf_op__read_release(struct wf_op_context *ctx, const json_t *params, struct wf_op_release *out,
                        bool *out_is_said, struct wf_err *err)
{
    static const char *const fields[] = {"id", "reason", "fence", "as_is", NULL};
    const json_t *v = json_object_get(params, "release");
    const char *fence = wf_json_text(v, "fence");

    *out = (struct wf_op_release){.ctx = ctx};
    *out_is_said = v != NULL && !json_is_null(v);
    if (!*out_is_said)
        return 0;
    out->r.id = json_string_value(json_object_get(v, "id"));
    out->r.reason = json_string_value(json_object_get(v, "reason"));
    out->r.as_is = json_is_true(json_object_get(v, "as_is"));
    out->r.fence = wf_str_from(fence);
    out->r.look = look;
    out->r.ud = out;
    if (!json_is_object(v) || !out->r.id != !out->r.reason || !out->r.id != !fence[0])
        return wf_err_set(err, WF_E_INVAL,
                          "\"release\" must be an object with id, reason and fence, as looking at "
                          "it gave them.");
    return wf_param_known(v, fields, err);
}

int wf_op__give_looked(struct wf_op_release *release, json_t **out_result, struct wf_err *err)
{
    if (release->looked == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "Nothing of this would go to an engine elsewhere: there is nothing to "
                          "release.");
    *out_result = release->looked;
    release->looked = NULL;
    return 0;
}
