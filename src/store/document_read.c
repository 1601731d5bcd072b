/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, the reading half: rows of `document` as structs, a document's text as its chunks.
 *
 * One SELECT list serves all ways of finding a document; its columns are read in the order of
 * enum column. The path that is shown is the first of its paths in byte order. */
#include "store/document.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "store/store_internal.h"

#define COLUMNS                                                                                    \
    "SELECT d.id,d.uid,d.title,d.type,d.author,d.language,d.written,d.label,d.warning,s.name,"     \
    "(SELECT min(path) FROM source WHERE document=d.id),d.hash,d.bytes,d.n_cp,d.n_pages,"          \
    "d.n_chunks,d.first_chunk,d.modified_ms,d.added_ms,d.space"                                    \
    " FROM document d JOIN space s ON s.id=d.space "

enum column {
    COL_ID,
    COL_UID,
    COL_TITLE,
    COL_TYPE,
    COL_AUTHOR,
    COL_LANGUAGE,
    COL_WRITTEN,
    COL_LABEL,
    COL_WARNING,
    COL_SPACE,
    COL_PATH,
    COL_HASH,
    COL_BYTES,
    COL_N_CP,
    COL_N_PAGES,
    COL_N_CHUNKS,
    COL_FIRST_CHUNK,
    COL_MODIFIED_MS,
    COL_ADDED_MS,
    COL_SPACE_ID,
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (reading a document).");
}

static int read_strings(sqlite3_stmt *st, struct wf_arena *arena, struct wf_document *d,
                        struct wf_err *err)
{
    const struct {
        enum column column;
        struct wf_str *out;
    } strings[] = {
        {COL_UID, &d->uid},       {COL_TITLE, &d->title},       {COL_TYPE, &d->type},
        {COL_AUTHOR, &d->author}, {COL_LANGUAGE, &d->language}, {COL_WRITTEN, &d->written},
        {COL_LABEL, &d->label},   {COL_WARNING, &d->warning},   {COL_SPACE, &d->space},
        {COL_PATH, &d->path},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(strings); i++) {
        *strings[i].out = wf_arena_dup(arena, wf_sql_text(st, (int)strings[i].column));
        if (strings[i].out->ptr == NULL) {
            return no_memory(err);
        }
    }
    return 0;
}

static int read_row(sqlite3_stmt *st, struct wf_arena *arena, struct wf_document *out,
                    struct wf_err *err)
{
    struct wf_document d = {
        .id = sqlite3_column_int64(st, COL_ID),
        .space_id = sqlite3_column_int64(st, COL_SPACE_ID),
        .bytes = (uint64_t)sqlite3_column_int64(st, COL_BYTES),
        .n_cp = (uint64_t)sqlite3_column_int64(st, COL_N_CP),
        .n_pages = (uint32_t)sqlite3_column_int64(st, COL_N_PAGES),
        .n_chunks = (uint32_t)sqlite3_column_int64(st, COL_N_CHUNKS),
        .first_chunk = sqlite3_column_int64(st, COL_FIRST_CHUNK),
        .modified_ms = sqlite3_column_int64(st, COL_MODIFIED_MS),
        .added_ms = sqlite3_column_int64(st, COL_ADDED_MS),
    };
    struct wf_str hash = wf_sql_blob(st, COL_HASH);
    if (hash.len != WF_HASH_BYTES) {
        return wf_err_set(err, WF_E_CORRUPT, "The database is damaged: a document has no hash.");
    }
    memcpy(d.hash, hash.ptr, WF_HASH_BYTES);
    int status = read_strings(st, arena, &d, err);
    if (status == 0) {
        *out = d;
    }
    return status;
}

/* Reads the one row of `st`, or says that there is none. */
static int read_one(sqlite3_stmt *st, struct wf_arena *arena, struct wf_document *out,
                    struct wf_err *err)
{
    int status = wf_sql_step(st, "reading a document", err);
    if (status == 0) {
        return wf_err_set(err, WF_E_NOENT, "There is no such document.");
    }
    if (status == 1) {
        status = read_row(st, arena, out, err);
        sqlite3_reset(st);
    }
    return status;
}

int wf_document_get(struct wf_reader *r, struct wf_str uid, struct wf_arena *arena,
                    struct wf_document *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.uid=?";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, uid);
    return read_one(st, arena, out, err);
}

int wf_document_get_id(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                       struct wf_document *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.id=?";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    return read_one(st, arena, out, err);
}

int wf_document_at_path(struct wf_reader *r, struct wf_str path, struct wf_arena *arena,
                        struct wf_document *out, struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE d.id=(SELECT document FROM source WHERE path=?)";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, path);
    return read_one(st, arena, out, err);
}

/* ?1 a space, ?2 words of title or path, ?3 a media type or its part before '/'; empty = all. */
#define LIKE_SQL                                                                                   \
    "(?1='' OR s.name=?1)"                                                                         \
    " AND (?2='' OR instr(lower(d.title),lower(?2))>0 OR EXISTS"                                   \
    " (SELECT 1 FROM source WHERE document=d.id AND instr(lower(path),lower(?2))>0))"              \
    " AND (?3='' OR d.type=?3 OR substr(d.type,1,length(?3)+1)=?3||'/')"

static void bind_like(sqlite3_stmt *st, const struct wf_document_like *like)
{
    wf_sql_bind_text(st, 1, like->space);
    wf_sql_bind_text(st, 2, like->words);
    wf_sql_bind_text(st, 3, like->type);
}

int wf_document_count(struct wf_reader *r, const struct wf_document_like *like, uint64_t *out,
                      struct wf_err *err)
{
    static const char sql[] = "SELECT count(*) FROM document d JOIN space s ON s.id=d.space"
                              " WHERE " LIKE_SQL;
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    bind_like(st, like);
    status = wf_sql_step(st, "counting documents", err);
    if (status == 1) {
        *out = (uint64_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}

int wf_document_page(struct wf_reader *r, const struct wf_document_like *like, int64_t before_id,
                     size_t n_max, struct wf_arena *arena, struct wf_document_list *out,
                     struct wf_err *err)
{
    assert(n_max > 0 && n_max <= 1000);
    static const char sql[] = COLUMNS "WHERE " LIKE_SQL " AND d.id<?4 ORDER BY d.id DESC LIMIT ?5";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    struct wf_document_list list = {wf_arena_array(arena, n_max, sizeof *list.items), 0};
    if (list.items == NULL) {
        return no_memory(err);
    }
    bind_like(st, like);
    sqlite3_bind_int64(st, 4, before_id > 0 ? before_id : INT64_MAX);
    sqlite3_bind_int64(st, 5, (int64_t)n_max);
    while ((status = wf_sql_step(st, "listing documents", err)) == 1) {
        status = read_row(st, arena, &list.items[list.n_items], err);
        if (status != 0) {
            sqlite3_reset(st);
            return status;
        }
        list.n_items++;
    }
    if (status == 0) {
        *out = list;
    }
    return status;
}

int wf_document_paths(struct wf_reader *r, int64_t id, struct wf_arena *arena,
                      struct wf_str **out_paths, size_t *out_n, struct wf_err *err)
{
    static const char sql_n[] = "SELECT count(*) FROM source WHERE document=?";
    static const char sql[] = "SELECT path FROM source WHERE document=? ORDER BY path";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql_n, &st, err);
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, id);
    size_t n = 0;
    status = wf_sql_step(st, "counting paths", err);
    if (status == 1) {
        n = (size_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        status = wf_reader_cached(r, sql, &st, err);
    }
    if (status != 0) {
        return status;
    }
    struct wf_str *paths = wf_arena_array(arena, n + 1, sizeof *paths);
    if (paths == NULL) {
        return no_memory(err);
    }
    sqlite3_bind_int64(st, 1, id);
    size_t i = 0;
    while ((status = wf_sql_step(st, "reading paths", err)) == 1) {
        assert(i < n); /* one read transaction: the count cannot have changed */
        paths[i] = wf_arena_dup(arena, wf_sql_text(st, 0));
        if (paths[i++].ptr == NULL) {
            sqlite3_reset(st);
            return no_memory(err);
        }
    }
    if (status == 0) {
        *out_paths = paths;
        *out_n = n;
    }
    return status;
}

/* The id of the chunk that holds code point `cp`: the last whose start is not behind it. */
static int chunk_at(struct wf_reader *r, const struct wf_document *d, uint64_t cp, int64_t *out,
                    struct wf_err *err)
{
    static const char sql[] = "SELECT start_cp FROM chunk WHERE id=?";
    int64_t low = d->first_chunk; /* its start is 0 <= cp */
    int64_t high = d->first_chunk + d->n_chunks;
    while (high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        sqlite3_stmt *st = NULL;
        int status = wf_reader_cached(r, sql, &st, err);
        if (status != 0) {
            return status;
        }
        sqlite3_bind_int64(st, 1, mid);
        status = wf_sql_step(st, "finding a place in a document", err);
        if (status != 1) {
            return status < 0 ? status
                              : wf_err_set(err, WF_E_CORRUPT,
                                           "The database is damaged: a part of a text is missing.");
        }
        bool behind = (uint64_t)sqlite3_column_int64(st, 0) > cp;
        sqlite3_reset(st);
        if (behind) {
            high = mid;
        } else {
            low = mid;
        }
    }
    *out = low;
    return 0;
}

int wf_document_chunks(struct wf_reader *r, const struct wf_document *d, uint64_t from_cp,
                       uint64_t to_cp, wf_document_chunk_fn fn, void *ud, struct wf_err *err)
{
    static const char sql[] = "SELECT id,start_cp,n_cp,page,heading,text FROM chunk"
                              " WHERE id>=? AND id<? ORDER BY id";
    if (d->n_chunks == 0 || from_cp >= to_cp || from_cp >= d->n_cp) {
        return 0;
    }
    int64_t first = d->first_chunk;
    int status = chunk_at(r, d, from_cp, &first, err);
    sqlite3_stmt *st = NULL;
    if (status == 0) {
        status = wf_reader_cached(r, sql, &st, err);
    }
    if (status != 0) {
        return status;
    }
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, d->first_chunk + d->n_chunks);
    while ((status = wf_sql_step(st, "reading a document's text", err)) == 1) {
        struct wf_chunk_row c = {
            .start_cp = (uint64_t)sqlite3_column_int64(st, 1),
            .n_cp = (uint32_t)sqlite3_column_int64(st, 2),
            .page = (uint32_t)sqlite3_column_int64(st, 3),
            .heading = wf_sql_text(st, 4),
            .text = wf_sql_text(st, 5),
        };
        int stop = c.start_cp < to_cp ? fn(ud, sqlite3_column_int64(st, 0), &c, err) : 0;
        if (stop != 0 || c.start_cp >= to_cp) {
            sqlite3_reset(st);
            return stop;
        }
    }
    return status;
}

static int look_failed(struct wf_reader *r, struct wf_str path, const struct wf_source_stat *stat,
                       struct wf_arena *arena, struct wf_source_known *out, struct wf_err *err)
{
    static const char sql[] = "SELECT code,reason FROM failed"
                              " WHERE path=? AND size=? AND mtime_ns=?";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, path);
    sqlite3_bind_int64(st, 2, (int64_t)stat->size);
    sqlite3_bind_int64(st, 3, stat->mtime_ns);
    status = wf_sql_step(st, "looking for a path", err);
    if (status != 1) {
        return status;
    }
    out->state = WF_SOURCE_FAILED;
    out->code = sqlite3_column_int(st, 0);
    if (arena != NULL) {
        out->reason = wf_arena_dup(arena, wf_sql_text(st, 1));
        status = out->reason.ptr != NULL ? 0 : no_memory(err);
    }
    sqlite3_reset(st);
    return WF_MIN(status, 0);
}

int wf_document_is_known(struct wf_reader *r, struct wf_str space, const uint8_t *hash,
                         bool *out_known, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM document WHERE hash=?"
                              " AND space=(SELECT id FROM space WHERE name=?)";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)hash, WF_HASH_BYTES));
    wf_sql_bind_text(st, 2, space);
    status = wf_sql_step(st, "looking for the same content", err);
    if (status >= 0) {
        *out_known = status == 1;
        sqlite3_reset(st);
    }
    return WF_MIN(status, 0);
}

int wf_source_look(struct wf_reader *r, struct wf_str path, const struct wf_source_stat *stat,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err)
{
    static const char sql[] =
        "SELECT d.uid,d.id FROM source s JOIN document d ON d.id=s.document"
        " WHERE s.path=?1 AND s.size=?2 AND s.mtime_ns=?3 AND s.ino=?4 AND s.dev=?5"
        " AND (?6='' OR d.space=(SELECT id FROM space WHERE name=?6))";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    wf_sql_bind_text(st, 1, path);
    sqlite3_bind_int64(st, 2, (int64_t)stat->size);
    sqlite3_bind_int64(st, 3, stat->mtime_ns);
    sqlite3_bind_int64(st, 4, (int64_t)stat->ino);
    sqlite3_bind_int64(st, 5, (int64_t)stat->dev);
    wf_sql_bind_text(st, 6, space);
    struct wf_source_known known = {.state = WF_SOURCE_NEW};
    status = wf_sql_step(st, "looking for a path", err);
    if (status == 1) {
        struct wf_str uid = wf_sql_text(st, 0);
        assert(uid.len == WF_UID_BYTES);
        memcpy(known.uid, uid.ptr, WF_UID_BYTES);
        known.document = sqlite3_column_int64(st, 1);
        known.state = WF_SOURCE_UNCHANGED;
        sqlite3_reset(st);
        status = 0;
    } else if (status == 0) {
        status = look_failed(r, path, stat, arena, &known, err);
    }
    if (status == 0) {
        *out = known;
    }
    return status;
}

int wf_document_totals(struct wf_reader *r, struct wf_document_totals *out, struct wf_err *err)
{
    static const char sql[] = "SELECT count(*),total(n_chunks),total(bytes),total(n_cp),"
                              "(SELECT count(*) FROM failed) FROM document";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0) {
        return status;
    }
    status = wf_sql_step(st, "counting documents", err);
    if (status == 1) {
        *out = (struct wf_document_totals){
            .n_documents = (uint64_t)sqlite3_column_int64(st, 0),
            .n_chunks = (uint64_t)sqlite3_column_int64(st, 1),
            .bytes = (uint64_t)sqlite3_column_int64(st, 2),
            .n_cp = (uint64_t)sqlite3_column_int64(st, 3),
            .n_failed = (uint64_t)sqlite3_column_int64(st, 4),
        };
        sqlite3_reset(st);
        status = 0;
    }
    return status;
}
