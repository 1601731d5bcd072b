/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records: one, a page, what was done to one, a hash of all. */
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "space/record_internal.h"
#include "store/sql.h"

/* ---- rows ---- */

#define COLUMNS "SELECT collection,key,label,hlc,state,least FROM record "

static int read_row(sqlite3_stmt *st, struct wf_arena *arena, struct wf_record_row *out,
                    struct wf_err *err)
{
    *out = (struct wf_record_row){
        .collection = wf_arena_dup(arena, wf_sql_text(st, 0)),
        .key = wf_arena_dup(arena, wf_sql_text(st, 1)),
        .label = (uint8_t)(sqlite3_column_int(st, 2) & WF_CHANGE_LABEL_MAX),
        .least = (uint8_t)(sqlite3_column_int(st, 5) & WF_CHANGE_LABEL_MAX),
        .changed_ms = wf_hlc_ms((uint64_t)sqlite3_column_int64(st, 3)),
        .state = wf_arena_dup(arena, wf_sql_blob(st, 4)),
    };
    return out->collection.ptr != NULL && out->key.ptr != NULL && out->state.ptr != NULL
               ? 0
               : wf_record__no_memory(err);
}

int wf_records_space(struct wf_reader *reader, int64_t space, struct wf_arena *arena,
                     struct wf_str *out, struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    struct wf_str name;
    int rc = wf_reader_cached(reader, "SELECT name FROM space WHERE id=?1", &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "looking for a space", err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return wf_err_set(err, WF_E_NOENT, "There is no such space.");
    name = wf_arena_dup(arena, wf_sql_text(st, 0));
    sqlite3_reset(st);
    if (name.ptr == NULL)
        return wf_record__no_memory(err);
    *out = name;
    return 0;
}

int wf_records_get(struct wf_reader *reader, int64_t space, struct wf_str collection,
                   struct wf_str key, struct wf_arena *arena, struct wf_record_row *out,
                   struct wf_err *err)
{
    static const char sql[] = COLUMNS "WHERE space=?1 AND collection=?2 AND key=?3 AND live=1";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(reader, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, collection);
    wf_sql_bind_text(st, 3, key);
    rc = wf_sql_step(st, "reading a record", err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return wf_err_set(err, WF_E_NOENT, "There is no record %.*s/%.*s.",
                          WF_STR_ARG(wf_str_sub(collection, 0, 60)),
                          WF_STR_ARG(wf_str_sub(key, 0, 60)));
    rc = read_row(st, arena, out, err);
    sqlite3_reset(st);
    return rc;
}

int wf_records_list(struct wf_reader *reader, const struct wf_records_page *page,
                    struct wf_arena *arena, struct wf_record_row **out, size_t *out_n,
                    struct wf_err *err)
{
    static const char sql_all[] = COLUMNS "WHERE space=?1 AND live=1 AND (collection,key)>(?2,?3)"
                                          " ORDER BY collection,key LIMIT ?4";
    static const char sql_one[] = COLUMNS "WHERE space=?1 AND live=1 AND collection=?5 AND key>?3"
                                          " ORDER BY key LIMIT ?4";
    bool has_collection = page->collection.len > 0;
    struct wf_record_row *rows = wf_arena_array(arena, page->n_max, sizeof(*rows));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = rows != NULL ? wf_reader_cached(reader, has_collection ? sql_one : sql_all, &st, err)
                          : wf_record__no_memory(err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, page->space);
    wf_sql_bind_text(st, 3, page->after_key);
    sqlite3_bind_int64(st, 4, (int64_t)page->n_max);
    wf_sql_bind_text(st, has_collection ? 5 : 2,
                     has_collection ? page->collection : page->after_collection);
    while (rows != NULL && n < page->n_max && (rc = wf_sql_step(st, "reading records", err)) == 1) {
        rc = read_row(st, arena, &rows[n], err);
        if (rc != 0)
            break;
        n++;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = rows;
    *out_n = n;
    return 0;
}

int wf_record_row_json(const struct wf_record_row *row, json_t **out, struct wf_err *err)
{
    struct wf_record record;
    int rc;

    wf_record_init(&record);
    rc = wf_record_read(&record, row->state, err);
    if (rc == 0) {
        json_t *v = wf_record_json(&record);
        if (v == NULL)
            rc = wf_record__no_memory(err);
        else
            *out = v;
    }
    wf_record_deinit(&record);
    return rc;
}

/* ---- history ---- */

static const char *op_name(enum wf_record_op_kind kind)
{
    static const char *const names[WF_RECORD_KIND_COUNT] = {"delete", "label", "set", "unset",
                                                            "count",  "add",   "take"};
    return names[kind];
}

static json_t *op_json(const struct wf_record_op *op)
{
    json_t *o = json_pack("{s:s}", "op", op_name(op->kind));
    int rc = o != NULL ? 0 : -1;

    if (rc == 0 && op->field.len > 0)
        rc = json_object_set_new(o, "field", wf_json_str(op->field));
    if (rc == 0 && op->value.len > 0)
        rc = json_object_set_new(
            o, "value",
            wf_json_load(op->value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                         NULL));
    if (rc == 0 && op->kind == WF_RECORD_COUNT)
        rc = json_object_set_new(o, "total", json_integer(op->total));
    if (rc == 0 && op->kind == WF_RECORD_LABEL)
        rc = json_object_set_new(o, "label", json_integer(op->label));
    if (rc == 0)
        return o;
    json_decref(o);
    return NULL;
}

static int ops_text(const struct wf_change_item *item, struct wf_arena *arena, struct wf_str *out,
                    struct wf_err *err)
{
    json_t *a = json_array();
    struct wf_record_op op;
    struct wf_buf b;
    size_t at = 0;
    int rc = a != NULL ? 0 : -1;

    wf_buf_init(&b, SIZE_MAX);
    while (rc == 0 && wf_change_op_next(item, &at, &op))
        rc = json_array_append_new(a, op_json(&op));
    if (rc == 0)
        rc = wf_json_append(&b, a);
    if (rc == 0) {
        *out = wf_arena_dup(arena, wf_buf_str(&b));
        rc = out->ptr != NULL ? 0 : -1;
    }
    wf_buf_deinit(&b);
    json_decref(a);
    return rc == 0 ? 0 : wf_record__no_memory(err);
}

/* The event of the change, when it has an item of the record: 1. */
static int read_event(struct wf_str bytes, struct wf_str collection, struct wf_str key,
                      struct wf_arena *arena, struct wf_record_event *out, struct wf_err *err)
{
    struct wf_change_item item;
    struct wf_change c = {.dseq = 0};
    size_t at = 0;
    int rc = wf_change_read(bytes, &c, err);

    while (rc == 0 && wf_change_next(&c, &at, &item)) {
        if (item.is_pruned || !wf_str_eq(item.collection, collection) || !wf_str_eq(item.key, key))
            continue;
        memcpy(out->device, c.device, sizeof(out->device));
        out->dseq = c.dseq;
        out->at_ms = wf_hlc_ms(c.hlc);
        rc = ops_text(&item, arena, &out->ops, err);
        return rc == 0 ? 1 : rc;
    }
    return rc;
}

int wf_records_history(struct wf_reader *reader, int64_t space, struct wf_str collection,
                       struct wf_str key, size_t n_max, struct wf_arena *arena,
                       struct wf_record_event **out, size_t *out_n, struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM record_change WHERE space=?1"
                              " AND instr(bytes,?2)>0 ORDER BY hlc DESC, device";
    struct wf_record_event *events = wf_arena_array(arena, n_max, sizeof(*events));
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int rc = events != NULL ? wf_reader_cached(reader, sql, &st, err) : wf_record__no_memory(err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_blob(st, 2, key);
    while (events != NULL && n < n_max &&
           (rc = wf_sql_step(st, "reading a record's history", err)) == 1) {
        rc = read_event(wf_sql_blob(st, 0), collection, key, arena, &events[n], err);
        if (rc < 0)
            break;
        n += rc == 1;
    }
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    *out = events;
    *out_n = n;
    return 0;
}

/* ---- the hash of all ---- */

/* One record into the hash: what a final state leaves nothing of is no record. */
static int hash_row(crypto_generichash_state *hash, sqlite3_stmt *st, bool is_final,
                    struct wf_buf *room, struct wf_err *err)
{
    struct wf_record record;
    int rc;

    wf_record_init(&record);
    rc = wf_record_read(&record, wf_sql_blob(st, 2), err);
    if (rc == 0 && (!is_final || wf_record_is_live(&record))) {
        struct wf_str collection = wf_sql_text(st, 0), key = wf_sql_text(st, 1);
        wf_buf_reset(room);
        wf_buf_append_u64le(room, collection.len);
        wf_buf_append_str(room, collection);
        wf_buf_append_u64le(room, key.len);
        wf_buf_append_str(room, key);
        if (wf_record_write(&record, is_final, room) != 0)
            rc = wf_record__no_memory(err);
        else
            (void)crypto_generichash_update(hash, (const uint8_t *)room->ptr, room->len);
    }
    wf_record_deinit(&record);
    return rc;
}

int wf_records_digest(struct wf_reader *reader, int64_t space, bool is_final, uint8_t out[32],
                      struct wf_err *err)
{
    static const char sql[] = "SELECT collection,key,state FROM record WHERE space=?1"
                              " ORDER BY collection,key";
    crypto_generichash_state hash;
    sqlite3_stmt *st = NULL;
    struct wf_buf room;
    int rc = wf_reader_cached(reader, sql, &st, err);

    if (rc != 0)
        return rc;
    (void)crypto_generichash_init(&hash, NULL, 0, 32); /* none of these can fail */
    wf_buf_init(&room, SIZE_MAX);
    sqlite3_bind_int64(st, 1, space);
    while (rc == 0 && (rc = wf_sql_step(st, "reading records", err)) == 1)
        rc = hash_row(&hash, st, is_final, &room, err);
    sqlite3_reset(st);
    wf_buf_deinit(&room);
    if (rc == 0)
        (void)crypto_generichash_final(&hash, out, 32);
    return rc;
}
