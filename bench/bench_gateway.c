/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway: chats a second through a running weft (HTTP, label, redaction, airlock's check, ledger,
 * HTTP out) to a provider on loopback that answers at once: 8 connections, prompts of 1.8 kB,
 * labels by patterns, and by patterns and lens. Beside it the same without weft between, and
 * through another gateway. Client, gateway and provider share the machine.
 *
 * Must, on two cores: 8,000 a second; added p50 1 ms, p99 5 ms; over five million requests the
 * processes' memory stays as it is.
 *
 *   bench_gateway [SECONDS]                    5
 *   bench_gateway [SECONDS] --rival URL        with Portkey's gateway (npx @portkey-ai/gateway),
 * which listens there: http://127.0.0.1:8787/v1 bench_gateway [SECONDS] --lens FILE        with
 * that lens bench_gateway [SECONDS] --soak REQUESTS    so many, with the memory at each million */
#include <arpa/inet.h>
#include <dirent.h>
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
#define N_CLIENTS_SOAK 64 /* on a machine that does other things, too, these wait side by side */
#define PROMPT_BYTES 1800
#define SAMPLES_MAX 200000 /* of each of N_CLIENTS */
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
    size_t n, n_most, n_failed;
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
    while (c->n < c->n_most && wf_clock_mono_ns(NULL) < c->until_ns) {
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

static struct figures run_many(uint16_t port, struct wf_str request, double seconds,
                               size_t n_clients)
{
    static struct client clients[N_CLIENTS_SOAK];
    static double *all;
    const size_t n_all = (size_t)N_CLIENTS * SAMPLES_MAX, n_each = n_all / n_clients;
    struct figures f = {0};
    size_t n = 0;

    if (all == NULL)
        all = wf_alloc_array(n_all, 2 * sizeof(*all));
    if (all == NULL)
        fail("no memory");
    for (size_t i = 0; i < n_clients; i++) {
        clients[i] = (struct client){.port = port, .request = request, .n_most = n_each};
        clients[i].ms = all + n_all + i * n_each;
        clients[i].until_ns = wf_clock_mono_ns(NULL) + (int64_t)(seconds * 1e9);
        if (pthread_create(&clients[i].thread, NULL, work, &clients[i]) != 0)
            fail("no thread");
    }
    for (size_t i = 0; i < n_clients; i++) {
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

static struct figures run(uint16_t port, struct wf_str request, double seconds)
{
    return run_many(port, request, seconds, N_CLIENTS);
}

/* ---- memory ---- */

static bool holds_ledger(long pid)
{
    char name[64], to[512];

    for (int fd = 0; fd < 64; fd++) {
        snprintf(name, sizeof(name), "/proc/%ld/fd/%d", pid, fd);
        ssize_t n = readlink(name, to, sizeof(to) - 1);
        if (n > 0) {
            to[n] = 0;
            if (strstr(to, "/ledger/log") != NULL)
                return true;
        }
    }
    return false;
}

/* The number behind a word in /proc/PID/status; -1: none is there. */
static long status_of(long pid, const char *word)
{
    char name[64], text[4096];
    FILE *f;
    size_t n;
    const char *at;

    snprintf(name, sizeof(name), "/proc/%ld/status", pid);
    f = fopen(name, "re");
    if (f == NULL)
        return -1;
    n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f); /* only read */
    text[n] = 0;
    at = strstr(text, word);
    return at != NULL ? strtol(at + strlen(word), NULL, 10) : -1;
}

/* Resident kilobytes of core (the child with most threads) and airlock (which has the ledger). */
static void memory_of(long *out_core, long *out_airlock)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    long most = 0;

    *out_core = *out_airlock = -1;
    while (d != NULL && (e = readdir(d)) != NULL) {
        long pid = strtol(e->d_name, NULL, 10);
        if (pid <= 0 || status_of(pid, "PPid:") != (long)weft_pid)
            continue;
        if (holds_ledger(pid)) {
            *out_airlock = status_of(pid, "VmRSS:");
        } else if (status_of(pid, "Threads:") > most) {
            most = status_of(pid, "Threads:");
            *out_core = status_of(pid, "VmRSS:");
        }
    }
    if (d != NULL)
        (void)closedir(d); /* only read */
}

static int say_memory(size_t n, double per_s, size_t n_failed)
{
    long core, airlock;

    memory_of(&core, &airlock);
    printf("%10zu requests       %8.0f a second  core %6ld kB  airlock %6ld kB  %zu failed\n", n,
           per_s, core, airlock, n_failed);
    return fflush(stdout);
}

/* So many requests; false when some failed. */
static bool soak(uint16_t port, struct wf_str request, size_t n_wanted)
{
    size_t n = 0, n_failed = 0, next = 0;

    while (n < n_wanted) {
        struct figures f = run_many(port, request, 5, N_CLIENTS_SOAK);
        n += (size_t)(f.per_s * 5);
        n_failed += f.n_failed;
        if (n >= next) {
            (void)say_memory(n, f.per_s, n_failed); /* a closed stdout loses a line */
            next = next == 0 ? 100000 : next < 1000000 ? 1000000 : next + 1000000;
        }
    }
    (void)say_memory(n, 0, n_failed); /* likewise */
    return n_failed == 0;
}

/* ---- what is measured ---- */

/* more: further header lines. */
static void make_request(const char *path, uint16_t port, const char *model, const char *token,
                         const char *more, struct wf_buf *out)
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
                         "POST %s/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                         "Authorization: Bearer %s\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                         path, port, token, body.len, more);
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
static uint16_t start_weft(const struct wf_home *home, const char *lens,
                           char token[WF_TOKEN_HEX_LEN + 1])
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
                              (char *)(uintptr_t)lens,
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

struct options {
    double seconds;
    const char *rival; /* its address, to the "/v1"; NULL: none */
    const char *lens;  /* a file; NULL: patterns alone */
    size_t n_soak;
};

static struct options read_options(int argc, char **argv)
{
    struct options o = {.seconds = 5};

    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--rival") == 0 && has_value)
            o.rival = argv[++i];
        else if (strcmp(argv[i], "--lens") == 0 && has_value)
            o.lens = argv[++i];
        else if (strcmp(argv[i], "--soak") == 0 && has_value)
            o.n_soak = (size_t)strtoull(argv[++i], NULL, 10);
        else
            o.seconds = strtod(argv[i], NULL);
    }
    return o;
}

static void say(const char *what, const struct figures *f)
{
    printf("%-22s %8.0f a second  p50 %6.2f ms  p99 %6.2f ms  %zu failed\n", what, f->per_s,
           f->p50_ms, f->p99_ms, f->n_failed);
}

/* Portkey's gateway: where to go stands in headers. */
static void run_rival(const struct options *o, uint16_t stub, const struct figures *weft,
                      const struct figures *direct)
{
    const char *colon = strrchr(o->rival, ':'), *path = colon ? strchr(colon, '/') : NULL;
    uint16_t port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
    struct figures f;
    struct wf_buf request;
    char more[200];

    if (port == 0)
        fail("--rival wants http://127.0.0.1:PORT/v1");
    snprintf(more, sizeof(more),
             "x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:%u/v1\r\n",
             stub);
    wf_buf_init(&request, 100000);
    make_request(path ? path : "/v1", port, "small", "none", more, &request);
    (void)run(port, wf_buf_str(&request), 1); /* warm */
    f = run(port, wf_buf_str(&request), o->seconds);
    say("through the rival", &f);
    printf("ratio                  %8.1f times the rival's rate  its added p50 %.2f ms  p99 %.2f "
           "ms\n",
           weft->per_s / f.per_s, f.p50_ms - direct->p50_ms, f.p99_ms - direct->p99_ms);
    wf_buf_deinit(&request);
}

/* The figures, beside what they must be; false when they are not. */
static bool measure(const struct options *o, uint16_t stub, uint16_t port, struct wf_str through)
{
    struct wf_buf direct;
    struct figures d, t;

    wf_buf_init(&direct, 100000);
    make_request("/v1", stub, "small", "none", "", &direct);
    d = run(stub, wf_buf_str(&direct), o->seconds / 2);
    (void)run(port, through, 1); /* warm */
    t = run(port, through, o->seconds);
    double p50 = t.p50_ms - d.p50_ms, p99 = t.p99_ms - d.p99_ms;
    say("the provider alone", &d);
    say(o->lens ? "through weft and lens" : "through weft", &t);
    if (o->rival != NULL)
        run_rival(o, stub, &t, &d);
    wf_buf_deinit(&direct);
    if (o->lens != NULL)
        return t.n_failed == 0;
    printf(
        "must                   %8.0f a second  added p50 %.2f ms (must %.0f)  added p99 %.2f ms "
        "(must %.0f)\n",
        MUST_PER_S, p50, MUST_P50_MS, p99, MUST_P99_MS);
    return t.per_s >= MUST_PER_S && p50 <= MUST_P50_MS && p99 <= MUST_P99_MS && t.n_failed == 0;
}

int main(int argc, char **argv)
{
    const struct options o = read_options(argc, argv);
    const struct recorder_options ro = {.says = "Yes."};
    char token[WF_TOKEN_HEX_LEN + 1] = "";
    struct recorder *stub;
    struct wf_home home;
    struct wf_buf through;

    if (!wf_sandbox_support().seccomp || access("build/weft", X_OK) != 0) {
        printf("no sandbox, or no program in build/: skipped\n");
        return SKIPPED;
    }
    if (mkdtemp(dir) == NULL || wf_home_init(&home, dir, NULL) != 0)
        fail("no folder");
    stub = recorder_start(&ro);
    add_engine(&home, recorder_port(stub));
    uint16_t port = start_weft(&home, o.lens ? o.lens : "off", token);
    wf_buf_init(&through, 100000);
    make_request("/v1", port, "stub/small", token, "", &through);
    bool ok = o.n_soak > 0 ? soak(port, wf_buf_str(&through), o.n_soak)
                           : measure(&o, recorder_port(stub), port, wf_buf_str(&through));
    wf_buf_deinit(&through);
    recorder_stop(stub);
    clean_up();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
