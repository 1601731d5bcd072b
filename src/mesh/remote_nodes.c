/* SPDX-License-Identifier: Apache-2.0 */
/* The object: who is connected, what they say, and the thread that tells them what is offered here
 * when that has changed. Where nothing happens nothing is said: the way is measured once, and then
 * with requests, once a minute at most. */
#include "mesh/remote_nodes.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/link.h"
#include "mesh/remote_internal.h"

#define TICK_MS 5000
#define PING_MS 60000
#define SEND_TICK_MS 50
/* How much the last measurement counts. */
#define PING_WEIGHT 0.4

/* ---- nodes; the lock is held ---- */

struct wf_nodes_peer *wf_nodes__peer(struct wf_nodes *n, uint64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->peers)
    {
        struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        if (p->id == id)
            return p;
    }
    return NULL;
}

int wf_nodes__send(struct wf_nodes *n, uint64_t peer, const struct wf_remote_message *m,
                   struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    rc = wf_remote_message_write(m, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "A message for another node is too long, or memory is.");
    else
        rc = wf_sealed_send(n->o.sealed, peer, WF_LINK_REQUESTS, wf_buf_str(&b), err);
    wf_buf_deinit(&b);
    return rc;
}

static struct timespec in_ms(int64_t ms)
{
    const int64_t ns = wf_clock_mono_ns(NULL) + ms * WF_NODES_NS_PER_MS;

    return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

int wf_nodes__send_waiting(struct wf_nodes *n, uint64_t peer, const struct wf_remote_message *m,
                           const atomic_bool *is_given_up, unsigned ms, struct wf_err *err)
{
    const int64_t until_ns = wf_clock_mono_ns(NULL) + ms * WF_NODES_NS_PER_MS;
    int rc;

    for (;;) {
        struct timespec at = in_ms(SEND_TICK_MS);
        if (n->is_ending || (is_given_up != NULL && atomic_load(is_given_up)))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        rc = wf_nodes__send(n, peer, m, err);
        if (rc != WF_E_BUSY)
            return rc;
        if (ms > 0 && wf_clock_mono_ns(NULL) > until_ns)
            return wf_err_set(err, WF_E_TIMEOUT, "The other node takes nothing more.");
        (void)pthread_cond_timedwait(&n->room, &n->lock, &at); /* the loop asks what it is */
    }
}

void wf_nodes__say_changed(struct wf_nodes *n)
{
    if (n->o.changed != NULL)
        n->o.changed(n->o.ud);
}

static void drop_peer(struct wf_nodes *n, struct wf_nodes_peer *p)
{
    wf_list_remove(&p->node);
    n->n_peers--;
    wf_free(p->places);
    wf_free(p);
}

/* ---- what sealed tells ---- */

static void on_up(void *ud, uint64_t peer, const struct wf_devices_entry *entry)
{
    struct wf_nodes *n = ud;
    struct wf_nodes_peer *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL) { /* it comes again */
        wf_sealed_close(n->o.sealed, peer, "There is no memory for it.");
        return;
    }
    p->id = peer;
    p->entry = *entry;
    p->is_untold = true;
    pthread_mutex_lock(&n->lock);
    wf_list_push(&n->peers, &p->node);
    n->n_peers++;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}

static int take_pong(struct wf_nodes_peer *p, const struct wf_remote_message *m)
{
    const double ms = (double)(wf_clock_mono_ns(NULL) - p->ping_ns) / 1e6;

    if (p->ping_ns == 0 || memcmp(m->bytes.ptr, &p->ping, sizeof(p->ping)) != 0)
        return 0; /* late: another was asked for since */
    p->ping = 0;
    p->round_trip_ms =
        p->round_trip_ms == 0 ? ms : PING_WEIGHT * ms + (1 - PING_WEIGHT) * p->round_trip_ms;
    return 0;
}

static int take_catalog(struct wf_nodes *n, struct wf_nodes_peer *p,
                        const struct wf_remote_message *m, struct wf_err *err)
{
    int rc = wf_nodes__read_catalog(p, m->bytes, err);

    if (rc == 0)
        wf_nodes__say_changed(n);
    return rc == WF_E_UNSUPPORTED ? 0 : rc;
}

static int take(struct wf_nodes *n, struct wf_nodes_peer *p, struct wf_str bytes,
                struct wf_err *err)
{
    struct wf_remote_message m;
    int rc = wf_remote_message_read(bytes, &m, err);

    if (rc != 0)
        return rc;
    switch (m.kind) {
    case WF_REMOTE_CATALOG:
        return take_catalog(n, p, &m, err);
    case WF_REMOTE_PING:
        m.kind = WF_REMOTE_PONG;
        (void)!wf_nodes__send(n, p->id, &m, NULL); /* one that is lost is asked for again */
        return 0;
    case WF_REMOTE_PONG:
        return take_pong(p, &m);
    case WF_REMOTE_STARTED:
    case WF_REMOTE_EVENTS:
    case WF_REMOTE_NUMBERS:
    case WF_REMOTE_DONE:
    case WF_REMOTE_ERROR:
        return wf_nodes__take_answer(n, p, &m, err);
    case WF_REMOTE_REQUEST:
    case WF_REMOTE_CREDIT:
    case WF_REMOTE_CANCEL:
        break;
    }
    return wf_nodes__take_asked(n, p, &m, err);
}

static void on_bytes(void *ud, uint64_t peer, struct wf_str bytes)
{
    struct wf_nodes *n = ud;
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_peer *p;

    pthread_mutex_lock(&n->lock);
    p = wf_nodes__peer(n, peer);
    if (p != NULL && !n->is_ending && take(n, p, bytes, &err) != 0)
        wf_sealed_close(n->o.sealed, peer, err.msg);
    pthread_mutex_unlock(&n->lock);
}

static void on_room(void *ud, uint64_t peer)
{
    struct wf_nodes *n = ud;

    (void)peer;
    pthread_mutex_lock(&n->lock);
    pthread_cond_broadcast(&n->room);
    pthread_mutex_unlock(&n->lock);
}

static void on_down(void *ud, uint64_t peer, struct wf_str words)
{
    struct wf_nodes *n = ud;
    char why[160];
    struct wf_nodes_peer *p;

    pthread_mutex_lock(&n->lock);
    p = wf_nodes__peer(n, peer);
    if (p != NULL) {
        (void)snprintf(why, sizeof(why), "%s is gone%s%.*s", p->entry.name,
                       words.len > 0 ? ": " : ".", (int)WF_MIN(words.len, (size_t)80),
                       words.len > 0 ? words.ptr : "");
        drop_peer(n, p);
        wf_nodes__cancel_jobs(n, peer);
        wf_nodes__fail_calls(n, peer, why);
        wf_nodes__say_changed(n);
    }
    pthread_cond_broadcast(&n->room);
    pthread_mutex_unlock(&n->lock);
}

/* ---- the thread ---- */

static void send_catalog(struct wf_nodes *n, bool is_new)
{
    const struct wf_remote_message m = {.kind = WF_REMOTE_CATALOG,
                                        .bytes = wf_buf_str(&n->catalog)};
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->peers)
    {
        struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        if (is_new || p->is_untold)
            p->is_untold = wf_nodes__send(n, p->id, &m, NULL) != 0; /* then at the next turn */
    }
}

void wf_nodes__measure(struct wf_nodes *n, struct wf_nodes_peer *p)
{
    const int64_t now_ns = wf_clock_mono_ns(NULL);
    struct wf_remote_message m = {.kind = WF_REMOTE_PING};

    if (p->ping_ns != 0 && now_ns - p->ping_ns < PING_MS * WF_NODES_NS_PER_MS)
        return;
    p->ping_ns = now_ns;
    p->ping = (uint64_t)now_ns;
    m.bytes = wf_str_n((const char *)&p->ping, sizeof(p->ping));
    (void)!wf_nodes__send(n, p->id, &m, NULL); /* the next one is sent in any case */
}

/* Of those that are new: later it is measured with requests alone. */
static void send_pings(struct wf_nodes *n)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->peers)
    {
        struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        if (p->ping_ns == 0)
            wf_nodes__measure(n, p);
    }
}

static bool is_anybody_untold(const struct wf_nodes *n)
{
    const struct wf_list *it;

    for (it = n->peers.next; it != &n->peers; it = it->next) {
        const struct wf_nodes_peer *p =
            WF_CONTAINER((struct wf_list *)(uintptr_t)it, struct wf_nodes_peer, node);
        if (p->is_untold && p->ping_ns == 0)
            return true;
    }
    return false;
}

static void wait_for_turn(struct wf_nodes *n)
{
    struct timespec at = in_ms(TICK_MS);
    int rc = 0;

    while (!n->is_ending && !is_anybody_untold(n) && rc == 0) {
        if (n->n_peers > 0)
            rc = pthread_cond_timedwait(&n->wake, &n->lock, &at);
        else if (pthread_cond_wait(&n->wake, &n->lock) == 0)
            at = in_ms(TICK_MS);
    }
}

static void *run(void *ud)
{
    struct wf_nodes *n = ud;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf now;
    int rc;

    wf_buf_init(&now, WF_SEALED_MESSAGE_BYTES - WF_REMOTE_HEAD_BYTES);
    pthread_mutex_lock(&n->lock);
    for (;;) {
        wait_for_turn(n);
        if (n->is_ending)
            break;
        pthread_mutex_unlock(&n->lock);
        wf_buf_reset(&now);
        rc = wf_nodes__write_catalog(n, &now, &err);
        pthread_mutex_lock(&n->lock);
        if (rc == 0) {
            const bool is_new = !wf_str_eq(wf_buf_str(&now), wf_buf_str(&n->catalog));
            wf_buf_reset(&n->catalog);
            if (wf_buf_append_str(&n->catalog, wf_buf_str(&now)) == 0)
                send_catalog(n, is_new);
        } else if (n->o.log != NULL) {
            wf_log_line(n->o.log, WF_LOG_WARN, "nodes", "%s", err.msg);
        }
        send_pings(n);
    }
    pthread_mutex_unlock(&n->lock);
    wf_buf_deinit(&now);
    return NULL;
}

/* ---- looking ---- */

int wf_nodes_places(struct wf_nodes *n, struct wf_nodes_place **out, size_t *out_n,
                    struct wf_err *err)
{
    struct wf_nodes_place *all = NULL;
    struct wf_list *it, *tmp;
    size_t count = 0, cap = 0;
    int rc = 0;

    pthread_mutex_lock(&n->lock);
    WF_LIST_EACH(it, tmp, &n->peers)
    {
        struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        (void)!wf_sealed_entry(n->o.sealed, p->id, &p->entry, NULL); /* it may see less by now */
        if (rc == 0 && p->n_places > 0)
            rc = wf_reserve(&all, &cap, count + p->n_places, sizeof(*all));
        for (size_t i = 0; i < p->n_places && rc == 0; i++) {
            all[count] = p->places[i];
            all[count].clearance = p->entry.clearance;
            all[count++].round_trip_ms = p->round_trip_ms;
        }
    }
    pthread_mutex_unlock(&n->lock);
    if (rc != 0) {
        wf_free(all);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (nodes).");
    }
    *out = all;
    *out_n = count;
    return 0;
}

bool wf_nodes_has_places(struct wf_nodes *n)
{
    struct wf_list *it, *tmp;
    bool has = false;

    pthread_mutex_lock(&n->lock);
    WF_LIST_EACH(it, tmp, &n->peers)
    {
        const struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        has = has || (p->n_places > 0 && p->places[0].kind == WF_MODEL_CHAT); /* they come first */
    }
    pthread_mutex_unlock(&n->lock);
    return has;
}

/* The node's part of a name, and the model's. */
static struct wf_str split(const char *model, struct wf_str *out_model)
{
    const struct wf_str all = wf_str_from(model != NULL ? model : "");
    const size_t slash = WF_MIN(wf_str_find_byte(all, '/', 0), all.len);

    *out_model = wf_str_sub(all, WF_MIN(slash + 1, all.len), all.len);
    return wf_str_sub(all, 0, slash);
}

bool wf_nodes_is_node(struct wf_nodes *n, const char *model)
{
    struct wf_devices_entry e, own;
    struct wf_str rest, node = split(model, &rest);

    return node.len > 0 && wf_sealed_entry_by_name(n->o.sealed, node, &e, NULL) == 0 &&
           (wf_sealed_own_entry(n->o.sealed, &own, NULL) != 0 ||
            memcmp(own.node, e.node, sizeof(e.node)) != 0);
}

/* A model's name there, with or without its tag. */
static bool is_model(const struct wf_nodes_place *p, struct wf_str name)
{
    const struct wf_str full = wf_str_from(p->model), latest = WF_STR(":latest");

    return wf_str_eq_nocase(full, name) ||
           (wf_str_ends(full, latest) &&
            wf_str_eq_nocase(wf_str_sub(full, 0, full.len - latest.len), name));
}

/* Whether a model of the first kind may be asked for what the second does; a name says which is
 * meant, else they are the same. */
static bool does(enum wf_model_kind kind, enum wf_model_kind wanted, bool is_named)
{
    return kind == wanted || (is_named && (wanted == WF_MODEL_RERANK ||
                                           (wanted == WF_MODEL_EMBED && kind == WF_MODEL_CHAT)));
}

static int find_at(struct wf_nodes *n, struct wf_nodes_peer *p, struct wf_str model,
                   enum wf_model_kind kind, struct wf_nodes_place *out, struct wf_err *err)
{
    if (!p->has_catalog)
        return wf_err_set(err, WF_E_BUSY, "%s has not said yet which models it has.",
                          p->entry.name);
    if (!p->offers)
        return wf_err_set(
            err, WF_E_NOENT,
            "%s does not offer its models: node_offers = on in its weft.conf lets it.",
            p->entry.name);
    for (size_t i = 0; i < p->n_places; i++) {
        if ((model.len == 0 || is_model(&p->places[i], model)) &&
            does(p->places[i].kind, kind, model.len > 0)) {
            (void)!wf_sealed_entry(n->o.sealed, p->id, &p->entry, NULL); /* as above */
            *out = p->places[i];
            out->clearance = p->entry.clearance;
            out->round_trip_ms = p->round_trip_ms;
            return 0;
        }
    }
    return wf_err_set(err, WF_E_NOENT, "%s has no model %.*s for this.%s%.100s", p->entry.name,
                      (int)WF_MIN(model.len, (size_t)60), model.len > 0 ? model.ptr : "",
                      p->n_places > 0 ? " It has " : "", p->n_places > 0 ? p->places[0].model : "");
}

int wf_nodes_find(struct wf_nodes *n, const char *model, enum wf_model_kind kind,
                  struct wf_nodes_place *out, struct wf_err *err)
{
    struct wf_str name, node = split(model, &name);
    struct wf_nodes_peer *p = NULL;
    uint64_t peer = 0;
    int rc = wf_sealed_peer_by_name(n->o.sealed, node, &peer, err);

    if (rc != 0)
        return wf_nodes_is_node(n, model) ? WF_E_BUSY : rc;
    pthread_mutex_lock(&n->lock);
    p = wf_nodes__peer(n, peer);
    rc = p != NULL ? find_at(n, p, name, kind, out, err)
                   : wf_err_set(err, WF_E_BUSY, "%.*s is not connected now.", WF_STR_ARG(node));
    pthread_mutex_unlock(&n->lock);
    return rc;
}

int wf_nodes_find_any(struct wf_nodes *n, const char *model, struct wf_nodes_place *out,
                      struct wf_err *err)
{
    return wf_nodes_find(n, model, WF_MODEL_CHAT, out, NULL) == 0
               ? 0
               : wf_nodes_find(n, model, WF_MODEL_RERANK, out, err);
}

static json_t *model_json(const struct wf_nodes_place *m)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:f, s:f}", "name", m->model, "kind",
                     wf_model_kind_name(m->kind), "params", (json_int_t)m->n_params, "context",
                     (json_int_t)m->n_context, "loaded", m->is_loaded, "queued",
                     (json_int_t)m->n_queued, "read_ms", m->read_ms, "write_ms", m->write_ms);
}

static json_t *peer_json(const struct wf_nodes_peer *p)
{
    const float battery = p->n_places > 0 ? p->places[0].battery : -1;
    json_t *models = json_array();

    for (size_t i = 0; i < p->n_places; i++) {
        if (json_array_append_new(models, model_json(&p->places[i])) != 0) {
            json_decref(models);
            return NULL;
        }
    }
    return json_pack("{s:b, s:f, s:o, s:o}", "offers", p->offers, "round_trip_ms", p->round_trip_ms,
                     "battery", battery >= 0 ? json_real((double)battery) : json_null(), "models",
                     models);
}

json_t *wf_nodes_json(struct wf_nodes *n)
{
    json_t *all = json_object();
    struct wf_list *it, *tmp;
    int rc = all == NULL ? -1 : 0;

    pthread_mutex_lock(&n->lock);
    WF_LIST_EACH(it, tmp, &n->peers)
    {
        const struct wf_nodes_peer *p = WF_CONTAINER(it, struct wf_nodes_peer, node);
        if (rc == 0 && p->has_catalog)
            rc = json_object_set_new(all, p->entry.name, peer_json(p));
    }
    pthread_mutex_unlock(&n->lock);
    if (rc == 0)
        return all;
    json_decref(all);
    return NULL;
}

/* ---- start and end ---- */

int wf_nodes_new(const struct wf_nodes_options *o, struct wf_nodes **out, struct wf_err *err)
{
    struct wf_nodes *n = wf_alloc_array(1, sizeof(*n));
    const struct wf_sealed_events events = {
        .up = on_up, .bytes = on_bytes, .room = on_room, .down = on_down, .ud = n};
    int rc;

    if (n == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    n->o = *o;
    wf_list_init(&n->peers);
    wf_list_init(&n->calls);
    wf_list_init(&n->jobs);
    wf_buf_init(&n->catalog, WF_SEALED_MESSAGE_BYTES);
    pthread_mutex_init(&n->lock, NULL);
    wf_cond_init(&n->wake);
    wf_cond_init(&n->room);
    wf_cond_init(&n->ended);
    rc = wf_team_new("nodes", WF_NODES_REQUESTS_MAX, WF_NODES_REQUESTS_MAX, &n->team, err);
    if (rc == 0 && pthread_create(&n->thread, NULL, run, n) != 0) {
        wf_team_free(n->team);
        n->team = NULL;
        rc = wf_err_set(err, WF_E_BUSY, "No thread can be started.");
    }
    if (rc != 0) {
        n->is_ending = true;
        wf_nodes_free(n);
        return rc;
    }
    wf_sealed_on(o->sealed, WF_LINK_REQUESTS, &events);
    *out = n;
    return 0;
}

void wf_nodes_stop(struct wf_nodes *n)
{
    bool was_running;

    if (n == NULL)
        return;
    wf_sealed_on(n->o.sealed, WF_LINK_REQUESTS, NULL);
    pthread_mutex_lock(&n->lock);
    was_running = !n->is_ending;
    n->is_ending = true;
    wf_nodes__cancel_jobs(n, 0);
    while (!wf_list_empty(&n->peers)) {
        struct wf_nodes_peer *p = WF_CONTAINER(n->peers.next, struct wf_nodes_peer, node);
        const uint64_t id = p->id;
        drop_peer(n, p);
        wf_nodes__fail_calls(n, id, "weft ends.");
    }
    pthread_cond_broadcast(&n->wake);
    pthread_cond_broadcast(&n->room);
    while (n->n_jobs > 0)
        pthread_cond_wait(&n->ended, &n->lock);
    pthread_mutex_unlock(&n->lock);
    if (was_running)
        pthread_join(n->thread, NULL);
}

void wf_nodes_free(struct wf_nodes *n)
{
    if (n == NULL)
        return;
    if (!n->is_ending)
        wf_nodes_stop(n);
    wf_team_free(n->team);
    wf_buf_deinit(&n->catalog);
    pthread_cond_destroy(&n->wake);
    pthread_cond_destroy(&n->room);
    pthread_cond_destroy(&n->ended);
    pthread_mutex_destroy(&n->lock);
    wf_free(n);
}
