/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations and settings: few rows, short transactions. The order of threads is by their last
 * turn; a page of the list continues below the time of its last row, so two threads of the same
 * millisecond are kept apart by moving the later one on. */
#include "store/thread.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/rng.h"
#include "store/store_internal.h"
#include "store/thread_log.h"
#include "text/utf8.h"

#define TITLE_CP_MAX 120
#define KEY_BYTES_MAX 64

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (reading a conversation).");
}

static int no_thread(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOENT, "There is no such conversation. It may have been removed.");
}

void wf_thread_new_id(struct wf_store *s, char out[WF_THREAD_ID_BYTES + 1])
{
    wf_rng_hex(s->o.rng, out, WF_THREAD_ID_BYTES / 2);
}

/* ---- writing ---- */

/* Ends the turn: commit when rc is 0, else rollback. */
static int end_turn(struct wf_store *s, int rc, struct wf_err *err)
{
    if (rc != 0) {
        wf_store_write_rollback(s);
        return rc;
    }
    return wf_store_write_commit(s, err);
}

struct wf_str wf_thread__title(struct wf_str question)
{
    size_t n = wf_utf8_offset(question, TITLE_CP_MAX);
    struct wf_str line, rest = wf_str_trim(wf_str_sub(question, 0, n));

    return wf_str_line(&rest, &line) ? line : WF_STR("?");
}

static int upsert(struct wf_store *s, struct wf_str id, const struct wf_turn *turn,
                  struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc =
        wf_store__stmt(s,
                       "INSERT INTO thread(id,title,created_ms,updated_ms)"
                       " VALUES(?1,?2,?3,max(?3,1+ifnull((SELECT max(updated_ms) FROM thread),0)))"
                       " ON CONFLICT(id) DO UPDATE SET updated_ms=excluded.updated_ms",
                       &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    wf_sql_bind_text(st, 2, wf_thread__title(turn->question));
    sqlite3_bind_int64(st, 3, turn->at_ms);
    return wf_sql_run(st, "storing a conversation", err);
}

static int insert_turn(struct wf_store *s, struct wf_str id, const struct wf_turn *turn,
                       struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s,
                            "INSERT INTO turn(thread,seq,question,answer,at_ms,uid) VALUES(?1,"
                            "1+ifnull((SELECT max(seq) FROM turn WHERE thread=?1),0),?2,?3,?4,?5)",
                            &st, err);
    char uid[WF_TURN_UID_BYTES + 1];

    if (rc != 0)
        return rc;
    snprintf(uid, sizeof(uid), "%012" PRIx64, (uint64_t)turn->at_ms & UINT64_C(0xffffffffffff));
    wf_rng_hex(s->o.rng, uid + 12, 6);
    wf_sql_bind_text(st, 5, wf_str_from(uid));
    wf_sql_bind_text(st, 1, id);
    wf_sql_bind_text(st, 2, turn->question);
    wf_sql_bind_text(st, 3, turn->answer);
    sqlite3_bind_int64(st, 4, turn->at_ms);
    return wf_sql_run(st, "storing a conversation", err);
}

int wf_thread_append(struct wf_store *s, struct wf_str id, const struct wf_turn *turn,
                     struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    assert(id.len > 0);
    if (rc != 0)
        return rc;
    rc = upsert(s, id, turn, err);
    if (rc == 0)
        rc = insert_turn(s, id, turn, err);
    return end_turn(s, rc, err);
}

/* Runs a statement on thread ?1 and text ?2 that must change a row. */
static int change(struct wf_store *s, const char *sql, struct wf_str id, struct wf_str text,
                  struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_store__stmt(s, sql, &st, err);
    if (rc == 0) {
        wf_sql_bind_text(st, 1, id);
        wf_sql_bind_text(st, 2, text);
        rc = wf_sql_run(st, "changing a conversation", err);
    }
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = no_thread(err);
    return end_turn(s, rc, err);
}

int wf_thread_rename(struct wf_store *s, struct wf_str id, struct wf_str title, struct wf_err *err)
{
    return change(s, "UPDATE thread SET title=?2,is_told=0 WHERE id=?1", id,
                  wf_thread__title(title), err);
}

/* What others may have of a thread is to be removed there, too. */
static int note_gone(struct wf_store *s, struct wf_str id, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s,
                            "INSERT INTO thread_gone(name) SELECT thread||'/'||uid FROM turn"
                            " WHERE thread=?1 UNION ALL SELECT id FROM thread WHERE id=?1"
                            " ON CONFLICT DO NOTHING",
                            &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    return wf_sql_run(st, "removing a conversation", err);
}

int wf_thread_remove(struct wf_store *s, struct wf_str id, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = note_gone(s, id, err);
    if (rc == 0)
        rc = wf_store__stmt(s, "DELETE FROM thread WHERE id=?1", &st, err);
    if (rc == 0) {
        wf_sql_bind_text(st, 1, id);
        rc = wf_sql_run(st, "removing a conversation", err);
    }
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = no_thread(err);
    return end_turn(s, rc, err);
}

int wf_thread_forget(struct wf_store *s, struct wf_str uid, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s,
                            "UPDATE turn SET answer='{\"answer\":null,\"found\":false,"
                            "\"citations\":[],\"removed\":true}',is_told=0"
                            " WHERE instr(answer,?1)>0",
                            &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, uid);
    return wf_sql_run(st, "taking a removed document out of conversations", err);
}

/* ---- reading ---- */

#define THREAD_COLUMNS                                                                             \
    "SELECT id,title,created_ms,updated_ms,(SELECT count(*) FROM turn WHERE thread=t.id)"          \
    " FROM thread t "

static int read_thread(sqlite3_stmt *st, struct wf_arena *arena, struct wf_thread *out,
                       struct wf_err *err)
{
    out->id = wf_arena_dup(arena, wf_sql_text(st, 0));
    out->title = wf_arena_dup(arena, wf_sql_text(st, 1));
    out->created_ms = sqlite3_column_int64(st, 2);
    out->updated_ms = sqlite3_column_int64(st, 3);
    out->n_turns = (uint32_t)sqlite3_column_int64(st, 4);
    return out->id.ptr && out->title.ptr ? 0 : no_memory(err);
}

int wf_thread_get(struct wf_reader *r, struct wf_str id, struct wf_arena *arena,
                  struct wf_thread *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, THREAD_COLUMNS "WHERE id=?1", &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    rc = wf_sql_step(st, "reading a conversation", err);
    if (rc == 0)
        return no_thread(err);
    if (rc == 1)
        rc = read_thread(st, arena, out, err);
    sqlite3_reset(st);
    return rc;
}

int wf_thread_turns(struct wf_reader *r, struct wf_str id, size_t n_turns_max,
                    struct wf_arena *arena, struct wf_turn **out, size_t *out_n, struct wf_err *err)
{
    struct wf_turn *items = wf_arena_array(arena, n_turns_max ? n_turns_max : 1, sizeof(*items));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc =
        wf_reader_cached(r,
                         "SELECT question,answer,at_ms FROM (SELECT * FROM turn WHERE thread=?1"
                         " ORDER BY at_ms DESC,seq DESC LIMIT ?2) ORDER BY at_ms,seq",
                         &st, err);

    if (!items)
        rc = no_memory(err);
    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, id);
    sqlite3_bind_int64(st, 2, (int64_t)n_turns_max);
    while ((rc = wf_sql_step(st, "reading a conversation", err)) == 1 && n < n_turns_max) {
        items[n].question = wf_arena_dup(arena, wf_sql_text(st, 0));
        items[n].answer = wf_arena_dup(arena, wf_sql_text(st, 1));
        items[n].at_ms = sqlite3_column_int64(st, 2);
        if (!items[n].question.ptr || !items[n].answer.ptr) {
            rc = no_memory(err);
            break;
        }
        n++;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}

int wf_thread_page(struct wf_reader *r, int64_t before_ms, size_t n_max, struct wf_arena *arena,
                   struct wf_thread **out, size_t *out_n, struct wf_err *err)
{
    struct wf_thread *items = wf_arena_array(arena, n_max ? n_max : 1, sizeof(*items));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r,
                              THREAD_COLUMNS "WHERE ?1=0 OR updated_ms<?1"
                                             " ORDER BY updated_ms DESC LIMIT ?2",
                              &st, err);

    if (!items)
        rc = no_memory(err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, before_ms);
    sqlite3_bind_int64(st, 2, (int64_t)n_max);
    while ((rc = wf_sql_step(st, "reading conversations", err)) == 1 && n < n_max) {
        rc = read_thread(st, arena, &items[n], err);
        if (rc != 0)
            break;
        n++;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = items;
    *out_n = n;
    return 0;
}

/* ---- settings ---- */

static struct wf_str setting_key(char out[KEY_BYTES_MAX], const char *name)
{
    int n = snprintf(out, KEY_BYTES_MAX, "setting.%s", name);

    assert(n > 0);
    assert(n < KEY_BYTES_MAX);
    return wf_str_n(out, (size_t)n);
}

int wf_setting_get(struct wf_reader *r, const char *name, struct wf_arena *arena,
                   struct wf_str *out, struct wf_err *err)
{
    char key[KEY_BYTES_MAX];
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, "SELECT value FROM meta WHERE key=?1", &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, setting_key(key, name));
    rc = wf_sql_step(st, "reading a setting", err);
    if (rc < 0)
        return rc;
    *out = rc == 1 ? wf_arena_dup(arena, wf_sql_text(st, 0)) : wf_str_n("", 0);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return out->ptr ? 0 : no_memory(err);
}

int wf_setting_set(struct wf_store *s, const char *name, struct wf_str value, struct wf_err *err)
{
    char key[KEY_BYTES_MAX];
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_store__stmt(s,
                        "INSERT INTO meta(key,value) VALUES(?1,?2)"
                        " ON CONFLICT(key) DO UPDATE SET value=excluded.value",
                        &st, err);
    if (rc == 0) {
        wf_sql_bind_text(st, 1, setting_key(key, name));
        wf_sql_bind_text(st, 2, value);
        rc = wf_sql_run(st, "storing a setting", err);
    }
    return end_turn(s, rc, err);
}
