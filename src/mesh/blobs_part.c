/* SPDX-License-Identifier: Apache-2.0 */
/* What is on its way: DIR/HEX.part has the bytes at their places, DIR/HEX.list the pieces that it
 * is to have, as far as they are told:
 *     0  8  "WFPARTS1"
 *     8  8  bytes of the blob, little endian
 *    16     each piece: 4 bytes, 32 hash
 * Which pieces are there is not written down: after a start their content says it. So nothing needs
 * to be in a certain order on the disk, and what a crash tore is seen. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/blobs_internal.h"
#include "os/file.h"
#include "store/blob.h"

#define HEADER_BYTES 16
#define MARK "WFPARTS1"
#define LIST_BYTES_MAX ((size_t)16 << 20)

/* ---- reading and writing at places ---- */

static bool read_at(int fd, void *out, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (char *)out + done, n - done, (off_t)(at + done));
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static int write_at(int fd, const void *p, size_t n, uint64_t at, struct wf_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, (const char *)p + done, n - done, (off_t)(at + done));
        if (put < 0 && errno != EINTR)
            return wf_err_errno(err, errno, "What comes from another device cannot be kept");
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* A small blob is one piece, of which the blob's own hash is known alone. */
static bool is_single(const struct wf_fetch *f)
{
    return f->n_bytes <= WF_PIECE_BYTES_MIN;
}

static bool is_piece(const struct wf_fetch *f, const void *p, const struct wf_piece *piece)
{
    struct wf_piece is;

    if (is_single(f))
        (void)crypto_generichash(is.hash, sizeof(is.hash), p, piece->bytes, NULL, 0);
    else
        wf_piece_make(p, piece->bytes, &is);
    return sodium_memcmp(is.hash, piece->hash, sizeof(is.hash)) == 0;
}

/* ---- pieces ---- */

static struct wf_str key_of(const struct wf_piece *p)
{
    return wf_str_n((const char *)p->hash, sizeof(p->hash));
}

static int add_piece(struct wf_fetch *f, const struct wf_piece *p, struct wf_err *err)
{
    struct wf_fetch_piece *fp;
    union wf_map_value *v;
    bool is_new = false;

    if (wf_reserve(&f->pieces, &f->cap_pieces, f->n_pieces + 1, sizeof(*fp)) != 0 ||
        (v = wf_map_put(&f->by_hash, key_of(p), &is_new)) == NULL)
        return wf_blobs__no_memory(err);
    if (is_new)
        v->u64 = f->n_pieces;
    fp = &f->pieces[f->n_pieces];
    *fp = (struct wf_fetch_piece){.p = *p, .start = f->n_told};
    if (!is_new && f->pieces[v->u64].p.bytes == p->bytes) {
        fp->state = WF_PIECE_TWIN;
        fp->twin = (uint32_t)v->u64;
    }
    f->n_pieces++;
    f->n_told += p->bytes;
    return 0;
}

static void mark_here(struct wf_fetch *f, size_t i)
{
    f->pieces[i].state = WF_PIECE_HERE;
    f->n_here += f->pieces[i].p.bytes;
}

/* Whether the file has it already. */
static void look_at_piece(struct wf_fetch *f, size_t i, char *scratch)
{
    const struct wf_fetch_piece *fp = &f->pieces[i];

    if (fp->state == WF_PIECE_MISSING && read_at(f->fd, scratch, fp->p.bytes, fp->start) &&
        is_piece(f, scratch, &fp->p))
        mark_here(f, i);
}

/* A blob that is here may have the same piece; one of another space is none of this one's business:
 * what is said of a document must not turn what is private there into this one's. */
static int find_piece(struct wf_blobs *b, struct wf_fetch *f, size_t i, char *scratch,
                      struct wf_err *err)
{
    const struct wf_fetch_piece *fp = &f->pieces[i];
    uint8_t blob[WF_HASH_BYTES];
    struct wf_reader *r = NULL;
    uint64_t at = 0;
    int fd = -1, rc;

    if (fp->state != WF_PIECE_MISSING || is_single(f))
        return 0;
    rc = wf_store_reader_get(b->o.store, &r, err);
    if (rc != 0)
        return rc;
    rc = wf_piece_find(r, f->space, &fp->p, blob, &at, NULL);
    wf_store_reader_put(b->o.store, r);
    if (rc != 0 || wf_blob_open(b->o.store, blob, &fd, NULL) != 0)
        return 0; /* then it is fetched */
    if (read_at(fd, scratch, fp->p.bytes, at) && is_piece(f, scratch, &fp->p)) {
        rc = write_at(f->fd, scratch, fp->p.bytes, fp->start, err);
        if (rc == 0)
            mark_here(f, i);
    }
    wf_file_close(&fd);
    return rc;
}

int wf_blobs__part_put(struct wf_blobs *b, struct wf_fetch *f, size_t i, const void *p,
                       struct wf_err *err)
{
    struct wf_fetch_piece *fp = &f->pieces[i];
    int rc;

    if (!is_piece(f, p, &fp->p))
        return wf_err_set(err, WF_E_CORRUPT, "It sent other bytes than it said.");
    rc = write_at(f->fd, p, fp->p.bytes, fp->start, err);
    if (rc != 0)
        return rc;
    mark_here(f, i);
    f->n_moved += fp->p.bytes;
    b->n_moved += fp->p.bytes;
    return 0;
}

/* Those that are like others before them. */
static int copy_twins(struct wf_fetch *f, struct wf_err *err)
{
    char *scratch = wf_alloc(WF_PIECE_BYTES_MAX);
    int rc = scratch == NULL ? wf_blobs__no_memory(err) : 0;

    for (size_t i = 0; i < f->n_pieces && rc == 0; i++) {
        const struct wf_fetch_piece *fp = &f->pieces[i];
        if (fp->state != WF_PIECE_TWIN)
            continue;
        if (!read_at(f->fd, scratch, fp->p.bytes, f->pieces[fp->twin].start))
            rc = wf_err_set(err, WF_E_IO, "What came from another device cannot be read.");
        else
            rc = write_at(f->fd, scratch, fp->p.bytes, fp->start, err);
        if (rc == 0)
            mark_here(f, i);
    }
    wf_free(scratch);
    return rc;
}

int wf_blobs__part_finish(struct wf_fetch *f, bool *out_whole, struct wf_err *err)
{
    uint64_t n_twins = 0;
    int rc = 0;

    *out_whole = false;
    if (f->n_told < f->n_bytes)
        return 0;
    for (size_t i = f->i_next; i < f->n_pieces; i++) {
        if (f->pieces[i].state == WF_PIECE_MISSING || f->pieces[i].state == WF_PIECE_ASKED)
            return 0;
    }
    for (size_t i = 0; i < f->n_pieces; i++)
        n_twins += f->pieces[i].state == WF_PIECE_TWIN ? f->pieces[i].p.bytes : 0;
    if (f->n_here + n_twins != f->n_bytes)
        return 0;
    if (n_twins > 0)
        rc = copy_twins(f, err);
    *out_whole = rc == 0;
    return rc;
}

/* ---- the list ---- */

static int put_list(struct wf_fetch *f, struct wf_str pieces, struct wf_err *err)
{
    struct wf_buf head;
    struct stat st;
    int rc = 0;

    if (f->list_fd < 0)
        return 0;
    if (fstat(f->list_fd, &st) != 0)
        return wf_err_errno(err, errno, "What comes from another device cannot be kept");
    wf_buf_init(&head, 64);
    if (st.st_size == 0) {
        wf_buf_append_cstr(&head, MARK);
        wf_buf_append_u64le(&head, f->n_bytes);
        rc = wf_buf_status(&head) != 0 ? wf_blobs__no_memory(err)
                                       : write_at(f->list_fd, head.ptr, head.len, 0, err);
        st.st_size = (off_t)head.len;
    }
    if (rc == 0)
        rc = write_at(f->list_fd, pieces.ptr, pieces.len, (uint64_t)st.st_size, err);
    wf_buf_deinit(&head);
    return rc;
}

int wf_blobs__part_told(struct wf_blobs *b, struct wf_fetch *f, const struct wf_blobs_message *m,
                        struct wf_err *err)
{
    size_t first = f->n_pieces;
    char *scratch;
    int rc = 0;

    if (m->from != f->n_told || m->n_bytes != f->n_bytes)
        return wf_err_set(err, WF_E_FORMAT, "It has another file under that hash.");
    scratch = wf_alloc(WF_PIECE_BYTES_MAX);
    if (scratch == NULL)
        return wf_blobs__no_memory(err);
    for (size_t i = 0; i < wf_blobs_pieces_n(m) && rc == 0; i++) {
        struct wf_piece p;
        wf_blobs_piece_at(m, i, &p);
        rc = add_piece(f, &p, err);
    }
    if (rc == 0)
        rc = put_list(f, m->body, err);
    for (size_t i = first; i < f->n_pieces && rc == 0; i++)
        rc = find_piece(b, f, i, scratch, err);
    wf_free(scratch);
    return rc;
}

/* What the list of an earlier try says; what is no such list is begun anew. */
static int read_list(struct wf_fetch *f, struct wf_err *err)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_PIECES, .n_bytes = f->n_bytes};
    struct wf_buf text, made;
    size_t n = 0;
    int rc;

    wf_buf_init(&text, LIST_BYTES_MAX);
    wf_buf_init(&made, 64);
    wf_buf_append_cstr(&made, MARK);
    wf_buf_append_u64le(&made, f->n_bytes);
    rc = wf_file_read_fd(f->list_fd, &text, err);
    if (rc == 0 && text.len >= HEADER_BYTES && memcmp(text.ptr, made.ptr, HEADER_BYTES) == 0)
        m.body = wf_str_sub(wf_buf_str(&text), HEADER_BYTES, text.len);
    m.body.len -= m.body.len % (4 + WF_PIECE_HASH_BYTES); /* the last may be torn */
    for (; rc == 0 && n < wf_blobs_pieces_n(&m); n++) {
        struct wf_piece p;
        wf_blobs_piece_at(&m, n, &p);
        if (p.bytes == 0 || p.bytes > WF_PIECE_BYTES_MAX || p.bytes > f->n_bytes - f->n_told)
            break;
        rc = add_piece(f, &p, err);
    }
    if (rc == 0 &&
        ftruncate(f->list_fd, n == 0 ? 0 : (off_t)(HEADER_BYTES + n * (4 + WF_PIECE_HASH_BYTES))) !=
            0)
        rc = wf_err_errno(err, errno, "What comes from another device cannot be kept");
    wf_buf_deinit(&made);
    wf_buf_deinit(&text);
    return rc;
}

/* ---- files ---- */

static int open_one(const char *path, int *out_fd, struct wf_err *err)
{
    *out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *out_fd < 0 ? wf_err_errno(err, errno, "What comes from another device cannot be kept")
                       : 0;
}

static char *list_path(const struct wf_fetch *f)
{
    char path[WF_LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%.*slist", (int)(strlen(f->path) - 4), f->path);

    return n < 0 || (size_t)n >= sizeof(path) ? NULL : wf_strdup(path);
}

static int open_files(struct wf_blobs *b, struct wf_fetch *f, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES], hex[2 * WF_BLOBS_HASH_BYTES + 1], *list = NULL;
    int n, rc;

    (void)sodium_bin2hex(hex, sizeof(hex), f->hash, sizeof(f->hash));
    n = snprintf(path, sizeof(path), "%s/%s.part", b->dir, hex);
    if (n < 0 || (size_t)n >= sizeof(path))
        return wf_err_set(err, WF_E_LIMIT, "The path of the data folder is too long.");
    f->path = wf_strdup(path);
    list = f->path == NULL ? NULL : list_path(f);
    if (list == NULL)
        return wf_blobs__no_memory(err);
    rc = open_one(f->path, &f->fd, err);
    if (rc == 0)
        rc = open_one(list, &f->list_fd, err);
    wf_free(list);
    return rc;
}

int wf_blobs__part_open(struct wf_blobs *b, struct wf_fetch *f, struct wf_err *err)
{
    struct wf_piece whole = {.bytes = (uint32_t)f->n_bytes};
    char *scratch = NULL;
    int rc = open_files(b, f, err);

    if (rc == 0 && is_single(f)) { /* its hash is that of the blob */
        memcpy(whole.hash, f->hash, sizeof(whole.hash));
        rc = add_piece(f, &whole, err);
    } else if (rc == 0) {
        rc = read_list(f, err);
    }
    if (rc == 0 && ftruncate(f->fd, (off_t)f->n_bytes) != 0)
        rc = wf_err_errno(err, errno, "What comes from another device cannot be kept");
    if (rc == 0)
        scratch = wf_alloc(WF_PIECE_BYTES_MAX);
    if (rc == 0 && scratch == NULL)
        rc = wf_blobs__no_memory(err);
    for (size_t i = 0; i < f->n_pieces && rc == 0; i++) {
        look_at_piece(f, i, scratch);
        rc = find_piece(b, f, i, scratch, err);
    }
    wf_free(scratch);
    return rc;
}

void wf_blobs__part_remove(struct wf_fetch *f)
{
    char *list = f->path == NULL || f->what != WF_BLOBS_DOCUMENT ? NULL : list_path(f);

    if (list == NULL)
        return;
    (void)!wf_file_remove(f->path, NULL); /* what stays is swept at the next start */
    (void)!wf_file_remove(list, NULL);
    wf_free(list);
}

/* Whether a file of that name is of something that is wanted. */
static bool is_wanted(struct wf_reader *r, const char *name)
{
    uint8_t hash[WF_HASH_BYTES];
    size_t n = 0;
    bool wanted = false;

    if (strlen(name) < 2 * sizeof(hash) ||
        sodium_hex2bin(hash, sizeof(hash), name, 2 * sizeof(hash), NULL, &n, NULL) != 0)
        return true; /* not ours: left alone */
    return wf_paper_is_wanted(r, hash, &wanted, NULL) != 0 || wanted;
}

int wf_blobs__parts_sweep(struct wf_blobs *b, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_reader *r = NULL;
    DIR *d = NULL;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    d = opendir(b->dir);
    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        int n = snprintf(path, sizeof(path), "%s/%s", b->dir, e->d_name);
        if (e->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(path) && !is_wanted(r, e->d_name))
            (void)!wf_file_remove(path, NULL); /* the next start tries again */
    }
    if (d != NULL)
        closedir(d);
    wf_store_reader_put(b->o.store, r);
    return 0;
}
