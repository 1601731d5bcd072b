/* SPDX-License-Identifier: Apache-2.0 */
/* sync.status: how far this device and the connected ones have the same. The work is
 * mesh/sharing's. */
#include "mesh/blobs.h"
#include "mesh/sharing.h"
#include "op/op_internal.h"

int wf_op__sync_status(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *v;

    (void)call;
    if (ctx->sharing == NULL)
        return wf_err_set(err, WF_E_INVAL, "That needs a running weft: start it with weft up.");
    v = wf_sharing_status(ctx->sharing);
    if (v && ctx->blobs)
        (void)json_object_set_new(v, "documents", wf_blobs_status(ctx->blobs)); /* else without */
    return wf_op__give(v, out_result, err);
}
