/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of sharing. */
#include "mesh/share_store.h"

#include <string.h>

#include <sodium.h>

#include "store/draft_log.h"
#include "store/sql.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (what is shared).");
}

static int damaged(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT, "What is shared with other devices is damaged.");
}

int wf_share_spaces(struct wf_reader *r, struct wf_arena *arena, struct wf_share_space **out,
                    size_t *out_n, struct wf_err *err)
{
    /* The manual is every device's own. */
    static const char sql[] = "SELECT id,uid,name,label,count(*) OVER () FROM space"
                              " WHERE name<>'manual' ORDER BY id";
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql, &st, err);

    *out = NULL;
    while (rc == 0 && (rc = wf_sql_step(st, "listing spaces", err)) == 1) {
        struct wf_share_space *s;
        if (*out == NULL)
            *out = wf_arena_array(arena, (size_t)sqlite3_column_int64(st, 4), sizeof(**out));
        s = *out == NULL ? NULL : &(*out)[n++];
        if (s == NULL) {
            rc = no_memory(err);
            break;
        }
        s->id = sqlite3_column_int64(st, 0);
        s->name = wf_arena_dup(arena, wf_sql_text(st, 2));
        s->label = wf_arena_dup(arena, wf_sql_text(st, 3));
        rc = wf_sql_bytes(st, 1, s->uid, sizeof(s->uid)) ? 0 : damaged(err);
    }
    if (st != NULL)
        sqlite3_reset(st);
    *out_n = n;
    return rc;
}

int wf_share_me(struct wf_reader *r, uint8_t out[WF_SIGNER_ID_BYTES], struct wf_err *err)
{
    static const char sql[] = "SELECT value FROM meta WHERE key='me'";
    uint8_t origin[WF_SIGNER_ID_BYTES];
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    rc = wf_sql_step(st, "looking whose space it is", err);
    if (rc == 1) {
        struct wf_str hex = wf_sql_text(st, 0);
        rc = sodium_hex2bin(origin, sizeof(origin), hex.ptr, hex.len, NULL, &n, NULL) == 0 &&
                     n == sizeof(origin)
                 ? 0
                 : damaged(err);
        if (rc == 0)
            memcpy(out, origin, sizeof(origin));
    }
    sqlite3_reset(st);
    return rc;
}

int wf_share_set_me(struct wf_store *s, const uint8_t origin[WF_SIGNER_ID_BYTES],
                    struct wf_err *err)
{
    static const char sql[] = "INSERT INTO meta(key,value) VALUES('me',?1)"
                              " ON CONFLICT DO UPDATE SET value=excluded.value";
    char hex[2 * WF_SIGNER_ID_BYTES + 1];
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1,
                     wf_str_from(sodium_bin2hex(hex, sizeof(hex), origin, WF_SIGNER_ID_BYTES)));
    return wf_sql_run(st, "noting whose space it is", err);
}

/* ---- keys ---- */

#define KEY_COLUMNS "id,space,level,epoch,key"

static int get_key(sqlite3_stmt *st, struct wf_share_key *out, struct wf_err *err)
{
    uint8_t id[WF_SPACE_KEY_ID_BYTES];

    *out = (struct wf_share_key){.space = sqlite3_column_int64(st, 1),
                                 .level = (enum wf_label)sqlite3_column_int64(st, 2),
                                 .epoch = (uint32_t)sqlite3_column_int64(st, 3)};
    if (!wf_sql_bytes(st, 4, out->key.key, sizeof(out->key.key)) ||
        !wf_sql_bytes(st, 0, id, sizeof(id)) || out->level >= WF_LABEL_SECRET)
        return damaged(err);
    wf_space_key_name(&out->key);
    return memcmp(id, out->key.id, sizeof(id)) == 0 ? 0 : damaged(err);
}

int wf_share_key_add(struct wf_store *s, const struct wf_share_key *k, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO space_key(" KEY_COLUMNS ") VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO NOTHING";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, k->key.id, sizeof(k->key.id));
    sqlite3_bind_int64(st, 2, k->space);
    sqlite3_bind_int64(st, 3, k->level);
    sqlite3_bind_int64(st, 4, k->epoch);
    wf_sql_bind_bytes(st, 5, k->key.key, sizeof(k->key.key));
    return wf_sql_run(st, "keeping a space's key", err);
}

int wf_share_keys_forget(struct wf_store *s, struct wf_err *err)
{
    static const char sql[] = "DELETE FROM space_key";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    return rc == 0 ? wf_sql_run(st, "forgetting keys of spaces", err) : rc;
}

int wf_share_key_now(struct wf_store *s, const struct wf_share_key_want *want,
                     const struct wf_rng *rng, struct wf_share_key *out, struct wf_err *err)
{
    static const char sql[] =
        "SELECT " KEY_COLUMNS " FROM space_key WHERE space=?1 AND level=?2 AND epoch>=?3"
        " AND epoch<=?4"
        " ORDER BY epoch DESC, id DESC LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err), got;

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, want->space);
    sqlite3_bind_int64(st, 2, want->level);
    sqlite3_bind_int64(st, 3, want->epoch);
    sqlite3_bind_int64(st, 4, want->epoch_max);
    got = wf_sql_step(st, "looking for a space's key", err);
    if (got == 1)
        rc = get_key(st, out, err);
    sqlite3_reset(st);
    if (got != 0)
        return got < 0 ? got : rc;
    *out = (struct wf_share_key){
        .space = want->space, .level = want->level, .epoch = want->epoch, .is_new = true};
    wf_space_key_new(rng, &out->key);
    return wf_share_key_add(s, out, err);
}

int wf_share_key_get(struct wf_reader *r, const uint8_t id[WF_SPACE_KEY_ID_BYTES],
                     struct wf_share_key *out, struct wf_err *err)
{
    static const char sql[] = "SELECT " KEY_COLUMNS " FROM space_key WHERE id=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err), got;

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, id, WF_SPACE_KEY_ID_BYTES);
    got = wf_sql_step(st, "looking for a space's key", err);
    if (got == 1)
        rc = get_key(st, out, err);
    sqlite3_reset(st);
    if (got == 0)
        return wf_err_set(err, WF_E_NOENT, "The key of a batch is not here.");
    return got < 0 ? got : rc;
}

int wf_share_keys(struct wf_reader *r, wf_share_key_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT " KEY_COLUMNS " FROM space_key ORDER BY space,level,epoch,id";
    struct wf_share_key k;
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    while (rc == 0 && (rc = wf_sql_step(st, "listing keys", err)) == 1) {
        rc = get_key(st, &k, err);
        if (rc == 0)
            rc = fn(ud, &k, err);
    }
    if (st != NULL)
        sqlite3_reset(st);
    return rc;
}

/* ---- what was sent ---- */

/* What a draft is to be called, whatever number it is shown with (store/draft_name.h). */
#define WANTED "ifnull((SELECT w.name FROM draft_wanted w WHERE w.draft=d.id),d.name)"
#define LAST_SEQ                                                                                   \
    "max(ifnull((SELECT max(seq) FROM draft_update u WHERE u.draft=d.id),0),"                      \
    "    ifnull((SELECT max(upto_seq) FROM draft_snapshot n WHERE n.draft=d.id),0))"

static const char sql_drafts[] =
    "SELECT ifnull(d.id,0),y.uid,ifnull(" WANTED ",''),ifnull(d.label,''),ifnull(t.name,''),"
    " ifnull(t.label,'')," LAST_SEQ ",ifnull(t.seq,0),"
    " ifnull((SELECT min(seq) FROM draft_update u WHERE u.draft=d.id AND u.seq>ifnull(t.seq,0)),0),"
    " ifnull((SELECT sum(length(u.bytes)) FROM draft_update u WHERE u.draft=d.id"
    "  AND u.seq>ifnull(t.seq,0) AND u.device=?2),0)"
    " FROM draft_dirty y LEFT JOIN draft d ON d.uid=y.uid LEFT JOIN draft_told t ON t.uid=y.uid"
    " WHERE y.space=?1 LIMIT ?3";

int wf_share_drafts(struct wf_reader *r, const struct wf_share_dirty *which, struct wf_arena *arena,
                    struct wf_share_draft **out, size_t *out_n, struct wf_err *err)
{
    const size_t n_max = which->n_max;
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql_drafts, &st, err);

    *out = wf_arena_array(arena, n_max, sizeof(**out));
    if (*out == NULL)
        return no_memory(err);
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, which->space);
    wf_sql_bind_bytes(st, 2, which->device, WF_SIGNER_ID_BYTES);
    sqlite3_bind_int64(st, 3, (int64_t)n_max);
    while (rc == 0 && n < n_max && (rc = wf_sql_step(st, "looking at drafts", err)) == 1) {
        struct wf_share_draft *d = &(*out)[n++];
        d->id = sqlite3_column_int64(st, 0);
        d->name = wf_arena_dup(arena, wf_sql_text(st, 2));
        d->label = wf_arena_dup(arena, wf_sql_text(st, 3));
        d->told_name = wf_arena_dup(arena, wf_sql_text(st, 4));
        d->told_label = wf_arena_dup(arena, wf_sql_text(st, 5));
        d->seq = (uint64_t)sqlite3_column_int64(st, 6);
        d->told_seq = (uint64_t)sqlite3_column_int64(st, 7);
        d->first_seq = (uint64_t)sqlite3_column_int64(st, 8);
        d->own_bytes = (uint64_t)sqlite3_column_int64(st, 9);
        rc = wf_sql_bytes(st, 1, d->uid, sizeof(d->uid)) ? 0 : damaged(err);
    }
    sqlite3_reset(st);
    *out_n = n;
    return rc < 0 ? rc : 0;
}

/* Nothing is to be told of the draft any more, if it is still as it was told. */
static int clean(struct wf_store *s, const uint8_t uid[16], struct wf_err *err)
{
    static const char sql[] =
        "DELETE FROM draft_dirty WHERE uid=?1 AND NOT EXISTS(SELECT 1 FROM draft d"
        " LEFT JOIN draft_told t ON t.uid=d.uid WHERE d.uid=?1 AND ((d.label<>'secret'"
        " AND t.name IS NOT " WANTED ")"
        " OR t.label IS NOT d.label OR " LAST_SEQ ">ifnull(t.seq,0)))"
        " AND (EXISTS(SELECT 1 FROM draft WHERE uid=?1)"
        "  OR NOT EXISTS(SELECT 1 FROM draft_told WHERE uid=?1))";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, uid, 16);
    return wf_sql_run(st, "noting what was told", err);
}

int wf_share_draft_told(struct wf_store *s, int64_t space, const struct wf_share_draft *d,
                        struct wf_err *err)
{
    static const char sql_put[] = "INSERT INTO draft_told(uid,space,seq,name,label)"
                                  " VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE SET"
                                  " seq=max(seq,excluded.seq), name=excluded.name,"
                                  " label=excluded.label, space=excluded.space";
    static const char sql_gone[] = "DELETE FROM draft_told WHERE uid=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, d->id == 0 ? sql_gone : sql_put, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, d->uid, sizeof(d->uid));
    if (d->id != 0) {
        sqlite3_bind_int64(st, 2, space);
        sqlite3_bind_int64(st, 3, (int64_t)d->seq);
        /* The name of what is secret is not told: others go on with the one that they know. */
        wf_sql_bind_text(
            st, 4,
            wf_str_eq(d->label, WF_STR("secret")) && d->told_name.len > 0 ? d->told_name : d->name);
        wf_sql_bind_text(st, 5, d->label);
    }
    rc = wf_sql_run(st, "noting what was told", err);
    return rc == 0 ? clean(s, d->uid, err) : rc;
}

int wf_share_draft_named(struct wf_store *s, const uint8_t uid[16], struct wf_str name,
                         struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, "UPDATE draft_told SET name=?2 WHERE uid=?1", &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, uid, 16);
    wf_sql_bind_text(st, 2, name);
    return wf_sql_run(st, "noting what was told", err);
}

int wf_share_draft_raised(struct wf_store *s, int64_t draft, const uint8_t uid[16],
                          struct wf_str label, struct wf_err *err)
{
    static const char sql[] = "UPDATE draft_told SET label=?2 WHERE uid=?1"
                              " AND label=(SELECT label FROM draft WHERE uid=?1)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, uid, 16);
    wf_sql_bind_text(st, 2, label);
    rc = wf_sql_run(st, "noting what was told", err);
    if (rc == 0)
        rc = wf_draft_row_label_in_turn(s, draft, label, err);
    return rc == WF_E_NOENT ? 0 : rc;
}

int wf_share_draft_told_as_is(struct wf_store *s, const struct wf_share_told *t, struct wf_err *err)
{
    static const char sql[] =
        "INSERT INTO draft_told(uid,space,seq,name,label)"
        " SELECT uid,?1,?3,iif(?5=''," WANTED ",?5),iif(?4='',label,?4) FROM draft d"
        " WHERE id=?2"
        " ON CONFLICT DO UPDATE SET name=excluded.name, label=excluded.label,"
        " space=excluded.space, seq=max(seq,excluded.seq)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, t->space);
    sqlite3_bind_int64(st, 2, t->draft);
    sqlite3_bind_int64(st, 3, (int64_t)t->seq);
    wf_sql_bind_text(st, 4, t->label);
    wf_sql_bind_text(st, 5, t->name);
    rc = wf_sql_run(st, "noting what was told", err);
    return rc == 0 ? clean(s, t->uid, err) : rc;
}

int wf_share_draft_is_told(struct wf_store *s, const uint8_t uid[16], struct wf_str name, bool *out,
                           struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM draft_told WHERE uid=?1 AND name=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, uid, 16);
    wf_sql_bind_text(st, 2, name);
    rc = wf_sql_step(st, "looking at what was told", err);
    sqlite3_reset(st);
    *out = rc == 1;
    return WF_MIN(rc, 0);
}

int wf_share_draft_label(struct wf_store *s, int64_t draft, enum wf_label *out, struct wf_err *err)
{
    static const char sql[] = "SELECT label FROM draft WHERE id=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, draft);
    rc = wf_sql_step(st, "looking at a draft's label", err);
    if (rc == 1)
        (void)!wf_label_parse(wf_sql_text(st, 0), out);
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int wf_share_draft_was_told(struct wf_store *s, const uint8_t uid[16], bool *out,
                            struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM draft_told WHERE uid=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, uid, 16);
    rc = wf_sql_step(st, "looking at what was told", err);
    sqlite3_reset(st);
    *out = rc == 1;
    return rc < 0 ? rc : 0;
}

/* A number by what stands for it; 0 where there is none. */
static int get_number(sqlite3_stmt *st, uint64_t *out, struct wf_err *err)
{
    int rc = wf_sql_step(st, "looking how far sharing is", err);

    *out = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int wf_share_sent(struct wf_reader *r, int64_t space, uint64_t *out_dseq, struct wf_err *err)
{
    static const char sql[] = "SELECT dseq FROM change_sent WHERE space=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    return get_number(st, out_dseq, err);
}

int wf_share_set_sent(struct wf_store *s, int64_t space, uint64_t dseq, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO change_sent(space,dseq) VALUES(?1,?2)"
                              " ON CONFLICT DO UPDATE SET dseq=excluded.dseq";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int64(st, 2, (int64_t)dseq);
    return wf_sql_run(st, "noting what was sent", err);
}

/* ---- what was taken ---- */

static void bind_log(sqlite3_stmt *st, const struct wf_sync_log *log)
{
    wf_sql_bind_bytes(st, 1, log->stream, sizeof(log->stream));
    wf_sql_bind_bytes(st, 2, log->device, sizeof(log->device));
}

int wf_share_taken(struct wf_reader *r, const struct wf_sync_log *log, uint64_t *out_number,
                   struct wf_err *err)
{
    static const char sql[] = "SELECT number FROM batch_taken WHERE stream=?1 AND device=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    return get_number(st, out_number, err);
}

int wf_share_set_taken(struct wf_store *s, const struct wf_sync_log *log, uint64_t number,
                       struct wf_str problem, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO batch_taken(stream,device,number,problem)"
                              " VALUES(?1,?2,?3,?4) ON CONFLICT DO UPDATE SET"
                              " number=excluded.number, problem=excluded.problem";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    sqlite3_bind_int64(st, 3, (int64_t)number);
    if (problem.len > 0)
        wf_sql_bind_text(st, 4, problem);
    return wf_sql_run(st, "noting what was taken", err);
}

int wf_share_reach_taken(struct wf_store *s, const struct wf_sync_log *log, uint64_t number,
                         struct wf_err *err)
{
    static const char sql[] = "INSERT INTO batch_taken(stream,device,number,problem)"
                              " VALUES(?1,?2,?3,NULL) ON CONFLICT DO UPDATE SET"
                              " number=max(number,excluded.number)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    sqlite3_bind_int64(st, 3, (int64_t)number);
    return wf_sql_run(st, "noting what was taken", err);
}

#define FORKED WF_STR("two stories")

int wf_share_set_forked(struct wf_store *s, const struct wf_sync_log *log, struct wf_err *err)
{
    static const char sql[] = "INSERT INTO batch_taken(stream,device,number,problem)"
                              " VALUES(?1,?2,0,?3) ON CONFLICT DO UPDATE SET"
                              " problem=excluded.problem";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    wf_sql_bind_text(st, 3, FORKED);
    return wf_sql_run(st, "noting two stories", err);
}

int wf_share_is_forked(struct wf_reader *r, const struct wf_sync_log *log, bool *out,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM batch_taken WHERE stream=?1 AND device=?2"
                              " AND problem=?3";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    bind_log(st, log);
    wf_sql_bind_text(st, 3, FORKED);
    rc = wf_sql_step(st, "looking for two stories", err);
    sqlite3_reset(st);
    *out = rc == 1;
    return WF_MIN(rc, 0);
}
