/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.link: how it stands with the way to other nodes: whether the process runs, where it
 * listens, who is connected, and why somebody is not. For `weft doctor` and tests. And
 * nodes.address: where a paired node may be found, as a person says. */
#include <sodium.h>
#include <string.h>

#include "mesh/address.h"
#include "mesh/fabric.h"
#include "mesh/link.h"
#include "op/op_internal.h"

/* The devices' names, to those whose keys are paired. */
static void name_peers(const struct wf_op_context *ctx, json_t *status)
{
    const json_t *peers = json_object_get(status, "peers");
    char hex[2 * WF_LINK_KEY_BYTES + 1];
    struct wf_devices d;
    json_t *peer;
    size_t i;

    if (ctx->fabric == NULL)
        return;
    wf_fabric_devices(ctx->fabric, &d);
    json_array_foreach(peers, i, peer)
    {
        const char *key = json_string_value(json_object_get(peer, "key"));
        for (size_t k = 0; key != NULL && k < d.n_entries; k++) {
            (void)sodium_bin2hex(hex, sizeof(hex), d.entries[k].transport, WF_LINK_KEY_BYTES);
            if (strcmp(hex, key) == 0) /* without memory it stays without a name */
                (void)json_object_set_new(peer, "name", json_string(d.entries[k].name));
        }
    }
}

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
    name_peers(ctx, v);
    *out_result = v;
    return 0;
}

int wf_op__nodes_address(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    const struct wf_devices_entry *e = NULL;
    struct wf_str name, text;
    struct wf_address a;
    struct wf_devices d;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "address", true, &text, err);
    if (rc == 0 && wf_address_read(text, &a) != 0)
        rc = wf_err_set(err, WF_E_INVAL,
                        "\"%.*s\" is no address. Give HOST:PORT, for instance "
                        "192.168.1.20:7771.",
                        WF_STR_ARG(wf_str_sub(text, 0, 60)));
    if (rc == 0 && ctx->link == NULL)
        rc = wf_err_set(err, WF_E_INVAL, "weft is not running. Start it: weft up");
    if (rc != 0)
        return rc;
    wf_fabric_devices(ctx->fabric, &d);
    e = wf_devices_by_name(&d, name);
    if (e == NULL)
        return wf_err_set(err, WF_E_NOENT, "There is no device \"%.*s\". See weft nodes.",
                          WF_STR_ARG(wf_str_sub(name, 0, 64)));
    wf_link_address(ctx->link, e->transport, text);
    return wf_op__give(wf_fabric_nodes(ctx->fabric), out_result, err);
}
