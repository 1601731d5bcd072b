/* SPDX-License-Identifier: Apache-2.0 */
/* The machine under a lock; what it tells is gathered while the lock is held and said after it. */
#include "mesh/nearby.h"

#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "os/thread.h"

struct wf_nearby {
    struct wf_nearby_options o;
    pthread_mutex_t lock;
    pthread_cond_t wake, answered;
    pthread_t thread;
    bool has_thread, stop, must_look, is_listed_anew;
    struct wf_presence *presence;
    bool is_changed, is_handed, is_screen_changed; /* to be told once the lock is free */
    json_t *moved;                                 /* likewise; NULL: nothing */
    uint64_t call;                                 /* the last that was made, and was answered */
    uint64_t answered_call;
    unsigned n_pages;
};

static int64_t now_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

/* Says what has gathered. Takes the lock held, gives it free. */
static void unlock_and_say(struct wf_nearby *n)
{
    const bool is_changed = n->is_changed, is_handed = n->is_handed;
    const bool is_screen_changed = n->is_screen_changed;
    json_t *moved = n->moved;

    n->is_changed = n->is_handed = n->is_screen_changed = false;
    n->moved = NULL;
    pthread_mutex_unlock(&n->lock);
    if (is_changed)
        n->o.changed(n->o.ud, "presence");
    if (is_handed)
        n->o.changed(n->o.ud, "handoff");
    if (is_screen_changed)
        n->o.changed(n->o.ud, "present");
    if (moved != NULL)
        n->o.moved(n->o.ud, moved);
    json_decref(moved);
}

/* What has changed goes out at once, where it may. The lock is held. */
static void look(struct wf_nearby *n)
{
    (void)wf_presence_tick(n->presence);
    n->must_look = true; /* the thread learns when it is next */
    pthread_cond_signal(&n->wake);
}

/* ---- the machine's callbacks: the lock is held ---- */

static int send_it(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct wf_nearby *n = ud;

    return wf_sealed_send(n->o.sealed, peer, WF_LINK_PRESENCE, bytes, err);
}

static void changed(void *ud)
{
    ((struct wf_nearby *)ud)->is_changed = true;
}

static void handed(void *ud)
{
    ((struct wf_nearby *)ud)->is_handed = true;
}

static void screen(void *ud)
{
    ((struct wf_nearby *)ud)->is_screen_changed = true;
}

/* The last one counts. */
static void moved(void *ud, const json_t *state)
{
    struct wf_nearby *n = ud;

    json_decref(n->moved);
    n->moved = json_deep_copy(state); /* NULL: it is not moved */
}

static void taken(void *ud, uint64_t call, unsigned n_pages)
{
    struct wf_nearby *n = ud;

    n->answered_call = call;
    n->n_pages = n_pages;
    pthread_cond_broadcast(&n->answered);
}

/* Never called: such messages do not come to the machine. */
static void other(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    (void)ud;
    (void)peer;
    (void)kind;
    (void)body;
}

/* ---- sealed's callbacks ---- */

static void on_up(void *ud, uint64_t peer, const struct wf_devices_entry *entry)
{
    struct wf_nearby *n = ud;
    int rc;

    pthread_mutex_lock(&n->lock);
    rc = wf_presence_up(n->presence, peer, entry, NULL);
    if (rc == 0)
        look(n);
    unlock_and_say(n);
    if (rc != 0)
        wf_sealed_close(n->o.sealed, peer, "out of memory");
}

static void on_bytes(void *ud, uint64_t peer, struct wf_str bytes)
{
    struct wf_nearby *n = ud;
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;

    if (bytes.len > 0 && (unsigned char)bytes.ptr[0] >= WF_PRESENCE_OTHER) {
        n->o.other(n->o.ud, peer, (unsigned char)bytes.ptr[0], wf_str_sub(bytes, 1, bytes.len));
        return;
    }
    pthread_mutex_lock(&n->lock);
    rc = wf_presence_bytes(n->presence, peer, bytes, &err);
    look(n);
    unlock_and_say(n);
    if (rc == 0)
        return;
    if (n->o.log != NULL)
        wf_log_line(n->o.log, WF_LOG_WARN, "presence", "a device is hung up on: %s", err.msg);
    wf_sealed_close(n->o.sealed, peer, err.msg);
}

static void on_room(void *ud, uint64_t peer)
{
    struct wf_nearby *n = ud;

    pthread_mutex_lock(&n->lock);
    wf_presence_room(n->presence, peer);
    look(n);
    unlock_and_say(n);
    n->o.other(n->o.ud, peer, WF_NEARBY_ROOM, WF_STR(""));
}

static void on_down(void *ud, uint64_t peer, struct wf_str words)
{
    struct wf_nearby *n = ud;

    (void)words;
    pthread_mutex_lock(&n->lock);
    wf_presence_down(n->presence, peer);
    look(n);
    unlock_and_say(n);
    n->o.other(n->o.ud, peer, WF_NEARBY_DOWN, WF_STR(""));
}

/* ---- the thread ---- */

/* The lock is held, and given free meanwhile. */
static void read_devices(struct wf_nearby *n)
{
    struct wf_devices *list = wf_alloc_array(1, sizeof(*list)); /* too large for a stack */

    if (list == NULL)
        return; /* the sessions of who is out end by themselves */
    n->is_listed_anew = false;
    pthread_mutex_unlock(&n->lock);
    n->o.devices(n->o.ud, list);
    pthread_mutex_lock(&n->lock);
    wf_presence_devices(n->presence, list);
    wf_free(list);
}

static void *run(void *ud)
{
    struct wf_nearby *n = ud;
    int64_t until_ms;

    pthread_mutex_lock(&n->lock);
    while (!n->stop) {
        struct timespec until;
        if (n->is_listed_anew)
            read_devices(n);
        until_ms = wf_presence_tick(n->presence);
        n->must_look = false;
        if (n->is_changed || n->is_handed || n->is_screen_changed) {
            unlock_and_say(n);
            pthread_mutex_lock(&n->lock);
        }
        until = (struct timespec){(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
        while (!n->stop && !n->must_look && now_ms() < until_ms)
            (void)pthread_cond_timedwait(&n->wake, &n->lock, &until);
    }
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

int wf_nearby_new(const struct wf_nearby_options *o, struct wf_nearby **out, struct wf_err *err)
{
    const struct wf_sealed_events events = {
        .up = on_up, .bytes = on_bytes, .room = on_room, .down = on_down};
    struct wf_nearby *n = wf_alloc_array(1, sizeof(*n));
    struct wf_presence_options po = {.send = send_it,
                                     .changed = changed,
                                     .handed = handed,
                                     .taken = taken,
                                     .screen = screen,
                                     .moved = moved,
                                     .other = other};
    struct wf_sealed_events own = events;
    int rc;

    if (n == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (what is open).");
    n->o = *o;
    po.ud = own.ud = n;
    pthread_mutex_init(&n->lock, NULL);
    wf_cond_init(&n->wake);
    wf_cond_init(&n->answered);
    rc = wf_presence_new(&po, &n->presence, err);
    if (rc == 0) {
        n->has_thread = pthread_create(&n->thread, NULL, run, n) == 0;
        if (!n->has_thread)
            rc = wf_err_set(err, WF_E_BUSY, "The system allows no more threads.");
    }
    if (rc != 0) {
        wf_nearby_free(n);
        return rc;
    }
    wf_sealed_on(o->sealed, WF_LINK_PRESENCE, &own);
    *out = n;
    return 0;
}

void wf_nearby_free(struct wf_nearby *n)
{
    if (n == NULL)
        return;
    if (n->has_thread) {
        wf_sealed_on(n->o.sealed, WF_LINK_PRESENCE, NULL);
        pthread_mutex_lock(&n->lock);
        n->stop = true;
        pthread_cond_signal(&n->wake);
        pthread_mutex_unlock(&n->lock);
        (void)pthread_join(n->thread, NULL);
    }
    wf_presence_free(n->presence);
    json_decref(n->moved);
    pthread_cond_destroy(&n->wake);
    pthread_cond_destroy(&n->answered);
    pthread_mutex_destroy(&n->lock);
    wf_free(n);
}

/* ---- callers ---- */

int wf_nearby_set(struct wf_nearby *n, struct wf_str id, enum wf_label label, const json_t *what,
                  bool is_active, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&n->lock);
    rc = wf_presence_set(n->presence, id, label, what, is_active, err);
    look(n);
    unlock_and_say(n);
    return rc;
}

json_t *wf_nearby_json(struct wf_nearby *n)
{
    json_t *v;

    pthread_mutex_lock(&n->lock);
    v = wf_presence_json(n->presence);
    pthread_mutex_unlock(&n->lock);
    return v;
}

json_t *wf_nearby_take(struct wf_nearby *n)
{
    json_t *v;

    pthread_mutex_lock(&n->lock);
    v = wf_presence_take(n->presence);
    pthread_mutex_unlock(&n->lock);
    return v;
}

void wf_nearby_show(struct wf_nearby *n, enum wf_label label, const json_t *state)
{
    pthread_mutex_lock(&n->lock);
    wf_presence_show(n->presence, label, state);
    look(n);
    unlock_and_say(n);
}

json_t *wf_nearby_screens(struct wf_nearby *n)
{
    json_t *v;

    pthread_mutex_lock(&n->lock);
    v = wf_presence_screens(n->presence);
    pthread_mutex_unlock(&n->lock);
    return v;
}

int wf_nearby_move(struct wf_nearby *n, struct wf_str node, const json_t *state, struct wf_err *err)
{
    uint64_t peer = 0;
    int rc;

    pthread_mutex_lock(&n->lock);
    rc = wf_presence_peer(n->presence, node, &peer, err);
    if (rc == 0)
        rc = wf_presence_move(n->presence, peer, state, err);
    unlock_and_say(n);
    return rc;
}

void wf_nearby_devices_changed(struct wf_nearby *n)
{
    if (n == NULL)
        return;
    pthread_mutex_lock(&n->lock);
    n->must_look = n->is_listed_anew = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}

int wf_nearby_hand(struct wf_nearby *n, struct wf_str node, struct wf_str id, json_t **out_item,
                   unsigned *out_pages, struct wf_err *err)
{
    int64_t until_ms = now_ms() + WF_NEARBY_ANSWER_MS;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    uint64_t peer = 0, call;
    int rc;

    pthread_mutex_lock(&n->lock);
    call = ++n->call;
    rc = wf_presence_peer(n->presence, node, &peer, err);
    if (rc == 0)
        rc = wf_presence_hand(n->presence, peer, id, call, out_item, err);
    while (rc == 0 && n->answered_call != call && now_ms() < until_ms)
        (void)pthread_cond_timedwait(&n->answered, &n->lock, &until);
    if (rc == 0 && n->answered_call != call) {
        json_decref(*out_item);
        rc = wf_err_set(err, WF_E_TIMEOUT, "The device does not answer. Try again.");
    }
    *out_pages = n->n_pages;
    unlock_and_say(n);
    return rc;
}

int wf_nearby_peer(struct wf_nearby *n, struct wf_str node, uint64_t *out_peer, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&n->lock);
    rc = wf_presence_peer(n->presence, node, out_peer, err);
    pthread_mutex_unlock(&n->lock);
    return rc;
}

int wf_nearby_send(struct wf_nearby *n, uint64_t peer, unsigned kind, struct wf_str body,
                   struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    wf_buf_append_byte(&b, (char)kind);
    rc = wf_buf_append_str(&b, body);
    rc = rc == 0 ? wf_sealed_send(n->o.sealed, peer, WF_LINK_PRESENCE, wf_buf_str(&b), err)
                 : wf_err_set(err, rc, "That is too long for another device.");
    wf_buf_deinit(&b);
    return rc;
}
