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

    if (s->n == s->_room)
        return NULL;
    site = &s->items[s->n++];
    site->is_node = false;
    site->c = (struct wf_candidate){.money_left = -1, .energy_left_j = -1, .battery = -1};
    return site;
}

/* ---- models of this device ---- */

static void add_model(const struct wf_model_entry *m, struct wf_sites *s)
{
    struct wf_route_site *site = next_site(s);

    if (site == NULL)
        return;
    (void)snprintf(site->name, sizeof(site->name), s->n == 1 ? HERE : HERE "/%s", m->name);
    site->c.engine = WF_STR(HERE);
    site->c.model = wf_str_from(m->name);
    site->c.tier = WF_TIER_HERE;
    site->c.abilities = WF_ABILITY_TOOLS | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                        WF_ABILITY_CONTINUE | WF_ABILITY_CHOICES;
    site->c.n_params = m->n_params;
    site->c.n_context = m->n_context < UINT32_MAX ? (uint32_t)m->n_context : UINT32_MAX;
    site->target = (struct wf_target){
        .tier = WF_TIER_HERE, .name = WF_STR(HERE), .clearance = WF_LABEL_SECRET};
}

/* The chat models, the default one first. */
static void add_models(const struct wf_model_list *l, struct wf_sites *s)
{
    const struct wf_model_entry *first = wf_model_list_find(l, NULL);

    if (first != NULL && first->kind == WF_MODEL_CHAT)
        add_model(first, s);
    for (size_t i = 0; i < wf_model_list_n(l); i++) {
        const struct wf_model_entry *m = wf_model_list_at(l, i);
        if (m->kind == WF_MODEL_CHAT && m != first)
            add_model(m, s);
    }
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

int wf_sites_of(const struct wf_model_list *models, const struct wf_engines *engines,
                struct wf_sites *out, struct wf_err *err)
{
    size_t room = models != NULL ? wf_model_list_n(models) : 0;

    for (size_t i = 0; engines != NULL && i < engines->n; i++)
        room += engines->items[i].n_models;
    room = WF_MIN(room, (size_t)WF_ROUTE_CANDIDATES_MAX);
    *out = (struct wf_sites){
        .items = wf_alloc_array(room + 1, sizeof(*out->items)), ._room = room, ._models = models};
    if (out->items == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list engines.");
    if (models != NULL)
        add_models(models, out);
    for (size_t i = 0; engines != NULL && i < engines->n; i++)
        add_engine(&engines->items[i], out);
    return 0;
}

int wf_sites_list(struct wf_model_store *models, const struct wf_engines *engines,
                  struct wf_sites *out, struct wf_err *err)
{
    const struct wf_model_list *l = NULL;
    int rc = models != NULL ? wf_model_store_list(models, &l, err) : 0;

    return rc == 0 ? wf_sites_of(l, engines, out, err) : rc;
}

/* ---- the owner's other nodes ---- */

static void add_place(const struct wf_nodes_place *p, bool is_first, struct wf_sites *s)
{
    static const enum wf_tier tiers[WF_NODE_TIER_COUNT] = {WF_TIER_DEVICE, WF_TIER_EDGE,
                                                           WF_TIER_CLOUD};
    struct wf_route_site *site = next_site(s);

    if (site == NULL)
        return;
    (void)snprintf(site->name, sizeof(site->name), is_first ? "%s" : "%s/%s", p->node, p->model);
    site->is_node = true;
    site->c.engine = wf_str_from(p->node);
    site->c.model = wf_str_from(p->model);
    site->c.tier = tiers[p->tier];
    site->c.abilities = WF_ABILITY_TOOLS | WF_ABILITY_SCHEMA | WF_ABILITY_REASONING |
                        WF_ABILITY_CONTINUE | WF_ABILITY_CHOICES;
    site->c.n_params = p->n_params;
    site->c.n_context = (uint32_t)p->n_context; /* at most WF_LIMIT_MODEL_CONTEXT */
    site->c.read_ms = p->read_ms;
    site->c.write_ms = p->write_ms;
    site->c.round_trip_ms = p->round_trip_ms;
    site->c.load_ms = p->is_loaded ? 0 : (double)p->n_params * WF_SITES_LOAD_MS_WEIGHT;
    site->c.n_queued = p->n_queued;
    site->c.n_slots = p->n_slots;
    site->c.battery = p->battery;
    site->c.heat = p->heat > 0 ? p->heat : 0;
    site->c.carbon_g_kwh = p->carbon_g_kwh;
    site->target =
        (struct wf_target){.tier = site->c.tier, .name = site->c.engine, .clearance = p->clearance};
}

int wf_sites_add_nodes(struct wf_sites *s, struct wf_nodes *nodes, struct wf_err *err)
{
    struct wf_route_site *items;
    size_t n = 0, room;
    int rc;

    if (nodes == NULL || s->_places != NULL)
        return 0;
    rc = wf_nodes_places(nodes, &s->_places, &n, err);
    if (rc != 0 || n == 0)
        return rc;
    room = WF_MIN(s->_room + n, (size_t)WF_ROUTE_CANDIDATES_MAX);
    items = wf_realloc_array(s->items, room + 1, sizeof(*items));
    if (items == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list engines.");
    s->items = items;
    s->_room = room;
    for (size_t i = 0; i < n; i++) { /* a node's chat models come first */
        const struct wf_nodes_place *p = &s->_places[i];
        if (p->kind == WF_MODEL_CHAT)
            add_place(p, i == 0 || s->_places[i - 1].peer != p->peer, s);
    }
    return 0;
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
    wf_model_list_unref(s->_models);
    wf_free(s->_places);
    *s = (struct wf_sites){.n = 0};
}
