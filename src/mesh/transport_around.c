/* SPDX-License-Identifier: Apache-2.0 */
/* What is around: this machine's addresses, which core tells to others, and paired nodes near by,
 * which say by mDNS where they are.
 *
 * When the kernel tells of a change, all addresses are asked for anew a moment later, since changes
 * come in bursts; if they are others than before, core hears of it (it dials again whom it lacks),
 * and open connections are asked whether they are still there. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/alloc.h"
#include "mesh/address.h"
#include "mesh/netlink.h"
#include "mesh/transport_internal.h"

#define READ_BYTES ((size_t)32 << 10)
#define READS_A_TURN 8
#define SETTLE_NS (WF_NS_PER_S / 2)

struct wf_transport_around {
    struct wf_netlink_news news; /* that is coming in */
    uint32_t sequence;           /* 0: nothing was asked for */
    int64_t ask_ns;              /* 0: not planned */
    bool is_known;               /* addresses were told once */
    char bytes[READ_BYTES];
};

/* ---- addresses ---- */

static void put_address(struct wf_buf *out, const struct sockaddr_storage *a)
{
    char text[64];

    wf_peer__name(a, text, sizeof(text));
    (void)wf_buf_appendf(out, "%s\n", text); /* what has no room is left out */
}

/* The listener's own address, where it listens at one alone. */
static bool is_bound(const struct wf_transport *t, size_t i, struct sockaddr_storage *out)
{
    socklen_t len = sizeof(*out);

    memset(out, 0, sizeof(*out));
    if (t->listen_fds[i] < 0 || getsockname(t->listen_fds[i], (struct sockaddr *)out, &len) != 0)
        return false;
    if (out->ss_family == AF_INET)
        return ((struct sockaddr_in *)out)->sin_addr.s_addr != INADDR_ANY;
    return !IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)out)->sin6_addr);
}

static bool listens_at(const struct wf_transport *t, int family)
{
    struct sockaddr_storage a;
    socklen_t len;

    for (size_t i = 0; i < WF_TRANSPORT_LISTENERS; i++) {
        len = sizeof(a);
        memset(&a, 0, sizeof(a));
        if (t->listen_fds[i] >= 0 && !is_bound(t, i, &a) &&
            getsockname(t->listen_fds[i], (struct sockaddr *)&a, &len) == 0 &&
            a.ss_family == family)
            return true;
    }
    return false;
}

static void put_global(const struct wf_transport *t, int family, struct wf_buf *out)
{
    const struct wf_netlink_news *news = &t->around->news;

    for (size_t i = 0; listens_at(t, family) && i < news->n; i++) {
        const struct wf_netlink_address *a = &news->addresses[i];
        struct sockaddr_storage s = {.ss_family = (sa_family_t)family};
        if (a->family != family || !a->is_global)
            continue;
        if (family == AF_INET) {
            memcpy(&((struct sockaddr_in *)&s)->sin_addr, a->bytes, 4);
            ((struct sockaddr_in *)&s)->sin_port = htons(t->port);
        } else {
            memcpy(&((struct sockaddr_in6 *)&s)->sin6_addr, a->bytes, 16);
            ((struct sockaddr_in6 *)&s)->sin6_port = htons(t->port);
        }
        put_address(out, &s);
    }
}

/* Tells core, if they are others than before. */
static void tell_addresses(struct wf_transport *t)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_ADDRESSES};
    struct wf_link_frame changed = {.kind = WF_LINK_FRAME_CHANGED};
    struct sockaddr_storage a;
    struct wf_list *it, *tmp;
    struct wf_buf b;

    wf_buf_init(&b, WF_LINK_ADDRESSES_BYTES);
    put_global(t, AF_INET, &b);
    put_global(t, AF_INET6, &b);
    for (size_t i = 0; i < WF_TRANSPORT_LISTENERS; i++) {
        if (is_bound(t, i, &a))
            put_address(&b, &a);
    }
    f.text = wf_buf_str(&b);
    if (!t->around->is_known || !wf_str_eq(f.text, wf_buf_str(&t->addresses))) {
        wf_transport__tell(t, &f);
        wf_buf_reset(&t->addresses);
        (void)wf_buf_append_str(&t->addresses, f.text); /* told once more, else */
        if (t->around->is_known) {
            wf_transport__tell(t, &changed);
            WF_LIST_EACH(it, tmp, &t->peers)
            {
                struct wf_peer *p = WF_CONTAINER(it, struct wf_peer, node);
                wf_peer__addresses(p);
                wf_peer__probe(p);
            }
        }
        t->around->is_known = true;
    }
    wf_buf_deinit(&b);
}

static void ask_addresses(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    a->ask_ns = 0;
    if (t->netlink_fd < 0)
        return;
    a->sequence = a->sequence + 1 != 0 ? a->sequence + 1 : 1;
    a->news = (struct wf_netlink_news){.n = 0};
    if (!wf_netlink_ask(t->netlink_fd, a->sequence)) {
        a->ask_ns = t->now_ns + WF_NS_PER_S;
        wf_transport__due(t, a->ask_ns);
    }
}

static void plan_ask(struct wf_transport *t)
{
    if (t->around->ask_ns != 0)
        return;
    t->around->ask_ns = t->now_ns + SETTLE_NS;
    wf_transport__due(t, t->around->ask_ns);
}

static void on_netlink(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_transport *t = WF_CONTAINER(h, struct wf_transport, netlink_h);
    struct wf_transport_around *a = t->around;

    (void)events;
    for (int i = 0; i < READS_A_TURN; i++) {
        ssize_t n = recv(t->netlink_fd, a->bytes, sizeof(a->bytes), MSG_DONTWAIT);
        if (n < 0 && errno == ENOBUFS) /* some was lost */
            plan_ask(t);
        if (n <= 0)
            return;
        (void)wf_netlink_read(wf_str_n(a->bytes, (size_t)n), a->sequence, &a->news);
        if (a->news.is_change) {
            a->news.is_change = false;
            plan_ask(t);
        }
        if (a->news.is_end) {
            a->news.is_end = false;
            tell_addresses(t);
        }
    }
}

/* ---- the transport's calls ---- */

int wf_transport__around_new(struct wf_transport *t, struct wf_err *err)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &t->netlink_h};

    t->around = wf_alloc_array(1, sizeof(*t->around));
    if (t->around == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    t->netlink_h.fn = on_netlink;
    if (t->netlink_fd >= 0 && epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->netlink_fd, &e) != 0)
        return wf_err_errno(err, errno, "The loop of link cannot be made");
    if (t->netlink_fd < 0)
        tell_addresses(t);
    else
        ask_addresses(t);
    return 0;
}

void wf_transport__around_free(struct wf_transport *t)
{
    wf_free(t->around);
    t->around = NULL;
}

void wf_transport__around_look(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    if (a->ask_ns != 0 && a->ask_ns <= t->now_ns)
        ask_addresses(t);
    if (a->ask_ns != 0)
        wf_transport__due(t, a->ask_ns);
}

void wf_transport__around_ask(struct wf_transport *t)
{
    (void)t;
}

void wf_transport__around_woke(struct wf_transport *t)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_CHANGED, .is_on = true};

    wf_transport__tell(t, &f);
    plan_ask(t);
}
