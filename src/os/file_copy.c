/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files on Linux: linkat, FICLONE, and reads and writes where neither works (another file
 * system, or one that knows no links).
 *
 * Whatever linking or cloning fails with, the next way is tried: only the last one's error is worth
 * telling. */
#include "os/file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "os/file.h"

#define PIECE_BYTES ((size_t)1 << 20)

static int copy_bytes(int from, int to, uint64_t n_all, wf_file_progress_fn progress, void *ud,
                      struct wf_err *err)
{
    char *piece = wf_alloc(PIECE_BYTES);
    uint64_t n_done = 0;
    int rc = 0;

    if (!piece)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    while (rc == 0) {
        ssize_t n = read(from, piece, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = wf_err_errno(err, errno, "cannot read the file");
        if (n <= 0)
            break;
        rc = wf_file_write_all(to, piece, (size_t)n, err);
        n_done += (uint64_t)n;
        if (rc == 0 && progress && progress(ud, n_done, n_all) != 0)
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
    }
    wf_free(piece);
    return rc;
}

static int open_regular(const char *path, int *out_fd, struct stat *out_st, struct wf_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return wf_err_errno(err, errno, "%s", path);
    if (fstat(fd, out_st) != 0 || !S_ISREG(out_st->st_mode)) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_INVAL, "%s is not a file.", path);
    }
    *out_fd = fd;
    return 0;
}

int wf_file_clone_or_copy(const char *from, const char *to, wf_file_progress_fn progress, void *ud,
                          enum wf_file_copied *out_how, struct wf_err *err)
{
    enum wf_file_copied how = WF_FILE_CLONED;
    int in = -1, out = -1;
    struct stat st;
    int rc = open_regular(from, &in, &st, err);

    if (rc == 0)
        rc = wf_file_create(to, &out, err);
    if (rc == 0 && ioctl(out, FICLONE, in) != 0) {
        how = WF_FILE_COPIED;
        rc = copy_bytes(in, out, (uint64_t)st.st_size, progress, ud, err);
        if (rc != 0)
            (void)unlink(to); /* the first failure is the one to tell */
    }
    wf_file_close(&out);
    wf_file_close(&in);
    if (rc == 0 && out_how)
        *out_how = how;
    return rc;
}

int wf_file_link_or_copy(const char *from, const char *to, wf_file_progress_fn progress, void *ud,
                         enum wf_file_copied *out_how, struct wf_err *err)
{
    int fd = -1;
    struct stat st;
    int rc = open_regular(from, &fd, &st, err);

    wf_file_close(&fd);
    if (rc != 0)
        return rc;
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0) {
        if (out_how)
            *out_how = WF_FILE_LINKED;
        return 0;
    }
    return wf_file_clone_or_copy(from, to, progress, ud, out_how, err);
}
