/* SPDX-License-Identifier: Apache-2.0 */
/* Reminders are few rows of one table, ordered by when they are due. Telling is marked before it is
 * done: rather one that is only found in the list after a crash than one that is told twice. */
#include "store/reminder.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/rng.h"
#include "store/store_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (reminders).");
}

/* Ends the turn: commit when rc is 0, else rollback. */
static int end_turn(struct wf_store *s, int rc, struct wf_err *err)
{
    if (rc != 0) {
        wf_store_write_rollback(s);
        return rc;
    }
    return wf_store_write_commit(s, err);
}

static int count(struct wf_store *s, int64_t *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, "SELECT count(*) FROM reminder", &st, err);

    if (rc == 0)
        rc = wf_sql_step(st, "counting reminders", err);
    if (rc < 0)
        return rc;
    *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int insert(struct wf_store *s, struct wf_str id, struct wf_str text, int64_t due_ms,
                  struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    int rc = count(s, &n, err);

    if (rc == 0 && n >= WF_REMINDERS_MAX)
        rc = wf_err_set(err, WF_E_LIMIT,
                        "There are %d reminders already. Remove some: weft reminders remove ID",
                        WF_REMINDERS_MAX);
    if (rc == 0)
        rc = wf_store__stmt(s, "INSERT INTO reminder(id,text,due_ms,made_ms) VALUES(?1,?2,?3,?4)",
                            &st, err);
    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    wf_sql_bind_text(st, 2, text);
    sqlite3_bind_int64(st, 3, due_ms);
    sqlite3_bind_int64(st, 4, wf_clock_wall_ms(s->o.clock));
    return wf_sql_run(st, "keeping a reminder", err);
}

static bool is_id(struct wf_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (!(id.ptr[i] >= '0' && id.ptr[i] <= '9') && !(id.ptr[i] >= 'a' && id.ptr[i] <= 'f'))
            return false;
    }
    return id.len == WF_REMINDER_ID_BYTES;
}

static int has(struct wf_store *s, struct wf_str id, bool *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, "SELECT 1 FROM reminder WHERE id=?1", &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    rc = wf_sql_step(st, "looking for a reminder", err);
    *out = rc == 1;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int wf_reminder_add_as(struct wf_store *s, struct wf_str id, struct wf_str text, int64_t due_ms,
                       struct wf_err *err)
{
    bool is_there = false;
    int rc;

    if (!is_id(id))
        return wf_err_set(err, WF_E_INVAL, "A reminder's id has %d hex digits.",
                          WF_REMINDER_ID_BYTES);
    if (text.len > WF_REMINDER_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A reminder has at most %zu bytes.",
                          WF_REMINDER_BYTES_MAX);
    rc = wf_store_write_begin(s, err);
    if (rc != 0)
        return rc;
    rc = has(s, id, &is_there, err);
    if (rc == 0 && !is_there)
        rc = insert(s, id, text, due_ms, err);
    return end_turn(s, rc, err);
}

int wf_reminder_add(struct wf_store *s, struct wf_str text, int64_t due_ms,
                    char out_id[WF_REMINDER_ID_BYTES + 1], struct wf_err *err)
{
    char id[WF_REMINDER_ID_BYTES + 1];
    int rc;

    if (text.len > WF_REMINDER_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A reminder has at most %zu bytes.",
                          WF_REMINDER_BYTES_MAX);
    rc = wf_store_write_begin(s, err);
    if (rc != 0)
        return rc;
    wf_rng_hex(s->o.rng, id, WF_REMINDER_ID_BYTES / 2);
    rc = insert(s, wf_str_from(id), text, due_ms, err);
    rc = end_turn(s, rc, err);
    for (size_t i = 0; rc == 0 && i <= WF_REMINDER_ID_BYTES; i++)
        out_id[i] = id[i];
    return rc;
}

int wf_reminder_remove(struct wf_store *s, struct wf_str id, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_store__stmt(s, "DELETE FROM reminder WHERE id=?1", &st, err);
    if (rc == 0) {
        wf_sql_bind_text(st, 1, id);
        rc = wf_sql_run(st, "removing a reminder", err);
    }
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc =
            wf_err_set(err, WF_E_NOENT, "There is no reminder \"%.*s\". weft reminders lists them.",
                       (int)WF_MIN(id.len, (size_t)40), id.len > 0 ? id.ptr : "");
    return end_turn(s, rc, err);
}

/* ---- reading ---- */

#define COLUMNS "SELECT id,text,due_ms,made_ms,fired_ms FROM reminder "

/* All rows that a statement gives. */
static int read_rows(sqlite3_stmt *st, struct wf_arena *arena, struct wf_reminder **out,
                     size_t *out_n, struct wf_err *err)
{
    struct wf_reminder *items = wf_arena_array(arena, WF_REMINDERS_MAX, sizeof(*items));
    size_t n = 0;
    int rc = items != NULL ? 0 : no_memory(err);

    while (rc == 0 && n < WF_REMINDERS_MAX &&
           (rc = wf_sql_step(st, "reading reminders", err)) == 1) {
        items[n] = (struct wf_reminder){.id = wf_arena_dup(arena, wf_sql_text(st, 0)),
                                        .text = wf_arena_dup(arena, wf_sql_text(st, 1)),
                                        .due_ms = sqlite3_column_int64(st, 2),
                                        .made_ms = sqlite3_column_int64(st, 3),
                                        .fired_ms = sqlite3_column_int64(st, 4)};
        rc = items[n].id.ptr != NULL && items[n].text.ptr != NULL ? 0 : no_memory(err);
        n++;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}

int wf_reminder_list(struct wf_reader *r, struct wf_arena *arena, struct wf_reminder **out,
                     size_t *out_n, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, COLUMNS "ORDER BY due_ms,id", &st, err);

    return rc == 0 ? read_rows(st, arena, out, out_n, err) : rc;
}

int wf_reminder_next(struct wf_reader *r, int64_t *out_due_ms, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, "SELECT min(due_ms) FROM reminder WHERE fired_ms=0", &st, err);

    if (rc == 0)
        rc = wf_sql_step(st, "reading reminders", err);
    if (rc < 0)
        return rc;
    *out_due_ms =
        sqlite3_column_type(st, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* ---- telling ---- */

static int mark(struct wf_store *s, int64_t now_ms, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, "UPDATE reminder SET fired_ms=?1 WHERE fired_ms=0 AND due_ms<=?1",
                            &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, now_ms);
    return wf_sql_run(st, "marking reminders", err);
}

int wf_reminder_fire(struct wf_store *s, int64_t now_ms, struct wf_arena *arena,
                     struct wf_reminder **out, size_t *out_n, struct wf_err *err)
{
    struct wf_reminder *items = NULL;
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_store__stmt(s, COLUMNS "WHERE fired_ms=0 AND due_ms<=?1 ORDER BY due_ms,id", &st, err);
    if (rc == 0) {
        sqlite3_bind_int64(st, 1, now_ms);
        rc = read_rows(st, arena, &items, &n, err);
    }
    if (rc == 0 && n > 0)
        rc = mark(s, now_ms, err);
    rc = end_turn(s, rc, err);
    if (rc != 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}
