/* SPDX-License-Identifier: Apache-2.0 */
/* The updates and snapshots of drafts. An update is a row of its own, which is a few bytes more
 * than the keystroke that made it; a snapshot takes the place of many. Order is that of seq, never
 * of a clock: times are for people. */
#include "store/draft_log.h"

#include <sodium.h>
#include <string.h>

#include "store/store_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (drafts).");
}

static struct wf_str device_str(const uint8_t *device)
{
    return wf_str_n((const char *)device, WF_DRAFT_DEVICE_BYTES);
}

int wf_draft_log_touch(struct wf_store *s, int64_t draft, int64_t at_ms, struct wf_err *err)
{
    static const char sql[] = "UPDATE draft SET updated_ms=?2 WHERE id=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, draft);
    sqlite3_bind_int64(st, 2, at_ms);
    rc = wf_sql_run(st, "keeping a change", err);
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = wf_err_set(err, WF_E_NOENT, "The draft was removed.");
    return rc;
}

int wf_draft_log_append(struct wf_store *s, const struct wf_draft_update *u, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO draft_update(draft,seq,device,dseq,at_ms,bytes) VALUES(?1,?2,?3,?4,?5,?6)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, u->draft);
    sqlite3_bind_int64(st, 2, (int64_t)u->seq);
    wf_sql_bind_blob(st, 3, device_str(u->device));
    sqlite3_bind_int64(st, 4, (int64_t)u->dseq);
    sqlite3_bind_int64(st, 5, u->at_ms);
    wf_sql_bind_blob(st, 6, u->bytes);
    return wf_sql_run(st, "keeping a change", err);
}

/* The columns seq, dseq, device, at_ms and, at last, bytes or their length. */
static int give_update(sqlite3_stmt *st, const struct wf_draft_span *span, wf_draft_update_fn fn,
                       void *ud, struct wf_err *err)
{
    struct wf_str device = wf_sql_blob(st, 2);
    struct wf_draft_update u = {.draft = span->draft,
                                .seq = (uint64_t)sqlite3_column_int64(st, 0),
                                .dseq = (uint64_t)sqlite3_column_int64(st, 1),
                                .device = (const uint8_t *)device.ptr,
                                .at_ms = sqlite3_column_int64(st, 3)};

    if (device.len != WF_DRAFT_DEVICE_BYTES)
        return wf_err_set(err, WF_E_CORRUPT, "A draft's log is damaged.");
    if (span->no_bytes)
        u.bytes = wf_str_n(NULL, (size_t)sqlite3_column_int64(st, 4));
    else
        u.bytes = wf_sql_blob(st, 4);
    return fn(ud, &u, err);
}

int wf_draft_log_each(struct wf_reader *r, const struct wf_draft_span *span, wf_draft_update_fn fn,
                      void *ud, struct wf_err *err)
{
    static const char with_bytes[] = "SELECT seq,dseq,device,at_ms,bytes FROM draft_update"
                                     " WHERE draft=?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq";
    static const char without[] = "SELECT seq,dseq,device,at_ms,length(bytes) FROM draft_update"
                                  " WHERE draft=?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq";
    sqlite3_stmt *st = NULL;
    int rc = span->no_bytes ? wf_reader_cached(r, without, &st, err)
                            : wf_reader_cached(r, with_bytes, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, span->draft);
    sqlite3_bind_int64(st, 2, (int64_t)WF_MIN(span->from, (uint64_t)INT64_MAX));
    sqlite3_bind_int64(st, 3, (int64_t)WF_MIN(span->to, (uint64_t)INT64_MAX));
    while (rc == 0 && (rc = wf_sql_step(st, "reading a draft", err)) == 1)
        rc = give_update(st, span, fn, ud, err);
    sqlite3_reset(st);
    return rc;
}

int wf_draft_log_extent(struct wf_reader *r, int64_t draft, uint64_t from,
                        struct wf_draft_extent *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT max(coalesce((SELECT max(seq) FROM draft_update WHERE draft=?1),0),"
        "           coalesce((SELECT max(upto_seq) FROM draft_snapshot WHERE draft=?1),0)),"
        " count(*), coalesce(sum(length(bytes)),0) FROM draft_update WHERE draft=?1 AND seq>?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc == 0) {
        sqlite3_bind_int64(st, 1, draft);
        sqlite3_bind_int64(st, 2, (int64_t)from);
        rc = wf_sql_step(st, "reading a draft", err);
    }
    if (rc < 0)
        return rc;
    *out = (struct wf_draft_extent){.last_seq = (uint64_t)sqlite3_column_int64(st, 0),
                                    .n_updates = (uint64_t)sqlite3_column_int64(st, 1),
                                    .bytes = (uint64_t)sqlite3_column_int64(st, 2)};
    sqlite3_reset(st);
    return 0;
}

/* ---- snapshots ---- */

static void hash_of(struct wf_str bytes, uint8_t out[WF_DRAFT_HASH_BYTES])
{
    (void)crypto_generichash(out, WF_DRAFT_HASH_BYTES,
                             (const unsigned char *)(bytes.len ? bytes.ptr : ""), bytes.len, NULL,
                             0); /* cannot fail with these lengths */
}

int wf_draft_snapshot_put(struct wf_store *s, const struct wf_draft_snapshot *snap,
                          struct wf_err *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO draft_snapshot(draft,upto_seq,device,at_ms,state_vector,hash,bytes)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7)";
    uint8_t hash[WF_DRAFT_HASH_BYTES];
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    hash_of(snap->bytes, hash);
    sqlite3_bind_int64(st, 1, snap->draft);
    sqlite3_bind_int64(st, 2, (int64_t)snap->upto_seq);
    wf_sql_bind_blob(st, 3, device_str(snap->device));
    sqlite3_bind_int64(st, 4, snap->at_ms);
    wf_sql_bind_blob(st, 5, snap->state_vector);
    wf_sql_bind_blob(st, 6, wf_str_n((const char *)hash, sizeof(hash)));
    wf_sql_bind_blob(st, 7, snap->bytes);
    return wf_sql_run(st, "keeping a snapshot", err);
}

static int copy_snapshot(sqlite3_stmt *st, int64_t draft, struct wf_arena *arena,
                         struct wf_draft_snapshot *out, struct wf_err *err)
{
    struct wf_str device = wf_arena_dup(arena, wf_sql_blob(st, 1)), hash = wf_sql_blob(st, 4);
    uint8_t want[WF_DRAFT_HASH_BYTES];

    *out = (struct wf_draft_snapshot){.draft = draft,
                                      .upto_seq = (uint64_t)sqlite3_column_int64(st, 0),
                                      .device = (const uint8_t *)device.ptr,
                                      .at_ms = sqlite3_column_int64(st, 2),
                                      .state_vector = wf_arena_dup(arena, wf_sql_blob(st, 3)),
                                      .bytes = wf_arena_dup(arena, wf_sql_blob(st, 5))};
    if (!device.ptr || !out->state_vector.ptr || !out->bytes.ptr)
        return no_memory(err);
    out->n_bytes = out->bytes.len;
    hash_of(out->bytes, want);
    out->is_whole = device.len == WF_DRAFT_DEVICE_BYTES && hash.len == sizeof(want) &&
                    memcmp(hash.ptr, want, sizeof(want)) == 0;
    return 0;
}

int wf_draft_snapshot_get(struct wf_reader *r, int64_t draft, uint64_t upto, struct wf_arena *arena,
                          struct wf_draft_snapshot *out, bool *out_found, struct wf_err *err)
{
    static const char sql[] =
        "SELECT upto_seq,device,at_ms,state_vector,hash,bytes FROM draft_snapshot"
        " WHERE draft=?1 AND upto_seq<=?2 ORDER BY upto_seq DESC LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc == 0) {
        sqlite3_bind_int64(st, 1, draft);
        sqlite3_bind_int64(st, 2, (int64_t)WF_MIN(upto, (uint64_t)INT64_MAX));
        rc = wf_sql_step(st, "reading a snapshot", err);
    }
    if (rc < 0)
        return rc;
    *out_found = rc == 1;
    if (rc == 1) {
        rc = copy_snapshot(st, draft, arena, out, err);
        sqlite3_reset(st);
    }
    return rc;
}

/* At most so many are kept (space/draft.c thins them). */
#define SNAPSHOTS_MAX 1000

int wf_draft_snapshot_list(struct wf_reader *r, int64_t draft, struct wf_arena *arena,
                           struct wf_draft_snapshot **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT upto_seq,device,at_ms,length(bytes) FROM draft_snapshot"
                              " WHERE draft=?1 ORDER BY upto_seq LIMIT 1000";
    struct wf_draft_snapshot *items = wf_arena_array(arena, SNAPSHOTS_MAX, sizeof(*items));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = items ? wf_reader_cached(r, sql, &st, err) : no_memory(err);

    if (rc == 0)
        sqlite3_bind_int64(st, 1, draft);
    while (rc == 0 && n < SNAPSHOTS_MAX && (rc = wf_sql_step(st, "reading snapshots", err)) == 1) {
        struct wf_str device = wf_arena_dup(arena, wf_sql_blob(st, 1));
        items[n++] = (struct wf_draft_snapshot){.draft = draft,
                                                .upto_seq = (uint64_t)sqlite3_column_int64(st, 0),
                                                .device = (const uint8_t *)device.ptr,
                                                .at_ms = sqlite3_column_int64(st, 2),
                                                .n_bytes = (size_t)sqlite3_column_int64(st, 3)};
        if (!device.ptr)
            rc = no_memory(err);
        else
            rc = device.len == WF_DRAFT_DEVICE_BYTES
                     ? 0
                     : wf_err_set(err, WF_E_CORRUPT, "A draft's snapshot is damaged.");
    }
    if (st)
        sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}

/* ---- images ---- */

int wf_draft_image_put(struct wf_store *s, int64_t draft, uint64_t upto_seq, struct wf_str bytes,
                       struct wf_err *err)
{
    static const char put[] =
        "INSERT OR REPLACE INTO draft_image(draft,upto_seq,bytes) VALUES(?1,?2,?3)";
    static const char drop[] = "DELETE FROM draft_image WHERE draft=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, bytes.len > 0 ? put : drop, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, draft);
    if (bytes.len > 0) {
        sqlite3_bind_int64(st, 2, (int64_t)upto_seq);
        wf_sql_bind_blob(st, 3, bytes);
    }
    return wf_sql_run(st, "keeping an image", err);
}

int wf_draft_image_use(struct wf_reader *r, int64_t draft, uint64_t upto, wf_draft_image_fn fn,
                       void *ud, struct wf_err *err)
{
    static const char sql[] =
        "SELECT s.upto_seq,s.device,s.at_ms,length(s.bytes),i.bytes FROM draft_image i"
        " JOIN draft_snapshot s ON s.draft=i.draft AND s.upto_seq=i.upto_seq"
        " WHERE i.draft=?1 AND s.upto_seq="
        "(SELECT max(upto_seq) FROM draft_snapshot WHERE draft=?1 AND upto_seq<=?2)";
    struct wf_draft_snapshot snap;
    struct wf_str device;
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc == 0) {
        sqlite3_bind_int64(st, 1, draft);
        sqlite3_bind_int64(st, 2, (int64_t)WF_MIN(upto, (uint64_t)INT64_MAX));
        rc = wf_sql_step(st, "reading an image", err);
    }
    if (rc != 1)
        return rc;
    device = wf_sql_blob(st, 1);
    snap = (struct wf_draft_snapshot){.draft = draft,
                                      .upto_seq = (uint64_t)sqlite3_column_int64(st, 0),
                                      .device = (const uint8_t *)device.ptr,
                                      .at_ms = sqlite3_column_int64(st, 2),
                                      .bytes = wf_sql_blob(st, 4),
                                      .n_bytes = (size_t)sqlite3_column_int64(st, 3)};
    rc = device.len == WF_DRAFT_DEVICE_BYTES ? fn(ud, &snap, err) : 0;
    sqlite3_reset(st);
    return rc;
}

int wf_draft_snapshot_drop(struct wf_store *s, int64_t draft, uint64_t upto_seq, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM draft_snapshot WHERE draft=?1 AND upto_seq=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, draft);
    sqlite3_bind_int64(st, 2, (int64_t)WF_MIN(upto_seq, (uint64_t)INT64_MAX));
    return wf_sql_run(st, "tidying a draft", err);
}

int wf_draft_log_trim(struct wf_store *s, const struct wf_draft_trim *trim, struct wf_err *err)
{
    static const char sql[] =
        "DELETE FROM draft_update WHERE draft=?1 AND seq<=?2 AND (device<>?3 OR dseq<=?4)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, trim->draft);
    sqlite3_bind_int64(st, 2, (int64_t)WF_MIN(trim->upto, (uint64_t)INT64_MAX));
    wf_sql_bind_blob(st, 3, device_str(trim->device));
    sqlite3_bind_int64(st, 4, (int64_t)WF_MIN(trim->sent, (uint64_t)INT64_MAX));
    return wf_sql_run(st, "tidying a draft", err);
}
