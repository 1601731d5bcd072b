/* Files: what weft needs of a file system, with durability spelled out.
 *
 * Paths are NUL-terminated. Descriptors are close-on-exec. Thread rule: any. */
#ifndef WF_OS_FILE_H
#define WF_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Reads from the start of `fd` (pread) or the whole of `path` into `out` (reset first; its maximum
 * is the limit). Errors: WF_E_IO, WF_E_NOENT, WF_E_DENIED, WF_E_NOMEM, WF_E_LIMIT. */
int wf_file_read_fd(int fd, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
int wf_file_read(const char *path, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
/* The same from where a descriptor stands to its end: pipes and terminals too. */
int wf_file_read_stream(int fd, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* Writes all n bytes at the descriptor's position; waits where a pipe is full. The caller ignores
 * SIGPIPE. Errors: WF_E_IO, WF_E_FULL, WF_E_LIMIT (the process's file size limit). */
int wf_file_write_all(int fd, const void *p, size_t n, struct wf_err *err) WF_MUST_USE;

/* Replaces `path` by the bytes so that a crash at any moment leaves the old or the new content,
 * whole: temporary file in the same folder (".weft-HEX.tmp"; a crash may leave it), fsync,
 * rename, fsync of the folder. `mode` e.g. 0600, whatever the umask is. A symbolic link at `path`
 * is replaced, not followed. When only the folder's fsync fails, the new content is in place and
 * the failure is returned. Errors: WF_E_IO, WF_E_FULL, WF_E_NOENT, WF_E_DENIED, WF_E_LIMIT (the
 * path is too long), and what else the system says. */
int wf_file_replace(const char *path, const void *p, size_t n, unsigned mode,
                    struct wf_err *err) WF_MUST_USE;

/* Makes a new file for writing, 0600; one of that name is WF_E_EXIST. The caller closes *out_fd. */
int wf_file_create(const char *path, int *out_fd, struct wf_err *err) WF_MUST_USE;

/* fsync of a file's content, by its path or by a descriptor. Errors: WF_E_IO, WF_E_FULL,
 * WF_E_NOENT. After a failure it is not known what the disk holds. */
int wf_file_sync(const char *path, struct wf_err *err) WF_MUST_USE;
int wf_file_sync_fd(int fd, struct wf_err *err) WF_MUST_USE;

/* The system need not keep in memory what it has of a file that is durable and that nobody has
 * mapped. What was written lies there in small pages, what is read in large ones, which take less
 * time to look up when all of a large file is read again and again. Advice: nothing can fail. */
void wf_file_let_go(const char *path);

/* fdatasync: the content, and of what is known about the file only what reading it needs. Where
 * bytes that were laid out before are overwritten the file system has nothing else to write.
 * Errors: those of wf_file_sync_fd. */
int wf_file_sync_data(int fd, struct wf_err *err) WF_MUST_USE;

/* Writes zeros over the bytes from..to of a file, not durable yet; the descriptor stays where it
 * stands. Errors: those of wf_file_write_all; some may have been written. */
int wf_file_lay_zeros(int fd, uint64_t from, uint64_t to, struct wf_err *err) WF_MUST_USE;

/* Lets this process have `wanted` files open at once, or as many as the system allows it; how many
 * it may have then. What it may have already is not lessened. Thread: any. */
size_t wf_file_open_max(size_t wanted);

/* Makes all that was written to the file system that `path` lies in durable, names and contents:
 * one call is cheaper than fsync of many small files (syncfs). Errors: as wf_file_sync. */
int wf_file_sync_all(const char *path, struct wf_err *err) WF_MUST_USE;

/* Moves `from` to `to` within a file system, replacing what is there. Durable after fsync of the
 * folder. Errors: WF_E_IO, WF_E_FULL, WF_E_NOENT (`from`, or the folder of `to`, is missing). */
int wf_file_rename(const char *from, const char *to, struct wf_err *err) WF_MUST_USE;

/* fsync of a folder, so that names made or removed in it are durable. */
int wf_file_sync_dir(const char *path, struct wf_err *err) WF_MUST_USE;

/* Makes `path` and its missing parents, 0700. An existing folder is no error; something else of
 * that name is WF_E_EXIST. The names are durable after wf_file_sync_dir of the parents. */
int wf_file_mkdirs(const char *path, struct wf_err *err) WF_MUST_USE;

/* Removes a file; a missing one is no error. */
int wf_file_remove(const char *path, struct wf_err *err) WF_MUST_USE;

/* Opens `path` (made when missing, 0600) and takes an exclusive lock that ends with the descriptor.
 * WF_E_BUSY when another descriptor, of this or another process, holds it. The caller closes
 * *out_fd. */
int wf_file_lock(const char *path, int *out_fd, struct wf_err *err) WF_MUST_USE;

/* An anonymous file in memory (memfd), for bytes that a worker must get as a descriptor. `name` is
 * for /proc only. */
int wf_file_memfd(const char *name, int *out_fd, struct wf_err *err) WF_MUST_USE;

/* Closes *io_fd when it is not -1 and sets it to -1. */
void wf_file_close(int *io_fd);

/* Makes the n-th write, fsync or rename of this layer from now fail with ENOSPC, once; 0 = off.
 * For tests. */
void wf_file_fail_at(uint64_t n);

#endif
