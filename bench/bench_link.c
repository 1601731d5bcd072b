/* SPDX-License-Identifier: Apache-2.0 */
/* Link over loopback: megabytes a second from core to core, beside the floor in the same run: one
 * bare TLS 1.3 session of the same kind between two threads. Round trips of a small message, alone
 * and beside a sync that fills the connection. What an idle connection costs in a minute. What a
 * thousand idle connections take of memory.
 *
 * Must: idle under 1,000 bytes a minute (with headers of TCP and IP) and 0.1% of a core.
 *
 *   bench_link [SECONDS]   how long idling is watched: 60 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/tls.h"
#include "mesh/ws.h"
#include "os/file.h"
#include "os/sock.h"
#include "support/linked.h"

#define MUST_BYTES 1000.0
#define MUST_CPU 0.001
#define FLOOR_BYTES ((size_t)512 << 20)
#define SYNC_BYTES ((size_t)256 << 20)
#define PART_BYTES ((size_t)128 << 10)
#define N_TRIPS 2000
#define N_LOADED 300
#define N_IDLE 1000
#define PACKET_BYTES 52 /* headers of TCP and IPv4, with time stamps */

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_link: %s\n", what);
    exit(EXIT_FAILURE);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

static int call(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        fail("no connection");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower, else */
    return fd;
}

static enum wf_link_reason judge(void *ud, const uint8_t *key)
{
    (void)ud;
    return key != NULL ? WF_LINK_CLOSED : WF_LINK_MALFORMED;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    (void)poll(&p, 1, 1000); /* the call that follows tells */
}

/* ---- the floor ---- */

struct bare {
    struct wf_tls tls;
    int fd;
    SSL *s;
};

static void bare_open(struct bare *b, uint8_t n, int fd, bool is_client)
{
    uint8_t seed[32];

    memset(seed, n, sizeof(seed));
    b->fd = fd;
    if (wf_tls_init(&b->tls, seed, judge, NULL) != 0 ||
        (b->s = wf_tls_session(&b->tls, fd, is_client, NULL)) == NULL)
        fail("no TLS");
}

static void bare_shake(struct bare *b)
{
    while (SSL_do_handshake(b->s) != 1)
        wait_for(b->fd, POLLIN);
}

static void bare_close(struct bare *b)
{
    SSL_free(b->s);
    wf_tls_deinit(&b->tls);
    close(b->fd);
}

static void *bare_read(void *ud)
{
    static char bytes[16384];
    struct bare *b = ud;
    size_t n = 0;

    bare_shake(b);
    while (n < FLOOR_BYTES) {
        int got = SSL_read(b->s, bytes, sizeof(bytes));
        if (got > 0)
            n += (size_t)got;
        else
            wait_for(b->fd, POLLIN);
    }
    return NULL;
}

static double floor_mb_s(void)
{
    static char bytes[16384];
    struct bare a, b;
    pthread_t thread;
    uint16_t port;
    int listener;
    double s;

    if (wf_sock_listen_tcp("127.0.0.1", 0, &listener, &port, NULL) != 0)
        fail("no listener");
    bare_open(&a, 1, call(port), true);
    bare_open(&b, 2, accept(listener, NULL, NULL), false);
    if (pthread_create(&thread, NULL, bare_read, &b) != 0)
        fail("no thread");
    bare_shake(&a);
    int64_t start_ns = wf_clock_mono_ns(NULL);
    for (size_t n = 0; n < FLOOR_BYTES;) {
        int put = SSL_write(a.s, bytes, (int)WF_MIN(FLOOR_BYTES - n, sizeof(bytes)));
        if (put > 0)
            n += (size_t)put;
        else
            wait_for(a.fd, POLLOUT);
    }
    pthread_join(thread, NULL);
    s = seconds_since(start_ns);
    bare_close(&a);
    bare_close(&b);
    close(listener);
    return (double)FLOOR_BYTES / s / 1e6;
}

/* ---- from core to core ---- */

static struct linked a, b;
static uint64_t at_a, at_b;
static atomic_size_t n_came;
static atomic_bool is_over;

/* b's core: counts syncs, sends presence back. */
static void *answer(void *ud)
{
    struct wf_link_frame f;

    (void)ud;
    while (!atomic_load(&is_over)) {
        if (!linked_next(&b, WF_LINK_FRAME_BYTES_CAME, &f, 100))
            continue;
        if (f.channel == WF_LINK_PRESENCE)
            linked_send(&b, at_b, WF_LINK_PRESENCE, f.text);
        else
            atomic_fetch_add(&n_came, f.text.len);
    }
    return NULL;
}

/* Sends parts while the window allows; *io_waiting: what was not credited yet. */
static void send_parts(const char *part, size_t *io_waiting, size_t *io_sent)
{
    while (*io_waiting < WF_LINK_WINDOW_BYTES && *io_sent < SYNC_BYTES) {
        linked_send(&a, at_a, WF_LINK_SYNC, wf_str_n(part, PART_BYTES));
        *io_waiting += PART_BYTES;
        *io_sent += PART_BYTES;
    }
}

static double sync_mb_s(const char *part)
{
    size_t waiting = 0, sent = 0;
    struct wf_link_frame f;
    int64_t start_ns = wf_clock_mono_ns(NULL);

    while (sent < SYNC_BYTES) {
        send_parts(part, &waiting, &sent);
        if (linked_next(&a, WF_LINK_FRAME_CREDIT, &f, 1000))
            waiting -= f.number;
    }
    while (atomic_load(&n_came) < SYNC_BYTES)
        usleep(100);
    return (double)SYNC_BYTES / seconds_since(start_ns) / 1e6;
}

static int compare(const void *x, const void *y)
{
    double d = *(const double *)x - *(const double *)y;
    return d < 0 ? -1 : d > 0;
}

/* Round trips in microseconds; `part`: what is sent beside, or NULL. */
static void trips(const char *part, double *out, size_t n)
{
    size_t waiting = 0, sent = 0;
    struct wf_link_frame f;

    for (size_t i = 0; i < n; i++) {
        bool is_back = false;
        if (part != NULL) {
            sent = 0;
            send_parts(part, &waiting, &sent);
        }
        int64_t start_ns = wf_clock_mono_ns(NULL);
        linked_send(&a, at_a, WF_LINK_PRESENCE, WF_STR("cursor at 17, of 100 bytes or so"));
        while (!is_back) {
            if (!linked_any(&a, &f, 5000))
                fail("no answer");
            is_back = f.kind == WF_LINK_FRAME_BYTES_CAME;
            waiting -= f.kind == WF_LINK_FRAME_CREDIT && f.channel == WF_LINK_SYNC ? f.number : 0;
        }
        out[i] = seconds_since(start_ns) * 1e6;
    }
    qsort(out, n, sizeof(*out), compare);
}

static double cpu_s(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u); /* cannot fail */
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* Both ends of one connection do nothing. True: within the limits. */
static bool idle(unsigned seconds)
{
    const struct wf_tls_counts before = wf_tls_counts();
    double cpu = cpu_s(), bytes, share;

    sleep(seconds);
    cpu = cpu_s() - cpu;
    const struct wf_tls_counts after = wf_tls_counts();
    /* A ping or pong is a packet, and so is the answer of the kernel: at most two for each 25
     * bytes or so that are sent. Both directions count, once each. */
    bytes = (double)(after.out - before.out);
    bytes += bytes / 24 * 2 * PACKET_BYTES;
    bytes *= 60.0 / seconds;
    share = cpu / 2 / seconds;
    printf("idle: %.0f bytes a minute (must: under %.0f), %.4f%% of a core a side (must: under "
           "%.1f%%)\n",
           bytes, MUST_BYTES, share * 100, MUST_CPU * 100);
    return bytes < MUST_BYTES && share < MUST_CPU;
}

/* ---- a thousand ---- */

static double resident_kb(pid_t pid)
{
    char path[64], line[256] = "";
    unsigned long pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL ||
        sscanf(line, "%*u %lu", &pages) != 1)
        fail("no statm");
    (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void bare_seed(struct bare *c, unsigned i, int fd)
{
    uint8_t seed[32] = {0xee};

    memcpy(seed + 1, &i, sizeof(i));
    c->fd = fd;
    if (wf_tls_init(&c->tls, seed, judge, NULL) != 0 ||
        (c->s = wf_tls_session(&c->tls, fd, true, NULL)) == NULL)
        fail("no TLS");
}

/* Upgrade and hello, blindly. */
static void bare_hello(struct bare *c)
{
    static const char hello[] = "\0\1\1\1\0\0\0\0\0\0\0\0\5"
                                "0.0.0";
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {1}, mask[4] = {1, 2, 3, 4};
    struct wf_buf out;

    wf_buf_init(&out, 65536);
    (void)wf_ws_put_request(WF_STR("h"), nonce, &out); /* the end tells */
    (void)wf_ws_put(WF_WS_BINARY, mask, WF_STR(""), wf_str_n(hello, sizeof(hello) - 1), &out);
    if (wf_buf_status(&out) != 0 || SSL_write(c->s, out.ptr, (int)out.len) != (int)out.len)
        fail("no hello");
    wf_buf_deinit(&out);
}

/* Keys of all clients, made once more as the server has to know them. */
static void thousand_keys(uint8_t (*keys)[WF_LINK_KEY_BYTES], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct bare c;
        bare_seed(&c, i, -1);
        memcpy(keys[i], c.tls.key, WF_LINK_KEY_BYTES);
        SSL_free(c.s);
        wf_tls_deinit(&c.tls);
    }
}

static void thousand(void)
{
    const struct wf_transport_options o = {.accepts_of_address = 1000000};
    uint8_t(*keys)[WF_LINK_KEY_BYTES] = wf_alloc_array(N_IDLE, sizeof(*keys));
    struct bare *clients = wf_alloc_array(N_IDLE, sizeof(*clients));
    int ports[2], up[2];
    struct wf_link_frame f;
    uint16_t port = 0;
    char byte = 0;
    pid_t pid = -1;

    if (keys == NULL || clients == NULL || wf_file_open_max(2 * N_IDLE + 100) < N_IDLE + 100) {
        printf("1,000 idle connections: not tried, too few descriptors\n");
        return;
    }
    thousand_keys(keys, N_IDLE);
    if (pipe(ports) != 0 || pipe(up) != 0)
        fail("no pipe");
    pid = fork();
    if (pid < 0)
        fail("no process");
    if (pid == 0) {
        struct linked s;
        linked_start(&s, 3, true, &o);
        linked_allow(&s, (const uint8_t(*)[WF_LINK_KEY_BYTES])keys, N_IDLE);
        linked_dial(&s, 2, "no address", NULL);
        linked_expect(&s, WF_LINK_FRAME_DOWN);
        (void)!write(ports[1], &s.port, sizeof(s.port)); /* the parent fails, then */
        while (linked_next(&s, WF_LINK_FRAME_UP, &f, 60000))
            (void)!write(up[1], &byte, 1);
        _exit(0);
    }
    if (read(ports[0], &port, sizeof(port)) != (ssize_t)sizeof(port))
        fail("no server");
    double before_kb = resident_kb(pid);
    for (unsigned i = 0; i < N_IDLE; i++) {
        bare_seed(&clients[i], i, call(port));
        bare_shake(&clients[i]);
        bare_hello(&clients[i]);
        if (read(up[0], &byte, 1) != 1)
            fail("one did not come up");
    }
    double kb = resident_kb(pid) - before_kb;
    printf("%d idle connections: %.1f MB, %.1f kB each\n", N_IDLE, kb / 1024, kb / N_IDLE);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (unsigned i = 0; i < N_IDLE; i++)
        bare_close(&clients[i]);
    wf_free(clients);
    wf_free(keys);
}

int main(int argc, char **argv)
{
    const unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 60;
    char *part = wf_alloc_array(PART_BYTES, 1);
    double *us = wf_alloc_array(N_TRIPS, sizeof(*us)), floor, mb_s;
    pthread_t thread;
    bool ok;

    (void)signal(SIGPIPE, SIG_IGN); /* a valid signal: cannot fail */
    if (part == NULL || us == NULL)
        fail("no memory");
    thousand(); /* before there are threads here */
    floor = floor_mb_s();
    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    ok = idle(seconds > 0 ? seconds : 1);
    if (pthread_create(&thread, NULL, answer, NULL) != 0)
        fail("no thread");
    mb_s = sync_mb_s(part);
    printf("core to core: %.0f MB/s; bare TLS 1.3 (floor): %.0f MB/s; %.2f of it\n", mb_s, floor,
           mb_s / floor);
    trips(NULL, us, N_TRIPS);
    printf("round trip of a small message: p50 %.0f us, p95 %.0f us\n", us[N_TRIPS / 2],
           us[N_TRIPS * 95 / 100]);
    trips(part, us, N_LOADED);
    printf("the same beside a sync that fills the connection: p50 %.1f ms, p95 %.1f ms\n",
           us[N_LOADED / 2] / 1000, us[N_LOADED * 95 / 100] / 1000);
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    linked_stop(&a);
    linked_stop(&b);
    wf_free(us);
    wf_free(part);
    return ok ? 0 : 1;
}
