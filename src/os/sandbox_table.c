/* SPDX-License-Identifier: Apache-2.0 */
/* Who may make which system call: the sandbox's policy, and nothing else.
 *
 * What has no row ends the process: ptrace, process_vm_*, pidfd_*, bpf, perf, keys, mounts,
 * namespaces, users and groups, modules, clocks, System V IPC, reboot and all that is to come.
 * Errors are for what libraries try and live without. How a row is read: sandbox_internal.h; why
 * network calls look as they do: sandbox_filter.c. Needed by: glibc (memory, threads, time), SQLite
 * in WAL mode (mapped memory, locks, durability), libwebsockets' loop (poll, eventfd, sockets it
 * accepted), poppler's programs (exec, the loader, fonts). */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "os/sandbox_internal.h"

#define ALL WF_POWER_LEAST
#define CORE WF_POWER_CORE
#define PATHS WF_POWER_PATHS
#define MAP_CODE WF_POWER_MAP_CODE
#define EXEC WF_POWER_EXEC
#define THREADS WF_POWER_THREADS
#define WATCH WF_POWER_WATCH
#define FETCH WF_POWER_FETCH
#define LINK WF_POWER_LINK

/* Let through with one of `powers`; otherwise the process dies, or the call fails. */
#define ALLOW(name, powers)                                                                        \
    {                                                                                              \
        SYS_##name, (powers), 0,                                                                   \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define ALLOW_ELSE(name, powers, error)                                                            \
    {                                                                                              \
        SYS_##name, (powers), (error),                                                             \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
/* The call fails, whoever makes it. */
#define FAIL(name, error)                                                                          \
    {                                                                                              \
        SYS_##name, 0, (error),                                                                    \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
/* Let through with one of `powers` when the conditions hold; otherwise the call fails. */
#define WHEN(name, powers, error, ...)                                                             \
    {                                                                                              \
        SYS_##name, (powers), (error),                                                             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define BITS(arg, mask, value)                                                                     \
    {                                                                                              \
        WF_COND_BITS, (arg), (uint32_t)(mask), (uint32_t)(value)                                   \
    }
#define IS(arg, value) BITS(arg, 0xFFFFFFFF, value)
#define IS_NULL(arg)                                                                               \
    {                                                                                              \
        WF_COND_NULL, (arg), 0, 0                                                                  \
    }
#define IS_SELF(arg)                                                                               \
    {                                                                                              \
        WF_COND_SELF, (arg), 0, 0                                                                  \
    }

/* open: flags that make, cut or write. O_TMPFILE holds O_DIRECTORY, which is harmless. */
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
/* clone: a thread, in no namespace of its own; a process, likewise. */
#define CLONE_APART                                                                                \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET | CLONE_PTRACE | CLONE_UNTRACED)
/* socket: the type without its flags. */
#define SOCKET_TYPE 0xF
#define FCNTL(command) WHEN(fcntl, ALL, EPERM, IS(1, command))
#define IOCTL(request) WHEN(ioctl, ALL, ENOTTY, IS(1, request))
#define SOCKET_OPTION(option)                                                                      \
    WHEN(setsockopt, CORE | FETCH | LINK, ENOPROTOOPT, IS(1, SOL_SOCKET), IS(2, option))
#define TCP_OPTION(option)                                                                         \
    WHEN(setsockopt, CORE | FETCH | LINK, ENOPROTOOPT, IS(1, IPPROTO_TCP), IS(2, option))
#define PRCTL(option) WHEN(prctl, ALL, EPERM, IS(0, option))

/* Libraries' headers are older than kernels. */
#define PR_SET_VMA_NUMBER 0x53564d41

/* clang-format off */
const struct wf_sandbox_rule wf_sandbox__rules[] = {
    /* ---- bytes through descriptors ---- */
    ALLOW(read, ALL), ALLOW(write, ALL), ALLOW(readv, ALL), ALLOW(writev, ALL),
    ALLOW(pread64, ALL), ALLOW(pwrite64, ALL), ALLOW(preadv, ALL), ALLOW(pwritev, ALL),
    ALLOW(preadv2, ALL), ALLOW(pwritev2, ALL), ALLOW(lseek, ALL),
    ALLOW(close, ALL), ALLOW(close_range, ALL), ALLOW(dup, ALL), ALLOW(dup3, ALL),
    ALLOW(fstat, ALL), ALLOW(fadvise64, ALL), ALLOW(ppoll, ALL), ALLOW(pselect6, ALL),
    FCNTL(F_DUPFD), FCNTL(F_DUPFD_CLOEXEC), FCNTL(F_GETFD), FCNTL(F_SETFD), FCNTL(F_GETFL),
    FCNTL(F_SETFL), FCNTL(F_GETLK), FCNTL(F_SETLK), FCNTL(F_SETLKW), FCNTL(F_OFD_GETLK),
    FCNTL(F_OFD_SETLK), FCNTL(F_OFD_SETLKW), FCNTL(F_ADD_SEALS), FCNTL(F_GET_SEALS),
    FCNTL(F_GETPIPE_SZ), FCNTL(F_SETPIPE_SZ),
    IOCTL(FIONREAD), IOCTL(FIONBIO), IOCTL(FIOCLEX), IOCTL(FIONCLEX), IOCTL(TCGETS),
    ALLOW_ELSE(pipe2, CORE | EXEC | FETCH, EACCES), ALLOW_ELSE(eventfd2, CORE | FETCH, EACCES),
    ALLOW_ELSE(epoll_create1, CORE, EACCES), ALLOW_ELSE(epoll_ctl, CORE | FETCH | LINK, EACCES),
    ALLOW_ELSE(epoll_pwait, CORE | FETCH | LINK, EACCES), ALLOW_ELSE(memfd_create, CORE, EACCES),
    ALLOW_ELSE(timerfd_create, CORE, EACCES), ALLOW_ELSE(timerfd_settime, CORE | LINK, EACCES),
    ALLOW_ELSE(timerfd_gettime, CORE, EACCES), ALLOW_ELSE(signalfd4, CORE, EACCES),
    ALLOW_ELSE(sendfile, CORE, EINVAL), ALLOW_ELSE(copy_file_range, CORE, ENOSYS),

    /* ---- memory: never writable and executable ---- */
    ALLOW(munmap, ALL), ALLOW(mremap, ALL), ALLOW(madvise, ALL), ALLOW(brk, ALL),
    ALLOW(msync, ALL), ALLOW(mincore, ALL), ALLOW(membarrier, ALL),
    WHEN(mmap, ALL, EACCES, BITS(2, PROT_EXEC, 0)),
    WHEN(mmap, MAP_CODE, EACCES, BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
         BITS(3, MAP_ANONYMOUS, 0)),
    WHEN(mprotect, ALL, EACCES, BITS(2, PROT_EXEC, 0)),
    ALLOW_ELSE(mlock, CORE, EPERM), ALLOW_ELSE(mlock2, CORE, EPERM),
    ALLOW_ELSE(munlock, CORE, EPERM), FAIL(pkey_alloc, ENOSYS), FAIL(memfd_secret, ENOSYS),
    FAIL(get_mempolicy, ENOSYS), FAIL(set_mempolicy, ENOSYS), FAIL(mbind, ENOSYS),

    /* ---- time, threads, signals to oneself ---- */
    ALLOW(clock_gettime, ALL), ALLOW(clock_getres, ALL), ALLOW(clock_nanosleep, ALL),
    ALLOW(nanosleep, ALL), ALLOW(gettimeofday, ALL), ALLOW(times, ALL), ALLOW(getrusage, ALL),
    ALLOW(futex, ALL), FAIL(futex_waitv, ENOSYS), ALLOW(set_robust_list, ALL),
    ALLOW(get_robust_list, ALL), ALLOW(rseq, ALL), ALLOW(set_tid_address, ALL),
    ALLOW(sched_yield, ALL), ALLOW(sched_getaffinity, ALL), ALLOW(sched_getparam, ALL),
    ALLOW(sched_getscheduler, ALL), ALLOW(sched_get_priority_max, ALL),
    ALLOW(sched_get_priority_min, ALL), ALLOW(getcpu, ALL), ALLOW(getpriority, ALL),
    FAIL(sched_setaffinity, EPERM), FAIL(sched_setparam, EPERM),
    WHEN(sched_setscheduler, CORE, EPERM, IS(0, 0), IS(1, SCHED_BATCH)), /* its own, to less */
    FAIL(sched_setattr, EPERM), FAIL(setpriority, EPERM), FAIL(ioprio_set, EPERM),
    WHEN(clone, THREADS, EPERM, BITS(0, CLONE_THREAD | CLONE_APART, CLONE_THREAD)),
    WHEN(clone, EXEC, EPERM, BITS(0, CLONE_APART, 0)),
    FAIL(clone3, ENOSYS), ALLOW(exit, ALL), ALLOW(exit_group, ALL),
    ALLOW(rt_sigaction, ALL), ALLOW(rt_sigprocmask, ALL), ALLOW(rt_sigreturn, ALL),
    ALLOW(rt_sigpending, ALL), ALLOW(rt_sigsuspend, ALL), ALLOW(rt_sigtimedwait, ALL),
    ALLOW(sigaltstack, ALL), ALLOW(restart_syscall, ALL), ALLOW(setitimer, ALL),
    ALLOW(getitimer, ALL), WHEN(tgkill, ALL, EPERM, IS_SELF(0)), WHEN(kill, ALL, EPERM, IS_SELF(0)),

    /* ---- about oneself and the machine ---- */
    ALLOW(getpid, ALL), ALLOW(gettid, ALL), ALLOW(getppid, ALL), ALLOW(getpgid, ALL),
    ALLOW(getsid, ALL), ALLOW(getuid, ALL), ALLOW(geteuid, ALL), ALLOW(getgid, ALL),
    ALLOW(getegid, ALL), ALLOW(getgroups, ALL), ALLOW(getresuid, ALL), ALLOW(getresgid, ALL),
    FAIL(capget, EPERM), ALLOW(uname, ALL), ALLOW(sysinfo, ALL), ALLOW(getrandom, ALL),
    ALLOW(umask, ALL), WHEN(prlimit64, ALL, EPERM, IS(0, 0), IS_NULL(2)),
    PRCTL(PR_SET_NAME), PRCTL(PR_GET_NAME), PRCTL(PR_SET_PDEATHSIG), PRCTL(PR_GET_PDEATHSIG),
    PRCTL(PR_GET_DUMPABLE), PRCTL(PR_CAPBSET_READ), PRCTL(PR_SET_VMA_NUMBER),
    WHEN(prctl, EXEC, EPERM, IS(0, PR_SET_SECCOMP), IS(1, SECCOMP_MODE_FILTER)),
    WHEN(prctl, EXEC, EPERM, IS(0, PR_SET_NO_NEW_PRIVS), IS(1, 1)),

    /* To ask what the kernel has, for `weft doctor`; wf_sandbox_exec. */
    WHEN(seccomp, ALL, EPERM, IS(0, SECCOMP_GET_ACTION_AVAIL)),
    WHEN(landlock_create_ruleset, ALL, EPERM, IS_NULL(0)),

    /* ---- processes ---- */
    ALLOW(execve, EXEC), ALLOW_ELSE(wait4, CORE | EXEC, ECHILD),
    ALLOW_ELSE(waitid, CORE | EXEC, ECHILD), ALLOW_ELSE(setpgid, EXEC, EPERM),

    /* ---- files by path; which ones is Landlock's business ---- */
    WHEN(openat, CORE | PATHS, EACCES, BITS(2, OPEN_WRITES, 0)),
    WHEN(openat, CORE | FETCH, EACCES, BITS(2, O_ACCMODE, O_WRONLY)),
    WHEN(openat, CORE | FETCH, EACCES, BITS(2, O_ACCMODE, O_RDWR)), FAIL(openat2, ENOSYS),
    ALLOW_ELSE(newfstatat, CORE | PATHS, EACCES),
    /* How glibc does fstat. */
    WHEN(newfstatat, ALL, EACCES, BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
    ALLOW_ELSE(statx, CORE | PATHS, ENOSYS), ALLOW_ELSE(faccessat, CORE | PATHS, EACCES),
    ALLOW_ELSE(faccessat2, CORE | PATHS, ENOSYS), ALLOW_ELSE(readlinkat, CORE | PATHS, EACCES),
    ALLOW_ELSE(getdents64, CORE | PATHS, EACCES), ALLOW_ELSE(getcwd, CORE | PATHS, EACCES),
    ALLOW_ELSE(statfs, CORE | FETCH | PATHS, EACCES), ALLOW_ELSE(fstatfs, CORE | PATHS, EACCES),
    ALLOW_ELSE(mkdirat, CORE, EACCES), ALLOW_ELSE(unlinkat, CORE | FETCH, EACCES),
#ifdef SYS_renameat
    ALLOW_ELSE(renameat, CORE | FETCH, EACCES),
#endif
    ALLOW_ELSE(renameat2, CORE | FETCH, EACCES), ALLOW_ELSE(linkat, CORE, EACCES),
    ALLOW_ELSE(ftruncate, CORE | FETCH, EACCES), ALLOW_ELSE(fallocate, CORE | FETCH, EOPNOTSUPP),
    ALLOW_ELSE(fsync, CORE | FETCH, EACCES), ALLOW_ELSE(fdatasync, CORE | FETCH, EACCES),
    ALLOW_ELSE(sync_file_range, CORE, EACCES), ALLOW_ELSE(syncfs, CORE, EACCES),
    ALLOW_ELSE(flock, CORE | FETCH, EACCES), ALLOW_ELSE(fchmod, CORE | FETCH, EACCES),
    ALLOW_ELSE(fchown, CORE, EPERM),
    /* By path Landlock does not see these; of a descriptor (NULL path) they are harmless. */
    WHEN(utimensat, CORE, EACCES, IS_NULL(1)),
    FAIL(truncate, EACCES), FAIL(fchmodat, EACCES), FAIL(fchownat, EACCES), FAIL(mknodat, EACCES),
    FAIL(symlinkat, EACCES), FAIL(chdir, EACCES), FAIL(fchdir, EACCES),
    FAIL(getxattr, EOPNOTSUPP), FAIL(lgetxattr, EOPNOTSUPP), FAIL(fgetxattr, EOPNOTSUPP),
    FAIL(listxattr, EOPNOTSUPP), FAIL(llistxattr, EOPNOTSUPP), FAIL(flistxattr, EOPNOTSUPP),
    ALLOW_ELSE(inotify_init1, WATCH, ENOSYS), ALLOW_ELSE(inotify_add_watch, WATCH, ENOSYS),

    /* ---- sockets ---- */
    WHEN(socket, CORE | WATCH, EACCES, IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    /* Fetching, and link: clients of the internet; a bound or local socket they cannot have. */
    WHEN(socket, FETCH | LINK, EACCES, IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    WHEN(socket, FETCH | LINK, EACCES, IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_DGRAM)),
    WHEN(socket, FETCH | LINK, EACCES, IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    WHEN(socket, FETCH | LINK, EACCES, IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_DGRAM)),
    WHEN(socketpair, CORE | FETCH, EACCES, IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_STREAM)),
    ALLOW_ELSE(connect, WATCH | FETCH | LINK, EACCES), FAIL(bind, EACCES), FAIL(listen, EACCES),
    ALLOW_ELSE(accept4, CORE | LINK, EACCES), ALLOW_ELSE(accept, CORE, EACCES),
    ALLOW(shutdown, ALL), ALLOW(getsockname, ALL), ALLOW(getpeername, ALL), ALLOW(getsockopt, ALL),
    SOCKET_OPTION(SO_REUSEADDR), SOCKET_OPTION(SO_REUSEPORT), SOCKET_OPTION(SO_SNDBUF),
    SOCKET_OPTION(SO_RCVBUF), SOCKET_OPTION(SO_KEEPALIVE), SOCKET_OPTION(SO_LINGER),
    SOCKET_OPTION(SO_RCVLOWAT), SOCKET_OPTION(SO_RCVTIMEO), SOCKET_OPTION(SO_SNDTIMEO),
    SOCKET_OPTION(SO_PASSCRED), SOCKET_OPTION(SO_PRIORITY),
    TCP_OPTION(TCP_NODELAY), TCP_OPTION(TCP_CORK), TCP_OPTION(TCP_KEEPIDLE),
    TCP_OPTION(TCP_KEEPINTVL), TCP_OPTION(TCP_KEEPCNT), TCP_OPTION(TCP_QUICKACK),
    TCP_OPTION(TCP_USER_TIMEOUT), TCP_OPTION(TCP_NOTSENT_LOWAT),
    /* What resolvers ask for, and cannot live without. */
    WHEN(setsockopt, FETCH | LINK, ENOPROTOOPT, IS(1, IPPROTO_IP), IS(2, IP_RECVERR)),
    WHEN(setsockopt, FETCH | LINK, ENOPROTOOPT, IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR)),
    /* mDNS on whatever network the machine comes into. */
    WHEN(setsockopt, LINK, ENOPROTOOPT, IS(1, IPPROTO_IP), IS(2, IP_ADD_MEMBERSHIP)),
    WHEN(setsockopt, LINK, ENOPROTOOPT, IS(1, IPPROTO_IP), IS(2, IP_MULTICAST_IF)),
    ALLOW(recvfrom, ALL), ALLOW(recvmsg, ALL), ALLOW_ELSE(recvmmsg, CORE, ENOSYS),
    WHEN(sendto, ALL, EACCES, BITS(3, MSG_FASTOPEN, 0), IS_NULL(4)),
    /* Not for who may reach a network: it could hand a connection to the core. */
    WHEN(sendmsg, CORE | WATCH | EXEC, EACCES, BITS(2, MSG_FASTOPEN, 0)),
    WHEN(sendmmsg, CORE, EACCES, BITS(3, MSG_FASTOPEN, 0)),
    FAIL(io_uring_setup, ENOSYS),

#ifdef SYS_getrlimit
    ALLOW(getrlimit, ALL), FAIL(setrlimit, EPERM),
#endif

    /* ---- the older forms that only x86 still has ---- */
#ifdef SYS_open
    WHEN(open, CORE | PATHS, EACCES, BITS(1, OPEN_WRITES, 0)),
    WHEN(open, CORE | FETCH, EACCES, BITS(1, O_ACCMODE, O_WRONLY)),
    WHEN(open, CORE | FETCH, EACCES, BITS(1, O_ACCMODE, O_RDWR)), FAIL(creat, EACCES),
    ALLOW_ELSE(stat, CORE | PATHS, EACCES), ALLOW_ELSE(lstat, CORE | PATHS, EACCES),
    ALLOW_ELSE(access, CORE | PATHS, EACCES), ALLOW_ELSE(readlink, CORE | PATHS, EACCES),
    ALLOW_ELSE(getdents, CORE | PATHS, EACCES), ALLOW_ELSE(mkdir, CORE, EACCES),
    ALLOW_ELSE(rmdir, CORE, EACCES), ALLOW_ELSE(unlink, CORE | FETCH, EACCES),
    ALLOW_ELSE(rename, CORE | FETCH, EACCES), ALLOW_ELSE(link, CORE, EACCES), FAIL(symlink, EACCES),
    FAIL(chmod, EACCES), FAIL(chown, EACCES), FAIL(lchown, EACCES), FAIL(mknod, EACCES),
    FAIL(utime, EACCES), FAIL(utimes, EACCES), FAIL(futimesat, EACCES),
    FAIL(inotify_init, ENOSYS),
    ALLOW(poll, ALL), ALLOW(select, ALL), ALLOW(dup2, ALL), ALLOW(time, ALL), ALLOW(getpgrp, ALL),
    ALLOW(pause, ALL), ALLOW(alarm, ALL), ALLOW_ELSE(pipe, CORE | EXEC | FETCH, EACCES),
    ALLOW_ELSE(eventfd, CORE | FETCH, EACCES), ALLOW_ELSE(epoll_create, CORE, EACCES),
    ALLOW_ELSE(epoll_wait, CORE | FETCH | LINK, EACCES), ALLOW_ELSE(signalfd, CORE, EACCES),
    ALLOW(fork, EXEC), ALLOW(vfork, EXEC),
#endif
#ifdef SYS_arch_prctl
    ALLOW_ELSE(arch_prctl, EXEC, EINVAL),
#endif
};
/* clang-format on */

const size_t wf_sandbox__n_rules = WF_ARRAY_LEN(wf_sandbox__rules);
