/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: a table of SQL texts, the i-th leads from version i to i + 1.
 *
 * Rules: a text that was released is never edited, a change is a new row at the end. Each runs in
 * one transaction together with its PRAGMA user_version, so a database is always of exactly one
 * version. Tables are STRICT: a column holds its type or the statement fails.
 *
 * The full-text table keeps no copy of the text (content=''): the text stands in chunk once. The
 * price is that removal must hand the old values back (chunk_index.c does). columnsize is kept,
 * bm25() needs it. No prefix index: it halves the insert rate. The figures behind the settings
 * (pgsz, hashsize, merges) are printed by bench/bench_intake.
 *
 * Deliberately absent: going back to an older version. */
#include "store/migrate.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "store/schema.h"
#include "store/sql.h"

static const char migration_1[] =
    "CREATE TABLE meta("
    " key TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE space("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " label TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"
    "INSERT INTO space VALUES(1, 'me', 'private', 0);"

    "CREATE TABLE document("
    " id INTEGER PRIMARY KEY,"
    " uid TEXT NOT NULL UNIQUE,"
    " space INTEGER NOT NULL REFERENCES space(id),"
    " hash BLOB NOT NULL,"
    " title TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " author TEXT NOT NULL,"
    " language TEXT NOT NULL,"
    " written TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " n_cp INTEGER NOT NULL,"
    " n_pages INTEGER NOT NULL,"
    " n_chunks INTEGER NOT NULL,"
    " first_chunk INTEGER NOT NULL,"
    " modified_ms INTEGER NOT NULL,"
    " added_ms INTEGER NOT NULL,"
    " label TEXT NOT NULL,"
    " warning TEXT NOT NULL,"
    " kept INTEGER NOT NULL,"
    " UNIQUE(hash, space)) STRICT;"

    "CREATE TABLE source("
    " path TEXT NOT NULL PRIMARY KEY,"
    " document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    " size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL,"
    " ino INTEGER NOT NULL,"
    " dev INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX source_document ON source(document);"

    "CREATE TABLE failed("
    " path TEXT NOT NULL PRIMARY KEY,"
    " code INTEGER NOT NULL,"
    " reason TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE packed("
    " hash BLOB NOT NULL PRIMARY KEY,"
    " pack INTEGER NOT NULL,"
    " start INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX packed_pack ON packed(pack);"

    "CREATE TABLE chunk("
    " id INTEGER PRIMARY KEY,"
    " document INTEGER NOT NULL,"
    " start_cp INTEGER NOT NULL,"
    " n_cp INTEGER NOT NULL,"
    " page INTEGER NOT NULL,"
    " heading TEXT NOT NULL,"
    " text TEXT NOT NULL) STRICT;"

    "CREATE TABLE limbo("
    " document INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL,"
    " title TEXT NOT NULL,"
    " first_chunk INTEGER NOT NULL,"
    " n_chunks INTEGER NOT NULL,"
    " stage INTEGER NOT NULL,"
    " urgent INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE thread("
    " id TEXT NOT NULL PRIMARY KEY,"
    " title TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX thread_updated ON thread(updated_ms);"
    "CREATE TABLE turn("
    " thread TEXT NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " PRIMARY KEY(thread, seq)) STRICT, WITHOUT ROWID;"

    /* Which chunks have a word is all that is asked of the index (find/candidates.c): where and how
     * often is read from the chunk. Lists without positions are a third as long. */
    "CREATE VIRTUAL TABLE chunk_fts USING fts5("
    " title, heading, body, content='', detail=none, tokenize='weft 1');"
    /* Words gather in memory until 8 MB: fewer segments that are merged again, and not yet so large
     * a table that each word misses the cache. Merging goes on when 8 segments of a size have come
     * together. */
    "INSERT INTO chunk_fts(chunk_fts, rank) VALUES('hashsize', 8388608);"
    "INSERT INTO chunk_fts(chunk_fts, rank) VALUES('automerge', 8);";

static const char migration_2[] = "CREATE TABLE vector("
                                  " first_chunk INTEGER PRIMARY KEY,"
                                  " document INTEGER NOT NULL,"
                                  " n_chunks INTEGER NOT NULL,"
                                  " dim INTEGER NOT NULL,"
                                  " lens TEXT NOT NULL,"
                                  " data BLOB NOT NULL) STRICT;";

static const char migration_3[] = "CREATE TABLE reminder("
                                  " id TEXT NOT NULL PRIMARY KEY,"
                                  " text TEXT NOT NULL,"
                                  " due_ms INTEGER NOT NULL,"
                                  " made_ms INTEGER NOT NULL,"
                                  " fired_ms INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
                                  "CREATE INDEX reminder_due ON reminder(fired_ms, due_ms);";

/* What is common to all that devices write into a space (space/log.h), and records. */
static const char migration_4[] =
    "CREATE TABLE device_seq("
    " space INTEGER NOT NULL REFERENCES space(id),"
    " device BLOB NOT NULL,"
    " dseq INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL,"
    " PRIMARY KEY(space, device)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE device_seen("
    " space INTEGER NOT NULL REFERENCES space(id),"
    " device BLOB NOT NULL,"
    " of_device BLOB NOT NULL,"
    " dseq INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " PRIMARY KEY(space, device, of_device)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE device_clock("
    " id INTEGER PRIMARY KEY CHECK(id = 1),"
    " hlc INTEGER NOT NULL) STRICT;"
    "INSERT INTO device_clock VALUES(1, 0);"

    "CREATE TABLE record("
    " space INTEGER NOT NULL REFERENCES space(id),"
    " collection TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " live INTEGER NOT NULL,"
    " label INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " gone_hlc INTEGER NOT NULL,"
    " state BLOB NOT NULL,"
    " PRIMARY KEY(space, collection, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX record_gone ON record(space, gone_hlc) WHERE gone_hlc > 0;"

    "CREATE TABLE record_change("
    " space INTEGER NOT NULL REFERENCES space(id),"
    " device BLOB NOT NULL,"
    " dseq INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " label INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " PRIMARY KEY(space, device, dseq)) STRICT, WITHOUT ROWID;";

/* Spaces get an id that is theirs on every device; drafts, their log and their snapshots. */
static const char migration_5[] = "ALTER TABLE space ADD COLUMN uid BLOB NOT NULL DEFAULT x'';"
                                  "UPDATE space SET uid=randomblob(16);"
                                  "CREATE UNIQUE INDEX space_uid ON space(uid);"
                                  "CREATE TABLE draft("
                                  " id INTEGER PRIMARY KEY,"
                                  " uid BLOB NOT NULL UNIQUE,"
                                  " space INTEGER NOT NULL REFERENCES space(id),"
                                  " name TEXT NOT NULL,"
                                  " label TEXT NOT NULL,"
                                  " created_ms INTEGER NOT NULL,"
                                  " updated_ms INTEGER NOT NULL,"
                                  " UNIQUE(space, name)) STRICT;"
                                  "CREATE INDEX draft_updated ON draft(updated_ms, id);"
                                  "CREATE TABLE draft_update("
                                  " draft INTEGER NOT NULL REFERENCES draft(id) ON DELETE CASCADE,"
                                  " seq INTEGER NOT NULL,"
                                  " device BLOB NOT NULL,"
                                  " dseq INTEGER NOT NULL,"
                                  " at_ms INTEGER NOT NULL,"
                                  " bytes BLOB NOT NULL,"
                                  " PRIMARY KEY(draft, seq)) STRICT, WITHOUT ROWID;"
                                  "CREATE TABLE draft_snapshot("
                                  " draft INTEGER NOT NULL REFERENCES draft(id) ON DELETE CASCADE,"
                                  " upto_seq INTEGER NOT NULL,"
                                  " device BLOB NOT NULL,"
                                  " at_ms INTEGER NOT NULL,"
                                  " state_vector BLOB NOT NULL,"
                                  " hash BLOB NOT NULL,"
                                  " bytes BLOB NOT NULL,"
                                  " UNIQUE(draft, upto_seq)) STRICT;";

/* Records that were deleted for good, of which stored changes may still hold something. */
static const char migration_6[] = "CREATE TABLE record_erased("
                                  " space INTEGER NOT NULL REFERENCES space(id),"
                                  " collection TEXT NOT NULL,"
                                  " key TEXT NOT NULL,"
                                  " hlc INTEGER NOT NULL,"
                                  " PRIMARY KEY(space, collection, key)) STRICT, WITHOUT ROWID;";

/* A device's log is read across the drafts of a space. */
static const char migration_7[] = "CREATE INDEX draft_update_device ON draft_update(device, dseq);";

/* Batches of changes, own and others', on their way between devices. */
static const char migration_8[] =
    "CREATE TABLE batch_log("
    " id INTEGER PRIMARY KEY,"
    " stream BLOB NOT NULL,"
    " device BLOB NOT NULL,"
    " first INTEGER NOT NULL DEFAULT 1,"
    " last INTEGER NOT NULL DEFAULT 0,"
    " n_bytes INTEGER NOT NULL DEFAULT 0,"
    " hash BLOB NOT NULL DEFAULT (zeroblob(32)),"
    " fork BLOB,"
    " UNIQUE(stream, device)) STRICT;"
    "CREATE TABLE batch("
    " log INTEGER NOT NULL REFERENCES batch_log(id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " hash BLOB NOT NULL,"
    " bytes BLOB NOT NULL,"
    " UNIQUE(log, number)) STRICT;";

/* The newest snapshot of a draft as it is in memory: a cache. */
static const char migration_9[] = "CREATE TABLE draft_image("
                                  " draft INTEGER PRIMARY KEY REFERENCES draft(id)"
                                  " ON DELETE CASCADE,"
                                  " upto_seq INTEGER NOT NULL,"
                                  " bytes BLOB NOT NULL) STRICT;";

/* Who knows of a record, by the lowest label that a change of it had; and what it was given. */
static const char migration_10[] =
    "ALTER TABLE record ADD COLUMN least INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE record ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;";

/* What is shared with other devices: keys, what was sent of what is here, what was taken. */
static const char migration_11[] =
    "CREATE TABLE space_key("
    " id BLOB NOT NULL PRIMARY KEY,"
    " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,"
    " level INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL,"
    " key BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX space_key_space ON space_key(space, level, epoch);"
    "CREATE TABLE draft_told("
    " uid BLOB NOT NULL PRIMARY KEY,"
    " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " label TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE change_sent("
    " space INTEGER PRIMARY KEY REFERENCES space(id) ON DELETE CASCADE,"
    " dseq INTEGER NOT NULL) STRICT;"
    "CREATE TABLE batch_taken("
    " stream BLOB NOT NULL,"
    " device BLOB NOT NULL,"
    " number INTEGER NOT NULL,"
    " problem TEXT,"
    " PRIMARY KEY(stream, device)) STRICT, WITHOUT ROWID;";

/* What is kept for others: passes, letters, marks in time; and what keeping nodes said of theirs.
 */
static const char migration_12[] =
    "CREATE TABLE relay_pass(stream BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE relay_letter("
    " receiver BLOB NOT NULL,"
    " sender BLOB NOT NULL,"
    " tag BLOB NOT NULL,"
    " hash BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " UNIQUE(receiver, sender)) STRICT;"
    "CREATE TABLE relay_mark("
    " stream BLOB NOT NULL,"
    " device BLOB NOT NULL,"
    " day INTEGER NOT NULL,"
    " last INTEGER NOT NULL,"
    " PRIMARY KEY(stream, device, day)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE relay_word("
    " node BLOB NOT NULL,"
    " stream BLOB NOT NULL,"
    " device BLOB NOT NULL,"
    " last INTEGER NOT NULL,"
    " PRIMARY KEY(node, stream, device)) STRICT, WITHOUT ROWID;";

/* Drafts of which others are to hear something, noted by whatever changes them; what snapshots of
 * streams there are; how far devices said their logs were, by level. */
static const char migration_13[] =
    "CREATE TABLE draft_dirty("
    " uid BLOB NOT NULL PRIMARY KEY,"
    " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE) STRICT, WITHOUT ROWID;"
    "CREATE INDEX draft_dirty_space ON draft_dirty(space);"
    "INSERT INTO draft_dirty(uid,space) SELECT uid,space FROM draft;"
    "INSERT OR IGNORE INTO draft_dirty(uid,space) SELECT uid,space FROM draft_told;"
    "CREATE TRIGGER draft_dirty_made AFTER INSERT ON draft BEGIN"
    " INSERT OR IGNORE INTO draft_dirty(uid,space) VALUES(new.uid,new.space); END;"
    "CREATE TRIGGER draft_dirty_called AFTER UPDATE OF name,label ON draft BEGIN"
    " INSERT OR IGNORE INTO draft_dirty(uid,space) VALUES(new.uid,new.space); END;"
    "CREATE TRIGGER draft_dirty_gone AFTER DELETE ON draft BEGIN"
    " INSERT OR IGNORE INTO draft_dirty(uid,space) VALUES(old.uid,old.space); END;"
    "CREATE TRIGGER draft_dirty_edited AFTER INSERT ON draft_update BEGIN"
    " INSERT OR IGNORE INTO draft_dirty(uid,space) SELECT uid,space FROM draft WHERE id=new.draft;"
    " END;"
    "CREATE TRIGGER draft_dirty_untold AFTER DELETE ON draft_told BEGIN"
    " INSERT OR IGNORE INTO draft_dirty(uid,space) SELECT uid,space FROM draft WHERE uid=old.uid;"
    " END;"
    "CREATE TABLE stream_snapshot("
    " stream BLOB NOT NULL,"
    " device BLOB NOT NULL,"
    " first INTEGER NOT NULL,"
    " last INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " n_bytes INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " head BLOB NOT NULL,"
    " PRIMARY KEY(stream, device, first)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE device_word("
    " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,"
    " device BLOB NOT NULL,"
    " level INTEGER NOT NULL,"
    " top INTEGER NOT NULL,"
    " dseq INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " PRIMARY KEY(space, device, level)) STRICT, WITHOUT ROWID;";

/* Conversations on all of the owner's devices: what the others do not know of them. */
static const char migration_14[] =
    "ALTER TABLE thread ADD COLUMN label INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE thread ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE turn ADD COLUMN uid TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE turn ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0;"
    "UPDATE turn SET uid=printf('%012x',at_ms)||lower(hex(randomblob(6)));"
    "CREATE INDEX thread_untold ON thread(is_told) WHERE is_told=0;"
    "CREATE INDEX turn_untold ON turn(is_told) WHERE is_told=0;"
    "CREATE UNIQUE INDEX turn_uid ON turn(thread, uid);"
    "CREATE TABLE thread_gone(name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;";

/* What other devices know of documents, and where the originals are (mesh/blobs_store.h). */
static const char migration_15[] =
    "CREATE TABLE document_share("
    " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,"
    " hash BLOB NOT NULL,"
    " state INTEGER NOT NULL,"
    " due INTEGER NOT NULL,"
    " label INTEGER NOT NULL,"
    " told INTEGER NOT NULL,"
    " said INTEGER NOT NULL,"
    " own INTEGER NOT NULL,"
    " pinned INTEGER NOT NULL,"
    " wanted INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " used_ms INTEGER NOT NULL,"
    " uid TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " title TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " problem TEXT NOT NULL,"
    " PRIMARY KEY(space, hash)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX document_share_hash ON document_share(hash);"
    "CREATE INDEX document_share_due ON document_share(space) WHERE due=1;"
    "CREATE INDEX document_share_wanted ON document_share(space) WHERE wanted>0;"
    "CREATE TABLE blob_piece("
    " blob BLOB NOT NULL,"
    " start INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " hash BLOB NOT NULL,"
    " PRIMARY KEY(blob, start)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX blob_piece_hash ON blob_piece(hash);";

/* People with whom spaces are shared: what they may (space.role: of this owner's devices),
 * lists of their devices, what was given to them (unused). */
static const char migration_16[] = "ALTER TABLE space ADD COLUMN role INTEGER NOT NULL DEFAULT 3;"
                                   "CREATE TABLE charter("
                                   " space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,"
                                   " hash BLOB NOT NULL,"
                                   " version INTEGER NOT NULL,"
                                   " bytes BLOB NOT NULL,"
                                   " PRIMARY KEY(space, hash)) STRICT, WITHOUT ROWID;"
                                   "CREATE TABLE person("
                                   " owner BLOB NOT NULL PRIMARY KEY,"
                                   " list BLOB NOT NULL,"
                                   " expected_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                                   "CREATE TABLE given("
                                   " device BLOB NOT NULL,"
                                   " stream BLOB NOT NULL,"
                                   " author BLOB NOT NULL,"
                                   " upto INTEGER NOT NULL,"
                                   " told INTEGER NOT NULL,"
                                   " PRIMARY KEY(device, stream, author)) STRICT, WITHOUT ROWID;";

/* Records as devices see them that are cleared for less; what is erased is so from a label on. */
static const char migration_17[] =
    "ALTER TABLE record ADD COLUMN under BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE record_erased RENAME TO erased_before;"
    "CREATE TABLE record_erased("
    " space INTEGER NOT NULL REFERENCES space(id),"
    " collection TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " label INTEGER NOT NULL,"
    " hlc INTEGER NOT NULL,"
    " PRIMARY KEY(space, collection, key, label)) STRICT, WITHOUT ROWID;"
    "INSERT INTO record_erased SELECT space,collection,key,0,hlc FROM erased_before;"
    "DROP TABLE erased_before;";

/* Changes that were brought along from a space that became another, to be told by who did. */
static const char migration_18[] =
    "ALTER TABLE record_change ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX record_change_untold ON record_change(space,device,dseq) WHERE untold=1;";

/* What is given to other people is in the ledger alone. */
static const char migration_19[] = "DROP TABLE given;";

/* What drafts are to be called whose name another one has. */
static const char migration_20[] =
    "CREATE TABLE draft_wanted("
    " draft INTEGER PRIMARY KEY REFERENCES draft(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL) STRICT;"
    "CREATE INDEX draft_wanted_name ON draft_wanted(name);";

/* Deletions that are to count again for a device that is new (space/record_move.c). */
static const char migration_21[] = "CREATE TABLE record_again("
                                   " space INTEGER PRIMARY KEY REFERENCES space(id),"
                                   " hlc INTEGER NOT NULL) STRICT;";

/* In which space a file was when it was cut: pieces are found there alone. */
static const char migration_22[] =
    "ALTER TABLE blob_piece ADD COLUMN space INTEGER NOT NULL DEFAULT 0;";

static const char *const migrations[] = {
    migration_1,  migration_2,  migration_3,  migration_4,  migration_5,  migration_6,
    migration_7,  migration_8,  migration_9,  migration_10, migration_11, migration_12,
    migration_13, migration_14, migration_15, migration_16, migration_17, migration_18,
    migration_19, migration_20, migration_21, migration_22,
};
_Static_assert(WF_ARRAY_LEN(migrations) == WF_SCHEMA_VERSION, "one migration a version");

static int pragma_number(sqlite3 *db, const char *sql, int64_t *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
    }
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
        return 0;
    }
    int status = wf_sql_err(err, db, rc, "reading the database's version");
    sqlite3_finalize(st);
    return status;
}

int wf_migrate_prepare(sqlite3 *db, struct wf_err *err)
{
    /* 16384: fifteen texts a page instead of three, and a quarter of the system calls of 4096.
     * INCREMENTAL: removal hands freed pages back to the file system, and with them what they held
     * (purge.c). */
    return wf_sql_exec(db, "PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL;", err);
}

/* The version the database has; refuses what is not ours or of a newer program. */
static int read_version(sqlite3 *db, int64_t *out, struct wf_err *err)
{
    int64_t version = 0;
    int64_t app = 0;
    int64_t n_tables = 0;
    int status = pragma_number(db, "PRAGMA user_version", &version, err);
    if (status == 0) {
        status = pragma_number(db, "PRAGMA application_id", &app, err);
    }
    if (status == 0) {
        status = pragma_number(db, "SELECT count(*) FROM sqlite_schema", &n_tables, err);
    }
    if (status != 0) {
        return status;
    }
    bool is_new = version == 0 && app == 0 && n_tables == 0;
    if (!is_new && app != WF_SCHEMA_APPLICATION_ID) {
        return wf_err_set(err, WF_E_FORMAT,
                          "The file weft.db in the data folder belongs to another program: move it "
                          "away or choose another folder with --home.");
    }
    if (version > WF_SCHEMA_VERSION) {
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The data folder was written by a newer weft (data version %lld, this "
                          "program knows %d): update weft.",
                          (long long)version, WF_SCHEMA_VERSION);
    }
    *out = version;
    return 0;
}

static int run_one(sqlite3 *db, size_t i_from, struct wf_err *err)
{
    assert(i_from < WF_ARRAY_LEN(migrations));
    char tail[128];
    snprintf(tail, sizeof tail, "PRAGMA application_id=%d; PRAGMA user_version=%zu; COMMIT;",
             WF_SCHEMA_APPLICATION_ID, i_from + 1);
    int status = wf_sql_exec(db, "BEGIN IMMEDIATE", err);
    if (status == 0) {
        status = wf_sql_exec(db, migrations[i_from], err);
    }
    if (status == 0) {
        status = wf_sql_exec(db, tail, err);
    }
    if (status != 0 && !sqlite3_get_autocommit(db)) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

int wf_migrate_run(sqlite3 *db, struct wf_err *err)
{
    int64_t version = 0;
    int status = read_version(db, &version, err);
    while (status == 0 && version < WF_SCHEMA_VERSION) {
        status = run_one(db, (size_t)version, err);
        version++;
    }
    return status;
}

int wf_migrate_check(sqlite3 *db, struct wf_err *err)
{
    int64_t version = 0;
    int status = read_version(db, &version, err);
    if (status == 0 && version != WF_SCHEMA_VERSION) {
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The data folder is of an older version (%lld): open it once for writing "
                          "so that it is brought up to date.",
                          (long long)version);
    }
    return status;
}
