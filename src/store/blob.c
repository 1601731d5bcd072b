/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: copying and hashing in one pass, moving into place, sweeping.
 *
 * The order that makes "a name in blobs/ has its content" true after power loss: the copies of a
 * whole group are written to tmp/; they are made durable together; only then are they renamed; the
 * names are made durable; only then the database commits. Few files are synced one by one, many by
 * one syncfs, which costs about as much as two fsyncs.
 *
 * What a crash leaves: copies in tmp/ (removed at open), and names in blobs/ whose commit never
 * came (swept at open; a file named "adding" in tmp/ says that this may be so, since an idle tmp/
 * is empty and listing all blobs at every start would be slow).
 *
 * Small files never get there: they wait in memory and share a pack (pack.c), made durable with the
 * commit.
 *
 * Placing and removing happen in turns of writing, so that a removal never takes a blob that a
 * document of the same content is just about to need. */
#include "store/blob.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "store/pack.h"
#include "store/store_internal.h"

/* One read, hash and write; fits the second-level cache. */
#define PIECE_BYTES ((size_t)256 << 10)
/* Up to here fsync of each file is cheaper than syncfs, which also writes what others left dirty.
 */
#define SYNC_EACH_MAX 3

#define HEX_BYTES (2 * WF_HASH_BYTES)
#define PATH_BYTES (WF_LIMIT_PATH_BYTES + HEX_BYTES + 16)
#define MARK "adding"

/* ---- names ---- */

static void tmp_path(const struct wf_store *s, const char *name, char out[PATH_BYTES])
{
    int n = snprintf(out, PATH_BYTES, "%s/tmp/%s", s->dir, name);
    assert(n > 0 && n < PATH_BYTES); /* the store checked the folder's length when it opened */
    (void)n;
}

/* The folder of a blob, and its path. */
static void blob_paths(const struct wf_store *s, const uint8_t *hash, char out_dir[PATH_BYTES],
                       char out_path[PATH_BYTES])
{
    char hex[HEX_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, hash, WF_HASH_BYTES);
    int n = snprintf(out_dir, PATH_BYTES, "%s/blobs/%.2s", s->dir, hex);
    assert(n > 0 && n < PATH_BYTES);
    n = snprintf(out_path, PATH_BYTES, "%s/blobs/%.2s/%s", s->dir, hex, hex);
    assert(n > 0 && n < PATH_BYTES);
    (void)n;
}

/* ---- copying ---- */

static int check_kind(int fd, uint64_t *out_bytes, struct wf_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return wf_err_errno(err, errno, "cannot look at the file");
    }
    if (!S_ISREG(st.st_mode)) {
        return wf_err_set(err, WF_E_INVAL, "this is no regular file");
    }
    if ((uint64_t)st.st_size > WF_LIMIT_FILE_BYTES) {
        return wf_err_set(err, WF_E_LIMIT,
                          "the file is larger than %u MB, the most that one document may have",
                          (unsigned)(WF_LIMIT_FILE_BYTES >> 20));
    }
    *out_bytes = (uint64_t)st.st_size;
    return 0;
}

/* Reads fd in pieces through buf[0..PIECE_BYTES); hashes, and writes to `out_fd` unless it is -1.
 */
static int copy_pieces(int fd, int out_fd, char *buf, struct wf_blob *b,
                       wf_blob_progress_fn progress, void *ud, struct wf_err *err)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, WF_HASH_BYTES);
    for (;;) {
        ssize_t n = pread(fd, buf, PIECE_BYTES, (off_t)b->bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return wf_err_errno(err, errno, "cannot read the file");
        }
        if (n == 0) {
            break;
        }
        b->bytes += (uint64_t)n;
        if (b->bytes > WF_LIMIT_FILE_BYTES) {
            return wf_err_set(err, WF_E_LIMIT, "the file grew above the limit while it was read");
        }
        crypto_generichash_update(&state, (const unsigned char *)buf, (unsigned long long)n);
        int status = out_fd == -1 ? 0 : wf_file_write_all(out_fd, buf, (size_t)n, err);
        if (status == 0 && progress != NULL) {
            status = progress(ud, b->bytes, err);
        }
        if (status != 0) {
            return status;
        }
    }
    crypto_generichash_final(&state, b->hash, WF_HASH_BYTES);
    return 0;
}

/* Reads all of a small file into memory; *out_whole false: it has grown since. */
static int copy_small(int fd, size_t n_max, struct wf_blob *out, bool *out_whole,
                      struct wf_err *err)
{
    struct wf_blob b = {.content = wf_alloc(n_max + 1)};
    if (b.content == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (copying a file)");
    }
    size_t n = 0;
    for (ssize_t got = 1; got != 0 && n <= n_max;) {
        got = pread(fd, b.content + n, n_max + 1 - n, (off_t)n);
        if (got < 0 && errno != EINTR) {
            wf_free(b.content);
            return wf_err_errno(err, errno, "cannot read the file");
        }
        n += got > 0 ? (size_t)got : 0;
    }
    *out_whole = n <= n_max;
    if (!*out_whole) {
        wf_free(b.content);
        return 0;
    }
    b.bytes = n;
    crypto_generichash(b.hash, WF_HASH_BYTES, (const unsigned char *)b.content, n, NULL, 0);
    *out = b;
    return 0;
}

/* Reads, hashes and writes all of fd to a file in tmp/; of the file `path`, unless it is NULL, that
 * is a link to it. */
static int copy_large(struct wf_store *s, const char *path, int fd, struct wf_blob *out,
                      wf_blob_progress_fn progress, void *ud, struct wf_err *err)
{
    char *buf = wf_alloc(PIECE_BYTES);
    if (buf == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (copying a file)");
    }
    struct wf_blob b = {.bytes = 0};
    wf_rng_hex(NULL, b.tmp, WF_BLOB_TMP_BYTES / 2); /* never a name that a crash left behind */
    char to[PATH_BYTES];
    tmp_path(s, b.tmp, to);
    int out_fd = -1;
    int status = 0;
    if (path == NULL) {
        status = wf_file_create(to, &out_fd, err);
    } else if (link(path, to) != 0) {
        status = wf_err_errno(err, errno, "cannot link the file %s", path);
    }
    if (status == 0) {
        status = copy_pieces(fd, out_fd, buf, &b, progress, ud, err);
        wf_file_close(&out_fd);
        if (status != 0) {
            unlink(to);
        }
    }
    wf_free(buf);
    if (status == 0) {
        *out = b;
    }
    return status;
}

int wf_blob_adopt(struct wf_store *s, const char *path, int fd, struct wf_blob *out,
                  wf_blob_progress_fn progress, void *ud, struct wf_err *err)
{
    uint64_t bytes = 0;
    bool whole = false;
    int status = check_kind(fd, &bytes, err);
    if (status == 0 && bytes <= WF_PACK_BLOB_BYTES_MAX) {
        status = copy_small(fd, (size_t)bytes, out, &whole, err);
    }
    if (status == 0 && whole && progress != NULL) {
        status = progress(ud, out->bytes, err);
        if (status != 0) {
            wf_blob_drop(s, out);
        }
    }
    if (status != 0 || whole) {
        return status;
    }
    return copy_large(s, path, fd, out, progress, ud, err);
}

int wf_blob_copy(struct wf_store *s, int fd, struct wf_blob *out, wf_blob_progress_fn progress,
                 void *ud, struct wf_err *err)
{
    return wf_blob_adopt(s, NULL, fd, out, progress, ud, err);
}

void wf_blob_drop(struct wf_store *s, struct wf_blob *b)
{
    if (b->tmp[0] != '\0' && !b->placed) {
        char path[PATH_BYTES];
        tmp_path(s, b->tmp, path);
        unlink(path); /* when that fails, the next open sweeps it */
    }
    b->tmp[0] = '\0';
    wf_free(b->content);
    b->content = NULL;
}

int wf_blob_stage(struct wf_store *s, struct wf_blob *b, struct wf_err *err)
{
    if (b->content == NULL) {
        return 0;
    }
    int status = wf_pack_put(s, b->hash, wf_str_n(b->content, (size_t)b->bytes), err);
    if (status == 0) {
        wf_free(b->content);
        b->content = NULL;
    }
    return status;
}

/* ---- placing ---- */

int wf_blob__mark_adding(struct wf_store *s, struct wf_err *err)
{
    if (s->marked_adding) {
        return 0;
    }
    char path[PATH_BYTES];
    tmp_path(s, MARK, path);
    int status = wf_file_replace(path, "", 0, 0600, err);
    s->marked_adding = status == 0;
    return status;
}

static int sync_contents(struct wf_store *s, struct wf_blob *const *blobs, size_t n,
                         struct wf_err *err)
{
    char path[PATH_BYTES];
    if (n > SYNC_EACH_MAX) {
        tmp_path(s, "", path);
        return wf_file_sync_all(path, err);
    }
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        tmp_path(s, blobs[i]->tmp, path);
        status = wf_file_sync(path, err);
    }
    return status;
}

static int move_into_place(struct wf_store *s, struct wf_blob *b, struct wf_err *err)
{
    char from[PATH_BYTES];
    char dir[PATH_BYTES];
    char to[PATH_BYTES];
    tmp_path(s, b->tmp, from);
    blob_paths(s, b->hash, dir, to);
    struct wf_err first = WF_ERR_INIT;
    int status = wf_file_rename(from, to, &first);
    if (status == WF_E_NOENT && access(dir, F_OK) != 0) {
        status = wf_file_mkdirs(dir, err);
        return status == 0 ? wf_file_rename(from, to, err) : status;
    }
    if (status != 0) {
        return wf_err_set(err, status, "%s", first.msg);
    }
    return 0;
}

static int sync_names(struct wf_store *s, struct wf_blob *const *blobs, size_t n,
                      struct wf_err *err)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/blobs", s->dir);
    assert(len > 0 && (size_t)len < sizeof path);
    (void)len;
    if (n > SYNC_EACH_MAX) {
        return wf_file_sync_all(path, err);
    }
    int status = wf_file_sync_dir(path, err);
    for (size_t i = 0; status == 0 && i < n; i++) {
        char dir[PATH_BYTES];
        blob_paths(s, blobs[i]->hash, dir, path);
        status = wf_file_sync_dir(dir, err);
    }
    return status;
}

static int place_files(struct wf_store *s, struct wf_blob *const *blobs, size_t n,
                       struct wf_err *err)
{
    if (n == 0) {
        return 0;
    }
    int status = wf_blob__mark_adding(s, err);
    if (status == 0) {
        status = sync_contents(s, blobs, n, err);
    }
    for (size_t i = 0; status == 0 && i < n; i++) {
        status = move_into_place(s, blobs[i], err);
        blobs[i]->placed = status == 0;
    }
    return status == 0 ? sync_names(s, blobs, n, err) : status;
}

/* Small ones into the pack, the others to their names. */
static int place(struct wf_store *s, struct wf_blob *const *blobs, size_t n, struct wf_err *err)
{
    struct wf_blob **files = wf_alloc_array(n + 1, sizeof *files);
    if (files == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (committing)");
    }
    size_t n_files = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        status = wf_blob_stage(s, blobs[i], err);
        if (blobs[i]->tmp[0] != '\0') {
            files[n_files++] = blobs[i];
        }
    }
    if (status == 0) {
        status = wf_pack_sync(s, err);
    }
    if (status == 0) {
        status = place_files(s, files, n_files, err);
    }
    wf_free(files);
    return status;
}

/* Forgets copies after a failure before the commit. */
static void discard(struct wf_store *s, struct wf_blob *const *blobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* What cannot be removed now, the next open sweeps: the mark stays. */
        if (blobs[i]->placed && wf_blob_remove(s, blobs[i]->hash, NULL) != 0) {
            s->must_sweep = true;
        }
        wf_blob_drop(s, blobs[i]);
    }
}

int wf_blob_commit(struct wf_store *s, struct wf_blob *const *blobs, size_t n, struct wf_err *err)
{
    assert(s->turn_taken);
    int status = place(s, blobs, n, err);
    if (status != 0) {
        wf_store__rollback(s);
        discard(s, blobs, n);
    } else {
        /* When this fails, a crash may still bring the transaction back from the log, and then its
         * documents need their blobs: the next open decides. */
        status = wf_store__commit(s, err);
        s->must_sweep = s->must_sweep || status != 0;
    }
    wf_store__turn_end(s, status == 0);
    return status;
}

/* ---- reading and removing ---- */

int wf_blob_open(struct wf_store *s, const uint8_t *hash, int *out_fd, struct wf_err *err)
{
    char dir[PATH_BYTES];
    char path[PATH_BYTES];
    int fd = -1;
    int status = wf_pack_open(s, hash, &fd, err);
    if (status == 0 && fd < 0) {
        blob_paths(s, hash, dir, path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            return wf_err_errno(err, errno, "cannot open the original file %s", path);
        }
    }
    if (status == 0) {
        *out_fd = fd;
    }
    return status;
}

/* Does any document, or one that is being taken in, have this content? */
static int is_needed(struct wf_store *s, const uint8_t *hash, bool *out, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM document WHERE hash=?1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    status = wf_sql_step(st, "looking for a blob's documents", err);
    if (status < 0) {
        return status;
    }
    *out = status == 1;
    sqlite3_reset(st);
    return 0;
}

/* Where its pieces lie says nothing any more, and might tell what was in it. */
static int forget_pieces(struct wf_store *s, const uint8_t *hash, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM blob_piece WHERE blob=?1";
    sqlite3_stmt *st = NULL;
    int status = wf_store__stmt(s, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    return wf_sql_run(st, "removing a blob", err);
}

int wf_blob_evict(struct wf_store *s, const uint8_t *hash, struct wf_err *err)
{
    bool packed = false;
    int status = wf_pack_remove(s, hash, &packed, err);
    if (status == 0) {
        status = forget_pieces(s, hash, err);
    }
    if (status != 0 || packed) {
        return status;
    }
    char dir[PATH_BYTES];
    char path[PATH_BYTES];
    blob_paths(s, hash, dir, path);
    if (access(path, F_OK) != 0) {
        return 0;
    }
    status = wf_file_remove(path, err);
    return status == 0 ? wf_file_sync_dir(dir, err) : status;
}

int wf_blob_remove(struct wf_store *s, const uint8_t *hash, struct wf_err *err)
{
    bool needed = true;
    int status = is_needed(s, hash, &needed, err);
    return status == 0 && !needed ? wf_blob_evict(s, hash, err) : status;
}

int wf_blob_check(struct wf_store *s, const uint8_t *hash, struct wf_err *err)
{
    int fd = -1;
    int status = wf_blob_open(s, hash, &fd, err);
    if (status != 0) {
        return status;
    }
    char *buf = wf_alloc(PIECE_BYTES);
    struct wf_blob b = {.bytes = 0};
    status = buf != NULL ? copy_pieces(fd, -1, buf, &b, NULL, NULL, err)
                         : wf_err_set(err, WF_E_NOMEM, "out of memory (checking a file)");
    if (status == 0 && memcmp(b.hash, hash, WF_HASH_BYTES) != 0) {
        status = wf_err_set(err, WF_E_CORRUPT, "an original file in the data folder is damaged");
    }
    wf_free(buf);
    wf_file_close(&fd);
    return status;
}

/* ---- sweeping ---- */

typedef int (*entry_fn)(struct wf_store *s, const char *dir, const char *name, struct wf_err *err);

/* Calls fn for each entry of the folder but "." and "..". */
static int each_entry(struct wf_store *s, const char *dir, entry_fn fn, size_t *out_n,
                      struct wf_err *err)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        return wf_err_errno(err, errno, "cannot open the folder %s", dir);
    }
    int status = 0;
    size_t n = 0;
    for (struct dirent *e = readdir(d); status == 0 && e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            n++;
            status = fn(s, dir, e->d_name, err);
        }
    }
    closedir(d);
    *out_n = n;
    return status;
}

static int count_only(struct wf_store *s, const char *dir, const char *name, struct wf_err *err)
{
    (void)s;
    (void)dir;
    (void)name;
    (void)err;
    return 0;
}

static int remove_entry(struct wf_store *s, const char *dir, const char *name, struct wf_err *err)
{
    (void)s;
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return 0; /* no name of ours */
    }
    return wf_file_remove(path, err);
}

static int sweep_pack(struct wf_store *s, const char *dir, const char *name, struct wf_err *err)
{
    (void)dir;
    return wf_pack_sweep_one(s, name, err);
}

static int sweep_blob(struct wf_store *s, const char *dir, const char *name, struct wf_err *err)
{
    (void)dir;
    uint8_t hash[WF_HASH_BYTES];
    size_t n = 0;
    if (sodium_hex2bin(hash, sizeof hash, name, strlen(name), NULL, &n, NULL) != 0 ||
        n != sizeof hash) {
        return 0; /* not ours: left alone */
    }
    return wf_blob_remove(s, hash, err);
}

static int sweep_folder(struct wf_store *s, const char *dir, const char *name, struct wf_err *err)
{
    char path[PATH_BYTES];
    size_t n = 0;
    int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (strlen(name) != 2 || len < 0 || (size_t)len >= sizeof path) {
        return 0;
    }
    return each_entry(s, path, sweep_blob, &n, err);
}

int wf_blob_sweep(struct wf_store *s, struct wf_err *err)
{
    char tmp[PATH_BYTES];
    char blobs[PATH_BYTES];
    size_t n_left = 0;
    size_t n = 0;
    tmp_path(s, "", tmp);
    snprintf(blobs, sizeof blobs, "%s/blobs", s->dir);
    int status = each_entry(s, tmp, count_only, &n_left, err);
    if (status != 0 || n_left == 0) {
        return status;
    }
    status = wf_store_write_begin(s, err);
    if (status != 0) {
        return status;
    }
    status = each_entry(s, blobs, sweep_folder, &n, err);
    if (status == 0) {
        snprintf(blobs, sizeof blobs, "%s/packs", s->dir);
        status = each_entry(s, blobs, sweep_pack, &n, err);
    }
    wf_store_write_rollback(s); /* nothing was written: the turn alone was needed */
    if (status == 0) {
        status = each_entry(s, tmp, remove_entry, &n, err); /* last: the mark stays until done */
    }
    return status;
}

void wf_blob__forget_mark(struct wf_store *s)
{
    if (s->marked_adding && !s->must_sweep) {
        char path[PATH_BYTES];
        tmp_path(s, MARK, path);
        unlink(path); /* if it stays, the next open sweeps for nothing */
    }
}
