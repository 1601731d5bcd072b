/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of all connections: what link tells goes to their machines (sealed_session.h), what
 * comes out of them to those who hear of a channel.
 *
 * Link's thread takes messages and calls back. A thread of its own reads the list of devices anew
 * when it is told that it is another, because who tells that may hold the list's lock; it ends and
 * begins sessions, and ends handshakes that nobody answers. A session that ends by what was done
 * or found here takes its connection with it, so that `down` comes from link's thread, too. One
 * that never came to be leaves the connection alone: an older weft at the other end has none. */
#include "mesh/sealed.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/link.h"
#include "mesh/sealed_session.h"
#include "os/thread.h"

#define TICK_MS 1000
#define WORDS_BYTES 200

/* A connection to somebody that is paired. */
struct peer {
    uint64_t id;
    uint8_t key[WF_DEVICES_KEY_BYTES];    /* transport */
    uint8_t device[WF_DEVICES_KEY_BYTES]; /* of the session's other end */
    struct wf_sealed_session session;
    bool is_other;   /* another person's, when the session began */
    bool is_told;    /* up was called */
    bool is_closing; /* its connection is about to end */
    bool has_hello;  /* came before the list had its device */
    char hello[WF_SEALED_HELLO_BYTES];
    char words[WORDS_BYTES]; /* why it is closing */
};

struct wf_sealed {
    struct wf_sealed_options o;
    pthread_t thread;
    bool has_thread;
    struct wf_devices fresh; /* of who reads the list: the thread, where there is one */
    pthread_mutex_t lock;    /* guards all below; link's lock may be taken within */
    pthread_cond_t wake;     /* for the thread */
    pthread_cond_t called;   /* a callback has ended */
    bool is_ending, is_listed_anew, is_calling;
    struct wf_devices devices;
    struct wf_devices_entry *others; /* [n_others] of other people */
    size_t n_others;
    struct peer **peers;
    size_t n_peers, cap_peers;
    struct wf_sealed_events events[WF_SEALED_CHANNELS];
    struct wf_buf out; /* one message on its way out */
};

static int64_t now_ns(const struct wf_sealed *s)
{
    return wf_clock_mono_ns(s->o.clock);
}

/* ---- who; the lock is held here and below ---- */

static struct peer *peer_of(const struct wf_sealed *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i]->id == id)
            return s->peers[i];
    }
    return NULL;
}

static bool is_open(const struct peer *p)
{
    return p != NULL && p->session.state == WF_SEALED_OPEN;
}

/* A node that keeps ciphertext alone reads nothing here either: neither requests nor presence. */
static bool may_read(const struct wf_devices_entry *e)
{
    return e->revoked_ms == 0 && (e->roles & WF_ROLE_CIPHER) == 0;
}

static const struct wf_devices_entry *own_entry(const struct wf_sealed *s)
{
    for (size_t i = 0; s->devices.version != 0 && i < s->devices.n_entries; i++) {
        const struct wf_devices_entry *e = &s->devices.entries[i];
        if (memcmp(e->device, s->o.device->id, sizeof(e->device)) == 0)
            return may_read(e) ? e : NULL;
    }
    return NULL;
}

/* Of those that are in: an owner's own one, revoked or not, is no other's. */
static const struct wf_devices_entry *entry_of(const struct wf_sealed *s, const struct peer *p,
                                               bool *out_other)
{
    const struct wf_devices_entry *e =
        s->devices.version == 0 ? NULL : wf_devices_by_transport(&s->devices, p->key);

    *out_other = e == NULL;
    for (size_t i = 0; i < s->n_others && e == NULL; i++) {
        if (memcmp(s->others[i].transport, p->key, sizeof(p->key)) == 0)
            e = &s->others[i];
    }
    return e == NULL || !may_read(e) ? NULL : e;
}

/* Whether a channel is spoken with the other end of a session. */
static bool is_open_to(const struct wf_sealed *s, const struct peer *p, unsigned channel)
{
    return !p->is_other || s->events[channel - WF_LINK_REQUESTS].takes_others;
}

static int to_link(struct wf_sealed *s, uint64_t peer, unsigned channel, struct wf_str bytes,
                   struct wf_err *err)
{
    return s->o.send != NULL ? s->o.send(s->o.ud, peer, channel, bytes, err)
                             : wf_link_send(s->o.link, peer, channel, bytes, err);
}

/* Ends a session; with its connection, unless the handshake alone has failed. */
static void end_session(struct wf_sealed *s, struct peer *p, bool with_connection,
                        const char *words)
{
    bool is_other;
    const struct wf_devices_entry *e = entry_of(s, p, &is_other);

    if (p->session.state != WF_SEALED_NONE)
        wf_sealed_session_end(&p->session);
    if (p->is_closing)
        return;
    (void)snprintf(p->words, sizeof(p->words), "%s", words);
    if (s->o.log != NULL)
        wf_log_line(s->o.log, WF_LOG_WARN, "sealed", "%s: %s",
                    e != NULL ? e->name : "a node that is out", words);
    if (!with_connection)
        return;
    p->is_closing = true;
    if (s->o.close != NULL)
        s->o.close(s->o.ud, p->id);
    else
        wf_link_close(s->o.link, p->id);
}

/* ---- messages of the session ---- */

static int answer(struct wf_sealed *s, struct peer *p, struct wf_buf *reply, struct wf_err *err)
{
    return reply->len == 0 ? 0 : to_link(s, p->id, WF_LINK_REQUESTS, wf_buf_str(reply), err);
}

static void take(struct wf_sealed *s, struct peer *p, unsigned channel, struct wf_str bytes,
                 struct wf_sealed_taken *out, struct wf_buf *plain)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf reply;
    int rc;

    wf_buf_init(&reply, WF_LINK_MESSAGE_BYTES);
    rc = wf_sealed_session_take(&p->session, channel, bytes, now_ns(s), out, plain, &reply, &err);
    if (rc == 0)
        rc = answer(s, p, &reply, &err);
    wf_buf_deinit(&reply);
    if (rc != 0) {
        *out = (struct wf_sealed_taken){.is_up = false};
        /* Of an older or newer weft the rest may go on. */
        end_session(s, p, rc != WF_E_UNSUPPORTED, err.msg);
    }
}

/* Begins a session with a connection that has none, if its device is in. */
static void begin(struct wf_sealed *s, struct peer *p)
{
    const struct wf_devices_entry *own = own_entry(s), *other = entry_of(s, p, &p->is_other);
    struct wf_sealed_who who = {.device = s->o.device};
    struct wf_sealed_taken taken;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf hello;
    int rc;

    if (own == NULL || other == NULL || p->session.state != WF_SEALED_NONE || p->is_closing)
        return;
    memcpy(who.transport, own->transport, sizeof(who.transport));
    memcpy(who.other_device, other->device, sizeof(who.other_device));
    memcpy(who.other_transport, p->key, sizeof(who.other_transport));
    memcpy(p->device, other->device, sizeof(p->device));
    wf_buf_init(&hello, WF_SEALED_HELLO_BYTES);
    rc = wf_sealed_session_begin(&p->session, &who, s->o.rng, now_ns(s), &hello, &err);
    if (rc == 0)
        rc = answer(s, p, &hello, &err);
    wf_buf_deinit(&hello);
    if (rc != 0)
        end_session(s, p, true, err.msg);
    else if (p->has_hello)
        take(s, p, WF_LINK_REQUESTS, wf_str_n(p->hello, sizeof(p->hello)), &taken, NULL);
    p->has_hello = false;
    pthread_cond_signal(&s->wake); /* the time of the handshake runs */
}

/* ---- callbacks: the lock is let go around them ---- */

static void begin_call(struct wf_sealed *s)
{
    s->is_calling = true;
    pthread_mutex_unlock(&s->lock);
}

static void end_call(struct wf_sealed *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_calling = false;
    pthread_cond_broadcast(&s->called);
}

static void call_up(struct wf_sealed *s, struct peer *p)
{
    bool is_other;
    const struct wf_devices_entry *e = entry_of(s, p, &is_other);
    struct wf_devices_entry copy;

    if (e == NULL)
        return;
    copy = *e;
    p->is_told = true;
    if (s->o.log != NULL)
        wf_log_line(s->o.log, WF_LOG_DEBUG, "sealed", "%s: a session", copy.name);
    for (unsigned c = 0; c < WF_SEALED_CHANNELS; c++) {
        const struct wf_sealed_events ev = s->events[c];
        if (ev.up == NULL || !is_open_to(s, p, c + WF_LINK_REQUESTS))
            continue;
        begin_call(s);
        ev.up(ev.ud, p->id, &copy);
        end_call(s);
    }
}

/* ---- link's callbacks ---- */

static void link_up(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
                    struct wf_str address)
{
    struct wf_sealed *s = ud;
    struct peer *p = NULL;

    (void)address;
    if (!is_paired)
        return;
    pthread_mutex_lock(&s->lock);
    if (peer_of(s, peer) == NULL &&
        wf_reserve(&s->peers, &s->cap_peers, s->n_peers + 1, sizeof(*s->peers)) == 0 &&
        (p = wf_alloc_array(1, sizeof(*p))) != NULL) {
        p->id = peer;
        memcpy(p->key, key, sizeof(p->key));
        s->peers[s->n_peers++] = p;
        begin(s, p);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Without a session: the other's list of devices may be newer than this one's, and the session
 * begins once this one has it, too; or it answers so late that all is to begin anew. */
static void take_hello(struct wf_sealed *s, struct peer *p, unsigned channel, struct wf_str bytes)
{
    if (channel != WF_LINK_REQUESTS || bytes.len != sizeof(p->hello) ||
        bytes.ptr[0] != WF_SEALED_HELLO)
        return;
    if (p->session.state == WF_SEALED_ENDED) {
        end_session(s, p, true, "It answers late: the connection is made anew.");
        return;
    }
    memcpy(p->hello, bytes.ptr, sizeof(p->hello));
    p->has_hello = true;
}

static void link_bytes(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes)
{
    struct wf_sealed *s = ud;
    struct wf_sealed_taken taken = {.is_up = false};
    struct wf_sealed_events ev;
    struct wf_buf plain;
    struct peer *p;

    wf_buf_init(&plain, WF_LINK_MESSAGE_BYTES);
    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    if (p != NULL && (p->session.state == WF_SEALED_NONE || p->session.state == WF_SEALED_ENDED))
        take_hello(s, p, channel, bytes);
    else if (p != NULL)
        take(s, p, channel, bytes, &taken, &plain);
    if (taken.is_up)
        call_up(s, p);
    if (taken.has_message && is_open(p) && !is_open_to(s, p, channel)) {
        end_session(s, p, true, "It says what another person's device has no business with.");
        taken.has_message = false;
    }
    ev = s->events[channel - WF_LINK_REQUESTS];
    if (taken.has_message && ev.bytes != NULL && is_open(p)) {
        begin_call(s);
        ev.bytes(ev.ud, peer, wf_buf_str(&plain));
        end_call(s);
    }
    pthread_mutex_unlock(&s->lock);
    sodium_memzero(plain.ptr, plain.len);
    wf_buf_deinit(&plain);
}

static void link_room(void *ud, uint64_t peer, unsigned channel)
{
    struct wf_sealed *s = ud;
    struct wf_sealed_events ev;
    const struct peer *p;

    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    ev = s->events[channel - WF_LINK_REQUESTS];
    if (ev.room != NULL && is_open(p) && is_open_to(s, p, channel)) {
        begin_call(s);
        ev.room(ev.ud, peer);
        end_call(s);
    }
    pthread_mutex_unlock(&s->lock);
}

static void link_down(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words)
{
    struct wf_sealed *s = ud;
    struct peer *p;

    (void)reason;
    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    for (size_t i = 0; p != NULL && i < s->n_peers; i++) {
        if (s->peers[i] == p)
            s->peers[i] = s->peers[--s->n_peers];
    }
    for (unsigned c = 0; c < WF_SEALED_CHANNELS && p != NULL && p->is_told; c++) {
        const struct wf_sealed_events ev = s->events[c];
        if (ev.down == NULL || !is_open_to(s, p, c + WF_LINK_REQUESTS))
            continue;
        begin_call(s);
        ev.down(ev.ud, peer, p->words[0] != '\0' ? wf_str_from(p->words) : words);
        end_call(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (p != NULL)
        sodium_memzero(p, sizeof(*p));
    wf_free(p);
}

void wf_sealed_link_events(struct wf_sealed *s, struct wf_link_events *out)
{
    *out = (struct wf_link_events){
        .up = link_up, .bytes = link_bytes, .room = link_room, .down = link_down, .ud = s};
}

/* ---- the list of devices ---- */

/* Whether a session's other end is still who it was. */
static bool is_still_in(const struct wf_sealed *s, const struct peer *p)
{
    bool is_other;
    const struct wf_devices_entry *e = entry_of(s, p, &is_other);

    return e != NULL && own_entry(s) != NULL && is_other == p->is_other &&
           memcmp(e->device, p->device, sizeof(p->device)) == 0;
}

/* Another person's device is told by other channels that it is out, and may be in again. */
static void leave(struct wf_sealed *s, struct peer *p)
{
    if (!p->is_other) {
        end_session(s, p, true, "This node is not among the owner's devices any more.");
    } else if (p->session.state != WF_SEALED_ENDED) {
        end_session(s, p, false, "No space is shared with this device any more.");
        p->session = (struct wf_sealed_session){.state = WF_SEALED_NONE};
    }
}

static void read_devices(struct wf_sealed *s)
{
    struct wf_devices_entry *others = NULL;
    size_t n_others = 0;

    s->o.devices(s->o.ud, &s->fresh);
    if (s->o.others != NULL)
        n_others = s->o.others(s->o.ud, &others);
    pthread_mutex_lock(&s->lock);
    s->devices = s->fresh;
    wf_free(s->others);
    s->others = others;
    s->n_others = n_others;
    for (size_t i = 0; i < s->n_peers; i++) {
        struct peer *p = s->peers[i];
        if (p->session.state == WF_SEALED_NONE)
            begin(s, p);
        else if (!is_still_in(s, p))
            leave(s, p);
    }
    pthread_mutex_unlock(&s->lock);
}

static void end_late(struct wf_sealed *s)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_sealed_session *ss = &s->peers[i]->session;
        if (ss->state > WF_SEALED_NONE && ss->state < WF_SEALED_OPEN &&
            now_ns(s) - ss->begun_ns > WF_SEALED_HANDSHAKE_MS * INT64_C(1000000))
            end_session(s, s->peers[i], false,
                        "It does not answer in what one core says to another. Is its weft older?");
    }
}

static bool is_any_begun(const struct wf_sealed *s)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        const enum wf_sealed_state state = s->peers[i]->session.state;
        if (state > WF_SEALED_NONE && state < WF_SEALED_OPEN)
            return true;
    }
    return false;
}

/* Sleeps until the list is another; a second, where a handshake runs. */
static void wait_for_work(struct wf_sealed *s)
{
    int rc = 0;

    while (!s->is_ending && !s->is_listed_anew && rc == 0) {
        const int64_t until = wf_clock_mono_ns(NULL) + TICK_MS * INT64_C(1000000);
        const struct timespec at = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
        if (is_any_begun(s))
            rc = pthread_cond_timedwait(&s->wake, &s->lock, &at);
        else
            pthread_cond_wait(&s->wake, &s->lock);
    }
}

static void *run(void *ud)
{
    struct wf_sealed *s = ud;
    bool is_new;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        wait_for_work(s);
        if (s->is_ending)
            break;
        end_late(s);
        is_new = s->is_listed_anew;
        s->is_listed_anew = false;
        pthread_mutex_unlock(&s->lock);
        if (is_new)
            read_devices(s);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void wf_sealed_devices_changed(struct wf_sealed *s)
{
    if (s == NULL)
        return;
    if (s->o.link == NULL) { /* no thread: who plays link holds no lock of the list's */
        read_devices(s);
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->is_listed_anew = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- callers ---- */

void wf_sealed_on(struct wf_sealed *s, unsigned channel, const struct wf_sealed_events *events)
{
    const struct wf_sealed_events none = {.ud = NULL};

    if (channel < WF_LINK_REQUESTS || channel >= WF_LINK_CHANNEL_COUNT)
        return;
    pthread_mutex_lock(&s->lock);
    while (s->is_calling)
        pthread_cond_wait(&s->called, &s->lock);
    s->events[channel - WF_LINK_REQUESTS] = events != NULL ? *events : none;
    pthread_mutex_unlock(&s->lock);
}

int wf_sealed_send(struct wf_sealed *s, uint64_t peer, unsigned channel, struct wf_str bytes,
                   struct wf_err *err)
{
    struct peer *p;
    int rc;

    if (channel < WF_LINK_REQUESTS || channel >= WF_LINK_CHANNEL_COUNT)
        return wf_err_set(err, WF_E_INVAL, "That is no channel of cores.");
    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    if (!is_open(p) || !is_open_to(s, p, channel)) {
        rc = wf_err_set(err, WF_E_NOENT, "There is no session with that node.");
    } else {
        wf_buf_reset(&s->out);
        rc = wf_sealed_session_seal(&p->session, channel, bytes, &s->out, err);
        if (rc == 0)
            rc = to_link(s, peer, channel, wf_buf_str(&s->out), err);
        if (rc == 0)
            wf_sealed_session_sent(&p->session, channel);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* The newest session with a device, where it has two for a while. */
static struct peer *open_with(const struct wf_sealed *s, const struct wf_devices_entry *e)
{
    struct peer *found = NULL;

    for (size_t i = 0; i < s->n_peers; i++) {
        struct peer *p = s->peers[i];
        if (is_open(p) && memcmp(p->key, e->transport, sizeof(p->key)) == 0 &&
            (found == NULL || p->session.begun_ns > found->session.begun_ns))
            found = p;
    }
    return found;
}

/* Whether that is the node's name, as people write it or as a request has it. */
static bool is_called(const struct wf_devices_entry *e, struct wf_str name)
{
    char plain[WF_DEVICES_NAME_BYTES + 1];
    const size_t n = strlen(e->name);

    for (size_t i = 0; i < n; i++)
        plain[i] = e->name[i] == ' ' ? '-' : e->name[i];
    return wf_str_eq_nocase(wf_str_n(e->name, n), name) ||
           wf_str_eq_nocase(wf_str_n(plain, n), name);
}

static const struct wf_devices_entry *named(const struct wf_sealed *s, struct wf_str name)
{
    for (size_t i = 0; s->devices.version != 0 && i < s->devices.n_entries; i++) {
        const struct wf_devices_entry *e = &s->devices.entries[i];
        if (e->revoked_ms == 0 && is_called(e, name))
            return e;
    }
    return NULL;
}

int wf_sealed_peer_by_name(struct wf_sealed *s, struct wf_str name, uint64_t *out_peer,
                           struct wf_err *err)
{
    const struct wf_devices_entry *e;
    struct peer *p = NULL;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    e = named(s, name);
    if (e != NULL)
        p = open_with(s, e);
    if (e == NULL)
        rc = wf_err_set(err, WF_E_NOENT, "None of your nodes is called %.*s.", WF_STR_ARG(name));
    else if (e == own_entry(s))
        rc = wf_err_set(err, WF_E_NOENT, "%s is this node.", e->name);
    else if (p == NULL)
        rc = wf_err_set(err, WF_E_NOENT, "%s is not connected now. weft doctor says why.", e->name);
    else
        *out_peer = p->id;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static int give_entry(const struct wf_devices_entry *e, struct wf_devices_entry *out,
                      struct wf_err *err)
{
    if (e == NULL)
        return wf_err_set(err, WF_E_NOENT, "There is no session with that node.");
    *out = *e;
    return 0;
}

int wf_sealed_entry(struct wf_sealed *s, uint64_t peer, struct wf_devices_entry *out,
                    struct wf_err *err)
{
    const struct peer *p;
    bool is_other;
    int rc;

    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    rc = give_entry(is_open(p) ? entry_of(s, p, &is_other) : NULL, out, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool wf_sealed_is_other(struct wf_sealed *s, uint64_t peer)
{
    const struct peer *p;
    bool is;

    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    is = !is_open(p) || p->is_other;
    pthread_mutex_unlock(&s->lock);
    return is;
}

int wf_sealed_entry_by_name(struct wf_sealed *s, struct wf_str name, struct wf_devices_entry *out,
                            struct wf_err *err)
{
    const struct wf_devices_entry *e;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    e = named(s, name);
    if (e != NULL)
        *out = *e;
    else
        rc = wf_err_set(err, WF_E_NOENT, "None of your nodes is called %.*s.", WF_STR_ARG(name));
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int wf_sealed_own_entry(struct wf_sealed *s, struct wf_devices_entry *out, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = give_entry(own_entry(s), out, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void wf_sealed_close(struct wf_sealed *s, uint64_t peer, const char *words)
{
    struct peer *p;

    pthread_mutex_lock(&s->lock);
    p = peer_of(s, peer);
    if (is_open(p))
        end_session(s, p, true, words);
    pthread_mutex_unlock(&s->lock);
}

/* ---- start and end ---- */

static void listen_to(struct wf_sealed *s, bool is_on)
{
    struct wf_link_events events;

    if (s->o.link == NULL)
        return;
    wf_sealed_link_events(s, &events);
    for (unsigned c = WF_LINK_REQUESTS; c < WF_LINK_CHANNEL_COUNT; c++) {
        /* One channel alone tells of connections: they are the same for all. */
        struct wf_link_events own = events;
        if (c != WF_LINK_REQUESTS)
            own.up = NULL, own.down = NULL;
        wf_link_on(s->o.link, c, is_on ? &own : NULL);
    }
}

int wf_sealed_new(const struct wf_sealed_options *o, struct wf_sealed **out, struct wf_err *err)
{
    struct wf_sealed *s;

    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    s = wf_alloc_array(1, sizeof(*s));
    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    s->o = *o;
    pthread_mutex_init(&s->lock, NULL);
    wf_cond_init(&s->wake);
    wf_cond_init(&s->called);
    wf_buf_init(&s->out, WF_LINK_MESSAGE_BYTES);
    if (o->link != NULL && pthread_create(&s->thread, NULL, run, s) != 0) {
        wf_sealed_free(s);
        return wf_err_set(err, WF_E_NOMEM, "No thread can be started.");
    }
    s->has_thread = o->link != NULL;
    listen_to(s, true);
    *out = s;
    return 0;
}

void wf_sealed_stop(struct wf_sealed *s)
{
    if (s == NULL)
        return;
    listen_to(s, false);
    pthread_mutex_lock(&s->lock);
    s->is_ending = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    s->has_thread = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_peers; i++) {
        sodium_memzero(s->peers[i], sizeof(*s->peers[i]));
        wf_free(s->peers[i]);
    }
    s->n_peers = 0;
    pthread_mutex_unlock(&s->lock);
}

void wf_sealed_free(struct wf_sealed *s)
{
    if (s == NULL)
        return;
    wf_sealed_stop(s);
    wf_free(s->peers);
    wf_free(s->others);
    wf_buf_deinit(&s->out);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->called);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}
