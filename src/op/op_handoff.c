/* SPDX-License-Identifier: Apache-2.0 */
/* presence.*, handoff.*: what is open on this device and on the others of its owner, and handing it
 * over. The work is mesh/nearby's; the label of what is open is found here. */
#include "mesh/nearby.h"
#include "op/op_internal.h"
#include "op/open_label.h"

static int has_nearby(const struct wf_op_context *ctx, struct wf_err *err)
{
    return ctx->nearby != NULL
               ? 0
               : wf_err_set(err, WF_E_INVAL, "That needs a running weft: start it with weft up.");
}

int wf_op__presence_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    (void)call;
    if (ctx->nearby == NULL)
        return wf_op__give(json_pack("{s:[], s:[], s:n}", "here", "others", "handed"), out_result,
                           err);
    return wf_op__give(wf_nearby_json(ctx->nearby), out_result, err);
}

int wf_op__presence_set(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const json_t *active = json_object_get(call->params, "active");
    json_t *what = NULL;
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0 && active != NULL && !json_is_boolean(active))
        rc = wf_err_set(err, WF_E_INVAL, "\"active\" must be true or false.");
    if (rc == 0)
        rc = wf_presence_what_read(call->params, &what, err);
    if (rc == 0 && ctx->nearby != NULL)
        rc = wf_nearby_set(ctx->nearby, id, wf_op_open_label(ctx, what), what,
                           !json_is_false(active), err);
    json_decref(what);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

int wf_op__presence_end(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0 && ctx->nearby != NULL)
        rc = wf_nearby_set(ctx->nearby, id, WF_LABEL_SECRET, NULL, false, err);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

int wf_op__handoff(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                   struct wf_err *err)
{
    struct wf_str node = {0}, page = {0};
    json_t *item = NULL;
    unsigned n_pages = 0;
    int rc = has_nearby(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "node", true, &node, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "page", false, &page, err);
    if (rc == 0)
        rc = wf_nearby_hand(ctx->nearby, node, page, &item, &n_pages, err);
    return rc == 0 ? wf_op__give(json_pack("{s:o, s:i, s:o}", "node", wf_json_str(node), "pages",
                                           (int)n_pages, "item", item),
                                 out_result, err)
                   : rc;
}

int wf_op__handoff_take(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    json_t *handed = ctx->nearby != NULL ? wf_nearby_take(ctx->nearby) : NULL;

    (void)call;
    return wf_op__give(json_pack("{s:o}", "handed", handed != NULL ? handed : json_null()),
                       out_result, err);
}
