/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of a space that still count, for a device of whatever clearance, each without what
 * does not: what later writes that a device sees have ended is of no use to it if it never had it.
 */
#include <string.h>

#include "space/record_internal.h"
#include "store/sql.h"

struct living {
    struct wf_reader *r;
    int64_t space;
    struct wf_stamp at; /* of the change that is looked at */
    int rc;
};

static bool is_dead(void *ud, const struct wf_change_item *item)
{
    static const char sql[] = "SELECT state,under,least FROM record WHERE space=?1"
                              " AND collection=?2 AND key=?3";
    struct living *l = ud;
    struct wf_record_levels record;
    sqlite3_stmt *st = NULL;
    bool is = true;
    int rc = wf_reader_cached(l->r, sql, &st, NULL);

    if (rc != 0 || l->rc != 0) {
        l->rc = rc != 0 ? rc : l->rc;
        return false;
    }
    sqlite3_bind_int64(st, 1, l->space);
    wf_sql_bind_text(st, 2, item->collection);
    wf_sql_bind_text(st, 3, item->key);
    rc = wf_sql_step(st, "reading a record", NULL);
    wf_record__levels_init(&record);
    if (rc == 1) {
        const struct wf_record_stored stored = {
            .state = wf_sql_blob(st, 0),
            .under = wf_sql_blob(st, 1),
            .least = (uint8_t)(sqlite3_column_int(st, 2) & WF_CHANGE_LABEL_MAX)};
        rc = wf_record__levels_read(&record, &stored, NULL);
        is = !wf_record__levels_hold(&record, &l->at);
    }
    wf_record__levels_deinit(&record);
    sqlite3_reset(st);
    l->rc = rc < 0 ? rc : l->rc;
    return is;
}

static bool all_pruned(struct wf_str bytes)
{
    struct wf_change c;

    return wf_change_read(bytes, &c, NULL) == 0 && c.n_pruned == c.n_items;
}

static int give(struct living *l, struct wf_str bytes, struct wf_buf *room, wf_records_live_fn fn,
                void *ud, struct wf_err *err)
{
    struct wf_change c;
    int rc = wf_change_read(bytes, &c, err);

    if (rc != 0)
        return rc;
    l->at = (struct wf_stamp){.hlc = c.hlc};
    memcpy(l->at.device, c.device, sizeof(l->at.device));
    wf_buf_reset(room);
    rc = wf_change_prune(&c, is_dead, l, room);
    rc = rc == 0 ? l->rc : rc;
    if (rc != 0)
        return wf_err_set(err, rc, "Records cannot be put into a snapshot.");
    return all_pruned(wf_buf_str(room)) ? 0 : fn(ud, wf_buf_str(room), err);
}

int wf_records_live(struct wf_reader *r, int64_t space, uint8_t label, wf_records_live_fn fn,
                    void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM record_change WHERE space=?1 AND label=?2"
                              " ORDER BY device,dseq";
    struct living l = {.r = r, .space = space};
    sqlite3_stmt *st = NULL;
    struct wf_buf room;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&room, SIZE_MAX);
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int(st, 2, label);
    while (rc == 0 && (rc = wf_sql_step(st, "reading changes", err)) == 1)
        rc = give(&l, wf_sql_blob(st, 0), &room, fn, ud, err);
    sqlite3_reset(st);
    wf_buf_deinit(&room);
    return rc;
}

bool wf_records_count_on(struct wf_reader *r, int64_t space, const struct wf_change *c,
                         const struct wf_change_item *item)
{
    struct living l = {.r = r, .space = space, .at = {.hlc = c->hlc}};

    memcpy(l.at.device, c->device, sizeof(l.at.device));
    return !is_dead(&l, item) && l.rc == 0;
}
