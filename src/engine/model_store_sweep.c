/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what no name points to: after a name went, and what a crash left.
 *
 * Before anything is removed all names' files are read; if one cannot be, nothing is, since its
 * blobs could be among those that seem to have no name. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/model_store_internal.h"
#include "os/file.h"

#define NAMES_BYTES_MAX ((size_t)16 << 20)
/* A download that nobody went on with for so long is given up. */
#define INCOMING_MS_MAX (INT64_C(30) * 24 * 3600 * 1000)
#define DEPTH_MAX 8

/* ---- what names point to ---- */

static int note_digests(const json_t *record, struct wf_map *used, struct wf_err *err)
{
    const json_t *part;
    size_t i;

    json_array_foreach(json_object_get(record, "parts"), i, part)
    {
        const char *digest = json_string_value(json_object_get(part, "digest"));
        if (!wf_map_put(used, wf_str_from(WF_MODEL_HEX(digest)), NULL))
            return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    return 0;
}

static int used_digests(struct wf_model_store *s, struct wf_map *used, struct wf_err *err)
{
    struct wf_buf names;
    size_t n = 0;
    int rc;

    wf_buf_init(&names, NAMES_BYTES_MAX);
    rc = wf_model__names(s, &names, &n, err);
    const char *at = names.ptr;
    for (size_t i = 0; rc == 0 && i < n; i++, at += strlen(at) + 1) {
        json_t *record = NULL;
        rc = wf_model__read(s, at, &record, err);
        if (rc == 0)
            rc = note_digests(record, used, err);
        json_decref(record);
    }
    wf_buf_deinit(&names);
    return rc;
}

/* ---- folders ---- */

/* Calls fn for every entry of the folder but the two dots. */
typedef int (*entry_fn)(void *ud, const char *path, const char *file, struct wf_err *err);

static int each_entry(const char *dir, entry_fn fn, void *ud, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;

    if (!d)
        return errno == ENOENT ? 0 : wf_err_errno(err, errno, "cannot read %s", dir);
    while (rc == 0 && (e = readdir(d)) != NULL) {
        int n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || n < 0 ||
            (size_t)n >= sizeof(path))
            continue;
        rc = fn(ud, path, e->d_name, err);
    }
    closedir(d);
    return rc;
}

/* Removes a file, or a folder with all in it. */
static int remove_all(void *ud, const char *path, const char *file, struct wf_err *err)
{
    struct stat st;
    int rc;

    (void)file;
    if (lstat(path, &st) != 0)
        return 0;
    if (!S_ISDIR(st.st_mode))
        return wf_file_remove(path, err);
    rc = each_entry(path, remove_all, ud, err);
    if (rc == 0 && rmdir(path) != 0 && errno != ENOENT)
        rc = wf_err_errno(err, errno, "cannot remove %s", path);
    return rc;
}

int wf_model_store_discard(struct wf_model_store *s, const char *file, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = wf_model__path(s, "incoming", file, path, err);

    assert(file[0] != '\0' && strchr(file, '.') == NULL); /* one of ours, below incoming/ */
    return rc == 0 ? remove_all(NULL, path, file, err) : rc;
}

static int remove_unused_blob(void *ud, const char *path, const char *file, struct wf_err *err)
{
    const struct wf_map *used = ud;

    if (strncmp(file, "sha256-", 7) == 0 && wf_map_get(used, wf_str_from(file + 7)))
        return 0;
    return wf_file_remove(path, err);
}

static int remove_unused_split(void *ud, const char *path, const char *file, struct wf_err *err)
{
    const struct wf_map *used = ud;

    return wf_map_get(used, wf_str_from(file)) ? 0 : remove_all(NULL, path, file, err);
}

int wf_model__collect(struct wf_model_store *s, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_map used;
    int rc;

    wf_map_init(&used, SIZE_MAX / 2);
    rc = used_digests(s, &used, err);
    if (rc == 0)
        rc = wf_model__path(s, "splits", "", path, err);
    if (rc == 0)
        rc = each_entry(path, remove_unused_split, &used, err);
    if (rc == 0)
        rc = wf_model__path(s, "blobs", "", path, err);
    if (rc == 0)
        rc = each_entry(path, remove_unused_blob, &used, err);
    wf_map_deinit(&used);
    return rc;
}

/* ---- after a start ---- */

/* Temporary files that a crash left below names/; folders of names that are empty. */
static int sweep_names(void *ud, const char *path, const char *file, struct wf_err *err)
{
    unsigned *depth = ud, below = *depth + 1;
    struct stat st;
    int rc = 0;

    if (lstat(path, &st) != 0)
        return 0;
    if (S_ISDIR(st.st_mode) && *depth < DEPTH_MAX) {
        rc = each_entry(path, sweep_names, &below, err);
        if (rc == 0 && rmdir(path) != 0 && errno != ENOTEMPTY && errno != ENOENT)
            rc = wf_err_errno(err, errno, "cannot remove %s", path);
    } else if (strncmp(file, ".weft-", 6) == 0) {
        rc = wf_file_remove(path, err);
    }
    return rc;
}

/* Imports end with the process that makes them; downloads go on for a month. */
static int sweep_incoming(void *ud, const char *path, const char *file, struct wf_err *err)
{
    const int64_t *now_ms = ud;
    struct stat st;

    if (lstat(path, &st) != 0)
        return 0;
    if (strncmp(file, "import-", 7) != 0 &&
        *now_ms - (int64_t)st.st_mtim.tv_sec * 1000 < INCOMING_MS_MAX)
        return 0;
    return remove_all(NULL, path, file, err);
}

int wf_model_store_sweep(struct wf_model_store *s, struct wf_err *err)
{
    int64_t now_ms = wf_clock_wall_ms(NULL);
    char path[WF_LIMIT_PATH_BYTES];
    unsigned depth = 0;
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = wf_model__path(s, "names", "", path, err);
    if (rc == 0)
        rc = each_entry(path, sweep_names, &depth, err);
    if (rc == 0)
        rc = each_entry(s->incoming, sweep_incoming, &now_ms, err);
    if (rc == 0)
        rc = wf_model__collect(s, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}
