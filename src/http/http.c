/* SPDX-License-Identifier: Apache-2.0 */
/* The server: its making, its loop, its end. The connections themselves are in connection.c.
 *
 * The listener is adopted as a plain descriptor and connections are accepted here, because it was
 * made by another process; libwebsockets then runs them. Workers wake the loop with
 * lws_cancel_service, which is safe from any thread and from a signal handler. */
#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/connection.h"
#include "http/http_internal.h"
#include "http/response_store.h"
#include "os/file.h"

#define QUEUE_MAX 256 /* requests that wait for a worker; one more gets 503 */
#define FILES_OWN 256 /* descriptors that are no client's */
#define TICK_US (1000 * 1000)
#define STOP_GRACE_NS ((int64_t)5 * 1000000000)
#define BEAT_NS ((int64_t)15 * 1000000000)
#define HEAD_TIMEOUT_S 10 /* for a request's head to arrive */
#define KEEPALIVE_S 60
#define ACCEPT_BATCH 32

void wf_http__wake(struct wf_http *h)
{
    if (atomic_load(&h->running) && !atomic_exchange(&h->woken, true))
        lws_cancel_service(h->context);
}

/* `lan`: the listener is the door's for phones; else NULL. */
static void accept_some(struct wf_http *h, int listen_fd, struct wf_lan *lan)
{
    int one = 1;

    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct lws_vhost *vhost = lan ? wf_lan_vhost(lan) : h->vhost;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if (!vhost || h->n_connections >= h->n_connections_max || atomic_load(&h->stop)) {
            wf_file_close(&fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only a delay if not */
        /* It closes the descriptor itself when it fails. */
        (void)lws_adopt_socket_vhost(vhost, fd);
    }
}

static int on_listener(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t len)
{
    struct wf_http *h = lws_context_user(lws_get_context(wsi));

    (void)user;
    (void)in;
    (void)len;
    if (reason == LWS_CALLBACK_RAW_RX_FILE)
        accept_some(h, lws_get_socket_fd(wsi), wsi == h->listener ? NULL : h->lan);
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "http",
     .callback = wf_connection_callback,
     .per_session_data_size = sizeof(struct wf_connection)},
    {.name = "listener", .callback = on_listener},
    {.name = "lan", .callback = wf_lan_callback},
    {.name = NULL},
};

static void quiet(int level, const char *line)
{
    (void)level;
    (void)line;
}

static int make_context(struct wf_http *h, struct wf_err *err)
{
    struct lws_context_creation_info info = {
        /* Not the number that the door for phones has (lan.c): by number and Host a request would
         * be moved from one to the other. */
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = h,
        .gid = -1,
        .uid = -1,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .timeout_secs = HEAD_TIMEOUT_S,
        .keepalive_timeout = KEEPALIVE_S,
        .max_http_header_data = 8192,
        .max_http_header_pool = WF_LIMIT_HTTP_CONNECTIONS,
        .fd_limit_per_thread = WF_LIMIT_HTTP_CONNECTIONS + 16,
        .pt_serv_buf_size = 64 << 10,
    };
    lws_adopt_desc_t listener = {.type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = "listener"};

    if (h->o.lan_fd > 0) {
        /* Nothing of the system's configuration: it cannot be read behind the lock. */
        if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
            return wf_err_set(err, WF_E_IO, "OpenSSL could not be started.");
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    }
    lws_set_log_level(0, quiet); /* its lines name paths, which may hold the token */
    h->context = lws_create_context(&info);
    if (h->context)
        h->vhost = lws_create_vhost(h->context, &info);
    if (h->vhost) {
        listener.vh = h->vhost;
        listener.fd.filefd = h->o.listen_fd;
        h->listener = lws_adopt_descriptor_vhost_via_info(&listener);
    }
    if (!h->listener)
        return wf_err_set(err, WF_E_IO, "The HTTP server could not be started.");
    return h->o.lan_fd > 0 ? wf_lan_new(h, &h->lan, err) : 0;
}

int wf_http_new(const struct wf_http_options *o, struct wf_http **out, struct wf_err *err)
{
    struct wf_http *h = wf_alloc_array(1, sizeof(*h));
    size_t n_workers = o->n_workers ? o->n_workers : WF_MAX(wf_cpu_count(), (size_t)2);
    size_t n_generators = o->n_generators ? o->n_generators : WF_LIMIT_HTTP_GENERATIONS;
    int rc;

    if (!h)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    h->o = *o;
    h->n_connections_max =
        WF_MIN(wf_file_open_max(0), (size_t)WF_LIMIT_HTTP_CONNECTIONS + FILES_OWN);
    h->n_connections_max -= WF_MIN(h->n_connections_max / 2, (size_t)FILES_OWN);
    wf_list_init(&h->clients);
    rc = wf_guard_init(&h->guard, o, err);
    if (rc != 0) {
        wf_free(h);
        return rc;
    }
    h->responses = wf_response_store_new(WF_LIMIT_RESPONSES, WF_LIMIT_RESPONSES_BYTES);
    if (!h->responses) {
        wf_http_free(h);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    rc = wf_team_new("http", n_workers, QUEUE_MAX, &h->team, err);
    if (rc == 0)
        rc = wf_team_new("generate", n_generators, WF_LIMIT_HTTP_CONNECTIONS, &h->generators, err);
    if (rc == 0 && o->ops->drafts)
        rc = wf_sync_new(h, &h->sync, err);
    if (rc == 0)
        rc = make_context(h, err);
    if (rc != 0) {
        wf_http_free(h);
        return rc;
    }
    atomic_store(&h->running, true);
    *out = h;
    return 0;
}

void wf_http_new_code(struct wf_http *h, char out[WF_HTTP_CODE_HEX_LEN + 1])
{
    wf_guard_new_code(&h->guard, out);
}

void wf_http_stop(struct wf_http *h)
{
    atomic_store(&h->stop, true);
    lws_cancel_service(h->context);
}

size_t wf_http_load(struct wf_http *h)
{
    return wf_team_load(h->team) + wf_team_load(h->generators);
}

struct ticker {
    lws_sorted_usec_list_t sul;
    struct wf_http *h;
};

static void tick(lws_sorted_usec_list_t *sul)
{
    struct ticker *t = WF_CONTAINER(sul, struct ticker, sul);
    int64_t now_ns = wf_clock_mono_ns(NULL);

    if (now_ns - t->h->beat_ns > BEAT_NS) {
        t->h->beat_ns = now_ns;
        wf_connection_beat(t->h);
        wf_sync_beat(t->h->sync);
    }
    lws_sul_schedule(t->h->context, 0, &t->sul, tick, TICK_US);
}

/* True when the loop may end: told to stop, and nobody is being answered or time is up. */
static bool finished(struct wf_http *h)
{
    if (!atomic_load(&h->stop))
        return false;
    if (h->stop_ns == 0) {
        h->stop_ns = wf_clock_mono_ns(NULL);
        wf_connection_end_streams(h);
    }
    return wf_list_empty(&h->clients) || wf_clock_mono_ns(NULL) - h->stop_ns > STOP_GRACE_NS;
}

bool wf_http__turn(struct wf_http *h, bool now)
{
    bool ok;

    h->n_calls = 0;
    ok = lws_service(h->context, now ? -1 : 0) >= 0;
    wf_connection_revoked(h);
    if (h->n_calls == 0)
        wf_connection_look_after(h);
    return ok;
}

int wf_http_run(struct wf_http *h, struct wf_err *err)
{
    struct ticker t = {.h = h};
    bool ok = true;

    h->beat_ns = wf_clock_mono_ns(NULL);
    lws_sul_schedule(h->context, 0, &t.sul, tick, TICK_US);
    while (ok && !finished(h))
        ok = wf_http__turn(h, false);
    lws_sul_cancel(&t.sul);
    if (!ok)
        return wf_err_set(err, WF_E_IO, "The HTTP server stopped: %s", strerror(errno));
    return 0;
}

void wf_http_free(struct wf_http *h)
{
    if (!h)
        return;
    atomic_store(&h->running, false);
    wf_connection_abandon(h); /* workers that wait for a client wait no longer */
    wf_sync_stop(h->sync);
    wf_lan_stop(h->lan);
    wf_team_free(h->team);
    wf_team_free(h->generators);
    if (h->context)
        lws_context_destroy(h->context);
    wf_sync_free(h->sync);
    wf_lan_free(h->lan);
    wf_response_store_free(h->responses);
    wf_guard_deinit(&h->guard);
    wf_free(h);
}
