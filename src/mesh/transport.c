/* SPDX-License-Identifier: Apache-2.0 */
/* Transport: the loop, core's side, and who is accepted.
 *
 * One thread, one epoll. All time is of CLOCK_BOOTTIME, which goes on while the machine sleeps, so
 * that what was due in between is due at once when it wakes; one timer holds the next moment, and
 * is set anew only when that moves forward. A connection's moment may have moved back since: then
 * it is looked at for nothing once, which is cheaper than sorting them at each message.
 *
 * Back-pressure: core may have so much waiting for each connection and channel, which it counts by
 * credit; when core does not take what came, no connection is read, and TCP tells the others. */
#include "mesh/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "mesh/transport_internal.h"
#include "os/file.h"

#define EVENTS_MAX 64
#define READ_BYTES ((size_t)256 << 10)
#define CORE_OUT_HIGH ((size_t)4 << 20)
#define CORE_OUT_LOW ((size_t)1 << 20)
#define CORE_OUT_MAX ((size_t)32 << 20) /* what one turn may add to the mark above, by far */
#define CORE_IN_MAX (READ_BYTES + WF_LINK_FRAME_BYTES + 16)
#define ACCEPTS_A_TURN 16
#define HANDSHAKES_MAX 64
#define HANDSHAKES_OF_ADDRESS 8
#define STRANGERS_MAX 8
#define STRANGERS_OF_ADDRESS 2
#define ACCEPTS_OF_ADDRESS 30
#define ACCEPTS_PER_S 0.5
#define STRANGERS_OF_ADDRESS_BURST 6
#define STRANGERS_PER_S 0.1
/* Of all addresses: a thousand devices come back at once after a restart; from then on handshakes
 * take a few hundredths of a core at most. */
#define ACCEPTS_ALL 1100
#define ACCEPTS_ALL_PER_S 50.0
#define STRANGERS_ALL 30
#define STRANGERS_ALL_PER_S 0.5
#define DEAF_NS WF_NS_PER_S
/* Clocks that are read one after the other differ by this much and more when the machine slept. */
#define SLEPT_NS (2 * WF_NS_PER_S)

static atomic_int_least64_t slept_ns; /* as tests have it */

void wf_transport_sleep(int64_t ns)
{
    atomic_fetch_add(&slept_ns, ns);
}

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now); /* cannot fail with these */
    return (int64_t)now.tv_sec * WF_NS_PER_S + now.tv_nsec;
}

/* ---- core ---- */

void wf_transport__tell(struct wf_transport *t, const struct wf_link_frame *f)
{
    if (wf_link_frame_put(f, &t->core_out) != 0)
        t->is_over = true; /* half a story is worse than none: core starts anew with another */
}

static void watch_core(struct wf_transport *t, bool writes)
{
    struct epoll_event e = {.events = EPOLLIN | (writes ? (uint32_t)EPOLLOUT : 0),
                            .data.ptr = &t->core_h};

    if (writes == t->core_writes)
        return;
    t->core_writes = writes;
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, t->core_fd, &e) != 0)
        t->is_over = true;
}

/* Those that were not read meanwhile have their turn. */
static void read_on(struct wf_transport *t)
{
    struct wf_list *it, *tmp;

    t->is_full = false;
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, node);
        if (!p->is_held)
            continue;
        p->is_held = false;
        wf_list_remove(&p->ready);
        wf_list_push(&t->ready, &p->ready);
    }
}

/* Sends to core what it takes. */
static void flush_core(struct wf_transport *t)
{
    struct wf_buf *out = &t->core_out;

    while (t->core_out_at < out->len) {
        ssize_t n = send(t->core_fd, out->ptr + t->core_out_at, out->len - t->core_out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            t->is_over = t->is_over || errno != EAGAIN;
            break;
        }
        t->core_out_at += (size_t)n;
    }
    if (t->core_out_at == out->len) {
        wf_buf_reset(out);
        t->core_out_at = 0;
        if (out->_cap > CORE_OUT_HIGH / 4)
            wf_buf_deinit(out); /* a burst is over */
    } else if (t->core_out_at > CORE_OUT_LOW) {
        wf_buf_consume(out, t->core_out_at);
        t->core_out_at = 0;
    }
    watch_core(t, out->len > 0);
    if (out->len - t->core_out_at > CORE_OUT_HIGH)
        t->is_full = true;
    else if (t->is_full && out->len - t->core_out_at < CORE_OUT_LOW)
        read_on(t);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, WF_LINK_KEY_BYTES);
}

bool wf_transport__is_allowed(const struct wf_transport *t, const uint8_t key[WF_LINK_KEY_BYTES])
{
    return t->n_pins > 0 &&
           bsearch(key, t->pins, t->n_pins, WF_LINK_KEY_BYTES, compare_keys) != NULL;
}

/* The paired keys, anew: who is not among them any more, goes. */
static bool take_allow(struct wf_transport *t, const struct wf_link_frame *f)
{
    uint8_t(*pins)[WF_LINK_KEY_BYTES] = NULL;
    struct wf_list *it, *tmp;

    if (f->text.len > 0) {
        pins = wf_alloc_array(f->text.len, 1);
        if (pins == NULL)
            return false;
        memcpy(pins, f->text.ptr, f->text.len);
    }
    wf_free(t->pins);
    t->pins = pins;
    t->n_pins = f->text.len / WF_LINK_KEY_BYTES;
    if (pins != NULL)
        qsort(pins, t->n_pins, WF_LINK_KEY_BYTES, compare_keys);
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, node);
        if (p->is_paired && !wf_transport__is_allowed(t, p->key))
            wf_peer__drop(p, WF_LINK_NOT_PAIRED, "no longer paired");
    }
    wf_transport__around_ask(t);
    return true;
}

static void take_pairing(struct wf_transport *t, bool is_on)
{
    struct wf_list *it, *tmp;

    t->is_pairing = is_on;
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, node);
        if (!is_on && !p->is_dialled && p->is_told && !p->is_paired &&
            !wf_transport__is_allowed(t,
                                      p->key)) /* one that came to be paired says its last word */
            wf_peer__drop(p, WF_LINK_ENDED_HERE, "");
    }
}

/* False: core lies. */
static bool take_frame(struct wf_transport *t, const struct wf_link_frame *f)
{
    struct wf_peer *p;

    switch (f->kind) {
    case WF_LINK_FRAME_ALLOW:
        return take_allow(t, f);
    case WF_LINK_FRAME_PAIRING:
        take_pairing(t, f->is_on);
        return true;
    case WF_LINK_FRAME_DIAL:
        wf_transport__dial(t, f);
        return true;
    case WF_LINK_FRAME_CLOSE:
        p = wf_transport__find(t, f->peer);
        if (p != NULL)
            wf_peer__drop(p, WF_LINK_ENDED_HERE, "");
        return true;
    case WF_LINK_FRAME_SEND:
        p = wf_transport__find(t, f->peer);
        return p == NULL || wf_peer__queue(p, f->channel, f->text);
    case WF_LINK_FRAME_LOOK:
        wf_transport__around_ask(t);
        return true;
    default:
        return false; /* link's own kinds */
    }
}

static void on_core(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_transport *t = WF_CONTAINER(h, struct wf_transport, core_h);
    struct wf_link_frame f;
    size_t at = 0, n = 1;
    ssize_t got;

    if ((events & ~(uint32_t)EPOLLOUT) == 0)
        return; /* the turn's end writes */
    if (wf_buf_reserve(&t->core_in, READ_BYTES) != 0) {
        t->is_over = true;
        return;
    }
    got = recv(t->core_fd, t->core_in.ptr + t->core_in.len, READ_BYTES, MSG_DONTWAIT);
    if (got <= 0) {
        t->is_over = got == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    wf_buf_commit(&t->core_in, (size_t)got);
    while (!t->is_over && n > 0) {
        struct wf_str rest = wf_str_sub(wf_buf_str(&t->core_in), at, t->core_in.len);
        if (wf_link_frame_next(rest, &f, &n, NULL) != 0 || (n > 0 && !take_frame(t, &f)))
            t->is_over = true;
        at += n;
    }
    wf_buf_consume(&t->core_in, WF_MIN(at, t->core_in.len));
    if (t->core_in.len == 0 && t->core_in._cap > READ_BYTES)
        wf_buf_deinit(&t->core_in);
}

static void say_hello(struct wf_transport *t, const char *problem)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_HELLO, .number = t->port};
    struct wf_str words = wf_str_from(problem != NULL ? problem : "");

    memcpy(f.key, t->tls.key, sizeof(f.key));
    f.text = wf_str_sub(words, 0, WF_LINK_WORDS_BYTES);
    wf_transport__tell(t, &f);
}

/* ---- who comes ---- */

/* How many of a kind there are, and of this address. Who came to be paired is no stranger any more.
 */
static void count(const struct wf_transport *t, const struct sockaddr_storage *a, bool strangers,
                  size_t *out_all, size_t *out_of_address)
{
    const struct wf_list *it;

    *out_all = *out_of_address = 0;
    for (it = t->peers.next; it != &t->peers; it = it->next) {
        const struct wf_peer *p =
            WF_CONTAINER((struct wf_list *)(uintptr_t)it, struct wf_peer, node);
        bool counts = strangers ? p->until_ns != 0 && !wf_transport__is_allowed(t, p->key)
                                : p->state < WF_PEER_OPEN;
        if (p->is_dialled || !counts)
            continue;
        ++*out_all;
        if (wf_gate_is_same((const struct sockaddr *)&p->address, (const struct sockaddr *)a))
            ++*out_of_address;
    }
}

static void knock(struct wf_transport *t, const struct wf_peer *p, const uint8_t *key,
                  enum wf_link_reason reason)
{
    struct wf_link_frame f = {
        .kind = WF_LINK_FRAME_KNOCK, .reason = reason, .text = wf_str_from(p->address_text)};

    if (key != NULL)
        memcpy(f.key, key, sizeof(f.key));
    wf_transport__tell(t, &f);
}

/* A token of one address, and one of all. */
static bool pass(struct wf_gate *of_address, struct wf_gate *of_all,
                 const struct sockaddr_storage *a, int64_t now_ns)
{
    const struct sockaddr all = {.sa_family = AF_UNSPEC};

    return wf_gate_pass(of_address, (const struct sockaddr *)a, now_ns) &&
           wf_gate_pass(of_all, &all, now_ns);
}

enum wf_link_reason wf_transport__stranger(struct wf_peer *p, bool says_so)
{
    struct wf_transport *t = p->t;
    enum wf_link_reason reason = WF_LINK_CLOSED;
    size_t n, n_of_address;

    count(t, &p->address, true, &n, &n_of_address);
    if (!t->is_pairing || !says_so)
        reason = WF_LINK_NOT_PAIRED;
    else if (!p->is_paired &&
             (n >= STRANGERS_MAX || n_of_address >= STRANGERS_OF_ADDRESS ||
              !pass(&t->stranger_gate, &t->all_stranger_gate, &p->address, t->now_ns)))
        reason = WF_LINK_TOO_MUCH;
    if (reason == WF_LINK_CLOSED)
        p->until_ns = t->now_ns + WF_LINK_STRANGER_NS;
    else
        knock(t, p, p->key, reason);
    return reason;
}

enum wf_link_reason wf_peer__judge(void *ud, const uint8_t *key)
{
    struct wf_peer *p = ud;
    enum wf_link_reason reason = WF_LINK_CLOSED;

    if (p == NULL || key == NULL)
        reason = WF_LINK_MALFORMED;
    else if (memcmp(key, p->t->tls.key, WF_LINK_KEY_BYTES) == 0)
        reason = WF_LINK_OTHER_KEY; /* this node itself */
    else if (p->has_pin)
        reason = memcmp(key, p->pin, WF_LINK_KEY_BYTES) == 0 ? reason : WF_LINK_OTHER_KEY;
    if (p == NULL)
        return reason;
    if (reason == WF_LINK_CLOSED) {
        memcpy(p->key, key, WF_LINK_KEY_BYTES);
        p->is_paired = wf_transport__is_allowed(p->t, key) && (!p->is_dialled || p->has_pin);
        if (!p->is_paired && !p->is_dialled)
            reason = p->t->is_pairing ? reason : WF_LINK_NOT_PAIRED; /* its hello says more */
        else if (!p->is_paired && p->has_pin)
            reason = WF_LINK_NOT_PAIRED; /* it was, when this was asked for */
        else if (!p->is_paired)
            p->until_ns = p->t->now_ns + WF_LINK_STRANGER_NS;
    }
    if (reason != WF_LINK_CLOSED && !p->is_dialled)
        knock(p->t, p, key, reason);
    p->refusal = reason;
    return reason;
}

static void accept_one(struct wf_transport *t, int fd, const struct sockaddr_storage *a)
{
    struct wf_peer *p;
    size_t n, n_of_address;

    count(t, a, false, &n, &n_of_address);
    if (n >= HANDSHAKES_MAX || n_of_address >= HANDSHAKES_OF_ADDRESS ||
        t->n_peers >= WF_LINK_PINS_MAX + HANDSHAKES_MAX ||
        !pass(&t->gate, &t->all_gate, a, t->now_ns)) {
        wf_file_close(&fd);
        return;
    }
    t->last_id += 2;
    p = wf_peer__new(t, t->last_id, WF_PEER_TLS);
    if (p == NULL) {
        wf_file_close(&fd);
        return;
    }
    p->address = *a;
    wf_peer__name(a, p->address_text, sizeof(p->address_text));
    p->due_ns = t->now_ns + t->times.handshake_ms * WF_NS_PER_MS;
    wf_transport__due(t, p->due_ns);
    wf_peer__begin(p, fd, WF_PEER_TLS);
}

static void watch_listeners(struct wf_transport *t, bool is_deaf)
{
    t->is_deaf = is_deaf;
    for (size_t i = 0; i < WF_TRANSPORT_LISTENERS; i++) {
        struct epoll_event e = {.events = is_deaf ? 0 : (uint32_t)EPOLLIN,
                                .data.ptr = &t->listeners[i].h};
        if (t->listen_fds[i] >= 0 && epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, t->listen_fds[i], &e))
            t->is_over = true;
    }
    if (is_deaf) {
        t->listen_ns = t->now_ns + DEAF_NS;
        wf_transport__due(t, t->listen_ns);
    }
}

static void on_listener(struct wf_transport_handler *h, uint32_t events)
{
    const struct wf_transport_listener *l = WF_CONTAINER(h, struct wf_transport_listener, h);
    struct wf_transport *t = l->t;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage a = {0};
        socklen_t len = sizeof(a);
        int got = accept4(l->fd, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (got >= 0) {
            accept_one(t, got, &a);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            watch_listeners(t, true); /* it would be told of again and again */
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- the loop ---- */

void wf_transport__due(struct wf_transport *t, int64_t at_ns)
{
    t->next_ns = WF_MIN(t->next_ns, at_ns);
}

struct wf_peer *wf_transport__find(struct wf_transport *t, uint64_t id)
{
    struct wf_list *head = &t->by_id[id / 2 % WF_TRANSPORT_BUCKETS], *it, *tmp;

    WF_LIST_EACH(it, tmp, head)
    {
        struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, by_id);
        if (p->id == id && p->state < WF_PEER_LINGERING)
            return p;
    }
    return NULL;
}

/* All whose time has come, and when the next one's is. */
static void look(struct wf_transport *t)
{
    struct wf_list *it, *tmp;

    if (t->now_ns < t->next_ns)
        return;
    t->next_ns = INT64_MAX;
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, node);
        if (p->due_ns <= t->now_ns)
            wf_peer__look(p);
        if (p->state != WF_PEER_DEAD)
            wf_transport__due(t, p->due_ns);
    }
    if (t->is_deaf && t->listen_ns <= t->now_ns)
        watch_listeners(t, false);
    else if (t->is_deaf)
        wf_transport__due(t, t->listen_ns);
    wf_transport__around_look(t);
}

static void arm(struct wf_transport *t)
{
    struct itimerspec when = {.it_value = {.tv_sec = 0}};

    if (t->next_ns == t->armed_ns)
        return;
    t->armed_ns = t->next_ns;
    if (t->next_ns != INT64_MAX) {
        const int64_t at_ns = WF_MAX(t->next_ns - atomic_load(&slept_ns), INT64_C(1));
        when.it_value.tv_sec = (time_t)(at_ns / WF_NS_PER_S);
        when.it_value.tv_nsec = (long)(at_ns % WF_NS_PER_S);
    }
    if (timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        t->is_over = true;
}

static void on_timer(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_transport *t = WF_CONTAINER(h, struct wf_transport, timer_h);
    uint64_t n;

    (void)events;
    (void)!read(t->timer_fd, &n, sizeof(n)); /* the turn looks */
    t->armed_ns = 0;
}

static void on_wake(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_transport *t = WF_CONTAINER(h, struct wf_transport, wake_h);
    uint64_t n;

    (void)events;
    (void)!read(t->wake_fd, &n, sizeof(n)); /* what it woke for is looked at below */
    wf_transport__named(t);
}

/* Reads the time; connections of before a sleep are asked at once whether they are there. */
static void read_time(struct wf_transport *t)
{
    const int64_t now_ns = read_clock(CLOCK_BOOTTIME) + atomic_load(&slept_ns);
    const int64_t asleep_ns = now_ns - read_clock(CLOCK_MONOTONIC);
    struct wf_list *it, *tmp;

    t->now_ns = now_ns;
    if (asleep_ns - t->asleep_ns < SLEPT_NS)
        return;
    t->asleep_ns = asleep_ns;
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        wf_peer__probe(WF_CONTAINER(it, struct wf_peer, node));
    }
    wf_transport__around_woke(t);
}

static void pump_ready(struct wf_transport *t)
{
    struct wf_list turn;

    /* Those that are made ready in between have their turn in the next. */
    wf_list_init(&turn);
    while (!wf_list_empty(&t->ready)) {
        struct wf_list *n = t->ready.next;
        wf_list_remove(n);
        wf_list_push(&turn, n);
    }
    while (!wf_list_empty(&turn)) {
        struct wf_peer *p = WF_CONTAINER(turn.next, struct wf_peer, ready);
        wf_list_remove(&p->ready);
        wf_peer__pump(p);
    }
}

static void bury(struct wf_transport *t)
{
    while (!wf_list_empty(&t->dead))
        wf_peer__free(WF_CONTAINER(t->dead.next, struct wf_peer, node));
}

void wf_transport_run(struct wf_transport *t)
{
    struct epoll_event events[EVENTS_MAX];

    flush_core(t);
    while (!t->is_over && !atomic_load(&t->is_stopped)) {
        arm(t);
        int n = epoll_wait(t->epoll_fd, events, EVENTS_MAX, wf_list_empty(&t->ready) ? -1 : 0);
        if (n < 0 && errno != EINTR)
            break;
        read_time(t);
        for (int i = 0; i < n && !t->is_over; i++) {
            struct wf_transport_handler *h = events[i].data.ptr;
            h->fn(h, events[i].events);
        }
        pump_ready(t);
        look(t);
        flush_core(t);
        bury(t);
    }
}

void wf_transport_stop(struct wf_transport *t)
{
    const uint64_t one = 1;

    atomic_store(&t->is_stopped, true);
    (void)!write(t->wake_fd, &one, sizeof(one)); /* a counter that is full wakes, too */
}

/* ---- start and end ---- */

static bool watch(struct wf_transport *t, int fd, struct wf_transport_handler *h,
                  void (*fn)(struct wf_transport_handler *, uint32_t))
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = h};

    h->fn = fn;
    return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool open_loop(struct wf_transport *t)
{
    bool ok;

    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    t->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ok = t->epoll_fd >= 0 && t->timer_fd >= 0 && t->wake_fd >= 0;
    ok = ok && watch(t, t->timer_fd, &t->timer_h, on_timer);
    ok = ok && watch(t, t->wake_fd, &t->wake_h, on_wake);
    ok = ok && watch(t, t->core_fd, &t->core_h, on_core);
    for (size_t i = 0; ok && i < WF_TRANSPORT_LISTENERS; i++) {
        t->listeners[i].t = t;
        t->listeners[i].fd = t->listen_fds[i];
        if (t->listen_fds[i] >= 0)
            ok = fcntl(t->listen_fds[i], F_SETFL, O_NONBLOCK) == 0 &&
                 watch(t, t->listen_fds[i], &t->listeners[i].h, on_listener);
    }
    return ok;
}

static int64_t or_usual(int64_t ms, int64_t usual_ms)
{
    return ms > 0 ? ms : usual_ms;
}

static void set_options(struct wf_transport *t, const struct wf_transport_options *o)
{
    const struct wf_transport_times *w = &o->times;
    const unsigned n = o->accepts_of_address;

    t->log = o->log;
    t->port = o->port;
    t->netlink_fd = o->netlink_fd;
    t->mdns = o->mdns;
    memcpy(t->listen_fds, o->listen_fds, sizeof(t->listen_fds));
    t->times = (struct wf_transport_times){
        .connect_ms = or_usual(w->connect_ms, 6000),
        .handshake_ms = or_usual(w->handshake_ms, 10000),
        .ping_ms = or_usual(w->ping_ms, 30000),
        .ping_max_ms = or_usual(w->ping_max_ms, 240000),
        .pong_ms = or_usual(w->pong_ms, 15000),
    };
    wf_gate_init(&t->gate, n > 0 ? n : ACCEPTS_OF_ADDRESS, ACCEPTS_PER_S);
    wf_gate_init(&t->all_gate, WF_MAX(n, ACCEPTS_ALL), ACCEPTS_ALL_PER_S);
    wf_gate_init(&t->all_stranger_gate, STRANGERS_ALL, STRANGERS_ALL_PER_S);
    wf_gate_init(&t->stranger_gate, n > 0 ? n : STRANGERS_OF_ADDRESS_BURST, STRANGERS_PER_S);
}

int wf_transport_new(const struct wf_transport_options *o, struct wf_transport **out,
                     struct wf_err *err)
{
    struct wf_transport *t = wf_alloc_array(1, sizeof(*t));
    int core_fd = o->core_fd, rc;

    if (t == NULL) {
        wf_file_close(&core_fd);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    t->epoll_fd = t->timer_fd = t->wake_fd = -1;
    t->core_fd = core_fd;
    t->next_ns = INT64_MAX;
    t->armed_ns = INT64_MAX;
    wf_list_init(&t->peers);
    wf_list_init(&t->dead);
    wf_list_init(&t->ready);
    wf_list_init(&t->names);
    for (size_t i = 0; i < WF_TRANSPORT_BUCKETS; i++)
        wf_list_init(&t->by_id[i]);
    pthread_mutex_init(&t->names_lock, NULL);
    wf_buf_init(&t->core_in, CORE_IN_MAX);
    wf_buf_init(&t->core_out, CORE_OUT_MAX);
    wf_buf_init(&t->addresses, WF_LINK_ADDRESSES_BYTES);
    set_options(t, o);
    t->last_id = wf_rng_u64(NULL) >> 8 | 1; /* no number of a transport before this one */
    t->now_ns = read_clock(CLOCK_BOOTTIME) + atomic_load(&slept_ns);
    t->asleep_ns = t->now_ns - read_clock(CLOCK_MONOTONIC);
    rc = sodium_init() < 0 ? wf_err_set(err, WF_E_UNSUPPORTED, "There are no random numbers.")
                           : wf_tls_init(&t->tls, o->seed, wf_peer__judge, err);
    if (rc == 0 && !open_loop(t))
        rc = wf_err_errno(err, errno, "The loop of link cannot be made");
    say_hello(t, o->listen_problem);
    if (rc == 0)
        rc = wf_transport__around_new(t, err);
    if (rc != 0) {
        wf_transport_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void wf_transport_free(struct wf_transport *t)
{
    struct wf_list *it, *tmp;

    if (t == NULL)
        return;
    wf_transport__end_names(t);
    WF_LIST_EACH(it, tmp, &t->peers)
    {
        wf_peer__free(WF_CONTAINER(it, struct wf_peer, node));
    }
    bury(t);
    wf_transport__around_free(t);
    wf_file_close(&t->epoll_fd);
    wf_file_close(&t->timer_fd);
    wf_file_close(&t->wake_fd);
    wf_file_close(&t->core_fd);
    wf_tls_deinit(&t->tls);
    wf_buf_deinit(&t->core_in);
    wf_buf_deinit(&t->core_out);
    wf_buf_deinit(&t->addresses);
    pthread_mutex_destroy(&t->names_lock);
    wf_free(t->pins);
    wf_free(t);
}
