/* Store: one SQLite database and one folder of blobs below a home's data folder.
 *
 * WAL mode, STRICT tables, migrations by user_version. One writer (serialised inside), any number
 * of readers, each on a connection of its own. What a function here has acknowledged is durable:
 * kill -9 and power loss lose nothing of it. Layout of the data folder:
 *   weft.db, weft.db-wal, weft.db-shm    the database
 *   blobs/ab/abcdef...                   original files by BLAKE2b-256 of their bytes, 0600
 *   tmp/                                 files being written; emptied at open
 */
#ifndef WF_STORE_STORE_H
#define WF_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct sqlite3;
struct wf_store;

struct wf_store_options {
    const struct wf_clock *clock; /* NULL = the system's */
    bool read_only;               /* no migrations, no writes */
};

/* Opens (makes when missing) the data folder `dir`. A database of a newer version is refused with a
 * sentence (WF_E_UNSUPPORTED); a damaged one WF_E_CORRUPT. Thread: init. */
int wf_store_open(const char *dir, const struct wf_store_options *o, struct wf_store **out,
                  struct wf_err *err) WF_MUST_USE;

/* Waits for background work (removal's end), checkpoints, closes. NULL is a no-op. */
void wf_store_close(struct wf_store *s);

/* A read connection from the pool, in a read transaction of its own; give it back with
 * wf_store_reader_put from the same thread. Thread: any. Errors: WF_E_IO, WF_E_NOMEM. */
struct wf_reader;
int wf_store_reader_get(struct wf_store *s, struct wf_reader **out, struct wf_err *err) WF_MUST_USE;
void wf_store_reader_put(struct wf_store *s, struct wf_reader *r);

#endif
