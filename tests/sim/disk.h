/* Disk: a file system for SQLite ("sim") in memory that knows what a process sees and what would be
 * there after the power went: writes wait in order until their file is synced. At a crash what
 * waits is lost, kept, or kept in part (sectors of 512 bytes), by the seed. A disk that lies does
 * nothing at a sync: at a crash it has all up to some moment. It can crash at the n-th change from
 * now (then nothing more reaches it, whatever the program still does), and refuse changes.
 *
 * The disk of a store in the folder ".../N" is that of number N. Thread rule: owner. */
#ifndef WF_TESTS_SIM_DISK_H
#define WF_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

struct sqlite3_vfs;

#define DISK_FILES 3
#define DISK_SHM_PAGES 64

/* One change that is not on the disk yet. */
struct disk_op {
    enum {
        DISK_WRITE,
        DISK_TRUNCATE,
        DISK_DELETE
    } kind;
    uint64_t seq;
    size_t at, n, data; /* bytes data.. in the file's waiting bytes */
};

struct disk_bytes {
    uint8_t *p;
    size_t n, cap;
};

struct disk_file {
    bool is_there, was_there; /* for the process; on the disk */
    struct disk_bytes mem, disk, waiting;
    struct disk_op *ops;
    size_t n_ops, cap_ops;
    /* Locks of connections: SQLite's levels. */
    unsigned n_shared;
    const void *reserved, *pending, *exclusive;
    /* Memory that connections share. */
    void *shm[DISK_SHM_PAGES];
    size_t n_shm, n_mapped;
    const void *shm_exclusive[8];
    unsigned shm_shared[8];
};

struct disk {
    struct disk_file files[DISK_FILES];
    const struct wf_rng *rng;
    bool lies;
    bool is_dead;        /* since the crash; until disk_restart */
    uint64_t crash_in;   /* changes until the crash; 0: none */
    uint64_t refuses_in; /* changes until some are refused; 0: none */
    unsigned n_refused;  /* how many, then */
    int refusal;         /* SQLite's code */
    uint64_t seq, n_changes, n_reads;
    uint64_t n_refusals;
    uint64_t n_crashes, n_lost; /* changes that a crash took */
};

/* Makes SQLite know it, and use it where nothing else is named; before anything is opened. `now_ms`
 * is asked for times. */
void disk_register(int64_t (*now_ms)(void));
/* The disk of that number for the program; NULL: there is none. */
void disk_attach(unsigned number, struct disk *d);

/* Empty; or with what another has. */
void disk_init(struct disk *d, const struct wf_rng *rng);
void disk_copy(struct disk *d, const struct disk *from);
/* Bytes of that length become others, wherever they are. */
void disk_replace(struct disk *d, const void *old, const void *with, size_t n);
void disk_deinit(struct disk *d);

/* The crash itself, if it has not happened yet; all connections are closed afterwards. Then what
 * the program finds when it starts again. keeps_all: only the program ended. */
void disk_crash(struct disk *d);
void disk_restart(struct disk *d, bool keeps_all);

/* Where the bytes occur in what the program sees of its files; *io_at is 0 at first. NULL: no more.
 */
const uint8_t *disk_find(const struct disk *d, const void *bytes, size_t n, size_t *io_at);

#endif
