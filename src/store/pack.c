/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: writing, reading, destroying, sweeping.
 *
 * A pack is written in one transaction and never grows afterwards, so a crash leaves either all of
 * its rows or none, and a pack without rows is rubbish that the next open removes (the mark in
 * tmp/ says that it must look, blob.c).
 *
 * Removing one blob of many frees its blocks and zeroes what of them it shares with a neighbour
 * (fallocate(2), FALLOC_FL_PUNCH_HOLE; zeros are written where the file system cannot). That comes
 * before the row goes: after a crash in between, the same removal begins again.
 *
 * Invariants: (1) a pack's number is never used twice while the store is open. (2) Rows of one pack
 * do not overlap. */
#include "store/pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "store/document.h"
#include "store/store_internal.h"

#define PATH_BYTES (WF_LIMIT_PATH_BYTES + 32)

struct place {
    int64_t pack; /* 0: none */
    uint64_t start, bytes;
};

static void pack_path(const struct wf_store *s, int64_t pack, char out[PATH_BYTES])
{
    int n = snprintf(out, PATH_BYTES, "%s/packs/%lld", s->dir, (long long)pack);
    assert(n > 0 && n < PATH_BYTES); /* the store checked the folder's length when it opened */
    (void)n;                         /* only asserted */
}

static void folder_path(const struct wf_store *s, char out[PATH_BYTES])
{
    int n = snprintf(out, PATH_BYTES, "%s/packs", s->dir);
    assert(n > 0 && n < PATH_BYTES);
    (void)n; /* only asserted */
}

/* Runs `st`, which finds a place by its hash. */
static int find(sqlite3_stmt *st, const uint8_t *hash, struct place *out, struct wf_err *err)
{
    *out = (struct place){.pack = 0};
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    int status = wf_sql_step(st, "looking for an original file", err);
    if (status == 1) {
        out->pack = sqlite3_column_int64(st, 0);
        out->start = (uint64_t)sqlite3_column_int64(st, 1);
        out->bytes = (uint64_t)sqlite3_column_int64(st, 2);
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

static const char sql_find[] = "SELECT pack,start,bytes FROM packed WHERE hash=?";

static int find_as_writer(struct wf_store *s, const uint8_t *hash, struct place *out,
                          struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql_find, &st, err);
    return status == 0 ? find(st, hash, out, err) : status;
}

/* ---- writing ---- */

/* Makes the turn's pack. Its number is above all that rows name; a file of that name is rubbish
 * that waits for a sweep. */
static int begin(struct wf_store *s, struct wf_err *err)
{
    static const char sql[] = "SELECT max(pack) FROM packed";
    if (s->pack_fd >= 0) {
        return 0;
    }
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status == 0) {
        status = wf_sql_step(st, "reading the highest pack", err);
    }
    if (status == 1) { /* always one row */
        s->pack = WF_MAX(s->pack, sqlite3_column_int64(st, 0));
        sqlite3_reset(st);
        status = wf_blob__mark_adding(s, err);
    }
    if (status != 0) {
        return status;
    }
    struct wf_err first = WF_ERR_INIT;
    do {
        char path[PATH_BYTES];
        s->pack++;
        pack_path(s, s->pack, path);
        status = wf_file_create(path, &s->pack_fd, &first);
    } while (status == WF_E_EXIST);
    s->pack_end = 0;
    return status == 0 ? 0 : wf_err_set(err, status, "%s", first.msg);
}

/* Is the content really where its row says? A removal that was broken off may have destroyed it. */
static bool is_there(const struct wf_store *s, const struct place *at, struct wf_str content)
{
    char path[PATH_BYTES];
    if (at->pack == 0 || at->bytes != content.len) {
        return false;
    }
    pack_path(s, at->pack, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *buf = wf_alloc(content.len + 1);
    bool same = fd >= 0 && buf != NULL &&
                pread(fd, buf, content.len, (off_t)at->start) == (ssize_t)content.len &&
                memcmp(buf, content.ptr, content.len) == 0;
    wf_free(buf);
    wf_file_close(&fd);
    return same;
}

int wf_pack_put(struct wf_store *s, const uint8_t *hash, struct wf_str content, struct wf_err *err)
{
    static const char sql_insert[] =
        "INSERT INTO packed(hash,pack,start,bytes) VALUES(?1,?2,?3,?4)";
    static const char sql_update[] = "UPDATE packed SET pack=?2, start=?3, bytes=?4 WHERE hash=?1";
    assert(s->turn_taken && content.len <= WF_PACK_BLOB_BYTES_MAX);
    struct place there;
    sqlite3_stmt *st = NULL;
    int status = find_as_writer(s, hash, &there, err);
    if (status != 0 || is_there(s, &there, content)) {
        return status;
    }
    status = begin(s, err);
    if (status == 0) {
        status = wf_file_write_all(s->pack_fd, content.ptr, content.len, err);
    }
    if (status == 0) {
        status = wf_store__stmt(s, there.pack == 0 ? sql_insert : sql_update, &st, err);
    }
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    sqlite3_bind_int64(st, 2, s->pack);
    sqlite3_bind_int64(st, 3, (int64_t)s->pack_end);
    sqlite3_bind_int64(st, 4, (int64_t)content.len);
    s->pack_end += content.len;
    s->pack_synced = false;
    return wf_sql_run(st, "noting an original file", err);
}

int wf_pack_sync(struct wf_store *s, struct wf_err *err)
{
    char path[PATH_BYTES];
    if (s->pack_fd < 0 || s->pack_synced) {
        return 0;
    }
    pack_path(s, s->pack, path);
    int status = wf_file_sync(path, err);
    if (status == 0) {
        folder_path(s, path);
        status = wf_file_sync_dir(path, err);
    }
    s->pack_synced = status == 0;
    return status;
}

void wf_pack_end(struct wf_store *s, bool keep)
{
    if (s->pack_fd < 0) {
        return;
    }
    wf_file_close(&s->pack_fd);
    if (!keep) {
        char path[PATH_BYTES];
        pack_path(s, s->pack, path);
        if (unlink(path) != 0) {
            s->must_sweep = true;
        }
    }
}

/* ---- reading ---- */

/* Copies the place to a file in memory. */
static int copy_out(int fd, const struct place *at, int *out_fd, struct wf_err *err)
{
    size_t n = (size_t)WF_MIN(at->bytes, (uint64_t)WF_PACK_BLOB_BYTES_MAX);
    char *buf = wf_alloc(n + 1);
    if (buf == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (reading an original file)");
    }
    ssize_t got = pread(fd, buf, n, (off_t)at->start);
    int status = 0;
    if (got < 0) {
        status = wf_err_errno(err, errno, "cannot read an original file");
    } else if ((uint64_t)got != at->bytes) {
        status = wf_err_set(err, WF_E_CORRUPT, "an original file in the data folder is cut off");
    }
    if (status == 0) {
        status = wf_file_memfd("original", out_fd, err);
    }
    if (status == 0) {
        status = wf_file_write_all(*out_fd, buf, n, err);
    }
    if (status != 0) {
        wf_file_close(out_fd);
    }
    wf_free(buf);
    return status;
}

int wf_pack_open(struct wf_store *s, const uint8_t *hash, int *out_fd, struct wf_err *err)
{
    struct place at = {.pack = 0};
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;
    *out_fd = -1;
    int status = wf_store_reader_get(s, &r, err);
    if (status != 0) {
        return status;
    }
    status = wf_reader_cached(r, sql_find, &st, err);
    if (status == 0) {
        status = find(st, hash, &at, err);
    }
    wf_store_reader_put(s, r);
    if (status != 0 || at.pack == 0) {
        return status;
    }
    char path[PATH_BYTES];
    pack_path(s, at.pack, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return wf_err_errno(err, errno, "cannot open the original file in %s", path);
    }
    status = copy_out(fd, &at, out_fd, err);
    wf_file_close(&fd);
    return status;
}

/* ---- destroying ---- */

static int write_zeros(int fd, const struct place *at, struct wf_err *err)
{
    static const char zeros[4096];
    for (uint64_t i = 0; i < at->bytes;) {
        size_t n = (size_t)WF_MIN(at->bytes - i, (uint64_t)sizeof zeros);
        ssize_t done = pwrite(fd, zeros, n, (off_t)(at->start + i));
        if (done < 0 && errno != EINTR) {
            return wf_err_errno(err, errno, "cannot overwrite a removed file");
        }
        i += done > 0 ? (uint64_t)done : 0;
    }
    return 0;
}

/* A pack that is gone has nothing left to destroy. */
static int destroy(const char *path, const struct place *at, struct wf_err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? 0 : wf_err_errno(err, errno, "cannot open %s", path);
    }
    int status = 0;
    if (at->bytes > 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at->start,
                                   (off_t)at->bytes) != 0) {
        status = write_zeros(fd, at, err);
    }
    if (status == 0 && fdatasync(fd) != 0) {
        status = wf_err_errno(err, errno, "cannot make a removal durable");
    }
    wf_file_close(&fd);
    return status;
}

/* Removes the file when no row names the pack any more. */
static int remove_empty(struct wf_store *s, int64_t pack, const char *path, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM packed WHERE pack=? LIMIT 1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, pack);
    status = wf_sql_step(st, "looking into a pack", err);
    sqlite3_reset(st);
    if (status != 0 || access(path, F_OK) != 0) {
        return WF_MIN(status, 0);
    }
    char folder[PATH_BYTES];
    folder_path(s, folder);
    status = wf_file_remove(path, err);
    return status == 0 ? wf_file_sync_dir(folder, err) : status;
}

int wf_pack_remove(struct wf_store *s, const uint8_t *hash, bool *out_found, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM packed WHERE hash=?";
    assert(s->turn_taken && s->pack_fd < 0);
    struct place at;
    sqlite3_stmt *st = NULL;
    int status = find_as_writer(s, hash, &at, err);
    *out_found = status == 0 && at.pack != 0;
    if (!*out_found) {
        return status;
    }
    char path[PATH_BYTES];
    pack_path(s, at.pack, path);
    status = destroy(path, &at, err);
    if (status == 0) {
        status = wf_store__stmt(s, sql, &st, err);
    }
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    status = wf_sql_run(st, "forgetting an original file", err);
    return status == 0 ? remove_empty(s, at.pack, path, err) : status;
}

int wf_pack_sweep_one(struct wf_store *s, const char *name, struct wf_err *err)
{
    char path[PATH_BYTES];
    char *end = NULL;
    long long pack = strtoll(name, &end, 10);
    if (*end != '\0' || pack <= 0) {
        return 0; /* not ours: left alone */
    }
    pack_path(s, pack, path);
    return remove_empty(s, pack, path, err);
}
