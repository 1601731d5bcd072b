/* SPDX-License-Identifier: Apache-2.0 */
/* Implements faulty.h: every call goes on to the real file system but those that change a file. */
#include "support/faulty.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int vfs_left;    /* calls until the one that fails; 0 = off */
static atomic_bool vfs_sticky; /* all after it fail, too */
static atomic_bool vfs_hit;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static bool vfs_fails(void)
{
    if (atomic_load(&vfs_sticky) && atomic_load(&vfs_hit))
        return true;
    int left = atomic_load(&vfs_left);
    while (left > 0 && !atomic_compare_exchange_weak(&vfs_left, &left, left - 1))
        continue;
    if (left != 1)
        return false;
    atomic_store(&vfs_hit, true);
    return true;
}

#define REAL(f) (((struct faulty_file *)(void *)(f))->real)

static int f_close(sqlite3_file *f)
{
    return REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
}
static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return vfs_fails() ? SQLITE_FULL : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return vfs_fails() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int f_sync(sqlite3_file *f, int flags)
{
    return vfs_fails() ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int f_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), out);
}
static int f_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int f_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int f_check(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int f_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int f_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int f_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int f_shm_map(sqlite3_file *f, int i, int n, int extend, void volatile **out)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), i, n, extend, out);
}
static int f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}
static void f_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int f_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods faulty_methods = {
    2,          f_close,       f_read,      f_write,   f_truncate, f_sync,   f_size,
    f_lock,     f_unlock,      f_check,     f_control, f_sector,   f_device, f_shm_map,
    f_shm_lock, f_shm_barrier, f_shm_unmap, NULL,      NULL,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct faulty_file *f = (struct faulty_file *)(void *)file;
    (void)vfs;
    f->real = (sqlite3_file *)(void *)(f + 1);
    int rc = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
    f->base.pMethods = f->real->pMethods ? &faulty_methods : NULL;
    return rc;
}

void faulty_register(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.pNext = NULL;
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
    faulty_vfs.xOpen = faulty_open;
    if (sqlite3_vfs_register(&faulty_vfs, 0) != SQLITE_OK)
        abort();
}

void faulty_set(int n, bool sticky)
{
    atomic_store(&vfs_hit, false);
    atomic_store(&vfs_sticky, sticky);
    atomic_store(&vfs_left, n);
}

bool faulty_hit(void)
{
    return atomic_load(&vfs_hit);
}

/* ---- memory under SQLite whose n-th allocation fails ---- */

static sqlite3_mem_methods real_mem;
static atomic_int mem_left;
static atomic_bool mem_hit;

static bool mem_fails(void)
{
    int left = atomic_load(&mem_left);
    while (left > 0 && !atomic_compare_exchange_weak(&mem_left, &left, left - 1))
        continue;
    if (left != 1)
        return false;
    atomic_store(&mem_hit, true);
    return true;
}

static void *mem_new(int n)
{
    return mem_fails() ? NULL : real_mem.xMalloc(n);
}

static void *mem_resize(void *p, int n)
{
    return mem_fails() ? NULL : real_mem.xRealloc(p, n);
}

void faulty_register_memory(void)
{
    sqlite3_mem_methods faulty;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_mem) != SQLITE_OK)
        abort();
    faulty = real_mem;
    faulty.xMalloc = mem_new;
    faulty.xRealloc = mem_resize;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty) != SQLITE_OK)
        abort();
}

void faulty_memory_set(int n)
{
    atomic_store(&mem_hit, false);
    atomic_store(&mem_left, n);
}

bool faulty_memory_hit(void)
{
    return atomic_load(&mem_hit);
}
