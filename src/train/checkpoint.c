/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading checkpoints. Reading first looks whether all parts that the header promises
 * fit into the file, then whether the bytes are those that were written; only then is anything
 * believed. Tensors stay in the mapping. */
#include "train/checkpoint.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"
#include "os/mapping.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are stored as they lie");
_Static_assert(sizeof(float) == 4, "floats are stored as they lie");

#define MAGIC "WEFTCKPT"
#define VERSION 1u
#define HEADER_BYTES 128u
#define TASK_BYTES 64u   /* of one in the file */
#define TENSOR_BYTES 72u /* of one in the file */
#define ALIGN 64u
#define HASH_BYTES 32u
#define PART_BYTES_MAX (16u << 20)             /* of the experiment's text, of the entries */
#define VALUES_MAX (UINT64_C(1) << 40)         /* of one tensor: no product overflows */
#define WRITE_BYTES ((size_t)4 << 20)          /* one write */
#define DIRECTORY_BYTES_MAX ((size_t)64 << 20) /* all but tensors */

/* ---- writing ---- */

struct writer {
    int fd;
    crypto_generichash_state hash;
    uint64_t bytes;
};

static int put(struct writer *w, const void *p, size_t n, struct wf_err *err)
{
    const unsigned char *at = p;
    int rc = 0;

    while (n > 0 && rc == 0) {
        size_t k = n < WRITE_BYTES ? n : WRITE_BYTES;
        (void)crypto_generichash_update(&w->hash, at, k); /* cannot fail */
        rc = wf_file_write_all(w->fd, at, k, err);
        at += k;
        n -= k;
        w->bytes += k;
    }
    return rc;
}

static int pad(struct writer *w, struct wf_err *err)
{
    static const char zeros[ALIGN];
    size_t over = (size_t)(w->bytes % ALIGN);

    return over > 0 ? put(w, zeros, ALIGN - over, err) : 0;
}

static uint64_t padded(uint64_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static uint64_t tensor_bytes(const struct wf_checkpoint_tensor *t)
{
    return (uint64_t)t->rows * t->cols * sizeof(float);
}

/* Bytes of the file, the sum behind them included. */
static uint64_t file_bytes(const struct wf_checkpoint *c)
{
    uint64_t n = HEADER_BYTES + c->conf.len + c->meta.len + c->n_tasks * TASK_BYTES +
                 c->n_tensors * TENSOR_BYTES;

    n = padded(n);
    for (size_t i = 0; i < c->n_tensors; i++)
        n += (c->has_moments ? 3 : 1) * padded(tensor_bytes(&c->tensors[i]));
    return n + HASH_BYTES;
}

/* Everything in front of the tensors. */
static void put_directory(const struct wf_checkpoint *c, struct wf_buf *b)
{
    const uint64_t numbers[] = {file_bytes(c), c->n_steps,    c->n_tokens, c->n_updates,
                                c->n_skipped,  c->trained_ns, c->seed};

    wf_buf_append(b, MAGIC, 8);
    wf_buf_append_u32le(b, VERSION);
    wf_buf_append_u32le(b, (uint32_t)c->n_tensors);
    for (size_t i = 0; i < WF_ARRAY_LEN(numbers); i++)
        wf_buf_append_u64le(b, numbers[i]);
    wf_buf_append_u32le(b, (uint32_t)c->n_tasks);
    wf_buf_append_u32le(b, (uint32_t)c->conf.len);
    wf_buf_append_u32le(b, (uint32_t)c->meta.len);
    wf_buf_append_u32le(b, c->has_moments ? 1 : 0);
    wf_buf_append_fill(b, 0, HEADER_BYTES - b->len);
    wf_buf_append_str(b, c->conf);
    wf_buf_append_str(b, c->meta);
    for (size_t i = 0; i < c->n_tasks; i++) {
        wf_buf_append(b, c->tasks[i].name, sizeof(c->tasks[i].name));
        wf_buf_append_u64le(b, c->tasks[i].epoch);
        wf_buf_append_u64le(b, c->tasks[i].i);
    }
    for (size_t i = 0; i < c->n_tensors; i++) {
        wf_buf_append(b, c->tensors[i].name, sizeof(c->tensors[i].name));
        wf_buf_append_u32le(b, c->tensors[i].rows);
        wf_buf_append_u32le(b, c->tensors[i].cols);
    }
}

static int put_tensors(struct writer *w, const struct wf_checkpoint *c, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < c->n_tensors && rc == 0; i++) {
        const struct wf_checkpoint_tensor *t = &c->tensors[i];
        const float *const parts[] = {t->values, t->first, t->second};
        for (size_t k = 0; k < (c->has_moments ? 3 : 1) && rc == 0; k++) {
            rc = put(w, parts[k], (size_t)tensor_bytes(t), err);
            if (rc == 0)
                rc = pad(w, err);
        }
    }
    return rc;
}

static int put_all(const struct wf_checkpoint *c, int fd, struct wf_err *err)
{
    struct writer w = {.fd = fd};
    unsigned char sum[HASH_BYTES];
    struct wf_buf b;
    int rc;

    (void)crypto_generichash_init(&w.hash, NULL, 0, HASH_BYTES); /* cannot fail */
    wf_buf_init(&b, DIRECTORY_BYTES_MAX);
    put_directory(c, &b);
    rc = wf_buf_status(&b);
    if (rc != 0)
        (void)wf_err_set(err, rc, "Not enough memory to write the checkpoint.");
    if (rc == 0)
        rc = put(&w, b.ptr, b.len, err);
    if (rc == 0)
        rc = pad(&w, err);
    wf_buf_deinit(&b);
    if (rc == 0)
        rc = put_tensors(&w, c, err);
    (void)crypto_generichash_final(&w.hash, sum, HASH_BYTES); /* cannot fail */
    if (rc == 0)
        rc = wf_file_write_all(fd, sum, sizeof(sum), err);
    assert(rc != 0 || w.bytes + HASH_BYTES == file_bytes(c));
    return rc;
}

/* The folder of `path`, for its fsync. */
static void folder_of(const char *path, char out[WF_LIMIT_PATH_BYTES])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        (void)snprintf(out, WF_LIMIT_PATH_BYTES, ".");
    else
        (void)snprintf(out, WF_LIMIT_PATH_BYTES, "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
}

static int place(const char *from, const char *path, struct wf_err *err)
{
    char previous[WF_LIMIT_PATH_BYTES], folder[WF_LIMIT_PATH_BYTES];
    struct wf_err first = WF_ERR_INIT;
    int rc;

    (void)snprintf(previous, sizeof(previous), "%s.previous", path);
    folder_of(path, folder);
    rc = wf_file_rename(path, previous, &first);
    if (rc != 0 && rc != WF_E_NOENT)
        return wf_err_set(err, rc, "%s", first.msg);
    rc = wf_file_rename(from, path, err);
    return rc == 0 ? wf_file_sync_dir(folder, err) : rc;
}

int wf_checkpoint_write(const struct wf_checkpoint *c, const char *path, struct wf_err *err)
{
    char tmp[WF_LIMIT_PATH_BYTES];
    int fd = -1, rc;

    if (strlen(path) + sizeof(".previous") > sizeof(tmp))
        return wf_err_set(err, WF_E_LIMIT, "The path of the checkpoint is too long.");
    if (c->n_tensors > WF_CHECKPOINT_TENSORS_MAX || c->n_tasks > WF_CHECKPOINT_TASKS_MAX ||
        c->conf.len > PART_BYTES_MAX || c->meta.len > PART_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There is too much for a checkpoint.");
    (void)snprintf(tmp, sizeof(tmp), "%s.new", path);
    rc = wf_file_remove(tmp, err); /* what a killed run left */
    if (rc == 0)
        rc = wf_file_create(tmp, &fd, err);
    if (rc != 0)
        return rc;
    rc = put_all(c, fd, err);
    wf_file_close(&fd);
    if (rc == 0)
        rc = wf_file_sync(tmp, err);
    if (rc == 0)
        rc = place(tmp, path, err);
    if (rc != 0) {
        (void)!wf_file_remove(tmp, NULL); /* the first failure is the one to tell */
        wf_err_prefix(err, "The checkpoint was not written");
    }
    return rc;
}

/* ---- reading ---- */

struct wf_checkpoint_file {
    struct wf_mapping mapping; /* empty: the bytes are the caller's */
    const char *name;          /* for messages while it is opened */
    struct wf_checkpoint c;
    struct wf_checkpoint_task *tasks;
    struct wf_checkpoint_tensor *tensors;
};

static uint32_t u32_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_at(const unsigned char *p)
{
    return (uint64_t)u32_at(p) | (uint64_t)u32_at(p + 4) << 32;
}

static int damaged(const struct wf_checkpoint_file *f, const char *what, struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT, "%s is damaged: %s. Start from an older checkpoint.",
                      f->name, what);
}

static int read_header(struct wf_checkpoint_file *f, struct wf_str bytes, struct wf_err *err)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    struct wf_checkpoint *c = &f->c;

    if (bytes.len < 8 || memcmp(p, MAGIC, 8) != 0)
        return wf_err_set(err, WF_E_FORMAT, "%s is no checkpoint of weft.", f->name);
    if (bytes.len < HEADER_BYTES + HASH_BYTES)
        return damaged(f, "it is shorter than its header", err);
    if (u32_at(p + 8) != VERSION)
        return wf_err_set(err, WF_E_FORMAT, "%s has version %u, which this weft does not read.",
                          f->name, u32_at(p + 8));
    if (u64_at(p + 16) != bytes.len)
        return damaged(f, bytes.len < u64_at(p + 16) ? "its end is missing" : "it is too long",
                       err);
    c->n_tensors = u32_at(p + 12);
    c->n_steps = u64_at(p + 24);
    c->n_tokens = u64_at(p + 32);
    c->n_updates = u64_at(p + 40);
    c->n_skipped = u64_at(p + 48);
    c->trained_ns = u64_at(p + 56);
    c->seed = u64_at(p + 64);
    c->n_tasks = u32_at(p + 72);
    c->conf.len = u32_at(p + 76);
    c->meta.len = u32_at(p + 80);
    c->has_moments = u32_at(p + 84) == 1;
    if (c->n_tensors > WF_CHECKPOINT_TENSORS_MAX || c->n_tasks > WF_CHECKPOINT_TASKS_MAX ||
        c->conf.len > PART_BYTES_MAX || c->meta.len > PART_BYTES_MAX || u32_at(p + 84) > 1)
        return damaged(f, "its header holds impossible numbers", err);
    if (HEADER_BYTES + c->conf.len + c->meta.len + c->n_tasks * TASK_BYTES +
            c->n_tensors * TENSOR_BYTES >
        bytes.len - HASH_BYTES)
        return damaged(f, "its parts do not fit into it", err);
    return 0;
}

/* A name of n bytes with a NUL among them, and not empty. */
static bool take_name(const unsigned char *p, size_t n, char *out)
{
    memcpy(out, p, n);
    return p[0] != 0 && memchr(p, 0, n) != NULL;
}

static int read_tensors(struct wf_checkpoint_file *f, struct wf_str bytes, size_t at,
                        struct wf_err *err)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    uint64_t from = padded(at + f->c.n_tensors * TENSOR_BYTES), end = bytes.len - HASH_BYTES;

    for (size_t i = 0; i < f->c.n_tensors; i++, at += TENSOR_BYTES) {
        struct wf_checkpoint_tensor *t = &f->tensors[i];
        const float **const parts[] = {&t->values, &t->first, &t->second};
        if (!take_name(p + at, sizeof(t->name), t->name))
            return damaged(f, "a tensor has no name", err);
        t->rows = u32_at(p + at + 64);
        t->cols = u32_at(p + at + 68);
        if ((uint64_t)t->rows * t->cols > VALUES_MAX)
            return damaged(f, "a tensor is impossibly large", err);
        for (size_t k = 0; k < (f->c.has_moments ? 3 : 1); k++) {
            uint64_t n = padded(tensor_bytes(t));
            if (from > end || n > end - from)
                return damaged(f, "its tensors do not fit into it", err);
            *parts[k] = (const float *)(const void *)(p + from);
            from += n;
        }
    }
    return from == end ? 0 : damaged(f, "there is something behind its tensors", err);
}

static int read_parts(struct wf_checkpoint_file *f, struct wf_str bytes, struct wf_err *err)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    struct wf_checkpoint *c = &f->c;
    size_t at = HEADER_BYTES;

    f->tasks = wf_alloc_array(c->n_tasks, sizeof(*f->tasks));
    f->tensors = wf_alloc_array(c->n_tensors, sizeof(*f->tensors));
    if (f->tasks == NULL || f->tensors == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", f->name);
    c->tasks = f->tasks;
    c->tensors = f->tensors;
    c->conf.ptr = bytes.ptr + at;
    at += c->conf.len;
    c->meta.ptr = bytes.ptr + at;
    at += c->meta.len;
    for (size_t i = 0; i < c->n_tasks; i++, at += TASK_BYTES) {
        if (!take_name(p + at, sizeof(f->tasks[i].name), f->tasks[i].name))
            return damaged(f, "a task has no name", err);
        f->tasks[i].epoch = u64_at(p + at + 48);
        f->tasks[i].i = u64_at(p + at + 56);
    }
    return read_tensors(f, bytes, at, err);
}

static int read_sum(const struct wf_checkpoint_file *f, struct wf_str bytes, struct wf_err *err)
{
    unsigned char sum[HASH_BYTES];
    size_t n = bytes.len - HASH_BYTES;

    (void)crypto_generichash(sum, sizeof(sum), (const unsigned char *)bytes.ptr, n, NULL, 0);
    if (memcmp(sum, bytes.ptr + n, HASH_BYTES) != 0)
        return damaged(f, "its bytes are not those that were written", err);
    return 0;
}

static int read_all(struct wf_checkpoint_file *f, struct wf_str bytes, struct wf_err *err)
{
    int rc = read_header(f, bytes, err);

    if (rc == 0)
        rc = read_parts(f, bytes, err);
    if (rc == 0)
        rc = read_sum(f, bytes, err);
    f->name = NULL;
    return rc;
}

int wf_checkpoint_open_memory(const char *name, struct wf_str bytes,
                              struct wf_checkpoint_file **out, struct wf_err *err)
{
    struct wf_checkpoint_file *f = wf_alloc_array(1, sizeof(*f));
    int rc;

    if (f == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", name);
    f->name = name;
    rc = read_all(f, bytes, err);
    if (rc == 0)
        *out = f;
    else
        wf_checkpoint_close(f);
    return rc;
}

int wf_checkpoint_open(const char *path, struct wf_checkpoint_file **out, struct wf_err *err)
{
    struct wf_mapping m = {0};
    int rc = wf_mapping_open(path, &m, err);

    if (rc == 0)
        rc = wf_checkpoint_open_memory(path, wf_str_n((const char *)m.ptr, m.bytes), out, err);
    if (rc == 0)
        (*out)->mapping = m;
    else
        wf_mapping_close(&m);
    return rc;
}

void wf_checkpoint_close(struct wf_checkpoint_file *f)
{
    if (f == NULL)
        return;
    wf_mapping_close(&f->mapping);
    wf_free(f->tasks);
    wf_free(f->tensors);
    wf_free(f);
}

const struct wf_checkpoint *wf_checkpoint_of(const struct wf_checkpoint_file *f)
{
    return &f->c;
}

const struct wf_checkpoint_tensor *wf_checkpoint_tensor(const struct wf_checkpoint_file *f,
                                                        const char *name)
{
    for (size_t i = 0; i < f->c.n_tensors; i++) {
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    }
    return NULL;
}

const struct wf_checkpoint_task *wf_checkpoint_task(const struct wf_checkpoint_file *f,
                                                    const char *name)
{
    for (size_t i = 0; i < f->c.n_tasks; i++) {
        if (strcmp(f->tasks[i].name, name) == 0)
            return &f->tasks[i];
    }
    return NULL;
}
