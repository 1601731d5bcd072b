/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of a space that still count, each without what does not: what later writes have
 * ended is of no use to who never had it. Of each record one change of its lowest label stays, so
 * that it is known who knows of it. */
#include <string.h>

#include "base/map.h"
#include "space/record_internal.h"
#include "store/sql.h"

#define WITNESSES_MAX 10000000u

struct living {
    struct wf_reader *r;
    int64_t space;
    struct wf_stamp at; /* of the change that is looked at */
    struct wf_map told; /* records whose lowest label has been given */
    struct wf_buf key;
    int rc;
};

/* Is this item the first of its record's lowest label, below what counts of it? */
static bool is_witness(struct living *l, const struct wf_change_item *item, uint8_t least,
                       uint8_t label)
{
    bool is_new = false;

    if (item->label != least || least >= label)
        return false;
    wf_buf_reset(&l->key);
    (void)wf_buf_append_str(&l->key, item->collection);
    (void)wf_buf_append_byte(&l->key, '/'); /* no collection holds one */
    (void)wf_buf_append_str(&l->key, item->key);
    if (wf_buf_status(&l->key) != 0 || wf_map_put(&l->told, wf_buf_str(&l->key), &is_new) == NULL)
        l->rc = WF_E_NOMEM;
    return is_new;
}

static bool is_dead(void *ud, const struct wf_change_item *item)
{
    static const char sql[] = "SELECT state,least,label FROM record WHERE space=?1"
                              " AND collection=?2 AND key=?3";
    struct living *l = ud;
    struct wf_record record;
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
    wf_record_init(&record);
    if (rc == 1) {
        rc = wf_record_read(&record, wf_sql_blob(st, 0), NULL);
        is = !wf_record_holds(&record, &l->at) &&
             !is_witness(l, item, (uint8_t)sqlite3_column_int(st, 1),
                         (uint8_t)sqlite3_column_int(st, 2));
    }
    wf_record_deinit(&record);
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
    wf_map_init(&l.told, WITNESSES_MAX);
    wf_buf_init(&l.key, SIZE_MAX);
    wf_buf_init(&room, SIZE_MAX);
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int(st, 2, label);
    while (rc == 0 && (rc = wf_sql_step(st, "reading changes", err)) == 1)
        rc = give(&l, wf_sql_blob(st, 0), &room, fn, ud, err);
    sqlite3_reset(st);
    wf_map_deinit(&l.told);
    wf_buf_deinit(&l.key);
    wf_buf_deinit(&room);
    return rc;
}

bool wf_records_count_on(struct wf_reader *r, int64_t space, const struct wf_change *c,
                         const struct wf_change_item *item)
{
    struct living l = {.r = r, .space = space, .at = {.hlc = c->hlc}};
    bool is;

    memcpy(l.at.device, c->device, sizeof(l.at.device));
    wf_map_init(&l.told, 0);
    wf_buf_init(&l.key, 0);
    is = !is_dead(&l, item) && l.rc == 0; /* witnesses find no room: they do not count */
    wf_map_deinit(&l.told);
    wf_buf_deinit(&l.key);
    return is;
}
