/* SPDX-License-Identifier: Apache-2.0 */
/* Implements disk.h. Memory is SQLite's, so that failures that the simulator orders from
 * base/alloc.h hit the product alone. */
#include "sim/disk.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISKS_MAX 64
#define SECTOR 512u
/* A disk that lies writes at last. */
#define LIE_BYTES_MAX ((size_t)2 << 20)

static struct disk *disks[DISKS_MAX];
static int64_t (*wall_ms)(void);

static void *grown(void *p, size_t n)
{
    void *q = sqlite3_realloc64(p, n);

    if (q == NULL)
        abort();
    return q;
}

static void reserve(struct disk_bytes *b, size_t n)
{
    if (n <= b->cap)
        return;
    b->cap = n + n / 2 + 4096;
    b->p = grown(b->p, b->cap);
}

static void set(struct disk_bytes *b, size_t at, const void *from, size_t n)
{
    reserve(b, at + n);
    if (at > b->n)
        memset(b->p + b->n, 0, at - b->n);
    if (n > 0)
        memcpy(b->p + at, from, n);
    if (at + n > b->n)
        b->n = at + n;
}

static void copy(struct disk_bytes *to, const struct disk_bytes *from)
{
    to->n = 0;
    set(to, 0, from->p, from->n);
}

/* ---- what is on the disk ---- */

static void forget_ops(struct disk_file *f)
{
    f->n_ops = 0;
    f->waiting.n = 0;
}

static void put_range(struct disk_file *f, const struct disk_op *op, size_t from, size_t n)
{
    set(&f->disk, op->at + from, f->waiting.p + op->data + from, n);
}

static void put(struct disk_file *f, const struct disk_op *op)
{
    f->was_there = op->kind != DISK_DELETE;
    switch (op->kind) {
    case DISK_WRITE:
        put_range(f, op, 0, op->n);
        break;
    case DISK_TRUNCATE:
        if (op->at < f->disk.n)
            f->disk.n = op->at;
        break;
    case DISK_DELETE:
        f->disk.n = 0;
        break;
    }
}

/* Some of its sectors. */
static void put_torn(struct disk *d, struct disk_file *f, const struct disk_op *op)
{
    size_t at = 0;

    f->was_there = true;
    while (op->kind == DISK_WRITE && at < op->n) {
        size_t end = (op->at + at) / SECTOR * SECTOR + SECTOR - op->at;
        end = end < op->n ? end : op->n;
        if (wf_rng_below(d->rng, 2) == 0)
            put_range(f, op, at, end - at);
        at = end;
    }
}

static void put_all(struct disk_file *f)
{
    for (size_t i = 0; i < f->n_ops; i++)
        put(f, &f->ops[i]);
    forget_ops(f);
}

static void put_upto(struct disk *d, uint64_t seq)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *f = &d->files[i];
        for (size_t k = 0; k < f->n_ops && f->ops[k].seq <= seq; k++)
            put(f, &f->ops[k]);
    }
}

void disk_restart(struct disk *d, bool keeps_all)
{
    uint64_t first = d->seq, how = wf_rng_below(d->rng, 4);

    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *f = &d->files[i];
        first = f->n_ops > 0 && f->ops[0].seq < first ? f->ops[0].seq : first;
        if (!keeps_all)
            d->n_lost += f->n_ops;
    }
    if (d->lies && !keeps_all)
        put_upto(d, first + wf_rng_below(d->rng, d->seq - first + 1));
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *f = &d->files[i];
        for (size_t k = 0; k < f->n_ops && (!d->lies || keeps_all); k++) {
            uint64_t fate = keeps_all || how == 1 ? 0 : how == 0 ? 1 : wf_rng_below(d->rng, 3);
            if (fate == 0)
                put(f, &f->ops[k]);
            else if (fate == 2)
                put_torn(d, f, &f->ops[k]);
        }
        forget_ops(f);
        f->is_there = f->was_there;
        copy(&f->mem, &f->disk);
        if (!f->is_there)
            f->mem.n = f->disk.n = 0;
    }
    d->is_dead = false;
    d->crash_in = d->refuses_in = d->n_refused = 0;
}

void disk_crash(struct disk *d)
{
    d->n_crashes += !d->is_dead;
    d->is_dead = true;
}

/* ---- changes ---- */

/* 0: it may happen. */
static int before_change(struct disk *d, int broken)
{
    if (d->is_dead)
        return broken;
    d->n_changes++;
    if (d->crash_in > 0 && --d->crash_in == 0) {
        disk_crash(d);
        return SQLITE_OK; /* this one may be there in part */
    }
    if (d->n_refused > 0) {
        d->n_refused--;
        d->n_refusals++;
        return d->refusal;
    }
    if (d->refuses_in > 0 && --d->refuses_in == 0) {
        d->n_refusals++;
        return d->refusal;
    }
    return SQLITE_OK;
}

static void note(struct disk *d, struct disk_file *f, struct disk_op op, const void *data)
{
    if (f->n_ops == f->cap_ops) {
        f->cap_ops = f->cap_ops * 2 + 16;
        f->ops = grown(f->ops, f->cap_ops * sizeof(*f->ops));
    }
    op.seq = ++d->seq;
    op.data = f->waiting.n;
    if (data != NULL)
        set(&f->waiting, f->waiting.n, data, op.n);
    f->ops[f->n_ops++] = op;
}

static size_t waiting(const struct disk *d)
{
    size_t n = 0;

    for (size_t i = 0; i < DISK_FILES; i++)
        n += d->files[i].waiting.n;
    return n;
}

static void sync_file(struct disk *d, struct disk_file *f)
{
    if (!d->lies) {
        put_all(f);
        return;
    }
    if (waiting(d) < LIE_BYTES_MAX)
        return;
    for (size_t i = 0; i < DISK_FILES; i++)
        put_all(&d->files[i]);
}

/* ---- a file of SQLite ---- */

struct handle {
    sqlite3_file base;
    struct disk *d;
    struct disk_file *f;
    int lock;
    bool is_mapped;
};

static struct handle *handle(sqlite3_file *f)
{
    return (struct handle *)(void *)f;
}

static int x_unlock(sqlite3_file *file, int level)
{
    struct handle *h = handle(file);
    struct disk_file *f = h->f;

    if (h->lock <= level)
        return SQLITE_OK;
    f->reserved = f->reserved == h ? NULL : f->reserved;
    f->pending = f->pending == h ? NULL : f->pending;
    f->exclusive = f->exclusive == h ? NULL : f->exclusive;
    if (level == SQLITE_LOCK_NONE)
        f->n_shared--;
    h->lock = level;
    return SQLITE_OK;
}

static int x_lock(sqlite3_file *file, int level)
{
    struct handle *h = handle(file);
    struct disk_file *f = h->f;

    if (h->lock >= level)
        return SQLITE_OK;
    if (h->lock == SQLITE_LOCK_NONE) {
        if ((f->pending != NULL && f->pending != h) || f->exclusive != NULL)
            return SQLITE_BUSY;
        f->n_shared++;
        h->lock = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED)
        return SQLITE_OK;
    if ((f->reserved != NULL && f->reserved != h) || (f->pending != NULL && f->pending != h))
        return SQLITE_BUSY;
    f->reserved = h;
    h->lock = SQLITE_LOCK_RESERVED;
    if (level == SQLITE_LOCK_RESERVED)
        return SQLITE_OK;
    f->pending = h;
    h->lock = SQLITE_LOCK_PENDING;
    if (f->n_shared > 1)
        return SQLITE_BUSY;
    f->exclusive = h;
    h->lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int x_check(sqlite3_file *file, int *out)
{
    const struct disk_file *f = handle(file)->f;

    *out = f->reserved != NULL || f->pending != NULL;
    return SQLITE_OK;
}

static int x_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    struct handle *h = handle(file);
    const struct disk_bytes *b = &h->f->mem;
    size_t from = (size_t)at, want = (size_t)n, got = from < b->n ? b->n - from : 0;

    h->d->n_reads++;
    got = got < want ? got : want;
    if (got > 0)
        memcpy(p, b->p + from, got);
    memset((uint8_t *)p + got, 0, want - got);
    return got == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct handle *h = handle(file);
    const struct disk_op op = {.kind = DISK_WRITE, .at = (size_t)at, .n = (size_t)n};
    int rc = before_change(h->d, SQLITE_IOERR_WRITE);

    if (rc != SQLITE_OK)
        return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_TRUNCATE ? SQLITE_IOERR_WRITE : rc;
    note(h->d, h->f, op, p);
    set(&h->f->mem, op.at, p, op.n);
    return h->d->is_dead ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 n)
{
    struct handle *h = handle(file);
    const struct disk_op op = {.kind = DISK_TRUNCATE, .at = (size_t)n};
    int rc = before_change(h->d, SQLITE_IOERR_TRUNCATE);

    if (rc != SQLITE_OK)
        return SQLITE_IOERR_TRUNCATE;
    note(h->d, h->f, op, NULL);
    if (op.at < h->f->mem.n)
        h->f->mem.n = op.at;
    return h->d->is_dead ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int x_sync(sqlite3_file *file, int flags)
{
    struct handle *h = handle(file);
    int rc = before_change(h->d, SQLITE_IOERR_FSYNC);

    (void)flags;
    if (rc != SQLITE_OK || h->d->is_dead)
        return SQLITE_IOERR_FSYNC;
    h->f->was_there = h->f->was_there || !h->d->lies;
    sync_file(h->d, h->f);
    return SQLITE_OK;
}

static int x_size(sqlite3_file *file, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)handle(file)->f->mem.n;
    return SQLITE_OK;
}

static int x_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int x_device(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- memory that connections share ---- */

static int x_shm_map(sqlite3_file *file, int i, int n, int extend, void volatile **out)
{
    struct handle *h = handle(file);
    struct disk_file *f = h->f;

    if (!h->is_mapped) {
        h->is_mapped = true;
        f->n_mapped++;
    }
    *out = NULL;
    if ((size_t)i >= DISK_SHM_PAGES)
        return SQLITE_NOMEM;
    while (f->n_shm <= (size_t)i && extend != 0) {
        f->shm[f->n_shm] = grown(NULL, (size_t)n);
        memset(f->shm[f->n_shm++], 0, (size_t)n);
    }
    if ((size_t)i < f->n_shm)
        *out = f->shm[i];
    return SQLITE_OK;
}

static int x_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    struct handle *h = handle(file);
    struct disk_file *f = h->f;

    for (int i = at; i < at + n && (flags & SQLITE_SHM_LOCK) != 0; i++) {
        if (f->shm_exclusive[i] != NULL && f->shm_exclusive[i] != h)
            return SQLITE_BUSY;
        if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && f->shm_shared[i] > 0)
            return SQLITE_BUSY;
    }
    for (int i = at; i < at + n; i++) {
        if ((flags & SQLITE_SHM_EXCLUSIVE) != 0)
            f->shm_exclusive[i] = (flags & SQLITE_SHM_LOCK) != 0 ? h : NULL;
        else if ((flags & SQLITE_SHM_LOCK) != 0)
            f->shm_shared[i]++;
        else
            f->shm_shared[i]--;
    }
    return SQLITE_OK;
}

static void x_shm_barrier(sqlite3_file *file)
{
    (void)file;
}

static int x_shm_unmap(sqlite3_file *file, int remove)
{
    struct handle *h = handle(file);
    struct disk_file *f = h->f;

    (void)remove; /* nothing of it outlives the last connection */
    if (!h->is_mapped)
        return SQLITE_OK;
    h->is_mapped = false;
    if (--f->n_mapped > 0)
        return SQLITE_OK;
    while (f->n_shm > 0)
        sqlite3_free(f->shm[--f->n_shm]);
    memset(f->shm_shared, 0, sizeof(f->shm_shared));
    memset(f->shm_exclusive, 0, sizeof(f->shm_exclusive));
    return SQLITE_OK;
}

static int x_close(sqlite3_file *file)
{
    (void)x_shm_unmap(file, 0);
    return x_unlock(file, SQLITE_LOCK_NONE);
}

static const sqlite3_io_methods methods = {
    2,          x_close,       x_read,      x_write,   x_truncate, x_sync,   x_size,
    x_lock,     x_unlock,      x_check,     x_control, x_sector,   x_device, x_shm_map,
    x_shm_lock, x_shm_barrier, x_shm_unmap, NULL,      NULL,
};

/* ---- the file system ---- */

/* ".../N/weft.db-wal": the disk N's second file. */
static struct disk_file *find(const char *path, struct disk **out)
{
    static const char *const names[DISK_FILES] = {"weft.db", "weft.db-wal", "weft.db-journal"};
    const char *slash = strrchr(path, '/'), *p = slash;
    unsigned long n;

    while (p != NULL && p > path && p[-1] != '/')
        p--;
    n = p == NULL ? DISKS_MAX : strtoul(p, NULL, 10);
    *out = n < DISKS_MAX ? disks[n] : NULL;
    for (size_t i = 0; i < DISK_FILES && *out != NULL; i++) {
        if (strcmp(slash + 1, names[i]) == 0)
            return &(*out)->files[i];
    }
    return NULL;
}

static int v_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    struct handle *h = handle(file);

    (void)vfs;
    *h = (struct handle){.f = path == NULL ? NULL : find(path, &h->d)};
    if (path == NULL || (h->f = find(path, &h->d)) == NULL)
        return SQLITE_CANTOPEN;
    if (!h->f->is_there && ((flags & SQLITE_OPEN_CREATE) == 0 || h->d->is_dead))
        return SQLITE_CANTOPEN;
    h->f->is_there = true;
    h->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *path, int syncs)
{
    const struct disk_op op = {.kind = DISK_DELETE};
    struct disk *d;
    struct disk_file *f = find(path, &d);
    int rc;

    (void)vfs;
    if (f == NULL || !f->is_there)
        return SQLITE_IOERR_DELETE_NOENT;
    rc = before_change(d, SQLITE_IOERR_DELETE);
    if (rc != SQLITE_OK)
        return SQLITE_IOERR_DELETE;
    note(d, f, op, NULL);
    f->is_there = false;
    f->mem.n = 0;
    if (syncs != 0 && !d->is_dead)
        sync_file(d, f);
    return d->is_dead ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int v_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    struct disk *d;
    const struct disk_file *f = find(path, &d);

    (void)vfs;
    *out = f != NULL && f->is_there && (flags != SQLITE_ACCESS_EXISTS || f->mem.n > 0);
    return SQLITE_OK;
}

static int v_full(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
    (void)vfs;
    return snprintf(out, (size_t)n, "%s", path) < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int v_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    wf_rng_system()->fill(wf_rng_system()->ud, out, (size_t)n); /* seams.c: by the seed */
    return n;
}

static int v_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int v_now(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = wall_ms() + INT64_C(210866760000000); /* days since 4714 BC */
    return SQLITE_OK;
}

static int v_now_days(sqlite3_vfs *vfs, double *out)
{
    sqlite3_int64 ms;

    (void)v_now(vfs, &ms);
    *out = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int v_error(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    (void)n;
    (void)out;
    return 0;
}

void disk_register(int64_t (*now_ms)(void))
{
    static sqlite3_vfs vfs = {.iVersion = 2,
                              .szOsFile = sizeof(struct handle),
                              .mxPathname = 512,
                              .zName = "sim",
                              .xOpen = v_open,
                              .xDelete = v_delete,
                              .xAccess = v_access,
                              .xFullPathname = v_full,
                              .xRandomness = v_random,
                              .xSleep = v_sleep,
                              .xCurrentTime = v_now_days,
                              .xGetLastError = v_error,
                              .xCurrentTimeInt64 = v_now};

    wall_ms = now_ms;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

void disk_attach(unsigned number, struct disk *d)
{
    assert(number < DISKS_MAX);
    disks[number] = d;
}

void disk_init(struct disk *d, const struct wf_rng *rng)
{
    *d = (struct disk){.rng = rng, .refusal = SQLITE_FULL};
}

void disk_copy(struct disk *d, const struct disk *from)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        const struct disk_file *f = &from->files[i];
        struct disk_file *to = &d->files[i];
        forget_ops(to);
        to->is_there = to->was_there = f->is_there;
        copy(&to->mem, &f->mem);
        copy(&to->disk, &f->mem);
    }
}

static void replace(struct disk_bytes *b, const void *old, const void *with, size_t n)
{
    uint8_t *at = b->p;

    while (b->n > 0 && (at = memmem(at, b->n - (size_t)(at - b->p), old, n)) != NULL) {
        memcpy(at, with, n);
        at += n;
    }
}

void disk_replace(struct disk *d, const void *old, const void *with, size_t n)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        replace(&d->files[i].mem, old, with, n);
        replace(&d->files[i].disk, old, with, n);
    }
}

void disk_deinit(struct disk *d)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *f = &d->files[i];
        assert(f->n_mapped == 0);
        sqlite3_free(f->mem.p);
        sqlite3_free(f->disk.p);
        sqlite3_free(f->waiting.p);
        sqlite3_free(f->ops);
    }
    memset(d, 0, sizeof(*d));
}

const uint8_t *disk_find(const struct disk *d, const void *bytes, size_t n, size_t *io_at)
{
    size_t base = 0;

    for (size_t i = 0; i < DISK_FILES; i++) {
        const struct disk_bytes *b = &d->files[i].mem;
        size_t from = *io_at > base ? *io_at - base : 0;
        const uint8_t *at = from < b->n ? memmem(b->p + from, b->n - from, bytes, n) : NULL;
        if (at != NULL && at + 32 <= b->p + b->n) { /* room for what is read behind it */
            *io_at = base + (size_t)(at - b->p) + 1;
            return at;
        }
        base += b->n;
    }
    return NULL;
}
