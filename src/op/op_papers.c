/* SPDX-License-Identifier: Apache-2.0 */
/* documents.pin, .unpin, .fetch: originals that other devices have. The work is mesh/blobs'. */
#include "mesh/blobs.h"
#include "op/op_internal.h"

static int has_blobs(const struct wf_op_context *ctx, struct wf_err *err)
{
    return ctx->blobs
               ? 0
               : wf_err_set(err, WF_E_INVAL, "That needs a running weft: start it with weft up.");
}

static int pin(struct wf_op_context *ctx, const struct wf_op_call *call, bool is_pinned,
               json_t **out_result, struct wf_err *err)
{
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = has_blobs(ctx, err);
    if (rc == 0)
        rc = wf_blobs_pin(ctx->blobs, id, is_pinned, err);
    if (rc != 0)
        return rc;
    wf_op_publish_documents(ctx);
    return wf_op__give(json_pack("{s:b}", "pinned", is_pinned), out_result, err);
}

int wf_op__documents_pin(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    return pin(ctx, call, true, out_result, err);
}

int wf_op__documents_unpin(struct wf_op_context *ctx, const struct wf_op_call *call,
                           json_t **out_result, struct wf_err *err)
{
    return pin(ctx, call, false, out_result, err);
}

static int tell(void *ud, uint64_t done, uint64_t all)
{
    const struct wf_op_sink *sink = ud;
    json_t *data = json_pack("{s:I, s:I}", "done", (json_int_t)done, "all", (json_int_t)all);

    if (data && sink->event)
        sink->event(sink->ud, "progress", data);
    json_decref(data);
    return sink->canceled && sink->canceled(sink->ud);
}

int wf_op__documents_fetch(struct wf_op_context *ctx, const struct wf_op_call *call,
                           json_t **out_result, struct wf_err *err)
{
    const struct wf_op_sink *sink = call->sink;
    char uid[WF_UID_BYTES + 1] = "";
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = has_blobs(ctx, err);
    if (rc == 0)
        rc = wf_blobs_fetch(ctx->blobs, id, tell, (void *)(uintptr_t)sink, uid, err);
    return rc == 0 ? wf_op__give(json_pack("{s:s}", "id", uid), out_result, err) : rc;
}
