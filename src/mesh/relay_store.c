/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of relays. */
#include "mesh/relay_store.h"

#include <string.h>

#include "store/sql.h"

#define DOING "keeping for others"

static int damaged(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT, "What is kept for others is damaged.");
}

static void bind_log(sqlite3_stmt *st, int i, const struct wf_sync_log *log)
{
    wf_sql_bind_bytes(st, i, log->stream, sizeof(log->stream));
    wf_sql_bind_bytes(st, i + 1, log->device, sizeof(log->device));
}

/* ---- passes ---- */

int wf_relay_pass_put(struct wf_store *s, const struct wf_pass *p, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO relay_pass(stream,bytes) VALUES(?1,?2)"
                              " ON CONFLICT(stream) DO UPDATE SET bytes=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, p->stream, sizeof(p->stream));
    wf_sql_bind_blob(st, 2, p->bytes);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_passes_forget(struct wf_store *s, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM relay_pass";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    return rc == 0 ? wf_sql_run(st, DOING, err) : rc;
}

int wf_relay_passes(struct wf_reader *r, wf_relay_pass_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM relay_pass ORDER BY stream";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    while (rc == 0 && (rc = wf_sql_step(st, DOING, err)) == 1)
        rc = fn(ud, wf_sql_blob(st, 0), err);
    if (st != NULL)
        sqlite3_reset(st);
    return rc;
}

/* ---- letters ---- */

static int is_same(struct wf_store *s, const struct wf_relay_letter *l, bool *out,
                   struct wf_err *err)
{
    static const char sql[] = "SELECT tag=?3 FROM relay_letter WHERE receiver=?1 AND sender=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, l->to, sizeof(l->to));
    wf_sql_bind_bytes(st, 2, l->from, sizeof(l->from));
    wf_sql_bind_bytes(st, 3, l->tag, sizeof(l->tag));
    rc = wf_sql_step(st, DOING, err);
    *out = rc == 1 && sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int wf_relay_kept(struct wf_store *s, const struct wf_relay_letter *l, struct wf_relay_kept *out,
                  struct wf_err *err)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE receiver=?1 AND sender<>?2),"
        " ifnull(sum(length(bytes)) FILTER (WHERE receiver=?1 AND sender<>?2),0),"
        " ifnull(sum(length(bytes)) FILTER (WHERE receiver<>?1 OR sender<>?2),0)"
        " FROM relay_letter";
    sqlite3_stmt *st = NULL;
    int rc = is_same(s, l, &out->is_same, err);

    if (rc == 0)
        rc = wf_store_write_cached(s, sql, &st, err);
    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, l->to, sizeof(l->to));
    wf_sql_bind_bytes(st, 2, l->from, sizeof(l->from));
    rc = wf_sql_step(st, DOING, err);
    out->n_letters = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    out->n_bytes = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
    out->n_bytes_all = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 2) : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int wf_relay_letter_put(struct wf_store *s, const struct wf_relay_letter *l, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO relay_letter(receiver,sender,tag,hash,at_ms,bytes) VALUES(?1,?2,?3,?4,?5,?6)"
        " ON CONFLICT(receiver,sender) DO UPDATE SET tag=?3,hash=?4,at_ms=?5,bytes=?6";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, l->to, sizeof(l->to));
    wf_sql_bind_bytes(st, 2, l->from, sizeof(l->from));
    wf_sql_bind_bytes(st, 3, l->tag, sizeof(l->tag));
    wf_sql_bind_bytes(st, 4, l->hash, sizeof(l->hash));
    sqlite3_bind_int64(st, 5, l->at_ms);
    wf_sql_bind_blob(st, 6, l->bytes);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_letter_got(struct wf_store *s, const uint8_t to[WF_SIGNER_ID_BYTES],
                        const uint8_t hash[WF_SYNC_LETTER_HASH_BYTES], struct wf_err *err)
{
    static const char sql[] = "UPDATE relay_letter SET bytes=x'' WHERE receiver=?1 AND hash=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, to, WF_SIGNER_ID_BYTES);
    wf_sql_bind_bytes(st, 2, hash, WF_SYNC_LETTER_HASH_BYTES);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_letters_tidy(struct wf_store *s, int64_t before_ms, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM relay_letter WHERE at_ms<?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, before_ms);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_letters(struct wf_reader *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                     wf_relay_letter_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT receiver,sender,tag,hash,at_ms,bytes FROM relay_letter"
                              " WHERE receiver=?1 AND length(bytes)>0 ORDER BY at_ms,sender";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, to, WF_SIGNER_ID_BYTES);
    while (rc == 0 && (rc = wf_sql_step(st, DOING, err)) == 1) {
        struct wf_relay_letter l = {.at_ms = sqlite3_column_int64(st, 4),
                                    .bytes = wf_sql_blob(st, 5)};
        if (!wf_sql_bytes(st, 0, l.to, sizeof(l.to)) ||
            !wf_sql_bytes(st, 1, l.from, sizeof(l.from)) ||
            !wf_sql_bytes(st, 2, l.tag, sizeof(l.tag)) ||
            !wf_sql_bytes(st, 3, l.hash, sizeof(l.hash)))
            rc = damaged(err);
        else
            rc = fn(ud, &l, err);
    }
    sqlite3_reset(st);
    return rc;
}

int wf_relay_letters_count(struct wf_reader *r, uint64_t *out_n, uint64_t *out_bytes,
                           struct wf_err *err)
{
    static const char sql[] = "SELECT count(*),ifnull(sum(length(bytes)),0) FROM relay_letter"
                              " WHERE length(bytes)>0";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    rc = wf_sql_step(st, DOING, err);
    *out_n = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    *out_bytes = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

/* ---- days ---- */

int wf_relay_mark(struct wf_store *s, const struct wf_sync_log *log, int64_t day, uint64_t last,
                  struct wf_err *err)
{
    static const char sql[] = "INSERT INTO relay_mark(stream,device,day,last) VALUES(?1,?2,?3,?4)"
                              " ON CONFLICT DO NOTHING";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, 1, log);
    sqlite3_bind_int64(st, 3, day);
    sqlite3_bind_int64(st, 4, (int64_t)last);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_marked(struct wf_store *s, const struct wf_sync_log *log, int64_t day,
                    uint64_t *out_last, struct wf_err *err)
{
    static const char sql_max[] =
        "SELECT max(last) FROM relay_mark WHERE stream=?1 AND device=?2 AND day<=?3";
    static const char sql_old[] = "DELETE FROM relay_mark WHERE stream=?1 AND device=?2 AND day<"
                                  "(SELECT max(day) FROM relay_mark"
                                  " WHERE stream=?1 AND device=?2 AND day<=?3)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql_max, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, 1, log);
    sqlite3_bind_int64(st, 3, day);
    rc = wf_sql_step(st, DOING, err);
    *out_last = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (rc < 0 || *out_last == 0)
        return rc < 0 ? rc : 0;
    rc = wf_store_write_cached(s, sql_old, &st, err);
    if (rc != 0)
        return rc;
    bind_log(st, 1, log);
    sqlite3_bind_int64(st, 3, day);
    return wf_sql_run(st, DOING, err);
}

/* ---- words ---- */

int wf_relay_word_put(struct wf_store *s, const struct wf_relay_word *w, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO relay_word(node,stream,device,last) VALUES(?1,?2,?3,?4)"
                              " ON CONFLICT(node,stream,device) DO UPDATE SET last=?4";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, w->transport, sizeof(w->transport));
    bind_log(st, 2, &w->log);
    sqlite3_bind_int64(st, 4, (int64_t)w->last);
    return wf_sql_run(st, DOING, err);
}

int wf_relay_words(struct wf_reader *r, wf_relay_word_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT node,stream,device,last FROM relay_word";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    while (rc == 0 && (rc = wf_sql_step(st, DOING, err)) == 1) {
        struct wf_relay_word w = {.last = (uint64_t)sqlite3_column_int64(st, 3)};
        if (!wf_sql_bytes(st, 0, w.transport, sizeof(w.transport)) ||
            !wf_sql_bytes(st, 1, w.log.stream, sizeof(w.log.stream)) ||
            !wf_sql_bytes(st, 2, w.log.device, sizeof(w.log.device)))
            rc = damaged(err);
        else
            rc = fn(ud, &w, err);
    }
    if (st != NULL)
        sqlite3_reset(st);
    return rc;
}

int wf_relay_bytes(struct wf_reader *r, uint64_t *out, struct wf_err *err)
{
    static const char sql[] = "SELECT ifnull(sum(n_bytes),0) FROM batch_log";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    rc = wf_sql_step(st, DOING, err);
    *out = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}
