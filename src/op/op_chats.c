/* SPDX-License-Identifier: Apache-2.0 */
/* chats.*: chats with models, on all devices of their owner. They are records of the space "me":
 * "weft.chat" ID with title, model, n and updated, "weft.message" ID/NUMBER with the message as the
 * page keeps it. A put writes what is different. A chat's label is the highest of what was said in
 * it so far. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mesh/sharing.h"
#include "op/op_internal.h"
#include "op/open_label.h"
#include "space/record.h"

#define SPACE_ME 1
#define CHAT WF_STR("weft.chat")
#define MESSAGE WF_STR("weft.message")
#define CHATS_MAX 1000
#define MESSAGES_MAX 1000
#define ID_BYTES 16
#define KEY_BYTES 32

static bool is_id(struct wf_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] == 0 || strchr("0123456789abcdef", id.ptr[i]) == NULL)
            return false;
    }
    return id.len == ID_BYTES;
}

static int read_id(const json_t *params, struct wf_str *out, struct wf_err *err)
{
    int rc = wf_param_str(params, "id", true, out, err);

    if (rc == 0 && !is_id(*out))
        rc = wf_err_set(err, WF_E_INVAL, "The id of a chat has %d hexadecimal digits.", ID_BYTES);
    return rc;
}

static void message_key(char out[KEY_BYTES], struct wf_str id, size_t i)
{
    (void)snprintf(out, KEY_BYTES, "%.*s/%06zu", WF_STR_ARG(id), i);
}

/* ---- reading ---- */

static int fields_of(struct wf_reader *r, struct wf_str collection, struct wf_str key,
                     struct wf_arena *arena, struct wf_record_row *row, json_t **out,
                     struct wf_err *err)
{
    int rc = wf_records_get(r, SPACE_ME, collection, key, arena, row, err);

    return rc == 0 ? wf_record_row_json(row, out, err) : rc;
}

static json_t *chat_json(const struct wf_record_row *row, json_t *fields)
{
    json_t *updated = json_object_get(fields, "updated");

    return json_pack("{s:o, s:s, s:s, s:I, s:s}", "id", wf_json_str(row->key), "title",
                     wf_json_text(fields, "title"), "model", wf_json_text(fields, "model"),
                     "updated", json_integer_value(updated), "label",
                     wf_label_name((enum wf_label)row->label));
}

int wf_op__chats_list(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    const struct wf_records_page page = {.space = SPACE_ME, .collection = CHAT, .n_max = CHATS_MAX};
    json_t *list = json_array(), *fields;
    struct wf_record_row *rows = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    (void)call;
    if (rc != 0) {
        json_decref(list);
        return rc;
    }
    wf_arena_init(&arena, 4096, WF_OP_ARENA_BYTES_MAX);
    rc = wf_records_list(r, &page, &arena, &rows, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        fields = NULL;
        rc = wf_record_row_json(&rows[i], &fields, err);
        if (rc == 0 && json_array_append_new(list, chat_json(&rows[i], fields)) != 0)
            rc = wf_op__no_memory(err);
        json_decref(fields);
    }
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    if (rc == 0)
        return wf_op__give(json_pack("{s:o}", "chats", list), out_result, err);
    json_decref(list);
    return rc;
}

/* The message, or NULL: it is not there (any more, or yet). */
static json_t *message_of(struct wf_reader *r, struct wf_str id, size_t i, struct wf_arena *arena)
{
    char key[KEY_BYTES];
    struct wf_record_row row;
    json_t *fields = NULL, *m = NULL;

    message_key(key, id, i);
    if (fields_of(r, MESSAGE, wf_str_from(key), arena, &row, &fields, NULL) == 0)
        m = json_incref(json_object_get(fields, "message"));
    json_decref(fields);
    return m;
}

static int read_chat(struct wf_reader *r, struct wf_str id, struct wf_arena *arena, json_t **out,
                     struct wf_err *err)
{
    json_t *fields = NULL, *messages = json_array(), *m;
    struct wf_record_row row;
    size_t n;
    int rc = fields_of(r, CHAT, id, arena, &row, &fields, err);

    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "There is no such chat. It may have been removed.");
    n = (size_t)json_integer_value(json_object_get(fields, "n"));
    for (size_t i = 0; rc == 0 && i < WF_MIN(n, (size_t)MESSAGES_MAX); i++) {
        if ((m = message_of(r, id, i, arena)) != NULL)
            (void)json_array_append_new(messages, m);
    }
    if (rc == 0) {
        *out = chat_json(&row, fields);
        if (*out == NULL || json_object_set(*out, "messages", messages) != 0)
            rc = wf_op__no_memory(err);
    }
    json_decref(fields);
    json_decref(messages);
    return rc;
}

int wf_op__chats_get(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_str id;
    int rc = read_id(call->params, &id, err);

    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, WF_OP_ARENA_BYTES_MAX);
    rc = read_chat(r, id, &arena, out_result, err);
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    return rc;
}

enum wf_label wf_op_chat_label(struct wf_op_context *ctx, struct wf_str id)
{
    enum wf_label label = WF_LABEL_PUBLIC; /* of one that is not kept yet: what it says counts */
    struct wf_reader *r = NULL;
    struct wf_record_row row;
    struct wf_arena arena;

    if (wf_store_reader_get(ctx->store, &r, NULL) != 0)
        return WF_LABEL_SECRET;
    wf_arena_init(&arena, 4096, WF_OP_ARENA_BYTES_MAX);
    if (wf_records_get(r, SPACE_ME, CHAT, id, &arena, &row, NULL) == 0)
        label = (enum wf_label)row.label;
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    return label;
}

/* ---- writing ---- */

struct put {
    struct wf_op_context *ctx;
    struct wf_str id;
    struct wf_arena arena;
    json_t *before; /* the messages as they were; an array */
    enum wf_label label;
};

static int write_record(struct put *p, struct wf_str collection, struct wf_str key,
                        const struct wf_record_op *ops, size_t n, struct wf_err *err)
{
    const struct wf_record_edit e = {
        .collection = collection, .key = key, .label = (uint8_t)p->label, .ops = ops, .n_ops = n};

    return wf_records_write(p->ctx->records, SPACE_ME, &e, 1, err);
}

static int dump(struct put *p, json_t *v, struct wf_str *out, struct wf_err *err)
{
    struct wf_buf b;
    int rc = v == NULL ? WF_E_NOMEM : 0;

    wf_buf_init(&b, WF_LIMIT_RECORD_VALUE_BYTES);
    if (rc == 0)
        rc = wf_json_append(&b, v);
    if (rc == 0) {
        *out = wf_arena_dup(&p->arena, wf_buf_str(&b));
        rc = out->ptr != NULL ? 0 : WF_E_NOMEM;
    }
    wf_buf_deinit(&b);
    json_decref(v);
    return rc == 0 ? 0
                   : wf_err_set(err, rc,
                                rc == WF_E_LIMIT ? "A message of the chat is too long."
                                                 : "Out of memory (a chat).");
}

static int put_message(struct put *p, size_t i, json_t *m, struct wf_err *err)
{
    struct wf_record_op op = {.kind = WF_RECORD_SET, .field = WF_STR("message")};
    char key[KEY_BYTES];
    int rc = json_is_object(m) ? dump(p, json_incref(m), &op.value, err)
                               : wf_err_set(err, WF_E_INVAL, "A message is an object.");

    if (rc != 0)
        return rc;
    message_key(key, p->id, i);
    p->label = wf_label_max(p->label, wf_op_text_label(p->ctx, op.value));
    return write_record(p, MESSAGE, wf_str_from(key), &op, 1, err);
}

/* Messages that are different, and those that are gone. */
static int put_messages(struct put *p, const json_t *messages, struct wf_err *err)
{
    const struct wf_record_op gone = {.kind = WF_RECORD_DELETE};
    char key[KEY_BYTES];
    json_t *m;
    size_t i;
    int rc = 0;

    json_array_foreach(messages, i, m)
    {
        if (rc == 0 && !json_equal(m, json_array_get(p->before, i)))
            rc = put_message(p, i, m, err);
    }
    for (i = json_array_size(messages); rc == 0 && i < json_array_size(p->before); i++) {
        message_key(key, p->id, i);
        rc = write_record(p, MESSAGE, wf_str_from(key), &gone, 1, err);
    }
    return rc;
}

static int put_head(struct put *p, const json_t *params, size_t n, struct wf_err *err)
{
    struct wf_record_op ops[4] = {
        {.kind = WF_RECORD_SET, .field = WF_STR("model")},
        {.kind = WF_RECORD_SET, .field = WF_STR("n")},
        {.kind = WF_RECORD_SET, .field = WF_STR("title")},
        {.kind = WF_RECORD_SET, .field = WF_STR("updated")},
    };
    struct wf_str title = WF_STR(""), model = WF_STR("");
    int rc = wf_param_str(params, "title", false, &title, err);

    if (rc == 0)
        rc = wf_param_str(params, "model", false, &model, err);
    if (rc == 0)
        rc = dump(p, wf_json_str(model), &ops[0].value, err);
    if (rc == 0)
        rc = dump(p, json_integer((json_int_t)n), &ops[1].value, err);
    if (rc == 0)
        rc = dump(p, wf_json_str(title), &ops[2].value, err);
    if (rc == 0)
        rc = dump(p, json_integer((json_int_t)wf_clock_wall_ms(p->ctx->clock)), &ops[3].value, err);
    p->label = wf_label_max(p->label, wf_op_text_label(p->ctx, title));
    return rc == 0 ? write_record(p, CHAT, p->id, ops, 4, err) : rc;
}

static int read_before(struct put *p, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    enum wf_label was_label = WF_LABEL_SECRET;
    json_t *was = NULL;
    int rc = wf_store_reader_get(p->ctx->store, &r, err);

    if (rc != 0)
        return rc;
    if (read_chat(r, p->id, &p->arena, &was, NULL) == 0) {
        p->before = json_incref(json_object_get(was, "messages"));
        (void)!wf_label_parse(wf_str_from(wf_json_text(was, "label")), &was_label);
        p->label = wf_label_max(p->label, was_label);
    }
    wf_store_reader_put(p->ctx->store, r);
    json_decref(was);
    return 0;
}

int wf_op__chats_put(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    const json_t *messages = json_object_get(call->params, "messages");
    struct put p = {.ctx = ctx, .label = wf_op_own_label(ctx)};
    int rc = read_id(call->params, &p.id, err);

    if (rc == 0 && (!json_is_array(messages) || json_array_size(messages) > MESSAGES_MAX))
        rc = wf_err_set(err, WF_E_INVAL, "\"messages\" is a list of at most %d.", MESSAGES_MAX);
    if (rc != 0)
        return rc;
    wf_arena_init(&p.arena, 4096, WF_OP_ARENA_BYTES_MAX);
    rc = read_before(&p, err);
    if (rc == 0)
        rc = put_messages(&p, messages, err);
    if (rc == 0)
        rc = put_head(&p, call->params, json_array_size(messages), err);
    wf_sharing_poke(ctx->sharing);
    json_decref(p.before);
    wf_arena_deinit(&p.arena);
    return rc == 0
               ? wf_op__give(json_pack("{s:s}", "label", wf_label_name(p.label)), out_result, err)
               : rc;
}

int wf_op__chats_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const struct wf_record_op gone = {.kind = WF_RECORD_DELETE};
    struct put p = {.ctx = ctx, .label = wf_op_own_label(ctx)};
    json_t *none = json_array();
    int rc = none == NULL ? wf_op__no_memory(err) : read_id(call->params, &p.id, err);

    wf_arena_init(&p.arena, 4096, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = read_before(&p, err);
    if (rc == 0)
        rc = put_messages(&p, none, err);
    if (rc == 0 && p.before != NULL)
        rc = write_record(&p, CHAT, p.id, &gone, 1, err);
    wf_sharing_poke(ctx->sharing);
    json_decref(none);
    json_decref(p.before);
    wf_arena_deinit(&p.arena);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}
