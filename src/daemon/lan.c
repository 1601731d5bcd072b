/* SPDX-License-Identifier: Apache-2.0 */
/* The short process behind `weft up --lan`.
 *
 * Only private addresses are listened at, each by itself: what comes by a public one of the same
 * machine meets no listener. Core's old listeners are closed first, since an address can be bound
 * once. */
#include "daemon/lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/json.h"
#include "mesh/home_ca.h"
#include "os/file.h"
#include "os/sock.h"

#define ADDRESSES_MAX 8
#define ANSWER_MS 15000 /* a core that is busy with something long */
#define CERT_BYTES_MAX ((size_t)32 << 10)

struct addresses {
    char at[ADDRESSES_MAX][WF_HOME_CA_NAME_BYTES];
    size_t n, n_public;
};

int wf_lan_pair(int out_fds[2], struct wf_err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out_fds) != 0)
        return wf_err_errno(err, errno, "No local socket could be made");
    return 0;
}

/* Bridges of containers and machines within this one: phones are in none of them. */
static bool is_inner(const char *name)
{
    static const char *const begins[] = {"docker", "br-", "veth", "virbr", "podman", "lxc"};

    for (size_t i = 0; i < WF_ARRAY_LEN(begins); i++) {
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    return false;
}

static void add_address(const struct ifaddrs *i, struct addresses *out)
{
    char text[WF_HOME_CA_NAME_BYTES] = "";
    const void *bytes = NULL;

    if (i->ifa_addr->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
    else if (i->ifa_addr->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
    if (bytes == NULL || inet_ntop(i->ifa_addr->sa_family, bytes, text, sizeof(text)) == NULL)
        return;
    if (!wf_home_ca_is_private(text, false)) {
        out->n_public += strncmp(text, "fe80:", 5) != 0; /* a browser cannot name one of those */
        return;
    }
    for (size_t k = 0; k < out->n; k++) {
        if (strcmp(out->at[k], text) == 0)
            return;
    }
    if (out->n < ADDRESSES_MAX)
        memcpy(out->at[out->n++], text, sizeof(text));
}

static void find_addresses(const struct wf_config *c, struct addresses *out)
{
    struct ifaddrs *all = NULL;

    *out = (struct addresses){.n = 0};
    if (c->lan_host[0] != 0) { /* asked for: whatever it is */
        snprintf(out->at[out->n++], sizeof(out->at[0]), "%s", c->lan_host);
        return;
    }
    if (getifaddrs(&all) != 0)
        return;
    for (int family = 0; family < 2; family++) { /* IPv4 first: it is typed more easily */
        for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
            if (i->ifa_addr != NULL && (i->ifa_flags & IFF_UP) != 0 &&
                (i->ifa_flags & IFF_LOOPBACK) == 0 && !is_inner(i->ifa_name) &&
                i->ifa_addr->sa_family == (family == 0 ? AF_INET : AF_INET6))
                add_address(i, out);
        }
    }
    freeifaddrs(all);
}

uint64_t wf_lan_addresses(const struct wf_config *c)
{
    struct addresses a;
    char host[64] = "";

    find_addresses(c, &a);
    (void)gethostname(host, sizeof(host) - 1); /* without one there are the addresses */
    return (uint64_t)wf_crc32c(0, &a, sizeof(a)) << 32 | wf_crc32c(0, host, sizeof(host));
}

/* ---- to core ---- */

struct lan {
    const struct wf_config *c;
    struct wf_log *log;
    int fd;
    char host[WF_HOME_CA_NAME_BYTES - 8]; /* the machine's name up to its first dot */
    int listeners[ADDRESSES_MAX];
    size_t n_listeners;
    struct wf_home_ca_names names;
    uint16_t port;
};

static int tell(int fd, const char *bytes, size_t n, const int *fds, size_t n_fds)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(ADDRESSES_MAX * sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        struct cmsghdr *h;
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
    }
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

/* Has core let go of what it has, and waits until it did. */
static bool close_old(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    return tell(fd, "C", 1, NULL, 0) == 0 && poll(&p, 1, ANSWER_MS) == 1 &&
           recv(fd, &byte, 1, 0) == 1;
}

static int give_up(const struct lan *l, const char *why)
{
    char text[WF_ERR_MSG_MAX + 1];
    int n = snprintf(text, sizeof(text), "P%s", why);

    wf_log_line(l->log, WF_LOG_WARN, "lan", "phones cannot connect: %s", why);
    if (n > 0)
        (void)!tell(l->fd, text, strlen(text), NULL, 0); /* a core that has gone asks anew */
    return 1;
}

/* ---- what there is ---- */

static void add_name(struct lan *l, const char *name)
{
    if (l->names.n < WF_HOME_CA_NAMES_MAX && strlen(name) < WF_HOME_CA_NAME_BYTES)
        snprintf(l->names.name[l->names.n++], WF_HOME_CA_NAME_BYTES, "%s", name);
}

static void read_host(struct lan *l)
{
    char name[256] = "";

    (void)gethostname(name, sizeof(name) - 1);
    name[strcspn(name, ".")] = 0;
    if (strlen(name) < sizeof(l->host))
        snprintf(l->host, sizeof(l->host), "%.*s", (int)sizeof(l->host) - 1, name);
    for (char *p = l->host; *p != 0; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
}

/* Names go first where somebody answers for them: an address may be another one tomorrow, and the
 * app that a phone has installed belongs to what it was opened by. */
static void add_host_names(struct lan *l)
{
    char name[WF_HOME_CA_NAME_BYTES];

    if (l->host[0] == 0)
        return;
    snprintf(name, sizeof(name), "%s.local", l->host);
    add_name(l, name);
    add_name(l, l->host);
}

static int open_listeners(struct lan *l, struct wf_err *err)
{
    struct addresses a;
    int rc = 0;

    find_addresses(l->c, &a);
    if (a.n == 0 && a.n_public > 0)
        return wf_err_set(err, WF_E_DENIED,
                          "this machine has public addresses alone, and weft listens at none of "
                          "those unasked. Ask for one: --lan-host ADDRESS");
    if (a.n == 0)
        return wf_err_set(err, WF_E_NOENT, "this machine is in no local network now.");
    l->port = (uint16_t)l->c->lan_port;
    for (size_t i = 0; i < a.n; i++) {
        struct wf_err own = WF_ERR_INIT;
        int one =
            wf_sock_listen_tcp(a.at[i], l->port, &l->listeners[l->n_listeners], &l->port, &own);
        if (one != 0) {
            rc = one;
            (void)wf_err_set(err, one, "%s", own.msg);
            continue;
        }
        l->n_listeners++;
        add_name(l, a.at[i]);
    }
    return l->n_listeners > 0 ? 0 : rc;
}

static json_t *describe(const struct lan *l, const struct wf_home_ca *ca, const char *chain,
                        const char *ca_cert, int64_t until_ms)
{
    char fingerprint[WF_HOME_CA_FINGERPRINT_BYTES];
    bool has_mdns = access("/run/avahi-daemon/socket", F_OK) == 0 && l->names.n > l->n_listeners;
    json_t *hosts = json_array();

    for (size_t i = 0; i < l->names.n; i++) {
        json_t *one = json_string(l->names.name[i]);
        if (i == l->n_listeners && has_mdns) /* HOST.local */
            json_array_insert_new(hosts, 0, one);
        else
            json_array_append_new(hosts, one);
    }
    wf_home_ca_fingerprint(ca, fingerprint);
    return json_pack("{s:o, s:i, s:s, s:s, s:s, s:I}", "hosts", hosts, "port", (int)l->port,
                     "fingerprint", fingerprint, "chain", chain, "ca", ca_cert, "until",
                     (json_int_t)until_ms);
}

/* The packet with all of it. */
static int hand_over(struct lan *l, const struct wf_home_ca *ca, struct wf_err *err)
{
    struct wf_buf chain, key, ca_cert, packet;
    int64_t now_ms = wf_clock_wall_ms(NULL), until_ms = 0;
    json_t *v = NULL;
    int rc;

    wf_buf_init(&chain, CERT_BYTES_MAX);
    wf_buf_init(&key, CERT_BYTES_MAX);
    wf_buf_init(&ca_cert, CERT_BYTES_MAX);
    wf_buf_init(&packet, 4 * CERT_BYTES_MAX);
    rc = wf_home_ca_leaf(ca, &l->names, now_ms, &chain, &key, &until_ms, err);
    if (rc == 0)
        rc = wf_home_ca_cert(ca, &ca_cert, err);
    if (rc == 0) {
        wf_buf_append_byte(&chain, 0);
        wf_buf_append_byte(&ca_cert, 0);
        v = describe(l, ca, chain.ptr, ca_cert.ptr, until_ms);
        wf_buf_append_byte(&packet, 'L');
        if (v == NULL || wf_json_append(&packet, v) != 0 || wf_buf_append_byte(&packet, 0) != 0 ||
            wf_buf_append_str(&packet, wf_buf_str(&key)) ||
            tell(l->fd, packet.ptr, packet.len, l->listeners, l->n_listeners) != 0)
            rc = wf_err_set(err, WF_E_IO, "core takes no listeners.");
    }
    json_decref(v);
    if (key.len > 0)
        explicit_bzero(key.ptr, key.len);
    if (packet.len > 0)
        explicit_bzero(packet.ptr, packet.len);
    wf_buf_deinit(&packet);
    wf_buf_deinit(&ca_cert);
    wf_buf_deinit(&key);
    wf_buf_deinit(&chain);
    return rc;
}

int wf_lan_run(const struct wf_home *home, const struct wf_config *c, struct wf_log *log, int fd)
{
    struct lan l = {.c = c, .log = log, .fd = fd};
    struct wf_err err = WF_ERR_INIT;
    struct wf_home_ca *ca = NULL;
    int rc;

    read_host(&l);
    if (!close_old(fd))
        return 1; /* core has gone, and another one asks anew */
    rc = open_listeners(&l, &err);
    if (rc == 0)
        add_host_names(&l);
    if (rc == 0)
        rc = wf_home_ca_open(home->lan, l.host, wf_clock_wall_ms(NULL), &ca, &err);
    if (rc == 0)
        rc = hand_over(&l, ca, &err);
    wf_home_ca_close(ca);
    for (size_t i = 0; i < l.n_listeners; i++)
        wf_file_close(&l.listeners[i]);
    return rc == 0 ? 0 : give_up(&l, err.msg);
}
