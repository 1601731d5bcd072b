/* SPDX-License-Identifier: Apache-2.0 */
/* drafts.*: the list, one more, reading, editing, the past of one. A draft is named by its id or as
 * SPACE/NAME. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "base/limits.h"
#include "crdt/types.h"
#include "mesh/sharing.h"
#include "op/op_internal.h"
#include "space/draft.h"
#include "space/history.h"
#include "space/rights.h"
#include "space/space.h"
#include "store/spaces.h"

#define PAGE 100
#define PAGE_MAX 1000

static void tell(struct wf_op_context *ctx)
{
    if (ctx->hub)
        wf_hub_publish(ctx->hub, "drafts", NULL);
    wf_sharing_poke(ctx->sharing);
}

static json_t *draft_json(const struct wf_draft_row *d)
{
    char id[2 * WF_DRAFT_UID_BYTES + 1];

    sodium_bin2hex(id, sizeof(id), d->uid, sizeof(d->uid));
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I}", "id", id, "space",
                     wf_json_str(d->space_name), "name", wf_json_str(d->name), "label",
                     wf_json_str(d->label), "created", (json_int_t)d->created_ms, "updated",
                     (json_int_t)d->updated_ms);
}

/* ---- which one ---- */

static int find_row(struct wf_reader *r, const json_t *params, struct wf_arena *arena,
                    struct wf_draft_row *out, struct wf_err *err)
{
    struct wf_str id, address, space, name;
    struct wf_space s;
    int rc = wf_param_str(params, "id", false, &id, err);

    if (rc == 0)
        rc = wf_param_str(params, "draft", false, &address, err);
    if (rc != 0)
        return rc;
    if (id.len > 0)
        return wf_draft_row_uid(r, id, arena, out, err);
    if (address.len == 0)
        return wf_err_set(err, WF_E_INVAL, "\"draft\" is missing: SPACE/NAME.");
    rc = wf_space_split(address, &space, &name, err);
    if (rc == 0)
        rc = wf_space_by_name(r, space, arena, &s, err);
    return rc == 0 ? wf_draft_row_named(r, s.id, name, arena, out, err) : rc;
}

/* The draft that a call's parameters name, where it is there for who asks; its texts live in the
 * arena. */
static int find(struct wf_op_context *ctx, const struct wf_op_call *call, struct wf_arena *arena,
                struct wf_draft_row *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    if (rc != 0)
        return rc;
    rc = find_row(r, call->params, arena, out, err);
    wf_store_reader_put(ctx->store, r);
    if (rc == 0 && wf_op__hides(call, out->label))
        return wf_err_set(err, WF_E_NOENT, "There is no such draft.");
    return rc;
}

/* The row anew, with what else is to be said of it. */
static int give_row(struct wf_op_context *ctx, int64_t id, json_t *more, json_t **out_result,
                    struct wf_err *err)
{
    struct wf_draft_row row;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    json_t *v = NULL;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    if (rc == 0) {
        wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
        rc = wf_draft_row_get(r, id, &arena, &row, err);
        wf_store_reader_put(ctx->store, r);
        v = rc == 0 ? draft_json(&row) : NULL;
        wf_arena_deinit(&arena);
    }
    if (v && more && json_object_update(v, more) != 0) {
        json_decref(v);
        v = NULL;
    }
    json_decref(more);
    return rc == 0 ? wf_op__give(v, out_result, err) : rc;
}

/* ---- the list ---- */

/* "MS-ID" of the last one of the page before. */
static int read_after(struct wf_str after, struct wf_draft_page *page, struct wf_err *err)
{
    size_t dash = wf_str_find_byte(after, '-', 0);

    if (after.len == 0 ||
        (dash != SIZE_MAX && wf_str_to_i64(wf_str_sub(after, 0, dash), &page->before_ms) &&
         wf_str_to_i64(wf_str_sub(after, dash + 1, after.len), &page->before_id)))
        return 0;
    return wf_err_set(err, WF_E_INVAL, "\"after\" is what \"next\" said before.");
}

static int list(struct wf_reader *r, const struct wf_op_call *call, struct wf_arena *arena,
                json_t *array, char next[64], struct wf_err *err)
{
    const json_t *params = call->params;
    const struct wf_param_range limits = {1, PAGE_MAX, PAGE};
    struct wf_draft_page page = {.space = 0};
    struct wf_draft_row *items = NULL;
    struct wf_str space, after;
    struct wf_space s;
    int64_t limit = 0;
    size_t n = 0;
    int rc = wf_param_str(params, "space", false, &space, err);

    if (rc == 0)
        rc = wf_param_str(params, "after", false, &after, err);
    if (rc == 0)
        rc = wf_param_int(params, "limit", limits, &limit, err);
    if (rc == 0)
        rc = read_after(after, &page, err);
    if (rc == 0 && space.len > 0) {
        rc = wf_space_by_name(r, space, arena, &s, err);
        page.space = rc == 0 ? s.id : 0;
    }
    page.n_max = (size_t)limit;
    if (rc == 0)
        rc = wf_draft_row_page(r, &page, arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!wf_op__hides(call, items[i].label))
            json_array_append_new(array, draft_json(&items[i]));
    }
    next[0] = 0;
    if (rc == 0 && n == page.n_max)
        snprintf(next, 64, "%" PRId64 "-%" PRId64, items[n - 1].updated_ms, items[n - 1].id);
    return rc;
}

int wf_op__drafts_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *array = json_array();
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    char next[64] = "";
    int rc = wf_store_reader_get(ctx->store, &r, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = list(r, call, &arena, array, next, err);
    if (rc == 0)
        rc = wf_op__give(json_pack("{s:O, s:o}", "drafts", array, "next",
                                   next[0] ? json_string(next) : json_null()),
                         out_result, err);
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- making, naming, removing ---- */

static int set_first_text(struct wf_op_context *ctx, int64_t id, struct wf_str text,
                          struct wf_err *err)
{
    struct wf_draft *d = NULL;
    int rc;

    if (text.len == 0)
        return 0;
    rc = wf_draft_open(ctx->drafts, id, &d, err);
    if (rc == 0)
        rc = wf_draft_set_text(d, text, NULL, err);
    wf_draft_close(d);
    return rc;
}

/* The id that who makes a draft gave it while weft was out of reach: 32 hex digits; *out_has: there
 * is one. */
static int read_uid(const json_t *params, uint8_t out[WF_DRAFT_UID_BYTES], bool *out_has,
                    struct wf_err *err)
{
    struct wf_str id;
    size_t n = 0;
    int rc = wf_param_str(params, "id", false, &id, err);

    *out_has = rc == 0 && id.len > 0;
    if (*out_has && (sodium_hex2bin(out, WF_DRAFT_UID_BYTES, id.ptr, id.len, NULL, &n, NULL) != 0 ||
                     n != WF_DRAFT_UID_BYTES || id.len != 2 * WF_DRAFT_UID_BYTES))
        return wf_err_set(err, WF_E_INVAL, "A draft's id has 32 hex digits.");
    return rc;
}

/* The draft of that id where it is here: made again, it is the same one. */
static int find_made(struct wf_op_context *ctx, const struct wf_op_call *call, int64_t *out_id)
{
    struct wf_draft_row row;
    struct wf_arena arena;
    json_t *by_id = json_pack("{s:O}", "id", json_object_get(call->params, "id"));
    struct wf_op_call other = *call;
    int rc = by_id ? 0 : WF_E_NOMEM;

    other.params = by_id;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = find(ctx, &other, &arena, &row, NULL);
    *out_id = rc == 0 ? row.id : 0;
    wf_arena_deinit(&arena);
    json_decref(by_id);
    return rc;
}

int wf_op__drafts_create(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_str space, name, text;
    struct wf_space s = {.id = 0};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    uint8_t uid[WF_DRAFT_UID_BYTES];
    bool has_uid = false;
    int64_t id = 0;
    int rc = wf_param_str(call->params, "space", false, &space, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "text", false, &text, err);
    if (rc == 0)
        rc = wf_space_name_check(name, "draft", err);
    if (rc == 0)
        rc = read_uid(call->params, uid, &has_uid, err);
    if (rc == 0 && has_uid && find_made(ctx, call, &id) == 0)
        return give_row(ctx, id, NULL, out_result, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = wf_space_by_name(r, space, &arena, &s, err);
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = wf_rights_check(ctx->rights, s.id, err);
    if (rc == 0)
        rc = wf_draft_row_add_uid(ctx->store, s.id, name, has_uid ? uid : NULL, &id, err);
    if (rc == 0)
        rc = set_first_text(ctx, id, text, err);
    if (rc != 0)
        return rc;
    tell(ctx);
    return give_row(ctx, id, NULL, out_result, err);
}

/* A person may raise a label; lowering is left out: what a label was raised for may still stand in
 * the draft's history. */
static int raise_label(struct wf_op_context *ctx, const struct wf_draft_row *row,
                       struct wf_str name, struct wf_err *err)
{
    enum wf_label label, now;

    if (!wf_label_parse(name, &label))
        return wf_err_set(err, WF_E_INVAL,
                          "\"label\" is one of public, internal, private, secret.");
    if (!wf_label_parse(row->label, &now) || label < now)
        return wf_err_set(err, WF_E_INVAL,
                          "It is %.*s, and a draft's label is only ever raised: what it was raised "
                          "for stands in its history. Copy what others may see into a new draft.",
                          (int)row->label.len, row->label.ptr);
    return wf_draft_row_label(ctx->store, row->id, name, err);
}

int wf_op__drafts_change(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_str name = WF_STR(""), label = WF_STR("");
    struct wf_draft_row row = {.id = 0};
    struct wf_arena arena;
    int rc = wf_param_str(call->params, "name", false, &name, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "label", false, &label, err);
    if (rc == 0 && name.len == 0 && label.len == 0)
        rc = wf_err_set(err, WF_E_INVAL, "\"name\" or \"label\" is missing.");
    if (rc == 0 && name.len > 0)
        rc = wf_space_name_check(name, "draft", err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    if (rc == 0)
        rc = wf_rights_check(ctx->rights, row.space, err);
    if (rc == 0 && label.len > 0)
        rc = raise_label(ctx, &row, label, err);
    if (rc == 0 && name.len > 0)
        rc = wf_draft_row_rename(ctx->store, row.id, name, err);
    wf_arena_deinit(&arena);
    if (rc != 0)
        return rc;
    tell(ctx);
    return give_row(ctx, row.id, NULL, out_result, err);
}

int wf_op__drafts_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_draft_row row;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    if (rc == 0)
        rc = wf_rights_check(ctx->rights, row.space, err);
    if (rc == 0)
        rc = wf_draft_remove(ctx->drafts, row.id, err);
    wf_arena_deinit(&arena);
    if (rc != 0)
        return rc;
    tell(ctx);
    return wf_op__give(json_object(), out_result, err);
}

/* ---- reading and editing ---- */

/* The text, and what else stands in the document: other roots as JSON by their names. */
static int read_doc(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    json_t *out = ud, *roots = json_object(), *value = NULL;
    struct wf_str name;
    uint64_t root = 0;
    struct wf_buf buf;
    size_t i = 0;
    int rc = 0;

    wf_buf_init(&buf, WF_LIMIT_DRAFT_BYTES * 2);
    json_object_set_new(out, "text", json_null());
    while (rc == 0 && wf_crdt_root_next(doc, &i, &name, &root)) {
        bool is_text = wf_str_eq(name, WF_DRAFT_ROOT);
        wf_buf_reset(&buf);
        if (is_text && wf_crdt_type_kind(doc, root) == WF_CRDT_UNTYPED)
            rc = wf_crdt_root(doc, name, WF_CRDT_TEXT, &root);
        is_text = is_text && wf_crdt_type_kind(doc, root) == WF_CRDT_TEXT;
        if (rc == 0)
            rc = is_text ? wf_crdt_text_get(doc, root, &buf) : wf_crdt_json(doc, root, &buf);
        if (rc != 0)
            break;
        if (is_text)
            json_object_set_new(out, "text", wf_json_str(wf_buf_str(&buf)));
        else if (name.len > 0 && wf_json_parse(wf_buf_str(&buf), &value, NULL) == 0)
            json_object_setn_new(roots, name.ptr, name.len, value);
    }
    wf_buf_deinit(&buf);
    json_object_set_new(out, "others", roots);
    return rc == 0 ? 0 : wf_err_set(err, rc, "The draft could not be read.");
}

static int read_version(struct wf_op_context *ctx, int64_t id, int64_t version, json_t *out,
                        struct wf_err *err)
{
    struct wf_crdt *doc = NULL;
    int rc = wf_history_open(ctx->drafts, id, (uint64_t)version, &doc, err);

    if (rc == 0)
        rc = read_doc(out, doc, err);
    wf_crdt_free(doc);
    if (rc == 0)
        json_object_set_new(out, "version", json_integer(version));
    return rc;
}

static int read_now(struct wf_op_context *ctx, int64_t id, json_t *out, struct wf_err *err)
{
    struct wf_draft *d = NULL;
    uint64_t version = 0;
    /* Before the text is read: who edits what they got must not undo what came between. */
    int rc = wf_history_last(ctx->drafts, id, &version, err);

    if (rc == 0)
        rc = wf_draft_open(ctx->drafts, id, &d, err);
    if (rc == 0)
        rc = wf_draft_read(d, read_doc, out, err);
    wf_draft_close(d);
    if (rc == 0)
        json_object_set_new(out, "version", json_integer((json_int_t)version));
    return rc;
}

int wf_op__drafts_get(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    const struct wf_param_range versions = {0, INT64_MAX, 0};
    struct wf_draft_row row;
    struct wf_arena arena;
    int64_t version = 0, id = 0;
    json_t *more;
    int rc = wf_param_int(call->params, "version", versions, &version, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    id = rc == 0 ? row.id : 0;
    wf_arena_deinit(&arena);
    if (rc != 0)
        return rc;
    more = json_object();
    rc = version > 0 ? read_version(ctx, id, version, more, err) : read_now(ctx, id, more, err);
    if (rc == 0)
        return give_row(ctx, id, more, out_result, err);
    json_decref(more);
    return rc;
}

/* What a change gives: the row, whether it changed anything, the version it is now. */
static int give_changed(struct wf_op_context *ctx, int64_t id, bool changed, json_t **out_result,
                        struct wf_err *err)
{
    uint64_t version = 0;
    int rc = wf_history_last(ctx->drafts, id, &version, err);

    if (rc != 0)
        return rc;
    return give_row(ctx, id,
                    json_pack("{s:b, s:I}", "changed", changed, "version", (json_int_t)version),
                    out_result, err);
}

int wf_op__drafts_edit(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range versions = {0, INT64_MAX, 0};
    struct wf_draft *d = NULL;
    struct wf_draft_row row;
    struct wf_arena arena;
    struct wf_str text;
    int64_t base = 0, id = 0;
    bool changed = false;
    int rc = wf_param_str(call->params, "text", false, &text, err);

    if (rc == 0 && !json_is_string(json_object_get(call->params, "text")))
        rc = wf_err_set(err, WF_E_INVAL, "\"text\" is missing.");
    if (rc == 0)
        rc = wf_param_int(call->params, "base", versions, &base, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    id = rc == 0 ? row.id : 0;
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = wf_draft_open(ctx->drafts, id, &d, err);
    if (rc == 0)
        rc = wf_history_edit(d, (uint64_t)base, text, &changed, err);
    wf_draft_close(d);
    return rc == 0 ? give_changed(ctx, id, changed, out_result, err) : rc;
}

/* ---- the past ---- */

static json_t *version_json(const struct wf_version *v)
{
    char device[2 * WF_DRAFT_DEVICE_BYTES + 1];

    sodium_bin2hex(device, sizeof(device), v->device, WF_DRAFT_DEVICE_BYTES);
    return json_pack("{s:I, s:I, s:I, s:s, s:I, s:I}", "version", (json_int_t)v->seq, "from",
                     (json_int_t)v->from_ms, "to", (json_int_t)v->to_ms, "device", device,
                     "changes", (json_int_t)v->n_changes, "bytes", (json_int_t)v->bytes);
}

int wf_op__drafts_history(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_version *items = NULL;
    json_t *array = json_array();
    struct wf_draft_row row;
    struct wf_arena arena;
    size_t n = 0;
    int rc;

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    if (rc == 0)
        rc = wf_history_list(ctx->drafts, row.id, &arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(array, version_json(&items[i]));
    if (rc == 0)
        rc = give_row(ctx, row.id, json_pack("{s:O}", "versions", array), out_result, err);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

int wf_op__drafts_restore(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range versions = {0, INT64_MAX, 0};
    struct wf_draft *d = NULL;
    struct wf_draft_row row;
    struct wf_arena arena;
    int64_t version = 0, id = 0;
    bool changed = false;
    int rc = wf_param_int(call->params, "version", versions, &version, err);

    if (rc == 0 && version == 0)
        rc = wf_err_set(err, WF_E_INVAL, "\"version\" is missing: one of those of the history.");
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = find(ctx, call, &arena, &row, err);
    id = rc == 0 ? row.id : 0;
    wf_arena_deinit(&arena);
    if (rc == 0)
        rc = wf_draft_open(ctx->drafts, id, &d, err);
    if (rc == 0)
        rc = wf_history_restore(d, (uint64_t)version, &changed, err);
    wf_draft_close(d);
    return rc == 0 ? give_changed(ctx, id, changed, out_result, err) : rc;
}

bool wf_op_draft_hidden(struct wf_op_context *ctx, struct wf_str space, struct wf_str name)
{
    const struct wf_op_call other = {.hides_secret = true, .fd = -1};
    struct wf_reader *r = NULL;
    struct wf_draft_row row;
    struct wf_arena arena;
    struct wf_space s;
    int rc = wf_store_reader_get(ctx->store, &r, NULL);

    if (rc != 0)
        return true;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = wf_draft_row_uid(r, name, &arena, &row, NULL);
    if (rc != 0) { /* it is no id */
        rc = wf_space_by_name(r, space, &arena, &s, NULL);
        if (rc == 0)
            rc = wf_draft_row_named(r, s.id, name, &arena, &row, NULL);
    }
    wf_store_reader_put(ctx->store, r);
    rc = rc == WF_E_NOENT ? 0 : rc != 0 || wf_op__hides(&other, row.label);
    wf_arena_deinit(&arena);
    return rc != 0;
}
