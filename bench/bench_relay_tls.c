/* SPDX-License-Identifier: Apache-2.0 */
/* A relay over connections: 1,000 devices, each with a TLS 1.3 WebSocket connection of its own to
 * the transport that the process link runs, which hands frames to a relay without keys, as in the
 * product; the two are threads of one process here, so that its processor time and memory are those
 * of link and core together. Devices are in spaces of four; each writes two batches a second, so
 * that 2,000 come in and 6,000 go out in a second, and says of each that came that it has it.
 * bench_relay has the relay alone, and the floor.
 *
 * Must: 2,000 batches/s with less than a second of processor time a second, under 256 MB.
 *
 *   bench_relay_tls [DIR]   where to write (a real disk): . */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/sharing_machine.h"
#include "mesh/tls.h"
#include "mesh/ws.h"
#include "os/file.h"
#include "store/store.h"
#include "support/linked.h"
#include "support/relayed.h"

#define N_ALL (RELAYED_DEVICES + 1) /* and the owner, who gives the passes */
#define RATE 2000u
#define SECONDS 8u
#define N_RUNS 3u
#define N_BATCHES (RATE * SECONDS)
#define CONTENT_BYTES 200
#define MORE 0x80u /* of a piece: another follows */
#define FRAMES_A_STEP 512u
#define MUST_CORE 1.0
#define MUST_MB 256.0

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

/* ---- the relay's process ---- */

static struct linked server;
static size_t waiting[4096]; /* of a connection, by its odd number; it never comes to be more */
static bool is_full[4096];
static uint64_t first_id;

static size_t place_of(uint64_t peer)
{
    if (first_id == 0)
        first_id = peer;
    const size_t k = (size_t)((peer - first_id) / 2);
    if (k >= WF_ARRAY_LEN(waiting))
        relayed_fail("too many connections");
    return k;
}

static int relay_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    const size_t k = place_of(peer);

    (void)ud;
    if (waiting[k] >= WF_LINK_WINDOW_BYTES) {
        is_full[k] = true;
        return wf_err_set(err, WF_E_BUSY, "full");
    }
    waiting[k] += bytes.len;
    linked_send(&server, peer, WF_LINK_SYNC, bytes);
    return 0;
}

static void relay_close(void *ud, uint64_t peer)
{
    (void)ud;
    linked_close(&server, peer);
}

static void take_frame(struct wf_sharing *s, const struct wf_link_frame *f, int up_fd)
{
    const char byte = 0;

    if (f->kind == WF_LINK_FRAME_UP) {
        wf_sharing_machine_up(s, f->peer, f->key);
        (void)!write(up_fd, &byte, 1); /* the other side fails, then */
    } else if (f->kind == WF_LINK_FRAME_BYTES_CAME) {
        wf_sharing_machine_bytes(s, f->peer, f->text);
    } else if (f->kind == WF_LINK_FRAME_DOWN) {
        wf_sharing_machine_down(s, f->peer);
    } else if (f->kind == WF_LINK_FRAME_CREDIT) {
        const size_t k = place_of(f->peer);
        waiting[k] -= f->number;
        if (is_full[k] && waiting[k] < WF_LINK_WINDOW_BYTES) {
            is_full[k] = false;
            wf_sharing_machine_room(s, f->peer);
        }
    }
}

static bool has_frames(void)
{
    struct pollfd p = {.fd = server.core_fd, .events = POLLIN};

    return server.in.len > server.taken || poll(&p, 1, 0) > 0;
}

/* Serves until it is killed. */
static void serve(const char *dir, int port_fd, int up_fd)
{
    struct wf_sharing_options o = {.device = &relayed_relay, .devices = relayed_list};
    const struct wf_sharing_link link = {.send = relay_send, .close = relay_close};
    const struct wf_transport_options t = {.accepts_of_address = 1000000};
    static uint8_t keys[N_ALL][WF_LINK_KEY_BYTES];
    struct wf_sharing *s = NULL;
    struct wf_link_frame f;
    int64_t until_ns = 0;

    for (unsigned i = 0; i < N_ALL; i++)
        memcpy(keys[i], relayed[i].transport, WF_LINK_KEY_BYTES);
    if (wf_store_open(dir, NULL, &o.store, NULL) != 0 ||
        wf_sharing_machine_new(&o, &link, &s, NULL) != 0)
        relayed_fail("no relay");
    wf_sharing_machine_listed(s);
    linked_start(&server, 3, true, &t);
    linked_allow(&server, (const uint8_t(*)[WF_LINK_KEY_BYTES])keys, N_ALL);
    linked_dial(&server, 2, "no address", NULL); /* that the keys were taken */
    linked_expect(&server, WF_LINK_FRAME_DOWN);
    (void)!write(port_fd, &server.port, sizeof(server.port));
    for (;;) {
        const int64_t left_ns = until_ns - wf_clock_mono_ns(NULL);
        int wait_ms = left_ns > 0 ? (int)(left_ns / 1000000) : 0;
        for (unsigned n = 0; n < FRAMES_A_STEP && (n == 0 || has_frames()); n++) {
            if (!linked_any(&server, &f, n == 0 ? wait_ms : 0))
                break;
            take_frame(s, &f, up_fd);
        }
        until_ns = wf_sharing_machine_step(s);
    }
}

/* ---- devices: this process ---- */

struct client {
    struct wf_tls tls;
    SSL *s;
    int fd;
    struct wf_buf in, whole, out;
    bool is_open; /* the server's answer has come */
};

static struct client clients[N_ALL];
static int epoll_fd;
static int64_t sent_ns[N_BATCHES];
static double ms[N_BATCHES * RELAYED_GROUP];
static size_t n_ms;
static uint64_t base;

static enum wf_link_reason judge(void *ud, const uint8_t *key)
{
    (void)ud;
    return key != NULL ? WF_LINK_CLOSED : WF_LINK_MALFORMED;
}

static int call(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        relayed_fail("no connection");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower, else */
    return fd;
}

static void write_out(struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};

    for (size_t at = 0; at < c->out.len;) {
        int n = SSL_write(c->s, c->out.ptr + at, (int)WF_MIN(c->out.len - at, (size_t)16384));
        if (n > 0)
            at += (size_t)n;
        else if (poll(&p, 1, 10000) <= 0)
            relayed_fail("the relay reads nothing");
    }
    wf_buf_reset(&c->out);
}

/* A message of at most a piece, in a frame of a client's. */
static void put(struct client *c, unsigned channel, struct wf_str message)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    const char head = (char)channel;

    if (wf_ws_put(WF_WS_BINARY, mask, wf_str_n(&head, 1), message, &c->out) != 0)
        relayed_fail("too long a message");
}

static void open_one(struct client *c, unsigned i, uint16_t port)
{
    static const char hello[] = "\1\1\1\0\0\0\0\0\0\0\0\5"
                                "0.0.0";
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {1};
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(&c->in, 4 << 20);
    wf_buf_init(&c->whole, 4 << 20);
    wf_buf_init(&c->out, 4 << 20);
    c->fd = call(port);
    if (wf_tls_init(&c->tls, relayed[i].seed, judge, &err) != 0 ||
        (c->s = wf_tls_session(&c->tls, c->fd, true, c)) == NULL)
        relayed_fail(err.code != 0 ? err.msg : "no session of TLS");
    while (SSL_do_handshake(c->s) != 1) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, 10000) <= 0)
            relayed_fail("no handshake");
    }
    (void)wf_ws_put_request(WF_STR("h"), nonce, &c->out);
    put(c, WF_LINK_CONTROL, wf_str_n(hello, sizeof(hello) - 1));
    write_out(c);
}

static void connect_all(uint16_t port, int up_fd)
{
    struct wf_buf b;
    size_t second;
    char byte;

    wf_buf_init(&b, 1 << 20);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned k = 0; k < N_ALL; k++) {
        const unsigned i = (k + RELAYED_DEVICES) % N_ALL; /* the owner first */
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        open_one(&clients[i], i, port);
        if (read(up_fd, &byte, 1) != 1)
            relayed_fail("one did not come up");
        wf_buf_reset(&b);
        relayed_hello(i, &b, &second);
        put(&clients[i], WF_LINK_SYNC, wf_str_sub(wf_buf_str(&b), 0, second));
        put(&clients[i], WF_LINK_SYNC, wf_str_sub(wf_buf_str(&b), second, b.len));
        for (unsigned g = 0; k == 0 && g < RELAYED_GROUPS; g++) {
            wf_buf_reset(&b);
            relayed_pass(g, &b);
            put(&clients[i], WF_LINK_SYNC, wf_buf_str(&b));
        }
        write_out(&clients[i]);
        if (fcntl(clients[i].fd, F_SETFL, O_NONBLOCK) != 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &e) != 0)
            relayed_fail("no epoll");
    }
    wf_buf_deinit(&b);
}

static int64_t *sent_at(unsigned device, uint64_t number)
{
    return &sent_ns[device + RELAYED_DEVICES *
                                 (size_t)((number - base - 1) % (N_BATCHES / RELAYED_DEVICES))];
}

static void note(unsigned from, uint64_t number)
{
    if (n_ms < WF_ARRAY_LEN(ms))
        ms[n_ms++] = seconds_since(*sent_at(from, number)) * 1e3;
}

static void take_message(unsigned i, struct wf_str message)
{
    struct wf_sync_message m;
    struct wf_buf out;

    if (wf_sync_message_read(message, &m, NULL) != 0)
        relayed_fail("no message came");
    if (m.kind != WF_SYNC_BATCHES)
        return;
    wf_buf_init(&out, 1 << 20);
    relayed_answer(i, &m, &out, note);
    put(&clients[i], WF_LINK_SYNC, wf_buf_str(&out));
    wf_buf_deinit(&out);
}

static void take_piece(unsigned i, struct wf_str piece)
{
    struct client *c = &clients[i];
    const unsigned head = piece.len > 0 ? (uint8_t)piece.ptr[0] : 0;

    if ((head & ~MORE) != WF_LINK_SYNC)
        return;
    if (wf_buf_append_str(&c->whole, wf_str_sub(piece, 1, piece.len)) != 0)
        relayed_fail("no memory");
    if ((head & MORE) != 0)
        return;
    take_message(i, wf_buf_str(&c->whole));
    wf_buf_reset(&c->whole);
}

/* All frames that are whole. */
static void parse(unsigned i)
{
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {1};
    struct client *c = &clients[i];
    struct wf_ws_frame f;
    size_t at = 0, n = 1;

    while (n > 0) {
        const struct wf_str rest = wf_str_sub(wf_buf_str(&c->in), at, c->in.len);
        n = 0;
        if (!c->is_open) {
            if (wf_ws_check_answer(rest, nonce, &n) != 0)
                relayed_fail("no answer of a WebSocket");
            c->is_open = n > 0;
        } else if (wf_ws_next(rest, false, &f, &n) != 0) {
            relayed_fail("no frame came");
        } else if (n > 0 && f.op == WF_WS_BINARY) {
            take_piece(i, wf_str_sub(rest, f.at, f.at + f.len));
        } else if (n > 0 && f.op == WF_WS_CLOSE) {
            relayed_fail("the relay hung up");
        }
        at += n;
    }
    wf_buf_consume(&c->in, at);
}

static void read_one(unsigned i)
{
    struct client *c = &clients[i];
    int n;

    do {
        if (wf_buf_reserve(&c->in, 16384) != 0)
            relayed_fail("no memory");
        n = SSL_read(c->s, c->in.ptr + c->in.len, 16384);
        if (n > 0)
            wf_buf_commit(&c->in, (size_t)n);
    } while (n > 0);
    if (SSL_get_error(c->s, n) != SSL_ERROR_WANT_READ)
        relayed_fail("a connection is lost");
    parse(i);
    if (c->out.len > 0)
        write_out(c);
}

static void read_all(int wait_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll_fd, events, 256, wait_ms);

    for (int k = 0; k < n; k++)
        read_one(events[k].data.u32);
}

/* ---- figures ---- */

struct used {
    double cpu_s, mb;
};

static struct used used_by(pid_t pid)
{
    unsigned long user = 0, system_ = 0, pages = 0;
    struct used u = {0, 0};
    char path[64];
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user, &system_) != 2)
        relayed_fail("no stat");
    (void)fclose(file);
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        relayed_fail("no statm");
    (void)fclose(file);
    u.cpu_s = (double)(user + system_) / (double)sysconf(_SC_CLK_TCK);
    u.mb = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
    return u;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, double *out_least, double *out_most)
{
    qsort(v, N_RUNS, sizeof(*v), compare);
    *out_least = v[0];
    *out_most = v[N_RUNS - 1];
    return v[N_RUNS / 2];
}

/* Batches at the rate, until all have arrived at the others; what the relay used of a core. */
static double run(pid_t pid, double *out_p50, double *out_p95)
{
    static size_t ends[N_BATCHES];
    struct wf_buf batches;
    struct used before;
    int64_t start_ns;
    unsigned k = 0;

    base = relayed[0].number;
    n_ms = 0;
    wf_buf_init(&batches, SIZE_MAX);
    for (unsigned i = 0; i < N_BATCHES; i++) {
        relayed_batch(i % RELAYED_DEVICES, CONTENT_BYTES, &batches);
        ends[i] = batches.len;
    }
    before = used_by(pid);
    start_ns = wf_clock_mono_ns(NULL);
    while (n_ms < (size_t)N_BATCHES * (RELAYED_GROUP - 1)) {
        if (seconds_since(start_ns) > 10.0 * SECONDS)
            relayed_fail("not all batches arrived");
        for (; k < N_BATCHES && k < seconds_since(start_ns) * RATE; k++) {
            const unsigned i = k % RELAYED_DEVICES;
            *sent_at(i, base + 1 + k / RELAYED_DEVICES) = wf_clock_mono_ns(NULL);
            put(&clients[i], WF_LINK_SYNC,
                wf_str_sub(wf_buf_str(&batches), k == 0 ? 0 : ends[k - 1], ends[k]));
            write_out(&clients[i]);
        }
        read_all(1);
    }
    wf_buf_deinit(&batches);
    const double took_s = seconds_since(start_ns);
    qsort(ms, n_ms, sizeof(*ms), compare);
    *out_p50 = ms[n_ms / 2];
    *out_p95 = ms[n_ms * 95 / 100];
    return (used_by(pid).cpu_s - before.cpu_s) / took_s;
}

static bool figures(pid_t pid, double before_mb)
{
    double core[N_RUNS], p50[N_RUNS], p95[N_RUNS], low, high, mid, mb = used_by(pid).mb;
    bool good;

    printf("%u TLS connections: %.0f MB resident, %.0f before\n", N_ALL, mb, before_mb);
    for (unsigned k = 0; k < N_RUNS; k++)
        core[k] = run(pid, &p50[k], &p95[k]);
    mid = median(core, &low, &high);
    printf("%u batches/s in, %u/s out: link and core together %.2f of a core (%.2f to %.2f; must: "
           "under %.2f)\n",
           RATE, RATE * (RELAYED_GROUP - 1), mid, low, high, MUST_CORE);
    good = mid < MUST_CORE;
    mid = median(p50, &low, &high);
    printf("on its way to another device: p50 %.1f ms (%.1f to %.1f), ", mid, low, high);
    mid = median(p95, &low, &high);
    printf("p95 %.1f ms (%.1f to %.1f)\n", mid, low, high);
    mb = used_by(pid).mb;
    printf("%.0f MB resident at the end (must: under %.0f)\n", mb, MUST_MB);
    return good && mb < MUST_MB;
}

int main(int argc, char **argv)
{
    char dir[200], command[260];
    int ports[2], up[2];
    uint16_t port = 0;
    double before_mb;
    bool good;
    pid_t pid = -1;

    (void)signal(SIGPIPE, SIG_IGN); /* a valid signal: cannot fail */
    (void)snprintf(dir, sizeof(dir), "%s/bench-relay-XXXXXX", argc > 1 ? argv[1] : ".");
    if (wf_file_open_max(2 * N_ALL + 100) < N_ALL + 100) {
        printf("not tried, too few descriptors\n");
        return 77;
    }
    relayed_make(true);
    if (mkdtemp(dir) == NULL || pipe(ports) != 0 || pipe(up) != 0 || (pid = fork()) < 0)
        relayed_fail("no folder, pipe or process");
    if (pid == 0) {
        serve(dir, ports[1], up[1]);
        _exit(1);
    }
    close(up[1]);
    close(ports[1]);
    if (read(ports[0], &port, sizeof(port)) != (ssize_t)sizeof(port))
        relayed_fail("no relay");
    before_mb = used_by(pid).mb;
    connect_all(port, up[0]);
    read_all(2000);
    good = figures(pid, before_mb);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0)
        relayed_fail("the folder stays");
    return good ? 0 : 1;
}
