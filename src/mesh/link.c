/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of link: its thread, which takes the process's connections, reads from it, dials
 * what discover says is due, and keeps the file by which the process is asked for; and the
 * functions that others call, which change things under the lock and wake the thread.
 *
 * Frames are sent by whoever has them, as far as the socket takes them at once; what it does not
 * take the thread sends. The lock is let go around callbacks; wf_link_on waits for one that runs.
 */
#include "mesh/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/address.h"
#include "mesh/link_internal.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/thread.h"

#define READ_BYTES ((size_t)256 << 10)
/* Frames that the process does not take at once: windows bound them for each channel; this for
 * all together. */
#define OUT_BYTES_MAX ((size_t)256 << 20)
#define OUT_BYTES_BUSY ((size_t)64 << 20)
#define DIALS_MAX 64
#define GIVE_UP_MS 20000
/* How long the process stays wanted for a question, and what a file is looked at again after. */
#define ASKED_MS 60000
#define SAVE_MS 5000
#define NS_PER_MS 1000000

int64_t wf_link__now_ms(void)
{
    return wf_clock_mono_ns(NULL) / NS_PER_MS;
}

/* ---- connections ---- */

static struct wf_list *bucket_of(struct wf_link *l, uint64_t id)
{
    return &l->peers[id / 2 % WF_LINK_BUCKETS];
}

struct wf_link_peer *wf_link__find(struct wf_link *l, uint64_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, bucket_of(l, id))
    {
        struct wf_link_peer *p = WF_CONTAINER(it, struct wf_link_peer, node);
        if (p->id == id)
            return p;
    }
    return NULL;
}

struct wf_link_peer *wf_link__add(struct wf_link *l, uint64_t id)
{
    struct wf_link_peer *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->id = id;
    wf_list_push(bucket_of(l, id), &p->node);
    l->n_peers++;
    return p;
}

void wf_link__remove(struct wf_link *l, struct wf_link_peer *p)
{
    wf_list_remove(&p->node);
    l->n_peers--;
    wf_free(p);
}

struct wf_link_last *wf_link__last(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES])
{
    for (size_t i = 0; i < l->n_pins; i++) {
        if (memcmp(l->pins[i], key, WF_LINK_KEY_BYTES) == 0)
            return &l->lasts[i];
    }
    return NULL;
}

/* ---- bytes to the process ---- */

/* Sends what the socket takes. False: the process is gone; the thread will see it. */
static bool flush(struct wf_link *l)
{
    while (l->fd >= 0 && l->out_at < l->out.len) {
        ssize_t n = send(l->fd, l->out.ptr + l->out_at, l->out.len - l->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        l->out_at += (size_t)n;
    }
    if (l->out_at == l->out.len) {
        wf_buf_reset(&l->out);
        l->out_at = 0;
    } else if (l->out_at > READ_BYTES && l->out_at > l->out.len / 2) {
        wf_buf_consume(&l->out, l->out_at);
        l->out_at = 0;
    }
    return true;
}

static void wake(struct wf_link *l)
{
    (void)!send(l->wake_fds[1], "w", 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* full: it wakes anyway */
}

int wf_link__put(struct wf_link *l, const struct wf_link_frame *f)
{
    const bool was_empty = l->out.len == 0;
    int rc;

    if (l->fd < 0)
        return 0; /* told when it begins */
    rc = wf_link_frame_put(f, &l->out);
    if (rc != 0) {
        (void)shutdown(l->fd, SHUT_RDWR); /* what it does not hear must not be passed over */
        return rc;
    }
    if (was_empty && (!flush(l) || l->out.len > 0))
        wake(l);
    return 0;
}

/* ---- whether the process is wanted ---- */

/* Makes or removes the file, when that has changed. The lock is held, as for all of these. */
static void look_wanted(struct wf_link *l)
{
    const bool is_wanted =
        l->n_pins > 0 || l->is_pairing || l->n_peers > 0 || wf_link__now_ms() < l->asked_until_ms;
    struct wf_err err = WF_ERR_INIT;
    char folder[WF_LIMIT_PATH_BYTES];
    int rc;

    if (is_wanted == l->is_wanted)
        return;
    snprintf(folder, sizeof(folder), "%s", l->wanted_path);
    *strrchr(folder, '/') = 0;
    rc = is_wanted ? wf_file_mkdirs(folder, &err) : wf_file_remove(l->wanted_path, &err);
    if (rc == 0 && is_wanted)
        rc = wf_file_replace(l->wanted_path, "", 0, 0600, &err);
    l->is_wanted = is_wanted;
    if (rc != 0)
        wf_log_line(l->log, WF_LOG_WARN, "link", "%s", err.msg);
}

static void ask_for_it(struct wf_link *l)
{
    l->asked_until_ms = wf_link__now_ms() + ASKED_MS;
    look_wanted(l);
    wake(l);
}

/* ---- the thread ---- */

/* Dials what is due. */
static void dial_due(struct wf_link *l)
{
    const struct wf_link_frame look = {.kind = WF_LINK_FRAME_LOOK};
    struct wf_discover_dial d;

    while (l->fd >= 0 && l->n_peers < WF_LINK_PINS_MAX + DIALS_MAX &&
           wf_discover_next(l->discover, wf_link__now_ms(), &d)) {
        struct wf_link_frame f = {
            .kind = WF_LINK_FRAME_DIAL, .has_key = true, .text = wf_str_from(d.address)};
        struct wf_link_peer *p = wf_link__add(l, l->last_id += 2);
        if (p == NULL) {
            wf_discover_down(l->discover, d.key, wf_link__now_ms());
            return;
        }
        p->is_dialled = p->has_pin = p->is_ours = p->is_asked = true;
        memcpy(p->key, d.key, sizeof(p->key));
        memcpy(p->target, d.address, sizeof(p->target));
        memcpy(f.key, d.key, sizeof(f.key));
        f.peer = p->id;
        if (wf_link__put(l, &f) != 0)
            wf_link__down(l, p, WF_LINK_NO_MEMORY, WF_STR(""));
    }
    if (l->fd >= 0 && wf_discover_looks(l->discover, wf_link__now_ms()))
        (void)wf_link__put(l, &look); /* asked again later, else */
}

/* Dials that no process came for. */
static void give_up(struct wf_link *l)
{
    struct wf_list *it, *tmp;

    for (size_t i = 0; l->fd < 0 && i < WF_LINK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &l->peers[i])
        {
            struct wf_link_peer *p = WF_CONTAINER(it, struct wf_link_peer, node);
            if (p->give_up_ms > wf_link__now_ms())
                continue;
            wf_link__down(l, p, WF_LINK_DIED, WF_STR(""));
            i = SIZE_MAX; /* the lock was let go: from the beginning */
            break;
        }
    }
}

static void save(struct wf_link *l)
{
    bool is_changed = false;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf b;
    int rc = 0;

    if (wf_link__now_ms() < l->save_ms)
        return;
    l->save_ms = INT64_MAX;
    wf_buf_init(&b, WF_DISCOVER_FILE_BYTES);
    if (wf_discover_save(l->discover, &b, &is_changed) == 0 && is_changed) {
        pthread_mutex_unlock(&l->lock);
        rc = wf_file_replace(l->addresses_path, b.ptr, b.len, 0600, &err);
        pthread_mutex_lock(&l->lock);
    }
    if (rc != 0)
        wf_log_line(l->log, WF_LOG_WARN, "link", "addresses are not kept: %s", err.msg);
    wf_buf_deinit(&b);
}

/* What is due; the milliseconds until the next. */
static int tend(struct wf_link *l)
{
    int64_t due_ms = INT64_MAX, now_ms;

    pthread_mutex_lock(&l->lock);
    dial_due(l);
    give_up(l);
    save(l);
    look_wanted(l);
    now_ms = wf_link__now_ms();
    if (l->fd >= 0)
        due_ms = wf_discover_due_ms(l->discover);
    due_ms = WF_MIN(due_ms, l->save_ms);
    if (l->fd < 0 && l->n_peers > 0)
        due_ms = WF_MIN(due_ms, now_ms + 1000);
    if (l->is_wanted && l->asked_until_ms > now_ms)
        due_ms = WF_MIN(due_ms, l->asked_until_ms);
    pthread_mutex_unlock(&l->lock);
    return due_ms == INT64_MAX ? -1 : (int)WF_MIN(WF_MAX(due_ms - now_ms, 0) + 1, 3600000);
}

/* The frames that are whole. False: the process lies. */
static bool take_all(struct wf_link *l, struct wf_buf *in)
{
    struct wf_link_frame f;
    size_t at = 0, n = 1;
    bool ok = true;

    pthread_mutex_lock(&l->lock);
    while (ok && n > 0 && !l->is_ending) {
        ok = wf_link_frame_next(wf_str_sub(wf_buf_str(in), at, in->len), &f, &n, NULL) == 0;
        if (ok && n > 0)
            ok = wf_link__take(l, &f);
        at += n;
    }
    if (l->save_ms == INT64_MAX)
        l->save_ms = wf_link__now_ms() + SAVE_MS;
    pthread_mutex_unlock(&l->lock);
    wf_buf_consume(in, WF_MIN(at, in->len));
    return ok;
}

/* Swallows what woke the thread. False: it is to end. */
static bool awake(struct wf_link *l)
{
    char bytes[64];
    bool is_ending;

    (void)!recv(l->wake_fds[0], bytes, sizeof(bytes), MSG_DONTWAIT);
    pthread_mutex_lock(&l->lock);
    is_ending = l->is_ending;
    pthread_mutex_unlock(&l->lock);
    return !is_ending;
}

static bool read_some(int fd, struct wf_buf *in)
{
    ssize_t n;

    if (wf_buf_reserve(in, READ_BYTES) != 0)
        return false;
    n = recv(fd, in->ptr + in->len, READ_BYTES, MSG_DONTWAIT); /* takes no descriptor */
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    wf_buf_commit(in, (size_t)n);
    return true;
}

/* Serves one process until it is gone. */
static void serve(struct wf_link *l, int fd)
{
    struct pollfd p[2] = {{.fd = fd}, {.fd = l->wake_fds[0], .events = POLLIN}};
    struct wf_buf in;
    bool ok = true;

    wf_buf_init(&in, READ_BYTES + WF_LINK_FRAME_BYTES + 16);
    while (ok) {
        int ms = tend(l);
        pthread_mutex_lock(&l->lock);
        ok = flush(l);
        p[0].events = POLLIN | (l->out.len > 0 ? POLLOUT : 0);
        pthread_mutex_unlock(&l->lock);
        if (!ok || (poll(p, 2, ms) < 0 && errno != EINTR))
            break;
        if (p[1].revents != 0 && !awake(l))
            break;
        if ((p[0].revents & ~POLLOUT) != 0)
            ok = read_some(fd, &in) && take_all(l, &in);
    }
    wf_buf_deinit(&in);
}

static bool is_from(int fd, long pid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && len == sizeof(peer) &&
           peer.pid == pid;
}

static void set_process(struct wf_link *l, int fd)
{
    pthread_mutex_lock(&l->lock);
    l->fd = fd;
    wf_buf_deinit(&l->out);
    l->out_at = 0;
    if (fd >= 0) {
        if (!wf_link__begin(l))
            (void)shutdown(fd, SHUT_RDWR); /* seen at once, and tried anew */
    } else {
        wf_link__end(l);
    }
    pthread_mutex_unlock(&l->lock);
}

static void *work(void *ud)
{
    struct wf_link *l = ud;
    struct pollfd p[2] = {{.fd = l->listen_fd, .events = POLLIN},
                          {.fd = l->wake_fds[0], .events = POLLIN}};

    for (;;) {
        if (poll(p, 2, tend(l)) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0 && !awake(l))
            break;
        int fd = p[0].revents != 0 ? accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0 && is_from(fd, l->supervisor)) {
            set_process(l, fd);
            serve(l, fd);
            set_process(l, -1);
        }
        wf_file_close(&fd);
        pthread_mutex_lock(&l->lock);
        bool is_ending = l->is_ending;
        pthread_mutex_unlock(&l->lock);
        if (is_ending)
            break;
    }
    return NULL;
}

/* ---- callers ---- */

int wf_link_send(struct wf_link *l, uint64_t peer, unsigned channel, struct wf_str bytes,
                 struct wf_err *err)
{
    const struct wf_link_frame f = {
        .kind = WF_LINK_FRAME_SEND, .peer = peer, .channel = channel, .text = bytes};
    struct wf_link_peer *p;
    int rc = 0;

    if (channel == WF_LINK_CONTROL || channel >= WF_LINK_CHANNEL_COUNT || bytes.len == 0 ||
        bytes.len > WF_LINK_MESSAGE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "That is no message for another node.");
    pthread_mutex_lock(&l->lock);
    p = wf_link__find(l, peer);
    if (p == NULL || !p->is_up)
        rc = wf_err_set(err, WF_E_NOENT, "The other node is not connected.");
    else if (!p->is_paired && channel != WF_LINK_PAIRING)
        rc = wf_err_set(err, WF_E_DENIED, "The other node is not paired.");
    else if (p->waiting[channel] >= WF_LINK_WINDOW_BYTES || l->out.len > OUT_BYTES_BUSY)
        rc = wf_err_set(err, WF_E_BUSY, "The other node is slower than this.");
    if (rc == WF_E_BUSY)
        p->wants_room[channel] = true;
    if (rc == 0)
        rc = wf_link__put(l, &f);
    if (rc == 0)
        p->waiting[channel] += bytes.len;
    else if (rc == WF_E_NOMEM)
        (void)wf_err_set(err, rc, "Out of memory.");
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int wf_link_dial(struct wf_link *l, struct wf_str host_port, const uint8_t *pin, uint64_t *out_peer,
                 struct wf_err *err)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_DIAL, .has_key = pin != NULL};
    struct wf_link_peer *p = NULL;
    struct wf_address a;
    int rc = 0;

    if (wf_address_read(host_port, &a) != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "\"%.*s\" is no address. Give HOST:PORT, for instance "
                          "192.168.1.20:7771.",
                          WF_STR_ARG(wf_str_sub(host_port, 0, 60)));
    pthread_mutex_lock(&l->lock);
    if (l->n_peers >= WF_LINK_PINS_MAX + DIALS_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "Too many connections are under way.");
    else if ((p = wf_link__add(l, l->last_id += 2)) == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0 && p != NULL) {
        wf_address_write(&a, p->target);
        p->is_dialled = true;
        p->has_pin = pin != NULL;
        p->is_asked = l->fd >= 0;
        p->give_up_ms = wf_link__now_ms() + GIVE_UP_MS;
        if (pin != NULL) {
            memcpy(p->key, pin, sizeof(p->key));
            memcpy(f.key, pin, sizeof(f.key));
        }
        f.peer = p->id;
        f.text = wf_str_from(p->target);
        *out_peer = p->id;
        if (wf_link__put(l, &f) != 0) {
            wf_link__remove(l, p);
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        }
        ask_for_it(l);
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* What was remembered, once something is paired; without it nothing is lost but time. */
static void load(struct wf_link *l)
{
    struct wf_buf b;

    if (l->is_loaded || l->n_pins == 0)
        return;
    l->is_loaded = true;
    wf_buf_init(&b, WF_DISCOVER_FILE_BYTES);
    if (wf_file_read(l->addresses_path, &b, NULL) == 0)
        wf_discover_load(l->discover, wf_buf_str(&b), wf_link__now_ms());
    wf_buf_deinit(&b);
}

void wf_link_allow(struct wf_link *l, const uint8_t (*pins)[WF_LINK_KEY_BYTES], size_t n)
{
    const size_t n_pins = WF_MIN(n, (size_t)WF_LINK_PINS_MAX);
    uint8_t(*copy)[WF_LINK_KEY_BYTES] = wf_alloc_array(n_pins + 1, sizeof(*copy));
    struct wf_link_last *lasts = wf_alloc_array(n_pins + 1, sizeof(*lasts));
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_ALLOW};
    int rc = copy == NULL || lasts == NULL ? WF_E_NOMEM : 0;

    pthread_mutex_lock(&l->lock);
    if (rc == 0)
        rc = wf_discover_allow(l->discover, pins, n_pins);
    for (size_t i = 0; rc == 0 && i < n_pins; i++) {
        const struct wf_link_last *old = wf_link__last(l, pins[i]);
        memcpy(copy[i], pins[i], sizeof(copy[i]));
        if (old != NULL)
            lasts[i] = *old;
    }
    if (rc == 0) {
        wf_free(l->pins);
        wf_free(l->lasts);
        l->pins = copy;
        l->lasts = lasts;
        l->n_pins = n_pins;
    } else { /* nobody is paired rather than somebody who must not be */
        wf_free(copy);
        wf_free(lasts);
        l->n_pins = 0;
        wf_log_line(l->log, WF_LOG_ERROR, "link", "no memory: no other node is reached");
    }
    load(l);
    f.text = wf_str_n((const char *)l->pins, l->n_pins * WF_LINK_KEY_BYTES);
    (void)wf_link__put(l, &f); /* without memory it starts anew, and is told then */
    look_wanted(l);
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

void wf_link_pairing(struct wf_link *l, bool is_on)
{
    const struct wf_link_frame f = {.kind = WF_LINK_FRAME_PAIRING, .is_on = is_on};

    pthread_mutex_lock(&l->lock);
    l->is_pairing = is_on;
    (void)wf_link__put(l, &f); /* as above */
    look_wanted(l);
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

void wf_link_address(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES],
                     struct wf_str host_port)
{
    pthread_mutex_lock(&l->lock);
    wf_discover_found(l->discover, key, host_port, wf_link__now_ms());
    if (l->save_ms == INT64_MAX)
        l->save_ms = wf_link__now_ms() + SAVE_MS;
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

int wf_link_known(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES], struct wf_buf *out)
{
    uint8_t at[WF_LINK_KEY_BYTES];
    struct wf_discover_state state;

    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; wf_discover_at(l->discover, i, at, &state); i++) {
        for (size_t k = 0; memcmp(at, key, sizeof(at)) == 0 && k < state.n_addresses; k++) {
            (void)wf_buf_append_cstr(out, state.addresses[k]);
            (void)wf_buf_append_byte(out, '\n');
        }
    }
    pthread_mutex_unlock(&l->lock);
    return wf_buf_status(out);
}

void wf_link_close(struct wf_link *l, uint64_t peer)
{
    const struct wf_link_frame f = {.kind = WF_LINK_FRAME_CLOSE, .peer = peer};
    struct wf_link_peer *p;

    pthread_mutex_lock(&l->lock);
    p = wf_link__find(l, peer);
    if (p != NULL && l->fd < 0)
        p->give_up_ms = 0; /* the thread tells */
    else if (p != NULL)
        (void)wf_link__put(l, &f); /* without memory all of them end */
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

void wf_link_on(struct wf_link *l, unsigned channel, const struct wf_link_events *events)
{
    const struct wf_link_events none = {.ud = NULL};

    if (channel == WF_LINK_CONTROL || channel >= WF_LINK_CHANNEL_COUNT)
        return;
    pthread_mutex_lock(&l->lock);
    while (l->is_calling)
        pthread_cond_wait(&l->changed, &l->lock);
    l->events[channel] = events != NULL ? *events : none;
    pthread_mutex_unlock(&l->lock);
}

/* Waits for what the process tells first. The lock is held. */
static int wait_told(struct wf_link *l, const bool *what, unsigned timeout_ms, struct wf_err *err)
{
    const int64_t until_ms = wf_link__now_ms() + timeout_ms;

    ask_for_it(l);
    while (!*what && wf_link__now_ms() < until_ms) {
        struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * NS_PER_MS};
        (void)pthread_cond_timedwait(&l->changed, &l->lock, &at); /* the loop asks what it is */
    }
    return *what ? 0
                 : wf_err_set(err, WF_E_TIMEOUT,
                              "The process that speaks to other nodes does not start. The "
                              "messages of weft up say why.");
}

int wf_link_key(struct wf_link *l, uint8_t out[WF_LINK_KEY_BYTES], unsigned timeout_ms,
                struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&l->lock);
    rc = wait_told(l, &l->has_key, timeout_ms, err);
    if (rc == 0)
        memcpy(out, l->key, WF_LINK_KEY_BYTES);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int wf_link_addresses(struct wf_link *l, struct wf_buf *out, unsigned timeout_ms,
                      struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&l->lock);
    rc = wait_told(l, &l->has_addresses, timeout_ms, err);
    if (rc == 0 && wf_buf_append_str(out, wf_buf_str(&l->addresses)) != 0)
        rc = wf_err_set(err, wf_buf_status(out), "Out of memory.");
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* ---- start and end ---- */

int wf_link_new(const struct wf_link_options *o, struct wf_link **out, struct wf_err *err)
{
    struct wf_link *l = wf_alloc_array(1, sizeof(*l));
    int rc = l == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory.") : 0;

    if (rc == 0)
        rc = wf_sock_pair(l->wake_fds, err);
    if (rc != 0) {
        wf_free(l);
        return rc;
    }
    l->listen_fd = o->listen_fd;
    l->supervisor = o->supervisor;
    l->log = o->log;
    l->fd = -1;
    l->save_ms = INT64_MAX;
    snprintf(l->wanted_path, sizeof(l->wanted_path), "%s", o->wanted);
    snprintf(l->addresses_path, sizeof(l->addresses_path), "%s", o->addresses);
    for (size_t i = 0; i < WF_LINK_BUCKETS; i++)
        wf_list_init(&l->peers[i]);
    pthread_mutex_init(&l->lock, NULL);
    wf_cond_init(&l->changed);
    wf_buf_init(&l->out, OUT_BYTES_MAX);
    wf_buf_init(&l->addresses, WF_LINK_ADDRESSES_BYTES);
    (void)!wf_file_remove(l->wanted_path, NULL); /* of a core before; nothing is wanted yet */
    l->discover = wf_discover_new(NULL);
    if (l->discover == NULL || pthread_create(&l->thread, NULL, work, l) != 0) {
        wf_discover_free(l->discover);
        wf_file_close(&l->wake_fds[0]);
        wf_file_close(&l->wake_fds[1]);
        wf_free(l);
        return wf_err_set(err, WF_E_NOMEM, "No thread can be started.");
    }
    *out = l;
    return 0;
}

void wf_link_free(struct wf_link *l)
{
    struct wf_list *it, *tmp;

    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_ending = true;
    memset(l->events, 0, sizeof(l->events));
    wake(l);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    for (size_t i = 0; i < WF_LINK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &l->peers[i])
        {
            wf_link__remove(l, WF_CONTAINER(it, struct wf_link_peer, node));
        }
    }
    l->save_ms = 0;
    pthread_mutex_lock(&l->lock);
    save(l);
    pthread_mutex_unlock(&l->lock);
    wf_file_close(&l->wake_fds[0]);
    wf_file_close(&l->wake_fds[1]);
    wf_discover_free(l->discover);
    wf_buf_deinit(&l->out);
    wf_buf_deinit(&l->addresses);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    wf_free(l->pins);
    wf_free(l->lasts);
    wf_free(l);
}
