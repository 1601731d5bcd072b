/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of conversations on their way to other devices and back. */
#include "store/thread_log.h"

#include "store/store_internal.h"

#define LABEL_MAX 3

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (conversations).");
}

/* ---- what others do not know ---- */

static int read_news(sqlite3_stmt *st, bool is_title, struct wf_arena *arena,
                     struct wf_thread_news *out, struct wf_err *err)
{
    *out = (struct wf_thread_news){.id = wf_arena_dup(arena, wf_sql_text(st, 0)),
                                   .uid = wf_arena_dup(arena, wf_sql_text(st, 1)),
                                   .at_ms = sqlite3_column_int64(st, 4),
                                   .label = (uint8_t)(sqlite3_column_int(st, 5) & LABEL_MAX)};
    out->title = wf_arena_dup(arena, wf_sql_text(st, 2));
    if (is_title)
        return out->id.ptr && out->title.ptr ? 0 : no_memory(err);
    out->turn = (struct wf_turn){.question = out->title,
                                 .answer = wf_arena_dup(arena, wf_sql_text(st, 3)),
                                 .at_ms = out->at_ms};
    return out->id.ptr && out->uid.ptr && out->turn.question.ptr && out->turn.answer.ptr
               ? 0
               : no_memory(err);
}

static int read_all(struct wf_reader *r, const char *sql, bool is_title, size_t n_max,
                    struct wf_arena *arena, struct wf_thread_news *items, size_t *io_n,
                    struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = *io_n < n_max ? wf_reader_cached(r, sql, &st, err) : 0;

    if (st == NULL)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)(n_max - *io_n));
    while ((rc = wf_sql_step(st, "reading conversations", err)) == 1) {
        rc = read_news(st, is_title, arena, &items[*io_n], err);
        if (rc != 0)
            break;
        (*io_n)++;
    }
    sqlite3_reset(st);
    return rc;
}

int wf_thread_untold(struct wf_reader *r, size_t n_max, struct wf_arena *arena,
                     struct wf_thread_news **out, size_t *out_n, struct wf_err *err)
{
    static const char turns[] =
        "SELECT u.thread,u.uid,u.question,u.answer,u.at_ms,t.label FROM turn u"
        " JOIN thread t ON t.id=u.thread WHERE u.is_told=0 LIMIT ?1";
    static const char titles[] = "SELECT t.id,'',t.title,'',t.created_ms,t.label FROM thread t"
                                 " WHERE t.is_told=0 LIMIT ?1";
    struct wf_thread_news *items = wf_arena_array(arena, n_max, sizeof(*items));
    size_t n = 0;
    int rc =
        items == NULL ? no_memory(err) : read_all(r, turns, false, n_max, arena, items, &n, err);

    /* A thread's title is as sensitive as what it was made of. */
    if (rc == 0 && n == 0)
        rc = read_all(r, titles, true, n_max, arena, items, &n, err);
    *out = items;
    *out_n = n;
    return rc;
}

/* Runs a statement of texts ?1, ?2, ... and perhaps a number behind them. */
static int run(struct wf_store *s, const char *sql, const struct wf_str *texts, size_t n,
               int64_t number, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        wf_sql_bind_text(st, (int)i + 1, texts[i]);
    if (sqlite3_bind_parameter_count(st) > (int)n)
        sqlite3_bind_int64(st, (int)n + 1, number);
    return wf_sql_run(st, "keeping a conversation", err);
}

static int end_turn(struct wf_store *s, int rc, struct wf_err *err)
{
    if (rc != 0) {
        wf_store_write_rollback(s);
        return rc;
    }
    return wf_store_write_commit(s, err);
}

int wf_thread_told(struct wf_store *s, const struct wf_thread_news *n, uint8_t label,
                   struct wf_err *err)
{
    static const char turn[] = "UPDATE turn SET is_told=1 WHERE thread=?1 AND uid=?2 AND answer=?3";
    static const char title[] = "UPDATE thread SET is_told=1 WHERE id=?1 AND title=?2";
    static const char raise[] = "UPDATE thread SET label=max(label,?2) WHERE id=?1";
    bool is_title = n->uid.len == 0;
    const struct wf_str of_title[] = {n->id, n->title};
    const struct wf_str of_turn[] = {n->id, n->uid, n->turn.answer};
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = run(s, raise, &n->id, 1, label, err);
    if (rc == 0)
        rc = is_title ? run(s, title, of_title, 2, 0, err) : run(s, turn, of_turn, 3, 0, err);
    return end_turn(s, rc, err);
}

/* The texts of a statement's rows. */
static int read_names(struct wf_reader *r, const char *sql, size_t n_max, struct wf_arena *arena,
                      struct wf_str **out, size_t *out_n, struct wf_err *err)
{
    struct wf_str *items = wf_arena_array(arena, n_max, sizeof(*items));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = items == NULL ? no_memory(err) : wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)n_max);
    while ((rc = wf_sql_step(st, "reading conversations", err)) == 1) {
        items[n] = wf_arena_dup(arena, wf_sql_text(st, 0));
        if (items[n++].ptr == NULL) {
            rc = no_memory(err);
            break;
        }
    }
    sqlite3_reset(st);
    *out = items;
    *out_n = n;
    return rc;
}

int wf_thread_gone(struct wf_reader *r, size_t n_max, struct wf_arena *arena, struct wf_str **out,
                   size_t *out_n, struct wf_err *err)
{
    return read_names(r, "SELECT name FROM thread_gone LIMIT ?1", n_max, arena, out, out_n, err);
}

int wf_thread_missing(struct wf_reader *r, size_t n_max, struct wf_arena *arena,
                      struct wf_str **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] =
        "SELECT key FROM record WHERE space=1 AND collection='weft.thread' AND live=1 AND"
        " CASE WHEN length(key)=20 THEN NOT EXISTS(SELECT 1 FROM thread WHERE id=key)"
        " ELSE NOT EXISTS(SELECT 1 FROM turn WHERE thread=substr(key,1,20)"
        " AND uid=substr(key,22)) END LIMIT ?1";

    return read_names(r, sql, n_max, arena, out, out_n, err);
}

int wf_thread_gone_told(struct wf_store *s, struct wf_str name, struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc != 0 ? rc
                   : end_turn(s, run(s, "DELETE FROM thread_gone WHERE name=?1", &name, 1, 0, err),
                              err);
}

/* ---- what comes ---- */

/* A time for the list that no other thread has, at or soon behind it. */
static int free_time(struct wf_store *s, struct wf_str id, int64_t *io_ms, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM thread WHERE updated_ms=?2 AND id<>?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    for (;;) {
        wf_sql_bind_text(st, 1, id);
        sqlite3_bind_int64(st, 2, *io_ms);
        rc = wf_sql_step(st, "keeping a conversation", err);
        sqlite3_reset(st);
        if (rc <= 0)
            return rc;
        ++*io_ms;
    }
}

/* The thread is there, under some title. */
static int have_thread(struct wf_store *s, const struct wf_thread_news *n, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO thread(id,title,created_ms,updated_ms,label,is_told) VALUES(?1,?2,?3,?4,?5,1)"
        " ON CONFLICT(id) DO UPDATE SET updated_ms=CASE WHEN ?6 AND excluded.updated_ms>updated_ms"
        " THEN excluded.updated_ms ELSE updated_ms END, label=max(label,excluded.label)";
    struct wf_str title = n->uid.len == 0 ? n->title : wf_thread__title(n->turn.question);
    int64_t at_ms = n->at_ms;
    sqlite3_stmt *st = NULL;
    int rc = free_time(s, n->id, &at_ms, err);

    if (rc == 0)
        rc = wf_store__stmt(s, sql, &st, err);
    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, n->id);
    wf_sql_bind_text(st, 2, title);
    sqlite3_bind_int64(st, 3, n->at_ms);
    sqlite3_bind_int64(st, 4, at_ms);
    sqlite3_bind_int(st, 5, n->label);
    sqlite3_bind_int(st, 6, n->uid.len > 0);
    return wf_sql_run(st, "keeping a conversation", err);
}

static int take_turn(struct wf_store *s, const struct wf_thread_news *n, struct wf_err *err)
{
    static const char change[] =
        "UPDATE turn SET question=?3,answer=?4 WHERE thread=?1 AND uid=?2 AND is_told=1";
    static const char insert[] =
        "INSERT INTO turn(thread,seq,question,answer,at_ms,uid,is_told)"
        " SELECT ?1,1+ifnull((SELECT max(seq) FROM turn WHERE thread=?1),0),?3,?4,?5,?2,1"
        " WHERE NOT EXISTS(SELECT 1 FROM turn WHERE thread=?1 AND uid=?2)";
    const struct wf_str texts[] = {n->id, n->uid, n->turn.question, n->turn.answer};
    int rc = run(s, change, texts, 4, 0, err);

    return rc == 0 ? run(s, insert, texts, 4, n->turn.at_ms, err) : rc;
}

int wf_thread_take(struct wf_store *s, const struct wf_thread_news *n, struct wf_err *err)
{
    static const char rename[] = "UPDATE thread SET title=?2,created_ms=?3 WHERE id=?1"
                                 " AND is_told=1";
    const struct wf_str of_title[] = {n->id, n->title};
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = have_thread(s, n, err);
    if (rc == 0)
        rc = n->uid.len == 0 ? run(s, rename, of_title, 2, n->at_ms, err) : take_turn(s, n, err);
    return end_turn(s, rc, err);
}

int wf_thread_take_gone(struct wf_store *s, struct wf_str id, struct wf_str uid, struct wf_err *err)
{
    const struct wf_str texts[] = {id, uid};
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = uid.len == 0 ? run(s, "DELETE FROM thread WHERE id=?1", texts, 1, 0, err)
                      : run(s, "DELETE FROM turn WHERE thread=?1 AND uid=?2", texts, 2, 0, err);
    return end_turn(s, rc, err);
}

uint8_t wf_thread_label(struct wf_reader *r, struct wf_str id)
{
    sqlite3_stmt *st = NULL;
    uint8_t label = LABEL_MAX;

    if (wf_reader_cached(r, "SELECT label FROM thread WHERE id=?1", &st, NULL) != 0)
        return label;
    wf_sql_bind_text(st, 1, id);
    if (wf_sql_step(st, "reading a conversation", NULL) == 1)
        label = (uint8_t)(sqlite3_column_int(st, 0) & LABEL_MAX);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return label;
}
