/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.*: the owner's nodes: listed, named, taken out. The work is mesh/fabric's. */
#include "mesh/fabric.h"
#include "mesh/remote_nodes.h"
#include "op/node_breakers.h"
#include "op/op_internal.h"

int wf_op__has_fabric(const struct wf_op_context *ctx, struct wf_err *err)
{
    return ctx->fabric != NULL ? 0 : wf_err_set(err, WF_E_INVAL, "That needs a home.");
}

/* For how long nothing is sent to it, where it failed again and again. */
static int tell_breaker(struct wf_op_context *ctx, const char *name, json_t *offer)
{
    char plain[WF_DEVICES_NAME_BYTES + 1];
    int64_t ms = 0;

    wf_nodes_plain_name(name, plain);
    if (wf_node_breakers_state(ctx->breakers, wf_str_from(plain), &ms) != WF_BREAKER_OPEN)
        return 0;
    return json_object_set_new(offer, "left_alone_ms", json_integer(ms));
}

/* What each of them offers, where it has said so. NULL: out of memory. */
static json_t *with_offers(struct wf_op_context *ctx, json_t *v)
{
    json_t *offers, *node;
    size_t i;

    if (v == NULL || ctx->nodes == NULL)
        return v;
    offers = wf_nodes_json(ctx->nodes);
    json_array_foreach(json_object_get(v, "nodes"), i, node)
    {
        json_t *own = json_object_get(offers, wf_json_text(node, "name"));
        if (own != NULL && (tell_breaker(ctx, wf_json_text(node, "name"), own) != 0 ||
                            json_object_set(node, "engine", own) != 0)) {
            json_decref(v);
            v = NULL;
            break;
        }
    }
    json_decref(offers);
    return v;
}

static int give_nodes(struct wf_op_context *ctx, json_t **out_result, struct wf_err *err)
{
    return wf_op__give(with_offers(ctx, wf_fabric_nodes(ctx->fabric)), out_result, err);
}

int wf_op__nodes_list(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    int rc = wf_op__has_fabric(ctx, err);

    (void)call;
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_init(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    int rc = wf_op__has_fabric(ctx, err);

    (void)call;
    if (rc == 0)
        rc = wf_fabric_init(ctx->fabric, err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_rename(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    struct wf_str name, to;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "to", true, &to, err);
    if (rc == 0)
        rc = wf_fabric_rename(ctx->fabric, name, to, err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_clear(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    struct wf_str name, text;
    enum wf_label label;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "label", true, &text, err);
    if (rc == 0 && !wf_label_parse(text, &label))
        rc = wf_err_set(err, WF_E_INVAL, "\"label\" must be public, internal or private.");
    if (rc == 0)
        rc = wf_fabric_clear(ctx->fabric, name, label, err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_relay(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    const json_t *off = json_object_get(call->params, "off");
    struct wf_str name;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0 && off != NULL && !json_is_boolean(off))
        rc = wf_err_set(err, WF_E_INVAL, "\"off\" must be true or false.");
    if (rc == 0)
        rc = wf_fabric_relay(ctx->fabric, name, !json_is_true(off), err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_revoke(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    struct wf_str name;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_fabric_revoke(ctx->fabric, name, err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}

int wf_op__nodes_leave(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    int rc = wf_op__has_fabric(ctx, err);

    (void)call;
    if (rc == 0)
        rc = wf_fabric_leave(ctx->fabric, err);
    return rc == 0 ? give_nodes(ctx, out_result, err) : rc;
}
