/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of providers: a file each, so that adding one never touches another. */
#include "route/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/file.h"
#include "route/engines.h"

/* FOLDER/ENGINE; a name that could lead elsewhere is none. */
static int path_of(char out[WF_LIMIT_PATH_BYTES], const char *folder, const char *engine,
                   struct wf_err *err)
{
    struct wf_str s = wf_str_from(engine);
    int n;

    if (s.len == 0 || s.len > WF_ENGINE_NAME_BYTES_MAX || s.ptr[0] == '.' ||
        wf_str_find_byte(s, '/', 0) != SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "This is no name of an engine.");
    n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s", folder, engine);
    if (n < 0 || n >= WF_LIMIT_PATH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The path of the keys is too long.");
    return 0;
}

int wf_key_check(struct wf_str key, struct wf_err *err)
{
    if (key.len == 0)
        return wf_err_set(err, WF_E_INVAL, "The key is empty.");
    if (key.len > WF_KEY_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The key has more than %u bytes.", WF_KEY_BYTES_MAX);
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return wf_err_set(err, WF_E_INVAL,
                              "The key has a blank or a character that no key has: the file must "
                              "hold the key alone.");
    }
    return 0;
}

int wf_key_put(const char *folder, const char *engine, struct wf_str key, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = path_of(path, folder, engine, err);

    key = wf_str_trim(key);
    if (rc == 0)
        rc = wf_key_check(key, err);
    if (rc == 0)
        rc = wf_file_mkdirs(folder, err);
    if (rc == 0)
        rc = wf_file_replace(path, key.ptr, key.len, 0600, err);
    return rc;
}

/* A regular file that only its owner, the caller, can read. */
static int check_file(int fd, const char *engine, struct wf_err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return wf_err_errno(err, errno, "The key of %s", engine);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return wf_err_set(err, WF_E_DENIED,
                          "The key of %s could be read by others: its file must be yours and 0600.",
                          engine);
    return 0;
}

int wf_key_get(const char *folder, const char *engine, struct wf_buf *out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int fd, rc = path_of(path, folder, engine, err);

    wf_buf_reset(out);
    if (rc != 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return wf_err_set(err, WF_E_NOENT, "There is no key for %s: weft engines key %s.", engine,
                          engine);
    if (fd < 0)
        return wf_err_errno(err, errno, "The key of %s", engine);
    rc = check_file(fd, engine, err);
    if (rc == 0)
        rc = wf_file_read_fd(fd, out, err);
    if (rc == 0)
        rc = wf_key_check(wf_buf_str(out), err);
    if (rc != 0)
        wf_key_forget(out);
    wf_file_close(&fd);
    return rc;
}

int wf_key_remove(const char *folder, const char *engine, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = path_of(path, folder, engine, err);

    return rc == 0 ? wf_file_remove(path, err) : rc;
}

void wf_key_forget(struct wf_buf *key)
{
    explicit_bzero(key->ptr, key->len);
    wf_buf_reset(key);
}
