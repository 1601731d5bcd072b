/* SPDX-License-Identifier: Apache-2.0 */
/* The places where a request may run. The first model of a place bears the place's name alone, the
 * others also their own: what a request's "model" calls them. */
#include "op/sites.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "route/provider.h"

#define HERE "here"

static struct wf_route_site *next_site(struct wf_sites *s)
{
    struct wf_route_site *site;

    if (s->n == WF_ROUTE_CANDIDATES_MAX)
        return NULL;
    site = &s->items[s->n++];
    site->c = (struct wf_candidate){.money_left = -1, .energy_left_j = -1, .battery = -1};
    return site;
}

/* ---- models of this device ---- */

static int add_model(void *ud, const struct wf_model_entry *m)
{
    struct wf_sites *s = ud;
    struct wf_route_site *site;
    char *name = s->_models[s->n % WF_ROUTE_CANDIDATES_MAX];

    if (m->kind != WF_MODEL_CHAT || (site = next_site(s)) == NULL)
        return 0;
    (void)snprintf(name, WF_MODEL_NAME_MAX, "%s", m->name);
    (void)snprintf(site->name, sizeof(site->name), s->n == 1 ? HERE : HERE "/%s", name);
    site->c.engine = WF_STR(HERE);
    site->c.model = wf_str_from(name);
    site->c.tier = WF_TIER_HERE;
    site->c.abilities = WF_ABILITY_TOOLS | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                        WF_ABILITY_CONTINUE | WF_ABILITY_CHOICES;
    site->c.n_params = m->n_params;
    site->c.n_context = m->n_context < UINT32_MAX ? (uint32_t)m->n_context : UINT32_MAX;
    site->target = (struct wf_target){
        .tier = WF_TIER_HERE, .name = WF_STR(HERE), .clearance = WF_LABEL_SECRET};
    return 0;
}

/* The default model first. */
static int put_default_first(struct wf_model_store *store, struct wf_sites *s, struct wf_err *err)
{
    struct wf_model_entry *first = wf_alloc_array(1, sizeof(*first));

    if (first == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list models.");
    if (wf_model_store_find(store, NULL, first, NULL) == 0) {
        for (size_t i = 1; i < s->n; i++) {
            struct wf_route_site was = s->items[0];
            if (!wf_str_eq(s->items[i].c.model, wf_str_from(first->name)))
                continue;
            s->items[0] = s->items[i];
            s->items[i] = was;
            (void)snprintf(s->items[0].name, sizeof(was.name), HERE);
            (void)snprintf(s->items[i].name, sizeof(was.name), HERE "/%.*s",
                           WF_STR_ARG(was.c.model));
        }
    }
    wf_free(first);
    return 0;
}

/* ---- engines elsewhere ---- */

/* What a budget leaves at most; below 0: there is none. */
static double least(int64_t day, int64_t month, double unit)
{
    int64_t n = day > 0 && (month == 0 || day < month) ? day : month;

    return n > 0 ? (double)n / unit : -1;
}

static void add_engine(const struct wf_engine_entry *e, struct wf_sites *s)
{
    for (size_t i = 0; i < e->n_models; i++) {
        struct wf_route_site *site = next_site(s);
        if (site == NULL)
            return;
        (void)snprintf(site->name, sizeof(site->name), i == 0 ? "%s" : "%s/%s", e->name,
                       e->models[i]);
        site->c.engine = wf_str_from(e->name);
        site->c.model = wf_str_from(e->models[i]);
        site->c.tier = e->tier;
        site->c.abilities = wf_provider_abilities(e);
        site->c.n_context =
            e->n_context < (int64_t)UINT32_MAX ? (uint32_t)e->n_context : UINT32_MAX;
        site->c.price_in = (double)e->price_in_micro / 1e6;
        site->c.price_out = (double)e->price_out_micro / 1e6;
        site->c.money_left = least(e->day.money_micro, e->month.money_micro, 1e6);
        site->c.energy_left_j = least(e->day.energy_j, e->month.energy_j, 1);
        site->c.needs_network = true;
        site->target = wf_engine_target(e);
    }
}

int wf_sites_list(struct wf_model_store *models, const struct wf_engines *engines,
                  struct wf_sites *out, struct wf_err *err)
{
    int rc = 0;

    out->items = wf_alloc_array(WF_ROUTE_CANDIDATES_MAX, sizeof(*out->items));
    out->_models = wf_alloc_array(WF_ROUTE_CANDIDATES_MAX, sizeof(*out->_models));
    if (out->items == NULL || out->_models == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list engines.");
    if (models != NULL)
        rc = wf_model_store_each(models, add_model, out, err);
    if (rc == 0 && models != NULL)
        rc = put_default_first(models, out, err);
    for (size_t i = 0; rc == 0 && engines != NULL && i < engines->n; i++)
        add_engine(&engines->items[i], out);
    return rc;
}

void wf_sites_power(struct wf_sites *s, const struct wf_power_state *now, int64_t carbon_g_kwh)
{
    for (size_t i = 0; i < s->n; i++) {
        struct wf_candidate *c = &s->items[i].c;
        if (c->tier != WF_TIER_HERE)
            continue;
        c->battery = now->battery;
        c->heat = now->heat > 0 ? now->heat : 0;
        c->carbon_g_kwh = (double)carbon_g_kwh;
    }
}

void wf_sites_deinit(struct wf_sites *s)
{
    wf_free(s->items);
    wf_free(s->_models);
    *s = (struct wf_sites){.n = 0};
}
