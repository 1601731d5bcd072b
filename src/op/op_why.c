/* SPDX-License-Identifier: Apache-2.0 */
/* why: a request's decision, out of the router's log, and its entries in the ledger, which is
 * walked from its end. */
#include "op/why.h"

#include "op/op_internal.h"
#include "op/router.h"
#include "privacy/ledger_read.h"
#include "route/record.h"

#define ENTRIES_MAX 200000 /* older ones are not looked for */
#define OWN_MAX 64         /* of one request: its tries */

static int collect(const char *ledger, struct wf_str id, json_t *entries, struct wf_err *err)
{
    struct wf_ledger_reader *r = NULL;
    const struct wf_ledger_entry *e;
    int rc = wf_ledger_reader_open(ledger, &r, err);

    if (rc == WF_E_NOENT)
        return 0; /* nothing has left yet */
    if (rc == 0)
        wf_ledger_reader_to_end(r);
    for (size_t i = 0; rc == 0 && i < ENTRIES_MAX && json_array_size(entries) < OWN_MAX; i++) {
        rc = wf_ledger_reader_back(r, &e, err);
        if (rc != 1)
            break;
        rc = 0;
        if (wf_str_eq(e->request_id, id) &&
            json_array_insert_new(entries, 0, wf_ledger_entry_json(e)) != 0)
            rc = wf_op__no_memory(err);
    }
    wf_ledger_reader_free(r);
    return rc;
}

int wf_op_why_json(const char *ledger, const char *routes, struct wf_str id, json_t **out,
                   struct wf_err *err)
{
    json_t *decision = NULL, *entries = json_array();
    bool is_good;
    int rc;

    if (entries == NULL)
        return wf_op__no_memory(err);
    if (!wf_route_id_is_valid(id))
        rc = wf_err_set(err, WF_E_INVAL,
                        "This is no request's id. The answer's header x-weft-route has it.");
    else
        rc = wf_route_log_find(routes, id, &decision, err);
    if (rc == WF_E_NOENT)
        rc = 0; /* it was asked for by name */
    if (rc == 0 && decision != NULL && wf_route_log_rated(routes, id, &is_good, NULL) == 0)
        (void)json_object_set_new(decision, "feedback", json_string(is_good ? "good" : "bad"));
    if (rc == 0)
        rc = collect(ledger, id, entries, err);
    if (rc == 0 && decision == NULL && json_array_size(entries) == 0)
        rc = wf_err_set(err, WF_E_NOENT,
                        "Nothing is known of the request %.*s: it ran here, was long ago, or never "
                        "was.",
                        WF_STR_ARG(id));
    if (rc == 0)
        rc = wf_op__give(json_pack("{s:s%, s:O, s:O}", "id", id.ptr, id.len, "decision",
                                   decision != NULL ? decision : json_null(), "entries", entries),
                         out, err);
    json_decref(decision);
    json_decref(entries);
    return rc;
}

int wf_op__why(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
               struct wf_err *err)
{
    struct wf_str id = WF_STR("");
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc != 0)
        return rc;
    if (ctx->ledger == NULL || ctx->routes == NULL)
        return wf_err_set(err, WF_E_INVAL, "\"why\" needs a home.");
    wf_router_settle(ctx->router); /* who asks at once is told, too */
    return wf_op_why_json(ctx->ledger, ctx->routes, id, out_result, err);
}
