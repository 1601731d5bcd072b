/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of link with real processes, behind their walls, over loopback: two nodes find,
 * lose and find each other; what is asked for before the process runs is done once it does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/link.h"
#include "mesh/link.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "os/thread.h"

#define WAIT_MS 20000

/* One node: core's side here, the process as a child. */
struct side {
    struct wf_home home;
    struct wf_config config;
    struct wf_link *link;
    int listen_fd;
    pid_t pid;
    uint8_t key[WF_LINK_KEY_BYTES];
    char address[64];
    /* what was called back */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic uint64_t peer; /* the last that came up; tests read it as they go */
    bool is_paired;
    unsigned n_up, n_down, n_room;
    enum wf_link_reason reason;
    struct wf_buf got;
};

static void on_up(void *ud, uint64_t peer, const uint8_t key[WF_LINK_KEY_BYTES], bool is_paired,
                  struct wf_str address)
{
    struct side *s = ud;
    (void)key;
    (void)address;
    pthread_mutex_lock(&s->lock);
    s->peer = peer;
    s->is_paired = is_paired;
    s->n_up++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_bytes(void *ud, uint64_t peer, unsigned channel, struct wf_str bytes)
{
    struct side *s = ud;
    (void)peer;
    (void)channel;
    pthread_mutex_lock(&s->lock);
    (void)wf_buf_append_str(&s->got, bytes);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_room(void *ud, uint64_t peer, unsigned channel)
{
    struct side *s = ud;
    (void)peer;
    (void)channel;
    pthread_mutex_lock(&s->lock);
    s->n_room++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_down(void *ud, uint64_t peer, enum wf_link_reason reason, struct wf_str words)
{
    struct side *s = ud;
    (void)peer;
    (void)words;
    pthread_mutex_lock(&s->lock);
    s->reason = reason;
    s->n_down++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Waits until the counter has at least n. */
static void wait_for(struct side *s, const unsigned *counter, unsigned n)
{
    int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)WAIT_MS * 1000000;
    pthread_mutex_lock(&s->lock);
    while (*counter < n && wf_clock_mono_ns(NULL) < until_ns) {
        struct timespec at = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
        pthread_cond_timedwait(&s->changed, &s->lock, &at);
    }
    assert_true(*counter >= n);
    pthread_mutex_unlock(&s->lock);
}

static void wait_bytes(struct side *s, size_t n)
{
    int64_t until_ns = wf_clock_mono_ns(NULL) + (int64_t)WAIT_MS * 1000000;
    pthread_mutex_lock(&s->lock);
    while (s->got.len < n && wf_clock_mono_ns(NULL) < until_ns) {
        struct timespec at = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
        pthread_cond_timedwait(&s->changed, &s->lock, &at);
    }
    assert_int_equal(s->got.len, n);
    pthread_mutex_unlock(&s->lock);
}

static uint16_t free_port(void)
{
    uint16_t port = 0;
    int fd = -1;
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &fd, &port, NULL), 0);
    wf_file_close(&fd);
    return port;
}

static void side_open(struct side *s)
{
    const struct wf_link_events all = {
        .up = on_up, .bytes = on_bytes, .room = on_room, .down = on_down, .ud = s};
    const struct wf_link_events pairing = {.bytes = on_bytes, .ud = s};
    struct wf_link_options o = {.listen_fd = -1, .supervisor = (long)getpid()};

    assert_int_equal(wf_sock_listen_unix(s->home.link_socket, &s->listen_fd, NULL), 0);
    o.listen_fd = s->listen_fd;
    o.wanted = s->home.link_wanted;
    o.addresses = s->home.link_addresses;
    assert_int_equal(wf_link_new(&o, &s->link, NULL), 0);
    wf_link_on(s->link, WF_LINK_SYNC, &all);
    wf_link_on(s->link, WF_LINK_PAIRING, &pairing);
}

static void side_new(struct side *s, bool listens)
{
    char dir[] = "/tmp/weft-test-XXXXXX";

    memset(s, 0, sizeof(*s));
    assert_non_null(mkdtemp(dir));
    assert_int_equal(wf_home_init(&s->home, dir, NULL), 0);
    assert_int_equal(wf_home_create(&s->home, NULL), 0);
    wf_config_init(&s->config);
    snprintf(s->config.link_host, sizeof(s->config.link_host), "127.0.0.1");
    s->config.link_port = listens ? free_port() : 0;
    snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", (int)s->config.link_port);
    pthread_mutex_init(&s->lock, NULL);
    wf_cond_init(&s->changed);
    wf_buf_init(&s->got, 64u << 20);
    side_open(s);
}

/* What the supervisor does: starts the process when the file asks for it. */
static void process_start(struct side *s)
{
    const struct wf_link_process_options o = {.home = &s->home, .config = &s->config};
    int fd = -1;

    for (int i = 0; access(s->home.link_wanted, F_OK) != 0; i++) {
        assert_true(i < WAIT_MS);
        usleep(1000);
    }
    assert_int_equal(wf_sock_connect_unix(s->home.link_socket, &fd, NULL), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) { /* with no end of the others' connections, which it would keep open */
        int own = dup2(fd, 3);
        _exit(own != 3 || close_range(4, ~0u, 0) != 0 ? 1 : wf_link_process_run(&o, own));
    }
    wf_file_close(&fd);
}

static int process_stop(struct side *s, int sig)
{
    int status = 0;
    kill(s->pid, sig);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    return status;
}

static void side_free(struct side *s)
{
    char command[WF_LIMIT_PATH_BYTES + 16];
    pid_t pid;

    wf_link_free(s->link);
    wf_file_close(&s->listen_fd);
    wf_buf_deinit(&s->got);
    snprintf(command, sizeof(command), "%s", s->home.dir);
    pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

static void key_of(struct side *s)
{
    assert_int_equal(wf_link_key(s->link, s->key, WAIT_MS, NULL), 0);
}

static void allow(struct side *s, const struct side *other)
{
    wf_link_allow(s->link, (const uint8_t(*)[WF_LINK_KEY_BYTES])other->key, 1);
}

static void skip_without_walls(void)
{
    if (!wf_sandbox_support().seccomp)
        skip();
}

/* Both processes run, keys are known, nothing is paired. */
static void start_two(struct side *a, struct side *b)
{
    skip_without_walls();
    side_new(a, false);
    side_new(b, true);
    assert_int_not_equal(access(a->home.link_wanted, F_OK), 0); /* off, unless asked for */
    wf_link_pairing(a->link, true);
    wf_link_pairing(b->link, true);
    process_start(a);
    process_start(b);
    key_of(a);
    key_of(b);
}

static void stop_two(struct side *a, struct side *b)
{
    assert_int_equal(process_stop(a, SIGTERM), 0);
    assert_int_equal(process_stop(b, SIGTERM), 0);
    side_free(a);
    side_free(b);
}

static void pair_two(struct side *a, struct side *b)
{
    allow(a, b);
    allow(b, a);
    wf_link_address(a->link, b->key, wf_str_from(b->address));
    wait_for(a, &a->n_up, 1);
    wait_for(b, &b->n_up, 1);
    assert_true(a->is_paired && b->is_paired);
}

static void test_link__paired_nodes_find_each_other(void **state)
{
    (void)state;
    struct side a, b;
    struct stat st;
    char path[WF_LIMIT_PATH_BYTES + 8];

    start_two(&a, &b);
    snprintf(path, sizeof(path), "%s/key", a.home.link);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    pair_two(&a, &b);
    assert_int_equal(wf_link_send(a.link, a.peer, WF_LINK_SYNC, WF_STR("batch"), NULL), 0);
    wait_bytes(&b, 5);
    assert_int_equal(wf_link_send(b.link, b.peer, WF_LINK_SYNC, WF_STR("and back"), NULL), 0);
    wait_bytes(&a, 8);
    assert_int_equal(wf_link_send(a.link, a.peer + 100, WF_LINK_SYNC, WF_STR("x"), NULL),
                     WF_E_NOENT);
    assert_int_equal(wf_link_send(a.link, a.peer, WF_LINK_CONTROL, WF_STR("x"), NULL), WF_E_LIMIT);
    stop_two(&a, &b);
}

static void test_link__a_process_that_dies_is_replaced_and_finds_back(void **state)
{
    (void)state;
    struct side a, b;

    start_two(&a, &b);
    pair_two(&a, &b);
    process_stop(&a, SIGKILL);
    wait_for(&a, &a.n_down, 1);
    assert_int_equal(a.reason, WF_LINK_DIED);
    wait_for(&b, &b.n_down, 1);
    process_start(&a);
    wait_for(&a, &a.n_up, 2);
    wait_for(&b, &b.n_up, 2);
    /* The other one, too: a dials again by itself. */
    process_stop(&b, SIGKILL);
    wait_for(&a, &a.n_down, 2);
    process_start(&b);
    wait_for(&a, &a.n_up, 3);
    stop_two(&a, &b);
}

static void test_link__a_core_that_starts_anew_remembers_where(void **state)
{
    (void)state;
    struct side a, b;

    start_two(&a, &b);
    pair_two(&a, &b);
    wf_link_free(a.link);
    wf_file_close(&a.listen_fd);
    assert_int_equal(waitpid(a.pid, NULL, 0), a.pid); /* its core has gone */
    wait_for(&b, &b.n_down, 1);
    side_open(&a);
    allow(&a, &b); /* and no address is told */
    process_start(&a);
    wait_for(&a, &a.n_up, 2);
    stop_two(&a, &b);
}

static void test_link__a_dial_waits_for_the_process(void **state)
{
    (void)state;
    struct side a, b;
    uint64_t peer = 0;
    const struct wf_link_events pairing = {
        .up = on_up, .bytes = on_bytes, .down = on_down, .ud = &a};

    skip_without_walls();
    side_new(&a, false);
    side_new(&b, true);
    wf_link_pairing(b.link, true);
    process_start(&b);
    key_of(&b);
    wf_link_on(a.link, WF_LINK_PAIRING, &pairing);
    assert_int_equal(wf_link_dial(a.link, WF_STR("no address"), NULL, &peer, NULL), WF_E_INVAL);
    assert_int_equal(wf_link_dial(a.link, wf_str_from(b.address), NULL, &peer, NULL), 0);
    process_start(&a); /* the dial asks for it */
    wait_for(&a, &a.n_up, 1);
    assert_true(a.peer == peer && !a.is_paired);
    assert_int_equal(wf_link_send(a.link, peer, WF_LINK_SYNC, WF_STR("x"), NULL), WF_E_DENIED);
    assert_int_equal(wf_link_send(a.link, peer, WF_LINK_PAIRING, WF_STR("commit"), NULL), 0);
    wait_bytes(&b, 6);
    wf_link_close(a.link, peer);
    wait_for(&a, &a.n_down, 1);
    assert_int_equal(a.reason, WF_LINK_ENDED_HERE);
    stop_two(&a, &b);
}

static void test_link__a_slow_reader_is_waited_for(void **state)
{
    (void)state;
    struct side a, b;
    char *bytes = wf_alloc_array(256u << 10, 1);
    size_t sent = 0;
    int rc = 0;

    assert_non_null(bytes);
    start_two(&a, &b);
    pair_two(&a, &b);
    pthread_mutex_lock(&b.lock); /* b's callbacks wait: nothing is taken */
    while (rc == 0 && sent < (size_t)50 << 20) {
        rc = wf_link_send(a.link, a.peer, WF_LINK_SYNC, wf_str_n(bytes, 256u << 10), NULL);
        sent += rc == 0 ? 256u << 10 : 0;
    }
    pthread_mutex_unlock(&b.lock);
    assert_int_equal(rc, WF_E_BUSY);
    wait_for(&a, &a.n_room, 1);
    wait_bytes(&b, sent);
    wf_free(bytes);
    stop_two(&a, &b);
}

/* The process ends when core cannot tell it something; then it is started again, as the supervisor
 * does. */
static void keep_running(struct side *s)
{
    if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
        process_start(s);
}

/* The n-th allocation of core's side fails while messages, dials and keys are on their way: what
 * fails is told, and in the end both are connected. */
static void test_link__any_allocation_may_fail(void **state)
{
    (void)state;
    struct side a, b;
    uint64_t peer = 0;
    bool is_there = false;
    size_t came;

    start_two(&a, &b);
    pair_two(&a, &b);
    for (uint64_t n = 1; n < 16; n++) {
        wf_alloc_fail_at(n);
        (void)!wf_link_send(a.link, a.peer, WF_LINK_SYNC, WF_STR("perhaps"), NULL);
        (void)!wf_link_dial(a.link, wf_str_from(b.address), b.key, &peer, NULL);
        allow(&a, &b);
        json_decref(wf_link_status(a.link));
        wf_alloc_fail_at(0);
        allow(&a, &b);
        usleep(5000);
        keep_running(&a);
        keep_running(&b);
    }
    wf_link_address(a.link, b.key, wf_str_from(b.address));
    pthread_mutex_lock(&b.lock);
    came = b.got.len;
    pthread_mutex_unlock(&b.lock);
    for (int i = 0; !is_there; i++) {
        assert_true(i < WAIT_MS / 10);
        keep_running(&a);
        keep_running(&b);
        pthread_mutex_lock(&a.lock);
        peer = a.peer;
        pthread_mutex_unlock(&a.lock);
        (void)!wf_link_send(a.link, peer, WF_LINK_SYNC, WF_STR("surely"), NULL);
        usleep(10000);
        pthread_mutex_lock(&b.lock);
        is_there = b.got.len > came;
        pthread_mutex_unlock(&b.lock);
    }
    stop_two(&a, &b);
}

/* The text of a status at the path. */
static const char *text_at(const json_t *v, const char *list, const char *name)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(v, list), 0), name));
}

static void test_link__its_status_says_why_not(void **state)
{
    (void)state;
    struct side a, b;
    json_t *v;

    start_two(&a, &b);
    allow(&a, &b); /* b does not know a */
    wf_link_pairing(a.link, false);
    wf_link_pairing(b.link, false);
    wf_link_address(a.link, b.key, wf_str_from(b.address));
    for (int i = 0;; i++) {
        assert_true(i < WAIT_MS / 10);
        v = wf_link_status(a.link);
        if (text_at(v, "peers", "reason") != NULL)
            break;
        json_decref(v);
        usleep(10000);
    }
    assert_string_equal(text_at(v, "peers", "reason"), "not_paired");
    assert_string_equal(text_at(v, "peers", "state"), "waiting");
    assert_string_equal(json_string_value(json_object_get(v, "state")), "on");
    assert_string_equal(json_string_value(json_object_get(v, "listening")),
                        "switched off (link_port = 0)");
    json_decref(v);
    v = wf_link_status(b.link);
    assert_string_equal(text_at(v, "knocks", "reason"), "not_paired");
    json_decref(v);
    /* Nobody there: the port is closed. */
    process_stop(&b, SIGKILL);
    wf_link_allow(a.link, NULL, 0);
    allow(&a, &b);
    wf_link_address(a.link, b.key, wf_str_from(b.address));
    for (int i = 0;; i++) {
        assert_true(i < WAIT_MS / 10);
        v = wf_link_status(a.link);
        if (text_at(v, "peers", "reason") != NULL)
            break;
        json_decref(v);
        usleep(10000);
    }
    assert_string_equal(text_at(v, "peers", "reason"), "port_closed");
    json_decref(v);
    assert_int_equal(process_stop(&a, SIGTERM), 0);
    side_free(&a);
    side_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__paired_nodes_find_each_other),
        cmocka_unit_test(test_link__a_process_that_dies_is_replaced_and_finds_back),
        cmocka_unit_test(test_link__a_core_that_starts_anew_remembers_where),
        cmocka_unit_test(test_link__a_dial_waits_for_the_process),
        cmocka_unit_test(test_link__a_slow_reader_is_waited_for),
        cmocka_unit_test(test_link__any_allocation_may_fail),
        cmocka_unit_test(test_link__its_status_says_why_not),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
