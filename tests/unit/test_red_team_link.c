/* SPDX-License-Identifier: Apache-2.0 */
/* Red team: arbitrary code runs within the walls of the process link, which has a network, and
 * tries every way that we know to plaintext, to keys, to programs, to other processes of weft and
 * to being reached by others; one child a way. Each must end as its row says.
 *
 * What link may, and what no row here forbids: connect to any address over TCP and UDP and send
 * what it has, which is its transport key and bytes that core has sealed; take connections at the
 * port it was given; read the six files by which names are resolved. Those rows are here, too, as
 * ALLOWED, so that the table says all of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/link.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"

static struct world {
    struct wf_home home;
    char dir[64];
    int core; /* link's end of the way to core */
    int core_end;
    int listener;   /* link's own */
    int sink;       /* somebody on TCP who may be called */
    int core_local; /* core's local socket, listening, outside */
    struct sockaddr_in to;
    struct sockaddr_un to_core;
    pid_t parent;
    bool has_landlock;
} w;

/* A try: -1 and errno when it failed, anything else is a way out. */
typedef long try_fn(void);

static struct iovec one = {(void *)(uintptr_t) "secret", 6};

/* ---- plaintext and keys ---- */

static long open_in(const char *name, int flags)
{
    char path[WF_LIMIT_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", w.home.dir, name);
    return open(path, flags, 0600);
}
static long read_store(void)
{
    return open_in("data/weft.db", O_RDONLY);
}
static long list_data(void)
{
    return open_in("data", O_RDONLY | O_DIRECTORY);
}
static long read_token(void)
{
    return open_in("token", O_RDONLY);
}
static long read_provider_key(void)
{
    return open_in("keys/openai", O_RDONLY);
}
static long read_device_key(void)
{
    return open_in("keys/device", O_RDONLY);
}
static long read_node_key(void)
{
    return open_in("node/key", O_RDONLY);
}
static long read_ledger_key(void)
{
    return open_in("airlock/ledger.key", O_RDONLY);
}
static long read_own_key_again(void)
{
    return open_in("link/key", O_RDONLY);
}
static long write_wanted(void)
{
    return open_in("data/mesh/wanted", O_WRONLY | O_CREAT);
}
static long write_own_folder(void)
{
    return open_in("link/loot", O_WRONLY | O_CREAT);
}
static long write_tmp(void)
{
    return open("/tmp/weft-loot", O_WRONLY | O_CREAT, 0600);
}
static long write_a_resolver_file(void)
{
    return open("/etc/hosts", O_WRONLY);
}
static long read_passwd(void)
{
    return open("/etc/passwd", O_RDONLY);
}
static long by_path_only(void)
{
    int d = open(w.home.dir, O_PATH | O_DIRECTORY);
    return d < 0 ? -1 : openat(d, "token", O_RDONLY);
}
static long open_two(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};
    return syscall(SYS_openat2, AT_FDCWD, w.home.token, &how, sizeof(how));
}
static long remove_token(void)
{
    return unlink(w.home.token);
}
static long move_token(void)
{
    return rename(w.home.token, w.home.conf);
}
static long make_folder(void)
{
    char path[WF_LIMIT_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/x", w.home.dir);
    return mkdir(path, 0700);
}
static long link_token(void)
{
    char path[WF_LIMIT_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/x", w.home.dir);
    return link(w.home.token, path);
}
static long symlink_token(void)
{
    char path[WF_LIMIT_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/x", w.home.dir);
    return symlink(w.home.token, path);
}
static long open_mode(void)
{
    return chmod(w.home.token, 0666);
}
static long core_memory(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", w.parent);
    return open(path, O_RDONLY);
}
static long core_environment(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/environ", w.parent);
    return open(path, O_RDONLY);
}
static long core_descriptors(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", w.parent);
    return open(path, O_RDONLY | O_DIRECTORY);
}
static long own_memory(void)
{
    return open("/proc/self/mem", O_RDWR);
}
static long by_handle(void)
{
    return syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY);
}
static long memory_file(void)
{
    return syscall(SYS_memfd_create, "x", 0);
}

/* ---- core and other processes ---- */

static long connect_core(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&w.to_core, sizeof(w.to_core));
}
static long any_local_socket(void)
{
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int pair[2];
    for (size_t i = 0; i < WF_ARRAY_LEN(types); i++) {
        if (socket(AF_UNIX, types[i], 0) != -1 || socketpair(AF_UNIX, types[i], 0, pair) != -1)
            return (long)i;
    }
    return -1;
}
static long pass_descriptor(int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr m = {.msg_iov = &one,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    return sendmsg(w.core, &m, MSG_NOSIGNAL);
}
static long pass_connection(void)
{
    return pass_descriptor(socket(AF_INET, SOCK_STREAM, 0));
}
static long pass_listener(void)
{
    return pass_descriptor(w.listener);
}
static long pass_many(void)
{
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &one, .msg_iovlen = 1}};
    return sendmmsg(w.core, &m, 1, MSG_NOSIGNAL);
}
static long trace(void)
{
    return ptrace(PTRACE_ATTACH, w.parent, NULL, NULL);
}
static long trace_me(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static long read_core(void)
{
    return process_vm_readv(w.parent, &one, 1, &one, 1, 0);
}
static long write_core(void)
{
    return process_vm_writev(w.parent, &one, 1, &one, 1, 0);
}
static long pidfd(void)
{
    return syscall(SYS_pidfd_open, w.parent, 0);
}
static long pidfd_take(void)
{
    return syscall(SYS_pidfd_getfd, w.core, 1, 0);
}
static long signal_parent(void)
{
    return kill(w.parent, 0);
}
static long signal_group(void)
{
    return kill(0, SIGCONT);
}
static long own_signals(void)
{
    return fcntl(w.listener, F_SETOWN, w.parent);
}
static long share_memory(void)
{
    return syscall(SYS_shmget, 0x77656674, 4096, 01600);
}
static long queue(void)
{
    return syscall(SYS_mq_open, "weft", O_RDWR | O_CREAT, 0600, NULL);
}
static long keyring(void)
{
    return syscall(SYS_keyctl, 0, -3, 0);
}

/* ---- programs and code ---- */

static long run(void)
{
    char *const argv[] = {(char *)(uintptr_t) "sh", NULL};
    return execve("/bin/sh", argv, argv + 1);
}
static long run_at(void)
{
    char *const argv[] = {(char *)(uintptr_t) "sh", NULL};
    return syscall(SYS_execveat, AT_FDCWD, "/bin/sh", argv, argv + 1, 0);
}
static long make_process(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static long make_process_3(void)
{
    return syscall(SYS_clone3, NULL, 0);
}
#ifdef SYS_fork
static long old_fork(void)
{
    return syscall(SYS_fork);
}
static long old_vfork(void)
{
    return syscall(SYS_vfork);
}
#endif
static long map_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : 0;
}
static long make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static long map_library(void)
{
    int fd = open("/etc/hosts", O_RDONLY);
    return mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}
static long new_filter(void)
{
    return prctl(PR_SET_SECCOMP, 2, NULL);
}
static long be_traced_by_any(void)
{
    return prctl(PR_SET_PTRACER, -1L);
}
static long be_dumped(void)
{
    return prctl(PR_SET_DUMPABLE, 1);
}
static long make_namespace(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}
static long enter_namespace(void)
{
    return setns(w.core, 0);
}
static long load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}
static long module(void)
{
    return syscall(SYS_init_module, NULL, 0, "");
}
static long mount_one(void)
{
    return syscall(SYS_mount, "none", w.home.data, "tmpfs", 0, NULL);
}
static long ring(void)
{
    char params[120] = {0};
    return syscall(SYS_io_uring_setup, 8, params);
}
static long splice_pipe(void)
{
    return syscall(SYS_splice, 0, NULL, 1, NULL, 1, 0);
}
static long change_user(void)
{
    return setuid(0);
}

/* ---- being reached, and other networks ---- */

static int inet_socket(int type)
{
    return socket(AF_INET, type, 0);
}
static long bind_tcp(void)
{
    const struct sockaddr_in a = {.sin_family = AF_INET};
    return bind(inet_socket(SOCK_STREAM), (const struct sockaddr *)&a, sizeof(a));
}
static long bind_udp(void)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5353)};
    return bind(inet_socket(SOCK_DGRAM), (const struct sockaddr *)&a, sizeof(a));
}
static long listen_more(void)
{
    return listen(inet_socket(SOCK_STREAM), 8);
}
static long listen_longer(void)
{
    return listen(w.listener, 4096);
}
static long send_to(void)
{
    return sendto(inet_socket(SOCK_DGRAM), "x", 1, 0, (struct sockaddr *)&w.to, sizeof(w.to));
}
static long fast_open(void)
{
    return sendto(inet_socket(SOCK_STREAM), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&w.to,
                  sizeof(w.to));
}
static long message_to(void)
{
    struct msghdr m = {
        .msg_name = &w.to, .msg_namelen = sizeof(w.to), .msg_iov = &one, .msg_iovlen = 1};
    return sendmsg(inet_socket(SOCK_DGRAM), &m, MSG_NOSIGNAL);
}
static long raw_socket(void)
{
    return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}
static long other_families(void)
{
    for (int family = 0; family < 64; family++) {
        if (family == AF_INET || family == AF_INET6)
            continue;
        if (socket(family, SOCK_STREAM, 0) != -1 || socket(family, SOCK_DGRAM, 0) != -1 ||
            socket(family, SOCK_RAW, 0) != -1)
            return family;
    }
    return -1;
}
static long to_device(void)
{
    return setsockopt(inet_socket(SOCK_STREAM), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
}
static long as_another(void)
{
    const int on = 1;
    return setsockopt(inet_socket(SOCK_STREAM), IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));
}
static long repair(void)
{
    const int on = 1;
    return setsockopt(inet_socket(SOCK_STREAM), IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
}

/* ---- what it may ---- */

static long may_connect(void)
{
    return connect(inet_socket(SOCK_STREAM), (struct sockaddr *)&w.to, sizeof(w.to));
}
static long may_send_datagrams(void)
{
    int fd = inet_socket(SOCK_DGRAM);
    return connect(fd, (struct sockaddr *)&w.to, sizeof(w.to)) != 0 ? -1 : send(fd, "x", 1, 0);
}
static long may_tell_core(void)
{
    return send(w.core, "x", 1, MSG_NOSIGNAL);
}
static long may_resolve(void)
{
    return open("/etc/hosts", O_RDONLY);
}

enum expected {
    REFUSED, /* EACCES, EPERM, ENOSYS, or what libraries probe */
    KILLED,  /* SIGSYS */
    HIDDEN,  /* as REFUSED where the kernel has Landlock; not tried elsewhere */
    ALLOWED, /* it is what link is for */
};

/* clang-format off */
static const struct {
    try_fn *fn;
    const char *what;
    enum expected how;
} rows[] = {
    {read_store, "read the store", HIDDEN}, {list_data, "list the data folder", HIDDEN},
    {read_token, "read the home's token", HIDDEN},
    {read_provider_key, "read a provider's key", HIDDEN},
    {read_device_key, "read the device's key", HIDDEN},
    {read_node_key, "read this node's key", HIDDEN},
    {read_ledger_key, "read the ledger's key", HIDDEN},
    {read_own_key_again, "read its own key's file again", HIDDEN},
    {write_wanted, "write core's wish", REFUSED}, {write_own_folder, "write its folder", REFUSED},
    {write_tmp, "write in /tmp", REFUSED}, {write_a_resolver_file, "write /etc/hosts", REFUSED},
    {read_passwd, "read /etc/passwd", HIDDEN}, {by_path_only, "read over O_PATH", HIDDEN},
    {open_two, "openat2", REFUSED}, {remove_token, "remove a file", REFUSED},
    {move_token, "move a file", REFUSED}, {make_folder, "make a folder", REFUSED},
    {link_token, "hard link", REFUSED}, {symlink_token, "symbolic link", REFUSED},
    {open_mode, "chmod", REFUSED}, {core_memory, "core's /proc/PID/mem", HIDDEN},
    {core_environment, "core's /proc/PID/environ", HIDDEN},
    {core_descriptors, "core's /proc/PID/fd", HIDDEN}, {own_memory, "/proc/self/mem", REFUSED},
    {by_handle, "open_by_handle_at", KILLED}, {memory_file, "memfd_create", REFUSED},

    {connect_core, "connect to core's local socket", REFUSED},
    {any_local_socket, "any local socket or pair", REFUSED},
    {pass_connection, "hand core a connection", REFUSED},
    {pass_listener, "hand core a listener", REFUSED}, {pass_many, "sendmmsg", REFUSED},
    {trace, "ptrace", KILLED}, {trace_me, "be traced", KILLED},
    {read_core, "process_vm_readv", KILLED}, {write_core, "process_vm_writev", KILLED},
    {pidfd, "pidfd_open", KILLED}, {pidfd_take, "pidfd_getfd", KILLED},
    {signal_parent, "a signal to the parent", REFUSED},
    {signal_group, "a signal to the group", REFUSED}, {own_signals, "signals by fcntl", REFUSED},
    {share_memory, "System V memory", KILLED}, {queue, "a message queue", KILLED},
    {keyring, "the kernel's keys", KILLED},

    {run, "execve", KILLED}, {run_at, "execveat", KILLED}, {make_process, "clone", REFUSED},
    {make_process_3, "clone3", REFUSED},
#ifdef SYS_fork
    {old_fork, "fork", KILLED}, {old_vfork, "vfork", KILLED},
#endif
    {map_code, "writable code", REFUSED}, {make_code, "code out of data", REFUSED},
    {map_library, "code from a file", REFUSED}, {new_filter, "another filter", REFUSED},
    {be_traced_by_any, "PR_SET_PTRACER", REFUSED}, {be_dumped, "PR_SET_DUMPABLE", REFUSED},
    {make_namespace, "unshare", KILLED}, {enter_namespace, "setns", KILLED},
    {load_bpf, "bpf", KILLED}, {module, "a kernel module", KILLED}, {mount_one, "mount", KILLED},
    {ring, "io_uring", REFUSED}, {splice_pipe, "splice", KILLED}, {change_user, "setuid", KILLED},

    {bind_tcp, "bind TCP", REFUSED}, {bind_udp, "bind UDP", REFUSED},
    {listen_more, "another listener", REFUSED}, {listen_longer, "listen again", REFUSED},
    {send_to, "sendto an address", REFUSED}, {fast_open, "MSG_FASTOPEN", REFUSED},
    {message_to, "sendmsg to an address", REFUSED}, {raw_socket, "a raw socket", REFUSED},
    {other_families, "62 other families, netlink, vsock, packets", REFUSED},
    {to_device, "SO_BINDTODEVICE", REFUSED}, {as_another, "IP_TRANSPARENT", REFUSED},
    {repair, "TCP_REPAIR", REFUSED},

    {may_connect, "connect over TCP (dialling)", ALLOWED},
    {may_send_datagrams, "connected UDP (names, mDNS)", ALLOWED},
    {may_tell_core, "bytes to core", ALLOWED}, {may_resolve, "read /etc/hosts", ALLOWED},
};
/* clang-format on */

#define GOT_OUT 200
#define NO_WALLS 201

static int in_link(try_fn *fn)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct wf_err err = WF_ERR_INIT;
        if (wf_link_lock_down(&err) != 0)
            _exit(NO_WALLS);
        errno = 0;
        _exit(fn() == -1 && errno > 0 ? errno : GOT_OUT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_as_expected(enum expected how, int result)
{
    switch (how) {
    case KILLED:
        return result == -SIGSYS;
    case ALLOWED:
        return result == GOT_OUT;
    case REFUSED:
    case HIDDEN:
        break;
    }
    return result == EACCES || result == EPERM || result == ENOSYS || result == ENOPROTOOPT ||
           result == ENOTTY;
}

static void put_file(const char *name)
{
    char path[WF_LIMIT_PATH_BYTES + 64];

    snprintf(path, sizeof(path), "%s/%s", w.home.dir, name);
    *strrchr(path, '/') = 0;
    assert_int_equal(wf_file_mkdirs(path, NULL), 0);
    path[strlen(path)] = '/';
    assert_int_equal(wf_file_replace(path, "secret", 6, 0600, NULL), 0);
}

static int set_up(void **state)
{
    const char *const files[] = {"data/weft.db", "token",    "keys/openai",       "keys/device",
                                 "link/key",     "node/key", "airlock/ledger.key"};
    uint16_t port = 0;
    int pair[2];

    (void)state;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    if (!mkdtemp(w.dir))
        return -1;
    assert_int_equal(wf_home_init(&w.home, w.dir, NULL), 0);
    assert_int_equal(wf_home_create(&w.home, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++)
        put_file(files[i]);
    assert_int_equal(wf_sock_pair(pair, NULL), 0);
    w.core = pair[0];
    w.core_end = pair[1];
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &w.listener, &port, NULL), 0);
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &w.sink, &port, NULL), 0);
    w.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    w.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(wf_sock_listen_unix(w.home.socket, &w.core_local, NULL), 0);
    w.to_core.sun_family = AF_UNIX;
    snprintf(w.to_core.sun_path, sizeof(w.to_core.sun_path), "%.100s", w.home.socket);
    w.parent = getpid();
    w.has_landlock = wf_sandbox_support().landlock_abi >= 1;
    return 0;
}

static void test_red_team_link__no_way_to_plaintext_keys_or_programs(void **state)
{
    static const char *const hows[] = {"refused", "killed", "hidden", "ALLOWED"};
    unsigned n_out = 0, n_allowed = 0, n_skipped = 0;

    (void)state;
    if (!wf_sandbox_support().seccomp)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (rows[i].how == HIDDEN && !w.has_landlock) {
            n_skipped++;
            continue;
        }
        int result = in_link(rows[i].fn);
        bool ok = is_as_expected(rows[i].how, result);
        n_out += ok ? 0 : 1;
        n_allowed += rows[i].how == ALLOWED ? 1 : 0;
        printf("  %-45s %s%s\n", rows[i].what, hows[rows[i].how], ok ? "" : "  <-- NOT SO");
        if (!ok)
            printf("      came to %d (%s)\n", result, result < 0 ? "signal" : strerror(result));
    }
    printf("  %zu ways tried, %u are what link is for, %u not tried without Landlock, %u led out\n",
           WF_ARRAY_LEN(rows), n_allowed, n_skipped, n_out);
    assert_int_equal(n_out, 0);
}

/* The world outside is as it was. */
static void test_red_team_link__nothing_outside_has_changed(void **state)
{
    struct stat st;
    char path[WF_LIMIT_PATH_BYTES + 16], bytes[64];
    ssize_t n;

    (void)state;
    assert_int_equal(stat(w.home.token, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    snprintf(path, sizeof(path), "%s/x", w.home.dir);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/loot", w.home.link);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access("/tmp/weft-loot", F_OK), 0);
    n = recv(w.core_end, bytes, sizeof(bytes), MSG_DONTWAIT);
    assert_true(n <= 1); /* the one byte that it may tell */
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    assert_int_equal(fcntl(w.core_local, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(w.core_local, (struct sockaddr *)&a, &len), -1);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", w.dir, (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_red_team_link__no_way_to_plaintext_keys_or_programs),
        cmocka_unit_test(test_red_team_link__nothing_outside_has_changed),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
