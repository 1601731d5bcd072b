/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the sandbox of fetching by attempts: clients of the network and one folder work,
 * everything else fails. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "support/child.h"

static char dir[64];     /* its own */
static char outside[64]; /* not its own */

static const char *at(const char *folder, const char *name)
{
    static char paths[2][256];
    static int turn;
    turn ^= 1;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-test-XXXXXX");
    snprintf(outside, sizeof(outside), "/tmp/weft-test-XXXXXX");
    if (!mkdtemp(dir) || !mkdtemp(outside))
        return -1;
    return wf_file_replace(at(outside, "secret"), "secret", 6, 0644, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", dir, outside);
    return system(command);
}

static int in_fetch(void (*fn)(void *ud), void *ud)
{
    const char *const write_dirs[] = {dir, NULL};
    const char *const read_dirs[] = {"/etc/hosts", "/etc/nsswitch.conf", NULL};
    struct wf_sandbox_options o = {.kind = WF_SANDBOX_FETCH,
                                   .write_dirs = write_dirs,
                                   .read_dirs = read_dirs,
                                   .threads = true};
    int r = child_run(&o, fn, ud);
    if (r == CHILD_UNSUPPORTED)
        skip();
    return r;
}

static bool refused(long result)
{
    return result == -1 && (errno == EACCES || errno == EPERM || errno == ENOSYS);
}

/* ---- what must work ---- */

static struct sockaddr_in address_of(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void be_client(void *ud)
{
    const uint16_t *port = ud;
    struct sockaddr_in a = address_of(*port);
    int on = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHILD_CHECK(s >= 0);
    CHILD_CHECK(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    CHILD_CHECK(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0);
    CHILD_CHECK(connect(s, (struct sockaddr *)&a, sizeof(a)) == 0);
    CHILD_CHECK(send(s, "abc", 3, MSG_NOSIGNAL) == 3);
    int u = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHILD_CHECK(u >= 0);
    CHILD_CHECK(setsockopt(u, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0);
    CHILD_CHECK(connect(u, (struct sockaddr *)&a, sizeof(a)) == 0);
    struct iovec iov = {(void *)(uintptr_t) "x", 1};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    CHILD_CHECK(send(u, "x", 1, MSG_NOSIGNAL) == 1);
    /* These could hand this connection to the core. */
    CHILD_CHECK(refused(sendmsg(s, &m.msg_hdr, MSG_NOSIGNAL)));
    CHILD_CHECK(refused(sendmmsg(u, &m, 1, MSG_NOSIGNAL)));
}

static void test_sandbox_fetch__is_a_client_of_the_network(void **state)
{
    (void)state;
    int listener = -1;
    uint16_t port = 0;
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &listener, &port, NULL), 0);
    assert_int_equal(in_fetch(be_client, &port), 0);
    int c = accept(listener, NULL, NULL);
    char buf[4];
    assert_int_equal(recv(c, buf, sizeof(buf), MSG_WAITALL), 3);
    close(c);
    wf_file_close(&listener);
}

static void *resolve(void *ud)
{
    struct addrinfo *found = NULL;
    (void)ud;
    CHILD_CHECK(getaddrinfo("localhost", "80", NULL, &found) == 0 && found != NULL);
    freeaddrinfo(found);
    return NULL;
}

static void resolve_in_a_thread(void *ud)
{
    pthread_t t;
    (void)ud;
    CHILD_CHECK(pthread_create(&t, NULL, resolve, NULL) == 0);
    CHILD_CHECK(pthread_join(t, NULL) == 0);
}

static void test_sandbox_fetch__resolves_names_in_threads(void **state)
{
    (void)state;
    assert_int_equal(in_fetch(resolve_in_a_thread, NULL), 0);
}

static void use_folder(void *ud)
{
    (void)ud;
    struct wf_err e = WF_ERR_INIT;
    struct statvfs v;
    int fd = open(at(dir, "part"), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    CHILD_CHECK(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
    CHILD_CHECK(pwrite(fd, "x", 1, 5000) == 1 && fdatasync(fd) == 0);
    CHILD_CHECK(statvfs(dir, &v) == 0 && v.f_bavail > 0);
    wf_file_close(&fd);
    CHILD_CHECK(wf_file_replace(at(dir, "state"), "x", 1, 0600, &e) == 0);
    CHILD_CHECK(wf_file_lock(at(dir, "lock"), &fd, &e) == 0);
    CHILD_CHECK(wf_file_remove(at(dir, "part"), &e) == 0);
}

static void test_sandbox_fetch__writes_its_folder(void **state)
{
    (void)state;
    assert_int_equal(in_fetch(use_folder, NULL), 0);
}

/* ---- what must not ---- */

static void be_server(void *ud)
{
    struct sockaddr_in a = address_of(0);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int pair[2], s = socket(AF_INET, SOCK_STREAM, 0);
    (void)ud;
    CHILD_CHECK(s >= 0);
    CHILD_CHECK(refused(bind(s, (struct sockaddr *)&a, sizeof(a))));
    CHILD_CHECK(refused(listen(s, 1)));
    CHILD_CHECK(refused(accept(s, NULL, NULL)));
    CHILD_CHECK(refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)));
    CHILD_CHECK(refused(socket(AF_NETLINK, SOCK_RAW, 0)));
    CHILD_CHECK(refused(socket(AF_PACKET, SOCK_DGRAM, 0)));
    CHILD_CHECK(refused(socket(AF_UNIX, SOCK_STREAM, 0)));
    CHILD_CHECK(refused(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)));
    /* A pair is connected to itself, and stays so. */
    CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", outside);
    CHILD_CHECK(connect(pair[0], (struct sockaddr *)&un, sizeof(un)) == -1);
    CHILD_CHECK(refused(syscall(SYS_io_uring_setup, 1, NULL)));
    CHILD_CHECK(setsockopt(s, IPPROTO_TCP, TCP_ULP, "tls", 3) == -1);
}

static void test_sandbox_fetch__is_no_server(void **state)
{
    (void)state;
    assert_int_equal(in_fetch(be_server, NULL), 0);
}

static void touch_outside(void *ud)
{
    (void)ud;
    char secret[256];
    snprintf(secret, sizeof(secret), "%s", at(outside, "secret"));
    CHILD_CHECK(refused(open(secret, O_RDONLY)));
    CHILD_CHECK(refused(open(secret, O_RDWR)));
    CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
    CHILD_CHECK(refused(open("/etc/hosts", O_RDWR)));
    CHILD_CHECK(refused(open("/proc/self/mem", O_RDWR)));
    CHILD_CHECK(refused(open(outside, O_RDONLY | O_DIRECTORY)));
    CHILD_CHECK(refused(open(at(outside, "new"), O_WRONLY | O_CREAT, 0600)));
    CHILD_CHECK(refused(unlink(secret)));
    CHILD_CHECK(rename(secret, at(dir, "stolen")) == -1);
    CHILD_CHECK(link(secret, at(dir, "stolen")) == -1);
    CHILD_CHECK(refused(symlink(secret, at(dir, "link"))));
    CHILD_CHECK(refused(mkdir(at(dir, "sub"), 0700)));
    CHILD_CHECK(refused(chmod(secret, 0777)));
    CHILD_CHECK(refused(truncate(secret, 0)));
    CHILD_CHECK(refused(mknod(at(dir, "pipe"), S_IFIFO | 0600, 0)));
    CHILD_CHECK(refused(chdir("/")));
}

static void test_sandbox_fetch__touches_nothing_outside(void **state)
{
    (void)state;
    assert_int_equal(in_fetch(touch_outside, NULL), 0);
}

static void use_processes(void *ud)
{
    (void)ud;
    const int prot = PROT_READ | PROT_EXEC;
    CHILD_CHECK(refused(kill(getppid(), 0)));
    CHILD_CHECK(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
    CHILD_CHECK(refused(syscall(SYS_clone3, NULL, 0)));
    CHILD_CHECK(mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static void test_sandbox_fetch__makes_no_process_and_no_code(void **state)
{
    (void)state;
    assert_int_equal(in_fetch(use_processes, NULL), 0);
}

static void call(void *ud)
{
    syscall(*(const long *)ud, 0, 0, 0, 0, 0, 0);
}

static void test_sandbox_fetch__dies_of_what_has_no_row(void **state)
{
    static const long forbidden[] = {SYS_execve,     SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
                                     SYS_pidfd_open, SYS_unshare,  SYS_mount,  SYS_bpf,
                                     SYS_keyctl,     SYS_setuid,   SYS_shmget, SYS_userfaultfd};
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(forbidden); i++)
        assert_int_equal(in_fetch(call, (void *)(uintptr_t)&forbidden[i]), -SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__is_a_client_of_the_network, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__resolves_names_in_threads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__writes_its_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__is_no_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__touches_nothing_outside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__makes_no_process_and_no_code, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_fetch__dies_of_what_has_no_row, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
