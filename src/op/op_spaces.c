/* SPDX-License-Identifier: Apache-2.0 */
/* spaces.*: what there is, one more. */
#include <sodium.h>

#include "op/op_internal.h"
#include "privacy/label.h"
#include "space/space.h"
#include "store/spaces.h"

static json_t *space_json(const struct wf_space *s)
{
    char id[2 * WF_SPACE_UID_BYTES + 1];

    sodium_bin2hex(id, sizeof(id), s->uid, sizeof(s->uid));
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "id", id, "name", wf_json_str(s->name),
                     "label", wf_json_str(s->label), "created", (json_int_t)s->created_ms, "drafts",
                     (json_int_t)s->n_drafts, "documents", (json_int_t)s->n_documents);
}

int wf_op__spaces_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    struct wf_space *items = NULL;
    json_t *array = json_array();
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    (void)call;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_space_list(r, &arena, &items, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(array, space_json(&items[i]));
    if (rc == 0)
        rc = wf_op__give(json_pack("{s:O}", "spaces", array), out_result, err);
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

int wf_op__spaces_create(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_str name, label = WF_STR("");
    struct wf_space made;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int64_t id = 0;
    enum wf_label known;
    int rc = wf_param_str(call->params, "name", true, &name, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "label", false, &label, err);
    if (rc == 0)
        rc = wf_space_name_check(name, "space", err);
    if (rc == 0 && label.len > 0 && !wf_label_parse(label, &known))
        rc = wf_err_set(err, WF_E_INVAL, "A label is public, internal, private or secret.");
    if (rc == 0)
        rc = wf_space_create(ctx->store, name, label, &id, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    made = (struct wf_space){.id = 0};
    rc = wf_space_by_name(r, name, &arena, &made, err);
    wf_store_reader_put(ctx->store, r);
    if (rc == 0)
        rc = wf_op__give(space_json(&made), out_result, err);
    wf_arena_deinit(&arena);
    return rc;
}
