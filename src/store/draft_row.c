/* SPDX-License-Identifier: Apache-2.0 */
/* The list of drafts: what they are called and where they belong. A name is unique within its
 * space; a draft's uid stays when it is renamed. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/rng.h"
#include "store/draft_log.h"
#include "store/draft_name.h"
#include "store/store_internal.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (drafts).");
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

/* Is there another draft of that name where `id` is (or in `space`, when id is 0)? */
static int check_free(struct wf_store *s, int64_t id, int64_t space, struct wf_str name,
                      struct wf_err *err)
{
    static const char sql[] =
        "SELECT CASE ?1 WHEN 0 THEN (SELECT count(*) FROM draft) ELSE 0 END, (SELECT count(*) FROM "
        "draft WHERE name=?3 AND id<>?1"
        "  AND space=CASE ?1 WHEN 0 THEN ?2 ELSE (SELECT space FROM draft WHERE id=?1) END)";
    sqlite3_stmt *st = NULL;
    int64_t n, n_same;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc == 0) {
        sqlite3_bind_int64(st, 1, id);
        sqlite3_bind_int64(st, 2, space);
        wf_sql_bind_text(st, 3, name);
        rc = wf_sql_step(st, "looking for a draft", err);
    }
    if (rc < 0)
        return rc;
    n = sqlite3_column_int64(st, 0);
    n_same = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    if (n_same > 0)
        return wf_err_set(err, WF_E_EXIST, "There is a draft \"%.*s\" already.", WF_STR_ARG(name));
    if (id == 0 && n >= WF_LIMIT_DRAFTS)
        return wf_err_set(err, WF_E_LIMIT, "There are %d drafts already: remove some.",
                          WF_LIMIT_DRAFTS);
    return 0;
}

static int insert(struct wf_store *s, int64_t space, struct wf_str name, const uint8_t *given,
                  struct wf_err *err)
{
    static const char sql[] = "INSERT INTO draft(uid,space,name,label,created_ms,updated_ms,id)"
                              " SELECT ?1,id,?3,label,?4,?4,?5 FROM space WHERE id=?2";
    uint64_t uid[WF_DRAFT_UID_BYTES / 8];
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < WF_ARRAY_LEN(uid); i++)
        uid[i] = given ? 0 : wf_rng_u64(s->o.rng);
    if (given)
        memcpy(uid, given, sizeof(uid));
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, sizeof(uid)));
    sqlite3_bind_int64(st, 2, space);
    wf_sql_bind_text(st, 3, name);
    sqlite3_bind_int64(st, 4, wf_clock_wall_ms(s->o.clock));
    sqlite3_bind_int64(st, 5, s->next_draft++);
    rc = wf_sql_run(st, "making a draft", err);
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = wf_err_set(err, WF_E_NOENT, "The space is not there.");
    return rc;
}

/* 1 and its number, or 0: there is none. */
static int find_uid(struct wf_store *s, const uint8_t *uid, int64_t *out_id, struct wf_err *err)
{
    static const char sql[] = "SELECT id FROM draft WHERE uid=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc == 0) {
        wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, WF_DRAFT_UID_BYTES));
        rc = wf_sql_step(st, "looking for a draft", err);
    }
    if (rc == 1) {
        *out_id = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

static int check_uid(struct wf_store *s, const uint8_t *uid, struct wf_err *err)
{
    int64_t id = 0;
    int rc = find_uid(s, uid, &id, err);

    return rc == 1 ? wf_err_set(err, WF_E_EXIST, "The draft is here already.") : rc;
}

int wf_draft_row_add(struct wf_store *s, int64_t space, struct wf_str name, int64_t *out_id,
                     struct wf_err *err)
{
    return wf_draft_row_add_uid(s, space, name, NULL, out_id, err);
}

int wf_draft_row_add_uid(struct wf_store *s, int64_t space, struct wf_str name, const uint8_t *uid,
                         int64_t *out_id, struct wf_err *err)
{
    int64_t id = 0;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = check_free(s, 0, space, name, err);
    if (rc == 0 && uid)
        rc = check_uid(s, uid, err);
    if (rc == 0)
        rc = insert(s, space, name, uid, err);
    id = sqlite3_last_insert_rowid(s->db);
    rc = end_turn(s, rc, err);
    if (rc == 0)
        *out_id = id;
    return rc;
}

int wf_draft_row_ensure_in_turn(struct wf_store *s, int64_t space, struct wf_str name,
                                const uint8_t *uid, int64_t *out_id, struct wf_err *err)
{
    int rc = find_uid(s, uid, out_id, err);

    if (rc != 0)
        return rc == 1 ? 0 : rc;
    rc = check_free(s, 0, space, name, err);
    if (rc == 0)
        rc = insert(s, space, name, uid, err);
    if (rc == 0)
        *out_id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

/* One try; 1: the name is taken. */
static int put_named(struct wf_store *s, const struct wf_draft_new *d, struct wf_str name,
                     int64_t *out_id, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO draft(uid,space,name,label,created_ms,updated_ms,id) SELECT ?1,id,?3,"
        "CASE WHEN ?4='' THEN label ELSE ?4 END,?5,?6,?7 FROM space WHERE id=?2"
        " AND NOT EXISTS(SELECT 1 FROM draft x WHERE x.space=?2 AND x.name=?3)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)d->uid, WF_DRAFT_UID_BYTES));
    sqlite3_bind_int64(st, 2, d->space);
    wf_sql_bind_text(st, 3, name);
    wf_sql_bind_text(st, 4, d->label);
    sqlite3_bind_int64(st, 5, wf_clock_wall_ms(s->o.clock));
    sqlite3_bind_int64(st, 6, d->at_ms);
    sqlite3_bind_int64(st, 7, s->next_draft++);
    rc = wf_sql_run(st, "making a draft", err);
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        return 1;
    *out_id = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int wf_draft_put_new(struct wf_store *s, const struct wf_draft_new *d, int64_t *out_id,
                     struct wf_err *err)
{
    char numbered[WF_LIMIT_NAME_BYTES + 16];
    struct wf_draft_update u = {
        .seq = 1, .dseq = d->dseq, .device = d->device, .at_ms = d->at_ms, .bytes = d->update};
    int rc = check_uid(s, d->uid, err);

    if (rc != 0)
        return rc;
    rc = put_named(s, d, d->name, &u.draft, err);
    for (unsigned k = 2; rc == 1 && k < 1000; k++) {
        int n = snprintf(numbered, sizeof(numbered), "%.*s (%u)", WF_STR_ARG(d->name), k);
        if (n < 0 || (size_t)n >= sizeof(numbered))
            break;
        rc = put_named(s, d, wf_str_n(numbered, (size_t)n), &u.draft, err);
        if (rc == 0)
            rc = wf_draft_name_want(s, u.draft, d->name, err);
    }
    if (rc == 1)
        return wf_err_set(err, WF_E_LIMIT, "Too many drafts have one name, or the space is gone.");
    if (rc == 0 && u.bytes.len > 0)
        rc = wf_draft_log_append(s, &u, err);
    *out_id = u.draft;
    return rc;
}

int wf_draft_count(struct wf_store *s, size_t *out_n, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, "SELECT count(*) FROM draft", &st, err);

    if (rc == 0)
        rc = wf_sql_step(st, "counting drafts", err);
    if (rc < 0)
        return rc;
    *out_n = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* Runs a statement with the draft's number and a text, which must change one row. */
static int change_row(struct wf_store *s, const char *sql, int64_t id, struct wf_str text,
                      struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    if (sqlite3_bind_parameter_count(st) > 1)
        wf_sql_bind_text(st, 2, text);
    rc = wf_sql_run(st, "changing a draft", err);
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = wf_err_set(err, WF_E_NOENT, "There is no such draft.");
    return rc;
}

int wf_draft_row_rename_in_turn(struct wf_store *s, int64_t id, struct wf_str name,
                                struct wf_err *err)
{
    static const char sql[] = "UPDATE draft SET name=?2 WHERE id=?1";
    struct wf_draft_wanted before;
    int rc = check_free(s, id, 0, name, err);

    if (rc == 0)
        rc = wf_draft_name_wanted(s, id, &before, err);
    if (rc == 0)
        rc = change_row(s, sql, id, name, err);
    if (rc == 0)
        rc = wf_draft_name_given(s, id, err);
    return rc == 0 ? wf_draft_name_left(s, &before, err) : rc;
}

int wf_draft_row_rename(struct wf_store *s, int64_t id, struct wf_str name, struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc == 0 ? end_turn(s, wf_draft_row_rename_in_turn(s, id, name, err), err) : rc;
}

int wf_draft_row_label_in_turn(struct wf_store *s, int64_t id, struct wf_str label,
                               struct wf_err *err)
{
    struct wf_draft_wanted wanted;
    int rc = change_row(s, "UPDATE draft SET label=?2 WHERE id=?1", id, label, err);

    if (rc == 0)
        rc = wf_draft_name_wanted(s, id, &wanted, err);
    return rc == 0 ? wf_draft_name_left(s, &wanted, err) : rc; /* what is secret comes last */
}

int wf_draft_row_label(struct wf_store *s, int64_t id, struct wf_str label, struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc == 0 ? end_turn(s, wf_draft_row_label_in_turn(s, id, label, err), err) : rc;
}

int wf_draft_row_remove(struct wf_store *s, int64_t id, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM draft WHERE id=?1"; /* the rest goes by its reference */
    struct wf_draft_wanted before;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_draft_name_wanted(s, id, &before, err);
    if (rc == 0)
        rc = change_row(s, sql, id, wf_str_n(NULL, 0), err);
    if (rc == 0)
        rc = wf_draft_name_left(s, &before, err);
    rc = end_turn(s, rc, err);
    if (rc == 0)
        wf_purge__pages_now(s);
    return rc;
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
    "SELECT d.id,d.space,d.uid,d.name,d.label,s.name,s.label,d.created_ms,d.updated_ms"            \
    " FROM draft d JOIN space s ON s.id=d.space "

static int read_row(sqlite3_stmt *st, struct wf_arena *arena, struct wf_draft_row *out,
                    struct wf_err *err)
{
    struct wf_str uid = wf_sql_blob(st, 2);

    *out = (struct wf_draft_row){.id = sqlite3_column_int64(st, 0),
                                 .space = sqlite3_column_int64(st, 1),
                                 .name = wf_arena_dup(arena, wf_sql_text(st, 3)),
                                 .label = wf_arena_dup(arena, wf_sql_text(st, 4)),
                                 .space_name = wf_arena_dup(arena, wf_sql_text(st, 5)),
                                 .space_label = wf_arena_dup(arena, wf_sql_text(st, 6)),
                                 .created_ms = sqlite3_column_int64(st, 7),
                                 .updated_ms = sqlite3_column_int64(st, 8)};
    if (uid.len == sizeof(out->uid))
        memcpy(out->uid, uid.ptr, uid.len);
    if (!out->name.ptr || !out->label.ptr || !out->space_name.ptr || !out->space_label.ptr)
        return no_memory(err);
    return 0;
}

/* The one row that a bound statement gives, or NOENT. */
static int read_one(sqlite3_stmt *st, struct wf_arena *arena, struct wf_draft_row *out,
                    struct wf_err *err)
{
    int rc = wf_sql_step(st, "looking for a draft", err);

    if (rc == 0)
        return wf_err_set(err, WF_E_NOENT, "There is no such draft. weft draft list shows them.");
    if (rc == 1) {
        rc = read_row(st, arena, out, err);
        sqlite3_reset(st);
    }
    return rc;
}

int wf_draft_row_named(struct wf_reader *r, int64_t space, struct wf_str name,
                       struct wf_arena *arena, struct wf_draft_row *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.space=?1 AND d.name=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, name);
    return read_one(st, arena, out, err);
}

int wf_draft_row_get(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                     struct wf_draft_row *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.id=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    return read_one(st, arena, out, err);
}

int wf_draft_row_uid(struct wf_reader *r, struct wf_str hex, struct wf_arena *arena,
                     struct wf_draft_row *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.uid=?1";
    uint8_t uid[WF_DRAFT_UID_BYTES];
    size_t n = 0;
    sqlite3_stmt *st = NULL;
    int rc;

    if (hex.len != 2 * sizeof(uid) ||
        sodium_hex2bin(uid, sizeof(uid), hex.ptr, hex.len, NULL, &n, NULL) != 0 || n != sizeof(uid))
        return wf_err_set(err, WF_E_NOENT, "There is no such draft. weft draft list shows them.");
    rc = wf_reader_cached(r, sql, &st, err);
    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, sizeof(uid)));
    return read_one(st, arena, out, err);
}

int wf_draft_row_page(struct wf_reader *r, const struct wf_draft_page *page, struct wf_arena *arena,
                      struct wf_draft_row **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] =
        COLUMNS "WHERE (?1=0 OR d.space=?1) AND (?3=0 OR (d.updated_ms,d.id)<(?2,?3))"
                " ORDER BY d.updated_ms DESC, d.id DESC LIMIT ?4";
    struct wf_draft_row *items = wf_arena_array(arena, page->n_max, sizeof(*items));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = items ? wf_reader_cached(r, sql, &st, err) : no_memory(err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, page->space);
    sqlite3_bind_int64(st, 2, page->before_ms);
    sqlite3_bind_int64(st, 3, page->before_id);
    sqlite3_bind_int64(st, 4, (int64_t)page->n_max);
    while (rc == 0 && n < page->n_max && (rc = wf_sql_step(st, "reading drafts", err)) == 1)
        rc = read_row(st, arena, &items[n++], err);
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}
