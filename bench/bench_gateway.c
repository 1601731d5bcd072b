/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway: chats a second through a running weft (HTTP, label, redaction, airlock's check, ledger,
 * HTTP out) to a provider on loopback that answers at once: 8 connections, prompts of 1.8 kB,
 * labels by patterns. Beside it the same without weft between. Client, weft and provider share the
 * machine.
 *
 * Must, on two cores: 8,000 a second; added p50 1 ms, p99 5 ms.
 *
 *   bench_gateway [SECONDS]   5 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "daemon/home.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "route/engines.h"
#include "support/recorder.h"

#define N_CLIENTS 8
#define PROMPT_BYTES 1800
#define SAMPLES_MAX 200000
#define MUST_PER_S 8000.0
#define MUST_P50_MS 1.0
#define MUST_P99_MS 5.0
#define SKIPPED 77

struct client {
    pthread_t thread;
    uint16_t port;
    struct wf_str request;
    int64_t until_ns;
    double *ms; /* [n] of each chat */
    size_t n, n_failed;
};

static char dir[] = "/tmp/weft-bench-XXXXXX";
static pid_t weft_pid;

static void clean_up(void)
{
    char command[64];

    if (weft_pid > 0) {
        (void)kill(weft_pid, SIGTERM); /* it may be gone */
        (void)waitpid(weft_pid, NULL, 0);
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0)
        (void)fprintf(stderr, "bench_gateway: %s stays\n", dir);
}

WF_NORETURN static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_gateway: %s\n", what);
    clean_up();
    exit(EXIT_FAILURE);
}

/* ---- one client ---- */

static int call_port(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        wf_file_close(&fd);
    return fd;
}

/* Reads one answer with its length; its status, 0 when the connection broke. */
static int read_answer(int fd, struct wf_buf *b)
{
    wf_buf_reset(b);
    for (;;) {
        const char *end = memmem(b->ptr, b->len, "\r\n\r\n", 4), *length;
        if (end != NULL) {
            size_t head = (size_t)(end - b->ptr) + 4, body;
            length = strcasestr(b->ptr, "content-length:");
            if (length == NULL || length > end)
                return 0;
            body = (size_t)strtoul(length + 15, NULL, 10);
            if (b->len >= head + body)
                return (int)strtol(b->ptr + 9, NULL, 10);
        }
        if (wf_buf_reserve(b, 16384) != 0)
            return 0;
        ssize_t n = recv(fd, b->ptr + b->len, 16384, 0);
        if (n <= 0)
            return 0;
        wf_buf_commit(b, (size_t)n);
    }
}

static void *work(void *ud)
{
    struct client *c = ud;
    struct wf_buf b;
    int fd = call_port(c->port);

    wf_buf_init(&b, (size_t)4 << 20);
    while (c->n < SAMPLES_MAX && wf_clock_mono_ns(NULL) < c->until_ns) {
        int64_t start_ns = wf_clock_mono_ns(NULL);
        bool sent =
            send(fd, c->request.ptr, c->request.len, MSG_NOSIGNAL) == (ssize_t)c->request.len;
        if (!sent || read_answer(fd, &b) != 200) {
            if (c->n_failed++ == 0)
                (void)fprintf(stderr, "bench_gateway: %.300s\n", b.ptr);
            wf_file_close(&fd);
            fd = call_port(c->port);
            if (c->n_failed > 10)
                break;
            continue;
        }
        c->ms[c->n++] = (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-6;
    }
    wf_file_close(&fd);
    wf_buf_deinit(&b);
    return NULL;
}

/* ---- a run ---- */

struct figures {
    double per_s, p50_ms, p99_ms;
    size_t n_failed;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static struct figures run(uint16_t port, struct wf_str request, double seconds)
{
    static struct client clients[N_CLIENTS];
    static double *all;
    struct figures f = {0};
    size_t n = 0;

    if (all == NULL)
        all = wf_alloc_array((size_t)N_CLIENTS * SAMPLES_MAX, 2 * sizeof(*all));
    if (all == NULL)
        fail("no memory");
    for (size_t i = 0; i < N_CLIENTS; i++) {
        clients[i] = (struct client){.port = port, .request = request};
        clients[i].ms = all + (N_CLIENTS + i) * SAMPLES_MAX;
        clients[i].until_ns = wf_clock_mono_ns(NULL) + (int64_t)(seconds * 1e9);
        if (pthread_create(&clients[i].thread, NULL, work, &clients[i]) != 0)
            fail("no thread");
    }
    for (size_t i = 0; i < N_CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        memcpy(all + n, clients[i].ms, clients[i].n * sizeof(*all));
        n += clients[i].n;
        f.n_failed += clients[i].n_failed;
    }
    if (n == 0)
        fail("no chat went through");
    qsort(all, n, sizeof(*all), by_value);
    f.per_s = (double)n / seconds;
    f.p50_ms = all[n / 2];
    f.p99_ms = all[n * 99 / 100];
    return f;
}

/* ---- what is measured ---- */

static void make_request(uint16_t port, const char *model, const char *token, struct wf_buf *out)
{
    static const char words[] = "The garden needs water in the morning and shade at noon, and the "
                                "old wall keeps the warmth of the day for the night. ";
    struct wf_buf body;

    wf_buf_init(&body, 100000);
    (void)wf_buf_appendf(&body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"",
                         model);
    while (body.len < PROMPT_BYTES)
        (void)wf_buf_append_cstr(&body, words);
    (void)wf_buf_append_cstr(&body, "\"}]}");
    (void)wf_buf_appendf(out,
                         "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                         "Authorization: Bearer %s\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                         port, token, body.len);
    if (wf_buf_append_str(out, wf_buf_str(&body)) != 0)
        fail("no memory");
    wf_buf_deinit(&body);
}

static void add_engine(const struct wf_home *home, uint16_t port)
{
    const char *const models[] = {"small"};
    char url[64];
    const struct wf_engine_entry e = {.name = "stub",
                                      .protocol = WF_PROTOCOL_OPENAI,
                                      .url = url,
                                      .provider = "stub",
                                      .tier = WF_TIER_PROVIDER,
                                      .clearance = WF_LABEL_INTERNAL,
                                      .models = models,
                                      .n_models = 1};
    struct wf_err err = WF_ERR_INIT;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", port);
    if (wf_home_create(home, &err) != 0 || wf_engines_put(home->engines, &e, false, &err) != 0)
        fail(err.msg);
}

/* Starts the program; its port and token. */
static uint16_t start_weft(const struct wf_home *home, char token[WF_TOKEN_HEX_LEN + 1])
{
    int fds[2];
    char said[4096];
    size_t n = 0;
    ssize_t got;

    if (pipe(fds) != 0)
        fail("no pipe");
    weft_pid = fork();
    if (weft_pid == 0) {
        char *const argv[] = {(char *)(uintptr_t) "weft",
                              (char *)(uintptr_t) "--home",
                              (char *)(uintptr_t)home->dir,
                              (char *)(uintptr_t) "up",
                              (char *)(uintptr_t) "--port",
                              (char *)(uintptr_t) "0",
                              (char *)(uintptr_t) "--lens",
                              (char *)(uintptr_t) "off",
                              NULL};
        if (dup2(fds[1], STDOUT_FILENO) >= 0)
            execv("build/weft", argv);
        _exit(1);
    }
    close(fds[1]);
    said[0] = '\0';
    while (strstr(said, "/open/") == NULL && n + 1 < sizeof(said) &&
           (got = read(fds[0], said + n, sizeof(said) - 1 - n)) > 0)
        said[n += (size_t)got] = '\0';
    const char *at = strstr(said, "127.0.0.1:");
    if (at == NULL || wf_home_token(home, token, NULL) != 0)
        fail("weft does not start");
    return (uint16_t)strtoul(at + 10, NULL, 10);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
    const struct recorder_options ro = {.says = "Yes."};
    char token[WF_TOKEN_HEX_LEN + 1] = "";
    struct recorder *stub;
    struct wf_home home;
    struct wf_buf direct, through;

    if (!wf_sandbox_support().seccomp || access("build/weft", X_OK) != 0) {
        printf("no sandbox, or no program in build/: skipped\n");
        return SKIPPED;
    }
    if (mkdtemp(dir) == NULL || wf_home_init(&home, dir, NULL) != 0)
        fail("no folder");
    stub = recorder_start(&ro);
    add_engine(&home, recorder_port(stub));
    uint16_t port = start_weft(&home, token);
    wf_buf_init(&direct, 100000);
    wf_buf_init(&through, 100000);
    make_request(recorder_port(stub), "small", "none", &direct);
    make_request(port, "stub/small", token, &through);
    struct figures d = run(recorder_port(stub), wf_buf_str(&direct), seconds / 2);
    (void)run(port, wf_buf_str(&through), 1); /* warm */
    struct figures t = run(port, wf_buf_str(&through), seconds);
    double p50 = t.p50_ms - d.p50_ms, p99 = t.p99_ms - d.p99_ms;
    printf("the provider alone     %8.0f a second  p50 %6.2f ms  p99 %6.2f ms\n", d.per_s, d.p50_ms,
           d.p99_ms);
    printf("through weft           %8.0f a second  p50 %6.2f ms  p99 %6.2f ms  %zu failed\n",
           t.per_s, t.p50_ms, t.p99_ms, t.n_failed);
    printf(
        "must                   %8.0f a second  added p50 %.2f ms (must %.0f)  added p99 %.2f ms "
        "(must %.0f)\n",
        MUST_PER_S, p50, MUST_P50_MS, p99, MUST_P99_MS);
    bool ok = t.per_s >= MUST_PER_S && p50 <= MUST_P50_MS && p99 <= MUST_P99_MS && t.n_failed == 0;
    wf_buf_deinit(&direct);
    wf_buf_deinit(&through);
    recorder_stop(stub);
    clean_up();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
