/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by chance: people write, machines sleep and crash, networks part, disks fill, clocks
 * jump, the owner takes devices in and out. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "route/route.h"
#include "sim/edit.h"

static struct sim_node *any_node(struct sim *s)
{
    return &s->nodes[sim_below(s, s->n_nodes)];
}

/* ---- the network ---- */

static void network(struct sim *s)
{
    unsigned a = (unsigned)sim_below(s, s->n_nodes), b = (unsigned)sim_below(s, s->n_nodes);

    switch (sim_below(s, 4)) {
    case 0: /* parted */
        s->is_cut[a][b] = s->is_cut[b][a] = true;
        break;
    case 1:
        for (unsigned i = 0; i < s->n_nodes; i++)
            s->is_cut[a][i] = s->is_cut[i][a] = false;
        break;
    case 2: /* two halves */
        for (unsigned i = 0; i < s->n_nodes && sim_one_in(s, 4); i++) {
            for (unsigned k = 0; k < s->n_nodes; k++)
                s->is_cut[i][k] = s->is_cut[k][i] = (i < a) != (k < a);
        }
        break;
    default:
        net_break(s, &s->conns[sim_below(s, SIM_CONNS)]);
        break;
    }
    for (size_t i = 0; i < SIM_CONNS; i++) {
        struct sim_conn *c = &s->conns[i];
        if (c->id != 0 && s->is_cut[c->of[0]][c->of[1]])
            net_break(s, c);
    }
    net_try_all(s);
}

/* ---- machines ---- */

static void crash(struct sim *s, struct sim_node *n)
{
    if (sim_one_in(s, 3))
        node_crash(n, sim_one_in(s, 2));
    else
        n->disk.crash_in = 1 + sim_below(s, 60); /* between two writes */
}

static void disk_fault(struct sim *s, struct sim_node *n)
{
    n->disk.refusal = sim_one_in(s, 2) ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    n->disk.refuses_in = 1 + sim_below(s, 20);
    n->disk.n_refused = 0;
    if (sim_one_in(s, 3)) { /* for a while */
        n->disk.n_refused = 1 + (unsigned)sim_below(s, 30);
        n->disk.refuses_in = 0;
    }
    s->n_faults++;
}

static void sleep_or_wake(struct sim *s, struct sim_node *n)
{
    if (n->is_away || !n->is_up) {
        n->is_away = false;
        node_start(n);
        return;
    }
    n->is_away = !sim_one_in(s, 3);
    node_stop(n);
    if (!n->is_away)
        sim_in(s, (int64_t)sim_below(s, 5000) * SIM_NS_PER_MS, SIM_START, n->id, 0);
}

static void clock_jump(struct sim *s, struct sim_node *n)
{
    int64_t most = s->temper.wild_clocks && sim_one_in(s, 4) ? INT64_C(40) * 86400000 : 240000;

    n->skew_ms = (int64_t)sim_below(s, (uint64_t)most) - most / 2;
    sim_say(s, "%s's clock is off by %lld ms", n->name, (long long)n->skew_ms);
}

/* No connection stays for long without a word; what is on its way does not arrive next month. */
static void time_passes(struct sim *s)
{
    static const int64_t spans_s[] = {1, 10, 300, 3600, 86400, INT64_C(90) * 86400};
    int64_t span_s = spans_s[sim_below(s, sizeof(spans_s) / sizeof(spans_s[0]))];

    for (size_t i = 0; i < SIM_CONNS && span_s > 10; i++)
        net_break(s, &s->conns[i]);
    s->now_ns += (int64_t)sim_below(s, (uint64_t)(span_s * SIM_NS_PER_S));
    net_try_all(s);
}

/* ---- the owner ---- */

void act_add_node(struct sim *s, enum wf_node_tier tier, enum wf_label clearance)
{
    struct sim_node *n = &s->nodes[s->n_nodes];
    struct wf_devices_entry e = {.tier = tier, .clearance = clearance};
    struct wf_devices *d;
    struct wf_err err = WF_ERR_INIT;

    if (s->n_nodes == SIM_NODES || s->n_lists + 2 >= sizeof(s->lists) / sizeof(s->lists[0]))
        return;
    node_make(s, s->n_nodes, s->dir);
    d = sim_list_next(s);
    memcpy(e.node, n->node_key, sizeof(e.node));
    memcpy(e.device, n->device.signer.id, sizeof(e.device));
    memcpy(e.transport, n->transport, sizeof(e.transport));
    e.added_ms = wf_clock_wall_ms(&s->nodes[0].clock) + s->n_nodes; /* the first is the oldest */
    (void)snprintf(e.name, sizeof(e.name), "%s", sim_one_in(s, 2) ? "phone" : "laptop");
    if (wf_devices_add(d, &e, &err) != 0)
        sim_fail(s, "a node cannot be added: %s", err.msg);
    sim_say(s, "%s: tier %u, sees up to %u", n->name, tier, clearance);
    s->n_nodes++;
    n->list = s->n_lists;
    n->most = clearance;
}

static void listed_at_first(struct sim *s)
{
    sim_in(s, 0, SIM_LIST, 0, s->n_lists);
}

static void owner(struct sim *s)
{
    struct sim_node *n = any_node(s);
    const struct wf_devices_entry *e = sim_entry(s, s->n_lists, n->id);
    enum wf_label clearance = (enum wf_label)sim_below(s, 3);
    struct wf_devices *d;

    if (!s->nodes[0].is_up || s->n_lists + 2 >= sizeof(s->lists) / sizeof(s->lists[0]))
        return;
    if (sim_one_in(s, 3)) {
        if (s->n_nodes == SIM_NODES)
            return;
        act_add_node(s, (enum wf_node_tier)sim_below(s, WF_NODE_TIER_COUNT), clearance);
        sim_in(s, SIM_NS_PER_S, SIM_START, s->n_nodes - 1, 0);
    } else if (n->id != 0 && e->revoked_ms == 0) {
        d = sim_list_next(s);
        if (sim_one_in(s, 2)) {
            sim_say(s, "%s is to see up to %u", n->name, clearance);
            n->fell = n->fell || clearance < n->most;
            n->most = wf_label_max(n->most, clearance);
            (void)!wf_devices_clear(d, wf_str_from(e->name), clearance, NULL);
        } else {
            sim_say(s, "%s is taken out", n->name);
            (void)!wf_devices_revoke(d, wf_str_from(e->name), wf_clock_wall_ms(&n->clock), NULL);
        }
    }
    listed_at_first(s);
}

bool act_take_out_liars(struct sim *s)
{
    struct wf_devices *d = NULL;

    for (unsigned i = 1; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        const struct wf_devices_entry *e = sim_entry(s, s->n_lists, i);
        if (!n->was_lied_to || e->revoked_ms != 0)
            continue;
        d = d == NULL ? sim_list_next(s) : d;
        (void)!wf_devices_revoke(d, wf_str_from(e->name), wf_clock_wall_ms(&n->clock), NULL);
    }
    if (d != NULL)
        listed_at_first(s);
    return d != NULL;
}

/* ---- where a request runs ---- */

/* Nodes as candidates: a request goes to none that may not see it. */
static void decide(struct sim *s, const struct sim_node *n)
{
    const struct wf_devices *list = sim_list_of(n);
    struct wf_candidate c[SIM_NODES];
    struct wf_route_request q = {.kind = (enum wf_kind)sim_below(s, WF_KIND_COUNT),
                                 .balance = (enum wf_balance)sim_below(s, WF_BALANCE_COUNT)};
    const struct wf_route_options o = {.explore = &s->rng.rng, .now_ms = 0};
    enum wf_label label = (enum wf_label)sim_below(s, WF_LABEL_COUNT);
    static struct wf_decision d;
    size_t k = 0;

    for (size_t i = 0; i < list->n_entries && k < SIM_NODES; i++) {
        const struct wf_devices_entry *e = &list->entries[i];
        if (e->revoked_ms != 0)
            continue;
        c[k++] = (struct wf_candidate){.engine = wf_str_from(e->name),
                                       .model = WF_STR("m"),
                                       .clearance = e->clearance,
                                       .label = label,
                                       .abilities = ~0u,
                                       .n_params = UINT64_C(1000000000),
                                       .battery = -1,
                                       .money_left = -1,
                                       .energy_left_j = -1,
                                       .needs_network = true};
    }
    wf_route_decide(&q, c, k, &o, &d);
    s->n_decisions++;
    for (size_t i = 0; i < d.n_allowed; i++) {
        if (c[d.order[i]].clearance < label)
            sim_fail(s, "a request of label %u is routed to who may see %u", label,
                     c[d.order[i]].clearance);
    }
    sim_mix(s, d.order, d.n_allowed);
}

/* ---- all of it ---- */

static void write_something(struct sim *s, struct sim_node *n)
{
    struct wf_err err = WF_ERR_INIT;
    uint64_t what = sim_below(s, 100);
    char name[32];

    node_enter(n);
    if (what < 55) {
        edit_text(n);
    } else if (what < 85) {
        edit_record(n);
    } else if (what < 95) {
        edit_other(n);
    } else if (what < 96) {
        (void)snprintf(name, sizeof(name), "space%u", (unsigned)sim_below(s, 4));
        if (wf_space_create(n->store, wf_str_from(name),
                            wf_str_from(wf_label_name((enum wf_label)sim_below(s, 3))),
                            &(int64_t){0}, &err) == 0)
            n->must_tell = true;
    } else {
        (void)!wf_records_tidy(n->records, NULL, NULL);
    }
    node_leave(n);
    if (n->must_tell)
        node_due(n);
}

void act(struct sim *s)
{
    struct sim_node *n = any_node(s);
    uint64_t what = sim_below(s, 1000);
    const struct sim_temper *t = &s->temper;

    sim_mix(s, &what, sizeof(what));
    if (what < 30)
        network(s);
    else if (what < 35)
        clock_jump(s, n);
    else if (what < 50)
        time_passes(s);
    else if (what < 50 + t->crashes && n->is_up)
        crash(s, n);
    else if (what < 100 + t->faults && n->is_up && what >= 100)
        disk_fault(s, n);
    else if (what >= 150 && what < 160)
        sleep_or_wake(s, n);
    else if (what >= 160 && what < 160 + t->admin)
        owner(s);
    else if (what >= 180 && what < 220)
        decide(s, n);
    else if (n->is_up)
        write_something(s, n);
}

void act_heal(struct sim *s)
{
    s->is_healing = true;
    memset(s->is_cut, 0, sizeof(s->is_cut));
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        n->is_away = false;
        n->skew_ms = 0;
        n->disk.crash_in = n->disk.refuses_in = n->disk.n_refused = 0;
        if (!n->is_up)
            sim_in(s, 0, SIM_START, i, 0);
    }
    if (s->temper.wild_clocks)
        s->now_ns += INT64_C(41) * 86400 * SIM_NS_PER_S;
    net_try_all(s);
}
