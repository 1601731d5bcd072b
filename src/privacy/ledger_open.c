/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a ledger: its key, its head, its end.
 *
 * Everything up to the last signature was acknowledged and must be as it was signed. Behind it, at
 * most some seconds of entries may lie. Each entry says how much was durable when it was written,
 * so that of the first one that cannot be read it is known what it is: if anything behind it says
 * that it had been durable, it was acknowledged, and the log was damaged or changed: nothing is
 * touched, and nothing goes on. If nothing does, it belongs to the last write, which the crash
 * interrupted before anyone was told: it is cut off, and an entry will say so. Zeros up to the end
 * are room that was laid out: they go, without a word. */
#include "privacy/ledger_internal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "os/file.h"

/* "DIR/NAME"; NULL without memory. */
static char *join(const char *dir, const char *name)
{
    struct wf_buf b;
    char *s;

    wf_buf_init(&b, WF_LIMIT_PATH_BYTES);
    (void)wf_buf_appendf(&b, "%s/%s", dir, name);
    s = wf_buf_detach(&b, NULL);
    wf_buf_deinit(&b);
    return s;
}

static int damaged(const struct wf_ledger_end *end, const char *what, struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT,
                      "%s: %s. Nothing leaves until it is looked into: weft ledger verify. Moving "
                      "the folder away begins a new ledger.",
                      end->dir, what);
}

/* ---- the key ---- */

static int make_key(const char *path, uint8_t seed[WF_LEDGER_KEY_BYTES], struct wf_err *err)
{
    char text[WF_LEDGER_KEY_FILE_BYTES + 1];
    char *dir = wf_strdup(path), *slash;
    int rc = 0;

    if (dir == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger's key.");
    slash = strrchr(dir, '/');
    if (slash != NULL && slash != dir) {
        *slash = '\0';
        rc = wf_file_mkdirs(dir, err);
    }
    if (rc == 0) {
        randombytes_buf(seed, WF_LEDGER_KEY_BYTES);
        wf_ledger_format_write_key(seed, text);
        rc = wf_file_replace(path, text, WF_LEDGER_KEY_FILE_BYTES, 0600, err);
        sodium_memzero(text, sizeof(text));
    }
    wf_free(dir);
    return rc;
}

/* Reads one key's file into out. */
static int read_key(const char *path, uint8_t out[WF_LEDGER_KEY_BYTES], struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    if (rc == 0 && wf_ledger_format_read_key(wf_buf_str(&b), out) != 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s holds no key of the ledger.", path);
    sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

/* The secret key, and its public half beside the log. Where there is a ledger there is its key. */
static int open_key(struct wf_ledger_end *end, const char *key_path, bool is_new,
                    struct wf_err *err)
{
    uint8_t seed[WF_LEDGER_KEY_BYTES], own[WF_LEDGER_KEY_BYTES], shown[WF_LEDGER_KEY_BYTES];
    char text[WF_LEDGER_KEY_FILE_BYTES + 1];
    char *path = join(end->dir, "key.pub");
    bool is_there = access(key_path, F_OK) == 0;
    int rc = path == NULL ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.") : 0;

    if (rc == 0 && !is_there && !is_new)
        rc = damaged(end, "its secret key is gone", err);
    if (rc == 0)
        rc = is_there ? read_key(key_path, seed, err) : make_key(key_path, seed, err);
    if (rc == 0) {
        (void)crypto_sign_seed_keypair(own, end->secret, seed); /* cannot fail */
        if (is_new) {
            wf_ledger_format_write_key(own, text);
            rc = wf_file_replace(path, text, WF_LEDGER_KEY_FILE_BYTES, 0644, err);
        } else {
            rc = read_key(path, shown, err);
            if (rc == 0 && memcmp(own, shown, sizeof(own)) != 0)
                rc = damaged(end, "key.pub is not the key that signs", err);
        }
    }
    sodium_memzero(seed, sizeof(seed));
    wf_free(path);
    return rc;
}

/* ---- the end ---- */

int wf_ledger__end_cut(struct wf_ledger_end *end, struct wf_err *err)
{
    if (ftruncate(end->fd, (off_t)end->n_bytes) != 0 ||
        lseek(end->fd, (off_t)end->n_bytes, SEEK_SET) < 0)
        return wf_err_errno(err, errno, "cannot set the end of %s", end->log);
    end->n_room = end->n_bytes;
    return 0;
}

void wf_ledger__end_make_room(struct wf_ledger_end *end, size_t n)
{
    uint64_t ahead = WF_MIN(end->n_bytes - end->n_opened, (uint64_t)WF_LIMIT_LEDGER_ROOM_BYTES);
    uint64_t to = end->n_bytes + n + ahead;

    if (end->n_room - end->n_bytes >= n || ahead == 0)
        return;
    if (wf_file_lay_zeros(end->fd, end->n_room, to, NULL) == 0)
        end->n_room = to;
    else
        (void)!ftruncate(end->fd, (off_t)end->n_room); /* what is left is zeros, too */
}

int wf_ledger__end_sign(struct wf_ledger_end *end, int64_t now_ms, struct wf_err *err)
{
    struct wf_ledger_head h = {
        .time_ms = now_ms, .n_entries = end->n_entries, .n_bytes = end->n_bytes};
    uint8_t bytes[WF_LEDGER_HEAD_BYTES];
    int fd = -1, rc;

    memcpy(h.hash, end->hash, sizeof(h.hash));
    wf_ledger_format_sign(&h, end->secret, bytes);
    rc = wf_file_remove(end->head_new, err); /* of a crash */
    if (rc == 0)
        rc = wf_file_create(end->head_new, &fd, err);
    if (rc == 0)
        rc = wf_file_write_all(fd, bytes, sizeof(bytes), err);
    if (rc == 0)
        rc = wf_file_sync_fd(fd, err);
    wf_file_close(&fd);
    if (rc == 0)
        rc = wf_file_rename(end->head_new, end->head, err);
    if (rc == 0)
        rc = wf_file_sync_dir(end->dir, err);
    if (rc == 0)
        end->n_signed = end->n_entries;
    return rc;
}

/* Writes the beginning of an empty ledger. Until there is a head nothing was ever appended. */
static int begin(struct wf_ledger_end *end, int64_t now_ms, struct wf_err *err)
{
    uint8_t bytes[WF_LEDGER_BEGIN_BYTES], id[16];
    int rc;

    end->n_bytes = 0;
    rc = wf_ledger__end_cut(end, err);
    if (rc != 0)
        return rc;
    randombytes_buf(id, sizeof(id));
    wf_ledger_format_begin(id, bytes);
    rc = wf_file_write_all(end->fd, bytes, sizeof(bytes), err);
    if (rc == 0)
        rc = wf_file_sync_fd(end->fd, err);
    if (rc == 0)
        rc = wf_file_sync_dir(end->dir, err);
    if (rc != 0)
        return rc;
    end->n_bytes = end->n_room = end->n_opened = sizeof(bytes);
    rc = wf_ledger_format_read_begin(bytes, end->hash);
    assert(rc == 0);
    return wf_ledger__end_sign(end, now_ms, err);
}

/* n bytes of the log from `at`. */
static int read_log(const struct wf_ledger_end *end, uint64_t at, void *out, size_t n,
                    struct wf_err *err)
{
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(end->fd, (char *)out + got, n - got, (off_t)(at + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return wf_err_errno(err, errno, "cannot read %s", end->log);
        if (k == 0)
            return damaged(end, "the log is shorter than what was signed", err);
        got += (size_t)k;
    }
    return 0;
}

/* That the log has, where the signature says that it ended, the entry that was signed. */
static int check_signed(struct wf_ledger_end *end, const struct wf_ledger_head *h,
                        struct wf_err *err)
{
    uint8_t begin[WF_LEDGER_BEGIN_BYTES], last[WF_LEDGER_TRAILER_BYTES];
    uint8_t first_hash[WF_LEDGER_HASH_BYTES];
    const uint8_t *hash = first_hash;
    int rc = read_log(end, 0, begin, sizeof(begin), err);

    if (rc == 0 && wf_ledger_format_read_begin(begin, first_hash) != 0)
        rc = damaged(end, "the log does not begin as a ledger does", err);
    if (rc == 0 && h->n_entries > 0) {
        rc = h->n_bytes < sizeof(begin) + sizeof(last)
                 ? damaged(end, "its head is wrong", err)
                 : read_log(end, h->n_bytes - sizeof(last), last, sizeof(last), err);
        hash = last;
    }
    if (rc == 0 && memcmp(hash, h->hash, WF_LEDGER_HASH_BYTES) != 0)
        rc = damaged(end, "the log is not the one that was signed", err);
    if (rc != 0)
        return rc;
    end->n_entries = end->n_signed = h->n_entries;
    end->n_bytes = h->n_bytes;
    memcpy(end->hash, h->hash, sizeof(end->hash));
    return 0;
}

/* The entry at `at` of the tail; *out_n 0: none that can be read. */
static void tail_entry(struct wf_str tail, size_t at, struct wf_ledger_read *r, size_t *out_n)
{
    const uint8_t *p = (const uint8_t *)tail.ptr + at;
    size_t left = tail.len - at, n = left >= 8 ? wf_ledger_format_bytes(p) : 0;

    if (n > left || (n > 0 && wf_ledger_format_read(p, n, r, NULL) != 0))
        n = 0;
    *out_n = n;
}

/* Whether anything behind `at` says that this place had been durable. */
static bool was_durable(struct wf_str tail, size_t at, uint64_t place, struct wf_ledger_read *r)
{
    size_t n = 0;

    for (size_t i = at + 1; i<tail.len; i += n> 0 ? n : 1) {
        tail_entry(tail, i, r, &n);
        if (n > 0 && r->durable_bytes > place)
            return true;
    }
    return false;
}

/* Goes over the entries behind the signature, up to the last that is whole. */
static int walk_tail(struct wf_ledger_end *end, struct wf_str tail, struct wf_err *err)
{
    struct wf_ledger_read *r = wf_alloc_array(1, sizeof(*r));
    uint64_t base = end->n_bytes;
    size_t at = 0, n = 0, n_room = tail.len;
    int rc = r == NULL ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.") : 0;

    while (rc == 0 && at < tail.len) {
        tail_entry(tail, at, r, &n);
        if (n == 0)
            break;
        if (r->entry.seq != end->n_entries + 1 || r->durable_bytes > base + at ||
            memcmp(r->entry.prev, end->hash, sizeof(end->hash)) != 0) {
            rc = damaged(end, "an entry does not follow the one before it", err);
            break;
        }
        at += n;
        end->n_entries++;
        memcpy(end->hash, r->entry.hash, sizeof(end->hash));
    }
    while (n_room > at && tail.ptr[n_room - 1] == 0)
        n_room--;
    if (rc == 0 && at < n_room && was_durable(tail, at, base + at, r))
        rc = damaged(end, "an entry was damaged that had been durable", err);
    if (rc == 0) {
        end->n_bytes = base + at;
        end->n_cut = n_room - at;
    }
    wf_free(r);
    return rc;
}

static int recover(struct wf_ledger_end *end, uint64_t log_bytes, struct wf_err *err)
{
    uint64_t tail_bytes = log_bytes - end->n_bytes;
    struct wf_buf b;
    int rc = 0;

    if (tail_bytes == 0)
        return wf_ledger__end_cut(end, err);
    if (tail_bytes > WF_LIMIT_LEDGER_TAIL_BYTES)
        return damaged(end, "more lies behind the last signature than weft leaves there", err);
    wf_buf_init(&b, WF_LIMIT_LEDGER_TAIL_BYTES);
    if (wf_buf_reserve(&b, (size_t)tail_bytes) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.");
    if (rc == 0)
        rc = read_log(end, end->n_bytes, b.ptr, (size_t)tail_bytes, err);
    if (rc == 0) {
        wf_buf_commit(&b, (size_t)tail_bytes);
        rc = walk_tail(end, wf_buf_str(&b), err);
    }
    wf_buf_deinit(&b);
    if (rc == 0)
        rc = wf_ledger__end_cut(end, err);
    /* What a killed process had written may not be on the disk yet. */
    return rc == 0 ? wf_file_sync_fd(end->fd, err) : rc;
}

static int open_end(struct wf_ledger_end *end, const char *key_path, int64_t now_ms,
                    struct wf_err *err)
{
    bool has_head = access(end->head, F_OK) == 0;
    struct wf_ledger_head h;
    struct stat st;
    struct wf_buf b;
    int rc;

    if (fstat(end->fd, &st) != 0)
        return wf_err_errno(err, errno, "cannot look at %s", end->log);
    if (!has_head && st.st_size > WF_LEDGER_BEGIN_BYTES)
        return damaged(end, "its head, with the signature, is gone", err);
    rc = open_key(end, key_path, !has_head, err);
    if (rc != 0 || !has_head)
        return rc != 0 ? rc : begin(end, now_ms, err);
    wf_buf_init(&b, WF_LEDGER_HEAD_BYTES + 1);
    rc = wf_file_read(end->head, &b, err);
    if (rc == 0 &&
        wf_ledger_format_read_head((const uint8_t *)b.ptr, b.len, end->secret + 32, &h, NULL) != 0)
        rc = damaged(end, "its head is not signed by its key", err);
    wf_buf_deinit(&b);
    if (rc == 0 && (uint64_t)st.st_size < h.n_bytes)
        rc = damaged(end, "the log is shorter than what was signed", err);
    if (rc == 0)
        rc = check_signed(end, &h, err);
    if (rc == 0)
        rc = recover(end, (uint64_t)st.st_size, err);
    end->n_opened = end->n_bytes;
    if (rc == 0 && end->n_signed < end->n_entries)
        rc = wf_ledger__end_sign(end, now_ms, err);
    return rc;
}

int wf_ledger__end_open(struct wf_ledger_end *end, const char *dir, const char *key_path,
                        int64_t now_ms, struct wf_err *err)
{
    int rc;

    *end = (struct wf_ledger_end){.fd = -1};
    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    end->dir = wf_strdup(dir);
    end->log = join(dir, "log");
    end->head = join(dir, "head");
    end->head_new = join(dir, "head.new");
    if (end->dir == NULL || end->log == NULL || end->head == NULL || end->head_new == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.");
    rc = wf_file_mkdirs(dir, err);
    if (rc == 0)
        rc = wf_file_lock(end->log, &end->fd, err);
    if (rc == 0)
        rc = open_end(end, key_path, now_ms, err);
    return rc;
}

void wf_ledger__end_close(struct wf_ledger_end *end)
{
    if (end->n_room > end->n_bytes)
        (void)!wf_ledger__end_cut(end, NULL); /* otherwise the next opening does */
    wf_file_close(&end->fd);
    wf_free(end->dir);
    wf_free(end->log);
    wf_free(end->head);
    wf_free(end->head_new);
    sodium_memzero(end->secret, sizeof(end->secret));
    *end = (struct wf_ledger_end){.fd = -1};
}
