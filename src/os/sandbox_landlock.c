/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: which files a process may reach by path, and no TCP (but for FETCH, AIRLOCK and LINK,
 * which may connect), whatever the system call.
 *
 * The system calls are made directly and the constants are ours, since libraries' headers are older
 * than kernels. Everything that the kernel's version knows is handled, that is: forbidden unless a
 * rule allows it; then each folder of the options gets a rule. Versions: 1 files, 2 moving between
 * folders, 3 truncating, 4 TCP, 5 ioctl on devices, 6 abstract sockets and signals; 7 only adds
 * logging.
 *
 * It does not cover what is done to a file by path without opening it (stat, chmod, utimes, xattr):
 * the filter of system calls does. Descriptors that are open already stay as they are. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/file.h"
#include "os/sandbox_internal.h"

/* The same numbers on every architecture. */
#define NR_CREATE_RULESET 444
#define NR_ADD_RULE 445
#define NR_RESTRICT_SELF 446

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

enum fs_access {
    FS_EXECUTE = 1u << 0,
    FS_WRITE_FILE = 1u << 1,
    FS_READ_FILE = 1u << 2,
    FS_READ_DIR = 1u << 3,
    FS_REMOVE_DIR = 1u << 4,
    FS_REMOVE_FILE = 1u << 5,
    FS_MAKE_DIR = 1u << 7,
    FS_MAKE_REG = 1u << 8,
    FS_REFER = 1u << 13,
    FS_TRUNCATE = 1u << 14,
    FS_IOCTL_DEV = 1u << 15,
};

/* All rights of version 1: those above up to bit 12, devices, sockets, pipes, symbolic links. */
#define FS_VERSION_1 ((1u << 13) - 1)
/* Rights that a rule on a single file may give. */
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND_TCP 1u
#define NET_CONNECT_TCP 2u
#define SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS 3u

struct ruleset_attr {
    uint64_t handled_fs;
    uint64_t handled_net; /* from version 4 */
    uint64_t scoped;      /* from version 6 */
};

struct path_attr {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

_Static_assert(sizeof(struct ruleset_attr) == 24, "as the kernel has it");
_Static_assert(sizeof(struct path_attr) == 12, "as the kernel has it");

int wf_sandbox__landlock_abi(void)
{
    long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

bool wf_sandbox__landlock_useful(const struct wf_sandbox_options *o, int abi)
{
    /* Version 1 forbids every move from one folder to another, which who writes files needs. */
    return abi >= 2 || (abi == 1 && !o->write_dirs);
}

/* Every right on files that version `abi` knows. */
static uint64_t fs_of_abi(int abi)
{
    uint64_t fs = FS_VERSION_1;
    fs |= abi >= 2 ? FS_REFER : 0;
    fs |= abi >= 3 ? FS_TRUNCATE : 0;
    fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
    return fs;
}

static int create_ruleset(int abi, bool may_connect)
{
    struct ruleset_attr attr = {.handled_fs = fs_of_abi(abi)};
    size_t size = offsetof(struct ruleset_attr, handled_net);
    if (abi >= 4) {
        attr.handled_net = NET_BIND_TCP | (may_connect ? 0 : NET_CONNECT_TCP);
        size = offsetof(struct ruleset_attr, scoped);
    }
    if (abi >= 6) {
        attr.scoped = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS;
        size = sizeof(attr);
    }
    return (int)syscall(NR_CREATE_RULESET, &attr, size, 0);
}

static int allow_path(int ruleset, const char *path, uint64_t allowed, struct wf_err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return 0; /* missing, or out of reach also without a sandbox */
    struct stat st;
    int r = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        r = wf_err_errno(err, errno, "cannot look at %s for the sandbox", path);
        goto out;
    }
    struct path_attr attr = {.allowed = allowed, .parent_fd = fd};
    if (!S_ISDIR(st.st_mode))
        attr.allowed &= FS_OF_FILE;
    if (syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) != 0)
        r = wf_err_errno(err, errno, "cannot allow %s in the sandbox", path);
out:
    wf_file_close(&fd);
    return r;
}

static int allow_paths(int ruleset, const char *const *paths, uint64_t allowed, struct wf_err *err)
{
    for (; paths && *paths; paths++) {
        int r = allow_path(ruleset, *paths, allowed, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int wf_sandbox__landlock(const struct wf_sandbox_options *o, int abi, struct wf_err *err)
{
    const uint64_t reads = FS_READ_FILE | FS_READ_DIR;
    const uint64_t writes = reads | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
                            FS_MAKE_REG | FS_REFER | FS_TRUNCATE;
    uint64_t known = fs_of_abi(abi);
    const bool may_connect =
        o->kind == WF_SANDBOX_FETCH || o->kind == WF_SANDBOX_AIRLOCK || o->kind == WF_SANDBOX_LINK;
    int ruleset = create_ruleset(abi, may_connect);
    if (ruleset < 0)
        return wf_err_errno(err, errno, "cannot make the sandbox's rules for files");
    /* Without it SQLite, jansson and libwebsockets seed themselves from the time, or refuse. */
    static const char *const always[] = {"/dev/urandom", NULL};
    int r = allow_paths(ruleset, always, reads, err);
    if (r == 0)
        r = allow_paths(ruleset, o->read_dirs, reads, err);
    if (r == 0)
        r = allow_paths(ruleset, o->write_dirs, writes & known, err);
    if (r == 0)
        r = allow_paths(ruleset, o->exec_dirs, reads | FS_EXECUTE, err);
    if (r == 0 && syscall(NR_RESTRICT_SELF, ruleset, 0) != 0)
        r = wf_err_errno(err, errno, "cannot enter the sandbox's rules for files");
    wf_file_close(&ruleset);
    return r;
}
