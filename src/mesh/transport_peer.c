/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: TLS, WebSocket's handshake, bytes in and out, its patience, its end.
 *
 * Everything is done by wf_peer__pump, whenever something may have changed: it goes as far as the
 * socket allows and says what to watch for. An end is said to the other side first (an alert, or a
 * WebSocket close with the reason), then the socket is shut for writing and kept for a moment, so
 * that what was said arrives: closed with unread bytes it would be thrown away.
 *
 * Keeping alive: silence of `ping_ns` is asked about by a ping; each answer lets the next silence
 * be longer by half, since routers that forget connections do so after a fixed time; one that is
 * lost in silence begins again at the shortest. What comes in counts as an answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "mesh/transport_internal.h"
#include "os/file.h"

#define READS_A_TURN 8
#define WRITES_A_TURN 16
#define IN_MAX (2 * WF_TRANSPORT_RECORD_BYTES + WF_WS_HEAD_BYTES)
#define OUT_MAX ((size_t)256 << 10) /* what is filled, and answers to pings between */
#define LINGER_MS 1000
#define LINGERING_MAX 64
#define USER_TIMEOUT_MS 30000u
#define NOTSENT_BYTES (64 << 10) /* in the kernel, behind which no other channel comes */
#define PROBE_MS 5000
#define CLOSE_CODE 4000u /* WebSocket's range for our own; the reason is added */

struct wf_peer *wf_peer__new(struct wf_transport *t, uint64_t id, enum wf_peer_state state)
{
    struct wf_peer *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->t = t;
    p->id = id;
    p->fd = -1;
    p->state = state;
    p->due_ns = INT64_MAX;
    p->ping_ns = t->times.ping_ms * WF_NS_PER_MS;
    wf_buf_init(&p->in, IN_MAX);
    wf_buf_init(&p->out, OUT_MAX);
    for (size_t i = 0; i < WF_LINK_CHANNEL_COUNT; i++) {
        wf_list_init(&p->queues[i].messages);
        wf_buf_init(&p->queues[i].whole, WF_LINK_MESSAGE_BYTES);
    }
    wf_list_init(&p->ready);
    wf_list_push(&t->peers, &p->node);
    wf_list_init(&p->by_id);
    wf_list_push(&t->by_id[id / 2 % WF_TRANSPORT_BUCKETS], &p->by_id);
    t->n_peers++;
    return p;
}

void wf_peer__free(struct wf_peer *p)
{
    if (p->state == WF_PEER_LINGERING)
        p->t->n_lingering--;
    SSL_free(p->ssl);
    wf_file_close(&p->fd);
    wf_peer__forget(p);
    wf_buf_deinit(&p->in);
    wf_buf_deinit(&p->out);
    wf_list_remove(&p->node);
    wf_list_remove(&p->ready);
    wf_list_remove(&p->by_id);
    p->t->n_peers--;
    wf_free(p);
}

void wf_peer__name(const struct sockaddr_storage *a, char *out, size_t out_bytes)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    char host[INET6_ADDRSTRLEN] = "?", zone[16] = "";

    if (a->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host,
                        sizeof(host)); /* "?" else, here and below */
        if (v6->sin6_scope_id != 0)
            (void)snprintf(zone, sizeof(zone), "%%%u", (unsigned)v6->sin6_scope_id);
        (void)snprintf(out, out_bytes, "[%s%s]:%u", host, zone, ntohs(v6->sin6_port));
    } else {
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        (void)snprintf(out, out_bytes, "%s:%u", host, ntohs(v4->sin_port));
    }
}

void wf_peer__options(int fd)
{
    const unsigned timeout_ms = USER_TIMEOUT_MS;
    const int on = 1, notsent = NOTSENT_BYTES;

    /* A socket without one of these works, somewhat worse. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent, sizeof(notsent));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

/* ---- what is watched ---- */

static void watch(struct wf_peer *p)
{
    struct epoll_event e = {.data.ptr = &p->h};

    if (p->state >= WF_PEER_DEAD || p->fd < 0)
        return;
    e.events = p->is_held ? 0 : (uint32_t)EPOLLIN;
    if (p->is_blocked || p->state == WF_PEER_CONNECTING)
        e.events |= (uint32_t)EPOLLOUT;
    if (e.events == p->watched)
        return;
    p->watched = e.events;
    if (epoll_ctl(p->t->epoll_fd, EPOLL_CTL_MOD, p->fd, &e) != 0)
        p->t->is_over = true;
}

static void on_event(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_peer *p = WF_CONTAINER(h, struct wf_peer, h);

    if ((events & (uint32_t)EPOLLOUT) != 0)
        p->is_blocked = false;
    wf_peer__pump(p);
}

void wf_peer__begin(struct wf_peer *p, int fd, enum wf_peer_state state)
{
    struct epoll_event e = {.data.ptr = &p->h};

    p->fd = fd;
    p->state = state;
    p->h.fn = on_event;
    p->watched = e.events = (uint32_t)(state == WF_PEER_CONNECTING ? EPOLLOUT : EPOLLIN);
    wf_peer__options(fd);
    if (epoll_ctl(p->t->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        wf_peer__drop(p, WF_LINK_NO_MEMORY, strerror(errno));
        return;
    }
    if (state != WF_PEER_CONNECTING) {
        wf_list_remove(&p->ready);
        wf_list_push(&p->t->ready, &p->ready);
    }
}

/* ---- the end ---- */

/* Sends what is left of whole frames, once, as far as the socket takes it. */
static void send_last(struct wf_peer *p, enum wf_link_reason reason)
{
    const unsigned code = CLOSE_CODE + (unsigned)reason;
    const char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};

    if (p->state == WF_PEER_OPEN || p->state == WF_PEER_HELLO)
        wf_peer__control(p, WF_WS_CLOSE, wf_str_n(bytes, sizeof(bytes)));
    while (p->out_at < p->out.len && SSL_is_init_finished(p->ssl)) {
        int n = SSL_write(p->ssl, p->out.ptr + p->out_at,
                          (int)WF_MIN(p->out.len - p->out_at, (size_t)WF_TRANSPORT_RECORD_BYTES));
        if (n <= 0)
            break;
        p->out_at += (size_t)n;
    }
    if (SSL_is_init_finished(p->ssl))
        (void)SSL_shutdown(p->ssl); /* the other sees the socket's end else */
    ERR_clear_error();
}

static void tell_down(struct wf_peer *p, enum wf_link_reason reason, const char *words)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_DOWN, .peer = p->id, .reason = reason};

    f.text = wf_str_sub(wf_str_from(words != NULL ? words : ""), 0, WF_LINK_WORDS_BYTES);
    if (p->is_dialled || p->is_told)
        wf_transport__tell(p->t, &f);
}

void wf_peer__drop(struct wf_peer *p, enum wf_link_reason reason, const char *words)
{
    struct wf_transport *t = p->t;
    const bool says =
        p->ssl != NULL && p->state < WF_PEER_LINGERING && p->state > WF_PEER_CONNECTING;

    if (p->state >= WF_PEER_LINGERING)
        return;
    tell_down(p, reason, words);
    if (says)
        send_last(p, reason);
    wf_peer__forget(p);
    wf_list_remove(&p->ready);
    if (says && reason != WF_LINK_LOST && t->n_lingering < LINGERING_MAX &&
        shutdown(p->fd, SHUT_WR) == 0) {
        p->state = WF_PEER_LINGERING;
        t->n_lingering++;
        p->until_ns = 0;
        p->is_blocked = p->is_held = false;
        p->due_ns = t->now_ns + LINGER_MS * WF_NS_PER_MS;
        wf_transport__due(t, p->due_ns);
        watch(p);
        return;
    }
    p->state = WF_PEER_DEAD;
    wf_file_close(&p->fd); /* out of epoll with it */
    wf_list_remove(&p->node);
    wf_list_push(&t->dead, &p->node);
}

/* Throws away what still comes, until the other has ended, too. */
static void linger(struct wf_peer *p)
{
    char bytes[4096];
    ssize_t n;

    for (int i = 0; i < READS_A_TURN; i++) {
        n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            p->t->n_lingering--;
            p->state = WF_PEER_DEAD;
            wf_file_close(&p->fd);
            wf_list_remove(&p->node);
            wf_list_push(&p->t->dead, &p->node);
            return;
        }
    }
}

/* ---- TLS ---- */

/* Why a handshake failed: our own judge's word, or what the other said. */
static void fail_tls(struct wf_peer *p, int result)
{
    enum wf_link_reason reason = wf_tls_reason(p->ssl, result);
    const char *words = "";

    if (p->refusal != WF_LINK_CLOSED)
        reason = p->refusal;
    else if (p->is_dialled && reason == WF_LINK_MALFORMED)
        reason = WF_LINK_NOT_WEFT;
    if (p->refusal == WF_LINK_OTHER_KEY && memcmp(p->key, p->t->tls.key, sizeof(p->key)) == 0)
        words = "this node itself";
    wf_peer__drop(p, reason, words);
}

static void begin_upgrade(struct wf_peer *p)
{
    p->state = WF_PEER_UPGRADE;
    if (!p->is_dialled)
        return;
    wf_rng_system()->fill(NULL, p->nonce, sizeof(p->nonce));
    if (wf_ws_put_request(wf_str_from(p->host), p->nonce, &p->out) != 0)
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
}

/* True: TLS stands. */
static bool shake_hands(struct wf_peer *p)
{
    int n, kind;

    if (p->ssl == NULL)
        p->ssl = wf_tls_session(&p->t->tls, p->fd, p->is_dialled, p);
    if (p->ssl == NULL) {
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
        return false;
    }
    ERR_clear_error();
    n = SSL_do_handshake(p->ssl);
    if (n == 1) {
        begin_upgrade(p);
        return p->state == WF_PEER_UPGRADE;
    }
    kind = SSL_get_error(p->ssl, n);
    if (kind == SSL_ERROR_WANT_WRITE)
        p->is_blocked = true;
    else if (kind != SSL_ERROR_WANT_READ)
        fail_tls(p, n);
    return false;
}

/* ---- what comes ---- */

/* Whether there is another connection to a paired node already: who dials says so before the other
 * side has heard of this one, since it is the only one that knows which came first. */
static bool is_double(const struct wf_peer *p)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &p->t->peers)
    {
        const struct wf_peer *other = WF_CONTAINER(it, struct wf_peer, node);
        if (other != p && other->is_paired && memcmp(other->key, p->key, sizeof(p->key)) == 0 &&
            (other->state == WF_PEER_OPEN || (other->state == WF_PEER_HELLO && other->is_dialled)))
            return true;
    }
    return false;
}

/* The head of the request, or of the answer; how many bytes it took. */
static size_t take_upgrade(struct wf_peer *p, struct wf_str in)
{
    size_t n = 0;
    int rc = p->is_dialled ? wf_ws_check_answer(in, p->nonce, &n) : wf_ws_answer(in, &p->out, &n);

    if (rc == 0 && n > 0 && p->is_dialled && p->is_paired && is_double(p)) {
        wf_peer__drop(p, WF_LINK_REPLACED, "");
    } else if (rc == 0 && n > 0) {
        p->state = WF_PEER_HELLO;
        if (p->is_dialled || p->is_paired) /* who is neither is greeted when it has said why */
            wf_peer__hello(p);
    } else if (rc == WF_E_UNSUPPORTED) {
        wf_peer__drop(p, WF_LINK_VERSION, "");
    } else if (rc != 0) {
        wf_peer__drop(p, p->is_dialled ? WF_LINK_NOT_WEFT : WF_LINK_MALFORMED, "");
    }
    return n;
}

static enum wf_link_reason closed_by(struct wf_str payload)
{
    unsigned code = 0;

    if (payload.len >= 2)
        code = (unsigned)(uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1];
    if (code == CLOSE_CODE + WF_LINK_NOT_PAIRED || code == CLOSE_CODE + WF_LINK_REPLACED ||
        code == CLOSE_CODE + WF_LINK_VERSION || code == CLOSE_CODE + WF_LINK_TOO_MUCH)
        return (enum wf_link_reason)(code - CLOSE_CODE);
    return WF_LINK_CLOSED;
}

static void take_frame(struct wf_peer *p, const struct wf_ws_frame *f, char *at)
{
    struct wf_str payload = wf_str_n(at + f->at, f->len);
    enum wf_link_reason reason = WF_LINK_CLOSED;

    wf_ws_unmask(f, at);
    if (p->until_ns != 0 && (p->stranger_bytes += f->len) > WF_LINK_STRANGER_BYTES) {
        wf_peer__drop(p, WF_LINK_TOO_MUCH, "");
        return;
    }
    switch (f->op) {
    case WF_WS_BINARY:
        reason = wf_peer__piece(p, payload);
        if (reason != WF_LINK_CLOSED)
            wf_peer__drop(p, reason, "");
        break;
    case WF_WS_CLOSE:
        wf_peer__drop(p, closed_by(payload), "");
        break;
    case WF_WS_PING:
        wf_peer__control(p, WF_WS_PONG, payload);
        break;
    case WF_WS_PONG:
        break; /* it was heard */
    }
}

/* All that is whole in p->in. */
static void parse(struct wf_peer *p)
{
    struct wf_ws_frame f;
    size_t at = 0, n = 1;

    while (p->state < WF_PEER_LINGERING && n > 0) {
        struct wf_str rest = wf_str_sub(wf_buf_str(&p->in), at, p->in.len);
        n = 0;
        if (p->state == WF_PEER_UPGRADE)
            n = take_upgrade(p, rest);
        else if (wf_ws_next(rest, !p->is_dialled, &f, &n) != 0)
            wf_peer__drop(p, WF_LINK_MALFORMED, "");
        else if (n > 0)
            take_frame(p, &f, p->in.ptr + at);
        at += n;
    }
    wf_buf_consume(&p->in, WF_MIN(at, p->in.len));
}

static void heard(struct wf_peer *p)
{
    const struct wf_transport_times *w = &p->t->times;

    p->heard_ns = p->t->now_ns;
    if (p->is_pinged) {
        p->ping_ns = WF_MIN(p->ping_ns * 3 / 2, w->ping_max_ms * WF_NS_PER_MS);
        p->is_pinged = false;
    }
}

/* Reads what there is, up to a turn's worth. False: no more for now. */
static bool read_some(struct wf_peer *p)
{
    int n, kind;

    if (wf_buf_reserve(&p->in, WF_TRANSPORT_RECORD_BYTES) != 0) {
        wf_peer__drop(p, WF_LINK_NO_MEMORY, "");
        return false;
    }
    ERR_clear_error();
    n = SSL_read(p->ssl, p->in.ptr + p->in.len, (int)WF_TRANSPORT_RECORD_BYTES);
    if (n > 0) {
        wf_buf_commit(&p->in, (size_t)n);
        heard(p);
        parse(p);
        return p->state < WF_PEER_LINGERING;
    }
    kind = SSL_get_error(p->ssl, n);
    if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
        fail_tls(p, n);
    return false;
}

static void read_all(struct wf_peer *p)
{
    int i;

    for (i = 0; i < READS_A_TURN && p->state < WF_PEER_LINGERING; i++) {
        p->is_held = p->t->is_full;
        if (p->is_held || !read_some(p))
            return;
    }
    if (i == READS_A_TURN) {
        wf_list_remove(&p->ready);
        wf_list_push(&p->t->ready, &p->ready); /* others first */
    }
}

/* ---- what goes ---- */

static void put_away(struct wf_peer *p)
{
    if (p->out_at == p->out.len) {
        wf_buf_reset(&p->out);
        p->out_at = 0;
    } else if (p->out_at >= 2 * WF_TRANSPORT_RECORD_BYTES) {
        wf_buf_consume(&p->out, p->out_at);
        p->out_at = 0;
    }
}

static void write_all(struct wf_peer *p)
{
    int n, kind, i;

    for (i = 0; i < WRITES_A_TURN && !p->is_blocked && p->state < WF_PEER_LINGERING; i++) {
        wf_peer__fill(p);
        if (p->out_at == p->out.len)
            break;
        ERR_clear_error();
        n = SSL_write(p->ssl, p->out.ptr + p->out_at,
                      (int)WF_MIN(p->out.len - p->out_at, (size_t)WF_TRANSPORT_RECORD_BYTES));
        if (n > 0) {
            p->out_at += (size_t)n;
            put_away(p);
            continue;
        }
        kind = SSL_get_error(p->ssl, n);
        if (kind == SSL_ERROR_WANT_WRITE || kind == SSL_ERROR_WANT_READ)
            p->is_blocked = true;
        else if (read_some(p)) /* perhaps it said why */
            wf_peer__drop(p, WF_LINK_LOST, "");
        else if (p->state < WF_PEER_LINGERING)
            fail_tls(p, n);
    }
    if (i == WRITES_A_TURN && p->state < WF_PEER_LINGERING) {
        wf_list_remove(&p->ready);
        wf_list_push(&p->t->ready, &p->ready);
    }
}

void wf_peer__pump(struct wf_peer *p)
{
    if (p->state == WF_PEER_LINGERING) {
        linger(p);
        return;
    }
    if (p->state == WF_PEER_CONNECTING)
        wf_peer__connected(p);
    if (p->state == WF_PEER_TLS && !p->is_blocked)
        (void)shake_hands(p); /* the state tells */
    if (p->state >= WF_PEER_UPGRADE && p->state <= WF_PEER_OPEN)
        read_all(p);
    if (p->state >= WF_PEER_UPGRADE && p->state <= WF_PEER_OPEN)
        write_all(p);
    watch(p);
}

/* ---- patience ---- */

static void ping(struct wf_peer *p, int64_t patience_ns)
{
    p->is_pinged = true;
    p->pinged_ns = p->t->now_ns;
    p->due_ns = p->t->now_ns + patience_ns;
    wf_transport__due(p->t, p->due_ns);
    wf_peer__control(p, WF_WS_PING, WF_STR(""));
    wf_peer__pump(p);
}

/* One that is silent gives back the memory of its buffers. */
static void rest(struct wf_peer *p)
{
    if (p->in.len == 0)
        wf_buf_deinit(&p->in);
    if (p->out_at == p->out.len) {
        wf_buf_deinit(&p->out);
        p->out_at = 0;
    }
}

/* Who dialled asks first: one question a silence is enough. */
static int64_t silence_ns(const struct wf_peer *p)
{
    return p->is_dialled ? p->ping_ns : p->ping_ns / 4 * 5;
}

static void look_open(struct wf_peer *p)
{
    const int64_t now_ns = p->t->now_ns;

    if (p->until_ns != 0 && now_ns >= p->until_ns) {
        wf_peer__drop(p, WF_LINK_TOO_MUCH, "a stranger's time is over");
    } else if (p->is_pinged) {
        wf_peer__drop(p, WF_LINK_SILENT, "");
    } else if (now_ns - p->heard_ns >= silence_ns(p)) {
        ping(p, p->t->times.pong_ms * WF_NS_PER_MS);
        rest(p);
    } else {
        rest(p);
        p->due_ns = p->heard_ns + silence_ns(p);
        if (p->until_ns != 0)
            p->due_ns = WF_MIN(p->due_ns, p->until_ns);
    }
}

void wf_peer__look(struct wf_peer *p)
{
    p->due_ns = INT64_MAX;
    switch (p->state) {
    case WF_PEER_CONNECTING:
        if (!wf_peer__next_try(p))
            wf_peer__drop(p, WF_LINK_NO_ANSWER, "");
        break;
    case WF_PEER_RESOLVING:
    case WF_PEER_TLS:
    case WF_PEER_UPGRADE:
    case WF_PEER_HELLO:
        wf_peer__drop(p, WF_LINK_TOO_SLOW, "");
        break;
    case WF_PEER_OPEN:
        look_open(p);
        break;
    case WF_PEER_LINGERING:
        p->t->n_lingering--;
        p->state = WF_PEER_DEAD;
        wf_file_close(&p->fd);
        wf_list_remove(&p->node);
        wf_list_push(&p->t->dead, &p->node);
        break;
    case WF_PEER_DEAD:
        break;
    }
}

void wf_peer__probe(struct wf_peer *p)
{
    if (p->state == WF_PEER_OPEN)
        ping(p, PROBE_MS * WF_NS_PER_MS);
}
