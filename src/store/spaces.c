/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces are few rows of one table; everything else names its space by the row's number. */
#include "store/spaces.h"

#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "store/store_internal.h"

void wf_space_new_uid(struct wf_store *s, uint8_t out[WF_SPACE_UID_BYTES])
{
    for (size_t i = 0; i < WF_SPACE_UID_BYTES; i += 8) {
        uint64_t v = wf_rng_u64(s->o.rng);
        memcpy(out + i, &v, 8);
    }
}

/* How many there are, and whether `name` is one. */
static int look(struct wf_store *s, struct wf_str name, int64_t *out_n, bool *out_there,
                struct wf_err *err)
{
    static const char sql[] = "SELECT count(*), count(*) FILTER (WHERE name=?1) FROM space";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc == 0) {
        wf_sql_bind_text(st, 1, name);
        rc = wf_sql_step(st, "looking for a space", err);
    }
    if (rc < 0)
        return rc;
    *out_n = sqlite3_column_int64(st, 0);
    *out_there = sqlite3_column_int64(st, 1) > 0;
    sqlite3_reset(st);
    return 0;
}

static int insert(struct wf_store *s, struct wf_str name, struct wf_str label, int64_t *out_id,
                  struct wf_err *err)
{
    static const char sql[] = "INSERT INTO space(name,label,created_ms,uid) VALUES(?1,?2,?3,?4)";
    uint8_t uid[WF_SPACE_UID_BYTES];
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    bool there = false;
    int rc = look(s, name, &n, &there, err);

    if (rc == 0 && there)
        rc = wf_err_set(err, WF_E_EXIST, "There is a space \"%.*s\" already.", WF_STR_ARG(name));
    if (rc == 0 && n >= WF_SPACES_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "There are %d spaces already.", WF_SPACES_MAX);
    if (rc == 0)
        rc = wf_store__stmt(s, sql, &st, err);
    if (rc != 0)
        return rc;
    wf_space_new_uid(s, uid);
    wf_sql_bind_text(st, 1, name);
    wf_sql_bind_text(st, 2, label.len > 0 ? label : WF_STR("private"));
    sqlite3_bind_int64(st, 3, wf_clock_wall_ms(s->o.clock));
    wf_sql_bind_blob(st, 4, wf_str_n((const char *)uid, sizeof(uid)));
    rc = wf_sql_run(st, "making a space", err);
    if (rc == 0)
        *out_id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int wf_space_create(struct wf_store *s, struct wf_str name, struct wf_str label, int64_t *out_id,
                    struct wf_err *err)
{
    int64_t id = 0;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = insert(s, name, label, &id, err);
    if (rc != 0) {
        wf_store_write_rollback(s);
        return rc;
    }
    rc = wf_store_write_commit(s, err);
    if (rc == 0)
        *out_id = id;
    return rc;
}

/* ---- reading ---- */

static int read_row(sqlite3_stmt *st, struct wf_arena *arena, struct wf_space *out,
                    struct wf_err *err)
{
    struct wf_str uid = wf_sql_blob(st, 1);

    *out = (struct wf_space){.id = sqlite3_column_int64(st, 0),
                             .name = wf_arena_dup(arena, wf_sql_text(st, 2)),
                             .label = wf_arena_dup(arena, wf_sql_text(st, 3)),
                             .created_ms = sqlite3_column_int64(st, 4)};
    if (uid.len == sizeof(out->uid))
        memcpy(out->uid, uid.ptr, uid.len);
    if (!out->name.ptr || !out->label.ptr)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (spaces).");
    return 0;
}

int wf_space_by_name(struct wf_reader *r, struct wf_str name, struct wf_arena *arena,
                     struct wf_space *out, struct wf_err *err)
{
    static const char sql[] = "SELECT id,uid,name,label,created_ms FROM space WHERE name=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc == 0) {
        wf_sql_bind_text(st, 1, name.len > 0 ? name : WF_STR("me"));
        rc = wf_sql_step(st, "looking for a space", err);
    }
    if (rc == 0)
        rc = wf_err_set(err, WF_E_NOENT, "There is no space \"%.*s\". weft spaces list shows them.",
                        (int)WF_MIN(name.len, (size_t)200), name.len ? name.ptr : "");
    if (rc < 0)
        return rc;
    rc = read_row(st, arena, out, err);
    sqlite3_reset(st);
    return rc;
}

int wf_space_list(struct wf_reader *r, struct wf_arena *arena, struct wf_space **out, size_t *out_n,
                  struct wf_err *err)
{
    static const char sql[] =
        "SELECT id,uid,name,label,created_ms,"
        " (SELECT count(*) FROM draft WHERE draft.space=space.id),"
        " (SELECT count(*) FROM document WHERE document.space=space.id) FROM space ORDER BY id";
    struct wf_space *items = NULL, *grown;
    size_t n = 0, room = 0;
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    while (rc == 0 && (rc = wf_sql_step(st, "reading spaces", err)) == 1) {
        if (n == room) {
            room = room ? room * 2 : 16;
            grown = wf_arena_array(arena, room, sizeof(*items));
            if (!grown) {
                rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (spaces).");
                break;
            }
            if (n > 0)
                memcpy(grown, items, n * sizeof(*items));
            items = grown;
        }
        rc = read_row(st, arena, &items[n], err);
        items[n].n_drafts = (uint64_t)sqlite3_column_int64(st, 5);
        items[n].n_documents = (uint64_t)sqlite3_column_int64(st, 6);
        n++;
    }
    if (st)
        sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}
