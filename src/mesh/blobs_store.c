/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of documents among devices, and of how blobs are cut. */
#include "mesh/blobs_store.h"

#include <string.h>

#include "store/sql.h"

#define COLUMNS                                                                                    \
    "space,hash,state,due,label,told,said,own,pinned,wanted,bytes,used_ms,uid,name,title,type,"    \
    "problem"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (documents of other devices).");
}

static int damaged(struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT, "What is known of other devices' documents is damaged.");
}

static int get_row(sqlite3_stmt *st, struct wf_arena *arena, struct wf_paper *out,
                   struct wf_err *err)
{
    struct wf_str hash = wf_sql_blob(st, 1);
    int state = sqlite3_column_int(st, 2), wanted = sqlite3_column_int(st, 9);

    if (hash.len != sizeof(out->hash) || state < 0 || state > WF_PAPER_GONE || wanted < 0 ||
        wanted > WF_PAPER_ASKED_FOR)
        return damaged(err);
    *out = (struct wf_paper){
        .space = sqlite3_column_int64(st, 0),
        .state = (enum wf_paper_state)state,
        .is_due = sqlite3_column_int(st, 3) != 0,
        .label = sqlite3_column_int(st, 4),
        .told = sqlite3_column_int(st, 5),
        .is_said = sqlite3_column_int(st, 6) != 0,
        .is_own = sqlite3_column_int(st, 7) != 0,
        .is_pinned = sqlite3_column_int(st, 8) != 0,
        .wanted = (enum wf_paper_wanted)wanted,
        .bytes = (uint64_t)sqlite3_column_int64(st, 10),
        .used_ms = sqlite3_column_int64(st, 11),
        .uid = wf_arena_dup(arena, wf_sql_text(st, 12)),
        .name = wf_arena_dup(arena, wf_sql_text(st, 13)),
        .title = wf_arena_dup(arena, wf_sql_text(st, 14)),
        .type = wf_arena_dup(arena, wf_sql_text(st, 15)),
        .problem = wf_arena_dup(arena, wf_sql_text(st, 16)),
    };
    memcpy(out->hash, hash.ptr, sizeof(out->hash));
    return out->uid.ptr && out->name.ptr && out->title.ptr && out->type.ptr && out->problem.ptr
               ? 0
               : no_memory(err);
}

int wf_paper_get(struct wf_reader *r, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                 struct wf_arena *arena, struct wf_paper *out, struct wf_err *err)
{
    static const char sql[] = "SELECT " COLUMNS " FROM document_share WHERE space=?1 AND hash=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, hash, WF_HASH_BYTES);
    rc = wf_sql_step(st, "looking for a document of the devices", err);
    if (rc == 1)
        rc = get_row(st, arena, out, err);
    else if (rc == 0)
        rc = wf_err_set(err, WF_E_NOENT, "There is no such document on any device.");
    sqlite3_reset(st);
    return rc;
}

int wf_paper_put(struct wf_store *s, const struct wf_paper *p, struct wf_err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO document_share(" COLUMNS ")"
                              " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    const int64_t numbers[] = {p->state,  p->is_due,    p->label,  p->told,           p->is_said,
                               p->is_own, p->is_pinned, p->wanted, (int64_t)p->bytes, p->used_ms};
    const struct wf_str texts[] = {p->uid, p->name, p->title, p->type, p->problem};
    sqlite3_bind_int64(st, 1, p->space);
    wf_sql_bind_bytes(st, 2, p->hash, sizeof(p->hash));
    for (int i = 0; i < (int)WF_ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(st, 3 + i, numbers[i]);
    for (int i = 0; i < (int)WF_ARRAY_LEN(texts); i++)
        wf_sql_bind_text(st, 13 + i, texts[i].ptr == NULL ? WF_STR("") : texts[i]);
    return wf_sql_run(st, "noting a document of the devices", err);
}

int wf_paper_of(struct wf_reader *r, const uint8_t space[WF_SPACE_UID_BYTES],
                const uint8_t hash[WF_HASH_BYTES], struct wf_arena *arena, struct wf_paper *out,
                struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int64_t id = 0;
    int rc = wf_reader_cached(r, "SELECT id FROM space WHERE uid=?1", &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, space, WF_SPACE_UID_BYTES);
    rc = wf_sql_step(st, "looking for a document's space", err);
    if (rc < 0)
        return rc;
    if (rc == 1)
        id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return wf_paper_get(r, id, hash, arena, out, err);
}

int wf_paper_remove(struct wf_store *s, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                    struct wf_err *err)
{
    static const char sql[] = "DELETE FROM document_share WHERE space=?1 AND hash=?2";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_bytes(st, 2, hash, WF_HASH_BYTES);
    return wf_sql_run(st, "forgetting a document of the devices", err);
}

/* ---- many ---- */

#define FROM " FROM document_share s WHERE "
#define BEHIND " AND (space,hash)>(?1,?2) ORDER BY space,hash LIMIT ?3"
#define IS_EVICTABLE                                                                               \
    "state=1 AND own=0 AND pinned=0 AND wanted=0 AND NOT EXISTS(SELECT 1 FROM document d"          \
    " JOIN source o ON o.document=d.id WHERE d.space=s.space AND d.hash=s.hash)"

static const char *const list_sql[] = {
    [WF_PAPERS_DUE] = "SELECT " COLUMNS FROM "due=1" BEHIND,
    [WF_PAPERS_WANTED] =
        "SELECT " COLUMNS FROM
        "wanted>0 AND state IN (0,2) ORDER BY wanted DESC,problem<>'',bytes,space,hash"
        " LIMIT ?3",
    [WF_PAPERS_ELSEWHERE] = "SELECT " COLUMNS FROM "state=0" BEHIND,
    [WF_PAPERS_AWAY] = "SELECT " COLUMNS FROM "state=2" BEHIND,
    [WF_PAPERS_EVICTABLE] =
        "SELECT " COLUMNS FROM IS_EVICTABLE " ORDER BY used_ms,space,hash LIMIT ?3",
    [WF_PAPERS_ALL] = "SELECT " COLUMNS FROM "1" BEHIND,
};

static const char *const count_sql[] = {
    [WF_PAPERS_DUE] = "SELECT count(*),total(bytes)" FROM "due=1",
    [WF_PAPERS_WANTED] = "SELECT count(*),total(bytes)" FROM "wanted>0 AND state IN (0,2)",
    [WF_PAPERS_ELSEWHERE] = "SELECT count(*),total(bytes)" FROM "state=0",
    [WF_PAPERS_AWAY] = "SELECT count(*),total(bytes)" FROM "state=2",
    [WF_PAPERS_EVICTABLE] = "SELECT count(*),total(bytes)" FROM IS_EVICTABLE,
    [WF_PAPERS_ALL] = "SELECT count(*),total(bytes)" FROM "1",
};

int wf_papers_list(struct wf_reader *r, enum wf_papers which, const struct wf_paper *after,
                   size_t n_max, struct wf_arena *arena, struct wf_paper **out, size_t *out_n,
                   struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, list_sql[which], &st, err), got = 0;

    if (rc != 0)
        return rc;
    if (which != WF_PAPERS_WANTED && which != WF_PAPERS_EVICTABLE) {
        sqlite3_bind_int64(st, 1, after == NULL ? 0 : after->space);
        wf_sql_bind_blob(
            st, 2, after == NULL ? WF_STR("") : wf_str_n((const char *)after->hash, WF_HASH_BYTES));
    }
    sqlite3_bind_int64(st, 3, (int64_t)n_max);
    *out = wf_arena_array(arena, n_max, sizeof(**out));
    if (*out == NULL)
        return no_memory(err);
    while (rc == 0 && (got = wf_sql_step(st, "listing documents of the devices", err)) == 1)
        rc = get_row(st, arena, &(*out)[n++], err);
    sqlite3_reset(st);
    *out_n = n;
    return got < 0 ? got : rc;
}

int wf_papers_count(struct wf_reader *r, enum wf_papers which, uint64_t *out_n, uint64_t *out_bytes,
                    struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, count_sql[which], &st, err);

    if (rc == 0)
        rc = wf_sql_step(st, "counting documents of the devices", err);
    if (rc < 0)
        return rc;
    *out_n = (uint64_t)sqlite3_column_int64(st, 0);
    *out_bytes = (uint64_t)sqlite3_column_double(st, 1);
    sqlite3_reset(st);
    return 0;
}

int wf_paper_find(struct wf_reader *r, struct wf_str words, struct wf_arena *arena,
                  struct wf_paper *out, struct wf_err *err)
{
    static const char sql[] = "SELECT " COLUMNS FROM "state<>3 AND (uid=?1 OR name=?1 OR title=?1)"
                              " ORDER BY uid=?1 DESC LIMIT 2";
    struct wf_paper second;
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_text(st, 1, words);
    rc = wf_sql_step(st, "looking for a document", err);
    if (rc == 1)
        rc = get_row(st, arena, out, err);
    else if (rc == 0)
        rc = wf_err_set(err, WF_E_NOENT,
                        "No device has a document \"%.*s\". List them: weft "
                        "documents",
                        WF_STR_ARG(wf_str_sub(words, 0, 120)));
    if (rc == 0 && !wf_str_eq(out->uid, words)) {
        rc = wf_sql_step(st, "looking for a document", err);
        if (rc == 1 && get_row(st, arena, &second, err) == 0)
            rc = wf_err_set(err, WF_E_INVAL,
                            "Several documents are called \"%.*s\": say its id, which weft "
                            "documents lists.",
                            WF_STR_ARG(wf_str_sub(words, 0, 120)));
    }
    sqlite3_reset(st);
    return rc;
}

/* ---- new ones ---- */

/* The last part of a path. */
static struct wf_str name_of(struct wf_str path, struct wf_str title)
{
    size_t i = path.len;

    while (i > 0 && path.ptr[i - 1] != '/')
        i--;
    return path.len == 0 ? title : wf_str_sub(path, i, path.len);
}

static int get_new(sqlite3_stmt *st, struct wf_arena *arena, struct wf_paper *out,
                   struct wf_err *err)
{
    struct wf_str hash = wf_sql_blob(st, 2), title = wf_sql_text(st, 5);
    enum wf_label label, space_label;

    if (hash.len != sizeof(out->hash))
        return damaged(err);
    (void)!wf_label_parse(wf_sql_text(st, 3), &label); /* what cannot be read is secret */
    (void)!wf_label_parse(wf_sql_text(st, 8), &space_label);
    *out = (struct wf_paper){
        .space = sqlite3_column_int64(st, 1),
        .state = WF_PAPER_HERE,
        .label = (int)wf_label_max(label, space_label),
        .told = WF_PAPER_UNTOLD,
        .is_own = true,
        .bytes = (uint64_t)sqlite3_column_int64(st, 7),
        .used_ms = sqlite3_column_int64(st, 10),
        .uid = wf_arena_dup(arena, wf_sql_text(st, 4)),
        .title = wf_arena_dup(arena, title),
        .type = wf_arena_dup(arena, wf_sql_text(st, 6)),
        .name = wf_arena_dup(arena, name_of(wf_sql_text(st, 9), title)),
    };
    memcpy(out->hash, hash.ptr, sizeof(out->hash));
    return out->uid.ptr && out->title.ptr && out->type.ptr && out->name.ptr ? 0 : no_memory(err);
}

int wf_papers_new(struct wf_reader *r, int64_t *io_id, size_t n_max, struct wf_arena *arena,
                  struct wf_paper **out, int64_t **out_documents, size_t *out_n, struct wf_err *err)
{
    static const char sql[] =
        "SELECT d.id,d.space,d.hash,d.label,d.uid,d.title,d.type,d.bytes,p.label,"
        "(SELECT path FROM source WHERE document=d.id ORDER BY path LIMIT 1),d.added_ms"
        " FROM document d JOIN space p ON p.id=d.space"
        " LEFT JOIN document_share s ON s.space=d.space AND s.hash=d.hash"
        " WHERE d.id>?1 AND p.name<>'manual' AND (s.state IS NULL OR s.state IN (0,3))"
        " ORDER BY d.id LIMIT ?2";
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql, &st, err), got = 0;

    if (rc != 0)
        return rc;
    *out = wf_arena_array(arena, n_max, sizeof(**out));
    *out_documents = wf_arena_array(arena, n_max, sizeof(**out_documents));
    if (*out == NULL || *out_documents == NULL)
        return no_memory(err);
    sqlite3_bind_int64(st, 1, *io_id);
    sqlite3_bind_int64(st, 2, (int64_t)n_max);
    while (rc == 0 && (got = wf_sql_step(st, "looking for new documents", err)) == 1) {
        (*out_documents)[n] = sqlite3_column_int64(st, 0);
        rc = get_new(st, arena, &(*out)[n++], err);
    }
    sqlite3_reset(st);
    rc = got < 0 ? got : rc;
    if (rc == 0 && n > 0)
        *io_id = (*out_documents)[n - 1];
    *out_n = n;
    return rc;
}

int wf_paper_may_give(struct wf_reader *r, const struct wf_paper_asked *asked, bool *out_may,
                      bool *out_keeps, uint64_t *out_bytes, struct wf_err *err)
{
    static const char sql[] =
        "SELECT bytes, own OR pinned OR EXISTS(SELECT 1 FROM document d JOIN source o ON"
        " o.document=d.id WHERE d.space=s.space AND d.hash=s.hash)" FROM
        "hash=?1 AND state=1 AND told>=0 AND label<=?2 AND"
        " (?3 IS NULL OR space=(SELECT id FROM space WHERE uid=?3)) ORDER BY 2 DESC LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, asked->hash, WF_HASH_BYTES);
    sqlite3_bind_int64(st, 2, asked->clearance);
    if (asked->space != NULL)
        wf_sql_bind_bytes(st, 3, asked->space, WF_SPACE_UID_BYTES);
    else
        sqlite3_bind_null(st, 3);
    rc = wf_sql_step(st, "looking for a document to give", err);
    if (rc < 0)
        return rc;
    *out_may = rc == 1;
    *out_bytes = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    *out_keeps = rc == 1 && (asked->keeps_all || sqlite3_column_int(st, 1) != 0);
    sqlite3_reset(st);
    return 0;
}

int wf_paper_space(struct wf_reader *r, int64_t space, uint8_t out[WF_SPACE_UID_BYTES],
                   struct wf_err *err)
{
    static const char sql[] = "SELECT uid FROM space WHERE id=?1";
    sqlite3_stmt *st = NULL;
    struct wf_str uid;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "looking for a document's space", err);
    if (rc < 0)
        return rc;
    uid = rc == 1 ? wf_sql_blob(st, 0) : WF_STR("");
    rc = uid.len == WF_SPACE_UID_BYTES ? 0 : WF_E_NOENT;
    if (rc == 0)
        memcpy(out, uid.ptr, uid.len);
    sqlite3_reset(st);
    return rc == 0 ? 0 : wf_err_set(err, rc, "There is no such space.");
}

static int any(sqlite3_stmt *st, bool *out, struct wf_err *err)
{
    int rc = wf_sql_step(st, "looking for a document of the devices", err);

    if (rc < 0)
        return rc;
    *out = rc == 1;
    sqlite3_reset(st);
    return 0;
}

int wf_paper_is_wanted(struct wf_reader *r, const uint8_t hash[WF_HASH_BYTES], bool *out,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT 1" FROM "hash=?1 AND wanted>0 AND state IN (0,2) LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, hash, WF_HASH_BYTES);
    return any(st, out, err);
}

int wf_paper_is_replaced(struct wf_reader *r, const struct wf_paper *p, bool *out,
                         struct wf_err *err)
{
    static const char sql[] =
        "SELECT 1" FROM "space=?1 AND name=?2 AND hash<>?3 AND wanted>0 AND state=0 LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, p->space);
    wf_sql_bind_text(st, 2, p->name);
    wf_sql_bind_bytes(st, 3, p->hash, sizeof(p->hash));
    return any(st, out, err);
}

/* ---- pieces ---- */

int wf_pieces_put(struct wf_store *s, const uint8_t space[WF_SPACE_UID_BYTES],
                  const uint8_t blob[WF_HASH_BYTES], const struct wf_piece *p, size_t n,
                  struct wf_err *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO blob_piece(blob,start,bytes,hash,space) VALUES(?1,?2,?3,?4,"
        "coalesce((SELECT id FROM space WHERE uid=?5),0))";
    uint64_t at = 0;
    sqlite3_stmt *st = NULL;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; at += p[i++].bytes) {
        rc = wf_store_write_cached(s, sql, &st, err);
        if (rc != 0)
            break;
        wf_sql_bind_bytes(st, 1, blob, WF_HASH_BYTES);
        sqlite3_bind_int64(st, 2, (int64_t)at);
        sqlite3_bind_int64(st, 3, p[i].bytes);
        wf_sql_bind_bytes(st, 4, p[i].hash, sizeof(p[i].hash));
        wf_sql_bind_bytes(st, 5, space, WF_SPACE_UID_BYTES);
        rc = wf_sql_run(st, "noting a file's pieces", err);
    }
    return rc;
}

int wf_pieces_get(struct wf_reader *r, const uint8_t blob[WF_HASH_BYTES], uint64_t from,
                  struct wf_piece *out, size_t n_max, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT start,bytes,hash FROM blob_piece WHERE blob=?1 AND start>=?2"
                              " ORDER BY start LIMIT ?3";
    sqlite3_stmt *st = NULL;
    uint64_t at = from;
    size_t n = 0;
    int rc = wf_reader_cached(r, sql, &st, err), got = 0;

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, blob, WF_HASH_BYTES);
    sqlite3_bind_int64(st, 2, (int64_t)from);
    sqlite3_bind_int64(st, 3, (int64_t)n_max);
    while ((got = wf_sql_step(st, "reading a file's pieces", err)) == 1) {
        struct wf_str hash = wf_sql_blob(st, 2);
        int64_t bytes = sqlite3_column_int64(st, 1);
        if ((uint64_t)sqlite3_column_int64(st, 0) != at || bytes <= 0 ||
            bytes > (int64_t)WF_PIECE_BYTES_MAX || hash.len != sizeof(out->hash))
            break; /* as if they were not known */
        out[n].bytes = (uint32_t)bytes;
        memcpy(out[n++].hash, hash.ptr, hash.len);
        at += (uint64_t)bytes;
    }
    sqlite3_reset(st);
    *out_n = n;
    return got < 0 ? got : 0;
}

int wf_piece_find(struct wf_reader *r, int64_t space, const struct wf_piece *p,
                  uint8_t out_blob[WF_HASH_BYTES], uint64_t *out_start, struct wf_err *err)
{
    static const char sql[] =
        "SELECT blob,start FROM blob_piece WHERE hash=?1 AND bytes=?2 AND space=?3 LIMIT 1";
    sqlite3_stmt *st = NULL;
    struct wf_str blob;
    int rc = wf_reader_cached(r, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, p->hash, sizeof(p->hash));
    sqlite3_bind_int64(st, 2, p->bytes);
    sqlite3_bind_int64(st, 3, space);
    rc = wf_sql_step(st, "looking for a piece", err);
    if (rc == 1) {
        blob = wf_sql_blob(st, 0);
        rc = blob.len == WF_HASH_BYTES ? 0 : WF_E_NOENT;
        if (rc == 0) {
            memcpy(out_blob, blob.ptr, blob.len);
            *out_start = (uint64_t)sqlite3_column_int64(st, 1);
        }
    } else if (rc == 0) {
        rc = WF_E_NOENT;
    }
    sqlite3_reset(st);
    return rc;
}
