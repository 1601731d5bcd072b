/* SPDX-License-Identifier: Apache-2.0 */
/* Files by POSIX calls, with the order of fsync and rename that makes a replacement atomic.
 *
 * Every error sentence names the path (or says "the file" where only a descriptor is known) and the
 * system's reason. Interrupted calls are repeated. Writes, fsyncs and renames ask the fault counter
 * first, so that a test can make each of them fail and look at what is left on the disk.
 *
 * Not done here: walking folders, watching them, temporary folders. */
#include "os/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/limits.h"
#include "base/rng.h"

/* One read; large enough that calls do not count. */
#define READ_BYTES ((size_t)64 << 10)
/* Hex digits of a temporary name are twice this. */
#define TMP_RANDOM_BYTES 8
/* Older headers lack it; a kernel before 6.3 refuses it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static struct wf_fault fault;

void wf_file_fail_at(uint64_t n)
{
    wf_fault_set(&fault, n);
}

static bool must_fail(void)
{
    if (!wf_fault_now(&fault))
        return false;
    errno = ENOSPC;
    return true;
}

void wf_file_close(int *io_fd)
{
    if (*io_fd != -1)
        close(*io_fd); /* what matters was made durable by fsync, whose result was looked at */
    *io_fd = -1;
}

static int read_all(int fd, const char *what, struct wf_buf *out, struct wf_err *err)
{
    wf_buf_reset(out);
    struct stat st;
    size_t hint = READ_BYTES;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        hint = (size_t)st.st_size;
    (void)wf_buf_reserve(out, WF_MIN(hint, out->_max)); /* a failure sticks and is found below */
    for (;;) {
        /* With the buffer full, most likely at the end, one byte is tried before it grows. */
        char probe;
        size_t room = out->_cap - out->len;
        ssize_t n =
            pread(fd, room ? out->ptr + out->len : &probe, room ? room : 1, (off_t)out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wf_err_errno(err, errno, "cannot read %s", what);
        if (n == 0)
            return 0;
        if (room > 0) {
            wf_buf_commit(out, (size_t)n);
            continue;
        }
        int r = wf_buf_append_byte(out, probe);
        if (r == WF_E_LIMIT)
            return wf_err_set(err, r, "%s is larger than the %zu bytes allowed", what, out->_max);
        if (r != 0)
            return wf_err_set(err, r, "cannot read %s: out of memory", what);
    }
}

int wf_file_read_fd(int fd, struct wf_buf *out, struct wf_err *err)
{
    return read_all(fd, "the file", out, err);
}

int wf_file_read_stream(int fd, struct wf_buf *out, struct wf_err *err)
{
    char block[16384];
    ssize_t n;

    wf_buf_reset(out);
    for (;;) {
        n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wf_err_errno(err, errno, "cannot read the input");
        if (n == 0)
            return 0;
        if (wf_buf_append(out, block, (size_t)n) != 0)
            return wf_err_set(err, wf_buf_status(out),
                              "The input is larger than what is taken here.");
    }
}

static int open_retry(const char *path, int flags, unsigned mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int wf_file_read(const char *path, struct wf_buf *out, struct wf_err *err)
{
    int fd = open_retry(path, O_RDONLY, 0);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot open %s", path);
    int r = read_all(fd, path, out, err);
    wf_file_close(&fd);
    return r;
}

/* Waits until a non-blocking descriptor takes bytes again. */
static int wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int r = poll(&p, 1, -1);
    return r < 0 && errno != EINTR ? -1 : 0;
}

/* 0, or -1 with errno. */
static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = must_fail() ? -1 : write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN && wait_writable(fd) == 0)
            continue;
        if (done <= 0) {
            errno = done == 0 ? EIO : errno;
            return -1;
        }
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int wf_file_write_all(int fd, const void *p, size_t n, struct wf_err *err)
{
    if (write_all(fd, p, n) != 0)
        return wf_err_errno(err, errno, "cannot write the file");
    return 0;
}

/* 0, or -1 with errno. */
static int sync_fd(int fd)
{
    int r;
    if (must_fail())
        return -1;
    do
        r = fsync(fd);
    while (r != 0 && errno == EINTR);
    return r;
}

void wf_file_let_go(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice */
    wf_file_close(&fd);
}

int wf_file_sync_data(int fd, struct wf_err *err)
{
    int r = -1;

    if (!must_fail())
        do
            r = fdatasync(fd);
        while (r != 0 && errno == EINTR);
    return r == 0 ? 0 : wf_err_errno(err, errno, "cannot make the file durable");
}

int wf_file_lay_zeros(int fd, uint64_t from, uint64_t to, struct wf_err *err)
{
    static const char zeros[1 << 16];

    while (from < to) {
        size_t n = (size_t)WF_MIN(to - from, (uint64_t)sizeof(zeros));
        ssize_t done = must_fail() ? -1 : pwrite(fd, zeros, n, (off_t)from);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return wf_err_errno(err, done == 0 ? EIO : errno, "cannot write the file");
        from += (uint64_t)done;
    }
    return 0;
}

int wf_file_create(const char *path, int *out_fd, struct wf_err *err)
{
    int fd = open_retry(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot make the file %s", path);
    *out_fd = fd;
    return 0;
}

int wf_file_sync(const char *path, struct wf_err *err)
{
    int fd = open_retry(path, O_RDONLY, 0);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot open %s", path);
    int r = 0;
    if (sync_fd(fd) != 0)
        r = wf_err_errno(err, errno, "cannot make %s durable", path);
    wf_file_close(&fd);
    return r;
}

int wf_file_sync_fd(int fd, struct wf_err *err)
{
    if (sync_fd(fd) != 0)
        return wf_err_errno(err, errno, "cannot make the file durable");
    return 0;
}

size_t wf_file_open_max(size_t wanted)
{
    struct rlimit now = {.rlim_cur = 0};

    if (getrlimit(RLIMIT_NOFILE, &now) != 0)
        return 0;
    if (now.rlim_cur < wanted && now.rlim_cur < now.rlim_max) {
        const struct rlimit more = {.rlim_cur = WF_MIN((rlim_t)wanted, now.rlim_max),
                                    .rlim_max = now.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            now = more;
    }
    return now.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)now.rlim_cur;
}

int wf_file_sync_all(const char *path, struct wf_err *err)
{
    int fd = open_retry(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot open the folder %s", path);
    int r = 0;
    if (must_fail() || syncfs(fd) != 0)
        r = wf_err_errno(err, errno, "cannot make the files in %s durable", path);
    wf_file_close(&fd);
    return r;
}

int wf_file_rename(const char *from, const char *to, struct wf_err *err)
{
    if (must_fail() || rename(from, to) != 0)
        return wf_err_errno(err, errno, "cannot move a file to %s", to);
    return 0;
}

int wf_file_sync_dir(const char *path, struct wf_err *err)
{
    int fd = open_retry(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot open the folder %s", path);
    int r = 0;
    /* EINVAL: a file system that has no fsync of folders; there is nothing better to do on it. */
    if (sync_fd(fd) != 0 && errno != EINVAL)
        r = wf_err_errno(err, errno, "cannot make the folder %s durable", path);
    wf_file_close(&fd);
    return r;
}

/* The folder that `path` lies in; "." when it names none. */
static int folder_of(const char *path, char dir[WF_LIMIT_PATH_BYTES], struct wf_err *err)
{
    const char *slash = strrchr(path, '/');
    if (*path == '\0' || (slash && slash[1] == '\0'))
        return wf_err_set(err, WF_E_INVAL, "%s names no file", path);
    size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (len >= WF_LIMIT_PATH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "the path %s is too long", path);
    memcpy(dir, path, len);
    dir[len] = '\0';
    if (len == 0)
        memcpy(dir, ".", 2);
    return 0;
}

/* Fills the temporary file that is open at `fd` and moves it to `path`. */
static int fill_and_rename(int fd, const char *tmp, const char *path, const void *p, size_t n,
                           unsigned mode, struct wf_err *err)
{
    if (fchmod(fd, (mode_t)mode) != 0)
        return wf_err_errno(err, errno, "cannot set the permissions of %s", path);
    if (write_all(fd, p, n) != 0)
        return wf_err_errno(err, errno, "cannot write %s", path);
    if (sync_fd(fd) != 0)
        return wf_err_errno(err, errno, "cannot make %s durable", path);
    if (must_fail() || rename(tmp, path) != 0)
        return wf_err_errno(err, errno, "cannot replace %s", path);
    return 0;
}

int wf_file_replace(const char *path, const void *p, size_t n, unsigned mode, struct wf_err *err)
{
    char dir[WF_LIMIT_PATH_BYTES];
    char tmp[WF_LIMIT_PATH_BYTES];
    char random[2 * TMP_RANDOM_BYTES + 1];
    int r = folder_of(path, dir, err);
    if (r != 0)
        return r;
    wf_rng_hex(NULL, random, TMP_RANDOM_BYTES);
    int len = snprintf(tmp, sizeof(tmp), "%s/.weft-%s.tmp", dir, random);
    if (len < 0 || (size_t)len >= sizeof(tmp))
        return wf_err_set(err, WF_E_LIMIT, "the path %s is too long", path);
    int fd = open_retry(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot make a file in %s", dir);
    r = fill_and_rename(fd, tmp, path, p, n, mode, err);
    wf_file_close(&fd);
    if (r != 0) {
        unlink(tmp); /* the first failure is the one to tell */
        return r;
    }
    return wf_file_sync_dir(dir, err);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes one folder whose parent exists. */
static int make_dir(const char *path, struct wf_err *err)
{
    if (mkdir(path, 0700) == 0)
        return 0;
    int why = errno;
    /* A parent that may not be written (EROFS, EACCES, ...) need not be, when it is there. */
    if (is_dir(path))
        return 0;
    if (why == EEXIST)
        return wf_err_set(err, WF_E_EXIST, "cannot make the folder %s: a file has that name", path);
    return wf_err_errno(err, why, "cannot make the folder %s", path);
}

int wf_file_mkdirs(const char *path, struct wf_err *err)
{
    char part[WF_LIMIT_PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0)
        return wf_err_set(err, WF_E_INVAL, "an empty path names no folder");
    if (len >= sizeof(part))
        return wf_err_set(err, WF_E_LIMIT, "the path %s is too long", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/' || part[i - 1] == '/')
            continue;
        part[i] = '\0';
        int r = make_dir(part, err);
        if (r != 0)
            return r;
        part[i] = '/';
    }
    return make_dir(part, err);
}

int wf_file_remove(const char *path, struct wf_err *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return wf_err_errno(err, errno, "cannot remove %s", path);
    return 0;
}

int wf_file_lock(const char *path, int *out_fd, struct wf_err *err)
{
    int fd = open_retry(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot open the lock %s", path);
    int r;
    do
        r = flock(fd, LOCK_EX | LOCK_NB);
    while (r != 0 && errno == EINTR);
    if (r == 0) {
        *out_fd = fd;
        return 0;
    }
    r = errno == EWOULDBLOCK ? wf_err_set(err, WF_E_BUSY, "%s is locked: weft runs already", path)
                             : wf_err_errno(err, errno, "cannot lock %s", path);
    wf_file_close(&fd);
    return r;
}

int wf_file_memfd(const char *name, int *out_fd, struct wf_err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return wf_err_errno(err, errno, "cannot make a file in memory");
    *out_fd = fd;
    return 0;
}
