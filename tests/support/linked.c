/* SPDX-License-Identifier: Apache-2.0 */
/* A transport in a thread, and frames to and from it. */
#include "support/linked.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/sock.h"

#define EXPECT_MS 20000
#define V6_FROM 100
#define ALL_FROM 200

static void *serve(void *ud)
{
    struct linked *l = ud;

    wf_transport_run(l->t);
    wf_transport_free(l->t);
    return NULL;
}

void linked_key(uint8_t n, uint8_t out[WF_LINK_KEY_BYTES])
{
    uint8_t seed[32], secret[64];

    memset(seed, n, sizeof(seed));
    assert(sodium_init() >= 0);
    assert(crypto_sign_seed_keypair(out, secret, seed) == 0);
}

void linked_start(struct linked *l, uint8_t n, bool listens, const struct wf_transport_options *o)
{
    struct wf_transport_options own = o ? *o : (struct wf_transport_options){.port = 0};
    const char *host = n >= ALL_FROM ? "0.0.0.0" : n >= V6_FROM ? "::1" : "127.0.0.1";
    int pair[2];

    memset(l, 0, sizeof(*l));
    uint8_t seed[32];
    memset(seed, n, sizeof(seed));
    assert(wf_sock_pair(pair, NULL) == 0);
    l->core_fd = pair[0];
    l->listen_fd = -1;
    if (listens)
        assert(wf_sock_listen_tcp(host, 0, &l->listen_fd, &l->port, NULL) == 0);
    snprintf(l->address, sizeof(l->address), strchr(host, ':') ? "[%s]:%u" : "%s:%u",
             n >= ALL_FROM ? "127.0.0.1" : host, l->port);
    own.seed = seed;
    own.core_fd = pair[1];
    own.listen_fds[0] = l->listen_fd;
    own.listen_fds[1] = -1;
    own.port = l->port;
    own.netlink_fd = own.netlink_fd > 0 ? own.netlink_fd : -1;
    assert(wf_transport_new(&own, &l->t, NULL) == 0);
    linked_key(n, l->key);
    wf_buf_init(&l->in, 64u << 20);
    assert(pthread_create(&l->thread, NULL, serve, l) == 0);
}

void linked_stop(struct linked *l)
{
    (void)shutdown(l->core_fd, SHUT_RDWR); /* it sees its core go */
    pthread_join(l->thread, NULL);
    close(l->core_fd);
    if (l->listen_fd >= 0)
        close(l->listen_fd);
    wf_buf_deinit(&l->in);
}

/* ---- core's frames ---- */

static void say(struct linked *l, const struct wf_link_frame *f)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_LINK_FRAME_BYTES + 64);
    while (wf_link_frame_put(f, &b) != 0) /* a test that has an allocation fail may hit this one */
        wf_buf_reset(&b);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(l->core_fd, b.ptr + at, b.len - at, MSG_NOSIGNAL);
        assert(n > 0);
        at += (size_t)n;
    }
    wf_buf_deinit(&b);
}

void linked_allow(struct linked *l, const uint8_t (*keys)[WF_LINK_KEY_BYTES], size_t n)
{
    const struct wf_link_frame f = {.kind = WF_LINK_FRAME_ALLOW,
                                    .text = wf_str_n((const char *)keys, n * WF_LINK_KEY_BYTES)};
    say(l, &f);
}

void linked_pairing(struct linked *l, bool is_on)
{
    const struct wf_link_frame f = {.kind = WF_LINK_FRAME_PAIRING, .is_on = is_on};
    say(l, &f);
}

void linked_dial(struct linked *l, uint64_t id, const char *address, const uint8_t *pin)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_DIAL,
                              .peer = id,
                              .has_key = pin != NULL,
                              .text = wf_str_from(address)};
    if (pin)
        memcpy(f.key, pin, sizeof(f.key));
    say(l, &f);
}

void linked_send(struct linked *l, uint64_t id, unsigned channel, struct wf_str bytes)
{
    const struct wf_link_frame f = {
        .kind = WF_LINK_FRAME_SEND, .peer = id, .channel = channel, .text = bytes};
    say(l, &f);
}

void linked_close(struct linked *l, uint64_t id)
{
    const struct wf_link_frame f = {.kind = WF_LINK_FRAME_CLOSE, .peer = id};
    say(l, &f);
}

/* ---- the transport's frames ---- */

bool linked_any(struct linked *l, struct wf_link_frame *out, int wait_ms)
{
    const int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)wait_ms * 1000000;

    wf_buf_consume(&l->in, l->taken);
    for (;;) {
        struct pollfd p = {.fd = l->core_fd, .events = POLLIN};
        int64_t left_ns = until_ns - wf_clock_mono_ns(NULL);
        int rc = wf_link_frame_next(wf_buf_str(&l->in), out, &l->taken, NULL);
        assert(rc == 0);
        if (l->taken > 0)
            return true;
        if (left_ns < 0 || poll(&p, 1, (int)(left_ns / 1000000) + 1) <= 0)
            return false;
        if (wf_buf_reserve(&l->in, 256u << 10) != 0) { /* likewise */
            l->in._status = 0;
            continue;
        }
        ssize_t n = recv(l->core_fd, l->in.ptr + l->in.len, 256u << 10, MSG_DONTWAIT);
        if (n <= 0)
            return false; /* it is gone */
        wf_buf_commit(&l->in, (size_t)n);
    }
}

bool linked_next(struct linked *l, enum wf_link_kind kind, struct wf_link_frame *out, int wait_ms)
{
    const int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)wait_ms * 1000000;

    while (linked_any(l, out, (int)((until_ns - wf_clock_mono_ns(NULL)) / 1000000))) {
        if (out->kind == kind)
            return true;
        if (out->kind == WF_LINK_FRAME_DOWN) /* tells, where a test fails, why */
            fprintf(stderr, "down: %d %.*s\n", out->reason, WF_STR_ARG(out->text));
    }
    return false;
}

struct wf_link_frame linked_expect(struct linked *l, enum wf_link_kind kind)
{
    struct wf_link_frame f;
    bool came = linked_next(l, kind, &f, EXPECT_MS);

    if (!came)
        fprintf(stderr, "no frame of kind %d came\n", kind);
    assert(came);
    return f;
}

void linked_pair(struct linked *a, struct linked *b, uint64_t *out_a, uint64_t *out_b)
{
    static uint64_t last;

    linked_allow(a, (const uint8_t(*)[WF_LINK_KEY_BYTES])b->key, 1);
    linked_allow(b, (const uint8_t(*)[WF_LINK_KEY_BYTES])a->key, 1);
    /* b must have taken that before a comes: what follows it is answered behind it. */
    linked_dial(b, last += 2, "not an address", NULL);
    linked_expect(b, WF_LINK_FRAME_DOWN);
    linked_dial(a, last += 2, b->address, b->key);
    *out_a = linked_expect(a, WF_LINK_FRAME_UP).peer;
    *out_b = linked_expect(b, WF_LINK_FRAME_UP).peer;
}
