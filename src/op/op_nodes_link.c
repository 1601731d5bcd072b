/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.link: how it stands with the way to other nodes: whether the process runs, where it
 * listens, who is connected, and why somebody is not. For `weft doctor` and tests. */
#include "mesh/link.h"
#include "op/op_internal.h"

int wf_op__nodes_link(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    json_t *v;

    (void)call;
    if (ctx->link == NULL)
        v = json_pack("{s:s, s:[], s:[], s:[]}", "state", "off", "addresses", "peers", "knocks");
    else
        v = wf_link_status(ctx->link);
    if (v == NULL)
        return wf_op__no_memory(err);
    *out_result = v;
    return 0;
}
