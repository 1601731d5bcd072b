/* Sandbox: what a process may do once it has been locked down. One call, no way back.
 *
 * Uses rlimits, no_new_privs, Landlock where the kernel has it, and an allow-list of system calls
 * (seccomp, KILL_PROCESS on anything else, except calls that libraries probe, which get EPERM or
 * ENOSYS). Under an emulator without these calls WF_E_UNSUPPORTED is returned and nothing is
 * applied: callers must refuse to go on unless the person allowed it. Thread rule: init. */
#ifndef WF_OS_SANDBOX_H
#define WF_OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum wf_sandbox_kind {
    /* The core: threads, files below the given folders, no new socket but AF_UNIX, no connect to
     * inet, no sendto with an address, no sendmsg (but to AF_UNIX peers it holds), no io_uring, no
     * ptrace, no exec. Accepting on listeners it holds goes on. */
    WF_SANDBOX_CORE,
    /* An extract worker: reads and writes the descriptors it holds, memory, time. No network, no
     * new processes. Opens only below read_dirs (libraries' data), read-only. */
    WF_SANDBOX_EXTRACT,
    /* Like EXTRACT, and may then exec one helper program below exec_dirs (poppler's tools); the
     * filter stays in force in it. */
    WF_SANDBOX_EXTRACT_EXEC,
};

struct wf_sandbox_options {
    enum wf_sandbox_kind kind;
    const char *const *read_dirs;  /* NULL-terminated; missing ones are skipped; NULL = none */
    const char *const *write_dirs; /* read, write, make, remove below these */
    const char *const *exec_dirs;  /* read and execute below these */
    uint64_t memory_bytes_max;     /* RLIMIT_AS; 0 = leave */
    uint32_t cpu_s_max;            /* RLIMIT_CPU; 0 = leave */
    uint64_t file_bytes_max;       /* RLIMIT_FSIZE; 0 = leave */
};

/* Locks the calling process (all its threads). Errors: WF_E_UNSUPPORTED, WF_E_IO. */
int wf_sandbox_enter(const struct wf_sandbox_options *o, struct wf_err *err) WF_MUST_USE;

/* Which protections this kernel has, for `weft doctor`. */
struct wf_sandbox_support {
    bool seccomp;
    int landlock_abi; /* 0 = none */
};
struct wf_sandbox_support wf_sandbox_support(void);

#endif
