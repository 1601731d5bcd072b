/* SPDX-License-Identifier: Apache-2.0 */
/* From link to the worker: link's thread must not wait, so what it tells is copied and queued, with
 * a bound; the worker does it in turn. What does not fit ends its connection: it would be missed.
 * Also the list of devices on its way to the others. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/fabric_internal.h"

enum event_kind {
    EVENT_UP,
    EVENT_BYTES,
    EVENT_DOWN
};

struct event {
    struct wf_fabric *f;
    enum event_kind kind;
    uint64_t peer;
    uint8_t key[WF_DEVICES_KEY_BYTES];
    bool is_paired;
    enum wf_link_reason reason;
    size_t n;
    char bytes[]; /* message, address or words */
};

/* ---- peers ---- */

static struct wf_fabric_peer *peer_at(struct wf_fabric *f, uint64_t peer)
{
    for (size_t i = 0; i < WF_FABRIC_PEERS_MAX; i++)
        if (f->peers[i].peer == peer)
            return &f->peers[i];
    return NULL;
}

static void note_seen(struct wf_fabric *f, const uint8_t *key)
{
    size_t i = 0;

    while (i < f->n_seen && memcmp(f->seen[i].key, key, WF_DEVICES_KEY_BYTES) != 0)
        i++;
    if (i == WF_FABRIC_PEERS_MAX)
        i = 0;
    if (i == f->n_seen)
        f->n_seen++;
    memcpy(f->seen[i].key, key, WF_DEVICES_KEY_BYTES);
    f->seen[i].at_ms = wf_fabric__now_ms(f);
}

/* A stranger becomes a paired node in the course of a connection, and the other way round. */
static bool is_paired(const struct wf_fabric *f, struct wf_fabric_peer *p)
{
    const struct wf_devices_entry *e = wf_devices_by_transport(&f->list, p->key);

    if (f->list.version != 0)
        p->is_paired = e != NULL && e->revoked_ms == 0;
    return p->is_paired;
}

/* ---- in the worker ---- */

static void up(struct wf_fabric *f, const struct event *e)
{
    struct wf_str address = wf_str_n(e->bytes, WF_MIN(e->n, (size_t)WF_LINK_ADDRESS_BYTES));
    struct wf_fabric_peer *p = peer_at(f, 0);
    bool is_of_others, is_late = !e->is_paired && f->joiner.peer != e->peer && !f->code.is_on;

    if (p == NULL || is_late) {
        wf_link_close(f->o.link, e->peer);
        return;
    }
    p->peer = e->peer;
    p->is_paired = p->is_known = e->is_paired;
    memcpy(p->key, e->key, sizeof(p->key));
    is_of_others = e->is_paired && !is_paired(f, p) &&
                   (f->kept.version == 0 || wf_devices_by_transport(&f->kept, p->key) == NULL);
    snprintf(p->address, sizeof(p->address), "%.*s", WF_STR_ARG(address));
    wf_fabric__came_up(f, e->peer, e->key);
    if (!e->is_paired || is_of_others)
        return;
    note_seen(f, e->key);
    if (f->kept.version != 0) {
        struct wf_buf b;
        wf_buf_init(&b, 100);
        wf_pairing_ask(&f->kept, &b);
        if (wf_buf_status(&b) == 0)
            wf_fabric__send(f, e->peer, wf_buf_str(&b));
        wf_buf_deinit(&b);
    }
    wf_fabric__send_held(f, e->peer);
}

static void down(struct wf_fabric *f, const struct event *e)
{
    struct wf_fabric_peer *p = peer_at(f, e->peer);

    if (p != NULL) {
        if (p->is_paired) {
            note_seen(f, p->key);
            wf_fabric__write_seen(f);
        }
        memset(p, 0, sizeof(*p));
    }
    wf_fabric__went_down(f, e->peer, e->reason, wf_str_n(e->bytes, e->n));
    wf_fabric__close_door(f);
}

static void run(void *ud)
{
    struct event *e = ud;
    struct wf_fabric *f = e->f;
    struct wf_fabric_peer *p;

    pthread_mutex_lock(&f->count_lock);
    f->n_waiting--;
    pthread_mutex_unlock(&f->count_lock);
    pthread_mutex_lock(&f->lock);
    switch (e->kind) {
    case EVENT_UP:
        up(f, e);
        break;
    case EVENT_BYTES:
        p = peer_at(f, e->peer);
        if (p != NULL) /* else it was closed already */
            wf_fabric__came(f, e->peer, p->key, is_paired(f, p), wf_str_n(e->bytes, e->n));
        break;
    case EVENT_DOWN:
        down(f, e);
        break;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (e->kind != EVENT_BYTES)
        wf_fabric__say(f, "nodes");
    wf_free(e);
}

/* ---- in link's thread ---- */

static struct event *event(struct wf_fabric *f, enum event_kind kind, uint64_t peer,
                           struct wf_str bytes)
{
    struct event *e = wf_alloc_array(1, sizeof(*e) + bytes.len);

    if (e == NULL)
        return NULL;
    e->f = f;
    e->kind = kind;
    e->peer = peer;
    e->n = bytes.len;
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    return e;
}

static void post(struct wf_fabric *f, uint64_t peer, struct event *e)
{
    bool has_room;

    pthread_mutex_lock(&f->count_lock);
    /* Ends of connections always find room: half of it is theirs. */
    has_room = e != NULL && (e->kind == EVENT_DOWN || f->n_waiting < WF_FABRIC_WAITING_MAX / 2);
    has_room = has_room && wf_team_post(f->worker, run, e) == 0;
    if (has_room)
        f->n_waiting++;
    pthread_mutex_unlock(&f->count_lock);
    if (has_room)
        return;
    wf_free(e);
    wf_link_close(f->o.link, peer);
}

static void on_up(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
                  struct wf_str address)
{
    struct event *e = event(ud, EVENT_UP, peer, address);

    if (e != NULL) {
        memcpy(e->key, key, sizeof(e->key));
        e->is_paired = is_paired;
    }
    post(ud, peer, e);
}

static void on_bytes(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes)
{
    (void)channel;
    if (bytes.len <= WF_PAIRING_MESSAGE_BYTES)
        post(ud, peer, event(ud, EVENT_BYTES, peer, bytes));
    else
        wf_link_close(((struct wf_fabric *)ud)->o.link, peer);
}

static void on_down(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words)
{
    struct event *e = event(ud, EVENT_DOWN, peer, words);

    if (e != NULL)
        e->reason = reason;
    post(ud, peer, e);
}

void wf_fabric__listen(struct wf_fabric *f)
{
    const struct wf_link_events events = {.up = on_up, .bytes = on_bytes, .down = on_down, .ud = f};

    if (f->o.link != NULL)
        wf_link_on(f->o.link, WF_LINK_PAIRING, &events);
}

/* ---- sending ---- */

void wf_fabric__send(struct wf_fabric *f, uint64_t peer, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;

    if (bytes.len > 0 && wf_link_send(f->o.link, peer, WF_LINK_PAIRING, bytes, &err) != 0 &&
        f->o.log != NULL)
        wf_log_line(f->o.log, WF_LOG_DEBUG, "fabric", "not sent: %s", err.msg);
}

void wf_fabric__send_held(struct wf_fabric *f, uint64_t peer)
{
    struct wf_buf b;

    if (f->list.version == 0)
        return;
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX + 1);
    wf_buf_append_byte(&b, WF_FABRIC_HELD);
    if (wf_devices_write(&f->list, &b) == 0)
        wf_fabric__send(f, peer, wf_buf_str(&b));
    wf_buf_deinit(&b);
    wf_fabric__send_where(f, peer);
}

void wf_fabric__tell_all(struct wf_fabric *f)
{
    for (size_t i = 0; i < WF_FABRIC_PEERS_MAX; i++)
        if (f->peers[i].peer != 0 && is_paired(f, &f->peers[i]))
            wf_fabric__send_held(f, f->peers[i].peer);
}
