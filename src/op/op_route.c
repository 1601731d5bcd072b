/* SPDX-License-Identifier: Apache-2.0 */
/* route: where a chat request would run, and why; nothing is sent. By the engines, models and the
 * policy that this core has open. */
#include "op/op_internal.h"
#include "op/router.h"
#include "op/sites.h"

#define DEADLINE_MS_MAX 86400000

static int read_flag(const json_t *params, const char *key, bool *out, struct wf_err *err)
{
    const json_t *v = json_object_get(params, key);

    if (v != NULL && !json_is_null(v) && !json_is_boolean(v))
        return wf_err_set(err, WF_E_INVAL, "\"%s\" must be true or false.", key);
    if (v != NULL && !json_is_null(v)) /* else the setting holds */
        *out = json_is_true(v);
    return 0;
}

static int read_wish(const json_t *params, struct wf_router_wish *p, struct wf_err *err)
{
    struct wf_str balance;
    int64_t deadline_ms = 0;
    int rc = wf_param_str(params, "balance", false, &balance, err);

    if (rc == 0 && balance.len > 0 && !wf_balance_parse(balance, &p->balance))
        rc = wf_err_set(err, WF_E_INVAL, "\"balance\" is good, fast, frugal or private.");
    if (rc == 0)
        rc = wf_param_int(params, "deadline_ms", (struct wf_param_range){0, DEADLINE_MS_MAX, 0},
                          &deadline_ms, err);
    if (rc == 0)
        rc = read_flag(params, "consent", &p->has_consent, err);
    if (rc == 0)
        rc = read_flag(params, "offline", &p->is_offline, err);
    if (rc == 0)
        rc = read_flag(params, "here", &p->here_only, err);
    p->deadline_ms = (double)deadline_ms;
    return rc;
}

/* Where no router is open, as in a core without a home: by the engines and models there are. */
static int explain(struct wf_op_context *ctx, const struct wf_router_wish *wish,
                   const json_t *request, json_t **out, struct wf_err *err)
{
    const struct wf_labeler_options lo = {
        .detector = ctx->detector, .policy = ctx->policy, .lens = ctx->lens};
    struct wf_route_plan plan = {.policy = ctx->policy,
                                 .balance = wish->balance,
                                 .has_consent = wish->has_consent,
                                 .is_offline = wish->is_offline,
                                 .here_only = wish->here_only,
                                 .deadline_ms = wish->deadline_ms,
                                 .now_ms = wf_clock_wall_ms(ctx->clock)};
    struct wf_hardness *hardness = NULL;
    struct wf_sites sites = {.n = 0};
    struct wf_power_state power;
    int rc = wf_hardness_built_in(&hardness, err);

    if (rc == 0)
        rc = wf_sites_list(ctx->models, ctx->engines, &sites, err);
    if (rc == 0)
        rc = wf_sites_add_nodes(&sites, ctx->nodes, err);
    if (rc == 0)
        rc = wf_labeler_new(&lo, &plan.labeler, err);
    if (rc == 0) {
        wf_power_read(ctx->power, &power);
        wf_sites_power(&sites, &power, ctx->carbon_g_kwh);
        plan.hardness = hardness;
        plan.sites = sites.items;
        plan.n = sites.n;
        rc = wf_route_explain(&plan, request, out, err);
    }
    wf_labeler_free(plan.labeler);
    wf_sites_deinit(&sites);
    wf_hardness_close(hardness);
    return rc;
}

int wf_op__route(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                 struct wf_err *err)
{
    const json_t *request = json_object_get(call->params, "request");
    struct wf_router_wish wish = {.balance = WF_BALANCE_GOOD};
    int rc;

    if (ctx->router != NULL)
        wish = wf_router_wish(ctx->router);
    rc = read_wish(call->params, &wish, err);
    if (rc == 0 && !json_is_object(request))
        rc = wf_err_set(err, WF_E_INVAL, "\"request\" is missing: a chat request as an object.");
    if (rc == 0 && ctx->detector == NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "There are no detectors to look at it with.");
    if (rc != 0)
        return rc;
    return ctx->router != NULL ? wf_router_explain(ctx->router, &wish, request, out_result, err)
                               : explain(ctx, &wish, request, out_result, err);
}
