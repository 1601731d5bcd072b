/* SPDX-License-Identifier: Apache-2.0 */
/* The process link: opens its key, the listeners and what tells of the network, gives up
 * everything else, and runs the transport.
 *
 * All of that comes before the lock, behind which nothing can be bound, no file be written and none
 * be read but what resolving names needs; the first byte from outside is read behind it. A listener
 * that cannot be had is no reason not to run: this node still connects to others, and core is told
 * why others do not reach it. */
#include "daemon/link.h"

#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mesh/mdns.h"
#include "mesh/netlink.h"
#include "mesh/transport.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "privacy/node.h"

/* Connections, each of which takes a descriptor. */
#define FILES_OPEN (WF_LINK_PINS_MAX + 256)
/* Messages that come in (128 MiB for all), and what waits for a thousand others. */
#define MEMORY_BYTES_MAX ((uint64_t)3 << 30)

static struct wf_mdns mdns = {-1, -1};
static struct wf_transport *_Atomic stop_transport; /* for the signal's handler */

static void on_term(int sig)
{
    struct wf_transport *t = atomic_load(&stop_transport);

    (void)sig;
    if (t != NULL)
        wf_transport_stop(t);
    else
        _exit(0);
}

/* Listens at one address; what is wrong with it goes to `problem` when nothing is there yet. */
static void listen_at(const char *host, uint16_t port, int *out_fd, char problem[WF_ERR_MSG_MAX])
{
    struct wf_err err = WF_ERR_INIT;
    uint16_t real;

    if (wf_sock_listen_tcp(host, port, out_fd, &real, &err) != 0 && problem[0] == 0)
        (void)snprintf(problem, WF_ERR_MSG_MAX, "%s", err.msg);
}

/* The listeners that the settings ask for. One of two families is enough, since not every machine
 * has both. */
static void listen_all(const struct wf_config *c, struct wf_transport_options *t,
                       char problem[WF_ERR_MSG_MAX])
{
    const uint16_t port = (uint16_t)c->link_port;

    t->listen_fds[0] = t->listen_fds[1] = -1;
    problem[0] = 0;
    if (port == 0) {
        (void)snprintf(problem, WF_ERR_MSG_MAX, "switched off (link_port = 0)");
        return;
    }
    if (c->link_host[0] != 0) {
        listen_at(c->link_host, port, &t->listen_fds[0], problem);
    } else {
        listen_at("0.0.0.0", port, &t->listen_fds[0], problem);
        listen_at("::", port, &t->listen_fds[1], problem);
        if (t->listen_fds[0] >= 0)
            problem[0] = 0; /* no IPv6 is no problem */
    }
    if (t->listen_fds[0] >= 0 || t->listen_fds[1] >= 0)
        t->port = port;
}

int wf_link_lock_down(struct wf_err *err)
{
    /* What names are resolved with. Its own folder is none of them: the key is in memory. */
    static const char *const read_dirs[] = {
        "/etc/resolv.conf", "/etc/hosts",    "/etc/host.conf", "/etc/nsswitch.conf",
        "/etc/gai.conf",    "/etc/services", "/etc/localtime", NULL};
    const struct wf_sandbox_options so = {.kind = WF_SANDBOX_LINK,
                                          .read_dirs = read_dirs,
                                          .memory_bytes_max = MEMORY_BYTES_MAX,
                                          .threads = true};
    int rc = wf_sandbox_enter(&so, err);

    if (rc != 0)
        wf_err_prefix(err, "Link does not run without protection");
    return rc;
}

static int open_transport(const struct wf_link_process_options *o, int core_fd,
                          struct wf_transport **out, struct wf_err *err)
{
    struct wf_transport_options t = {.core_fd = core_fd, .netlink_fd = -1, .log = o->log};
    char problem[WF_ERR_MSG_MAX];
    uint8_t seed[WF_NODE_KEY_BYTES];
    struct wf_node_key key;
    int rc = wf_node_key_open(o->home->link, &key, err);

    if (rc != 0) {
        wf_file_close(&core_fd);
        return rc;
    }
    wf_node_key_seed(&key, seed);
    wf_node_key_forget(&key);
    listen_all(o->config, &t, problem);
    t.listen_problem = problem;
    (void)!wf_netlink_open(&t.netlink_fd, NULL); /* changes are not seen, then */
    if (o->config->link_discover) {
        wf_mdns_open(&mdns);
        t.mdns = &mdns;
    }
    t.seed = seed;
    rc = wf_transport_new(&t, out, err);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

int wf_link_process_run(const struct wf_link_process_options *o, int core_fd)
{
    struct sigaction sa = {.sa_handler = on_term};
    struct wf_transport *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc;

    sigemptyset(&sa.sa_mask);
    sigaction(SIGTERM, &sa, NULL);
    (void)signal(SIGINT, SIG_IGN); /* the supervisor says when; valid signals: cannot fail */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)wf_file_open_max(FILES_OPEN); /* with fewer, fewer are connected */
    wf_sandbox_resolver();
    rc = open_transport(o, core_fd, &t, &err);
    if (rc == 0)
        rc = wf_link_lock_down(&err);
    if (rc == 0) {
        atomic_store(&stop_transport, t);
        wf_transport_run(t);
    } else {
        wf_log_line(o->log, WF_LOG_ERROR, "link", "%s", err.msg);
    }
    (void)signal(SIGTERM, SIG_IGN); /* stopping already */
    atomic_store(&stop_transport, NULL);
    wf_transport_free(t);
    return rc == 0 ? 0 : 1;
}
