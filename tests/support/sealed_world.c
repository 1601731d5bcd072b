/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed sessions over a network in memory. */
#include "support/sealed_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"

#define NOW_MS INT64_C(1790000000000)

static int64_t mono(void *ud)
{
    return ((struct sealed_world *)ud)->now_ns;
}

/* Messages of a test that fails to remember one are its end. */
void sealed_world_put(struct sealed_world *w, size_t from, size_t to, unsigned channel,
                      struct wf_str bytes)
{
    struct sealed_packet *p = wf_alloc_array(1, sizeof(*p));

    assert_non_null(p);
    *p = (struct sealed_packet){.from = from, .to = to, .channel = channel};
    wf_buf_init(&p->bytes, SIZE_MAX);
    assert_int_equal(wf_buf_append_str(&p->bytes, bytes), 0);
    pthread_mutex_lock(&w->lock);
    wf_list_add(w->way.prev, &p->node);
    pthread_mutex_unlock(&w->lock);
}

static size_t other_of(const struct sealed_node *n, uint64_t peer)
{
    for (size_t i = 0; i < SEALED_NODES_MAX; i++) {
        if (n->peer[i] == peer)
            return i;
    }
    return SEALED_NODES_MAX;
}

/* The lock is held. */
static int queue(struct sealed_node *n, size_t to, unsigned channel, struct wf_str bytes,
                 struct wf_err *err)
{
    struct sealed_packet *p;

    if (to == SEALED_NODES_MAX)
        return wf_err_set(err, WF_E_NOENT, "There is no such connection.");
    if (n->n_busy > 0) {
        n->n_busy--;
        return wf_err_set(err, WF_E_BUSY, "full");
    }
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    *p = (struct sealed_packet){.from = n->i, .to = to, .channel = channel};
    wf_buf_init(&p->bytes, SIZE_MAX);
    if (wf_buf_append_str(&p->bytes, bytes) != 0) {
        wf_free(p);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    wf_list_add(n->world->way.prev, &p->node);
    return 0;
}

static int send_it(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes,
                   struct wf_err *err)
{
    struct sealed_node *n = ud;
    int rc;

    pthread_mutex_lock(&n->world->lock);
    rc = queue(n, other_of(n, peer), channel, bytes, err);
    pthread_mutex_unlock(&n->world->lock);
    return rc;
}

static void close_it(void *ud, uint64_t peer)
{
    struct sealed_node *n = ud;
    size_t to;

    pthread_mutex_lock(&n->world->lock);
    to = other_of(n, peer);
    if (to != SEALED_NODES_MAX)
        n->is_closing[to] = true;
    pthread_mutex_unlock(&n->world->lock);
}

static void list_devices(void *ud, struct wf_devices *out)
{
    *out = ((struct sealed_node *)ud)->list;
}

static size_t list_others(void *ud, struct wf_devices_entry **out)
{
    const struct sealed_node *n = ud;

    *out = n->n_others > 0 ? wf_alloc_array(n->n_others, sizeof(**out)) : NULL;
    if (*out == NULL)
        return 0;
    memcpy(*out, n->others, n->n_others * sizeof(**out));
    return n->n_others;
}

static struct wf_devices_entry entry_of(const struct sealed_node *n, const char *name)
{
    struct wf_devices_entry e = {.added_ms = NOW_MS, .clearance = WF_LABEL_PRIVATE};

    memset(e.node, (int)n->i + 1, sizeof(e.node));
    memcpy(e.device, n->device.id, sizeof(e.device));
    memcpy(e.transport, n->transport, sizeof(e.transport));
    (void)snprintf(e.name, sizeof(e.name), "%s", name);
    return e;
}

static void begin_list(struct sealed_world *w, struct wf_devices *d)
{
    uint8_t at[WF_DEVICES_KEY_BYTES];

    memset(at, 1, sizeof(at));
    wf_devices_begin(d, w->owner.id, at, NOW_MS);
}

void sealed_world_list(struct sealed_world *w, struct wf_devices *d, size_t to)
{
    assert_int_equal(wf_devices_sign(d, &w->owner, NULL), 0);
    for (size_t i = 0; i < w->n_nodes; i++) {
        if (to != SIZE_MAX && to != i)
            continue;
        w->nodes[i].list = *d;
        wf_sealed_devices_changed(w->nodes[i].sealed);
    }
}

void sealed_world_revoke(struct sealed_world *w, const char *name, size_t to)
{
    struct wf_devices d = w->nodes[0].list;

    begin_list(w, &d);
    assert_int_equal(wf_devices_revoke(&d, wf_str_from(name), NOW_MS + 1, NULL), 0);
    sealed_world_list(w, &d, to);
}

void sealed_world_clear(struct sealed_world *w, const char *name, enum wf_label clearance)
{
    struct wf_devices d = w->nodes[0].list;

    begin_list(w, &d);
    assert_int_equal(wf_devices_clear(&d, wf_str_from(name), clearance, NULL), 0);
    sealed_world_list(w, &d, SIZE_MAX);
}

static void begin_node(struct sealed_world *w, size_t i)
{
    struct sealed_node *n = &w->nodes[i];
    const struct wf_sealed_options o = {.device = &n->device,
                                        .devices = list_devices,
                                        .others = list_others,
                                        .ud = n,
                                        .clock = &w->clock,
                                        .rng = &w->rng.rng,
                                        .send = send_it,
                                        .close = close_it};
    uint8_t seed[32];

    n->i = i;
    n->world = w;
    w->rng.rng.fill(w->rng.rng.ud, seed, sizeof(seed));
    wf_signer_from_seed(seed, &n->device_key, &n->device);
    w->rng.rng.fill(w->rng.rng.ud, n->transport, sizeof(n->transport));
    assert_int_equal(wf_sealed_new(&o, &n->sealed, NULL), 0);
    wf_sealed_link_events(n->sealed, &n->events);
}

void sealed_world_init(struct sealed_world *w, size_t n_nodes, uint64_t seed)
{
    static const char *const names[] = {"laptop", "box", "phone"};
    struct wf_devices d = {.version = 0};
    uint8_t owner[32];

    assert_true(n_nodes <= SEALED_NODES_MAX && sodium_init() >= 0);
    *w = (struct sealed_world){.n_nodes = n_nodes, .now_ns = 1};
    w->clock = (struct wf_clock){.mono_ns = mono, .ud = w};
    wf_rng_seeded_init(&w->rng, seed);
    pthread_mutex_init(&w->lock, NULL);
    wf_list_init(&w->way);
    w->rng.rng.fill(w->rng.rng.ud, owner, sizeof(owner));
    wf_signer_from_seed(owner, &w->owner_key, &w->owner);
    begin_list(w, &d);
    for (size_t i = 0; i < n_nodes; i++) {
        struct wf_devices_entry e;
        begin_node(w, i);
        e = entry_of(&w->nodes[i], names[i]);
        assert_int_equal(wf_devices_add(&d, &e, NULL), 0);
    }
    sealed_world_list(w, &d, SIZE_MAX);
}

void sealed_world_connect(struct sealed_world *w, size_t a, size_t b)
{
    struct sealed_node *x = &w->nodes[a], *y = &w->nodes[b];

    pthread_mutex_lock(&w->lock);
    x->peer[b] = ++w->last_peer;
    y->peer[a] = ++w->last_peer;
    x->is_closing[b] = y->is_closing[a] = false;
    pthread_mutex_unlock(&w->lock);
    x->events.up(x->events.ud, x->peer[b], y->transport, true, WF_STR("10.0.0.1:7771"));
    y->events.up(y->events.ud, y->peer[a], x->transport, true, WF_STR("10.0.0.2:7771"));
}

static void drop(struct sealed_packet *p)
{
    wf_buf_deinit(&p->bytes);
    wf_free(p);
}

void sealed_world_cut(struct sealed_world *w, size_t a, size_t b)
{
    struct sealed_node *x = &w->nodes[a], *y = &w->nodes[b];
    const uint64_t at_x = x->peer[b], at_y = y->peer[a];
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&w->lock);
    x->peer[b] = y->peer[a] = 0;
    WF_LIST_EACH(it, tmp, &w->way)
    {
        struct sealed_packet *p = WF_CONTAINER(it, struct sealed_packet, node);
        if ((p->from == a && p->to == b) || (p->from == b && p->to == a)) {
            wf_list_remove(it);
            drop(p);
        }
    }
    pthread_mutex_unlock(&w->lock);
    if (at_x != 0)
        x->events.down(x->events.ud, at_x, WF_LINK_LOST, WF_STR(""));
    if (at_y != 0)
        y->events.down(y->events.ud, at_y, WF_LINK_LOST, WF_STR(""));
}

static bool cut_one(struct sealed_world *w)
{
    for (size_t a = 0; a < w->n_nodes; a++) {
        for (size_t b = 0; b < w->n_nodes; b++) {
            bool is_closing;
            pthread_mutex_lock(&w->lock);
            is_closing = w->nodes[a].is_closing[b];
            w->nodes[a].is_closing[b] = false;
            pthread_mutex_unlock(&w->lock);
            if (is_closing && w->nodes[a].peer[b] != 0) {
                sealed_world_cut(w, a, b);
                return true;
            }
        }
    }
    return false;
}

static struct sealed_packet *pop(struct sealed_world *w)
{
    struct sealed_packet *p = NULL;

    pthread_mutex_lock(&w->lock);
    if (!wf_list_empty(&w->way)) {
        p = WF_CONTAINER(w->way.next, struct sealed_packet, node);
        wf_list_remove(&p->node);
    }
    pthread_mutex_unlock(&w->lock);
    return p;
}

unsigned sealed_world_run(struct sealed_world *w)
{
    struct sealed_packet *p;
    unsigned n = 0;

    for (;;) {
        if (cut_one(w))
            continue;
        p = pop(w);
        if (p == NULL)
            return n;
        n++;
        if ((w->change == NULL || w->change(w->ud, p)) && w->nodes[p->to].peer[p->from] != 0) {
            const struct sealed_node *to = &w->nodes[p->to];
            to->events.bytes(to->events.ud, to->peer[p->from], p->channel, wf_buf_str(&p->bytes));
        }
        drop(p);
    }
}

void sealed_world_end(struct sealed_world *w)
{
    struct sealed_packet *p;

    while ((p = pop(w)) != NULL)
        drop(p);
    for (size_t i = 0; i < w->n_nodes; i++)
        wf_sealed_free(w->nodes[i].sealed);
    pthread_mutex_destroy(&w->lock);
}
