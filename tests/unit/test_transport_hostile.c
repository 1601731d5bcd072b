/* SPDX-License-Identifier: Apache-2.0 */
/* Clients and servers that are no weft, or a bad one: each is turned away or ended, and in the end
 * a good one still comes through. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/tls.h"
#include "mesh/ws.h"
#include "os/sock.h"
#include "support/linked.h"

#define CLOSE_MS 20000
#define FRIEND 1

/* A server that knows FRIEND alone, patient for a moment only. */
static struct linked server;

static void start(void)
{
    const struct wf_transport_options o = {.accepts_of_address = 10000,
                                           .times = {.handshake_ms = 1500}};
    uint8_t key[WF_LINK_KEY_BYTES];

    linked_start(&server, 2, true, &o);
    linked_key(FRIEND, key);
    linked_allow(&server, (const uint8_t(*)[WF_LINK_KEY_BYTES])key, 1);
    linked_dial(&server, 2, "not an address", NULL); /* it has heard that */
    linked_expect(&server, WF_LINK_FRAME_DOWN);
}

/* A good one comes through, whatever was before. */
static void stop(void)
{
    struct linked friend;

    linked_start(&friend, FRIEND, false, NULL);
    linked_allow(&friend, (const uint8_t(*)[WF_LINK_KEY_BYTES])server.key, 1);
    linked_dial(&friend, 2, server.address, server.key);
    linked_expect(&friend, WF_LINK_FRAME_UP);
    linked_send(&friend, 2, WF_LINK_SYNC, WF_STR("a friend"));
    assert_true(
        wf_str_eq(linked_expect(&server, WF_LINK_FRAME_BYTES_CAME).text, WF_STR("a friend")));
    linked_stop(&friend);
    linked_stop(&server);
}

static int call(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(server.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* True when the other side ends it in time. */
static bool is_ended(int fd)
{
    const int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)CLOSE_MS * 1000000;
    char bytes[4096];

    while (wf_clock_mono_ns(NULL) < until_ns) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) > 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
            return true;
    }
    return false;
}

/* ---- no TLS of ours ---- */

static void test_transport_hostile__garbage_is_ended(void **state)
{
    (void)state;
    const struct wf_str garbage[] = {
        WF_STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), WF_STR("\x16\x03\x01\xff\xff garbage"),
        WF_STR("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), WF_STR("\x80\x80\x01\x03\x01")};

    start();
    for (size_t i = 0; i < WF_ARRAY_LEN(garbage); i++) {
        int fd = call();
        assert_int_equal(send(fd, garbage[i].ptr, garbage[i].len, MSG_NOSIGNAL), garbage[i].len);
        assert_true(is_ended(fd));
        close(fd);
    }
    stop();
}

static void test_transport_hostile__who_says_nothing_is_ended(void **state)
{
    (void)state;
    start();
    int fd = call();
    assert_true(is_ended(fd));
    close(fd);
    stop();
}

static void test_transport_hostile__half_open_ones_are_few(void **state)
{
    (void)state;
    const struct wf_transport_options o = {.accepts_of_address = 10000};
    int fds[12];
    unsigned n_ended = 0;

    linked_start(&server, 3, true, &o);
    for (size_t i = 0; i < WF_ARRAY_LEN(fds); i++)
        fds[i] = call();
    for (size_t i = 0; i < WF_ARRAY_LEN(fds); i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        n_ended += poll(&p, 1, i == 0 ? 1000 : 10) > 0;
    }
    assert_int_equal(n_ended, WF_ARRAY_LEN(fds) - 8);
    for (size_t i = 0; i < WF_ARRAY_LEN(fds); i++)
        close(fds[i]);
    linked_stop(&server);
}

static void test_transport_hostile__who_comes_too_often_waits(void **state)
{
    (void)state;
    const struct wf_transport_options o = {.accepts_of_address = 3};

    linked_start(&server, 3, true, &o);
    for (unsigned i = 0; i < 3; i++) {
        int fd = call();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 50), 0); /* it is waited for */
        close(fd);
    }
    int fd = call();
    assert_true(is_ended(fd));
    close(fd);
    linked_stop(&server);
}

/* ---- other TLS ---- */

enum client {
    CLIENT_TLS12,    /* no newer protocol */
    CLIENT_NAMELESS, /* without a certificate */
    CLIENT_ECDSA,    /* with one of another kind */
    CLIENT_STRANGER, /* Ed25519, not paired */
    CLIENT_OTHER_CURVE,
    CLIENT_COUNT,
};

static void use_certificate(SSL_CTX *c, EVP_PKEY *key)
{
    X509 *x = X509_new();

    assert_non_null(key);
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(
        X509_sign(x, key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(c, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(c, key), 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

static SSL_CTX *context_of(enum client kind)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    uint8_t seed[32];

    assert_non_null(c);
    memset(seed, kind == CLIENT_STRANGER ? 77 : FRIEND, sizeof(seed));
    if (kind == CLIENT_TLS12)
        assert_int_equal(SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION), 1);
    if (kind == CLIENT_OTHER_CURVE)
        assert_int_equal(SSL_CTX_set1_groups_list(c, "P-256"), 1);
    if (kind == CLIENT_ECDSA)
        use_certificate(c, EVP_EC_gen("P-256"));
    else if (kind != CLIENT_NAMELESS)
        use_certificate(c, EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32));
    return c;
}

static void test_transport_hostile__other_tls_gets_no_word_in(void **state)
{
    (void)state;
    struct wf_link_frame f;

    start();
    for (enum client kind = 0; kind < CLIENT_COUNT; kind++) {
        SSL_CTX *c = context_of(kind);
        SSL *s = SSL_new(c);
        int fd = call();
        char byte;
        assert_int_equal(SSL_set_fd(s, fd), 1);
        /* The client of TLS 1.3 may think that it is through, until it reads. */
        if (SSL_connect(s) == 1) {
            assert_int_not_equal(kind, CLIENT_TLS12);
            (void)SSL_write(s, "GET /mesh/1 HTTP/1.1\r\n", 22);
            assert_true(SSL_read(s, &byte, 1) <= 0);
        }
        assert_true(is_ended(fd));
        SSL_free(s);
        SSL_CTX_free(c);
        close(fd);
        assert_false(linked_next(&server, WF_LINK_FRAME_UP, &f, 0));
    }
    stop();
}

/* ---- a friend's key in bad hands ---- */

static enum wf_link_reason judge(void *ud, const uint8_t *key)
{
    (void)ud;
    return key != NULL ? WF_LINK_CLOSED : WF_LINK_MALFORMED;
}

/* A session with the friend's key through the handshake of TLS, blocking. */
static SSL *friendly(struct wf_tls *tls, int fd)
{
    uint8_t seed[32];
    SSL *s;

    memset(seed, FRIEND, sizeof(seed));
    assert_int_equal(wf_tls_init(tls, seed, judge, NULL), 0);
    s = wf_tls_session(tls, fd, true, NULL);
    assert_non_null(s);
    for (int i = 0; SSL_do_handshake(s) != 1; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_true(i < 1000);
        poll(&p, 1, 100);
    }
    return s;
}

static void put(SSL *s, struct wf_str bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        int n = SSL_write(s, bytes.ptr + at, (int)WF_MIN(bytes.len - at, (size_t)16384));
        if (n <= 0 && SSL_get_error(s, n) == SSL_ERROR_WANT_WRITE) {
            usleep(1000);
            continue;
        }
        if (n <= 0)
            return; /* it is ended already */
        at += (size_t)n;
    }
}

/* Asks for /mesh/1 and swallows the answer. */
static void upgrade(SSL *s, int fd)
{
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {1};
    struct wf_buf b;
    size_t n = 0;

    wf_buf_init(&b, 65536);
    assert_int_equal(wf_ws_put_request(WF_STR("h"), nonce, &b), 0);
    put(s, wf_buf_str(&b));
    wf_buf_reset(&b);
    for (int i = 0; n == 0; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char bytes[4096];
        int got = SSL_read(s, bytes, sizeof(bytes));
        assert_true(i < 1000);
        if (got <= 0) {
            poll(&p, 1, 100);
            continue;
        }
        assert_int_equal(wf_buf_append(&b, bytes, (size_t)got), 0);
        assert_int_equal(wf_ws_check_answer(wf_buf_str(&b), nonce, &n), 0);
    }
    wf_buf_deinit(&b);
}

#define HELLO                                                                                      \
    "\0\1\1\1\0\0\0\0\0\0\0\0\5"                                                                   \
    "0.0.0"

static void put_message(SSL *s, struct wf_str message)
{
    const uint8_t mask[4] = {1, 2, 3, 4};
    struct wf_buf b;

    wf_buf_init(&b, 65536);
    assert_int_equal(wf_ws_put(WF_WS_BINARY, mask, WF_STR(""), message, &b), 0);
    put(s, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

/* What is sent raw behind TLS and, for those from `from_upgrade` on, the handshake of WebSocket. */
static void test_transport_hostile__a_friend_that_talks_nonsense_is_ended(void **state)
{
    (void)state;
    const struct {
        int upgraded;        /* 1: behind the upgrade; 2: behind hello, too */
        struct wf_str raw;   /* sent as it is */
        struct wf_str piece; /* sent as a message */
    } cases[] = {
        {0, WF_STR("nonsense\r\n\r\n"), {NULL, 0}},
        {0, WF_STR("GET /other HTTP/1.1\r\n\r\n"), {NULL, 0}},
        {0, WF_STR("GET /mesh/1 HTTP/1.1\r\nHost: h\r\n\r\n"), {NULL, 0}},
        {1, WF_STR("\x82\x01x"), {NULL, 0}},                                /* not masked */
        {1, WF_STR("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), {NULL, 0}}, /* as long as it gets */
        {1,
         WF_STR("\x01\x81"
                "abcdx"),
         {NULL, 0}}, /* a part of a text */
        {1, {NULL, 0}, WF_STR("\2before hello")},
        {1, {NULL, 0}, WF_STR("\0\1\2\3\0\0\0\0\0\0\0\0\0")}, /* a protocol of the future */
        {1,
         {NULL, 0},
         WF_STR("\0\1\1\1\0\0\0\0\0\0\0\0\xff"
                "short")},
        {2, {NULL, 0}, WF_STR("\7no such channel")},
        {2, {NULL, 0}, WF_STR("\2")},
        {2, WF_STR("\x82\x01x"), {NULL, 0}},
    };

    start();
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_tls tls;
        int fd = call();
        SSL *s = friendly(&tls, fd);
        if (cases[i].upgraded > 0)
            upgrade(s, fd);
        if (cases[i].upgraded > 1)
            put_message(s, wf_str_n(HELLO, sizeof(HELLO) - 1));
        if (cases[i].raw.len > 0)
            put(s, cases[i].raw);
        else
            put_message(s, cases[i].piece);
        assert_true(is_ended(fd));
        SSL_free(s);
        wf_tls_deinit(&tls);
        close(fd);
    }
    stop();
}

static void test_transport_hostile__a_message_without_end_is_ended(void **state)
{
    (void)state;
    struct wf_tls tls;
    char *piece = wf_alloc_array(WF_WS_MESSAGE_BYTES, 1);

    assert_non_null(piece);
    start();
    int fd = call();
    SSL *s = friendly(&tls, fd);
    upgrade(s, fd);
    put_message(s, wf_str_n(HELLO, sizeof(HELLO) - 1));
    piece[0] = (char)(WF_LINK_SYNC | 0x80); /* more to come, for ever */
    for (size_t i = 0; i < WF_LINK_MESSAGE_BYTES / WF_WS_MESSAGE_BYTES + 2; i++)
        put_message(s, wf_str_n(piece, WF_WS_MESSAGE_BYTES));
    assert_true(is_ended(fd));
    struct wf_link_frame f = linked_expect(&server, WF_LINK_FRAME_DOWN);
    assert_int_equal(f.reason, WF_LINK_TOO_MUCH);
    SSL_free(s);
    wf_tls_deinit(&tls);
    close(fd);
    wf_free(piece);
    stop();
}

/* A byte now and then: the whole handshake has one end of patience. */
static void test_transport_hostile__a_slow_one_is_ended(void **state)
{
    (void)state;
    struct wf_tls tls;
    int i;

    start();
    int fd = call();
    SSL *s = friendly(&tls, fd);
    for (i = 0; i < 400; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char byte;
        put(s, WF_STR("G"));
        if (poll(&p, 1, 50) > 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
            break;
    }
    assert_true(i < 400);
    SSL_free(s);
    wf_tls_deinit(&tls);
    close(fd);
    stop();
}

/* Pings without end, answers unread: memory stays bounded, others are served. */
static void test_transport_hostile__pings_without_end_do_no_harm(void **state)
{
    (void)state;
    struct wf_tls tls;
    struct wf_buf b;
    const uint8_t mask[4] = {1, 2, 3, 4};
    char payload[125] = "";

    start();
    int fd = call();
    SSL *s = friendly(&tls, fd);
    upgrade(s, fd);
    put_message(s, wf_str_n(HELLO, sizeof(HELLO) - 1));
    wf_buf_init(&b, 65536);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(wf_ws_put(WF_WS_PING, mask, WF_STR(""), wf_str_n(payload, 125), &b), 0);
    linked_expect(&server, WF_LINK_FRAME_UP);
    uint64_t before = wf_alloc_stats().bytes_live;
    for (size_t i = 0; i < 300; i++) { /* 4 MB */
        int n = SSL_write(s, b.ptr, (int)b.len);
        if (n <= 0)
            break; /* it does not read any more, or has ended it */
    }
    usleep(100000);
    assert_true(wf_alloc_stats().bytes_live < before + (1u << 20));
    wf_buf_deinit(&b);
    SSL_free(s);
    wf_tls_deinit(&tls);
    close(fd);
    stop();
}

/* ---- servers ---- */

static void test_transport_hostile__what_answers_is_no_weft(void **state)
{
    (void)state;
    struct linked l;
    struct wf_link_frame f;
    int listener = -1, fd;
    uint16_t port;
    char address[64];
    const struct wf_str answers[] = {WF_STR("HTTP/1.1 400 Bad Request\r\n\r\n"),
                                     WF_STR("SSH-2.0-OpenSSH_9.2\r\n"), WF_STR("")};
    uint8_t key[WF_LINK_KEY_BYTES];

    linked_key(9, key);
    linked_start(&l, 1, false, NULL);
    linked_allow(&l, (const uint8_t(*)[WF_LINK_KEY_BYTES])key, 1);
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &listener, &port, NULL), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    for (size_t i = 0; i < WF_ARRAY_LEN(answers); i++) {
        linked_dial(&l, 10 + 2 * i, address, key);
        fd = accept(listener, NULL, NULL);
        assert_true(fd >= 0);
        if (answers[i].len > 0)
            assert_true(send(fd, answers[i].ptr, answers[i].len, MSG_NOSIGNAL) > 0);
        shutdown(fd, SHUT_WR);
        f = linked_expect(&l, WF_LINK_FRAME_DOWN);
        assert_int_equal(f.reason, answers[i].len > 0 ? WF_LINK_NOT_WEFT : WF_LINK_LOST);
        close(fd);
    }
    close(listener);
    linked_stop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transport_hostile__garbage_is_ended),
        cmocka_unit_test(test_transport_hostile__who_says_nothing_is_ended),
        cmocka_unit_test(test_transport_hostile__half_open_ones_are_few),
        cmocka_unit_test(test_transport_hostile__who_comes_too_often_waits),
        cmocka_unit_test(test_transport_hostile__other_tls_gets_no_word_in),
        cmocka_unit_test(test_transport_hostile__a_friend_that_talks_nonsense_is_ended),
        cmocka_unit_test(test_transport_hostile__a_message_without_end_is_ended),
        cmocka_unit_test(test_transport_hostile__a_slow_one_is_ended),
        cmocka_unit_test(test_transport_hostile__pings_without_end_do_no_harm),
        cmocka_unit_test(test_transport_hostile__what_answers_is_no_weft),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
