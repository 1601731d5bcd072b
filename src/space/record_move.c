/* SPDX-License-Identifier: Apache-2.0 */
/* A space gets another uid, which all signatures of its changes name: those of this device are
 * signed anew, with their numbers and times; those of others, who may never come themselves, are
 * brought along as they are, with the name of the space that was. And a space gets a device more:
 * what was deleted for good was so for those that there were; the new one may have older changes of
 * the same records, so the deletions count again until it has seen them: from when such a change
 * comes, or a snapshot is made. Mostly neither does, and no record need be written anew. */
#include "space/record_internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "space/log.h"
#include "store/sql.h"

struct moved {
    uint64_t dseq;
    struct wf_str bytes;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (records).");
}

/* All of this device's changes in the space, in the arena. */
static int read_own(struct wf_records *r, int64_t space, struct wf_arena *arena, struct moved **out,
                    size_t *out_n, struct wf_err *err)
{
    static const char sql[] =
        "SELECT dseq,bytes FROM record_change WHERE space=?1 AND device=?2 ORDER BY dseq";
    sqlite3_stmt *st = NULL;
    size_t cap = 0;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)r->o.signer->id, WF_SIGNER_ID_BYTES));
    while (rc == 0 && (rc = wf_sql_step(st, "reading changes of records", err)) == 1) {
        struct moved m = {(uint64_t)sqlite3_column_int64(st, 0),
                          wf_arena_dup(arena, wf_sql_blob(st, 1))};
        rc = m.bytes.ptr == NULL || wf_reserve(out, &cap, *out_n + 1, sizeof(m)) != 0
                 ? no_memory(err)
                 : 0;
        if (rc == 0)
            (*out)[(*out_n)++] = m;
    }
    sqlite3_reset(st);
    return rc;
}

/* An item as a draft of one; pruned ones, of which nothing is known, are left out. */
static int as_draft(const struct wf_change_item *item, struct wf_arena *arena,
                    struct wf_change_draft *out)
{
    struct wf_record_op *ops = wf_arena_array(arena, item->n_ops + 1, sizeof(*ops));
    size_t at = 0, n = 0;

    if (ops == NULL)
        return WF_E_NOMEM;
    while (n < item->n_ops && wf_change_op_next(item, &at, &ops[n]))
        n++;
    *out = (struct wf_change_draft){.label = item->label,
                                    .collection = item->collection,
                                    .key = item->key,
                                    .ops = ops,
                                    .n_ops = n};
    return 0;
}

static int sign_anew(struct wf_records *r, const uint8_t uid[WF_CHANGE_UID_BYTES], struct moved *io,
                     struct wf_arena *arena, struct wf_err *err)
{
    struct wf_change_draft *drafts;
    struct wf_change_item item;
    struct wf_change_head head;
    struct wf_change c;
    struct wf_buf b;
    size_t at = 0, n = 0;
    int rc = wf_change_read(io->bytes, &c, err);

    if (rc != 0)
        return rc;
    drafts = wf_arena_array(arena, c.n_items, sizeof(*drafts));
    while (drafts != NULL && rc == 0 && wf_change_next(&c, &at, &item)) {
        if (!item.is_pruned)
            rc = as_draft(&item, arena, &drafts[n++]);
    }
    if (drafts == NULL || rc != 0)
        return no_memory(err);
    if (n == 0) {
        io->bytes = WF_STR(""); /* nothing is left of it */
        return 0;
    }
    head = (struct wf_change_head){.dseq = c.dseq, .hlc = c.hlc, .uid = uid, .rng = r->o.rng};
    wf_buf_init(&b, SIZE_MAX);
    rc = wf_change_write(&head, r->o.signer, drafts, n, &b, NULL, err);
    if (rc == 0) {
        io->bytes = wf_arena_dup(arena, wf_buf_str(&b));
        rc = io->bytes.ptr == NULL ? no_memory(err) : 0;
    }
    wf_buf_deinit(&b);
    return rc;
}

static int put(struct wf_records *r, int64_t space, const struct moved *m, struct wf_err *err)
{
    static const char sql_put[] =
        "UPDATE record_change SET bytes=?4 WHERE space=?1 AND device=?2 AND dseq=?3";
    static const char sql_gone[] =
        "DELETE FROM record_change WHERE space=?1 AND device=?2 AND dseq=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, m->bytes.len > 0 ? sql_put : sql_gone, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)r->o.signer->id, WF_SIGNER_ID_BYTES));
    sqlite3_bind_int64(st, 3, (int64_t)m->dseq);
    if (m->bytes.len > 0)
        wf_sql_bind_blob(st, 4, m->bytes);
    return wf_sql_run(st, "keeping changes of records", err);
}

/* ---- what ends something, once more ---- */

static bool ends_something(const struct wf_change_item *item)
{
    struct wf_record_op op;
    size_t at = 0;

    while (wf_change_op_next(item, &at, &op)) {
        if (op.kind == WF_RECORD_DELETE || op.kind == WF_RECORD_UNSET || op.kind == WF_RECORD_TAKE)
            return true;
    }
    return false;
}

struct ending {
    struct wf_change c;
    struct wf_change_item item;
};

/* All items of stored changes that end something, in the arena. */
static int read_endings(struct wf_records *r, int64_t space, struct wf_arena *arena,
                        struct ending **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM record_change WHERE space=?1 ORDER BY hlc,device";
    sqlite3_stmt *st = NULL;
    size_t cap = 0;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    while (rc == 0 && (rc = wf_sql_step(st, "reading changes of records", err)) == 1) {
        struct wf_str bytes = wf_sql_blob(st, 0);
        struct ending e;
        size_t at = 0;
        bool any = false;
        rc = wf_change_read(bytes, &e.c, err);
        while (rc == 0 && !any && wf_change_next(&e.c, &at, &e.item))
            any = !e.item.is_pruned && ends_something(&e.item);
        if (rc != 0 || !any)
            continue;
        bytes = wf_arena_dup(arena, bytes);
        rc = bytes.ptr == NULL ? no_memory(err) : wf_change_read(bytes, &e.c, err);
        for (at = 0; rc == 0 && wf_change_next(&e.c, &at, &e.item);) {
            if (e.item.is_pruned || !ends_something(&e.item))
                continue;
            rc = wf_reserve(out, &cap, *out_n + 1, sizeof(e)) != 0 ? no_memory(err) : 0;
            if (rc == 0)
                (*out)[(*out_n)++] = e;
        }
    }
    sqlite3_reset(st);
    return rc;
}

static int end_one(struct wf_records *r, int64_t space, const struct ending *e, struct wf_err *err)
{
    struct wf_stamp at = {.hlc = e->c.hlc};
    struct wf_record_levels record;
    int rc;

    memcpy(at.device, e->c.device, sizeof(at.device));
    wf_record__levels_init(&record);
    rc = wf_record__load(r, space, e->item.collection, e->item.key, &record, err);
    if (rc == 0)
        rc = wf_record__levels_apply(&record, &e->item, &at, err);
    if (rc == 0)
        rc = wf_record__save(r, space, e->item.collection, e->item.key, at.hlc, &record, err);
    wf_record__levels_deinit(&record);
    return rc;
}

/* A statement on the row that says up to when deletions are to count again. */
static int mark(struct wf_records *r, const char *sql, int64_t space, uint64_t hlc,
                struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int64(st, 2, (int64_t)hlc);
    rc = wf_sql_step(st, "looking for what counts again", err);
    sqlite3_reset(st);
    return rc;
}

int wf_record__end_again(struct wf_records *r, int64_t space, struct wf_err *err)
{
    struct ending *all = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc;

    wf_record__stability_reset(&r->stability);
    wf_arena_init(&arena, (size_t)1 << 16, SIZE_MAX);
    rc = read_endings(r, space, &arena, &all, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = end_one(r, space, &all[i], err);
    wf_free(all);
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = mark(r, "DELETE FROM record_again WHERE space=?1 AND ?2>=0", space, 0, err);
    return rc;
}

int wf_record__count_again(struct wf_records *r, int64_t space, uint64_t hlc, struct wf_err *err)
{
    int rc = mark(r, "SELECT 1 FROM record_again WHERE space=?1 AND hlc>=?2", space, hlc, err);

    return rc == 1 ? wf_record__end_again(r, space, err) : rc;
}

int wf_records_count_again(struct wf_records *r, int64_t space, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    rc = wf_record__count_again(r, space, 0, err);
    wf_record__stability_reset(&r->stability);
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

int wf_records_count_in_turn(struct wf_records *r, int64_t space,
                             const uint8_t device[WF_SIGNER_ID_BYTES], struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM device_seq WHERE space=?1 AND device=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)device, WF_SIGNER_ID_BYTES));
    rc = wf_sql_step(st, "looking for a device", err);
    sqlite3_reset(st);
    if (rc != 0)
        return rc < 0 ? rc : 0; /* it counts already */
    rc = wf_log_reach(r->o.store, space, device, 0, 0, err);
    /* What it writes from now on is later; of what it wrote before, perhaps nothing comes. */
    return rc == 0 ? mark(r,
                          "INSERT INTO record_again(space,hlc) VALUES(?1,?2)"
                          " ON CONFLICT DO UPDATE SET hlc=max(hlc,excluded.hlc)",
                          space, r->hlc.last, err)
                   : rc;
}

/* ---- moving ---- */

/* What others wrote goes along, and is to be told; how far they are here they say anew. */
static int bring_others(struct wf_records *r, int64_t space, struct wf_err *err)
{
    static const char *const sql[] = {
        ("UPDATE record_change SET untold=1, bytes=CASE WHEN substr(bytes,1,1)=substr(?3,1,1)"
         " THEN bytes ELSE CAST(?3||bytes AS BLOB) END WHERE space=?1 AND device<>?2"),
        "UPDATE device_seq SET dseq=0, hlc=0 WHERE space=?1 AND device<>?2",
        "DELETE FROM device_seen WHERE space=?1 AND ?2 IS NOT NULL"};
    uint8_t uid[WF_CHANGE_UID_BYTES], head[WF_CHANGE_MOVED_BYTES];
    int rc = wf_record__uid(r, space, uid, err);

    wf_change_moved_head(uid, head);
    for (size_t i = 0; i < WF_ARRAY_LEN(sql) && rc == 0; i++) {
        sqlite3_stmt *st = NULL;
        rc = wf_store_write_cached(r->o.store, sql[i], &st, err);
        if (rc != 0)
            break;
        sqlite3_bind_int64(st, 1, space);
        wf_sql_bind_bytes(st, 2, r->o.signer->id, WF_SIGNER_ID_BYTES);
        if (i == 0)
            wf_sql_bind_bytes(st, 3, head, sizeof(head));
        rc = wf_sql_run(st, "bringing changes of others along", err);
    }
    return rc;
}

int wf_records_move_in_turn(struct wf_records *r, int64_t space,
                            const uint8_t uid[WF_CHANGE_UID_BYTES], struct wf_err *err)
{
    struct moved *all = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc;

    wf_arena_init(&arena, (size_t)1 << 16, SIZE_MAX);
    rc = read_own(r, space, &arena, &all, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = sign_anew(r, uid, &all[i], &arena, err);
        if (rc == 0)
            rc = put(r, space, &all[i], err);
    }
    wf_free(all);
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = bring_others(r, space, err);
    return rc == 0 ? wf_record__end_again(r, space, err) : rc;
}

/* ---- what was brought along ---- */

int wf_records_brought(struct wf_reader *reader, int64_t space, wf_records_brought_fn fn, void *ud,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT device,dseq,label,bytes FROM record_change"
                              " WHERE space=?1 AND untold=1 ORDER BY device,dseq";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(reader, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    while (rc == 0 && (rc = wf_sql_step(st, "reading changes of others", err)) == 1) {
        struct wf_records_brought b = {.dseq = (uint64_t)sqlite3_column_int64(st, 1),
                                       .label = (uint8_t)(sqlite3_column_int(st, 2) & 3),
                                       .bytes = wf_sql_blob(st, 3)};
        struct wf_str id = wf_sql_blob(st, 0);
        if (id.len == sizeof(b.device))
            memcpy(b.device, id.ptr, id.len);
        rc = fn(ud, &b, err);
    }
    sqlite3_reset(st);
    return rc;
}

int wf_records_told_brought(struct wf_records *r, int64_t space, const struct wf_records_brought *b,
                            struct wf_err *err)
{
    static const char sql[] = "UPDATE record_change SET untold=0 WHERE space=?1 AND untold=1"
                              " AND (device,dseq)<=(?2,?3)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, b->device, sizeof(b->device));
    sqlite3_bind_int64(st, 3, (int64_t)b->dseq);
    return wf_sql_run(st, "noting what was told", err);
}
