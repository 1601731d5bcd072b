/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the core's sandbox by attempts: everything it needs works, every way out fails. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sandbox_internal.h"
#include "os/sock.h"
#include "os/thread.h"
#include "support/child.h"

static char dir[64];     /* the core's own */
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

/* Runs fn in the core's sandbox; 0, or how it ended. Skips the test where there is no sandbox. */
static int in_core(void (*fn)(void *ud), void *ud)
{
    const char *const write_dirs[] = {dir, NULL};
    const char *const read_dirs[] = {"/does/not/exist", NULL};
    struct wf_sandbox_options o = {
        .kind = WF_SANDBOX_CORE, .write_dirs = write_dirs, .read_dirs = read_dirs};
    int r = child_run(&o, fn, ud);
    if (r == CHILD_UNSUPPORTED)
        skip();
    return r;
}

/* ---- what must work ---- */

static void *read_rows(void *ud)
{
    sqlite3 *db = NULL;
    CHILD_CHECK(sqlite3_open_v2(ud, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    CHILD_CHECK(sqlite3_busy_timeout(db, 5000) == SQLITE_OK);
    for (int i = 0; i < 50; i++)
        CHILD_CHECK(sqlite3_exec(db, "SELECT count(*) FROM t", NULL, NULL, NULL) == SQLITE_OK);
    CHILD_CHECK(sqlite3_close(db) == SQLITE_OK);
    return NULL;
}

static void use_sqlite(void *ud)
{
    (void)ud;
    char path[256];
    snprintf(path, sizeof(path), "%s/weft.db", dir);
    sqlite3 *db = NULL;
    CHILD_CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
                SQLITE_OK);
    CHILD_CHECK(sqlite3_exec(db,
                             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                             "PRAGMA mmap_size = 1000000; CREATE TABLE t (x TEXT) STRICT;",
                             NULL, NULL, NULL) == SQLITE_OK);
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        CHILD_CHECK(pthread_create(&readers[i], NULL, read_rows, path) == 0);
    for (int i = 0; i < 200; i++)
        CHILD_CHECK(sqlite3_exec(db, "INSERT INTO t VALUES (hex(randomblob(2000)))", NULL, NULL,
                                 NULL) == SQLITE_OK);
    for (int i = 0; i < 2; i++)
        CHILD_CHECK(pthread_join(readers[i], NULL) == 0);
    CHILD_CHECK(access(at(dir, "weft.db-wal"), F_OK) == 0);
    CHILD_CHECK(sqlite3_exec(db,
                             "PRAGMA temp_store = MEMORY; DELETE FROM t WHERE x < '8'; VACUUM;"
                             "PRAGMA wal_checkpoint(TRUNCATE);",
                             NULL, NULL, NULL) == SQLITE_OK);
    CHILD_CHECK(sqlite3_close(db) == SQLITE_OK);
}

static void test_sandbox_core__sqlite_in_wal_mode(void **state)
{
    (void)state;
    assert_int_equal(in_core(use_sqlite, NULL), 0);
}

static void use_files(void *ud)
{
    (void)ud;
    struct wf_err e = WF_ERR_INIT;
    int fd = -1;
    struct stat st;
    CHILD_CHECK(wf_file_mkdirs(at(dir, "blobs/ab"), &e) == 0);
    CHILD_CHECK(wf_file_mkdirs(at(dir, "tmp"), &e) == 0);
    CHILD_CHECK(wf_file_replace(at(dir, "tmp/x"), "content", 7, 0600, &e) == 0);
    CHILD_CHECK(rename(at(dir, "tmp/x"), at(dir, "blobs/ab/x")) == 0); /* between folders */
    CHILD_CHECK(wf_file_sync_dir(at(dir, "blobs/ab"), &e) == 0);
    CHILD_CHECK(wf_file_lock(at(dir, "lock"), &fd, &e) == 0);
    CHILD_CHECK(ftruncate(fd, 100) == 0);
    CHILD_CHECK(posix_fallocate(fd, 0, 1000) == 0);
    CHILD_CHECK(fdatasync(fd) == 0);
    wf_file_close(&fd);
    CHILD_CHECK(stat(at(dir, "lock"), &st) == 0 && st.st_size == 1000);
    CHILD_CHECK(wf_file_remove(at(dir, "lock"), &e) == 0);
    CHILD_CHECK(wf_file_remove(at(dir, "blobs/ab/x"), &e) == 0);
    CHILD_CHECK(rmdir(at(dir, "blobs/ab")) == 0);
    CHILD_CHECK(wf_file_memfd("upload", &fd, &e) == 0);
    CHILD_CHECK(wf_file_write_all(fd, "bytes", 5, &e) == 0);
    wf_file_close(&fd);
}

static void test_sandbox_core__files_below_its_folder(void **state)
{
    (void)state;
    assert_int_equal(in_core(use_files, NULL), 0);
}

static void do_nothing(void *ud)
{
    (void)ud;
    void *p = wf_alloc(300000);
    CHILD_CHECK(p != NULL);
    memset(p, 1, 300000);
    wf_free(p);
}

static void use_libraries(void *ud)
{
    (void)ud;
    struct wf_err e = WF_ERR_INIT;
    struct wf_team *t = NULL;
    CHILD_CHECK(wf_cpu_count() >= 1);
    CHILD_CHECK(wf_team_new("work", 8, 100, &t, &e) == 0);
    for (int i = 0; i < 100; i++)
        CHILD_CHECK(wf_team_post(t, do_nothing, NULL) == 0);
    wf_team_free(t);
    (void)wf_rng_u64(NULL);
    CHILD_CHECK(wf_clock_wall_ms(NULL) > 0);
    struct wf_log *log = wf_log_new(-1, WF_LOG_INFO);
    wf_log_line(log, WF_LOG_INFO, "test", "nowhere");
    wf_log_free(log);
    json_t *j = json_loads("{\"a\":[1,2.5,\"x\"]}", 0, NULL);
    char *text = json_dumps(j, JSON_COMPACT);
    CHILD_CHECK(strcmp(text, "{\"a\":[1,2.5,\"x\"]}") == 0);
    time_t now = time(NULL);
    struct tm tm;
    CHILD_CHECK(localtime_r(&now, &tm) != NULL);
    struct wf_sandbox_support s = wf_sandbox_support();
    CHILD_CHECK(s.seccomp && s.landlock_abi == wf_sandbox__landlock_abi());
    CHILD_CHECK(kill(getpid(), 0) == 0);
    CHILD_CHECK(open("/dev/urandom", O_RDONLY) >= 0); /* libraries' seeds */
    CHILD_CHECK(usleep(1000) == 0);
}

static void test_sandbox_core__threads_memory_time_json(void **state)
{
    (void)state;
    assert_int_equal(in_core(use_libraries, NULL), 0);
}

struct network {
    int listener;  /* TCP */
    int udp;       /* an inherited datagram socket, which the real core never has */
    int tcp;       /* likewise, not connected */
    uint16_t port; /* of the listener */
    int unix_pair[2];
};

static struct sockaddr_in address_of(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static struct network open_network(void)
{
    struct network n = {.listener = -1};
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &n.listener, &n.port, NULL), 0);
    n.udp = socket(AF_INET, SOCK_DGRAM, 0);
    n.tcp = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(wf_sock_pair(n.unix_pair, NULL), 0);
    return n;
}

static void close_network(struct network *n)
{
    wf_file_close(&n->listener);
    wf_file_close(&n->udp);
    wf_file_close(&n->tcp);
    wf_file_close(&n->unix_pair[0]);
    wf_file_close(&n->unix_pair[1]);
}

static void serve_one(void *ud)
{
    struct network *n = ud;
    struct pollfd p = {.fd = n->listener, .events = POLLIN};
    CHILD_CHECK(poll(&p, 1, 5000) == 1);
    int c = accept4(n->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHILD_CHECK(c >= 0);
    int on = 1;
    CHILD_CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    CHILD_CHECK(setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0);
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    CHILD_CHECK(getpeername(c, (struct sockaddr *)&a, &len) == 0);
    CHILD_CHECK(getsockname(c, (struct sockaddr *)&a, &len) == 0);
    p.fd = c;
    CHILD_CHECK(poll(&p, 1, 5000) == 1);
    char buf[10];
    CHILD_CHECK(recv(c, buf, sizeof(buf), 0) == 3);
    CHILD_CHECK(send(c, "pong", 4, MSG_NOSIGNAL) == 4);
    struct iovec iov = {buf, 3};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    CHILD_CHECK(sendmsg(c, &m, MSG_NOSIGNAL) == 3);
    CHILD_CHECK(write(c, "x", 1) == 1);
    CHILD_CHECK(shutdown(c, SHUT_WR) == 0);
    close(c);
    int e = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int pipes[2];
    CHILD_CHECK(e >= 0 && pipe2(pipes, O_CLOEXEC) == 0);
    CHILD_CHECK(ioctl(pipes[0], FIONREAD, &on) == 0);
    /* A descriptor over a local socket, both ways. */
    struct wf_buf b;
    bool eof;
    int fd = -1;
    wf_buf_init(&b, 10);
    CHILD_CHECK(wf_sock_send_frame(n->unix_pair[0], "fd", 2, pipes[0], 1000, NULL) == 0);
    CHILD_CHECK(wf_sock_recv_frame(n->unix_pair[1], &b, &fd, &eof, 1000, NULL) == 0);
    CHILD_CHECK(fd >= 0);
    wf_buf_deinit(&b);
    int pair[2];
    CHILD_CHECK(wf_sock_pair(pair, NULL) == 0);
    CHILD_CHECK(wf_sock_peer_is_me(pair[0]));
}

static void test_sandbox_core__serves_its_listeners(void **state)
{
    (void)state;
    struct network n = open_network();
    struct sockaddr_in a = address_of(n.port);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(send(client, "abc", 3, 0), 3);
    assert_int_equal(in_core(serve_one, &n), 0);
    char buf[20];
    assert_int_equal(recv(client, buf, sizeof(buf), MSG_WAITALL), 8);
    assert_memory_equal(buf, "pongabcx", 8);
    close(client);
    close_network(&n);
}

/* ---- what must not ---- */

static bool refused(long result)
{
    return result == -1 && (errno == EACCES || errno == EPERM || errno == ENOSYS);
}

static void make_sockets(void *ud)
{
    (void)ud;
    const int domains[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK};
    for (size_t i = 0; i < WF_ARRAY_LEN(domains); i++) {
        CHILD_CHECK(refused(socket(domains[i], SOCK_STREAM, 0)));
        CHILD_CHECK(refused(socket(domains[i], SOCK_DGRAM, 0)));
        CHILD_CHECK(refused(socket(domains[i], SOCK_RAW, 0)));
    }
    int pair[2];
    CHILD_CHECK(refused(socket(AF_UNIX, SOCK_DGRAM, 0))); /* sendmsg could name its peer */
    CHILD_CHECK(refused(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)));
    /* Bits above the low half are nothing to the kernel, and may not fool the filter. */
    CHILD_CHECK(refused(syscall(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM, 0)));
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHILD_CHECK(s >= 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
    CHILD_CHECK(refused(connect(s, (struct sockaddr *)&a, sizeof(a))));
    CHILD_CHECK(refused(bind(s, (struct sockaddr *)&a, sizeof(a))));
    CHILD_CHECK(refused(listen(s, 1)));
}

static void test_sandbox_core__makes_no_sockets(void **state)
{
    (void)state;
    assert_int_equal(in_core(make_sockets, NULL), 0);
}

/* Every way to give bytes an address through sockets that exist already. */
static void reach_out(void *ud)
{
    struct network *n = ud;
    struct sockaddr_in a = address_of(n->port);
    const struct sockaddr *to = (const struct sockaddr *)&a;
    struct iovec iov = {(void *)(uintptr_t) "x", 1};
    struct mmsghdr m = {
        .msg_hdr = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1}};
    CHILD_CHECK(refused(connect(n->tcp, to, sizeof(a))));
    CHILD_CHECK(refused(connect(n->udp, to, sizeof(a))));
    CHILD_CHECK(refused(bind(n->udp, to, sizeof(a))));
    CHILD_CHECK(refused(sendto(n->udp, "x", 1, 0, to, sizeof(a))));
    CHILD_CHECK(refused(sendto(n->tcp, "x", 1, MSG_FASTOPEN, to, sizeof(a))));
    CHILD_CHECK(refused(sendto(n->tcp, "x", 1, MSG_FASTOPEN, NULL, 0)));
    CHILD_CHECK(refused(sendmsg(n->tcp, &m.msg_hdr, MSG_FASTOPEN)));
    CHILD_CHECK(refused(sendmmsg(n->tcp, &m, 1, MSG_FASTOPEN)));
    /* A listener that is shut down is a plain socket again. */
    CHILD_CHECK(shutdown(n->listener, SHUT_RDWR) == 0);
    CHILD_CHECK(refused(connect(n->listener, to, sizeof(a))));
    CHILD_CHECK(refused(listen(n->listener, 1)));
    CHILD_CHECK(refused(sendto(n->listener, "x", 1, MSG_FASTOPEN | MSG_DONTWAIT, to, sizeof(a))));
    CHILD_CHECK(refused(sendmsg(n->listener, &m.msg_hdr, MSG_FASTOPEN)));
    CHILD_CHECK(sendmsg(n->listener, &m.msg_hdr, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    int on = 1;
    CHILD_CHECK(setsockopt(n->tcp, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) == -1);
    CHILD_CHECK(setsockopt(n->tcp, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == -1);
    CHILD_CHECK(setsockopt(n->tcp, IPPROTO_TCP, TCP_ULP, "tls", 3) == -1);
    CHILD_CHECK(refused(syscall(SYS_io_uring_setup, 1, NULL)));
}

static void test_sandbox_core__gives_no_bytes_an_address(void **state)
{
    (void)state;
    struct network n = open_network();
    assert_int_equal(in_core(reach_out, &n), 0);
    close_network(&n);
}

static void receive_socket(void *ud)
{
    struct network *n = ud;
    struct wf_buf b;
    bool eof;
    int fd = -1;
    wf_buf_init(&b, 10);
    CHILD_CHECK(wf_sock_recv_frame(n->unix_pair[1], &b, &fd, &eof, 1000, NULL) == WF_E_DENIED);
    CHILD_CHECK(fd == -1);
}

static void test_sandbox_core__is_given_no_socket(void **state)
{
    (void)state;
    struct network n = open_network();
    assert_int_equal(wf_sock_send_frame(n.unix_pair[0], "", 0, n.tcp, 1000, NULL), 0);
    assert_int_equal(in_core(receive_socket, &n), 0);
    close_network(&n);
}

static void schedule(void *ud)
{
    (void)ud;
    const struct sched_param none = {0}, first = {.sched_priority = 1};
    wf_thread_yield_to_others();
    CHILD_CHECK(sched_getscheduler(0) == SCHED_BATCH);
    CHILD_CHECK(refused(sched_setscheduler(0, SCHED_OTHER, &none)));
    CHILD_CHECK(refused(sched_setscheduler(0, SCHED_FIFO, &first)));
    CHILD_CHECK(refused(sched_setscheduler(getppid(), SCHED_BATCH, &none)));
}

static void test_sandbox_core__may_only_yield_to_others(void **state)
{
    (void)state;
    assert_int_equal(in_core(schedule, NULL), 0);
}

static void touch_outside(void *ud)
{
    (void)ud;
    char secret[256];
    snprintf(secret, sizeof(secret), "%s", at(outside, "secret"));
    if (wf_sandbox__landlock_abi() >= 2) { /* else files are not restricted */
        CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
        CHILD_CHECK(refused(open(secret, O_RDONLY)));
        CHILD_CHECK(refused(open(secret, O_RDWR)));
        CHILD_CHECK(refused(open(outside, O_RDONLY | O_DIRECTORY)));
        CHILD_CHECK(refused(open(at(outside, "new"), O_WRONLY | O_CREAT, 0600)));
        CHILD_CHECK(refused(unlink(secret)));
        CHILD_CHECK(refused(mkdir(at(outside, "new"), 0700)));
        CHILD_CHECK(rename(secret, at(dir, "stolen")) == -1);
        CHILD_CHECK(link(secret, at(dir, "stolen")) == -1);
        CHILD_CHECK(refused(open("/proc/self/mem", O_RDWR)));
        CHILD_CHECK(refused(open("/dev/urandom", O_WRONLY)));
        int d = open(outside, O_PATH | O_DIRECTORY); /* a name, no right */
        CHILD_CHECK(d >= 0 && refused(openat(d, "secret", O_RDONLY)));
    }
    CHILD_CHECK(refused(chmod(secret, 0777)));
    CHILD_CHECK(refused(chown(secret, 0, 0)));
    CHILD_CHECK(refused(truncate(secret, 0)));
    CHILD_CHECK(refused(utimensat(AT_FDCWD, secret, NULL, 0)));
    CHILD_CHECK(refused(symlink("/etc/passwd", at(dir, "link"))));
    CHILD_CHECK(refused(mknod(at(dir, "pipe"), S_IFIFO | 0600, 0)));
    CHILD_CHECK(refused(chdir("/")));
}

static void test_sandbox_core__touches_nothing_outside(void **state)
{
    (void)state;
    assert_int_equal(in_core(touch_outside, NULL), 0);
    struct stat st;
    assert_int_equal(stat(at(outside, "secret"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(st.st_size, 6);
}

static void use_other_processes(void *ud)
{
    (void)ud;
    CHILD_CHECK(refused(kill(getppid(), 0)));
    CHILD_CHECK(refused(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM)));
    CHILD_CHECK(refused(fcntl(0, F_SETOWN, getppid())));
    struct rlimit l = {1000, 1000};
    CHILD_CHECK(refused(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &l)));
    CHILD_CHECK(refused(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &l, NULL)));
    CHILD_CHECK(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &l) == 0);
    CHILD_CHECK(l.rlim_cur == 0 && l.rlim_max == 0);
    CHILD_CHECK(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
    CHILD_CHECK(refused(syscall(SYS_clone3, NULL, 0)));
    CHILD_CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void test_sandbox_core__leaves_other_processes_alone(void **state)
{
    (void)state;
    assert_int_equal(in_core(use_other_processes, NULL), 0);
}

static void make_code(void *ud)
{
    (void)ud;
    const int prot = PROT_READ | PROT_EXEC;
    CHILD_CHECK(mmap(NULL, 4096, prot | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                MAP_FAILED);
    CHILD_CHECK(mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHILD_CHECK(p != MAP_FAILED);
    CHILD_CHECK(refused(mprotect(p, 4096, prot)));
    CHILD_CHECK(mprotect(p, 4096, PROT_READ) == 0);
    int fd = -1;
    CHILD_CHECK(wf_file_memfd("code", &fd, NULL) == 0 && ftruncate(fd, 4096) == 0);
    CHILD_CHECK(mmap(NULL, 4096, prot, MAP_PRIVATE, fd, 0) == MAP_FAILED);
}

static void test_sandbox_core__makes_no_code(void **state)
{
    (void)state;
    assert_int_equal(in_core(make_code, NULL), 0);
}

static void call(void *ud)
{
    syscall(*(const long *)ud, 0, 0, 0, 0, 0, 0);
}

/* clang-format off */
static const long forbidden[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
    SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_rt_sigqueueinfo, SYS_tkill,
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_swapon,
    SYS_bpf, SYS_keyctl, SYS_add_key, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_enter,
    SYS_setuid, SYS_setgid, SYS_setgroups, SYS_capset, SYS_personality, SYS_init_module,
    SYS_finit_module, SYS_kexec_load, SYS_reboot, SYS_clock_settime, SYS_settimeofday, SYS_acct,
    SYS_shmget, SYS_shmat, SYS_msgget, SYS_semget, SYS_mq_open, SYS_open_by_handle_at,
    SYS_name_to_handle_at, SYS_fanotify_init, SYS_setxattr, SYS_quotactl, SYS_syslog,
    SYS_pkey_mprotect, SYS_remap_file_pages, SYS_vmsplice, SYS_tee, SYS_splice,
    SYS_seccomp + 100000, /* one that no kernel has yet */
#ifdef SYS_fork
    SYS_fork, SYS_vfork, SYS_modify_ldt, SYS_iopl,
    SYS_getpid | 0x40000000, /* the x32 form of a call that is allowed */
#endif
};
/* clang-format on */

static void test_sandbox_core__dies_of_what_has_no_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(forbidden); i++) {
        int r = in_core(call, (void *)(uintptr_t)&forbidden[i]);
        if (r != -SIGSYS)
            print_error("system call %ld\n", forbidden[i]);
        assert_int_equal(r, -SIGSYS);
    }
}

static void abort_now(void *ud)
{
    (void)ud;
    abort();
}

static void test_sandbox_core__an_abort_looks_like_one(void **state)
{
    (void)state;
    assert_int_equal(in_core(abort_now, NULL), -SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sandbox_core__sqlite_in_wal_mode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_core__files_below_its_folder, set_up,
                                        tear_down),
        cmocka_unit_test(test_sandbox_core__threads_memory_time_json),
        cmocka_unit_test(test_sandbox_core__serves_its_listeners),
        cmocka_unit_test(test_sandbox_core__makes_no_sockets),
        cmocka_unit_test(test_sandbox_core__gives_no_bytes_an_address),
        cmocka_unit_test(test_sandbox_core__is_given_no_socket),
        cmocka_unit_test(test_sandbox_core__may_only_yield_to_others),
        cmocka_unit_test_setup_teardown(test_sandbox_core__touches_nothing_outside, set_up,
                                        tear_down),
        cmocka_unit_test(test_sandbox_core__leaves_other_processes_alone),
        cmocka_unit_test(test_sandbox_core__makes_no_code),
        cmocka_unit_test(test_sandbox_core__dies_of_what_has_no_row),
        cmocka_unit_test(test_sandbox_core__an_abort_looks_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
