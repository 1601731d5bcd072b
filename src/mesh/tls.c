/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between nodes. The certificate is made anew at each start from the key: it has no secret but
 * the key, and nobody looks at anything else in it, so its dates say "always". */
#include "mesh/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"

/* What a peer may send as certificates; ours has about 300 bytes. */
#define CERTIFICATES_BYTES_MAX 2048

static struct wf_fault fault;
static atomic_size_t short_bytes;
static atomic_uint_least64_t bytes_in, bytes_out;

/* ---- bytes to and from the socket ---- */

static size_t cut(int n)
{
    /* Relaxed, here and below: counters and a test's wish, which order nothing else. */
    size_t most = atomic_load_explicit(&short_bytes, memory_order_relaxed);

    return most > 0 ? WF_MIN((size_t)n, most) : (size_t)n;
}

static int end_of_call(BIO *b, ssize_t n, int retry, atomic_uint_least64_t *count)
{
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
    if (n > 0)
        atomic_fetch_add_explicit(count, (uint64_t)n, memory_order_relaxed);
    return (int)n;
}

static int fd_of(BIO *b)
{
    return (int)(intptr_t)BIO_get_data(b);
}

static int write_some(BIO *b, const char *p, int n)
{
    if (wf_fault_now(&fault)) {
        errno = ECONNRESET;
        return end_of_call(b, -1, 0, &bytes_out);
    }
    return end_of_call(b, send(fd_of(b), p, cut(n), MSG_NOSIGNAL | MSG_DONTWAIT), BIO_FLAGS_WRITE,
                       &bytes_out);
}

static int read_some(BIO *b, char *p, int n)
{
    if (wf_fault_now(&fault)) {
        errno = ECONNRESET;
        return end_of_call(b, -1, 0, &bytes_in);
    }
    return end_of_call(b, recv(fd_of(b), p, cut(n), MSG_DONTWAIT), BIO_FLAGS_READ, &bytes_in);
}

static long control(BIO *b, int what, long n, void *p)
{
    (void)b;
    (void)n;
    (void)p;
    return what == BIO_CTRL_FLUSH ? 1 : 0; /* nothing is kept back here */
}

/* One for the process, never freed. */
static BIO_METHOD *method(void)
{
    static BIO_METHOD *_Atomic made;
    BIO_METHOD *m = atomic_load(&made), *none = NULL;

    if (m != NULL)
        return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft");
    if (m == NULL)
        return NULL;
    (void)BIO_meth_set_write(m, write_some); /* these cannot fail */
    (void)BIO_meth_set_read(m, read_some);
    (void)BIO_meth_set_ctrl(m, control);
    if (atomic_compare_exchange_strong(&made, &none, m))
        return m;
    BIO_meth_free(m);
    return none;
}

struct wf_tls_counts wf_tls_counts(void)
{
    return (struct wf_tls_counts){
        .in = atomic_load_explicit(&bytes_in, memory_order_relaxed),
        .out = atomic_load_explicit(&bytes_out, memory_order_relaxed),
    };
}

void wf_tls_fail_at(uint64_t n)
{
    wf_fault_set(&fault, n);
}

bool wf_tls_failed(void)
{
    return wf_fault_hit(&fault);
}

void wf_tls_short(size_t n)
{
    atomic_store_explicit(&short_bytes, n, memory_order_relaxed);
}

/* ---- the certificate ---- */

static bool fill_certificate(X509 *x, EVP_PKEY *key)
{
    static const unsigned char name[] = "weft";
    X509_NAME *n = X509_get_subject_name(x);

    return X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "19700101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") == 1 &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, n) == 1 && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, NULL) > 0;
}

/* The Ed25519 key that a session's other side has shown; false when it is another kind of key. */
static bool key_of(X509 *x, uint8_t out[WF_LINK_KEY_BYTES])
{
    EVP_PKEY *key = x != NULL ? X509_get0_pubkey(x) : NULL;
    size_t n = WF_LINK_KEY_BYTES;

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 &&
           EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == WF_LINK_KEY_BYTES;
}

/* Which error of a certificate stands for a reason: each becomes an alert of its own. */
static int error_of(enum wf_link_reason reason)
{
    return reason == WF_LINK_NOT_PAIRED ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT /* unknown ca */
                                        : X509_V_ERR_CERT_REJECTED; /* bad certificate */
}

/* OpenSSL: whether the certificate will do. The proof that the other holds the key comes in the
 * handshake itself, behind this. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    const struct wf_tls *t = arg;
    SSL *s = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    uint8_t key[WF_LINK_KEY_BYTES];
    const bool has_key = key_of(X509_STORE_CTX_get0_cert(store), key);
    enum wf_link_reason reason = t->_judge(SSL_get_app_data(s), has_key ? key : NULL);

    if (!has_key && reason == WF_LINK_CLOSED)
        reason = WF_LINK_MALFORMED;
    X509_STORE_CTX_set_error(store, reason == WF_LINK_CLOSED ? X509_V_OK : error_of(reason));
    return reason == WF_LINK_CLOSED ? 1 : 0;
}

/* ---- contexts ---- */

static bool set_up(SSL_CTX *c, X509 *x, EVP_PKEY *key, struct wf_tls *t)
{
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* the mode before */
    SSL_CTX_set_max_cert_list(c, CERTIFICATES_BYTES_MAX);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c, verify, t);
    return SSL_CTX_set_num_tickets(c, 0) == 1 &&
           SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set1_groups_list(c, "X25519") == 1 &&
           SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1 &&
           SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") ==
               1 &&
           SSL_CTX_use_certificate(c, x) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1;
}

int wf_tls_init(struct wf_tls *t, const uint8_t seed[WF_LINK_KEY_BYTES], wf_tls_judge judge,
                struct wf_err *err)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, WF_LINK_KEY_BYTES);
    X509 *x = X509_new();
    size_t n = WF_LINK_KEY_BYTES;
    bool ok = key != NULL && x != NULL;

    *t = (struct wf_tls){._judge = judge};
    ok = ok && EVP_PKEY_get_raw_public_key(key, t->key, &n) == 1;
    ok = ok && fill_certificate(x, key);
    ok = ok && (t->_client = SSL_CTX_new(TLS_client_method())) != NULL;
    ok = ok && (t->_server = SSL_CTX_new(TLS_server_method())) != NULL;
    ok = ok && set_up(t->_client, x, key, t) && set_up(t->_server, x, key, t);
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (ok)
        return 0;
    wf_tls_deinit(t);
    return wf_err_set(err, WF_E_UNSUPPORTED, "OpenSSL has no TLS 1.3 with Ed25519.");
}

void wf_tls_deinit(struct wf_tls *t)
{
    SSL_CTX_free(t->_client);
    SSL_CTX_free(t->_server);
    t->_client = t->_server = NULL;
}

SSL *wf_tls_session(const struct wf_tls *t, int fd, bool is_client, void *ud)
{
    SSL *s = SSL_new(is_client ? t->_client : t->_server);
    BIO_METHOD *m = method();
    BIO *b = m != NULL ? BIO_new(m) : NULL;

    if (s == NULL || b == NULL) {
        BIO_free(b);
        SSL_free(s);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(b, (void *)(intptr_t)fd);
    BIO_set_init(b, 1);
    SSL_set_bio(s, b, b);
    (void)SSL_set_app_data(s, ud); /* fails without memory: the judge gets NULL and refuses */
    if (is_client)
        SSL_set_connect_state(s);
    else
        SSL_set_accept_state(s);
    return s;
}

enum wf_link_reason wf_tls_reason(const SSL *s, int result)
{
    const int kind = SSL_get_error(s, result);
    const int why = ERR_GET_REASON(ERR_peek_error());

    ERR_clear_error();
    if (kind == SSL_ERROR_ZERO_RETURN)
        return WF_LINK_CLOSED;
    if (kind != SSL_ERROR_SSL)
        return WF_LINK_LOST;
    switch (why) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return WF_LINK_NOT_PAIRED;
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return WF_LINK_VERSION;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return WF_LINK_LOST;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return WF_LINK_NOT_WEFT;
    default:
        return WF_LINK_MALFORMED;
    }
}
