/* SPDX-License-Identifier: Apache-2.0 */
/* Sandbox: puts rlimits, no_new_privs, Landlock and the filter of system calls together.
 *
 * The order: first what can be refused without a trace (support, threads), then code is sealed
 * (sandbox_code.c), then Landlock, which opens folders, then the limits, and the filter last, since
 * it forbids all of the others. What is in force stays in force in children and across exec. Not
 * done here: namespaces, chroot, other users, which a person without privileges cannot have
 * everywhere; cgroups. */
#include "os/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/sandbox_internal.h"

/* A folder's links: itself, its parent's entry, and one for each folder in it. */
#define LINKS_OF_ONE_TASK 3

/* Sanitizers reserve terabytes of address space, which RLIMIT_AS would count; ThreadSanitizer keeps
 * a thread of its own, which is none of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif
#ifndef HAVE_SANITIZER
#define HAVE_SANITIZER 0
#endif

/* Landlock holds for the thread that asks and those it makes: others would stay free. */
static bool has_threads(void)
{
    struct stat st;
    return !HAVE_SANITIZER && stat("/proc/self/task", &st) == 0 && st.st_nlink > LINKS_OF_ONE_TASK;
}

/* Lowers a limit; one that is lower already stays. */
static int lower(int which, uint64_t soft, uint64_t hard)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)which, &now) != 0)
        return -1;
    struct rlimit wanted = {
        .rlim_cur = WF_MIN((rlim_t)soft, now.rlim_cur),
        .rlim_max = WF_MIN((rlim_t)hard, now.rlim_max),
    };
    wanted.rlim_cur = WF_MIN(wanted.rlim_cur, wanted.rlim_max);
    return setrlimit((__rlimit_resource_t)which, &wanted);
}

static int set_limits(const struct wf_sandbox_options *o, struct wf_err *err)
{
    const struct {
        int which;
        uint64_t soft; /* 0 = leave, but for the core dump, which is always off */
        uint64_t hard;
    } limits[] = {
        {RLIMIT_CORE, 0, 0},
        {RLIMIT_AS, HAVE_SANITIZER ? 0 : o->memory_bytes_max, o->memory_bytes_max},
        {RLIMIT_CPU, o->cpu_s_max, (uint64_t)o->cpu_s_max + 1},
        {RLIMIT_FSIZE, o->file_bytes_max, o->file_bytes_max},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(limits); i++) {
        if (limits[i].soft == 0 && limits[i].which != RLIMIT_CORE)
            continue;
        if (lower(limits[i].which, limits[i].soft, limits[i].hard) != 0)
            return wf_err_errno(err, errno, "cannot set the limits of the sandbox");
    }
    return 0;
}

int wf_sandbox_enter(const struct wf_sandbox_options *o, struct wf_err *err)
{
    if (!wf_sandbox__has_filter())
        return wf_err_set(
            err, WF_E_UNSUPPORTED,
            "this system has no seccomp filters, which weft locks its processes with");
    if (has_threads())
        return wf_err_set(err, WF_E_INVAL, "a process is locked before it has threads");
    int abi = wf_sandbox__landlock_abi();
    bool has_landlock = wf_sandbox__landlock_useful(o, abi);
    if (o->kind == WF_SANDBOX_FETCH && !has_landlock)
        return wf_err_set(
            err, WF_E_UNSUPPORTED,
            "this kernel has no Landlock, without which weft does not fetch: download "
            "the file yourself, then: weft models import FILE");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return wf_err_errno(err, errno, "cannot give up new privileges");
    int r = wf_sandbox__seal_code(err);
    if (r == 0 && has_landlock)
        r = wf_sandbox__landlock(o, abi, err);
    if (r == 0)
        r = set_limits(o, err);
    if (r == 0)
        r = wf_sandbox__filter(o, has_landlock, err);
    return r;
}

int wf_sandbox_exec(const char *path, char *const argv[], char *const envp[], struct wf_err *err)
{
    if (wf_sandbox__has_filter() &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || wf_sandbox__forbid_fork() != 0))
        return wf_err_errno(err, errno, "cannot give up making processes");
    execve(path, argv, envp);
    return wf_err_errno(err, errno, "cannot run %s", path);
}

void wf_sandbox_resolver(void)
{
    (void)setenv("RES_OPTIONS", "single-request", 1); /* no memory: names are not found, then */
}

struct wf_sandbox_support wf_sandbox_support(void)
{
    return (struct wf_sandbox_support){
        .seccomp = wf_sandbox__has_filter(),
        .landlock_abi = wf_sandbox__landlock_abi(),
    };
}
