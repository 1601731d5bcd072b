/* SPDX-License-Identifier: Apache-2.0 */
/* The door for phones: listeners and certificate come and go while the server runs. The key of the
 * certificate is in this process's memory alone; a new one counts for connections from then on. */
#include "http/lan.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "http/connection.h"
#include "http/http_internal.h"
#include "op/phones.h"
#include "os/file.h"

#define LISTENERS_MAX 8
#define HOSTS_MAX 16
#define HOST_BYTES 72
#define PACKET_BYTES_MAX ((size_t)128 << 10)
/* Strangers of the network must not take all connections that there are. */
#define CONNECTIONS_MAX 256
#define REVOKED_MAX 64

struct wf_lan {
    struct wf_http *h;
    struct lws_vhost *vhost;
    struct lws *control;
    struct lws *listeners[LISTENERS_MAX];
    SSL_CTX *ssl; /* the virtual host's */
    size_t n_connections;
    char hosts[HOSTS_MAX][HOST_BYTES]; /* as they stand in Host, without the port */
    size_t n_hosts;
    uint16_t port;
    char cookie[32];
    char *ca;             /* PEM, or NULL */
    char *packet;         /* PACKET_BYTES_MAX */
    pthread_mutex_t lock; /* guards what follows */
    uint64_t revoked[REVOKED_MAX];
    size_t n_revoked;
};

/* ---- TLS ---- */

int wf_lan_set_up_tls(struct wf_lan *l, void *ssl_ctx)
{
    SSL_CTX *c = ssl_ctx;

    l->ssl = c;
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* the mode before */
    (void)SSL_CTX_set_tlsext_servername_callback(c, NULL);       /* one certificate has all names */
    return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
               ? 0
               : -1;
}

static int no_password(char *buf, int size, int rwflag, void *ud)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ud;
    return -1;
}

/* The first certificate of the chain is this machine's, the second the CA's. */
static int use_certificate(struct wf_lan *l, const char *chain, const char *key, size_t key_len)
{
    BIO *b = BIO_new_mem_buf(chain, -1), *k = BIO_new_mem_buf(key, (int)key_len);
    EVP_PKEY *secret = k ? PEM_read_bio_PrivateKey(k, NULL, no_password, NULL) : NULL;
    X509 *leaf = b ? PEM_read_bio_X509(b, NULL, no_password, NULL) : NULL;
    X509 *ca = leaf ? PEM_read_bio_X509(b, NULL, no_password, NULL) : NULL;
    bool ok = secret && leaf && ca && l->ssl && SSL_CTX_use_certificate(l->ssl, leaf) == 1 &&
              SSL_CTX_use_PrivateKey(l->ssl, secret) == 1 &&
              SSL_CTX_check_private_key(l->ssl) == 1 && SSL_CTX_clear_chain_certs(l->ssl) == 1 &&
              SSL_CTX_add1_chain_cert(l->ssl, ca) == 1;

    X509_free(ca);
    X509_free(leaf);
    EVP_PKEY_free(secret);
    BIO_free(k);
    BIO_free(b);
    ERR_clear_error();
    return ok ? 0 : -1;
}

/* ---- listeners ---- */

static void close_listeners(struct wf_lan *l)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        if (l->listeners[i])
            lws_set_timeout(l->listeners[i], PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
        l->listeners[i] = NULL;
    }
    l->n_hosts = 0; /* no Host is right */
}

/* Another process must not hand over a connection: core has no network. */
static bool is_listener(int fd)
{
    int listens = 0, kind = 0;
    socklen_t n = sizeof(listens), n2 = sizeof(kind);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &n2) == 0 && kind == SOCK_STREAM;
}

static int adopt_listener(struct wf_lan *l, int fd, size_t i)
{
    lws_adopt_desc_t d = {
        .vh = l->h->vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = "listener"};

    if (!is_listener(fd))
        return -1;
    d.fd.filefd = fd;
    l->listeners[i] = lws_adopt_descriptor_vhost_via_info(&d);
    return l->listeners[i] ? 0 : -1;
}

static void set_hosts(struct wf_lan *l, const json_t *v)
{
    const json_t *hosts = json_object_get(v, "hosts");

    l->port = (uint16_t)json_integer_value(json_object_get(v, "port"));
    snprintf(l->cookie, sizeof(l->cookie), "__Host-weft_%u", l->port);
    for (size_t i = 0; i < json_array_size(hosts) && l->n_hosts < HOSTS_MAX; i++) {
        const char *one = json_string_value(json_array_get(hosts, i));
        bool six = one != NULL && strchr(one, ':') != NULL;
        if (one != NULL)
            snprintf(l->hosts[l->n_hosts++], HOST_BYTES, "%s%s%s", six ? "[" : "", one,
                     six ? "]" : "");
    }
}

static void tell_problem(struct wf_lan *l, struct wf_str why)
{
    wf_phones_set_lan(l->h->o.ops->phones, json_pack("{s:o}", "problem", wf_json_str(why)));
}

/* The packet 'L': JSON, NUL, the key. */
static int take_listeners(struct wf_lan *l, struct wf_str packet, const int *fds, size_t n_fds)
{
    size_t end = wf_str_find_byte(packet, 0, 0);
    const char *chain, *ca;
    json_t *v = NULL;
    int rc = -1;

    close_listeners(l);
    if (end == SIZE_MAX || wf_json_parse(wf_str_sub(packet, 0, end), &v, NULL) != 0)
        return -1;
    chain = wf_json_text(v, "chain");
    ca = wf_json_text(v, "ca");
    if (use_certificate(l, chain, packet.ptr + end + 1, packet.len - end - 1) == 0) {
        wf_free(l->ca);
        l->ca = wf_memdup0(ca, strlen(ca));
        rc = l->ca ? 0 : -1;
    }
    if (rc == 0)
        set_hosts(l, v);
    for (size_t i = 0; i < n_fds; i++) {
        int fd = fds[i];
        if (rc != 0 || i >= LISTENERS_MAX || adopt_listener(l, fd, i) != 0)
            wf_file_close(&fd);
    }
    if (rc == 0) {
        json_object_del(v, "chain");
        json_object_del(v, "ca");
        wf_phones_set_lan(l->h->o.ops->phones, json_incref(v));
    }
    json_decref(v);
    return rc;
}

/* ---- packets ---- */

/* Takes one; -1: none is there, or the other end has gone. */
static ssize_t receive(struct wf_lan *l, int fd, int fds[LISTENERS_MAX], size_t *out_n_fds)
{
    struct iovec iov = {l->packet, PACKET_BYTES_MAX};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(LISTENERS_MAX * sizeof(int))];
    } control;
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    *out_n_fds = 0;
    if (n <= 0)
        return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len && *out_n_fds < LISTENERS_MAX;
             at += sizeof(int))
            memcpy(&fds[(*out_n_fds)++], CMSG_DATA(c) + at, sizeof(int));
    }
    return n;
}

static void on_packet(struct wf_lan *l, int fd)
{
    int fds[LISTENERS_MAX];
    size_t n_fds = 0;
    ssize_t n = receive(l, fd, fds, &n_fds);
    struct wf_str body;
    char kind;

    if (n <= 0)
        return;
    kind = l->packet[0];
    body = wf_str_n(l->packet + 1, (size_t)n - 1);
    if (kind == 'L' && take_listeners(l, body, fds, n_fds) != 0)
        tell_problem(l, WF_STR("The certificate could not be used."));
    for (size_t i = 0; kind != 'L' && i < n_fds; i++)
        wf_file_close(&fds[i]);
    if (kind == 'P' || kind == 'C') {
        ssize_t sent = kind == 'C' ? (close_listeners(l), write(fd, "k", 1)) : 0;
        (void)sent; /* who does not get it waits, and gives up */
    }
    if (kind == 'P')
        tell_problem(l, body);
    explicit_bzero(l->packet, (size_t)n);
}

int wf_lan_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct wf_http *h = lws_context_user(lws_get_context(wsi));

    (void)user;
    (void)in;
    (void)len;
    if (reason == LWS_CALLBACK_RAW_RX_FILE && h->lan)
        on_packet(h->lan, lws_get_socket_fd(wsi));
    return 0;
}

/* ---- making and ending ---- */

static int make_vhost(struct wf_lan *l)
{
    static const struct lws_protocols protocols[] = {
        {.name = "http",
         .callback = wf_connection_callback,
         .per_session_data_size = sizeof(struct wf_connection)},
        {.name = NULL},
    };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* this one may have TLS; see http.c's */
        .vhost_name = "lan",
        .protocols = protocols,
        .options =
            LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX | LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER,
        .alpn = "http/1.1", /* connection.c looks at sockets, which HTTP/2 shares among requests */
        .keepalive_timeout = 60,
        .timeout_secs = 10,
    };

    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.options |= LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT; /* the library has bits in both */
    l->vhost = lws_create_vhost(l->h->context, &info);
    return l->vhost && l->ssl ? 0 : -1;
}

int wf_lan_new(struct wf_http *h, struct wf_lan **out, struct wf_err *err)
{
    struct wf_lan *l = wf_alloc_array(1, sizeof(*l));
    lws_adopt_desc_t d = {.vh = h->vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .vh_prot_name = "lan"};

    if (l != NULL)
        l->packet = wf_alloc(PACKET_BYTES_MAX);
    if (l == NULL || l->packet == NULL) {
        wf_free(l);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    l->h = h;
    pthread_mutex_init(&l->lock, NULL);
    *out = l; /* the callbacks below ask for it */
    d.fd.filefd = h->o.lan_fd;
    if (make_vhost(l) == 0)
        l->control = lws_adopt_descriptor_vhost_via_info(&d);
    if (!l->control)
        return wf_err_set(err, WF_E_IO, "The server for phones could not be started.");
    wf_phones_on_revoked(h->o.ops->phones, wf_lan_revoked, l);
    return 0;
}

void wf_lan_stop(struct wf_lan *l)
{
    if (l)
        wf_phones_on_revoked(l->h->o.ops->phones, NULL, NULL);
}

void wf_lan_free(struct wf_lan *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    wf_free(l->ca);
    wf_free(l->packet);
    wf_free(l);
}

/* ---- what connection.c asks ---- */

bool wf_lan_is(const struct wf_lan *l, struct lws *wsi)
{
    return l && l->vhost && lws_get_vhost(wsi) == l->vhost;
}

struct lws_vhost *wf_lan_vhost(struct wf_lan *l)
{
    return l->n_connections < CONNECTIONS_MAX ? l->vhost : NULL;
}

void wf_lan_counts(struct wf_lan *l, int by)
{
    l->n_connections += (size_t)by; /* -1 wraps to one less */
}

bool wf_lan_host_ok(const struct wf_lan *l, const char *host)
{
    char with_port[HOST_BYTES + 8];

    for (size_t i = 0; i < l->n_hosts; i++) {
        snprintf(with_port, sizeof(with_port), "%s:%u", l->hosts[i], l->port);
        if (strcasecmp(host, with_port) == 0 ||
            (l->port == 443 && strcasecmp(host, l->hosts[i]) == 0))
            return true;
    }
    return false;
}

bool wf_lan_origin_ok(const struct wf_lan *l, const char *origin, bool has_tls)
{
    const char *scheme = has_tls ? "https://" : "http://";
    size_t n = strlen(scheme);

    if (origin[0] == 0)
        return true;
    return strncasecmp(origin, scheme, n) == 0 && wf_lan_host_ok(l, origin + n);
}

bool wf_lan_is_open_path(struct wf_str path)
{
    static const char *const paths[] = {"/phone.html",        "/app/phone.js", "/app/phone.css",
                                        "/app/base.css",      "/app/theme.js", "/app/dom.js",
                                        "/app/i18n.js",       "/ca.crt",       "/weft.mobileconfig",
                                        "/locale/de.json",    "/lan/about",    "/icons/weft.svg",
                                        "/icons/weft-192.png"};

    for (size_t i = 0; i < WF_ARRAY_LEN(paths); i++) {
        if (wf_str_eq(path, wf_str_from(paths[i])))
            return true;
    }
    return false;
}

const char *wf_lan_cookie(const struct wf_lan *l)
{
    return l->cookie;
}

void wf_lan_revoked(void *ud, uint64_t phone)
{
    struct wf_lan *l = ud;

    pthread_mutex_lock(&l->lock);
    if (l->n_revoked < REVOKED_MAX)
        l->revoked[l->n_revoked++] = phone;
    pthread_mutex_unlock(&l->lock);
    wf_http__wake(l->h);
}

uint64_t wf_lan_next_revoked(struct wf_lan *l)
{
    uint64_t phone = 0;

    pthread_mutex_lock(&l->lock);
    if (l->n_revoked > 0)
        phone = l->revoked[--l->n_revoked];
    pthread_mutex_unlock(&l->lock);
    return phone;
}

/* ---- what everybody in the network may have ---- */

/* The CA's certificate, for a request of this door; NULL after having answered. */
static const char *ca_of(struct wf_request *r)
{
    const struct wf_lan *l = r->http->lan;

    if (r->is_lan && l->ca)
        return l->ca;
    wf_answer_problem(r, 404, "NOENT", "There is nothing here. The page is at /", NULL);
    return NULL;
}

void wf_handle_lan_ca(struct wf_request *r)
{
    const char *ca = ca_of(r);

    if (ca) {
        wf_answer_header(r, "content-disposition:", "attachment; filename=\"weft.crt\"");
        wf_answer_bytes(r, 200, "application/x-x509-ca-cert", wf_str_from(ca));
    }
}

/* The base64 between PEM's first and last line. */
static void put_der(struct wf_buf *out, const char *pem)
{
    struct wf_str rest = wf_str_from(pem), line;

    while (wf_str_line(&rest, &line)) {
        if (!wf_str_starts(line, WF_STR("-----")))
            wf_buf_append_str(out, line);
    }
}

/* An id of the form that profiles want, the same for the same CA: from its base64's end. */
static void put_uuid(struct wf_buf *out, const char *pem, unsigned which)
{
    uint8_t hash[32];

    EVP_Digest(pem, strlen(pem), hash, NULL, EVP_sha256(), NULL);
    hash[0] ^= (uint8_t)which;
    for (size_t i = 0; i < 16; i++)
        wf_buf_appendf(out, "%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", hash[i]);
}

/* Apple's profile that carries the certificate. */
void wf_handle_lan_profile(struct wf_request *r)
{
    const char *ca = ca_of(r);
    struct wf_buf b;

    if (!ca)
        return;
    wf_buf_init(&b, (size_t)64 << 10);
    wf_buf_append_cstr(
        &b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD "
            "PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist "
            "version=\"1.0\"><dict><key>PayloadContent</key><array><dict>"
            "<key>PayloadCertificateFileName</key><string>weft.crt</string>"
            "<key>PayloadContent</key><data>");
    put_der(&b, ca);
    wf_buf_append_cstr(&b, "</data><key>PayloadDisplayName</key><string>weft home CA</string>"
                           "<key>PayloadIdentifier</key><string>weft.home.ca</string>"
                           "<key>PayloadType</key><string>com.apple.security.root</string>"
                           "<key>PayloadUUID</key><string>");
    put_uuid(&b, ca, 1);
    wf_buf_append_cstr(&b, "</string><key>PayloadVersion</key><integer>1</integer></dict></array>"
                           "<key>PayloadDisplayName</key><string>weft</string>"
                           "<key>PayloadIdentifier</key><string>weft.home</string>"
                           "<key>PayloadType</key><string>Configuration</string>"
                           "<key>PayloadUUID</key><string>");
    put_uuid(&b, ca, 2);
    wf_buf_append_cstr(&b, "</string><key>PayloadVersion</key><integer>1</integer></dict>"
                           "</plist>\n");
    if (wf_buf_status(&b) == 0) {
        wf_answer_header(r, "content-disposition:", "attachment; filename=\"weft.mobileconfig\"");
        wf_answer_bytes(r, 200, "application/x-apple-aspen-config", wf_buf_str(&b));
    } else {
        wf_answer_problem(r, 500, "NOMEM", "Out of memory.", NULL);
    }
    wf_buf_deinit(&b);
}

void wf_handle_lan_about(struct wf_request *r)
{
    json_t *lan = ca_of(r) ? wf_phones_lan(r->http->o.ops->phones) : NULL;

    if (!lan) {
        if (!r->has_head)
            wf_answer_problem(r, 404, "NOENT", "There is nothing here.", NULL);
        return;
    }
    r->is_shared = true; /* the page without TLS finds out whether TLS works by now */
    wf_answer_header(r, "cache-control:", "no-store");
    json_object_set_new(lan, "version", json_string(WF_VERSION));
    wf_answer_json(r, 200, lan);
}
