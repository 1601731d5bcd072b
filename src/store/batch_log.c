/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of batches. A head is a row, so that a relay of a thousand devices knows what it has without
 * looking at a batch. */
#include "store/batch_log.h"

#include <string.h>

#include "store/store_internal.h"

struct log_row {
    int64_t id; /* 0: there is none */
    struct wf_batch_log_head head;
};

static struct wf_str view(const uint8_t *p, size_t n)
{
    return wf_str_n((const char *)p, n);
}

/* A column of exactly n bytes; zeros where it is none. */
static void get_bytes(sqlite3_stmt *st, int i, uint8_t *out, size_t n)
{
    struct wf_str b = wf_sql_blob(st, i);

    memset(out, 0, n);
    if (b.len == n)
        memcpy(out, b.ptr, n);
}

#define HEAD_COLUMNS "id,stream,device,first,last,n_bytes,hash,fork"

static void get_head(sqlite3_stmt *st, struct log_row *out)
{
    struct wf_batch_log_head *h = &out->head;

    out->id = sqlite3_column_int64(st, 0);
    get_bytes(st, 1, h->name.stream, sizeof(h->name.stream));
    get_bytes(st, 2, h->name.device, sizeof(h->name.device));
    h->first = (uint64_t)sqlite3_column_int64(st, 3);
    h->last = (uint64_t)sqlite3_column_int64(st, 4);
    h->n_bytes = (uint64_t)sqlite3_column_int64(st, 5);
    get_bytes(st, 6, h->hash, sizeof(h->hash));
    get_bytes(st, 7, h->fork, sizeof(h->fork));
}

static const char sql_find[] =
    "SELECT " HEAD_COLUMNS " FROM batch_log WHERE stream=?1 AND device=?2";

static int find(sqlite3_stmt *st, const struct wf_batch_log_name *log, struct log_row *out,
                struct wf_err *err)
{
    int rc;

    *out = (struct log_row){.head = {.name = *log, .first = 1}};
    wf_sql_bind_blob(st, 1, view(log->stream, sizeof(log->stream)));
    wf_sql_bind_blob(st, 2, view(log->device, sizeof(log->device)));
    rc = wf_sql_step(st, "looking for batches", err);
    if (rc == 1)
        get_head(st, out);
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int find_in_turn(struct wf_store *s, const struct wf_batch_log_name *log,
                        struct log_row *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql_find, &st, err);

    return rc == 0 ? find(st, log, out, err) : rc;
}

/* ---- appending ---- */

static int add_log(struct wf_store *s, struct log_row *io, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO batch_log(stream,device,first) VALUES(?1,?2,?3)";
    sqlite3_stmt *st = NULL;
    int rc = io->id != 0 ? 0 : wf_store__stmt(s, sql, &st, err);

    if (rc != 0 || io->id != 0)
        return rc;
    wf_sql_bind_blob(st, 1, view(io->head.name.stream, sizeof(io->head.name.stream)));
    wf_sql_bind_blob(st, 2, view(io->head.name.device, sizeof(io->head.name.device)));
    sqlite3_bind_int64(st, 3, (int64_t)io->head.first);
    rc = wf_sql_run(st, "keeping a batch", err);
    io->id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

static int set_fork(struct wf_store *s, const struct log_row *log, const uint8_t *hash,
                    struct wf_err *err)
{
    static const char sql[] = "UPDATE batch_log SET fork=?2 WHERE id=?1 AND fork IS NULL";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, log->id);
    wf_sql_bind_blob(st, 2, view(hash, WF_BATCH_LOG_HASH_BYTES));
    rc = wf_sql_run(st, "noting a fork", err);
    return rc != 0 ? rc
                   : wf_err_set(err, WF_E_CORRUPT,
                                "A device has told two stories: two different batches of it have "
                                "one number.");
}

/* Whether the batch with that number is the one with that hash: 1, 0, or an error; a trimmed one is
 * taken to be. */
static int is_same(struct wf_store *s, const struct log_row *log,
                   const struct wf_batch_log_row *row, struct wf_err *err)
{
    static const char sql[] = "SELECT hash FROM batch WHERE log=?1 AND number=?2";
    sqlite3_stmt *st = NULL;
    uint8_t hash[WF_BATCH_LOG_HASH_BYTES];
    int rc;

    if (row->number < log->head.first)
        return 1;
    rc = wf_store__stmt(s, sql, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, log->id);
    sqlite3_bind_int64(st, 2, (int64_t)row->number);
    rc = wf_sql_step(st, "looking for a batch", err);
    if (rc == 1)
        get_bytes(st, 0, hash, sizeof(hash));
    sqlite3_reset(st);
    if (rc == 0)
        return 1; /* before a beginning: as a trimmed one */
    return rc < 0 ? rc : memcmp(hash, row->hash, sizeof(hash)) == 0;
}

static int put(struct wf_store *s, const struct log_row *log, const struct wf_batch_log_row *row,
               struct wf_err *err)
{
    static const char sql_batch[] = "INSERT INTO batch(log,number,hash,bytes) VALUES(?1,?2,?3,?4)";
    static const char sql_head[] =
        "UPDATE batch_log SET last=?2, hash=?3, n_bytes=n_bytes+?4 WHERE id=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql_batch, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, log->id);
    sqlite3_bind_int64(st, 2, (int64_t)row->number);
    wf_sql_bind_blob(st, 3, view(row->hash, WF_BATCH_LOG_HASH_BYTES));
    wf_sql_bind_blob(st, 4, row->bytes);
    rc = wf_sql_run(st, "keeping a batch", err);
    if (rc == 0)
        rc = wf_store__stmt(s, sql_head, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, log->id);
    sqlite3_bind_int64(st, 2, (int64_t)row->number);
    wf_sql_bind_blob(st, 3, view(row->hash, WF_BATCH_LOG_HASH_BYTES));
    sqlite3_bind_int64(st, 4, (int64_t)row->bytes.len);
    return wf_sql_run(st, "keeping a batch", err);
}

int wf_batch_log_append(struct wf_store *s, const struct wf_batch_log_name *log,
                        const struct wf_batch_log_row *row, struct wf_err *err)
{
    struct log_row at;
    int rc = find_in_turn(s, log, &at, err);

    if (rc == 0 && row->begins && row->number > at.head.last + 1) {
        at.head.first = row->number; /* of a log that is not here at all */
        rc = add_log(s, &at, err);
        return rc == 0 ? put(s, &at, row, err) : rc;
    }
    if (rc == 0 && row->number > at.head.last + 1)
        rc = wf_err_set(err, WF_E_RANGE, "Batches before this one are not here yet.");
    if (rc == 0 && row->number <= at.head.last) {
        rc = is_same(s, &at, row, err);
        if (rc == 1)
            return wf_err_set(err, WF_E_EXIST, "This batch is here already.");
        return rc < 0 ? rc : set_fork(s, &at, row->hash, err);
    }
    if (rc == 0 && memcmp(row->prev, at.head.hash, sizeof(at.head.hash)) != 0) {
        /* Of a log that is not here at all nothing says what is before its first. */
        return at.id == 0 ? wf_err_set(err, WF_E_RANGE, "Batches before this one are not here yet.")
                          : set_fork(s, &at, row->hash, err);
    }
    if (rc == 0)
        rc = add_log(s, &at, err);
    return rc == 0 ? put(s, &at, row, err) : rc;
}

/* Whether the batch with that number, if any of it is known, has that hash: 1, 0, or an error. */
static int has_hash(struct wf_store *s, const struct log_row *log, uint64_t number,
                    const uint8_t *hash, struct wf_err *err)
{
    /* A batch names the one before it from its 64th byte on. */
    static const char sql[] = "SELECT hash FROM batch WHERE log=?1 AND number=?2 UNION ALL"
                              " SELECT substr(bytes,65,32) FROM batch WHERE log=?1 AND number=?2+1";
    sqlite3_stmt *st = NULL;
    uint8_t there[WF_BATCH_LOG_HASH_BYTES];
    int rc = wf_store__stmt(s, sql, &st, err), is = 1;

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, log->id);
    sqlite3_bind_int64(st, 2, (int64_t)number);
    while ((rc = wf_sql_step(st, "looking for a batch", err)) == 1) {
        get_bytes(st, 0, there, sizeof(there));
        is = is && memcmp(there, hash, sizeof(there)) == 0;
    }
    sqlite3_reset(st);
    if (number == log->head.last)
        is = is && memcmp(log->head.hash, hash, sizeof(there)) == 0;
    return rc < 0 ? rc : is;
}

int wf_batch_log_begin(struct wf_store *s, const struct wf_batch_log_name *log, uint64_t number,
                       const uint8_t hash[WF_BATCH_LOG_HASH_BYTES], struct wf_err *err)
{
    static const char sql_gone[] = "DELETE FROM batch WHERE log=?1";
    static const char sql_head[] = "UPDATE batch_log SET first=?2+1, last=?2, hash=?3, n_bytes=0"
                                   " WHERE id=?1";
    struct log_row at;
    sqlite3_stmt *st = NULL;
    int rc = find_in_turn(s, log, &at, err);

    if (rc == 0 && at.id != 0) {
        rc = has_hash(s, &at, number, hash, err);
        if (rc == 0)
            return set_fork(s, &at, hash, err);
        rc = WF_MIN(rc, 0);
    }
    if (rc != 0 || number <= at.head.last)
        return rc;
    rc = add_log(s, &at, err);
    if (rc == 0)
        rc = wf_store__stmt(s, sql_gone, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, at.id);
    rc = wf_sql_run(st, "beginning a log", err);
    if (rc == 0)
        rc = wf_store__stmt(s, sql_head, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, at.id);
    sqlite3_bind_int64(st, 2, (int64_t)number);
    wf_sql_bind_blob(st, 3, view(hash, WF_BATCH_LOG_HASH_BYTES));
    return wf_sql_run(st, "beginning a log", err);
}

int wf_batch_log_trim(struct wf_store *s, const struct wf_batch_log_name *log, uint64_t upto,
                      struct wf_err *err)
{
    static const char sql_batch[] = "DELETE FROM batch WHERE log=?1 AND number<=?2";
    static const char sql_head[] =
        "UPDATE batch_log SET first=?2, n_bytes="
        "(SELECT ifnull(sum(length(bytes)),0) FROM batch WHERE log=?1) WHERE id=?1";
    struct log_row at;
    sqlite3_stmt *st = NULL;
    int rc = find_in_turn(s, log, &at, err);

    if (rc != 0)
        return rc;
    upto = WF_MIN(upto, at.head.last);
    if (at.id == 0 || upto < at.head.first)
        return 0;
    rc = wf_store__stmt(s, sql_batch, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, at.id);
    sqlite3_bind_int64(st, 2, (int64_t)upto);
    rc = wf_sql_run(st, "trimming batches", err);
    if (rc == 0)
        rc = wf_store__stmt(s, sql_head, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, at.id);
    sqlite3_bind_int64(st, 2, (int64_t)upto + 1);
    return wf_sql_run(st, "trimming batches", err);
}

/* ---- reading ---- */

int wf_batch_log_head(struct wf_reader *r, const struct wf_batch_log_name *log,
                      struct wf_batch_log_head *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    struct log_row at;
    int rc = wf_reader_cached(r, sql_find, &st, err);

    if (rc == 0)
        rc = find(st, log, &at, err);
    if (rc == 0)
        *out = at.head;
    return rc;
}

int wf_batch_log_heads(struct wf_reader *r, const uint8_t *stream, struct wf_arena *arena,
                       struct wf_batch_log_head **out, size_t *out_n, struct wf_err *err)
{
    static const char sql_n[] = "SELECT count(*) FROM batch_log WHERE ?1 IS NULL OR stream=?1";
    static const char sql[] =
        "SELECT " HEAD_COLUMNS " FROM batch_log WHERE ?1 IS NULL OR stream=?1 ORDER BY stream, "
        "device";
    sqlite3_stmt *st = NULL;
    size_t n = 0, room = 0;
    int rc = wf_reader_cached(r, sql_n, &st, err);

    *out = NULL;
    *out_n = 0;
    if (rc != 0)
        return rc;
    if (stream != NULL)
        wf_sql_bind_blob(st, 1, view(stream, WF_BATCH_LOG_STREAM_BYTES));
    rc = wf_sql_step(st, "listing batches", err);
    room = rc == 1 ? (size_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (rc < 0 || room == 0)
        return rc < 0 ? rc : 0;
    *out = wf_arena_array(arena, room, sizeof(**out));
    if (*out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (batches).");
    rc = wf_reader_cached(r, sql, &st, err);
    if (rc == 0 && stream != NULL)
        wf_sql_bind_blob(st, 1, view(stream, WF_BATCH_LOG_STREAM_BYTES));
    while (rc == 0 && n < room && (rc = wf_sql_step(st, "listing batches", err)) == 1) {
        struct log_row at;
        get_head(st, &at);
        (*out)[n++] = at.head;
        rc = 0;
    }
    sqlite3_reset(st);
    *out_n = n;
    return rc < 0 ? rc : 0;
}

int wf_batch_log_read(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t from,
                      size_t bytes_max, wf_batch_log_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT b.number,b.hash,b.bytes FROM batch_log l JOIN batch b ON "
                              "b.log=l.id WHERE l.stream=?1 AND l.device=?2 AND b.number>=?3 "
                              "ORDER BY b.number";
    sqlite3_stmt *st = NULL;
    size_t n_bytes = 0;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, view(log->stream, sizeof(log->stream)));
    wf_sql_bind_blob(st, 2, view(log->device, sizeof(log->device)));
    sqlite3_bind_int64(st, 3, (int64_t)from);
    while (rc == 0 && n_bytes <= bytes_max && (rc = wf_sql_step(st, "reading batches", err)) == 1) {
        uint8_t hash[WF_BATCH_LOG_HASH_BYTES];
        struct wf_batch_log_row row = {.number = (uint64_t)sqlite3_column_int64(st, 0),
                                       .hash = hash,
                                       .bytes = wf_sql_blob(st, 2)};
        get_bytes(st, 1, hash, sizeof(hash));
        n_bytes += row.bytes.len;
        rc = fn(ud, &row, err);
    }
    sqlite3_reset(st);
    return rc;
}

int wf_batch_log_hash(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t number,
                      uint8_t out[WF_BATCH_LOG_HASH_BYTES], struct wf_err *err)
{
    static const char sql[] =
        "SELECT b.hash FROM batch_log l JOIN batch b ON b.log=l.id WHERE l.stream=?1"
        " AND l.device=?2 AND b.number=?3 UNION ALL SELECT hash FROM batch_log"
        " WHERE stream=?1 AND device=?2 AND last=?3 LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, view(log->stream, sizeof(log->stream)));
    wf_sql_bind_blob(st, 2, view(log->device, sizeof(log->device)));
    sqlite3_bind_int64(st, 3, (int64_t)number);
    rc = wf_sql_step(st, "looking for a batch", err);
    if (rc == 1)
        get_bytes(st, 0, out, WF_BATCH_LOG_HASH_BYTES);
    sqlite3_reset(st);
    return rc;
}

int wf_batch_log_behind(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t number,
                        struct wf_batch_log_amount *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT count(*),ifnull(sum(length(b.bytes)),0) FROM batch_log l JOIN batch b ON b.log=l.id"
        " WHERE l.stream=?1 AND l.device=?2 AND b.number>?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, view(log->stream, sizeof(log->stream)));
    wf_sql_bind_blob(st, 2, view(log->device, sizeof(log->device)));
    sqlite3_bind_int64(st, 3, (int64_t)number);
    rc = wf_sql_step(st, "measuring a log", err);
    if (rc < 0)
        return rc;
    *out = (struct wf_batch_log_amount){(uint64_t)sqlite3_column_int64(st, 0),
                                        (uint64_t)sqlite3_column_int64(st, 1)};
    sqlite3_reset(st);
    return 0;
}
