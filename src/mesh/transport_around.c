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
#include "base/clock.h"
#include "base/rng.h"
#include "mesh/mdns.h"
#include "mesh/netlink.h"
#include "mesh/transport_internal.h"
#include "os/file.h"

#define READ_BYTES ((size_t)32 << 10)
#define READS_A_TURN 8
#define SETTLE_NS (WF_NS_PER_S / 2)
#define DAY_MS INT64_C(86400000)
#define DAYS 3
#define QUERIES 3 /* at once, after 1 s, after 3 s: a packet may be lost */
#define ANSWERS 2
#define ANSWER_PAUSE_NS WF_NS_PER_S
#define FOUND_A_MESSAGE 8

/* The instance of a paired key on one of three days, since clocks and time zones differ. */
struct known {
    uint8_t instance[WF_MDNS_INSTANCE_BYTES];
    size_t i_pin;
};

struct wf_transport_around {
    struct wf_netlink_news news;          /* that is coming in */
    uint32_t sequence;                    /* 0: nothing was asked for */
    int64_t ask_ns;                       /* 0: not planned */
    bool is_known;                        /* addresses were told once */
    unsigned zones[WF_NETLINK_ADDRESSES]; /* interfaces with an address of IPv4 */
    size_t n_zones;
    struct known *table;
    size_t n_table;
    int64_t day;                /* of the table */
    unsigned n_queries;         /* that are still to be sent */
    int64_t query_ns;           /* when the next one is */
    unsigned n_answers;         /* likewise */
    int64_t answer_ns, said_ns; /* said_ns: of the last answer */
    char bytes[READ_BYTES];
};

/* ---- mDNS: when to say what ---- */

/* Nothing is said of a node that nobody is paired with, nor of one that does not listen. */
static bool answers(const struct wf_transport *t)
{
    return t->mdns != NULL && t->mdns->say_fd >= 0 && t->port != 0 && t->n_pins > 0;
}

static void plan_answer(struct wf_transport *t, unsigned n)
{
    struct wf_transport_around *a = t->around;
    const int64_t wait_ns = (20 + (int64_t)wf_rng_below(NULL, 100)) * WF_NS_PER_MS;

    if (!answers(t))
        return;
    if (a->n_answers == 0)
        a->answer_ns = WF_MAX(t->now_ns + wait_ns, a->said_ns + ANSWER_PAUSE_NS);
    a->n_answers = WF_MAX(a->n_answers, n);
    wf_transport__due(t, a->answer_ns);
}

/* Asks who is there, and says that this one is: something has changed. */
static void plan_talk(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    if (t->mdns == NULL || t->mdns->say_fd < 0 || t->n_pins == 0)
        return;
    if (a->n_queries == 0)
        a->query_ns = t->now_ns + (int64_t)wf_rng_below(NULL, 100) * WF_NS_PER_MS;
    a->n_queries = QUERIES;
    wf_transport__due(t, a->query_ns);
    plan_answer(t, ANSWERS);
}

/* To every interface; where none is known, to what the system chooses. */
static void say(struct wf_transport *t, const struct wf_buf *b)
{
    const struct wf_transport_around *a = t->around;

    for (size_t i = 0; i < WF_MAX(a->n_zones, (size_t)1); i++) {
        if (i < a->n_zones)
            wf_mdns_choose(t->mdns, a->zones[i]);
        (void)!send(t->mdns->say_fd, b->ptr, b->len, MSG_DONTWAIT); /* said again, or asked */
    }
}

static int64_t today(void)
{
    return wf_clock_wall_ms(NULL) / DAY_MS;
}

static void say_query(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;
    struct wf_buf b;

    wf_buf_init(&b, WF_MDNS_MESSAGE_BYTES);
    if (wf_mdns_put_query(&b) == 0)
        say(t, &b);
    wf_buf_deinit(&b);
    a->n_queries--;
    a->query_ns = t->now_ns + (QUERIES - (int64_t)a->n_queries) * WF_NS_PER_S;
}

static void say_answer(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;
    uint8_t instance[WF_MDNS_INSTANCE_BYTES];
    struct wf_buf b;

    wf_buf_init(&b, WF_MDNS_MESSAGE_BYTES);
    wf_mdns_instance(t->tls.key, today(), instance);
    if (answers(t) && wf_mdns_put_answer(instance, t->port, wf_buf_str(&t->addresses), &b) == 0)
        say(t, &b);
    wf_buf_deinit(&b);
    a->n_answers--;
    a->said_ns = t->now_ns;
    a->answer_ns = t->now_ns + ANSWER_PAUSE_NS;
}

static void look_mdns(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    if (a->n_queries > 0 && a->query_ns <= t->now_ns)
        say_query(t);
    if (a->n_answers > 0 && a->answer_ns <= t->now_ns)
        say_answer(t);
    if (a->n_queries > 0)
        wf_transport__due(t, a->query_ns);
    if (a->n_answers > 0)
        wf_transport__due(t, a->answer_ns);
}

/* ---- mDNS: what is heard ---- */

/* The instances of all paired keys, for yesterday, today and tomorrow. */
static void make_table(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    wf_free(a->table);
    a->n_table = 0;
    a->day = today();
    a->table = wf_alloc_array(t->n_pins * DAYS + 1, sizeof(*a->table));
    for (size_t i = 0; a->table != NULL && i < t->n_pins; i++) {
        for (int64_t d = -1; d <= 1; d++) {
            struct known *k = &a->table[a->n_table++];
            k->i_pin = i;
            wf_mdns_instance(t->pins[i], a->day + d, k->instance);
        }
    }
}

static const struct known *find_known(struct wf_transport *t, const uint8_t *instance)
{
    struct wf_transport_around *a = t->around;

    if (a->table == NULL || a->day != today())
        make_table(t);
    for (size_t i = 0; a->table != NULL && i < a->n_table; i++) {
        if (memcmp(a->table[i].instance, instance, WF_MDNS_INSTANCE_BYTES) == 0)
            return &a->table[i];
    }
    return NULL;
}

/* Paired ones are told to core: where the message came from, with the port that it names. */
static void take_instances(struct wf_transport *t, const struct wf_mdns_news *news,
                           const struct sockaddr_storage *from)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_FOUND};
    struct sockaddr_storage a = *from;
    char text[64];

    for (size_t i = 0, n = 0; i < news->n && n < FOUND_A_MESSAGE; i++) {
        const struct known *k = find_known(t, news->instances[i].instance);
        if (k == NULL)
            continue;
        n++;
        ((struct sockaddr_in *)&a)->sin_port = htons(news->instances[i].port);
        wf_peer__name(&a, text, sizeof(text));
        memcpy(f.key, t->pins[k->i_pin], sizeof(f.key));
        f.text = wf_str_from(text);
        wf_transport__tell(t, &f);
    }
}

static void on_mdns(struct wf_transport_handler *h, uint32_t events)
{
    struct wf_transport *t = WF_CONTAINER(h, struct wf_transport, mdns_h);
    struct wf_mdns_news news;

    (void)events;
    for (int i = 0; i < READS_A_TURN; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(t->mdns->hear_fd, t->around->bytes, sizeof(t->around->bytes),
                             MSG_DONTWAIT, (struct sockaddr *)&from, &len);
        if (n < 0)
            return;
        if (t->n_pins == 0 || from.ss_family != AF_INET ||
            wf_mdns_read(wf_str_n(t->around->bytes, (size_t)n), &news) != 0)
            continue;
        take_instances(t, &news, &from);
        if (news.is_asked)
            plan_answer(t, 1);
    }
}

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

/* The address under which this machine goes to others outside, which is the likeliest that they
 * reach it by: virtual interfaces have addresses, too. Nothing is sent for that. */
static bool way_out(int family, struct sockaddr_storage *out)
{
    struct sockaddr_storage to = {.ss_family = (sa_family_t)family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
    socklen_t len = family == AF_INET ? sizeof(*v4) : sizeof(*v6), out_len = sizeof(*out);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok;

    memset(out, 0, sizeof(*out));
    if (family == AF_INET) { /* addresses that are nobody's, kept for documents */
        v4->sin_port = htons(9);
        ok = inet_pton(AF_INET, "198.51.100.1", &v4->sin_addr) == 1;
    } else {
        v6->sin6_port = htons(9);
        ok = inet_pton(AF_INET6, "2001:db8::1", &v6->sin6_addr) == 1;
    }
    ok = ok && fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) == 0 &&
         getsockname(fd, (struct sockaddr *)out, &out_len) == 0;
    wf_file_close(&fd);
    return ok;
}

static struct sockaddr_storage address_of(const struct wf_transport *t,
                                          const struct wf_netlink_address *a)
{
    struct sockaddr_storage s = {.ss_family = (sa_family_t)a->family};

    if (a->family == AF_INET) {
        memcpy(&((struct sockaddr_in *)&s)->sin_addr, a->bytes, 4);
        ((struct sockaddr_in *)&s)->sin_port = htons(t->port);
    } else {
        memcpy(&((struct sockaddr_in6 *)&s)->sin6_addr, a->bytes, 16);
        ((struct sockaddr_in6 *)&s)->sin6_port = htons(t->port);
    }
    return s;
}

static bool is_of(const struct wf_netlink_address *a, const struct sockaddr_storage *s)
{
    return a->family == AF_INET
               ? memcmp(&((const struct sockaddr_in *)s)->sin_addr, a->bytes, 4) == 0
               : memcmp(&((const struct sockaddr_in6 *)s)->sin6_addr, a->bytes, 16) == 0;
}

/* The addresses of a family, that of the way out first. */
static void put_global(const struct wf_transport *t, int family, struct wf_buf *out)
{
    const struct wf_netlink_news *news = &t->around->news;
    struct sockaddr_storage way, s;
    const bool has_way = way_out(family, &way);

    for (int others = 0; listens_at(t, family) && others < 2; others++) {
        for (size_t i = 0; i < news->n; i++) {
            const struct wf_netlink_address *a = &news->addresses[i];
            if (a->family != family || !a->is_global ||
                (has_way && is_of(a, &way)) == (others == 1))
                continue;
            s = address_of(t, a);
            put_address(out, &s);
        }
    }
}

/* The interfaces that are there, for mDNS. */
static void note_zones(struct wf_transport *t)
{
    struct wf_transport_around *a = t->around;

    a->n_zones = 0;
    for (size_t i = 0; i < a->news.n; i++) {
        const unsigned zone = a->news.addresses[i].zone;
        bool is_new = a->news.addresses[i].family == AF_INET && a->news.addresses[i].is_global;
        for (size_t k = 0; k < a->n_zones; k++)
            is_new = is_new && a->zones[k] != zone;
        if (!is_new)
            continue;
        a->zones[a->n_zones++] = zone;
        if (t->mdns != NULL)
            wf_mdns_join(t->mdns, zone);
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
    note_zones(t);
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
        plan_talk(t);
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
    e.data.ptr = &t->mdns_h;
    t->mdns_h.fn = on_mdns;
    if (t->mdns != NULL && t->mdns->hear_fd >= 0 &&
        epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->mdns->hear_fd, &e) != 0)
        return wf_err_errno(err, errno, "The loop of link cannot be made");
    if (t->netlink_fd < 0)
        tell_addresses(t);
    else
        ask_addresses(t);
    return 0;
}

void wf_transport__around_free(struct wf_transport *t)
{
    if (t->around != NULL)
        wf_free(t->around->table);
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
    look_mdns(t);
}

void wf_transport__around_ask(struct wf_transport *t)
{
    wf_free(t->around->table); /* the keys may be others */
    t->around->table = NULL;
    t->around->n_table = 0;
    plan_talk(t);
}

void wf_transport__around_woke(struct wf_transport *t)
{
    struct wf_link_frame f = {.kind = WF_LINK_FRAME_CHANGED, .is_on = true};

    wf_transport__tell(t, &f);
    plan_ask(t);
    plan_talk(t);
}
