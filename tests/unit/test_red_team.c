/* SPDX-License-Identifier: Apache-2.0 */
/* Red team: arbitrary code runs within the core's own walls and tries every way out that we know,
 * one child a way. Each must end as its row says; then the world outside is looked at: nobody was
 * called, nothing was changed. The table of all tries is printed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
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
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "privacy/detect.h"
#include "privacy/inbound.h"

/* What the core inherits, and what is outside. */
static struct world {
    struct wf_home home;
    char dir[64];
    int listener;      /* the core's HTTP port */
    int sink;          /* somebody who waits to be called, on TCP */
    int local, hidden; /* the same on a local socket with a path, and on an abstract one */
    struct sockaddr_in to;
    struct sockaddr_un to_local, to_hidden;
    socklen_t hidden_len;
    int pair[2]; /* to another process of weft; [1] is the core's */
    pid_t parent;
    bool has_landlock;
} w;

/* A try: -1 and errno when it failed, anything else is a way out. */
typedef long try_fn(void);

#define FASTOPEN(call)                                                                             \
    do {                                                                                           \
        if (shutdown(w.listener, SHUT_RDWR) != 0)                                                  \
            return 0;                                                                              \
        return (call);                                                                             \
    } while (0)

static struct iovec one = {(void *)(uintptr_t) "secret", 6};

static struct mmsghdr message(void *to, socklen_t len)
{
    return (struct mmsghdr){
        .msg_hdr = {.msg_name = to, .msg_namelen = len, .msg_iov = &one, .msg_iovlen = 1}};
}

/* ---- sockets ---- */

static long any_family(void)
{
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM, SOCK_PACKET};
    for (int family = 0; family < 64; family++) {
        for (size_t i = 0; i < WF_ARRAY_LEN(types); i++) {
            if (family == AF_UNIX && types[i] == SOCK_STREAM)
                continue;
            if (socket(family, types[i], 0) != -1 || errno != EACCES)
                return family;
        }
    }
    return -1;
}
static long inet_high_bits(void)
{
    return syscall(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM, 0);
}
static long netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}
static long vsock(void)
{
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}
static long local_datagrams(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}
static long local_packets(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}
static long connect_local(void)
{
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&w.to_local,
                   sizeof(w.to_local));
}
static long connect_hidden(void)
{
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&w.to_hidden, w.hidden_len);
}
static long bind_local(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/mine", w.home.data);
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a));
}
static long bind_hidden(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(sa_family_t));
}
static long send_local_to(void)
{
    return sendto(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, 0, (struct sockaddr *)&w.to_local,
                  sizeof(w.to_local));
}
static long message_local_to(void)
{
    struct mmsghdr m = message(&w.to_hidden, w.hidden_len);
    return sendmsg(socket(AF_UNIX, SOCK_STREAM, 0), &m.msg_hdr, MSG_NOSIGNAL);
}

/* ---- a listener that is shut down is a plain socket again ---- */

static long listener_connect(void)
{
    FASTOPEN(connect(w.listener, (struct sockaddr *)&w.to, sizeof(w.to)));
}
static long listener_sendto(void)
{
    FASTOPEN(sendto(w.listener, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&w.to, sizeof(w.to)));
}
static long listener_sendto_plain(void)
{
    FASTOPEN(sendto(w.listener, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&w.to, sizeof(w.to)));
}
static long listener_sendmsg(void)
{
    struct mmsghdr m = message(&w.to, sizeof(w.to));
    FASTOPEN(sendmsg(w.listener, &m.msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL));
}
static long listener_sendmsg_plain(void)
{
    struct mmsghdr m = message(&w.to, sizeof(w.to));
    FASTOPEN(sendmsg(w.listener, &m.msg_hdr, MSG_NOSIGNAL));
}
static long listener_sendmmsg(void)
{
    struct mmsghdr m = message(&w.to, sizeof(w.to));
    FASTOPEN(sendmmsg(w.listener, &m, 1, MSG_FASTOPEN | MSG_NOSIGNAL));
}
static long listener_fastopen_connect(void)
{
    int on = 1;
    FASTOPEN(setsockopt(w.listener, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
}
static long listener_repair(void)
{
    int on = 1;
    FASTOPEN(setsockopt(w.listener, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)));
}
static long listener_again(void)
{
    FASTOPEN(listen(w.listener, 1));
}
static long listener_bind(void)
{
    FASTOPEN(bind(w.listener, (struct sockaddr *)&w.to, sizeof(w.to)));
}
static long listener_sendfile(void)
{
    int fd = -1;
    if (wf_file_memfd("x", &fd, NULL) != 0 || wf_file_write_all(fd, "secret", 6, NULL) != 0)
        return 0;
    (void)signal(SIGPIPE, SIG_IGN); /* a valid signal: cannot fail */
    off_t at = 0;
    FASTOPEN(sendfile(w.listener, fd, &at, 6));
}
static long listener_write(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a valid signal: cannot fail */
    FASTOPEN(write(w.listener, "secret", 6));
}
static long listener_ring(void)
{
    char params[120] = {0};
    FASTOPEN(syscall(SYS_io_uring_setup, 8, params));
}
static long ring_enter(void)
{
    return syscall(SYS_io_uring_enter, 3, 1, 0, 0, NULL, 0);
}
static long ring_register(void)
{
    return syscall(SYS_io_uring_register, 3, 0, NULL, 0);
}

/* A connection that another process hands over (it lies in the socket already). */
static long handed_socket(void)
{
    struct wf_buf b;
    bool eof;
    int fd = -1;
    wf_buf_init(&b, 16);
    int rc = wf_sock_recv_frame(w.pair[1], &b, &fd, &eof, 1000, NULL);
    errno = rc == WF_E_DENIED ? EACCES : 0;
    return rc == WF_E_DENIED && fd == -1 ? -1 : 0;
}

/* ---- files ---- */

static long open_at(const char *dir, const char *name, int flags)
{
    char path[WF_LIMIT_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return open(path, flags, 0600);
}
static long read_token(void)
{
    return open(w.home.token, O_RDONLY);
}
static long read_keys(void)
{
    return open_at(w.home.dir, "keys/openai", O_RDONLY);
}
static long read_node_key(void)
{
    return open_at(w.home.dir, "node/key", O_RDONLY);
}
static long read_transport_key(void)
{
    return open_at(w.home.dir, "link/key", O_RDONLY);
}
static long read_ledger_key(void)
{
    return open(w.home.ledger_key, O_RDONLY);
}
static long write_conf(void)
{
    return open(w.home.conf, O_WRONLY | O_CREAT, 0600);
}
static long write_ledger(void)
{
    return open_at(w.home.dir, "ledger/1", O_RDWR);
}
static long read_system(void)
{
    return open("/etc/passwd", O_RDONLY);
}
static long read_up(void)
{
    return open_at(w.home.data, "../token", O_RDONLY);
}
static long by_name_only(void)
{
    int d = open(w.home.dir, O_PATH | O_DIRECTORY);
    return d < 0 ? -1 : openat(d, "token", O_RDONLY);
}
static long open_two(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDWR, 0, 0};
    return syscall(SYS_openat2, AT_FDCWD, w.home.token, &how, sizeof(how));
}
static long devices(void)
{
    const char *const all[] = {"/dev/mem",     "/dev/kmsg",    "/dev/tty",   "/dev/ptmx",
                               "/dev/net/tun", "/dev/fuse",    "/dev/vsock", "/dev/vhost-vsock",
                               "/dev/kvm",     "/dev/null",    "/dev/shm/x", "/dev/mqueue/x",
                               "/dev/log",     "/dev/urandom", "/dev/zero"};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        if (open(all[i], O_WRONLY | O_CREAT, 0600) != -1)
            return (long)i;
    }
    errno = EACCES; /* or missing; of those only refusals count as such elsewhere */
    return -1;
}
static long own_memory(void)
{
    return open("/proc/self/mem", O_RDWR);
}
static long others_memory(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", w.parent);
    return open(path, O_RDWR);
}
static long others_descriptors(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", w.parent);
    return open(path, O_RDONLY | O_DIRECTORY);
}
static long make_link(void)
{
    char path[WF_LIMIT_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/stolen", w.home.data);
    return link(w.home.token, path);
}
static long make_symlink(void)
{
    char path[WF_LIMIT_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/led", w.home.data);
    return symlink(w.home.token, path);
}
static long move_out(void)
{
    char from[WF_LIMIT_PATH_BYTES + 16], to[WF_LIMIT_PATH_BYTES + 16];
    snprintf(from, sizeof(from), "%s/own", w.home.data);
    snprintf(to, sizeof(to), "%s/out", w.home.dir);
    return rename(from, to);
}
static long make_pipe_file(void)
{
    char path[WF_LIMIT_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/pipe", w.home.data);
    return mknod(path, S_IFIFO | 0600, 0);
}
static long change_mode(void)
{
    return chmod(w.home.token, 0644);
}
static long by_handle(void)
{
    return syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY);
}
static long leave_root(void)
{
    return chdir("/");
}

/* ---- other processes ---- */

static long trace(void)
{
    return ptrace(PTRACE_ATTACH, w.parent, NULL, NULL);
}
static long trace_me(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static long write_others(void)
{
    return process_vm_writev(w.parent, &one, 1, &one, 1, 0);
}
static long read_others(void)
{
    return process_vm_readv(w.parent, &one, 1, &one, 1, 0);
}
static long pidfd(void)
{
    return syscall(SYS_pidfd_open, w.parent, 0);
}
static long pidfd_take(void)
{
    return syscall(SYS_pidfd_getfd, w.pair[1], 1, 0);
}
static long signal_parent(void)
{
    return kill(w.parent, 0);
}
static long signal_all(void)
{
    return kill(-1, 0);
}
static long owner_of_signals(void)
{
    return fcntl(w.listener, F_SETOWN, w.parent);
}
static long push_terminal(void)
{
    return ioctl(0, TIOCSTI, "x");
}
static long run(void)
{
    char *const argv[] = {(char *)(uintptr_t) "sh", NULL};
    return execve("/bin/sh", argv, argv + 1);
}
static long run_memory(void)
{
    char *const argv[] = {(char *)(uintptr_t) "x", NULL};
    int fd = -1;
    return wf_file_memfd("x", &fd, NULL) != 0
               ? 0
               : syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH);
}
static long make_process(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static long make_process_3(void)
{
    return syscall(SYS_clone3, NULL, 0);
}
static long make_namespace(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}
static long thread_in_namespace(void)
{
    return syscall(SYS_clone, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_NEWNET, 0, 0, 0, 0);
}
static long map_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : 0;
}
static long map_written_code(void)
{
    int fd = -1;
    if (wf_file_memfd("x", &fd, NULL) != 0 || ftruncate(fd, 4096) != 0)
        return 0;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}
static long new_filter(void)
{
    return prctl(PR_SET_SECCOMP, 2, NULL);
}
static long be_traced_by_any(void)
{
    return prctl(PR_SET_PTRACER, -1L);
}
static long splice_pipe(void)
{
    return syscall(SYS_splice, 0, NULL, 1, NULL, 1, 0);
}
static long load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}
static long take_key(void)
{
    return syscall(SYS_keyctl, 0, -3, 0);
}
static long share_memory(void)
{
    return syscall(SYS_shmget, 0x77656674, 4096, 01600);
}
static long queue(void)
{
    return syscall(SYS_mq_open, "weft", O_RDWR | O_CREAT, 0600, NULL);
}
static long module(void)
{
    return syscall(SYS_init_module, NULL, 0, "");
}
static long mount_one(void)
{
    return syscall(SYS_mount, "none", w.home.data, "tmpfs", 0, NULL);
}
#ifdef __x86_64__
static long x32_form(void)
{
    return syscall(SYS_socket | 0x40000000, AF_INET, SOCK_STREAM, 0);
}
#ifndef __clang_analyzer__
static long old_gate(void)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(102), "b"(1), "c"(0) : "memory", "cc");
    return r < 0 ? (errno = (int)-r, -1) : r; /* socketcall */
}
#endif
#endif

enum expected {
    REFUSED, /* EACCES, EPERM, ENOSYS, or what libraries probe: ENOPROTOOPT, ENOTTY */
    KILLED,  /* SIGSYS */
    BROKEN,  /* the socket is none any more: EPIPE, ENOTCONN */
    HIDDEN,  /* as REFUSED where the kernel has Landlock; not tried elsewhere */
};

#define ROW(fn, what, how)                                                                         \
    {                                                                                              \
        fn, what, how                                                                              \
    }
/* clang-format off */
static const struct {
    try_fn *fn;
    const char *what;
    enum expected how;
} rows[] = {
    ROW(any_family, "a socket of any of 64 families and 6 types", REFUSED),
    ROW(inet_high_bits, "an inet socket, number with high bits", REFUSED),
    ROW(netlink, "netlink", REFUSED), ROW(vsock, "vsock to the host", REFUSED),
    ROW(local_datagrams, "local datagram sockets", REFUSED),
    ROW(local_packets, "local packet sockets", REFUSED),
    ROW(connect_local, "connect to another's local socket", REFUSED),
    ROW(connect_hidden, "connect to another's abstract socket", REFUSED),
    ROW(bind_local, "bind a local socket", REFUSED),
    ROW(bind_hidden, "bind an abstract socket", REFUSED),
    ROW(send_local_to, "sendto another's local socket", REFUSED),
    ROW(message_local_to, "sendmsg to another's abstract socket", BROKEN),
    ROW(listener_connect, "shut listener: connect", REFUSED),
    ROW(listener_sendto, "shut listener: sendto, MSG_FASTOPEN", REFUSED),
    ROW(listener_sendto_plain, "shut listener: sendto an address", REFUSED),
    ROW(listener_sendmsg, "shut listener: sendmsg, MSG_FASTOPEN", REFUSED),
    ROW(listener_sendmsg_plain, "shut listener: sendmsg to an address", BROKEN),
    ROW(listener_sendmmsg, "shut listener: sendmmsg, MSG_FASTOPEN", REFUSED),
    ROW(listener_fastopen_connect, "shut listener: TCP_FASTOPEN_CONNECT", REFUSED),
    ROW(listener_repair, "shut listener: TCP_REPAIR", REFUSED),
    ROW(listener_again, "shut listener: listen again", REFUSED),
    ROW(listener_bind, "shut listener: bind", REFUSED),
    ROW(listener_sendfile, "shut listener: sendfile", BROKEN),
    ROW(listener_write, "shut listener: write", BROKEN),
    ROW(listener_ring, "shut listener: io_uring", REFUSED),
    ROW(ring_enter, "io_uring_enter", KILLED), ROW(ring_register, "io_uring_register", KILLED),
    ROW(handed_socket, "an inet socket handed over (SCM_RIGHTS)", REFUSED),
    ROW(read_token, "read the home's token", HIDDEN),
    ROW(read_keys, "read a provider's key", HIDDEN),
    ROW(read_node_key, "read this node's key", HIDDEN),
    ROW(read_transport_key, "read link's transport key", HIDDEN),
    ROW(read_ledger_key, "read the ledger's key", HIDDEN),
    ROW(write_conf, "write the settings", HIDDEN), ROW(write_ledger, "write the ledger", HIDDEN),
    ROW(read_system, "read /etc/passwd", HIDDEN), ROW(read_up, "read over ..", HIDDEN),
    ROW(by_name_only, "read over O_PATH", HIDDEN), ROW(open_two, "openat2", REFUSED),
    ROW(devices, "write or make 15 devices", HIDDEN), ROW(own_memory, "/proc/self/mem", HIDDEN),
    ROW(others_memory, "another's /proc/PID/mem", HIDDEN),
    ROW(others_descriptors, "another's /proc/PID/fd", HIDDEN),
    ROW(make_link, "hard link from outside", HIDDEN), ROW(make_symlink, "symbolic link", REFUSED),
    ROW(move_out, "move a file out", HIDDEN), ROW(make_pipe_file, "a named pipe", REFUSED),
    ROW(change_mode, "chmod", REFUSED), ROW(by_handle, "open_by_handle_at", KILLED),
    ROW(leave_root, "chdir", REFUSED),
    ROW(trace, "ptrace", KILLED), ROW(trace_me, "be traced", KILLED),
    ROW(write_others, "process_vm_writev", KILLED), ROW(read_others, "process_vm_readv", KILLED),
    ROW(pidfd, "pidfd_open", KILLED), ROW(pidfd_take, "pidfd_getfd", KILLED),
    ROW(signal_parent, "a signal to the parent", REFUSED),
    ROW(signal_all, "a signal to all", REFUSED),
    ROW(owner_of_signals, "signals by fcntl", REFUSED),
    ROW(push_terminal, "type into the terminal", REFUSED), ROW(run, "execve", KILLED),
    ROW(run_memory, "execveat of memory", KILLED), ROW(make_process, "clone", REFUSED),
    ROW(make_process_3, "clone3", REFUSED), ROW(make_namespace, "unshare", KILLED),
    ROW(thread_in_namespace, "a thread in a new network", REFUSED),
    ROW(map_code, "writable code", REFUSED), ROW(map_written_code, "code from a file", REFUSED),
    ROW(new_filter, "another filter", REFUSED), ROW(be_traced_by_any, "PR_SET_PTRACER", REFUSED),
    ROW(splice_pipe, "splice", KILLED), ROW(load_bpf, "bpf", KILLED),
    ROW(take_key, "the kernel's keys", KILLED), ROW(share_memory, "System V memory", KILLED),
    ROW(queue, "a message queue", KILLED), ROW(module, "a kernel module", KILLED),
    ROW(mount_one, "mount", KILLED),
#ifdef __x86_64__
    ROW(x32_form, "the x32 form of socket", KILLED),
#ifndef __clang_analyzer__
    ROW(old_gate, "socketcall by int 0x80", KILLED),
#endif
#endif
};
/* clang-format on */

#define GOT_OUT 200
#define NO_WALLS 201

static int in_core(try_fn *fn, int (*lock)(struct wf_err *err))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct wf_err err = WF_ERR_INIT;
        int rc = lock(&err);
        if (rc != 0)
            _exit(NO_WALLS);
        errno = 0;
        _exit(fn() == -1 && errno > 0 ? errno : GOT_OUT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int core_walls(struct wf_err *err)
{
    return wf_core_lock_down(&w.home, "", err);
}

static bool is_as_expected(enum expected how, int result)
{
    switch (how) {
    case KILLED:
        return result == -SIGSYS;
    case BROKEN:
        return result == EPIPE || result == ENOTCONN || result == EINVAL || result == EOPNOTSUPP;
    case REFUSED:
    case HIDDEN:
        break;
    }
    return result == EACCES || result == EPERM || result == ENOSYS || result == ENOPROTOOPT ||
           result == ENOTTY || result == EXDEV;
}

static int listen_local(struct sockaddr_un *a, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)a, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static int set_up(void **state)
{
    (void)state;
    char path[WF_LIMIT_PATH_BYTES + 32];
    uint16_t port = 0;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    w.parent = getpid();
    w.has_landlock = wf_sandbox_support().landlock_abi >= 2;
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(wf_home_init(&w.home, w.dir, NULL), 0);
    assert_int_equal(wf_home_create(&w.home, NULL), 0);
    const char *const files[] = {"token",    "weft.conf", "keys/openai", "ledger/1",
                                 "data/own", "node/key",  "link/key",    "airlock/ledger.key"};
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", w.dir, files[i]);
        *strrchr(path, '/') = '\0';
        assert_int_equal(wf_file_mkdirs(path, NULL), 0);
        snprintf(path, sizeof(path), "%s/%s", w.dir, files[i]);
        assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    }
    assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &w.sink, &port, NULL), 0);
    w.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    w.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w.to_local = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(w.to_local.sun_path, sizeof(w.to_local.sun_path), "%s/local", w.dir);
    w.local = listen_local(&w.to_local, sizeof(w.to_local));
    w.to_hidden = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(w.to_hidden.sun_path + 1, sizeof(w.to_hidden.sun_path) - 1, "weft-red-%d",
                     getpid());
    w.hidden_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    w.hidden = listen_local(&w.to_hidden, w.hidden_len);
    assert_int_equal(wf_sock_pair(w.pair, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    wf_file_close(&w.sink);
    wf_file_close(&w.local);
    wf_file_close(&w.hidden);
    wf_file_close(&w.pair[0]);
    wf_file_close(&w.pair[1]);
    return system(command);
}

static void nobody_was_called(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

static void nothing_changed(void)
{
    char path[WF_LIMIT_PATH_BYTES + 32];
    const char *const absent[] = {"out", "data/stolen", "data/led", "data/pipe", "data/mine"};
    struct stat st;
    for (size_t i = 0; i < WF_ARRAY_LEN(absent); i++) {
        snprintf(path, sizeof(path), "%s/%s", w.dir, absent[i]);
        if (i > 0 || w.has_landlock)
            assert_int_equal(lstat(path, &st), -1);
    }
    assert_int_equal(stat(w.home.token, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
}

static void test_red_team__no_way_out_of_the_core(void **state)
{
    (void)state;
    size_t n_out = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        uint16_t port = 0;
        int tcp = socket(AF_INET, SOCK_STREAM, 0);
        if (rows[i].how == HIDDEN && !w.has_landlock)
            continue;
        assert_int_equal(wf_sock_listen_tcp("127.0.0.1", 0, &w.listener, &port, NULL), 0);
        if (rows[i].fn == handed_socket)
            assert_int_equal(wf_sock_send_frame(w.pair[0], "", 0, tcp, 1000, NULL), 0);
        int result = in_core(rows[i].fn, core_walls);
        wf_file_close(&w.listener);
        close(tcp);
        if (result == NO_WALLS)
            skip();
        bool ok = is_as_expected(rows[i].how, result);
        print_message("    %-44s %s%s\n", rows[i].what,
                      result == -SIGSYS   ? "killed"
                      : result == GOT_OUT ? "OUT"
                      : result > 0        ? strerrorname_np(result)
                                          : "died",
                      ok ? "" : "   <- not as expected");
        n_out += ok ? 0 : 1;
    }
    assert_int_equal(n_out, 0);
    nobody_was_called(w.sink);
    nobody_was_called(w.local);
    nobody_was_called(w.hidden);
    nothing_changed();
}

/* ---- who has a network may not hand it to the core ---- */

static int network_walls(struct wf_err *err)
{
    const char *const none[] = {NULL};
    const struct wf_sandbox_options o = {
        .kind = WF_SANDBOX_AIRLOCK, .write_dirs = none, .read_dirs = none, .threads = true};
    return wf_sandbox_enter(&o, err);
}

static long hand_over(void)
{
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (tcp < 0 || wf_sock_send_frame(w.pair[0], "plain", 5, -1, 1000, NULL) != 0)
        return 0; /* these must work */
    return wf_sock_send_frame(w.pair[0], "", 0, tcp, 1000, NULL) == 0 ? 0 : (errno = EACCES, -1);
}
static long hand_over_many(void)
{
    struct mmsghdr m = message(NULL, 0);
    return sendmmsg(w.pair[0], &m, 1, 0);
}
static long airlock_listens(void)
{
    return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}
static long airlock_local(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static void test_red_team__the_airlock_hands_no_connection_over(void **state)
{
    (void)state;
    try_fn *const tries[] = {hand_over, hand_over_many, airlock_listens, airlock_local, run, trace};
    for (size_t i = 0; i < WF_ARRAY_LEN(tries); i++) {
        int result = in_core(tries[i], network_walls);
        if (result == NO_WALLS)
            skip();
        if (i < 4)
            assert_int_equal(result, EACCES);
        else
            assert_int_equal(result, -SIGSYS);
    }
}

/* ---- machine code that is there may not be changed ---- */

static struct {
    struct wf_detector *detector;
    struct wf_inbound *inbound;
    uintptr_t start, end; /* pages that were writable and executable */
} code;

/* The first pages in a process's list that are both; false: there are none. */
static bool find_open_code(const char *path, uintptr_t *out_start, uintptr_t *out_end)
{
    char line[512];
    FILE *f = fopen(path, "re");
    bool is_found = false;

    assert_non_null(f);
    while (!is_found && fgets(line, sizeof(line), f) != NULL) {
        char *at = line;
        *out_start = strtoul(at, &at, 16);
        *out_end = strtoul(at + 1, &at, 16);
        is_found = strncmp(at, " rwx", 4) == 0;
    }
    fclose(f);
    return is_found;
}

static int code_walls_of(int (*walls)(struct wf_err *err), struct wf_err *err)
{
    const struct wf_detect_options o = {.plain_only = false};

    (void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler: cannot fail */
    if (wf_detector_open(&o, &code.detector, err) != 0 || wf_inbound_open(&code.inbound, err) != 0)
        abort();
    if (!find_open_code("/proc/self/maps", &code.start, &code.end))
        return -1; /* expressions are not compiled on this machine */
    return walls(err);
}
static int code_walls(struct wf_err *err)
{
    return code_walls_of(core_walls, err);
}
static int airlock_code_walls(struct wf_err *err)
{
    return code_walls_of(network_walls, err);
}
static long write_code(void)
{
    *(volatile unsigned char *)code.start = 0xc3; /* NOLINT(performance-no-int-to-ptr) */
    return 0;
}
static long grow_code(void)
{
    void *at = (void *)code.start; /* NOLINT(performance-no-int-to-ptr) */
    unsigned char *moved =
        mremap(at, code.end - code.start, 2 * (code.end - code.start), MREMAP_MAYMOVE);
    if (moved == MAP_FAILED)
        return -1;
    *(volatile unsigned char *)moved = 0xc3;
    return 0;
}
static long open_code(void)
{
    void *at = (void *)code.start; /* NOLINT(performance-no-int-to-ptr) */
    return mprotect(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}
/* It may be given up, changed, and is data from then on. */
static long exchange_code(void)
{
    unsigned char *at = (unsigned char *)code.start; /* NOLINT(performance-no-int-to-ptr) */
    if (mprotect(at, 4096, PROT_READ | PROT_WRITE) != 0)
        return 0; /* this must work */
    *at = 0xc3;
    return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}
static long map_code_over(void)
{
    void *at = (void *)code.start; /* NOLINT(performance-no-int-to-ptr) */
    return mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}
static long map_shared_code(void)
{
    int fd = -1;
    unsigned char *writable;
    if (wf_file_memfd("x", &fd, NULL) != 0 || ftruncate(fd, 4096) != 0)
        return 0;
    writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (writable == MAP_FAILED)
        return 0;
    *writable = 0xc3;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0;
}
static long map_own_file(void)
{
    int fd = (int)open_at(w.home.data, "own", O_RDWR);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return 0;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}
static long by_key(void)
{
    return syscall(SYS_pkey_mprotect, code.start, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, -1);
}
static long read_is_execute(void)
{
    return syscall(SYS_personality, 0x0400000);
}
/* What is there still works, is freed without harm, and nothing new is made in its pages. */
static long detectors_work(void)
{
    const struct wf_detect_options o = {.plain_only = false};
    struct wf_detector *later = NULL;

    for (int i = 0; i < 2; i++) {
        struct wf_detector *d = i == 0 ? code.detector : later;
        struct wf_detect_run *run = NULL;
        struct wf_pii_list list;
        if (wf_detect_run_new(d, &run, NULL) != 0 ||
            wf_detect_scan(run, WF_STR("my card: 4111 1111 1111 1111"),
                           (struct wf_pii_list){.n = 0}, &list, NULL) != 0 ||
            list.n != 1)
            return 0;
        wf_detect_run_free(run);
        wf_detector_free(d);
        if (i == 0 && wf_detector_open(&o, &later, NULL) != 0)
            return 0;
    }
    wf_inbound_free(code.inbound);
    errno = EPERM;
    return -1;
}
static long wait_to_be_seen(void)
{
    return raise(SIGSTOP);
}

static void test_red_team__machine_code_stays_as_it_is(void **state)
{
    static const struct {
        try_fn *fn;
        int result;
    } tries[] = {
        {write_code, -SIGSEGV},  {grow_code, -SIGSEGV},   {open_code, EACCES},
        {exchange_code, EACCES}, {map_code_over, EACCES}, {map_shared_code, EACCES},
        {map_own_file, EACCES},  {by_key, -SIGSYS},       {read_is_execute, -SIGSYS},
        {detectors_work, EPERM},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tries); i++) {
        int result = in_core(tries[i].fn, code_walls);
        if (result == NO_WALLS)
            skip();
        assert_int_equal(result, tries[i].result);
        if (tries[i].fn == map_own_file || tries[i].fn == map_shared_code)
            continue; /* airlock has no such file, and can make none in memory */
        assert_int_equal(in_core(tries[i].fn, airlock_code_walls), tries[i].result);
    }
}

static void test_red_team__no_page_is_writable_and_executable(void **state)
{
    char path[64];
    uintptr_t start, end;
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct wf_err err = WF_ERR_INIT;
        if (code_walls(&err) != 0)
            _exit(NO_WALLS);
        _exit((int)wait_to_be_seen());
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_WALLS)
        skip();
    assert_true(WIFSTOPPED(status));
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    bool is_found = find_open_code(path, &start, &end);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(is_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_red_team__no_way_out_of_the_core, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_red_team__the_airlock_hands_no_connection_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_red_team__machine_code_stays_as_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_red_team__no_page_is_writable_and_executable, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
