/* SPDX-License-Identifier: Apache-2.0 */
/* A request before it runs: the places there are, what each is like now, the labels and gates; and
 * the sentence for a person where none may be asked. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/remote.h"
#include "op/router_internal.h"

#define LOADED_NAMED 3 /* places that a sentence names */

/* ---- what the places are like ---- */

/* Whether a model of this device is in memory, and how many it serves. */
static void look_at_here(const json_t *loaded, uint32_t n_slots, struct wf_candidate *c)
{
    const json_t *m;
    size_t i;

    c->n_slots = n_slots;
    c->load_ms = (double)c->n_params * WF_SITES_LOAD_MS_WEIGHT;
    json_array_foreach(loaded, i, m)
    {
        if (!wf_str_eq(c->model, wf_str_from(wf_json_text(m, "model"))))
            continue;
        c->load_ms = 0;
        c->n_queued = (uint32_t)json_integer_value(json_object_get(m, "n_active"));
    }
}

static void look_out(struct wf_router *r, struct wf_candidate *c)
{
    const struct wf_engine_entry *e = wf_engines_find(r->o.engines, c->engine);
    struct wf_remote_outlook now;

    if (e == NULL)
        return;
    wf_remote_look_out(r->o.inner, e, &now);
    c->breaker = now.breaker;
    c->money_left = now.money_left;
    c->energy_left_j = now.energy_left_j;
    c->tokens_left = now.tokens_left;
}

static int list_places(struct wf_router *r, const struct wf_model_list *models, struct wf_sites *s,
                       struct wf_err *err)
{
    struct wf_power_state power;
    json_t *loaded;
    int rc = wf_sites_of(models, r->o.engines, s, err);

    if (rc == 0)
        rc = wf_sites_add_nodes(s, r->o.nodes, err);
    if (rc != 0)
        return rc;
    wf_power_read(r->o.power, &power);
    wf_sites_power(s, &power, r->o.carbon_g_kwh);
    loaded = wf_engine_loaded(r->o.inner); /* NULL: as if nothing were in memory */
    for (size_t i = 0; i < s->n; i++) {
        struct wf_candidate *c = &s->items[i].c;
        if (c->tier == WF_TIER_HERE)
            look_at_here(loaded, r->o.n_slots, c);
        else if (s->items[i].is_node)
            c->breaker = wf_node_breakers_state(r->o.breakers, c->engine, NULL);
        else
            look_out(r, c);
    }
    json_decref(loaded);
    return 0;
}

int wf_router__case_open(struct wf_router *r, const struct wf_router_wish *wish,
                         const struct wf_gen_request *q, const struct wf_model_list *models,
                         struct wf_router_case *out, struct wf_err *err)
{
    const struct wf_labeler_options lo = {
        .detector = r->o.detector, .policy = r->o.policy, .lens = r->o.lens};
    int rc;

    *out = (struct wf_router_case){.plan = {.policy = r->o.policy,
                                            .hardness = r->hardness,
                                            .balance = wish->balance,
                                            .has_consent = wish->has_consent,
                                            .is_offline = wish->is_offline,
                                            .here_only = wish->here_only || q->n_adapters > 0,
                                            .deadline_ms = wish->deadline_ms,
                                            .seed = r->seed,
                                            .now_ms = wf_clock_wall_ms(r->o.clock)}};
    rc = list_places(r, models, &out->sites, err);
    if (rc == 0 && r->o.detector == NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "There are no detectors to look at it with.");
    if (rc == 0)
        rc = wf_labeler_new(&lo, &out->plan.labeler, err);
    out->plan.sites = out->sites.items;
    out->plan.n = out->sites.n;
    if (rc == 0)
        rc = wf_route_look(&out->plan, q, &out->c, err);
    wf_labeler_free(out->plan.labeler);
    out->plan.labeler = NULL;
    return rc;
}

void wf_router__case_close(struct wf_router_case *c)
{
    wf_route_case_free(c->c);
    wf_sites_deinit(&c->sites);
}

bool wf_router__name(const struct wf_candidate *c, char out[WF_ROUTER_PLACE_BYTES])
{
    int n = c->tier == WF_TIER_HERE
                ? snprintf(out, WF_ROUTER_PLACE_BYTES, "%.*s", WF_STR_ARG(c->model))
                : snprintf(out, WF_ROUTER_PLACE_BYTES, "%.*s/%.*s", WF_STR_ARG(c->engine),
                           WF_STR_ARG(c->model));

    return n > 0 && (size_t)n < WF_ROUTER_PLACE_BYTES;
}

/* ---- where none may be asked ---- */

static int code_of(enum wf_barrier b)
{
    switch (b) {
    case WF_BARRIER_ABILITY:
    case WF_BARRIER_HERE:
        return WF_E_UNSUPPORTED;
    case WF_BARRIER_CONTEXT:
    case WF_BARRIER_BUDGET:
        return WF_E_LIMIT;
    case WF_BARRIER_BREAKER:
    case WF_BARRIER_OFFLINE:
    case WF_BARRIER_BATTERY:
    case WF_BARRIER_HEAT:
    case WF_BARRIER_DEADLINE:
        return WF_E_BUSY;
    case WF_BARRIER_NONE:
    case WF_BARRIER_CLEARANCE:
    case WF_BARRIER_SECRET:
    case WF_BARRIER_POLICY:
    case WF_BARRIER_CONSENT:
    case WF_BARRIER_COUNT:
        break;
    }
    return WF_E_DENIED;
}

int wf_router__say_none(const struct wf_router_case *c, struct wf_err *err)
{
    const struct wf_decision *d = &c->c->decision;
    bool wants_consent = false;
    char offer[120] = "";
    size_t i_offer;
    struct wf_buf text;
    int rc, code = WF_E_DENIED;

    if (d->n == 0)
        return wf_err_set(err, WF_E_NOENT,
                          "There is no engine yet: weft pull NAME brings a model, weft engines add "
                          "names one elsewhere.");
    wf_buf_init(&text, 1000);
    for (size_t i = 0; i < d->n; i++) {
        enum wf_barrier b = d->of[i].barrier;
        if (i < LOADED_NAMED)
            (void)wf_buf_appendf(&text, "%s%.40s: %s", i > 0 ? "; " : "", c->sites.items[i].name,
                                 wf_barrier_text(b));
        wants_consent |= b == WF_BARRIER_CONSENT;
        if (i == 0 || code == WF_E_DENIED) /* what will pass is said before what will not */
            code = code_of(b);
    }
    if (wants_consent)
        code = WF_E_DENIED;
    i_offer = wf_route_best_released(&c->plan, c->c);
    if (i_offer != WF_ROUTE_NONE) {
        (void)snprintf(offer, sizeof(offer), " (%.60s may, once, if you release this)",
                       c->sites.items[i_offer].name);
        code = WF_E_DENIED;
    }
    rc = wf_err_set(err, code, "Nothing was sent, no engine may be asked%s: %s.%s", offer,
                    wf_buf_status(&text) == 0 ? text.ptr : "",
                    wants_consent ? " Name it, or set route_consent = on." : "");
    wf_buf_deinit(&text);
    return rc;
}
