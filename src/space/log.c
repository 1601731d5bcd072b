/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a space and their numbers: rows of device_seq, one a device, and of device_seen,
 * one for each that one has of another. */
#include "space/log.h"

#include <string.h>

#include "store/sql.h"

static struct wf_str id_of(const uint8_t device[WF_DEVICE_ID_BYTES])
{
    return wf_str_n((const char *)device, WF_DEVICE_ID_BYTES);
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (a space's log).");
}

/* A row that names no space is refused by the table; what SQLite says of it helps nobody. */
static int no_space(sqlite3_stmt *st, int rc, struct wf_err *err)
{
    if (rc < 0 && (sqlite3_errcode(sqlite3_db_handle(st)) & 0xff) == SQLITE_CONSTRAINT)
        rc = wf_err_set(err, WF_E_NOENT, "There is no such space.");
    return rc;
}

static int run(sqlite3_stmt *st, const char *doing, struct wf_err *err)
{
    return no_space(st, wf_sql_run(st, doing, err), err);
}

/* ---- writing ---- */

int wf_log_next(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                uint64_t *out_dseq, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO device_seq(space,device,dseq,hlc,revoked)"
                              " VALUES(?1,?2,1,0,0)"
                              " ON CONFLICT DO UPDATE SET dseq=dseq+1 RETURNING dseq";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, id_of(device));
    rc = wf_sql_step(st, "numbering a change", err);
    if (rc < 0)
        return no_space(st, rc, err);
    uint64_t dseq = (uint64_t)sqlite3_column_int64(st, 0);
    rc = wf_sql_step(st, "numbering a change", err); /* the row is written when it is done */
    if (rc == 0)
        *out_dseq = dseq;
    return rc;
}

int wf_log_reach(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                 uint64_t dseq, uint64_t hlc, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO device_seq(space,device,dseq,hlc,revoked)"
                              " VALUES(?1,?2,?3,?4,0) ON CONFLICT DO UPDATE SET"
                              " dseq=max(dseq,excluded.dseq), hlc=max(hlc,excluded.hlc)";
    sqlite3_stmt *st = NULL;
    int rc;

    if (dseq > INT64_MAX || hlc > INT64_MAX)
        return wf_err_set(err, WF_E_RANGE, "A device's log has no such number.");
    rc = wf_store_write_cached(s, sql, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, id_of(device));
    sqlite3_bind_int64(st, 3, (int64_t)dseq);
    sqlite3_bind_int64(st, 4, (int64_t)hlc);
    return run(st, "noting how far a device's log is here", err);
}

int wf_log_set_revoked(struct wf_store *s, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                       bool is_revoked, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO device_seq(space,device,dseq,hlc,revoked)"
                              " VALUES(?1,?2,0,0,?3)"
                              " ON CONFLICT DO UPDATE SET revoked=excluded.revoked";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, id_of(device));
    sqlite3_bind_int(st, 3, is_revoked);
    return run(st, "revoking a device", err);
}

int wf_log_saw(struct wf_store *s, int64_t space, const uint8_t by[WF_DEVICE_ID_BYTES],
               const uint8_t of[WF_DEVICE_ID_BYTES], uint64_t dseq, uint64_t hlc,
               struct wf_err *err)
{
    static const char sql[] = "INSERT INTO device_seen(space,device,of_device,dseq,hlc)"
                              " VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE SET"
                              " dseq=max(dseq,excluded.dseq), hlc=max(hlc,excluded.hlc)";
    sqlite3_stmt *st = NULL;
    int rc;

    if (dseq > INT64_MAX || hlc > INT64_MAX)
        return wf_err_set(err, WF_E_RANGE, "A device's log has no such number.");
    rc = wf_store_write_cached(s, sql, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, id_of(by));
    wf_sql_bind_blob(st, 3, id_of(of));
    sqlite3_bind_int64(st, 4, (int64_t)dseq);
    sqlite3_bind_int64(st, 5, (int64_t)hlc);
    return run(st, "noting what a device has", err);
}

/* ---- reading ---- */

static int count(struct wf_reader *r, int64_t space, size_t *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, "SELECT count(*) FROM device_seq WHERE space=?1", &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "counting devices", err);
    if (rc < 0)
        return rc;
    *out = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

int wf_log_heads(struct wf_reader *r, int64_t space, struct wf_arena *arena,
                 struct wf_log_head **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT device,dseq,hlc,revoked FROM device_seq WHERE space=?1"
                              " ORDER BY device";
    struct wf_log_head *heads = NULL;
    sqlite3_stmt *st = NULL;
    size_t n = 0, n_max = 0;
    int rc = count(r, space, &n_max, err);

    if (rc == 0 && (heads = wf_arena_array(arena, n_max + 1, sizeof(*heads))) == NULL)
        rc = no_memory(err);
    if (rc == 0)
        rc = wf_reader_cached(r, sql, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    while (n < n_max && (rc = wf_sql_step(st, "reading devices", err)) == 1) {
        struct wf_str id = wf_sql_blob(st, 0);
        if (id.len == WF_DEVICE_ID_BYTES)
            memcpy(heads[n].device, id.ptr, id.len);
        heads[n].dseq = (uint64_t)sqlite3_column_int64(st, 1);
        heads[n].hlc = (uint64_t)sqlite3_column_int64(st, 2);
        heads[n].is_revoked = sqlite3_column_int(st, 3) != 0;
        n++;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = heads;
    *out_n = n;
    return 0;
}

/* The number of a label's name (as privacy/label.h has them, which is a higher floor's); secret
 * where it is none. */
static uint8_t label_of(struct wf_str name)
{
    static const char *const names[] = {"public", "internal", "private"};

    for (uint8_t i = 0; i < 3; i++)
        if (wf_str_eq(name, wf_str_from(names[i])))
            return i;
    return 3;
}

static struct wf_log_entry entry_of(sqlite3_stmt *st)
{
    struct wf_log_entry e = {.dseq = (uint64_t)sqlite3_column_int64(st, 0),
                             .hlc = (uint64_t)sqlite3_column_int64(st, 1),
                             .bytes = wf_sql_blob(st, 3)};

    if (e.hlc > 0) {
        e.label = (uint8_t)(sqlite3_column_int(st, 2) & 3);
        return e;
    }
    e.kind = WF_LOG_UPDATE;
    e.label = label_of(wf_sql_text(st, 2));
    e.draft = (const uint8_t *)wf_sql_blob(st, 4).ptr;
    e.at_ms = sqlite3_column_int64(st, 5);
    return e;
}

int wf_log_read(struct wf_reader *r, int64_t space, const uint8_t device[WF_DEVICE_ID_BYTES],
                uint64_t from_dseq, wf_log_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] =
        "SELECT dseq,hlc,label,bytes,NULL,0 FROM record_change"
        " WHERE space=?1 AND device=?2 AND dseq>=?3"
        " UNION ALL SELECT u.dseq,0,d.label,u.bytes,d.uid,u.at_ms FROM draft_update u"
        " JOIN draft d ON d.id=u.draft WHERE u.device=?2 AND u.dseq>=?3 AND d.space=?1"
        " ORDER BY 1";
    sqlite3_stmt *st = NULL;
    int rc;

    if (from_dseq > INT64_MAX)
        return 0;
    rc = wf_reader_cached(r, sql, &st, err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, id_of(device));
    sqlite3_bind_int64(st, 3, (int64_t)from_dseq);
    while ((rc = wf_sql_step(st, "reading a device's log", err)) == 1) {
        const struct wf_log_entry e = entry_of(st);
        rc = fn(ud, &e, err);
        if (rc != 0)
            break;
    }
    sqlite3_reset(st);
    return rc;
}
