/* SPDX-License-Identifier: Apache-2.0 */
/* records.*: the list, one, writing, removing. A record is named SPACE/COLLECTION/KEY; its key may
 * hold further slashes.
 *
 * What is written is looked at before it is stored, by patterns: its label is what stands in it, at
 * least the space's. A record's label is the highest of what stands in it now. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/hlc.h"
#include "crdt/record.h"
#include "op/op_internal.h"
#include "privacy/label.h"
#include "space/record.h"
#include "space/space.h"
#include "store/spaces.h"

#define PAGE 100
#define PAGE_MAX 1000
#define HISTORY_MAX 1000

static const char bad_label[] = "A label is public, internal, private or secret.";

/* ---- which one ---- */

/* A record's name, and its space. */
struct name {
    struct wf_str space_name, collection, key;
    int64_t space;
    enum wf_label least; /* the space's */
};

static int find_space(struct wf_reader *reader, struct wf_str name, struct wf_arena *arena,
                      struct name *out, struct wf_err *err)
{
    struct wf_space s;
    int rc = wf_space_by_name(reader, name, arena, &s, err);

    if (rc != 0)
        return rc;
    out->space = s.id;
    out->space_name = s.name;
    (void)!wf_label_parse(s.label, &out->least); /* secret where it is none */
    return 0;
}

static int split(struct wf_str id, struct name *out, struct wf_str *out_space, struct wf_err *err)
{
    size_t first = wf_str_find_byte(id, '/', 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : wf_str_find_byte(id, '/', first + 1);

    if (second == SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "A record is named SPACE/COLLECTION/KEY.");
    *out_space = wf_str_sub(id, 0, first);
    out->collection = wf_str_sub(id, first + 1, second);
    out->key = wf_str_sub(id, second + 1, id.len);
    return 0;
}

/* The record that the parameter "id" names; texts live in the parameters and the arena. */
static int read_name(struct wf_reader *reader, const json_t *params, struct wf_arena *arena,
                     struct name *out, struct wf_err *err)
{
    struct wf_str id, space = WF_STR("");
    int rc = wf_param_str(params, "id", true, &id, err);

    if (rc == 0)
        rc = split(id, out, &space, err);
    if (rc == 0)
        rc = wf_record_check_collection(out->collection, err);
    if (rc == 0)
        rc = wf_record_check_key(out->key, err);
    return rc == 0 ? find_space(reader, space, arena, out, err) : rc;
}

/* Collections of weft's own are written by weft alone. */
static int check_own(struct wf_str collection, struct wf_err *err)
{
    return wf_str_starts(collection, WF_STR("weft."))
               ? wf_err_set(err, WF_E_DENIED, "Collections that begin with \"weft.\" are weft's.")
               : 0;
}

static int read_name_alone(struct wf_op_context *ctx, const json_t *params, struct wf_arena *arena,
                           struct name *out, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(ctx->store, &reader, err);

    if (rc != 0)
        return rc;
    rc = read_name(reader, params, arena, out, err);
    wf_store_reader_put(ctx->store, reader);
    return rc == 0 ? check_own(out->collection, err) : rc;
}

/* ---- reading ---- */

/* NOENT where it is not there for who asks. */
static int row_json(const struct wf_op_call *call, const struct name *n,
                    const struct wf_record_row *row, json_t **out, struct wf_err *err)
{
    enum wf_label label = wf_label_max((enum wf_label)row->label, n->least);
    json_t *fields = NULL;
    int rc;

    if (wf_op__hides(call, wf_str_from(wf_label_name(label))))
        return wf_err_set(err, WF_E_NOENT, "There is no such record.");
    rc = wf_record_row_json(row, &fields, err);
    if (rc != 0)
        return rc;
    *out =
        json_pack("{s:o, s:o, s:o, s:s, s:I, s:o}", "space", wf_json_str(n->space_name),
                  "collection", wf_json_str(row->collection), "key", wf_json_str(row->key), "label",
                  wf_label_name(label), "changed", (json_int_t)row->changed_ms, "fields", fields);
    return *out != NULL ? 0 : wf_op__no_memory(err);
}

/* The last one's name, behind which the next page begins. */
static json_t *next_json(const struct wf_record_row *rows, size_t n, size_t n_max)
{
    struct wf_buf b;
    json_t *v = NULL;

    if (n < n_max)
        return json_null();
    wf_buf_init(&b, 4096);
    wf_buf_append_str(&b, rows[n - 1].collection);
    wf_buf_append_byte(&b, '/');
    if (wf_buf_append_str(&b, rows[n - 1].key) == 0)
        v = wf_json_str(wf_buf_str(&b));
    wf_buf_deinit(&b);
    return v;
}

static int list(struct wf_reader *reader, const struct wf_op_call *call, struct wf_arena *arena,
                json_t **out, struct wf_err *err)
{
    const json_t *params = call->params;
    const struct wf_param_range limits = {1, PAGE_MAX, PAGE};
    struct wf_records_page page = {.space = 0};
    struct wf_record_row *rows = NULL;
    struct wf_str space, after;
    json_t *array, *v = NULL;
    struct name name = {.space = 0};
    int64_t limit = 0;
    size_t n = 0, slash;
    int rc = wf_param_str(params, "space", false, &space, err);

    if (rc == 0)
        rc = wf_param_str(params, "collection", false, &page.collection, err);
    if (rc == 0)
        rc = wf_param_str(params, "after", false, &after, err);
    if (rc == 0)
        rc = wf_param_int(params, "limit", limits, &limit, err);
    if (rc == 0)
        rc = find_space(reader, space, arena, &name, err);
    if (rc != 0)
        return rc;
    slash = wf_str_find_byte(after, '/', 0);
    if (after.len > 0 && slash == SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "\"after\" is what \"next\" said before.");
    page.space = name.space;
    page.n_max = (size_t)limit;
    if (after.len > 0) {
        page.after_collection = wf_str_sub(after, 0, slash);
        page.after_key = wf_str_sub(after, slash + 1, after.len);
    }
    rc = wf_records_list(reader, &page, arena, &rows, &n, err);
    array = json_array();
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = row_json(call, &name, &rows[i], &v, err);
        if (rc == WF_E_NOENT)
            rc = 0;
        else if (rc == 0 && json_array_append_new(array, v) != 0)
            rc = wf_op__no_memory(err);
    }
    if (rc == 0)
        rc = wf_op__give(
            json_pack("{s:O, s:o}", "records", array, "next", next_json(rows, n, page.n_max)), out,
            err);
    json_decref(array);
    return rc;
}

int wf_op__records_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(ctx->store, &reader, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = list(reader, call, &arena, out_result, err);
    wf_store_reader_put(ctx->store, reader);
    wf_arena_deinit(&arena);
    return rc;
}

static int event_json(const struct wf_record_event *e, json_t **out, struct wf_err *err)
{
    char device[2 * WF_SIGNER_ID_BYTES + 1];
    json_t *ops = NULL;
    int rc = wf_json_parse(e->ops, &ops, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < WF_SIGNER_ID_BYTES; i++) {
        static const char digits[] = "0123456789abcdef";
        device[2 * i] = digits[e->device[i] >> 4];
        device[2 * i + 1] = digits[e->device[i] & 15];
    }
    device[sizeof(device) - 1] = 0;
    *out = json_pack("{s:s, s:I, s:I, s:o}", "device", device, "number", (json_int_t)e->dseq, "at",
                     (json_int_t)e->at_ms, "ops", ops);
    return *out != NULL ? 0 : wf_op__no_memory(err);
}

static int history(struct wf_reader *reader, const struct name *name, size_t n_max,
                   struct wf_arena *arena, json_t **out, struct wf_err *err)
{
    struct wf_record_event *events = NULL;
    json_t *array = json_array(), *v = NULL;
    size_t n = 0;
    int rc = wf_records_history(reader, name->space, name->collection, name->key, n_max, arena,
                                &events, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = event_json(&events[i], &v, err);
        if (rc == 0 && json_array_append_new(array, v) != 0)
            rc = wf_op__no_memory(err);
    }
    if (rc == 0) {
        *out = array;
        return 0;
    }
    json_decref(array);
    return rc;
}

/* A record with its fields; one that was deleted only where its history is asked for. */
static int get(struct wf_reader *reader, const struct wf_op_call *call, const struct name *name,
               size_t n_history, struct wf_arena *arena, json_t **out, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    json_t *v = NULL, *events = NULL;
    struct wf_record_row row;
    int rc = wf_records_get(reader, name->space, name->collection, name->key, arena, &row, &own);

    if (rc == WF_E_NOENT && n_history > 0) {
        v = json_pack("{s:o, s:o, s:o, s:s, s:n, s:n}", "space", wf_json_str(name->space_name),
                      "collection", wf_json_str(name->collection), "key", wf_json_str(name->key),
                      "label", wf_label_name(name->least), "changed", "fields");
        rc = v != NULL ? 0 : wf_op__no_memory(err);
    } else if (rc == 0) {
        rc = row_json(call, name, &row, &v, err);
    } else {
        (void)wf_err_set(err, rc, "%s", own.msg);
    }
    if (rc == 0 && n_history > 0)
        rc = history(reader, name, n_history, arena, &events, err);
    if (rc == 0 && events != NULL && json_array_size(events) == 0 &&
        json_is_null(json_object_get(v, "fields")))
        rc = wf_err_set(err, WF_E_NOENT, "%s", own.msg);
    if (rc == 0 && events != NULL && json_object_set(v, "history", events) != 0)
        rc = wf_op__no_memory(err);
    json_decref(events);
    if (rc != 0) {
        json_decref(v);
        return rc;
    }
    *out = v;
    return 0;
}

int wf_op__records_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range counts = {0, HISTORY_MAX, 0};
    struct wf_reader *reader = NULL;
    struct name name = {.space = 0};
    struct wf_arena arena;
    int64_t n_history = 0;
    int rc = wf_param_int(call->params, "history", counts, &n_history, err);

    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &reader, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = read_name(reader, call->params, &arena, &name, err);
    if (rc == 0)
        rc = get(reader, call, &name, (size_t)n_history, &arena, out_result, err);
    wf_store_reader_put(ctx->store, reader);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- what is to be written ---- */

/* An edit that is gathered from parameters, and all text of it, for the label. */
struct draft {
    struct wf_arena *arena;
    struct wf_record_op *ops;
    size_t n, room;
    struct wf_buf text;
};

static int put_op(struct draft *d, struct wf_record_op op, struct wf_err *err)
{
    if (d->n == d->room) {
        size_t room = d->room > 0 ? 2 * d->room : 16;
        struct wf_record_op *ops = wf_arena_array(d->arena, room, sizeof(*ops));
        if (ops == NULL)
            return wf_op__no_memory(err);
        if (d->n > 0)
            memcpy(ops, d->ops, d->n * sizeof(*ops));
        d->ops = ops;
        d->room = room;
    }
    d->ops[d->n++] = op;
    return 0;
}

/* A value in the form that is stored, the same for the same value. */
static int write_value(struct draft *d, const json_t *v, struct wf_str *out, struct wf_err *err)
{
    char *s = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

    *out = s != NULL ? wf_arena_dup(d->arena, wf_str_from(s)) : (struct wf_str){NULL, 0};
    wf_free(s);
    return out->ptr != NULL ? 0 : wf_op__no_memory(err);
}

static int put_value(struct draft *d, enum wf_record_op_kind kind, const char *field,
                     const json_t *v, struct wf_err *err)
{
    struct wf_record_op op = {.kind = kind, .field = wf_str_from(field)};
    int rc = write_value(d, v, &op.value, err);

    if (rc != 0)
        return rc;
    wf_buf_append_cstr(&d->text, field);
    wf_buf_append_cstr(&d->text, ": ");
    if (json_is_string(v)) /* as it is read, without escapes */
        wf_buf_append(&d->text, json_string_value(v), json_string_length(v));
    else
        wf_buf_append_str(&d->text, op.value);
    wf_buf_append_byte(&d->text, '\n');
    return put_op(d, op, err);
}

/* An object of values by field. */
static int put_fields(struct draft *d, const json_t *fields, struct wf_err *err)
{
    const char *field;
    json_t *v;
    int rc = 0;

    if (fields != NULL && !json_is_object(fields))
        return wf_err_set(err, WF_E_INVAL, "Fields are an object: {\"name\": value}.");
    json_object_foreach((json_t *)(uintptr_t)fields, field, v)
    {
        if (rc == 0)
            rc = put_value(d, WF_RECORD_SET, field, v, err);
    }
    return rc;
}

/* "add" and "take": an object of arrays of values by field. */
static int put_members(struct draft *d, const json_t *sets, enum wf_record_op_kind kind,
                       struct wf_err *err)
{
    const char *field;
    json_t *values, *v;
    size_t i;
    int rc = 0;

    json_object_foreach((json_t *)(uintptr_t)sets, field, values)
    {
        if (!json_is_array(values))
            rc = wf_err_set(err, WF_E_INVAL, "Of a set, \"%.60s\", arrays are added and taken.",
                            field);
        json_array_foreach(values, i, v)
        {
            if (rc == 0)
                rc = put_value(d, kind, field, v, err);
        }
    }
    return rc;
}

static int put_counts(struct draft *d, const json_t *counts, struct wf_err *err)
{
    const char *field;
    json_t *v;
    int rc = 0;

    json_object_foreach((json_t *)(uintptr_t)counts, field, v)
    {
        struct wf_record_op op = {
            .kind = WF_RECORD_COUNT, .field = wf_str_from(field), .total = json_integer_value(v)};
        if (!json_is_integer(v))
            return wf_err_set(err, WF_E_INVAL, "To the counter \"%.60s\" a whole number is added.",
                              field);
        rc = put_op(d, op, err);
        if (rc != 0)
            return rc;
    }
    return rc;
}

static int put_unset(struct draft *d, const json_t *names, struct wf_err *err)
{
    json_t *v;
    size_t i;

    if (names != NULL && !json_is_array(names))
        return wf_err_set(err, WF_E_INVAL, "\"unset\" is an array of fields' names.");
    json_array_foreach(names, i, v)
    {
        struct wf_record_op op = {.kind = WF_RECORD_UNSET,
                                  .field = wf_str_from(json_string_value(v))};
        int rc = json_is_string(v) ? put_op(d, op, err)
                                   : wf_err_set(err, WF_E_INVAL, "A field's name is a text.");
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The label that somebody gives the record. */
static int put_label(struct draft *d, const json_t *params, struct wf_err *err)
{
    enum wf_label label;
    struct wf_str name;
    int rc = wf_param_str(params, "label", false, &name, err);

    if (rc != 0 || name.len == 0)
        return rc;
    if (!wf_label_parse(name, &label))
        return wf_err_set(err, WF_E_INVAL, "%s", bad_label);
    return put_op(d, (struct wf_record_op){.kind = WF_RECORD_LABEL, .label = (uint8_t)label}, err);
}

/* An empty one; the record's own name may say something, too. */
static void begin_draft(struct draft *d, struct wf_arena *arena)
{
    *d = (struct draft){.arena = arena};
    wf_buf_init(&d->text, WF_LIMIT_DETECT_BYTES);
}

static void put_name(struct draft *d, struct wf_str collection, struct wf_str key)
{
    if (d->text.len == 0) /* nothing is written but what ends something */
        return;
    wf_buf_append_str(&d->text, collection);
    wf_buf_append_byte(&d->text, ' ');
    wf_buf_append_str(&d->text, key);
    wf_buf_append_byte(&d->text, '\n');
}

/* What is written is at least as sensitive as the space, and as what stands in it. */
static int label_of(struct wf_op_context *ctx, struct draft *d, const struct name *n,
                    enum wf_label *out, struct wf_err *err)
{
    enum wf_label found = WF_LABEL_SECRET; /* nothing can say what it is */
    int rc = wf_buf_status(&d->text);

    if (rc == 0 && d->text.len == 0)
        found = WF_LABEL_PUBLIC;
    else if (rc == 0 && ctx->detector != NULL)
        rc = wf_op__label_of(ctx, wf_buf_str(&d->text), &found);
    if (rc != 0)
        return wf_err_set(err, rc, "What is to be written could not be looked at.");
    *out = wf_label_max(found, n->least);
    return 0;
}

static int remove_record(struct wf_op_context *ctx, const struct name *n, struct wf_err *err)
{
    const struct wf_record_op op = {.kind = WF_RECORD_DELETE};
    const struct wf_record_edit e = {.collection = n->collection,
                                     .key = n->key,
                                     .label = (uint8_t)n->least,
                                     .ops = &op,
                                     .n_ops = 1};

    return wf_records_write(ctx->records, n->space, &e, 1, err);
}

/* A record that is to become more sensitive than it was: who may know the old one and not the new
 * one learns that it is gone. */
static int part_from_old(struct wf_op_context *ctx, const struct name *n, enum wf_label label,
                         struct wf_arena *arena, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    struct wf_record_row row;
    int rc = wf_store_reader_get(ctx->store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_records_get(reader, n->space, n->collection, n->key, arena, &row, NULL);
    wf_store_reader_put(ctx->store, reader);
    if (rc == WF_E_NOENT || (rc == 0 && label <= (enum wf_label)row.least))
        return 0;
    return rc == 0 ? remove_record(ctx, n, err)
                   : wf_err_set(err, rc, "The record could not be read.");
}

static int write_draft(struct wf_op_context *ctx, const struct name *n, struct draft *d,
                       struct wf_err *err)
{
    struct wf_record_edit e = {
        .collection = n->collection, .key = n->key, .ops = d->ops, .n_ops = d->n};
    enum wf_label label = WF_LABEL_SECRET;
    int rc;

    if (d->n == 0)
        return wf_err_set(err, WF_E_INVAL, "Nothing is to be written.");
    put_name(d, n->collection, n->key);
    rc = label_of(ctx, d, n, &label, err);
    if (rc == 0 && d->ops[0].kind == WF_RECORD_DELETE && label > n->least)
        rc = part_from_old(ctx, n, label, d->arena, err);
    e.label = (uint8_t)label;
    return rc == 0 ? wf_records_write(ctx->records, n->space, &e, 1, err) : rc;
}

/* The record as it is now; none is left of one whose last field was unset. */
static int give(struct wf_op_context *ctx, const struct wf_op_call *call, const struct name *n,
                struct wf_arena *arena, json_t **out_result, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    struct wf_record_row row;
    int rc = wf_store_reader_get(ctx->store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_records_get(reader, n->space, n->collection, n->key, arena, &row, NULL);
    wf_store_reader_put(ctx->store, reader);
    if (rc == WF_E_NOENT)
        return wf_op__give(json_pack("{s:o, s:o, s:o, s:s, s:n, s:{}}", "space",
                                     wf_json_str(n->space_name), "collection",
                                     wf_json_str(n->collection), "key", wf_json_str(n->key),
                                     "label", wf_label_name(n->least), "changed", "fields"),
                           out_result, err);
    return rc == 0 ? row_json(call, n, &row, out_result, err)
                   : wf_err_set(err, rc, "The record could not be read.");
}

typedef int gather_fn(struct draft *d, const json_t *params, struct wf_err *err);

static int write_one(struct wf_op_context *ctx, const struct wf_op_call *call, gather_fn *gather,
                     json_t **out_result, struct wf_err *err)
{
    struct name name = {.space = 0};
    struct wf_arena arena;
    struct draft d;
    int rc;

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    begin_draft(&d, &arena);
    rc = read_name_alone(ctx, call->params, &arena, &name, err);
    if (rc == 0)
        rc = gather(&d, call->params, err);
    if (rc == 0)
        rc = write_draft(ctx, &name, &d, err);
    if (rc == 0)
        rc = give(ctx, call, &name, &arena, out_result, err);
    wf_buf_deinit(&d.text);
    wf_arena_deinit(&arena);
    return rc;
}

static int gather_put(struct draft *d, const json_t *params, struct wf_err *err)
{
    const json_t *fields = json_object_get(params, "fields");
    int rc = put_op(d, (struct wf_record_op){.kind = WF_RECORD_DELETE}, err);

    if (rc == 0 && json_object_size(fields) == 0)
        rc = wf_err_set(err, WF_E_INVAL, "\"fields\" is missing: what the record is to hold.");
    if (rc == 0)
        rc = put_label(d, params, err);
    return rc == 0 ? put_fields(d, fields, err) : rc;
}

int wf_op__records_put(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    return write_one(ctx, call, gather_put, out_result, err);
}

static int gather_edit(struct draft *d, const json_t *params, struct wf_err *err)
{
    static const char *const objects[] = {"add", "take", "count"};
    int rc = put_label(d, params, err);

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(objects); i++) {
        const json_t *v = json_object_get(params, objects[i]);
        if (v != NULL && !json_is_object(v))
            rc = wf_err_set(err, WF_E_INVAL, "\"%s\" is an object by fields' names.", objects[i]);
    }
    if (rc == 0)
        rc = put_fields(d, json_object_get(params, "set"), err);
    if (rc == 0)
        rc = put_unset(d, json_object_get(params, "unset"), err);
    if (rc == 0)
        rc = put_counts(d, json_object_get(params, "count"), err);
    if (rc == 0)
        rc = put_members(d, json_object_get(params, "add"), WF_RECORD_ADD, err);
    if (rc == 0)
        rc = put_members(d, json_object_get(params, "take"), WF_RECORD_TAKE, err);
    return rc;
}

/* Of what was set while weft was out of reach, at `made`, those fields stay that nobody has written
 * since: the later write wins, whichever comes first. So the same edit sent twice does nothing. */
static int drop_older(const struct wf_record_row *row, int64_t made_ms, json_t *set,
                      struct wf_err *err)
{
    struct wf_record r;
    const char *field;
    json_t *v;
    void *tmp;
    int rc;

    wf_record_init(&r);
    rc = wf_record_read(&r, row->state, err);
    json_object_foreach_safe(set, tmp, field, v)
    {
        if (rc == 0 && wf_hlc_ms(wf_record_field_hlc(&r, wf_str_from(field))) >= made_ms)
            json_object_del(set, field);
    }
    wf_record_deinit(&r);
    return rc;
}

/* An edit that was made earlier: what of it still counts is written, and the record given. */
static int edit_late(struct wf_op_context *ctx, const struct wf_op_call *call, int64_t made_ms,
                     json_t **out_result, struct wf_err *err)
{
    bool only_there = json_is_true(json_object_get(call->params, "there"));
    json_t *set = json_deep_copy(json_object_get(call->params, "set"));
    json_t *params = json_copy((json_t *)(uintptr_t)call->params);
    struct wf_op_call rest = *call;
    struct wf_reader *reader = NULL;
    struct name name = {.space = 0};
    struct wf_record_row row;
    struct wf_arena arena;
    int rc = set && params ? wf_store_reader_get(ctx->store, &reader, err)
                           : wf_err_set(err, WF_E_INVAL, "\"made\" goes with \"set\".");

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0) {
        rc = read_name(reader, call->params, &arena, &name, err);
        if (rc == 0)
            rc = wf_records_get(reader, name.space, name.collection, name.key, &arena, &row, NULL);
        wf_store_reader_put(ctx->store, reader);
    }
    if (rc == 0)
        rc = drop_older(&row, made_ms, set, err);
    else if (rc == WF_E_NOENT && name.space != 0)
        rc = only_there ? json_object_clear(set) : 0;
    if (rc == 0 && json_object_size(set) == 0) {
        rc = give(ctx, call, &name, &arena, out_result, err);
    } else if (rc == 0) {
        json_object_set(params, "set", set);
        rest.params = params;
        rc = write_one(ctx, &rest, gather_edit, out_result, err);
    }
    wf_arena_deinit(&arena);
    json_decref(params);
    json_decref(set);
    return rc;
}

int wf_op__records_edit(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range times = {1, INT64_MAX, 0};
    int64_t made_ms = 0;
    int rc = wf_param_int(call->params, "made", times, &made_ms, err);

    if (rc != 0)
        return rc;
    return made_ms > 0 ? edit_late(ctx, call, made_ms, out_result, err)
                       : write_one(ctx, call, gather_edit, out_result, err);
}

int wf_op__records_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    struct wf_record_row row;
    struct name n = {.space = 0};
    struct wf_arena arena;
    int rc = wf_store_reader_get(ctx->store, &reader, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = read_name(reader, call->params, &arena, &n, err);
    if (rc == 0) /* that it is there */
        rc = wf_records_get(reader, n.space, n.collection, n.key, &arena, &row, err);
    wf_store_reader_put(ctx->store, reader);
    if (rc == 0)
        rc = check_own(n.collection, err);
    if (rc == 0)
        rc = remove_record(ctx, &n, err);
    wf_arena_deinit(&arena);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

/* ---- many at once ---- */

static int gather_many(struct wf_op_context *ctx, const json_t *records, const struct name *space,
                       struct wf_arena *arena, struct wf_record_edit *edits, struct wf_err *err)
{
    json_t *v;
    size_t i;

    if (edits == NULL)
        return wf_op__no_memory(err);
    json_array_foreach(records, i, v)
    {
        static const char *const known[] = {"collection", "key", "fields", "label", NULL};
        enum wf_label label = WF_LABEL_SECRET;
        struct draft d;
        int rc = json_is_object(v) ? wf_param_known(v, known, err)
                                   : wf_err_set(err, WF_E_INVAL, "A record is an object.");
        begin_draft(&d, arena);
        if (rc == 0)
            rc = wf_param_str(v, "collection", true, &edits[i].collection, err);
        if (rc == 0)
            rc = wf_param_str(v, "key", true, &edits[i].key, err);
        if (rc == 0)
            rc = check_own(edits[i].collection, err);
        if (rc == 0)
            rc = gather_put(&d, v, err);
        put_name(&d, edits[i].collection, edits[i].key);
        if (rc == 0)
            rc = label_of(ctx, &d, space, &label, err);
        if (rc == 0 && label > space->least) {
            struct name n = *space;
            n.collection = edits[i].collection;
            n.key = edits[i].key;
            rc = part_from_old(ctx, &n, label, arena, err);
        }
        edits[i].label = (uint8_t)label;
        edits[i].ops = d.ops;
        edits[i].n_ops = d.n;
        wf_buf_deinit(&d.text);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int wf_op__records_write(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    const json_t *records = json_object_get(call->params, "records");
    size_t n = json_array_size(records);
    struct wf_record_edit *edits = NULL;
    struct wf_reader *reader = NULL;
    struct name space = {.space = 0};
    struct wf_arena arena;
    struct wf_str name;
    int rc = wf_param_str(call->params, "space", false, &name, err);

    if (rc == 0 && (n == 0 || n > WF_LIMIT_CHANGE_ITEMS))
        rc = wf_err_set(err, WF_E_INVAL, "\"records\" is an array of 1 to %d records.",
                        WF_LIMIT_CHANGE_ITEMS);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &reader, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = find_space(reader, name, &arena, &space, err);
    wf_store_reader_put(ctx->store, reader);
    if (rc == 0)
        edits = wf_arena_array(&arena, n, sizeof(*edits));
    if (rc == 0)
        rc = gather_many(ctx, records, &space, &arena, edits, err);
    if (rc == 0)
        rc = wf_records_write(ctx->records, space.space, edits, n, err);
    wf_arena_deinit(&arena);
    return rc == 0 ? wf_op__give(json_pack("{s:I}", "written", (json_int_t)n), out_result, err)
                   : rc;
}

/* ---- who listens ---- */

void wf_op_record_changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    struct wf_op_context *ctx = ud;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    struct wf_str name;
    json_t *v = NULL;

    if (ctx->hub == NULL || !wf_hub_is_heard(ctx->hub) ||
        wf_store_reader_get(ctx->store, &reader, NULL) != 0)
        return;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    if (wf_records_space(reader, space, &arena, &name, NULL) == 0)
        v = json_pack("{s:o, s:o, s:o}", "space", wf_json_str(name), "collection",
                      wf_json_str(collection), "key", wf_json_str(key));

    wf_store_reader_put(ctx->store, reader);
    wf_arena_deinit(&arena);
    if (v != NULL)
        wf_hub_publish(ctx->hub, "records", v);
    if (v != NULL && wf_str_eq(collection, WF_STR("weft.chat")))
        wf_hub_publish(ctx->hub, "chats", v);
    json_decref(v);
}
