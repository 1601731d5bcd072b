/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of records and changes, and taking other devices' changes in. All within a turn of writing.
 *
 * A change is stored as it was signed, beside what its records come to: the one is what is sent on,
 * the other what is read. Both lie in the same transaction. */
#include <string.h>

#include "base/alloc.h"
#include "os/gang.h"
#include "space/record_internal.h"
#include "store/sql.h"

/* Numbers of changes that are kept beside another one of the same number. */
#define BESIDE (UINT64_C(1) << 62)
/* The one space that becomes another: what was signed for one is brought along. */
#define ME 1

int wf_record__run(struct wf_records *r, const char *sql, const char *doing, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    return rc == 0 ? wf_sql_run(st, doing, err) : rc;
}

int wf_record__save_clock(struct wf_records *r, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, "UPDATE device_clock SET hlc=max(hlc,?1)", &st, err);

    if (rc != 0)
        return rc;
    atomic_store_explicit(&r->clock, r->hlc.last, memory_order_relaxed); /* as it is read */
    sqlite3_bind_int64(st, 1, (int64_t)r->hlc.last);
    return wf_sql_run(st, "keeping the device's clock", err);
}

/* The first column of the only row, a blob of 16 bytes. */
static int read_uid(sqlite3_stmt *st, int64_t space, uint8_t out[WF_CHANGE_UID_BYTES],
                    struct wf_err *err)
{
    struct wf_str uid;
    int rc;

    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "looking for a space", err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return wf_err_set(err, WF_E_NOENT, "There is no such space.");
    uid = wf_sql_blob(st, 0);
    rc = uid.len == WF_CHANGE_UID_BYTES
             ? 0
             : wf_err_set(err, WF_E_CORRUPT, "A space has no id in the database.");
    if (rc == 0)
        memcpy(out, uid.ptr, uid.len);
    sqlite3_reset(st);
    return rc;
}

static const char sql_uid[] = "SELECT uid FROM space WHERE id=?1";

int wf_record__uid(struct wf_records *r, int64_t space, uint8_t out[WF_CHANGE_UID_BYTES],
                   struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql_uid, &st, err);

    return rc == 0 ? read_uid(st, space, out, err) : rc;
}

/* ---- rows ---- */

static void bind_place(sqlite3_stmt *st, int64_t space, struct wf_str collection, struct wf_str key)
{
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, collection);
    wf_sql_bind_text(st, 3, key);
}

int wf_record__load(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, struct wf_record_levels *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT state,under,least FROM record WHERE space=?1 AND collection=?2"
        " AND key=?3";
    struct wf_record_stored stored;
    sqlite3_stmt *st = NULL;
    size_t n_state;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_place(st, space, collection, key);
    rc = wf_sql_step(st, "reading a record", err);
    if (rc <= 0)
        return rc;
    wf_buf_reset(&r->loaded); /* the row itself is about to be written */
    n_state = wf_sql_blob(st, 0).len;
    (void)wf_buf_append_str(&r->loaded, wf_sql_blob(st, 0));
    (void)wf_buf_append_str(&r->loaded, wf_sql_blob(st, 1));
    stored.least = (uint8_t)(sqlite3_column_int(st, 2) & WF_CHANGE_LABEL_MAX);
    sqlite3_reset(st);
    if (wf_buf_status(&r->loaded) != 0)
        return wf_record__no_memory(err);
    stored.state = wf_str_sub(wf_buf_str(&r->loaded), 0, n_state);
    stored.under = wf_str_sub(wf_buf_str(&r->loaded), n_state, r->loaded.len);
    return wf_record__levels_read(out, &stored, err);
}

int wf_record__known(struct wf_records *r, int64_t space, struct wf_str collection,
                     struct wf_str key, uint8_t *out_least, uint8_t *out_floor, struct wf_err *err)
{
    static const char sql[] = "SELECT least,floor FROM record WHERE space=?1 AND collection=?2"
                              " AND key=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    *out_least = *out_floor = 0;
    if (rc != 0)
        return rc;
    bind_place(st, space, collection, key);
    rc = wf_sql_step(st, "reading a record", err);
    if (rc <= 0)
        return rc;
    *out_least = (uint8_t)(sqlite3_column_int(st, 0) & WF_CHANGE_LABEL_MAX);
    *out_floor = (uint8_t)(sqlite3_column_int(st, 1) & WF_CHANGE_LABEL_MAX);
    sqlite3_reset(st);
    return 0;
}

static int remove_row(struct wf_records *r, int64_t space, struct wf_str collection,
                      struct wf_str key, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM record WHERE space=?1 AND collection=?2 AND key=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_place(st, space, collection, key);
    return wf_sql_run(st, "removing a record", err);
}

static int put_row(struct wf_records *r, int64_t space, struct wf_str collection, struct wf_str key,
                   uint64_t hlc, struct wf_record_levels *record, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO record(space,collection,key,live,label,hlc,gone_hlc,state,least,floor,under)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT DO UPDATE SET live=excluded.live,"
        " label=excluded.label, hlc=max(hlc,excluded.hlc), gone_hlc=excluded.gone_hlc,"
        " state=excluded.state, least=excluded.least, floor=excluded.floor, under=excluded.under";
    const struct wf_record *top;
    sqlite3_stmt *st = NULL;
    int rc;

    if (wf_record__levels_write(record, &r->state, &r->under) != 0)
        return wf_record__no_memory(err);
    rc = wf_store_write_cached(r->o.store, sql, &st, err);
    if (rc != 0)
        return rc;
    top = wf_record__top(record);
    bind_place(st, space, collection, key);
    sqlite3_bind_int(st, 4, wf_record_is_live(top));
    sqlite3_bind_int(st, 5, wf_record_label(top));
    sqlite3_bind_int64(st, 6, (int64_t)hlc);
    sqlite3_bind_int64(st, 7, (int64_t)wf_record__levels_unsettled(record));
    wf_sql_bind_blob(st, 8, wf_buf_str(&r->state));
    sqlite3_bind_int(st, 9, wf_record__least(record));
    sqlite3_bind_int(st, 10, wf_record_floor(top));
    wf_sql_bind_blob(st, 11, wf_buf_str(&r->under));
    return wf_sql_run(st, "keeping a record", err);
}

/* Notes that what came before `hlc` in the stored changes of the record is to be destroyed, where
 * its label is that high at least: who may see less still has what is below. */
static int put_erased(struct wf_records *r, int64_t space, struct wf_str collection,
                      struct wf_str key, uint8_t label, uint64_t hlc, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO record_erased(space,collection,key,label,hlc)"
                              " VALUES(?1,?2,?3,?4,?5)"
                              " ON CONFLICT DO UPDATE SET hlc=max(hlc,excluded.hlc)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_place(st, space, collection, key);
    sqlite3_bind_int(st, 4, label);
    sqlite3_bind_int64(st, 5, (int64_t)hlc);
    return wf_sql_run(st, "noting a deletion", err);
}

/* Settles what can be of each view. */
static int settle(struct wf_records *r, int64_t space, struct wf_str collection, struct wf_str key,
                  struct wf_record_levels *record, struct wf_err *err)
{
    int rc = wf_record__stability(r, space, err);

    for (size_t i = 0; i < record->n && rc == 0; i++) {
        struct wf_record_view *v = &record->views[i];
        uint64_t gone = v->record.gone.hlc;
        (void)wf_record_settle(&v->record, wf_record__is_stable, &r->stability);
        if (gone > 0 && v->record.gone.hlc == 0)
            rc = put_erased(r, space, collection, key, v->from, gone, err);
    }
    return rc;
}

int wf_record__save(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, uint64_t hlc, struct wf_record_levels *record,
                    struct wf_err *err)
{
    int rc = 0;

    if (wf_record__levels_unsettled(record) > 0)
        rc = settle(r, space, collection, key, record, err);
    if (rc == 0)
        rc = wf_record__levels_empty(record) ? remove_row(r, space, collection, key, err)
                                             : put_row(r, space, collection, key, hlc, record, err);
    return rc;
}

int wf_record__keep(struct wf_records *r, int64_t space, const struct wf_change *c,
                    struct wf_err *err)
{
    static const char sql[] = "INSERT INTO record_change(space,device,dseq,hlc,label,bytes)"
                              " VALUES(?1,?2,?3,?4,?5,?6)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)c->device, sizeof(c->device)));
    sqlite3_bind_int64(st, 3, (int64_t)c->dseq);
    sqlite3_bind_int64(st, 4, (int64_t)c->hlc);
    sqlite3_bind_int(st, 5, c->label);
    wf_sql_bind_blob(st, 6, c->bytes);
    return wf_sql_run(st, "keeping a change", err);
}

/* ---- other devices' changes ---- */

static void bind_change(sqlite3_stmt *st, int64_t space, const struct wf_change *c)
{
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)c->device, sizeof(c->device)));
    sqlite3_bind_int64(st, 3, (int64_t)c->dseq);
}

enum known {
    UNKNOWN = 0,
    KNOWN = 1,
    KNOWN_AS_MOVED = 2
};

/* Whether the change is stored already: as it is, or as one that another device brought along when
 * its author had not come itself; CORRUPT: another one of that device and number is. */
static int is_known(struct wf_records *r, int64_t space, const struct wf_change *c,
                    struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM record_change"
                              " WHERE space=?1 AND device=?2 AND dseq=?3";
    sqlite3_stmt *st = NULL;
    struct wf_change stored = {.dseq = 0};
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_change(st, space, c);
    rc = wf_sql_step(st, "looking for a change", err);
    if (rc <= 0)
        return rc;
    rc = wf_change_read(wf_sql_blob(st, 0), &stored, err);
    if (rc == 0 && memcmp(stored.id, c->id, sizeof(stored.id)) == 0)
        rc = KNOWN;
    else if (rc == 0 && (stored.is_moved || c->is_moved) && stored.hlc == c->hlc)
        rc = c->is_moved ? KNOWN : KNOWN_AS_MOVED; /* it was signed anew for this space */
    else if (rc == 0)
        rc = wf_err_set(err, WF_E_CORRUPT,
                        "A device has signed two different changes under one number (%llu): it was "
                        "copied or set back. Revoke it and pair it anew.",
                        (unsigned long long)c->dseq);
    sqlite3_reset(st);
    return rc;
}

/* What another device brought along is here from its author. */
static int replace_moved(struct wf_records *r, int64_t space, const struct wf_change *c,
                         struct wf_err *err)
{
    static const char sql[] = "UPDATE record_change SET label=?4, bytes=?5, untold=0"
                              " WHERE space=?1 AND device=?2 AND dseq=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_change(st, space, c);
    sqlite3_bind_int(st, 4, c->label);
    wf_sql_bind_blob(st, 5, c->bytes);
    return wf_sql_run(st, "keeping a change", err);
}

/* Whether the device is out. */
static int is_out(struct wf_records *r, int64_t space, const struct wf_change *c, bool *out,
                  struct wf_err *err)
{
    static const char sql[] = "SELECT revoked FROM device_seq WHERE space=?1 AND device=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(r->o.store, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, wf_str_n((const char *)c->device, sizeof(c->device)));
    rc = wf_sql_step(st, "looking at a device", err);
    *out = rc == 1 && sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return WF_MIN(rc, 0);
}

/* Of a device that told two stories and is out both count (mesh/sharing_stories.c): the second
 * change of a number is kept under one above all that a log can have, which follows from the
 * change. */
static uint64_t number_beside(const struct wf_change *c)
{
    uint64_t n = 0;

    memcpy(&n, c->id, sizeof(n));
    return BESIDE | (n & (BESIDE - 1));
}

/* Whether the change's time lies on the given side of its neighbour's, where there is one. */
static int check_neighbour(struct wf_records *r, int64_t space, const struct wf_change *c,
                           bool is_before, struct wf_err *err)
{
    static const char sql_before[] = "SELECT hlc FROM record_change WHERE space=?1 AND device=?2"
                                     " AND dseq<?3 ORDER BY dseq DESC LIMIT 1";
    static const char sql_behind[] = "SELECT hlc FROM record_change WHERE space=?1 AND device=?2"
                                     " AND dseq>?3 ORDER BY dseq LIMIT 1";
    sqlite3_stmt *st = NULL;
    uint64_t hlc;
    int rc = wf_store_write_cached(r->o.store, is_before ? sql_before : sql_behind, &st, err);

    if (rc != 0)
        return rc;
    bind_change(st, space, c);
    rc = wf_sql_step(st, "looking at a device's log", err);
    if (rc <= 0)
        return rc;
    hlc = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (is_before ? hlc < c->hlc : hlc > c->hlc)
        return 0;
    return wf_err_set(err, WF_E_CORRUPT,
                      "A device's clock went back between two of its changes (%llu): it was copied "
                      "or set back. Revoke it and pair it anew.",
                      (unsigned long long)c->dseq);
}

static int apply_items(struct wf_records *r, int64_t space, const struct wf_change *c,
                       struct wf_err *err)
{
    struct wf_stamp at = {.hlc = c->hlc};
    struct wf_change_item item;
    size_t i = 0;
    int rc = 0;

    memcpy(at.device, c->device, sizeof(at.device));
    while (rc == 0 && wf_change_next(c, &i, &item)) {
        struct wf_record_levels record;
        if (item.is_pruned)
            continue;
        wf_record__levels_init(&record);
        rc = wf_record__load(r, space, item.collection, item.key, &record, err);
        if (rc == 0)
            rc = wf_record__levels_apply(&record, &item, &at, err);
        if (rc == 0)
            rc = wf_record__save(r, space, item.collection, item.key, at.hlc, &record, err);
        wf_record__levels_deinit(&record);
    }
    return rc;
}

/* Under which number a change is to be kept; > 0: it is there already (is_known). CORRUPT: it is of
 * a device that was copied or set back, and is not out. */
static int place_of(struct wf_records *r, int64_t space, const struct wf_change *c,
                    struct wf_change *out, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    bool out_of_it = false;
    int rc = is_known(r, space, c, &own);

    *out = *c;
    if (rc == 0)
        rc = check_neighbour(r, space, c, true, &own);
    if (rc == 0)
        rc = check_neighbour(r, space, c, false, &own);
    if (rc >= 0)
        return rc;
    if (rc == WF_E_CORRUPT) {
        int own_rc = is_out(r, space, c, &out_of_it, err);
        if (own_rc != 0)
            return own_rc;
    }
    if (!out_of_it)
        return wf_err_set(err, rc, "%s", own.msg);
    out->dseq = number_beside(c);
    return is_known(r, space, out, err);
}

/* 1: it was new. */
static int apply_one(struct wf_records *r, int64_t space, const struct wf_change *c,
                     struct wf_err *err)
{
    struct wf_change kept;
    int rc = place_of(r, space, c, &kept, err);

    if (rc < 0 || rc == KNOWN)
        return WF_MIN(rc, 0);
    if (rc == KNOWN_AS_MOVED) {
        rc = replace_moved(r, space, &kept, err);
        return rc == 0 ? apply_items(r, space, c, err) : rc;
    }
    /* Who writes counts: no deletion is final without it, nor was one that it did not count for.
     * How far its log is here is not for one change to say, but for this device's own, from before
     * its database was lost: its numbers go on behind them. */
    if (memcmp(c->device, r->o.signer->id, sizeof(c->device)) == 0)
        rc = wf_log_reach(r->o.store, space, c->device, c->dseq, c->hlc, err);
    else
        rc = wf_records_count_in_turn(r, space, c->device, err);
    if (rc == 0)
        rc = wf_record__count_again(r, space, c->hlc, err);
    if (rc == 0)
        rc = wf_hlc_see(&r->hlc, c->hlc, err);
    if (rc == 0)
        rc = wf_record__keep(r, space, &kept, err);
    if (rc == 0)
        rc = apply_items(r, space, c, err);
    return rc == 0 ? 1 : rc;
}

static int check_one(struct wf_records *r, int64_t space, const uint8_t *uid, struct wf_str bytes,
                     struct wf_change *out, struct wf_err *err)
{
    int rc = wf_change_read(bytes, out, err);

    if (rc == 0 && out->is_moved && space != ME)
        rc = wf_err_set(err, WF_E_DENIED, "A change of a record was signed for another space.");
    if (rc == 0 && r->o.may != NULL)
        rc = r->o.may(r->o.ud, space, out->device, err);
    return rc == 0 ? wf_change_verify(out, uid, err) : rc;
}

static int check_all(struct wf_records *r, int64_t space, const uint8_t *uid,
                     const struct wf_str *changes, size_t n, struct wf_change **out,
                     struct wf_err *err)
{
    struct wf_change *items = wf_alloc_array(n, sizeof(*items));
    int rc = 0;

    if (items == NULL) {
        (void)wf_record__no_memory(err);
        return WF_E_NOMEM;
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_one(r, space, uid, changes[i], &items[i], err);
    if (rc != 0) {
        wf_free(items);
        return rc;
    }
    *out = items;
    return 0;
}

/* What the members of a gang check together; the first failure by number is told. */
struct checking {
    struct wf_records *r;
    int64_t space;
    const uint8_t *uid;
    const struct wf_str *changes;
    struct wf_change *out;
    size_t n;
    pthread_mutex_t lock; /* guards the next three */
    size_t i_bad;
    int rc;
    struct wf_err err;
};

static void check_part(void *ud, size_t i, size_t n)
{
    struct checking *c = ud;
    struct wf_err err = WF_ERR_INIT;
    size_t from, to;

    wf_gang_part(c->n, 1, i, n, &from, &to);
    for (; from < to; from++) {
        int rc = check_one(c->r, c->space, c->uid, c->changes[from], &c->out[from], &err);
        if (rc == 0)
            continue;
        pthread_mutex_lock(&c->lock);
        if (from < c->i_bad) {
            c->i_bad = from;
            c->rc = rc;
            c->err = err;
        }
        pthread_mutex_unlock(&c->lock);
        return;
    }
}

/* Of a device that is out more may come than was here when a deletion became final, for which it
 * did not count: what was deleted is ended once more. */
static int apply_all(struct wf_records *r, int64_t space, const struct wf_change *items, size_t n,
                     size_t *out_n_new, struct wf_err *err)
{
    bool any_out = false;
    size_t n_new = 0;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < n; i++) {
        rc = apply_one(r, space, &items[i], err);
        n_new += rc == 1;
        if (rc == 1 && !any_out)
            rc = is_out(r, space, &items[i], &any_out, err);
    }
    if (rc >= 0 && any_out)
        rc = wf_record__end_again(r, space, err);
    if (rc >= 0)
        rc = wf_record__save_clock(r, err);
    wf_record__stability_reset(&r->stability);
    if (rc == 0 && out_n_new != NULL)
        *out_n_new = n_new;
    return rc;
}

int wf_records_apply_in_turn(struct wf_records *r, int64_t space, const struct wf_str *changes,
                             size_t n, size_t *out_n_new, struct wf_err *err)
{
    uint8_t uid[WF_CHANGE_UID_BYTES];
    struct wf_change *items = NULL;
    int rc = wf_record__uid(r, space, uid, err);

    if (rc == 0)
        rc = check_all(r, space, uid, changes, n, &items, err);
    if (rc == 0)
        rc = apply_all(r, space, items, n, out_n_new, err);
    wf_free(items);
    return rc;
}

/* The uid, outside a turn. */
static int uid_by_reader(struct wf_records *r, int64_t space, uint8_t out[WF_CHANGE_UID_BYTES],
                         struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    sqlite3_stmt *st = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_reader_cached(reader, sql_uid, &st, err);
    if (rc == 0)
        rc = read_uid(st, space, out, err);
    wf_store_reader_put(r->o.store, reader);
    return rc;
}

int wf_records_check(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n,
                     struct wf_gang *gang, struct wf_change *out, struct wf_err *err)
{
    uint8_t uid[WF_CHANGE_UID_BYTES];
    struct checking c = {.r = r,
                         .space = space,
                         .uid = uid,
                         .changes = changes,
                         .out = out,
                         .n = n,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .i_bad = SIZE_MAX,
                         .err = WF_ERR_INIT};
    int rc = uid_by_reader(r, space, uid, err);

    if (rc != 0)
        return rc;
    if (gang != NULL)
        wf_gang_run(gang, check_part, &c);
    else
        check_part(&c, 0, 1);
    pthread_mutex_destroy(&c.lock);
    return c.rc == 0 ? 0 : wf_err_set(err, c.rc, "%s", c.err.msg);
}

int wf_records_apply_checked_in_turn(struct wf_records *r, int64_t space,
                                     const struct wf_change *changes, size_t n, size_t *out_n_new,
                                     struct wf_err *err)
{
    return apply_all(r, space, changes, n, out_n_new, err);
}

int wf_records_json_in_turn(struct wf_records *r, int64_t space, struct wf_str collection,
                            struct wf_str key, json_t **out, struct wf_err *err)
{
    struct wf_record_levels record;
    int rc;

    wf_record__levels_init(&record);
    rc = wf_record__load(r, space, collection, key, &record, err);
    if (rc == 0 && !wf_record_is_live(wf_record__top(&record)))
        rc = wf_err_set(err, WF_E_NOENT, "There is no such record.");
    if (rc == 0) {
        *out = wf_record_json(wf_record__top(&record));
        rc = *out != NULL ? 0 : wf_record__no_memory(err);
    }
    wf_record__levels_deinit(&record);
    return rc;
}

static void tell_one(struct wf_records *r, int64_t space, const struct wf_change *c)
{
    struct wf_change_item item;

    for (size_t at = 0; wf_change_next(c, &at, &item);)
        if (!item.is_pruned)
            r->o.changed(r->o.ud, space, item.collection, item.key);
}

void wf_records_tell_checked(struct wf_records *r, int64_t space, const struct wf_change *changes,
                             size_t n)
{
    for (size_t i = 0; r->o.changed != NULL && i < n; i++)
        tell_one(r, space, &changes[i]);
}

void wf_records_tell(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n)
{
    struct wf_change c = {.dseq = 0};

    for (size_t i = 0; r->o.changed != NULL && i < n; i++) {
        if (wf_change_read(changes[i], &c, NULL) == 0)
            tell_one(r, space, &c); /* out of memory: those who listen read anew at the next one */
    }
}

int wf_records_apply(struct wf_records *r, int64_t space, const struct wf_str *changes, size_t n,
                     size_t *out_n_new, struct wf_err *err)
{
    uint8_t uid[WF_CHANGE_UID_BYTES];
    struct wf_change *items = NULL;
    int rc = uid_by_reader(r, space, uid, err);

    if (rc == 0) /* the signatures, before others wait for the turn */
        rc = check_all(r, space, uid, changes, n, &items, err);
    if (rc == 0)
        rc = wf_store_write_begin(r->o.store, err);
    if (rc != 0)
        goto out;
    rc = apply_all(r, space, items, n, out_n_new, err);
    if (rc != 0)
        wf_store_write_rollback(r->o.store);
    else
        rc = wf_store_write_commit(r->o.store, err);
    if (rc == 0)
        wf_records_tell(r, space, changes, n);
out:
    wf_free(items);
    return rc;
}
