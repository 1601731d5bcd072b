/* SPDX-License-Identifier: Apache-2.0 */
/* Writing into the model store: files become a model, names come and go.
 *
 * The order that makes a kill at any moment harmless: a file is read for its digest and synced
 * where it lies in incoming/; its directory is read as a GGUF; it is moved to blobs/ and that
 * folder is synced; only then the name's file is written, atomically and durably; only then the
 * caller hears of success. What is left without a name is removed by the next sweep. Hashing and
 * syncing take long and happen outside the lock; moving and naming happen inside, so that no
 * collection takes a blob in between. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"
#include "engine/model_store_internal.h"
#include "os/file.h"
#include "os/file_copy.h"

#define PIECE_BYTES ((size_t)1 << 20)

/* One part on its way from incoming/ to blobs/. */
struct part {
    char from[WF_LIMIT_PATH_BYTES]; /* empty: it is a blob already */
    char digest[WF_MODEL_DIGEST_LEN + 1];
    uint64_t bytes;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory. Close other programs and try again.");
}

/* ---- digests ---- */

static int hash_fd(int fd, char *piece, struct wf_model__hashing *h,
                   crypto_hash_sha256_state *state, uint64_t *out_bytes, struct wf_err *err)
{
    uint64_t at = 0;

    for (;;) {
        ssize_t n = pread(fd, piece, PIECE_BYTES, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wf_err_errno(err, errno, "cannot read the model's file");
        if (n == 0)
            break;
        (void)crypto_hash_sha256_update(state, (const unsigned char *)piece,
                                        (unsigned long long)n); /* cannot fail */
        at += (uint64_t)n;
        if (h && h->progress && h->progress(h->ud, h->n_done + at, h->n_all) != 0)
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
    }
    if (h)
        h->n_done += at;
    *out_bytes = at;
    return 0;
}

int wf_model__hash(const char *path, struct wf_model__hashing *h, char out[72], uint64_t *out_bytes,
                   struct wf_err *err)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char *piece = wf_alloc(PIECE_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    crypto_hash_sha256_state state;
    int rc = 0;

    (void)crypto_hash_sha256_init(&state); /* cannot fail */
    if (!piece)
        rc = no_memory(err);
    else if (fd < 0)
        rc = wf_err_errno(err, errno, "%s", path);
    else
        rc = hash_fd(fd, piece, h, &state, out_bytes, err);
    wf_file_close(&fd);
    wf_free(piece);
    if (rc != 0)
        return rc;
    (void)crypto_hash_sha256_final(&state, hash);
    memcpy(out, "sha256:", 7);
    sodium_bin2hex(out + 7, 65, hash, sizeof(hash));
    return 0;
}

/* ---- into incoming/ ---- */

int wf_model_store_place(struct wf_model_store *s, const char *path, wf_model_progress_fn progress,
                         void *ud, char out_file[WF_MODEL_FILE_MAX], struct wf_err *err)
{
    char to[WF_LIMIT_PATH_BYTES], hex[33], file[WF_MODEL_FILE_MAX];
    int rc;

    wf_rng_hex(NULL, hex, 16);
    snprintf(file, sizeof(file), "import-%s", hex);
    rc = wf_model__path(s, "incoming", file, to, err);
    if (rc == 0)
        rc = wf_file_link_or_copy(path, to, progress, ud, NULL, err);
    if (rc == 0)
        memcpy(out_file, file, sizeof(file));
    return rc;
}

/* ---- a commit ---- */

struct commit {
    struct wf_model_store *s;
    const struct wf_model_commit *c;
    char name[WF_MODEL_NAME_MAX];
    struct part *parts; /* [c->n_parts] */
    json_t *record;
};

/* No way out of incoming/. */
static bool is_below(const char *file)
{
    return file[0] != '\0' && file[0] != '/' && strstr(file, "..") == NULL;
}

static int look_at_part(struct commit *k, size_t i, struct wf_err *err)
{
    const struct wf_model_part *p = &k->c->parts[i];
    struct part *own = &k->parts[i];
    struct stat st;
    int rc;

    if (p->digest && !wf_model__is_digest(p->digest))
        return wf_err_set(err, WF_E_INVAL, "A digest is \"sha256:\" and 64 hex digits.");
    if (!p->file) {
        assert(p->digest != NULL);
        memcpy(own->digest, p->digest, sizeof(own->digest));
        return 0; /* looked for under the lock */
    }
    if (!is_below(p->file))
        return wf_err_set(err, WF_E_INVAL, "\"%.80s\" is no file on its way.", p->file);
    rc = wf_model__path(k->s, "incoming", p->file, own->from, err);
    if (rc == 0 && (lstat(own->from, &st) != 0 || !S_ISREG(st.st_mode)))
        rc = wf_err_set(err, WF_E_NOENT, "There is no file \"%.80s\" on its way.", p->file);
    if (rc == 0)
        own->bytes = (uint64_t)st.st_size;
    return rc;
}

static int hash_parts(struct commit *k, struct wf_err *err)
{
    struct wf_model__hashing h = {.progress = k->c->progress, .ud = k->c->ud};
    int rc = 0;

    for (size_t i = 0; i < k->c->n_parts; i++)
        h.n_all += k->parts[i].bytes;
    for (size_t i = 0; rc == 0 && i < k->c->n_parts; i++) {
        struct part *p = &k->parts[i];
        const char *wanted = k->c->parts[i].digest;
        if (!p->from[0])
            continue;
        rc = wf_model__hash(p->from, &h, p->digest, &p->bytes, err);
        if (rc == 0 && wanted && strcmp(wanted, p->digest) != 0)
            rc = wf_err_set(err, WF_E_CORRUPT,
                            "The file is not the one that was announced: its SHA-256 is %.12s..., "
                            "not %.12s... It was removed; try again.",
                            WF_MODEL_HEX(p->digest), WF_MODEL_HEX(wanted));
        if (rc == 0)
            rc = wf_file_sync(p->from, err);
        if (rc == 0 && wanted) /* it was fetched, so it was written just now */
            wf_file_let_go(p->from);
    }
    return rc;
}

/* The path at which a part's bytes are now. */
static int part_now(const struct commit *k, size_t i, char out[WF_LIMIT_PATH_BYTES],
                    struct wf_err *err)
{
    const struct part *p = &k->parts[i];
    struct stat st;
    int rc = wf_model__blob_path(k->s, p->digest, out, err);

    if (rc != 0 || stat(out, &st) == 0)
        return rc;
    if (!p->from[0])
        return wf_err_set(err, WF_E_NOENT, "The blob %.20s is not in the model store any more.",
                          p->digest);
    memcpy(out, p->from, sizeof(p->from));
    return 0;
}

/* Gives the parts of a split file the names by which they are found beside each other. */
static int link_splits(struct commit *k, struct wf_err *err)
{
    char first[WF_LIMIT_PATH_BYTES], now[WF_LIMIT_PATH_BYTES], to[WF_LIMIT_PATH_BYTES];
    int rc = wf_model__open_path(k->s, k->parts[0].digest, k->c->n_parts, first, err);

    if (rc == 0) {
        memcpy(to, first, sizeof(to));
        *strrchr(to, '/') = '\0';
        rc = wf_file_mkdirs(to, err);
    }
    for (size_t i = 0; rc == 0 && i < k->c->n_parts; i++) {
        rc = wf_model_part_path(first, i, to, err);
        if (rc == 0)
            rc = part_now(k, i, now, err);
        if (rc == 0)
            rc = wf_file_remove(to, err);
        if (rc == 0)
            rc = wf_file_link_or_copy(now, to, NULL, NULL, NULL, err);
    }
    if (rc == 0) {
        *strrchr(to, '/') = '\0';
        rc = wf_file_sync_dir(to, err);
    }
    if (rc == 0)
        rc = wf_model__path(k->s, "splits", "", to, err);
    return rc == 0 ? wf_file_sync_dir(to, err) : rc;
}

static int read_facts(struct commit *k, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc;

    if (k->c->n_parts == 1)
        rc = part_now(k, 0, path, err);
    else if ((rc = link_splits(k, err)) == 0)
        rc = wf_model__open_path(k->s, k->parts[0].digest, k->c->n_parts, path, err);
    return rc == 0 ? wf_model__read_facts(path, k->record, err) : rc;
}

static int move_blobs(struct commit *k, struct wf_err *err)
{
    char to[WF_LIMIT_PATH_BYTES];
    struct stat st;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < k->c->n_parts; i++) {
        struct part *p = &k->parts[i];
        rc = wf_model__blob_path(k->s, p->digest, to, err);
        if (rc != 0)
            break;
        bool is_there = stat(to, &st) == 0;
        if (is_there)
            p->bytes = (uint64_t)st.st_size;
        if (is_there && p->from[0])
            rc = wf_file_remove(p->from, err);
        else if (!is_there)
            rc = wf_file_rename(p->from, to, err);
    }
    if (rc == 0)
        rc = wf_model__path(k->s, "blobs", "", to, err);
    return rc == 0 ? wf_file_sync_dir(to, err) : rc;
}

static int fill_record(struct commit *k, struct wf_err *err)
{
    static const char *const keys[] = {"template", "system", "params", "license"};
    json_t *parts = json_array();
    int bad = 0;

    for (size_t i = 0; i < k->c->n_parts; i++)
        bad |= json_array_append_new(parts, json_pack("{s:s, s:I}", "digest", k->parts[i].digest,
                                                      "bytes", (json_int_t)k->parts[i].bytes));
    bad |= json_object_set_new(k->record, "parts", parts);
    bad |= json_object_set_new(k->record, "version", json_integer(1));
    bad |= json_object_set_new(k->record, "added_ms",
                               json_integer((json_int_t)wf_clock_wall_ms(NULL)));
    if (k->c->source)
        bad |= json_object_set_new(k->record, "source", json_string(k->c->source));
    for (size_t i = 0; k->c->extra && i < WF_ARRAY_LEN(keys); i++) {
        json_t *v = json_object_get(k->c->extra, keys[i]);
        if (v)
            bad |= json_object_set(k->record, keys[i], v);
    }
    return bad ? no_memory(err) : 0;
}

/* With the lock held: from files that are checked to a name. */
static int name_them(struct commit *k, struct wf_model_entry *out, struct wf_err *err)
{
    struct wf_model_entry e;
    int rc = read_facts(k, err);

    if (rc == 0)
        rc = move_blobs(k, err);
    if (rc == 0)
        rc = fill_record(k, err);
    if (rc == 0)
        rc = wf_model__write(k->s, k->name, k->record, err);
    if (rc == 0)
        rc = wf_model__entry(k->s, k->name, k->record, &e, err);
    /* What the name pointed to before, or links that a failure left: the next sweep would do it as
     * well, so an error here is none of the caller's. */
    (void)!wf_model__collect(k->s, NULL);
    if (rc == 0 && out)
        *out = e;
    return rc;
}

/* True for the errors after which a file is of no use. */
static bool is_bad_file(int rc)
{
    return rc == WF_E_CORRUPT || rc == WF_E_FORMAT || rc == WF_E_UNSUPPORTED || rc == WF_E_LIMIT ||
           rc == WF_E_RANGE;
}

int wf_model_store_commit(struct wf_model_store *s, const struct wf_model_commit *c,
                          struct wf_model_entry *out, struct wf_err *err)
{
    struct commit k = {.s = s, .c = c};
    int rc = wf_model_name(c->name, k.name, err);

    assert(c->n_parts >= 1);
    assert(c->n_parts <= WF_LIMIT_GGUF_PARTS);
    if (rc != 0)
        return rc;
    k.parts = wf_alloc_array(c->n_parts, sizeof(*k.parts));
    k.record = json_object();
    if (!k.parts || !k.record)
        rc = no_memory(err);
    for (size_t i = 0; rc == 0 && i < c->n_parts; i++)
        rc = look_at_part(&k, i, err);
    if (rc == 0)
        rc = hash_parts(&k, err);
    if (rc == 0) {
        pthread_mutex_lock(&s->lock);
        rc = name_them(&k, out, err);
        pthread_mutex_unlock(&s->lock);
    }
    for (size_t i = 0; k.parts && i < c->n_parts && is_bad_file(rc); i++) {
        if (k.parts[i].from[0])
            (void)!wf_file_remove(k.parts[i].from, NULL); /* the first failure is the one to tell */
    }
    json_decref(k.record);
    wf_free(k.parts);
    return rc;
}

/* ---- split files ---- */

/* "-00001-of-00003.gguf" */
#define TAIL_LEN 20

size_t wf_model_parts_of(const char *path)
{
    size_t len = strlen(path);
    uint64_t n = 0;
    const char *tail;

    if (len <= TAIL_LEN)
        return 1;
    tail = path + len - TAIL_LEN;
    if (strncmp(tail, "-00001-of-", 10) != 0 || strcmp(tail + 15, ".gguf") != 0 ||
        !wf_str_to_u64(wf_str_n(tail + 10, 5), &n) || n == 0 || n > WF_LIMIT_GGUF_PARTS)
        return 1;
    return (size_t)n;
}

int wf_model_part_path(const char *first, size_t i, char out[WF_LIMIT_PATH_BYTES],
                       struct wf_err *err)
{
    size_t len = strlen(first), n_parts = wf_model_parts_of(first);
    int n = n_parts == 1 ? snprintf(out, WF_LIMIT_PATH_BYTES, "%s", first)
                         : snprintf(out, WF_LIMIT_PATH_BYTES, "%.*s-%05zu-of-%05zu.gguf",
                                    (int)(len - TAIL_LEN), first, i + 1, n_parts);

    assert(i < n_parts);
    if (n < 0 || n >= WF_LIMIT_PATH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The path is too long: %.100s", first);
    return 0;
}

int wf_model_store_import(struct wf_model_store *s, const char *path, const char *name,
                          wf_model_progress_fn progress, void *ud, struct wf_model_entry *out,
                          struct wf_err *err)
{
    size_t n = wf_model_parts_of(path), n_placed = 0;
    struct wf_model_part *parts = wf_alloc_array(n, sizeof(*parts));
    char(*files)[WF_MODEL_FILE_MAX] = wf_alloc_array(n, sizeof(*files));
    char one[WF_LIMIT_PATH_BYTES];
    int rc = parts && files ? 0 : no_memory(err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wf_model_part_path(path, i, one, err);
        if (rc == 0)
            rc = wf_model_store_place(s, one, progress, ud, files[i], err);
        if (rc == 0)
            parts[n_placed++].file = files[i];
    }
    if (rc == 0) {
        const struct wf_model_commit c = {.name = name,
                                          .parts = parts,
                                          .n_parts = n,
                                          .source = path,
                                          .progress = progress,
                                          .ud = ud};
        rc = wf_model_store_commit(s, &c, out, err);
    }
    for (size_t i = 0; i < n_placed && rc != 0; i++) {
        if (wf_model__path(s, "incoming", files[i], one, NULL) == 0)
            (void)!wf_file_remove(one, NULL); /* a sweep would do it, too */
    }
    wf_free(files);
    wf_free(parts);
    return rc;
}

/* ---- names ---- */

int wf_model_store_remove(struct wf_model_store *s, const char *name, struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX], path[WF_LIMIT_PATH_BYTES];
    json_t *record = NULL;
    struct stat st;
    int rc = wf_model_name(name, full, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = wf_model__name_path(s, full, path, err);
    /* A name whose file cannot be read must be removable, too. */
    if (rc == 0 && stat(path, &st) != 0) {
        char found[WF_MODEL_NAME_MAX];
        rc = wf_model__resolve(s, full, found, &record, err);
        json_decref(record);
        /* By the name only, in whatever case: a digest may have several. */
        if (rc == 0 && strcasecmp(found, full) != 0)
            rc = wf_err_set(err, WF_E_NOENT, "There is no model \"%.100s\".", full);
        if (rc == 0)
            rc = wf_model__name_path(s, found, path, err);
    }
    if (rc == 0)
        rc = wf_file_remove(path, err);
    if (rc == 0) {
        *strrchr(path, '/') = '\0';
        rc = wf_file_sync_dir(path, err);
    }
    if (rc == 0)
        (void)!wf_model__collect(s, NULL); /* the name is gone; a sweep would do the rest */
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int wf_model_store_copy(struct wf_model_store *s, const char *from, const char *to,
                        struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX], other[WF_MODEL_NAME_MAX];
    json_t *record = NULL;
    int rc = wf_model_name(to, other, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = wf_model__resolve(s, from, full, &record, err);
    if (rc == 0)
        rc = wf_model__write(s, other, record, err);
    if (rc == 0)
        (void)!wf_model__collect(s, NULL); /* of what the second name meant before */
    pthread_mutex_unlock(&s->lock);
    json_decref(record);
    return rc;
}

int wf_model_store_verify(struct wf_model_store *s, const char *name, wf_model_progress_fn progress,
                          void *ud, struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX], path[WF_LIMIT_PATH_BYTES], digest[72];
    struct wf_model__hashing h = {.progress = progress, .ud = ud};
    const json_t *part;
    json_t *record = NULL;
    uint64_t bytes = 0;
    size_t i;
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = wf_model__resolve(s, name, full, &record, err);
    pthread_mutex_unlock(&s->lock);
    json_array_foreach(json_object_get(record, "parts"), i, part) h.n_all +=
        (uint64_t)json_integer_value(json_object_get(part, "bytes"));
    json_array_foreach(json_object_get(record, "parts"), i, part)
    {
        const char *wanted = json_string_value(json_object_get(part, "digest"));
        if (rc == 0)
            rc = wf_model__blob_path(s, wanted, path, err);
        if (rc == 0)
            rc = wf_model__hash(path, &h, digest, &bytes, err);
        if (rc == WF_E_NOENT || (rc == 0 && strcmp(digest, wanted) != 0))
            rc =
                wf_err_set(err, WF_E_CORRUPT,
                           "The file of %.100s is damaged or gone. Pull or import it again.", full);
    }
    json_decref(record);
    return rc;
}
