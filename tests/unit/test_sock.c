/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of os/sock.h: frames at their limits and cut everywhere, descriptors wanted and unwanted,
 * time limits, listening and connecting. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"

struct pair {
    int fds[2];
    struct wf_buf buf;
};

static int set_up(void **state)
{
    static struct pair p;
    assert_int_equal(wf_sock_pair(p.fds, NULL), 0);
    wf_buf_init(&p.buf, WF_LIMIT_FRAME_BYTES);
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *p = *state;
    wf_file_close(&p->fds[0]);
    wf_file_close(&p->fds[1]);
    wf_buf_deinit(&p->buf);
    return 0;
}

static int n_open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static void test_sock__frames_arrive_whole_and_in_order(void **state)
{
    struct pair *p = *state;
    bool eof = true;
    assert_true(fcntl(p->fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "one", 3, -1, 0, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], NULL, 0, -1, 0, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "three", 5, -1, 0, NULL), 0);
    const char *const want[] = {"one", "", "three"};
    for (size_t i = 0; i < 3; i++) {
        int fd = 99;
        assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), 0);
        assert_string_equal(p->buf.ptr, want[i]);
        assert_int_equal(fd, -1);
        assert_false(eof);
    }
    wf_file_close(&p->fds[0]);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 1000, NULL), 0);
    assert_true(eof);
}

static void *send_largest(void *ud)
{
    struct pair *p = ud;
    char *text = wf_alloc(WF_LIMIT_FRAME_BYTES);
    memset(text, 'q', WF_LIMIT_FRAME_BYTES);
    int r = wf_sock_send_frame(p->fds[0], text, WF_LIMIT_FRAME_BYTES, -1, 10000, NULL);
    wf_free(text);
    return r == 0 ? ud : NULL;
}

static void test_sock__the_largest_frame_fits_and_no_larger(void **state)
{
    struct pair *p = *state;
    struct wf_err e = WF_ERR_INIT;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_largest, p), 0);
    bool eof = true;
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 10000, &e), 0);
    void *ok = NULL;
    pthread_join(thread, &ok);
    assert_non_null(ok);
    assert_int_equal(p->buf.len, WF_LIMIT_FRAME_BYTES);
    assert_int_equal(p->buf.ptr[WF_LIMIT_FRAME_BYTES - 1], 'q');
    assert_int_equal(wf_sock_send_frame(p->fds[0], "", WF_LIMIT_FRAME_BYTES + 1, -1, 0, &e),
                     WF_E_LIMIT);
    /* Nothing of it was sent, the connection goes on. */
    assert_int_equal(wf_sock_send_frame(p->fds[0], "x", 1, -1, 0, &e), 0);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 1000, &e), 0);
    assert_string_equal(p->buf.ptr, "x");
    assert_int_equal(send(p->fds[0], "\1\0\200\0", 4, 0), 4); /* claims the limit and one more */
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 1000, &e), WF_E_LIMIT);
}

static void test_sock__the_receivers_own_limit_holds(void **state)
{
    struct pair *p = *state;
    struct wf_buf small;
    wf_buf_init(&small, 3);
    bool eof;
    assert_int_equal(wf_sock_send_frame(p->fds[0], "abc", 3, -1, 0, NULL), 0);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &small, NULL, &eof, 1000, NULL), 0);
    assert_string_equal(small.ptr, "abc");
    assert_int_equal(wf_sock_send_frame(p->fds[0], "abcd", 4, -1, 0, NULL), 0);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &small, NULL, &eof, 1000, NULL), WF_E_LIMIT);
    wf_buf_deinit(&small);
}

static void test_sock__cut_anywhere_is_a_format_error(void **state)
{
    (void)state;
    const char frame[] = "\3\0\0\0abc";
    for (size_t n = 0; n <= 7; n++) {
        struct pair p;
        assert_int_equal(wf_sock_pair(p.fds, NULL), 0);
        wf_buf_init(&p.buf, 100);
        assert_int_equal(send(p.fds[0], frame, n, 0), n);
        wf_file_close(&p.fds[0]);
        bool eof = false;
        struct wf_err e = WF_ERR_INIT;
        int r = wf_sock_recv_frame(p.fds[1], &p.buf, NULL, &eof, 1000, &e);
        assert_int_equal(r, n == 0 || n == 7 ? 0 : WF_E_FORMAT);
        assert_int_equal(eof, n == 0);
        wf_file_close(&p.fds[1]);
        wf_buf_deinit(&p.buf);
    }
}

static void test_sock__descriptor_arrives_close_on_exec(void **state)
{
    struct pair *p = *state;
    int n_before = n_open_fds();
    int memfd = -1;
    assert_int_equal(wf_file_memfd("doc", &memfd, NULL), 0);
    assert_int_equal(wf_file_write_all(memfd, "document", 8, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "take", 4, memfd, 1000, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "none", 4, -1, 1000, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "drop", 4, memfd, 1000, NULL), 0);
    wf_file_close(&memfd);
    int fd = -1;
    bool eof;
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), 0);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    struct wf_buf content;
    wf_buf_init(&content, 100);
    assert_int_equal(wf_file_read_fd(fd, &content, NULL), 0);
    assert_string_equal(content.ptr, "document");
    wf_buf_deinit(&content);
    wf_file_close(&fd);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 1000, NULL), 0);
    assert_string_equal(p->buf.ptr, "drop");
    assert_int_equal(n_open_fds(), n_before);
}

/* Sends `text` with n_fds copies of `fd` as a hostile peer might. */
static void send_raw(int sock, const char *text, size_t n, int fd, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {.bytes = {0}};
    char copy[64];
    assert_true(n <= sizeof(copy) && n_fds <= 4);
    memcpy(copy, text, n);
    struct iovec iov = {copy, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    for (size_t i = 0; i < n_fds; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    assert_int_equal(sendmsg(sock, &m, 0), n);
}

static void test_sock__network_sockets_are_refused(void **state)
{
    struct pair *p = *state;
    int n_before = n_open_fds();
    const struct {
        int domain;
        int type;
    } kinds[] = {{AF_INET, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}, {AF_NETLINK, SOCK_RAW}};
    int fd = -1;
    bool eof;
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        int sock = socket(kinds[i].domain, kinds[i].type, 0);
        assert_true(sock >= 0);
        assert_int_equal(wf_sock_send_frame(p->fds[0], "", 0, sock, 1000, NULL), 0);
        close(sock);
        struct wf_err e = WF_ERR_INIT;
        assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, &e), WF_E_DENIED);
        assert_int_equal(fd, -1);
        assert_int_equal(recv(p->fds[1], &(char[4]){0}, 3, 0), 3); /* the rest of the head */
    }
    assert_int_equal(n_open_fds(), n_before);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "", 0, local, 1000, NULL), 0);
    close(local);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), 0);
    assert_true(fd >= 0);
    wf_file_close(&fd);
}

static void test_sock__unwanted_descriptors_are_closed(void **state)
{
    if (getenv("WF_EMULATED"))
        skip(); /* qemu-user does not tell that descriptors were cut off */
    struct pair *p = *state;
    int n_before = n_open_fds();
    int memfd = -1;
    assert_int_equal(wf_file_memfd("x", &memfd, NULL), 0);
    int fd = -1;
    bool eof;
    /* With later bytes of the frame: dropped. */
    assert_int_equal(send(p->fds[0], "\3", 1, 0), 1);
    send_raw(p->fds[0], "\0\0\0", 3, memfd, 2);
    send_raw(p->fds[0], "abc", 3, memfd, 1);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), 0);
    assert_string_equal(p->buf.ptr, "abc");
    assert_int_equal(fd, -1);
    /* One with a frame that then breaks off: closed. */
    send_raw(p->fds[0], "\5\0\0\0ab", 6, memfd, 1);
    wf_file_close(&p->fds[0]);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), WF_E_FORMAT);
    assert_int_equal(fd, -1);
    wf_file_close(&memfd);
    assert_int_equal(n_open_fds(), n_before - 1); /* fds[0] */
}

static void test_sock__several_descriptors_are_refused(void **state)
{
    if (!wf_sandbox_support().seccomp)
        skip(); /* the emulator writes control messages anew and does not tell of cut ones */
    struct pair *p = *state;
    int n_before = n_open_fds();
    int memfd = -1;
    assert_int_equal(wf_file_memfd("x", &memfd, NULL), 0);
    for (size_t n = 2; n <= 4; n++) {
        int fd = -1;
        bool eof;
        send_raw(p->fds[0], "\0\0\0\0", 4, memfd, n);
        assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL),
                         WF_E_FORMAT);
        assert_int_equal(fd, -1);
        assert_int_equal(recv(p->fds[1], &(char[4]){0}, 3, 0), 3);
    }
    wf_file_close(&memfd);
    assert_int_equal(n_open_fds(), n_before);
}

static void test_sock__no_room_for_a_descriptor_is_told(void **state)
{
    struct pair *p = *state;
    int memfd = -1;
    assert_int_equal(wf_file_memfd("x", &memfd, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "a", 1, memfd, 1000, NULL), 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)memfd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct wf_err e = WF_ERR_INIT;
    int fd = -1;
    bool eof;
    int r = wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r, WF_E_LIMIT);
    assert_non_null(strstr(e.msg, "too many files"));
    wf_file_close(&memfd);
}

static int64_t now_ms(void)
{
    return wf_clock_mono_ns(NULL) / 1000000;
}

static void test_sock__receiving_times_out_and_goes_on(void **state)
{
    struct pair *p = *state;
    bool eof;
    int64_t start = now_ms();
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 50, NULL), WF_E_TIMEOUT);
    assert_true(now_ms() - start >= 49);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "later", 5, -1, 0, NULL), 0);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 50, NULL), 0);
    assert_string_equal(p->buf.ptr, "later");
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(send(p->fds[0], "\5\0\0\0ab", 6, 0), 6);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 50, &e), WF_E_FORMAT);
    assert_non_null(strstr(e.msg, "stalled"));
}

static void test_sock__sending_times_out(void **state)
{
    struct pair *p = *state;
    char *text = wf_alloc_array(WF_LIMIT_FRAME_BYTES, 1);
    int64_t start = now_ms();
    assert_int_equal(wf_sock_send_frame(p->fds[0], text, WF_LIMIT_FRAME_BYTES, -1, 50, NULL),
                     WF_E_TIMEOUT);
    assert_true(now_ms() - start >= 49);
    wf_free(text);
}

static void test_sock__a_gone_peer_is_an_error_not_a_signal(void **state)
{
    struct pair *p = *state;
    wf_file_close(&p->fds[1]);
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_sock_send_frame(p->fds[0], "x", 1, -1, 1000, &e), WF_E_IO);
    assert_int_equal(wf_sock_send_frame(-1, "x", 1, -1, 1000, &e), WF_E_IO);
    bool eof;
    assert_true(wf_sock_recv_frame(-1, &p->buf, NULL, &eof, 1000, &e) < 0);
}

static void test_sock__a_reset_counts_as_closed(void **state)
{
    struct pair *p = *state;
    /* The peer closes with bytes of ours unread: the kernel says ECONNRESET. */
    assert_int_equal(wf_sock_send_frame(p->fds[1], "unread", 6, -1, 0, NULL), 0);
    wf_file_close(&p->fds[0]);
    bool eof = false;
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, NULL, &eof, 1000, NULL), 0);
    assert_true(eof);
}

static void test_sock__memory_failures_lose_no_descriptor(void **state)
{
    struct pair *p = *state;
    int n_before = n_open_fds();
    int memfd = -1;
    assert_int_equal(wf_file_memfd("x", &memfd, NULL), 0);
    assert_int_equal(wf_sock_send_frame(p->fds[0], "abc", 3, memfd, 1000, NULL), 0);
    wf_file_close(&memfd);
    bool eof;
    int fd = -1;
    wf_alloc_fail_at(1);
    assert_int_equal(wf_sock_recv_frame(p->fds[1], &p->buf, &fd, &eof, 1000, NULL), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    assert_int_equal(n_open_fds(), n_before);
}

static void check_unix_at(const char *path)
{
    struct wf_err e = WF_ERR_INIT;
    int listener = -1;
    int again = -1;
    int client = -1;
    assert_int_equal(wf_sock_connect_unix(path, &client, &e), WF_E_NOENT);
    mode_t before = umask(0);
    assert_int_equal(wf_sock_listen_unix(path, &listener, &e), 0);
    umask(before);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(wf_sock_connect_unix(path, &client, &e), 0);
    assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
    int server = accept(listener, NULL, NULL);
    assert_true(wf_sock_peer_is_me(server));
    assert_true(wf_sock_peer_is_me(client));
    assert_int_equal(wf_sock_send_frame(client, "hi", 2, -1, 0, &e), 0);
    struct wf_buf b;
    wf_buf_init(&b, 10);
    bool eof;
    assert_int_equal(wf_sock_recv_frame(server, &b, NULL, &eof, 1000, &e), 0);
    assert_string_equal(b.ptr, "hi");
    wf_buf_deinit(&b);
    wf_file_close(&client);
    wf_file_close(&server);
    wf_file_close(&listener);
    /* The file is there, nobody listens; the next one replaces it. */
    assert_int_equal(wf_sock_connect_unix(path, &client, &e), WF_E_NOENT);
    assert_non_null(strstr(e.msg, "nothing listens"));
    assert_int_equal(wf_sock_listen_unix(path, &again, &e), 0);
    wf_file_close(&again);
    assert_int_equal(unlink(path), 0);
}

static void test_sock__unix_listen_and_connect(void **state)
{
    (void)state;
    char dir[] = "/tmp/weft-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[400];
    struct wf_err e = WF_ERR_INIT;
    int fd = -1;
    int n_before = n_open_fds();
    snprintf(path, sizeof(path), "%s/sock", dir);
    check_unix_at(path);
    assert_int_equal(wf_file_replace(path, "file", 4, 0600, NULL), 0);
    assert_int_equal(wf_sock_listen_unix(path, &fd, &e), WF_E_EXIST);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wf_sock_listen_unix("", &fd, &e), WF_E_INVAL);
    snprintf(path, sizeof(path), "%s/none/sock", dir);
    assert_int_equal(wf_sock_listen_unix(path, &fd, &e), WF_E_NOENT);
    char name[151];
    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(path, sizeof(path), "%s/%s/sock", dir, name);
    assert_int_equal(wf_sock_listen_unix(path, &fd, &e), WF_E_NOENT);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(wf_sock_listen_unix(path, &fd, &e), WF_E_LIMIT); /* as a name: too long */
    assert_int_equal(wf_sock_connect_unix(name, &fd, &e), WF_E_LIMIT);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/%s/sock", dir, name);
    check_unix_at(path);
    assert_int_equal(n_open_fds(), n_before);
    snprintf(path, sizeof(path), "rm -r '%s'", dir);
    assert_int_equal(system(path), 0);
}

static void test_sock__tcp_listens_on_a_free_port(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    int fd = -1;
    int other = -1;
    uint16_t port = 0;
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &fd, &port, &e), 0);
    assert_true(port > 0);
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", port, &other, &port, &e), WF_E_BUSY);
    assert_non_null(strstr(e.msg, "taken"));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_false(wf_sock_peer_is_me(client)); /* nobody knows who is behind TCP */
    wf_file_close(&client);
    wf_file_close(&fd);
    assert_int_equal(wf_sock_listen_tcp("localhost", 0, &fd, &port, &e), WF_E_INVAL);
    assert_true(wf_sock_listen_tcp("192.0.2.1", 0, &fd, &port, &e) < 0);
    int r = wf_sock_listen_tcp("::1", 0, &fd, &port, &e); /* where the machine has IPv6 */
    assert_true(r < 0 || port > 0);
    wf_file_close(&fd);
    assert_false(wf_sock_peer_is_me(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sock__frames_arrive_whole_and_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__the_largest_frame_fits_and_no_larger, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__the_receivers_own_limit_holds, set_up,
                                        tear_down),
        cmocka_unit_test(test_sock__cut_anywhere_is_a_format_error),
        cmocka_unit_test_setup_teardown(test_sock__descriptor_arrives_close_on_exec, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__network_sockets_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sock__unwanted_descriptors_are_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__several_descriptors_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__no_room_for_a_descriptor_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__receiving_times_out_and_goes_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__sending_times_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sock__a_gone_peer_is_an_error_not_a_signal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sock__a_reset_counts_as_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sock__memory_failures_lose_no_descriptor, set_up,
                                        tear_down),
        cmocka_unit_test(test_sock__unix_listen_and_connect),
        cmocka_unit_test(test_sock__tcp_listens_on_a_free_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
