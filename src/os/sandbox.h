/* Sandbox: what a process may do once it has been locked down. One call, no way back.
 *
 * Uses rlimits, no_new_privs, Landlock where the kernel has it, and an allow-list of system calls
 * (seccomp): what libraries merely probe fails with an error (EACCES, EPERM, ENOSYS), anything else
 * ends the process with SIGSYS, which its parent sees and the kernel's log names. Memory is never
 * writable and executable: what was both before is executable only from then on. Under an emulator
 * without these calls WF_E_UNSUPPORTED is returned and nothing is applied: callers must refuse to
 * go on unless the person allowed it. Thread rule: init.
 *
 * What libraries load from disk when first used (time zones, iconv's modules, locales) is loaded
 * before, or its folder is among read_dirs. /dev/urandom may always be read where opening is
 * allowed at all. */
#ifndef WF_OS_SANDBOX_H
#define WF_OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum wf_sandbox_kind {
    /* The core: threads, files below the given folders, listeners and connections it holds. No new
     * socket but AF_UNIX stream ones, which cannot be bound or connected; no bytes to an address,
     * by no call (connect, sendto, sendmsg with MSG_FASTOPEN, io_uring); no process, no exec, no
     * signal to others, no ptrace. No permissions, owners or times of files by path. */
    WF_SANDBOX_CORE,
    /* Fetching: clients of TCP and UDP over the internet (no listener, no AF_UNIX connection), name
     * resolution (wf_sandbox_resolver), threads; reads below read_dirs, writes below write_dirs; no
     * process, no exec, and no descriptor to anyone (sendmsg): the core is handed no connection.
     * WF_E_UNSUPPORTED where the kernel has no Landlock: without it all files were in reach. */
    WF_SANDBOX_FETCH,
    /* The airlock: the same, also where the kernel has no Landlock. */
    WF_SANDBOX_AIRLOCK,
    /* Link: clients of TCP and UDP, connections of the listeners that it holds, multicast on
     * sockets it holds, names (wf_sandbox_resolver), threads. Reads below read_dirs, which need
     * only what resolving needs, and writes no file at all; binds nothing, listens no more; no
     * process, no exec, no local socket, and no descriptor to anyone, as FETCH. */
    WF_SANDBOX_LINK,
    /* The watcher: reads below read_dirs, watches folders (inotify), talks to the core over
     * AF_UNIX. Writes no file, reaches no network, makes no process. */
    WF_SANDBOX_WATCH,
    /* An extract worker: reads and writes the descriptors it holds, memory, time. No network, no
     * processes, no threads unless asked for. Opens only below read_dirs (libraries' data),
     * read-only, and nothing at all where the kernel has no Landlock. */
    WF_SANDBOX_EXTRACT,
    /* Like EXTRACT, and may fork, and exec helper programs below exec_dirs (poppler's tools) by
     * wf_sandbox_exec; all limits hold in them. Without Landlock it reads what its user may read.
     */
    WF_SANDBOX_EXTRACT_EXEC,
};

struct wf_sandbox_options {
    enum wf_sandbox_kind kind;
    /* Folders or single files, NULL-terminated; missing ones are skipped; NULL = none. */
    const char *const *read_dirs;
    const char *const *write_dirs; /* read, write, make, remove below these */
    const char *const *exec_dirs;  /* read and execute below these; also code of libraries */
    uint64_t memory_bytes_max;     /* RLIMIT_AS, of each process; 0 = leave */
    uint32_t cpu_s_max;            /* RLIMIT_CPU (SIGXCPU, a second later SIGKILL); 0 = leave */
    uint64_t file_bytes_max;       /* RLIMIT_FSIZE; 0 = leave */
    bool threads; /* EXTRACT kinds: may start threads (OpenMP reads its limit too early to be told)
                   */
    bool explain; /* for developers: a forbidden call is named on stderr before the process dies */
};

/* Locks the calling process, which has one thread yet. After a failure it may be locked in part and
 * is to end. Errors: WF_E_UNSUPPORTED (nothing was applied), WF_E_INVAL (there are threads),
 * WF_E_IO, and what else the system says. */
int wf_sandbox_enter(const struct wf_sandbox_options *o, struct wf_err *err) WF_MUST_USE;

/* Whether machine code that was there when this process was locked is sealed: none of it may be
 * freed or added to by libraries that write into its pages (PCRE2's native code). Thread: any. */
bool wf_sandbox_code_is_sealed(void);

/* In a child that an EXTRACT_EXEC process forked: gives up making processes for good, then runs the
 * program `path` in the place of this one. Returns only on failure. Works unsandboxed as well. */
int wf_sandbox_exec(const char *path, char *const argv[], char *const envp[],
                    struct wf_err *err) WF_MUST_USE;

/* Has the C library resolve names without sendmmsg, which FETCH and AIRLOCK lack: one question at a
 * time. Called before they are entered. Thread: init. */
void wf_sandbox_resolver(void);

/* Which protections this kernel has, for `weft doctor`. */
struct wf_sandbox_support {
    bool seccomp;
    int landlock_abi; /* 0 = none */
};

/* Asks the kernel; changes nothing. Thread: any. */
struct wf_sandbox_support wf_sandbox_support(void);

#endif
