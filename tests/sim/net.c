/* SPDX-License-Identifier: Apache-2.0 */
/* The network: connections between pairs of nodes, each way in order and late; they break, are cut,
 * come again. Who may connect is what link would let: both hold the other for paired (or, in some
 * seeds, everybody may: then sharing itself has to refuse). */
#include <string.h>

#include <sqlite3.h>

#include "sim/sim.h"

#define WINDOW_BYTES ((size_t)256 << 10)

static struct sim_conn *conn_of(struct sim *s, uint64_t id)
{
    for (size_t i = 0; i < SIM_CONNS; i++) {
        if (s->conns[i].id == id)
            return &s->conns[i];
    }
    return NULL;
}

static struct sim_conn *between(struct sim *s, unsigned a, unsigned b)
{
    for (size_t i = 0; i < SIM_CONNS; i++) {
        struct sim_conn *c = &s->conns[i];
        if (c->id != 0 && !c->is_broken &&
            ((c->of[0] == a && c->of[1] == b) || (c->of[0] == b && c->of[1] == a)))
            return c;
    }
    return NULL;
}

static int64_t delay(struct sim *s)
{
    uint64_t us = 100 + sim_below(s, (uint64_t)s->temper.delay_ms * 1000 + 1);

    return (int64_t)us * 1000;
}

/* ---- who may ---- */

static bool knows(const struct sim_node *n, unsigned other)
{
    const struct wf_devices_entry *e = sim_entry(n->sim, n->list, other);

    return e != NULL && e->revoked_ms == 0;
}

static bool may(const struct sim *s, unsigned a, unsigned b)
{
    const struct sim_node *x = &s->nodes[a], *y = &s->nodes[b];

    if (!x->is_up || !y->is_up || s->is_cut[a][b])
        return false;
    return s->temper.is_lax || (knows(x, b) && knows(y, a));
}

void net_try_all(struct sim *s)
{
    for (unsigned a = 0; a < s->n_nodes; a++) {
        for (unsigned b = 0; b < a; b++) {
            if (may(s, a, b) && between(s, a, b) == NULL)
                sim_in(s, (int64_t)sim_below(s, 3000) * SIM_NS_PER_MS, SIM_CONNECT, a, b);
        }
    }
}

bool net_is_whole(struct sim *s)
{
    for (unsigned a = 0; a < s->n_nodes; a++) {
        for (unsigned b = 0; b < a; b++) {
            const struct sim_conn *c = may(s, a, b) ? between(s, a, b) : NULL;
            if (may(s, a, b) && (c == NULL || !c->is_up[0] || !c->is_up[1]))
                return false;
        }
    }
    return true;
}

static void connect_them(struct sim *s, unsigned a, unsigned b)
{
    struct sim_conn *c = conn_of(s, 0);

    if (!may(s, a, b) || between(s, a, b) != NULL || c == NULL)
        return;
    *c = (struct sim_conn){.id = ++s->last_conn, .of = {a, b}};
    sim_say(s, "connection %llu: %u and %u", (unsigned long long)c->id, a, b);
    for (unsigned i = 0; i < 2; i++) { /* what the other sends comes behind it */
        c->last_ns[1 - i] = s->now_ns + delay(s);
        sim_at(s, c->last_ns[1 - i],
               (struct sim_event){.kind = SIM_UP, .node = c->of[i], .number = c->id});
    }
}

/* ---- ends ---- */

/* Free, once both sides know. */
static void tidy(struct sim_conn *c)
{
    if (c->is_broken && !c->is_up[0] && !c->is_up[1])
        c->id = 0;
}

void net_break(struct sim *s, struct sim_conn *c)
{
    if (c->id == 0 || c->is_broken)
        return;
    c->is_broken = true;
    for (unsigned i = 0; i < 2; i++) {
        if (c->is_up[i])
            sim_in(s, (int64_t)sim_below(s, 2000) * SIM_NS_PER_MS, SIM_DOWN, c->of[i], c->id);
    }
    tidy(c);
}

void net_gone(struct sim_node *n)
{
    struct sim *s = n->sim;

    for (size_t i = 0; i < SIM_CONNS; i++) {
        struct sim_conn *c = &s->conns[i];
        for (unsigned k = 0; k < 2 && c->id != 0; k++) {
            if (c->of[k] != n->id)
                continue;
            c->is_up[k] = false;
            net_break(s, c);
            tidy(c);
        }
    }
}

void net_listed(struct sim_node *n)
{
    struct sim *s = n->sim;

    for (size_t i = 0; i < SIM_CONNS; i++) {
        struct sim_conn *c = &s->conns[i];
        for (unsigned k = 0; k < 2 && c->id != 0 && !c->is_broken; k++) {
            if (c->of[k] != n->id)
                continue;
            sim_in(s, delay(s), SIM_LIST, c->of[1 - k], n->list);
            if (!s->temper.is_lax && !knows(n, c->of[1 - k]))
                net_break(s, c);
        }
    }
}

void net_close(void *ud, uint64_t peer)
{
    struct sim_node *n = ud;
    struct sim_conn *c = conn_of(n->sim, peer);

    if (c != NULL)
        net_break(n->sim, c);
}

/* ---- messages ---- */

static void post(struct sim *s, struct sim_conn *c, unsigned side, struct wf_str bytes)
{
    struct sim_event e = {.kind = SIM_BYTES, .node = c->of[1 - side], .number = c->id};
    size_t cap = 0;
    int64_t at = s->now_ns + delay(s);

    e.n = bytes.len;
    e.bytes = sim_room(NULL, &cap, bytes.len, 1);
    memcpy(e.bytes, bytes.ptr, bytes.len);
    c->last_ns[side] = at > c->last_ns[side] ? at : c->last_ns[side] + 1;
    c->in_flight[side] += bytes.len;
    sim_at(s, c->last_ns[side], e);
}

int net_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct sim_node *n = ud;
    struct sim *s = n->sim;
    struct sim_conn *c = conn_of(s, peer);
    unsigned side = c != NULL && c->of[1] == n->id;

    if (c == NULL || !c->is_up[side])
        return wf_err_set(err, WF_E_NOENT, "This node is not connected.");
    if (n->disk.is_dead || c->is_broken)
        return 0; /* into the void */
    if (c->in_flight[side] > WINDOW_BYTES) {
        c->was_busy[side] = true;
        return wf_err_set(err, WF_E_BUSY, "Too much waits.");
    }
    check_sent(n, c->of[1 - side], bytes);
    sim_mix(s, bytes.ptr, bytes.len);
    s->n_sent++;
    s->n_bytes += bytes.len;
    if (sim_one_in(s, 400) && !s->is_healing) {
        net_break(s, c); /* in the midst of a message */
        return 0;
    }
    post(s, c, side, bytes);
    if (s->temper.duplicates && sim_one_in(s, 30))
        post(s, c, side, bytes);
    return 0;
}

static void arrived(struct sim *s, struct sim_conn *c, unsigned side, size_t n)
{
    c->in_flight[1 - side] -= n;
    if (!c->was_busy[1 - side] || c->in_flight[1 - side] > WINDOW_BYTES / 2)
        return;
    c->was_busy[1 - side] = false;
    sim_in(s, delay(s), SIM_ROOM, c->of[1 - side], c->id);
}

static void tell(struct sim_node *n, struct sim_conn *c, unsigned side, const struct sim_event *e)
{
    struct sim *s = n->sim;

    switch (e->kind) {
    case SIM_UP:
        c->is_up[side] = true;
        wf_sharing_machine_up(n->sharing, c->id, s->nodes[c->of[1 - side]].transport);
        sim_in(s, delay(s), SIM_LIST, c->of[1 - side], n->list);
        break;
    case SIM_BYTES:
        wf_sharing_machine_bytes(n->sharing, c->id, wf_str_n((char *)e->bytes, e->n));
        break;
    case SIM_ROOM:
        wf_sharing_machine_room(n->sharing, c->id);
        break;
    default: /* DOWN */
        c->is_up[side] = false;
        wf_sharing_machine_down(n->sharing, c->id);
        break;
    }
}

void net_event(struct sim *s, const struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->node];
    struct sim_conn *c;
    unsigned side;

    if (e->kind == SIM_CONNECT) {
        connect_them(s, e->node, (unsigned)e->number);
        return;
    }
    c = conn_of(s, e->number);
    if (c == NULL)
        return;
    side = c->of[1] == e->node;
    if (e->kind == SIM_BYTES && !c->is_broken)
        arrived(s, c, side, e->n);
    if (!n->is_up || (e->kind != SIM_UP && !c->is_up[side]) ||
        (e->kind != SIM_DOWN && e->kind != SIM_UP && c->is_broken))
        return;
    if (e->kind == SIM_UP && c->is_broken) {
        tidy(c);
        return;
    }
    sim_say(s, "connection %llu: %s, %u of %zu bytes", (unsigned long long)c->id, n->name,
            (unsigned)e->kind, e->n);
    node_enter(n);
    tell(n, c, side, e);
    node_leave(n);
    node_due(n);
    if (e->kind == SIM_DOWN) {
        tidy(c);
        net_try_all(s);
    }
}
