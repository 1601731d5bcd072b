/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of snapshots. */
#include "mesh/share_snapshots.h"

#include <string.h>

#include "store/sql.h"

#define SNAPSHOTS_MAX 64u

static void bind_log(sqlite3_stmt *st, const struct wf_sync_log *log)
{
    wf_sql_bind_bytes(st, 1, log->stream, sizeof(log->stream));
    wf_sql_bind_bytes(st, 2, log->device, sizeof(log->device));
}

int wf_share_snapshot_put(struct wf_store *s, const struct wf_share_snapshot *snap,
                          struct wf_err *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO stream_snapshot(stream,device,first,last,at_ms,n_bytes,state,head)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, &snap->log);
    sqlite3_bind_int64(st, 3, (int64_t)snap->first);
    sqlite3_bind_int64(st, 4, (int64_t)snap->last);
    sqlite3_bind_int64(st, 5, snap->at_ms);
    sqlite3_bind_int64(st, 6, (int64_t)snap->n_bytes);
    sqlite3_bind_int64(
        st, 7, (int64_t)snap->state | (snap->is_merged ? (int64_t)WF_SHARE_SNAPSHOT_MERGED : 0));
    wf_sql_bind_blob(st, 8, snap->head);
    return wf_sql_run(st, "noting a snapshot", err);
}

int wf_share_snapshot_forget(struct wf_store *s, const struct wf_sync_log *log, uint64_t before,
                             struct wf_err *err)
{
    static const char sql[] =
        "DELETE FROM stream_snapshot WHERE stream=?1 AND device=?2 AND first<?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    sqlite3_bind_int64(st, 3, (int64_t)before);
    return wf_sql_run(st, "forgetting a snapshot", err);
}

static int get(sqlite3_stmt *st, const uint8_t *stream, struct wf_arena *arena,
               struct wf_share_snapshot *out, struct wf_err *err)
{
    struct wf_str device = wf_sql_blob(st, 0);
    unsigned state = (unsigned)sqlite3_column_int(st, 5);

    *out = (struct wf_share_snapshot){.first = (uint64_t)sqlite3_column_int64(st, 1),
                                      .last = (uint64_t)sqlite3_column_int64(st, 2),
                                      .at_ms = sqlite3_column_int64(st, 3),
                                      .n_bytes = (uint64_t)sqlite3_column_int64(st, 4),
                                      .state = (enum wf_share_snapshot_state)(state & 3),
                                      .is_merged = (state & WF_SHARE_SNAPSHOT_MERGED) != 0,
                                      .head = wf_arena_dup(arena, wf_sql_blob(st, 6))};
    memcpy(out->log.stream, stream, sizeof(out->log.stream));
    if (device.len != sizeof(out->log.device))
        return wf_err_set(err, WF_E_CORRUPT, "What is shared with other devices is damaged.");
    memcpy(out->log.device, device.ptr, device.len);
    return out->head.ptr != NULL ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory (snapshots).");
}

int wf_share_snapshots(struct wf_reader *r, const uint8_t stream[WF_STREAM_ID_BYTES],
                       struct wf_arena *arena, struct wf_share_snapshot **out, size_t *out_n,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT device,first,last,at_ms,n_bytes,state,head"
                              " FROM stream_snapshot WHERE stream=?1"
                              " ORDER BY at_ms DESC,first DESC,device LIMIT 64";
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql, &st, err);

    *out = wf_arena_array(arena, SNAPSHOTS_MAX, sizeof(**out));
    *out_n = 0;
    if (*out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (snapshots).");
    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, stream, WF_STREAM_ID_BYTES);
    while (rc == 0 && n < SNAPSHOTS_MAX && (rc = wf_sql_step(st, "looking at snapshots", err)) == 1)
        rc = get(st, stream, arena, &(*out)[n++], err);
    sqlite3_reset(st);
    *out_n = n;
    return WF_MIN(rc, 0);
}
